/* SPDX-License-Identifier: MIT */
/*
 * arena.c - gives out nodes and takes them back once no readable version can reach them.
 *
 * Three places for a node: free, used (by the draft or a readable version), limbo (retired by the draft of some
 * version, and readable in the versions before it). The lists have room before it is needed, so that nothing but
 * nv_arena_reserve can fail. Extents are no nodes: the file grows by one, and it is their owner's for ever.
 */
#include "arena.h"

#include <assert.h>
#include <stdlib.h>

#include "limits.h"
#include "nv/proto.h"

#define AHEAD 4u /* nodes that are fetched before they are taken */

static int resize(void *list, uint32_t count, size_t each)
{
    void **p = list;
    void *n = realloc(*p, (size_t)count * each);
    if (!n)
        return NV_ARENA_FULL;
    *p = n;
    return 0;
}

/* The ring is laid out anew when it grows, so that its order survives. */
static int resize_limbo(struct nv_arena *a, uint32_t capacity)
{
    struct nv_limbo *n = malloc((size_t)capacity * sizeof(*n));
    if (!n)
        return NV_ARENA_FULL;
    for (uint32_t i = 0; i < a->limbo_count; i++)
        n[i] = a->limbo[(a->limbo_head + i) % a->capacity];
    free(a->limbo);
    a->limbo = n;
    a->limbo_head = 0;
    return 0;
}

/* The lists grow by an eighth, so that they are not copied each time that the file grows. */
static int resize_lists(struct nv_arena *a, uint32_t nodes)
{
    if (nodes <= a->capacity)
        return 0;
    uint32_t capacity = nodes + nodes / 8;
    if (resize(&a->free_refs, capacity, sizeof(*a->free_refs)) || resize_limbo(a, capacity))
        return NV_ARENA_FULL;
    a->capacity = capacity;
    return 0;
}

/* Backs the file up to size; the lists have room for all nodes that then are. */
static int back(struct nv_arena *a, uint64_t size)
{
    if (resize_lists(a, (uint32_t)((size - NETVANE_ARENA_OFFSET) / NETVANE_NODE_BYTES)))
        return NV_ARENA_FULL;
    if (a->grow(a->grow_arg, size)) {
        a->grow_failures++;
        return NV_ARENA_FULL;
    }
    a->size_bytes = size;
    nv_write_committed(a->base, size);
    return 0;
}

static int grow_once(struct nv_arena *a)
{
    const uint64_t most = a->max_bytes - a->max_bytes % NETVANE_NODE_BYTES;
    const uint64_t size = nv_min_u64(a->size_bytes + NV_GROW_BYTES, most);
    const uint32_t before = (uint32_t)(a->size_bytes / NETVANE_NODE_BYTES);
    if (size <= a->size_bytes || back(a, size))
        return NV_ARENA_FULL;
    const uint32_t after = (uint32_t)(size / NETVANE_NODE_BYTES);
    /* Highest first, so that the lowest is taken first and a dump fills the file in order. */
    uint32_t fresh = after - before;
    for (uint32_t i = a->free_count; i-- > 0;)
        a->free_refs[i + fresh] = a->free_refs[i];
    for (uint32_t i = 0; i < fresh; i++)
        a->free_refs[i] = after - 1 - i;
    a->free_count += fresh;
    return 0;
}

uint64_t nv_arena_extent(struct nv_arena *a)
{
    const uint64_t start = a->size_bytes;
    if (start % NETVANE_EXTENT_BYTES || start + NETVANE_EXTENT_BYTES > a->max_bytes ||
        back(a, start + NETVANE_EXTENT_BYTES))
        return 0;
    a->lent += NETVANE_EXTENT_BYTES / NETVANE_NODE_BYTES;
    return start;
}

int nv_arena_init(struct nv_arena *a, void *base, uint64_t max_bytes, nv_arena_grow_fn *grow,
                  void *grow_arg, uint64_t draft)
{
    *a = (struct nv_arena){.base = base,
                           .size_bytes = NETVANE_ARENA_OFFSET,
                           .max_bytes = max_bytes,
                           .grow = grow,
                           .grow_arg = grow_arg,
                           .draft = draft};
    return grow_once(a);
}

