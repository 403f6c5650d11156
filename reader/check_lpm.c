/* SPDX-License-Identifier: MIT */
/*
 * check_lpm.c - checks the longest-prefix indexes against the routes.
 *
 * Owns:      the records of tables, and for each prefix: its value, what that leads to, and where it stands.
 * Assumes:   check.c found the trees whole.
 * Promises:  an index and what it indexes are compared both ways: prefix by prefix, and by the count of values; no cell is
 *            walked more often than there is room for cells.
 */
#include "check.h"

#include "nv/lpm.h"

struct lpm_check {
    struct nv_check *c;
    bool is4;
    uint32_t table;
    struct nv_lpm f;
    uint32_t lengths[5]; /* of the prefixes that were met */
    uint64_t values;     /* in blocks and places of fans and leaves, that prefixes explain */
    uint64_t found;      /* that there are */
    uint64_t budget;     /* cells that may still be walked */
    bool broken_off;
};

static void finding(const struct lpm_check *x, struct nv_bits dst, unsigned len, const char *what)
{
    nv_finding(x->c, "Index of table %u, IPv%u: prefix %016llx%016llx/%u %s.", (unsigned)x->table,
               x->is4 ? 4u : 6u, (unsigned long long)dst.hi, (unsigned long long)dst.lo, len, what);
}

/* ---- one prefix --------------------------------------------------------------------------------------------- */

static int add_route(const struct nv_snap *s, struct nv_lpm_group *g, bool is4,
                     const union nv_route_record *r)
{
    struct nv_lpm_hops hops;
    struct netvane_rec_hop hop;
    struct nv_cursor c;
    const uint32_t set = is4 ? r->r4.hops : r->r6.hops;
    const uint64_t key = (uint64_t)set << 32;
    memset(&hops, 0, sizeof(hops));
    int w = set ? nv_snap_seek(s, NETVANE_TREE_HOPS, &key, &c) : NV_TREE_END;
    while (w == NV_TREE_OK && (w = nv_step(&c, &hop)) == NV_TREE_OK && hop.key[0] >> 32 == set)
        nv_lpm_hops_add(&hops, &hop);
    if (is4)
        nv_lpm_group_add4(g, &r->r4, &hops);
    else
        nv_lpm_group_add6(g, &r->r6, &hops);
    return w == NV_TREE_BAD ? w : NV_TREE_OK;
}

static bool is_value_of(const struct lpm_check *x, uint32_t value, const struct nv_lpm_group *g)
{
    struct netvane_region_info info;
    return nv_lpm_info(x->c->s.base, x->c->s.limit, value, &info) == NV_TREE_OK &&
           !memcmp(&info, &g->info, sizeof(info)) &&
           !!(value & NETVANE_FV_CONDITIONAL) == g->conditional;
}

/* A prefix of 1 to 24 bits: each place that it covers shows it, or a longer one. */
static void check_short(struct lpm_check *x, struct nv_bits dst, unsigned len,
                        const struct nv_lpm_group *g)
{
    unsigned level;
    const unsigned char *cell = nv_lpm_cell_of(&x->f, dst, len, &level);
    if (!cell || cell == nv_lpm_cell(&x->f, 0)) {
        finding(x, dst, len, "has no fan or leaf");
        return;
    }
    const unsigned count = 1u << (nv_fan_end(level) - len), first = nv_fan_slot_of(dst, level);
    const uint64_t values = x->values;
    for (unsigned i = first; i < first + count; i++) {
        const uint32_t value = nv_lpm_place_value(cell, level, i);
        if ((value & NETVANE_FV_LENGTH) < len)
            finding(x, dst, len, "is not in a place that it covers");
        else if ((value & NETVANE_FV_LENGTH) == len && !is_value_of(x, value, g))
            finding(x, dst, len, "has a value that is not its route's");
        else
            x->values += (value & NETVANE_FV_LENGTH) == len;
    }
    if (level == NV_FANS && x->values == values &&
        !(nv_lpm_word32(cell + offsetof(struct netvane_region_leaf, hidden)) >>
              (len - NETVANE_LPM_LEAF) &
          1u))
        finding(x, dst, len,
                "is nowhere in its leaf, which does not say that one of its length is hidden");
}

static void check_prefix(struct lpm_check *x, const uint64_t *key, const struct nv_lpm_group *g)
{
    unsigned len;
    uint32_t value;
    const struct nv_bits dst = nv_lpm_prefix(x->is4, key, &len);
    if (len > (x->is4 ? 32u : 128u))
        return; /* its record was found bad */
    x->lengths[len / 32] |= 1u << len % 32;
    if (len && len <= NETVANE_LPM_LONG) {
        check_short(x, dst, len, g);
        return;
    }
    if (nv_lpm_exact(&x->f, dst, len, &value) != NV_TREE_OK || !is_value_of(x, value, g))
        finding(x, dst, len, "is missing, or has a value that is not its route's");
    x->values += len != 0;
}

/* ---- what is there ---------------------------------------------------------------------------------------------- */

static bool may_walk(struct lpm_check *x, uint32_t ref)
{
    if (ref >= x->f.ref_limit || !x->budget) {
        x->broken_off = true;
        return false;
    }
    x->budget--;
    return true;
}

