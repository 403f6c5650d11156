/* SPDX-License-Identifier: MIT */
/*
 * mirror_route.c - route records: made from facts, written, counted, dropped.
 *
 * Which of several equals a fact means is the business of mirror_route4.c and mirror_route6.c; where an event leaves a doubt
 * the effect is SUSPECT, and sync.c has the table re-read.
 */
#include <stdlib.h>

#include "route.h"
#include "route_kin.h"

/* ---- tables ------------------------------------------------------------------------------------------- */

struct nv_table *nv_mirror_table(struct nv_mirror *m, uint8_t family, uint32_t table)
{
    if (m->table_last < m->table_count && m->tables[m->table_last].table == table &&
        m->tables[m->table_last].family == family)
        return &m->tables[m->table_last];
    for (uint32_t i = 0; i < m->table_count; i++) {
        if (m->tables[i].table != table || m->tables[i].family != family)
            continue;
        m->table_last = i;
        return &m->tables[i];
    }
    if (m->table_count == m->table_capacity) {
        uint32_t capacity = m->table_capacity ? m->table_capacity * 2u : 8u;
        nv_lpm_seal(&m->lpm.editor); /* it knows the table by its place */
        struct nv_table *tables = realloc(m->tables, (size_t)capacity * sizeof(*tables));
        if (!tables)
            return NULL;
        m->tables = tables;
        m->table_capacity = capacity;
    }
    struct nv_table *t = &m->tables[m->table_count++];
    *t = (struct nv_table){.table = table, .family = family};
    return t;
}

static struct nv_table *table_of_route(struct nv_mirror *m, const struct nv_route_rec *r)
{
    return nv_mirror_table(m, nv_route_is4(r) ? NV_AF_4 : NV_AF_6, (uint32_t)(r->u.key[0] >> 32));
}

static unsigned dst_len_of(const struct nv_route_rec *r)
{
    return nv_route_is4(r) ? (unsigned)(r->u.key[1] >> 56) : (unsigned)(r->u.key[2] >> 24 & 0xffu);
}

/* Is the probe destination inside the prefix? Then the route may decide the egress, or is a default. */
static bool covers_probe(const struct nv_mirror *m, const struct nv_route_rec *r)
{
    unsigned len = dst_len_of(r);
    if (nv_route_is4(r)) {
        uint32_t mask = len ? UINT32_MAX << (32u - len) : 0;
        return !(((uint32_t)r->u.key[0] ^ nv_load_be32(m->probe[0])) & mask);
    }
    uint32_t dst[4] = {(uint32_t)r->u.key[0], (uint32_t)(r->u.key[1] >> 32), (uint32_t)r->u.key[1],
                       (uint32_t)(r->u.key[2] >> 32)};
    for (unsigned i = 0; i < 4 && len > 32u * i; i++) {
        unsigned bits = len - 32u * i < 32u ? len - 32u * i : 32u;
        uint32_t mask = UINT32_MAX << (32u - bits);
        if ((dst[i] ^ nv_load_be32(m->probe[1] + 4u * i)) & mask)
            return false;
    }
    return true;
}

static void count_route(struct nv_mirror *m, const struct nv_route_rec *r, bool added)
{
    struct nv_table *t = table_of_route(m, r);
    if (!t)
        return;
    uint32_t *count = &t->count[dst_len_of(r)];
    *count += added ? 1u : UINT32_MAX;
    t->total += added ? 1u : UINT32_MAX;
    /* The table's record tells the lengths, and how many routes there are if the root record does not. */
    if (*count == added || !nv_table_in_root(t))
        t->stale = m->tables_stale = true;
}

static uint32_t expires6(const struct nv_route_rec *r)
{
    return !nv_route_is4(r) && r->u.r6.valid_until_ns != NV_FOREVER;
}

static uint32_t prefers_source6(const struct nv_route_rec *r)
{
    static const uint8_t none[16];
    return !nv_route_is4(r) && memcmp(r->u.r6.prefsrc, none, sizeof(none));
}

static void note_change(struct nv_mirror *m, const struct nv_route_rec *r)
{
    bool *stale = &m->choice_stale[!nv_route_is4(r)];
    if (!*stale && covers_probe(m, r))
        *stale = true;
}

