/* SPDX-License-Identifier: MIT */
/*
 * test_dataplane_fallback.c - the registry of fallback handlers: order, verdicts, limits, and when its observer runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bench/dataplane/fallback.h"
#include "bench/dataplane/handlers.h"

#include <cmocka.h>

static const struct flows_limits limits = {
    .distinct = 8, .in_flight = 3, .idle_ns = 1000, .unclaimed_ns = 100};

static struct fallback *fb;
static struct counters counters;

/* A handler that answers what it is told, and counts. Those of tests are static: the end of a test calls them, too. */
struct teller {
    enum fallback_verdict verdict;
    enum fallback_take take;
    unsigned asked, took, ended[3];
    int inside; /* what registering from within says */
};

static enum fallback_verdict ask(void *arg, const struct packet *p)
{
    struct teller *t = arg;
    uint32_t id;
    const struct fallback_handler more = {"more", t, ask, NULL, NULL};
    (void)p;
    t->asked++;
    t->inside = fallback_register(fb, &more, &id);
    return t->verdict;
}

static enum fallback_take take(void *arg, struct flow *flow, const struct packet *p,
                               uint8_t ret_via[16])
{
    struct teller *t = arg;
    (void)flow;
    (void)p;
    ret_via[0] = 42;
    t->took++;
    return t->take;
}

static void end(void *arg, struct flow *flow, enum fallback_end why)
{
    struct teller *t = arg;
    (void)flow;
    t->ended[why]++;
}

static uint32_t add(struct teller *t)
{
    const struct fallback_handler handler = {"teller", t, ask, take, end};
    uint32_t id = 0;
    assert_int_equal(fallback_register(fb, &handler, &id), 0);
    return id;
}

static enum fallback_action send(unsigned flow, uint64_t now_ns)
{
    static uint8_t src[4] = {10, 0, 0, 1}, dst[4] = {192, 0, 2, 1}, via[16];
    const struct packet p = {
        .family = 4, .proto = 17, .sport = (uint16_t)flow, .src = src, .dst = dst};
    return fallback_packet(fb, &p, now_ns, via);
}

static int set_up(void **state)
{
    (void)state;
    memset(&counters, 0, sizeof(counters));
    fb = fallback_new(&limits, &counters);
    return fb ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fallback_free(fb);
    return 0;
}

static void handlers_are_asked_in_order_and_the_first_claim_wins(void **state)
{
    static struct teller first = {0}, second = {.verdict = FALLBACK_CLAIM},
                         third = {.verdict = FALLBACK_CLAIM};
    (void)state;
    add(&first);
    add(&second);
    add(&third);
    assert_int_equal(send(1, 0), FALLBACK_HANDED);
    assert_int_equal(first.asked, 1);
    assert_int_equal(second.asked, 1);
    assert_int_equal(third.asked, 0);
    assert_int_equal(second.took, 1);
}

static void a_claimed_flow_goes_straight_to_its_handler(void **state)
{
    static struct teller first = {0},
                         second = {.verdict = FALLBACK_CLAIM, .take = FALLBACK_SEND_VIA};
    (void)state;
    add(&first);
    add(&second);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(send(1, i), FALLBACK_VIA);
    assert_int_equal(first.asked, 1);
    assert_int_equal(second.asked, 1);
    assert_int_equal(second.took, 10);
}

static void claim_and_reject_refuses_each_packet_and_is_not_in_flight(void **state)
{
    static struct teller t = {.verdict = FALLBACK_CLAIM_AND_REJECT};
    (void)state;
    add(&t);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(send(1, i), FALLBACK_REJECT);
    assert_int_equal(t.asked, 1);
    assert_int_equal(t.took, 0);
    assert_int_equal(counters.values[COUNT_FLOWS_REJECTED], 1);
    assert_int_equal(counters.values[COUNT_FLOWS_IN_FLIGHT], 0);
    assert_int_equal(counters.values[COUNT_FLOWS], 1);
}

