/* SPDX-License-Identifier: MIT */
/* The registry of callbacks: order, verdicts, removal from everywhere, limits, and a thread that leaves no trace. */
#include "tests/unit/reader_fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static unsigned threads(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/task");
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* A joined thread may stay in /proc for a moment. */
static unsigned threads_settled(unsigned wanted)
{
    for (unsigned i = 0; i < 200 && threads() != wanted; i++)
        usleep(5000);
    return threads();
}

struct seen {
    struct fixture *f;
    struct netvane_watch *_Atomic watch;
    struct netvane_watch *_Atomic other; /* removed from the callback */
    atomic_uint calls;
    atomic_uint topics;
    atomic_uint order; /* place among all calls */
    atomic_int in_call;
    useconds_t work_us;
    _Atomic enum netvane_verdict verdict;
    bool remove_self, add_another;
    struct seen *added;
};

static atomic_uint calls_of_all;

static enum netvane_verdict on_change(void *arg, uint32_t topics, const struct netvane_snap *snap)
{
    struct seen *s = arg;
    struct netvane_info i;
    NETVANE_INIT(&i);
    atomic_store(&s->in_call, 1);
    int r = netvane_snap_info(snap, &i);
    if (s->work_us)
        usleep(s->work_us);
    if (s->remove_self) {
        netvane_watch_remove(s->f->nv, s->watch);
        s->watch = NULL;
    }
    if (s->other) {
        netvane_watch_remove(s->f->nv, s->other);
        s->other = NULL;
    }
    if (s->add_another) {
        s->add_another = false;
        struct netvane_watch *w = NULL;
        r |= netvane_watch_add(s->f->nv, 0, on_change, s->added, &w);
        s->added->watch = w;
    }
    atomic_store(&s->topics, r ? 0xdead : topics);
    atomic_store(&s->order, atomic_fetch_add(&calls_of_all, 1) + 1);
    atomic_store(&s->in_call, 0);
    atomic_fetch_add(&s->calls, 1);
    return s->verdict;
}

static void add(struct fixture *f, struct seen *s, uint32_t topics)
{
    struct netvane_watch *w = NULL;
    s->f = f;
    assert_int_equal(netvane_watch_add(f->nv, topics, on_change, s, &w), NETVANE_OK);
    s->watch = w;
}

static void change_rules(struct fixture *f)
{
    static uint32_t priority = 5000;
    fake_rule(&f->state, 4, priority++, 254);
    fake_publish(&f->region, &f->state, true);
}

static bool called(struct seen *s, unsigned calls)
{
    for (unsigned i = 0; i < 600 && atomic_load(&s->calls) < calls; i++)
        usleep(5000);
    return atomic_load(&s->calls) >= calls;
}

static void callbacks_run_in_order_with_the_topics_they_asked_for(void **state)
{
    struct fixture *f = *state;
    struct seen a = {0}, b = {0}, c = {0};
    add(f, &a, NETVANE_TOPIC_RULES | NETVANE_TOPIC_LINKS);
    add(f, &b, NETVANE_TOPIC_LINKS);
    add(f, &c, 0);
    change_rules(f);
    assert_true(called(&c, 1));
    assert_int_equal(a.calls, 1);
    assert_int_equal(b.calls, 0);
    assert_int_equal(a.topics, NETVANE_TOPIC_RULES);
    assert_int_equal(c.topics, NETVANE_TOPIC_RULES);
    assert_true(a.order < c.order);
    netvane_watch_remove(f->nv, b.watch);
    netvane_watch_remove(f->nv, a.watch);
    change_rules(f);
    assert_true(called(&c, 2));
    assert_int_equal(a.calls, 1);
    netvane_watch_remove(f->nv, c.watch);
    netvane_watch_remove(f->nv, NULL);
}

