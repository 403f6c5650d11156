/* SPDX-License-Identifier: MIT */
/*
 * infos.c - a hash table of info cells, emptied by mark and sweep.
 *
 * Nothing counts who refers to an info: a prefix of a fan may be hidden by longer ones, and its value is not to be found then
 * when it goes. Flapping metrics would leave infos behind for ever, so that now and then the used ones are marked.
 */
#include "infos.h"

#include <stdlib.h>

#define LEAST 64u

struct nv_info_marks {
    uint8_t **extents; /* a byte for each info that it has room for; NULL: none is marked in it */
    uint32_t count;
    bool failed;
};

static uint32_t hash_of(const struct netvane_region_info *info)
{
    return (uint32_t)nv_hash(info, sizeof(*info));
}

static const struct netvane_region_info *info_at(const struct nv_cells *c, uint32_t value)
{
    return (const struct netvane_region_info *)(const void *)(c->arena->base + value);
}

void nv_infos_destroy(struct nv_infos *in)
{
    free(in->table);
    *in = (struct nv_infos){0};
}

static void insert(struct nv_infos *in, const struct nv_cells *c, uint32_t value)
{
    uint32_t i = hash_of(info_at(c, value)) & (in->size - 1);
    while (in->table[i])
        i = (i + 1) & (in->size - 1);
    in->table[i] = value;
}

/* The table anew, twice as large as it has to be. */
static bool rehash(struct nv_infos *in, const struct nv_cells *c)
{
    uint32_t size = LEAST, *old = in->table;
    const uint32_t old_size = in->size;
    while (size < in->count * 4u)
        size *= 2;
    uint32_t *table = calloc(size, sizeof(*table));
    if (!table)
        return false;
    in->table = table;
    in->size = size;
    for (uint32_t i = 0; i < old_size; i++)
        if (old[i])
            insert(in, c, old[i]);
    free(old);
    return true;
}

uint32_t nv_infos_get(struct nv_infos *in, struct nv_cells *c,
                      const struct netvane_region_info *info)
{
    if ((in->count + 1) * 2u > in->size && !rehash(in, c))
        return 0;
    uint32_t i = hash_of(info) & (in->size - 1);
    for (; in->table[i]; i = (i + 1) & (in->size - 1))
        if (!memcmp(info_at(c, in->table[i]), info, sizeof(*info)))
            return in->table[i];
    const uint32_t ref = nv_cells_take_info(c);
    const uint64_t offset = nv_cell_offset(ref);
    if (offset > UINT32_MAX) {
        nv_cells_give_info(c, ref);
        return 0;
    }
    nv_payload_store(nv_cell_rw(c, ref), info, sizeof(*info));
    in->table[i] = (uint32_t)offset;
    in->count++;
    return in->table[i];
}

/* ---- mark and sweep --------------------------------------------------------------------------------------------- */

static uint8_t *mark_of(const struct nv_info_marks *marks, uint32_t value)
{
    uint8_t *extent = marks->extents[value / NETVANE_EXTENT_BYTES];
    const uint64_t at = value % NETVANE_EXTENT_BYTES / sizeof(struct netvane_region_info);
    return extent ? &extent[at] : NULL;
}

void nv_infos_mark(struct nv_info_marks *marks, uint32_t value)
{
    value &= NETVANE_FV_INFO;
    uint8_t **extent = &marks->extents[value / NETVANE_EXTENT_BYTES];
    if (!*extent)
        *extent = calloc(NETVANE_EXTENT_BYTES / sizeof(struct netvane_region_info), 1);
    if (*extent)
        *mark_of(marks, value) = 1;
    else
        marks->failed = true;
}

static void sweep(struct nv_infos *in, struct nv_cells *c, const struct nv_info_marks *marks)
{
    for (uint32_t i = 0; i < in->size; i++) {
        const uint32_t value = in->table[i];
        if (!value || (mark_of(marks, value) && *mark_of(marks, value)))
            continue;
        nv_cells_give_info(c, (uint32_t)((value - NETVANE_NOTHING_OFFSET) / NETVANE_CELL_UNIT));
        in->table[i] = 0;
        in->count--;
    }
}

void nv_infos_collect(struct nv_infos *in, struct nv_cells *c,
                      void (*mark)(void *arg, struct nv_info_marks *marks), void *arg)
{
    struct nv_info_marks marks = {.count = c->extents};
    marks.extents = calloc(marks.count ? marks.count : 1, sizeof(*marks.extents));
    if (marks.extents) {
        mark(arg, &marks);
        if (!marks.failed)
            sweep(in, c, &marks);
        for (uint32_t i = 0; i < marks.count; i++)
            free(marks.extents[i]);
        free(marks.extents);
        (void)rehash(in, c); /* else some may be stored twice: holes end chains early */
    }
    in->collect_at = 2 * in->count;
}
