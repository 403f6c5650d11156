/* SPDX-License-Identifier: MIT */
/*
 * test_arena.c - proves that writer/arena.c never gives out a node that a readable version can reach, that
 * nothing breaks when memory ends, and what it does over its budget.
 *
 * Nodes are "made" by hand here: a version number in the header is all that the arena looks at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nv/proto.h"
#include "tests/fake/fake_writer.h"
#include "writer/arena.h"
#include "writer/limits.h"

#define SMALL_BYTES (NETVANE_ARENA_OFFSET + NV_GROW_BYTES)

struct fixture {
    struct fake_memory mem;
    struct nv_arena a;
};

static void start(struct fixture *f, uint64_t max_bytes)
{
    memset(f, 0, sizeof(*f));
    fake_memory_map(&f->mem, max_bytes);
    assert_int_equal(nv_arena_init(&f->a, f->mem.base, max_bytes, fake_memory_grow, &f->mem, 1), 0);
}

static void end(struct fixture *f)
{
    nv_arena_destroy(&f->a);
    fake_memory_free(&f->mem);
}

static uint32_t make(struct nv_arena *a)
{
    bool expired = false;
    assert_int_equal(nv_arena_reserve(a, 1, &expired), 0);
    uint32_t ref = nv_arena_take(a);
    nv_arena_node_rw(a, ref)->version = a->draft;
    return ref;
}

static bool is_free(const struct nv_arena *a, uint32_t ref)
{
    for (uint32_t i = 0; i < a->free_count; i++)
        if (a->free_refs[i] == ref)
            return true;
    return false;
}

static void assert_whole(const struct nv_arena *a)
{
    uint64_t all = (a->size_bytes - NETVANE_ARENA_OFFSET) / NETVANE_NODE_BYTES;
    assert_int_equal(a->used + a->free_count + a->limbo_count, all);
    assert_true(a->capacity >= all); /* room in the lists */
}

static void first_node_is_the_first_of_the_arena_and_taken_nodes_ascend(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, UINT64_C(64) << 20);
    uint32_t first = make(&f.a);
    assert_int_equal((uint64_t)first * NETVANE_NODE_BYTES, NETVANE_ARENA_OFFSET);
    for (uint32_t i = 1; i < 5000; i++) /* over one growth */
        assert_int_equal(make(&f.a), first + i);
    assert_true(f.mem.grows > 1);
    assert_whole(&f.a);
    end(&f);
}

static void reserve_backs_what_it_promises_and_says_so_in_committed(void **state)
{
    (void)state;
    struct fixture f;
    bool expired = false;
    start(&f, UINT64_C(64) << 20);
    assert_int_equal(nv_arena_reserve(&f.a, 20000, &expired), 0);
    assert_true(f.a.free_count >= 20000);
    assert_true(f.a.dirty_capacity >= 20000);
    assert_false(expired);
    assert_int_equal(nv_read_committed(f.mem.base), f.a.size_bytes);
    assert_true(f.a.size_bytes <= f.mem.backed_bytes);
    unsigned grows = f.mem.grows;
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t ref = nv_arena_take(&f.a);
        assert_true(((uint64_t)ref + 1) * NETVANE_NODE_BYTES <= f.a.size_bytes);
        memset(nv_arena_node_rw(&f.a, ref), 0x5a, NETVANE_NODE_BYTES); /* is it backed? */
    }
    assert_int_equal(f.mem.grows, grows);
    assert_whole(&f.a);
    end(&f);
}

static void node_that_a_readable_version_shows_waits_for_the_horizon(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, UINT64_C(64) << 20);
    uint32_t ref = make(&f.a); /* draft 1 */
    nv_arena_next_draft(&f.a);
    nv_arena_next_draft(&f.a);
    nv_arena_retire(&f.a, ref); /* by draft 3: versions 1 and 2 show it */
    assert_false(is_free(&f.a, ref));
    assert_int_equal(f.a.limbo_count, 1);
    nv_arena_reclaim(&f.a, 1);
    nv_arena_reclaim(&f.a, 2);
    assert_false(is_free(&f.a, ref));
    nv_arena_reclaim(&f.a, 3);
    assert_true(is_free(&f.a, ref));
    assert_int_equal(f.a.limbo_count, 0);
    assert_whole(&f.a);
    end(&f);
}

static void node_of_the_draft_itself_is_free_at_once_and_shows_no_version(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, UINT64_C(64) << 20);
    uint32_t ref = make(&f.a);
    nv_arena_retire(&f.a, ref);
    assert_true(is_free(&f.a, ref));
    assert_int_equal(f.a.limbo_count, 0);
    assert_false(nv_arena_is_draft(&f.a, ref));
    assert_whole(&f.a);
    end(&f);
}

