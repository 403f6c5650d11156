/* SPDX-License-Identifier: MIT */
/*
 * mirror_route6.c - where an IPv6 route goes among its equals.
 *
 * (table, destination, source, metric) names a set, whose members are told apart by a slot: see nv_route_rec. Those with a
 * gateway are hops of one multipath route, slot 0.
 *
 * What is certain of an event (fib6_add_rt2node, ip6_route_mpath_notify, fib6_del_route), and what is not:
 * - Hops that are added go behind those that are there; a dump begins with the first, an event of the addition with any: it is
 *   the same ring. What is said of the route itself (protocol, metrics, preference) is said of the hop that comes first, and
 *   a dump shows that of the first.
 * - A dump leaves out what stands between two hops in the kernel's list: a route without a gateway that was added in
 *   between. So a set with others beside its multipath route is read again when that changes.
 * - A replacement takes the first of its kind (with a gateway, or without), else the first of all: certain if there is one.
 * - A replacement may leave two routes over the same link side by side (twins), where an addition is refused. They differ in
 *   what else is said of them, or not even in that (lookalikes). Dumps tell how many there are, and their order.
 * - A removed hop is named alone; if it was the first, the dump shows what the next says of the route.
 */
#include "route.h"

#define SLOT_MASK UINT64_C(0xffffffff)

/* The others of a set: those with gateways are one, the rest may be many. */
struct others {
    bool has_ways;
    uint32_t rest; /* up to 2 */
    struct nv_route_rec ways, first;
};

static struct others others6(const struct nv_mirror *m, const struct nv_route_rec *r)
{
    struct nv_tree t = nv_draft_tree(&m->draft, r->tree);
    struct nv_route_rec at = *r;
    struct nv_cursor c;
    struct others o = {.rest = 0};
    uint64_t key[NV_TREE_KEY_WORDS_MAX];
    memcpy(key, r->u.key, sizeof(key));
    key[5] &= ~SLOT_MASK;
    for (int more = nv_cursor_seek(&c, &t, key); more == NV_TREE_OK && o.rest < 2;
         more = nv_cursor_next(&c)) {
        if (nv_cursor_get(&c, &at.u) != NV_TREE_OK || memcmp(at.u.key, r->u.key, 5 * 8u) ||
            at.u.key[5] >> 32 != r->u.key[5] >> 32)
            break;
        if (at.u.key[5] == r->u.key[5])
            continue;
        if (!(at.u.key[5] & SLOT_MASK)) {
            o.has_ways = true;
            o.ways = at;
        } else if (!o.rest++) {
            o.first = at;
        }
    }
    return o;
}

/* The slot of the kth of several routes that would have the same one. */
static void set_twin(struct nv_route_rec *r, uint64_t slot, uint32_t k)
{
    uint64_t twin = k ? UINT64_C(1) << 31 | (uint32_t)nv_mix(slot << 8 | k) : slot;
    r->u.key[5] = (r->u.key[5] & ~SLOT_MASK) | (twin & SLOT_MASK);
}

/* The kth of those that would have r's slot; false: there is none. */
static bool get_twin(const struct nv_mirror *m, const struct nv_route_rec *r, uint32_t k,
                     struct nv_route_rec *ret_at)
{
    *ret_at = *r;
    set_twin(ret_at, r->u.key[5] & SLOT_MASK, k);
    return nv_route_get(m, ret_at);
}

/*
 * A dump shows r: twins have the order of the dump. One that is the same as one that was shown already is a lookalike; but a
 * dump that the kernel began anew shows routes twice, too. So a lookalike that is news is counted, and is that other one
 * until a second dump in a row shows it.
 */
static void choose_twin(struct nv_mirror *m, struct nv_route_rec *r)
{
    const uint32_t none = NV_TWINS_MAX;
    uint32_t k = 0, alike = none;
    struct nv_route_rec at, other;
    bool known;
    for (;; k++) {
        known = get_twin(m, r, k, &at);
        if (!known || !nv_bit_get(m->ids[NV_K_ROUTE6].seen, at.u.r6.id) || k + 1 == NV_TWINS_MAX)
            break;
        if (alike == none && nv_route_same6(m, r, &at)) {
            alike = k;
            other = at;
        }
    }
    if (alike != none && !(known && nv_route_same6(m, r, &at))) {
        m->lookalikes++;
        if (!m->lookalikes_sure) {
            k = alike;
            r->u.r6.valid_until_ns = other.u.r6.valid_until_ns; /* all that it may differ in */
            r->u.r6.flags = other.u.r6.flags;
        }
    }
    m->has_twins |= k != 0;
    set_twin(r, r->u.key[5] & SLOT_MASK, k);
}

