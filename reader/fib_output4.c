/* SPDX-License-Identifier: MIT */
/*
 * fib_output4.c - the way of an IPv4 packet that this host sends.
 *
 * linux/net/ipv4/route.c: ip_route_output_key_hash_rcu, __mkroute_output; fib_semantics.c: fib_select_path.
 */
#include "fib.h"

#define LIMITED_BROADCAST UINT32_MAX
#define LOOPBACK_ADDRESS  0x7f000001u
#define PROTO_IGMP        2
#define MTU_MIN           68 /* a link with less has no IPv4 (linux/net/ipv4/devinet.c) */

/* The packet leaves by this link, unless its source may not leave the host. */
static int leave(struct nv_fib *f, uint32_t ifindex, uint8_t type)
{
    struct netvane_rec_link link;
    f->ifindex = ifindex;
    f->type = type;
    if (nv_fib_is_loopback4(f->src4)) { /* route_localnet is taken to be 0 */
        int w = nv_link_find(&f->s, ifindex, &link);
        if (w == NV_TREE_OK && !(link.flags & NV_IFF_LOOPBACK))
            w = nv_fib_is_vrf(&f->s, &link) == NV_TREE_END ? NV_TREE_END : NV_TREE_OK;
        if (w != NV_TREE_OK)
            return w == NV_TREE_END ? nv_fib_end(f, NETVANE_FIB_MARTIAN) : w;
    }
    f->outcome = NETVANE_FIB_FOUND;
    f->gateway_used = f->found && f->hit.hop.gw_family;
    if (f->dst4 == LIMITED_BROADCAST) {
        f->type = NV_RTN_BROADCAST;
        f->gateway_used = false;
    } else if (nv_fib_is_multicast4(f->dst4)) {
        f->type = NV_RTN_MULTICAST;
        if (f->found && f->hit.len < 4) /* a default route gives multicast no gateway */
            f->gateway_used = false;
    }
    return NV_TREE_OK;
}

static int choose_source(struct nv_fib *f, uint32_t ifindex, uint32_t gateway, uint8_t scope)
{
    if (f->src4 || f->wishes & NETVANE_FIB_NO_SOURCE)
        return NV_TREE_OK;
    return nv_fib_source4(f, ifindex, gateway, scope, &f->src4);
}

/* The source was named: END where the way is decided by that. */
static int check_source(struct nv_fib *f, uint32_t oif)
{
    uint32_t ifindex;
    if (nv_fib_is_multicast4(f->src4) || f->src4 == LIMITED_BROADCAST) {
        nv_fib_end(f, NETVANE_FIB_MARTIAN);
        return NV_TREE_END;
    }
    int w = nv_fib_local4(f, f->src4, &ifindex);
    if (w == NV_TREE_END)
        nv_fib_end(f, NETVANE_FIB_NOT_MY_SOURCE);
    if (w != NV_TREE_OK)
        return w;
    if (oif || (!nv_fib_is_multicast4(f->dst4) && f->dst4 != LIMITED_BROADCAST))
        return NV_TREE_OK;
    w = leave(f, ifindex, NV_RTN_UNICAST);
    return w == NV_TREE_OK ? NV_TREE_END : w;
}

/* A link was named: END where the way is decided by that. */
static int check_link(struct nv_fib *f, uint32_t oif)
{
    struct netvane_rec_link link;
    int w = nv_link_find(&f->s, oif, &link);
    if (w == NV_TREE_END)
        nv_fib_end(f, NETVANE_FIB_NO_SUCH_LINK);
    if (w != NV_TREE_OK)
        return w;
    if (!(link.flags & NV_IFF_UP) || link.mtu < MTU_MIN) {
        nv_fib_end(f, NETVANE_FIB_LINK_DOWN);
        return NV_TREE_END;
    }
    if (f->dst4 >> 8 == 0xe00000 || f->dst4 == LIMITED_BROADCAST || f->ip_proto == PROTO_IGMP) {
        w = choose_source(f, oif, 0, NV_SCOPE_LINK);
        if (w == NV_TREE_OK)
            w = leave(f, oif, NV_RTN_UNICAST);
        return w == NV_TREE_OK ? NV_TREE_END : w;
    }
    if (nv_fib_is_multicast4(f->dst4))
        return choose_source(f, oif, 0, f->scope);
    return f->dst4 ? NV_TREE_OK : choose_source(f, oif, 0, NV_SCOPE_HOST);
}

