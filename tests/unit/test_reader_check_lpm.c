/* SPDX-License-Identifier: MIT */
/* netvane_check finds each way in which an index can differ from the routes. */
#include "tests/unit/reader_fixture.h"

#include <stdio.h>
#include <sys/resource.h>

#include "nv/lpm.h"

static char said[8192]; /* the findings, as many as fit */

static void keep(void *arg, const char *text)
{
    unsigned *n = arg;
    const size_t at = strlen(said);
    (*n)++;
    snprintf(said + at, sizeof(said) - at, "%s\n", text);
}

static int check(struct fixture *f)
{
    unsigned n = 0;
    said[0] = '\0';
    return netvane_check(f->nv, keep, &n);
}

static struct netvane_region_slot *slot(struct fixture *f)
{
    return fake_slot(&f->region, f->region.version);
}

static struct netvane_region_lpm *main4(struct fixture *f)
{
    return &slot(f)->lpm[NETVANE_SL_MAIN4];
}

static void *cell(struct fixture *f, uint32_t ref)
{
    return f->region.base + NETVANE_NOTHING_OFFSET + (uint64_t)ref * NETVANE_CELL_UNIT;
}

/* The slot of fan number `level` on the way to an address of table main, and the leaf behind the fans. */
static struct netvane_region_fan_slot *fan_slot(struct fixture *f, uint32_t ip, unsigned level)
{
    static const unsigned shift[] = {27, 22, 16}, mask[] = {31, 31, 63};
    struct netvane_region_fan_slot *s = NULL;
    uint32_t ref = main4(f)->top;
    for (unsigned l = 0; l <= level; l++) {
        assert_true(ref != 0);
        s = cell(f, ref);
        s += ip >> shift[l] & mask[l];
        ref = s->child;
    }
    return s;
}

static struct netvane_region_leaf *leaf(struct fixture *f, uint32_t ip)
{
    assert_true(fan_slot(f, ip, 2)->child != 0);
    return cell(f, fan_slot(f, ip, 2)->child);
}

static uint32_t *values_of(struct netvane_region_leaf *l)
{
    return (uint32_t *)(void *)(l + 1);
}

/* The node of an address's group. */
static struct netvane_region_lpm_node *node(struct fixture *f, uint32_t ip)
{
    struct netvane_region_leaf *l = leaf(f, ip);
    const uint32_t place = l->group[ip >> 13 & 7u].place;
    assert_true(nv_group_node(place) != 0);
    return (struct netvane_region_lpm_node *)(void *)l + nv_group_node(place);
}

#define IP(a, b) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16)

/*
 * Routes beside the example's: 10.9.0.0/16 is there, in a slot; 10.0.0.0/8 fills slots of a fan. The values of the leaf of
 * 20.1.0.0/16 are of the first /18, the /24, the first /18 again, the second, and none; that of 30.0.0.0/16 hides a prefix.
 */
static void more_routes(struct fixture *f)
{
    fake_route(&f->state, 254, "20.1.0.0/18", 3, 1);
    fake_route(&f->state, 254, "20.1.64.0/18", 4, 4);
    fake_route(&f->state, 254, "20.1.2.0/24", 5, 1);
    fake_route(&f->state, 254, "20.1.3.4/32", 6, 4);
    fake_route(&f->state, 254, "30.0.2.0/23", 6, 1);
    fake_route(&f->state, 254, "30.0.2.0/24", 6, 4);
    fake_route(&f->state, 254, "30.0.3.0/24", 6, 1);
    fake_publish(&f->region, &f->state, false);
    assert_int_equal(check(f), 0);
}

/* Makes a change, wants a finding with these words, and takes the change back. */
#define FINDS(words, place, change)                    \
    do {                                               \
        unsigned char was_[sizeof(*(place))];          \
        memcpy(was_, (place), sizeof(was_));           \
        change;                                        \
        fake_slot_seal(&f->region, f->region.version); \
        assert_true(check(f) > 0);                     \
        if (!strstr(said, words))                      \
            fail_msg("no \"%s\" in: %s", words, said); \
        memcpy((place), was_, sizeof(was_));           \
        fake_slot_seal(&f->region, f->region.version); \
        assert_int_equal(check(f), 0);                 \
    } while (0)

