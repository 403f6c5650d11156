/* SPDX-License-Identifier: MIT */
/*
 * test_dataplane_packet.c - frames into packets, what forwarding changes in them, and ICMP errors about them.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench/dataplane/icmp.h"
#include "bench/dataplane/packet.h"

#include <cmocka.h>

static const uint8_t mac[6] = {2, 0, 0, 0, 1, 0};

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* UDP from 10.0.0.1 port 7 to 10.0.1.2 port 9, with `payload` bytes behind. */
static uint32_t make4(uint8_t *frame, unsigned payload)
{
    uint8_t *ip = frame + PACKET_ETHERNET;
    memset(frame, 0, PACKET_ETHERNET + 28 + payload);
    memcpy(frame, mac, 6);
    put16(frame + 12, 0x0800);
    ip[0] = 0x45;
    ip[1] = 0x10;
    put16(ip + 2, 28 + payload);
    ip[8] = 64;
    ip[9] = IPPROTO_UDP;
    memcpy(ip + 12, (const uint8_t[]){10, 0, 0, 1}, 4);
    memcpy(ip + 16, (const uint8_t[]){10, 0, 1, 2}, 4);
    put16(ip + 20, 7);
    put16(ip + 22, 9);
    put16(ip + 24, 8 + payload);
    put16(ip + 10, packet_sum_end(packet_sum(ip, 20, 0)));
    return PACKET_ETHERNET + 28 + payload;
}

static uint32_t make6(uint8_t *frame, unsigned payload)
{
    uint8_t *ip = frame + PACKET_ETHERNET;
    memset(frame, 0, PACKET_ETHERNET + 48 + payload);
    memcpy(frame, mac, 6);
    put16(frame + 12, 0x86dd);
    put16(ip, 0x6b80); /* traffic class 0xb8 */
    put16(ip + 4, 8 + payload);
    ip[6] = IPPROTO_UDP;
    ip[7] = 3;
    ip[8] = ip[24] = 0x20;
    ip[23] = 1;
    ip[39] = 2;
    put16(ip + 40, 7);
    put16(ip + 42, 9);
    put16(ip + 44, 8 + payload);
    return PACKET_ETHERNET + 48 + payload;
}

static void mend4(uint8_t *frame)
{
    uint8_t *ip = frame + PACKET_ETHERNET;
    put16(ip + 10, 0);
    put16(ip + 10, packet_sum_end(packet_sum(ip, (ip[0] & 0xfu) * 4u, 0)));
}

static enum packet_kind parse(struct packet *p, uint8_t *frame, uint32_t len)
{
    memset(p, 0, sizeof(*p));
    p->frame = frame;
    p->len = len;
    return packet_parse(p, mac);
}

static void headers_of_both_families_are_read(void **state)
{
    uint8_t frame[256];
    struct packet p;
    (void)state;
    assert_int_equal(parse(&p, frame, make4(frame, 20)), PACKET_ROUTE);
    assert_int_equal(p.family, 4);
    assert_int_equal(p.tos, 0x10);
    assert_int_equal(p.ttl, 64);
    assert_int_equal(p.proto, IPPROTO_UDP);
    assert_int_equal(p.sport, 7);
    assert_int_equal(p.dport, 9);
    assert_int_equal(p.dst[2], 1);
    assert_int_equal(parse(&p, frame, make6(frame, 20)), PACKET_ROUTE);
    assert_int_equal(p.family, 6);
    assert_int_equal(p.tos, 0xb8);
    assert_int_equal(p.ttl, 3);
    assert_int_equal(p.sport, 7);
    assert_int_equal(p.dport, 9);
    assert_int_equal(p.dst[15], 2);
}

static void padding_of_short_frames_is_cut_off(void **state)
{
    uint8_t frame[64] = {0};
    struct packet p;
    (void)state;
    const uint32_t len = make4(frame, 0);
    assert_true(len < 60);
    assert_int_equal(parse(&p, frame, 60), PACKET_ROUTE);
    assert_int_equal(p.len, len);
}

