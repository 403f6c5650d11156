/* SPDX-License-Identifier: MIT */
/*
 * lpm_block.c - a copy-on-write tree bitmap.
 *
 * An edit goes down and makes each block on its way the draft's, so that the node that leads to the next one can be written. A
 * block that gets a value or a node more or less is taken apart, and put together again where it was, if it has room there.
 */
#include "lpm_block.h"

#define NODES_MAX 23u /* on one way */

typedef struct netvane_region_lpm_node node;

static unsigned five(struct nv_bits dst, unsigned at)
{
    return nv_bits_at(dst, at, NETVANE_LPM_STRIDE);
}

/* The bit of a prefix that is `extra` bits longer than its node's place. */
static unsigned prefix_bit(struct nv_bits dst, unsigned depth, unsigned extra)
{
    return 1u << extra | five(dst, depth) >> (NETVANE_LPM_STRIDE - extra);
}

/* ---- blocks -------------------------------------------------------------------------------------------------- */

static uint32_t block_bytes(const node *n)
{
    return 16u * nv_popcount(n->children) + 4u * nv_popcount(n->prefixes);
}

static unsigned char *own_block(struct nv_cells *c, node *n)
{
    return nv_cells_own(c, &n->block, block_bytes(n));
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
    node now = {.prefixes = prefixes, .children = children, .block = ref};
    const uint32_t bytes = block_bytes(&now);
    if (!(nv_cell_units(bytes) == nv_cell_units(had) && nv_cell_is_fresh(c, ref))) {
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

/* ---- edits --------------------------------------------------------------------------------------------------------- */

void nv_lpm_block_set(struct nv_cells *c, node *n, struct nv_bits dst, unsigned len, uint32_t value)
{
    unsigned depth = NETVANE_LPM_NODES;
    for (; len - depth >= NETVANE_LPM_STRIDE; depth += NETVANE_LPM_STRIDE)
        n = own_child(c, n, five(dst, depth));
    const unsigned bit = prefix_bit(dst, depth, len - depth);
    if (n->prefixes >> bit & 1u)
        nv_store32(value_at(own_block(c, n), n, nv_rank(n->prefixes, bit)), value,
                   memory_order_relaxed);
    else
        insert_value(c, n, bit, value);
}

void nv_lpm_block_clear(struct nv_cells *c, node *n, struct nv_bits dst, unsigned len)
{
    node *at[NODES_MAX] = {n};
    unsigned depth = NETVANE_LPM_NODES, k = 0;
    for (; len - depth >= NETVANE_LPM_STRIDE; depth += NETVANE_LPM_STRIDE, k++)
        at[k + 1] = own_child(c, at[k], five(dst, depth));
    remove_value(c, at[k], prefix_bit(dst, depth, len - depth));
    for (; k && !at[k]->prefixes && !at[k]->children; k--)
        remove_child(c, at[k - 1], five(dst, NETVANE_LPM_NODES + NETVANE_LPM_STRIDE * (k - 1)));
}

/* What is below goes first. */
void nv_lpm_block_drop(struct nv_cells *c, const node *n)
{
    if (!n->block)
        return;
    unsigned char *block = nv_cell_rw(c, n->block);
    for (unsigned i = 0; i < nv_popcount(n->children); i++)
        nv_lpm_block_drop(c, child_at(block, i));
    nv_cells_give(c, n->block, block_bytes(n));
}

void nv_lpm_block_values(const struct nv_cells *c, const node *n, nv_lpm_value_fn *found, void *arg)
{
    unsigned char *block = nv_cell_rw(c, n->block);
    for (unsigned i = 0; i < nv_popcount(n->prefixes); i++)
        found(arg, nv_load32(value_at(block, n, i), memory_order_relaxed));
    for (unsigned i = 0; i < nv_popcount(n->children); i++)
        nv_lpm_block_values(c, child_at(block, i), found, arg);
}
