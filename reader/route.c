/* SPDX-License-Identifier: MIT */
/*
 * route.c - lists routes, their hops and their metrics.
 *
 * Owns:      the ROUTES4, ROUTES6, HOPS and METRICS trees.
 * Assumes:   routes name their hops and metrics by the id of a set; many routes share one.
 * Promises:  a filter by table or prefix seeks; any other filter walks.
 */
#include "reader.h"

#define RTAX_CC_ALGO_ 16 /* RTAX_CC_ALGO of linux/rtnetlink.h: the one metric that is a text */

_Static_assert(sizeof(((struct netvane_route *)0)->hop) == 40,
               "netvane_hop stands inside netvane_route: it cannot grow");

/* ---- records to routes --------------------------------------------------------------------------------- */

void nv_hop_show(const struct netvane_rec_hop *r, struct netvane_hop *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->ifindex = r->ifindex;
    ret->weight = r->weight ? r->weight : 65536;
    ret->realm = r->realm;
    ret->flags = r->flags;
    ret->gw_family = r->gw_family;
    ret->encap_type = r->encap_type;
    ret->encap = r->encap;
    memcpy(ret->gateway, r->gateway, sizeof(ret->gateway));
}

static void show_hop(const struct netvane_rec_hop *hop, struct netvane_route *ret)
{
    if (!hop)
        return;
    nv_hop_show(hop, &ret->hop);
    ret->nhid = hop->nhid;
    ret->multipath = hop->multipath;
    ret->hop_count = hop->count;
}

void nv_route4_show(const struct netvane_rec_route4 *r, const struct netvane_rec_hop *hop,
                    struct netvane_route *ret)
{
    static const uint8_t none[4];
    memset(ret, 0, sizeof(*ret));
    ret->table = (uint32_t)(r->key[0] >> 32);
    ret->family = NV_AF_4;
    ret->dst_len = (uint8_t)(r->key[1] >> 56);
    ret->tos = (uint8_t)(r->key[1] >> 48);
    ret->type = r->type;
    ret->protocol = r->protocol;
    ret->scope = r->scope;
    nv_store_be32(ret->dst, (uint32_t)r->key[0]);
    ret->metric = (uint32_t)(r->key[1] >> 16);
    ret->flags = r->flags;
    ret->position = (uint16_t)r->key[1];
    memcpy(ret->prefsrc, r->prefsrc, sizeof(r->prefsrc));
    ret->has_prefsrc = !!memcmp(r->prefsrc, none, sizeof(none));
    ret->hops = r->hops;
    ret->metrics = r->metrics;
    ret->valid_until_ns = UINT64_MAX;
    show_hop(hop, ret);
}

void nv_route6_show(const struct netvane_rec_route6 *r, const struct netvane_rec_hop *hop,
                    struct netvane_route *ret)
{
    static const uint8_t none[16];
    memset(ret, 0, sizeof(*ret));
    ret->table = (uint32_t)(r->key[0] >> 32);
    ret->family = NV_AF_6;
    ret->dst_len = (uint8_t)(r->key[2] >> 24);
    ret->src_len = (uint8_t)(r->key[2] >> 16);
    ret->type = r->type;
    ret->protocol = r->protocol;
    ret->scope = r->scope;
    ret->pref = r->pref;
    nv_store_be32(ret->dst, (uint32_t)r->key[0]);
    nv_store_be64(ret->dst + 4, r->key[1]);
    nv_store_be32(ret->dst + 12, (uint32_t)(r->key[2] >> 32));
    nv_store_be64(ret->src, r->key[3]);
    nv_store_be64(ret->src + 8, r->key[4]);
    ret->metric = (uint32_t)(r->key[5] >> 32);
    ret->flags = r->flags;
    ret->position = (uint32_t)r->key[5];
    memcpy(ret->prefsrc, r->prefsrc, sizeof(ret->prefsrc));
    ret->has_prefsrc = !!memcmp(r->prefsrc, none, sizeof(none));
    ret->hops = r->hops;
    ret->metrics = r->metrics;
    ret->valid_until_ns = r->valid_until_ns;
    show_hop(hop, ret);
}

/* ---- the filter ------------------------------------------------------------------------------------------ */

/* The words of the prefix in a key's order, without what stands behind its length. */
static bool prefix_words(struct nv_iter *it, const uint8_t *dst)
{
    const unsigned bits = it->family == NV_AF_4 ? 32 : 128;
    uint8_t masked[16] = {0};
    if (it->dst_len > bits)
        return false;
    for (unsigned i = 0; i < bits / 8; i++) {
        unsigned keep = it->dst_len >= 8 * (i + 1) ? 8
                        : it->dst_len <= 8 * i     ? 0
                                                   : it->dst_len - 8 * i;
        masked[i] = (uint8_t)(dst[i] & (0xff00u >> keep));
    }
    nv_key_ip(it->ip, it->family, masked);
    return true;
}

