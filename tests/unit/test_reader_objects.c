/* SPDX-License-Identifier: MIT */
/* Getting, finding and listing objects of one State. */
#include "tests/unit/reader_fixture.h"

#include <arpa/inet.h>
#include <stdio.h>

static void a_link_is_found_by_index_name_and_altname(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap = begin(f);
    struct netvane_link l;
    char text[128];
    NETVANE_INIT(&l);
    assert_int_equal(netvane_link_get(&snap, 3, &l), NETVANE_OK);
    assert_string_equal(l.name, "wg0");
    assert_int_equal(l.size, sizeof(l));
    assert_int_equal(netvane_string_get(&snap, l.kind, text, sizeof(text)), 9);
    assert_string_equal(text, "wireguard");
    assert_int_equal(netvane_link_get_by_name(&snap, "eth0", &l), NETVANE_OK);
    assert_int_equal(l.ifindex, 2);
    assert_int_equal(l.altname_count, 2);
    assert_int_equal(netvane_link_get_by_name(&snap, "lan", &l), NETVANE_OK);
    assert_int_equal(l.ifindex, 2);
    assert_int_equal(netvane_link_altname(&snap, 2, 0, text, sizeof(text)), 6);
    assert_string_equal(text, "enp1s0");
    assert_int_equal(netvane_link_altname(&snap, 2, 1, text, sizeof(text)), 3);
}

static void what_is_not_there_is_not_found_and_results_stay_untouched(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap = begin(f);
    struct netvane_link l;
    struct netvane_nexthop n;
    struct netvane_addr a;
    const uint8_t ip[4] = {8, 8, 8, 8};
    char text[4] = "abc";
    memset(&l, 0x5a, sizeof(l));
    l.size = sizeof(l);
    assert_int_equal(netvane_link_get(&snap, 99, &l), NETVANE_NOT_FOUND);
    assert_int_equal(l.ifindex, 0x5a5a5a5a);
    assert_int_equal(netvane_link_get_by_name(&snap, "eth1", &l), NETVANE_NOT_FOUND);
    assert_int_equal(netvane_link_get_by_name(&snap, "", &l), NETVANE_NOT_FOUND);
    assert_int_equal(netvane_link_altname(&snap, 2, 2, text, sizeof(text)), NETVANE_NOT_FOUND);
    assert_int_equal(netvane_link_altname(&snap, 2, 0, text, sizeof(text)), NETVANE_TRUNCATED);
    assert_int_equal(netvane_string_get(&snap, 0, text, sizeof(text)), NETVANE_NOT_FOUND);
    assert_int_equal(netvane_string_get(&snap, 1, text, sizeof(text)), NETVANE_TRUNCATED);
    assert_string_equal(text, "abc");
    NETVANE_INIT(&n);
    NETVANE_INIT(&a);
    assert_int_equal(netvane_nexthop_get(&snap, 1, &n), NETVANE_NOT_FOUND);
    assert_int_equal(netvane_addr_find(&snap, 4, ip, &a), NETVANE_NOT_FOUND);
}

static void a_long_string_is_put_together(void **state)
{
    struct fixture *f = *state;
    char blob[300], got[301];
    for (size_t i = 0; i < sizeof(blob); i++)
        blob[i] = (char)i;
    uint32_t id = fake_string(&f->state, blob, sizeof(blob));
    fake_publish(&f->region, &f->state, false);
    struct netvane_snap snap = begin(f);
    assert_int_equal(netvane_string_get(&snap, id, got, 300), NETVANE_TRUNCATED);
    assert_int_equal(netvane_string_get(&snap, id, got, sizeof(got)), 300);
    assert_memory_equal(got, blob, 300);
    assert_int_equal(got[300], 0);
}

