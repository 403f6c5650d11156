/* SPDX-License-Identifier: MIT */
/*
 * test_wait.c - sleeping and waking: platform/linux/wait.c, bell.c, loop.c, notify.c, thread.c, clock.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nv/base.h"
#include "nv/plat.h"

#define PAGE 4096u

static uint32_t *words;       /* written here */
static const uint32_t *faces; /* the same memory, read-only, as a reader has it */

static int map_words(void **state)
{
    (void)state;
    int fd = memfd_create("words", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, PAGE))
        return -1;
    words = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    faces = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    (void)close(fd);
    return words == MAP_FAILED || faces == MAP_FAILED ? -1 : 0;
}

static uint32_t look(const uint32_t *word)
{
    return atomic_load_explicit((const _Atomic uint32_t *)word, memory_order_acquire);
}

/* ---- futexes ------------------------------------------------------------------------------------------ */

static void wait_times_out(void **state)
{
    (void)state;
    uint64_t from = nv_clock_monotonic_ns();
    assert_int_equal(nv_futex_wait(faces, look(faces), NV_FUTEX_ALL, 20 * NV_NS_PER_MS),
                     -ETIMEDOUT);
    uint64_t took = nv_clock_monotonic_ns() - from;
    assert_in_range(took, 20 * NV_NS_PER_MS, 2000 * NV_NS_PER_MS);
    assert_int_equal(nv_futex_wait(faces, look(faces), 0, NV_FOREVER), -EINVAL);
}

static void changed_word_is_not_waited_for(void **state)
{
    (void)state;
    assert_int_equal(nv_futex_wait(faces, look(faces) + 1, NV_FUTEX_ALL, NV_FOREVER), 0);
}

/* Wakes with these bits whoever sleeps on the first word of another process's page, until it is killed. */
static pid_t start_waker(uint32_t bits)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child)
        return child;
    (void)usleep(20000);
    for (;;) {
        (void)nv_futex_wake(words, bits, INT32_MAX);
        (void)usleep(1000);
    }
}

static void stop(pid_t child)
{
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void wake_crosses_processes_into_a_read_only_mapping(void **state)
{
    (void)state;
    pid_t child = start_waker(NV_FUTEX_ALL);
    assert_int_equal(nv_futex_wait(faces, look(faces), 1, 10 * NV_NS_PER_S), 0);
    stop(child);
}

static void wake_reaches_whom_its_bits_are_for(void **state)
{
    (void)state;
    pid_t child = start_waker(6);
    assert_int_equal(nv_futex_wait(faces, look(faces), 12, 10 * NV_NS_PER_S), 0);
    assert_int_equal(nv_futex_wait(faces, look(faces), 8 | 1, 100 * NV_NS_PER_MS), -ETIMEDOUT);
    stop(child);
}

static void wake_tells_how_many_it_woke(void **state)
{
    (void)state;
    pid_t sleepers[3];
    for (unsigned i = 0; i < 3; i++) {
        sleepers[i] = fork();
        assert_true(sleepers[i] >= 0);
        if (!sleepers[i])
            _exit(nv_futex_wait(faces, look(faces), i < 2 ? 1 : 2, 10 * NV_NS_PER_S) ? 1 : 0);
    }
    int first = 0, second = 0;
    for (unsigned i = 0; i < 5000 && first + second < 3; i++) {
        (void)usleep(1000);
        first += nv_futex_wake(words, 1, INT32_MAX);
        second += nv_futex_wake(words, 2, INT32_MAX);
    }
    assert_int_equal(first, 2);
    assert_int_equal(second, 1);
    for (unsigned i = 0; i < 3; i++) {
        int status = 0;
        assert_int_equal(waitpid(sleepers[i], &status, 0), sleepers[i]);
        assert_int_equal(status, 0);
    }
}

/* ---- bell --------------------------------------------------------------------------------------------- */

static char top[64];
static char dir[80];

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(top, sizeof top, "/tmp/nv-test-wait-XXXXXX");
    if (!mkdtemp(top))
        return -1;
    (void)snprintf(dir, sizeof dir, "%s/netvane", top);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", top);
    return system(command);
}