void nv_arena_destroy(struct nv_arena *a)
{
    free(a->free_refs);
    free(a->dirty);
    free(a->limbo);
    *a = (struct nv_arena){0};
}

int nv_arena_make_room(struct nv_arena *a, uint32_t count, bool *ret_expired)
{
    if (a->dirty_capacity - a->dirty_count < count) {
        uint32_t capacity = a->dirty_capacity + a->dirty_capacity / 2 + count;
        if (resize(&a->dirty, capacity, sizeof(*a->dirty)))
            return NV_ARENA_FULL;
        a->dirty_capacity = capacity;
    }
    while (a->free_count < count) {
        if (!grow_once(a))
            continue;
        /* Over the budget: every version but the newest has to go now. */
        uint64_t newest = a->draft - 1;
        if (nv_read_word(a->base, NV_HOT(horizon)) < newest) {
            nv_write_horizon(a->base, newest);
            nv_arena_reclaim(a, newest);
            *ret_expired = true;
        }
        return a->free_count < count ? NV_ARENA_FULL : 0;
    }
    return 0;
}

uint32_t nv_arena_take(struct nv_arena *a)
{
    assert(a->free_count && a->dirty_count < a->dirty_capacity); /* reserved before */
    uint32_t ref = a->free_refs[--a->free_count];
    /* Nodes come back in the order in which they went, the coldest first: the one after the next is fetched meanwhile. */
    if (a->free_count > AHEAD) {
        const unsigned char *next =
            a->base + (uint64_t)a->free_refs[a->free_count - AHEAD] * NETVANE_NODE_BYTES;
        for (unsigned i = 0; i < NETVANE_NODE_BYTES; i += 64)
            __builtin_prefetch(next + i, 1);
    }
    a->used++;
    a->dirty[a->dirty_count++] = ref;
    return ref;
}

void nv_arena_retire(struct nv_arena *a, uint32_t ref)
{
    struct netvane_region_node *n = nv_arena_node_rw(a, ref);
    a->used--;
    if (nv_arena_is_draft(a, ref)) { /* no reader has ever been able to reach it */
        uint64_t dead[2] = {0, 0};
        nv_payload_store(n, dead, sizeof(dead));
        a->free_refs[a->free_count++] = ref;
        return;
    }
    a->limbo[(a->limbo_head + a->limbo_count++) % a->capacity] = (struct nv_limbo){
        .last_version = a->held >> n->tree & 1u ? NV_LIMBO_HELD : a->draft - 1, .ref = ref};
}

void nv_arena_reclaim(struct nv_arena *a, uint64_t horizon)
{
    while (a->limbo_count && a->limbo[a->limbo_head].last_version < horizon) {
        a->free_refs[a->free_count++] = a->limbo[a->limbo_head].ref;
        a->limbo_head = (a->limbo_head + 1) % a->capacity;
        a->limbo_count--;
    }
}

void nv_arena_next_draft(struct nv_arena *a)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; a->held && i < a->dirty_count; i++) {
        const struct netvane_region_node *n = nv_arena_node(a, a->dirty[i]);
        if (n->count && a->held >> n->tree & 1u)
            a->dirty[kept++] = a->dirty[i];
    }
    a->dirty_count = kept;
    a->draft++;
}

void nv_arena_hold(struct nv_arena *a, uint32_t trees)
{
    for (unsigned t = 0; t < NETVANE_TREE_COUNT; t++)
        if (trees >> t & 1u && !(a->held >> t & 1u))
            a->held_since[t] = a->draft;
    a->held |= trees;
}

void nv_arena_let_go(struct nv_arena *a, uint32_t but)
{
    const uint32_t gone = a->held & ~but;
    bool behind =
        false; /* what stands behind the first waits with it, so that the ring stays in order */
    a->held &= but;
    for (uint32_t i = 0; gone && i < a->limbo_count; i++) {
        struct nv_limbo *l = &a->limbo[(a->limbo_head + i) % a->capacity];
        if (l->last_version != NV_LIMBO_HELD) {
            if (behind)
                l->last_version = a->draft - 1;
        } else if (gone >> nv_arena_node(a, l->ref)->tree & 1u) {
            l->last_version = a->draft - 1;
            behind = true;
        }
    }
}
