/* SPDX-License-Identifier: MIT */
/*
 * test_mirror_lpm.c - proves what writer/mirror_lpm.c makes of the routes: which of a prefix's routes the index shows, and
 * where that depends on more than the destination; tables that come and go; many routes that go at once; no memory; and that
 * published versions show an index that is true to their own routes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/fake_publisher.h"
#include "writer/limits.h"

#define UP     (1u | 0x40u | 1u << 16)
#define ADD    (NV_LIST_CREATE | NV_LIST_EXCL)
#define APPEND (NV_LIST_CREATE | NV_LIST_APPEND)
#define DEAD   (NV_RTNH_F_DEAD | NV_RTNH_F_LINKDOWN)

static struct fake_publisher *f;

static void put_link(uint32_t ifindex, uint32_t flags)
{
    char name[16];
    (void)snprintf(name, sizeof(name), "eth%u", ifindex);
    struct nv_link link = fact_link(ifindex, name, flags);
    (void)nv_mirror_link_put(&f->m, &link);
}

static int start(void **state)
{
    (void)state;
    f = fake_publisher_new(NULL);
    for (uint32_t i = 2; i < 6; i++)
        put_link(i, UP);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return fake_publisher_end(f);
}

/* ---- facts -------------------------------------------------------------------------------------------------- */

#define KEPT 4u /* versions that stay readable */

static void publish(void)
{
    const uint64_t h = f->p.head > KEPT ? f->p.head - KEPT + 1 : 0;
    if (h > nv_read_word(f->mem.base, NV_HOT(horizon)))
        nv_write_horizon(f->mem.base, h); /* the publisher goes on from there */
    f->now_ns += 2 * NV_GRACE_NS;
    assert_true(nv_commit(&f->c, true, f->now_ns));
}

static void put(const struct nv_route *r)
{
    assert_true(nv_mirror_route_put(&f->m, r, r->family == NV_AF_4 ? ADD : NV_LIST_CREATE, false,
                                    f->now_ns) != NV_REFUSED);
}

static void dump(const struct nv_route *r)
{
    assert_true(nv_mirror_route_put(&f->m, r, 0, true, f->now_ns) != NV_REFUSED);
}

static void drop(const struct nv_route *r)
{
    assert_int_equal(nv_mirror_route_remove(&f->m, r), NV_CHANGED);
}

/* A route over a link, or of a type that has none (ifindex 0). hop lives as long as the test. */
static struct nv_route route(const char *dst, uint8_t len, uint32_t metric, uint32_t ifindex)
{
    static struct nv_hop hops[64];
    static unsigned next;
    struct nv_hop *hop = &hops[next++ % NV_ARRAY_LEN(hops)];
    *hop = fact_hop(ifindex, NULL);
    return fact_route(NV_TABLE_MAIN, dst, len, metric, hop, ifindex != 0);
}

/* Number i of many routes of length 24 in a table. */
static struct nv_route numbered(uint32_t table, uint32_t i, uint32_t metric, uint32_t ifindex)
{
    struct nv_route r = route("0.0.0.0", 24, metric, ifindex);
    r.table = table;
    nv_store_be32(r.dst, 0x0b000000u + (i << 8));
    return r;
}

/* ---- what a version shows --------------------------------------------------------------------------------------- */

struct answer {
    bool found, conditional;
    unsigned len;
    struct netvane_region_info info;
};

static struct nv_tree tree_of(uint64_t v, unsigned tree)
{
    return nv_tree_of(f->mem.base, nv_read_committed(f->mem.base), v, tree);
}

static bool record_of(uint64_t v, unsigned family, uint32_t table, struct netvane_rec_table *ret)
{
    struct nv_tree t = tree_of(v, NETVANE_TREE_TABLES);
    const uint64_t key = (uint64_t)family << 32 | table;
    return nv_tree_find(&t, &key, ret) == NV_TREE_OK;
}

static struct netvane_region_lpm root_of(uint64_t v, unsigned family, uint32_t table)
{
    const struct netvane_region_slot s = fake_publisher_slot(f, v);
    const unsigned six = family == NV_AF_6;
    struct netvane_rec_table r;
    if (table == NV_TABLE_MAIN)
        return s.lpm[NETVANE_SL_MAIN4 + six];
    if (table == NV_TABLE_LOCAL)
        return s.lpm[NETVANE_SL_LOCAL4 + six];
    return record_of(v, family, table, &r) ? r.lpm : (struct netvane_region_lpm){0};
}

static struct answer ask(uint64_t v, unsigned family, uint32_t table, struct nv_bits dst)
{
    const struct netvane_region_lpm root = root_of(v, family, table);
    const struct nv_lpm lpm = nv_lpm_of(f->mem.base, nv_read_committed(f->mem.base), &root);
    struct answer a = {.found = false};
    struct nv_lpm_hit hit;
    const int found = nv_lpm_find(&lpm, dst, family == NV_AF_4 ? 32 : 128, &hit);
    assert_int_not_equal(found, NV_TREE_BAD);
    if (found != NV_TREE_OK)
        return a;
    a.found = true;
    a.len = hit.len;
    a.conditional = hit.value & NETVANE_FV_CONDITIONAL;
    assert_int_equal(nv_lpm_info(f->mem.base, nv_read_committed(f->mem.base), hit.value, &a.info),
                     NV_TREE_OK);
    return a;
}

/* In the newest version. */
static struct answer look(uint32_t table, const char *ip)
{
    uint8_t dst[16];
    const unsigned family = fact_ip(ip, dst);
    return ask(f->p.head, family, table, nv_bits_of(family, dst));
}

static void assert_shows(const char *ip, unsigned len, uint32_t metric, bool conditional)
{
    const struct answer a = look(NV_TABLE_MAIN, ip);
    assert_true(a.found);
    assert_int_equal(a.len, len);
    assert_int_equal(a.info.metric, metric);
    assert_int_equal(a.conditional, conditional);
}

/*
 * A version against its own routes, none of which share a prefix with another: each is found at its first address, or a
 * longer one is; and each table has as many as its root says.
 */
