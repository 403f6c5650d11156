/* SPDX-License-Identifier: MIT */
/*
 * lookup.c - longest-prefix lookups in one table, one at a time or many.
 *
 * Owns:      struct netvane_table: a snapshot and the root of an index in it.
 * Promises:  nothing found is told before the version was checked.
 * Leaves:    the walk to nv/lpm.h; rules and everything else that decides beside the prefix to fib.c.
 * Leaves:    the usual walk, and for which processors it is compiled, to longest.h.
 */
#include "longest.h"

/* The walk for the family and the processor. */
enum how { UNSET = 0, PLAINLY4, PLAINLY6, COUNTING4, COUNTING6 };

struct view {
    struct nv_snap snap;
    struct nv_lpm lpm;
    const unsigned char *const _Atomic *alive; /* leads to NULL once the arena is taken away: H */
    const uint64_t *horizon;
    uint64_t how; /* enum how */
};
_Static_assert(sizeof(struct view) <= sizeof(((struct netvane_table *)0)->opaque),
               "a view has to fit");

/* The library is the only one that looks inside. */
static inline const struct view *view_of(const struct netvane_table *t)
{
    return (const struct view *)(const void *)t->opaque;
}

static const unsigned char *const _Atomic always = (const unsigned char *)"";

/* ---- the table ------------------------------------------------------------------------------------------------- */

int netvane_table_get(const struct netvane_snap *snap, uint8_t family, uint32_t table,
                      struct netvane_table *ret_table)
{
    struct view v;
    struct netvane_region_lpm root;
    struct netvane_table t = {.table = table, .family = family};
    if (!ret_table || !nv_is_family(family))
        return NETVANE_INVALID;
    int r = nv_enter(snap, &v.snap);
    if (r)
        return r;
    r = nv_leave(&v.snap, nv_table_root(&v.snap, family, table, &root));
    if (r)
        return r;
    if (root.state == NETVANE_LS_BROKEN)
        return NETVANE_LIMIT;
    if (ret_table->size < sizeof(t)) /* the view stands at its end */
        return NETVANE_INVALID;
    v.lpm = nv_lpm_of(v.snap.base, v.snap.limit, &root);
    if (v.lpm.top >= v.lpm.ref_limit) /* no lookup asks again */
        return NETVANE_CORRUPT;
    if (nv_counts_bits())
        v.how = family == NV_AF_4 ? COUNTING4 : COUNTING6;
    else
        v.how = family == NV_AF_4 ? PLAINLY4 : PLAINLY6;
    v.horizon = (const uint64_t *)(const void *)nv_at(v.snap.header, NV_HOT(horizon));
    v.alive = v.snap.flags & NV_SNAP_PRIVATE ? &always : &v.snap.m->base;
    t.routes = root.routes;
    memcpy(t.opaque, &v, sizeof(v));
    return nv_out(ret_table, &t, sizeof(t));
}

/* ---- one destination -------------------------------------------------------------------------------------------- */

static inline NV_SPECIALIZED struct netvane_match match_of(uint32_t value, uint32_t len)
{
    return (struct netvane_match){.info = value & ~NETVANE_FV_LENGTH, .dst_len = len};
}

typedef int walk_fn(const struct view *v, uint32_t dst, size_t at, struct netvane_match *ret_match);

/* As nv_leave; the view has what it asks at hand. */
static inline NV_SPECIALIZED int judge(const struct view *v, int walk)
{
    atomic_thread_fence(memory_order_acquire); /* B, H */
    if (nv_unlikely(nv_load64(v->horizon, memory_order_relaxed) > v->snap.version ||
                    !atomic_load_explicit(v->alive, memory_order_relaxed)))
        return NETVANE_EXPIRED;
    return nv_likely(walk == NV_TREE_OK) ? NETVANE_OK
           : walk == NV_TREE_END         ? NETVANE_NOT_FOUND
                                         : NETVANE_CORRUPT;
}

static inline NV_SPECIALIZED int end(const struct view *v, int walk, struct nv_lpm_hit hit,
                                     struct netvane_match *ret_match)
{
    const int r = judge(v, walk);
    if (nv_likely(!r))
        *ret_match = match_of(hit.value, hit.len);
    return r;
}

typedef int walk6_fn(const struct view *v, struct nv_bits dst, struct netvane_match *ret_match);

