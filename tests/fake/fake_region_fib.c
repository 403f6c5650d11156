/* SPDX-License-Identifier: MIT */
/*
 * fake_region_fib.c - builds the longest-prefix indexes of a hand-made region, top down, from sorted lists.
 *
 * A second opinion on what region.h says of fans and cells: nothing of the writer's edits is used. Infos are not shared.
 */
#include <stdlib.h>

#include "fake_region.h"
#include "nv/fib.h"

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

static uint32_t build_cell(struct fake_region *r, const struct entry *list, unsigned n,
                           unsigned depth)
{
    uint64_t prefixes = 0, children = 0;
    uint32_t words[127];
    unsigned count = 0;
    struct entry *below = calloc(n + 1, sizeof(*below));
    if (!n || !below) {
        free(below);
        return 0;
    }
    for (unsigned bit = 1; bit < 64; bit++) {
        for (unsigned i = 0; i < n; i++) {
            const unsigned extra = list[i].len - depth;
            if (extra > 5 ||
                bit != (1u << extra | nv_bits_at(list[i].dst, depth, 6) >> (6 - extra)))
                continue;
            prefixes |= UINT64_C(1) << bit;
            words[count++] = list[i].value;
        }
    }
    for (unsigned six = 0; six < 64; six++) {
        const unsigned k = pick(list, n, depth, 6, six, depth + 5, below);
        if (!k)
            continue;
        children |= UINT64_C(1) << six;
        words[count++] = build_cell(r, below, k, depth + 6);
    }
    free(below);
    unsigned char *cell = place(r, 16 + 4 * (size_t)count, 8);
    memcpy(cell, &prefixes, 8);
    memcpy(cell + 8, &children, 8);
    memcpy(cell + 16, words, 4 * (size_t)count);
    return reference(r, cell);
}

static uint32_t build_fan(struct fake_region *r, const struct entry *list, unsigned n,
                          unsigned level)
{
    static const unsigned start[] = {0, 4, 9, 14, 19};
    if (level == 4 || !n)
        return build_cell(r, list, n, 19);
    const unsigned width = start[level + 1] - start[level], slots = 1u << width;
    struct netvane_region_fan_slot fan[32] = {{0, 0}};
    struct entry *below = calloc(n, sizeof(*below));
    if (!below)
        abort();
    for (unsigned i = 0; i < slots; i++) {
        unsigned best = 0;
        for (unsigned k = 0; k < n; k++) {
            const unsigned shift = list[k].len > start[level + 1] ? 0 : start[level + 1] - list[k].len;
            if (list[k].len > start[level + 1] || list[k].len <= best ||
                nv_bits_at(list[k].dst, start[level], width) >> shift != i >> shift)
                continue;
            best = list[k].len;
            fan[i].value = list[k].value | best;
        }
        const unsigned k = pick(list, n, start[level], width, i, start[level + 1], below);
        fan[i].child = build_fan(r, below, k, level + 1);
    }
    free(below);
    void *cell = place(r, 8 * (size_t)slots, 8);
    memcpy(cell, fan, 8 * (size_t)slots);
    return reference(r, cell);
}

/* ---- from the routes --------------------------------------------------------------------------------------- */

static void hops_of(const struct fake_state *st, uint32_t set, struct nv_fib_hops *ret)
{
    const struct netvane_rec_hop *h = (const void *)st->trees[NETVANE_TREE_HOPS].bytes;
    memset(ret, 0, sizeof(*ret));
    for (unsigned i = 0; set && i < st->trees[NETVANE_TREE_HOPS].count; i++)
        if (h[i].key[0] >> 32 == set)
            nv_fib_hops_add(ret, &h[i]);
}

static uint32_t value_of(struct fake_region *r, const struct nv_fib_group *g)
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
        struct netvane_rec_table rec = {
            .key = {(uint64_t)(is4 ? NV_AF_4 : NV_AF_6) << 32 | table}, .id = 0};
        struct netvane_region_fib fib = {.state = NETVANE_FS_VALID};
        struct nv_fib_group g;
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
            if (g.any && !nv_fib_same_prefix(is4, key, route.key)) {
                list[n - 1].value = value_of(r, &g);
                memset(&g, 0, sizeof(g));
            }
            if (!g.any) {
                memcpy(key, route.key, (is4 ? 2u : 3u) * 8u);
                list[n].dst = nv_fib_prefix(is4, key, &list[n].len);
                rec.lengths[list[n].len / 32] |= 1u << list[n].len % 32;
                n++;
            }
            struct nv_fib_hops hops;
            hops_of(st, is4 ? route.r4.hops : route.r6.hops, &hops);
            if (is4)
                nv_fib_group_add4(&g, &route.r4, &hops);
            else
                nv_fib_group_add6(&g, &route.r6, &hops);
            fib.routes++;
        }
        list[n - 1].value = value_of(r, &g);
        const bool has_default = !list[0].len;
        fib.def = has_default ? list[0].value : 0;
        fib.top = build_fan(r, list + has_default, n - has_default, 0);
        if (table == 254)
            r->fibs[is4 ? NETVANE_SF_MAIN4 : NETVANE_SF_MAIN6] = fib;
        else if (table == 255)
            r->fibs[is4 ? NETVANE_SF_LOCAL4 : NETVANE_SF_LOCAL6] = fib;
        else
            rec.fib = fib;
        fake_add(st, NETVANE_TREE_TABLES, &rec);
    }
    free(list);
}

void fake_build_fibs(struct fake_region *r, struct fake_state *st)
{
    memset(r->fibs, 0, sizeof(r->fibs));
    st->trees[NETVANE_TREE_TABLES].count = 0;
    build_family(r, st, true);
    build_family(r, st, false);
    r->used = (r->used + NETVANE_CELL_MAX + NETVANE_NODE_BYTES) / NETVANE_NODE_BYTES * NETVANE_NODE_BYTES;
}
