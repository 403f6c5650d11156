/* SPDX-License-Identifier: MIT */
/*
 * bench_wake.c - how long sleeping readers take to see a change, beside other ways of waking as many.
 *
 * 1, 8, 64 and 512 sleepers, each a process. The clock starts before the store that is the change, and stops in each sleeper when
 * it runs again and has seen it: ours sleeps in netvane_wait and is woken by the writer's own publish, the peers are a
 * bare futex, an eventfd in an epoll, a seqpacket socket and a pipe for each sleeper. `last` is when the last one is awake; `call`
 * what making the change and waking cost the waker. One sleeper and the waker are pinned to a core each; where there are more
 * nothing is. Changes come when all have been asleep for 2 ms or more; all ways take turns, and a ratio is the median of the
 * turns' ratios. Behind it the whole way of a changed default route, from the kernel through netvaned to the reader.
 * Estimate beforehand: a futex wake is 24 us, 12 where the core does not idle, and ours adds two cache misses and two system
 * calls of the waker; one sleeper more costs 5 us. From the kernel: two wakes (writer, reader), so about twice that.
 */
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wake_ways.h"

#define SAMPLES_MAX 65536u
#define WARM_NS     20000u /* the waker has been running for so long when it makes a change */

static const struct bench_estimate estimates[] = {
    {"futex_us_at_1_sleepers_p50", 24},
    {"netvane_us_at_1_sleepers_p50", 25},
    {"eventfd_epoll_us_at_1_sleepers_p50", 30},
    {"seqpacket_us_at_1_sleepers_p50", 29},
    {"pipe_us_at_1_sleepers_p50", 27},
    {"futex_last_us_at_8_sleepers", 46},
    {"futex_last_us_at_64_sleepers", 300},
    {"futex_last_us_at_512_sleepers", 2460},
    {"eventfd_epoll_last_us_at_512_sleepers", 3080},
    {"seqpacket_last_us_at_512_sleepers", 4690},
    {"default_route_from_event_us_p50", 48},
};

static const struct wake_way *const ways[] = {&wake_netvane, &wake_futex, &wake_eventfd,
                                              &wake_seqpacket, &wake_pipe};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* What waker and sleepers see. Sleeper i's sample of change n is awake_ns[n * sleepers + i]. */
struct shared {
    _Alignas(64) _Atomic uint32_t ready; /* sleeps begun, by all sleepers */
    _Alignas(64) _Atomic uint64_t awake_ns[SAMPLES_MAX];
};

/* What one way's turns gather. */
struct samples {
    double us[SAMPLES_MAX];
    double last_us[SAMPLES_MAX], call_us[SAMPLES_MAX]; /* of each change */
    uint32_t count, changes;
    double turn_us[BENCH_RUNS_MAX]; /* each turn's median */
};

static struct shared *shared;
static struct samples samples[WAYS];

static _Noreturn void sleeper(const struct wake_way *way, unsigned i, unsigned sleepers,
                              uint32_t changes)
{
    if (sleepers == 1)
        bench_pin(1);
    way->begin(i);
    for (uint32_t n = 0; n < changes; n++) {
        (void)atomic_fetch_add(&shared->ready, 1);
        way->sleep(i, n);
        atomic_store(&shared->awake_ns[n * sleepers + i], bench_now_ns());
    }
    (void)atomic_fetch_add(&shared->ready, 1);
    _exit(0);
}

/* Until that many sleeps have begun; sleepers that have ended never get there. */
static void await_ready(uint32_t sleeps)
{
    for (unsigned i = 0; atomic_load(&shared->ready) < sleeps; i++) {
        if (i == 500000) {
            (void)fprintf(stderr, "bench_wake: a sleeper is gone\n");
            exit(1);
        }
        bench_pause_ns(20000);
    }
}

/* One change: the time of the waker's part goes to the samples, that before it is returned. */
static uint64_t change(const struct wake_way *way, struct samples *s, uint32_t n)
{
    for (const uint64_t now = bench_now_ns(); bench_now_ns() < now + WARM_NS;)
        ;
    if (way->prepare)
        way->prepare();
    const uint64_t start = bench_now_ns();
    way->wake(n);
    if (s->changes < SAMPLES_MAX)
        s->call_us[s->changes] = (double)(bench_now_ns() - start) / 1000;
    return start;
}

static void gather(struct samples *s, uint64_t start, uint32_t n, unsigned sleepers)
{
    double last = 0;
    for (unsigned i = 0; i < sleepers; i++) {
        const uint64_t awake = atomic_load(&shared->awake_ns[n * sleepers + i]);
        const double us = awake > start ? (double)(awake - start) / 1000 : 0;
        last = us > last ? us : last;
        if (s->count < SAMPLES_MAX)
            s->us[s->count++] = us;
    }
    if (s->changes < SAMPLES_MAX)
        s->last_us[s->changes++] = last;
}

