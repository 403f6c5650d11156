/* SPDX-License-Identifier: MIT */
/*
 * fill.c - route requests in batches, without acknowledgements: the kernel answers errors only.
 */
#include "fill.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH_BYTES  65536u
#define PROTOCOL_BGP 186 /* and the metric 20: as FRR installs them */
#define METRIC       20u

/* Of 100 prefixes, so many have this length. */
static const struct {
    uint8_t len, share;
} lengths4[] = {{24, 60}, {23, 10}, {22, 12}, {21, 5}, {20, 5}, {19, 3}, {18, 2}, {17, 1}, {16, 2}},
  lengths6[] = {{48, 60}, {47, 3}, {46, 4}, {44, 9}, {40, 9}, {36, 5}, {32, 8}, {29, 1}, {28, 1}};

/* ---- which prefixes ----------------------------------------------------------------------------------------- */

static uint32_t draw(struct fill *f, uint32_t below)
{
    f->seed = f->seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)f->seed * below >> 32);
}

void fill_init(struct fill *f, int family, uint32_t ifindex)
{
    *f = (struct fill){.family = family,
                       .ifindex = ifindex,
                       .seed = 20261,
                       .address = family == AF_INET ? UINT64_C(1) << 56 : UINT64_C(0x2001) << 48};
}

static uint32_t draw_length(struct fill *f)
{
    uint32_t n = draw(f, 100), i = 0;
    if (f->family == AF_INET) {
        while (n >= lengths4[i].share)
            n -= lengths4[i++].share;
        return lengths4[i].len;
    }
    while (n >= lengths6[i].share)
        n -= lengths6[i++].share;
    return lengths6[i].len;
}

/* The next prefix: behind the last one, or inside it and longer. False: the address space has ended. */
static bool next_prefix(struct fill *f, uint64_t *ret_address, uint32_t *ret_len)
{
    const uint64_t end = f->family == AF_INET ? UINT64_C(224) << 56 : UINT64_C(0x4000) << 48;
    uint32_t len = draw_length(f);
    uint64_t size = UINT64_C(1) << (64 - len);
    uint64_t aligned = (f->address + size - 1) & ~(size - 1);
    if (aligned != f->address)
        f->longest_here = 0;
    if (len <= f->longest_here) { /* that one is there already, or would come before it */
        aligned += size;
        f->longest_here = 0;
    }
    if (f->family == AF_INET && (aligned >> 56 == 10 || aligned >> 56 == 127)) {
        aligned = ((aligned >> 56) + 1) << 56; /* a multiple of every size */
        f->longest_here = 0;
    }
    if (aligned >= end)
        return false;
    *ret_address = aligned;
    *ret_len = len;
    f->longest_here = len;
    if (draw(f, 2)) { /* go on behind it, else inside it */
        f->address = aligned + size;
        f->longest_here = 0;
    } else {
        f->address = aligned;
    }
    return true;
}

/* ---- requests ------------------------------------------------------------------------------------------------- */

static void put_attr(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t size)
{
    struct rtattr *a = (struct rtattr *)(void *)((char *)nlh + nlh->nlmsg_len);
    a->rta_type = type;
    a->rta_len = (uint16_t)RTA_LENGTH(size);
    memcpy(RTA_DATA(a), data, size);
    nlh->nlmsg_len += (uint32_t)RTA_SPACE(size);
}

static void put_route(struct fill *f, struct nlmsghdr *nlh, uint64_t address, uint32_t len)
{
    const uint32_t metric = METRIC;
    uint8_t dst[16] = {0}, gateway[16] = {10, 99, 0};
    size_t bytes = f->family == AF_INET ? 4 : 16;
    *nlh = (struct nlmsghdr){.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
                             .nlmsg_type = RTM_NEWROUTE,
                             .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL};
    *(struct rtmsg *)NLMSG_DATA(nlh) = (struct rtmsg){.rtm_family = (uint8_t)f->family,
                                                      .rtm_dst_len = (uint8_t)len,
                                                      .rtm_table = RT_TABLE_MAIN,
                                                      .rtm_protocol = PROTOCOL_BGP,
                                                      .rtm_scope = RT_SCOPE_UNIVERSE,
                                                      .rtm_type = RTN_UNICAST};
    for (unsigned i = 0; i < 8; i++)
        dst[i] = (uint8_t)(address >> (56 - 8 * i));
    if (f->family == AF_INET6)
        memcpy(gateway, (const uint8_t[]){0xfe, 0x80, 0}, 3);
    gateway[bytes - 1] = (uint8_t)(2 + draw(f, FILL_GATEWAYS));
    put_attr(nlh, RTA_DST, dst, bytes);
    put_attr(nlh, RTA_PRIORITY, &metric, sizeof(metric));
    put_attr(nlh, RTA_GATEWAY, gateway, bytes);
    put_attr(nlh, RTA_OIF, &f->ifindex, sizeof(f->ifindex));
}

/* The first error that the kernel reported, 0 if none has come. */
static int errors(int fd)
{
    union {
        struct nlmsghdr head;
        char bytes[8192];
    } answer;
    while (recv(fd, &answer, sizeof(answer), MSG_DONTWAIT) > 0) {
        const struct nlmsgerr *e = NLMSG_DATA(&answer.head);
        if (answer.head.nlmsg_type == NLMSG_ERROR && e->error)
            return e->error;
    }
    return errno == EAGAIN ? 0 : -errno;
}

int fill_until(struct fill *f, uint32_t total)
{
    static union {
        struct nlmsghdr head;
        char bytes[BATCH_BYTES];
    } batch;
    int r = 0, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return -errno;
    while (!r && f->added < total) {
        size_t used = 0;
        while (f->added < total && used + 256 <= BATCH_BYTES) {
            struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)(batch.bytes + used);
            uint64_t address;
            uint32_t len;
            if (!next_prefix(f, &address, &len)) {
                r = -ERANGE;
                break;
            }
            put_route(f, nlh, address, len);
            used += NLMSG_ALIGN(nlh->nlmsg_len);
            f->added++;
        }
        if (send(fd, &batch, used, 0) != (ssize_t)used)
            r = -errno;
        if (!r)
            r = errors(fd);
    }
    (void)close(fd);
    return r;
}