static void what_the_kernel_would_not_take_is_bad(void **state)
{
    uint8_t frame[256];
    struct packet p;
    (void)state;
    const uint32_t len = make4(frame, 20);
    assert_int_equal(parse(&p, frame, len - 1), PACKET_BAD);
    frame[PACKET_ETHERNET + 8]--; /* the checksum no longer fits */
    assert_int_equal(parse(&p, frame, len), PACKET_BAD);
    make4(frame, 20);
    frame[PACKET_ETHERNET] = 0x44;
    mend4(frame);
    assert_int_equal(parse(&p, frame, len), PACKET_BAD);
    frame[PACKET_ETHERNET] = 0x65;
    mend4(frame);
    assert_int_equal(parse(&p, frame, len), PACKET_BAD);
    assert_int_equal(parse(&p, frame, 13), PACKET_BAD);
    const uint32_t len6 = make6(frame, 20);
    assert_int_equal(parse(&p, frame, len6 - 1), PACKET_BAD);
}

static void what_is_not_to_be_routed_goes_to_the_host(void **state)
{
    uint8_t frame[256];
    struct packet p;
    (void)state;
    uint32_t len = make4(frame, 20);
    frame[0] = 0xff;
    assert_int_equal(parse(&p, frame, len), PACKET_HOST);
    len = make4(frame, 20);
    put16(frame + 12, 0x0806);
    assert_int_equal(parse(&p, frame, len), PACKET_HOST);
    len = make4(frame, 20);
    frame[5] = 9;
    assert_int_equal(parse(&p, frame, len), PACKET_STRANGE);
    len = make4(frame, 20);
    frame[PACKET_ETHERNET + 16] = 224;
    mend4(frame);
    assert_int_equal(parse(&p, frame, len), PACKET_HOST);
    len = make6(frame, 20);
    put16(frame + PACKET_ETHERNET + 24, 0xfe80);
    assert_int_equal(parse(&p, frame, len), PACKET_HOST);
    len = make4(frame, 20);
    frame[PACKET_ETHERNET] = 0x46;
    mend4(frame);
    assert_int_equal(parse(&p, frame, len), PACKET_EXCEPTION);
    len = make6(frame, 20);
    frame[PACKET_ETHERNET + 6] = IPPROTO_HOPOPTS;
    assert_int_equal(parse(&p, frame, len), PACKET_EXCEPTION);
}

static void fragments_have_no_ports(void **state)
{
    uint8_t frame[256];
    struct packet p;
    (void)state;
    const uint32_t len = make4(frame, 20);
    put16(frame + PACKET_ETHERNET + 6, 0x2000);
    mend4(frame);
    assert_int_equal(parse(&p, frame, len), PACKET_ROUTE);
    assert_true(p.fragment && !p.later);
    assert_int_equal(p.dport, 0);
    put16(frame + PACKET_ETHERNET + 6, 0x0010);
    mend4(frame);
    assert_int_equal(parse(&p, frame, len), PACKET_ROUTE);
    assert_true(p.fragment && p.later);
}

static void ports_are_found_behind_extension_headers(void **state)
{
    uint8_t frame[256];
    struct packet p;
    (void)state;
    const uint32_t len = make6(frame, 24);
    uint8_t *ip = frame + PACKET_ETHERNET;
    ip[6] = IPPROTO_DSTOPTS;
    memmove(ip + 56, ip + 40, 16);
    memset(ip + 40, 0, 16);
    ip[40] = IPPROTO_UDP;
    ip[41] = 1; /* 16 bytes */
    assert_int_equal(parse(&p, frame, len), PACKET_ROUTE);
    assert_int_equal(p.proto, IPPROTO_UDP);
    assert_int_equal(p.dport, 9);
    ip[41] = 200; /* longer than the packet */
    assert_int_equal(parse(&p, frame, len), PACKET_ROUTE);
    assert_int_equal(p.dport, 0);
}

