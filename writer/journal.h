/* SPDX-License-Identifier: MIT */
/*
 * journal.h - which objects each version changed, for those who have an earlier one.
 *
 * Owns:      the notes of the draft, the ring of entries in the region, and where in it an object was noted last.
 * Assumes:   one thread; whoever moves a topic's digest notes the object (nv_mirror_account does both).
 * Promises:  the entries of a version are written before it is published, each object once. What a version changed and
 *            cannot be noted makes a break: the floor goes above it, and readers compare trees.
 * Leaves:    values to the trees of the two versions that a reader has.
 *
 * A note costs a few words in private memory, and a draft has room for NV_JOURNAL_NOTES_MAX of them. When that is used up,
 * the tree with the most of them is no longer noted, and its changes cost one comparison each: a full table that
 * is read for the first time, or anew, does not pass through here.
 */
#ifndef NV_JOURNAL_H
#define NV_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "nv/tree.h"

#define NV_JOURNAL_BYTES (NETVANE_JOURNAL_ENTRIES * sizeof(struct netvane_region_entry))

struct nv_note {
    uint64_t tree;
    uint64_t key[NV_TREE_KEY_WORDS_MAX]; /* the words that the tree does not have are 0 */
    uint64_t hash;                       /* of these */
};

struct nv_journal {
    uint32_t
        deaf; /* trees (bits) whose changes in this draft are not noted, but known to be some */
    uint32_t note_count;
    struct nv_note *notes;
    uint64_t end;     /* position behind the last entry */
    uint64_t floor;   /* as in the region */
    uint64_t *heads;  /* for each hash its newest entry: position and tag, 0: none */
    uint64_t *before; /* for each place of the ring the next older entry of its hash, likewise */
    uint32_t written; /* entries of the version that was committed last */
    bool broken;      /* or it is a break */
};

/* Nothing is noted before the first version: there is none to compare it with. */
void nv_journal_init(struct nv_journal *j);
void nv_journal_destroy(struct nv_journal *j);

/* Of nv_journal_note: what is to be done where the tree is not deaf. */
void nv_journal_add(struct nv_journal *j, unsigned tree, const uint64_t *key);

/* The draft changes the object with this key of the tree. Often the same as the last time: that costs nothing more. */
static inline void nv_journal_note(struct nv_journal *j, unsigned tree, const uint64_t *key)
{
    if (!(j->deaf >> tree & 1u))
        nv_journal_add(j, tree, key);
}

/*
 * Writes the notes of all trees but those that are held back into the region, as what `version` changes: the next to be
 * published. Returns the position behind them, for the root slot.
 */
uint64_t nv_journal_commit(struct nv_journal *j, void *base, uint64_t version, uint32_t held);

#endif
