/* SPDX-License-Identifier: MIT */
/*
 * test_select.c - proves how writer/select.c ranks the default routes of a table and why, and that
 * writer/egress.c answers for the probe destination as the kernel's rules and tables do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/fake_writer.h"
#include "writer/select.h"

#define MAX_BYTES (UINT64_C(64) << 20)
#define UP        (1u | 0x40u | 1u << 16)
#define MAIN      254u

enum { TO_GOTO = 2, TO_NOP = 3, TO_BLACKHOLE = 6 }; /* FR_ACT_* */

static struct fake_memory mem;
static struct nv_mirror *m;
static struct nv_choice choice;

static void set_link(uint32_t ifindex, uint32_t flags)
{
    struct nv_link f =
        fact_link(ifindex, (const char *[]){"eth2", "eth3", "eth4", "eth5"}[ifindex - 2], flags);
    (void)nv_mirror_link_put(m, &f);
}

static int start(void **state)
{
    (void)state;
    m = calloc(1, sizeof(*m));
    assert_non_null(m);
    fake_memory_map(&mem, MAX_BYTES);
    assert_int_equal(nv_mirror_init(m, mem.base, MAX_BYTES, fake_memory_grow, &mem, 1), 0);
    (void)fact_ip("198.41.0.4", m->probe[0]);
    (void)fact_ip("2001:503:ba3e::2:30", m->probe[1]);
    for (uint32_t i = 2; i < 6; i++)
        set_link(i, UP);
    return 0;
}

static int end(void **state)
{
    (void)state;
    const char *fault = fake_mirror_fault(m);
    nv_mirror_destroy(m);
    free(m);
    fake_memory_free(&mem);
    if (fault)
        print_error("%s\n", fault);
    return fault ? -1 : 0;
}

static void put_route(const struct nv_route *f)
{
    (void)nv_mirror_route_put(m, f, NV_LIST_CREATE | NV_LIST_APPEND, false, 0);
}

/* A route through a link of eth<ifindex>, with a gateway unless it is NULL. */
static struct nv_route route(uint32_t table, const char *dst, uint8_t len, uint32_t metric,
                             uint32_t ifindex, const char *gateway)
{
    static struct nv_hop hops[64];
    static unsigned used;
    struct nv_hop *h = &hops[used++ % 64];
    *h = fact_hop(ifindex, gateway);
    return fact_route(table, dst, len, metric, h, 1);
}

static void via(uint32_t table, const char *dst, uint8_t len, uint32_t metric, uint32_t ifindex)
{
    struct nv_route r =
        route(table, dst, len, metric, ifindex, strchr(dst, ':') ? "fe80::1" : "10.0.0.1");
    put_route(&r);
}

static void typed(uint32_t table, const char *dst, uint8_t len, uint32_t metric, uint8_t type)
{
    struct nv_route r = fact_route(table, dst, len, metric, NULL, 0);
    r.type = type;
    put_route(&r);
}

static void rule(uint8_t family, uint32_t priority, uint32_t table)
{
    struct nv_rule r = fact_rule(family, priority, table);
    assert_int_equal(nv_mirror_rule_put(m, &r, false), NV_CHANGED);
}

static struct netvane_region_default candidate(uint8_t family, uint32_t table, uint32_t rank)
{
    struct netvane_rec_default r = {0};
    uint64_t key[1] = {(uint64_t)family << 56 | (uint64_t)table << 16 | rank};
    (void)nv_draft_find(&m->draft, NETVANE_TREE_DEFAULTS, key, &r);
    return r.value;
}

static void assert_rank(uint8_t family, uint32_t rank, uint32_t ifindex, uint8_t reason)
{
    struct netvane_region_default d = candidate(family, MAIN, rank);
    assert_int_equal(d.family, family);
    assert_int_equal(d.ifindex, ifindex);
    assert_int_equal(d.reason, reason);
}

static void choose(unsigned f)
{
    nv_select(m, f, &choice);
}

/* The egress of IPv4 leads out of this link; 0: there is none. */
static void assert_egress(uint32_t ifindex)
{
    choose(0);
    assert_int_equal(choice.egress.ifindex, ifindex);
    assert_int_equal(choice.egress.family, ifindex ? NV_AF_4 : 0);
}

/* ---- ranking ------------------------------------------------------------------------------------------- */

static void without_a_default_there_is_none(void **state)
{
    (void)state;
    via(MAIN, "10.1.0.0", 16, 0, 2);
    rule(NV_AF_4, 32766, MAIN);
    choose(0);
    assert_int_equal(choice.main_default.family, 0);
    assert_int_equal(choice.egress.family, 0);
    assert_int_equal(m->draft.tree[NETVANE_TREE_DEFAULTS].count, 0);
}

