/* SPDX-License-Identifier: MIT */
/*
 * fib_table6.c - what one IPv6 table answers, and which of a route's hops is taken.
 *
 * linux/net/ipv6/route.c (fib6_table_lookup, rt6_select, find_rr_leaf, rt6_score_route, fib6_select_path) and ip6_fib.c
 * (fib6_node_lookup, with source-specific subtrees). Among the routes of one prefix: those of the lowest metric by score,
 * else all others by score, whatever their metric.
 */
#include "fib.h"

#include "nv/lpm.h"

#define SCORE_LINK 2 /* a hop through the link that was asked for */

/* One prefix of a table and of sources, on the way from long to short. */
struct place {
    uint64_t key[3]; /* of the destination: the first words of a route's key */
    uint8_t len;
};

static struct place place_of(const struct nv_fib *f, uint32_t table, unsigned len)
{
    uint8_t dst[16];
    nv_fib_mask(f->dst, len, dst);
    return (struct place){.key = {(uint64_t)table << 32 | nv_load_be32(dst), nv_load_be64(dst + 4),
                                  (uint64_t)nv_load_be32(dst + 12) << 32 | (uint64_t)len << 24},
                          .len = (uint8_t)len};
}

static bool is_at(const struct place *p, const struct netvane_rec_route6 *r)
{
    return r->key[0] == p->key[0] && r->key[1] == p->key[1] && r->key[2] >> 24 == p->key[2] >> 24;
}

/* ---- the routes of one prefix ------------------------------------------------------------------------------------ */

/* The best so far; score -1: none. */
struct choice {
    struct nv_fib_hit *hit;
    int score;
    bool tie;
};

/* -1: the hop cannot be used. */
static int score_hop(const struct nv_fib *f, const struct netvane_rec_route6 *r,
                     const struct netvane_rec_hop *hop)
{
    if (!nv_fib_hop_alive(hop))
        return -1;
    const bool same = !f->prefer || hop->ifindex == f->prefer;
    if (!same && f->strict)
        return -1;
    return (same ? SCORE_LINK : 0) | ((r->pref & 3) ^ 2) << 2; /* IPV6_DECODE_PREF */
}

/* Of equals the kernel takes the first of its list. */
static bool is_better(const struct netvane_rec_route6 *r, int score, struct choice *best)
{
    const struct netvane_rec_route6 *other = &best->hit->u.r6;
    if (score != best->score || score < 0)
        return score > best->score;
    if (r->key[5] >> 32 != other->key[5] >> 32) /* in another metric's place, behind */
        return false;
    best->tie |= r->order == other->order;
    return r->order < other->order;
}

static int consider(const struct nv_fib *f, const struct netvane_rec_route6 *r, struct choice *best,
                    bool *ret_blackhole)
{
    struct nv_fib_hops hops;
    struct netvane_rec_hop hop, chosen;
    int score = -1;
    uint32_t index = 0;
    if (!r->hops)
        return NV_TREE_OK;
    int w = nv_fib_hops_open(&f->s, r->hops, &hops);
    *ret_blackhole = w == NV_TREE_OK && hops.first.nhid && r->type == NV_RTN_BLACKHOLE;
    for (uint32_t i = 0; w == NV_TREE_OK && i < hops.count; i++) {
        w = nv_fib_hops_at(&f->s, &hops, i, &hop);
        const int n = *ret_blackhole ? INT32_MAX : score_hop(f, r, &hop);
        if (w != NV_TREE_OK || n <= score)
            continue;
        score = n;
        index = i;
        chosen = hop;
    }
    if (w != NV_TREE_OK || score < 0 || !is_better(r, score, best))
        return w;
    best->score = score;
    best->tie = false;
    best->hit->u.r6 = *r;
    best->hit->hop = chosen;
    best->hit->set = r->hops;
    best->hit->hop_index = index;
    best->hit->hop_count = hops.count;
    best->hit->type = r->type;
    return w;
}

static bool is_expired(const struct netvane_rec_route6 *r)
{
    return r->valid_until_ns != NV_FOREVER && r->valid_until_ns <= nv_clock_boottime_ns();
}

