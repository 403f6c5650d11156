/* SPDX-License-Identifier: MIT */
/*
 * test_edges.c - proves that each kind of change asks for exactly the re-reads of the table in
 * writer/edges.c, and that what follows from a link's end is applied without waiting for them.
 */
#include "tests/unit/sync_fixture.h"

struct want {
    enum nv_class cls;
    uint8_t family;
    uint32_t ifindex, table;
};

/* clang-format off: macros of initializers */
#define ROUTES(ifindex)               \
    {NV_ROUTE, NV_AF_4, ifindex, 0},  \
    {                                 \
        NV_ROUTE, NV_AF_6, ifindex, 0 \
    }
#define ROUTES4(ifindex)              \
    {                                 \
        NV_ROUTE, NV_AF_4, ifindex, 0 \
    }
#define ROUTES6(ifindex)              \
    {                                 \
        NV_ROUTE, NV_AF_6, ifindex, 0 \
    }
#define TABLE(family, table)       \
    {                              \
        NV_ROUTE, family, 0, table \
    }
#define ADDRS(family)         \
    {                         \
        NV_ADDR, family, 2, 0 \
    }
#define RULES                  \
    {NV_RULE, NV_AF_4, 0, 0},  \
    {                          \
        NV_RULE, NV_AF_6, 0, 0 \
    }
#define NEXTHOPS            \
    {                       \
        NV_NEXTHOP, 0, 0, 0 \
    }
#define LINK(ifindex)          \
    {                          \
        NV_LINK, 0, ifindex, 0 \
    }
#define LINKS LINK(0)
/* clang-format on */

static bool is(const struct nv_dump_request *r, const struct want *w)
{
    return w->cls == r->cls && w->family == r->family && w->ifindex == r->ifindex &&
           w->table == r->table;
}

static void assert_asked(const struct want *wants, unsigned n, bool barrier)
{
    unsigned times[16] = {0};
    settle();
    assert_true(n <= NV_ARRAY_LEN(times));
    for (unsigned i = 0; i < src->request_count; i++) {
        const struct nv_dump_request *r = &src->requests[i];
        bool wanted = false;
        for (unsigned k = 0; k < n; k++) {
            wanted = wanted || is(r, &wants[k]);
            times[k] += is(r, &wants[k]);
        }
        if (!wanted)
            fail_msg("asked for class %d family %u link %u table %u without need", (int)r->cls,
                     r->family, r->ifindex, r->table);
        assert_int_equal(r->barrier, barrier);
    }
    for (unsigned k = 0; k < n; k++)
        if (times[k] != 1)
            fail_msg("class %d family %u link %u table %u was asked for %u times",
                     (int)wants[k].cls, wants[k].family, wants[k].ifindex, wants[k].table,
                     times[k]);
}

#define ASSERT_ASKED(...)                            \
    assert_asked((const struct want[]){__VA_ARGS__}, \
                 NV_ARRAY_LEN(((const struct want[]){__VA_ARGS__})), true)

static void assert_nothing_asked(void)
{
    settle();
    assert_int_equal(src->request_count, 0);
}

static void change(struct fake_object *o)
{
    fake_change_and_tell(src, o, 0);
}

static void link_that_goes_down_loses_its_ipv4_routes_at_once_and_they_are_read_again(void **state)
{
    (void)state;
    load();
    eth0->link.flags = 0;
    eth0->link.operstate = 2;
    default4->gone = connected->gone = true; /* the kernel says nothing of them */
    change(eth0);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 0);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 1);
    ASSERT_ASKED(ROUTES(2), ADDRS(NV_AF_6), NEXTHOPS);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 0);
}

static void routes_that_the_kernel_kept_come_back_with_the_re_read(void **state)
{
    (void)state;
    load();
    eth0->link.flags = 0;
    change(eth0);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 0);
    settle();
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 2);
}

static void carrier_re_reads_routes_nexthops_and_ipv6_addresses(void **state)
{
    (void)state;
    load();
    eth0->link.flags = 1;
    change(eth0);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 2); /* lost carrier takes nothing away */
    ASSERT_ASKED(ROUTES(2), ADDRS(NV_AF_6), NEXTHOPS);
}

static void each_flag_of_a_link_that_decides_about_routes_has_these_edges(void **state)
{
    (void)state;
    static const uint32_t bits[3] = {1u, 0x40u, 1u << 16};
    for (unsigned i = 0; i < NV_ARRAY_LEN(bits); i++) {
        load();
        eth0->link.flags ^= bits[i];
        change(eth0);
        ASSERT_ASKED(ROUTES(2), ADDRS(NV_AF_6), NEXTHOPS);
    }
}

