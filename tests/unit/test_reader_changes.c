/* SPDX-License-Identifier: MIT */
/*
 * test_reader_changes.c - proves that who applies each change of netvane_changes_next has the newest State, whatever is
 * published meanwhile; and that nothing is told twice, nor left out without a word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

/* ---- a consumer's own copy: contents of objects, as a set ---------------------------------------------- */

#define SEEN_MAX 16384u

struct consumer {
    struct netvane_changes it;
    uint32_t classes;
    uint32_t count;
    uint64_t content[SEEN_MAX];
    uint64_t told, upserts, removals;
};

static void insert(void *arg, enum netvane_class cls, uint64_t content)
{
    struct consumer *c = arg;
    assert_true(c->count < SEEN_MAX);
    c->content[c->count++] = nv_mix(content + cls);
}

static void delete (struct consumer *c, enum netvane_class cls, uint64_t content)
{
    const uint64_t gone = nv_mix(content + cls);
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->content[i] == gone) {
            c->content[i] = c->content[--c->count];
            return;
        }
    }
    fail_msg("a change of an object that the consumer does not have");
}

static void take_whole(struct consumer *c)
{
    struct netvane_snap before, after;
    assert_int_equal(netvane_changes_snap(&c->it, &before, &after), NETVANE_OK);
    assert_true(before.version == after.version);
    c->count = 0;
    fake_each(&after, c->classes, insert, c);
}

static void begin(struct consumer *c, uint32_t classes)
{
    memset(c, 0, sizeof(*c));
    c->classes = classes;
    assert_int_equal(netvane_changes_begin(nv, NULL, classes, &c->it), NETVANE_OK);
    take_whole(c);
}

/* Takes one change; what netvane_changes_next says. */
static int next(struct consumer *c)
{
    struct netvane_change change;
    struct netvane_snap before, after;
    NETVANE_INIT(&change);
    int r = netvane_changes_next(&c->it, &change);
    if (r <= 0)
        return r;
    assert_int_equal(netvane_changes_snap(&c->it, &before, &after), NETVANE_OK);
    assert_true(before.version < after.version);
    assert_true(c->classes >> change.cls & 1u);
    assert_true(change.before || change.after);
    if (change.before)
        delete (c, change.cls, fake_content(&before, change.cls, change.before));
    if (change.after)
        insert(c, change.cls, fake_content(&after, change.cls, change.after));
    c->told++;
    c->upserts += !change.before;
    c->removals += !change.after;
    return r;
}

static int compare_words(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, 8);
    memcpy(&y, b, 8);
    return x < y ? -1 : x > y;
}

/* What it has is the newest State. */
static void assert_is_newest(struct consumer *c)
{
    static struct consumer whole;
    struct netvane_snap snap, mine;
    assert_int_equal(netvane_snap_begin(nv, &snap), NETVANE_OK);
    assert_int_equal(netvane_changes_snap(&c->it, NULL, &mine), NETVANE_OK);
    assert_true(mine.version == snap.version);
    whole.count = 0;
    fake_each(&snap, c->classes, insert, &whole);
    assert_int_equal(whole.count, c->count);
    qsort(whole.content, whole.count, sizeof(uint64_t), compare_words);
    qsort(c->content, c->count, sizeof(uint64_t), compare_words);
    assert_memory_equal(whole.content, c->content, whole.count * sizeof(uint64_t));
}

static void random_version(void)
{
    for (uint32_t i = any(6); i; i--)
        fake_random_fact(&l->m, &rnd);
    if (!any(50))
        fake_random_dump(&l->m, &rnd);
    fake_live_commit(l);
}

static void put_route(struct fake_live *to, uint32_t i, uint8_t protocol)
{
    struct nv_hop h = fact_hop(2, "10.0.0.254");
    struct nv_route r = fact_route(300, "172.16.0.0", 32, 0, &h, 1);
    nv_store_be32(r.dst, 0xac100000u + i);
    r.protocol = protocol;
    (void)nv_mirror_route_put(&to->m, &r, NV_LIST_REPLACE, false, 0);
}

static void put_routes(struct fake_live *to, uint32_t count, uint8_t protocol)
{
    for (uint32_t i = 0; i < count; i++)
        put_route(to, i, protocol);
    fake_live_commit(to);
}

