/* SPDX-License-Identifier: MIT */
/*
 * copy.h - what copy.c (trees) and copy_lpm.c (indexes) share.
 */
#ifndef NV_COPY_H
#define NV_COPY_H

#include "reader.h"

struct netvane_state {
    unsigned char *block; /* as a region: header pages, root ring, arena */
    uint64_t capacity;
    uint64_t used;
    uint64_t version;
};

enum { NV_COPY_NO_MEMORY = -2 }; /* beside NV_TREE_* */

struct nv_copy {
    struct nv_snap s;
    struct netvane_state *to;
    uint64_t budget; /* nodes and cells that may still be copied: no region has more */
    /* Infos that were copied: open addressing, 0: free. */
    struct nv_copied {
        uint32_t from, to;
    } * map;
    uint32_t map_size, map_count;
};

/* Room for bytes, aligned: its offset in the block, which may have moved; 0: no memory. */
uint64_t nv_copy_take(struct netvane_state *st, uint64_t bytes, uint64_t align);

/* Copies the index under a root and makes the root lead to the copy: OK, BAD or NV_COPY_NO_MEMORY. */
int nv_copy_lpm(struct nv_copy *c, bool is4, struct netvane_region_lpm *root);
/* Frees what copying indexes needed. */
void nv_copy_end(struct nv_copy *c);

#endif
