/* SPDX-License-Identifier: MIT */
/*
 * lpm_leaf.c - opens, edits and seals leaves.
 *
 * Hazard: a prefix whose places longer ones have all is nowhere in the leaf. When one of these goes, the routes have to be asked
 * for it; `hidden` says for which lengths that may be, so that they seldom are.
 */
#include "lpm_leaf.h"

#define VALUES (uint32_t)(sizeof(struct netvane_region_leaf) / 4) /* words before them */

static uint32_t word(const unsigned char *cell, unsigned i)
{
    return nv_load32(cell + 4 * (size_t)i, memory_order_relaxed);
}

static uint32_t hidden_of(const unsigned char *cell)
{
    return nv_load32(cell + offsetof(struct netvane_region_leaf, hidden), memory_order_relaxed);
}

static uint32_t bit_of(unsigned len)
{
    return UINT32_C(1) << (len - NETVANE_LPM_LEAF);
}

/* ---- cells -------------------------------------------------------------------------------------------------- */

struct netvane_region_lpm_node *nv_lpm_leaf_node(unsigned char *cell, unsigned group)
{
    const uint32_t node = nv_group_node(nv_leaf_group(cell, group).place);
    return node ? (struct netvane_region_lpm_node *)(void *)cell + node : NULL;
}

/* Words from the beginning of the leaf to its last value. */
static uint32_t words_of(const unsigned char *cell)
{
    const struct netvane_region_leaf_group g = nv_leaf_group(cell, NETVANE_LPM_GROUPS - 1);
    return (g.place & NETVANE_LG_VALUE) + nv_popcount(g.ends) + 1;
}

uint32_t nv_lpm_leaf_bytes(const unsigned char *cell)
{
    for (unsigned g = NETVANE_LPM_GROUPS; g-- > 0;) {
        const uint32_t node = nv_group_node(nv_leaf_group(cell, g).place);
        if (node)
            return 16 * (node + 1);
    }
    return 4 * words_of(cell);
}

void nv_lpm_leaf_open(const struct nv_cells *c, uint32_t ref, struct nv_lpm_leaf *ret_leaf)
{
    unsigned char *cell = nv_cell_rw(c, ref);
    memset(ret_leaf, 0, sizeof(*ret_leaf));
    if (!ref)
        return;
    for (unsigned i = 0; i < NETVANE_LPM_GROUPS; i++) {
        const struct netvane_region_leaf_group g = nv_leaf_group(cell, i);
        uint32_t at = g.place & NETVANE_LG_VALUE;
        for (unsigned k = 0; k < 32; k++) {
            ret_leaf->value[32 * i + k] = word(cell, at);
            at += g.ends >> k & 1u;
        }
        const struct netvane_region_lpm_node *node = nv_lpm_leaf_node(cell, i);
        if (node) {
            ret_leaf->node[i] = *node;
            ret_leaf->nodes |= 1u << i;
        }
    }
    ret_leaf->hidden = hidden_of(cell);
}

void nv_lpm_leaf_seal(struct nv_cells *c, const struct nv_lpm_leaf *leaf, uint32_t *where)
{
    union {
        struct netvane_region_leaf head;
        uint32_t words[NETVANE_CELL_MAX / 4];
        struct netvane_region_lpm_node nodes[NETVANE_CELL_MAX / 16];
    } to;
    uint32_t ref = nv_load32(where, memory_order_relaxed), at = VALUES;
    for (unsigned i = 0; i < NETVANE_LPM_GROUPS; i++) {
        const uint32_t *value = &leaf->value[32 * (size_t)i];
        struct netvane_region_leaf_group g = {.place = at};
        for (unsigned k = 0; k < 32; k++) {
            const bool last = i == NETVANE_LPM_GROUPS - 1 && k == 31;
            const uint32_t ends = !last && value[k] != value[k + 1];
            to.words[at] = value[k];
            at += ends;
            g.ends |= ends << k;
        }
        to.head.group[i] = g;
    }
    const bool empty = at == VALUES && !leaf->value[0] && !leaf->nodes;
    uint32_t bytes = 4 * ++at, end = (at + 3) / 4; /* in nodes */
    for (; at % 4; at++)
        to.words[at] = 0;
    for (unsigned i = 0; i < NETVANE_LPM_GROUPS; i++) {
        if (!(leaf->nodes >> i & 1u))
            continue;
        to.nodes[end] = leaf->node[i];
        to.head.group[i].place |= end++ << NETVANE_LG_NODE_SHIFT;
        bytes = 16 * end;
    }
    to.head.hidden = leaf->hidden;
    const uint32_t had = ref ? nv_lpm_leaf_bytes(nv_cell_rw(c, ref)) : 0;
    if (!(ref && !empty && nv_cell_units(bytes) == nv_cell_units(had) &&
          nv_cell_is_fresh(c, ref))) {
        if (ref)
            nv_cells_give(c, ref, had);
        ref = empty ? 0 : nv_cells_take(c, bytes);
        nv_store32(where, ref, memory_order_relaxed);
    }
    if (ref)
        nv_payload_store(nv_cell_rw(c, ref), &to, (bytes + 7) / 8 * 8);
}

