/* SPDX-License-Identifier: MIT */
/*
 * cmd_addr.c - `netvane addr`: each link with its addresses, as `ip addr` lists them.
 *
 * Owns:      the words after "addr"; the order: links by ifindex, then IPv4 before IPv6; IPv4 in the
 *            kernel's order, IPv6 by scope.
 * Assumes:   fmt_link.c, fmt_addr.c.
 * Promises:  `netvane -j addr show` drops in for `ip -j -d addr show`.
 * Leaves:    which addresses are usable to cmd_local.c.
 */
#include "names.h"
#include "tool.h"

#include <linux/if.h>
#include <stdlib.h>
#include <string.h>

struct addr_query {
    const char *dev;
    bool only_up, has_scope;
    uint32_t scope;
};

struct addr_list {
    struct netvane_addr *addrs;
    size_t count, capacity;
};

static int by_family_and_position(const void *a, const void *b)
{
    const struct netvane_addr *x = a, *y = b;

    if (x->family != y->family)
        return x->family < y->family ? -1 : 1;
    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    /* The State does not keep the order of IPv6 addresses, but the kernel has them by scope. */
    if (x->scope != y->scope)
        return x->scope < y->scope ? -1 : 1;
    return memcmp(x->local, y->local, sizeof(x->local));
}

static bool append(struct addr_list *list, const struct netvane_addr *addr)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        struct netvane_addr *addrs = realloc(list->addrs, capacity * sizeof(*addrs));

        if (addrs == NULL)
            return false;
        list->addrs = addrs;
        list->capacity = capacity;
    }
    list->addrs[list->count++] = *addr;
    return true;
}

/* The addresses of a link that were asked for, sorted. *ret_any: whether it has any at all. */
static void collect(struct tool *t, struct view *v, const struct addr_query *q, uint32_t ifindex,
                    struct addr_list *list, bool *ret_any)
{
    struct netvane_addr addr;
    struct netvane_iter it;

    list->count = 0;
    *ret_any = false;
    NETVANE_INIT(&addr);
    int rc = netvane_addr_iter(&v->snap, ifindex, 0, &it);
    while (rc >= 0 && (rc = netvane_addr_next(&it, &addr)) == 1) {
        *ret_any = true;
        if ((t->family != 0 && addr.family != t->family) ||
            (q->has_scope && addr.scope != q->scope))
            continue;
        if (!append(list, &addr))
            rc = NETVANE_NO_MEMORY;
    }
    view_fail(v, rc);
    if (list->count > 1)
        qsort(list->addrs, list->count, sizeof(list->addrs[0]), by_family_and_position);
}

static void print_link(struct tool *t, struct view *v, struct json *j,
                       const struct netvane_link *link, const struct addr_list *list)
{
    if (!t->json) {
        fmt_link_text(j->out, v, link, FMT_ADDR_VERB | (t->family != 0 ? FMT_HIDE_MAC : 0));
        fputc('\n', j->out);
        for (size_t i = 0; i < list->count; i++) {
            fmt_addr_text(j->out, &list->addrs[i], 0);
            fputc('\n', j->out);
        }
        return;
    }
    json_open_object(j, NULL);
    fmt_link_json(j, v, link, FMT_ADDR_VERB);
    json_open_array(j, "addr_info");
    for (size_t i = 0; i < list->count; i++)
        fmt_addr_json(j, &list->addrs[i]);
    json_close_array(j);
    json_close_object(j);
}

static int render(void *arg, struct tool *t, struct view *v, FILE *out)
{
    const struct addr_query *q = arg;
    struct addr_list list = {0};
    struct netvane_link link;
    struct netvane_iter it;
    uint32_t only = 0;
    struct json j;
    bool any;

    json_begin(&j, out, t->pretty);
    if (q->dev != NULL) {
        if (!tool_find_link(v, q->dev, &link))
            return EXIT_DIFFERENT;
        only = link.ifindex;
    }
    if (t->json)
        json_open_array(&j, NULL);
    NETVANE_INIT(&link);
    int rc = netvane_link_iter(&v->snap, &it);
    while (rc >= 0 && (rc = netvane_link_next(&it, &link)) == 1) {
        if ((only != 0 && link.ifindex != only) || (q->only_up && !(link.flags & IFF_UP)))
            continue;
        collect(t, v, q, link.ifindex, &list, &any);
        /* A link without what was asked for is left out, but a bare one is shown when no family was. */
        if (list.count > 0 || (!any && t->family == 0))
            print_link(t, v, &j, &link, &list);
    }
    view_fail(v, rc);
    if (t->json) {
        json_close_array(&j);
        json_end_line(&j);
    }
    free(list.addrs);
    return EXIT_OK;
}

int cmd_addr(struct tool *t, struct args *a)
{
    struct addr_query q = {0};
    const char *value;

    args_skip_show(a);
    for (const char *word; (word = args_next(a)) != NULL;) {
        if (strcmp(word, "up") == 0) {
            q.only_up = true;
        } else if (strcmp(word, "scope") == 0) {
            if ((value = args_value(a, word, "global, link, host, ...")) == NULL)
                return EXIT_USAGE;
            if (!name_to_id(NAME_SCOPE, value, &q.scope))
                return args_unknown(a, value, "scopes are global, site, link, host");
            q.has_scope = true;
        } else {
            if (strcmp(word, "dev") == 0 && (word = args_value(a, word, "a link's name")) == NULL)
                return EXIT_USAGE;
            if (word[0] == '-' || q.dev != NULL)
                return args_unknown(a, word, "say addr [show] [dev NAME] [up] [scope S]");
            q.dev = word;
        }
    }
    return tool_render(t, render, &q);
}
