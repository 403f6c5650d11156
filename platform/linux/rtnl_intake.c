/* SPDX-License-Identifier: MIT */
/*
 * rtnl_intake.c - what each message of the event stream, and of a dump, does.
 */
#include "rtnl_intake.h"

#include <errno.h>

static void take_event(struct nv_rtnl_intake *in, const struct nlmsghdr *nlh)
{
    in->stats.events++;
    if (nlh->nlmsg_type == NLMSG_OVERRUN) {
        in->stats.overruns++;
        nv_rtnl_note_loss(in, NV_LOST_OVERRUN);
        return;
    }
    struct nv_event ev;
    switch (nv_rtnl_decode(&in->decoder, nlh, &ev)) {
    case NV_RTNL_FACT: nv_rtnl_tell(in, &ev); break;
    case NV_RTNL_IGNORED: break;
    case NV_RTNL_UNKNOWN: in->stats.unknown++; break;
    case NV_RTNL_MALFORMED:
    default:
        in->stats.malformed++;
        nv_rtnl_note_loss(in, NV_LOST_MALFORMED);
        break;
    }
}

void nv_rtnl_take_events(struct nv_rtnl_intake *in, const void *datagram, size_t len, bool cut)
{
    in->stats.event_bytes += len;
    if (cut) {
        in->stats.truncated++;
        nv_rtnl_note_loss(in, NV_LOST_TRUNCATED);
        return;
    }
    int left = (int)len;
    const struct nlmsghdr *nlh = datagram;
    for (; nv_rtnl_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
        take_event(in, nlh);
    if (left > 0) {
        in->stats.malformed++;
        nv_rtnl_note_loss(in, NV_LOST_MALFORMED);
    }
}

void nv_rtnl_tell_losses(struct nv_rtnl_intake *in)
{
    unsigned lost = in->lost;
    in->lost = 0;
    for (unsigned reason = 0; reason < NV_LOST_REASONS; reason++) {
        struct nv_event ev = {.kind = NV_EV_LOST, .lost = (enum nv_lost)reason};
        if (lost & 1u << reason)
            nv_rtnl_tell(in, &ev);
    }
}

void nv_rtnl_take_dumped(struct nv_rtnl_intake *in, const struct nv_rtnl_dumped *d,
                         const struct nlmsghdr *nlh)
{
    struct nv_event ev;
    in->stats.dump_messages++;
    switch (nv_rtnl_decode(&in->decoder, nlh, &ev)) {
    case NV_RTNL_FACT:
        if (!nv_rtnl_is_wanted(d->req, d->family, &ev) ||
            (d->in_scope && !d->in_scope(d->req, &ev)))
            break;
        ev.dump = d->req->number;
        ev.datagram = d->datagram;
        ev.ahead = ev.cls == NV_ROUTE && d->datagram > NV_RTNL_AHEAD_FROM ? NV_DATAGRAMS_AHEAD : 1;
        nv_rtnl_tell(in, &ev);
        break;
    case NV_RTNL_IGNORED: break;
    case NV_RTNL_UNKNOWN: in->stats.unknown++; break;
    case NV_RTNL_MALFORMED:
    default:
        in->stats.malformed++;
        nv_rtnl_fail(d->outcome, EBADMSG);
        break;
    }
}
