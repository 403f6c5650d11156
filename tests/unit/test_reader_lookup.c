/* SPDX-License-Identifier: MIT */
/*
 * test_reader_lookup.c - a lookup is a search through all prefixes of a table, one destination at a time or many; an expired
 * table says so; and nothing in an index is a crash or an endless walk.
 */
#include "tests/unit/reader_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "nv/lpm.h"
#include "reader/reader.h"
#include "tests/fake/fake_writer.h"

#define LIST_MAX 4000u

/*
 * Where a struct netvane_table says how it is walked: behind a snapshot, an index and two pointers. 1 and 2: plainly, IPv4 and
 * IPv6; 3 and 4: counting.
 */
#define HOW            ((sizeof(struct nv_snap) + sizeof(struct nv_lpm) + 2 * sizeof(void *)) / 8)
#define PLAINLY(table) ((table).family == NV_AF_4 ? 1 : 2)

struct list {
    unsigned family, bits;
    uint32_t count;
    struct prefix {
        struct nv_bits dst;
        unsigned len;
    } at[LIST_MAX];
};

static struct list list;

/* ---- prefixes of a table, whose metrics are their numbers ------------------------------------------------------ */

static struct nv_bits cut(struct nv_bits b, unsigned len)
{
    if (len < 64)
        return (struct nv_bits){len ? b.hi & UINT64_MAX << (64 - len) : 0, 0};
    return (struct nv_bits){b.hi, len > 64 ? b.lo & UINT64_MAX << (128 - len) : 0};
}

static bool equal(struct nv_bits a, struct nv_bits b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

static void ip_of(unsigned family, struct nv_bits b, uint8_t *ret_ip)
{
    if (family == NV_AF_4) {
        nv_store_be32(ret_ip, (uint32_t)(b.hi >> 32));
    } else {
        nv_store_be64(ret_ip, b.hi);
        nv_store_be64(ret_ip + 8, b.lo);
    }
}

static void start_list(unsigned family)
{
    list.family = family;
    list.bits = family == NV_AF_4 ? 32 : 128;
    list.count = 0;
}

static struct nv_bits any_bits(uint64_t *rnd)
{
    const uint64_t hi = (uint64_t)fake_random(rnd, UINT32_MAX) << 32 | fake_random(rnd, UINT32_MAX);
    const uint64_t lo = (uint64_t)fake_random(rnd, UINT32_MAX) << 32 | fake_random(rnd, UINT32_MAX);
    return cut((struct nv_bits){hi, lo}, list.bits);
}

/* Sometimes anywhere, mostly near what there is. */
static struct nv_bits some_bits(uint64_t *rnd)
{
    struct nv_bits b = any_bits(rnd);
    if (!list.count || !fake_random(rnd, 4))
        return b;
    const struct prefix *p = &list.at[fake_random(rnd, list.count)];
    const unsigned same = fake_random(rnd, p->len + 1);
    const struct nv_bits head = cut(p->dst, same), low = cut(b, same);
    return (struct nv_bits){head.hi | (b.hi ^ low.hi), head.lo | (b.lo ^ low.lo)};
}

static void add(struct fixture *f, uint32_t table, struct nv_bits dst, unsigned len)
{
    dst = cut(dst, len);
    for (uint32_t i = 0; i < list.count; i++)
        if (list.at[i].len == len && equal(list.at[i].dst, dst))
            return;
    assert_true(list.count < LIST_MAX);
    void *r =
        fake_route(&f->state, table, list.family == NV_AF_4 ? "0.0.0.0/0" : "::/0", list.count, 1);
    struct netvane_rec_route4 *r4 = r;
    struct netvane_rec_route6 *r6 = r;
    if (list.family == NV_AF_4) {
        r4->key[0] |= dst.hi >> 32;
        r4->key[1] |= (uint64_t)len << 56;
    } else {
        uint64_t key[NV_TREE_KEY_WORDS_MAX];
        nv_lpm_key(false, table, dst, len, key);
        memcpy(r6->key, key, 3 * sizeof(key[0]));
    }
    list.at[list.count++] = (struct prefix){dst, len};
}

/* The number of the longest prefix; list.count: none. */
static uint32_t longest(struct nv_bits dst)
{
    uint32_t best = list.count;
    for (uint32_t i = 0; i < list.count; i++)
        if ((best == list.count || list.at[i].len > list.at[best].len) &&
            equal(cut(dst, list.at[i].len), list.at[i].dst))
            best = i;
    return best;
}

static struct netvane_table table_of(const struct netvane_snap *snap, unsigned family,
                                     uint32_t table)
{
    struct netvane_table t;
    NETVANE_INIT(&t);
    assert_int_equal(netvane_table_get(snap, (uint8_t)family, table, &t), NETVANE_OK);
    return t;
}

static struct netvane_default answer_of(const struct netvane_table *t, struct netvane_match m)
{
    struct netvane_default d;
    NETVANE_INIT(&d);
    assert_int_equal(netvane_match_answer(t, &m, &d), NETVANE_OK);
    return d;
}

static void assert_match(const struct netvane_table *t, struct nv_bits dst, struct netvane_match m)
{
    const uint32_t i = longest(dst);
    if (i == list.count) {
        assert_int_equal(m.info, 0);
        return;
    }
    assert_int_equal(m.dst_len, list.at[i].len);
    assert_int_equal(answer_of(t, m).metric, i);
}

/* Both variants of the walk, of one destination and of 1 to 64, against the list. */
static void assert_lookups(const struct netvane_table *got, uint64_t *rnd, unsigned lookups)
{
    const size_t bytes = list.bits / 8;
    struct netvane_table t[2] = {*got, *got};
    assert_in_range(got->opaque[HOW], 1, 4);
    t[1].opaque[HOW] = PLAINLY(*got);
    unsigned n = 1;
    for (unsigned done = 0; done < lookups; done += n, n = n % NETVANE_BULK_MAX + 1) {
        struct nv_bits dst[NETVANE_BULK_MAX];
        uint8_t ips[16 * NETVANE_BULK_MAX];
        struct netvane_match all[2][NETVANE_BULK_MAX + 1], one;
        for (unsigned k = 0; k < n; k++) {
            dst[k] = some_bits(rnd);
            ip_of(list.family, dst[k], ips + k * bytes);
        }
        for (unsigned how = 0; how < 2; how++) {
            all[how][n] = (struct netvane_match){77, 78};
            assert_int_equal(netvane_route_lookup_bulk(&t[how], ips, n, all[how]), NETVANE_OK);
            assert_true(all[how][n].info == 77 && all[how][n].dst_len == 78);
            for (unsigned k = 0; k < n; k++) {
                assert_match(&t[how], dst[k], all[how][k]);
                one = (struct netvane_match){77, 78};
                const int r = netvane_route_lookup(&t[how], ips + k * bytes, &one);
                assert_int_equal(r, all[how][k].info ? NETVANE_OK : NETVANE_NOT_FOUND);
                assert_int_equal(one.info, r ? 77 : all[how][k].info);
                assert_int_equal(one.dst_len, r ? 78 : all[how][k].dst_len);
            }
        }
    }
}

/* ---- tables ----------------------------------------------------------------------------------------------------- */

static void table_is_found_by_family_and_number(void **state)
{
    struct fixture *f = *state;
    struct netvane_table t;
    fake_route(&f->state, 255, "127.0.0.1/32", 0, 1);
    fake_route(&f->state, 255, "::1/128", 0, 3);
    fake_route(&f->state, 100, "2001:db8:2::/48", 0, 3);
    fake_publish(&f->region, &f->state, false);
    const struct netvane_snap snap = begin(f);
    static const struct {
        uint8_t family;
        uint32_t table, routes;
    } there[] = {{4, 254, 4}, {6, 254, 2}, {4, 255, 1}, {6, 255, 1}, {4, 100, 2}, {6, 100, 1}};
    for (unsigned i = 0; i < NV_ARRAY_LEN(there); i++) {
        t = table_of(&snap, there[i].family, there[i].table);
        assert_int_equal(t.size, sizeof(t));
        assert_int_equal(t.family, there[i].family);
        assert_int_equal(t.table, there[i].table);
        assert_int_equal(t.routes, there[i].routes);
    }
    NETVANE_INIT(&t);
    t.routes = 99;
    static const uint32_t missing[] = {0, 1, 99, 101, 253, 256, UINT32_MAX};
    for (unsigned i = 0; i < NV_ARRAY_LEN(missing); i++)
        assert_int_equal(netvane_table_get(&snap, 4, missing[i], &t), NETVANE_NOT_FOUND);
    assert_int_equal(t.routes, 99);
}

static void table_main_without_a_route_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct fake_state none = {0};
    struct netvane_table t;
    NETVANE_INIT(&t);
    fake_publish(&f->region, &none, false);
    const struct netvane_snap snap = begin(f);
    static const uint32_t tables[] = {254, 255, 100};
    for (unsigned i = 0; i < NV_ARRAY_LEN(tables); i++) {
        assert_int_equal(netvane_table_get(&snap, 4, tables[i], &t), NETVANE_NOT_FOUND);
        assert_int_equal(netvane_table_get(&snap, 6, tables[i], &t), NETVANE_NOT_FOUND);
    }
}

