/* SPDX-License-Identifier: MIT */
/*
 * bench_memory.c - what READERS processes that know one routing table take in memory.
 *
 * Ours: one region, and in each reader what is private to it (pages, and page tables of the mapping) after it has walked all routes.
 * LMDB the same with one file of 64 bytes a route. libnl: a route cache in each process, loaded from a network namespace whose
 * table main holds the same routes; its loading time grows with the square of the routes, so that it is left out where that
 * takes minutes. Each process is measured as it grows from before it opens its source to when it has read everything.
 * Estimate beforehand, 1,000,000 routes: a region of 57 MiB; a reader 100 KiB of its own and 112 KiB of page tables; LMDB 84
 * MB; libnl 414 bytes a route in each process.
 */
#include <errno.h>
#include <math.h>
#include <net/if.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef NETVANE_HAVE_LIBNL
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/route/route.h>
#endif
#ifdef NETVANE_HAVE_LMDB
#include <lmdb.h>
#endif

#include "bench.h"
#include "fill.h"
#include "testbed.h"
#include "world.h"

#define READERS      8u
#define REGION_BYTES (UINT64_C(1) << 30)
#define LIBNL_MOST   100000u
#define MIB          1048576.0

static const struct bench_estimate estimates[] = {
    {"netvane_shared_mib_at_1000000_routes", 57},  {"netvane_private_kib_at_1000000_routes", 212},
    {"lmdb_shared_mib_at_1000000_routes", 80},     {"libnl_private_kib_at_10000_routes", 4000},
    {"libnl_private_kib_at_100000_routes", 40000},
};

struct shared {
    atomic_uint ready; /* phases that readers have reached */
    uint64_t private_bytes[READERS];
    uint32_t routes[READERS];
};

static struct shared *shared;
static char dir[48];

/* A process's private pages and its page tables. */
static uint64_t private_bytes(void)
{
    char line[256];
    unsigned long kib, sum = 0;
    FILE *f = fopen("/proc/self/smaps_rollup", "re");
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "Private_Clean: %lu", &kib) == 1 ||
            sscanf(line, "Private_Dirty: %lu", &kib) == 1)
            sum += kib;
    if (f)
        (void)fclose(f);
    f = fopen("/proc/self/status", "re");
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "VmPTE: %lu", &kib) == 1)
            sum += kib;
    if (f)
        (void)fclose(f);
    return (uint64_t)sum * 1024;
}

/* Files of the directory, as the host has memory for them. */
static uint64_t file_bytes(const char *name)
{
    char path[96];
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return stat(path, &st) ? 0 : (uint64_t)st.st_blocks * 512;
}

/* ---- readers: each reads every route once, and says how many there were ------------------------------------- */

typedef uint32_t reader_fn(void);

static uint32_t read_netvane(void)
{
    struct netvane *nv = world_reader(dir);
    struct netvane_snap snap;
    struct netvane_iter it;
    struct netvane_route route;
    uint32_t routes = 0;
    NETVANE_INIT(&route);
    if (netvane_snap_begin(nv, &snap) || netvane_route_iter(&snap, NULL, &it))
        return 0;
    while (netvane_route_next(&it, &route) == 1)
        routes++;
    return routes;
}

#ifdef NETVANE_HAVE_LMDB
static void check_lmdb(int r)
{
    if (r) {
        (void)fprintf(stderr, "bench_memory: lmdb: %s\n", mdb_strerror(r));
        exit(1);
    }
}

static MDB_env *open_lmdb(unsigned flags)
{
    MDB_env *env;
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/lmdb", dir);
    check_lmdb(mdb_env_create(&env));
    check_lmdb(mdb_env_set_mapsize(env, REGION_BYTES));
    check_lmdb(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOSYNC | flags, 0600));
    return env;
}

static void fill_lmdb(uint32_t routes)
{
    MDB_env *env = open_lmdb(0);
    struct prefixes generator;
    MDB_txn *txn;
    MDB_dbi dbi;
    prefixes_init(&generator, AF_INET);
    check_lmdb(mdb_txn_begin(env, NULL, 0, &txn));
    check_lmdb(mdb_dbi_open(txn, NULL, 0, &dbi));
    for (uint32_t i = 0; i < routes; i++) {
        struct prefix p;
        uint8_t key[16], value[64] = {0};
        (void)prefixes_next(&generator, &p);
        prefix_bytes(AF_INET, p.address, key);
        key[4] = p.len;
        value[0] = p.gateway;
        MDB_val k = {5, key}, v = {sizeof(value), value};
        check_lmdb(mdb_put(txn, dbi, &k, &v, MDB_APPEND));
    }
    check_lmdb(mdb_txn_commit(txn));
    mdb_env_close(env);
}

static uint32_t read_lmdb(void)
{
    MDB_env *env = open_lmdb(MDB_RDONLY);
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_cursor *cursor;
    MDB_val k, v;
    uint32_t routes = 0;
    uint64_t sum = 0;
    check_lmdb(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
    check_lmdb(mdb_dbi_open(txn, NULL, 0, &dbi));
    check_lmdb(mdb_cursor_open(txn, dbi, &cursor));
    for (; !mdb_cursor_get(cursor, &k, &v, MDB_NEXT); routes++)
        sum += *(const uint8_t *)v.mv_data;
    bench_keep(sum);
    return routes;
}
#endif

#ifdef NETVANE_HAVE_LIBNL
static uint32_t read_libnl(void)
{
    struct nl_sock *sock = nl_socket_alloc();
    struct nl_cache *cache = NULL;
    if (!sock || nl_connect(sock, NETLINK_ROUTE) ||
        rtnl_route_alloc_cache(sock, AF_INET, 0, &cache))
        return 0;
    uint32_t routes = 0;
    struct rtnl_route *r;
    for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
        r = (struct rtnl_route *)(void *)o;
        routes += rtnl_route_get_table(r) == 254 && rtnl_route_get_protocol(r) == FILL_PROTOCOL;
    }
    return routes;
}
#endif

