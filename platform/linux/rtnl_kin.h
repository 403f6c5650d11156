/* SPDX-License-Identifier: MIT */
/*
 * rtnl_kin.h - routes that differ in nothing but their destination are decoded once.
 *
 * Owns:      the routes that were decoded last, by all bytes of their messages but the destination's.
 * Assumes:   what rtnl_decode.h assumes.
 * Promises:  a route that is found is what decoding the message would give; its kin number is never given to another.
 * Leaves:    which routes are worth keeping to rtnl_route.c.
 */
#ifndef NV_LINUX_RTNL_KIN_H
#define NV_LINUX_RTNL_KIN_H

#include <libmnl/libmnl.h>

#include "nv/event.h"

/* So many routes share a hash, and the one that is not found takes the place of any of them. */
#define NV_RTNL_KIN_WAYS 4u
#define NV_RTNL_KIN_SETS 64u
/* Of 8 bytes, of a message without its destination; longer ones are not kept. */
#define NV_RTNL_KIN_WORDS 12u

struct nv_rtnl_kin_slot {
    struct nv_route route; /* kin 0: free */
    struct nv_hop hop;
    uint32_t tail_bytes;              /* of the message behind its destination */
    uint64_t word[NV_RTNL_KIN_WORDS]; /* without it */
};

struct nv_rtnl_kin {
    uint32_t last;                  /* the kin number that was given last */
    struct nv_rtnl_kin_slot *asked; /* where a route that was not found belongs; NULL: nowhere */
    struct nv_rtnl_kin_slot slots[NV_RTNL_KIN_SETS][NV_RTNL_KIN_WAYS];
};

/* The route of an RTM_NEWROUTE whose fixed header is there, or NULL: then decode it. Valid until the next message. */
const struct nv_route *nv_rtnl_kin_find(struct nv_rtnl_kin *k, const struct nlmsghdr *nlh);
/* Keeps the route of the message that was just not found, and gives it its kin number. */
void nv_rtnl_kin_keep(struct nv_rtnl_kin *k, struct nv_route *r);

#endif
