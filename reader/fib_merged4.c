/* SPDX-License-Identifier: MIT */
/*
 * fib_merged4.c - the rules of IPv4, and table local and main as one table where the kernel has them so.
 *
 * While no rule was ever added, the kernel searches local and main as one (linux/net/ipv4/fib_trie.c, fib_trie_table with
 * an alias; include/net/ip_fib.h, fib_lookup): a longer prefix of main comes before a shorter one of local, and a route of
 * type throw in local leads past main. A nexthop object that does not do hides routes of both (fib_table4.c). Rules that were removed leave the tables apart, and no State tells.
 */
#include "fib.h"

/* What the kernel answers where local does not decide: hit, if it may be taken at all. */
static int take(struct nv_fib *f, const struct nv_fib_hit *hit, int w, uint32_t rule)
{
    f->uncertain |= NETVANE_FIB_BY_HISTORY;
    f->found = w == NV_TREE_OK && hit->type != NV_RTN_THROW;
    f->outcome = NETVANE_FIB_NO_ROUTE;
    f->rule = UINT32_MAX;
    if (!f->found)
        return w == NV_TREE_BAD ? w : NV_TREE_OK;
    f->hit = *hit;
    f->rule = rule;
    f->outcome = nv_fib_outcome_of(hit->type);
    return NV_TREE_OK;
}

/* local gave a route, threw, or has a route that hides one of main. */
static int merge(struct nv_fib *f)
{
    struct nv_fib_hit hit;
    int w = nv_fib_rules_plain(f);
    if (w != NV_TREE_OK)
        return w == NV_TREE_END ? NV_TREE_OK : w;
    f->flags |= NETVANE_FIB_MERGED;
    if (f->found && f->hit.table == NV_TABLE_LOCAL && f->hit.len == 32)
        return NV_TREE_OK;
    w = nv_fib_local_and_main4(f, &hit);
    if (w == NV_TREE_BAD)
        return w;
    if (w == NV_TREE_OK && hit.type != NV_RTN_THROW) {
        const bool same = f->found && f->hit.table == hit.table && f->hit.len == hit.len;
        return same ? NV_TREE_OK : take(f, &hit, w, hit.table == NV_TABLE_LOCAL ? 0 : 32766);
    }
    w = nv_fib_table4(f, NV_TABLE_DEFAULT, &hit);
    return take(f, &hit, w, 32767);
}

int nv_fib_lookup4(struct nv_fib *f)
{
    f->threw_local = f->missed_local = false;
    int w = nv_fib_rules(f);
    if (w != NV_TREE_BAD && ((f->found && !f->rule && f->hit.table == NV_TABLE_LOCAL) ||
                             f->threw_local || f->missed_local))
        w = merge(f);
    return w == NV_TREE_BAD ? w : NV_TREE_OK;
}
