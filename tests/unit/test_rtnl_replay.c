/* SPDX-License-Identifier: MIT */
/*
 * test_rtnl_replay.c - platform/linux/rtnl_replay*.c: recordings made by hand, and what a source makes of them.
 *
 * The clock is the real one, held by the replay: nothing here sleeps.
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
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "nv/base.h"
#include "platform/linux/rtnl_replay.h"

#define PORT 77u
#define MS   NV_NS_PER_MS

/* ---- a recording, written line by line ---------------------------------------------------------------- */

static struct {
    uint8_t bytes[65536];
    size_t size;
    uint64_t at_ns;
    uint32_t turn, seq;
} file;

static void begin_file(void)
{
    memset(&file, 0, sizeof file);
    nv_pcap_put_file_header(file.bytes);
    file.size = NV_PCAP_FILE_HEADER;
    file.at_ns = UINT64_C(1700000000) * NV_NS_PER_S;
}

/* After some time, in the next pump or in the same. */
static void later(uint64_t ns)
{
    file.at_ns += ns;
    file.turn++;
}

static void put(uint8_t role, uint8_t flags, bool sent, const struct nlmsghdr *nlh)
{
    struct nv_pcap_record r = {.stamp_ns = file.at_ns,
                               .turn = file.turn,
                               .role = role,
                               .flags = flags,
                               .sent = sent,
                               .len = nlh->nlmsg_len,
                               .full_len = nlh->nlmsg_len,
                               .data = (const void *)nlh};
    nv_pcap_put_record_header(file.bytes + file.size, &r);
    memcpy(file.bytes + file.size + NV_PCAP_RECORD_HEADER, nlh, nlh->nlmsg_len);
    file.size += NV_PCAP_RECORD_HEADER + nlh->nlmsg_len;
}

union message {
    struct nlmsghdr head;
    uint64_t aligned[32];
};

static void *begin_message(union message *m, uint16_t type, uint16_t flags, uint32_t seq,
                           size_t size)
{
    memset(m, 0, sizeof *m);
    (void)mnl_nlmsg_put_header(m);
    m->head.nlmsg_type = type;
    m->head.nlmsg_flags = flags;
    m->head.nlmsg_seq = seq;
    m->head.nlmsg_pid = seq ? PORT : 0;
    return mnl_nlmsg_put_extra_header(&m->head, size);
}

static void link_message(union message *m, uint32_t seq, int ifindex, const char *name)
{
    struct ifinfomsg *ifi = begin_message(m, RTM_NEWLINK, NLM_F_MULTI, seq, sizeof *ifi);
    ifi->ifi_index = ifindex;
    mnl_attr_put_strz(&m->head, IFLA_IFNAME, name);
}

static void event_link(int ifindex, const char *name)
{
    union message m;
    link_message(&m, 0, ifindex, name);
    put(NV_PCAP_EVENTS, 0, false, &m.head);
}

static void event_of(uint16_t type)
{
    union message m;
    (void)begin_message(&m, type, 0, 0, 4);
    put(NV_PCAP_EVENTS, type == NLMSG_OVERRUN ? NV_PCAP_F_MADE : 0, false, &m.head);
}

static void asked_links(bool full)
{
    union message m;
    (void)begin_message(&m, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, ++file.seq,
                        sizeof(struct ifinfomsg));
    put(NV_PCAP_DUMPS, full ? NV_PCAP_F_FULL : 0, true, &m.head);
}

static void asked_barrier(void)
{
    union message m;
    struct ifinfomsg *ifi = begin_message(&m, RTM_GETLINK, NLM_F_REQUEST, ++file.seq, sizeof *ifi);
    ifi->ifi_index = 1;
    put(NV_PCAP_DUMPS, 0, true, &m.head);
}

static void asked_addrs(uint8_t family)
{
    union message m;
    struct ifaddrmsg *ifa =
        begin_message(&m, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, ++file.seq, sizeof *ifa);
    ifa->ifa_family = family;
    put(NV_PCAP_DUMPS, 0, true, &m.head);
}

static void dumped_link(int ifindex, const char *name)
{
    union message m;
    link_message(&m, file.seq, ifindex, name);
    put(NV_PCAP_DUMPS, 0, false, &m.head);
}

