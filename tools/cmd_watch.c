/* SPDX-License-Identifier: MIT */
/*
 * cmd_watch.c - `netvane watch`: each change of the State, a line each, as it happens.
 *
 * Owns:      the loop: sleep, compare the last State that was shown with the newest, print.
 * Assumes:   old versions stay readable for about a second; a watcher may be slower than that (a terminal that
 *            was stopped, a slow pipe).
 * Promises:  no change is lost without a word. A private copy is kept where that is cheap, so that even an
 *            expired State can be compared; then what happened in between is told as one step. Ctrl-C
 *            ends with exit code 0.
 * Leaves:    the wording of a change to changes.c.
 */
#include "changes.h"
#include "fmt_default.h"
#include "names.h"
#include "out_text.h"
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SLICE_NS      UINT64_C(500000000) /* how late a signal, or --for, is noticed at most */
#define PAUSE_NS      UINT64_C(20000000)
#define COPY_SHARE    20 /* copying may take 1/20 of the time */
#define COMPARE_TRIES 8

struct watch {
    struct tool *tool;
    uint32_t topics;
    uint64_t end_ns;    /* boottime; UINT64_MAX: never */
    uint64_t count_max; /* 0: no limit */
    uint64_t printed;
    struct netvane_snap last;   /* what was shown so far */
    struct netvane_state *copy; /* an earlier or the same State, in own memory; NULL: none */
    uint64_t copy_version;
    uint64_t copy_ready_ns;       /* do not copy again before */
    struct netvane_health health; /* as it was told last */
};

static uint32_t classes_of(uint32_t topics)
{
    return (topics & NETVANE_TOPIC_LINKS ? 1u << NETVANE_CLASS_LINK : 0u) |
           (topics & NETVANE_TOPIC_ADDRS ? 1u << NETVANE_CLASS_ADDR : 0u) |
           (topics & NETVANE_TOPIC_ROUTES ? 1u << NETVANE_CLASS_ROUTE : 0u) |
           (topics & NETVANE_TOPIC_RULES ? 1u << NETVANE_CLASS_RULE : 0u) |
           (topics & NETVANE_TOPIC_NEXTHOPS ? 1u << NETVANE_CLASS_NEXTHOP : 0u);
}

/* A line that is about no object. */
static void print_note(struct watch *w, const char *op, enum out_color color, const char *text)
{
    char time[OUT_TIME_MAX];
    uint64_t now = out_boottime_ns();
    struct json j;

    if (w->tool->json) {
        json_begin(&j, stdout, false);
        json_open_object(&j, NULL);
        json_string(&j, "time", out_clock(now, true, time));
        json_uint(&j, "version", w->last.version);
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

/* ---- the writer -------------------------------------------------------------------------------------- */

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

static void tell_quality(struct watch *w, uint32_t before, uint32_t now)
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

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if ((before ^ now) & words[i].bit)
            print_note(w, "quality", now & words[i].bit ? OUT_BAD : OUT_GOOD,
                       now & words[i].bit ? words[i].set : words[i].cleared);
    }
}

static void tell_health(struct watch *w)
{
    struct netvane_health now;
    char text[160];

    NETVANE_INIT(&now);
    if (netvane_health_get(w->tool->nv, &now) != 0)
        return;
    if (now.instance_id != w->health.instance_id) {
        snprintf(text, sizeof(text), "a new writer (pid %u) took over from pid %u", now.writer_pid,
                 w->health.writer_pid);
        print_note(w, "takeover", OUT_GOOD, text);
    } else if (now.writer != w->health.writer) {
        snprintf(text, sizeof(text), "the writer (pid %u) %s", now.writer_pid,
                 writer_words(now.writer));
        print_note(w, "writer", now.writer == NETVANE_WRITER_LIVE ? OUT_GOOD : OUT_BAD, text);
    }
    tell_quality(w, w->health.quality, now.quality);
    w->health = now;
}

/* ---- changes ----------------------------------------------------------------------------------------- */

static bool get_default(struct view *v, unsigned family, bool egress,
                        struct netvane_default *ret_default)
{
    NETVANE_INIT(ret_default);
    int rc = egress ? netvane_snap_egress(&v->snap, (uint8_t)family, ret_default)
                    : netvane_snap_default(&v->snap, (uint8_t)family, ret_default);
    view_fail(v, rc);
    return rc == 0;
}

/* That the kernel has confirmed an answer meanwhile is no change of it. */
static bool looks_equal(struct netvane_default *a, struct netvane_default *b)
{
    uint32_t silent = NETVANE_DEFAULT_CONFIRMED | NETVANE_DEFAULT_KERNEL;
    uint32_t a_flags = a->flags, b_flags = b->flags;

    a->flags &= ~silent;
    b->flags &= ~silent;
    bool equal = memcmp(a, b, sizeof(*a)) == 0;
    a->flags = a_flags;
    b->flags = b_flags;
    return equal;
}