/* ---- records ----------------------------------------------------------------------------------------------- */

static uint32_t slot_of(const struct nv_route *f)
{
    enum { PROTO_RA = 9 /* RTPROT_RA */, NO_LINK = 1 << 30 };
    const struct nv_hop *h = f->hops;
    if (!f->nhid && (f->multipath || f->hop_count > 1 ||
                     (f->hop_count && h->gw_family && f->protocol != PROTO_RA)))
        return 0;
    if (!f->nhid && !(f->hop_count && h->gw_family))
        return f->hop_count && h->ifindex ? h->ifindex : NO_LINK;
    uint64_t hash = nv_mix(f->nhid);
    if (!f->nhid)
        hash = nv_content_fold(nv_mix(h->ifindex), nv_hash(h->gateway, sizeof(h->gateway)));
    return 1u << 31 | (uint32_t)hash;
}

void nv_route_set_dst(struct nv_route_rec *r, const struct nv_route *f)
{
    if (nv_route_is4(r)) {
        r->u.key[0] = (uint64_t)f->table << 32 | nv_load_be32(f->dst);
        r->u.key[1] = (r->u.key[1] & (UINT64_MAX >> 8)) | (uint64_t)f->dst_len << 56;
    } else {
        r->u.key[0] = (uint64_t)f->table << 32 | nv_load_be32(f->dst);
        r->u.key[1] = nv_load_be64(f->dst + 4);
        r->u.key[2] = (uint64_t)nv_load_be32(f->dst + 12) << 32 | (uint64_t)f->dst_len << 24 |
                      (uint64_t)f->src_len << 16;
    }
}

static struct nv_route_rec key_from(const struct nv_route *f)
{
    struct nv_route_rec r = nv_route_new(f->family);
    nv_route_set_dst(&r, f);
    if (nv_route_is4(&r)) {
        r.u.key[1] |= (uint64_t)f->tos << 48 | (uint64_t)f->metric << 16;
    } else {
        r.u.key[3] = nv_load_be64(f->src);
        r.u.key[4] = nv_load_be64(f->src + 8);
        r.u.key[5] = (uint64_t)f->metric << 32 | slot_of(f);
    }
    return r;
}

/* The whole record; it holds a reference on its sets. */
static struct nv_route_rec record_from(struct nv_mirror *m, const struct nv_route *f,
                                       uint64_t now_ns)
{
    struct nv_route_rec r = key_from(f);
    uint32_t hops = nv_hops_from(m, f), metrics = nv_metrics_from(m, f);
    if (nv_route_is4(&r)) {
        r.u.r4.flags = f->flags;
        r.u.r4.type = f->type;
        r.u.r4.protocol = f->protocol;
        r.u.r4.scope = f->scope;
        r.u.r4.hops = hops;
        r.u.r4.metrics = metrics;
        if (f->has_prefsrc)
            memcpy(r.u.r4.prefsrc, f->prefsrc, 4);
    } else {
        r.u.r6.flags = f->flags;
        r.u.r6.type = f->type;
        r.u.r6.protocol = f->protocol;
        r.u.r6.scope = f->scope;
        r.u.r6.pref = f->pref;
        r.u.r6.hops = hops;
        r.u.r6.metrics = metrics;
        if (f->has_prefsrc)
            memcpy(r.u.r6.prefsrc, f->prefsrc, 16);
        r.u.r6.valid_until_ns =
            f->has_expires ? now_ns + (uint64_t)f->expires_s * NV_NS_PER_S : NV_FOREVER;
    }
    return r;
}

void nv_route_unref_sets(struct nv_mirror *m, const struct nv_route_rec *r)
{
    nv_intern_unref(&m->hops, nv_route_hops(r));
    nv_intern_unref(&m->metrics, nv_route_metrics(r));
}

