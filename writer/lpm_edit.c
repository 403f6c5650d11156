/* SPDX-License-Identifier: MIT */
/*
 * lpm_edit.c - a copy-on-write tree bitmap behind two fans.
 *
 * Idea: an edit goes down and makes each fan, and each block, on its way the draft's, so that the node that leads to the next
 * one can be written. A block that gets a value or a node more or less is taken apart, and put together again where it was,
 * if it has room there.
 * Hazard: cells are written with relaxed atomic words, because an expired reader may still look at reused ones.
 */
#include "lpm_edit.h"

#define FAN_SLOTS   32u
#define FAN_BYTES   (FAN_SLOTS * 8u)
#define ARRAY_BYTES (FAN_SLOTS * 16u) /* of the nodes behind the fans */
#define NODES_MAX   23u               /* on one way */

typedef struct netvane_region_lpm_node node;

static uint32_t load32(const void *p)
{
    return nv_load32(p, memory_order_relaxed);
}

static void store32(void *p, uint32_t v)
{
    nv_store32(p, v, memory_order_relaxed);
}

static unsigned five(struct nv_bits dst, unsigned at)
{
    return nv_bits_at(dst, at, NETVANE_LPM_STRIDE);
}

/* The bit of a prefix that is `extra` bits longer than its node's place. */
static unsigned prefix_bit(struct nv_bits dst, unsigned depth, unsigned extra)
{
    return 1u << extra | five(dst, depth) >> (NETVANE_LPM_STRIDE - extra);
}

/* Makes the cell that *where refers to the draft's, a new one all zeros. */
static unsigned char *own(struct nv_cells *c, uint32_t *where, uint32_t bytes)
{
    const uint32_t ref = load32(where);
    if (ref && nv_cell_is_fresh(c, ref))
        return nv_cell_rw(c, ref);
    const uint32_t to = nv_cells_take(c, bytes);
    unsigned char *cell = nv_cell_rw(c, to);
    if (ref) {
        nv_payload_store(cell, nv_cell_rw(c, ref), (bytes + 7u) / 8u * 8u);
        nv_cells_give(c, ref, bytes);
    } else {
        for (uint32_t i = 0; i < bytes; i += 8)
            nv_store64(cell + i, 0, memory_order_relaxed);
    }
    store32(where, to);
    return cell;
}

static bool is_empty(const unsigned char *cell, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i += 8)
        if (nv_load64(cell + i, memory_order_relaxed))
            return false;
    return true;
}

/* ---- blocks -------------------------------------------------------------------------------------------------- */

static uint32_t block_bytes(const node *n)
{
    return 16u * nv_popcount(n->children) + 4u * nv_popcount(n->prefixes);
}

static unsigned char *own_block(struct nv_cells *c, node *n)
{
    return own(c, &n->block, block_bytes(n));
}

static node *child_at(unsigned char *block, unsigned rank)
{
    return (node *)(void *)block + rank;
}

static unsigned char *value_at(unsigned char *block, const node *n, unsigned rank)
{
    return block + 16 * (size_t)nv_popcount(n->children) + 4 * (size_t)rank;
}

/* A block, taken apart. */
struct parts {
    node nodes[33];
    uint32_t values[34]; /* 31, one more, and zeros up to whole words of 8 bytes */
    unsigned value_count, node_count;
};

static void take_apart(const struct nv_cells *c, const node *n, struct parts *ret)
{
    const unsigned char *block = nv_cell_rw(c, n->block);
    ret->value_count = nv_popcount(n->prefixes);
    ret->node_count = nv_popcount(n->children);
    memcpy(ret->nodes, block, ret->node_count * sizeof(ret->nodes[0]));
    memcpy(ret->values, block + ret->node_count * sizeof(ret->nodes[0]),
           ret->value_count * sizeof(ret->values[0]));
}

