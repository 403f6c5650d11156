/* SPDX-License-Identifier: MIT */
/*
 * bench_publish.c - what one published change costs with few and with many routes in the State.
 *
 * Loads N routes as a dump would, publishes, then changes one route (another gateway for a random prefix) and publishes, again
 * and again: nanoseconds and bytes written for each. The prefixes are those of bench_lookup: 1,000,000 as a router of the
 * Internet has them, or each n-th of these. Beside it, by turns, LMDB: as many records of 64 bytes on tmpfs, one changed by each
 * transaction, without a sync. At the largest size each change is timed, too, and changes of the default
 * route. A publish ends when its wakes are done; nobody sleeps here (bench_wake has sleepers). The first changes, until the ring of
 * versions is full, use memory that nobody has used yet, which the system has to give: they have a distribution of their own.
 * Estimate beforehand: the path to a leaf is 4 nodes at 100 routes and 7 at 1,000,000, that in the index 1 KiB of fans and a leaf
 * of 100 to 300 bytes: 3.3 and 4 KB with the root slot, and below 2 microseconds.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "bench.h"
#include "prefixes.h"
#include "publish_peers.h"
#include "writer/commit.h"

#define REGION_BYTES (UINT64_C(512) << 20)
#define CHANGES_MAX  20000u
#define ALL          1000000u /* prefixes */

static int grow(void *arg, uint64_t size_bytes)
{
    (void)arg;
    return size_bytes > REGION_BYTES ? -1 : 0;
}

static const struct bench_estimate estimates[] = {
    {"publish_ns_at_100_routes", 2000},
    {"publish_ns_at_100000_routes", 2000},
    {"publish_bytes_at_100_routes", 3300},
    {"publish_bytes_at_1000000_routes", 4000},
    {"lmdb_commit_ns_at_100_routes", 1500},
    {"lmdb_commit_ns_at_1000000_routes", 1500},
    {"rte_fib_update_ns_at_1000000_routes", 3000},
    {"rte_fib_default_ns_at_1000000_routes", 50e6},
};

struct state {
    struct nv_mirror mirror;
    struct nv_publisher pub;
    struct nv_commit commit;
    void *base;
    struct prefix *list;
    uint32_t routes;
    uint64_t clock_ns;
};

static void put(struct state *w, const struct prefix *p, bool from_dump)
{
    struct nv_hop hop = {.ifindex = 2,
                         .weight = 1,
                         .gw_family = NV_AF_4,
                         .gateway = {10, 0, 0, (uint8_t)(1 + p->gateway)}};
    struct nv_route r = {.family = NV_AF_4,
                         .dst_len = p->len,
                         .type = 1,
                         .protocol = 186, /* RTPROT_BGP */
                         .table = 254,
                         .hop_count = 1,
                         .hops = &hop};
    prefix_bytes(AF_INET, p->address, r.dst);
    (void)nv_mirror_route_put(&w->mirror, &r, NV_LIST_REPLACE, from_dump, 0);
}

static void open_state(struct state *w, const struct prefix *all, uint32_t routes)
{
    memset(w, 0, sizeof(*w));
    w->list = calloc(routes, sizeof(*w->list));
    w->base = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct nv_header_args header = {.max_bytes = REGION_BYTES};
    struct nv_legacy legacy = {0};
    if (!w->list || w->base == MAP_FAILED ||
        nv_publisher_init(&w->pub, w->base, NULL, &header, &legacy) ||
        nv_mirror_init(&w->mirror, w->base, REGION_BYTES, grow, NULL, 1)) {
        (void)fprintf(stderr, "bench_publish: no memory for the region\n");
        exit(1);
    }
    nv_commit_init(&w->commit, &w->mirror, &w->pub);
    w->routes = routes;
    w->clock_ns = 1;
    struct nv_link link = {
        .has = NV_LINK_COMPLETE | NV_LINK_HAS_NAME, .ifindex = 2, .flags = 0x11043, .name = "eth0"};
    (void)nv_mirror_link_put(&w->mirror, &link);
    prefixes_thin(all, ALL, w->list, routes);
    for (uint32_t i = 0; i < routes; i++)
        put(w, &w->list[i], true);
    (void)nv_commit(&w->commit, true, w->clock_ns);
}

static void close_state(struct state *w)
{
    nv_mirror_destroy(&w->mirror);
    nv_publisher_destroy(&w->pub);
    (void)munmap(w->base, REGION_BYTES);
    free(w->list);
}

