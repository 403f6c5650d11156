/* SPDX-License-Identifier: MIT */
/*
 * tables.c - reads a choice of routing tables from the command line.
 */
#include "tables.h"

#include <string.h>

static const struct {
    const char *name;
    uint32_t table;
} names[] = {{"default", 253}, {"main", 254}, {"local", 255}}; /* RT_TABLE_* */

/* One table, as a name or a number; gives what follows. */
static const char *parse_table(const char *text, uint32_t *ret_table)
{
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t len = strlen(names[i].name);
        if (!strncmp(text, names[i].name, len)) {
            *ret_table = names[i].table;
            return text + len;
        }
    }
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9' && value <= UINT32_MAX; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    *ret_table = (uint32_t)value;
    return at == text || !value || value > UINT32_MAX ? NULL : at;
}

static const char *parse_list(const char *text, struct nv_tables *t)
{
    for (const char *at = text;; at++) {
        if (t->count == NV_TABLE_RANGES_MAX)
            return "more than 32 tables and ranges";
        uint32_t first, last;
        at = parse_table(at, &first);
        last = first;
        if (at && *at == '-')
            at = parse_table(at + 1, &last);
        if (!at || (*at && *at != ','))
            return "not `all`, `default-only`, or tables such as main,local,100-200";
        if (last < first)
            return "a range ends before it begins";
        t->range[t->count].first = first;
        t->range[t->count++].last = last;
        if (!*at)
            return NULL;
    }
}

const char *nv_tables_parse(const char *text, struct nv_tables *ret_tables)
{
    struct nv_tables t = {0};
    const char *wrong = NULL;
    if (strlen(text) >= sizeof(t.text))
        return "longer than 95 bytes";
    if (!strcmp(text, "default-only"))
        t.default_only = true;
    else if (strcmp(text, "all") != 0)
        wrong = parse_list(text, &t);
    if (wrong)
        return wrong;
    if (!nv_tables_all(&t))
        memcpy(t.text, text, strlen(text));
    *ret_tables = t;
    return NULL;
}
