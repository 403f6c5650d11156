/* SPDX-License-Identifier: MIT */
/*
 * test_mirror_route.c - proves what facts about routes do: IPv4 lists, IPv6 sets, shared hop and metric sets,
 * what a link that goes down takes along, and sweeps after whole, limited and disturbed dumps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/fake_writer.h"
#include "writer/limits.h"
#include "writer/mirror.h"

#define MAX_BYTES (UINT64_C(64) << 20)
#define UP        1u
#define PREPEND   NV_LIST_CREATE
#define APPEND    (NV_LIST_CREATE | NV_LIST_APPEND)
#define ADD       (NV_LIST_CREATE | NV_LIST_EXCL)
#define ALL_LEN   8u

static struct fake_memory mem;
static struct nv_mirror *m;

static int start(void **state)
{
    (void)state;
    m = calloc(1, sizeof(*m));
    assert_non_null(m);
    fake_memory_map(&mem, MAX_BYTES);
    assert_int_equal(nv_mirror_init(m, mem.base, MAX_BYTES, fake_memory_grow, &mem, 1), 0);
    for (uint32_t i = 2; i < 6; i++) {
        struct nv_link f =
            fact_link(i, (const char *[]){"eth2", "eth3", "eth4", "eth5"}[i - 2], UP);
        assert_int_equal(nv_mirror_link_put(m, &f), NV_CHANGED);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    const char *fault = fake_mirror_fault(m); /* after every test */
    nv_mirror_destroy(m);
    free(m);
    fake_memory_free(&mem);
    if (fault)
        print_error("%s\n", fault);
    return fault ? -1 : 0;
}

static uint32_t count(unsigned tree)
{
    return m->draft.tree[tree].count;
}

static void collect(void)
{
    nv_intern_collect(&m->hops, &m->draft);
    nv_intern_collect(&m->metrics, &m->draft);
    nv_intern_collect(&m->strings, &m->draft);
}

/* One hop: `ifindex` with a gateway "10.0.<ifindex>.254" or alone. */
static struct nv_route via(const char *dst, uint8_t len, struct nv_hop *hop)
{
    return fact_route(254, dst, len, 0, hop, 1);
}

static enum nv_effect put(const struct nv_route *f, uint32_t list)
{
    return nv_mirror_route_put(m, f, list, false, 0);
}

static enum nv_effect dump(const struct nv_route *f)
{
    return nv_mirror_route_put(m, f, 0, true, 0);
}

/* First links of the routes of 10.0.0.0/8 in table main, in their order. */
static void assert_list(const uint32_t *links, unsigned n)
{
    struct nv_tree t = nv_draft_tree(&m->draft, NETVANE_TREE_ROUTES4);
    uint64_t key[2] = {(uint64_t)254 << 32 | 0x0a000000u, (uint64_t)ALL_LEN << 56};
    struct nv_cursor c;
    struct netvane_rec_route4 r;
    unsigned i = 0;
    for (int more = nv_cursor_seek(&c, &t, key); more == NV_TREE_OK;
         more = nv_cursor_next(&c), i++) {
        assert_int_equal(nv_cursor_get(&c, &r), NV_TREE_OK);
        if (r.key[0] != key[0] || r.key[1] >> 16 != key[1] >> 16)
            break;
        uint32_t hops;
        const struct netvane_rec_hop *set = nv_mirror_hops(m, r.hops, &hops);
        assert_true(i < n);
        assert_int_equal(set[0].ifindex, links[i]);
        assert_int_equal(r.key[1] & 0xffff, i); /* no gaps */
    }
    assert_int_equal(i, n);
}

#define ASSERT_LIST(...) \
    assert_list((const uint32_t[]){__VA_ARGS__}, NV_ARRAY_LEN(((const uint32_t[]){__VA_ARGS__})))

/* ---- IPv4 lists ------------------------------------------------------------------------------------------ */

static void ipv4_events_add_prepend_append_and_replace_where_the_kernel_does(void **state)
{
    (void)state;
    struct nv_hop h2 = fact_hop(2, NULL), h3 = fact_hop(3, NULL), h4 = fact_hop(4, NULL),
                  h5 = fact_hop(5, NULL);
    struct nv_route r2 = via("10.0.0.0", 8, &h2), r3 = via("10.0.0.0", 8, &h3),
                    r4 = via("10.0.0.0", 8, &h4), r5 = via("10.0.0.0", 8, &h5);
    assert_int_equal(put(&r2, ADD), NV_CHANGED);
    assert_int_equal(put(&r3, APPEND), NV_CHANGED);
    ASSERT_LIST(2, 3);
    assert_int_equal(put(&r4, PREPEND), NV_CHANGED);
    ASSERT_LIST(4, 2, 3);
    assert_int_equal(put(&r5, NV_LIST_REPLACE), NV_CHANGED);
    ASSERT_LIST(5, 2, 3);
    assert_int_equal(nv_mirror_route_remove(m, &r2), NV_CHANGED);
    ASSERT_LIST(5, 3);
    assert_int_equal(nv_mirror_route_remove(m, &r3), NV_CHANGED);
    assert_int_equal(nv_mirror_route_remove(m, &r5), NV_CHANGED);
    assert_int_equal(nv_mirror_route_remove(m, &r5), NV_SAME);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 0);
    assert_int_equal(m->digest[NETVANE_RT_ROUTES], 0);
}

static void event_of_an_empty_list_says_that_what_was_there_is_gone(void **state)
{
    (void)state;
    struct nv_hop h2 = fact_hop(2, NULL), h3 = fact_hop(3, NULL), h4 = fact_hop(4, NULL);
    struct nv_route r2 = via("10.0.0.0", 8, &h2), r3 = via("10.0.0.0", 8, &h3),
                    r4 = via("10.0.0.0", 8, &h4);
    (void)put(&r2, ADD);
    (void)put(&r3, APPEND);
    assert_int_equal(put(&r4, ADD), NV_CHANGED);
    ASSERT_LIST(4);
}