static void set_on(struct fake_object *o, uint32_t lower)
{
    o->link.has |= NV_LINK_HAS_LINK;
    o->link.link = lower;
}

static void set_master(struct fake_object *o, uint32_t master)
{
    o->link.has |= NV_LINK_HAS_MASTER;
    o->link.master = master;
}

static void operstate_re_reads_the_links_beside_it(void **state)
{
    (void)state;
    struct nv_link f = fact_link(9, "macvlan0", UP), b = fact_link(8, "br0", UP);
    struct fake_object *upper = fake_know(src, NV_LINK, &f), *lower = fake_know(src, NV_LINK, &b);
    set_on(upper, 2);
    set_on(eth0, 8);
    set_master(eth0, 3);
    load();
    eth0->link.operstate = 0; /* unknown: as good as up */
    change(eth0);
    ASSERT_ASKED(LINK(3), LINK(8), LINK(9));
    (void)lower;
}

static void link_of_another_namespace_is_not_beside_it(void **state)
{
    (void)state;
    set_on(eth1, 2);
    eth1->link.has |= NV_LINK_HAS_LINK_NETNS;
    load();
    eth0->link.operstate = 0; /* unknown: as good as up */
    change(eth0);
    assert_nothing_asked();
}

static void link_that_a_re_read_shows_changed_has_the_edges_of_an_event(void **state)
{
    (void)state;
    struct nv_hop h = fact_hop(3, NULL);
    struct nv_route f = fact_route(254, "12.0.0.0", 8, 0, &h, 1);
    (void)fake_know(src, NV_ROUTE, &f);
    set_master(eth0, 3);
    load();
    eth0->link.operstate = 0; /* unknown: as good as up */
    eth1->link.flags = 1;     /* a bridge whose port lost its carrier, without a word */
    change(eth0);
    ASSERT_ASKED(LINK(3), ROUTES(3), {NV_ADDR, NV_AF_6, 3, 0}, NEXTHOPS);
}

static void master_re_reads_the_old_and_the_new_one(void **state)
{
    (void)state;
    set_master(eth0, 1);
    load();
    set_master(eth0, 3);
    change(eth0);
    ASSERT_ASKED(LINK(1), LINK(3));
}

static void name_rule(const char *iif, const char *oif)
{
    struct nv_rule f = fact_rule(NV_AF_6, 100, 50);
    memcpy(f.iif, iif, strlen(iif));
    memcpy(f.oif, oif, strlen(oif));
    (void)fake_know(src, NV_RULE, &f);
}

static void new_link_re_reads_rules_that_name_it_and_the_link_that_it_lies_on(void **state)
{
    (void)state;
    name_rule("tun0", "");
    load();
    struct nv_link f = fact_link(9, "tun0", UP), none = fact_link(10, "tun1", UP);
    f.has |= NV_LINK_HAS_LINK;
    f.link = 3;
    (void)fake_add_and_tell(src, NV_LINK, &f);
    (void)fake_add_and_tell(src, NV_LINK, &none);
    ASSERT_ASKED(RULES, LINK(3));
}

static void link_that_nothing_names_comes_changes_and_goes_without_a_re_read_of_routes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < src->objects; i++)
        src->world[i].gone = src->world[i].cls == NV_NEXTHOP;
    load();
    struct nv_link f = fact_link(9, "veth9", 0);
    struct fake_object *o = fake_add_and_tell(src, NV_LINK, &f);
    o->link.flags = UP;
    change(o);
    fake_tell_hint(src, NV_HINT_NETCONF, 9);
    fake_tell_hint(src, NV_HINT_RA, 9);
    o->link.mtu = 1300;
    change(o);
    o->link.flags = 0;
    change(o);
    fake_remove_and_tell(src, o);
    settle();
    for (unsigned i = 0; i < src->request_count; i++)
        assert_int_equal(src->requests[i].cls, NV_ADDR);
}

static void lose_all_of_eth0(void)
{
    for (unsigned i = 0; i < src->objects; i++)
        if (src->world[i].cls == NV_ROUTE || src->world[i].cls == NV_ADDR)
            src->world[i].gone = true;
}

static void removed_link_takes_everything_along_without_a_re_read_of_routes(void **state)
{
    (void)state;
    name_rule("", "eth0");
    set_master(eth0, 3);
    load();
    lose_all_of_eth0();
    fake_remove_and_tell(src, eth0);
    assert_int_equal(count(NETVANE_TREE_ADDRS), 0);
    assert_int_equal(count(NETVANE_TREE_ROUTES4) + count(NETVANE_TREE_ROUTES6), 0);
    ASSERT_ASKED(RULES, NEXTHOPS, LINK(3));
}

