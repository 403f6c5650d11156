/* SPDX-License-Identifier: MIT */
/*
 * diff_find.c - looks several keys up in two versions of a tree at once.
 *
 * Owns:      the descent of a batch to its leaves, all keys one level at a time.
 * Promises:  as nv/tree.h: every reference is checked, every step is bounded.
 *
 * What a search costs is waiting for nodes: those that another core has just written, and those that nobody has touched
 * for long. The searches of a batch do not depend on each other, so that they wait at the same time. And the two
 * versions of a node are mostly alike, so that the place in one is the best guess for the place in the other.
 */
#include "diff.h"

static void prefetch(const struct nv_tree *t, uint32_t ref)
{
    const uint64_t offset = (uint64_t)ref * NETVANE_NODE_BYTES;
    if (offset + NETVANE_NODE_BYTES <= t->limit)
        nv_node_fetch(t->base + offset);
}

static uint64_t first_word(const unsigned char *key)
{
    return nv_load64(key, memory_order_relaxed);
}

/* As nv_inner_index. Counts instead of branching: in a node of a dozen keys a branch is wrong as often as not. */
static unsigned inner_index(const struct nv_tree_shape *s, const unsigned char *n, unsigned count,
                            const uint64_t *key)
{
    unsigned less = 0, most = 0;
    for (unsigned i = 1; i < count; i++) {
        const uint64_t w = first_word(nv_node_key(s, n, i));
        less += w < key[0];
        most += w <= key[0];
    }
    while (most > less && nv_stored_compare(nv_node_key(s, n, most), key, s->key_words) > 0)
        most--;
    return most;
}

/* Is that the child under which key lies? */
static bool is_index(const struct nv_tree_shape *s, const unsigned char *n, unsigned count,
                     unsigned i, const uint64_t *key)
{
    return i < count && (!i || nv_stored_compare(nv_node_key(s, n, i), key, s->key_words) <= 0) &&
           (i + 1 == count || nv_stored_compare(nv_node_key(s, n, i + 1), key, s->key_words) > 0);
}

/* One level down: *io_ref from a node of that level to its child. guess: where it may be, and then where it is. */
static bool step(const struct nv_tree *t, unsigned level, const uint64_t *key, unsigned *io_guess,
                 uint32_t *io_ref)
{
    const struct nv_tree_shape *s = nv_tree_shape(t->tree);
    unsigned count;
    const unsigned char *n = nv_node(t, *io_ref, level, &count);
    if (!n)
        return false;
    if (!is_index(s, n, count, *io_guess, key))
        *io_guess = inner_index(s, n, count, key);
    *io_ref = nv_node_child(s, n, *io_guess);
    prefetch(t, *io_ref);
    return true;
}

int nv_diff_find(struct nv_diff *d)
{
    struct nv_batch *batch = &d->batch;
    const struct nv_tree a = nv_snap_tree(&d->a.s, d->tree), b = nv_snap_tree(&d->b.s, d->tree);
    if (a.height > NETVANE_TREE_HEIGHT_MAX || b.height > NETVANE_TREE_HEIGHT_MAX)
        return NV_TREE_BAD;
    batch->trees[0] = a;
    batch->trees[1] = b;
    for (unsigned i = 0; i < batch->count; i++) {
        batch->leaf[i][0] = a.ref;
        batch->leaf[i][1] = b.ref;
    }
    for (unsigned level = a.height > b.height ? a.height : b.height; level-- > 1;) {
        for (unsigned i = 0; i < batch->count; i++) {
            unsigned guess = UINT32_MAX;
            if ((level < a.height && !step(&a, level, batch->key[i], &guess, &batch->leaf[i][0])) ||
                (level < b.height && !step(&b, level, batch->key[i], &guess, &batch->leaf[i][1])))
                return NV_TREE_BAD;
        }
    }
    return NV_TREE_OK;
}

int nv_diff_found(const struct nv_diff *d, unsigned i, unsigned side, void *ret_record)
{
    const struct nv_tree *t = &d->batch.trees[side];
    const struct nv_tree_shape *s = nv_tree_shape(t->tree);
    const uint64_t *key = d->batch.key[i];
    unsigned count, place = 0;
    if (!t->height)
        return NV_TREE_END;
    const unsigned char *n = nv_node(t, d->batch.leaf[i][side], 0, &count);
    if (!n)
        return NV_TREE_BAD;
    for (unsigned at = 0; at < count; at++)
        place += first_word(nv_node_record(s, n, at)) < key[0];
    for (; place < count; place++) {
        int c = nv_stored_compare(nv_node_record(s, n, place), key, s->key_words);
        if (c > 0)
            return NV_TREE_END;
        if (!c) {
            nv_payload_load(ret_record, nv_node_record(s, n, place), s->stride);
            return NV_TREE_OK;
        }
    }
    return NV_TREE_END;
}
