/* SPDX-License-Identifier: MIT */
/*
 * content.h - what of an object a user would see, as one number.
 *
 * Owns:      the content hash of each class of objects, from which the digests of a State are summed.
 * Promises:  ids that only make sense inside one region (record, string, hop set, metric set) and lifetimes
 *            that merely tick do not enter; whether a lifetime is limited at all does. Equal content gives
 *            equal hashes in every region and process of one byte order.
 * Leaves:    fetching the parts (texts, hops, metrics, members) to the caller, in order of their index.
 *
 * digest[topic] of a root slot is the sum, modulo 2^64, of the hashes of the topic's objects. That of
 * default4 and default6 is nv_content_defaults; that of health is the quality word.
 */
#ifndef NV_CONTENT_H
#define NV_CONTENT_H

#include "netvane/region.h"
#include "nv/base.h"

/* Folds the hash of a part (or 0: there is none) into that of the whole; order matters. */
static inline uint64_t nv_content_fold(uint64_t h, uint64_t part)
{
    return nv_mix(h * UINT64_C(0x9e3779b97f4a7c15) ^ part);
}

/* A string or blob; NULL or empty: 0. */
static inline uint64_t nv_content_text(const void *bytes, size_t len)
{
    return len ? nv_hash(bytes, len) : 0;
}

/* texts: kind, slave_kind, qdisc, alias, parent_bus, parent_dev; then fold each altname's text. */
static inline uint64_t nv_content_link(const struct netvane_rec_link *r, const uint64_t texts[6])
{
    struct netvane_rec_link c = *r;
    c.id = c.kind = c.slave_kind = c.qdisc = c.alias = c.parent_bus = c.parent_dev = 0;
    uint64_t h = nv_hash(&c, sizeof(c));
    for (unsigned i = 0; i < 6; i++)
        h = nv_content_fold(h, texts[i]);
    return h;
}

static inline uint64_t nv_content_addr(const struct netvane_rec_addr *r)
{
    struct netvane_rec_addr c = *r;
    c.id = 0;
    c.valid_until_ns = c.valid_until_ns == NV_FOREVER;
    c.preferred_until_ns = c.preferred_until_ns == NV_FOREVER;
    return nv_hash(&c, sizeof(c));
}

/* Start with 0 and fold each hop of a set in order; encap is the text's hash. */
static inline uint64_t nv_content_hop(uint64_t h, const struct netvane_rec_hop *r, uint64_t encap)
{
    struct netvane_rec_hop c = *r;
    c.key[0] = (uint32_t)c.key[0];
    c.id = c.encap = 0;
    return nv_content_fold(nv_content_fold(h, nv_hash(&c, sizeof(c))), encap);
}

/* Start with 0 and fold each metric of a set in order. */
static inline uint64_t nv_content_metric(uint64_t h, const struct netvane_rec_metric *r)
{
    struct netvane_rec_metric c = *r;
    c.key[0] = (uint32_t)c.key[0];
    c.id = 0;
    return nv_content_fold(h, nv_hash(&c, sizeof(c)));
}

/* hops and metrics: the hashes of its sets; 0 where the set id is 0. */
static inline uint64_t nv_content_route4(const struct netvane_rec_route4 *r, uint64_t hops,
                                         uint64_t metrics)
{
    uint32_t kind, prefsrc; /* type, protocol, scope, reserved */
    memcpy(&kind, &r->type, 4);
    memcpy(&prefsrc, r->prefsrc, 4);
    /* Word by word, with the sets' hashes in place of their ids: a full table has millions. */
    uint64_t h = nv_hash_word(nv_hash_begin(sizeof(*r)), r->key[0]);
    h = nv_hash_word(h, r->key[1]);
    h = nv_hash_word(h, nv_pair32(r->flags, kind));
    h = nv_hash_word(h, nv_pair32(prefsrc, 0));
    h = nv_hash_word(h, hops);
    return nv_mix(nv_hash_word(h, metrics));
}

static inline uint64_t nv_content_route6(const struct netvane_rec_route6 *r, uint64_t hops,
                                         uint64_t metrics)
{
    struct netvane_rec_route6 c = *r;
    c.id = c.hops = c.metrics = c.order = 0;
    c.valid_until_ns = c.valid_until_ns == NV_FOREVER;
    return nv_content_fold(nv_content_fold(nv_hash(&c, sizeof(c)), hops), metrics);
}

static inline uint64_t nv_content_rule(const struct netvane_rec_rule *r)
{
    struct netvane_rec_rule c = *r;
    c.id = 0;
    return nv_hash(&c, sizeof(c));
}

/* Then fold each member. */
static inline uint64_t nv_content_nexthop(const struct netvane_rec_nexthop *r, uint64_t encap)
{
    struct netvane_rec_nexthop c = *r;
    c.id = c.encap = 0;
    return nv_content_fold(nv_hash(&c, sizeof(c)), encap);
}

static inline uint64_t nv_content_member(uint64_t h, const struct netvane_rec_member *r)
{
    struct netvane_rec_member c = *r;
    c.key[0] = (uint32_t)c.key[0];
    c.id = 0;
    return nv_content_fold(h, nv_hash(&c, sizeof(c)));
}

/* Of one family: main default and egress. Whether the kernel has confirmed the egress yet is no change. */
static inline uint64_t nv_content_defaults(const struct netvane_region_default *main_default,
                                           const struct netvane_region_default *egress)
{
    struct netvane_region_default c[2] = {*main_default, *egress};
    c[1].flags &= ~(NETVANE_DF_CONFIRMED | NETVANE_DF_KERNEL);
    return nv_hash(c, sizeof(c));
}

#endif