/* Under a sanitizer a byte that is read too far ends the test. */
static void random_frames_are_never_read_past_their_end(void **state)
{
    uint32_t seed = 1;
    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        uint8_t model[128];
        struct packet p;
        uint32_t len = i % 2 ? make4(model, 40) : make6(model, 40);
        for (unsigned n = 0; n < 4; n++) {
            seed = seed * 1664525u + 1013904223u;
            model[12 + (seed >> 8) % (len - 12)] = (uint8_t)(seed >> 24);
        }
        if (i % 4 > 1 && model[12] == 8)
            mend4(model);
        len = 1 + (seed >> 10) % len;
        uint8_t *frame = malloc(len);
        assert_non_null(frame);
        memcpy(frame, model, len);
        if (parse(&p, frame, len) == PACKET_ROUTE)
            assert_true(p.len <= len && p.upper <= p.len + 8);
        free(frame);
    }
}

static void each_ttl_leaves_a_checksum_that_fits(void **state)
{
    uint8_t frame[64];
    struct packet p;
    (void)state;
    for (unsigned id = 0; id < 65536; id++) {
        const uint32_t len = make4(frame, 0);
        put16(frame + PACKET_ETHERNET + 4, id);
        frame[PACKET_ETHERNET + 8] = (uint8_t)(2 + id % 253);
        mend4(frame);
        assert_int_equal(parse(&p, frame, len), PACKET_ROUTE);
        packet_hop(&p);
        assert_int_equal(frame[PACKET_ETHERNET + 8], 1 + id % 253);
        assert_int_equal(packet_sum_end(packet_sum(frame + PACKET_ETHERNET, 20, 0)), 0);
    }
    const uint32_t len = make6(frame, 0);
    assert_int_equal(parse(&p, frame, len), PACKET_ROUTE);
    packet_hop(&p);
    assert_int_equal(frame[PACKET_ETHERNET + 7], 2);
}

static void packets_of_a_flow_are_of_one_key_and_others_are_not(void **state)
{
    uint8_t frame[64], other[64];
    struct packet p, q;
    struct packet_flow a, b;
    (void)state;
    parse(&p, frame, make4(frame, 0));
    parse(&q, other, make4(other, 1));
    packet_flow(&p, &a);
    packet_flow(&q, &b);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_int_equal(packet_flow_hash(&a), packet_flow_hash(&b));
    put16(other + PACKET_ETHERNET + 22, 10);
    parse(&q, other, PACKET_ETHERNET + 29);
    packet_flow(&q, &b);
    assert_memory_not_equal(&a, &b, sizeof(a));
}

/* ---- errors ------------------------------------------------------------------------------------- */

static void an_error_quotes_the_packet_and_its_checksums_fit(void **state)
{
    static const uint8_t from4[16] = {10, 0, 0, 254}, from6[16] = {0x20, [15] = 9};
    uint8_t frame[2048], answer[ICMP_FRAME_MAX];
    struct packet p;
    (void)state;
    assert_int_equal(parse(&p, frame, make4(frame, 1001)), PACKET_ROUTE);
    struct icmp_error error = icmp_error_of(4, ICMP_REASON_TOO_BIG, 1280);
    uint32_t len = icmp_build(&p, &error, from4, answer);
    const uint8_t *ip = answer + PACKET_ETHERNET;
    assert_int_equal(len, PACKET_ETHERNET + 576);
    assert_int_equal(packet_sum_end(packet_sum(ip, 20, 0)), 0);
    assert_int_equal(packet_sum_end(packet_sum(ip + 20, 556, 0)), 0);
    assert_int_equal(ip[1], 0xd0);
    assert_memory_equal(ip + 16, p.src, 4);
    assert_int_equal(get16(ip + 20), 0x0304);
    assert_int_equal(get16(ip + 26), 1280);
    assert_memory_equal(ip + 28, frame + PACKET_ETHERNET, 548);

    assert_int_equal(parse(&p, frame, make6(frame, 1301)), PACKET_ROUTE);
    error = icmp_error_of(6, ICMP_REASON_HOPS, 0);
    len = icmp_build(&p, &error, from6, answer);
    assert_int_equal(len, PACKET_ETHERNET + 1280);
    uint32_t sum = packet_sum(ip + 8, 32, 1240 + IPPROTO_ICMPV6);
    assert_int_equal(packet_sum_end(packet_sum(ip + 40, 1240, sum)), 0);
    assert_int_equal(get16(ip + 40), 0x0300);
    assert_memory_equal(ip + 48, frame + PACKET_ETHERNET, 1232);
}

