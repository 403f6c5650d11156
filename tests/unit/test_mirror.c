/* SPDX-License-Identifier: MIT */
/*
 * test_mirror.c - proves what facts about links, addresses, rules and nexthops do to the mirror's records,
 * indexes and digests. Routes: test_mirror_route.c. Random facts: test_mirror_random.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/fake_writer.h"
#include "writer/mirror.h"

#define MAX_BYTES (UINT64_C(64) << 20)
#define UP        1u
#define SECONDARY 1u

static struct fake_memory mem;
static struct nv_mirror *m;

static int start(void **state)
{
    (void)state;
    m = calloc(1, sizeof(*m));
    assert_non_null(m);
    fake_memory_map(&mem, MAX_BYTES);
    assert_int_equal(nv_mirror_init(m, mem.base, MAX_BYTES, fake_memory_grow, &mem, 1), 0);
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

static void assert_sound(void)
{
    const char *fault = fake_mirror_fault(m);
    if (fault)
        fail_msg("%s", fault);
}

static uint32_t count(unsigned tree)
{
    return m->draft.tree[tree].count;
}

static void put_link(uint32_t ifindex, const char *name)
{
    struct nv_link f = fact_link(ifindex, name, UP);
    assert_int_equal(nv_mirror_link_put(m, &f), NV_CHANGED);
}

static struct netvane_rec_link link_of(uint32_t ifindex)
{
    struct netvane_rec_link r;
    assert_true(nv_mirror_link(m, ifindex, &r));
    return r;
}

static bool name_leads_to(const char *name, uint32_t ifindex, uint32_t index)
{
    struct netvane_rec_name r;
    uint64_t key[2] = {nv_hash(name, strlen(name)), (uint64_t)ifindex << 32 | index};
    return nv_draft_find(&m->draft, NETVANE_TREE_NAMES, key, &r);
}

static void assert_text(uint32_t id, const char *want)
{
    struct netvane_rec_string r;
    uint64_t key[1] = {(uint64_t)id << 32};
    if (!*want) {
        assert_int_equal(id, 0);
        return;
    }
    assert_true(nv_draft_find(&m->draft, NETVANE_TREE_STRINGS, key, &r));
    assert_int_equal(r.len, strlen(want));
    assert_memory_equal(r.bytes, want, strlen(want));
}

static void collect(void)
{
    nv_intern_collect(&m->hops, &m->draft);
    nv_intern_collect(&m->metrics, &m->draft);
    nv_intern_collect(&m->strings, &m->draft);
}

/* ---- links ---------------------------------------------------------------------------------------------- */

static struct nv_link rich_link(void)
{
    struct nv_link f = fact_link(2, "eth0", UP);
    f.has |= NV_LINK_HAS_QDISC | NV_LINK_HAS_ALIAS | NV_LINK_HAS_KIND | NV_LINK_HAS_MASTER |
             NV_LINK_HAS_GROUP | NV_LINK_HAS_ADDR | NV_LINK_HAS_TXQLEN | NV_LINK_HAS_INFO |
             NV_LINK_HAS_LINK;
    f.qdisc = fact_text("fq_codel");
    f.alias = fact_text("uplink");
    f.kind = fact_text("vlan");
    f.master = 9;
    f.link = 7;
    f.group = 3;
    f.txqlen = 1000;
    f.info[0] = 42;
    f.addr_len = 6;
    memcpy(f.addr, "\x02\x00\x00\x00\x00\x01", 6);
    return f;
}

