/* SPDX-License-Identifier: MIT */
/*
 * cells.h - small pieces of the region for the longest-prefix indexes.
 *
 * Owns:      extents of the arena, cut into cells; which cells are free, which the draft made, which wait for the horizon.
 * Assumes:   one thread; the caller reserved (nv_cells_reserve) what an edit may take before it began.
 * Promises:  a cell that a version at or above the horizon can reach is never given out.
 */
#ifndef NV_CELLS_H
#define NV_CELLS_H

#include "arena.h"
#include "nv/proto.h"

#define NV_CELL_UNITS_MAX (NETVANE_CELL_MAX / NETVANE_CELL_UNIT)
#define NV_CELLS_NOTED    1024u
#define NV_CELLS_SPARES   32u /* extents that are opened at once, at most */

struct nv_cell_limbo {
    uint64_t last_version; /* as in struct nv_limbo */
    uint32_t ref;
    uint32_t units; /* 0: an info */
};

struct nv_cells {
    struct nv_arena *arena;
    uint32_t free[NV_CELL_UNITS_MAX +
                  1];        /* by units, 0: infos; a chain through the first word of each */
    uint32_t rest, rest_end; /* what is left of the extent that is being cut */
    uint32_t spare, spares;  /* the next ones, whole, one behind the other; how many */
    uint32_t opened;         /* extents in all */
    uint64_t **
        fresh; /* by extent of the file, a bit for each unit where a cell of the draft begins; NULL: no extent */
    uint32_t extents;               /* entries of fresh */
    uint32_t noted[NV_CELLS_NOTED]; /* cells of the draft, unless there are more */
    uint32_t noted_count;
    bool held;                   /* versions are published that show the indexes as they were */
    struct nv_cell_limbo *limbo; /* a ring in order of last_version */
    uint32_t limbo_head, limbo_count, limbo_capacity;
    uint64_t bytes_made; /* by the draft, until nv_cells_published */
    uint64_t bytes_lost; /* cells that there was no memory to remember */
    uint64_t bytes_used; /* by the draft, by what waits for the horizon, and lost */
};

void nv_cells_init(struct nv_cells *c, struct nv_arena *a);
void nv_cells_destroy(struct nv_cells *c);

/*
 * Makes sure that one edit finds its cells: four fans, and at most a chain of cells to the last bit of an IPv6 address,
 * together much less than an extent. False: there is no room; ret_expired as of nv_arena_reserve.
 */
bool nv_cells_reserve(struct nv_cells *c, bool *ret_expired);
/* A cell of the draft, its content undefined. There is one: it was reserved. */
uint32_t nv_cells_take(struct nv_cells *c, uint32_t bytes);
/* The same for a struct netvane_region_info, aligned to its size. */
uint32_t nv_cells_take_info(struct nv_cells *c);
/* The draft no longer uses the cell. */
void nv_cells_give(struct nv_cells *c, uint32_t ref, uint32_t bytes);
void nv_cells_give_info(struct nv_cells *c, uint32_t ref);

/*
 * Makes the cell that *where refers to the draft's: copied, unless it is already; without one, a new one of zeros. Written with
 * relaxed atomic words, because an expired reader may still look at a reused one.
 */
unsigned char *nv_cells_own(struct nv_cells *c, uint32_t *where, uint32_t bytes);

/* As nv_arena_reclaim, nv_arena_hold, nv_arena_let_go and nv_arena_next_draft, for all cells at once. */
void nv_cells_reclaim(struct nv_cells *c, uint64_t horizon);
void nv_cells_let_go(struct nv_cells *c);
void nv_cells_published(struct nv_cells *c);

static inline unsigned char *nv_cell_rw(const struct nv_cells *c, uint32_t ref)
{
    return c->arena->base + NETVANE_NOTHING_OFFSET + (uint64_t)ref * NETVANE_CELL_UNIT;
}

/* Cells are aligned to 16 bytes, and so are their sizes. */
static inline uint32_t nv_cell_units(uint32_t bytes)
{
    return (bytes + 15u) / 16u * (16u / NETVANE_CELL_UNIT);
}

static inline uint64_t nv_cell_offset(uint32_t ref)
{
    return NETVANE_NOTHING_OFFSET + (uint64_t)ref * NETVANE_CELL_UNIT;
}

/* Can no version show the cell yet? Then it may be edited in place. */
static inline bool nv_cell_is_fresh(const struct nv_cells *c, uint32_t ref)
{
    const uint64_t offset = nv_cell_offset(ref);
    const uint64_t unit = offset % NETVANE_EXTENT_BYTES / NETVANE_CELL_UNIT;
    return ref && c->fresh[offset / NETVANE_EXTENT_BYTES][unit / 64] >> (unit % 64) & 1u;
}

#endif
