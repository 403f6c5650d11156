/* SPDX-License-Identifier: MIT */
/*
 * netns.c - namespaces of the bench's own, so that it changes nothing of the host.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
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

/* Namespaces of these kinds (CLONE_NEW*), by root's right or in a user namespace. */
static int enter(int kinds)
{
    char users[64], groups[64];
    if (!unshare(kinds))
        return 0;
    (void)snprintf(users, sizeof(users), "0 %u 1", (unsigned)geteuid());
    (void)snprintf(groups, sizeof(groups), "0 %u 1", (unsigned)getegid());
    if (unshare(CLONE_NEWUSER | kinds))
        return -1;
    /* A program that is run has its rights there only as that namespace's root; its files need a group, too. */
    if (write_file("/proc/self/uid_map", users) || write_file("/proc/self/setgroups", "deny"))
        return -1;
    return write_file("/proc/self/gid_map", groups);
}

int bench_netns(void)
{
    return enter(CLONE_NEWNET);
}

int bench_mountns(void)
{
    return enter(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ? -1 : 0;
}
