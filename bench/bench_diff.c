/* SPDX-License-Identifier: MIT */
/*
 * bench_diff.c - what it costs to find the differences of two versions that are 1, 10, 100 and 1000 changes apart.
 *
 * Loads N routes (1,000,000) as a dump would, publishes, then changes one random route a version. Each diff is of other
 * versions than the one before. Measured: netvane_diff, which goes by the journal; the same by the walk that skips shared
 * nodes; and netvane_changes_next until it has caught up. The reader runs on the writer's core, where what was just
 * published is in the cache, and, as _other_core, on another. Estimate beforehand: a change is two searches of 6 nodes, 300 ns, so 3 us
 * for ten; the walk compares each node on ten paths with its kin, some 10 us.
 */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bench.h"
#include "reader/diff.h"
#include "world.h"

#define REGION_BYTES (UINT64_C(512) << 20)
#define TARGET_NS    5000.0    /* ten changes at 1,000,000 routes */
#define STRIDE       618033ull /* has no factor in common with a power of ten */
#define ROUNDS_MAX   4096

struct bed {
    struct world world;
    char dir[48];
    struct netvane *nv;
    uint32_t routes;
    uint64_t changed;
};

static void put_route(struct bed *b, uint32_t i, uint32_t protocol)
{
    const struct prefix p = {.address = (uint64_t)(0x0b000000u + (i << 8)) << 32,
                             .len = 24,
                             .gateway = (uint8_t)(i % 8)};
    world_route(&b->world, AF_INET, &p, (uint8_t)protocol);
}

static void open_bed(struct bed *b, uint32_t routes)
{
    memset(b, 0, sizeof(*b));
    b->routes = routes;
    world_dir_make(b->dir);
    world_open(&b->world, b->dir, REGION_BYTES);
    for (uint32_t i = 0; i < routes; i++)
        put_route(b, i, 4);
    world_commit(&b->world);
    nv_publisher_state(&b->world.pub, NETVANE_RS_LIVE);
    world_show(&b->world);
    b->nv = world_reader(b->dir);
}

static void close_bed(struct bed *b)
{
    netvane_close(b->nv);
    world_close(&b->world);
    world_dir_remove(b->dir);
}

/* Publishes so many versions, each with one route changed: all of them, far from each other, before one comes again. */
static void publish(struct bed *b, uint32_t changes)
{
    for (uint32_t i = 0; i < changes; i++, b->changed++) {
        put_route(b, (uint32_t)(b->changed * STRIDE % b->routes),
                  5 + (uint32_t)(b->changed / b->routes % 200));
        world_commit(&b->world);
    }
}

/* ---- on another core ------------------------------------------------------------------------------------------- */

static struct {
    struct bed *bed;
    _Atomic uint32_t wanted; /* versions to publish, 0: none; UINT32_MAX: end */
} far;

static void *publish_there(void *arg)
{
    (void)arg;
    bench_pin(0);
    for (;;) {
        uint32_t n = atomic_load_explicit(&far.wanted, memory_order_acquire);
        if (n == UINT32_MAX)
            return NULL;
        if (n) {
            publish(far.bed, n);
            atomic_store_explicit(&far.wanted, 0, memory_order_release);
        } else {
            (void)sched_yield();
        }
    }
}

static void publish_far(struct bed *b, uint32_t changes)
{
    (void)b;
    atomic_store_explicit(&far.wanted, changes, memory_order_release);
    while (atomic_load_explicit(&far.wanted, memory_order_acquire))
        (void)sched_yield();
}

/* ---- the three ways -------------------------------------------------------------------------------------------- */

static struct netvane_changes changes;

static int count(void *arg, const struct netvane_change *change)
{
    (void)change;
    ++*(uint32_t *)arg;
    return 0;
}

static uint32_t by_journal(struct bed *b, const struct netvane_snap *from,
                           const struct netvane_snap *to)
{
    uint32_t n = 0;
    (void)b;
    return netvane_diff(from, to, NETVANE_CLASS_ALL, count, &n) ? 0 : n;
}

