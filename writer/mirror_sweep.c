/* SPDX-License-Identifier: MIT */
/*
 * mirror_sweep.c - removes what a dump did not show.
 *
 * A sweep walks the objects that the dump covered in key order and deletes in batches, because an edit ends a walk.
 */
#include <stdio.h>

#include "limits.h"
#include "mirror.h"
#include "route_filter.h"

static uint32_t id_of(enum nv_kind kind, const union nv_record *r)
{
    uint32_t id;
    memcpy(&id, (const unsigned char *)r + nv_tree_shape(nv_kind_tree(kind))->key_words * 8u,
           sizeof(id));
    return id;
}

static void ip6_of(const union nv_record *r, uint8_t ip[16])
{
    nv_store_be32(ip, (uint32_t)r->key[0]);
    nv_store_be64(ip + 4, r->key[1]);
    nv_store_be32(ip + 12, (uint32_t)(r->key[2] >> 32));
}

static uint64_t touch_of(enum nv_kind kind, const union nv_record *r)
{
    uint8_t ip[16];
    switch (kind) {
    case NV_K_LINK: return nv_touch_link((uint32_t)r->key[0]);
    case NV_K_ADDR: {
        uint8_t family = (uint8_t)(r->key[0] >> 32);
        if (family == NV_AF_4) {
            nv_store_be32(ip, (uint32_t)r->key[2]);
        } else {
            nv_store_be64(ip, r->key[1]);
            nv_store_be64(ip + 8, r->key[2]);
        }
        return nv_touch_addr(family, (uint32_t)r->key[0], ip);
    }
    case NV_K_ROUTE4:
        nv_store_be32(ip, (uint32_t)r->key[0]);
        return nv_touch_route(NV_AF_4, (uint32_t)(r->key[0] >> 32), ip, (uint8_t)(r->key[1] >> 56));
    case NV_K_ROUTE6:
        ip6_of(r, ip);
        return nv_touch_route(NV_AF_6, (uint32_t)(r->key[0] >> 32), ip, (uint8_t)(r->key[2] >> 24));
    case NV_K_RULE: return nv_touch_rule((uint8_t)(r->key[0] >> 32), (uint32_t)r->key[0]);
    case NV_K_NEXTHOP: return nv_touch_nexthop((uint32_t)r->key[0]);
    case NV_K_COUNT: break;
    }
    return 0;
}

/* Where the walk over a scope starts, and whether a record is still inside its range of keys. */
static void scope_start(const struct nv_scope *s, uint64_t key[NV_TREE_KEY_WORDS_MAX])
{
    memset(key, 0, NV_TREE_KEY_WORDS_MAX * 8u);
    if (s->kind == NV_K_ROUTE4 || s->kind == NV_K_ROUTE6)
        key[0] = (uint64_t)s->table << 32;
    else if (s->kind == NV_K_ADDR)
        key[0] = (uint64_t)s->family << 32 | (s->family ? s->ifindex : 0);
    else if (s->kind == NV_K_RULE)
        key[0] = (uint64_t)s->family << 32;
}

static bool scope_ended(const struct nv_scope *s, const union nv_record *r)
{
    if (s->kind == NV_K_ROUTE4 || s->kind == NV_K_ROUTE6)
        return s->table && r->key[0] >> 32 != s->table;
    if (s->kind == NV_K_ADDR || s->kind == NV_K_RULE)
        return s->family && r->key[0] >> 32 != s->family;
    return false;
}

/* Links of a route's hops against the link of the dump: all on it, some, none. */
enum reach { REACH_NONE, REACH_SOME, REACH_ALL };

static enum reach reach_of(const struct nv_mirror *m, uint32_t hops, uint32_t ifindex)
{
    uint32_t count, on = 0;
    const struct netvane_rec_hop *set = nv_mirror_hops(m, hops, &count);
    for (uint32_t i = 0; i < count; i++)
        on += set[i].ifindex == ifindex;
    if (!on)
        return REACH_NONE;
    return on == count && !set[0].nhid ? REACH_ALL : REACH_SOME;
}

/*
 * Is the record one that the dump would have shown? A route of which only some hops are on the dump's link, or that names
 * a nexthop object, may have left the link without a word and still exist: nobody knows until its table is read.
 */