static void errors_are_not_answered_nor_is_nobody(void **state)
{
    uint8_t frame[256];
    struct packet p;
    (void)state;
    uint32_t len = make4(frame, 20);
    parse(&p, frame, len);
    assert_true(icmp_may_answer(&p));
    frame[PACKET_ETHERNET + 9] = IPPROTO_ICMP;
    frame[PACKET_ETHERNET + 20] = 8;
    mend4(frame);
    parse(&p, frame, len);
    assert_true(icmp_may_answer(&p));
    frame[PACKET_ETHERNET + 20] = 3;
    assert_false(icmp_may_answer(&p));
    len = make4(frame, 20);
    memset(frame + PACKET_ETHERNET + 12, 0, 4);
    mend4(frame);
    parse(&p, frame, len);
    assert_false(icmp_may_answer(&p));
    len = make4(frame, 20);
    put16(frame + PACKET_ETHERNET + 6, 0x0010);
    mend4(frame);
    parse(&p, frame, len);
    assert_false(icmp_may_answer(&p));
    len = make6(frame, 20);
    frame[PACKET_ETHERNET + 6] = IPPROTO_ICMPV6;
    frame[PACKET_ETHERNET + 40] = 1;
    parse(&p, frame, len);
    assert_false(icmp_may_answer(&p));
    frame[PACKET_ETHERNET + 40] = 128;
    assert_true(icmp_may_answer(&p));
}

static void errors_are_limited_to_a_burst_and_a_rate(void **state)
{
    struct icmp_bucket bucket = {.per_second = 100, .burst = 5};
    uint64_t now_ns = 1000000000;
    unsigned taken = 0;
    (void)state;
    for (int i = 0; i < 20; i++)
        taken += icmp_bucket_take(&bucket, now_ns);
    assert_int_equal(taken, 5);
    for (int i = 0; i < 1000; i++, now_ns += 1000000)
        taken += icmp_bucket_take(&bucket, now_ns);
    assert_in_range(taken, 5 + 98, 5 + 101);
    bucket = (struct icmp_bucket){0};
    for (int i = 0; i < 1000; i++)
        assert_true(icmp_bucket_take(&bucket, now_ns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_of_both_families_are_read),
        cmocka_unit_test(padding_of_short_frames_is_cut_off),
        cmocka_unit_test(what_the_kernel_would_not_take_is_bad),
        cmocka_unit_test(what_is_not_to_be_routed_goes_to_the_host),
        cmocka_unit_test(fragments_have_no_ports),
        cmocka_unit_test(ports_are_found_behind_extension_headers),
        cmocka_unit_test(random_frames_are_never_read_past_their_end),
        cmocka_unit_test(each_ttl_leaves_a_checksum_that_fits),
        cmocka_unit_test(packets_of_a_flow_are_of_one_key_and_others_are_not),
        cmocka_unit_test(an_error_quotes_the_packet_and_its_checksums_fit),
        cmocka_unit_test(errors_are_not_answered_nor_is_nobody),
        cmocka_unit_test(errors_are_limited_to_a_burst_and_a_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
