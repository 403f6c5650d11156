/* SPDX-License-Identifier: MIT */
/*
 * watch_health.c - what `netvane watch` tells of the writer and of the State as a whole.
 *
 * Owns:      the lines that begin with '!'.
 * Assumes:   w->health is what was told last.
 * Promises:  a death, a takeover, a silence and each turn of the quality are told once; the quality with the version that
 *            has it, behind its objects.
 * Leaves:    objects to watch_changes.c.
 */
#include "watch.h"

/* A line that is about no object. */
void watch_note(struct watch *w, const char *op, enum out_color color, const char *text,
                uint64_t version)
{
    char time[OUT_TIME_MAX];
    uint64_t now = out_boottime_ns();
    struct json j;

    if (w->tool->json) {
        json_begin(&j, stdout, false);
        json_open_object(&j, NULL);
        json_string(&j, "time", out_clock(now, true, time));
        json_uint(&j, "version", version);
        json_string(&j, "op", op);
        json_string(&j, "class", "health");
        json_string(&j, "text", text);
        json_close_object(&j);
        json_end_line(&j);
    } else {
        out_color(stdout, OUT_DIM, "%s ", out_clock(now, false, time));
        out_color(stdout, color, "!");
        printf(" %-7s %s\n", "health", text);
    }
    w->printed++;
}

static const char *writer_words(uint32_t writer)
{
    switch (writer) {
    case NETVANE_WRITER_LIVE: return "is alive again";
    case NETVANE_WRITER_LATE: return "gives no sign of life: it is stopped, hung or starved";
    case NETVANE_WRITER_DEAD: return "ended without a word: from now on the State ages";
    case NETVANE_WRITER_STOPPED: return "was stopped: from now on the State ages";
    case NETVANE_WRITER_STARTING: return "is starting";
    default: return "is in an unknown state";
    }
}

void watch_quality(struct watch *w)
{
    static const struct {
        uint32_t bit;
        const char *set, *cleared;
    } words[] = {
        {NETVANE_QUALITY_RESYNCING, "something was missed: the kernel is being read again",
         "the State is in step with the kernel again"},
        {NETVANE_QUALITY_APPROXIMATE,
         "the kernel changed while it was read: the State is approximate",
         "the State is exact again"},
        {NETVANE_QUALITY_DEGRADED, "a limit is met: something is missing from the State",
         "nothing is missing any more"},
    };
    struct netvane_info now;

    NETVANE_INIT(&now);
    if (netvane_snap_info(&w->last, &now) != 0)
        return;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if ((w->quality ^ now.quality) & words[i].bit)
            watch_note(w, "quality", now.quality & words[i].bit ? OUT_BAD : OUT_GOOD,
                       now.quality & words[i].bit ? words[i].set : words[i].cleared, now.version);
    }
    w->quality = now.quality;
}

void watch_health(struct watch *w)
{
    struct netvane_health now;
    char text[160];

    NETVANE_INIT(&now);
    if (netvane_health_get(w->tool->nv, &now) != 0)
        return;
    if (now.instance_id != w->health.instance_id) {
        snprintf(text, sizeof(text), "a new writer (pid %u) took over from pid %u", now.writer_pid,
                 w->health.writer_pid);
        watch_note(w, "takeover", OUT_GOOD, text, now.version);
    } else if (now.writer != w->health.writer) {
        snprintf(text, sizeof(text), "the writer (pid %u) %s", now.writer_pid,
                 writer_words(now.writer));
        watch_note(w, "writer", now.writer == NETVANE_WRITER_LIVE ? OUT_GOOD : OUT_BAD, text,
                   now.version);
    }
    w->health = now;
}

void watch_health_now(struct watch *w)
{
    char text[160];

    if (w->health.writer == NETVANE_WRITER_LIVE)
        return;
    snprintf(text, sizeof(text), "the writer (pid %u) %s", w->health.writer_pid,
             writer_words(w->health.writer));
    watch_note(w, "writer", OUT_BAD, text, w->health.version);
}
