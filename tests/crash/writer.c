/* SPDX-License-Identifier: MIT */
/*
 * writer.c - crash_writer: a real writer's region, mirror and versions, killed or stopped at a given step, or at a moment.
 *
 *     crash_writer DIR NAME steps FROM STRIDE      a life for each step FROM, FROM + STRIDE, ... until one ends by itself
 *     crash_writer DIR NAME moments COUNT SEED     COUNT lives, each ended within about two milliseconds
 *     crash_writer DIR NAME stops STRIDE US        one life that stops at each STRIDEth step for US microseconds
 *     crash_writer DIR NAME churn VERSIONS US      one life of so many more versions, each US microseconds after the one before
 *
 * A life takes the name over from the one before, publishes a State, then others: in place, over a file that has to grow, and
 * over memory that has to be taken back from versions. A step is a store to the region or a system call that changes a file.
 * All objects of a State carry its number, which grows from version to version.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/fake/fake_file.h"
#include "tests/fake/fake_must.h"
#include "writer/limits.h"

#define LINKS  3u
#define ROUTES 6u
#define SPARE  100u /* nodes: two versions need fewer, and three more */

static uint64_t steps, last_step, stop_stride; /* 0: none */

void crash_step(void);

void crash_step(void)
{
    if (++steps == last_step)
        (void)kill(getpid(), SIGKILL);
    if (stop_stride && steps % stop_stride == 0)
        (void)raise(SIGSTOP);
}

/* ---- system calls that change a file ------------------------------------------------------------------------------- */

int __real_posix_fallocate(int fd, off_t offset, off_t len);
int __wrap_posix_fallocate(int fd, off_t offset, off_t len);
int __wrap_posix_fallocate(int fd, off_t offset, off_t len)
{
    crash_step();
    return __real_posix_fallocate(fd, offset, len);
}

int __real_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
    crash_step();
    return __real_fallocate(fd, mode, offset, len);
}

int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    crash_step();
    return __real_renameat(from_dir, from, to_dir, to);
}

int __real_unlinkat(int dir, const char *name, int flags);
int __wrap_unlinkat(int dir, const char *name, int flags);
int __wrap_unlinkat(int dir, const char *name, int flags)
{
    crash_step();
    return __real_unlinkat(dir, name, flags);
}

int __real_openat(int dir, const char *name, int flags, mode_t mode);
int __wrap_openat(int dir, const char *name, int flags, mode_t mode);
int __wrap_openat(int dir, const char *name, int flags, mode_t mode)
{
    crash_step();
    return __real_openat(dir, name, flags, mode);
}

int __real_fcntl(int fd, int command, void *arg);
int __wrap_fcntl(int fd, int command, void *arg);
int __wrap_fcntl(int fd, int command, void *arg)
{
    crash_step();
    return __real_fcntl(fd, command, arg);
}

/* ---- a life ---------------------------------------------------------------------------------------------------------- */

static struct fake_file w;
static uint64_t now_ns;

static void put_all(uint32_t number)
{
    char name[16], text[32], gateway[32];
    (void)snprintf(text, sizeof(text), "%u", number);
    (void)snprintf(gateway, sizeof(gateway), "10.%u.%u.%u", number >> 16 & 0xff, number >> 8 & 0xff,
                   number & 0xff);
    for (uint32_t i = 0; i < LINKS; i++) {
        (void)snprintf(name, sizeof(name), "eth%u", i);
        struct nv_link link = fact_link(2 + i, name, 0x11043);
        link.has |= NV_LINK_HAS_ALIAS;
        link.alias = fact_text(text);
        link.mtu = number;
        (void)nv_mirror_link_put(&w.m, &link);
    }
    const struct nv_hop hop = fact_hop(2, gateway);
    for (uint32_t i = 0; i < ROUTES; i++) {
        (void)snprintf(text, sizeof(text), "192.0.%u.0", i);
        const struct nv_route route = fact_route(254, i ? text : "0.0.0.0", i ? 24 : 0, 1, &hop, 1);
        (void)nv_mirror_route_put(&w.m, &route, NV_LIST_REPLACE | NV_LIST_CREATE, false, now_ns);
    }
}

static void publish(uint32_t number)
{
    now_ns += NV_NS_PER_MS;
    put_all(number);
    MUST(nv_commit(&w.c, true, now_ns));
}

/* Only so many nodes are left; whole_file: and the file cannot grow any more. */
static void use_up(uint32_t left, bool whole_file)
{
    struct nv_arena *a = &w.m.draft.arena;
    bool expired = false;
    do {
        MUST(!nv_arena_reserve(a, a->free_count, &expired));
        while (a->free_count > left)
            (void)nv_arena_take(a);
    } while (whole_file && a->size_bytes + NV_GROW_BYTES <= a->max_bytes &&
             !nv_arena_reserve(a, left + 1, &expired));
}

