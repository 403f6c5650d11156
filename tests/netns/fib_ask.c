/* SPDX-License-Identifier: MIT */
/*
 * fib_ask.c - puts the same questions to the kernel (RTM_GETROUTE) and to the State (netvane_fib_lookup).
 *
 *     netns_fib_ask DIR
 *
 * A line on stdin is a question: family dst src iif oif mark uid tos proto sport dport forwarding hash ("-": no source). A line
 * on stdout is both answers, each as one word, and what the library said of its own answer:
 *
 *     kernel  ours  uncertain flags hops nanoseconds
 *
 *     errno,type,table,tos,oif,gateway,prefsrc,metric,protocol,pref    hops: ifindex/gateway/weight/flags;...
 *
 * Of a multipath route ours are all answers that some hash gives, between bars: the kernel's hash is its secret.
 * IPv4 answers of the kernel have no metric, protocol and preference: 0.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "netvane/netvane.h"

#define ANSWER_MAX  256
#define HASHES      32u   /* that a multipath route is asked with */
#define HASHES_FINE 4096u /* and where the kernel's answer was not among those */

static struct mnl_socket *sock;

static int af_of(unsigned family)
{
    return family == 4 ? AF_INET : AF_INET6;
}

static const char *ip_text(unsigned family, const void *ip, char buf[INET6_ADDRSTRLEN])
{
    return inet_ntop(af_of(family), ip, buf, INET6_ADDRSTRLEN);
}

/* ---- the kernel ---------------------------------------------------------------------------------------------- */

struct kernel_answer {
    unsigned type, table, tos, oif, metric, protocol, pref;
    char gateway[INET6_ADDRSTRLEN], prefsrc[INET6_ADDRSTRLEN];
};

static int take_attr(const struct nlattr *attr, void *arg)
{
    struct kernel_answer *a = arg;
    const size_t len = mnl_attr_get_payload_len(attr);
    const unsigned family = len == 4 ? 4 : 6;
    const struct rtvia *via = mnl_attr_get_payload(attr);

    switch (mnl_attr_get_type(attr)) {
    case RTA_TABLE: a->table = mnl_attr_get_u32(attr); break;
    case RTA_OIF: a->oif = mnl_attr_get_u32(attr); break;
    case RTA_PRIORITY: a->metric = mnl_attr_get_u32(attr); break;
    case RTA_PREF: a->pref = mnl_attr_get_u8(attr); break;
    case RTA_GATEWAY: ip_text(family, mnl_attr_get_payload(attr), a->gateway); break;
    case RTA_PREFSRC: ip_text(family, mnl_attr_get_payload(attr), a->prefsrc); break;
    case RTA_VIA: ip_text(via->rtvia_family == AF_INET ? 4 : 6, via->rtvia_addr, a->gateway); break;
    default: break;
    }
    return MNL_CB_OK;
}

static size_t put_question(char *buf, const struct netvane_fib_question *q, uint32_t seq)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    const size_t bytes = q->family == 4 ? 4 : 16;
    static const uint8_t none[16];

    nlh->nlmsg_type = RTM_GETROUTE;
    nlh->nlmsg_flags = NLM_F_REQUEST;
    nlh->nlmsg_seq = seq;
    struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
    rtm->rtm_family = (unsigned char)af_of(q->family);
    rtm->rtm_dst_len = (unsigned char)(bytes * 8);
    rtm->rtm_tos = q->tos;
    rtm->rtm_flags = RTM_F_LOOKUP_TABLE;
    mnl_attr_put(nlh, RTA_DST, bytes, q->dst);
    if (memcmp(q->src, none, bytes) != 0) {
        rtm->rtm_src_len = (unsigned char)(bytes * 8);
        mnl_attr_put(nlh, RTA_SRC, bytes, q->src);
    }
    if (q->iif)
        mnl_attr_put_u32(nlh, RTA_IIF, q->iif);
    if (q->oif)
        mnl_attr_put_u32(nlh, RTA_OIF, q->oif);
    mnl_attr_put_u32(nlh, RTA_MARK, q->mark);
    mnl_attr_put_u32(nlh, RTA_UID, q->uid);
    if (q->ip_proto)
        mnl_attr_put_u8(nlh, RTA_IP_PROTO, q->ip_proto);
    if (q->sport)
        mnl_attr_put_u16(nlh, RTA_SPORT, htons(q->sport));
    if (q->dport)
        mnl_attr_put_u16(nlh, RTA_DPORT, htons(q->dport));
    return nlh->nlmsg_len;
}

