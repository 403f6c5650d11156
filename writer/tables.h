/* SPDX-License-Identifier: MIT */
/*
 * tables.h - which routes the State is to hold: all, those of some tables, or the default routes alone.
 */
#ifndef NV_TABLES_H
#define NV_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "netvane/region.h"

#define NV_TABLE_RANGES_MAX 32u

struct nv_tables {
    bool default_only;
    unsigned count; /* 0 and not default_only: all */
    struct {
        uint32_t first, last;
    } range[NV_TABLE_RANGES_MAX];
    char text[NETVANE_TABLES_BYTES]; /* as it was asked for; empty: all */
};

/*
 * Default routes are held in any case: they are what most readers are there for, and few.
 * `all`, `default-only`, or tables and ranges of tables, separated by commas: `main,local,100-200`. NULL, or what is wrong
 * with the text.
 */
const char *nv_tables_parse(const char *text, struct nv_tables *ret_tables);

static inline bool nv_tables_all(const struct nv_tables *t)
{
    return !t->count && !t->default_only;
}

static inline bool nv_tables_hold(const struct nv_tables *t, uint32_t table, uint8_t dst_len)
{
    if (!dst_len || t->default_only)
        return !dst_len;
    for (unsigned i = 0; i < t->count; i++)
        if (table >= t->range[i].first && table <= t->range[i].last)
            return true;
    return !t->count;
}

#endif
