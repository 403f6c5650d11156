/* SPDX-License-Identifier: MIT */
/*
 * test_memory_faults.c - the writer without memory: each allocation of a run fails in its turn, once or from then on.
 *
 * A run is random facts and dumps, many of them routes, published now and then. Whatever fails, what the region holds stays
 * true: trees, digests, indexes of prefixes, every cell and node accounted for. The linker's --wrap gives the writer's calls
 * to this file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/fake_writer.h"
#include "writer/commit.h"

#define MAX_BYTES (UINT64_C(32) << 20)
#define STEPS     240u
#define ROUTES    400u /* added at once: tables and lists have to grow for them */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool watched;     /* the writer runs */
static unsigned met;     /* its allocations so far */
static unsigned fail_at; /* the number of the one that fails, 0: none */
static bool fail_on;     /* and of all behind it */
static unsigned failed;

static bool fails(void)
{
    if (!watched)
        return false;
    met++;
    const bool f = fail_at && (met == fail_at || (fail_on && met > fail_at));
    failed += f;
    return f;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

/* ---- a run ---------------------------------------------------------------------------------------------------- */

static struct fake_memory mem;
static struct nv_mirror *m;
static struct nv_publisher pub;
static struct nv_commit commit;
static uint64_t now_ns;

static void publish(void)
{
    now_ns += UINT64_C(2000000000); /* past the time that old versions have */
    watched = true;
    (void)nv_commit(&commit, true, now_ns);
    watched = false;
}

static void assert_sound(void)
{
    const char *fault = fake_mirror_fault(m);
    if (fault)
        fail_msg("allocation %u of %u: %s", fail_at, met, fault);
    fault = fake_lpm_fault(m);
    if (fault)
        fail_msg("allocation %u of %u: %s", fail_at, met, fault);
}

/* Routes behind each other, over eight gateways, and with metrics that no other has. */
static void add_routes(uint32_t from)
{
    for (uint32_t i = 0; i < ROUTES; i++) {
        struct nv_hop hop = fact_hop(2, "10.0.0.1");
        hop.gateway[3] = (uint8_t)(1 + i % 8);
        struct nv_route r = fact_route(254 + i % 3, "20.0.0.0", 24, i % 50, &hop, 1);
        r.dst[1] = (uint8_t)((from + i) >> 8);
        r.dst[2] = (uint8_t)(from + i);
        watched = true;
        (void)nv_mirror_route_put(m, &r, NV_LIST_REPLACE, false, 0);
        watched = false;
    }
}

/* Returns how many allocations there were. */
static unsigned run(unsigned fail, bool on)
{
    struct nv_header_args header = {.max_bytes = MAX_BYTES};
    struct nv_legacy legacy = {0};
    struct nv_link link = fact_link(2, "eth2", 1);
    uint64_t rnd = 20261127;
    m = calloc(1, sizeof(*m));
    assert_non_null(m);
    fake_memory_map(&mem, MAX_BYTES);
    assert_int_equal(nv_publisher_init(&pub, mem.base, NULL, &header, &legacy), 0);
    met = failed = 0;
    fail_at = fail;
    fail_on = on;
    now_ns = 1;
    watched = true;
    const int r = nv_mirror_init(m, mem.base, MAX_BYTES, fake_memory_grow, &mem, 1);
    watched = false;
    if (!r) {
        nv_commit_init(&commit, m, &pub);
        watched = true;
        (void)nv_mirror_link_put(m, &link);
        watched = false;
        for (unsigned step = 0; step < STEPS; step++) {
            watched = true;
            if (step % 30)
                fake_random_fact(m, &rnd);
            else
                fake_random_dump(m, &rnd);
            watched = false;
            if (step % 80 == 20)
                add_routes(step);
            if (step % 40 == 39)
                publish();
            if (step % 120 == 119)
                assert_sound();
        }
    } else {
        assert_true(failed > 0);
    }
    fail_at = 0;
    nv_publisher_destroy(&pub);
    nv_mirror_destroy(m);
    fake_memory_free(&mem);
    free(m);
    return met;
}

/* ---- tests ---------------------------------------------------------------------------------------------------- */

static void region_stays_true_whichever_allocation_fails(void **state)
{
    (void)state;
    const unsigned all = run(0, false);
    assert_true(all > 50);
    for (unsigned n = 1; n <= all; n++)
        (void)run(n, false);
}

static void region_stays_true_when_no_allocation_succeeds_any_more(void **state)
{
    (void)state;
    const unsigned all = run(0, false);
    for (unsigned n = 1; n <= all; n++)
        (void)run(n, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(region_stays_true_whichever_allocation_fails),
        cmocka_unit_test(region_stays_true_when_no_allocation_succeeds_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
