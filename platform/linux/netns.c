/* SPDX-License-Identifier: MIT */
/*
 * netns.c - entering a network namespace for the time of one call.
 *
 * Owns:      nothing between calls.
 * Assumes:   names are those of ip-netns(8).
 * Promises:  see netns.h. setns(2) and back in the caller's own thread would be shorter, but if the way back
 *            failed the caller would be stranded; a thread that ends cannot be.
 */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "nv/plat.h"

static int open_path(const char *path, int *ret_fd)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

int nv_netns_open(const char *netns, int *ret_fd)
{
    static const char *const places[] = {"/run/netns/", "/var/run/netns/"};
    if (!netns) {
        int err = open_path("/proc/thread-self/ns/net", ret_fd);
        return err ? open_path("/proc/self/ns/net", ret_fd) : 0;
    }
    if (strchr(netns, '/'))
        return open_path(netns, ret_fd);
    int err = -ENOENT;
    for (unsigned i = 0; i < 2 && err == -ENOENT; i++) {
        char path[288];
        int n = snprintf(path, sizeof path, "%s%s", places[i], netns);
        if (n < 0 || (size_t)n >= sizeof path)
            return -ENAMETOOLONG;
        err = open_path(path, ret_fd);
    }
    return err;
}

struct errand {
    int netns_fd;
    int (*fn)(void *);
    void *arg;
    int result;
};

static void go(void *arg)
{
    struct errand *e = arg;
    e->result = setns(e->netns_fd, CLONE_NEWNET) ? -errno : e->fn(e->arg);
}

int nv_netns_run(int netns_fd, int (*fn)(void *), void *arg)
{
    struct errand e = {.netns_fd = netns_fd, .fn = fn, .arg = arg};
    struct nv_thread *t;
    int err = nv_thread_start(go, &e, &t);
    if (err)
        return err;
    nv_thread_join(t);
    return e.result;
}