/* Those behind a twin that went move up. */
static void close_twins(struct nv_mirror *m, const struct nv_route_rec *r, uint32_t k)
{
    uint64_t slot = r->u.key[5] & SLOT_MASK;
    while (slot && m->has_twins && ++k < NV_TWINS_MAX) {
        struct nv_route_rec at;
        if (!get_twin(m, r, k, &at) || !nv_mirror_reserve_removal(m, NV_K_ROUTE6))
            return;
        uint64_t before = nv_route_content(m, &at);
        uint64_t from[NV_TREE_KEY_WORDS_MAX];
        memcpy(from, at.u.key, sizeof(from));
        (void)nv_draft_delete(&m->draft, at.tree, from);
        set_twin(&at, slot, k - 1);
        (void)nv_draft_put(&m->draft, at.tree, &at.u);
        nv_mirror_lpm_touch(m, &at);
        nv_mirror_account_move(m, at.kind, from, before, at.u.key, nv_route_content(m, &at));
    }
}

/* Which twin an event names; NV_TWINS_MAX: none is the same. */
static uint32_t find_twin(const struct nv_mirror *m, const struct nv_route_rec *r,
                          struct nv_route_rec *ret_at)
{
    bool twins = (r->u.key[5] & SLOT_MASK) && m->has_twins;
    for (uint32_t k = 0; k < (twins ? NV_TWINS_MAX : 1); k++)
        if (get_twin(m, r, k, ret_at) && nv_route_same6(m, r, ret_at))
            return k;
    return NV_TWINS_MAX;
}

static bool same_hop(const struct netvane_rec_hop *a, const struct netvane_rec_hop *b)
{
    struct netvane_rec_hop x = *a, y = *b;
    x.multipath = y.multipath = 0;
    x.count = y.count = 0;
    x.weight = y.weight = 0; /* a single gateway has its weight too, but does not show it */
    return nv_route_same_hops(&x, &y, 1);
}

/*
 * Hops were added to the multipath route `old`; r is as the event tells it, m->rec_scratch gets the hops as a dump will. Where
 * the ring of r's hops, begun with the first of old, does not go on with the others of old, something was missed.
 */
static bool turn(struct nv_mirror *m, const struct nv_route_rec *r, const struct nv_route_rec *old)
{
    uint32_t count, had, first = 0;
    const struct netvane_rec_hop *ring = nv_mirror_hops(m, r->u.r6.hops, &count),
                                 *was = nv_mirror_hops(m, old->u.r6.hops, &had);
    if (!had || count <= had)
        return false;
    while (first < count && !same_hop(&ring[first], &was[0]))
        first++;
    for (uint32_t i = 0; i < had; i++)
        if (first == count || !same_hop(&ring[(first + i) % count], &was[i]))
            return false;
    for (uint32_t i = 0; i < count; i++) {
        m->rec_scratch[i] = ring[(first + i) % count];
        m->rec_scratch[i].key[0] = i;
        m->rec_scratch[i].id = 0;
    }
    return true;
}

/* Puts the hops of m->rec_scratch in the place of r's. */
static void take_scratch(struct nv_mirror *m, struct nv_route_rec *r, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        nv_intern_ref(&m->strings, m->rec_scratch[i].encap);
    uint32_t before = nv_route_hops(r);
    nv_route_set_hops(r, nv_hops_intern(m, count));
    nv_intern_unref(&m->hops, before);
}

/* An event says that the route with gateways, `old`, has more of them now. */
static enum nv_effect merge6(struct nv_mirror *m, struct nv_route_rec *r,
                             const struct nv_route_rec *old)
{
    uint32_t count;
    (void)nv_mirror_hops(m, r->u.r6.hops, &count);
    if (!turn(m, r, old))
        return nv_route_write(m, r) == NV_CHANGED ? NV_SUSPECT : NV_SAME;
    take_scratch(m, r, count);
    struct nv_route_rec merged = *old; /* what the first hop says of the route stays */
    nv_route_set_hops(&merged, nv_route_hops(r));
    merged.u.r6.flags = r->u.r6.flags;
    nv_intern_ref(&m->metrics, nv_route_metrics(&merged));
    nv_intern_unref(&m->metrics, nv_route_metrics(r));
    return nv_route_write(m, &merged);
}

static bool is_multipath(const struct nv_mirror *m, const struct nv_route_rec *r)
{
    uint32_t count;
    (void)nv_mirror_hops(m, nv_route_hops(r), &count);
    return count > 1;
}

