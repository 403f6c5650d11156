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
#include <unistd.h>

#include "bench.h"
#include "reader/diff.h"
#include "writer/commit.h"

#define REGION_BYTES (UINT64_C(512) << 20)
#define TARGET_NS    5000.0    /* ten changes at 1,000,000 routes */
#define STRIDE       618033ull /* has no factor in common with a power of ten */
#define ROUNDS_MAX   4096

struct world {
    char dir[64];
    struct nv_shm *shm;
    struct nv_mirror mirror;
    struct nv_publisher pub;
    struct nv_commit commit;
    struct netvane *nv;
    uint32_t routes;
    uint64_t changed;
    uint64_t clock_ns;
};

static int grow(void *arg, uint64_t size_bytes)
{
    return nv_shm_grow(arg, size_bytes);
}

static void put_route(struct world *w, uint32_t i, uint32_t protocol, bool from_dump)
{
    struct nv_hop hop = {.ifindex = 2,
                         .weight = 1,
                         .gw_family = NV_AF_4,
                         .gateway = {10, 0, 0, (uint8_t)(1 + i % 8)}};
    struct nv_route r = {.family = NV_AF_4,
                         .dst_len = 24,
                         .type = 1,
                         .protocol = (uint8_t)protocol,
                         .table = 254,
                         .hop_count = 1,
                         .hops = &hop};
    nv_store_be32(r.dst, 0x0b000000u + (i << 8));
    (void)nv_mirror_route_put(&w->mirror, &r, NV_LIST_REPLACE, from_dump, 0);
}

static void open_world(struct world *w, uint32_t routes)
{
    struct nv_legacy legacy = {0};
    struct nv_header_args header = {.max_bytes = REGION_BYTES};
    struct netvane_open_args args;
    struct nv_link link = {
        .has = NV_LINK_COMPLETE | NV_LINK_HAS_NAME, .ifindex = 2, .flags = 0x11043, .name = "eth0"};
    memset(w, 0, sizeof(*w));
    w->routes = routes;
    w->clock_ns = nv_clock_boottime_ns();
    (void)snprintf(w->dir, sizeof(w->dir), "/dev/shm/netvane-bench-diff.XXXXXX");
    struct nv_shm_args shm = {.dir = w->dir, .name = "default", .max_bytes = REGION_BYTES};
    if (!mkdtemp(w->dir) || nv_shm_create(&shm, &w->shm) ||
        nv_shm_grow(w->shm, NETVANE_ARENA_OFFSET) ||
        nv_publisher_init(&w->pub, nv_shm_base(w->shm), NULL, &header, &legacy) ||
        nv_mirror_init(&w->mirror, nv_shm_base(w->shm), REGION_BYTES, grow, w->shm, 1)) {
        (void)fprintf(stderr, "bench_diff: no memory for the region\n");
        exit(1);
    }
    nv_commit_init(&w->commit, &w->mirror, &w->pub);
    (void)nv_mirror_link_put(&w->mirror, &link);
    for (uint32_t i = 0; i < routes; i++)
        put_route(w, i, 4, true);
    (void)nv_commit(&w->commit, true, w->clock_ns);
    nv_publisher_state(&w->pub, NETVANE_RS_LIVE);
    NETVANE_INIT(&args);
    args.dir = w->dir;
    if (nv_shm_show(w->shm) || netvane_open(&args, &w->nv)) {
        (void)fprintf(stderr, "bench_diff: the region cannot be opened\n");
        exit(1);
    }
}

static void close_world(struct world *w)
{
    char lock[96];
    netvane_close(w->nv);
    nv_publisher_destroy(&w->pub);
    nv_mirror_destroy(&w->mirror);
    nv_shm_close(w->shm, false);
    (void)snprintf(lock, sizeof(lock), "%s/.default.lock", w->dir);
    (void)unlink(lock);
    (void)rmdir(w->dir);
}

/* Publishes so many versions, each with one route changed: all of them, far from each other, before one comes again. */
static void publish(struct world *w, uint32_t changes)
{
    for (uint32_t i = 0; i < changes; i++, w->changed++) {
        put_route(w, (uint32_t)(w->changed * STRIDE % w->routes),
                  5 + (uint32_t)(w->changed / w->routes % 200), false);
        w->clock_ns += 1000000;
        (void)nv_commit(&w->commit, false, w->clock_ns);
    }
}

