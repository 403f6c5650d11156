/* SPDX-License-Identifier: MIT */
/*
 * fill.h - fills the kernel's tables of this namespace with routes as a router of the Internet has them.
 *
 * Assumes that the link is up and the IPv4 gateways' subnet is on it. Prefixes come in the order of their addresses, three
 * of five as long as the Internet's longest (/24, /48), many inside shorter ones, over FILL_GATEWAYS gateways;
 * the same number gives the same routes each time.
 */
#ifndef NETVANE_BENCH_FILL_H
#define NETVANE_BENCH_FILL_H

#include <stdint.h>

#define FILL_GATEWAYS 24u /* 10.99.0.2 and on, fe80::2 and on */

struct fill {
    int family; /* AF_INET or AF_INET6 */
    uint32_t ifindex, added;
    uint32_t seed;
    uint64_t address; /* the upper half of an IPv6 address; an IPv4 address in its upper half */
    uint32_t longest_here;
};

void fill_init(struct fill *f, int family, uint32_t ifindex);
/* Adds routes until `total` are there. 0, or a negative errno (-ERANGE: there is no room for more). */
int fill_until(struct fill *f, uint32_t total);

#endif
