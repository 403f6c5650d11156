/* SPDX-License-Identifier: MIT */
/*
 * test_sync.c - proves writer/sync.c with a scripted source: rounds appear whole, events win over stale dump
 * facts, dumps prove absence only when they may, retries are bounded, and drift is told from late events.
 */
#include "tests/unit/sync_fixture.h"

/* One turn of the loop; the clock goes on to what is due next. */
static void turn_once(void)
{
    assert_int_equal(nv_sync_pump(s), 0);
    uint64_t next = nv_sync_step(s, now_ns);
    if (!s->lane[NV_LANE_SMALL].active && !s->lane[NV_LANE_ROUTES].active && next != NV_FOREVER)
        now_ns = nv_max_u64(now_ns, next);
}

/* ---- rounds -------------------------------------------------------------------------------------------- */

static void first_load_is_seven_dumps_and_nothing_may_be_published_before_the_last(void **state)
{
    (void)state;
    static const struct nv_dump_request order[7] = {{.cls = NV_LINK},
                                                    {.cls = NV_ADDR},
                                                    {.cls = NV_RULE, .family = NV_AF_4},
                                                    {.cls = NV_RULE, .family = NV_AF_6},
                                                    {.cls = NV_NEXTHOP},
                                                    {.cls = NV_ROUTE, .family = NV_AF_4},
                                                    {.cls = NV_ROUTE, .family = NV_AF_6}};
    for (unsigned turn = 0; !nv_sync_publishable(s); turn++) {
        assert_true(turn < 100);
        assert_true(src->request_count < 7 || fake_dumping(src));
        assert_int_equal(nv_sync_pump(s), 0);
        if (!nv_sync_publishable(s))
            (void)nv_sync_step(s, now_ns);
    }
    assert_int_equal(src->request_count, 7);
    for (unsigned i = 0; i < 7; i++) {
        assert_int_equal(src->requests[i].cls, order[i].cls);
        assert_int_equal(src->requests[i].family, order[i].family);
        assert_int_equal(src->requests[i].ifindex | src->requests[i].table, 0);
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(src->requests[i].number, src->requests[k].number);
    }
    assert_int_equal(count(NETVANE_TREE_LINKS), 3);
    assert_int_equal(count(NETVANE_TREE_ADDRS), 2);
    assert_int_equal(count(NETVANE_TREE_ROUTES4), 2);
    assert_int_equal(count(NETVANE_TREE_ROUTES6), 1);
    assert_int_equal(count(NETVANE_TREE_RULES), 2);
    assert_int_equal(count(NETVANE_TREE_NEXTHOPS), 1);
    assert_int_equal(counter[NETVANE_RC_DUMPS], 7);
}

static void loss_makes_one_resync_that_appears_as_one_version(void **state)
{
    (void)state;
    load();
    addr0->gone = default4->gone = true;
    fake_tell_hint(src, NV_HINT_NETCONF, 2); /* the resync covers what waits */
    fake_tell_lost(src, NV_LOST_OVERRUN);
    fake_tell_lost(src, NV_LOST_OVERRUN);
    assert_false(settled());
    (void)nv_sync_step(s, now_ns);
    unsigned turns = 0;
    for (; !nv_sync_publishable(s); turns++) { /* all the way through */
        assert_true(turns < 100);
        assert_int_equal(nv_sync_pump(s), 0);
        if (!nv_sync_publishable(s))
            (void)nv_sync_step(s, now_ns);
    }
    assert_true(turns >= 5); /* all but the routes is whole, and may be seen */
    assert_int_equal(src->request_count, 5);
    assert_true(nv_sync_resyncing(s));
    assert_int_equal(count(NETVANE_TREE_ADDRS), 1);
    assert_true(has_route(default4));
    for (; nv_sync_resyncing(s); turns++) {
        assert_true(turns < 100);
        (void)nv_sync_step(s, now_ns);
        assert_int_equal(nv_sync_pump(s), 0);
    }
    assert_int_equal(counter[NETVANE_RC_RESYNCS], 1);
    assert_int_equal(src->request_count, 7);
    assert_false(has_route(default4));
    settle();
    assert_int_equal(src->request_count, 7);
    assert_int_equal(counter[NETVANE_RC_RESYNCS], 1);
    assert_int_equal(counter[NETVANE_RC_DRIFT_ADDRS] + counter[NETVANE_RC_DRIFT_ROUTES], 0);
}

static void loss_during_a_resync_makes_another(void **state)
{
    (void)state;
    load();
    fake_tell_lost(src, NV_LOST_OVERRUN);
    (void)nv_sync_step(s, now_ns);
    assert_int_equal(nv_sync_pump(s), 0);
    (void)nv_sync_step(s, now_ns);
    addr0->gone = true; /* the addresses may have been read already */
    fake_tell_lost(src, NV_LOST_TRUNCATED);
    settle();
    assert_true(settled());
    assert_int_equal(count(NETVANE_TREE_ADDRS), 1);
}

