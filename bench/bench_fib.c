/* SPDX-License-Identifier: MIT */
/*
 * bench_fib.c - what the kernel's whole decision costs: netvane_fib_lookup beside RTM_GETROUTE.
 *
 * A namespace of its own with a table as the Internet's and five rules, and a netvaned that mirrors it. Both are asked about the
 * same destinations, by turns, and must give the same link, gateway and source for each. Destinations lie inside the
 * table's prefixes; hot: 1,024 of them.
 * Estimate beforehand: two tables' lookups, a route and a hop behind them, five rules and an address: below 100 ns, and 3,000
 * to 4,000 for the system calls and the kernel's own work.
 */
#include <linux/rtnetlink.h>
#include <math.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "fill.h"
#include "netvane/netvane.h"
#include "testbed.h"
#include "world.h"

#define DSTS   65536u
#define HOT    1024u
#define BATCH  32u /* lookups between two looks at the clock */
#define CHECKS 2000u

static const struct bench_estimate estimates[] = {
    {"fib_lookup_hot_ns_p50", 100},
    {"fib_lookup_random_ns_p50", 150},
    {"rtm_getroute_hot_ns_p50", 3500},
};

struct answer {
    uint32_t oif;
    uint8_t gateway[4], source[4];
};

static uint8_t dsts[DSTS][4];
static int sock;
static struct netvane_snap snap;
static uint32_t other_link;

static _Noreturn void fail(const char *what)
{
    (void)fprintf(stderr, "bench_fib: %s\n", what);
    exit(1);
}

/* ---- the two ------------------------------------------------------------------------------------------------- */

static void ask_kernel(const uint8_t dst[4], struct answer *ret)
{
    char question[TESTBED_GETROUTE_MAX];
    const size_t size = testbed_getroute(AF_INET, dst, question);
    union {
        struct nlmsghdr head;
        char bytes[1024];
    } reply;
    memset(ret, 0, sizeof(*ret));
    if (send(sock, question, size, 0) != (ssize_t)size)
        fail("RTM_GETROUTE");
    ssize_t n = recv(sock, &reply, sizeof(reply), 0);
    if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct rtmsg)) || reply.head.nlmsg_type != RTM_NEWROUTE)
        return;
    size_t left = RTM_PAYLOAD(&reply.head);
    for (const struct rtattr *a = RTM_RTA(NLMSG_DATA(&reply.head)); RTA_OK(a, left);
         a = RTA_NEXT(a, left)) {
        if (a->rta_type == RTA_OIF)
            memcpy(&ret->oif, RTA_DATA(a), 4);
        else if (a->rta_type == RTA_GATEWAY)
            memcpy(ret->gateway, RTA_DATA(a), 4);
        else if (a->rta_type == RTA_PREFSRC)
            memcpy(ret->source, RTA_DATA(a), 4);
    }
}

static void ask_with(struct netvane_fib_question *q, const uint8_t dst[4], struct answer *ret)
{
    static struct netvane_fib_answer a = {.size = sizeof(a)};
    memcpy(q->dst, dst, 4);
    if (netvane_fib_lookup(&snap, q, &a))
        fail("netvane_fib_lookup");
    ret->oif = a.ifindex;
    memcpy(ret->gateway, a.gateway, 4);
    memcpy(ret->source, a.prefsrc, 4);
}

static void ask_state(const uint8_t dst[4], struct answer *ret)
{
    static struct netvane_fib_question q = {.size = sizeof(q), .family = 4};
    ask_with(&q, dst, ret);
}

static void ask_without_source(const uint8_t dst[4], struct answer *ret)
{
    static struct netvane_fib_question q = {
        .size = sizeof(q), .family = 4, .flags = NETVANE_FIB_NO_SOURCE};
    ask_with(&q, dst, ret);
}

/* A packet that came in by the other link and goes on. */
static void ask_forwarded(const uint8_t dst[4], struct answer *ret)
{
    static struct netvane_fib_question q = {
        .size = sizeof(q), .family = 4, .flags = NETVANE_FIB_FORWARDING, .src = {192, 0, 2, 1}};
    q.iif = other_link;
    ask_with(&q, dst, ret);
}

/* ---- measures ------------------------------------------------------------------------------------------------- */

