/* SPDX-License-Identifier: MIT */
/*
 * wake_ways.h - ways in which one process can wake many, for bench_wake: all are measured by the same loop.
 */
#ifndef NETVANE_BENCH_WAKE_WAYS_H
#define NETVANE_BENCH_WAKE_WAYS_H

#include <stdint.h>

#include "bench.h"

#define WAKE_SLEEPERS_MAX 512u

struct wake_way {
    const char *name;
    /* The waker's, before the sleepers are forked, and when they have ended. 0, or -1: no room for so many. */
    int (*open)(unsigned sleepers);
    void (*close)(void);
    /* A sleeper's: once, and then for each change number n, from 0: returns when it is awake and has seen it. */
    void (*begin)(unsigned sleeper);
    void (*sleep)(unsigned sleeper, uint32_t n);
    /* The waker's: makes change n and wakes all. */
    void (*wake)(uint32_t n);
    /* The waker's, just before that: what has run anyhow when there is a change to tell; NULL: nothing. */
    void (*prepare)(void);
};

extern const struct wake_way wake_netvane; /* wake_netvane.c */
extern const struct wake_way wake_futex, wake_eventfd, wake_seqpacket, wake_pipe; /* wake_peers.c */

/* wake_netvane.c: the writer inside the bench, with whose region the first way works. */
void wake_netvane_start(void);
void wake_netvane_stop(void);

/* wake_kernel.c: from a change in the kernel, through netvaned, to the reader. futex_us: what is beside it. */
int wake_kernel(const struct bench_options *o, double futex_us);

#endif
