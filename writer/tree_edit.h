/* SPDX-License-Identifier: MIT */
/*
 * tree_edit.h - insert, replace and delete in the draft of a tree.
 */
#ifndef NV_TREE_EDIT_H
#define NV_TREE_EDIT_H

#include "arena.h"
#include "nv/tree.h"

/* The way from the root to a leaf. */
struct nv_tree_path {
    uint32_t ref[NETVANE_TREE_HEIGHT_MAX];
    unsigned index[NETVANE_TREE_HEIGHT_MAX];
};

/* Where the last edit or nv_draft_locate of a tree was: dumps come in order, so that the next is mostly there too. */
struct nv_finger {
    struct nv_tree_path path;
    uint64_t upper[NV_TREE_KEY_WORDS_MAX]; /* all keys of the leaf are below it, if bounded */
    bool valid, bounded;
};

struct nv_draft {
    struct nv_arena arena;
    struct netvane_region_root tree[NETVANE_TREE_COUNT];
    struct nv_finger finger[NETVANE_TREE_COUNT];
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

/* The record with this key: true if there is one. */
static inline bool nv_draft_find(const struct nv_draft *d, unsigned tree, const uint64_t *key,
                                 void *ret_record)
{
    struct nv_tree t = nv_draft_tree(d, tree);
    return nv_tree_find(&t, key, ret_record) == NV_TREE_OK;
}

/* The same as nv_draft_find, for a walk in order: it begins where the last edit or nv_draft_locate of the tree was. */
bool nv_draft_locate(struct nv_draft *d, unsigned tree, const uint64_t *key, void *ret_record);

/*
 * Right behind nv_draft_locate: the record `ahead` places behind the one that was found, or than which the key is not greater.
 * NULL: it lies in another leaf, or there is none.
 */
const void *nv_draft_beside(const struct nv_draft *d, unsigned tree, unsigned ahead);
/*
 * Right behind nv_draft_locate: a key that all records of later leaves are at least as great as, and none of this leaf is. NULL:
 * there is no later leaf.
 */
const uint64_t *nv_draft_bound(const struct nv_draft *d, unsigned tree);

/*
 * Each edit copies the nodes on its path into nodes of the draft unless they are already, needs at most
 * NV_EDIT_NODES reserved nodes for all edits of one change of the mirror, and cannot fail. O(log n).
 */
/* Inserts the record, or replaces the one with its key. True: it was inserted. */
bool nv_draft_put(struct nv_draft *d, unsigned tree, const void *record);
/* The same, right behind the nv_draft_locate of the record's key, which returned found. */
void nv_draft_put_located(struct nv_draft *d, unsigned tree, bool found, const void *record);
/* Deletes the record with this key. True: there was one. */
bool nv_draft_delete(struct nv_draft *d, unsigned tree, const uint64_t *key);

/* Writes the checksum of a node that the draft made. The next edit of the node makes it unsealed again. */
void nv_draft_seal(struct nv_draft *d, uint32_t ref);

/*
 * Asks keep about each record in order, and builds the tree anew of those that it keeps; it may change them, as long as
 * their keys still ascend. For many deletions at once: O(n), some nanoseconds a record. False: there is no room for the
 * new nodes (as many as the tree has at most); nothing was asked then. ret_expired: see nv_arena_reserve.
 */
typedef bool nv_keep_fn(void *arg, void *record);
bool nv_draft_filter(struct nv_draft *d, unsigned tree, nv_keep_fn *keep, void *arg,
                     bool *ret_expired);

#endif
