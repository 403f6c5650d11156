/* SPDX-License-Identifier: MIT */
/*
 * diff.h - the differences of two States, one after the other.
 *
 * Owns:      struct nv_diff: two snaps, and how far the differences between them were told. Plain data; whoever has it
 *            may go on later, as long as both versions are readable.
 * Assumes:   between enter and leave both snaps' arenas are mapped (reader.h).
 * Promises:  a difference is told after both versions were checked, each object at most once.
 *
 * diff.c holds the order of the classes and judges; where differences are found is the business of diff_journal.c (the
 * entries of the versions in between, looked up by diff_find.c) and of diff_walk.c (both trees, but for what they share);
 * diff_object.c says what a difference is.
 */
#ifndef NV_DIFF_H
#define NV_DIFF_H

#include "reader.h"

#include "nv/content.h"

union nv_object {
    struct netvane_link link;
    struct netvane_addr addr;
    struct netvane_route route;
    struct netvane_rule rule;
    struct netvane_nexthop nexthop;
};

struct nv_side {
    struct nv_snap s;
    struct nv_cursor c; /* of the walk */
    int at;             /* NV_TREE_OK: rec is the record at the cursor */
    union nv_record rec;
    struct nv_route_hasher *hasher; /* NULL: sets are read each time */
    uint32_t hop_set;               /* 0: none */
    struct netvane_rec_hop hop;     /* its first */
};

enum nv_which { NV_ONLY_A = -1, NV_BOTH = 0, NV_ONLY_B = 1 };

#define NV_BATCH 16

/* Objects that the journal names next, and the leaves of both versions where they are if they are there. */
struct nv_batch {
    uint32_t count, next;
    struct nv_tree trees[2];
    uint32_t leaf[NV_BATCH][2];
    uint64_t key[NV_BATCH][NV_TREE_KEY_WORDS_MAX];
};

struct nv_diff {
    struct nv_side a, b;
    uint32_t classes;
    uint32_t place; /* which of the trees of nv_diff_trees */
    int32_t ended;  /* 0: not yet; 1: all was told; negative: the error that ended it */
    bool walk_only;
    bool begun;        /* the way to find differences was chosen */
    bool told;         /* something was handed out */
    bool by_journal;   /* else by walk */
    bool one_instance; /* link ids can be compared */
    /* the walk */
    bool one_region; /* references can be compared */
    bool
        bytes_tell; /* equal bytes in this tree are equal content: shared nodes can be skipped too */
    bool started;   /* both cursors are in the tree */
    bool advance;   /* what `which` says was handed out, and is to be left behind */
    int which;
    unsigned tree;
    unsigned steps;
    struct nv_route_hasher *hashers; /* room for two, which need not be set; NULL: none */
    /* the journal */
    uint64_t older, newer; /* the lower of the two versions, and the higher */
    uint64_t first, end;   /* positions of the entries in between */
    uint64_t at;
    uint32_t trees; /* that they name, as bits */
    struct nv_batch batch;
    union nv_object before, after;
};

struct nv_diff_tree {
    unsigned tree;
    enum netvane_class cls;
};
#define NV_DIFF_TREES 6
extern const struct nv_diff_tree nv_diff_trees[NV_DIFF_TREES];

/* OK or INVALID. may_use_journal false: by walk in any case. */
int nv_diff_begin(struct nv_diff *d, const struct netvane_snap *from, const struct netvane_snap *to,
                  uint32_t classes, bool may_use_journal);
/* 1 with a difference, whose objects are in d until the next call; 0 at the end; EXPIRED or CORRUPT, which stay. */
int nv_diff_next(struct nv_diff *d, struct netvane_change *ret_change);

/* ---- inside of both read sections: NV_TREE_* ----------------------------------------------------------- */

/* diff_walk.c: goes to the next place of tree d->tree that differs; d->which tells how. */
int nv_diff_walk_next(struct nv_diff *d);

/* diff_journal.c: are the differences noted? Then by_journal is set, and the range. */
int nv_diff_journal_begin(struct nv_diff *d);
/* Goes to the next object of tree d->tree that differs, from entry d->at on. */
int nv_diff_journal_next(struct nv_diff *d);
/* May what was read of the range be used? */
bool nv_diff_journal_valid(const struct nv_diff *d);

/* diff_find.c: finds the leaves of the batch in tree d->tree: OK or BAD. */
int nv_diff_find(struct nv_diff *d);
/* Copies the record of key number i of the batch; side 0: a, 1: b. As nv_tree_find. */
int nv_diff_found(const struct nv_diff *d, unsigned i, unsigned side, void *ret_record);

/* diff_object.c: OK: the records of both sides are of different content; END: a user would see no difference. */
int nv_diff_differs(struct nv_diff *d);
/* Makes the objects that d->which says from the records. */
int nv_diff_show(struct nv_diff *d);

#endif