static inline NV_SPECIALIZED int walk6(const struct view *v, struct nv_bits dst,
                                       struct netvane_match *ret_match)
{
    struct nv_lpm_hit hit = {0, 0};
    const int w = nv_lpm_find(&v->lpm, dst, 128, &hit);
    return end(v, w, hit, ret_match);
}

static inline NV_SPECIALIZED int walk4(const struct view *v, uint32_t dst, size_t at,
                                       struct netvane_match *ret_match)
{
    struct nv_lpm_hit hit = {0, 0};
    const int w = nv_find_other(&v->lpm, (struct nv_bits){(uint64_t)dst << 32, 0}, at, &hit);
    return end(v, w, hit, ret_match);
}

/* No question whether the arena was taken away before the walk: what is read then is zeros, and nv_leave sees it. */
static inline NV_SPECIALIZED int look_up4(const struct view *v, const uint8_t *dst,
                                          walk_fn *walk_on, struct netvane_match *ret_match)
{
    const uint32_t address = nv_load_be32(dst);
    struct nv_lpm_hit hit;
    size_t at;
    return nv_likely(nv_find_usual(&v->lpm, address, &at, &hit))
               ? end(v, NV_TREE_OK, hit, ret_match)
               : walk_on(v, address, at, ret_match);
}

static inline NV_SPECIALIZED int look_up6(const struct view *v, const uint8_t *dst,
                                          walk6_fn *walk_on, struct netvane_match *ret_match)
{
    struct nv_lpm_hit hit;
    return nv_likely(nv_find_usual6(&v->lpm, nv_load_be64(dst), &hit))
               ? end(v, NV_TREE_OK, hit, ret_match)
               : walk_on(v, nv_bits_of(NV_AF_6, dst), ret_match);
}

/* ---- many ----------------------------------------------------------------------------------------------------------- */

struct batch {
    struct nv_bits dst[NETVANE_BULK_MAX];
    const unsigned char *at[NETVANE_BULK_MAX]; /* the node that is looked at next */
    const unsigned char
        *best[NETVANE_BULK_MAX]; /* where the value of the longest prefix stands; NULL: none yet */
    uint32_t value[NETVANE_BULK_MAX];
    uint8_t len[NETVANE_BULK_MAX];
};

/* One node of destination k; asks for what the next step reads. Returns whether there is one; *good: no bad reference. */
static inline NV_SPECIALIZED bool step(const struct nv_lpm *f, struct batch *b, unsigned k,
                                       unsigned depth, bool *good)
{
    const struct netvane_region_lpm_node n = nv_lpm_node(b->at[k]);
    const unsigned i = nv_bits_at(b->dst[k], depth, NETVANE_LPM_STRIDE);
    const uint32_t way = n.prefixes & nv_lpm_ways[i];
    const unsigned top = nv_top_bit(way | 1);
    if (nv_unlikely(n.block >= f->ref_limit)) {
        *good = false;
        return false;
    }
    const unsigned char *block = nv_lpm_cell(f, n.block);
    b->best[k] = NV_EITHER(way != 0, nv_block_value(block, n.children, nv_rank(n.prefixes, top)),
                           b->best[k]);
    b->len[k] = (uint8_t)NV_EITHER(way != 0, depth + nv_top_bit(top | 1), b->len[k]);
    const bool more = n.children >> i & 1u;
    b->at[k] = nv_block_node(block, nv_rank(n.children, i));
    __builtin_prefetch(NV_EITHER(more, b->at[k], b->best[k]));
    return more;
}

/* Any walk, for destinations k of a list. */
static inline NV_SPECIALIZED int walk_many(const struct nv_lpm *f, unsigned bits, struct batch *b,
                                           uint8_t *going, unsigned left)
{
    const unsigned count = left;
    uint8_t all[NETVANE_BULK_MAX];
    bool good = true;
    memcpy(all, going, count);
    for (unsigned g = 0; g < count; g++) {
        const unsigned k = all[g];
        b->best[k] = NULL;
        b->at[k] = nv_lpm_enter(f, b->dst[k]);
        good &= b->at[k] != NULL;
        __builtin_prefetch(b->at[k]);
    }
    for (unsigned depth = NETVANE_LPM_NODES; good && left && depth < bits;
         depth += NETVANE_LPM_STRIDE) {
        unsigned kept = 0;
        for (unsigned g = 0; g < left; g++) {
            const unsigned k = going[g];
            going[kept] = (uint8_t)k;
            kept += step(f, b, k, depth, &good);
        }
        left = kept;
    }
    for (unsigned g = 0; good && g < count; g++) {
        const unsigned k = all[g];
        if (nv_likely(b->best[k] != NULL)) {
            b->value[k] = nv_load32(b->best[k], memory_order_relaxed);
        } else {
            b->value[k] = nv_lpm_short(f, b->dst[k]);
            b->len[k] = b->value[k] & NETVANE_FV_LENGTH;
        }
    }
    return good ? NV_TREE_OK : NV_TREE_BAD;
}