static uint32_t assert_version_is_true(uint64_t v)
{
    struct nv_tree t = tree_of(v, NETVANE_TREE_ROUTES4);
    struct netvane_rec_route4 r;
    struct netvane_region_lpm root = {0};
    struct nv_cursor c;
    uint32_t n = 0, table = 0, in_table = 0;
    for (int more = nv_cursor_seek(&c, &t, NULL); more == NV_TREE_OK; more = nv_cursor_next(&c)) {
        unsigned len;
        assert_int_equal(nv_cursor_get(&c, &r), NV_TREE_OK);
        const struct nv_bits dst = nv_lpm_prefix(true, r.key, &len);
        if (r.key[0] >> 32 != table) {
            assert_int_equal(root.routes, in_table);
            table = (uint32_t)(r.key[0] >> 32);
            root = root_of(v, NV_AF_4, table);
            assert_int_equal(root.state, NETVANE_LS_VALID);
            in_table = 0;
        }
        const struct answer a = ask(v, NV_AF_4, table, dst);
        assert_true(a.found && a.len >= len);
        if (a.len == len) {
            assert_int_equal(a.info.metric, (uint32_t)(r.key[1] >> 16));
            assert_int_equal(a.info.hops, r.hops);
            assert_int_equal(a.info.type, r.type);
        }
        in_table++;
        n++;
    }
    assert_int_equal(root.routes, in_table);
    assert_int_equal(n, fake_publisher_slot(f, v).tree[NETVANE_TREE_ROUTES4].count);
    return n;
}

/* ---- which route of a prefix ---------------------------------------------------------------------------------- */

static void lowest_metric_is_shown_and_the_next_when_it_goes(void **state)
{
    (void)state;
    const struct nv_route a = route("10.0.0.0", 8, 200, 2), b = route("10.0.0.0", 8, 100, 3),
                          c = route("10.0.0.0", 8, 300, 4), longer = route("10.1.0.0", 16, 900, 5);
    put(&a);
    put(&b);
    put(&c);
    put(&longer);
    publish();
    assert_shows("10.2.0.1", 8, 100, false);
    assert_int_equal(look(NV_TABLE_MAIN, "10.2.0.1").info.ifindex, 3);
    assert_shows("10.1.0.1", 16, 900, false);
    assert_false(look(NV_TABLE_MAIN, "11.0.0.1").found);
    drop(&b);
    publish();
    assert_shows("10.2.0.1", 8, 200, false);
    drop(&longer);
    drop(&a);
    publish();
    assert_shows("10.1.0.1", 8, 300, false);
    drop(&c);
    publish();
    assert_false(look(NV_TABLE_MAIN, "10.1.0.1").found);
}

/* Of up to 24 bits, where the places of fans and leaves show the longest alone. */
static void removing_a_prefix_shows_the_best_route_of_the_next_shorter(void **state)
{
    (void)state;
    static const uint8_t lens[] = {1, 2, 5, 6, 9, 10, 11, 12, 15, 16, 17, 18, 21, 23, 24};
    for (unsigned i = 0; i < NV_ARRAY_LEN(lens); i++) {
        const struct nv_route a = route("10.8.0.0", lens[i], 200 + i, 2),
                              b = route("10.8.0.0", lens[i], 100 + i, 3);
        put(&a);
        put(&b);
    }
    const struct nv_route all = route("0.0.0.0", 0, 5, 2);
    put(&all);
    publish();
    for (unsigned i = NV_ARRAY_LEN(lens); i-- > 0;) {
        const struct nv_route a = route("10.8.0.0", lens[i], 200 + i, 2),
                              b = route("10.8.0.0", lens[i], 100 + i, 3);
        assert_shows("10.8.0.1", lens[i], 100 + i, false);
        drop(&b);
        publish();
        assert_shows("10.8.0.1", lens[i], 200 + i, false);
        assert_int_equal(look(NV_TABLE_MAIN, "10.8.0.1").info.ifindex, 2);
        drop(&a);
        publish();
        assert_null(fake_mirror_fault(&f->m));
    }
    assert_shows("10.8.0.1", 0, 5, false);
    assert_int_equal(root_of(f->p.head, NV_AF_4, NV_TABLE_MAIN).top, 0);
}

/* The first place of each shows a longer one, all the others have to change. */
static void removing_a_prefix_that_longer_ones_hide_takes_it_out_of_all_its_places(void **state)
{
    (void)state;
    for (uint8_t len = 1; len <= 24; len++) {
        const struct nv_route r = route("10.0.0.0", len, len, 2);
        put(&r);
    }
    publish();
    for (uint8_t len = 1; len < 24; len++) {
        const struct nv_route r = route("10.0.0.0", len, len, 2);
        assert_shows("10.0.0.1", 24, 24, false);
        drop(&r);
        publish();
        assert_null(fake_mirror_fault(&f->m));
    }
    assert_shows("10.0.0.1", 24, 24, false);
    assert_false(look(NV_TABLE_MAIN, "10.0.1.1").found);
    assert_false(look(NV_TABLE_MAIN, "10.2.0.1").found);
}

static void first_of_equal_ipv4_routes_is_shown_and_the_next_moves_up(void **state)
{
    (void)state;
    const struct nv_route a = route("10.0.0.0", 8, 7, 2), b = route("10.0.0.0", 8, 7, 3);
    put(&a);
    (void)nv_mirror_route_put(&f->m, &b, APPEND, false, f->now_ns);
    publish();
    assert_shows("10.0.0.1", 8, 7, false);
    assert_int_equal(look(NV_TABLE_MAIN, "10.0.0.1").info.ifindex, 2);
    drop(&a);
    publish();
    assert_int_equal(look(NV_TABLE_MAIN, "10.0.0.1").info.ifindex, 3);
}

static void route_for_a_type_of_service_makes_its_prefix_conditional(void **state)
{
    (void)state;
    struct nv_route plain = route("10.0.0.0", 8, 50, 2), tos = route("10.0.0.0", 8, 10, 3);
    tos.tos = 0x10;
    put(&tos);
    publish();
    assert_shows("10.0.0.1", 8, 10, true); /* there is no other */
    put(&plain);
    publish();
    assert_shows("10.0.0.1", 8, 50, true); /* that holds for all */
    drop(&tos);
    publish();
    assert_shows("10.0.0.1", 8, 50, false);
}

static void route_of_a_source_makes_its_prefix_conditional(void **state)
{
    (void)state;
    struct nv_route plain = route("2001:db8::", 32, 50, 2), from = route("2001:db8::", 32, 10, 3);
    from.src_len = 48;
    (void)fact_ip("2001:db8:7::", from.src);
    put(&from);
    publish();
    assert_shows("2001:db8::1", 32, 10, true);
    put(&plain);
    publish();
    assert_shows("2001:db8::1", 32, 50, true);
    drop(&from);
    publish();
    assert_shows("2001:db8::1", 32, 50, false);
}

