/* SPDX-License-Identifier: MIT */
/*
 * publish_peers.h - what else makes one changed record of many visible to other processes.
 */
#ifndef NETVANE_BENCH_PUBLISH_PEERS_H
#define NETVANE_BENCH_PUBLISH_PEERS_H

#include <stdint.h>

/* publish_lmdb.c: LMDB on tmpfs, without a sync. NULL, or why it cannot be had. */
const char *publish_lmdb_open(uint32_t records);
/* Nanoseconds of one commit that changes one record, over so many. */
double publish_lmdb_ns(uint32_t changes);
void publish_lmdb_close(void);

#endif
