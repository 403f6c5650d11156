/* SPDX-License-Identifier: MIT */
/*
 * mirror_route.c - routes of both families, with their shared hop and metric sets.
 *
 * IPv4: (table, prefix, tos, metric) names a list, and a route is a position in it. In a dump of the table the entries of a
 * list follow each other, so their order is the position; a dump limited to a link shows only parts of lists, and where
 * there is more than one candidate the table is asked for. An event says with its flags where the kernel put the route.
 * IPv6: (table, destination, source, metric) names a set; its members are told apart by a slot: 0 for the one route of
 * gateways, which are its hops; the link for a route to a device alone; else a hash of what else tells them apart (routes
 * of router advertisements, which never merge, and of nexthop objects). A removal may name one hop.
 * Where an event leaves a doubt the effect is SUSPECT, and sync.c has the table re-read.
 */
#include <stdlib.h>

#include "limits.h"
#include "mirror.h"

/* A route record of either family. IPv4: the position is the low 16 bits of the last key word; IPv6: the slot, 32. */
struct route {
    unsigned tree, words;
    enum nv_kind kind;
    union {
        uint64_t key[NV_TREE_KEY_WORDS_MAX];
        struct netvane_rec_route4 r4;
        struct netvane_rec_route6 r6;
    } u;
};

#define POSITION_MASK UINT64_C(0xffff)

static struct route route_new(uint8_t family)
{
    struct route r = {.tree = family == NV_AF_4 ? NETVANE_TREE_ROUTES4 : NETVANE_TREE_ROUTES6,
                      .words = family == NV_AF_4 ? 2 : 6,
                      .kind = family == NV_AF_4 ? NV_K_ROUTE4 : NV_K_ROUTE6};
    return r;
}

static bool is4(const struct route *r)
{
    return r->tree == NETVANE_TREE_ROUTES4;
}

static uint32_t *id_at(struct route *r)
{
    return is4(r) ? &r->u.r4.id : &r->u.r6.id;
}

static uint32_t hops_of(const struct route *r)
{
    return is4(r) ? r->u.r4.hops : r->u.r6.hops;
}

static uint32_t metrics_of(const struct route *r)
{
    return is4(r) ? r->u.r4.metrics : r->u.r6.metrics;
}

static void set_hops(struct route *r, uint32_t hops)
{
    if (is4(r))
        r->u.r4.hops = hops;
    else
        r->u.r6.hops = hops;
}

static void set_position(struct route *r, uint32_t position)
{
    r->u.key[1] = (r->u.key[1] & ~POSITION_MASK) | position;
}

static uint32_t position_of(const struct route *r)
{
    return (uint32_t)(r->u.key[1] & POSITION_MASK);
}

static bool get(const struct nv_mirror *m, struct route *r)
{
    return nv_draft_find(&m->draft, r->tree, r->u.key, &r->u);
}

static bool same_record(const struct route *a, const struct route *b)
{
    return !memcmp(&a->u, &b->u, is4(a) ? sizeof(a->u.r4) : sizeof(a->u.r6));
}

static uint64_t content_of(const struct nv_mirror *m, const struct route *r)
{
    uint64_t hops = nv_intern_content(&m->hops, hops_of(r));
    uint64_t metrics = nv_intern_content(&m->metrics, metrics_of(r));
    return is4(r) ? nv_content_route4(&r->u.r4, hops, metrics)
                  : nv_content_route6(&r->u.r6, hops, metrics);
}

/* ---- tables ------------------------------------------------------------------------------------------- */

