/* SPDX-License-Identifier: MIT */
/*
 * tree_edit.h - insert, replace and delete in the draft of a tree.
 */
#ifndef NV_TREE_EDIT_H
#define NV_TREE_EDIT_H

#include "arena.h"
#include "nv/tree.h"

struct nv_draft {
    struct nv_arena arena;
    struct netvane_region_root tree[NETVANE_TREE_COUNT];
    uint64_t nodes_copied;
};

/* The draft of a tree as something to walk. Ends with the next edit. */
static inline struct nv_tree nv_draft_tree(const struct nv_draft *d, unsigned tree)
{
    const struct netvane_region_root *r = &d->tree[tree];
    return (struct nv_tree){.base = d->arena.base,
                            .limit = d->arena.size_bytes,
                            .ref = r->ref,
                            .height = r->height,
                            .count = r->count,
                            .tree = tree};
}

/* The record with this key: true if there is one. key of fewer words than the tree's: see nv_draft_seek. */
static inline bool nv_draft_find(const struct nv_draft *d, unsigned tree, const uint64_t *key,
                                 void *ret_record)
{
    struct nv_tree t = nv_draft_tree(d, tree);
    return nv_tree_find(&t, key, ret_record) == NV_TREE_OK;
}

/*
 * Each edit copies the nodes on its path into nodes of the draft unless they are already, needs at most
 * NV_EDIT_NODES reserved nodes for all edits of one change of the mirror, and cannot fail. O(log n).
 */
/* Inserts the record, or replaces the one with its key. True: it was inserted. */
bool nv_draft_put(struct nv_draft *d, unsigned tree, const void *record);
/* Deletes the record with this key. True: there was one. */
bool nv_draft_delete(struct nv_draft *d, unsigned tree, const uint64_t *key);

#endif
