/* SPDX-License-Identifier: MIT */
/*
 * bench_lookup.c - what a lookup of the longest prefix costs, in tables from 1,000 to 1,000,000 prefixes.
 *
 * Tables as a router of the Internet has them, 1,000,000 IPv4 and 200,000 IPv6 prefixes; smaller ones are each n-th of
 * these, so that they lie as far apart. Destinations lie inside the table's prefixes. Three patterns: random ones, which do not
 * depend on each other, so that their cache misses overlap; the same 1,024 again and again; a chain, in which each depends on the
 * answer before it. Each peer says where 10,000 destinations go, and must say what a plain search does. Measures of one table
 * take turns; the median of the runs counts.
 * Estimate beforehand, 1,000,000 IPv4 prefixes at random: one miss in a table of 64 MiB, 8 to 33 ns with the misses
 * overlapping, 160 in a chain; a system call for each, 3,000.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bench.h"
#include "lookup_peers.h"
#include "nv/base.h"

#define DSTS      (1u << 20)
#define HOT       1024u
#define CHECKED   10000u
#define PEERS_MAX 8u

static const struct bench_estimate estimates[] = {
    {"rte_fib_single_random_ns_at_1000000_ipv4", 33},
    {"rte_fib_bulk32_random_ns_at_1000000_ipv4", 10},
    {"rte_fib_single_hot_ns_at_1000000_ipv4", 4.9},
    {"rte_fib_single_chain_ns_at_1000000_ipv4", 162},
    {"rte_lpm_single_random_ns_at_100000_ipv4", 10},
    {"rtm_getroute_single_random_ns_at_1000000_ipv4", 3000},
    {"rte_fib6_single_random_ns_at_200000_ipv6", 67},
    {"rte_fib6_bulk32_random_ns_at_200000_ipv6", 47},
    {"rte_fib6_single_chain_ns_at_200000_ipv6", 82},
};

enum pattern { RANDOM, HOTS, CHAIN, PATTERNS };
enum call { SINGLE, BULK, CALLS };
static const char *const pattern_names[PATTERNS] = {"random", "hot", "chain"};
static const char *const call_names[CALLS] = {"single", "bulk32"};

static const struct lookup_peer *const lists[] = {
    lookup_netvane,
    lookup_dpdk,
    lookup_kernel,
};

struct table {
    struct lookup_table t;
    struct lookup_dsts dsts, hot;
    uint8_t *bytes;
    uint32_t *words;
    const struct lookup_peer *peer[PEERS_MAX];
    unsigned peers;
};

static void *allocate(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (!p) {
        (void)fprintf(stderr, "bench_lookup: no memory\n");
        exit(1);
    }
    return p;
}

/* ---- destinations, and where they go -------------------------------------------------------------------------- */

static uint64_t upper_mask(unsigned len)
{
    return len ? ~UINT64_C(0) << (64 - len) : 0;
}

static void draw_dsts(struct table *t)
{
    static uint64_t seed = 20261126;
    const size_t size = t->t.family == AF_INET ? 4 : 16;
    t->bytes = allocate(DSTS, size);
    t->words = allocate(DSTS, sizeof(*t->words));
    for (uint32_t i = 0; i < DSTS; i++) {
        uint8_t bytes[16];
        prefixes_draw(t->t.family, t->t.prefixes, t->t.count, &seed, bytes);
        memcpy(t->bytes + size * i, bytes, size);
        t->words[i] = nv_load_be32(bytes);
    }
    t->dsts = (struct lookup_dsts){t->bytes, t->words, DSTS};
    t->hot = (struct lookup_dsts){t->bytes, t->words, HOT};
}

/* No prefix is longer than 64 bits; the list is in the order of address, then length. */
static uint32_t search(const struct lookup_table *t, uint64_t address)
{
    for (unsigned len = 64; len; len--) {
        const uint64_t want = address & upper_mask(len);
        uint32_t low = 0, high = t->count;
        while (low < high) {
            const uint32_t middle = low + (high - low) / 2;
            const struct prefix *p = &t->prefixes[middle];
            if (p->address == want && p->len == len)
                return p->gateway + 1u;
            if (p->address < want || (p->address == want && p->len < len))
                low = middle + 1;
            else
                high = middle;
        }
    }
    return 0;
}

