/* SPDX-License-Identifier: MIT */
/*
 * show_head.c - the top of the `netvane show` screen: can this State be trusted, and which way is out?
 *
 * Owns:      the heading and the default routes, in sentences.
 * Assumes:   fmt_default.c.
 * Promises:  whatever is wrong with the State is said, with what it means, before anything of it is shown.
 * Leaves:    the list of all candidates to cmd_default.c.
 */
#include "fmt_default.h"
#include "out_text.h"
#include "show.h"
#include "words.h"

#include <inttypes.h>
#include <linux/rtnetlink.h>

static void problem(struct screen *s, const char *what)
{
    out_color(s->out, OUT_BAD, "  ! %s\n", what);
}

static void show_problems(struct screen *s)
{
    switch (s->health.writer) {
    case NETVANE_WRITER_DEAD:
        problem(s, "The writer died: this is how things were then. Start netvaned again.");
        break;
    case NETVANE_WRITER_STOPPED:
        problem(s, "The writer was stopped: this is how things were then. Start netvaned again.");
        break;
    case NETVANE_WRITER_LATE:
        problem(s, "The writer gives no sign of life (stopped, hung or starved): this may be old.");
        break;
    case NETVANE_WRITER_STARTING: problem(s, "The writer is starting."); break;
    default: break;
    }
    if (s->info.quality & NETVANE_QUALITY_RESYNCING)
        problem(s,
                "Events were missed; the kernel is being read again: this may lag for a moment.");
    if (s->info.quality & NETVANE_QUALITY_APPROXIMATE)
        problem(
            s,
            "The kernel changed while it was read: details may be wrong until the next reading.");
    if (s->info.quality & NETVANE_QUALITY_DEGRADED)
        problem(s, "The writer met a limit: something is missing here. See: netvane stat");
    if (s->info.quality & NETVANE_QUALITY_FILTERED)
        fprintf(s->out,
                "Routes: only %s, as the writer was told (--tables); %" PRIu64 " left out\n",
                s->health.tables, s->health.routes_left_out);
}

void show_heading(struct screen *s)
{
    bool alive = s->health.writer == NETVANE_WRITER_LIVE;
    char quality[WORDS_MAX], age[OUT_TIME_MAX];

    out_color(s->out, OUT_HEAD, "Network state \"%s\"", netvane_name(s->tool->nv));
    fputs(": ", s->out);
    if (s->health.writer == NETVANE_WRITER_DEAD || s->health.writer == NETVANE_WRITER_STOPPED)
        out_color(s->out, OUT_BAD, "no longer kept up to date");
    else
        out_color(s->out, (s->info.quality & ~NETVANE_QUALITY_FILTERED) == 0 ? OUT_GOOD : OUT_BAD,
                  "%s", words_quality(s->info.quality, quality));
    fprintf(s->out, ", version %" PRIu64 ", last change %s ago\n", s->info.version,
            out_duration(s->health.published_age_ns, age));
    fprintf(s->out, "Writer: pid %u, ", s->health.writer_pid);
    out_color(s->out, alive ? OUT_GOOD : OUT_BAD, "%s", words_writer(s->health.writer));
    fprintf(s->out, ", compared with the whole kernel %s ago\n",
            out_duration(s->health.verified_age_ns, age));
    show_problems(s);
    fputc('\n', s->out);
}

/* How many more defaults there are, and why they are not first. */
static void show_rivals(struct screen *s, unsigned family)
{
    unsigned rivals = 0, told = 0;
    struct netvane_default d;
    struct netvane_iter it;
    char name[VIEW_NAME_MAX];

    NETVANE_INIT(&d);
    int rc = netvane_default_iter(&s->v->snap, (uint8_t)family, RT_TABLE_MAIN, &it);
    while (rc >= 0 && (rc = netvane_default_next(&it, &d)) == 1) {
        if (d.reason == NETVANE_REASON_IS_FIRST)
            continue;
        if (++rivals > 3)
            continue;
        fputs(told++ == 0 ? "        instead of: " : ", ", s->out);
        if (d.ifindex != 0 && !(d.flags & NETVANE_DEFAULT_REJECT))
            fprintf(s->out, "%s (%s)", view_ifname(s->v, d.ifindex, name),
                    netvane_reason_name(d.reason));
        else
            fprintf(s->out, "%s", netvane_reason_name(d.reason));
    }
    view_fail(s->v, rc);
    if (rivals > told)
        fprintf(s->out, ", and %u more", rivals - told);
    if (rivals > 0)
        fputc('\n', s->out);
}

static void show_egress(struct screen *s, unsigned family, bool has_main,
                        const struct netvane_default *main)
{
    struct netvane_default egress;
    char ip[OUT_IP_MAX];

    NETVANE_INIT(&egress);
    int rc = netvane_snap_egress(&s->v->snap, (uint8_t)family, &egress);
    view_fail(s->v, rc);
    if (rc != 0) {
        if (has_main)
            fputs("        but rules or routes keep traffic from it: no way out\n", s->out);
        return;
    }
    if (has_main && fmt_default_same_way(main, &egress)) {
        if ((egress.flags & NETVANE_DEFAULT_PREFSRC) && !(main->flags & NETVANE_DEFAULT_PREFSRC))
            fprintf(s->out, "        with source address %s\n", out_ip(family, egress.prefsrc, ip));
        return;
    }
    fputs(has_main ? "        but traffic leaves " : "        yet traffic leaves ", s->out);
    fmt_default_text(s->out, s->v, &egress);
    fputc('\n', s->out);
}

static void show_default(struct screen *s, unsigned family)
{
    struct netvane_default main;

    NETVANE_INIT(&main);
    int rc = netvane_snap_default(&s->v->snap, (uint8_t)family, &main);
    view_fail(s->v, rc);
    out_color(s->out, out_family_color(family), "  IPv%u  ", family);
    if (rc == 0)
        fmt_default_text(s->out, s->v, &main);
    else
        out_color(s->out, OUT_DIM, "no default route");
    fputc('\n', s->out);
    show_egress(s, family, rc == 0, &main);
    show_rivals(s, family);
}

void show_defaults(struct screen *s)
{
    out_color(s->out, OUT_HEAD, "Default route\n");
    for (unsigned family = 4; family <= 6; family += 2) {
        if (s->tool->family == 0 || s->tool->family == family)
            show_default(s, family);
    }
    fputc('\n', s->out);
}
