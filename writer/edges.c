/* SPDX-License-Identifier: MIT */
/*
 * edges.c - what the Linux kernel changes without telling, and what has to be read again for it.
 *
 * Each function is one row or more of this table (reproduced on Linux 6.18):
 *
 *   edge                            silent                                      at once        re-read
 *   link loses IFF_UP               its IPv4 routes, multipath hops, nexthops   IPv4 routes    routes through it, nexthops
 *   link gains IFF_UP, carrier      dead and linkdown flags, nexthops,          -              the same, its IPv6
 *   either way                      tentative link-local addresses                             addresses
 *   the same, operstate, master     carrier, flags, MTU of links beside it      -              those links
 *   link gone                       routes, hops, nexthops, rules' flags,       routes         routes through it, nexthops,
 *                                   links beside it                                            rules, those links
 *   name, new link                  rules' detached flags                       -              rules that name it
 *   new link                        its peer's link                             -              that link
 *   mtu below 1280, and anything    IPv6 is off: its attributes of the link,    -              IPv6 routes, addresses,
 *   at such a link                  addresses that are kept: tentative                         that link
 *   NEWLINK with nothing new, of a  linkdown flags: the carrier had changed     -              routes through it, nexthops,
 *   link that is not ready or had   before, the kernel follows up now                          IPv6 addresses
 *   linkdown routes
 *   first IPv4 rule of a namespace  table local is made anew: a dump that       -              IPv4 routes of local
 *                                   runs lacks parts of it
 *   mtu                             IPv6 routes with an mtu metric              -              IPv6 routes through it
 *   IPv4 address gone               order of others; if the last, IPv4 routes   IPv4 routes    the link's IPv4 addresses,
 *   IPv4 address new                order of others; hops lose dead             -              IPv4 routes through it, if
 *                                                                                              one is dead or multipath
 *   IPv6 address gone               prefsrc of any route                        -              tables with such routes
 *   IPv6 address, also told again   expires of its prefix route                 -              IPv6 routes through the link,
 *                                                                                              if any IPv6 route may end
 *   address with a peer, told again expires of the peer's route                 -              routes through the link
 *   IPv6 route ff00::/8 of a link   IPv6 is off or on there: dead hops of       -              IPv6 routes through it
 *                                   multipath routes
 *   link takes an IPv6 route of     a route that stood between those gateways   -              tables with such routes
 *   several gateways along
 *   nexthop gone                    routes that name it                         routes         tables with such routes
 *   nexthop changed                 ways of routes that name it, or its group   -              tables with such routes
 *   rule                            flags of other rules                        -              rules of the family
 *   netconf                         flags of routes                             -              routes through it, or all
 *   router advertisement            expires, preference, metrics                -              IPv6 routes through the link
 *   namespace ids                   link_netnsid                                -              links
 *
 * Where nothing in the mirror names the link or the nexthop, there is nothing that could change, and nothing is read: on a
 * router with a million routes links come and go. A multipath route of which a hop is gone is found by the sweep of the
 * routes through the link, which asks for its table.
 *
 * NEWLINK is sent before the kernel has flushed what goes with it: those re-reads wait for the kernel first (barrier).
 */
#include "sync.h"

#define LEAST_MTU6 1280u /* IPV6_MIN_MTU: a link with less has no IPv6 */

static void want(struct nv_sync *s, enum nv_class cls, uint8_t family, uint32_t ifindex,
                 bool barrier)
{
    struct nv_dump_request req = {
        .cls = cls, .family = family, .ifindex = ifindex, .barrier = barrier};
    nv_sync_want(s, req, 0);
}

static void want_table(void *sync, uint8_t family, uint32_t table)
{
    struct nv_dump_request req = {
        .cls = NV_ROUTE, .family = family, .table = table, .barrier = true};
    nv_sync_want(sync, req, 0);
}

/* While all is read anew the mirror may lack what is concerned, and the dump that runs may yet bring it as it was before. */
static void want_again(struct nv_sync *s, enum nv_class cls)
{
    const struct nv_sync_lane *l = &s->lane[nv_lane_of(cls)];
    struct nv_dump_request req = l->job.req;
    if (!nv_sync_resyncing(s) || !l->active || req.cls != cls)
        return;
    req.barrier = true;
    nv_sync_want(s, req, 0);
}

