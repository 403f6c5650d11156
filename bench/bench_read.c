/* SPDX-License-Identifier: MIT */
/*
 * bench_read.c - what a read costs, beside what its peers cost in the same run.
 *
 * One process publishes with the writer's own code, pinned to core 1; this one reads through the shared library,
 * pinned to core 0. First the writer sleeps (quiet), then it publishes flat out (busy), and with each version it also changes
 * what the peer that is being measured reads, so that all readers meet as many changes. What works inside one process only
 * (liburcu) is changed by a thread in place of the writer, at the writer's rate. The runs of all measures alternate.
 * A figure is the median of the runs' means; `_batch` are the quantiles of single batches of reads.
 *
 * Estimate beforehand, quiet: a load 0.3 ns; the poll twice that (two loads, one after the other); a seqlock copy of 64 bytes
 * 1.1 ns; the default route 2.5 ns (a call, 3 loads, 8 loads and 8 stores); LMDB 45 ns. Busy: each adds one or two
 * misses per version, about 100 ns each.
 */
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "read_peers.h"
#include "world.h"

#define REGION_BYTES (UINT64_C(256) << 20)
#define ROUTES       1000u
#define WAYS_MAX     32u
#define BATCHES_MAX  20000u

static const struct bench_estimate estimates[] = {
    {"quiet_acquire_load_ns", 0.33},     {"quiet_poll_ns", 0.7},
    {"quiet_default_get_ns", 2.5},       {"quiet_begin_and_link_get_ns", 100},
    {"quiet_seqlock_copy_64_ns", 1.1},   {"quiet_seqlock_copy_256_ns", 4.4},
    {"quiet_slot_copy_64_ns", 1.1},      {"quiet_ck_sequence_copy_64_ns", 1.2},
    {"quiet_rwlock_copy_64_ns", 7.5},    {"quiet_lmdb_one_record_ns", 38},
    {"quiet_lmdb_same_key_ns", 98},      {"quiet_lmdb_random_key_ns", 860},
    {"quiet_lmdb_scan_record_ns", 24},   {"quiet_urcu_qsbr_copy_64_ns", 1.1},
    {"quiet_urcu_memb_copy_64_ns", 1.9}, {"quiet_urcu_bp_copy_64_ns", 2.0},
    {"quiet_clock_gettime_ns", 23},      {"quiet_system_call_ns", 168},
    {"quiet_rtm_getroute_ns", 3100},     {"quiet_connect_getsockname_ns", 1300},
    {"getifaddrs_few_ns", 32000},        {"getifaddrs_many_ns", 9200000},
};

/* Ours first; the named ones are those that ratios are made of. */
static const struct read_way *const lists[] = {read_netvane, read_memory, read_urcu, read_lmdb,
                                               read_kernel};
static const char *const ways_of_ratios[] = {"acquire_load", "poll", "seqlock_copy_64",
                                             "default_get", "lmdb_one_record"};
enum { LOAD, POLL, SEQLOCK, DEFAULT, LMDB, NAMED };

static const struct read_way *way[WAYS_MAX];
static unsigned ways;

struct samples {
    double mean_ns[BENCH_RUNS_MAX];
    double batch_ns[BATCHES_MAX];
    uint32_t batches;
};
static struct samples samples[WAYS_MAX];

/* ---- the writer ------------------------------------------------------------------------------------------ */

struct control {
    _Alignas(64) atomic_int ready;
    _Alignas(64) atomic_int busy;
    atomic_int measured; /* number of the way whose writer is to run along; -1: none */
    _Alignas(64) _Atomic uint64_t published;
};

static struct control *control;
static char dir[48];
static struct world world;

static void change_route(uint32_t i, uint8_t protocol)
{
    const struct prefix p = {.address = (uint64_t)(0x0b000000u + (i << 8)) << 32, .len = 24};
    world_route(&world, AF_INET, &p, protocol);
}

static const struct read_way *way_number(int number)
{
    for (unsigned l = 0; l < sizeof(lists) / sizeof(lists[0]); l++)
        for (const struct read_way *m = lists[l]; m->name; m++)
            if (!number--)
                return m;
    return NULL;
}

