/* SPDX-License-Identifier: MIT */
/*
 * test_rtnl_source.c - platform/linux/rtnl_source.c and its neighbours against the running kernel, in a
 * network namespace of their own.
 *
 * Assumes:   ip(8), and the right to make a namespace: root's, or that of a new user namespace. Without them
 *            the test is skipped (77).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "nv/base.h"
#include "nv/plat.h"

#define SKIPPED 77

struct seen {
    unsigned facts[NV_CLASS_COUNT]; /* of the event stream */
    unsigned removals;
    unsigned dumped[NV_CLASS_COUNT];
    unsigned dump_families; /* bit 4, bit 6 */
    unsigned begins, ends, lost, answers, hints;
    unsigned outside;      /* facts of a dump that lay not between its ends */
    unsigned before_begin; /* events before the last DUMP_BEGIN */
    uint32_t open_dump;
    enum nv_dump_status status;
    enum nv_lost reason;
    int error;
    char name[16];
    uint32_t answer_number;
    int answer_error;
    struct nv_route answer;
    struct nv_hop answer_hop;
};

static struct seen seen;

static unsigned all_events(void)
{
    unsigned n = seen.hints;
    for (unsigned c = 0; c < NV_CLASS_COUNT; c++)
        n += seen.facts[c];
    return n;
}

static void take_dumped(const struct nv_event *ev)
{
    if (ev->dump != seen.open_dump)
        seen.outside++;
    seen.dumped[ev->cls]++;
    if (ev->cls == NV_ADDR)
        seen.dump_families |= 1u << ev->addr->family;
    if (ev->cls == NV_ROUTE)
        seen.dump_families |= 1u << ev->route->family;
}

static void sink(void *arg, const struct nv_event *ev)
{
    assert_ptr_equal(arg, &seen);
    switch (ev->kind) {
    case NV_EV_UPSERT:
    case NV_EV_REMOVE:
        if (ev->dump) {
            take_dumped(ev);
            break;
        }
        seen.facts[ev->cls]++;
        seen.removals += ev->kind == NV_EV_REMOVE;
        if (ev->cls == NV_LINK)
            memcpy(seen.name, ev->link->name, sizeof seen.name);
        break;
    case NV_EV_HINT: seen.hints++; break;
    case NV_EV_LOST:
        seen.lost++;
        seen.reason = ev->lost;
        break;
    case NV_EV_DUMP_BEGIN:
        seen.begins++;
        seen.open_dump = ev->dump;
        seen.before_begin = all_events();
        break;
    case NV_EV_DUMP_END:
        assert_int_equal(ev->dump, seen.open_dump);
        seen.ends++;
        seen.open_dump = 0;
        seen.status = ev->status;
        seen.error = ev->error;
        break;
    case NV_EV_ANSWER:
        seen.answers++;
        seen.answer_number = ev->dump;
        seen.answer_error = ev->error;
        if (!ev->error) {
            seen.answer = *ev->route;
            if (ev->route->hop_count)
                seen.answer_hop = ev->route->hops[0];
        }
        break;
    default: fail();
    }
}

/* The clock of this test: the real one, and what it was put forward by. */
static uint64_t clock_skew_ns;

static uint64_t clock_ns(clockid_t id)
{
    struct timespec ts;
    assert_int_equal(clock_gettime(id, &ts), 0);
    return (uint64_t)ts.tv_sec * NV_NS_PER_S + (uint64_t)ts.tv_nsec + clock_skew_ns;
}

uint64_t nv_clock_boottime_ns(void)
{
    return clock_ns(CLOCK_BOOTTIME);
}

uint64_t nv_clock_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t nv_clock_realtime_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

static void run(const char *command)
{
    assert_int_equal(system(command), 0);
}

static struct nv_source *open_source(uint64_t buffer_bytes)
{
    struct nv_source *s = NULL;
    struct nv_source_args args = {.sink = sink, .sink_arg = &seen, .buffer_bytes = buffer_bytes};
    memset(&seen, 0, sizeof seen);
    assert_int_equal(nv_source_open(&args, &s), 0);
    return s;
}

