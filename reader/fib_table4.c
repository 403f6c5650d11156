/* SPDX-License-Identifier: MIT */
/*
 * fib_table4.c - what one IPv4 table answers, and which of a route's hops is taken.
 *
 * linux/net/ipv4/fib_trie.c (fib_table_lookup), fib_semantics.c (fib_select_multipath, fib_select_default). The
 * kernel's order inside one prefix: type of service descends, metric ascends, place in the list.
 */
#include "fib.h"

#include "nv/lpm.h"

#define LEGACY_TOS 0x1c /* INET_DSCP_LEGACY_TOS_MASK: only these bits of a packet are compared */

/* The first live hop that leads through oif (0: any). */
static int match_hop(const struct nv_fib *f, struct nv_fib_hit *hit)
{
    struct nv_fib_hops hops;
    if (!hit->set) {
        memset(&hit->hop, 0, sizeof(hit->hop));
        return NV_TREE_END;
    }
    int w = nv_fib_hops_open(&f->s, hit->set, &hops);
    hit->hop_count = hops.count;
    for (uint32_t i = 0; w == NV_TREE_OK && i < hops.count; i++) {
        w = nv_fib_hops_at(&f->s, &hops, i, &hit->hop);
        if (w == NV_TREE_OK && nv_fib_hop_alive(&hit->hop) &&
            (!f->oif || f->oif == hit->hop.ifindex)) {
            hit->hop_index = i;
            return w;
        }
    }
    return w == NV_TREE_BAD ? w : NV_TREE_END;
}

static int try_route(const struct nv_fib *f, struct nv_fib_hit *hit)
{
    const struct netvane_rec_route4 *r = &hit->u.r4;
    hit->set = 0;
    if (r->scope < f->scope)
        return NV_TREE_END;
    hit->type = r->type;
    hit->len = (uint8_t)(r->key[1] >> 56);
    hit->set = r->hops;
    hit->hop_index = 0;
    hit->hop_count = 0;
    hit->hop.nhid = 0;
    if (r->type >= NV_RTN_BLACKHOLE && r->type <= NV_RTN_XRESOLVE) {
        memset(&hit->hop, 0, sizeof(hit->hop));
        return NV_TREE_OK;
    }
    return match_hop(f, hit);
}

/* The first usable route of one prefix and type of service. ret_missed: it was of a nexthop object that did not do. */
static int walk(const struct nv_fib *f, const uint64_t key[2], struct nv_fib_hit *hit,
                bool *ret_missed)
{
    struct nv_cursor c;
    int w = nv_snap_seek(&f->s, NETVANE_TREE_ROUTES4, key, &c);
    while (w == NV_TREE_OK && (w = nv_step(&c, &hit->u.r4)) == NV_TREE_OK) {
        if (hit->u.r4.key[0] != key[0] || hit->u.r4.key[1] >> 48 != key[1] >> 48)
            return NV_TREE_END;
        w = try_route(f, hit);
        *ret_missed = w == NV_TREE_END && hit->set && hit->hop.nhid;
        if (w != NV_TREE_END || *ret_missed)
            return w;
        w = NV_TREE_OK;
    }
    return w;
}

/* The route that an info tells of, as if it had been read from the tree. */
static int try_info(const struct nv_fib *f, const struct netvane_region_info *info, uint32_t dst,
                    int len, struct nv_fib_hit *hit)
{
    hit->u.r4 =
        (struct netvane_rec_route4){.key = {(uint64_t)hit->table << 32 | dst,
                                            (uint64_t)len << 56 | (uint64_t)info->metric << 16},
                                    .flags = info->flags,
                                    .type = info->type,
                                    .protocol = info->protocol,
                                    .scope = info->scope,
                                    .hops = info->hops,
                                    .metrics = info->metrics};
    memcpy(hit->u.r4.prefsrc, info->prefsrc, sizeof(hit->u.r4.prefsrc));
    if (info->hop_count != 1 || info->hop_flags & NETVANE_IF_MORE || info->scope < f->scope)
        return try_route(f, hit);
    if (f->oif && f->oif != info->ifindex)
        return NV_TREE_END;
    hit->type = info->type;
    hit->len = (uint8_t)len;
    hit->set = info->hops;
    hit->hop_index = 0;
    hit->hop_count = 1;
    nv_fib_hop_of_info(info, &hit->hop);
    return NV_TREE_OK;
}

/* A table that is searched, and its prefix that comes next. */
struct part {
    uint32_t table;
    int len;    /* -1: none */
    bool plain; /* info tells all of it */
    struct netvane_region_info info;
};

/* The next prefix of at most max bits: OK or BAD. */
static int next_prefix(const struct nv_fib *f, struct part *p, int max)
{
    int w = NV_TREE_END;
    p->plain = false;
    if (max == 32)
        w = nv_fib_first_prefix(&f->s, NV_AF_4, p->table, f->dst, &p->len, &p->plain, &p->info);
    else if (max >= 0)
        w = nv_fib_next_prefix(&f->s, NV_AF_4, p->table, f->dst, max, &p->len);
    if (w == NV_TREE_END)
        p->len = -1;
    return w == NV_TREE_BAD ? w : NV_TREE_OK;
}

