/* SPDX-License-Identifier: MIT */
/*
 * rtnl_replay.c - a recording as a source: what the sockets said then, at the place where they said it.
 *
 * Idea: one cursor goes through the recording. A pump gives out what one pump of the recorded source read (a turn), so
 * that the writer decides after the same facts as then. Where the recorded writer had sent a request the cursor waits for
 * this writer's: the clock, which is held, is turned on to whatever is due next, the writer takes its turns, and asks. If
 * it has not asked PATIENCE_NS of recorded time later, it never will: the request and its replies are passed over. A
 * request that comes too early waits for its place (nv_source_ready); one that has no place is unavailable.
 *
 * Owns:      the order of things, and the clock until the recording has ended.
 * Assumes:   the caller's loop is that of the writer: rest, pump, dump or query, again.
 * Promises:  the same recording gives the same facts at the same times of the held clock, whatever the pace. No socket,
 *            no descriptor.
 * Leaves:    the file to rtnl_replay_file.c, facts to rtnl_replay_give.c, which request is meant to rtnl_replay_match.c.
 */
#include "rtnl_replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nv/base.h"

/* A timer of the writer may run this much later than it did; then its request is not awaited any more. */
#define PATIENCE_NS (20 * NV_NS_PER_MS)

/* ---- requests --------------------------------------------------------------------------------------- */

static bool replay_ready(const struct nv_source *base, const struct nv_dump_request *req)
{
    const struct nv_replay *s = (const struct nv_replay *)base;
    uint32_t request = nv_replay_find(s, req);
    return request == NV_REPLAY_NONE || nv_replay_is_near(s, &s->rec.requests[request]);
}

static int replay_dump(struct nv_source *base, const struct nv_dump_request *req)
{
    struct nv_replay *s = (struct nv_replay *)base;
    if (!nv_dump_request_ok(req))
        return -EINVAL;
    struct nv_replay_lane *l = nv_replay_lane_of(s, req->cls);
    if (l->active)
        return -EBUSY;
    *l =
        (struct nv_replay_lane){.active = true, .req = *req, .family = nv_replay_first_family(req)};
    l->request = nv_replay_find(s, req);
    l->unavailable = l->request == NV_REPLAY_NONE;
    s->asks++;
    if (!l->unavailable) {
        const struct nv_dump_request *what = &s->rec.requests[l->request].what;
        l->covered = what->ifindex != req->ifindex || what->table != req->table;
        nv_replay_take(s, l->request, req);
    }
    return 0;
}

static int replay_query(struct nv_source *base, uint32_t number, uint8_t family,
                        const uint8_t dst[16])
{
    struct nv_replay *s = (struct nv_replay *)base;
    struct nv_dump_request req = {.cls = NV_CLASS_COUNT, .family = family};
    if (s->query.active)
        return -EBUSY;
    uint32_t request = nv_replay_find(s, &req);
    s->asks++;
    if (request == NV_REPLAY_NONE ||
        memcmp(s->rec.requests[request].dst, dst, nv_af_bytes(family)) != 0) {
        s->in.stats.replay.unanswered++;
        return -ENODATA;
    }
    nv_replay_take(s, request, &req);
    s->query.active = true;
    s->query.request = request;
    s->query.number = number;
    s->query.passed = false;
    return 0;
}

/* ---- the cursor ------------------------------------------------------------------------------------- */

static uint64_t when(const struct nv_replay *s, uint32_t entry)
{
    return s->begin_ns + s->rec.entries[entry].rec.stamp_ns;
}

static void turn_clock(struct nv_replay *s, uint64_t now_ns)
{
    if (now_ns <= s->now_ns)
        return;
    s->now_ns = now_ns;
    nv_clock_hold(now_ns, now_ns - s->behind_ns);
}

/* Is the cursor at a request that the writer has not made yet? */
static bool is_unasked(const struct nv_replay *s)
{
    uint32_t request = s->rec.entries[s->at].request;
    if (request == NV_REPLAY_NONE)
        return false;
    const struct nv_replay_request *r = &s->rec.requests[request];
    return !r->taken && !r->is_second;
}

/* The recorded source gave up on it: another request was sent where this one still ran. */
static void end_unanswered(struct nv_replay *s, enum nv_class cls)
{
    if (cls == NV_CLASS_COUNT) {
        if (s->query.active && s->query.passed)
            nv_replay_give_answer(s, &(struct nv_event){.error = ETIMEDOUT});
        return;
    }
    struct nv_replay_lane *l = nv_replay_lane_of(s, cls);
    if (!l->active || l->unavailable || !l->passed || l->ending)
        return;
    nv_rtnl_fail(&l->outcome, ETIMEDOUT);
    nv_replay_end_dump(s, l);
}

