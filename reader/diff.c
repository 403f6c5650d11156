/* SPDX-License-Identifier: MIT */
/*
 * diff.c - calls back for each object that differs between two States.
 *
 * Owns:      the merge of two trees by key, the skipping of what both share, what counts as a difference.
 * Assumes:   nodes are immutable while a version that shows them is readable, so that within one region an
 *            equal reference is equal content.
 * Promises:  no difference is handed out before both versions were checked; callbacks run outside of read
 *            sections. Ids that mean something inside one region only are compared by what they stand for.
 *
 * A record may stay as it is while a part that it names by id changes: a hop set behind a nexthop object, the
 * members of a group, an id that was freed and used again. So the trees of parts are merged first; only where none
 * of them changed a part under its id (the common case) are equal bytes equal content and shared nodes skipped.
 */
#include "reader.h"

#include "nv/content.h"

#define NV_CHECK_STEPS 4096 /* records between two looks whether it is all in vain */

union record {
    uint64_t key[NV_TREE_KEY_WORDS_MAX];
    struct netvane_rec_link link;
    struct netvane_rec_addr addr;
    struct netvane_rec_route4 route4;
    struct netvane_rec_route6 route6;
    struct netvane_rec_rule rule;
    struct netvane_rec_nexthop nexthop;
    unsigned char bytes[NV_RECORD_MAX];
};

union object {
    struct netvane_link link;
    struct netvane_addr addr;
    struct netvane_route route;
    struct netvane_rule rule;
    struct netvane_nexthop nexthop;
};

struct side {
    struct nv_snap s;
    struct nv_cursor c;
    int at; /* NV_TREE_OK: rec is the record at the cursor */
    union record rec;
    struct nv_route_hasher hasher;
};

struct diff {
    struct side a, b;
    unsigned tree;
    bool one_region;   /* references can be compared */
    bool one_instance; /* link ids can be compared */
    bool
        bytes_tell; /* equal bytes in this tree are equal content: shared nodes can be skipped too */
    unsigned steps;
};

enum { ONLY_A = -1, BOTH = 0, ONLY_B = 1 };

/* ---- the merge --------------------------------------------------------------------------------------------- */

static void load(struct side *x, int walk)
{
    x->at = walk == NV_TREE_OK ? nv_cursor_get(&x->c, &x->rec) : walk;
}

static void start(struct diff *d, unsigned tree)
{
    d->tree = tree;
    load(&d->a, nv_snap_seek(&d->a.s, tree, NULL, &d->a.c));
    load(&d->b, nv_snap_seek(&d->b.s, tree, NULL, &d->b.c));
}

static void advance(struct diff *d, int which)
{
    if (which != ONLY_B)
        load(&d->a, nv_cursor_next(&d->a.c));
    if (which != ONLY_A)
        load(&d->b, nv_cursor_next(&d->b.c));
}

/* If both cursors stand at the start of one and the same subtree: leaves the largest such subtree behind. */
static bool skip_shared(struct diff *d)
{
    const struct nv_cursor *a = &d->a.c, *b = &d->b.c;
    const unsigned height = a->tree.height < b->tree.height ? a->tree.height : b->tree.height;
    int shared = -1;
    for (unsigned level = 0; level < height && !a->path[level].index && !b->path[level].index;
         level++)
        if (a->path[level].ref == b->path[level].ref)
            shared = (int)level;
    if (shared < 0)
        return false;
    load(&d->a, nv_cursor_leave(&d->a.c, (unsigned)shared));
    load(&d->b, nv_cursor_leave(&d->b.c, (unsigned)shared));
    return true;
}

/* Goes to the next place where bytes differ or one side has no such key: OK with *ret_which, END or BAD. */
static int next_by_bytes(struct diff *d, int *ret_which)
{
    const struct nv_tree_shape *shape = nv_tree_shape(d->tree);
    for (;;) {
        if (d->a.at == NV_TREE_BAD || d->b.at == NV_TREE_BAD)
            return NV_TREE_BAD;
        if (d->a.at == NV_TREE_END && d->b.at == NV_TREE_END)
            return NV_TREE_END;
        if (!(++d->steps % NV_CHECK_STEPS) && !(nv_valid(&d->a.s) && nv_valid(&d->b.s)))
            return NV_TREE_BAD;
        *ret_which = d->a.at == NV_TREE_END ? ONLY_B
                     : d->b.at == NV_TREE_END
                         ? ONLY_A
                         : nv_key_compare(d->a.rec.key, d->b.rec.key, shape->key_words);
        if (*ret_which != BOTH)
            return NV_TREE_OK;
        if (!d->bytes_tell)
            return NV_TREE_OK;
        if (skip_shared(d))
            continue;
        if (memcmp(&d->a.rec, &d->b.rec, shape->stride))
            return NV_TREE_OK;
        advance(d, BOTH);
    }
}

