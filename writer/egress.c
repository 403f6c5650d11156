/* SPDX-License-Identifier: MIT */
/*
 * egress.c - what the FIB, rules included, answers for a packet of this host to the probe destination.
 *
 * The question is that of a plain socket: no mark, no bound address or device, uid 0, no type of service. Rules that ask
 * for more do not match (linux/net/core/fib_rules.c). The kernel's own answer confirms or corrects this one later.
 */
#include "select.h"

#include "limits.h"

enum {
    ACT_TABLE = 1,
    ACT_GOTO = 2,
    ACT_NOP = 3,
    ACT_BLACKHOLE = 6,
    ACT_UNREACHABLE = 7,
    ACT_PROHIBIT = 8
};

static bool prefix_holds(const uint8_t *prefix, unsigned len, const uint8_t *ip)
{
    for (unsigned i = 0; i < len; i += 8) {
        unsigned bits = len - i < 8 ? len - i : 8;
        if ((prefix[i / 8] ^ ip[i / 8]) & (0xffu << (8 - bits)))
            return false;
    }
    return true;
}

static bool rule_matches(const struct netvane_rec_rule *r, const uint8_t probe[16])
{
    static const uint8_t unspecified[16];
    bool match =
        (!r->iif[0] || !strncmp(r->iif, "lo", sizeof(r->iif))) && !r->oif[0] &&
        !((0 ^ r->fwmark) & r->fwmask) && !r->tos && !r->ip_proto &&
        !(r->present & NETVANE_UF_L3MDEV) &&
        !(r->present & (NETVANE_UF_HAS_SPORT | NETVANE_UF_HAS_DPORT | NETVANE_UF_HAS_TUN_ID)) &&
        !(r->present & NETVANE_UF_HAS_UID && r->uid_start > 0) &&
        prefix_holds(r->dst, r->dst_len, probe) && prefix_holds(r->src, r->src_len, unspecified);
    return match != !!(r->present & NETVANE_UF_INVERT);
}

/* The first usable route of the longest prefix of a table that covers the probe; the length found, or -1. */
static int lookup(const struct nv_mirror *m, unsigned f, uint32_t table,
                  struct netvane_region_default *ret)
{
    const uint8_t family = f ? NV_AF_6 : NV_AF_4;
    const uint8_t *probe = m->probe[f];
    const struct nv_table *counts = NULL;
    for (uint32_t i = 0; i < m->table_count && !counts; i++)
        if (m->tables[i].table == table && m->tables[i].family == family)
            counts = &m->tables[i];
    if (!counts)
        return -1;
    struct nv_tree t = nv_draft_tree(&m->draft, f ? NETVANE_TREE_ROUTES6 : NETVANE_TREE_ROUTES4);
    for (int len = f ? 128 : 32; len >= 0; len--) {
        if (!counts->count[len])
            continue;
        uint8_t dst[16] = {0};
        memcpy(dst, probe, (size_t)(len + 7) / 8);
        if (len % 8)
            dst[len / 8] = (uint8_t)(dst[len / 8] & 0xffu << (8 - len % 8));
        uint64_t key[NV_TREE_KEY_WORDS_MAX];
        nv_lpm_key(!f, table, nv_bits_of(family, dst), (unsigned)len, key);
        struct nv_cursor c;
        union nv_route_record r;
        struct netvane_region_default best = {0};
        uint8_t best_pref = 0;
        for (int more = nv_cursor_seek(&c, &t, key); more == NV_TREE_OK;
             more = nv_cursor_next(&c)) {
            if (nv_cursor_get(&c, &r) != NV_TREE_OK || r.key[0] != key[0] ||
                (f ? r.key[1] != key[1] || r.key[2] != key[2] : r.key[1] >> 48 != key[1] >> 48))
                break; /* another prefix, a source-specific route, or one for a type of service */
            struct netvane_region_default d;
            bool alive;
            uint8_t pref = f ? (uint8_t)(r.r6.pref ^ 2u) : 0;
            if (!nv_select_summary(m, family, &r, &alive, &d) || !alive)
                continue;
            if (best.family && d.metric != best.metric)
                break;
            if (best.family && pref <= best_pref)
                continue;
            best = d;
            best_pref = pref;
            if (!f)
                break;
        }
        if (best.family) {
            *ret = best;
            return len;
        }
    }
    return -1;
}