/* Goes to the first route of now_family that may be wanted. */
static int seek(struct nv_iter *it)
{
    uint64_t key[NV_TREE_KEY_WORDS_MAX] = {0};
    const uint64_t table = (uint64_t)it->table << 32;
    key[0] = table;
    if (it->now_family == NV_AF_4) {
        if (it->exact && it->table) {
            key[0] = table | it->ip[1];
            key[1] = (uint64_t)it->dst_len << 56;
        }
        return nv_snap_seek(&it->snap, NETVANE_TREE_ROUTES4, key, &it->cursor);
    }
    if (it->exact && it->table) {
        key[0] = table | it->ip[0] >> 32;
        key[1] = it->ip[0] << 32 | it->ip[1] >> 32;
        key[2] = it->ip[1] << 32 | (uint64_t)it->dst_len << 24;
    }
    return nv_snap_seek(&it->snap, NETVANE_TREE_ROUTES6, key, &it->cursor);
}

int netvane_route_iter(const struct netvane_snap *snap, const struct netvane_route_filter *filter,
                       struct netvane_iter *ret_it)
{
    struct nv_iter it;
    struct netvane_route_filter f;
    memset(&f, 0, sizeof(f));
    if (!ret_it || (filter && filter->size < sizeof(uint32_t)))
        return NETVANE_INVALID;
    if (filter)
        memcpy(&f, filter, filter->size < sizeof(f) ? filter->size : sizeof(f));
    if ((f.family && !nv_is_family(f.family)) || (f.exact && !f.family))
        return NETVANE_INVALID;
    int r = nv_iter_begin(snap, NV_ITER_ROUTES, &it);
    if (r)
        return r;
    it.family = f.family;
    it.now_family = f.family ? f.family : NV_AF_4;
    it.table = f.table;
    it.ifindex = f.ifindex;
    it.type = f.type;
    it.protocol = f.protocol;
    it.exact = !!f.exact;
    it.dst_len = f.dst_len;
    if (f.exact && !prefix_words(&it, f.dst)) {
        nv_leave(&it.snap, NV_TREE_END);
        return NETVANE_INVALID;
    }
    return nv_iter_started(&it, seek(&it), ret_it);
}

/* ---- hop sets ------------------------------------------------------------------------------------------------ */

/* The first hop of a set; a set that is named but not there is BAD. */
static int first_hop(struct nv_iter *it, uint32_t set)
{
    const uint64_t key = (uint64_t)set << 32;
    if (it->hop_valid && it->hop.key[0] == key)
        return NV_TREE_OK;
    it->hop_valid = 0;
    int w = nv_snap_find(&it->snap, NETVANE_TREE_HOPS, &key, &it->hop);
    it->hop_valid = w == NV_TREE_OK;
    return w == NV_TREE_END ? NV_TREE_BAD : w;
}

/* OK: a hop of the set leads through the filter's link; END: none does. */
static int set_uses_link(struct nv_iter *it, uint32_t set)
{
    const unsigned place = set % NV_ITER_USES;
    const uint64_t key = (uint64_t)set << 32;
    struct nv_cursor c;
    struct netvane_rec_hop hop;
    bool uses = false;
    if (it->uses_set[place] == set)
        return it->uses & 1u << place ? NV_TREE_OK : NV_TREE_END;
    int w = nv_snap_seek(&it->snap, NETVANE_TREE_HOPS, &key, &c);
    while (w == NV_TREE_OK && !uses && (w = nv_step(&c, &hop)) == NV_TREE_OK &&
           hop.key[0] >> 32 == set)
        uses = hop.ifindex == it->ifindex;
    if (w == NV_TREE_BAD)
        return w;
    it->uses_set[place] = set;
    it->uses = (it->uses & ~(1u << place)) | (uint32_t)uses << place;
    return uses ? NV_TREE_OK : NV_TREE_END;
}

int netvane_route_hop(const struct netvane_snap *snap, const struct netvane_route *route,
                      uint32_t index, struct netvane_hop *ret_hop)
{
    struct nv_snap s;
    struct netvane_rec_hop rec;
    struct netvane_hop hop;
    int r = route && ret_hop && route->size >= offsetof(struct netvane_route, metrics)
                ? nv_enter(snap, &s)
                : NETVANE_INVALID;
    if (r)
        return r;
    const uint64_t key = (uint64_t)route->hops << 32 | index;
    int w = route->hops && index < route->hop_count
                ? nv_snap_find(&s, NETVANE_TREE_HOPS, &key, &rec)
                : NV_TREE_END;
    r = nv_leave(&s, w);
    if (r)
        return r;
    nv_hop_show(&rec, &hop);
    return nv_out(ret_hop, &hop, sizeof(hop));
}

/* ---- next ------------------------------------------------------------------------------------------------------ */

enum verdict { TAKE, SKIP, PAST };

