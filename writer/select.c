/* SPDX-License-Identifier: MIT */
/*
 * select.c - ranks the /0 routes of every table and picks the main default.
 *
 * The order is the kernel's: a route with a live hop before one without, then metric, IPv6 router preference
 * (RFC 4191), place in the list. A type that rejects (unreachable, blackhole, prohibit) is an answer like any other.
 */
#include "select.h"

#include "limits.h"

#define CANDIDATES_MAX 64u

struct candidate {
    struct netvane_region_default value;
    uint32_t hops;
    uint32_t order; /* in the tree: metric and position ascend */
    uint32_t tos;
    uint8_t pref; /* 3: high, 2: medium, 1: low */
    bool alive;
};

/* ---- one route in 64 bytes ------------------------------------------------------------------------------ */

static bool hop_alive(const struct nv_mirror *m, const struct netvane_rec_hop *hop)
{
    struct netvane_rec_link link;
    return !(hop->flags & NV_RTNH_F_DEAD) && nv_mirror_link(m, hop->ifindex, &link) &&
           link.flags & NV_IFF_UP;
}

static void take_nexthop(struct netvane_rec_hop *hop, const struct netvane_rec_nexthop *nh)
{
    hop->ifindex = nh->ifindex;
    hop->gw_family = nh->gw_family;
    hop->flags = (uint8_t)nh->flags;
    memcpy(hop->gateway, nh->gateway, sizeof(hop->gateway));
}

/*
 * Where a hop leads; through the nexthop object where the route only names that. Of a group: its first live member, else
 * its first.
 */
static bool resolve_hop(const struct nv_mirror *m, const struct netvane_rec_hop *hop,
                        struct netvane_rec_hop *ret_hop)
{
    *ret_hop = *hop;
    if (hop->ifindex || !hop->nhid)
        return true;
    struct netvane_rec_nexthop nh, at;
    struct netvane_rec_member member;
    uint64_t key[1] = {hop->nhid};
    if (!nv_draft_find(&m->draft, NETVANE_TREE_NEXTHOPS, key, &nh))
        return false;
    if (!(nh.present & NETVANE_NF_GROUP)) {
        take_nexthop(ret_hop, &nh);
        return true;
    }
    bool found = false;
    for (uint32_t i = nh.member_count;
         i-- > 0;) { /* from the last, so that the first live one stays */
        struct netvane_rec_hop one = *hop;
        key[0] = (uint64_t)hop->nhid << 32 | i;
        if (!nv_draft_find(&m->draft, NETVANE_TREE_MEMBERS, key, &member))
            continue;
        key[0] = member.member;
        if (!nv_draft_find(&m->draft, NETVANE_TREE_NEXTHOPS, key, &at))
            continue;
        take_nexthop(&one, &at);
        if (!found || hop_alive(m, &one) || !hop_alive(m, ret_hop))
            *ret_hop = one;
        found = true;
    }
    return found;
}

static void fill_hop(struct netvane_region_default *d, const struct netvane_rec_hop *hop)
{
    d->ifindex = hop->ifindex;
    d->gw_family = hop->gw_family;
    memcpy(d->gateway, hop->gateway, sizeof(d->gateway));
    d->flags &= ~(NETVANE_DF_GATEWAY | NETVANE_DF_ONLINK);
    if (hop->gw_family)
        d->flags |= NETVANE_DF_GATEWAY;
    if (hop->flags & NV_RTNH_F_ONLINK)
        d->flags |= NETVANE_DF_ONLINK;
}

bool nv_select_summary(const struct nv_mirror *m, uint8_t family, const void *record,
                       bool *ret_alive, struct netvane_region_default *ret_default)
{
    struct netvane_region_default d = {
        .size = sizeof(d), .family = family, .flags = NETVANE_DF_PRESENT};
    static const uint8_t none[16];
    uint32_t hops, count, live = 0, down = 0;
    if (family == NV_AF_4) {
        struct netvane_rec_route4 r;
        memcpy(&r, record, sizeof(r));
        d.table = (uint32_t)(r.key[0] >> 32);
        d.metric = (uint32_t)(r.key[1] >> 16);
        d.type = r.type;
        d.protocol = r.protocol;
        d.scope = r.scope;
        memcpy(d.prefsrc, r.prefsrc, sizeof(r.prefsrc));
        hops = r.hops;
    } else {
        struct netvane_rec_route6 r;
        memcpy(&r, record, sizeof(r));
        d.table = (uint32_t)(r.key[0] >> 32);
        d.metric = (uint32_t)(r.key[5] >> 32);
        d.type = r.type;
        d.protocol = r.protocol;
        d.scope = r.scope;
        memcpy(d.prefsrc, r.prefsrc, sizeof(r.prefsrc));
        hops = r.hops;
    }
    if (memcmp(d.prefsrc, none, sizeof(none)))
        d.flags |= NETVANE_DF_PREFSRC;
    if (nv_rtn_rejects(d.type))
        d.flags |= NETVANE_DF_REJECT;
    const struct netvane_rec_hop *set = nv_mirror_hops(m, hops, &count);
    d.hop_count = (uint16_t)count;
    d.nhid = count ? set[0].nhid : 0;
    if (count > 1)
        d.flags |= NETVANE_DF_MULTIPATH;
    for (uint32_t i = 0; i < count; i++) {
        struct netvane_rec_hop hop;
        if (!resolve_hop(m, &set[i], &hop))
            continue;
        bool alive = hop_alive(m, &hop);
        if (i == 0 || (alive && !live))
            fill_hop(&d, &hop);
        live += alive;
        down += hop.flags & NV_RTNH_F_LINKDOWN ? 1u : 0u;
    }
    if (count && !live)
        d.flags |= NETVANE_DF_DEAD;
    if (count && down == count)
        d.flags |= NETVANE_DF_LINKDOWN;
    *ret_alive = live || d.flags & NETVANE_DF_REJECT || !count;
    *ret_default = d;
    return true;
}

