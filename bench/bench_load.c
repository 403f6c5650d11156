/* SPDX-License-Identifier: MIT */
/*
 * bench_load.c - how long a full load takes from the kernel to the published State, beside a bare recv loop.
 *
 * In a network namespace of its own whose tables hold N routes. Measured is the writer's whole start: from before
 * nv_writer_open (sockets, region file on tmpfs) through the dumps of all classes, the mirror and the commit to the region's
 * name and State being there. The peer reads the datagrams of the same route dumps from a fresh socket into 32 KiB and looks
 * at no message in them but the last. Both take turns, each run in a fresh process, on no core in particular: the writer reads
 * a long dump ahead by a second thread. The ratio is the median of the turns' ratios, its target one for 1,000,000 routes; the
 * ratio of processor times beside it is what the same costs where there is one core. What the writer loaded must be as many
 * routes as the dumps hold.
 * First IPv4 routes alone, then a fifth as many IPv6 routes with them. Private memory is the growth of the process's
 * anonymous pages, at its highest and at the end, in a run that is not timed. Beside it libnl's route cache, whose time
 * grows with the square of the routes: at a size where it ends in some seconds.
 * Estimate beforehand: 0.75 s of kernel, 60 ns a route to decode, 120 to 200 ns for a tree and a prefix index: 1.25 to 1.35.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <math.h>
#include <net/if.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "fill.h"
#include "writer/log.h"
#include "writer/writer.h"

#ifdef NETVANE_HAVE_LIBNL
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/route/route.h>
#endif

#define RUNS_MAX   64u
#define DUMP_BYTES 32768u /* a dump's datagram is not longer */
#define MIB        1048576.0

/* What a child leaves for its parent. */
struct result {
    uint64_t wall_ns, user_ns, cpu_ns;
    uint32_t routes[2];
    _Atomic uint64_t anon_before, anon_after;
};

struct bench {
    struct bench_options o;
    struct result *result;
    char dir[64];
};

/* ---- one run, in a process of its own ------------------------------------------------------------------------- */

typedef int run_fn(struct bench *b);

struct clocks {
    uint64_t wall_ns, user_ns, system_ns;
};

static uint64_t from_timeval(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

static struct clocks read_clocks(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (struct clocks){.wall_ns = bench_now_ns(),
                           .user_ns = from_timeval(u.ru_utime),
                           .system_ns = from_timeval(u.ru_stime)};
}

static void stop_clocks(struct bench *b, const struct clocks *start)
{
    const struct clocks end = read_clocks();
    b->result->wall_ns = end.wall_ns - start->wall_ns;
    b->result->user_ns = end.user_ns - start->user_ns;
    b->result->cpu_ns = b->result->user_ns + end.system_ns - start->system_ns;
}

/* Anonymous pages of a process; 0 when it has ended. */
static uint64_t anon_bytes(pid_t pid)
{
    char path[64], line[256];
    unsigned long kib = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f) && sscanf(line, "RssAnon: %lu", &kib) != 1)
        ;
    if (f)
        (void)fclose(f);
    return (uint64_t)kib * 1024;
}

static pid_t start(struct bench *b, run_fn *fn)
{
    memset(b->result, 0, sizeof(*b->result));
    (void)fflush(NULL);
    pid_t pid = fork();
    if (!pid)
        _exit(fn(b) ? 1 : 0);
    return pid;
}

static void run(struct bench *b, run_fn *fn, const char *what)
{
    int status = 1;
    pid_t pid = start(b, fn);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
        (void)fprintf(stderr, "bench_load: %s failed\n", what);
        exit(1);
    }
}

/* ---- the writer --------------------------------------------------------------------------------------------------- */

static int load(struct bench *b)
{
    static struct nv_writer w;
    struct nv_writer_options options = {.dir = b->dir,
                                        .name = "default",
                                        .reconcile_ns = NV_RECONCILE_DEFAULT_NS,
                                        .coalesce_ns = NV_COALESCE_DEFAULT_NS,
                                        .max_bytes = NV_MAX_BYTES_DEFAULT,
                                        .once = true};
    nv_log_set_level(NV_LOG_ERROR);
    atomic_store(&b->result->anon_before, anon_bytes(getpid()));
    const struct clocks begin = read_clocks();
    int r = nv_writer_open(&w, &options);
    if (!r)
        r = nv_writer_run(&w);
    stop_clocks(b, &begin);
    atomic_store(&b->result->anon_after, anon_bytes(getpid()));
    b->result->routes[0] = w.mirror.draft.tree[NETVANE_TREE_ROUTES4].count;
    b->result->routes[1] = w.mirror.draft.tree[NETVANE_TREE_ROUTES6].count;
    bool whole = w.shown && !w.mirror.degraded;
    nv_writer_close(&w);
    return r || !whole;
}

/* ---- the peers ------------------------------------------------------------------------------------------------------ */

