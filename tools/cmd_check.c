/* SPDX-License-Identifier: MIT */
/*
 * cmd_check.c - `netvane check`: is the region sound, and does it say what the kernel says?
 *
 * Owns:      the comparison with a fresh dump of the kernel, which a second writer makes in a folder of its own.
 * Assumes:   netvaned lies beside this program, or in PATH; `netvaned --once` dumps, publishes once and ends.
 * Promises:  exit 0 equal, 1 findings or differences; the folder is gone afterwards. While the State moves, it
 *            is compared again: a difference that is told stood still.
 * Leaves:    the inner check of the region to netvane_check.
 */
#include "changes.h"
#include "out_text.h"
#include "tool.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ATTEMPTS     5
#define CHECK_TRIES  5
#define RETRY_NS     UINT64_C(100000000)
#define DUMP_SECONDS 60

enum kernel_result {
    KERNEL_NOT_ASKED,
    KERNEL_OTHER_NETNS,
    KERNEL_EQUAL,
    KERNEL_DIFFERS,
    KERNEL_FAILED
};

struct report {
    struct tool *tool;
    bool with_kernel;
    int findings;
    enum kernel_result kernel;
    size_t differences;
    uint64_t version;
    struct json j;
};

static void on_finding(void *arg, const char *text)
{
    struct report *r = arg;

    r->findings++;
    if (r->tool->json) {
        json_string(&r->j, NULL, text);
        return;
    }
    out_color(stdout, OUT_BAD, "region: ");
    puts(text);
}

/* ---- a fresh dump ------------------------------------------------------------------------------------ */

static bool same_namespace(const struct netvane_health *health)
{
    struct stat st;

    return stat("/proc/self/ns/net", &st) == 0 && (uint64_t)st.st_ino == health->netns_ino &&
           (health->netns_dev == 0 || (uint64_t)st.st_dev == health->netns_dev);
}

static bool is_program(const char *path)
{
    return access(path, X_OK) == 0;
}

/* netvaned beside this program, or beside an installed bin, or whatever PATH finds. */
static const char *find_writer(char *buf, size_t size)
{
    static const char *const beside[] = {"netvaned", "../sbin/netvaned"};
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (len > 0) {
        self[len] = 0;
        char *slash = strrchr(self, '/');
        for (size_t i = 0; slash != NULL && i < sizeof(beside) / sizeof(beside[0]); i++) {
            slash[1] = 0;
            if ((size_t)snprintf(buf, size, "%s%s", self, beside[i]) < size && is_program(buf))
                return buf;
        }
    }
    return "netvaned";
}

/* Runs netvaned --once; what it says goes to a file of the folder. */
static int dump_kernel(const char *dir, const char *log, const char *tables)
{
    char path[4200];
    const char *writer = find_writer(path, sizeof(path));
    int status = 0;

    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        return tool_fail(EXIT_BROKEN, "cannot start %s: %s", writer, strerror(errno));
    if (pid == 0) {
        alarm(DUMP_SECONDS);
        if (freopen(log, "we", stderr) == NULL || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
            _exit(126);
        execlp(writer, "netvaned", "--once", "--dir", dir, "--name", "check", "--tables", tables,
               (char *)NULL);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return EXIT_OK;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return tool_fail(EXIT_BROKEN,
                         "check: netvaned was not found; --no-kernel checks the region only");
    tool_fail(EXIT_BROKEN, "check: netvaned --once did not dump the kernel; it said:");
    FILE *said = fopen(log, "re");
    for (int c; said != NULL && (c = fgetc(said)) != EOF;)
        fputc(c, stderr);
    if (said != NULL)
        fclose(said);
    return EXIT_BROKEN;
}

/* Nobody else can put anything there: the folder is ours alone (0700). */
static void remove_folder(const char *path)
{
    char file[600];
    DIR *dir = opendir(path);

    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(file, sizeof(file), "%.300s/%.255s", path, entry->d_name);
        unlink(file);
    }
    if (dir != NULL)
        closedir(dir);
    if (rmdir(path) != 0)
        fprintf(stderr, "netvane: could not remove %s: %s\n", path, strerror(errno));
}

/* ---- the comparison ---------------------------------------------------------------------------------- */

/* Differences between the live State and the dump go to text; 0 or a library error. */
static int compare(struct report *r, const struct netvane_snap *live, struct netvane *dump,
                   FILE *out, size_t *ret_count)
{
    struct changes c = {.tool = r->tool, .out = out, .added = "missing", .removed = "extra"};

    c.from.snap = *live;
    int rc = netvane_snap_begin(dump, &c.to.snap);
    if (rc == 0)
        rc = changes_print(&c, NETVANE_CLASS_ALL);
    *ret_count = c.count;
    return rc;
}

static void print_differences(struct report *r, char *text)
{
    if (!r->tool->json) {
        fputs("kernel: it differs from the State: + the State lacks it, - the kernel lacks it, "
              "~ State -> kernel\n",
              stdout);
        fputs(text, stdout);
        return;
    }
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save))
        json_raw(&r->j, NULL, line);
}