static void partial_message_changes_only_what_it_names(void **state)
{
    (void)state;
    struct nv_link whole = rich_link();
    assert_int_equal(nv_mirror_link_put(m, &whole), NV_CHANGED);
    struct nv_link part = {.has = NV_LINK_HAS_OPERSTATE | NV_LINK_HAS_ALIAS,
                           .ifindex = 2,
                           .flags = UP,
                           .type = 1,
                           .operstate = 2,
                           .alias = fact_text("backup")};
    assert_int_equal(nv_mirror_link_put(m, &part), NV_CHANGED);
    struct netvane_rec_link r = link_of(2);
    assert_int_equal(r.operstate, 2);
    assert_text(r.alias, "backup");
    assert_text(r.qdisc, "fq_codel");
    assert_text(r.kind, "vlan");
    assert_int_equal(r.master, 9);
    assert_int_equal(r.link, 7);
    assert_int_equal(r.group, 3);
    assert_int_equal(r.mtu, 1500);
    assert_int_equal(r.info[0], 42);
    assert_int_equal(r.present, NETVANE_LF_HAS_LINK | NETVANE_LF_HAS_INFO | NETVANE_LF_HAS_TXQLEN);
    assert_memory_equal(r.addr, whole.addr, 6);
    assert_string_equal(r.name, "eth0");
    assert_sound();
}

static void wireless_scan_message_changes_nothing(void **state)
{
    (void)state;
    struct nv_link whole = rich_link();
    assert_int_equal(nv_mirror_link_put(m, &whole), NV_CHANGED);
    uint64_t digest = m->digest[NETVANE_RT_LINKS];
    struct nv_link scan = {.has = NV_LINK_HAS_NAME, /* what the decoder leaves of it */
                           .ifindex = 2,
                           .flags = whole.flags,
                           .type = whole.type};
    memcpy(scan.name, whole.name, sizeof(scan.name));
    assert_int_equal(nv_mirror_link_put(m, &scan), NV_SAME);
    assert_int_equal(m->digest[NETVANE_RT_LINKS], digest);
}

static void complete_message_takes_away_what_it_lacks(void **state)
{
    (void)state;
    struct nv_link whole = rich_link(), bare = fact_link(2, "eth0", UP);
    assert_int_equal(nv_mirror_link_put(m, &whole), NV_CHANGED);
    assert_int_equal(nv_mirror_link_put(m, &bare), NV_CHANGED);
    struct netvane_rec_link r = link_of(2);
    assert_int_equal(r.alias | r.qdisc | r.kind | r.master | r.link | r.group | r.txqlen, 0);
    assert_int_equal(r.addr_len, 0);
    assert_int_equal(r.present, 0);
    assert_sound();
    collect();
    assert_int_equal(count(NETVANE_TREE_STRINGS), 0);
    assert_sound();
}

static void link_told_again_edits_nothing(void **state)
{
    (void)state;
    struct nv_text alt[2] = {fact_text("wan"), fact_text("enp3s0f1np1")};
    struct nv_link f = rich_link();
    f.altnames = alt;
    f.altname_count = 2;
    assert_int_equal(nv_mirror_link_put(m, &f), NV_CHANGED);
    m->edited = false;
    m->choice_stale[0] = m->choice_stale[1] = false;
    nv_arena_next_draft(&m->draft.arena);
    uint64_t copied = m->draft.nodes_copied;
    assert_int_equal(nv_mirror_link_put(m, &f), NV_SAME);
    struct nv_link part = {
        .has = NV_LINK_HAS_MTU, .ifindex = 2, .flags = UP, .type = 1, .mtu = 1500};
    assert_int_equal(nv_mirror_link_put(m, &part), NV_SAME);
    assert_false(m->edited || m->choice_stale[0] || m->choice_stale[1]);
    assert_int_equal(m->draft.nodes_copied, copied);
    /* and takes no reference: one removal lets all texts go */
    assert_int_equal(nv_mirror_link_remove(m, 2), NV_CHANGED);
    collect();
    assert_int_equal(count(NETVANE_TREE_STRINGS), 0);
    assert_sound();
}

static void partial_message_about_an_unknown_link_is_suspect_and_edits_nothing(void **state)
{
    (void)state;
    struct nv_link part = {.has = NV_LINK_HAS_MTU, .ifindex = 5, .flags = UP, .mtu = 9000};
    assert_int_equal(nv_mirror_link_put(m, &part), NV_SUSPECT);
    assert_int_equal(count(NETVANE_TREE_LINKS), 0);
    assert_false(m->edited);
}

