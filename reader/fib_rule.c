/* SPDX-License-Identifier: MIT */
/*
 * fib_rule.c - asks the policy rules in order, until one of them decides.
 *
 * linux/net/core/fib_rules.c (fib_rules_lookup, fib_rule_match), net/ipv4/fib_rules.c, net/ipv6/fib6_rules.c.
 * Goto leads forwards only: the kernel takes no other, and here another one is BAD, so that the walk ends.
 */
#include "fib.h"
#include "fib_glance.h"

enum {
    ACT_GOTO = 2, /* FR_ACT_* of linux/fib_rules.h */
    ACT_NOP = 3,
    ACT_UNREACHABLE = 7,
    ACT_PROHIBIT = 8,
    LEGACY_TOS =
        0x1c /* INET_DSCP_LEGACY_TOS_MASK of linux/net/inet_dscp.h: IPv4 looks at no more */
};

/* ---- selectors --------------------------------------------------------------------------------------------- */

static int has_name(const struct nv_snap *s, uint32_t ifindex, const char name[16])
{
    struct netvane_rec_link link;
    if (!ifindex)
        return NV_TREE_END;
    int w = nv_link_find(s, ifindex, &link);
    if (w != NV_TREE_OK)
        return w;
    return strncmp(link.name, name, sizeof(link.name)) ? NV_TREE_END : NV_TREE_OK;
}

/* A rule that names a VRF means all its links; one that names another link means that one. */
static int link_matches(const struct nv_fib *f, const char name[16], uint32_t ifindex, bool by_oif)
{
    if (f->l3mdev && f->l3mdev_by_oif == by_oif) {
        int w = has_name(&f->s, f->l3mdev, name);
        if (w != NV_TREE_END)
            return w;
    }
    return has_name(&f->s, ifindex, name);
}

static bool port_matches(uint32_t present, uint32_t bit, uint16_t start, uint16_t end,
                         uint16_t port)
{
    return !(present & bit) || (start <= port && port <= end);
}

static bool tos_matches(const struct nv_fib *f, uint8_t tos)
{
    if (!tos)
        return true;
    return f->family == NV_AF_4 ? tos == (f->tos & LEGACY_TOS) : tos == (f->tos & 0xfc);
}

/* What can be compared without looking at anything else. */
static bool plain_matches(const struct nv_fib *f, const struct netvane_rec_rule *r)
{
    if ((r->fwmark ^ f->mark) & r->fwmask)
        return false;
    if (r->present & NETVANE_UF_HAS_TUN_ID && r->tun_id && r->tun_id != f->tun_id)
        return false;
    if (r->present & NETVANE_UF_HAS_UID && (f->uid < r->uid_start || f->uid > r->uid_end))
        return false;
    if (r->ip_proto && r->ip_proto != f->ip_proto)
        return false;
    if (!port_matches(r->present, NETVANE_UF_HAS_SPORT, r->sport_start, r->sport_end, f->sport) ||
        !port_matches(r->present, NETVANE_UF_HAS_DPORT, r->dport_start, r->dport_end, f->dport))
        return false;
    if (r->dst_len && !nv_fib_covers(r->dst, r->dst_len, f->dst))
        return false;
    if (r->src_len &&
        ((f->family == NV_AF_6 && !f->has_src) || !nv_fib_covers(r->src, r->src_len, f->src)))
        return false;
    return tos_matches(f, r->tos);
}

/* OK: the rule is to be followed; END: not. */
static int rule_matches(const struct nv_fib *f, const struct netvane_rec_rule *r)
{
    const unsigned bits = f->family == NV_AF_4 ? 32 : 128;
    int w = r->src_len > bits || r->dst_len > bits ? NV_TREE_BAD : NV_TREE_OK;
    if (w == NV_TREE_OK && !plain_matches(f, r))
        w = NV_TREE_END;
    if (w == NV_TREE_OK && r->iif[0])
        w = link_matches(f, r->iif, f->iif, false);
    if (w == NV_TREE_OK && r->oif[0])
        w = link_matches(f, r->oif, f->oif, true);
    if (w == NV_TREE_OK && r->present & NETVANE_UF_L3MDEV && !f->l3mdev)
        w = NV_TREE_END;
    if (w != NV_TREE_BAD && r->present & NETVANE_UF_INVERT)
        w = w == NV_TREE_OK ? NV_TREE_END : NV_TREE_OK;
    return w;
}

