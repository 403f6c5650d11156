/* SPDX-License-Identifier: MIT */
/*
 * test_mirror_random.c - proves that no sequence of facts breaks the mirror: digests equal those recomputed
 * from the trees, indexes and counts agree, no node or shared content is lost, and the way back is complete.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nv/proto.h"
#include "tests/fake/fake_writer.h"
#include "writer/mirror.h"

#define MAX_BYTES (UINT64_C(128) << 20)
#define LINKS     7u

static struct fake_memory mem;
static struct nv_mirror *m;
static uint64_t rnd;

static int start(void **state)
{
    (void)state;
    m = calloc(1, sizeof(*m));
    assert_non_null(m);
    fake_memory_map(&mem, MAX_BYTES);
    assert_int_equal(nv_mirror_init(m, mem.base, MAX_BYTES, fake_memory_grow, &mem, 1), 0);
    rnd = fake_seed();
    return 0;
}

static int end(void **state)
{
    (void)state;
    nv_mirror_destroy(m);
    free(m);
    fake_memory_free(&mem);
    return 0;
}

static uint32_t any(uint32_t below)
{
    return fake_random(&rnd, below);
}

static void collect(void)
{
    nv_intern_collect(&m->hops, &m->draft);
    nv_intern_collect(&m->metrics, &m->draft);
    nv_intern_collect(&m->strings, &m->draft);
}

/* The counts of prefix lengths, against the routes themselves. */
static void assert_tables(void)
{
    for (uint32_t i = 0; i < m->table_count; i++) {
        const struct nv_table *at = &m->tables[i];
        const bool v4 = at->family == NV_AF_4;
        uint32_t count[129] = {0}, total = 0;
        struct nv_tree t =
            nv_draft_tree(&m->draft, v4 ? NETVANE_TREE_ROUTES4 : NETVANE_TREE_ROUTES6);
        uint64_t key[NV_TREE_KEY_WORDS_MAX] = {(uint64_t)at->table << 32};
        struct nv_cursor c;
        struct netvane_rec_route6 r;
        for (int more = nv_cursor_seek(&c, &t, key); more == NV_TREE_OK;
             more = nv_cursor_next(&c)) {
            assert_int_equal(nv_cursor_get(&c, &r), NV_TREE_OK);
            if (r.key[0] >> 32 != at->table)
                break;
            count[v4 ? r.key[1] >> 56 : r.key[2] >> 24 & 0xff]++;
            total++;
        }
        assert_int_equal(total, at->total);
        assert_memory_equal(count, at->count, sizeof(count));
    }
}

static void assert_sound(void)
{
    const char *fault = fake_mirror_fault(m);
    if (fault)
        fail_msg("%s", fault);
    assert_tables();
}

/* ---- facts at random, out of a small world ------------------------------------------------------------------ */

static struct nv_text some_text(void)
{
    static const char *const texts[] = {"",
                                        "vlan",
                                        "fq_codel",
                                        "noqueue",
                                        "a text that is longer than what one record holds, by far",
                                        "uplink",
                                        "pci",
                                        "bridge"};
    return fact_text(texts[any(NV_ARRAY_LEN(texts))]);
}

static void random_link(void)
{
    static const char *const names[] = {"eth0", "eth1", "lan", "wan", "tun0", "br0"};
    uint32_t ifindex = 2 + any(LINKS);
    if (!any(4)) {
        (void)nv_mirror_link_remove(m, ifindex);
        return;
    }
    struct nv_text alt[4] = {fact_text("alt-a"), fact_text("alt-b"), fact_text("alt-c"),
                             fact_text("alt-d")};
    struct nv_link f = fact_link(ifindex, names[any(NV_ARRAY_LEN(names))], any(2));
    if (any(2))
        f.has = any(1u << 22); /* partial, maybe with a name */
    else
        f.has |= any(1u << 22);
    f.mtu = 1500 + any(2);
    f.master = any(3);
    f.qdisc = some_text();
    f.alias = some_text();
    f.kind = some_text();
    f.slave_kind = some_text();
    f.parent_bus = some_text();
    f.parent_dev = some_text();
    f.altnames = alt + any(2);
    f.altname_count = any(4);
    (void)nv_mirror_link_put(m, &f);
}

static void random_addr(bool dump)
{
    char text[64];
    snprintf(text, sizeof(text), any(2) ? "10.0.%u.%u" : "2001:db8::%u:%u", any(3), any(9));
    struct nv_addr f = fact_addr(2 + any(LINKS), text, any(2) ? 24 : 32);
    f.flags = any(2);
    f.has_peer = !any(4);
    f.has_label = any(2);
    f.label[0] = 'l';
    if (any(2))
        f.valid_s = f.preferred_s = 100 + any(1000);
    if (!dump && !any(3))
        (void)nv_mirror_addr_remove(m, &f);
    else
        (void)nv_mirror_addr_put(m, &f, dump, any(100) * NV_NS_PER_S);
}

