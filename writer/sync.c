/* SPDX-License-Identifier: MIT */
/*
 * sync.c - the machine that keeps the mirror equal to the kernel.
 *
 * Idea: events are applied at once; where one hints at a silent change, a re-read of just that is queued. One dump runs at
 * a time in each lane (nv/plat.h), so that a large table holds up nothing small. A dump's facts are true when the kernel
 * sends them, so they are applied unless an event about the same object came while the dump ran (`touched`): then the event
 * is as new or newer. What a dump did not show is swept when it proves absence: if no event of its kind came meanwhile and
 * the kernel did not flag it. Else it is repeated, and what two in a row did not show is swept, until one leaves no doubt
 * (leaves_doubt); after NV_DUMP_TRIES the State is called APPROXIMATE and the dump is tried again later.
 * Rounds (first load, resync, reconcile) are the seven full dumps: the small ones in order, links first, then the routes;
 * queued re-reads go between them. A dump ends only after the event stream was read empty once more, so that an event that
 * was already on its way is not mistaken for drift.
 */
#include "sync.h"

#include <errno.h>

#include "log.h"

static const struct {
    enum nv_class cls;
    uint8_t family;
} steps[NV_LANES][5] = {
    {{NV_LINK, 0}, {NV_ADDR, 0}, {NV_RULE, NV_AF_4}, {NV_RULE, NV_AF_6}, {NV_NEXTHOP, 0}},
    {{NV_ROUTE, NV_AF_4}, {NV_ROUTE, NV_AF_6}}};
static const unsigned step_count[NV_LANES] = {5, 2};

static const char *const round_names[] = {"none", "initial", "resync", "reconcile"};

void nv_sync_init(struct nv_sync *s, struct nv_mirror *m, uint64_t *counter, uint64_t reconcile_ns)
{
    *s = (struct nv_sync){.mirror = m, .counter = counter, .reconcile_ns = reconcile_ns};
    s->sleep_offset_ns = (int64_t)(nv_clock_boottime_ns() - nv_clock_monotonic_ns());
    s->round = NV_ROUND_INITIAL;
    for (unsigned lane = 0; lane < NV_LANES; lane++)
        s->lane[lane].step_job.full = true;
    s->round_started_ns = nv_clock_boottime_ns();
    s->round_cpu_ns = nv_proc_cpu_ns();
    s->reconcile_due_ns = NV_FOREVER;
}

void nv_sync_destroy(struct nv_sync *s)
{
    for (unsigned lane = 0; lane < NV_LANES; lane++) {
        nv_touched_destroy(&s->lane[lane].touched);
        for (unsigned i = 0; i < NV_ARRAY_LEN(s->lane[lane].fresh); i++)
            nv_touched_destroy(&s->lane[lane].fresh[i]);
    }
}

/* ---- what is known --------------------------------------------------------------------------------------- */

bool nv_sync_small_done(const struct nv_sync *s)
{
    return s->round == NV_ROUND_NONE || s->lane[NV_LANE_SMALL].step == step_count[NV_LANE_SMALL];
}

bool nv_sync_publishable(const struct nv_sync *s)
{
    return !nv_sync_resyncing(s) ||
           (!s->lost && s->round == NV_ROUND_RESYNC && nv_sync_small_done(s));
}

bool nv_sync_settled(const struct nv_sync *s, enum nv_lane lane)
{
    for (unsigned i = 0; i < s->queued; i++)
        if (nv_lane_of(s->queue[i].req.cls) == lane)
            return false;
    return !s->lane[lane].active && nv_sync_publishable(s);
}

bool nv_sync_approximate(const struct nv_sync *s)
{
    if (s->unread)
        return true;
    for (unsigned i = 0; i < s->queued; i++)
        if (s->queue[i].approximate)
            return true;
    return (s->lane[NV_LANE_SMALL].active && s->lane[NV_LANE_SMALL].job.approximate) ||
           (s->lane[NV_LANE_ROUTES].active && s->lane[NV_LANE_ROUTES].job.approximate);
}

/* ---- the queue ---------------------------------------------------------------------------------------- */

