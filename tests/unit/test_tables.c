/* SPDX-License-Identifier: MIT */
/*
 * test_tables.c - proves what --tables takes and what it refuses, and that what is left out is counted and asked for.
 */
#include "tests/unit/sync_fixture.h"

static void tables_and_ranges_are_held_and_no_others(void **state)
{
    (void)state;
    struct nv_tables t;
    assert_null(nv_tables_parse("main,local,100-200,77,4000000000-4294967295", &t));
    static const uint32_t in[] = {254, 255, 100, 150, 200, 77, 4000000000u, UINT32_MAX};
    static const uint32_t out[] = {253, 99, 201, 76, 78, 1, 3999999999u};
    for (unsigned i = 0; i < NV_ARRAY_LEN(in); i++)
        assert_true(nv_tables_hold(&t, in[i], 24));
    for (unsigned i = 0; i < NV_ARRAY_LEN(out); i++) {
        assert_false(nv_tables_hold(&t, out[i], 24));
        assert_true(nv_tables_hold(&t, out[i], 0)); /* a default is always held */
    }
    assert_false(nv_tables_all(&t));
    assert_string_equal(t.text, "main,local,100-200,77,4000000000-4294967295");
    assert_non_null(nv_tables_parse("local-main", &t));
    assert_null(nv_tables_parse("default-local", &t)); /* names of 253 to 255 */
    assert_true(nv_tables_hold(&t, 254, 24));
}

static void all_is_everything_and_default_only_nothing_else(void **state)
{
    (void)state;
    struct nv_tables t;
    assert_null(nv_tables_parse("all", &t));
    assert_true(nv_tables_all(&t));
    assert_string_equal(t.text, "");
    assert_true(nv_tables_hold(&t, 12345, 32));
    assert_null(nv_tables_parse("default-only", &t));
    assert_false(nv_tables_all(&t));
    assert_true(nv_tables_hold(&t, 254, 0));
    assert_false(nv_tables_hold(&t, 254, 1));
}

static void bad_lists_are_refused_with_a_reason_and_change_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {"",      "mian",        "main,",    ",main",   "1-",
                                      "-1",    "5-4",         "0",        "1,,2",    "4294967296",
                                      "1-2-3", "default-onl", "main all", "main,all"};
    struct nv_tables t = {.count = 77};
    for (unsigned i = 0; i < NV_ARRAY_LEN(bad); i++) {
        assert_non_null(nv_tables_parse(bad[i], &t));
        assert_int_equal(t.count, 77);
    }
    char many[NETVANE_TABLES_BYTES + 1] = "1";
    for (unsigned i = 1; i + 2 < sizeof(many); i += 2)
        memcpy(many + i, ",1", 3);
    assert_non_null(nv_tables_parse(many, &t));
    many[2 * NV_TABLE_RANGES_MAX - 1] = 0;
    assert_null(nv_tables_parse(many, &t));
    assert_int_equal(t.count, NV_TABLE_RANGES_MAX);
}

/* ---- the sync machine ---------------------------------------------------------------------------------------- */

static void routes_of_other_tables_are_counted_and_not_held(void **state)
{
    (void)state;
    struct nv_hop h = fact_hop(2, "10.0.0.9");
    assert_null(nv_tables_parse("100", &s->tables));
    for (uint32_t i = 0; i < 5; i++) {
        struct nv_route r = fact_route(100 + i / 3, "10.1.0.0", 24, i, &h, 1);
        (void)fake_know(src, NV_ROUTE, &r);
    }
    load();
    /* The fixture's main table: a default, which stays, and another IPv4 route; an IPv6 default. */
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 3 + 1);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 1);
    assert_int_equal(s->left_out[0], 2 + 1);
    assert_int_equal(s->left_out[1], 0);
    struct nv_route other = fact_route(55, "10.2.0.0", 24, 0, &h, 1);
    struct fake_object *o = fake_add_and_tell(src, NV_ROUTE, &other);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 4);
    assert_int_equal(s->left_out[0], 4);
    fake_change_and_tell(src, o, NV_LIST_REPLACE);
    assert_int_equal(s->left_out[0], 4);
    fake_remove_and_tell(src, o);
    assert_int_equal(s->left_out[0], 3);
    assert_true(settled()); /* none of that asks for a re-read */
    fake_tell_lost(src, NV_LOST_OVERRUN);
    settle();
    assert_int_equal(s->left_out[0], 3);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 4);
}

static void route_that_is_left_out_has_the_egress_chosen_again_if_it_may_decide_it(void **state)
{
    (void)state;
    struct nv_hop h = fact_hop(2, "10.0.0.9");
    assert_null(nv_tables_parse("100", &s->tables));
    load();
    m->choice_stale[0] = false;
    struct nv_route other = fact_route(55, "10.2.0.0", 24, 0, &h, 1);
    fake_tell(src, NV_EV_UPSERT, NV_ROUTE, &other);
    assert_false(m->choice_stale[0]);
    struct nv_route half = fact_route(55, "128.0.0.0", 1, 0, &h, 1);
    (void)fact_ip("198.41.0.4", m->probe[0]);
    fake_tell(src, NV_EV_UPSERT, NV_ROUTE, &half);
    assert_true(m->choice_stale[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_and_ranges_are_held_and_no_others),
        cmocka_unit_test(all_is_everything_and_default_only_nothing_else),
        cmocka_unit_test(bad_lists_are_refused_with_a_reason_and_change_nothing),
        T(routes_of_other_tables_are_counted_and_not_held),
        T(route_that_is_left_out_has_the_egress_chosen_again_if_it_may_decide_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