static void links_come_in_order_of_index(void **state)
{
    struct fixture *f = *state;
    char name[16];
    for (uint32_t i = 10; i < 400; i++) {
        snprintf(name, sizeof(name), "v%u", i);
        fake_link(&f->state, 409 - i + 10, name, 1, "veth");
    }
    fake_publish(&f->region, &f->state, false);
    struct netvane_snap snap = begin(f);
    struct netvane_iter it;
    struct netvane_link l;
    uint32_t before = 0;
    unsigned n = 0;
    int r;
    assert_int_equal(netvane_link_iter(&snap, &it), NETVANE_OK);
    NETVANE_INIT(&l);
    for (; (r = netvane_link_next(&it, &l)) == 1; n++) {
        assert_true(l.ifindex > before);
        before = l.ifindex;
    }
    assert_int_equal(r, 0);
    assert_int_equal(netvane_link_next(&it, &l), 0);
    assert_int_equal(n, 393);
    assert_int_equal(netvane_link_get_by_name(&snap, "v123", &l), NETVANE_OK);
}

static unsigned count_addrs(const struct netvane_snap *snap, uint32_t ifindex, uint8_t family)
{
    struct netvane_iter it;
    struct netvane_addr a;
    unsigned n = 0;
    int r;
    assert_int_equal(netvane_addr_iter(snap, ifindex, family, &it), NETVANE_OK);
    NETVANE_INIT(&a);
    while ((r = netvane_addr_next(&it, &a)) == 1) {
        assert_true(!ifindex || a.ifindex == ifindex);
        assert_true(!family || a.family == family);
        n++;
    }
    assert_int_equal(r, 0);
    return n;
}

static void addresses_are_listed_by_link_and_family(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap = begin(f);
    assert_int_equal(count_addrs(&snap, 0, 0), 7);
    assert_int_equal(count_addrs(&snap, 0, 4), 4);
    assert_int_equal(count_addrs(&snap, 0, 6), 3);
    assert_int_equal(count_addrs(&snap, 2, 0), 4);
    assert_int_equal(count_addrs(&snap, 2, 4), 2);
    assert_int_equal(count_addrs(&snap, 1, 6), 1);
    assert_int_equal(count_addrs(&snap, 3, 6), 0);
    assert_int_equal(count_addrs(&snap, 77, 0), 0);
    struct netvane_iter it;
    assert_int_equal(netvane_addr_iter(&snap, 0, 5, &it), NETVANE_INVALID);
}

static void is_this_ip_mine_finds_each_place(void **state)
{
    struct fixture *f = *state;
    uint8_t ip[16], other[16];
    struct netvane_addr a;
    struct netvane_iter it;
    fake_addr(&f->state, 3, "192.0.2.10/32", 0, 0, 1);
    fake_addr(&f->state, 3, "::c000:20a/128", 0, 0, 1); /* the same number as an IPv6 address */
    fake_publish(&f->region, &f->state, false);
    struct netvane_snap snap = begin(f);
    inet_pton(AF_INET, "192.0.2.10", ip);
    NETVANE_INIT(&a);
    assert_int_equal(netvane_addr_find(&snap, 4, ip, &a), NETVANE_OK);
    assert_int_equal(a.ifindex, 2);
    assert_int_equal(a.prefix_len, 24);
    assert_memory_equal(a.local, ip, 4);
    assert_memory_equal(a.peer, ip, 4);
    assert_int_equal(netvane_addr_iter_ip(&snap, 4, ip, &it), NETVANE_OK);
    assert_int_equal(netvane_addr_next(&it, &a), 1);
    assert_int_equal(netvane_addr_next(&it, &a), 1);
    assert_int_equal(a.ifindex, 3);
    assert_int_equal(netvane_addr_next(&it, &a), 0);
    inet_pton(AF_INET6, "::c000:20a", other);
    assert_int_equal(netvane_addr_find(&snap, 6, other, &a), NETVANE_OK);
    assert_int_equal(a.family, 6);
    inet_pton(AF_INET6, "fe80::10", other);
    assert_int_equal(netvane_addr_find(&snap, 6, other, &a), NETVANE_OK);
    assert_memory_equal(a.local, other, 16);
}

