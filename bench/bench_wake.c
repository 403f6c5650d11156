/* SPDX-License-Identifier: MIT */
/*
 * bench_wake.c - how long a sleeping reader takes to see a change of the default route, beside a bare futex wake.
 *
 * In a network namespace of its own: netvaned runs at its defaults, a child sleeps in netvane_wait for default4, this process
 * replaces the default route by netlink. The clock starts before the request is sent, so the figure contains the kernel's
 * own work on the route; from_event leaves that out: its clock starts when the request has returned, which is just after
 * the kernel sent the event. The peer: the same two processes, a store and a FUTEX_WAKE. Changes come 2 ms apart, and both
 * take turns.
 * Estimate beforehand: two wakes (writer, reader), so about twice the bare futex.
 */
#include <errno.h>
#include <linux/futex.h>
#include <linux/rtnetlink.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "netvane/netvane.h"

#define SAMPLES_MAX 4000u

struct shared {
    _Atomic uint32_t word, ready;
    _Atomic uint64_t sent_ns, returned_ns;
    uint32_t count;
    double from_request[SAMPLES_MAX], from_event[SAMPLES_MAX];
};

static void pause_ns(long ns)
{
    struct timespec t = {.tv_nsec = ns};
    (void)nanosleep(&t, NULL);
}

/* The sleeper's n-th sleep begins; a sleeper that has ended never gets there. */
static void await_ready(struct shared *s, uint32_t n)
{
    for (unsigned i = 0; atomic_load(&s->ready) < n; i++) {
        if (i == 500000) {
            (void)fprintf(stderr, "bench_wake: the sleeper is gone\n");
            exit(1);
        }
        pause_ns(20000);
    }
}

static void record(struct shared *s, uint64_t now)
{
    uint32_t i = s->count;
    if (i < SAMPLES_MAX) {
        uint64_t returned = atomic_load(&s->returned_ns);
        s->from_request[i] = (double)(now - atomic_load(&s->sent_ns)) / 1000;
        s->from_event[i] = returned && now > returned ? (double)(now - returned) / 1000 : 0;
        s->count++;
    }
}

/* ---- the peer -------------------------------------------------------------------------------------------- */

static void futex_sleeper(struct shared *s, uint32_t changes)
{
    bench_pin(1);
    for (uint32_t i = 0; i < changes; i++) {
        atomic_store(&s->ready, i + 1);
        while (atomic_load_explicit(&s->word, memory_order_acquire) == i)
            (void)syscall(SYS_futex, &s->word, FUTEX_WAIT, i, NULL, NULL, 0);
        record(s, bench_now_ns());
    }
    _exit(0);
}