static struct netvane_rec_table *first_record(struct fixture *f, uint32_t *ret_ref)
{
    *ret_ref = fake_slot(&f->region, f->region.version)->tree[NETVANE_TREE_TABLES].ref;
    struct netvane_region_node *n = fake_node(&f->region, *ret_ref);
    assert_int_equal(n->level, 0);
    return (struct netvane_rec_table *)(void *)n->bytes;
}

static void table_whose_index_is_broken_is_a_limit(void **state)
{
    struct fixture *f = *state;
    struct netvane_table t;
    struct netvane_snap snap = begin(f);
    uint32_t ref;
    NETVANE_INIT(&t);
    struct netvane_rec_table *rec = first_record(f, &ref); /* the least key: IPv4, 100 */
    assert_int_equal(rec->key[0], (uint64_t)4 << 32 | 100);
    rec->lpm = (struct netvane_region_lpm){.routes = 2, .state = NETVANE_LS_BROKEN};
    fake_node_seal(&f->region, ref);
    fake_slot(&f->region, 1)->lpm[NETVANE_SL_MAIN6] =
        (struct netvane_region_lpm){.routes = 2, .state = NETVANE_LS_BROKEN};
    fake_slot_seal(&f->region, 1);
    assert_int_equal(netvane_table_get(&snap, 4, 100, &t), NETVANE_LIMIT);
    assert_int_equal(netvane_table_get(&snap, 6, 254, &t), NETVANE_LIMIT);
    assert_int_equal(netvane_table_get(&snap, 4, 254, &t), NETVANE_OK);
    assert_int_equal(netvane_check(f->nv, NULL, NULL), 0); /* it is no damage */
}

