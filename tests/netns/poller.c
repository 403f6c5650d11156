/* SPDX-License-Identifier: MIT */
/*
 * poller.c - a reader that looks at the newest State again and again, for tests that ask what readers see meanwhile.
 *
 *     netns_poller DIR LINK ROUTES
 *
 * Each read takes a snapshot and of it the counts, both defaults, one link by name and one of the ROUTES /24 that begin at
 * 20.0.0.0, then checks that the version can still be read. Between two reads it rests for 20 microseconds. A line on stdin
 * begins the next phase, the end of stdin ends it; then it prints one JSON object, its last line: `phases` (reads,
 * failed, expired, latencies of each) and `log`, one array for each State that differed from the one before in what was
 * read:
 *
 *     monotonic ns, version, quality, links, addrs, rules, routes4, routes6,
 *     last byte of the IPv4 and of the IPv6 default's gateway (-1: no usable default), up (-1: no such link), mtu,
 *     IPv4 default routes, usable or not
 *
 * When the quality changes it prints `quality N` at once.
 * A read that finds its version expired is counted, and done again, as the API asks. Failed is what gives any other error
 * but NOT_FOUND, expires ten times in a row, or goes back in versions.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "netvane/netvane.h"

#define PHASES_MAX 8u
#define LOG_MAX    200000u
#define BUCKETS    1024u /* 16 for each power of two */
#define TRIES      10u
#define IFF_UP     1u
#define MAIN_TABLE 254u

struct seen {
    uint64_t version;
    uint32_t quality, links, addrs, rules, routes4, routes6, mtu, defaults4;
    int gateway4, gateway6, up;
};

struct phase {
    uint64_t reads, failed, expired, longest_ns;
    uint64_t bucket[BUCKETS];
};

struct entry {
    uint64_t at_ns;
    struct seen seen;
};

static struct entry states[LOG_MAX];
static uint32_t entries;
static _Atomic unsigned phase_now; /* PHASES_MAX: the end */

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *follow_stdin(void *arg)
{
    int c;
    unsigned phase = 0;
    (void)arg;
    while ((c = getchar()) != EOF)
        if (c == '\n' && phase + 1 < PHASES_MAX)
            atomic_store(&phase_now, ++phase);
    atomic_store(&phase_now, PHASES_MAX);
    return NULL;
}

/* ---- one read ----------------------------------------------------------------------------------------------- */

static int gateway_of(const struct netvane_snap *snap, uint8_t family, int *ret_byte)
{
    struct netvane_default d;
    NETVANE_INIT(&d);
    int r = netvane_snap_default(snap, family, &d);
    *ret_byte = r ? -1 : d.gateway[family == 4 ? 3 : 15];
    return r == NETVANE_NOT_FOUND ? 0 : r;
}

static int count_defaults(const struct netvane_snap *snap, uint32_t *ret_count)
{
    struct netvane_default d;
    struct netvane_iter it;
    NETVANE_INIT(&d);
    int r = netvane_default_iter(snap, 4, 0, &it);
    while (!r && (r = netvane_default_next(&it, &d)) > 0) {
        ++*ret_count;
        r = 0;
    }
    return r;
}

static int look_up(const struct netvane_snap *snap, uint32_t n)
{
    struct netvane_route_filter filter;
    struct netvane_route route;
    struct netvane_iter it;
    NETVANE_INIT(&filter);
    NETVANE_INIT(&route);
    filter.family = 4;
    filter.table = MAIN_TABLE; /* else every route is looked at */
    filter.exact = 1;
    filter.dst_len = 24;
    filter.dst[0] = (uint8_t)(20 + (n >> 16));
    filter.dst[1] = (uint8_t)(n >> 8);
    filter.dst[2] = (uint8_t)n;
    int r = netvane_route_iter(snap, &filter, &it);
    if (!r)
        r = netvane_route_next(&it, &route);
    return r > 0 ? 0 : r;
}

static int read_once(struct netvane *nv, const char *name, uint32_t n, struct seen *ret_seen)
{
    struct netvane_snap snap;
    struct netvane_info info;
    struct netvane_link link;
    NETVANE_INIT(&info);
    NETVANE_INIT(&link);
    int r = netvane_snap_begin(nv, &snap);
    if (!r)
        r = netvane_snap_info(&snap, &info);
    *ret_seen = (struct seen){.version = snap.version,
                              .quality = info.quality,
                              .links = info.links,
                              .addrs = info.addrs,
                              .rules = info.rules,
                              .routes4 = info.routes4,
                              .routes6 = info.routes6,
                              .up = -1};
    if (!r)
        r = gateway_of(&snap, 4, &ret_seen->gateway4);
    if (!r)
        r = gateway_of(&snap, 6, &ret_seen->gateway6);
    if (!r)
        r = count_defaults(&snap, &ret_seen->defaults4);
    if (!r) {
        r = netvane_link_get_by_name(&snap, name, &link);
        if (!r) {
            ret_seen->up = (link.flags & IFF_UP) != 0;
            ret_seen->mtu = link.mtu;
        } else if (r == NETVANE_NOT_FOUND) {
            r = 0;
        }
    }
    if (!r)
        r = look_up(&snap, n);
    return r ? r : netvane_snap_check(&snap);
}