static void lowest_metric_is_first_and_the_others_say_why_not(void **state)
{
    (void)state;
    via(MAIN, "0.0.0.0", 0, 600, 3);
    via(MAIN, "0.0.0.0", 0, 100, 2);
    choose(0);
    assert_int_equal(choice.main_default.ifindex, 2);
    assert_int_equal(choice.main_default.metric, 100);
    assert_int_equal(choice.main_default.table, MAIN);
    assert_int_equal(choice.main_default.flags, NETVANE_DF_PRESENT | NETVANE_DF_GATEWAY);
    assert_memory_equal(choice.main_default.gateway, "\x0a\x00\x00\x01", 4);
    assert_rank(NV_AF_4, 0, 2, NETVANE_REASON_FIRST);
    assert_rank(NV_AF_4, 1, 3, NETVANE_REASON_METRIC);
    assert_int_equal(m->draft.tree[NETVANE_TREE_DEFAULTS].count, 2);
}

static void dead_ways_come_last_each_with_its_reason(void **state)
{
    (void)state;
    struct nv_route dead = route(MAIN, "0.0.0.0", 0, 30, 4, "10.0.0.1");
    ((struct nv_hop *)(uintptr_t)dead.hops)->flags = NV_RTNH_F_DEAD;
    via(MAIN, "0.0.0.0", 0, 10, 2);
    struct nv_route no_carrier = route(MAIN, "0.0.0.0", 0, 20, 3, "10.0.0.1");
    ((struct nv_hop *)(uintptr_t)no_carrier.hops)->flags = NV_RTNH_F_DEAD | NV_RTNH_F_LINKDOWN;
    put_route(&no_carrier);
    put_route(&dead);
    via(MAIN, "0.0.0.0", 0, 900, 5);
    set_link(2, 0);
    set_link(3, 1u);
    choose(0);
    assert_int_equal(choice.main_default.ifindex, 5);
    assert_rank(NV_AF_4, 0, 5, NETVANE_REASON_FIRST);
    assert_rank(NV_AF_4, 1, 2, NETVANE_REASON_LINK_DOWN);
    assert_rank(NV_AF_4, 2, 3, NETVANE_REASON_NO_CARRIER);
    assert_rank(NV_AF_4, 3, 4, NETVANE_REASON_DEAD);
    assert_true(candidate(NV_AF_4, MAIN, 2).flags & NETVANE_DF_LINKDOWN);
    assert_true(candidate(NV_AF_4, MAIN, 3).flags & NETVANE_DF_DEAD);
    set_link(5, 0); /* none is left: no default, but the list says why */
    choose(0);
    assert_int_equal(choice.main_default.family, 0);
    assert_rank(NV_AF_4, 0, 2, NETVANE_REASON_LINK_DOWN);
}

static void rejecting_default_is_an_answer(void **state)
{
    (void)state;
    typed(MAIN, "0.0.0.0", 0, 50, NV_RTN_UNREACHABLE);
    via(MAIN, "0.0.0.0", 0, 50, 2);
    via(MAIN, "0.0.0.0", 0, 10, 3);
    choose(0);
    assert_rank(NV_AF_4, 0, 3, NETVANE_REASON_FIRST);
    assert_rank(NV_AF_4, 1, 0, NETVANE_REASON_METRIC);
    assert_rank(NV_AF_4, 2, 2, NETVANE_REASON_METRIC);
    set_link(3, 0);
    choose(0);
    assert_int_equal(choice.main_default.type, NV_RTN_UNREACHABLE);
    assert_true(choice.main_default.flags & NETVANE_DF_REJECT);
    assert_rank(NV_AF_4, 1, 2, NETVANE_REASON_ORDER);
}

static void rejecting_default_behind_an_equal_one_says_so(void **state)
{
    (void)state;
    via(MAIN, "0.0.0.0", 0, 50, 2);
    typed(MAIN, "0.0.0.0", 0, 50, NV_RTN_PROHIBIT);
    choose(0);
    assert_rank(NV_AF_4, 0, 2, NETVANE_REASON_FIRST);
    assert_int_equal(candidate(NV_AF_4, MAIN, 1).reason, NETVANE_REASON_REJECT);
}