/* The usual answers in four steps, each for all; the few others are walked. */
static inline NV_SPECIALIZED int find_many4(const struct nv_lpm *f, const uint8_t *dsts, unsigned n,
                                            struct batch *b)
{
    const unsigned char *value[NETVANE_BULK_MAX];
    size_t at[NETVANE_BULK_MAX], next[NETVANE_BULK_MAX];
    uint32_t dst[NETVANE_BULK_MAX], len[NETVANE_BULK_MAX];
    uint8_t others[NETVANE_BULK_MAX];
    unsigned left = 0;
    for (unsigned k = 0; k < n; k++) {
        dst[k] = nv_load_be32(dsts + 4 * (size_t)k);
        at[k] = nv_lpm_place(f, (uint64_t)dst[k] << 32);
        __builtin_prefetch(f->cells + 8 * at[k]);
    }
    for (unsigned k = 0; k < n; k++) {
        next[k] = nv_lpm_down4(f, dst[k], at[k]);
        __builtin_prefetch(f->cells + 8 * next[k]);
    }
    for (unsigned k = 0; k < n; k++) {
        if (nv_unlikely(!nv_lpm_end4(f, dst[k], next[k], &value[k], &len[k])))
            value[k] = nv_lpm_middle4(f, dst[k], at[k], next[k], &len[k]);
        __builtin_prefetch(value[k]);
    }
    for (unsigned k = 0; k < n; k++) {
        if (nv_likely(value[k] != NULL)) {
            b->value[k] = (uint32_t)nv_lpm_word(value[k], 0);
            b->len[k] = (uint8_t)len[k];
            continue;
        }
        b->dst[k] = (struct nv_bits){(uint64_t)dst[k] << 32, 0};
        others[left++] = (uint8_t)k;
    }
    return nv_likely(!left) ? NV_TREE_OK : walk_many(f, 32, b, others, left);
}

/* Likewise, node by node, as long as one has a child. */
static inline NV_SPECIALIZED int find_many6(const struct nv_lpm *f, const uint8_t *dsts, unsigned n,
                                            struct batch *b)
{
    const unsigned char *value[NETVANE_BULK_MAX];
    size_t at[NETVANE_BULK_MAX];
    uint32_t len[NETVANE_BULK_MAX];
    uint8_t going[NETVANE_BULK_MAX], others[NETVANE_BULK_MAX];
    unsigned left = n, rest = 0;
    for (unsigned k = 0; k < n; k++) {
        b->dst[k] = nv_bits_of(NV_AF_6, dsts + 16 * (size_t)k);
        at[k] = nv_lpm_place(f, b->dst[k].hi);
        going[k] = (uint8_t)k;
    }
    for (unsigned depth = NETVANE_LPM_NODES; left; depth += NETVANE_LPM_STRIDE) {
        unsigned kept = 0;
        for (unsigned g = 0; g < left; g++) {
            const unsigned k = going[g];
            if (depth < NV_LPM_DEPTH6 && nv_lpm_down(f, b->dst[k].hi, depth, &at[k])) {
                __builtin_prefetch(f->cells + 8 * at[k]);
                going[kept++] = (uint8_t)k;
                continue;
            }
            value[k] = nv_lpm_end6(f, b->dst[k].hi, depth, at[k], &len[k]);
            __builtin_prefetch(value[k]);
        }
        left = kept;
    }
    for (unsigned k = 0; k < n; k++) {
        if (nv_likely(value[k] != NULL)) {
            b->value[k] = (uint32_t)nv_lpm_word(value[k], 0);
            b->len[k] = (uint8_t)len[k];
        } else {
            others[rest++] = (uint8_t)k;
        }
    }
    return nv_likely(!rest) ? NV_TREE_OK : walk_many(f, 128, b, others, rest);
}

