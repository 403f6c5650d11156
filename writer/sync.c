/* SPDX-License-Identifier: MIT */
/*
 * sync.c - the machine that keeps the mirror equal to the kernel.
 *
 * Idea: events are applied at once; where one hints at a silent change, a re-read of just that is queued. One dump runs at
 * a time. A dump's facts are true when the kernel sends them, so they are applied unless an event about the same object
 * came while the dump ran (`touched`): then the event is as new or newer. What a dump did not show is swept when it
 * proves absence: if no event of its kind came meanwhile and the kernel did not flag it. Else it is repeated, and what two
 * in a row did not show is swept; after NV_DUMP_TRIES the State is called APPROXIMATE and the dump is tried again later.
 * Rounds (first load, resync, reconcile) are the seven full dumps in order, links first; queued re-reads go between them.
 * A dump ends only after the event stream was read empty once more, so that an event that was already on its way
 * is not mistaken for drift.
 */
#include "sync.h"

#include "log.h"

static const struct {
    enum nv_class cls;
    uint8_t family;
} steps[] = {{NV_LINK, 0},    {NV_ADDR, 0},        {NV_RULE, NV_AF_4}, {NV_RULE, NV_AF_6},
             {NV_NEXTHOP, 0}, {NV_ROUTE, NV_AF_4}, {NV_ROUTE, NV_AF_6}};

static const char *const round_names[] = {"none", "initial", "resync", "reconcile"};

void nv_sync_init(struct nv_sync *s, struct nv_mirror *m, uint64_t *counter, uint64_t reconcile_ns)
{
    *s = (struct nv_sync){.mirror = m, .counter = counter, .reconcile_ns = reconcile_ns};
    s->sleep_offset_ns = (int64_t)(nv_clock_boottime_ns() - nv_clock_monotonic_ns());
    s->round = NV_ROUND_INITIAL;
    s->step_job.full = true;
    s->round_started_ns = nv_clock_boottime_ns();
    s->reconcile_due_ns = NV_FOREVER;
}