static bool scope_holds(const struct nv_mirror *m, const struct nv_sweep *sweep,
                        const union nv_record *r)
{
    const struct nv_scope *s = &sweep->scope;
    if (!s->ifindex)
        return true;
    if (s->kind == NV_K_ADDR || s->kind == NV_K_LINK)
        return (uint32_t)r->key[0] == s->ifindex;
    if (s->kind != NV_K_ROUTE4 && s->kind != NV_K_ROUTE6)
        return true;
    bool v4 = s->kind == NV_K_ROUTE4;
    enum reach reach = reach_of(m, v4 ? r->route4.hops : r->route6.hops, s->ifindex);
    if (reach == REACH_SOME && sweep->doubt)
        sweep->doubt(sweep->doubt_arg, v4 ? NV_AF_4 : NV_AF_6, (uint32_t)(r->key[0] >> 32));
    return reach == REACH_ALL;
}

static void drop(struct nv_mirror *m, enum nv_kind kind, const union nv_record *r)
{
    switch (kind) {
    case NV_K_LINK:
        (void)nv_mirror_link_remove(m, (uint32_t)r->key[0]); /* with all that it takes along */
        break;
    case NV_K_ADDR: nv_mirror_drop_addr(m, &r->addr); break;
    case NV_K_ROUTE4:
    case NV_K_ROUTE6: nv_mirror_drop_route(m, nv_kind_tree(kind), r); break;
    case NV_K_RULE: nv_mirror_drop_rule(m, &r->rule); break;
    case NV_K_NEXTHOP: nv_mirror_drop_nexthop(m, &r->nexthop); break;
    case NV_K_COUNT: break;
    }
}

static void tell_swept(const struct nv_sweep *sweep, const union nv_record *r)
{
    if (!sweep->swept)
        return;
    char text[160];
    nv_mirror_describe(sweep->scope.kind, r, text, sizeof(text));
    sweep->swept(sweep->swept_arg, touch_of(sweep->scope.kind, r), text);
}

/* Is this object to go? Keeps the missed bits. */
static bool condemned(struct nv_mirror *m, struct nv_sweep *sweep, const union nv_record *r)
{
    struct nv_ids *ids = &m->ids[sweep->scope.kind];
    uint32_t id = id_of(sweep->scope.kind, r);
    if (nv_bit_get(ids->seen, id)) {
        nv_bit_clear(ids->missed, id);
        return false;
    }
    if (!scope_holds(m, sweep, r))
        return false;
    if (sweep->touched && sweep->touched(sweep->touched_arg, touch_of(sweep->scope.kind, r))) {
        sweep->noted++; /* it shares its key with what an event touched */
        return false;
    }
    if (!sweep->twice || nv_bit_get(ids->missed, id))
        return true;
    nv_bit_set(ids->missed, id);
    sweep->noted++;
    return false;
}

struct many {
    struct nv_sweep *sweep;
    uint32_t removed;
};

static bool doomed(struct nv_mirror *m, void *arg, const void *record)
{
    struct many *many = arg;
    struct nv_sweep *sweep = many->sweep;
    const enum nv_kind kind = sweep->scope.kind;
    union nv_record r = {0};
    memcpy(&r, record, nv_tree_shape(nv_kind_tree(kind))->stride);
    if (!condemned(m, sweep, &r))
        return false;
    tell_swept(sweep, &r);
    many->removed++;
    return true;
}

/* The same with many routes at once; false: there is no room for that. */
static bool sweep_many(struct nv_mirror *m, struct nv_sweep *sweep, uint32_t *ret_removed)
{
    struct many many = {.sweep = sweep};
    if (!nv_routes_filter(m, nv_kind_tree(sweep->scope.kind), doomed, &many))
        return false;
    *ret_removed = many.removed;
    return true;
}

