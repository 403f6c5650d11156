/* SPDX-License-Identifier: MIT */
/*
 * cmd_stat.c - `netvane stat`: how the writer and its region are doing.
 *
 * Owns:      versions, ages, memory, every counter with its meaning; with --interval what they gained.
 * Assumes:   counters only grow.
 * Promises:  exit 0 while the writer lives; 1 if it does not.
 * Leaves:    findings inside the region to cmd_check.c.
 */
#include "out_text.h"
#include "tool.h"
#include "words.h"

#include <inttypes.h>
#include <string.h>

#define COUNTERS_MAX 64

struct sample {
    struct netvane_health health;
    struct netvane_info info;
    uint64_t taken_ns;
    unsigned count;
    struct {
        const char *name, *text;
        uint64_t value;
    } counters[COUNTERS_MAX];
};

static int take(struct tool *t, struct sample *ret_sample)
{
    struct netvane_snap snap;

    memset(ret_sample, 0, sizeof(*ret_sample));
    NETVANE_INIT(&ret_sample->health);
    NETVANE_INIT(&ret_sample->info);
    int rc = netvane_health_get(t->nv, &ret_sample->health);
    if (rc == 0 && (rc = netvane_snap_begin(t->nv, &snap)) == 0)
        rc = netvane_snap_info(&snap, &ret_sample->info);
    if (rc == NETVANE_NOT_READY || rc == NETVANE_EXPIRED)
        rc = 0; /* no State yet: the counters tell why */
    if (rc != 0)
        return rc;
    ret_sample->taken_ns = out_boottime_ns();
    for (unsigned i = 0; i < COUNTERS_MAX; i++) {
        if (netvane_counter_get(t->nv, i, &ret_sample->counters[i].name,
                                &ret_sample->counters[i].text, &ret_sample->counters[i].value) != 0)
            break;
        ret_sample->count = i + 1;
    }
    return 0;
}

static void print_json(const struct tool *t, const struct sample *s)
{
    const struct netvane_health *h = &s->health;
    struct json j;

    json_begin(&j, stdout, t->pretty);
    json_open_object(&j, NULL);
    json_string(&j, "name", netvane_name(t->nv));
    json_string(&j, "dir", netvane_dir(t->nv));
    json_string(&j, "writer", words_writer(h->writer));
    json_uint(&j, "writer_pid", h->writer_pid);
    json_open_array(&j, "quality");
    words_quality_json(&j, h->quality);
    json_close_array(&j);
    json_uint(&j, "version", h->version);
    json_uint(&j, "horizon", h->horizon);
    json_uint(&j, "instance_id", h->instance_id);
    json_uint(&j, "heartbeat_age_ns", h->heartbeat_age_ns);
    json_uint(&j, "published_age_ns", h->published_age_ns);
    json_uint(&j, "verified_age_ns", h->verified_age_ns);
    json_uint(&j, "started_boottime_ns", h->started_ns);
    json_uint(&j, "region_bytes", h->region_bytes);
    json_uint(&j, "max_bytes", h->max_bytes);
    json_uint(&j, "netns_ino", h->netns_ino);
    json_uint(&j, "coalesce_ns", h->coalesce_ns);
    json_uint(&j, "reconcile_ns", h->reconcile_ns);
    json_string(&j, "tables", h->tables[0] != 0 ? h->tables : "all");
    json_uint(&j, "routes_left_out", h->routes_left_out);
    json_open_object(&j, "objects");
    json_uint(&j, "links", s->info.links);
    json_uint(&j, "addrs", s->info.addrs);
    json_uint(&j, "routes4", s->info.routes4);
    json_uint(&j, "routes6", s->info.routes6);
    json_uint(&j, "rules", s->info.rules);
    json_uint(&j, "nexthops", s->info.nexthops);
    json_close_object(&j);
    json_open_object(&j, "counters");
    for (unsigned i = 0; i < s->count; i++)
        json_uint(&j, s->counters[i].name, s->counters[i].value);
    json_close_object(&j);
    json_close_object(&j);
    json_end_line(&j);
}