static unsigned locals(const struct netvane_snap *snap, uint8_t family, uint32_t flags,
                       struct netvane_addr *a)
{
    size_t count = 0;
    NETVANE_INIT(a);
    assert_int_equal(netvane_local_list(snap, family, flags, a, 16, &count), NETVANE_OK);
    return (unsigned)count;
}

static void an_unspecified_bind_means_the_usable_addresses_best_first(void **state)
{
    struct fixture *f = *state;
    struct netvane_addr a[16];
    struct netvane_rec_link *l = fake_link(&f->state, 4, "down0", 0, NULL);
    fake_addr(&f->state, 4, "198.51.100.1/24", 0, 0x80, 0);
    fake_addr(&f->state, 2, "2001:db8::dead/64", 0, 0x40, 2); /* tentative */
    fake_addr(&f->state, 2, "2001:db8::0:1/64", 0, 0x08, 3);  /* DAD failed */
    fake_addr(&f->state, 2, "2001:db8::0:2/64", 0, 0x20, 4);  /* deprecated */
    fake_addr(&f->state, 2, "2001:db8::0:3/64", 0, 0x44, 5);  /* optimistic */
    fake_addr(&f->state, 2, "2001:db8::0:4/64", 0, 0x01, 0);  /* temporary */
    fake_addr(&f->state, 3, "2001:db8:9::1/64", 0, 0x80, 0);  /* not on the egress */
    (void)l;
    fake_publish(&f->region, &f->state, false);
    struct netvane_snap snap = begin(f);

    assert_int_equal(locals(&snap, 4, 0, a), 3);
    assert_memory_equal(a[0].local, "\xc0\x00\x02\x0a", 4); /* primary on the egress */
    assert_memory_equal(a[1].local, "\xc0\x00\x02\x0b", 4); /* secondary */
    assert_memory_equal(a[2].local, "\x0a\x09\x00\x02", 4); /* on another link */
    assert_int_equal(a[2].size, sizeof(a[2]));
    assert_int_equal(locals(&snap, 4, NETVANE_LOCAL_LOOPBACK, a), 4);

    assert_int_equal(locals(&snap, 6, 0, a), 4);
    assert_int_equal(a[0].local[15], 0x10);
    assert_int_equal(a[1].local[15], 0x03);
    assert_int_equal(a[2].local[15], 0x04);
    assert_int_equal(a[3].ifindex, 3);
    assert_int_equal(locals(&snap, 6, NETVANE_LOCAL_DEPRECATED, a), 5);
    assert_int_equal(locals(&snap, 6, NETVANE_LOCAL_LINK_LOCAL, a), 5);
    assert_int_equal(a[3].scope, 253);

    size_t count = 0;
    NETVANE_INIT(&a[0]);
    a[1].ifindex = 77;
    assert_int_equal(netvane_local_list(&snap, 4, 0, a, 1, &count), NETVANE_OK);
    assert_int_equal(count, 3);
    assert_int_equal(a[1].ifindex, 77);
    assert_int_equal(netvane_local_list(&snap, 4, 0, NULL, 0, &count), NETVANE_OK);
    assert_int_equal(netvane_local_list(&snap, 7, 0, NULL, 0, &count), NETVANE_INVALID);
}

static unsigned count_routes(const struct netvane_snap *snap,
                             const struct netvane_route_filter *filter)
{
    struct netvane_iter it;
    struct netvane_route r;
    unsigned n = 0;
    int e;
    assert_int_equal(netvane_route_iter(snap, filter, &it), NETVANE_OK);
    NETVANE_INIT(&r);
    for (; (e = netvane_route_next(&it, &r)) == 1; n++) {
        assert_true(!filter || !filter->table || r.table == filter->table);
        assert_true(!filter || !filter->family || r.family == filter->family);
    }
    assert_int_equal(e, 0);
    return n;
}

