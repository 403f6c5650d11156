/* SPDX-License-Identifier: MIT */
/*
 * rtnl_decode.c - dispatch of rtnetlink messages; addresses, rules, nexthops, and hints.
 *
 * Owns:      which message types mean what.
 * Assumes:   what rtnl_decode.h assumes.
 * Promises:  a message that is not wholly understood gives no fact.
 * Leaves:    links to rtnl_link.c, routes to rtnl_route.c.
 */
#include "rtnl_decode.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/net_namespace.h>
#include <linux/netconf.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "netvane/region.h"
#include "nv/base.h"
#include "rtnl_attr.h"

/* Newer than the oldest headers this builds with. */
#define NV_FRA_DSCP 25 /* u8, Linux 6.12 */

unsigned nv_rtnl_family(unsigned af)
{
    return af == AF_INET ? NV_AF_4 : af == AF_INET6 ? NV_AF_6 : NV_AF_NONE;
}

bool nv_rtnl_prefix(uint8_t ret[16], unsigned family, unsigned prefix_len)
{
    size_t bytes = nv_af_bytes(family);
    if (prefix_len > bytes * 8)
        return false;
    size_t whole = prefix_len / 8;
    if (prefix_len % 8) {
        ret[whole] &= (uint8_t)(0xff00u >> (prefix_len % 8));
        whole++;
    }
    memset(ret + whole, 0, bytes - whole);
    return true;
}

/* ---- addresses ------------------------------------------------------------------------------------ */

/*
 * IFA_LOCAL is the host's own address and IFA_ADDRESS the peer's (IPv4: of the prefix). Where one of them
 * is missing it equals the other: so it is for every IPv6 address without a peer.
 */
static bool decode_own_and_peer(struct nv_addr *r, struct rtnl_attrs *a)
{
    size_t bytes = nv_af_bytes(r->family);
    bool local = rtnl_bytes(a, IFA_LOCAL, r->local, bytes);
    bool peer = rtnl_bytes(a, IFA_ADDRESS, r->peer, bytes);
    if (!local && !peer)
        return false;
    if (!local)
        memcpy(r->local, r->peer, bytes);
    if (!peer)
        memcpy(r->peer, r->local, bytes);
    r->has_peer = memcmp(r->local, r->peer, bytes) != 0;
    return true;
}

static enum nv_rtnl_verdict decode_addr(struct nv_rtnl_decoder *d, const struct nlmsghdr *nlh,
                                        struct nv_event *ev)
{
    const struct ifaddrmsg *ifa = nv_rtnl_body(nlh, sizeof(struct ifaddrmsg));
    if (!ifa)
        return NV_RTNL_MALFORMED;
    unsigned family = nv_rtnl_family(ifa->ifa_family);
    if (!family)
        return NV_RTNL_UNKNOWN;

    struct nv_addr *r = &d->addr;
    memset(r, 0, sizeof *r);
    r->ifindex = ifa->ifa_index;
    r->family = (uint8_t)family;
    r->prefix_len = ifa->ifa_prefixlen;
    r->scope = ifa->ifa_scope;
    r->flags = ifa->ifa_flags;
    if (!r->ifindex || r->prefix_len > nv_af_bytes(family) * 8)
        return NV_RTNL_MALFORMED;

    struct rtnl_attrs a;
    rtnl_parse(&a, nlh, sizeof *ifa);
    d->unknown_attrs += a.strange;
    if (!decode_own_and_peer(r, &a))
        return NV_RTNL_MALFORMED;
    (void)rtnl_u32(&a, IFA_FLAGS, &r->flags);
    (void)rtnl_u8(&a, IFA_PROTO, &r->protocol);
    r->has_metric = rtnl_u32(&a, IFA_RT_PRIORITY, &r->metric);
    if (family == NV_AF_4) {
        r->has_broadcast = rtnl_bytes(&a, IFA_BROADCAST, r->broadcast, sizeof r->broadcast);
        r->has_label = rtnl_name(&a, IFA_LABEL, r->label);
    }
    struct ifa_cacheinfo ci = {.ifa_prefered = UINT32_MAX, .ifa_valid = UINT32_MAX};
    (void)rtnl_struct(&a, IFA_CACHEINFO, &ci, sizeof ci);
    r->valid_s = ci.ifa_valid;
    r->preferred_s = ci.ifa_prefered;
    if (a.bad)
        return NV_RTNL_MALFORMED;

    ev->cls = NV_ADDR;
    ev->addr = r;
    return NV_RTNL_FACT;
}

/* ---- rules ---------------------------------------------------------------------------------------- */

static bool decode_rule_prefix(struct rtnl_attrs *a, unsigned type, unsigned family, uint8_t len,
                               uint8_t ret[16])
{
    bool got = rtnl_bytes(a, type, ret, nv_af_bytes(family));
    return (got || !len) && nv_rtnl_prefix(ret, family, len);
}

