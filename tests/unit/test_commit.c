/* SPDX-License-Identifier: MIT */
/*
 * test_commit.c - proves that writer/commit.c moves a topic exactly where what a user would see of it changed,
 * over restarts too, and what it does with the kernel's answers about the egress.
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

#define UP       (1u | 0x40u | 1u << 16)
#define TOPIC(t) (1u << NETVANE_RT_##t)

static struct fake_publisher *f;
static uint64_t now_ns;

static struct fake_publisher *open_region(const struct nv_legacy *legacy)
{
    struct fake_publisher *x = fake_publisher_new(legacy);
    (void)fact_ip("198.41.0.4", x->m.probe[0]);
    (void)fact_ip("2001:503:ba3e::2:30", x->m.probe[1]);
    return x;
}

static int start(void **state)
{
    (void)state;
    now_ns = 1000 * NV_NS_PER_S;
    f = open_region(NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return fake_publisher_end(f);
}

static struct netvane_region_slot slot(void)
{
    return fake_publisher_slot(f, f->p.head);
}

/* Commits; returns the topics that moved, or UINT32_MAX if nothing was published. */
static uint32_t commit(void)
{
    uint64_t head = f->p.head;
    if (!nv_commit(&f->c, false, now_ns)) {
        assert_int_equal(f->p.head, head);
        return UINT32_MAX;
    }
    assert_int_equal(f->p.head, head + 1);
    return slot().changed;
}

static struct nv_hop gateway(void)
{
    return fact_hop(2, "10.0.0.254");
}

static void put_link(uint32_t mtu)
{
    struct nv_link link = fact_link(2, "eth0", UP);
    link.mtu = mtu;
    (void)nv_mirror_link_put(&f->m, &link);
}

static void fill(void)
{
    struct nv_hop h = gateway();
    struct nv_addr a = fact_addr(2, "10.0.0.1", 24);
    struct nv_route r = fact_route(254, "0.0.0.0", 0, 0, &h, 1);
    struct nv_rule u = fact_rule(NV_AF_4, 32766, 254);
    struct nv_nexthop n = fact_nexthop(1, 2, NULL);
    put_link(1500);
    (void)nv_mirror_addr_put(&f->m, &a, false, now_ns);
    (void)nv_mirror_route_put(&f->m, &r, NV_LIST_REPLACE, false, now_ns);
    (void)nv_mirror_rule_put(&f->m, &u, false);
    (void)nv_mirror_nexthop_put(&f->m, &n);
}

static void first_version(void)
{
    fill();
    assert_true(nv_commit(&f->c, true, now_ns));
}

/* ---- tests ----------------------------------------------------------------------------------------------- */

static void nothing_to_say_publishes_nothing(void **state)
{
    (void)state;
    first_version();
    assert_false(nv_commit_wanted(&f->c));
    assert_int_equal(commit(), UINT32_MAX);
    fill(); /* all of it again */
    assert_int_equal(commit(), UINT32_MAX);
    now_ns += 100 * NV_QUIET_PUBLISH_NS;
    assert_int_equal(commit(), UINT32_MAX);
    assert_int_equal(f->p.head, 1);
}

static void first_version_can_be_forced_though_it_is_empty(void **state)
{
    (void)state;
    assert_true(nv_commit(&f->c, true, now_ns));
    assert_int_equal(f->p.head, 1);
    assert_int_equal(slot().changed & (TOPIC(LINKS) | TOPIC(ROUTES) | TOPIC(HEALTH)), 0);
}

static void each_class_moves_its_own_topic(void **state)
{
    (void)state;
    first_version();
    put_link(9000);
    assert_int_equal(commit(), TOPIC(LINKS));
    struct nv_addr a = fact_addr(2, "2001:db8::1", 64);
    (void)nv_mirror_addr_put(&f->m, &a, false, now_ns);
    assert_int_equal(commit(), TOPIC(ADDRS));
    struct nv_hop h = gateway();
    struct nv_route r = fact_route(254, "10.9.0.0", 16, 0, &h, 1);
    (void)nv_mirror_route_put(&f->m, &r, 0, false, now_ns);
    assert_int_equal(commit(), TOPIC(ROUTES));
    struct nv_rule u = fact_rule(NV_AF_4, 40000, 99);
    (void)nv_mirror_rule_put(&f->m, &u, false);
    assert_int_equal(commit(), TOPIC(RULES));
    struct nv_nexthop n = fact_nexthop(2, 2, NULL);
    (void)nv_mirror_nexthop_put(&f->m, &n);
    assert_int_equal(commit(), TOPIC(NEXTHOPS));
    f->c.quality = NETVANE_RQ_RESYNCING;
    assert_true(nv_commit_wanted(&f->c));
    assert_int_equal(commit(), TOPIC(HEALTH));
    assert_int_equal(slot().quality, NETVANE_RQ_RESYNCING);
    struct nv_route def = fact_route(254, "0.0.0.0", 0, 0, &h, 1);
    (void)nv_mirror_route_remove(&f->m, &def);
    assert_int_equal(commit(), TOPIC(ROUTES) | TOPIC(DEFAULT4));
    assert_int_equal(slot().main4.family, 0);
    assert_int_equal(f->p.any, 8);
}