static void removed_link_re_reads_the_tables_of_which_a_route_has_a_hop_there(void **state)
{
    (void)state;
    struct nv_hop both[2] = {fact_hop(2, NULL), fact_hop(3, NULL)};
    struct nv_route f = fact_route(100, "11.0.0.0", 8, 0, both, 2);
    struct fake_object *multi = fake_know(src, NV_ROUTE, &f);
    load();
    lose_all_of_eth0();
    multi->gone = true;
    fake_remove_and_tell(src, eth0);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 1);
    settle();
    assert_int_equal(asked_table(NV_AF_4, 100), 1);
    assert_int_equal(asked_table(NV_AF_4, 254), 0);
    assert_int_equal(asked(NV_ROUTE, NV_AF_4, 0), 1); /* that one: never all */
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 0);
}

static void removed_link_re_reads_the_tables_where_its_ipv6_gateways_may_have_hidden_a_route(
    void **state)
{
    (void)state;
    struct nv_hop h4[2] = {fact_hop(2, "10.0.0.7"), fact_hop(2, "10.0.0.8")};
    struct nv_hop h6[2] = {fact_hop(2, "fe80::7"), fact_hop(2, "fe80::8")};
    struct nv_route r4 = fact_route(100, "10.77.0.0", 16, 0, h4, 2),
                    r6 = fact_route(200, "2001:db8:77::", 48, 1024, h6, 2),
                    told = fact_route(300, "2001:db8:78::", 48, 1024, h6, 2);
    r4.multipath = r6.multipath = told.multipath = true;
    (void)fake_know(src, NV_ROUTE, &r4);
    (void)fake_know(src, NV_ROUTE, &r6);
    struct fake_object *first = fake_know(src, NV_ROUTE, &told);
    load();
    fake_remove_and_tell(src, first); /* a route's own removal has its table read again, once */
    assert_asked((const struct want[]){TABLE(NV_AF_6, 300)}, 1, false);
    src->request_count = 0;
    lose_all_of_eth0();
    fake_remove_and_tell(src, eth0);
    ASSERT_ASKED(NEXTHOPS, TABLE(NV_AF_6, 200));
}

static void removed_link_is_verified_where_a_dump_of_routes_runs(void **state)
{
    (void)state;
    load();
    struct nv_route f = fact_route(100, "11.0.0.0", 8, 0, NULL, 0);
    src->hold = true;
    struct fake_object *o = fake_know(src, NV_ROUTE, &f);
    fake_change_and_tell(src, o, NV_LIST_CREATE);
    fake_change_and_tell(src, o,
                         NV_LIST_CREATE | NV_LIST_APPEND); /* of several: its table is asked for */
    assert_int_equal(nv_sync_pump(s), 0);
    (void)nv_sync_step(s, now_ns);
    assert_true(s->lane[NV_LANE_ROUTES].active);
    lose_all_of_eth0();
    fake_remove_and_tell(src, eth0);
    src->hold = false;
    settle();
    assert_int_equal(asked(NV_ROUTE, NV_AF_4, 2), 1);
    assert_int_equal(asked(NV_ROUTE, NV_AF_6, 2), 1);
}

static void link_that_a_dump_no_longer_shows_has_the_same_edges(void **state)
{
    (void)state;
    name_rule("eth0", "");
    load();
    lose_all_of_eth0();
    eth0->gone = true; /* without a word */
    fake_tell_hint(src, NV_HINT_NSID, 0);
    ASSERT_ASKED(LINKS, RULES, NEXTHOPS);
    assert_int_equal(count(NETVANE_TREE_LINKS), 2);
    assert_int_equal(count(NETVANE_TREE_ROUTES4) + count(NETVANE_TREE_ROUTES6), 0);
}

static void mtu_re_reads_the_ipv6_routes_of_the_link(void **state)
{
    (void)state;
    load();
    eth0->link.mtu = 1400;
    change(eth0);
    ASSERT_ASKED(ROUTES6(2));
}

static void mtu_below_that_of_ipv6_re_reads_its_addresses_and_the_link_too(void **state)
{
    (void)state;
    load();
    eth0->link.mtu = 600;
    change(eth0);
    ASSERT_ASKED({NV_ROUTE, NV_AF_6, 2, 0}, {NV_ADDR, NV_AF_6, 2, 0}, {NV_LINK, 0, 2, 0});
    load();
    eth0->link.group = 7; /* whatever is said of such a link */
    eth0->link.has |= NV_LINK_HAS_GROUP;
    change(eth0);
    ASSERT_ASKED({NV_ROUTE, NV_AF_6, 2, 0}, {NV_ADDR, NV_AF_6, 2, 0}, {NV_LINK, 0, 2, 0});
    load();
    change(eth0); /* also if it is nothing new */
    ASSERT_ASKED({NV_ROUTE, NV_AF_6, 2, 0}, {NV_ADDR, NV_AF_6, 2, 0}, {NV_LINK, 0, 2, 0});
}

