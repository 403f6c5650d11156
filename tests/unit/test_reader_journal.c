/* SPDX-License-Identifier: MIT */
/*
 * test_reader_journal.c - proves that the journal tells the differences that the walk tells, over random histories of a real
 * writer's mirror; and what a reader does where the journal does not reach, or holds anything at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reader/diff.h"
#include "tests/fake/fake_content.h"
#include "tests/fake/fake_live.h"
#include "tests/fake/fake_writer.h"

static struct fake_live *l;
static struct netvane *nv;
static uint64_t rnd;

static uint32_t any(uint32_t below)
{
    return fake_random(&rnd, below);
}

static int start(void **state)
{
    (void)state;
    l = fake_live_start();
    rnd = fake_seed();
    nv = fake_live_open(l);
    return 0;
}

static int end(void **state)
{
    (void)state;
    netvane_close(nv);
    return fake_live_end(l);
}

static struct netvane_snap newest(void)
{
    struct netvane_snap snap;
    assert_int_equal(netvane_snap_begin(nv, &snap), NETVANE_OK);
    return snap;
}

/* ---- what was told -------------------------------------------------------------------------------------- */

#define TOLD_MAX 20000

struct told {
    uint64_t count, sum;              /* of the differences, in any order */
    uint64_t moved[NETVANE_RT_COUNT]; /* the digests that they explain */
    uint64_t keys[TOLD_MAX];          /* each object once */
    bool by_journal;
    int result;
};

static unsigned topic_of(enum netvane_class cls)
{
    static const uint8_t topics[] = {NETVANE_RT_LINKS, NETVANE_RT_ADDRS, NETVANE_RT_ROUTES,
                                     NETVANE_RT_RULES, NETVANE_RT_NEXTHOPS};
    return topics[cls];
}

static uint64_t content_of(const struct nv_side *x, unsigned tree)
{
    uint64_t h = 0;
    switch (tree) {
    case NETVANE_TREE_LINKS:
        assert_int_equal(nv_hash_link(&x->s, &x->rec.link, &h), NV_TREE_OK);
        break;
    case NETVANE_TREE_ADDRS: h = nv_content_addr(&x->rec.addr); break;
    case NETVANE_TREE_ROUTES4:
        assert_int_equal(nv_hash_route4(&x->s, NULL, &x->rec.route4, &h), NV_TREE_OK);
        break;
    case NETVANE_TREE_ROUTES6:
        assert_int_equal(nv_hash_route6(&x->s, NULL, &x->rec.route6, &h), NV_TREE_OK);
        break;
    case NETVANE_TREE_RULES: h = nv_content_rule(&x->rec.rule); break;
    default: assert_int_equal(nv_hash_nexthop(&x->s, &x->rec.nexthop, &h), NV_TREE_OK);
    }
    return h;
}

static void take(struct told *t, const struct nv_diff *d, const struct netvane_change *c,
                 const struct netvane_snap *from, const struct netvane_snap *to)
{
    const union nv_record *rec = c->before ? &d->a.rec : &d->b.rec;
    uint64_t h = c->cls;
    uint64_t key = nv_mix(d->tree + nv_hash(rec->key, nv_tree_shape(d->tree)->key_words * 8u));
    h = nv_mix(h ^ (c->before ? fake_content(from, c->cls, c->before) : 0));
    h = nv_mix(h ^ (c->after ? fake_content(to, c->cls, c->after) : 0));
    assert_true(c->before || c->after);
    assert_true(t->count < TOLD_MAX);
    t->sum += nv_mix(h ^ key);
    t->keys[t->count++] = key;
    t->moved[topic_of(c->cls)] +=
        (c->after ? content_of(&d->b, d->tree) : 0) - (c->before ? content_of(&d->a, d->tree) : 0);
}

static int compare_words(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, 8);
    memcpy(&y, b, 8);
    return x < y ? -1 : x > y;
}