/* What one change of a kind costs. */
struct cost {
    double mean_ns; /* the median of the runs' means */
    double bytes;   /* as that */
    double *ns;     /* of each change of all runs */
    size_t count;
};

static double each_ns[BENCH_RUNS_MAX * CHANGES_MAX];

typedef void change_fn(struct state *w, uint32_t i);

static void change_any(struct state *w, uint32_t i)
{
    static uint32_t seed = 12345;
    struct prefix *p = &w->list[(uint64_t)seed * w->routes >> 32];
    seed = seed * 1664525u + 1013904223u;
    __builtin_prefetch(&w->list[(uint64_t)seed * w->routes >> 32],
                       1); /* the list is none of the State's memory */
    p->gateway = (uint8_t)((p->gateway + 1 + i % (PREFIX_GATEWAYS - 1)) % PREFIX_GATEWAYS);
    put(w, p, false);
}

/* Another gateway each time. */
static void change_default(struct state *w, uint32_t i)
{
    const struct prefix p = {.gateway = (uint8_t)(i % PREFIX_GATEWAYS)};
    put(w, &p, false);
}

static void run(struct state *w, change_fn *change, uint32_t changes, struct cost *c,
                double *ret_ns, double *ret_bytes)
{
    const uint64_t bytes0 = w->pub.counter[NETVANE_RC_BYTES_COPIED],
                   published0 = w->pub.counter[NETVANE_RC_PUBLISHES];
    const uint64_t start = bench_now_ns();
    uint64_t before = start;
    for (uint32_t i = 0; i < changes; i++) {
        change(w, i);
        w->clock_ns += 1000000;
        (void)nv_commit(&w->commit, false, w->clock_ns);
        const uint64_t now = bench_now_ns();
        c->ns[c->count++] = (double)(now - before);
        before = now;
    }
    const uint64_t published = w->pub.counter[NETVANE_RC_PUBLISHES] - published0;
    *ret_ns = (double)(before - start) / (double)published;
    *ret_bytes = (double)(w->pub.counter[NETVANE_RC_BYTES_COPIED] - bytes0) / (double)published;
}

/* The first changes of a State, until nothing grows any more. */
static struct cost warm_up(struct state *w)
{
    static double first_ns[NETVANE_RING_SLOTS];
    struct cost c = {.ns = first_ns};
    memset(first_ns, 0xff,
           sizeof(first_ns)); /* memory of the bench's own is not to be waited for */
    memset(each_ns, 0xff, sizeof(each_ns));
    run(w, change_any, NETVANE_RING_SLOTS, &c, &c.mean_ns, &c.bytes);
    return c;
}

/* lmdb_ns: of the peer, by turns; NULL: without it. */
static struct cost measure(const struct bench_options *o, struct state *w, change_fn *change,
                           double *lmdb_ns)
{
    double ns[BENCH_RUNS_MAX], bytes[BENCH_RUNS_MAX];
    const uint32_t changes = o->seconds > 0 ? 2000 : CHANGES_MAX;
    struct cost c = {.ns = each_ns};
    for (unsigned r = 0; r < o->runs; r++) {
        run(w, change, changes, &c, &ns[r], &bytes[r]);
        if (lmdb_ns)
            lmdb_ns[r] = publish_lmdb_ns(changes);
    }
    c.mean_ns = bench_median(ns, o->runs);
    c.bytes = bench_median(bytes, o->runs);
    return c;
}

static void show_distribution(const struct bench_options *o, const char *what, uint32_t routes,
                              const struct cost *c)
{
    char key[96];
    (void)snprintf(key, sizeof(key), "%s_at_%u_routes_each_ns", what, (unsigned)routes);
    const double p50 = bench_distribution(o, key, c->ns, c->count);
    const double p99 = bench_quantile(c->ns, c->count, 0.99);
    (void)snprintf(key, sizeof(key), "%s_at_%u_routes_p50_of_2_us", what, (unsigned)routes);
    bench_ratio(o, key, p50 / 2000, 1, NAN);
    (void)snprintf(key, sizeof(key), "%s_at_%u_routes_p99_of_10_us", what, (unsigned)routes);
    bench_ratio(o, key, p99 / 10000, 1, NAN);
    (void)snprintf(key, sizeof(key), "%s_at_%u_routes_bytes_of_4096", what, (unsigned)routes);
    bench_ratio(o, key, c->bytes / 4096, 1, NAN);
}