static void events_that_contradict_the_list_are_suspect(void **state)
{
    (void)state;
    struct nv_hop h2 = fact_hop(2, NULL), h3 = fact_hop(3, NULL), h4 = fact_hop(4, NULL);
    struct nv_route r2 = via("10.0.0.0", 8, &h2), r3 = via("10.0.0.0", 8, &h3),
                    r4 = via("10.0.0.0", 8, &h4), other = via("11.0.0.0", 8, &h2);
    assert_int_equal(put(&other, APPEND), NV_SUSPECT); /* behind nothing */
    assert_int_equal(put(&r2, ADD), NV_CHANGED);
    assert_int_equal(put(&r2, APPEND), NV_SUSPECT); /* the kernel has no route twice */
    ASSERT_LIST(2, 2);
    assert_int_equal(nv_mirror_route_remove(m, &r2), NV_SUSPECT); /* which? */
    assert_int_equal(nv_mirror_route_remove(m, &r3), NV_SUSPECT); /* that is not the one */
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 1);
    assert_int_equal(put(&r2, ADD), NV_CHANGED);
    assert_int_equal(put(&r3, 0), NV_SUSPECT); /* a source that does not say where */
    ASSERT_LIST(3, 2);
    assert_int_equal(nv_mirror_route_remove(m, &r4), NV_SUSPECT);
    ASSERT_LIST(3, 2);
}

static void replacement_among_several_is_suspect_while_a_re_read_waits(void **state)
{
    (void)state;
    struct nv_hop h2 = fact_hop(2, NULL), h3 = fact_hop(3, NULL), h4 = fact_hop(4, NULL);
    struct nv_route r2 = via("10.0.0.0", 8, &h2), r3 = via("10.0.0.0", 8, &h3),
                    r4 = via("10.0.0.0", 8, &h4);
    (void)put(&r2, ADD);
    m->behind4 = true;                                       /* some of the list may be gone */
    assert_int_equal(put(&r3, NV_LIST_REPLACE), NV_CHANGED); /* the only one is certain */
    assert_int_equal(put(&r2, APPEND), NV_CHANGED);          /* so is the end */
    assert_int_equal(put(&r4, NV_LIST_REPLACE), NV_SUSPECT);
    ASSERT_LIST(4, 2);
}

static void removal_finds_a_route_whose_flags_or_nexthop_object_changed_since(void **state)
{
    (void)state;
    struct nv_hop h2 = fact_hop(2, "10.0.0.2"), h3 = fact_hop(3, "10.0.0.3"),
                  h4 = fact_hop(4, NULL);
    struct nv_route r2 = via("10.0.0.0", 8, &h2), r3 = via("10.0.0.0", 8, &h3),
                    r4 = via("10.0.0.0", 8, &h4), by_id = via("10.0.0.0", 8, &h2);
    by_id.nhid = 7;
    (void)put(&r2, ADD);
    (void)put(&by_id, APPEND);
    (void)put(&r3, APPEND);
    (void)put(&r4, APPEND);
    h3.flags = 17; /* RTNH_F_DEAD, RTNH_F_LINKDOWN */
    r3.flags = 17;
    assert_int_equal(nv_mirror_route_remove(m, &r3), NV_CHANGED);
    h2.ifindex = 9; /* the object was replaced, the route still has its number */
    assert_int_equal(nv_mirror_route_remove(m, &by_id), NV_CHANGED);
    ASSERT_LIST(2, 4);
    h4.flags = 4; /* RTNH_F_ONLINK is another route */
    r4.flags = 4;
    assert_int_equal(nv_mirror_route_remove(m, &r4), NV_SUSPECT);
}

static void ipv4_routes_of_other_metric_tos_or_table_are_other_lists(void **state)
{
    (void)state;
    struct nv_hop h = fact_hop(2, NULL);
    struct nv_route a = via("10.0.0.0", 8, &h), b = a, c = a, d = a;
    b.metric = 100;
    c.tos = 16;
    d.table = 100;
    assert_int_equal(put(&a, ADD), NV_CHANGED);
    assert_int_equal(put(&b, ADD), NV_CHANGED);
    assert_int_equal(put(&c, ADD), NV_CHANGED);
    assert_int_equal(put(&d, ADD), NV_CHANGED);
    ASSERT_LIST(2);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 4);
}

static void dump_of_a_table_gives_positions_by_its_order(void **state)
{
    (void)state;
    struct nv_hop h2 = fact_hop(2, NULL), h3 = fact_hop(3, NULL), h4 = fact_hop(4, NULL);
    struct nv_route r2 = via("10.0.0.0", 8, &h2), r3 = via("10.0.0.0", 8, &h3),
                    r4 = via("10.0.0.0", 8, &h4), other = via("10.0.0.0", 16, &h4);
    for (unsigned round = 0; round < 2; round++) {
        nv_mirror_mark_begin(m, NV_K_ROUTE4, 0);
        enum nv_effect want = round ? NV_SAME : NV_CHANGED;
        assert_int_equal(dump(&r4), want);
        assert_int_equal(dump(&r2), want);
        assert_int_equal(dump(&r3), want);
        assert_int_equal(dump(&other), want);
    }
    ASSERT_LIST(4, 2, 3);
}

static void dump_of_one_link_takes_no_position_from_its_order(void **state)
{
    (void)state;
    struct nv_hop h2 = fact_hop(2, NULL), h3 = fact_hop(3, NULL);
    struct nv_route r2 = via("10.0.0.0", 8, &h2), r3 = via("10.0.0.0", 8, &h3);
    (void)put(&r2, ADD);
    (void)put(&r3, APPEND);
    nv_mirror_mark_begin(m, NV_K_ROUTE4, 3);
    assert_int_equal(dump(&r3), NV_SAME);
    struct nv_sweep sweep = {.scope = {.kind = NV_K_ROUTE4, .family = NV_AF_4, .ifindex = 3}};
    assert_int_equal(nv_mirror_sweep(m, &sweep), 0);
    ASSERT_LIST(2, 3);
    r3.flags = h3.flags = 16; /* the carrier is gone: it is still the only one of that kind */
    nv_mirror_mark_begin(m, NV_K_ROUTE4, 3);
    assert_int_equal(dump(&r3), NV_CHANGED);
    assert_int_equal(nv_mirror_sweep(m, &sweep), 0);
    ASSERT_LIST(2, 3);
    r3.protocol = 16; /* it changed: which of the two it is, only the table can tell */
    nv_mirror_mark_begin(m, NV_K_ROUTE4, 3);
    assert_int_equal(dump(&r3), NV_SUSPECT);
    assert_int_equal(nv_mirror_sweep(m, &sweep), 0);
    ASSERT_LIST(2, 3);
}

