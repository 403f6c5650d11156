/* SPDX-License-Identifier: MIT */
/*
 * cmd_route.c - `netvane route`: routes, as `ip route` lists them.
 *
 * Owns:      the words after "route" and which routes they mean.
 * Assumes:   fmt_route.c.
 * Promises:  `netvane -j route show ...` drops in for `ip -j -d route show ...`: table main unless another
 *            is named; IPv4 only unless -6 or "table all"; keys that the filter fixes are left out as `ip` does.
 * Leaves:    the choice among routes to cmd_default.c.
 */
#include "names.h"
#include "tool.h"

#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

enum match { MATCH_ANY, MATCH_EXACT, MATCH_ROOT, MATCH_COVER };

struct route_query {
    uint32_t table; /* 0: all */
    const char *dev;
    bool has_proto, has_type, has_scope;
    uint32_t proto, scope;
    uint8_t type;
    enum match match;
    uint8_t family, ip[16], len;
};

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned len)
{
    if (memcmp(a, b, len / 8) != 0)
        return false;
    return len % 8 == 0 || ((a[len / 8] ^ b[len / 8]) & (0xff00u >> len % 8) & 0xffu) == 0;
}

static bool is_asked(const struct route_query *q, const struct netvane_route *route,
                     uint32_t ifindex)
{
    if (q->has_proto && route->protocol != q->proto)
        return false;
    if (q->has_type && route->type != q->type)
        return false;
    if (q->has_scope && route->scope != q->scope)
        return false;
    /* `ip` knows the link of a multipath route only hop by hop, and does not match it. */
    if (ifindex != 0 && (route->multipath || route->hop.ifindex != ifindex))
        return false;
    if (q->match == MATCH_ANY)
        return true;
    if (route->family != q->family)
        return false;
    if (q->match == MATCH_COVER)
        return route->dst_len <= q->len && same_bits(route->dst, q->ip, route->dst_len);
    return route->dst_len >= q->len && same_bits(route->dst, q->ip, q->len) &&
           (q->match == MATCH_ROOT || route->dst_len == q->len);
}

static unsigned hidden_keys(const struct route_query *q)
{
    return (q->table != 0 ? FMT_HIDE_TABLE : 0u) | (q->dev != NULL ? FMT_HIDE_DEV : 0u) |
           (q->has_proto ? FMT_HIDE_PROTO : 0u);
}

/* ---- order: as `ip` has it ----------------------------------------------------------------------------- */

/* IPv4 routes of one table and one address, which the kernel lists from the longest prefix to the shortest. */
struct group {
    struct netvane_route *routes;
    size_t count, capacity;
};

static int by_kernel_order(const void *a, const void *b)
{
    const struct netvane_route *x = a, *y = b;

    if (x->dst_len != y->dst_len)
        return x->dst_len > y->dst_len ? -1 : 1;
    if (x->tos != y->tos)
        return x->tos > y->tos ? -1 : 1;
    if (x->metric != y->metric)
        return x->metric < y->metric ? -1 : 1;
    return x->position < y->position ? -1 : x->position > y->position;
}

static bool belongs(const struct group *g, const struct netvane_route *route)
{
    const struct netvane_route *first = g->routes;

    return g->count > 0 && first->family == 4 && route->family == 4 &&
           first->table == route->table && memcmp(first->dst, route->dst, 4) == 0;
}

static bool append(struct group *g, const struct netvane_route *route)
{
    if (g->count == g->capacity) {
        size_t capacity = g->capacity == 0 ? 16 : g->capacity * 2;
        struct netvane_route *routes = realloc(g->routes, capacity * sizeof(*routes));

        if (routes == NULL)
            return false;
        g->routes = routes;
        g->capacity = capacity;
    }
    g->routes[g->count++] = *route;
    return true;
}

static void print_group(struct group *g, struct tool *t, struct view *v, struct json *j,
                        unsigned hidden)
{
    if (g->count > 1)
        qsort(g->routes, g->count, sizeof(*g->routes), by_kernel_order);
    for (size_t i = 0; i < g->count; i++) {
        if (t->json) {
            fmt_route_json(j, v, &g->routes[i], hidden);
        } else {
            fmt_route_text(j->out, v, &g->routes[i], hidden);
            fputc('\n', j->out);
        }
    }
    g->count = 0;
}

static void print_routes(const struct route_query *q, struct tool *t, struct view *v,
                         struct json *j, uint32_t ifindex)
{
    struct netvane_route_filter filter;
    struct netvane_route route;
    struct group group = {0};
    struct netvane_iter it;

