/* SPDX-License-Identifier: MIT */
/* The FIB's decision over States made by hand: each selector and action, hops, sources, hostile regions. */
#include "tests/unit/reader_fixture.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { LOCAL = 255, MAIN = 254, A = 2, B = 3, VRF = 4, SLAVE = 5, UP = 1, LOOPBACK = 8 };
enum { TO_TABLE = 1, GOTO = 2, NOP = 3, BLACKHOLE = 6, UNREACHABLE = 7, PROHIBIT = 8, THROW = 9 };
enum { DEAD = 1, SECONDARY = 1, DEPRECATED = 0x20, TENTATIVE = 0x40, TEMPORARY = 1 };

/* lo, a, b, a VRF with one link; 10.0.0.1 and 2001:db8::1 on a, 10.1.0.1 on b; both rules, no route. */
static struct fixture *fresh(void **state)
{
    struct fixture *f = *state;
    fake_state_free(&f->state);
    memset(&f->state, 0, sizeof(f->state));
    fake_link(&f->state, 1, "lo", UP | LOOPBACK, "loopback");
    fake_link(&f->state, A, "a", UP, "veth")->mtu = 1500;
    fake_link(&f->state, B, "b", UP, "veth")->mtu = 1500;
    struct netvane_rec_link *vrf = fake_link(&f->state, VRF, "red", UP, "vrf");
    vrf->info[0] = 500;
    vrf->present |= NETVANE_LF_HAS_INFO;
    fake_link(&f->state, SLAVE, "s", UP, "veth")->master = VRF;
    fake_addr(&f->state, A, "10.0.0.1/24", 0, 0, 0);
    fake_addr(&f->state, B, "10.1.0.1/24", 0, 0, 0);
    fake_addr(&f->state, A, "2001:db8::1/64", 0, 0, 0);
    fake_hop(&f->state, 1, 0, 1, A, NULL);
    fake_hop(&f->state, 2, 0, 1, B, NULL);
    fake_hop(&f->state, 3, 0, 1, A, "10.0.0.9");
    fake_rule(&f->state, 4, 0, LOCAL);
    fake_rule(&f->state, 4, 32766, MAIN);
    fake_rule(&f->state, 6, 0, LOCAL);
    fake_rule(&f->state, 6, 32766, MAIN);
    return f;
}

static void set_ip(uint8_t *ip, const char *text)
{
    assert_int_equal(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, ip), 1);
}

static struct netvane_fib_question question(const char *dst)
{
    struct netvane_fib_question q;
    NETVANE_INIT(&q);
    q.family = strchr(dst, ':') ? 6 : 4;
    set_ip(q.dst, dst);
    return q;
}

static struct netvane_fib_answer ask(struct fixture *f, const struct netvane_fib_question *q)
{
    struct netvane_fib_answer a;
    struct netvane_snap snap = begin(f);
    NETVANE_INIT(&a);
    assert_int_equal(netvane_fib_lookup(&snap, q, &a), NETVANE_OK);
    return a;
}

static struct netvane_fib_answer to(struct fixture *f, const char *dst)
{
    struct netvane_fib_question q = question(dst);
    return ask(f, &q);
}

/* Publishes, with a rule of priority 10 in table 100 that a test may change first. */
static struct netvane_rec_rule *rule_to_100(struct fixture *f)
{
    fake_route(&f->state, 100, "0.0.0.0/0", 0, 2);
    fake_route(&f->state, MAIN, "0.0.0.0/0", 0, 1);
    return fake_rule(&f->state, 4, 10, 100);
}

static void publish(struct fixture *f)
{
    fake_publish(&f->region, &f->state, false);
}

static void assert_by_rule(struct fixture *f, struct netvane_fib_question q, bool matches)
{
    struct netvane_fib_answer a = ask(f, &q);
    assert_int_equal(a.outcome, NETVANE_FIB_FOUND);
    assert_int_equal(a.table, matches ? 100 : MAIN);
    assert_int_equal(a.rule, matches ? 10 : 32766);
}

/* ---- rules --------------------------------------------------------------------------------------------------- */

static void prefixes_of_a_rule_select(void **state)
{
    struct fixture *f = fresh(state);
    struct netvane_rec_rule *r = rule_to_100(f);
    r->dst_len = 15;
    set_ip(r->dst, "172.16.0.0");
    r->src_len = 24;
    set_ip(r->src, "10.0.0.0");
    publish(f);
    struct netvane_fib_question q = question("172.17.255.1");
    assert_by_rule(f, q, false);
    set_ip(q.src, "10.0.0.1");
    assert_by_rule(f, q, true);
    set_ip(q.dst, "172.18.0.1");
    assert_by_rule(f, q, false);
}

