/* SPDX-License-Identifier: MIT */
/*
 * cmd_link.c - `netvane link`: links, as `ip link` lists them.
 *
 * Owns:      the words after "link", and the order of links (by ifindex).
 * Assumes:   fmt_link.c.
 * Promises:  `netvane -j link show` drops in for `ip -j -d link show`.
 * Leaves:    addresses to cmd_addr.c.
 */
#include "tool.h"

#include <linux/if.h>
#include <string.h>

struct link_query {
    const char *dev, *master, *kind;
    bool only_up;
};

static void print_link(struct tool *t, struct view *v, struct json *j,
                       const struct netvane_link *link)
{
    if (t->json) {
        json_open_object(j, NULL);
        fmt_link_json(j, v, link, 0);
        json_close_object(j);
    } else {
        fmt_link_text(j->out, v, link, 0);
        fputc('\n', j->out);
    }
}

static bool is_asked(struct view *v, const struct link_query *q, const struct netvane_link *link,
                     uint32_t master)
{
    char kind[VIEW_STRING_MAX];

    if (q->only_up && !(link->flags & IFF_UP))
        return false;
    if (q->master != NULL && link->master != master)
        return false;
    return q->kind == NULL || (view_string(v, link->kind, kind) > 0 && strcmp(kind, q->kind) == 0);
}

static int render(void *arg, struct tool *t, struct view *v, FILE *out)
{
    const struct link_query *q = arg;
    struct netvane_link link;
    struct netvane_iter it;
    struct json j;
    uint32_t master = 0;

    json_begin(&j, out, t->pretty);
    if (q->master != NULL) {
        if (!tool_find_link(v, q->master, &link))
            return EXIT_DIFFERENT;
        master = link.ifindex;
    }
    if (q->dev != NULL && !tool_find_link(v, q->dev, &link))
        return EXIT_DIFFERENT;
    if (t->json)
        json_open_array(&j, NULL);
    if (q->dev != NULL) {
        print_link(t, v, &j, &link);
    } else {
        NETVANE_INIT(&link);
        int rc = netvane_link_iter(&v->snap, &it);
        while (rc >= 0 && (rc = netvane_link_next(&it, &link)) == 1) {
            if (is_asked(v, q, &link, master))
                print_link(t, v, &j, &link);
        }
        view_fail(v, rc);
    }
    if (t->json) {
        json_close_array(&j);
        json_end_line(&j);
    }
    return EXIT_OK;
}

int cmd_link(struct tool *t, struct args *a)
{
    struct link_query q = {0};

    args_skip_show(a);
    for (const char *word; (word = args_next(a)) != NULL;) {
        if (strcmp(word, "up") == 0) {
            q.only_up = true;
        } else if (strcmp(word, "master") == 0) {
            if ((q.master = args_value(a, word, "a link's name")) == NULL)
                return EXIT_USAGE;
        } else if (strcmp(word, "type") == 0) {
            if ((q.kind = args_value(a, word, "a kind, such as veth")) == NULL)
                return EXIT_USAGE;
        } else {
            if (strcmp(word, "dev") == 0 && (word = args_value(a, word, "a link's name")) == NULL)
                return EXIT_USAGE;
            if (word[0] == '-' || q.dev != NULL)
                return args_unknown(a, word,
                                    "say link [show] [NAME] [up] [master NAME] [type KIND]");
            q.dev = word;
        }
    }
    return tool_render(t, render, &q);
}