static bool decode_ports(struct rtnl_attrs *a, unsigned type, uint16_t *ret_start,
                         uint16_t *ret_end)
{
    struct fib_rule_port_range range;
    if (!rtnl_struct(a, type, &range, sizeof range))
        return false;
    *ret_start = range.start;
    *ret_end = range.end;
    return true;
}

/* The kernel sends both suppressors always; all ones mean none. */
static uint32_t decode_suppressors(struct nv_rule *r, struct rtnl_attrs *a)
{
    uint32_t present = 0;
    uint32_t v;
    if (rtnl_u32(a, FRA_SUPPRESS_PREFIXLEN, &v) && v != UINT32_MAX) {
        r->suppress_prefix_len = v;
        present |= NETVANE_UF_HAS_SUPPRESS_PREFIXLEN;
    }
    if (rtnl_u32(a, FRA_SUPPRESS_IFGROUP, &v) && v != UINT32_MAX) {
        r->suppress_ifgroup = v;
        present |= NETVANE_UF_HAS_SUPPRESS_IFGROUP;
    }
    return present;
}

static void decode_selectors(struct nv_rule *r, struct rtnl_attrs *a)
{
    uint8_t u8 = 0;
    struct fib_rule_uid_range uids;
    uint8_t tun_id[8];
    if (rtnl_u32(a, FRA_FWMARK, &r->fwmark)) {
        r->present |= NETVANE_UF_HAS_FWMARK;
        r->fwmask = UINT32_MAX;
    }
    if (rtnl_u32(a, FRA_FWMASK, &r->fwmask))
        r->present |= NETVANE_UF_HAS_FWMARK;
    if (rtnl_struct(a, FRA_UID_RANGE, &uids, sizeof uids)) {
        r->uid_start = uids.start;
        r->uid_end = uids.end;
        r->present |= NETVANE_UF_HAS_UID;
    }
    if (decode_ports(a, FRA_SPORT_RANGE, &r->sport_start, &r->sport_end))
        r->present |= NETVANE_UF_HAS_SPORT;
    if (decode_ports(a, FRA_DPORT_RANGE, &r->dport_start, &r->dport_end))
        r->present |= NETVANE_UF_HAS_DPORT;
    if (rtnl_bytes(a, FRA_TUN_ID, tun_id, sizeof tun_id)) {
        r->tun_id = nv_load_be64(tun_id);
        r->present |= NETVANE_UF_HAS_TUN_ID;
    }
    if (rtnl_u8(a, FRA_L3MDEV, &u8) && u8)
        r->present |= NETVANE_UF_L3MDEV;
    /* A rule has either a TOS or a DSCP; the upper six bits of the TOS byte are the DSCP. */
    if (rtnl_u8(a, NV_FRA_DSCP, &u8) && !r->tos)
        r->tos = (uint8_t)(u8 << 2);
    (void)rtnl_name(a, FRA_IIFNAME, r->iif);
    (void)rtnl_name(a, FRA_OIFNAME, r->oif);
    (void)rtnl_u8(a, FRA_IP_PROTO, &r->ip_proto);
}

static uint32_t decode_rule_flags(uint32_t flags)
{
    uint32_t present = 0;
    if (flags & FIB_RULE_INVERT)
        present |= NETVANE_UF_INVERT;
    if (flags & FIB_RULE_UNRESOLVED)
        present |= NETVANE_UF_UNRESOLVED;
    if (flags & FIB_RULE_IIF_DETACHED)
        present |= NETVANE_UF_IIF_DETACHED;
    if (flags & FIB_RULE_OIF_DETACHED)
        present |= NETVANE_UF_OIF_DETACHED;
    return present;
}

static enum nv_rtnl_verdict decode_rule(struct nv_rtnl_decoder *d, const struct nlmsghdr *nlh,
                                        struct nv_event *ev)
{
    const struct fib_rule_hdr *frh = nv_rtnl_body(nlh, sizeof(struct fib_rule_hdr));
    if (!frh)
        return NV_RTNL_MALFORMED;
    unsigned family = nv_rtnl_family(frh->family);
    if (!family)
        return NV_RTNL_UNKNOWN;

    struct nv_rule *r = &d->rule;
    memset(r, 0, sizeof *r);
    r->family = (uint8_t)family;
    r->src_len = frh->src_len;
    r->dst_len = frh->dst_len;
    r->tos = frh->tos;
    r->action = frh->action;
    r->table = frh->table;
    r->present = decode_rule_flags(frh->flags);