static void random_route(bool dump)
{
    static const uint8_t lens[] = {0, 1, 8, 24, 32};
    struct nv_hop hops[4];
    char text[64];
    bool v4 = any(2);
    uint32_t n = any(5);
    for (uint32_t i = 0; i < n; i++) {
        snprintf(text, sizeof(text), v4 ? "10.0.0.%u" : "fe80::%u", any(3) + 1);
        hops[i] = fact_hop(2 + any(LINKS), any(2) ? text : NULL);
        hops[i].encap_type = (uint16_t)any(2);
        if (hops[i].encap_type)
            hops[i].encap = some_text();
        hops[i].flags = any(4) ? 0 : 16;
    }
    snprintf(text, sizeof(text), v4 ? "%u.0.0.0" : "%x00::", any(3) * 64);
    struct nv_route f =
        fact_route(any(2) ? 254 : 100, text, lens[any(NV_ARRAY_LEN(lens))], any(2) * 100, hops, n);
    f.nhid = any(8) ? 0 : 1 + any(3);
    f.protocol = any(4) ? 4 : 9;
    f.has_expires = !v4 && !any(3);
    f.expires_s = any(100);
    f.metric_mask = any(3) ? 0 : 1u << 2 | any(2) << 16;
    f.metrics[2] = 1400 + any(2);
    static const uint32_t lists[] = {NV_LIST_CREATE, NV_LIST_CREATE | NV_LIST_APPEND,
                                     NV_LIST_CREATE | NV_LIST_EXCL, NV_LIST_REPLACE, 0};
    if (!dump && !any(3))
        (void)nv_mirror_route_remove(m, &f);
    else
        (void)nv_mirror_route_put(m, &f, dump ? 0 : lists[any(NV_ARRAY_LEN(lists))], dump,
                                  any(100) * NV_NS_PER_S);
}

static void random_rule(bool dump)
{
    struct nv_rule f = fact_rule(any(2) ? NV_AF_4 : NV_AF_6, 100 + any(3), 10 + any(4));
    f.present = any(2) ? NETVANE_UF_IIF_DETACHED : 0;
    if (!dump && !any(3))
        (void)nv_mirror_rule_remove(m, &f);
    else
        (void)nv_mirror_rule_put(m, &f, dump);
}

static void random_nexthop(void)
{
    struct nv_member members[4] = {{1, 1}, {2, 1 + any(2)}, {3, 1}, {4, 1}};
    struct nv_nexthop f = fact_nexthop(1 + any(6), 2 + any(LINKS), any(2) ? "10.0.0.1" : NULL);
    if (any(2)) {
        f.present = NETVANE_NF_GROUP;
        f.members = members;
        f.member_count = any(5);
    }
    f.encap = some_text();
    if (any(3))
        (void)nv_mirror_nexthop_put(m, &f);
    else
        (void)nv_mirror_nexthop_remove(m, f.id);
}

static void random_fact(bool dump)
{
    switch (any(8)) {
    case 0: random_link(); break;
    case 1:
    case 2: random_addr(dump); break;
    case 3: random_rule(dump); break;
    case 4: random_nexthop(); break;
    default: random_route(dump); break;
    }
}

static bool some_touched(void *arg, uint64_t key)
{
    (void)arg;
    return key % 16 == 0;
}

/* A dump of some kind that shows some objects and some others, and its sweep. */
static void random_dump(void)
{
    struct nv_sweep sweep = {.scope = {.kind = (enum nv_kind)any(NV_K_COUNT)},
                             .twice = any(2),
                             .touched = any(2) ? some_touched : NULL};
    struct nv_scope *s = &sweep.scope;
    if (s->kind == NV_K_ROUTE4 || s->kind == NV_K_ROUTE6) {
        s->family = s->kind == NV_K_ROUTE4 ? NV_AF_4 : NV_AF_6;
        s->table = any(2) ? 254 : 0;
        s->ifindex = any(2) ? 2 + any(LINKS) : 0;
    } else if (s->kind == NV_K_ADDR || s->kind == NV_K_RULE) {
        s->family = any(2) ? NV_AF_4 : NV_AF_6;
    }
    nv_mirror_mark_begin(m, s->kind, s->ifindex);
    for (unsigned i = any(30); i; i--) {
        switch (s->kind) {
        case NV_K_LINK: random_link(); break;
        case NV_K_ADDR: random_addr(true); break;
        case NV_K_ROUTE4:
        case NV_K_ROUTE6: random_route(true); break;
        case NV_K_RULE: random_rule(true); break;
        case NV_K_NEXTHOP:
        case NV_K_COUNT: random_nexthop(); break;
        }
    }
    if (any(2))
        (void)nv_mirror_sweep(m, &sweep);
}