static void altnames_follow_complete_messages_only(void **state)
{
    (void)state;
    struct nv_text alt[3] = {fact_text("wan"), fact_text("outside"), fact_text("isp-1")};
    struct nv_link f = fact_link(2, "eth0", UP);
    f.altnames = alt;
    f.altname_count = 3;
    assert_int_equal(nv_mirror_link_put(m, &f), NV_CHANGED);
    assert_true(name_leads_to("wan", 2, 1) && name_leads_to("outside", 2, 2) &&
                name_leads_to("isp-1", 2, 3) && name_leads_to("eth0", 2, 0));
    struct nv_link part = {
        .has = NV_LINK_HAS_MTU, .ifindex = 2, .flags = UP, .type = 1, .mtu = 9000};
    assert_int_equal(nv_mirror_link_put(m, &part), NV_CHANGED);
    assert_int_equal(link_of(2).altname_count, 3);
    assert_sound();
    f.altnames = alt + 1; /* one goes, the others move up */
    f.altname_count = 2;
    assert_int_equal(nv_mirror_link_put(m, &f), NV_CHANGED);
    assert_false(name_leads_to("wan", 2, 1));
    assert_true(name_leads_to("outside", 2, 1) && name_leads_to("isp-1", 2, 2));
    assert_int_equal(count(NETVANE_TREE_ALTNAMES), 2);
    assert_sound();
    f.altname_count = 0;
    assert_int_equal(nv_mirror_link_put(m, &f), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_ALTNAMES), 0);
    assert_int_equal(count(NETVANE_TREE_NAMES), 1);
    assert_sound();
}

static void rename_moves_the_index_of_names(void **state)
{
    (void)state;
    put_link(2, "eth0");
    uint32_t id = link_of(2).id;
    struct nv_link part = {
        .has = NV_LINK_HAS_NAME, .ifindex = 2, .flags = UP, .type = 1, .name = "lan0"};
    assert_int_equal(nv_mirror_link_put(m, &part), NV_CHANGED);
    assert_false(name_leads_to("eth0", 2, 0));
    assert_true(name_leads_to("lan0", 2, 0));
    assert_int_equal(link_of(2).id, id); /* the same life */
    assert_sound();
}

static void name_of_sixteen_bytes_is_indexed_whole(void **state)
{
    (void)state;
    struct nv_link f = fact_link(2, "", UP);
    memcpy(f.name, "abcdefghijklmnop", 16);
    assert_int_equal(nv_mirror_link_put(m, &f), NV_CHANGED);
    assert_true(name_leads_to("abcdefghijklmnop", 2, 0));
    assert_int_equal(nv_mirror_link_remove(m, 2), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_NAMES), 0);
}

static void link_that_goes_takes_its_addresses_and_routes_along(void **state)
{
    (void)state;
    put_link(2, "eth0");
    put_link(3, "eth1");
    struct nv_addr a = fact_addr(2, "10.0.0.1", 24), b = fact_addr(2, "2001:db8::1", 64),
                   keep = fact_addr(3, "10.0.0.1", 24);
    assert_int_equal(nv_mirror_addr_put(m, &a, false, 0), NV_CHANGED);
    assert_int_equal(nv_mirror_addr_put(m, &b, false, 0), NV_CHANGED);
    assert_int_equal(nv_mirror_addr_put(m, &keep, false, 0), NV_CHANGED);
    struct nv_hop on2 = fact_hop(2, "10.0.0.254"), on3 = fact_hop(3, NULL), both[2] = {on2, on3},
                  six = fact_hop(2, "fe80::1");
    struct nv_route r[4] = {
        fact_route(254, "0.0.0.0", 0, 0, &on2, 1), fact_route(254, "10.1.0.0", 16, 0, &on3, 1),
        fact_route(254, "10.2.0.0", 16, 0, both, 2), fact_route(254, "::", 0, 1024, &six, 1)};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(nv_mirror_route_put(m, &r[i], 0, false, 0), NV_CHANGED);
    assert_int_equal(nv_mirror_link_remove(m, 2), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_LINKS), 1);
    assert_int_equal(count(NETVANE_TREE_ADDRS), 1);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 2); /* through the other, and the multipath one */
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 0);
    assert_sound();
    assert_int_equal(nv_mirror_link_remove(m, 2), NV_SAME);
}

