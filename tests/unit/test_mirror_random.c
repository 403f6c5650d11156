/* SPDX-License-Identifier: MIT */
/*
 * test_mirror_random.c - proves that no sequence of facts breaks the mirror: digests equal those recomputed
 * from the trees, indexes and counts agree, no node or shared content is lost, and the way back is complete.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nv/proto.h"
#include "tests/fake/fake_writer.h"
#include "writer/mirror.h"

#define MAX_BYTES (UINT64_C(128) << 20)

static struct fake_memory mem;
static struct nv_mirror *m;
static uint64_t rnd;

static int start(void **state)
{
    (void)state;
    m = calloc(1, sizeof(*m));
    assert_non_null(m);
    fake_memory_map(&mem, MAX_BYTES);
    assert_int_equal(nv_mirror_init(m, mem.base, MAX_BYTES, fake_memory_grow, &mem, 1), 0);
    rnd = fake_seed();
    return 0;
}

static int end(void **state)
{
    (void)state;
    nv_mirror_destroy(m);
    free(m);
    fake_memory_free(&mem);
    return 0;
}

static uint32_t any(uint32_t below)
{
    return fake_random(&rnd, below);
}

static void collect(void)
{
    nv_intern_collect(&m->hops, &m->draft);
    nv_intern_collect(&m->metrics, &m->draft);
    nv_intern_collect(&m->strings, &m->draft);
}

/* The counts of prefix lengths, against the routes themselves. */
static void assert_tables(void)
{
    for (uint32_t i = 0; i < m->table_count; i++) {
        const struct nv_table *at = &m->tables[i];
        const bool v4 = at->family == NV_AF_4;
        uint32_t count[129] = {0}, total = 0;
        struct nv_tree t =
            nv_draft_tree(&m->draft, v4 ? NETVANE_TREE_ROUTES4 : NETVANE_TREE_ROUTES6);
        uint64_t key[NV_TREE_KEY_WORDS_MAX] = {(uint64_t)at->table << 32};
        struct nv_cursor c;
        struct netvane_rec_route6 r;
        for (int more = nv_cursor_seek(&c, &t, key); more == NV_TREE_OK;
             more = nv_cursor_next(&c)) {
            assert_int_equal(nv_cursor_get(&c, &r), NV_TREE_OK);
            if (r.key[0] >> 32 != at->table)
                break;
            count[v4 ? r.key[1] >> 56 : r.key[2] >> 24 & 0xff]++;
            total++;
        }
        assert_int_equal(total, at->total);
        assert_memory_equal(count, at->count, sizeof(count));
    }
}

static void assert_sound(void)
{
    const char *fault = fake_mirror_fault(m);
    if (fault)
        fail_msg("%s", fault);
    assert_tables();
}

static void remove_everything(void)
{
    for (unsigned kind = 0; kind < NV_K_COUNT; kind++) {
        struct nv_sweep sweep = {.scope = {.kind = (enum nv_kind)kind}};
        if (kind == NV_K_ROUTE4 || kind == NV_K_ROUTE6)
            sweep.scope.family = kind == NV_K_ROUTE4 ? NV_AF_4 : NV_AF_6;
        nv_mirror_mark_begin(m, (enum nv_kind)kind, 0);
        (void)nv_mirror_sweep(m, &sweep);
        assert_sound();
    }
    collect();
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static void digests_indexes_and_counts_stay_true_under_random_facts(void **state)
{
    (void)state;
    for (unsigned step = 0; step < 30000; step++) {
        if (any(60))
            fake_random_fact(m, &rnd);
        else
            fake_random_dump(m, &rnd);
        if (!any(50)) {
            collect();
            nv_arena_next_draft(&m->draft.arena);
            if (m->draft.arena.draft > 20)
                nv_arena_reclaim(&m->draft.arena, m->draft.arena.draft - 10);
        }
        if (step % 50 == 0)
            assert_sound();
    }
    assert_false(m->degraded);
}

static void removing_everything_leaves_empty_trees_and_digests_of_zero(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned step = 0; step < 2000; step++)
            fake_random_fact(m, &rnd);
        remove_everything();
        for (unsigned t = 0; t < NETVANE_TREE_COUNT; t++)
            assert_int_equal(m->draft.tree[t].count, 0);
        for (unsigned t = 0; t < NETVANE_RT_COUNT; t++)
            assert_true(m->digest[t] == 0);
        assert_int_equal(m->draft.arena.used, 0);
        assert_int_equal(m->hops.table_used + m->metrics.table_used + m->strings.table_used, 0);
        for (uint32_t i = 0; i < m->table_count; i++)
            assert_int_equal(m->tables[i].total, 0);
        nv_arena_next_draft(&m->draft.arena);
    }
}

