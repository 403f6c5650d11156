/* SPDX-License-Identifier: MIT */
/*
 * test_journal.c - proves of writer/journal.c that a version's entries are exactly the objects that it changed, each once,
 * with the version that noted it before; and what happens where they are too many, or are held back.
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

#define UP (1u | 0x40u | 1u << 16)

static struct fake_publisher *f;

static struct netvane_region_entry entry_at(uint64_t position)
{
    struct netvane_region_entry e;
    nv_payload_load(&e, nv_at(f->mem.base, NV_JOURNAL_PLACE(position, NETVANE_JOURNAL_ENTRIES)),
                    sizeof(e));
    return e;
}

static uint64_t floor_now(void)
{
    return nv_read_word(f->mem.base, NV_HOT(journal_floor));
}

static void commit(void)
{
    f->now_ns += NV_NS_PER_MS;
    assert_true(nv_commit(&f->c, true, f->now_ns));
}

/* Entries of the newest version; UINT64_MAX: it is a break. */
static uint64_t entries_of_newest(uint64_t *ret_first)
{
    const uint64_t first = fake_publisher_slot(f, f->p.head - 1).journal_end;
    if (ret_first)
        *ret_first = first;
    return floor_now() > first ? UINT64_MAX : fake_publisher_slot(f, f->p.head).journal_end - first;
}

static void put_link(uint32_t ifindex, uint32_t mtu, const char *alt)
{
    char name[16];
    struct nv_text text = fact_text(alt ? alt : "");
    snprintf(name, sizeof(name), "eth%u", ifindex);
    struct nv_link l = fact_link(ifindex, name, UP);
    l.mtu = mtu;
    l.altnames = &text;
    l.altname_count = alt != NULL;
    (void)nv_mirror_link_put(&f->m, &l);
}

static void put_route(uint32_t i, uint8_t protocol, uint32_t list)
{
    struct nv_hop h = fact_hop(2, "10.0.0.254");
    struct nv_route r = fact_route(100, "172.16.0.0", 32, 0, &h, 1);
    nv_store_be32(r.dst, 0xac100000u + i);
    r.protocol = protocol;
    (void)nv_mirror_route_put(&f->m, &r, list, false, 0);
}

static int start(void **state)
{
    (void)state;
    f = fake_publisher_new(NULL);
    put_link(2, 1500, NULL);
    put_link(3, 1500, NULL);
    commit();
    return 0;
}

static int end(void **state)
{
    (void)state;
    return fake_publisher_end(f);
}

/* Commits; the version has one entry, of this tree and key words, with this since. */
static void assert_one(unsigned tree, uint64_t k0, uint64_t k1, uint32_t since)
{
    uint64_t first;
    commit();
    assert_int_equal(entries_of_newest(&first), 1);
    struct netvane_region_entry e = entry_at(first);
    assert_int_equal(e.version, f->p.head);
    assert_int_equal(e.tree, tree);
    assert_int_equal(e.key[0], k0);
    assert_int_equal(e.key[1], k1);
    assert_int_equal(e.since, since);
}

static void assert_none(void)
{
    commit();
    assert_int_equal(entries_of_newest(NULL), 0);
}

/* ---- tests ------------------------------------------------------------------------------------------------- */

static void the_first_version_is_a_break_without_entries(void **state)
{
    (void)state;
    struct netvane_region_header h;
    nv_payload_load(&h, f->mem.base, sizeof(h));
    assert_int_equal(h.journal_bytes, NETVANE_ARENA_OFFSET - NETVANE_JOURNAL_OFFSET);
    assert_int_equal(fake_publisher_slot(f, 1).journal_end, 1);
    assert_int_equal(floor_now(), 1);
    assert_int_equal(f->p.counter[NETVANE_RC_JOURNAL_BREAKS], 0);
    assert_int_equal(entry_at(1).version, 0);
}