static void arguments_out_of_range_are_invalid_and_results_stay_as_they_were(void **state)
{
    struct fixture *f = *state;
    const struct netvane_snap snap = begin(f);
    const struct netvane_snap unset = {0};
    const uint8_t ip[16] = {10, 1, 2, 3};
    struct netvane_table t = table_of(&snap, 4, 254), small = {.size = 8}, zeroed = {0}, init;
    struct netvane_match m = {7, 8}, hit;
    struct netvane_default d;
    struct netvane_hop h;
    NETVANE_INIT(&init);
    NETVANE_INIT(&d);
    NETVANE_INIT(&h);
    assert_int_equal(netvane_table_get(NULL, 4, 254, &t), NETVANE_INVALID);
    assert_int_equal(netvane_table_get(&unset, 4, 254, &t), NETVANE_INVALID);
    assert_int_equal(netvane_table_get(&snap, 0, 254, &t), NETVANE_INVALID);
    assert_int_equal(netvane_table_get(&snap, 5, 254, &t), NETVANE_INVALID);
    assert_int_equal(netvane_table_get(&snap, 4, 254, NULL), NETVANE_INVALID);
    assert_int_equal(netvane_table_get(&snap, 4, 254, &small), NETVANE_INVALID);
    assert_int_equal(netvane_table_get(&snap, 4, 254, &zeroed), NETVANE_INVALID);
    const struct netvane_table *bad[] = {NULL, &init, &zeroed};
    for (unsigned i = 0; i < NV_ARRAY_LEN(bad); i++) {
        assert_int_equal(netvane_route_lookup(bad[i], ip, &m), NETVANE_INVALID);
        assert_int_equal(netvane_route_lookup_bulk(bad[i], ip, 1, &m), NETVANE_INVALID);
        assert_int_equal(netvane_match_answer(bad[i], &m, &d), NETVANE_INVALID);
        assert_int_equal(netvane_match_hop(bad[i], &m, 0, &h), NETVANE_INVALID);
    }
    assert_int_equal(netvane_route_lookup(&t, NULL, &m), NETVANE_INVALID);
    assert_int_equal(netvane_route_lookup(&t, ip, NULL), NETVANE_INVALID);
    assert_int_equal(netvane_route_lookup_bulk(&t, NULL, 1, &m), NETVANE_INVALID);
    assert_int_equal(netvane_route_lookup_bulk(&t, ip, 1, NULL), NETVANE_INVALID);
    assert_int_equal(netvane_route_lookup_bulk(&t, ip, 0, &m), NETVANE_INVALID);
    assert_int_equal(netvane_route_lookup_bulk(&t, ip, NETVANE_BULK_MAX + 1, &m), NETVANE_INVALID);
    assert_true(m.info == 7 && m.dst_len == 8);
    assert_int_equal(netvane_route_lookup(&t, ip, &hit), NETVANE_OK);
    assert_int_equal(netvane_match_answer(&t, NULL, &d), NETVANE_INVALID);
    assert_int_equal(netvane_match_answer(&t, &hit, NULL), NETVANE_INVALID);
    assert_int_equal(netvane_match_hop(&t, NULL, 0, &h), NETVANE_INVALID);
    assert_int_equal(netvane_match_hop(&t, &hit, 0, NULL), NETVANE_INVALID);
    d.size = 4;
    assert_int_equal(netvane_match_answer(&t, &hit, &d), NETVANE_INVALID);
    const struct netvane_match none = {0, 0};
    NETVANE_INIT(&d);
    assert_int_equal(netvane_match_answer(&t, &none, &d), NETVANE_NOT_FOUND);
    assert_int_equal(netvane_match_hop(&t, &none, 0, &h), NETVANE_NOT_FOUND);
}

/* ---- lookups ------------------------------------------------------------------------------------------------------ */

static void lookup_is_a_search_through_all_prefixes(void **state)
{
    struct fixture *f = *state;
    uint64_t rnd = fake_seed();
    static const uint32_t tables[] = {255, 77};
    for (unsigned k = 0; k < 4; k++) {
        start_list(k % 2 ? NV_AF_6 : NV_AF_4);
        for (unsigned i = 0; i < 2500; i++) {
            const struct nv_bits dst = some_bits(&rnd);
            const unsigned most = k < 2 || i < 100 ? list.bits : 24;
            add(f, tables[k / 2], dst, fake_random(&rnd, 3) ? fake_random(&rnd, most + 1) : most);
        }
        fake_publish(&f->region, &f->state, false);
        const struct netvane_snap snap = begin(f);
        const struct netvane_table t = table_of(&snap, list.family, tables[k / 2]);
        assert_int_equal(t.routes, list.count);
        assert_lookups(&t, &rnd, 6000);
    }
    assert_int_equal(netvane_check(f->nv, NULL, NULL), 0);
}

