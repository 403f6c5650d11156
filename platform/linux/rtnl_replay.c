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
 * Leaves:    the file to rtnl_replay_file.c; what facts mean to the decoder and the writer.
 */
#include "rtnl_replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nv/base.h"
#include "rtnl_decode.h"
#include "rtnl_reply.h"

/* A timer of the writer may run this much later than it did; then its request is not awaited any more. */
#define PATIENCE_NS (20 * NV_NS_PER_MS)
/* A request further away than this, and others before it, is not the one that is asked for now. */
#define WINDOW_NS NV_NS_PER_S

struct lane {
    bool active, begun, unavailable;
    bool covered; /* the recorded request asked for more than this one */
    bool ending;  /* its end was read; events of the same turn come before it is given out */
    uint8_t family;
    uint32_t datagrams;
    uint32_t request; /* of the recording; passed: its main entry is behind the cursor */
    bool passed;
    struct nv_dump_request req;
    struct nv_rtnl_outcome outcome;
};

struct replay {
    struct nv_source base;
    nv_event_fn *sink;
    void *sink_arg;
    struct nv_recording rec;
    uint32_t at;    /* the cursor: an entry */
    uint32_t turn;  /* that was played last; each pump without a budget is one, too */
    uint32_t first; /* requests before it are all taken */

    bool recorded_pace;
    uint64_t begin_ns, now_ns; /* of the held clock */
    uint64_t real_begin_ns;
    uint64_t behind_ns; /* what MONOTONIC is behind BOOTTIME */

    struct lane lanes[NV_LANES];
    struct {
        bool active;
        uint32_t request, number;
        bool passed;
    } query;
    uint64_t asks,
        asks_offered; /* a request awaited: what had been asked when the writer was last given a turn */
    bool offered;
    unsigned full_taken; /* full_bit: the first full re-read waits for its place, however far */
    uint32_t round;      /* the last request that began one and has been come to */
    unsigned lost;       /* bits 1 << NV_LOST_* */
    struct nv_source_stats stats;
    struct nv_rtnl_decoder decoder;
    _Alignas(8) uint8_t buf[NV_PCAP_DATAGRAM_MAX];
};

/* ---- requests: which of the recording is it? -------------------------------------------------------- */

static struct lane *lane_of(struct replay *s, enum nv_class cls)
{
    return &s->lanes[nv_lane_of(cls)];
}

/* Addresses of both families: two requests of the recording. */
static bool is_double(const struct nv_dump_request *req)
{
    return req->cls == NV_ADDR && !req->family;
}

/* The family that the kernel is asked for first. */
static uint8_t first_family(const struct nv_dump_request *req)
{
    return is_double(req) ? NV_AF_4 : req->family;
}

/* Steps of a full re-read: was there one of this class and family? */
static unsigned full_bit(const struct nv_dump_request *req)
{
    return 1u << (req->cls * 3 + (req->family == NV_AF_4 ? 1 : req->family == NV_AF_6 ? 2 : 0));
}

static bool same(const struct nv_replay_request *r, const struct nv_dump_request *req)
{
    return !r->taken && !(r->is_second && req->family != NV_AF_6) && r->what.cls == req->cls &&
           r->what.family == first_family(req) && r->what.ifindex == req->ifindex &&
           r->what.table == req->table && r->what.full == req->full;
}

/* A targeted one that shows at least what is asked for: another version of the writer may have asked for more. */
static bool covers(const struct nv_replay_request *r, const struct nv_dump_request *req)
{
    return !r->taken && !r->is_second && !r->what.full && !req->full && req->cls < NV_CLASS_COUNT &&
           r->what.cls == req->cls && r->what.family == first_family(req) &&
           (r->second != NV_REPLAY_NONE) == is_double(req) &&
           (!r->what.ifindex || r->what.ifindex == req->ifindex) &&
           (!r->what.table || r->what.table == req->table);
}

