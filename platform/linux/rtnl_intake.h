/* SPDX-License-Identifier: MIT */
/*
 * rtnl_intake.h - datagrams in, facts out to the sink, whether a socket or a recording delivers them.
 *
 * Owns:      the decoder, the counts, the sink, and which losses are still to be told.
 * Assumes:   one thread; one datagram at a time: the decoder's scratch is one.
 * Leaves:    when the event stream has been read empty, and how a dump ends, to who delivers.
 */
#ifndef NV_LINUX_RTNL_INTAKE_H
#define NV_LINUX_RTNL_INTAKE_H

#include "rtnl_decode.h"
#include "rtnl_reply.h"

struct nv_rtnl_intake {
    nv_event_fn *sink;
    void *sink_arg;
    unsigned lost; /* bits 1 << NV_LOST_*, told when the event stream has been read empty */
    struct nv_source_stats stats;
    struct nv_rtnl_decoder decoder;
};

static inline void nv_rtnl_tell(struct nv_rtnl_intake *in, const struct nv_event *ev)
{
    in->sink(in->sink_arg, ev);
}

static inline void nv_rtnl_note_loss(struct nv_rtnl_intake *in, enum nv_lost reason)
{
    in->lost |= 1u << reason;
}

/* A datagram of the event stream, of which `len` bytes are there; cut: it had more. */
void nv_rtnl_take_events(struct nv_rtnl_intake *in, const void *datagram, size_t len, bool cut);
/* The queue is empty: only now is a new dump sure to see everything that was missed. */
void nv_rtnl_tell_losses(struct nv_rtnl_intake *in);

/*
 * Of a dump of routes all behind so many datagrams is read ahead (rtnl_ahead.c). A replay counts them too: it takes the
 * decisions of the writer that was recorded.
 */
#define NV_RTNL_AHEAD_FROM 8u

/* What a message of a dump belongs to. */
struct nv_rtnl_dumped {
    const struct nv_dump_request *req;
    uint8_t family;    /* that was asked for */
    uint32_t datagram; /* from 1 */
    struct nv_rtnl_outcome *outcome;
    bool (*in_scope)(const struct nv_dump_request *req, const struct nv_event *ev); /* NULL: all */
};
void nv_rtnl_take_dumped(struct nv_rtnl_intake *in, const struct nv_rtnl_dumped *d,
                         const struct nlmsghdr *nlh);

#endif
