/* SPDX-License-Identifier: MIT */
/*
 * copy.c - makes a private copy of a whole State.
 *
 * Owns:      struct netvane_state: a region of one version in this process's memory, so that every reading
 *            function works on it unchanged.
 * Assumes:   nothing about the source: what does not fit a tree makes the copy fail.
 * Promises:  all that the version reaches is copied, once; nothing is kept of a copy that was overtaken.
 *            The root ring is address space only: one of its pages is touched.
 */
#include "copy.h"

#include <stdlib.h>

uint64_t nv_copy_take(struct netvane_state *st, uint64_t bytes, uint64_t align)
{
    const uint64_t at = (st->used + align - 1) / align * align;
    if (at + bytes > st->capacity) {
        uint64_t capacity = st->capacity + (st->capacity - NETVANE_ARENA_OFFSET) / 2 +
                            UINT64_C(64) * NETVANE_NODE_BYTES;
        void *block = capacity <= SIZE_MAX ? realloc(st->block, (size_t)capacity) : NULL;
        if (!block)
            return 0;
        st->block = block;
        st->capacity = capacity;
    }
    st->used = at + bytes;
    return at;
}

/* The indexes that the records of a leaf name. */
static int copy_tables(struct nv_copy *c, struct netvane_region_node *leaf)
{
    for (unsigned i = 0; i < leaf->count; i++) {
        struct netvane_rec_table r;
        unsigned char *at = leaf->bytes + i * sizeof(r);
        memcpy(&r, at, sizeof(r));
        int w = nv_copy_lpm(c, r.key[0] >> 32 == NV_AF_4, &r.lpm);
        if (w != NV_TREE_OK)
            return w;
        memcpy(at, &r, sizeof(r));
    }
    leaf->checksum = nv_node_checksum(leaf, nv_tree_shape(NETVANE_TREE_TABLES));
    return NV_TREE_OK;
}

/* Copies the subtree at ref; depth is bounded by the height, which the caller has checked. */
static int copy_node(struct nv_copy *c, const struct nv_tree *t, uint32_t ref, unsigned level,
                     uint64_t *records, uint32_t *ret_ref)
{
    const struct nv_tree_shape *shape = nv_tree_shape(t->tree);
    struct netvane_region_node node;
    unsigned count;
    const unsigned char *n = nv_node(t, ref, level, &count);
    if (!n || !c->budget--)
        return NV_TREE_BAD;
    nv_payload_load(&node, n, sizeof(node));
    if (node.count != count) /* overwritten between two loads */
        return NV_TREE_BAD;
    const uint64_t mine = nv_copy_take(c->to, NETVANE_NODE_BYTES, NETVANE_NODE_BYTES);
    if (!mine)
        return NV_COPY_NO_MEMORY;
    if (!level) {
        *records += count;
        int w = t->tree == NETVANE_TREE_TABLES ? copy_tables(c, &node) : NV_TREE_OK;
        if (w != NV_TREE_OK)
            return w;
    } else {
        unsigned char *children =
            node.bytes + (size_t)shape->inner_capacity * shape->key_words * 8u;
        for (unsigned i = 0; i < count; i++) {
            uint32_t child;
            memcpy(&child, children + 4u * i, 4);
            int w = copy_node(c, t, child, level - 1, records, &child);
            if (w != NV_TREE_OK)
                return w;
            memcpy(children + 4u * i, &child, 4);
        }
        node.checksum = nv_node_checksum(&node, shape);
    }
    memcpy(c->to->block + mine, &node, sizeof(node));
    *ret_ref = (uint32_t)(mine / NETVANE_NODE_BYTES);
    return NV_TREE_OK;
}

static int copy_tree(struct nv_copy *c, unsigned tree, struct netvane_region_root *root)
{
    struct nv_tree t = {.base = c->s.base,
                        .limit = c->s.limit,
                        .ref = root->ref,
                        .height = root->height,
                        .count = root->count,
                        .tree = tree};
    uint64_t records = 0;
    if (!t.height)
        return t.count ? NV_TREE_BAD : NV_TREE_OK;
    if (t.height > NETVANE_TREE_HEIGHT_MAX)
        return NV_TREE_BAD;
    int w = copy_node(c, &t, t.ref, t.height - 1, &records, &root->ref);
    return w == NV_TREE_OK && records != t.count ? NV_TREE_BAD : w;
}

