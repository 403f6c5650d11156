/* SPDX-License-Identifier: MIT */
/*
 * cmd_show.c - `netvane show`: the network state on one screen.
 *
 * Owns:      the order of the parts, the last line with what to type next, the JSON summary.
 * Assumes:   a reader who has never seen the tool, on a terminal of 80 columns.
 * Promises:  the length does not grow with the number of links, routes or rules.
 * Leaves:    each part to show_*.c.
 */
#include "fmt_default.h"
#include "names.h"
#include "out_text.h"
#include "show.h"
#include "words.h"

#include <string.h>

#define WIDTH_DEFAULT 80
#define WIDTH_MAX     160

static void show_hints(struct screen *s)
{
    fputc('\n', s->out);
    out_color(s->out, OUT_DIM, "Next: netvane ");
    fputs("link | addr | route table all | default | watch | --help\n", s->out);
}

static void find_egress_links(struct screen *s)
{
    struct netvane_default egress;

    for (unsigned i = 0; i < 2; i++) {
        NETVANE_INIT(&egress);
        int rc = netvane_snap_egress(&s->v->snap, i == 0 ? 4 : 6, &egress);
        view_fail(s->v, rc);
        s->egress_link[i] = rc == 0 ? egress.ifindex : 0;
    }
}

static void default_json(struct json *j, struct view *v, unsigned family)
{
    struct netvane_default d;

    json_open_object(j, name_family(family));
    NETVANE_INIT(&d);
    int rc = netvane_snap_default(&v->snap, (uint8_t)family, &d);
    view_fail(v, rc);
    if (rc == 0)
        fmt_default_json(j, v, &d, "default");
    else
        json_null(j, "default");
    NETVANE_INIT(&d);
    rc = netvane_snap_egress(&v->snap, (uint8_t)family, &d);
    view_fail(v, rc);
    if (rc == 0)
        fmt_default_json(j, v, &d, "egress");
    else
        json_null(j, "egress");
    json_close_object(j);
}

static void show_json(struct screen *s)
{
    struct json j;

    json_begin(&j, s->out, s->tool->pretty);
    json_open_object(&j, NULL);
    json_string(&j, "name", netvane_name(s->tool->nv));
    json_uint(&j, "version", s->info.version);
    json_open_array(&j, "quality");
    words_quality_json(&j, s->info.quality);
    json_close_array(&j);
    json_string(&j, "writer", words_writer(s->health.writer));
    json_uint(&j, "writer_pid", s->health.writer_pid);
    json_uint(&j, "published_age_ns", s->health.published_age_ns);
    json_uint(&j, "verified_age_ns", s->health.verified_age_ns);
    json_string(&j, "tables", s->health.tables[0] != 0 ? s->health.tables : "all");
    json_uint(&j, "routes_left_out", s->health.routes_left_out);
    default_json(&j, s->v, 4);
    default_json(&j, s->v, 6);
    json_open_object(&j, "objects");
    json_uint(&j, "links", s->info.links);
    json_uint(&j, "addrs", s->info.addrs);
    json_uint(&j, "routes4", s->info.routes4);
    json_uint(&j, "routes6", s->info.routes6);
    json_uint(&j, "rules", s->info.rules);
    json_uint(&j, "nexthops", s->info.nexthops);
    json_close_object(&j);
    json_close_object(&j);
    json_end_line(&j);
}

static int render(void *arg, struct tool *t, struct view *v, FILE *out)
{
    struct screen s = {.tool = t, .v = v, .out = out};

    (void)arg;
    NETVANE_INIT(&s.info);
    NETVANE_INIT(&s.health);
    view_fail(v, netvane_snap_info(&v->snap, &s.info));
    view_fail(v, netvane_health_get(t->nv, &s.health));
    if (v->error != 0)
        return EXIT_BROKEN;
    if (t->json) {
        show_json(&s);
        return EXIT_OK;
    }
    s.width = out_width();
    if (s.width < 40)
        s.width = WIDTH_DEFAULT;
    if (s.width > WIDTH_MAX)
        s.width = WIDTH_MAX;
    find_egress_links(&s);
    show_heading(&s);
    show_defaults(&s);
    show_links(&s);
    show_routes(&s);
    show_rules(&s);
    show_nexthops(&s);
    show_hints(&s);
    return EXIT_OK;
}

int cmd_show(struct tool *t, struct args *a)
{
    int rc = args_end(a);

    return rc == EXIT_OK ? tool_render_quietly(t, render, NULL) : rc;
}