void nv_sync_destroy(struct nv_sync *s)
{
    nv_touched_destroy(&s->touched);
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

static void enqueue(struct nv_sync *s, const struct nv_reread *job)
{
    struct nv_reread j = *job;
    for (unsigned i = s->queued; i-- > 0;) {
        if (covers(&s->queue[i].req, &j.req)) {
            s->queue[i].req.barrier |= j.req.barrier;
            s->queue[i].not_before_ns = nv_min_u64(s->queue[i].not_before_ns, j.not_before_ns);
            return;
        }
        if (covers(&j.req, &s->queue[i].req)) {
            j.req.barrier |= s->queue[i].req.barrier;
            j.not_before_ns = nv_min_u64(s->queue[i].not_before_ns, j.not_before_ns);
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

void nv_sync_want(struct nv_sync *s, struct nv_dump_request req, uint64_t not_before_ns)
{
    if (s->round == NV_ROUND_INITIAL || s->round == NV_ROUND_RESYNC) {
        /* What the round has yet to read need not be asked for; steps that are done or running do. */
        if (s->step < NV_ARRAY_LEN(steps)) {
            for (unsigned i = s->step + 1; i < NV_ARRAY_LEN(steps); i++) {
                struct nv_dump_request later = {.cls = steps[i].cls, .family = steps[i].family};
                if (covers(&later, &req)) {
                    s->step_barrier |= req.barrier;
                    return;
                }
            }
        }
    }
    struct nv_reread job = {.req = req, .not_before_ns = not_before_ns};
    s->counter[NETVANE_RC_REREADS]++;
    enqueue(s, &job);
}

void nv_sync_lose(struct nv_sync *s, const char *reason)
{
    s->lost = true;
    s->lost_reason = reason;
}

/* ---- dumps ------------------------------------------------------------------------------------------------------- */

static void begin_dump(struct nv_sync *s, const struct nv_reread *job)
{
    s->dump.job = *job;
    s->dump.job.req.number = ++s->number ? s->number : ++s->number;
    s->dump.ended = s->dump.disturbed = s->dump.changed = false;
    nv_touched_clear(&s->touched);
    if (!job->tries &&
        job->full) /* what a disturbed try repaired counts when the clean one ends, unless an event explains it */
        nv_sync_drift_begin(s);
    enum nv_kind kind = nv_sync_kind_of(job->req.cls, job->req.family);
    nv_mirror_mark_begin(s->mirror, kind, job->req.ifindex);
    if (!job->tries)
        nv_ids_clear_missed(&s->mirror->ids[kind]);
    s->dump.active = true;
    int r = nv_source_dump(s->source, &s->dump.job.req);
    if (r) {
        s->dump.ended = true;
        s->dump.status = NV_DUMP_FAILED;
        s->dump.error = r;
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

static uint32_t sweep(struct nv_sync *s, bool twice)
{
    const struct nv_dump_request *req = &s->dump.job.req;
    struct nv_sweep sweep = {.scope = {.kind = nv_sync_kind_of(req->cls, req->family),
                                       .family = req->family,
                                       .ifindex = req->ifindex,
                                       .table = req->table},
                             .twice = twice,
                             .touched = touched_cb,
                             .touched_arg = &s->touched,
                             .swept = nv_sync_hunting(s) ? nv_sync_drift_swept : NULL,
                             .swept_arg = s,
                             .doubt = doubt_cb,
                             .doubt_arg = s};
    return nv_mirror_sweep(s->mirror, &sweep);
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
    s->reconcile_due_ns =
        s->reconcile_ns ? now_ns + nv_max_u64(s->reconcile_ns, s->round_ns * NV_RECONCILE_SHARE)
                        : NV_FOREVER;
    if (s->drifting_rounds >= 2) { /* twice in a row: this socket may have gone deaf */
        s->drifting_rounds = 0;
        int r = nv_source_reopen(s->source);
        s->counter[NETVANE_RC_SOCKET_REOPENS]++;
        nv_log(NV_LOG_WARNING, "reopen", "reason=\"two reconciles found drift\" result=%d", r);
        nv_sync_lose(s, "event socket reopened");
    }
}

static void next_step(struct nv_sync *s, uint64_t now_ns)
{
    s->step++;
    s->step_job = (struct nv_reread){.full = true};
    if (s->step == NV_ARRAY_LEN(steps))
        end_round(s, now_ns);
}

/* What a step or a queued job does next: it is done, or is tried again at a time. */
static void retry(struct nv_sync *s, uint64_t delay_ns, uint64_t now_ns)
{
    struct nv_reread job = s->dump.job;
    job.not_before_ns = now_ns + delay_ns;
    if (job.full)
        s->step_job = job;
    else
        enqueue(s, &job);
}

static void finish_dump(struct nv_sync *s, uint64_t now_ns)
{
    struct nv_reread *job = &s->dump.job;
    s->dump.active = s->dump.ended = false;
    s->counter[NETVANE_RC_DUMPS]++;
    s->counter[NETVANE_RC_DUMPS_INTERRUPTED] += s->dump.status == NV_DUMP_INTERRUPTED;
    s->counter[NETVANE_RC_DUMPS_DISTURBED] += s->dump.disturbed;
    job->tries++;
    if (s->dump.status == NV_DUMP_FAILED) {
        s->counter[NETVANE_RC_DUMP_ERRORS]++;
        nv_log(NV_LOG_WARNING, "dump_failed", "class=%u family=%u error=%d try=%u",
               (unsigned)job->req.cls, job->req.family, s->dump.error, job->tries);
        retry(s, NV_DUMP_RETRY_NS << (job->tries < 10 ? job->tries : 10), now_ns);
        return;
    }
    bool clean = !s->dump.disturbed && s->dump.status != NV_DUMP_INTERRUPTED;
    uint32_t removed = sweep(s, !clean);
    nv_log(NV_LOG_DEBUG, "dump",
           "class=%u family=%u ifindex=%u table=%u try=%u clean=%d removed=%u",
           (unsigned)job->req.cls, job->req.family, job->req.ifindex, job->req.table, job->tries,
           clean, removed);
    if (removed && job->req.cls == NV_LINK && nv_sync_publishable(s))
        nv_edge_link(s, &(struct netvane_rec_link){.id = 0}, NULL); /* links went without a word */
    if (!clean && job->tries < NV_DUMP_TRIES) {
        retry(s, NV_DUMP_RETRY_NS, now_ns);
        return;
    }
    if (clean && nv_sync_hunting(s) && !job->req.barrier && s->drift_listed) {
        /*
         * The kernel may be in the middle of the change, its event yet to come: after the barrier it has come. A sysctl
         * is changed and then told without the lock that the barrier waits for: that takes some time.
         */
        job->req.barrier = true;
        s->round_started_ns += NV_DRIFT_WAIT_NS; /* waiting is no work */
        retry(s, NV_DRIFT_WAIT_NS, now_ns);
        return;
    }
    if (!clean) { /* the kernel keeps changing: go on, say so, and come back */
        struct nv_reread later = *job;
        later.full = false;
        later.tries = 0;
        later.not_before_ns = now_ns + NV_DUMP_LATER_NS;
        s->approximate = 1;
        enqueue(s, &later);
    } else {
        if (nv_sync_hunting(s))
            nv_sync_drift_count(s, nv_sync_kind_of(job->req.cls, job->req.family));
        if (!s->queued)
            s->approximate = 0;
    }
    if (job->full)
        next_step(s, now_ns);
}

int nv_sync_pump(struct nv_sync *s)
{
    int r = nv_source_pump(s->source, NV_PUMP_BUDGET);
    if (r >= 0 && s->dump.ended) {
        int again = nv_source_pump(s->source, 0);
        if (again < 0)
            return again;
        finish_dump(s, nv_clock_boottime_ns());
    }
    return r;
}

/* ---- rounds --------------------------------------------------------------------------------------------------------- */

static void begin_round(struct nv_sync *s, enum nv_round round, uint64_t now_ns)
{
    s->round = round;
    s->step = 0;
    s->step_job = (struct nv_reread){.full = true};
    s->round_started_ns = now_ns;
    s->round_drift = 0;
    s->step_barrier = false;
    s->refused = s->mirror->counts_refused;
    if (round == NV_ROUND_RESYNC) {
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

static void start_step(struct nv_sync *s)
{
    s->step_job.req.cls = steps[s->step].cls;
    s->step_job.req.family = steps[s->step].family;
    s->step_job.req.barrier |= s->step_barrier;
    s->step_next = false;
    begin_dump(s, &s->step_job);
}

/* Queued jobs go before the steps of a round, but not two in a row: a kernel that keeps changing must not stop it. */
static uint64_t start_job(struct nv_sync *s, uint64_t now_ns)
{
    uint64_t next = NV_FOREVER;
    bool step_due = s->round != NV_ROUND_NONE && s->step_job.not_before_ns <= now_ns;
    for (unsigned i = 0; i < s->queued && !(step_due && s->step_next); i++) {
        if (s->queue[i].not_before_ns <= now_ns) {
            struct nv_reread job = s->queue[i];
            unqueue(s, i);
            s->step_next = true;
            begin_dump(s, &job);
            return 0;
        }
        next = nv_min_u64(next, s->queue[i].not_before_ns);
    }
    if (s->round == NV_ROUND_NONE)
        return next;
    if (!step_due)
        return nv_min_u64(next, s->step_job.not_before_ns);
    start_step(s);
    return 0;
}

uint64_t nv_sync_step(struct nv_sync *s, uint64_t now_ns)
{
    check_resume(s);
    if (s->lost && !s->dump.active) {
        s->lost = false;
        begin_round(s, s->round == NV_ROUND_INITIAL ? NV_ROUND_INITIAL : NV_ROUND_RESYNC, now_ns);
    }
    if (s->round == NV_ROUND_NONE && now_ns >= s->reconcile_due_ns && !s->dump.active &&
        !job_due(s, now_ns))
        begin_round(s, NV_ROUND_RECONCILE, now_ns);
    if (s->dump.active)
        return s->dump.ended ? now_ns : NV_FOREVER;
    uint64_t next = start_job(s, now_ns);
    if (s->dump.active)
        return s->dump.ended ? now_ns : NV_FOREVER;
    return s->round == NV_ROUND_NONE ? nv_min_u64(next, s->reconcile_due_ns) : next;
}
