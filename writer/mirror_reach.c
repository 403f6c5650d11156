/* SPDX-License-Identifier: MIT */
/*
 * mirror_reach.c - how far a change of a link, an address or a nexthop object reaches.
 *
 * Owns:      the questions of edges.c (who names it?), and the removal of routes that cannot outlive what they name.
 * Promises:  where nothing names it, the answer costs a look at each hop set, however many routes share them. A walk over
 *            routes ends at the latest with the last one that can match.
 * Leaves:    what follows from an answer to edges.c.
 */
#include "limits.h"
#include "mirror.h"
#include "route_filter.h"
#include "select.h"

/* Which hop sets are meant; remembers the last answer, because neighbours in a tree often share one. */
struct reach {
    bool (*matches)(const struct nv_mirror *m, const struct netvane_rec_hop *set, uint32_t count,
                    uint32_t what);
    uint32_t what; /* a link or a nexthop object */
    uint32_t hops;
    bool answer;
};

/* ---- hop sets -------------------------------------------------------------------------------------------- */

static bool set_only(const struct nv_mirror *m, const struct netvane_rec_hop *set, uint32_t count,
                     uint32_t ifindex)
{
    (void)m;
    for (uint32_t i = 0; i < count; i++)
        if (set[i].ifindex != ifindex)
            return false;
    return count > 0;
}

/* A nexthop object outlives the addresses of its link, and so do the routes that name it. */
static bool set_only_itself(const struct nv_mirror *m, const struct netvane_rec_hop *set,
                            uint32_t count, uint32_t ifindex)
{
    return count && !set[0].nhid && set_only(m, set, count, ifindex);
}

static bool set_names(const struct nv_mirror *m, const struct netvane_rec_hop *set, uint32_t count,
                      uint32_t nhid)
{
    (void)m;
    return count && set[0].nhid == nhid;
}

static bool group_holds(const struct nv_mirror *m, uint32_t group, uint32_t nhid)
{
    struct nv_tree t = nv_draft_tree(&m->draft, NETVANE_TREE_MEMBERS);
    uint64_t key[1] = {(uint64_t)group << 32};
    struct nv_cursor c;
    struct netvane_rec_member r;
    for (int more = nv_cursor_seek(&c, &t, key); more == NV_TREE_OK; more = nv_cursor_next(&c)) {
        if (nv_cursor_get(&c, &r) != NV_TREE_OK || r.key[0] >> 32 != group)
            return false;
        if (r.member == nhid)
            return true;
    }
    return false;
}

static bool set_follows(const struct nv_mirror *m, const struct netvane_rec_hop *set,
                        uint32_t count, uint32_t nhid)
{
    return count && set[0].nhid && (set[0].nhid == nhid || group_holds(m, set[0].nhid, nhid));
}

static bool reaches(const struct nv_mirror *m, struct reach *r, uint32_t hops)
{
    if (hops != r->hops) {
        uint32_t count;
        const struct netvane_rec_hop *set = nv_mirror_hops(m, hops, &count);
        r->hops = hops;
        r->answer = r->matches(m, set, count, r->what);
    }
    return r->answer;
}

/* How many routes of both families have such a set. */
static uint32_t routes_reached(const struct nv_mirror *m, struct reach *r)
{
    uint32_t n = 0;
    for (uint32_t id = 1; id < m->hops.item_count; id++)
        if (m->hops.items[id].bytes && m->hops.items[id].refs && reaches(m, r, id))
            n += m->hops.items[id].refs;
    return n;
}

bool nv_mirror_uses_link(const struct nv_mirror *m, uint32_t ifindex)
{
    return nv_link_uses_any(&m->uses, ifindex);
}

/* ---- routes that go ---------------------------------------------------------------------------------------- */

struct drop {
    unsigned tree;
    struct reach reach;
    bool leave_local;   /* not those of type local, nor any that rejects */
    uint32_t not_asked; /* routes that it may reach yet */
};

static bool doomed(struct nv_mirror *m, void *arg, const void *record)
{
    struct drop *drop = arg;
    const union nv_route_record *r = record;
    const bool v4 = drop->tree == NETVANE_TREE_ROUTES4;
    const uint32_t hops = v4 ? r->r4.hops : r->r6.hops;
    const uint8_t type = v4 ? r->r4.type : r->r6.type;
    if (!hops || !reaches(m, &drop->reach, hops))
        return false;
    drop->not_asked--;
    return !drop->leave_local || !(type == NV_RTN_LOCAL || nv_rtn_rejects(type));
}