static void mark_tos_uid_protocol_and_ports_select(void **state)
{
    struct fixture *f = fresh(state);
    struct netvane_rec_rule *r = rule_to_100(f);
    r->fwmark = 0x10;
    r->fwmask = 0xf0;
    r->tos = 0x10;
    r->ip_proto = 6;
    r->present = NETVANE_UF_HAS_UID | NETVANE_UF_HAS_SPORT | NETVANE_UF_HAS_DPORT;
    r->uid_start = 1000;
    r->uid_end = 1001;
    r->sport_start = r->sport_end = 53;
    r->dport_start = 80;
    r->dport_end = 443;
    publish(f);
    struct netvane_fib_question q = question("9.9.9.9");
    q.mark = 0x1f;
    q.tos = 0xf2; /* IPv4 compares 0x1c of it */
    q.ip_proto = 6;
    q.uid = 1001;
    q.sport = 53;
    q.dport = 443;
    assert_by_rule(f, q, true);
#define UNLESS(field, value)               \
    do {                                   \
        struct netvane_fib_question x = q; \
        x.field = value;                   \
        assert_by_rule(f, x, false);       \
    } while (0)
    UNLESS(mark, 0x20);
    UNLESS(tos, 0x08);
    UNLESS(ip_proto, 17);
    UNLESS(uid, 999);
    UNLESS(uid, 1002);
    UNLESS(sport, 54);
    UNLESS(dport, 79);
    UNLESS(dport, 444);
#undef UNLESS
}

static void links_of_a_rule_select_by_name(void **state)
{
    struct fixture *f = fresh(state);
    struct netvane_rec_rule *r = rule_to_100(f);
    memcpy(r->iif, "lo", 3);
    memcpy(r->oif, "b", 2);
    publish(f);
    struct netvane_fib_question q = question("9.9.9.9");
    assert_by_rule(f, q, false);
    q.oif = B;
    assert_by_rule(f, q, true);
    q.oif = A;
    assert_by_rule(f, q, false);
}

static void inversion_turns_the_whole_selector(void **state)
{
    struct fixture *f = fresh(state);
    struct netvane_rec_rule *r = rule_to_100(f);
    r->fwmark = r->fwmask = 1;
    r->present = NETVANE_UF_INVERT;
    publish(f);
    struct netvane_fib_question q = question("9.9.9.9");
    assert_by_rule(f, q, true);
    q.mark = 1;
    assert_by_rule(f, q, false);
}

static void goto_leads_forwards_and_unresolved_asks_nothing(void **state)
{
    struct fixture *f = fresh(state);
    rule_to_100(f)->key[0] += 10; /* 20 */
    struct netvane_rec_rule *r = fake_rule(&f->state, 4, 10, 0);
    r->action = GOTO;
    r->target = 32766;
    publish(f);
    assert_int_equal(to(f, "9.9.9.9").table, MAIN);
    const uint64_t key[2] = {UINT64_C(4) << 32 | 10, 0};
    r = fake_find(&f->state, NETVANE_TREE_RULES, key);
    r->target = 15; /* no rule has it */
    publish(f);
    assert_int_equal(to(f, "9.9.9.9").table, 100);
}

/* More than two levels of nodes hold. Each has a mark; some have to be read whole, some lead on. */
static void many_rules_are_asked_in_order(void **state)
{
    enum { RULES = 400 };
    for (uint8_t family = 4; family <= 6; family += 2) {
        struct fixture *f = fresh(state);
        const char *all = family == 4 ? "0.0.0.0/0" : "::/0";
        struct netvane_fib_question q = question(family == 4 ? "9.9.9.9" : "2001:db8:9::9");
        fake_route(&f->state, 100, all, 0, 2);
        fake_route(&f->state, MAIN, all, 0, 1);
        for (uint32_t i = 1; i <= RULES; i++) {
            struct netvane_rec_rule *r = fake_rule(&f->state, family, 10 * i, 100);
            r->fwmark = i;
            r->fwmask = UINT32_MAX;
            r->ip_proto = i % 3 ? 0 : 17;
            if (i % 50)
                continue;
            r->action = GOTO; /* over the one for the same mark to another */
            r->target = 10 * i + 50;
            for (uint32_t n = 15; n <= 55; n += 40) {
                r = fake_rule(&f->state, family, 10 * i + n, 100);
                r->fwmark = i;
                r->fwmask = UINT32_MAX;
            }
        }
        fake_rule(&f->state, family, 10 * RULES + 50, 100)->fwmask = UINT32_MAX;
        publish(f);
        q.ip_proto = 17;
        for (uint32_t i = 0; i <= RULES + 1; i++) {
            q.mark = i;
            const struct netvane_fib_answer a = ask(f, &q);
            assert_int_equal(a.outcome, NETVANE_FIB_FOUND);
            assert_int_equal(a.rule, !i            ? 10 * RULES + 50
                                     : i > RULES   ? 32766
                                     : i % 50 == 0 ? 10 * i + 55
                                                   : 10 * i);
        }
    }
}