/* Pumps for as long as something comes. */
static void settle(struct nv_source *s)
{
    for (;;) {
        struct nv_poll_item items[4];
        unsigned n = nv_source_handles(s, items, 4);
        assert_in_range(n, 1, 3);
        int more = nv_source_pump(s, 4);
        assert_true(more >= 0);
        if (more)
            continue;
        n = nv_source_handles(s, items, 4);
        assert_int_equal(nv_poll(items, n, 20 * NV_NS_PER_MS), 0);
        bool any = false;
        for (unsigned i = 0; i < n; i++)
            any |= items[i].readable;
        if (!any)
            return;
    }
}

static enum nv_dump_status dump(struct nv_source *s, struct nv_dump_request req)
{
    static uint32_t number;
    unsigned ends = seen.ends;
    req.number = ++number;
    memset(seen.dumped, 0, sizeof seen.dumped);
    seen.dump_families = 0;
    assert_int_equal(nv_source_dump(s, &req), 0);
    settle(s);
    assert_int_equal(seen.ends, ends + 1);
    assert_int_equal(seen.begins, seen.ends);
    assert_int_equal(seen.outside, 0);
    return seen.status;
}

static int make_world(void **state)
{
    (void)state;
    /* Else link-local addresses settle a second later, with events that no test asked for. */
    run("for d in all default; do echo 0 > /proc/sys/net/ipv6/conf/$d/accept_dad; done");
    run("ip link set lo up");
    run("ip link add d0 type veth peer name e0");
    run("ip link set e0 up");
    run("ip link set d0 up");
    run("ip addr add 192.0.2.1/24 dev d0");
    run("ip addr add 2001:db8::1/64 dev d0 nodad");
    run("ip route add default via 192.0.2.254");
    run("ip route add unreachable 203.0.113.0/24");
    run("ip route add blackhole 198.51.100.0/24");
    run("ip -6 route add unreachable 2001:db8:dead::/48");
    run("ip nexthop add id 1 via 192.0.2.2 dev d0");
    return 0;
}

/* The one link that has addresses of both families beside loopback. */
static uint32_t d0_index(void)
{
    struct nv_source *s = open_source(0);
    uint32_t index = 0;
    for (uint32_t i = 2; i < 64 && !index; i++)
        if (dump(s, (struct nv_dump_request){.cls = NV_ADDR, .ifindex = i}) == NV_DUMP_OK &&
            seen.dump_families == (1u << 4 | 1u << 6))
            index = i;
    nv_source_close(s);
    assert_true(index);
    return index;
}

/* ---- the event stream ------------------------------------------------------------------------------- */

static void new_link_arrives_as_an_event(void **state)
{
    (void)state;
    struct nv_source *s = open_source(0);
    run("ip link add t0 type veth peer name t1");
    settle(s);
    assert_true(seen.facts[NV_LINK] >= 2);
    assert_true(seen.name[0] == 't');
    run("ip link del t0");
    settle(s);
    assert_true(seen.removals >= 2);
    assert_int_equal(seen.lost, 0);
    struct nv_source_stats stats;
    nv_source_stats(s, &stats);
    assert_true(stats.events >= 4 && stats.event_bytes > 1000);
    assert_int_equal(stats.malformed + stats.unknown + stats.overruns + stats.truncated, 0);
    nv_source_close(s);
}

static void add_many_routes(unsigned count)
{
    FILE *batch = popen("ip -batch -", "w");
    assert_non_null(batch);
    for (unsigned i = 0; i < count; i++)
        (void)fprintf(batch, "route add 10.%u.%u.0/24 dev d0\n", i / 256, i % 256);
    assert_int_equal(pclose(batch), 0);
}