static void limbo_keeps_the_order_of_versions_through_growth_and_wrapping(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, UINT64_C(64) << 20);
    uint64_t rnd = fake_seed();
    uint32_t live[4000];
    unsigned n = 0;
    uint64_t horizon = 1;
    for (unsigned step = 0; step < 60000; step++) {
        unsigned what = fake_random(&rnd, 100);
        if (what < 52 && n < 4000) {
            live[n++] = make(&f.a);
        } else if (what < 94 && n) {
            unsigned i = fake_random(&rnd, n);
            nv_arena_retire(&f.a, live[i]);
            live[i] = live[--n];
        } else if (what < 98) {
            nv_arena_next_draft(&f.a);
        } else if (horizon + 1 < f.a.draft) {
            horizon += fake_random(&rnd, (uint32_t)(f.a.draft - horizon));
            nv_arena_reclaim(&f.a, horizon);
        }
        for (uint32_t i = 0; i < f.a.limbo_count && step % 997 == 0; i++) {
            const struct nv_limbo *l = &f.a.limbo[(f.a.limbo_head + i) % f.a.capacity];
            assert_true(l->last_version >= horizon);
            assert_false(is_free(&f.a, l->ref));
            if (i)
                assert_true(l[0].last_version >=
                            f.a.limbo[(f.a.limbo_head + i - 1) % f.a.capacity].last_version);
        }
    }
    assert_true(f.a.limbo_count > 0);
    assert_whole(&f.a);
    end(&f);
}

static void nothing_readable_is_ever_written_by_a_random_writer(void **state)
{
    (void)state;
    enum { LIVE = 600, KEPT = 8, STEPS = 4000 };
    struct fixture f;
    start(&f, UINT64_C(64) << 20);
    uint64_t rnd = fake_seed() + 1;
    static uint32_t shown[KEPT][LIVE];
    static uint64_t content[KEPT][LIVE];
    uint32_t live[LIVE];
    uint64_t mark[LIVE], next = 1;
    for (unsigned i = 0; i < LIVE; i++) {
        live[i] = make(&f.a);
        mark[i] = next;
        memcpy(nv_arena_node_rw(&f.a, live[i])->bytes, &next, 8);
        next++;
    }
    uint64_t horizon = 1;
    for (unsigned step = 0; step < STEPS; step++) {
        uint64_t v = f.a.draft;
        memcpy(shown[v % KEPT], live, sizeof(live));
        memcpy(content[v % KEPT], mark, sizeof(mark));
        nv_arena_next_draft(&f.a);
        if (v >= horizon + KEPT - 1 || !fake_random(&rnd, 3)) {
            horizon = v >= KEPT - 1 && horizon < v - (KEPT - 2) ? v - (KEPT - 2) : horizon;
            nv_arena_reclaim(&f.a, horizon);
        }
        for (unsigned e = fake_random(&rnd, 40); e; e--) { /* replace nodes by copies */
            unsigned i = fake_random(&rnd, LIVE);
            uint32_t to = make(&f.a);
            nv_arena_retire(&f.a, live[i]);
            live[i] = to;
            mark[i] = next;
            memcpy(nv_arena_node_rw(&f.a, to)->bytes, &next, 8);
            next++;
        }
        for (uint64_t w = horizon; w <= v; w++) {
            for (unsigned i = 0; i < LIVE; i++) {
                uint64_t seen;
                memcpy(&seen, nv_arena_node(&f.a, shown[w % KEPT][i])->bytes, 8);
                assert_int_equal(seen, content[w % KEPT][i]);
            }
        }
    }
    assert_whole(&f.a);
    end(&f);
}

static void failed_growth_leaves_everything_usable(void **state)
{
    (void)state;
    struct fixture f;
    bool expired = false;
    start(&f, UINT64_C(64) << 20);
    uint32_t kept = make(&f.a);
    uint64_t committed = nv_read_committed(f.mem.base);
    uint32_t free_before = f.a.free_count;
    f.mem.fail_from = f.mem.grows + 1;
    assert_int_equal(nv_arena_reserve(&f.a, free_before + 1, &expired), NV_ARENA_FULL);
    assert_int_equal(nv_read_committed(f.mem.base), committed);
    assert_int_equal(f.a.free_count, free_before);
    assert_int_equal(f.a.grow_failures, 1);
    for (uint32_t i = 0; i < free_before; i++) /* all that there is can still be used */
        (void)make(&f.a);
    assert_int_equal(f.a.free_count, 0);
    nv_arena_retire(&f.a, kept);
    assert_int_equal(make(&f.a), kept);
    assert_whole(&f.a);
    f.mem.fail_from = 0; /* memory is back */
    assert_int_equal(nv_arena_reserve(&f.a, 1000, &expired), 0);
    assert_true(f.a.free_count >= 1000);
    assert_true(nv_read_committed(f.mem.base) > committed);
    end(&f);
}

