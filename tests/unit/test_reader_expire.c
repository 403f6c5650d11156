/* SPDX-License-Identifier: MIT */
/* Expired versions are EXPIRED, broken regions are CORRUPT, and neither is ever a crash or a wrong answer. */
#include "tests/unit/reader_fixture.h"

#include <stdio.h>

static uint32_t root_ref(struct fixture *f, unsigned tree)
{
    return fake_slot(&f->region, f->region.version)->tree[tree].ref;
}

static void add_routes(struct fixture *f, unsigned count)
{
    char text[64];
    for (unsigned i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 250, i % 250);
        fake_route(&f->state, 200, text, 0, 1);
    }
    fake_publish(&f->region, &f->state, false);
}

static void every_read_of_an_expired_version_says_so(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap = begin(f);
    struct netvane_iter links, addrs, routes, rules, nexthops, defaults, by_ip;
    struct netvane_link l;
    struct netvane_addr a;
    struct netvane_route r;
    struct netvane_hop h;
    struct netvane_metrics m;
    struct netvane_rule u;
    struct netvane_nexthop n;
    struct netvane_member e;
    struct netvane_default d;
    struct netvane_info i;
    struct netvane_state *copy = NULL;
    char text[128];
    size_t count;
    const uint8_t ip[4] = {192, 0, 2, 10};
    NETVANE_INIT(&l);
    NETVANE_INIT(&a);
    NETVANE_INIT(&r);
    NETVANE_INIT(&h);
    NETVANE_INIT(&m);
    NETVANE_INIT(&u);
    NETVANE_INIT(&n);
    NETVANE_INIT(&e);
    NETVANE_INIT(&d);
    NETVANE_INIT(&i);
    assert_int_equal(netvane_link_iter(&snap, &links), NETVANE_OK);
    assert_int_equal(netvane_addr_iter(&snap, 0, 0, &addrs), NETVANE_OK);
    assert_int_equal(netvane_addr_iter_ip(&snap, 4, ip, &by_ip), NETVANE_OK);
    assert_int_equal(netvane_route_iter(&snap, NULL, &routes), NETVANE_OK);
    assert_int_equal(netvane_rule_iter(&snap, 0, &rules), NETVANE_OK);
    assert_int_equal(netvane_nexthop_iter(&snap, &nexthops), NETVANE_OK);
    assert_int_equal(netvane_default_iter(&snap, 4, 0, &defaults), NETVANE_OK);
    assert_int_equal(netvane_route_next(&routes, &r), 1);
    assert_int_equal(netvane_snap_check(&snap), NETVANE_OK);

    fake_publish(&f->region, &f->state, false);
    fake_expire(&f->region, f->region.version);
    assert_int_equal(netvane_snap_check(&snap), NETVANE_EXPIRED);
    assert_int_equal(netvane_snap_info(&snap, &i), NETVANE_EXPIRED);
    assert_int_equal(netvane_link_get(&snap, 2, &l), NETVANE_EXPIRED);
    assert_int_equal(netvane_link_get(&snap, 99, &l), NETVANE_EXPIRED);
    assert_int_equal(netvane_link_get_by_name(&snap, "eth0", &l), NETVANE_EXPIRED);
    assert_int_equal(netvane_link_altname(&snap, 2, 0, text, sizeof(text)), NETVANE_EXPIRED);
    assert_int_equal(netvane_string_get(&snap, 1, text, sizeof(text)), NETVANE_EXPIRED);
    assert_int_equal(netvane_addr_find(&snap, 4, ip, &a), NETVANE_EXPIRED);
    assert_int_equal(netvane_local_list(&snap, 4, 0, &a, 1, &count), NETVANE_EXPIRED);
    assert_int_equal(netvane_route_hop(&snap, &r, 0, &h), NETVANE_EXPIRED);
    assert_int_equal(netvane_route_metrics(&snap, &r, &m), NETVANE_EXPIRED);
    assert_int_equal(netvane_nexthop_get(&snap, 7, &n), NETVANE_EXPIRED);
    assert_int_equal(netvane_nexthop_member(&snap, 9, 0, &e), NETVANE_EXPIRED);
    assert_int_equal(netvane_snap_default(&snap, 4, &d), NETVANE_EXPIRED);
    assert_int_equal(netvane_snap_egress(&snap, 6, &d), NETVANE_EXPIRED);
    assert_int_equal(netvane_link_next(&links, &l), NETVANE_EXPIRED);
    assert_int_equal(netvane_link_next(&links, &l), NETVANE_EXPIRED);
    assert_int_equal(netvane_addr_next(&addrs, &a), NETVANE_EXPIRED);
    assert_int_equal(netvane_addr_next(&by_ip, &a), NETVANE_EXPIRED);
    assert_int_equal(netvane_route_next(&routes, &r), NETVANE_EXPIRED);
    assert_int_equal(netvane_rule_next(&rules, &u), NETVANE_EXPIRED);
    assert_int_equal(netvane_nexthop_next(&nexthops, &n), NETVANE_EXPIRED);
    assert_int_equal(netvane_default_next(&defaults, &d), NETVANE_EXPIRED);
    assert_int_equal(netvane_link_iter(&snap, &links), NETVANE_EXPIRED);
    assert_int_equal(netvane_state_copy(&snap, &copy), NETVANE_EXPIRED);
    assert_null(copy);
    snap = begin(f);
    assert_int_equal(netvane_link_get(&snap, 2, &l), NETVANE_OK);
}