static uint64_t address_of(const struct table *t, uint32_t i)
{
    uint64_t address = 0;
    if (t->t.family == AF_INET)
        return (uint64_t)t->words[i] << 32;
    for (unsigned b = 0; b < 8; b++)
        address = address << 8 | t->bytes[16 * (size_t)i + b];
    return address;
}

static void check(const struct table *t, const struct lookup_peer *peer)
{
    static uint32_t answer[CHECKED];
    peer->answers(&t->dsts, CHECKED, answer);
    for (uint32_t i = 0; i < CHECKED; i++) {
        uint32_t right = search(&t->t, address_of(t, i));
        if (answer[i] == right)
            continue;
        (void)fprintf(stderr, "bench_lookup: %s sends destination %u to %u, which is to go to %u\n",
                      peer->name, (unsigned)i, (unsigned)answer[i], (unsigned)right);
        exit(1);
    }
}

/* ---- measures ------------------------------------------------------------------------------------------------- */

static const char *family_name(const struct table *t)
{
    return t->t.family == AF_INET ? "ipv4" : "ipv6";
}

static double lookup_ns(const struct table *t, const struct lookup_peer *peer, enum call call,
                        enum pattern pattern, uint32_t lookups)
{
    const struct lookup_dsts *d = pattern == HOTS ? &t->hot : &t->dsts;
    const uint32_t n = lookups / peer->slower;
    const uint64_t start = bench_now_ns();
    bench_keep(pattern == CHAIN ? peer->chain(d, n)
               : call == BULK   ? peer->bulk(d, n)
                                : peer->single(d, n));
    return (double)(bench_now_ns() - start) / n;
}

static void figure(const struct bench_options *o, const struct table *t,
                   const struct lookup_peer *peer, const char *what, double value)
{
    char key[96];
    (void)snprintf(key, sizeof(key), "%s_%s_at_%u_%s", peer->name, what, (unsigned)t->t.count,
                   family_name(t));
    bench_figure(o, key, value);
}

/* Ours stands first, if it is there. */
static void compare(const struct bench_options *o, const struct table *t, const char *what,
                    const double ns[PEERS_MAX])
{
    static const struct {
        const char *peer, *what;
        double at_most;
    } targets[] = {
        {"rte_fib", "single_random", 1.2},
        {"rte_fib", "bulk32_random", 1.5},
        {"rte_fib6", "single_random", 1.0},
        {"rte_fib6", "bulk32_random", 1.0},
    };
    char key[128];
    if (!t->peers || strcmp(t->peer[0]->name, "netvane"))
        return;
    for (unsigned p = 1; p < t->peers; p++) {
        (void)snprintf(key, sizeof(key), "netvane_to_%s_%s_at_%u_%s", t->peer[p]->name, what,
                       (unsigned)t->t.count, family_name(t));
        double at_most = NAN; /* for the largest tables */
        for (unsigned i = 0; i < sizeof(targets) / sizeof(targets[0]) && t->t.count >= 200000; i++)
            if (!strcmp(targets[i].peer, t->peer[p]->name) && !strcmp(targets[i].what, what))
                at_most = targets[i].at_most;
        bench_ratio(o, key, ns[0] / ns[p], at_most, NAN);
    }
    if (t->t.family == AF_INET && t->t.count == 1000000 && !strcmp(what, "single_hot"))
        bench_ratio(o, "netvane_single_hot_ns_of_8_at_1000000_ipv4", ns[0] / 8, 1, NAN);
}

