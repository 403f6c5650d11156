/* SPDX-License-Identifier: MIT */
/*
 * wake_peers.c - the other ways: a bare futex, and a descriptor for each sleeper (eventfd in an epoll, a seqpacket socket, a
 * pipe), into which the waker writes one after the other.
 */
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wake_ways.h"

/* ---- futex -------------------------------------------------------------------------------------------------- */

static _Atomic uint32_t *word;

static int futex_open(unsigned sleepers)
{
    (void)sleepers;
    if (!word)
        word = bench_shared(sizeof(*word));
    atomic_store(word, 0);
    return 0;
}

static void nothing(void) {}

static void no_begin(unsigned sleeper)
{
    (void)sleeper;
}

static void futex_sleep(unsigned sleeper, uint32_t n)
{
    (void)sleeper;
    while (atomic_load_explicit(word, memory_order_acquire) == n)
        (void)syscall(SYS_futex, word, FUTEX_WAIT, n, NULL, NULL, 0);
}

static void futex_wake(uint32_t n)
{
    atomic_store_explicit(word, n + 1, memory_order_release);
    (void)syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

const struct wake_way wake_futex = {"futex",     futex_open, nothing, no_begin,
                                    futex_sleep, futex_wake, NULL};

/* ---- descriptors -------------------------------------------------------------------------------------------- */

static int fds[WAKE_SLEEPERS_MAX][2]; /* the sleeper's end, the waker's end */
static unsigned opened;
static int epoll = -1; /* the sleeper's own */

static void fds_close(void)
{
    for (; opened; opened--) {
        (void)close(fds[opened - 1][0]);
        if (fds[opened - 1][1] != fds[opened - 1][0])
            (void)close(fds[opened - 1][1]);
    }
}

static int fds_open(unsigned sleepers, int (*make)(int ret_fds[2]))
{
    struct rlimit limit;
    if (!getrlimit(RLIMIT_NOFILE, &limit)) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    for (opened = 0; opened < sleepers; opened++) {
        if (make(fds[opened])) {
            fds_close();
            return -1;
        }
    }
    return 0;
}

static int make_eventfd(int ret_fds[2])
{
    ret_fds[0] = ret_fds[1] = eventfd(0, EFD_CLOEXEC);
    return ret_fds[0] < 0 ? -1 : 0;
}

static int make_seqpacket(int ret_fds[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds);
}

static int eventfd_open(unsigned sleepers)
{
    return fds_open(sleepers, make_eventfd);
}

static int seqpacket_open(unsigned sleepers)
{
    return fds_open(sleepers, make_seqpacket);
}

static int pipe_open(unsigned sleepers)
{
    return fds_open(sleepers, pipe);
}

static void epoll_begin(unsigned sleeper)
{
    struct epoll_event event = {.events = EPOLLIN};
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fds[sleeper][0], &event))
        _exit(1);
}

static void read_change(unsigned sleeper)
{
    uint64_t change;
    if (read(fds[sleeper][0], &change, sizeof(change)) != sizeof(change))
        _exit(1);
}

static void epoll_sleep(unsigned sleeper, uint32_t n)
{
    struct epoll_event event;
    (void)n;
    while (epoll_wait(epoll, &event, 1, -1) != 1)
        ;
    read_change(sleeper);
}

static void read_sleep(unsigned sleeper, uint32_t n)
{
    (void)n;
    read_change(sleeper);
}

static void write_all(uint32_t n)
{
    const uint64_t change = n + 1;
    for (unsigned i = 0; i < opened; i++)
        if (write(fds[i][1], &change, sizeof(change)) != sizeof(change))
            _exit(1);
}

const struct wake_way wake_eventfd = {"eventfd_epoll", eventfd_open, fds_close, epoll_begin,
                                      epoll_sleep,     write_all,    NULL};
const struct wake_way wake_seqpacket = {"seqpacket", seqpacket_open, fds_close, no_begin,
                                        read_sleep,  write_all,      NULL};
const struct wake_way wake_pipe = {"pipe",     pipe_open, fds_close, no_begin,
                                   read_sleep, write_all, NULL};