static void ipv6_router_preference_decides_between_equal_metrics(void **state)
{
    (void)state;
    static const uint8_t prefs[3] = {3, 0, 1}; /* low, medium, high: ICMPV6_ROUTER_PREF_* */
    for (uint32_t i = 0; i < 3; i++) {
        struct nv_route r = route(MAIN, "::", 0, 1024, 2 + i, "fe80::1");
        r.protocol = 9; /* of router advertisements: they stand beside each other */
        r.pref = prefs[i];
        put_route(&r);
    }
    rule(NV_AF_6, 32766, MAIN);
    choose(1);
    assert_rank(NV_AF_6, 0, 4, NETVANE_REASON_FIRST);
    assert_rank(NV_AF_6, 1, 3, NETVANE_REASON_ORDER);
    assert_rank(NV_AF_6, 2, 2, NETVANE_REASON_ORDER);
    assert_int_equal(choice.egress.ifindex, 4);
}

static void on_link_default_has_no_gateway(void **state)
{
    (void)state;
    struct nv_route r = route(MAIN, "0.0.0.0", 0, 0, 2, NULL);
    put_route(&r);
    choose(0);
    assert_int_equal(choice.main_default.ifindex, 2);
    assert_int_equal(choice.main_default.gw_family, 0);
    assert_int_equal(choice.main_default.flags & NETVANE_DF_GATEWAY, 0);
}

static void gateway_of_the_other_family_is_kept(void **state)
{
    (void)state;
    struct nv_route r = route(MAIN, "0.0.0.0", 0, 0, 2, "fe80::9");
    put_route(&r);
    choose(0);
    assert_int_equal(choice.main_default.family, NV_AF_4);
    assert_int_equal(choice.main_default.gw_family, NV_AF_6);
}

static void multipath_default_shows_its_first_living_hop(void **state)
{
    (void)state;
    struct nv_hop hops[3] = {fact_hop(2, "10.0.0.2"), fact_hop(3, "10.0.0.3"),
                             fact_hop(4, "10.0.0.4")};
    struct nv_route r = fact_route(MAIN, "0.0.0.0", 0, 0, hops, 3);
    put_route(&r);
    choose(0);
    assert_int_equal(choice.main_default.hop_count, 3);
    assert_true(choice.main_default.flags & NETVANE_DF_MULTIPATH);
    assert_int_equal(choice.main_default.ifindex, 2);
    set_link(2, 0);
    choose(0);
    assert_int_equal(choice.main_default.ifindex, 3);
    assert_memory_equal(choice.main_default.gateway, hops[1].gateway, 16);
}

static void source_specific_routes_are_no_defaults_for_everybody(void **state)
{
    (void)state;
    struct nv_route r = route(MAIN, "::", 0, 10, 2, "fe80::1");
    r.src_len = 64;
    (void)fact_ip("2001:db8::", r.src);
    put_route(&r);
    via(MAIN, "::", 0, 1024, 3);
    rule(NV_AF_6, 32766, MAIN);
    choose(1);
    assert_int_equal(choice.main_default.ifindex, 3);
    assert_int_equal(choice.egress.ifindex, 3);
    assert_int_equal(m->draft.tree[NETVANE_TREE_DEFAULTS].count, 1);
}

static void nexthop_objects_and_groups_are_followed(void **state)
{
    (void)state;
    struct nv_nexthop nh = fact_nexthop(7, 3, "10.0.0.33"), group = fact_nexthop(8, 0, NULL);
    struct nv_member members[1] = {{7, 1}};
    group.present = NETVANE_NF_GROUP;
    group.members = members;
    group.member_count = 1;
    (void)nv_mirror_nexthop_put(m, &nh);
    (void)nv_mirror_nexthop_put(m, &group);
    for (uint32_t nhid = 7; nhid <= 8; nhid++) {
        struct nv_route r = fact_route(MAIN, "0.0.0.0", 0, 0, NULL, 0);
        r.nhid = nhid;
        (void)nv_mirror_route_put(m, &r, NV_LIST_REPLACE, false, 0);
        choose(0);
        assert_int_equal(choice.main_default.ifindex, 3);
        assert_int_equal(choice.main_default.nhid, nhid);
        assert_memory_equal(choice.main_default.gateway, nh.gateway, 16);
    }
    (void)nv_mirror_nexthop_remove(m, 7);
    choose(0);
    assert_int_equal(choice.main_default.family, 0);
}

