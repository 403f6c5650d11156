/* SPDX-License-Identifier: MIT */
/*
 * edges.c - what the Linux kernel changes without telling, and what has to be read again for it.
 *
 * Each function is one row or more of this table (reproduced on Linux 6.18):
 *
 *   edge                                         silent                                     re-read
 *   link loses IFF_UP                            its IPv4 routes, multipath hops            routes, nexthops
 *   link gains IFF_UP, carrier either way        dead and linkdown flags, nexthops,         routes, nexthops,
 *                                                tentative link-local addresses             IPv6 addresses
 *   operstate, master                            the same of links stacked on it            links, routes
 *   link gone                                    IPv4 routes, hops, nexthops, rule flags    all of those
 *   name                                         rules' detached flags, altnames            rules, links
 *   new link                                     rules' detached flags, its peer's link     rules, that link
 *   mtu                                          IPv6 routes with an mtu metric             IPv6 routes
 *   IPv4 address gone                            routes through the link                    those
 *   IPv4 address new                             multipath hops lose dead (if the first)    those
 *   IPv6 address gone, or lifetimes changed      prefsrc of other routes; expires           IPv6 routes
 *   nexthop                                      routes that name it, groups                routes, nexthops
 *   rule                                         flags of other rules                       rules of the family
 *   netconf, RA parameters, namespace ids        flags, metrics, link_netnsid               routes, links
 *
 * NEWLINK is sent before the kernel has flushed what goes with it: those re-reads wait for the kernel first (barrier).
 */
#include "sync.h"

static void want(struct nv_sync *s, enum nv_class cls, uint8_t family, uint32_t ifindex,
                 bool barrier)
{
    struct nv_dump_request req = {
        .cls = cls, .family = family, .ifindex = ifindex, .barrier = barrier};
    nv_sync_want(s, req, 0);
}

static void want_routes(struct nv_sync *s, uint32_t ifindex)
{
    want(s, NV_ROUTE, NV_AF_4, ifindex, true);
    want(s, NV_ROUTE, NV_AF_6, ifindex, true);
}

static void want_rules(struct nv_sync *s)
{
    want(s, NV_RULE, NV_AF_4, 0, true);
    want(s, NV_RULE, NV_AF_6, 0, true);
}

void nv_edge_link(struct nv_sync *s, const struct netvane_rec_link *before,
                  const struct netvane_rec_link *after)
{
    const uint32_t watched = 1u | 0x40u | 1u << 16; /* IFF_UP, IFF_RUNNING, IFF_LOWER_UP */
    if (!before || !after ||
        before->id != after->id) { /* came, went, or another one with the same index */
        if (before)
            want_routes(s, 0);
        if (before) {
            want(s, NV_NEXTHOP, 0, 0, true);
            want(s, NV_LINK, 0, 0, true);
        }
        if (after && after->link && !(after->present & NETVANE_LF_HAS_LINK_NETNS))
            want(s, NV_LINK, 0, after->link,
                 true); /* a veth's first end was announced without its peer */
        want_rules(s);
        return;
    }
    uint32_t ifindex = (uint32_t)after->key[0], flags = before->flags ^ after->flags;
    if (flags & 1u && !(after->flags & 1u))
        (void)nv_mirror_link_went_down(s->mirror, ifindex);
    if (flags & watched || before->operstate != after->operstate ||
        before->master != after->master) {
        want_routes(s, ifindex);
        want(s, NV_ADDR, NV_AF_6, ifindex, true);
        want(s, NV_NEXTHOP, 0, 0, true);
        want(s, NV_LINK, 0, 0, true);
    }
    if (before->mtu != after->mtu)
        want(s, NV_ROUTE, NV_AF_6, ifindex, true);
    if (memcmp(before->name, after->name, sizeof(before->name))) {
        want_rules(s);
        want(s, NV_LINK, 0, 0, true);
    }
}

void nv_edge_addr(struct nv_sync *s, const struct nv_addr *f, bool removed)
{
    if (f->family == NV_AF_4) {
        want(s, NV_ADDR, NV_AF_4, f->ifindex, true); /* the order of the others may have changed */
        want(s, NV_ROUTE, NV_AF_4, f->ifindex, true);
    } else {
        want(s, NV_ROUTE, NV_AF_6, removed ? 0 : f->ifindex, true);
    }
}

void nv_edge_route(struct nv_sync *s, const struct nv_route *f, enum nv_effect effect)
{
    if (effect != NV_SUSPECT)
        return;
    struct nv_dump_request req = {.cls = NV_ROUTE, .family = f->family, .table = f->table};
    nv_sync_want(s, req, 0);
}

void nv_edge_rule(struct nv_sync *s, uint8_t family)
{
    want(s, NV_RULE, family, 0, false);
}

void nv_edge_nexthop(struct nv_sync *s)
{
    want(s, NV_NEXTHOP, 0, 0, true);
    want_routes(s, 0);
}

void nv_edge_hint(struct nv_sync *s, const struct nv_event *ev)
{
    switch (ev->hint) {
    case NV_HINT_NETCONF: want_routes(s, ev->ifindex); break;
    case NV_HINT_RA: want(s, NV_ROUTE, NV_AF_6, ev->ifindex, true); break;
    case NV_HINT_NSID: want(s, NV_LINK, 0, 0, true); break;
    }
}
