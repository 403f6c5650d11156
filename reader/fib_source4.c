/* SPDX-License-Identifier: MIT */
/*
 * fib_source4.c - which IPv4 address a packet leaves with, and whether an address is one of this host.
 *
 * linux/net/ipv4/devinet.c: inet_select_addr, __ip_dev_find. A link's addresses are asked in the kernel's order, which
 * the State keeps as their position.
 */
#include "fib.h"

#define ADDR_SECONDARY 0x01u /* IFA_F_SECONDARY */

/* What is looked at of an address, where its record stands. */
struct candidate {
    uint32_t ip, net; /* net: of the subnet, or of the peer's */
    uint32_t flags, position, family, ifindex;
    uint8_t prefix_len, scope;
};

static struct candidate candidate_at(const unsigned char *r)
{
#define LOAD64(field) nv_load64(r + offsetof(struct netvane_rec_addr, field), memory_order_relaxed)
#define LOAD32(field) nv_load32(r + offsetof(struct netvane_rec_addr, field), memory_order_relaxed)
    const uint64_t key0 = LOAD64(key[0]);
    const uint32_t rest = LOAD32(prefix_len), peer = LOAD32(peer);
    uint8_t bytes[4], net[4];
    memcpy(bytes, &rest, sizeof(bytes));
    memcpy(net, &peer, sizeof(net));
    struct candidate a = {.ip = (uint32_t)LOAD64(key[2]),
                          .flags = LOAD32(flags),
                          .position = LOAD32(position),
                          .ifindex = (uint32_t)key0,
                          .family = (uint32_t)(key0 >> 32),
                          .prefix_len = bytes[0],
                          .scope = bytes[1]};
    a.net = LOAD32(present) & NETVANE_AF_HAS_PEER ? nv_load_be32(net) : a.ip;
    return a;
#undef LOAD64
#undef LOAD32
}

/* The best of one link: by position, with the subnet of the gateway first. */
struct best {
    uint32_t ip, position;
    bool found, near;
};

static bool is_near(const struct candidate *a, uint32_t gateway)
{
    const uint32_t mask = a->prefix_len ? UINT32_MAX << ((32 - a->prefix_len) & 31) : 0;
    return !gateway || !((gateway ^ a->net) & mask);
}

static void weigh(const struct candidate *a, uint32_t gateway, struct best *best)
{
    const bool near = is_near(a, gateway);
    if (best->found && (best->near != near ? best->near : best->position <= a->position))
        return;
    *best = (struct best){.ip = a->ip, .position = a->position, .found = true, .near = near};
}

static bool may_be(const struct candidate *a, uint8_t scope)
{
    return !(a->flags & ADDR_SECONDARY) &&
           (a->scope < NV_SCOPE_HOST ? a->scope : NV_SCOPE_HOST) <= scope;
}

/* Mostly the first address of a link is its best. False: all have to be weighed. */
static bool first_of_link(const struct nv_snap *s, uint32_t ifindex, uint32_t gateway,
                          uint8_t scope, uint32_t *ret_ip)
{
    const uint64_t key[4] = {(uint64_t)NV_AF_4 << 32 | ifindex, 0, 0, 0};
    const struct nv_tree t = nv_snap_tree(s, NETVANE_TREE_ADDRS);
    const unsigned char *record = nv_tree_lower_in(&t, NETVANE_TREE_ADDRS, key);
    if (!record)
        return false;
    const struct candidate a = candidate_at(record);
    *ret_ip = a.ip;
    return a.ifindex == ifindex && a.family == NV_AF_4 && !a.position && may_be(&a, scope) &&
           is_near(&a, gateway);
}

/* Of the link itself; a host's own scope never stands in the way (localnet_scope). */
static int of_link(const struct nv_snap *s, uint32_t ifindex, uint32_t gateway, uint8_t scope,
                   struct best *best)
{
    const uint64_t key[4] = {(uint64_t)NV_AF_4 << 32 | ifindex, 0, 0, 0};
    struct nv_cursor c;
    int w = nv_snap_seek(s, NETVANE_TREE_ADDRS, key, &c);
    while (w == NV_TREE_OK) {
        const unsigned char *r = nv_cursor_record(&c);
        if (!r)
            return NV_TREE_BAD;
        const struct candidate a = candidate_at(r);
        if (a.ifindex != ifindex || a.family != NV_AF_4)
            break;
        if (may_be(&a, scope))
            weigh(&a, gateway, best);
        if (best->near && !best->position) /* none can be better */
            break;
        w = nv_cursor_next(&c);
    }
    return w == NV_TREE_BAD ? w : NV_TREE_OK;
}

/*
 * Of any link of the same VRF, in order of ifindex: an address that is not only for its link. only: of this link alone
 * (0: of all). More than one link that has one: the kernel's order of links decides.
 */