static void ifindex_that_is_used_again_has_another_id(void **state)
{
    (void)state;
    put_link(2, "eth0");
    uint32_t id = link_of(2).id;
    assert_int_equal(nv_mirror_link_remove(m, 2), NV_CHANGED);
    put_link(2, "eth0");
    assert_int_not_equal(link_of(2).id, id);
}

static void what_memory_cannot_hold_is_refused_whole_and_said(void **state)
{
    (void)state;
    unsigned refused = 0;
    mem.fail_from = mem.grows + 1;
    for (uint32_t i = 1; i <= 20000 && !refused; i++) {
        struct nv_link f = fact_link(i, "dummy", UP);
        enum nv_effect e = nv_mirror_link_put(m, &f);
        refused += e == NV_REFUSED;
        assert_true(e == NV_REFUSED || e == NV_CHANGED);
    }
    assert_int_equal(refused, 1);
    assert_true(m->degraded);
    assert_int_equal(m->counts_refused, 1);
    assert_sound();
    mem.fail_from = 0;
    struct nv_link f = fact_link(30000, "late", UP);
    assert_int_equal(nv_mirror_link_put(m, &f), NV_CHANGED);
    assert_sound();
}

/* ---- addresses ---------------------------------------------------------------------------------------------- */

static struct netvane_rec_addr addr_of(const struct nv_addr *f)
{
    struct nv_tree t = nv_draft_tree(&m->draft, NETVANE_TREE_ADDRS);
    struct nv_cursor c;
    struct netvane_rec_addr r;
    for (int more = nv_cursor_seek(&c, &t, NULL); more == NV_TREE_OK; more = nv_cursor_next(&c)) {
        assert_int_equal(nv_cursor_get(&c, &r), NV_TREE_OK);
        uint8_t ip[16] = {0};
        if (f->family == NV_AF_4) {
            nv_store_be32(ip, (uint32_t)r.key[2]);
        } else {
            nv_store_be64(ip, r.key[1]);
            nv_store_be64(ip + 8, r.key[2]);
        }
        if (r.key[0] == ((uint64_t)f->family << 32 | f->ifindex) && !memcmp(ip, f->local, 16) &&
            (f->family == NV_AF_6 || r.prefix_len == f->prefix_len))
            return r;
    }
    fail_msg("no such address");
    return r;
}

static enum nv_effect put_addr(const struct nv_addr *f)
{
    return nv_mirror_addr_put(m, f, false, 0);
}

static void address_of_an_unknown_link_is_not_taken(void **state)
{
    (void)state;
    struct nv_addr f = fact_addr(2, "10.0.0.1", 24);
    assert_int_equal(put_addr(&f), NV_SUSPECT);
    assert_int_equal(count(NETVANE_TREE_ADDRS) + count(NETVANE_TREE_ADDRS_BY_IP), 0);
    assert_int_equal(m->digest[NETVANE_RT_ADDRS], 0);
}

static void ipv4_addresses_differ_by_prefix_and_peer_and_ipv6_ones_do_not(void **state)
{
    (void)state;
    put_link(2, "eth0");
    struct nv_addr a = fact_addr(2, "10.0.0.1", 24), b = fact_addr(2, "10.0.0.1", 32), c = b;
    c.has_peer = true;
    (void)fact_ip("10.9.9.9", c.peer);
    assert_int_equal(put_addr(&a), NV_CHANGED);
    assert_int_equal(put_addr(&b), NV_CHANGED);
    assert_int_equal(put_addr(&c), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_ADDRS), 3);
    struct nv_addr six = fact_addr(2, "2001:db8::1", 64);
    assert_int_equal(put_addr(&six), NV_CHANGED);
    uint32_t id = addr_of(&six).id;
    six.prefix_len = 128;
    assert_int_equal(put_addr(&six), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_ADDRS), 4);
    assert_int_equal(addr_of(&six).id, id);
    assert_int_equal(addr_of(&six).prefix_len, 128);
    assert_sound();
    assert_int_equal(nv_mirror_addr_remove(m, &b), NV_CHANGED);
    assert_int_equal(nv_mirror_addr_remove(m, &b), NV_SAME);
    assert_int_equal(count(NETVANE_TREE_ADDRS), 3);
    assert_sound();
}

