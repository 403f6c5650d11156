/* SPDX-License-Identifier: MIT */
/*
 * rtnl_decode.h - one rtnetlink message in, at most one fact out.
 *
 * Owns:      the scratch that a fact points into; it lives until the next message is decoded.
 * Assumes:   a decoder is used by one thread. The message is whole, nlmsg_len bytes can be read,
 *            and begins at a multiple of 4.
 * Promises:  pure: no system call, no allocation, no state from one message to the next but the two counts and what
 *            `kin` saves of the work.
 * Leaves:    sockets, sequence numbers, NLMSG_* control messages and counting to rtnl_intake.c.
 */
#ifndef NV_LINUX_RTNL_DECODE_H
#define NV_LINUX_RTNL_DECODE_H

#include <libmnl/libmnl.h>

#include "nv/event.h"
#include "rtnl_kin.h"

enum nv_rtnl_verdict {
    NV_RTNL_FACT,     /* *ret_event is set */
    NV_RTNL_IGNORED,  /* understood, and no fact: bridge ports, cloned routes, ... */
    NV_RTNL_UNKNOWN,  /* a type or a family that the State does not hold */
    NV_RTNL_MALFORMED /* a length or a value that no kernel sends */
};

struct nv_rtnl_decoder {
    uint64_t clipped;       /* lists or texts cut at a limit of event.h */
    uint64_t unknown_attrs; /* attributes of a number that no kernel had when this was written */
    union {
        struct nv_link link;
        struct nv_addr addr;
        struct nv_route route;
        struct nv_rule rule;
        struct nv_nexthop nexthop;
    };
    struct nv_text altnames[NV_ALTNAMES_MAX];
    struct nv_member members[NV_MEMBERS_MAX];
    struct nv_hop hops[NV_HOPS_MAX];
    struct nv_rtnl_kin kin;
};

/* A message of the event stream or of a dump. Sets every field of *ret_event; `dump` is 0. */
enum nv_rtnl_verdict nv_rtnl_decode(struct nv_rtnl_decoder *d, const struct nlmsghdr *nlh,
                                    struct nv_event *ret_event);

/* The reply to RTM_GETROUTE for one destination: an ANSWER, which may be a cloned route. */
enum nv_rtnl_verdict nv_rtnl_decode_answer(struct nv_rtnl_decoder *d, const struct nlmsghdr *nlh,
                                           struct nv_event *ret_event);

/* ---- between the files of the decoder ---------------------------------------------------------------- */

/* The fixed header of `size` bytes that a message's attributes stand behind. NULL: too short for it. */
static inline const void *nv_rtnl_body(const struct nlmsghdr *nlh, size_t size)
{
    return nlh->nlmsg_len < mnl_nlmsg_size(size) ? NULL : mnl_nlmsg_get_payload(nlh);
}

unsigned nv_rtnl_family(unsigned af); /* AF_* to NV_AF_*; NV_AF_NONE for all others */
/* The prefix's bytes, those behind its length zeroed; false: too long for the family. */
bool nv_rtnl_prefix(uint8_t ret[16], unsigned family, unsigned prefix_len);

enum nv_rtnl_verdict nv_rtnl_link(struct nv_rtnl_decoder *d, const struct nlmsghdr *nlh,
                                  struct nv_event *ev);
enum nv_rtnl_verdict nv_rtnl_route(struct nv_rtnl_decoder *d, const struct nlmsghdr *nlh,
                                   struct nv_event *ev);

#endif
