/* SPDX-License-Identifier: MIT */
/*
 * copy_lpm.c - copies longest-prefix indexes into a private State.
 *
 * Owns:      the walk over fans, leaves and nodes, and the map that keeps infos shared.
 * Promises:  no more bytes are copied than the region has.
 */
#include "copy.h"

#include <stdlib.h>

#include "nv/lpm.h"

/* One copy under way. */
struct job {
    struct nv_copy *c;
    struct nv_lpm from;
    unsigned bits; /* of an address */
};

/* ---- infos --------------------------------------------------------------------------------------------------- */

static struct nv_copied *find(const struct nv_copy *c, uint32_t from)
{
    uint32_t i = (uint32_t)nv_mix(from) & (c->map_size - 1);
    while (c->map[i].from && c->map[i].from != from)
        i = (i + 1) & (c->map_size - 1);
    return &c->map[i];
}

static bool map_room(struct nv_copy *c)
{
    if (2 * (c->map_count + 1) <= c->map_size)
        return true;
    struct nv_copied *old = c->map;
    const uint32_t old_size = c->map_size;
    struct nv_copied *map = calloc(old_size ? 2 * (size_t)old_size : 64, sizeof(*map));
    if (!map)
        return false;
    c->map = map;
    c->map_size = old_size ? 2 * old_size : 64;
    for (uint32_t i = 0; i < old_size; i++)
        if (old[i].from)
            *find(c, old[i].from) = old[i];
    free(old);
    return true;
}

void nv_copy_end(struct nv_copy *c)
{
    free(c->map);
    c->map = NULL;
}

/* What a value is in the copy. */
static int copy_value(struct job *j, uint32_t *value)
{
    struct nv_copy *c = j->c;
    const uint32_t info = *value & NETVANE_FV_INFO;
    struct netvane_region_info content;
    if (!*value)
        return NV_TREE_OK;
    if (!map_room(c))
        return NV_COPY_NO_MEMORY;
    struct nv_copied *known = find(c, info);
    if (!known->from) {
        if (!info || nv_lpm_info(c->s.base, c->s.limit, info, &content) != NV_TREE_OK ||
            !nv_copy_may(c, sizeof(content)))
            return NV_TREE_BAD;
        const uint64_t at = nv_copy_take(c->to, sizeof(content), sizeof(content));
        if (!at || at > UINT32_MAX) /* a copy of more than 4 GiB has its infos first */
            return NV_COPY_NO_MEMORY;
        memcpy(c->to->block + at, &content, sizeof(content));
        *known = (struct nv_copied){info, (uint32_t)at};
        c->map_count++;
    }
    *value = known->to | (*value & ~NETVANE_FV_INFO);
    return NV_TREE_OK;
}

/* ---- fans, leaves and nodes ------------------------------------------------------------------------------------ */

static uint32_t reference(uint64_t offset)
{
    return (uint32_t)((offset - NETVANE_NOTHING_OFFSET) / NETVANE_CELL_UNIT);
}

static bool may_copy(struct job *j, uint32_t ref, size_t bytes)
{
    return ref < j->from.ref_limit && nv_copy_may(j->c, bytes);
}

/* Copies what is under a node, which becomes that of the copy. */
static int copy_node(struct job *j, struct netvane_region_lpm_node *n, unsigned depth)
{
    struct netvane_region_lpm_node nodes[32];
    uint32_t values[32] = {0};
    const unsigned children = nv_popcount(n->children), prefixes = nv_popcount(n->prefixes);
    const size_t node_bytes = children * sizeof(nodes[0]),
                 value_bytes = prefixes * sizeof(values[0]);
    int w = NV_TREE_OK;
    if (!(children | prefixes)) {
        n->block = 0;
        return w;
    }
    if (depth >= j->bits || !may_copy(j, n->block, node_bytes + value_bytes))
        return NV_TREE_BAD;
    const unsigned char *block = nv_lpm_cell(&j->from, n->block);
    for (unsigned i = 0; i < children && w == NV_TREE_OK; i++) {
        nodes[i] = nv_lpm_node(nv_block_node(block, i));
        w = copy_node(j, &nodes[i], depth + NETVANE_LPM_STRIDE);
    }
    for (unsigned i = 0; i < prefixes && w == NV_TREE_OK; i++) {
        values[i] = nv_load32(nv_block_value(block, n->children, i), memory_order_relaxed);
        w = copy_value(j, &values[i]);
    }
    if (w != NV_TREE_OK)
        return w;
    const uint64_t at = nv_copy_take(j->c->to, node_bytes + value_bytes, 16);
    if (!at)
        return NV_COPY_NO_MEMORY;
    memcpy(j->c->to->block + at, nodes, node_bytes);
    memcpy(j->c->to->block + at + node_bytes, values, value_bytes);
    n->block = reference(at);
    return NV_TREE_OK;
}