/* Picks among the routes of a prefix that have this prefix of sources. */
static int select_route(struct nv_fib *f, const struct place *p, unsigned src_len,
                        const uint8_t src[16], struct nv_fib_hit *hit)
{
    const uint64_t key[NV_TREE_KEY_WORDS_MAX] = {p->key[0], p->key[1],
                                                 p->key[2] | (uint64_t)src_len << 16,
                                                 nv_load_be64(src), nv_load_be64(src + 8)};
    struct choice best = {.hit = hit, .score = -1};
    struct netvane_rec_route6 r;
    struct nv_cursor c;
    bool first_group = true, blackhole = false;
    uint32_t metric = 0;
    int w = nv_snap_seek(&f->s, NETVANE_TREE_ROUTES6, key, &c);
    for (unsigned n = 0; w == NV_TREE_OK && !blackhole; n++) {
        w = nv_step(&c, &r);
        if (w != NV_TREE_OK || nv_key_compare(r.key, key, 5))
            break;
        if (!n)
            metric = (uint32_t)(r.key[5] >> 32);
        if (first_group && (uint32_t)(r.key[5] >> 32) != metric) {
            if (best.score >= 0)
                break;
            first_group = false;
        }
        if (!is_expired(&r))
            w = consider(f, &r, &best, &blackhole);
    }
    if (w == NV_TREE_BAD)
        return w;
    if (best.tie)
        f->uncertain |= NETVANE_FIB_BY_ORDER;
    hit->len = p->len;
    return best.score >= 0 ? NV_TREE_OK : NV_TREE_END;
}

/* ---- sources ------------------------------------------------------------------------------------------------------ */

/* Has this place routes for certain sources only? They stand behind the others. */
static int has_sources(const struct nv_fib *f, const struct place *p)
{
    const uint64_t key[NV_TREE_KEY_WORDS_MAX] = {p->key[0], p->key[1],
                                                 p->key[2] | UINT64_C(1) << 16};
    struct netvane_rec_route6 r;
    struct nv_cursor c;
    int w = nv_snap_seek(&f->s, NETVANE_TREE_ROUTES6, key, &c);
    if (w == NV_TREE_OK)
        w = nv_cursor_get(&c, &r);
    return w == NV_TREE_OK && !is_at(p, &r) ? NV_TREE_END : w;
}

/* The longest prefix of sources of this place, not longer than max_len, that covers the packet's source. */
static int next_source(const struct nv_fib *f, const struct place *p, int max_len,
                       uint8_t ret_src[16], int *ret_len)
{
    struct netvane_rec_route6 r;
    struct nv_cursor c;
    for (int len = max_len; len > 0; len--) {
        nv_fib_mask(f->src, (unsigned)len, ret_src);
        const uint64_t key[NV_TREE_KEY_WORDS_MAX] = {
            p->key[0], p->key[1], p->key[2] | (uint64_t)len << 16, nv_load_be64(ret_src),
            nv_load_be64(ret_src + 8)};
        int w = nv_snap_seek(&f->s, NETVANE_TREE_ROUTES6, key, &c);
        if (w == NV_TREE_OK)
            w = nv_cursor_get(&c, &r);
        if (w == NV_TREE_BAD)
            return w;
        if (w == NV_TREE_OK && !nv_key_compare(r.key, key, 5)) {
            *ret_len = len;
            return w;
        }
    }
    return NV_TREE_END;
}

/* The routes for the packet's source, from the longest prefix of sources to the shortest. */
static int try_sources(struct nv_fib *f, const struct place *p, struct nv_fib_hit *hit,
                       bool *ret_any)
{
    uint8_t src[16];
    int w;
    *ret_any = false;
    for (int max = 128, len; (w = next_source(f, p, max, src, &len)) == NV_TREE_OK; max = len - 1) {
        *ret_any = true;
        w = select_route(f, p, (unsigned)len, src, hit);
        if (w != NV_TREE_END)
            return w;
    }
    return w;
}

/* Has this place routes for every source? They stand before the others. */
static int has_any_source(const struct nv_fib *f, const struct place *p)
{
    const uint64_t key[NV_TREE_KEY_WORDS_MAX] = {p->key[0], p->key[1], p->key[2]};
    struct netvane_rec_route6 r;
    struct nv_cursor c;
    int w = nv_snap_seek(&f->s, NETVANE_TREE_ROUTES6, key, &c);
    if (w == NV_TREE_OK)
        w = nv_cursor_get(&c, &r);
    return w == NV_TREE_OK && (!is_at(p, &r) || r.key[2] >> 16 & 0xff) ? NV_TREE_END : w;
}

/*
 * Where the route for every source went and a longer prefix was there, the kernel's node of the prefix has the longer one's
 * route for a key (linux/net/ipv6/ip6_fib.c, fib6_find_prefix), and its first descent passes the routes for certain sources.
 */