/* ---- parts --------------------------------------------------------------------------------------------------- */

/* Is there anything in this side's tree under the owner of that key (its upper half)? */
static int owner_exists(const struct side *x, unsigned tree, uint64_t key)
{
    const uint64_t first = key >> 32 << 32;
    struct nv_cursor c;
    union record rec;
    int w = nv_snap_seek(&x->s, tree, &first, &c);
    if (w == NV_TREE_OK)
        w = nv_cursor_get(&c, &rec);
    return w == NV_TREE_OK && rec.key[0] >> 32 != key >> 32 ? NV_TREE_END : w;
}

/* OK: some id of a tree of parts stands for other content in b than in a; END: none does. One region only. */
static int part_changed(struct diff *d, unsigned tree)
{
    d->bytes_tell = true;
    start(d, tree);
    for (;;) {
        int which;
        int w = next_by_bytes(d, &which);
        if (w != NV_TREE_OK || which == BOTH)
            return w;
        w = which == ONLY_A ? owner_exists(&d->b, tree, d->a.rec.key[0])
                            : owner_exists(&d->a, tree, d->b.rec.key[0]);
        if (w != NV_TREE_END)
            return w;
        advance(d, which);
    }
}

static uint32_t parts_of(unsigned tree)
{
    switch (tree) {
    case NETVANE_TREE_LINKS: return 1u << NETVANE_TREE_STRINGS | 1u << NETVANE_TREE_ALTNAMES;
    case NETVANE_TREE_ROUTES4:
    case NETVANE_TREE_ROUTES6:
        return 1u << NETVANE_TREE_HOPS | 1u << NETVANE_TREE_METRICS | 1u << NETVANE_TREE_STRINGS;
    case NETVANE_TREE_NEXTHOPS: return 1u << NETVANE_TREE_MEMBERS | 1u << NETVANE_TREE_STRINGS;
    default: return 0;
    }
}

/* Decides how this tree has to be compared. */
static int prepare(struct diff *d, unsigned tree)
{
    bool tell = d->one_region;
    for (unsigned part = 0; tell && part < NETVANE_TREE_COUNT; part++) {
        if (!(parts_of(tree) & 1u << part))
            continue;
        int w = part_changed(d, part);
        if (w == NV_TREE_BAD)
            return w;
        tell = w == NV_TREE_END;
    }
    d->bytes_tell = tell;
    start(d, tree);
    return NV_TREE_OK;
}

/* ---- equality -------------------------------------------------------------------------------------------------- */

static int hash_record(struct side *x, unsigned tree, uint64_t *ret_hash)
{
    switch (tree) {
    case NETVANE_TREE_LINKS: return nv_hash_link(&x->s, &x->rec.link, ret_hash);
    case NETVANE_TREE_ADDRS: *ret_hash = nv_content_addr(&x->rec.addr); return NV_TREE_OK;
    case NETVANE_TREE_RULES: *ret_hash = nv_content_rule(&x->rec.rule); return NV_TREE_OK;
    case NETVANE_TREE_NEXTHOPS: return nv_hash_nexthop(&x->s, &x->rec.nexthop, ret_hash);
    case NETVANE_TREE_ROUTES4: return nv_hash_route4(&x->s, &x->hasher, &x->rec.route4, ret_hash);
    default: return nv_hash_route6(&x->s, &x->hasher, &x->rec.route6, ret_hash);
    }
}

/* OK: the two records with one key are of different content; END: a user would see no difference. */
static int differs(struct diff *d)
{
    uint64_t a, b;
    int w = hash_record(&d->a, d->tree, &a);
    if (w == NV_TREE_OK)
        w = hash_record(&d->b, d->tree, &b);
    if (w != NV_TREE_OK)
        return NV_TREE_BAD; /* a part that is named but not there */
    bool another =
        d->tree == NETVANE_TREE_LINKS && d->one_instance && d->a.rec.link.id != d->b.rec.link.id;
    return a != b || another ? NV_TREE_OK : NV_TREE_END;
}

/* ---- handing out ------------------------------------------------------------------------------------------------- */

static int show_route(struct side *x, bool is4, struct netvane_route *ret)
{
    struct netvane_rec_hop hop;
    const uint32_t set = is4 ? x->rec.route4.hops : x->rec.route6.hops;
    const uint64_t key = (uint64_t)set << 32;
    if (set && nv_snap_find(&x->s, NETVANE_TREE_HOPS, &key, &hop) != NV_TREE_OK)
        return NV_TREE_BAD;
    if (is4)
        nv_route4_show(&x->rec.route4, set ? &hop : NULL, ret);
    else
        nv_route6_show(&x->rec.route6, set ? &hop : NULL, ret);
    ret->size = sizeof(*ret);
    return NV_TREE_OK;
}

