/* SPDX-License-Identifier: MIT */
/*
 * wait.c - sleeping on words of the region, and waking those who do.
 *
 * Owns:      nothing but the memory that futex_waitv is missing here.
 * Assumes:   the words lie in a MAP_SHARED mapping; read-only is enough to sleep on them.
 * Promises:  FUTEX_WAIT and futex_waitv without the PRIVATE flag: keyed by inode and offset, so that a wake
 *            crosses processes. Time is CLOCK_MONOTONIC: a suspended host does not run a timeout down.
 * Leaves:    re-checking to the caller: any return may be spurious.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "nv/base.h"
#include "nv/plat.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

#define POLL_FIRST_NS NV_NS_PER_MS        /* slices of the fallback grow from this */
#define POLL_LAST_NS  (10 * NV_NS_PER_MS) /* to this */

/* What SYS_futex takes on every architecture: two longs, whatever time_t is. */
struct futex_timeout {
    long sec;
    long nsec;
};

/* What futex_waitv takes on every architecture. */
struct waitv_word {
    uint64_t value;
    uint64_t address;
    uint32_t flags;
    uint32_t reserved;
};
struct waitv_timeout {
    int64_t sec;
    int64_t nsec;
};
#define WAITV_32BIT 2u

static atomic_bool waitv_missing;

static int wait_one(const struct nv_futex_wait *w, uint64_t timeout_ns)
{
    struct futex_timeout ts = {0};
    const struct futex_timeout *limit = NULL;
    if (timeout_ns != NV_FOREVER) {
        ts.sec = (long)nv_min_u64(timeout_ns / NV_NS_PER_S, INT_MAX);
        ts.nsec = (long)(timeout_ns % NV_NS_PER_S);
        limit = &ts;
    }
    if (!syscall(SYS_futex, w->word, FUTEX_WAIT, w->expected, limit, NULL, 0))
        return 0;
    return errno == EAGAIN ? 0 : -errno;
}

static int wait_many(const struct nv_futex_wait *words, unsigned count, uint64_t timeout_ns)
{
    struct waitv_word list[NV_FUTEX_WAIT_MAX];
    for (unsigned i = 0; i < count; i++)
        list[i] = (struct waitv_word){
            .value = words[i].expected,
            .address = (uint64_t)(uintptr_t)words[i].word,
            .flags = WAITV_32BIT,
        };

    struct waitv_timeout ts = {0};
    const struct waitv_timeout *limit = NULL;
    if (timeout_ns != NV_FOREVER) {
        uint64_t until = nv_add_sat(nv_clock_monotonic_ns(), timeout_ns);
        ts.sec = (int64_t)(until / NV_NS_PER_S);
        ts.nsec = (int64_t)(until % NV_NS_PER_S);
        limit = &ts;
    }
    if (syscall(SYS_futex_waitv, list, count, 0, limit, CLOCK_MONOTONIC) >= 0)
        return 0;
    return errno == EAGAIN ? 0 : -errno;
}

static bool any_differs(const struct nv_futex_wait *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (atomic_load_explicit((const _Atomic uint32_t *)words[i].word, memory_order_relaxed) !=
            words[i].expected)
            return true;
    return false;
}

/* Sleeps on the first word and looks at the others after each slice. */
static int wait_in_slices(const struct nv_futex_wait *words, unsigned count, uint64_t timeout_ns)
{
    uint64_t until = nv_add_sat(nv_clock_monotonic_ns(), timeout_ns);
    uint64_t slice = POLL_FIRST_NS;
    for (;;) {
        if (any_differs(words, count))
            return 0;
        uint64_t now = nv_clock_monotonic_ns();
        if (now >= until)
            return -ETIMEDOUT;
        int err = wait_one(&words[0], nv_min_u64(slice, until - now));
        if (err != -ETIMEDOUT)
            return err;
        slice = nv_min_u64(slice * 2, POLL_LAST_NS);
    }
}

int nv_futex_wait(const struct nv_futex_wait *words, unsigned count, uint64_t timeout_ns)
{
    if (!count || count > NV_FUTEX_WAIT_MAX)
        return -EINVAL;
    if (count == 1)
        return wait_one(words, timeout_ns);
    if (!atomic_load_explicit(&waitv_missing, memory_order_relaxed)) {
        int err = wait_many(words, count, timeout_ns);
        if (err != -ENOSYS && err != -EPERM) /* EPERM: a seccomp filter older than the call */
            return err;
        atomic_store_explicit(&waitv_missing, true, memory_order_relaxed);
    }
    return wait_in_slices(words, count, timeout_ns);
}

int nv_futex_wake(const uint32_t *word, int at_most)
{
    long n = syscall(SYS_futex, word, FUTEX_WAKE, at_most, NULL, NULL, 0);
    return n < 0 ? 0 : (int)n;
}