static void change_that_is_undone_within_one_draft_moves_no_topic(void **state)
{
    (void)state;
    first_version();
    uint32_t any = nv_read_any(f->mem.base), links = nv_read_gen(f->mem.base, NETVANE_RT_LINKS);
    put_link(9000);
    put_link(1500);
    struct nv_hop h = gateway();
    struct nv_route r = fact_route(254, "0.0.0.0", 0, 0, &h, 1);
    (void)nv_mirror_route_remove(&f->m, &r);
    (void)nv_mirror_route_put(&f->m, &r, 0, false, now_ns);
    assert_true(f->m.edited);
    assert_int_equal(commit(), UINT32_MAX);
    now_ns += NV_QUIET_PUBLISH_NS;
    (void)commit(); /* it may be shown, quietly */
    assert_int_equal(slot().changed, 0);
    assert_int_equal(nv_read_any(f->mem.base), any);
    assert_int_equal(nv_read_gen(f->mem.base, NETVANE_RT_LINKS), links);
}

static void refreshed_lifetimes_are_shown_quietly_after_a_while(void **state)
{
    (void)state;
    first_version();
    struct nv_addr a = fact_addr(2, "2001:db8::1", 64);
    a.valid_s = a.preferred_s = 1000;
    (void)nv_mirror_addr_put(&f->m, &a, false, now_ns);
    assert_int_equal(commit(), TOPIC(ADDRS));
    uint32_t any = nv_read_any(f->mem.base);
    now_ns += 100 * NV_NS_PER_S;
    assert_int_equal(nv_mirror_addr_put(&f->m, &a, false, now_ns), NV_TOUCHED);
    assert_int_equal(commit(), UINT32_MAX);
    now_ns += NV_QUIET_PUBLISH_NS - 1;
    assert_int_equal(commit(), UINT32_MAX);
    now_ns += 1;
    assert_int_equal(commit(), 0);
    assert_int_equal(nv_read_any(f->mem.base), any);
    assert_int_equal(f->p.counter[NETVANE_RC_QUIET_PUBLISHES], 1);
    assert_int_equal(commit(), UINT32_MAX);
}

static void published_nodes_carry_their_checksums(void **state)
{
    (void)state;
    first_version();
    struct nv_hop h = gateway();
    for (uint32_t i = 0; i < 3000; i++) {
        struct nv_route r = fact_route(254, "10.0.0.0", 24, 0, &h, 1);
        nv_store_be32(r.dst, 0x0b000000u + (i * 2654435761u % 65536u << 8));
        (void)nv_mirror_route_put(&f->m, &r, 0, false, now_ns);
        if (i % 500 == 0)
            (void)nv_commit(&f->c, true, now_ns);
    }
    (void)nv_commit(&f->c, true, now_ns);
    struct netvane_region_slot s = slot();
    unsigned nodes = 0;
    for (unsigned tree = 0; tree < NETVANE_TREE_COUNT; tree++) {
        assert_memory_equal(&s.tree[tree], &f->m.draft.tree[tree], sizeof(s.tree[tree]));
        struct nv_tree t = nv_tree_of(f->mem.base, nv_read_committed(f->mem.base), f->p.head, tree);
        struct nv_cursor c;
        for (int more = nv_cursor_seek(&c, &t, NULL); more == NV_TREE_OK;
             c.path[0].index = c.path[0].count, more = nv_cursor_leave(&c, 0)) {
            for (unsigned level = 0; level < t.height; level++, nodes++) {
                const struct netvane_region_node *n =
                    nv_arena_node(&f->m.draft.arena, c.path[level].ref);
                assert_int_equal(n->checksum, nv_node_checksum(n, nv_tree_shape(tree)));
                assert_true(n->version <= f->p.head);
            }
        }
    }
    assert_true(nodes > 200);
}