static int show(struct side *x, unsigned tree, union object *ret)
{
    switch (tree) {
    case NETVANE_TREE_LINKS:
        nv_link_show(&x->rec.link, &ret->link);
        ret->link.size = sizeof(ret->link);
        return NV_TREE_OK;
    case NETVANE_TREE_ADDRS:
        nv_addr_show(&x->rec.addr, &ret->addr);
        ret->addr.size = sizeof(ret->addr);
        return NV_TREE_OK;
    case NETVANE_TREE_RULES:
        nv_rule_show(&x->rec.rule, &ret->rule);
        ret->rule.size = sizeof(ret->rule);
        return NV_TREE_OK;
    case NETVANE_TREE_NEXTHOPS:
        nv_nexthop_show(&x->rec.nexthop, &ret->nexthop);
        ret->nexthop.size = sizeof(ret->nexthop);
        return NV_TREE_OK;
    default: return show_route(x, tree == NETVANE_TREE_ROUTES4, &ret->route);
    }
}

static int enter(struct diff *d)
{
    int r = nv_reenter(&d->a.s);
    if (r)
        return r;
    r = nv_reenter(&d->b.s);
    if (r)
        nv_leave(&d->a.s, NV_TREE_OK);
    return r;
}

/* Ends both sections. EXPIRED counts for either side; only then CORRUPT. */
static int leave(struct diff *d, int walk)
{
    int a = nv_leave(&d->a.s, NV_TREE_OK);
    int b = nv_leave(&d->b.s, NV_TREE_OK);
    if (a || b)
        return NETVANE_EXPIRED;
    return walk == NV_TREE_BAD ? NETVANE_CORRUPT : NETVANE_OK;
}

/* The next difference of the tree: OK with both objects made, END or BAD. */
static int next_difference(struct diff *d, int *ret_which, union object *before,
                           union object *after)
{
    for (;;) {
        int w = next_by_bytes(d, ret_which);
        if (w != NV_TREE_OK)
            return w;
        if (*ret_which == BOTH) {
            w = differs(d);
            if (w == NV_TREE_BAD)
                return w;
            if (w == NV_TREE_END) {
                advance(d, BOTH);
                continue;
            }
        }
        if (*ret_which != ONLY_B)
            w = show(&d->a, d->tree, before);
        if (w != NV_TREE_BAD && *ret_which != ONLY_A)
            w = show(&d->b, d->tree, after);
        return w == NV_TREE_BAD ? w : NV_TREE_OK;
    }
}

static int diff_tree(struct diff *d, unsigned tree, enum netvane_class cls, netvane_diff_fn *fn,
                     void *arg)
{
    union object before, after;
    int which = BOTH;
    int r = enter(d);
    if (r)
        return r;
    int w = prepare(d, tree);
    for (;;) {
        if (w == NV_TREE_OK)
            w = next_difference(d, &which, &before, &after);
        r = leave(d, w);
        if (r || w == NV_TREE_END)
            return r;
        const struct netvane_change change = {
            .size = sizeof(change),
            .cls = cls,
            .before = which == ONLY_B ? NULL : &before,
            .after = which == ONLY_A ? NULL : &after,
        };
        r = fn(arg, &change);
        if (!r)
            r = enter(d);
        if (r)
            return r;
        advance(d, which);
    }
}

int netvane_diff(const struct netvane_snap *from, const struct netvane_snap *to, uint32_t classes,
                 netvane_diff_fn *fn, void *arg)
{
    static const struct {
        unsigned tree;
        enum netvane_class cls;
    } trees[] = {
        {NETVANE_TREE_LINKS, NETVANE_CLASS_LINK},    {NETVANE_TREE_ADDRS, NETVANE_CLASS_ADDR},
        {NETVANE_TREE_ROUTES4, NETVANE_CLASS_ROUTE}, {NETVANE_TREE_ROUTES6, NETVANE_CLASS_ROUTE},
        {NETVANE_TREE_RULES, NETVANE_CLASS_RULE},    {NETVANE_TREE_NEXTHOPS, NETVANE_CLASS_NEXTHOP},
    };
    struct diff d;
    if (!from || !to || !fn || (classes & ~NETVANE_CLASS_ALL))
        return NETVANE_INVALID;
    memset(&d, 0, sizeof(d));
    nv_snap_load(from, &d.a.s);
    nv_snap_load(to, &d.b.s);
    if (!d.a.s.header || !d.b.s.header)
        return NETVANE_INVALID;
    d.one_region = d.a.s.header == d.b.s.header;
    const size_t id = offsetof(struct netvane_region_slot, instance_id);
    d.one_instance = nv_slot_load64(&d.a.s, id) == nv_slot_load64(&d.b.s, id);
    for (size_t i = 0; i < NV_ARRAY_LEN(trees); i++) {
        int r = classes & 1u << trees[i].cls ? diff_tree(&d, trees[i].tree, trees[i].cls, fn, arg)
                                             : NETVANE_OK;
        if (r)
            return r;
    }
    return NETVANE_OK;
}