static void full_re_read_of_equal_content_edits_nothing(void **state)
{
    (void)state;
    load();
    m->edited = false;
    m->choice_stale[0] = m->choice_stale[1] = false;
    nv_arena_next_draft(&m->draft.arena);
    uint64_t copied = m->draft.nodes_copied, digest[NETVANE_RT_COUNT];
    memcpy(digest, m->digest, sizeof(digest));
    run_until(now_ns + RECONCILE_NS + NV_NS_PER_S);
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 1);
    assert_int_equal(src->request_count, 7);
    fake_tell_lost(src, NV_LOST_OVERRUN);
    settle();
    assert_int_equal(counter[NETVANE_RC_RESYNCS], 1);
    assert_int_equal(m->draft.nodes_copied, copied);
    assert_false(m->edited || m->choice_stale[0] || m->choice_stale[1]);
    assert_memory_equal(digest, m->digest, sizeof(digest));
    for (unsigned c = NETVANE_RC_DRIFT_LINKS; c <= NETVANE_RC_DRIFT_NEXTHOPS; c++)
        assert_int_equal(counter[c], 0);
}

static void job_that_waits_for_its_time_does_not_hold_up_a_reconcile(void **state)
{
    (void)state;
    load();
    uint64_t job = now_ns + 3 * RECONCILE_NS;
    nv_sync_want(s, (struct nv_dump_request){.cls = NV_LINK}, job);
    assert_true(nv_sync_step(s, now_ns) <= now_ns + RECONCILE_NS);
    run_until(now_ns + RECONCILE_NS + NV_NS_PER_S);
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 1);
    assert_int_equal(s->queued, 1);
    uint64_t next = nv_sync_step(s, now_ns); /* and nothing spins until either is due */
    assert_true(next > now_ns && next <= job);
    run_until(job + NV_NS_PER_S);
    assert_int_equal(s->queued, 0);
}

static void resume_from_suspend_makes_a_resync(void **state)
{
    (void)state;
    load();
    now_ns += 3600 * NV_NS_PER_S;
    slept_ns += 3600 * NV_NS_PER_S;
    addr0->gone = true;
    (void)nv_sync_step(s, now_ns);
    settle();
    assert_int_equal(counter[NETVANE_RC_RESUMES], 1);
    assert_int_equal(counter[NETVANE_RC_RESYNCS], 1);
    assert_int_equal(count(NETVANE_TREE_ADDRS), 1);
    run_until(now_ns + 10 * NV_NS_PER_S);
    assert_int_equal(counter[NETVANE_RC_RESUMES], 1);
}

static void reconcile_never_comes_where_it_is_switched_off(void **state)
{
    (void)state;
    nv_sync_init(s, m, counter, 0);
    s->source = &src->source;
    load();
    run_until(now_ns + 1000 * RECONCILE_NS);
    assert_int_equal(src->request_count, 0);
}

static void source_that_is_beyond_repair_ends_the_writer(void **state)
{
    (void)state;
    load();
    src->pump_result = -5;
    assert_int_equal(nv_sync_pump(s), -5);
}

/* ---- events against dumps --------------------------------------------------------------------------------- */

static void stale_link(struct fake_source *source, const struct nv_dump_request *req,
                       enum fake_phase phase)
{
    if (req->cls != NV_LINK)
        return;
    if (phase == FAKE_DUMP_BEGINS) {
        struct nv_link fresh = eth0->link;
        fresh.mtu = 9000;
        fake_tell(source, NV_EV_UPSERT, NV_LINK, &fresh); /* the dump still shows 1500 */
    } else {
        eth0->link.mtu = 9000;
        source->on_dump = NULL;
    }
}

static void event_during_a_dump_wins_over_the_stale_fact_of_the_dump(void **state)
{
    (void)state;
    load();
    src->on_dump = stale_link;
    fake_tell_hint(src, NV_HINT_NSID, 0);
    assert_int_equal(nv_sync_pump(s), 0);
    (void)nv_sync_step(s, now_ns);
    assert_int_equal(nv_sync_pump(s), 0); /* the dump, with the event inside */
    struct netvane_rec_link r;
    assert_true(nv_mirror_link(m, 2, &r));
    assert_int_equal(r.mtu, 9000);
    assert_int_equal(counter[NETVANE_RC_DUMPS_DISTURBED], 1);
    settle();
    assert_int_equal(asked(NV_LINK, 0, 0), 1); /* the event told all that the dump was to tell */
    assert_true(nv_mirror_link(m, 2, &r));
    assert_int_equal(r.mtu, 9000);
}

static void tell_mtu(struct fake_source *source, uint32_t mtu, uint32_t dump, uint32_t datagram,
                     uint32_t ahead)
{
    struct nv_link fact = eth0->link;
    fact.mtu = mtu;
    struct nv_event ev = {.kind = NV_EV_UPSERT,
                          .cls = NV_LINK,
                          .dump = dump,
                          .datagram = datagram,
                          .ahead = ahead,
                          .link = &fact};
    source->sink(source->sink_arg, &ev);
}