/* Equal but for place, id and lifetime? */
bool nv_route_equal(const struct nv_route_rec *a, const struct nv_route_rec *b)
{
    struct nv_route_rec x = *a, y = *b;
    if (nv_route_is4(a)) {
        nv_route_set_position(&x, 0);
        nv_route_set_position(&y, 0);
    }
    *nv_route_id(&x) = *nv_route_id(&y) = 0;
    if (!nv_route_is4(&x)) {
        x.u.r6.valid_until_ns = y.u.r6.valid_until_ns = 0;
        x.u.r6.order = y.u.r6.order = 0;
    }
    return nv_route_same_record(&x, &y);
}

/*
 * Writes r at its key in place of what is there. r's references become the mirror's, or are dropped. An IPv6 route
 * without an order has that of what is there, or comes last.
 */
enum nv_effect nv_route_write(struct nv_mirror *m, struct nv_route_rec *r)
{
    struct nv_route_rec old; /* if known */
    old.tree = r->tree;
    old.kind = r->kind;
    bool known = nv_draft_locate(&m->draft, r->tree, r->u.key, &old.u);
    if (known) {
        nv_bit_set(m->ids[r->kind].seen, *nv_route_id(&old));
        nv_bit_clear(m->ids[r->kind].missed, *nv_route_id(&old));
        *nv_route_id(r) = *nv_route_id(&old);
        if (!nv_route_is4(r) && !r->u.r6.order)
            r->u.r6.order = old.u.r6.order;
        if (!nv_route_is4(r) && r->u.r6.valid_until_ns != NV_FOREVER &&
            old.u.r6.valid_until_ns != NV_FOREVER) {
            uint64_t a = r->u.r6.valid_until_ns, b = old.u.r6.valid_until_ns;
            if ((a > b ? a - b : b - a) < 2 * NV_NS_PER_S)
                r->u.r6.valid_until_ns = b; /* the same end, read at another moment */
        }
        if (nv_route_same_record(r, &old)) {
            nv_route_unref_sets(m, r);
            return NV_SAME;
        }
    } else {
        *nv_route_id(r) = nv_ids_take(&m->ids[r->kind]);
        if (!nv_route_is4(r) && !r->u.r6.order)
            r->u.r6.order = ++m->route6_order; /* the kernel appends to its list */
        count_route(m, r, true);
    }
    uint64_t before = known ? nv_route_content(m, &old) : 0, after = nv_route_content(m, r);
    if (!nv_route_is4(r)) {
        m->prefsrc6_count += prefers_source6(r) - (known ? prefers_source6(&old) : 0);
        m->expiring6_count += expires6(r) - (known ? expires6(&old) : 0);
    }
    nv_draft_put_located(&m->draft, r->tree, known, &r->u);
    if (known)
        nv_mirror_lpm_touch(m, r);
    else
        nv_mirror_lpm_added(m, r);
    nv_mirror_note(m, r->kind, &r->u);
    nv_mirror_account(m, r->kind, r->u.key, before, after);
    if (known)
        nv_route_unref_sets(m, &old);
    if (known && before == after)
        return NV_TOUCHED;
    note_change(m, r);
    return NV_CHANGED;
}

/*
 * Those behind r in its IPv4 list move up over it, in place (so that however many there are, nodes are only copied);
 * returns the key of the place that is left over.
 */
static struct nv_route_rec close_gap(struct nv_mirror *m, const struct nv_route_rec *r)
{
    struct nv_route_rec last = *r, next = *r;
    uint64_t from[NV_TREE_KEY_WORDS_MAX];
    for (uint32_t i = nv_route_position(r) + 1; nv_route_is4(r) && i < NV_ROUTE_POSITIONS_MAX;
         i++) {
        nv_route_set_position(&next, i);
        if (!nv_route_get(m, &next))
            break;
        uint64_t before = nv_route_content(m, &next);
        memcpy(from, next.u.key, sizeof(from));
        nv_route_set_position(&next, i - 1);
        (void)nv_draft_put(&m->draft, next.tree, &next.u);
        nv_mirror_account_move(m, next.kind, from, before, next.u.key, nv_route_content(m, &next));
        nv_route_set_position(&last, i);
    }
    return last;
}

static void note_bared(struct nv_mirror *m, const struct nv_route_rec *r)
{
    uint32_t count;
    const struct netvane_rec_hop *set = nv_mirror_hops(m, nv_route_hops(r), &count);
    if (nv_route_is4(r) || count < 2 || set[0].nhid)
        return;
    struct nv_table *t = table_of_route(m, r);
    if (t)
        t->bared = m->bared6 = true;
}