static void tell(struct told *t, const struct netvane_snap *from, const struct netvane_snap *to,
                 bool may_use_journal)
{
    struct netvane_change c;
    struct nv_diff d;
    int r;
    enum netvane_class last = NETVANE_CLASS_LINK;
    memset(t, 0, offsetof(struct told, keys));
    assert_int_equal(nv_diff_begin(&d, from, to, NETVANE_CLASS_ALL, may_use_journal), NETVANE_OK);
    while ((r = nv_diff_next(&d, &c)) > 0) {
        assert_true(c.cls >= last);
        last = c.cls;
        take(t, &d, &c, from, to);
    }
    t->by_journal = d.by_journal;
    t->result = r;
    qsort(t->keys, t->count, sizeof(t->keys[0]), compare_words);
    for (uint64_t i = 1; i < t->count; i++)
        assert_true(t->keys[i] != t->keys[i - 1]);
}

static struct told by_journal, by_walk;

static void assert_both_tell_the_same(const struct netvane_snap *from,
                                      const struct netvane_snap *to)
{
    tell(&by_journal, from, to, true);
    tell(&by_walk, from, to, false);
    assert_int_equal(by_journal.result, NETVANE_OK);
    assert_int_equal(by_walk.result, NETVANE_OK);
    assert_false(by_walk.by_journal);
    assert_int_equal(by_journal.count, by_walk.count);
    assert_true(by_journal.sum == by_walk.sum);
}

/* ---- histories ------------------------------------------------------------------------------------------ */

/* Moves on by one random version. Trees are held back and let go of now and then. */
static void random_version(bool may_hold)
{
    if (may_hold && !any(40)) {
        const uint32_t holds[] = {0, NV_HOLD_ROUTES, NV_HOLD_ALL};
        l->c.hold = holds[any(3)];
        l->c.quality = l->c.hold ? NETVANE_RQ_RESYNCING : 0;
        fake_live_commit(l); /* before anything of theirs is edited */
    }
    for (uint32_t i = any(6); i; i--)
        fake_random_fact(&l->m, &rnd);
    if (!any(30))
        fake_random_dump(&l->m, &rnd);
    fake_live_commit(l);
}

#define KEPT 200

static void journal_and_walk_tell_the_same_of_random_histories(void **state)
{
    (void)state;
    struct netvane_snap snaps[KEPT];
    uint64_t told = 0, undone = 0, journals = 0;
    for (unsigned i = 0; i < KEPT; i++)
        snaps[i] = newest();
    for (unsigned step = 0; step < 6000; step++) {
        random_version(true);
        snaps[step % KEPT] = newest();
        /* One step, some, or all that are kept; backwards too. */
        const struct netvane_snap
            *to = &snaps[step % KEPT],
            *from = &snaps[(step + KEPT - 1 - any(any(3) ? 10 : KEPT - 1)) % KEPT];
        if (any(8) == 0) {
            const struct netvane_snap *swap = from;
            from = to;
            to = swap;
        }
        assert_both_tell_the_same(from, to);
        told += by_journal.count;
        journals += by_journal.by_journal;
        struct netvane_info a, b;
        NETVANE_INIT(&a);
        NETVANE_INIT(&b);
        assert_int_equal(netvane_snap_info(from, &a), NETVANE_OK);
        assert_int_equal(netvane_snap_info(to, &b), NETVANE_OK);
        for (unsigned t = NETVANE_RT_LINKS; t <= NETVANE_RT_NEXTHOPS; t++) {
            undone += a.version != b.version && a.digests[t] == b.digests[t];
            assert_true(by_journal.moved[t] == b.digests[t] - a.digests[t]);
        }
        if (step % 50 == 0) { /* and so does a comparison by content alone */
            struct netvane_state *copy;
            struct netvane_snap mine;
            assert_int_equal(netvane_state_copy(from, &copy), NETVANE_OK);
            netvane_state_snap(copy, &mine);
            tell(&by_walk, &mine, to, true);
            netvane_state_free(copy);
            assert_false(by_walk.by_journal);
            assert_int_equal(by_walk.count, by_journal.count);
            assert_true(by_walk.sum == by_journal.sum);
        }
    }
    printf("%llu differences, %llu of 6000 by the journal\n", (unsigned long long)told,
           (unsigned long long)journals);
    assert_true(told > 20000 && undone > 1000);
    assert_int_equal(journals, 6000);
    l->c.hold = 0;
    fake_live_commit(l);
}