static void value_that_is_anothers_is_found(void **state)
{
    struct fixture *f = *state;
    more_routes(f);
    uint32_t *values = values_of(leaf(f, IP(20, 1)));
    assert_int_equal(values[0] & NETVANE_FV_LENGTH, 18);
    assert_true(values[0] == values[2] && values[0] != values[3]);
    FINDS("its route's", &values[0], values[0] = values[3]);
    FINDS("its route's", &values[3], values[3] = values[0]);
    FINDS("its route's", &values[2], values[2] ^= NETVANE_FV_CONDITIONAL);
    FINDS("its route's", &values[0], values[0] = NETVANE_FV_INFO | 18);
    FINDS("its route's", &values[0], values[0] = 64 | 18);
    struct netvane_region_lpm_node *n = cell(f, node(f, IP(20, 1))->block); /* of bit 24 */
    n = cell(f, n->block);                                                  /* of bit 29 */
    uint32_t *value = cell(f, n->block);
    FINDS("its route's", value, *value = values[0] & NETVANE_FV_INFO);
    FINDS("its route's", value, *value ^= NETVANE_FV_CONDITIONAL);
    FINDS("its route's", value, *value = 0);
    struct netvane_region_fan_slot *s = fan_slot(f, IP(10, 0), 1);
    FINDS("its route's", &s->value, s->value = (values[0] & NETVANE_FV_INFO) | 8);
    FINDS("its route's", &s->value, s->value ^= NETVANE_FV_CONDITIONAL);
    FINDS("its route's", &main4(f)->def, main4(f)->def = values[0]);
}

static void value_that_is_missing_is_found(void **state)
{
    struct fixture *f = *state;
    more_routes(f);
    struct netvane_region_fan_slot *slot16 = fan_slot(f, IP(10, 9), 2),
                                   *to_leaf = fan_slot(f, IP(20, 1), 2);
    struct netvane_region_leaf *wide = leaf(f, IP(20, 1)), *hiding = leaf(f, IP(30, 0));
    struct netvane_region_lpm_node *n = node(f, IP(20, 1));
    uint32_t *values = values_of(wide);
    FINDS("place that it covers", slot16, slot16->value = 0);
    FINDS("place that it covers", &values[0], values[0] = 0);
    FINDS("place that it covers", &values[2], values[2] = values[4]);
    FINDS("its route's", wide, wide->group[1].place++);
    FINDS("missing", wide, wide->group[0].place &= NETVANE_LG_VALUE);
    FINDS("missing", n, n->children &= n->children - 1);
    FINDS("one of its length is hidden", &hiding->hidden, hiding->hidden ^= 1u << (23 - 16));
    FINDS("no fan or leaf", to_leaf, to_leaf->child = 0);
    FINDS("no fan or leaf", &main4(f)->top, main4(f)->top = 0);
    for (unsigned i = 0; i < 4; i++) { /* 10.0.0.0/8 covers four slots */
        struct netvane_region_fan_slot *s = fan_slot(f, IP(10, 0), 1) + i;
        assert_int_equal(s->value & NETVANE_FV_LENGTH, 8);
        FINDS("place that it covers", &s->value, s->value = 0);
        FINDS("place that it covers", &s->value, s->value = (s->value & ~NETVANE_FV_LENGTH) | 7);
    }
    FINDS("missing", &main4(f)->def, main4(f)->def = 0);
}