static void contents_that_nobody_names_are_gone_from_the_version(void **state)
{
    (void)state;
    first_version();
    struct nv_hop h = fact_hop(2, "10.0.0.77");
    struct nv_route r = fact_route(254, "10.9.0.0", 16, 0, &h, 1);
    (void)nv_mirror_route_put(&f->m, &r, 0, false, now_ns);
    (void)commit();
    assert_int_equal(slot().tree[NETVANE_TREE_HOPS].count, 2);
    (void)nv_mirror_route_remove(&f->m, &r);
    (void)commit();
    assert_int_equal(slot().tree[NETVANE_TREE_HOPS].count, 1);
}

/* ---- routes that are held back ----------------------------------------------------------------------------------- */

static void put_numbered(uint32_t i, uint32_t metric)
{
    struct nv_hop h = gateway();
    struct nv_route r = fact_route(254, "10.0.0.0", 24, metric, &h, 1);
    nv_store_be32(r.dst, 0x0b000000u + (i << 8));
    (void)nv_mirror_route_put(&f->m, &r, 0, false, now_ns);
}

static void remove_numbered(uint32_t i, uint32_t metric)
{
    struct nv_hop h = gateway();
    struct nv_route r = fact_route(254, "10.0.0.0", 24, metric, &h, 1);
    nv_store_be32(r.dst, 0x0b000000u + (i << 8));
    assert_int_equal(nv_mirror_route_remove(&f->m, &r), NV_CHANGED);
}

static void assert_path_is_sealed(const struct nv_cursor *c, unsigned height, unsigned tree)
{
    for (unsigned level = 0; level < height; level++) {
        const struct netvane_region_node *node =
            nv_arena_node(&f->m.draft.arena, c->path[level].ref);
        assert_int_equal(node->checksum, nv_node_checksum(node, nv_tree_shape(tree)));
    }
}

/* The routes of the newest version, each node with the right checksum: how many, and the sum of their destinations. */
static uint32_t shown_routes(uint64_t *ret_sum)
{
    struct nv_tree t =
        nv_tree_of(f->mem.base, nv_read_committed(f->mem.base), f->p.head, NETVANE_TREE_ROUTES4);
    struct netvane_rec_route4 r;
    struct nv_cursor c;
    uint32_t n = 0;
    *ret_sum = 0;
    for (int more = nv_cursor_seek(&c, &t, NULL); more == NV_TREE_OK; more = nv_cursor_next(&c)) {
        assert_int_equal(nv_cursor_get(&c, &r), NV_TREE_OK);
        assert_path_is_sealed(&c, t.height, NETVANE_TREE_ROUTES4);
        *ret_sum += (uint32_t)r.key[0];
        n++;
    }
    assert_int_equal(n, slot().tree[NETVANE_TREE_ROUTES4].count);
    return n;
}

/* Versions go on, more than the ring holds, and the routes that they show stay whole, whatever the draft does to its own. */
static void routes_that_are_held_back_stay_as_they_were_and_then_change_as_one_version(void **state)
{
    (void)state;
    uint64_t sum, sum_before;
    fill();
    for (uint32_t i = 0; i < 3000; i++)
        put_numbered(i, 0);
    (void)commit();
    assert_int_equal(shown_routes(&sum_before), 3001);
    f->c.quality = NETVANE_RQ_RESYNCING;
    f->c.hold = NV_HOLD_ROUTES;
    put_numbered(3000, 0); /* the version that says so shows all that there is */
    assert_int_equal(commit(), TOPIC(ROUTES) | TOPIC(HEALTH));
    assert_int_equal(shown_routes(&sum_before), 3002);
    for (uint32_t i = 0; i < 2 * NETVANE_RING_SLOTS; i++) {
        remove_numbered(i, 0);
        put_numbered(i, 7);
        put_link(1500 + i % 2 + 1);
        now_ns += 2 * NV_GRACE_NS;
        assert_int_equal(commit(), TOPIC(LINKS));
        if (i % 100 == 0) {
            assert_int_equal(shown_routes(&sum), 3002);
            assert_int_equal(sum, sum_before);
        }
    }
    for (uint32_t i = 0; i < 1000; i++)
        remove_numbered(i, 7);
    assert_int_equal(commit(), UINT32_MAX); /* none of that is to be seen */
    f->c.quality = 0;
    f->c.hold = 0;
    assert_int_equal(commit(), TOPIC(ROUTES) | TOPIC(HEALTH));
    assert_int_equal(shown_routes(&sum), 2002);
    assert_int_equal(f->m.draft.arena.held, 0);
    uint32_t used = f->m.draft.arena.used;
    for (uint32_t i = 0; i < 10; i++) { /* nothing of the old ones stays behind */
        put_link(2000 + i);
        now_ns += 2 * NV_GRACE_NS;
        (void)commit();
    }
    assert_int_equal(f->m.draft.arena.used, used);
}

