/* SPDX-License-Identifier: MIT */
/*
 * diff_object.c - one object in two States: is it another, and what does the API show of it?
 *
 * Owns:      what counts as a difference.
 * Promises:  ids that mean something inside one region only are compared by what they stand for; lifetimes that tick are
 *            no difference.
 */
#include "diff.h"

static int hash_record(struct nv_side *x, unsigned tree, uint64_t *ret_hash)
{
    switch (tree) {
    case NETVANE_TREE_LINKS: return nv_hash_link(&x->s, &x->rec.link, ret_hash);
    case NETVANE_TREE_ADDRS: *ret_hash = nv_content_addr(&x->rec.addr); return NV_TREE_OK;
    case NETVANE_TREE_RULES: *ret_hash = nv_content_rule(&x->rec.rule); return NV_TREE_OK;
    case NETVANE_TREE_NEXTHOPS: return nv_hash_nexthop(&x->s, &x->rec.nexthop, ret_hash);
    case NETVANE_TREE_ROUTES4: return nv_hash_route4(&x->s, x->hasher, &x->rec.route4, ret_hash);
    default: return nv_hash_route6(&x->s, x->hasher, &x->rec.route6, ret_hash);
    }
}

/* Of routes most of a difference shows without the sets that they name. */
static bool differs_without_sets(const struct nv_diff *d)
{
    if (d->tree == NETVANE_TREE_ROUTES4)
        return nv_content_route4(&d->a.rec.route4, 0, 0) !=
               nv_content_route4(&d->b.rec.route4, 0, 0);
    return d->tree == NETVANE_TREE_ROUTES6 &&
           nv_content_route6(&d->a.rec.route6, 0, 0) != nv_content_route6(&d->b.rec.route6, 0, 0);
}

int nv_diff_differs(struct nv_diff *d)
{
    uint64_t a, b;
    if (differs_without_sets(d))
        return NV_TREE_OK;
    int w = hash_record(&d->a, d->tree, &a);
    if (w == NV_TREE_OK)
        w = hash_record(&d->b, d->tree, &b);
    if (w != NV_TREE_OK)
        return NV_TREE_BAD; /* a part that is named but not there */
    bool another =
        d->tree == NETVANE_TREE_LINKS && d->one_instance && d->a.rec.link.id != d->b.rec.link.id;
    return a != b || another ? NV_TREE_OK : NV_TREE_END;
}

/* Reads the first hop of a set into the side's place for it, unless it is there already. */
static int read_hop(struct nv_side *x, uint32_t set)
{
    const uint64_t key = (uint64_t)set << 32;
    if (set == x->hop_set)
        return NV_TREE_OK;
    x->hop_set = 0;
    int w = nv_snap_find(&x->s, NETVANE_TREE_HOPS, &key, &x->hop);
    if (w == NV_TREE_OK)
        x->hop_set = set;
    return w;
}

static int show_route(struct nv_side *x, bool is4, struct netvane_route *ret)
{
    const uint32_t set = is4 ? x->rec.route4.hops : x->rec.route6.hops;
    if (set && read_hop(x, set) != NV_TREE_OK)
        return NV_TREE_BAD;
    if (is4)
        nv_route4_show(&x->rec.route4, set ? &x->hop : NULL, ret);
    else
        nv_route6_show(&x->rec.route6, set ? &x->hop : NULL, ret);
    ret->size = sizeof(*ret);
    return NV_TREE_OK;
}

static int show(struct nv_side *x, unsigned tree, union nv_object *ret)
{
    switch (tree) {
    case NETVANE_TREE_LINKS:
        nv_link_show(&x->rec.link, &ret->link);
        ret->link.size = sizeof(ret->link);
        return NV_TREE_OK;
    case NETVANE_TREE_ADDRS:
        nv_addr_show(&x->rec.addr, &ret->addr);
        ret->addr.size = sizeof(ret->addr);
        return NV_TREE_OK;
    case NETVANE_TREE_RULES:
        nv_rule_show(&x->rec.rule, &ret->rule);
        ret->rule.size = sizeof(ret->rule);
        return NV_TREE_OK;
    case NETVANE_TREE_NEXTHOPS:
        nv_nexthop_show(&x->rec.nexthop, &ret->nexthop);
        ret->nexthop.size = sizeof(ret->nexthop);
        return NV_TREE_OK;
    default: return show_route(x, tree == NETVANE_TREE_ROUTES4, &ret->route);
    }
}

/* Between two versions that share all hop sets, what one side has read the other need not. */
static void share_hop(struct nv_diff *d)
{
    const struct nv_tree a = nv_snap_tree(&d->a.s, NETVANE_TREE_HOPS),
                         b = nv_snap_tree(&d->b.s, NETVANE_TREE_HOPS);
    if (!d->one_region || a.ref != b.ref || a.height != b.height || !d->a.hop_set)
        return;
    d->b.hop_set = d->a.hop_set;
    d->b.hop = d->a.hop;
}

int nv_diff_show(struct nv_diff *d)
{
    int w = d->which == NV_ONLY_B ? NV_TREE_OK : show(&d->a, d->tree, &d->before);
    if (w != NV_TREE_OK || d->which == NV_ONLY_A)
        return w;
    if (d->tree == NETVANE_TREE_ROUTES4 || d->tree == NETVANE_TREE_ROUTES6)
        share_hop(d);
    return show(&d->b, d->tree, &d->after);
}
