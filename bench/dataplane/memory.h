/* SPDX-License-Identifier: MIT */
/*
 * memory.h - what the inside of the forwarding loop costs, without ports: generated packets in memory.
 */
#ifndef DATAPLANE_MEMORY_H
#define DATAPLANE_MEMORY_H

#include "options.h"

struct netvane;

/* Prints its figures. 0, an error of libnetvane, or 1: it has said what is missing. */
int memory_bench(struct netvane *nv, struct options *options);

#endif
