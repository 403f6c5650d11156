/* SPDX-License-Identifier: MIT */
/*
 * options.c - netvaned's command line: words in, options out.
 *
 * Promises:  a word that is not understood is an error that names it.
 */
#include "options.h"

#include <stdio.h>
#include <string.h>

#include "log.h"

#define VERSION "0.1.0"

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
    "  --record FILE     write every netlink datagram to FILE, a pcap\n"
    "  --record-max N    FILE and FILE.old get N bytes together; suffixes K, M, G (64M)\n"
    "  --replay FILE     mirror what was recorded in FILE, not this host\n"
    "  --replay-pace P   recorded or fast (fast)\n"
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
    return NV_OPTIONS_WRONG;
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

static bool parse_bytes(const char *text, uint64_t least, uint64_t *ret_value)
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
    return *ret_value >= least;
}

/* One option with a value. 0, or WRONG after a complaint. */
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
        if (!parse_bytes(value, NV_MAX_BYTES_LEAST, &o->max_bytes))
            return complain("--max-bytes", value, "not a size from 4M to 64G (suffixes K, M, G)");
    } else if (!strcmp(option, "--tables")) {
        const char *wrong = nv_tables_parse(value, &o->tables);
        if (wrong)
            return complain("--tables", value, wrong);
    } else if (!strcmp(option, "--record"))
        o->record = value;
    else if (!strcmp(option, "--record-max")) {
        if (!parse_bytes(value, NV_RECORD_MAX_LEAST, &o->record_max_bytes))
            return complain("--record-max", value,
                            "not a size from 256K to 64G (suffixes K, M, G)");
    } else if (!strcmp(option, "--replay"))
        o->replay = value;
    else if (!strcmp(option, "--replay-pace")) {
        o->replay_recorded_pace = !strcmp(value, "recorded");
        if (!o->replay_recorded_pace && strcmp(value, "fast"))
            return complain("--replay-pace", value, "not one of recorded, fast");
    } else if (!strcmp(option, "--log-level")) {
        if (nv_log_parse_level(value, &level))
            return complain("--log-level", value, "not one of error, warning, info, debug");
        nv_log_set_level(level);
    }
    return 0;
}

static bool is_option(const char *text)
{
    static const char *const options[] = {
        "--name",      "--dir",    "--netns",      "--reconcile", "--coalesce",    "--max-bytes",
        "--log-level", "--record", "--record-max", "--replay",    "--replay-pace", "--tables"};
    for (size_t i = 0; i < NV_ARRAY_LEN(options); i++)
        if (!strcmp(text, options[i]))
            return true;
    return false;
}

/* What does not go together. */
static int check_options(const struct nv_writer_options *o)
{
    if (o->replay && o->record)
        return complain("--record", NULL,
                        "cannot be had with --replay: the recording is there already");
    if (o->replay && o->netns)
        return complain("--netns", NULL, "means nothing with --replay, which asks no kernel");
    return 0;
}

int nv_options_parse(int argc, char **argv, struct nv_writer_options *ret_options)
{
    struct nv_writer_options *o = ret_options;
    *o = (struct nv_writer_options){.name = "default",
                                    .reconcile_ns = NV_RECONCILE_DEFAULT_NS,
                                    .coalesce_ns = NV_COALESCE_DEFAULT_NS,
                                    .max_bytes = NV_MAX_BYTES_DEFAULT,
                                    .record_max_bytes = NV_RECORD_MAX_DEFAULT};
    for (int i = 1; i < argc; i++) {
        char option[32];
        const char *equals = strchr(argv[i], '='), *value;
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            (void)fputs(usage, stdout);
            return NV_OPTIONS_ANSWERED;
        }
        if (!strcmp(argv[i], "--version")) {
            (void)puts("netvaned " VERSION);
            return NV_OPTIONS_ANSWERED;
        }
        if (!strcmp(argv[i], "--once")) {
            o->once = true;
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
        int r = take_option(o, option, value);
        if (r)
            return r;
    }
    return check_options(o);
}