static void link_that_is_up_but_not_ready_re_reads_routes_even_if_told_nothing_new(void **state)
{
    (void)state;
    load();
    eth0->link.flags = 1;
    eth0->link.operstate = 7;
    change(eth0);
    load(); /* the dumps showed the carrier gone before the kernel marked the routes */
    change(eth0);
    ASSERT_ASKED(ROUTES(2), {NV_ADDR, NV_AF_6, 2, 0}, NEXTHOPS);
    load();
    eth0->link.group = 7;
    eth0->link.has |= NV_LINK_HAS_GROUP;
    change(eth0);
    ASSERT_ASKED(ROUTES(2), {NV_ADDR, NV_AF_6, 2, 0}, NEXTHOPS);
}

static void carrier_that_came_back_unannounced_re_reads_routes_that_were_linkdown(void **state)
{
    (void)state;
    load();
    struct nv_hop h = fact_hop(2, NULL);
    h.flags = 16; /* RTNH_F_LINKDOWN: the carrier was away when it was added */
    struct nv_route f = fact_route(100, "10.5.0.0", 16, 0, &h, 1);
    (void)fake_add_and_tell(src, NV_ROUTE, &f);
    change(eth1); /* another link */
    change(eth0);
    ASSERT_ASKED(ROUTES(2), {NV_ADDR, NV_AF_6, 2, 0}, NEXTHOPS);
    load();
    now_ns += NV_RESTLESS_NS;
    change(eth0);
    settle();
    assert_int_equal(src->request_count, 0);
}

static void more_links_with_linkdown_routes_than_are_remembered_make_every_link_suspect(
    void **state)
{
    (void)state;
    load();
    for (uint32_t i = 0; i <= NV_RESTLESS_LINKS; i++) {
        struct nv_hop h = fact_hop(100 + i, NULL);
        h.flags = 16;
        struct nv_route f = fact_route(100 + i, "10.5.0.0", 16, 0, &h, 1);
        (void)fake_add_and_tell(src, NV_ROUTE, &f);
    }
    change(eth0);
    ASSERT_ASKED(ROUTES(2), {NV_ADDR, NV_AF_6, 2, 0}, NEXTHOPS);
}

static void first_ipv4_rule_re_reads_table_local_and_spoils_a_dump_that_runs(void **state)
{
    (void)state;
    load();
    struct nv_rule f = fact_rule(NV_AF_4, 100, 50);
    (void)fake_add_and_tell(src, NV_RULE, &f);
    settle();
    assert_int_equal(src->request_count, 2);
    assert_int_equal(asked(NV_RULE, NV_AF_4, 0), 1);
    assert_int_equal(asked(NV_ROUTE, NV_AF_4, 0), 1);
    assert_int_equal(
        src->requests[0].cls == NV_ROUTE ? src->requests[0].table : src->requests[1].table, 255);
    load();
    f.priority = 101;
    (void)fake_add_and_tell(src, NV_RULE, &f);
    settle();
    assert_int_equal(src->request_count, 1); /* once and for all */
    load();
    s->unmerged = false;
    nv_sync_want(s, (struct nv_dump_request){.cls = NV_ROUTE, .family = NV_AF_4}, 0);
    (void)nv_sync_step(s, now_ns);
    assert_true(s->lane[NV_LANE_ROUTES].active);
    f.priority = 102;
    (void)fake_add_and_tell(src, NV_RULE, &f);
    assert_true(s->lane[NV_LANE_ROUTES].disturbed);
    settle();
}

static void name_re_reads_rules_that_have_the_old_or_the_new_one(void **state)
{
    (void)state;
    load();
    memcpy(eth0->link.name, "lan0", 5);
    change(eth0);
    assert_nothing_asked();
    name_rule("", "lan1");
    fake_tell_lost(src, NV_LOST_OVERRUN);
    load();
    memcpy(eth0->link.name, "lan1", 5);
    change(eth0);
    ASSERT_ASKED(RULES);
    load();
    memcpy(eth0->link.name, "lan2", 5);
    change(eth0);
    ASSERT_ASKED(RULES);
}

static void link_told_again_re_reads_nothing(void **state)
{
    (void)state;
    load();
    change(eth0);
    settle();
    assert_int_equal(src->request_count, 0);
}

