/* SPDX-License-Identifier: MIT */
/*
 * test_clock.c - platform/linux/clock.c: a clock that is held stands still, and never goes back when it is let go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nv/base.h"
#include "nv/plat.h"

static void held_clock_stands_still_and_the_others_run(void **state)
{
    (void)state;
    uint64_t unheld = nv_clock_unheld_ns(), wall = nv_clock_realtime_ns();
    nv_clock_hold(1000, 400);
    while (nv_clock_unheld_ns() - unheld < NV_NS_PER_MS)
        assert_true(nv_clock_boottime_ns() == 1000 && nv_clock_monotonic_ns() == 400);
    assert_true(nv_clock_realtime_ns() != wall);
    nv_clock_release();
}

static void clock_that_was_behind_goes_on_from_now(void **state)
{
    (void)state;
    nv_clock_hold(1000, 400);
    nv_clock_release();
    uint64_t boottime = nv_clock_boottime_ns(), monotonic = nv_clock_monotonic_ns();
    assert_true(boottime > 1000);
    /* The difference is that of the hold: no suspend has happened. */
    uint64_t behind = boottime - monotonic;
    assert_true(behind < 600 + NV_NS_PER_MS && behind + NV_NS_PER_MS > 600);
}

static void clock_that_was_ahead_goes_on_from_there(void **state)
{
    (void)state;
    uint64_t ahead = nv_clock_boottime_ns() + 3600 * NV_NS_PER_S;
    nv_clock_hold(ahead, ahead - 5);
    nv_clock_release();
    uint64_t boottime = nv_clock_boottime_ns();
    assert_true(boottime >= ahead && boottime < ahead + NV_NS_PER_S);
    while (nv_clock_boottime_ns() == boottime) {
    }
    nv_clock_release(); /* nothing is held any more */
    assert_true(nv_clock_boottime_ns() > boottime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(held_clock_stands_still_and_the_others_run),
        cmocka_unit_test(clock_that_was_behind_goes_on_from_now),
        cmocka_unit_test(clock_that_was_ahead_goes_on_from_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