/* Tables of few prefixes, of every length in turn: fans alone, nodes alone, hosts, with and without a default. */
static void every_length_of_prefix_is_found_alone_and_beside_others(void **state)
{
    struct fixture *f = *state;
    uint64_t rnd = fake_seed() + 1;
    uint32_t table = 1000;
    for (unsigned family = NV_AF_4; family <= NV_AF_6; family += 2) {
        const unsigned bits = family == NV_AF_4 ? 32 : 128;
        const uint32_t first = table;
        for (unsigned len = 0; len <= bits; len += len < 40 || len > 120 ? 1 : 7)
            for (unsigned beside = 0; beside < 3; beside++, table++) {
                const uint64_t seed = rnd + table;
                uint64_t r = seed;
                start_list(family);
                add(f, table, any_bits(&r), len);
                if (beside)
                    add(f, table, any_bits(&r), 0);
                for (unsigned i = 0; beside == 2 && i < 6; i++)
                    add(f, table, some_bits(&r), fake_random(&r, bits + 1));
            }
        fake_publish(&f->region, &f->state, false);
        const struct netvane_snap snap = begin(f);
        uint32_t at = first;
        for (unsigned len = 0; len <= bits; len += len < 40 || len > 120 ? 1 : 7)
            for (unsigned beside = 0; beside < 3; beside++, at++) {
                struct fixture none = {.nv = NULL}; /* makes the same list once more */
                const uint64_t seed = rnd + at;
                uint64_t r = seed;
                start_list(family);
                add(&none, at, any_bits(&r), len);
                if (beside)
                    add(&none, at, any_bits(&r), 0);
                for (unsigned i = 0; beside == 2 && i < 6; i++)
                    add(&none, at, some_bits(&r), fake_random(&r, bits + 1));
                fake_state_free(&none.state);
                const struct netvane_table t = table_of(&snap, family, at);
                assert_lookups(&t, &r, 130);
            }
    }
}

static void destination_that_no_prefix_covers_is_not_found_and_no_error_among_many(void **state)
{
    struct fixture *f = *state;
    const struct netvane_snap snap = begin(f);
    const struct netvane_table t = table_of(&snap, 4, 100);
    const uint8_t ips[3][4] = {{198, 51, 100, 9}, {8, 8, 8, 8}, {203, 0, 113, 1}};
    struct netvane_match m[3], one = {5, 6};
    assert_int_equal(netvane_route_lookup(&t, ips[1], &one), NETVANE_NOT_FOUND);
    assert_true(one.info == 5 && one.dst_len == 6);
    assert_int_equal(netvane_route_lookup_bulk(&t, ips[0], 3, m), NETVANE_OK);
    assert_true(m[0].info && !m[1].info && m[2].info);
    assert_int_equal(m[0].dst_len, 24);
    assert_int_equal(netvane_route_lookup_bulk(&t, ips[1], 1, m), NETVANE_OK);
    assert_int_equal(m[0].info, 0);
}

/* ---- what a match leads to ------------------------------------------------------------------------------------------ */

static struct netvane_match match(const struct netvane_table *t, const char *ip)
{
    uint8_t dst[16];
    struct netvane_match m;
    assert_int_equal(fact_ip(ip, dst), t->family);
    assert_int_equal(netvane_route_lookup(t, dst, &m), NETVANE_OK);
    return m;
}

static void answer_tells_type_hop_source_and_metric(void **state)
{
    struct fixture *f = *state;
    uint8_t want[16];
    struct netvane_rec_route4 *r = fake_route(&f->state, 254, "20.0.0.0/8", 31, 1);
    r->protocol = 42;
    r->scope = 253;
    r->prefsrc[0] = 192;
    struct netvane_rec_hop *hop = fake_hop(&f->state, 20, 0, 2, 2, "192.0.2.7");
    hop->flags = 1 | 16; /* dead, no carrier */
    hop->nhid = 5;
    hop = fake_hop(&f->state, 20, 1, 2, 3, "192.0.2.8");
    hop->flags = 4; /* onlink */
    hop->nhid = 5;
    fake_route(&f->state, 254, "21.0.0.0/8", 0, 20);
    fake_hop(&f->state, 21, 0, 1, 3, NULL)->flags = 1 | 16;
    fake_route(&f->state, 254, "22.0.0.0/8", 0, 21);
    for (uint8_t type = 6; type <= 8; type++) {
        char text[32];
        snprintf(text, sizeof(text), "%u.0.0.0/8", 24u + type);
        r = fake_route(&f->state, 254, text, 0, 0);
        r->type = type;
    }
    fake_publish(&f->region, &f->state, false);
    const struct netvane_snap snap = begin(f);
    const struct netvane_table t = table_of(&snap, 4, 254);

    struct netvane_default d = answer_of(&t, match(&t, "20.1.2.3"));
    assert_int_equal(d.size, sizeof(d));
    assert_int_equal(d.family, 4);
    assert_int_equal(d.table, 254);
    assert_int_equal(d.metric, 31);
    assert_int_equal(d.type, 1);
    assert_int_equal(d.protocol, 42);
    assert_int_equal(d.scope, 253);
    assert_int_equal(d.ifindex, 2);
    assert_int_equal(d.hop_count, 1);
    assert_int_equal(d.gw_family, 4);
    fact_ip("192.0.2.1", want);
    assert_memory_equal(d.gateway, want, 16);
    fact_ip("192.0.0.0", want);
    assert_memory_equal(d.prefsrc, want, 16);
    assert_int_equal(d.flags,
                     NETVANE_DEFAULT_PRESENT | NETVANE_DEFAULT_GATEWAY | NETVANE_DEFAULT_PREFSRC);
    assert_false(match(&t, "20.1.2.3").info & NETVANE_MATCH_CONDITIONAL);

    d = answer_of(&t, match(&t, "21.1.2.3")); /* the first hop is dead, the second is shown */
    assert_int_equal(d.ifindex, 3);
    assert_int_equal(d.nhid, 5);
    assert_int_equal(d.flags, NETVANE_DEFAULT_PRESENT | NETVANE_DEFAULT_GATEWAY |
                                  NETVANE_DEFAULT_MULTIPATH | NETVANE_DEFAULT_ONLINK);
    assert_true(match(&t, "21.1.2.3").info & NETVANE_MATCH_CONDITIONAL);

    d = answer_of(&t, match(&t, "22.1.2.3"));
    assert_int_equal(d.flags,
                     NETVANE_DEFAULT_PRESENT | NETVANE_DEFAULT_DEAD | NETVANE_DEFAULT_LINKDOWN);
    assert_true(match(&t, "22.1.2.3").info & NETVANE_MATCH_CONDITIONAL);
    for (uint8_t type = 6; type <= 8; type++) {
        char text[32];
        snprintf(text, sizeof(text), "%u.1.0.0", 24u + type);
        d = answer_of(&t, match(&t, text));
        assert_int_equal(d.flags, NETVANE_DEFAULT_PRESENT | NETVANE_DEFAULT_REJECT);
        assert_int_equal(d.type, type);
        assert_int_equal(d.hop_count, 0);
    }
}

