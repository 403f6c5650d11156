/* SPDX-License-Identifier: MIT */
/*
 * test_rtnl_pcap.c - platform/linux/rtnl_pcap.c: what is written is read, and any bytes are borne.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nv/base.h"
#include "platform/linux/rtnl_pcap.h"

struct file {
    size_t size;
    uint8_t *bytes; /* exactly so long, so that a sanitizer sees a read behind them */
};

static const uint8_t payload[40] = {40, 0, 0, 0, 3, 0, 2, 0, 7};

static void put(struct file *f, const struct nv_pcap_record *r)
{
    size_t bytes = NV_PCAP_RECORD_HEADER + (size_t)r->len;
    uint8_t *more = realloc(f->bytes, f->size + bytes);
    assert_non_null(more);
    f->bytes = more;
    nv_pcap_put_record_header(more + f->size, r);
    memcpy(more + f->size + NV_PCAP_RECORD_HEADER, r->data, r->len);
    f->size += bytes;
}

/* Three records, each of its own kind. */
static struct file make(void)
{
    struct file f = {.size = NV_PCAP_FILE_HEADER, .bytes = malloc(NV_PCAP_FILE_HEADER)};
    assert_non_null(f.bytes);
    nv_pcap_put_file_header(f.bytes);
    put(&f, &(struct nv_pcap_record){.stamp_ns = UINT64_C(1700000000123456789),
                                     .turn = 1,
                                     .role = NV_PCAP_DUMPS,
                                     .flags = NV_PCAP_F_FULL,
                                     .sent = true,
                                     .len = 16,
                                     .full_len = 16,
                                     .data = payload});
    put(&f, &(struct nv_pcap_record){.stamp_ns = UINT64_C(1700000001000000000),
                                     .turn = UINT32_MAX,
                                     .role = NV_PCAP_EVENTS,
                                     .len = 40,
                                     .full_len = 70000,
                                     .data = payload});
    put(&f, &(struct nv_pcap_record){.stamp_ns = UINT64_C(1700000001999999999),
                                     .role = NV_PCAP_QUERIES,
                                     .len = 0,
                                     .full_len = 0,
                                     .data = payload});
    return f;
}

static enum nv_pcap_verdict read_all(const uint8_t *bytes, size_t size, unsigned *ret_count)
{
    struct nv_pcap_reader r;
    struct nv_pcap_record rec;
    *ret_count = 0;
    enum nv_pcap_verdict v = nv_pcap_open(&r, bytes, size);
    while (v == NV_PCAP_OK && (v = nv_pcap_next(&r, &rec)) == NV_PCAP_OK) {
        assert_true(rec.data >= bytes && rec.data + rec.len <= bytes + size);
        assert_true(rec.len <= NV_PCAP_DATAGRAM_MAX && rec.len <= rec.full_len);
        ++*ret_count;
    }
    return v;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct file f = make();
    struct nv_pcap_reader r;
    struct nv_pcap_record rec;
    assert_int_equal(nv_pcap_open(&r, f.bytes, f.size), NV_PCAP_OK);
    assert_int_equal(nv_pcap_next(&r, &rec), NV_PCAP_OK);
    assert_true(rec.stamp_ns == UINT64_C(1700000000123456789) && rec.sent && rec.turn == 1);
    assert_true(rec.role == NV_PCAP_DUMPS && rec.flags == NV_PCAP_F_FULL && rec.len == 16);
    assert_memory_equal(rec.data, payload, 16);
    assert_int_equal(nv_pcap_next(&r, &rec), NV_PCAP_OK);
    assert_true(rec.turn == UINT32_MAX && !rec.sent && rec.len == 40 && rec.full_len == 70000);
    assert_memory_equal(rec.data, payload, 40);
    assert_int_equal(nv_pcap_next(&r, &rec), NV_PCAP_OK);
    assert_true(rec.stamp_ns == UINT64_C(1700000001999999999) && rec.role == NV_PCAP_QUERIES);
    assert_int_equal(nv_pcap_next(&r, &rec), NV_PCAP_END);
    free(f.bytes);
}

/* The numbers of https://www.tcpdump.org/linktypes/LINKTYPE_NETLINK.html and of pcap-savefile(5). */
static void bytes_are_those_that_others_read(void **state)
{
    (void)state;
    struct file f = make();
    const uint32_t magic = 0xa1b23c4d, link = 253, len = 32;
    assert_memory_equal(f.bytes, &magic, 4);
    assert_memory_equal(f.bytes + 20, &link, 4);
    const uint8_t *record = f.bytes + NV_PCAP_FILE_HEADER;
    assert_memory_equal(record + 8, &len, 4); /* the cooked header counts */
    const uint8_t cooked[16] = {
        0, 4, 824 >> 8, 824 & 255, 'n', 'v', NV_PCAP_DUMPS, NV_PCAP_F_FULL, 0, 0, 0, 1, 0, 0, 0, 0};
    assert_memory_equal(record + 16, cooked, sizeof cooked);
    free(f.bytes);
}