static void an_unclaimed_flow_is_dropped_and_asked_about_again_after_its_time(void **state)
{
    static struct teller t = {0};
    (void)state;
    add(&t);
    for (uint64_t now = 0; now < 100; now++)
        assert_int_equal(send(1, now), FALLBACK_DROP_UNCLAIMED);
    assert_int_equal(t.asked, 1);
    assert_int_equal(send(1, 100), FALLBACK_DROP_UNCLAIMED);
    assert_int_equal(t.asked, 2);
}

static void a_new_handler_is_asked_about_flows_that_were_unclaimed(void **state)
{
    static struct teller first = {0}, second = {.verdict = FALLBACK_CLAIM};
    (void)state;
    add(&first);
    assert_int_equal(send(1, 0), FALLBACK_DROP_UNCLAIMED);
    add(&second);
    assert_int_equal(send(1, 1), FALLBACK_HANDED);
}

static void the_observer_runs_only_while_a_handler_is_registered(void **state)
{
    static struct teller t = {.verdict = FALLBACK_CLAIM}, u = {.verdict = FALLBACK_CLAIM};
    (void)state;
    assert_false(fallback_running(fb));
    assert_int_equal(send(1, 0), FALLBACK_OFF);
    const uint32_t first = add(&t), second = add(&u);
    assert_true(fallback_running(fb));
    assert_int_equal(send(1, 1), FALLBACK_HANDED);
    assert_int_equal(fallback_deregister(fb, first), 0);
    assert_true(fallback_running(fb));
    assert_int_equal(fallback_deregister(fb, second), 0);
    assert_false(fallback_running(fb));
    assert_int_equal(send(1, 2), FALLBACK_OFF);
    assert_int_equal(counters.values[COUNT_FLOWS], 0);
    assert_int_equal(counters.values[COUNT_OBSERVER_STARTS], 1);
    assert_int_equal(counters.values[COUNT_OBSERVER_STOPS], 1);
    assert_int_equal(fallback_deregister(fb, second), -1);
}

static void a_handler_that_leaves_releases_its_flows_and_no_others(void **state)
{
    static struct teller first = {.verdict = FALLBACK_CLAIM}, second = {.verdict = FALLBACK_CLAIM};
    (void)state;
    const uint32_t id = add(&first);
    add(&second);
    assert_int_equal(send(1, 0), FALLBACK_HANDED);
    assert_int_equal(send(2, 0), FALLBACK_HANDED);
    first.verdict = FALLBACK_DECLINE;
    assert_int_equal(send(3, 0), FALLBACK_HANDED); /* the second's */
    assert_int_equal(fallback_deregister(fb, id), 0);
    assert_int_equal(first.ended[FALLBACK_LEFT], 2);
    assert_int_equal(second.ended[FALLBACK_LEFT], 0);
    assert_int_equal(counters.values[COUNT_FLOWS_RELEASED], 2);
    assert_int_equal(counters.values[COUNT_FLOWS_IN_FLIGHT], 1);
    assert_int_equal(send(1, 1), FALLBACK_HANDED);
    assert_int_equal(second.took, 2);
}

static void flows_in_flight_have_a_limit_until_one_is_finished(void **state)
{
    static struct teller t = {.verdict = FALLBACK_CLAIM};
    (void)state;
    add(&t);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(send(i, 0), FALLBACK_HANDED);
    assert_int_equal(send(3, 0), FALLBACK_DROP_LIMIT);
    assert_int_equal(counters.values[COUNT_FLOWS_IN_FLIGHT_LIMIT], 1);
    assert_int_equal(t.asked, 3);
    t.take = FALLBACK_TAKEN_LAST;
    assert_int_equal(send(0, 1), FALLBACK_HANDED);
    assert_int_equal(t.ended[FALLBACK_FINISHED], 1);
    assert_int_equal(counters.values[COUNT_FLOWS_FINISHED], 1);
    t.take = FALLBACK_TAKEN;
    assert_int_equal(send(3, 2), FALLBACK_HANDED);
    assert_int_equal(counters.values[COUNT_FLOWS_IN_FLIGHT], 3);
}

