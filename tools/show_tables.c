/* SPDX-License-Identifier: MIT */
/*
 * show_tables.c - routes, rules and nexthops of the `netvane show` screen.
 *
 * Owns:      counts of routes by table, the rules that are not the usual ones.
 * Assumes:   routes come in order of family, table; rules in the kernel's order.
 * Promises:  a handful of lines, however many routes and rules there are.
 * Leaves:    the routes themselves to cmd_route.c, rules to cmd_rule.c.
 */
#include "names.h"
#include "out_text.h"
#include "show.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#define TABLES_MAX 6
#define RULES_MAX  4

struct table {
    uint32_t id;
    uint32_t count[2]; /* IPv4, IPv6 */
};

struct table_list {
    struct table *tables;
    size_t count, capacity;
};

static struct table *table_of(struct table_list *list, uint32_t id)
{
    for (size_t i = list->count; i-- > 0;) {
        if (list->tables[i].id == id)
            return &list->tables[i];
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        struct table *tables = realloc(list->tables, capacity * sizeof(*tables));

        if (tables == NULL)
            return NULL;
        list->tables = tables;
        list->capacity = capacity;
    }
    struct table *table = &list->tables[list->count++];
    *table = (struct table){.id = id};
    return table;
}

/* main first, local last, the others by number. */
static unsigned order_of(uint32_t id)
{
    return id == RT_TABLE_MAIN ? 0 : id == RT_TABLE_LOCAL ? 2 : 1;
}

static int by_order(const void *a, const void *b)
{
    const struct table *x = a, *y = b;

    if (order_of(x->id) != order_of(y->id))
        return order_of(x->id) < order_of(y->id) ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static void count_routes(struct screen *s, struct table_list *list)
{
    struct netvane_route route;
    struct netvane_iter it;
    struct table *table = NULL;

    NETVANE_INIT(&route);
    int rc = netvane_route_iter(&s->v->snap, NULL, &it);
    while (rc >= 0 && (rc = netvane_route_next(&it, &route)) == 1) {
        if (table == NULL || table->id != route.table)
            table = table_of(list, route.table);
        if (table == NULL)
            rc = NETVANE_NO_MEMORY;
        else
            table->count[route.family == 6]++;
    }
    view_fail(s->v, rc);
}

static void print_table(struct screen *s, const struct table *table)
{
    char name[NAME_TEXT_MAX];

    fprintf(s->out, "  table %-10s", name_of(NAME_TABLE, table->id, name));
    for (unsigned i = 0; i < 2; i++) {
        if (s->tool->family == 0 || s->tool->family == (i == 0 ? 4u : 6u))
            out_color(s->out, table->count[i] == 0 ? OUT_DIM : OUT_PLAIN, "  %7u IPv%u",
                      table->count[i], i == 0 ? 4u : 6u);
    }
    fputc('\n', s->out);
}

void show_routes(struct screen *s)
{
    struct table_list list = {0};
    struct table rest = {0};
    size_t hidden = 0;

    count_routes(s, &list);
    if (list.count > 1)
        qsort(list.tables, list.count, sizeof(*list.tables), by_order);
    out_color(s->out, OUT_HEAD, "Routes");
    fprintf(s->out, " (%u IPv4, %u IPv6)\n", s->info.routes4, s->info.routes6);
    for (size_t i = 0; i < list.count; i++) {
        if (i >= TABLES_MAX && list.tables[i].id != RT_TABLE_LOCAL) {
            hidden++;
            rest.count[0] += list.tables[i].count[0];
            rest.count[1] += list.tables[i].count[1];
            continue;
        }
        print_table(s, &list.tables[i]);
    }
    if (hidden > 0)
        out_color(s->out, OUT_DIM, "  and %zu more tables with %u IPv4 and %u IPv6 routes\n",
                  hidden, rest.count[0], rest.count[1]);
    free(list.tables);
    fputc('\n', s->out);
}

/* The rules that every namespace begins with: ask local, then main, then default. */
static bool is_usual(const struct netvane_rule *rule)
{
    static const struct {
        uint32_t priority, table;
    } usual[] = {{0, RT_TABLE_LOCAL}, {32766, RT_TABLE_MAIN}, {32767, RT_TABLE_DEFAULT}};

    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        if (rule->priority == usual[i].priority && rule->table == usual[i].table &&
            rule->action == FR_ACT_TO_TBL && rule->src_len == 0 && rule->dst_len == 0 &&
            rule->iif[0] == 0 && rule->oif[0] == 0 && !(rule->present & NETVANE_RULE_HAS_FWMARK))
            return true;
    }
    return false;
}

void show_rules(struct screen *s)
{
    unsigned usual[2] = {0, 0}, other = 0;
    struct netvane_rule rule;
    struct netvane_iter it;

    out_color(s->out, OUT_HEAD, "Rules");
    fprintf(s->out, " (%u)", s->info.rules);
    NETVANE_INIT(&rule);
    int rc = netvane_rule_iter(&s->v->snap, (uint8_t)s->tool->family, &it);
    while (rc >= 0 && (rc = netvane_rule_next(&it, &rule)) == 1) {
        if (is_usual(&rule)) {
            usual[rule.family == 6]++;
            continue;
        }
        if (++other > RULES_MAX)
            continue;
        fprintf(s->out, "%s  IPv%u  ", other == 1 ? ": beside the usual ones\n" : "", rule.family);
        fmt_rule_text(s->out, &rule, FMT_ONE_LINE);
        fputc('\n', s->out);
    }
    view_fail(s->v, rc);
    bool complete =
        (s->tool->family == 6 || usual[0] == 3) && (s->tool->family == 4 || usual[1] == 2);
    if (other == 0)
        fprintf(s->out, ": %s\n",
                complete ? "only the usual ones" : "not all of the usual ones are there");
    else if (other > RULES_MAX)
        out_color(s->out, OUT_DIM, "  and %u more, see: netvane rule, netvane -6 rule\n",
                  other - RULES_MAX);
    if (other > 0 && !complete)
        fputs("  but not all of the usual ones are there\n", s->out);
}

void show_nexthops(struct screen *s)
{
    if (s->info.nexthops == 0)
        return;
    out_color(s->out, OUT_HEAD, "Nexthop objects");
    fprintf(s->out, " (%u), see: netvane nexthop\n", s->info.nexthops);
}