/* Gives n these prefixes and children, whose values and nodes p holds. */
static void put_together(struct nv_cells *c, node *n, uint32_t prefixes, uint32_t children,
                         struct parts *p)
{
    const uint32_t had = block_bytes(n), ref = n->block;
    node now = {.prefixes = prefixes, .children = children, .block = ref, .value = n->value};
    const uint32_t bytes = block_bytes(&now);
    if (!(ref && bytes == had && nv_cell_is_fresh(c, ref))) {
        now.block = bytes ? nv_cells_take(c, bytes) : 0;
        if (ref)
            nv_cells_give(c, ref, had);
    }
    unsigned char *block = nv_cell_rw(c, now.block);
    p->values[p->value_count] = 0;
    nv_payload_store(block, p->nodes, p->node_count * sizeof(p->nodes[0]));
    nv_payload_store(block + p->node_count * sizeof(p->nodes[0]), p->values,
                     (p->value_count + 1u) / 2u * 8u);
    nv_payload_store(n, &now, sizeof(now));
}

static void insert_value(struct nv_cells *c, node *n, unsigned bit, uint32_t value)
{
    struct parts p;
    const unsigned at = nv_rank(n->prefixes, bit);
    take_apart(c, n, &p);
    memmove(&p.values[at + 1], &p.values[at], (p.value_count - at) * sizeof(p.values[0]));
    p.values[at] = value;
    p.value_count++;
    put_together(c, n, n->prefixes | UINT32_C(1) << bit, n->children, &p);
}

static void remove_value(struct nv_cells *c, node *n, unsigned bit)
{
    struct parts p;
    const unsigned at = nv_rank(n->prefixes, bit);
    take_apart(c, n, &p);
    p.value_count--;
    memmove(&p.values[at], &p.values[at + 1], (p.value_count - at) * sizeof(p.values[0]));
    put_together(c, n, n->prefixes & ~(UINT32_C(1) << bit), n->children, &p);
}

static void insert_child(struct nv_cells *c, node *n, unsigned i)
{
    struct parts p;
    const unsigned at = nv_rank(n->children, i);
    take_apart(c, n, &p);
    memmove(&p.nodes[at + 1], &p.nodes[at], (p.node_count - at) * sizeof(p.nodes[0]));
    p.nodes[at] = (node){0};
    p.node_count++;
    put_together(c, n, n->prefixes, n->children | UINT32_C(1) << i, &p);
}

static void remove_child(struct nv_cells *c, node *n, unsigned i)
{
    struct parts p;
    const unsigned at = nv_rank(n->children, i);
    take_apart(c, n, &p);
    p.node_count--;
    memmove(&p.nodes[at], &p.nodes[at + 1], (p.node_count - at) * sizeof(p.nodes[0]));
    put_together(c, n, n->prefixes, n->children & ~(UINT32_C(1) << i), &p);
}

/* The child for the next five bits being i, in a block of the draft; made if there is none. */
static node *own_child(struct nv_cells *c, node *n, unsigned i)
{
    if (!(n->children >> i & 1u))
        insert_child(c, n, i);
    return child_at(own_block(c, n), nv_rank(n->children, i));
}

/* ---- fans ---------------------------------------------------------------------------------------------------------- */

/* What leads to each of the two fans, and to the nodes behind them; then the nodes. */
struct way {
    uint32_t *where[NV_FANS + 1];
    node *at[NODES_MAX];
};

static uint32_t fan_bytes(unsigned level)
{
    return level < NV_FANS ? FAN_BYTES : ARRAY_BYTES;
}

static uint32_t *slot_child(unsigned char *fan, unsigned i)
{
    return (uint32_t *)(void *)(fan + 8u * i + offsetof(struct netvane_region_fan_slot, child));
}

/* The word for the value of a slot, or of a node behind the fans. */
static uint32_t *slot_value(unsigned char *fan, unsigned level, unsigned i)
{
    return (uint32_t *)(void *)(level < NV_FANS
                                    ? fan + 8u * i + offsetof(struct netvane_region_fan_slot, value)
                                    : fan + 16u * i + offsetof(node, value));
}

