/* SPDX-License-Identifier: MIT */
/*
 * rtnl_socket.c - setting up rtnetlink sockets, requests out, datagrams in.
 *
 * Owns:      see rtnl_socket.h.
 * Assumes:   Linux 4.20 or later for filters in dumps; before it they are ignored by the kernel, so that a
 *            dump says more than it was asked for, all of it true.
 */
#include "rtnl_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include "nv/base.h"

#define DEFAULT_BUFFER_BYTES (UINT64_C(8) << 20)

/* Newer than the oldest headers this builds with. */
#ifndef RTEXT_FILTER_SKIP_STATS
#define RTEXT_FILTER_SKIP_STATS (1 << 3)
#endif

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

#define LOOPBACK_IFINDEX 1 /* in every network namespace */

/* ---- opening -------------------------------------------------------------------------------------- */

static int open_socket(struct nv_rtnl_socket *sock)
{
    sock->mnl = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (!sock->mnl)
        return -errno;
    if (mnl_socket_bind(sock->mnl, 0, MNL_SOCKET_AUTOPID)) {
        int err = -errno;
        nv_rtnl_socket_close(sock);
        return err;
    }
    sock->portid = mnl_socket_get_portid(sock->mnl);
    sock->seq = 0;
    return 0;
}

static void set_buffer(int fd, uint64_t bytes)
{
    int wanted = (int)nv_min_u64(bytes ? bytes : DEFAULT_BUFFER_BYTES, INT32_MAX / 2);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted))
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted); /* up to rmem_max */
}

static uint64_t buffer_of(int fd)
{
    int bytes = 0;
    socklen_t len = sizeof bytes;
    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len) || bytes < 0)
        return 0;
    return (uint64_t)bytes;
}

/* Only what an IPv6, nexthop or namespace-less kernel may lack is optional. */
static int join_groups(const struct mnl_socket *mnl)
{
    static const struct {
        unsigned group;
        bool optional;
    } groups[] = {
        {RTNLGRP_LINK, false},        {RTNLGRP_IPV4_IFADDR, false}, {RTNLGRP_IPV6_IFADDR, false},
        {RTNLGRP_IPV4_ROUTE, false},  {RTNLGRP_IPV6_ROUTE, false},  {RTNLGRP_IPV4_RULE, false},
        {RTNLGRP_IPV6_RULE, false},   {RTNLGRP_NEXTHOP, true},      {RTNLGRP_IPV4_NETCONF, true},
        {RTNLGRP_IPV6_NETCONF, true}, {RTNLGRP_IPV6_IFINFO, true},  {RTNLGRP_IPV6_PREFIX, true},
        {RTNLGRP_NSID, true},
    };
    for (size_t i = 0; i < NV_ARRAY_LEN(groups); i++) {
        unsigned group = groups[i].group;
        if (mnl_socket_setsockopt(mnl, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) &&
            !groups[i].optional)
            return -errno;
    }
    return 0;
}

int nv_rtnl_open_events(struct nv_rtnl_socket *sock, uint64_t buffer_bytes)
{
    int err = open_socket(sock);
    if (err)
        return err;
    set_buffer(nv_rtnl_fd(sock), buffer_bytes); /* before the first event can arrive */
    sock->buffer_bytes = buffer_of(nv_rtnl_fd(sock));
    err = join_groups(sock->mnl);
    if (err)
        nv_rtnl_socket_close(sock);
    sock->groups = 0; /* where the kernel (before 4.2) can't say, none can be missing */
    sock->groups = err ? 0 : nv_rtnl_groups(sock);
    sock->drops = 0;
    return err;
}

/* Words of a message are in the host's order, those that a filter loads in the network's. */
static int keep_routes_from(const struct mnl_socket *mnl)
{
    enum {
        TYPE = offsetof(struct nlmsghdr, nlmsg_type),
        LEN = NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_dst_len)
    };
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, TYPE),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 0, 2),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, LEN),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 1, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const struct sock_fprog program = {.len = NV_ARRAY_LEN(code), .filter = code};
    return setsockopt(mnl_socket_get_fd(mnl), SOL_SOCKET, SO_ATTACH_FILTER, &program,
                      sizeof program)
               ? -errno
               : 0;
}