static struct consumer consumer;

/* ---- tests ------------------------------------------------------------------------------------------------- */

static void applying_every_change_gives_the_newest_state(void **state)
{
    (void)state;
    struct consumer *c = &consumer;
    uint64_t caught_up = 0;
    int r;
    begin(c, NETVANE_CLASS_ALL);
    for (unsigned call = 0; call < 60000; call++) {
        if (!any(12)) /* also in the middle of a step */
            random_version();
        r = next(c);
        assert_true(r == 0 || r == 1);
        if (r == 0) {
            if (any(20) == 0)
                assert_is_newest(c);
            caught_up++;
            for (unsigned i = any(4); i; i--)
                random_version();
        }
    }
    while ((r = next(c)) > 0)
        ;
    assert_int_equal(r, 0);
    assert_is_newest(c);
    printf("%llu changes, %llu times caught up\n", (unsigned long long)c->told,
           (unsigned long long)caught_up);
    assert_true(c->told > 20000 && c->upserts > 1000 && c->removals > 1000 && caught_up > 1000);
}

static void only_the_classes_asked_for_are_told(void **state)
{
    (void)state;
    struct consumer *c = &consumer;
    for (unsigned cls = 0; cls < NETVANE_CLASS_COUNT; cls++) {
        begin(c, 1u << cls);
        for (unsigned i = 0; i < 200; i++) {
            random_version();
            if (!any(3))
                while (next(c) > 0)
                    ;
        }
        assert_int_equal(next(c) < 0, 0);
        while (next(c) > 0)
            ;
        assert_is_newest(c);
        assert_true(c->told > 10);
    }
}

static void nothing_new_tells_nothing(void **state)
{
    (void)state;
    struct consumer *c = &consumer;
    begin(c, NETVANE_CLASS_ALL);
    assert_int_equal(next(c), 0);
    for (unsigned i = 0; i < 100; i++)
        fake_live_commit(l); /* versions in which nothing changed */
    assert_int_equal(next(c), 0);
    assert_int_equal(next(c), 0);
    assert_is_newest(c);
    put_route(l, 1, 4);
    fake_live_commit(l);
    assert_int_equal(next(c), 1);
    assert_int_equal(next(c), 0);
    put_route(l, 1, 5);
    fake_live_commit(l);
    put_route(l, 1, 4);
    fake_live_commit(l);
    assert_int_equal(next(c), 0); /* and back again */
    assert_int_equal(c->told, 1);
}

static void who_was_away_too_long_takes_the_state_whole_and_goes_on(void **state)
{
    (void)state;
    struct consumer *c = &consumer;
    begin(c, NETVANE_CLASS_ALL);
    put_routes(l, 50, 4);
    assert_int_equal(next(c), 1); /* in the middle of a step */
    put_routes(l, 50, 5);
    fake_live_expire(l, l->p.head);
    assert_int_equal(next(c), NETVANE_EXPIRED);
    take_whole(c);
    assert_is_newest(c);
    assert_int_equal(next(c), 0);
    put_routes(l, 60, 4);
    fake_live_expire(l, l->p.head); /* between two steps */
    assert_int_equal(next(c), NETVANE_EXPIRED);
    take_whole(c);
    put_routes(l, 70, 5);
    while (next(c) > 0)
        ;
    assert_is_newest(c);
}

static void more_than_the_journal_holds_is_told_all_the_same(void **state)
{
    (void)state;
    struct consumer *c = &consumer;
    begin(c, NETVANE_CLASS_ALL);
    put_routes(l, 9000, 4);
    for (uint8_t i = 0; i < 40; i++)
        put_routes(l, 500, 5 + i);
    int r;
    while ((r = next(c)) > 0)
        ;
    assert_int_equal(r, 0);
    assert_int_equal(c->told, 9000);
    assert_is_newest(c);
}

static void fill_same(struct fake_live *to, void *arg)
{
    put_routes(to, *(const uint32_t *)arg, 4);
}