/* To nowhere is to this host. */
static int to_self(struct nv_fib *f)
{
    f->dst4 = f->src4 ? f->src4 : LOOPBACK_ADDRESS;
    f->src4 = f->dst4;
    return leave(f, NV_LOOPBACK_IFINDEX, NV_RTN_LOCAL);
}

static int to_local(struct nv_fib *f)
{
    uint32_t l3mdev = 0;
    int w = f->hit.hop.ifindex == NV_LOOPBACK_IFINDEX
                ? NV_TREE_OK
                : nv_fib_l3mdev(&f->s, f->hit.hop.ifindex, &l3mdev);
    if (w != NV_TREE_OK)
        return w;
    if (!f->src4)
        f->src4 = nv_load_be32(f->hit.u.r4.prefsrc);
    if (!f->src4)
        f->src4 = f->dst4;
    return leave(f, l3mdev ? l3mdev : NV_LOOPBACK_IFINDEX, NV_RTN_LOCAL);
}

/* The table was of no use: with a link named, the destination is taken for on-link. */
static int without_route(struct nv_fib *f, uint32_t oif)
{
    f->found = false;
    if (!oif || (!nv_fib_is_multicast4(f->dst4) && f->l3mdev))
        return NV_TREE_OK;
    f->flags |= NETVANE_FIB_ASSUMED;
    int w = choose_source(f, oif, 0, NV_SCOPE_LINK);
    return w == NV_TREE_OK ? leave(f, oif, NV_RTN_UNICAST) : w;
}

/*
 * A nexthop object chooses its source when it is made, for a scope of its own (nexthop.c, nh_create_ipv4), and again for the
 * scope of the first route that uses it after addresses have changed.
 */
static int source_of_object(struct nv_fib *f)
{
    const struct netvane_rec_hop *hop = &f->hit.hop;
    const uint32_t gateway = nv_load_be32(hop->gateway);
    const uint8_t scope = hop->gw_family ? NV_SCOPE_LINK - 1 : NV_SCOPE_LINK;
    uint32_t later;
    int w = nv_fib_source4(f, hop->ifindex, gateway, scope, &f->src4);
    if (w == NV_TREE_OK)
        w = nv_fib_source4(f, hop->ifindex, gateway, f->hit.u.r4.scope, &later);
    if (w == NV_TREE_OK && later != f->src4)
        f->uncertain |= NETVANE_FIB_BY_HISTORY;
    return w;
}

/* The source for a route of a link: of that link's VRF. */
static int source_of_route(struct nv_fib *f)
{
    const struct netvane_rec_hop *hop = &f->hit.hop;
    uint32_t l3mdev;
    if (f->src4 || f->wishes & NETVANE_FIB_NO_SOURCE)
        return NV_TREE_OK;
    if (f->l3mdev) {
        int w = nv_fib_l3mdev(&f->s, hop->ifindex, &l3mdev);
        if (w != NV_TREE_OK || l3mdev != f->l3mdev)
            return w != NV_TREE_OK ? w : choose_source(f, f->l3mdev, 0, NV_SCOPE_LINK);
    }
    f->src4 = nv_load_be32(f->hit.u.r4.prefsrc);
    if (hop->nhid && !f->src4)
        return source_of_object(f);
    return choose_source(f, hop->ifindex, nv_load_be32(hop->gateway), f->hit.u.r4.scope);
}

int nv_fib_output4(struct nv_fib *f)
{
    const uint32_t oif = f->oif;
    int w = NV_TREE_OK;
    f->iif = NV_LOOPBACK_IFINDEX;
    if (f->src4)
        w = check_source(f, oif);
    if (w == NV_TREE_OK && oif)
        w = check_link(f, oif);
    if (w != NV_TREE_OK)
        return w == NV_TREE_END ? NV_TREE_OK : w;
    if (!f->dst4)
        return to_self(f);
    nv_store_be32(f->src, f->src4);
    w = nv_fib_lookup4(f);
    if (w != NV_TREE_OK)
        return w;
    if (f->outcome != NETVANE_FIB_FOUND)
        return without_route(f, oif);
    if (f->hit.type == NV_RTN_LOCAL)
        return to_local(f);
    w = nv_fib_choose4(f, true);
    if (w == NV_TREE_OK)
        w = source_of_route(f);
    return w == NV_TREE_OK ? leave(f, f->hit.hop.ifindex, f->hit.type) : w;
}
