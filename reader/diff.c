/* SPDX-License-Identifier: MIT */
/*
 * diff.c - tells each object that differs between two States.
 *
 * Owns:      netvane_diff; the order of the classes; the read sections around a step, and the judgement of it.
 * Assumes:   nodes are immutable while a version that shows them is readable.
 * Promises:  no difference is handed out before both versions were checked; callbacks run outside of read
 *            sections. Where the journal is written over before anything was told, the walk takes its place; after
 *            that the answer is EXPIRED, because nobody remembers what was told.
 * Leaves:    where differences are to diff_journal.c and diff_walk.c, what one is to diff_object.c.
 */
#include "diff.h"

const struct nv_diff_tree nv_diff_trees[NV_DIFF_TREES] = {
    {NETVANE_TREE_LINKS, NETVANE_CLASS_LINK},    {NETVANE_TREE_ADDRS, NETVANE_CLASS_ADDR},
    {NETVANE_TREE_ROUTES4, NETVANE_CLASS_ROUTE}, {NETVANE_TREE_ROUTES6, NETVANE_CLASS_ROUTE},
    {NETVANE_TREE_RULES, NETVANE_CLASS_RULE},    {NETVANE_TREE_NEXTHOPS, NETVANE_CLASS_NEXTHOP},
};

static int enter(struct nv_diff *d)
{
    int r = nv_reenter(&d->a.s);
    if (r)
        return r;
    r = nv_reenter(&d->b.s);
    if (r)
        (void)nv_leave(&d->a.s, NV_TREE_OK);
    return r;
}

enum { LAPPED = 1 }; /* the journal was written over: nothing of it counts */

/* Ends both sections. EXPIRED counts for either side; only then LAPPED, only then CORRUPT. */
static int leave(struct nv_diff *d, int walk)
{
    const bool valid = !d->by_journal || nv_diff_journal_valid(d);
    int a = nv_leave(&d->a.s, NV_TREE_OK);
    int b = nv_leave(&d->b.s, NV_TREE_OK);
    if (a || b)
        return NETVANE_EXPIRED;
    if (!valid)
        return LAPPED;
    return walk == NV_TREE_BAD ? NETVANE_CORRUPT : NETVANE_OK;
}

int nv_diff_begin(struct nv_diff *d, const struct netvane_snap *from, const struct netvane_snap *to,
                  uint32_t classes, bool may_use_journal)
{
    if (!from || !to || (classes & ~NETVANE_CLASS_ALL))
        return NETVANE_INVALID;
    memset(d, 0, offsetof(struct nv_diff, before));
    nv_snap_load(from, &d->a.s);
    nv_snap_load(to, &d->b.s);
    if (!d->a.s.header || !d->b.s.header)
        return NETVANE_INVALID;
    d->classes = classes;
    d->one_region = d->a.s.header == d->b.s.header;
    const size_t id = offsetof(struct netvane_region_slot, instance_id);
    d->one_instance = nv_slot_load64(&d->a.s, id) == nv_slot_load64(&d->b.s, id);
    d->walk_only = !may_use_journal || !d->one_region || d->a.s.flags & NV_SNAP_PRIVATE;
    return NETVANE_OK;
}

/* The next difference from the current place on: OK with both objects made, END or BAD. */
static int next_difference(struct nv_diff *d)
{
    for (; d->place < NV_DIFF_TREES; d->place++) {
        d->tree = nv_diff_trees[d->place].tree;
        int w = !(d->classes & 1u << nv_diff_trees[d->place].cls) ? NV_TREE_END
                : d->by_journal                                   ? nv_diff_journal_next(d)
                                                                  : nv_diff_walk_next(d);
        if (w == NV_TREE_OK)
            return nv_diff_show(d) == NV_TREE_OK ? NV_TREE_OK : NV_TREE_BAD;
        if (w != NV_TREE_END)
            return w;
        d->started = d->advance = false;
        d->at = d->first;
    }
    return NV_TREE_END;
}

/* Decides how differences are found. */
static int begin(struct nv_diff *d)
{
    int w = d->walk_only ? NV_TREE_OK : nv_diff_journal_begin(d);
    d->begun = true;
    if (!d->by_journal && d->hashers) {
        memset(d->hashers, 0, 2 * sizeof(*d->hashers));
        d->a.hasher = &d->hashers[0];
        d->b.hasher = &d->hashers[1];
    }
    return w;
}

static int step(struct nv_diff *d, int *ret_walk)
{
    int r = enter(d);
    if (r)
        return r;
    *ret_walk = d->begun ? NV_TREE_OK : begin(d);
    if (*ret_walk == NV_TREE_OK)
        *ret_walk = next_difference(d);
    return leave(d, *ret_walk);
}

int nv_diff_next(struct nv_diff *d, struct netvane_change *ret_change)
{
    int w = NV_TREE_END;
    if (d->ended)
        return d->ended < 0 ? d->ended : 0;
    int r = step(d, &w);
    if (r == LAPPED && !d->told) {
        d->by_journal = d->begun = false;
        d->walk_only = true;
        d->place = 0;
        r = step(d, &w);
    }
    if (r) {
        d->ended = r == LAPPED ? NETVANE_EXPIRED : r;
        return d->ended;
    }
    if (w == NV_TREE_END) {
        d->ended = 1;
        return 0;
    }
    d->told = true;
    *ret_change = (struct netvane_change){
        .size = sizeof(*ret_change),
        .cls = nv_diff_trees[d->place].cls,
        .before = d->which == NV_ONLY_B ? NULL : &d->before,
        .after = d->which == NV_ONLY_A ? NULL : &d->after,
    };
    return 1;
}

int netvane_diff(const struct netvane_snap *from, const struct netvane_snap *to, uint32_t classes,
                 netvane_diff_fn *fn, void *arg)
{
    struct netvane_change change;
    struct nv_route_hasher hashers[2];
    struct nv_diff d;
    int r = fn ? nv_diff_begin(&d, from, to, classes, true) : NETVANE_INVALID;
    if (r)
        return r;
    d.hashers = hashers;
    while ((r = nv_diff_next(&d, &change)) > 0) {
        r = fn(arg, &change);
        if (r)
            return r;
    }
    return r;
}