/* The next one that fits, if it is meant: the first of its kind to come, or to come soon. NONE: none. */
static uint32_t find_by(const struct replay *s, const struct nv_dump_request *req,
                        bool (*fits)(const struct nv_replay_request *,
                                     const struct nv_dump_request *))
{
    bool query = req->cls == NV_CLASS_COUNT, nearest = true;
    for (uint32_t i = s->first; i < s->rec.request_count; i++) {
        const struct nv_replay_request *r = &s->rec.requests[i];
        if (fits(r, req)) {
            bool first_full = req->full && !(s->full_taken & full_bit(req));
            bool soon = s->begin_ns + s->rec.entries[r->ask].rec.stamp_ns <= s->now_ns + WINDOW_NS;
            return nearest || first_full || soon ? i : NV_REPLAY_NONE;
        }
        if (!r->taken && !r->is_second && query == (r->what.cls == NV_CLASS_COUNT))
            nearest = false;
    }
    return NV_REPLAY_NONE;
}

/* One of the same content, or one that covers it. NONE: unavailable. */
static uint32_t find(const struct replay *s, const struct nv_dump_request *req)
{
    uint32_t i = find_by(s, req, same);
    return i != NV_REPLAY_NONE ? i : find_by(s, req, covers);
}

/* Nothing that the recorded writer knew when it asked is still to come. */
static bool is_near(const struct replay *s, const struct nv_replay_request *r)
{
    for (uint32_t i = s->at; i < r->ask; i++)
        if (!s->rec.entries[i].rec.sent)
            return false;
    return true;
}

static void take(struct replay *s, uint32_t request)
{
    s->rec.requests[request].taken = true;
    while (s->first < s->rec.request_count && s->rec.requests[s->first].taken)
        s->first++;
}

static void take_with_second(struct replay *s, uint32_t request, const struct nv_dump_request *req)
{
    uint32_t second = s->rec.requests[request].second;
    take(s, request);
    if (second == NV_REPLAY_NONE)
        return;
    if (req->family) /* this writer asks for one family at a time */
        s->rec.requests[second].is_second = false;
    else
        take(s, second);
}

static bool replay_ready(const struct nv_source *base, const struct nv_dump_request *req)
{
    const struct replay *s = (const struct replay *)base;
    uint32_t request = find(s, req);
    return request == NV_REPLAY_NONE || is_near(s, &s->rec.requests[request]);
}

static int replay_dump(struct nv_source *base, const struct nv_dump_request *req)
{
    struct replay *s = (struct replay *)base;
    if (!req->number || req->cls >= NV_CLASS_COUNT ||
        ((req->cls == NV_ROUTE || req->cls == NV_RULE) && !nv_af_bytes(req->family)))
        return -EINVAL;
    struct lane *l = lane_of(s, req->cls);
    if (l->active)
        return -EBUSY;
    *l = (struct lane){.active = true, .req = *req, .family = first_family(req)};
    l->request = find(s, req);
    l->unavailable = l->request == NV_REPLAY_NONE;
    s->asks++;
    if (!l->unavailable) {
        const struct nv_dump_request *what = &s->rec.requests[l->request].what;
        l->covered = what->ifindex != req->ifindex || what->table != req->table;
        take_with_second(s, l->request, req);
        s->full_taken |= req->full ? full_bit(req) : 0;
    }
    return 0;
}

static int replay_query(struct nv_source *base, uint32_t number, uint8_t family,
                        const uint8_t dst[16])
{
    struct replay *s = (struct replay *)base;
    struct nv_dump_request req = {.cls = NV_CLASS_COUNT, .family = family};
    if (s->query.active)
        return -EBUSY;
    uint32_t request = find(s, &req);
    s->asks++;
    if (request == NV_REPLAY_NONE ||
        memcmp(s->rec.requests[request].dst, dst, nv_af_bytes(family)) != 0) {
        s->stats.replay.unavailable++;
        return -ENODATA;
    }
    take(s, request);
    s->query.active = true;
    s->query.request = request;
    s->query.number = number;
    s->query.passed = false;
    return 0;
}

/* ---- what is given out ------------------------------------------------------------------------------ */

static void give_dump(struct replay *s, enum nv_event_kind kind, const struct lane *l)
{
    struct nv_event ev = {
        .kind = kind,
        .cls = l->req.cls,
        .dump = l->req.number,
        .status = l->outcome.status,
        .error = l->outcome.error,
    };
    s->sink(s->sink_arg, &ev);
}

static void begin_dump(struct replay *s, struct lane *l)
{
    if (!l->begun)
        give_dump(s, NV_EV_DUMP_BEGIN, l);
    l->begun = true;
}

