/* SPDX-License-Identifier: MIT */
/*
 * cells.c - cuts extents into cells by size, and takes cells back once no readable version can reach them.
 *
 * A cell comes from the chain of its size, else from the extent that is being cut. Free cells are neither cut nor joined: a
 * table's cells have the same sizes in the same shares as long as it is of the same kind.
 */
#include "cells.h"

#include <assert.h>
#include <stdlib.h>

#define EXTENT_UNITS (NETVANE_EXTENT_BYTES / NETVANE_CELL_UNIT)
#define INFO_UNITS   (uint32_t)(sizeof(struct netvane_region_info) / NETVANE_CELL_UNIT)

void nv_cells_init(struct nv_cells *c, struct nv_arena *a)
{
    *c = (struct nv_cells){.arena = a};
}

void nv_cells_destroy(struct nv_cells *c)
{
    for (uint32_t i = 0; i < c->extents; i++)
        free(c->fresh[i]);
    free(c->fresh);
    free(c->limbo);
    *c = (struct nv_cells){0};
}

/* ---- free cells ------------------------------------------------------------------------------------------- */

/* An expired reader may still look at it: the word is stored as any other. */
static void chain(struct nv_cells *c, uint32_t ref, uint32_t list)
{
    nv_store32(nv_cell_rw(c, ref), c->free[list], memory_order_relaxed);
    c->free[list] = ref;
}

static uint32_t unchain(struct nv_cells *c, uint32_t list)
{
    const uint32_t ref = c->free[list];
    if (!ref)
        return 0;
    /* The next one of this size, which is cold, is fetched meanwhile. */
    c->free[list] = nv_load32(nv_cell_rw(c, ref), memory_order_relaxed);
    for (uint32_t i = 0; i <= list * NETVANE_CELL_UNIT; i += 64)
        __builtin_prefetch(nv_cell_rw(c, c->free[list]) + i, 1);
    return ref;
}

/* Makes units from ref on free cells, as large as cells can be. */
static void scatter(struct nv_cells *c, uint32_t ref, uint32_t units)
{
    while (units) {
        const uint32_t n = units < NV_CELL_UNITS_MAX ? units : (uint32_t)NV_CELL_UNITS_MAX;
        chain(c, ref, n);
        ref += n;
        units -= n;
    }
}

/* ---- cells of the draft ------------------------------------------------------------------------------------- */

static void set_fresh(const struct nv_cells *c, uint32_t ref, bool fresh)
{
    const uint64_t offset = nv_cell_offset(ref);
    const uint64_t unit = offset % NETVANE_EXTENT_BYTES / NETVANE_CELL_UNIT;
    const uint64_t bit = UINT64_C(1) << (unit % 64);
    uint64_t *word = &c->fresh[offset / NETVANE_EXTENT_BYTES][unit / 64];
    *word = fresh ? *word | bit : *word & ~bit;
}

static void note_fresh(struct nv_cells *c, uint32_t ref)
{
    set_fresh(c, ref, true);
    if (c->noted_count < NV_CELLS_NOTED)
        c->noted[c->noted_count] = ref;
    c->noted_count += c->noted_count <= NV_CELLS_NOTED;
}

void nv_cells_published(struct nv_cells *c)
{
    c->bytes_made = 0;
    if (c->held)
        return;
    if (c->noted_count > NV_CELLS_NOTED) {
        for (uint32_t i = 0; i < c->extents; i++)
            if (c->fresh[i])
                memset(c->fresh[i], 0, EXTENT_UNITS / 8);
    } else {
        for (uint32_t i = 0; i < c->noted_count; i++)
            set_fresh(c, c->noted[i], false);
    }
    c->noted_count = 0;
}

/* ---- room ------------------------------------------------------------------------------------------------------ */

