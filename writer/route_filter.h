/* SPDX-License-Identifier: MIT */
/*
 * route_filter.h - removal of many routes at once.
 */
#ifndef NV_ROUTE_FILTER_H
#define NV_ROUTE_FILTER_H

#include "route.h"

/* Is this record (of either family's) to go? */
typedef bool nv_doomed_fn(struct nv_mirror *m, void *arg, const void *record);
/*
 * Removes all doomed routes of a tree, each asked about once and in order. Worth it where they are many of those that
 * there are (nv_routes_are_many). False: no room; nothing was asked.
 */
bool nv_routes_filter(struct nv_mirror *m, unsigned tree, nv_doomed_fn *doomed, void *arg);

static inline bool nv_routes_are_many(const struct nv_mirror *m, unsigned tree, uint64_t doomed)
{
    return doomed >= NV_FILTER_LEAST && doomed >= m->draft.tree[tree].count / NV_FILTER_SHARE;
}

#endif