/* A leaf, and how much of it there is: its values, then its nodes. */
union leaf {
    struct netvane_region_leaf head;
    uint32_t words[NETVANE_CELL_MAX / 4];
    struct netvane_region_lpm_node nodes[NETVANE_CELL_MAX / 16];
};

/* The words up to the last value; 0: the groups do not follow each other. */
static unsigned leaf_words(const union leaf *leaf)
{
    unsigned at = sizeof(struct netvane_region_leaf) / 4;
    for (unsigned g = 0; g < NETVANE_LPM_GROUPS; g++) {
        if ((leaf->head.group[g].place & NETVANE_LG_VALUE) != at)
            return 0;
        at += nv_popcount(leaf->head.group[g].ends);
    }
    /* Behind the last place none is another. */
    return leaf->head.group[NETVANE_LPM_GROUPS - 1].ends >> 31 ? 0 : at + 1;
}

static int copy_leaf(struct job *j, uint32_t *ref)
{
    union leaf from, to;
    int w = NV_TREE_OK;
    if (!*ref)
        return NV_TREE_OK;
    if (*ref >= j->from.ref_limit)
        return NV_TREE_BAD;
    nv_payload_load(&from, nv_lpm_cell(&j->from, *ref), sizeof(from));
    const unsigned words = leaf_words(&from);
    unsigned end = (words + 3) / 4; /* in nodes */
    memset(&to, 0, sizeof(to));
    memcpy(&to, &from, 4 * (size_t)words);
    for (unsigned i = sizeof(struct netvane_region_leaf) / 4; i < words && w == NV_TREE_OK; i++)
        w = copy_value(j, &to.words[i]);
    for (unsigned g = 0; g < NETVANE_LPM_GROUPS && w == NV_TREE_OK; g++) {
        const uint32_t node = nv_group_node(from.head.group[g].place);
        if (!node)
            continue;
        if (node >= NETVANE_CELL_MAX / 16)
            return NV_TREE_BAD;
        to.nodes[end] = from.nodes[node];
        to.head.group[g].place =
            (from.head.group[g].place & NETVANE_LG_VALUE) | end << NETVANE_LG_NODE_SHIFT;
        w = copy_node(j, &to.nodes[end++], NETVANE_LPM_NODES);
    }
    if (w != NV_TREE_OK)
        return w;
    if (!words || !nv_copy_may(j->c, 16 * (size_t)end))
        return NV_TREE_BAD;
    const uint64_t at = nv_copy_take(j->c->to, 16 * (size_t)end, 16);
    if (!at)
        return NV_COPY_NO_MEMORY;
    memcpy(j->c->to->block + at, &to, 16 * (size_t)end);
    *ref = reference(at);
    return NV_TREE_OK;
}

static int copy_fan(struct job *j, uint32_t *ref, unsigned level)
{
    struct netvane_region_fan_slot slots[64];
    const unsigned count = 1u << nv_fan_width(level);
    const size_t bytes = count * sizeof(slots[0]);
    int w = NV_TREE_OK;
    if (level == NV_FANS)
        return copy_leaf(j, ref);
    if (!*ref)
        return NV_TREE_OK;
    if (!may_copy(j, *ref, bytes))
        return NV_TREE_BAD;
    nv_payload_load(slots, nv_lpm_cell(&j->from, *ref), bytes);
    for (unsigned i = 0; i < count && w == NV_TREE_OK; i++) {
        w = copy_value(j, &slots[i].value);
        if (w == NV_TREE_OK)
            w = copy_fan(j, &slots[i].child, level + 1);
    }
    const uint64_t at = w == NV_TREE_OK ? nv_copy_take(j->c->to, bytes, 16) : 0;
    if (!at)
        return w == NV_TREE_OK ? NV_COPY_NO_MEMORY : w;
    memcpy(j->c->to->block + at, slots, bytes);
    *ref = reference(at);
    return NV_TREE_OK;
}

int nv_copy_lpm(struct nv_copy *c, bool is4, struct netvane_region_lpm *root)
{
    struct job j = {.c = c, .from = nv_lpm_of(c->s.base, c->s.limit, root), .bits = is4 ? 32 : 128};
    int w = copy_value(&j, &root->def);
    return w == NV_TREE_OK ? copy_fan(&j, &root->top, 0) : w;
}
