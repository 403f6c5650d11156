/* SPDX-License-Identifier: MIT */
/*
 * changes.c - follows the State: each change since a version, over any number of versions.
 *
 * Owns:      struct netvane_changes: which State the consumer has, and the step towards a newer one.
 * Assumes:   one thread at a time; the consumer applies, or drops, every change that it is given.
 * Promises:  the changes of a step are the differences of its two ends, each once, and the next step begins where it
 *            ended: so none is missing and none comes twice. Where that cannot be kept the answer is EXPIRED, and the
 *            iterator stands at the newest State. No allocation, no sleep, no thread.
 * Leaves:    how differences are found to diff.c.
 *
 * A takeover. The old region's arena is gone, but its root slots stay mapped: where each topic that the classes are about
 * has the digest that it had, the content is the same, and nothing has to be told.
 */
#include "diff.h"

#define NV_ROUNDS_MAX 16 /* steps in one call that tell nothing */

enum { CHANGES_MAGIC = 0x6e766368 };

struct changes {
    uint32_t magic;
    uint32_t classes;
    uint32_t stepping; /* diff goes on */
    uint32_t reserved;
    struct netvane *nv;
    struct netvane_snap from, to; /* equal between two steps */
    struct nv_diff diff;
};
_Static_assert(sizeof(struct changes) <= sizeof(struct netvane_changes), "an iterator has to fit");

static uint32_t topics_of(uint32_t classes)
{
    static const uint8_t topics[NETVANE_CLASS_COUNT] = {
        [NETVANE_CLASS_LINK] = NETVANE_RT_LINKS,       [NETVANE_CLASS_ADDR] = NETVANE_RT_ADDRS,
        [NETVANE_CLASS_ROUTE] = NETVANE_RT_ROUTES,     [NETVANE_CLASS_RULE] = NETVANE_RT_RULES,
        [NETVANE_CLASS_NEXTHOP] = NETVANE_RT_NEXTHOPS,
    };
    uint32_t mask = 0;
    for (unsigned i = 0; i < NETVANE_CLASS_COUNT; i++)
        if (classes >> i & 1u)
            mask |= 1u << topics[i];
    return mask;
}

/* Is the content of these classes known to be the same in both, though they are of two writers? */
static bool same_content(const struct changes *it, const struct nv_snap *from,
                         const struct nv_snap *to)
{
    struct netvane_region_slot a, b;
    if (nv_slot_read(from->header, from->version, &a) || nv_slot_read(to->header, to->version, &b))
        return false;
    for (unsigned t = 0; t < NETVANE_RT_COUNT; t++)
        if (topics_of(it->classes) >> t & 1u && a.digest[t] != b.digest[t])
            return false;
    return true;
}

enum verdict { AT_NEWEST, STEP, LOST };

/* What lies between the State that the consumer has and the newest one? */
static enum verdict judge(const struct changes *it)
{
    struct nv_snap from, to;
    nv_snap_load(&it->from, &from);
    nv_snap_load(&it->to, &to);
    if (from.flags & NV_SNAP_PRIVATE)
        return STEP;
    if (from.header == to.header)
        return from.version == to.version ? AT_NEWEST : STEP;
    return same_content(it, &from, &to) ? AT_NEWEST : LOST;
}

static int restart(struct changes *it)
{
    struct netvane_snap newest;
    it->stepping = 0;
    if (!nv_snap_begin(it->nv, &newest)) /* else what it had stays, and has expired */
        it->from = newest;
    it->to = it->from;
    return NETVANE_EXPIRED;
}

static int begin_step(struct changes *it)
{
    int r = nv_snap_begin(it->nv, &it->to);
    if (r) {
        it->to = it->from;
        return r;
    }
    switch (judge(it)) {
    case AT_NEWEST: it->from = it->to; return NETVANE_OK;
    case LOST: return restart(it);
    case STEP: break;
    }
    r = nv_diff_begin(&it->diff, &it->from, &it->to, it->classes, true);
    it->stepping = !r;
    return r;
}

int netvane_changes_begin(struct netvane *nv, const struct netvane_snap *since, uint32_t classes,
                          struct netvane_changes *ret_it)
{
    struct nv_snap s;
    struct changes *it = (struct changes *)(void *)ret_it;
    struct netvane_snap from;
    if (!nv || !ret_it || (classes & ~NETVANE_CLASS_ALL))
        return NETVANE_INVALID;
    int r = NETVANE_OK;
    if (since)
        from = *since;
    else
        r = nv_snap_begin(nv, &from);
    if (r)
        return r;
    nv_snap_load(&from, &s);
    if (!s.header || (!(s.flags & NV_SNAP_PRIVATE) && s.nv != nv))
        return NETVANE_INVALID;
    memset(ret_it, 0, sizeof(*ret_it));
    it->magic = CHANGES_MAGIC;
    it->classes = classes;
    it->nv = nv;
    it->from = it->to = from;
    return NETVANE_OK;
}

int netvane_changes_next(struct netvane_changes *changes, struct netvane_change *ret_change)
{
    struct changes *it = (struct changes *)(void *)changes;
    struct netvane_change change;
    if (!it || it->magic != CHANGES_MAGIC || !ret_change ||
        ret_change->size < 2 * sizeof(ret_change->size))
        return NETVANE_INVALID;
    for (unsigned round = 0; round < NV_ROUNDS_MAX; round++) {
        int r = it->stepping ? NETVANE_OK : begin_step(it);
        if (r || !it->stepping)
            return r;
        r = nv_diff_next(&it->diff, &change);
        if (r > 0)
            return nv_out(ret_change, &change, sizeof(change)) ? NETVANE_INVALID : 1;
        if (r == NETVANE_EXPIRED)
            return restart(it);
        if (r)
            return r;
        it->stepping = 0;
        it->from = it->to;
    }
    return 0;
}

int netvane_changes_snap(const struct netvane_changes *changes, struct netvane_snap *ret_before,
                         struct netvane_snap *ret_after)
{
    const struct changes *it = (const struct changes *)(const void *)changes;
    if (!it || it->magic != CHANGES_MAGIC)
        return NETVANE_INVALID;
    if (ret_before)
        *ret_before = it->from;
    if (ret_after)
        *ret_after = it->to;
    return NETVANE_OK;
}