static void measure(const struct bench_options *o, const struct table *t, enum call call,
                    enum pattern pattern, uint32_t lookups)
{
    static double ns[PEERS_MAX][BENCH_RUNS_MAX];
    double median[PEERS_MAX];
    char what[48];
    for (unsigned r = 0; r < o->runs; r++) {
        for (unsigned p = 0; p < t->peers; p++) {
            /* The one before has had the caches: each begins with its own table in them, as far as they hold it. */
            (void)lookup_ns(t, t->peer[p], call, pattern, lookups);
            ns[p][r] = lookup_ns(t, t->peer[p], call, pattern, lookups);
        }
    }
    (void)snprintf(what, sizeof(what), "%s_%s_ns", call_names[call], pattern_names[pattern]);
    for (unsigned p = 0; p < t->peers; p++) {
        median[p] = bench_median(ns[p], o->runs);
        figure(o, t, t->peer[p], what, median[p]);
    }
    (void)snprintf(what, sizeof(what), "%s_%s", call_names[call], pattern_names[pattern]);
    compare(o, t, what, median);
}

/* Builds and checks all that there are for this family. */
static void build(const struct bench_options *o, struct table *t)
{
    for (unsigned l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
        for (const struct lookup_peer *peer = lists[l]; peer->name; peer++) {
            char what[64];
            if (peer->family != t->t.family || t->peers == PEERS_MAX)
                continue;
            (void)snprintf(what, sizeof(what), "%s at %u %s", peer->name, (unsigned)t->t.count,
                           family_name(t));
            if (peer->most && t->t.count > peer->most && !o->all) {
                bench_skip(o, what, "takes minutes; --all asks for it");
                continue;
            }
            if (peer->start)
                peer->start();
            const uint64_t start = bench_now_ns();
            const char *why = peer->build(&t->t);
            if (why) {
                bench_skip(o, what, why);
                continue;
            }
            figure(o, t, peer, "build_ms", (double)(bench_now_ns() - start) / 1e6);
            if (peer->size_bytes)
                figure(o, t, peer, "mib", (double)peer->size_bytes() / 1048576);
            check(t, peer);
            t->peer[t->peers++] = peer;
        }
    }
    bench_pin(1); /* DPDK pins its first thread where it likes */
}

static void measure_table(const struct bench_options *o, int family, const struct prefix *from,
                          uint32_t from_count, uint32_t count)
{
    struct table t = {.t = {.family = family, .count = count}};
    struct prefix *prefixes = allocate(count, sizeof(*prefixes));
    const uint32_t lookups = o->seconds > 0 ? DSTS / 16 : DSTS;
    prefixes_thin(from, from_count, prefixes, count);
    t.t.prefixes = prefixes;
    draw_dsts(&t);
    build(o, &t);
    for (unsigned pattern = 0; pattern < PATTERNS; pattern++) {
        measure(o, &t, SINGLE, (enum pattern)pattern, lookups);
        if (pattern != CHAIN)
            measure(o, &t, BULK, (enum pattern)pattern, lookups);
    }
    for (unsigned p = 0; p < t.peers; p++)
        t.peer[p]->destroy();
    free(t.bytes);
    free(t.words);
    free(prefixes);
}

int main(int argc, char **argv)
{
    struct bench_options o = bench_options(argc, argv);
    static const uint32_t sizes4[] = {1000, 10000, 100000, 1000000},
                          sizes6[] = {1000, 10000, 100000, 200000};
    const uint32_t most = o.count ? o.count : o.seconds > 0 ? 10000 : 1000000;
    bench_estimates(estimates, sizeof(estimates) / sizeof(estimates[0]));
    (void)bench_netns(); /* before DPDK has threads: then only root may make one */
    bench_pin(1);
    struct prefix *list4 = prefixes_list(AF_INET, 1000000);
    struct prefix *list6 = prefixes_list(AF_INET6, 200000);
    for (unsigned i = 0; i < 4; i++)
        if (sizes4[i] <= most)
            measure_table(&o, AF_INET, list4, 1000000, sizes4[i]);
    for (unsigned i = 0; i < 4; i++)
        if (sizes6[i] <= most)
            measure_table(&o, AF_INET6, list6, 200000, sizes6[i]);
    free(list4);
    free(list6);
    bench_end(&o, "lookup");
    return 0;
}