static void two_that_look_the_same_both_stay_when_a_dump_of_their_link_shows_both(void **state)
{
    (void)state;
    struct nv_hop h2 = fact_hop(2, NULL), h3 = fact_hop(3, NULL);
    struct nv_route r2 = via("10.0.0.0", 8, &h2), r3 = via("10.0.0.0", 8, &h3);
    (void)put(&r3, ADD);
    (void)put(&r2, APPEND);
    assert_int_equal(put(&r3, APPEND), NV_SUSPECT);
    ASSERT_LIST(3, 2, 3);
    struct nv_sweep sweep = {.scope = {.kind = NV_K_ROUTE4, .family = NV_AF_4, .ifindex = 3}};
    nv_mirror_mark_begin(m, NV_K_ROUTE4, 3);
    assert_int_equal(dump(&r3), NV_SAME);
    assert_int_equal(dump(&r3), NV_SAME);
    assert_int_equal(nv_mirror_sweep(m, &sweep), 0);
    ASSERT_LIST(3, 2, 3);
    assert_int_equal(nv_mirror_route_remove(m, &r3), NV_SUSPECT); /* which of them? */
    ASSERT_LIST(2, 3);
}

static void list_that_is_full_refuses_more_and_stays_whole(void **state)
{
    (void)state;
    struct nv_hop h = fact_hop(2, "10.0.0.1");
    struct nv_route r = via("10.0.0.0", 8, &h);
    for (uint32_t i = 0; i < NV_ROUTE_POSITIONS_MAX; i++) {
        nv_store_be32(h.gateway, 0x0a000001u + i);
        assert_int_not_equal(put(&r, APPEND), NV_REFUSED);
    }
    nv_store_be32(h.gateway, 0x0a800001u);
    assert_int_equal(put(&r, APPEND), NV_REFUSED);
    assert_int_equal(put(&r, PREPEND), NV_REFUSED);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), NV_ROUTE_POSITIONS_MAX);
    assert_true(m->degraded);
    collect();
    assert_int_equal(count(NETVANE_TREE_HOPS), NV_ROUTE_POSITIONS_MAX);
}

static void long_list_is_prepended_to_within_the_room_of_one_edit(void **state)
{
    (void)state;
    struct nv_hop h = fact_hop(2, "10.0.0.1");
    struct nv_route r = via("10.0.0.0", 8, &h);
    for (uint32_t i = 0; i < NV_ROUTE_POSITIONS_MAX; i++) {
        nv_store_be32(h.gateway, 0x0a000001u + i);
        if (i + 4 >= NV_ROUTE_POSITIONS_MAX)
            nv_arena_next_draft(&m->draft.arena); /* every node on the way has to be copied */
        uint32_t taken = m->draft.arena.dirty_count;
        assert_int_not_equal(put(&r, i % 64 && i + 4 < NV_ROUTE_POSITIONS_MAX ? APPEND : PREPEND),
                             NV_REFUSED);
        assert_true(m->draft.arena.dirty_count - taken <= NV_EDIT_NODES);
    }
    assert_int_equal(count(NETVANE_TREE_ROUTES4), NV_ROUTE_POSITIONS_MAX);
}

/* ---- IPv6 sets -------------------------------------------------------------------------------------------- */

static void ipv6_multipath_loses_one_hop_and_keeps_the_others(void **state)
{
    (void)state;
    struct nv_hop hops[3] = {fact_hop(2, "fe80::2"), fact_hop(3, "fe80::3"),
                             fact_hop(4, "fe80::4")};
    struct nv_route all = fact_route(254, "2001:db8::", 32, 1024, hops, 3);
    assert_int_equal(put(&all, ADD), NV_CHANGED);
    struct nv_route one = fact_route(254, "2001:db8::", 32, 1024, &hops[1], 1);
    assert_int_equal(nv_mirror_route_remove(m, &one), NV_SUSPECT);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 1);
    struct netvane_rec_route6 r;
    struct nv_tree t = nv_draft_tree(&m->draft, NETVANE_TREE_ROUTES6);
    struct nv_cursor c;
    assert_int_equal(nv_cursor_seek(&c, &t, NULL), NV_TREE_OK);
    assert_int_equal(nv_cursor_get(&c, &r), NV_TREE_OK);
    uint32_t n;
    const struct netvane_rec_hop *set = nv_mirror_hops(m, r.hops, &n);
    assert_int_equal(n, 2);
    assert_int_equal(set[0].ifindex, 2);
    assert_int_equal(set[1].ifindex, 4);
    collect();
    assert_int_equal(count(NETVANE_TREE_HOPS), 2);
    struct nv_route rest = fact_route(254, "2001:db8::", 32, 1024, hops, 1);
    (void)nv_mirror_route_remove(m, &rest);
    struct nv_route last = fact_route(254, "2001:db8::", 32, 1024, &hops[2], 1);
    assert_int_equal(nv_mirror_route_remove(m, &last), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 0);
}

static void ipv6_routes_to_links_alone_stand_beside_each_other(void **state)
{
    (void)state;
    struct nv_hop h2 = fact_hop(2, NULL), h3 = fact_hop(3, NULL), gw = fact_hop(4, "fe80::1");
    struct nv_route r2 = fact_route(254, "fe80::", 64, 256, &h2, 1),
                    r3 = fact_route(254, "fe80::", 64, 256, &h3, 1),
                    rg = fact_route(254, "fe80::", 64, 256, &gw, 1);
    assert_int_equal(put(&r2, ADD), NV_CHANGED);
    assert_int_equal(put(&r3, ADD), NV_CHANGED);
    assert_int_equal(put(&rg, ADD), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 3);
    nv_mirror_mark_begin(m, NV_K_ROUTE6, 0); /* a dump in another order changes nothing but that */
    assert_int_equal(dump(&r3), NV_SAME);
    assert_int_equal(dump(&rg), NV_SAME);
    assert_int_equal(dump(&r2), NV_TOUCHED);
    nv_mirror_mark_begin(m, NV_K_ROUTE6, 0);
    assert_int_equal(dump(&r3), NV_SAME);
    assert_int_equal(dump(&rg), NV_SAME);
    assert_int_equal(dump(&r2), NV_SAME);
    assert_int_equal(dump(&r3), NV_SAME); /* shown again: a dump begun anew */
    assert_int_equal(nv_mirror_route_remove(m, &r2), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 2);
    nv_mirror_mark_begin(m, NV_K_ROUTE6, 3); /* nor does one of a link */
    assert_int_equal(dump(&r3), NV_SAME);
    struct nv_sweep sweep = {.scope = {.kind = NV_K_ROUTE6, .family = NV_AF_6, .ifindex = 3}};
    assert_int_equal(nv_mirror_sweep(m, &sweep), 0);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 2);
}