/* ---- where the journal does not reach ------------------------------------------------------------------ */

static void put_route(uint32_t i, uint8_t protocol)
{
    struct nv_hop h = fact_hop(2, "10.0.0.254");
    struct nv_route r = fact_route(100, "172.16.0.0", 32, 0, &h, 1);
    nv_store_be32(r.dst, 0xac100000u + i);
    r.protocol = protocol;
    (void)nv_mirror_route_put(&l->m, &r, NV_LIST_REPLACE, false, 0);
}

static void put_routes(uint32_t count, uint8_t protocol)
{
    for (uint32_t i = 0; i < count; i++)
        put_route(i, protocol);
    fake_live_commit(l);
}

static void versions_too_far_apart_are_walked(void **state)
{
    (void)state;
    put_routes(500, 4);
    struct netvane_snap from = newest(), later;
    for (uint8_t i = 0; i < 33; i++) {
        put_routes(500, 5 + i);
        if (i == 5)
            later = newest();
    }
    struct netvane_snap to = newest();
    assert_both_tell_the_same(&from, &to);
    assert_int_equal(by_journal.count, 500);
    assert_false(by_journal.by_journal);
    assert_both_tell_the_same(&later, &to); /* not so far */
    assert_true(by_journal.by_journal);
    assert_int_equal(by_journal.count, 500);
}

static void a_version_that_changed_too_much_is_walked_and_those_behind_it_are_not(void **state)
{
    (void)state;
    struct netvane_snap from = newest();
    put_routes(9000, 4);
    struct netvane_snap middle = newest();
    put_routes(3, 5);
    struct netvane_snap to = newest();
    assert_both_tell_the_same(&from, &to);
    assert_false(by_journal.by_journal);
    assert_int_equal(by_journal.count, 9000);
    assert_both_tell_the_same(&middle, &to);
    assert_true(by_journal.by_journal);
    assert_int_equal(by_journal.count, 3);
}

static void entries_lost_before_anything_was_told_are_made_up_for_by_the_walk(void **state)
{
    (void)state;
    struct netvane_snap from = newest();
    put_routes(20, 4);
    struct netvane_snap to = newest();
    struct nv_diff d;
    struct netvane_change c;
    unsigned told = 0;
    assert_int_equal(nv_diff_begin(&d, &from, &to, NETVANE_CLASS_ALL, true), NETVANE_OK);
    /* As if the writer came by between the look at the floor and the end of the section. */
    assert_int_equal(nv_reenter(&d.a.s), NETVANE_OK);
    assert_int_equal(nv_diff_journal_begin(&d), NV_TREE_OK);
    assert_int_equal(nv_leave(&d.a.s, NV_TREE_OK), NETVANE_OK);
    assert_true(d.by_journal);
    d.begun = true;
    for (uint64_t at = d.first; at < d.end; at++)
        memset(l->p.base + NV_JOURNAL_PLACE(at, NETVANE_JOURNAL_ENTRIES), 0xa5, 64);
    nv_write_journal_floor(l->p.base, d.end);
    while (nv_diff_next(&d, &c) > 0)
        told++;
    assert_int_equal(told, 20);
    assert_int_equal(d.ended, 1);
    assert_false(d.by_journal);
}

static void entries_lost_after_something_was_told_are_told_as_expired(void **state)
{
    (void)state;
    struct netvane_snap from = newest();
    put_routes(20, 4);
    struct netvane_snap to = newest();
    struct nv_diff d;
    struct netvane_change c;
    assert_int_equal(nv_diff_begin(&d, &from, &to, NETVANE_CLASS_ALL, true), NETVANE_OK);
    assert_int_equal(nv_diff_next(&d, &c), 1);
    nv_write_journal_floor(l->p.base, d.end);
    assert_int_equal(nv_diff_next(&d, &c), NETVANE_EXPIRED);
    assert_int_equal(nv_diff_next(&d, &c), NETVANE_EXPIRED);
    assert_both_tell_the_same(&from, &to); /* from the beginning, it is a walk */
    assert_false(by_journal.by_journal);
    assert_int_equal(by_journal.count, 20);
}

