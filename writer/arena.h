/* SPDX-License-Identifier: MIT */
/*
 * arena.h - the nodes of the region: which are free, which hold a readable version, which are the draft's.
 *
 * Owns:      allocation, growth, the limbo of retired nodes, the list of nodes that the draft made.
 * Assumes:   one thread; the caller reserved what an edit may need (nv_arena_reserve) before it began.
 * Promises:  a node that a version at or above the horizon can reach is never given out.
 *
 * Holding back: versions may be published that show some trees as they were (nv_arena_hold), while the draft of these
 * trees goes on. Its nodes stay the draft's until the trees are let go, and what it retired stays readable.
 */
#ifndef NV_ARENA_H
#define NV_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netvane/region.h"

/* Backs [0, size_bytes) of the region with memory; 0 or a negative errno. */
typedef int nv_arena_grow_fn(void *arg, uint64_t size_bytes);

struct nv_limbo {
    uint64_t
        last_version; /* the newest version that can show the node; NV_LIMBO_HELD: not known yet */
    uint32_t ref;
};
#define NV_LIMBO_HELD UINT64_MAX

struct nv_arena {
    unsigned char *base;
    uint64_t size_bytes; /* committed */
    uint64_t max_bytes;
    nv_arena_grow_fn *grow;
    void *grow_arg;
    uint64_t draft;                          /* the version that is being made */
    uint32_t held;                           /* trees that are held back, bit 1 << NETVANE_TREE_* */
    uint64_t held_since[NETVANE_TREE_COUNT]; /* the draft in which that began */
    uint32_t
        capacity; /* nodes that the free list and the limbo have room for: all that there are, and some */
    uint32_t *free_refs;
    uint32_t free_count;
    uint32_t *dirty; /* taken by this draft; some may be free again, or be there twice */
    uint32_t dirty_count, dirty_capacity;
    struct nv_limbo *limbo; /* a ring in order of last_version */
    uint32_t limbo_head, limbo_count;
    uint32_t used;
    uint32_t lent;                /* as many as would fit into the extents */
    uint64_t cells_waiting_bytes; /* what the limbos of cells hold beside the nodes' */
    uint64_t grow_failures;
};

/* Starts on a zeroed region of which [0, NETVANE_ARENA_OFFSET) is backed. draft: its first version. */
int nv_arena_init(struct nv_arena *a, void *base, uint64_t max_bytes, nv_arena_grow_fn *grow,
                  void *grow_arg, uint64_t draft);
void nv_arena_destroy(struct nv_arena *a);

enum { NV_ARENA_FULL = -1 };
/* Of nv_arena_reserve: what is seldom to be done. */
int nv_arena_make_room(struct nv_arena *a, uint32_t count, bool *ret_expired);

/*
 * Makes sure that count nodes are free. Over the memory budget it advances the horizon to the newest version:
 * ret_expired tells (it is only ever set). NV_ARENA_FULL: nothing else changed.
 */
static inline int nv_arena_reserve(struct nv_arena *a, uint32_t count, bool *ret_expired)
{
    const bool ready = a->free_count >= count && a->dirty_capacity - a->dirty_count >= count;
    return ready ? 0 : nv_arena_make_room(a, count, ret_expired);
}

/* Grows the file by one extent, which is the caller's; returns its offset, or 0: there is no room. */
uint64_t nv_arena_extent(struct nv_arena *a);

/* A node of the draft. There is one: it was reserved. */
uint32_t nv_arena_take(struct nv_arena *a);
/* The draft no longer uses the node. */
void nv_arena_retire(struct nv_arena *a, uint32_t ref);
/* Frees what only versions below the horizon can show. */
void nv_arena_reclaim(struct nv_arena *a, uint64_t horizon);
/* The draft became a version, but for what is held back: the next one begins. */
void nv_arena_next_draft(struct nv_arena *a);
/* From this draft on these trees are held back, too. Nothing of them has been edited in it yet. */
void nv_arena_hold(struct nv_arena *a, uint32_t trees);
/* All trees but these are no longer held back: the draft of theirs is the next version's. */
void nv_arena_let_go(struct nv_arena *a, uint32_t but);

static inline const struct netvane_region_node *nv_arena_node(const struct nv_arena *a,
                                                              uint32_t ref)
{
    return (const struct netvane_region_node *)(const void *)(a->base +
                                                              (uint64_t)ref * NETVANE_NODE_BYTES);
}

static inline struct netvane_region_node *nv_arena_node_rw(const struct nv_arena *a, uint32_t ref)
{
    return (struct netvane_region_node *)(void *)(a->base + (uint64_t)ref * NETVANE_NODE_BYTES);
}

/* Can no version show the node yet? Then it may be edited in place. */
static inline bool nv_arena_is_draft(const struct nv_arena *a, uint32_t ref)
{
    const struct netvane_region_node *n = nv_arena_node(a, ref);
    return n->version == a->draft ||
           (a->held >> n->tree & 1u && n->version >= a->held_since[n->tree]);
}

#endif
