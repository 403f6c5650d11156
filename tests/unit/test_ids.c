/* SPDX-License-Identifier: MIT */
/*
 * test_ids.c - proves that writer/ids.c gives each living object an id of its own, never 0, and not at once
 * the id of one that just died; and that the marks of a sweep start right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/fake_writer.h"
#include "writer/ids.h"

static uint32_t take(struct nv_ids *ids)
{
    assert_int_equal(nv_ids_reserve(ids), 0);
    return nv_ids_take(ids);
}

static void ids_start_at_one_and_zero_is_never_given(void **state)
{
    (void)state;
    struct nv_ids ids = {0};
    for (uint32_t i = 1; i <= 5000; i++)
        assert_int_equal(take(&ids), i);
    nv_ids_destroy(&ids);
}

static void id_that_was_freed_just_now_is_not_the_next(void **state)
{
    (void)state;
    struct nv_ids ids = {0};
    for (uint32_t i = 1; i <= 10; i++)
        (void)take(&ids);
    nv_ids_free(&ids, 10);
    assert_int_not_equal(take(&ids), 10);
    nv_ids_free(&ids, 3);
    assert_int_not_equal(take(&ids), 3);
    nv_ids_destroy(&ids);
}

static void freed_ids_are_used_again_before_the_bitmaps_grow(void **state)
{
    (void)state;
    struct nv_ids ids = {0};
    (void)take(&ids);
    uint32_t words = ids.words;
    for (uint32_t i = 0; i < words * 64u * 20u; i++)
        nv_ids_free(&ids, take(&ids));
    assert_int_equal(ids.words, words);
    nv_ids_destroy(&ids);
}

static void last_free_id_is_found_and_then_the_bitmaps_grow(void **state)
{
    (void)state;
    struct nv_ids ids = {0};
    (void)take(&ids);
    uint32_t all = ids.words * 64u;
    for (uint32_t i = 2; i < all; i++)
        (void)take(&ids);
    nv_ids_free(&ids, 77);
    assert_int_equal(take(&ids), 77);
    assert_int_equal(ids.words * 64u, all);
    assert_int_equal(take(&ids), all);
    assert_true(ids.words * 64u > all);
    nv_ids_destroy(&ids);
}

static void reserve_without_take_changes_nothing(void **state)
{
    (void)state;
    struct nv_ids ids = {0};
    uint32_t first = take(&ids);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(nv_ids_reserve(&ids), 0);
    assert_int_equal(take(&ids), first + 1);
    nv_ids_destroy(&ids);
}

static void new_object_counts_as_seen_and_not_missed(void **state)
{
    (void)state;
    struct nv_ids ids = {0};
    uint32_t id = take(&ids);
    assert_true(nv_bit_get(ids.seen, id));
    nv_bit_set(ids.missed, id); /* of the life before */
    nv_ids_clear_seen(&ids);
    assert_false(nv_bit_get(ids.seen, id));
    nv_ids_free(&ids, id);
    for (;;) {
        uint32_t next = take(&ids);
        assert_true(nv_bit_get(ids.seen, next));
        assert_false(nv_bit_get(ids.missed, next));
        if (next == id)
            break;
    }
    nv_bit_set(ids.missed, id);
    nv_ids_clear_missed(&ids);
    assert_false(nv_bit_get(ids.missed, id));
    nv_ids_destroy(&ids);
}

static void no_two_living_objects_share_an_id(void **state)
{
    (void)state;
    enum { STEPS = 200000, MOST = 30000 };
    struct nv_ids ids = {0};
    uint64_t rnd = fake_seed();
    static uint32_t live[MOST];
    static bool used[MOST * 4];
    memset(used, 0, sizeof(used));
    unsigned n = 0;
    for (unsigned step = 0; step < STEPS; step++) {
        bool grow = fake_random(&rnd, 100) < (step / 20000 % 2 ? 30u : 70u);
        if (grow && n < MOST) {
            uint32_t id = take(&ids);
            assert_true(id && id < MOST * 4);
            assert_false(used[id]);
            used[id] = true;
            live[n++] = id;
        } else if (!grow && n) {
            unsigned i = fake_random(&rnd, n);
            nv_ids_free(&ids, live[i]);
            used[live[i]] = false;
            live[i] = live[--n];
        }
    }
    nv_ids_destroy(&ids);
}

static void clearing_and_destroying_what_was_never_used_is_harmless(void **state)
{
    (void)state;
    struct nv_ids ids = {0};
    nv_ids_clear_seen(&ids);
    nv_ids_clear_missed(&ids);
    nv_ids_destroy(&ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_start_at_one_and_zero_is_never_given),
        cmocka_unit_test(id_that_was_freed_just_now_is_not_the_next),
        cmocka_unit_test(freed_ids_are_used_again_before_the_bitmaps_grow),
        cmocka_unit_test(last_free_id_is_found_and_then_the_bitmaps_grow),
        cmocka_unit_test(reserve_without_take_changes_nothing),
        cmocka_unit_test(new_object_counts_as_seen_and_not_missed),
        cmocka_unit_test(no_two_living_objects_share_an_id),
        cmocka_unit_test(clearing_and_destroying_what_was_never_used_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