/* The only route of IPv6: its hops' links in their order, and its protocol. */
static void assert_hops6(uint8_t protocol, const uint32_t *links, uint32_t n)
{
    struct nv_tree t = nv_draft_tree(&m->draft, NETVANE_TREE_ROUTES6);
    struct netvane_rec_route6 r;
    struct nv_cursor c;
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 1);
    assert_int_equal(nv_cursor_seek(&c, &t, NULL), NV_TREE_OK);
    assert_int_equal(nv_cursor_get(&c, &r), NV_TREE_OK);
    uint32_t got;
    const struct netvane_rec_hop *set = nv_mirror_hops(m, r.hops, &got);
    assert_int_equal(got, n);
    assert_int_equal(r.protocol, protocol);
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(set[i].ifindex, links[i]);
        assert_int_equal(set[i].count, n);
        assert_int_equal(set[i].multipath, n > 1);
    }
}

#define ASSERT_HOPS6(protocol, ...)                         \
    assert_hops6(protocol, (const uint32_t[]){__VA_ARGS__}, \
                 NV_ARRAY_LEN(((const uint32_t[]){__VA_ARGS__})))

static void added_gateways_go_behind_those_that_are_there_wherever_the_event_begins(void **state)
{
    (void)state;
    struct nv_hop a = fact_hop(2, "fe80::a"), b = fact_hop(3, "fe80::b"),
                  c = fact_hop(4, "fe80::c"), d = fact_hop(5, "fe80::d");
    struct nv_route one = fact_route(254, "2001:db8::", 32, 1024, &a, 1);
    a.weight = 7; /* a single hop does not show it */
    assert_int_equal(put(&one, ADD), NV_CHANGED);
    struct nv_hop ba[2] = {b, a};
    struct nv_route appended = fact_route(254, "2001:db8::", 32, 1024, ba, 2);
    appended.protocol = 16; /* what is said of the route is said of its first hop here */
    appended.multipath = true;
    assert_int_equal(put(&appended, APPEND), NV_CHANGED);
    ASSERT_HOPS6(4, 2, 3);
    struct nv_hop cdab[4] = {c, d, a, b};
    struct nv_route prepended = fact_route(254, "2001:db8::", 32, 1024, cdab, 4);
    prepended.multipath = true;
    assert_int_equal(put(&prepended, PREPEND), NV_CHANGED);
    ASSERT_HOPS6(4, 2, 3, 4, 5);
    assert_int_equal(put(&prepended, PREPEND),
                     NV_SUSPECT); /* nothing was added: another order is no news to believe */
    struct nv_hop dbac[4] = {d, b, a, c};
    struct nv_route odd = fact_route(254, "2001:db8::", 32, 1024, dbac, 4);
    odd.multipath = true;
    assert_int_equal(put(&odd, APPEND), NV_SUSPECT);
    collect();
    assert_int_equal(count(NETVANE_TREE_HOPS), 4);
}

static void gateway_added_beside_a_route_without_one_is_suspect(void **state)
{
    (void)state;
    struct nv_hop on = fact_hop(9, NULL), a = fact_hop(2, "fe80::a"), b = fact_hop(3, "fe80::b");
    struct nv_hop ba[2] = {b, a};
    struct nv_route alone = fact_route(254, "2001:db8::", 32, 1024, &on, 1),
                    first = fact_route(254, "2001:db8::", 32, 1024, &a, 1),
                    both = fact_route(254, "2001:db8::", 32, 1024, ba, 2);
    both.multipath = true;
    assert_int_equal(put(&first, ADD), NV_CHANGED);
    assert_int_equal(put(&alone, APPEND), NV_CHANGED);
    assert_int_equal(put(&both, APPEND), NV_SUSPECT); /* a dump passes over what stands between */
    ba[0] = a;
    ba[1] = b; /* a removal of all names them in the order of dumps */
    assert_int_equal(nv_mirror_route_remove(m, &both), NV_SUSPECT);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 1);
}

static void ipv6_replacement_takes_the_one_of_its_kind_else_the_only_one(void **state)
{
    (void)state;
    struct nv_hop on8 = fact_hop(8, NULL), on9 = fact_hop(9, NULL), a = fact_hop(2, "fe80::a"),
                  b = fact_hop(3, "fe80::b"), ab[2] = {a, b};
    struct nv_route r8 = fact_route(254, "2001:db8::", 32, 1024, &on8, 1),
                    r9 = fact_route(254, "2001:db8::", 32, 1024, &on9, 1),
                    ra = fact_route(254, "2001:db8::", 32, 1024, &a, 1),
                    rb = fact_route(254, "2001:db8::", 32, 1024, &b, 1),
                    rab = fact_route(254, "2001:db8::", 32, 1024, ab, 2);
    rab.multipath = true;
    assert_int_equal(put(&r8, ADD), NV_CHANGED);
    assert_int_equal(put(&ra, NV_LIST_REPLACE), NV_CHANGED); /* of another kind, but the only one */
    ASSERT_HOPS6(4, 2);
    assert_int_equal(put(&r8, APPEND), NV_CHANGED);
    assert_int_equal(put(&rb, NV_LIST_REPLACE), NV_CHANGED); /* the other with a gateway */
    assert_int_equal(put(&r9, NV_LIST_REPLACE), NV_CHANGED); /* the other without */
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 2);
    assert_int_equal(put(&r8, APPEND), NV_CHANGED);
    assert_int_equal(put(&r9, NV_LIST_REPLACE), NV_SUSPECT); /* which of two? */
    assert_int_equal(nv_mirror_route_remove(m, &r8), NV_CHANGED);
    assert_int_equal(nv_mirror_route_remove(m, &r9), NV_CHANGED);
    assert_int_equal(put(&rab, NV_LIST_REPLACE), NV_CHANGED);
    ASSERT_HOPS6(4, 2, 3);
    assert_int_equal(put(&r8, APPEND), NV_CHANGED);
    assert_int_equal(put(&rab, NV_LIST_REPLACE),
                     NV_SUSPECT); /* the second gateway goes behind it: hidden */
    assert_int_equal(put(&r9, NV_LIST_REPLACE),
                     NV_SUSPECT); /* perhaps of one that is hidden already */
    assert_int_equal(put(&r8, NV_LIST_REPLACE), NV_SUSPECT);
    assert_int_equal(nv_mirror_route_remove(m, &r8), NV_CHANGED);
    assert_int_equal(put(&ra, NV_LIST_REPLACE), NV_SUSPECT); /* what stood between shows now */
    ASSERT_HOPS6(4, 2);
    assert_int_equal(put(&r9, NV_LIST_REPLACE), NV_CHANGED);
    ASSERT_HOPS6(4, 9);
    assert_int_equal(put(&ra, APPEND), NV_CHANGED);
    assert_int_equal(put(&rab, NV_LIST_REPLACE), NV_SUSPECT); /* takes r9 along, without a word */
}

