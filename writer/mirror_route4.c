/* SPDX-License-Identifier: MIT */
/*
 * mirror_route4.c - where an IPv4 route goes among its equals.
 *
 * (table, prefix, tos, metric) names a list, and a route is a position in it. In a dump of the table the entries of a list
 * follow each other, so their order is the position; a dump limited to a link shows only parts of lists, and where there is
 * more than one candidate the table is asked for. An event says with its flags where the kernel put the route.
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
    uint64_t before = nv_route_content(m, &r);
    (void)nv_draft_delete(&m->draft, r.tree, r.u.key);
    nv_route_set_position(&r, to);
    (void)nv_draft_put(&m->draft, r.tree, &r.u);
    nv_mirror_account(m, NETVANE_RT_ROUTES, before, nv_route_content(m, &r));
}

/* Where an event puts a route among n equals; makes the place. */
static uint32_t place4(struct nv_mirror *m, const struct nv_route_rec *r, uint32_t list, uint32_t n)
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
static uint32_t match4(struct nv_mirror *m, const struct nv_route_rec *r, uint32_t n)
{
    struct nv_route_rec at = *r;
    for (uint32_t i = 0; i < n; i++) {
        nv_route_set_position(&at, i);
        if (nv_route_get(m, &at) &&
            (nv_route_equal(r, &at) ||
             (n == 1 && nv_mirror_set_uses(m, at.u.r4.hops, m->route_run_link))))
            return i;
    }
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
    struct nv_route_rec key = *r;
    memset((unsigned char *)&key.u + 16, 0, sizeof(key.u) - 16);
    uint32_t n = 0, position;
    bool doubt = false;
    if (from_dump && !m->route_run_link) {
        position = nv_route_dump_position(m, &key);
    } else if (from_dump) {
        n = nv_route_list_length(m, key);
        position = match4(m, r, n);
        doubt = n && position == n;
    } else {
        n = nv_route_list_length(m, key);
        position = place4(m, &key, list, n);
    }
    if (position >= NV_ROUTE_POSITIONS_MAX) {
        m->degraded = true;
        m->counts_refused++;
    }
    if (doubt || position >= NV_ROUTE_POSITIONS_MAX) {
        nv_route_unref_sets(m, r);
        return doubt ? NV_SUSPECT : NV_REFUSED;
    }
    nv_route_set_position(r, position);
    enum nv_effect e = nv_route_write(m, r);
    return !from_dump && (n > 1 || position) ? NV_SUSPECT
                                             : e; /* among several, only the kernel knows */
}

enum nv_effect nv_route_remove4(struct nv_mirror *m, const struct nv_route_rec *r, uint32_t n)
{
    struct nv_route_rec at = *r;
    for (unsigned strict = 2; strict-- > 0;) {
        for (uint32_t i = 0; i < n; i++) {
            nv_route_set_position(&at, i);
            if (nv_route_get(m, &at) &&
                (strict ? nv_route_equal(r, &at) : nv_route_same_ways(m, r, &at))) {
                nv_route_drop(m, &at);
                return n > 1 ? NV_SUSPECT : NV_CHANGED;
            }
        }
    }
    nv_route_set_position(&at, 0);
    if (n == 1 && nv_route_get(m, &at))
        nv_route_drop(m, &at); /* nothing else can be meant; the re-read will tell */
    return NV_SUSPECT;
}