/* May routes through the link have changed? A dump that runs may yet show some that are gone. */
static bool has_routes(const struct nv_sync *s, uint32_t ifindex)
{
    return !ifindex || s->lane[NV_LANE_ROUTES].active || nv_mirror_uses_link(s->mirror, ifindex);
}

static void want_routes_of(struct nv_sync *s, uint8_t family, uint32_t ifindex)
{
    if (has_routes(s, ifindex))
        want(s, NV_ROUTE, family, ifindex, true);
}

/* ifindex 0: all. */
static void want_routes(struct nv_sync *s, uint32_t ifindex)
{
    if (!has_routes(s, ifindex))
        return;
    want(s, NV_ROUTE, NV_AF_4, ifindex, true);
    want(s, NV_ROUTE, NV_AF_6, ifindex, true);
}

static void want_rules(struct nv_sync *s, const struct netvane_rec_link *link)
{
    want_again(s, NV_RULE);
    if (!nv_mirror_rules_name(s->mirror, link->name))
        return;
    want(s, NV_RULE, NV_AF_4, 0, true);
    want(s, NV_RULE, NV_AF_6, 0, true);
}

static void want_nexthops(struct nv_sync *s)
{
    if (s->mirror->draft.tree[NETVANE_TREE_NEXTHOPS].count || s->lane[NV_LANE_SMALL].active)
        want(s, NV_NEXTHOP, 0, 0, true);
}

static void want_link(void *sync, uint32_t ifindex)
{
    want(sync, NV_LINK, 0, ifindex, true);
}

static void want_links_beside(struct nv_sync *s, const struct netvane_rec_link *link)
{
    want_again(s, NV_LINK);
    nv_mirror_links_beside(s->mirror, link, want_link, s);
}

static void link_came(struct nv_sync *s, const struct netvane_rec_link *link)
{
    if (link->link && !(link->present & NETVANE_LF_HAS_LINK_NETNS))
        want_link(s, link->link); /* a veth's first end was announced without its peer */
    want_rules(s, link);
}

static void link_went(struct nv_sync *s, const struct netvane_rec_link *link)
{
    want_nexthops(s);
    want_routes(s, (uint32_t)link->key[0]);
    want_links_beside(s, link);
    want_rules(s, link);
}