/* The MTUs of all links that the newest version shows, each node with the right checksum. */
static uint64_t shown_mtus(void)
{
    struct nv_tree t =
        nv_tree_of(f->mem.base, nv_read_committed(f->mem.base), f->p.head, NETVANE_TREE_LINKS);
    struct netvane_rec_link r;
    struct nv_cursor c;
    uint64_t sum = 0;
    for (int more = nv_cursor_seek(&c, &t, NULL); more == NV_TREE_OK; more = nv_cursor_next(&c)) {
        assert_int_equal(nv_cursor_get(&c, &r), NV_TREE_OK);
        assert_path_is_sealed(&c, t.height, NETVANE_TREE_LINKS);
        sum += r.mtu;
    }
    return sum;
}

static void put_links(uint32_t mtu)
{
    for (uint32_t i = 2; i < 52; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "eth%u", i);
        struct nv_link link = fact_link(i, name, UP);
        link.mtu = mtu;
        (void)nv_mirror_link_put(&f->m, &link);
    }
}

/* First everything is held, then the routes, then everything again, as losses come: each tree since another version. */
static void trees_are_held_back_and_let_go_of_each_on_its_own(void **state)
{
    (void)state;
    first_version();
    put_links(1000);
    (void)commit();
    for (uint32_t round = 0; round < 40; round++) {
        const uint32_t mtu = 1000 + 3 * round;
        f->c.quality = NETVANE_RQ_RESYNCING;
        f->c.hold = NV_HOLD_ALL;
        assert_true(nv_commit_begins_to_hold(&f->c));
        (void)nv_commit(&f->c, true, now_ns);
        assert_false(nv_commit_begins_to_hold(&f->c));
        put_links(mtu + 1);
        put_numbered(round, 0);
        assert_int_equal(commit(), UINT32_MAX);
        struct nv_hop h = fact_hop(2, "10.0.0.1");
        h.gateway[3] = (uint8_t)(1 + round);
        struct nv_route r = fact_route(254, "0.0.0.0", 0, 0, &h, 1);
        (void)nv_mirror_route_put(&f->m, &r, NV_LIST_REPLACE, false, now_ns);
        assert_int_equal(commit(), TOPIC(DEFAULT4)); /* that is to be seen, and that alone */
        assert_int_equal(shown_mtus(), 50 * mtu);
        f->c.hold = NV_HOLD_ROUTES;
        assert_int_equal(commit(), TOPIC(LINKS));
        assert_int_equal(shown_mtus(), 50 * (mtu + 1));
        put_links(mtu + 2);
        assert_int_equal(commit(), TOPIC(LINKS));
        f->c.hold =
            NV_HOLD_ALL; /* another loss: the links are held since now, the routes since long */
        assert_true(nv_commit_begins_to_hold(&f->c));
        (void)nv_commit(&f->c, true, now_ns);
        now_ns += 2 * NV_GRACE_NS;
        put_links(mtu + 3);
        (void)nv_commit(&f->c, true, now_ns); /* whatever makes one */
        assert_int_equal(shown_mtus(), 50 * (mtu + 2));
        uint64_t sum;
        assert_int_equal(shown_routes(&sum), 1 + round);
        f->c.hold = 0;
        f->c.quality = 0;
        assert_int_equal(commit(), TOPIC(LINKS) | TOPIC(ROUTES) | TOPIC(HEALTH));
        assert_int_equal(shown_mtus(), 50 * (mtu + 3));
        assert_int_equal(shown_routes(&sum), 2 + round);
    }
}