static void routes_are_listed_by_table_family_link_type_protocol_and_prefix(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap = begin(f);
    struct netvane_route_filter q;
    assert_int_equal(count_routes(&snap, NULL), 8);
    NETVANE_INIT(&q);
    q.family = 4;
    assert_int_equal(count_routes(&snap, &q), 6);
    q.table = 254;
    assert_int_equal(count_routes(&snap, &q), 4);
    q.family = 0;
    assert_int_equal(count_routes(&snap, &q), 6);
    q.ifindex = 3; /* 0/0 metric 200, 10/8 by its second hop, 10.9/16, 2001:db8:1::/48 */
    assert_int_equal(count_routes(&snap, &q), 4);
    q.table = 0;
    assert_int_equal(count_routes(&snap, &q), 5);
    q.ifindex = 2;
    assert_int_equal(count_routes(&snap, &q), 3);
    NETVANE_INIT(&q);
    q.type = 6;
    assert_int_equal(count_routes(&snap, &q), 1);
    NETVANE_INIT(&q);
    q.protocol = 2;
    assert_int_equal(count_routes(&snap, &q), 0);
    NETVANE_INIT(&q);
    q.exact = 1;
    assert_int_equal(netvane_route_iter(&snap, &q, &(struct netvane_iter){{0}}), NETVANE_INVALID);
    q.family = 4;
    assert_int_equal(count_routes(&snap, &q), 2); /* both 0/0, in any table */
    q.table = 254;
    assert_int_equal(count_routes(&snap, &q), 2);
    q.dst_len = 8;
    memcpy(q.dst, "\x0a\xff\xff\xff", 4); /* bits behind the length do not count */
    assert_int_equal(count_routes(&snap, &q), 1);
    q.table = 100;
    assert_int_equal(count_routes(&snap, &q), 0);
    q.dst_len = 33;
    assert_int_equal(netvane_route_iter(&snap, &q, &(struct netvane_iter){{0}}), NETVANE_INVALID);
    NETVANE_INIT(&q);
    q.family = 6;
    q.exact = 1;
    q.table = 254;
    q.dst_len = 48;
    inet_pton(AF_INET6, "2001:db8:1::", q.dst);
    assert_int_equal(count_routes(&snap, &q), 1);
    q.table = 0;
    assert_int_equal(count_routes(&snap, &q), 1);
}

static void a_route_shows_its_fields_hops_and_metrics(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap = begin(f);
    struct netvane_route_filter q;
    struct netvane_iter it;
    struct netvane_route r;
    struct netvane_hop h;
    struct netvane_metrics m;
    NETVANE_INIT(&q);
    q.family = 4;
    q.table = 254;
    NETVANE_INIT(&r);
    NETVANE_INIT(&h);
    NETVANE_INIT(&m);
    assert_int_equal(netvane_route_iter(&snap, &q, &it), NETVANE_OK);
    assert_int_equal(netvane_route_next(&it, &r), 1);
    assert_int_equal(r.dst_len, 0);
    assert_int_equal(r.metric, 100);
    assert_int_equal(r.hop_count, 1);
    assert_int_equal(r.hop.ifindex, 2);
    assert_memory_equal(r.hop.gateway, "\xc0\x00\x02\x01", 4);
    assert_int_equal(netvane_route_metrics(&snap, &r, &m), NETVANE_OK);
    assert_int_equal(m.mask, 0);
    assert_int_equal(netvane_route_next(&it, &r), 1);
    assert_int_equal(r.metric, 200);
    assert_int_equal(netvane_route_next(&it, &r), 1);
    assert_int_equal(r.dst_len, 8);
    assert_int_equal(r.hop_count, 2);
    assert_int_equal(r.multipath, 1);
    assert_int_equal(netvane_route_hop(&snap, &r, 1, &h), NETVANE_OK);
    assert_int_equal(h.ifindex, 3);
    assert_int_equal(h.weight, 1);
    assert_int_equal(netvane_route_hop(&snap, &r, 2, &h), NETVANE_NOT_FOUND);
    assert_int_equal(netvane_route_metrics(&snap, &r, &m), NETVANE_OK);
    assert_int_equal(m.mask, 1u << 2);
    assert_int_equal(m.values[2], 1400);
}

