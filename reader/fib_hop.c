/* SPDX-License-Identifier: MIT */
/*
 * fib_hop.c - the hops of a route, be they listed by it or members of a nexthop group.
 *
 * Assumes:   a route of a nexthop object has the hops that the kernel lists, and where it lists none
 *            (nexthop_compat_mode 0) one hop without a link that names the object.
 * Promises:  a set has at most HOPS_MAX hops, or it is BAD; so every walk over one ends.
 */
#include "fib.h"

#define HOPS_MAX 65536u

static void take_nexthop(struct netvane_rec_hop *hop, const struct netvane_rec_nexthop *nh)
{
    hop->ifindex = nh->ifindex;
    hop->gw_family = nh->gw_family;
    hop->flags = (uint8_t)nh->flags;
    hop->encap_type = nh->encap_type;
    hop->encap = nh->encap;
    memcpy(hop->gateway, nh->gateway, sizeof(hop->gateway));
}

int nv_fib_hops_open(const struct nv_snap *s, uint32_t set, struct nv_fib_hops *ret_hops)
{
    struct netvane_rec_nexthop nh;
    uint64_t key = (uint64_t)set << 32;
    int w = nv_snap_find(s, NETVANE_TREE_HOPS, &key, &ret_hops->first);
    if (nv_unlikely(w != NV_TREE_OK))
        return NV_TREE_BAD;
    ret_hops->set = set;
    ret_hops->count = ret_hops->first.count;
    ret_hops->members = false;
    if (nv_unlikely(!ret_hops->count || ret_hops->count > HOPS_MAX))
        return NV_TREE_BAD;
    if (nv_likely(ret_hops->first.ifindex || !ret_hops->first.nhid))
        return NV_TREE_OK;
    key = ret_hops->first.nhid;
    w = nv_snap_find(s, NETVANE_TREE_NEXTHOPS, &key, &nh);
    if (w != NV_TREE_OK) /* the object is not known yet: a hop that leads nowhere */
        return w == NV_TREE_END ? NV_TREE_OK : w;
    if (!(nh.present & NETVANE_NF_GROUP)) {
        take_nexthop(&ret_hops->first, &nh);
        return NV_TREE_OK;
    }
    ret_hops->members = true;
    ret_hops->count = nh.member_count;
    return nh.member_count <= HOPS_MAX ? NV_TREE_OK : NV_TREE_BAD;
}

void nv_fib_hop_of_info(const struct netvane_region_info *info, struct netvane_rec_hop *ret_hop)
{
    memset(ret_hop, 0, sizeof(*ret_hop));
    ret_hop->count = 1;
    ret_hop->weight = 1;
    ret_hop->ifindex = info->ifindex;
    ret_hop->flags = info->hop_flags;
    ret_hop->gw_family = info->gw_family;
    memcpy(ret_hop->gateway, info->gateway, sizeof(ret_hop->gateway));
}

static int member_at(const struct nv_snap *s, uint32_t group, uint32_t index,
                     struct netvane_rec_hop *hop)
{
    struct netvane_rec_member member;
    struct netvane_rec_nexthop nh;
    uint64_t key = (uint64_t)group << 32 | index;
    int w = nv_snap_find(s, NETVANE_TREE_MEMBERS, &key, &member);
    if (w != NV_TREE_OK)
        return NV_TREE_BAD;
    hop->weight = (uint16_t)member.weight;
    key = member.member;
    w = nv_snap_find(s, NETVANE_TREE_NEXTHOPS, &key, &nh);
    if (w == NV_TREE_OK)
        take_nexthop(hop, &nh);
    else if (w == NV_TREE_END)
        hop->flags |= NV_RTNH_F_DEAD;
    return w == NV_TREE_BAD ? w : NV_TREE_OK;
}

int nv_fib_hops_at(const struct nv_snap *s, const struct nv_fib_hops *hops, uint32_t index,
                   struct netvane_rec_hop *ret_hop)
{
    if (!index && !hops->members) {
        *ret_hop = hops->first;
        return NV_TREE_OK;
    }
    if (hops->members) {
        *ret_hop = hops->first;
        return member_at(s, hops->first.nhid, index, ret_hop);
    }
    const uint64_t key = (uint64_t)hops->set << 32 | index;
    return nv_snap_find(s, NETVANE_TREE_HOPS, &key, ret_hop) == NV_TREE_OK ? NV_TREE_OK
                                                                           : NV_TREE_BAD;
}

uint32_t nv_fib_hop_weight(const struct netvane_rec_hop *hop)
{
    return hop->weight ? hop->weight : 65536;
}

bool nv_fib_hop_alive(const struct netvane_rec_hop *hop)
{
    return hop->ifindex && !(hop->flags & NV_RTNH_F_DEAD);
}

bool nv_fib_hop_counts(const struct nv_fib_hops *hops, const struct netvane_rec_hop *hop)
{
    return hops->first.nhid || nv_fib_hop_alive(hop);
}

int nv_fib_hops_several(struct nv_fib *f, struct nv_fib_hops *ret_hops, uint64_t *ret_total)
{
    struct netvane_rec_hop hop;
    uint32_t count = 0;
    *ret_total = 0;
    if (nv_fib_hops_open(&f->s, f->hit.set, ret_hops) != NV_TREE_OK)
        return NV_TREE_BAD;
    for (uint32_t i = 0; i < ret_hops->count; i++) {
        if (nv_fib_hops_at(&f->s, ret_hops, i, &hop) != NV_TREE_OK)
            return NV_TREE_BAD;
        if (!nv_fib_hop_counts(ret_hops, &hop))
            continue;
        *ret_total += nv_fib_hop_weight(&hop);
        count++;
    }
    if (count <= 1)
        return NV_TREE_END;
    f->flags |= NETVANE_FIB_MULTIPATH;
    return NV_TREE_OK;
}

int64_t nv_fib_upper_bound(uint64_t weight_so_far, uint64_t total)
{
    return (int64_t)(((weight_so_far << 31) + total / 2) / total) - 1;
}
