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