    struct rtnl_attrs a;
    rtnl_parse(&a, nlh, sizeof *frh);
    d->unknown_attrs += a.strange;
    if (!decode_rule_prefix(&a, FRA_SRC, family, r->src_len, r->src) ||
        !decode_rule_prefix(&a, FRA_DST, family, r->dst_len, r->dst))
        return NV_RTNL_MALFORMED;
    (void)rtnl_u32(&a, FRA_PRIORITY, &r->priority);
    (void)rtnl_u32(&a, FRA_TABLE, &r->table);
    (void)rtnl_u32(&a, FRA_GOTO, &r->target);
    (void)rtnl_u32(&a, FRA_FLOW, &r->realms);
    (void)rtnl_u8(&a, FRA_PROTOCOL, &r->protocol);
    r->present |= decode_suppressors(r, &a);
    decode_selectors(r, &a);
    if (a.bad)
        return NV_RTNL_MALFORMED;

    ev->cls = NV_RULE;
    ev->rule = r;
    return NV_RTNL_FACT;
}

/* ---- nexthops ------------------------------------------------------------------------------------- */

static void decode_members(struct nv_rtnl_decoder *d, struct rtnl_attrs *a)
{
    struct nv_nexthop *r = &d->nexthop;
    const uint8_t *group = mnl_attr_get_payload(rtnl_get(a, NHA_GROUP));
    uint32_t len = mnl_attr_get_payload_len(rtnl_get(a, NHA_GROUP));
    struct nexthop_grp one;
    if (!len || len % sizeof one) {
        a->bad = true;
        return;
    }
    for (uint32_t at = 0; at < len; at += (uint32_t)sizeof one) {
        if (r->member_count == NV_MEMBERS_MAX) {
            d->clipped++;
            return;
        }
        /* The byte behind `weight` is the upper half of the weight since Linux 6.12, and zero before. */
        memcpy(&one, group + at, sizeof one);
        uint32_t high = group[at + offsetof(struct nexthop_grp, weight) + 1];
        d->members[r->member_count++] = (struct nv_member){one.id, (high << 8 | one.weight) + 1};
    }
}

static void decode_resilient(struct nv_nexthop *r, struct rtnl_attrs *a)
{
    struct rtnl_attrs res;
    uint16_t buckets = 0;
    rtnl_parse_nested(a, NHA_RES_GROUP, &res);
    if (rtnl_u16(&res, NHA_RES_GROUP_BUCKETS, &buckets))
        r->buckets = buckets;
    (void)rtnl_u32(&res, NHA_RES_GROUP_IDLE_TIMER, &r->idle_timer);
    (void)rtnl_u32(&res, NHA_RES_GROUP_UNBALANCED_TIMER, &r->unbalanced_timer);
    if (res.bad)
        a->bad = true;
}

static enum nv_rtnl_verdict decode_nexthop(struct nv_rtnl_decoder *d, const struct nlmsghdr *nlh,
                                           struct nv_event *ev)
{
    const struct nhmsg *nhm = nv_rtnl_body(nlh, sizeof(struct nhmsg));
    if (!nhm)
        return NV_RTNL_MALFORMED;
    unsigned family = nv_rtnl_family(nhm->nh_family);
    if (!family && nhm->nh_family != AF_UNSPEC)
        return NV_RTNL_UNKNOWN;

    struct nv_nexthop *r = &d->nexthop;
    memset(r, 0, sizeof *r);
    r->family = (uint8_t)family;
    r->scope = nhm->nh_scope;
    r->protocol = nhm->nh_protocol;
    r->flags = nhm->nh_flags;

    struct rtnl_attrs a;
    rtnl_parse(&a, nlh, sizeof *nhm);
    d->unknown_attrs += a.strange;
    if (!rtnl_u32(&a, NHA_ID, &r->id) || !r->id)
        return NV_RTNL_MALFORMED;
    if (family && rtnl_bytes(&a, NHA_GATEWAY, r->gateway, nv_af_bytes(family)))
        r->gw_family = (uint8_t)family;
    (void)rtnl_u32(&a, NHA_OIF, &r->ifindex);
    (void)rtnl_u16(&a, NHA_ENCAP_TYPE, &r->encap_type);
    (void)rtnl_blob(&a, NHA_ENCAP, &r->encap, &d->clipped);
    (void)rtnl_u16(&a, NHA_GROUP_TYPE, &r->group_type);
    if (rtnl_get(&a, NHA_BLACKHOLE))
        r->present |= NETVANE_NF_BLACKHOLE;
    if (rtnl_get(&a, NHA_FDB))
        r->present |= NETVANE_NF_FDB;
    r->members = d->members;
    if (rtnl_get(&a, NHA_GROUP)) {
        r->present |= NETVANE_NF_GROUP;
        decode_members(d, &a);
    }
    if (rtnl_get(&a, NHA_RES_GROUP))
        decode_resilient(r, &a);
    if (a.bad)
        return NV_RTNL_MALFORMED;

