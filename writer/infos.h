/* SPDX-License-Identifier: MIT */
/*
 * infos.h - what lookups end at, each stored once.
 *
 * Owns:      which info cells there are, found by content.
 * Promises:  equal content has one value until nv_infos_collect finds that nothing refers to it.
 */
#ifndef NV_INFOS_H
#define NV_INFOS_H

#include "cells.h"

/* So many are never too many. */
#define NV_INFOS_LEAST 4096u

struct nv_infos {
    uint32_t *table; /* open addressing, values; 0: free */
    uint32_t size, count;
    uint32_t collect_at; /* so many there may be before it is worth while to look which are used */
};

void nv_infos_destroy(struct nv_infos *in);
/* The value of this content (the offset of its cell), in a cell that was reserved; 0: no memory. */
uint32_t nv_infos_get(struct nv_infos *in, struct nv_cells *c,
                      const struct netvane_region_info *info);

/*
 * Gives back what is not used. mark is to call nv_infos_mark for each value that is, in any order, as often as it likes.
 * Without memory for the marks nothing is given back.
 */
struct nv_info_marks;
void nv_infos_mark(struct nv_info_marks *marks, uint32_t value);
void nv_infos_collect(struct nv_infos *in, struct nv_cells *c,
                      void (*mark)(void *arg, struct nv_info_marks *marks), void *arg);

static inline bool nv_infos_worth_collecting(const struct nv_infos *in)
{
    return in->count > NV_INFOS_LEAST && in->count > in->collect_at;
}

#endif
