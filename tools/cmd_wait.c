/* SPDX-License-Identifier: MIT */
/*
 * cmd_wait.c - `netvane wait`: for scripts, sleep until something changes or the State is there.
 *
 * Owns:      the words after "wait"; the wait for a region that does not exist yet.
 * Assumes:   netvane_wait and netvane_wait_ready.
 * Promises:  exit 0 once it happened, 1 when the time is over; the topics that moved on standard output.
 * Leaves:    what changed to cmd_watch.c. Signals keep their default action: Ctrl-C ends the tool as it ends
 *            any program, and a shell sees that.
 */
#include "out_text.h"
#include "tool.h"

#include <string.h>

#define RETRY_NS UINT64_C(20000000)

struct wait_query {
    bool ready;
    uint32_t topics;
    uint64_t timeout_ns, settle_ns; /* timeout UINT64_MAX: for ever */
};

static uint64_t time_left(uint64_t end_ns)
{
    uint64_t now = out_boottime_ns();

    if (end_ns == UINT64_MAX)
        return UINT64_MAX;
    return end_ns > now ? end_ns - now : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int timed_out(const struct tool *t, const char *what, uint64_t ns)
{
    char time[OUT_TIME_MAX];

    return tool_fail(EXIT_DIFFERENT, "\"%s\": %s within %s", t->name != NULL ? t->name : "default",
                     what, out_duration(ns, time));
}

/* The last State of a writer that has ended, or hangs, is exact, but nobody keeps it so. */
static bool is_kept(struct tool *t)
{
    struct netvane_health health;

    NETVANE_INIT(&health);
    return netvane_health_get(t->nv, &health) == 0 && health.writer == NETVANE_WRITER_LIVE;
}

/* Neither a missing region nor one without a State is an error before the time is over. */
static int wait_ready(struct tool *t, const struct wait_query *q, uint64_t end_ns)
{
    struct netvane_open_args args;
    int rc = NETVANE_NO_WRITER;

    for (;;) {
        if (t->nv == NULL) {
            NETVANE_INIT(&args);
            args.dir = t->dir;
            args.name = t->name;
            rc = netvane_open(&args, &t->nv);
        }
        if (t->nv != NULL)
            rc = netvane_wait_ready(t->nv, time_left(end_ns));
        if (rc == 0 && is_kept(t))
            return EXIT_OK;
        if (rc != 0 && rc != NETVANE_NO_WRITER && rc != NETVANE_NOT_READY &&
            rc != NETVANE_TIMEOUT && rc != NETVANE_INTERRUPTED && rc != NETVANE_TOO_SMALL)
            return tool_error(t, rc);
        if (time_left(end_ns) == 0)
            return timed_out(t, t->nv == NULL || rc == 0 ? "no writer" : "no synced State",
                             q->timeout_ns);
        tool_sleep_ns(least(time_left(end_ns), RETRY_NS));
    }
}

static void print_topics(const struct tool *t, uint32_t topics)
{
    const char *name;
    struct json j;
    bool some = false;

    json_begin(&j, stdout, t->pretty);
    if (t->json) {
        json_open_object(&j, NULL);
        json_open_array(&j, "topics");
    }
    for (unsigned i = 0; (name = netvane_topic_name(i)) != NULL; i++) {
        if (!(topics & (1u << i)))
            continue;
        if (t->json)
            json_string(&j, NULL, name);
        else
            printf("%s%s", some ? " " : "", name);
        some = true;
    }
    if (t->json) {
        json_close_array(&j);
        json_close_object(&j);
    }
    fputc('\n', stdout);
}

static int wait_topics(struct tool *t, const struct wait_query *q, uint64_t end_ns)
{
    struct netvane_wait_args args;
    struct netvane_snap since;
    uint32_t topics = 0;

    int rc = netvane_snap_begin(t->nv, &since);
    if (rc != 0)
        return tool_error(t, rc);
    NETVANE_INIT(&args);
    args.topics = q->topics;
    args.since = &since;
    if (!is_kept(t)) { /* that is no news to wait for: what comes from now on is */
        args.since = NULL;
        fprintf(stderr,
                "netvane: warning: the writer is not alive; this waits for a new one as well\n");
    }
    args.settle_ns = q->settle_ns;
    do {
        args.timeout_ns = time_left(end_ns);
        rc = netvane_wait(t->nv, &args, &topics);
    } while (rc == NETVANE_INTERRUPTED); /* stopped and continued */
    if (rc == NETVANE_TIMEOUT)
        return timed_out(t, "no change", q->timeout_ns);
    if (rc != 0)
        return tool_error(t, rc);
    print_topics(t, topics);
    return EXIT_OK;
}

static int read_args(struct wait_query *q, struct args *a)
{
    const char *value;

    for (const char *word; (word = args_next(a)) != NULL;) {
        if (strcmp(word, "--timeout") == 0) {
            if ((value = args_value(a, word, "seconds")) == NULL)
                return EXIT_USAGE;
            if (!args_seconds(value, &q->timeout_ns))
                return args_unknown(a, value, "--timeout takes seconds, such as 2.5");
        } else if (strcmp(word, "--settle") == 0) {
            if ((value = args_value(a, word, "milliseconds")) == NULL)
                return EXIT_USAGE;
            if (!args_seconds(value, &q->settle_ns))
                return args_unknown(a, value, "--settle takes milliseconds, such as 200");
            q->settle_ns /= 1000;
        } else if (strcmp(word, "ready") == 0) {
            q->ready = true;
        } else if (word[0] == '-') {
            return args_unknown(a, word, "say wait TOPIC...|ready [--timeout S] [--settle MS]");
        } else if (!args_topic(word, &q->topics)) {
            return EXIT_USAGE;
        }
    }
    if (q->ready == (q->topics != 0))
        return tool_fail(EXIT_USAGE,
                         "wait: say either topics (default4, links, ...; man netvane) or ready");
    return EXIT_OK;
}

int cmd_wait(struct tool *t, struct args *a)
{
    struct wait_query q = {.timeout_ns = UINT64_MAX};

    int rc = read_args(&q, a);
    if (rc != EXIT_OK)
        return rc;
    uint64_t end_ns = q.timeout_ns == UINT64_MAX ? UINT64_MAX : out_boottime_ns() + q.timeout_ns;
    if (q.ready)
        return wait_ready(t, &q, end_ns);
    if ((rc = tool_open(t)) != EXIT_OK)
        return rc;
    return wait_topics(t, &q, end_ns);
}