/* A route of both families over both links: what happens to one may flag it. */
static void know_multipath(void)
{
    struct nv_hop h4[2] = {fact_hop(2, "10.0.0.7"), fact_hop(3, "10.9.0.7")};
    struct nv_hop h6[2] = {fact_hop(2, "fe80::7"), fact_hop(3, "fe80::8")};
    struct nv_route r4 = fact_route(254, "10.77.0.0", 16, 0, h4, 2),
                    r6 = fact_route(254, "2001:db8:77::", 48, 1024, h6, 2);
    r4.multipath = r6.multipath = true;
    (void)fake_know(src, NV_ROUTE, &r4);
    (void)fake_know(src, NV_ROUTE, &r6);
}

static void address_of_a_link_whose_routes_are_plain_re_reads_none_of_them(void **state)
{
    (void)state;
    load();
    struct nv_addr f = fact_addr(2, "10.0.0.2", 24), f6 = fact_addr(2, "2001:db8::2", 64);
    (void)fake_add_and_tell(src, NV_ADDR, &f);
    (void)fake_add_and_tell(src, NV_ADDR, &f6);
    ASSERT_ASKED(ADDRS(NV_AF_4), ADDRS(NV_AF_6));
    load();
    f6.valid_s = 100; /* an end is one that its route may get */
    (void)fake_add_and_tell(src, NV_ADDR, &f6);
    ASSERT_ASKED(ROUTES6(2), ADDRS(NV_AF_6));
}

static void ipv4_address_re_reads_the_addresses_and_routes_of_its_link(void **state)
{
    (void)state;
    know_multipath();
    load();
    struct nv_addr f = fact_addr(2, "10.0.0.2", 24);
    struct fake_object *o = fake_add_and_tell(src, NV_ADDR, &f);
    ASSERT_ASKED(ADDRS(NV_AF_4), ROUTES4(2));
    load();
    fake_remove_and_tell(src, o);
    ASSERT_ASKED(ADDRS(NV_AF_4), ROUTES4(2));
}

static void last_ipv4_address_takes_the_links_ipv4_routes_along_at_once(void **state)
{
    (void)state;
    struct nv_hop own = fact_hop(2, NULL), both[2] = {fact_hop(2, NULL), fact_hop(3, NULL)};
    struct nv_route named = fact_route(254, "12.0.0.0", 8, 0, &own, 1),
                    multi = fact_route(254, "13.0.0.0", 8, 0, both, 2),
                    local = fact_route(255, "10.0.0.1", 32, 0, &own, 1);
    struct nv_addr second = fact_addr(2, "10.0.0.2", 24);
    named.nhid = 1; /* nexthop objects outlive addresses */
    local.type = 2;
    (void)fake_know(src, NV_ROUTE, &named);
    (void)fake_know(src, NV_ROUTE, &multi);
    struct fake_object *o = fake_know(src, NV_ROUTE, &local),
                       *last = fake_know(src, NV_ADDR, &second);
    load();
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 5);
    fake_remove_and_tell(src, addr0);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 5); /* there is another address */
    load();
    default4->gone = connected->gone = o->gone = true;
    fake_remove_and_tell(src, last);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 2);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 1);
    settle();
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 2);
    assert_int_equal(asked(NV_ROUTE, NV_AF_4, 2), 1);
}

static void ipv6_address_re_reads_ipv6_routes_of_its_link(void **state)
{
    (void)state;
    know_multipath();
    load();
    struct nv_addr f = fact_addr(2, "2001:db8::2", 64);
    struct fake_object *o = fake_add_and_tell(src, NV_ADDR, &f);
    ASSERT_ASKED(ROUTES6(2), ADDRS(NV_AF_6)); /* its place among the others, too */
    load();
    fake_remove_and_tell(src, o);
    ASSERT_ASKED(ROUTES6(2));
}

static struct fake_object *prefer(uint32_t table, const char *dst, const char *source)
{
    struct nv_hop h = fact_hop(3, "fe80::1");
    struct nv_route f = fact_route(table, dst, 48, 1024, &h, 1);
    f.has_prefsrc = source != NULL;
    if (source)
        (void)fact_ip(source, f.prefsrc);
    return fake_know(src, NV_ROUTE, &f);
}

static void ipv6_address_that_goes_re_reads_the_tables_whose_routes_prefer_it(void **state)
{
    (void)state;
    struct nv_addr f = fact_addr(2, "2001:db8::2", 64);
    struct fake_object *o = fake_know(src, NV_ADDR, &f);
    (void)prefer(100, "2001:db8:1::", "2001:db8::2");
    (void)prefer(100, "2001:db8:2::", "2001:db8::2");
    (void)prefer(200, "2001:db8:3::", "2001:db8::3");
    struct fake_object *last = prefer(300, "2001:db8:4::", "2001:db8::2");
    load();
    fake_remove_and_tell(src, o);
    ASSERT_ASKED(ROUTES6(2), TABLE(NV_AF_6, 100), TABLE(NV_AF_6, 300));
    fake_remove_and_tell(src, last);
    assert_int_equal(m->prefsrc6_count, 3);
}