static int request_dump(int family)
{
    struct {
        struct nlmsghdr nlh;
        struct rtmsg rtm;
    } req = {.nlh = {.nlmsg_len = sizeof(req),
                     .nlmsg_type = RTM_GETROUTE,
                     .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                     .nlmsg_seq = 1},
             .rtm = {.rtm_family = (uint8_t)family}};
    const int on = 1;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
    if (send(fd, &req, sizeof(req), 0) == sizeof(req))
        return fd;
    (void)close(fd);
    return -1;
}

/* NLMSG_DONE is the last message of its datagram, 20 bytes long. */
static bool is_last(const char *datagram, size_t len)
{
    struct nlmsghdr tail;
    const size_t size = NLMSG_LENGTH(sizeof(int));
    if (len < size)
        return false;
    memcpy(&tail, datagram + len - size, sizeof(tail));
    return tail.nlmsg_type == NLMSG_DONE && tail.nlmsg_len == size && tail.nlmsg_seq == 1;
}

static uint32_t count_routes(const char *datagram, size_t len)
{
    uint32_t routes = 0;
    struct nlmsghdr h;
    for (size_t at = 0; at + sizeof(h) <= len; at += NLMSG_ALIGN(h.nlmsg_len)) {
        memcpy(&h, datagram + at, sizeof(h));
        if (h.nlmsg_len < sizeof(h))
            break;
        routes += h.nlmsg_type == RTM_NEWROUTE;
    }
    return routes;
}

/* Reads one whole dump; counts its routes if it is to. */
static int read_dump(int family, uint32_t *ret_routes)
{
    static _Alignas(struct nlmsghdr) char datagram[DUMP_BYTES];
    ssize_t n;
    int fd = request_dump(family);
    if (fd < 0)
        return -1;
    do {
        n = recv(fd, datagram, sizeof(datagram), MSG_TRUNC);
        if (n <= 0 || n > (ssize_t)sizeof(datagram))
            break;
        if (ret_routes)
            *ret_routes += count_routes(datagram, (size_t)n);
    } while (!is_last(datagram, (size_t)n));
    (void)close(fd);
    return n <= 0 || n > (ssize_t)sizeof(datagram) ? -1 : 0;
}

static int read_only(struct bench *b)
{
    const struct clocks begin = read_clocks();
    int r = read_dump(AF_INET, NULL);
    if (!r)
        r = read_dump(AF_INET6, NULL);
    stop_clocks(b, &begin);
    return r;
}

static int count(struct bench *b)
{
    int r = read_dump(AF_INET, &b->result->routes[0]);
    return r ? r : read_dump(AF_INET6, &b->result->routes[1]);
}

#ifdef NETVANE_HAVE_LIBNL
static int libnl(struct bench *b)
{
    uint64_t start_ns = bench_now_ns();
    struct nl_sock *sock = nl_socket_alloc();
    struct nl_cache *cache = NULL;
    if (!sock || nl_connect(sock, NETLINK_ROUTE) ||
        rtnl_route_alloc_cache(sock, AF_UNSPEC, 0, &cache))
        return -1;
    b->result->wall_ns = bench_now_ns() - start_ns;
    b->result->routes[0] = (uint32_t)nl_cache_nitems(cache);
    nl_cache_free(cache);
    nl_socket_free(sock);
    return 0;
}
#endif

/* ---- measures ---------------------------------------------------------------------------------------------------------- */

static void figure(struct bench *b, const char *what, uint32_t routes, double value)
{
    char key[96];
    (void)snprintf(key, sizeof(key), "%s_at_%u_routes", what, (unsigned)routes);
    bench_figure(&b->o, key, value);
}

static void ratio(struct bench *b, const char *what, uint32_t routes, double value, double at_most)
{
    char key[96];
    (void)snprintf(key, sizeof(key), "%s_at_%u_routes", what, (unsigned)routes);
    bench_ratio(&b->o, key, value, at_most, NAN);
}

/* Writer and bare loop by turns. */
static void measure(struct bench *b, uint32_t routes, double at_most)
{
    double load_ms[RUNS_MAX], user_ms[RUNS_MAX], recv_ms[RUNS_MAX], to_recv[RUNS_MAX],
        cpu_to_recv[RUNS_MAX];
    const unsigned runs = b->o.runs < RUNS_MAX ? b->o.runs : RUNS_MAX;
    run(b, count, "counting");
    uint32_t there[2] = {b->result->routes[0], b->result->routes[1]};
    for (unsigned i = 0; i < runs; i++) {
        run(b, read_only, "the bare loop");
        recv_ms[i] = (double)b->result->wall_ns / 1e6;
        const double recv_cpu_ns = (double)b->result->cpu_ns;
        run(b, load, "the writer");
        if (b->result->routes[0] != there[0] || b->result->routes[1] != there[1]) {
            (void)fprintf(stderr, "bench_load: loaded %u + %u routes of %u + %u\n",
                          (unsigned)b->result->routes[0], (unsigned)b->result->routes[1],
                          (unsigned)there[0], (unsigned)there[1]);
            exit(1);
        }
        load_ms[i] = (double)b->result->wall_ns / 1e6;
        user_ms[i] = (double)b->result->user_ns / 1e6;
        to_recv[i] = load_ms[i] / recv_ms[i];
        cpu_to_recv[i] = (double)b->result->cpu_ns / recv_cpu_ns;
    }
    figure(b, "recv_ms", routes, bench_median(recv_ms, runs));
    figure(b, "load_ms", routes, bench_median(load_ms, runs));
    figure(b, "load_user_ms", routes, bench_median(user_ms, runs));
    ratio(b, "load_to_recv", routes, bench_median(to_recv, runs), at_most);
    ratio(b, "load_cpu_to_recv_cpu", routes, bench_median(cpu_to_recv, runs), NAN);
}