/* ---- damage --------------------------------------------------------------------------------------------- */

static int ignore(void *arg, const struct netvane_change *c)
{
    (void)c;
    return ++*(unsigned *)arg > 100000;
}

static struct netvane_region_entry *entry(uint64_t position)
{
    return (
        struct netvane_region_entry *)(void *)(l->p.base +
                                               NV_JOURNAL_PLACE(position, NETVANE_JOURNAL_ENTRIES));
}

static void an_entry_that_cannot_be_of_the_range_is_corrupt(void **state)
{
    (void)state;
    struct netvane_snap from = newest();
    put_routes(20, 4);
    struct netvane_snap to = newest();
    const struct netvane_region_slot *slot = (const void *)(l->p.base + NV_SLOT(to.version));
    struct netvane_region_entry *e = entry(slot->journal_end - 5), good = *e;
    unsigned told = 0;
    const struct netvane_region_entry bad[] = {
        {.version = good.version + 1, .tree = good.tree},
        {.version = from.version, .tree = good.tree},
        {.version = good.version, .tree = NETVANE_TREE_HOPS},
        {.version = good.version, .tree = 200},
        {.version = good.version, .since = UINT32_MAX, .tree = good.tree},
    };
    for (size_t i = 0; i < NV_ARRAY_LEN(bad); i++) {
        *e = bad[i];
        assert_int_equal(netvane_diff(&from, &to, NETVANE_CLASS_ALL, ignore, &told),
                         NETVANE_CORRUPT);
        assert_int_equal(told, 0);
    }
    *e = good;
    assert_int_equal(netvane_diff(&from, &to, NETVANE_CLASS_ALL, ignore, &told), NETVANE_OK);
    assert_int_equal(told, 20);
}

static void ends_that_make_no_range_are_walked(void **state)
{
    (void)state;
    struct netvane_snap from = newest();
    put_routes(20, 4);
    struct netvane_snap to = newest();
    struct netvane_region_slot *a = (void *)(l->p.base + NV_SLOT(from.version)),
                               *b = (void *)(l->p.base + NV_SLOT(to.version));
    const uint64_t first = a->journal_end, last = b->journal_end;
    const uint64_t ends[][2] = {{0, last},           {last + 1, last}, {first, first + 100000},
                                {first, UINT64_MAX}, {1, 0},           {0, 0}};
    for (size_t i = 0; i < NV_ARRAY_LEN(ends); i++) {
        a->journal_end = ends[i][0];
        b->journal_end = ends[i][1];
        assert_both_tell_the_same(&from, &to);
        assert_int_equal(by_journal.count, 20);
        assert_false(by_journal.by_journal);
    }
}

