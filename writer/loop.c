/* SPDX-License-Identifier: MIT */
/*
 * loop.c - one thread: read what the kernel says, keep the mirror, publish, beat.
 *
 * Each turn: sleep until the source has data or a time is due; read; end and start dumps; publish if the draft has
 * something to say and the last version is old enough; ask the kernel about the egress once things have settled.
 */
#include "writer.h"

#include <errno.h>
#include <inttypes.h>

#include "log.h"

void nv_writer_answer(void *writer, unsigned f, const struct nv_event *ev)
{
    struct nv_writer *w = writer;
    bool agreed = nv_commit_answer(&w->commit, f, ev->error ? NULL : ev->route);
    uint64_t now = nv_clock_boottime_ns();
    if (!agreed && w->commit.disagreed[f] == 2) { /* once for each time that they begin to differ */
        const struct netvane_region_default *own = &w->commit.choice[f].egress,
                                            *kernel = &w->commit.egress[f];
        nv_log(NV_LOG_INFO, "egress",
               "family=%u result=\"the kernel's answer is published\" mirror_link=%u "
               "mirror_table=%u mirror_metric=%u "
               "kernel_link=%u kernel_table=%u kernel_error=%d",
               f ? 6u : 4u, own->ifindex, own->table, own->metric, kernel->ifindex, kernel->table,
               ev->error);
    }
    if (!agreed && w->sync.round == NV_ROUND_NONE && nv_sync_settled(&w->sync, NV_LANE_ROUTES) &&
        now - w->last_egress_verify_ns >= NV_EGRESS_VERIFY_NS) {
        w->last_egress_verify_ns = now;
        nv_sync_verify(&w->sync); /* nothing was lost that we know of: what it finds is drift */
    }
}

/* ---- publish ---------------------------------------------------------------------------------------------- */

static void update_quality(struct nv_writer *w)
{
    uint32_t q = 0;
    if (nv_sync_resyncing(&w->sync))
        q |= NETVANE_RQ_RESYNCING;
    if (nv_sync_approximate(&w->sync))
        q |= NETVANE_RQ_APPROXIMATE;
    if (w->mirror.degraded)
        q |= NETVANE_RQ_DEGRADED;
    if (!nv_tables_all(&w->options.tables))
        q |= NETVANE_RQ_FILTERED;
    w->commit.quality = q;
    w->commit.verified_ns = w->sync.round_ended_ns;
    nv_write_word(w->pub.base, NV_LIVE(verified_ns), w->sync.round_ended_ns);
}

static void update_counters(struct nv_writer *w)
{
    struct nv_source_stats s;
    nv_source_stats(w->source, &s);
    uint64_t *c = w->pub.counter;
    c[NETVANE_RC_EVENTS] = s.events;
    c[NETVANE_RC_EVENT_BYTES] = s.event_bytes;
    c[NETVANE_RC_OVERRUNS] = s.overruns;
    c[NETVANE_RC_TRUNCATED] = s.truncated;
    c[NETVANE_RC_MALFORMED] = s.malformed;
    c[NETVANE_RC_UNKNOWN] = s.unknown;
    c[NETVANE_RC_UNKNOWN_ATTRS] = s.unknown_attrs;
    c[NETVANE_RC_CLIPPED] = s.clipped;
    c[NETVANE_RC_STRAYS] = s.strays;
    c[NETVANE_RC_SOCKET_REOPENS] = s.reopens;
    c[NETVANE_RC_SOCKET_ERRORS] = s.socket_errors;
    c[NETVANE_RC_UNTOLD_DROPS] = s.untold_drops;
    c[NETVANE_RC_LOST_GROUPS] = s.lost_groups;
    c[NETVANE_RC_SOCKET_BUFFER] = s.buffer_bytes;
    c[NETVANE_RC_ROUTES_LEFT_OUT] = w->sync.left_out[0] + w->sync.left_out[1];
    nv_publisher_counters(&w->pub, &w->mirror.draft.arena);
}

/* The first State is whole: give the region its name, and send the predecessor's readers here. */
static int show(struct nv_writer *w)
{
    int r = nv_shm_show(w->shm);
    if (r) {
        nv_log(NV_LOG_ERROR, "show", "dir=%s name=%s error=%d", w->dir, w->options.name, r);
        return r;
    }
    w->shown = true;
    uint64_t size = 0;
    void *old = nv_shm_predecessor(w->shm, &size);
    if (old) {
        nv_legacy_end(old, size, w->pub.instance_id);
        w->reclaim_ns = nv_clock_boottime_ns() + NV_GRACE_NS;
    }
    nv_log(NV_LOG_INFO, "ready",
           "version=%" PRIu64
           " links=%u addrs=%u routes4=%u routes6=%u rules=%u nexthops=%u took_ms=%u",
           w->pub.head, w->mirror.draft.tree[NETVANE_TREE_LINKS].count,
           w->mirror.draft.tree[NETVANE_TREE_ADDRS].count,
           w->mirror.draft.tree[NETVANE_TREE_ROUTES4].count,
           w->mirror.draft.tree[NETVANE_TREE_ROUTES6].count,
           w->mirror.draft.tree[NETVANE_TREE_RULES].count,
           w->mirror.draft.tree[NETVANE_TREE_NEXTHOPS].count,
           (unsigned)(w->sync.round_ns / NV_NS_PER_MS));
    nv_service_notify("READY=1");
    return 0;
}

