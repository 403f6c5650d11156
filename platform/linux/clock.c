/* SPDX-License-Identifier: MIT */
/*
 * clock.c - the three clocks of plat.h, and a replay's time instead of two of them.
 *
 * Owns:      the hold; each call asks the kernel (through the vDSO) if there is none.
 * Assumes:   clock_gettime cannot fail for these clocks (Linux 2.6.39 and later).
 * Promises:  nanoseconds, 0 if a clock should be missing after all.
 * Leaves:    what a jump between two clocks means to the writer.
 */
#include <stdatomic.h>
#include <time.h>

#include "nv/base.h"
#include "nv/plat.h"

static uint64_t clock_ns(clockid_t id)
{
    struct timespec ts;
    if (clock_gettime(id, &ts))
        return 0;
    return (uint64_t)ts.tv_sec * NV_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* One of the two clocks that can be held; other threads read them, too. */
struct held {
    clockid_t id;
    _Atomic uint64_t still_ns; /* 0: it runs */
    _Atomic uint64_t ahead_ns; /* of the kernel's, modulo 2^64 */
};
static struct held boottime = {.id = CLOCK_BOOTTIME}, monotonic = {.id = CLOCK_MONOTONIC};

static uint64_t read_ns(struct held *h)
{
    uint64_t still = atomic_load_explicit(&h->still_ns, memory_order_acquire);
    return still ? still
                 : clock_ns(h->id) + atomic_load_explicit(&h->ahead_ns, memory_order_relaxed);
}

static void hold(struct held *h, uint64_t ns)
{
    atomic_store_explicit(&h->still_ns, ns, memory_order_relaxed);
}

static void release(struct held *h, uint64_t jump_ns)
{
    uint64_t still = atomic_load_explicit(&h->still_ns, memory_order_relaxed);
    uint64_t ahead = still + jump_ns - clock_ns(h->id);
    atomic_store_explicit(&h->ahead_ns, ahead, memory_order_relaxed);
    atomic_store_explicit(&h->still_ns, 0, memory_order_release); /* behind ahead_ns */
}

void nv_clock_hold(uint64_t boottime_ns, uint64_t monotonic_ns)
{
    hold(&boottime, boottime_ns);
    hold(&monotonic, monotonic_ns);
}

/* Both by the same: where they are behind, up to the kernel's boot time, with which readers compare heartbeats. */
void nv_clock_release(void)
{
    uint64_t still = atomic_load_explicit(&boottime.still_ns, memory_order_relaxed);
    uint64_t now = clock_ns(boottime.id);
    if (!still)
        return;
    uint64_t jump = now > still ? now - still : 0;
    release(&boottime, jump);
    release(&monotonic, jump);
}

uint64_t nv_clock_unheld_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t nv_clock_boottime_ns(void)
{
    return read_ns(&boottime);
}

uint64_t nv_clock_monotonic_ns(void)
{
    return read_ns(&monotonic);
}

uint64_t nv_clock_realtime_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}