/* The kernel replaced one of the set by r: which? */
static enum nv_effect replace6(struct nv_mirror *m, struct nv_route_rec *r,
                               const struct nv_route_rec *old, bool known)
{
    bool ways = !(r->u.key[5] & SLOT_MASK);
    struct others o = others6(m, r);
    uint32_t of_kind = known + (ways ? 0 : o.rest);
    const struct nv_route_rec *gone = NULL;
    if (of_kind == 1)
        gone = known ? old : &o.first;
    else if (!of_kind && o.has_ways + o.rest == 1)
        gone = o.has_ways ? &o.ways : &o.first;
    /*
     * Of several gateways only the first took the place: a dump passes over what stands before the others. And what
     * stands between the gateways that are there may be what was replaced, unseen.
     */
    bool doubt = !gone || is_multipath(m, gone) || (o.rest && is_multipath(m, r)) ||
                 (o.has_ways && is_multipath(m, &o.ways));
    if (gone)
        r->u.r6.order = gone->u.r6.order;
    if (gone && gone != old)
        nv_route_drop(m, gone);
    enum nv_effect e = nv_route_write(m, r);
    return doubt ? NV_SUSPECT : e;
}

/*
 * A dump shows a set in the kernel's order: what was held to come before the one that it showed last gets a later order. What
 * it shows again (a dump begun anew) says nothing.
 */
static void order_of_dump(struct nv_mirror *m, struct nv_route_rec *r)
{
    struct nv_run *run = &m->route_run;
    if (run->valid && !nv_key_compare(run->key, r->u.key, 5) &&
        run->key[5] >> 32 == r->u.key[5] >> 32) {
        struct nv_route_rec at = *r, last = *r;
        memcpy(last.u.key, run->key, sizeof(run->key));
        if (nv_route_get(m, &at) && nv_route_get(m, &last)) {
            if (nv_bit_get(m->ids[NV_K_ROUTE6].seen, at.u.r6.id))
                return;
            if (at.u.r6.order < last.u.r6.order)
                r->u.r6.order = ++m->route6_order;
        }
    }
    run->valid = true;
    memcpy(run->key, r->u.key, sizeof(run->key));
}

enum nv_effect nv_route_put6(struct nv_mirror *m, struct nv_route_rec *r, uint32_t list,
                             bool from_dump)
{
    struct nv_route_rec old = *r;
    if (from_dump) {
        if (r->u.key[5] & SLOT_MASK)
            choose_twin(m, r);
        order_of_dump(m, r);
        return nv_route_write(m, r);
    }
    bool known = nv_route_get(m, &old);
    if (list & NV_LIST_REPLACE)
        return replace6(m, r, &old, known);
    if (!known)
        return nv_route_write(m, r);
    if (r->u.key[5] & SLOT_MASK)
        return nv_route_write(m, r) == NV_CHANGED ? NV_SUSPECT : NV_SAME;
    enum nv_effect e = merge6(m, r, &old);
    return e == NV_CHANGED && others6(m, &old).rest ? NV_SUSPECT : e;
}

/* Takes one hop out of a multipath route. */
static bool drop_hop(struct nv_mirror *m, const struct nv_route_rec *at, const struct nv_route *f)
{
    uint32_t count, kept = 0;
    const struct netvane_rec_hop *set = nv_mirror_hops(m, nv_route_hops(at), &count);
    if (count < 2 || f->hop_count != 1)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (set[i].ifindex == f->hops[0].ifindex && set[i].gw_family == f->hops[0].gw_family &&
            !memcmp(set[i].gateway, f->hops[0].gateway, sizeof(set[i].gateway)))
            continue;
        m->rec_scratch[kept] = set[i];
        m->rec_scratch[kept].key[0] = kept;
        kept++;
    }
    if (kept + 1 != count)
        return false;
    for (uint32_t i = 0; i < kept; i++) {
        m->rec_scratch[i].count = kept;
        m->rec_scratch[i].multipath = kept > 1;
        nv_intern_ref(&m->strings, m->rec_scratch[i].encap);
    }
    struct nv_route_rec r = *at;
    nv_route_set_hops(&r, nv_hops_intern(m, kept));
    nv_intern_ref(&m->metrics, nv_route_metrics(&r));
    (void)nv_route_write(m, &r);
    return true;
}

enum nv_effect nv_route_remove6(struct nv_mirror *m, const struct nv_route_rec *r,
                                const struct nv_route *f)
{
    struct nv_route_rec at = *r;
    uint32_t k = find_twin(m, r, &at);
    if (k < NV_TWINS_MAX) {
        bool doubt = is_multipath(m, &at); /* what stood between its hops shows now */
        nv_route_drop(m, &at);
        close_twins(m, r, k);
        doubt |= find_twin(m, r, &at) < NV_TWINS_MAX; /* or was it this one? */
        return doubt ? NV_SUSPECT : NV_CHANGED;
    }
    at = *r;
    if (!nv_route_get(m, &at))
        return NV_SUSPECT;
    if (nv_route_same_ways(m, r, &at)) { /* but something else of it was missed */
        nv_route_drop(m, &at);
        return NV_SUSPECT;
    }
    (void)drop_hop(m, &at, f);
    return NV_SUSPECT;
}