static void overrun_is_reported_once_and_then_all_is_heard_again(void **state)
{
    (void)state;
    struct nv_source *s = open_source(4096);
    add_many_routes(1000);
    settle(s);
    assert_int_equal(seen.lost, 1);
    assert_int_equal(seen.reason, NV_LOST_OVERRUN);
    assert_true(seen.facts[NV_ROUTE] > 0); /* what was queued before is delivered */
    assert_true(seen.facts[NV_ROUTE] < 1000);

    unsigned before = seen.facts[NV_ROUTE];
    run("ip route add 10.200.0.0/16 dev d0");
    settle(s);
    assert_int_equal(seen.facts[NV_ROUTE], before + 1);
    assert_int_equal(seen.lost, 1);
    struct nv_source_stats stats;
    nv_source_stats(s, &stats);
    assert_int_equal(stats.overruns, 1);
    nv_source_close(s);
    run("ip route flush root 10.0.0.0/8");
}

static void default_buffer_holds_a_burst(void **state)
{
    (void)state;
    struct nv_source *s = open_source(0);
    struct nv_source_stats stats;
    nv_source_stats(s, &stats);
    assert_true(stats.buffer_bytes >= 200 * 1024);
    if (stats.buffer_bytes < UINT64_C(8) << 20) {
        nv_source_close(s);
        skip();
    }
    add_many_routes(2000);
    settle(s);
    assert_int_equal(seen.facts[NV_ROUTE], 2000);
    assert_int_equal(seen.lost, 0);
    nv_source_close(s);
    run("ip route flush root 10.0.0.0/8");
}

static void reopened_stream_goes_on(void **state)
{
    (void)state;
    struct nv_source *s = open_source(0);
    assert_int_equal(nv_source_reopen(s), 0);
    run("ip addr add 192.0.2.77/32 dev d0");
    settle(s);
    assert_int_equal(seen.facts[NV_ADDR], 1);
    run("ip addr del 192.0.2.77/32 dev d0");
    struct nv_source_stats stats;
    nv_source_stats(s, &stats);
    assert_int_equal(stats.reopens, 1);
    nv_source_close(s);
}

/* While events gather. */
static bool rings(struct nv_source *s)
{
    struct nv_poll_item items[4];
    assert_int_equal(nv_source_urgent(s, items, 4), 1);
    assert_int_equal(nv_poll(items, 1, 20 * NV_NS_PER_MS), 0);
    return items[0].readable;
}

static void all_but_routes_of_more_than_a_bit_rings_while_events_gather(void **state)
{
    (void)state;
    static const char *const urgent[] = {
        "ip route add default dev d0 table 77",
        "ip route del default dev d0 table 77",
        "ip route add 128/1 dev d0 table 77",
        "ip -6 route add default dev d0 table 77",
        "ip -6 route del default dev d0 table 77",
        "ip link set d0 mtu 1400",
        "ip addr add 192.0.2.78/32 dev d0",
        "ip addr del 192.0.2.78/32 dev d0",
        "ip rule add pref 77 table 77",
        "ip rule del pref 77 table 77",
    };
    struct nv_source *s = open_source(0);
    struct nv_poll_item items[4];
    struct nv_source_stats stats;
    nv_source_stats(s, &stats);
    assert_int_equal(nv_source_urgent(s, items, 4), 0); /* what came before now is not on it */
    settle(s);
    if (stats.buffer_bytes < 16u << 20) { /* this user gets no more */
        assert_int_equal(nv_source_urgent(s, items, 4), 0);
        nv_source_close(s);
        skip();
    }
    assert_false(rings(s));
    run("ip route add 198.51.100.0/24 dev d0 table 77 && ip -6 route add 2001:db8:77::/48 dev d0 "
        "table 77");
    assert_false(rings(s));
    settle(s);
    assert_int_equal(seen.facts[NV_ROUTE], 2);
    for (size_t i = 0; i < NV_ARRAY_LEN(urgent); i++) {
        run(urgent[i]);
        assert_true(rings(s));
        assert_true(rings(s)); /* until it is read */
        settle(s);
        assert_int_equal(nv_source_urgent(s, items, 4), 0); /* the event itself may come yet */
        assert_false(rings(s));
    }
    const struct nv_dump_request req = {.number = 9, .cls = NV_LINK};
    assert_int_equal(nv_source_dump(s, &req), 0);
    assert_int_equal(nv_source_urgent(s, items, 4), 0); /* a dump is to be read */
    settle(s);
    run("ip link set d0 mtu 1500; ip route flush table 77; ip -6 route flush table 77");
    nv_source_close(s);
}

