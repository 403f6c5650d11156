/* SPDX-License-Identifier: MIT */
/* Waiting: on topics, since a State, with timeouts and settling, over a takeover and a death; the descriptor. */
#include "tests/unit/reader_fixture.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#define MS NV_NS_PER_MS

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t)ts.tv_sec * NV_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static int wait_for(struct fixture *f, uint32_t topics, const struct netvane_snap *since,
                    uint64_t timeout_ns, uint32_t *got)
{
    struct netvane_wait_args a;
    NETVANE_INIT(&a);
    a.topics = topics;
    a.since = since;
    a.timeout_ns = timeout_ns;
    *got = 0;
    return netvane_wait(f->nv, &a, got);
}

static void change_rules(struct fixture *f, bool wake)
{
    static uint32_t priority = 1000;
    fake_rule(&f->state, 4, priority++, 254);
    fake_publish(&f->region, &f->state, wake);
}

static void a_change_since_the_snapshot_returns_at_once(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap = begin(f);
    uint32_t got;
    change_rules(f, false);
    assert_int_equal(wait_for(f, NETVANE_TOPIC_RULES, &snap, UINT64_MAX, &got), NETVANE_OK);
    assert_int_equal(got, NETVANE_TOPIC_RULES);
    assert_int_equal(wait_for(f, 0, &snap, UINT64_MAX, &got), NETVANE_OK);
    assert_int_equal(got, NETVANE_TOPIC_RULES);
    assert_int_equal(wait_for(f, NETVANE_TOPIC_LINKS, &snap, 0, &got), NETVANE_TIMEOUT);
    assert_int_equal(wait_for(f, NETVANE_TOPIC_LINKS, &snap, 5 * MS, &got), NETVANE_TIMEOUT);
    assert_int_equal(wait_for(f, 0, NULL, 0, &got), NETVANE_TIMEOUT);
    assert_int_equal(wait_for(f, 1u << 9, NULL, 0, &got), NETVANE_INVALID);
}

static void an_expired_since_is_still_told_apart_as_long_as_its_slot_is_whole(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap = begin(f);
    uint32_t got;
    fake_publish(&f->region, &f->state, false); /* a version that moves nothing */
    fake_expire(&f->region, f->region.version);
    assert_int_equal(netvane_snap_check(&snap), NETVANE_EXPIRED);
    assert_int_equal(wait_for(f, 0, &snap, 0, &got), NETVANE_TIMEOUT);
    for (unsigned i = 0; i < NETVANE_RING_SLOTS; i++)
        fake_publish(&f->region, &f->state, false);
    fake_expire(&f->region, f->region.version);
    assert_int_equal(wait_for(f, NETVANE_TOPIC_LINKS, &snap, UINT64_MAX, &got), NETVANE_OK);
    assert_int_equal(got, NETVANE_TOPIC_LINKS);
}

/* A version whose writer died behind P3 and before P4: its generations are in its slot alone. */
static void change_rules_and_die_before_saying_so(struct fixture *f)
{
    const uint32_t gen = f->region.gens[NETVANE_RT_RULES], any = f->region.gens[15];
    change_rules(f, false);
    nv_write_gen(f->region.base, NETVANE_RT_RULES, gen);
    nv_write_any(f->region.base, any);
}

static void a_version_whose_generations_are_not_there_yet_is_no_news_twice(void **state)
{
    struct fixture *f = *state;
    uint32_t got;
    change_rules_and_die_before_saying_so(f);
    const struct netvane_snap after = begin(f);
    assert_int_equal(wait_for(f, 0, &after, 20 * MS, &got), NETVANE_TIMEOUT);
    fake_region_die(&f->region);
    assert_int_equal(wait_for(f, NETVANE_TOPIC_RULES, &after, 1200 * MS, &got), NETVANE_TIMEOUT);
}

static void news_of_a_writer_that_died_before_saying_so_is_late_by_a_slice_at_most(void **state)
{
    struct fixture *f = *state;
    const struct netvane_snap before = begin(f);
    const uint64_t from = now_ns();
    uint32_t got;
    change_rules_and_die_before_saying_so(f);
    fake_region_die(&f->region);
    assert_int_equal(wait_for(f, NETVANE_TOPIC_RULES, &before, 60 * NV_NS_PER_S, &got), NETVANE_OK);
    assert_int_equal(got, NETVANE_TOPIC_RULES);
    assert_true(now_ns() - from < 5 * NV_NS_PER_S);
}

struct later {
    struct fixture *f;
    void (*act)(struct fixture *f);
    useconds_t delay_us;
    pthread_t thread;
};

static void *run_later(void *arg)
{
    struct later *l = arg;
    usleep(l->delay_us);
    l->act(l->f);
    return NULL;
}

static void start(struct later *l, struct fixture *f, useconds_t delay_us,
                  void (*act)(struct fixture *f))
{
    *l = (struct later){.f = f, .act = act, .delay_us = delay_us};
    assert_int_equal(pthread_create(&l->thread, NULL, run_later, l), 0);
}

static void act_rules(struct fixture *f)
{
    change_rules(f, true);
}