/* The cursor is at something sent by the writer that has not been asked for. True: wait for it. */
static bool is_awaited(struct nv_replay *s, struct nv_replay_request *r)
{
    uint32_t own = (uint32_t)(r - s->rec.requests);
    end_unanswered(s, r->what.cls);
    if (r->what.cls == NV_LINK && r->what.full && s->round != own) {
        s->round = own;
        s->in.stats.replay.rounds++;
    }
    if (s->now_ns < when(s, r->ask) + PATIENCE_NS) {
        s->offered = false;
        return true;
    }
    if (!s->offered || s->asks != s->asks_offered) {
        s->offered = true;
        s->asks_offered = s->asks;
        if (r->what.cls == NV_CLASS_COUNT)
            s->in.stats.replay.queries[r->what.family == NV_AF_6]++;
        return true;
    }
    s->offered = false;
    nv_replay_take(s, own, &(struct nv_dump_request){.family = 0});
    s->in.stats.replay.requests_skipped++;
    return false;
}

/* Something sent. False: the cursor has to stay. */
static bool pass_sent(struct nv_replay *s, const struct nv_replay_entry *e)
{
    if (e->request == NV_REPLAY_NONE)
        return true;
    struct nv_replay_request *r = &s->rec.requests[e->request];
    if (is_unasked(s) && is_awaited(s, r))
        return false;
    if (s->at != r->main)
        return true;
    for (unsigned i = 0; i < NV_LANES; i++) {
        struct nv_replay_lane *l = &s->lanes[i];
        if (!l->active || l->unavailable || l->passed || l->request != e->request)
            continue;
        l->passed = true;
        s->in.stats.replay.requests++;
        nv_replay_begin_dump(s, l);
    }
    if (s->query.active && s->query.request == e->request) {
        s->query.passed = true;
        s->in.stats.replay.requests++;
    }
    return true;
}

static bool is_event_of(const struct nv_replay *s, uint32_t turn)
{
    if (s->at == s->rec.entry_count)
        return false;
    const struct nv_pcap_record *p = &s->rec.entries[s->at].rec;
    return p->turn == turn && p->role == NV_PCAP_EVENTS && !p->sent;
}

/* What one pump read, or the rest of it up to a request that is awaited. */
static void play_turn(struct nv_replay *s)
{
    uint32_t turn = s->turn = s->rec.entries[s->at].rec.turn;
    for (; s->at < s->rec.entry_count; s->at++) {
        const struct nv_replay_entry *e = &s->rec.entries[s->at];
        if (e->rec.turn != turn)
            break;
        if (e->rec.sent) {
            if (!pass_sent(s, e))
                break;
            continue;
        }
        turn_clock(s, when(s, s->at));
        nv_replay_receive(s, &e->rec);
        s->at++;
        bool more = is_event_of(s, turn);
        s->at--;
        if (!more)
            nv_replay_after_events(s);
    }
    nv_replay_after_events(s);
}

static void play_end(struct nv_replay *s)
{
    for (unsigned i = 0; i < NV_LANES; i++)
        if (s->lanes[i].active)
            nv_replay_end_unavailable(s, &s->lanes[i]);
    s->query.active = false;
    if (!s->in.stats.replay.ended)
        nv_clock_release();
    s->in.stats.replay.ended = true;
}

/* ---- the source ------------------------------------------------------------------------------------- */

static int replay_pump(struct nv_source *base, unsigned budget)
{
    struct nv_replay *s = (struct nv_replay *)base;
    for (unsigned i = 0; i < NV_LANES; i++)
        if (s->lanes[i].active && s->lanes[i].unavailable)
            nv_replay_end_unavailable(s, &s->lanes[i]);
    if (s->at == s->rec.entry_count) {
        play_end(s);
        return 0;
    }
    const struct nv_pcap_record *p = &s->rec.entries[s->at].rec;
    if (budget ? when(s, s->at) <= s->now_ns
               : (p->flags & NV_PCAP_F_DRAIN) != 0 && p->turn == s->turn + 1)
        play_turn(s);
    else if (!budget)
        s->turn++;
    return 0;
}

/*
 * Turns the clock to what comes first: the writer's time, the next record's, or the moment at which a request is
 * awaited no longer.
 */
