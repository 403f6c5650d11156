/* SPDX-License-Identifier: MIT */
/*
 * rtnl_source.h - what the files of the Linux source share: its state.
 *
 * Owns:      struct nv_rtnl_source. rtnl_source.c works the event stream and the whole, rtnl_dump.c `dump`,
 *            rtnl_query.c `query`, rtnl_urgent.c what is urgent.
 * Assumes:   one thread, but for the socket of a long dump, which rtnl_ahead.c reads meanwhile. `buf` and the decoder serve one datagram at a time: nobody drains the events in the
 *            middle of another datagram.
 */
#ifndef NV_LINUX_RTNL_SOURCE_H
#define NV_LINUX_RTNL_SOURCE_H

#include <libmnl/libmnl.h>

#include "nv/plat.h"
#include "rtnl_ahead.h"
#include "rtnl_intake.h"
#include "rtnl_record.h"
#include "rtnl_reply.h"
#include "rtnl_socket.h"

#define NV_RTNL_HEARING_NS  UINT64_C(1000000000)       /* the event socket is looked at so often */
#define NV_RTNL_PATIENCE_NS (5 * UINT64_C(1000000000)) /* without an answer: the request failed */

enum nv_rtnl_stage {
    NV_RTNL_IDLE,
    NV_RTNL_BARRIER, /* waits for the reply that shows that no change is under way */
    NV_RTNL_RUNNING
};

/* The dump of a lane. */
struct nv_rtnl_dump {
    struct nv_rtnl_socket sock; /* its own: a socket takes one dump at a time */
    enum nv_rtnl_stage stage;
    bool announced; /* DUMP_BEGIN has been given out */
    struct nv_dump_request req;
    uint8_t
        family; /* that is being dumped now: addresses of both families are two dumps for the kernel */
    uint32_t datagrams;
    struct nv_rtnl_outcome outcome;
    uint64_t heard_ns; /* CLOCK_MONOTONIC, of the last sign of life */
};

struct nv_rtnl_query {
    bool active;
    uint32_t number;
    uint64_t asked_ns;
};

struct nv_rtnl_source {
    struct nv_source base;
    struct nv_rtnl_intake in;

    int netns_fd;   /* -1: none to be had */
    bool elsewhere; /* the namespace was named: sockets are opened by a thread that goes there */
    uint64_t wanted_buffer_bytes;

    struct nv_rtnl_socket event_sock;
    struct nv_rtnl_socket query_sock;
    struct nv_rtnl_socket urgent_sock;
    bool urgent_tried;            /* it was opened, or could not be */
    bool urgent_asked;            /* its descriptor was given out since the last pump */
    bool urgent_rang;             /* since it was given out last */
    struct nv_recorder *recorder; /* NULL: none */
    uint64_t hearing_ns; /* CLOCK_MONOTONIC, when the event socket was last found to hear */

    struct nv_rtnl_dump dump[NV_LANES];
    struct nv_rtnl_ahead *ahead; /* of NV_LANE_ROUTES; NULL: no dump was long yet */
    struct nv_rtnl_query query;
    _Alignas(8) uint8_t buf[NV_RTNL_DATAGRAM_MAX];
};

/* A reply to the last request on the socket, and not to an earlier one or to nobody's: 0, which events carry and
 * mnl_nlmsg_seq_ok and mnl_nlmsg_portid_ok let pass. */
static inline bool nv_rtnl_is_reply(const struct nv_rtnl_socket *sock, const struct nlmsghdr *nlh)
{
    return nlh->nlmsg_pid == sock->portid && nlh->nlmsg_seq == sock->seq;
}

/* Opens a socket of the source anew, in its namespace. */
int nv_rtnl_renew(struct nv_rtnl_source *s, struct nv_rtnl_socket *sock);
/* Reads the event stream empty: 0, 1 if there was too much of it, or a negative errno that is final. */
int nv_rtnl_drain_events(struct nv_rtnl_source *s);

int nv_rtnl_dump_start(struct nv_rtnl_source *s, const struct nv_dump_request *req);
/* Gives out DUMP_BEGIN for each running dump that has none yet. */
void nv_rtnl_dump_announce(struct nv_rtnl_source *s);
/* What to poll for the running dump of a lane. */
int nv_rtnl_dump_fd(const struct nv_rtnl_source *s, enum nv_lane lane);
/* Works off one datagram of a lane: 1, 0 if there is none, or a negative errno that is final. */
int nv_rtnl_dump_step(struct nv_rtnl_source *s, enum nv_lane lane);

/* The descriptor that tells of what must not wait, -1: there is none now. Drained by the next pump. */
int nv_rtnl_urgent_fd(struct nv_rtnl_source *s);
/* Before the event stream is drained: what comes behind that rings again. */
void nv_rtnl_urgent_clear(struct nv_rtnl_source *s);

int nv_rtnl_query_start(struct nv_rtnl_source *s, uint32_t number, uint8_t family,
                        const uint8_t dst[16]);
void nv_rtnl_query_step(struct nv_rtnl_source *s);

#endif