/* The source that the kernel would choose where the route names none; a guess for IPv6, which the kernel corrects. */
static void choose_source(const struct nv_mirror *m, unsigned f, struct netvane_region_default *d)
{
    enum {
        SECONDARY = 0x01,
        TEMPORARY = 0x01,
        DADFAILED = 0x08,
        DEPRECATED = 0x20,
        TENTATIVE = 0x40,
        LINK = 253
    };
    if (d->flags & (NETVANE_DF_PREFSRC | NETVANE_DF_REJECT) || !d->ifindex)
        return;
    struct nv_tree t = nv_draft_tree(&m->draft, NETVANE_TREE_ADDRS);
    uint64_t key[4] = {(uint64_t)(f ? NV_AF_6 : NV_AF_4) << 32 | d->ifindex, 0, 0, 0};
    struct nv_cursor c;
    struct netvane_rec_addr r;
    uint32_t best = UINT32_MAX;
    for (int more = nv_cursor_seek(&c, &t, key); more == NV_TREE_OK; more = nv_cursor_next(&c)) {
        if (nv_cursor_get(&c, &r) != NV_TREE_OK || r.key[0] != key[0])
            break;
        uint32_t rank;
        uint8_t ip[16] = {0};
        if (f) {
            if (r.flags & (DADFAILED | TENTATIVE) || r.scope >= LINK)
                continue;
            nv_store_be64(ip, r.key[1]);
            nv_store_be64(ip + 8, r.key[2]);
            rank = (r.flags & DEPRECATED ? 2u : 0u) | (r.flags & TEMPORARY ? 1u : 0u);
        } else {
            if (r.flags & SECONDARY || r.scope > LINK)
                continue;
            nv_store_be32(ip, (uint32_t)r.key[2]);
            rank = r.position +
                   (prefix_holds(r.peer, r.prefix_len, d->gateway) && d->gw_family ? 0u : 1u << 16);
        }
        if (rank < best) {
            best = rank;
            memcpy(d->prefsrc, ip, sizeof(ip));
            d->flags |= NETVANE_DF_PREFSRC;
        }
    }
}

static void reject(uint8_t family, uint8_t action, struct netvane_region_default *ret)
{
    *ret = (struct netvane_region_default){
        .size = sizeof(*ret),
        .family = family,
        .type = action, /* FR_ACT_* and RTN_* agree from blackhole to prohibit */
        .flags = NETVANE_DF_PRESENT | NETVANE_DF_REJECT};
}

void nv_select_egress(struct nv_mirror *m, unsigned f, struct netvane_region_default *ret_egress)
{
    const uint8_t family = f ? NV_AF_6 : NV_AF_4;
    struct nv_tree t = nv_draft_tree(&m->draft, NETVANE_TREE_RULES);
    uint64_t key[2] = {(uint64_t)family << 32, 0};
    struct nv_cursor c;
    struct netvane_rec_rule r;
    struct netvane_rec_link link;
    *ret_egress = (struct netvane_region_default){0};
    int more = nv_cursor_seek(&c, &t, key);
    while (more == NV_TREE_OK) {
        if (nv_cursor_get(&c, &r) != NV_TREE_OK || r.key[0] >> 32 != family)
            return;
        bool match = rule_matches(&r, m->probe[f]);
        if (match && r.action == ACT_GOTO &&
            r.target > (uint32_t)r.key[0]) { /* only forwards: this ends */
            struct nv_cursor target;
            struct netvane_rec_rule first;
            key[0] = (uint64_t)family << 32 | r.target;
            more = nv_cursor_seek(&target, &t, key);
            if (more == NV_TREE_OK && nv_cursor_get(&target, &first) == NV_TREE_OK &&
                first.key[0] == key[0]) {
                c = target;
                continue;
            } /* else it is unresolved, and asks nothing */
        }
        more = nv_cursor_next(&c);
        if (!match)
            continue;
        if (r.action == ACT_BLACKHOLE || r.action == ACT_UNREACHABLE || r.action == ACT_PROHIBIT) {
            reject(family, r.action, ret_egress);
            return;
        }
        if (r.action != ACT_TABLE)
            continue;
        struct netvane_region_default d;
        int len = lookup(m, f, r.table, &d);
        if (len < 0 || d.type == NV_RTN_THROW)
            continue;
        bool rejects = d.flags & NETVANE_DF_REJECT; /* an error is not suppressed */
        if (!rejects && r.present & NETVANE_UF_HAS_SUPPRESS_PREFIXLEN &&
            len <= (int)r.suppress_prefix_len)
            continue;
        if (!rejects && r.present & NETVANE_UF_HAS_SUPPRESS_IFGROUP &&
            nv_mirror_link(m, d.ifindex, &link) && link.group == r.suppress_ifgroup)
            continue;
        choose_source(m, f, &d);
        *ret_egress = d;
        return;
    }
}
