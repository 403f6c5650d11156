/* SPDX-License-Identifier: MIT */
/* Differences between States, and private copies of them. */
#include "tests/unit/reader_fixture.h"

#include <stdio.h>

struct tally {
    unsigned upserts[NETVANE_CLASS_COUNT], removals[NETVANE_CLASS_COUNT],
        changes[NETVANE_CLASS_COUNT];
    unsigned all;
    int stop_with;
    struct netvane_route before, after; /* the last route */
    struct netvane_link link;
};

static int count(void *arg, const struct netvane_change *c)
{
    struct tally *t = arg;
    t->all++;
    if (!c->before)
        t->upserts[c->cls]++;
    else if (!c->after)
        t->removals[c->cls]++;
    else
        t->changes[c->cls]++;
    if (c->cls == NETVANE_CLASS_ROUTE && c->before)
        t->before = *(const struct netvane_route *)c->before;
    if (c->cls == NETVANE_CLASS_ROUTE && c->after)
        t->after = *(const struct netvane_route *)c->after;
    if (c->cls == NETVANE_CLASS_LINK && c->after)
        t->link = *(const struct netvane_link *)c->after;
    return t->stop_with;
}

static struct tally diff(const struct netvane_snap *a, const struct netvane_snap *b)
{
    struct tally t = {0};
    assert_int_equal(netvane_diff(a, b, NETVANE_CLASS_ALL, count, &t), NETVANE_OK);
    return t;
}

static void *record(struct fixture *f, unsigned tree, uint64_t k0, uint64_t k1)
{
    const uint64_t key[NV_TREE_KEY_WORDS_MAX] = {k0, k1};
    void *r = fake_find(&f->state, tree, key);
    assert_non_null(r);
    return r;
}

static struct netvane_snap publish(struct fixture *f)
{
    fake_publish(&f->region, &f->state, false);
    return begin(f);
}

static void equal_states_do_not_differ(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap a = begin(f), b = publish(f);
    assert_int_equal(diff(&a, &a).all, 0);
    assert_int_equal(diff(&a, &b).all, 0);
}

static void what_was_added_removed_and_changed_is_told(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap a = begin(f);
    struct netvane_rec_link *l = record(f, NETVANE_TREE_LINKS, 2, 0);
    l->mtu = 9000;
    fake_link(&f->state, 8, "new0", 0, NULL);
    fake_addr(&f->state, 3, "192.0.2.99/32", 0, 0, 1);
    fake_route(&f->state, 254, "172.16.0.0/12", 0, 1);
    const uint64_t gone[2] = {(uint64_t)100 << 32 | 0xcb007100, (uint64_t)24 << 56};
    fake_remove(&f->state, NETVANE_TREE_ROUTES4, gone);
    struct netvane_rec_rule *r = record(f, NETVANE_TREE_RULES, (uint64_t)4 << 32 | 32766, 0);
    r->table = 253;
    fake_nexthop(&f->state, 10, 2, 0);
    struct netvane_snap b = publish(f);
    struct tally t = diff(&a, &b);
    assert_int_equal(t.all, 7);
    assert_int_equal(t.changes[NETVANE_CLASS_LINK], 1);
    assert_int_equal(t.upserts[NETVANE_CLASS_LINK], 1);
    assert_int_equal(t.upserts[NETVANE_CLASS_ADDR], 1);
    assert_int_equal(t.upserts[NETVANE_CLASS_ROUTE], 1);
    assert_int_equal(t.removals[NETVANE_CLASS_ROUTE], 1);
    assert_int_equal(t.changes[NETVANE_CLASS_RULE], 1);
    assert_int_equal(t.upserts[NETVANE_CLASS_NEXTHOP], 1);
    assert_int_equal(t.after.dst_len, 12);
    assert_int_equal(t.after.hop.ifindex, 2);
    assert_int_equal(t.before.type, 6);
    t = diff(&b, &a);
    assert_int_equal(t.all, 7);
    assert_int_equal(t.removals[NETVANE_CLASS_LINK], 1);
    struct tally only = {0};
    assert_int_equal(netvane_diff(&a, &b, 1u << NETVANE_CLASS_RULE, count, &only), NETVANE_OK);
    assert_int_equal(only.all, 1);
}

static void refreshed_lifetimes_are_no_difference(void **state)
{
    struct fixture *f = *state;
    struct netvane_rec_addr *x =
        &((struct netvane_rec_addr *)(void *)f->state.trees[NETVANE_TREE_ADDRS].bytes)[0];
    x->valid_until_ns = 1000;
    struct netvane_snap from = publish(f);
    x = &((struct netvane_rec_addr *)(void *)f->state.trees[NETVANE_TREE_ADDRS].bytes)[0];
    x->valid_until_ns = 2000;
    struct netvane_snap to = publish(f);
    assert_int_equal(diff(&from, &to).all, 0);
    x->valid_until_ns = UINT64_MAX; /* limited before, not any more */
    to = publish(f);
    assert_int_equal(diff(&from, &to).changes[NETVANE_CLASS_ADDR], 1);
}