static void dump_done(void)
{
    union message m;
    (void)begin_message(&m, NLMSG_DONE, NLM_F_MULTI, file.seq, 4);
    put(NV_PCAP_DUMPS, 0, false, &m.head);
}

/* ---- a writer ------------------------------------------------------------------------------------------ */

static struct nv_source *source;
static char seen[512]; /* what came, a word each */
static uint64_t seen_ns;

static void sink(void *arg, const struct nv_event *ev)
{
    char word[64] = "?";
    (void)arg;
    seen_ns = nv_clock_boottime_ns();
    switch (ev->kind) {
    case NV_EV_UPSERT:
    case NV_EV_REMOVE:
        (void)snprintf(word, sizeof word, "%s%s", ev->cls == NV_LINK ? ev->link->name : "other",
                       ev->dump ? "/dump" : "");
        break;
    case NV_EV_HINT: (void)snprintf(word, sizeof word, "hint"); break;
    case NV_EV_LOST: (void)snprintf(word, sizeof word, "lost%d", (int)ev->lost); break;
    case NV_EV_DUMP_BEGIN: (void)snprintf(word, sizeof word, "begin%u", ev->dump); break;
    case NV_EV_DUMP_END:
        (void)snprintf(word, sizeof word, "end%u:%d", ev->dump, (int)ev->status);
        break;
    case NV_EV_ANSWER: (void)snprintf(word, sizeof word, "answer:%d", ev->error); break;
    }
    if (seen[0])
        (void)strncat(seen, " ", sizeof seen - strlen(seen) - 1);
    (void)strncat(seen, word, sizeof seen - strlen(seen) - 1);
}

static void open_source(void)
{
    struct nv_recording recording;
    char why[128];
    uint8_t *bytes = malloc(file.size);
    assert_non_null(bytes);
    memcpy(bytes, file.bytes, file.size);
    assert_int_equal(nv_recording_parse(&recording, bytes, file.size, why, sizeof why), 0);
    struct nv_replay_args args = {.sink = sink};
    assert_int_equal(nv_replay_open(&args, &recording, &source), 0);
    seen[0] = 0;
}

static void close_source(void)
{
    nv_source_close(source);
    source = NULL;
}

static bool has_ended(void)
{
    struct nv_source_stats s;
    nv_source_stats(source, &s);
    return s.replay.ended;
}

static struct nv_replay_stats replay_stats(void)
{
    struct nv_source_stats s;
    nv_source_stats(source, &s);
    return s.replay;
}

/* A turn of a loop that has nothing due before due_ns. */
static void turn(uint64_t due_ns)
{
    assert_int_equal(nv_source_rest(source, due_ns), 0);
    assert_int_equal(nv_source_pump(source, 64), 0);
}

static void play(void)
{
    for (unsigned i = 0; !has_ended(); i++) {
        assert_true(i < 1000);
        turn(NV_FOREVER);
    }
}

static const struct nv_dump_request links = {.number = 5, .cls = NV_LINK};

/* As the writer does: asks as soon as the request has its place. */
static void ask_in_time(const struct nv_dump_request *req)
{
    for (unsigned i = 0; !nv_source_ready(source, req); i++) {
        assert_true(i < 1000 && !has_ended());
        turn(NV_FOREVER);
    }
    assert_int_equal(nv_source_dump(source, req), 0);
}

/* ---- tests ---------------------------------------------------------------------------------------------- */

static void dump_comes_between_the_events_between_which_it_came(void **state)
{
    (void)state;
    begin_file();
    event_link(2, "a");
    later(MS);
    event_link(2, "b");
    asked_links(false);
    later(MS);
    event_link(2, "c");
    dumped_link(2, "b");
    later(MS);
    dump_done();
    event_link(2, "d"); /* read when the dump had ended, before that was told */
    later(MS);
    event_link(2, "e");
    open_source();
    ask_in_time(&links);
    assert_int_equal(nv_source_dump(source, &links), -EBUSY);
    play();
    assert_string_equal(seen, "a b begin5 c b/dump d end5:0 e");
    close_source();
}

