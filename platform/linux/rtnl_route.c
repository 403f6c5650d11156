/* SPDX-License-Identifier: MIT */
/*
 * rtnl_route.c - RTM_NEWROUTE and RTM_DELROUTE to a route and its hops.
 *
 * Owns:      which attributes and flags of a route are state.
 * Assumes:   rtnl_decode.c has set the event's kind, and says whether the message answers a query.
 * Promises:  a route of one hop has its RTNH_F_* in `flags` and in that hop's flags, as the kernel sends them
 *            in rtm_flags. A route of a nexthop object has the hops that the kernel shows, which may be none.
 * Leaves:    resolving nexthop ids to the mirror.
 */
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nv/base.h"
#include "rtnl_attr.h"
#include "rtnl_decode.h"

/* What `ip -d route` prints as flags. The others say how the request was made or how to look. */
#define HOP_FLAGS                                                                        \
    (RTNH_F_DEAD | RTNH_F_PERVASIVE | RTNH_F_ONLINK | RTNH_F_OFFLOAD | RTNH_F_LINKDOWN | \
     RTNH_F_UNRESOLVED | RTNH_F_TRAP)
#define ROUTE_FLAGS (HOP_FLAGS | RTM_F_NOTIFY | RTM_F_OFFLOAD | RTM_F_TRAP | RTM_F_OFFLOAD_FAILED)

/* Lifetimes in rta_cacheinfo count clock ticks as user space sees them: USER_HZ, 100 everywhere. */
#define TICKS_PER_S 100

static void decode_via(struct rtnl_attrs *a, struct nv_hop *h)
{
    uint8_t
        via[sizeof(uint16_t) + 16]; /* as struct rtvia: a family, then an address of its length */
    uint16_t af;
    if (!rtnl_struct(a, RTA_VIA, &af, sizeof af))
        return;
    unsigned family = nv_rtnl_family(af);
    if (!family)
        return; /* a gateway of a family that the State does not hold */
    if (!rtnl_bytes(a, RTA_VIA, via, sizeof af + nv_af_bytes(family)))
        return;
    h->gw_family = (uint8_t)family;
    memcpy(h->gateway, via + sizeof af, nv_af_bytes(family));
}

static void decode_hop_attrs(struct nv_rtnl_decoder *d, struct rtnl_attrs *a, unsigned family,
                             struct nv_hop *h)
{
    if (rtnl_bytes(a, RTA_GATEWAY, h->gateway, nv_af_bytes(family)))
        h->gw_family = (uint8_t)family;
    decode_via(a, h);
    (void)rtnl_u32(a, RTA_FLOW, &h->realm);
    (void)rtnl_u16(a, RTA_ENCAP_TYPE, &h->encap_type);
    (void)rtnl_blob(a, RTA_ENCAP, &h->encap, &d->clipped);
}

/* Hops stand in a row like attributes, but with a header of their own, which libmnl does not know. */
static void decode_multipath(struct nv_rtnl_decoder *d, struct rtnl_attrs *a)
{
    struct nv_route *r = &d->route;
    const uint8_t *p = mnl_attr_get_payload(rtnl_get(a, RTA_MULTIPATH));
    size_t left = mnl_attr_get_payload_len(rtnl_get(a, RTA_MULTIPATH));
    r->multipath = true;
    while (left) {
        struct rtnexthop head;
        if (left < sizeof head) {
            a->bad = true;
            return;
        }
        memcpy(&head, p, sizeof head);
        if (head.rtnh_len < sizeof head || head.rtnh_len > left || head.rtnh_ifindex < 0) {
            a->bad = true;
            return;
        }
        if (r->hop_count == NV_HOPS_MAX) {
            d->clipped++;
            return;
        }
        struct nv_hop *h = &d->hops[r->hop_count++];
        *h = (struct nv_hop){
            .ifindex = (uint32_t)head.rtnh_ifindex,
            .weight = head.rtnh_hops + 1u,
            .flags = head.rtnh_flags & HOP_FLAGS,
        };
        struct rtnl_attrs hop_attrs;
        rtnl_parse_range(&hop_attrs, p + sizeof head, p + head.rtnh_len);
        decode_hop_attrs(d, &hop_attrs, r->family, h);
        if (hop_attrs.bad) {
            a->bad = true;
            return;
        }
        size_t step = nv_min_u64(RTNH_ALIGN(head.rtnh_len), left);
        p += step;
        left -= step;
    }
}

static void decode_hops(struct nv_rtnl_decoder *d, struct rtnl_attrs *a)
{
    struct nv_route *r = &d->route;
    r->hops = d->hops;
    if (rtnl_get(a, RTA_MULTIPATH)) {
        decode_multipath(d, a);
        return;
    }
    /* A blackhole may have a realm, or an encapsulation, and no link. */
    if (!rtnl_get(a, RTA_OIF) && !rtnl_get(a, RTA_GATEWAY) && !rtnl_get(a, RTA_VIA) &&
        !rtnl_get(a, RTA_FLOW) && !rtnl_get(a, RTA_ENCAP))
        return;
    struct nv_hop *h = &d->hops[0];
    *h = (struct nv_hop){.weight = 1, .flags = (uint8_t)(r->flags & HOP_FLAGS)};
    r->hop_count = 1;
    (void)rtnl_u32(a, RTA_OIF, &h->ifindex);
    decode_hop_attrs(d, a, r->family, h);
}

