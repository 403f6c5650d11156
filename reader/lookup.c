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

#if defined(__x86_64__) && !defined(__POPCNT__)
#define COUNTS_BITS __attribute__((target("popcnt,lzcnt,bmi,bmi2")))
#endif

enum how { UNSET = 0, PLAINLY, COUNTING };

struct view {
    struct nv_snap snap;
    struct nv_fib fib;
    uint64_t how; /* enum how */
};
_Static_assert(sizeof(struct view) <= sizeof(((struct netvane_table *)0)->opaque),
               "a view has to fit");

/* The library is the only one that looks inside. */
static inline const struct view *view_of(const struct netvane_table *t)
{
    return (const struct view *)(const void *)t->opaque;
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

static enum how how(void)
{
#ifdef COUNTS_BITS
    /* All that have AVX2 have lzcnt, which not every compiler can ask for. */
    if (__builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") &&
        __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("avx2"))
        return COUNTING;
#endif
    return PLAINLY;
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
    struct netvane_region_fib root;
    struct netvane_table t = {.table = table, .family = family};
    if (!ret_table || !nv_is_family(family))
        return NETVANE_INVALID;
    int r = nv_enter(snap, &v.snap);
    if (r)
        return r;
    r = nv_leave(&v.snap, find_root(&v.snap, family, table, &root));
    if (r)
        return r;
    if (root.state == NETVANE_FS_BROKEN)
        return NETVANE_LIMIT;
    if (ret_table->size < sizeof(t)) /* the view stands at its end */
        return NETVANE_INVALID;
    v.fib = nv_fib_of(v.snap.base, v.snap.limit, &root);
    v.how = how();
    t.routes = root.routes;
    memcpy(t.opaque, &v, sizeof(v));
    return nv_out(ret_table, &t, sizeof(t));
}

/* ---- one destination -------------------------------------------------------------------------------------------- */

static inline NV_SPECIALIZED struct netvane_match match_of(uint32_t value, uint32_t len)
{
    const unsigned flags =
        NETVANE_MATCH_FOUND |
        (value & NETVANE_FV_CONDITIONAL) / (NETVANE_FV_CONDITIONAL / NETVANE_MATCH_CONDITIONAL);
    return (struct netvane_match){.info = value & NETVANE_FV_INFO,
                                  .dst_len = (uint8_t)len,
                                  .flags = value ? (uint8_t)flags : 0};
}

static inline NV_SPECIALIZED int look_up(const struct view *v, unsigned family, const uint8_t *dst,
                                         struct netvane_match *ret_match)
{
    struct nv_fib_hit hit;
    int r = nv_reenter(&v->snap);
    if (nv_unlikely(r))
        return r;
    const int w = family == NV_AF_4 ? nv_fib_find(&v->fib, nv_bits_of(NV_AF_4, dst), 32, &hit)
                                    : nv_fib_find(&v->fib, nv_bits_of(NV_AF_6, dst), 128, &hit);
    r = nv_leave(&v->snap, w);
    if (nv_likely(!r))
        *ret_match = match_of(hit.value, hit.len);
    return r;
}

/* ---- many ----------------------------------------------------------------------------------------------------------- */

struct batch {
    struct nv_bits dst[NETVANE_BULK_MAX];
    struct nv_fib_best best[NETVANE_BULK_MAX];
    uint32_t ref[NETVANE_BULK_MAX];
};

/* All destinations one fan down; asks for what the next step reads. */
static inline NV_SPECIALIZED bool step_fan(const struct nv_fib *f, struct batch *b, unsigned n,
                                           unsigned level)
{
    struct netvane_region_fan_slot s = {0, 0};
    bool good = true;
    for (unsigned k = 0; k < n; k++) {
        good &= nv_fib_fan(f, b->dst[k], level, b->ref[k], &s);
        b->ref[k] = s.child;
        /* The upper fans are few, and stay in the cache. */
        if (level + 2 == NETVANE_FAN_LEVELS)
            __builtin_prefetch(nv_fib_cell(f, s.child) +
                               8 * nv_bits_at(b->dst[k], nv_fan_start(level + 1),
                                              nv_fan_bits(level + 1)));
        if (level + 1 == NETVANE_FAN_LEVELS)
            __builtin_prefetch(nv_fib_cell(f, s.child));
    }
    return good;
}

static inline NV_SPECIALIZED int find_many(const struct nv_fib *f, unsigned family,
                                           const uint8_t *dsts, unsigned n, struct batch *b)
{
    const unsigned bits = family == NV_AF_4 ? 32 : 128;
    uint8_t going[NETVANE_BULK_MAX]; /* destinations that have a cell yet */
    unsigned left = n;
    for (unsigned k = 0; k < n; k++) {
        b->dst[k] = nv_bits_of(family, dsts + k * (bits / 8));
        b->best[k] = (struct nv_fib_best){NULL, 0};
        b->ref[k] = f->top;
        going[k] = (uint8_t)k;
    }
    if (!(step_fan(f, b, n, 0) && step_fan(f, b, n, 1) && step_fan(f, b, n, 2) &&
          step_fan(f, b, n, 3)))
        return NV_TREE_BAD;
    for (unsigned depth = NETVANE_FAN_BITS; left && depth < bits; depth += NETVANE_FIB_STRIDE) {
        unsigned kept = 0;
        for (unsigned g = 0; g < left; g++) {
            const unsigned k = depth == NETVANE_FAN_BITS ? g : going[g];
            if (nv_unlikely(b->ref[k] >= f->ref_limit))
                return NV_TREE_BAD;
            b->ref[k] = nv_fib_step(f, b->dst[k], depth, b->ref[k], &b->best[k]);
            __builtin_prefetch(b->ref[k] ? nv_fib_cell(f, b->ref[k]) : b->best[k].at);
            going[kept] = (uint8_t)k;
            kept += b->ref[k] != 0;
        }
        left = kept;
    }
    return NV_TREE_OK;
}

static inline NV_SPECIALIZED int look_up_many(const struct view *v, unsigned family,
                                              const uint8_t *dsts, unsigned n,
                                              struct netvane_match *ret_matches)
{
    struct batch b;
    int r = nv_reenter(&v->snap);
    if (nv_unlikely(r))
        return r;
    const int w = family == NV_AF_4 ? find_many(&v->fib, NV_AF_4, dsts, n, &b)
                                    : find_many(&v->fib, NV_AF_6, dsts, n, &b);
    uint32_t value[NETVANE_BULK_MAX];
    for (unsigned k = 0; w == NV_TREE_OK && k < n; k++) {
        if (nv_likely(b.best[k].at != NULL)) {
            value[k] = nv_load32(b.best[k].at, memory_order_relaxed);
            continue;
        }
        value[k] = nv_fib_short(&v->fib, b.dst[k]);
        b.best[k].len = value[k] & NETVANE_FV_LENGTH;
    }
    r = nv_leave(&v->snap, w);
    for (unsigned k = 0; !r && k < n; k++)
        ret_matches[k] = match_of(value[k], b.best[k].len);
    return r;
}

/* ---- the API ------------------------------------------------------------------------------------------------------------- */

#ifdef COUNTS_BITS
COUNTS_BITS static int look_up_counting(const struct view *v, unsigned family, const uint8_t *dst,
                                        struct netvane_match *ret_match)
{
    return look_up(v, family, dst, ret_match);
}

COUNTS_BITS static int look_up_many_counting(const struct view *v, unsigned family,
                                             const uint8_t *dsts, unsigned n,
                                             struct netvane_match *ret_matches)
{
    return look_up_many(v, family, dsts, n, ret_matches);
}
#else
#define look_up_counting      look_up
#define look_up_many_counting look_up_many
#endif

static int look_up_plainly(const struct view *v, unsigned family, const uint8_t *dst,
                           struct netvane_match *ret_match)
{
    return look_up(v, family, dst, ret_match);
}

static int look_up_many_plainly(const struct view *v, unsigned family, const uint8_t *dsts,
                                unsigned n, struct netvane_match *ret_matches)
{
    return look_up_many(v, family, dsts, n, ret_matches);
}

static inline bool usable(const struct netvane_table *t)
{
    return nv_likely(t && view_of(t)->how != UNSET);
}

int netvane_route_lookup(const struct netvane_table *table, const uint8_t *dst,
                         struct netvane_match *ret_match)
{
    if (nv_unlikely(!usable(table) || !dst || !ret_match))
        return NETVANE_INVALID;
    const struct view *v = view_of(table);
    return nv_likely(v->how == COUNTING) ? look_up_counting(v, table->family, dst, ret_match)
                                         : look_up_plainly(v, table->family, dst, ret_match);
}

int netvane_route_lookup_bulk(const struct netvane_table *table, const uint8_t *dsts, unsigned n,
                              struct netvane_match *ret_matches)
{
    if (nv_unlikely(!usable(table) || !dsts || !ret_matches || !n || n > NETVANE_BULK_MAX))
        return NETVANE_INVALID;
    const struct view *v = view_of(table);
    return nv_likely(v->how == COUNTING)
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