static bool covers(const struct nv_dump_request *a, const struct nv_dump_request *b)
{
    return a->cls == b->cls && (!a->family || a->family == b->family) &&
           (!a->ifindex || a->ifindex == b->ifindex) && (!a->table || a->table == b->table);
}

static void unqueue(struct nv_sync *s, unsigned i)
{
    memmove(&s->queue[i], &s->queue[i + 1], (size_t)(s->queued - i - 1) * sizeof(s->queue[0]));
    s->queued--;
}

/* One job for both; tries stay counted, or a kernel that keeps changing would never make it end. */
static void merge(struct nv_reread *into, const struct nv_reread *job)
{
    into->req.barrier |= job->req.barrier;
    into->approximate |= job->approximate;
    into->lookalikes |= job->lookalikes;
    into->not_before_ns = nv_min_u64(into->not_before_ns, job->not_before_ns);
    into->tries = into->tries > job->tries ? into->tries : job->tries;
}

static void enqueue(struct nv_sync *s, const struct nv_reread *job)
{
    struct nv_reread j = *job;
    for (unsigned i = s->queued; i-- > 0;) {
        if (covers(&s->queue[i].req, &j.req)) {
            merge(&s->queue[i], &j);
            return;
        }
        if (covers(&j.req, &s->queue[i].req)) {
            merge(&j, &s->queue[i]);
            unqueue(s, i);
        }
    }
    if (s->queued ==
        NV_REREADS_MAX) { /* one of everything of that kind instead of many small ones */
        j.req.ifindex = j.req.table = 0;
        for (unsigned i = s->queued; i-- > 0;)
            if (covers(&j.req, &s->queue[i].req))
                unqueue(s, i);
        if (s->queued == NV_REREADS_MAX) {
            nv_sync_lose(s, "too many re-reads");
            return;
        }
    }
    s->queue[s->queued++] = j;
}

/* Has the round yet to read that from its beginning? */
static bool ahead(const struct nv_sync *s, const struct nv_dump_request *req)
{
    const enum nv_lane lane = nv_lane_of(req->cls);
    const struct nv_sync_lane *l = &s->lane[lane];
    if (s->round != NV_ROUND_INITIAL && s->round != NV_ROUND_RESYNC)
        return false;
    for (unsigned i = l->step + (l->active && l->job.full && !l->forfeited); i < step_count[lane];
         i++) {
        struct nv_dump_request later = {.cls = steps[lane][i].cls, .family = steps[lane][i].family};
        if (covers(&later, req))
            return true;
    }
    return false;
}

void nv_sync_want(struct nv_sync *s, struct nv_dump_request req, uint64_t not_before_ns)
{
    if (ahead(s, &req)) {
        s->lane[nv_lane_of(req.cls)].step_barrier |= req.barrier;
        return;
    }
    struct nv_reread job = {.req = req, .not_before_ns = not_before_ns};
    s->counter[NETVANE_RC_REREADS]++;
    enqueue(s, &job);
}

void nv_sync_lose(struct nv_sync *s, const char *reason)
{
    s->lost = true;
    s->lost_reason = reason;
    for (unsigned lane = 0; lane < NV_LANES; lane++)
        s->lane[lane].forfeited |= s->lane[lane].active;
}

/* ---- dumps ------------------------------------------------------------------------------------------------------- */

static void begin_dump(struct nv_sync *s, enum nv_lane lane, const struct nv_reread *job,
                       uint64_t now_ns)
{
    struct nv_sync_lane *l = &s->lane[lane];
    l->job = *job;
    l->job.req.number = ++s->number ? s->number : ++s->number;
    l->ended = l->disturbed = l->forfeited = false;
    l->started_ns = now_ns;
    l->datagram = l->skipped = 0;
    if (lane == NV_LANE_ROUTES) {
        s->left_out_seen = 0;
        s->mirror->lookalikes = 0;
        s->mirror->lookalikes_sure = job->lookalikes;
    }
    nv_touched_clear(&l->touched);
    for (unsigned i = 0; i < NV_ARRAY_LEN(l->fresh); i++)
        nv_touched_clear(&l->fresh[i]);
    /* What a disturbed try repaired counts when the clean one ends, unless an event explains it. */
    if (!job->tries && job->full)
        nv_sync_drift_begin(s, l);
    enum nv_kind kind = nv_sync_kind_of(job->req.cls, job->req.family);
    nv_mirror_mark_begin(s->mirror, kind, job->req.ifindex);
    if (!job->tries)
        nv_ids_clear_missed(&s->mirror->ids[kind]);
    l->active = true;
    int r = nv_source_dump(s->source, &l->job.req);
    if (r) {
        l->ended = true;
        l->status = NV_DUMP_FAILED;
        l->error = -r;
    }
}

