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
 *   mtu below 1280, and anything at such a link  IPv6 is off: its attributes of the link,   IPv6 routes, addresses,
 *                                                addresses that are kept: tentative         that link
 *   NEWLINK that says nothing new, of a link     linkdown flags: the carrier had changed    routes, nexthops,
 *   that is not ready or had linkdown routes     before, the kernel follows up now          IPv6 addresses
 *   IPv4 address gone                            routes through the link                    those
 *   IPv4 address new                             multipath hops lose dead (if the first)    those
 *   IPv6 address gone, or lifetimes changed      prefsrc of other routes; expires           IPv6 routes
 *   IPv6 route ff00::/8 of a link                IPv6 is off or on there (disable_ipv6): dead  IPv6 routes of that link
 *                                                hops of multipath routes
 *   nexthop                                      routes that name it, groups                routes, nexthops
 *   rule                                         flags of other rules                       rules of the family
 *   first rule of IPv4 in a namespace            table local is made anew: a dump that      IPv4 routes of local
 *                                                runs lacks parts of it
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

static void carrier_moved(struct nv_sync *s, uint32_t ifindex)
{
    want_routes(s, ifindex);
    want(s, NV_ADDR, NV_AF_6, ifindex, true);
    want(s, NV_NEXTHOP, 0, 0, true);
}

static void remember_restless(struct nv_restless *r, uint32_t ifindex, uint64_t now_ns)
{
    unsigned at = 0;
    while (at + 1 < NV_RESTLESS_LINKS && r->ifindex[at] != ifindex && r->until_ns[at] > now_ns)
        at++;
    if (r->ifindex[at] != ifindex && r->until_ns[at] > now_ns)
        r->all_until_ns = r->until_ns[at];
    r->ifindex[at] = ifindex;
    r->until_ns[at] = now_ns + NV_RESTLESS_NS;
}

static bool is_restless(const struct nv_restless *r, uint32_t ifindex, uint64_t now_ns)
{
    if (r->all_until_ns > now_ns)
        return true;
    for (unsigned i = 0; i < NV_RESTLESS_LINKS; i++)
        if (r->ifindex[i] == ifindex && r->until_ns[i] > now_ns)
            return true;
    return false;
}

/* Up, but not ready to send: each message about it may stand for linkdown flags that the kernel sets just then. */
static bool is_unready(const struct netvane_rec_link *link)
{
    enum { OPER_UNKNOWN = 0, OPER_UP = 6 };
    return link->flags & 1u && (!(link->flags & 1u << 16) ||
                                (link->operstate != OPER_UNKNOWN && link->operstate != OPER_UP));
}

bool nv_edge_link_waits(const struct netvane_rec_link *link)
{
    enum { OPER_UNKNOWN = 0, OPER_TESTING = 4 }; /* and above: DORMANT, UP */
    bool carrier = link->flags & 1u << 16;
    bool told = link->operstate == OPER_UNKNOWN || link->operstate >= OPER_TESTING;
    return link->flags & 1u && carrier != told;
}

/*
 * A link's carrier shows in its flags at once, but the routes follow when the kernel's linkwatch runs, up to a second later. If
 * a dump showed the link meanwhile, or the carrier came back, the message of that moment says nothing that is not known.
 */
void nv_edge_link_again(struct nv_sync *s, uint32_t ifindex)
{
    struct netvane_rec_link link;
    if (is_restless(&s->restless, ifindex, nv_clock_boottime_ns()) ||
        (nv_mirror_link(s->mirror, ifindex, &link) && is_unready(&link)))
        carrier_moved(s, ifindex);
}

void nv_edge_link(struct nv_sync *s, const struct netvane_rec_link *before,
                  const struct netvane_rec_link *after)
{
    const uint32_t watched = 1u | 0x40u | 1u << 16; /* IFF_UP, IFF_RUNNING, IFF_LOWER_UP */
    const uint32_t least_mtu6 = 1280;
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
    bool restless = is_restless(&s->restless, ifindex, nv_clock_boottime_ns());
    if (flags & 1u && !(after->flags & 1u))
        (void)nv_mirror_link_went_down(s->mirror, ifindex);
    if (flags & watched || before->operstate != after->operstate ||
        before->master != after->master) {
        carrier_moved(s, ifindex);
        want(s, NV_LINK, 0, 0, true);
    } else if (restless || is_unready(after)) {
        carrier_moved(s, ifindex);
    }
    if (before->mtu != after->mtu)
        want(s, NV_ROUTE, NV_AF_6, ifindex, true);
    if (before->mtu < least_mtu6 || after->mtu < least_mtu6) { /* IPv6 goes from it, or comes */
        want(s, NV_ROUTE, NV_AF_6, ifindex, true);
        want(s, NV_ADDR, NV_AF_6, ifindex, true);
        want(s, NV_LINK, 0, ifindex, true);
    }
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
    const uint32_t down = 1u | 16u; /* RTNH_F_DEAD, RTNH_F_LINKDOWN */
    for (uint32_t i = 0; i < f->hop_count; i++)
        if (f->hops[i].flags & down)
            remember_restless(&s->restless, f->hops[i].ifindex, nv_clock_boottime_ns());
    bool multicast6 = f->family == NV_AF_6 && f->dst_len == 8 && f->dst[0] == 0xff;
    if (multicast6 && effect != NV_SAME && f->hop_count)
        want(s, NV_ROUTE, NV_AF_6, f->hops[0].ifindex, true);
    if (effect != NV_SUSPECT)
        return;
    struct nv_dump_request req = {.cls = NV_ROUTE, .family = f->family, .table = f->table};
    nv_sync_want(s, req, 0);
}

void nv_edge_rule(struct nv_sync *s, uint8_t family, bool removed)
{
    want(s, NV_RULE, family, 0, false);
    if (family != NV_AF_4 || removed || s->unmerged)
        return;
    const uint32_t local = 255; /* RT_TABLE_LOCAL */
    s->unmerged = true;
    (void)nv_sync_disturb(s, NV_ROUTE, NV_AF_4);
    nv_sync_want(s, (struct nv_dump_request){.cls = NV_ROUTE, .family = NV_AF_4, .table = local},
                 0);
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
