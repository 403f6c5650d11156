/* SPDX-License-Identifier: MIT */
/*
 * props.c - what differs between two objects, from their JSON.
 *
 * Owns:      a scanner for the JSON that out_json.c writes.
 * Assumes:   see props.h. One place, the JSON writer of each class, knows all properties of an object; so
 *            nothing can be forgotten here when one is added there.
 * Promises:  remaining lifetimes, which always tick, are no difference.
 * Leaves:    colours and line ends to the caller.
 */
#include "props.h"

#include <stdbool.h>
#include <string.h>

struct span {
    const char *at;
    size_t len;
};

struct member {
    struct span key, value;
};

/* The end of the value at s: of a string, a collection, or a plain word. */
static const char *value_end(const char *s)
{
    unsigned depth = 0;
    bool quoted = false;

    for (; *s != 0; s++) {
        if (quoted) {
            if (*s == '\\' && s[1] != 0)
                s++;
            else if (*s == '"')
                quoted = false;
        } else if (*s == '"') {
            quoted = true;
        } else if (*s == '{' || *s == '[') {
            depth++;
        } else if (*s == '}' || *s == ']') {
            if (depth == 0)
                return s;
            depth--;
        } else if (*s == ',' && depth == 0) {
            return s;
        }
    }
    return s;
}

/* Reads the member at *io_at, behind '{' or ','. */
static bool next_member(const char **io_at, struct member *ret_member)
{
    const char *s = *io_at;

    if (*s != '{' && *s != ',')
        return false;
    s++;
    if (*s != '"')
        return false;
    const char *key_end = strchr(s + 1, '"');
    if (key_end == NULL || key_end[1] != ':')
        return false;
    ret_member->key = (struct span){s + 1, (size_t)(key_end - s - 1)};
    ret_member->value.at = key_end + 2;
    *io_at = value_end(key_end + 2);
    ret_member->value.len = (size_t)(*io_at - ret_member->value.at);
    return true;
}

static bool equal(struct span a, struct span b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static bool find_member(const char *object, struct span key, struct member *ret_member)
{
    while (next_member(&object, ret_member)) {
        if (equal(ret_member->key, key))
            return true;
    }
    return false;
}

static bool ticks(struct span key)
{
    static const char *const names[] = {"valid_life_time", "preferred_life_time", "expires"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (key.len == strlen(names[i]) && memcmp(key.at, names[i], key.len) == 0)
            return true;
    }
    return false;
}

/* JSON read aloud: without quotes and empty flags, objects in parentheses. */
static void put_value(FILE *out, struct span value, const char *null_word)
{
    static const char no_flags[] = ",\"flags\":[]";

    if (value.len == 4 && memcmp(value.at, "null", 4) == 0) {
        fputs(null_word, out);
        return;
    }
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];

        if (value.len - i >= sizeof(no_flags) - 1 &&
            memcmp(value.at + i, no_flags, sizeof(no_flags) - 1) == 0) {
            i += sizeof(no_flags) - 2;
            continue;
        }

        if (c == '\\' && i + 1 < value.len)
            c = value.at[++i];
        else if (c == '"')
            continue;
        else if (c == '{' || c == '}')
            c = c == '{' ? '(' : ')';
        else if (c == ':' && i > 0 && value.at[i - 1] == '"' && i + 1 < value.len)
            c = ' ';
        fputc(c, out);
    }
}

static bool is_word_list(struct span value)
{
    return value.len >= 2 && value.at[0] == '[' && (value.at[1] == '"' || value.at[1] == ']');
}

/* The elements of list a that list b does not have, each behind sign. */
static void put_missing(FILE *out, struct span a, struct span b, char sign)
{
    for (const char *s = a.at + 1; s < a.at + a.len - 1; s++) {
        struct span word = {s, (size_t)(value_end(s) - s)};
        bool found = false;

        for (const char *o = b.at + 1; o < b.at + b.len - 1 && !found; o++) {
            struct span other = {o, (size_t)(value_end(o) - o)};
            found = equal(word, other);
            o += other.len;
        }
        if (!found) {
            fprintf(out, " %c", sign);
            put_value(out, word, "");
        }
        s += word.len;
    }
}

static void put_difference(FILE *out, struct span key, const struct span *before,
                           const struct span *after)
{
    fprintf(out, "%.*s", (int)key.len, key.at);
    if (before != NULL && after != NULL && is_word_list(*before) && is_word_list(*after)) {
        put_missing(out, *after, *before, '+');
        put_missing(out, *before, *after, '-');
        return;
    }
    fputc(' ', out);
    if (before == NULL)
        fputs("none", out);
    else
        put_value(out, *before, after == NULL ? "yes" : "none");
    fputs(" -> ", out);
    if (after == NULL)
        fputs("none", out);
    else
        put_value(out, *after, before == NULL ? "yes" : "none");
}

unsigned props_differ(FILE *out, const char *before, const char *after)
{
    struct member old, new;
    unsigned count = 0;

    for (const char *at = before; next_member(&at, &old);) {
        bool kept = find_member(after, old.key, &new);

        if (ticks(old.key) || (kept && equal(old.value, new.value)))
            continue;
        if (count++ > 0)
            fputs(", ", out);
        put_difference(out, old.key, &old.value, kept ? &new.value : NULL);
    }
    for (const char *at = after; next_member(&at, &new);) {
        if (ticks(new.key) || find_member(before, new.key, &old))
            continue;
        if (count++ > 0)
            fputs(", ", out);
        put_difference(out, new.key, NULL, &new.value);
    }
    return count;
}