static void message_from_another_process_is_not_believed(void **state)
{
    (void)state;
    struct nv_source *s = open_source(0);
    struct nv_poll_item items[4];
    assert_int_equal(nv_source_handles(s, items, 4), 1);
    struct sockaddr_nl to;
    socklen_t len = sizeof to;
    assert_int_equal(getsockname((int)items[0].handle, (struct sockaddr *)&to, &len), 0);

    struct {
        struct nlmsghdr head;
        struct ifinfomsg ifi;
    } forged = {.head = {.nlmsg_len = sizeof forged, .nlmsg_type = RTM_NEWLINK},
                .ifi = {.ifi_index = 99}};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    assert_true(fd >= 0);
    to.nl_groups = 0;
    ssize_t sent = sendto(fd, &forged, sizeof forged, 0, (const struct sockaddr *)&to, sizeof to);
    (void)close(fd);
    if (sent < 0) {
        nv_source_close(s);
        skip();
    }
    settle(s);
    assert_int_equal(seen.facts[NV_LINK], 0);
    assert_int_equal(seen.lost, 0);
    struct nv_source_stats stats;
    nv_source_stats(s, &stats);
    assert_int_equal(stats.strays, 1);
    nv_source_close(s);
}

/* ---- dumps ------------------------------------------------------------------------------------------ */

static void every_class_can_be_dumped(void **state)
{
    (void)state;
    struct nv_source *s = open_source(0);
    for (unsigned barrier = 0; barrier < 2; barrier++) {
        struct nv_dump_request req = {.cls = NV_LINK, .barrier = barrier};
        assert_int_equal(dump(s, req), NV_DUMP_OK);
        assert_true(seen.dumped[NV_LINK] >= 3);
        req.cls = NV_ADDR;
        assert_int_equal(dump(s, req), NV_DUMP_OK);
        assert_true(seen.dumped[NV_ADDR] >= 5); /* both families, lo, link-local ones */
        assert_int_equal(seen.dump_families, 1u << 4 | 1u << 6);
        req.cls = NV_NEXTHOP;
        assert_int_equal(dump(s, req), NV_DUMP_OK);
        assert_int_equal(seen.dumped[NV_NEXTHOP], 1);
        for (req.family = NV_AF_4; req.family <= NV_AF_6; req.family += 2) {
            req.cls = NV_ROUTE;
            assert_int_equal(dump(s, req), NV_DUMP_OK);
            assert_true(seen.dumped[NV_ROUTE] >= 4);
            assert_int_equal(seen.dump_families, 1u << req.family);
            req.cls = NV_RULE;
            assert_int_equal(dump(s, req), NV_DUMP_OK);
            assert_true(seen.dumped[NV_RULE] >= 2);
            req.cls = NV_ADDR;
            assert_int_equal(dump(s, req), NV_DUMP_OK);
            assert_int_equal(seen.dump_families, 1u << req.family);
        }
        req.family = 0;
    }
    nv_source_close(s);
}