static void held_clock_is_that_of_the_recording(void **state)
{
    (void)state;
    begin_file();
    event_link(2, "a");
    later(300 * MS);
    event_link(2, "b");
    open_source();
    turn(NV_FOREVER);
    uint64_t first = seen_ns, timer = first + 100 * MS;
    turn(timer); /* what is due between two datagrams gets its time */
    assert_true(nv_clock_boottime_ns() == timer);
    assert_string_equal(seen, "a");
    turn(NV_FOREVER);
    assert_string_equal(seen, "a b");
    assert_true(seen_ns - first == 300 * MS);
    close_source();
    assert_true(nv_clock_boottime_ns() >= seen_ns); /* it runs again, and not backwards */
}

static void dump_that_is_not_asked_for_is_passed_over_with_its_replies(void **state)
{
    (void)state;
    begin_file();
    asked_links(false);
    dumped_link(2, "a");
    dump_done();
    later(MS);
    event_link(2, "b");
    open_source();
    play();
    assert_string_equal(seen, "b");
    struct nv_replay_stats s = replay_stats();
    assert_true(s.requests_skipped == 1 && s.datagrams_skipped == 2 && s.datagrams == 1);
    close_source();
}

static void writer_whose_timer_is_a_little_late_gets_its_dump(void **state)
{
    (void)state;
    begin_file();
    event_link(2, "a");
    later(MS);
    asked_links(false);
    later(MS);
    dumped_link(2, "b");
    dump_done();
    open_source();
    turn(NV_FOREVER);
    uint64_t due = nv_clock_boottime_ns() + 5 * MS; /* the recorded writer asked after one */
    while (nv_clock_boottime_ns() < due)
        turn(due);
    assert_int_equal(nv_source_dump(source, &links), 0);
    play();
    assert_string_equal(seen, "a begin5 b/dump end5:0");
    close_source();
}

static void dump_that_the_recording_lacks_ends_unavailable_at_once(void **state)
{
    (void)state;
    begin_file();
    event_link(2, "a");
    later(MS);
    event_link(2, "b");
    open_source();
    assert_true(nv_source_ready(source, &links));
    assert_int_equal(nv_source_dump(source, &links), 0);
    turn(NV_FOREVER);
    assert_string_equal(seen, "begin5 end5:4 a");
    assert_int_equal(NV_DUMP_UNAVAILABLE, 4);
    play();
    assert_int_equal(replay_stats().unavailable, 1);
    assert_int_equal(nv_source_dump(source, &links), 0); /* and after the end, too */
    turn(0);
    assert_string_equal(seen, "begin5 end5:4 a b begin5 end5:4");
    assert_int_equal(replay_stats().unavailable, 1); /* where nothing is lacking */
    close_source();
}

static void step_of_a_full_re_read_is_not_taken_for_a_targeted_one(void **state)
{
    (void)state;
    begin_file();
    event_link(2, "a");
    asked_links(false);
    later(MS);
    dumped_link(2, "b");
    dump_done();
    later(MS);
    asked_links(true);
    later(MS);
    dumped_link(2, "c");
    dump_done();
    open_source();
    struct nv_dump_request full = {.number = 9, .cls = NV_LINK, .full = true};
    ask_in_time(&full);
    play();
    assert_string_equal(seen, "a begin9 c/dump end9:0");
    close_source();
}

static void dump_of_more_answers_a_request_for_less(void **state)
{
    (void)state;
    begin_file();
    asked_links(true); /* not this one: the round needs it */
    later(MS);
    dumped_link(9, "z");
    dump_done();
    later(MS);
    asked_links(false);
    later(MS);
    dumped_link(2, "a");
    dumped_link(3, "b");
    dump_done();
    open_source();
    struct nv_dump_request one = {.number = 6, .cls = NV_LINK, .ifindex = 3};
    ask_in_time(&one);
    play();
    assert_string_equal(seen, "begin6 b/dump end6:0");
    close_source();
}

static void cut_datagram_of_a_dump_ends_it_at_once(void **state)
{
    (void)state;
    begin_file();
    asked_links(false);
    later(MS);
    dumped_link(2, "a");
    size_t last = file.size;
    dumped_link(3, "b");
    uint32_t full_len;
    memcpy(&full_len, file.bytes + last + 12, sizeof full_len);
    full_len += 100;
    memcpy(file.bytes + last + 12, &full_len, sizeof full_len);
    later(MS);
    event_link(4, "c");
    open_source();
    ask_in_time(&links);
    play();
    assert_string_equal(seen, "begin5 a/dump end5:3 c");
    close_source();
}