static void a_new_writer_with_the_same_state_is_no_change(void **state)
{
    (void)state;
    struct consumer *c = &consumer;
    struct fake_live *again = calloc(1, sizeof(*again));
    uint32_t count = 50;
    assert_non_null(again);
    put_routes(l, count, 4);
    begin(c, NETVANE_CLASS_ALL);
    fake_live_succeed(again, l, fill_same, &count);
    free(l);
    l = again;
    assert_int_equal(next(c), 0);
    assert_is_newest(c);
    put_routes(l, 51, 4);
    assert_int_equal(next(c), 1);
    assert_int_equal(next(c), 0);
    assert_is_newest(c);
}

static void a_new_writer_with_another_state_is_told_as_expired_and_a_copy_tells_how(void **state)
{
    (void)state;
    struct consumer *c = &consumer;
    static struct consumer by_copy;
    struct fake_live *again = calloc(1, sizeof(*again));
    struct netvane_state *copy;
    struct netvane_snap mine;
    uint32_t count = 57;
    assert_non_null(again);
    put_routes(l, 50, 4);
    begin(c, NETVANE_CLASS_ALL);
    assert_int_equal(netvane_changes_snap(&c->it, NULL, &mine), NETVANE_OK);
    assert_int_equal(netvane_state_copy(&mine, &copy), NETVANE_OK);
    netvane_state_snap(copy, &mine);
    memset(&by_copy, 0, sizeof(by_copy));
    by_copy.classes = NETVANE_CLASS_ALL;
    assert_int_equal(netvane_changes_begin(nv, &mine, NETVANE_CLASS_ALL, &by_copy.it), NETVANE_OK);
    take_whole(&by_copy);

    put_routes(l, 50, 5);
    assert_int_equal(next(c), 1);
    fake_live_succeed(again, l, fill_same, &count);
    free(l);
    l = again;
    int r;
    while ((r = next(c)) > 0) /* the step may be gone on with: the old region is still there */
        ;
    assert_int_equal(r, NETVANE_EXPIRED);
    assert_int_equal(c->told, 50);
    take_whole(c);
    assert_is_newest(c);
    assert_int_equal(next(c), 0);

    for (uint32_t i = 0; i < 7; i++)
        assert_int_equal(next(&by_copy), 1);
    assert_int_equal(next(&by_copy), 0);
    assert_is_newest(&by_copy);
    netvane_state_free(copy);
    put_routes(l, 58, 4);
    assert_int_equal(next(&by_copy), 1);
    assert_int_equal(next(&by_copy), 0);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    struct netvane_changes it = {.opaque = {0}};
    struct netvane_change change;
    struct netvane_snap none = {0};
    NETVANE_INIT(&change);
    assert_int_equal(netvane_changes_begin(NULL, NULL, 1, &it), NETVANE_INVALID);
    assert_int_equal(netvane_changes_begin(nv, NULL, 1, NULL), NETVANE_INVALID);
    assert_int_equal(netvane_changes_begin(nv, NULL, 1u << 7, &it), NETVANE_INVALID);
    assert_int_equal(netvane_changes_begin(nv, &none, 1, &it), NETVANE_INVALID);
    assert_int_equal(netvane_changes_next(&it, &change), NETVANE_INVALID); /* never begun */
    assert_int_equal(netvane_changes_snap(&it, NULL, &none), NETVANE_INVALID);
    assert_int_equal(netvane_changes_begin(nv, NULL, 1, &it), NETVANE_OK);
    assert_int_equal(netvane_changes_next(&it, NULL), NETVANE_INVALID);
    change.size = 0;
    assert_int_equal(netvane_changes_next(&it, &change), NETVANE_INVALID);
    assert_int_equal(netvane_changes_snap(&it, NULL, NULL), NETVANE_OK);
    struct netvane *other = fake_live_open(l);
    assert_int_equal(netvane_snap_begin(other, &none), NETVANE_OK);
    assert_int_equal(netvane_changes_begin(nv, &none, 1, &it), NETVANE_INVALID);
    netvane_close(other);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(applying_every_change_gives_the_newest_state),
        T(only_the_classes_asked_for_are_told),
        T(nothing_new_tells_nothing),
        T(who_was_away_too_long_takes_the_state_whole_and_goes_on),
        T(more_than_the_journal_holds_is_told_all_the_same),
        T(a_new_writer_with_the_same_state_is_no_change),
        T(a_new_writer_with_another_state_is_told_as_expired_and_a_copy_tells_how),
        T(wrong_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