static struct nv_shm *shown(const char *name)
{
    struct nv_shm *shm = NULL;
    struct nv_shm_args args = {.dir = dir, .name = name, .max_bytes = 1 << 20};
    assert_int_equal(nv_shm_create(&args, &shm), 0);
    assert_int_equal(nv_shm_grow(shm, PAGE), 0);
    assert_int_equal(nv_shm_show(shm), 0);
    return shm;
}

static bool rings(const struct nv_bell *b)
{
    struct nv_poll_item item = {.handle = nv_bell_handle(b)};
    assert_int_equal(nv_poll(&item, 1, 30 * NV_NS_PER_MS), 0);
    return item.readable;
}

static struct nv_bell *bell(const char *name)
{
    struct nv_bell *b = NULL;
    assert_int_equal(nv_bell_open(dir, name, &b), 0);
    return b;
}

static void doorbell_rings(void **state)
{
    (void)state;
    struct nv_shm *shm = shown("a");
    struct nv_bell *b = bell("a");
    assert_false(rings(b));
    ((char *)nv_shm_base(shm))[0] = 1; /* a store is silent */
    assert_false(rings(b));
    nv_shm_ring(shm, 8);
    assert_true(rings(b));
    assert_int_equal(nv_bell_drain(b), 0);
    assert_false(rings(b));
    for (unsigned i = 0; i < 10000; i++)
        nv_shm_ring(shm, 8); /* equal events are merged */
    assert_int_equal(nv_bell_drain(b), 0);
    assert_false(rings(b));
    nv_bell_close(b);
    nv_shm_close(shm, true);
}

static void end_of_the_writer_rings(void **state)
{
    (void)state;
    struct nv_shm *shm = shown("a");
    struct nv_bell *b = bell("a");
    nv_shm_close(shm, true);
    assert_true(rings(b));
    assert_int_equal(nv_bell_drain(b), 0);
    nv_bell_close(b);
}

static void kill_of_the_writer_rings(void **state)
{
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        struct nv_shm *shm = NULL;
        struct nv_shm_args args = {.dir = dir, .name = "a", .max_bytes = 1 << 20};
        if (!nv_shm_create(&args, &shm) && !nv_shm_grow(shm, PAGE) && !nv_shm_show(shm))
            (void)!write(ready[1], "y", 1);
        for (;;)
            (void)pause();
    }
    char answer;
    assert_int_equal(read(ready[0], &answer, 1), 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    struct nv_bell *b = bell("a");
    assert_false(rings(b));
    stop(child);
    assert_true(rings(b));
    nv_bell_close(b);
}

static void successor_rings_and_rearming_follows_it(void **state)
{
    (void)state;
    nv_shm_close(shown("a"), true);
    struct nv_bell *b = bell("a");
    struct nv_shm *other = shown("other");
    (void)nv_bell_drain(b);
    struct nv_shm *shm = shown("a");
    assert_true(rings(b));
    assert_int_equal(nv_bell_drain(b), 1);
    assert_int_equal(nv_bell_rearm(b), 0);
    assert_int_equal(nv_bell_drain(b), 0); /* at most the end of the old watch */
    assert_false(rings(b));
    nv_shm_ring(shm, 8);
    assert_true(rings(b));
    assert_int_equal(nv_bell_drain(b), 0);
    nv_shm_ring(other, 8);
    assert_false(rings(b));
    nv_bell_close(b);
    nv_shm_close(shm, true);
    nv_shm_close(other, true);
}

static void removed_region_rings(void **state)
{
    (void)state;
    struct nv_shm *shm = shown("a");
    struct nv_view *v = NULL;
    assert_int_equal(nv_view_open(dir, "a", UINT32_MAX, 64, &v), 0); /* holds the file */
    struct nv_bell *b = bell("a");
    nv_shm_close(shm, false);
    assert_true(rings(b));
    assert_int_equal(nv_bell_drain(b), 1);
    assert_int_equal(nv_bell_rearm(b), 0);
    nv_view_close(v);
    nv_bell_close(b);
}

