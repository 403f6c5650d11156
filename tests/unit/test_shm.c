/* SPDX-License-Identifier: MIT */
/*
 * test_shm.c - the region's file from both sides: platform/linux/shm.c, view.c and proc.c.
 *
 * Assumes:   a temporary directory on any file system. Tests of foreign owners need root and are skipped
 *            without it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nv/base.h"
#include "nv/plat.h"

#define MAX_BYTES    (UINT64_C(64) << 20)
#define PAGE         4096u
#define HEADER_BYTES PAGE

static char top[64];
static char dir[80];

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(top, sizeof top, "/tmp/nv-test-shm-XXXXXX");
    if (!mkdtemp(top))
        return -1;
    (void)chmod(top, 0755);
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

static const char *in_dir(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int create(const char *name, struct nv_shm **ret)
{
    struct nv_shm_args args = {.dir = dir, .name = name, .max_bytes = MAX_BYTES};
    *ret = NULL;
    return nv_shm_create(&args, ret);
}

/* A region of two pages that begins with `text`, shown. */
static struct nv_shm *shown(const char *name, const char *text)
{
    struct nv_shm *shm;
    assert_int_equal(create(name, &shm), 0);
    assert_int_equal(nv_shm_grow(shm, 2 * PAGE), 0);
    memcpy(nv_shm_base(shm), text, strlen(text) + 1);
    assert_int_equal(nv_shm_show(shm), 0);
    return shm;
}

static struct nv_view *view(const char *name)
{
    struct nv_view *v = NULL;
    assert_int_equal(nv_view_open(dir, name, UINT32_MAX, HEADER_BYTES, &v), 0);
    return v;
}

static int view_error(const char *name)
{
    struct nv_view *v = NULL;
    int err = nv_view_open(dir, name, UINT32_MAX, HEADER_BYTES, &v);
    if (!err)
        nv_view_close(v);
    return err;
}

static unsigned files_in_dir(void)
{
    unsigned n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    const struct dirent *e;
    while ((e = readdir(d)))
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    (void)closedir(d);
    return n;
}

/* ---- writer ------------------------------------------------------------------------------------------- */

static void shown_region_can_be_read(void **state)
{
    (void)state;
    struct nv_shm *shm = shown("a", "hello");
    struct nv_view *v = view("a");
    assert_string_equal(nv_view_header(v), "hello");
    assert_int_equal(nv_view_size_bytes(v), 2 * PAGE);
    assert_true(nv_view_writer_alive(v));
    assert_true(nv_view_is_current(v));
    nv_view_close(v);
    nv_shm_close(shm, true);
}

