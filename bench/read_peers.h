/* SPDX-License-Identifier: MIT */
/*
 * read_peers.h - ways in which a process can read what another one changes, for bench_read.
 *
 * Each has a batch of reads and what its writer does for each version that ours publishes. That runs in the writer's
 * process, on the other core, and only while this way is measured, so that each meets as many changes as ours and none pays for
 * another's.
 */
#ifndef NETVANE_BENCH_READ_PEERS_H
#define NETVANE_BENCH_READ_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "bench.h"

#define READ_BATCH 4096u
#define READ_FEW   256u /* reads of a batch of what takes longer */

struct read_way {
    const char *name;
    /* In the reader, once; before the first batch. NULL, or why it cannot be had. The function may be missing. */
    const char *(*open)(const char *dir);
    void (*batch)(void);
    unsigned reads; /* of a batch */
    void (*update)(const char *dir,
                   uint64_t n); /* the writer's for version n; NULL: it sees no change */
    /* The same by a thread of the reader's process, for what works inside one process only. */
    void (*thread_update)(uint64_t n);
    bool quiet_only;
};

/* Lists that end with a way without a name. */
extern const struct read_way
    read_netvane[]; /* read_netvane.c: the poll comes first, then the default route */
extern const struct read_way
    read_memory[]; /* read_memory.c: the acquire load comes first, then the seqlock */
extern const struct read_way read_lmdb[], read_urcu[], read_kernel[];

/* read_memory.c: maps what its ways share with the writer; before the writer is forked. */
void read_memory_map(void);
/* read_lmdb.c: how many records its large table is to have. */
void read_lmdb_size(uint32_t records);
/* read_kernel.c: enters a network namespace with a default route, for the ways that ask the kernel. Is it there? */
bool read_kernel_enter(void);
/* read_walk.c: all links and addresses, with few and, in a namespace of the bench's own, with many of them. */
void read_walk(const struct bench_options *o, bool own_namespace);

/* What is copied: vectors of 16 bytes, as our own reader takes its 64. */
struct read_line {
    __attribute__((vector_size(16))) uint64_t q[4];
};
struct read_block {
    __attribute__((vector_size(16))) uint64_t q[16];
};

#endif
