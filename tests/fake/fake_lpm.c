/* SPDX-License-Identifier: MIT */
/*
 * fake_lpm.c - holds the longest-prefix indexes of a mirror against its trees of routes.
 *
 * Walks the cells by hand, from what region.h says of them; looks each prefix up, and addresses at both ends of each
 * beside a search through all of them; and counts every unit of every extent.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fake_writer.h"
#include "writer/mirror.h"

struct prefix {
    struct nv_bits dst;
    unsigned len;
    bool conditional;
    struct netvane_region_info info;
};

struct audit {
    const struct nv_mirror *m;
    const struct nv_table *t;
    const struct prefix *list;
    uint32_t count;
    uint64_t bytes;  /* of cells */
    uint64_t values; /* in blocks, and in places of fans and leaves */
    const char *fault;
};

static uint32_t word32(const struct nv_cells *c, uint32_t ref, unsigned i)
{
    uint32_t w;
    memcpy(&w, nv_cell_rw(c, ref) + 4u * i, sizeof(w));
    return w;
}

static unsigned ones(uint32_t w)
{
    unsigned n = 0;
    for (; w; w &= w - 1)
        n++;
    return n;
}

/* ---- what is to be expected -------------------------------------------------------------------------------- */

static struct nv_lpm_hops hops_of(const struct nv_mirror *m, uint32_t set)
{
    struct nv_lpm_hops h = {.count = 0};
    struct netvane_rec_hop r = {.count = 1};
    for (uint32_t i = 0; set && i < r.count; i++) {
        uint64_t key[1] = {(uint64_t)set << 32 | i};
        if (!nv_draft_find(&m->draft, NETVANE_TREE_HOPS, key, &r))
            abort();
        nv_lpm_hops_add(&h, &r);
    }
    return h;
}

/* The prefixes of a table, made from its routes. */
static struct prefix *prefixes_of(const struct nv_mirror *m, const struct nv_table *t,
                                  uint32_t *ret_count)
{
    union {
        uint64_t key[NV_TREE_KEY_WORDS_MAX];
        struct netvane_rec_route4 r4;
        struct netvane_rec_route6 r6;
    } r;
    const bool is4 = t->family == NV_AF_4;
    struct nv_tree tree =
        nv_draft_tree(&m->draft, is4 ? NETVANE_TREE_ROUTES4 : NETVANE_TREE_ROUTES6);
    struct prefix *list = calloc(tree.count + 1, sizeof(*list));
    struct nv_lpm_group g = {.any = false};
    struct nv_cursor c;
    uint32_t n = 0;
    if (!list)
        abort();
    for (int more = nv_cursor_seek(&c, &tree, NULL); more == NV_TREE_OK;
         more = nv_cursor_next(&c)) {
        if (nv_cursor_get(&c, &r) != NV_TREE_OK)
            abort();
        if (r.key[0] >> 32 != t->table)
            continue;
        unsigned len;
        const struct nv_bits dst = nv_lpm_prefix(is4, r.key, &len);
        if (!n || len != list[n - 1].len || memcmp(&dst, &list[n - 1].dst, sizeof(dst))) {
            list[n].dst = dst;
            list[n++].len = len;
            g = (struct nv_lpm_group){.any = false};
        }
        const struct nv_lpm_hops h = hops_of(m, is4 ? r.r4.hops : r.r6.hops);
        if (is4)
            nv_lpm_group_add4(&g, &r.r4, &h);
        else
            nv_lpm_group_add6(&g, &r.r6, &h);
        list[n - 1].conditional = g.conditional;
        list[n - 1].info = g.info;
    }
    *ret_count = n;
    return list;
}

static bool covers(const struct prefix *p, struct nv_bits at)
{
    for (unsigned i = 0; i < p->len; i++)
        if (nv_bits_at(p->dst, i, 1) != nv_bits_at(at, i, 1))
            return false;
    return true;
}

static const struct prefix *longest(const struct audit *a, struct nv_bits at)
{
    const struct prefix *best = NULL;
    for (uint32_t i = 0; i < a->count; i++)
        if (covers(&a->list[i], at) && (!best || a->list[i].len > best->len))
            best = &a->list[i];
    return best;
}

static bool is_value_of(const struct nv_mirror *m, uint32_t value, const struct prefix *p)
{
    struct netvane_region_info info;
    return nv_lpm_info(m->draft.arena.base, m->draft.arena.size_bytes, value, &info) ==
               NV_TREE_OK &&
           !memcmp(&info, &p->info, sizeof(info)) &&
           !!(value & NETVANE_FV_CONDITIONAL) == p->conditional;
}