/* Through the link of an address that is told as it was, the kernel has set a route anew, and its end. */
static void assert_told_again_re_reads_routes(const struct nv_addr *f, const char *dst,
                                              uint8_t dst_len)
{
    struct fake_object *o = fake_know(src, NV_ADDR, f);
    struct nv_hop h = fact_hop(2, NULL);
    struct nv_route r = fact_route(254, dst, dst_len, 256, &h, 1);
    r.has_expires = true;
    r.expires_s = 1000;
    (void)fake_know(src, NV_ROUTE, &r);
    load();
    change(o);
    ASSERT_ASKED(ROUTES6(2));
}

static void ipv6_address_with_a_peer_that_is_told_again_re_reads_the_routes_of_its_link(
    void **state)
{
    (void)state;
    struct nv_addr f = fact_addr(2, "2001:db8:9::1", 128);
    (void)fact_ip("2001:db8:77::1", f.peer);
    f.has_peer = true;
    assert_told_again_re_reads_routes(&f, "2001:db8:77::1", 128);
}

static void ipv6_address_told_again_re_reads_routes_where_one_may_end(void **state)
{
    (void)state;
    struct nv_addr f = fact_addr(2, "2001:db8:5::1", 64);
    assert_told_again_re_reads_routes(&f, "2001:db8:5::", 64);
}

static void address_of_an_unknown_link_asks_for_links_and_is_there_afterwards(void **state)
{
    (void)state;
    load();
    struct nv_link link = fact_link(9, "late", UP);
    struct nv_addr f = fact_addr(9, "10.9.0.1", 24);
    (void)fake_know(src, NV_LINK, &link);
    (void)fake_add_and_tell(src, NV_ADDR, &f);
    assert_int_equal(count(NETVANE_TREE_ADDRS), 2);
    settle();
    assert_int_equal(count(NETVANE_TREE_ADDRS), 3);
    assert_int_equal(count(NETVANE_TREE_LINKS), 4);
}

static struct fake_object *nexthop1(void)
{
    for (unsigned i = 0; i < src->objects; i++)
        if (src->world[i].cls == NV_NEXTHOP && src->world[i].nexthop.id == 1)
            return &src->world[i];
    return NULL;
}

/* An object changes, an address goes, while a dump of a full read runs, which shows what they reach as it was before. */
static struct fake_object *while_dumped;
static enum nv_class dumped;
static void change_while_dumped(struct fake_source *f, const struct nv_dump_request *req,
                                enum fake_phase phase)
{
    if (req->cls != dumped || req->family == NV_AF_4 || phase != FAKE_DUMP_BEGINS || !while_dumped)
        return;
    struct fake_object *o = while_dumped;
    while_dumped = NULL;
    if (o->cls == NV_LINK) {
        memcpy(o->link.name, dumped == NV_RULE ? "lan1" : "lan2", 5);
        o->link.operstate = dumped == NV_RULE ? 5 : 6;
    }
    if (o->cls == NV_ADDR)
        fake_remove_and_tell(f, o);
    else
        fake_change_and_tell(f, o, 0);
}

static void lose_and_read(enum nv_class cls, struct fake_object *changes_meanwhile)
{
    while_dumped = changes_meanwhile;
    dumped = cls;
    src->request_count = 0;
    fake_tell_lost(src, NV_LOST_OVERRUN);
    settle();
    assert_null(while_dumped);
}

static void edge_that_reaches_into_a_full_read_reads_again_what_was_being_read(void **state)
{
    (void)state;
    struct nv_addr f = fact_addr(2, "2001:db8::2", 64);
    while_dumped = fake_know(src, NV_ADDR, &f);
    dumped = NV_ROUTE;
    (void)prefer(100, "2001:db8:1::", "2001:db8::2");
    src->on_dump = change_while_dumped;
    settle();
    assert_null(while_dumped);
    assert_int_equal(asked(NV_ROUTE, NV_AF_6, 0), 2);
    lose_and_read(NV_ROUTE, nexthop1());
    assert_int_equal(asked(NV_ROUTE, NV_AF_6, 0), 2);
    lose_and_read(NV_RULE, eth1);
    assert_int_equal(asked(NV_RULE, NV_AF_6, 0), 2);
    lose_and_read(NV_LINK, eth1);
    assert_int_equal(asked(NV_LINK, 0, 0), 2);
    src->on_dump = NULL;
}

