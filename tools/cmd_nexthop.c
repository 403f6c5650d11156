/* SPDX-License-Identifier: MIT */
/*
 * cmd_nexthop.c - `netvane nexthop`: nexthop objects, as `ip nexthop` lists them.
 *
 * Owns:      the words after "nexthop".
 * Assumes:   fmt_nexthop.c.
 * Promises:  `netvane -j nexthop` drops in for `ip -j -d nexthop`; in order of id.
 * Leaves:    the routes that use them to cmd_route.c.
 */
#include "tool.h"

#include <string.h>

struct nexthop_query {
    const char *dev;
    uint32_t id;
    bool groups;
};

static bool is_asked(const struct tool *t, const struct nexthop_query *q,
                     const struct netvane_nexthop *nh, uint32_t ifindex)
{
    bool group = (nh->present & NETVANE_NEXTHOP_GROUP) != 0;

    if (q->id != 0 && nh->nhid != q->id)
        return false;
    if (ifindex != 0 && nh->ifindex != ifindex)
        return false;
    if (q->groups && !group)
        return false;
    return q->id != 0 || t->family == 0 || (!group && nh->family == t->family);
}

static int render(void *arg, struct tool *t, struct view *v, FILE *out)
{
    const struct nexthop_query *q = arg;
    struct netvane_nexthop nh;
    struct netvane_link link;
    struct netvane_iter it;
    uint32_t ifindex = 0;
    size_t shown = 0;
    struct json j;

    json_begin(&j, out, t->pretty);
    if (q->dev != NULL) {
        if (!tool_find_link(v, q->dev, &link))
            return EXIT_DIFFERENT;
        ifindex = link.ifindex;
    }
    if (t->json)
        json_open_array(&j, NULL);
    NETVANE_INIT(&nh);
    int rc = netvane_nexthop_iter(&v->snap, &it);
    while (rc >= 0 && (rc = netvane_nexthop_next(&it, &nh)) == 1) {
        if (!is_asked(t, q, &nh, ifindex))
            continue;
        shown++;
        if (t->json) {
            fmt_nexthop_json(&j, v, &nh, NULL);
        } else {
            fmt_nexthop_text(out, v, &nh);
            fputc('\n', out);
        }
    }
    view_fail(v, rc);
    if (t->json) {
        json_close_array(&j);
        json_end_line(&j);
    }
    if (q->id != 0 && shown == 0 && v->error == 0)
        return tool_fail(EXIT_DIFFERENT, "there is no nexthop %u", q->id);
    return EXIT_OK;
}

int cmd_nexthop(struct tool *t, struct args *a)
{
    struct nexthop_query q = {0};
    const char *value;

    args_skip_show(a);
    for (const char *word; (word = args_next(a)) != NULL;) {
        if (strcmp(word, "id") == 0) {
            if ((value = args_value(a, word, "a nexthop's number")) == NULL)
                return EXIT_USAGE;
            if (!args_u32(value, &q.id) || q.id == 0)
                return args_unknown(a, value, "a nexthop's id is a number from 1");
        } else if (strcmp(word, "dev") == 0) {
            if ((q.dev = args_value(a, word, "a link's name")) == NULL)
                return EXIT_USAGE;
        } else if (strcmp(word, "groups") == 0) {
            q.groups = true;
        } else {
            return args_unknown(a, word, "say nexthop [show] [id N] [dev L] [groups]");
        }
    }
    return tool_render(t, render, &q);
}