/* Drops the routes of a tree that r reaches; leave_local: not those of type local, nor any that rejects. */
static void drop_routes(struct nv_mirror *m, unsigned tree, struct reach reach, bool leave_local)
{
    enum { BATCH = 128 };
    union nv_route_record batch[BATCH], at;
    struct drop drop = {.tree = tree, .reach = reach, .leave_local = leave_local};
    drop.not_asked = routes_reached(m, &drop.reach);
    uint64_t from[NV_TREE_KEY_WORDS_MAX] = {0};
    const bool v4 = tree == NETVANE_TREE_ROUTES4;
    if (nv_routes_are_many(m, tree, drop.not_asked) && nv_routes_filter(m, tree, doomed, &drop))
        return;
    int more = NV_TREE_OK;
    while (drop.not_asked && more == NV_TREE_OK) {
        struct nv_tree t = nv_draft_tree(&m->draft, tree);
        struct nv_cursor c;
        unsigned n = 0;
        more = nv_cursor_seek(&c, &t, from);
        for (; more == NV_TREE_OK && n < BATCH && drop.not_asked; more = nv_cursor_next(&c)) {
            if (nv_cursor_get(&c, &at) != NV_TREE_OK)
                return;
            memcpy(from, at.key, nv_tree_shape(tree)->key_words * 8u);
            if (doomed(m, &drop, &at))
                batch[n++] = at;
        }
        from[1] += v4; /* behind the last one looked at */
        for (unsigned i = n; i-- > 0;) {
            if (!nv_mirror_reserve_removal(m, v4 ? NV_K_ROUTE4 : NV_K_ROUTE6))
                return;
            nv_mirror_drop_route(m, tree, &batch[i]);
            nv_mirror_walk_dropped(tree, from, &batch[i]);
        }
    }
}

void nv_mirror_link_went_down(struct nv_mirror *m, uint32_t ifindex)
{
    if (nv_mirror_uses_link(m, ifindex))
        drop_routes(m, NETVANE_TREE_ROUTES4, (struct reach){.matches = set_only, .what = ifindex},
                    true);
}

void nv_mirror_routes_of_gone_link(struct nv_mirror *m, uint32_t ifindex)
{
    const struct reach r = {.matches = set_only, .what = ifindex};
    if (!nv_mirror_uses_link(m, ifindex))
        return;
    drop_routes(m, NETVANE_TREE_ROUTES4, r, false);
    drop_routes(m, NETVANE_TREE_ROUTES6, r, false);
}

void nv_mirror_routes_of_gone_nexthop(struct nv_mirror *m, uint32_t nhid)
{
    const struct reach r = {.matches = set_names, .what = nhid};
    drop_routes(m, NETVANE_TREE_ROUTES4, r, false);
    drop_routes(m, NETVANE_TREE_ROUTES6, r, false);
}

void nv_mirror_addr4_went(struct nv_mirror *m, uint32_t ifindex)
{
    struct nv_tree t = nv_draft_tree(&m->draft, NETVANE_TREE_ADDRS);
    uint64_t key[4] = {(uint64_t)NV_AF_4 << 32 | ifindex, 0, 0, 0};
    struct nv_cursor c;
    struct netvane_rec_addr r;
    if (nv_cursor_seek(&c, &t, key) == NV_TREE_OK && nv_cursor_get(&c, &r) == NV_TREE_OK &&
        r.key[0] == key[0])
        return;
    drop_routes(m, NETVANE_TREE_ROUTES4,
                (struct reach){.matches = set_only_itself, .what = ifindex}, false);
}

/* ---- tables --------------------------------------------------------------------------------------------- */

typedef bool route_fn(const struct nv_mirror *m, void *what, const union nv_route_record *r,
                      bool v4);