static uint32_t mtu(void)
{
    struct netvane_rec_link r;
    assert_true(nv_mirror_link(m, 2, &r));
    return r.mtu;
}

static uint32_t ahead;

static void old_datagrams(struct fake_source *source, const struct nv_dump_request *req,
                          enum fake_phase phase)
{
    if (req->cls != NV_LINK || phase != FAKE_DUMP_BEGINS)
        return;
    tell_mtu(source, 1400, req->number, 1, ahead);
    assert_int_equal(mtu(), 1400);
    tell_mtu(source, 9000, 0, 0, 0); /* an event */
    for (uint32_t i = 0; i < ahead; i++) {
        tell_mtu(source, 1300, req->number, 2 + i, ahead);
        assert_int_equal(mtu(), 9000);
    }
    tell_mtu(source, 1200, req->number, 2 + ahead, ahead);
    assert_int_equal(mtu(), 1200);
    source->on_dump = NULL;
}

static void event_wins_over_as_many_datagrams_as_are_read_ahead(void **state)
{
    (void)state;
    load();
    for (ahead = 1; ahead <= NV_DATAGRAMS_AHEAD; ahead += NV_DATAGRAMS_AHEAD - 1) {
        src->on_dump = old_datagrams;
        fake_tell_hint(src, NV_HINT_NSID, 0);
        settle();
        assert_null(src->on_dump); /* it ran */
    }
}

static void dead_object(struct fake_source *source, const struct nv_dump_request *req,
                        enum fake_phase phase)
{
    if (req->cls == NV_ROUTE && req->family == NV_AF_4 && phase == FAKE_DUMP_BEGINS &&
        !connected->gone) {
        fake_tell(source, NV_EV_REMOVE, NV_ROUTE,
                  &connected->route); /* the dump shows it after that */
        source->on_dump = NULL;
    }
}

static void object_that_an_event_removed_is_not_revived_by_the_running_dump(void **state)
{
    (void)state;
    load();
    src->on_dump = dead_object;
    fake_tell_hint(src, NV_HINT_NETCONF, 2);
    assert_int_equal(nv_sync_pump(s), 0);
    (void)nv_sync_step(s, now_ns);
    assert_int_equal(nv_sync_pump(s), 0);
    assert_true(has_route(default4));
    assert_false(has_route(connected));
    connected->gone = true;
    settle();
    assert_false(has_route(connected));
}

static unsigned churns;

static void churn(struct fake_source *source, const struct nv_dump_request *req,
                  enum fake_phase phase)
{
    if (req->cls != NV_ROUTE || req->family != NV_AF_4 || phase != FAKE_DUMP_BEGINS || !churns)
        return;
    churns--;
    struct nv_hop h = fact_hop(3, NULL);
    struct nv_route r = fact_route(77, "10.7.0.0", 16, churns, &h, 1);
    fake_tell(source, NV_EV_UPSERT, NV_ROUTE, &r);
    fake_tell(source, NV_EV_REMOVE, NV_ROUTE, &r);
}

static void disturbed_dump_does_not_sweep_and_two_that_lack_the_object_do(void **state)
{
    (void)state;
    load();
    default4->gone = true;
    src->on_dump = churn;
    churns = 2;
    fake_tell_hint(src, NV_HINT_NETCONF, 0);
    for (unsigned turn = 0; counter[NETVANE_RC_DUMPS_DISTURBED] < 1; turn++) {
        assert_true(turn < 100);
        assert_int_equal(nv_sync_pump(s), 0);
        (void)nv_sync_step(s, now_ns);
    }
    assert_true(has_route(default4));
    for (unsigned turn = 0; counter[NETVANE_RC_DUMPS_DISTURBED] < 2; turn++) {
        assert_true(turn < 100);
        now_ns += NV_DUMP_RETRY_NS;
        assert_int_equal(nv_sync_pump(s), 0);
        (void)nv_sync_step(s, now_ns);
    }
    assert_false(has_route(default4));
    assert_true(has_route(connected));
    settle();
}

/* Where order counts, a disturbed dump proves nothing, whatever it showed. */
static void restless_rule(struct fake_source *source, const struct nv_dump_request *req,
                          enum fake_phase phase)
{
    if (req->cls != NV_RULE || phase != FAKE_DUMP_BEGINS || !churns)
        return;
    churns--;
    struct nv_rule r = fact_rule(NV_AF_4, 1000 + churns, 254);
    fake_tell(source, NV_EV_UPSERT, NV_RULE, &r);
    fake_tell(source, NV_EV_REMOVE, NV_RULE, &r);
}