/* ---- actions ------------------------------------------------------------------------------------------------ */

static int table_of(const struct nv_fib *f, const struct netvane_rec_rule *r, uint32_t *ret_table)
{
    struct netvane_rec_link vrf;
    *ret_table = r->table;
    if (!(r->present & NETVANE_UF_L3MDEV) || !f->l3mdev)
        return NV_TREE_OK;
    int w = nv_link_find(&f->s, f->l3mdev, &vrf);
    if (w == NV_TREE_OK)
        *ret_table = vrf.info[0];
    return w;
}

/* The link that a suppressor looks at: of IPv6 that of the chosen hop, of IPv4 that of the route's first. */
static int suppressed_link(const struct nv_fib *f, const struct nv_fib_hit *hit,
                           uint32_t *ret_ifindex)
{
    struct nv_fib_hops hops;
    struct netvane_rec_hop first;
    *ret_ifindex = hit->hop.ifindex;
    if (f->family == NV_AF_6 || !hit->hop_index)
        return NV_TREE_OK;
    int w = nv_fib_hops_open(&f->s, hit->set, &hops);
    if (w == NV_TREE_OK)
        w = nv_fib_hops_at(&f->s, &hops, 0, &first);
    if (w == NV_TREE_OK)
        *ret_ifindex = first.ifindex;
    return w;
}

/* OK: the route may not be taken by this rule. */
static int is_suppressed(const struct nv_fib *f, const struct netvane_rec_rule *r,
                         const struct nv_fib_hit *hit)
{
    struct netvane_rec_link link;
    if (r->present & NETVANE_UF_HAS_SUPPRESS_PREFIXLEN && hit->len <= r->suppress_prefix_len)
        return NV_TREE_OK;
    if (!(r->present & NETVANE_UF_HAS_SUPPRESS_IFGROUP) || !hit->hop.ifindex)
        return NV_TREE_END;
    uint32_t ifindex;
    int w = suppressed_link(f, hit, &ifindex);
    if (w == NV_TREE_OK)
        w = nv_link_find(&f->s, ifindex, &link);
    if (w == NV_TREE_OK && link.group != r->suppress_ifgroup)
        w = NV_TREE_END;
    return w;
}

uint8_t nv_fib_outcome_of(uint8_t type)
{
    switch (type) {
    case NV_RTN_UNREACHABLE: return NETVANE_FIB_UNREACHABLE;
    case NV_RTN_PROHIBIT: return NETVANE_FIB_PROHIBIT;
    default: return type >= NV_RTN_BLACKHOLE ? NETVANE_FIB_BLACKHOLE : NETVANE_FIB_FOUND;
    }
}

/* IPv6 chooses the hop before a rule may suppress it, IPv4 after. */
static int ask_table(struct nv_fib *f, uint32_t table)
{
    if (f->family == NV_AF_4)
        return nv_fib_table4(f, table, &f->hit);
    int w = nv_fib_table6(f, table, &f->hit);
    return w == NV_TREE_OK && f->hit.type < NV_RTN_BLACKHOLE ? nv_fib_choose6(f) : w;
}

/* OK: the table decides, by f->hit and f->outcome; END: the next rule is asked. first: by the very first rule. */
static int follow(struct nv_fib *f, uint32_t table, bool first)
{
    f->found = false;
    int w = ask_table(f, table);
    if (w != NV_TREE_OK) {
        f->missed_local |= first && table == NV_TABLE_LOCAL && f->missed;
        return w;
    }
    if (f->hit.type == NV_RTN_THROW) {
        f->threw_local |= first && table == NV_TABLE_LOCAL;
        return NV_TREE_END;
    }
    f->outcome = nv_fib_outcome_of(f->hit.type);
    f->found = true;
    return NV_TREE_OK;
}

static bool is_first(uint64_t key0, uint64_t key1)
{
    return !(uint32_t)key0 && !key1;
}