static void remove_everything(void)
{
    for (unsigned kind = 0; kind < NV_K_COUNT; kind++) {
        struct nv_sweep sweep = {.scope = {.kind = (enum nv_kind)kind}};
        if (kind == NV_K_ROUTE4 || kind == NV_K_ROUTE6)
            sweep.scope.family = kind == NV_K_ROUTE4 ? NV_AF_4 : NV_AF_6;
        nv_mirror_mark_begin(m, (enum nv_kind)kind, 0);
        (void)nv_mirror_sweep(m, &sweep);
        assert_sound();
    }
    collect();
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static void digests_indexes_and_counts_stay_true_under_random_facts(void **state)
{
    (void)state;
    for (unsigned step = 0; step < 30000; step++) {
        if (any(60))
            random_fact(false);
        else
            random_dump();
        if (!any(50)) {
            collect();
            nv_arena_next_draft(&m->draft.arena);
            if (m->draft.arena.draft > 20)
                nv_arena_reclaim(&m->draft.arena, m->draft.arena.draft - 10);
        }
        if (step % 50 == 0)
            assert_sound();
    }
    assert_false(m->degraded);
}

static void removing_everything_leaves_empty_trees_and_digests_of_zero(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned step = 0; step < 2000; step++)
            random_fact(false);
        remove_everything();
        for (unsigned t = 0; t < NETVANE_TREE_COUNT; t++)
            assert_int_equal(m->draft.tree[t].count, 0);
        for (unsigned t = 0; t < NETVANE_RT_COUNT; t++)
            assert_true(m->digest[t] == 0);
        assert_int_equal(m->draft.arena.used, 0);
        assert_int_equal(m->hops.table_used + m->metrics.table_used + m->strings.table_used, 0);
        for (uint32_t i = 0; i < m->table_count; i++)
            assert_int_equal(m->tables[i].total, 0);
        nv_arena_next_draft(&m->draft.arena);
    }
}

static void equal_states_have_equal_digests_however_they_came_about(void **state)
{
    (void)state;
    for (unsigned step = 0; step < 3000; step++)
        random_fact(false);
    remove_everything();
    uint64_t digest[2][NETVANE_RT_COUNT];
    for (unsigned round = 0; round < 2; round++) { /* other ids, other order, the same content */
        struct nv_link links[2] = {fact_link(2, "eth0", 1), fact_link(3, "eth1", 1)};
        links[0].has |= NV_LINK_HAS_ALIAS;
        links[0].alias = fact_text("uplink");
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(nv_mirror_link_put(m, &links[i ^ round]), NV_CHANGED);
        struct nv_addr a[2] = {fact_addr(2, "10.0.0.1", 24), fact_addr(3, "2001:db8::1", 64)};
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(nv_mirror_addr_put(m, &a[i ^ round], false, 0), NV_CHANGED);
        struct nv_hop hops[2] = {fact_hop(2, "10.0.0.254"), fact_hop(3, "10.0.0.253")};
        hops[1].encap_type = 1;
        hops[1].encap = fact_text("encapsulation");
        struct nv_route r[2] = {fact_route(254, "0.0.0.0", 0, 0, hops, 2),
                                fact_route(254, "10.1.0.0", 16, 0, hops, 1)};
        r[1].metric_mask = 1u << 2;
        r[1].metrics[2] = 1400;
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(nv_mirror_route_put(m, &r[i ^ round], 0, false, 0), NV_CHANGED);
        struct nv_nexthop n[2] = {fact_nexthop(1, 2, "10.0.0.1"), fact_nexthop(2, 3, NULL)};
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(nv_mirror_nexthop_put(m, &n[i ^ round]), NV_CHANGED);
        struct nv_rule u[2] = {fact_rule(NV_AF_4, 10, 1), fact_rule(NV_AF_4, 20, 2)};
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(nv_mirror_rule_put(m, &u[i ^ round], false), NV_CHANGED);
        assert_sound();
        memcpy(digest[round], m->digest, sizeof(m->digest));
        if (!round)
            remove_everything();
    }
    assert_memory_equal(digest[0], digest[1], sizeof(digest[0]));
}

static void mirror_stays_sound_when_memory_ends_at_any_moment(void **state)
{
    (void)state;
    nv_write_horizon(mem.base, 1);
    uint32_t refused = 0;
    for (unsigned round = 0; round < 30; round++) {
        mem.fail_from = mem.grows + 1;
        struct nv_hop h = fact_hop(60, "10.0.0.1"); /* a link that random facts leave alone */
        for (uint32_t i = 0; i < 3000; i++) {       /* until it is full, and on */
            struct nv_route f = fact_route(200 + any(3), "10.0.0.0", 32, 0, &h, 1);
            nv_store_be32(f.dst, any(1u << 20));
            nv_store_be32(h.gateway, any(50));
            refused += nv_mirror_route_put(m, &f, 0, false, 0) == NV_REFUSED;
            if (!any(10))
                random_fact(false);
            if (!any(200)) {
                collect();
                nv_arena_next_draft(&m->draft.arena);
            }
        }
        assert_sound();
        mem.fail_from = round == 20 ? 0 : mem.fail_from; /* once, it comes back */
        for (unsigned i = 0; i < 50; i++)
            random_fact(false);
        assert_sound();
    }
    assert_true(refused > 0);
    assert_true(m->degraded);
    assert_int_equal(m->counts_refused >= refused, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(digests_indexes_and_counts_stay_true_under_random_facts),
        T(removing_everything_leaves_empty_trees_and_digests_of_zero),
        T(equal_states_have_equal_digests_however_they_came_about),
        T(mirror_stays_sound_when_memory_ends_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
