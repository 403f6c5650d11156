/* SPDX-License-Identifier: MIT */
/*
 * lookup_kernel.c - the kernel's own FIB as a peer: RTM_GETROUTE on an open socket.
 *
 * In a network namespace of its own, whose table main holds the prefixes. For one destination a request and its answer; the
 * bulk sends 32 requests in one datagram and takes their answers. What it is asked is more than a table's lookup (rules,
 * and what a packet would get), and it is what a program without a table of its own has.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "fill.h"
#include "lookup_peers.h"
#include "testbed.h"

#define ANSWER_BYTES 1024u

static int family, sock = -1;

static const char set_up[] =
    "ip link add v0 type veth peer name v1 && ip link set v0 addrgenmode none && "
    "ip link set v1 addrgenmode none && ip link set v0 up && ip link set v1 up && "
    "ip link set lo up && ip addr add 10.99.0.1/24 dev v0";

/* A namespace for each table: the one before goes with all its routes. */
static const char *build(const struct lookup_table *t)
{
    struct fill fill;
    if (bench_netns())
        return "may not make a network namespace";
    if (bench_shell(set_up))
        return "cannot set a network namespace up (ip of iproute2)";
    fill_init(&fill, t->family, if_nametoindex("v0"));
    if (fill_list(&fill, t->prefixes, t->count))
        return "the kernel has no room for the table";
    sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    family = t->family;
    return sock < 0 ? "no netlink socket" : NULL;
}

static void destroy(void)
{
    (void)close(sock);
    sock = -1;
}

static size_t put_request(const struct lookup_dsts *d, uint32_t i, char *ret_bytes)
{
    return testbed_getroute(family, d->bytes + (family == AF_INET ? 4 : 16) * (size_t)i, ret_bytes);
}

/* The gateway's number + 1, 0: no route. */
static uint32_t read_answer(void)
{
    union {
        struct nlmsghdr head;
        char bytes[ANSWER_BYTES];
    } answer;
    ssize_t n = recv(sock, &answer, sizeof(answer), 0);
    if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct rtmsg)) || answer.head.nlmsg_type != RTM_NEWROUTE)
        return 0;
    const struct rtmsg *rtm = NLMSG_DATA(&answer.head);
    size_t left = RTM_PAYLOAD(&answer.head);
    for (const struct rtattr *a = RTM_RTA(rtm); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        const size_t bytes = RTA_PAYLOAD(a);
        if (a->rta_type == RTA_GATEWAY)
            return ((const uint8_t *)RTA_DATA(a))[bytes - 1] - FILL_GATEWAY_FIRST + 1;
    }
    return 0;
}

static inline uint32_t kernel_lookup(const struct lookup_dsts *d, uint32_t i)
{
    char request[TESTBED_GETROUTE_MAX];
    size_t n = put_request(d, i, request);
    return send(sock, request, n, 0) == (ssize_t)n ? read_answer() : 0;
}

LOOKUP_LOOPS(kernel)

static uint64_t bulk(const struct lookup_dsts *d, uint32_t n)
{
    char requests[LOOKUP_BULK * TESTBED_GETROUTE_MAX];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i += LOOKUP_BULK) {
        size_t used = 0;
        for (uint32_t j = 0; j < LOOKUP_BULK; j++)
            used += NLMSG_ALIGN(put_request(d, (i + j) & (d->count - 1), requests + used));
        if (send(sock, requests, used, 0) == (ssize_t)used)
            for (uint32_t j = 0; j < LOOKUP_BULK; j++)
                sum += read_answer();
    }
    return sum;
}

const struct lookup_peer lookup_kernel[] = {
    {"rtm_getroute", AF_INET, 0, 64, NULL, build, destroy, kernel_answers, kernel_single, bulk,
     kernel_chain, NULL},
    {"rtm_getroute", AF_INET6, 0, 64, NULL, build, destroy, kernel_answers, kernel_single, bulk,
     kernel_chain, NULL},
    {.name = NULL},
};
