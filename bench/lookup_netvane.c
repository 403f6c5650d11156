/* SPDX-License-Identifier: MIT */
/*
 * lookup_netvane.c - our lookups, through the shared library, in a region that the writer's own code filled.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bench.h"
#include "library.h"
#include "lookup_peers.h"
#include "netvane/netvane.h"
#include "world.h"

#define REGION_BYTES (UINT64_C(512) << 20)

static int (*table_get)(const struct netvane_snap *, uint8_t, uint32_t, struct netvane_table *);
static int (*route_lookup)(const struct netvane_table *, const uint8_t *, struct netvane_match *);
static int (*route_lookup_bulk)(const struct netvane_table *, const uint8_t *, unsigned,
                                struct netvane_match *);
static int (*match_answer)(const struct netvane_table *, const struct netvane_match *,
                           struct netvane_default *);
static struct world w;
static char dir[48];
static struct netvane *nv;
static struct netvane_table table;

static const char *build(const struct lookup_table *t)
{
    struct netvane_snap snap;
    const char *why = library_open();
    if (why)
        return why;
    library_symbol("netvane_table_get", &table_get);
    library_symbol("netvane_route_lookup", &route_lookup);
    library_symbol("netvane_route_lookup_bulk", &route_lookup_bulk);
    library_symbol("netvane_match_answer", &match_answer);
    world_dir_make(dir);
    world_open(&w, dir, REGION_BYTES);
    for (uint32_t i = 0; i < t->count; i++)
        world_route(&w, t->family, &t->prefixes[i], 186);
    world_commit(&w);
    world_show(&w);
    nv = library_reader(dir);
    NETVANE_INIT(&table);
    if (library_snap_begin(nv, &snap) ||
        table_get(&snap, t->family == AF_INET ? 4 : 6, 254, &table))
        return "no such table";
    return NULL;
}

static void destroy(void)
{
    library_close(nv);
    world_close(&w);
    world_dir_remove(dir);
}

static void answers(const struct lookup_dsts *d, uint32_t n, uint32_t *ret_answers)
{
    const size_t size = table.family == 4 ? 4 : 16;
    struct netvane_match match;
    struct netvane_default to = {.size = sizeof(to)};
    for (uint32_t i = 0; i < n; i++) {
        ret_answers[i] = 0;
        if (route_lookup(&table, d->bytes + size * i, &match) || match_answer(&table, &match, &to))
            continue;
        ret_answers[i] = to.gateway[size - 1];
    }
}

static uint32_t netvane4_lookup(const struct lookup_dsts *d, uint32_t i)
{
    struct netvane_match match = {.info = 0};
    (void)route_lookup(&table, d->bytes + 4 * (size_t)i, &match);
    return match.info >> 6; /* 64-byte cells: what stands below is 0 */
}

static uint32_t netvane6_lookup(const struct lookup_dsts *d, uint32_t i)
{
    struct netvane_match match = {.info = 0};
    (void)route_lookup(&table, d->bytes + 16 * (size_t)i, &match);
    return match.info >> 6;
}

LOOKUP_SPEED_LOOPS(netvane4)
LOOKUP_SPEED_LOOPS(netvane6)

static uint64_t bulk(const struct lookup_dsts *d, uint32_t n)
{
    const size_t size = table.family == 4 ? 4 : 16;
    struct netvane_match match[LOOKUP_BULK];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i += LOOKUP_BULK) {
        (void)route_lookup_bulk(&table, d->bytes + size * (i & (d->count - 1)), LOOKUP_BULK, match);
        for (unsigned k = 0; k < LOOKUP_BULK; k++)
            sum += match[k].info;
    }
    return sum;
}

/* Fans, cells and infos, in use or waiting for the horizon. */
static uint64_t size_bytes(void)
{
    return w.mirror.lpm.cells.bytes_used;
}

const struct lookup_peer lookup_netvane[] = {
    {"netvane", AF_INET, 0, 1, NULL, build, destroy, answers, netvane4_single, bulk, netvane4_chain,
     size_bytes},
    {"netvane", AF_INET6, 0, 1, NULL, build, destroy, answers, netvane6_single, bulk,
     netvane6_chain, size_bytes},
    {.name = NULL},
};