/* depth: bits before the node. */
static void count_node(struct lpm_check *x, const unsigned char *at, unsigned depth)
{
    const struct netvane_region_lpm_node n = nv_lpm_node(at);
    if (!n.block && !n.prefixes && !n.children)
        return;
    if (!may_walk(x, n.block) || depth >= (x->is4 ? 32u : 128u)) {
        x->broken_off = true;
        return;
    }
    const unsigned char *block = nv_lpm_cell(&x->f, n.block);
    x->found += nv_popcount(n.prefixes);
    for (unsigned i = 0; i < nv_popcount(n.children) && !x->broken_off; i++)
        count_node(x, nv_block_node(block, i), depth + NETVANE_LPM_STRIDE);
}

static void count_leaf(struct lpm_check *x, const unsigned char *leaf)
{
    for (unsigned i = 0; i < NV_LEAF_SLOTS; i++)
        x->found += nv_leaf_value(leaf, i) != 0;
    for (unsigned i = 0; i < NETVANE_LPM_GROUPS && !x->broken_off; i++) {
        const struct netvane_region_leaf_group g = nv_leaf_group(leaf, i);
        if (!nv_group_node(g.place))
            continue;
        const unsigned char *node = nv_leaf_node(leaf, g);
        if (node)
            count_node(x, node, NETVANE_LPM_NODES);
        else
            x->broken_off = true;
    }
}

static void count_fan(struct lpm_check *x, uint32_t ref, unsigned level)
{
    if (!ref || !may_walk(x, ref))
        return;
    const unsigned char *fan = nv_lpm_cell(&x->f, ref);
    if (level == NV_FANS) {
        count_leaf(x, fan);
        return;
    }
    for (unsigned i = 0; i < 1u << nv_fan_width(level) && !x->broken_off; i++) {
        const struct netvane_region_fan_slot s = nv_fan_slot(fan, i);
        x->found += s.value != 0;
        count_fan(x, s.child, level + 1);
    }
}

/* ---- one table ------------------------------------------------------------------------------------------------------ */

/* The routes of a table, prefix by prefix; returns how many there are. */
static uint64_t check_routes(struct lpm_check *x, bool indexed)
{
    const struct nv_snap *s = &x->c->s;
    struct nv_lpm_group g;
    struct nv_cursor c;
    union nv_route_record r;
    uint64_t key[NV_TREE_KEY_WORDS_MAX], routes = 0;
    memset(&g, 0, sizeof(g));
    nv_lpm_key(x->is4, x->table, (struct nv_bits){0, 0}, 0, key);
    int w = nv_snap_seek(s, x->is4 ? NETVANE_TREE_ROUTES4 : NETVANE_TREE_ROUTES6, key, &c);
    while (w == NV_TREE_OK && (w = nv_step(&c, &r)) == NV_TREE_OK && r.key[0] >> 32 == x->table &&
           !(routes++ % 4096 == 4095 && !nv_valid(s))) {
        if (g.any && !nv_lpm_same_prefix(x->is4, r.key, key)) {
            if (indexed)
                check_prefix(x, key, &g);
            memset(&g, 0, sizeof(g));
        }
        memcpy(key, r.key, nv_lpm_key_bytes(x->is4));
        (void)add_route(s, &g, x->is4, &r);
    }
    if (g.any && indexed)
        check_prefix(x, key, &g);
    return routes;
}

static const struct netvane_region_lpm *root_of(const struct nv_check *c, bool is4,
                                                const struct netvane_rec_table *r)
{
    const unsigned slot = nv_lpm_root_slot(is4, (uint32_t)r->key[0]);
    return slot < NETVANE_LPM_SLOTS ? &c->slot.lpm[slot] : &r->lpm;
}

uint64_t nv_check_table(struct nv_check *c, const struct netvane_rec_table *r)
{
    struct lpm_check x = {.c = c, .is4 = r->key[0] >> 32 == NV_AF_4, .table = (uint32_t)r->key[0]};
    const struct netvane_region_lpm *root = root_of(c, x.is4, r);
    const bool indexed = root->state == NETVANE_LS_VALID;
    if (!nv_is_family((unsigned)(r->key[0] >> 32)) || root->state == NETVANE_LS_NONE ||
        root->state > NETVANE_LS_BROKEN) {
        nv_finding(c, "Table %u: its family or its index is none.", (unsigned)x.table);
        return 0;
    }
    x.f = nv_lpm_of(c->s.base, c->s.limit, root);
    x.budget = c->s.limit / NETVANE_CELL_UNIT;
    const uint64_t routes = check_routes(&x, indexed);
    if (routes != root->routes)
        nv_finding(c, "Table %u: it has %llu routes, but its root says %u.", (unsigned)x.table,
                   (unsigned long long)routes, (unsigned)root->routes);
    if (!indexed || !nv_valid(&c->s))
        return routes;
    count_fan(&x, x.f.top, 0);
    if (x.broken_off)
        nv_finding(c, "Index of table %u: a reference leads out of the region, or in a circle.",
                   (unsigned)x.table);
    else if (x.found != x.values || !!x.f.def != (x.lengths[0] & 1u))
        nv_finding(c, "Index of table %u: it has values that no route explains.",
                   (unsigned)x.table);
    if (memcmp(x.lengths, r->lengths, sizeof(x.lengths)))
        nv_finding(c, "Table %u: it has other prefix lengths than its record says.",
                   (unsigned)x.table);
    return routes;
}
