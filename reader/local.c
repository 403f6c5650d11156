/* SPDX-License-Identifier: MIT */
/*
 * local.c - what an unspecified bind means now: the usable local addresses, best first.
 *
 * Owns:      which address is usable, and the order of preference.
 * Promises:  all entries are of one version; nothing is written unless the whole list is known.
 */
#include "reader.h"

#include <stdlib.h>

#include "nv/kernel.h"

/* linux/if_addr.h */
enum {
    ADDR_SECONDARY = 0x01, /* IFA_F_SECONDARY; of IPv6 the same bit is IFA_F_TEMPORARY */
    ADDR_OPTIMISTIC = 0x04,
    ADDR_DADFAILED = 0x08,
    ADDR_DEPRECATED = 0x20,
    ADDR_TENTATIVE = 0x40
};

struct list {
    struct netvane_rec_addr *recs;
    size_t count, capacity;
};

static bool is_link_local(const struct netvane_rec_addr *r)
{
    bool fe80 = r->key[0] >> 32 == NV_AF_6 && r->key[1] >> 54 == 0x3fa; /* fe80::/10 */
    return fe80 || r->scope == NV_SCOPE_LINK;
}

static bool addr_is_usable(const struct netvane_rec_addr *r, uint32_t wanted)
{
    if ((r->flags & ADDR_DADFAILED) ||
        ((r->flags & ADDR_TENTATIVE) && !(r->flags & ADDR_OPTIMISTIC)))
        return false;
    if ((r->flags & ADDR_DEPRECATED) && !(wanted & NETVANE_LOCAL_DEPRECATED))
        return false;
    return (wanted & NETVANE_LOCAL_LINK_LOCAL) || !is_link_local(r);
}

static bool link_is_usable(const struct netvane_rec_link *l, uint32_t wanted)
{
    return (l->flags & NV_IFF_UP) &&
           ((wanted & NETVANE_LOCAL_LOOPBACK) || !(l->flags & NV_IFF_LOOPBACK));
}

static bool append(struct list *list, const struct netvane_rec_addr *rec)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        void *recs = realloc(list->recs, capacity * sizeof(*list->recs));
        if (!recs)
            return false;
        list->recs = recs;
        list->capacity = capacity;
    }
    list->recs[list->count++] = *rec;
    return true;
}

/* Collects the usable addresses; *no_memory tells an END for lack of memory from the real one. */
static int collect(const struct nv_snap *s, unsigned family, uint32_t wanted, struct list *list,
                   bool *no_memory)
{
    const uint64_t key[4] = {(uint64_t)family << 32, 0, 0, 0};
    struct nv_cursor c;
    struct netvane_rec_addr rec;
    struct netvane_rec_link link = {0};
    bool usable = false;
    int w = nv_snap_seek(s, NETVANE_TREE_ADDRS, key, &c);
    while (w == NV_TREE_OK && (w = nv_step(&c, &rec)) == NV_TREE_OK && rec.key[0] >> 32 == family) {
        uint32_t ifindex = (uint32_t)rec.key[0];
        if (link.key[0] != ifindex) { /* in order of links: each is looked up once */
            w = nv_link_find(s, ifindex, &link);
            if (w != NV_TREE_OK)
                return NV_TREE_BAD;
            usable = link_is_usable(&link, wanted);
        }
        if (usable && addr_is_usable(&rec, wanted) && !append(list, &rec)) {
            *no_memory = true;
            return NV_TREE_END;
        }
    }
    return w == NV_TREE_BAD ? NV_TREE_BAD : NV_TREE_OK;
}

static int by_number(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* qsort passes no argument: reserved1 of the copies says 0 where the link is the egress, else 1. */
static int compare(const void *pa, const void *pb)
{
    const struct netvane_rec_addr *a = pa, *b = pb;
    int r = by_number(a->reserved1, b->reserved1);
    if (!r)
        r = by_number(a->scope, b->scope);
    if (!r)
        r = by_number(a->flags & ADDR_SECONDARY, b->flags & ADDR_SECONDARY);
    if (!r)
        r = by_number(a->position, b->position);
    if (!r)
        r = by_number((uint32_t)a->key[0], (uint32_t)b->key[0]);
    for (unsigned i = 1; !r && i < 4; i++)
        r = by_number(a->key[i], b->key[i]);
    return r;
}

int netvane_local_list(const struct netvane_snap *snap, uint8_t family, uint32_t flags,
                       struct netvane_addr *ret_addrs, size_t capacity, size_t *ret_count)
{
    const uint32_t known =
        NETVANE_LOCAL_LINK_LOCAL | NETVANE_LOCAL_DEPRECATED | NETVANE_LOCAL_LOOPBACK;
    struct nv_snap s;
    struct list list = {0};
    struct netvane_region_default egress;
    bool no_memory = false;
    if (!ret_count || (capacity && !ret_addrs) || !nv_is_family(family) || (flags & ~known))
        return NETVANE_INVALID;
    const uint32_t size = capacity ? ret_addrs->size : (uint32_t)sizeof(*ret_addrs);
    if (size < 2 * sizeof(size))
        return NETVANE_INVALID;
    int r = nv_enter(snap, &s);
    if (r)
        return r;
    nv_payload_load(&egress,
                    nv_snap_slot(&s) + (family == NV_AF_4
                                            ? offsetof(struct netvane_region_slot, egress4)
                                            : offsetof(struct netvane_region_slot, egress6)),
                    sizeof(egress));
    r = nv_leave(&s, collect(&s, family, flags, &list, &no_memory));
    if (no_memory)
        r = NETVANE_NO_MEMORY;
    if (r)
        goto out;

    const uint32_t best = egress.flags & NETVANE_DF_PRESENT ? egress.ifindex : 0;
    for (size_t i = 0; i < list.count; i++)
        list.recs[i].reserved1 = (uint32_t)list.recs[i].key[0] != best;
    if (list.count)
        qsort(list.recs, list.count, sizeof(*list.recs), compare);
    for (size_t i = 0; i < list.count && i < capacity; i++) {
        struct netvane_addr addr;
        unsigned char *to =
            (unsigned char *)ret_addrs + i * size; /* the caller's struct may be another size */
        nv_addr_show(&list.recs[i], &addr);
        memcpy(to, &size, sizeof(size));
        nv_out(to, &addr, sizeof(addr));
    }
    *ret_count = list.count;
out:
    free(list.recs);
    return r;
}
