/* SPDX-License-Identifier: MIT */
/*
 * neigh.h - MAC addresses of next hops, as the kernel's neighbour tables have them.
 *
 * The State holds no neighbours: they change with traffic, not with configuration. So this is the one thing that the
 * dataplane asks the kernel for itself, by rtnetlink: a dump at the start, events from then on, a dump again after a loss.
 * It leaves ARP and neighbour discovery to the kernel, and asks it to find a next hop that is not known.
 */
#ifndef DATAPLANE_NEIGH_H
#define DATAPLANE_NEIGH_H

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"

struct neigh;

/* Reads all neighbours. NULL: errno says why. */
struct neigh *neigh_open(struct counters *counters);
void neigh_close(struct neigh *neigh);

int neigh_fd(const struct neigh *neigh); /* to poll */
void neigh_take(struct neigh *neigh);    /* takes what is there to read; never sleeps */

/* Once a second: makes room where places of neighbours that nobody answers for have filled the table. */
void neigh_tidy(struct neigh *neigh);

/* Moves with each change: what was made from an older one may be wrong. */
uint32_t neigh_generation(const struct neigh *neigh);

/* The MAC address of ip (family 4 or 6) on a link. false: not known; with ask the kernel is told to find it. */
bool neigh_find(struct neigh *neigh, uint32_t ifindex, uint8_t family, const uint8_t *ip, bool ask,
                uint8_t ret_mac[6]);

#endif