static void rules_reject(void **state)
{
    static const struct {
        uint8_t action, outcome;
    } of[] = {{BLACKHOLE, NETVANE_FIB_BLACKHOLE},
              {UNREACHABLE, NETVANE_FIB_RULE_UNREACHABLE},
              {PROHIBIT, NETVANE_FIB_PROHIBIT},
              {NOP, NETVANE_FIB_FOUND}};
    for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        struct fixture *f = fresh(state);
        rule_to_100(f)->action = of[i].action;
        publish(f);
        struct netvane_fib_answer a = to(f, "9.9.9.9");
        assert_int_equal(a.outcome, of[i].outcome);
        assert_int_equal(!!(a.flags & NETVANE_FIB_HAS_ROUTE), of[i].outcome == NETVANE_FIB_FOUND);
    }
}

static void suppressors_pass_a_route_over_but_no_rejection(void **state)
{
    struct fixture *f = fresh(state);
    struct netvane_rec_rule *r = rule_to_100(f);
    r->present = NETVANE_UF_HAS_SUPPRESS_PREFIXLEN;
    r->suppress_prefix_len = 0;
    fake_route(&f->state, 100, "8.0.0.0/8", 0, 2);
    publish(f);
    assert_int_equal(to(f, "9.9.9.9").table, MAIN);
    assert_int_equal(to(f, "8.8.8.8").table, 100);
    f = fresh(state);
    r = rule_to_100(f);
    r->present = NETVANE_UF_HAS_SUPPRESS_IFGROUP;
    r->suppress_ifgroup = 7;
    const uint64_t b = B;
    ((struct netvane_rec_link *)fake_find(&f->state, NETVANE_TREE_LINKS, &b))->group = 7;
    ((struct netvane_rec_route4 *)fake_route(&f->state, 100, "8.0.0.0/8", 0, 0))->type =
        UNREACHABLE;
    publish(f);
    assert_int_equal(to(f, "9.9.9.9").table, MAIN);
    assert_int_equal(to(f, "8.8.8.8").outcome, NETVANE_FIB_UNREACHABLE);
}

static void l3mdev_asks_the_table_of_the_vrf(void **state)
{
    struct fixture *f = fresh(state);
    struct netvane_rec_rule *r = fake_rule(&f->state, 4, 1000, 0);
    r->present = NETVANE_UF_L3MDEV;
    fake_hop(&f->state, 5, 0, 1, SLAVE, NULL);
    fake_route(&f->state, 500, "0.0.0.0/0", 0, 5);
    fake_route(&f->state, MAIN, "0.0.0.0/0", 0, 1);
    publish(f);
    struct netvane_fib_question q = question("9.9.9.9");
    assert_int_equal(ask(f, &q).table, MAIN);
    q.oif = VRF;
    assert_int_equal(ask(f, &q).table, 500);
    q.oif = SLAVE;
    assert_int_equal(ask(f, &q).table, 500);
    q.oif = 0;
    q.iif = SLAVE;
    q.flags = NETVANE_FIB_FORWARDING;
    set_ip(q.src, "10.7.0.1");
    assert_int_equal(ask(f, &q).table, 500);
}

/* ---- tables --------------------------------------------------------------------------------------------------- */

static void the_longest_usable_prefix_wins_and_throw_leaves_the_table(void **state)
{
    struct fixture *f = fresh(state);
    fake_hop(&f->state, 6, 0, 1, B, NULL)->flags = DEAD;
    fake_route(&f->state, MAIN, "0.0.0.0/0", 0, 1);
    fake_route(&f->state, MAIN, "20.0.0.0/8", 0, 2);
    fake_route(&f->state, MAIN, "20.1.0.0/16", 0, 6);
    ((struct netvane_rec_route4 *)fake_route(&f->state, MAIN, "30.0.0.0/8", 0, 0))->type = THROW;
    ((struct netvane_rec_route4 *)fake_route(&f->state, MAIN, "40.0.0.0/8", 0, 0))->type = PROHIBIT;
    publish(f);
    assert_int_equal(to(f, "20.1.2.3").ifindex, B);
    assert_int_equal(to(f, "20.1.2.3").dst_len, 8);
    assert_int_equal(to(f, "30.1.2.3").outcome, NETVANE_FIB_NO_ROUTE);
    assert_int_equal(to(f, "40.1.2.3").outcome, NETVANE_FIB_PROHIBIT);
    assert_int_equal(to(f, "50.1.2.3").ifindex, A);
}

static void tos_comes_before_none_and_metric_decides(void **state)
{
    struct fixture *f = fresh(state);
    fake_route(&f->state, MAIN, "20.0.0.0/8", 5, 1);
    fake_route(&f->state, MAIN, "20.0.0.0/8", 9, 3);
    struct netvane_rec_route4 *r = fake_route(&f->state, MAIN, "20.0.0.0/8", 10, 2);
    r->key[1] |= UINT64_C(0x10) << 48;
    publish(f);
    struct netvane_fib_question q = question("20.0.0.1");
    assert_int_equal(ask(f, &q).metric, 5);
    q.tos = 0x10;
    assert_int_equal(ask(f, &q).metric, 10);
    assert_int_equal(ask(f, &q).tos, 0x10);
    q.tos = 0x08;
    assert_int_equal(ask(f, &q).metric, 5);
}