static void bell_can_be_hung_before_region_and_directory_are_there(void **state)
{
    (void)state;
    struct nv_bell *b = bell("a");
    assert_false(rings(b));
    assert_int_equal(mkdir(dir, 0755), 0);
    assert_true(rings(b));
    assert_int_equal(nv_bell_drain(b), 1);
    assert_int_equal(nv_bell_rearm(b), 0);
    (void)nv_bell_drain(b);
    struct nv_shm *shm = shown("a");
    assert_true(rings(b));
    assert_int_equal(nv_bell_drain(b), 1);
    assert_int_equal(nv_bell_rearm(b), 0);
    (void)nv_bell_drain(b);
    nv_shm_ring(shm, 8);
    assert_true(rings(b));
    nv_shm_close(shm, true);
    nv_bell_close(b);
}

static void directory_that_is_removed_and_made_again_rings(void **state)
{
    (void)state;
    struct nv_shm *shm = shown("a");
    struct nv_bell *b = bell("a");
    nv_shm_close(shm, false);
    assert_int_equal(rmdir(dir), 0);
    assert_true(rings(b));
    assert_int_equal(nv_bell_drain(b), 1);
    assert_int_equal(nv_bell_rearm(b), 0);
    (void)nv_bell_drain(b);
    assert_false(rings(b));
    shm = shown("a"); /* makes the directory */
    assert_true(rings(b));
    assert_int_equal(nv_bell_drain(b), 1);
    assert_int_equal(nv_bell_rearm(b), 0);
    (void)nv_bell_drain(b);
    nv_shm_ring(shm, 8);
    assert_true(rings(b));
    nv_shm_close(shm, true);
    nv_bell_close(b);
}

/* ---- loop --------------------------------------------------------------------------------------------- */

static void poll_tells_what_is_readable_and_times_out(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct nv_poll_item items[2] = {{.handle = fds[0]}, {.handle = -1}};
    uint64_t from = nv_clock_monotonic_ns();
    assert_int_equal(nv_poll(items, 2, 300000), 0); /* finer than a millisecond */
    assert_in_range(nv_clock_monotonic_ns() - from, 300000, NV_NS_PER_S);
    assert_false(items[0].readable || items[1].readable);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(nv_poll(items, 2, NV_FOREVER), 0);
    assert_true(items[0].readable && !items[1].readable);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void signals_are_taken_without_a_handler(void **state)
{
    (void)state;
    sigset_t old;
    assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &old), 0);
    intptr_t fd = -1;
    assert_int_equal(nv_signals_open(&fd), 0);
    assert_int_equal(nv_signals_take(fd), 0);
    assert_int_equal(raise(SIGHUP), 0);
    assert_int_equal(nv_signals_take(fd), NV_SIGNAL_REREAD);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(raise(SIGHUP), 0);
    assert_int_equal(nv_signals_take(fd), NV_SIGNAL_REREAD | NV_SIGNAL_STOP);
    assert_int_equal(nv_signals_take(fd), 0);
    (void)close((int)fd);
    assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
}

static void expect_notice(const char *where, const struct sockaddr_un *addr, socklen_t len)
{
    char buf[64] = {0};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)addr, len), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", where, 1), 0);
    nv_service_notify("READY=1\nSTATUS=up");
    assert_int_equal(recv(fd, buf, sizeof buf, MSG_DONTWAIT), 17);
    assert_string_equal(buf, "READY=1\nSTATUS=up");
    (void)close(fd);
}

static void service_manager_hears_by_path_and_by_abstract_name(void **state)
{
    (void)state;
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s/notify", top);
    expect_notice(addr.sun_path, &addr, sizeof addr);

    char where[64];
    (void)snprintf(where, sizeof where, "@nv-test-%u", nv_proc_pid());
    memset(addr.sun_path, 0, sizeof addr.sun_path);
    memcpy(addr.sun_path + 1, where + 1, strlen(where) - 1);
    expect_notice(where, &addr,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(where)));

    assert_int_equal(setenv("NOTIFY_SOCKET", "/no/such/socket", 1), 0);
    nv_service_notify("READY=1");
    assert_int_equal(setenv("NOTIFY_SOCKET", "vsock:1:2", 1), 0);
    nv_service_notify("READY=1");
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    nv_service_notify("READY=1");
}