/* The kernel knows the egress at once, while the mirror's routes are still being read again. */
static void ask_early(struct nv_writer *w)
{
    bool early = nv_sync_resyncing(&w->sync) && nv_sync_publishable(&w->sync);
    if (early && !w->asked_early)
        w->commit.ask[0] = w->commit.ask[1] = true;
    w->asked_early = early;
}

/*
 * In the long run one version per coalesce_ns, but two may follow each other at once: changes that come at this rate, one a
 * little early, the next a little late, are published when they come.
 */
static uint64_t next_publish_ns(const struct nv_writer *w)
{
    return w->paced_ns - nv_min_u64(w->paced_ns, w->options.coalesce_ns);
}

static void note_publish(struct nv_writer *w, uint64_t now)
{
    w->paced_ns = nv_max_u64(w->paced_ns, now) + w->options.coalesce_ns;
    w->storm_ns = nv_max_u64(w->storm_ns, now) + NV_STORM_NS;
}

/*
 * Until when events may gather in the kernel's queue, 0: they may not. Waking for each of them is what costs in a storm, several
 * times as much as the version that it makes; where reading takes longer than that, nothing waits.
 */
static uint64_t gathering_ns(const struct nv_writer *w)
{
    const uint64_t until = w->turn_ns + NV_STORM_NS;
    const bool lasts = w->storm_ns > until + (NV_STORM_VERSIONS - 1) * NV_STORM_NS;
    return lasts && w->options.coalesce_ns ? until : 0;
}

/* What to poll, and until when at most. */
static unsigned handles(struct nv_writer *w, struct nv_poll_item *items, unsigned max,
                        uint64_t *io_due)
{
    const uint64_t gathering = gathering_ns(w);
    const unsigned n = gathering ? nv_source_urgent(w->source, items, max) : 0;
    if (!n)
        return nv_source_handles(w->source, items, max);
    *io_due = nv_min_u64(*io_due, gathering);
    return n;
}

/* Publishes if it is time to; returns when it will be. */
static int publish(struct nv_writer *w, uint64_t now, uint64_t *ret_due)
{
    *ret_due = NV_FOREVER;
    update_quality(w);
    bool held = !nv_sync_publishable(&w->sync);
    if (!w->shown) {
        if (held)
            return 0;
        (void)nv_commit(&w->commit, true, now);
        nv_publisher_state(&w->pub, NETVANE_RS_LIVE);
        update_counters(w);
        note_publish(w, now);
        return show(w);
    }
    ask_early(w);
    w->commit.hold = !nv_sync_resyncing(&w->sync) ? 0 : held ? NV_HOLD_ALL : NV_HOLD_ROUTES;
    /* A loss shows at once, over the State as it is; from then on what is being read again stays until it is whole. */
    const bool begins = nv_commit_begins_to_hold(&w->commit);
    if (!begins && !nv_commit_wanted(&w->commit))
        return 0;
    if (!begins && now < next_publish_ns(w)) {
        *ret_due = next_publish_ns(w);
        return 0;
    }
    bool was_degraded = w->commit.published_quality & NETVANE_RQ_DEGRADED;
    if (nv_commit(&w->commit, begins, now)) {
        note_publish(w, now);
        update_counters(w);
    } else if (w->commit.quiet_since_ns)
        *ret_due = w->commit.quiet_since_ns + NV_QUIET_PUBLISH_NS;
    if (w->commit.quality & NETVANE_RQ_DEGRADED && !was_degraded)
        nv_log(NV_LOG_ERROR, "degraded", "hint=\"raise --max-bytes or free space in %s\"", w->dir);
    return 0;
}

/* Asks the kernel about an egress that was chosen anew, once nothing is under way any more. */
static uint64_t query(struct nv_writer *w, uint64_t now)
{
    if (!nv_sync_settled(&w->sync, NV_LANE_SMALL) || !(w->commit.ask[0] || w->commit.ask[1]))
        return NV_FOREVER;
    if (now < w->last_query_ns + NV_QUERY_INTERVAL_NS)
        return w->last_query_ns + NV_QUERY_INTERVAL_NS;
    unsigned f = w->commit.ask[0] ? 0 : 1;
    struct nv_dump_request req = {.cls = NV_CLASS_COUNT, .family = f ? NV_AF_6 : NV_AF_4};
    if (!nv_source_ready(w->source, &req))
        return NV_FOREVER;
    int r = nv_source_query(w->source, ++w->query_number << 1 | f, f ? NV_AF_6 : NV_AF_4,
                            w->mirror.probe[f]);
    w->last_query_ns = now;
    if (r == -EBUSY)
        return now + NV_QUERY_INTERVAL_NS;
    w->commit.ask[f] = false;
    w->pub.counter[NETVANE_RC_EGRESS_QUERIES]++;
    return w->commit.ask[0] || w->commit.ask[1] ? now + NV_QUERY_INTERVAL_NS : NV_FOREVER;
}