static uint32_t by_walk(struct bed *b, const struct netvane_snap *from,
                        const struct netvane_snap *to)
{
    struct nv_route_hasher hashers[2];
    struct netvane_change change;
    struct nv_diff d;
    uint32_t n = 0;
    (void)b;
    if (nv_diff_begin(&d, from, to, NETVANE_CLASS_ALL, false))
        return 0;
    d.hashers = hashers;
    while (nv_diff_next(&d, &change) > 0)
        n++;
    return n;
}

static uint32_t by_iterator(struct bed *b, const struct netvane_snap *from,
                            const struct netvane_snap *to)
{
    struct netvane_change change;
    uint32_t n = 0;
    (void)b;
    (void)from;
    (void)to;
    NETVANE_INIT(&change);
    while (netvane_changes_next(&changes, &change) > 0)
        n++;
    return n;
}

typedef uint32_t way_fn(struct bed *b, const struct netvane_snap *from,
                        const struct netvane_snap *to);

static double measure(struct bed *b, way_fn *way, void (*publish_fn)(struct bed *, uint32_t),
                      uint32_t apart, uint32_t rounds)
{
    static double ns[ROUNDS_MAX];
    (void)netvane_changes_begin(b->nv, NULL, NETVANE_CLASS_ALL, &changes);
    for (uint32_t i = 0; i < rounds; i++) {
        struct netvane_snap from, to;
        if (netvane_snap_begin(b->nv, &from))
            exit(1);
        publish_fn(b, apart);
        if (netvane_snap_begin(b->nv, &to))
            exit(1);
        uint64_t start = bench_now_ns();
        uint32_t n = way(b, &from, &to);
        ns[i] = (double)(bench_now_ns() - start);
        if (n != apart) {
            (void)fprintf(stderr, "bench_diff: %u differences instead of %u\n", n, apart);
            exit(1);
        }
    }
    return bench_median(ns, rounds);
}

static void compare(const struct bench_options *o, struct bed *b, const char *suffix,
                    void (*publish_fn)(struct bed *, uint32_t))
{
    static const uint32_t aparts[] = {1, 10, 100, 1000};
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t apart = aparts[i],
                       rounds = (o->seconds > 0 ? 200u : 2000u) / (apart < 100 ? 1 : apart / 20);
        char key[96];
        double journal = measure(b, by_journal, publish_fn, apart, rounds);
        double walk = measure(b, by_walk, publish_fn, apart, rounds);
        double iterator = measure(b, by_iterator, publish_fn, apart, rounds);
        (void)snprintf(key, sizeof(key), "diff_ns_%u_apart%s", apart, suffix);
        bench_figure(o, key, journal);
        (void)snprintf(key, sizeof(key), "walk_ns_%u_apart%s", apart, suffix);
        bench_figure(o, key, walk);
        (void)snprintf(key, sizeof(key), "changes_next_ns_%u_apart%s", apart, suffix);
        bench_figure(o, key, iterator);
        (void)snprintf(key, sizeof(key), "diff_to_walk_%u_apart%s", apart, suffix);
        bench_ratio(o, key, journal / walk, 1.0, NAN);
        if (apart == 10) {
            (void)snprintf(key, sizeof(key), "diff_to_target_10_apart%s", suffix);
            bench_ratio(o, key, journal / TARGET_NS, 1.0, NAN);
        }
    }
}

int main(int argc, char **argv)
{
    struct bench_options o = bench_options(argc, argv);
    static struct bed b;
    pthread_t there;
    bench_pin(1);
    open_bed(&b, o.count ? o.count : o.seconds > 0 ? 100000 : 1000000);
    bench_figure(&o, "routes", b.routes);
    compare(&o, &b, "", publish);
    far.bed = &b;
    if (!pthread_create(&there, NULL, publish_there, NULL)) {
        compare(&o, &b, "_other_core", publish_far);
        atomic_store(&far.wanted, UINT32_MAX);
        (void)pthread_join(there, NULL);
    }
    struct netvane_change change;
    NETVANE_INIT(&change);
    (void)netvane_changes_begin(b.nv, NULL, NETVANE_CLASS_ALL, &changes);
    uint64_t start = bench_now_ns();
    for (unsigned i = 0; i < 100000; i++)
        bench_keep((uint64_t)netvane_changes_next(&changes, &change));
    bench_figure(&o, "changes_next_ns_nothing_new", (double)(bench_now_ns() - start) / 100000);
    close_bed(&b);
    bench_end(&o, "diff");
    return 0;
}
