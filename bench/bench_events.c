/* SPDX-License-Identifier: MIT */
/*
 * bench_events.c - from a change in the kernel to the process that wants to know: time, and rate.
 *
 * In network namespaces of the bench's own. Time: the default route is replaced every few milliseconds; a child on the other core
 * waits for it by netvane_wait (netvaned runs at its defaults), on a raw netlink socket of its own, or in libnl's cache
 * manager. The clock starts before the request, so that the kernel's own work is in it, and stops when the child has received it: with
 * the first when it runs again, with the others when it has the message, or the callback. All take turns.
 * Rate: a burst of new routes waits in the subscriber's socket, then it is drained. netvaned is stopped meanwhile, and goes on
 * until a reader sees a State with all of them; the raw socket is read without a look at the messages; the cache manager puts
 * them into its cache.
 * Estimate beforehand: raw 25 us blocking and 1,000,000 events a second; ours one wake-up more, and 300 ns an event, so 300,000.
 */
#include <linux/rtnetlink.h>
#include <math.h>
#include <net/if.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef NETVANE_HAVE_LIBNL
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/route/route.h>
#endif

#include "bench.h"
#include "fill.h"
#include "testbed.h"
#include "world.h"

#define SAMPLES_MAX  4000u
#define BURST        10000u
#define BURST_BYTES  (32 << 20) /* of socket buffer, about 830 for each event */
#define DATAGRAM_MAX 32768u

static const struct bench_estimate estimates[] = {
    {"raw_us_p50", 25},
    {"netvane_us_p50", 50},
    {"libnl_us_p50", 35},
    {"raw_events_per_s", 1000000},
    {"netvane_events_per_s", 300000},
    {"libnl_events_per_s", 200000},
};

enum { NETVANE, RAW, LIBNL, WAYS };
static const char *const names[WAYS] = {"netvane", "raw", "libnl"};

struct shared {
    _Atomic uint32_t ready; /* waits begun */
    _Atomic uint64_t sent_ns;
    uint32_t count[WAYS];
    double us[WAYS][SAMPLES_MAX];
};

static struct shared *shared;
static char dir[48];

static bool have(int way)
{
#ifndef NETVANE_HAVE_LIBNL
    if (way == LIBNL)
        return false;
#endif
    return way < WAYS;
}

/* ---- subscribers ------------------------------------------------------------------------------------------------ */

/* Subscribed to IPv4 routes, with room for a burst. */
static int raw_open(void)
{
    struct sockaddr_nl self = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_ROUTE};
    const int bytes = BURST_BYTES;
    int fd = testbed_socket();
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    if (bind(fd, (const struct sockaddr *)&self, sizeof(self))) {
        perror("bench_events: a netlink socket");
        exit(1);
    }
    return fd;
}

static void raw_await(int fd)
{
    static char datagram[DATAGRAM_MAX];
    if (recv(fd, datagram, sizeof(datagram), 0) <= 0)
        _exit(1);
}

#ifdef NETVANE_HAVE_LIBNL
static uint32_t libnl_changes;

static void libnl_changed(struct nl_cache *cache, struct nl_object *object, int action, void *arg)
{
    (void)cache, (void)object, (void)action, (void)arg;
    libnl_changes++;
}

