/* SPDX-License-Identifier: MIT */
/*
 * mirror_lpm.h - keeps the longest-prefix indexes true to the trees of routes.
 */
#ifndef NV_MIRROR_LPM_H
#define NV_MIRROR_LPM_H

#include "infos.h"
#include "lpm_edit.h"

struct nv_mirror;
struct nv_route_rec;

#define NV_LPM_STALE 256u
#define NV_LPM_MEMO  64u

/* The infos of IPv4 routes that were met last: neighbours in a dump have the same. */
struct nv_lpm_memo {
    uint32_t value; /* 0: free */
    uint32_t metric;
    uint32_t words[5]; /* of the record, from its flags on */
};

struct nv_mirror_lpm {
    struct nv_cells cells;
    struct nv_lpm_editor editor;
    struct nv_infos infos;
    struct {
        uint64_t key[3];
        unsigned tree;
    } stale[NV_LPM_STALE]; /* prefixes whose routes changed since the index was made true to them */
    uint32_t stale_count;
    bool paused;          /* the tree is being built anew: nobody may look at it */
    bool missed;          /* and there were more than could be noted */
    bool retry;           /* indexes that broke may be tried again */
    uint64_t last_key[3]; /* of the route that was appended last, if it is the last of its tree */
    unsigned last_tree;   /* NETVANE_TREE_COUNT: none is */
    struct nv_lpm_memo memo[NV_LPM_MEMO];
    bool memo_used;
};

void nv_mirror_lpm_init(struct nv_mirror *m);
void nv_mirror_lpm_destroy(struct nv_mirror *m);

/* A route of r's prefix is about to be looked for: what its index has of it is fetched meanwhile. */
void nv_mirror_lpm_fetch(struct nv_mirror *m, const struct nv_route_rec *r);
/* A route of r's prefix was written or removed; call it behind the edit. */
void nv_mirror_lpm_touch(struct nv_mirror *m, const struct nv_route_rec *r);
/* The same for one that was just put into the tree, and was not there before. */
void nv_mirror_lpm_added(struct nv_mirror *m, const struct nv_route_rec *r);

/* Around nv_draft_filter of a tree of routes. */
void nv_mirror_lpm_pause(struct nv_mirror *m);
void nv_mirror_lpm_resume(struct nv_mirror *m, unsigned tree);

/* Makes the indexes of the draft, and the records of tables, true to its routes. */
void nv_mirror_lpm_settle(struct nv_mirror *m);
/* The indexes that stand in the root record. */
void nv_mirror_lpm_roots(const struct nv_mirror *m,
                         struct netvane_region_lpm ret_lpm[NETVANE_LPM_SLOTS]);

#endif
