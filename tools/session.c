/* SPDX-License-Identifier: MIT */
/*
 * session.c - the opened region, and one consistent State to print from.
 *
 * Owns:      retries when a version expires under a slow render, warnings about an inexact State, signals.
 * Assumes:   render functions write to the stream that they are given and have no other effect.
 * Promises:  output is of one version. A small State is rendered straight from the region, a large one from a
 *            private copy, which nothing can overtake.
 * Leaves:    what a State looks like to cmd_*.c.
 */
#include "tool.h"

#include "out_text.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIES         20
#define COPY_OBJECTS  20000 /* from here on a private copy comes first */
#define READY_WAIT_NS UINT64_C(2000000000)

static volatile sig_atomic_t interrupted;

int tool_fail(int code, const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("netvane: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return code;
}

int tool_error(const struct tool *t, int error)
{
    const char *name = t->name != NULL ? t->name : "default";
    const char *in = t->dir != NULL ? " in " : "", *dir = t->dir != NULL ? t->dir : "";

    switch (error) {
    case NETVANE_NO_WRITER:
        return tool_fail(
            EXIT_UNREADABLE,
            "there is no State \"%s\"%s%s: start the writer (netvaned --name %s%s%s), or give "
            "its --name and --dir",
            name, in, dir, name, t->dir != NULL ? " --dir " : "", dir);
    case NETVANE_NOT_READY:
        return tool_fail(
            EXIT_UNREADABLE,
            "the writer of \"%s\" has not published a State yet; try: netvane wait ready", name);
    case NETVANE_PERMISSION:
        return tool_fail(EXIT_UNREADABLE, "may not open the region \"%s\"%s%s: permission denied",
                         name, in, dir);
    case NETVANE_CORRUPT:
        return tool_fail(EXIT_BROKEN, "the region \"%s\" breaks its own rules; try: netvane check",
                         name);
    case NETVANE_EXPIRED:
        return tool_fail(EXIT_BROKEN, "the State changes faster than it can be read here");
    case NETVANE_SYSTEM: return tool_fail(EXIT_BROKEN, "region \"%s\": %s", name, strerror(errno));
    case NETVANE_NO_MEMORY:
    case NETVANE_LIMIT:
        return tool_fail(EXIT_BROKEN, "region \"%s\": %s", name, netvane_strerror(error));
    default:
        return tool_fail(EXIT_UNREADABLE, "cannot read the region \"%s\"%s%s: %s", name, in, dir,
                         netvane_strerror(error));
    }
}

int tool_open(struct tool *t)
{
    struct netvane_open_args args;

    if (t->nv != NULL)
        return EXIT_OK;
    NETVANE_INIT(&args);
    args.dir = t->dir;
    args.name = t->name;
    int rc = netvane_open(&args, &t->nv);
    return rc == 0 ? EXIT_OK : tool_error(t, rc);
}

/* A begun snapshot; a State that is about to come is waited for. */
static int begin(struct tool *t, struct netvane_snap *ret_snap)
{
    int rc = netvane_snap_begin(t->nv, ret_snap);

    if (rc == NETVANE_NOT_READY) {
        netvane_wait_ready(t->nv, READY_WAIT_NS);
        rc = netvane_snap_begin(t->nv, ret_snap);
    }
    return rc;
}

static bool is_large(const struct netvane_snap *snap)
{
    struct netvane_info info;

    NETVANE_INIT(&info);
    if (netvane_snap_info(snap, &info) != 0)
        return true;
    return (uint64_t)info.links + info.addrs + info.routes4 + info.routes6 > COPY_OBJECTS;
}

/* One attempt; a library error, or 0 with the exit code. */
static int try_render(struct tool *t, tool_render_fn *render, void *arg, bool copy, int *ret_code)
{
    struct netvane_state *state = NULL;
    struct view v = {.error = 0};
    char *text = NULL;
    size_t len = 0;

    int rc = begin(t, &v.snap);
    if (rc != 0)
        return rc;
    if (copy || is_large(&v.snap)) {
        rc = netvane_state_copy(&v.snap, &state);
        if (rc != 0)
            return rc;
        netvane_state_snap(state, &v.snap);
    }
    FILE *out = state != NULL ? stdout : open_memstream(&text, &len);
    if (out == NULL) {
        netvane_state_free(state);
        return NETVANE_NO_MEMORY;
    }
    __fsetlocking(
        out, FSETLOCKING_BYCALLER); /* one thread: a lock for each byte is a third of the time */
    *ret_code = render(arg, t, &v, out);
    if (out != stdout) {
        bool full = fclose(out) != 0;
        if (v.error == 0 && full)
            v.error = NETVANE_NO_MEMORY;
        if (v.error == 0)
            fwrite(text, 1, len, stdout);
        free(text);
    }
    netvane_state_free(state);
    return v.error;
}

static void warn(struct tool *t)
{
    struct netvane_health health;
    char age[OUT_TIME_MAX];

    NETVANE_INIT(&health);
    if (netvane_health_get(t->nv, &health) != 0)
        return;
    out_duration(health.heartbeat_age_ns, age);
    if (health.writer == NETVANE_WRITER_DEAD)
        fprintf(stderr, "netvane: warning: the writer ended; this State is as it was %s ago\n",
                age);
    else if (health.writer == NETVANE_WRITER_STOPPED)
        fprintf(stderr,
                "netvane: warning: the writer was stopped; this State is as it was %s ago\n", age);
    else if (health.writer == NETVANE_WRITER_LATE)
        fprintf(stderr, "netvane: warning: the writer has given no sign of life for %s\n", age);
    if (health.quality & NETVANE_QUALITY_DEGRADED)
        fputs("netvane: warning: the State is incomplete (the writer met a limit; see netvane "
              "stat)\n",
              stderr);
    if (health.quality & (NETVANE_QUALITY_RESYNCING | NETVANE_QUALITY_APPROXIMATE))
        fputs("netvane: warning: the State may lag behind the kernel; it is being read again\n",
              stderr);
}

void tool_note_filtered(struct tool *t)
{
    struct netvane_health health;

    NETVANE_INIT(&health);
    if (netvane_health_get(t->nv, &health) == 0 && health.quality & NETVANE_QUALITY_FILTERED)
        fprintf(stderr,
                "netvane: note: the State holds the routes of %s only (netvaned --tables); %" PRIu64
                " are left out\n",
                health.tables, health.routes_left_out);
}

int tool_render_quietly(struct tool *t, tool_render_fn *render, void *arg)
{
    int code = EXIT_OK, rc = NETVANE_EXPIRED;
    int opened = tool_open(t);

    if (opened != EXIT_OK)
        return opened;
    for (int i = 0; i < TRIES && rc == NETVANE_EXPIRED; i++)
        rc = try_render(t, render, arg, i >= 2, &code);
    return rc == 0 ? code : tool_error(t, rc);
}

int tool_render(struct tool *t, tool_render_fn *render, void *arg)
{
    int code = tool_render_quietly(t, render, arg);

    if (t->nv != NULL && code != EXIT_UNREADABLE) {
        fflush(stdout);
        warn(t);
    }
    return code;
}

bool tool_find_link(struct view *v, const char *name, struct netvane_link *ret_link)
{
    NETVANE_INIT(ret_link);
    int rc = netvane_link_get_by_name(&v->snap, name, ret_link);
    view_fail(v, rc);
    if (rc == NETVANE_NOT_FOUND)
        tool_fail(EXIT_DIFFERENT, "there is no link \"%s\"; see: netvane link", name);
    return rc == 0;
}

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

void tool_catch_signals(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal; /* without SA_RESTART: a wait must return */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool tool_interrupted(void)
{
    return interrupted != 0;
}

void tool_sleep_ns(uint64_t ns)
{
    struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000u),
                          .tv_nsec = (long)(ns % 1000000000u)};

    nanosleep(&ts, NULL);
}
