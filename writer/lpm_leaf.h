/* SPDX-License-Identifier: MIT */
/*
 * lpm_leaf.h - the prefixes of 17 to 24 bits: leaves, written whole.
 *
 * A leaf that is edited is open: its places stand in plain arrays, where a prefix costs the places that it covers. It is written
 * to a cell when it is sealed. So a dump, which comes in the order of addresses, writes each leaf once.
 */
#ifndef NV_LPM_LEAF_H
#define NV_LPM_LEAF_H

#include "lpm_block.h"

/* A leaf, open. */
struct nv_lpm_leaf {
    uint32_t value[NV_LEAF_SLOTS]; /* with the length of the prefix */
    struct netvane_region_lpm_node node[NETVANE_LPM_GROUPS];
    uint32_t nodes;  /* bit i: group i has one */
    uint32_t hidden; /* as in struct netvane_region_leaf */
};

/* ref 0: an empty one. */
void nv_lpm_leaf_open(const struct nv_cells *c, uint32_t ref, struct nv_lpm_leaf *ret_leaf);
/* Writes the leaf in place of *where, which becomes 0 if nothing is in it. The cell is reserved. */
void nv_lpm_leaf_seal(struct nv_cells *c, const struct nv_lpm_leaf *leaf, uint32_t *where);

/* The places that a prefix covers: the first, and how many. */
static inline unsigned nv_lpm_leaf_range(struct nv_bits dst, unsigned len, unsigned *ret_count)
{
    *ret_count = 1u << (NETVANE_LPM_LONG - len);
    return nv_leaf_place(dst.hi) & ~(*ret_count - 1);
}

/* The value of a prefix, as its places show it; 0: none does. */
uint32_t nv_lpm_leaf_shown(const struct nv_lpm_leaf *leaf, struct nv_bits dst, unsigned len);
void nv_lpm_leaf_set(struct nv_lpm_leaf *leaf, struct nv_bits dst, unsigned len, uint32_t value);
/* The value of the prefix of `len` bits that begins as dst does, as it would be set; 0: there is none. */
typedef uint32_t nv_shorter_fn(void *arg, struct nv_bits dst, unsigned len);
/* shorter is asked where a prefix may be hidden. */
void nv_lpm_leaf_clear(struct nv_lpm_leaf *leaf, struct nv_bits dst, unsigned len,
                       nv_shorter_fn *shorter, void *arg);

/* ---- in a cell, without opening ---- */

uint32_t nv_lpm_leaf_bytes(const unsigned char *cell);
/* The node of a group; NULL: it has none. */
struct netvane_region_lpm_node *nv_lpm_leaf_node(unsigned char *cell, unsigned group);
/* The same as nv_lpm_leaf_shown. */
uint32_t nv_lpm_cell_shown(const unsigned char *cell, struct nv_bits dst, unsigned len);
/* Is the prefix shown, and by no run that its neighbours share? Then its value can be replaced, in a leaf of the draft. */
bool nv_lpm_cell_alone(const unsigned char *cell, struct nv_bits dst, unsigned len);
void nv_lpm_cell_replace(unsigned char *cell, struct nv_bits dst, unsigned len, uint32_t value);
/* Calls found for each value of the leaf and of what stands below it. */
void nv_lpm_leaf_values(const struct nv_cells *c, uint32_t ref, nv_lpm_value_fn *found, void *arg);
/* Gives its cell back, and all below. */
void nv_lpm_leaf_drop(struct nv_cells *c, uint32_t ref);

#endif
