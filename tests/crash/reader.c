/* SPDX-License-Identifier: MIT */
/*
 * reader.c - crash_reader: reads what crash_writer publishes until SIGTERM, then prints what it met.
 *
 *     crash_reader DIR NAME US      and sleeps now and then until there is news, for so many microseconds at most; 0: never
 *
 * Each State has to be whole: all its objects carry one number, which never goes back, as versions do not.
 */
#include <netvane/netvane.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t ended;
static struct {
    unsigned long long states, expired, wakes, no_region, torn, back, corrupt, limited, other;
} met;

/* How long the latest States took to read. */
#define TIMES 65536u
static uint64_t times_ns[TIMES];

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static unsigned long long p99_ns(void)
{
    const size_t count = met.states < TIMES ? met.states : TIMES;
    qsort(times_ns, count, sizeof(times_ns[0]), compare);
    return count ? times_ns[count * 99 / 100] : 0;
}

static void end(int signal)
{
    (void)signal;
    ended = 1;
}

static uint32_t number_of_gateway(const struct netvane_hop *hop)
{
    return (uint32_t)hop->gateway[1] << 16 | (uint32_t)hop->gateway[2] << 8 | hop->gateway[3];
}

/* Compares with the number of the objects before. */
static void meet(uint32_t *number, uint32_t its, bool *whole)
{
    if (!*number)
        *number = its;
    *whole = *whole && *number == its;
}

static int read_links(const struct netvane_snap *snap, uint32_t *number, bool *whole)
{
    struct netvane_iter it;
    struct netvane_link link;
    NETVANE_INIT(&link);
    unsigned count = 0;
    int r = netvane_link_iter(snap, &it);
    while (!r && (r = netvane_link_next(&it, &link)) == 1) {
        char text[128];
        meet(number, link.mtu, whole);
        r = netvane_string_get(snap, link.alias, text, sizeof(text));
        if (r < 0)
            return r;
        r = 0;
        meet(number, (uint32_t)strtoul(text, NULL, 10), whole);
        count++;
    }
    *whole = *whole && count == 3;
    return r;
}

static int read_routes(const struct netvane_snap *snap, uint32_t *number, bool *whole)
{
    struct netvane_iter it;
    struct netvane_route route;
    struct netvane_route_filter filter;
    NETVANE_INIT(&route);
    NETVANE_INIT(&filter);
    unsigned count = 0;
    int r = netvane_route_iter(snap, &filter, &it);
    while (!r && (r = netvane_route_next(&it, &route)) == 1) {
        meet(number, number_of_gateway(&route.hop), whole);
        r = 0;
        count++;
    }
    *whole = *whole && count == 6;
    return r;
}

static int read_prefix(const struct netvane_snap *snap, uint32_t *number, bool *whole)
{
    static const uint8_t dst[4] = {192, 0, 3, 9};
    struct netvane_table table;
    struct netvane_match match;
    struct netvane_hop hop;
    NETVANE_INIT(&table);
    NETVANE_INIT(&hop);
    int r = netvane_table_get(snap, 4, 254, &table);
    if (r == NETVANE_LIMIT) { /* the file is full, and the index went first: the routes are there */
        met.limited++;
        return 0;
    }
    if (!r)
        r = netvane_route_lookup(&table, dst, &match);
    if (!r)
        r = netvane_match_hop(&table, &match, 0, &hop);
    if (!r)
        meet(number, number_of_gateway(&hop), whole);
    return r;
}

static void read_state(struct netvane *nv, uint64_t *version, uint32_t *last)
{
    struct netvane_snap snap;
    struct netvane_info info;
    NETVANE_INIT(&info);
    uint32_t number = 0;
    bool whole = true;
    const uint64_t from = now_ns();
    int r = netvane_snap_begin(nv, &snap);
    if (!r)
        r = netvane_snap_info(&snap, &info);
    if (!r)
        r = read_links(&snap, &number, &whole);
    if (!r)
        r = read_routes(&snap, &number, &whole);
    if (!r)
        r = read_prefix(&snap, &number, &whole);
    if (!r)
        r = netvane_snap_check(&snap);
    if (!r)
        times_ns[met.states++ % TIMES] = now_ns() - from;
    met.expired += r == NETVANE_EXPIRED;
    met.corrupt += r == NETVANE_CORRUPT;
    met.no_region += r == NETVANE_NO_WRITER || r == NETVANE_NOT_READY;
    if (r) {
        if (r != NETVANE_EXPIRED && r != NETVANE_NO_WRITER && r != NETVANE_NOT_READY) {
            met.other++;
            (void)fprintf(stderr, "crash_reader: %s (%d)\n", netvane_strerror(r), r);
        }
        return;
    }
    met.torn += !whole;
    met.back += info.version < *version || number < *last;
    *version = info.version;
    *last = number;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    const struct sigaction action = {.sa_handler = end};
    struct netvane_open_args args;
    struct netvane_wait_args wait;
    struct netvane *nv = NULL;
    uint64_t version = 0;
    uint32_t number = 0;
    NETVANE_INIT(&args);
    NETVANE_INIT(&wait);
    args.dir = argv[1];
    args.name = argv[2];
    wait.timeout_ns = strtoull(argv[3], NULL, 10) * 1000;
    (void)sigaction(SIGTERM, &action, NULL);
    while (!ended && netvane_open(&args, &nv))
        (void)usleep(1000);
    (void)puts("open");
    (void)fflush(stdout);
    for (unsigned i = 0; !ended; i++) {
        read_state(nv, &version, &number);
        if (wait.timeout_ns && i % 4 == 0)
            met.wakes += !netvane_wait(nv, &wait, NULL);
    }
    (void)printf("{\"states\": %llu, \"expired\": %llu, \"wakes\": %llu, \"no_region\": %llu, "
                 "\"torn\": %llu, "
                 "\"back\": %llu, \"corrupt\": %llu, \"limited\": %llu, \"other\": %llu, "
                 "\"p99_ns\": %llu, \"number\": %u}\n",
                 met.states, met.expired, met.wakes, met.no_region, met.torn, met.back, met.corrupt,
                 met.limited, met.other, p99_ns(), number);
    netvane_close(nv);
    return 0;
}