static void dumps_can_be_limited(void **state)
{
    (void)state;
    uint32_t d0 = d0_index();
    struct nv_source *s = open_source(0);
    assert_int_equal(dump(s, (struct nv_dump_request){.cls = NV_ADDR, .ifindex = d0}), NV_DUMP_OK);
    assert_int_equal(seen.dumped[NV_ADDR], 3); /* 192.0.2.1, 2001:db8::1, link-local */
    assert_int_equal(dump(s, (struct nv_dump_request){.cls = NV_LINK, .ifindex = d0}), NV_DUMP_OK);
    assert_int_equal(seen.dumped[NV_LINK], 1);

    struct nv_dump_request routes = {.cls = NV_ROUTE, .family = NV_AF_4, .table = RT_TABLE_MAIN};
    assert_int_equal(dump(s, routes), NV_DUMP_OK);
    assert_int_equal(seen.dumped[NV_ROUTE], 4); /* connected, default, unreachable, blackhole */
    routes.ifindex = d0;
    assert_int_equal(dump(s, routes), NV_DUMP_OK);
    assert_int_equal(seen.dumped[NV_ROUTE], 2);
    nv_source_close(s);
}

static void dump_of_what_is_not_there_is_empty(void **state)
{
    (void)state;
    struct nv_source *s = open_source(0);
    struct nv_dump_request req = {.cls = NV_ROUTE, .family = NV_AF_4, .table = 4711};
    assert_int_equal(dump(s, req), NV_DUMP_NO_SUCH);
    req.family = NV_AF_6;
    assert_int_equal(dump(s, req), NV_DUMP_NO_SUCH);
    req = (struct nv_dump_request){.cls = NV_ROUTE, .family = NV_AF_4, .ifindex = 9999};
    assert_int_equal(dump(s, req), NV_DUMP_NO_SUCH);
    req = (struct nv_dump_request){.cls = NV_ADDR, .ifindex = 9999, .barrier = true};
    assert_int_equal(dump(s, req), NV_DUMP_NO_SUCH);
    req = (struct nv_dump_request){.cls = NV_LINK, .ifindex = 9999};
    assert_int_equal(dump(s, req), NV_DUMP_NO_SUCH);
    assert_int_equal(dump(s, (struct nv_dump_request){.cls = NV_LINK}), NV_DUMP_OK);
    nv_source_close(s);
}

static void one_dump_at_a_time(void **state)
{
    (void)state;
    struct nv_source *s = open_source(0);
    add_many_routes(2000);
    settle(s);
    struct nv_dump_request req = {.number = 7, .cls = NV_ROUTE, .family = NV_AF_4};
    assert_int_equal(nv_source_dump(s, &req), 0);
    assert_int_equal(nv_source_dump(s, &req), -EBUSY);
    assert_int_equal(nv_source_pump(s, 1), 1); /* its budget is used up, and there is more */
    assert_int_equal(seen.begins, 1);
    assert_int_equal(seen.ends, 0);
    settle(s);
    assert_int_equal(seen.ends, 1);
    assert_true(seen.dumped[NV_ROUTE] >= 2000);
    nv_source_close(s);
    run("ip route flush root 10.0.0.0/8");
}

static void requests_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct nv_source *s = open_source(0);
    assert_int_equal(nv_source_dump(s, &(struct nv_dump_request){.cls = NV_LINK}), -EINVAL);
    assert_int_equal(nv_source_dump(s, &(struct nv_dump_request){.number = 1, .cls = NV_ROUTE}),
                     -EINVAL);
    const uint8_t dst[16] = {0};
    assert_int_equal(nv_source_query(s, 1, 0, dst), -EINVAL);
    nv_source_close(s);
}

static void events_before_a_barrier_come_before_the_dump(void **state)
{
    (void)state;
    struct nv_source *s = open_source(0);
    run("ip addr add 192.0.2.78/32 dev d0");
    assert_int_equal(dump(s, (struct nv_dump_request){.cls = NV_ADDR, .barrier = true}),
                     NV_DUMP_OK);
    assert_int_equal(seen.before_begin, all_events());
    assert_true(seen.before_begin >= 2);
    run("ip addr del 192.0.2.78/32 dev d0");

    /* Without one they lie inside: it cannot be told whether the dump has seen them. */
    assert_int_equal(dump(s, (struct nv_dump_request){.cls = NV_ADDR}), NV_DUMP_OK);
    assert_true(seen.before_begin < all_events());
    nv_source_close(s);
}