static void dump_tells_twins_over_one_link_apart(void **state)
{
    (void)state;
    struct nv_hop on = fact_hop(8, NULL);
    struct nv_route a = fact_route(254, "2001:db8::", 32, 1024, &on, 1), b = a, c = a;
    b.protocol = 16;
    c.protocol = 17;
    const struct nv_route *const orders[3][3] = {{&a, &b, &c}, {&c, &a, &b}, {&c, &a, &b}};
    for (unsigned i = 0; i < 3; i++) {
        nv_mirror_mark_begin(m, NV_K_ROUTE6, 0);
        for (unsigned k = 0; k < 3; k++) {
            enum nv_effect want = i == 2 ? NV_SAME : NV_CHANGED; /* the order is the dump's */
            assert_int_equal(dump(orders[i][k]), want);
            assert_int_equal(dump(orders[i][k]),
                             NV_SAME); /* a dump that began anew shows it twice */
        }
        assert_int_equal(count(NETVANE_TREE_ROUTES6), 3);
    }
    assert_int_equal(m->lookalikes, 9);
    assert_int_equal(nv_mirror_route_remove(m, &a), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 2);
    nv_mirror_mark_begin(m, NV_K_ROUTE6, 0);
    assert_int_equal(dump(&c), NV_SAME);
    assert_int_equal(dump(&b), NV_SAME); /* it moved up */
    struct nv_sweep sweep = {.scope = {.kind = NV_K_ROUTE6, .family = NV_AF_6}};
    nv_mirror_mark_begin(m, NV_K_ROUTE6, 0);
    (void)dump(&c);
    (void)nv_mirror_sweep(m, &sweep);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 1);
    assert_int_equal(nv_mirror_route_remove(m, &c), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 0);
}

static void lookalikes_are_as_many_as_two_dumps_in_a_row_show(void **state)
{
    (void)state;
    struct nv_hop on = fact_hop(8, NULL);
    struct nv_route a = fact_route(254, "2001:db8::", 32, 1024, &on, 1), b = a;
    b.protocol = 16;
    const struct nv_route *const shown[] = {&a, &b, &a, &a};
    const uint32_t held[] = {2, 4, 4}, counted[] = {2, 4, 4};
    struct nv_sweep sweep = {.scope = {.kind = NV_K_ROUTE6, .family = NV_AF_6}};
    for (unsigned i = 0; i < 3; i++) {
        m->lookalikes_sure = i > 0;
        nv_mirror_mark_begin(m, NV_K_ROUTE6, 0);
        for (unsigned k = 0; k < 4; k++)
            (void)dump(shown[k]);
        assert_int_equal(nv_mirror_sweep(m, &sweep), 0);
        assert_int_equal(count(NETVANE_TREE_ROUTES6), held[i]);
        assert_int_equal(m->lookalikes, counted[i]);
    }
    uint64_t digest = m->digest[NETVANE_RT_ROUTES];
    assert_int_equal(nv_mirror_route_remove(m, &a), NV_SUSPECT); /* which of them? */
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 3);
    assert_true(m->digest[NETVANE_RT_ROUTES] != digest);
    m->lookalikes_sure = false;
    nv_mirror_mark_begin(m, NV_K_ROUTE6, 0);
    assert_int_equal(dump(&b), NV_SAME); /* it was the first */
    (void)dump(&a);
    assert_int_equal(nv_mirror_sweep(m, &sweep), 1);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 2);
    assert_int_equal(nv_mirror_route_remove(m, &a), NV_CHANGED);
    assert_int_equal(nv_mirror_route_remove(m, &b), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 0);
}

static void ipv6_route_by_a_group_stands_beside_one_with_gateways(void **state)
{
    (void)state;
    struct nv_hop hops[2] = {fact_hop(2, "fe80::a"), fact_hop(3, "fe80::b")};
    struct nv_route by_id = fact_route(254, "2001:db8::", 32, 1024, hops, 2), by_hops = by_id;
    by_id.nhid = 45;
    by_id.multipath = by_hops.multipath = true;
    assert_int_equal(put(&by_id, ADD), NV_CHANGED);
    assert_int_equal(put(&by_hops, APPEND), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 2);
    hops[0].ifindex = 7; /* the group changed meanwhile */
    assert_int_equal(nv_mirror_route_remove(m, &by_id), NV_SUSPECT);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 1);
}

static void ipv6_expiry_that_only_ticks_is_no_news(void **state)
{
    (void)state;
    struct nv_hop h = fact_hop(2, "fe80::1");
    struct nv_route r = fact_route(254, "::", 0, 1024, &h, 1);
    r.has_expires = true;
    r.expires_s = 1800;
    assert_int_equal(nv_mirror_route_put(m, &r, ADD, false, 50 * NV_NS_PER_S), NV_CHANGED);
    uint64_t digest = m->digest[NETVANE_RT_ROUTES];
    r.expires_s = 1700;
    assert_int_equal(nv_mirror_route_put(m, &r, 0, true, 150 * NV_NS_PER_S + 7), NV_SAME);
    r.expires_s = 1800;
    assert_int_equal(nv_mirror_route_put(m, &r, 0, true, 150 * NV_NS_PER_S), NV_TOUCHED);
    assert_true(m->digest[NETVANE_RT_ROUTES] == digest);
    r.has_expires = false;
    assert_int_equal(nv_mirror_route_put(m, &r, 0, true, 150 * NV_NS_PER_S), NV_CHANGED);
    assert_true(m->digest[NETVANE_RT_ROUTES] != digest);
}