/* ---- on another core ------------------------------------------------------------------------------------------- */

static struct {
    struct world *w;
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
            publish(far.w, n);
            atomic_store_explicit(&far.wanted, 0, memory_order_release);
        } else {
            (void)sched_yield();
        }
    }
}

static void publish_far(struct world *w, uint32_t changes)
{
    (void)w;
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

static uint32_t by_journal(struct world *w, const struct netvane_snap *from,
                           const struct netvane_snap *to)
{
    uint32_t n = 0;
    (void)w;
    return netvane_diff(from, to, NETVANE_CLASS_ALL, count, &n) ? 0 : n;
}

static uint32_t by_walk(struct world *w, const struct netvane_snap *from,
                        const struct netvane_snap *to)
{
    struct nv_route_hasher hashers[2];
    struct netvane_change change;
    struct nv_diff d;
    uint32_t n = 0;
    (void)w;
    if (nv_diff_begin(&d, from, to, NETVANE_CLASS_ALL, false))
        return 0;
    d.hashers = hashers;
    while (nv_diff_next(&d, &change) > 0)
        n++;
    return n;
}

static uint32_t by_iterator(struct world *w, const struct netvane_snap *from,
                            const struct netvane_snap *to)
{
    struct netvane_change change;
    uint32_t n = 0;
    (void)w;
    (void)from;
    (void)to;
    NETVANE_INIT(&change);
    while (netvane_changes_next(&changes, &change) > 0)
        n++;
    return n;
}

typedef uint32_t way_fn(struct world *w, const struct netvane_snap *from,
                        const struct netvane_snap *to);

static double measure(struct world *w, way_fn *way, void (*publish_fn)(struct world *, uint32_t),
                      uint32_t apart, uint32_t rounds)
{
    static double ns[ROUNDS_MAX];
    (void)netvane_changes_begin(w->nv, NULL, NETVANE_CLASS_ALL, &changes);
    for (uint32_t i = 0; i < rounds; i++) {
        struct netvane_snap from, to;
        if (netvane_snap_begin(w->nv, &from))
            exit(1);
        publish_fn(w, apart);
        if (netvane_snap_begin(w->nv, &to))
            exit(1);
        uint64_t start = bench_now_ns();
        uint32_t n = way(w, &from, &to);
        ns[i] = (double)(bench_now_ns() - start);
        if (n != apart) {
            (void)fprintf(stderr, "bench_diff: %u differences instead of %u\n", n, apart);
            exit(1);
        }
    }
    return bench_median(ns, rounds);
}

static void compare(const struct bench_options *o, struct world *w, const char *suffix,
                    void (*publish_fn)(struct world *, uint32_t))
{
    static const uint32_t aparts[] = {1, 10, 100, 1000};
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t apart = aparts[i],
                       rounds = (o->seconds > 0 ? 200u : 2000u) / (apart < 100 ? 1 : apart / 20);
        char key[96];
        double journal = measure(w, by_journal, publish_fn, apart, rounds);
        double walk = measure(w, by_walk, publish_fn, apart, rounds);
        double iterator = measure(w, by_iterator, publish_fn, apart, rounds);
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
    static struct world w;
    pthread_t there;
    bench_pin(1);
    open_world(&w, o.count ? o.count : o.seconds > 0 ? 100000 : 1000000);
    bench_figure(&o, "routes", w.routes);
    compare(&o, &w, "", publish);
    far.w = &w;
    if (!pthread_create(&there, NULL, publish_there, NULL)) {
        compare(&o, &w, "_other_core", publish_far);
        atomic_store(&far.wanted, UINT32_MAX);
        (void)pthread_join(there, NULL);
    }
    struct netvane_change change;
    NETVANE_INIT(&change);
    (void)netvane_changes_begin(w.nv, NULL, NETVANE_CLASS_ALL, &changes);
    uint64_t start = bench_now_ns();
    for (unsigned i = 0; i < 100000; i++)
        bench_keep((uint64_t)netvane_changes_next(&changes, &change));
    bench_figure(&o, "changes_next_ns_nothing_new", (double)(bench_now_ns() - start) / 100000);
    close_world(&w);
    bench_end(&o, "diff");
    return 0;
}