/* The routes over a link that goes down are flushed after the event: a dump behind the barrier shows none. */
static void barrier_waits_for_the_flush_of_a_downed_link(void **state)
{
    (void)state;
    uint32_t d0 = d0_index();
    struct nv_source *s = open_source(0);
    add_many_routes(2000);
    settle(s);
    run("ip link set d0 down");
    struct nv_dump_request req = {
        .cls = NV_ROUTE, .family = NV_AF_4, .ifindex = d0, .barrier = true};
    assert_int_equal(dump(s, req), NV_DUMP_OK);
    assert_int_equal(seen.dumped[NV_ROUTE], 1); /* its local address stays */
    nv_source_close(s);
    run("ip link set d0 up");
    run("ip addr add 2001:db8::1/64 dev d0 nodad");
    run("ip route add default via 192.0.2.254");
}

/* ---- questions -------------------------------------------------------------------------------------- */

static void ask(struct nv_source *s, uint32_t number, const char *dst)
{
    uint8_t bytes[16] = {0};
    bool six = strchr(dst, ':');
    unsigned before = seen.answers;
    assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, dst, bytes), 1);
    assert_int_equal(nv_source_query(s, number, six ? NV_AF_6 : NV_AF_4, bytes), 0);
    assert_int_equal(nv_source_query(s, number, six ? NV_AF_6 : NV_AF_4, bytes), -EBUSY);
    settle(s);
    assert_int_equal(seen.answers, before + 1);
    assert_int_equal(seen.answer_number, number);
}

static void query_is_answered_with_hop_source_and_table(void **state)
{
    (void)state;
    struct nv_source *s = open_source(0);
    ask(s, 5, "8.8.8.8");
    assert_int_equal(seen.answer_error, 0);
    assert_int_equal(seen.answer.table, RT_TABLE_MAIN);
    assert_memory_equal(seen.answer_hop.gateway, "\xc0\0\x02\xfe", 4);
    assert_true(seen.answer.has_prefsrc);
    assert_memory_equal(seen.answer.prefsrc, "\xc0\0\x02\x01", 4);
    ask(s, 6, "2001:db8::77");
    assert_int_equal(seen.answer_error, 0);
    assert_int_equal(seen.answer.family, NV_AF_6);
    nv_source_close(s);
}

static void query_of_a_rejected_destination_is_an_error(void **state)
{
    (void)state;
    struct nv_source *s = open_source(0);
    ask(s, 1, "203.0.113.1");
    assert_int_equal(seen.answer_error, EHOSTUNREACH);
    ask(s, 2, "198.51.100.1");
    assert_int_equal(seen.answer_error, EINVAL);
    ask(s, 3, "2001:db8:dead::1");
    assert_int_equal(seen.answer_error, EHOSTUNREACH);
    ask(s, 4, "2002::1");
    assert_int_equal(seen.answer_error, ENETUNREACH);
    nv_source_close(s);
}

/* ---- failures --------------------------------------------------------------------------------------- */

/* Takes what has come on the last of the source's sockets away from it. */
static void steal(struct nv_source *s)
{
    static char buf[65536];
    struct nv_poll_item items[4];
    unsigned n = nv_source_handles(s, items, 4);
    assert_int_equal(n, 2);
    while (recv((int)items[1].handle, buf, sizeof buf, MSG_DONTWAIT) > 0)
        ;
}

