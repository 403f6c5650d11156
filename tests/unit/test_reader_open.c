/* SPDX-License-Identifier: MIT */
/* Opening: each way in which a region can be unusable has its own answer. */
#include "tests/unit/reader_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct netvane_region_header *header(struct fixture *f)
{
    return (struct netvane_region_header *)(void *)f->region.base;
}

static int try_open(struct fixture *f)
{
    struct netvane *nv = NULL;
    int r = open_fake(&f->region, &nv);
    if (r)
        assert_null(nv);
    netvane_close(nv);
    return r;
}

static void opens_a_region_and_tells_its_name_and_directory(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(netvane_name(f->nv), "test");
    assert_string_equal(netvane_dir(f->nv), f->region.dir);
}

static void no_region_of_that_name_is_no_writer(void **state)
{
    struct fixture *f = *state;
    struct netvane *nv = NULL;
    struct netvane_open_args args;
    NETVANE_INIT(&args);
    args.dir = f->region.dir;
    args.name = "nobody";
    assert_int_equal(netvane_open(&args, &nv), NETVANE_NO_WRITER);
    args.dir = "/nonexistent";
    assert_int_equal(netvane_open(&args, &nv), NETVANE_NO_WRITER);
    assert_null(nv);
}

static void names_that_are_paths_or_hidden_or_empty_are_invalid(void **state)
{
    struct fixture *f = *state;
    struct netvane *nv = NULL;
    struct netvane_open_args args;
    NETVANE_INIT(&args);
    args.dir = f->region.dir;
    static const char *const names[] = {"", "a/b", "../test", ".test", "."};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        args.name = names[i];
        assert_int_equal(netvane_open(&args, &nv), NETVANE_INVALID);
    }
    args.name = "test";
    args.trust_flags = 0x80;
    assert_int_equal(netvane_open(&args, &nv), NETVANE_INVALID);
    args.size = 0;
    assert_int_equal(netvane_open(&args, &nv), NETVANE_INVALID);
    assert_int_equal(netvane_open(NULL, NULL), NETVANE_INVALID);
}

static void netvane_dir_of_the_environment_is_looked_into(void **state)
{
    struct fixture *f = *state;
    struct netvane *nv = NULL;
    struct netvane_open_args args;
    NETVANE_INIT(&args);
    args.name = "test";
    setenv("NETVANE_DIR", f->region.dir, 1);
    assert_int_equal(netvane_open(&args, &nv), NETVANE_OK);
    unsetenv("NETVANE_DIR");
    assert_string_equal(netvane_dir(nv), f->region.dir);
    netvane_close(nv);
}

static void place(const struct fixture *f, char path[200])
{
    snprintf(path, 200, "%s/other", f->region.dir);
}

static int open_other(const struct fixture *f)
{
    struct netvane *nv = NULL;
    struct netvane_open_args args;
    NETVANE_INIT(&args);
    args.dir = f->region.dir;
    args.name = "other";
    int r = netvane_open(&args, &nv);
    netvane_close(nv);
    return r;
}

static void links_fifos_and_directories_are_not_regular(void **state)
{
    struct fixture *f = *state;
    char path[200];
    place(f, path);
    assert_int_equal(symlink("test", path), 0);
    assert_int_equal(open_other(f), NETVANE_NOT_REGULAR);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(open_other(f), NETVANE_NOT_REGULAR);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(open_other(f), NETVANE_NOT_REGULAR);
    rmdir(path);
}

static void a_short_file_is_too_small(void **state)
{
    struct fixture *f = *state;
    char path[200];
    place(f, path);
    int fd = open(path, O_RDWR | O_CREAT, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 4096), 0);
    assert_int_equal(open_other(f), NETVANE_TOO_SMALL);
    close(fd);
    unlink(path);
}

static void what_others_may_write_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fchmod(f->region.fd, 0664), 0);
    assert_int_equal(try_open(f), NETVANE_BAD_MODE);
    assert_int_equal(fchmod(f->region.fd, 0646), 0);
    assert_int_equal(try_open(f), NETVANE_BAD_MODE);
}

static void a_foreign_owner_is_refused_unless_trusted(void **state)
{
    struct fixture *f = *state;
    struct netvane *nv = NULL;
    struct netvane_open_args args;
    if (geteuid() != 0 || fchown(f->region.fd, 12345, (gid_t)-1))
        skip();
    assert_int_equal(try_open(f), NETVANE_BAD_OWNER);
    NETVANE_INIT(&args);
    args.dir = f->region.dir;
    args.name = "test";
    args.trust_uid = 12345;
    assert_int_equal(netvane_open(&args, &nv), NETVANE_BAD_OWNER);
    args.trust_flags = NETVANE_TRUST_UID;
    assert_int_equal(netvane_open(&args, &nv), NETVANE_OK);
    netvane_close(nv);
}

