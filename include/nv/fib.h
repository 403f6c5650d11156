/* SPDX-License-Identifier: MIT */
/*
 * fib.h - the read-only walk over a longest-prefix index (its layout is in netvane/region.h).
 *
 * Owns:      addresses as bits, the lookup, the lookup of one exact prefix, values and what they lead to; which of a
 *            prefix's routes an index shows.
 * Assumes:   a base whose bytes below `limit` can be read; any content at all, even hostile.
 * Promises:  every reference is loaded once and checked against the limit; at most four fans and nineteen cells are looked at.
 *            Nothing is written.
 * Leaves:    to the caller: nv_read_check after the walk and before the result is used, as of nv/tree.h.
 *
 * Speed: the fans are walked without a question (reference 0 leads to zeros), so that a processor runs ahead into the
 * next lookup; a value is loaded once, at the end.
 */
#ifndef NV_FIB_H
#define NV_FIB_H

#include "nv/tree.h"

/* An address, its first bit on top. IPv4: hi >> 32. */
struct nv_bits {
    uint64_t hi, lo;
};

struct nv_fib {
    const unsigned char *cells; /* where reference 0 leads */
    uint32_t ref_limit; /* references below it lead to NETVANE_CELL_MAX readable bytes */
    uint32_t top, def;
};

struct nv_fib_hit {
    uint32_t value; /* 0: none */
    uint32_t len;
};

/* The bits before a fan; behind the last one: before the first cell. */
static inline NV_SPECIALIZED unsigned nv_fan_start(unsigned level)
{
    return level ? 5 * level - 1 : 0;
}

static inline NV_SPECIALIZED unsigned nv_fan_bits(unsigned level)
{
    return level ? 5 : 4;
}

static inline struct nv_bits nv_bits_of(unsigned family, const uint8_t *ip)
{
    return family == NV_AF_4
               ? (struct nv_bits){(uint64_t)nv_load_be32(ip) << 32, 0}
               : (struct nv_bits){nv_load_be64(ip), nv_load_be64(ip + 8)};
}

/* n bits (1 to 8) from bit `at`; zeros behind the last. */
static inline NV_SPECIALIZED unsigned nv_bits_at(struct nv_bits b, unsigned at, unsigned n)
{
    if (at >= 64)
        return (unsigned)(b.lo << (at - 64) >> (64 - n));
    uint64_t w = b.hi << at;
    if (at + n > 64)
        w |= b.lo >> (64 - at);
    return (unsigned)(w >> (64 - n));
}

static inline struct nv_fib nv_fib_of(const void *base, uint64_t limit,
                                      const struct netvane_region_fib *root)
{
    const uint64_t refs =
        (limit - NETVANE_NOTHING_OFFSET - NETVANE_CELL_MAX) / NETVANE_CELL_UNIT + 1;
    return (struct nv_fib){.cells = nv_at(base, NETVANE_NOTHING_OFFSET),
                           .ref_limit = (uint32_t)nv_min_u64(refs, UINT32_MAX),
                           .top = root->top,
                           .def = root->def};
}

static inline NV_SPECIALIZED const unsigned char *nv_fib_cell(const struct nv_fib *f, uint32_t ref)
{
    return f->cells + (uint64_t)ref * NETVANE_CELL_UNIT;
}

/* One slot of a fan in one load. */
static inline NV_SPECIALIZED struct netvane_region_fan_slot nv_fan_slot(const unsigned char *fan, unsigned i)
{
    const uint64_t w = nv_load64(fan + 8u * i, memory_order_relaxed);
    struct netvane_region_fan_slot s;
    memcpy(&s, &w, sizeof(s));
    return s;
}

/* The bits of `prefixes` that are on the way to each of the next 6 bits: one of every length. */
#define NV_PATH(i)                                                                          \
    (UINT64_C(1) << 1 | UINT64_C(1) << (2 | (i) >> 5) | UINT64_C(1) << (4 | (i) >> 4) |     \
     UINT64_C(1) << (8 | (i) >> 3) | UINT64_C(1) << (16 | (i) >> 2) | UINT64_C(1) << (32 | (i) >> 1))
#define NV_PATH4(i)  NV_PATH(i), NV_PATH((i) + 1), NV_PATH((i) + 2), NV_PATH((i) + 3)
#define NV_PATH16(i) NV_PATH4(i), NV_PATH4((i) + 4), NV_PATH4((i) + 8), NV_PATH4((i) + 12)
static const uint64_t nv_fib_path[64] = {NV_PATH16(0), NV_PATH16(16), NV_PATH16(32), NV_PATH16(48)};