static enum verdict judge4(const struct nv_iter *it, const struct netvane_rec_route4 *r)
{
    const bool other_prefix =
        it->exact && ((uint32_t)r->key[0] != it->ip[1] || r->key[1] >> 56 != it->dst_len);
    if (it->table && (r->key[0] >> 32 != it->table || other_prefix))
        return PAST;
    if (other_prefix || (it->type && r->type != it->type) ||
        (it->protocol && r->protocol != it->protocol))
        return SKIP;
    return TAKE;
}

static enum verdict judge6(const struct nv_iter *it, const struct netvane_rec_route6 *r)
{
    const bool other_prefix = it->exact && ((uint32_t)r->key[0] != it->ip[0] >> 32 ||
                                            r->key[1] != (it->ip[0] << 32 | it->ip[1] >> 32) ||
                                            r->key[2] >> 32 != (uint32_t)it->ip[1] ||
                                            (uint8_t)(r->key[2] >> 24) != it->dst_len);
    if (it->table && (r->key[0] >> 32 != it->table || other_prefix))
        return PAST;
    if (other_prefix || (it->type && r->type != it->type) ||
        (it->protocol && r->protocol != it->protocol))
        return SKIP;
    return TAKE;
}

/* The next record of now_family that the filter wants, with its first hop in it->hop. */
static int step_family(struct nv_iter *it, union nv_route_record *ret)
{
    for (unsigned n = 1;; n++) {
        int w = nv_step(&it->cursor, ret);
        if (w != NV_TREE_OK)
            return w;
        const bool is4 = it->now_family == NV_AF_4;
        const enum verdict verdict = is4 ? judge4(it, &ret->r4) : judge6(it, &ret->r6);
        const uint32_t set = is4 ? ret->r4.hops : ret->r6.hops;
        if (verdict == PAST)
            return NV_TREE_END;
        w = verdict == TAKE ? NV_TREE_OK : NV_TREE_END;
        if (w == NV_TREE_OK && it->ifindex)
            w = set ? set_uses_link(it, set) : NV_TREE_END;
        if (w == NV_TREE_OK && set)
            w = first_hop(it, set);
        if (w != NV_TREE_END)
            return w;
        if (!(n % 4096) &&
            !nv_valid(&it->snap)) /* a long walk over an expired version is in vain */
            return NV_TREE_BAD;
    }
}

int netvane_route_next(struct netvane_iter *iter, struct netvane_route *ret_route)
{
    struct nv_iter *it = nv_iter_of(iter);
    union nv_route_record rec;
    struct netvane_route route;
    int r = ret_route ? nv_iter_enter(it, NV_ITER_ROUTES) : NETVANE_INVALID;
    if (r != 1)
        return r;
    int w = step_family(it, &rec);
    if (w == NV_TREE_END && !it->family && it->now_family == NV_AF_4) {
        it->now_family = NV_AF_6;
        w = seek(it);
        if (w == NV_TREE_OK)
            w = step_family(it, &rec);
    }
    r = nv_iter_leave(it, w);
    if (r != 1)
        return r;
    if (it->now_family == NV_AF_4)
        nv_route4_show(&rec.r4, rec.r4.hops ? &it->hop : NULL, &route);
    else
        nv_route6_show(&rec.r6, rec.r6.hops ? &it->hop : NULL, &route);
    r = nv_out(ret_route, &route, sizeof(route));
    return r ? nv_iter_fail(it, r) : 1;
}

/* ---- metrics ----------------------------------------------------------------------------------------------------- */

static int load_metrics(const struct nv_snap *s, uint32_t set, struct netvane_metrics *ret)
{
    const uint64_t key = (uint64_t)set << 32;
    struct nv_cursor c;
    struct netvane_rec_metric rec;
    int w = nv_snap_seek(s, NETVANE_TREE_METRICS, &key, &c);
    while (w == NV_TREE_OK && (w = nv_step(&c, &rec)) == NV_TREE_OK && rec.key[0] >> 32 == set) {
        uint32_t which = (uint32_t)rec.key[0];
        if (which >= NETVANE_METRIC_SLOTS)
            return NV_TREE_BAD;
        ret->mask |= 1u << which;
        ret->values[which] = rec.value;
        if (which == RTAX_CC_ALGO_)
            memcpy(ret->cc_algo, rec.text, sizeof(ret->cc_algo) - 1);
    }
    if (w == NV_TREE_BAD || !ret->mask) /* a set that is named holds something */
        return NV_TREE_BAD;
    return NV_TREE_OK;
}

int netvane_route_metrics(const struct netvane_snap *snap, const struct netvane_route *route,
                          struct netvane_metrics *ret_metrics)
{
    struct nv_snap s;
    struct netvane_metrics metrics;
    int r = route && ret_metrics && route->size >= offsetof(struct netvane_route, valid_until_ns)
                ? nv_enter(snap, &s)
                : NETVANE_INVALID;
    if (r)
        return r;
    memset(&metrics, 0, sizeof(metrics));
    r = nv_leave(&s, route->metrics ? load_metrics(&s, route->metrics, &metrics) : NV_TREE_OK);
    return r ? r : nv_out(ret_metrics, &metrics, sizeof(metrics));
}