/* Room in fresh for an extent that begins here. */
static bool fresh_room(struct nv_cells *c, uint64_t at)
{
    if (at >= c->extents) {
        const uint32_t n = (uint32_t)at + 1 + (uint32_t)at / 2;
        uint64_t **fresh = realloc(c->fresh, n * sizeof(*fresh));
        if (!fresh)
            return false;
        memset(fresh + c->extents, 0, (n - c->extents) * sizeof(*fresh));
        c->fresh = fresh;
        c->extents = n;
    }
    if (!c->fresh[at])
        c->fresh[at] = calloc(EXTENT_UNITS / 64, sizeof(**c->fresh));
    return c->fresh[at] != NULL;
}

static bool open_extent(struct nv_cells *c)
{
    const uint64_t at = c->arena->size_bytes / NETVANE_EXTENT_BYTES;
    /* The last reference has to fit into 32 bits. Infos need more: see nv_infos_get. */
    if (c->arena->size_bytes / NETVANE_CELL_UNIT > UINT32_MAX - EXTENT_UNITS || !fresh_room(c, at))
        return false;
    const uint64_t offset = nv_arena_extent(c->arena);
    if (!offset)
        return false;
    if (!c->spares++)
        c->spare = (uint32_t)((offset - NETVANE_NOTHING_OFFSET) / NETVANE_CELL_UNIT);
    c->opened++;
    return true;
}

/* Some that lie behind each other: an index that lies together costs its readers fewer of the pages' translations. */
static bool open_extents(struct nv_cells *c)
{
    const uint32_t n = (uint32_t)nv_min_u64(c->opened + 1, NV_CELLS_SPARES);
    while (c->spares < n && open_extent(c))
        ;
    return c->spares != 0;
}

bool nv_cells_reserve(struct nv_cells *c, bool *ret_expired)
{
    if (c->spares || open_extents(c))
        return true;
    /* Over the budget: every version but the newest has to go now; that may give cells back, but no extent. */
    const uint64_t newest = c->arena->draft - 1;
    if (nv_read_word(c->arena->base, NV_HOT(horizon)) < newest) {
        nv_write_horizon(c->arena->base, newest);
        nv_arena_reclaim(c->arena, newest);
        nv_cells_reclaim(c, newest);
        *ret_expired = true;
    }
    return false;
}

/* The next units of the extent that is being cut; goes on with the spare one where it ends. */
static uint32_t from_rest(struct nv_cells *c, uint32_t units)
{
    if (c->rest_end - c->rest < units) {
        scatter(c, c->rest, c->rest_end - c->rest);
        assert(c->spares); /* reserved before */
        c->rest = c->spare;
        /* A reader looks at NETVANE_CELL_MAX bytes, whatever the size of the cell. */
        c->rest_end = c->rest + EXTENT_UNITS - NV_CELL_UNITS_MAX;
        c->spare += EXTENT_UNITS;
        c->spares--;
    }
    const uint32_t ref = c->rest;
    c->rest += units;
    return ref;
}

uint32_t nv_cells_take(struct nv_cells *c, uint32_t bytes)
{
    const uint32_t units = nv_cell_units(bytes);
    uint32_t ref = unchain(c, units);
    if (!ref)
        ref = from_rest(c, units);
    c->bytes_made += bytes;
    c->bytes_used += (uint64_t)units * NETVANE_CELL_UNIT;
    note_fresh(c, ref);
    return ref;
}

uint32_t nv_cells_take_info(struct nv_cells *c)
{
    uint32_t ref = unchain(c, 0);
    if (!ref) {
        /* With what comes before the next multiple of its size; an extent begins with one. */
        const uint32_t at = from_rest(c, 2 * INFO_UNITS - 1);
        const uint32_t over = (uint32_t)(nv_cell_offset(at) / NETVANE_CELL_UNIT % INFO_UNITS);
        const uint32_t skip = (INFO_UNITS - over) % INFO_UNITS;
        scatter(c, at, skip);
        ref = at + skip;
        c->rest = ref + INFO_UNITS;
    }
    c->bytes_made += sizeof(struct netvane_region_info);
    c->bytes_used += sizeof(struct netvane_region_info);
    note_fresh(c, ref);
    return ref;
}

