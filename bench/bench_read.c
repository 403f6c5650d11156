/* SPDX-License-Identifier: MIT */
/*
 * bench_read.c - what a read costs, beside what its peers cost in the same run.
 *
 * One process publishes with the writer's own code, pinned to core 1; this one reads through the shared library,
 * pinned to core 0. First the writer sleeps (quiet), then it publishes flat out (busy), and with each version it also
 * stores to the peers' words, so that all readers meet the same cache misses. The runs of all measures alternate.
 *
 * Estimate beforehand, quiet: a load 0.3 ns; the poll twice that (two loads, one after the other); a seqlock copy of 64 bytes
 * 1.1 ns; the default route 2.5 ns (a call, 3 loads, 8 loads and 8 stores); LMDB 45 ns. Busy: each adds one or two
 * misses per version, about 100 ns each.
 */
#include <dlfcn.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef NETVANE_HAVE_LMDB
#include <lmdb.h>
#endif

#include "bench.h"
#include "netvane/netvane.h"
#include "writer/commit.h"

#define REGION_BYTES (UINT64_C(256) << 20)
#define ROUTES       1000u
#define BATCH        4096u

/* ---- what both processes see ------------------------------------------------------------------------- */

/* What is copied: four vectors of 16 bytes, as our own reader takes it. */
struct line {
    __attribute__((vector_size(16))) uint64_t q[4];
};

struct seqlock {
    _Alignas(64) _Atomic uint64_t sequence;
    _Alignas(64) _Atomic uint64_t data[8];
};

struct shared {
    _Alignas(64) _Atomic uint64_t word; /* the bare acquire load's */
    struct seqlock lock;
    _Alignas(64) atomic_int ready;
    _Alignas(64) atomic_int busy;
    _Alignas(64) _Atomic uint64_t published;
};

static struct shared *shared;            /* the writer's */
static const struct shared *shared_view; /* the same, mapped read-only */
static char dir[] = "/dev/shm/netvane-bench-XXXXXX";

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void map_shared(void)
{
    char path[64];
    if (!mkdtemp(dir))
        fail(dir);
    (void)snprintf(path, sizeof(path), "%s/peers", dir);
    FILE *f = fopen(path, "w+e");
    if (!f || ftruncate(fileno(f), (off_t)sizeof(struct shared)))
        fail(path);
    void *rw = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0);
    void *ro = mmap(NULL, sizeof(struct shared), PROT_READ, MAP_SHARED, fileno(f), 0);
    if (rw == MAP_FAILED || ro == MAP_FAILED)
        fail("mmap");
    (void)fclose(f);
    (void)unlink(path);
    shared = rw;
    shared_view = ro;
}

/* ---- the writer ------------------------------------------------------------------------------------------ */

static struct {
    struct nv_shm *shm;
    struct nv_mirror mirror;
    struct nv_publisher pub;
    struct nv_commit commit;
} w;

static int grow(void *arg, uint64_t size_bytes)
{
    (void)arg;
    return nv_shm_grow(w.shm, size_bytes);
}

static void put_route(uint32_t dst, uint8_t len, uint32_t protocol)
{
    struct nv_hop hop = {.ifindex = 2, .weight = 1, .gw_family = NV_AF_4, .gateway = {10, 0, 0, 1}};
    struct nv_route r = {.family = NV_AF_4,
                         .dst_len = len,
                         .type = 1,
                         .protocol = (uint8_t)protocol,
                         .table = 254,
                         .hop_count = 1,
                         .hops = &hop};
    nv_store_be32(r.dst, dst);
    (void)nv_mirror_route_put(&w.mirror, &r, NV_LIST_REPLACE, false, 0);
}

static void open_region(void)
{
    struct nv_shm_args args = {.dir = dir, .name = "bench", .max_bytes = REGION_BYTES};
    struct nv_header_args header = {.max_bytes = REGION_BYTES};
    struct nv_legacy legacy = {0};
    struct nv_link link = {
        .has = NV_LINK_COMPLETE | NV_LINK_HAS_NAME, .ifindex = 2, .flags = 0x11043, .name = "eth0"};
    if (nv_shm_create(&args, &w.shm) || nv_shm_grow(w.shm, NETVANE_ARENA_OFFSET) ||
        nv_publisher_init(&w.pub, nv_shm_base(w.shm), w.shm, &header, &legacy) ||
        nv_mirror_init(&w.mirror, nv_shm_base(w.shm), REGION_BYTES, grow, NULL, 1))
        fail("bench_read: the region");
    nv_commit_init(&w.commit, &w.mirror, &w.pub);
    (void)nv_mirror_link_put(&w.mirror, &link);
    put_route(0, 0, 4);
    for (uint32_t i = 0; i < ROUTES; i++)
        put_route(0x0b000000u + (i << 8), 24, 4);
    (void)nv_commit(&w.commit, true, nv_clock_boottime_ns());
    if (nv_shm_show(w.shm))
        fail("bench_read: showing the region");
}

