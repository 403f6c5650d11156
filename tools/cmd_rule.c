/* SPDX-License-Identifier: MIT */
/*
 * cmd_rule.c - `netvane rule`: policy rules, as `ip rule` lists them.
 *
 * Owns:      the words after "rule".
 * Assumes:   fmt_rule.c.
 * Promises:  `netvane -j rule` drops in for `ip -j -d rule`: IPv4 unless -6, in the order in which the kernel
 *            asks the rules.
 * Leaves:    what the rules lead to, to cmd_default.c.
 */
#include "tool.h"

static int render(void *arg, struct tool *t, struct view *v, FILE *out)
{
    struct netvane_rule rule;
    struct netvane_iter it;
    struct json j;

    (void)arg;
    json_begin(&j, out, t->pretty);
    if (t->json)
        json_open_array(&j, NULL);
    NETVANE_INIT(&rule);
    int rc = netvane_rule_iter(&v->snap, t->family == 6 ? 6 : 4, &it);
    while (rc >= 0 && (rc = netvane_rule_next(&it, &rule)) == 1) {
        if (t->json) {
            fmt_rule_json(&j, &rule);
        } else {
            fmt_rule_text(out, &rule, 0);
            fputc('\n', out);
        }
    }
    view_fail(v, rc);
    if (t->json) {
        json_close_array(&j);
        json_end_line(&j);
    }
    return EXIT_OK;
}

int cmd_rule(struct tool *t, struct args *a)
{
    args_skip_show(a);
    int rc = args_end(a);
    return rc == EXIT_OK ? tool_render(t, render, NULL) : rc;
}