static void hops_of_a_match_are_told_one_by_one(void **state)
{
    struct fixture *f = *state;
    const struct netvane_snap snap = begin(f);
    const struct netvane_table t = table_of(&snap, 4, 254), other = table_of(&snap, 4, 100);
    const struct netvane_match m = match(&t, "10.1.2.3"), none = match(&other, "203.0.113.9");
    struct netvane_hop h;
    uint8_t want[16];
    NETVANE_INIT(&h);
    assert_int_equal(netvane_match_hop(&t, &m, 0, &h), NETVANE_OK);
    fact_ip("192.0.2.1", want);
    assert_int_equal(h.ifindex, 2);
    assert_memory_equal(h.gateway, want, 16);
    assert_int_equal(netvane_match_hop(&t, &m, 1, &h), NETVANE_OK);
    assert_int_equal(h.ifindex, 3);
    h.ifindex = 99;
    assert_int_equal(netvane_match_hop(&t, &m, 2, &h), NETVANE_NOT_FOUND);
    assert_int_equal(netvane_match_hop(&t, &m, UINT32_MAX, &h), NETVANE_NOT_FOUND);
    assert_int_equal(netvane_match_hop(&other, &none, 0, &h), NETVANE_NOT_FOUND); /* blackhole */
    assert_int_equal(h.ifindex, 99);
}

/* ---- versions that are no more ------------------------------------------------------------------------------------- */

static void assert_expired(const struct netvane_snap *snap, const struct netvane_table *t,
                           struct netvane_match m)
{
    const uint8_t ips[2][4] = {{10, 9, 1, 1}, {99, 99, 99, 99}};
    struct netvane_match got[2] = {{7, 8}, {7, 8}};
    struct netvane_default d;
    struct netvane_hop h;
    struct netvane_table other;
    NETVANE_INIT(&d);
    NETVANE_INIT(&h);
    NETVANE_INIT(&other);
    struct netvane_table plain = *t;
    plain.opaque[HOW] = PLAINLY(plain);
    assert_int_equal(netvane_route_lookup(t, ips[0], got), NETVANE_EXPIRED);
    assert_int_equal(netvane_route_lookup(t, ips[1], got), NETVANE_EXPIRED);
    assert_int_equal(netvane_route_lookup(&plain, ips[0], got), NETVANE_EXPIRED);
    assert_int_equal(netvane_route_lookup_bulk(t, ips[0], 2, got), NETVANE_EXPIRED);
    assert_int_equal(netvane_route_lookup_bulk(&plain, ips[0], 2, got), NETVANE_EXPIRED);
    assert_true(got[0].info == 7 && got[1].dst_len == 8);
    assert_int_equal(netvane_match_answer(t, &m, &d), NETVANE_EXPIRED);
    assert_int_equal(netvane_match_hop(t, &m, 0, &h), NETVANE_EXPIRED);
    assert_int_equal(netvane_table_get(snap, 4, 254, &other), NETVANE_EXPIRED);
    assert_int_equal(netvane_table_get(snap, 4, 4711, &other), NETVANE_EXPIRED);
}

static void lookups_in_an_expired_version_say_so_whatever_its_memory_holds(void **state)
{
    struct fixture *f = *state;
    const struct netvane_snap snap = begin(f);
    const struct netvane_table t = table_of(&snap, 4, 254);
    const struct netvane_match m = match(&t, "10.9.1.1");
    const uint64_t used = f->region.used;
    fake_route(&f->state, 254, "77.0.0.0/8", 0, 1);
    fake_publish(&f->region, &f->state, false);
    assert_int_equal(match(&t, "10.9.1.1").info, m.info); /* readable yet */
    fake_expire(&f->region, f->region.version);
    assert_expired(&snap, &t, m);
    static const int bytes[] = {0xff, 0x00, 0x55};
    for (unsigned i = 0; i < NV_ARRAY_LEN(bytes); i++) {
        memset(f->region.base + NETVANE_ARENA_OFFSET, bytes[i], used - NETVANE_ARENA_OFFSET);
        assert_expired(&snap, &t, m);
    }
}

static void take_over(struct fixture *f)
{
    struct fake_region next;
    fake_region_succeed(&next, &f->region);
    fake_publish(&next, &f->state, false);
    fake_region_replace(&next, &f->region);
    fake_region_die(&f->region);
    fake_region_free(&f->region);
    f->region = next;
}

