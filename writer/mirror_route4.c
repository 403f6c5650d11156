/* SPDX-License-Identifier: MIT */
/*
 * mirror_route4.c - where an IPv4 route goes among its equals.
 *
 * (table, prefix, tos, metric) names a list, and a route is a position in it. In a dump of the table the entries of a list
 * follow each other, so their order is the position; a dump limited to a link shows only parts of lists, and where there is
 * more than one candidate the table is asked for.
 *
 * An event's flags are those of the insertion, not of the request (fib_table_insert): EXCL, the list was empty; REPLACE, the
 * first was replaced; APPEND, it went behind the last; CREATE alone, it went before the first. A removal names an entry
 * wholly, and the kernel keeps hardly two that look the same (fib_nh_scope, which no message shows, may tell them apart).
 * So events place routes exactly if the mirror has missed nothing.
 * It may have: while it waits for a re-read of silent changes (m->behind4) it holds entries that are gone, and which one
 * a REPLACE met among several is not certain; an event that contradicts the list shows that something was missed.
 */
#include "route.h"

uint32_t nv_route_dump_position(struct nv_mirror *m, const struct nv_route_rec *r)
{
    if (!m->route_run.valid || nv_key_compare(m->route_run.key, r->u.key, 2)) {
        m->route_run.valid = true;
        m->route_run.position = 0;
        memcpy(m->route_run.key, r->u.key, sizeof(uint64_t[2]));
    }
    return m->route_run.position++;
}

/* Moves the route at `from` to the free position `to`. */
static void move(struct nv_mirror *m, struct nv_route_rec r, uint32_t from, uint32_t to)
{
    nv_route_set_position(&r, from);
    if (!nv_route_get(m, &r))
        return;
    uint64_t before = nv_route_content(m, &r), old_key[NV_TREE_KEY_WORDS_MAX];
    memcpy(old_key, r.u.key, sizeof(old_key));
    (void)nv_draft_delete(&m->draft, r.tree, old_key);
    nv_route_set_position(&r, to);
    (void)nv_draft_put(&m->draft, r.tree, &r.u);
    nv_mirror_account_move(m, r.kind, old_key, before, r.u.key, nv_route_content(m, &r));
}

/* The only entry among n that is the same as r: its position; n: none; more than n: several. */
static uint32_t find_same(const struct nv_mirror *m, const struct nv_route_rec *r, uint32_t n)
{
    struct nv_route_rec at = *r;
    uint32_t found = n;
    for (uint32_t i = 0; i < n; i++) {
        nv_route_set_position(&at, i);
        if (!nv_route_get(m, &at) || !nv_route_same4(m, r, &at))
            continue;
        if (found != n)
            return n + 1;
        found = i;
    }
    return found;
}

/* The kernel's list was empty: what the mirror holds of it is gone. */
static bool empty_list(struct nv_mirror *m, const struct nv_route_rec *r, uint32_t n)
{
    struct nv_route_rec at = *r;
    while (n-- > 0) {
        nv_route_set_position(&at, n);
        if (!nv_mirror_reserve_removal(m, NV_K_ROUTE4))
            return false;
        if (nv_route_get(m, &at))
            nv_route_drop(m, &at);
    }
    return nv_mirror_reserve(m, NV_K_ROUTE4);
}

/* Where an event puts a route among n equals; makes the place. ret_doubt: the mirror has missed something, or may have. */
static uint32_t place4(struct nv_mirror *m, const struct nv_route_rec *r, uint32_t list, uint32_t n,
                       bool *ret_doubt)
{
    *ret_doubt = n ? !(list & (NV_LIST_REPLACE | NV_LIST_CREATE)) : list && !(list & NV_LIST_EXCL);
    if (!n)
        return 0;
    if (list & NV_LIST_REPLACE) {
        *ret_doubt = n > 1 && m->behind4;
        return 0;
    }
    if (n == NV_ROUTE_POSITIONS_MAX)
        return n;
    *ret_doubt = *ret_doubt || find_same(m, r, n) != n; /* the kernel keeps hardly two */
    if (list & NV_LIST_APPEND)
        return n;
    for (uint32_t i = n; i-- > 0;) /* prepend */
        move(m, *r, i, i + 1);
    return 0;
}

/*
 * A dump of one link's routes shows r. Its place among n equals: the only one, if that is on the link; one of equal content,
 * rather one that it has not shown yet, or the only one of equal content but for flags; else nobody knows: n, and the sweep
 * is to leave the list alone.
 */
static uint32_t match4(struct nv_mirror *m, const struct nv_route_rec *r, uint32_t n)
{
    struct nv_route_rec at = *r;
    uint32_t equal = n;
    for (uint32_t i = 0; i < n; i++) {
        nv_route_set_position(&at, i);
        if (!nv_route_get(m, &at))
            continue;
        if (n == 1 && nv_mirror_set_uses(m, at.u.r4.hops, m->route_run_link))
            return i;
        if (!nv_route_equal(r, &at))
            continue;
        equal = i;
        if (!nv_bit_get(m->ids[NV_K_ROUTE4].seen, at.u.r4.id))
            break;
    }
    if (equal < n)
        return equal;
    uint32_t same = find_same(m, r, n);
    if (same < n)
        return same;
    for (uint32_t i = 0; i < n; i++) {
        nv_route_set_position(&at, i);
        if (nv_route_get(m, &at))
            nv_bit_set(m->ids[NV_K_ROUTE4].seen, at.u.r4.id);
    }
    return n;
}

enum nv_effect nv_route_put4(struct nv_mirror *m, struct nv_route_rec *r, uint32_t list,
                             bool from_dump)
{
    uint32_t n = 0, position;
    bool unknown = false, doubt = false;
    if (from_dump && !m->route_run_link) {
        position = nv_route_dump_position(m, r);
    } else if (from_dump) {
        n = nv_route_list_length(m, *r);
        position = match4(m, r, n);
        unknown = n && position == n;
    } else {
        n = nv_route_list_length(m, *r);
        if (n && list & NV_LIST_EXCL) {
            if (!empty_list(m, r, n)) {
                nv_route_unref_sets(m, r);
                return NV_REFUSED;
            }
            n = 0;
        }
        position = place4(m, r, list, n, &doubt);
    }
    if (position >= NV_ROUTE_POSITIONS_MAX) {
        m->degraded = true;
        m->counts_refused++;
    }
    if (unknown || position >= NV_ROUTE_POSITIONS_MAX) {
        nv_route_unref_sets(m, r);
        return unknown ? NV_SUSPECT : NV_REFUSED;
    }
    nv_route_set_position(r, position);
    enum nv_effect e = nv_route_write(m, r);
    return doubt ? NV_SUSPECT : e;
}

enum nv_effect nv_route_remove4(struct nv_mirror *m, const struct nv_route_rec *r, uint32_t n)
{
    struct nv_route_rec at = *r;
    uint32_t same = find_same(m, r, n);
    if (same < n) {
        nv_route_set_position(&at, same);
        (void)nv_route_get(m, &at);
        nv_route_drop(m, &at);
        return NV_CHANGED;
    }
    /* Not as the mirror has it: something was missed. The nearest goes, and the re-read will tell. */
    for (uint32_t i = 0; i < n; i++) {
        nv_route_set_position(&at, i);
        if (nv_route_get(m, &at) && (n == 1 || nv_route_same_ways(m, r, &at))) {
            nv_route_drop(m, &at);
            break;
        }
    }
    return NV_SUSPECT;
}