static void thousands_of_routes_are_walked_and_sought(void **state)
{
    struct fixture *f = *state;
    char text[64];
    for (unsigned i = 0; i < 6000; i++) {
        snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 250, i % 250);
        fake_route(&f->state, 200 + i % 3, text, i % 7, 1 + i % 4);
        snprintf(text, sizeof(text), "2001:db8:%x::/48", i);
        fake_route(&f->state, 200 + i % 3, text, 1024, 1 + i % 4);
    }
    fake_publish(&f->region, &f->state, false);
    struct netvane_snap snap = begin(f);
    struct netvane_route_filter q;
    NETVANE_INIT(&q);
    assert_int_equal(count_routes(&snap, &q), 12008);
    q.table = 201;
    assert_int_equal(count_routes(&snap, &q), 4000);
    q.ifindex = 3; /* sets 2 and 4 */
    assert_int_equal(count_routes(&snap, &q), 2000);
    assert_int_equal(netvane_check(f->nv, NULL, NULL), 0);
}

static void rules_come_in_the_kernels_order(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap = begin(f);
    struct netvane_iter it;
    struct netvane_rule r;
    NETVANE_INIT(&r);
    assert_int_equal(netvane_rule_iter(&snap, 0, &it), NETVANE_OK);
    assert_int_equal(netvane_rule_next(&it, &r), 1);
    assert_int_equal(r.table, 255);
    assert_int_equal(netvane_rule_next(&it, &r), 1);
    assert_int_equal(r.priority, 32766);
    assert_int_equal(netvane_rule_next(&it, &r), 1);
    assert_int_equal(r.family, 6);
    assert_int_equal(netvane_rule_next(&it, &r), 0);
    assert_int_equal(netvane_rule_iter(&snap, 4, &it), NETVANE_OK);
    assert_int_equal(netvane_rule_next(&it, &r), 1);
    assert_int_equal(netvane_rule_next(&it, &r), 1);
    assert_int_equal(netvane_rule_next(&it, &r), 0);
    assert_int_equal(netvane_rule_iter(&snap, 6, &it), NETVANE_OK);
    assert_int_equal(netvane_rule_next(&it, &r), 1);
    assert_int_equal(netvane_rule_next(&it, &r), 0);
}

static void nexthop_groups_show_their_members(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap = begin(f);
    struct netvane_nexthop n;
    struct netvane_member m;
    struct netvane_iter it;
    NETVANE_INIT(&n);
    NETVANE_INIT(&m);
    assert_int_equal(netvane_nexthop_get(&snap, 9, &n), NETVANE_OK);
    assert_int_equal(n.member_count, 2);
    assert_int_equal(n.present, NETVANE_NEXTHOP_GROUP);
    assert_int_equal(netvane_nexthop_member(&snap, 9, 1, &m), NETVANE_OK);
    assert_int_equal(m.nhid, 8);
    assert_int_equal(m.weight, 3);
    assert_int_equal(netvane_nexthop_member(&snap, 9, 2, &m), NETVANE_NOT_FOUND);
    assert_int_equal(netvane_nexthop_iter(&snap, &it), NETVANE_OK);
    for (uint32_t id = 7; id <= 9; id++) {
        assert_int_equal(netvane_nexthop_next(&it, &n), 1);
        assert_int_equal(n.nhid, id);
    }
    assert_int_equal(netvane_nexthop_next(&it, &n), 0);
}