int nv_rtnl_open_urgent(struct nv_rtnl_socket *sock)
{
    int err = open_socket(sock);
    if (err)
        return err;
    err = keep_routes_from(sock->mnl);
    if (!err)
        err = join_groups(sock->mnl);
    if (err)
        nv_rtnl_socket_close(sock);
    return err;
}

uint64_t nv_rtnl_groups(const struct nv_rtnl_socket *sock)
{
    uint32_t words[8] = {0}; /* 256 groups: more than there are */
    socklen_t len = sizeof words;
    if (mnl_socket_getsockopt(sock->mnl, NETLINK_LIST_MEMBERSHIPS, words, &len))
        return sock->groups;
    return (uint64_t)words[1] << 32 | words[0]; /* those of join_groups are below 64 */
}

uint32_t nv_rtnl_drops(const struct nv_rtnl_socket *sock)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof info;
    if (getsockopt(nv_rtnl_fd(sock), SOL_SOCKET, SO_MEMINFO, info, &len) ||
        len <= SK_MEMINFO_DROPS * sizeof info[0])
        return sock->drops;
    return info[SK_MEMINFO_DROPS];
}

int nv_rtnl_open_requests(struct nv_rtnl_socket *sock)
{
    int err = open_socket(sock);
    if (err)
        return err;
    static const int options[] = {NETLINK_GET_STRICT_CHK, NETLINK_EXT_ACK, NETLINK_CAP_ACK};
    int on = 1;
    for (size_t i = 0; i < NV_ARRAY_LEN(options); i++)
        (void)mnl_socket_setsockopt(sock->mnl, options[i], &on, sizeof on);
    return 0;
}

void nv_rtnl_socket_close(struct nv_rtnl_socket *sock)
{
    if (sock->mnl)
        (void)mnl_socket_close(sock->mnl);
    sock->mnl = NULL;
}

int nv_rtnl_fd(const struct nv_rtnl_socket *sock)
{
    return sock->mnl ? mnl_socket_get_fd(sock->mnl) : -1;
}

/* ---- requests ------------------------------------------------------------------------------------- */

struct request {
    union {
        struct nlmsghdr head;
        uint8_t bytes[128]; /* the longest: a route query, 16 + 12 + 20 */
    };
};

/* Gives the fixed header behind the message's own, zeroed. */
static void *begin(struct request *r, uint16_t type, uint16_t flags, size_t size)
{
    (void)mnl_nlmsg_put_header(r);
    r->head.nlmsg_type = type;
    r->head.nlmsg_flags = flags;
    return mnl_nlmsg_put_extra_header(&r->head, size);
}

static int send_request(struct nv_rtnl_socket *sock, struct request *r, bool full)
{
    if (!sock->mnl)
        return -EBADF;
    if (!++sock->seq)
        ++sock->seq; /* 0 is what events carry */
    r->head.nlmsg_seq = sock->seq;
    ssize_t n;
    do
        n = mnl_socket_sendto(sock->mnl, r, r->head.nlmsg_len);
    while (n < 0 && errno == EINTR);
    int err = n < 0 ? -errno : 0;
    nv_recorder_request(sock->recorder, sock->role, &r->head, sock->portid, full);
    if (err)
        nv_recorder_failure(sock->recorder, sock->role, -err, sock->seq, sock->portid);
    return err;
}

static uint8_t os_family(uint8_t family)
{
    return family == NV_AF_4 ? AF_INET : family == NV_AF_6 ? AF_INET6 : AF_UNSPEC;
}