static void dump_that_is_always_disturbed_ends_approximate_and_is_tried_again_later(void **state)
{
    (void)state;
    load();
    src->on_dump = restless_rule;
    churns = NV_DUMP_TRIES;
    uint64_t begun = now_ns;
    struct nv_rule r = fact_rule(NV_AF_4, 32766, 254);
    fake_tell(src, NV_EV_UPSERT, NV_RULE, &r);
    for (unsigned turn = 0; !nv_sync_approximate(s); turn++) {
        assert_true(turn < 1000);
        turn_once();
    }
    assert_int_equal(counter[NETVANE_RC_DUMPS_DISTURBED], NV_DUMP_TRIES);
    assert_true(now_ns - begun < 2 * NV_DUMP_LATER_NS);
    settle(); /* the churn has ended */
    assert_false(nv_sync_approximate(s));
    assert_true(settled());
}

static void interrupted_dumps_are_retried_a_bounded_number_of_times(void **state)
{
    (void)state;
    src->answer[NV_NEXTHOP].status = NV_DUMP_INTERRUPTED;
    src->answer[NV_NEXTHOP].times = 1000;
    run_until(now_ns + 100 * NV_NS_PER_MS);
    assert_true(nv_sync_publishable(s)); /* the first load does not wait for ever */
    assert_true(nv_sync_approximate(s));
    assert_int_equal(asked(NV_NEXTHOP, 0, 0), NV_DUMP_TRIES);
    assert_int_equal(counter[NETVANE_RC_DUMPS_INTERRUPTED], NV_DUMP_TRIES);
    run_until(now_ns + NV_DUMP_LATER_NS); /* again later, again bounded */
    assert_int_equal(asked(NV_NEXTHOP, 0, 0), 2 * NV_DUMP_TRIES);
    src->answer[NV_NEXTHOP].times = 0;
    settle();
    assert_false(nv_sync_approximate(s));
}

static uint32_t routes6_dumps;
static bool begins_anew;

/* A dump that the kernel began anew shows the newest object twice; the next one does not. */
static void newest_twice_once(struct fake_source *source, const struct nv_dump_request *req,
                              enum fake_phase phase)
{
    if (req->cls != NV_ROUTE || req->family != NV_AF_6 || phase != FAKE_DUMP_ENDS)
        return;
    routes6_dumps++;
    if (begins_anew)
        source->world[source->objects - 1].gone = true;
}

static void ipv6_route_shown_once_more_is_asked_for_again_and_then_believed(void **state)
{
    (void)state;
    load();
    src->on_dump = newest_twice_once;
    struct nv_hop on = fact_hop(2, NULL);
    struct nv_route r = fact_route(100, "2001:db8:7::", 48, 1024, &on, 1);
    for (unsigned anew = 0; anew < 2; anew++) {
        uint32_t had = count(NETVANE_TREE_ROUTES6);
        r.table++;
        (void)fake_know(src, NV_ROUTE, &r);
        (void)fake_know(src, NV_ROUTE, &r);
        routes6_dumps = 0;
        begins_anew = anew;
        fake_tell_hint(src, NV_HINT_NETCONF, 0);
        settle();
        assert_int_equal(routes6_dumps, 2);
        assert_int_equal(count(NETVANE_TREE_ROUTES6), had + 2 - anew);
        fake_tell_hint(src, NV_HINT_NETCONF, 0);
        settle();
        assert_int_equal(routes6_dumps, 3); /* it is no news any more */
        assert_int_equal(count(NETVANE_TREE_ROUTES6), had + 2 - anew);
    }
}

static void failed_dump_proves_nothing_and_is_retried_with_growing_pauses(void **state)
{
    (void)state;
    load();
    src->answer[NV_LINK].status = NV_DUMP_FAILED;
    src->answer[NV_LINK].times = 4;
    for (unsigned i = 0; i < src->objects; i++)
        src->world[i].gone = true; /* it shows nothing at all */
    uint64_t begun = now_ns;
    fake_tell_hint(src, NV_HINT_NSID, 0);
    for (unsigned turn = 0; src->answer[NV_LINK].times; turn++) {
        assert_true(turn < 1000);
        turn_once();
        assert_int_equal(count(NETVANE_TREE_LINKS), 3);
    }
    assert_int_equal(counter[NETVANE_RC_DUMP_ERRORS], 4);
    assert_true(now_ns - begun >= (2 + 4 + 8) * NV_DUMP_RETRY_NS);
    for (unsigned i = 0; i < src->objects; i++)
        src->world[i].gone = false;
    settle();
    assert_int_equal(count(NETVANE_TREE_LINKS), 3);
    assert_true(settled());
}

static void dump_that_cannot_even_start_is_a_failed_one(void **state)
{
    (void)state;
    load();
    src->dump_error = -105;
    fake_tell_lost(src, NV_LOST_ERROR);
    run_until(now_ns + 20 * NV_NS_PER_MS);
    assert_false(nv_sync_publishable(s));
    assert_true(counter[NETVANE_RC_DUMP_ERRORS] > 1 && counter[NETVANE_RC_DUMP_ERRORS] < 10);
    assert_int_equal(count(NETVANE_TREE_LINKS), 3);
    src->dump_error = 0;
    settle();
    assert_true(settled());
    assert_int_equal(counter[NETVANE_RC_RESYNCS], 1);
}