uint32_t nv_mirror_sweep(struct nv_mirror *m, struct nv_sweep *sweep)
{
    enum { BATCH = 64 };
    const enum nv_kind kind = sweep->scope.kind;
    const unsigned tree = nv_kind_tree(kind);
    union nv_record batch[BATCH], r;
    uint64_t from[NV_TREE_KEY_WORDS_MAX];
    uint32_t removed = 0;
    sweep->noted = 0;
    const bool routes = kind == NV_K_ROUTE4 || kind == NV_K_ROUTE6;
    if (routes)
        nv_mirror_kin_forget(m);
    const uint32_t unseen = nv_ids_unseen(&m->ids[kind]);
    if (!unseen)
        return 0;
    if (routes && sweep->scope.ifindex && !nv_mirror_uses_link(m, sweep->scope.ifindex))
        return 0;
    /* Of a dump that shows a part of them, most of the unseen ones have only not been shown. */
    if (routes && !sweep->scope.ifindex && !sweep->scope.table &&
        nv_routes_are_many(m, tree, unseen) && sweep_many(m, sweep, &removed))
        return removed;
    scope_start(&sweep->scope, from);
    for (;;) {
        struct nv_tree t = nv_draft_tree(&m->draft, tree);
        struct nv_cursor c;
        unsigned n = 0;
        bool ended = false;
        int more = nv_cursor_seek(&c, &t, from);
        for (; more == NV_TREE_OK && n < BATCH; more = nv_cursor_next(&c)) {
            if (nv_cursor_get(&c, &r) != NV_TREE_OK || scope_ended(&sweep->scope, &r)) {
                ended = true;
                break;
            }
            memcpy(from, r.key, nv_tree_shape(tree)->key_words * 8u);
            if (condemned(m, sweep, &r))
                batch[n++] = r;
        }
        from[1] += kind == NV_K_ROUTE4; /* behind the last one looked at */
        for (unsigned i = n; i-- > 0;) {
            if (!nv_mirror_reserve_removal(m, kind))
                return removed;
            tell_swept(sweep, &batch[i]);
            drop(m, kind, &batch[i]);
            if (sweep->gone && (kind == NV_K_LINK || kind == NV_K_NEXTHOP))
                sweep->gone(sweep->gone_arg, kind, &batch[i]);
            nv_mirror_walk_dropped(tree, from, &batch[i]);
            removed++;
        }
        if (ended || more != NV_TREE_OK)
            return removed;
    }
}

void nv_mirror_mark_begin(struct nv_mirror *m, enum nv_kind kind, uint32_t ifindex)
{
    nv_ids_clear_seen(&m->ids[kind]);
    if (kind == NV_K_ROUTE4 || kind == NV_K_ROUTE6) {
        nv_mirror_kin_forget(m);
        m->route_run_link = ifindex;
        m->route_run.valid = false;
        m->lpm.retry = true;
    } else {
        m->run.valid = false;
    }
}

/* ---- words for the log --------------------------------------------------------------------------------- */

static void ip_text(const uint8_t *ip, bool v4, char *buf, size_t size)
{
    if (v4)
        (void)snprintf(buf, size, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
    else
        (void)snprintf(buf, size, "%x:%x:%x:%x:%x:%x:%x:%x", ip[0] << 8 | ip[1], ip[2] << 8 | ip[3],
                       ip[4] << 8 | ip[5], ip[6] << 8 | ip[7], ip[8] << 8 | ip[9],
                       ip[10] << 8 | ip[11], ip[12] << 8 | ip[13], ip[14] << 8 | ip[15]);
}

void nv_mirror_describe(enum nv_kind kind, const void *record, char *buf, size_t size)
{
    union nv_record r;
    memcpy(&r, record, nv_tree_shape(nv_kind_tree(kind))->stride);
    uint8_t ip[16];
    char text[48];
    buf[0] = 0;
    switch (kind) {
    case NV_K_LINK:
        (void)snprintf(buf, size, "link %u %.16s", (unsigned)r.key[0], r.link.name);
        break;
    case NV_K_ADDR: {
        bool v4 = r.key[0] >> 32 == NV_AF_4;
        nv_store_be64(ip, r.key[1]);
        nv_store_be64(ip + 8, r.key[2]);
        ip_text(v4 ? ip + 12 : ip, v4, text, sizeof(text));
        (void)snprintf(buf, size, "addr %s/%u link %u", text, r.addr.prefix_len,
                       (unsigned)(uint32_t)r.key[0]);
        break;
    }
    case NV_K_ROUTE4:
        nv_store_be32(ip, (uint32_t)r.key[0]);
        ip_text(ip, true, text, sizeof(text));
        (void)snprintf(buf, size, "route %s/%u table %u metric %u", text,
                       (unsigned)(r.key[1] >> 56), (unsigned)(r.key[0] >> 32),
                       (unsigned)(uint32_t)(r.key[1] >> 16));
        break;
    case NV_K_ROUTE6:
        ip6_of(&r, ip);
        ip_text(ip, false, text, sizeof(text));
        (void)snprintf(buf, size, "route %s/%u table %u metric %u", text,
                       (unsigned)(r.key[2] >> 24 & 0xffu), (unsigned)(r.key[0] >> 32),
                       (unsigned)(r.key[5] >> 32));
        break;
    case NV_K_RULE:
        (void)snprintf(buf, size, "rule family %u priority %u position %u",
                       (unsigned)(r.key[0] >> 32), (unsigned)(uint32_t)r.key[0],
                       (unsigned)r.key[1]);
        break;
    case NV_K_NEXTHOP: (void)snprintf(buf, size, "nexthop %u", (unsigned)r.key[0]); break;
    case NV_K_COUNT: break;
    }
}