static void put_link_filter(struct request *r)
{
    /* and no RTEXT_FILTER_VF: lists of VFs are long */
    mnl_attr_put_u32(&r->head, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

int nv_rtnl_send_barrier(struct nv_rtnl_socket *sock)
{
    struct request r;
    struct ifinfomsg *ifi = begin(&r, RTM_GETLINK, NLM_F_REQUEST, sizeof *ifi);
    ifi->ifi_index = LOOPBACK_IFINDEX;
    put_link_filter(&r);
    return send_request(sock, &r, false);
}

int nv_rtnl_send_dump(struct nv_rtnl_socket *sock, const struct nv_dump_request *req,
                      uint8_t family)
{
    const uint16_t flags = NLM_F_REQUEST | NLM_F_DUMP;
    struct request r;
    switch (req->cls) {
    case NV_LINK: {
        /* One link is no dump for the kernel: the acknowledgement stands for its end. */
        const uint16_t get = NLM_F_REQUEST | NLM_F_ACK;
        struct ifinfomsg *ifi = begin(&r, RTM_GETLINK, req->ifindex ? get : flags, sizeof *ifi);
        ifi->ifi_index = (int)req->ifindex;
        put_link_filter(&r);
        break;
    }
    case NV_ADDR: {
        struct ifaddrmsg *ifa = begin(&r, RTM_GETADDR, flags, sizeof *ifa);
        ifa->ifa_family = os_family(family);
        ifa->ifa_index = req->ifindex;
        break;
    }
    case NV_ROUTE: {
        struct rtmsg *rtm = begin(&r, RTM_GETROUTE, flags, sizeof *rtm);
        rtm->rtm_family = os_family(family);
        if (req->table)
            mnl_attr_put_u32(&r.head, RTA_TABLE, req->table);
        if (req->ifindex)
            mnl_attr_put_u32(&r.head, RTA_OIF, req->ifindex);
        break;
    }
    case NV_RULE: {
        struct fib_rule_hdr *frh = begin(&r, RTM_GETRULE, flags, sizeof *frh);
        frh->family = os_family(family);
        break;
    }
    case NV_NEXTHOP: {
        struct nhmsg *nhm = begin(&r, RTM_GETNEXTHOP, flags, sizeof *nhm);
        nhm->nh_family = AF_UNSPEC;
        break;
    }
    case NV_CLASS_COUNT:
    default: return -EINVAL;
    }
    return send_request(sock, &r, req->full);
}

int nv_rtnl_send_query(struct nv_rtnl_socket *sock, uint8_t family, const uint8_t dst[16])
{
    size_t bytes = nv_af_bytes(family);
    if (!bytes)
        return -EINVAL;
    struct request r;
    struct rtmsg *rtm = begin(&r, RTM_GETROUTE, NLM_F_REQUEST, sizeof *rtm);
    rtm->rtm_family = os_family(family);
    rtm->rtm_dst_len = (uint8_t)(bytes * 8);
    /* IPv4 says "main" otherwise; IPv6 always tells the table, and refuses the flag */
    rtm->rtm_flags = family == NV_AF_4 ? RTM_F_LOOKUP_TABLE : 0;
    mnl_attr_put(&r.head, RTA_DST, bytes, dst);
    return send_request(sock, &r, false);
}

/* ---- datagrams ------------------------------------------------------------------------------------ */

/* Not mnl_socket_recvfrom: it makes one error of a datagram that was cut, and does not tell who sent it. */
int nv_rtnl_read(const struct nv_rtnl_socket *sock, void *buf, size_t size,
                 struct nv_rtnl_datagram *ret_datagram)
{
    if (!sock->mnl)
        return -EBADF;
    struct sockaddr_nl from = {0};
    struct iovec iov = {.iov_base = buf, .iov_len = size};
    struct msghdr msg = {
        .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;
    do
        n = recvmsg(mnl_socket_get_fd(sock->mnl), &msg, MSG_DONTWAIT | MSG_TRUNC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? 0 : -errno;
    size_t whole = (size_t)n; /* what it was, which MSG_TRUNC asks for */
    ret_datagram->whole = whole;
    ret_datagram->len = whole < size ? whole : size;
    ret_datagram->foreign = msg.msg_namelen != sizeof from || from.nl_pid != 0;
    ret_datagram->cut = (msg.msg_flags & MSG_TRUNC) != 0;
    return 1;
}

void nv_rtnl_note(const struct nv_rtnl_socket *sock, const void *buf, int got,
                  const struct nv_rtnl_datagram *datagram)
{
    if (got < 0 && sock->mnl)
        nv_recorder_failure(sock->recorder, sock->role, -got, sock->seq, sock->portid);
    if (got > 0)
        nv_recorder_datagram(sock->recorder, sock->role, buf, datagram->len, datagram->whole,
                             datagram->foreign);
}

int nv_rtnl_receive(const struct nv_rtnl_socket *sock, void *buf, size_t size,
                    struct nv_rtnl_datagram *ret_datagram)
{
    int got = nv_rtnl_read(sock, buf, size, ret_datagram);
    nv_rtnl_note(sock, buf, got, ret_datagram);
    return got;
}