static void ask_kernel(const struct netvane_fib_question *q, char out[ANSWER_MAX])
{
    static uint32_t seq;
    char buf[8192] = {0};
    struct kernel_answer a = {0};
    int error = 0;
    size_t len = put_question(buf, q, ++seq);

    if (mnl_socket_sendto(sock, buf, len) < 0)
        exit(2);
    ssize_t got = mnl_socket_recvfrom(sock, buf, sizeof(buf));
    const struct nlmsghdr *nlh = (const void *)buf;
    if (got < 0 || !mnl_nlmsg_ok(nlh, (int)got) || nlh->nlmsg_seq != seq)
        exit(2);
    if (nlh->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
        error = -e->error;
    } else {
        const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
        a.type = rtm->rtm_type;
        a.tos = rtm->rtm_tos;
        a.protocol = rtm->rtm_protocol;
        a.table = rtm->rtm_table;
        mnl_attr_parse(nlh, sizeof(*rtm), take_attr, &a);
    }
    snprintf(out, ANSWER_MAX, "%d,%u,%u,%u,%u,%s,%s,%u,%u,%u", error, a.type, a.table, a.tos, a.oif,
             a.gateway[0] ? a.gateway : "-", a.prefsrc[0] ? a.prefsrc : "-", a.metric, a.protocol,
             a.pref);
}

/* ---- the State ----------------------------------------------------------------------------------------------- */

static int errno_of(uint32_t outcome)
{
    static const int numbers[] = {0,           ENETUNREACH, EHOSTUNREACH, EACCES,      EINVAL,
                                  ENETUNREACH, ENODEV,      ENETUNREACH,  ENETUNREACH, EINVAL};
    return outcome < sizeof(numbers) / sizeof(numbers[0]) ? numbers[outcome] : -1;
}

static void show_ours(const struct netvane_fib_question *q, const struct netvane_fib_answer *a,
                      char out[ANSWER_MAX])
{
    char gateway[INET6_ADDRSTRLEN] = "-", prefsrc[INET6_ADDRSTRLEN] = "-";
    const bool six = q->family == 6, has_route = a->flags & NETVANE_FIB_HAS_ROUTE;
    static const uint8_t none[16];
    uint32_t table = has_route ? a->table : 0;

    if (a->outcome) {
        snprintf(out, ANSWER_MAX, "%d,0,0,0,0,-,-,0,0,0", errno_of(a->outcome));
        return;
    }
    if (a->flags & NETVANE_FIB_MERGED && table == RT_TABLE_LOCAL)
        table = RT_TABLE_MAIN;
    if (a->gw_family)
        ip_text(a->gw_family, a->gateway, gateway);
    /* The kernel tells a source of IPv4 only where it chose it. */
    if (a->flags & NETVANE_FIB_HAS_PREFSRC &&
        (six || (!q->iif && memcmp(q->src, none, sizeof(none)) == 0)))
        ip_text(q->family, a->prefsrc, prefsrc);
    snprintf(out, ANSWER_MAX, "0,%u,%u,%u,%u,%s,%s,%u,%u,%u", a->type, table, six ? 0 : a->tos,
             a->ifindex, gateway, prefsrc, six ? a->metric : 0, six ? a->protocol : 0,
             six ? a->pref : 0);
}

