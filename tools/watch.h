/* SPDX-License-Identifier: MIT */
/*
 * watch.h - what the parts of `netvane watch` share.
 *
 * Owns:      struct watch: what was asked, and what was shown so far.
 * Assumes:   one watch per run.
 * Promises:  see cmd_watch.c.
 * Leaves:    nothing.
 */
#ifndef WATCH_H
#define WATCH_H

#include "out_text.h"
#include "tool.h"

struct watch {
    struct tool *tool;
    uint32_t topics;
    uint64_t end_ns;    /* boottime; UINT64_MAX: never */
    uint64_t count_max; /* 0: no limit */
    uint64_t printed;
    struct netvane_changes changes;
    struct netvane_snap last;   /* what was shown so far */
    struct netvane_state *copy; /* an earlier or the same State, in own memory; NULL: none */
    uint64_t copy_version;
    uint64_t copy_ready_ns;       /* do not copy again before */
    struct netvane_health health; /* as it was told last */
    uint32_t quality;             /* likewise: of the State that was shown last */
};

/* watch_health.c: a line that is about no object; version: where it was so. */
void watch_note(struct watch *w, const char *op, enum out_color color, const char *text,
                uint64_t version);
/* What has changed of the writer's life; of the quality, now that `last` is shown. */
void watch_health(struct watch *w);
void watch_quality(struct watch *w);
/* At the start: a writer that is not alive. */
void watch_health_now(struct watch *w);
/*
 * watch_changes.c: goes on from `last`, or from a copy of an earlier State. watch_catch_up prints what changed up to the
 * newest State, a step of netvane_changes_next all or nothing. 0 or a library error.
 */
int watch_from(struct watch *w, const struct netvane_snap *snap);
int watch_catch_up(struct watch *w);

#endif