static void memory_that_was_used_again_is_expired_not_corrupt(void **state)
{
    struct fixture *f = *state;
    add_routes(f, 2000);
    struct netvane_snap snap = begin(f);
    struct netvane_iter it;
    struct netvane_route r;
    uint32_t old = root_ref(f, NETVANE_TREE_ROUTES4);
    NETVANE_INIT(&r);
    assert_int_equal(netvane_route_iter(&snap, NULL, &it), NETVANE_OK);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(netvane_route_next(&it, &r), 1);
    fake_publish(&f->region, &f->state, false);
    fake_expire(&f->region, f->region.version);
    memset(fake_node(&f->region, old), 0xff, NETVANE_NODE_BYTES);
    for (uint32_t ref = NETVANE_ARENA_OFFSET / NETVANE_NODE_BYTES; ref < old; ref++)
        memset(fake_node(&f->region, ref), 0xee, NETVANE_NODE_BYTES);
    assert_int_equal(netvane_route_next(&it, &r), NETVANE_EXPIRED);
}

static void a_slot_that_holds_another_version_is_corrupt(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap;
    fake_slot(&f->region, f->region.version)->version += 1024;
    assert_int_equal(netvane_snap_begin(f->nv, &snap), NETVANE_CORRUPT);
}

static int list_routes(struct fixture *f)
{
    struct netvane_snap snap = begin(f);
    struct netvane_iter it;
    struct netvane_route r;
    NETVANE_INIT(&r);
    int e = netvane_route_iter(&snap, NULL, &it);
    while (!e || e == 1)
        if ((e = netvane_route_next(&it, &r)) == 0)
            return 0;
    return e;
}

static void bad_references_levels_counts_and_cycles_are_corrupt(void **state)
{
    struct fixture *f = *state;
    add_routes(f, 5000);
    assert_int_equal(list_routes(f), 0);
    const uint32_t root = root_ref(f, NETVANE_TREE_ROUTES4);
    struct netvane_region_root *slot_root =
        &fake_slot(&f->region, f->region.version)->tree[NETVANE_TREE_ROUTES4];
    struct netvane_region_node *n = fake_node(&f->region, root), good = *n;
    const struct netvane_region_root good_root = *slot_root;
    assert_true(n->level >= 2);
    const uint32_t bad[] = {0,
                            1,
                            root,
                            UINT32_MAX,
                            (uint32_t)(f->region.used / NETVANE_NODE_BYTES),
                            root_ref(f, NETVANE_TREE_LINKS)};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fake_set_child(&f->region, root, 1, bad[i]);
        assert_int_equal(list_routes(f), NETVANE_CORRUPT);
        assert_true(netvane_check(f->nv, NULL, NULL) > 0);
        *n = good;
    }
    fake_set_child(&f->region, root, 1,
                   fake_child(&f->region, root, 0)); /* twice the same subtree */
    assert_true(netvane_check(f->nv, NULL, NULL) > 0);
    *n = good;
    n->count = 0;
    assert_int_equal(list_routes(f), NETVANE_CORRUPT);
    n->count = UINT16_MAX;
    assert_int_equal(list_routes(f), NETVANE_CORRUPT);
    *n = good;
    n->level--;
    assert_int_equal(list_routes(f), NETVANE_CORRUPT);
    *n = good;
    n->tree++;
    assert_int_equal(list_routes(f), NETVANE_CORRUPT);
    *n = good;
    slot_root->height = 200;
    assert_int_equal(list_routes(f), NETVANE_CORRUPT);
    *slot_root = good_root;
    slot_root->ref = UINT32_MAX;
    assert_int_equal(list_routes(f), NETVANE_CORRUPT);
    *slot_root = good_root;
    slot_root->count = 10; /* more records than it says: a walk must end */
    assert_int_equal(list_routes(f), NETVANE_CORRUPT);
    *slot_root = good_root;
    assert_int_equal(list_routes(f), 0);
}

