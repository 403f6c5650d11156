/* SPDX-License-Identifier: MIT */
/*
 * read_kernel.c - asking the kernel each time: which way does a packet go?
 *
 * In a network namespace of the bench's own, with a default route: RTM_GETROUTE on an open netlink socket; a UDP socket that is
 * connected, and asked which address it got; beside them the clock and a system call that does nothing.
 */
#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "read_peers.h"
#include "testbed.h"

static int netlink = -1, udp = -1;
static const char *missing; /* why there is no namespace to ask in */

bool read_kernel_enter(void)
{
    missing = testbed_enter();
    return !missing;
}

static const char *open_netlink(const char *dir)
{
    (void)dir;
    if (missing)
        return missing;
    netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    return netlink < 0 ? "no netlink socket" : NULL;
}

static const char *open_udp(const char *dir)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    (void)dir;
    if (missing)
        return missing;
    udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1 */
    if (udp < 0 || connect(udp, (const struct sockaddr *)&to, sizeof(to)))
        return "a UDP socket is not connected";
    return NULL;
}

static void netlink_batch(void)
{
    char question[TESTBED_GETROUTE_MAX];
    const size_t size = testbed_getroute(AF_INET, (const uint8_t[]){192, 0, 2, 1}, question);
    char answer[1024];
    for (unsigned i = 0; i < READ_FEW; i++)
        if (send(netlink, question, size, 0) != (ssize_t)size ||
            recv(netlink, answer, sizeof(answer), 0) <= 0)
            return;
}

static void udp_batch(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)}, self;
    for (unsigned i = 0; i < READ_FEW; i++) {
        socklen_t size = sizeof(self);
        to.sin_addr.s_addr = htonl(0xc0000201 + i % 2);
        if (connect(udp, (const struct sockaddr *)&to, sizeof(to)) ||
            getsockname(udp, (struct sockaddr *)&self, &size))
            return;
    }
}

static void clock_batch(void)
{
    for (unsigned i = 0; i < READ_FEW; i++)
        bench_keep(bench_now_ns());
}

static void syscall_batch(void)
{
    for (unsigned i = 0; i < READ_FEW; i++)
        bench_keep((uint64_t)syscall(SYS_getppid));
}

const struct read_way read_kernel[] = {
    {.name = "clock_gettime", .batch = clock_batch, .reads = READ_FEW, .quiet_only = true},
    {.name = "system_call", .batch = syscall_batch, .reads = READ_FEW, .quiet_only = true},
    {.name = "rtm_getroute",
     .open = open_netlink,
     .batch = netlink_batch,
     .reads = READ_FEW,
     .quiet_only = true},
    {.name = "connect_getsockname",
     .open = open_udp,
     .batch = udp_batch,
     .reads = READ_FEW,
     .quiet_only = true},
    {.name = NULL},
};