static void print_text(const struct tool *t, const struct sample *s)
{
    const struct netvane_health *h = &s->health;
    char a[OUT_TIME_MAX], b[OUT_TIME_MAX], quality[WORDS_MAX];
    uint64_t now = out_boottime_ns();

    out_color(stdout, OUT_HEAD, "State \"%s\" in %s\n", netvane_name(t->nv), netvane_dir(t->nv));
    printf("  writer      %s, pid %u, since %s, heartbeat %s ago\n", words_writer(h->writer),
           h->writer_pid, out_duration(now > h->started_ns ? now - h->started_ns : 0, a),
           out_duration(h->heartbeat_age_ns, b));
    printf("  quality     %s\n", words_quality(h->quality, quality));
    printf("  version     %" PRIu64 ", published %s ago; readable from %" PRIu64 " on (%" PRIu64
           " versions)\n",
           h->version, out_duration(h->published_age_ns, a), h->horizon,
           h->version >= h->horizon ? h->version - h->horizon + 1 : 0);
    printf("  verified    %s ago against the whole kernel; every %s\n",
           out_duration(h->verified_age_ns, a), out_duration(h->reconcile_ns, b));
    printf("  memory      %s", out_bytes(h->region_bytes, a));
    printf(" of at most %s\n", out_bytes(h->max_bytes, b));
    printf(
        "  objects     %u links, %u addresses, %u IPv4 and %u IPv6 routes, %u rules, %u nexthops\n",
        s->info.links, s->info.addrs, s->info.routes4, s->info.routes6, s->info.rules,
        s->info.nexthops);
    if (h->tables[0] != 0)
        printf("  tables      %s only: %" PRIu64 " routes of the kernel are left out\n", h->tables,
               h->routes_left_out);
    printf("  namespace   inode %" PRIu64 "\n", h->netns_ino);
    out_color(stdout, OUT_HEAD, "Counters\n");
    for (unsigned i = 0; i < s->count; i++)
        printf("  %12" PRIu64 "  %-18s %s\n", s->counters[i].value, s->counters[i].name,
               s->counters[i].text);
}

static void print_rates(const struct tool *t, const struct sample *old, const struct sample *new)
{
    double s = (double)(new->taken_ns - old->taken_ns) / 1e9;
    char time[OUT_TIME_MAX];
    bool some = false;
    struct json j;

    if (t->json) {
        json_begin(&j, stdout, false);
        json_open_object(&j, NULL);
        json_string(&j, "time", out_clock(new->taken_ns, true, time));
        json_double(&j, "seconds", s);
        json_uint(&j, "version", new->health.version);
        json_uint(&j, "versions", new->health.version - old->health.version);
        json_open_object(&j, "gained");
        for (unsigned i = 0; i < new->count &&i < old->count; i++)
            json_uint(&j, new->counters[i].name, new->counters[i].value - old->counters[i].value);
        json_close_object(&j);
        json_close_object(&j);
        json_end_line(&j);
        return;
    }
    out_color(stdout, OUT_DIM, "%s ", out_clock(new->taken_ns, false, time));
    printf("version %" PRIu64 ", %.1f/s;", new->health.version,
           (double)(new->health.version - old->health.version) / s);
    for (unsigned i = 0; i < new->count &&i < old->count; i++) {
        uint64_t gained = new->counters[i].value - old->counters[i].value;
        if (gained > 0)
            printf(" %s +%" PRIu64, new->counters[i].name, gained);
        some |= gained > 0;
    }
    puts(some ? "" : " quiet");
}

static int run_rates(struct tool *t, struct sample *old, uint64_t interval_ns)
{
    struct sample new;

    tool_catch_signals();
    for (;;) {
        fflush(stdout);
        tool_sleep_ns(interval_ns);
        if (tool_interrupted() || ferror(stdout))
            return EXIT_OK;
        int rc = take(t, &new);
        if (rc != 0)
            return tool_error(t, rc);
        if (new.health.instance_id != old->health.instance_id)
            fprintf(stderr, "netvane: a new writer took over: counters begin again\n");
        else
            print_rates(t, old, &new);
        *old = new;
    }
}

int cmd_stat(struct tool *t, struct args *a)
{
    static struct sample sample;
    uint64_t interval_ns = 0;
    const char *value;

    args_skip_show(a);
    for (const char *word; (word = args_next(a)) != NULL;) {
        if (strcmp(word, "--interval") != 0)
            return args_unknown(a, word, "say stat [--interval S]");
        if ((value = args_value(a, word, "seconds")) == NULL)
            return EXIT_USAGE;
        if (!args_seconds(value, &interval_ns) || interval_ns == 0)
            return args_unknown(a, value, "--interval takes seconds, such as 1");
    }
    int rc = tool_open(t);
    if (rc != EXIT_OK)
        return rc;
    if ((rc = take(t, &sample)) != 0)
        return tool_error(t, rc);
    if (t->json)
        print_json(t, &sample);
    else
        print_text(t, &sample);
    if (interval_ns != 0)
        return run_rates(t, &sample, interval_ns);
    bool alive = sample.health.writer != NETVANE_WRITER_DEAD &&
                 sample.health.writer != NETVANE_WRITER_STOPPED;
    return alive ? EXIT_OK : EXIT_DIFFERENT;
}
