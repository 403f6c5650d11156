/* SPDX-License-Identifier: MIT */
/*
 * out_json.h - a streaming JSON writer.
 *
 * Owns:      commas, quoting, escapes and indentation.
 * Assumes:   opens and closes are paired; a name is given inside objects and only there.
 * Promises:  valid JSON in valid UTF-8, whatever bytes a string holds; no memory of its own.
 * Leaves:    what is written, and write errors of the stream, to the caller.
 */
#ifndef OUT_JSON_H
#define OUT_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
    FILE *out;
    bool pretty;
    bool first; /* nothing stands in the innermost collection yet */
    unsigned depth;
};

void json_begin(struct json *j, FILE *out, bool pretty);

/* name is NULL inside an array and at the top. */
void json_open_object(struct json *j, const char *name);
void json_close_object(struct json *j);
void json_open_array(struct json *j, const char *name);
void json_close_array(struct json *j);

void json_string(struct json *j, const char *name, const char *value);
void json_uint(struct json *j, const char *name, uint64_t value);
void json_int(struct json *j, const char *name, int64_t value);
void json_bool(struct json *j, const char *name, bool value);
void json_null(struct json *j, const char *name);
void json_double(struct json *j, const char *name, double value);
/* "0x1f", a string, as iproute2 prints masks. */
void json_hex(struct json *j, const char *name, uint64_t value);
/* value is JSON already. */
void json_raw(struct json *j, const char *name, const char *value);
/* Ends the line after a document. */
void json_end_line(struct json *j);

#endif
