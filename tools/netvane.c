/* SPDX-License-Identifier: MIT */
/*
 * netvane.c - the command line of the tool: options, verbs, dispatch.
 *
 * Owns:      which words are options and which verb they belong to.
 * Assumes:   options may stand before or behind the verb, as people type them.
 * Promises:  a wrong word is answered by one line that says what is wrong and what to do; exit code 2.
 * Leaves:    the words after the verb to cmd_*.c.
 */
#include "names.h"
#include "out_text.h"
#include "tool.h"

#include <stdlib.h>
#include <string.h>

static const struct verb {
    const char *names; /* the first is the real one; separated by blanks */
    cmd_fn *run;
    const char *help;
} verbs[] = {
    {"show", cmd_show, "the network state on one screen"},
    {"link l", cmd_link, "links, as `ip link` prints them"},
    {"addr a ad add addres address", cmd_addr, "addresses, as `ip addr`"},
    {"route r ro rou rout", cmd_route, "routes, as `ip route` (table T, table all, dev L, PREFIX)"},
    {"get", cmd_get,
     "what the kernel would do with a packet, as `ip route get` (get DST [from SRC])"},
    {"rule ru rul", cmd_rule, "policy rules, as `ip rule`"},
    {"nexthop nh next nexth nextho", cmd_nexthop, "nexthop objects, as `ip nexthop`"},
    {"default", cmd_default, "the default route of each family, its rivals, and the egress"},
    {"local", cmd_local, "usable local addresses, best first"},
    {"watch", cmd_watch, "changes, live (watch TOPIC...)"},
    {"wait", cmd_wait, "sleep until a topic changes (wait TOPIC..., wait ready)"},
    {"stat", cmd_stat, "the writer's versions, counters, ages and memory"},
    {"check", cmd_check, "check the region, and compare it with the kernel"},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static void print_help(FILE *out)
{
    fputs("netvane - this host's network state, live, from shared memory\n"
          "\n"
          "usage: netvane [OPTIONS] VERB [WORDS]\n"
          "\n",
          out);
    for (size_t i = 0; i < VERB_COUNT; i++)
        fprintf(out, "  %-8.*s  %s\n", (int)strcspn(verbs[i].names, " "), verbs[i].names,
                verbs[i].help);
    fputs("\n"
          "  -j, --json           print JSON (of `ip -j -d` where there is an `ip` command)\n"
          "  -p, --pretty         indent it\n"
          "  -4, -6               one address family\n"
          "  -N, --numeric        numbers instead of names\n"
          "  --name NAME          the writer's name (default: default)\n"
          "  --dir DIR            its directory (default: NETVANE_DIR, /run/netvane, ...)\n"
          "  --color WHEN         auto, always or never\n"
          "  --version, --help\n"
          "\n"
          "Begin with: netvane show\n"
          "Exit codes: 0 yes, 1 no (difference, not found, timeout), 2 usage, 3 nothing to read, 4 "
          "broken.\n"
          "More: man netvane\n",
          out);
}

/* Which verb is meant: a full name or one of its short forms. */
static const struct verb *find_verb(const char *word)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        const char *name = verbs[i].names;
        size_t len;

        for (; *name != 0; name += len + (name[len] == ' ')) {
            len = strcspn(name, " ");
            if (strlen(word) == len && strncmp(word, name, len) == 0)
                return &verbs[i];
        }
    }
    return NULL;
}

static bool is_word(const char *word, const char *a, const char *b, const char *c)
{
    return strcmp(word, a) == 0 || (b != NULL && strcmp(word, b) == 0) ||
           (c != NULL && strcmp(word, c) == 0);
}

static int set_color(const char *when, enum out_color_when *ret_when)
{
    if (when == NULL || strcmp(when, "always") == 0)
        *ret_when = OUT_ALWAYS;
    else if (strcmp(when, "auto") == 0)
        *ret_when = OUT_AUTO;
    else if (strcmp(when, "never") == 0)
        *ret_when = OUT_NEVER;
    else
        return tool_fail(EXIT_USAGE, "--color %s: say auto, always or never", when);
    return EXIT_OK;
}

struct command_line {
    struct tool *tool;
    enum out_color_when color;
    bool help, version;
};

/* An option with a value, as one word or two. Returns 1 if it was one, 0 if not, else -1. */
static int take_value(const char *word, const char *option, char **next, const char **ret_value,
                      int *used)
{
    size_t len = strlen(option);

    if (strncmp(word, option, len) != 0 || (word[len] != 0 && word[len] != '='))
        return 0;
    if (word[len] == '=') {
        *ret_value = word + len + 1;
        return 1;
    }
    if (*next == NULL) {
        tool_fail(EXIT_USAGE, "%s needs a value", option);
        return -1;
    }
    *ret_value = *next;
    *used = 2;
    return 1;
}

