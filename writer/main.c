/* SPDX-License-Identifier: MIT */
/*
 * main.c - netvaned's command line.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "writer.h"

#define VERSION "0.1.0"

enum { EXIT_USAGE = 2, EXIT_RUNNING = 3 };

static const char usage[] =
    "usage: netvaned [options]\n"
    "Mirrors this host's network state into shared memory, for any number of readers (see "
    "netvane).\n"
    "\n"
    "  --name NAME       name of the region (default)\n"
    "  --dir DIR         directory of the region (NETVANE_DIR, /run/netvane, or "
    "$XDG_RUNTIME_DIR/netvane)\n"
    "  --netns NS        network namespace, by name or path (this process's)\n"
    "  --reconcile S     read everything again every S seconds, 0: never (15)\n"
    "  --coalesce MS     in a storm, at most one version per MS milliseconds (1)\n"
    "  --tables T        hold the routes of these tables only: main,100-200, default-only, or all "
    "(all)\n"
    "  --max-bytes N     the region grows to N bytes at most; suffixes K, M, G (1G)\n"
    "  --log-level L     error, warning, info or debug (info)\n"
    "  --once            publish one State and end, leaving it readable\n"
    "  --version         print the version\n"
    "  --help            print this\n"
    "\n"
    "SIGHUP reads everything again; SIGTERM and SIGINT stop. Exit status: 0 stopped, 1 failed, 2 "
    "usage,\n"
    "3 another writer has this name.\n";

static int complain(const char *what, const char *option, const char *hint)
{
    (void)fprintf(stderr, "netvaned: %s%s%s: %s\n", what, option ? " " : "", option ? option : "",
                  hint);
    return EXIT_USAGE;
}

/* A decimal number with at most `digits` fractional digits, in units of 10^-digits. */
static bool parse_decimal(const char *text, unsigned digits, uint64_t most, uint64_t *ret_value)
{
    uint64_t value = 0;
    unsigned fraction = 0;
    bool point = false, any = false;
    for (; *text; text++) {
        if (*text == '.' && !point) {
            point = true;
            continue;
        }
        if (*text < '0' || *text > '9' || (point && fraction == digits) || value > most)
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
        fraction += point;
        any = true;
    }
    for (; fraction < digits; fraction++) {
        if (value > most)
            return false;
        value *= 10;
    }
    *ret_value = value;
    return any && value <= most;
}

static bool parse_bytes(const char *text, uint64_t *ret_value)
{
    char digits[24];
    size_t len = strlen(text);
    unsigned shift = 0;
    if (len && strchr("KkMmGg", text[len - 1])) {
        shift = strchr("Kk", text[len - 1]) ? 10 : strchr("Mm", text[len - 1]) ? 20 : 30;
        len--;
    }
    if (!len || len >= sizeof(digits))
        return false;
    memcpy(digits, text, len);
    digits[len] = 0;
    if (!parse_decimal(digits, 0, NV_MAX_BYTES_MOST >> shift, ret_value))
        return false;
    *ret_value <<= shift;
    return *ret_value >= NV_MAX_BYTES_LEAST;
}

/* One option with a value. 0, or an exit code after a complaint. */
static int take_option(struct nv_writer_options *o, const char *option, const char *value)
{
    enum nv_log_level level;
    if (!strcmp(option, "--name"))
        o->name = value;
    else if (!strcmp(option, "--dir"))
        o->dir = value;
    else if (!strcmp(option, "--netns"))
        o->netns = value;
    else if (!strcmp(option, "--reconcile")) {
        if (!parse_decimal(value, 9, UINT64_C(86400) * NV_NS_PER_S, &o->reconcile_ns))
            return complain("--reconcile", value, "not a number of seconds from 0 to 86400");
    } else if (!strcmp(option, "--coalesce")) {
        if (!parse_decimal(value, 6, NV_COALESCE_MOST_NS, &o->coalesce_ns))
            return complain("--coalesce", value, "not a number of milliseconds from 0 to 10000");
    } else if (!strcmp(option, "--max-bytes")) {
        if (!parse_bytes(value, &o->max_bytes))
            return complain("--max-bytes", value, "not a size from 4M to 64G (suffixes K, M, G)");
    } else if (!strcmp(option, "--tables")) {
        const char *wrong = nv_tables_parse(value, &o->tables);
        if (wrong)
            return complain("--tables", value, wrong);
    } else if (!strcmp(option, "--log-level")) {
        if (nv_log_parse_level(value, &level))
            return complain("--log-level", value, "not one of error, warning, info, debug");
        nv_log_set_level(level);
    }
    return 0;
}

static bool is_option(const char *text)
{
    static const char *const options[] = {"--name",     "--dir",       "--netns",     "--reconcile",
                                          "--coalesce", "--max-bytes", "--log-level", "--tables"};
    for (size_t i = 0; i < NV_ARRAY_LEN(options); i++)
        if (!strcmp(text, options[i]))
            return true;
    return false;
}

int main(int argc, char **argv)
{
    static struct nv_writer w;
    struct nv_writer_options o = {.name = "default",
                                  .reconcile_ns = NV_RECONCILE_DEFAULT_NS,
                                  .coalesce_ns = NV_COALESCE_DEFAULT_NS,
                                  .max_bytes = NV_MAX_BYTES_DEFAULT};
    for (int i = 1; i < argc; i++) {
        char option[32];
        const char *equals = strchr(argv[i], '='), *value;
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            (void)fputs(usage, stdout);
            return EXIT_SUCCESS;
        }
        if (!strcmp(argv[i], "--version")) {
            (void)puts("netvaned " VERSION);
            return EXIT_SUCCESS;
        }
        if (!strcmp(argv[i], "--once")) {
            o.once = true;
            continue;
        }
        size_t len = equals ? (size_t)(equals - argv[i]) : strlen(argv[i]);
        if (len < 3 || len >= sizeof(option) || strncmp(argv[i], "--", 2))
            return complain("unknown argument", argv[i], "see netvaned --help");
        memcpy(option, argv[i], len);
        option[len] = 0;
        if (!is_option(option))
            return complain("unknown option", option, "see netvaned --help");
        value = equals ? equals + 1 : i + 1 < argc ? argv[++i] : NULL;
        if (!value)
            return complain("option", option, "needs a value, see netvaned --help");
        int r = take_option(&o, option, value);
        if (r)
            return r;
    }
    int r = nv_writer_open(&w, &o);
    if (!r)
        r = nv_writer_run(&w);
    nv_writer_close(&w);
    return r == -EEXIST ? EXIT_RUNNING : r ? EXIT_FAILURE : EXIT_SUCCESS;
}
