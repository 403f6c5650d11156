/* SPDX-License-Identifier: MIT */
/*
 * lpm_edit.h - sets and clears prefixes in the draft of a longest-prefix index.
 */
#ifndef NV_LPM_EDIT_H
#define NV_LPM_EDIT_H

#include "lpm_leaf.h"

/* The draft of one index. It stays where it is while its leaf is open. */
struct nv_lpm_draft {
    uint32_t top, def;
};

/* Edits any number of indexes; one leaf is open at a time. Zeroed but for cells: none is. */
struct nv_lpm_editor {
    struct nv_cells *cells;
    struct nv_lpm_draft *of; /* the index whose leaf is open, NULL: none is */
    uint32_t head;           /* the bits before it */
    uint32_t *where[NV_FANS +
                    1]; /* what leads to each fan on its way, and to it; the fans are the draft's */
    struct nv_lpm_leaf leaf;
};

/*
 * Each copies the cells on the way to the prefix into cells of the draft unless they are already, and cannot fail: the
 * caller has reserved. A value is that of an info, with NETVANE_FV_CONDITIONAL or not.
 */
void nv_lpm_set(struct nv_lpm_editor *e, struct nv_lpm_draft *f, struct nv_bits dst, unsigned len,
                uint32_t value);
/* shorter is asked where other prefixes of up to 24 bits come to light. */
void nv_lpm_clear(struct nv_lpm_editor *e, struct nv_lpm_draft *f, struct nv_bits dst, unsigned len,
                  nv_shorter_fn *shorter, void *arg);
/*
 * The value that a prefix was given, with its length up to 24 bits; 0: none, or one of up to 24 bits that longer ones hide (of
 * up to 16: in the first of its places).
 */
uint32_t nv_lpm_value(const struct nv_lpm_editor *e, const struct nv_lpm_draft *f,
                      struct nv_bits dst, unsigned len);
/* Has the leaf on the way to dst fetched, for an edit that comes soon. */
void nv_lpm_fetch(const struct nv_lpm_editor *e, const struct nv_lpm_draft *f, struct nv_bits dst);
/* Writes the open leaf to its cell. Before anything but this editor looks at the index. */
void nv_lpm_seal(struct nv_lpm_editor *e);
/* Gives all cells of the index back. */
void nv_lpm_drop(struct nv_lpm_editor *e, struct nv_lpm_draft *f);
/* Calls found for each value in the index, some more than once. */
void nv_lpm_values(struct nv_lpm_editor *e, const struct nv_lpm_draft *f, nv_lpm_value_fn *found,
                   void *arg);

/* Nothing of it is open. */
static inline struct nv_lpm nv_lpm_of_draft(const struct nv_cells *c, const struct nv_lpm_draft *f)
{
    const struct netvane_region_lpm root = {.top = f->top, .def = f->def};
    return nv_lpm_of(c->arena->base, c->arena->size_bytes, &root);
}

#endif