/* ---- what there is ------------------------------------------------------------------------------------------- */

/* The node at word `at` of a cell. */
static void count_node(struct audit *a, uint32_t ref, unsigned at)
{
    const struct nv_cells *c = &a->m->lpm.cells;
    const unsigned values = ones(word32(c, ref, at)), children = ones(word32(c, ref, at + 1));
    const uint32_t block = word32(c, ref, at + 2);
    if (!block != !(values + children))
        a->fault = "a node whose block does not fit";
    a->bytes += (4 * values + 16 * children + 15) / 16 * 16;
    a->values += values;
    for (unsigned i = 0; i < children && !a->fault; i++) {
        const unsigned child = 4 * i;
        if (!word32(c, block, child) && !word32(c, block, child + 1))
            a->fault = "an empty node";
        if (word32(c, block, child + 3))
            a->fault = "something in a node's reserved word";
        count_node(a, block, child);
    }
}

/* The value of a place of a leaf. */
static uint32_t leaf_value(const struct nv_cells *c, uint32_t ref, unsigned i)
{
    const uint32_t ends = word32(c, ref, i / 32 * 2), place = word32(c, ref, i / 32 * 2 + 1);
    return word32(c, ref, (place & 255u) + ones(ends & ((1u << i % 32) - 1)));
}

static void count_leaf(struct audit *a, uint32_t ref)
{
    const struct nv_cells *c = &a->m->lpm.cells;
    unsigned words = 17, nodes = 0;
    bool empty = true;
    for (unsigned g = 0; g < 8; g++) {
        if ((word32(c, ref, 2 * g + 1) & 255u) != words)
            a->fault = "a group whose values are not behind those of the one before";
        words += ones(word32(c, ref, 2 * g));
        nodes += word32(c, ref, 2 * g + 1) >> 8 != 0;
    }
    words++; /* the last run has no end */
    for (unsigned g = 0, met = 0; g < 8 && !a->fault; g++) {
        const uint32_t node = word32(c, ref, 2 * g + 1) >> 8;
        if (!node)
            continue;
        if (node != (words + 3) / 4 + met++)
            a->fault = "a group's node that does not stand behind the values";
        else if (word32(c, ref, 4 * node) || !word32(c, ref, 4 * node + 1))
            a->fault = "a group's node with a prefix, or without a child";
        else
            count_node(a, ref, 4 * node);
    }
    for (unsigned i = 0; i < 256; i++) {
        a->values += leaf_value(c, ref, i) != 0;
        empty = empty && !leaf_value(c, ref, i);
    }
    if (empty && !nodes)
        a->fault = "an empty leaf";
    a->bytes += 16u * ((words + 3) / 4 + nodes);
}

static const unsigned fan_starts[] = {0, 5, 10, 16, 24};

static void count_fan(struct audit *a, uint32_t ref, unsigned level)
{
    const struct nv_cells *c = &a->m->lpm.cells;
    const unsigned slots = 1u << (fan_starts[level + 1] - fan_starts[level]);
    bool empty = true;
    if (!ref)
        return;
    if (level == 3) {
        count_leaf(a, ref);
        return;
    }
    a->bytes += 8 * slots;
    for (unsigned i = 0; i < slots && !a->fault; i++) {
        empty = empty && !word32(c, ref, 2 * i) && !word32(c, ref, 2 * i + 1);
        a->values += word32(c, ref, 2 * i + 1) != 0;
        count_fan(a, word32(c, ref, 2 * i), level + 1);
    }
    if (empty)
        a->fault = "an empty fan";
}

/* How many places of its fan, or leaf, show a prefix; those that it covers show it or a longer one. */
static unsigned places_of(struct audit *a, const struct nv_lpm *f, const struct prefix *p)
{
    const struct nv_cells *c = &a->m->lpm.cells;
    unsigned level = 0, shown = 0;
    uint32_t ref = f->top;
    for (; p->len > fan_starts[level + 1]; level++)
        ref = word32(
            c, ref,
            2 * nv_bits_at(p->dst, fan_starts[level], fan_starts[level + 1] - fan_starts[level]));
    const unsigned end = fan_starts[level + 1],
                   first = nv_bits_at(p->dst, fan_starts[level], end - fan_starts[level]);
    for (unsigned i = first; i < first + (1u << (end - p->len)); i++) {
        const uint32_t value = level == 3 ? leaf_value(c, ref, i) : word32(c, ref, 2 * i + 1);
        if (!ref || (value & 31u) < p->len)
            a->fault = "a place shows less than covers it";
        else if ((value & 31u) == p->len)
            shown += is_value_of(a->m, value, p);
    }
    if (level == 3 && !shown && !(word32(c, ref, 16) >> (p->len - 16) & 1u))
        a->fault = "a leaf does not say that a prefix is hidden";
    return shown;
}

