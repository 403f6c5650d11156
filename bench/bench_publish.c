/* SPDX-License-Identifier: MIT */
/*
 * bench_publish.c - what one published change costs with few and with many routes in the State.
 *
 * Loads N routes as a dump would, publishes, then changes one route (a metric attribute of a random prefix) and publishes,
 * again and again: nanoseconds and bytes written for each. Beside it, by turns, LMDB: as many records of 64 bytes on tmpfs, one
 * changed by each transaction, without a sync. Estimate beforehand: the path to a leaf is 2 nodes at 100 routes and 4 at 100,000,
 * so 2.0 and 3.1 KB with the root slot, and below 2 microseconds.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "publish_peers.h"
#include "writer/commit.h"

#define REGION_BYTES (UINT64_C(512) << 20)

static int grow(void *arg, uint64_t size_bytes)
{
    (void)arg;
    return size_bytes > REGION_BYTES ? -1 : 0;
}

static const struct bench_estimate estimates[] = {
    {"publish_ns_at_100_routes", 2000},     {"publish_ns_at_100000_routes", 2000},
    {"publish_bytes_at_100_routes", 2000},  {"publish_bytes_at_100000_routes", 3100},
    {"lmdb_commit_ns_at_100_routes", 1500}, {"lmdb_commit_ns_at_1000000_routes", 1500},
};

struct state {
    struct nv_mirror mirror;
    struct nv_publisher pub;
    struct nv_commit commit;
    void *base;
    uint32_t routes;
    uint64_t clock_ns;
};

static void put_route(struct state *w, uint32_t i, uint32_t protocol, bool from_dump)
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
    uint32_t dst = 0x0b000000u + (i << 8);
    nv_store_be32(r.dst, dst);
    (void)nv_mirror_route_put(&w->mirror, &r, NV_LIST_REPLACE, from_dump, 0);
}

static void open_state(struct state *w, uint32_t routes)
{
    memset(w, 0, sizeof(*w));
    w->base = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct nv_header_args header = {.max_bytes = REGION_BYTES};
    struct nv_legacy legacy = {0};
    if (w->base == MAP_FAILED || nv_publisher_init(&w->pub, w->base, NULL, &header, &legacy) ||
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
    for (uint32_t i = 0; i < routes; i++)
        put_route(w, i, 4, true);
    (void)nv_commit(&w->commit, true, w->clock_ns);
}

static void close_state(struct state *w)
{
    nv_mirror_destroy(&w->mirror);
    nv_publisher_destroy(&w->pub);
    (void)munmap(w->base, REGION_BYTES);
}

/* Time and bytes of one change, as the median of the runs' means; the peer's time is NAN where there is none. */
static void measure(const struct bench_options *o, uint32_t routes, double *ret_ns,
                    double *ret_bytes, double *ret_lmdb_ns)
{
    static struct state w;
    double ns[64], bytes[64], lmdb_ns[64];
    const uint32_t changes = o->seconds > 0 ? 2000 : 20000;
    const unsigned runs = o->runs < 64 ? o->runs : 64;
    uint32_t seed = 12345;
    open_state(&w, routes);
    const char *why = publish_lmdb_open(routes);
    for (unsigned r = 0; r < runs; r++) {
        uint64_t bytes0 = w.pub.counter[NETVANE_RC_BYTES_COPIED],
                 published0 = w.pub.counter[NETVANE_RC_PUBLISHES];
        uint64_t start = bench_now_ns();
        for (uint32_t i = 0; i < changes; i++) {
            seed = seed * 1664525u + 1013904223u;
            put_route(&w, seed % routes, 4 + ((seed >> 16) & 0x7f) + i % 2, false);
            w.clock_ns += 1000000;
            (void)nv_commit(&w.commit, false, w.clock_ns);
        }
        uint64_t published = w.pub.counter[NETVANE_RC_PUBLISHES] - published0;
        ns[r] = (double)(bench_now_ns() - start) / (double)published;
        bytes[r] = (double)(w.pub.counter[NETVANE_RC_BYTES_COPIED] - bytes0) / (double)published;
        lmdb_ns[r] = why ? NAN : publish_lmdb_ns(changes);
    }
    if (why)
        bench_skip(o, "lmdb_commit_ns", why);
    else
        publish_lmdb_close();
    close_state(&w);
    *ret_lmdb_ns = why ? NAN : bench_median(lmdb_ns, runs);
    *ret_ns = bench_median(ns, runs);
    *ret_bytes = bench_median(bytes, runs);
}

int main(int argc, char **argv)
{
    struct bench_options o = bench_options(argc, argv);
    static const uint32_t sizes[] = {100, 10000, 100000, 1000000};
    double ns[4], bytes[4], lmdb_ns;
    bench_estimates(estimates, sizeof(estimates) / sizeof(estimates[0]));
    bench_pin(1);
    for (unsigned i = 0; i < 4; i++) {
        char key[64];
        if (o.seconds > 0 && sizes[i] > 100000)
            continue;
        measure(&o, sizes[i], &ns[i], &bytes[i], &lmdb_ns);
        (void)snprintf(key, sizeof(key), "publish_ns_at_%u_routes", (unsigned)sizes[i]);
        bench_figure(&o, key, ns[i]);
        (void)snprintf(key, sizeof(key), "publish_bytes_at_%u_routes", (unsigned)sizes[i]);
        bench_figure(&o, key, bytes[i]);
        if (isnan(lmdb_ns))
            continue;
        (void)snprintf(key, sizeof(key), "lmdb_commit_ns_at_%u_routes", (unsigned)sizes[i]);
        bench_figure(&o, key, lmdb_ns);
        (void)snprintf(key, sizeof(key), "publish_to_lmdb_commit_at_%u_routes", (unsigned)sizes[i]);
        bench_ratio(&o, key, ns[i] / lmdb_ns, NAN, NAN);
    }
    bench_ratio(&o, "publish_bytes_100000_to_100", bytes[2] / bytes[0], 2.0, NAN);
    bench_ratio(&o, "publish_ns_100000_to_100", ns[2] / ns[0], NAN, NAN);
    bench_end(&o, "publish");
    return 0;
}