static void ipv6_preference_beats_order_and_source_prefixes_select(void **state)
{
    struct fixture *f = fresh(state);
    struct netvane_rec_route6 *r = fake_route(&f->state, MAIN, "2001:db9::/32", 1024, 1);
    r->key[5] |= A;
    r->order = 1;
    r = fake_route(&f->state, MAIN, "2001:db9::/32", 1024, 2);
    r->key[5] |= B;
    r->order = 2;
    r->pref = 1; /* high */
    r = fake_route(&f->state, MAIN, "2001:dba::/32", 1024, 2);
    r->key[5] |= B;
    r->order = 1;
    r = fake_route(&f->state, MAIN, "2001:dba::/32", 1024, 1);
    r->key[5] |= A;
    r->order = 2;
    r = fake_route(&f->state, MAIN, "::/0", 1024, 1);
    r = fake_route(&f->state, MAIN, "::/0", 1024, 2);
    r->key[2] |= 32u << 16;
    r->key[3] = UINT64_C(0x20010db8) << 32;
    r = fake_route(&f->state, MAIN, "2004::/16", 1024, 2);
    r->key[2] |= 32u << 16;
    r->key[3] = UINT64_C(0x20010db8) << 32;
    publish(f);
    assert_int_equal(to(f, "2001:db9::5").ifindex, B);
    assert_int_equal(to(f, "2001:dba::5").ifindex, B);
    struct netvane_fib_question q = question("2003::1");
    assert_int_equal(ask(f, &q).ifindex, A);
    set_ip(q.src, "2001:db8::1");
    assert_int_equal(ask(f, &q).ifindex, B);
    assert_int_equal(ask(f, &q).src_len, 32);
    assert_int_equal(ask(f, &q).uncertain & NETVANE_FIB_BY_HISTORY, 0);
    /* Without a route for every source the kernel may pass these, by what was there before. */
    q = question("2004::1");
    set_ip(q.src, "2001:db8::1");
    assert_int_equal(ask(f, &q).src_len, 32);
    assert_int_equal(ask(f, &q).uncertain & NETVANE_FIB_BY_HISTORY, NETVANE_FIB_BY_HISTORY);
}

/* ---- hops ------------------------------------------------------------------------------------------------------- */

static void hashes_spread_by_weight_and_stay(void **state)
{
    struct fixture *f = fresh(state);
    unsigned counts[3] = {0};
    fake_hop(&f->state, 7, 0, 3, A, "10.0.0.7")->weight = 1;
    fake_hop(&f->state, 7, 1, 3, B, "10.1.0.7")->flags = DEAD;
    fake_hop(&f->state, 7, 2, 3, B, "10.1.0.8")->weight = 3;
    fake_route(&f->state, MAIN, "20.0.0.0/8", 0, 7);
    publish(f);
    struct netvane_fib_question q = question("20.0.0.1");
    for (uint32_t i = 0; i < 4000; i++) {
        q.hash = i * (INT32_MAX / 4000);
        struct netvane_fib_answer a = ask(f, &q);
        assert_true(a.flags & NETVANE_FIB_MULTIPATH);
        counts[a.hop_index]++;
    }
    assert_in_range(counts[0], 998, 1002);
    assert_int_equal(counts[1], 0);
    q.hash = 0x1fffffff; /* upper bound of a quarter: 2^31 / 4 - 1 */
    assert_int_equal(ask(f, &q).hop_index, 0);
    q.hash = 0x20000000;
    assert_int_equal(ask(f, &q).hop_index, 2);
    q.oif = A;
    assert_int_equal(ask(f, &q).hop_index, 0);
    struct netvane_fib_answer a = ask(f, &q);
    struct netvane_snap snap = begin(f);
    struct netvane_hop hop;
    NETVANE_INIT(&hop);
    assert_int_equal(netvane_fib_hop(&snap, &a, 2, &hop), NETVANE_OK);
    assert_int_equal(hop.weight, 3);
    assert_int_equal(netvane_fib_hop(&snap, &a, 3, &hop), NETVANE_NOT_FOUND);
}

static void a_group_that_is_only_named_is_followed(void **state)
{
    struct fixture *f = fresh(state);
    fake_hop(&f->state, 8, 0, 1, 0, NULL)->nhid = 9;
    fake_nexthop(&f->state, 7, A, 0);
    fake_nexthop(&f->state, 8, B, 0);
    fake_nexthop(&f->state, 9, 0, 2);
    fake_member(&f->state, 9, 0, 7, 1);
    fake_member(&f->state, 9, 1, 8, 3);
    fake_route(&f->state, MAIN, "20.0.0.0/8", 0, 8);
    publish(f);
    struct netvane_fib_question q = question("20.0.0.1");
    assert_int_equal(ask(f, &q).ifindex, A);
    assert_int_equal(ask(f, &q).hop_count, 2);
    q.hash = INT32_MAX;
    assert_int_equal(ask(f, &q).ifindex, B);
    assert_int_equal(ask(f, &q).nhid, 9);
}