static void default_line(struct changes *c, unsigned family, bool egress)
{
    struct netvane_default before, after;
    bool had = get_default(&c->from, family, egress, &before);
    bool has = get_default(&c->to, family, egress, &after);
    const char *what = egress ? "egress" : "default";
    struct json j;

    if (!had && !has)
        return;
    if (had && has && looks_equal(&before, &after))
        return;
    c->count++;
    if (c->tool->json) {
        changes_begin_event(c, &j, !had ? c->added : !has ? c->removed : "change", what);
        json_string(&j, "family", name_family(family));
        if (had)
            fmt_default_json(&j, &c->from, &before, "before");
        if (has)
            fmt_default_json(&j, &c->to, &after, "after");
        json_close_object(&j);
        json_end_line(&j);
        return;
    }
    out_color(c->out, OUT_DIM, "%s ", c->time);
    out_color(c->out,
              !had   ? OUT_GOOD
              : !has ? OUT_BAD
                     : OUT_WARN,
              "%c",
              !had   ? '+'
              : !has ? '-'
                     : '~');
    fprintf(c->out, " %-7s IPv%u ", what, family);
    if (had)
        fmt_default_text(c->out, &c->from, &before);
    if (had && has)
        fputs(" -> ", c->out);
    if (has)
        fmt_default_text(c->out, &c->to, &after);
    fputc('\n', c->out);
}

static int print_changes(struct watch *w, struct changes *c)
{
    int rc = changes_print(c, classes_of(w->topics));

    for (unsigned family = 4; rc == 0 && family <= 6; family += 2) {
        if (!(w->topics & (family == 4 ? NETVANE_TOPIC_DEFAULT4 : NETVANE_TOPIC_DEFAULT6)))
            continue;
        default_line(c, family, false);
        default_line(c, family, true);
        rc = c->from.error != 0 ? c->from.error : c->to.error;
    }
    return rc;
}

/* Prints what differs between from and to, all or nothing. 0 or a library error. */
static int compare(struct watch *w, const struct netvane_snap *from, const struct netvane_snap *to)
{
    char time[OUT_TIME_MAX], stamp[OUT_TIME_MAX];
    struct changes c = {.tool = w->tool, .added = "add", .removed = "remove"};
    struct netvane_info info;
    char *text = NULL;
    size_t len = 0;

    NETVANE_INIT(&info);
    int rc = netvane_snap_info(to, &info);
    if (rc != 0)
        return rc;
    c.time = out_clock(info.published_ns, false, time);
    c.stamp = out_clock(info.published_ns, true, stamp);
    c.from.snap = *from;
    c.to.snap = *to;
    c.out = open_memstream(&text, &len);
    if (c.out == NULL)
        return NETVANE_NO_MEMORY;
    rc = print_changes(w, &c);
    if (fclose(c.out) != 0)
        rc = NETVANE_NO_MEMORY;
    if (rc == 0) {
        fwrite(text, 1, len, stdout);
        w->printed += c.count;
    }
    free(text);
    return rc;
}

/* The last State is gone. Compares the private copy instead, and says what that means. */
static void tell_skipped(struct watch *w, const struct netvane_snap *to)
{
    struct netvane_snap from;
    char text[200];

    if (w->copy == NULL) {
        snprintf(text, sizeof(text),
                 "too slow: %" PRIu64
                 " versions were skipped, and what changed in them is not known; "
                 "see netvane show",
                 to->version - w->last.version);
        print_note(w, "skipped", OUT_BAD, text);
        return;
    }
    if (w->copy_version == w->last.version)
        snprintf(text, sizeof(text),
                 "too slow: %" PRIu64 " versions were skipped; their sum follows",
                 to->version - w->last.version);
    else
        snprintf(text, sizeof(text),
                 "too slow: %" PRIu64
                 " versions were skipped; the sum of all changes since version %" PRIu64
                 " follows, some of which were shown already",
                 to->version - w->last.version, w->copy_version);
    print_note(w, "skipped", OUT_WARN, text);
    netvane_state_snap(w->copy, &from);
    compare(w, &from, to);
}

/* Keeps a private copy of the State that was shown last, as often as its cost allows. */
static void keep_copy(struct watch *w)
{
    uint64_t start = out_boottime_ns();
    struct netvane_state *copy;

    if (w->copy != NULL && w->copy_version == w->last.version)
        return;
    if (start < w->copy_ready_ns)
        return;
    if (netvane_state_copy(&w->last, &copy) != 0)
        return;
    netvane_state_free(w->copy);
    w->copy = copy;
    w->copy_version = w->last.version;
    w->copy_ready_ns = start + (out_boottime_ns() - start) * COPY_SHARE;
}

