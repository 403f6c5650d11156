/* SPDX-License-Identifier: MIT */
/*
 * rtnl_dump.c - in each lane one dump after another: request, datagrams, end.
 *
 * Owns:      `dump` of the source, and their sockets.
 * Assumes:   the kernel makes a dump's first datagram when it gets the request and each next one when its
 *            forerunner is read. So a datagram may be older than an event that was read before it: what it
 *            says of an object that had an event meanwhile is not to be believed over that event; the one behind it is.
 *            Of a long dump of routes a thread reads more of them ahead.
 * Promises:  every event that the kernel queued between making the first and the last datagram comes between
 *            DUMP_BEGIN and DUMP_END. Memory is bounded by one datagram, from the first long dump on by some more.
 *            A datagram that is cut or is no message fails the dump at once, for its end may have been in there.
 * Leaves:    repeating a dump, and what absence proves, to the writer.
 *
 * Each lane goes through these stages on a socket of its own:
 *
 *     IDLE -- start, barrier --> BARRIER -- reply, events drained, BEGIN --> RUNNING -- DONE, END --> IDLE
 *     IDLE -- start ------------------------------------------------------> RUNNING
 */
#include <errno.h>

#include "nv/base.h"
#include "rtnl_source.h"

static void give_out(struct nv_rtnl_source *s, enum nv_event_kind kind,
                     const struct nv_rtnl_dump *d)
{
    struct nv_event ev = {
        .kind = kind,
        .cls = d->req.cls,
        .dump = d->req.number,
        .status = d->outcome.status,
        .error = d->outcome.error,
    };
    nv_rtnl_tell(&s->in, &ev);
}

void nv_rtnl_dump_announce(struct nv_rtnl_source *s)
{
    for (unsigned lane = 0; lane < NV_LANES; lane++) {
        struct nv_rtnl_dump *d = &s->dump[lane];
        if (d->stage != NV_RTNL_RUNNING || d->announced)
            continue;
        d->announced = true;
        give_out(s, NV_EV_DUMP_BEGIN, d);
    }
}

static bool reads_ahead(const struct nv_rtnl_source *s, const struct nv_rtnl_dump *d)
{
    return d == &s->dump[NV_LANE_ROUTES] && nv_rtnl_ahead_runs(s->ahead);
}

/* Nothing but the thread read the socket meanwhile. */
static void stop_ahead(struct nv_rtnl_source *s, const struct nv_rtnl_dump *d)
{
    if (reads_ahead(s, d))
        nv_rtnl_ahead_stop(s->ahead);
}

int nv_rtnl_dump_fd(const struct nv_rtnl_source *s, enum nv_lane lane)
{
    const struct nv_rtnl_dump *d = &s->dump[lane];
    return reads_ahead(s, d) ? nv_rtnl_ahead_fd(s->ahead) : nv_rtnl_fd(&d->sock);
}

/* The events that came while the last datagram was made and read belong inside too. */
static int end(struct nv_rtnl_source *s, struct nv_rtnl_dump *d)
{
    stop_ahead(s, d);
    int err = nv_rtnl_drain_events(s);
    struct nv_rtnl_dump ended = *d;
    d->stage = NV_RTNL_IDLE; /* before the sink is called: it may start the next one */
    give_out(s, NV_EV_DUMP_END, &ended);
    return err < 0 ? err : 1;
}

/* The socket may still be in the middle of it: only a new one is sure to be free. */
static int abandon(struct nv_rtnl_source *s, struct nv_rtnl_dump *d, int error)
{
    d->stage = NV_RTNL_RUNNING; /* a failure at the barrier has a beginning and an end too */
    nv_rtnl_dump_announce(s);
    nv_rtnl_fail(&d->outcome, error);
    stop_ahead(s, d);
    (void)nv_rtnl_renew(s, &d->sock); /* if it fails, the next start tries again */
    return end(s, d);
}

static int request(struct nv_rtnl_dump *d)
{
    d->stage = NV_RTNL_RUNNING;
    d->heard_ns = nv_clock_monotonic_ns();
    return nv_rtnl_send_dump(&d->sock, &d->req, d->family);
}

int nv_rtnl_dump_start(struct nv_rtnl_source *s, const struct nv_dump_request *req)
{
    if (!nv_dump_request_ok(req))
        return -EINVAL;
    struct nv_rtnl_dump *d = &s->dump[nv_lane_of(req->cls)];
    if (d->stage != NV_RTNL_IDLE)
        return -EBUSY;
    if (!d->sock.mnl) {
        int err = nv_rtnl_renew(s, &d->sock);
        if (err)
            return err;
    }
    *d = (struct nv_rtnl_dump){.sock = d->sock, .req = *req, .family = req->family};
    if (req->cls == NV_ADDR && !req->family)
        d->family = NV_AF_4; /* then NV_AF_6 */

    int err;
    if (req->barrier) {
        d->stage = NV_RTNL_BARRIER;
        d->heard_ns = nv_clock_monotonic_ns();
        err = nv_rtnl_send_barrier(&d->sock);
    } else {
        err = request(d);
    }
    if (err)
        d->stage = NV_RTNL_IDLE;
    return err;
}