/* fib_trie.c: the default route of local stands in the same leaf as 0.0.0.0/1 of main, by whose object nobody leaves by A. */
static void an_object_that_does_not_do_hides_the_leaf_of_both_merged_tables(void **state)
{
    struct fixture *f = fresh(state);
    fake_rule(&f->state, 4, 32767, 253);
    fake_hop(&f->state, 8, 0, 1, B, NULL)->nhid = 7;
    fake_nexthop(&f->state, 7, B, 0);
    fake_route(&f->state, LOCAL, "0.0.0.0/0", 0, 3);
    fake_route(&f->state, MAIN, "0.0.0.0/1", 0, 8);
    publish(f);
    struct netvane_fib_question q = question("20.0.0.1");
    assert_int_equal(ask(f, &q).ifindex, B);
    q.oif = A;
    struct netvane_fib_answer a = ask(f, &q);
    assert_int_equal(a.flags & NETVANE_FIB_ASSUMED, NETVANE_FIB_ASSUMED);
    assert_int_equal(a.gw_family, 0);
    set_ip(q.dst, "200.0.0.1"); /* not below 0.0.0.0/1 */
    a = ask(f, &q);
    assert_int_equal(a.table, LOCAL);
    assert_int_equal(a.gw_family, 4);
}

/* A packet comes by a and leaves by b; its source looks local, but not to what comes in by one of the two. */
static uint32_t outcome_with_rule_for(void **state, const char *iif)
{
    struct fixture *f = fresh(state);
    fake_route(&f->state, MAIN, "20.0.0.0/8", 0, 2);
    ((struct netvane_rec_route4 *)fake_route(&f->state, MAIN, "30.0.0.0/8", 0, 1))->type = 2;
    fake_route(&f->state, 100, "30.0.0.0/8", 0, 1);
    memcpy(fake_rule(&f->state, 4, 10, 100)->iif, iif, 2);
    publish(f);
    struct netvane_fib_question q = question("20.0.0.1");
    q.iif = A;
    q.flags = NETVANE_FIB_FORWARDING;
    set_ip(q.src, "30.0.0.1");
    return ask(f, &q).outcome;
}

/* fib_frontend.c: __fib_validate_source asks as if an answer came in by the link that the packet leaves by. */
static void rules_for_the_link_that_a_packet_leaves_by_judge_its_source(void **state)
{
    assert_int_equal(outcome_with_rule_for(state, "b"), NETVANE_FIB_FOUND);
}

static void rules_for_the_link_that_a_packet_came_by_do_not_judge_its_source(void **state)
{
    assert_int_equal(outcome_with_rule_for(state, "a"), NETVANE_FIB_MARTIAN);
}

/* ---- sources ------------------------------------------------------------------------------------------------------ */

static void assert_source(struct fixture *f, const char *dst, const char *source)
{
    uint8_t ip[16] = {0};
    struct netvane_fib_answer a = to(f, dst);
    set_ip(ip, source);
    assert_true(a.flags & NETVANE_FIB_HAS_PREFSRC);
    assert_memory_equal(a.prefsrc, ip, 16);
}

static void ipv4_source_is_primary_near_the_gateway_or_the_routes(void **state)
{
    struct fixture *f = fresh(state);
    fake_addr(&f->state, A, "10.0.5.1/24", 0, 0, 1);
    fake_addr(&f->state, A, "10.0.6.1/24", 0, SECONDARY, 2);
    fake_hop(&f->state, 5, 0, 1, A, "10.0.5.9");
    fake_hop(&f->state, 6, 0, 1, A, "10.0.6.9");
    fake_hop(&f->state, 9, 0, 1, SLAVE, NULL);
    fake_route(&f->state, MAIN, "20.0.0.0/8", 0, 3);
    fake_route(&f->state, MAIN, "21.0.0.0/8", 0, 5);
    fake_route(&f->state, MAIN, "22.0.0.0/8", 0, 6);
    set_ip(((struct netvane_rec_route4 *)fake_route(&f->state, MAIN, "23.0.0.0/8", 0, 3))->prefsrc,
           "10.1.0.1");
    fake_addr(&f->state, 1, "127.0.0.1/8", 254, 0, 0);
    publish(f);
    assert_source(f, "20.0.0.1", "10.0.0.1");
    assert_source(f, "21.0.0.1", "10.0.5.1");
    assert_source(f, "22.0.0.1", "10.0.0.1"); /* the one near it is secondary */
    assert_source(f, "23.0.0.1", "10.1.0.1");
    struct netvane_fib_question q = question("20.0.0.1");
    q.flags = NETVANE_FIB_NO_SOURCE;
    assert_false(ask(f, &q).flags & NETVANE_FIB_HAS_PREFSRC);
}