static void carrier_moved(struct nv_sync *s, uint32_t ifindex)
{
    want_nexthops(s); /* first: what they take along goes at once */
    want_routes(s, ifindex);
    want(s, NV_ADDR, NV_AF_6, ifindex, true);
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
 * IPv6 goes from such a link, or comes; of the loopback, whose addresses may be kept, they are made tentative again by
 * whatever sends a message about it.
 */
static void small_mtu_told(struct nv_sync *s, uint32_t ifindex)
{
    want_routes_of(s, NV_AF_6, ifindex);
    want(s, NV_ADDR, NV_AF_6, ifindex, true);
    want_link(s, ifindex);
}

/*
 * A link's carrier shows in its flags at once, but the routes follow when the kernel's linkwatch runs, up to a second later. If
 * a dump showed the link meanwhile, or the carrier came back, the message of that moment says nothing that is not known.
 */
void nv_edge_link_again(struct nv_sync *s, uint32_t ifindex)
{
    struct netvane_rec_link link;
    bool known = nv_mirror_link(s->mirror, ifindex, &link);
    if (is_restless(&s->restless, ifindex, nv_clock_boottime_ns()) || (known && is_unready(&link)))
        carrier_moved(s, ifindex);
    if (known && link.mtu < LEAST_MTU6)
        small_mtu_told(s, ifindex);
}

static void link_changed(struct nv_sync *s, const struct netvane_rec_link *before,
                         const struct netvane_rec_link *after)
{
    const uint32_t up = NV_IFF_UP, watched = up | NV_IFF_RUNNING | NV_IFF_LOWER_UP;
    uint32_t ifindex = (uint32_t)after->key[0], flags = before->flags ^ after->flags;
    if (flags & watched || is_restless(&s->restless, ifindex, nv_clock_boottime_ns()) ||
        is_unready(after))
        carrier_moved(s, ifindex);
    if (flags & up && !(after->flags & up)) /* after it was asked whether it has routes */
        nv_mirror_link_went_down(s->mirror, ifindex);
    if (flags & watched || before->operstate != after->operstate ||
        before->master != after->master) {
        want_links_beside(s, after);
        if (before->master && before->master != after->master)
            want_link(s, before->master);
    }
    if (before->mtu != after->mtu)
        want_routes_of(s, NV_AF_6, ifindex);
    if (before->mtu < LEAST_MTU6 || after->mtu < LEAST_MTU6)
        small_mtu_told(s, ifindex);
    if (memcmp(before->name, after->name, sizeof(before->name))) {
        want_rules(s, before);
        want_rules(s, after);
    }
}

void nv_edge_link(struct nv_sync *s, const struct netvane_rec_link *before,
                  const struct netvane_rec_link *after)
{
    if (before && after && before->id == after->id) {
        link_changed(s, before, after);
        return;
    }
    if (before) /* the same index may be another link's by now */
        link_went(s, before);
    if (after)
        link_came(s, after);
}

/* Are there routes through the link that may be flagged otherwise, or have been, without a word? */
static bool has_wary_routes(const struct nv_sync *s, uint32_t ifindex)
{
    return s->lane[NV_LANE_ROUTES].active || nv_link_uses_any(&s->mirror->wary, ifindex);
}

/* May a new address, or its lifetimes, have changed routes of the link? */
static bool addr_reaches(const struct nv_sync *s, const struct nv_addr *f)
{
    if (f->family == NV_AF_4)
        return has_wary_routes(s, f->ifindex);
    return has_wary_routes(s, f->ifindex) || s->mirror->expiring6_count || f->valid_s != UINT32_MAX;
}

/* Where an address stands among its link's is told by dumps alone: of IPv6 it is announced when its DAD ends, not in order. */
void nv_edge_addr(struct nv_sync *s, const struct nv_addr *f, bool removed, bool changed)
{
    if (removed || addr_reaches(s, f))
        want_routes_of(s, f->family, f->ifindex);
    if (f->family == NV_AF_4) {
        want(s, NV_ADDR, NV_AF_4, f->ifindex, true);
        if (removed)
            nv_mirror_addr4_went(s->mirror, f->ifindex);
    } else if (changed && !removed) {
        want(s, NV_ADDR, NV_AF_6, f->ifindex, true);
    }
    if (f->family == NV_AF_6 && removed) {
        want_again(s, NV_ROUTE);
        nv_mirror_tables_preferring(s->mirror, f->local, want_table, s);
    }
}

void nv_edge_route(struct nv_sync *s, const struct nv_route *f, enum nv_effect effect)
{
    for (uint32_t i = 0; i < f->hop_count; i++)
        if (f->hops[i].flags & NV_RTNH_F_DOWN)
            remember_restless(&s->restless, f->hops[i].ifindex, nv_clock_boottime_ns());
    if (effect != NV_SUSPECT)
        return;
    struct nv_dump_request req = {.cls = NV_ROUTE, .family = f->family, .table = f->table};
    nv_sync_want(s, req, 0);
}

void nv_edge_route_told(struct nv_sync *s, const struct nv_route *f, enum nv_effect effect)
{
    nv_edge_route(s, f, effect);
    bool multicast6 = f->family == NV_AF_6 && f->dst_len == 8 && f->dst[0] == 0xff;
    if (multicast6 && effect != NV_SAME && f->hop_count && has_wary_routes(s, f->hops[0].ifindex))
        want(s, NV_ROUTE, NV_AF_6, f->hops[0].ifindex, true);
}

void nv_edge_bared(struct nv_sync *s, bool known)
{
    nv_mirror_bared_tables(s->mirror, known ? NULL : want_table, s);
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

void nv_edge_nexthop(struct nv_sync *s, uint32_t nhid, bool removed)
{
    want_again(s, NV_ROUTE);
    nv_mirror_tables_of_nexthop(s->mirror, nhid, want_table, s);
    if (removed)
        nv_mirror_routes_of_gone_nexthop(s->mirror, nhid);
}

void nv_edge_hint(struct nv_sync *s, const struct nv_event *ev)
{
    switch (ev->hint) {
    case NV_HINT_NETCONF: want_routes(s, ev->ifindex); break;
    case NV_HINT_RA: want_routes_of(s, NV_AF_6, ev->ifindex); break;
    case NV_HINT_NSID: want(s, NV_LINK, 0, 0, true); break;
    }
}
