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

/* Behind the walk: has the version gone meanwhile? */
static inline NV_SPECIALIZED bool is_expired(const struct view *v)
{
    atomic_thread_fence(memory_order_acquire); /* B, H */
    return nv_load64(v->horizon, memory_order_relaxed) > v->snap.version;
}

/* As nv_leave; the view has what it asks at hand. */
static inline NV_SPECIALIZED int judge(const struct view *v, int walk)
{
    if (nv_unlikely(is_expired(v) || !atomic_load_explicit(v->alive, memory_order_relaxed)))
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

/* The same for a value that is not 0: where zeros stand since the arena was taken away, there is none. */
static inline NV_SPECIALIZED int end_found(const struct view *v, struct nv_lpm_hit hit,
                                           struct netvane_match *ret_match)
{
    if (nv_unlikely(is_expired(v)))
        return NETVANE_EXPIRED;
    *ret_match = match_of(hit.value, hit.len);
    return NETVANE_OK;
}

typedef int walk_fn(const struct netvane_table *t, struct nv_bits dst,
                    struct netvane_match *ret_match);

/* Whatever is not usual. */
static inline NV_SPECIALIZED int walk(const struct netvane_table *t, struct nv_bits dst,
                                      unsigned bits, struct netvane_match *ret_match)
{
    struct nv_lpm_hit hit = {0, 0};
    const int w = nv_lpm_find(&view_of(t)->lpm, dst, bits, &hit);
    return end(view_of(t), w, hit, ret_match);
}

/* What the fans say, where the leaf does not. */
static inline NV_SPECIALIZED int walk_short(const struct netvane_table *t, struct nv_bits dst,
                                            struct netvane_match *ret_match)
{
    struct nv_lpm_hit hit = {0, 0};
    const int w = nv_lpm_find_short(&view_of(t)->lpm, dst, &hit);
    return end(view_of(t), w, hit, ret_match);
}

/*
 * No question whether the arena was taken away before the walk: what is read then is zeros, and nv_leave sees it. The other ways
 * are calls: what they need must not be kept at hand here.
 */
static inline NV_SPECIALIZED int look_up4(const struct netvane_table *t, const uint8_t *dst,
                                          walk_fn *walk_on, walk_fn *fall_back,
                                          struct netvane_match *ret_match)
{
    const uint64_t head = nv_head_of(NV_AF_4, dst);
    struct nv_lpm_hit hit;
    const enum nv_usual usual = nv_find_usual4(&view_of(t)->lpm, head, &hit);
    if (nv_likely(usual == NV_USUAL_FOUND))
        return end_found(view_of(t), hit, ret_match);
    return (usual == NV_USUAL_SHORT ? fall_back : walk_on)(t, (struct nv_bits){head, 0}, ret_match);
}

static inline NV_SPECIALIZED int look_up6(const struct netvane_table *t, const uint8_t *dst,
                                          walk_fn *walk_on, struct netvane_match *ret_match)
{
    struct nv_lpm_hit hit;
    return nv_likely(nv_find_usual6(&view_of(t)->lpm, nv_head_of(NV_AF_6, dst), &hit))
               ? end(view_of(t), NV_TREE_OK, hit, ret_match)
               : walk_on(t, nv_bits_of(NV_AF_6, dst), ret_match);
}

/* ---- many ----------------------------------------------------------------------------------------------------------- */

struct batch {
    const unsigned char *at[NETVANE_BULK_MAX]; /* the cell, node or value that is looked at next */
    struct netvane_match match[NETVANE_BULK_MAX];
};

static inline NV_SPECIALIZED uint64_t head_of(unsigned family, const uint8_t *dsts, unsigned k)
{
    return nv_head_of(family, dsts + (family == NV_AF_4 ? 4 : 16) * (size_t)k);
}

/* The whole walk, for destination k. */
static inline NV_SPECIALIZED bool find_one(const struct nv_lpm *f, unsigned family,
                                           const uint8_t *dsts, unsigned k, struct batch *b)
{
    const unsigned bits = family == NV_AF_4 ? 32 : 128;
    struct nv_lpm_hit hit = {0, 0};
    const int w = nv_lpm_find(f, nv_bits_of(family, dsts + bits / 8 * (size_t)k), bits, &hit);
    b->match[k] = match_of(hit.value, hit.len);
    return w != NV_TREE_BAD;
}

/* What a reference is to, as an index; that of the zeros in place of a bad one: the whole walk finds it. */
static inline NV_SPECIALIZED uint64_t or_nothing(const struct nv_lpm *f, uint64_t ref)
{
    return nv_unlikely(ref >= f->ref_limit) ? 0 : ref;
}

/* The leaf of each destination; asks for what is read of it next. */
static inline NV_SPECIALIZED void find_leaves(const struct nv_lpm *f, unsigned family,
                                              const uint8_t *dsts, unsigned n, struct batch *b)
{
    for (unsigned k = 0; k < n; k++) {
        const uint64_t head = head_of(family, dsts, k);
        uint64_t ref = f->top + nv_head_bits(head, 0, 5);
        ref = or_nothing(f, nv_lpm_word32(f->cells + 8 * ref)) + nv_head_bits(head, 5, 5);
        ref = or_nothing(f, nv_lpm_word32(f->cells + 8 * ref)) + nv_head_bits(head, 10, 6);
        b->at[k] = f->cells + 8 * ref;
        __builtin_prefetch(b->at[k]);
    }
    for (unsigned k = 0; k < n; k++) {
        b->at[k] = f->cells + 8 * or_nothing(f, nv_lpm_word32(b->at[k]));
        __builtin_prefetch(b->at[k] + 8 * (nv_leaf_place(head_of(family, dsts, k)) / 32));
    }
}

/* The usual answers step by step, each for all; the few others are walked. */
static inline NV_SPECIALIZED bool find_many4(const struct nv_lpm *f, const uint8_t *dsts,
                                             unsigned n, struct batch *b)
{
    bool good = true;
    find_leaves(f, NV_AF_4, dsts, n, b);
    for (unsigned k = 0; k < n; k++) {
        const unsigned char *at;
        const bool usual = nv_leaf_usual4(b->at[k], head_of(NV_AF_4, dsts, k), &at);
        b->at[k] = usual ? at : f->cells;
        __builtin_prefetch(b->at[k]);
    }
    for (unsigned k = 0; k < n; k++) {
        const uint32_t value = (uint32_t)nv_lpm_word32(b->at[k]);
        b->match[k] = match_of(value, value & NETVANE_FV_LENGTH);
        if (nv_unlikely(!value))
            good &= find_one(f, NV_AF_4, dsts, k, b);
    }
    return good;
}

/* Likewise, node by node, as long as one has a child. */
static inline NV_SPECIALIZED bool find_many6(const struct nv_lpm *f, const uint8_t *dsts,
                                             unsigned n, struct batch *b)
{
    uint8_t going[NETVANE_BULK_MAX];
    uint32_t len[NETVANE_BULK_MAX];
    unsigned left = 0;
    bool good = true;
    find_leaves(f, NV_AF_6, dsts, n, b);
    for (unsigned k = 0; k < n; k++) {
        const struct netvane_region_leaf_group g =
            nv_leaf_group(b->at[k], nv_leaf_place(head_of(NV_AF_6, dsts, k)) / 32);
        b->at[k] = nv_group_node(g.place) ? nv_leaf_node(b->at[k], g) : NULL;
        going[left] = (uint8_t)k;
        left += b->at[k] != NULL;
    }
    for (unsigned depth = NETVANE_LPM_NODES; left; depth += NETVANE_LPM_STRIDE) {
        unsigned kept = 0;
        for (unsigned g = 0; g < left; g++) {
            const unsigned k = going[g];
            const uint64_t hi = head_of(NV_AF_6, dsts, k);
            const unsigned char *below =
                depth < NV_LPM_DEPTH6 ? nv_lpm_down(f, hi, depth, b->at[k]) : NULL;
            if (below)
                going[kept++] = (uint8_t)k;
            b->at[k] = below ? below : nv_lpm_end6(f, hi, depth, b->at[k], &len[k]);
            __builtin_prefetch(b->at[k]);
        }
        left = kept;
    }
    for (unsigned k = 0; k < n; k++) {
        if (nv_likely(b->at[k] != NULL))
            b->match[k] = match_of((uint32_t)nv_lpm_word32(b->at[k]), len[k]);
        else
            good &= find_one(f, NV_AF_6, dsts, k, b);
    }
    return good;
}

static inline NV_SPECIALIZED int look_up_many(const struct netvane_table *t, const uint8_t *dsts,
                                              unsigned n, struct netvane_match *ret_matches)
{
    const struct view *v = view_of(t);
    struct batch b;
    const bool good =
        t->family == NV_AF_4 ? find_many4(&v->lpm, dsts, n, &b) : find_many6(&v->lpm, dsts, n, &b);
    const int r = judge(v, nv_likely(good) ? NV_TREE_OK : NV_TREE_BAD);
    if (nv_likely(!r))
        memcpy(ret_matches, b.match, n * sizeof(b.match[0]));
    return r;
}

/* ---- the API ------------------------------------------------------------------------------------------------------------- */

/* The entries into the walk, once for each kind of processor. */
#define ENTRIES(how, kind)                                                                        \
    kind static NV_NOINLINE int walk4_##how(const struct netvane_table *t, struct nv_bits dst,    \
                                            struct netvane_match *ret_match)                      \
    {                                                                                             \
        return walk(t, dst, 32, ret_match);                                                       \
    }                                                                                             \
    kind static NV_NOINLINE int short4_##how(const struct netvane_table *t, struct nv_bits dst,   \
                                             struct netvane_match *ret_match)                     \
    {                                                                                             \
        return walk_short(t, dst, ret_match);                                                     \
    }                                                                                             \
    kind static NV_NOINLINE int walk6_##how(const struct netvane_table *t, struct nv_bits dst,    \
                                            struct netvane_match *ret_match)                      \
    {                                                                                             \
        return walk(t, dst, 128, ret_match);                                                      \
    }                                                                                             \
    kind static NV_NOINLINE int look_up4_##how(const struct netvane_table *t, const uint8_t *dst, \
                                               struct netvane_match *ret_match)                   \
    {                                                                                             \
        return look_up4(t, dst, walk4_##how, short4_##how, ret_match);                            \
    }                                                                                             \
    kind static NV_NOINLINE int look_up6_##how(const struct netvane_table *t, const uint8_t *dst, \
                                               struct netvane_match *ret_match)                   \
    {                                                                                             \
        return look_up6(t, dst, walk6_##how, ret_match);                                          \
    }                                                                                             \
    kind static NV_NOINLINE int look_up_many_##how(const struct netvane_table *t,                 \
                                                   const uint8_t *dsts, unsigned n,               \
                                                   struct netvane_match *ret_matches)             \
    {                                                                                             \
        return look_up_many(t, dsts, n, ret_matches);                                             \
    }                                                                                             \
    kind static NV_NOINLINE int find_##how(const struct nv_lpm *f, struct nv_bits dst,            \
                                           unsigned family, struct nv_lpm_hit *ret_hit)           \
    {                                                                                             \
        return nv_find(f, dst, family, ret_hit);                                                  \
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
    if (nv_unlikely(!table))
        return NETVANE_INVALID;
    nv_apart(dst);
    if (nv_unlikely(!dst))
        return NETVANE_INVALID;
    nv_apart(ret_match);
    if (nv_unlikely(!ret_match))
        return NETVANE_INVALID;
    const struct view *v = view_of(table);
    if (nv_likely(v->how == COUNTING4))
        return look_up4_counting(table, dst, ret_match);
    if (v->how == UNSET)
        return NETVANE_INVALID;
    if (v->how == COUNTING6)
        return look_up6_counting(table, dst, ret_match);
    return v->how == PLAINLY4 ? look_up4_plainly(table, dst, ret_match)
                              : look_up6_plainly(table, dst, ret_match);
}

int netvane_route_lookup_bulk(const struct netvane_table *table, const uint8_t *dsts, unsigned n,
                              struct netvane_match *ret_matches)
{
    if (nv_unlikely(!usable(table) || !dsts || !ret_matches || !n || n > NETVANE_BULK_MAX))
        return NETVANE_INVALID;
    return nv_likely(view_of(table)->how >= COUNTING4)
               ? look_up_many_counting(table, dsts, n, ret_matches)
               : look_up_many_plainly(table, dsts, n, ret_matches);
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