static void default_route_is_published_at_once_while_routes_are_held_back(void **state)
{
    (void)state;
    first_version();
    f->c.quality = NETVANE_RQ_RESYNCING;
    f->c.hold = NV_HOLD_ROUTES;
    (void)commit();
    struct nv_hop h = fact_hop(2, "10.0.0.99");
    struct nv_route r = fact_route(254, "0.0.0.0", 0, 0, &h, 1);
    (void)nv_mirror_route_put(&f->m, &r, NV_LIST_REPLACE, false, now_ns);
    assert_int_equal(commit(), TOPIC(DEFAULT4));
    assert_int_equal(slot().main4.gateway[3], 99);
    assert_int_equal(slot().egress4.gateway[3], 99);
    f->c.quality = 0;
    f->c.hold = 0;
    assert_int_equal(commit(), TOPIC(ROUTES) | TOPIC(HEALTH));
    assert_int_equal(slot().main4.gateway[3], 99);
}

/* ---- the kernel's answers ------------------------------------------------------------------------------------ */

static void confirmation_alone_moves_no_topic(void **state)
{
    (void)state;
    first_version();
    assert_true(f->c.ask[0]);
    uint32_t any = nv_read_any(f->mem.base), gen = nv_read_gen(f->mem.base, NETVANE_RT_DEFAULT4);
    assert_int_equal(slot().egress4.flags & NETVANE_DF_CONFIRMED, 0);
    struct nv_hop h = gateway();
    struct nv_route answer = fact_route(254, "198.41.0.4", 32, 0, &h, 1);
    answer.has_prefsrc = true;
    (void)fact_ip("10.0.0.1", answer.prefsrc);
    assert_true(nv_commit_answer(&f->c, 0, &answer));
    now_ns += NV_QUIET_PUBLISH_NS;
    (void)commit();
    now_ns += NV_QUIET_PUBLISH_NS;
    (void)commit();
    struct netvane_region_slot s = slot();
    assert_int_equal(s.egress4.flags & (NETVANE_DF_CONFIRMED | NETVANE_DF_KERNEL),
                     NETVANE_DF_CONFIRMED);
    assert_memory_equal(s.egress4.prefsrc, answer.prefsrc, 16);
    assert_int_equal(nv_read_any(f->mem.base), any);
    assert_int_equal(nv_read_gen(f->mem.base, NETVANE_RT_DEFAULT4), gen);
    assert_int_equal(f->p.counter[NETVANE_RC_EGRESS_DISAGREED], 0);
}

static void kernel_that_disagrees_twice_is_published_as_the_kernels_answer(void **state)
{
    (void)state;
    first_version();
    f->c.ask[0] = false;
    struct nv_hop h = fact_hop(3, "192.168.1.1");
    struct nv_route answer = fact_route(99, "198.41.0.4", 32, 0, &h, 1);
    assert_true(nv_commit_answer(&f->c, 0, &answer)); /* an event may be under way */
    assert_true(f->c.ask[0]);
    assert_int_equal(commit(), UINT32_MAX);
    assert_false(nv_commit_answer(&f->c, 0, &answer));
    assert_int_equal(commit(), TOPIC(DEFAULT4));
    struct netvane_region_slot s = slot();
    assert_true(s.egress4.flags & NETVANE_DF_KERNEL);
    assert_int_equal(s.egress4.ifindex, 3);
    assert_memory_equal(s.egress4.gateway, h.gateway, 16);
    assert_int_equal(s.main4.ifindex, 2); /* the main default is the FIB's business */
    assert_int_equal(f->p.counter[NETVANE_RC_EGRESS_DISAGREED], 1);
}

static void one_disagreement_that_an_agreement_follows_is_forgotten(void **state)
{
    (void)state;
    first_version();
    struct nv_hop wrong = fact_hop(3, "192.168.1.1"), right = gateway();
    struct nv_route bad = fact_route(254, "198.41.0.4", 32, 0, &wrong, 1),
                    good = fact_route(254, "198.41.0.4", 32, 0, &right, 1);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(nv_commit_answer(&f->c, 0, &bad));
        assert_true(nv_commit_answer(&f->c, 0, &good));
    }
    assert_int_equal(f->p.counter[NETVANE_RC_EGRESS_DISAGREED], 0);
    assert_false(f->c.egress[0].flags & NETVANE_DF_KERNEL);
}