static void a_sleeper_is_woken_by_its_topic_and_by_any(void **state)
{
    struct fixture *f = *state;
    static const uint32_t asked[] = {NETVANE_TOPIC_RULES, 0,
                                     NETVANE_TOPIC_RULES | NETVANE_TOPIC_LINKS,
                                     NETVANE_TOPIC_ALL & ~NETVANE_TOPIC_LINKS};
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        struct later l;
        uint32_t got;
        uint64_t from = now_ns();
        start(&l, f, 20000, act_rules);
        assert_int_equal(wait_for(f, asked[i], NULL, UINT64_MAX, &got), NETVANE_OK);
        assert_int_equal(got, NETVANE_TOPIC_RULES);
        assert_true(now_ns() - from < 900 * MS); /* woken, not found by the slice */
        pthread_join(l.thread, NULL);
    }
}

static void another_topic_does_not_end_a_sleep(void **state)
{
    struct fixture *f = *state;
    struct later l;
    uint32_t got;
    uint64_t from = now_ns();
    start(&l, f, 5000, act_rules);
    assert_int_equal(wait_for(f, NETVANE_TOPIC_DEFAULT4, NULL, 60 * MS, &got), NETVANE_TIMEOUT);
    assert_true(now_ns() - from >= 60 * MS);
    pthread_join(l.thread, NULL);
}

static void act_rules_silently(struct fixture *f)
{
    change_rules(f, false);
}

static void a_lost_wake_up_is_late_by_one_slice_at_most(void **state)
{
    struct fixture *f = *state;
    struct later l;
    uint32_t got;
    uint64_t from = now_ns();
    start(&l, f, 5000, act_rules_silently);
    assert_int_equal(wait_for(f, NETVANE_TOPIC_RULES, NULL, UINT64_MAX, &got), NETVANE_OK);
    assert_true(now_ns() - from < 1500 * MS);
    pthread_join(l.thread, NULL);
}

static void act_burst(struct fixture *f)
{
    for (unsigned i = 0; i < 5; i++) {
        usleep(20000);
        change_rules(f, true);
    }
    f->state.main4.metric++;
    fake_publish(&f->region, &f->state, true);
}

static void settling_returns_once_it_has_been_quiet_with_all_that_moved(void **state)
{
    struct fixture *f = *state;
    struct netvane_wait_args a;
    struct later l;
    uint32_t got = 0;
    uint64_t from = now_ns();
    NETVANE_INIT(&a);
    a.timeout_ns = UINT64_MAX;
    a.settle_ns = 60 * MS;
    start(&l, f, 0, act_burst);
    assert_int_equal(netvane_wait(f->nv, &a, &got), NETVANE_OK);
    assert_int_equal(got, NETVANE_TOPIC_RULES | NETVANE_TOPIC_DEFAULT4);
    assert_true(now_ns() - from >= 160 * MS);
    pthread_join(l.thread, NULL);
}

static void settling_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct netvane_wait_args a;
    struct later l;
    uint32_t got = 0;
    uint64_t from = now_ns();
    NETVANE_INIT(&a);
    a.timeout_ns = UINT64_MAX;
    a.settle_ns = 50 * MS;
    a.settle_max_ns = 55 * MS;
    start(&l, f, 0, act_burst);
    assert_int_equal(netvane_wait(f->nv, &a, &got), NETVANE_OK);
    assert_int_equal(got, NETVANE_TOPIC_RULES);
    assert_true(now_ns() - from < 110 * MS);
    pthread_join(l.thread, NULL);
}

static void act_die(struct fixture *f)
{
    fake_region_die(&f->region);
}

static void the_death_of_the_writer_is_health_within_about_a_second(void **state)
{
    struct fixture *f = *state;
    struct later l;
    uint32_t got;
    struct netvane_snap before = begin(f);
    start(&l, f, 5000, act_die);
    assert_int_equal(wait_for(f, 0, NULL, 3000 * MS, &got), NETVANE_OK);
    assert_int_equal(got, NETVANE_TOPIC_HEALTH);
    pthread_join(l.thread, NULL);
    assert_int_equal(wait_for(f, 0, &before, 10 * MS, &got),
                     NETVANE_OK); /* since before: told again */
    assert_int_equal(got, NETVANE_TOPIC_HEALTH);
    struct netvane_snap after = begin(f);
    assert_int_equal(wait_for(f, 0, &after, 10 * MS, &got), NETVANE_TIMEOUT); /* known */
    assert_int_equal(wait_for(f, NETVANE_TOPIC_RULES, &before, 10 * MS, &got), NETVANE_TIMEOUT);
}

static void act_take_over(struct fixture *f)
{
    struct fake_region next;
    fake_region_succeed(&next, &f->region);
    fake_publish(&next, &f->state, false);
    fake_region_replace(&next, &f->region);
    fake_region_die(&f->region);
    fake_region_free(&f->region);
    f->region = next;
}

static void act_take_over_with_a_change(struct fixture *f)
{
    fake_rule(&f->state, 6, 77, 254);
    act_take_over(f);
}