static void another_magic_is_no_region(void **state)
{
    struct fixture *f = *state;
    header(f)->magic ^= 1;
    fake_header_seal(&f->region);
    assert_int_equal(try_open(f), NETVANE_BAD_MAGIC);
}

static void another_version_or_layout_is_bad_layout(void **state)
{
    struct fixture *f = *state;
    struct netvane_region_header *h = header(f), good = *h;
#define BAD(change)                                        \
    do {                                                   \
        change;                                            \
        fake_header_seal(&f->region);                      \
        assert_int_equal(try_open(f), NETVANE_BAD_LAYOUT); \
        *h = good;                                         \
    } while (0)
    BAD(h->major++);
    BAD(h->layout ^= 1);
    BAD(h->features_must = 1u << 31);
    BAD(h->ring_slots /= 2);
    BAD(h->slot_bytes *= 2);
    BAD(h->node_bytes *= 2);
    BAD(h->tree_count--);
    BAD(h->tree_count = NETVANE_TREE_SLOTS + 1);
    BAD(h->ring_offset += 8);
    BAD(h->arena_offset += 8);
    BAD(h->journal_offset += 8);
    BAD(memset(h->boot_id, 0x55, sizeof(h->boot_id)));
#undef BAD
    h->minor++;
    h->features_may = 1u << 31;
    fake_header_seal(&f->region);
    assert_int_equal(try_open(f), NETVANE_OK);
}

static void a_damaged_header_is_corrupt(void **state)
{
    struct fixture *f = *state;
    struct netvane_region_header *h = header(f), good = *h;
    h->coalesce_ns++;
    assert_int_equal(try_open(f), NETVANE_CORRUPT);
    *h = good;
    h->max_bytes = 4096;
    fake_header_seal(&f->region);
    assert_int_equal(try_open(f), NETVANE_CORRUPT);
    h->max_bytes = UINT64_MAX - 511;
    fake_header_seal(&f->region);
    assert_int_equal(try_open(f), NETVANE_CORRUPT);
}

static void nothing_published_yet_is_not_ready(void **state)
{
    struct fake_region r;
    struct netvane *nv = NULL;
    struct netvane_snap snap;
    struct netvane_default d;
    struct netvane_health h;
    (void)state;
    fake_region_make(&r, "starting");
    assert_int_equal(open_fake(&r, &nv), NETVANE_OK);
    NETVANE_INIT(&d);
    NETVANE_INIT(&h);
    assert_int_equal(netvane_snap_begin(nv, &snap), NETVANE_NOT_READY);
    assert_int_equal(netvane_default_get(nv, 4, &d), NETVANE_NOT_READY);
    assert_int_equal(netvane_wait_ready(nv, 1000000), NETVANE_TIMEOUT);
    assert_int_equal(netvane_health_get(nv, &h), NETVANE_OK);
    assert_int_equal(h.writer, NETVANE_WRITER_STARTING);
    netvane_close(nv);
    fake_region_free(&r);
}

static void every_error_has_its_own_sentence(void **state)
{
    (void)state;
    for (int e = NETVANE_TRUNCATED; e <= 0; e++) {
        assert_true(strlen(netvane_strerror(e)) > 5);
        for (int other = NETVANE_TRUNCATED; other < e; other++)
            assert_string_not_equal(netvane_strerror(e), netvane_strerror(other));
    }
    assert_non_null(netvane_strerror(-9999));
    assert_string_equal(netvane_version(), "0.1.0");
    assert_string_equal(netvane_topic_name(0), "default4");
    assert_string_equal(netvane_topic_name(7), "health");
    assert_null(netvane_topic_name(8));
    assert_string_equal(netvane_reason_name(NETVANE_REASON_IS_NO_CARRIER), "no carrier");
    assert_non_null(netvane_reason_name(1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(opens_a_region_and_tells_its_name_and_directory),
        fixture_test(no_region_of_that_name_is_no_writer),
        fixture_test(names_that_are_paths_or_hidden_or_empty_are_invalid),
        fixture_test(netvane_dir_of_the_environment_is_looked_into),
        fixture_test(links_fifos_and_directories_are_not_regular),
        fixture_test(a_short_file_is_too_small),
        fixture_test(what_others_may_write_is_refused),
        fixture_test(a_foreign_owner_is_refused_unless_trusted),
        fixture_test(another_magic_is_no_region),
        fixture_test(another_version_or_layout_is_bad_layout),
        fixture_test(a_damaged_header_is_corrupt),
        cmocka_unit_test(nothing_published_yet_is_not_ready),
        cmocka_unit_test(every_error_has_its_own_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