static void error_of_the_kernel_agrees_with_no_route_and_with_a_rejecting_one(void **state)
{
    (void)state;
    first_version();
    assert_true(nv_commit_answer(&f->c, 1, NULL)); /* there is no IPv6 route at all */
    assert_true(nv_commit_answer(&f->c, 1, NULL));
    assert_int_equal(f->c.egress[1].family, 0);
    struct nv_route reject = fact_route(254, "0.0.0.0", 0, 0, NULL, 0);
    reject.type = 7;
    (void)nv_mirror_route_put(&f->m, &reject, NV_LIST_REPLACE, false, now_ns);
    (void)commit();
    assert_true(slot().egress4.flags & NETVANE_DF_REJECT);
    assert_true(nv_commit_answer(&f->c, 0, NULL));
    assert_true(nv_commit_answer(&f->c, 0, NULL));
    assert_true(f->c.egress[0].flags & NETVANE_DF_CONFIRMED);
    assert_false(f->c.egress[0].flags & NETVANE_DF_KERNEL);
}

static void change_elsewhere_keeps_the_confirmed_source(void **state)
{
    (void)state;
    first_version();
    struct nv_hop h = gateway();
    struct nv_route answer = fact_route(254, "198.41.0.4", 32, 0, &h, 1);
    answer.has_prefsrc = true;
    (void)fact_ip("10.0.0.99", answer.prefsrc);
    assert_true(nv_commit_answer(&f->c, 0, &answer));
    now_ns += 2 * NV_QUIET_PUBLISH_NS;
    (void)commit();
    uint32_t gen = nv_read_gen(f->mem.base, NETVANE_RT_DEFAULT4);
    put_link(9000); /* the default is chosen anew, and comes out the same */
    assert_int_equal(commit(), TOPIC(LINKS));
    assert_int_equal(nv_read_gen(f->mem.base, NETVANE_RT_DEFAULT4), gen);
    assert_memory_equal(slot().egress4.prefsrc, answer.prefsrc, 16);
}

/* ---- restart --------------------------------------------------------------------------------------------------- */

static void restart_with_equal_content_moves_no_topic_and_versions_go_on(void **state)
{
    (void)state;
    first_version();
    put_link(9000);
    (void)commit();
    put_link(1500);
    (void)commit();
    struct nv_legacy legacy;
    assert_true(nv_legacy_read(f->mem.base, FAKE_PUBLISHER_BYTES, &legacy));
    assert_int_equal(legacy.version, 3);
    struct fake_publisher *old = f;
    f = open_region(&legacy);
    fill();
    assert_true(nv_commit(&f->c, true, now_ns));
    assert_int_equal(f->p.head, 4);
    assert_int_equal(slot().changed, 0);
    for (unsigned t = 0; t < NETVANE_RT_COUNT; t++)
        assert_int_equal(nv_read_gen(f->mem.base, t), nv_read_gen(old->mem.base, t));
    assert_int_equal(nv_read_any(f->mem.base), nv_read_any(old->mem.base));
    put_link(1400);
    assert_int_equal(commit(), TOPIC(LINKS));
    assert_int_equal(nv_read_gen(f->mem.base, NETVANE_RT_LINKS),
                     nv_read_gen(old->mem.base, NETVANE_RT_LINKS) + 1);
    fake_publisher_free(old);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nothing_to_say_publishes_nothing),
        T(first_version_can_be_forced_though_it_is_empty),
        T(each_class_moves_its_own_topic),
        T(change_that_is_undone_within_one_draft_moves_no_topic),
        T(refreshed_lifetimes_are_shown_quietly_after_a_while),
        T(published_nodes_carry_their_checksums),
        T(contents_that_nobody_names_are_gone_from_the_version),
        T(routes_that_are_held_back_stay_as_they_were_and_then_change_as_one_version),
        T(trees_are_held_back_and_let_go_of_each_on_its_own),
        T(default_route_is_published_at_once_while_routes_are_held_back),
        T(confirmation_alone_moves_no_topic),
        T(kernel_that_disagrees_twice_is_published_as_the_kernels_answer),
        T(one_disagreement_that_an_agreement_follows_is_forgotten),
        T(error_of_the_kernel_agrees_with_no_route_and_with_a_rejecting_one),
        T(change_elsewhere_keeps_the_confirmed_source),
        T(restart_with_equal_content_moves_no_topic_and_versions_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
