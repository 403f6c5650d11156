/* SPDX-License-Identifier: MIT */
/*
 * bench_scale.c - readers against throughput: 1 to 512 processes that read one region.
 *
 * Each process reads the default route as often as it can, for the same time; quiet, and while a writer publishes 1,000 versions
 * a second. Beside them as many processes that read 64 bytes under a process-shared rwlock, which each reader writes. Then threads
 * that share one handle of ours. Nothing is pinned: readers are to be where the scheduler puts them. Of each reader
 * sixteen reads at a time are timed too, for quantiles; the clock's own time is taken off.
 * Estimate beforehand: 2.5 ns a read, 400 million a second and core however many processes there are; the lock's cache line is
 * passed around, so that two cores do less than one.
 */
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "world.h"

#define READERS_MAX  512u
#define BATCH        4096u
#define TIMED        16u  /* reads that are timed at once */
#define TIMED_MAX    256u /* such times of each reader */
#define RUNS_AT_MOST 3u
#define ROUTES       1000u
#define VERSION_NS   1000000u
#define REGION_BYTES (UINT64_C(256) << 20)

static const struct bench_estimate estimates[] = {
    {"quiet_reads_per_s_at_1_readers", 4e8},   {"quiet_reads_per_s_at_2_readers", 8e8},
    {"quiet_reads_per_s_at_512_readers", 8e8}, {"rwlock_quiet_reads_per_s_at_1_readers", 1.3e8},
    {"quiet_one_read_ns_at_1_readers_p50", 3},
};

struct reader {
    _Alignas(64) uint64_t reads;
    uint32_t timed;
    double one_ns[TIMED_MAX];
};

struct shared {
    _Alignas(64) atomic_uint ready;
    _Alignas(64) atomic_int go; /* 0: wait, 1: read, 2: end */
    _Alignas(64) pthread_rwlock_t lock;
    struct netvane_default locked;
    struct reader reader[READERS_MAX];
};

static struct shared *shared;
static char dir[48];
static double clock_ns; /* what taking the time takes */

/* ---- readers ------------------------------------------------------------------------------------------------- */

typedef void read_fn(struct netvane *nv, struct netvane_default *d);

static inline void read_ours(struct netvane *nv, struct netvane_default *d)
{
    if (netvane_default_get(nv, 4, d))
        _exit(1);
    bench_keep((uint64_t)(uintptr_t)d);
}

static inline void read_locked(struct netvane *nv, struct netvane_default *d)
{
    (void)nv;
    (void)pthread_rwlock_rdlock(&shared->lock);
    *d = shared->locked;
    (void)pthread_rwlock_unlock(&shared->lock);
    bench_keep((uint64_t)(uintptr_t)d);
}

static inline __attribute__((always_inline)) void read_until_end(read_fn *fn, struct netvane *nv,
                                                                 struct reader *r)
{
    struct netvane_default d;
    NETVANE_INIT(&d);
    (void)atomic_fetch_add(&shared->ready, 1);
    while (!atomic_load(&shared->go))
        (void)syscall(SYS_futex, &shared->go, FUTEX_WAIT, 0, NULL, NULL, 0);
    r->reads = 0;
    r->timed = 0;
    while (atomic_load_explicit(&shared->go, memory_order_relaxed) == 1) {
        for (unsigned i = 0; i < BATCH; i++)
            fn(nv, &d);
        r->reads += BATCH;
        const uint64_t before = bench_now_ns();
        for (unsigned i = 0; i < TIMED; i++)
            fn(nv, &d);
        const double ns = ((double)(bench_now_ns() - before) - clock_ns) / TIMED;
        r->one_ns[r->timed++ % TIMED_MAX] = ns > 0 ? ns : 0;
    }
}

static void ours(struct netvane *nv, struct reader *r)
{
    read_until_end(read_ours, nv, r);
}

static void locked(struct netvane *nv, struct reader *r)
{
    read_until_end(read_locked, nv, r);
}

typedef void loop_fn(struct netvane *nv, struct reader *r);

/* ---- a measure: so many readers for so long ------------------------------------------------------------------- */

