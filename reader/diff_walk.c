/* SPDX-License-Identifier: MIT */
/*
 * diff_walk.c - finds the differences of two States by walking both trees.
 *
 * Owns:      the merge of two trees by key, and the skipping of what both share.
 * Assumes:   within one region an equal reference is equal content.
 * Leaves:    what counts as a difference to diff_object.c.
 *
 * A record may stay as it is while a part that it names by id changes: a hop set behind a nexthop object, the
 * members of a group, an id that was freed and used again. So the trees of parts are merged first; only where none
 * of them changed a part under its id (the common case) are equal bytes equal content and shared nodes skipped.
 */
#include "diff.h"

#define NV_CHECK_STEPS 4096 /* records between two looks whether it is all in vain */

/* ---- the merge --------------------------------------------------------------------------------------------- */

static void load(struct nv_side *x, int walk)
{
    x->at = walk == NV_TREE_OK ? nv_cursor_get(&x->c, &x->rec) : walk;
}

static void start(struct nv_diff *d, unsigned tree)
{
    load(&d->a, nv_snap_seek(&d->a.s, tree, NULL, &d->a.c));
    load(&d->b, nv_snap_seek(&d->b.s, tree, NULL, &d->b.c));
}

static void advance(struct nv_diff *d, int which)
{
    if (which != NV_ONLY_B)
        load(&d->a, nv_cursor_next(&d->a.c));
    if (which != NV_ONLY_A)
        load(&d->b, nv_cursor_next(&d->b.c));
}

/* If both cursors stand at the start of one and the same subtree: leaves the largest such subtree behind. */
static bool skip_shared(struct nv_diff *d)
{
    const struct nv_cursor *a = &d->a.c, *b = &d->b.c;
    const unsigned height = a->tree.height < b->tree.height ? a->tree.height : b->tree.height;
    int shared = -1;
    for (unsigned level = 0; level < height && !a->path[level].index && !b->path[level].index;
         level++)
        if (a->path[level].ref == b->path[level].ref)
            shared = (int)level;
    if (shared < 0)
        return false;
    load(&d->a, nv_cursor_leave(&d->a.c, (unsigned)shared));
    load(&d->b, nv_cursor_leave(&d->b.c, (unsigned)shared));
    return true;
}

/* Goes to the next place where bytes differ or one side has no such key: OK with *ret_which, END or BAD. */
static int next_by_bytes(struct nv_diff *d, unsigned tree, int *ret_which)
{
    const struct nv_tree_shape *shape = nv_tree_shape(tree);
    for (;;) {
        if (d->a.at == NV_TREE_BAD || d->b.at == NV_TREE_BAD)
            return NV_TREE_BAD;
        if (d->a.at == NV_TREE_END && d->b.at == NV_TREE_END)
            return NV_TREE_END;
        if (!(++d->steps % NV_CHECK_STEPS) && !(nv_valid(&d->a.s) && nv_valid(&d->b.s)))
            return NV_TREE_BAD;
        *ret_which = d->a.at == NV_TREE_END ? NV_ONLY_B
                     : d->b.at == NV_TREE_END
                         ? NV_ONLY_A
                         : nv_key_compare(d->a.rec.key, d->b.rec.key, shape->key_words);
        if (*ret_which != NV_BOTH)
            return NV_TREE_OK;
        if (!d->bytes_tell)
            return NV_TREE_OK;
        if (skip_shared(d))
            continue;
        if (memcmp(&d->a.rec, &d->b.rec, shape->stride))
            return NV_TREE_OK;
        advance(d, NV_BOTH);
    }
}

/* ---- parts --------------------------------------------------------------------------------------------------- */

/* Is there anything in this side's tree under the owner of that key (its upper half)? */
static int owner_exists(const struct nv_side *x, unsigned tree, uint64_t key)
{
    const uint64_t first = key >> 32 << 32;
    struct nv_cursor c;
    union nv_record rec;
    int w = nv_snap_seek(&x->s, tree, &first, &c);
    if (w == NV_TREE_OK)
        w = nv_cursor_get(&c, &rec);
    return w == NV_TREE_OK && rec.key[0] >> 32 != key >> 32 ? NV_TREE_END : w;
}

/* OK: some id of a tree of parts stands for other content in b than in a; END: none does. One region only. */
static int part_changed(struct nv_diff *d, unsigned tree)
{
    d->bytes_tell = true;
    start(d, tree);
    for (;;) {
        int which;
        int w = next_by_bytes(d, tree, &which);
        if (w != NV_TREE_OK || which == NV_BOTH)
            return w;
        w = which == NV_ONLY_A ? owner_exists(&d->b, tree, d->a.rec.key[0])
                               : owner_exists(&d->a, tree, d->b.rec.key[0]);
        if (w != NV_TREE_END)
            return w;
        advance(d, which);
    }
}

static uint32_t parts_of(unsigned tree)
{
    switch (tree) {
    case NETVANE_TREE_LINKS: return 1u << NETVANE_TREE_STRINGS | 1u << NETVANE_TREE_ALTNAMES;
    case NETVANE_TREE_ROUTES4:
    case NETVANE_TREE_ROUTES6:
        return 1u << NETVANE_TREE_HOPS | 1u << NETVANE_TREE_METRICS | 1u << NETVANE_TREE_STRINGS;
    case NETVANE_TREE_NEXTHOPS: return 1u << NETVANE_TREE_MEMBERS | 1u << NETVANE_TREE_STRINGS;
    default: return 0;
    }
}

/* Decides how this tree has to be compared. */
static int prepare(struct nv_diff *d)
{
    bool tell = d->one_region;
    for (unsigned part = 0; tell && part < NETVANE_TREE_COUNT; part++) {
        if (!(parts_of(d->tree) & 1u << part))
            continue;
        int w = part_changed(d, part);
        if (w == NV_TREE_BAD)
            return w;
        tell = w == NV_TREE_END;
    }
    d->bytes_tell = tell;
    start(d, d->tree);
    return NV_TREE_OK;
}

int nv_diff_walk_next(struct nv_diff *d)
{
    int w = d->started ? NV_TREE_OK : prepare(d);
    if (d->advance)
        advance(d, d->which);
    d->started = true;
    d->advance = false;
    while (w == NV_TREE_OK) {
        w = next_by_bytes(d, d->tree, &d->which);
        if (w != NV_TREE_OK)
            return w;
        w = d->which == NV_BOTH ? nv_diff_differs(d) : NV_TREE_OK;
        if (w != NV_TREE_END) {
            d->advance = true;
            return w;
        }
        advance(d, NV_BOTH);
        w = NV_TREE_OK;
    }
    return w;
}