static void watchdog_is_asked_for_half_of_its_time(void **state)
{
    (void)state;
    char pid[16];
    (void)snprintf(pid, sizeof pid, "%u", nv_proc_pid());
    assert_int_equal(nv_service_watchdog_ns(), 0);
    assert_int_equal(setenv("WATCHDOG_USEC", "3000000", 1), 0);
    assert_int_equal(nv_service_watchdog_ns(), 1500 * NV_NS_PER_MS);
    assert_int_equal(setenv("WATCHDOG_PID", "1", 1), 0);
    assert_int_equal(nv_service_watchdog_ns(), 0); /* meant for another process */
    assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
    assert_int_equal(nv_service_watchdog_ns(), 1500 * NV_NS_PER_MS);
    assert_int_equal(setenv("WATCHDOG_USEC", "3s", 1), 0);
    assert_int_equal(nv_service_watchdog_ns(), 0);
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

/* ---- threads and clocks ------------------------------------------------------------------------------- */

struct errand {
    struct nv_thread *thread;
    struct nv_mutex *mutex;
    unsigned count;
    bool self;
    bool signals_blocked;
};

static void work(void *arg)
{
    struct errand *e = arg;
    sigset_t mask;
    e->self = nv_thread_is_self(e->thread);
    e->signals_blocked = !sigprocmask(SIG_SETMASK, NULL, &mask) && sigismember(&mask, SIGUSR1) == 1;
    for (unsigned i = 0; i < 1000; i++) {
        nv_mutex_lock(e->mutex);
        e->count++;
        nv_mutex_unlock(e->mutex);
    }
}

static void thread_knows_itself_and_takes_no_signals(void **state)
{
    (void)state;
    struct errand e = {0};
    assert_int_equal(nv_mutex_new(&e.mutex), 0);
    assert_int_equal(nv_thread_start(work, &e, &e.thread), 0);
    assert_false(nv_thread_is_self(e.thread));
    assert_false(nv_thread_is_self(NULL));
    for (unsigned i = 0; i < 1000; i++) {
        nv_mutex_lock(e.mutex);
        e.count++;
        nv_mutex_unlock(e.mutex);
    }
    nv_thread_join(e.thread);
    assert_true(e.self && e.signals_blocked);
    assert_int_equal(e.count, 2000);
    nv_mutex_free(e.mutex);
    nv_mutex_free(NULL);
    nv_thread_join(NULL);
}

static void clocks_go_forward(void **state)
{
    (void)state;
    uint64_t boot = nv_clock_boottime_ns();
    uint64_t mono = nv_clock_monotonic_ns();
    assert_true(boot && mono);
    assert_true(nv_clock_boottime_ns() >= boot && nv_clock_monotonic_ns() >= mono);
    assert_true(nv_clock_realtime_ns() > UINT64_C(1700000000) * NV_NS_PER_S);
}

#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wait_times_out),
        cmocka_unit_test(changed_word_is_not_waited_for),
        cmocka_unit_test(wake_crosses_processes_into_a_read_only_mapping),
        cmocka_unit_test(wake_reaches_whom_its_bits_are_for),
        cmocka_unit_test(wake_tells_how_many_it_woke),
        WITH_DIR(doorbell_rings),
        WITH_DIR(end_of_the_writer_rings),
        WITH_DIR(kill_of_the_writer_rings),
        WITH_DIR(successor_rings_and_rearming_follows_it),
        WITH_DIR(removed_region_rings),
        WITH_DIR(bell_can_be_hung_before_region_and_directory_are_there),
        WITH_DIR(directory_that_is_removed_and_made_again_rings),
        cmocka_unit_test(poll_tells_what_is_readable_and_times_out),
        cmocka_unit_test(signals_are_taken_without_a_handler),
        WITH_DIR(service_manager_hears_by_path_and_by_abstract_name),
        cmocka_unit_test(watchdog_is_asked_for_half_of_its_time),
        cmocka_unit_test(thread_knows_itself_and_takes_no_signals),
        cmocka_unit_test(clocks_go_forward),
    };
    return cmocka_run_group_tests(tests, map_words, NULL);
}