static void lists_of_other_tables_are_kept_apart_and_shrink(void **state)
{
    (void)state;
    via(MAIN, "0.0.0.0", 0, 0, 2);
    via(100, "0.0.0.0", 0, 0, 3);
    via(100, "0.0.0.0", 0, 5, 4);
    choose(0);
    assert_int_equal(choice.main_default.ifindex, 2);
    assert_int_equal(candidate(NV_AF_4, 100, 0).ifindex, 3);
    assert_int_equal(candidate(NV_AF_4, 100, 1).ifindex, 4);
    struct nv_route gone = route(100, "0.0.0.0", 0, 0, 3, "10.0.0.1");
    assert_int_equal(nv_mirror_route_remove(m, &gone), NV_CHANGED);
    choose(0);
    assert_int_equal(candidate(NV_AF_4, 100, 0).ifindex, 4);
    assert_int_equal(candidate(NV_AF_4, 100, 1).family, 0);
    m->edited = false;
    choose(0);
    assert_false(m->edited); /* the same list again is no edit */
}

/* ---- egress ----------------------------------------------------------------------------------------------- */

static void two_halves_beat_the_default_in_the_egress(void **state)
{
    (void)state;
    rule(NV_AF_4, 32766, MAIN);
    via(MAIN, "0.0.0.0", 0, 0, 2);
    assert_egress(2);
    via(MAIN, "0.0.0.0", 1, 0, 3);
    assert_egress(2); /* the probe lies in the other half */
    via(MAIN, "128.0.0.0", 1, 500, 3);
    assert_egress(3);
    assert_int_equal(choice.main_default.ifindex, 2);
    set_link(3, 0); /* a dead way is passed over for a shorter prefix */
    assert_egress(2);
}

static void rules_are_asked_in_order_and_only_if_they_match(void **state)
{
    (void)state;
    via(MAIN, "0.0.0.0", 0, 0, 2);
    via(100, "0.0.0.0", 0, 0, 3);
    rule(NV_AF_4, 32766, MAIN);
    assert_egress(2);
    struct nv_rule never[8];
    for (unsigned i = 0; i < 8; i++)
        never[i] = fact_rule(NV_AF_4, 10 + i, 100);
    never[0].present = NETVANE_UF_HAS_FWMARK;
    never[0].fwmark = never[0].fwmask = 0xca6c;
    memcpy(never[1].iif, "eth2", 5);
    memcpy(never[2].oif, "eth2", 5);
    never[3].src_len = 8;
    never[3].src[0] = 10;
    never[4].dst_len = 8;
    never[4].dst[0] = 10;
    never[5].present = NETVANE_UF_HAS_UID;
    never[5].uid_start = 1000;
    never[5].uid_end = 2000;
    never[6].tos = 16;
    never[7].ip_proto = 6;
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(nv_mirror_rule_put(m, &never[i], false), NV_CHANGED);
        assert_egress(2);
        never[i].present |= NETVANE_UF_INVERT; /* and the contrary of each does */
        assert_int_equal(nv_mirror_rule_put(m, &never[i], false), NV_CHANGED);
        assert_egress(3);
        (void)nv_mirror_rule_remove(m, &never[i]);
        assert_egress(2);
    }
    struct nv_rule lo = fact_rule(NV_AF_4, 5, 100);
    memcpy(lo.iif, "lo", 3); /* what this host sends itself */
    (void)nv_mirror_rule_put(m, &lo, false);
    assert_egress(3);
}

static void goto_jumps_forward_to_its_target_and_an_unresolved_one_is_passed_over(void **state)
{
    (void)state;
    via(MAIN, "0.0.0.0", 0, 0, 2);
    via(100, "0.0.0.0", 0, 0, 3);
    rule(NV_AF_4, 150, 100);
    rule(NV_AF_4, 32766, MAIN);
    assert_egress(3);
    struct nv_rule jump = fact_rule(NV_AF_4, 100, 0);
    jump.action = TO_GOTO;
    jump.target = 200;
    jump.present = NETVANE_UF_UNRESOLVED;
    (void)nv_mirror_rule_put(m, &jump, false);
    assert_egress(3); /* there is no rule 200 */
    struct nv_rule nop = fact_rule(NV_AF_4, 200, 0);
    nop.action = TO_NOP;
    (void)nv_mirror_rule_put(m, &nop, false);
    assert_egress(2);
}

static void blackhole_rule_is_an_answer(void **state)
{
    (void)state;
    via(MAIN, "0.0.0.0", 0, 0, 2);
    rule(NV_AF_4, 32766, MAIN);
    struct nv_rule r = fact_rule(NV_AF_4, 100, 0);
    r.action = TO_BLACKHOLE;
    (void)nv_mirror_rule_put(m, &r, false);
    choose(0);
    assert_int_equal(choice.egress.family, NV_AF_4);
    assert_int_equal(choice.egress.type, NV_RTN_BLACKHOLE);
    assert_true(choice.egress.flags & NETVANE_DF_REJECT);
    assert_int_equal(choice.main_default.ifindex, 2);
}