/* The same for a rule that matches. */
static int act(struct nv_fib *f, const struct netvane_rec_rule *r)
{
    uint32_t table;
    if (r->action == ACT_NOP || r->action == ACT_GOTO)
        return NV_TREE_END;
    f->found = false;
    if (r->action != NV_FR_ACT_TABLE) {
        f->outcome = r->action == ACT_UNREACHABLE ? NETVANE_FIB_RULE_UNREACHABLE
                     : r->action == ACT_PROHIBIT  ? NETVANE_FIB_PROHIBIT
                                                  : NETVANE_FIB_BLACKHOLE;
        return NV_TREE_OK;
    }
    int w = table_of(f, r, &table);
    if (w == NV_TREE_OK)
        w = follow(f, table, is_first(r->key[0], r->key[1]));
    if (w != NV_TREE_OK || f->outcome != NETVANE_FIB_FOUND)
        return w;
    w = is_suppressed(f, r, &f->hit);
    f->found = w == NV_TREE_END;
    return w == NV_TREE_BAD ? w : f->found ? NV_TREE_OK : NV_TREE_END;
}

/* Moves to the first rule of the priority that a goto names: END, where there is none, and the goto asks nothing. */
static int jump(const struct nv_fib *f, const struct netvane_rec_rule *r, struct nv_fib_walk *walk)
{
    const uint64_t key0 = (uint64_t)f->family << 32 | r->target;
    struct nv_fib_walk to;
    if (r->present & NETVANE_UF_UNRESOLVED)
        return NV_TREE_END;
    if (r->target <= (uint32_t)r->key[0])
        return NV_TREE_BAD;
    int w = nv_fib_walk_seek(f, key0, &to);
    if (w == NV_TREE_OK && to.key0 != key0)
        w = NV_TREE_END;
    if (w == NV_TREE_OK)
        *walk = to;
    return w;
}

/* A rule at which a glance was not enough: OK, it decides; END, the next is asked, or, if it moved, that of a goto. */
static int ask_rule(struct nv_fib *f, struct nv_fib_walk *walk, bool *ret_moved)
{
    struct netvane_rec_rule r;
    nv_payload_load(&r, walk->rule, sizeof(r));
    int w = rule_matches(f, &r);
    if (w != NV_TREE_OK)
        return w;
    if (r.action != ACT_GOTO)
        return act(f, &r);
    w = jump(f, &r, walk);
    *ret_moved = w == NV_TREE_OK;
    return w == NV_TREE_BAD ? w : NV_TREE_END;
}

int nv_fib_rules(struct nv_fib *f)
{
    struct nv_fib_walk walk;
    f->found = false;
    int w = nv_fib_l3mdev_flow(f);
    if (w == NV_TREE_OK)
        w = nv_fib_walk_seek(f, (uint64_t)f->family << 32, &walk);
    while (w == NV_TREE_OK) {
        const uint64_t key0 = walk.key0; /* a goto moves the walk */
        uint32_t table;
        bool moved = false;
        switch (nv_fib_glance_at(f, walk.rule, &table)) {
        case NV_FIB_PASSED: w = NV_TREE_END; break;
        case NV_FIB_FOLLOWED:
            w = follow(f, table, is_first(key0, nv_fib_rule_load(walk.rule, NV_RULE_AT(key[1]))));
            break;
        case NV_FIB_ASKED: w = ask_rule(f, &walk, &moved); break;
        }
        if (w == NV_TREE_OK) {
            f->rule = (uint32_t)key0;
            return w;
        }
        if (w == NV_TREE_END)
            w = moved ? NV_TREE_OK : nv_fib_walk_next(&walk);
    }
    f->outcome = NETVANE_FIB_NO_ROUTE;
    return w == NV_TREE_BAD ? w : NV_TREE_END;
}

int nv_fib_rules_plain(const struct nv_fib *f)
{
    static const uint32_t tables[3] = {NV_TABLE_LOCAL, NV_TABLE_MAIN, NV_TABLE_DEFAULT};
    static const uint32_t priorities[3] = {0, 32766, 32767}; /* linux/net/ipv4/fib_rules.c */
    const uint64_t key[2] = {(uint64_t)f->family << 32, 0};
    struct netvane_rec_rule r;
    struct nv_cursor c;
    int w = nv_snap_seek(&f->s, NETVANE_TREE_RULES, key, &c);
    for (unsigned i = 0; w == NV_TREE_OK; i++) {
        w = nv_step(&c, &r);
        if (w != NV_TREE_OK || r.key[0] >> 32 != f->family)
            return w == NV_TREE_BAD ? w : i == 3 ? NV_TREE_OK : NV_TREE_END;
        if (i == 3 || (uint32_t)r.key[0] != priorities[i] || r.table != tables[i])
            return NV_TREE_END;
    }
    return w;
}
