/* SPDX-License-Identifier: MIT */
/*
 * test_edges.c - proves that each kind of change asks for exactly the re-reads of the table in
 * writer/edges.c, and that what follows from a link's end is applied without waiting for them.
 */
#include "tests/unit/sync_fixture.h"

struct want {
    enum nv_class cls;
    uint8_t family;
    uint32_t ifindex;
};

#define ROUTES(ifindex)            \
    {NV_ROUTE, NV_AF_4, ifindex},  \
    {                              \
        NV_ROUTE, NV_AF_6, ifindex \
    }
#define RULES               \
    {NV_RULE, NV_AF_4, 0},  \
    {                       \
        NV_RULE, NV_AF_6, 0 \
    }
#define NEXTHOPS         \
    {                    \
        NV_NEXTHOP, 0, 0 \
    }
#define LINKS         \
    {                 \
        NV_LINK, 0, 0 \
    }

static void assert_asked(const struct want *wants, unsigned n, bool barrier)
{
    settle();
    for (unsigned i = 0; i < src->request_count; i++) {
        const struct nv_dump_request *r = &src->requests[i];
        bool wanted = false;
        for (unsigned k = 0; k < n; k++)
            wanted = wanted || (wants[k].cls == r->cls && wants[k].family == r->family &&
                                wants[k].ifindex == r->ifindex);
        if (!wanted)
            fail_msg("asked for class %d family %u link %u without need", (int)r->cls, r->family,
                     r->ifindex);
        assert_int_equal(r->barrier, barrier);
    }
    for (unsigned k = 0; k < n; k++)
        if (asked(wants[k].cls, wants[k].family, wants[k].ifindex) != 1)
            fail_msg("class %d family %u link %u was asked for %u times", (int)wants[k].cls,
                     wants[k].family, wants[k].ifindex,
                     asked(wants[k].cls, wants[k].family, wants[k].ifindex));
}

#define ASSERT_ASKED(...)                            \
    assert_asked((const struct want[]){__VA_ARGS__}, \
                 NV_ARRAY_LEN(((const struct want[]){__VA_ARGS__})), true)

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
    ASSERT_ASKED(ROUTES(2), {NV_ADDR, NV_AF_6, 2}, NEXTHOPS, LINKS);
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

static void carrier_operstate_and_master_re_read_routes_nexthops_and_links(void **state)
{
    (void)state;
    load();
    eth0->link.flags = 1;
    change(eth0);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 2); /* lost carrier takes nothing away */
    ASSERT_ASKED(ROUTES(2), {NV_ADDR, NV_AF_6, 2}, NEXTHOPS, LINKS);
    load();
    eth0->link.operstate = 5;
    change(eth0);
    ASSERT_ASKED(ROUTES(2), {NV_ADDR, NV_AF_6, 2}, NEXTHOPS, LINKS);
    load();
    eth0->link.has |= NV_LINK_HAS_MASTER;
    eth0->link.master = 3;
    change(eth0);
    ASSERT_ASKED(ROUTES(2), {NV_ADDR, NV_AF_6, 2}, NEXTHOPS, LINKS);
}

static void new_link_re_reads_the_rules(void **state)
{
    (void)state;
    load();
    struct nv_link f = fact_link(9, "tun0", UP);
    (void)fake_add_and_tell(src, NV_LINK, &f);
    ASSERT_ASKED(RULES);
}

static void removed_link_takes_everything_along_and_re_reads_all_that_may_name_it(void **state)
{
    (void)state;
    load();
    for (unsigned i = 0; i < src->objects; i++)
        if (src->world[i].cls == NV_ROUTE || src->world[i].cls == NV_ADDR)
            src->world[i].gone = true;
    fake_remove_and_tell(src, eth0);
    assert_int_equal(count(NETVANE_TREE_ADDRS), 0);
    assert_int_equal(count(NETVANE_TREE_ROUTES4) + count(NETVANE_TREE_ROUTES6), 0);
    ASSERT_ASKED(ROUTES(0), RULES, NEXTHOPS, LINKS);
}

static void link_that_a_dump_no_longer_shows_has_the_same_edges(void **state)
{
    (void)state;
    load();
    for (unsigned i = 0; i < src->objects; i++)
        if (src->world[i].cls == NV_ROUTE || src->world[i].cls == NV_ADDR)
            src->world[i].gone = true;
    eth0->gone = true; /* without a word */
    fake_tell_hint(src, NV_HINT_NSID, 0);
    settle();
    assert_int_equal(count(NETVANE_TREE_LINKS), 2);
    assert_true(asked(NV_ROUTE, NV_AF_4, 0) && asked(NV_ROUTE, NV_AF_6, 0) &&
                asked(NV_NEXTHOP, 0, 0) && asked(NV_RULE, NV_AF_4, 0));
}

static void mtu_re_reads_the_ipv6_routes_of_the_link(void **state)
{
    (void)state;
    load();
    eth0->link.mtu = 1400;
    change(eth0);
    ASSERT_ASKED({NV_ROUTE, NV_AF_6, 2});
}

