/* SPDX-License-Identifier: MIT */
/*
 * cmd_watch.c - `netvane watch`: each change of the State, a line each, as it happens.
 *
 * Owns:      the loop: sleep, print what the library says has changed since the State that was shown last.
 * Assumes:   old versions stay readable for about a second; a watcher may be slower than that (a terminal that
 *            was stopped, a slow pipe).
 * Promises:  each change once, and none is lost without a word. A private copy is kept where that is cheap, for the case
 *            that the last State expires, or that another writer has another one; then what happened in between
 *            is told as one step. Ctrl-C ends with exit code 0.
 * Leaves:    the wording to watch_changes.c and watch_health.c.
 */
#include "watch.h"

#include <inttypes.h>
#include <string.h>

#define SLICE_NS       UINT64_C(500000000) /* how late a signal, or --for, is noticed at most */
#define PAUSE_NS       UINT64_C(20000000)
#define COPY_SHARE     20 /* copying may take 1/20 of the time */
#define CATCH_UP_TRIES 8

static uint64_t instance_of(const struct netvane_snap *snap)
{
    struct netvane_info info;

    NETVANE_INIT(&info);
    return netvane_snap_info(snap, &info) == 0 ? info.instance_id : 0;
}

/* Is the newer State another writer's than the copy? */
static bool is_other_writer(const struct watch *w, const struct netvane_snap *to)
{
    struct netvane_snap copy;

    netvane_state_snap(w->copy, &copy);
    return instance_of(&copy) != instance_of(to);
}

/* The last State is gone. Goes on from the private copy instead, or from the newest State, and says what that means. */
static int go_on(struct watch *w, bool silently)
{
    struct netvane_snap from, to;
    char text[200];

    netvane_changes_snap(&w->changes, NULL, &to);
    uint64_t skipped = to.version > w->last.version ? to.version - w->last.version : 0;
    bool all = w->copy != NULL && w->copy_version == w->last.version;
    if (w->copy == NULL)
        snprintf(text, sizeof(text),
                 "too slow: %" PRIu64
                 " version(s) were skipped, and what changed in them is not known; "
                 "see netvane show",
                 skipped);
    else if (all)
        snprintf(text, sizeof(text),
                 "too slow: %" PRIu64 " version(s) were skipped; their sum follows", skipped);
    else
        snprintf(text, sizeof(text),
                 "too slow: %" PRIu64
                 " version(s) were skipped; the sum of all changes since version %" PRIu64
                 " follows, some of which were shown already",
                 skipped, w->copy_version);
    /* Of a new writer nothing was skipped: it has said so itself. */
    if (!silently && !(all && is_other_writer(w, &to)))
        watch_note(w, "skipped", w->copy == NULL ? OUT_BAD : OUT_WARN, text, w->last.version);
    if (w->copy == NULL) {
        int rc = watch_from(w, &to);
        watch_quality(w);
        return rc;
    }
    netvane_state_snap(w->copy, &from);
    return watch_from(w, &from);
}

/* Keeps a private copy of the State that was shown last, as often as its cost allows. */
static void keep_copy(struct watch *w)
{
    uint64_t start = out_boottime_ns();
    struct netvane_state *copy;

    if (w->copy != NULL && w->copy_version == w->last.version)
        return;
    if (start < w->copy_ready_ns)
        return;
    if (netvane_state_copy(&w->last, &copy) != 0)
        return;
    netvane_state_free(w->copy);
    w->copy = copy;
    w->copy_version = w->last.version;
    w->copy_ready_ns = start + (out_boottime_ns() - start) * COPY_SHARE;
}

/* Shows everything up to the newest version. 0 or a library error. */
static int catch_up(struct watch *w)
{
    bool told = false;
    int rc = watch_catch_up(w);

    for (int i = 0; i < CATCH_UP_TRIES && rc == NETVANE_EXPIRED; i++) {
        rc = go_on(w, told);
        told = true;
        if (rc == 0)
            rc = watch_catch_up(w);
    }
    return rc == NETVANE_EXPIRED ? 0 : rc;
}