static void ipv6_source_follows_rfc_6724(void **state)
{
    struct fixture *f = fresh(state);
    fake_addr(&f->state, A, "fe80::a/64", 253, 0, 9);
    fake_addr(&f->state, A, "fd00::1/64", 0, 0, 1);
    fake_addr(&f->state, A, "2001:db8:0:1::1/64", 0, DEPRECATED, 2);
    fake_addr(&f->state, A, "2001:db8:0:2::1/64", 0, TENTATIVE, 3);
    fake_addr(&f->state, A, "2001:db8:0:3::1/64", 0, TEMPORARY, 4);
    fake_addr(&f->state, B, "2001:db8:0:4::1/64", 0, 0, 0);
    fake_route(&f->state, MAIN, "::/0", 1024, 1);
    publish(f);
    assert_source(f, "2001:db8::9", "2001:db8::1");
    assert_source(f, "2001:db8:0:1::9", "2001:db8::1"); /* not the deprecated one */
    assert_source(f, "2001:db8:0:2::9", "2001:db8::1"); /* not the tentative one */
    assert_source(f, "2001:db8:0:4::9", "2001:db8::1"); /* the link comes before the prefix */
    assert_source(f, "fd00::9", "fd00::1");             /* the label */
    assert_source(f, "fe80::9", "fe80::a");
    struct netvane_fib_question q = question("2001:db8:0:3::9");
    q.flags = NETVANE_FIB_PREFER_TEMPORARY;
    uint8_t ip[16];
    set_ip(ip, "2001:db8:0:3::1");
    assert_memory_equal(ask(f, &q).prefsrc, ip, 16);
}

/* ---- the ways of a packet --------------------------------------------------------------------------------------------- */

static void ways_that_no_table_decides(void **state)
{
    struct fixture *f = fresh(state);
    const uint64_t b = B;
    ((struct netvane_rec_link *)fake_find(&f->state, NETVANE_TREE_LINKS, &b))->flags = 0;
    fake_hop(&f->state, 4, 0, 1, 1, NULL);
    ((struct netvane_rec_route4 *)fake_route(&f->state, LOCAL, "10.0.0.1/32", 0, 1))->type = 2;
    publish(f);
    struct netvane_fib_question q = question("9.9.9.9");
    assert_int_equal(ask(f, &q).outcome, NETVANE_FIB_NO_ROUTE);
    q.oif = A;
    assert_true(ask(f, &q).flags & NETVANE_FIB_ASSUMED);
    assert_int_equal(ask(f, &q).ifindex, A);
    q.oif = B;
    assert_int_equal(ask(f, &q).outcome, NETVANE_FIB_LINK_DOWN);
    q.oif = 99;
    assert_int_equal(ask(f, &q).outcome, NETVANE_FIB_NO_SUCH_LINK);
    q.oif = 0;
    set_ip(q.src, "9.9.9.8");
    assert_int_equal(ask(f, &q).outcome, NETVANE_FIB_NOT_MY_SOURCE);
    set_ip(q.src, "224.0.0.1");
    assert_int_equal(ask(f, &q).outcome, NETVANE_FIB_MARTIAN);
    struct netvane_fib_answer a = to(f, "10.0.0.1");
    assert_int_equal(a.type, 2);
    assert_int_equal(a.ifindex, 1);
    assert_int_equal(a.hop_ifindex, A);
    q = question("10.0.0.1");
    q.iif = A;
    set_ip(q.src, "10.0.0.1");
    assert_int_equal(ask(f, &q).outcome, NETVANE_FIB_MARTIAN);
    q = question("9.9.9.9");
    q.iif = A;
    set_ip(q.src, "10.0.0.7");
    assert_int_equal(ask(f, &q).outcome, NETVANE_FIB_UNREACHABLE);
}

/* ---- the usual way ------------------------------------------------------------------------------------------------------ */