static void tables_of_a_replaced_region_are_expired_once_it_is_followed(void **state)
{
    struct fixture *f = *state;
    const struct netvane_snap snap = begin(f);
    const struct netvane_table t = table_of(&snap, 4, 254), six = table_of(&snap, 6, 254);
    const struct netvane_match m = match(&t, "10.9.1.1");
    take_over(f);
    assert_int_equal(match(&t, "10.9.1.1").info, m.info); /* not followed yet */
    const struct netvane_snap now = begin(f);
    assert_expired(&snap, &t, m);
    const uint8_t ip[16] = {0x20, 1, 0xd, 0xb8, 0, 1};
    struct netvane_match got;
    assert_int_equal(netvane_route_lookup(&six, ip, &got), NETVANE_EXPIRED);
    const struct netvane_table next = table_of(&now, 4, 254);
    assert_int_equal(answer_of(&next, match(&next, "10.9.1.1")).ifindex, 3);
    take_over(f);
    (void)begin(f);
    assert_expired(&snap, &t, m);
    assert_expired(&now, &next, m);
}

struct crowd {
    struct fixture *f;
    atomic_int stop, failed;
    atomic_ullong reads;
};

/* Every State here has 10.9.0.0/16 with its version as metric, so that what is found tells whether it is the right one. */
static void *look_up_on(void *arg)
{
    struct crowd *c = arg;
    const uint8_t ips[2][4] = {{10, 9, 1, 1}, {10, 9, 200, 7}};
    while (!atomic_load(&c->stop)) {
        struct netvane_snap snap;
        struct netvane_table t;
        struct netvane_match m[2];
        struct netvane_default d;
        NETVANE_INIT(&t);
        NETVANE_INIT(&d);
        int r = netvane_snap_begin(c->f->nv, &snap);
        if (!r)
            r = netvane_table_get(&snap, 4, 254, &t);
        for (unsigned i = 0; !r && i < 200; i++) {
            r = i % 2 ? netvane_route_lookup(&t, ips[0], &m[0])
                      : netvane_route_lookup_bulk(&t, ips[0], 2, m);
            if (!r)
                r = m[0].dst_len == 16 && m[0].info ? netvane_match_answer(&t, &m[0], &d) : 1;
            if (!r && d.metric != snap.version)
                r = 2;
        }
        if (r && r != NETVANE_EXPIRED) {
            atomic_store(&c->failed, r);
            break;
        }
        atomic_fetch_add(&c->reads, 1);
    }
    return NULL;
}

static void takeovers_under_threads_that_look_up_are_expired_never_a_wrong_answer(void **state)
{
    struct fixture *f = *state;
    struct crowd c = {.f = f};
    pthread_t threads[3];
    const uint64_t key[2] = {(uint64_t)254 << 32 | 0x0a090000, (uint64_t)16 << 56};
    struct netvane_rec_route4 *r = fake_find(&f->state, NETVANE_TREE_ROUTES4, key);
    assert_non_null(r);
    for (unsigned i = 0; i < 61 && !atomic_load(&c.failed); i++) {
        r->key[1] = (uint64_t)16 << 56 | (f->region.version + 1) << 16;
        const uint64_t now[2] = {r->key[0], r->key[1]};
        if (i % 3 == 2) {
            take_over(f);
        } else {
            fake_publish(&f->region, &f->state, false);
            fake_expire(&f->region, f->region.version - (i > 0));
        }
        r = fake_find(&f->state, NETVANE_TREE_ROUTES4, now);
        assert_non_null(r);
        for (unsigned k = 0; !i && k < 3; k++)
            assert_int_equal(pthread_create(&threads[k], NULL, look_up_on, &c), 0);
        usleep(2000);
    }
    atomic_store(&c.stop, 1);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&c.failed), 0);
    assert_true(atomic_load(&c.reads) > 10);
}

/* ---- private copies -------------------------------------------------------------------------------------------------- */

static void private_copy_answers_as_the_version_did_and_never_expires(void **state)
{
    struct fixture *f = *state;
    uint64_t rnd = fake_seed() + 2;
    struct netvane_state *copy;
    struct netvane_snap private;
    for (unsigned k = 0; k < 4; k++) {
        const uint32_t table = k < 2 ? 255 : 33;
        start_list(k % 2 ? NV_AF_6 : NV_AF_4);
        for (unsigned i = 0; i < 800; i++)
            add(f, table, some_bits(&rnd), fake_random(&rnd, list.bits + 1));
        fake_publish(&f->region, &f->state, false);
        const struct netvane_snap snap = begin(f);
        const struct netvane_table live = table_of(&snap, list.family, table);
        assert_lookups(&live, &rnd, 300);
        assert_int_equal(netvane_state_copy(&snap, &copy), NETVANE_OK);
        netvane_state_snap(copy, &private);
        const struct netvane_table t = table_of(&private, list.family, table);
        assert_int_equal(t.routes, live.routes);
        assert_lookups(&t, &rnd, 1000);
        const struct netvane_table main4 = table_of(&private, 4, 254);
        const struct netvane_match m = match(&main4, "10.1.2.3");
        struct netvane_hop h;
        NETVANE_INIT(&h);
        assert_int_equal(netvane_match_hop(&main4, &m, 1, &h), NETVANE_OK);
        assert_int_equal(h.ifindex, 3);
        fake_publish(&f->region, &f->state, false);
        fake_expire(&f->region, f->region.version);
        assert_lookups(&t, &rnd, 300);
        if (k == 3) {
            take_over(f);
            (void)begin(f);
            assert_lookups(&t, &rnd, 300);
        }
        netvane_state_free(copy);
    }
}

