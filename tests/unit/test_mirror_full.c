/* SPDX-License-Identifier: MIT */
/*
 * test_mirror_full.c - the mirror at its limits: a region that is full, changes of the largest size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/fake_writer.h"
#include "writer/commit.h"
#include "writer/limits.h"

static struct fake_memory mem;
static struct nv_mirror *m;
static struct nv_publisher pub;
static struct nv_commit commit;
static uint64_t now_ns;

static void open_mirror(uint64_t max_bytes)
{
    struct nv_header_args header = {.max_bytes = max_bytes};
    struct nv_legacy legacy = {0};
    struct nv_link link = fact_link(2, "eth2", 1);
    m = calloc(1, sizeof(*m));
    fake_memory_map(&mem, max_bytes);
    assert_int_equal(nv_publisher_init(&pub, mem.base, NULL, &header, &legacy), 0);
    assert_int_equal(nv_mirror_init(m, mem.base, max_bytes, fake_memory_grow, &mem, 1), 0);
    nv_commit_init(&commit, m, &pub);
    now_ns = 1;
    assert_int_equal(nv_mirror_link_put(m, &link), NV_CHANGED);
}

static int close_mirror(void **state)
{
    (void)state;
    nv_publisher_destroy(&pub);
    nv_mirror_destroy(m);
    fake_memory_free(&mem);
    free(m);
    return 0;
}

static void publish(void)
{
    now_ns += 2 * NV_NS_PER_MS;
    assert_true(nv_commit(&commit, true, now_ns));
}

static struct nv_route numbered(uint32_t i)
{
    char dst[32];
    (void)snprintf(dst, sizeof(dst), "%u.%u.%u.0", 20 + (i >> 14), i >> 6 & 255, (i & 63) << 2);
    struct nv_route r = fact_route(254, dst, 30, 0, NULL, 0);
    r.type = 6; /* RTN_BLACKHOLE: no hops */
    return r;
}

static void a_full_region_refuses_says_so_and_can_be_emptied_again(void **state)
{
    (void)state;
    uint32_t held = 0;
    open_mirror(NV_MAX_BYTES_LEAST);
    for (;; held++) {
        struct nv_route r = numbered(held);
        if (nv_mirror_route_put(m, &r, NV_LIST_CREATE, true, 0) == NV_REFUSED)
            break;
        if (held % 500 == 0)
            publish();
    }
    assert_true(held > 10000);
    assert_true(m->degraded && m->counts_refused > 0);
    publish();
    for (uint32_t i = 0; i < held; i++) {
        struct nv_route r = numbered(i);
        assert_int_equal(nv_mirror_route_remove(m, &r), NV_CHANGED);
        if (i % 500 == 0)
            publish();
    }
    publish();
    assert_int_equal(m->draft.tree[NETVANE_TREE_ROUTES4].count, 0);
    assert_null(fake_mirror_fault(m));
    struct nv_route r = numbered(1);
    assert_int_equal(nv_mirror_route_put(m, &r, NV_LIST_CREATE, true, 0), NV_CHANGED);
}

static struct nv_hop hops[NV_HOPS_MAX];
static char texts[NV_HOPS_MAX][100];

/* A route of `count` hops, each with an encapsulation of its own. */
static struct nv_route encapsulated(uint32_t seed, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        hops[i] = fact_hop(2, "10.0.0.1");
        memset(texts[i], (int)(seed & 0x7f), sizeof(texts[i]));
        memcpy(texts[i], &i, sizeof(i));
        memcpy(texts[i] + 4, &seed, sizeof(seed));
        hops[i].encap_type = 1;
        hops[i].encap = (struct nv_text){texts[i], sizeof(texts[i])};
    }
    struct nv_route r = fact_route(254, "99.0.0.0", 24, 0, hops, count);
    r.multipath = true;
    return r;
}

static void the_largest_route_fits_what_was_reserved_and_its_texts_go_with_it(void **state)
{
    (void)state;
    uint32_t strings = 0;
    open_mirror(UINT64_C(64) << 20);
    for (uint32_t round = 0; round < 12; round++) {
        struct nv_route r = encapsulated(round, NV_HOPS_MAX);
        assert_int_equal(nv_mirror_route_put(m, &r, NV_LIST_CREATE | NV_LIST_EXCL, false, 0),
                         NV_CHANGED);
        publish();
        assert_int_equal(m->draft.tree[NETVANE_TREE_HOPS].count, NV_HOPS_MAX);
        assert_int_equal(nv_mirror_route_remove(m, &r), NV_CHANGED);
        publish();
        publish(); /* the texts are dropped with the hop set, one collection later */
        if (!round)
            strings = m->draft.tree[NETVANE_TREE_STRINGS].count;
        assert_int_equal(m->draft.tree[NETVANE_TREE_STRINGS].count, strings);
        assert_int_equal(m->draft.tree[NETVANE_TREE_HOPS].count, 0);
        assert_null(fake_mirror_fault(m));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_full_region_refuses_says_so_and_can_be_emptied_again,
                                  close_mirror),
        cmocka_unit_test_teardown(the_largest_route_fits_what_was_reserved_and_its_texts_go_with_it,
                                  close_mirror),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
