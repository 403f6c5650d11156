/* SPDX-License-Identifier: MIT */
/*
 * mirror_route6.c - where an IPv6 route goes among its equals.
 *
 * (table, destination, source, metric) names a set, whose members are told apart by a slot: see nv_route_rec. A removal may
 * name one hop of a multipath route.
 */
#include "route.h"

/* How many others there are in the set of r; gives the first. */
static uint32_t others6(const struct nv_mirror *m, const struct nv_route_rec *r,
                        struct nv_route_rec *ret_other)
{
    struct nv_tree t = nv_draft_tree(&m->draft, r->tree);
    struct nv_route_rec at = *r;
    struct nv_cursor c;
    uint32_t n = 0;
    uint64_t key[NV_TREE_KEY_WORDS_MAX];
    memcpy(key, r->u.key, sizeof(key));
    key[5] &= ~UINT64_C(0xffffffff);
    for (int more = nv_cursor_seek(&c, &t, key); more == NV_TREE_OK && n < 2;
         more = nv_cursor_next(&c)) {
        if (nv_cursor_get(&c, &at.u) != NV_TREE_OK || memcmp(at.u.key, r->u.key, 5 * 8u) ||
            at.u.key[5] >> 32 != r->u.key[5] >> 32)
            break;
        if (at.u.key[5] == r->u.key[5])
            continue;
        if (!n++)
            *ret_other = at;
    }
    return n;
}

enum nv_effect nv_route_put6(struct nv_mirror *m, struct nv_route_rec *r, uint32_t list,
                             bool from_dump)
{
    struct nv_route_rec old = *r, other;
    bool known = nv_route_get(m, &old);
    uint32_t others = from_dump || !(list & NV_LIST_REPLACE) ? 0 : others6(m, r, &other);
    if (others == 1 && !known)
        nv_route_drop(m, &other); /* it is what was replaced */
    enum nv_effect e = nv_route_write(m, r);
    /* A changed set of gateways comes in another order than dumps have it; of several, any may have been replaced. */
    return others || (!from_dump && known && e == NV_CHANGED) ? NV_SUSPECT : e;
}

/* Takes one hop out of a multipath route. */
static bool drop_hop(struct nv_mirror *m, const struct nv_route_rec *at, const struct nv_route *f)
{
    uint32_t count, kept = 0;
    const struct netvane_rec_hop *set = nv_mirror_hops(m, nv_route_hops(at), &count);
    if (count < 2 || f->hop_count != 1)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (set[i].ifindex == f->hops[0].ifindex && set[i].gw_family == f->hops[0].gw_family &&
            !memcmp(set[i].gateway, f->hops[0].gateway, sizeof(set[i].gateway)))
            continue;
        m->rec_scratch[kept] = set[i];
        m->rec_scratch[kept].key[0] = kept;
        kept++;
    }
    if (kept + 1 != count)
        return false;
    for (uint32_t i = 0; i < kept; i++) {
        m->rec_scratch[i].count = kept;
        m->rec_scratch[i].multipath = kept > 1;
        nv_intern_ref(&m->strings, m->rec_scratch[i].encap);
    }
    struct nv_route_rec r = *at;
    nv_route_set_hops(&r, nv_hops_intern(m, kept));
    nv_intern_ref(&m->metrics, nv_route_metrics(&r));
    (void)nv_route_write(m, &r);
    return true;
}

enum nv_effect nv_route_remove6(struct nv_mirror *m, const struct nv_route_rec *r,
                                const struct nv_route *f)
{
    struct nv_route_rec at = *r;
    if (!nv_route_get(m, &at))
        return NV_SUSPECT;
    if (nv_route_same_ways(m, r, &at)) {
        nv_route_drop(m, &at);
        return NV_CHANGED;
    }
    (void)drop_hop(m, &at, f);
    return NV_SUSPECT;
}