static void dump_behind_a_barrier_is_asked_for_at_the_barrier(void **state)
{
    (void)state;
    begin_file();
    event_link(2, "a");
    asked_barrier();
    later(MS);
    event_link(2, "b");
    dumped_link(1, "lo"); /* the barrier's reply: no fact */
    asked_links(false);
    later(MS);
    dumped_link(2, "c");
    dump_done();
    open_source();
    struct nv_dump_request req = links;
    req.barrier = true;
    ask_in_time(&req);
    assert_string_equal(seen, "a");
    play();
    assert_string_equal(seen, "a b begin5 c/dump end5:0");
    assert_int_equal(replay_stats().datagrams_skipped, 0);
    close_source();
}

static void addresses_of_both_families_are_one_dump(void **state)
{
    (void)state;
    begin_file();
    asked_addrs(AF_INET);
    later(MS);
    dump_done();
    asked_addrs(AF_INET6);
    later(MS);
    event_link(2, "a");
    dump_done();
    open_source();
    struct nv_dump_request req = {.number = 3, .cls = NV_ADDR};
    ask_in_time(&req);
    play();
    assert_string_equal(seen, "begin3 a end3:0");
    struct nv_replay_stats s = replay_stats();
    assert_true(s.requests == 2 && s.requests_skipped == 0 && s.unavailable == 0);
    close_source();
}

static void dump_without_an_end_fails_where_the_next_one_was_asked(void **state)
{
    (void)state;
    begin_file();
    asked_links(false);
    later(MS);
    dumped_link(2, "a");
    later(5000 * MS);
    asked_links(false);
    later(MS);
    dumped_link(2, "b");
    dump_done();
    open_source();
    ask_in_time(&links);
    for (unsigned i = 0; !strstr(seen, "end"); i++) {
        assert_true(i < 100);
        turn(NV_FOREVER);
    }
    ask_in_time(&links);
    play();
    assert_string_equal(seen, "begin5 a/dump end5:3 begin5 b/dump end5:0");
    close_source();
}

static void overrun_is_told_behind_what_was_read_with_it(void **state)
{
    (void)state;
    begin_file();
    event_link(2, "a");
    event_of(NLMSG_OVERRUN);
    event_link(2, "b");
    later(MS);
    event_link(2, "c");
    open_source();
    play();
    assert_string_equal(seen, "a b lost0 c");
    close_source();
}

static void running_dump_at_a_cut_end_is_unavailable(void **state)
{
    (void)state;
    begin_file();
    asked_links(true);
    later(MS);
    dumped_link(2, "a");
    open_source();
    struct nv_dump_request full = {.number = 9, .cls = NV_LINK, .full = true};
    ask_in_time(&full);
    play();
    assert_string_equal(seen, "begin9 a/dump end9:4");
    assert_int_equal(replay_stats().unavailable, 0);
    close_source();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dump_comes_between_the_events_between_which_it_came),
        cmocka_unit_test(held_clock_is_that_of_the_recording),
        cmocka_unit_test(dump_that_is_not_asked_for_is_passed_over_with_its_replies),
        cmocka_unit_test(writer_whose_timer_is_a_little_late_gets_its_dump),
        cmocka_unit_test(dump_that_the_recording_lacks_ends_unavailable_at_once),
        cmocka_unit_test(step_of_a_full_re_read_is_not_taken_for_a_targeted_one),
        cmocka_unit_test(dump_of_more_answers_a_request_for_less),
        cmocka_unit_test(cut_datagram_of_a_dump_ends_it_at_once),
        cmocka_unit_test(dump_behind_a_barrier_is_asked_for_at_the_barrier),
        cmocka_unit_test(addresses_of_both_families_are_one_dump),
        cmocka_unit_test(dump_without_an_end_fails_where_the_next_one_was_asked),
        cmocka_unit_test(overrun_is_told_behind_what_was_read_with_it),
        cmocka_unit_test(running_dump_at_a_cut_end_is_unavailable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
