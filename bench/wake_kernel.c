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

static struct shared *shared;

/* The sleeper's n-th sleep begins; a sleeper that has ended never gets there. */
static void await_ready(uint32_t n)
{
    for (unsigned i = 0; atomic_load(&shared->ready) < n; i++) {
        if (i == 500000) {
            (void)fprintf(stderr, "bench_wake: the sleeper is gone\n");
            exit(1);
        }
        bench_pause_ns(20000);
    }
}

static void record(uint64_t now)
{
    uint32_t i = shared->count;
    if (i < SAMPLES_MAX) {
        uint64_t returned = atomic_load(&shared->returned_ns);
        shared->from_request[i] = (double)(now - atomic_load(&shared->sent_ns)) / 1000;
        shared->from_event[i] = returned && now > returned ? (double)(now - returned) / 1000 : 0;
        shared->count++;
    }
}

static void sleeper_ready(uint32_t i)
{
    atomic_store(&shared->ready, i + 1);
}

static void sleeper_woken(uint64_t now)
{
    while (!atomic_load(&shared->returned_ns)) /* the request has not even returned yet */
        ;
    record(now);
}

static void netvane_changes(int fd, uint32_t changes)
{
    for (uint32_t i = 0; i < changes; i++) {
        await_ready(i + 1);
        bench_pause_ns(2000000);
        atomic_store(&shared->returned_ns, 0);
        atomic_store(&shared->sent_ns, bench_now_ns());
        testbed_change_default(fd);
        atomic_store(&shared->returned_ns, bench_now_ns());
    }
}

/* One batch; the samples of all batches gather. 0, or what the sleeper ended with. */
static int batch(const char *dir, int fd, uint32_t changes)
{
    int status = 1;
    atomic_store(&shared->ready, 0);
    pid_t child = fork();
    if (!child) {
        bench_pin(1);
        _exit(testbed_sleep(dir, changes, sleeper_ready, sleeper_woken) ? 1 : 0);
    }
    netvane_changes(fd, changes);
    (void)waitpid(child, &status, 0);
    return status;
}

int wake_kernel(const struct bench_options *o, double futex_us)
{
    const uint32_t changes = (o->seconds > 0 ? 100 : 2000) / o->runs + 1;
    char dir[48];
    int status = 0;
    const char *why = testbed_enter();
    if (why) {
        bench_skip(o, "default_route", why);
        return 0;
    }
    shared = bench_shared(sizeof(*shared));
    world_dir_make(dir);
    pid_t writer = testbed_writer_start(dir); /* not pinned: it goes where the scheduler puts it */
    bench_pin(0);
    int fd = testbed_socket();
    for (unsigned r = 0; r < o->runs && !status && writer > 0; r++)
        status = batch(dir, fd, changes);
    testbed_writer_stop(writer);
    world_dir_remove(dir);
    (void)close(fd);
    if (status || writer < 0)
        return -1;
    const double request =
        bench_distribution(o, "default_route_from_request_us", shared->from_request, shared->count);
    const double event =
        bench_distribution(o, "default_route_from_event_us", shared->from_event, shared->count);
    bench_ratio(o, "from_request_to_futex", request / futex_us, NAN, NAN);
    bench_ratio(o, "from_event_to_futex", event / futex_us, 3.0, NAN);
    return 0;
}