/* The peers get one store for each version too. */
static void touch_peers(uint64_t n)
{
    atomic_store_explicit(&shared->word, n, memory_order_release);
    uint64_t s = atomic_load_explicit(&shared->lock.sequence, memory_order_relaxed);
    atomic_store_explicit(&shared->lock.sequence, s + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (unsigned i = 0; i < 8; i++)
        atomic_store_explicit(&shared->lock.data[i], n, memory_order_relaxed);
    atomic_store_explicit(&shared->lock.sequence, s + 2, memory_order_release);
}

static _Noreturn void write_on(void)
{
    uint32_t seed = 12345;
    bench_pin(1);
    open_region();
    atomic_store(&shared->ready, 1);
    for (uint64_t n = 1;; n++) {
        while (!atomic_load_explicit(&shared->busy, memory_order_relaxed))
            (void)nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
        seed = seed * 1664525u + 1013904223u;
        put_route(0x0b000000u + (seed % ROUTES << 8), 24, 4 + (uint32_t)(n % 200));
        (void)nv_commit(&w.commit, true, nv_clock_boottime_ns());
        touch_peers(n);
        atomic_store_explicit(&shared->published, n, memory_order_relaxed);
    }
}

/* ---- the library, as any program gets it -------------------------------------------------------------------- */

static int (*lib_open)(const struct netvane_open_args *, struct netvane **);
static void (*lib_close)(struct netvane *);
static int (*lib_default_get)(struct netvane *, uint8_t, struct netvane_default *);
static int (*lib_snap_begin)(struct netvane *, struct netvane_snap *);
static int (*lib_addr_find)(const struct netvane_snap *, uint8_t, const uint8_t *,
                            struct netvane_addr *);
static int (*lib_link_get)(const struct netvane_snap *, uint32_t, struct netvane_link *);
static struct netvane *nv;

static void symbol(void *lib, const char *name, void *ret_function)
{
    void *p = dlsym(lib, name);
    if (!p) {
        (void)fprintf(stderr, "bench_read: %s\n", dlerror());
        exit(1);
    }
    memcpy(ret_function, &p, sizeof(p));
}

/* libnetvane.so of this build: bench/ and lib/ lie side by side. */
static bool load_library(void)
{
    char path[4200];
    ssize_t n = readlink("/proc/self/exe", path, 4096);
    char *slash = n > 0 ? (path[n] = '\0', strrchr(path, '/')) : NULL;
    if (!slash)
        return false;
    (void)snprintf(slash, sizeof(path) - (size_t)(slash - path), "/../lib/libnetvane.so.0");
    void *lib = dlopen(path, RTLD_NOW);
    if (!lib)
        return false;
    symbol(lib, "netvane_open", &lib_open);
    symbol(lib, "netvane_close", &lib_close);
    symbol(lib, "netvane_default_get", &lib_default_get);
    symbol(lib, "netvane_snap_begin", &lib_snap_begin);
    symbol(lib, "netvane_addr_find", &lib_addr_find);
    symbol(lib, "netvane_link_get", &lib_link_get);
    return true;
}

/* ---- measures: each does BATCH reads -------------------------------------------------------------------------- */

static void read_word(void)
{
    const _Atomic uint64_t *const word = &shared_view->word;
    for (unsigned i = 0; i < BATCH; i++)
        bench_keep(atomic_load_explicit(word, memory_order_acquire));
}

/* As a program does it: where there is a new version, begin a snapshot of it. */
static void poll_changed(void)
{
    static uint64_t known;
    const struct netvane *const handle = nv;
    uint64_t version = known;
    for (unsigned i = 0; i < BATCH; i++) {
        if (__builtin_expect(netvane_changed(handle, version), 0)) {
            struct netvane_snap snap;
            if (lib_snap_begin(nv, &snap))
                fail("bench_read: no snapshot");
            version = snap.version;
        }
        bench_keep(version);
    }
    known = version;
}

/*
 * As seqlocks are written in practice: a plain copy of the struct between the two looks at the sequence, which the
 * compiler makes of the widest moves it has. By the letter of C11 that is a race; atomic words would make the peer slower.
 */
static inline void seqlock_read(const struct seqlock *l, struct line *restrict to)
{
    for (;;) {
        const uint64_t s = atomic_load_explicit(&l->sequence, memory_order_acquire);
        struct line copy = *(const struct line *)(const void *)l->data;
        atomic_thread_fence(memory_order_acquire);
        if (!(s & 1) && atomic_load_explicit(&l->sequence, memory_order_relaxed) == s) {
            *to = copy;
            return;
        }
    }
}

static void copy_seqlock(void)
{
    const struct seqlock *const l = &shared_view->lock;
    struct line copy;
    for (unsigned n = 0; n < BATCH; n++) {
        seqlock_read(l, &copy);
        bench_keep((uint64_t)(uintptr_t)&copy);
    }
}

static void get_default(void)
{
    int (*const get)(struct netvane *, uint8_t, struct netvane_default *) = lib_default_get;
    struct netvane *const handle = nv;
    struct netvane_default d;
    NETVANE_INIT(&d);
    for (unsigned i = 0; i < BATCH; i++) {
        if (get(handle, 4, &d))
            fail("bench_read: no default route");
        bench_keep((uint64_t)(uintptr_t)&d);
    }
    if (d.ifindex != 2)
        fail("bench_read: another default route");
}

static void begin_and_get_link(void)
{
    struct netvane_snap snap;
    struct netvane_link l;
    NETVANE_INIT(&l);
    for (unsigned i = 0; i < BATCH / 16; i++) {
        int r;
        do
            r = lib_snap_begin(nv, &snap);
        while (r || (r = lib_link_get(&snap, 2, &l)) == NETVANE_EXPIRED);
        if (r)
            fail("bench_read: no link");
        bench_keep((uint64_t)(uintptr_t)&l);
    }
}

#ifdef NETVANE_HAVE_LMDB
static MDB_env *env;
static MDB_txn *txn;
static MDB_dbi dbi;

static void check_lmdb(int r)
{
    if (r) {
        (void)fprintf(stderr, "bench_read: lmdb: %s\n", mdb_strerror(r));
        exit(1);
    }
}

static void open_lmdb(void)
{
    char path[64], value[64] = "default";
    MDB_txn *write;
    MDB_val k = {1, "d"}, v = {sizeof(value), value};
    (void)snprintf(path, sizeof(path), "%s/lmdb", dir);
    check_lmdb(mdb_env_create(&env));
    check_lmdb(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOSYNC, 0600));
    check_lmdb(mdb_txn_begin(env, NULL, 0, &write));
    check_lmdb(mdb_dbi_open(write, NULL, 0, &dbi));
    check_lmdb(mdb_put(write, dbi, &k, &v, 0));
    check_lmdb(mdb_txn_commit(write));
    check_lmdb(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
    mdb_txn_reset(txn);
}

static void close_lmdb(void)
{
    char path[64];
    mdb_txn_abort(txn);
    mdb_env_close(env);
    (void)snprintf(path, sizeof(path), "%s/lmdb", dir);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/lmdb-lock", dir);
    (void)unlink(path);
}

static void get_lmdb(void)
{
    MDB_val k = {1, "d"}, v;
    char copy[64];
    for (unsigned i = 0; i < BATCH; i++) {
        check_lmdb(mdb_txn_renew(txn));
        check_lmdb(mdb_get(txn, dbi, &k, &v));
        memcpy(copy, v.mv_data, sizeof(copy));
        mdb_txn_reset(txn);
        bench_keep((uint64_t)(uintptr_t)copy);
    }
}
#endif

/* ---- all ------------------------------------------------------------------------------------------------------- */

static const struct measure {
    const char *name;
    void (*batch)(void);
    unsigned reads; /* per batch */
} measures[] = {
    {"acquire_load_ns", read_word, BATCH},
    {"poll_ns", poll_changed, BATCH},
    {"seqlock_copy_64_ns", copy_seqlock, BATCH},
    {"default_get_ns", get_default, BATCH},
    {"begin_and_link_get_ns", begin_and_get_link, BATCH / 16},
#ifdef NETVANE_HAVE_LMDB
    {"lmdb_renew_get_reset_ns", get_lmdb, BATCH},
#endif
};
enum {
    LOAD,
    POLL,
    SEQLOCK,
    DEFAULT,
    LINK,
    LMDB,
    MEASURES = sizeof(measures) / sizeof(measures[0])
};

/* Nanoseconds of one read, over at least slice_ns. */
static double run(const struct measure *m, uint64_t slice_ns)
{
    uint64_t start = bench_now_ns(), now = start, batches = 0;
    do {
        m->batch();
        batches++;
        now = bench_now_ns();
    } while (now - start < slice_ns);
    return (double)(now - start) / (double)(batches * m->reads);
}

static void measure_all(const struct bench_options *o, const char *mode, uint64_t slice_ns,
                        double median[MEASURES])
{
    static double values[MEASURES][64];
    const unsigned runs = o->runs < 64 ? o->runs : 64;
    char key[96];
    for (unsigned i = 0; i < MEASURES; i++)
        measures[i].batch(); /* warm */
    for (unsigned r = 0; r < runs; r++)
        for (unsigned i = 0; i < MEASURES; i++)
            values[i][r] = run(&measures[i], slice_ns);
    for (unsigned i = 0; i < MEASURES; i++) {
        median[i] = bench_median(values[i], runs);
        (void)snprintf(key, sizeof(key), "%s_%s", mode, measures[i].name);
        bench_figure(o, key, median[i]);
    }
}

static void ratios(const struct bench_options *o, const char *mode, const double median[MEASURES],
                   bool held)
{
    char key[96];
    (void)snprintf(key, sizeof(key), "%s_poll_to_acquire_load", mode);
    bench_ratio(o, key, median[POLL] / median[LOAD], held ? 2.0 : NAN, NAN);
    (void)snprintf(key, sizeof(key), "%s_default_to_seqlock_copy", mode);
    bench_ratio(o, key, median[DEFAULT] / median[SEQLOCK], held ? 2.5 : NAN, NAN);
#ifdef NETVANE_HAVE_LMDB
    (void)snprintf(key, sizeof(key), "%s_lmdb_to_default", mode);
    bench_ratio(o, key, median[LMDB] / median[DEFAULT], NAN, held ? 12.0 : NAN);
#endif
}

int main(int argc, char **argv)
{
    struct bench_options o = bench_options(argc, argv);
    const double seconds = o.seconds > 0 ? o.seconds : 6;
    const uint64_t slice_ns = (uint64_t)(seconds * 0.8e9 / (2.0 * o.runs * MEASURES));
    struct netvane_open_args args = {.size = sizeof(args), .dir = dir, .name = "bench"};
    double median[MEASURES];
    if (!load_library()) {
        (void)printf("SKIP: %s\n", dlerror());
        return 77;
    }
    map_shared();
    pid_t writer = fork();
    if (writer < 0)
        fail("fork");
    if (!writer)
        write_on();
    bench_pin(0);
    for (unsigned i = 0; i < 5000 && !atomic_load(&shared->ready); i++)
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    int r = lib_open(&args, &nv);
    if (!r) {
#ifdef NETVANE_HAVE_LMDB
        open_lmdb();
#else
        bench_skip(&o, "lmdb_renew_get_reset_ns", "liblmdb was not found when this was built");
#endif
        measure_all(&o, "quiet", slice_ns, median);
        ratios(&o, "quiet", median, true);
        uint64_t from = atomic_load(&shared->published), start = bench_now_ns();
        atomic_store(&shared->busy, 1);
        measure_all(&o, "busy", slice_ns, median);
        double s = (double)(bench_now_ns() - start) / 1e9;
        bench_figure(&o, "busy_versions_per_s",
                     (double)(atomic_load(&shared->published) - from) / s);
        ratios(&o, "busy", median, false);
#ifdef NETVANE_HAVE_LMDB
        close_lmdb();
#endif
        lib_close(nv);
    } else {
        (void)fprintf(stderr, "bench_read: netvane_open: %d\n", r);
    }
    (void)kill(writer, SIGKILL);
    (void)waitpid(writer, NULL, 0);
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/bench", dir);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/.bench.lock", dir);
    (void)unlink(path);
    if (rmdir(dir))
        perror(dir);
    bench_end(&o, "read");
    return r ? 1 : 0;
}