static void show_region(void)
{
    uint64_t size = 0;
    MUST(!nv_shm_show(w.shm));
    void *old = nv_shm_predecessor(w.shm, &size);
    if (!old)
        return;
    nv_legacy_end(old, size, w.p.instance_id);
    nv_legacy_expire(old, size);
    nv_shm_reclaim_predecessor(w.shm, NETVANE_JOURNAL_OFFSET);
}

static void pause_us(uint64_t us)
{
    const struct timespec pause = {.tv_sec = (time_t)(us / 1000000),
                                   .tv_nsec = (long)(us % 1000000) * 1000};
    (void)nanosleep(&pause, NULL);
}

#define NUMBERS 1000u /* that a life killed within milliseconds may use */

/* number: of its first State. After the first ones it makes so many more, by which older ones' memory is taken back. */
static void live(const char *dir, const char *name, uint32_t number, uint64_t more, uint64_t us)
{
    now_ns = nv_clock_boottime_ns();
    fake_file_open(&w, dir, name);
    publish(number);
    show_region();
    publish(number + 1);
    use_up(NV_EDIT_NODES + SPARE / 4, false);
    publish(number + 2); /* the file grows */
    publish(number + 3);
    use_up(NV_EDIT_NODES + SPARE, true);
    for (uint64_t i = 4; i < 4 + more; i++) {
        publish((uint32_t)(number + (more < UINT32_MAX || i < NUMBERS ? i : NUMBERS - 1)));
        if (us)
            pause_us(us);
    }
}

/* ---- lives ----------------------------------------------------------------------------------------------------------- */

#define LIFE 4u /* versions behind the first ones */

/* Starts one; its process. */
static pid_t begin_life(char **argv, uint32_t number, uint64_t at, uint64_t more, uint64_t us)
{
    const pid_t child = fork();
    MUST(child >= 0);
    if (child)
        return child;
    MUST(!prctl(PR_SET_PDEATHSIG, SIGKILL)); /* it does not outlive who started it */
    steps = 0;
    last_step = at;
    live(argv[1], argv[2], number, more, us);
    _exit(0); /* as if killed: nothing is closed in order */
}

/* True: killed. */
static bool end_life(pid_t child)
{
    int status;
    MUST(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && !WEXITSTATUS(status))
        return false;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return true;
    (void)fprintf(stderr, "crash_writer: a life ended with status %d\n", status);
    exit(1);
}

static uint32_t first_number(void)
{
    const char *from = getenv("CRASH_NUMBER");
    return from ? (uint32_t)strtoul(from, NULL, 10) : 1000;
}

/* A life for each step; how many. */
static uint64_t die_at_steps(char **argv, uint32_t *number, uint64_t from, uint64_t stride)
{
    uint64_t lives = 0, at = from;
    for (; end_life(begin_life(argv, *number, at, LIFE, 0)); at += stride, *number += 100)
        lives++;
    *number += 100;
    return lives;
}

static uint64_t die_at_moments(char **argv, uint32_t *number, uint64_t count, uint64_t random)
{
    for (uint64_t i = 0; i < count; i++) {
        const pid_t child = begin_life(argv, *number, 0, UINT32_MAX, 0);
        pause_us(fake_random(&random, 2500));
        (void)kill(child, SIGKILL);
        (void)end_life(child);
        *number += NUMBERS;
    }
    return count;
}

static uint64_t stop_at_steps(char **argv, uint32_t *number, uint64_t stride, uint64_t us)
{
    uint64_t stops = 0;
    int status;
    stop_stride = stride;
    const pid_t child = begin_life(argv, *number, 0, LIFE, 0);
    while (waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status)) {
        stops++;
        pause_us(us);
        (void)kill(child, SIGCONT);
    }
    MUST(WIFEXITED(status) && !WEXITSTATUS(status));
    *number += 100;
    return stops;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        (void)fprintf(stderr,
                      "usage: crash_writer DIR NAME steps FROM STRIDE | moments COUNT SEED | "
                      "stops STRIDE US | churn VERSIONS US\n");
        return 2;
    }
    const uint64_t a = strtoull(argv[4], NULL, 10), b = strtoull(argv[5], NULL, 10);
    uint32_t number = first_number();
    uint64_t times = 1;
    if (!strcmp(argv[3], "steps"))
        times = die_at_steps(argv, &number, a, b);
    else if (!strcmp(argv[3], "moments"))
        times = die_at_moments(argv, &number, a, b);
    else if (!strcmp(argv[3], "stops"))
        times = stop_at_steps(argv, &number, a, b);
    else
        MUST(!end_life(begin_life(argv, number, 0, a, b)));
    (void)printf("%s %llu, next number %u\n", argv[3], (unsigned long long)times, number);
    return 0;
}