static void a_part_that_changes_under_its_id_changes_those_who_name_it(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap a = begin(f), b;
    struct netvane_rec_hop *h = record(f, NETVANE_TREE_HOPS, (uint64_t)2 << 32 | 1, 0);
    h->weight = 7;
    b = publish(f);
    struct tally t = diff(&a, &b);
    assert_int_equal(t.all, 1);
    assert_int_equal(t.changes[NETVANE_CLASS_ROUTE], 1);
    assert_int_equal(t.after.dst_len, 8);

    struct netvane_rec_member *m = record(f, NETVANE_TREE_MEMBERS, (uint64_t)9 << 32, 0);
    m->weight = 5;
    struct netvane_snap c = publish(f);
    t = diff(&b, &c);
    assert_int_equal(t.all, 1);
    assert_int_equal(t.changes[NETVANE_CLASS_NEXTHOP], 1);

    struct netvane_rec_altname *alt = record(f, NETVANE_TREE_ALTNAMES, (uint64_t)2 << 32 | 2, 0);
    memcpy(alt->name, "lan", 3);
    alt->name[0] = 'w';
    struct netvane_snap d = publish(f);
    t = diff(&c, &d);
    assert_int_equal(t.all, 1);
    assert_int_equal(t.changes[NETVANE_CLASS_LINK], 1);

    fake_metric(&f->state, 1, 5, 99); /* one more metric in the set of 10/8 */
    struct netvane_snap e = publish(f);
    t = diff(&d, &e);
    assert_int_equal(t.all, 1);
    assert_int_equal(t.changes[NETVANE_CLASS_ROUTE], 1);
}

static void another_id_for_the_same_content_is_no_difference(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap a = begin(f);
    struct netvane_rec_link *l = record(f, NETVANE_TREE_LINKS, 3, 0);
    l->kind = fake_string(&f->state, "wireguard", 9);
    fake_hop(&f->state, 50, 0, 1, 3, NULL); /* as set 4 */
    struct netvane_rec_route4 *r =
        record(f, NETVANE_TREE_ROUTES4, (uint64_t)254 << 32 | 0x0a090000, (uint64_t)16 << 56);
    r->hops = 50;
    struct netvane_snap b = publish(f);
    assert_int_equal(diff(&a, &b).all, 0);
}

static void a_link_that_came_again_under_its_index_is_one_change(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap a = begin(f);
    ((struct netvane_rec_link *)record(f, NETVANE_TREE_LINKS, 3, 0))->id = 4711;
    struct netvane_snap b = publish(f);
    struct tally t = diff(&a, &b);
    assert_int_equal(t.all, 1);
    assert_int_equal(t.changes[NETVANE_CLASS_LINK], 1);
}

static void large_trees_are_compared_by_their_differences(void **state)
{
    struct fixture *f = *state;
    char text[64];
    for (unsigned i = 0; i < 4000; i++) {
        snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 250, i % 250);
        fake_route(&f->state, 300, text, 0, 1);
    }
    struct netvane_snap a = publish(f);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(text, sizeof(text), "11.%u.%u.0/24", i / 250, i % 250);
        fake_route(&f->state, 300, text, 0, 4);
    }
    struct netvane_rec_route4 *r =
        record(f, NETVANE_TREE_ROUTES4, (uint64_t)300 << 32 | 0x0a030700, (uint64_t)24 << 56);
    r->protocol = 99;
    struct netvane_snap b = publish(f);
    struct tally t = diff(&a, &b);
    assert_int_equal(t.upserts[NETVANE_CLASS_ROUTE], 300);
    assert_int_equal(t.changes[NETVANE_CLASS_ROUTE], 1);
    assert_int_equal(t.all, 301);
    t = diff(&b, &a);
    assert_int_equal(t.removals[NETVANE_CLASS_ROUTE], 300);
}

static void the_callbacks_answer_ends_the_walk(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap a = begin(f);
    fake_link(&f->state, 8, "n8", 0, NULL);
    fake_link(&f->state, 9, "n9", 0, NULL);
    struct netvane_snap b = publish(f);
    struct tally t = {.stop_with = 42};
    assert_int_equal(netvane_diff(&a, &b, NETVANE_CLASS_ALL, count, &t), 42);
    assert_int_equal(t.all, 1);
    assert_int_equal(netvane_diff(&a, &b, 1u << 7, count, &t), NETVANE_INVALID);
    assert_int_equal(netvane_diff(&a, NULL, 1, count, &t), NETVANE_INVALID);
}