static void distinct_flows_have_a_limit_and_idle_ones_make_room(void **state)
{
    static struct teller t = {.verdict = FALLBACK_CLAIM_AND_REJECT};
    (void)state;
    add(&t);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(send(i, 0), FALLBACK_REJECT);
    assert_int_equal(send(8, 999), FALLBACK_DROP_LIMIT);
    assert_int_equal(counters.values[COUNT_FLOWS_DISTINCT_LIMIT], 1);
    assert_int_equal(send(8, 1000), FALLBACK_REJECT);
    assert_int_equal(counters.values[COUNT_FLOWS_IDLE], 8);
    assert_int_equal(counters.values[COUNT_FLOWS], 1);
}

static void a_claimed_flow_that_is_idle_ends_and_its_handler_hears_of_it(void **state)
{
    static struct teller t = {.verdict = FALLBACK_CLAIM};
    (void)state;
    add(&t);
    send(1, 0);
    fallback_expire(fb, 999);
    assert_int_equal(t.ended[FALLBACK_IDLE], 0);
    fallback_expire(fb, 1000);
    assert_int_equal(t.ended[FALLBACK_IDLE], 1);
    assert_int_equal(counters.values[COUNT_FLOWS_IN_FLIGHT], 0);
}

static void a_handler_may_not_register_another_while_it_is_asked(void **state)
{
    static struct teller t = {0};
    (void)state;
    add(&t);
    send(1, 0);
    assert_int_equal(t.inside, -1);
}

static void handlers_have_a_limit(void **state)
{
    static struct teller t = {0};
    const struct fallback_handler handler = {"teller", &t, ask, take, end};
    uint32_t id;
    (void)state;
    for (unsigned i = 0; i < FALLBACK_HANDLERS_MAX; i++)
        add(&t);
    assert_int_equal(fallback_register(fb, &handler, &id), -1);
}

static void handlers_of_the_command_line_are_understood_or_refused(void **state)
{
    static const char *const good[] = {"reject,10.0.0.0/8", "via,0.0.0.0/0,10.0.0.1",
                                       "via,2001:db8::/33,fe80::1", "sink,::/0,1"};
    static const char *const bad[] = {"",
                                      "reject",
                                      "reject,10.0.0.0",
                                      "reject,10.0.0.0/33",
                                      "reject,10.0.0/8",
                                      "reject,10.0.0.0/8,1",
                                      "via,10.0.0.0/8",
                                      "via,10.0.0.0/8,fe80::1",
                                      "sink,::/0,0",
                                      "sink,::/0,x",
                                      "else,::/0"};
    static const uint8_t inside[16] = {0x20, 0x01, 0x0d, 0xb8, 0x7f},
                         outside[16] = {0x20, 1, 0x0d, 0xb8, 0x80};
    struct handler h;
    struct packet p = {.family = 6, .dst = inside};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(handler_parse(good[i], &h), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(handler_parse(bad[i], &h), -1);
    assert_int_equal(handler_parse(good[2], &h), 0);
    assert_int_equal(h.fallback.ask(h.fallback.arg, &p), FALLBACK_CLAIM);
    p.dst = outside;
    assert_int_equal(h.fallback.ask(h.fallback.arg, &p), FALLBACK_DECLINE);
    p.family = 4;
    p.dst = inside;
    assert_int_equal(h.fallback.ask(h.fallback.arg, &p), FALLBACK_DECLINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(handlers_are_asked_in_order_and_the_first_claim_wins,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_claimed_flow_goes_straight_to_its_handler, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(claim_and_reject_refuses_each_packet_and_is_not_in_flight,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            an_unclaimed_flow_is_dropped_and_asked_about_again_after_its_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_handler_is_asked_about_flows_that_were_unclaimed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_observer_runs_only_while_a_handler_is_registered,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_handler_that_leaves_releases_its_flows_and_no_others,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(flows_in_flight_have_a_limit_until_one_is_finished, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(distinct_flows_have_a_limit_and_idle_ones_make_room, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_claimed_flow_that_is_idle_ends_and_its_handler_hears_of_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_handler_may_not_register_another_while_it_is_asked,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(handlers_have_a_limit, set_up, tear_down),
        cmocka_unit_test(handlers_of_the_command_line_are_understood_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
