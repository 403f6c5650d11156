/* SPDX-License-Identifier: MIT */
/*
 * content.c - hashes objects by content, with the parts that they name by id.
 *
 * Owns:      fetching the parts: texts, altnames, hops, metrics, members.
 * Leaves:    what enters the hash to nv/content.h, which the writer uses too.
 */
#include "reader.h"

#include "nv/content.h"

#define NV_TEXT_BYTES 1024

int nv_hash_text(const struct nv_snap *s, uint32_t id, uint64_t *ret_hash)
{
    char text[NV_TEXT_BYTES];
    size_t len = 0;
    *ret_hash = 0;
    if (!id)
        return NV_TREE_OK;
    int w = nv_string_find(s, id, text, sizeof(text), &len);
    if (w == NV_TREE_OK)
        *ret_hash = nv_content_text(text, len < sizeof(text) ? len : sizeof(text));
    return w;
}

int nv_hash_link(const struct nv_snap *s, const struct netvane_rec_link *r, uint64_t *ret_hash)
{
    const uint32_t ids[6] = {r->kind,  r->slave_kind, r->qdisc,
                             r->alias, r->parent_bus, r->parent_dev};
    const uint64_t key = (uint64_t)(uint32_t)r->key[0] << 32;
    uint64_t texts[6];
    struct nv_cursor c;
    struct netvane_rec_altname alt;
    for (unsigned i = 0; i < 6; i++) {
        int w = nv_hash_text(s, ids[i], &texts[i]);
        if (w != NV_TREE_OK)
            return w;
    }
    *ret_hash = nv_content_link(r, texts);
    if (!r->altname_count)
        return NV_TREE_OK;
    uint32_t count = 0;
    int w = nv_snap_seek(s, NETVANE_TREE_ALTNAMES, &key, &c);
    while (w == NV_TREE_OK && (w = nv_step(&c, &alt)) == NV_TREE_OK &&
           alt.key[0] >> 32 == key >> 32) {
        if (alt.len > sizeof(alt.name))
            return NV_TREE_BAD;
        *ret_hash = nv_content_fold(*ret_hash, nv_content_text(alt.name, alt.len));
        count++;
    }
    return w == NV_TREE_BAD ? w : count == r->altname_count ? NV_TREE_OK : NV_TREE_END;
}

static int hash_hops(const struct nv_snap *s, uint32_t set, uint64_t *ret_hash)
{
    const uint64_t key = (uint64_t)set << 32;
    struct nv_cursor c;
    struct netvane_rec_hop hop;
    uint32_t count = 0, promised = 0;
    *ret_hash = 0;
    if (!set)
        return NV_TREE_OK;
    int w = nv_snap_seek(s, NETVANE_TREE_HOPS, &key, &c);
    while (w == NV_TREE_OK && (w = nv_step(&c, &hop)) == NV_TREE_OK && hop.key[0] >> 32 == set) {
        uint64_t encap;
        w = nv_hash_text(s, hop.encap, &encap);
        if (w != NV_TREE_OK)
            return w;
        *ret_hash = nv_content_hop(*ret_hash, &hop, encap);
        promised = hop.count;
        count++;
    }
    return w == NV_TREE_BAD ? w : count && count == promised ? NV_TREE_OK : NV_TREE_END;
}

static int hash_metrics(const struct nv_snap *s, uint32_t set, uint64_t *ret_hash)
{
    const uint64_t key = (uint64_t)set << 32;
    struct nv_cursor c;
    struct netvane_rec_metric metric;
    uint32_t count = 0;
    *ret_hash = 0;
    if (!set)
        return NV_TREE_OK;
    int w = nv_snap_seek(s, NETVANE_TREE_METRICS, &key, &c);
    while (w == NV_TREE_OK && (w = nv_step(&c, &metric)) == NV_TREE_OK &&
           metric.key[0] >> 32 == set) {
        *ret_hash = nv_content_metric(*ret_hash, &metric);
        count++;
    }
    return w == NV_TREE_BAD ? w : count ? NV_TREE_OK : NV_TREE_END;
}

typedef int set_fn(const struct nv_snap *s, uint32_t set, uint64_t *ret_hash);

static int hash_set(const struct nv_snap *s, struct nv_set_hash *cache, set_fn *fn, uint32_t set,
                    uint64_t *ret_hash)
{
    if (!cache)
        return fn(s, set, ret_hash);
    struct nv_set_hash *place = &cache[set % NV_ARRAY_LEN(((struct nv_route_hasher *)0)->hops)];
    if (set && place->set == set) {
        *ret_hash = place->hash;
        return NV_TREE_OK;
    }
    int w = fn(s, set, ret_hash);
    if (w == NV_TREE_OK)
        *place = (struct nv_set_hash){set, *ret_hash};
    return w;
}

static int hash_sets(const struct nv_snap *s, struct nv_route_hasher *h, uint32_t hop_set,
                     uint32_t metric_set, uint64_t *ret_hops, uint64_t *ret_metrics)
{
    int w = hash_set(s, h ? h->hops : NULL, hash_hops, hop_set, ret_hops);
    return w == NV_TREE_OK
               ? hash_set(s, h ? h->metrics : NULL, hash_metrics, metric_set, ret_metrics)
               : w;
}

int nv_hash_route4(const struct nv_snap *s, struct nv_route_hasher *h,
                   const struct netvane_rec_route4 *r, uint64_t *ret_hash)
{
    uint64_t hops, metrics;
    int w = hash_sets(s, h, r->hops, r->metrics, &hops, &metrics);
    if (w == NV_TREE_OK)
        *ret_hash = nv_content_route4(r, hops, metrics);
    return w;
}

int nv_hash_route6(const struct nv_snap *s, struct nv_route_hasher *h,
                   const struct netvane_rec_route6 *r, uint64_t *ret_hash)
{
    uint64_t hops, metrics;
    int w = hash_sets(s, h, r->hops, r->metrics, &hops, &metrics);
    if (w == NV_TREE_OK)
        *ret_hash = nv_content_route6(r, hops, metrics);
    return w;
}

int nv_hash_nexthop(const struct nv_snap *s, const struct netvane_rec_nexthop *r,
                    uint64_t *ret_hash)
{
    const uint64_t key = (uint64_t)(uint32_t)r->key[0] << 32;
    struct nv_cursor c;
    struct netvane_rec_member member;
    uint64_t encap;
    uint32_t count = 0;
    int w = nv_hash_text(s, r->encap, &encap);
    if (w != NV_TREE_OK)
        return w;
    *ret_hash = nv_content_nexthop(r, encap);
    if (!r->member_count)
        return NV_TREE_OK;
    w = nv_snap_seek(s, NETVANE_TREE_MEMBERS, &key, &c);
    while (w == NV_TREE_OK && (w = nv_step(&c, &member)) == NV_TREE_OK &&
           member.key[0] >> 32 == key >> 32) {
        *ret_hash = nv_content_member(*ret_hash, &member);
        count++;
    }
    return w == NV_TREE_BAD ? w : count == r->member_count ? NV_TREE_OK : NV_TREE_END;
}