static void file_that_was_cut_anywhere_gives_the_whole_records_before(void **state)
{
    (void)state;
    struct file f = make();
    const size_t ends[] = {NV_PCAP_FILE_HEADER, NV_PCAP_FILE_HEADER + 48,
                           NV_PCAP_FILE_HEADER + 48 + 72, NV_PCAP_FILE_HEADER + 48 + 72 + 32};
    assert_int_equal(f.size, ends[3]);
    for (size_t size = 0; size <= f.size; size++) {
        uint8_t *cut = malloc(size ? size : 1);
        unsigned count, whole = 0;
        assert_non_null(cut);
        memcpy(cut, f.bytes, size);
        enum nv_pcap_verdict v = read_all(cut, size, &count);
        bool at_end = false;
        for (unsigned i = 0; i < NV_ARRAY_LEN(ends); i++) {
            whole += i && size >= ends[i];
            at_end |= size == ends[i];
        }
        assert_int_equal(count, whole);
        assert_int_equal(v, size < ends[0] ? NV_PCAP_NOT_PCAP : at_end ? NV_PCAP_END : NV_PCAP_CUT);
        free(cut);
    }
    free(f.bytes);
}

static void expect_fault(size_t at, const void *bytes, size_t len, enum nv_pcap_verdict fault)
{
    struct file f = make();
    unsigned count;
    memcpy(f.bytes + at, bytes, len);
    assert_int_equal(read_all(f.bytes, f.size, &count), fault);
    assert_true(fault == NV_PCAP_OK || strlen(nv_pcap_fault_text(fault)) > 20);
    free(f.bytes);
}

static void each_fault_has_a_name_of_its_own(void **state)
{
    (void)state;
    const size_t first = NV_PCAP_FILE_HEADER;
    const uint32_t turned = 0x4d3cb2a1, pcapng = 0x0a0d0d0a, ethernet = 1, large = 65536 + 17,
                   small = 15, billion = 1000000000, wild = UINT32_MAX;
    const uint16_t three = 3;
    expect_fault(0, "GIF8", 4, NV_PCAP_NOT_PCAP);
    expect_fault(0, &turned, 4, NV_PCAP_OTHER_ORDER);
    expect_fault(0, &pcapng, 4, NV_PCAP_IS_PCAPNG);
    expect_fault(4, &three, 2, NV_PCAP_OTHER_VERSION);
    expect_fault(20, &ethernet, 4, NV_PCAP_OTHER_LINK);
    expect_fault(first + 4, &billion, 4, NV_PCAP_WILD_LENGTH);
    expect_fault(first + 8, &large, 4, NV_PCAP_WILD_LENGTH);
    expect_fault(first + 8, &small, 4, NV_PCAP_WILD_LENGTH);
    expect_fault(first + 8, &wild, 4, NV_PCAP_WILD_LENGTH);
    expect_fault(first + 12, &small, 4, NV_PCAP_WILD_LENGTH);
    expect_fault(first + 16 + 2, "\0\1", 2, NV_PCAP_NOT_OURS);   /* ARPHRD_ETHER */
    expect_fault(first + 16 + 4, "\0\0", 2, NV_PCAP_NOT_OURS);   /* nlmon leaves zeros */
    expect_fault(first + 16 + 6, "\0", 1, NV_PCAP_NOT_OURS);     /* no role, */
    expect_fault(first + 16 + 6, "\4", 1, NV_PCAP_NOT_OURS);     /* an unknown one */
    expect_fault(first + 16 + 14, "\0\20", 2, NV_PCAP_NOT_OURS); /* generic netlink */
}

static void microseconds_are_read_too(void **state)
{
    (void)state;
    struct file f = make();
    const uint32_t magic = 0xa1b2c3d4, fraction = 123456;
    struct nv_pcap_reader r;
    struct nv_pcap_record rec;
    memcpy(f.bytes, &magic, 4);
    memcpy(f.bytes + NV_PCAP_FILE_HEADER + 4, &fraction, 4);
    assert_int_equal(nv_pcap_open(&r, f.bytes, f.size), NV_PCAP_OK);
    assert_int_equal(nv_pcap_next(&r, &rec), NV_PCAP_OK);
    assert_true(rec.stamp_ns == UINT64_C(1700000000123456000));
    free(f.bytes);
}

static void any_bytes_are_borne(void **state)
{
    (void)state;
    srand(253);
    for (unsigned round = 0; round < 20000; round++) {
        struct file f = make();
        for (unsigned n = (unsigned)rand() % 6; n-- > 0;)
            f.bytes[(size_t)rand() % f.size] = (uint8_t)rand();
        unsigned count;
        (void)read_all(f.bytes, f.size, &count);
        free(f.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(bytes_are_those_that_others_read),
        cmocka_unit_test(file_that_was_cut_anywhere_gives_the_whole_records_before),
        cmocka_unit_test(each_fault_has_a_name_of_its_own),
        cmocka_unit_test(microseconds_are_read_too),
        cmocka_unit_test(any_bytes_are_borne),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