static void a_restart_with_equal_content_wakes_nobody(void **state)
{
    struct fixture *f = *state;
    struct later l;
    uint32_t got;
    struct netvane_snap snap = begin(f);
    start(&l, f, 5000, act_take_over);
    assert_int_equal(wait_for(f, 0, &snap, 80 * MS, &got), NETVANE_TIMEOUT);
    pthread_join(l.thread, NULL);
    start(&l, f, 5000, act_take_over_with_a_change);
    uint64_t from = now_ns();
    assert_int_equal(wait_for(f, NETVANE_TOPIC_RULES, &snap, 3000 * MS, &got), NETVANE_OK);
    assert_int_equal(got, NETVANE_TOPIC_RULES);
    assert_true(now_ns() - from < 900 * MS);
    pthread_join(l.thread, NULL);
}

static void on_signal(int sig)
{
    (void)sig;
}

static pthread_t waiter;

static void act_signal(struct fixture *f)
{
    (void)f;
    pthread_kill(waiter, SIGUSR1);
}

static void a_signal_interrupts(void **state)
{
    struct fixture *f = *state;
    struct sigaction sa = {.sa_handler = on_signal};
    struct later l;
    uint32_t got;
    sigaction(SIGUSR1, &sa, NULL);
    waiter = pthread_self();
    start(&l, f, 50000, act_signal);
    assert_int_equal(wait_for(f, NETVANE_TOPIC_RULES, NULL, UINT64_MAX, &got), NETVANE_INTERRUPTED);
    pthread_join(l.thread, NULL);
}

static void act_synced(struct fixture *f)
{
    f->state.quality = 0;
    fake_publish(&f->region, &f->state, true);
}

static void ready_means_synced_and_exact(void **state)
{
    struct fixture *f = *state;
    struct later l;
    assert_int_equal(netvane_wait_ready(f->nv, 0), NETVANE_OK);
    f->state.quality = NETVANE_RQ_RESYNCING;
    fake_publish(&f->region, &f->state, false);
    assert_int_equal(netvane_wait_ready(f->nv, 20 * MS), NETVANE_TIMEOUT);
    start(&l, f, 5000, act_synced);
    assert_int_equal(netvane_wait_ready(f->nv, UINT64_MAX), NETVANE_OK);
    pthread_join(l.thread, NULL);
}

static void the_descriptor_is_readable_after_changes_takeovers_and_death(void **state)
{
    struct fixture *f = *state;
    struct pollfd p = {.events = POLLIN};
    uint32_t got;
    int fd;
    assert_int_equal(netvane_fd_take(f->nv, &got), NETVANE_INVALID);
    assert_int_equal(netvane_fd(f->nv, &p.fd), NETVANE_OK);
    assert_int_equal(netvane_fd(f->nv, &fd), NETVANE_OK);
    assert_int_equal(fd, p.fd);
    assert_int_equal(poll(&p, 1, 0), 0);
    change_rules(f, true);
    assert_int_equal(poll(&p, 1, 1000), 1);
    assert_int_equal(netvane_fd_take(f->nv, &got), NETVANE_OK);
    assert_int_equal(got, NETVANE_TOPIC_RULES);
    assert_int_equal(netvane_fd_take(f->nv, &got), NETVANE_OK);
    assert_int_equal(got, 0);
    assert_int_equal(poll(&p, 1, 0), 0);
    for (unsigned i = 0; i < 3; i++) {
        fake_rule(&f->state, 6, 200 + i, 254);
        act_take_over(f);
        assert_int_equal(poll(&p, 1, 1000), 1);
        assert_int_equal(netvane_fd_take(f->nv, &got), NETVANE_OK);
        assert_int_equal(got, NETVANE_TOPIC_RULES);
        change_rules(f, true);
        assert_int_equal(poll(&p, 1, 1000), 1);
        assert_int_equal(netvane_fd_take(f->nv, &got), NETVANE_OK);
        assert_int_equal(got, NETVANE_TOPIC_RULES);
    }
    fake_region_die(&f->region);
    assert_int_equal(netvane_fd_take(f->nv, &got), NETVANE_OK);
    assert_int_equal(got, NETVANE_TOPIC_HEALTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_change_since_the_snapshot_returns_at_once),
        fixture_test(an_expired_since_is_still_told_apart_as_long_as_its_slot_is_whole),
        fixture_test(a_version_whose_generations_are_not_there_yet_is_no_news_twice),
        fixture_test(news_of_a_writer_that_died_before_saying_so_is_late_by_a_slice_at_most),
        fixture_test(a_sleeper_is_woken_by_its_topic_and_by_any),
        fixture_test(another_topic_does_not_end_a_sleep),
        fixture_test(a_lost_wake_up_is_late_by_one_slice_at_most),
        fixture_test(settling_returns_once_it_has_been_quiet_with_all_that_moved),
        fixture_test(settling_is_bounded),
        fixture_test(the_death_of_the_writer_is_health_within_about_a_second),
        fixture_test(a_restart_with_equal_content_wakes_nobody),
        fixture_test(a_signal_interrupts),
        fixture_test(ready_means_synced_and_exact),
        fixture_test(the_descriptor_is_readable_after_changes_takeovers_and_death),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