static void end_dump(struct replay *s, struct lane *l)
{
    begin_dump(s, l);
    struct lane ended = *l;
    l->active = false; /* before the sink is called: it may start the next one */
    give_dump(s, NV_EV_DUMP_END, &ended);
}

static void end_unavailable(struct replay *s, struct lane *l)
{
    s->stats.replay.unavailable++;
    l->outcome.status = NV_DUMP_UNAVAILABLE;
    end_dump(s, l);
}

static void note_loss(struct replay *s, enum nv_lost reason)
{
    s->lost |= 1u << reason;
}

/* What the source does when it has read the event stream empty: losses, then ends of dumps. */
static void after_events(struct replay *s)
{
    unsigned lost = s->lost;
    s->lost = 0;
    for (unsigned reason = 0; reason < NV_LOST_REASONS; reason++) {
        struct nv_event ev = {.kind = NV_EV_LOST, .lost = (enum nv_lost)reason};
        if (lost & 1u << reason)
            s->sink(s->sink_arg, &ev);
    }
    for (unsigned i = 0; i < NV_LANES; i++)
        if (s->lanes[i].active && s->lanes[i].ending)
            end_dump(s, &s->lanes[i]);
}

/* ---- received: events ------------------------------------------------------------------------------- */

static void take_event(struct replay *s, const struct nlmsghdr *nlh)
{
    s->stats.events++;
    if (nlh->nlmsg_type == NLMSG_OVERRUN) {
        s->stats.overruns++;
        note_loss(s, NV_LOST_OVERRUN);
        return;
    }
    struct nv_event ev;
    switch (nv_rtnl_decode(&s->decoder, nlh, &ev)) {
    case NV_RTNL_FACT: s->sink(s->sink_arg, &ev); break;
    case NV_RTNL_IGNORED: break;
    case NV_RTNL_UNKNOWN: s->stats.unknown++; break;
    case NV_RTNL_MALFORMED:
    default:
        s->stats.malformed++;
        note_loss(s, NV_LOST_MALFORMED);
        break;
    }
}

static void take_note(struct replay *s, const struct nlmsghdr *nlh)
{
    struct nv_pcap_note note;
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof note)
        return;
    memcpy(&note, mnl_nlmsg_get_payload(nlh), sizeof note);
    if (note.what == NV_PCAP_REREAD) {
        note_loss(s, NV_LOST_ERROR);
    } else if (note.what == NV_PCAP_SLEPT) {
        s->behind_ns += nv_min_u64(note.value, s->now_ns - s->behind_ns - 1);
        nv_clock_hold(s->now_ns, s->now_ns - s->behind_ns);
    }
}

/* What the recorder itself says of the event socket. */
static void take_made(struct replay *s, const struct nlmsghdr *nlh)
{
    if (nlh->nlmsg_type == NLMSG_OVERRUN) {
        s->stats.overruns += !(s->lost & 1u << NV_LOST_OVERRUN);
        note_loss(s, NV_LOST_OVERRUN);
    } else if (nlh->nlmsg_type == NLMSG_ERROR) {
        s->stats.socket_errors++;
        s->stats.reopens++;
        note_loss(s, NV_LOST_ERROR);
    } else if (nlh->nlmsg_type == NLMSG_NOOP) {
        take_note(s, nlh);
    }
}

