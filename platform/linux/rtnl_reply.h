/* SPDX-License-Identifier: MIT */
/*
 * rtnl_reply.h - what the messages of a reply mean, whether a socket or a recording delivers them.
 *
 * Promises:  pure: no socket, no clock, no state.
 */
#ifndef NV_LINUX_RTNL_REPLY_H
#define NV_LINUX_RTNL_REPLY_H

#include <libmnl/libmnl.h>

#include "nv/plat.h"

/*
 * Is there a whole message in the bytes that are left? Step on by mnl_nlmsg_next; where that ends with more than
 * 0 bytes left, these are no message. mnl_nlmsg_ok of libmnl 1.0.4 takes a length from 2^31 on for a negative one,
 * which fits anywhere.
 */
static inline bool nv_rtnl_ok(const struct nlmsghdr *nlh, int left)
{
    return mnl_nlmsg_ok(nlh, left) && nlh->nlmsg_len <= (unsigned)left;
}

/* How a dump stands. */
struct nv_rtnl_outcome {
    enum nv_dump_status status;
    int error;
};

void nv_rtnl_fail(struct nv_rtnl_outcome *o, int error);

/* The code that NLMSG_ERROR or NLMSG_DONE carries, as a positive errno; 0: none. False: no code in it. */
bool nv_rtnl_code(const struct nlmsghdr *nlh, int *ret_error);

/* What the code at the end of a dump, or instead of one, makes of it. */
void nv_rtnl_end_code(struct nv_rtnl_outcome *o, const struct nv_dump_request *req,
                      const struct nlmsghdr *nlh);

/* Is this a fact of what was asked for, when `family` was? */
bool nv_rtnl_is_wanted(const struct nv_dump_request *req, uint8_t family,
                       const struct nv_event *ev);

#endif