/* ---- an open leaf ---------------------------------------------------------------------------------------------- */

uint32_t nv_lpm_leaf_shown(const struct nv_lpm_leaf *leaf, struct nv_bits dst, unsigned len)
{
    unsigned count;
    const unsigned first = nv_lpm_leaf_range(dst, len, &count);
    for (unsigned i = first; i < first + count; i++)
        if ((leaf->value[i] & NETVANE_FV_LENGTH) == len)
            return leaf->value[i];
    return 0;
}

void nv_lpm_leaf_set(struct nv_lpm_leaf *leaf, struct nv_bits dst, unsigned len, uint32_t value)
{
    unsigned count, covered = 0; /* length of the prefix whose places these were */
    bool shown = false;
    const unsigned first = nv_lpm_leaf_range(dst, len, &count);
    for (unsigned i = first; i < first + count; i++) {
        const unsigned had = leaf->value[i] & NETVANE_FV_LENGTH;
        if (had > len)
            continue;
        covered = had < len ? had : covered;
        leaf->value[i] = value | len;
        shown = true;
    }
    if (!shown)
        leaf->hidden |= bit_of(len);
    if (covered && !nv_lpm_leaf_shown(leaf, dst, covered))
        leaf->hidden |= bit_of(covered);
}

void nv_lpm_leaf_clear(struct nv_lpm_leaf *leaf, struct nv_bits dst, unsigned len,
                       nv_shorter_fn *shorter, void *arg)
{
    unsigned count;
    const unsigned first = nv_lpm_leaf_range(dst, len, &count);
    uint32_t instead = 0;
    if (!nv_lpm_leaf_shown(leaf, dst, len))
        return;
    for (unsigned l = len - 1; l > NETVANE_LPM_LEAF && !instead; l--) {
        instead = nv_lpm_leaf_shown(leaf, dst, l);
        if (!instead && leaf->hidden & bit_of(l)) {
            instead = shorter(arg, dst, l);
            instead |= instead ? l : 0;
        }
    }
    for (unsigned i = first; i < first + count; i++)
        if ((leaf->value[i] & NETVANE_FV_LENGTH) == len)
            leaf->value[i] = instead;
}

/* ---- a leaf in its cell ------------------------------------------------------------------------------------------ */

/* Which word of the leaf has the value of a place. */
static uint32_t word_of(const unsigned char *cell, unsigned i)
{
    const struct netvane_region_leaf_group g = nv_leaf_group(cell, i / 32);
    return (g.place & NETVANE_LG_VALUE) + nv_rank(g.ends, i % 32);
}

static bool ends_at(const unsigned char *cell, unsigned i)
{
    return nv_leaf_group(cell, i / 32).ends >> i % 32 & 1u;
}

uint32_t nv_lpm_cell_shown(const unsigned char *cell, struct nv_bits dst, unsigned len)
{
    unsigned count;
    const unsigned first = nv_lpm_leaf_range(dst, len, &count);
    for (uint32_t at = word_of(cell, first); at <= word_of(cell, first + count - 1); at++)
        if ((word(cell, at) & NETVANE_FV_LENGTH) == len)
            return word(cell, at);
    return 0;
}

bool nv_lpm_cell_alone(const unsigned char *cell, struct nv_bits dst, unsigned len)
{
    unsigned count;
    const unsigned first = nv_lpm_leaf_range(dst, len, &count), last = first + count - 1;
    return (!first || ends_at(cell, first - 1)) &&
           (last == NV_LEAF_SLOTS - 1 || ends_at(cell, last)) && nv_lpm_cell_shown(cell, dst, len);
}

void nv_lpm_cell_replace(unsigned char *cell, struct nv_bits dst, unsigned len, uint32_t value)
{
    unsigned count;
    const unsigned first = nv_lpm_leaf_range(dst, len, &count);
    for (uint32_t at = word_of(cell, first); at <= word_of(cell, first + count - 1); at++)
        if ((word(cell, at) & NETVANE_FV_LENGTH) == len)
            nv_store32(cell + 4 * (size_t)at, value | len, memory_order_relaxed);
}

void nv_lpm_leaf_values(const struct nv_cells *c, uint32_t ref, nv_lpm_value_fn *found, void *arg)
{
    unsigned char *cell = nv_cell_rw(c, ref);
    for (uint32_t i = VALUES; i < words_of(cell); i++)
        if (word(cell, i))
            found(arg, word(cell, i));
    for (unsigned i = 0; i < NETVANE_LPM_GROUPS; i++) {
        const struct netvane_region_lpm_node *node = nv_lpm_leaf_node(cell, i);
        if (node)
            nv_lpm_block_values(c, node, found, arg);
    }
}

void nv_lpm_leaf_drop(struct nv_cells *c, uint32_t ref)
{
    unsigned char *cell = nv_cell_rw(c, ref);
    for (unsigned i = 0; i < NETVANE_LPM_GROUPS; i++) {
        const struct netvane_region_lpm_node *node = nv_lpm_leaf_node(cell, i);
        if (node)
            nv_lpm_block_drop(c, node);
    }
    nv_cells_give(c, ref, nv_lpm_leaf_bytes(cell));
}
