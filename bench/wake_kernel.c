/* SPDX-License-Identifier: MIT */
/*
 * wake_kernel.c - how long a sleeping reader takes to see a change of the kernel's default route.
 *
 * In a network namespace of its own: netvaned runs at its defaults, a child sleeps in netvane_wait for default4, this process
 * replaces the default route by netlink. The clock starts before the request is sent, so the figure contains the kernel's
 * own work on the route; from_event leaves that out: its clock starts when the request has returned, which is just after
 * the kernel sent the event. Changes come 2 ms apart.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testbed.h"
#include "wake_ways.h"
#include "world.h"

#define SAMPLES_MAX 4000u

struct shared {
    _Atomic uint32_t ready;
    _Atomic uint64_t sent_ns, returned_ns;
    uint32_t count;
    double from_request[SAMPLES_MAX], from_event[SAMPLES_MAX];
};

/* The sleeper's n-th sleep begins; a sleeper that has ended never gets there. */
static void await_ready(struct shared *s, uint32_t n)
{
    for (unsigned i = 0; atomic_load(&s->ready) < n; i++) {
        if (i == 500000) {
            (void)fprintf(stderr, "bench_wake: the sleeper is gone\n");
            exit(1);
        }
        bench_pause_ns(20000);
    }
}

static void record(struct shared *s, uint64_t now)
{
    uint32_t i = s->count;
    if (i < SAMPLES_MAX) {
        uint64_t returned = atomic_load(&s->returned_ns);
        s->from_request[i] = (double)(now - atomic_load(&s->sent_ns)) / 1000;
        s->from_event[i] = returned && now > returned ? (double)(now - returned) / 1000 : 0;
        s->count++;
    }
}

static void netvane_sleeper(struct shared *s, const char *dir, uint32_t changes)
{
    struct netvane_open_args open_args;
    struct netvane *nv;
    struct netvane_snap snap;
    struct netvane_wait_args wait;
    bench_pin(1);
    NETVANE_INIT(&open_args);
    open_args.dir = dir;
    if (netvane_open(&open_args, &nv) || netvane_snap_begin(nv, &snap))
        _exit(1);
    NETVANE_INIT(&wait);
    wait.topics = NETVANE_TOPIC_DEFAULT4;
    wait.since = &snap;
    wait.timeout_ns = 5000000000u;
    for (uint32_t i = 0; i < changes; i++) {
        atomic_store(&s->ready, i + 1);
        struct netvane_default before, after;
        NETVANE_INIT(&before);
        NETVANE_INIT(&after);
        (void)netvane_snap_default(&snap, 4, &before);
        do {
            if (netvane_wait(nv, &wait, NULL))
                _exit(2);
            uint64_t now = bench_now_ns();
            if (netvane_snap_begin(nv, &snap))
                _exit(3);
            (void)netvane_snap_default(&snap, 4, &after);
            if (memcmp(before.gateway, after.gateway, sizeof(before.gateway))) {
                while (!atomic_load(&s->returned_ns)) /* the request has not even returned yet */
                    ;
                record(s, now);
            }
        } while (!memcmp(before.gateway, after.gateway, sizeof(before.gateway)));
        bench_pause_ns(500000); /* the kernel's confirmation may make one more version */
        (void)netvane_snap_begin(nv, &snap);
    }
    netvane_close(nv);
    _exit(0);
}

static void netvane_changes(struct shared *s, int fd, uint32_t changes)
{
    for (uint32_t i = 0; i < changes; i++) {
        await_ready(s, i + 1);
        bench_pause_ns(2000000);
        atomic_store(&s->returned_ns, 0);
        atomic_store(&s->sent_ns, bench_now_ns());
        testbed_change_default(fd);
        atomic_store(&s->returned_ns, bench_now_ns());
    }
}

/* One batch; the samples of all batches gather in s. 0, or what the sleeper ended with. */
static int batch(struct shared *s, const char *dir, int fd, uint32_t changes)
{
    int status = 1;
    atomic_store(&s->ready, 0);
    pid_t child = fork();
    if (!child)
        netvane_sleeper(s, dir, changes);
    netvane_changes(s, fd, changes);
    (void)waitpid(child, &status, 0);
    return status;
}

int wake_kernel(const struct bench_options *o, double futex_us)
{
    const uint32_t changes = (o->seconds > 0 ? 100 : 2000) / o->runs + 1;
    char dir[48];
    int status = 0;
    struct shared *s;
    const char *why = testbed_enter();
    if (why) {
        bench_skip(o, "default_route", why);
        return 0;
    }
    s = bench_shared(sizeof(*s));
    world_dir_make(dir);
    pid_t writer = testbed_writer_start(dir); /* not pinned: it goes where the scheduler puts it */
    bench_pin(0);
    int fd = testbed_socket();
    for (unsigned r = 0; r < o->runs && !status && writer > 0; r++)
        status = batch(s, dir, fd, changes);
    testbed_writer_stop(writer);
    world_dir_remove(dir);
    (void)close(fd);
    if (status || writer < 0)
        return -1;
    const double request =
        bench_distribution(o, "default_route_from_request_us", s->from_request, s->count);
    const double event =
        bench_distribution(o, "default_route_from_event_us", s->from_event, s->count);
    bench_ratio(o, "from_request_to_futex", request / futex_us, NAN, NAN);
    bench_ratio(o, "from_event_to_futex", event / futex_us, 3.0, NAN);
    return 0;
}