static struct nl_cache_mngr *libnl_open(void)
{
    struct nl_cache_mngr *mngr;
    struct nl_cache *cache;
    const int bytes = BURST_BYTES;
    int r = nl_cache_mngr_alloc(NULL, NETLINK_ROUTE, NL_AUTO_PROVIDE, &mngr);
    if (!r)
        r = rtnl_route_alloc_cache(NULL, AF_INET, 0, &cache);
    if (!r)
        r = nl_cache_mngr_add_cache(mngr, cache, libnl_changed, NULL);
    if (r) {
        (void)fprintf(stderr, "bench_events: libnl: %s\n", nl_geterror(r));
        exit(1);
    }
    (void)setsockopt(nl_cache_mngr_get_fd(mngr), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
    return mngr;
}
#endif

/* ---- time --------------------------------------------------------------------------------------------------------- */

static void received(int way, uint64_t now)
{
    if (shared->count[way] < SAMPLES_MAX)
        shared->us[way][shared->count[way]++] =
            (double)(now - atomic_load(&shared->sent_ns)) / 1000;
}

static void sleeper_ready(uint32_t i)
{
    (void)i;
    (void)atomic_fetch_add(&shared->ready, 1);
}

static void sleeper_woken(uint64_t now)
{
    received(NETVANE, now);
}

static void netvane_child(uint32_t changes)
{
    bench_pause_ns(20000000); /* the last change of the turn before is to be in the State */
    if (testbed_sleep(dir, changes, sleeper_ready, sleeper_woken))
        _exit(1);
}

static void raw_child(uint32_t changes)
{
    int fd = raw_open();
    for (uint32_t i = 0; i < changes; i++) {
        (void)atomic_fetch_add(&shared->ready, 1);
        raw_await(fd);
        received(RAW, bench_now_ns());
    }
}

static void libnl_child(uint32_t changes)
{
#ifdef NETVANE_HAVE_LIBNL
    struct nl_cache_mngr *mngr = libnl_open();
    for (uint32_t i = 0; i < changes; i++) {
        const uint32_t seen = libnl_changes;
        (void)atomic_fetch_add(&shared->ready, 1);
        while (libnl_changes == seen)
            if (nl_cache_mngr_poll(mngr, -1) < 0)
                _exit(1);
        received(LIBNL, bench_now_ns());
    }
#else
    (void)changes;
#endif
}

static int turn(int way, int fd, uint32_t changes)
{
    static void (*const child[WAYS])(uint32_t) = {netvane_child, raw_child, libnl_child};
    int status = 1;
    atomic_store(&shared->ready, 0);
    pid_t pid = fork();
    if (!pid) {
        bench_pin(1);
        child[way](changes);
        _exit(0);
    }
    for (uint32_t i = 0; i < changes && pid > 0; i++) {
        while (atomic_load(&shared->ready) <= i) {
            bench_pause_ns(20000);
            if (waitpid(pid, &status, WNOHANG) == pid)
                return -1;
        }
        bench_pause_ns(2000000);
        atomic_store(&shared->sent_ns, bench_now_ns());
        testbed_change_default(fd);
    }
    return pid < 0 || waitpid(pid, &status, 0) != pid || status ? -1 : 0;
}

/* NULL, or why it cannot be measured; exits if something failed that should not. */
static const char *measure_time(const struct bench_options *o)
{
    const uint32_t changes = (o->seconds > 0 ? 70 : 2000) / o->runs + 1;
    double median[WAYS] = {NAN, NAN, NAN};
    char key[64];
    const char *why = testbed_enter();
    if (why)
        return why;
    pid_t writer = testbed_writer_start(dir); /* not pinned: it goes where the scheduler puts it */
    if (writer < 0)
        exit(1);
    bench_pin(0);
    int fd = testbed_socket();
    for (unsigned r = 0; r < o->runs; r++) {
        for (int way = 0; way < WAYS; way++) {
            if (have(way) && turn(way, fd, changes)) {
                (void)fprintf(stderr, "bench_events: the subscriber of %s failed\n", names[way]);
                testbed_writer_stop(writer);
                exit(1);
            }
        }
    }
    (void)close(fd);
    testbed_writer_stop(writer);
    for (int way = 0; way < WAYS; way++) {
        (void)snprintf(key, sizeof(key), "%s_us", names[way]);
        if (have(way))
            median[way] = bench_distribution(o, key, shared->us[way], shared->count[way]);
    }
    bench_ratio(o, "netvane_to_raw", median[NETVANE] / median[RAW], NAN, NAN);
    if (have(LIBNL))
        bench_ratio(o, "netvane_to_libnl", median[NETVANE] / median[LIBNL], NAN, NAN);
    return NULL;
}

/* ---- rate --------------------------------------------------------------------------------------------------------- */

static void burst(void)
{
    struct fill fill;
    fill_init(&fill, AF_INET, if_nametoindex("v0"));
    int r = fill_until(&fill, BURST);
    if (r) {
        (void)fprintf(stderr, "bench_events: adding routes: %s\n", strerror(-r));
        exit(1);
    }
}

/* Seconds from when netvaned goes on to when a reader sees all routes. */
static double drain_netvane(void)
{
    struct netvane_open_args args;
    struct netvane_snap snap;
    struct netvane_info info;
    struct netvane *nv;
    char own[48]; /* no State of an earlier writer is to be taken for its own */
    world_dir_make(own);
    pid_t writer = testbed_writer_start(own);
    NETVANE_INIT(&args);
    NETVANE_INIT(&info);
    args.dir = own;
    if (writer < 0 || netvane_open(&args, &nv) || netvane_wait_ready(nv, 5000000000u) ||
        netvane_snap_begin(nv, &snap) || netvane_snap_info(&snap, &info))
        exit(1);
    const uint32_t wanted = info.routes4 + BURST;
    (void)kill(writer, SIGSTOP);
    burst();
    const uint64_t start = bench_now_ns();
    (void)kill(writer, SIGCONT);
    while (info.routes4 < wanted && bench_now_ns() - start < 10000000000u) {
        while (!netvane_changed(nv, snap.version) && bench_now_ns() - start < 10000000000u)
            ;
        if (netvane_snap_begin(nv, &snap) || netvane_snap_info(&snap, &info))
            exit(1);
    }
    const double s = (double)(bench_now_ns() - start) / 1e9;
    netvane_close(nv);
    testbed_writer_stop(writer);
    world_dir_remove(own);
    return info.routes4 < wanted ? NAN : s;
}

static double drain_raw(void)
{
    static char datagram[DATAGRAM_MAX];
    uint32_t events = 0;
    int fd = raw_open();
    burst();
    const uint64_t start = bench_now_ns();
    while (events < BURST && recv(fd, datagram, sizeof(datagram), MSG_DONTWAIT) > 0)
        events++;
    const double s = (double)(bench_now_ns() - start) / 1e9;
    (void)close(fd);
    return events < BURST ? NAN : s;
}

static double drain_libnl(void)
{
#ifdef NETVANE_HAVE_LIBNL
    struct nl_cache_mngr *mngr = libnl_open();
    const uint32_t seen = libnl_changes;
    burst();
    const uint64_t start = bench_now_ns();
    while (libnl_changes - seen < BURST && nl_cache_mngr_data_ready(mngr) > 0)
        ;
    const double s = (double)(bench_now_ns() - start) / 1e9;
    nl_cache_mngr_free(mngr);
    return libnl_changes - seen < BURST ? NAN : s;
#else
    return NAN;
#endif
}

static void measure_rate(const struct bench_options *o)
{
    static double (*const drain[WAYS])(void) = {drain_netvane, drain_raw, drain_libnl};
    double per_s[WAYS][BENCH_RUNS_MAX], median[WAYS];
    char key[64];
    const unsigned runs = o->seconds > 0 ? 1 : o->runs;
    for (unsigned r = 0; r < runs; r++) {
        for (int way = 0; way < WAYS; way++) {
            if (!have(way) ||
                testbed_enter()) /* the routes of the turn before go with its namespace */
                continue;
            per_s[way][r] = BURST / drain[way]();
        }
    }
    for (int way = 0; way < WAYS; way++) {
        (void)snprintf(key, sizeof(key), "%s_events_per_s", names[way]);
        median[way] = have(way) ? bench_median(per_s[way], runs) : NAN;
        if (!have(way))
            bench_skip(o, key, "libnl-route-3-dev was not found when this was built");
        else if (isnan(median[way]))
            bench_skip(o, key, "the socket has no room for the burst (it takes CAP_NET_ADMIN)");
        else
            bench_figure(o, key, median[way]);
    }
    if (!isnan(median[NETVANE]) && !isnan(median[RAW]))
        bench_ratio(o, "raw_to_netvane_events", median[RAW] / median[NETVANE], NAN, NAN);
}

int main(int argc, char **argv)
{
    struct bench_options o = bench_options(argc, argv);
    bench_estimates(estimates, sizeof(estimates) / sizeof(estimates[0]));
    shared = bench_shared(sizeof(*shared));
    world_dir_make(dir);
    const char *why = measure_time(&o);
    if (!why)
        measure_rate(&o);
    world_dir_remove(dir);
    if (why) {
        bench_skip(&o, "bench_events", why);
        return 77;
    }
    bench_end(&o, "events");
    return 0;
}
