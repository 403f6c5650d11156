/* SPDX-License-Identifier: MIT */
/*
 * link_uses.c - a hash table from link to count, with open addressing.
 */
#include "link_uses.h"

#include <stdlib.h>

#include "nv/base.h"

/* Where the link is, or would be. There is a free slot. */
static struct nv_link_use *slot_of(const struct nv_link_uses *u, uint32_t ifindex)
{
    uint32_t i = (uint32_t)nv_mix(ifindex) & (u->size - 1);
    while (u->slots[i].ifindex && u->slots[i].ifindex != ifindex)
        i = (i + 1) & (u->size - 1);
    return &u->slots[i];
}

/* Room for one more; links that nobody names any more are left behind. */
static bool reserve(struct nv_link_uses *u)
{
    if ((u->used + 1) * 2u <= u->size)
        return true;
    struct nv_link_uses next = {0};
    uint32_t live = 0;
    for (uint32_t i = 0; i < u->size; i++)
        live += u->slots[i].sets > 0;
    for (next.size = 64; next.size < (live + 1) * 4u; next.size *= 2u)
        ;
    next.slots = calloc(next.size, sizeof(*next.slots));
    if (!next.slots)
        return false;
    for (uint32_t i = 0; i < u->size; i++) {
        if (!u->slots[i].sets)
            continue;
        *slot_of(&next, u->slots[i].ifindex) = u->slots[i];
        next.used++;
    }
    next.unknown = u->unknown;
    free(u->slots);
    *u = next;
    return true;
}

void nv_link_uses_add(struct nv_link_uses *u, uint32_t ifindex)
{
    if (!ifindex)
        return;
    if (!reserve(u)) {
        u->unknown = true;
        return;
    }
    struct nv_link_use *use = slot_of(u, ifindex);
    u->used += !use->ifindex;
    use->ifindex = ifindex;
    use->sets++;
}

void nv_link_uses_remove(struct nv_link_uses *u, uint32_t ifindex)
{
    if (!ifindex || !u->size)
        return;
    struct nv_link_use *use = slot_of(u, ifindex);
    use->sets -= use->sets > 0;
}

bool nv_link_uses_any(const struct nv_link_uses *u, uint32_t ifindex)
{
    return u->unknown || (u->size && slot_of(u, ifindex)->sets > 0);
}

void nv_link_uses_destroy(struct nv_link_uses *u)
{
    free(u->slots);
    *u = (struct nv_link_uses){0};
}