static void first_route_that_can_be_used_is_shown_and_dead_ones_before_it_make_it_conditional(
    void **state)
{
    (void)state;
    struct nv_hop dead = fact_hop(2, NULL), down = fact_hop(3, NULL), up = fact_hop(4, NULL);
    dead.flags = DEAD;
    down.flags = NV_RTNH_F_LINKDOWN;
    struct nv_route a = fact_route(254, "10.0.0.0", 8, 10, &dead, 1),
                    b = fact_route(254, "10.0.0.0", 8, 20, &down, 1),
                    c = fact_route(254, "10.0.0.0", 8, 30, &up, 1);
    put(&a);
    publish();
    assert_shows("10.0.0.1", 8, 10, true);
    assert_int_equal(look(NV_TABLE_MAIN, "10.0.0.1").info.hop_flags, DEAD);
    put(&c);
    publish();
    assert_shows("10.0.0.1", 8, 30, true);
    put(&b); /* no carrier, but the kernel may use it */
    publish();
    assert_shows("10.0.0.1", 8, 20, true);
    assert_int_equal(look(NV_TABLE_MAIN, "10.0.0.1").info.hop_flags, NV_RTNH_F_LINKDOWN);
    drop(&a);
    publish();
    assert_shows("10.0.0.1", 8, 20, true);
    drop(&b);
    publish();
    assert_shows("10.0.0.1", 8, 30, false);
    put(&b);
    drop(&c);
    a.metric = 40; /* a dead one behind it makes no difference, a doubtful one is what it was */
    put(&a);
    publish();
    assert_shows("10.0.0.1", 8, 20, true);
}

static void dead_route_behind_a_good_one_is_no_matter(void **state)
{
    (void)state;
    struct nv_hop dead = fact_hop(2, NULL), up = fact_hop(4, NULL);
    dead.flags = DEAD;
    const struct nv_route a = fact_route(254, "10.0.0.0", 8, 10, &up, 1),
                          b = fact_route(254, "10.0.0.0", 8, 20, &dead, 1);
    put(&a);
    put(&b);
    publish();
    assert_shows("10.0.0.1", 8, 10, false);
}

static void first_hop_that_can_be_used_is_shown_of_several(void **state)
{
    (void)state;
    struct nv_hop hops[3] = {fact_hop(2, "10.0.0.2"), fact_hop(3, "10.0.0.3"),
                             fact_hop(4, "10.0.0.4")};
    const struct nv_route r = fact_route(254, "10.0.0.0", 8, 10, hops, 3);
    put(&r);
    publish();
    struct answer a = look(NV_TABLE_MAIN, "10.0.0.1");
    assert_int_equal(a.info.hop_count, 3);
    assert_int_equal(a.info.ifindex, 2);
    assert_memory_equal(a.info.gateway, hops[0].gateway, 16);
    assert_false(a.conditional);
    drop(&r);
    hops[0].flags = DEAD;
    put(&r);
    publish();
    a = look(NV_TABLE_MAIN, "10.0.0.1");
    assert_int_equal(a.info.hop_count, 3);
    assert_int_equal(a.info.ifindex, 3);
    assert_int_equal(a.info.gw_family, NV_AF_4);
    assert_memory_equal(a.info.gateway, hops[1].gateway, 16);
    assert_true(a.conditional);
}

static void hop_that_leads_nowhere_by_itself_is_conditional(void **state)
{
    (void)state;
    const struct nv_hop none = fact_hop(0, NULL);
    struct nv_route r = fact_route(254, "10.0.0.0", 8, 10, &none, 1);
    r.nhid = 7; /* a blackhole nexthop */
    put(&r);
    publish();
    assert_shows("10.0.0.1", 8, 10, true);
    assert_int_equal(look(NV_TABLE_MAIN, "10.0.0.1").info.nhid, 7);
}

static void types_that_reject_are_answers_like_others(void **state)
{
    (void)state;
    static const uint8_t types[] = {NV_RTN_BLACKHOLE, NV_RTN_UNREACHABLE, NV_RTN_PROHIBIT,
                                    NV_RTN_THROW};
    const struct nv_route wide = route("10.0.0.0", 8, 0, 2);
    put(&wide);
    for (unsigned i = 0; i < NV_ARRAY_LEN(types); i++) {
        struct nv_route r = route("10.1.0.0", 16, 3, 0);
        r.type = types[i];
        put(&r);
        publish();
        assert_shows("10.1.2.3", 16, 3, false);
        const struct answer a = look(NV_TABLE_MAIN, "10.1.2.3");
        assert_int_equal(a.info.type, types[i]);
        assert_int_equal(a.info.hop_count | a.info.hops | a.info.ifindex, 0);
        drop(&r);
    }
    publish();
    assert_shows("10.1.2.3", 8, 0, false);
}

static void ipv6_routes_of_equal_metric_are_conditional(void **state)
{
    (void)state;
    const struct nv_route a = route("2001:db8::", 32, 10, 2), b = route("2001:db8::", 32, 10, 3),
                          c = route("2001:db8::", 32, 20, 4);
    put(&a);
    put(&c);
    publish();
    assert_shows("2001:db8::1", 32, 10, false);
    put(&b);
    publish();
    assert_shows("2001:db8::1", 32, 10, true);
    assert_int_equal(look(NV_TABLE_MAIN, "2001:db8::1").info.ifindex, 2);
    drop(&a);
    publish();
    assert_shows("2001:db8::1", 32, 10, false);
    assert_int_equal(look(NV_TABLE_MAIN, "2001:db8::1").info.ifindex, 3);
}

static void ipv6_route_that_ends_is_conditional_and_a_refresh_changes_no_cell(void **state)
{
    (void)state;
    struct nv_route r = route("2001:db8::", 32, 10, 2);
    r.has_expires = true;
    r.expires_s = 1000;
    put(&r);
    publish();
    assert_shows("2001:db8::1", 32, 10, true);
    const struct netvane_region_lpm before = root_of(f->p.head, NV_AF_6, NV_TABLE_MAIN);
    r.expires_s = 5000;
    put(&r);
    publish();
    const struct netvane_region_lpm after = root_of(f->p.head, NV_AF_6, NV_TABLE_MAIN);
    assert_memory_equal(&before, &after, sizeof(before));
}

