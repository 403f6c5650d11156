/* SPDX-License-Identifier: MIT */
/*
 * publish_peers.h - what else makes one changed record of many visible to other processes.
 */
#ifndef NETVANE_BENCH_PUBLISH_PEERS_H
#define NETVANE_BENCH_PUBLISH_PEERS_H

#include <stdint.h>

#include "prefixes.h"

/* publish_lmdb.c: LMDB on tmpfs, without a sync. NULL, or why it cannot be had. */
const char *publish_lmdb_open(uint32_t records);
/* Nanoseconds of one commit that changes one record, over so many. */
double publish_lmdb_ns(uint32_t changes);
void publish_lmdb_close(void);

/* publish_dpdk.c: rte_fib, which is changed where it stands; readers of this process alone see it. As above. */
const char *publish_fib_open(const struct prefix *list, uint32_t count);
/* Nanoseconds of one change of a random prefix's gateway, and of that of /0, over so many. */
double publish_fib_ns(uint32_t changes);
double publish_fib_default_ns(uint32_t changes);
void publish_fib_close(void);

#endif