static void take_events(struct replay *s, const struct nv_pcap_record *p)
{
    int left = (int)p->len;
    const struct nlmsghdr *nlh = (const void *)s->buf;
    if (p->flags & NV_PCAP_F_MADE) {
        if (nv_rtnl_ok(nlh, left))
            take_made(s, nlh);
        return;
    }
    s->stats.event_bytes += p->len;
    if (p->full_len > p->len) {
        s->stats.truncated++;
        note_loss(s, NV_LOST_TRUNCATED);
        return;
    }
    for (; nv_rtnl_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
        take_event(s, nlh);
    if (left > 0) {
        s->stats.malformed++;
        note_loss(s, NV_LOST_MALFORMED);
    }
}

/* ---- received: dumps -------------------------------------------------------------------------------- */

static struct lane *lane_of_reply(struct replay *s, const struct nlmsghdr *nlh)
{
    for (unsigned i = 0; i < NV_LANES; i++) {
        struct lane *l = &s->lanes[i];
        if (!l->active || l->unavailable || !l->passed || l->ending)
            continue;
        const struct nv_replay_request *r = &s->rec.requests[l->request];
        if (nlh->nlmsg_pid == r->portid && nlh->nlmsg_seq == r->seq)
            return l;
    }
    return NULL;
}

/* A dump that covers the request shows more than the kernel would have. */
static bool is_in_scope(const struct nv_dump_request *req, const struct nv_event *ev)
{
    bool through = !req->ifindex;
    switch (ev->cls) {
    case NV_LINK: return through || ev->link->ifindex == req->ifindex;
    case NV_ADDR: return through || ev->addr->ifindex == req->ifindex;
    case NV_ROUTE:
        for (uint32_t i = 0; i < ev->route->hop_count; i++)
            through |= ev->route->hops[i].ifindex == req->ifindex;
        return through && (!req->table || ev->route->table == req->table);
    case NV_RULE:
    case NV_NEXTHOP:
    case NV_CLASS_COUNT: break;
    }
    return true;
}

static void take_fact(struct replay *s, struct lane *l, const struct nlmsghdr *nlh)
{
    struct nv_event ev;
    s->stats.dump_messages++;
    switch (nv_rtnl_decode(&s->decoder, nlh, &ev)) {
    case NV_RTNL_FACT:
        if (!nv_rtnl_is_wanted(&l->req, l->family, &ev) ||
            (l->covered && !is_in_scope(&l->req, &ev)))
            break;
        ev.dump = l->req.number;
        ev.datagram = l->datagrams;
        s->sink(s->sink_arg, &ev);
        break;
    case NV_RTNL_IGNORED: break;
    case NV_RTNL_UNKNOWN: s->stats.unknown++; break;
    case NV_RTNL_MALFORMED:
    default:
        s->stats.malformed++;
        nv_rtnl_fail(&l->outcome, EBADMSG);
        break;
    }
}

/* The request of the recording is done: the second one follows, or the end. */
static void request_done(struct replay *s, struct lane *l)
{
    uint32_t second = s->rec.requests[l->request].second;
    bool two = is_double(&l->req) && l->family == NV_AF_4;
    bool well = l->outcome.status == NV_DUMP_OK || l->outcome.status == NV_DUMP_INTERRUPTED;
    if (two && well && second == NV_REPLAY_NONE) {
        l->outcome.status = NV_DUMP_UNAVAILABLE;
        s->stats.replay.unavailable++;
    } else if (two && well) {
        l->family = NV_AF_6;
        l->request = second;
        l->passed = false;
        return;
    }
    l->ending = true;
}

/* True at the end of what was requested. */
static bool take_reply(struct replay *s, struct lane *l, const struct nlmsghdr *nlh)
{
    if ((nlh->nlmsg_flags & NLM_F_DUMP_INTR) && l->outcome.status == NV_DUMP_OK)
        l->outcome.status = NV_DUMP_INTERRUPTED;
    switch (nlh->nlmsg_type) {
    case NLMSG_DONE:
    case NLMSG_ERROR:
        nv_rtnl_end_code(&l->outcome, &l->req, nlh);
        request_done(s, l);
        return true;
    case NLMSG_NOOP: return false;
    case NLMSG_OVERRUN: nv_rtnl_fail(&l->outcome, ENOBUFS); return false;
    default: take_fact(s, l, nlh); return false;
    }
}

/* Is this the reply to the barrier of a dump that was asked for? */
static bool is_of_barrier(const struct replay *s, const struct nlmsghdr *nlh)
{
    for (unsigned i = 0; i < NV_LANES; i++) {
        const struct lane *l = &s->lanes[i];
        if (l->active && !l->unavailable && !l->passed &&
            s->rec.requests[l->request].portid == nlh->nlmsg_pid)
            return true;
    }
    return false;
}

/* A dump whose datagram is cut or no sequence of messages is over at once: its end may have been in there. */
static void break_off(struct replay *s, struct lane *l, bool cut)
{
    s->stats.truncated += cut;
    s->stats.malformed += !cut;
    nv_rtnl_fail(&l->outcome, cut ? EMSGSIZE : EBADMSG);
    l->ending = true;
}

/* Returns whether a request that was asked for had a part in it. */
static bool take_dumped(struct replay *s, const struct nv_pcap_record *p)
{
    const struct nlmsghdr *nlh = (const void *)s->buf;
    int left = (int)p->len;
    if (p->len < sizeof *nlh)
        return false;
    struct lane *l = lane_of_reply(s, nlh);
    if (!l)
        return is_of_barrier(s, nlh);
    l->datagrams++;
    if (p->full_len > p->len) {
        break_off(s, l, true);
        return true;
    }
    for (; nv_rtnl_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
        if (lane_of_reply(s, nlh) != l)
            s->stats.strays++;
        else if (take_reply(s, l, nlh))
            return true;
    }
    if (left > 0)
        break_off(s, l, false);
    return true;
}

/* ---- received: answers ------------------------------------------------------------------------------ */

static void give_answer(struct replay *s, const struct nv_event *answer)
{
    struct nv_event ev = *answer;
    ev.kind = NV_EV_ANSWER;
    ev.cls = NV_ROUTE;
    ev.dump = s->query.number;
    if (ev.error)
        ev.route = NULL;
    s->query.active = false; /* before the sink is called: it may ask again */
    s->sink(s->sink_arg, &ev);
}

static bool take_answer(struct replay *s, const struct nv_pcap_record *p)
{
    const struct nlmsghdr *nlh = (const void *)s->buf;
    if (!s->query.active || !s->query.passed || !nv_rtnl_ok(nlh, (int)p->len))
        return false;
    const struct nv_replay_request *r = &s->rec.requests[s->query.request];
    if (nlh->nlmsg_pid != r->portid || nlh->nlmsg_seq != r->seq)
        return false;
    struct nv_event ev = {.error = EBADMSG};
    int error = 0;
    if (nlh->nlmsg_type == NLMSG_ERROR) {
        ev.error = nv_rtnl_code(nlh, &error) && error ? error : EBADMSG;
    } else if (nv_rtnl_decode_answer(&s->decoder, nlh, &ev) != NV_RTNL_FACT) {
        s->stats.malformed++;
        ev.error = EBADMSG;
    }
    give_answer(s, &ev);
    return true;
}

/* ---- the cursor ------------------------------------------------------------------------------------- */

static uint64_t when(const struct replay *s, uint32_t entry)
{
    return s->begin_ns + s->rec.entries[entry].rec.stamp_ns;
}

static void turn_clock(struct replay *s, uint64_t now_ns)
{
    if (now_ns <= s->now_ns)
        return;
    s->now_ns = now_ns;
    nv_clock_hold(now_ns, now_ns - s->behind_ns);
}

static void take_received(struct replay *s, const struct nv_pcap_record *p)
{
    bool used = true;
    memcpy(s->buf, p->data, p->len);
    if (p->flags & NV_PCAP_F_FOREIGN)
        s->stats.strays++;
    else if (p->role == NV_PCAP_EVENTS)
        take_events(s, p);
    else if (p->role == NV_PCAP_DUMPS)
        used = take_dumped(s, p);
    else
        used = take_answer(s, p);
    s->stats.replay.datagrams += used;
    s->stats.replay.datagrams_skipped += !used;
}

/* Is the cursor at a request that the writer has not made yet? */
static bool is_unasked(const struct replay *s)
{
    uint32_t request = s->rec.entries[s->at].request;
    if (request == NV_REPLAY_NONE)
        return false;
    const struct nv_replay_request *r = &s->rec.requests[request];
    return !r->taken && !r->is_second;
}

/* The recorded source gave up on it: another request was sent where this one still ran. */
static void end_unanswered(struct replay *s, enum nv_class cls)
{
    if (cls == NV_CLASS_COUNT) {
        if (s->query.active && s->query.passed)
            give_answer(s, &(struct nv_event){.error = ETIMEDOUT});
        return;
    }
    struct lane *l = lane_of(s, cls);
    if (!l->active || l->unavailable || !l->passed || l->ending)
        return;
    nv_rtnl_fail(&l->outcome, ETIMEDOUT);
    end_dump(s, l);
}

/* The cursor is at something sent by the writer that has not been asked for. True: wait for it. */
static bool is_awaited(struct replay *s, struct nv_replay_request *r)
{
    uint32_t own = (uint32_t)(r - s->rec.requests);
    end_unanswered(s, r->what.cls);
    if (r->what.cls == NV_LINK && r->what.full && s->round != own) {
        s->round = own;
        s->stats.replay.rounds++;
    }
    if (s->now_ns < when(s, r->ask) + PATIENCE_NS) {
        s->offered = false;
        return true;
    }
    if (!s->offered || s->asks != s->asks_offered) {
        s->offered = true;
        s->asks_offered = s->asks;
        if (r->what.cls == NV_CLASS_COUNT)
            s->stats.replay.queries[r->what.family == NV_AF_6]++;
        return true;
    }
    s->offered = false;
    take_with_second(s, own, &(struct nv_dump_request){.family = 0});
    s->stats.replay.requests_skipped++;
    return false;
}

/* Something sent. False: the cursor has to stay. */
static bool pass_sent(struct replay *s, const struct nv_replay_entry *e)
{
    if (e->request == NV_REPLAY_NONE)
        return true;
    struct nv_replay_request *r = &s->rec.requests[e->request];
    if (is_unasked(s) && is_awaited(s, r))
        return false;
    if (s->at != r->main)
        return true;
    for (unsigned i = 0; i < NV_LANES; i++) {
        struct lane *l = &s->lanes[i];
        if (!l->active || l->unavailable || l->passed || l->request != e->request)
            continue;
        l->passed = true;
        s->stats.replay.requests++;
        begin_dump(s, l);
    }
    if (s->query.active && s->query.request == e->request) {
        s->query.passed = true;
        s->stats.replay.requests++;
    }
    return true;
}

static bool is_event_of(const struct replay *s, uint32_t turn)
{
    if (s->at == s->rec.entry_count)
        return false;
    const struct nv_pcap_record *p = &s->rec.entries[s->at].rec;
    return p->turn == turn && p->role == NV_PCAP_EVENTS && !p->sent;
}

/* What one pump read, or the rest of it up to a request that is awaited. */
static void play_turn(struct replay *s)
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
        take_received(s, &e->rec);
        s->at++;
        bool more = is_event_of(s, turn);
        s->at--;
        if (!more)
            after_events(s);
    }
    after_events(s);
}