static int expire_it(void *arg, const struct netvane_change *c)
{
    struct fixture *f = arg;
    (void)c;
    fake_expire(&f->region, f->region.version);
    return 0;
}

static void expiry_in_the_middle_is_told(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap a = begin(f);
    fake_link(&f->state, 8, "n8", 0, NULL);
    fake_link(&f->state, 9, "n9", 0, NULL);
    struct netvane_snap b = publish(f);
    assert_int_equal(netvane_diff(&a, &b, NETVANE_CLASS_ALL, expire_it, f), NETVANE_EXPIRED);
}

static void a_private_copy_reads_like_the_region_and_never_expires(void **state)
{
    struct fixture *f = *state;
    char text[64];
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 250, i % 250);
        fake_route(&f->state, 300, text, 0, 1);
    }
    struct netvane_snap a = publish(f), mine;
    struct netvane_state *copy, *second;
    struct netvane_link l;
    struct netvane_info i;
    struct netvane_default d;
    NETVANE_INIT(&l);
    NETVANE_INIT(&i);
    NETVANE_INIT(&d);
    assert_int_equal(netvane_state_copy(&a, &copy), NETVANE_OK);
    netvane_state_snap(copy, &mine);
    assert_int_equal(diff(&a, &mine).all, 0);
    fake_link(&f->state, 8, "n8", 0, NULL);
    struct netvane_snap b = publish(f);
    fake_expire(&f->region, f->region.version);
    assert_int_equal(netvane_snap_check(&a), NETVANE_EXPIRED);
    assert_int_equal(netvane_snap_check(&mine), NETVANE_OK);
    assert_int_equal(netvane_link_get_by_name(&mine, "lan", &l), NETVANE_OK);
    assert_int_equal(netvane_snap_info(&mine, &i), NETVANE_OK);
    assert_int_equal(i.routes4, 3006);
    assert_int_equal(netvane_snap_default(&mine, 4, &d), NETVANE_OK);
    struct tally t = diff(&mine, &b);
    assert_int_equal(t.all, 1);
    assert_int_equal(t.upserts[NETVANE_CLASS_LINK], 1);
    assert_int_equal(netvane_state_copy(&mine, &second), NETVANE_OK);
    netvane_state_free(copy);
    netvane_state_snap(second, &mine);
    assert_int_equal(diff(&mine, &b).all, 1);
    struct netvane_wait_args w;
    uint32_t got = 0;
    NETVANE_INIT(&w);
    w.since = &mine;
    assert_int_equal(netvane_wait(f->nv, &w, &got), NETVANE_OK);
    assert_int_equal(got, NETVANE_TOPIC_LINKS);
    netvane_state_free(second);
    netvane_state_free(NULL);
}

static void states_of_two_writers_are_compared_by_content(void **state)
{
    struct fixture *f = *state;
    struct fixture g;
    memset(&g, 0, sizeof(g));
    fake_region_make(&g.region, "other");
    fake_example(&g.state);
    for (unsigned t = 0; t < NETVANE_TREE_TABLES; t++) /* that one is made by publishing */
        assert_int_equal(g.state.trees[t].count, f->state.trees[t].count);
    /* The same objects under other ids. */
    const uint64_t wg = 3;
    ((struct netvane_rec_link *)fake_find(&g.state, NETVANE_TREE_LINKS, &wg))->kind =
        fake_string(&g.state, "wireguard", 9);
    fake_publish(&g.region, &g.state, false);
    assert_int_equal(open_fake(&g.region, &g.nv), NETVANE_OK);
    struct netvane_snap a = begin(f), b = begin(&g);
    assert_int_equal(diff(&a, &b).all, 0);
    fake_rule(&g.state, 6, 1, 1);
    b = publish(&g);
    assert_int_equal(diff(&a, &b).all, 1);
    netvane_close(g.nv);
    fake_region_free(&g.region);
    fake_state_free(&g.state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(equal_states_do_not_differ),
        fixture_test(what_was_added_removed_and_changed_is_told),
        fixture_test(refreshed_lifetimes_are_no_difference),
        fixture_test(a_part_that_changes_under_its_id_changes_those_who_name_it),
        fixture_test(another_id_for_the_same_content_is_no_difference),
        fixture_test(a_link_that_came_again_under_its_index_is_one_change),
        fixture_test(large_trees_are_compared_by_their_differences),
        fixture_test(the_callbacks_answer_ends_the_walk),
        fixture_test(expiry_in_the_middle_is_told),
        fixture_test(a_private_copy_reads_like_the_region_and_never_expires),
        fixture_test(states_of_two_writers_are_compared_by_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