static void mtu_below_that_of_ipv6_re_reads_its_addresses_and_the_link_too(void **state)
{
    (void)state;
    load();
    eth0->link.mtu = 600;
    change(eth0);
    ASSERT_ASKED({NV_ROUTE, NV_AF_6, 2}, {NV_ADDR, NV_AF_6, 2}, {NV_LINK, 0, 2});
    load();
    eth0->link.group = 7; /* whatever is said of such a link */
    eth0->link.has |= NV_LINK_HAS_GROUP;
    change(eth0);
    ASSERT_ASKED({NV_ROUTE, NV_AF_6, 2}, {NV_ADDR, NV_AF_6, 2}, {NV_LINK, 0, 2});
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
    ASSERT_ASKED(ROUTES(2), {NV_ADDR, NV_AF_6, 2}, NEXTHOPS);
    load();
    eth0->link.group = 7;
    eth0->link.has |= NV_LINK_HAS_GROUP;
    change(eth0);
    ASSERT_ASKED(ROUTES(2), {NV_ADDR, NV_AF_6, 2}, NEXTHOPS);
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
    ASSERT_ASKED(ROUTES(2), {NV_ADDR, NV_AF_6, 2}, NEXTHOPS);
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
    ASSERT_ASKED(ROUTES(2), {NV_ADDR, NV_AF_6, 2}, NEXTHOPS);
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
    assert_true(s->dump.active);
    f.priority = 102;
    (void)fake_add_and_tell(src, NV_RULE, &f);
    assert_true(s->dump.disturbed);
    settle();
}

static void name_re_reads_rules_and_links(void **state)
{
    (void)state;
    load();
    memcpy(eth0->link.name, "lan0", 5);
    change(eth0);
    ASSERT_ASKED(RULES, LINKS);
}

static void link_told_again_re_reads_nothing(void **state)
{
    (void)state;
    load();
    change(eth0);
    settle();
    assert_int_equal(src->request_count, 0);
}

static void ipv4_address_re_reads_the_addresses_and_routes_of_its_link(void **state)
{
    (void)state;
    load();
    struct nv_addr f = fact_addr(2, "10.0.0.2", 24);
    struct fake_object *o = fake_add_and_tell(src, NV_ADDR, &f);
    ASSERT_ASKED({NV_ADDR, NV_AF_4, 2}, {NV_ROUTE, NV_AF_4, 2});
    load();
    fake_remove_and_tell(src, o);
    ASSERT_ASKED({NV_ADDR, NV_AF_4, 2}, {NV_ROUTE, NV_AF_4, 2});
}

static void ipv6_address_re_reads_ipv6_routes_of_its_link_or_all_when_it_goes(void **state)
{
    (void)state;
    load();
    struct nv_addr f = fact_addr(2, "2001:db8::2", 64);
    struct fake_object *o = fake_add_and_tell(src, NV_ADDR, &f);
    ASSERT_ASKED({NV_ROUTE, NV_AF_6, 2});
    load();
    fake_remove_and_tell(src, o);
    ASSERT_ASKED({NV_ROUTE, NV_AF_6, 0});
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

static void nexthop_re_reads_nexthops_and_all_routes(void **state)
{
    (void)state;
    load();
    struct nv_nexthop f = fact_nexthop(2, 2, NULL);
    (void)fake_add_and_tell(src, NV_NEXTHOP, &f);
    ASSERT_ASKED(ROUTES(0), NEXTHOPS);
}

static void rule_re_reads_the_rules_of_its_family(void **state)
{
    (void)state;
    load();
    struct nv_rule f = fact_rule(NV_AF_6, 100, 50);
    (void)fake_add_and_tell(src, NV_RULE, &f);
    assert_asked((const struct want[]){{NV_RULE, NV_AF_6, 0}}, 1, false);
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
    load();
    struct nv_hop h = fact_hop(3, NULL);
    struct nv_route f = fact_route(255, "ff00::", 8, 256, &h, 1);
    struct fake_object *o = fake_add_and_tell(src, NV_ROUTE, &f);
    ASSERT_ASKED({NV_ROUTE, NV_AF_6, 3});
    load();
    fake_remove_and_tell(src, o);
    ASSERT_ASKED({NV_ROUTE, NV_AF_6, 3});
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
    fake_tell_hint(src, NV_HINT_RA, 3);
    ASSERT_ASKED({NV_ROUTE, NV_AF_6, 3});
    load();
    fake_tell_hint(src, NV_HINT_NSID, 0);
    ASSERT_ASKED(LINKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(link_that_goes_down_loses_its_ipv4_routes_at_once_and_they_are_read_again),
        T(routes_that_the_kernel_kept_come_back_with_the_re_read),
        T(carrier_operstate_and_master_re_read_routes_nexthops_and_links),
        T(new_link_re_reads_the_rules),
        T(removed_link_takes_everything_along_and_re_reads_all_that_may_name_it),
        T(link_that_a_dump_no_longer_shows_has_the_same_edges),
        T(mtu_re_reads_the_ipv6_routes_of_the_link),
        T(mtu_below_that_of_ipv6_re_reads_its_addresses_and_the_link_too),
        T(link_that_is_up_but_not_ready_re_reads_routes_even_if_told_nothing_new),
        T(carrier_that_came_back_unannounced_re_reads_routes_that_were_linkdown),
        T(more_links_with_linkdown_routes_than_are_remembered_make_every_link_suspect),
        T(first_ipv4_rule_re_reads_table_local_and_spoils_a_dump_that_runs),
        T(name_re_reads_rules_and_links),
        T(link_told_again_re_reads_nothing),
        T(ipv4_address_re_reads_the_addresses_and_routes_of_its_link),
        T(ipv6_address_re_reads_ipv6_routes_of_its_link_or_all_when_it_goes),
        T(address_of_an_unknown_link_asks_for_links_and_is_there_afterwards),
        T(nexthop_re_reads_nexthops_and_all_routes),
        T(rule_re_reads_the_rules_of_its_family),
        T(plain_route_re_reads_nothing_and_a_doubtful_one_its_table),
        T(multicast_route_of_a_link_stands_for_ipv6_on_it),
        T(hints_re_read_what_they_stand_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