/* ---- shared sets --------------------------------------------------------------------------------------------- */

static void routes_with_equal_hops_share_one_set_and_the_last_takes_it_along(void **state)
{
    (void)state;
    struct nv_hop hops[2] = {fact_hop(2, "10.0.0.1"), fact_hop(3, "10.0.0.2")};
    hops[1].encap_type = 1;
    hops[1].encap =
        fact_text("push 16/17/18: longer than the forty-eight bytes of one string record");
    struct nv_route r = fact_route(254, "10.0.0.0", 24, 0, hops, 2);
    for (uint32_t i = 0; i < 500; i++) {
        nv_store_be32(r.dst, 0x0a000000u + (i << 8));
        assert_int_equal(put(&r, ADD), NV_CHANGED);
    }
    assert_int_equal(count(NETVANE_TREE_HOPS), 2);
    assert_int_equal(count(NETVANE_TREE_STRINGS), 2);
    for (uint32_t i = 0; i < 500; i++) {
        nv_store_be32(r.dst, 0x0a000000u + (i << 8));
        assert_int_equal(nv_mirror_route_remove(m, &r), NV_CHANGED);
        collect();
        assert_int_equal(count(NETVANE_TREE_HOPS), i < 499 ? 2 : 0);
    }
    assert_int_equal(count(NETVANE_TREE_STRINGS), 0);
}

static void metrics_are_a_set_too_and_change_the_digest(void **state)
{
    (void)state;
    struct nv_hop h = fact_hop(2, NULL);
    struct nv_route a = via("10.0.0.0", 8, &h), b = via("11.0.0.0", 8, &h);
    a.metric_mask = b.metric_mask = 1u << 2 | 1u << 16; /* mtu, congestion control */
    a.metrics[2] = b.metrics[2] = 1400;
    memcpy(a.cc_algo, "bbr", 4);
    memcpy(b.cc_algo, "bbr", 4);
    assert_int_equal(put(&a, ADD), NV_CHANGED);
    assert_int_equal(put(&b, ADD), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_METRICS), 2);
    uint64_t digest = m->digest[NETVANE_RT_ROUTES];
    a.metrics[2] = 1500;
    assert_int_equal(put(&a, NV_LIST_REPLACE), NV_CHANGED);
    assert_true(m->digest[NETVANE_RT_ROUTES] != digest);
    assert_int_equal(count(NETVANE_TREE_METRICS), 4);
    a.metrics[2] = 1400;
    assert_int_equal(put(&a, NV_LIST_REPLACE), NV_CHANGED);
    assert_true(m->digest[NETVANE_RT_ROUTES] == digest);
    collect();
    assert_int_equal(count(NETVANE_TREE_METRICS), 2);
}

static void nexthop_id_without_hops_is_kept(void **state)
{
    (void)state;
    struct nv_route r = fact_route(254, "10.0.0.0", 8, 0, NULL, 0);
    r.nhid = 7;
    assert_int_equal(put(&r, ADD), NV_CHANGED);
    uint32_t n;
    const struct netvane_rec_hop *set = nv_mirror_hops(m, 1, &n);
    assert_int_equal(n, 1);
    assert_int_equal(set[0].nhid, 7);
    assert_int_equal(set[0].ifindex, 0);
}

static void put_and_remove_lead_back_to_the_same_digest(void **state)
{
    (void)state;
    struct nv_hop h2 = fact_hop(2, "10.0.0.1"), h6 = fact_hop(3, "fe80::1");
    struct nv_route base = via("10.0.0.0", 8, &h2), more = via("10.2.0.0", 16, &h2),
                    six = fact_route(254, "2001:db8::", 32, 1024, &h6, 1);
    (void)put(&base, ADD);
    uint64_t digest = m->digest[NETVANE_RT_ROUTES];
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(put(&more, ADD), NV_CHANGED);
        assert_int_equal(put(&six, ADD), NV_CHANGED);
        assert_true(m->digest[NETVANE_RT_ROUTES] != digest);
        assert_int_equal(nv_mirror_route_remove(m, &six), NV_CHANGED);
        assert_int_equal(nv_mirror_route_remove(m, &more), NV_CHANGED);
        assert_true(m->digest[NETVANE_RT_ROUTES] == digest);
        collect(); /* ids may come back with another meaning */
    }
}

/* ---- links that go down, sweeps ------------------------------------------------------------------------------- */

static void link_that_goes_down_takes_its_ipv4_routes_but_not_local_ones(void **state)
{
    (void)state;
    struct nv_hop h2 = fact_hop(2, NULL), both[2] = {fact_hop(2, NULL), fact_hop(3, NULL)},
                  h6 = fact_hop(2, "fe80::1"), h3 = fact_hop(3, NULL);
    struct nv_route gone = via("10.0.0.0", 8, &h2),
                    local = fact_route(255, "10.0.0.1", 32, 0, &h2, 1),
                    multi = fact_route(254, "11.0.0.0", 8, 0, both, 2),
                    six = fact_route(254, "::", 0, 1024, &h6, 1), other = via("12.0.0.0", 8, &h3);
    local.type = 2;
    (void)put(&gone, ADD);
    (void)put(&local, ADD);
    (void)put(&multi, ADD);
    (void)put(&six, ADD);
    (void)put(&other, ADD);
    nv_mirror_link_went_down(m, 2);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 3);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 1);
    assert_int_equal(nv_mirror_route_remove(m, &gone), NV_SAME);
    assert_int_equal(nv_mirror_route_remove(m, &local), NV_CHANGED);
}

static void lists_close_their_gaps_when_a_link_takes_some_of_their_routes(void **state)
{
    (void)state;
    struct nv_hop h[4];
    struct nv_route r[4];
    for (uint32_t i = 0; i < 4; i++)
        h[i] = fact_hop(2 + i, NULL);
    for (uint32_t i = 0; i < 4; i++) {
        r[i] = via("10.0.0.0", 8, &h[i]);
        (void)put(&r[i], APPEND);
    }
    nv_mirror_link_went_down(m, 2);
    ASSERT_LIST(3, 4, 5);
    nv_mirror_link_went_down(m, 4);
    ASSERT_LIST(3, 5);
    assert_int_not_equal(nv_mirror_route_remove(m, &r[1]), NV_SAME);
    ASSERT_LIST(5);
}

