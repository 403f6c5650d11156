/* SPDX-License-Identifier: MIT */
/*
 * fib_usual4.c - the usual decision about an IPv4 packet that this host sends, in one go.
 *
 * Usual:     neither link nor source is named; rules that a glance decides; a unicast route with one hop, by which nothing else
 *            decides; an address of its link for the source.
 * Promises:  the answer is that of fib_output4.c, or there is none: whatever is not usual is left to it from the start on.
 */
#include "fib.h"
#include "fib_glance.h"
#include "longest.h"

static bool is_usual(const struct nv_fib *f)
{
    return f->family == NV_AF_4 && !(f->iif | f->oif | f->src4 | f->scope) && f->dst4 &&
           f->dst4 >> 28 < 0xe;
}

/* Decided by its prefix alone. What table local says is looked at more closely: it may be one with main. */
static bool is_usual_route(const struct nv_fib_usual *u)
{
    const struct netvane_region_info *info = &u->info;
    return info->type == NV_RTN_UNICAST && info->hop_count == 1 &&
           !(info->hop_flags & NETVANE_IF_MORE) && u->table != NV_TABLE_LOCAL;
}

/* What a table says, without its info: OK, END, or BAD, which also stands for what is not usual. */
static inline NV_SPECIALIZED int look_up(const struct nv_fib *f, uint32_t table,
                                         struct nv_lpm_hit *ret_hit)
{
    struct netvane_region_lpm root;
    int w = nv_table_root(&f->s, NV_AF_4, table, &root);
    if (w != NV_TREE_OK)
        return w;
    const struct nv_lpm lpm = nv_lpm_of(f->s.base, f->s.limit, &root);
    if (nv_unlikely(root.state != NETVANE_LS_VALID || lpm.top >= lpm.ref_limit))
        return NV_TREE_BAD;
    return nv_find(&lpm, (struct nv_bits){(uint64_t)f->dst4 << 32, 0}, NV_AF_4, ret_hit);
}

/* The route that the rules lead to: END where anything is not usual. */
static inline NV_SPECIALIZED int find(const struct nv_fib *f, struct nv_fib_usual *u)
{
    struct nv_fib_walk walk;
    struct nv_lpm_hit hit = {0, 0};
    int w = nv_fib_walk_seek(f, (uint64_t)NV_AF_4 << 32, &walk);
    for (; w == NV_TREE_OK; w = nv_fib_walk_next(&walk)) {
        const enum nv_fib_glance glance = nv_fib_glance_at(f, walk.rule, &u->table);
        if (glance == NV_FIB_PASSED)
            continue;
        if (glance == NV_FIB_ASKED)
            return NV_TREE_END;
        const int found = look_up(f, u->table, &hit);
        if (found == NV_TREE_END)
            continue;
        u->rule = (uint32_t)walk.key0;
        u->len = (int)hit.len;
        if (found != NV_TREE_OK || hit.value & NETVANE_FV_CONDITIONAL ||
            nv_lpm_info(f->s.base, f->s.limit, hit.value, &u->info) != NV_TREE_OK)
            return NV_TREE_END;
        return is_usual_route(u) ? NV_TREE_OK : NV_TREE_END;
    }
    return NV_TREE_END;
}

static NV_NOINLINE int find_plainly(const struct nv_fib *f, struct nv_fib_usual *u)
{
    return find(f, u);
}

#ifdef NV_COUNTING
NV_COUNTING static NV_NOINLINE int find_counting(const struct nv_fib *f, struct nv_fib_usual *u)
{
    return find(f, u);
}
#else
#define find_counting find_plainly
#endif

bool nv_fib_usual4(struct nv_fib *f, struct nv_fib_usual *ret_u)
{
    if (!is_usual(f) ||
        (nv_counts_bits() ? find_counting(f, ret_u) : find_plainly(f, ret_u)) != NV_TREE_OK)
        return false;
    const struct netvane_region_info *info = &ret_u->info;
    if (!ret_u->len && info->gw_family &&
        nv_fib_note_rival4(f, ret_u->table, (uint64_t)info->metric << 16) != NV_TREE_OK)
        return false;
    const bool wanted = !(f->wishes & NETVANE_FIB_NO_SOURCE);
    ret_u->source = wanted ? nv_load_be32(info->prefsrc) : 0;
    if (wanted && !ret_u->source &&
        nv_fib_source4(f, info->ifindex, nv_load_be32(info->gateway), info->scope,
                       &ret_u->source) != NV_TREE_OK)
        return false;
    return !nv_fib_is_loopback4(ret_u->source);
}

void nv_fib_usual4_show(const struct nv_fib *f, const struct nv_fib_usual *u,
                        struct netvane_fib_answer *a)
{
    const struct netvane_region_info *info = &u->info;
    a->family = NV_AF_4;
    a->flags = NETVANE_FIB_HAS_ROUTE | (u->source ? NETVANE_FIB_HAS_PREFSRC : 0);
    a->uncertain = f->uncertain;
    a->rule = u->rule;
    a->type = a->route_type = info->type;
    a->ifindex = a->hop_ifindex = info->ifindex;
    a->gw_family = info->gw_family;
    memcpy(a->gateway, info->gateway, sizeof(a->gateway));
    a->hop_flags = info->hop_flags;
    a->hop_count = a->hop_weight = 1;
    nv_store_be32(a->prefsrc, u->source);
    a->table = u->table;
    a->metric = info->metric;
    a->route_flags = info->flags;
    a->protocol = info->protocol;
    a->scope = info->scope;
    a->hops = info->hops;
    a->metrics = info->metrics;
    a->dst_len = (uint8_t)u->len;
    nv_store_be32(a->dst, nv_fib_mask4(f->dst4, u->len));
}
