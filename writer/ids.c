/* SPDX-License-Identifier: MIT */
/*
 * ids.c - bitmaps that grow by doubling; id 0 is never given out.
 */
#include "ids.h"

#include <stdlib.h>
#include <string.h>

static bool find_free(const struct nv_ids *ids, uint32_t from, uint32_t to, uint32_t *ret_id)
{
    for (uint32_t w = from / 64u; w < to / 64u; w++) {
        if (ids->used[w] == UINT64_MAX)
            continue;
        for (uint32_t b = w == from / 64u ? from % 64u : 0; b < 64u; b++) {
            if (!(ids->used[w] >> b & 1u)) {
                *ret_id = w * 64u + b;
                return true;
            }
        }
    }
    return false;
}

static int grow(uint64_t **bits, uint32_t before, uint32_t after)
{
    uint64_t *n = realloc(*bits, (size_t)after * 8u);
    if (!n)
        return -1;
    memset(n + before, 0, (size_t)(after - before) * 8u);
    *bits = n;
    return 0;
}

int nv_ids_make_room(struct nv_ids *ids)
{
    uint32_t id;
    if (find_free(ids, ids->next, ids->words * 64u, &id) ||
        find_free(ids, 0, ids->words * 64u, &id)) {
        ids->next = id; /* where take will look first */
        return 0;
    }
    uint32_t words = ids->words ? ids->words * 2u : 16u;
    if (grow(&ids->used, ids->words, words) || grow(&ids->seen, ids->words, words) ||
        grow(&ids->missed, ids->words, words))
        return -1;
    if (!ids->words)
        nv_bit_set(ids->used, 0);
    ids->next = ids->words ? ids->words * 64u : 1u;
    ids->words = words;
    return 0;
}

uint32_t nv_ids_take(struct nv_ids *ids)
{
    uint32_t id = ids->next;
    if (nv_bit_get(ids->used, id) && !find_free(ids, id, ids->words * 64u, &id))
        (void)find_free(ids, 0, ids->words * 64u, &id);
    nv_bit_set(ids->used, id);
    nv_bit_clear(ids->missed, id);
    nv_bit_set(ids->seen, id);
    ids->next = id + 1 < ids->words * 64u ? id + 1 : 0;
    return id;
}

void nv_ids_free(struct nv_ids *ids, uint32_t id)
{
    nv_bit_clear(ids->used, id);
}

void nv_ids_clear_seen(struct nv_ids *ids)
{
    if (ids->words)
        memset(ids->seen, 0, (size_t)ids->words * 8u);
}

void nv_ids_clear_missed(struct nv_ids *ids)
{
    if (ids->words)
        memset(ids->missed, 0, (size_t)ids->words * 8u);
}

uint32_t nv_ids_unseen(const struct nv_ids *ids)
{
    uint32_t n = 0;
    for (uint32_t w = 0; w < ids->words; w++) {
        uint64_t unseen = ids->used[w] & ~ids->seen[w];
        for (unseen &= w ? UINT64_MAX : UINT64_MAX - 1; unseen; unseen &= unseen - 1)
            n++; /* id 0 is nobody's */
    }
    return n;
}

void nv_ids_destroy(struct nv_ids *ids)
{
    free(ids->used);
    free(ids->seen);
    free(ids->missed);
    *ids = (struct nv_ids){0};
}