static void handled_stops_the_later_ones_for_that_change(void **state)
{
    struct fixture *f = *state;
    struct seen a = {.verdict = NETVANE_HANDLED}, b = {0};
    add(f, &a, 0);
    add(f, &b, 0);
    change_rules(f);
    assert_true(called(&a, 1));
    usleep(20000);
    assert_int_equal(b.calls, 0);
    a.verdict = NETVANE_CONTINUE;
    change_rules(f);
    assert_true(called(&b, 1));
    assert_int_equal(b.calls, 1);
    netvane_watch_remove(f->nv, a.watch);
    netvane_watch_remove(f->nv, b.watch);
}

static void a_watch_is_not_told_of_what_was_before_it(void **state)
{
    struct fixture *f = *state;
    struct seen a = {0}, b = {0};
    change_rules(f);
    add(f, &a, 0);
    change_rules(f);
    assert_true(called(&a, 1));
    add(f, &b, 0);
    usleep(30000);
    assert_int_equal(b.calls, 0);
    assert_int_equal(a.calls, 1);
    netvane_watch_remove(f->nv, a.watch);
    netvane_watch_remove(f->nv, b.watch);
}

static void the_thread_runs_only_while_a_watch_is_registered(void **state)
{
    struct fixture *f = *state;
    struct seen a = {0}, b = {0};
    unsigned before = threads();
    for (unsigned i = 0; i < 3; i++) {
        add(f, &a, 0);
        add(f, &b, 0);
        assert_int_equal(threads_settled(before + 1), before + 1);
        netvane_watch_remove(f->nv, a.watch);
        assert_int_equal(threads(), before + 1);
        netvane_watch_remove(f->nv, b.watch);
        assert_int_equal(threads_settled(before), before);
    }
}

static void a_callback_may_remove_itself_and_be_the_last(void **state)
{
    struct fixture *f = *state;
    unsigned before = threads();
    struct seen a = {.remove_self = true}, b = {0};
    add(f, &a, 0);
    change_rules(f);
    assert_true(called(&a, 1));
    assert_int_equal(threads_settled(before), before);
    change_rules(f);
    add(f, &b, 0);
    change_rules(f);
    assert_true(called(&b, 1));
    assert_int_equal(a.calls, 1);
    netvane_watch_remove(f->nv, b.watch);
    assert_int_equal(threads_settled(before), before);
}

static void a_callback_may_remove_a_later_one_which_is_then_not_called(void **state)
{
    struct fixture *f = *state;
    struct seen a = {0}, b = {0};
    add(f, &a, 0);
    add(f, &b, 0);
    a.other = b.watch;
    change_rules(f);
    assert_true(called(&a, 1));
    change_rules(f);
    assert_true(called(&a, 2));
    assert_int_equal(b.calls, 0);
    netvane_watch_remove(f->nv, a.watch);
}

static void a_callback_may_replace_itself_as_the_only_one(void **state)
{
    struct fixture *f = *state;
    unsigned before = threads();
    struct seen b = {0}, a = {.remove_self = true, .add_another = true, .added = &b};
    b.f = f;
    add(f, &a, 0);
    change_rules(f);
    assert_true(called(&a, 1));
    change_rules(f);
    assert_true(called(&b, 1));
    assert_int_equal(threads(), before + 1);
    netvane_watch_remove(f->nv, b.watch);
    assert_int_equal(threads_settled(before), before);
}

static void removal_by_another_thread_waits_for_the_running_call(void **state)
{
    struct fixture *f = *state;
    struct seen a = {.work_us = 100000};
    add(f, &a, 0);
    change_rules(f);
    while (!atomic_load(&a.in_call))
        usleep(1000);
    netvane_watch_remove(f->nv, a.watch);
    assert_int_equal(a.in_call, 0);
    assert_int_equal(a.calls, 1);
}

