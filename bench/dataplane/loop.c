/* SPDX-License-Identifier: MIT */
/*
 * loop.c - one thread, one batch after another.
 *
 * The order within a round: frames in, decided, sent, given back; now and then what else there is to do (neighbours, frames of
 * this host, time). While frames come, no system call waits for any; the State's newest version is looked for
 * before each batch, by two loads. What it does while the writer is away: it goes on by the last State, and counts the seconds.
 */
#include "loop.h"

#include <errno.h>
#include <netvane/netvane.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "forward.h"

#define NS_PER_S    UINT64_C(1000000000)
#define IDLE_MS     100
#define POLL_ROUNDS 16u /* busy rounds between two looks at neighbours, the host and the clock */

static volatile sig_atomic_t ended, told, leave;

struct loop {
    struct netvane *nv;
    const struct options *options;
    struct counters *counters;
    struct port *ports[PORTS_MAX];
    struct neigh *neigh;
    struct fallback *fallback;
    struct forward *forward;
    uint32_t handlers[FALLBACK_HANDLERS_MAX]; /* their ids; 0: it left */
    uint64_t second_ns;
};

static void on_signal(int number)
{
    if (number == SIGUSR1)
        told = 1;
    else if (number == SIGUSR2)
        leave = 1;
    else
        ended = 1;
}

static uint64_t now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* ---- frames out --------------------------------------------------------------------------------- */

static void to_wire(void *arg, uint32_t port, const uint8_t *frame, uint32_t len)
{
    const struct loop *loop = arg;
    port_send(loop->ports[port], frame, len);
}

static void to_host(void *arg, uint32_t port, const uint8_t *frame, uint32_t len)
{
    const struct loop *loop = arg;
    port_to_host(loop->ports[port], frame, len);
}

/* ---- set-up ------------------------------------------------------------------------------------- */

static int open_ports(struct loop *loop)
{
    for (uint32_t i = 0; i < loop->options->port_count; i++) {
        loop->ports[i] = port_open(loop->options->taps[i], loop->options->wires[i], loop->counters);
        if (!loop->ports[i])
            return 1;
    }
    return 0;
}

static int set_up(struct loop *loop, struct options *o)
{
    const struct forward_out out = {loop, to_wire, to_host};
    if (open_ports(loop))
        return 1;
    loop->neigh = neigh_open(loop->counters);
    loop->fallback = fallback_new(&o->limits, loop->counters);
    if (!loop->neigh || !loop->fallback) {
        perror("dataplane: neighbours");
        return 1;
    }
    for (uint32_t i = 0; i < o->handler_count; i++)
        if (fallback_register(loop->fallback, &o->handlers[i].fallback, &loop->handlers[i]))
            return NETVANE_NO_MEMORY;
    loop->forward = forward_new(loop->nv, loop->neigh, loop->fallback, (const char *const *)o->taps,
                                o->port_count, &out, loop->counters);
    if (!loop->forward)
        return NETVANE_NO_MEMORY;
    forward_limit_icmp(loop->forward, o->icmp_per_second);
    return 0;
}

static void tear_down(struct loop *loop)
{
    forward_free(loop->forward);
    fallback_free(loop->fallback);
    neigh_close(loop->neigh);
    for (uint32_t i = PORTS_MAX; i-- > 0;)
        port_close(loop->ports[i]);
}

static void catch_signals(sigset_t *ret_outside)
{
    const int numbers[] = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    (void)sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void)sigaction(numbers[i], &action, NULL);
        (void)sigaddset(&blocked, numbers[i]);
    }
    /* They arrive while ppoll sleeps or looks, not between a look at a flag and the sleep. */
    (void)sigprocmask(SIG_BLOCK, &blocked, ret_outside);
}

/* ---- rounds ------------------------------------------------------------------------------------- */

static void obey_signals(struct loop *loop)
{
    if (told) {
        told = 0;
        counters_print(loop->counters, loop->options->json, stdout);
    }
    if (leave) {
        uint32_t i = 0;
        leave = 0;
        while (i < loop->options->handler_count && !loop->handlers[i])
            i++;
        if (i < loop->options->handler_count) {
            (void)fallback_deregister(loop->fallback, loop->handlers[i]);
            loop->handlers[i] = 0;
        }
    }
}

static int each_second(struct loop *loop, uint64_t now_ns)
{
    struct netvane_health health;
    NETVANE_INIT(&health);
    if (now_ns - loop->second_ns < NS_PER_S)
        return 0;
    loop->second_ns = now_ns;
    neigh_tidy(loop->neigh);
    const int r = netvane_health_get(loop->nv, &health);
    if (!r && health.writer != NETVANE_WRITER_LIVE)
        loop->counters->values[COUNT_WRITER_NOT_LIVE]++;
    return r;
}

/* Everything but frames from the wires; sleeps at most so long where there is nothing. */
static int look_around(struct loop *loop, int timeout_ms, const sigset_t *outside)
{
    const struct timespec timeout = {.tv_nsec = timeout_ms * 1000000L};
    struct pollfd fds[1 + 2 * PORTS_MAX];
    const uint32_t n = loop->options->port_count;
    fds[0] = (struct pollfd){.fd = neigh_fd(loop->neigh), .events = POLLIN};
    for (uint32_t i = 0; i < n; i++) {
        fds[1 + i] = (struct pollfd){.fd = port_host_fd(loop->ports[i]), .events = POLLIN};
        fds[1 + n + i] = (struct pollfd){.fd = port_wire_fd(loop->ports[i]), .events = POLLIN};
    }
    const int ready = ppoll(fds, 1 + 2 * n, &timeout, outside);
    obey_signals(loop);
    if (ready > 0 && fds[0].revents)
        neigh_take(loop->neigh);
    for (uint32_t i = 0; i < n && ready > 0; i++)
        if (fds[1 + i].revents & POLLIN)
            port_from_host(loop->ports[i]);
    const uint64_t now_ns = now();
    fallback_expire(loop->fallback, now_ns);
    return each_second(loop, now_ns);
}

/* One batch of each port. Returns how many frames there were, or an error. */
static int take_frames(struct loop *loop)
{
    const uint32_t ports = loop->options->port_count;
    int all = 0;
    for (uint32_t port = 0; port < ports; port++) {
        struct packet packets[FORWARD_BATCH];
        const unsigned n = port_receive(loop->ports[port], packets, FORWARD_BATCH);
        if (!n)
            continue;
        for (unsigned i = 0; i < n; i++)
            packets[i].port = port;
        const int r = forward_batch(loop->forward, packets, n, now());
        for (uint32_t i = 0; i < ports; i++)
            port_flush(loop->ports[i]);
        port_release(loop->ports[port]);
        if (r)
            return r;
        all += (int)n;
    }
    return all;
}

int loop_run(struct netvane *nv, struct options *options, struct counters *ret_counters)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    sigset_t outside;
    if (!loop)
        return NETVANE_NO_MEMORY;
    loop->nv = nv;
    loop->options = options;
    loop->counters = ret_counters;
    catch_signals(&outside);
    int r = set_up(loop, options);
    if (!r) {
        (void)puts("dataplane: ready");
        (void)fflush(stdout);
    }
    for (unsigned round = 0; !r && !ended; round++) {
        const int n = take_frames(loop);
        r = n < 0 ? n : 0;
        if (!r && (!n || round % POLL_ROUNDS == 0))
            r = look_around(loop, n ? 0 : IDLE_MS, &outside);
    }
    tear_down(loop);
    free(loop);
    return r;
}