static int copy_all(struct nv_copy *c, struct netvane_region_slot *slot)
{
    c->budget = c->s.limit / 16; /* the smallest cell */
    nv_payload_load(slot, nv_snap_slot(&c->s), sizeof(*slot));
    if (slot->version != c->s.version)
        return NV_TREE_BAD;
    for (unsigned i = 0; i < NETVANE_TREE_COUNT; i++) {
        int w = copy_tree(c, i, &slot->tree[i]);
        if (w != NV_TREE_OK)
            return w;
        if (!nv_valid(&c->s)) /* the rest would be in vain */
            return NV_TREE_BAD;
    }
    memset(&slot->tree[NETVANE_TREE_COUNT], 0,
           (NETVANE_TREE_SLOTS - NETVANE_TREE_COUNT) * sizeof(slot->tree[0]));
    for (unsigned i = 0; i < NETVANE_LPM_SLOTS; i++) {
        const bool is4 = i == NETVANE_SL_MAIN4 || i == NETVANE_SL_LOCAL4;
        int w = nv_copy_lpm(c, is4, &slot->lpm[i]);
        if (w != NV_TREE_OK)
            return w;
    }
    /* A reader looks at NETVANE_CELL_MAX bytes, whatever the size of the cell. */
    return nv_copy_take(c->to, NETVANE_CELL_MAX, NETVANE_NODE_BYTES) ? NV_TREE_OK
                                                                     : NV_COPY_NO_MEMORY;
}

/* The copy's own hot words: one version, readable for ever. */
static void finish(struct netvane_state *st, struct netvane_region_slot *slot)
{
    const struct netvane_region_hot hot = {
        .head = st->version, .horizon = st->version, .committed = st->used, .successor = 0};
    slot->checksum = nv_hash(&slot->published_ns,
                             sizeof(*slot) - offsetof(struct netvane_region_slot, published_ns));
    memset(st->block, 0, NETVANE_RING_OFFSET);
    memcpy(st->block + NETVANE_HOT_OFFSET, &hot, sizeof(hot));
    memcpy(st->block + NETVANE_TOPICS_OFFSET + offsetof(struct netvane_region_topics, gen),
           slot->gen, NETVANE_TOPIC_SLOTS * sizeof(slot->gen[0]));
    memcpy(st->block + NV_SLOT(st->version), slot, sizeof(*slot));
}

int netvane_state_copy(const struct netvane_snap *snap, struct netvane_state **ret_state)
{
    struct nv_copy c = {.map = NULL};
    struct netvane_region_slot slot;
    struct netvane_state *st = ret_state ? calloc(1, sizeof(*st)) : NULL;
    if (!st)
        return ret_state ? NETVANE_NO_MEMORY : NETVANE_INVALID;
    st->used = NETVANE_ARENA_OFFSET;
    st->capacity = NETVANE_ARENA_OFFSET + UINT64_C(64) * NETVANE_NODE_BYTES;
    st->block = malloc((size_t)st->capacity);
    c.to = st;
    int r = st->block ? nv_enter(snap, &c.s) : NETVANE_NO_MEMORY;
    if (r)
        goto fail;
    st->version = c.s.version;
    int w = copy_all(&c, &slot);
    nv_copy_end(&c);
    r = nv_leave(&c.s, w == NV_TREE_OK || w == NV_COPY_NO_MEMORY ? NV_TREE_OK : NV_TREE_BAD);
    if (!r && w == NV_COPY_NO_MEMORY)
        r = NETVANE_NO_MEMORY;
    if (r)
        goto fail;
    finish(st, &slot);
    *ret_state = st;
    return NETVANE_OK;
fail:
    netvane_state_free(st);
    return r;
}

void netvane_state_snap(const struct netvane_state *state, struct netvane_snap *ret_snap)
{
    const struct nv_snap s = {
        .version = state->version,
        .header = state->block,
        .base = state->block,
        .limit = state->used,
        .flags = NV_SNAP_PRIVATE,
    };
    nv_snap_store(&s, ret_snap);
}

void netvane_state_free(struct netvane_state *state)
{
    if (!state)
        return;
    free(state->block);
    free(state);
}