static void more_than_the_limit_is_refused_with_a_clear_error(void **state)
{
    struct fixture *f = *state;
    static struct seen many[NETVANE_WATCHES_MAX + 1];
    memset(many, 0, sizeof(many));
    for (unsigned i = 0; i < NETVANE_WATCHES_MAX; i++)
        add(f, &many[i], 0);
    struct seen *one = &many[NETVANE_WATCHES_MAX];
    struct netvane_watch *w = NULL;
    assert_int_equal(netvane_watch_add(f->nv, 0, on_change, one, &w), NETVANE_LIMIT);
    assert_int_equal(netvane_watch_add(f->nv, 1u << 8, on_change, one, &w), NETVANE_INVALID);
    assert_int_equal(netvane_watch_add(f->nv, 0, NULL, one, &w), NETVANE_INVALID);
    change_rules(f);
    for (unsigned i = 0; i < NETVANE_WATCHES_MAX; i++)
        assert_true(called(&many[i], 1));
    for (unsigned i = 1; i < NETVANE_WATCHES_MAX; i++)
        assert_true(many[i - 1].order < many[i].order);
    netvane_watch_remove(f->nv, many[0].watch);
    add(f, one, 0);
    for (unsigned i = 1; i <= NETVANE_WATCHES_MAX; i++)
        netvane_watch_remove(f->nv, many[i].watch);
}

static void close_ends_what_is_still_registered(void **state)
{
    struct fixture *f = *state;
    unsigned before = threads();
    struct seen a = {0}, b = {.remove_self = true};
    add(f, &a, 0);
    netvane_close(f->nv);
    assert_int_equal(threads_settled(before), before);
    assert_int_equal(open_fake(&f->region, &f->nv), NETVANE_OK);
    add(f, &b, 0);
    change_rules(f);
    assert_true(called(&b, 1));
    netvane_close(f->nv);
    assert_int_equal(threads_settled(before), before);
    assert_int_equal(open_fake(&f->region, &f->nv), NETVANE_OK);
}

static void watches_go_on_after_a_takeover(void **state)
{
    struct fixture *f = *state;
    struct seen a = {0};
    struct fake_region next;
    add(f, &a, NETVANE_TOPIC_RULES);
    fake_rule(&f->state, 6, 300, 254);
    fake_region_succeed(&next, &f->region);
    fake_publish(&next, &f->state, false);
    fake_region_replace(&next, &f->region);
    fake_region_die(&f->region);
    fake_region_free(&f->region);
    f->region = next;
    assert_true(called(&a, 1));
    change_rules(f);
    assert_true(called(&a, 2));
    netvane_watch_remove(f->nv, a.watch);
}

static void *add_and_remove(void *arg)
{
    struct fixture *f = arg;
    for (unsigned i = 0; i < 60; i++) {
        struct seen a = {0}, b = {0};
        add(f, &a, 0);
        add(f, &b, NETVANE_TOPIC_RULES);
        if (i % 2)
            usleep(200);
        netvane_watch_remove(f->nv, i % 3 ? a.watch : b.watch);
        netvane_watch_remove(f->nv, i % 3 ? b.watch : a.watch);
    }
    return NULL;
}

static void many_threads_add_and_remove_while_changes_arrive(void **state)
{
    struct fixture *f = *state;
    pthread_t t[3];
    unsigned before = threads();
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&t[i], NULL, add_and_remove, f), 0);
    for (unsigned i = 0; i < 100; i++) {
        change_rules(f);
        usleep(500);
    }
    for (unsigned i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(threads_settled(before), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(callbacks_run_in_order_with_the_topics_they_asked_for),
        fixture_test(handled_stops_the_later_ones_for_that_change),
        fixture_test(a_watch_is_not_told_of_what_was_before_it),
        fixture_test(the_thread_runs_only_while_a_watch_is_registered),
        fixture_test(a_callback_may_remove_itself_and_be_the_last),
        fixture_test(a_callback_may_remove_a_later_one_which_is_then_not_called),
        fixture_test(a_callback_may_replace_itself_as_the_only_one),
        fixture_test(removal_by_another_thread_waits_for_the_running_call),
        fixture_test(more_than_the_limit_is_refused_with_a_clear_error),
        fixture_test(close_ends_what_is_still_registered),
        fixture_test(watches_go_on_after_a_takeover),
        fixture_test(many_threads_add_and_remove_while_changes_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