static void answer_that_there_is_no_such_link_is_an_empty_one(void **state)
{
    (void)state;
    load();
    src->answer[NV_ADDR].status = NV_DUMP_NO_SUCH;
    src->answer[NV_ADDR].times = 1;
    addr0->gone = true;
    nv_sync_want(s, (struct nv_dump_request){.cls = NV_ADDR, .family = NV_AF_4, .ifindex = 2}, 0);
    settle();
    assert_int_equal(count(NETVANE_TREE_ADDRS), 1); /* the IPv6 one is none of its business */
    assert_int_equal(asked(NV_ADDR, NV_AF_4, 2), 1);
}

static void dump_that_a_recording_lacks_proves_nothing_and_is_not_asked_for_again(void **state)
{
    (void)state;
    load();
    src->answer[NV_LINK].status = NV_DUMP_UNAVAILABLE;
    src->answer[NV_LINK].times = 1;
    eth0->gone = true; /* it shows no sign of it either */
    fake_tell_hint(src, NV_HINT_NSID, 0);
    settle();
    assert_int_equal(count(NETVANE_TREE_LINKS), 3);
    assert_int_equal(asked(NV_LINK, 0, 0), 1);
    assert_int_equal(counter[NETVANE_RC_DUMP_ERRORS], 0);
    assert_true(settled());
}

static void round_whose_dumps_are_all_unavailable_ends_approximate(void **state)
{
    (void)state;
    for (unsigned c = 0; c < NV_CLASS_COUNT; c++) {
        src->answer[c].status = NV_DUMP_UNAVAILABLE;
        src->answer[c].times = 10;
    }
    settle();
    assert_true(settled());
    assert_int_equal(src->request_count, 7);
    assert_true(nv_sync_approximate(s));
    for (unsigned c = 0; c < NV_CLASS_COUNT; c++)
        src->answer[c].times = 0;
    run_until(now_ns + RECONCILE_NS + NV_NS_PER_S); /* what it was is known now */
    assert_false(nv_sync_approximate(s));
}

static void verification_in_a_replay_waits_for_the_recorded_one(void **state)
{
    (void)state;
    load();
    s->told = true;
    s->reconcile_due_ns = NV_FOREVER;
    s->share_due_ns = now_ns + NV_NS_PER_S;
    nv_sync_verify(s);
    run_until(now_ns + 10 * NV_NS_PER_S);
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 0);
    s->reconcile_due_ns = now_ns;
    settle();
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 1);
}

static void verification_is_a_reconcile_that_waits_for_its_share_of_the_time(void **state)
{
    (void)state;
    load();
    uint64_t due = s->share_due_ns = now_ns + 2 * NV_NS_PER_S;
    assert_true(due < s->reconcile_due_ns);
    nv_sync_verify(s);
    run_until(due - NV_NS_PER_MS);
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 0);
    run_until(due + 10 * NV_NS_PER_MS);
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 1);
    assert_int_equal(counter[NETVANE_RC_RESYNCS], 0);
    run_until(due + 10 * NV_NS_PER_S); /* once */
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 1);
}

static bool not_ready(const struct nv_source *source, const struct nv_dump_request *req)
{
    (void)source;
    return req->cls != NV_LINK;
}

static void job_that_has_no_place_yet_waits_and_lets_others_go_first(void **state)
{
    (void)state;
    load();
    struct nv_source_ops ops = *src->source.ops;
    const struct nv_source_ops *usual = src->source.ops;
    ops.ready = not_ready;
    src->source.ops = &ops;
    nv_sync_want(s, (struct nv_dump_request){.cls = NV_LINK}, 0);
    nv_sync_want(s, (struct nv_dump_request){.cls = NV_NEXTHOP}, 0);
    run_until(now_ns + 100 * NV_NS_PER_MS);
    assert_int_equal(asked(NV_LINK, 0, 0), 0);
    assert_int_equal(asked(NV_NEXTHOP, 0, 0), 1);
    src->source.ops = usual;
    settle();
    assert_int_equal(asked(NV_LINK, 0, 0), 1);
}

/* ---- drift -------------------------------------------------------------------------------------------------- */

static void reconcile_counts_what_it_repairs_by_class(void **state)
{
    (void)state;
    load();
    default4->gone = true;
    eth1->link.mtu = 1280;
    struct nv_rule rule = fact_rule(NV_AF_4, 100, 50);
    (void)fake_know(src, NV_RULE, &rule);
    run_until(now_ns + RECONCILE_NS + NV_NS_PER_S);
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 1);
    assert_int_equal(counter[NETVANE_RC_DRIFT_ROUTES], 1);
    assert_int_equal(counter[NETVANE_RC_DRIFT_LINKS], 1);
    assert_int_equal(counter[NETVANE_RC_DRIFT_RULES], 1);
    assert_int_equal(counter[NETVANE_RC_DRIFT_ADDRS] + counter[NETVANE_RC_DRIFT_NEXTHOPS], 0);
    assert_false(has_route(default4));
    assert_int_equal(src->reopens, 0);
    run_until(now_ns + RECONCILE_NS + NV_NS_PER_S);
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 2);
    assert_int_equal(counter[NETVANE_RC_DRIFT_ROUTES], 1); /* repaired is repaired */
}