static void what_a_route_says_of_itself_is_in_its_answer(void **state)
{
    (void)state;
    struct nv_hop hop = fact_hop(3, "fe80::1");
    struct nv_route r = fact_route(254, "2001:db8::", 32, 1024, &hop, 1);
    r.protocol = 9;
    r.scope = 0;
    r.pref = 3;
    r.flags = 0x200;
    r.has_prefsrc = true;
    (void)fact_ip("2001:db8::77", r.prefsrc);
    r.metric_mask = 1u << 2;
    r.metrics[2] = 1400;
    hop.flags = NV_RTNH_F_ONLINK;
    put(&r);
    publish();
    struct answer a = look(NV_TABLE_MAIN, "2001:db8::5");
    assert_false(a.conditional);
    assert_int_equal(a.info.protocol, 9);
    assert_int_equal(a.info.pref, 3);
    assert_int_equal(a.info.flags, 0x200);
    assert_int_equal(a.info.type, NV_RTN_UNICAST);
    assert_int_equal(a.info.gw_family, NV_AF_6);
    assert_int_equal(a.info.hop_flags, NV_RTNH_F_ONLINK);
    assert_memory_equal(a.info.prefsrc, r.prefsrc, 16);
    assert_memory_equal(a.info.gateway, hop.gateway, 16);
    assert_true(a.info.metrics != 0);
    const uint64_t key = (uint64_t)a.info.metrics << 32 | 2;
    struct nv_tree metrics = tree_of(f->p.head, NETVANE_TREE_METRICS);
    struct netvane_rec_metric metric;
    assert_int_equal(nv_tree_find(&metrics, &key, &metric), NV_TREE_OK);
    assert_int_equal(metric.value, 1400);
    r.metrics[2] = 1300; /* another set, and so another answer */
    (void)nv_mirror_route_put(&f->m, &r, NV_LIST_REPLACE, false, f->now_ns);
    publish();
    a = look(NV_TABLE_MAIN, "2001:db8::5");
    const uint64_t other = (uint64_t)a.info.metrics << 32 | 2;
    metrics = tree_of(f->p.head, NETVANE_TREE_METRICS);
    assert_int_equal(nv_tree_find(&metrics, &other, &metric), NV_TREE_OK);
    assert_int_equal(metric.value, 1300);
}

/* ---- dumps ------------------------------------------------------------------------------------------------------- */

/* Neighbours of a dump that have their hops in common, and nothing else. */
static void neighbours_in_a_dump_that_differ_in_one_thing_have_answers_of_their_own(void **state)
{
    (void)state;
    struct nv_route r[8];
    for (uint32_t i = 0; i < NV_ARRAY_LEN(r); i++)
        r[i] = numbered(NV_TABLE_MAIN, 2 * i + 1, 5, 2);
    r[1].metric = 6;
    r[2].type = NV_RTN_LOCAL;
    r[3].protocol = 99;
    r[4].scope = 253;
    r[5].has_prefsrc = true;
    (void)fact_ip("192.0.2.1", r[5].prefsrc);
    r[6].flags = 0x200;
    r[7].metric_mask = 1u << 2;
    for (uint32_t i = 0; i < NV_ARRAY_LEN(r); i++) {
        const struct nv_route plain = numbered(NV_TABLE_MAIN, 2 * i, 5, 2);
        dump(&plain);
        dump(&r[i]);
    }
    publish();
    assert_int_equal(assert_version_is_true(f->p.head), 2 * NV_ARRAY_LEN(r));
    assert_int_equal(f->m.lpm.infos.count, NV_ARRAY_LEN(r));
    assert_int_equal(look(NV_TABLE_MAIN, "11.0.7.1").info.protocol, 99);
    assert_int_equal(look(NV_TABLE_MAIN, "11.0.9.1").info.scope, 253);
    assert_memory_equal(look(NV_TABLE_MAIN, "11.0.11.1").info.prefsrc, r[5].prefsrc, 16);
    assert_int_equal(look(NV_TABLE_MAIN, "11.0.13.1").info.flags, 0x200);
    assert_true(look(NV_TABLE_MAIN, "11.0.15.1").info.metrics != 0);
    assert_int_equal(look(NV_TABLE_MAIN, "11.0.1.1").info.metrics, 0);
}

static void hop_set_that_got_the_number_of_a_gone_one_leads_to_its_own_answer(void **state)
{
    (void)state;
    struct nv_hop first = fact_hop(2, "10.0.0.1"), second = fact_hop(3, "10.0.0.2");
    const struct nv_route before = numbered(NV_TABLE_MAIN, 0, 0, 4),
                          a = fact_route(254, "20.0.0.0", 24, 0, &first, 1),
                          b = fact_route(254, "20.0.1.0", 24, 0, &second, 1);
    dump(&before);
    dump(&a);
    publish();
    const uint32_t id = look(NV_TABLE_MAIN, "20.0.0.1").info.hops;
    drop(&a);
    publish(); /* its hop set goes with it */
    dump(&b);
    publish();
    const struct answer now = look(NV_TABLE_MAIN, "20.0.1.1");
    assert_int_equal(now.info.hops, id);
    assert_int_equal(now.info.ifindex, 3);
    assert_memory_equal(now.info.gateway, second.gateway, 16);
}

static void routes_that_a_dump_appends_to_a_prefix_over_several_versions_do_not_take_its_place(
    void **state)
{
    (void)state;
    for (unsigned six = 0; six < 2; six++) {
        const char *dst = six ? "2001:db8::" : "10.0.0.0";
        const uint8_t len = six ? 32 : 8;
        for (uint32_t metric = 1; metric < 20; metric++) { /* leaf after leaf */
            const struct nv_route r = route(dst, len, metric, 2);
            dump(&r);
            publish();
            assert_shows(dst, len, 1, false);
        }
    }
}

/* As the kernel shows them: in order, some prefixes with several routes, on both sides of where leaves end. */
static void dump_of_prefixes_with_one_route_and_with_several_is_indexed_like_events(void **state)
{
    (void)state;
    uint64_t rnd = fake_seed();
    for (unsigned six = 0; six < 2; six++) {
        for (uint32_t i = 0; i < 600; i++) {
            char dst[32];
            (void)snprintf(dst, sizeof(dst), six ? "2001:db8:%x::" : "10.%u.0.0",
                           i % 256 + six * i);
            struct nv_route r = route(dst, six ? 48 : 16, 0, 2);
            if (!six)
                r.table = 100 + i / 256; /* each table in order, one behind the other */
            for (uint32_t k = fake_random(&rnd, 3) + 1; k-- > 0;) {
                r.metric += 1 + fake_random(&rnd, 2);
                dump(&r);
            }
        }
        assert_null(fake_mirror_fault(&f->m));
    }
    publish();
    assert_null(fake_mirror_fault(&f->m));
}

