/* SPDX-License-Identifier: MIT */
/*
 * lpm.h - the read-only walk over a longest-prefix index (its layout is in netvane/region.h).
 *
 * Owns:      addresses as bits, the lookup, the lookup of one exact prefix, values and what they lead to; which of a
 *            prefix's routes an index shows.
 * Assumes:   a base whose bytes below `limit` can be read; any content at all, even hostile.
 * Promises:  every reference is loaded once and checked against the limit, and nothing beyond NETVANE_CELL_MAX from there is
 *            read; at most three fans, a leaf and 22 nodes are looked at. Nothing is written.
 * Leaves:    to the caller: nv_read_check after the walk and before the result is used, as of nv/tree.h.
 *
 * Speed: the usual answer stands in the leaf (IPv4) or in the last node on the way (IPv6); what fans and nodes passed say is
 * asked if there is none.
 */
#ifndef NV_LPM_H
#define NV_LPM_H

#include "nv/kernel.h"
#include "nv/tree.h"

/* An address, its first bit on top. IPv4: hi >> 32. */
struct nv_bits {
    uint64_t hi, lo;
};

struct nv_lpm {
    const unsigned char *cells; /* where reference 0 leads */
    uint32_t ref_limit;         /* references below it lead to NETVANE_CELL_MAX readable bytes */
    uint32_t top, def;
};

struct nv_lpm_hit {
    uint32_t value; /* 0: none */
    uint32_t len;
};

#define NV_FANS       3u
#define NV_LEAF_SLOTS 256u

/* Bits before level `level` of the fans, NV_FANS: before the leaf; and how many it looks at. */
static inline NV_SPECIALIZED unsigned nv_fan_start(unsigned level)
{
    return level < NV_FANS ? 5 * level : NETVANE_LPM_LEAF;
}

static inline NV_SPECIALIZED unsigned nv_fan_end(unsigned level)
{
    return level == NV_FANS ? NETVANE_LPM_LONG : nv_fan_start(level + 1);
}

static inline NV_SPECIALIZED unsigned nv_fan_width(unsigned level)
{
    return nv_fan_end(level) - nv_fan_start(level);
}

/* Its first 64 bits; of an IPv4 address, all of it and zeros. */
static inline NV_SPECIALIZED uint64_t nv_head_of(unsigned family, const uint8_t *ip)
{
    return family == NV_AF_4 ? nv_load_be32_on_top(ip) : nv_load_be64(ip);
}