/* ---- measures ---------------------------------------------------------------------------------------------------- */

/* A reader's: until all have come so far. */
static void await_all(unsigned phase)
{
    (void)atomic_fetch_add(&shared->ready, 1);
    for (unsigned i = 0; i < 600000 && atomic_load(&shared->ready) < phase * READERS; i++)
        bench_pause_ns(1000000);
}

/* What READERS processes have grown by, each; exits if one has not read so many routes. */
static double measure(reader_fn *fn, const char *what, uint32_t routes)
{
    pid_t pid[READERS];
    double grown[READERS];
    atomic_store(&shared->ready, 0);
    for (unsigned i = 0; i < READERS; i++) {
        pid[i] = fork();
        if (pid[i])
            continue;
        (void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* whether the heap gets 2 MiB is luck */
        (void)private_bytes();                       /* what it needs itself */
        const uint64_t before = private_bytes();
        shared->routes[i] = fn();
        await_all(1); /* a page of a file is private to a process that is the only one to have it */
        shared->private_bytes[i] = private_bytes() - before;
        await_all(2);
        _exit(0);
    }
    for (unsigned i = 0; i < READERS; i++) {
        (void)waitpid(pid[i], NULL, 0);
        grown[i] = (double)shared->private_bytes[i];
        if (shared->routes[i] < routes) {
            (void)fprintf(stderr, "bench_memory: a reader of %s saw %u routes of %u\n", what,
                          (unsigned)shared->routes[i], (unsigned)routes);
            exit(1);
        }
    }
    return bench_median(grown, READERS);
}

/* Shared bytes once, private ones of each; the sum is for READERS processes. ours: what the same takes with us, NAN: it is. */
static double report(const struct bench_options *o, const char *what, uint32_t routes,
                     double shared_bytes, double each, double ours)
{
    const double sum = shared_bytes + READERS * each;
    char key[96];
    (void)snprintf(key, sizeof(key), "%s_shared_mib_at_%u_routes", what, (unsigned)routes);
    bench_figure(o, key, shared_bytes / MIB);
    (void)snprintf(key, sizeof(key), "%s_private_kib_at_%u_routes", what, (unsigned)routes);
    bench_figure(o, key, each / 1024);
    (void)snprintf(key, sizeof(key), "%s_%u_readers_mib_at_%u_routes", what, READERS,
                   (unsigned)routes);
    bench_figure(o, key, sum / MIB);
    if (!isnan(ours)) {
        (void)snprintf(key, sizeof(key), "%s_to_netvane_at_%u_routes", what, (unsigned)routes);
        bench_ratio(o, key, sum / ours, NAN, NAN);
    }
    return sum;
}

static double measure_netvane(const struct bench_options *o, uint32_t routes)
{
    static struct world world;
    world_open(&world, dir, REGION_BYTES);
    world_fill(&world, AF_INET, routes);
    world_commit(&world);
    world_show(&world);
    const double each = measure(read_netvane, "netvane", routes);
    const double sum = report(o, "netvane", routes, (double)file_bytes(WORLD_NAME), each, NAN);
    world_close(&world);
    return sum;
}

static void measure_lmdb(const struct bench_options *o, uint32_t routes, double ours)
{
#ifdef NETVANE_HAVE_LMDB
    fill_lmdb(routes);
    const double each = measure(read_lmdb, "LMDB", routes);
    (void)report(o, "lmdb", routes, (double)(file_bytes("lmdb") + file_bytes("lmdb-lock")), each,
                 ours);
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/lmdb", dir);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/lmdb-lock", dir);
    (void)unlink(path);
#else
    (void)routes, (void)ours;
    bench_skip(o, "lmdb", "liblmdb-dev was not found when this was built");
#endif
}

static void measure_libnl(const struct bench_options *o, uint32_t routes, double ours)
{
    char what[48];
    (void)snprintf(what, sizeof(what), "libnl_at_%u_routes", (unsigned)routes);
#ifdef NETVANE_HAVE_LIBNL
    struct fill fill;
    if (routes > LIBNL_MOST && !o->all) {
        bench_skip(o, what, "takes minutes; --all asks for it");
        return;
    }
    const char *why = testbed_enter();
    if (why) {
        bench_skip(o, what, why);
        return;
    }
    fill_init(&fill, AF_INET, if_nametoindex("v0"));
    if (fill_until(&fill, routes)) {
        bench_skip(o, what, "the kernel takes not so many routes");
        return;
    }
    (void)report(o, "libnl", routes, 0, measure(read_libnl, "libnl", routes), ours);
#else
    (void)ours;
    bench_skip(o, what, "libnl-route-3-dev was not found when this was built");
#endif
}

int main(int argc, char **argv)
{
    struct bench_options o = bench_options(argc, argv);
    static const uint32_t sizes[] = {100, 10000, 100000, 1000000};
    const uint32_t most = o.count ? o.count : o.seconds > 0 ? 10000 : 1000000;
    bench_estimates(estimates, sizeof(estimates) / sizeof(estimates[0]));
    shared = bench_shared(sizeof(*shared));
    world_dir_make(dir);
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (sizes[i] > most)
            continue;
        double ours = measure_netvane(&o, sizes[i]);
        measure_lmdb(&o, sizes[i], ours);
        measure_libnl(&o, sizes[i], ours);
    }
    world_dir_remove(dir);
    bench_end(&o, "memory");
    return 0;
}
