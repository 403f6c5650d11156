/* SPDX-License-Identifier: MIT */
/*
 * neigh.c - mirrors the kernel's neighbour tables into a small hash table.
 *
 * Open addressing; an entry that went keeps its place, without its MAC address, until the next whole reading, so that a search
 * may stop at the first free place. Entries without one also remember when the kernel was asked to find them.
 */
#include "neigh.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PLACES     16384u /* a power of two; three quarters may be used */
#define USED_MAX   (PLACES / 4 * 3)
#define PROBES_MAX 64u
#define ASK_NS     UINT64_C(1000000000) /* the kernel is asked for the same one once in this time */
#define USABLE     (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)

struct place {
    uint8_t ip[16];
    uint32_t ifindex;
    uint8_t family; /* 0: free */
    bool known;
    uint8_t mac[6];
    uint64_t asked_ns;
};

struct neigh {
    struct counters *counters;
    int fd;
    uint32_t generation;
    uint32_t used;
    struct place places[PLACES];
};

/* ---- the table ---------------------------------------------------------------------------------- */

static struct place *find(struct neigh *neigh, uint32_t ifindex, uint8_t family, const uint8_t *ip,
                          bool make)
{
    const size_t bytes = family == 4 ? 4 : 16;
    uint64_t h = ifindex;
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ ip[i]) * UINT64_C(0x100000001b3);
    h ^= h >> 29;
    for (uint32_t i = 0; i < PROBES_MAX; i++) {
        struct place *place = &neigh->places[(h + i) & (PLACES - 1)];
        if (place->family == family && place->ifindex == ifindex && !memcmp(place->ip, ip, bytes))
            return place;
        if (place->family)
            continue;
        if (!make)
            return NULL;
        if (neigh->used == USED_MAX)
            break;
        neigh->used++;
        place->family = family;
        place->ifindex = ifindex;
        memcpy(place->ip, ip, bytes);
        return place;
    }
    if (make)
        neigh->counters->values[COUNT_NEIGHBOUR_LIMIT]++;
    return NULL;
}

static void note(struct neigh *neigh, uint32_t ifindex, uint8_t family, const uint8_t *ip,
                 const uint8_t *mac)
{
    struct place *place = find(neigh, ifindex, family, ip, mac != NULL);
    if (!place || (mac && place->known && !memcmp(place->mac, mac, 6)))
        return;
    place->known = mac != NULL;
    if (mac)
        memcpy(place->mac, mac, 6);
    neigh->generation++;
}

/* ---- rtnetlink ---------------------------------------------------------------------------------- */

static void take_message(struct neigh *neigh, const struct nlmsghdr *nlh)
{
    const struct ndmsg *ndm = NLMSG_DATA(nlh);
    const uint8_t *ip = NULL, *mac = NULL;
    if (nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*ndm)))
        return;
    if (ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6)
        return;
    const size_t bytes = ndm->ndm_family == AF_INET ? 4 : 16;
    size_t left = nlh->nlmsg_len - NLMSG_LENGTH(sizeof(*ndm));
    const struct rtattr *attr = (const void *)((const uint8_t *)ndm + NLMSG_ALIGN(sizeof(*ndm)));
    for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
        if (attr->rta_type == NDA_DST && RTA_PAYLOAD(attr) == bytes)
            ip = RTA_DATA(attr);
        if (attr->rta_type == NDA_LLADDR && RTA_PAYLOAD(attr) == 6)
            mac = RTA_DATA(attr);
    }
    if (!ip)
        return;
    if (nlh->nlmsg_type == RTM_DELNEIGH || !(ndm->ndm_state & USABLE))
        mac = NULL;
    note(neigh, (uint32_t)ndm->ndm_ifindex, ndm->ndm_family == AF_INET ? 4 : 6, ip, mac);
}

/* Takes one datagram. 1: there may be more; 0: none now; 2: the end of a dump; -1: something was lost. */
static int take_datagram(struct neigh *neigh, int flags)
{
    static _Alignas(struct nlmsghdr) uint8_t buf[65536];
    const ssize_t n = recv(neigh->fd, buf, sizeof(buf), flags);
    if (n < 0)
        return errno == EINTR ? 1 : errno == EAGAIN ? 0 : -1;
    int result = 1;
    size_t left = (size_t)n;
    for (const struct nlmsghdr *nlh = (const void *)buf; NLMSG_OK(nlh, left);
         nlh = NLMSG_NEXT(nlh, left)) {
        if (nlh->nlmsg_type == RTM_NEWNEIGH || nlh->nlmsg_type == RTM_DELNEIGH)
            take_message(neigh, nlh);
        else if (nlh->nlmsg_type == NLMSG_DONE)
            result = nlh->nlmsg_flags & NLM_F_DUMP_INTR ? -1 : 2;
    }
    return result;
}