    ev->cls = NV_NEXTHOP;
    ev->nexthop = r;
    return NV_RTNL_FACT;
}

/* ---- hints ---------------------------------------------------------------------------------------- */

static enum nv_rtnl_verdict decode_netconf(const struct nlmsghdr *nlh, struct nv_event *ev)
{
    const struct netconfmsg *ncm = nv_rtnl_body(nlh, sizeof(struct netconfmsg));
    if (!ncm)
        return NV_RTNL_MALFORMED;
    if (!nv_rtnl_family(ncm->ncm_family))
        return NV_RTNL_UNKNOWN;

    struct rtnl_attrs a;
    uint32_t ifindex = 0;
    rtnl_parse(&a, nlh, sizeof *ncm);
    (void)rtnl_u32(&a, NETCONFA_IFINDEX, &ifindex);
    if (a.bad)
        return NV_RTNL_MALFORMED;
    ev->kind = NV_EV_HINT;
    ev->hint = NV_HINT_NETCONF;
    /* NETCONFA_IFINDEX_ALL and _DEFAULT are negative */
    ev->ifindex = ifindex > INT32_MAX ? 0 : ifindex;
    return NV_RTNL_FACT;
}

/* A router advertisement came: for its preferences, lifetimes of routes and hop limit there is no other event. */
static enum nv_rtnl_verdict decode_prefix(const struct nlmsghdr *nlh, struct nv_event *ev)
{
    const struct prefixmsg *pm = nv_rtnl_body(nlh, sizeof(struct prefixmsg));
    if (!pm || pm->prefix_ifindex <= 0)
        return NV_RTNL_MALFORMED;
    ev->kind = NV_EV_HINT;
    ev->hint = NV_HINT_RA;
    ev->ifindex = (uint32_t)pm->prefix_ifindex;
    return NV_RTNL_FACT;
}

static enum nv_rtnl_verdict decode_nsid(const struct nlmsghdr *nlh, struct nv_event *ev)
{
    if (!nv_rtnl_body(nlh, sizeof(struct rtgenmsg)))
        return NV_RTNL_MALFORMED;
    ev->kind = NV_EV_HINT;
    ev->hint = NV_HINT_NSID;
    return NV_RTNL_FACT;
}

/* ---- dispatch ------------------------------------------------------------------------------------- */

static uint32_t list_bits(unsigned flags)
{
    return (flags & NLM_F_REPLACE ? NV_LIST_REPLACE : 0) |
           (flags & NLM_F_APPEND ? NV_LIST_APPEND : 0) |
           (flags & NLM_F_CREATE ? NV_LIST_CREATE : 0) | (flags & NLM_F_EXCL ? NV_LIST_EXCL : 0);
}

enum nv_rtnl_verdict nv_rtnl_decode(struct nv_rtnl_decoder *d, const struct nlmsghdr *nlh,
                                    struct nv_event *ret_event)
{
    struct nv_event *ev = ret_event;
    *ev = (struct nv_event){.kind = NV_EV_UPSERT};
    if (nlh->nlmsg_len < NLMSG_HDRLEN)
        return NV_RTNL_MALFORMED;

    switch (nlh->nlmsg_type) {
    case RTM_DELLINK:
    case RTM_DELADDR:
    case RTM_DELROUTE:
    case RTM_DELRULE:
    case RTM_DELNEXTHOP: ev->kind = NV_EV_REMOVE; break;
    case RTM_NEWLINK:
    case RTM_NEWADDR:
    case RTM_NEWROUTE:
    case RTM_NEWRULE:
    case RTM_NEWNEXTHOP:
        ev->list = list_bits(nlh->nlmsg_flags); /* in a removal these bits mean other things */
        break;
    default: break;
    }

    switch (nlh->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: return nv_rtnl_link(d, nlh, ev);
    case RTM_NEWADDR:
    case RTM_DELADDR: return decode_addr(d, nlh, ev);
    case RTM_NEWROUTE:
    case RTM_DELROUTE: return nv_rtnl_route(d, nlh, ev);
    case RTM_NEWRULE:
    case RTM_DELRULE: return decode_rule(d, nlh, ev);
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP: return decode_nexthop(d, nlh, ev);
    case RTM_NEWNETCONF:
    case RTM_DELNETCONF: return decode_netconf(nlh, ev);
    case RTM_NEWNSID:
    case RTM_DELNSID: return decode_nsid(nlh, ev);
    case RTM_NEWPREFIX: return decode_prefix(nlh, ev);
    case RTM_NEWNEXTHOPBUCKET:
    case RTM_DELNEXTHOPBUCKET:
    case NLMSG_NOOP: return NV_RTNL_IGNORED;
    default: return NV_RTNL_UNKNOWN;
    }
}