static inline NV_SPECIALIZED unsigned nv_popcount(uint64_t w)
{
    return (unsigned)__builtin_popcountll(w);
}

/* Where the length of the highest bit stands: 0 for bit 1. w is not 0. */
static inline NV_SPECIALIZED unsigned nv_top_bit(uint64_t w)
{
    return 63u - (unsigned)__builtin_clzll(w);
}

static inline NV_SPECIALIZED const unsigned char *nv_cell_word(const unsigned char *cell, unsigned i)
{
    return cell + 16 + 4 * (size_t)i;
}

/*
 * a or b, without a branch: which one it is cannot be foretold, and a processor that guesses wrong runs into the wrong
 * lookup.
 */
#if defined(__clang__)
#define NV_EITHER(condition, a, b) (__builtin_unpredictable(condition) ? (a) : (b))
#else
#define NV_EITHER(condition, a, b) \
    (__builtin_expect_with_probability((condition), 1, 0.5) ? (a) : (b))
#endif

/* One fan down: what it says of dst, if its reference is a good one. */
static inline NV_SPECIALIZED bool nv_fib_fan(const struct nv_fib *f, struct nv_bits dst,
                                             unsigned level, uint32_t ref,
                                             struct netvane_region_fan_slot *ret_slot)
{
    if (nv_unlikely(ref >= f->ref_limit))
        return false;
    *ret_slot = nv_fan_slot(nv_fib_cell(f, ref),
                            nv_bits_at(dst, nv_fan_start(level), nv_fan_bits(level)));
    return true;
}

/* Down all fans, each step compiled for its level: the reference behind them. */
static inline NV_SPECIALIZED bool nv_fib_fans(const struct nv_fib *f, struct nv_bits dst,
                                              uint32_t *ret_ref)
{
    struct netvane_region_fan_slot s;
    if (!nv_fib_fan(f, dst, 0, f->top, &s) || !nv_fib_fan(f, dst, 1, s.child, &s) ||
        !nv_fib_fan(f, dst, 2, s.child, &s) || !nv_fib_fan(f, dst, 3, s.child, &s))
        return false;
    *ret_ref = s.child;
    return true;
}

/* The value that the root and the fans have for dst: of a prefix of at most 19 bits. */
static inline uint32_t nv_fib_short(const struct nv_fib *f, struct nv_bits dst)
{
    struct netvane_region_fan_slot s = {.child = f->top};
    uint32_t value = f->def;
    for (unsigned level = 0; level < NETVANE_FAN_LEVELS; level++) {
        if (!nv_fib_fan(f, dst, level, s.child, &s))
            break; /* the walk saw it, too */
        value = s.value ? s.value : value;
    }
    return value;
}

/* What was found so far behind the fans: where the value stands, and the length of its prefix. */
struct nv_fib_best {
    const unsigned char *at;
    uint32_t len;
};

/* One cell; returns the reference of the child, 0: there is none. */
static inline NV_SPECIALIZED uint32_t nv_fib_step(const struct nv_fib *f, struct nv_bits dst,
                                                  unsigned depth, uint32_t ref,
                                                  struct nv_fib_best *best)
{
    const unsigned char *cell = nv_fib_cell(f, ref);
    const uint64_t prefixes = nv_load64(cell, memory_order_relaxed),
                   children = nv_load64(cell + 8, memory_order_relaxed);
    const unsigned i = nv_bits_at(dst, depth, NETVANE_FIB_STRIDE);
    const uint64_t way = prefixes & nv_fib_path[i];
    const unsigned top = nv_top_bit(way | 1);
    const unsigned char *at =
        nv_cell_word(cell, nv_popcount(prefixes & ((UINT64_C(1) << top) - 1)));
    const uint32_t len = depth + nv_top_bit(top | 1);
    best->at = NV_EITHER(way != 0, at, best->at);
    best->len = NV_EITHER(way != 0, len, best->len);
    if (!(children >> i & 1u))
        return 0;
    const unsigned rank =
        nv_popcount(prefixes) + nv_popcount(children & ((UINT64_C(1) << i) - 1));
    return nv_load32(nv_cell_word(cell, rank), memory_order_relaxed);
}

/*
 * The longest prefix that covers dst: OK, END (none) or BAD. bits: of an address of the family. The values of fans are
 * only looked at where no cell has one: tables are made of long prefixes.
 */
