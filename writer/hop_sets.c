/* SPDX-License-Identifier: MIT */
/*
 * hop_sets.c - hop sets and metric sets: what many routes share is stored once.
 */
#include "route.h"

uint32_t nv_hops_intern(struct nv_mirror *m, uint32_t count)
{
    bool is_new;
    uint32_t id =
        nv_intern_get(&m->hops, m->rec_scratch, count * (uint32_t)sizeof(*m->rec_scratch), &is_new);
    if (!is_new) {
        for (uint32_t i = 0; i < count; i++) /* the set holds one reference on its texts already */
            nv_intern_unref(&m->strings, m->rec_scratch[i].encap);
        return id;
    }
    uint64_t content = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct netvane_rec_hop r = m->rec_scratch[i];
        content = nv_content_hop(content, &r, nv_intern_content(&m->strings, r.encap));
        r.key[0] = (uint64_t)id << 32 | i;
        r.id = id;
        (void)nv_draft_put(&m->draft, NETVANE_TREE_HOPS, &r);
    }
    m->hops.items[id].content = content;
    return id;
}

uint32_t nv_hops_from(struct nv_mirror *m, const struct nv_route *f)
{
    uint32_t count = f->hop_count < NV_HOPS_MAX ? f->hop_count : NV_HOPS_MAX;
    if (!count && !f->nhid)
        return 0;
    bool bare = !count; /* a nexthop id without hops: kept in a hop without a link */
    for (uint32_t i = 0; i < (bare ? 1u : count); i++) {
        const struct nv_hop none = {.weight = 1}, *h = bare ? &none : &f->hops[i];
        m->rec_scratch[i] =
            (struct netvane_rec_hop){.key = {i},
                                     .count = bare ? 1u : count,
                                     .ifindex = h->ifindex,
                                     .nhid = f->nhid,
                                     .weight = (uint16_t)h->weight,
                                     .flags = h->flags,
                                     .gw_family = h->gw_family,
                                     .encap_type = h->encap_type,
                                     .multipath = f->multipath,
                                     .encap = nv_mirror_text(m, h->encap.bytes, h->encap.len),
                                     .realm = h->realm};
        memcpy(m->rec_scratch[i].gateway, h->gateway, sizeof(h->gateway));
    }
    return nv_hops_intern(m, bare ? 1u : count);
}

uint32_t nv_metrics_from(struct nv_mirror *m, const struct nv_route *f)
{
    struct netvane_rec_metric set[NV_METRICS_MAX];
    uint32_t count = 0;
    enum { CC_ALGO = 16 /* RTAX_CC_ALGO */ };
    if (!f->metric_mask)
        return 0;
    for (uint32_t i = 0; i < NV_METRICS_MAX; i++) {
        if (!(f->metric_mask >> i & 1u))
            continue;
        set[count] = (struct netvane_rec_metric){.key = {i}, .value = f->metrics[i]};
        if (i == CC_ALGO)
            memcpy(set[count].text, f->cc_algo, sizeof(set[count].text));
        count++;
    }
    if (!count)
        return 0;
    bool is_new;
    uint32_t id = nv_intern_get(&m->metrics, set, count * (uint32_t)sizeof(*set), &is_new);
    if (!is_new)
        return id;
    uint64_t content = 0;
    for (uint32_t i = 0; i < count; i++) {
        content = nv_content_metric(content, &set[i]);
        set[i].key[0] |= (uint64_t)id << 32;
        set[i].id = id;
        (void)nv_draft_put(&m->draft, NETVANE_TREE_METRICS, &set[i]);
    }
    m->metrics.items[id].content = content;
    return id;
}

bool nv_mirror_set_uses(const struct nv_mirror *m, uint32_t hops, uint32_t ifindex)
{
    uint32_t count;
    const struct netvane_rec_hop *set = nv_mirror_hops(m, hops, &count);
    for (uint32_t i = 0; i < count; i++)
        if (set[i].ifindex == ifindex)
            return true;
    return false;
}