static void limbo_survives_a_failed_growth(void **state)
{
    (void)state;
    struct fixture f;
    bool expired = false;
    start(&f, UINT64_C(64) << 20);
    nv_write_horizon(f.mem.base, 1);
    uint32_t refs[10];
    for (unsigned i = 0; i < 10; i++)
        refs[i] = make(&f.a);
    nv_arena_next_draft(&f.a);
    for (unsigned i = 0; i < 10; i++)
        nv_arena_retire(&f.a, refs[i]);
    f.mem.fail_from = f.mem.grows + 1;
    assert_int_equal(nv_arena_reserve(&f.a, f.a.free_count + 1, &expired), NV_ARENA_FULL);
    assert_false(expired); /* version 1 is the newest: it must stay */
    assert_int_equal(f.a.limbo_count, 10);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(f.a.limbo[(f.a.limbo_head + i) % f.a.capacity].ref, refs[i]);
    end(&f);
}

static void over_the_budget_all_but_the_newest_version_expire_early(void **state)
{
    (void)state;
    struct fixture f;
    bool expired = false;
    start(&f, SMALL_BYTES);
    nv_write_horizon(f.mem.base, 1);
    uint32_t first = make(&f.a);
    nv_arena_next_draft(&f.a); /* version 1 shows it */
    nv_arena_retire(&f.a, first);
    uint32_t second = make(&f.a);
    nv_arena_next_draft(&f.a); /* version 2 shows second */
    nv_arena_retire(&f.a, second);
    uint32_t want = f.a.free_count + 1;
    assert_int_equal(nv_arena_reserve(&f.a, want, &expired), 0);
    assert_true(expired);
    assert_int_equal(nv_read_word(f.mem.base, NV_HOT(horizon)), 2);
    assert_true(is_free(&f.a, first));
    assert_false(is_free(&f.a, second)); /* the newest version is never given up */
    expired = false;
    assert_int_equal(nv_arena_reserve(&f.a, want + 1, &expired), NV_ARENA_FULL);
    assert_false(expired);
    assert_int_equal(nv_read_word(f.mem.base, NV_HOT(horizon)), 2);
    assert_whole(&f.a);
    end(&f);
}

static void early_expiry_is_only_ever_set(void **state)
{
    (void)state;
    struct fixture f;
    bool expired = true;
    start(&f, SMALL_BYTES);
    assert_int_equal(nv_arena_reserve(&f.a, 1, &expired), 0);
    assert_true(expired);
    end(&f);
}

static void file_never_grows_past_its_limit(void **state)
{
    (void)state;
    struct fixture f;
    bool expired = false;
    start(&f, SMALL_BYTES + 3 * NETVANE_NODE_BYTES);
    uint32_t most = (uint32_t)((f.mem.max_bytes - NETVANE_ARENA_OFFSET) / NETVANE_NODE_BYTES);
    assert_int_equal(nv_arena_reserve(&f.a, most + 1, &expired), NV_ARENA_FULL);
    assert_int_equal(nv_arena_reserve(&f.a, most, &expired), 0);
    assert_int_equal(f.a.size_bytes, f.mem.max_bytes);
    for (uint32_t i = 0; i < most; i++)
        memset(nv_arena_node_rw(&f.a, nv_arena_take(&f.a)), 1, NETVANE_NODE_BYTES);
    end(&f);
}

static void init_without_memory_fails(void **state)
{
    (void)state;
    struct fake_memory mem;
    struct nv_arena a;
    fake_memory_map(&mem, UINT64_C(64) << 20);
    mem.fail_from = 1;
    assert_int_equal(nv_arena_init(&a, mem.base, mem.max_bytes, fake_memory_grow, &mem, 1),
                     NV_ARENA_FULL);
    nv_arena_destroy(&a);
    fake_memory_free(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_node_is_the_first_of_the_arena_and_taken_nodes_ascend),
        cmocka_unit_test(reserve_backs_what_it_promises_and_says_so_in_committed),
        cmocka_unit_test(node_that_a_readable_version_shows_waits_for_the_horizon),
        cmocka_unit_test(node_of_the_draft_itself_is_free_at_once_and_shows_no_version),
        cmocka_unit_test(limbo_keeps_the_order_of_versions_through_growth_and_wrapping),
        cmocka_unit_test(nothing_readable_is_ever_written_by_a_random_writer),
        cmocka_unit_test(failed_growth_leaves_everything_usable),
        cmocka_unit_test(limbo_survives_a_failed_growth),
        cmocka_unit_test(over_the_budget_all_but_the_newest_version_expire_early),
        cmocka_unit_test(early_expiry_is_only_ever_set),
        cmocka_unit_test(file_never_grows_past_its_limit),
        cmocka_unit_test(init_without_memory_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
