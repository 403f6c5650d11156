/* SPDX-License-Identifier: MIT */
/*
 * lookup_dpdk.c - DPDK's tables as peers: rte_fib (DIR24_8), rte_lpm, rte_fib6 (trie).
 *
 * In this process, without huge pages, devices or privileges. rte_fib has no call for one destination: a single lookup is
 * a bulk of one. rte_lpm finds a rule by walking all of its length, so that a table of 1,000,000 takes it minutes.
 */
#include "lookup_peers.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

#ifdef NETVANE_HAVE_DPDK

#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_lpm.h>
#include <rte_malloc.h>
#include <string.h>

#include "dpdk_start.h"

static struct rte_fib *fib;
static struct rte_fib6 *fib6;
static struct rte_lpm *lpm;
static uint64_t empty_bytes; /* of the heap, before a table is made */

static uint64_t heap_bytes(void)
{
    struct rte_malloc_socket_stats stats;
    return rte_malloc_get_socket_stats(0, &stats) ? 0 : stats.heap_allocsz_bytes;
}

static bool started;

static void start(void)
{
    started = dpdk_start();
    empty_bytes = heap_bytes();
}

static uint64_t size_bytes(void)
{
    return heap_bytes() - empty_bytes;
}

static uint32_t word_of(const struct prefix *p)
{
    return (uint32_t)(p->address >> 32);
}

/* ---- rte_fib ------------------------------------------------------------------------------------------------ */

static void fib_destroy(void)
{
    rte_fib_free(fib);
    fib = NULL;
}

static const char *fib_build(const struct lookup_table *t)
{
    struct rte_fib_conf conf = {.type = RTE_FIB_DIR24_8, .max_routes = (int)t->count + 1024};
    conf.dir24_8.nh_sz = RTE_FIB_DIR24_8_4B;
    conf.dir24_8.num_tbl8 = 1024;
    if (!started)
        return "DPDK does not start here";
    fib = rte_fib_create("bench", SOCKET_ID_ANY, &conf);
    for (uint32_t i = 0; fib && i < t->count; i++) {
        const struct prefix *p = &t->prefixes[i];
        if (rte_fib_add(fib, word_of(p), p->len, p->gateway + 1u))
            fib_destroy();
    }
    return fib ? NULL : "rte_fib has no room for the table";
}

static inline uint32_t fib_lookup(const struct lookup_dsts *d, uint32_t i)
{
    uint32_t dst = d->words[i];
    uint64_t hop;
    (void)rte_fib_lookup_bulk(fib, &dst, &hop, 1);
    return (uint32_t)hop;
}

LOOKUP_LOOPS(fib)

static uint64_t fib_bulk(const struct lookup_dsts *d, uint32_t n)
{
    uint64_t sum = 0, hops[LOOKUP_BULK];
    for (uint32_t i = 0; i < n; i += LOOKUP_BULK) {
        uint32_t dsts[LOOKUP_BULK]; /* the call's argument is not const */
        memcpy(dsts, d->words + (i & (d->count - 1)), sizeof(dsts));
        (void)rte_fib_lookup_bulk(fib, dsts, hops, LOOKUP_BULK);
        sum += hops[0] + hops[LOOKUP_BULK - 1];
    }
    return sum;
}

/* ---- rte_lpm ------------------------------------------------------------------------------------------------ */

static void lpm_destroy(void)
{
    rte_lpm_free(lpm);
    lpm = NULL;
}

static const char *lpm_build(const struct lookup_table *t)
{
    struct rte_lpm_config conf = {.max_rules = t->count + 1024, .number_tbl8s = 1024};
    if (!started)
        return "DPDK does not start here";
    lpm = rte_lpm_create("bench", SOCKET_ID_ANY, &conf);
    for (uint32_t i = 0; lpm && i < t->count; i++) {
        const struct prefix *p = &t->prefixes[i];
        if (rte_lpm_add(lpm, word_of(p), p->len, p->gateway + 1u))
            lpm_destroy();
    }
    return lpm ? NULL : "rte_lpm has no room for the table";
}