/* What the first State is; its quality is told where it changes. */
static void begin(struct watch *w)
{
    struct netvane_info info;

    NETVANE_INIT(&info);
    if (netvane_snap_info(&w->last, &info) != 0)
        return;
    w->quality = info.quality;
    if (w->tool->json || out_width() == 0)
        return;
    out_color(stdout, OUT_DIM,
              "watching \"%s\" from version %" PRIu64
              " on: %u links, %u addresses, %u routes; + new, ~ "
              "changed, - gone; Ctrl-C ends\n",
              netvane_name(w->tool->nv), info.version, info.links, info.addrs,
              info.routes4 + info.routes6);
}

/* How long to sleep at most: not past the time when the State that was shown last can be copied. */
static uint64_t slice_ns(const struct watch *w)
{
    uint64_t now = out_boottime_ns();
    uint64_t left = w->end_ns > now ? w->end_ns - now : 0;
    uint64_t slice = left < SLICE_NS ? left : SLICE_NS;

    if (w->copy == NULL || w->copy_version == w->last.version || w->copy_ready_ns <= now)
        return slice;
    uint64_t copy = w->copy_ready_ns - now;
    return copy < slice ? copy : slice;
}

static bool is_over(const struct watch *w)
{
    return tool_interrupted() || out_boottime_ns() >= w->end_ns ||
           (w->count_max != 0 && w->printed >= w->count_max) || ferror(stdout);
}

static int run(struct watch *w)
{
    struct netvane_wait_args args;
    struct netvane_snap first;
    int rc = netvane_snap_begin(w->tool->nv, &first);

    if (rc == 0)
        rc = watch_from(w, &first);
    if (rc != 0)
        return tool_error(w->tool, rc);
    begin(w);
    keep_copy(w);
    while (!is_over(w)) {
        fflush(stdout);
        NETVANE_INIT(&args);
        args.topics = w->topics | NETVANE_TOPIC_HEALTH;
        args.since = &w->last;
        args.timeout_ns = slice_ns(w);
        rc = netvane_wait(w->tool->nv, &args, NULL);
        if (rc == NETVANE_INTERRUPTED)
            continue;
        watch_health(
            w); /* whatever was asked for: a deaf monitor must not look like a quiet network */
        uint64_t version = w->last.version;
        bool woken = rc == 0;
        if (woken || rc == NETVANE_TIMEOUT)
            rc = catch_up(w);
        if (rc != 0 && rc != NETVANE_NOT_READY && rc != NETVANE_NO_WRITER)
            return tool_error(w->tool, rc);
        /* What keeps waking us without a new version, such as a writer that is gone, must not spin. */
        if (rc != 0 || (woken && w->last.version == version))
            tool_sleep_ns(PAUSE_NS);
        if (rc == 0)
            keep_copy(w);
    }
    return EXIT_OK;
}

static int read_args(struct watch *w, struct args *a)
{
    uint32_t number;
    const char *value;
    uint64_t ns;

    for (const char *word; (word = args_next(a)) != NULL;) {
        if (strcmp(word, "--for") == 0) {
            if ((value = args_value(a, word, "seconds")) == NULL)
                return EXIT_USAGE;
            if (!args_seconds(value, &ns))
                return args_unknown(a, value, "--for takes seconds, such as 2.5");
            w->end_ns = out_boottime_ns() + ns;
        } else if (strcmp(word, "--count") == 0) {
            if ((value = args_value(a, word, "a number of lines")) == NULL)
                return EXIT_USAGE;
            if (!args_u32(value, &number) || number == 0)
                return args_unknown(a, value, "--count takes a number from 1");
            w->count_max = number;
        } else if (word[0] == '-') {
            return args_unknown(a, word, "say watch [TOPIC...] [--for S] [--count N]");
        } else if (!args_topic(word, &w->topics)) {
            return EXIT_USAGE;
        }
    }
    if (w->topics == 0)
        w->topics = NETVANE_TOPIC_ALL;
    return EXIT_OK;
}

int cmd_watch(struct tool *t, struct args *a)
{
    struct watch w = {.tool = t, .end_ns = UINT64_MAX};

    int rc = read_args(&w, a);
    if (rc != EXIT_OK)
        return rc;
    if ((rc = tool_open(t)) != EXIT_OK)
        return rc;
    netvane_wait_ready(t->nv, SLICE_NS);
    NETVANE_INIT(&w.health);
    netvane_health_get(t->nv, &w.health);
    watch_health_now(&w);
    tool_catch_signals();
    rc = run(&w);
    netvane_state_free(w.copy);
    return rc;
}