static int of_others(struct nv_fib *f, uint32_t only, uint32_t l3mdev, uint8_t scope,
                     uint32_t *ret_ip)
{
    const uint64_t key[4] = {(uint64_t)NV_AF_4 << 32 | only, 0, 0, 0};
    struct nv_cursor c;
    struct best best = {.found = false};
    uint32_t now = 0, first = 0, domain = 0;
    int w = nv_snap_seek(&f->s, NETVANE_TREE_ADDRS, key, &c);
    *ret_ip = 0;
    for (; w == NV_TREE_OK; w = nv_cursor_next(&c)) {
        const unsigned char *r = nv_cursor_record(&c);
        if (!r)
            return NV_TREE_BAD;
        const struct candidate a = candidate_at(r);
        if (a.family != NV_AF_4 || (only && a.ifindex != only))
            break;
        if (a.flags & ADDR_SECONDARY || a.scope == NV_SCOPE_LINK || a.scope > scope)
            continue;
        if (now != a.ifindex) {
            if ((w = nv_fib_l3mdev(&f->s, a.ifindex, &domain)) != NV_TREE_OK)
                return w;
            now = a.ifindex;
            if (domain == l3mdev && first)
                break;
            if (domain == l3mdev)
                first = a.ifindex;
        }
        if (domain == l3mdev)
            weigh(&a, 0, &best);
    }
    if (w == NV_TREE_OK && now != first && first != NV_LOOPBACK_IFINDEX && domain == l3mdev &&
        best.ip)
        f->uncertain |= NETVANE_FIB_BY_ORDER; /* but the loopback is the first of every namespace */
    *ret_ip = best.ip;
    return w == NV_TREE_BAD ? w : NV_TREE_OK;
}

int nv_fib_source4(struct nv_fib *f, uint32_t ifindex, uint32_t gateway, uint8_t scope,
                   uint32_t *ret_ip)
{
    struct best best = {.found = false};
    uint32_t l3mdev;
    if (nv_likely(first_of_link(&f->s, ifindex, gateway, scope, ret_ip)))
        return NV_TREE_OK;
    int w = of_link(&f->s, ifindex, gateway, scope, &best);
    *ret_ip = best.ip;
    if (w != NV_TREE_OK || best.ip)
        return w;
    w = nv_fib_l3mdev(&f->s, ifindex, &l3mdev);
    if (w == NV_TREE_OK && l3mdev)
        w = of_others(f, l3mdev, l3mdev, scope, ret_ip);
    if (w == NV_TREE_OK && !*ret_ip)
        w = of_others(f, 0, l3mdev, scope, ret_ip);
    return w;
}

/* ---- is it mine? ------------------------------------------------------------------------------------------------ */

static int find_addr(const struct nv_snap *s, uint32_t ip, uint32_t *ret_ifindex, bool *ret_several)
{
    const uint64_t key[4] = {0, ip, (uint64_t)NV_AF_4 << 32, 0};
    struct netvane_rec_addr_by_ip r;
    struct nv_cursor c;
    uint32_t first = 0;
    int w = nv_snap_seek(s, NETVANE_TREE_ADDRS_BY_IP, key, &c);
    *ret_several = false;
    while (w == NV_TREE_OK && (w = nv_step(&c, &r)) == NV_TREE_OK && !r.key[0] && r.key[1] == ip &&
           r.key[2] >> 32 == NV_AF_4) {
        *ret_several = first && (uint32_t)r.key[2] != first;
        if (*ret_several)
            break;
        first = (uint32_t)r.key[2];
    }
    *ret_ifindex = first;
    return w == NV_TREE_BAD ? w : first ? NV_TREE_OK : NV_TREE_END;
}

bool nv_fib_is_addr4(const struct nv_snap *s, uint32_t ip, int *ret_walk)
{
    uint32_t ifindex;
    bool several;
    int w = find_addr(s, ip, &ifindex, &several);
    *ret_walk = w == NV_TREE_BAD ? w : NV_TREE_OK;
    return w == NV_TREE_OK;
}

/* As the kernel searches for an address that no link has: in table local, which may be one with main (fib_merged4.c). */
static int find_local_route(struct nv_fib *f, uint32_t ip, struct nv_fib_hit *ret_hit)
{
    struct nv_fib back;
    memset(&back, 0, sizeof(back));
    back.s = f->s;
    back.family = NV_AF_4;
    back.dst4 = ip;
    nv_store_be32(back.dst, ip);
    int local = nv_fib_table4(&back, NV_TABLE_LOCAL, ret_hit);
    if (local == NV_TREE_BAD)
        return local;
    int w = nv_fib_table4(&back, NV_TABLE_MAIN, &back.hit);
    if (w != NV_TREE_OK || (local == NV_TREE_OK && back.hit.len <= ret_hit->len))
        return w == NV_TREE_BAD ? w : local;
    const bool same = local == NV_TREE_OK && ret_hit->type == back.hit.type;
    w = same ? NV_TREE_END : nv_fib_rules_plain(f);
    if (w != NV_TREE_OK)
        return w == NV_TREE_BAD ? w : local;
    if (local == NV_TREE_OK || back.hit.type == NV_RTN_LOCAL)
        f->uncertain |= NETVANE_FIB_BY_HISTORY;
    *ret_hit = back.hit;
    return NV_TREE_OK;
}

int nv_fib_local4(struct nv_fib *f, uint32_t ip, uint32_t *ret_ifindex)
{
    struct nv_fib_hit hit;
    bool several;
    int w = find_addr(&f->s, ip, ret_ifindex, &several);
    if (w == NV_TREE_OK && several)
        f->uncertain |= NETVANE_FIB_BY_ORDER;
    if (w != NV_TREE_END)
        return w;
    w = find_local_route(f, ip, &hit);
    if (w == NV_TREE_OK && hit.type != NV_RTN_LOCAL)
        w = NV_TREE_END;
    *ret_ifindex = w == NV_TREE_OK ? hit.hop.ifindex : 0;
    return w;
}