/* One turn of one way. 0, or -1: it has no room for so many. */
static int turn(const struct wake_way *way, struct samples *s, unsigned sleepers, uint32_t changes)
{
    static pid_t pid[WAKE_SLEEPERS_MAX];
    if (way->open(sleepers))
        return -1;
    atomic_store(&shared->ready, 0);
    for (unsigned i = 0; i < sleepers; i++) {
        pid[i] = fork();
        if (!pid[i])
            sleeper(way, i, sleepers, changes);
        if (pid[i] < 0) {
            perror("fork");
            exit(1);
        }
    }
    for (uint32_t n = 0; n < changes; n++) {
        await_ready((n + 1) * sleepers);
        bench_pause_ns(2000000 + UINT64_C(20000) * sleepers);
        uint64_t start = change(way, s, n);
        await_ready((n + 2) * sleepers);
        gather(s, start, n, sleepers);
    }
    for (unsigned i = 0; i < sleepers; i++)
        (void)waitpid(pid[i], NULL, 0);
    way->close();
    return 0;
}

/* Of the samples from `from` on. */
static double median_of(const struct samples *s, uint32_t from)
{
    static double copy[SAMPLES_MAX];
    if (from == s->count)
        return NAN;
    memcpy(copy, s->us + from, (s->count - from) * sizeof(*copy));
    return bench_median(copy, s->count - from);
}

/*
 * Ratios are medians of the turns' ratios; alone_us is the writer's part where nobody sleeps. Returns the futex's median, for
 * ratios.
 */
static double measure(const struct bench_options *o, unsigned sleepers, uint32_t changes,
                      double alone_us)
{
    bool skipped[WAYS] = {false};
    double median[WAYS], call_us[WAYS], ratios[BENCH_RUNS_MAX];
    char key[96];
    for (unsigned w = 0; w < WAYS; w++)
        samples[w].count = samples[w].changes = 0;
    for (unsigned r = 0; r < o->runs; r++) {
        for (unsigned w = 0; w < WAYS; w++) {
            const uint32_t before = samples[w].count;
            skipped[w] = skipped[w] || turn(ways[w], &samples[w], sleepers, changes);
            samples[w].turn_us[r] = median_of(&samples[w], before);
        }
    }
    for (unsigned w = 0; w < WAYS; w++) {
        (void)snprintf(key, sizeof(key), "%s_us_at_%u_sleepers", ways[w]->name, sleepers);
        if (skipped[w]) {
            bench_skip(o, key, "may not open so many descriptors");
            continue;
        }
        struct samples *s = &samples[w];
        median[w] = bench_distribution(o, key, s->us, s->count);
        (void)snprintf(key, sizeof(key), "%s_last_us_at_%u_sleepers", ways[w]->name, sleepers);
        bench_figure(o, key, bench_median(s->last_us, s->changes));
        (void)snprintf(key, sizeof(key), "%s_call_us_at_%u_sleepers", ways[w]->name, sleepers);
        call_us[w] = bench_median(s->call_us, s->changes);
        bench_figure(o, key, call_us[w]);
    }
    (void)snprintf(key, sizeof(key), "netvane_call_at_%u_to_0_sleepers", sleepers);
    bench_ratio(o, key, call_us[0] / alone_us, NAN, NAN);
    for (unsigned w = 1; w < WAYS; w++) {
        (void)snprintf(key, sizeof(key), "netvane_to_%s_at_%u_sleepers", ways[w]->name, sleepers);
        for (unsigned r = 0; r < o->runs; r++)
            ratios[r] = samples[0].turn_us[r] / samples[w].turn_us[r];
        if (!skipped[w])
            bench_ratio(o, key, bench_median(ratios, o->runs), w == 1 && sleepers == 1 ? 1.1 : NAN,
                        NAN);
    }
    return median[1];
}

/* What a publish costs while nobody sleeps, as often as with most sleepers. */
static double measure_alone(const struct bench_options *o, uint32_t changes)
{
    struct samples *s = &samples[0];
    s->changes = 0;
    for (uint32_t n = 0; n < changes; n++, s->changes++) {
        bench_pause_ns(2000000);
        (void)change(&wake_netvane, s, n);
    }
    double median = bench_median(s->call_us, s->changes);
    bench_figure(o, "netvane_call_us_at_0_sleepers", median);
    return median;
}

int main(int argc, char **argv)
{
    struct bench_options o = bench_options(argc, argv);
    static const struct {
        unsigned sleepers;
        uint32_t changes, changes_quick; /* of all runs */
    } sizes[] = {{8, 420, 14}, {64, 140, 7}, {512, 35, 0}, {1, 2000, 60}};
    double futex_us = NAN;
    bench_estimates(estimates, sizeof(estimates) / sizeof(estimates[0]));
    if (o.seconds > 0 && o.runs > 3)
        o.runs = 3;
    shared = bench_shared(sizeof(*shared));
    wake_netvane_start();
    const double alone_us = measure_alone(&o, o.seconds > 0 ? 50 : 500);
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint32_t changes = o.seconds > 0 ? sizes[i].changes_quick : sizes[i].changes;
        if (!changes)
            continue;
        if (sizes[i].sleepers == 1)
            bench_pin(0);
        double us = measure(&o, sizes[i].sleepers, changes / o.runs + 1, alone_us);
        futex_us = sizes[i].sleepers == 1 ? us : futex_us;
    }
    wake_netvane_stop();
    int r = wake_kernel(&o, futex_us);
    bench_end(&o, "wake");
    return r ? 1 : 0;
}