static void the_default_route_is_read_from_the_handle_and_from_a_snap(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap = begin(f);
    struct netvane_default d;
    NETVANE_INIT(&d);
    assert_int_equal(netvane_default_get(f->nv, 4, &d), NETVANE_OK);
    assert_int_equal(d.size, 64);
    assert_int_equal(d.ifindex, 2);
    assert_int_equal(d.family, 4);
    assert_int_equal(netvane_egress_get(f->nv, 6, &d), NETVANE_OK);
    assert_int_equal(d.family, 6);
    assert_int_equal(netvane_snap_default(&snap, 6, &d), NETVANE_OK);
    assert_int_equal(d.metric, 1024);
    assert_int_equal(netvane_snap_egress(&snap, 4, &d), NETVANE_OK);
    assert_int_equal(netvane_default_get(f->nv, 5, &d), NETVANE_INVALID);
    assert_int_equal(netvane_default_get(f->nv, 0, &d), NETVANE_INVALID);
    assert_int_equal(netvane_snap_default(&snap, 2, &d), NETVANE_INVALID);

    const uint64_t key = (uint64_t)6 << 56 | 254 << 16;
    fake_remove(&f->state, NETVANE_TREE_DEFAULTS, &key);
    memset(&f->state.main6, 0, sizeof(f->state.main6));
    fake_publish(&f->region, &f->state, false);
    assert_int_equal(netvane_default_get(f->nv, 6, &d), NETVANE_NOT_FOUND);
    assert_int_equal(netvane_snap_default(&snap, 6, &d), NETVANE_OK);
    snap = begin(f);
    assert_int_equal(netvane_snap_default(&snap, 6, &d), NETVANE_NOT_FOUND);
}

static void candidates_are_ranked_with_reasons(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap = begin(f);
    struct netvane_iter it;
    struct netvane_default d;
    NETVANE_INIT(&d);
    assert_int_equal(netvane_default_iter(&snap, 4, 0, &it), NETVANE_OK);
    assert_int_equal(netvane_default_next(&it, &d), 1);
    assert_int_equal(d.reason, NETVANE_REASON_IS_FIRST);
    assert_int_equal(netvane_default_next(&it, &d), 1);
    assert_int_equal(d.reason, NETVANE_REASON_IS_METRIC);
    assert_int_equal(netvane_default_next(&it, &d), 0);
    assert_int_equal(netvane_default_iter(&snap, 4, 100, &it), NETVANE_OK);
    assert_int_equal(netvane_default_next(&it, &d), 0);
}

static void older_and_newer_programs_get_the_fields_that_they_know(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap = begin(f);
    struct {
        struct netvane_link l;
        uint64_t later;
    } newer = {.later = 77};
    struct netvane_link l;
    memset(&l, 0x5a, sizeof(l));
    l.size = offsetof(struct netvane_link, mtu);
    assert_int_equal(netvane_link_get(&snap, 2, &l), NETVANE_OK);
    assert_string_equal(l.name, "eth0");
    assert_int_equal(l.mtu, 0x5a5a5a5a);
    newer.l.size = sizeof(newer);
    assert_int_equal(netvane_link_get(&snap, 2, &newer.l), NETVANE_OK);
    assert_int_equal(newer.l.mtu, 1500);
    assert_int_equal(newer.later, 0);
    l.size = 0;
    assert_int_equal(netvane_link_get(&snap, 2, &l), NETVANE_INVALID);
}

static void info_tells_counts_generations_and_digests(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap = begin(f);
    struct netvane_info i;
    NETVANE_INIT(&i);
    assert_int_equal(netvane_snap_info(&snap, &i), NETVANE_OK);
    assert_int_equal(i.links, 3);
    assert_int_equal(i.addrs, 7);
    assert_int_equal(i.routes4, 6);
    assert_int_equal(i.routes6, 2);
    assert_int_equal(i.rules, 3);
    assert_int_equal(i.nexthops, 3);
    assert_int_equal(i.generations[2], 1);
    assert_true(i.digests[2] == f->region.digest[2]);
    assert_true(i.instance_id == f->region.instance_id);
    assert_int_equal(i.version, snap.version);
}

