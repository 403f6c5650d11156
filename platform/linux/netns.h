/* SPDX-License-Identifier: MIT */
/*
 * netns.h - running a function inside another network namespace.
 *
 * Owns:      the descriptor that nv_netns_open gives, until the caller closes it.
 * Assumes:   CAP_SYS_ADMIN in the user namespace that owns the network namespace.
 * Promises:  the calling thread never leaves its own namespace: a short-lived thread goes there. What that
 *            thread opens belongs to the process and stays in the namespace where it was opened.
 */
#ifndef NV_LINUX_NETNS_H
#define NV_LINUX_NETNS_H

/* By name (/run/netns/NAME, /var/run/netns/NAME), by path if it has a '/', or this thread's if NULL. */
int nv_netns_open(const char *netns, int *ret_fd);
/* Calls fn(arg) inside, and returns what it returns; or a negative errno if the way there is barred. */
int nv_netns_run(int netns_fd, int (*fn)(void *arg), void *arg);

#endif