static void equal_states_have_equal_digests_however_they_came_about(void **state)
{
    (void)state;
    for (unsigned step = 0; step < 3000; step++)
        fake_random_fact(m, &rnd);
    remove_everything();
    uint64_t digest[2][NETVANE_RT_COUNT];
    for (unsigned round = 0; round < 2; round++) { /* other ids, other order, the same content */
        struct nv_link links[2] = {fact_link(2, "eth0", 1), fact_link(3, "eth1", 1)};
        links[0].has |= NV_LINK_HAS_ALIAS;
        links[0].alias = fact_text("uplink");
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(nv_mirror_link_put(m, &links[i ^ round]), NV_CHANGED);
        struct nv_addr a[2] = {fact_addr(2, "10.0.0.1", 24), fact_addr(3, "2001:db8::1", 64)};
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(nv_mirror_addr_put(m, &a[i ^ round], false, 0), NV_CHANGED);
        struct nv_hop hops[2] = {fact_hop(2, "10.0.0.254"), fact_hop(3, "10.0.0.253")};
        hops[1].encap_type = 1;
        hops[1].encap = fact_text("encapsulation");
        struct nv_route r[2] = {fact_route(254, "0.0.0.0", 0, 0, hops, 2),
                                fact_route(254, "10.1.0.0", 16, 0, hops, 1)};
        r[1].metric_mask = 1u << 2;
        r[1].metrics[2] = 1400;
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(nv_mirror_route_put(m, &r[i ^ round], 0, false, 0), NV_CHANGED);
        struct nv_nexthop n[2] = {fact_nexthop(1, 2, "10.0.0.1"), fact_nexthop(2, 3, NULL)};
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(nv_mirror_nexthop_put(m, &n[i ^ round]), NV_CHANGED);
        struct nv_rule u[2] = {fact_rule(NV_AF_4, 10, 1), fact_rule(NV_AF_4, 20, 2)};
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(nv_mirror_rule_put(m, &u[i ^ round], false), NV_CHANGED);
        assert_sound();
        memcpy(digest[round], m->digest, sizeof(m->digest));
        if (!round)
            remove_everything();
    }
    assert_memory_equal(digest[0], digest[1], sizeof(digest[0]));
}

static void mirror_stays_sound_when_memory_ends_at_any_moment(void **state)
{
    (void)state;
    nv_write_horizon(mem.base, 1);
    uint32_t refused = 0;
    for (unsigned round = 0; round < 30; round++) {
        mem.fail_from = mem.grows + 1;
        struct nv_hop h = fact_hop(60, "10.0.0.1"); /* a link that random facts leave alone */
        for (uint32_t i = 0; i < 3000; i++) {       /* until it is full, and on */
            struct nv_route f = fact_route(200 + any(3), "10.0.0.0", 32, 0, &h, 1);
            nv_store_be32(f.dst, any(1u << 20));
            nv_store_be32(h.gateway, any(50));
            refused += nv_mirror_route_put(m, &f, 0, false, 0) == NV_REFUSED;
            if (!any(10))
                fake_random_fact(m, &rnd);
            if (!any(200)) {
                collect();
                nv_arena_next_draft(&m->draft.arena);
            }
        }
        assert_sound();
        mem.fail_from = round == 20 ? 0 : mem.fail_from; /* once, it comes back */
        for (unsigned i = 0; i < 50; i++)
            fake_random_fact(m, &rnd);
        assert_sound();
    }
    assert_true(refused > 0);
    assert_true(m->degraded);
    assert_int_equal(m->counts_refused >= refused, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(digests_indexes_and_counts_stay_true_under_random_facts),
        T(removing_everything_leaves_empty_trees_and_digests_of_zero),
        T(equal_states_have_equal_digests_however_they_came_about),
        T(mirror_stays_sound_when_memory_ends_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
