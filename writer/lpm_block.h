/* SPDX-License-Identifier: MIT */
/*
 * lpm_block.h - the prefixes of more than 24 bits: nodes and their blocks, below the node of a leaf's group.
 */
#ifndef NV_LPM_BLOCK_H
#define NV_LPM_BLOCK_H

#include "cells.h"
#include "nv/lpm.h"

typedef void nv_lpm_value_fn(void *arg, uint32_t value);

/* Each is of what stands under n, the node of a group, which stands in a cell of the draft. */
void nv_lpm_block_set(struct nv_cells *c, struct netvane_region_lpm_node *n, struct nv_bits dst,
                      unsigned len, uint32_t value);
/* The prefix is there. */
void nv_lpm_block_clear(struct nv_cells *c, struct netvane_region_lpm_node *n, struct nv_bits dst,
                        unsigned len);
void nv_lpm_block_drop(struct nv_cells *c, const struct netvane_region_lpm_node *n);
void nv_lpm_block_values(const struct nv_cells *c, const struct netvane_region_lpm_node *n,
                         nv_lpm_value_fn *found, void *arg);

#endif