/* Shows everything up to the newest version. 0 or a library error. */
static int catch_up(struct watch *w)
{
    struct netvane_snap to;
    bool told = false;
    int rc;

    for (int i = 0; i < COMPARE_TRIES; i++) {
        rc = netvane_snap_begin(w->tool->nv, &to);
        if (rc != 0)
            return rc;
        if (to.version == w->last.version) {
            w->last = to; /* it knows more about its writer */
            return 0;
        }
        rc = compare(w, &w->last, &to);
        if (rc == NETVANE_EXPIRED && netvane_snap_check(&to) == 0) {
            tell_skipped(w, &to);
            told = true;
            rc = 0;
        }
        if (rc != NETVANE_EXPIRED)
            break;
    }
    if (rc == 0 || (rc == NETVANE_EXPIRED && !told))
        w->last = to;
    return rc == NETVANE_EXPIRED ? 0 : rc;
}

static void print_heading(struct watch *w)
{
    struct netvane_info info;

    NETVANE_INIT(&info);
    if (w->tool->json || out_width() == 0 || netvane_snap_info(&w->last, &info) != 0)
        return;
    out_color(stdout, OUT_DIM,
              "watching \"%s\" from version %" PRIu64
              " on: %u links, %u addresses, %u routes; + new, ~ "
              "changed, - gone; Ctrl-C ends\n",
              netvane_name(w->tool->nv), info.version, info.links, info.addrs,
              info.routes4 + info.routes6);
}

static bool is_over(const struct watch *w)
{
    return tool_interrupted() || out_boottime_ns() >= w->end_ns ||
           (w->count_max != 0 && w->printed >= w->count_max) || ferror(stdout);
}

static int run(struct watch *w)
{
    struct netvane_wait_args args;
    int rc = netvane_snap_begin(w->tool->nv, &w->last);

    if (rc != 0)
        return tool_error(w->tool, rc);
    print_heading(w);
    keep_copy(w);
    while (!is_over(w)) {
        fflush(stdout);
        NETVANE_INIT(&args);
        args.topics = w->topics | NETVANE_TOPIC_HEALTH;
        args.since = &w->last;
        uint64_t now = out_boottime_ns();
        uint64_t left = w->end_ns > now ? w->end_ns - now : 0;
        args.timeout_ns = left < SLICE_NS ? left : SLICE_NS;
        rc = netvane_wait(w->tool->nv, &args, NULL);
        if (rc == NETVANE_INTERRUPTED)
            continue;
        if (w->topics & NETVANE_TOPIC_HEALTH)
            tell_health(w);
        uint64_t version = w->last.version;
        bool woken = rc == 0;
        if (woken || rc == NETVANE_TIMEOUT)
            rc = catch_up(w);
        if (rc != 0 && rc != NETVANE_NOT_READY && rc != NETVANE_NO_WRITER)
            return tool_error(w->tool, rc);
        /* What keeps waking us without a new version, such as a writer that is gone, must not spin. */
        if (rc != 0 || (woken && w->last.version == version))
            tool_sleep_ns(PAUSE_NS);
        if (rc == 0)
            keep_copy(w);
    }
    return EXIT_OK;
}

static int read_args(struct watch *w, struct args *a)
{
    uint32_t number;
    const char *value;
    uint64_t ns;

    for (const char *word; (word = args_next(a)) != NULL;) {
        if (strcmp(word, "--for") == 0) {
            if ((value = args_value(a, word, "seconds")) == NULL)
                return EXIT_USAGE;
            if (!args_seconds(value, &ns))
                return args_unknown(a, value, "--for takes seconds, such as 2.5");
            w->end_ns = out_boottime_ns() + ns;
        } else if (strcmp(word, "--count") == 0) {
            if ((value = args_value(a, word, "a number of lines")) == NULL)
                return EXIT_USAGE;
            if (!args_u32(value, &number) || number == 0)
                return args_unknown(a, value, "--count takes a number from 1");
            w->count_max = number;
        } else if (word[0] == '-') {
            return args_unknown(a, word, "say watch [TOPIC...] [--for S] [--count N]");
        } else if (!args_topic(word, &w->topics)) {
            return EXIT_USAGE;
        }
    }
    if (w->topics == 0)
        w->topics = NETVANE_TOPIC_ALL;
    return EXIT_OK;
}

int cmd_watch(struct tool *t, struct args *a)
{
    struct watch w = {.tool = t, .end_ns = UINT64_MAX};

    int rc = read_args(&w, a);
    if (rc != EXIT_OK)
        return rc;
    if ((rc = tool_open(t)) != EXIT_OK)
        return rc;
    netvane_wait_ready(t->nv, SLICE_NS);
    NETVANE_INIT(&w.health);
    netvane_health_get(t->nv, &w.health);
    tool_catch_signals();
    rc = run(&w);
    netvane_state_free(w.copy);
    return rc;
}
