/* SPDX-License-Identifier: MIT */
/*
 * loop.c - what a service's main loop needs: poll, and signals as a descriptor.
 *
 * Owns:      nothing; descriptors belong to the caller.
 * Assumes:   nv_signals_open runs before other threads start, so that they inherit the mask.
 * Promises:  no handler is installed.
 * Leaves:    what a signal means to the writer.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "nv/base.h"
#include "nv/plat.h"

#define POLL_MAX 64

int nv_poll(struct nv_poll_item *items, unsigned count, uint64_t timeout_ns)
{
    struct pollfd fds[POLL_MAX];
    if (count > POLL_MAX)
        return -EINVAL;
    for (unsigned i = 0; i < count; i++) {
        fds[i] = (struct pollfd){.fd = (int)items[i].handle, .events = POLLIN};
        items[i].readable = false;
    }

    struct timespec ts = {0};
    if (timeout_ns != NV_FOREVER) {
        ts.tv_sec = (time_t)(timeout_ns / NV_NS_PER_S);
        ts.tv_nsec = (long)(timeout_ns % NV_NS_PER_S);
    }
    if (ppoll(fds, count, timeout_ns == NV_FOREVER ? NULL : &ts, NULL) < 0)
        return -errno;
    for (unsigned i = 0; i < count; i++)
        items[i].readable = fds[i].revents != 0; /* an error is found by reading */
    return 0;
}

int nv_signals_open(intptr_t *ret_handle)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    int err = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (err)
        return -err;
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    *ret_handle = fd;
    return 0;
}

unsigned nv_signals_take(intptr_t handle)
{
    unsigned taken = 0;
    struct signalfd_siginfo info;
    for (;;) {
        ssize_t n = read((int)handle, &info, sizeof info);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != (ssize_t)sizeof info)
            return taken;
        taken |= info.ssi_signo == SIGHUP ? NV_SIGNAL_REREAD : NV_SIGNAL_STOP;
    }
}
