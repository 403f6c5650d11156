/* SPDX-License-Identifier: MIT */
/*
 * watch_changes.c - the changes of the State as `netvane watch` prints them.
 *
 * Owns:      which classes a topic means; the lines about default routes and egress; what belongs to one step.
 * Assumes:   changes.c for the objects.
 * Promises:  each change once. A step whose State expires in the middle leaves nothing on the screen.
 * Leaves:    what to do then to cmd_watch.c.
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

static int print_defaults(struct watch *w, struct changes *c)
{
    struct view objects = c->from;

    c->from.snap = w->last; /* steps that changed no object are not told of */
    for (unsigned family = 4; family <= 6; family += 2) {
        if (!(w->topics & (family == 4 ? NETVANE_TOPIC_DEFAULT4 : NETVANE_TOPIC_DEFAULT6)))
            continue;
        default_line(c, family, false);
        default_line(c, family, true);
    }
    int rc = c->from.error != 0 ? c->from.error : c->to.error;
    c->from = objects;
    return rc;
}

/* What is printed of one step, kept until it is whole. */
struct step {
    struct changes c;
    char time[OUT_TIME_MAX], stamp[OUT_TIME_MAX];
    char *text;
    size_t len;
};

static int step_begin(struct watch *w, struct step *s)
{
    struct netvane_info info;

    memset(s, 0, sizeof(*s));
    s->c = (struct changes){.tool = w->tool, .added = "add", .removed = "remove"};
    NETVANE_INIT(&info);
    netvane_changes_snap(&w->changes, &s->c.from.snap, &s->c.to.snap);
    int rc = netvane_snap_info(&s->c.to.snap, &info);
    if (rc != 0)
        return rc;
    s->c.time = out_clock(info.published_ns, false, s->time);
    s->c.stamp = out_clock(info.published_ns, true, s->stamp);
    s->c.out = open_memstream(&s->text, &s->len);
    return s->c.out == NULL ? NETVANE_NO_MEMORY : 0;
}

/* Prints the step, if nothing went wrong. */
static int step_end(struct watch *w, struct step *s, int rc)
{
    if (s->c.out == NULL)
        return rc;
    if (rc == 0)
        rc = print_defaults(w, &s->c);
    if (fclose(s->c.out) != 0 && rc == 0)
        rc = NETVANE_NO_MEMORY;
    if (rc == 0) {
        fwrite(s->text, 1, s->len, stdout);
        w->printed += s->c.count;
        w->last = s->c.to.snap;
        watch_quality(w);
    }
    free(s->text);
    s->c.out = NULL;
    return rc;
}

/* Is the step that the iterator is in now another one? */
static bool is_next(const struct watch *w, const struct step *s)
{
    struct netvane_snap to;

    netvane_changes_snap(&w->changes, NULL, &to);
    return s->c.out == NULL || s->c.to.snap.version != to.version;
}

int watch_from(struct watch *w, const struct netvane_snap *snap)
{
    w->last = *snap;
    return netvane_changes_begin(w->tool->nv, snap, classes_of(w->topics), &w->changes);
}

int watch_catch_up(struct watch *w)
{
    struct step s = {.text = NULL};
    struct netvane_change change;
    struct netvane_snap before, now;
    int rc, more;

    NETVANE_INIT(&change);
    while ((more = netvane_changes_next(&w->changes, &change)) > 0) {
        rc = 0;
        if (is_next(w, &s)) {
            rc = step_end(w, &s, 0);
            if (rc == 0 && w->count_max != 0 && w->printed >= w->count_max)
                return 0; /* that was all that was asked for */
            if (rc == 0)
                rc = step_begin(w, &s);
        }
        if (rc == 0)
            rc = changes_one(&s.c, &change);
        if (rc != 0)
            return step_end(w, &s, rc);
    }
    netvane_changes_snap(&w->changes, &before, &now);
    /* An error between two steps takes nothing back. */
    bool whole = more != NETVANE_EXPIRED && before.version == now.version;
    rc = step_end(w, &s, whole ? 0 : more);
    if (rc != 0 || more != 0)
        return rc != 0 ? rc : more;
    if (now.version != w->last.version) { /* no object has changed: what else did? */
        rc = step_begin(w, &s);
        rc = step_end(w, &s, rc);
    }
    if (rc == 0)
        w->last = now; /* it knows more about its writer */
    return rc;
}