static void late_event(struct fake_source *source, const struct nv_dump_request *req,
                       enum fake_phase phase)
{
    if (req->cls == NV_ROUTE && req->family == NV_AF_4 && phase == FAKE_DUMP_ENDS) {
        fake_tell(source, NV_EV_REMOVE, NV_ROUTE, &default4->route);
        source->on_dump = NULL;
    }
    if (req->cls == NV_ADDR && phase == FAKE_DUMP_ENDS) {
        struct nv_addr f = fact_addr(2, "10.0.0.7", 24);
        fake_tell(source, NV_EV_UPSERT, NV_ADDR, &f);
    }
}

static void difference_whose_event_comes_after_all_is_no_drift(void **state)
{
    (void)state;
    load();
    default4->gone = true; /* the dumps see both before the events arrive */
    struct nv_addr f = fact_addr(2, "10.0.0.7", 24);
    (void)fake_know(src, NV_ADDR, &f);
    src->on_dump = late_event;
    run_until(now_ns + RECONCILE_NS + NV_NS_PER_S);
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 1);
    for (unsigned c = NETVANE_RC_DRIFT_LINKS; c <= NETVANE_RC_DRIFT_NEXTHOPS; c++)
        assert_int_equal(counter[c], 0);
    assert_false(has_route(default4));
    assert_int_equal(count(NETVANE_TREE_ADDRS), 3);
}

/* The kernel is in the middle of the change: what the first dump shows is told only behind the barrier of the second. */
static void event_behind_the_barrier(struct fake_source *source, const struct nv_dump_request *req,
                                     enum fake_phase phase)
{
    if (req->cls != NV_ROUTE || req->family != NV_AF_4 || !req->barrier ||
        phase != FAKE_DUMP_BEGINS)
        return;
    fake_tell(source, NV_EV_REMOVE, NV_ROUTE, &default4->route);
    source->on_dump = NULL;
}

static void difference_whose_event_comes_behind_a_barrier_is_no_drift(void **state)
{
    (void)state;
    load();
    default4->gone = true;
    src->on_dump = event_behind_the_barrier;
    run_until(now_ns + RECONCILE_NS + NV_NS_PER_S);
    assert_null(src->on_dump);
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 1);
    assert_int_equal(counter[NETVANE_RC_DRIFT_ROUTES], 0);
    assert_false(has_route(default4));
}

static void carrier_that_the_kernel_has_yet_to_tell_is_no_drift(void **state)
{
    (void)state;
    load();
    eth1->link.flags = 1; /* no carrier any more, operational state still up */
    eth1->link.operstate = 6;
    eth1->link.has |= NV_LINK_HAS_OPERSTATE;
    run_until(s->reconcile_due_ns + NV_NS_PER_S);
    assert_int_equal(counter[NETVANE_RC_DRIFT_LINKS], 0);
    eth1->link.operstate = 3;
    run_until(s->reconcile_due_ns + NV_NS_PER_S); /* now it should have told */
    assert_int_equal(counter[NETVANE_RC_DRIFT_LINKS], 1);
}

static void difference_that_a_waiting_re_read_is_to_find_is_no_drift(void **state)
{
    (void)state;
    load();
    default4->gone = true;
    uint64_t due = s->reconcile_due_ns;
    run_until(due - NV_NS_PER_S);
    nv_sync_want(s, (struct nv_dump_request){.cls = NV_ROUTE, .family = NV_AF_4, .ifindex = 2},
                 due + 100 * NV_NS_PER_MS);
    run_until(due + NV_NS_PER_S);
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 1);
    assert_int_equal(counter[NETVANE_RC_DRIFT_ROUTES], 0);
    assert_false(has_route(default4));
}

/* An event about another route comes while the routes are dumped for the first time. */
static void disturbing_event(struct fake_source *source, const struct nv_dump_request *req,
                             enum fake_phase phase)
{
    if (req->cls != NV_ROUTE || req->family != NV_AF_4 || phase != FAKE_DUMP_ENDS)
        return;
    struct nv_route other = default4->route;
    other.dst[0] = 98;
    other.dst_len = 8;
    source->on_dump = NULL;
    fake_tell(source, NV_EV_REMOVE, NV_ROUTE, &other); /* it came and went */
}

