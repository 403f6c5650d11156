/* SPDX-License-Identifier: MIT */
/*
 * test_source_faults.c - every way in which a source can fail, against a world without a kernel: whatever fails, and
 * at whatever moment, the mirror ends equal to the world, with a bounded number of tries.
 *
 * Equal means: a second mirror, loaded from the world as it is, has the same digest of every topic and as many
 * records in every tree.
 */
#include "tests/unit/sync_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#define STEPS 7 /* of a round */

/* ---- the comparison ---------------------------------------------------------------------------------------- */

static void assert_mirror_is_the_world(void)
{
    static struct fake_memory other_mem;
    struct nv_mirror *other = calloc(1, sizeof(*other));
    struct nv_sync *other_sync = calloc(1, sizeof(*other_sync));
    struct fake_source *other_src = calloc(1, sizeof(*other_src));
    uint64_t other_counter[NETVANE_RC_COUNT] = {0};
    assert_true(other && other_sync && other_src);
    fake_memory_map(&other_mem, MAX_BYTES);
    assert_int_equal(
        nv_mirror_init(other, other_mem.base, MAX_BYTES, fake_memory_grow, &other_mem, 1), 0);
    nv_sync_init(other_sync, other, other_counter, 0);
    fake_source_start(other_src, nv_sync_event, other_sync);
    other_sync->source = &other_src->source;
    for (unsigned i = 0; i < src->objects; i++) {
        struct fake_object *o = &src->world[i];
        if (o->gone)
            continue;
        const void *facts[NV_CLASS_COUNT] = {&o->link, &o->addr, &o->route, &o->rule, &o->nexthop};
        (void)fake_know(other_src, o->cls, facts[o->cls]);
    }
    for (unsigned turn = 0; !nv_sync_settled(other_sync, NV_LANE_SMALL) ||
                            !nv_sync_settled(other_sync, NV_LANE_ROUTES);
         turn++) {
        assert_true(turn < 1000);
        assert_int_equal(nv_sync_pump(other_sync), 0);
        (void)nv_sync_step(other_sync, now_ns);
    }
    for (unsigned t = NETVANE_RT_LINKS; t <= NETVANE_RT_NEXTHOPS; t++)
        assert_true(m->digest[t] == other->digest[t]);
    for (unsigned t = 0; t < NETVANE_TREE_COUNT; t++) {
        /* Shared texts, hops and metrics stay a while behind the last that used them; the digests hold their content. */
        if (t != NETVANE_TREE_STRINGS && t != NETVANE_TREE_HOPS && t != NETVANE_TREE_METRICS)
            assert_int_equal(m->draft.tree[t].count, other->draft.tree[t].count);
    }
    nv_sync_destroy(other_sync);
    nv_mirror_destroy(other);
    free(other_sync);
    free(other);
    free(other_src);
    fake_memory_free(&other_mem);
}

/* Of every class: one object goes, one comes, one changes; no event tells. */
static void change_the_world_silently(unsigned n)
{
    char text[32];
    struct nv_link link = fact_link(100 + n, "new", UP);
    link.name[3] = (char)('a' + n % 26);
    (void)fake_know(src, NV_LINK, &link);
    eth1->link.mtu = 1300 + n;
    (void)snprintf(text, sizeof(text), "10.0.1.%u", n + 1);
    struct nv_addr addr = fact_addr(2, text, 24);
    (void)fake_know(src, NV_ADDR, &addr);
    addr0->gone = !addr0->gone;
    struct nv_rule rules[2] = {fact_rule(NV_AF_4, 1000 + n, 50), fact_rule(NV_AF_6, 1000 + n, 50)};
    (void)fake_know(src, NV_RULE, &rules[0]);
    (void)fake_know(src, NV_RULE, &rules[1]);
    struct nv_nexthop nexthop = fact_nexthop(10 + n, 2, "10.0.0.251");
    (void)fake_know(src, NV_NEXTHOP, &nexthop);
    default4->gone = !default4->gone;
    default6->gone = !default6->gone;
    struct nv_hop hop = fact_hop(2, "10.0.0.253");
    (void)snprintf(text, sizeof(text), "10.9.%u.0", n);
    struct nv_route route = fact_route(254, text, 24, 0, &hop, 1);
    (void)fake_know(src, NV_ROUTE, &route);
    struct nv_hop hop6 = fact_hop(2, "fe80::9");
    (void)snprintf(text, sizeof(text), "2001:db8:%x::", n + 1);
    struct nv_route route6 = fact_route(254, text, 48, 1024, &hop6, 1);
    (void)fake_know(src, NV_ROUTE, &route6);
}