/* One dump and one comparison. *ret_again: the live State moved meanwhile, so that nothing is proven. */
static int attempt(struct report *r, const char *dir, const char *log, bool last, bool *ret_again)
{
    struct netvane_open_args args;
    struct netvane_snap live;
    struct netvane_health health;
    struct netvane *dump = NULL;
    char *text = NULL;
    size_t len = 0;

    NETVANE_INIT(&health);
    int rc = netvane_health_get(r->tool->nv, &health);
    if (rc != 0)
        return tool_error(r->tool, rc);
    int code = dump_kernel(dir, log, health.tables[0] != 0 ? health.tables : "all");
    if (code != EXIT_OK)
        return code;
    NETVANE_INIT(&args);
    args.dir = dir;
    args.name = "check";
    rc = netvane_open(&args, &dump);
    FILE *out = rc == 0 ? open_memstream(&text, &len) : NULL;
    if (out != NULL) {
        rc = netvane_snap_begin(r->tool->nv, &live);
        if (rc == 0)
            rc = compare(r, &live, dump, out, &r->differences);
        r->version = live.version;
        fclose(out);
    }
    netvane_close(dump);
    *ret_again = rc == NETVANE_EXPIRED || (rc == 0 && r->differences > 0);
    if (rc != 0 && rc != NETVANE_EXPIRED)
        code = tool_error(r->tool, rc);
    else if (last && rc == NETVANE_EXPIRED)
        code = tool_error(r->tool, rc);
    else if (last && r->differences > 0)
        print_differences(r, text);
    free(text);
    return code;
}

static int compare_with_kernel(struct report *r)
{
    const char *tmp = getenv("TMPDIR");
    char dir[256], log[300];
    bool again = true;
    int code = EXIT_OK;

    snprintf(dir, sizeof(dir), "%.200s/netvane-check.XXXXXX",
             tmp != NULL && *tmp != 0 ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL)
        return tool_fail(EXIT_BROKEN, "cannot make a folder %s: %s", dir, strerror(errno));
    snprintf(log, sizeof(log), "%s/log", dir);
    for (int i = 0; i < ATTEMPTS && again && code == EXIT_OK && !tool_interrupted(); i++) {
        if (i > 0)
            tool_sleep_ns(RETRY_NS);
        code = attempt(r, dir, log, i == ATTEMPTS - 1, &again);
    }
    remove_folder(dir);
    r->kernel = code != EXIT_OK ? KERNEL_FAILED : again ? KERNEL_DIFFERS : KERNEL_EQUAL;
    return code;
}

/* ---- the report -------------------------------------------------------------------------------------- */

static int check_region(struct report *r)
{
    int rc = NETVANE_EXPIRED;

    /* Findings are told only of the run that was not overtaken. */
    for (int i = 0; i < CHECK_TRIES && rc == NETVANE_EXPIRED; i++)
        rc = netvane_check(r->tool->nv, NULL, NULL);
    if (rc > 0)
        rc = netvane_check(r->tool->nv, on_finding, r);
    return rc < 0 ? tool_error(r->tool, rc) : EXIT_OK;
}

static const char *kernel_words(enum kernel_result kernel)
{
    switch (kernel) {
    case KERNEL_NOT_ASKED: return "not-asked";
    case KERNEL_OTHER_NETNS: return "other-namespace";
    case KERNEL_EQUAL: return "equal";
    case KERNEL_DIFFERS: return "differs";
    case KERNEL_FAILED: return "failed";
    }
    return "failed";
}

static void conclude(struct report *r)
{
    if (r->tool->json) {
        json_close_array(&r->j);
        json_string(&r->j, "kernel", kernel_words(r->kernel));
        json_uint(&r->j, "version", r->version);
        json_bool(&r->j, "sound", r->findings == 0);
        json_close_object(&r->j);
        json_end_line(&r->j);
        return;
    }
    if (r->findings == 0)
        puts("region: sound");
    if (r->kernel == KERNEL_OTHER_NETNS)
        puts("kernel: not compared: the writer is in another network namespace; run netvane check "
             "there");
    else if (r->kernel == KERNEL_EQUAL)
        printf("kernel: equal to version %" PRIu64 "\n", r->version);
}

int cmd_check(struct tool *t, struct args *a)
{
    struct report r = {.tool = t, .with_kernel = true};
    struct netvane_health health;
    int code;

    for (const char *word; (word = args_next(a)) != NULL;) {
        if (strcmp(word, "--no-kernel") != 0)
            return args_unknown(a, word, "say check [--no-kernel]");
        r.with_kernel = false;
    }
    if ((code = tool_open(t)) != EXIT_OK)
        return code;
    NETVANE_INIT(&health);
    int rc = netvane_health_get(t->nv, &health);
    if (rc != 0)
        return tool_error(t, rc);
    r.version = health.version;
    tool_catch_signals();
    json_begin(&r.j, stdout, t->pretty);
    if (t->json) {
        json_open_object(&r.j, NULL);
        json_open_array(&r.j, "findings");
    }
    code = check_region(&r);
    if (t->json) {
        json_close_array(&r.j);
        json_open_array(&r.j, "differences");
    }
    if (code == EXIT_OK && r.with_kernel && !same_namespace(&health))
        r.kernel = KERNEL_OTHER_NETNS;
    else if (code == EXIT_OK && r.with_kernel)
        code = compare_with_kernel(&r);
    conclude(&r);
    if (code != EXIT_OK)
        return code;
    return r.findings > 0 || r.kernel == KERNEL_DIFFERS ? EXIT_DIFFERENT : EXIT_OK;
}