static void index_is_the_same_whatever_the_order_of_the_facts(void **state)
{
    (void)state;
    enum { N = 700 };
    uint64_t rnd = fake_seed() + 1;
    uint32_t order[N];
    for (uint32_t i = 0; i < N; i++)
        order[i] = i;
    for (unsigned round = 0; round < 4; round++) {
        for (uint32_t i = 0; i < N; i++) {
            const struct nv_route r =
                numbered(NV_TABLE_MAIN, order[i], order[i] % 9, 2 + order[i] % 3);
            if (round % 2)
                put(&r);
            else
                dump(&r);
        }
        publish();
        assert_int_equal(assert_version_is_true(f->p.head), N);
        for (uint32_t i = N; i > 1; i--) {
            const uint32_t k = fake_random(&rnd, i), swap = order[k];
            order[k] = order[i - 1];
            order[i - 1] = swap;
        }
        for (uint32_t i = 0; i < N; i++) {
            const struct nv_route r =
                numbered(NV_TABLE_MAIN, order[i], order[i] % 9, 2 + order[i] % 3);
            drop(&r);
        }
        publish();
        assert_int_equal(root_of(f->p.head, NV_AF_4, NV_TABLE_MAIN).state, NETVANE_LS_NONE);
    }
}

/* ---- tables -------------------------------------------------------------------------------------------------------- */

static void tables_come_with_their_first_route_and_go_with_the_last(void **state)
{
    (void)state;
    static const uint32_t tables[] = {NV_TABLE_MAIN, NV_TABLE_LOCAL, 100, 4000000000u};
    struct netvane_rec_table rec;
    for (unsigned six = 0; six < 2; six++) {
        const unsigned family = six ? NV_AF_6 : NV_AF_4;
        for (unsigned i = 0; i < NV_ARRAY_LEN(tables); i++) {
            struct nv_route a = route(six ? "2001:db8::" : "10.0.0.0", six ? 127 : 32, 0, 2),
                            b = route(six ? "::" : "0.0.0.0", 0, 0, 2);
            a.table = b.table = tables[i];
            publish();
            assert_false(record_of(f->p.head, family, tables[i], &rec));
            assert_int_equal(root_of(f->p.head, family, tables[i]).state, NETVANE_LS_NONE);
            put(&a);
            publish();
            assert_true(record_of(f->p.head, family, tables[i], &rec));
            assert_int_equal(rec.lengths[0], 0);
            assert_int_equal(rec.lengths[1], six ? 0 : 1);
            assert_int_equal(rec.lengths[3], six ? 1u << 31 : 0);
            assert_int_equal(root_of(f->p.head, family, tables[i]).routes, 1);
            assert_int_equal(root_of(f->p.head, family, tables[i]).def, 0);
            put(&b);
            publish();
            assert_true(record_of(f->p.head, family, tables[i], &rec));
            assert_int_equal(rec.lengths[0], 1);
            const struct netvane_region_lpm root = root_of(f->p.head, family, tables[i]);
            assert_int_equal(root.routes, 2);
            assert_int_equal(root.state, NETVANE_LS_VALID);
            assert_true(root.def && root.top);
            /* Of these two in the root record alone. */
            static const struct netvane_region_lpm none;
            assert_int_equal(!memcmp(&rec.lpm, &none, sizeof(none)),
                             tables[i] == NV_TABLE_MAIN || tables[i] == NV_TABLE_LOCAL);
            drop(&a);
            publish();
            assert_true(record_of(f->p.head, family, tables[i], &rec));
            assert_int_equal(rec.lengths[0], 1);
            assert_int_equal(rec.lengths[1] | rec.lengths[2] | rec.lengths[3] | rec.lengths[4], 0);
            assert_int_equal(root_of(f->p.head, family, tables[i]).top, 0);
            drop(&b);
            publish();
            assert_false(record_of(f->p.head, family, tables[i], &rec));
            assert_int_equal(root_of(f->p.head, family, tables[i]).state, NETVANE_LS_NONE);
        }
    }
    assert_int_equal(fake_publisher_slot(f, f->p.head).tree[NETVANE_TREE_TABLES].count, 0);
}

/* Of one prefix, so that the index stays as it is. */
static void record_of_a_table_tells_of_routes_that_change_nothing_in_its_index(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 5; n++) {
        struct nv_route r = route("10.0.0.0", 24, n, 2);
        r.table = 100;
        put(&r);
        publish();
        assert_int_equal(root_of(f->p.head, NV_AF_4, 100).routes, n);
    }
    for (uint32_t n = 5; n > 1; n--) {
        struct nv_route r = route("10.0.0.0", 24, n, 2);
        r.table = 100;
        drop(&r);
        publish();
        assert_int_equal(root_of(f->p.head, NV_AF_4, 100).routes, n - 1);
    }
}

static void tables_do_not_see_each_others_prefixes(void **state)
{
    (void)state;
    for (uint32_t table = 1; table <= 300; table++) {
        const struct nv_route r = numbered(table, 5, table, 2);
        put(&r);
    }
    publish();
    assert_int_equal(assert_version_is_true(f->p.head), 300);
    for (uint32_t table = 1; table <= 300; table += 2) {
        const struct nv_route r = numbered(table, 5, table, 2);
        drop(&r);
    }
    publish();
    assert_int_equal(assert_version_is_true(f->p.head), 150);
    assert_int_equal(fake_publisher_slot(f, f->p.head).tree[NETVANE_TREE_TABLES].count, 150);
    assert_int_equal(look(100, "11.0.5.1").info.metric, 100);
    assert_false(look(101, "11.0.5.1").found);
}

