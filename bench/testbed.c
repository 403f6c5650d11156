/* SPDX-License-Identifier: MIT */
/*
 * testbed.c - a namespace, a default route, a daemon.
 */
#include "testbed.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "netvane/netvane.h"

const char *testbed_enter(void)
{
    if (bench_netns())
        return "may not make a network namespace";
    /* No link-local addresses: their duplicate detection would send events of its own. */
    if (bench_shell("ip link add v0 type veth peer name v1 && ip link set v0 addrgenmode none && "
                    "ip link set v1 addrgenmode none && ip link set v0 up && ip link set v1 up && "
                    "ip link set lo up && ip addr add 10.99.0.1/24 dev v0 && "
                    "ip route add default via 10.99.0.2 proto static"))
        return "cannot set a network namespace up (ip of iproute2)";
    return NULL;
}

int testbed_socket(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        perror("bench: a netlink socket");
        exit(1);
    }
    return fd;
}

void testbed_change_default(int fd)
{
    static uint32_t i; /* over all calls: each change has to be one */
    i++;
    struct {
        struct nlmsghdr nlh;
        struct rtmsg rtm;
        struct rtattr gateway;
        uint8_t ip[4];
    } req = {.nlh = {.nlmsg_len = sizeof(req),
                     .nlmsg_type = RTM_NEWROUTE,
                     .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE},
             .rtm = {.rtm_family = AF_INET,
                     .rtm_table = RT_TABLE_MAIN,
                     .rtm_protocol = RTPROT_STATIC,
                     .rtm_scope = RT_SCOPE_UNIVERSE,
                     .rtm_type = RTN_UNICAST},
             .gateway = {.rta_len = 8, .rta_type = RTA_GATEWAY},
             .ip = {10, 99, 0, (uint8_t)(2 + i % 2)}};
    (void)send(fd, &req, sizeof(req), 0);
}

/* bench/ and bin/ of a build lie side by side. */
static void find_writer(char *path, size_t size)
{
    const char *bin = getenv("NETVANE_BIN");
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash = n > 0 ? (self[n] = '\0', strrchr(self, '/')) : NULL;
    if (slash)
        *slash = '\0';
    if (bin)
        (void)snprintf(path, size, "%s/netvaned", bin);
    else
        (void)snprintf(path, size, "%s/../bin/netvaned", slash ? self : ".");
}

pid_t testbed_writer_start(const char *dir)
{
    char path[600];
    find_writer(path, sizeof(path));
    pid_t pid = fork();
    if (!pid) {
        (void)execl(path, "netvaned", "--dir", dir, "--log-level", "error", (char *)NULL);
        (void)fprintf(stderr, "bench: cannot run %s: %s (set NETVANE_BIN)\n", path,
                      strerror(errno));
        _exit(127);
    }
    struct netvane_open_args args;
    NETVANE_INIT(&args);
    args.dir = dir;
    for (int i = 0; i < 4000 && pid > 0; i++) {
        struct netvane *nv;
        if (!netvane_open(&args, &nv)) {
            netvane_close(nv);
            return pid;
        }
        bench_pause_ns(1000000);
    }
    testbed_writer_stop(pid);
    return -1;
}

void testbed_writer_stop(pid_t writer)
{
    if (writer <= 0)
        return;
    (void)kill(writer, SIGTERM);
    (void)waitpid(writer, NULL, 0);
}

size_t testbed_getroute(int family, const uint8_t *dst, char ret_bytes[TESTBED_GETROUTE_MAX])
{
    const size_t bytes = family == AF_INET ? 4 : 16;
    struct {
        struct nlmsghdr nlh;
        struct rtmsg rtm;
        struct rtattr attr;
        uint8_t dst[16];
    } req = {.nlh = {.nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST},
             .rtm = {.rtm_family = (uint8_t)family, .rtm_dst_len = (uint8_t)(8 * bytes)},
             .attr = {.rta_type = RTA_DST}};
    _Static_assert(sizeof(req) <= TESTBED_GETROUTE_MAX, "a question has to fit");
    req.nlh.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof(req.rtm)) + RTA_LENGTH(bytes));
    req.attr.rta_len = (uint16_t)RTA_LENGTH(bytes);
    memcpy(req.dst, dst, bytes);
    memcpy(ret_bytes, &req, req.nlh.nlmsg_len);
    return req.nlh.nlmsg_len;
}

/* Sleeps until the gateway is another than in *snap, which becomes newer; when that was seen, 0: it did not come. */
static uint64_t await_gateway(struct netvane *nv, struct netvane_snap *snap)
{
    struct netvane_default before, after;
    struct netvane_wait_args wait;
    uint64_t now;
    NETVANE_INIT(&wait);
    NETVANE_INIT(&before);
    NETVANE_INIT(&after);
    wait.topics = NETVANE_TOPIC_DEFAULT4;
    wait.since = snap;
    wait.timeout_ns = 5000000000u;
    (void)netvane_snap_default(snap, 4, &before);
    do {
        if (netvane_wait(nv, &wait, NULL))
            return 0;
        now = bench_now_ns();
        if (netvane_snap_begin(nv, snap) || netvane_snap_default(snap, 4, &after))
            return 0;
    } while (!memcmp(before.gateway, after.gateway, sizeof(before.gateway)));
    return now;
}

int testbed_sleep(const char *dir, uint32_t changes, void (*ready)(uint32_t i),
                  void (*woken)(uint64_t now_ns))
{
    struct netvane_open_args args;
    struct netvane_snap snap;
    struct netvane *nv;
    NETVANE_INIT(&args);
    args.dir = dir;
    if (netvane_open(&args, &nv))
        return -1;
    int r = netvane_snap_begin(nv, &snap);
    for (uint32_t i = 0; i < changes && !r; i++) {
        ready(i);
        const uint64_t now = await_gateway(nv, &snap);
        if (!now) {
            r = -1;
            break;
        }
        woken(now);
        bench_pause_ns(500000); /* the kernel's confirmation may make one more version */
        r = netvane_snap_begin(nv, &snap);
    }
    netvane_close(nv);
    return r ? -1 : 0;
}