/* ---- dumps that fail ----------------------------------------------------------------------------------------- */

static const enum nv_class classes[] = {NV_LINK, NV_ADDR, NV_RULE, NV_NEXTHOP, NV_ROUTE};

static void dump_of_any_class_that_keeps_failing_is_tried_ever_more_rarely_until_it_works(
    void **state)
{
    (void)state;
    load();
    for (unsigned c = 0; c < NV_ARRAY_LEN(classes); c++) {
        unsigned before = src->request_count;
        memset(counter, 0, sizeof(counter));
        src->answer[classes[c]].status = NV_DUMP_FAILED;
        src->answer[classes[c]].error = EIO;
        src->answer[classes[c]].times = 1000000;
        change_the_world_silently(c);
        fake_tell_lost(src, NV_LOST_OVERRUN);
        run_until(now_ns + 60 * NV_NS_PER_S);
        assert_true(nv_sync_resyncing(s)); /* nobody takes it for exact */
        /* 2 ms doubled ten times, then every 2 s: 10 and 28 tries in a minute. */
        assert_in_range(counter[NETVANE_RC_DUMP_ERRORS], 30, 42);
        assert_true(src->request_count - before < 60);
        src->answer[classes[c]].times = 0;
        run_until(now_ns + 4 * NV_NS_PER_S);
        assert_true(settled());
        assert_int_equal(counter[NETVANE_RC_RESYNCS], 1);
        assert_mirror_is_the_world();
        src->request_count = 0;
    }
}

static void busy_kernels_and_silent_ones_are_counted_apart(void **state)
{
    (void)state;
    load();
    static const int errors[] = {EBUSY, ETIMEDOUT, EIO, EMSGSIZE};
    for (unsigned i = 0; i < NV_ARRAY_LEN(errors); i++) {
        src->answer[NV_ADDR].status = NV_DUMP_FAILED;
        src->answer[NV_ADDR].error = errors[i];
        src->answer[NV_ADDR].times = i + 1;
        change_the_world_silently(i);
        fake_tell_lost(src, NV_LOST_OVERRUN);
        settle();
        assert_true(settled());
        assert_mirror_is_the_world();
    }
    src->dump_error = -EBUSY; /* the source itself is */
    fake_tell_lost(src, NV_LOST_OVERRUN);
    (void)nv_sync_step(s, now_ns);
    src->dump_error = 0;
    settle();
    assert_int_equal(counter[NETVANE_RC_DUMPS_BUSY], 1 + 1);
    assert_int_equal(counter[NETVANE_RC_DUMP_TIMEOUTS], 2);
    assert_int_equal(counter[NETVANE_RC_DUMP_ERRORS], 1 + 2 + 3 + 4 + 1);
    assert_int_equal(counter[NETVANE_RC_RESYNCS], 5);
}

