/* SPDX-License-Identifier: MIT */
/*
 * test_touched.c - proves that writer/touched.c is a set of keys, and that it errs on the safe side: past its
 * limit everything counts as touched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/fake/fake_writer.h"
#include "writer/sync.h"

static void holds_what_was_added_and_nothing_else(void **state)
{
    (void)state;
    struct nv_touched t = {0};
    uint64_t rnd = fake_seed(), base = (uint64_t)fake_random(&rnd, UINT32_MAX) << 20;
    assert_false(nv_touched_has(&t, base));
    for (uint64_t i = 0; i < 20000; i++)
        nv_touched_add(&t, nv_mix(base + 2 * i));
    assert_false(t.overflow);
    assert_int_equal(t.used, 20000);
    for (uint64_t i = 0; i < 20000; i++) {
        assert_true(nv_touched_has(&t, nv_mix(base + 2 * i)));
        assert_false(nv_touched_has(&t, nv_mix(base + 2 * i + 1)));
    }
    nv_touched_destroy(&t);
}

static void key_added_twice_is_held_once(void **state)
{
    (void)state;
    struct nv_touched t = {0};
    for (unsigned i = 0; i < 1000; i++)
        nv_touched_add(&t, 42);
    assert_int_equal(t.used, 1);
    nv_touched_destroy(&t);
}

static void key_zero_is_a_key_like_any_other(void **state)
{
    (void)state;
    struct nv_touched t = {0};
    nv_touched_add(&t, 7);
    assert_false(nv_touched_has(&t, 0));
    nv_touched_add(&t, 0);
    assert_true(nv_touched_has(&t, 0));
    nv_touched_destroy(&t);
}

static void keys_that_collide_are_told_apart(void **state)
{
    (void)state;
    struct nv_touched t = {0};
    for (uint64_t i = 1; i <= 100; i++)
        nv_touched_add(&t, i << 40 | 0xff); /* the same slot, at the table's end: they wrap */
    for (uint64_t i = 1; i <= 100; i++) {
        assert_true(nv_touched_has(&t, i << 40 | 0xff));
        assert_false(nv_touched_has(&t, i << 40 | 0xfe));
    }
    nv_touched_destroy(&t);
}

static void past_the_limit_everything_counts_as_touched_until_it_is_cleared(void **state)
{
    (void)state;
    struct nv_touched t = {0};
    for (uint64_t i = 0; i < NV_TOUCHED_MAX; i++)
        nv_touched_add(&t, nv_mix(i + 1));
    assert_false(t.overflow);
    assert_false(nv_touched_has(&t, nv_mix(NV_TOUCHED_MAX + 1)));
    nv_touched_add(&t, nv_mix(1)); /* one that is there needs no room */
    assert_false(t.overflow);
    nv_touched_add(&t, nv_mix(NV_TOUCHED_MAX + 1));
    assert_true(t.overflow);
    assert_true(nv_touched_has(&t, nv_mix(NV_TOUCHED_MAX + 2)));
    nv_touched_clear(&t);
    assert_false(nv_touched_has(&t, nv_mix(1)));
    assert_false(nv_touched_has(&t, nv_mix(NV_TOUCHED_MAX + 2)));
    nv_touched_add(&t, nv_mix(1));
    assert_true(nv_touched_has(&t, nv_mix(1)));
    nv_touched_destroy(&t);
}

static void keys_of_different_objects_differ(void **state)
{
    (void)state;
    uint8_t a[16], b[16];
    (void)fact_ip("10.0.0.0", a);
    (void)fact_ip("10.0.0.1", b);
    assert_int_not_equal(nv_touch_link(4), nv_touch_nexthop(4));
    assert_int_not_equal(nv_touch_rule(4, 100), nv_touch_rule(6, 100));
    assert_int_not_equal(nv_touch_addr(4, 2, a), nv_touch_addr(4, 3, a));
    assert_int_not_equal(nv_touch_addr(4, 2, a), nv_touch_addr(4, 2, b));
    assert_int_not_equal(nv_touch_route(4, 254, a, 8), nv_touch_route(4, 254, a, 9));
    assert_int_not_equal(nv_touch_route(4, 254, a, 8), nv_touch_route(4, 255, a, 8));
    assert_int_not_equal(nv_touch_route(4, 254, a, 32), nv_touch_route(4, 254, b, 32));
    assert_int_equal(nv_touch_route(4, 254, a, 8), nv_touch_route(4, 254, a, 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_was_added_and_nothing_else),
        cmocka_unit_test(key_added_twice_is_held_once),
        cmocka_unit_test(key_zero_is_a_key_like_any_other),
        cmocka_unit_test(keys_that_collide_are_told_apart),
        cmocka_unit_test(past_the_limit_everything_counts_as_touched_until_it_is_cleared),
        cmocka_unit_test(keys_of_different_objects_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