/* How long it really was. */
static uint64_t run_for(uint64_t slice_ns, unsigned readers)
{
    while (atomic_load(&shared->ready) < readers)
        bench_pause_ns(200000);
    const uint64_t start = bench_now_ns();
    atomic_store(&shared->go, 1);
    (void)syscall(SYS_futex, &shared->go, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    bench_pause_ns(slice_ns);
    atomic_store(&shared->go, 2);
    return bench_now_ns() - start;
}

static void begin(void)
{
    atomic_store(&shared->ready, 0);
    atomic_store(&shared->go, 0);
}

static uint64_t run_processes(loop_fn *loop, unsigned readers, uint64_t slice_ns)
{
    static pid_t pid[READERS_MAX];
    begin();
    for (unsigned i = 0; i < readers; i++) {
        pid[i] = fork();
        if (!pid[i]) {
            loop(world_reader(dir), &shared->reader[i]);
            _exit(0);
        }
        if (pid[i] < 0) {
            perror("fork");
            exit(1);
        }
    }
    const uint64_t ns = run_for(slice_ns, readers);
    for (unsigned i = 0; i < readers; i++)
        (void)waitpid(pid[i], NULL, 0);
    return ns;
}

static struct netvane *one_handle;

static void *thread(void *reader)
{
    ours(one_handle, reader);
    return NULL;
}

static uint64_t run_threads(loop_fn *loop, unsigned readers, uint64_t slice_ns)
{
    static pthread_t id[READERS_MAX];
    (void)loop;
    begin();
    for (unsigned i = 0; i < readers; i++) {
        if (pthread_create(&id[i], NULL, thread, &shared->reader[i])) {
            perror("pthread_create");
            exit(1);
        }
    }
    const uint64_t ns = run_for(slice_ns, readers);
    for (unsigned i = 0; i < readers; i++)
        (void)pthread_join(id[i], NULL);
    return ns;
}

struct result {
    double per_s[RUNS_AT_MOST];
    double one_ns[RUNS_AT_MOST * READERS_MAX * TIMED_MAX];
    size_t timed;
};

static void gather(struct result *result, unsigned run, unsigned readers, uint64_t ns)
{
    double per_s = 0;
    for (unsigned i = 0; i < readers; i++) {
        const struct reader *r = &shared->reader[i];
        per_s += (double)r->reads * 1e9 / (double)ns;
        for (uint32_t t = 0; t < r->timed && t < TIMED_MAX; t++)
            result->one_ns[result->timed++] = r->one_ns[t];
    }
    result->per_s[run] = per_s;
}

/* ---- the writer ------------------------------------------------------------------------------------------------ */

static struct world world;

static _Noreturn void publish_on(void)
{
    for (uint64_t next = bench_now_ns(), n = 0;; n++) {
        const struct prefix p = {.address = UINT64_C(0x0b) << 56, .len = 24};
        world_route(&world, AF_INET, &p, (uint8_t)(4 + n % 200));
        world_commit(&world);
        (void)pthread_rwlock_wrlock(&shared->lock);
        shared->locked.metric++;
        (void)pthread_rwlock_unlock(&shared->lock);
        next += VERSION_NS;
        const uint64_t now = bench_now_ns();
        if (now < next)
            bench_pause_ns(next - now);
    }
}

/* A process of its own makes the region, and keeps it or goes on publishing, until it is ended. */
static pid_t start_writer(bool busy)
{
    begin();
    pid_t pid = fork();
    if (!pid) {
        world_open(&world, dir, REGION_BYTES);
        world_fill(&world, AF_INET, ROUTES);
        world_commit(&world);
        world_show(&world);
        (void)atomic_fetch_add(&shared->ready, 1);
        if (busy)
            publish_on();
        for (;;)
            (void)pause();
    }
    while (pid > 0 && !atomic_load(&shared->ready))
        bench_pause_ns(1000000);
    return pid;
}

static void end_writer(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

/* ---- all ------------------------------------------------------------------------------------------------------- */

static void measure(const struct bench_options *o, const char *what, const char *unit,
                    uint64_t (*run)(loop_fn *, unsigned, uint64_t), loop_fn *loop, unsigned readers)
{
    static struct result result;
    char key[96];
    /* Each of many readers is to run, though they wait for each other. */
    const uint64_t least = o->seconds > 0 ? 20000000 : 100000000;
    const uint64_t each = (o->seconds > 0 ? 300000u : 3000000u) * UINT64_C(1) * readers;
    const unsigned runs = o->runs < RUNS_AT_MOST ? o->runs : RUNS_AT_MOST;
    result.timed = 0;
    for (unsigned r = 0; r < runs; r++) {
        const uint64_t ns = run(loop, readers, each > least ? each : least);
        gather(&result, r, readers, ns);
    }
    const double per_s = bench_median(result.per_s, runs);
    (void)snprintf(key, sizeof(key), "%s_reads_per_s_at_%u_%s", what, readers, unit);
    bench_figure(o, key, per_s);
    (void)snprintf(key, sizeof(key), "%s_reads_per_s_each_at_%u_%s", what, readers, unit);
    bench_figure(o, key, per_s / readers);
    (void)snprintf(key, sizeof(key), "%s_one_read_ns_at_%u_%s", what, readers, unit);
    (void)bench_distribution(o, key, result.one_ns, result.timed);
}

static void measure_clock(void)
{
    double ns[1001];
    for (unsigned i = 0; i < 1001; i++) {
        uint64_t before = bench_now_ns();
        ns[i] = (double)(bench_now_ns() - before);
    }
    clock_ns = bench_median(ns, 1001);
}

static void measure_all(const struct bench_options *o, const char *mode, unsigned most)
{
    char what[32];
    for (unsigned readers = 1; readers <= most; readers *= 2) {
        (void)snprintf(what, sizeof(what), "%s", mode);
        measure(o, what, "readers", run_processes, ours, readers);
        (void)snprintf(what, sizeof(what), "rwlock_%s", mode);
        measure(o, what, "readers", run_processes, locked, readers);
    }
    one_handle = world_reader(dir);
    for (unsigned readers = 1; readers <= 8 && readers <= most; readers *= 2)
        measure(o, mode, "threads", run_threads, ours, readers);
    netvane_close(one_handle);
}

int main(int argc, char **argv)
{
    struct bench_options o = bench_options(argc, argv);
    unsigned most = o.count ? o.count : o.seconds > 0 ? 4 : READERS_MAX;
    pthread_rwlockattr_t attr;
    bench_estimates(estimates, sizeof(estimates) / sizeof(estimates[0]));
    if (most > READERS_MAX)
        most = READERS_MAX;
    shared = bench_shared(sizeof(*shared));
    (void)pthread_rwlockattr_init(&attr);
    (void)pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    /* Else the writer would never come to write while there are readers. */
    (void)pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    (void)pthread_rwlock_init(&shared->lock, &attr);
    measure_clock();
    bench_figure(&o, "cores", (double)sysconf(_SC_NPROCESSORS_ONLN));
    for (unsigned busy = 0; busy < 2; busy++) {
        world_dir_make(dir);
        pid_t writer = start_writer(busy);
        if (writer < 0)
            return 1;
        measure_all(&o, busy ? "busy" : "quiet", most);
        end_writer(writer);
        world_dir_remove(dir);
    }
    bench_end(&o, "scale");
    return 0;
}