static void random_bytes_in_the_journal_end_every_difference_soon(void **state)
{
    (void)state;
    unsigned results[3] = {0};
    put_routes(300, 4);
    struct netvane_snap from = newest();
    for (unsigned i = 0; i < 50; i++)
        random_version(false);
    struct netvane_snap to = newest();
    struct netvane_region_slot *a = (void *)(l->p.base + NV_SLOT(from.version)),
                               *b = (void *)(l->p.base + NV_SLOT(to.version));
    const uint64_t first = a->journal_end, last = b->journal_end;
    static unsigned char good[NETVANE_ARENA_OFFSET - NETVANE_JOURNAL_OFFSET];
    memcpy(good, l->p.base + NETVANE_JOURNAL_OFFSET, sizeof(good));
    for (unsigned round = 0; round < 3000; round++) {
        unsigned told = 0;
        for (unsigned i = any(4); i < 4; i++) {
            struct netvane_region_entry *e = entry(first + any((uint32_t)(last - first)));
            ((unsigned char *)e)[any(64)] = (unsigned char)any(256);
        }
        if (!any(4))
            a->journal_end = first + any(40) - 20;
        if (!any(4))
            b->journal_end = last + any(40) - 20;
        int r = netvane_diff(&from, &to, NETVANE_CLASS_ALL, ignore, &told);
        assert_true(r == NETVANE_OK || r == NETVANE_CORRUPT || r == NETVANE_EXPIRED);
        assert_true(told <= NETVANE_JOURNAL_ENTRIES + 2000);
        results[r == NETVANE_OK ? 0 : r == NETVANE_CORRUPT ? 1 : 2]++;
        memcpy(l->p.base + NETVANE_JOURNAL_OFFSET, good, sizeof(good));
        a->journal_end = first;
        b->journal_end = last;
    }
    assert_true(results[0] > 0 && results[1] > 0);
    assert_both_tell_the_same(&from, &to);
    assert_true(by_journal.by_journal);
}

static void findings(void *arg, const char *text)
{
    (void)snprintf(arg, 200, "%s", text);
}

static void the_check_finds_what_is_wrong_with_the_journal(void **state)
{
    (void)state;
    char text[200] = "";
    /* Facts at random make States that the check has something to say about: here are whole ones. */
    struct nv_link link = fact_link(2, "eth0", 1);
    (void)nv_mirror_link_put(&l->m, &link);
    for (uint8_t i = 0; i < 30; i++) {
        put_route(i, (uint8_t)(3 + i));
        put_routes(3, (uint8_t)(4 + i));
    }
    assert_int_equal(netvane_check(nv, findings, text), 0);
    const uint64_t v = l->p.head;
    struct netvane_region_slot *now = (void *)(l->p.base + NV_SLOT(v)),
                               *before = (void *)(l->p.base + NV_SLOT(v - 7));
    struct netvane_region_entry *e = entry(now->journal_end - 2), good = *e;
    e->version--;
    assert_int_equal(netvane_check(nv, findings, text), 1);
    assert_non_null(strstr(text, "is of another version"));
    *e = good;
    e->tree = NETVANE_TREE_STRINGS;
    assert_int_equal(netvane_check(nv, findings, text), 1);
    assert_non_null(strstr(text, "names no object"));
    *e = good;
    e->key[5] = 1;
    assert_int_equal(netvane_check(nv, findings, text), 1);
    assert_non_null(strstr(text, "a key that is too long"));
    *e = good;
    e->since = UINT32_MAX;
    assert_int_equal(netvane_check(nv, findings, text), 1);
    *e = good;
    e->since = 0; /* so that it is told twice */
    assert_int_equal(netvane_check(nv, findings, text), 1);
    assert_non_null(strstr(text, "their trees have"));
    *e = good;
    struct netvane_region_entry *only =
        entry(2); /* the link, named but once: not in version 2 any more */
    good = *only;
    only->key[0] = 77;
    assert_int_equal(netvane_check(nv, findings, text), 1);
    assert_non_null(strstr(text, "their trees have"));
    *only = good;
    before->journal_end += 20;
    assert_int_equal(netvane_check(nv, findings, text), 1);
    assert_non_null(strstr(text, "ends before the one before"));
    before->journal_end -= 20;
    assert_int_equal(netvane_check(nv, findings, text), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(journal_and_walk_tell_the_same_of_random_histories),
        T(versions_too_far_apart_are_walked),
        T(a_version_that_changed_too_much_is_walked_and_those_behind_it_are_not),
        T(entries_lost_before_anything_was_told_are_made_up_for_by_the_walk),
        T(entries_lost_after_something_was_told_are_told_as_expired),
        T(an_entry_that_cannot_be_of_the_range_is_corrupt),
        T(ends_that_make_no_range_are_walked),
        T(random_bytes_in_the_journal_end_every_difference_soon),
        T(the_check_finds_what_is_wrong_with_the_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