typedef void ask_fn(const uint8_t dst[4], struct answer *ret);

static double batch_ns(ask_fn *ask, uint32_t at, uint32_t among)
{
    struct answer a;
    const uint64_t start = bench_now_ns();
    for (uint32_t i = 0; i < BATCH; i++) {
        ask(dsts[(at + i) % among], &a);
        bench_keep(a.oif);
    }
    return (double)(bench_now_ns() - start) / BATCH;
}

static double measure(const struct bench_options *o, const char *key, ask_fn *ask, uint32_t among,
                      double *values, uint32_t batches)
{
    (void)batch_ns(ask, 0, among); /* warm */
    for (uint32_t b = 0; b < batches; b++)
        values[b] = batch_ns(ask, b * BATCH, among);
    return bench_distribution(o, key, values, batches);
}

static void check(void)
{
    for (uint32_t i = 0; i < CHECKS; i++) {
        struct answer kernel, ours;
        ask_kernel(dsts[i], &kernel);
        ask_state(dsts[i], &ours);
        if (memcmp(&kernel, &ours, sizeof(ours)))
            fail("the kernel and the State do not agree");
    }
}

static const char *fill(uint32_t count)
{
    struct fill f;
    struct prefix *list = prefixes_list(AF_INET, count);
    uint64_t seed = 20261127;
    for (uint32_t i = 0; i < DSTS; i++) {
        uint8_t bytes[16];
        prefixes_draw(AF_INET, list, count, &seed, bytes);
        memcpy(dsts[i], bytes, 4);
    }
    fill_init(&f, AF_INET, if_nametoindex("v0"));
    const int r = fill_list(&f, list, count);
    free(list);
    if (r)
        return "the kernel has no room for the table";
    /* Beside the three that each namespace begins with. */
    return bench_shell(
               "ip rule add fwmark 7 table 100 && ip rule add from 10.77.0.0/16 table 101 && "
               "ip route add default via 10.99.0.9 table 100")
               ? "cannot add rules"
               : NULL;
}

int main(int argc, char **argv)
{
    struct bench_options o = bench_options(argc, argv);
    const uint32_t count = o.count ? o.count : o.seconds > 0 ? 10000 : 1000000;
    const uint32_t batches = o.seconds > 0 ? 500 : 20000;
    double *values = calloc(batches, sizeof(*values));
    char dir[48];
    struct netvane_open_args args;
    struct netvane *nv;
    bench_estimates(estimates, sizeof(estimates) / sizeof(estimates[0]));
    const char *why = testbed_enter();
    if (!why)
        why = fill(count);
    if (why || !values) {
        (void)printf("SKIP: %s\n", why ? why : "no memory");
        return 77;
    }
    world_dir_make(dir);
    const pid_t writer = testbed_writer_start(dir);
    NETVANE_INIT(&args);
    args.dir = dir;
    sock = testbed_socket();
    other_link = if_nametoindex("v1");
    if (writer < 0 || netvane_open(&args, &nv) ||
        netvane_wait_ready(nv, 60 * UINT64_C(1000000000)) || netvane_snap_begin(nv, &snap))
        fail("netvaned does not start");
    bench_pin(1);
    check();
    const double hot = measure(&o, "fib_lookup_hot_ns", ask_state, HOT, values, batches);
    (void)measure(&o, "fib_lookup_random_ns", ask_state, DSTS, values, batches);
    (void)measure(&o, "fib_lookup_without_source_hot_ns", ask_without_source, HOT, values, batches);
    (void)measure(&o, "fib_lookup_forwarded_hot_ns", ask_forwarded, HOT, values, batches);
    const double kernel = measure(&o, "rtm_getroute_hot_ns", ask_kernel, HOT, values, batches / 20);
    (void)measure(&o, "rtm_getroute_random_ns", ask_kernel, DSTS, values, batches / 20);
    bench_ratio(&o, "fib_lookup_hot_ns_p50_of_100", hot / 100, 1, NAN);
    bench_ratio(&o, "rtm_getroute_to_fib_lookup_hot", kernel / hot, NAN, NAN);
    netvane_close(nv);
    testbed_writer_stop(writer);
    world_dir_remove(dir);
    free(values);
    bench_end(&o, "fib");
    return 0;
}