static void directory_and_file_have_their_modes_whatever_the_umask(void **state)
{
    (void)state;
    mode_t old = umask(077);
    struct nv_shm *shm = shown("a", "x");
    (void)umask(old);
    struct stat st;
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(stat(in_dir("a"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(stat(in_dir(".a.lock"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    nv_shm_close(shm, true);
}

static void region_is_not_visible_before_show(void **state)
{
    (void)state;
    struct nv_shm *shm;
    assert_int_equal(create("a", &shm), 0);
    assert_int_equal(view_error("a"), -ENOENT);
    nv_shm_close(shm, true);
    assert_int_equal(view_error("a"), -ENOENT); /* its temporary file is gone as well */
    assert_int_equal(files_in_dir(), 1);        /* the lock file */
}

static void second_writer_of_a_name_is_refused(void **state)
{
    (void)state;
    struct nv_shm *shm = shown("a", "x");
    struct nv_shm *other;
    assert_int_equal(create("a", &other), -EEXIST);
    assert_null(other);
    assert_int_equal(create("b", &other), 0); /* another name is another region */
    nv_shm_close(other, true);
    nv_shm_close(shm, true);
    assert_int_equal(create("a", &other), 0);
    nv_shm_close(other, true);
}

static void removed_lock_file_does_not_let_a_second_writer_in(void **state)
{
    (void)state;
    struct nv_shm *shm = shown("a", "x");
    assert_int_equal(unlink(in_dir(".a.lock")), 0);
    struct nv_shm *other;
    assert_int_equal(create("a", &other), -EEXIST);
    nv_shm_close(shm, true);
}

static void names_that_are_no_plain_names_are_refused(void **state)
{
    (void)state;
    struct nv_shm *shm;
    char name[67];
    memset(name, 'n', sizeof name);
    name[65] = '\0';
    assert_int_equal(create("", &shm), -EINVAL);
    assert_int_equal(create(".hidden", &shm), -EINVAL);
    assert_int_equal(create("../a", &shm), -EINVAL);
    assert_int_equal(create(name, &shm), -EINVAL);
    assert_int_equal(view_error("../a"), -EINVAL);
    name[64] = '\0';
    shm = shown(name, "x");
    nv_shm_close(shm, false);
}

static void region_grows_under_its_mapping(void **state)
{
    (void)state;
    struct nv_shm *shm = shown("a", "x");
    struct nv_view *v = view("a");
    const void *base;
    assert_int_equal(nv_view_map(v, MAX_BYTES, &base), 0);
    assert_int_equal(nv_view_map(v, MAX_BYTES, &base), -EBUSY);
    assert_int_equal(nv_shm_grow(shm, 8 << 20), 0);
    char *p = nv_shm_base(shm);
    p[(8 << 20) - 1] = 'z';
    assert_int_equal(((const char *)base)[(8 << 20) - 1], 'z');
    assert_int_equal(nv_view_size_bytes(v), 8 << 20);
    assert_int_equal(nv_shm_grow(shm, PAGE), 0); /* never shrinks */
    assert_int_equal(nv_view_size_bytes(v), 8 << 20);
    assert_int_equal(nv_shm_grow(shm, MAX_BYTES + 1), -ENOSPC);
    nv_view_revoke(v);
    assert_int_equal(((const char *)base)[(8 << 20) - 1], 0); /* no fault, and nothing of it */
    assert_int_equal(((const char *)base)[MAX_BYTES - 1], 0);
    nv_view_release(v);
    assert_string_equal(nv_view_header(v), "x"); /* the header stays */
    nv_view_close(v);
    nv_shm_close(shm, true);
}

/* A tmpfs of its own in place of the directory. */
static void mount_or_skip(const char *options)
{
    char command[256];
    if (geteuid())
        skip();
    assert_int_equal(mkdir(dir, 0755), 0);
    (void)snprintf(command, sizeof command, "mount -t tmpfs -o %s nvtest '%s' 2>/dev/null", options,
                   dir);
    if (system(command))
        skip();
}

static void unmount(void)
{
    char command[256];
    (void)snprintf(command, sizeof command, "umount '%s'", dir);
    assert_int_equal(system(command), 0);
}

static void full_file_system_is_an_error_and_changes_nothing(void **state)
{
    (void)state;
    mount_or_skip("size=1m,mode=755");
    struct nv_shm *shm = shown("a", "x");
    int err = nv_shm_grow(shm, 4 << 20);
    struct nv_view *v = view("a");
    uint64_t size = nv_view_size_bytes(v);
    int after = nv_shm_grow(shm, 64 * PAGE);
    nv_view_close(v);
    nv_shm_close(shm, true);
    unmount();
    assert_int_equal(err, -ENOSPC);
    assert_int_equal(size, 2 * PAGE);
    assert_int_equal(after, 0);
}

/* KiB of this process's shared memory that large pages map. */
static unsigned long large_kib(void)
{
    char line[256];
    unsigned long kib, sum = 0;
    FILE *f = fopen("/proc/self/smaps_rollup", "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "ShmemPmdMapped: %lu", &kib) == 1)
            sum += kib;
    (void)fclose(f);
    return sum;
}

static void large_pages_are_taken_where_they_are_given_on_advice(void **state)
{
    (void)state;
    mount_or_skip("size=16m,mode=755,huge=advise");
    struct nv_shm *shm = shown("a", "x");
    const int grown = nv_shm_grow(shm, 8 << 20), full = nv_shm_grow(shm, 24 << 20);
    struct nv_view *v = view("a");
    const uint64_t size = nv_view_size_bytes(v);
    const unsigned long kib = large_kib();
    nv_view_close(v);
    nv_shm_close(shm, true);
    unmount();
    assert_int_equal(grown, 0);
    assert_int_equal(full, -ENOSPC);
    assert_int_equal(size, 8 << 20);
    if (!kib) /* the host may have no 2 MiB in one piece */
        skip();
    assert_in_range(kib, 2048, 8192);
}

static void close_without_keeping_removes_the_name(void **state)
{
    (void)state;
    struct nv_shm *shm = shown("a", "x");
    struct nv_view *v = view("a");
    nv_shm_close(shm, false);
    assert_false(nv_view_writer_alive(v));
    assert_false(nv_view_is_current(v));
    assert_string_equal(nv_view_header(v), "x"); /* what was mapped stays readable */
    nv_view_close(v);
    assert_int_equal(files_in_dir(), 0);
}

static void close_with_keeping_leaves_the_last_state(void **state)
{
    (void)state;
    nv_shm_close(shown("a", "last"), true);
    struct nv_view *v = view("a");
    assert_string_equal(nv_view_header(v), "last");
    assert_false(nv_view_writer_alive(v));
    assert_true(nv_view_is_current(v));
    nv_view_close(v);
}

static void successor_finds_its_predecessor_and_takes_the_name(void **state)
{
    (void)state;
    uint64_t size = 0;
    nv_shm_close(shown("a", "old"), true);
    struct nv_view *v = view("a");
    struct nv_shm *shm;
    assert_int_equal(create("a", &shm), 0);
    char *old = nv_shm_predecessor(shm, &size);
    assert_non_null(old);
    assert_int_equal(size, 2 * PAGE);
    assert_string_equal(old, "old");
    assert_true(nv_view_is_current(v)); /* until the new one is shown */
    assert_int_equal(nv_shm_grow(shm, 2 * PAGE), 0);
    assert_int_equal(nv_shm_show(shm), 0);
    assert_false(nv_view_is_current(v));
    old[0] = 'O'; /* the old one is still written to */
    assert_string_equal(nv_view_header(v), "Old");
    nv_shm_forget_predecessor(shm);
    assert_null(nv_shm_predecessor(shm, &size));
    nv_shm_close(shm, true);
    nv_view_close(v);
}

static void reclaiming_a_predecessor_gives_its_memory_back_while_a_reader_maps_it(void **state)
{
    (void)state;
    uint64_t size = 0;
    struct nv_shm *shm = shown("a", "old");
    assert_int_equal(nv_shm_grow(shm, 64 * PAGE), 0);
    memset((char *)nv_shm_base(shm) + PAGE, 'x', 63 * PAGE);
    nv_shm_close(shm, true);
    int fd = open(in_dir("a"), O_RDONLY | O_CLOEXEC);
    struct nv_view *v = view("a");
    const void *base;
    struct stat before, after;
    assert_int_equal(nv_view_map(v, MAX_BYTES, &base), 0);
    assert_int_equal(fstat(fd, &before), 0);
    assert_int_equal(create("a", &shm), 0);
    assert_non_null(nv_shm_predecessor(shm, &size));
    assert_int_equal(nv_shm_grow(shm, PAGE), 0);
    assert_int_equal(nv_shm_show(shm), 0);
    nv_shm_reclaim_predecessor(shm, PAGE);
    assert_null(nv_shm_predecessor(shm, &size));
    assert_int_equal(fstat(fd, &after), 0);
    assert_true(after.st_blocks <= before.st_blocks / 16);
    assert_int_equal(after.st_size, before.st_size);
    assert_string_equal((const char *)base, "old");
    assert_int_equal(((const char *)base)[PAGE], 0);
    nv_view_close(v);
    (void)close(fd);
    nv_shm_close(shm, true);
}

static void first_writer_has_no_predecessor(void **state)
{
    (void)state;
    struct nv_shm *shm;
    uint64_t size;
    assert_int_equal(create("a", &shm), 0);
    assert_null(nv_shm_predecessor(shm, &size));
    nv_shm_close(shm, true);
    (void)mkfifo(in_dir("f"), 0600);
    assert_int_equal(create("f", &shm), 0); /* and is not held up by a FIFO */
    assert_null(nv_shm_predecessor(shm, &size));
    nv_shm_close(shm, true);
}

static void killed_writer_is_noticed_and_cleaned_up_after(void **state)
{
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        struct nv_shm *hidden;
        struct nv_shm *a;
        struct nv_shm_args args = {.dir = dir, .name = "b", .max_bytes = MAX_BYTES};
        bool ok = !nv_shm_create(&args, &hidden); /* never shown: leaves a temporary file */
        args.name = "a";
        ok = ok && !nv_shm_create(&args, &a) && !nv_shm_grow(a, PAGE) && !nv_shm_show(a);
        (void)!write(ready[1], ok ? "y" : "n", 1);
        for (;;)
            (void)pause();
    }
    char answer = 0;
    assert_int_equal(read(ready[0], &answer, 1), 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    struct nv_view *v = answer == 'y' ? view("a") : NULL;
    bool alive = v && nv_view_writer_alive(v);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_non_null(v);
    assert_true(alive);
    assert_false(nv_view_writer_alive(v));
    assert_true(nv_view_is_current(v));
    nv_view_close(v);

    assert_int_equal(files_in_dir(), 4); /* a, two lock files, the temporary file */
    struct nv_shm *shm = shown("b", "x");
    assert_int_equal(files_in_dir(), 4); /* a, b, two lock files */
    nv_shm_close(shm, true);
}

static void forked_child_does_not_see_the_region(void **state)
{
    (void)state;
    struct nv_shm *shm = shown("a", "x");
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        unsigned char vec;
        _exit(mincore(nv_shm_base(shm), PAGE, &vec) == -1 && errno == ENOMEM ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    nv_shm_close(shm, true);
}

static void unsafe_directories_are_refused(void **state)
{
    (void)state;
    struct nv_shm *shm;
    assert_int_equal(mkdir(dir, 0755), 0);
    assert_int_equal(chmod(dir, 0777), 0);
    assert_int_equal(create("a", &shm), -EACCES);
    assert_int_equal(chmod(dir, 0775), 0);
    assert_int_equal(create("a", &shm), -EACCES);
    assert_int_equal(chmod(dir, 01777), 0); /* sticky, as /dev/shm is */
    assert_int_equal(create("a", &shm), 0);
    nv_shm_close(shm, false);
    assert_int_equal(chmod(dir, 0755), 0);
    if (!geteuid()) {
        assert_int_equal(chown(dir, 12345, 12345), 0);
        assert_int_equal(create("a", &shm), -EACCES);
        assert_int_equal(chown(dir, 0, 0), 0);
    }
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(symlink(top, dir), 0); /* a link is not followed */
    assert_true(create("a", &shm) < 0);
    assert_int_equal(unlink(dir), 0);
}

static void lock_file_that_is_a_link_or_foreign_is_refused(void **state)
{
    (void)state;
    struct nv_shm *shm;
    assert_int_equal(mkdir(dir, 0755), 0);
    assert_int_equal(symlink("/etc/passwd", in_dir(".a.lock")), 0);
    assert_int_equal(create("a", &shm), -EACCES);
    assert_int_equal(unlink(in_dir(".a.lock")), 0);
    if (geteuid())
        return;
    int fd = open(in_dir(".a.lock"), O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(fchown(fd, 12345, 12345), 0);
    (void)close(fd);
    assert_int_equal(create("a", &shm), -EACCES);
}

/* ---- reader ------------------------------------------------------------------------------------------- */

static void file_of(const char *name, mode_t mode, off_t size)
{
    (void)mkdir(dir, 0755);
    int fd = open(in_dir(name), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(ftruncate(fd, size), 0);
    (void)close(fd);
}

static void each_unfit_file_has_its_own_error(void **state)
{
    (void)state;
    file_of("good", 0644, HEADER_BYTES);
    file_of("small", 0644, HEADER_BYTES - 1);
    file_of("group", 0664, HEADER_BYTES);
    file_of("others", 0646, HEADER_BYTES);
    file_of("others-and-small", 0646, 0);
    assert_int_equal(symlink("good", in_dir("link")), 0);
    assert_int_equal(mkfifo(in_dir("fifo"), 0644), 0);
    assert_int_equal(mkdir(in_dir("dir"), 0755), 0);
    assert_int_equal(view_error("good"), 0);
    assert_int_equal(view_error("absent"), -ENOENT);
    assert_int_equal(view_error("small"), -NV_E_TOO_SMALL);
    assert_int_equal(view_error("group"), -NV_E_WRITABLE);
    assert_int_equal(view_error("others"), -NV_E_WRITABLE);
    assert_int_equal(view_error("others-and-small"), -NV_E_WRITABLE);
    assert_int_equal(view_error("link"), -NV_E_NOT_REGULAR);
    assert_int_equal(view_error("fifo"), -NV_E_NOT_REGULAR); /* and did not wait */
    assert_int_equal(view_error("dir"), -NV_E_NOT_REGULAR);
}

static void foreign_owner_is_refused_unless_trusted(void **state)
{
    (void)state;
    if (geteuid())
        skip();
    struct nv_view *v = NULL;
    file_of("a", 0666, 0);
    assert_int_equal(chown(in_dir("a"), 12345, 0), 0);
    assert_int_equal(view_error("a"), -NV_E_OWNER); /* before mode and size */
    assert_int_equal(nv_view_open(dir, "a", 54321, HEADER_BYTES, &v), -NV_E_OWNER);
    assert_int_equal(nv_view_open(dir, "a", 12345, HEADER_BYTES, &v), -NV_E_WRITABLE);
    file_of("a", 0644, HEADER_BYTES);
    assert_int_equal(nv_view_open(dir, "a", 12345, HEADER_BYTES, &v), 0);
    nv_view_close(v);
}

static void other_readers_do_not_look_like_a_writer(void **state)
{
    (void)state;
    nv_shm_close(shown("a", "x"), true);
    struct nv_view *v = view("a");
    int fd = open(in_dir("a"), O_RDONLY | O_CLOEXEC);
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    assert_false(nv_view_writer_alive(v));
    (void)close(fd);
    nv_view_close(v);
}

/* ---- proc --------------------------------------------------------------------------------------------- */

static void region_directories_come_in_order(void **state)
{
    (void)state;
    char buf[256];
    assert_int_equal(setenv("NETVANE_DIR", "/some/where", 1), 0);
    assert_int_equal(nv_proc_region_dir(0, true, buf, sizeof buf), 0);
    assert_string_equal(buf, "/some/where");
    assert_int_equal(nv_proc_region_dir(1, true, buf, sizeof buf), -ENOENT);
    assert_int_equal(nv_proc_region_dir(0, false, buf, sizeof buf), 0);
    assert_string_equal(buf, "/some/where");
    assert_int_equal(nv_proc_region_dir(1, false, buf, sizeof buf), -ENOENT);
    assert_int_equal(nv_proc_region_dir(0, false, buf, 5), -ENAMETOOLONG);

    assert_int_equal(unsetenv("NETVANE_DIR"), 0);
    assert_int_equal(setenv("XDG_RUNTIME_DIR", "/run/user/7", 1), 0);
    const char *const order[] = {"/run/netvane", "/dev/shm/netvane", "/run/user/7/netvane"};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(nv_proc_region_dir(i, false, buf, sizeof buf), 0);
        assert_string_equal(buf, order[i]);
    }
    assert_int_equal(nv_proc_region_dir(3, false, buf, sizeof buf), -ENOENT);
    assert_int_equal(nv_proc_region_dir(0, true, buf, sizeof buf), 0);
    if (nv_proc_privileged())
        assert_true(!strcmp(buf, order[0]) || !strcmp(buf, order[1]));
    else
        assert_string_equal(buf, order[2]);
    assert_int_equal(nv_proc_region_dir(1, true, buf, sizeof buf), -ENOENT);

    assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
    assert_int_equal(nv_proc_region_dir(2, false, buf, sizeof buf), -ENOENT);
}

static void host_and_process_have_identities(void **state)
{
    (void)state;
    uint8_t a[16];
    uint8_t b[16];
    uint64_t dev;
    uint64_t ino;
    assert_int_equal(nv_proc_boot_id(a), 0);
    assert_int_equal(nv_proc_boot_id(b), 0);
    assert_memory_equal(a, b, 16);
    assert_int_equal(a[6] >> 4, 4); /* a random UUID */
    assert_int_equal(nv_proc_netns(&dev, &ino), 0);
    assert_true(ino);
    assert_int_equal(nv_proc_pid(), (uint32_t)getpid());
    assert_int_equal(nv_proc_random(a, 16), 0);
    assert_int_equal(nv_proc_random(b, 16), 0);
    assert_memory_not_equal(a, b, 16);
}

#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(shown_region_can_be_read),
        WITH_DIR(directory_and_file_have_their_modes_whatever_the_umask),
        WITH_DIR(region_is_not_visible_before_show),
        WITH_DIR(second_writer_of_a_name_is_refused),
        WITH_DIR(removed_lock_file_does_not_let_a_second_writer_in),
        WITH_DIR(names_that_are_no_plain_names_are_refused),
        WITH_DIR(region_grows_under_its_mapping),
        WITH_DIR(full_file_system_is_an_error_and_changes_nothing),
        WITH_DIR(large_pages_are_taken_where_they_are_given_on_advice),
        WITH_DIR(close_without_keeping_removes_the_name),
        WITH_DIR(close_with_keeping_leaves_the_last_state),
        WITH_DIR(successor_finds_its_predecessor_and_takes_the_name),
        WITH_DIR(reclaiming_a_predecessor_gives_its_memory_back_while_a_reader_maps_it),
        WITH_DIR(first_writer_has_no_predecessor),
        WITH_DIR(killed_writer_is_noticed_and_cleaned_up_after),
        WITH_DIR(forked_child_does_not_see_the_region),
        WITH_DIR(unsafe_directories_are_refused),
        WITH_DIR(lock_file_that_is_a_link_or_foreign_is_refused),
        WITH_DIR(each_unfit_file_has_its_own_error),
        WITH_DIR(foreign_owner_is_refused_unless_trusted),
        WITH_DIR(other_readers_do_not_look_like_a_writer),
        cmocka_unit_test(region_directories_come_in_order),
        cmocka_unit_test(host_and_process_have_identities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