static void each_kind_of_change_makes_one_entry_of_its_object(void **state)
{
    (void)state;
    struct nv_addr a = fact_addr(2, "10.0.0.1", 24), a6 = fact_addr(2, "2001:db8::1", 64);
    struct nv_hop h6 = fact_hop(2, "fe80::1"), h[2] = {fact_hop(2, "10.0.0.9"), fact_hop(3, NULL)};
    struct nv_route r6 = fact_route(254, "2001:db8:1::", 48, 1024, &h6, 1);
    struct nv_rule u = fact_rule(NV_AF_6, 77, 100);
    struct nv_nexthop n = fact_nexthop(5, 2, NULL);
    struct nv_member members[2] = {{5, 1}, {6, 1}};
    const uint64_t link4 = 4, on2 = (uint64_t)NV_AF_4 << 32 | 2,
                   v6on2 = (uint64_t)NV_AF_6 << 32 | 2;

    put_link(4, 1500, NULL);
    assert_one(NETVANE_TREE_LINKS, link4, 0, 0);
    put_link(4, 1400, NULL);
    assert_one(NETVANE_TREE_LINKS, link4, 0, 1);
    put_link(4, 1400, "another-name");
    assert_one(NETVANE_TREE_LINKS, link4, 0, 1);
    put_link(4, 1400, "yet-another-name");
    assert_one(NETVANE_TREE_LINKS, link4, 0, 1);
    struct nv_link partial = {.has = NV_LINK_HAS_QDISC,
                              .ifindex = 4,
                              .flags = UP,
                              .type = 1,
                              .qdisc = fact_text("noqueue")};
    (void)nv_mirror_link_put(&f->m, &partial);
    assert_one(NETVANE_TREE_LINKS, link4, 0, 1);
    (void)nv_mirror_link_remove(&f->m, 4);
    assert_one(NETVANE_TREE_LINKS, link4, 0, 1);

    (void)nv_mirror_addr_put(&f->m, &a, false, 0);
    assert_one(NETVANE_TREE_ADDRS, on2, 0, 0);
    a.has_label = true;
    memcpy(a.label, "eth2:1", 7);
    (void)nv_mirror_addr_put(&f->m, &a, false, 0);
    assert_one(NETVANE_TREE_ADDRS, on2, 0, 1);
    (void)nv_mirror_addr_remove(&f->m, &a);
    assert_one(NETVANE_TREE_ADDRS, on2, 0, 1);
    (void)nv_mirror_addr_put(&f->m, &a6, false, 0);
    assert_one(NETVANE_TREE_ADDRS, v6on2, UINT64_C(0x20010db800000000), 0);

    put_route(7, 4, NV_LIST_CREATE);
    const uint64_t r4 = (uint64_t)100 << 32 | 0xac100007, key1 = (uint64_t)32 << 56;
    assert_one(NETVANE_TREE_ROUTES4, r4, key1, 0);
    put_route(7, 5, NV_LIST_REPLACE);
    assert_one(NETVANE_TREE_ROUTES4, r4, key1, 1);
    struct nv_route ways = fact_route(100, "172.16.0.7", 32, 0, h, 2);
    ways.protocol = 5;
    (void)nv_mirror_route_put(&f->m, &ways, NV_LIST_REPLACE, false, 0); /* another hop set */
    assert_one(NETVANE_TREE_ROUTES4, r4, key1, 1);
    ways.metric_mask = 1u << 2;
    ways.metrics[2] = 1400;
    (void)nv_mirror_route_put(&f->m, &ways, NV_LIST_REPLACE, false, 0); /* another metric set */
    assert_one(NETVANE_TREE_ROUTES4, r4, key1, 1);
    (void)nv_mirror_route_remove(&f->m, &ways);
    assert_one(NETVANE_TREE_ROUTES4, r4, key1, 1);

    (void)nv_mirror_route_put(&f->m, &r6, NV_LIST_CREATE, false, 0);
    assert_one(NETVANE_TREE_ROUTES6, (uint64_t)254 << 32 | 0x20010db8, UINT64_C(0x0001000000000000),
               0);
    (void)nv_mirror_route_remove(&f->m, &r6);
    assert_one(NETVANE_TREE_ROUTES6, (uint64_t)254 << 32 | 0x20010db8, UINT64_C(0x0001000000000000),
               1);

    (void)nv_mirror_rule_put(&f->m, &u, false);
    assert_one(NETVANE_TREE_RULES, (uint64_t)NV_AF_6 << 32 | 77, 0, 0);
    (void)nv_mirror_rule_remove(&f->m, &u);
    assert_one(NETVANE_TREE_RULES, (uint64_t)NV_AF_6 << 32 | 77, 0, 1);

    (void)nv_mirror_nexthop_put(&f->m, &n);
    assert_one(NETVANE_TREE_NEXTHOPS, 5, 0, 0);
    n.encap_type = 1;
    n.encap = fact_text("encapsulation");
    (void)nv_mirror_nexthop_put(&f->m, &n);
    assert_one(NETVANE_TREE_NEXTHOPS, 5, 0, 1);
    struct nv_nexthop group = {
        .id = 9, .present = NETVANE_NF_GROUP, .members = members, .member_count = 2};
    (void)nv_mirror_nexthop_put(&f->m, &group);
    assert_one(NETVANE_TREE_NEXTHOPS, 9, 0, 0);
    members[1].weight = 2;
    (void)nv_mirror_nexthop_put(&f->m, &group); /* only a member is another */
    assert_one(NETVANE_TREE_NEXTHOPS, 9, 0, 1);
    (void)nv_mirror_nexthop_remove(&f->m, 9);
    assert_one(NETVANE_TREE_NEXTHOPS, 9, 0, 1);
}