/* The first slot of a prefix in its fan, and how many it covers. */
static unsigned fan_range(struct nv_bits dst, unsigned level, unsigned len, unsigned *ret_count)
{
    *ret_count = 1u << (5 * (level + 1) - len);
    return five(dst, 5 * level) & ~(*ret_count - 1);
}

static void fan_set(unsigned char *fan, unsigned level, struct nv_bits dst, unsigned len,
                    uint32_t value)
{
    unsigned count;
    const unsigned first = fan_range(dst, level, len, &count);
    for (unsigned i = first; i < first + count; i++) {
        uint32_t *at = slot_value(fan, level, i);
        if ((load32(at) & NETVANE_FV_LENGTH) <= len)
            store32(at, value | len);
    }
}

static void fan_clear(unsigned char *fan, unsigned level, struct nv_bits dst, unsigned len,
                      nv_shorter_fn *shorter, void *arg)
{
    unsigned count;
    const unsigned first = fan_range(dst, level, len, &count);
    uint32_t instead = 0;
    for (unsigned l = len - 1; l > 5 * level && !instead; l--) {
        instead = shorter(arg, dst, l);
        if (instead)
            instead |= l;
    }
    for (unsigned i = first; i < first + count; i++) {
        uint32_t *at = slot_value(fan, level, i);
        if ((load32(at) & NETVANE_FV_LENGTH) == len)
            store32(at, instead);
    }
}

/* Takes fans that became empty out of those above them; level: of the first that may be. */
static void prune_fans(struct nv_cells *c, struct way *w, unsigned level)
{
    for (unsigned up = level + 1; up-- > 0;) {
        const uint32_t ref = load32(w->where[up]);
        if (!is_empty(nv_cell_rw(c, ref), fan_bytes(up)))
            return;
        nv_cells_give(c, ref, fan_bytes(up));
        store32(w->where[up], 0);
    }
}

/* ---- edits ----------------------------------------------------------------------------------------------------------- */

void nv_lpm_set(struct nv_cells *c, struct nv_lpm_draft *f, struct nv_bits dst, unsigned len,
                uint32_t value)
{
    uint32_t *where = &f->top;
    unsigned char *fan = NULL;
    if (!len) {
        f->def = value;
        return;
    }
    for (unsigned level = 0; level <= NV_FANS; level++) {
        fan = own(c, where, fan_bytes(level));
        if (len <= 5 * (level + 1)) {
            fan_set(fan, level, dst, len, value);
            return;
        }
        where = slot_child(fan, five(dst, 5 * level));
    }
    node *n = (node *)(void *)fan + five(dst, 5 * NV_FANS);
    unsigned depth = NETVANE_LPM_NODES;
    for (; len - depth >= NETVANE_LPM_STRIDE; depth += NETVANE_LPM_STRIDE)
        n = own_child(c, n, five(dst, depth));
    const unsigned bit = prefix_bit(dst, depth, len - depth);
    if (n->prefixes >> bit & 1u)
        store32(value_at(own_block(c, n), n, nv_rank(n->prefixes, bit)), value);
    else
        insert_value(c, n, bit, value);
}

static bool has_prefix(const struct nv_cells *c, const struct nv_lpm_draft *f, struct nv_bits dst,
                       unsigned len)
{
    const struct nv_lpm walk = nv_lpm_of_draft(c, f);
    uint32_t value;
    return nv_lpm_exact(&walk, dst, len, &value) == NV_TREE_OK;
}

