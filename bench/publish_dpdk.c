/* SPDX-License-Identifier: MIT */
/*
 * publish_dpdk.c - one changed route in DPDK's rte_fib (DIR24_8), which dataplanes update in place.
 */
#include "publish_peers.h"

#include <math.h>

#ifdef NETVANE_HAVE_DPDK

#include <rte_fib.h>
#include <rte_memory.h>
#include <stdlib.h>

#include "bench.h"
#include "dpdk_start.h"

static struct rte_fib *fib;
static struct prefix *own;
static uint32_t own_count;

static bool add(const struct prefix *p)
{
    return !rte_fib_add(fib, (uint32_t)(p->address >> 32), p->len, p->gateway + 1u);
}

const char *publish_fib_open(const struct prefix *list, uint32_t count)
{
    struct rte_fib_conf conf = {.type = RTE_FIB_DIR24_8, .max_routes = (int)count + 1024};
    conf.dir24_8.nh_sz = RTE_FIB_DIR24_8_4B;
    conf.dir24_8.num_tbl8 = 1024;
    const bool started = dpdk_start();
    bench_pin(1);
    if (!started)
        return "DPDK does not start here";
    fib = rte_fib_create("bench", SOCKET_ID_ANY, &conf);
    own = calloc(count, sizeof(*own));
    bool good = fib && own;
    for (uint32_t i = 0; good && i < count; i++) {
        own[i] = list[i];
        good = add(&own[i]);
    }
    own_count = count;
    if (!good)
        publish_fib_close();
    return good ? NULL : "rte_fib has no room for the table";
}

double publish_fib_ns(uint32_t changes)
{
    static uint32_t seed = 12345;
    const uint64_t start = bench_now_ns();
    for (uint32_t i = 0; i < changes; i++) {
        seed = seed * 1664525u + 1013904223u;
        struct prefix *p = &own[(uint64_t)seed * own_count >> 32];
        p->gateway = (uint8_t)((p->gateway + 1) % PREFIX_GATEWAYS);
        (void)add(p);
    }
    return (double)(bench_now_ns() - start) / changes;
}

double publish_fib_default_ns(uint32_t changes)
{
    struct prefix p = {.len = 0};
    const uint64_t start = bench_now_ns();
    for (uint32_t i = 0; i < changes; i++) {
        p.gateway = (uint8_t)((p.gateway + 1) % PREFIX_GATEWAYS);
        (void)add(&p);
    }
    return (double)(bench_now_ns() - start) / changes;
}

void publish_fib_close(void)
{
    rte_fib_free(fib);
    free(own);
    fib = NULL;
    own = NULL;
}

#else

const char *publish_fib_open(const struct prefix *list, uint32_t count)
{
    (void)list;
    (void)count;
    return "libdpdk-dev was not found when this was built";
}

double publish_fib_ns(uint32_t changes)
{
    (void)changes;
    return NAN;
}

double publish_fib_default_ns(uint32_t changes)
{
    (void)changes;
    return NAN;
}

void publish_fib_close(void) {}

#endif