static inline struct nv_bits nv_bits_of(unsigned family, const uint8_t *ip)
{
    return (struct nv_bits){nv_head_of(family, ip), family == NV_AF_4 ? 0 : nv_load_be64(ip + 8)};
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

/* Which slot of the fan of a level, or place of the leaf, an address leads to. */
static inline NV_SPECIALIZED unsigned nv_fan_slot_of(struct nv_bits dst, unsigned level)
{
    return nv_bits_at(dst, nv_fan_start(level), nv_fan_width(level));
}

static inline struct nv_lpm nv_lpm_of(const void *base, uint64_t limit,
                                      const struct netvane_region_lpm *root)
{
    const uint64_t refs =
        (limit - NETVANE_NOTHING_OFFSET - NETVANE_CELL_MAX) / NETVANE_CELL_UNIT + 1;
    return (struct nv_lpm){.cells = nv_at(base, NETVANE_NOTHING_OFFSET),
                           .ref_limit = (uint32_t)nv_min_u64(refs, UINT32_MAX),
                           .top = root->top,
                           .def = root->def};
}

static inline NV_SPECIALIZED const unsigned char *nv_lpm_cell(const struct nv_lpm *f, uint32_t ref)
{
    return f->cells + (uint64_t)ref * NETVANE_CELL_UNIT;
}

/*
 * Words of a cell. On x86 compilers give an atomic load an instruction of its own for the address, which in the walks below is
 * every third one; a load is one there whatever it is called (R1), and this one cannot be split, doubled or moved over a fence
 * either.
 */
static inline NV_SPECIALIZED uint64_t nv_lpm_word32(const unsigned char *at)
{
#if defined(__x86_64__) && defined(__GNUC__) && !defined(NV_TSAN)
    uint64_t w; /* of which the upper half is 0 */
    __asm__("movl %1, %k0" : "=r"(w) : "m"(*(const uint32_t *)(const void *)at));
    return w;
#else
    return nv_load32(at, memory_order_relaxed);
#endif
}

static inline NV_SPECIALIZED uint64_t nv_lpm_word64(const unsigned char *at)
{
#if defined(__x86_64__) && defined(__GNUC__) && !defined(NV_TSAN)
    uint64_t w;
    __asm__("movq %1, %0" : "=r"(w) : "m"(*(const uint64_t *)(const void *)at));
    return w;
#else
    return nv_load64(at, memory_order_relaxed);
#endif
}

/* A fan's slot, a leaf's group, a node, in whole words: it may be written over at any time. */
static inline NV_SPECIALIZED struct netvane_region_fan_slot nv_fan_slot(const unsigned char *fan,
                                                                        unsigned i)
{
    const uint64_t w = nv_lpm_word64(fan + 8u * (size_t)i);
    struct netvane_region_fan_slot s;
    memcpy(&s, &w, sizeof(s));
    return s;
}

static inline NV_SPECIALIZED struct netvane_region_leaf_group nv_leaf_group(
    const unsigned char *leaf, unsigned group)
{
    const uint64_t w = nv_lpm_word64(leaf + 8u * (size_t)group);
    struct netvane_region_leaf_group g;
    memcpy(&g, &w, sizeof(g));
    return g;
}

static inline NV_SPECIALIZED struct netvane_region_lpm_node nv_lpm_node(const unsigned char *at)
{
    const uint64_t w[2] = {nv_load64(at, memory_order_relaxed),
                           nv_load64(at + 8, memory_order_relaxed)};
    struct netvane_region_lpm_node n;
    memcpy(&n, w, sizeof(n));
    return n;
}

static inline NV_SPECIALIZED unsigned nv_popcount(uint32_t w)
{
    return (unsigned)__builtin_popcount(w);
}

/* Where the highest bit stands. w is not 0. */
static inline NV_SPECIALIZED unsigned nv_top_bit(uint32_t w)
{
    return 31u - (unsigned)__builtin_clz(w);
}

/* How many bits of w stand below `bit`. */
static inline NV_SPECIALIZED unsigned nv_rank(uint32_t w, unsigned bit)
{
    return nv_popcount(w & ((UINT32_C(1) << bit) - 1));
}

/* The bits of `prefixes` that are on the way to each of the next 5 bits: one of every length. */
#define NV_WAY(i)                                                                       \
    (UINT32_C(1) << 1 | UINT32_C(1) << (2 | (i) >> 4) | UINT32_C(1) << (4 | (i) >> 3) | \
     UINT32_C(1) << (8 | (i) >> 2) | UINT32_C(1) << (16 | (i) >> 1))
#define NV_WAY4(i)  NV_WAY(i), NV_WAY((i) + 1), NV_WAY((i) + 2), NV_WAY((i) + 3)
#define NV_WAY16(i) NV_WAY4(i), NV_WAY4((i) + 4), NV_WAY4((i) + 8), NV_WAY4((i) + 12)
static const uint32_t nv_lpm_ways[32] = {NV_WAY16(0), NV_WAY16(16)};

/* Where a node's block has the node for child `rank`, and the value of prefix `rank`. */
static inline NV_SPECIALIZED const unsigned char *nv_block_node(const unsigned char *block,
                                                                unsigned rank)
{
    return block + 16 * (size_t)rank;
}

static inline NV_SPECIALIZED const unsigned char *nv_block_value(const unsigned char *block,
                                                                 uint32_t children, unsigned rank)
{
    return block + 16 * (size_t)nv_popcount(children) + 4 * (size_t)rank;
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

/* ---- leaves ------------------------------------------------------------------------------------------------- */

/* Where the value of place i of a leaf stands; g: the place's group, which has no node, or without it. */
static inline NV_SPECIALIZED const unsigned char *nv_leaf_value_at(
    const unsigned char *leaf, struct netvane_region_leaf_group g, unsigned i)
{
    return leaf + 4 * ((size_t)g.place + nv_rank(g.ends, i % 32));
}

static inline NV_SPECIALIZED uint32_t nv_leaf_value(const unsigned char *leaf, unsigned i)
{
    struct netvane_region_leaf_group g = nv_leaf_group(leaf, i / 32);
    g.place &= NETVANE_LG_VALUE;
    return (uint32_t)nv_lpm_word32(nv_leaf_value_at(leaf, g, i));
}

/* Of a group's place: where its node stands, in 16 bytes; 0: it has none. */
static inline NV_SPECIALIZED uint32_t nv_group_node(uint32_t place)
{
    return place >> NETVANE_LG_NODE_SHIFT;
}

/* The node of a group, which has one; NULL: it stands where none can. */
static inline NV_SPECIALIZED const unsigned char *nv_leaf_node(const unsigned char *leaf,
                                                               struct netvane_region_leaf_group g)
{
    const uint32_t node = nv_group_node(g.place);
    return nv_unlikely(node >= NETVANE_CELL_MAX / 16) ? NULL : leaf + 16 * (size_t)node;
}

/* n bits of a head from bit `at` on. */
static inline NV_SPECIALIZED uint64_t nv_head_bits(uint64_t head, unsigned at, unsigned n)
{
    return head >> (64 - at - n) & ((1u << n) - 1);
}

/* The place in its leaf that a head leads to. */
static inline NV_SPECIALIZED unsigned nv_leaf_place(uint64_t head)
{
    return (unsigned)nv_head_bits(head, NETVANE_LPM_LEAF, 8);
}

/* Where the leaf on the way stands; false: a bad reference. The caller has seen that top is below the limit. */
static inline NV_SPECIALIZED bool nv_lpm_leaf(const struct nv_lpm *f, uint64_t head,
                                              const unsigned char **ret_leaf)
{
    _Static_assert(!offsetof(struct netvane_region_fan_slot, child),
                   "a slot begins with its child");
    uint64_t ref = nv_lpm_word32(f->cells + 8 * (f->top + nv_head_bits(head, 0, 5)));
    if (nv_unlikely(ref >= f->ref_limit))
        return false;
    ref = nv_lpm_word32(f->cells + 8 * (ref + nv_head_bits(head, 5, 5)));
    if (nv_unlikely(ref >= f->ref_limit))
        return false;
    ref = nv_lpm_word32(f->cells + 8 * (ref + nv_head_bits(head, 10, 6)));
    *ret_leaf = f->cells + 8 * ref;
    return nv_likely(ref < f->ref_limit);
}

/*
 * The usual answer of an IPv4 table: where its leaf has the value; false: the whole walk has to be done. The words of the group
 * are loaded one by one: they need not be of one moment, and a value found by chance is none that the caller keeps.
 */
static inline NV_SPECIALIZED bool nv_leaf_usual4(const unsigned char *leaf, uint64_t head,
                                                 const unsigned char **ret_at)
{
    const unsigned i = nv_leaf_place(head);
    const unsigned char *group = leaf + 8 * (size_t)(i / 32);
    const uint64_t place = nv_lpm_word32(group + offsetof(struct netvane_region_leaf_group, place));
    if (nv_unlikely(place > NETVANE_LG_VALUE))
        return false;
    *ret_at = leaf + 4 * (place + nv_rank((uint32_t)nv_lpm_word32(group), i % 32));
    return true;
}

/* ---- nodes ---------------------------------------------------------------------------------------------------- */

/* Words of the node at a place. */
static inline NV_SPECIALIZED uint64_t nv_lpm_children(const unsigned char *node)
{
    return nv_lpm_word32(node + offsetof(struct netvane_region_lpm_node, children));
}

static inline NV_SPECIALIZED uint64_t nv_lpm_block(const unsigned char *node)
{
    return nv_lpm_word32(node + offsetof(struct netvane_region_lpm_node, block));
}

/* The child of the node of bit `depth`, NULL: there is none, or no good reference. */
static inline NV_SPECIALIZED const unsigned char *nv_lpm_down(const struct nv_lpm *f, uint64_t hi,
                                                              unsigned depth,
                                                              const unsigned char *node)
{
    const unsigned i = (unsigned)(hi << depth >> 59);
    const uint64_t children = nv_lpm_children(node), ref = nv_lpm_block(node);
    if (!(children >> i & 1u) || nv_unlikely(ref >= f->ref_limit))
        return NULL;
    return f->cells + 8 * ref + 16 * (size_t)nv_rank((uint32_t)children, i);
}

/* The usual answer of an IPv6 table stands in the last node on the way, and is of at most 58 bits. */
#define NV_LPM_DEPTH6 54u /* of the last node that the steps look at */

/* The length of the prefix whose bit has so many zeros above it, in the node of bit 0. */
static const uint8_t nv_lpm_lengths[32] = {4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
                                           3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 0, 0};

/* Where the value stands, NULL: the whole walk has to be done; and the length. */
static inline NV_SPECIALIZED const unsigned char *nv_lpm_end6(const struct nv_lpm *f, uint64_t hi,
                                                              unsigned depth,
                                                              const unsigned char *node,
                                                              uint32_t *ret_len)
{
    const unsigned i = (unsigned)(hi << depth >> 59);
    const uint32_t prefixes = (uint32_t)nv_lpm_word32(node), way = prefixes & nv_lpm_ways[i],
                   children = (uint32_t)nv_lpm_children(node);
    const uint64_t ref = nv_lpm_block(node);
    if (nv_unlikely(!way || children >> i & 1u || ref >= f->ref_limit))
        return NULL;
    const unsigned zeros = (unsigned)__builtin_clz(way);
    *ret_len = depth + nv_lpm_lengths[zeros];
    return nv_block_value(f->cells + 8 * ref, children,
                          nv_popcount(prefixes & UINT32_C(0x7fffffff) >> zeros));
}

/* ---- whole walks ------------------------------------------------------------------------------------------------ */

/* One level of the way to a short prefix. A bad reference ends it: the walk saw it, too. */
static inline NV_SPECIALIZED void nv_lpm_short_step(const struct nv_lpm *f, struct nv_bits dst,
                                                    unsigned level, uint32_t *ref, uint32_t *value)
{
    if (nv_unlikely(*ref >= f->ref_limit))
        return;
    const struct netvane_region_fan_slot s =
        nv_fan_slot(nv_lpm_cell(f, *ref), nv_fan_slot_of(dst, level));
    *value = s.value ? s.value : *value;
    *ref = s.child;
}

/* The longest prefix of at most 16 bits that covers dst, as the root and the fans have it: OK or END. */
static inline NV_SPECIALIZED int nv_lpm_find_short(const struct nv_lpm *f, struct nv_bits dst,
                                                   struct nv_lpm_hit *ret_hit)
{
    uint32_t value = f->def, ref = f->top;
    _Static_assert(NV_FANS == 3, "as many steps");
    nv_lpm_short_step(f, dst, 0, &ref, &value);
    nv_lpm_short_step(f, dst, 1, &ref, &value);
    nv_lpm_short_step(f, dst, 2, &ref, &value);
    *ret_hit = (struct nv_lpm_hit){value, value & NETVANE_FV_LENGTH};
    return value ? NV_TREE_OK : NV_TREE_END;
}

/*
 * From a group's node down: where the value of the longest prefix stands, NULL: none here, and its length. False: a bad
 * reference. bits: of an address of the family.
 */
static inline NV_SPECIALIZED bool nv_lpm_walk_nodes(const struct nv_lpm *f, struct nv_bits dst,
                                                    unsigned bits, const unsigned char *at,
                                                    const unsigned char **ret_best,
                                                    uint32_t *ret_len)
{
    const unsigned char *best = NULL;
    uint32_t len = 0;
    for (unsigned depth = NETVANE_LPM_NODES; at && depth < bits; depth += NETVANE_LPM_STRIDE) {
        const struct netvane_region_lpm_node n = nv_lpm_node(at);
        const unsigned i = nv_bits_at(dst, depth, NETVANE_LPM_STRIDE);
        const uint32_t way = n.prefixes & nv_lpm_ways[i];
        const unsigned top = nv_top_bit(way | 1);
        if (nv_unlikely(n.block >= f->ref_limit))
            return false;
        const unsigned char *block = nv_lpm_cell(f, n.block);
        best =
            NV_EITHER(way != 0, nv_block_value(block, n.children, nv_rank(n.prefixes, top)), best);
        len = NV_EITHER(way != 0, depth + nv_top_bit(top | 1), len);
        if (!(n.children >> i & 1u))
            break;
        at = nv_block_node(block, nv_rank(n.children, i));
    }
    *ret_best = best;
    *ret_len = len;
    return at != NULL;
}

/* The longest prefix that covers dst: OK, END (none) or BAD. */
static inline NV_SPECIALIZED int nv_lpm_find(const struct nv_lpm *f, struct nv_bits dst,
                                             unsigned bits, struct nv_lpm_hit *ret_hit)
{
    const unsigned char *leaf, *best = NULL;
    const unsigned i = nv_leaf_place(dst.hi);
    if (nv_unlikely(f->top >= f->ref_limit || !nv_lpm_leaf(f, dst.hi, &leaf)))
        return NV_TREE_BAD;
    const struct netvane_region_leaf_group g = nv_leaf_group(leaf, i / 32);
    if (nv_group_node(g.place) &&
        !nv_lpm_walk_nodes(f, dst, bits, nv_leaf_node(leaf, g), &best, &ret_hit->len))
        return NV_TREE_BAD;
    if (best) {
        ret_hit->value = nv_load32(best, memory_order_relaxed);
        return ret_hit->value ? NV_TREE_OK : NV_TREE_END;
    }
    ret_hit->value = nv_leaf_value(leaf, i);
    ret_hit->len = ret_hit->value & NETVANE_FV_LENGTH;
    return ret_hit->value ? NV_TREE_OK : nv_lpm_find_short(f, dst, ret_hit);
}

/* The value of place i of a fan, or of a leaf, which `cell` is. */
static inline uint32_t nv_lpm_place_value(const unsigned char *cell, unsigned level, unsigned i)
{
    return level < NV_FANS ? nv_fan_slot(cell, i).value : nv_leaf_value(cell, i);
}

/* The fan, or leaf, that the last bit of a prefix of up to 24 bits lies in: NULL: a bad reference. */
static inline const unsigned char *nv_lpm_cell_of(const struct nv_lpm *f, struct nv_bits dst,
                                                  unsigned len, unsigned *ret_level)
{
    uint32_t ref = f->top;
    unsigned level = 0;
    for (; len > nv_fan_end(level) && ref < f->ref_limit; level++)
        ref = nv_fan_slot(nv_lpm_cell(f, ref), nv_fan_slot_of(dst, level)).child;
    *ret_level = level;
    return ref < f->ref_limit ? nv_lpm_cell(f, ref) : NULL;
}

/*
 * The value of exactly this prefix, 0: it has none. For a prefix of up to 24 bits that longer ones of its fan, or leaf, hide in
 * its first place: 0, too.
 */
static inline int nv_lpm_exact(const struct nv_lpm *f, struct nv_bits dst, unsigned len,
                               uint32_t *ret_value)
{
    unsigned level;
    const unsigned char *cell =
        nv_lpm_cell_of(f, dst, len < NETVANE_LPM_LONG ? len : NETVANE_LPM_LONG, &level);
    *ret_value = 0;
    if (!cell)
        return NV_TREE_BAD;
    const unsigned i = nv_fan_slot_of(dst, level);
    if (len <= NETVANE_LPM_LONG) {
        const uint32_t value = len ? nv_lpm_place_value(cell, level, i) : f->def;
        *ret_value = (value & NETVANE_FV_LENGTH) == len ? value : 0;
        return *ret_value ? NV_TREE_OK : NV_TREE_END;
    }
    const struct netvane_region_leaf_group g = nv_leaf_group(cell, i / 32);
    if (!nv_group_node(g.place))
        return NV_TREE_END;
    const unsigned char *at = nv_leaf_node(cell, g);
    for (unsigned depth = NETVANE_LPM_NODES; at; depth += NETVANE_LPM_STRIDE) {
        const struct netvane_region_lpm_node n = nv_lpm_node(at);
        const unsigned five = nv_bits_at(dst, depth, NETVANE_LPM_STRIDE), extra = len - depth;
        if (n.block >= f->ref_limit)
            return NV_TREE_BAD;
        const unsigned char *block = nv_lpm_cell(f, n.block);
        if (extra < NETVANE_LPM_STRIDE) {
            const unsigned bit = 1u << extra | five >> (NETVANE_LPM_STRIDE - extra);
            if (n.prefixes >> bit & 1u)
                *ret_value = nv_load32(nv_block_value(block, n.children, nv_rank(n.prefixes, bit)),
                                       memory_order_relaxed);
            return *ret_value ? NV_TREE_OK : NV_TREE_END;
        }
        if (!(n.children >> five & 1u))
            return NV_TREE_END;
        at = nv_block_node(block, nv_rank(n.children, five));
    }
    return NV_TREE_BAD;
}

/* Copies the info that a value leads to: OK or BAD. */
static inline int nv_lpm_info(const void *base, uint64_t limit, uint32_t value,
                              struct netvane_region_info *ret_info)
{
    const uint64_t offset = value & NETVANE_FV_INFO;
    if (offset < NETVANE_ARENA_OFFSET || offset + sizeof(*ret_info) > limit)
        return NV_TREE_BAD;
    nv_payload_load(ret_info, nv_at(base, offset), sizeof(*ret_info));
    return NV_TREE_OK;
}

/* Which root of the root slot is a table's; NETVANE_LPM_SLOTS: none, its record has it. */
static inline unsigned nv_lpm_root_slot(bool is4, uint32_t table)
{
    switch (table) {
    case NV_TABLE_MAIN: return is4 ? NETVANE_SL_MAIN4 : NETVANE_SL_MAIN6;
    case NV_TABLE_LOCAL: return is4 ? NETVANE_SL_LOCAL4 : NETVANE_SL_LOCAL6;
    default: return NETVANE_LPM_SLOTS;
    }
}

/* ---- which route of a prefix ------------------------------------------------------------------------------- */

/* What counts of a hop set. Zeroed: of none. */
struct nv_lpm_hops {
    uint32_t count;
    bool usable;   /* some hop is not dead */
    bool doubtful; /* some hop is dead or without carrier, or leads nowhere by itself */
    struct netvane_rec_hop chosen; /* the first that is usable, else the first */
};

static inline void nv_lpm_hops_add(struct nv_lpm_hops *h, const struct netvane_rec_hop *hop)
{
    const bool usable = !(hop->flags & NV_RTNH_F_DEAD);
    if (!h->count || (usable && !h->usable))
        h->chosen = *hop;
    h->usable |= usable;
    h->doubtful |= hop->flags & NV_RTNH_F_DOWN || !hop->ifindex;
    h->count++;
}

/*
 * The routes of one prefix, asked in their order: the one that holds for every type of service and every source, as the
 * kernel finds it where all links are up. Zeroed at the start.
 */
struct nv_lpm_group {
    bool any;         /* some route was added */
    bool found;       /* info is of a route that holds for all */
    bool usable;      /* and that can be used */
    bool conditional; /* NETVANE_FV_CONDITIONAL */
    struct netvane_region_info info;
};

static inline void nv_lpm_group_take(struct nv_lpm_group *g, const struct nv_lpm_hops *h,
                                     const struct netvane_region_info *info)
{
    g->info = *info;
    g->info.hop_count = (uint16_t)h->count;
    if (h->count) {
        g->info.gw_family = h->chosen.gw_family;
        g->info.hop_flags = (uint8_t)(h->chosen.flags & ~NETVANE_IF_MORE);
        if (h->chosen.encap_type || h->chosen.realm || h->chosen.nhid || h->chosen.weight != 1)
            g->info.hop_flags |= NETVANE_IF_MORE;
        g->info.ifindex = h->chosen.ifindex;
        g->info.nhid = h->chosen.nhid;
        memcpy(g->info.gateway, h->chosen.gateway, sizeof(g->info.gateway));
    }
}

static inline void nv_lpm_group_add(struct nv_lpm_group *g, bool special,
                                    const struct nv_lpm_hops *h,
                                    const struct netvane_region_info *info)
{
    const bool usable = h->usable || !h->count;
    if (!g->any || (!special && (!g->found || (usable && !g->usable))))
        nv_lpm_group_take(g, h, info);
    g->any = true;
    if (special) {
        g->conditional = true;
        return;
    }
    g->conditional |= !g->usable && h->doubtful;
    g->usable |= usable;
    g->found = true;
}

static inline void nv_lpm_group_add4(struct nv_lpm_group *g, const struct netvane_rec_route4 *r,
                                     const struct nv_lpm_hops *h)
{
    struct netvane_region_info info = {.hops = r->hops,
                                       .metrics = r->metrics,
                                       .flags = r->flags,
                                       .metric = (uint32_t)(r->key[1] >> 16),
                                       .type = r->type,
                                       .protocol = r->protocol,
                                       .scope = r->scope};
    memcpy(info.prefsrc, r->prefsrc, sizeof(r->prefsrc));
    nv_lpm_group_add(g, (r->key[1] >> 48 & 0xffu) != 0, h, &info);
}

static inline void nv_lpm_group_add6(struct nv_lpm_group *g, const struct netvane_rec_route6 *r,
                                     const struct nv_lpm_hops *h)
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
    nv_lpm_group_add(g, (r->key[2] >> 16 & 0xffu) != 0, h, &info);
}

/* Do two route records of a tree have the same table and prefix? */
static inline bool nv_lpm_same_prefix(bool is4, const uint64_t *a, const uint64_t *b)
{
    return is4 ? a[0] == b[0] && a[1] >> 56 == b[1] >> 56
               : a[0] == b[0] && a[1] == b[1] && a[2] >> 24 == b[2] >> 24;
}

/* How much of a route's key says which table and prefix it is of; the length with what stands below it. */
static inline size_t nv_lpm_key_bytes(bool is4)
{
    return (is4 ? 2u : 3u) * sizeof(uint64_t);
}

/* The prefix of a route's key. */
static inline struct nv_bits nv_lpm_prefix(bool is4, const uint64_t *key, unsigned *ret_len)
{
    if (is4) {
        *ret_len = (unsigned)(key[1] >> 56);
        return (struct nv_bits){key[0] << 32, 0};
    }
    *ret_len = (unsigned)(key[2] >> 24 & 0xffu);
    return (struct nv_bits){key[0] << 32 | key[1] >> 32, key[1] << 32 | key[2] >> 32};
}

/* The first key that routes of a prefix may have. */
static inline void nv_lpm_key(bool is4, uint32_t table, struct nv_bits dst, unsigned len,
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