static void interrupted_six_times_is_approximate_and_exact_later(void **state)
{
    (void)state;
    load();
    for (unsigned c = 0; c < NV_ARRAY_LEN(classes); c++) {
        memset(counter, 0, sizeof(counter));
        change_the_world_silently(c);
        src->answer[classes[c]].status = NV_DUMP_INTERRUPTED;
        /* both families of what has two: each is a dump of its own */
        unsigned dumps = classes[c] == NV_RULE || classes[c] == NV_ROUTE ? 2 : 1;
        src->answer[classes[c]].times = NV_DUMP_TRIES * dumps;
        fake_tell_lost(src, NV_LOST_OVERRUN);
        run_until(now_ns + 100 * NV_NS_PER_MS);
        assert_true(nv_sync_publishable(s));
        assert_true(nv_sync_approximate(s));
        assert_int_equal(counter[NETVANE_RC_DUMPS_INTERRUPTED], NV_DUMP_TRIES * dumps);
        assert_int_equal(counter[NETVANE_RC_RESYNCS], 1);
        settle();
        assert_false(nv_sync_approximate(s));
        assert_true(settled());
        assert_mirror_is_the_world();
        assert_int_equal(counter[NETVANE_RC_RESYNCS], 1);
    }
}

static void interrupted_dumps_sweep_what_two_of_them_lack(void **state)
{
    (void)state;
    load();
    change_the_world_silently(0);
    for (unsigned c = 0; c < NV_ARRAY_LEN(classes); c++) {
        src->answer[classes[c]].status = NV_DUMP_INTERRUPTED;
        src->answer[classes[c]].times = 1000000;
    }
    fake_tell_lost(src, NV_LOST_OVERRUN);
    run_until(now_ns + 100 * NV_NS_PER_MS);
    assert_true(nv_sync_approximate(s)); /* and yet: */
    assert_mirror_is_the_world();
    memset(src->answer, 0, sizeof(src->answer));
    settle();
    assert_false(nv_sync_approximate(s));
}

static void answer_that_there_is_no_such_thing_empties_just_what_was_asked_for(void **state)
{
    (void)state;
    load();
    static const struct nv_dump_request questions[] = {
        {.cls = NV_ADDR, .family = NV_AF_4, .ifindex = 2},
        {.cls = NV_ROUTE, .family = NV_AF_4, .ifindex = 2},
        {.cls = NV_ROUTE, .family = NV_AF_6, .ifindex = 2},
        {.cls = NV_ROUTE, .family = NV_AF_4, .table = 254},
    };
    struct fake_object *const objects[] = {addr0, default4, connected, default6};
    for (unsigned i = 0; i < NV_ARRAY_LEN(questions); i++) {
        for (unsigned k = 0; k < NV_ARRAY_LEN(objects); k++) { /* the answer is true */
            struct fake_object *o = objects[k];
            bool four = o->cls == NV_ADDR ? o->addr.family == NV_AF_4 : o->route.family == NV_AF_4;
            o->gone = o->cls == questions[i].cls && four == (questions[i].family == NV_AF_4);
        }
        src->answer[questions[i].cls].status = NV_DUMP_NO_SUCH;
        src->answer[questions[i].cls].times = 1;
        nv_sync_want(s, questions[i], 0);
        settle();
        assert_true(settled());
        assert_mirror_is_the_world();
        assert_int_equal(counter[NETVANE_RC_DUMP_ERRORS], 0);
        for (unsigned k = 0; k < NV_ARRAY_LEN(objects); k++)
            objects[k]->gone = false;
        fake_tell_lost(src, NV_LOST_OVERRUN);
        settle();
        assert_mirror_is_the_world();
    }
}

/* ---- losses in the middle -------------------------------------------------------------------------------------- */

static struct {
    unsigned step; /* the dump of the round, from 0, in which it happens */
    enum fake_phase phase;
    unsigned dumps;
    bool done;
} strike;

static void lose_now(struct fake_source *source, const struct nv_dump_request *req,
                     enum fake_phase phase)
{
    (void)req;
    if (!strike.done && strike.dumps == strike.step && phase == strike.phase) {
        strike.done = true;
        change_the_world_silently(strike.step); /* what was read already is wrong now */
        fake_tell_lost(source, NV_LOST_OVERRUN);
    }
    strike.dumps += phase == FAKE_DUMP_ENDS;
}

