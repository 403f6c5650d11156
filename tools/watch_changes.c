/* SPDX-License-Identifier: MIT */
/*
 * watch_changes.c - the differences of two States as `netvane watch` prints them.
 *
 * Owns:      which classes a topic means; the lines about default routes and egress.
 * Assumes:   changes.c for the objects.
 * Promises:  a State that expires in the middle leaves nothing on the screen.
 * Leaves:    which States are compared to cmd_watch.c.
 */
#include "changes.h"
#include "fmt_default.h"
#include "names.h"
#include "watch.h"

#include <stdlib.h>
#include <string.h>

static uint32_t classes_of(uint32_t topics)
{
    return (topics & NETVANE_TOPIC_LINKS ? 1u << NETVANE_CLASS_LINK : 0u) |
           (topics & NETVANE_TOPIC_ADDRS ? 1u << NETVANE_CLASS_ADDR : 0u) |
           (topics & NETVANE_TOPIC_ROUTES ? 1u << NETVANE_CLASS_ROUTE : 0u) |
           (topics & NETVANE_TOPIC_RULES ? 1u << NETVANE_CLASS_RULE : 0u) |
           (topics & NETVANE_TOPIC_NEXTHOPS ? 1u << NETVANE_CLASS_NEXTHOP : 0u);
}

static bool get_default(struct view *v, unsigned family, bool egress,
                        struct netvane_default *ret_default)
{
    NETVANE_INIT(ret_default);
    int rc = egress ? netvane_snap_egress(&v->snap, (uint8_t)family, ret_default)
                    : netvane_snap_default(&v->snap, (uint8_t)family, ret_default);
    view_fail(v, rc);
    return rc == 0;
}

/* That the kernel has confirmed an answer meanwhile is no change of it. */
static bool looks_equal(struct netvane_default *a, struct netvane_default *b)
{
    uint32_t silent = NETVANE_DEFAULT_CONFIRMED | NETVANE_DEFAULT_KERNEL;
    uint32_t a_flags = a->flags, b_flags = b->flags;

    a->flags &= ~silent;
    b->flags &= ~silent;
    bool equal = memcmp(a, b, sizeof(*a)) == 0;
    a->flags = a_flags;
    b->flags = b_flags;
    return equal;
}

static void default_line(struct changes *c, unsigned family, bool egress)
{
    struct netvane_default before, after;
    bool had = get_default(&c->from, family, egress, &before);
    bool has = get_default(&c->to, family, egress, &after);
    const char *what = egress ? "egress" : "default";
    struct json j;

    if (!had && !has)
        return;
    if (had && has && looks_equal(&before, &after))
        return;
    c->count++;
    if (c->tool->json) {
        changes_begin_event(c, &j, !had ? c->added : !has ? c->removed : "change", what);
        json_string(&j, "family", name_family(family));
        if (had)
            fmt_default_json(&j, &c->from, &before, "before");
        if (has)
            fmt_default_json(&j, &c->to, &after, "after");
        json_close_object(&j);
        json_end_line(&j);
        return;
    }
    out_color(c->out, OUT_DIM, "%s ", c->time);
    out_color(c->out,
              !had   ? OUT_GOOD
              : !has ? OUT_BAD
                     : OUT_WARN,
              "%c",
              !had   ? '+'
              : !has ? '-'
                     : '~');
    fprintf(c->out, " %-7s IPv%u ", what, family);
    if (had)
        fmt_default_text(c->out, &c->from, &before);
    if (had && has)
        fputs(" -> ", c->out);
    if (has)
        fmt_default_text(c->out, &c->to, &after);
    fputc('\n', c->out);
}

static int print_changes(struct watch *w, struct changes *c)
{
    int rc = changes_print(c, classes_of(w->topics));

    for (unsigned family = 4; rc == 0 && family <= 6; family += 2) {
        if (!(w->topics & (family == 4 ? NETVANE_TOPIC_DEFAULT4 : NETVANE_TOPIC_DEFAULT6)))
            continue;
        default_line(c, family, false);
        default_line(c, family, true);
        rc = c->from.error != 0 ? c->from.error : c->to.error;
    }
    return rc;
}

/* Prints what differs between from and to, all or nothing. 0 or a library error. */
int watch_compare(struct watch *w, const struct netvane_snap *from, const struct netvane_snap *to)
{
    char time[OUT_TIME_MAX], stamp[OUT_TIME_MAX];
    struct changes c = {.tool = w->tool, .added = "add", .removed = "remove"};
    struct netvane_info info;
    char *text = NULL;
    size_t len = 0;

    NETVANE_INIT(&info);
    int rc = netvane_snap_info(to, &info);
    if (rc != 0)
        return rc;
    c.time = out_clock(info.published_ns, false, time);
    c.stamp = out_clock(info.published_ns, true, stamp);
    c.from.snap = *from;
    c.to.snap = *to;
    c.out = open_memstream(&text, &len);
    if (c.out == NULL)
        return NETVANE_NO_MEMORY;
    rc = print_changes(w, &c);
    if (fclose(c.out) != 0)
        rc = NETVANE_NO_MEMORY;
    if (rc == 0) {
        fwrite(text, 1, len, stdout);
        w->printed += c.count;
    }
    free(text);
    return rc;
}
