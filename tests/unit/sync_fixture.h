/* SPDX-License-Identifier: MIT */
/*
 * sync_fixture.h - a mirror, a fake source and a clock that stands still, for test_sync.c and test_edges.c.
 *
 * Defines the clock functions of nv/plat.h: include it in one file of an executable.
 */
#ifndef SYNC_FIXTURE_H
#define SYNC_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/fake_source.h"
#include "tests/fake/fake_writer.h"
#include "writer/log.h"
#include "writer/sync.h"

#define MAX_BYTES    (UINT64_C(64) << 20)
#define RECONCILE_NS (15 * NV_NS_PER_S)
#define UP           (1u | 0x40u | 1u << 16)

static struct fake_memory mem;
static struct nv_mirror *m;
static struct nv_sync *s;
static struct fake_source *src;
static uint64_t counter[NETVANE_RC_COUNT];
static uint64_t now_ns, slept_ns;
static struct fake_object *eth0, *eth1, *addr0, *default4, *connected, *default6;

uint64_t nv_clock_boottime_ns(void)
{
    return now_ns;
}

uint64_t nv_clock_monotonic_ns(void)
{
    return now_ns - slept_ns;
}

uint64_t nv_clock_realtime_ns(void)
{
    return now_ns;
}

static void make_world(void)
{
    struct nv_link links[3] = {fact_link(1, "lo", UP), fact_link(2, "eth0", UP),
                               fact_link(3, "eth1", UP)};
    (void)fake_know(src, NV_LINK, &links[0]);
    eth0 = fake_know(src, NV_LINK, &links[1]);
    eth1 = fake_know(src, NV_LINK, &links[2]);
    struct nv_addr a = fact_addr(2, "10.0.0.1", 24), b = fact_addr(2, "2001:db8::1", 64);
    addr0 = fake_know(src, NV_ADDR, &a);
    (void)fake_know(src, NV_ADDR, &b);
    struct nv_rule rules[2] = {fact_rule(NV_AF_4, 32766, 254), fact_rule(NV_AF_6, 32766, 254)};
    (void)fake_know(src, NV_RULE, &rules[0]);
    (void)fake_know(src, NV_RULE, &rules[1]);
    struct nv_nexthop nexthop = fact_nexthop(1, 2, "10.0.0.250");
    (void)fake_know(src, NV_NEXTHOP, &nexthop);
    struct nv_hop gw = fact_hop(2, "10.0.0.254"), on = fact_hop(2, NULL),
                  gw6 = fact_hop(2, "fe80::1");
    struct nv_route r[3] = {fact_route(254, "0.0.0.0", 0, 0, &gw, 1),
                            fact_route(254, "10.0.0.0", 24, 0, &on, 1),
                            fact_route(254, "::", 0, 1024, &gw6, 1)};
    default4 = fake_know(src, NV_ROUTE, &r[0]);
    connected = fake_know(src, NV_ROUTE, &r[1]);
    default6 = fake_know(src, NV_ROUTE, &r[2]);
}

static int start(void **state)
{
    (void)state;
    m = calloc(1, sizeof(*m));
    s = calloc(1, sizeof(*s));
    src = calloc(1, sizeof(*src));
    assert_true(m && s && src);
    nv_log_set_level(NV_LOG_ERROR);
    memset(counter, 0, sizeof(counter));
    now_ns = 1000 * NV_NS_PER_S;
    slept_ns = 0;
    fake_memory_map(&mem, MAX_BYTES);
    assert_int_equal(nv_mirror_init(m, mem.base, MAX_BYTES, fake_memory_grow, &mem, 1), 0);
    nv_sync_init(s, m, counter, RECONCILE_NS);
    fake_source_start(src, nv_sync_event, s);
    s->source = &src->source;
    make_world();
    return 0;
}

static int end(void **state)
{
    (void)state;
    const char *fault = fake_mirror_fault(m); /* after every test */
    nv_sync_destroy(s);
    nv_mirror_destroy(m);
    free(s);
    free(m);
    free(src);
    fake_memory_free(&mem);
    if (fault)
        print_error("%s\n", fault);
    return fault ? -1 : 0;
}

/* Pumps and steps as the loop does, until nothing is due before `until`; the clock jumps to what is. */
static void run_until(uint64_t until)
{
    for (unsigned turn = 0; turn < 100000; turn++) {
        assert_int_equal(nv_sync_pump(s), 0);
        uint64_t next = nv_sync_step(s, now_ns);
        if (s->lane[NV_LANE_SMALL].active || s->lane[NV_LANE_ROUTES].active)
            continue;
        if (next > until) {
            now_ns = nv_max_u64(now_ns, until);
            return;
        }
        now_ns = nv_max_u64(now_ns, next);
    }
    fail_msg("no end");
}

/* Until all re-reads are done, and what is tried again after moments; not until the next reconcile. */
static inline void settle(void)
{
    run_until(now_ns + NV_NS_PER_S);
}

static inline bool settled(void)
{
    return nv_sync_settled(s, NV_LANE_SMALL) && nv_sync_settled(s, NV_LANE_ROUTES);
}

static inline void load(void)
{
    settle();
    assert_true(settled());
    src->request_count = 0;
    memset(counter, 0, sizeof(counter));
}

static inline uint32_t count(unsigned tree)
{
    return m->draft.tree[tree].count;
}

/* How many dumps were asked for that limit themselves exactly so. */
static inline unsigned asked(enum nv_class cls, uint8_t family, uint32_t ifindex)
{
    unsigned n = 0;
    for (unsigned i = 0; i < src->request_count; i++) {
        const struct nv_dump_request *r = &src->requests[i];
        n += r->cls == cls && r->family == family && r->ifindex == ifindex;
    }
    return n;
}

/* How many dumps were asked for of one table. */
static inline unsigned asked_table(uint8_t family, uint32_t table)
{
    unsigned n = 0;
    for (unsigned i = 0; i < src->request_count; i++) {
        const struct nv_dump_request *r = &src->requests[i];
        n += r->cls == NV_ROUTE && r->family == family && r->table == table;
    }
    return n;
}

static inline bool has_route(const struct fake_object *o)
{
    struct nv_tree t = nv_draft_tree(&m->draft, o->route.family == NV_AF_4 ? NETVANE_TREE_ROUTES4
                                                                           : NETVANE_TREE_ROUTES6);
    struct nv_cursor c;
    struct netvane_rec_route6 r;
    for (int more = nv_cursor_seek(&c, &t, NULL); more == NV_TREE_OK; more = nv_cursor_next(&c)) {
        assert_int_equal(nv_cursor_get(&c, &r), NV_TREE_OK);
        if (r.key[0] == ((uint64_t)o->route.table << 32 | nv_load_be32(o->route.dst)))
            return true;
    }
    return false;
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, end)

#endif