static void loss_in_the_middle_of(enum nv_round round)
{
    for (unsigned step = 0; step < STEPS; step++) {
        for (unsigned phase = 0; phase < 2; phase++) {
            void *state = NULL;
            assert_int_equal(start(&state), 0);
            if (round != NV_ROUND_INITIAL)
                load();
            strike.step = step;
            strike.phase = phase ? FAKE_DUMP_ENDS : FAKE_DUMP_BEGINS;
            strike.dumps = 0;
            strike.done = false;
            src->on_dump = lose_now;
            if (round == NV_ROUND_RESYNC)
                fake_tell_lost(src, NV_LOST_TRUNCATED);
            if (round == NV_ROUND_RECONCILE)
                now_ns = nv_max_u64(now_ns, s->reconcile_due_ns);
            settle();
            assert_true(strike.done);
            assert_true(settled());
            assert_mirror_is_the_world();
            /* What was begun is broken off or ended once, and one more follows. */
            assert_true(strike.dumps <= 2 * STEPS + 1);
            assert_int_equal(counter[NETVANE_RC_RESYNCS], round != NV_ROUND_INITIAL);
            assert_int_equal(end(&state), 0);
        }
    }
}

static void loss_in_the_middle_of_each_step_of_a_first_load_makes_it_begin_again(void **state)
{
    (void)state;
    loss_in_the_middle_of(NV_ROUND_INITIAL);
}

static void loss_in_the_middle_of_each_step_of_a_resync_makes_it_begin_again(void **state)
{
    (void)state;
    loss_in_the_middle_of(NV_ROUND_RESYNC);
}

static void loss_in_the_middle_of_each_step_of_a_reconcile_turns_it_into_a_resync(void **state)
{
    (void)state;
    loss_in_the_middle_of(NV_ROUND_RECONCILE);
}

static void loss_during_a_re_read_makes_a_resync_that_covers_it(void **state)
{
    (void)state;
    load();
    strike.step = strike.dumps = 0;
    strike.phase = FAKE_DUMP_BEGINS;
    strike.done = false;
    src->on_dump = lose_now;
    fake_tell_hint(src, NV_HINT_NETCONF,
                   2); /* two re-reads: the second need not be asked any more */
    settle();
    assert_true(strike.done);
    assert_true(settled());
    assert_int_equal(counter[NETVANE_RC_RESYNCS], 1);
    assert_int_equal(src->request_count, 1 + STEPS);
    assert_mirror_is_the_world();
}

/* The writer flags a loss when it has pumped: `lost` is set, and no round has begun. */
static void losses_before_the_resync_begins_are_one(void **state)
{
    (void)state;
    load();
    for (unsigned n = 0; n < 5; n++) {
        change_the_world_silently(n);
        fake_tell_lost(src, (enum nv_lost)(n % NV_LOST_REASONS));
        assert_int_equal(nv_sync_pump(s), 0);
        assert_true(s->lost && !settled());
    }
    settle();
    assert_true(settled());
    assert_int_equal(counter[NETVANE_RC_RESYNCS], 1);
    assert_int_equal(src->request_count, STEPS);
    assert_mirror_is_the_world();
}

static void loss_while_a_dump_runs_lets_it_end_and_publishes_nothing_of_the_resync(void **state)
{
    (void)state;
    load();
    src->hold = true;
    fake_tell_hint(src, NV_HINT_NSID, 0);
    assert_int_equal(nv_sync_pump(s), 0);
    (void)nv_sync_step(s, now_ns);
    assert_true(s->lane[NV_LANE_SMALL].active);
    change_the_world_silently(0);
    fake_tell_lost(src, NV_LOST_ERROR);
    for (unsigned turn = 0; turn < 10; turn++) { /* no second dump beside it */
        assert_int_equal(nv_sync_pump(s), 0);
        (void)nv_sync_step(s, now_ns);
        assert_true(s->lost);
        assert_int_equal(src->request_count, 1);
    }
    src->hold = false;
    settle();
    assert_true(settled());
    assert_int_equal(counter[NETVANE_RC_RESYNCS], 1);
    assert_mirror_is_the_world();
}

/* ---- clocks ------------------------------------------------------------------------------------------------------ */