    NETVANE_INIT(&filter);
    filter.table = q->table;
    filter.family = q->family;
    if (q->match == MATCH_EXACT) {
        filter.exact = 1;
        filter.dst_len = q->len;
        memcpy(filter.dst, q->ip, sizeof(filter.dst));
    }
    NETVANE_INIT(&route);
    int rc = netvane_route_iter(&v->snap, &filter, &it);
    while (rc >= 0 && (rc = netvane_route_next(&it, &route)) == 1) {
        if (!is_asked(q, &route, ifindex))
            continue;
        if (!belongs(&group, &route))
            print_group(&group, t, v, j, hidden_keys(q));
        if (!append(&group, &route))
            rc = NETVANE_NO_MEMORY;
    }
    print_group(&group, t, v, j, hidden_keys(q));
    view_fail(v, rc);
    free(group.routes);
}

static int render(void *arg, struct tool *t, struct view *v, FILE *out)
{
    const struct route_query *q = arg;
    struct netvane_link link;
    struct json j;
    uint32_t ifindex = 0;

    json_begin(&j, out, t->pretty);
    if (q->dev != NULL) {
        if (!tool_find_link(v, q->dev, &link))
            return EXIT_DIFFERENT;
        ifindex = link.ifindex;
    }
    if (t->json)
        json_open_array(&j, NULL);
    print_routes(q, t, v, &j, ifindex);
    if (t->json) {
        json_close_array(&j);
        json_end_line(&j);
    }
    return EXIT_OK;
}

/* ---- the words ----------------------------------------------------------------------------------------- */

static int read_filter(struct args *a, struct route_query *q, const char *word, bool *ret_known)
{
    const char *value;

    *ret_known = true;
    if (strcmp(word, "table") == 0) {
        if ((value = args_value(a, word, "a table's name or number, or all")) == NULL)
            return EXIT_USAGE;
        if (strcmp(value, "all") == 0)
            q->table = 0;
        else if (!name_to_id(NAME_TABLE, value, &q->table))
            return args_unknown(a, value, "tables are numbers, names of rt_tables, or all");
    } else if (strcmp(word, "dev") == 0 || strcmp(word, "oif") == 0) {
        if ((q->dev = args_value(a, word, "a link's name")) == NULL)
            return EXIT_USAGE;
    } else if (strncmp("protocol", word, strlen(word)) == 0 && strlen(word) > 1) {
        if ((value = args_value(a, word, "a protocol, such as static")) == NULL)
            return EXIT_USAGE;
        if (!name_to_id(NAME_PROTO, value, &q->proto))
            return args_unknown(a, value, "protocols are numbers or names of rt_protos");
        q->has_proto = true;
    } else if (strcmp(word, "type") == 0) {
        if ((value = args_value(a, word, "a route type, such as unicast")) == NULL)
            return EXIT_USAGE;
        if (!name_to_route_type(value, &q->type))
            return args_unknown(a, value, "types are unicast, local, blackhole, unreachable, ...");
        q->has_type = true;
    } else if (strcmp(word, "scope") == 0) {
        if ((value = args_value(a, word, "global, link, host, ...")) == NULL)
            return EXIT_USAGE;
        if (!name_to_id(NAME_SCOPE, value, &q->scope))
            return args_unknown(a, value, "scopes are global, site, link, host");
        q->has_scope = true;
    } else {
        *ret_known = false;
    }
    return EXIT_OK;
}

static int read_prefix(struct tool *t, struct args *a, struct route_query *q, const char *word)
{
    q->match = MATCH_EXACT;
    if (strcmp(word, "to") == 0 && (word = args_value(a, word, "a prefix")) == NULL)
        return EXIT_USAGE;
    if (strcmp(word, "root") == 0)
        q->match = MATCH_ROOT;
    else if (strcmp(word, "match") == 0)
        q->match = MATCH_COVER;
    if ((q->match != MATCH_EXACT || strcmp(word, "exact") == 0) &&
        (word = args_value(a, word, "a prefix")) == NULL)
        return EXIT_USAGE;
    if (!args_prefix(word, t->family, &q->family, q->ip, &q->len))
        return args_unknown(a, word,
                            "say route [show] [table T|all] [dev L] [proto P] [type T] "
                            "[exact|root|match] [PREFIX]");
    return EXIT_OK;
}

int cmd_route(struct tool *t, struct args *a)
{
    struct route_query q = {.table = RT_TABLE_MAIN};

    args_skip_show(a);
    for (const char *word; (word = args_next(a)) != NULL;) {
        bool known;
        int rc = read_filter(a, &q, word, &known);

        if (rc == EXIT_OK && !known)
            rc = read_prefix(t, a, &q, word);
        if (rc != EXIT_OK)
            return rc;
    }
    if (q.family == 0)
        q.family = (uint8_t)t->family;
    if (q.family == 0 && q.table != 0)
        q.family = 4; /* as `ip route` has it */
    int code = tool_render(t, render, &q);
    if (code == EXIT_OK)
        tool_note_filtered(t);
    return code;
}