static void dump_without_an_end_fails_and_the_next_one_works(void **state)
{
    (void)state;
    struct nv_source *s = open_source(0);
    for (unsigned barrier = 0; barrier < 2; barrier++) {
        struct nv_dump_request req = {.number = 9, .cls = NV_LINK, .barrier = barrier};
        assert_int_equal(nv_source_dump(s, &req), 0);
        steal(s);
        unsigned ends = seen.ends;
        settle(s);
        assert_int_equal(seen.ends, ends); /* patient */
        clock_skew_ns += 6 * NV_NS_PER_S;
        settle(s);
        assert_int_equal(seen.ends, ends + 1);
        assert_int_equal(seen.begins, seen.ends);
        assert_int_equal(seen.status, NV_DUMP_FAILED);
        assert_int_equal(seen.error, ETIMEDOUT);
        assert_int_equal(dump(s, (struct nv_dump_request){.cls = NV_LINK}), NV_DUMP_OK);
        assert_true(seen.dumped[NV_LINK] >= 3);
    }
    nv_source_close(s);
}

static void query_without_an_answer_fails_and_the_next_one_works(void **state)
{
    (void)state;
    struct nv_source *s = open_source(0);
    const uint8_t dst[16] = {8, 8, 8, 8};
    assert_int_equal(nv_source_query(s, 3, NV_AF_4, dst), 0);
    steal(s);
    clock_skew_ns += 6 * NV_NS_PER_S;
    settle(s);
    assert_int_equal(seen.answers, 1);
    assert_int_equal(seen.answer_number, 3);
    assert_int_equal(seen.answer_error, ETIMEDOUT);
    ask(s, 4, "8.8.8.8");
    assert_int_equal(seen.answer_error, 0);
    nv_source_close(s);
}

/* Puts /dev/null in the place of the n-th of the source's sockets. */
static void break_socket(struct nv_source *s, unsigned n)
{
    struct nv_poll_item items[4];
    assert_true(nv_source_handles(s, items, 4) > n);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_true(null >= 0);
    assert_true(dup2(null, (int)items[n].handle) >= 0);
    (void)close(null);
}

static void broken_event_socket_is_opened_anew_and_reported(void **state)
{
    (void)state;
    struct nv_source *s = open_source(0);
    break_socket(s, 0);
    settle(s);
    assert_int_equal(seen.lost, 1);
    assert_int_equal(seen.reason, NV_LOST_ERROR);
    run("ip addr add 192.0.2.80/32 dev d0");
    settle(s);
    assert_int_equal(seen.facts[NV_ADDR], 1);
    run("ip addr del 192.0.2.80/32 dev d0");
    nv_source_close(s);
}

static void broken_dump_and_query_sockets_are_opened_anew(void **state)
{
    (void)state;
    struct nv_source *s = open_source(0);
    struct nv_dump_request req = {.number = 9, .cls = NV_LINK};
    assert_int_equal(nv_source_dump(s, &req), 0);
    break_socket(s, 1);
    settle(s);
    assert_int_equal(seen.status, NV_DUMP_FAILED);
    assert_int_equal(seen.error, ENOTSOCK);
    assert_int_equal(dump(s, (struct nv_dump_request){.cls = NV_LINK}), NV_DUMP_OK);

    const uint8_t dst[16] = {8, 8, 8, 8};
    assert_int_equal(nv_source_query(s, 3, NV_AF_4, dst), 0);
    break_socket(s, 1);
    settle(s);
    assert_int_equal(seen.answer_error, ENOTSOCK);
    ask(s, 4, "8.8.8.8");
    assert_int_equal(seen.answer_error, 0);
    nv_source_close(s);
}

/* ---- namespaces ------------------------------------------------------------------------------------- */