/* Long-lived readers keep the old region's header and roots mapped: what follows must not stay with them. */
static uint64_t reclaim(struct nv_writer *w, uint64_t now)
{
    if (w->reclaim_ns && now >= w->reclaim_ns) {
        uint64_t size = 0;
        void *old = nv_shm_predecessor(w->shm, &size);
        if (old)
            nv_legacy_expire(old, size);
        nv_shm_reclaim_predecessor(w->shm, NETVANE_JOURNAL_OFFSET);
        w->reclaim_ns = 0;
    }
    return w->reclaim_ns ? w->reclaim_ns : NV_FOREVER;
}

/* With --once: has the State been published that was to be? */
static bool is_done(struct nv_writer *w, uint64_t now)
{
    if (!w->options.once || !w->shown || !w->options.replay)
        return w->options.once && w->shown;
    if (!w->replayed || nv_sync_resyncing(&w->sync) || !nv_sync_settled(&w->sync, NV_LANE_SMALL) ||
        !nv_sync_settled(&w->sync, NV_LANE_ROUTES))
        return false;
    if (nv_commit_wanted(&w->commit))
        (void)nv_commit(&w->commit, true, now);
    return true;
}

/* ---- run -------------------------------------------------------------------------------------------------------- */

static uint64_t beat(struct nv_writer *w, uint64_t now)
{
    if (now >= w->last_beat_ns + NV_HEARTBEAT_NS) {
        w->last_beat_ns = now;
        nv_publisher_beat(&w->pub, now);
        update_counters(w);
    }
    if (w->watchdog_ns && now >= w->last_watchdog_ns + w->watchdog_ns) {
        w->last_watchdog_ns = now;
        nv_service_notify("WATCHDOG=1");
    }
    uint64_t next = w->last_beat_ns + NV_HEARTBEAT_NS;
    return w->watchdog_ns ? nv_min_u64(next, w->last_watchdog_ns + w->watchdog_ns) : next;
}

static void reread(struct nv_writer *w)
{
    nv_source_note_reread(w->source);
    nv_sync_lose(&w->sync, "SIGHUP");
}

int nv_writer_run(struct nv_writer *w)
{
    int more = 1;
    uint64_t due = 0;
    for (;;) {
        struct nv_poll_item items[8];
        unsigned n = handles(w, items, NV_ARRAY_LEN(items) - 1, &due);
        items[n] = (struct nv_poll_item){.handle = w->signals};
        uint64_t timeout = more > 0 ? 0 : nv_source_rest(w->source, due);
        int r = nv_poll(items, n + 1, timeout);
        w->turn_ns = nv_clock_boottime_ns();
        if (r && r != -EINTR)
            return r;
        if (!r && items[n].readable) {
            unsigned signals = nv_signals_take(w->signals);
            if (signals & NV_SIGNAL_STOP)
                return 0;
            if (signals & NV_SIGNAL_REREAD)
                reread(w);
        }
        more = nv_sync_pump(&w->sync);
        if (more < 0) {
            nv_log(NV_LOG_ERROR, "source", "error=%d", more);
            return more;
        }
        nv_writer_watch_source(w);
        uint64_t now = nv_clock_boottime_ns();
        uint64_t step, commit;
        /* Before the step: its request waits in the kernel for as long as others make changes. */
        if (w->sync.lost) {
            r = publish(w, now, &commit);
            if (r)
                return r;
        }
        step = nv_sync_step(&w->sync, now);
        r = publish(w, now, &commit);
        if (r)
            return r;
        if (is_done(w, now))
            return 0;
        due = nv_min_u64(nv_min_u64(step, commit), nv_min_u64(query(w, now), beat(w, now)));
        due = nv_min_u64(due, reclaim(w, now));
    }
}

void nv_writer_close(struct nv_writer *w)
{
    nv_service_notify("STOPPING=1");
    if (w->shown) {
        w->commit.quality |= NETVANE_RQ_STOPPED;
        update_counters(w);
        nv_publisher_state(&w->pub, NETVANE_RS_STOPPED);
        if (!w->options.once) /* what is being read again is held back */
            (void)nv_commit(&w->commit, true, nv_clock_boottime_ns());
        struct nv_source_stats s;
        nv_source_stats(w->source, &s);
        nv_log(NV_LOG_INFO, "stop", "version=%" PRIu64, w->pub.head);
        if (s.record_error)
            nv_log(NV_LOG_WARNING, "record", "lost=%" PRIu64, s.record_lost);
    }
    if (w->pub.base)
        nv_publisher_destroy(&w->pub);
    nv_mirror_destroy(&w->mirror);
    nv_sync_destroy(&w->sync);
    if (w->shm)
        nv_shm_close(w->shm, w->shown);
    if (w->source)
        nv_source_close(w->source);
}
