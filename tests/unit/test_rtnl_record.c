/* SPDX-License-Identifier: MIT */
/*
 * test_rtnl_record.c - platform/linux/rtnl_record.c: what is in the file, how large it gets, what stops it.
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
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nv/base.h"
#include "platform/linux/rtnl_record.h"

static char dir[64], file[96], old[96];

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/netvane-record.XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(file, sizeof file, "%s/f", dir);
    (void)snprintf(old, sizeof old, "%s/f.old", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    (void)unlink(file);
    (void)unlink(old);
    return rmdir(dir);
}

struct content {
    uint8_t *bytes;
    size_t size;
    struct nv_pcap_reader reader;
};

static void read_file(struct content *c, const char *name)
{
    struct stat st;
    FILE *f = fopen(name, "rb");
    assert_non_null(f);
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    c->size = (size_t)st.st_size;
    c->bytes = malloc(c->size + 1);
    assert_non_null(c->bytes);
    assert_int_equal(fread(c->bytes, 1, c->size + 1, f), c->size);
    (void)fclose(f);
    assert_int_equal(nv_pcap_open(&c->reader, c->bytes, c->size), NV_PCAP_OK);
}

static struct nlmsghdr message_at(const struct nv_pcap_record *rec)
{
    struct nlmsghdr head;
    assert_true(rec->len >= sizeof head);
    memcpy(&head, rec->data, sizeof head);
    return head;
}

static void file_holds_what_was_sent_received_and_what_failed(void **state)
{
    (void)state;
    struct nv_recorder *r;
    struct nv_pcap_record rec;
    const struct nlmsghdr request = {.nlmsg_len = sizeof request, .nlmsg_type = 18, .nlmsg_seq = 4};
    uint8_t datagram[300] = {1, 2, 3};
    assert_int_equal(nv_recorder_open(file, 1 << 20, &r), 0);
    nv_recorder_turn(r, false);
    nv_recorder_request(r, NV_PCAP_DUMPS, &request, 4711, true);
    nv_recorder_turn(r, true);
    nv_recorder_datagram(r, NV_PCAP_EVENTS, datagram, sizeof datagram, 70000, true);
    nv_recorder_failure(r, NV_PCAP_EVENTS, ENOBUFS, 0, 12);
    nv_recorder_failure(r, NV_PCAP_QUERIES, ENOBUFS, 3, 13);
    nv_recorder_note(r, NV_PCAP_REREAD, 0);
    nv_recorder_close(r);
    struct content c;
    read_file(&c, file);
    assert_int_equal(nv_pcap_next(&c.reader, &rec), NV_PCAP_OK);
    struct nlmsghdr got = message_at(&rec);
    assert_true(rec.sent && rec.turn == 1 && rec.flags == NV_PCAP_F_FULL);
    assert_true(got.nlmsg_seq == 4 && got.nlmsg_pid == 4711 && request.nlmsg_pid == 0);
    assert_int_equal(nv_pcap_next(&c.reader, &rec), NV_PCAP_OK);
    assert_true(rec.len == sizeof datagram && rec.full_len == 70000 && rec.turn == 2);
    assert_int_equal(rec.flags, NV_PCAP_F_FOREIGN | NV_PCAP_F_DRAIN);
    assert_int_equal(nv_pcap_next(&c.reader, &rec), NV_PCAP_OK);
    assert_true(message_at(&rec).nlmsg_type == NLMSG_OVERRUN && rec.flags & NV_PCAP_F_MADE);
    assert_int_equal(nv_pcap_next(&c.reader, &rec), NV_PCAP_OK);
    got = message_at(&rec);
    assert_true(got.nlmsg_type == NLMSG_ERROR && got.nlmsg_seq == 3 && got.nlmsg_pid == 13);
    assert_int_equal(nv_pcap_next(&c.reader, &rec), NV_PCAP_OK);
    assert_true(message_at(&rec).nlmsg_type == NLMSG_NOOP && rec.flags & NV_PCAP_F_MADE);
    assert_int_equal(nv_pcap_next(&c.reader, &rec), NV_PCAP_END);
    free(c.bytes);
}

static void two_files_never_hold_more_than_the_bound_and_lose_nothing_between_them(void **state)
{
    (void)state;
    enum { MOST = 256 << 10, EACH = 1000, COUNT = 2000 };
    struct nv_recorder *r;
    uint32_t datagram[EACH / 4] = {EACH};
    assert_int_equal(nv_recorder_open(file, MOST, &r), 0);
    struct nv_source_stats stats = {.record_files = 0};
    for (uint32_t i = 0; i < COUNT; i++) {
        datagram[1] = i;
        nv_recorder_turn(r, false);
        nv_recorder_datagram(r, NV_PCAP_EVENTS, datagram, EACH, EACH, false);
    }
    nv_recorder_stats(r, &stats);
    nv_recorder_close(r);
    assert_true(stats.record_files > COUNT * EACH / (MOST / 2) && !stats.record_error);
    uint32_t next = 0, have = 0;
    uint64_t last_ns = 0;
    for (unsigned n = 0; n < 2; n++) {
        struct content c;
        struct nv_pcap_record rec;
        read_file(&c, n ? file : old);
        assert_true(c.size <= MOST / 2);
        while (nv_pcap_next(&c.reader, &rec) == NV_PCAP_OK) {
            uint32_t number;
            memcpy(&number, rec.data + 4, sizeof number);
            assert_true(!have || number == next);
            assert_true(rec.stamp_ns >= last_ns || n); /* a file follows the wall clock anew */
            last_ns = rec.stamp_ns;
            next = number + 1;
            have++;
        }
        free(c.bytes);
    }
    assert_int_equal(next, COUNT);
    assert_true(have > MOST / 2 / (EACH + NV_PCAP_RECORD_HEADER));
}