static void an_uninitialised_snap_or_a_foreign_iterator_is_invalid(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap none, snap = begin(f);
    struct netvane_iter it;
    struct netvane_link l;
    struct netvane_rule r;
    memset(&none, 0, sizeof(none));
    memset(&it, 0, sizeof(it));
    NETVANE_INIT(&l);
    NETVANE_INIT(&r);
    assert_int_equal(netvane_link_get(&none, 2, &l), NETVANE_INVALID);
    assert_int_equal(netvane_snap_check(&none), NETVANE_INVALID);
    assert_int_equal(netvane_link_next(&it, &l), NETVANE_INVALID);
    assert_int_equal(netvane_link_iter(&snap, &it), NETVANE_OK);
    assert_int_equal(netvane_rule_next(&it, &r), NETVANE_INVALID);
    assert_int_equal(netvane_link_next(&it, &l), 1);
}

static void health_tells_a_living_a_late_and_a_dead_writer(void **state)
{
    struct fixture *f = *state;
    struct netvane_health h;
    NETVANE_INIT(&h);
    assert_int_equal(netvane_health_get(f->nv, &h), NETVANE_OK);
    assert_int_equal(h.writer, NETVANE_WRITER_LIVE);
    assert_int_equal(h.version, 1);
    assert_true(h.published_age_ns < 60 * NV_NS_PER_S);
    assert_true(h.instance_id == f->region.instance_id);
    nv_write_word(f->region.base, NV_LIVE(heartbeat_ns), 1);
    assert_int_equal(netvane_health_get(f->nv, &h), NETVANE_OK);
    assert_int_equal(h.writer, NETVANE_WRITER_LATE);
    fake_region_die(&f->region);
    assert_int_equal(netvane_health_get(f->nv, &h), NETVANE_OK);
    assert_int_equal(h.writer, NETVANE_WRITER_DEAD);
    nv_write_word32(f->region.base, NV_LIVE(state), NETVANE_RS_STOPPED);
    assert_int_equal(netvane_health_get(f->nv, &h), NETVANE_OK);
    assert_int_equal(h.writer, NETVANE_WRITER_STOPPED);
}

static void counters_have_names_and_values(void **state)
{
    struct fixture *f = *state;
    const char *name, *text;
    uint64_t value = 1;
    unsigned n = 0;
    nv_write_word(f->region.base, NV_COUNTER(NETVANE_RC_OVERRUNS), 42);
    while (!netvane_counter_get(f->nv, n, &name, &text, &value)) {
        assert_true(strlen(name) && strlen(text));
        assert_int_equal(value, n == NETVANE_RC_OVERRUNS ? 42 : 0);
        n++;
    }
    assert_int_equal(n, NETVANE_RC_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_link_is_found_by_index_name_and_altname),
        fixture_test(what_is_not_there_is_not_found_and_results_stay_untouched),
        fixture_test(a_long_string_is_put_together),
        fixture_test(links_come_in_order_of_index),
        fixture_test(addresses_are_listed_by_link_and_family),
        fixture_test(is_this_ip_mine_finds_each_place),
        fixture_test(an_unspecified_bind_means_the_usable_addresses_best_first),
        fixture_test(routes_are_listed_by_table_family_link_type_protocol_and_prefix),
        fixture_test(a_route_shows_its_fields_hops_and_metrics),
        fixture_test(thousands_of_routes_are_walked_and_sought),
        fixture_test(rules_come_in_the_kernels_order),
        fixture_test(nexthop_groups_show_their_members),
        fixture_test(the_default_route_is_read_from_the_handle_and_from_a_snap),
        fixture_test(candidates_are_ranked_with_reasons),
        fixture_test(older_and_newer_programs_get_the_fields_that_they_know),
        fixture_test(info_tells_counts_generations_and_digests),
        fixture_test(an_uninitialised_snap_or_a_foreign_iterator_is_invalid),
        fixture_test(health_tells_a_living_a_late_and_a_dead_writer),
        fixture_test(counters_have_names_and_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
