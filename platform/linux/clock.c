/* SPDX-License-Identifier: MIT */
/*
 * clock.c - the three clocks of plat.h.
 *
 * Owns:      nothing; each call asks the kernel (through the vDSO).
 * Assumes:   clock_gettime cannot fail for these clocks (Linux 2.6.39 and later).
 * Promises:  nanoseconds, 0 if a clock should be missing after all.
 * Leaves:    what a jump between two clocks means to the writer.
 */
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

uint64_t nv_clock_boottime_ns(void)
{
    return clock_ns(CLOCK_BOOTTIME);
}

uint64_t nv_clock_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t nv_clock_realtime_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}
