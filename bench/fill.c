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

#define BATCH_BYTES 65536u
#define METRIC      20u

void fill_init(struct fill *f, int family, uint32_t ifindex)
{
    *f = (struct fill){.family = family, .ifindex = ifindex};
    prefixes_init(&f->prefixes, family);
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

static void put_route(const struct fill *f, struct nlmsghdr *nlh, const struct prefix *p,
                      unsigned flags)
{
    const uint32_t metric = METRIC;
    uint8_t dst[16], gateway[16] = {10, 99, 0};
    size_t bytes = f->family == AF_INET ? 4 : 16;
    *nlh = (struct nlmsghdr){.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
                             .nlmsg_type = RTM_NEWROUTE,
                             .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_CREATE | flags)};
    *(struct rtmsg *)NLMSG_DATA(nlh) = (struct rtmsg){.rtm_family = (uint8_t)f->family,
                                                      .rtm_dst_len = p->len,
                                                      .rtm_table = RT_TABLE_MAIN,
                                                      .rtm_protocol = FILL_PROTOCOL,
                                                      .rtm_scope = RT_SCOPE_UNIVERSE,
                                                      .rtm_type = RTN_UNICAST};
    prefix_bytes(f->family, p->address, dst);
    if (f->family == AF_INET6)
        memcpy(gateway, (const uint8_t[]){0xfe, 0x80, 0}, 3);
    gateway[bytes - 1] = (uint8_t)(FILL_GATEWAY_FIRST + p->gateway);
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

/* From the generator, or from a list that stands at its next one. */
static bool next(struct fill *f, const struct prefix **list, struct prefix *ret_prefix)
{
    if (!*list)
        return prefixes_next(&f->prefixes, ret_prefix);
    *ret_prefix = *(*list)++;
    return true;
}

static int add(struct fill *f, const struct prefix *list, uint32_t total)
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
            struct prefix p;
            if (!next(f, &list, &p)) {
                r = -ERANGE;
                break;
            }
            put_route(f, nlh, &p, NLM_F_EXCL);
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

int fill_change(const struct fill *f, int fd, struct prefix *p)
{
    union {
        struct nlmsghdr head;
        char bytes[256];
    } request;
    p->gateway = (uint8_t)((p->gateway + 1) % PREFIX_GATEWAYS);
    put_route(f, &request.head, p, NLM_F_REPLACE);
    if (send(fd, &request, request.head.nlmsg_len, 0) != (ssize_t)request.head.nlmsg_len)
        return -errno;
    return errors(fd);
}

int fill_until(struct fill *f, uint32_t total)
{
    return add(f, NULL, total);
}

int fill_list(struct fill *f, const struct prefix *list, uint32_t count)
{
    return add(f, list, f->added + count);
}
