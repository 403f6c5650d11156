/* SPDX-License-Identifier: MIT */
/*
 * select.h - the default route of each family: ranked candidates, the main default, the egress.
 */
#ifndef NV_SELECT_H
#define NV_SELECT_H

#include "mirror.h"

/* Answers of the mirror for one family (index 0: IPv4, 1: IPv6). */
struct nv_choice {
    struct netvane_region_default main_default; /* the best /0 of table main; family 0: none */
    struct netvane_region_default egress; /* of the probe destination, as the mirror sees it */
};

/*
 * Writes the ranked candidates of each table into the draft and chooses. Needs reserved nodes (nv_mirror_reserve with
 * any kind) for each edit and gives up early, with what it has, where there are none. Cost: the /0 routes, and a walk
 * over the rules with one seek for each prefix length in use.
 */
void nv_select(struct nv_mirror *m, unsigned f, struct nv_choice *ret_choice);

/* egress.c: what the rules and tables answer for the probe destination. */
void nv_select_egress(struct nv_mirror *m, unsigned f, struct netvane_region_default *ret_egress);

/* select.c: one route as a default; alive tells whether the kernel would use it. */
bool nv_select_summary(const struct nv_mirror *m, uint8_t family, const void *record,
                       bool *ret_alive, struct netvane_region_default *ret_default);

#endif