static _Noreturn void write_on(void)
{
    uint32_t seed = 12345;
    bench_pin(1);
    world_open(&world, dir, REGION_BYTES);
    for (uint32_t i = 0; i < ROUTES; i++)
        change_route(i, 4);
    world_commit(&world);
    world_show(&world);
    atomic_store(&control->ready, 1);
    for (uint64_t n = 1;; n++) {
        while (!atomic_load_explicit(&control->busy, memory_order_relaxed))
            bench_pause_ns(200000);
        seed = seed * 1664525u + 1013904223u;
        change_route(seed % ROUTES, (uint8_t)(4 + n % 200));
        world_commit(&world);
        const struct read_way *m =
            way_number(atomic_load_explicit(&control->measured, memory_order_relaxed));
        if (m && m->update)
            m->update(dir, n);
        atomic_store_explicit(&control->published, n, memory_order_relaxed);
    }
}

/* ---- the writer's place taken by a thread -------------------------------------------------------------------- */

static struct {
    pthread_t thread;
    const struct read_way *way;
    uint64_t period_ns;
    atomic_int stop;
} stand_in;

static void *stand_in_run(void *arg)
{
    uint64_t next = bench_now_ns();
    bench_pin(1);
    for (uint64_t n = 1; !atomic_load_explicit(&stand_in.stop, memory_order_relaxed); n++) {
        stand_in.way->thread_update(n);
        next += stand_in.period_ns;
        while (bench_now_ns() < next)
            ;
    }
    return arg;
}

static void stand_in_start(const struct read_way *m)
{
    atomic_store(&control->busy, 0);
    atomic_store(&stand_in.stop, 0);
    stand_in.way = m;
    if (pthread_create(&stand_in.thread, NULL, stand_in_run, NULL)) {
        perror("bench_read: a thread");
        exit(1);
    }
    bench_pause_ns(300000); /* until the writer sleeps */
}

static void stand_in_end(void)
{
    atomic_store(&stand_in.stop, 1);
    (void)pthread_join(stand_in.thread, NULL);
    atomic_store(&control->busy, 1);
}

/* ---- measures --------------------------------------------------------------------------------------------------- */

/* One run of one way, over at least slice_ns. */
static double run(unsigned i, uint64_t slice_ns)
{
    const struct read_way *m = way[i];
    struct samples *s = &samples[i];
    uint64_t start = bench_now_ns(), before = start, now = start, batches = 0;
    do {
        m->batch();
        batches++;
        now = bench_now_ns();
        if (s->batches < BATCHES_MAX)
            s->batch_ns[s->batches++] = (double)(now - before) / m->reads;
        before = now;
    } while (now - start < slice_ns);
    return (double)(now - start) / (double)(batches * m->reads);
}

static double run_busy(unsigned i, uint64_t slice_ns)
{
    const struct read_way *m = way[i];
    int number = 0;
    while (way_number(number) != m)
        number++;
    atomic_store(&control->measured, number);
    if (m->thread_update)
        stand_in_start(m);
    double ns = run(i, slice_ns);
    if (m->thread_update)
        stand_in_end();
    return ns;
}

static void measure(const struct bench_options *o, const char *mode, uint64_t slice_ns, bool busy,
                    double named[NAMED])
{
    char key[96];
    for (unsigned i = 0; i < ways; i++) {
        samples[i].batches = 0;
        way[i]->batch(); /* warm */
        samples[i].batches = 0;
    }
    for (unsigned r = 0; r < o->runs; r++)
        for (unsigned i = 0; i < ways; i++)
            if (!busy || !way[i]->quiet_only)
                samples[i].mean_ns[r] = busy ? run_busy(i, slice_ns) : run(i, slice_ns);
    for (unsigned i = 0; i < NAMED; i++)
        named[i] = NAN;
    for (unsigned i = 0; i < ways; i++) {
        if (busy && way[i]->quiet_only)
            continue;
        const double median = bench_median(samples[i].mean_ns, o->runs);
        (void)snprintf(key, sizeof(key), "%s_%s_ns", mode, way[i]->name);
        bench_figure(o, key, median);
        (void)snprintf(key, sizeof(key), "%s_%s_batch_ns", mode, way[i]->name);
        (void)bench_distribution(o, key, samples[i].batch_ns, samples[i].batches);
        for (unsigned n = 0; n < NAMED; n++)
            if (!strcmp(way[i]->name, ways_of_ratios[n]))
                named[n] = median;
    }
}