/* Each table of a tree that has such a route. */
static void tables_with(const struct nv_mirror *m, unsigned tree, route_fn *matches, void *what,
                        nv_table_fn *found, void *found_arg)
{
    const bool v4 = tree == NETVANE_TREE_ROUTES4;
    struct nv_tree t = nv_draft_tree(&m->draft, tree);
    struct nv_cursor c;
    union nv_route_record r;
    uint64_t from[NV_TREE_KEY_WORDS_MAX] = {0};
    int more = nv_cursor_seek(&c, &t, from);
    while (more == NV_TREE_OK && nv_cursor_get(&c, &r) == NV_TREE_OK) {
        if (!matches(m, what, &r, v4)) {
            more = nv_cursor_next(&c);
            continue;
        }
        uint32_t table = (uint32_t)(r.key[0] >> 32);
        found(found_arg, v4 ? NV_AF_4 : NV_AF_6, table);
        if (table == UINT32_MAX)
            return;
        from[0] = (uint64_t)(table + 1) << 32;
        more = nv_cursor_seek(&c, &t, from);
    }
}

void nv_mirror_bared_tables(struct nv_mirror *m, nv_table_fn *found, void *arg)
{
    for (uint32_t i = 0; m->bared6 && i < m->table_count; i++) {
        if (m->tables[i].bared && found)
            found(arg, m->tables[i].family, m->tables[i].table);
        m->tables[i].bared = false;
    }
    m->bared6 = false;
}

static bool route_reached(const struct nv_mirror *m, void *what, const union nv_route_record *r,
                          bool v4)
{
    uint32_t hops = v4 ? r->r4.hops : r->r6.hops;
    return hops && reaches(m, what, hops);
}

void nv_mirror_tables_of_nexthop(const struct nv_mirror *m, uint32_t nhid, nv_table_fn *found,
                                 void *arg)
{
    struct reach r = {.matches = set_follows, .what = nhid};
    if (!routes_reached(m, &r))
        return;
    tables_with(m, NETVANE_TREE_ROUTES4, route_reached, &r, found, arg);
    tables_with(m, NETVANE_TREE_ROUTES6, route_reached, &r, found, arg);
}

static bool route_prefers(const struct nv_mirror *m, void *what, const union nv_route_record *r,
                          bool v4)
{
    (void)m;
    return !v4 && !memcmp(r->r6.prefsrc, what, sizeof(r->r6.prefsrc));
}

void nv_mirror_tables_preferring(const struct nv_mirror *m, const uint8_t ip[16],
                                 nv_table_fn *found, void *arg)
{
    uint8_t wanted[16];
    memcpy(wanted, ip, sizeof(wanted));
    if (m->prefsrc6_count)
        tables_with(m, NETVANE_TREE_ROUTES6, route_prefers, wanted, found, arg);
}

/* ---- rules and links --------------------------------------------------------------------------------------- */

bool nv_mirror_rules_name(const struct nv_mirror *m, const char name[16])
{
    struct nv_tree t = nv_draft_tree(&m->draft, NETVANE_TREE_RULES);
    const uint64_t first[2] = {0};
    struct nv_cursor c;
    struct netvane_rec_rule r;
    for (int more = nv_cursor_seek(&c, &t, first); more == NV_TREE_OK; more = nv_cursor_next(&c))
        if (nv_cursor_get(&c, &r) == NV_TREE_OK &&
            (!memcmp(r.iif, name, sizeof(r.iif)) || !memcmp(r.oif, name, sizeof(r.oif))))
            return true;
    return false;
}

static bool lies_on(const struct netvane_rec_link *upper, uint32_t ifindex)
{
    return upper->present & NETVANE_LF_HAS_LINK && upper->link == ifindex &&
           !(upper->present & NETVANE_LF_HAS_LINK_NETNS);
}

void nv_mirror_links_beside(const struct nv_mirror *m, const struct netvane_rec_link *link,
                            void (*found)(void *arg, uint32_t ifindex), void *arg)
{
    struct nv_tree t = nv_draft_tree(&m->draft, NETVANE_TREE_LINKS);
    const uint64_t first[1] = {0};
    struct nv_cursor c;
    struct netvane_rec_link r;
    const uint32_t ifindex = (uint32_t)link->key[0];
    if (link->master)
        found(arg, link->master);
    for (int more = nv_cursor_seek(&c, &t, first); more == NV_TREE_OK; more = nv_cursor_next(&c))
        if (nv_cursor_get(&c, &r) == NV_TREE_OK &&
            (lies_on(&r, ifindex) || lies_on(link, (uint32_t)r.key[0])))
            found(arg, (uint32_t)r.key[0]);
}