static void long_lists_of_two_links_lose_exactly_those_of_one(void **state)
{
    (void)state;
    struct nv_hop h = fact_hop(2, "10.0.0.1");
    struct nv_route r = via("10.0.0.0", 8, &h);
    for (uint32_t i = 0; i < 600; i++) { /* more than one batch */
        h.ifindex = i % 3 ? 2 : 3;
        nv_store_be32(h.gateway, 0x0a000001u + i);
        (void)put(&r, APPEND);
    }
    nv_mirror_link_went_down(m, 2);
    uint32_t want[200];
    for (unsigned i = 0; i < 200; i++)
        want[i] = 3;
    assert_list(want, 200);
}

static bool one_touched(void *arg, uint64_t key)
{
    return arg && *(uint64_t *)arg == key;
}

static void sweep_removes_what_the_dump_did_not_show_and_closes_gaps(void **state)
{
    (void)state;
    struct nv_hop h[4];
    struct nv_route r[4], far;
    for (uint32_t i = 0; i < 4; i++) {
        h[i] = fact_hop(2 + i, NULL);
        r[i] = via("10.0.0.0", 8, &h[i]);
        (void)put(&r[i], APPEND);
    }
    far = via("12.0.0.0", 8, &h[0]);
    (void)put(&far, ADD);
    struct nv_sweep sweep = {.scope = {.kind = NV_K_ROUTE4, .family = NV_AF_4},
                             .touched = one_touched};
    nv_mirror_mark_begin(m, NV_K_ROUTE4, 0);
    (void)dump(&r[1]);
    (void)dump(&r[3]);
    assert_int_equal(nv_mirror_sweep(m, &sweep), 3);
    ASSERT_LIST(3, 5);
    uint64_t key = nv_touch_route(NV_AF_4, 254, r[0].dst, 8);
    sweep.touched_arg = &key; /* an event came meanwhile: the dump proves nothing about that list */
    nv_mirror_mark_begin(m, NV_K_ROUTE4, 0);
    assert_int_equal(nv_mirror_sweep(m, &sweep), 0);
    sweep.touched_arg = NULL;
    nv_mirror_mark_begin(m, NV_K_ROUTE4, 0);
    assert_int_equal(nv_mirror_sweep(m, &sweep), 2);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 0);
}

static void sweep_of_one_link_closes_the_gaps_that_it_makes(void **state)
{
    (void)state;
    struct nv_hop h[4];
    struct nv_route r[4];
    for (uint32_t i = 0; i < 4; i++) {
        h[i] = fact_hop(2 + i, NULL);
        r[i] = via("10.0.0.0", 8, &h[i]);
        (void)put(&r[i], APPEND);
    }
    struct nv_sweep sweep = {.scope = {.kind = NV_K_ROUTE4, .family = NV_AF_4, .ifindex = 3}};
    nv_mirror_mark_begin(m, NV_K_ROUTE4, 3);
    assert_int_equal(nv_mirror_sweep(m, &sweep), 1);
    ASSERT_LIST(2, 4, 5);
}

static void sweep_is_limited_to_the_table_of_the_dump(void **state)
{
    (void)state;
    struct nv_hop h = fact_hop(2, NULL);
    for (uint32_t table = 99; table <= 101; table++)
        for (uint32_t i = 0; i < 150; i++) {
            struct nv_route r = fact_route(table, "10.0.0.0", 24, 0, &h, 1);
            nv_store_be32(r.dst, 0x0a000000u + (i << 8));
            (void)put(&r, ADD);
        }
    struct nv_sweep sweep = {.scope = {.kind = NV_K_ROUTE4, .family = NV_AF_4, .table = 100}};
    nv_mirror_mark_begin(m, NV_K_ROUTE4, 0);
    assert_int_equal(nv_mirror_sweep(m, &sweep), 150);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 300);
}

static void disturbed_dumps_remove_only_what_two_in_a_row_lack(void **state)
{
    (void)state;
    struct nv_hop h = fact_hop(2, NULL);
    struct nv_route r[200];
    for (uint32_t i = 0; i < 200; i++) {
        r[i] = via("10.0.0.0", 24, &h);
        nv_store_be32(r[i].dst, 0x0a000000u + (i << 8));
        (void)put(&r[i], ADD);
    }
    struct nv_sweep sweep = {.scope = {.kind = NV_K_ROUTE4, .family = NV_AF_4}, .twice = true};
    nv_mirror_mark_begin(m, NV_K_ROUTE4, 0);
    for (uint32_t i = 100; i < 200; i++)
        (void)dump(&r[i]);
    assert_int_equal(nv_mirror_sweep(m, &sweep), 0);
    nv_mirror_mark_begin(m, NV_K_ROUTE4, 0);
    for (uint32_t i = 50; i < 150; i++)
        (void)dump(&r[i]);
    assert_int_equal(nv_mirror_sweep(m, &sweep), 50); /* 0 to 49 lacked twice; 150 to 199 once */
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 150);
    assert_int_equal(nv_mirror_route_remove(m, &r[0]), NV_SAME);
    assert_int_equal(nv_mirror_route_remove(m, &r[199]), NV_CHANGED);
}

static void sweep_of_many_leaves_lists_without_gaps_and_counts_right(void **state)
{
    (void)state;
    enum { PREFIXES = 2000, EQUALS = 3, ALL = PREFIXES * EQUALS };
    struct nv_hop h[EQUALS] = {fact_hop(2, NULL), fact_hop(3, NULL), fact_hop(4, NULL)};
    for (uint32_t i = 0; i < ALL; i++) {
        struct nv_route r = fact_route(100 + i % 2, "10.0.0.0", 24, 0, &h[i / PREFIXES], 1);
        nv_store_be32(r.dst, 0x0a000000u + (i % PREFIXES << 8));
        (void)put(&r, APPEND);
    }
    struct nv_sweep sweep = {.scope = {.kind = NV_K_ROUTE4, .family = NV_AF_4, .table = 100}};
    nv_mirror_mark_begin(m, NV_K_ROUTE4, 0);
    uint32_t shown = 0;
    for (uint32_t i = 0; i < PREFIXES;
         i += 4) { /* of some prefixes of table 100 the second is left */
        struct nv_route r = fact_route(100, "10.0.0.0", 24, 0, &h[1], 1);
        nv_store_be32(r.dst, 0x0a000000u + (i << 8));
        (void)dump(&r);
        shown++;
    }
    /* The dump gave them position 0; what was there has changed, and what stood behind has not been shown. */
    assert_int_equal(nv_mirror_sweep(m, &sweep), ALL / 2 - shown);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), ALL / 2 + shown);
    struct nv_route r = fact_route(100, "10.0.0.0", 24, 0, &h[1], 1);
    assert_int_equal(put(&r, NV_LIST_REPLACE), NV_SAME);
    nv_mirror_mark_begin(m, NV_K_ROUTE4, 0); /* and with two in a row, over all tables */
    sweep.scope.table = 0;
    sweep.twice = true;
    assert_int_equal(nv_mirror_sweep(m, &sweep), 0);
    assert_int_equal(sweep.noted, ALL / 2 + shown);
    nv_mirror_mark_begin(m, NV_K_ROUTE4, 0);
    assert_int_equal(nv_mirror_sweep(m, &sweep), ALL / 2 + shown);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 0);
    assert_int_equal(m->tables[0].total + m->tables[1].total, 0);
}