static void changes_of_one_table_leave_the_records_of_others_alone(void **state)
{
    (void)state;
    for (uint32_t table = 100; table < 103; table++) {
        const struct nv_route r = numbered(table, 5, 0, 2);
        put(&r);
    }
    publish();
    const struct netvane_region_lpm a = root_of(f->p.head, NV_AF_4, 100),
                                    b = root_of(f->p.head, NV_AF_4, 102);
    const struct nv_route r = numbered(101, 6, 0, 2);
    put(&r);
    publish();
    const struct netvane_region_lpm a_now = root_of(f->p.head, NV_AF_4, 100),
                                    b_now = root_of(f->p.head, NV_AF_4, 102);
    assert_memory_equal(&a, &a_now, sizeof(a));
    assert_memory_equal(&b, &b_now, sizeof(b));
    assert_int_equal(root_of(f->p.head, NV_AF_4, 101).routes, 2);
}

/* ---- many routes that go at once ---------------------------------------------------------------------------------------- */

static void link_that_takes_thousands_of_prefixes_along_leaves_a_true_index(void **state)
{
    (void)state;
    enum { N = 4000 };
    assert_true(N / 4 * 3 > NV_FILTER_LEAST && N / 4 * 3 > NV_LPM_STALE);
    for (uint32_t table = 254; table >= 253; table--)
        for (uint32_t i = 0; i < N / 2; i++) {
            const struct nv_route r = numbered(table, i, i % 5, i % 4 ? 2 : 3);
            dump(&r);
        }
    const struct nv_route six = route("2001:db8::", 32, 4, 3);
    put(&six);
    publish();
    const uint64_t before = f->p.head;
    assert_int_equal(assert_version_is_true(before), N);
    nv_mirror_link_went_down(&f->m, 2);
    assert_int_equal(f->m.lpm.stale_count,
                     0); /* too many to be noted: the indexes were built anew */
    assert_false(f->m.lpm.paused || f->m.lpm.missed);
    assert_true(nv_commit(&f->c, true, f->now_ns));
    assert_int_equal(assert_version_is_true(f->p.head), N / 4);
    assert_int_equal(assert_version_is_true(before), N); /* it is readable yet */
    assert_shows("2001:db8::1", 32, 4, false);
}

static void link_that_takes_many_routes_of_few_prefixes_along_leaves_a_true_index(void **state)
{
    (void)state;
    enum { PREFIXES = 100, METRICS = 15 };
    assert_true(PREFIXES < NV_LPM_STALE && PREFIXES * METRICS > NV_FILTER_LEAST);
    for (uint32_t i = 0; i < PREFIXES; i++)
        for (uint32_t metric = 0; metric <= METRICS; metric++) {
            const struct nv_route r = numbered(NV_TABLE_MAIN, i, metric, metric == METRICS ? 3 : 2);
            if (metric < METRICS || i % 2)
                dump(&r);
        }
    publish();
    assert_shows("11.0.1.1", 24, 0, false);
    nv_mirror_link_went_down(&f->m, 2);
    assert_int_equal(f->m.lpm.stale_count, PREFIXES); /* each is noted once */
    publish();
    assert_int_equal(assert_version_is_true(f->p.head), PREFIXES / 2);
    assert_shows("11.0.1.1", 24, METRICS, false);
    assert_false(look(NV_TABLE_MAIN, "11.0.2.1").found);
}

static void table_whose_routes_all_go_at_once_is_gone(void **state)
{
    (void)state;
    struct netvane_rec_table rec;
    for (uint32_t i = 0; i < 3000; i++) {
        const struct nv_route r = numbered(77, i, 0, 2);
        dump(&r);
    }
    publish();
    nv_mirror_link_went_down(&f->m, 2);
    publish();
    assert_false(record_of(f->p.head, NV_AF_4, 77, &rec));
    for (unsigned i = 0; i < KEPT + 1; i++)
        publish();
    assert_int_equal(f->m.lpm.cells.bytes_used, sizeof(struct netvane_region_info));
}

/* More changes between two versions than can be noted. */
static void more_changed_prefixes_than_are_noted_are_all_looked_at(void **state)
{
    (void)state;
    enum { N = 5 * NV_LPM_STALE };
    for (uint32_t i = 0; i < N; i++) {
        const struct nv_route r = numbered(NV_TABLE_MAIN, i * 7919 % N, 1, 2);
        put(&r);
    }
    publish();
    assert_int_equal(assert_version_is_true(f->p.head), N);
    for (uint32_t i = 0; i < N; i += 2) {
        const struct nv_route r = numbered(NV_TABLE_MAIN, i, 1, 2);
        drop(&r);
    }
    publish();
    assert_int_equal(assert_version_is_true(f->p.head), N / 2);
}

/* ---- infos --------------------------------------------------------------------------------------------------------------- */

static void answers_of_flapping_metrics_do_not_pile_up(void **state)
{
    (void)state;
    const uint32_t rounds = 4 * NV_INFOS_LEAST;
    uint32_t most = 0;
    uint64_t size = 0;
    for (uint32_t i = 0; i < rounds; i++) {
        const struct nv_route r = numbered(NV_TABLE_MAIN, i % 10, 1 + i, 2);
        put(&r);
        if (i >= 10) {
            const struct nv_route before = numbered(NV_TABLE_MAIN, i % 10, 1 + i - 10, 2);
            drop(&before);
        }
        if (i % 10 == 9) { /* each of them has a new answer */
            publish();
            assert_shows("11.0.3.1", 24, 1 + i - (i - 3) % 10, false);
            most = f->m.lpm.infos.count > most ? f->m.lpm.infos.count : most;
        }
        if (i == rounds / 2)
            size = f->m.draft.arena.size_bytes;
    }
    assert_true(most > NV_INFOS_LEAST / 2 && most < NV_INFOS_LEAST + 100);
    assert_true(f->m.draft.arena.size_bytes == size);
    assert_int_equal(assert_version_is_true(f->p.head), 10);
}

static void equal_answers_of_many_routes_are_one(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2000; i++) {
        const struct nv_route r = numbered(NV_TABLE_MAIN, i, 0, 2 + i % 3);
        put(&r);
    }
    publish();
    assert_int_equal(f->m.lpm.infos.count, 3);
}

/* ---- no memory -------------------------------------------------------------------------------------------------------------- */