static void ratio(const struct bench_options *o, const char *mode, const char *what, double value,
                  double at_most, double at_least)
{
    char key[96];
    (void)snprintf(key, sizeof(key), "%s_%s", mode, what);
    if (!isnan(value))
        bench_ratio(o, key, value, at_most, at_least);
}

/* What each way takes, in times of our default route. */
static void ratios_to_ours(const struct bench_options *o, const char *mode, double ours, bool busy)
{
    char what[64];
    for (unsigned i = 0; i < ways; i++) {
        const struct read_way *m = way[i];
        bool own = false;
        for (const struct read_way *n = read_netvane; n->name; n++)
            own = own || n == m;
        if (own || (busy && m->quiet_only))
            continue;
        (void)snprintf(what, sizeof(what), "%s_to_default_get", m->name);
        ratio(o, mode, what, bench_median(samples[i].mean_ns, o->runs) / ours, NAN, NAN);
    }
}

static void ratios(const struct bench_options *o, const char *mode, const double ns[NAMED],
                   bool held)
{
    ratio(o, mode, "poll_to_acquire_load", ns[POLL] / ns[LOAD], held ? 2.0 : NAN, NAN);
    ratio(o, mode, "default_to_seqlock_copy", ns[DEFAULT] / ns[SEQLOCK], held ? 2.5 : NAN, NAN);
    ratio(o, mode, "lmdb_to_default", ns[LMDB] / ns[DEFAULT], NAN, held ? 12.0 : NAN);
}

/* Opens all ways that can be had. */
static void open_ways(const struct bench_options *o)
{
    for (int number = 0; way_number(number); number++) {
        const struct read_way *m = way_number(number);
        const char *why = m->open ? m->open(dir) : NULL;
        if (why)
            bench_skip(o, m->name, why);
        else if (ways < WAYS_MAX)
            way[ways++] = m;
    }
}

/* Versions a second while nothing but ours is written. */
static double writer_rate(uint64_t over_ns)
{
    atomic_store(&control->measured, -1);
    const uint64_t from = atomic_load(&control->published), start = bench_now_ns();
    bench_pause_ns(over_ns);
    return (double)(atomic_load(&control->published) - from) * 1e9 /
           (double)(bench_now_ns() - start);
}

int main(int argc, char **argv)
{
    struct bench_options o = bench_options(argc, argv);
    const double seconds = o.seconds > 0 ? o.seconds : 12;
    double named[NAMED];
    bench_estimates(estimates, sizeof(estimates) / sizeof(estimates[0]));
    read_lmdb_size(o.count ? o.count : o.seconds > 0 ? 20000 : 1000000);
    read_memory_map();
    const bool own_namespace = read_kernel_enter();
    control = bench_shared(sizeof(*control));
    atomic_store(&control->measured, -1);
    world_dir_make(dir);
    pid_t writer = fork();
    if (!writer)
        write_on();
    bench_pin(0);
    for (unsigned i = 0; i < 5000 && writer > 0 && !atomic_load(&control->ready); i++)
        bench_pause_ns(1000000);
    open_ways(&o);
    const uint64_t slice_ns = (uint64_t)(seconds * 0.8e9 / (2.0 * o.runs * ways));
    measure(&o, "quiet", slice_ns, false, named);
    ratios(&o, "quiet", named, true);
    ratios_to_ours(&o, "quiet", named[DEFAULT], false);
    atomic_store(&control->busy, 1);
    const double rate = writer_rate(o.seconds > 0 ? 50000000 : 500000000);
    stand_in.period_ns = rate > 1 ? (uint64_t)(1e9 / rate) : 1000000;
    measure(&o, "busy", slice_ns, true, named);
    bench_figure(&o, "busy_versions_per_s", rate);
    ratios(&o, "busy", named, false);
    ratios_to_ours(&o, "busy", named[DEFAULT], true);
    (void)kill(writer, SIGKILL);
    (void)waitpid(writer, NULL, 0);
    read_walk(&o, own_namespace);
    world_dir_remove(dir);
    bench_end(&o, "read");
    return 0;
}