static void source_opens_in_a_namespace_given_by_path(void **state)
{
    (void)state;
    int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_true(here >= 0);
    uint64_t dev;
    uint64_t ino;
    assert_int_equal(nv_proc_netns(&dev, &ino), 0);
    assert_int_equal(unshare(CLONE_NEWNET), 0); /* an empty one */

    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", here);
    memset(&seen, 0, sizeof seen);
    struct nv_source *s = NULL;
    struct nv_source_args args = {.sink = sink, .sink_arg = &seen, .netns = path};
    assert_int_equal(nv_source_open(&args, &s), 0);
    assert_int_equal(dump(s, (struct nv_dump_request){.cls = NV_LINK}), NV_DUMP_OK);
    assert_true(seen.dumped[NV_LINK] >= 3);
    assert_int_equal(nv_source_reopen(s), 0); /* there as well */
    uint64_t got_dev;
    uint64_t got_ino;
    assert_int_equal(nv_source_namespace_id(s, &got_dev, &got_ino), 0);
    assert_true(got_dev == dev && got_ino == ino);
    uint64_t own_ino;
    assert_int_equal(nv_proc_netns(&got_dev, &own_ino), 0);
    assert_true(own_ino != ino); /* the caller never moved */

    assert_int_equal(setns(here, CLONE_NEWNET), 0);
    run("ip addr add 192.0.2.79/32 dev d0");
    settle(s);
    assert_true(seen.facts[NV_ADDR] >= 1);
    run("ip addr del 192.0.2.79/32 dev d0");
    nv_source_close(s);
    (void)close(here);
}

static void missing_namespace_is_enoent(void **state)
{
    (void)state;
    struct nv_source *s = NULL;
    struct nv_source_args args = {.sink = sink, .sink_arg = &seen, .netns = "nv-no-such-ns"};
    assert_int_equal(nv_source_open(&args, &s), -ENOENT);
    args.netns = "/proc/version";
    assert_int_equal(nv_source_open(&args, &s), -EINVAL);
    assert_null(s);
}

/* ---- main ------------------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!write(fd, text, strlen(text));
    (void)close(fd);
}

static const char *own_namespace(void)
{
    uid_t uid = getuid();
    gid_t gid = getgid();
    if (!unshare(CLONE_NEWNET))
        return NULL;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
        return strerror(errno);
    char map[64];
    write_file("/proc/self/setgroups", "deny");
    (void)snprintf(map, sizeof map, "0 %u 1", (unsigned)uid);
    write_file("/proc/self/uid_map", map);
    (void)snprintf(map, sizeof map, "0 %u 1", (unsigned)gid);
    write_file("/proc/self/gid_map", map);
    return NULL;
}

int main(void)
{
    const char *why = own_namespace();
    if (!why &&
        system("ip link set lo up && ip link add p0 type veth peer name p1 && ip link del p0"))
        why = "ip(8) cannot make links here";
    if (why) {
        printf("SKIP: %s\n", why);
        return SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_link_arrives_as_an_event),
        cmocka_unit_test(overrun_is_reported_once_and_then_all_is_heard_again),
        cmocka_unit_test(default_buffer_holds_a_burst),
        cmocka_unit_test(reopened_stream_goes_on),
        cmocka_unit_test(all_but_routes_of_more_than_a_bit_rings_while_events_gather),
        cmocka_unit_test(message_from_another_process_is_not_believed),
        cmocka_unit_test(every_class_can_be_dumped),
        cmocka_unit_test(dumps_can_be_limited),
        cmocka_unit_test(dump_of_what_is_not_there_is_empty),
        cmocka_unit_test(one_dump_at_a_time),
        cmocka_unit_test(requests_that_make_no_sense_are_refused),
        cmocka_unit_test(events_before_a_barrier_come_before_the_dump),
        cmocka_unit_test(barrier_waits_for_the_flush_of_a_downed_link),
        cmocka_unit_test(query_is_answered_with_hop_source_and_table),
        cmocka_unit_test(query_of_a_rejected_destination_is_an_error),
        cmocka_unit_test(dump_without_an_end_fails_and_the_next_one_works),
        cmocka_unit_test(query_without_an_answer_fails_and_the_next_one_works),
        cmocka_unit_test(broken_event_socket_is_opened_anew_and_reported),
        cmocka_unit_test(broken_dump_and_query_sockets_are_opened_anew),
        cmocka_unit_test(source_opens_in_a_namespace_given_by_path),
        cmocka_unit_test(missing_namespace_is_enoent),
    };
    return cmocka_run_group_tests(tests, make_world, NULL);
}