static void index_without_memory_is_broken_and_the_next_dump_builds_it(void **state)
{
    (void)state;
    enum { N = 100 };
    struct netvane_rec_table rec;
    f->mem.fail_from = f->mem.grows + 1; /* nodes there are, but not one extent */
    for (uint32_t i = 0; i < N; i++) {
        struct nv_route r = numbered(NV_TABLE_MAIN, i, 0, 2);
        assert_int_equal(nv_mirror_route_put(&f->m, &r, ADD, false, f->now_ns), NV_CHANGED);
        r.table = 100;
        assert_int_equal(nv_mirror_route_put(&f->m, &r, 0, true, f->now_ns), NV_CHANGED);
    }
    publish();
    static const uint32_t tables[] = {NV_TABLE_MAIN, 100};
    for (unsigned k = 0; k < 2; k++) {
        const struct netvane_region_lpm root = root_of(f->p.head, NV_AF_4, tables[k]);
        assert_int_equal(root.state, NETVANE_LS_BROKEN);
        assert_int_equal(root.top | root.def, 0);
        assert_int_equal(root.routes, N);
        assert_true(record_of(f->p.head, NV_AF_4, tables[k], &rec)); /* the rest is there */
        assert_int_equal(rec.lengths[0], 1u << 24);
    }
    assert_int_equal(fake_publisher_slot(f, f->p.head).tree[NETVANE_TREE_ROUTES4].count, 2 * N);
    for (uint32_t i = 0; i < N / 2; i++) { /* and goes on */
        const struct nv_route r = numbered(NV_TABLE_MAIN, i, 0, 2);
        drop(&r);
    }
    publish();
    assert_int_equal(root_of(f->p.head, NV_AF_4, NV_TABLE_MAIN).routes, N / 2);
    f->mem.fail_from = 0; /* memory is back */
    const struct nv_route more = numbered(NV_TABLE_MAIN, N, 0, 2);
    put(&more);
    publish();
    assert_int_equal(root_of(f->p.head, NV_AF_4, NV_TABLE_MAIN).state, NETVANE_LS_BROKEN);
    nv_mirror_mark_begin(&f->m, NV_K_LINK, 0); /* a dump of something else */
    publish();
    assert_int_equal(root_of(f->p.head, NV_AF_4, NV_TABLE_MAIN).state, NETVANE_LS_BROKEN);
    nv_mirror_mark_begin(&f->m, NV_K_ROUTE4, 0);
    publish();
    assert_int_equal(assert_version_is_true(f->p.head), N + N / 2 + 1);
    f->mem.fail_from = f->mem.grows + 1; /* once more: it takes another dump */
    uint32_t i = 0;
    for (; i < 2000 && root_of(f->p.head, NV_AF_4, 77).state != NETVANE_LS_BROKEN; i++) {
        struct nv_route r = numbered(77, i << 10, i, 2);
        put(&r);
        if (i % 20 == 19)
            publish();
    }
    assert_int_equal(root_of(f->p.head, NV_AF_4, 77).state, NETVANE_LS_BROKEN);
    f->mem.fail_from = 0;
    publish();
    assert_int_equal(root_of(f->p.head, NV_AF_4, 77).state, NETVANE_LS_BROKEN);
    nv_mirror_mark_begin(&f->m, NV_K_ROUTE4, 0);
    publish();
    assert_int_equal(assert_version_is_true(f->p.head), N + N / 2 + 1 + i);
}

static void index_that_is_not_touched_stays_when_another_breaks(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 300; i++) {
        const struct nv_route r = numbered(NV_TABLE_MAIN, i, i, 2);
        put(&r);
    }
    publish();
    f->mem.fail_from = f->mem.grows + 1;
    uint32_t n = 0;
    for (; n < 5000 && root_of(f->p.head, NV_AF_6, 100).state != NETVANE_LS_BROKEN; n++) {
        char dst[40];
        (void)snprintf(dst, sizeof(dst), "%x:db8:%x::", 0x2000 + n * 131 % 4096, n);
        struct nv_route r = route(dst, 120, 0, 3); /* each its own way down */
        r.table = 100;
        if (nv_mirror_route_put(&f->m, &r, NV_LIST_CREATE, false, f->now_ns) == NV_REFUSED)
            break;
        if (n % 10 == 9)
            assert_true(nv_commit(&f->c, true, f->now_ns));
    }
    assert_int_equal(root_of(f->p.head, NV_AF_6, 100).state, NETVANE_LS_BROKEN);
    assert_int_equal(root_of(f->p.head, NV_AF_4, NV_TABLE_MAIN).state, NETVANE_LS_VALID);
    assert_int_equal(assert_version_is_true(f->p.head), 300);
    assert_shows("11.0.7.1", 24, 7, false);
    f->mem.fail_from = 0;
    nv_mirror_mark_begin(&f->m, NV_K_ROUTE6, 0);
    publish();
    assert_int_equal(root_of(f->p.head, NV_AF_6, 100).state, NETVANE_LS_VALID);
    assert_null(fake_mirror_fault(&f->m));
}

/* Memory ends at each growth in turn, while routes come and go; what is published is true, or says that it is broken. */
static void index_is_true_or_broken_wherever_memory_ends(void **state)
{
    (void)state;
    uint64_t rnd = fake_seed() + 2;
    unsigned broken = 0;
    for (unsigned round = 0; round < 12; round++) {
        f->mem.fail_from = f->mem.grows + 1 + round % 4;
        for (unsigned i = 0; i < 600; i++) {
            char dst[40];
            const bool six = fake_random(&rnd, 2);
            const uint32_t at = fake_random(&rnd, 2000);
            (void)snprintf(dst, sizeof(dst), six ? "2001:%x:%x::" : "11.%u.%u.0", at / 256,
                           at % 256);
            struct nv_route r = route(dst, six ? 64 : 24, at % 3, 2);
            r.table = 100 + at % 2;
            if (fake_random(&rnd, 3))
                (void)nv_mirror_route_put(&f->m, &r, six ? NV_LIST_CREATE : ADD, false, f->now_ns);
            else
                (void)nv_mirror_route_remove(&f->m, &r);
            if (!fake_random(&rnd, 100)) {
                publish();
                broken += root_of(f->p.head, NV_AF_6, 100).state == NETVANE_LS_BROKEN;
                assert_null(fake_mirror_fault(&f->m));
            }
        }
        f->mem.fail_from = 0;
        if (round % 3 == 2)
            nv_mirror_mark_begin(&f->m, NV_K_ROUTE6, 0);
        publish();
        assert_null(fake_mirror_fault(&f->m));
    }
    assert_true(broken > 0);
    nv_mirror_mark_begin(&f->m, NV_K_ROUTE4, 0);
    publish();
    for (uint32_t table = 100; table < 102; table++) {
        assert_int_equal(root_of(f->p.head, NV_AF_4, table).state, NETVANE_LS_VALID);
        assert_int_equal(root_of(f->p.head, NV_AF_6, table).state, NETVANE_LS_VALID);
    }
}