static void each_sleep_of_the_host_is_one_resync(void **state)
{
    (void)state;
    load();
    for (unsigned n = 0; n < 4; n++) {
        change_the_world_silently(n);
        now_ns += (n + 1) * NV_NS_PER_S; /* BOOTTIME goes on, MONOTONIC does not */
        slept_ns += (n + 1) * NV_NS_PER_S;
        (void)nv_sync_step(s, now_ns);
        settle();
        assert_int_equal(counter[NETVANE_RC_RESUMES], n + 1);
        assert_int_equal(counter[NETVANE_RC_RESYNCS], n + 1);
        assert_mirror_is_the_world();
    }
}

/* ---- everything at once -------------------------------------------------------------------------------------------- */

static uint64_t seed;

static uint32_t roll(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

static unsigned strikes, left_to_change;

static void something(struct fake_source *source, const struct nv_dump_request *req,
                      enum fake_phase phase)
{
    (void)phase;
    if (roll(4))
        return;
    switch (strikes ? roll(4) : 4) {
    case 0: fake_tell_lost(source, (enum nv_lost)roll(NV_LOST_REASONS)); break;
    case 1: fake_tell_hint(source, NV_HINT_NETCONF, roll(4)); break;
    case 2:
        if (left_to_change) {
            change_the_world_silently(--left_to_change);
            fake_tell_lost(source, NV_LOST_OVERRUN);
        }
        break;
    case 3:
        source->answer[req->cls].status = roll(2) ? NV_DUMP_FAILED : NV_DUMP_INTERRUPTED;
        source->answer[req->cls].times = roll(3);
        break;
    default: return;
    }
    strikes--;
}

static void random_faults_end_in_the_world_as_it_is(void **state)
{
    (void)state;
    const char *wish = getenv("SEED");
    uint64_t first = wish ? strtoull(wish, NULL, 0) : (uint64_t)time(NULL);
    print_message("SEED=%llu\n", (unsigned long long)first);
    for (unsigned run = 0; run < 200; run++) {
        void *own = NULL;
        assert_int_equal(start(&own), 0);
        seed = first + run;
        strikes = 20;
        left_to_change = 8;
        src->on_dump = something;
        if (roll(2)) {
            for (unsigned i = 0; i < 50 && !settled(); i++)
                settle(); /* dumps that fail are tried again ever more rarely */
            load();
        }
        fake_tell_lost(src, NV_LOST_OVERRUN);
        for (unsigned i = 0; i < 50 && (strikes || !settled()); i++)
            run_until(now_ns + NV_NS_PER_S);
        strikes = 0;
        memset(src->answer, 0, sizeof(src->answer));
        run_until(now_ns + 5 * NV_NS_PER_S);
        assert_true(settled());
        assert_false(nv_sync_approximate(s));
        assert_mirror_is_the_world();
        assert_int_equal(end(&own), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(dump_of_any_class_that_keeps_failing_is_tried_ever_more_rarely_until_it_works),
        T(busy_kernels_and_silent_ones_are_counted_apart),
        T(interrupted_six_times_is_approximate_and_exact_later),
        T(interrupted_dumps_sweep_what_two_of_them_lack),
        T(answer_that_there_is_no_such_thing_empties_just_what_was_asked_for),
        cmocka_unit_test(loss_in_the_middle_of_each_step_of_a_first_load_makes_it_begin_again),
        cmocka_unit_test(loss_in_the_middle_of_each_step_of_a_resync_makes_it_begin_again),
        cmocka_unit_test(loss_in_the_middle_of_each_step_of_a_reconcile_turns_it_into_a_resync),
        T(loss_during_a_re_read_makes_a_resync_that_covers_it),
        T(losses_before_the_resync_begins_are_one),
        T(loss_while_a_dump_runs_lets_it_end_and_publishes_nothing_of_the_resync),
        T(each_sleep_of_the_host_is_one_resync),
        cmocka_unit_test(random_faults_end_in_the_world_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
