/* SPDX-License-Identifier: MIT */
/*
 * rtnl_replay_give.c - what the datagrams of a recording say: facts, losses, ends of dumps, answers.
 *
 * Owns:      what rtnl_source.c, rtnl_dump.c and rtnl_query.c own of the live source, but for sockets and time.
 * Assumes:   the datagram is the next one, and the clock is held at its time.
 * Promises:  the facts that the live source gave, and its counts, but that a loss it found by itself is one like others.
 * Leaves:    when it is time for a datagram to rtnl_replay.c.
 */
#include <errno.h>
#include <string.h>

#include "nv/base.h"
#include "rtnl_replay.h"

/* ---- what is given out ------------------------------------------------------------------------------ */

static void give_dump(struct nv_replay *s, enum nv_event_kind kind, const struct nv_replay_lane *l)
{
    struct nv_event ev = {
        .kind = kind,
        .cls = l->req.cls,
        .dump = l->req.number,
        .status = l->outcome.status,
        .error = l->outcome.error,
    };
    nv_rtnl_tell(&s->in, &ev);
}

void nv_replay_begin_dump(struct nv_replay *s, struct nv_replay_lane *l)
{
    if (!l->begun)
        give_dump(s, NV_EV_DUMP_BEGIN, l);
    l->begun = true;
}

void nv_replay_end_dump(struct nv_replay *s, struct nv_replay_lane *l)
{
    nv_replay_begin_dump(s, l);
    struct nv_replay_lane ended = *l;
    l->active = false; /* before the sink is called: it may start the next one */
    give_dump(s, NV_EV_DUMP_END, &ended);
}

void nv_replay_end_unavailable(struct nv_replay *s, struct nv_replay_lane *l)
{
    nv_replay_count_unavailable(s);
    l->outcome.status = NV_DUMP_UNAVAILABLE;
    nv_replay_end_dump(s, l);
}

void nv_replay_after_events(struct nv_replay *s)
{
    nv_rtnl_tell_losses(&s->in);
    for (unsigned i = 0; i < NV_LANES; i++)
        if (s->lanes[i].active && s->lanes[i].ending)
            nv_replay_end_dump(s, &s->lanes[i]);
}

/* ---- received: events ------------------------------------------------------------------------------- */

static void take_note(struct nv_replay *s, const struct nlmsghdr *nlh)
{
    struct nv_pcap_note note;
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof note)
        return;
    memcpy(&note, mnl_nlmsg_get_payload(nlh), sizeof note);
    if (note.what == NV_PCAP_REREAD) {
        nv_rtnl_note_loss(&s->in, NV_LOST_ERROR);
    } else if (note.what == NV_PCAP_SLEPT) {
        s->behind_ns += nv_min_u64(note.value, s->now_ns - s->behind_ns - 1);
        nv_clock_hold(s->now_ns, s->now_ns - s->behind_ns);
    }
}

/* What the recorder itself says of the event socket. */
static void take_made(struct nv_replay *s, const struct nlmsghdr *nlh)
{
    if (nlh->nlmsg_type == NLMSG_OVERRUN) {
        s->in.stats.overruns += !(s->in.lost & 1u << NV_LOST_OVERRUN);
        nv_rtnl_note_loss(&s->in, NV_LOST_OVERRUN);
    } else if (nlh->nlmsg_type == NLMSG_ERROR) {
        s->in.stats.socket_errors++;
        s->in.stats.reopens++;
        nv_rtnl_note_loss(&s->in, NV_LOST_ERROR);
    } else if (nlh->nlmsg_type == NLMSG_NOOP) {
        take_note(s, nlh);
    }
}

static void take_events(struct nv_replay *s, const struct nv_pcap_record *p)
{
    if (!(p->flags & NV_PCAP_F_MADE))
        nv_rtnl_take_events(&s->in, s->buf, p->len, p->full_len > p->len);
    else if (nv_rtnl_ok((const void *)s->buf, (int)p->len))
        take_made(s, (const void *)s->buf);
}

/* ---- received: dumps -------------------------------------------------------------------------------- */