static void nexthop_that_no_route_names_re_reads_nothing(void **state)
{
    (void)state;
    load();
    struct nv_nexthop f = fact_nexthop(2, 2, NULL);
    struct fake_object *o = fake_add_and_tell(src, NV_NEXTHOP, &f);
    o->nexthop.ifindex = 3;
    change(o);
    fake_remove_and_tell(src, o);
    assert_nothing_asked();
}

static struct fake_object *route_by(uint32_t nhid, uint32_t table, const char *dst, uint8_t len)
{
    struct nv_hop h = fact_hop(2, NULL);
    struct nv_route f = fact_route(table, dst, len, 0, &h, 1);
    f.nhid = nhid;
    return fake_know(src, NV_ROUTE, &f);
}

static void know_group(void)
{
    static const struct nv_member members[2] = {{1, 1}, {2, 1}};
    struct nv_nexthop two = fact_nexthop(2, 3, NULL), group = {.id = 9,
                                                               .member_count = 2,
                                                               .members = members,
                                                               .present = NETVANE_NF_GROUP};
    (void)fake_know(src, NV_NEXTHOP, &two);
    (void)fake_know(src, NV_NEXTHOP, &group);
}

static void nexthop_re_reads_the_tables_whose_routes_name_it_or_its_group(void **state)
{
    (void)state;
    know_group();
    (void)route_by(1, 100, "11.0.0.0", 8);
    (void)route_by(9, 200, "2001:db8:9::", 48);
    (void)route_by(2, 300, "12.0.0.0", 8);
    load();
    nexthop1()->nexthop.ifindex = 3;
    change(nexthop1());
    ASSERT_ASKED(TABLE(NV_AF_4, 100), TABLE(NV_AF_6, 200));
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 4);
}

static void removed_nexthop_takes_the_routes_that_name_it_along_at_once(void **state)
{
    (void)state;
    know_group();
    struct fake_object *a = route_by(1, 100, "11.0.0.0", 8),
                       *b = route_by(1, 100, "2001:db8::", 32);
    (void)route_by(9, 200, "12.0.0.0", 8);
    load();
    a->gone = b->gone = true;
    fake_remove_and_tell(src, nexthop1());
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 3);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 1);
    ASSERT_ASKED(TABLE(NV_AF_4, 100), TABLE(NV_AF_6, 100), TABLE(NV_AF_4, 200));
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 3);
}

static void nexthop_that_a_re_read_shows_changed_re_reads_the_tables_that_name_it(void **state)
{
    (void)state;
    (void)route_by(1, 100, "11.0.0.0", 8);
    load();
    nexthop1()->nexthop.ifindex = 3; /* without a word */
    eth1->link.flags = 1;
    change(eth1);
    ASSERT_ASKED(NEXTHOPS, {NV_ADDR, NV_AF_6, 3, 0}, TABLE(NV_AF_4, 100));
}

static void nexthop_that_a_dump_no_longer_shows_takes_its_routes_along(void **state)
{
    (void)state;
    struct fake_object *a = route_by(1, 100, "11.0.0.0", 8);
    load();
    eth0->link.flags = 1; /* without carrier */
    nexthop1()->gone = a->gone = true;
    change(eth0);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 3);
    settle();
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 2);
    assert_int_equal(asked_table(NV_AF_4, 100), 1);
}

static void rule_re_reads_the_rules_of_its_family(void **state)
{
    (void)state;
    load();
    struct nv_rule f = fact_rule(NV_AF_6, 100, 50);
    (void)fake_add_and_tell(src, NV_RULE, &f);
    assert_asked((const struct want[]){{NV_RULE, NV_AF_6, 0, 0}}, 1, false);
}

static void plain_route_re_reads_nothing_and_a_doubtful_one_its_table(void **state)
{
    (void)state;
    load();
    struct nv_hop h = fact_hop(3, NULL);
    struct nv_route f = fact_route(100, "10.5.0.0", 16, 0, &h, 1);
    (void)fake_add_and_tell(src, NV_ROUTE, &f);
    settle();
    assert_int_equal(src->request_count, 0);
    h.ifindex = 2;
    struct fake_object *o = fake_know(src, NV_ROUTE, &f);
    fake_change_and_tell(src, o, NV_LIST_CREATE | NV_LIST_APPEND); /* the kernel says where */
    settle();
    assert_int_equal(src->request_count, 0);
    fake_change_and_tell(src, o, NV_LIST_CREATE | NV_LIST_APPEND); /* twice: that cannot be */
    settle();
    assert_int_equal(src->request_count, 1);
    assert_int_equal(src->requests[0].table, 100);
    assert_int_equal(src->requests[0].family, NV_AF_4);
    assert_int_equal(src->requests[0].ifindex, 0);
}