static bool touched_cb(void *arg, uint64_t key)
{
    return nv_touched_has(arg, key);
}

static void doubt_cb(void *arg, uint8_t family, uint32_t table)
{
    nv_sync_want(arg, (struct nv_dump_request){.cls = NV_ROUTE, .family = family, .table = table},
                 0);
}

/* What went without a word has the edges of what is told. */
static void gone_cb(void *arg, enum nv_kind kind, const void *record)
{
    if (kind == NV_K_LINK)
        nv_edge_link(arg, record, NULL);
    else
        nv_edge_nexthop(arg, (uint32_t)((const struct netvane_rec_nexthop *)record)->key[0], true);
}

/* Removes what the dump did not show; returns how many, and how many it may have missed. */
static uint32_t sweep(struct nv_sync *s, struct nv_sync_lane *l, bool twice, uint32_t *ret_noted)
{
    const struct nv_dump_request *req = &l->job.req;
    struct nv_sweep sweep = {.scope = {.kind = nv_sync_kind_of(req->cls, req->family),
                                       .family = req->family,
                                       .ifindex = req->ifindex,
                                       .table = req->table},
                             .twice = twice,
                             .touched = touched_cb,
                             .touched_arg = &l->touched,
                             .swept = nv_sync_hunting(s, l) ? nv_sync_drift_swept : NULL,
                             .swept_arg = l,
                             .doubt = doubt_cb,
                             .doubt_arg = s,
                             .gone = nv_sync_resyncing(s) ? NULL : gone_cb,
                             .gone_arg = s};
    uint32_t removed = nv_mirror_sweep(s->mirror, &sweep);
    nv_edge_bared(s, req->cls != NV_LINK && !req->ifindex);
    *ret_noted = sweep.noted;
    return removed;
}

static void end_round(struct nv_sync *s, uint64_t now_ns)
{
    s->round_ended_ns = now_ns;
    s->round_ns = now_ns - s->round_started_ns;
    s->counter[NETVANE_RC_DUMP_NS] = s->round_ns;
    if (s->round == NV_ROUND_RECONCILE) {
        s->counter[NETVANE_RC_RECONCILES]++;
        s->drifting_rounds = s->round_drift ? s->drifting_rounds + 1 : 0;
    } else if (s->round == NV_ROUND_RESYNC) {
        s->counter[NETVANE_RC_RESYNCS]++;
        nv_log(NV_LOG_INFO, "resynced", "took_ms=%u", (unsigned)(s->round_ns / NV_NS_PER_MS));
    }
    s->round = NV_ROUND_NONE;
    if (s->mirror->counts_refused == s->refused)
        s->mirror->degraded = false; /* all that there is has found its place */
    /* Its cost, not its time: waiting until others have changed their network costs nothing. */
    uint64_t cost_ns = nv_proc_cpu_ns() - s->round_cpu_ns;
    s->share_due_ns = now_ns + cost_ns * NV_RECONCILE_SHARE;
    s->reconcile_due_ns =
        s->reconcile_ns ? nv_max_u64(now_ns + s->reconcile_ns, s->share_due_ns) : NV_FOREVER;
    if (s->drifting_rounds >= 2) { /* twice in a row: this socket may have gone deaf */
        s->drifting_rounds = 0;
        int r = nv_source_reopen(s->source);
        s->counter[NETVANE_RC_DRIFT_REOPENS]++;
        nv_log(NV_LOG_WARNING, "reopen", "reason=\"two reconciles found drift\" result=%d", r);
        nv_sync_lose(s, "event socket reopened");
    }
}

