/* SPDX-License-Identifier: MIT */
/*
 * fake_region_lpm.c - builds the longest-prefix indexes of a hand-made region, top down, from sorted lists.
 *
 * A second opinion on what region.h says of fans, leaves and blocks: nothing of the writer's edits is used. Infos are not shared.
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
    struct netvane_region_lpm_node node = {0}, nodes[32];
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

/* The longest entry that ends in the `end - start` bits of which the first are those of `bits`; 0: none. */
static uint32_t value_in(const struct entry *list, unsigned n, unsigned start, unsigned end,
                         unsigned bits)
{
    uint32_t value = 0;
    unsigned best = 0;
    for (unsigned k = 0; k < n; k++) {
        if (list[k].len <= start || list[k].len > end || list[k].len <= best ||
            nv_bits_at(list[k].dst, start, end - start) >> (end - list[k].len) !=
                bits >> (end - list[k].len))
            continue;
        best = list[k].len;
        value = list[k].value | best;
    }
    return value;
}

/* list: with 16 bits in common, each longer. */
static uint32_t build_leaf(struct fake_region *r, const struct entry *list, unsigned n)
{
    uint32_t groups[16] = {0}, values[257], hidden = 0, bytes;
    struct netvane_region_lpm_node nodes[8];
    unsigned value_count = 0, node_count = 0;
    struct entry *below = calloc(n + 1, sizeof(*below));
    if (!below)
        abort();
    for (unsigned i = 0; i < 256; i++) {
        const uint32_t value = value_in(list, n, 16, 24, i);
        if (i && value != values[value_count - 1])
            groups[(i - 1) / 32 * 2] |= 1u << (i - 1) % 32;
        if (!i || value != values[value_count - 1])
            values[value_count++] = value;
        if (i % 32 == 0)
            groups[i / 32 * 2 + 1] = 17 + value_count - 1;
    }
    for (unsigned k = 0; k < n; k++) {
        bool shown = list[k].len > 24;
        for (unsigned i = 0; i < 256 && !shown; i++)
            shown =
                nv_bits_at(list[k].dst, 16, 8) >> (24 - list[k].len) == i >> (24 - list[k].len) &&
                (value_in(list, n, 16, 24, i) & 31u) == list[k].len;
        hidden |= shown ? 0 : 1u << (list[k].len - 16);
    }
    bytes = (68 + 4 * value_count + 15) / 16 * 16;
    for (unsigned g = 0; g < 8; g++) {
        const unsigned k = pick(list, n, 16, 3, g, 24, below);
        if (!k)
            continue;
        groups[2 * g + 1] |= (bytes / 16 + node_count) << 8;
        nodes[node_count++] = build_node(r, below, k, 19);
    }
    free(below);
    unsigned char *leaf = place(r, bytes + 16 * (size_t)node_count, 16);
    memcpy(leaf, groups, 64);
    memcpy(leaf + 64, &hidden, 4);
    memcpy(leaf + 68, values, 4 * (size_t)value_count);
    memcpy(leaf + bytes, nodes, 16 * (size_t)node_count);
    return reference(r, leaf);
}

static uint32_t build_fan(struct fake_region *r, const struct entry *list, unsigned n,
                          unsigned level)
{
    static const unsigned starts[] = {0, 5, 10, 16};
    struct netvane_region_fan_slot fan[64] = {{0, 0}};
    if (!n)
        return 0;
    if (level == 3)
        return build_leaf(r, list, n);
    const unsigned start = starts[level], end = starts[level + 1], slots = 1u << (end - start);
    struct entry *below = calloc(n, sizeof(*below));
    if (!below)
        abort();
    for (unsigned i = 0; i < slots; i++) {
        const unsigned k = pick(list, n, start, end - start, i, end, below);
        fan[i] = (struct netvane_region_fan_slot){build_fan(r, below, k, level + 1),
                                                  value_in(list, n, start, end, i)};
    }
    free(below);
    void *cell = place(r, slots * sizeof(fan[0]), 16);
    memcpy(cell, fan, slots * sizeof(fan[0]));
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