static uint64_t replay_rest(struct nv_source *base, uint64_t due_ns)
{
    struct nv_replay *s = (struct nv_replay *)base;
    for (unsigned i = 0; i < NV_LANES; i++)
        if (s->lanes[i].active && s->lanes[i].unavailable)
            return 0; /* the next pump ends it */
    if (s->in.stats.replay.ended) {
        uint64_t now = nv_clock_boottime_ns();
        return due_ns > now ? due_ns - now : 0;
    }
    if (due_ns <= s->now_ns || s->at == s->rec.entry_count)
        return 0;
    uint64_t next = when(s, s->at);
    if (next <= s->now_ns) {
        if (!is_unasked(s))
            return 0;
        next += PATIENCE_NS;
    }
    next = nv_min_u64(next, due_ns);
    uint64_t real = nv_clock_unheld_ns() - s->real_begin_ns;
    if (s->recorded_pace && next > s->begin_ns + real)
        return next - s->begin_ns - real;
    turn_clock(s, next);
    return 0;
}

static unsigned replay_handles(struct nv_source *base, struct nv_poll_item *items, unsigned max)
{
    (void)base;
    (void)items;
    (void)max;
    return 0;
}

static int replay_reopen(struct nv_source *base)
{
    struct nv_replay *s = (struct nv_replay *)base;
    s->in.stats.reopens++;
    s->in.lost = 0;
    return 0;
}

static void replay_stats(const struct nv_source *base, struct nv_source_stats *ret_stats)
{
    const struct nv_replay *s = (const struct nv_replay *)base;
    *ret_stats = s->in.stats;
    ret_stats->clipped = s->in.decoder.clipped;
    ret_stats->unknown_attrs = s->in.decoder.unknown_attrs;
}

static int replay_namespace_id(const struct nv_source *base, uint64_t *ret_dev, uint64_t *ret_ino)
{
    (void)base;
    (void)ret_dev;
    (void)ret_ino;
    return -ENOENT;
}

static int replay_record(struct nv_source *base, const char *file, uint64_t max_bytes)
{
    (void)base;
    (void)file;
    (void)max_bytes;
    return -ENOTSUP;
}

static void replay_close(struct nv_source *base)
{
    struct nv_replay *s = (struct nv_replay *)base;
    nv_clock_release();
    nv_recording_free(&s->rec);
    free(s);
}

/*
 * At speed the clock begins so that it ends now: ages and lifetimes in the last State are then as they were. A host that
 * has not been up for so long, or the recorded pace, begins now.
 */
static void begin_clock(struct nv_replay *s)
{
    uint64_t now = nv_clock_boottime_ns(), monotonic = nv_clock_monotonic_ns();
    uint64_t length = s->rec.entries[s->rec.entry_count - 1].rec.stamp_ns;
    s->behind_ns = now - monotonic;
    s->begin_ns = s->recorded_pace || length + NV_NS_PER_S > monotonic ? now : now - length;
    s->now_ns = s->begin_ns;
    s->real_begin_ns = nv_clock_unheld_ns();
    nv_clock_hold(s->now_ns, s->now_ns - s->behind_ns);
}

int nv_replay_open(const struct nv_replay_args *args, const struct nv_recording *recording,
                   struct nv_source **ret_source)
{
    static const struct nv_source_ops ops = {
        .handles = replay_handles,
        .pump = replay_pump,
        .dump = replay_dump,
        .query = replay_query,
        .reopen = replay_reopen,
        .stats = replay_stats,
        .namespace_id = replay_namespace_id,
        .close = replay_close,
        .ready = replay_ready,
        .rest = replay_rest,
        .record = replay_record,
    };
    struct nv_replay *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->base.ops = &ops;
    s->in.sink = args->sink;
    s->in.sink_arg = args->sink_arg;
    s->recorded_pace = args->recorded_pace;
    s->rec = *recording;
    s->round = NV_REPLAY_NONE;
    s->in.stats.replay.cut = recording->cut;
    begin_clock(s);
    *ret_source = &s->base;
    return 0;
}

int nv_source_replay(const struct nv_replay_args *args, struct nv_source **ret_source, char *why,
                     size_t why_size)
{
    struct nv_recording recording;
    int err = nv_recording_load(&recording, args->file, why, why_size);
    if (err)
        return err;
    err = nv_replay_open(args, &recording, ret_source);
    if (err)
        nv_recording_free(&recording);
    return err;
}
