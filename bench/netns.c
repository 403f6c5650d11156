/* SPDX-License-Identifier: MIT */
/*
 * netns.c - a network namespace of the bench's own, by root's right or in a user namespace.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = write(fd, text, strlen(text));
    (void)close(fd);
    return n == (ssize_t)strlen(text) ? 0 : -1;
}

int bench_netns(void)
{
    char map[64];
    if (!unshare(CLONE_NEWNET))
        return 0;
    (void)snprintf(map, sizeof(map), "0 %u 1", (unsigned)geteuid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
        return -1;
    /* A program that is run has its rights there only as that namespace's root. */
    return write_file("/proc/self/uid_map", map);
}
