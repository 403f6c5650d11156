/* SPDX-License-Identifier: MIT */
/*
 * changes.h - the differences of two States, a line each.
 *
 * Owns:      "+ route ...", "~ link ...", "- addr ...", as text or JSON lines; for watch and check.
 * Assumes:   see fmt.h.
 * Promises:  after an error, what was written to the stream is incomplete and to be thrown away.
 * Leaves:    which States, and when, to the caller.
 */
#ifndef CHANGES_H
#define CHANGES_H

#include "tool.h"

struct changes {
    struct tool *tool;
    FILE *out;
    struct view from, to;
    const char *time;            /* local time of day, NULL: none */
    const char *stamp;           /* the same with the date, for JSON */
    const char *added, *removed; /* words of JSON's "op" */
    size_t count;
};

/* Writes each difference of the classes (bits 1 << enum netvane_class). 0 or a library error. */
int changes_print(struct changes *c, uint32_t classes);
/* Writes one: it is of from and to. 0 or a library error. */
int changes_one(struct changes *c, const struct netvane_change *change);
/* Opens a JSON line, or the head of a text line, of an event that is no object's. */
void changes_begin_event(struct changes *c, struct json *j, const char *op, const char *cls);

#endif
