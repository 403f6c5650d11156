/* SPDX-License-Identifier: MIT */
/* netvane_check finds each kind of damage, and nothing in a whole State. */
#include "tests/unit/reader_fixture.h"

#include <stdio.h>

static char last[256];

static void keep(void *arg, const char *text)
{
    unsigned *n = arg;
    (*n)++;
    snprintf(last, sizeof(last), "%s", text);
}

static int check(struct fixture *f)
{
    unsigned n = 0;
    last[0] = '\0';
    int r = netvane_check(f->nv, keep, &n);
    if (r >= 0)
        assert_true((unsigned)r == n || n == 200);
    return r;
}

static void *record(struct fixture *f, unsigned tree, uint64_t k0, uint64_t k1)
{
    const uint64_t key[NV_TREE_KEY_WORDS_MAX] = {k0, k1};
    void *r = fake_find(&f->state, tree, key);
    assert_non_null(r);
    return r;
}

static int check_published(struct fixture *f)
{
    fake_publish(&f->region, &f->state, false);
    return check(f);
}

static void a_whole_state_has_no_finding(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(check(f), 0);
    struct fake_state none = {0};
    fake_publish(&f->region, &none, false);
    assert_int_equal(check(f), 0);
}

static void a_flipped_bit_anywhere_in_a_node_or_slot_is_found(void **state)
{
    struct fixture *f = *state;
    const uint32_t ref = fake_slot(&f->region, 1)->tree[NETVANE_TREE_LINKS].ref;
    struct netvane_region_node *n = fake_node(&f->region, ref);
    const unsigned used = n->level
                              ? NETVANE_NODE_BYTES
                              : NETVANE_NODE_HEADER_BYTES +
                                    (unsigned)n->count * nv_tree_shape(NETVANE_TREE_LINKS)->stride;
    for (unsigned i = 0; i < used; i++) {
        ((unsigned char *)n)[i] ^= 0x10;
        assert_true(check(f) > 0);
        ((unsigned char *)n)[i] ^= 0x10;
    }
    unsigned char *slot = (unsigned char *)fake_slot(&f->region, 1);
    for (unsigned i = 8; i < sizeof(struct netvane_region_slot); i += 3) {
        slot[i] ^= 1;
        assert_true(check(f) > 0);
        slot[i] ^= 1;
    }
    assert_int_equal(check(f), 0);
}

static void keys_out_of_order_are_found_though_the_checksum_is_right(void **state)
{
    struct fixture *f = *state;
    const uint32_t ref = fake_slot(&f->region, 1)->tree[NETVANE_TREE_NEXTHOPS].ref;
    struct netvane_region_node *n = fake_node(&f->region, ref);
    struct netvane_rec_nexthop a, b;
    memcpy(&a, n->bytes, sizeof(a));
    memcpy(&b, n->bytes + sizeof(a), sizeof(b));
    memcpy(n->bytes, &b, sizeof(b));
    memcpy(n->bytes + sizeof(a), &a, sizeof(a));
    fake_node_seal(&f->region, ref);
    assert_int_equal(check(f), 1);
    assert_non_null(strstr(last, "order"));
}

static void a_digest_that_is_not_its_contents_is_found(void **state)
{
    struct fixture *f = *state;
    for (unsigned t = 0; t < NETVANE_TOPIC_COUNT; t++) {
        fake_slot(&f->region, 1)->digest[t]++;
        fake_slot_seal(&f->region, 1);
        assert_int_equal(check(f), 1);
        assert_non_null(strstr(last, netvane_topic_name(t)));
        fake_slot(&f->region, 1)->digest[t]--;
        fake_slot_seal(&f->region, 1);
    }
}

static void broken_references_are_found(void **state)
{
    struct fixture *f = *state;
    struct fake_state good;
    fake_state_copy(&f->state, &good);
#define BROKEN(change)                           \
    do {                                         \
        change;                                  \
        assert_true(check_published(f) > 0);     \
        fake_state_free(&f->state);              \
        fake_state_copy(&good, &f->state);       \
        assert_int_equal(check_published(f), 0); \
    } while (0)
    const uint64_t link3 = 3, string = (uint64_t)1 << 32, hop = (uint64_t)2 << 32 | 1;
    const uint64_t member = (uint64_t)9 << 32 | 1, altname = (uint64_t)2 << 32 | 1,
                   metric = (uint64_t)1 << 32 | 2;
    const uint64_t rank0 = (uint64_t)4 << 56 | 254 << 16;
    BROKEN(fake_remove(&f->state, NETVANE_TREE_LINKS, &link3));
    BROKEN(fake_remove(&f->state, NETVANE_TREE_STRINGS, &string));
    BROKEN(fake_remove(&f->state, NETVANE_TREE_HOPS, &hop));
    BROKEN(fake_remove(&f->state, NETVANE_TREE_MEMBERS, &member));
    BROKEN(fake_remove(&f->state, NETVANE_TREE_ALTNAMES, &altname));
    BROKEN(fake_remove(&f->state, NETVANE_TREE_METRICS, &metric));
    BROKEN(fake_remove(&f->state, NETVANE_TREE_DEFAULTS, &rank0));
    BROKEN(fake_remove(&f->state, NETVANE_TREE_NAMES,
                       (const uint64_t *)(const void *)f->state.trees[NETVANE_TREE_NAMES].bytes));
    BROKEN(fake_remove(
        &f->state, NETVANE_TREE_ADDRS_BY_IP,
        (const uint64_t *)(const void *)f->state.trees[NETVANE_TREE_ADDRS_BY_IP].bytes));
    BROKEN(fake_remove(&f->state, NETVANE_TREE_ADDRS,
                       (const uint64_t *)(const void *)f->state.trees[NETVANE_TREE_ADDRS].bytes));
    BROKEN(fake_remove(&f->state, NETVANE_TREE_NEXTHOPS, &(uint64_t){9}));
    BROKEN(
        memcpy(((struct netvane_rec_link *)record(f, NETVANE_TREE_LINKS, 3, 0))->name, "other", 6));
    BROKEN(((struct netvane_rec_hop *)record(f, NETVANE_TREE_HOPS, (uint64_t)2 << 32, 0))->count =
               3);
    BROKEN(((struct netvane_rec_hop *)record(f, NETVANE_TREE_HOPS, (uint64_t)1 << 32, 0))->encap =
               77);
    BROKEN(f->state.main4.metric++);
    BROKEN(fake_route(&f->state, 254, "1.0.0.0/8", 0, 123));
#undef BROKEN
    fake_state_free(&good);
}

static void a_node_of_a_later_version_is_found(void **state)
{
    struct fixture *f = *state;
    const uint32_t ref = fake_slot(&f->region, 1)->tree[NETVANE_TREE_LINKS].ref;
    fake_node(&f->region, ref)->version = 2;
    fake_node_seal(&f->region, ref);
    assert_int_equal(check(f), 1);
    assert_non_null(strstr(last, "later version"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_whole_state_has_no_finding),
        fixture_test(a_flipped_bit_anywhere_in_a_node_or_slot_is_found),
        fixture_test(keys_out_of_order_are_found_though_the_checksum_is_right),
        fixture_test(a_digest_that_is_not_its_contents_is_found),
        fixture_test(broken_references_are_found),
        fixture_test(a_node_of_a_later_version_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