/* Reads one option at argv[0]; *ret_used: how many words it took, 0 where it is no option of everyone's. */
static int take_option(struct command_line *c, char **argv, int *ret_used)
{
    struct tool *t = c->tool;
    const char *word = argv[0], *value;
    int used = 1, rc;

    if ((rc = take_value(word, "--name", argv + 1, &t->name, &used)) != 0 ||
        (rc = take_value(word, "--dir", argv + 1, &t->dir, &used)) != 0) {
        *ret_used = used;
        return rc < 0 ? EXIT_USAGE : EXIT_OK;
    }
    if ((rc = take_value(word, "--color", argv + 1, &value, &used)) != 0) {
        *ret_used = used;
        return rc < 0 ? EXIT_USAGE : set_color(value, &c->color);
    }
    if (is_word(word, "-j", "-json", "--json"))
        t->json = true;
    else if (is_word(word, "-p", "-pretty", "--pretty"))
        t->pretty = true;
    else if (is_word(word, "-jp", "-pj", NULL))
        t->json = t->pretty = true;
    else if (is_word(word, "-d", "-details", "--details"))
        t->details = true;
    else if (is_word(word, "-N", "-Numeric", "--numeric"))
        name_set_numeric(true);
    else if (is_word(word, "-4", "--ipv4", NULL))
        t->family = 4;
    else if (is_word(word, "-6", "--ipv6", NULL))
        t->family = 6;
    else if (is_word(word, "-c", "-color", NULL))
        c->color = OUT_ALWAYS;
    else if (strncmp(word, "-c=", 3) == 0 || strncmp(word, "-color=", 7) == 0)
        rc = set_color(strchr(word, '=') + 1, &c->color);
    else if (is_word(word, "-h", "--help", "-help"))
        c->help = true;
    else if (is_word(word, "-V", "--version", NULL))
        c->version = true;
    else if (is_word(word, "-s", "-stats", "-statistics"))
        rc = tool_fail(EXIT_USAGE, "%s: traffic statistics are no part of the State; ask `ip -s`",
                       word);
    else
        used = 0;
    *ret_used = used;
    return rc;
}

/* Options are everyone's; these words after a verb are its own although they begin with '-'. */
static bool is_verbs_option(const char *word)
{
    static const char *const own[] = {"--timeout",    "--settle",     "--for",
                                      "--count",      "--interval",   "--no-kernel",
                                      "--link-local", "--deprecated", "--loopback"};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        size_t len = strlen(own[i]);
        if (strncmp(word, own[i], len) == 0 && (word[len] == 0 || word[len] == '='))
            return true;
    }
    return false;
}

/* Sorts argv into options, which it obeys, and words, which it moves to the front. */
static int read_command_line(struct command_line *c, char **argv, int *ret_words)
{
    int words = 0;

    for (char **at = argv; *at != NULL;) {
        int used = 0;

        if ((*at)[0] == '-' && (*at)[1] != 0) {
            int rc = take_option(c, at, &used);
            if (rc != EXIT_OK)
                return rc;
            if (used == 0 && !is_verbs_option(*at))
                return tool_fail(EXIT_USAGE, "there is no option \"%s\"; see netvane --help", *at);
        }
        if (used == 0) {
            argv[words++] = *at;
            used = 1;
        }
        at += used;
    }
    argv[words] = NULL;
    *ret_words = words;
    return EXIT_OK;
}

static int finish(int code)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        return tool_fail(EXIT_BROKEN, "cannot write to standard output");
    return code;
}

int main(int argc, char **argv)
{
    struct tool t = {0};
    struct command_line c = {.tool = &t, .color = OUT_AUTO};
    int words = 0;

    if (argc < 1)
        return EXIT_USAGE;
    int rc = read_command_line(&c, argv + 1, &words);
    if (rc != EXIT_OK)
        return rc;
    out_set_color(t.json ? OUT_NEVER : c.color);
    if (c.version) {
        printf("netvane %s\n", netvane_version());
        return finish(EXIT_OK);
    }
    if (c.help || (words > 0 && strcmp(argv[1], "help") == 0)) {
        print_help(stdout);
        return finish(EXIT_OK);
    }
    if (words == 0) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    const struct verb *verb = find_verb(argv[1]);
    if (verb == NULL)
        return tool_fail(EXIT_USAGE, "there is no verb \"%s\"; see netvane --help", argv[1]);
    struct args args = {.verb = argv[1], .at = argv + 2, .left = words - 1};
    rc = verb->run(&t, &args);
    netvane_close(t.nv);
    return finish(rc);
}