/* ---- ranking ------------------------------------------------------------------------------------------------ */

static bool before(const struct candidate *a, const struct candidate *b)
{
    if (a->alive != b->alive)
        return a->alive;
    if ((a->tos == 0) != (b->tos == 0))
        return a->tos == 0;
    if (a->value.metric != b->value.metric)
        return a->value.metric < b->value.metric;
    if (a->pref != b->pref)
        return a->pref > b->pref;
    return a->order < b->order;
}

static uint8_t reason_of(const struct nv_mirror *m, const struct candidate *c,
                         const struct candidate *first)
{
    struct netvane_rec_link link;
    if (!c->alive) {
        if (!nv_mirror_link(m, c->value.ifindex, &link) || !(link.flags & NV_IFF_UP))
            return NETVANE_REASON_LINK_DOWN;
        return link.flags & NV_IFF_LOWER_UP ? NETVANE_REASON_DEAD : NETVANE_REASON_NO_CARRIER;
    }
    if (c->value.metric > first->value.metric)
        return NETVANE_REASON_METRIC;
    return c->value.flags & NETVANE_DF_REJECT ? NETVANE_REASON_REJECT : NETVANE_REASON_ORDER;
}

/* The /0 entries of a table, best first. */
static uint32_t collect(const struct nv_mirror *m, uint8_t family, uint32_t table,
                        struct candidate list[CANDIDATES_MAX])
{
    union {
        uint64_t key[NV_TREE_KEY_WORDS_MAX];
        struct netvane_rec_route4 r4;
        struct netvane_rec_route6 r6;
    } r;
    const bool v4 = family == NV_AF_4;
    struct nv_tree t = nv_draft_tree(&m->draft, v4 ? NETVANE_TREE_ROUTES4 : NETVANE_TREE_ROUTES6);
    uint64_t key[NV_TREE_KEY_WORDS_MAX] = {(uint64_t)table << 32};
    struct nv_cursor c;
    uint32_t n = 0;
    for (int more = nv_cursor_seek(&c, &t, key); more == NV_TREE_OK && n < CANDIDATES_MAX;
         more = nv_cursor_next(&c)) {
        if (nv_cursor_get(&c, &r) != NV_TREE_OK || r.key[0] != key[0] ||
            (v4 ? r.key[1] >> 56 : r.key[1] | r.key[2] >> 24))
            break; /* another table, or longer than /0 */
        struct candidate at = {.order = n,
                               .hops = v4 ? r.r4.hops : r.r6.hops,
                               .tos = v4 ? (uint32_t)(r.key[1] >> 48 & 0xffu) : 0,
                               .pref = v4 ? 2 : (uint8_t)(r.r6.pref ^ 2u)};
        if (!nv_select_summary(m, family, &r, &at.alive, &at.value) ||
            (!v4 && r.key[2] >> 16 & 0xffu))
            continue; /* limited to a source: no default for everybody */
        if (at.value.type != NV_RTN_UNICAST && !(at.value.flags & NETVANE_DF_REJECT))
            continue;
        uint32_t i = n++;
        for (; i && before(&at, &list[i - 1]); i--)
            list[i] = list[i - 1];
        list[i] = at;
    }
    for (uint32_t i = 1; i < n; i++)
        list[i].value.reason = reason_of(m, &list[i], &list[0]);
    if (n && !list[0].alive)
        list[0].value.reason = reason_of(m, &list[0], &list[0]);
    return n;
}

/* Makes the tree of candidates hold exactly this list for a table. */
static void write_list(struct nv_mirror *m, uint8_t family, uint32_t table,
                       const struct candidate *list, uint32_t n)
{
    for (uint32_t i = 0; i <= CANDIDATES_MAX; i++) {
        struct netvane_rec_default r = {.key = {(uint64_t)family << 56 | (uint64_t)table << 16 |
                                                i}},
                                   old;
        bool known = nv_draft_find(&m->draft, NETVANE_TREE_DEFAULTS, r.key, &old);
        if (i >= n && !known)
            return;
        if (!nv_mirror_reserve_removal(m, NV_K_ROUTE4))
            return;
        if (i >= n) {
            (void)nv_draft_delete(&m->draft, NETVANE_TREE_DEFAULTS, r.key);
            m->edited = true;
            continue;
        }
        r.hops = list[i].hops;
        r.value = list[i].value;
        if (known && !memcmp(&r, &old, sizeof(r)))
            continue;
        (void)nv_draft_put(&m->draft, NETVANE_TREE_DEFAULTS, &r);
        m->edited = true;
    }
}

void nv_select(struct nv_mirror *m, unsigned f, struct nv_choice *ret_choice)
{
    const uint8_t family = f ? NV_AF_6 : NV_AF_4;
    struct nv_choice choice = {0};
    struct candidate list[CANDIDATES_MAX];
    for (uint32_t i = 0; i < m->table_count; i++) {
        if (m->tables[i].family != family)
            continue;
        uint32_t table = m->tables[i].table;
        uint32_t n = m->tables[i].count[0] ? collect(m, family, table, list) : 0;
        write_list(m, family, table, list, n);
        if (table == NV_TABLE_MAIN && n && list[0].alive)
            choice.main_default = list[0].value;
    }
    nv_select_egress(m, f, &choice.egress);
    *ret_choice = choice;
}