/* Any reply to the barrier will do, an error too: the kernel has taken RTNL to give it. */
static int pass_barrier(struct nv_rtnl_source *s, struct nv_rtnl_dump *d)
{
    int err = nv_rtnl_drain_events(s);
    if (err < 0)
        return err;
    d->stage = NV_RTNL_RUNNING;
    d->datagrams = 0;
    nv_rtnl_dump_announce(s);
    err = request(d);
    return err ? abandon(s, d, -err) : 1;
}

static void take_fact(struct nv_rtnl_source *s, struct nv_rtnl_dump *d, const struct nlmsghdr *nlh)
{
    const struct nv_rtnl_dumped of = {
        .req = &d->req, .family = d->family, .datagram = d->datagrams, .outcome = &d->outcome};
    nv_rtnl_take_dumped(&s->in, &of, nlh);
}

/* True at the end of what was requested. */
static bool take_message(struct nv_rtnl_source *s, struct nv_rtnl_dump *d,
                         const struct nlmsghdr *nlh)
{
    if (!nv_rtnl_is_reply(&d->sock, nlh)) {
        s->in.stats.strays++;
        return false;
    }
    if (d->stage == NV_RTNL_BARRIER)
        return true;
    if ((nlh->nlmsg_flags & NLM_F_DUMP_INTR) && d->outcome.status == NV_DUMP_OK)
        d->outcome.status = NV_DUMP_INTERRUPTED;
    switch (nlh->nlmsg_type) {
    case NLMSG_DONE:
    case NLMSG_ERROR: nv_rtnl_end_code(&d->outcome, &d->req, nlh); return true;
    case NLMSG_NOOP: return false;
    case NLMSG_OVERRUN: nv_rtnl_fail(&d->outcome, ENOBUFS); return false;
    default: take_fact(s, d, nlh); return false;
    }
}

enum taken { MORE, WHOLE, BROKEN };

static enum taken take_datagram(struct nv_rtnl_source *s, struct nv_rtnl_dump *d, const void *buf,
                                const struct nv_rtnl_datagram *dg)
{
    if (dg->foreign) {
        s->in.stats.strays++;
        return MORE;
    }
    d->heard_ns = nv_clock_monotonic_ns();
    d->datagrams++;
    if (dg->cut) {
        s->in.stats.truncated++;
        return BROKEN;
    }
    int left = (int)dg->len;
    const struct nlmsghdr *nlh = buf;
    for (; nv_rtnl_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
        if (take_message(s, d, nlh))
            return WHOLE;
    if (left > 0) {
        s->in.stats.malformed++;
        return BROKEN;
    }
    return MORE;
}

/* The dump's next datagram, from the thread or from the socket. */
static int receive(struct nv_rtnl_source *s, struct nv_rtnl_dump *d, const void **ret_buf,
                   struct nv_rtnl_datagram *ret_datagram)
{
    *ret_buf = s->buf;
    if (!reads_ahead(s, d))
        return nv_rtnl_receive(&d->sock, s->buf, sizeof s->buf, ret_datagram);
    int got = nv_rtnl_ahead_take(s->ahead, ret_buf, ret_datagram);
    nv_rtnl_note(&d->sock, *ret_buf, got, ret_datagram);
    return got;
}

int nv_rtnl_dump_step(struct nv_rtnl_source *s, enum nv_lane lane)
{
    const void *buf;
    struct nv_rtnl_datagram dg;
    struct nv_rtnl_dump *d = &s->dump[lane];
    int got = receive(s, d, &buf, &dg);
    if (got < 0)
        return abandon(s, d, -got);
    if (!got) {
        if (nv_clock_monotonic_ns() - d->heard_ns > NV_RTNL_PATIENCE_NS)
            return abandon(s, d, ETIMEDOUT);
        return 0;
    }
    enum taken taken = take_datagram(s, d, buf, &dg);
    if (taken == BROKEN) /* its end may have been in there: nobody waits for that */
        return abandon(s, d, dg.cut ? EMSGSIZE : EBADMSG);
    if (taken == MORE) {
        if (lane == NV_LANE_ROUTES && d->datagrams == NV_RTNL_AHEAD_FROM)
            (void)nv_rtnl_ahead_start(&s->ahead, &d->sock); /* it is slower without */
        return 1;
    }
    if (d->stage == NV_RTNL_BARRIER)
        return pass_barrier(s, d);
    bool two = d->req.cls == NV_ADDR && !d->req.family;
    if (two && d->family == NV_AF_4 &&
        (d->outcome.status == NV_DUMP_OK || d->outcome.status == NV_DUMP_INTERRUPTED)) {
        d->family = NV_AF_6;
        int err = request(d);
        return err ? abandon(s, d, -err) : 1;
    }
    return end(s, d);
}
