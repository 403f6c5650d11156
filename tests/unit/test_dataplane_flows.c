/* SPDX-License-Identifier: MIT */
/*
 * test_dataplane_flows.c - the table of unmatched flows keeps within its limits, and forgets in time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bench/dataplane/flows.h"

#include <cmocka.h>

static const struct flows_limits limits = {
    .distinct = 100, .in_flight = 10, .idle_ns = 1000, .unclaimed_ns = 50};

static struct packet_flow key_of(unsigned number)
{
    struct packet_flow key = {.family = 4, .proto = 17};
    key.src[0] = (uint8_t)(number >> 8);
    key.src[1] = (uint8_t)number;
    return key;
}

static struct flow *add(struct flows *flows, unsigned number, enum flow_state state,
                        uint64_t now_ns)
{
    const struct packet_flow key = key_of(number);
    return flows_add(flows, &key, state, 1, now_ns);
}

static struct flow *see(struct flows *flows, unsigned number, uint64_t now_ns)
{
    const struct packet_flow key = key_of(number);
    return flows_see(flows, &key, now_ns);
}

static void distinct_flows_are_limited_and_room_comes_back(void **state)
{
    struct flows *flows = flows_new(&limits);
    (void)state;
    assert_non_null(flows);
    for (unsigned i = 0; i < 100; i++)
        assert_non_null(add(flows, i, FLOW_REJECTED, i));
    assert_null(add(flows, 100, FLOW_REJECTED, 100));
    assert_int_equal(flows_count(flows), 100);
    flows_remove(flows, see(flows, 50, 101));
    assert_null(see(flows, 50, 102));
    assert_non_null(add(flows, 100, FLOW_REJECTED, 103));
    for (unsigned i = 0; i <= 100; i++)
        assert_int_equal(see(flows, i, 104) != NULL, i != 50);
    flows_free(flows);
}

static void flows_in_flight_are_those_that_are_claimed(void **state)
{
    struct flows *flows = flows_new(&limits);
    (void)state;
    assert_non_null(flows);
    for (unsigned i = 0; i < 10; i++) {
        assert_true(flows_may_claim(flows));
        assert_non_null(add(flows, i, FLOW_CLAIMED, i));
        assert_non_null(add(flows, 20 + i, FLOW_UNCLAIMED, i));
    }
    assert_false(flows_may_claim(flows));
    assert_int_equal(flows_in_flight(flows), 10);
    flows_remove(flows, see(flows, 3, 20));
    assert_true(flows_may_claim(flows));
    flows_free(flows);
}

static void packets_keep_a_claimed_flow_and_not_an_unclaimed_one(void **state)
{
    struct flows *flows = flows_new(&limits);
    (void)state;
    assert_non_null(flows);
    struct flow *claimed = add(flows, 1, FLOW_CLAIMED, 0);
    struct flow *unclaimed = add(flows, 2, FLOW_UNCLAIMED, 0);
    for (uint64_t t = 1; t < 50; t++) {
        assert_ptr_equal(see(flows, 1, t), claimed);
        assert_ptr_equal(see(flows, 2, t), unclaimed);
        assert_null(flows_expired(flows, t));
    }
    assert_ptr_equal(flows_expired(flows, 50), unclaimed);
    flows_remove(flows, unclaimed);
    assert_null(flows_expired(flows, 49 + 999));
    assert_ptr_equal(flows_expired(flows, 49 + 1000), claimed);
    assert_int_equal(claimed->packets, 50);
    flows_free(flows);
}

static void the_flow_that_was_silent_longest_expires_first(void **state)
{
    struct flows *flows = flows_new(&limits);
    (void)state;
    assert_non_null(flows);
    for (unsigned i = 0; i < 5; i++)
        add(flows, i, FLOW_CLAIMED, i);
    see(flows, 0, 10);
    see(flows, 2, 11);
    static const unsigned order[] = {1, 3, 4, 0, 2};
    for (unsigned i = 0; i < 5; i++) {
        struct flow *flow = flows_expired(flows, 5000);
        assert_ptr_equal(flow, see(flows, order[i], flow->last_ns));
        flows_remove(flows, flow);
    }
    assert_null(flows_expired(flows, 5000));
    flows_free(flows);
}

/* Against a plain array, over many random operations. */
static void random_operations_leave_what_an_array_would_hold(void **state)
{
    struct flows *flows = flows_new(&limits);
    int states[300];
    uint32_t seed = 7, count = 0;
    (void)state;
    assert_non_null(flows);
    memset(states, -1, sizeof(states));
    for (uint64_t t = 0; t < 200000; t++) {
        seed = seed * 1664525u + 1013904223u;
        const unsigned number = (seed >> 8) % 300, what = (seed >> 24) % 3;
        struct flow *flow = see(flows, number, t);
        assert_int_equal(flow ? (int)flow->state : -1, states[number]);
        if (flow && what == 0) {
            flows_remove(flows, flow);
            states[number] = -1;
            count--;
        } else if (!flow && what) {
            flow = add(flows, number, (enum flow_state)(number % 3), t);
            assert_int_equal(flow != NULL, count < limits.distinct);
            if (flow) {
                states[number] = (int)flow->state;
                count++;
            }
        }
        assert_int_equal(flows_count(flows), count);
    }
    flows_free(flows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distinct_flows_are_limited_and_room_comes_back),
        cmocka_unit_test(flows_in_flight_are_those_that_are_claimed),
        cmocka_unit_test(packets_keep_a_claimed_flow_and_not_an_unclaimed_one),
        cmocka_unit_test(the_flow_that_was_silent_longest_expires_first),
        cmocka_unit_test(random_operations_leave_what_an_array_would_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