static void copy_of_a_state_without_routes_has_no_table(void **state)
{
    struct fixture *f = *state;
    struct fake_state none = {0};
    struct netvane_state *copy;
    struct netvane_snap private;
    struct netvane_table t;
    NETVANE_INIT(&t);
    fake_publish(&f->region, &none, false);
    const struct netvane_snap snap = begin(f);
    assert_int_equal(netvane_state_copy(&snap, &copy), NETVANE_OK);
    netvane_state_snap(copy, &private);
    assert_int_equal(netvane_table_get(&private, 4, 254, &t), NETVANE_NOT_FOUND);
    netvane_state_free(copy);
}

/* ---- hostile regions --------------------------------------------------------------------------------------------------- */

static void use_everything(struct fixture *f, uint64_t *rnd)
{
    static const struct {
        uint8_t family;
        uint32_t table;
    } tables[] = {{4, 254}, {6, 254}, {4, 100}, {4, 500}, {6, 500}};
    const struct netvane_snap snap = begin(f);
    for (unsigned i = 0; i < NV_ARRAY_LEN(tables); i++) {
        struct netvane_table t;
        uint8_t ips[16 * 64];
        struct netvane_match m[64];
        NETVANE_INIT(&t);
        int r = netvane_table_get(&snap, tables[i].family, tables[i].table, &t);
        if (r) {
            assert_true(r == NETVANE_CORRUPT || r == NETVANE_NOT_FOUND || r == NETVANE_LIMIT);
            continue;
        }
        start_list(tables[i].family);
        for (unsigned k = 0; k < 64; k++)
            ip_of(tables[i].family, any_bits(rnd), ips + k * list.bits / 8);
        for (unsigned how = 0; how < 2; how++) {
            r = netvane_route_lookup_bulk(&t, ips, 64, m);
            assert_true(r == NETVANE_OK || r == NETVANE_CORRUPT);
            for (unsigned k = 0; k < 64; k++) {
                struct netvane_default d;
                struct netvane_hop h;
                NETVANE_INIT(&d);
                NETVANE_INIT(&h);
                r = netvane_route_lookup(&t, ips + k * list.bits / 8, &m[k]);
                assert_true(r == NETVANE_OK || r == NETVANE_CORRUPT || r == NETVANE_NOT_FOUND);
                if (r)
                    continue;
                r = netvane_match_answer(&t, &m[k], &d);
                assert_true(r == NETVANE_OK || r == NETVANE_CORRUPT || r == NETVANE_NOT_FOUND);
                r = netvane_match_hop(&t, &m[k], k % 3, &h);
                assert_true(r == NETVANE_OK || r == NETVANE_CORRUPT || r == NETVANE_NOT_FOUND);
            }
            t.opaque[HOW] = PLAINLY(t);
        }
    }
}

static void add_many(struct fixture *f, uint64_t *rnd, unsigned count)
{
    for (unsigned family = NV_AF_4; family <= NV_AF_6; family += 2) {
        start_list(family);
        for (unsigned i = 0; i < count; i++)
            add(f, 500, some_bits(rnd), fake_random(rnd, list.bits + 1));
    }
    fake_publish(&f->region, &f->state, false);
}

static void nothing_in_an_index_can_crash_or_trap_a_reader(void **state)
{
    struct fixture *f = *state;
    uint64_t rnd = fake_seed() + 3;
    add_many(f, &rnd, 300);
    const uint64_t from = NETVANE_ARENA_OFFSET, bytes = f->region.used - from;
    struct netvane_region_slot *slot = fake_slot(&f->region, f->region.version), good_slot = *slot;
    unsigned char *good = malloc(bytes);
    assert_non_null(good);
    memcpy(good, f->region.base + from, bytes);
    for (unsigned round = 0; round < 150; round++) {
        struct netvane_state *copy = NULL;
        for (unsigned k = 0; k < 1u << round % 12; k++) {
            const uint64_t at = from + fake_random(&rnd, (uint32_t)bytes / 4) * 4u;
            /* Anything; what leads somewhere; what leads just past the end. */
            const uint32_t w =
                !fake_random(&rnd, 3) ? fake_random(&rnd, UINT32_MAX)
                : fake_random(&rnd, 2)
                    ? fake_random(&rnd, (uint32_t)(f->region.used / NETVANE_CELL_UNIT))
                    : (uint32_t)(f->region.used / NETVANE_CELL_UNIT) - k % 256;
            memcpy(f->region.base + at, &w, sizeof(w));
        }
        if (round % 8 == 0) {
            uint32_t *lpm = (uint32_t *)(void *)slot->lpm;
            lpm[fake_random(&rnd, 16)] = fake_random(&rnd, UINT32_MAX);
        }
        use_everything(f, &rnd);
        (void)netvane_check(f->nv, NULL, NULL);
        const struct netvane_snap snap = begin(f);
        (void)netvane_state_copy(&snap, &copy);
        netvane_state_free(copy);
        memcpy(f->region.base + from, good, bytes);
        *slot = good_slot;
    }
    free(good);
    assert_int_equal(netvane_check(f->nv, NULL, NULL), 0);
}

