/* SPDX-License-Identifier: MIT */
/*
 * fill.h - fills the kernel's tables of this namespace with routes as a router of the Internet has them.
 *
 * Assumes that the link is up and the IPv4 gateways' subnet is on it. Which routes: those of prefixes.h.
 */
#ifndef NETVANE_BENCH_FILL_H
#define NETVANE_BENCH_FILL_H

#include <stdint.h>

#include "prefixes.h"

#define FILL_GATEWAY_FIRST 2u  /* 10.99.0.2 and on, fe80::2 and on */
#define FILL_PROTOCOL      186 /* BGP, and the metric 20: as FRR installs them */

struct fill {
    int family; /* AF_INET or AF_INET6 */
    uint32_t ifindex, added;
    struct prefixes prefixes;
};

void fill_init(struct fill *f, int family, uint32_t ifindex);
/* Adds routes until `total` are there. 0, or a negative errno (-ERANGE: there is no room for more). */
int fill_until(struct fill *f, uint32_t total);
/* Adds these, which no table has yet. */
int fill_list(struct fill *f, const struct prefix *list, uint32_t count);
/* Gives one that is there the next gateway, by a netlink socket. 0, or a negative errno. */
int fill_change(const struct fill *f, int fd, struct prefix *p);

#endif
