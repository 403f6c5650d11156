/* SPDX-License-Identifier: MIT */
/*
 * ids.h - dense ids of the objects of one class, and the marks of a sweep over them.
 *
 * Owns:      which ids are in use; for each, whether the running dump has shown it (seen) and whether the dump
 *            before did not (missed).
 * Promises:  the next id is not one that was freed just now, where there is a choice. Three bits an object.
 */
#ifndef NV_IDS_H
#define NV_IDS_H

#include <stdbool.h>
#include <stdint.h>

struct nv_ids {
    uint64_t *used, *seen, *missed; /* bitmaps of `words` words */
    uint32_t words;
    uint32_t next; /* where the search for a free id starts */
};

int nv_ids_make_room(struct nv_ids *ids); /* of nv_ids_reserve: what is seldom to be done */
uint32_t nv_ids_take(struct nv_ids *ids);
void nv_ids_free(struct nv_ids *ids, uint32_t id);
void nv_ids_clear_seen(struct nv_ids *ids);
void nv_ids_clear_missed(struct nv_ids *ids);
/* How many objects has the dump not shown? One look at each 64 of them. */
uint32_t nv_ids_unseen(const struct nv_ids *ids);
void nv_ids_destroy(struct nv_ids *ids);

static inline bool nv_bit_get(const uint64_t *bits, uint32_t i)
{
    return bits[i / 64u] >> (i % 64u) & 1u;
}

static inline void nv_bit_set(uint64_t *bits, uint32_t i)
{
    bits[i / 64u] |= UINT64_C(1) << (i % 64u);
}

static inline void nv_bit_clear(uint64_t *bits, uint32_t i)
{
    bits[i / 64u] &= ~(UINT64_C(1) << (i % 64u));
}

/* Makes sure that the next take succeeds. 0 or -1: no memory. */
static inline int nv_ids_reserve(struct nv_ids *ids)
{
    const bool ready = ids->next < ids->words * 64u && !nv_bit_get(ids->used, ids->next);
    return ready ? 0 : nv_ids_make_room(ids);
}

#endif