/* What a peer took, and how much of that ours is. */
static void compare(const struct bench_options *o, const char *name, double peer_ns,
                    const char *what, uint32_t routes, double ours_ns)
{
    char key[96];
    (void)snprintf(key, sizeof(key), "%s_ns_at_%u_routes", name, (unsigned)routes);
    bench_figure(o, key, peer_ns);
    (void)snprintf(key, sizeof(key), "%s_to_%s_at_%u_routes", what, name, (unsigned)routes);
    bench_ratio(o, key, ours_ns / peer_ns, NAN, NAN);
}

static double median_of(const struct bench_options *o, double (*change_ns)(uint32_t changes),
                        uint32_t changes)
{
    double ns[BENCH_RUNS_MAX];
    for (unsigned r = 0; r < o->runs; r++)
        ns[r] = change_ns(changes);
    return bench_median(ns, o->runs);
}

/* def_ns: what a change of /0 took us, NAN: nobody asked. */
static void compare_fib(const struct bench_options *o, const struct prefix *list, uint32_t routes,
                        double any_ns, double def_ns)
{
    const char *why = publish_fib_open(list, routes);
    if (why) {
        bench_skip(o, "rte_fib_update", why);
        return;
    }
    compare(o, "rte_fib_update", median_of(o, publish_fib_ns, 20000), "publish", routes, any_ns);
    if (!isnan(def_ns))
        compare(o, "rte_fib_default", median_of(o, publish_fib_default_ns, 5), "publish_default",
                routes, def_ns);
    publish_fib_close();
}

static struct cost measure_at(const struct bench_options *o, const struct prefix *all,
                              uint32_t routes, bool largest)
{
    static struct state w;
    double lmdb_ns[BENCH_RUNS_MAX], def_ns = NAN;
    char key[96];
    open_state(&w, all, routes);
    const struct cost first = warm_up(&w);
    const char *why = publish_lmdb_open(routes);
    const struct cost any = measure(o, &w, change_any, why ? NULL : lmdb_ns);
    (void)snprintf(key, sizeof(key), "publish_ns_at_%u_routes", (unsigned)routes);
    bench_figure(o, key, any.mean_ns);
    (void)snprintf(key, sizeof(key), "publish_bytes_at_%u_routes", (unsigned)routes);
    bench_figure(o, key, any.bytes);
    if (why) {
        bench_skip(o, "lmdb_commit", why);
    } else {
        publish_lmdb_close();
        compare(o, "lmdb_commit", bench_median(lmdb_ns, o->runs), "publish", routes, any.mean_ns);
    }
    if (largest) {
        (void)snprintf(key, sizeof(key), "publish_at_%u_routes_first_%u_ns", (unsigned)routes,
                       NETVANE_RING_SLOTS);
        (void)bench_distribution(o, key, first.ns, first.count);
        show_distribution(o, "publish", routes, &any);
        const struct cost def = measure(o, &w, change_default, NULL);
        show_distribution(o, "publish_default", routes, &def);
        def_ns = def.mean_ns;
    }
    compare_fib(o, w.list, routes, any.mean_ns, def_ns);
    close_state(&w);
    return any;
}

int main(int argc, char **argv)
{
    struct bench_options o = bench_options(argc, argv);
    static const uint32_t sizes[] = {100, 10000, 100000, 1000000};
    struct cost cost[4];
    bench_estimates(estimates, sizeof(estimates) / sizeof(estimates[0]));
    bench_pin(1);
    struct prefix *all = prefixes_list(AF_INET, ALL);
    if (o.count) {
        (void)measure_at(&o, all, o.count < ALL ? o.count : ALL, true);
        free(all);
        bench_end(&o, "publish");
        return 0;
    }
    const unsigned count = o.seconds > 0 ? 3 : 4;
    for (unsigned i = 0; i < count; i++)
        cost[i] = measure_at(&o, all, sizes[i], i + 1 == count);
    free(all);
    bench_ratio(&o, "publish_bytes_100000_to_100", cost[2].bytes / cost[0].bytes, 2.0, NAN);
    bench_ratio(&o, "publish_ns_100000_to_100", cost[2].mean_ns / cost[0].mean_ns, NAN, NAN);
    bench_end(&o, "publish");
    return 0;
}
