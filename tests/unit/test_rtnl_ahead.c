/* SPDX-License-Identifier: MIT */
/*
 * test_rtnl_ahead.c - proves that what the thread reads ahead comes whole, in order, and never more than it may; that
 * an end or an error is told once; and that nothing reads the socket after a stop.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <cmocka.h>

#include "nv/base.h"
#include "platform/linux/rtnl_ahead.h"

#define AHEAD (NV_DATAGRAMS_AHEAD - 1) /* the kernel has made one more */

static struct nv_rtnl_ahead *ahead;
static struct nv_rtnl_socket sock;
static int kernel; /* the other end */

static int start(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
    kernel = pair[0];
    sock = (struct nv_rtnl_socket){.mnl = mnl_socket_fdopen(pair[1])};
    assert_non_null(sock.mnl);
    ahead = NULL;
    return 0;
}

static int end(void **state)
{
    (void)state;
    nv_rtnl_ahead_free(ahead);
    nv_rtnl_socket_close(&sock);
    (void)close(kernel);
    return 0;
}

static void say(uint32_t n)
{
    uint32_t words[64] = {n};
    words[63] = ~n;
    assert_int_equal(send(kernel, words, sizeof words, 0), sizeof words);
}

/* Waits as the writer's loop does. */
static int take(uint32_t *ret_n)
{
    struct nv_rtnl_datagram dg;
    const void *buf;
    while (nv_rtnl_ahead_runs(ahead)) {
        int got = nv_rtnl_ahead_take(ahead, &buf, &dg);
        if (got > 0) {
            uint32_t words[64];
            assert_int_equal(dg.len, sizeof words);
            assert_false(dg.cut);
            memcpy(words, buf, sizeof words);
            assert_int_equal(words[63], ~words[0]);
            *ret_n = words[0];
        }
        if (got || !nv_rtnl_ahead_runs(ahead))
            return got;
        struct pollfd fd = {.fd = nv_rtnl_ahead_fd(ahead), .events = POLLIN};
        assert_int_equal(poll(&fd, 1, 10000), 1);
    }
    return 0;
}

static void begin(void)
{
    assert_int_equal(nv_rtnl_ahead_start(&ahead, &sock), 0);
    assert_true(nv_rtnl_ahead_runs(ahead));
}

static void all_comes_in_order_and_the_end_once(void **state)
{
    (void)state;
    uint32_t n, next = 0;
    for (unsigned round = 0; round < 500; round++) { /* whatever the thread is at */
        for (uint32_t i = 0; i < 7; i++)
            say(next + i);
        begin();
        for (uint32_t i = 0; i < 7; i++) {
            assert_int_equal(take(&n), 1);
            assert_int_equal(n, next++);
        }
        assert_int_equal(take(&n), 0);
        assert_false(nv_rtnl_ahead_runs(ahead));
    }
}

static unsigned left_in_socket(void)
{
    char byte;
    unsigned n = 0;
    while (recv(mnl_socket_get_fd(sock.mnl), &byte, 1, MSG_DONTWAIT) == 1)
        n++;
    return n;
}

static void no_more_is_read_than_it_may(void **state)
{
    (void)state;
    uint32_t n;
    enum { SAID = NV_DATAGRAMS_AHEAD + 5 };
    for (uint32_t i = 0; i < SAID; i++)
        say(i);
    begin();
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(take(&n), 1);
    (void)usleep(20000); /* it would have read them all by now */
    nv_rtnl_ahead_stop(ahead);
    assert_in_range(left_in_socket(), SAID - 2 - AHEAD, SAID - 3);

    say(0); /* after a take that found nothing, no buffer is held back */
    begin();
    assert_int_equal(take(&n), 1);
    assert_int_equal(take(&n), 0);
    for (uint32_t i = 0; i < SAID; i++)
        say(i);
    begin();
    (void)usleep(20000);
    nv_rtnl_ahead_stop(ahead);
    assert_in_range(left_in_socket(), SAID - AHEAD, SAID);
}

static void stop_leaves_the_socket_alone_and_forgets(void **state)
{
    (void)state;
    uint32_t n;
    for (unsigned round = 0; round < 500; round++) {
        for (uint32_t i = 0; i < 6; i++)
            say(i);
        begin();
        if (round % 2)
            assert_int_equal(take(&n), 1);
        nv_rtnl_ahead_stop(ahead);
        assert_false(nv_rtnl_ahead_runs(ahead));
        (void)left_in_socket();
        say(77);
        assert_int_equal(left_in_socket(), 1);
        say(78);
        begin();
        assert_int_equal(take(&n), 1);
        assert_int_equal(n, 78);
        assert_int_equal(take(&n), 0);
    }
}

static void error_is_told_once_and_ends_it(void **state)
{
    (void)state;
    uint32_t n;
    nv_rtnl_socket_close(&sock);
    begin();
    assert_int_equal(take(&n), -EBADF);
    assert_false(nv_rtnl_ahead_runs(ahead));
}

static void stop_of_none_is_nothing(void **state)
{
    (void)state;
    assert_false(nv_rtnl_ahead_runs(NULL));
    nv_rtnl_ahead_stop(NULL);
    nv_rtnl_ahead_free(NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        T(all_comes_in_order_and_the_end_once),
        T(no_more_is_read_than_it_may),
        T(stop_leaves_the_socket_alone_and_forgets),
        T(error_is_told_once_and_ends_it),
        T(stop_of_none_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