static void value_that_no_route_explains_is_found(void **state)
{
    struct fixture *f = *state;
    more_routes(f);
    struct netvane_region_fan_slot *top = fan_slot(f, IP(248, 0), 0),
                                   *second = fan_slot(f, IP(10, 0), 1);
    const uint32_t value = second->value & NETVANE_FV_INFO;
    FINDS("no route explains", &top->value, top->value = value | 5);
    FINDS("no route explains", &second->value, second->value = value | 9); /* hides the /8 */
    struct netvane_region_fan_slot *third = fan_slot(f, IP(10, 11), 2);
    assert_int_equal(third->value, 0);
    FINDS("no route explains", &third->value, third->value = value | 15);
    FINDS("no route explains", third, third->child = fan_slot(f, IP(20, 1), 2)->child); /* twice */
    uint32_t *values = values_of(leaf(f, IP(20, 1)));
    FINDS("no route explains", &values[4], values[4] = value | 17);
    struct netvane_region_lpm_node *n = node(f, IP(20, 1)), *child = cell(f, n->block);
    FINDS("no route explains", n, n->prefixes = 2); /* a /19 has its place in the leaf */
    FINDS("no route explains", child, child->prefixes |= child->prefixes << 1 | 2);
    /* A default in an index whose table has none. */
    const uint32_t ref = slot(f)->tree[NETVANE_TREE_TABLES].ref;
    struct netvane_region_node *node = fake_node(&f->region, ref);
    struct netvane_rec_table *rec = (struct netvane_rec_table *)(void *)node->bytes;
    assert_int_equal(rec->key[0], (uint64_t)4 << 32 | 100);
    rec->lpm.def = value;
    fake_node_seal(&f->region, ref);
    assert_int_equal(check(f), 1);
    assert_non_null(strstr(said, "no route explains"));
}

static void info_that_is_not_its_routes_is_found(void **state)
{
    struct fixture *f = *state;
    more_routes(f);
    const uint32_t value = fan_slot(f, IP(10, 9), 2)->value;
    unsigned char *info = f->region.base + (value & NETVANE_FV_INFO);
    for (unsigned i = 0; i < sizeof(struct netvane_region_info); i++)
        FINDS("its route's", &info[i], info[i] ^= 4);
}

static void circles_and_references_out_of_the_region_are_found(void **state)
{
    struct fixture *f = *state;
    more_routes(f);
    struct netvane_region_leaf *l = leaf(f, IP(20, 1));
    struct netvane_region_lpm_node *n = node(f, IP(20, 1)), *child = cell(f, n->block);
    const uint32_t end = (uint32_t)(f->region.used / NETVANE_CELL_UNIT);
    /* A node whose block it stands in itself. */
    FINDS("circle", child, *child = *n);
    FINDS("circle", child, child->block = end);
    FINDS("out of the region", n, n->block = UINT32_MAX);
    FINDS("out of the region", l, l->group[0].place |= 0xff00);
    FINDS("out of the region", l, l->group[3].place = UINT32_MAX);
    struct netvane_region_fan_slot *s = fan_slot(f, IP(248, 0), 0);
    FINDS("out of the region", &s->child, s->child = end);
    FINDS("", &s->child,
          s->child = main4(f)->top); /* a fan under itself: what is there explains nothing */
    s = fan_slot(f, IP(10, 0), 1);
    FINDS("out of the region", s + 5, s[5].child = UINT32_MAX);
    FINDS("", &main4(f)->top, main4(f)->top = UINT32_MAX);
}

/*
 * All 32 nodes of a block lead to the same next one, down to the last bit: 32 to the 22nd ways. None is a circle, but there are
 * more cells on them than the region has room for.
 */
static void index_of_more_cells_than_there_is_room_for_is_found_and_not_copied(void **state)
{
    struct fixture *f = *state;
    fake_route(&f->state, 254, "2001:db8:2::/64", 0, 3);
    fake_publish(&f->region, &f->state, false);
    const struct nv_bits dst = {UINT64_C(0x20010db800020000), 0};
    const struct nv_lpm lpm =
        nv_lpm_of(f->region.base, f->region.used, &slot(f)->lpm[NETVANE_SL_MAIN6]);
    const unsigned char *at_leaf = NULL;
    assert_true(nv_lpm_leaf(&lpm, dst.hi, &at_leaf));
    struct netvane_region_lpm_node *nodes = cell(f, 0), *n = nodes;
    n += (nv_leaf_node(at_leaf, nv_leaf_group(at_leaf, nv_leaf_place(dst.hi) / 32)) -
          (const unsigned char *)nodes) /
         (ptrdiff_t)sizeof(*n);
    assert_true(n->children != 0);
    uint64_t at = f->region.used;
    for (unsigned depth = NETVANE_LPM_NODES; depth < 124; depth += NETVANE_LPM_STRIDE) {
        const uint32_t ref = (uint32_t)((at - NETVANE_NOTHING_OFFSET) / NETVANE_CELL_UNIT);
        *n = (struct netvane_region_lpm_node){.children = UINT32_MAX, .block = ref};
        n = cell(f, ref);
        for (unsigned i = 1; i < 32 && depth > NETVANE_LPM_NODES; i++)
            nodes[i] = nodes[0];
        nodes = n;
        at += NETVANE_CELL_MAX;
    }
    f->region.used = at + NETVANE_CELL_MAX;
    nv_write_committed(f->region.base, f->region.used);
    assert_true(check(f) > 0);
    struct netvane_state *copy = NULL;
    const struct netvane_snap snap = begin(f);
    struct rusage before, after;
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    assert_int_equal(netvane_state_copy(&snap, &copy), NETVANE_CORRUPT);
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    assert_null(copy);
    assert_true(after.ru_maxrss - before.ru_maxrss < 32 * 1024); /* some MiB, as the region has */
}

