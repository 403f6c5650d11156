/* SPDX-License-Identifier: MIT */
/*
 * fib_merged4.c - the rules of IPv4, and table local and main as one table where the kernel has them so.
 *
 * While no rule was ever added, the kernel searches local and main as one (linux/net/ipv4/fib_trie.c, fib_trie_table with
 * an alias; include/net/ip_fib.h, fib_lookup): a longer prefix of main comes before a shorter one of local, and a route of
 * type throw in local leads past main. Rules that were removed leave the tables apart, and no State tells.
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

/* local gave a route, or threw. */
static int merge(struct nv_fib *f)
{
    struct nv_fib_hit local = f->hit, other;
    int w = nv_fib_rules_plain(f);
    if (w != NV_TREE_OK)
        return w == NV_TREE_END ? NV_TREE_OK : w;
    if (f->threw_local) {
        w = nv_fib_table4(f, NV_TABLE_LOCAL, &local);
        if (w != NV_TREE_OK)
            return NV_TREE_BAD;
    }
    f->flags |= NETVANE_FIB_MERGED;
    if (local.len == 32 && !f->threw_local)
        return NV_TREE_OK;
    w = nv_fib_table4(f, NV_TABLE_MAIN, &other);
    if (w == NV_TREE_BAD)
        return w;
    const bool before = w == NV_TREE_OK && other.len > local.len;
    if (before && other.type != NV_RTN_THROW)
        return take(f, &other, w, 32766);
    if (!before && !f->threw_local)
        return NV_TREE_OK;
    w = nv_fib_table4(f, NV_TABLE_DEFAULT, &other);
    return take(f, &other, w, 32767);
}

int nv_fib_lookup4(struct nv_fib *f)
{
    f->threw_local = false;
    int w = nv_fib_rules(f);
    if (w != NV_TREE_BAD &&
        ((f->found && !f->rule && f->hit.table == NV_TABLE_LOCAL) || f->threw_local))
        w = merge(f);
    return w == NV_TREE_BAD ? w : NV_TREE_OK;
}
