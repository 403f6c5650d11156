/* SPDX-License-Identifier: MIT */
/*
 * route.h - one route record of either family, for the files that place routes in the mirror.
 *
 * Owns:      the record, its accessors, and what the files of both families share.
 * Assumes:   the caller has reserved (nv_mirror_reserve) what a change needs.
 */
#ifndef NV_ROUTE_H
#define NV_ROUTE_H

#include "limits.h"
#include "mirror.h"

/* A route record of either family. IPv4: the position is the low 16 bits of the last key word; IPv6: the slot, 32. */
struct nv_route_rec {
    unsigned tree;
    enum nv_kind kind;
    union nv_route_record u;
};

#define NV_POSITION_MASK UINT64_C(0xffff)

static inline struct nv_route_rec nv_route_new(uint8_t family)
{
    struct nv_route_rec r = {.tree =
                                 family == NV_AF_4 ? NETVANE_TREE_ROUTES4 : NETVANE_TREE_ROUTES6,
                             .kind = family == NV_AF_4 ? NV_K_ROUTE4 : NV_K_ROUTE6};
    return r;
}

static inline bool nv_route_is4(const struct nv_route_rec *r)
{
    return r->tree == NETVANE_TREE_ROUTES4;
}

static inline uint32_t *nv_route_id(struct nv_route_rec *r)
{
    return nv_route_is4(r) ? &r->u.r4.id : &r->u.r6.id;
}

static inline uint32_t nv_route_hops(const struct nv_route_rec *r)
{
    return nv_route_is4(r) ? r->u.r4.hops : r->u.r6.hops;
}

static inline uint32_t nv_route_metrics(const struct nv_route_rec *r)
{
    return nv_route_is4(r) ? r->u.r4.metrics : r->u.r6.metrics;
}

static inline void nv_route_set_hops(struct nv_route_rec *r, uint32_t hops)
{
    if (nv_route_is4(r))
        r->u.r4.hops = hops;
    else
        r->u.r6.hops = hops;
}

static inline void nv_route_set_position(struct nv_route_rec *r, uint32_t position)
{
    r->u.key[1] = (r->u.key[1] & ~NV_POSITION_MASK) | position;
}

static inline uint32_t nv_route_position(const struct nv_route_rec *r)
{
    return (uint32_t)(r->u.key[1] & NV_POSITION_MASK);
}

static inline bool nv_route_get(const struct nv_mirror *m, struct nv_route_rec *r)
{
    return nv_draft_find(&m->draft, r->tree, r->u.key, &r->u);
}

static inline bool nv_route_same_record(const struct nv_route_rec *a, const struct nv_route_rec *b)
{
    return !memcmp(&a->u, &b->u, nv_route_is4(a) ? sizeof(a->u.r4) : sizeof(a->u.r6));
}

static inline uint64_t nv_route_content(const struct nv_mirror *m, const struct nv_route_rec *r)
{
    uint64_t hops = nv_intern_content(&m->hops, nv_route_hops(r));
    uint64_t metrics = nv_intern_content(&m->metrics, nv_route_metrics(r));
    return nv_route_is4(r) ? nv_content_route4(&r->u.r4, hops, metrics)
                           : nv_content_route6(&r->u.r6, hops, metrics);
}

/* hop_sets.c: shared sets, each with one more reference; 0 for none. */
/* The set of the first count records of m->rec_scratch, whose texts are referenced. */
uint32_t nv_hops_intern(struct nv_mirror *m, uint32_t count);
uint32_t nv_hops_from(struct nv_mirror *m, const struct nv_route *f);
uint32_t nv_metrics_from(struct nv_mirror *m, const struct nv_route *f);

/* mirror_route.c */
/* Writes destination, its length and the table into the key. */
void nv_route_set_dst(struct nv_route_rec *r, const struct nv_route *f);
void nv_route_unref_sets(struct nv_mirror *m, const struct nv_route_rec *r);
/* Equal but for place, id and lifetime? */
bool nv_route_equal(const struct nv_route_rec *a, const struct nv_route_rec *b);
/* The same IPv4 route but for its position, its id and the flags that the kernel changes in place? */
bool nv_route_same4(const struct nv_mirror *m, const struct nv_route_rec *a,
                    const struct nv_route_rec *b);
/* The same IPv6 route but for its slot, its id, the end of its lifetime and those flags? */
bool nv_route_same6(const struct nv_mirror *m, const struct nv_route_rec *a,
                    const struct nv_route_rec *b);
/* The same for count hops of each. */
bool nv_route_same_hops(const struct netvane_rec_hop *a, const struct netvane_rec_hop *b,
                        uint32_t count);
/* Do both go the same ways? Flags of hops are not compared: an event may show them older or newer. */
bool nv_route_same_ways(const struct nv_mirror *m, const struct nv_route_rec *a,
                        const struct nv_route_rec *b);
/* Writes r at its key in place of what is there. r's references become the mirror's, or are dropped. */
enum nv_effect nv_route_write(struct nv_mirror *m, struct nv_route_rec *r);
/* All of a removal but the tree. */
void nv_route_forget(struct nv_mirror *m, const struct nv_route_rec *r);
void nv_route_drop(struct nv_mirror *m, const struct nv_route_rec *r);
/* Equals of an IPv4 route: positions have no gaps. */
uint32_t nv_route_list_length(struct nv_mirror *m, struct nv_route_rec r);

/* The position of an IPv4 route that is the next of a dump; r has no record yet but its key, position 0. */
uint32_t nv_route_dump_position(struct nv_mirror *m, const struct nv_route_rec *r);
/* mirror_route4.c, mirror_route6.c: r holds references on its sets, which put takes and remove leaves. */
enum nv_effect nv_route_put4(struct nv_mirror *m, struct nv_route_rec *r, uint32_t list,
                             bool from_dump);
enum nv_effect nv_route_remove4(struct nv_mirror *m, const struct nv_route_rec *r, uint32_t n);
enum nv_effect nv_route_put6(struct nv_mirror *m, struct nv_route_rec *r, uint32_t list,
                             bool from_dump);
enum nv_effect nv_route_remove6(struct nv_mirror *m, const struct nv_route_rec *r,
                                const struct nv_route *f);

#endif
