/* SPDX-License-Identifier: MIT */
/*
 * cmd_default.c - `netvane default`: which way traffic to anywhere leaves, and why.
 *
 * Owns:      the layout of main default, rivals and egress.
 * Assumes:   fmt_default.c.
 * Promises:  exit 0 if a family that was asked for has a way out (or a refusal: an answer too), else 1.
 * Leaves:    waiting for a change to `netvane wait default4`.
 */
#include "fmt_default.h"
#include "names.h"
#include "out_text.h"
#include "tool.h"

#include <linux/rtnetlink.h>
#include <string.h>

struct default_query {
    uint32_t table; /* whose candidates */
};

static bool get(struct view *v, unsigned family, bool egress, struct netvane_default *ret_default)
{
    NETVANE_INIT(ret_default);
    int rc = egress ? netvane_snap_egress(&v->snap, (uint8_t)family, ret_default)
                    : netvane_snap_default(&v->snap, (uint8_t)family, ret_default);
    view_fail(v, rc);
    return rc == 0;
}

static bool family_json(struct json *j, struct view *v, unsigned family, uint32_t table)
{
    struct netvane_default d;
    struct netvane_iter it;
    bool some = false;

    json_open_object(j, NULL);
    json_string(j, "family", name_family(family));
    if ((some = get(v, family, false, &d)))
        fmt_default_json(j, v, &d, "default");
    else
        json_null(j, "default");
    if (get(v, family, true, &d)) {
        fmt_default_json(j, v, &d, "egress");
        some = true;
    } else {
        json_null(j, "egress");
    }
    json_open_array(j, "candidates");
    int rc = netvane_default_iter(&v->snap, (uint8_t)family, table, &it);
    while (rc >= 0 && (rc = netvane_default_next(&it, &d)) == 1)
        fmt_default_json(j, v, &d, NULL);
    view_fail(v, rc);
    json_close_array(j);
    json_close_object(j);
    return some;
}

static void egress_text(FILE *out, struct view *v, unsigned family,
                        const struct netvane_default *main)
{
    struct netvane_default egress;

    fputs("  egress   ", out);
    if (!get(v, family, true, &egress)) {
        fputs("none\n", out);
        return;
    }
    if (main != NULL && fmt_default_same_way(main, &egress))
        fputs("the same way", out);
    else
        fmt_default_text(out, v, &egress);
    if (main != NULL && fmt_default_same_way(main, &egress) &&
        (egress.flags & NETVANE_DEFAULT_PREFSRC)) {
        char ip[OUT_IP_MAX];
        fprintf(out, ", source %s", out_ip(family, egress.prefsrc, ip));
    }
    if (egress.flags & NETVANE_DEFAULT_CONFIRMED)
        fputs(" (the kernel agrees)", out);
    else if (egress.flags & NETVANE_DEFAULT_KERNEL)
        fputs(" (the kernel's own answer)", out);
    fputc('\n', out);
}

static bool is_unusable(const struct netvane_default *d)
{
    return d->reason == NETVANE_REASON_IS_LINK_DOWN || d->reason == NETVANE_REASON_IS_NO_CARRIER ||
           d->reason == NETVANE_REASON_IS_DEAD;
}

static bool family_text(FILE *out, struct view *v, unsigned family, uint32_t table)
{
    struct netvane_default d, first;
    struct netvane_iter it;
    unsigned rank = 0;
    bool some = get(v, family, false, &first);

    out_color(out, OUT_HEAD, "IPv%u\n", family);
    fputs("  default  ", out);
    if (some)
        fmt_default_text(out, v, &first);
    else
        fputs("none that can be used in table main", out);
    fputc('\n', out);
    egress_text(out, v, family, some ? &first : NULL);
    NETVANE_INIT(&d);
    int rc = netvane_default_iter(&v->snap, (uint8_t)family, table, &it);
    while (rc >= 0 && (rc = netvane_default_next(&it, &d)) == 1) {
        if (++rank == 1 && table == RT_TABLE_MAIN && some)
            continue; /* that one stands above */
        fprintf(out, "  no. %-4u ", rank);
        fmt_default_text(out, v, &d);
        if (d.reason != NETVANE_REASON_IS_FIRST)
            fprintf(out, "; not %s: %s", is_unusable(&d) ? "usable" : "first",
                    netvane_reason_name(d.reason));
        fputc('\n', out);
    }
    view_fail(v, rc);
    return some || get(v, family, true, &d);
}

static int render(void *arg, struct tool *t, struct view *v, FILE *out)
{
    const struct default_query *q = arg;
    bool some = false;
    struct json j;

    json_begin(&j, out, t->pretty);
    if (t->json)
        json_open_array(&j, NULL);
    for (unsigned family = 4; family <= 6; family += 2) {
        if (t->family != 0 && t->family != family)
            continue;
        if (t->json)
            some |= family_json(&j, v, family, q->table);
        else
            some |= family_text(out, v, family, q->table);
    }
    if (t->json) {
        json_close_array(&j);
        json_end_line(&j);
    }
    return some ? EXIT_OK : EXIT_DIFFERENT;
}

int cmd_default(struct tool *t, struct args *a)
{
    struct default_query q = {.table = RT_TABLE_MAIN};
    const char *value;

    args_skip_show(a);
    for (const char *word; (word = args_next(a)) != NULL;) {
        if (strcmp(word, "table") != 0)
            return args_unknown(a, word, "say default [table T]");
        if ((value = args_value(a, word, "a table's name or number")) == NULL)
            return EXIT_USAGE;
        if (!name_to_id(NAME_TABLE, value, &q.table))
            return args_unknown(a, value, "tables are numbers or names of rt_tables");
    }
    return tool_render(t, render, &q);
}