static void decode_metrics(struct nv_route *r, struct rtnl_attrs *a)
{
    if (!rtnl_get(a, RTA_METRICS))
        return;
    struct rtnl_attrs m;
    rtnl_parse_nested(a, RTA_METRICS, &m);
    for (unsigned type = 1; type < NV_METRICS_MAX; type++) {
        if (!rtnl_get(&m, type))
            continue;
        bool got = type == RTAX_CC_ALGO ? rtnl_name(&m, type, r->cc_algo)
                                        : rtnl_u32(&m, type, &r->metrics[type]);
        if (got)
            r->metric_mask |= 1u << type;
    }
    if (m.bad)
        a->bad = true;
}

static void decode_cacheinfo(struct nv_route *r, struct rtnl_attrs *a, int *ret_error)
{
    struct rta_cacheinfo ci;
    if (rtnl_struct(a, RTA_CACHEINFO, &ci, sizeof ci)) {
        int32_t ticks = (int32_t)ci.rta_expires;
        if (ticks) {
            r->has_expires = true;
            r->expires_s = ticks < 0 ? 0 : (uint32_t)ticks / TICKS_PER_S;
        }
        int32_t error = (int32_t)ci.rta_error;
        *ret_error = error < 0 && error > INT16_MIN ? -error : 0;
    }
    if (rtnl_u32(a, RTA_EXPIRES, &r->expires_s))
        r->has_expires = true;
}

/* The prefix of one end. False: the message has a length without the address, or too long a length. */
static bool decode_prefix(struct rtnl_attrs *a, unsigned type, unsigned family, uint8_t len,
                          uint8_t ret[16])
{
    bool got = rtnl_bytes(a, type, ret, nv_af_bytes(family));
    return (got || !len) && nv_rtnl_prefix(ret, family, len);
}

static enum nv_rtnl_verdict decode(struct nv_rtnl_decoder *d, const struct nlmsghdr *nlh,
                                   bool is_answer, struct nv_event *ev)
{
    const struct rtmsg *rtm = nv_rtnl_body(nlh, sizeof(struct rtmsg));
    if (!rtm)
        return NV_RTNL_MALFORMED;
    unsigned family = nv_rtnl_family(rtm->rtm_family);
    if (!family)
        return NV_RTNL_UNKNOWN;
    if ((rtm->rtm_flags & RTM_F_CLONED) && !is_answer)
        return NV_RTNL_IGNORED;

    struct nv_route *r = &d->route;
    memset(r, 0, sizeof *r);
    r->family = (uint8_t)family;
    r->dst_len = rtm->rtm_dst_len;
    r->src_len = rtm->rtm_src_len;
    r->tos = rtm->rtm_tos;
    r->type = rtm->rtm_type;
    r->protocol = rtm->rtm_protocol;
    r->scope = rtm->rtm_scope;
    r->table = rtm->rtm_table;
    r->flags = rtm->rtm_flags & ROUTE_FLAGS;

    struct rtnl_attrs a;
    rtnl_parse(&a, nlh, sizeof *rtm);
    d->unknown_attrs += a.strange;
    if (!decode_prefix(&a, RTA_DST, family, r->dst_len, r->dst) ||
        !decode_prefix(&a, RTA_SRC, family, r->src_len, r->src))
        return NV_RTNL_MALFORMED;
    (void)rtnl_u32(&a, RTA_TABLE, &r->table);
    (void)rtnl_u32(&a, RTA_PRIORITY, &r->metric);
    (void)rtnl_u32(&a, RTA_NH_ID, &r->nhid);
    (void)rtnl_u8(&a, RTA_PREF, &r->pref);
    r->has_prefsrc = rtnl_bytes(&a, RTA_PREFSRC, r->prefsrc, nv_af_bytes(family));
    decode_metrics(r, &a);
    decode_hops(d, &a);
    int error = 0;
    decode_cacheinfo(r, &a, &error);
    if (a.bad)
        return NV_RTNL_MALFORMED;

    ev->cls = NV_ROUTE;
    ev->route = r;
    if (is_answer)
        ev->error = error;
    return NV_RTNL_FACT;
}

enum nv_rtnl_verdict nv_rtnl_route(struct nv_rtnl_decoder *d, const struct nlmsghdr *nlh,
                                   struct nv_event *ev)
{
    if (!nv_rtnl_body(nlh, sizeof(struct rtmsg)))
        return NV_RTNL_MALFORMED;
    const struct nv_route *known = nv_rtnl_kin_find(&d->kin, nlh);
    if (known) {
        ev->cls = NV_ROUTE;
        ev->route = known;
        return NV_RTNL_FACT;
    }
    const uint64_t counted = d->unknown_attrs + d->clipped;
    enum nv_rtnl_verdict v = decode(d, nlh, false, ev);
    if (v == NV_RTNL_FACT && counted == d->unknown_attrs + d->clipped) /* else each is to count */
        nv_rtnl_kin_keep(&d->kin, &d->route);
    return v;
}

enum nv_rtnl_verdict nv_rtnl_decode_answer(struct nv_rtnl_decoder *d, const struct nlmsghdr *nlh,
                                           struct nv_event *ret_event)
{
    *ret_event = (struct nv_event){.kind = NV_EV_ANSWER, .cls = NV_ROUTE};
    if (nlh->nlmsg_len < NLMSG_HDRLEN)
        return NV_RTNL_MALFORMED;
    if (nlh->nlmsg_type != RTM_NEWROUTE)
        return NV_RTNL_UNKNOWN;
    return decode(d, nlh, true, ret_event);
}