static void multicast_route_of_a_link_stands_for_ipv6_on_it(void **state)
{
    (void)state;
    know_multipath();
    load();
    struct nv_hop h = fact_hop(3, NULL);
    struct nv_route f = fact_route(255, "ff00::", 8, 256, &h, 1);
    struct fake_object *o = fake_add_and_tell(src, NV_ROUTE, &f);
    ASSERT_ASKED({NV_ROUTE, NV_AF_6, 3, 0});
    load();
    fake_remove_and_tell(src, o);
    ASSERT_ASKED({NV_ROUTE, NV_AF_6, 3, 0});
}

static void hints_re_read_what_they_stand_for(void **state)
{
    (void)state;
    load();
    fake_tell_hint(src, NV_HINT_NETCONF, 2);
    ASSERT_ASKED(ROUTES(2));
    load();
    fake_tell_hint(src, NV_HINT_NETCONF, 0);
    ASSERT_ASKED(ROUTES(0));
    load();
    fake_tell_hint(src, NV_HINT_RA, 2);
    ASSERT_ASKED(ROUTES6(2));
    load();
    fake_tell_hint(src, NV_HINT_NSID, 0);
    ASSERT_ASKED(LINKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(link_that_goes_down_loses_its_ipv4_routes_at_once_and_they_are_read_again),
        T(routes_that_the_kernel_kept_come_back_with_the_re_read),
        T(carrier_re_reads_routes_nexthops_and_ipv6_addresses),
        T(each_flag_of_a_link_that_decides_about_routes_has_these_edges),
        T(operstate_re_reads_the_links_beside_it),
        T(link_of_another_namespace_is_not_beside_it),
        T(link_that_a_re_read_shows_changed_has_the_edges_of_an_event),
        T(master_re_reads_the_old_and_the_new_one),
        T(new_link_re_reads_rules_that_name_it_and_the_link_that_it_lies_on),
        T(link_that_nothing_names_comes_changes_and_goes_without_a_re_read_of_routes),
        T(removed_link_takes_everything_along_without_a_re_read_of_routes),
        T(removed_link_re_reads_the_tables_of_which_a_route_has_a_hop_there),
        T(removed_link_re_reads_the_tables_where_its_ipv6_gateways_may_have_hidden_a_route),
        T(removed_link_is_verified_where_a_dump_of_routes_runs),
        T(link_that_a_dump_no_longer_shows_has_the_same_edges),
        T(mtu_re_reads_the_ipv6_routes_of_the_link),
        T(mtu_below_that_of_ipv6_re_reads_its_addresses_and_the_link_too),
        T(link_that_is_up_but_not_ready_re_reads_routes_even_if_told_nothing_new),
        T(carrier_that_came_back_unannounced_re_reads_routes_that_were_linkdown),
        T(more_links_with_linkdown_routes_than_are_remembered_make_every_link_suspect),
        T(first_ipv4_rule_re_reads_table_local_and_spoils_a_dump_that_runs),
        T(name_re_reads_rules_that_have_the_old_or_the_new_one),
        T(link_told_again_re_reads_nothing),
        T(address_of_a_link_whose_routes_are_plain_re_reads_none_of_them),
        T(ipv4_address_re_reads_the_addresses_and_routes_of_its_link),
        T(last_ipv4_address_takes_the_links_ipv4_routes_along_at_once),
        T(ipv6_address_re_reads_ipv6_routes_of_its_link),
        T(ipv6_address_that_goes_re_reads_the_tables_whose_routes_prefer_it),
        T(ipv6_address_with_a_peer_that_is_told_again_re_reads_the_routes_of_its_link),
        T(ipv6_address_told_again_re_reads_routes_where_one_may_end),
        T(address_of_an_unknown_link_asks_for_links_and_is_there_afterwards),
        T(edge_that_reaches_into_a_full_read_reads_again_what_was_being_read),
        T(nexthop_that_no_route_names_re_reads_nothing),
        T(nexthop_re_reads_the_tables_whose_routes_name_it_or_its_group),
        T(removed_nexthop_takes_the_routes_that_name_it_along_at_once),
        T(nexthop_that_a_re_read_shows_changed_re_reads_the_tables_that_name_it),
        T(nexthop_that_a_dump_no_longer_shows_takes_its_routes_along),
        T(rule_re_reads_the_rules_of_its_family),
        T(plain_route_re_reads_nothing_and_a_doubtful_one_its_table),
        T(multicast_route_of_a_link_stands_for_ipv6_on_it),
        T(hints_re_read_what_they_stand_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