static void look_up_around(struct audit *a, const struct nv_lpm *f, const struct prefix *p)
{
    const unsigned bits = a->t->family == NV_AF_4 ? 32 : 128;
    struct nv_bits at[2] = {p->dst, p->dst};
    for (unsigned i = p->len; i < bits; i++) {
        if (i < 64)
            at[1].hi |= UINT64_C(1) << (63 - i);
        else
            at[1].lo |= UINT64_C(1) << (127 - i);
    }
    for (unsigned i = 0; i < 2; i++) {
        struct nv_lpm_hit hit;
        const struct prefix *best = longest(a, at[i]);
        if (nv_lpm_find(f, at[i], bits, &hit) != NV_TREE_OK || hit.len != best->len ||
            !is_value_of(a->m, hit.value, best))
            a->fault = "a lookup that does not find the longest prefix";
    }
}

static void audit_table(struct audit *a)
{
    struct prefix *list = prefixes_of(a->m, a->t, &a->count);
    const struct nv_lpm f = nv_lpm_of_draft(&a->m->lpm.cells, &a->t->lpm);
    uint64_t expected = 0;
    a->list = list;
    a->values = 0;
    count_fan(a, f.top, 0);
    for (uint32_t i = 0; i < a->count && !a->fault; i++) {
        const struct prefix *p = &list[i];
        uint32_t value;
        if (p->len && p->len <= 24) {
            expected += places_of(a, &f, p);
        } else if (nv_lpm_exact(&f, p->dst, p->len, &value) != NV_TREE_OK ||
                   !is_value_of(a->m, value, p)) {
            a->fault = "a prefix that is not in the index as it should be";
        } else {
            expected += p->len != 0;
        }
        if (!a->fault && (a->count < 500 || i % 97 == 0))
            look_up_around(a, &f, p);
    }
    if (!a->fault && a->values != expected)
        a->fault = "a value in the index that no prefix explains";
    if (!a->fault && !!f.def != (a->count && !list[0].len))
        a->fault = "a /0 that is not there";
    free(list);
}

static uint64_t chain_bytes(const struct nv_cells *c, uint32_t list)
{
    uint64_t bytes = 0;
    for (uint32_t ref = c->free[list]; ref; ref = word32(c, ref, 0))
        bytes += list ? 8u * list : 64u;
    return bytes;
}

const char *fake_lpm_fault(struct nv_mirror *m)
{
    nv_mirror_lpm_settle(m);
    struct audit a = {.m = m};
    const struct nv_cells *c = &m->lpm.cells;
    for (uint32_t i = 0; i < m->table_count && !a.fault; i++) {
        a.t = &m->tables[i];
        if (!a.t->broken)
            audit_table(&a);
    }
    if (a.fault)
        return a.fault;
    uint64_t used = a.bytes + 64u * (uint64_t)m->lpm.infos.count;
    for (uint32_t i = 0; i < c->limbo_count; i++) {
        const struct nv_cell_limbo *l = &c->limbo[(c->limbo_head + i) % c->limbo_capacity];
        used += l->units ? 8u * l->units : 64u;
    }
    if (used + c->bytes_lost != c->bytes_used)
        return "cells in use that no index reaches, or the reverse";
    uint64_t all = used + 8u * (uint64_t)(c->rest_end - c->rest) + c->bytes_lost;
    for (uint32_t list = 0; list <= NV_CELL_UNITS_MAX; list++)
        all += chain_bytes(c, list);
    const uint64_t extents =
        m->draft.arena.lent * (uint64_t)NETVANE_NODE_BYTES / NETVANE_EXTENT_BYTES;
    const uint64_t cut = extents - c->spares;
    if (all != cut * (NETVANE_EXTENT_BYTES - NETVANE_CELL_MAX))
        return "used + free + limbo + rest of cells is not all there is";
    return NULL;
}
