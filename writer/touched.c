/* SPDX-License-Identifier: MIT */
/*
 * touched.c - the set of keys that events touched while a dump ran.
 */
#include <stdlib.h>

#include "sync.h"

static void insert(uint64_t *slots, uint32_t size, uint64_t key)
{
    uint32_t i = (uint32_t)key & (size - 1);
    while (slots[i])
        i = (i + 1) & (size - 1);
    slots[i] = key;
}

void nv_touched_add(struct nv_touched *t, uint64_t key)
{
    key |= !key;
    if (t->overflow || nv_touched_has(t, key))
        return;
    if (t->used >= NV_TOUCHED_MAX) {
        t->overflow = true;
        return;
    }
    if ((t->used + 1) * 2u > t->size) {
        uint32_t size = t->size ? t->size * 2u : 256u;
        uint64_t *slots = calloc(size, sizeof(*slots));
        if (!slots) {
            t->overflow = true;
            return;
        }
        for (uint32_t i = 0; i < t->size; i++)
            if (t->slots[i])
                insert(slots, size, t->slots[i]);
        free(t->slots);
        t->slots = slots;
        t->size = size;
    }
    insert(t->slots, t->size, key);
    t->used++;
}

bool nv_touched_has(const struct nv_touched *t, uint64_t key)
{
    key |= !key;
    if (t->overflow)
        return true;
    if (!t->size)
        return false;
    for (uint32_t i = (uint32_t)key & (t->size - 1); t->slots[i]; i = (i + 1) & (t->size - 1))
        if (t->slots[i] == key)
            return true;
    return false;
}

void nv_touched_clear(struct nv_touched *t)
{
    if (t->used)
        memset(t->slots, 0, (size_t)t->size * sizeof(*t->slots));
    t->used = 0;
    t->overflow = false;
}

void nv_touched_destroy(struct nv_touched *t)
{
    free(t->slots);
    *t = (struct nv_touched){0};
}
