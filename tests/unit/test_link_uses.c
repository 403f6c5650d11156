/* SPDX-License-Identifier: MIT */
/*
 * test_link_uses.c - proves that writer/link_uses.c counts as a plain array does, and forgets links that nobody names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/fake_writer.h"
#include "writer/link_uses.h"

static void counts_are_those_of_an_array_under_random_use(void **state)
{
    (void)state;
    enum { LINKS = 3000 };
    static uint32_t model[LINKS + 1];
    struct nv_link_uses u = {0};
    uint64_t rnd = fake_seed();
    memset(model, 0, sizeof(model));
    for (unsigned step = 0; step < 200000; step++) {
        uint32_t link = 1 + fake_random(&rnd, LINKS);
        if (fake_random(&rnd, 2)) {
            nv_link_uses_add(&u, link);
            model[link]++;
        } else if (model[link]) {
            nv_link_uses_remove(&u, link);
            model[link]--;
        }
        uint32_t other = 1 + fake_random(&rnd, LINKS);
        assert_int_equal(nv_link_uses_any(&u, other), model[other] > 0);
    }
    for (uint32_t link = 1; link <= LINKS; link++)
        assert_int_equal(nv_link_uses_any(&u, link), model[link] > 0);
    assert_true(u.size <= 8192 * 2);
    nv_link_uses_destroy(&u);
}

static void links_that_come_and_go_do_not_fill_the_table(void **state)
{
    (void)state;
    struct nv_link_uses u = {0};
    for (uint32_t link = 1; link < 100000; link++) {
        nv_link_uses_add(&u, link);
        nv_link_uses_remove(&u, link);
        assert_false(nv_link_uses_any(&u, link));
    }
    assert_true(u.size <= 256);
    nv_link_uses_destroy(&u);
}

static void no_link_is_nobody(void **state)
{
    (void)state;
    struct nv_link_uses u = {0};
    assert_false(nv_link_uses_any(&u, 7));
    nv_link_uses_add(&u, 0);
    nv_link_uses_remove(&u, 7);
    assert_false(nv_link_uses_any(&u, 0));
    assert_int_equal(u.used, 0);
    nv_link_uses_destroy(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_an_array_under_random_use),
        cmocka_unit_test(links_that_come_and_go_do_not_fill_the_table),
        cmocka_unit_test(no_link_is_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
