/* SPDX-License-Identifier: MIT */
/*
 * bench_pages.c - reads of a large State on pages of 4 KiB, and on pages of 2 MiB.
 *
 * In a mount namespace of the bench's own, with a tmpfs of each kind (huge=never, huge=always, and huge=advise, where the writer
 * asks by madvise), so that nothing of the host has to be set. The same routes are written into a region on each; a reader asks
 * for random ones by their prefix, and for all of them in order; a fresh reader's first walk shows what its page faults cost.
 * How much of the region the reader has mapped by large pages is told beside it: where that is nothing, it must be as with
 * small ones. The kinds take turns.
 * Estimate beforehand: a random read of 1,000,000 routes walks four nodes that are not cached and as many pages: 20 % to 40 %
 * less time with large pages; a first walk has up to 512 times fewer faults.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "world.h"

#define REGION_BYTES (UINT64_C(512) << 20)
#define MIB          1048576.0

static const struct bench_estimate estimates[] = {
    {"large_to_small_random_route_ns", 0.7},
};

enum { SMALL, LARGE, ADVISED, KINDS };
static const struct kind {
    const char *name, *mount_options;
} kinds[KINDS] = {{"small", "size=1g,mode=0755,huge=never"},
                  {"large", "size=1g,mode=0755,huge=always"},
                  {"advised", "size=1g,mode=0755,huge=advise"}};

static char dir[KINDS][48];
static struct world world[KINDS];
static struct prefix *prefixes;
static uint32_t routes;
static uint32_t seed = 20261126;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * below >> 32);
}

/* ---- what is measured ------------------------------------------------------------------------------------------- */

static double random_ns(struct netvane *nv, uint32_t reads)
{
    struct netvane_snap snap;
    struct netvane_iter it;
    struct netvane_route route;
    struct netvane_route_filter filter;
    NETVANE_INIT(&route);
    NETVANE_INIT(&filter);
    filter.table = 254;
    filter.family = 4;
    filter.exact = 1;
    if (netvane_snap_begin(nv, &snap))
        exit(1);
    const uint64_t start = bench_now_ns();
    for (uint32_t i = 0; i < reads; i++) {
        const struct prefix *p = &prefixes[draw(routes)];
        prefix_bytes(AF_INET, p->address, filter.dst);
        filter.dst_len = p->len;
        if (netvane_route_iter(&snap, &filter, &it) || netvane_route_next(&it, &route) != 1) {
            (void)fprintf(stderr, "bench_pages: a route is not there\n");
            exit(1);
        }
    }
    return (double)(bench_now_ns() - start) / reads;
}

static double walk_ns(struct netvane *nv)
{
    struct netvane_snap snap;
    struct netvane_iter it;
    struct netvane_route route;
    uint32_t seen = 0;
    NETVANE_INIT(&route);
    const uint64_t start = bench_now_ns();
    if (netvane_snap_begin(nv, &snap) || netvane_route_iter(&snap, NULL, &it))
        exit(1);
    while (netvane_route_next(&it, &route) == 1)
        seen++;
    return (double)(bench_now_ns() - start) / seen;
}

/* Of this process's shared memory, what is mapped by large pages. */
static double large_mib(void)
{
    char line[256];
    unsigned long kib, sum = 0;
    FILE *f = fopen("/proc/self/smaps_rollup", "re");
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "ShmemPmdMapped: %lu", &kib) == 1)
            sum += kib;
    if (f)
        (void)fclose(f);
    return (double)sum * 1024 / MIB;
}

struct result {
    double random_ns, walk_ns, first_walk_ns, large_mib;
};

/* In a process of its own, which has touched nothing of the region before. */
static void run(int kind, uint32_t reads, struct result *shared)
{
    int status = 1;
    pid_t pid = fork();
    if (!pid) {
        bench_pin(1);
        struct netvane *nv = world_reader(dir[kind]);
        shared->first_walk_ns = walk_ns(nv);
        shared->walk_ns = walk_ns(nv);
        (void)random_ns(nv, reads / 4);
        shared->random_ns = random_ns(nv, reads);
        shared->large_mib = large_mib();
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
        (void)fprintf(stderr, "bench_pages: a reader failed\n");
        exit(1);
    }
}

/* ---- set-up, and all --------------------------------------------------------------------------------------------- */

static void fill(int kind)
{
    world_open(&world[kind], dir[kind], REGION_BYTES);
    for (uint32_t i = 0; i < routes; i++)
        world_route(&world[kind], AF_INET, &prefixes[i], 4);
    world_commit(&world[kind]);
    world_show(&world[kind]);
}

/* NULL, or why there are no pages of that kind. */
static const char *prepare(int kind)
{
    world_dir_make(dir[kind]);
    if (!mount("none", dir[kind], "tmpfs", MS_NOSUID | MS_NODEV, kinds[kind].mount_options))
        return NULL;
    return errno == EINVAL ? "this kernel has no large pages for tmpfs" : "may not mount a tmpfs";
}

static void report(const struct bench_options *o, const char *what,
                   double values[KINDS][BENCH_RUNS_MAX], bool compared)
{
    char key[96];
    double median[KINDS];
    for (int kind = 0; kind < KINDS; kind++) {
        median[kind] = bench_median(values[kind], o->runs);
        (void)snprintf(key, sizeof(key), "%s_pages_%s", kinds[kind].name, what);
        bench_figure(o, key, median[kind]);
    }
    for (int kind = LARGE; kind < KINDS && compared; kind++) {
        (void)snprintf(key, sizeof(key), "%s_to_small_%s", kinds[kind].name, what);
        bench_ratio(o, key, median[kind] / median[SMALL], NAN, NAN);
    }
}

static void measure(const struct bench_options *o)
{
    static double random[KINDS][BENCH_RUNS_MAX], walk[KINDS][BENCH_RUNS_MAX],
        first[KINDS][BENCH_RUNS_MAX], large[KINDS][BENCH_RUNS_MAX];
    struct result *result = bench_shared(sizeof(*result));
    for (unsigned r = 0; r < o->runs; r++) {
        for (int kind = 0; kind < KINDS; kind++) {
            run(kind, o->seconds > 0 ? 20000 : 1000000, result);
            random[kind][r] = result->random_ns;
            walk[kind][r] = result->walk_ns;
            first[kind][r] = result->first_walk_ns;
            large[kind][r] = result->large_mib;
        }
    }
    bench_figure(o, "routes", routes);
    report(o, "mapped_mib", large, false);
    report(o, "random_route_ns", random, true);
    report(o, "walk_route_ns", walk, true);
    report(o, "first_walk_route_ns", first, true);
}

int main(int argc, char **argv)
{
    struct bench_options o = bench_options(argc, argv);
    const char *why = bench_mountns() ? "may not make a mount namespace" : NULL;
    bench_estimates(estimates, sizeof(estimates) / sizeof(estimates[0]));
    routes = o.count ? o.count : o.seconds > 0 ? 20000 : 1000000;
    for (int kind = 0; kind < KINDS && !why; kind++)
        why = prepare(kind);
    if (!why) {
        prefixes = prefixes_list(AF_INET, routes);
        for (int kind = 0; kind < KINDS; kind++)
            fill(kind);
        measure(&o);
        for (int kind = 0; kind < KINDS; kind++)
            world_close(&world[kind]);
        free(prefixes);
    }
    for (int kind = 0; kind < KINDS; kind++) {
        (void)umount(dir[kind]);
        if (*dir[kind])
            world_dir_remove(dir[kind]);
    }
    if (why) {
        bench_skip(&o, "bench_pages", why);
        return 77;
    }
    bench_end(&o, "pages");
    return 0;
}
