/* SPDX-License-Identifier: MIT */
/*
 * tool.h - what all verbs share: the options, the opened region, a consistent State to print from.
 *
 * Owns:      exit codes, struct tool.
 * Assumes:   one thread, one region per run.
 * Promises:  a verb that prints through tool_render prints one version, whole, or nothing.
 * Leaves:    what to print to cmd_*.c.
 */
#ifndef TOOL_H
#define TOOL_H

#include "fmt.h"
#include "out_json.h"

#include <netvane/netvane.h>
#include <stdbool.h>
#include <stdio.h>

/* Documented in netvane(1). */
#define EXIT_OK         0
#define EXIT_DIFFERENT  1 /* a difference, nothing found, or the time is over */
#define EXIT_USAGE      2
#define EXIT_UNREADABLE 3 /* no writer, no State yet, or no right to read it */
#define EXIT_BROKEN     4 /* the region breaks its own rules, or the system refused something */

struct tool {
    const char *dir, *name; /* NULL: the library's defaults */
    bool json, pretty, details;
    unsigned family; /* 0: not asked for */
    struct netvane *nv;
};

/* "netvane: ..." on standard error; returns code. */
int tool_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says what a library error means here and what to do; returns the exit code. */
int tool_error(const struct tool *t, int error);

/* Opens the region. Returns EXIT_OK or an exit code after having said why. */
int tool_open(struct tool *t);

/*
 * Calls render with a stream and a view of the newest version until it succeeds, each time anew, and
 * copies what it wrote to standard output. render returns an exit code; an error in the view makes it run again
 * (EXPIRED) or ends it. Warns on standard error if the State is not exact or its writer is gone.
 */
typedef int tool_render_fn(void *arg, struct tool *t, struct view *v, FILE *out);
int tool_render(struct tool *t, tool_render_fn *render, void *arg);
/* The same without a warning, for verbs that say it themselves. */
int tool_render_quietly(struct tool *t, tool_render_fn *render, void *arg);
/* After routes were printed: says on stderr that there are more, if the writer leaves some out. */
void tool_note_filtered(struct tool *t);

/* The words after a verb. */
struct args {
    const char *verb;
    char **at;
    int left;
};
/* Takes the next word, or NULL. */
const char *args_next(struct args *a);
/* Takes the next word if it is one of the NULL-terminated list. */
bool args_take(struct args *a, const char *const *words);
/* Skips "show", "list", ...: every listing verb accepts them. */
void args_skip_show(struct args *a);
/* The word after option; says what is missing and returns NULL. */
const char *args_value(struct args *a, const char *option, const char *what);
/* Refuses what is left over. */
int args_end(struct args *a);
int args_unknown(const struct args *a, const char *word, const char *hint);
bool args_u32(const char *text, uint32_t *ret_value);
/* "1.5": seconds to nanoseconds. */
bool args_seconds(const char *text, uint64_t *ret_ns);
/* "10.0.0.0/8", "2001:db8::1", "default" */
bool args_prefix(const char *text, unsigned family, uint8_t *ret_family, uint8_t ip[16],
                 uint8_t *ret_len);
/* Topic names to bits; says what is wrong and returns false. */
bool args_topic(const char *text, uint32_t *io_topics);

/* A link by name or alternative name; says so and returns false where it is not there. */
bool tool_find_link(struct view *v, const char *name, struct netvane_link *ret_link);

/* Ctrl-C and SIGTERM set a flag from here on, and interrupt a wait. */
void tool_catch_signals(void);
bool tool_interrupted(void);
void tool_sleep_ns(uint64_t ns);

typedef int cmd_fn(struct tool *t, struct args *a);
cmd_fn cmd_show, cmd_link, cmd_addr, cmd_route, cmd_rule, cmd_nexthop, cmd_default, cmd_local,
    cmd_get, cmd_watch, cmd_wait, cmd_stat, cmd_check;

#endif