static struct nv_replay_lane *lane_of_reply(struct nv_replay *s, const struct nlmsghdr *nlh)
{
    for (unsigned i = 0; i < NV_LANES; i++) {
        struct nv_replay_lane *l = &s->lanes[i];
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

static void take_fact(struct nv_replay *s, struct nv_replay_lane *l, const struct nlmsghdr *nlh)
{
    const struct nv_rtnl_dumped of = {.req = &l->req,
                                      .family = l->family,
                                      .datagram = l->datagrams,
                                      .outcome = &l->outcome,
                                      .in_scope = l->covered ? is_in_scope : NULL};
    nv_rtnl_take_dumped(&s->in, &of, nlh);
}

/* The request of the recording is done: the second one follows, or the end. */
static void request_done(struct nv_replay *s, struct nv_replay_lane *l)
{
    uint32_t second = s->rec.requests[l->request].second;
    bool two = nv_replay_is_double(&l->req) && l->family == NV_AF_4;
    bool well = l->outcome.status == NV_DUMP_OK || l->outcome.status == NV_DUMP_INTERRUPTED;
    if (two && well && second == NV_REPLAY_NONE) {
        l->outcome.status = NV_DUMP_UNAVAILABLE;
        nv_replay_count_unavailable(s);
    } else if (two && well) {
        l->family = NV_AF_6;
        l->request = second;
        l->passed = false;
        return;
    }
    l->ending = true;
}

/* True at the end of what was requested. */
static bool take_reply(struct nv_replay *s, struct nv_replay_lane *l, const struct nlmsghdr *nlh)
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
static bool is_of_barrier(const struct nv_replay *s, const struct nlmsghdr *nlh)
{
    for (unsigned i = 0; i < NV_LANES; i++) {
        const struct nv_replay_lane *l = &s->lanes[i];
        if (l->active && !l->unavailable && !l->passed &&
            s->rec.requests[l->request].portid == nlh->nlmsg_pid)
            return true;
    }
    return false;
}

/* A dump whose datagram is cut or no sequence of messages is over at once: its end may have been in there. */
static void break_off(struct nv_replay *s, struct nv_replay_lane *l, bool cut)
{
    s->in.stats.truncated += cut;
    s->in.stats.malformed += !cut;
    nv_rtnl_fail(&l->outcome, cut ? EMSGSIZE : EBADMSG);
    l->ending = true;
}

/* Returns whether a request that was asked for had a part in it. */
static bool take_dumped(struct nv_replay *s, const struct nv_pcap_record *p)
{
    const struct nlmsghdr *nlh = (const void *)s->buf;
    int left = (int)p->len;
    if (p->len < sizeof *nlh)
        return false;
    struct nv_replay_lane *l = lane_of_reply(s, nlh);
    if (!l)
        return is_of_barrier(s, nlh);
    l->datagrams++;
    if (p->full_len > p->len) {
        break_off(s, l, true);
        return true;
    }
    for (; nv_rtnl_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
        if (lane_of_reply(s, nlh) != l)
            s->in.stats.strays++;
        else if (take_reply(s, l, nlh))
            return true;
    }
    if (left > 0)
        break_off(s, l, false);
    return true;
}

/* ---- received: answers ------------------------------------------------------------------------------ */

void nv_replay_give_answer(struct nv_replay *s, const struct nv_event *answer)
{
    struct nv_event ev = *answer;
    ev.kind = NV_EV_ANSWER;
    ev.cls = NV_ROUTE;
    ev.dump = s->query.number;
    if (ev.error)
        ev.route = NULL;
    s->query.active = false; /* before the sink is called: it may ask again */
    nv_rtnl_tell(&s->in, &ev);
}

static bool take_answer(struct nv_replay *s, const struct nv_pcap_record *p)
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
    } else if (nv_rtnl_decode_answer(&s->in.decoder, nlh, &ev) != NV_RTNL_FACT) {
        s->in.stats.malformed++;
        ev.error = EBADMSG;
    }
    nv_replay_give_answer(s, &ev);
    return true;
}

/* ---- received: all ---------------------------------------------------------------------------------- */

void nv_replay_receive(struct nv_replay *s, const struct nv_pcap_record *p)
{
    bool used = true;
    memcpy(s->buf, p->data, p->len);
    if (p->flags & NV_PCAP_F_FOREIGN)
        s->in.stats.strays++;
    else if (p->role == NV_PCAP_EVENTS)
        take_events(s, p);
    else if (p->role == NV_PCAP_DUMPS)
        used = take_dumped(s, p);
    else
        used = take_answer(s, p);
    s->in.stats.replay.datagrams += used;
    s->in.stats.replay.datagrams_skipped += !used;
}