static void next_step(struct nv_sync *s, struct nv_sync_lane *l, uint64_t now_ns)
{
    l->step++;
    l->step_job = (struct nv_reread){.full = true};
    if (s->lane[NV_LANE_SMALL].step == step_count[NV_LANE_SMALL] &&
        s->lane[NV_LANE_ROUTES].step == step_count[NV_LANE_ROUTES] &&
        !s->lost) /* else it begins again: this is no result */
        end_round(s, now_ns);
}

/* What a step or a queued job does next: it is done, or is tried again at a time. */
static void retry(struct nv_sync *s, struct nv_sync_lane *l, uint64_t delay_ns, uint64_t now_ns)
{
    struct nv_reread job = l->job;
    job.not_before_ns = now_ns + delay_ns;
    if (job.full)
        l->step_job = job;
    else
        enqueue(s, &job);
}

/*
 * May the dump have missed something? One that events of its kind disturbed shows each object that they did not touch, but
 * for a few that it skips now and then (RTNETLINK: IPv6 routes). If it showed all that the mirror holds, nothing is to be
 * swept, and it is as good as an undisturbed one; after a loss the mirror may lack what it skipped: then two are asked for.
 * What was touched is as the events say, but for an object that shares its key with a touched one: it may have changed
 * or gone without a word, and counts as noted or skipped.
 * An IPv6 route that is shown once more than before may be there once more, or the dump began anew: the next one tells.
 * The order of a link's IPv4 addresses is read again after each event about one of them (edges.c); where that of a dump
 * counts otherwise (rules) only an undisturbed one will do.
 */
static bool leaves_doubt(const struct nv_sync *s, const struct nv_sync_lane *l, uint32_t noted)
{
    enum nv_class cls = l->job.req.cls;
    if (l->job.lookalikes && (l->disturbed || !s->mirror->lookalikes_sure))
        return true;
    if (!l->disturbed && l->status != NV_DUMP_INTERRUPTED)
        return false;
    if (l->status == NV_DUMP_INTERRUPTED || noted || l->skipped || l->touched.overflow ||
        cls == NV_RULE)
        return true;
    return nv_sync_resyncing(s) && cls == NV_ROUTE && l->job.req.family == NV_AF_6 &&
           l->job.tries < 2;
}

/* The kernel keeps changing: go on, say so, and come back; the more seldom, the longer it takes. */
static void come_back(struct nv_sync *s, const struct nv_sync_lane *l, uint64_t now_ns)
{
    struct nv_reread later = l->job;
    later.full = later.req.full = false;
    later.approximate = true;
    later.lookalikes = false;
    later.tries = 0;
    later.not_before_ns =
        now_ns + nv_max_u64(NV_DUMP_LATER_NS, (now_ns - l->started_ns) * NV_DUMP_LATER_SHARE);
    enqueue(s, &later);
}

static void dump_failed(struct nv_sync *s, struct nv_sync_lane *l, uint64_t now_ns)
{
    const struct nv_reread *job = &l->job;
    s->counter[NETVANE_RC_DUMP_ERRORS]++;
    s->counter[NETVANE_RC_DUMPS_BUSY] += l->error == EBUSY;
    s->counter[NETVANE_RC_DUMP_TIMEOUTS] += l->error == ETIMEDOUT;
    nv_log(NV_LOG_WARNING, "dump_failed", "class=%u family=%u error=%d try=%u",
           (unsigned)job->req.cls, job->req.family, -l->error, job->tries);
    retry(s, l, NV_DUMP_RETRY_NS << (job->tries < 10 ? job->tries : 10), now_ns);
}

