/* SPDX-License-Identifier: MIT */
/*
 * nexthop.c - finds and lists nexthop objects and the members of groups.
 *
 * Owns:      the NEXTHOPS and MEMBERS trees.
 */
#include "reader.h"

_Static_assert(NETVANE_NEXTHOP_BLACKHOLE == NETVANE_NF_BLACKHOLE, "");
_Static_assert(NETVANE_NEXTHOP_GROUP == NETVANE_NF_GROUP, "");
_Static_assert(NETVANE_NEXTHOP_FDB == NETVANE_NF_FDB, "");

void nv_nexthop_show(const struct netvane_rec_nexthop *r, struct netvane_nexthop *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->nhid = (uint32_t)r->key[0];
    ret->flags = r->flags;
    ret->ifindex = r->ifindex;
    ret->family = r->family;
    ret->gw_family = r->gw_family;
    ret->scope = r->scope;
    ret->protocol = r->protocol;
    memcpy(ret->gateway, r->gateway, sizeof(ret->gateway));
    ret->encap_type = r->encap_type;
    ret->group_type = r->group_type;
    ret->encap = r->encap;
    ret->present = r->present;
    ret->member_count = r->member_count;
    ret->buckets = r->buckets;
    ret->idle_timer = r->idle_timer;
    ret->unbalanced_timer = r->unbalanced_timer;
}

int netvane_nexthop_get(const struct netvane_snap *snap, uint32_t nhid,
                        struct netvane_nexthop *ret_nexthop)
{
    struct nv_snap s;
    struct netvane_rec_nexthop rec;
    struct netvane_nexthop nexthop;
    const uint64_t key = nhid;
    int r = ret_nexthop ? nv_enter(snap, &s) : NETVANE_INVALID;
    if (r)
        return r;
    r = nv_leave(&s, nv_snap_find(&s, NETVANE_TREE_NEXTHOPS, &key, &rec));
    if (r)
        return r;
    nv_nexthop_show(&rec, &nexthop);
    return nv_out(ret_nexthop, &nexthop, sizeof(nexthop));
}

int netvane_nexthop_iter(const struct netvane_snap *snap, struct netvane_iter *ret_it)
{
    struct nv_iter it;
    int r = ret_it ? nv_iter_begin(snap, NV_ITER_NEXTHOPS, &it) : NETVANE_INVALID;
    if (r)
        return r;
    return nv_iter_started(&it, nv_snap_seek(&it.snap, NETVANE_TREE_NEXTHOPS, NULL, &it.cursor),
                           ret_it);
}

int netvane_nexthop_next(struct netvane_iter *iter, struct netvane_nexthop *ret_nexthop)
{
    struct nv_iter *it = nv_iter_of(iter);
    struct netvane_rec_nexthop rec;
    struct netvane_nexthop nexthop;
    int r = ret_nexthop ? nv_iter_enter(it, NV_ITER_NEXTHOPS) : NETVANE_INVALID;
    if (r != 1)
        return r;
    r = nv_iter_leave(it, nv_step(&it->cursor, &rec));
    if (r != 1)
        return r;
    nv_nexthop_show(&rec, &nexthop);
    r = nv_out(ret_nexthop, &nexthop, sizeof(nexthop));
    return r ? nv_iter_fail(it, r) : 1;
}

int netvane_nexthop_member(const struct netvane_snap *snap, uint32_t nhid, uint32_t index,
                           struct netvane_member *ret_member)
{
    struct nv_snap s;
    struct netvane_rec_member rec;
    struct netvane_member member;
    const uint64_t key = (uint64_t)nhid << 32 | index;
    int r = ret_member ? nv_enter(snap, &s) : NETVANE_INVALID;
    if (r)
        return r;
    r = nv_leave(&s, nv_snap_find(&s, NETVANE_TREE_MEMBERS, &key, &rec));
    if (r)
        return r;
    memset(&member, 0, sizeof(member));
    member.nhid = rec.member;
    member.weight = rec.weight;
    return nv_out(ret_member, &member, sizeof(member));
}