static inline uint32_t lpm_lookup(const struct lookup_dsts *d, uint32_t i)
{
    uint32_t hop;
    return rte_lpm_lookup(lpm, d->words[i], &hop) ? 0 : hop;
}

LOOKUP_LOOPS(lpm)

static uint64_t lpm_bulk(const struct lookup_dsts *d, uint32_t n)
{
    uint64_t sum = 0;
    uint32_t hops[LOOKUP_BULK];
    for (uint32_t i = 0; i < n; i += LOOKUP_BULK) {
        (void)rte_lpm_lookup_bulk(lpm, d->words + (i & (d->count - 1)), hops, LOOKUP_BULK);
        sum += hops[0] + hops[LOOKUP_BULK - 1];
    }
    return sum;
}

/* ---- rte_fib6 ----------------------------------------------------------------------------------------------- */

static void fib6_destroy(void)
{
    rte_fib6_free(fib6);
    fib6 = NULL;
}

static const char *fib6_build(const struct lookup_table *t)
{
    struct rte_fib6_conf conf = {.type = RTE_FIB6_TRIE, .max_routes = (int)t->count + 1024};
    conf.trie.nh_sz = RTE_FIB6_TRIE_4B;
    conf.trie.num_tbl8 = 2 * t->count + 16384; /* groups of bits 24 to 31, 32 to 39, 40 to 47 */
    if (!started)
        return "DPDK does not start here";
    fib6 = rte_fib6_create("bench", SOCKET_ID_ANY, &conf);
    for (uint32_t i = 0; fib6 && i < t->count; i++) {
        const struct prefix *p = &t->prefixes[i];
        uint8_t bytes[16];
        prefix_bytes(AF_INET6, p->address, bytes);
        if (rte_fib6_add(fib6, bytes, p->len, p->gateway + 1u))
            fib6_destroy();
    }
    return fib6 ? NULL : "rte_fib6 has no room for the table";
}

static inline uint32_t fib6_lookup(const struct lookup_dsts *d, uint32_t i)
{
    uint8_t dst[1][16];
    uint64_t hop;
    memcpy(dst[0], d->bytes + 16 * (size_t)i, 16);
    (void)rte_fib6_lookup_bulk(fib6, dst, &hop, 1);
    return (uint32_t)hop;
}

LOOKUP_LOOPS(fib6)

static uint64_t fib6_bulk(const struct lookup_dsts *d, uint32_t n)
{
    uint64_t sum = 0, hops[LOOKUP_BULK];
    for (uint32_t i = 0; i < n; i += LOOKUP_BULK) {
        uint8_t dsts[LOOKUP_BULK][16];
        memcpy(dsts, d->bytes + 16 * (size_t)(i & (d->count - 1)), sizeof(dsts));
        (void)rte_fib6_lookup_bulk(fib6, dsts, hops, LOOKUP_BULK);
        sum += hops[0] + hops[LOOKUP_BULK - 1];
    }
    return sum;
}

const struct lookup_peer lookup_dpdk[] = {
    {"rte_fib", AF_INET, 0, 1, start, fib_build, fib_destroy, fib_answers, fib_single, fib_bulk,
     fib_chain, size_bytes},
    {"rte_lpm", AF_INET, 100000, 1, start, lpm_build, lpm_destroy, lpm_answers, lpm_single,
     lpm_bulk, lpm_chain, size_bytes},
    {"rte_fib6", AF_INET6, 0, 1, start, fib6_build, fib6_destroy, fib6_answers, fib6_single,
     fib6_bulk, fib6_chain, size_bytes},
    {.name = NULL},
};

#else

static const char *missing(const struct lookup_table *t)
{
    (void)t;
    return "libdpdk-dev was not found when this was built";
}

const struct lookup_peer lookup_dpdk[] = {
    {.name = "rte_fib", .family = AF_INET, .build = missing},
    {.name = "rte_lpm", .family = AF_INET, .build = missing},
    {.name = "rte_fib6", .family = AF_INET6, .build = missing},
    {.name = NULL},
};

#endif
