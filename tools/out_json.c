/* SPDX-License-Identifier: MIT */
/*
 * out_json.c - commas, quotes, escapes and indentation.
 *
 * Owns:      the bytes between the values.
 * Assumes:   see out_json.h.
 * Promises:  compact output is one line without spaces, as `ip -j` prints it; pretty output indents by
 *            four. Bytes that are no UTF-8 become U+FFFD: kernel strings such as an alias may hold any.
 * Leaves:    flushing to the caller.
 */
#include "out_json.h"

#include <inttypes.h>
#include <string.h>

void json_begin(struct json *j, FILE *out, bool pretty)
{
    j->out = out;
    j->pretty = pretty;
    j->first = true;
    j->depth = 0;
}

static void new_line(struct json *j)
{
    if (!j->pretty)
        return;
    fputc('\n', j->out);
    for (unsigned i = 0; i < j->depth; i++)
        fputs("    ", j->out);
}

/* Length of the UTF-8 sequence at s, 0 where there is none. */
static size_t utf8_length(const unsigned char *s)
{
    size_t len;
    uint32_t code, least;

    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xc2 && s[0] <= 0xdf) {
        len = 2;
        code = s[0] & 0x1fu;
        least = 0x80;
    } else if (s[0] >= 0xe0 && s[0] <= 0xef) {
        len = 3;
        code = s[0] & 0x0fu;
        least = 0x800;
    } else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        len = 4;
        code = s[0] & 0x07u;
        least = 0x10000;
    } else {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0u) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3fu);
    }
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    return len;
}

/* Length of the run at s that needs no escape: printable ASCII, which is nearly everything. */
static size_t plain_length(const unsigned char *s)
{
    size_t len = 0;

    while (s[len] >= 0x20 && s[len] < 0x7f && s[len] != '"' && s[len] != '\\')
        len++;
    return len;
}

static void put_quoted(FILE *out, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;

    fputc('"', out);
    while (*s != 0) {
        size_t len = plain_length(s);

        if (len > 0) {
            fwrite(s, 1, len, out);
            s += len;
            continue;
        }
        len = utf8_length(s);
        if (len == 0) {
            fputs("\\ufffd", out);
            s++;
            continue;
        }
        if (len > 1) {
            fwrite(s, 1, len, out);
            s += len;
            continue;
        }
        switch (*s) {
        case '"': fputs("\\\"", out); break;
        case '\\': fputs("\\\\", out); break;
        case '\b': fputs("\\b", out); break;
        case '\f': fputs("\\f", out); break;
        case '\n': fputs("\\n", out); break;
        case '\r': fputs("\\r", out); break;
        case '\t': fputs("\\t", out); break;
        default:
            if (*s < 0x20 || *s == 0x7f)
                fprintf(out, "\\u%04x", (unsigned)*s);
            else
                fputc(*s, out);
            break;
        }
        s++;
    }
    fputc('"', out);
}

static void before_value(struct json *j, const char *name)
{
    if (!j->first)
        fputc(',', j->out);
    if (j->depth > 0)
        new_line(j);
    j->first = false;
    if (name != NULL) {
        put_quoted(j->out, name);
        fputs(j->pretty ? ": " : ":", j->out);
    }
}

static void open_collection(struct json *j, const char *name, char bracket)
{
    before_value(j, name);
    fputc(bracket, j->out);
    j->depth++;
    j->first = true;
}

static void close_collection(struct json *j, char bracket)
{
    j->depth--;
    if (!j->first)
        new_line(j);
    fputc(bracket, j->out);
    j->first = false;
}

void json_open_object(struct json *j, const char *name)
{
    open_collection(j, name, '{');
}

void json_close_object(struct json *j)
{
    close_collection(j, '}');
}

void json_open_array(struct json *j, const char *name)
{
    open_collection(j, name, '[');
}

void json_close_array(struct json *j)
{
    close_collection(j, ']');
}

void json_string(struct json *j, const char *name, const char *value)
{
    before_value(j, name);
    put_quoted(j->out, value);
}

void json_uint(struct json *j, const char *name, uint64_t value)
{
    before_value(j, name);
    fprintf(j->out, "%" PRIu64, value);
}

void json_int(struct json *j, const char *name, int64_t value)
{
    before_value(j, name);
    fprintf(j->out, "%" PRId64, value);
}

void json_bool(struct json *j, const char *name, bool value)
{
    before_value(j, name);
    fputs(value ? "true" : "false", j->out);
}

void json_null(struct json *j, const char *name)
{
    before_value(j, name);
    fputs("null", j->out);
}

void json_double(struct json *j, const char *name, double value)
{
    before_value(j, name);
    fprintf(j->out, "%g", value);
}

void json_hex(struct json *j, const char *name, uint64_t value)
{
    before_value(j, name);
    fprintf(j->out, value == 0 ? "\"0\"" : "\"0x%" PRIx64 "\"", value);
}

void json_raw(struct json *j, const char *name, const char *value)
{
    before_value(j, name);
    fputs(value, j->out);
}

void json_end_line(struct json *j)
{
    fputc('\n', j->out);
    j->first = true;
}