static int note_orphans(struct nv_fib *f, const struct place *p)
{
    int w = p->len ? has_any_source(f, p) : NV_TREE_OK;
    if (w == NV_TREE_END)
        f->uncertain |= NETVANE_FIB_BY_HISTORY;
    return w == NV_TREE_BAD ? w : NV_TREE_OK;
}

/* The route that an info tells of, as if it had been read from the tree: the only one of its prefix that counts. */
static int try_info(const struct nv_fib *f, const struct netvane_region_info *info,
                    const struct place *p, struct nv_fib_hit *hit)
{
    struct netvane_rec_route6 r = {
        .key = {p->key[0], p->key[1], p->key[2], 0, 0, (uint64_t)info->metric << 32},
        .flags = info->flags,
        .type = info->type,
        .protocol = info->protocol,
        .scope = info->scope,
        .pref = info->pref,
        .hops = info->hops,
        .metrics = info->metrics,
        .valid_until_ns = NV_FOREVER};
    struct choice best = {.hit = hit, .score = -1};
    bool blackhole = false;
    memcpy(r.prefsrc, info->prefsrc, sizeof(r.prefsrc));
    if (info->hop_count != 1 || info->hop_flags & NETVANE_IF_MORE || f->prefer) {
        int w = consider(f, &r, &best, &blackhole);
        hit->len = p->len;
        return w != NV_TREE_OK ? w : best.score >= 0 ? NV_TREE_OK : NV_TREE_END;
    }
    hit->u.r6 = r;
    hit->set = info->hops;
    hit->hop_index = 0;
    hit->hop_count = 1;
    hit->type = info->type;
    hit->len = p->len;
    nv_fib_hop_of_info(info, &hit->hop);
    return NV_TREE_OK;
}

/*
 * The kernel's first descent leaves a prefix out that has routes for certain sources, none of them for this one, with all
 * its other routes; /0 excepted. Once it has been anywhere and has to go on to a shorter prefix, it leaves nothing out.
 */
int nv_fib_table6(struct nv_fib *f, uint32_t table, struct nv_fib_hit *ret_hit)
{
    static const uint8_t any_source[16];
    struct netvane_region_info info;
    bool began = false, plain = false;
    ret_hit->table = table;
    for (int max = 128, len; max >= 0; max = len - 1) {
        int w = max == 128 ? nv_fib_first_prefix(&f->s, NV_AF_6, table, f->dst, &len, &plain, &info)
                           : nv_fib_next_prefix(&f->s, NV_AF_6, table, f->dst, max, &len);
        if (w != NV_TREE_OK)
            return w;
        const struct place p = place_of(f, table, (unsigned)len);
        bool for_source = false;
        if (plain && (w = try_info(f, &info, &p, ret_hit)) != NV_TREE_END)
            return w;
        plain = false;
        w = has_sources(f, &p);
        const bool special = w == NV_TREE_OK;
        if (special)
            w = try_sources(f, &p, ret_hit, &for_source);
        if (for_source && !began && note_orphans(f, &p) != NV_TREE_OK)
            return NV_TREE_BAD;
        if (w != NV_TREE_END)
            return w;
        began |= for_source;
        if (special && !began && len)
            continue;
        w = select_route(f, &p, 0, any_source, ret_hit);
        if (w != NV_TREE_END)
            return w;
        began = true;
    }
    return NV_TREE_END;
}

/* ---- one hop of several -------------------------------------------------------------------------------------- */

static int choose(struct nv_fib *f, const struct nv_fib_hops *hops, uint64_t total)
{
    const bool object = hops->first.nhid; /* its members are not asked where they lead */
    struct netvane_rec_hop hop;
    uint64_t weight = 0;
    for (uint32_t i = 0; i < hops->count; i++) {
        int w = nv_fib_hops_at(&f->s, hops, i, &hop);
        if (w != NV_TREE_OK)
            return w;
        if (!nv_fib_hop_counts(hops, &hop))
            continue;
        weight += nv_fib_hop_weight(&hop);
        if ((int64_t)f->hash > nv_fib_upper_bound(weight, total))
            continue;
        if (object || score_hop(f, &f->hit.u.r6, &hop) >= 0) {
            f->hit.hop = hop;
            f->hit.hop_index = i;
        }
        break;
    }
    return NV_TREE_OK;
}

int nv_fib_choose6(struct nv_fib *f)
{
    struct nv_fib_hops hops;
    uint64_t total;
    if (f->hit.hop_count <= 1)
        return NV_TREE_OK;
    int w = nv_fib_hops_several(f, &hops, &total);
    if (w != NV_TREE_OK)
        return w == NV_TREE_END ? NV_TREE_OK : w;
    return choose(f, &hops, total);
}