static void finish_dump(struct nv_sync *s, struct nv_sync_lane *l, uint64_t now_ns)
{
    struct nv_reread *job = &l->job;
    l->active = l->ended = false;
    s->counter[NETVANE_RC_DUMPS]++;
    s->counter[NETVANE_RC_DUMPS_INTERRUPTED] += l->status == NV_DUMP_INTERRUPTED;
    s->counter[NETVANE_RC_DUMPS_DISTURBED] += l->disturbed;
    if (l->forfeited)
        return;
    job->tries++;
    if (l->status == NV_DUMP_UNAVAILABLE) { /* nothing is known, and never will be */
        nv_log(NV_LOG_DEBUG, "dump_unavailable", "class=%u family=%u ifindex=%u table=%u full=%d",
               (unsigned)job->req.cls, job->req.family, job->req.ifindex, job->req.table,
               job->full);
        s->unread |= job->full && nv_sync_resyncing(s);
        if (job->full)
            next_step(s, l, now_ns);
        return;
    }
    if (l->status == NV_DUMP_FAILED) {
        dump_failed(s, l, now_ns);
        return;
    }
    uint32_t noted;
    uint32_t removed = sweep(s, l, l->disturbed || l->status == NV_DUMP_INTERRUPTED, &noted);
    job->lookalikes = job->req.cls == NV_ROUTE && s->mirror->lookalikes;
    bool doubt = leaves_doubt(s, l, noted);
    nv_log(NV_LOG_DEBUG, "dump",
           "class=%u family=%u ifindex=%u table=%u try=%u disturbed=%d doubt=%d removed=%u "
           "noted=%u took_us=%u",
           (unsigned)job->req.cls, job->req.family, job->req.ifindex, job->req.table, job->tries,
           l->disturbed, doubt, removed, noted, (unsigned)((now_ns - l->started_ns) / 1000));
    if (doubt && job->tries < NV_DUMP_TRIES) {
        retry(s, l, NV_DUMP_RETRY_NS, now_ns);
        return;
    }
    if (!doubt && nv_sync_hunting(s, l) && !job->req.barrier && l->drift_listed) {
        /*
         * The kernel may be in the middle of the change, its event yet to come: after the barrier it has come. A sysctl
         * is changed and then told without the lock that the barrier waits for: that takes some time.
         */
        job->req.barrier = true;
        retry(s, l, NV_DRIFT_WAIT_NS, now_ns);
        return;
    }
    if (doubt)
        come_back(s, l, now_ns);
    else if (nv_sync_hunting(s, l))
        nv_sync_drift_count(s, l);
    if (job->full && job->req.cls == NV_ROUTE)
        s->left_out[job->req.family == NV_AF_6] = s->left_out_seen;
    if (job->full)
        next_step(s, l, now_ns);
}

int nv_sync_pump(struct nv_sync *s)
{
    int r = nv_source_pump(s->source, NV_PUMP_BUDGET);
    for (unsigned lane = 0; lane < NV_LANES && r >= 0; lane++) {
        if (!s->lane[lane].ended)
            continue;
        int again = nv_source_pump(s->source, 0);
        if (again < 0)
            return again;
        finish_dump(s, &s->lane[lane], nv_clock_boottime_ns());
    }
    return r;
}

/* ---- rounds --------------------------------------------------------------------------------------------------------- */

static void begin_round(struct nv_sync *s, enum nv_round round, uint64_t now_ns)
{
    s->round = round;
    s->round_started_ns = now_ns;
    s->round_cpu_ns = nv_proc_cpu_ns();
    s->round_drift = 0;
    s->verify = s->unread = false;
    s->refused = s->mirror->counts_refused;
    for (unsigned lane = 0; lane < NV_LANES; lane++) {
        s->lane[lane].step = 0;
        s->lane[lane].step_job = (struct nv_reread){.full = true};
        s->lane[lane].step_barrier = false;
    }
    if (round != NV_ROUND_RECONCILE) {
        s->queued = 0; /* the round covers it */
        nv_log(NV_LOG_INFO, round_names[round], "reason=\"%s\"",
               s->lost_reason ? s->lost_reason : "asked for");
    }
}

static void check_resume(struct nv_sync *s)
{
    int64_t offset = (int64_t)(nv_clock_boottime_ns() - nv_clock_monotonic_ns());
    int64_t slept = offset - s->sleep_offset_ns;
    s->sleep_offset_ns = offset;
    if (slept > (int64_t)(100 * NV_NS_PER_MS)) {
        s->counter[NETVANE_RC_RESUMES]++;
        nv_sync_lose(s, "resume from suspend");
    }
}

