/* SPDX-License-Identifier: MIT */
/*
 * fake_region_lpm.c - builds the longest-prefix indexes of a hand-made region, top down, from sorted lists.
 *
 * A second opinion on what region.h says of fans and cells: nothing of the writer's edits is used. Infos are not shared.
 */
#include <stdlib.h>

#include "fake_region.h"
#include "nv/lpm.h"

struct entry {
    struct nv_bits dst;
    unsigned len;
    uint32_t value; /* without the length that fans add */
};

static void *place(struct fake_region *r, size_t bytes, uint64_t align)
{
    r->used = (r->used + align - 1) / align * align;
    if (r->used + bytes + NETVANE_CELL_MAX > r->file_bytes)
        abort();
    void *p = r->base + r->used;
    r->used += bytes;
    return p;
}

static uint32_t reference(const struct fake_region *r, const void *cell)
{
    return (uint32_t)(((const unsigned char *)cell - r->base - NETVANE_NOTHING_OFFSET) /
                      NETVANE_CELL_UNIT);
}

/* Those of n entries whose bits from `at` on are `bits` and that are longer than `longer`; to: room for n. */
static unsigned pick(const struct entry *from, unsigned n, unsigned at, unsigned width,
                     unsigned bits, unsigned longer, struct entry *to)
{
    unsigned k = 0;
    for (unsigned i = 0; i < n; i++)
        if (from[i].len > longer && nv_bits_at(from[i].dst, at, width) == bits)
            to[k++] = from[i];
    return k;
}

static struct netvane_region_lpm_node build_node(struct fake_region *r, const struct entry *list,
                                                 unsigned n, unsigned depth)
{
    struct netvane_region_lpm_node node = {0, 0, 0, 0}, nodes[32];
    uint32_t values[32] = {0};
    unsigned value_count = 0, node_count = 0;
    struct entry *below = calloc(n + 1, sizeof(*below));
    if (!below)
        abort();
    for (unsigned bit = 1; bit < 32; bit++) {
        for (unsigned i = 0; i < n; i++) {
            const unsigned extra = list[i].len - depth;
            if (extra > 4 ||
                bit != (1u << extra | nv_bits_at(list[i].dst, depth, 5) >> (5 - extra)))
                continue;
            node.prefixes |= 1u << bit;
            values[value_count++] = list[i].value;
        }
    }
    for (unsigned five = 0; five < 32; five++) {
        const unsigned k = pick(list, n, depth, 5, five, depth + 4, below);
        if (!k)
            continue;
        node.children |= 1u << five;
        nodes[node_count++] = build_node(r, below, k, depth + 5);
    }
    free(below);
    if (!value_count && !node_count)
        return node;
    unsigned char *block = place(r, 16 * (size_t)node_count + 4 * (size_t)value_count, 16);
    memcpy(block, nodes, 16 * (size_t)node_count);
    memcpy(block + 16 * (size_t)node_count, values, 4 * (size_t)value_count);
    node.block = reference(r, block);
    return node;
}

/* level 0 and 1: fans; 2: the nodes behind them. */
static uint32_t build_fan(struct fake_region *r, const struct entry *list, unsigned n,
                          unsigned level)
{
    const unsigned start = 5 * level, end = start + 5;
    struct netvane_region_fan_slot fan[32] = {{0, 0}};
    struct netvane_region_lpm_node nodes[32];
    struct entry *below = calloc(n + 1, sizeof(*below));
    if (!below)
        abort();
    for (unsigned i = 0; n && i < 32; i++) {
        uint32_t value = 0;
        unsigned best = 0;
        for (unsigned k = 0; k < n; k++) {
            if (list[k].len > end || list[k].len <= best ||
                nv_bits_at(list[k].dst, start, 5) >> (end - list[k].len) !=
                    i >> (end - list[k].len))
                continue;
            best = list[k].len;
            value = list[k].value | best;
        }
        const unsigned k = pick(list, n, start, 5, i, end, below);
        if (level < 2) {
            fan[i] = (struct netvane_region_fan_slot){build_fan(r, below, k, level + 1), value};
        } else {
            nodes[i] = build_node(r, below, k, 15);
            nodes[i].value = value;
        }
    }
    free(below);
    if (!n)
        return 0;
    const size_t bytes = level < 2 ? sizeof(fan) : sizeof(nodes);
    void *cell = place(r, bytes, 16);
    memcpy(cell, level < 2 ? (void *)fan : (void *)nodes, bytes);
    return reference(r, cell);
}