static void measure_libnl(struct bench *b, uint32_t routes)
{
#ifdef NETVANE_HAVE_LIBNL
    run(b, libnl, "libnl");
    double libnl_ms = (double)b->result->wall_ns / 1e6;
    if (b->result->routes[0] < routes) {
        (void)fprintf(stderr, "bench_load: libnl's cache holds %u routes only\n",
                      (unsigned)b->result->routes[0]);
        exit(1);
    }
    run(b, load, "the writer");
    figure(b, "libnl_ms", routes, libnl_ms);
    ratio(b, "libnl_to_load", routes, libnl_ms / ((double)b->result->wall_ns / 1e6), NAN);
#else
    (void)routes;
    bench_skip(&b->o, "libnl", "libnl-route-3.0 is not installed");
#endif
}

/* Bytes of the region's file, and of the writer's own memory; both bounds hold with 1,000,000 IPv4 routes. */
static void measure_memory(struct bench *b, uint32_t routes, bool bounded)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    uint64_t highest = 0;
    int status = 1;
    char path[128];
    struct stat st;
    pid_t pid = start(b, load);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        uint64_t now = anon_bytes(pid);
        highest = now > highest ? now : highest;
        (void)nanosleep(&pause, NULL);
    }
    (void)snprintf(path, sizeof(path), "%s/default", b->dir);
    if (status || stat(path, &st)) {
        (void)fprintf(stderr, "bench_load: the writer left no region\n");
        exit(1);
    }
    const uint64_t before = atomic_load(&b->result->anon_before),
                   after = atomic_load(&b->result->anon_after);
    highest = after > highest ? after : highest;
    ratio(b, "region_mib", routes, (double)st.st_blocks * 512 / MIB, bounded ? 96 : NAN);
    ratio(b, "private_mib_highest", routes, (double)(highest - before) / MIB, bounded ? 32 : NAN);
    figure(b, "private_mib_after", routes, (double)(after - before) / MIB);
}

/* ---- set-up ------------------------------------------------------------------------------------------------------------- */

static void add_routes(struct fill *f, uint32_t total)
{
    int r = fill_until(f, total);
    if (r) {
        (void)fprintf(stderr, "bench_load: cannot add %u routes: %s\n", (unsigned)total,
                      strerror(-r));
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct bench b = {.o = bench_options(argc, argv), .dir = "/dev/shm/bench_load.XXXXXX"};
    const uint32_t most = b.o.count ? b.o.count : b.o.seconds > 0 ? 20000 : 1000000;
    const uint32_t few = b.o.seconds > 0 ? most / 4 : most < 120000 ? most : 120000;
    struct fill routes4, routes6;
    char clean[96];
    if (bench_netns()) {
        bench_skip(&b.o, "bench_load", "may not make a network namespace");
        return 77;
    }
    /* No link-local addresses: their duplicate detection would send events into the first dumps. */
    if (bench_shell("ip link add v0 type veth peer name v1 && ip link set v0 addrgenmode none && "
                    "ip link set v1 addrgenmode none && ip link set v0 up && ip link set v1 up && "
                    "ip link set lo up && ip addr add 10.99.0.1/24 dev v0"))
        return 1;
    b.result =
        mmap(NULL, sizeof(*b.result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (b.result == MAP_FAILED || !mkdtemp(b.dir)) {
        (void)fprintf(stderr, "bench_load: %s: %s\n", b.dir, strerror(errno));
        return 1;
    }
    fill_init(&routes4, AF_INET, if_nametoindex("v0"));
    fill_init(&routes6, AF_INET6, if_nametoindex("v0"));
    add_routes(&routes4, few);
    measure_libnl(&b, few);
    add_routes(&routes4, most);
    measure(&b, most, most >= 1000000 ? 1.3 : NAN); /* what a start costs anyhow outweighs few */
    measure_memory(&b, most, most <= 1000000);
    add_routes(&routes6, most / 5);
    measure(&b, most + most / 5, NAN);
    measure_memory(&b, most + most / 5, false);
    (void)snprintf(clean, sizeof(clean), "rm -rf %s", b.dir);
    (void)bench_shell(clean);
    bench_end(&b.o, "load");
    return 0;
}