static void futex_changes(struct shared *s, uint32_t changes)
{
    for (uint32_t i = 0; i < changes; i++) {
        await_ready(s, i + 1);
        pause_ns(2000000);
        atomic_store(&s->sent_ns, bench_now_ns());
        atomic_store_explicit(&s->word, i + 1, memory_order_release);
        (void)syscall(SYS_futex, &s->word, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
}

/* ---- netvane ------------------------------------------------------------------------------------------------ */

static void netvane_sleeper(struct shared *s, const char *dir, uint32_t changes)
{
    struct netvane_open_args open_args;
    struct netvane *nv;
    struct netvane_snap snap;
    struct netvane_wait_args wait;
    bench_pin(1);
    NETVANE_INIT(&open_args);
    open_args.dir = dir;
    if (netvane_open(&open_args, &nv) || netvane_snap_begin(nv, &snap))
        _exit(1);
    NETVANE_INIT(&wait);
    wait.topics = NETVANE_TOPIC_DEFAULT4;
    wait.since = &snap;
    wait.timeout_ns = 5000000000u;
    for (uint32_t i = 0; i < changes; i++) {
        atomic_store(&s->ready, i + 1);
        struct netvane_default before, after;
        NETVANE_INIT(&before);
        NETVANE_INIT(&after);
        (void)netvane_snap_default(&snap, 4, &before);
        do {
            if (netvane_wait(nv, &wait, NULL))
                _exit(2);
            uint64_t now = bench_now_ns();
            if (netvane_snap_begin(nv, &snap))
                _exit(3);
            (void)netvane_snap_default(&snap, 4, &after);
            if (memcmp(before.gateway, after.gateway, sizeof(before.gateway))) {
                while (!atomic_load(&s->returned_ns)) /* the request has not even returned yet */
                    ;
                record(s, now);
            }
        } while (!memcmp(before.gateway, after.gateway, sizeof(before.gateway)));
        pause_ns(500000); /* the kernel's confirmation may make one more version */
        (void)netvane_snap_begin(nv, &snap);
    }
    netvane_close(nv);
    _exit(0);
}

/* Asks the kernel to replace the default route: via 10.99.0.(2 or 3). */
static void send_default(int fd)
{
    static uint32_t i; /* over all batches: each change has to be one */
    i++;
    struct {
        struct nlmsghdr nlh;
        struct rtmsg rtm;
        struct rtattr gateway;
        uint8_t ip[4];
    } req = {.nlh = {.nlmsg_len = sizeof(req),
                     .nlmsg_type = RTM_NEWROUTE,
                     .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE},
             .rtm = {.rtm_family = AF_INET,
                     .rtm_table = RT_TABLE_MAIN,
                     .rtm_protocol = RTPROT_STATIC,
                     .rtm_scope = RT_SCOPE_UNIVERSE,
                     .rtm_type = RTN_UNICAST},
             .gateway = {.rta_len = 8, .rta_type = RTA_GATEWAY},
             .ip = {10, 99, 0, (uint8_t)(2 + i % 2)}};
    (void)send(fd, &req, sizeof(req), 0);
}

static void netvane_changes(struct shared *s, int fd, uint32_t changes)
{
    for (uint32_t i = 0; i < changes; i++) {
        await_ready(s, i + 1);
        pause_ns(2000000);
        atomic_store(&s->returned_ns, 0);
        atomic_store(&s->sent_ns, bench_now_ns());
        send_default(fd);
        atomic_store(&s->returned_ns, bench_now_ns());
    }
}

static int run(const char *command)
{
    return system(command); /* a bench's set-up: fixed commands, no input */
}

static pid_t start_writer(const char *dir)
{
    const char *bin = getenv("NETVANE_BIN");
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/netvaned", bin ? bin : "build/release/bin");
    pid_t pid = fork();
    if (!pid) {
        (void)execl(path, "netvaned", "--dir", dir, "--log-level", "error", (char *)NULL);
        (void)fprintf(stderr, "bench_wake: cannot run %s: %s (set NETVANE_BIN)\n", path,
                      strerror(errno));
        _exit(127);
    }
    struct netvane_open_args args;
    NETVANE_INIT(&args);
    args.dir = dir;
    for (int i = 0; i < 200; i++) {
        struct netvane *nv;
        if (!netvane_open(&args, &nv)) {
            netvane_close(nv);
            return pid;
        }
        pause_ns(20000000);
    }
    return -1;
}

static void report(const struct bench_options *o, const char *what, double *us, uint32_t count,
                   double *ret_p50)
{
    char key[64];
    if (!count)
        return;
    *ret_p50 = bench_median(us, count);
    (void)snprintf(key, sizeof(key), "%s_us_p50", what);
    bench_figure(o, key, *ret_p50);
    (void)snprintf(key, sizeof(key), "%s_us_p99", what);
    bench_figure(o, key, bench_quantile(us, count, 0.99));
}

/* A batch of either kind; the samples of all batches gather in s. 0, or what the sleeper ended with. */
static int batch(struct shared *s, const char *dir, int fd, uint32_t changes)
{
    int status = 1;
    atomic_store(&s->word, 0);
    atomic_store(&s->ready, 0);
    pid_t child = fork();
    if (!child) {
        if (dir)
            netvane_sleeper(s, dir, changes);
        futex_sleeper(s, changes);
    }
    if (dir)
        netvane_changes(s, fd, changes);
    else
        futex_changes(s, changes);
    (void)waitpid(child, &status, 0);
    return status;
}

static struct shared *map_shared(void)
{
    void *p = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                   -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

int main(int argc, char **argv)
{
    struct bench_options o = bench_options(argc, argv);
    const uint32_t changes = (o.seconds > 0 ? 100 : 2000) / o.runs + 1;
    char dir[] = "/tmp/bench_wake.XXXXXX", clean[64];
    struct shared *futex = map_shared(), *netvane = map_shared();
    double futex_us = 0, request_us = 0, event_us = 0;
    int status = 0;
    if (bench_netns()) {
        bench_skip(&o, "bench_wake", "may not make a network namespace");
        return 77;
    }
    if (!futex || !netvane || !mkdtemp(dir) ||
        run("ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up && ip "
            "link set lo up && "
            "ip addr add 10.99.0.1/24 dev v0 && ip route add default via 10.99.0.2 proto static"))
        return 1;
    pid_t writer = start_writer(dir); /* not pinned: it goes where the scheduler puts it */
    bench_pin(0);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (writer < 0 || fd < 0)
        return 1;
    for (unsigned r = 0; r < o.runs && !status;
         r++) { /* by turns, so that both meet the same machine */
        status = batch(futex, NULL, -1, changes);
        if (!status)
            status = batch(netvane, dir, fd, changes);
    }
    report(&o, "futex_wake", futex->from_request, futex->count, &futex_us);
    report(&o, "default_route_from_request", netvane->from_request, netvane->count, &request_us);
    report(&o, "default_route_from_event", netvane->from_event, netvane->count, &event_us);
    bench_ratio(&o, "from_request_to_futex", request_us / futex_us, NAN, NAN);
    bench_ratio(&o, "from_event_to_futex", event_us / futex_us, 3.0, NAN);
    (void)kill(writer, SIGTERM);
    (void)waitpid(writer, NULL, 0);
    (void)snprintf(clean, sizeof(clean), "rm -rf %s", dir);
    (void)run(clean);
    bench_end(&o, "wake");
    return status ? 1 : 0;
}