/* ---- cells that go ---------------------------------------------------------------------------------------------- */

static bool limbo_room(struct nv_cells *c)
{
    if (c->limbo_count < c->limbo_capacity)
        return true;
    const uint32_t capacity = c->limbo_capacity + c->limbo_capacity / 2 + 256;
    struct nv_cell_limbo *n = malloc((size_t)capacity * sizeof(*n));
    if (!n)
        return false;
    for (uint32_t i = 0; i < c->limbo_count; i++)
        n[i] = c->limbo[(c->limbo_head + i) % c->limbo_capacity];
    free(c->limbo);
    c->limbo = n;
    c->limbo_head = 0;
    c->limbo_capacity = capacity;
    return true;
}

static uint64_t bytes_of(uint32_t units)
{
    return (uint64_t)(units ? units : INFO_UNITS) * NETVANE_CELL_UNIT;
}

static void set_free(struct nv_cells *c, uint32_t ref, uint32_t units)
{
    c->bytes_used -= bytes_of(units);
    chain(c, ref, units);
}

static void give(struct nv_cells *c, uint32_t ref, uint32_t units)
{
    if (nv_cell_is_fresh(c, ref)) { /* no reader has ever been able to reach it */
        set_fresh(c, ref, false);
        set_free(c, ref, units);
    } else if (limbo_room(c)) {
        c->limbo[(c->limbo_head + c->limbo_count++) % c->limbo_capacity] =
            (struct nv_cell_limbo){.last_version = c->held ? NV_LIMBO_HELD : c->arena->draft - 1,
                                   .ref = ref,
                                   .units = units};
        c->arena->cells_waiting_bytes += bytes_of(units);
    } else {
        c->bytes_lost += bytes_of(units);
    }
}

void nv_cells_give(struct nv_cells *c, uint32_t ref, uint32_t bytes)
{
    give(c, ref, nv_cell_units(bytes));
}

void nv_cells_give_info(struct nv_cells *c, uint32_t ref)
{
    give(c, ref, 0);
}

void nv_cells_reclaim(struct nv_cells *c, uint64_t horizon)
{
    while (c->limbo_count && c->limbo[c->limbo_head].last_version < horizon) {
        const struct nv_cell_limbo *l = &c->limbo[c->limbo_head];
        c->arena->cells_waiting_bytes -= bytes_of(l->units);
        set_free(c, l->ref, l->units);
        c->limbo_head = (c->limbo_head + 1) % c->limbo_capacity;
        c->limbo_count--;
    }
}

void nv_cells_let_go(struct nv_cells *c)
{
    c->held = false;
    for (uint32_t i = c->limbo_count; i-- > 0;) {
        struct nv_cell_limbo *l = &c->limbo[(c->limbo_head + i) % c->limbo_capacity];
        if (l->last_version != NV_LIMBO_HELD)
            return;
        l->last_version = c->arena->draft - 1;
    }
}

/* ---- copies ------------------------------------------------------------------------------------------------------ */

unsigned char *nv_cells_own(struct nv_cells *c, uint32_t *where, uint32_t bytes)
{
    const uint32_t ref = nv_load32(where, memory_order_relaxed);
    if (ref && nv_cell_is_fresh(c, ref))
        return nv_cell_rw(c, ref);
    const uint32_t to = nv_cells_take(c, bytes);
    unsigned char *cell = nv_cell_rw(c, to);
    if (ref) {
        nv_payload_store(cell, nv_cell_rw(c, ref), (bytes + 7u) / 8u * 8u);
        nv_cells_give(c, ref, bytes);
    } else {
        for (uint32_t i = 0; i < bytes; i += 8)
            nv_store64(cell + i, 0, memory_order_relaxed);
    }
    nv_store32(where, to, memory_order_relaxed);
    return cell;
}