/* The first usable route of one prefix. */
static int try_prefix(const struct nv_fib *f, const struct part *p, uint32_t dst,
                      struct nv_fib_hit *hit, bool *ret_missed)
{
    const uint8_t tos = f->tos & LEGACY_TOS;
    uint64_t key[2] = {(uint64_t)p->table << 32 | dst,
                       (uint64_t)p->len << 56 | (uint64_t)tos << 48};
    int w = NV_TREE_END;
    hit->table = p->table;
    *ret_missed = false;
    if (p->plain && (w = try_info(f, &p->info, dst, p->len, hit)) != NV_TREE_END)
        return w;
    if (tos)
        w = walk(f, key, hit, ret_missed);
    key[1] = (uint64_t)p->len << 56;
    return w == NV_TREE_END && !*ret_missed ? walk(f, key, hit, ret_missed) : w;
}

/*
 * The tables as one: of equal prefixes that of the first table comes first. Where no hop of a nexthop object does, the kernel
 * leaves the whole leaf of its tree: all routes of this address, those with shorter prefixes too.
 */
static inline int search(struct nv_fib *f, struct part *parts, unsigned count,
                         struct nv_fib_hit *hit)
{
    bool missed = false;
    uint32_t leaf = 0;
    f->missed = false;
    for (unsigned i = 0; i < count; i++)
        if (next_prefix(f, &parts[i], 32) != NV_TREE_OK)
            return NV_TREE_BAD;
    for (;;) {
        struct part *p = parts;
        for (unsigned i = 1; i < count; i++)
            if (parts[i].len > p->len)
                p = &parts[i];
        if (p->len < 0)
            return NV_TREE_END;
        const uint32_t dst = nv_fib_mask4(f->dst4, p->len);
        if (!missed || dst != leaf) {
            int w = try_prefix(f, p, dst, hit, &missed);
            if (w != NV_TREE_END)
                return w;
            leaf = dst;
            f->missed |= missed;
        }
        if (next_prefix(f, p, p->len - 1) != NV_TREE_OK)
            return NV_TREE_BAD;
    }
}

int nv_fib_table4(struct nv_fib *f, uint32_t table, struct nv_fib_hit *ret_hit)
{
    struct part part = {.table = table};
    return search(f, &part, 1, ret_hit);
}

int nv_fib_local_and_main4(struct nv_fib *f, struct nv_fib_hit *ret_hit)
{
    struct part parts[] = {{.table = NV_TABLE_LOCAL}, {.table = NV_TABLE_MAIN}};
    return search(f, parts, 2, ret_hit);
}

/* ---- one hop of several -------------------------------------------------------------------------------------- */

/* Is the source the address that this hop would choose? Such a hop is preferred to one for the hash. */
static int has_source(struct nv_fib *f, const struct netvane_rec_hop *hop, bool *ret_has)
{
    uint32_t ip;
    int w = nv_fib_source4(f, hop->ifindex, nv_load_be32(hop->gateway), f->hit.u.r4.scope, &ip);
    *ret_has = w == NV_TREE_OK && ip == f->src4;
    return w;
}

static int choose(struct nv_fib *f, const struct nv_fib_hops *hops, uint64_t total, bool by_source)
{
    struct netvane_rec_hop hop;
    uint64_t weight = 0;
    int best = -1;
    for (uint32_t i = 0; i < hops->count; i++) {
        int w = nv_fib_hops_at(&f->s, hops, i, &hop);
        if (w != NV_TREE_OK)
            return w;
        if (!nv_fib_hop_counts(hops, &hop))
            continue;
        weight += nv_fib_hop_weight(&hop);
        bool mine = false;
        if (by_source && (w = has_source(f, &hop, &mine)) != NV_TREE_OK)
            return w;
        const bool below = (int64_t)f->hash <= nv_fib_upper_bound(weight, total);
        const int score = (mine ? 2 : 0) + (below ? 1 : 0);
        if (score > best) {
            best = score;
            f->hit.hop = hop;
            f->hit.hop_index = i;
        }
        if (below && (mine || !by_source))
            break;
    }
    return NV_TREE_OK;
}

int nv_fib_note_rival4(struct nv_fib *f, uint32_t table, uint64_t key1)
{
    const uint64_t key[2] = {(uint64_t)table << 32, key1 + 1};
    struct netvane_rec_route4 next;
    struct nv_cursor c;
    int w = nv_snap_seek(&f->s, NETVANE_TREE_ROUTES4, key, &c);
    if (w == NV_TREE_OK)
        w = nv_cursor_get(&c, &next);
    if (w == NV_TREE_OK && next.key[0] == key[0] && next.key[1] >> 16 == key1 >> 16)
        f->uncertain |= NETVANE_FIB_BY_NEIGHBOUR;
    return w == NV_TREE_BAD ? w : NV_TREE_OK;
}

int nv_fib_choose4(struct nv_fib *f, bool by_source)
{
    struct nv_fib_hops hops;
    uint64_t total;
    if (f->oif)
        return NV_TREE_OK;
    if (f->hit.hop_count <= 1)
        return f->hit.len || f->hit.type != NV_RTN_UNICAST || !f->hit.hop.gw_family
                   ? NV_TREE_OK
                   : nv_fib_note_rival4(f, f->hit.table, f->hit.u.r4.key[1]);
    int w = nv_fib_hops_several(f, &hops, &total);
    if (w != NV_TREE_OK)
        return w == NV_TREE_END ? NV_TREE_OK : w;
    if (hops.first.nhid)
        by_source = false;
    return choose(f, &hops, total, by_source && f->src4);
}
