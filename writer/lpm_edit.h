/* SPDX-License-Identifier: MIT */
/*
 * lpm_edit.h - sets and clears prefixes in the draft of a longest-prefix index.
 */
#ifndef NV_LPM_EDIT_H
#define NV_LPM_EDIT_H

#include "cells.h"
#include "nv/lpm.h"

/* The draft of one index. */
struct nv_lpm_draft {
    uint32_t top, def;
};

/* The value of the prefix of `len` bits that begins as dst does, as it would be set; 0: there is none. */
typedef uint32_t nv_shorter_fn(void *arg, struct nv_bits dst, unsigned len);

/*
 * Each copies the cells on the way to the prefix into cells of the draft unless they are already, and cannot fail: the
 * caller has reserved. A value is that of an info, with NETVANE_FV_CONDITIONAL or not.
 */
void nv_lpm_set(struct nv_cells *c, struct nv_lpm_draft *f, struct nv_bits dst, unsigned len,
                uint32_t value);
/* shorter is asked where other prefixes of up to 15 bits come to light. */
void nv_lpm_clear(struct nv_cells *c, struct nv_lpm_draft *f, struct nv_bits dst, unsigned len,
                  nv_shorter_fn *shorter, void *arg);
/* Gives all cells of the index back. */
void nv_lpm_drop(struct nv_cells *c, struct nv_lpm_draft *f);
/* Calls found for each value in the index, some more than once. */
typedef void nv_lpm_value_fn(void *arg, uint32_t value);
void nv_lpm_values(const struct nv_cells *c, const struct nv_lpm_draft *f, nv_lpm_value_fn *found,
                   void *arg);

static inline struct nv_lpm nv_lpm_of_draft(const struct nv_cells *c, const struct nv_lpm_draft *f)
{
    const struct netvane_region_lpm root = {.top = f->top, .def = f->def};
    return nv_lpm_of(c->arena->base, c->arena->size_bytes, &root);
}

#endif