static void print_hops(const struct netvane_snap *snap, const struct netvane_fib_answer *a)
{
    struct netvane_hop hop;
    char ip[INET6_ADDRSTRLEN];

    NETVANE_INIT(&hop);
    const bool shown = a->flags & NETVANE_FIB_MULTIPATH && a->hop_count > 1;

    if (!shown)
        putchar('-');
    else
        printf("%u:%u:%u:", a->table, a->metric, a->tos);
    for (uint32_t i = 0; shown && i < a->hop_count; i++) {
        if (netvane_fib_hop(snap, a, i, &hop) != NETVANE_OK)
            exit(3);
        printf("%s%u/%s/%u/%u", i ? ";" : "", hop.ifindex,
               hop.gw_family ? ip_text(hop.gw_family, hop.gateway, ip) : "-", hop.weight,
               hop.flags);
    }
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The answers for hashes all over their range, one in the middle of each hop's share among them. */
static void print_others(const struct netvane_snap *snap, const struct netvane_fib_question *q,
                         const struct netvane_fib_answer *first)
{
    struct netvane_fib_question other = *q;
    struct netvane_fib_answer a;
    struct netvane_hop hop;
    char text[ANSWER_MAX];
    uint64_t total = 0, before = 0;

    NETVANE_INIT(&hop);
    NETVANE_INIT(&a);
    for (uint32_t i = 0; i < 2 * first->hop_count + HASHES; i++) {
        if (i < 2 * first->hop_count) {
            if (netvane_fib_hop(snap, first, i % first->hop_count, &hop) != NETVANE_OK)
                exit(3);
            const bool counts = first->nhid || !(hop.flags & RTNH_F_DEAD);
            total += counts && i < first->hop_count ? hop.weight : 0;
            if (!counts || i < first->hop_count)
                continue;
            before += hop.weight;
            other.hash = (uint32_t)(((2 * before - hop.weight) << 30) / total); /* the middle */
        } else {
            other.hash = (i - 2 * first->hop_count) * (0x7fffffff / HASHES);
        }
        if (netvane_fib_lookup(snap, &other, &a) != NETVANE_OK)
            exit(3);
        show_ours(&other, &a, text);
        printf("|%s", text);
    }
}

/* The kernel's answer, if some hash gives it: a hop of little weight may be the only one that a rule does not suppress. */
static void print_searched(const struct netvane_snap *snap, const struct netvane_fib_question *q,
                           const char *kernel)
{
    struct netvane_fib_question other = *q;
    struct netvane_fib_answer a;
    char text[ANSWER_MAX];

    NETVANE_INIT(&a);
    for (uint32_t i = 0; i < HASHES_FINE; i++) {
        other.hash = i * (0x7fffffff / HASHES_FINE);
        if (netvane_fib_lookup(snap, &other, &a) != NETVANE_OK)
            exit(3);
        show_ours(&other, &a, text);
        if (strcmp(text, kernel) == 0) {
            printf("|%s", text);
            return;
        }
    }
}

static void ask(struct netvane *nv, const struct netvane_fib_question *q)
{
    char kernel[ANSWER_MAX], ours[ANSWER_MAX];
    struct netvane_fib_answer a;
    struct netvane_snap snap;
    int rc;

    NETVANE_INIT(&a);
    ask_kernel(q, kernel);
    if (netvane_snap_begin(nv, &snap) != NETVANE_OK)
        exit(3);
    uint64_t before = now_ns();
    rc = netvane_fib_lookup(&snap, q, &a);
    uint64_t after = now_ns();
    if (rc == NETVANE_OK)
        show_ours(q, &a, ours);
    else
        snprintf(ours, sizeof(ours), "error:%d", rc);
    printf("%s %s", kernel, ours);
    if (rc == NETVANE_OK && a.flags & NETVANE_FIB_MULTIPATH) {
        print_others(&snap, q, &a);
        if (strcmp(ours, kernel) != 0)
            print_searched(&snap, q, kernel);
    }
    printf(" %u %u ", a.uncertain, a.flags);
    print_hops(&snap, &a);
    printf(" %" PRIu64 "\n", after - before);
}

static bool parse(const char *line, struct netvane_fib_question *q)
{
    char dst[64], src[64];
    unsigned family, tos, proto, sport, dport, forwarding;

    NETVANE_INIT(q);
    if (sscanf(line, "%u %63s %63s %u %u %u %u %u %u %u %u %u %u", &family, dst, src, &q->iif,
               &q->oif, &q->mark, &q->uid, &tos, &proto, &sport, &dport, &forwarding,
               &q->hash) != 13)
        return false;
    q->family = (uint8_t)family;
    q->tos = (uint8_t)tos;
    q->ip_proto = (uint8_t)proto;
    q->sport = (uint16_t)sport;
    q->dport = (uint16_t)dport;
    q->flags = forwarding ? NETVANE_FIB_FORWARDING : 0;
    return inet_pton(af_of(family), dst, q->dst) == 1 &&
           (strcmp(src, "-") == 0 || inet_pton(af_of(family), src, q->src) == 1);
}

int main(int argc, char **argv)
{
    struct netvane_open_args args;
    struct netvane_fib_question q;
    struct netvane *nv;
    char line[512];

    NETVANE_INIT(&args);
    args.dir = argc > 1 ? argv[1] : NULL;
    sock = mnl_socket_open(NETLINK_ROUTE);
    if (!sock || mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0)
        return 2;
    if (netvane_open(&args, &nv) != NETVANE_OK)
        return 3;
    while (fgets(line, sizeof(line), stdin)) {
        if (!parse(line, &q)) {
            fprintf(stderr, "fib_ask: not a question: %s", line);
            return 1;
        }
        ask(nv, &q);
    }
    netvane_close(nv);
    mnl_socket_close(sock);
    return 0;
}