/* ---- tallies -------------------------------------------------------------------------------------------------- */

static unsigned bucket_of(uint64_t ns)
{
    unsigned power = 0;
    while (ns >> power >= 32)
        power++;
    return power * 16 + (unsigned)(ns >> power); /* 16 to 31 above the first */
}

static uint64_t bucket_end(unsigned b)
{
    return b < 32 ? b : (uint64_t)(16 + b % 16 + 1) << (b / 16 - 1);
}

static uint64_t quantile(const struct phase *p, double q)
{
    uint64_t left = (uint64_t)((double)p->reads * q);
    for (unsigned b = 0; b < BUCKETS; b++) {
        if (p->bucket[b] > left)
            return bucket_end(b);
        left -= p->bucket[b];
    }
    return p->longest_ns;
}

static void print_result(const struct phase *phases, unsigned count)
{
    (void)printf("{\"phases\":[");
    for (unsigned i = 0; i < count; i++)
        (void)printf("%s{\"reads\":%llu,\"failed\":%llu,\"expired\":%llu,\"p50_ns\":%llu,"
                     "\"p99_ns\":%llu,\"longest_ns\":%llu}",
                     i ? "," : "", (unsigned long long)phases[i].reads,
                     (unsigned long long)phases[i].failed, (unsigned long long)phases[i].expired,
                     (unsigned long long)quantile(&phases[i], 0.5),
                     (unsigned long long)quantile(&phases[i], 0.99),
                     (unsigned long long)phases[i].longest_ns);
    (void)printf("],\"log\":[");
    for (uint32_t i = 0; i < entries; i++) {
        const struct seen *s = &states[i].seen;
        (void)printf("%s[%llu,%llu,%u,%u,%u,%u,%u,%u,%d,%d,%d,%u,%u]", i ? "," : "",
                     (unsigned long long)states[i].at_ns, (unsigned long long)s->version,
                     s->quality, s->links, s->addrs, s->rules, s->routes4, s->routes6, s->gateway4,
                     s->gateway6, s->up, s->mtu, s->defaults4);
    }
    (void)printf("]}\n");
}

/* Is there something in it, the version's number aside, that was not in the last? */
static bool differs(const struct seen *a, const struct seen *b)
{
    return a->quality != b->quality || a->links != b->links || a->addrs != b->addrs ||
           a->rules != b->rules || a->routes4 != b->routes4 || a->routes6 != b->routes6 ||
           a->mtu != b->mtu || a->gateway4 != b->gateway4 || a->gateway6 != b->gateway6 ||
           a->up != b->up || a->defaults4 != b->defaults4;
}

static void note(const struct seen *seen, uint64_t at_ns)
{
    if (entries && seen->quality != states[entries - 1].seen.quality) {
        (void)printf("quality %u\n", (unsigned)seen->quality);
        (void)fflush(stdout);
    }
    if (entries < LOG_MAX)
        states[entries++] = (struct entry){.at_ns = at_ns, .seen = *seen};
}

int main(int argc, char **argv)
{
    static struct phase phases[PHASES_MAX];
    const struct timespec rest = {.tv_nsec = 20000};
    struct netvane_open_args args;
    struct netvane *nv;
    pthread_t thread;
    uint32_t n = 1;
    unsigned phase = 0, last = 0;
    NETVANE_INIT(&args);
    uint32_t routes = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
    args.dir = routes ? argv[1] : NULL;
    int r = routes ? netvane_open(&args, &nv) : NETVANE_INVALID;
    if (r || pthread_create(&thread, NULL, follow_stdin, NULL)) {
        (void)fprintf(stderr, "netns_poller DIR LINK ROUTES: %s\n", netvane_strerror(r));
        return 1;
    }
    for (; (phase = atomic_load(&phase_now)) < PHASES_MAX; last = phase) {
        struct phase *p = &phases[phase];
        struct seen seen;
        unsigned tries = 0;
        n = n * 1664525u + 1013904223u;
        uint64_t start = now_ns();
        while ((r = read_once(nv, argv[2], (n >> 8) % routes, &seen)) == NETVANE_EXPIRED &&
               ++tries < TRIES)
            ;
        uint64_t end = now_ns(), ns = end - start;
        p->reads++;
        p->expired += tries;
        p->bucket[bucket_of(ns)]++;
        p->longest_ns = ns > p->longest_ns ? ns : p->longest_ns;
        if (r || (entries && seen.version < states[entries - 1].seen.version))
            p->failed++;
        else if (!entries || differs(&seen, &states[entries - 1].seen))
            note(&seen, end);
        (void)nanosleep(&rest, NULL);
    }
    (void)pthread_join(thread, NULL);
    print_result(phases, last + 1);
    netvane_close(nv);
    return 0;
}