static int ask_for_all(struct neigh *neigh)
{
    struct {
        struct nlmsghdr nlh;
        struct ndmsg ndm;
    } req = {.nlh = {.nlmsg_len = sizeof(req),
                     .nlmsg_type = RTM_GETNEIGH,
                     .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
    return send(neigh->fd, &req, sizeof(req), 0) == (ssize_t)sizeof(req) ? 0 : -1;
}

/* Everything anew. The socket gets events all the while, so that nothing falls between. */
static int read_all(struct neigh *neigh)
{
    for (int tries = 0; tries < 8; tries++) {
        int r;
        memset(neigh->places, 0, sizeof(neigh->places));
        neigh->used = 0;
        neigh->generation++;
        if (ask_for_all(neigh))
            return -1;
        do
            r = take_datagram(neigh, 0);
        while (r == 1);
        if (r == 2)
            return 0;
    }
    return -1;
}

struct neigh *neigh_open(struct counters *counters)
{
    const struct sockaddr_nl local = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_NEIGH};
    const struct timeval patience = {.tv_sec = 2}; /* for the answer to a dump */
    const int bytes = 4 << 20;
    struct neigh *neigh = calloc(1, sizeof(*neigh));
    if (!neigh)
        return NULL;
    neigh->counters = counters;
    neigh->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    (void)setsockopt(neigh->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    if (neigh->fd < 0 || bind(neigh->fd, (const void *)&local, sizeof(local)) ||
        setsockopt(neigh->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
        read_all(neigh)) {
        neigh_close(neigh);
        return NULL;
    }
    return neigh;
}

void neigh_close(struct neigh *neigh)
{
    if (!neigh)
        return;
    if (neigh->fd >= 0)
        (void)close(neigh->fd);
    free(neigh);
}

int neigh_fd(const struct neigh *neigh)
{
    return neigh->fd;
}

void neigh_take(struct neigh *neigh)
{
    int r;
    do
        r = take_datagram(neigh, MSG_DONTWAIT);
    while (r == 1);
    if (r < 0)
        (void)read_all(neigh);
}

void neigh_tidy(struct neigh *neigh)
{
    if (neigh->used > USED_MAX / 2)
        (void)read_all(neigh);
}

uint32_t neigh_generation(const struct neigh *neigh)
{
    return neigh->generation;
}

/* ---- questions ---------------------------------------------------------------------------------- */

/* NTF_USE: "somebody wants to send there". The kernel asks on the link; its answer comes as an event. */
static void ask_kernel(struct neigh *neigh, struct place *place)
{
    const uint16_t bytes = place->family == 4 ? 4 : 16;
    struct timespec t;
    struct {
        struct nlmsghdr nlh;
        struct ndmsg ndm;
        struct rtattr dst;
        uint8_t ip[16];
    } req = {.nlh = {.nlmsg_len = (uint32_t)(sizeof(req) - 16 + bytes),
                     .nlmsg_type = RTM_NEWNEIGH,
                     .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE},
             .ndm = {.ndm_family = place->family == 4 ? AF_INET : AF_INET6,
                     .ndm_ifindex = (int32_t)place->ifindex,
                     .ndm_flags = NTF_USE},
             .dst = {.rta_len = (uint16_t)RTA_LENGTH(bytes), .rta_type = NDA_DST}};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    const uint64_t now_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    if (place->asked_ns && now_ns - place->asked_ns < ASK_NS)
        return;
    place->asked_ns = now_ns;
    memcpy(req.ip, place->ip, bytes);
    (void)send(neigh->fd, &req, req.nlh.nlmsg_len, MSG_DONTWAIT);
    neigh->counters->values[COUNT_NEIGHBOURS_ASKED]++;
}

bool neigh_find(struct neigh *neigh, uint32_t ifindex, uint8_t family, const uint8_t *ip, bool ask,
                uint8_t ret_mac[6])
{
    struct place *place = find(neigh, ifindex, family, ip, ask);
    if (place && place->known) {
        memcpy(ret_mac, place->mac, 6);
        return true;
    }
    if (place && ask)
        ask_kernel(neigh, place);
    return false;
}
