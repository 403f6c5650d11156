/* SPDX-License-Identifier: MIT */
/*
 * check.h - what check.c (bytes and trees), check_refs.c (what names what), check_lpm.c (indexes) and check_journal.c share.
 *
 * Owns:      findings. They are kept until the version is known to be readable still, then shown: a finding
 *            in bytes that were overtaken is none.
 */
#ifndef NV_CHECK_H
#define NV_CHECK_H

#include "reader.h"

#include "nv/content.h"

#define NV_FINDINGS_MAX 200 /* texts that are kept; all are counted */
#define NV_FINDING_LEN  200

struct nv_check {
    struct nv_snap s;
    struct netvane_region_slot slot;
    unsigned found;
    bool bad;                      /* a tree could not be walked to its end */
    char (*texts)[NV_FINDING_LEN]; /* room for NV_FINDINGS_MAX; NULL: only count */
};

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void nv_finding(struct nv_check *c, const char *format, ...);

const char *nv_tree_name(unsigned tree);

/* Every reference from one tree into another, and every digest. Inside a read section, after the trees were found whole. */
void nv_check_references(struct nv_check *c);
/* The entries of the versions that can be read, and what they tell against what the trees tell. Likewise. */
void nv_check_journal(struct nv_check *c);

/* check_lpm.c: one table, its routes and its index; returns how many routes it has. */
uint64_t nv_check_table(struct nv_check *c, const struct netvane_rec_table *r);

#endif
