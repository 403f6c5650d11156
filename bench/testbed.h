/* SPDX-License-Identifier: MIT */
/*
 * testbed.h - a network namespace of the bench's own with an IPv4 default route to change, and a netvaned on it.
 */
#ifndef NETVANE_BENCH_TESTBED_H
#define NETVANE_BENCH_TESTBED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Enters a new one: veth v0 with 10.99.0.1/24 and its peer, both up. NULL, or why not. */
const char *testbed_enter(void);
/* Asks the kernel, on a netlink socket, to replace the default route by another one: via 10.99.0.2 or 10.99.0.3. */
void testbed_change_default(int fd);
int testbed_socket(void); /* netlink; exits where there is none */

#define TESTBED_GETROUTE_MAX 64u
/* Writes the question RTM_GETROUTE for a destination (4 or 16 bytes); its size. */
size_t testbed_getroute(int family, const uint8_t *dst, char ret_bytes[TESTBED_GETROUTE_MAX]);

/*
 * A reader that sleeps, by turns: ready is told that a sleep begins; when a default route by another gateway is there, woken
 * is told when the sleep ended. After so many changes it returns; -1: the State cannot be had, or nothing comes for 5 s.
 */
int testbed_sleep(const char *dir, uint32_t changes, void (*ready)(uint32_t i),
                  void (*woken)(uint64_t now_ns));

/* Starts the netvaned that NETVANE_BIN names, else that of this build; returns when its State can be read. -1: it did not. */
pid_t testbed_writer_start(const char *dir);
void testbed_writer_stop(pid_t writer);

#endif