static bool job_due(const struct nv_sync *s, uint64_t now_ns)
{
    for (unsigned i = 0; i < s->queued; i++)
        if (s->queue[i].not_before_ns <= now_ns)
            return true;
    return false;
}

static void start_step(struct nv_sync *s, enum nv_lane lane, uint64_t now_ns)
{
    struct nv_sync_lane *l = &s->lane[lane];
    l->step_job.req.cls = steps[lane][l->step].cls;
    l->step_job.req.family = steps[lane][l->step].family;
    l->step_job.req.full = true;
    if (!nv_source_ready(s->source, &l->step_job.req))
        return;
    l->step_job.req.barrier |= l->step_barrier;
    l->jobs_in_row = 0;
    begin_dump(s, lane, &l->step_job, now_ns);
}

/*
 * Queued jobs go before the steps of a round, but not for ever: a kernel that keeps changing must not stop it. A reconcile
 * waits for more of them, because what they repair is no drift.
 */
static uint64_t start_job(struct nv_sync *s, enum nv_lane lane, uint64_t now_ns)
{
    struct nv_sync_lane *l = &s->lane[lane];
    uint64_t next = NV_FOREVER;
    bool step = s->round != NV_ROUND_NONE && l->step < step_count[lane] &&
                (lane == NV_LANE_SMALL || nv_sync_small_done(s));
    bool step_due = step && l->step_job.not_before_ns <= now_ns;
    unsigned patience = s->round == NV_ROUND_RECONCILE ? NV_JOBS_BEFORE_STEP : 1;
    for (unsigned i = 0; i < s->queued && !(step_due && l->jobs_in_row >= patience); i++) {
        if (nv_lane_of(s->queue[i].req.cls) != lane)
            continue;
        if (s->queue[i].not_before_ns <= now_ns) {
            if (!nv_source_ready(s->source, &s->queue[i].req))
                continue;
            struct nv_reread job = s->queue[i];
            unqueue(s, i);
            l->jobs_in_row++;
            begin_dump(s, lane, &job, now_ns);
            return 0;
        }
        next = nv_min_u64(next, s->queue[i].not_before_ns);
    }
    if (!step)
        return next;
    if (!step_due)
        return nv_min_u64(next, l->step_job.not_before_ns);
    start_step(s, lane, now_ns);
    return next;
}

/* A loss does not wait for a large dump that is running: it is forfeited, and the round reads it again behind it. */
static void begin_rounds(struct nv_sync *s, uint64_t now_ns)
{
    const struct nv_sync_lane *small = &s->lane[NV_LANE_SMALL];
    if (s->lost && !small->active) {
        s->lost = false;
        begin_round(s, s->round == NV_ROUND_INITIAL ? NV_ROUND_INITIAL : NV_ROUND_RESYNC, now_ns);
    }
    if (s->verify && !s->told && s->round == NV_ROUND_NONE)
        s->reconcile_due_ns = nv_min_u64(s->reconcile_due_ns, s->share_due_ns);
    if (s->round == NV_ROUND_NONE && now_ns >= s->reconcile_due_ns && !small->active &&
        !s->lane[NV_LANE_ROUTES].active && !job_due(s, now_ns))
        begin_round(s, NV_ROUND_RECONCILE, now_ns);
}

uint64_t nv_sync_step(struct nv_sync *s, uint64_t now_ns)
{
    uint64_t next = NV_FOREVER;
    check_resume(s);
    begin_rounds(s, now_ns);
    for (unsigned lane = 0; lane < NV_LANES; lane++) {
        const struct nv_sync_lane *l = &s->lane[lane];
        uint64_t at = l->active ? NV_FOREVER : start_job(s, (enum nv_lane)lane, now_ns);
        if (l->active)
            at = l->ended ? now_ns : NV_FOREVER;
        next = nv_min_u64(next, at);
    }
    return s->round == NV_ROUND_NONE ? nv_min_u64(next, s->reconcile_due_ns) : next;
}