void nv_route_forget(struct nv_mirror *m, const struct nv_route_rec *r)
{
    note_bared(m, r);
    struct nv_route_rec gone = *r;
    nv_mirror_account(m, r->kind, r->u.key, nv_route_content(m, r), 0);
    nv_ids_free(&m->ids[r->kind], *nv_route_id(&gone));
    count_route(m, r, false);
    m->prefsrc6_count -= prefers_source6(r);
    m->expiring6_count -= expires6(r);
    nv_route_unref_sets(m, r);
    note_change(m, r);
    nv_mirror_lpm_touch(m, r);
}

void nv_route_drop(struct nv_mirror *m, const struct nv_route_rec *r)
{
    struct nv_route_rec place = close_gap(m, r);
    (void)nv_draft_delete(&m->draft, r->tree, place.u.key);
    nv_route_forget(m, r);
}

void nv_mirror_drop_route(struct nv_mirror *m, unsigned tree, const void *record)
{
    struct nv_route_rec r = nv_route_new(tree == NETVANE_TREE_ROUTES4 ? NV_AF_4 : NV_AF_6);
    memcpy(&r.u, record, nv_tree_shape(tree)->stride);
    nv_route_drop(m, &r);
}

/* Are both keys of one list of IPv4 routes: equal but for the position? */
static bool same_list(const uint64_t *a, const uint64_t *b)
{
    return a[0] == b[0] && (a[1] ^ b[1]) <= NV_POSITION_MASK;
}

void nv_mirror_walk_dropped(unsigned tree, uint64_t *from, const void *dropped)
{
    uint64_t key[2];
    memcpy(key, dropped, sizeof(key));
    if (tree == NETVANE_TREE_ROUTES4 && same_list(from, key))
        from[1]--;
}

/* Equals of an IPv4 route: positions have no gaps, and mostly all stand in one leaf. */
uint32_t nv_route_list_length(struct nv_mirror *m, struct nv_route_rec r)
{
    uint32_t n = 0;
    uint64_t key[2];
    const void *at;
    nv_route_set_position(&r, 0);
    const uint64_t first[2] = {r.u.key[0], r.u.key[1]};
    if (!nv_draft_locate(&m->draft, r.tree, first, &r.u))
        return 0;
    while ((at = nv_draft_beside(&m->draft, r.tree, n))) {
        memcpy(key, at, sizeof(key));
        if (!same_list(key, first))
            return n;
        n++;
    }
    const uint64_t *bound = nv_draft_bound(&m->draft, r.tree);
    if (!bound || !same_list(bound, first))
        return n;
    for (; n < NV_ROUTE_POSITIONS_MAX; n++) {
        nv_route_set_position(&r, n);
        if (!nv_route_get(m, &r))
            break;
    }
    return n;
}

/*
 * Flags that the kernel changes without replacing the route: an event may show them older or newer than the mirror does.
 * What is left: RTNH_F_PERVASIVE, RTNH_F_ONLINK.
 */
#define STEADY_FLAGS 6u

bool nv_route_same_hops(const struct netvane_rec_hop *a, const struct netvane_rec_hop *b,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct netvane_rec_hop x = a[i], y = b[i];
        x.key[0] = y.key[0] = 0;
        x.id = y.id = 0;
        x.flags &= STEADY_FLAGS;
        y.flags &= STEADY_FLAGS;
        if (memcmp(&x, &y, sizeof(x)))
            return false;
    }
    return true;
}

static bool same_sets(const struct nv_mirror *m, uint32_t a, uint32_t b)
{
    uint32_t n, k;
    const struct netvane_rec_hop *p = nv_mirror_hops(m, a, &n), *q = nv_mirror_hops(m, b, &k);
    if (n && k && p[0].nhid && p[0].nhid == q[0].nhid)
        return true; /* the ways are the nexthop object's, which may have been replaced */
    return a == b || (n == k && nv_route_same_hops(p, q, n));
}