static void clear_long(struct nv_cells *c, struct way *w, struct nv_bits dst, unsigned len)
{
    unsigned depth = NETVANE_LPM_NODES, k = 0;
    for (; len - depth >= NETVANE_LPM_STRIDE; depth += NETVANE_LPM_STRIDE, k++)
        w->at[k + 1] = own_child(c, w->at[k], five(dst, depth));
    remove_value(c, w->at[k], prefix_bit(dst, depth, len - depth));
    for (; k && !w->at[k]->prefixes && !w->at[k]->children; k--)
        remove_child(c, w->at[k - 1], five(dst, NETVANE_LPM_NODES + NETVANE_LPM_STRIDE * (k - 1)));
}

void nv_lpm_clear(struct nv_cells *c, struct nv_lpm_draft *f, struct nv_bits dst, unsigned len,
                  nv_shorter_fn *shorter, void *arg)
{
    struct way w = {.where = {&f->top}};
    unsigned char *fan = NULL;
    unsigned level = 0;
    if (!len) {
        f->def = 0;
        return;
    }
    if (len > NETVANE_LPM_NODES && !has_prefix(c, f, dst, len))
        return;
    for (;; level++) {
        if (!load32(w.where[level]))
            return;
        fan = own(c, w.where[level], fan_bytes(level));
        if (len <= 5 * (level + 1)) {
            fan_clear(fan, level, dst, len, shorter, arg);
            break;
        }
        if (level == NV_FANS) {
            w.at[0] = (node *)(void *)fan + five(dst, 5 * NV_FANS);
            clear_long(c, &w, dst, len);
            break;
        }
        w.where[level + 1] = slot_child(fan, five(dst, 5 * level));
    }
    prune_fans(c, &w, level);
}

/* ---- all of it --------------------------------------------------------------------------------------------------------- */

/* Visits each node under n, what is below before itself. */
static void drop_block(struct nv_cells *c, const node *n)
{
    if (!n->block)
        return;
    unsigned char *block = nv_cell_rw(c, n->block);
    for (unsigned i = 0; i < nv_popcount(n->children); i++)
        drop_block(c, child_at(block, i));
    nv_cells_give(c, n->block, block_bytes(n));
}

static void drop_fan(struct nv_cells *c, uint32_t ref, unsigned level)
{
    if (!ref)
        return;
    unsigned char *fan = nv_cell_rw(c, ref);
    for (unsigned i = 0; i < FAN_SLOTS; i++) {
        if (level == NV_FANS)
            drop_block(c, (node *)(void *)fan + i);
        else
            drop_fan(c, *slot_child(fan, i), level + 1);
    }
    nv_cells_give(c, ref, fan_bytes(level));
}

void nv_lpm_drop(struct nv_cells *c, struct nv_lpm_draft *f)
{
    drop_fan(c, f->top, 0);
    *f = (struct nv_lpm_draft){0};
}

static void block_values(const struct nv_cells *c, const node *n, nv_lpm_value_fn *found, void *arg)
{
    unsigned char *block = nv_cell_rw(c, n->block);
    for (unsigned i = 0; i < nv_popcount(n->prefixes); i++)
        found(arg, load32(value_at(block, n, i)));
    for (unsigned i = 0; i < nv_popcount(n->children); i++)
        block_values(c, child_at(block, i), found, arg);
}

static void fan_values(const struct nv_cells *c, uint32_t ref, unsigned level,
                       nv_lpm_value_fn *found, void *arg)
{
    if (!ref)
        return;
    unsigned char *fan = nv_cell_rw(c, ref);
    for (unsigned i = 0; i < FAN_SLOTS; i++) {
        if (*slot_value(fan, level, i))
            found(arg, *slot_value(fan, level, i));
        if (level == NV_FANS)
            block_values(c, (node *)(void *)fan + i, found, arg);
        else
            fan_values(c, *slot_child(fan, i), level + 1, found, arg);
    }
}

void nv_lpm_values(const struct nv_cells *c, const struct nv_lpm_draft *f, nv_lpm_value_fn *found,
                   void *arg)
{
    if (f->def)
        found(arg, f->def);
    fan_values(c, f->top, 0, found, arg);
}