static void what_nobody_would_see_makes_no_entry(void **state)
{
    (void)state;
    struct nv_addr a = fact_addr(2, "2001:db8::1", 64);
    a.valid_s = a.preferred_s = 100;
    (void)nv_mirror_addr_put(&f->m, &a, false, 0);
    commit();
    (void)nv_mirror_addr_put(&f->m, &a, false, 1000 * NV_NS_PER_S); /* a later end */
    assert_true(f->m.edited);
    assert_none();
    put_link(2, 1500, NULL); /* as it is */
    assert_none();
}

static void an_object_has_one_entry_a_version_however_often_it_changes(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        put_link(2, 1000 + i, NULL);
        put_link(3, 1000 + i, NULL);
        put_route(1, (uint8_t)(4 + i), NV_LIST_REPLACE);
    }
    commit();
    assert_int_equal(entries_of_newest(NULL), 3);
    put_link(2, 9000, NULL);
    put_link(2, 1004, NULL); /* undone: it may be named, but only once */
    commit();
    assert_true(entries_of_newest(NULL) <= 1);
}

static void routes_that_move_up_in_their_list_are_named_under_each_key(void **state)
{
    (void)state;
    uint64_t first;
    for (uint8_t i = 0; i < 4; i++) /* four equals but for the protocol */
        put_route(1, (uint8_t)(4 + i), NV_LIST_CREATE | NV_LIST_APPEND);
    commit();
    assert_int_equal(entries_of_newest(NULL), 4);
    struct nv_hop h = fact_hop(2, "10.0.0.254");
    struct nv_route gone = fact_route(100, "172.16.0.1", 32, 0, &h, 1);
    gone.protocol = 5; /* the second */
    (void)nv_mirror_route_remove(&f->m, &gone);
    commit();
    assert_int_equal(entries_of_newest(&first), 3);
    uint32_t positions = 0;
    for (uint64_t at = first; at < first + 3; at++)
        positions |= 1u << (entry_at(at).key[1] & 0xffff);
    assert_int_equal(positions, 1u << 1 | 1u << 2 | 1u << 3);
}

static void since_leads_to_the_entry_before_over_versions_without_one(void **state)
{
    (void)state;
    put_route(1, 4, NV_LIST_CREATE);
    commit();
    for (uint32_t i = 0; i < 5; i++) {
        put_link(2, 1000 + i, NULL);
        commit();
    }
    put_route(1, 5, NV_LIST_REPLACE);
    assert_one(NETVANE_TREE_ROUTES4, (uint64_t)100 << 32 | 0xac100001, (uint64_t)32 << 56, 6);
}

static void more_changes_than_there_is_room_for_are_a_break(void **state)
{
    (void)state;
    const uint64_t before = fake_publisher_slot(f, f->p.head).journal_end;
    for (uint32_t i = 0; i < NV_JOURNAL_NOTES_MAX; i++)
        put_route(i, 4, NV_LIST_CREATE);
    commit();
    assert_int_equal(entries_of_newest(NULL), NV_JOURNAL_NOTES_MAX);
    assert_int_equal(f->p.counter[NETVANE_RC_JOURNAL_BREAKS], 0);
    for (uint32_t i = 0; i < NV_JOURNAL_NOTES_MAX + 1; i++)
        put_route(i, 5, NV_LIST_REPLACE);
    put_link(2, 1111, NULL);
    commit();
    assert_int_equal(entries_of_newest(NULL), UINT64_MAX);
    assert_int_equal(f->p.counter[NETVANE_RC_JOURNAL_BREAKS], 1);
    assert_int_equal(fake_publisher_slot(f, f->p.head).journal_end,
                     before + NV_JOURNAL_NOTES_MAX + 1);
    assert_int_equal(floor_now(), fake_publisher_slot(f, f->p.head).journal_end);
    put_route(3, 6, NV_LIST_REPLACE); /* and then it goes on */
    assert_one(NETVANE_TREE_ROUTES4, (uint64_t)100 << 32 | 0xac100003, (uint64_t)32 << 56, 2);
}