static void datagram_larger_than_half_the_bound_is_written_all_the_same(void **state)
{
    (void)state;
    static uint8_t datagram[NV_PCAP_DATAGRAM_MAX];
    struct nv_recorder *r;
    assert_int_equal(nv_recorder_open(file, 1000, &r), 0);
    for (unsigned i = 0; i < 3; i++)
        nv_recorder_datagram(r, NV_PCAP_EVENTS, datagram, sizeof datagram, sizeof datagram, false);
    nv_recorder_close(r);
    for (unsigned n = 0; n < 2; n++) {
        struct content c;
        struct nv_pcap_record rec;
        read_file(&c, n ? file : old);
        assert_int_equal(nv_pcap_next(&c.reader, &rec), NV_PCAP_OK);
        assert_int_equal(rec.len, sizeof datagram);
        assert_int_equal(nv_pcap_next(&c.reader, &rec), NV_PCAP_END);
        free(c.bytes);
    }
}

static void file_that_can_grow_no_further_ends_at_a_whole_record(void **state)
{
    (void)state;
    struct rlimit usual, small;
    static uint8_t datagram[5000];
    struct nv_recorder *r;
    struct nv_source_stats stats = {.record_files = 0};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    small = (struct rlimit){.rlim_cur = 400000, .rlim_max = usual.rlim_max};
    assert_int_equal(nv_recorder_open(file, 1 << 30, &r), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (unsigned i = 0; i < 200; i++)
        nv_recorder_datagram(r, NV_PCAP_EVENTS, datagram, sizeof datagram, sizeof datagram, false);
    nv_recorder_stats(r, &stats);
    nv_recorder_close(r);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
    assert_int_equal(stats.record_error, -EFBIG);
    assert_true(stats.record_lost > 0 && stats.record_lost < 200);
    struct content c;
    struct nv_pcap_record rec;
    enum nv_pcap_verdict v;
    read_file(&c, file);
    do
        v = nv_pcap_next(&c.reader, &rec);
    while (v == NV_PCAP_OK);
    assert_int_equal(v, NV_PCAP_END);
    free(c.bytes);
}

static void links_and_other_files_are_refused_and_left_alone(void **state)
{
    (void)state;
    struct nv_recorder *r = (void *)dir;
    assert_int_equal(symlink("/etc/passwd", file), 0);
    assert_int_equal(nv_recorder_open(file, 1 << 20, &r), -ELOOP);
    assert_null(r);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(nv_recorder_open("/dev/null", 1 << 20, &r), -ELOOP);
    assert_int_equal(nv_recorder_open(dir, 1 << 20, &r), -ELOOP);
    assert_int_equal(nv_recorder_open("/nonexistent/f", 1 << 20, &r), -ENOENT);
    /* No recorder: nothing happens. */
    nv_recorder_turn(NULL, false);
    nv_recorder_datagram(NULL, NV_PCAP_EVENTS, "", 0, 0, false);
    nv_recorder_failure(NULL, NV_PCAP_EVENTS, ENOBUFS, 0, 0);
    nv_recorder_note(NULL, NV_PCAP_REREAD, 0);
    nv_recorder_close(NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(file_holds_what_was_sent_received_and_what_failed),
        T(two_files_never_hold_more_than_the_bound_and_lose_nothing_between_them),
        T(datagram_larger_than_half_the_bound_is_written_all_the_same),
        T(file_that_can_grow_no_further_ends_at_a_whole_record),
        T(links_and_other_files_are_refused_and_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
