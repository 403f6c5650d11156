/* SPDX-License-Identifier: MIT */
/*
 * bench_cost.c - what share of a core the writer takes while the network changes, and while it does not.
 *
 * A namespace of the bench's own with a table as the Internet's, netvaned at its defaults, and beside it a process that only
 * receives the kernel's messages about routes and throws them away. For some seconds at a time nothing happens, then 1,000
 * routes a second change, one after the other at even distances; the processor's time of both processes is read from their
 * clocks. A reconcile falls into some of these times: the median of the runs leaves it out, the highest has it.
 * Estimate beforehand: 4 us a version and as much for the system calls around it, so 0.8 percent; the receiver half of that.
 */
#include <linux/rtnetlink.h>
#include <math.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "fill.h"
#include "netvane/netvane.h"
#include "testbed.h"
#include "world.h"

#define RATE 1000u /* changes a second */

static const struct bench_estimate estimates[] = {
    {"netvane_percent_at_1000_changes_per_s", 0.8},
    {"raw_percent_at_1000_changes_per_s", 0.4},
};

static _Noreturn void fail(const char *what)
{
    (void)fprintf(stderr, "bench_cost: %s\n", what);
    exit(1);
}

/* Receives what the kernel says of IPv4 routes until its parent ends. */
static pid_t receiver_start(void)
{
    static char datagram[32768];
    struct sockaddr_nl self = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_ROUTE};
    const pid_t pid = fork();
    if (pid)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = testbed_socket();
    if (bind(fd, (const struct sockaddr *)&self, sizeof(self)))
        _exit(1);
    for (;;)
        (void)recv(fd, datagram, sizeof(datagram), 0);
}

static double cpu_s(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
        fail("a process has ended");
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Lets seconds pass with so many changes in them. */
static void live(const struct fill *f, struct prefix *list, uint32_t count, double seconds,
                 uint32_t changes)
{
    static uint64_t seed = 88172645463325252u;
    int fd = testbed_socket();
    const uint64_t start = bench_now_ns(), length = (uint64_t)(seconds * 1e9);
    for (uint32_t i = 0; i < changes; i++) {
        const uint64_t due = start + length / changes * i, now = bench_now_ns();
        if (due > now)
            bench_pause_ns(due - now);
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        if (fill_change(f, fd, &list[seed % count]))
            fail("the kernel refuses a change");
    }
    const uint64_t end = start + length, now = bench_now_ns();
    if (end > now)
        bench_pause_ns(end - now);
    (void)close(fd);
}

static uint64_t versions(struct netvane *nv)
{
    struct netvane_snap snap;
    if (netvane_snap_begin(nv, &snap))
        fail("no State");
    return snap.version;
}

static double highest(const double *values, unsigned count)
{
    double h = values[0];
    for (unsigned i = 1; i < count; i++)
        h = fmax(h, values[i]);
    return h;
}

static void measure(const struct bench_options *o, const struct fill *f, struct prefix *list,
                    uint32_t count, pid_t writer, pid_t receiver, struct netvane *nv, bool quiet)
{
    const double seconds = o->seconds > 0 ? 0.2 : 3;
    const uint32_t changes = quiet ? 0 : (uint32_t)(seconds * RATE);
    double ours[BENCH_RUNS_MAX] = {0}, raw[BENCH_RUNS_MAX], made[BENCH_RUNS_MAX];
    for (unsigned r = 0; r < o->runs; r++) {
        const uint64_t version = versions(nv), start = bench_now_ns();
        const double writer_s = cpu_s(writer), receiver_s = cpu_s(receiver);
        live(f, list, count, seconds, changes);
        const double percent = 1e11 / (double)(bench_now_ns() - start);
        ours[r] = (cpu_s(writer) - writer_s) * percent;
        raw[r] = (cpu_s(receiver) - receiver_s) * percent;
        made[r] = (double)(versions(nv) - version) / seconds;
    }
    const double most = highest(ours, o->runs);
    if (quiet) {
        bench_figure(o, "netvane_percent_when_quiet", bench_median(ours, o->runs));
        bench_figure(o, "netvane_percent_when_quiet_most", most);
        return;
    }
    const double median = bench_median(ours, o->runs), peer = bench_median(raw, o->runs);
    bench_figure(o, "netvane_percent_at_1000_changes_per_s", median);
    bench_figure(o, "netvane_percent_at_1000_changes_per_s_most", most);
    bench_figure(o, "raw_percent_at_1000_changes_per_s", peer);
    bench_figure(o, "versions_per_s_at_1000_changes_per_s", bench_median(made, o->runs));
    bench_ratio(o, "netvane_to_raw_percent", median / peer, NAN, NAN);
    bench_ratio(o, "netvane_percent_of_2", median / 2, 1, NAN);
}

int main(int argc, char **argv)
{
    struct bench_options o = bench_options(argc, argv);
    const uint32_t count = o.count ? o.count : o.seconds > 0 ? 10000 : 1000000;
    struct fill f;
    char dir[48];
    struct netvane_open_args args;
    struct netvane *nv;
    bench_estimates(estimates, sizeof(estimates) / sizeof(estimates[0]));
    const char *why = testbed_enter();
    struct prefix *list = prefixes_list(AF_INET, count);
    fill_init(&f, AF_INET, if_nametoindex("v0"));
    if (!why && fill_list(&f, list, count))
        why = "the kernel has no room for the table";
    if (why) {
        bench_skip(&o, "bench_cost", why);
        return 77;
    }
    world_dir_make(dir);
    const pid_t receiver = receiver_start(), writer = testbed_writer_start(dir);
    NETVANE_INIT(&args);
    args.dir = dir;
    if (writer < 0 || receiver < 0 || netvane_open(&args, &nv) ||
        netvane_wait_ready(nv, 60 * UINT64_C(1000000000)))
        fail("netvaned does not start");
    bench_pin(0);
    measure(&o, &f, list, count, writer, receiver, nv, true);
    measure(&o, &f, list, count, writer, receiver, nv, false);
    netvane_close(nv);
    testbed_writer_stop(writer);
    (void)kill(receiver, SIGKILL);
    (void)waitpid(receiver, NULL, 0);
    world_dir_remove(dir);
    free(list);
    bench_end(&o, "cost");
    return 0;
}
