/* SPDX-License-Identifier: MIT */
/*
 * link_uses.h - how many hop sets name a link.
 *
 * Owns:      one count a link, in a hash table.
 * Promises:  "nobody names it" is one look, however many links and hop sets there are; without memory everything counts
 *            as named.
 */
#ifndef NV_LINK_USES_H
#define NV_LINK_USES_H

#include <stdbool.h>
#include <stdint.h>

struct nv_link_uses {
    struct nv_link_use {
        uint32_t ifindex; /* 0: free */
        uint32_t sets;
    } * slots;
    uint32_t size, used; /* slots, and those that are not free: counts of 0 among them */
    bool unknown;        /* a count could not be kept */
};

void nv_link_uses_add(struct nv_link_uses *u, uint32_t ifindex);
void nv_link_uses_remove(struct nv_link_uses *u, uint32_t ifindex);
bool nv_link_uses_any(const struct nv_link_uses *u, uint32_t ifindex);
void nv_link_uses_destroy(struct nv_link_uses *u);

#endif