static void ipv4_events_keep_the_order_primaries_then_secondaries(void **state)
{
    (void)state;
    put_link(2, "eth0");
    struct nv_addr a = fact_addr(2, "10.0.9.1", 24), b = fact_addr(2, "10.0.9.2", 24),
                   c = fact_addr(2, "10.0.0.3", 24), d = fact_addr(2, "10.0.9.4", 24);
    b.flags = d.flags = SECONDARY;
    assert_int_equal(put_addr(&a), NV_CHANGED);
    assert_int_equal(put_addr(&b), NV_CHANGED);
    assert_int_equal(put_addr(&c), NV_CHANGED); /* another primary: before the secondary */
    assert_int_equal(put_addr(&d), NV_CHANGED);
    assert_int_equal(addr_of(&a).position, 0);
    assert_int_equal(addr_of(&c).position, 1);
    assert_int_equal(addr_of(&b).position, 2);
    assert_int_equal(addr_of(&d).position, 3);
    assert_sound();
    assert_int_equal(nv_mirror_addr_remove(m, &c), NV_CHANGED); /* the gap closes */
    assert_int_equal(addr_of(&b).position, 1);
    assert_int_equal(addr_of(&d).position, 2);
    assert_int_equal(put_addr(&b), NV_SAME);
    assert_sound();
}

static void dump_gives_ipv4_positions_by_the_order_of_each_link(void **state)
{
    (void)state;
    put_link(2, "eth0");
    put_link(3, "eth1");
    struct nv_addr f[5] = {fact_addr(2, "10.0.9.1", 24), fact_addr(2, "10.0.0.1", 24),
                           fact_addr(3, "10.0.5.1", 24), fact_addr(3, "10.0.4.1", 24),
                           fact_addr(2, "2001:db8::1", 64)};
    static const uint32_t want[5] = {0, 1, 0, 1, 0};
    for (unsigned dump = 0; dump < 2; dump++) {
        nv_mirror_mark_begin(m, NV_K_ADDR, 0);
        for (unsigned i = 0; i < 5; i++)
            assert_int_equal(nv_mirror_addr_put(m, &f[i], true, 0), dump ? NV_SAME : NV_CHANGED);
    }
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(addr_of(&f[i]).position, want[i]);
    assert_sound();
}

static void lifetime_that_only_ticks_is_no_news_and_a_refreshed_one_moves_no_digest(void **state)
{
    (void)state;
    put_link(2, "eth0");
    struct nv_addr f = fact_addr(2, "2001:db8::1", 64);
    f.valid_s = 3600;
    f.preferred_s = 1800;
    assert_int_equal(nv_mirror_addr_put(m, &f, false, 100 * NV_NS_PER_S), NV_CHANGED);
    uint64_t digest = m->digest[NETVANE_RT_ADDRS];
    f.valid_s -= 600; /* ten minutes later, read to the second */
    f.preferred_s -= 600;
    assert_int_equal(nv_mirror_addr_put(m, &f, true, 700 * NV_NS_PER_S + NV_NS_PER_S / 2), NV_SAME);
    f.valid_s = 3600; /* a router advertisement */
    f.preferred_s = 1800;
    assert_int_equal(nv_mirror_addr_put(m, &f, false, 800 * NV_NS_PER_S), NV_TOUCHED);
    assert_int_equal(addr_of(&f).valid_until_ns, (800 + 3600) * NV_NS_PER_S);
    assert_true(m->digest[NETVANE_RT_ADDRS] == digest);
    f.preferred_s = UINT32_MAX;
    f.valid_s = UINT32_MAX;
    assert_int_equal(nv_mirror_addr_put(m, &f, false, 800 * NV_NS_PER_S), NV_CHANGED);
    assert_true(m->digest[NETVANE_RT_ADDRS] != digest);
    assert_sound();
}

/* ---- rules -------------------------------------------------------------------------------------------------- */

