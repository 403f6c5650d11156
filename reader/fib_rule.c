/* SPDX-License-Identifier: MIT */
/*
 * fib_rule.c - asks the policy rules in order, until one of them decides.
 *
 * linux/net/core/fib_rules.c (fib_rules_lookup, fib_rule_match), net/ipv4/fib_rules.c, net/ipv6/fib6_rules.c.
 * Goto leads forwards only: the kernel takes no other, and here another one is BAD, so that the walk ends.
 */
#include "fib.h"

enum {
    ACT_TABLE = 1, /* FR_ACT_* of linux/fib_rules.h */
    ACT_GOTO = 2,
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

/*
 * Can the rule at the cursor be passed over by a look at a few of its words? What it says of marks, sources and destinations
 * decides mostly; the whole record is only read where it may be followed. A record that is torn is told apart later.
 */
static bool is_passed(const struct nv_fib *f, const struct nv_cursor *c)
{
    const unsigned char *r = nv_cursor_record(c);
    struct {
        uint8_t src_len, dst_len, tos, action, protocol, ip_proto, reserved[2];
        uint32_t fwmark, fwmask;
    } w;
    if (!r || nv_load32(r + offsetof(struct netvane_rec_rule, present), memory_order_relaxed) &
                  NETVANE_UF_INVERT)
        return false;
    nv_payload_load(&w, r + offsetof(struct netvane_rec_rule, src_len), sizeof(w));
    if ((w.fwmark ^ f->mark) & w.fwmask)
        return true;
    if (f->family != NV_AF_4 || w.src_len > 32 || w.dst_len > 32)
        return false;
    const uint32_t src =
                       nv_load32(r + offsetof(struct netvane_rec_rule, src), memory_order_relaxed),
                   dst =
                       nv_load32(r + offsetof(struct netvane_rec_rule, dst), memory_order_relaxed);
    return (w.src_len && !nv_fib_covers((const uint8_t *)&src, w.src_len, f->src)) ||
           (w.dst_len && !nv_fib_covers((const uint8_t *)&dst, w.dst_len, f->dst));
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

/* OK: the rule decides, by f->hit and f->outcome; END: the next rule is asked. */
static int act(struct nv_fib *f, const struct netvane_rec_rule *r)
{
    uint32_t table;
    if (r->action == ACT_NOP || r->action == ACT_GOTO)
        return NV_TREE_END;
    f->found = false;
    if (r->action != ACT_TABLE) {
        f->outcome = r->action == ACT_UNREACHABLE ? NETVANE_FIB_RULE_UNREACHABLE
                     : r->action == ACT_PROHIBIT  ? NETVANE_FIB_PROHIBIT
                                                  : NETVANE_FIB_BLACKHOLE;
        return NV_TREE_OK;
    }
    int w = table_of(f, r, &table);
    if (w == NV_TREE_OK)
        w = ask_table(f, table);
    const bool first_local = table == NV_TABLE_LOCAL && !r->key[1] && !(uint32_t)r->key[0];
    if (w != NV_TREE_OK) {
        f->missed_local |= first_local && f->missed;
        return w;
    }
    if (f->hit.type == NV_RTN_THROW) {
        f->threw_local |= first_local;
        return NV_TREE_END;
    }
    f->outcome = nv_fib_outcome_of(f->hit.type);
    if (f->outcome == NETVANE_FIB_FOUND && (w = is_suppressed(f, r, &f->hit)) != NV_TREE_END)
        return w == NV_TREE_OK ? NV_TREE_END : w;
    f->found = true;
    return NV_TREE_OK;
}

/* Moves c to the first rule of the priority that a goto names: END, where there is none, and the goto asks nothing. */
static int jump(const struct nv_fib *f, const struct netvane_rec_rule *r, struct nv_cursor *c)
{
    const uint64_t key[2] = {(uint64_t)f->family << 32 | r->target, 0};
    struct netvane_rec_rule target;
    struct nv_cursor at;
    if (r->present & NETVANE_UF_UNRESOLVED)
        return NV_TREE_END;
    if (r->target <= (uint32_t)r->key[0])
        return NV_TREE_BAD;
    int w = nv_snap_seek(&f->s, NETVANE_TREE_RULES, key, &at);
    if (w == NV_TREE_OK)
        w = nv_cursor_get(&at, &target);
    if (w == NV_TREE_OK && target.key[0] != key[0])
        w = NV_TREE_END;
    if (w == NV_TREE_OK)
        *c = at;
    return w;
}

int nv_fib_rules(struct nv_fib *f)
{
    const uint64_t key[2] = {(uint64_t)f->family << 32, 0};
    struct netvane_rec_rule r;
    struct nv_cursor c;
    uint64_t last = 0;
    f->found = false;
    int w = nv_fib_l3mdev_flow(f);
    if (w == NV_TREE_OK)
        w = nv_snap_seek(&f->s, NETVANE_TREE_RULES, key, &c);
    while (w == NV_TREE_OK) {
        if (is_passed(f, &c)) {
            w = nv_cursor_next(&c);
            continue;
        }
        w = nv_step(&c, &r);
        if (w != NV_TREE_OK || r.key[0] >> 32 != f->family || r.key[0] < last)
            break;
        last = r.key[0];
        w = rule_matches(f, &r);
        if (w == NV_TREE_OK && r.action == ACT_GOTO)
            w = jump(f, &r, &c) == NV_TREE_BAD ? NV_TREE_BAD : NV_TREE_END;
        else if (w == NV_TREE_OK)
            w = act(f, &r);
        if (w == NV_TREE_OK) {
            f->rule = (uint32_t)r.key[0];
            return w;
        }
        if (w == NV_TREE_END)
            w = NV_TREE_OK;
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
