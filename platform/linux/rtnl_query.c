/* SPDX-License-Identifier: MIT */
/*
 * rtnl_query.c - asking the kernel which way a packet would go.
 *
 * Owns:      the query socket and `query` of the source.
 * Assumes:   the kernel answers inside of sendmsg: the answer is as old as the question.
 * Promises:  exactly one ANSWER for each question that was accepted. A destination that a rule or a route
 *            rejects has an error and no route (EHOSTUNREACH, EACCES, EINVAL of a blackhole, ENETUNREACH).
 * Leaves:    comparing it with the mirror to the writer.
 */
#include <errno.h>

#include "nv/base.h"
#include "rtnl_source.h"

int nv_rtnl_query_start(struct nv_rtnl_source *s, uint32_t number, uint8_t family,
                        const uint8_t dst[16])
{
    if (s->query.active)
        return -EBUSY;
    int err = !s->query_sock.mnl ? nv_rtnl_renew(s, &s->query_sock) : 0;
    if (!err)
        err = nv_rtnl_send_query(&s->query_sock, family, dst);
    if (err)
        return err;
    s->query = (struct nv_rtnl_query){
        .active = true, .number = number, .asked_ns = nv_clock_monotonic_ns()};
    return 0;
}

static void answer(struct nv_rtnl_source *s, struct nv_event *ev)
{
    ev->dump = s->query.number;
    if (ev->error)
        ev->route = NULL;
    s->query.active = false; /* before the sink is called: it may ask again */
    nv_rtnl_tell(&s->in, ev);
}

static void answer_error(struct nv_rtnl_source *s, int error)
{
    struct nv_event ev = {.kind = NV_EV_ANSWER, .cls = NV_ROUTE, .error = error};
    answer(s, &ev);
}

static void take_reply(struct nv_rtnl_source *s, const struct nlmsghdr *nlh)
{
    if (!nv_rtnl_is_reply(&s->query_sock, nlh)) {
        s->in.stats.strays++;
        return;
    }
    if (nlh->nlmsg_type == NLMSG_ERROR) {
        int error = 0;
        answer_error(s, nv_rtnl_code(nlh, &error) && error ? error : EBADMSG);
        return;
    }
    struct nv_event ev;
    if (nv_rtnl_decode_answer(&s->in.decoder, nlh, &ev) == NV_RTNL_FACT) {
        answer(s, &ev);
        return;
    }
    s->in.stats.malformed++;
    answer_error(s, EBADMSG);
}

static void give_up(struct nv_rtnl_source *s, int error)
{
    (void)nv_rtnl_renew(s, &s->query_sock); /* if it fails, the next question tries again */
    answer_error(s, error);
}

void nv_rtnl_query_step(struct nv_rtnl_source *s)
{
    struct nv_rtnl_datagram dg;
    if (!s->query.active)
        return;
    int got;
    while ((got = nv_rtnl_receive(&s->query_sock, s->buf, sizeof s->buf, &dg)) > 0) {
        const struct nlmsghdr *nlh = (const void *)s->buf; /* the kernel sends one at a time */
        if (!dg.foreign && nv_rtnl_ok(nlh, (int)dg.len))
            take_reply(s, nlh);
        else
            s->in.stats.strays++;
        if (!s->query.active)
            return;
    }
    if (got < 0)
        give_up(s, -got);
    else if (nv_clock_monotonic_ns() - s->query.asked_ns > NV_RTNL_PATIENCE_NS)
        give_up(s, ETIMEDOUT);
}