/* The tables of the rules of a family in order, as text: "255 254 253". */
static void assert_rules(uint8_t family, uint32_t priority, const uint32_t *tables, unsigned n)
{
    struct netvane_rec_rule r;
    for (unsigned i = 0; i < n; i++) {
        uint64_t key[2] = {(uint64_t)family << 32 | priority, i};
        assert_true(nv_draft_find(&m->draft, NETVANE_TREE_RULES, key, &r));
        assert_int_equal(r.table, tables[i]);
    }
    uint64_t key[2] = {(uint64_t)family << 32 | priority, n};
    assert_false(nv_draft_find(&m->draft, NETVANE_TREE_RULES, key, &r));
}

static void rules_of_one_priority_keep_their_order_and_gaps_close(void **state)
{
    (void)state;
    struct nv_rule f[4];
    for (unsigned i = 0; i < 4; i++) {
        f[i] = fact_rule(NV_AF_4, 100, 10 + i);
        assert_int_equal(nv_mirror_rule_put(m, &f[i], false), NV_CHANGED);
    }
    struct nv_rule other = fact_rule(NV_AF_6, 100, 99);
    assert_int_equal(nv_mirror_rule_put(m, &other, false), NV_CHANGED);
    assert_rules(NV_AF_4, 100, (const uint32_t[]){10, 11, 12, 13}, 4);
    assert_int_equal(nv_mirror_rule_remove(m, &f[1]), NV_CHANGED);
    assert_rules(NV_AF_4, 100, (const uint32_t[]){10, 12, 13}, 3);
    assert_rules(NV_AF_6, 100, (const uint32_t[]){99}, 1);
    assert_sound();
    assert_int_equal(nv_mirror_rule_put(m, &f[1], false), NV_CHANGED); /* behind its equals */
    assert_rules(NV_AF_4, 100, (const uint32_t[]){10, 12, 13, 11}, 4);
    assert_int_equal(nv_mirror_rule_put(m, &f[2], false), NV_SAME);
    assert_sound();
}

static void rule_flags_that_the_kernel_derives_do_not_make_another_rule(void **state)
{
    (void)state;
    struct nv_rule f = fact_rule(NV_AF_4, 100, 10), g;
    memcpy(f.iif, "tun0", 5);
    assert_int_equal(nv_mirror_rule_put(m, &f, false), NV_CHANGED);
    g = f;
    g.present |= NETVANE_UF_IIF_DETACHED;
    assert_int_equal(nv_mirror_rule_put(m, &g, false), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_RULES), 1);
    assert_int_equal(nv_mirror_rule_remove(m, &f), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_RULES), 0);
    assert_int_equal(m->digest[NETVANE_RT_RULES], 0);
    assert_int_equal(nv_mirror_rule_remove(m, &f), NV_SUSPECT);
}

static void dump_of_rules_puts_them_in_its_own_order(void **state)
{
    (void)state;
    struct nv_rule a = fact_rule(NV_AF_4, 100, 10), b = fact_rule(NV_AF_4, 100, 11),
                   c = fact_rule(NV_AF_4, 200, 12);
    assert_int_equal(nv_mirror_rule_put(m, &a, false), NV_CHANGED);
    assert_int_equal(nv_mirror_rule_put(m, &b, false), NV_CHANGED);
    nv_mirror_mark_begin(m, NV_K_RULE, 0);
    assert_int_equal(nv_mirror_rule_put(m, &b, true), NV_CHANGED);
    assert_int_equal(nv_mirror_rule_put(m, &a, true), NV_CHANGED);
    assert_int_equal(nv_mirror_rule_put(m, &c, true), NV_CHANGED);
    assert_rules(NV_AF_4, 100, (const uint32_t[]){11, 10}, 2);
    assert_rules(NV_AF_4, 200, (const uint32_t[]){12}, 1);
    nv_mirror_mark_begin(m, NV_K_RULE, 0);
    assert_int_equal(nv_mirror_rule_put(m, &b, true), NV_SAME);
    assert_int_equal(nv_mirror_rule_put(m, &a, true), NV_SAME);
    assert_int_equal(nv_mirror_rule_put(m, &c, true), NV_SAME);
    assert_sound();
}