/* ---- versions --------------------------------------------------------------------------------------------------------------- */

static void every_readable_version_has_an_index_that_is_true_to_its_routes(void **state)
{
    (void)state;
    uint64_t rnd = fake_seed() + 3;
    static bool there[2][400];
    for (unsigned v = 0; v < 150; v++) {
        for (unsigned e = fake_random(&rnd, 60); e; e--) {
            const uint32_t k = fake_random(&rnd, 2), i = fake_random(&rnd, 400);
            const struct nv_route r = numbered(k ? NV_TABLE_MAIN : 100, i, i % 7, 2 + i % 2);
            if (there[k][i])
                drop(&r);
            else
                put(&r);
            there[k][i] = !there[k][i];
        }
        publish();
        const uint64_t horizon = nv_read_word(f->mem.base, NV_HOT(horizon));
        for (uint64_t w = horizon; w <= f->p.head; w++)
            (void)assert_version_is_true(w);
        if (v > KEPT)
            assert_true(f->p.head - horizon + 1 >= KEPT);
    }
}

/* During a resync versions go on and show the old index beside the old routes, whatever the draft does; then the new one. */
static void index_is_held_back_with_its_routes_and_then_changes_as_one_version(void **state)
{
    (void)state;
    enum { N = 1500 };
    for (uint32_t i = 0; i < N; i++) {
        const struct nv_route r = numbered(i % 2 ? NV_TABLE_MAIN : 100, i, 1 + 100 * i, 2);
        dump(&r);
    }
    publish();
    for (unsigned round = 0; round < 3; round++) {
        const uint32_t metric = 1 + 2 * round;
        f->c.quality = NETVANE_RQ_RESYNCING;
        f->c.hold = NV_HOLD_ROUTES;
        publish(); /* shows all that there is, and the next ones keep it */
        const struct netvane_region_lpm held = root_of(f->p.head, NV_AF_4, NV_TABLE_MAIN),
                                        other = root_of(f->p.head, NV_AF_4, 100);
        assert_int_equal(assert_version_is_true(f->p.head), N);
        for (uint32_t i = 0; i < N; i++) {
            const struct nv_route before =
                                      numbered(i % 2 ? NV_TABLE_MAIN : 100, i, metric + 100 * i, 2),
                                  after = numbered(i % 2 ? NV_TABLE_MAIN : 100, i,
                                                   metric + 2 + 100 * i, 2);
            drop(&before);
            put(&after);
            if (i % 100 == 0) {
                put_link(3, i % 200 ? UP : UP | 0x100);
                publish();
                const struct netvane_region_lpm now = root_of(f->p.head, NV_AF_4, NV_TABLE_MAIN),
                                                other_now = root_of(f->p.head, NV_AF_4, 100);
                assert_memory_equal(&now, &held, sizeof(now));
                assert_memory_equal(&other_now, &other, sizeof(other));
                assert_int_equal(assert_version_is_true(f->p.head), N);
                assert_shows("11.0.1.1", 24, metric + 100, false);
            }
        }
        const uint64_t last = f->p.head;
        f->c.quality = 0;
        f->c.hold = 0;
        assert_true(nv_commit(&f->c, true, f->now_ns));
        assert_int_equal(assert_version_is_true(f->p.head), N);
        assert_shows("11.0.1.1", 24, metric + 102, false);
        assert_true(nv_read_word(f->mem.base, NV_HOT(horizon)) <= last);
        assert_int_equal(assert_version_is_true(last), N);
        assert_false(f->m.lpm.cells.held);
    }
    assert_true(f->m.lpm.infos.count < 3 * N); /* some were collected while versions showed them */
    for (unsigned i = 0; i < KEPT + 1; i++)
        publish();
    assert_int_equal(f->m.lpm.cells.limbo_count, 0); /* nothing of the old ones stays behind */
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(lowest_metric_is_shown_and_the_next_when_it_goes),
        T(removing_a_prefix_shows_the_best_route_of_the_next_shorter),
        T(removing_a_prefix_that_longer_ones_hide_takes_it_out_of_all_its_places),
        T(first_of_equal_ipv4_routes_is_shown_and_the_next_moves_up),
        T(route_for_a_type_of_service_makes_its_prefix_conditional),
        T(route_of_a_source_makes_its_prefix_conditional),
        T(first_route_that_can_be_used_is_shown_and_dead_ones_before_it_make_it_conditional),
        T(dead_route_behind_a_good_one_is_no_matter),
        T(first_hop_that_can_be_used_is_shown_of_several),
        T(hop_that_leads_nowhere_by_itself_is_conditional),
        T(types_that_reject_are_answers_like_others),
        T(ipv6_routes_of_equal_metric_are_conditional),
        T(ipv6_route_that_ends_is_conditional_and_a_refresh_changes_no_cell),
        T(what_a_route_says_of_itself_is_in_its_answer),
        T(neighbours_in_a_dump_that_differ_in_one_thing_have_answers_of_their_own),
        T(hop_set_that_got_the_number_of_a_gone_one_leads_to_its_own_answer),
        T(routes_that_a_dump_appends_to_a_prefix_over_several_versions_do_not_take_its_place),
        T(dump_of_prefixes_with_one_route_and_with_several_is_indexed_like_events),
        T(index_is_the_same_whatever_the_order_of_the_facts),
        T(tables_come_with_their_first_route_and_go_with_the_last),
        T(record_of_a_table_tells_of_routes_that_change_nothing_in_its_index),
        T(tables_do_not_see_each_others_prefixes),
        T(changes_of_one_table_leave_the_records_of_others_alone),
        T(link_that_takes_thousands_of_prefixes_along_leaves_a_true_index),
        T(link_that_takes_many_routes_of_few_prefixes_along_leaves_a_true_index),
        T(table_whose_routes_all_go_at_once_is_gone),
        T(more_changed_prefixes_than_are_noted_are_all_looked_at),
        T(answers_of_flapping_metrics_do_not_pile_up),
        T(equal_answers_of_many_routes_are_one),
        T(index_without_memory_is_broken_and_the_next_dump_builds_it),
        T(index_that_is_not_touched_stays_when_another_breaks),
        T(index_is_true_or_broken_wherever_memory_ends),
        T(every_readable_version_has_an_index_that_is_true_to_its_routes),
        T(index_is_held_back_with_its_routes_and_then_changes_as_one_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