static void throw_goes_on_with_the_next_rule_and_unreachable_does_not(void **state)
{
    (void)state;
    via(MAIN, "0.0.0.0", 0, 0, 2);
    via(100, "0.0.0.0", 0, 0, 3);
    rule(NV_AF_4, 100, 100);
    rule(NV_AF_4, 32766, MAIN);
    assert_egress(3);
    typed(100, "198.0.0.0", 8, 0, NV_RTN_THROW);
    assert_egress(2);
    typed(100, "198.41.0.0", 16, 0, NV_RTN_UNREACHABLE);
    choose(0);
    assert_int_equal(choice.egress.type, NV_RTN_UNREACHABLE);
}

static void suppressed_prefix_length_hides_the_default_but_no_rejection(void **state)
{
    (void)state;
    via(MAIN, "0.0.0.0", 0, 0, 2);
    via(51820, "0.0.0.0", 0, 0, 4); /* as wg-quick(8) does it */
    struct nv_rule suppress = fact_rule(NV_AF_4, 100, MAIN);
    suppress.present = NETVANE_UF_HAS_SUPPRESS_PREFIXLEN;
    suppress.suppress_prefix_len = 0;
    (void)nv_mirror_rule_put(m, &suppress, false);
    struct nv_rule unmarked = fact_rule(NV_AF_4, 101, 51820);
    unmarked.present = NETVANE_UF_HAS_FWMARK | NETVANE_UF_INVERT;
    unmarked.fwmark = unmarked.fwmask = 0xca6c;
    (void)nv_mirror_rule_put(m, &unmarked, false);
    rule(NV_AF_4, 32766, MAIN);
    assert_egress(4);
    via(MAIN, "198.41.0.0", 24, 0, 3);
    assert_egress(3); /* longer than what is suppressed */
    struct nv_route gone = route(MAIN, "198.41.0.0", 24, 0, 3, "10.0.0.1");
    (void)nv_mirror_route_remove(m, &gone);
    struct nv_route def = route(MAIN, "0.0.0.0", 0, 0, 2, "10.0.0.1");
    (void)nv_mirror_route_remove(m, &def);
    typed(MAIN, "0.0.0.0", 0, 0, NV_RTN_UNREACHABLE);
    choose(0); /* linux/net/core/fib_rules.c suppresses routes, not errors */
    assert_int_equal(choice.egress.type, NV_RTN_UNREACHABLE);
}

static void source_of_the_egress_is_the_routes_or_the_links_primary(void **state)
{
    (void)state;
    struct nv_addr a = fact_addr(2, "10.0.0.9", 24), b = fact_addr(2, "192.168.0.1", 16);
    (void)nv_mirror_addr_put(m, &b, false, 0);
    (void)nv_mirror_addr_put(m, &a, false, 0);
    via(MAIN, "0.0.0.0", 0, 0, 2);
    rule(NV_AF_4, 32766, MAIN);
    choose(0);
    assert_memory_equal(choice.egress.prefsrc, a.local, 16); /* in the gateway's subnet */
    assert_true(choice.egress.flags & NETVANE_DF_PREFSRC);
    struct nv_route r = route(MAIN, "0.0.0.0", 0, 0, 2, "10.0.0.1");
    r.has_prefsrc = true;
    (void)fact_ip("10.7.7.7", r.prefsrc);
    (void)nv_mirror_route_put(m, &r, NV_LIST_REPLACE, false, 0);
    choose(0);
    assert_memory_equal(choice.egress.prefsrc, r.prefsrc, 16);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(without_a_default_there_is_none),
        T(lowest_metric_is_first_and_the_others_say_why_not),
        T(dead_ways_come_last_each_with_its_reason),
        T(rejecting_default_is_an_answer),
        T(rejecting_default_behind_an_equal_one_says_so),
        T(ipv6_router_preference_decides_between_equal_metrics),
        T(on_link_default_has_no_gateway),
        T(gateway_of_the_other_family_is_kept),
        T(multipath_default_shows_its_first_living_hop),
        T(source_specific_routes_are_no_defaults_for_everybody),
        T(nexthop_objects_and_groups_are_followed),
        T(lists_of_other_tables_are_kept_apart_and_shrink),
        T(two_halves_beat_the_default_in_the_egress),
        T(rules_are_asked_in_order_and_only_if_they_match),
        T(goto_jumps_forward_to_its_target_and_an_unresolved_one_is_passed_over),
        T(blackhole_rule_is_an_answer),
        T(throw_goes_on_with_the_next_rule_and_unreachable_does_not),
        T(suppressed_prefix_length_hides_the_default_but_no_rejection),
        T(source_of_the_egress_is_the_routes_or_the_links_primary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
