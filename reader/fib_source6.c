/* SPDX-License-Identifier: MIT */
/*
 * fib_source6.c - which IPv6 address a packet leaves with: the rules of RFC 6724, as the kernel has them.
 *
 * linux/net/ipv6/addrconf.c (ipv6_dev_get_saddr, ipv6_get_saddr_eval), addrlabel.c (the labels it begins with).
 * Each candidate gets one number, in which an earlier rule has the higher bits; the greatest wins, of equals the first.
 */
#include "fib.h"

enum {
    ADDR_TEMPORARY = 0x01, /* IFA_F_* */
    ADDR_OPTIMISTIC = 0x04,
    ADDR_DEPRECATED = 0x20,
    ADDR_TENTATIVE = 0x40,
    SCOPE_LINK = 2, /* IPV6_ADDR_SCOPE_* of linux/net/ipv6.h */
    SCOPE_SITE = 5,
    SCOPE_GLOBAL = 14
};

static bool is_mapped(const uint8_t ip[16]) /* ::ffff:0:0/96 */
{
    return !nv_load_be64(ip) && nv_load_be32(ip + 8) == 0xffff;
}

static bool is_compat(const uint8_t ip[16]) /* ::/96, ::1 too */
{
    return !nv_load_be64(ip) && !nv_load_be32(ip + 8);
}

static bool is_loopback(const uint8_t ip[16])
{
    return is_compat(ip) && nv_load_be32(ip + 12) == 1;
}

static bool is_unspecified(const uint8_t ip[16])
{
    return !nv_load_be64(ip) && !nv_load_be64(ip + 8);
}

static bool is_orchid(const uint8_t ip[16]) /* 2001:10::/28 */
{
    return nv_load_be32(ip) >> 4 == 0x2001001;
}

/* linux/net/ipv6/addrconf_core.c, __ipv6_addr_type */
static int scope_of(const uint8_t ip[16])
{
    if (ip[0] == 0xff)
        return ip[1] & 0xf;
    if (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80)
        return SCOPE_LINK;
    if (ip[0] == 0xfe && (ip[1] & 0xc0) == 0xc0)
        return SCOPE_SITE;
    if (is_unspecified(ip))
        return -1;
    return is_loopback(ip) ? SCOPE_LINK : SCOPE_GLOBAL;
}

/* The policy table that a namespace begins with; `ip addrlabel` lists it. */
static unsigned label_of(const uint8_t ip[16])
{
    const uint32_t head = nv_load_be32(ip);
    if (is_loopback(ip))
        return 0;
    if (is_mapped(ip))
        return 4;
    if (is_compat(ip))
        return 3;
    if (head == 0x20010000)
        return 6; /* 2001::/32, Teredo */
    if (is_orchid(ip))
        return 7;
    if (head >> 16 == 0x2002)
        return 2; /* 6to4 */
    if (head >> 16 == 0x3ffe)
        return 12;
    if (head >> 22 == 0xfec0 >> 6)
        return 11;
    return head >> 25 == 0xfc >> 1 ? 5 : 1;
}

static unsigned common_bits(const uint8_t a[16], const uint8_t b[16])
{
    for (unsigned i = 0; i < 16; i += 8) {
        const uint64_t x = nv_load_be64(a + i) ^ nv_load_be64(b + i);
        if (x)
            return i * 8 + (unsigned)__builtin_clzll(x);
    }
    return 128;
}

/* What a destination asks for. */
struct target {
    const uint8_t *ip;
    uint32_t ifindex;
    int scope;
    unsigned label;
    bool temporary;
};

static uint32_t score(const struct target *t, const struct netvane_rec_addr *r,
                      const uint8_t ip[16])
{
    const int scope = scope_of(ip);
    const bool special = is_compat(ip) || is_mapped(ip); /* ipv6_saddr_preferred */
    const bool avoided = r->flags & (ADDR_DEPRECATED | ADDR_OPTIMISTIC);
    unsigned bits = common_bits(ip, t->ip);
    if (bits > r->prefix_len)
        bits = r->prefix_len;
    uint32_t n = !memcmp(ip, t->ip, 16); /* rule 1: the same address */
    n = n << 8 | (uint32_t)((scope >= t->scope ? -scope : scope - 128) + 192); /* 2: scope */
    n = n << 1 | (special || !avoided);                                        /* 3 */
    n = n << 1 | (!t->ifindex || t->ifindex == (uint32_t)r->key[0]);           /* 5: the link */
    n = n << 1 | (label_of(ip) == t->label);                                   /* 6 */
    n = n << 1 | (!(r->flags & ADDR_TEMPORARY) != t->temporary);               /* 7 */
    n = n << 1 | (is_orchid(ip) == is_orchid(t->ip));
    n = n << 8 | bits; /* 8: the longest prefix */
    return n << 1 | !(r->flags & ADDR_OPTIMISTIC);
}