/* ---- roots and records ---------------------------------------------------------------------------------------- */

static struct netvane_rec_table *record(struct fixture *f, unsigned i, uint32_t *ret_ref)
{
    *ret_ref = slot(f)->tree[NETVANE_TREE_TABLES].ref;
    return (struct netvane_rec_table *)(void *)fake_node(&f->region, *ret_ref)->bytes + i;
}

static void lengths_that_are_not_those_of_the_prefixes_are_found(void **state)
{
    struct fixture *f = *state;
    uint32_t ref;
    for (unsigned i = 0; i < slot(f)->tree[NETVANE_TREE_TABLES].count; i++)
        for (unsigned bit = 0; bit < 160; bit += 3) {
            struct netvane_rec_table *r = record(f, i, &ref);
            r->lengths[bit / 32] ^= 1u << bit % 32;
            fake_node_seal(&f->region, ref);
            assert_int_equal(check(f), 1);
            assert_non_null(strstr(said, "prefix lengths"));
            r->lengths[bit / 32] ^= 1u << bit % 32;
            fake_node_seal(&f->region, ref);
        }
    assert_int_equal(check(f), 0);
}

static void wrong_number_of_routes_is_found(void **state)
{
    struct fixture *f = *state;
    uint32_t ref;
    FINDS("its root says", &main4(f)->routes, main4(f)->routes++);
    struct netvane_rec_table *r = record(f, 0, &ref);
    r->lpm.routes--;
    fake_node_seal(&f->region, ref);
    assert_int_equal(check(f), 1);
    assert_non_null(strstr(said, "its root says"));
}

static void table_without_an_index_or_a_record_is_found(void **state)
{
    struct fixture *f = *state;
    uint32_t ref;
    FINDS("routes", &main4(f)->state, main4(f)->state = NETVANE_LS_NONE);
    FINDS("routes", &main4(f)->state, main4(f)->state = NETVANE_LS_BROKEN + 1);
    struct netvane_rec_table *r = record(f, 0, &ref);
    const uint64_t key = r->key[0];
    r->key[0] = key - 1; /* of a table that has no route */
    fake_node_seal(&f->region, ref);
    assert_true(check(f) > 0);
    r->key[0] = (uint64_t)3 << 32 | 100; /* of no family */
    fake_node_seal(&f->region, ref);
    assert_true(check(f) > 0);
    r->key[0] = key;
    fake_node_seal(&f->region, ref);
    assert_int_equal(check(f), 0);
}

static void broken_index_is_no_damage_but_its_number_of_routes_counts(void **state)
{
    struct fixture *f = *state;
    *main4(f) = (struct netvane_region_lpm){.routes = main4(f)->routes, .state = NETVANE_LS_BROKEN};
    fake_slot_seal(&f->region, f->region.version);
    assert_int_equal(check(f), 0);
    FINDS("its root says", &main4(f)->routes, main4(f)->routes++);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(value_that_is_anothers_is_found),
        fixture_test(value_that_is_missing_is_found),
        fixture_test(value_that_no_route_explains_is_found),
        fixture_test(info_that_is_not_its_routes_is_found),
        fixture_test(circles_and_references_out_of_the_region_are_found),
        fixture_test(index_of_more_cells_than_there_is_room_for_is_found_and_not_copied),
        fixture_test(lengths_that_are_not_those_of_the_prefixes_are_found),
        fixture_test(wrong_number_of_routes_is_found),
        fixture_test(table_without_an_index_or_a_record_is_found),
        fixture_test(broken_index_is_no_damage_but_its_number_of_routes_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