static void a_record_that_names_what_is_not_there_is_corrupt(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap;
    struct netvane_addr a;
    struct netvane_link l;
    const uint8_t ip[4] = {192, 0, 2, 77};
    size_t count;
    NETVANE_INIT(&a);
    NETVANE_INIT(&l);
    fake_route(&f->state, 254, "192.0.2.0/25", 0, 99);
    fake_publish(&f->region, &f->state, false);
    assert_int_equal(list_routes(f), NETVANE_CORRUPT);

    struct netvane_rec_addr_by_ip by = {.key = {0, nv_load_be32(ip), (uint64_t)4 << 32 | 2, 0}};
    fake_add(&f->state, NETVANE_TREE_ADDRS_BY_IP, &by);
    struct netvane_rec_name name = {.key = {nv_hash("ghost", 5), (uint64_t)55 << 32}};
    fake_add(&f->state, NETVANE_TREE_NAMES, &name);
    fake_addr(&f->state, 66, "203.0.113.1/24", 0, 0, 0);
    fake_publish(&f->region, &f->state, false);
    snap = begin(f);
    assert_int_equal(netvane_addr_find(&snap, 4, ip, &a), NETVANE_CORRUPT);
    assert_int_equal(netvane_link_get_by_name(&snap, "ghost", &l), NETVANE_CORRUPT);
    assert_int_equal(netvane_local_list(&snap, 4, 0, &a, 1, &count), NETVANE_CORRUPT);
}

/* xorshift64*, so that a failure can be repeated with its seed. */
static uint64_t next_random(uint64_t *s)
{
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return *s * UINT64_C(2685821657736338717);
}

static void nothing_in_the_arena_can_crash_a_reader(void **state)
{
    struct fixture *f = *state;
    const char *env = getenv("NETVANE_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 20261121, s = seed;
    printf("seed %llu\n", (unsigned long long)seed);
    add_routes(f, 600);
    const uint64_t from = NETVANE_ARENA_OFFSET, bytes = f->region.used - from;
    unsigned char *good = malloc(bytes);
    struct netvane_region_slot good_slot = *fake_slot(&f->region, f->region.version);
    assert_non_null(good);
    memcpy(good, f->region.base + from, bytes);
    for (unsigned round = 0; round < 400; round++) {
        for (unsigned k = 0; k < 1 + round % 8; k++) {
            f->region.base[from + next_random(&s) % bytes] = (unsigned char)next_random(&s);
            if (round % 16 == 0)
                ((unsigned char *)&fake_slot(&f->region, f->region.version)
                     ->tree)[next_random(&s) % 224] ^= (unsigned char)next_random(&s);
        }
        struct netvane_snap snap = begin(f);
        struct netvane_state *copy = NULL;
        struct netvane_link l;
        struct netvane_addr a[4];
        size_t count;
        char text[128];
        const uint8_t ip[4] = {192, 0, 2, 10};
        NETVANE_INIT(&l);
        NETVANE_INIT(&a[0]);
        list_routes(f);
        netvane_link_get_by_name(&snap, "lan", &l);
        netvane_link_altname(&snap, 2, 0, text, sizeof(text));
        netvane_string_get(&snap, 1, text, sizeof(text));
        netvane_addr_find(&snap, 4, ip, &a[0]);
        netvane_local_list(&snap, 6, 7, a, 4, &count);
        netvane_check(f->nv, NULL, NULL);
        netvane_state_copy(&snap, &copy);
        netvane_state_free(copy);
        memcpy(f->region.base + from, good, bytes);
        *fake_slot(&f->region, f->region.version) = good_slot;
    }
    free(good);
    assert_int_equal(netvane_check(f->nv, NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(every_read_of_an_expired_version_says_so),
        fixture_test(memory_that_was_used_again_is_expired_not_corrupt),
        fixture_test(a_slot_that_holds_another_version_is_corrupt),
        fixture_test(bad_references_levels_counts_and_cycles_are_corrupt),
        fixture_test(a_record_that_names_what_is_not_there_is_corrupt),
        fixture_test(nothing_in_the_arena_can_crash_a_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
