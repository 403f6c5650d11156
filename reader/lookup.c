/* SPDX-License-Identifier: MIT */
/*
 * lookup.c - longest-prefix lookups in one table, one at a time or many.
 *
 * Owns:      struct netvane_table: a snapshot and the root of an index in it.
 * Promises:  nothing found is told before the version was checked.
 * Leaves:    the walk to nv/fib.h; rules and everything else that decides beside the prefix to fib.c.
 *
 * The walk counts bits. Where the compiler may not assume an instruction for that, it is compiled a second time for
 * processors that have it (on x86: those since 2013), and netvane_table_get chooses.
 */
#include "reader.h"

#include "nv/fib.h"

struct view {
    struct nv_snap snap;
    struct netvane_region_fib root;
    uint64_t counts_bits; /* the processor has the instructions that the fast variant needs */
};
_Static_assert(sizeof(struct view) <= sizeof(((struct netvane_table *)0)->opaque),
               "a view has to fit");

/* The library is the only one that looks inside. */
static const struct view *view_of(const struct netvane_table *t)
{
    return (const struct view *)(const void *)t->opaque;
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

static bool processor_counts_bits(void)
{
#if defined(__x86_64__) && !defined(__POPCNT__)
    return __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
#else
    return false;
#endif
}

/* The root of a table's index; END: the table has no route. */
static int find_root(const struct nv_snap *s, uint8_t family, uint32_t table,
                     struct netvane_region_fib *ret_root)
{
    const bool is4 = family == NV_AF_4;
    enum { MAIN = 254, LOCAL = 255 };
    if (table == MAIN || table == LOCAL) {
        const unsigned slot = (table == MAIN ? (unsigned)NETVANE_SF_MAIN4 : NETVANE_SF_LOCAL4) + !is4;
        nv_payload_load(ret_root,
                        nv_snap_slot(s) + offsetof(struct netvane_region_slot, fib) +
                            slot * sizeof(*ret_root),
                        sizeof(*ret_root));
    } else {
        struct netvane_rec_table r;
        const uint64_t key = (uint64_t)family << 32 | table;
        int w = nv_snap_find(s, NETVANE_TREE_TABLES, &key, &r);
        if (w != NV_TREE_OK)
            return w;
        *ret_root = r.fib;
    }
    return ret_root->state == NETVANE_FS_NONE ? NV_TREE_END : NV_TREE_OK;
}

int netvane_table_get(const struct netvane_snap *snap, uint8_t family, uint32_t table,
                      struct netvane_table *ret_table)
{
    struct view v;
    struct netvane_table t = {.table = table, .family = family};
    if (!ret_table || !nv_is_family(family))
        return NETVANE_INVALID;
    int r = nv_enter(snap, &v.snap);
    if (r)
        return r;
    r = nv_leave(&v.snap, find_root(&v.snap, family, table, &v.root));
    if (r)
        return r;
    if (v.root.state == NETVANE_FS_BROKEN)
        return NETVANE_LIMIT;
    if (ret_table->size < sizeof(t)) /* the view stands at its end */
        return NETVANE_INVALID;
    v.counts_bits = processor_counts_bits();
    t.routes = v.root.routes;
    memcpy(t.opaque, &v, sizeof(v));
    return nv_out(ret_table, &t, sizeof(t));
}

/* ---- one destination -------------------------------------------------------------------------------------------- */

static inline NV_SPECIALIZED struct nv_fib fib_of(const struct view *v)
{
    return nv_fib_of(v->snap.base, v->snap.limit, &v->root);
}

static inline NV_SPECIALIZED int find(const struct view *v, unsigned family, const uint8_t *dst,
                                      struct nv_fib_hit *ret_hit)
{
    const struct nv_fib f = fib_of(v);
    return family == NV_AF_4 ? nv_fib_find(&f, nv_bits_of(NV_AF_4, dst), 32, ret_hit)
                             : nv_fib_find(&f, nv_bits_of(NV_AF_6, dst), 128, ret_hit);
}

static int find_plainly(const struct view *v, unsigned family, const uint8_t *dst,
                        struct nv_fib_hit *ret_hit)
{
    return find(v, family, dst, ret_hit);
}

static inline struct netvane_match match_of(struct nv_fib_hit hit)
{
    const uint8_t flags =
        (uint8_t)(NETVANE_MATCH_FOUND |
                  (hit.value & NETVANE_FV_CONDITIONAL ? NETVANE_MATCH_CONDITIONAL : 0u));
    return (struct netvane_match){.info = hit.value & ~15u,
                                  .dst_len = (uint8_t)hit.len,
                                  .flags = hit.value ? flags : 0};
}

/* ---- many ----------------------------------------------------------------------------------------------------------- */

struct batch {
    struct nv_bits dst[NETVANE_BULK_MAX];
    struct nv_fib_hit hit[NETVANE_BULK_MAX];
    const unsigned char *best[NETVANE_BULK_MAX]; /* where a value stands that is longer than hit's; NULL: none */
    uint32_t ref[NETVANE_BULK_MAX];
};

/* All destinations one fan down; asks for what the next step reads. */
static inline NV_SPECIALIZED bool step_fan(const struct nv_fib *f, struct batch *b, unsigned n,
                                           unsigned level)
{
    uint32_t highest = 0;
    for (unsigned k = 0; k < n; k++) {
        const unsigned i = nv_bits_at(b->dst[k], nv_fan_start[level], nv_fan_bits(level));
        const struct netvane_region_fan_slot s = nv_fan_slot(nv_fib_cell(f, b->ref[k]), i);
        const unsigned len = nv_fan_start[level] + (s.value & NETVANE_FV_LENGTH);
        b->hit[k].len = s.value ? len : b->hit[k].len;
        b->hit[k].value = s.value ? s.value : b->hit[k].value;
        b->ref[k] = s.child;
        highest = s.child > highest ? s.child : highest;
        const unsigned next =
            level + 1 < NETVANE_FAN_LEVELS
                ? 8 * nv_bits_at(b->dst[k], nv_fan_start[level + 1], nv_fan_bits(level + 1))
                : 0;
        __builtin_prefetch(f->base + NETVANE_NOTHING_OFFSET +
                           (uint64_t)s.child * NETVANE_CELL_UNIT + next);
    }
    return highest < f->ref_limit;
}

/* One cell of destination k; false: it has no child there. */
static inline NV_SPECIALIZED bool step_cell(const struct nv_fib *f, struct batch *b, unsigned k,
                                            unsigned depth)
{
    const unsigned char *cell = nv_fib_cell(f, b->ref[k]);
    const uint64_t prefixes = nv_load64(cell, memory_order_relaxed),
                   children = nv_load64(cell + 8, memory_order_relaxed);
    const unsigned i = nv_bits_at(b->dst[k], depth, NETVANE_FIB_STRIDE);
    const uint64_t way = prefixes & nv_fib_path[i];
    const unsigned top = nv_top_bit(way | 1);
    const unsigned char *at =
        nv_cell_word(cell, nv_popcount(prefixes & ((UINT64_C(1) << top) - 1)));
    b->best[k] = way ? at : b->best[k];
    b->hit[k].len = way ? depth + nv_top_bit(top | 1) : b->hit[k].len;
    if (!(children >> i & 1u)) {
        __builtin_prefetch(b->best[k]);
        return false;
    }
    const unsigned rank = nv_popcount(prefixes) + nv_popcount(children & ((UINT64_C(1) << i) - 1));
    b->ref[k] = nv_load32(nv_cell_word(cell, rank), memory_order_relaxed);
    __builtin_prefetch(f->base + NETVANE_NOTHING_OFFSET + (uint64_t)b->ref[k] * NETVANE_CELL_UNIT);
    return true;
}

static inline NV_SPECIALIZED int find_many_in(const struct view *v, unsigned family,
                                              const uint8_t *dsts, unsigned n, struct batch *b)
{
    const struct nv_fib f = fib_of(v);
    uint8_t going[NETVANE_BULK_MAX]; /* destinations that have a cell yet */
    unsigned left = 0;
    if (f.top >= f.ref_limit)
        return NV_TREE_BAD;
    for (unsigned k = 0; k < n; k++) {
        b->dst[k] = nv_bits_of(family, dsts + k * (family == NV_AF_4 ? 4u : 16u));
        b->hit[k] = (struct nv_fib_hit){f.def, 0};
        b->best[k] = NULL;
        b->ref[k] = f.top;
    }
    for (unsigned level = 0; level < NETVANE_FAN_LEVELS; level++)
        if (!step_fan(&f, b, n, level))
            return NV_TREE_BAD;
    for (unsigned k = 0; k < n; k++) {
        going[left] = (uint8_t)k;
        left += b->ref[k] != 0;
    }
    for (unsigned depth = NETVANE_FAN_BITS; left && depth < (family == NV_AF_4 ? 32u : 128u);
         depth += NETVANE_FIB_STRIDE) {
        unsigned kept = 0;
        for (unsigned g = 0; g < left; g++) {
            const unsigned k = going[g];
            if (b->ref[k] >= f.ref_limit)
                return NV_TREE_BAD;
            going[kept] = (uint8_t)k;
            kept += step_cell(&f, b, k, depth);
        }
        left = kept;
    }
    for (unsigned k = 0; k < n; k++)
        if (b->best[k])
            b->hit[k].value = nv_load32(b->best[k], memory_order_relaxed);
    return NV_TREE_OK;
}

static inline NV_SPECIALIZED int find_many(const struct view *v, unsigned family,
                                           const uint8_t *dsts, unsigned n, struct batch *b)
{
    return family == NV_AF_4 ? find_many_in(v, NV_AF_4, dsts, n, b)
                             : find_many_in(v, NV_AF_6, dsts, n, b);
}

static int find_many_plainly(const struct view *v, unsigned family, const uint8_t *dsts, unsigned n,
                             struct batch *b)
{
    return find_many(v, family, dsts, n, b);
}

/* ---- for processors that count bits ------------------------------------------------------------------------------------ */

#if defined(__x86_64__) && !defined(__POPCNT__)
#define COUNTS_BITS __attribute__((target("popcnt,bmi,bmi2")))

COUNTS_BITS static int find_counting(const struct view *v, unsigned family, const uint8_t *dst,
                                     struct nv_fib_hit *ret_hit)
{
    return find(v, family, dst, ret_hit);
}

COUNTS_BITS static int find_many_counting(const struct view *v, unsigned family,
                                          const uint8_t *dsts, unsigned n, struct batch *b)
{
    return find_many(v, family, dsts, n, b);
}
#else
#define find_counting      find_plainly
#define find_many_counting find_many_plainly
#endif

/* ---- the API ------------------------------------------------------------------------------------------------------------- */

static inline bool usable(const struct netvane_table *t)
{
    return nv_likely(t && t->size >= sizeof(*t) && view_of(t)->snap.header);
}

int netvane_route_lookup(const struct netvane_table *table, const uint8_t *dst,
                         struct netvane_match *ret_match)
{
    if (nv_unlikely(!usable(table) || !dst || !ret_match))
        return NETVANE_INVALID;
    const struct view *v = view_of(table);
    struct nv_fib_hit hit;
    int r = nv_reenter(&v->snap);
    if (nv_unlikely(r))
        return r;
    const int w = nv_likely(v->counts_bits) ? find_counting(v, table->family, dst, &hit)
                                            : find_plainly(v, table->family, dst, &hit);
    r = nv_leave(&v->snap, w);
    if (nv_likely(!r))
        *ret_match = match_of(hit);
    return r;
}

int netvane_route_lookup_bulk(const struct netvane_table *table, const uint8_t *dsts, unsigned n,
                              struct netvane_match *ret_matches)
{
    if (nv_unlikely(!usable(table) || !dsts || !ret_matches || !n || n > NETVANE_BULK_MAX))
        return NETVANE_INVALID;
    const struct view *v = view_of(table);
    struct batch b;
    int r = nv_reenter(&v->snap);
    if (nv_unlikely(r))
        return r;
    const int w = nv_likely(v->counts_bits)
                      ? find_many_counting(v, table->family, dsts, n, &b)
                      : find_many_plainly(v, table->family, dsts, n, &b);
    r = nv_leave(&v->snap, w);
    if (nv_unlikely(r))
        return r;
    for (unsigned k = 0; k < n; k++)
        ret_matches[k] = match_of(b.hit[k]);
    return NETVANE_OK;
}

/* ---- what a match leads to --------------------------------------------------------------------------------------------------- */

/* Begins a read section. */
static int find_info(const struct netvane_table *table, const struct netvane_match *match,
                     struct netvane_region_info *ret_info, int *ret_walk)
{
    if (!usable(table) || !match)
        return NETVANE_INVALID;
    if (!(match->flags & NETVANE_MATCH_FOUND))
        return NETVANE_NOT_FOUND;
    const struct nv_snap *s = &view_of(table)->snap;
    const int r = nv_reenter(s);
    if (!r)
        *ret_walk = nv_fib_info(s->base, s->limit, match->info, ret_info);
    return r;
}

int netvane_match_answer(const struct netvane_table *table, const struct netvane_match *match,
                         struct netvane_default *ret_answer)
{
    enum { BLACKHOLE = 6, UNREACHABLE = 7, PROHIBIT = 8 }; /* RTN_* */
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
    if (info.type == BLACKHOLE || info.type == UNREACHABLE || info.type == PROHIBIT)
        d.flags |= NETVANE_DEFAULT_REJECT;
    if (info.hop_flags & 1u) /* RTNH_F_DEAD */
        d.flags |= NETVANE_DEFAULT_DEAD;
    if (info.hop_flags & 4u) /* RTNH_F_ONLINK */
        d.flags |= NETVANE_DEFAULT_ONLINK;
    if (info.hop_flags & 16u) /* RTNH_F_LINKDOWN */
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