static inline NV_SPECIALIZED int nv_fib_find(const struct nv_fib *f, struct nv_bits dst,
                                             unsigned bits, struct nv_fib_hit *ret_hit)
{
    struct nv_fib_best best = {NULL, 0};
    uint32_t ref;
    if (nv_unlikely(!nv_fib_fans(f, dst, &ref)))
        return NV_TREE_BAD;
    unsigned depth = NETVANE_FAN_BITS;
    do {
        if (nv_unlikely(ref >= f->ref_limit))
            return NV_TREE_BAD;
        ref = nv_fib_step(f, dst, depth, ref, &best);
        depth += NETVANE_FIB_STRIDE;
    } while (nv_unlikely(ref) && depth < bits);
    if (nv_likely(best.at != NULL)) {
        *ret_hit = (struct nv_fib_hit){nv_load32(best.at, memory_order_relaxed), best.len};
        return NV_TREE_OK;
    }
    const uint32_t value = nv_fib_short(f, dst);
    *ret_hit = (struct nv_fib_hit){value, value & NETVANE_FV_LENGTH};
    return value ? NV_TREE_OK : NV_TREE_END;
}

/*
 * The value of exactly this prefix, 0: it has none. For a prefix of up to 19 bits that longer ones of its fan hide in its
 * first slot: 0, too.
 */
static inline int nv_fib_exact(const struct nv_fib *f, struct nv_bits dst, unsigned len,
                               uint32_t *ret_value)
{
    uint32_t ref = f->top;
    *ret_value = 0;
    if (!len)
        *ret_value = f->def;
    for (unsigned level = 0; len && level < NETVANE_FAN_LEVELS; level++) {
        if (ref >= f->ref_limit)
            return NV_TREE_BAD;
        const unsigned i = nv_bits_at(dst, nv_fan_start(level), nv_fan_bits(level));
        const struct netvane_region_fan_slot s = nv_fan_slot(nv_fib_cell(f, ref), i);
        if (len <= nv_fan_start(level + 1)) {
            if ((s.value & NETVANE_FV_LENGTH) == len)
                *ret_value = s.value;
            len = 0;
        }
        ref = s.child;
    }
    for (unsigned depth = NETVANE_FAN_BITS; len && ref; depth += NETVANE_FIB_STRIDE) {
        if (ref >= f->ref_limit)
            return NV_TREE_BAD;
        const unsigned char *cell = nv_fib_cell(f, ref);
        const uint64_t prefixes = nv_load64(cell, memory_order_relaxed),
                       children = nv_load64(cell + 8, memory_order_relaxed);
        const unsigned i = nv_bits_at(dst, depth, NETVANE_FIB_STRIDE), extra = len - depth;
        if (extra < NETVANE_FIB_STRIDE) {
            const unsigned bit = 1u << extra | i >> (NETVANE_FIB_STRIDE - extra);
            if (prefixes >> bit & 1u)
                *ret_value = nv_load32(
                    nv_cell_word(cell, nv_popcount(prefixes & ((UINT64_C(1) << bit) - 1))),
                    memory_order_relaxed);
            break;
        }
        if (!(children >> i & 1u))
            break;
        const unsigned rank =
            nv_popcount(prefixes) + nv_popcount(children & ((UINT64_C(1) << i) - 1));
        ref = nv_load32(nv_cell_word(cell, rank), memory_order_relaxed);
    }
    return *ret_value ? NV_TREE_OK : NV_TREE_END;
}

/* Copies the info that a value leads to: OK or BAD. */
static inline int nv_fib_info(const void *base, uint64_t limit, uint32_t value,
                              struct netvane_region_info *ret_info)
{
    const uint64_t offset = value & NETVANE_FV_INFO;
    if (offset < NETVANE_ARENA_OFFSET || offset + sizeof(*ret_info) > limit)
        return NV_TREE_BAD;
    nv_payload_load(ret_info, nv_at(base, offset), sizeof(*ret_info));
    return NV_TREE_OK;
}

/* ---- which route of a prefix ------------------------------------------------------------------------------- */

#define NV_HOP_DOWN (1u | 16u) /* RTNH_F_DEAD, RTNH_F_LINKDOWN */

/* What counts of a hop set. Zeroed: of none. */
struct nv_fib_hops {
    uint32_t count;
    bool usable;                  /* some hop is not dead */
    bool doubtful;                /* some hop is dead or without carrier, or leads nowhere by itself */
    struct netvane_rec_hop chosen; /* the first that is usable, else the first */
};

static inline void nv_fib_hops_add(struct nv_fib_hops *h, const struct netvane_rec_hop *hop)
{
    const bool usable = !(hop->flags & 1u);
    if (!h->count || (usable && !h->usable))
        h->chosen = *hop;
    h->usable |= usable;
    h->doubtful |= hop->flags & NV_HOP_DOWN || !hop->ifindex;
    h->count++;
}