/* ---- nexthops --------------------------------------------------------------------------------------------------- */

static void group_of_nexthops_shows_its_members_and_loses_them(void **state)
{
    (void)state;
    struct nv_member members[3] = {{1, 1}, {2, 5}, {3, 1}};
    struct nv_nexthop g = fact_nexthop(10, 0, NULL);
    g.present = NETVANE_NF_GROUP;
    g.members = members;
    g.member_count = 3;
    assert_int_equal(nv_mirror_nexthop_put(m, &g), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_MEMBERS), 3);
    assert_int_equal(nv_mirror_nexthop_put(m, &g), NV_SAME);
    uint64_t digest = m->digest[NETVANE_RT_NEXTHOPS];
    members[1].weight = 6;
    assert_int_equal(nv_mirror_nexthop_put(m, &g), NV_CHANGED);
    assert_true(m->digest[NETVANE_RT_NEXTHOPS] != digest);
    assert_sound();
    g.member_count = 1;
    assert_int_equal(nv_mirror_nexthop_put(m, &g), NV_CHANGED);
    assert_int_equal(count(NETVANE_TREE_MEMBERS), 1);
    assert_sound();
    assert_int_equal(nv_mirror_nexthop_remove(m, 10), NV_CHANGED);
    assert_int_equal(nv_mirror_nexthop_remove(m, 10), NV_SAME);
    assert_int_equal(count(NETVANE_TREE_MEMBERS) + count(NETVANE_TREE_NEXTHOPS), 0);
    assert_int_equal(m->digest[NETVANE_RT_NEXTHOPS], 0);
    assert_sound();
}

static void nexthop_keeps_its_encapsulation_once_and_lets_it_go(void **state)
{
    (void)state;
    struct nv_nexthop f = fact_nexthop(1, 2, "10.0.0.254");
    f.encap_type = 1;
    f.encap = fact_text("label stack");
    assert_int_equal(nv_mirror_nexthop_put(m, &f), NV_CHANGED);
    assert_int_equal(nv_mirror_nexthop_put(m, &f), NV_SAME);
    f.ifindex = 3;
    assert_int_equal(nv_mirror_nexthop_put(m, &f), NV_CHANGED);
    f.encap = fact_text("another");
    assert_int_equal(nv_mirror_nexthop_put(m, &f), NV_CHANGED);
    collect();
    assert_int_equal(count(NETVANE_TREE_STRINGS), 1);
    assert_sound();
    assert_int_equal(nv_mirror_nexthop_remove(m, 1), NV_CHANGED);
    collect();
    assert_int_equal(count(NETVANE_TREE_STRINGS), 0);
    assert_sound();
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(partial_message_changes_only_what_it_names),
        T(wireless_scan_message_changes_nothing),
        T(complete_message_takes_away_what_it_lacks),
        T(link_told_again_edits_nothing),
        T(partial_message_about_an_unknown_link_is_suspect_and_edits_nothing),
        T(altnames_follow_complete_messages_only),
        T(rename_moves_the_index_of_names),
        T(name_of_sixteen_bytes_is_indexed_whole),
        T(link_that_goes_takes_its_addresses_and_routes_along),
        T(ifindex_that_is_used_again_has_another_id),
        T(what_memory_cannot_hold_is_refused_whole_and_said),
        T(address_of_an_unknown_link_is_not_taken),
        T(ipv4_addresses_differ_by_prefix_and_peer_and_ipv6_ones_do_not),
        T(ipv4_events_keep_the_order_primaries_then_secondaries),
        T(dump_gives_ipv4_positions_by_the_order_of_each_link),
        T(lifetime_that_only_ticks_is_no_news_and_a_refreshed_one_moves_no_digest),
        T(rules_of_one_priority_keep_their_order_and_gaps_close),
        T(rule_flags_that_the_kernel_derives_do_not_make_another_rule),
        T(dump_of_rules_puts_them_in_its_own_order),
        T(group_of_nexthops_shows_its_members_and_loses_them),
        T(nexthop_keeps_its_encapsulation_once_and_lets_it_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