/* Each word of the root, of a fan, of a leaf and of a block, made a reference to the end of what is there, and to itself. */
static void references_at_the_end_of_the_region_and_circles_are_corrupt_or_an_answer(void **state)
{
    struct fixture *f = *state;
    uint64_t rnd = fake_seed() + 4;
    fake_route(&f->state, 254, "10.9.1.0/24", 0, 4); /* a leaf behind the fans */
    fake_route(&f->state, 254, "10.9.1.4/30", 0, 4); /* and two nodes */
    add_many(f, &rnd, 40);
    struct netvane_region_slot *slot = fake_slot(&f->region, f->region.version);
    const struct nv_lpm limits = nv_lpm_of(f->region.base, f->region.used, &slot->lpm[0]);
    const uint32_t top = slot->lpm[NETVANE_SL_MAIN4].top;
    const uint32_t words[] = {
        limits.ref_limit - 1, limits.ref_limit, limits.ref_limit + 1, UINT32_MAX, 0, 1, top};
    const struct nv_lpm lpm =
        nv_lpm_of(f->region.base, f->region.used, &slot->lpm[NETVANE_SL_MAIN4]);
    const struct nv_bits first = {UINT64_C(0x0a090100) << 32, 0};
    const uint32_t second = nv_fan_slot(nv_lpm_cell(&lpm, top), nv_bits_at(first, 0, 5)).child;
    const uint32_t third = nv_fan_slot(nv_lpm_cell(&lpm, second), nv_bits_at(first, 5, 5)).child;
    const uint32_t leaf = nv_fan_slot(nv_lpm_cell(&lpm, third), nv_bits_at(first, 10, 6)).child;
    const struct netvane_region_leaf_group group = nv_leaf_group(nv_lpm_cell(&lpm, leaf), 0);
    assert_true(nv_group_node(group.place) != 0);
    const struct netvane_region_lpm_node node =
        nv_lpm_node(nv_leaf_node(nv_lpm_cell(&lpm, leaf), group));
    assert_int_equal(nv_popcount(node.children), 1);
    unsigned char *cells = f->region.base + NETVANE_NOTHING_OFFSET;
    const struct {
        unsigned char *at;
        unsigned bytes;
    } places[] = {{(unsigned char *)&slot->lpm[NETVANE_SL_MAIN4], 8},
                  {cells + (size_t)NETVANE_CELL_UNIT * top, 256},
                  {cells + (size_t)NETVANE_CELL_UNIT * second, 256},
                  {cells + (size_t)NETVANE_CELL_UNIT * third, 512},
                  {cells + (size_t)NETVANE_CELL_UNIT * leaf, 16 * nv_group_node(group.place) + 16},
                  {cells + (size_t)NETVANE_CELL_UNIT * node.block, 16}};
    for (unsigned p = 0; p < NV_ARRAY_LEN(places); p++)
        for (unsigned i = 0; i < places[p].bytes; i += 4)
            for (unsigned k = 0; k < NV_ARRAY_LEN(words); k++) {
                uint32_t was;
                memcpy(&was, places[p].at + i, 4);
                memcpy(places[p].at + i, &words[k], 4);
                const struct netvane_snap snap = begin(f);
                struct netvane_table t;
                NETVANE_INIT(&t);
                const int got = netvane_table_get(&snap, 4, 254, &t);
                assert_true(got == NETVANE_OK || (!p && got == NETVANE_CORRUPT));
                const uint8_t ip[4] = {10, 9, 1, (uint8_t)(k % 2 ? 1 : 5)};
                struct netvane_match m;
                for (unsigned how = 0; how < 2 && !got; how++) {
                    int r = netvane_route_lookup(&t, ip, &m);
                    assert_true(r == NETVANE_OK || r == NETVANE_CORRUPT || r == NETVANE_NOT_FOUND);
                    r = netvane_route_lookup_bulk(&t, ip, 1, &m);
                    assert_true(r == NETVANE_OK || r == NETVANE_CORRUPT);
                    t.opaque[HOW] = PLAINLY(t);
                }
                if (i % 64 == 0)
                    (void)netvane_check(f->nv, NULL, NULL);
                memcpy(places[p].at + i, &was, 4);
            }
    const struct netvane_snap snap = begin(f);
    struct netvane_table t = table_of(&snap, 4, 254);
    slot->lpm[NETVANE_SL_MAIN4].top = limits.ref_limit;
    assert_int_equal(netvane_table_get(&snap, 4, 254, &t), NETVANE_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(table_is_found_by_family_and_number),
        fixture_test(table_main_without_a_route_is_not_found),
        fixture_test(table_whose_index_is_broken_is_a_limit),
        fixture_test(arguments_out_of_range_are_invalid_and_results_stay_as_they_were),
        fixture_test(lookup_is_a_search_through_all_prefixes),
        fixture_test(every_length_of_prefix_is_found_alone_and_beside_others),
        fixture_test(destination_that_no_prefix_covers_is_not_found_and_no_error_among_many),
        fixture_test(answer_tells_type_hop_source_and_metric),
        fixture_test(hops_of_a_match_are_told_one_by_one),
        fixture_test(lookups_in_an_expired_version_say_so_whatever_its_memory_holds),
        fixture_test(tables_of_a_replaced_region_are_expired_once_it_is_followed),
        fixture_test(takeovers_under_threads_that_look_up_are_expired_never_a_wrong_answer),
        fixture_test(private_copy_answers_as_the_version_did_and_never_expires),
        fixture_test(copy_of_a_state_without_routes_has_no_table),
        fixture_test(nothing_in_an_index_can_crash_or_trap_a_reader),
        fixture_test(references_at_the_end_of_the_region_and_circles_are_corrupt_or_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
