/* SPDX-License-Identifier: MIT */
/*
 * fib_way6.c - the way of an IPv6 packet, be it sent by this host or come in by a link.
 *
 * linux/net/ipv6/route.c: ip6_route_output_flags_noref, ip6_route_input_lookup, ip6_pol_route, rt6_fill_node.
 */
#include "fib.h"

/* rt6_need_strict: multicast, link-local, ::1 */
static bool needs_link(const uint8_t ip[16])
{
    static const uint8_t loopback[16] = {[15] = 1};
    return ip[0] == 0xff || (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80) || !memcmp(ip, loopback, 16);
}

/* Local packets stay: in their VRF, else on the loopback. */
static int link_of_local(struct nv_fib *f, uint32_t ifindex)
{
    uint32_t l3mdev = 0;
    int w = ifindex == NV_LOOPBACK_IFINDEX ? NV_TREE_OK : nv_fib_l3mdev(&f->s, ifindex, &l3mdev);
    f->ifindex = l3mdev ? l3mdev : NV_LOOPBACK_IFINDEX;
    return w;
}

/* The source that a socket would get: that of the route, else the best for the link of its (first) hop. */
static int choose_source(struct nv_fib *f)
{
    static const uint8_t none[16];
    struct nv_fib_hops hops;
    uint32_t ifindex = f->hit.hop.ifindex;
    memcpy(f->source, f->hit.u.r6.prefsrc, sizeof(f->source));
    if (memcmp(f->source, none, sizeof(none)) || f->input || f->wishes & NETVANE_FIB_NO_SOURCE)
        return NV_TREE_OK;
    if (f->hit.hop.nhid && f->hit.hop_count > 1) { /* fib6_info_nh_dev of a group */
        struct netvane_rec_hop first;
        if (nv_fib_hops_open(&f->s, f->hit.set, &hops) != NV_TREE_OK ||
            nv_fib_hops_at(&f->s, &hops, 0, &first) != NV_TREE_OK)
            return NV_TREE_BAD;
        ifindex = first.ifindex;
    }
    int w = nv_fib_source6(f, ifindex, f->source);
    return w == NV_TREE_BAD ? w : NV_TREE_OK;
}

/* Another route of the prefix may win where the router of this one does not answer. */
static void note_neighbour(struct nv_fib *f)
{
    if (f->hit.hop.gw_family && (f->hit.hop_count > 1 || f->hit.len < 128))
        f->uncertain |= NETVANE_FIB_BY_NEIGHBOUR;
}

int nv_fib_way6(struct nv_fib *f)
{
    struct netvane_rec_link link;
    int w = NV_TREE_OK;
    f->strict = needs_link(f->dst);
    f->input = f->iif;
    if (f->input) {
        w = nv_link_find(&f->s, f->iif, &link);
        f->prefer = f->iif;
        f->oif = 0;
    } else {
        f->iif = NV_LOOPBACK_IFINDEX;
        f->prefer = f->oif;
        f->strict |= f->oif && !f->has_src;
    }
    if (w == NV_TREE_END)
        f->outcome = NETVANE_FIB_NO_SUCH_LINK;
    if (w != NV_TREE_OK)
        return w == NV_TREE_END ? NV_TREE_OK : w;
    w = nv_fib_rules(f);
    if (w != NV_TREE_OK || f->outcome != NETVANE_FIB_FOUND)
        return w == NV_TREE_BAD ? w : NV_TREE_OK;
    f->type = f->hit.type;
    f->ifindex = f->hit.hop.ifindex;
    f->gateway_used = f->hit.hop.gw_family;
    note_neighbour(f);
    if (f->type == NV_RTN_LOCAL || f->type == NV_RTN_ANYCAST)
        w = link_of_local(f, f->hit.hop.ifindex);
    return w == NV_TREE_OK ? choose_source(f) : w;
}
