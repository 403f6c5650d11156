/* SPDX-License-Identifier: MIT */
/*
 * fib_input4.c - the way of an IPv4 packet that came in by a link.
 *
 * linux/net/ipv4/route.c: ip_route_input_rcu, ip_route_input_slow, __mkroute_input; fib_frontend.c: fib_validate_source,
 * with rp_filter, accept_local, route_localnet and src_valid_mark 0, and send_redirects 1.
 */
#include "fib.h"

#define PROTO_KERNEL 2 /* RTPROT_KERNEL */

/*
 * Where would an answer go, that came in by the link `out` (0: by the loopback) into the VRF of f->iif? A source that is one of
 * this host's own, or no host's, is not believed: END.
 */
static int full_check(const struct nv_fib *f, uint32_t out)
{
    struct nv_fib back = *f;
    back.dst4 = f->src4;
    back.src4 = f->dst4;
    memcpy(back.dst, f->src, sizeof(back.dst));
    memcpy(back.src, f->dst, sizeof(back.src));
    back.iif = out ? out : NV_LOOPBACK_IFINDEX;
    back.oif = 0;
    back.mark = 0;
    back.uid = 0;
    back.sport = f->dport;
    back.dport = f->sport;
    int w = nv_fib_l3mdev(&f->s, f->iif, &back.l3mdev);
    if (w == NV_TREE_OK)
        w = nv_fib_lookup4(&back);
    if (w != NV_TREE_OK)
        return w;
    return back.outcome != NETVANE_FIB_FOUND || back.hit.type == NV_RTN_UNICAST ? NV_TREE_OK
                                                                                : NV_TREE_END;
}

/*
 * Did somebody other than the kernel add a route of type local? Then the kernel trusts no shortcut (inet_rtm_newroute). Only
 * table local is searched.
 */
static int has_custom_local(const struct nv_fib *f)
{
    const uint64_t key[2] = {(uint64_t)NV_TABLE_LOCAL << 32, 0};
    struct netvane_rec_route4 r;
    struct nv_cursor c;
    int w = nv_snap_seek(&f->s, NETVANE_TREE_ROUTES4, key, &c);
    while (w == NV_TREE_OK && (w = nv_step(&c, &r)) == NV_TREE_OK &&
           r.key[0] >> 32 == NV_TABLE_LOCAL)
        if (r.type == NV_RTN_LOCAL && r.protocol != PROTO_KERNEL)
            return NV_TREE_OK;
    return w == NV_TREE_BAD ? w : NV_TREE_END;
}

/*
 * OK: the source may be; END: it is a martian. out: the link that the packet will leave by. Without rules and routes of its
 * own the kernel only looks whether the source is an address of this host.
 */
static int check_source(struct nv_fib *f, uint32_t out)
{
    int w = NV_TREE_END;
    if (out != f->iif)
        w = nv_fib_rules_plain(f);
    if (w != NV_TREE_OK)
        return w == NV_TREE_END ? full_check(f, out) : w;
    const bool mine = nv_fib_is_addr4(&f->s, f->src4, &w);
    if (w != NV_TREE_OK || mine)
        return w != NV_TREE_OK ? w : NV_TREE_END;
    w = full_check(f, out);
    if (w != NV_TREE_END)
        return w;
    w = has_custom_local(f);
    if (w != NV_TREE_END)
        return w == NV_TREE_OK ? NV_TREE_END : w;
    f->uncertain |= NETVANE_FIB_BY_HISTORY; /* there may have been some */
    return NV_TREE_OK;
}

/* The packet is for this host. */
static int take(struct nv_fib *f, uint32_t ifindex, uint8_t type)
{
    f->ifindex = ifindex;
    f->type = type;
    f->outcome = NETVANE_FIB_FOUND;
    return NV_TREE_OK;
}

static int take_broadcast(struct nv_fib *f)
{
    int w = NV_TREE_OK;
    if (f->src4) {
        const uint32_t dst4 = f->dst4;
        f->dst4 = 0;
        w = check_source(f, 0);
        f->dst4 = dst4;
    }
    if (w == NV_TREE_END)
        return nv_fib_end(f, NETVANE_FIB_MARTIAN);
    return w == NV_TREE_OK ? take(f, NV_LOOPBACK_IFINDEX, NV_RTN_BROADCAST) : w;
}

static int take_local(struct nv_fib *f)
{
    uint32_t l3mdev = 0;
    int w = check_source(f, 0);
    if (w == NV_TREE_END)
        return nv_fib_end(f, NETVANE_FIB_MARTIAN);
    if (w == NV_TREE_OK)
        w = nv_fib_l3mdev(&f->s, f->hit.hop.ifindex, &l3mdev);
    return w == NV_TREE_OK ? take(f, l3mdev ? l3mdev : NV_LOOPBACK_IFINDEX, NV_RTN_LOCAL) : w;
}

static int forward(struct nv_fib *f)
{
    if (!(f->wishes & NETVANE_FIB_FORWARDING))
        return nv_fib_end(f, NETVANE_FIB_UNREACHABLE);
    if (f->hit.type != NV_RTN_UNICAST)
        return nv_fib_end(f, NETVANE_FIB_MARTIAN);
    int w = nv_fib_choose4(f, false);
    if (w == NV_TREE_OK)
        w = check_source(f, f->hit.hop.ifindex);
    if (w == NV_TREE_END)
        return nv_fib_end(f, NETVANE_FIB_MARTIAN);
    f->gateway_used = f->hit.hop.gw_family;
    return w == NV_TREE_OK ? take(f, f->hit.hop.ifindex, NV_RTN_UNICAST) : w;
}

int nv_fib_input4(struct nv_fib *f)
{
    struct netvane_rec_link link;
    int w = nv_link_find(&f->s, f->iif, &link);
    if (w != NV_TREE_OK)
        return w == NV_TREE_END ? nv_fib_end(f, NETVANE_FIB_NO_SUCH_LINK) : w;
    f->oif = 0;
    f->uid = 0;
    if (nv_fib_is_multicast4(f->dst4)) {
        f->uncertain |= NETVANE_FIB_BY_GROUPS;
        return take(f, NV_LOOPBACK_IFINDEX, NV_RTN_MULTICAST);
    }
    if (nv_fib_is_multicast4(f->src4) || f->src4 == UINT32_MAX)
        return nv_fib_end(f, NETVANE_FIB_MARTIAN);
    if (f->dst4 == UINT32_MAX || (!f->src4 && !f->dst4))
        return take_broadcast(f);
    if (!f->src4 || !f->dst4 || nv_fib_is_loopback4(f->dst4) || nv_fib_is_loopback4(f->src4))
        return nv_fib_end(f, NETVANE_FIB_MARTIAN);
    w = nv_fib_lookup4(f);
    if (w != NV_TREE_OK)
        return w;
    if (f->outcome != NETVANE_FIB_FOUND)
        return f->wishes & NETVANE_FIB_FORWARDING ? NV_TREE_OK
                                                  : nv_fib_end(f, NETVANE_FIB_UNREACHABLE);
    if (f->hit.type == NV_RTN_BROADCAST)
        return take_broadcast(f);
    return f->hit.type == NV_RTN_LOCAL ? take_local(f) : forward(f);
}