static void entries_that_are_written_over_are_below_the_floor(void **state)
{
    (void)state;
    uint32_t seen_full = 0;
    put_route(0, 4, NV_LIST_CREATE);
    put_route(1, 4, NV_LIST_CREATE);
    commit();
    for (uint32_t v = 0; v < 120; v++) {
        for (uint32_t i = 0; i < 300; i++)
            put_route(2 + i, (uint8_t)(4 + v % 2), NV_LIST_REPLACE);
        commit();
        const uint64_t now = fake_publisher_slot(f, f->p.head).journal_end;
        assert_int_equal(floor_now(),
                         now > NETVANE_JOURNAL_ENTRIES ? now - NETVANE_JOURNAL_ENTRIES : 1);
        seen_full += now > 2 * NETVANE_JOURNAL_ENTRIES;
        /* Each version that is above the floor still has its entries, in order. */
        for (uint64_t w = f->p.head;
             w > 1 && fake_publisher_slot(f, w - 1).journal_end >= floor_now(); w--)
            for (uint64_t at = fake_publisher_slot(f, w - 1).journal_end;
                 at < fake_publisher_slot(f, w).journal_end; at += 37)
                assert_int_equal(entry_at(at).version, w);
        uint64_t first;
        if (v && entries_of_newest(&first) != UINT64_MAX)
            for (uint64_t at = first; at < first + 300; at++)
                assert_int_equal(entry_at(at).since, 1);
    }
    assert_true(seen_full > 0);
    put_route(1, 5, NV_LIST_REPLACE); /* its entry of old is gone */
    assert_one(NETVANE_TREE_ROUTES4, (uint64_t)100 << 32 | 0xac100001, (uint64_t)32 << 56, 0);
}

static void notes_of_trees_that_are_held_back_wait_for_the_version_that_shows_them(void **state)
{
    (void)state;
    uint64_t first;
    f->c.quality = NETVANE_RQ_RESYNCING;
    f->c.hold = NV_HOLD_ROUTES;
    put_route(0, 4, NV_LIST_CREATE);
    assert_one(NETVANE_TREE_ROUTES4, (uint64_t)100 << 32 | 0xac100000, (uint64_t)32 << 56, 0);
    put_route(1, 4, NV_LIST_CREATE); /* from here on it is not shown */
    put_route(2, 4, NV_LIST_CREATE);
    put_link(2, 1001, NULL);
    assert_one(NETVANE_TREE_LINKS, 2, 0, 0);
    put_route(2, 5, NV_LIST_REPLACE);
    put_link(2, 1002, NULL);
    assert_one(NETVANE_TREE_LINKS, 2, 0, 1);
    f->c.hold = 0;
    commit();
    assert_int_equal(entries_of_newest(&first), 2);
    for (uint64_t at = first; at < first + 2; at++) {
        assert_int_equal(entry_at(at).version, f->p.head);
        assert_int_equal(entry_at(at).tree, NETVANE_TREE_ROUTES4);
    }
    assert_int_equal(f->m.journal.note_count, 0);
}

static void too_many_notes_of_held_trees_break_only_the_version_that_shows_them(void **state)
{
    (void)state;
    f->c.quality = NETVANE_RQ_RESYNCING;
    f->c.hold = NV_HOLD_ROUTES;
    commit();
    for (uint32_t i = 0; i < 3 * NV_JOURNAL_NOTES_MAX; i++) {
        put_route(i, 4, NV_LIST_CREATE);
        if (i % 4000)
            continue;
        put_link(2, 1000 + i / 4000, NULL);
        commit();
        assert_int_equal(entries_of_newest(NULL), 1);
        assert_int_equal(f->p.counter[NETVANE_RC_JOURNAL_BREAKS], 0);
    }
    f->c.hold = 0;
    commit();
    assert_int_equal(entries_of_newest(NULL), UINT64_MAX);
    assert_int_equal(f->p.counter[NETVANE_RC_JOURNAL_BREAKS], 1);
    put_link(2, 900, NULL);
    assert_one(NETVANE_TREE_LINKS, 2, 0, 2);
}

static void a_commit_writes_a_cache_line_for_each_change_and_says_so(void **state)
{
    (void)state;
    put_link(2, 900, NULL);
    commit();
    put_link(2, 901, NULL);
    uint64_t bytes = f->p.counter[NETVANE_RC_BYTES_COPIED],
             nodes = f->p.counter[NETVANE_RC_NODES_COPIED];
    commit();
    bytes = f->p.counter[NETVANE_RC_BYTES_COPIED] - bytes;
    nodes = f->p.counter[NETVANE_RC_NODES_COPIED] - nodes;
    assert_int_equal(bytes, nodes * NETVANE_NODE_BYTES + sizeof(struct netvane_region_slot) + 64);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_first_version_is_a_break_without_entries),
        T(each_kind_of_change_makes_one_entry_of_its_object),
        T(what_nobody_would_see_makes_no_entry),
        T(an_object_has_one_entry_a_version_however_often_it_changes),
        T(routes_that_move_up_in_their_list_are_named_under_each_key),
        T(since_leads_to_the_entry_before_over_versions_without_one),
        T(more_changes_than_there_is_room_for_are_a_break),
        T(entries_that_are_written_over_are_below_the_floor),
        T(notes_of_trees_that_are_held_back_wait_for_the_version_that_shows_them),
        T(too_many_notes_of_held_trees_break_only_the_version_that_shows_them),
        T(a_commit_writes_a_cache_line_for_each_change_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