/* The best so far. */
struct best {
    uint32_t score, position, ifindex;
    bool found, tie;
    uint8_t ip[16];
};

static bool is_candidate(const struct netvane_rec_addr *r, const uint8_t ip[16])
{
    return !(r->flags & ADDR_TENTATIVE && !(r->flags & ADDR_OPTIMISTIC)) && ip[0] != 0xff &&
           !is_unspecified(ip);
}

/* Of equals the kernel takes the first of its list: of a link by position, else by the link. */
static bool is_better(const struct best *best, uint32_t n, const struct netvane_rec_addr *r)
{
    if (!best->found || n != best->score)
        return !best->found || n > best->score;
    return best->ifindex == (uint32_t)r->key[0] && r->position < best->position;
}

/* Of one link, or (ifindex 0) of all others of its VRF, or of none. */
static int of_links(struct nv_fib *f, uint32_t ifindex, uint32_t l3mdev, const struct target *t,
                    struct best *best)
{
    const uint64_t key[4] = {(uint64_t)NV_AF_6 << 32 | ifindex, 0, 0, 0};
    struct netvane_rec_addr r;
    struct nv_cursor c;
    int w = nv_snap_seek(&f->s, NETVANE_TREE_ADDRS, key, &c);
    while (w == NV_TREE_OK && (w = nv_step(&c, &r)) == NV_TREE_OK && r.key[0] >> 32 == NV_AF_6) {
        const uint32_t at = (uint32_t)r.key[0];
        uint8_t ip[16];
        if (ifindex && at != ifindex)
            break;
        nv_key_show_ip(&r.key[1], NV_AF_6, ip);
        if ((!ifindex && at == t->ifindex) || !is_candidate(&r, ip))
            continue;
        const uint32_t n = score(t, &r, ip);
        const bool better = is_better(best, n, &r);
        if (!better && (n != best->score || (at == best->ifindex && r.position != best->position)))
            continue;
        uint32_t domain = l3mdev;
        if (!ifindex && (w = nv_fib_l3mdev(&f->s, at, &domain)) != NV_TREE_OK)
            return w;
        if (domain != l3mdev)
            continue;
        if (!better) {
            best->tie = true; /* in another order another would win */
            continue;
        }
        *best = (struct best){.score = n, .position = r.position, .ifindex = at, .found = true};
        memcpy(best->ip, ip, sizeof(ip));
    }
    return w == NV_TREE_BAD ? w : NV_TREE_OK;
}

int nv_fib_source6(struct nv_fib *f, uint32_t ifindex, uint8_t ret_ip[16])
{
    const struct target t = {.ip = f->dst,
                             .ifindex = ifindex,
                             .scope = scope_of(f->dst),
                             .label = label_of(f->dst),
                             .temporary = f->wishes & NETVANE_FIB_PREFER_TEMPORARY};
    struct best best = {.found = false};
    const bool everywhere = !ifindex || (f->dst[0] != 0xff && t.scope > SCOPE_LINK);
    uint32_t l3mdev = 0;
    int w = ifindex ? of_links(f, ifindex, 0, &t, &best) : NV_TREE_OK;
    if (w == NV_TREE_OK && everywhere && ifindex)
        w = nv_fib_l3mdev(&f->s, ifindex, &l3mdev);
    if (w == NV_TREE_OK && l3mdev && l3mdev != ifindex)
        w = of_links(f, l3mdev, l3mdev, &t, &best);
    if (w == NV_TREE_OK && everywhere)
        w = of_links(f, 0, l3mdev, &t, &best);
    if (best.tie)
        f->uncertain |= NETVANE_FIB_BY_ORDER;
    memcpy(ret_ip, best.ip, 16);
    return w != NV_TREE_OK ? w : best.found ? NV_TREE_OK : NV_TREE_END;
}