static void drift_that_a_disturbed_dump_repaired_counts_once_the_clean_one_ends(void **state)
{
    (void)state;
    load();
    struct nv_route silent = default4->route;
    silent.dst[0] = 99;
    silent.dst_len = 8;
    (void)fake_know(src, NV_ROUTE, &silent);
    src->on_dump = disturbing_event;
    run_until(now_ns + RECONCILE_NS + NV_NS_PER_S);
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 1);
    assert_int_equal(counter[NETVANE_RC_DUMPS_DISTURBED], 1);
    assert_int_equal(counter[NETVANE_RC_DRIFT_ROUTES], 1);
}

static unsigned restless_dumps;

/* Each dump meets one more event that asks for re-reads, until the resync has ended, or 60 dumps did not end it. */
static void restless_event(struct fake_source *source, const struct nv_dump_request *req,
                           enum fake_phase phase)
{
    (void)req;
    if (phase != FAKE_DUMP_ENDS)
        return;
    if (counter[NETVANE_RC_RESYNCS] || ++restless_dumps == 60)
        source->on_dump = NULL;
    else
        fake_tell_hint(source, NV_HINT_NETCONF, 2);
}

static void resync_ends_however_often_events_ask_for_re_reads(void **state)
{
    (void)state;
    load();
    restless_dumps = 0;
    src->on_dump = restless_event;
    fake_tell_lost(src, NV_LOST_OVERRUN);
    run_until(now_ns + NV_NS_PER_S);
    assert_int_equal(counter[NETVANE_RC_RESYNCS], 1);
    assert_true(restless_dumps < 30);
}

static void degraded_ends_with_a_round_that_found_place_for_all(void **state)
{
    (void)state;
    load();
    m->degraded = true;
    m->counts_refused++;
    run_until(now_ns + RECONCILE_NS + NV_NS_PER_S);
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 1);
    assert_false(m->degraded);
}

static struct fake_source *last_pump_of;

/* The event is still in the socket when the dump has ended, and comes with the last look at it. */
static void in_the_socket(struct fake_source *source)
{
    if (source != last_pump_of || !s->lane[NV_LANE_SMALL].ended ||
        s->lane[NV_LANE_SMALL].job.req.cls != NV_ADDR)
        return;
    last_pump_of = NULL;
    struct nv_addr f = fact_addr(2, "10.0.0.7", 24);
    fake_tell(source, NV_EV_UPSERT, NV_ADDR, &f);
}

static void event_stream_is_read_once_more_before_a_dump_counts_as_ended(void **state)
{
    (void)state;
    load();
    struct nv_addr f = fact_addr(2, "10.0.0.7", 24);
    (void)fake_know(src, NV_ADDR, &f);
    src->on_pump = in_the_socket;
    last_pump_of = src;
    run_until(now_ns + RECONCILE_NS + NV_NS_PER_S);
    assert_null(last_pump_of);
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 1);
    assert_int_equal(counter[NETVANE_RC_DRIFT_ADDRS], 0);
    assert_int_equal(count(NETVANE_TREE_ADDRS), 3);
}

static void two_drifting_reconciles_in_a_row_reopen_the_source_and_resync(void **state)
{
    (void)state;
    load();
    default4->gone = true;
    run_until(now_ns + RECONCILE_NS + NV_NS_PER_S);
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 1);
    run_until(now_ns + RECONCILE_NS + NV_NS_PER_S); /* a clean one between */
    default4->gone = false;
    run_until(now_ns + RECONCILE_NS + NV_NS_PER_S);
    assert_int_equal(src->reopens, 0);
    default4->gone = true;
    run_until(now_ns + RECONCILE_NS + NV_NS_PER_S);
    assert_int_equal(counter[NETVANE_RC_RECONCILES], 4);
    assert_int_equal(src->reopens, 1);
    assert_int_equal(counter[NETVANE_RC_DRIFT_REOPENS], 1);
    assert_int_equal(counter[NETVANE_RC_RESYNCS], 1);
    run_until(now_ns + RECONCILE_NS + NV_NS_PER_S);
    assert_int_equal(src->reopens, 1);
}

/* ---- the queue ------------------------------------------------------------------------------------------------ */

static void re_reads_that_cover_each_other_are_asked_once(void **state)
{
    (void)state;
    load();
    for (unsigned i = 0; i < 100; i++)
        fake_tell_hint(src, NV_HINT_NETCONF, 2);
    fake_tell_hint(src, NV_HINT_RA, 2);
    settle();
    assert_int_equal(src->request_count, 2);
    load();
    fake_tell_hint(src, NV_HINT_NETCONF, 2);
    fake_tell_hint(src, NV_HINT_NETCONF, 3);
    fake_tell_hint(src, NV_HINT_NETCONF, 0); /* covers both */
    settle();
    assert_int_equal(src->request_count, 2);
    assert_true(asked(NV_ROUTE, NV_AF_4, 0) && asked(NV_ROUTE, NV_AF_6, 0));
}