static inline NV_SPECIALIZED int look_up_many(const struct view *v, unsigned family,
                                              const uint8_t *dsts, unsigned n,
                                              struct netvane_match *ret_matches)
{
    struct batch b;
    const int w =
        family == NV_AF_4 ? find_many4(&v->lpm, dsts, n, &b) : find_many6(&v->lpm, dsts, n, &b);
    const int r = judge(v, w);
    for (unsigned k = 0; !r && k < n; k++)
        ret_matches[k] = match_of(b.value[k], b.len[k]);
    return r;
}

/* ---- the API ------------------------------------------------------------------------------------------------------------- */

/* The entries into the walk, once for each kind of processor. */
#define ENTRIES(how, kind)                                                                 \
    kind static NV_NOINLINE int walk4_##how(const struct view *v, uint32_t dst, size_t at, \
                                            struct netvane_match *ret_match)               \
    {                                                                                      \
        return walk4(v, dst, at, ret_match);                                               \
    }                                                                                      \
    kind static NV_NOINLINE int walk6_##how(const struct view *v, struct nv_bits dst,      \
                                            struct netvane_match *ret_match)               \
    {                                                                                      \
        return walk6(v, dst, ret_match);                                                   \
    }                                                                                      \
    kind static NV_NOINLINE int look_up4_##how(const struct view *v, const uint8_t *dst,   \
                                               struct netvane_match *ret_match)            \
    {                                                                                      \
        return look_up4(v, dst, walk4_##how, ret_match);                                   \
    }                                                                                      \
    kind static NV_NOINLINE int look_up6_##how(const struct view *v, const uint8_t *dst,   \
                                               struct netvane_match *ret_match)            \
    {                                                                                      \
        return look_up6(v, dst, walk6_##how, ret_match);                                   \
    }                                                                                      \
    kind static NV_NOINLINE int look_up_many_##how(const struct view *v, unsigned family,  \
                                                   const uint8_t *dsts, unsigned n,        \
                                                   struct netvane_match *ret_matches)      \
    {                                                                                      \
        return look_up_many(v, family, dsts, n, ret_matches);                              \
    }                                                                                      \
    kind static NV_NOINLINE int find_##how(const struct nv_lpm *f, struct nv_bits dst,     \
                                           unsigned family, struct nv_lpm_hit *ret_hit)    \
    {                                                                                      \
        return nv_find(f, dst, family, ret_hit);                                           \
    }

ENTRIES(plainly, )
#ifdef NV_COUNTING
ENTRIES(counting, NV_COUNTING)
#else
#define find_counting         find_plainly
#define look_up4_counting     look_up4_plainly
#define look_up6_counting     look_up6_plainly
#define look_up_many_counting look_up_many_plainly
#endif

int nv_table_longest(const struct nv_snap *s, unsigned family, uint32_t table, const uint8_t *dst,
                     struct nv_lpm_hit *ret_hit, bool *ret_broken)
{
    struct netvane_region_lpm root;
    int w = nv_table_root(s, family, table, &root);
    *ret_broken = false;
    if (w != NV_TREE_OK)
        return w;
    *ret_broken = root.state != NETVANE_LS_VALID;
    if (nv_unlikely(*ret_broken))
        return NV_TREE_END;
    const struct nv_lpm f = nv_lpm_of(s->base, s->limit, &root);
    const struct nv_bits bits = nv_bits_of(family, dst);
    if (nv_unlikely(f.top >= f.ref_limit))
        return NV_TREE_BAD;
    return nv_counts_bits() ? find_counting(&f, bits, family, ret_hit)
                            : find_plainly(&f, bits, family, ret_hit);
}

static inline bool usable(const struct netvane_table *t)
{
    return nv_likely(t && view_of(t)->how != UNSET);
}

int netvane_route_lookup(const struct netvane_table *table, const uint8_t *dst,
                         struct netvane_match *ret_match)
{
    if (nv_unlikely(!table || !dst || !ret_match))
        return NETVANE_INVALID;
    const struct view *v = view_of(table);
    if (nv_likely(v->how == COUNTING4))
        return look_up4_counting(v, dst, ret_match);
    if (v->how == UNSET)
        return NETVANE_INVALID;
    if (v->how == COUNTING6)
        return look_up6_counting(v, dst, ret_match);
    return v->how == PLAINLY4 ? look_up4_plainly(v, dst, ret_match)
                              : look_up6_plainly(v, dst, ret_match);
}

