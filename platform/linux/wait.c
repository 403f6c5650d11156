/* SPDX-License-Identifier: MIT */
/*
 * wait.c - sleeping on words of the region, and waking those who do.
 *
 * Assumes:   the words lie in a MAP_SHARED mapping; read-only is enough to sleep on them.
 * Promises:  FUTEX_WAIT_BITSET without the PRIVATE flag: keyed by inode and offset, so that a wake crosses processes. One
 *            call wakes those who asked for any of its bits, and nobody else. Time is CLOCK_MONOTONIC: a suspended host
 *            does not run a timeout down.
 * Leaves:    re-checking to the caller: any return may be spurious.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nv/base.h"
#include "nv/plat.h"

/* What SYS_futex takes on every architecture: two longs, whatever time_t is. */
struct futex_timeout {
    long sec;
    long nsec;
};

int nv_futex_wait(const uint32_t *word, uint32_t expected, uint32_t bits, uint64_t timeout_ns)
{
    struct futex_timeout until = {0};
    const struct futex_timeout *limit = NULL;
    if (timeout_ns != NV_FOREVER) {
        const uint64_t ns = nv_add_sat(nv_clock_monotonic_ns(), timeout_ns);
        const uint64_t sec = ns / NV_NS_PER_S;
        until.sec = sec < (unsigned long)LONG_MAX ? (long)sec : LONG_MAX;
        until.nsec = (long)(ns % NV_NS_PER_S);
        limit = &until;
    }
    if (!syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected, limit, NULL, bits))
        return 0;
    return errno == EAGAIN ? 0 : -errno;
}

int nv_futex_wake(const uint32_t *word, uint32_t bits, int at_most)
{
    long n = syscall(SYS_futex, word, FUTEX_WAKE_BITSET, at_most, NULL, NULL, bits);
    return n < 0 ? 0 : (int)n;
}