/* ---- from the routes --------------------------------------------------------------------------------------- */

static void hops_of(const struct fake_state *st, uint32_t set, struct nv_lpm_hops *ret)
{
    const struct netvane_rec_hop *h = (const void *)st->trees[NETVANE_TREE_HOPS].bytes;
    memset(ret, 0, sizeof(*ret));
    for (unsigned i = 0; set && i < st->trees[NETVANE_TREE_HOPS].count; i++)
        if (h[i].key[0] >> 32 == set)
            nv_lpm_hops_add(ret, &h[i]);
}

static uint32_t value_of(struct fake_region *r, const struct nv_lpm_group *g)
{
    void *info = place(r, sizeof(g->info), 64);
    memcpy(info, &g->info, sizeof(g->info));
    return (uint32_t)((unsigned char *)info - r->base) |
           (g->conditional ? NETVANE_FV_CONDITIONAL : 0u);
}

/* The tables of one family, from its sorted routes. */
static void build_family(struct fake_region *r, struct fake_state *st, bool is4)
{
    const unsigned tree = is4 ? NETVANE_TREE_ROUTES4 : NETVANE_TREE_ROUTES6;
    const struct fake_list *routes = &st->trees[tree];
    const size_t stride = nv_tree_shape(tree)->stride;
    struct entry *list = calloc(routes->count + 1, sizeof(*list));
    if (!list)
        abort();
    for (unsigned at = 0; at < routes->count;) {
        uint64_t key[NV_TREE_KEY_WORDS_MAX];
        memcpy(key, routes->bytes + at * stride, (is4 ? 2u : 3u) * 8u);
        const uint32_t table = (uint32_t)(key[0] >> 32);
        struct netvane_rec_table rec = {.key = {(uint64_t)(is4 ? NV_AF_4 : NV_AF_6) << 32 | table},
                                        .id = 0};
        struct netvane_region_lpm lpm = {.state = NETVANE_LS_VALID};
        struct nv_lpm_group g;
        unsigned n = 0;
        memset(&g, 0, sizeof(g));
        for (; at < routes->count; at++) {
            union {
                uint64_t key[NV_TREE_KEY_WORDS_MAX];
                struct netvane_rec_route4 r4;
                struct netvane_rec_route6 r6;
            } route;
            memcpy(&route, routes->bytes + at * stride, stride);
            if (route.key[0] >> 32 != table)
                break;
            if (g.any && !nv_lpm_same_prefix(is4, key, route.key)) {
                list[n - 1].value = value_of(r, &g);
                memset(&g, 0, sizeof(g));
            }
            if (!g.any) {
                memcpy(key, route.key, (is4 ? 2u : 3u) * 8u);
                list[n].dst = nv_lpm_prefix(is4, key, &list[n].len);
                rec.lengths[list[n].len / 32] |= 1u << list[n].len % 32;
                n++;
            }
            struct nv_lpm_hops hops;
            hops_of(st, is4 ? route.r4.hops : route.r6.hops, &hops);
            if (is4)
                nv_lpm_group_add4(&g, &route.r4, &hops);
            else
                nv_lpm_group_add6(&g, &route.r6, &hops);
            lpm.routes++;
        }
        list[n - 1].value = value_of(r, &g);
        const bool has_default = !list[0].len;
        lpm.def = has_default ? list[0].value : 0;
        lpm.top = build_fan(r, list + has_default, n - has_default, 0);
        if (table == 254)
            r->lpms[is4 ? NETVANE_SL_MAIN4 : NETVANE_SL_MAIN6] = lpm;
        else if (table == 255)
            r->lpms[is4 ? NETVANE_SL_LOCAL4 : NETVANE_SL_LOCAL6] = lpm;
        else
            rec.lpm = lpm;
        fake_add(st, NETVANE_TREE_TABLES, &rec);
    }
    free(list);
}

void fake_build_lpms(struct fake_region *r, struct fake_state *st)
{
    memset(r->lpms, 0, sizeof(r->lpms));
    st->trees[NETVANE_TREE_TABLES].count = 0;
    build_family(r, st, true);
    build_family(r, st, false);
    r->used =
        (r->used + NETVANE_CELL_MAX + NETVANE_NODE_BYTES) / NETVANE_NODE_BYTES * NETVANE_NODE_BYTES;
}