int netvane_route_lookup_bulk(const struct netvane_table *table, const uint8_t *dsts, unsigned n,
                              struct netvane_match *ret_matches)
{
    if (nv_unlikely(!usable(table) || !dsts || !ret_matches || !n || n > NETVANE_BULK_MAX))
        return NETVANE_INVALID;
    const struct view *v = view_of(table);
    return nv_likely(v->how >= COUNTING4)
               ? look_up_many_counting(v, table->family, dsts, n, ret_matches)
               : look_up_many_plainly(v, table->family, dsts, n, ret_matches);
}

/* ---- what a match leads to --------------------------------------------------------------------------------------------------- */

/* Begins a read section. */
static int find_info(const struct netvane_table *table, const struct netvane_match *match,
                     struct netvane_region_info *ret_info, int *ret_walk)
{
    if (!usable(table) || !match)
        return NETVANE_INVALID;
    if (!match->info)
        return NETVANE_NOT_FOUND;
    const struct nv_snap *s = &view_of(table)->snap;
    const int r = nv_reenter(s);
    if (!r)
        *ret_walk = nv_lpm_info(s->base, s->limit, match->info, ret_info);
    return r;
}

int netvane_match_answer(const struct netvane_table *table, const struct netvane_match *match,
                         struct netvane_default *ret_answer)
{
    static const uint8_t none[16];
    struct netvane_region_info info;
    int w;
    int r = ret_answer ? find_info(table, match, &info, &w) : NETVANE_INVALID;
    if (!r)
        r = nv_leave(&view_of(table)->snap, w);
    if (r)
        return r;
    struct netvane_default d = {.size = sizeof(d),
                                .ifindex = info.ifindex,
                                .metric = info.metric,
                                .table = table->table,
                                .family = table->family,
                                .gw_family = info.gw_family,
                                .type = info.type,
                                .protocol = info.protocol,
                                .flags = NETVANE_DEFAULT_PRESENT,
                                .hop_count = info.hop_count,
                                .scope = info.scope,
                                .nhid = info.nhid};
    memcpy(d.gateway, info.gateway, sizeof(d.gateway));
    memcpy(d.prefsrc, info.prefsrc, sizeof(d.prefsrc));
    if (info.gw_family)
        d.flags |= NETVANE_DEFAULT_GATEWAY;
    if (memcmp(info.prefsrc, none, sizeof(none)))
        d.flags |= NETVANE_DEFAULT_PREFSRC;
    if (info.hop_count > 1)
        d.flags |= NETVANE_DEFAULT_MULTIPATH;
    if (nv_rtn_rejects(info.type))
        d.flags |= NETVANE_DEFAULT_REJECT;
    if (info.hop_flags & NV_RTNH_F_DEAD)
        d.flags |= NETVANE_DEFAULT_DEAD;
    if (info.hop_flags & NV_RTNH_F_ONLINK)
        d.flags |= NETVANE_DEFAULT_ONLINK;
    if (info.hop_flags & NV_RTNH_F_LINKDOWN)
        d.flags |= NETVANE_DEFAULT_LINKDOWN;
    return nv_out(ret_answer, &d, sizeof(d));
}

int netvane_match_hop(const struct netvane_table *table, const struct netvane_match *match,
                      uint32_t index, struct netvane_hop *ret_hop)
{
    struct netvane_region_info info;
    struct netvane_rec_hop rec;
    struct netvane_hop hop;
    int w;
    int r = ret_hop ? find_info(table, match, &info, &w) : NETVANE_INVALID;
    if (r)
        return r;
    const struct nv_snap *s = &view_of(table)->snap;
    if (w == NV_TREE_OK) {
        const uint64_t key = (uint64_t)info.hops << 32 | index;
        w = info.hops && index < info.hop_count ? nv_snap_find(s, NETVANE_TREE_HOPS, &key, &rec)
                                                : NV_TREE_END;
    }
    r = nv_leave(s, w);
    if (r)
        return r;
    nv_hop_show(&rec, &hop);
    return nv_out(ret_hop, &hop, sizeof(hop));
}