static void sweep_of_one_link_or_table_writes_nothing_where_nothing_goes(void **state)
{
    (void)state;
    struct nv_hop h[2] = {fact_hop(2, NULL), fact_hop(3, NULL)};
    for (uint32_t i = 0; i < 5000; i++) {
        struct nv_route r = fact_route(254, "10.0.0.0", 24, 0, &h[0], 1);
        nv_store_be32(r.dst, 0x0a000000u + (i << 8));
        (void)put(&r, ADD);
    }
    struct nv_route few[2] = {fact_route(254, "172.16.0.0", 12, 0, &h[1], 1),
                              fact_route(100, "10.0.0.0", 8, 0, &h[0], 1)};
    for (unsigned i = 0; i < 2; i++) {
        (void)put(&few[i], ADD);
        struct nv_sweep sweep = {.scope = {.kind = NV_K_ROUTE4,
                                           .family = NV_AF_4,
                                           .ifindex = i ? 0 : 3,
                                           .table = i ? 100 : 0}};
        nv_mirror_mark_begin(m, NV_K_ROUTE4, sweep.scope.ifindex);
        assert_int_equal(dump(&few[i]), NV_SAME);
        uint32_t before = m->draft.arena.dirty_count;
        assert_int_equal(nv_mirror_sweep(m, &sweep), 0);
        assert_int_equal(m->draft.arena.dirty_count, before);
    }
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 5002);
}

static void doubt(void *arg, uint8_t family, uint32_t table)
{
    assert_int_equal(family, NV_AF_4);
    assert_int_equal(table, 254);
    ++*(unsigned *)arg;
}

static void sweep_of_one_link_asks_for_the_table_where_a_route_names_other_links_too(void **state)
{
    (void)state;
    struct nv_hop h2 = fact_hop(2, NULL), h3 = fact_hop(3, NULL), both[2] = {h2, h3};
    struct nv_route only = via("10.0.0.0", 8, &h2),
                    multi = fact_route(254, "11.0.0.0", 8, 0, both, 2),
                    other = via("12.0.0.0", 8, &h3);
    (void)put(&only, ADD);
    (void)put(&multi, ADD);
    (void)put(&other, ADD);
    unsigned doubts = 0;
    struct nv_sweep sweep = {.scope = {.kind = NV_K_ROUTE4, .family = NV_AF_4, .ifindex = 2},
                             .doubt = doubt,
                             .doubt_arg = &doubts};
    nv_mirror_mark_begin(m, NV_K_ROUTE4, 2);
    assert_int_equal(nv_mirror_sweep(m, &sweep), 1);
    assert_int_equal(doubts, 1);
    assert_int_equal(nv_mirror_route_remove(m, &multi), NV_CHANGED);
    assert_int_equal(nv_mirror_route_remove(m, &other), NV_CHANGED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(ipv4_events_add_prepend_append_and_replace_where_the_kernel_does),
        T(event_of_an_empty_list_says_that_what_was_there_is_gone),
        T(events_that_contradict_the_list_are_suspect),
        T(replacement_among_several_is_suspect_while_a_re_read_waits),
        T(removal_finds_a_route_whose_flags_or_nexthop_object_changed_since),
        T(ipv4_routes_of_other_metric_tos_or_table_are_other_lists),
        T(dump_of_a_table_gives_positions_by_its_order),
        T(dump_of_one_link_takes_no_position_from_its_order),
        T(two_that_look_the_same_both_stay_when_a_dump_of_their_link_shows_both),
        T(list_that_is_full_refuses_more_and_stays_whole),
        T(long_list_is_prepended_to_within_the_room_of_one_edit),
        T(ipv6_multipath_loses_one_hop_and_keeps_the_others),
        T(ipv6_routes_to_links_alone_stand_beside_each_other),
        T(added_gateways_go_behind_those_that_are_there_wherever_the_event_begins),
        T(gateway_added_beside_a_route_without_one_is_suspect),
        T(ipv6_replacement_takes_the_one_of_its_kind_else_the_only_one),
        T(dump_tells_twins_over_one_link_apart),
        T(lookalikes_are_as_many_as_two_dumps_in_a_row_show),
        T(ipv6_route_by_a_group_stands_beside_one_with_gateways),
        T(ipv6_expiry_that_only_ticks_is_no_news),
        T(routes_with_equal_hops_share_one_set_and_the_last_takes_it_along),
        T(metrics_are_a_set_too_and_change_the_digest),
        T(nexthop_id_without_hops_is_kept),
        T(put_and_remove_lead_back_to_the_same_digest),
        T(link_that_goes_down_takes_its_ipv4_routes_but_not_local_ones),
        T(lists_close_their_gaps_when_a_link_takes_some_of_their_routes),
        T(long_lists_of_two_links_lose_exactly_those_of_one),
        T(sweep_removes_what_the_dump_did_not_show_and_closes_gaps),
        T(sweep_of_one_link_closes_the_gaps_that_it_makes),
        T(sweep_is_limited_to_the_table_of_the_dump),
        T(sweep_of_many_leaves_lists_without_gaps_and_counts_right),
        T(sweep_of_one_link_or_table_writes_nothing_where_nothing_goes),
        T(disturbed_dumps_remove_only_what_two_in_a_row_lack),
        T(sweep_of_one_link_asks_for_the_table_where_a_route_names_other_links_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
