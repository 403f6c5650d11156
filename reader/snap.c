/* SPDX-License-Identifier: MIT */
/*
 * snap.c - takes and judges snapshots.
 *
 * Owns:      the begin of a read: newest version, limit, identity of its root slot.
 * Promises:  a snap that was handed out named a version whose slot was readable at that moment.
 * Leaves:    reads through a snap to the files of the objects; takeover to map.c.
 */
#include "reader.h"

#define NV_BEGIN_TRIES 16

/* What quality says of the newest State; only a hint, so that it needs no check. */
static bool says_stopped(const struct nv_snap *s)
{
    return nv_slot_load32(s, offsetof(struct netvane_region_slot, quality)) & NETVANE_RQ_STOPPED;
}

/* The newest version of m: 0, NOT_READY, EXPIRED (lost a race) or CORRUPT. */
static int begin_on(struct netvane *nv, struct nv_mapping *m, struct nv_snap *s)
{
    uint64_t v = nv_read_head(m->header) & ~NETVANE_HEAD_MOVED;
    if (nv_unlikely(!v))
        return NETVANE_NOT_READY;
    s->version = v;
    s->nv = nv;
    s->m = m;
    s->header = m->header;
    s->base = atomic_load_explicit(&m->base, memory_order_acquire);
    s->limit = nv_min_u64(nv_read_committed(m->header), m->max_bytes);
    s->flags = nv_unlikely(atomic_load_explicit(&m->gone, memory_order_relaxed)) ? NV_SNAP_GONE : 0;
    uint64_t slot_version = nv_slot_load64(s, offsetof(struct netvane_region_slot, version));
    if (nv_unlikely(!s->base || !nv_valid(s)))
        return NETVANE_EXPIRED;
    return nv_likely(slot_version == v) ? NETVANE_OK : NETVANE_CORRUPT;
}

int nv_snap_begin(struct netvane *nv, struct netvane_snap *ret_snap)
{
    struct nv_snap s;
    bool looked = false;
    for (unsigned i = 0; i < NV_BEGIN_TRIES; i++) {
        struct nv_mapping *m;
        int r = nv_current(nv, &m);
        if (nv_unlikely(r))
            return r;
        r = begin_on(nv, m, &s);
        if (nv_unlikely(r == NETVANE_EXPIRED))
            continue;
        if (nv_unlikely(!looked && (r == NETVANE_NOT_READY || (!r && says_stopped(&s))))) {
            /* Nothing follows here; a region with the same name may have come without a word. */
            looked = true;
            if (nv_mapping_renamed(m)) {
                int followed = nv_follow(nv, m);
                if (followed && followed != NETVANE_NO_WRITER)
                    return followed;
                continue;
            }
        }
        if (nv_likely(!r))
            nv_snap_store(&s, ret_snap);
        return r;
    }
    return NETVANE_EXPIRED;
}

int netvane_snap_begin(struct netvane *nv, struct netvane_snap *ret_snap)
{
    if (nv_unlikely(!nv || !ret_snap))
        return NETVANE_INVALID;
    return nv_snap_begin(nv, ret_snap);
}

static int check(const struct nv_snap *s)
{
    if (nv_unlikely(!s->header))
        return NETVANE_INVALID;
    return nv_valid(s) ? NETVANE_OK : NETVANE_EXPIRED;
}

int netvane_snap_check(const struct netvane_snap *snap)
{
    struct nv_snap s;
    nv_snap_load(snap, &s);
    return check(&s);
}

int nv_slot_read(const unsigned char *header, uint64_t v, struct netvane_region_slot *ret_slot)
{
    nv_payload_load(ret_slot, header + NV_SLOT(v), sizeof(*ret_slot));
    if (nv_read_check(header, v))
        return ret_slot->version == v ? NETVANE_OK : NETVANE_CORRUPT;
    const unsigned char *summed =
        (const unsigned char *)ret_slot + offsetof(struct netvane_region_slot, published_ns);
    size_t len = sizeof(*ret_slot) - offsetof(struct netvane_region_slot, published_ns);
    return ret_slot->version == v && ret_slot->checksum == nv_hash(summed, len) ? NETVANE_OK
                                                                                : NETVANE_EXPIRED;
}

int netvane_snap_info(const struct netvane_snap *snap, struct netvane_info *ret_info)
{
    struct nv_snap s;
    struct netvane_region_slot slot;
    struct netvane_info i;
    nv_snap_load(snap, &s);
    int r = ret_info ? check(&s) : NETVANE_INVALID;
    if (!r) {
        nv_payload_load(&slot, nv_snap_slot(&s), sizeof(slot));
        r = nv_valid(&s) ? NETVANE_OK : NETVANE_EXPIRED;
    }
    if (r)
        return r;
    memset(&i, 0, sizeof(i));
    i.quality = slot.quality;
    i.version = s.version;
    i.published_ns = slot.published_ns;
    i.verified_ns = slot.verified_ns;
    i.instance_id = slot.instance_id;
    i.changed = slot.changed & NETVANE_TOPIC_ALL;
    i.links = slot.tree[NETVANE_TREE_LINKS].count;
    i.addrs = slot.tree[NETVANE_TREE_ADDRS].count;
    i.routes4 = slot.tree[NETVANE_TREE_ROUTES4].count;
    i.routes6 = slot.tree[NETVANE_TREE_ROUTES6].count;
    i.rules = slot.tree[NETVANE_TREE_RULES].count;
    i.nexthops = slot.tree[NETVANE_TREE_NEXTHOPS].count;
    memcpy(i.generations, slot.gen, sizeof(i.generations));
    memcpy(i.digests, slot.digest, sizeof(i.digests));
    return nv_out(ret_info, &i, sizeof(i));
}

_Static_assert(sizeof(((struct netvane_info *)0)->digests) ==
                   sizeof(((struct netvane_region_slot *)0)->digest),
               "a digest for each topic");