/*
 * The routes of one prefix, asked in their order: the one that holds for every type of service and every source, as the
 * kernel finds it where all links are up. Zeroed at the start.
 */
struct nv_fib_group {
    bool any;         /* some route was added */
    bool found;       /* info is of a route that holds for all */
    bool usable;      /* and that can be used */
    bool conditional; /* NETVANE_FV_CONDITIONAL */
    struct netvane_region_info info;
};

static inline void nv_fib_group_take(struct nv_fib_group *g, const struct nv_fib_hops *h,
                                     const struct netvane_region_info *info)
{
    g->info = *info;
    g->info.hop_count = (uint16_t)h->count;
    if (h->count) {
        g->info.gw_family = h->chosen.gw_family;
        g->info.hop_flags = h->chosen.flags;
        g->info.ifindex = h->chosen.ifindex;
        g->info.nhid = h->chosen.nhid;
        memcpy(g->info.gateway, h->chosen.gateway, sizeof(g->info.gateway));
    }
}

static inline void nv_fib_group_add(struct nv_fib_group *g, bool special,
                                    const struct nv_fib_hops *h,
                                    const struct netvane_region_info *info)
{
    const bool usable = h->usable || !h->count;
    if (!g->any || (!special && (!g->found || (usable && !g->usable))))
        nv_fib_group_take(g, h, info);
    g->any = true;
    if (special) {
        g->conditional = true;
        return;
    }
    g->conditional |= !g->usable && h->doubtful;
    g->usable |= usable;
    g->found = true;
}

static inline void nv_fib_group_add4(struct nv_fib_group *g, const struct netvane_rec_route4 *r,
                                     const struct nv_fib_hops *h)
{
    struct netvane_region_info info = {.hops = r->hops,
                                       .metrics = r->metrics,
                                       .flags = r->flags,
                                       .metric = (uint32_t)(r->key[1] >> 16),
                                       .type = r->type,
                                       .protocol = r->protocol,
                                       .scope = r->scope};
    memcpy(info.prefsrc, r->prefsrc, sizeof(r->prefsrc));
    nv_fib_group_add(g, (r->key[1] >> 48 & 0xffu) != 0, h, &info);
}

static inline void nv_fib_group_add6(struct nv_fib_group *g, const struct netvane_rec_route6 *r,
                                     const struct nv_fib_hops *h)
{
    struct netvane_region_info info = {.hops = r->hops,
                                       .metrics = r->metrics,
                                       .flags = r->flags,
                                       .metric = (uint32_t)(r->key[5] >> 32),
                                       .type = r->type,
                                       .protocol = r->protocol,
                                       .scope = r->scope,
                                       .pref = r->pref};
    memcpy(info.prefsrc, r->prefsrc, sizeof(info.prefsrc));
    /* Of equal metrics preference and neighbours decide; and a route may have ended. */
    g->conditional |= g->found && info.metric == g->info.metric;
    g->conditional |= r->valid_until_ns != NV_FOREVER;
    nv_fib_group_add(g, (r->key[2] >> 16 & 0xffu) != 0, h, &info);
}

/* Do two route records of a tree have the same table and prefix? */
static inline bool nv_fib_same_prefix(bool is4, const uint64_t *a, const uint64_t *b)
{
    return is4 ? a[0] == b[0] && a[1] >> 56 == b[1] >> 56
               : a[0] == b[0] && a[1] == b[1] && a[2] >> 24 == b[2] >> 24;
}

/* The prefix of a route's key. */
static inline struct nv_bits nv_fib_prefix(bool is4, const uint64_t *key, unsigned *ret_len)
{
    if (is4) {
        *ret_len = (unsigned)(key[1] >> 56);
        return (struct nv_bits){key[0] << 32, 0};
    }
    *ret_len = (unsigned)(key[2] >> 24 & 0xffu);
    return (struct nv_bits){key[0] << 32 | key[1] >> 32, key[1] << 32 | key[2] >> 32};
}

/* The first key that routes of a prefix may have. */
static inline void nv_fib_key(bool is4, uint32_t table, struct nv_bits dst, unsigned len,
                              uint64_t ret_key[NV_TREE_KEY_WORDS_MAX])
{
    memset(ret_key, 0, NV_TREE_KEY_WORDS_MAX * sizeof(*ret_key));
    ret_key[0] = (uint64_t)table << 32 | dst.hi >> 32;
    if (is4) {
        ret_key[1] = (uint64_t)len << 56;
    } else {
        ret_key[1] = dst.hi << 32 | dst.lo >> 32;
        ret_key[2] = dst.lo << 32 | (uint64_t)len << 24;
    }
}

#endif