static struct nv_table *table_of(struct nv_mirror *m, uint8_t family, uint32_t table)
{
    for (uint32_t i = 0; i < m->table_count; i++)
        if (m->tables[i].table == table && m->tables[i].family == family)
            return &m->tables[i];
    if (m->table_count == m->table_capacity) {
        uint32_t capacity = m->table_capacity ? m->table_capacity * 2u : 8u;
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

static unsigned dst_len_of(const struct route *r)
{
    return is4(r) ? (unsigned)(r->u.key[1] >> 56) : (unsigned)(r->u.key[2] >> 24 & 0xffu);
}

/* Is the probe destination inside the prefix? Then the route may decide the egress, or is a default. */
static bool covers_probe(const struct nv_mirror *m, const struct route *r)
{
    unsigned len = dst_len_of(r);
    if (is4(r)) {
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

static void count_route(struct nv_mirror *m, const struct route *r, bool added)
{
    struct nv_table *t = table_of(m, is4(r) ? NV_AF_4 : NV_AF_6, (uint32_t)(r->u.key[0] >> 32));
    if (t) {
        t->count[dst_len_of(r)] += added ? 1u : UINT32_MAX;
        t->total += added ? 1u : UINT32_MAX;
    }
}

static void note_change(struct nv_mirror *m, const struct route *r)
{
    if (covers_probe(m, r))
        m->choice_stale[!is4(r)] = true;
}

/* ---- shared sets --------------------------------------------------------------------------------------- */

static uint32_t intern_hops(struct nv_mirror *m, uint32_t count)
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

static uint32_t hops_from(struct nv_mirror *m, const struct nv_route *f)
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
    return intern_hops(m, bare ? 1u : count);
}

static uint32_t metrics_from(struct nv_mirror *m, const struct nv_route *f)
{
    struct netvane_rec_metric set[NV_METRICS_MAX];
    uint32_t count = 0;
    enum { CC_ALGO = 16 /* RTAX_CC_ALGO */ };
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

bool nv_mirror_set_only(const struct nv_mirror *m, uint32_t hops, uint32_t ifindex)
{
    uint32_t count;
    const struct netvane_rec_hop *set = nv_mirror_hops(m, hops, &count);
    for (uint32_t i = 0; i < count; i++)
        if (set[i].ifindex != ifindex)
            return false;
    return count > 0;
}

/* ---- records ----------------------------------------------------------------------------------------------- */

static uint32_t slot_of(const struct nv_route *f)
{
    enum { PROTO_RA = 9 /* RTPROT_RA */, NO_LINK = 1 << 30 };
    const struct nv_hop *h = f->hops;
    if (f->multipath || f->hop_count > 1 ||
        (f->hop_count && h->gw_family && !f->nhid && f->protocol != PROTO_RA))
        return 0;
    if (!f->nhid && !(f->hop_count && h->gw_family))
        return f->hop_count && h->ifindex ? h->ifindex : NO_LINK;
    uint64_t hash = nv_mix(f->nhid);
    if (!f->nhid)
        hash = nv_content_fold(nv_mix(h->ifindex), nv_hash(h->gateway, sizeof(h->gateway)));
    return 1u << 31 | (uint32_t)hash;
}

static struct route key_from(const struct nv_route *f)
{
    struct route r = route_new(f->family);
    if (is4(&r)) {
        r.u.key[0] = (uint64_t)f->table << 32 | nv_load_be32(f->dst);
        r.u.key[1] =
            (uint64_t)f->dst_len << 56 | (uint64_t)f->tos << 48 | (uint64_t)f->metric << 16;
    } else {
        r.u.key[0] = (uint64_t)f->table << 32 | nv_load_be32(f->dst);
        r.u.key[1] = nv_load_be64(f->dst + 4);
        r.u.key[2] = (uint64_t)nv_load_be32(f->dst + 12) << 32 | (uint64_t)f->dst_len << 24 |
                     (uint64_t)f->src_len << 16;
        r.u.key[3] = nv_load_be64(f->src);
        r.u.key[4] = nv_load_be64(f->src + 8);
        r.u.key[5] = (uint64_t)f->metric << 32 | slot_of(f);
    }
    return r;
}

/* The whole record; it holds a reference on its sets. */
static struct route record_from(struct nv_mirror *m, const struct nv_route *f, uint64_t now_ns)
{
    struct route r = key_from(f);
    uint32_t hops = hops_from(m, f), metrics = metrics_from(m, f);
    if (is4(&r)) {
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

static void unref_sets(struct nv_mirror *m, const struct route *r)
{
    nv_intern_unref(&m->hops, hops_of(r));
    nv_intern_unref(&m->metrics, metrics_of(r));
}

/* Equal but for place, id and lifetime? */
static bool equal_content(const struct route *a, const struct route *b)
{
    struct route x = *a, y = *b;
    if (is4(a)) {
        set_position(&x, 0);
        set_position(&y, 0);
    }
    *id_at(&x) = *id_at(&y) = 0;
    if (!is4(&x))
        x.u.r6.valid_until_ns = y.u.r6.valid_until_ns = 0;
    return same_record(&x, &y);
}

/* Writes r at its key in place of what is there. r's references become the mirror's, or are dropped. */
static enum nv_effect write(struct nv_mirror *m, struct route *r)
{
    struct route old = *r;
    bool known = get(m, &old);
    if (known) {
        nv_bit_set(m->ids[r->kind].seen, *id_at(&old));
        nv_bit_clear(m->ids[r->kind].missed, *id_at(&old));
        *id_at(r) = *id_at(&old);
        if (!is4(r) && r->u.r6.valid_until_ns != NV_FOREVER &&
            old.u.r6.valid_until_ns != NV_FOREVER) {
            uint64_t a = r->u.r6.valid_until_ns, b = old.u.r6.valid_until_ns;
            if ((a > b ? a - b : b - a) < 2 * NV_NS_PER_S)
                r->u.r6.valid_until_ns = b; /* the same end, read at another moment */
        }
        if (same_record(r, &old)) {
            unref_sets(m, r);
            return NV_SAME;
        }
    } else {
        *id_at(r) = nv_ids_take(&m->ids[r->kind]);
        count_route(m, r, true);
    }
    uint64_t before = known ? content_of(m, &old) : 0, after = content_of(m, r);
    (void)nv_draft_put(&m->draft, r->tree, &r->u);
    nv_mirror_note(m, r->kind, &r->u);
    nv_mirror_account(m, NETVANE_RT_ROUTES, before, after);
    if (known)
        unref_sets(m, &old);
    if (known && before == after)
        return NV_TOUCHED;
    note_change(m, r);
    return NV_CHANGED;
}

/*
 * Those behind r in its IPv4 list move up over it, in place (so that however many there are, nodes are only copied);
 * returns the key of the place that is left over.
 */
static struct route close_gap(struct nv_mirror *m, const struct route *r)
{
    struct route last = *r, next = *r;
    for (uint32_t i = position_of(r) + 1; is4(r) && i < NV_ROUTE_POSITIONS_MAX; i++) {
        set_position(&next, i);
        if (!get(m, &next))
            break;
        uint64_t before = content_of(m, &next);
        set_position(&next, i - 1);
        (void)nv_draft_put(&m->draft, next.tree, &next.u);
        nv_mirror_account(m, NETVANE_RT_ROUTES, before, content_of(m, &next));
        set_position(&last, i);
    }
    return last;
}

static void drop(struct nv_mirror *m, const struct route *r)
{
    struct route gone = *r, place = close_gap(m, r);
    (void)nv_draft_delete(&m->draft, r->tree, place.u.key);
    nv_mirror_account(m, NETVANE_RT_ROUTES, content_of(m, r), 0);
    nv_ids_free(&m->ids[r->kind], *id_at(&gone));
    count_route(m, r, false);
    unref_sets(m, r);
    note_change(m, r);
}

void nv_mirror_drop_route(struct nv_mirror *m, unsigned tree, const void *record)
{
    struct route r = route_new(tree == NETVANE_TREE_ROUTES4 ? NV_AF_4 : NV_AF_6);
    memcpy(&r.u, record, nv_tree_shape(tree)->stride);
    drop(m, &r);
}

void nv_mirror_walk_dropped(unsigned tree, uint64_t *from, const void *dropped)
{
    uint64_t key[2];
    memcpy(key, dropped, sizeof(key));
    if (tree == NETVANE_TREE_ROUTES4 && from[0] == key[0] && (from[1] ^ key[1]) <= POSITION_MASK)
        from[1]--;
}

/* Moves the route at `from` to the free position `to`. */
static void move(struct nv_mirror *m, struct route r, uint32_t from, uint32_t to)
{
    set_position(&r, from);
    if (!get(m, &r))
        return;
    uint64_t before = content_of(m, &r);
    (void)nv_draft_delete(&m->draft, r.tree, r.u.key);
    set_position(&r, to);
    (void)nv_draft_put(&m->draft, r.tree, &r.u);
    nv_mirror_account(m, NETVANE_RT_ROUTES, before, content_of(m, &r));
}

/* Equals of an IPv4 route: positions have no gaps. */
static uint32_t list_length(const struct nv_mirror *m, struct route r)
{
    uint32_t n = 0;
    for (; n < NV_ROUTE_POSITIONS_MAX; n++) {
        set_position(&r, n);
        if (!get(m, &r))
            break;
    }
    return n;
}

/* ---- IPv4 ------------------------------------------------------------------------------------------------ */

static uint32_t dump_position(struct nv_mirror *m, const struct route *r)
{
    if (!m->run.valid || memcmp(m->run.key, r->u.key, r->words * 8u)) {
        m->run = (struct nv_run){.valid = true};
        memcpy(m->run.key, r->u.key, r->words * 8u);
    }
    return m->run.position++;
}

/* Where an event puts a route among n equals; makes the place. */
static uint32_t place4(struct nv_mirror *m, const struct route *r, uint32_t list, uint32_t n)
{
    if (!n || list & NV_LIST_REPLACE)
        return 0; /* replace and change take the first of the list */
    if (list & NV_LIST_APPEND || n == NV_ROUTE_POSITIONS_MAX)
        return n;
    for (uint32_t i = n; i-- > 0;) /* prepend */
        move(m, *r, i, i + 1);
    return 0;
}

/*
 * A dump of one link's routes shows r. Its place among n equals: the only one, if that is on the link; one of equal content;
 * else nobody knows: n, and the sweep is to leave the list alone.
 */
static uint32_t match4(struct nv_mirror *m, const struct route *r, uint32_t n)
{
    struct route at = *r;
    for (uint32_t i = 0; i < n; i++) {
        set_position(&at, i);
        if (get(m, &at) &&
            (equal_content(r, &at) || (n == 1 && nv_mirror_set_uses(m, at.u.r4.hops, m->run_link))))
            return i;
    }
    for (uint32_t i = 0; i < n; i++) {
        set_position(&at, i);
        if (get(m, &at))
            nv_bit_set(m->ids[NV_K_ROUTE4].seen, at.u.r4.id);
    }
    return n;
}

static enum nv_effect put4(struct nv_mirror *m, struct route *r, uint32_t list, bool from_dump)
{
    struct route key = *r;
    memset((unsigned char *)&key.u + 16, 0, sizeof(key.u) - 16);
    uint32_t n = 0, position;
    bool doubt = false;
    if (from_dump && !m->run_link) {
        position = dump_position(m, &key);
    } else if (from_dump) {
        n = list_length(m, key);
        position = match4(m, r, n);
        doubt = n && position == n;
    } else {
        n = list_length(m, key);
        position = place4(m, &key, list, n);
    }
    if (position >= NV_ROUTE_POSITIONS_MAX) {
        m->degraded = true;
        m->counts_refused++;
    }
    if (doubt || position >= NV_ROUTE_POSITIONS_MAX) {
        unref_sets(m, r);
        return doubt ? NV_SUSPECT : NV_REFUSED;
    }
    set_position(r, position);
    enum nv_effect e = write(m, r);
    return !from_dump && (n > 1 || position) ? NV_SUSPECT
                                             : e; /* among several, only the kernel knows */
}

/* Do both go the same ways? Flags of hops are not compared: an event may show them older or newer. */
static bool same_ways(const struct nv_mirror *m, const struct route *a, const struct route *b)
{
    uint32_t n, k;
    const struct netvane_rec_hop *x = nv_mirror_hops(m, hops_of(a), &n),
                                 *y = nv_mirror_hops(m, hops_of(b), &k);
    if (n != k)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (x[i].ifindex != y[i].ifindex || x[i].gw_family != y[i].gw_family ||
            x[i].nhid != y[i].nhid || memcmp(x[i].gateway, y[i].gateway, sizeof(x[i].gateway)))
            return false;
    return true;
}

static enum nv_effect remove4(struct nv_mirror *m, const struct route *r, uint32_t n)
{
    struct route at = *r;
    for (unsigned strict = 2; strict-- > 0;) {
        for (uint32_t i = 0; i < n; i++) {
            set_position(&at, i);
            if (get(m, &at) && (strict ? equal_content(r, &at) : same_ways(m, r, &at))) {
                drop(m, &at);
                return n > 1 ? NV_SUSPECT : NV_CHANGED;
            }
        }
    }
    set_position(&at, 0);
    if (n == 1 && get(m, &at))
        drop(m, &at); /* nothing else can be meant; the re-read will tell */
    return NV_SUSPECT;
}

/* ---- IPv6 ------------------------------------------------------------------------------------------------ */

/* How many others there are in the set of r; gives the first. */
static uint32_t others6(const struct nv_mirror *m, const struct route *r, struct route *ret_other)
{
    struct nv_tree t = nv_draft_tree(&m->draft, r->tree);
    struct route at = *r;
    struct nv_cursor c;
    uint32_t n = 0;
    uint64_t key[NV_TREE_KEY_WORDS_MAX];
    memcpy(key, r->u.key, sizeof(key));
    key[5] &= ~UINT64_C(0xffffffff);
    for (int more = nv_cursor_seek(&c, &t, key); more == NV_TREE_OK && n < 2;
         more = nv_cursor_next(&c)) {
        if (nv_cursor_get(&c, &at.u) != NV_TREE_OK || memcmp(at.u.key, r->u.key, 5 * 8u) ||
            at.u.key[5] >> 32 != r->u.key[5] >> 32)
            break;
        if (at.u.key[5] == r->u.key[5])
            continue;
        if (!n++)
            *ret_other = at;
    }
    return n;
}

static enum nv_effect put6(struct nv_mirror *m, struct route *r, uint32_t list, bool from_dump)
{
    struct route old = *r, other;
    bool known = get(m, &old);
    uint32_t others = from_dump || !(list & NV_LIST_REPLACE) ? 0 : others6(m, r, &other);
    if (others == 1 && !known)
        drop(m, &other); /* it is what was replaced */
    enum nv_effect e = write(m, r);
    /* A changed set of gateways comes in another order than dumps have it; of several, any may have been replaced. */
    return others || (!from_dump && known && e == NV_CHANGED) ? NV_SUSPECT : e;
}

/* Takes one hop out of a multipath route. */
static bool drop_hop(struct nv_mirror *m, const struct route *at, const struct nv_route *f)
{
    uint32_t count, kept = 0;
    const struct netvane_rec_hop *set = nv_mirror_hops(m, hops_of(at), &count);
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
    struct route r = *at;
    set_hops(&r, intern_hops(m, kept));
    nv_intern_ref(&m->metrics, metrics_of(&r));
    (void)write(m, &r);
    return true;
}

static enum nv_effect remove6(struct nv_mirror *m, const struct route *r, const struct nv_route *f)
{
    struct route at = *r;
    if (!get(m, &at))
        return NV_SUSPECT;
    if (same_ways(m, r, &at)) {
        drop(m, &at);
        return NV_CHANGED;
    }
    (void)drop_hop(m, &at, f);
    return NV_SUSPECT;
}

/* ---- both ------------------------------------------------------------------------------------------------ */

enum nv_effect nv_mirror_route_put(struct nv_mirror *m, const struct nv_route *f, uint32_t list,
                                   bool from_dump, uint64_t now_ns)
{
    if (!nv_mirror_reserve(m, f->family == NV_AF_4 ? NV_K_ROUTE4 : NV_K_ROUTE6))
        return NV_REFUSED;
    struct route r = record_from(m, f, now_ns);
    return is4(&r) ? put4(m, &r, list, from_dump) : put6(m, &r, list, from_dump);
}

enum nv_effect nv_mirror_route_remove(struct nv_mirror *m, const struct nv_route *f)
{
    struct route key = key_from(f);
    uint32_t n = is4(&key) ? list_length(m, key) : 1;
    if (!n)
        return NV_SAME;
    if (!nv_mirror_reserve(m, key.kind))
        return NV_REFUSED;
    struct route r = record_from(m, f, 0);
    enum nv_effect e = is4(&r) ? remove4(m, &r, n) : remove6(m, &r, f);
    unref_sets(m, &r);
    return e;
}