bool nv_route_same4(const struct nv_mirror *m, const struct nv_route_rec *a,
                    const struct nv_route_rec *b)
{
    struct netvane_rec_route4 x = a->u.r4, y = b->u.r4;
    x.key[1] &= ~NV_POSITION_MASK;
    y.key[1] &= ~NV_POSITION_MASK;
    x.id = y.id = x.hops = y.hops = 0;
    x.flags &= STEADY_FLAGS;
    y.flags &= STEADY_FLAGS;
    return !memcmp(&x, &y, sizeof(x)) && same_sets(m, a->u.r4.hops, b->u.r4.hops);
}

bool nv_route_same6(const struct nv_mirror *m, const struct nv_route_rec *a,
                    const struct nv_route_rec *b)
{
    struct netvane_rec_route6 x = a->u.r6, y = b->u.r6;
    x.key[5] = y.key[5] = 0;
    x.id = y.id = x.hops = y.hops = x.order = y.order = 0;
    x.flags &= STEADY_FLAGS;
    y.flags &= STEADY_FLAGS;
    x.valid_until_ns = x.valid_until_ns == NV_FOREVER; /* whether, not when */
    y.valid_until_ns = y.valid_until_ns == NV_FOREVER;
    return !memcmp(&x, &y, sizeof(x)) && same_sets(m, a->u.r6.hops, b->u.r6.hops);
}

/* Do both go the same ways? Flags of hops are not compared: an event may show them older or newer. */
bool nv_route_same_ways(const struct nv_mirror *m, const struct nv_route_rec *a,
                        const struct nv_route_rec *b)
{
    uint32_t n, k;
    const struct netvane_rec_hop *x = nv_mirror_hops(m, nv_route_hops(a), &n),
                                 *y = nv_mirror_hops(m, nv_route_hops(b), &k);
    if (n && k && x[0].nhid && x[0].nhid == y[0].nhid)
        return true;
    if (n != k)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (x[i].ifindex != y[i].ifindex || x[i].gw_family != y[i].gw_family ||
            x[i].nhid != y[i].nhid || memcmp(x[i].gateway, y[i].gateway, sizeof(x[i].gateway)))
            return false;
    return true;
}

/* ---- put and remove ---------------------------------------------------------------------------------- */

enum nv_effect nv_mirror_route_put(struct nv_mirror *m, const struct nv_route *f, uint32_t list,
                                   bool from_dump, uint64_t now_ns)
{
    if (!nv_mirror_reserve(m, f->family == NV_AF_4 ? NV_K_ROUTE4 : NV_K_ROUTE6))
        return NV_REFUSED;
    struct nv_route_rec r;
    if (!f->kin || !from_dump) {
        r = record_from(m, f, now_ns);
    } else if (!nv_route_kin_find(m, f, &r)) {
        r = record_from(m, f, now_ns);
        nv_route_kin_keep(m, f, &r);
    }
    if (!from_dump)
        nv_mirror_lpm_fetch(m, &r);
    return nv_route_is4(&r) ? nv_route_put4(m, &r, list, from_dump)
                            : nv_route_put6(m, &r, list, from_dump);
}

void nv_mirror_route_left_out(struct nv_mirror *m, const struct nv_route *f)
{
    struct nv_route_rec key = key_from(f);
    note_change(m, &key);
}

void nv_mirror_route_skip(struct nv_mirror *m, const struct nv_route *f)
{
    struct nv_route_rec key = key_from(f);
    if (nv_route_is4(&key))
        (void)nv_route_dump_position(m, &key);
}

enum nv_effect nv_mirror_route_remove(struct nv_mirror *m, const struct nv_route *f)
{
    struct nv_route_rec key = key_from(f);
    uint32_t n = nv_route_is4(&key) ? nv_route_list_length(m, key) : 1;
    if (!n)
        return NV_SAME;
    if (!nv_mirror_reserve_removal(m, key.kind))
        return NV_REFUSED;
    struct nv_route_rec r = record_from(m, f, 0);
    enum nv_effect e = nv_route_is4(&r) ? nv_route_remove4(m, &r, n) : nv_route_remove6(m, &r, f);
    nv_route_unref_sets(m, &r);
    return e;
}