static void play_end(struct replay *s)
{
    for (unsigned i = 0; i < NV_LANES; i++)
        if (s->lanes[i].active)
            end_unavailable(s, &s->lanes[i]);
    s->query.active = false;
    if (!s->stats.replay.ended)
        nv_clock_release();
    s->stats.replay.ended = true;
}

/* ---- the source ------------------------------------------------------------------------------------- */

static int replay_pump(struct nv_source *base, unsigned budget)
{
    struct replay *s = (struct replay *)base;
    for (unsigned i = 0; i < NV_LANES; i++)
        if (s->lanes[i].active && s->lanes[i].unavailable)
            end_unavailable(s, &s->lanes[i]);
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
    struct replay *s = (struct replay *)base;
    for (unsigned i = 0; i < NV_LANES; i++)
        if (s->lanes[i].active && s->lanes[i].unavailable)
            return 0; /* the next pump ends it */
    if (s->stats.replay.ended) {
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
    struct replay *s = (struct replay *)base;
    s->stats.reopens++;
    s->lost = 0;
    return 0;
}

static void replay_stats(const struct nv_source *base, struct nv_source_stats *ret_stats)
{
    const struct replay *s = (const struct replay *)base;
    *ret_stats = s->stats;
    ret_stats->clipped = s->decoder.clipped;
    ret_stats->unknown_attrs = s->decoder.unknown_attrs;
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
    struct replay *s = (struct replay *)base;
    nv_clock_release();
    nv_recording_free(&s->rec);
    free(s);
}

/*
 * At speed the clock begins so that it ends now: ages and lifetimes in the last State are then as they were. A host that
 * has not been up for so long, or the recorded pace, begins now.
 */
static void begin_clock(struct replay *s)
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
    struct replay *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->base.ops = &ops;
    s->sink = args->sink;
    s->sink_arg = args->sink_arg;
    s->recorded_pace = args->recorded_pace;
    s->rec = *recording;
    s->round = NV_REPLAY_NONE;
    s->stats.replay.cut = recording->cut;
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