static uint32_t draw(uint32_t below)
{
    static uint32_t seed = 4711;
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

/* Another IPv4 route of the same prefix and metric, behind it. */
static void fake_rival(struct fixture *f, const void *route, uint32_t hops)
{
    struct netvane_rec_route4 rival = *(const struct netvane_rec_route4 *)route;
    rival.key[1]++;
    rival.hops = hops;
    fake_add(&f->state, NETVANE_TREE_ROUTES4, &rival);
}

/* Routes of all kinds in three tables, whose prefixes lie in one another; rules by mark, by source and to all of them. */
static void add_random_routes(struct fixture *f)
{
    static const uint8_t lens[] = {0, 8, 12, 16, 20, 24, 28, 32};
    static const uint32_t tables[] = {LOCAL, MAIN, MAIN, MAIN, 100, 101};
    fake_hop(&f->state, 5, 0, 1, A, "10.0.5.9");
    fake_hop(&f->state, 6, 0, 2, A, "10.0.0.9");
    fake_hop(&f->state, 6, 1, 2, B, "10.1.0.9");
    fake_hop(&f->state, 7, 0, 1, B, NULL)->flags = DEAD;
    fake_hop(&f->state, 8, 0, 1, SLAVE, NULL);
    fake_hop(&f->state, 9, 0, 1, B, "10.1.7.9")->nhid = 4;
    fake_nexthop(&f->state, 4, B, 0);
    fake_hop(&f->state, 10, 0, 1, B, "10.1.0.9")->realm = 7;
    fake_hop(&f->state, 11, 0, 1, A, "10.0.7.9");
    fake_addr(&f->state, A, "10.0.5.1/24", 0, 0, 1);
    fake_addr(&f->state, A, "10.0.7.1/24", 253, 0, 2);
    fake_addr(&f->state, B, "10.1.7.1/24", 253, 0, 1);
    fake_addr(&f->state, 1, "127.0.0.1/8", 254, 0, 0);
    struct netvane_rec_rule *marked = fake_rule(&f->state, 4, 10, 100);
    marked->fwmark = 7;
    marked->fwmask = UINT32_MAX;
    struct netvane_rec_rule *from = fake_rule(&f->state, 4, 20, 101);
    from->dst_len = 14;
    set_ip(from->dst, "10.4.0.0");
    fake_rival(f, fake_route(&f->state, MAIN, "0.0.0.0/0", 5, 3), 5);
    for (uint32_t i = 0; i < 300; i++) {
        char text[32];
        const uint32_t table = tables[draw(6)];
        const unsigned len = lens[table == LOCAL ? 6 + draw(2) : draw(sizeof(lens))];
        const uint32_t ip = 0x0a000000u | draw(4) << 18 | draw(4) << 10 | draw(4) << 6 | draw(2);
        const uint32_t net = len ? ip & UINT32_MAX << (32 - len) : 0;
        (void)snprintf(text, sizeof(text), "%u.%u.%u.%u/%u", net >> 24, net >> 16 & 255,
                       net >> 8 & 255, net & 255, len);
        const uint32_t hops = 1 + draw(11);
        struct netvane_rec_route4 *r =
            fake_route(&f->state, table, text, 10 + i, hops == 4 ? 3 : hops);
        if (!draw(8))
            r->type = (uint8_t)(2 + draw(8));
        if (!draw(8))
            set_ip(r->prefsrc, draw(4) ? "10.1.0.1" : "127.0.0.1");
        if (!draw(8))
            r->scope = 253;
        r->protocol = (uint8_t)i;
    }
}

/* A rule that no packet is for, but which has to be read whole, takes the usual way away. */
static void the_usual_way_answers_as_the_whole_one(void **state)
{
    enum { QUESTIONS = 4000 };
    struct netvane_fib_question *q = calloc(QUESTIONS, sizeof(*q));
    struct netvane_fib_answer *a = calloc(QUESTIONS, sizeof(*a));
    unsigned found = 0;
    assert_true(q && a);
    for (unsigned round = 0; round < 4; round++) {
        struct fixture *f = fresh(state);
        add_random_routes(f);
        publish(f);
        for (unsigned i = 0; i < QUESTIONS; i++) {
            q[i] = question("10.0.0.0");
            nv_store_be32(q[i].dst,
                          draw(8) ? 0x0a000000u | draw(1u << 20) : draw(256) << 24 | draw(2));
            q[i].mark = draw(2) * 7;
            q[i].flags = draw(4) ? 0 : NETVANE_FIB_NO_SOURCE;
            q[i].hash = draw(1000);
            a[i] = ask(f, &q[i]);
            found += a[i].outcome == NETVANE_FIB_FOUND;
        }
        struct netvane_rec_rule *never = fake_rule(&f->state, 4, 5, 100);
        never->present = NETVANE_UF_HAS_UID;
        never->uid_start = never->uid_end = 4242;
        publish(f);
        for (unsigned i = 0; i < QUESTIONS; i++) {
            const struct netvane_fib_answer whole = ask(f, &q[i]);
            assert_memory_equal(&a[i], &whole, sizeof(whole));
        }
    }
    assert_in_range(found, QUESTIONS, 4 * QUESTIONS);
    free(q);
    free(a);
}

/* ---- what is passed, what is mapped --------------------------------------------------------------------------------- */

static void bad_questions_are_refused_and_sizes_respected(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap = begin(f);
    struct netvane_fib_question q = question("10.1.2.3");
    struct netvane_fib_answer a;
    memset(&a, 0x5a, sizeof(a));
    a.size = 24;
    assert_int_equal(netvane_fib_lookup(&snap, &q, &a), NETVANE_OK);
    assert_int_equal(a.outcome, NETVANE_FIB_FOUND);
    assert_int_equal(a.family, 0x5a);
    q.family = 5;
    assert_int_equal(netvane_fib_lookup(&snap, &q, &a), NETVANE_INVALID);
    q.family = 4;
    q.size = 4;
    assert_int_equal(netvane_fib_lookup(&snap, &q, &a), NETVANE_INVALID);
    assert_int_equal(netvane_fib_lookup(&snap, NULL, &a), NETVANE_INVALID);
    assert_int_equal(netvane_fib_lookup(NULL, &q, &a), NETVANE_INVALID);
    q = question("10.1.2.3");
    assert_int_equal(netvane_fib_lookup(&snap, &q, NULL), NETVANE_INVALID);
    fake_expire(&f->region, snap.version + 1);
    NETVANE_INIT(&a);
    assert_int_equal(netvane_fib_lookup(&snap, &q, &a), NETVANE_EXPIRED);
}

static void hostile_records_are_corrupt_or_an_answer_and_end(void **state)
{
    struct fixture *f = fresh(state);
    struct netvane_rec_rule *r = rule_to_100(f);
    r->action = GOTO;
    r->target = 5; /* backwards */
    publish(f);
    struct netvane_fib_question q = question("9.9.9.9");
    struct netvane_fib_answer a;
    struct netvane_snap snap = begin(f);
    NETVANE_INIT(&a);
    assert_int_equal(netvane_fib_lookup(&snap, &q, &a), NETVANE_CORRUPT);
    f = fresh(state);
    fake_route(&f->state, MAIN, "0.0.0.0/0", 0, 77); /* a set that is not there */
    publish(f);
    snap = begin(f);
    assert_int_equal(netvane_fib_lookup(&snap, &q, &a), NETVANE_CORRUPT);
    f = fresh(state);
    fake_hop(&f->state, 7, 0, UINT32_MAX, B, NULL)->flags = DEAD;
    fake_route(&f->state, MAIN, "0.0.0.0/0", 0, 7);
    publish(f);
    snap = begin(f);
    assert_int_equal(netvane_fib_lookup(&snap, &q, &a), NETVANE_CORRUPT);
    f = fresh(state);
    rule_to_100(f)->dst_len = 200;
    publish(f);
    snap = begin(f);
    assert_int_equal(netvane_fib_lookup(&snap, &q, &a), NETVANE_CORRUPT);
}

/* Each byte of the arena in turn is another: every answer is a result of the API, and comes. */
static void a_changed_byte_never_hangs_or_crashes(void **state)
{
    struct fixture *f = *state;
    const struct netvane_fib_question q4 = question("10.1.2.3"), q6 = question("2001:db8:1::1");
    struct netvane_snap snap = begin(f);
    struct netvane_fib_answer a;
    NETVANE_INIT(&a);
    for (uint64_t at = NETVANE_ARENA_OFFSET; at < f->region.used; at++) {
        const unsigned char was = f->region.base[at];
        for (unsigned bit = 0; bit < 8; bit += 3) {
            f->region.base[at] = (unsigned char)(was ^ 1u << bit);
            const int r4 = netvane_fib_lookup(&snap, &q4, &a),
                      r6 = netvane_fib_lookup(&snap, &q6, &a);
            assert_true((r4 == NETVANE_OK || r4 == NETVANE_CORRUPT) &&
                        (r6 == NETVANE_OK || r6 == NETVANE_CORRUPT));
        }
        f->region.base[at] = was;
    }
}

static void outcomes_have_names(void **state)
{
    (void)state;
    assert_string_equal(netvane_fib_outcome_name(NETVANE_FIB_FOUND), "found");
    assert_string_equal(netvane_fib_outcome_name(NETVANE_FIB_MARTIAN), "martian");
    assert_string_equal(netvane_fib_outcome_name(99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(prefixes_of_a_rule_select),
        fixture_test(mark_tos_uid_protocol_and_ports_select),
        fixture_test(links_of_a_rule_select_by_name),
        fixture_test(inversion_turns_the_whole_selector),
        fixture_test(goto_leads_forwards_and_unresolved_asks_nothing),
        fixture_test(many_rules_are_asked_in_order),
        fixture_test(rules_reject),
        fixture_test(suppressors_pass_a_route_over_but_no_rejection),
        fixture_test(l3mdev_asks_the_table_of_the_vrf),
        fixture_test(the_longest_usable_prefix_wins_and_throw_leaves_the_table),
        fixture_test(tos_comes_before_none_and_metric_decides),
        fixture_test(ipv6_preference_beats_order_and_source_prefixes_select),
        fixture_test(hashes_spread_by_weight_and_stay),
        fixture_test(a_group_that_is_only_named_is_followed),
        fixture_test(an_object_that_does_not_do_hides_the_leaf_of_both_merged_tables),
        fixture_test(rules_for_the_link_that_a_packet_leaves_by_judge_its_source),
        fixture_test(rules_for_the_link_that_a_packet_came_by_do_not_judge_its_source),
        fixture_test(ipv4_source_is_primary_near_the_gateway_or_the_routes),
        fixture_test(ipv6_source_follows_rfc_6724),
        fixture_test(ways_that_no_table_decides),
        fixture_test(the_usual_way_answers_as_the_whole_one),
        fixture_test(bad_questions_are_refused_and_sizes_respected),
        fixture_test(hostile_records_are_corrupt_or_an_answer_and_end),
        fixture_test(a_changed_byte_never_hangs_or_crashes),
        fixture_test(outcomes_have_names),
    };
    return cmocka_run_group_tests_name("reader_fib", tests, NULL, NULL);
}