static void too_many_re_reads_become_one_of_everything_of_their_class(void **state)
{
    (void)state;
    load();
    for (uint32_t i = 0; i < 10 * NV_REREADS_MAX; i++)
        nv_sync_want(
            s, (struct nv_dump_request){.cls = NV_ADDR, .family = NV_AF_4, .ifindex = i + 1}, 0);
    assert_true(s->queued <= NV_REREADS_MAX);
    settle();
    assert_true(settled());
    assert_int_equal(counter[NETVANE_RC_RESYNCS], 0);
    assert_true(asked(NV_ADDR, NV_AF_4, 0) >= 1);
    assert_true(src->request_count <= NV_REREADS_MAX);
}

static void re_read_during_a_first_load_is_asked_only_for_what_is_read_already(void **state)
{
    (void)state;
    (void)nv_sync_step(s, now_ns); /* links are being read */
    nv_sync_want(s, (struct nv_dump_request){.cls = NV_ROUTE, .family = NV_AF_4, .ifindex = 2}, 0);
    assert_int_equal(s->queued, 0);
    nv_sync_want(s, (struct nv_dump_request){.cls = NV_LINK}, 0);
    assert_int_equal(s->queued, 1);
    settle();
    assert_int_equal(asked(NV_LINK, 0, 0), 2);
    assert_int_equal(asked(NV_ROUTE, NV_AF_4, 2), 0);
}

static void re_read_repairs_what_no_event_told_without_counting_it_as_drift(void **state)
{
    (void)state;
    load();
    default4->gone = true;
    fake_tell_hint(src, NV_HINT_NETCONF, 2);
    settle();
    assert_false(has_route(default4));
    assert_true(has_route(connected) && has_route(default6));
    assert_int_equal(counter[NETVANE_RC_DRIFT_ROUTES], 0);
    assert_int_equal(counter[NETVANE_RC_REREADS], 2);
}

static void facts_of_a_dump_that_is_not_running_are_ignored(void **state)
{
    (void)state;
    load();
    struct nv_link f = fact_link(50, "ghost", UP);
    struct nv_event ev = {.kind = NV_EV_UPSERT, .cls = NV_LINK, .dump = 12345, .link = &f};
    nv_sync_event(s, &ev);
    assert_int_equal(count(NETVANE_TREE_LINKS), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(first_load_is_seven_dumps_and_nothing_may_be_published_before_the_last),
        T(loss_makes_one_resync_that_appears_as_one_version),
        T(loss_during_a_resync_makes_another),
        T(full_re_read_of_equal_content_edits_nothing),
        T(job_that_waits_for_its_time_does_not_hold_up_a_reconcile),
        T(drift_that_a_disturbed_dump_repaired_counts_once_the_clean_one_ends),
        T(resync_ends_however_often_events_ask_for_re_reads),
        T(degraded_ends_with_a_round_that_found_place_for_all),
        T(resume_from_suspend_makes_a_resync),
        T(reconcile_never_comes_where_it_is_switched_off),
        T(source_that_is_beyond_repair_ends_the_writer),
        T(event_during_a_dump_wins_over_the_stale_fact_of_the_dump),
        T(event_wins_over_as_many_datagrams_as_are_read_ahead),
        T(object_that_an_event_removed_is_not_revived_by_the_running_dump),
        T(disturbed_dump_does_not_sweep_and_two_that_lack_the_object_do),
        T(dump_that_is_always_disturbed_ends_approximate_and_is_tried_again_later),
        T(interrupted_dumps_are_retried_a_bounded_number_of_times),
        T(ipv6_route_shown_once_more_is_asked_for_again_and_then_believed),
        T(failed_dump_proves_nothing_and_is_retried_with_growing_pauses),
        T(dump_that_cannot_even_start_is_a_failed_one),
        T(answer_that_there_is_no_such_link_is_an_empty_one),
        T(dump_that_a_recording_lacks_proves_nothing_and_is_not_asked_for_again),
        T(round_whose_dumps_are_all_unavailable_ends_approximate),
        T(verification_in_a_replay_waits_for_the_recorded_one),
        T(verification_is_a_reconcile_that_waits_for_its_share_of_the_time),
        T(job_that_has_no_place_yet_waits_and_lets_others_go_first),
        T(reconcile_counts_what_it_repairs_by_class),
        T(difference_whose_event_comes_after_all_is_no_drift),
        T(difference_whose_event_comes_behind_a_barrier_is_no_drift),
        T(carrier_that_the_kernel_has_yet_to_tell_is_no_drift),
        T(difference_that_a_waiting_re_read_is_to_find_is_no_drift),
        T(event_stream_is_read_once_more_before_a_dump_counts_as_ended),
        T(two_drifting_reconciles_in_a_row_reopen_the_source_and_resync),
        T(re_reads_that_cover_each_other_are_asked_once),
        T(too_many_re_reads_become_one_of_everything_of_their_class),
        T(re_read_during_a_first_load_is_asked_only_for_what_is_read_already),
        T(re_read_repairs_what_no_event_told_without_counting_it_as_drift),
        T(facts_of_a_dump_that_is_not_running_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
