/* SPDX-License-Identifier: MIT */
/*
 * bench_dataplane.c - what bench/dataplane forwards, in memory and from link to link, beside the kernel's own forwarding.
 *
 * Two network namespaces of its own with the same routes. In each, frames of 64 bytes to random destinations of the table go into one
 * veth pair from a packet socket and come out of another one; counted is what the last link received. In one namespace
 * the kernel forwards, which it does on the core of who sends (a veth has no queue of its own); in the other the dataplane, on
 * a second core, by packet sockets: it pays two more system calls for a batch, and two copies. They take turns. The figure
 * without links is `dataplane --bench`: lookup and rewriting of generated packets in memory. All before it is left out there.
 * Estimate beforehand: in memory 120 ns a packet with 1,000,000 routes; by veth 600,000 packets a second, 0.75 of the kernel.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "fill.h"
#include "testbed.h"

#define FRAMES      4096u
#define FRAME_BYTES 64u
#define BATCH       64u
#define NS_PER_S    1e9

static const struct bench_estimate estimates[] = {
    {"memory_packet_ns", 120},
    {"veth_dataplane_packets_per_s", 600000},
    {"veth_dataplane_to_kernel", 0.75},
};

/* What a namespace's process leaves for its parent. */
struct result {
    double memory_packet_ns, veth_packets_per_s;
};

enum { DATAPLANE, KERNEL, SIDES };

struct side {
    int which;
    uint32_t routes;
    struct result *result;
    int commands; /* one byte each: 'm' or 'v', answered by 'k' or 'f'; 'q' ends it */
    pid_t process, writer, forwarder;
    char dir[48];
    uint8_t frames[FRAMES][FRAME_BYTES];
};

/* ---- a namespace -------------------------------------------------------------------------------- */

static const char links_of_both[] =
    "ip link set lo up && for n in 0 1; do "
    "ip link set x$n address 02:00:00:00:02:0$n addrgenmode none arp off up && "
    "ip link set p$n address 02:00:00:00:01:0$n addrgenmode none up && "
    "ip addr add 10.$((98 + n)).0.1/24 dev p$n || exit 1; done && "
    "for h in $(seq 2 25); do ip neigh add 10.99.0.$h lladdr 02:00:00:00:02:01 nud permanent dev "
    "p1 "
    "|| exit 1; done";
static const char links_of_kernel[] =
    "ip link add x0 type veth peer name p0 && ip link add x1 type veth peer name p1 && "
    "echo 1 >/proc/sys/net/ipv4/ip_forward";
static const char links_of_dataplane[] =
    "for n in 0 1; do ip link add x$n type veth peer name w$n && ip tuntap add dev p$n mode tap && "
    "ip link set w$n addrgenmode none arp off up || exit 1; done";

static int find_program(const char *name, char *path, size_t size)
{
    char self[512];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash = n > 0 ? (self[n] = '\0', strrchr(self, '/')) : NULL;
    if (!slash)
        return -1;
    *slash = '\0';
    return snprintf(path, size, "%s/%s", self, name) < (int)size ? access(path, X_OK) : -1;
}

static int set_up_routes(uint32_t routes)
{
    struct fill fill;
    fill_init(&fill, AF_INET, if_nametoindex("p1"));
    return fill_until(&fill, routes);
}

/* Frames to the prefixes that were filled in, spread over all of them. */
static void make_frames(struct side *s)
{
    struct prefixes prefixes;
    struct prefix p;
    uint32_t made = 0, seed = 1;
    const uint32_t each = s->routes / FRAMES + 1;
    prefixes_init(&prefixes, AF_INET);
    for (uint32_t i = 0; i < s->routes && made < FRAMES && prefixes_next(&prefixes, &p); i++) {
        if (i % each)
            continue;
        uint8_t *frame = s->frames[made++], *ip = frame + 14;
        uint32_t sum = 0;
        memcpy(frame, (const uint8_t[]){2, 0, 0, 0, 1, 0, 2, 0, 0, 0, 2, 0, 8, 0, 0x45, 0}, 16);
        ip[3] = FRAME_BYTES - 14;
        ip[8] = 64;
        ip[9] = 17;
        memcpy(ip + 12, (const uint8_t[]){10, 98, 0, 9}, 4);
        prefix_bytes(AF_INET, p.address, ip + 16);
        for (int at = 0; at < 20; at += 2)
            sum += (uint32_t)(ip[at] << 8 | ip[at + 1]);
        sum = (sum & 0xffffu) + (sum >> 16);
        sum = ~((sum & 0xffffu) + (sum >> 16));
        ip[10] = (uint8_t)(sum >> 8);
        ip[11] = (uint8_t)sum;
    }
    for (uint32_t i = FRAMES - 1; i > 0; i--) {
        uint8_t swap[FRAME_BYTES];
        seed = seed * 1664525u + 1013904223u;
        const uint32_t j = (uint32_t)((uint64_t)seed * (i + 1) >> 32);
        if (i >= made)
            memcpy(s->frames[i], s->frames[i % made], FRAME_BYTES);
        memcpy(swap, s->frames[i], FRAME_BYTES);
        memcpy(s->frames[i], s->frames[j < made ? j : j % made], FRAME_BYTES);
        memcpy(s->frames[j < made ? j : j % made], swap, FRAME_BYTES);
    }
}

static int start_forwarder(struct side *s, const char *program)
{
    int out[2];
    char line[64] = "";
    if (pipe(out))
        return -1;
    s->forwarder = fork();
    if (!s->forwarder) {
        bench_pin(1);
        (void)dup2(out[1], STDOUT_FILENO);
        (void)close(out[0]);
        (void)execl(program, "dataplane", "--dir", s->dir, "--port", "p0=w0", "--port", "p1=w1",
                    (char *)NULL);
        _exit(127);
    }
    (void)close(out[1]);
    const ssize_t n = read(out[0], line, sizeof(line) - 1);
    /* The pipe stays open, unread: it holds the counters that are printed at the end. */
    return n > 0 && strstr(line, "ready") ? 0 : -1;
}

static const char *set_up(struct side *s, const char *program)
{
    if (bench_netns())
        return "may not make a network namespace";
    if (bench_shell(s->which == KERNEL ? links_of_kernel : links_of_dataplane) ||
        bench_shell(links_of_both))
        return "cannot set up veth pairs and TAP devices (ip of iproute2, /dev/net/tun)";
    if (set_up_routes(s->routes))
        return "cannot add routes";
    make_frames(s);
    if (s->which == KERNEL)
        return NULL;
    s->writer = testbed_writer_start(s->dir);
    if (s->writer < 0)
        return "the writer did not start";
    return start_forwarder(s, program) ? "the dataplane did not start" : NULL;
}

/* ---- what is measured --------------------------------------------------------------------------- */

/* Packets that a link of this namespace has received. */
static uint64_t received(const char *link)
{
    char line[512];
    unsigned long long packets = 0;
    const size_t len = strlen(link);
    FILE *f = fopen("/proc/net/dev", "r");
    while (f && fgets(line, sizeof(line), f)) {
        const char *at = line + strspn(line, " ");
        if (!strncmp(at, link, len) && at[len] == ':')
            (void)sscanf(at + len + 1, "%*u %llu", &packets);
    }
    if (f)
        (void)fclose(f);
    return packets;
}

static int measure_veth(struct side *s, double seconds)
{
    struct mmsghdr messages[BATCH] = {0};
    struct iovec frames[BATCH];
    const struct sockaddr_ll at = {.sll_family = AF_PACKET,
                                   .sll_ifindex = (int)if_nametoindex("x0")};
    const int on = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const void *)&at, sizeof(at)) ||
        setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)))
        return -1;
    bench_pin(0);
    const uint64_t before = received("x1"), begin = bench_now_ns();
    const uint64_t until = begin + (uint64_t)(seconds * NS_PER_S);
    for (uint32_t next = 0; bench_now_ns() < until; next += BATCH) {
        for (uint32_t i = 0; i < BATCH; i++) {
            frames[i] = (struct iovec){s->frames[(next + i) % FRAMES], FRAME_BYTES};
            messages[i].msg_hdr.msg_iov = &frames[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        (void)sendmmsg(fd, messages, BATCH, 0);
    }
    const uint64_t ns = bench_now_ns() - begin;
    s->result->veth_packets_per_s = (double)(received("x1") - before) / (double)ns * NS_PER_S;
    (void)close(fd);
    bench_pause_ns(20000000); /* what is still in the rings belongs to no turn */
    return 0;
}

static int measure_memory(struct side *s, const char *program, double seconds)
{
    char command[800], line[512] = "";
    (void)snprintf(command, sizeof(command),
                   "'%s' --dir '%s' --port p0 --port p1 --json --bench %.3f", program, s->dir,
                   seconds);
    FILE *f = popen(command, "r"); // NOLINT(cert-env33-c): a fixed command, of this build
    if (!f)
        return -1;
    const char *said = fgets(line, sizeof(line), f);
    const char *ns = said ? strstr(line, "\"packet_ns\":") : NULL;
    const char *share = said ? strstr(line, "\"forwarded_percent\":") : NULL;
    if (pclose(f) || !ns || !share || strtod(strchr(share, ':') + 1, NULL) < 99.9)
        return -1;
    s->result->memory_packet_ns = strtod(strchr(ns, ':') + 1, NULL);
    return 0;
}

/* ---- processes ---------------------------------------------------------------------------------- */

static int serve(struct side *s, double seconds)
{
    char program[600], command;
    if (find_program("dataplane/dataplane", program, sizeof(program)))
        return 1;
    const char *wrong = set_up(s, program);
    (void)dprintf(s->commands, "%s\n", wrong ? wrong : "");
    while (!wrong && read(s->commands, &command, 1) == 1 && command != 'q') {
        const int r =
            command == 'm' ? measure_memory(s, program, seconds) : measure_veth(s, seconds);
        (void)write(s->commands, r ? "f" : "k", 1);
    }
    if (s->forwarder > 0) {
        (void)kill(s->forwarder, SIGTERM);
        (void)waitpid(s->forwarder, NULL, 0);
    }
    testbed_writer_stop(s->writer);
    return 0;
}

/* NULL, or why not; then the process has ended. */
static const char *start(struct side *s, double seconds)
{
    static char said[128];
    int pair[2];
    size_t n = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return "no sockets";
    s->process = fork();
    if (!s->process) {
        s->commands = pair[1];
        (void)close(pair[0]);
        _exit(serve(s, seconds));
    }
    (void)close(pair[1]);
    s->commands = pair[0];
    while (n < sizeof(said) - 1 && read(s->commands, said + n, 1) == 1 && said[n] != '\n')
        n++;
    const bool heard = said[n] == '\n';
    said[n] = '\0';
    return heard && !n ? NULL : n ? said : "its process ended";
}

static double turn(struct side *s, char command)
{
    char answer = 'f';
    if (write(s->commands, &command, 1) != 1 || read(s->commands, &answer, 1) != 1 ||
        answer != 'k') {
        (void)fprintf(stderr, "bench_dataplane: a turn of the %s failed\n",
                      s->which == KERNEL ? "kernel" : "dataplane");
        exit(1);
    }
    return command == 'm' ? s->result->memory_packet_ns : s->result->veth_packets_per_s;
}

static void end(struct side *s)
{
    if (s->commands >= 0) {
        (void)write(s->commands, "q", 1); /* the other side's process holds this end, too */
        (void)close(s->commands);
    }
    if (s->process > 0)
        (void)waitpid(s->process, NULL, 0);
}

static void measure(const struct bench_options *o, struct side *sides)
{
    double memory[BENCH_RUNS_MAX], veth[SIDES][BENCH_RUNS_MAX], ratio[BENCH_RUNS_MAX];
    for (unsigned i = 0; i < o->runs; i++) {
        memory[i] = turn(&sides[DATAPLANE], 'm');
        for (int w = 0; w < SIDES; w++)
            veth[w][i] = turn(&sides[w], 'v');
        ratio[i] = veth[DATAPLANE][i] / veth[KERNEL][i];
    }
    bench_figure(o, "memory_packet_ns", bench_median(memory, o->runs));
    bench_figure(o, "veth_dataplane_packets_per_s", bench_median(veth[DATAPLANE], o->runs));
    bench_figure(o, "veth_kernel_packets_per_s", bench_median(veth[KERNEL], o->runs));
    bench_figure(o, "veth_dataplane_to_kernel", bench_median(ratio, o->runs));
}

int main(int argc, char **argv)
{
    struct bench_options o = bench_options(argc, argv);
    struct side *sides = calloc(SIDES, sizeof(*sides));
    const bool quick = o.seconds > 0;
    const double seconds = quick ? 0.05 : 0.5;
    const char *wrong = sides ? NULL : "no memory";
    if (quick && o.runs > 2)
        o.runs = 2;
    bench_estimates(estimates, sizeof(estimates) / sizeof(estimates[0]));
    (void)signal(SIGPIPE, SIG_IGN);
    for (int w = 0; w < SIDES && !wrong; w++) {
        sides[w].which = w;
        sides[w].routes = o.count ? o.count : quick ? 20000 : 1000000;
        sides[w].commands = -1;
        sides[w].result = bench_shared(sizeof(*sides[w].result));
        (void)snprintf(sides[w].dir, sizeof(sides[w].dir), "/dev/shm/netvane-bench.XXXXXX");
        if (!mkdtemp(sides[w].dir) || chmod(sides[w].dir, 0755))
            wrong = "no directory";
        if (!wrong)
            wrong = start(&sides[w], seconds);
    }
    if (!wrong) {
        bench_figure(&o, "routes", sides[0].routes);
        measure(&o, sides);
    }
    for (int w = 0; sides && w < SIDES; w++) {
        char command[80];
        end(&sides[w]);
        (void)snprintf(command, sizeof(command), "rm -rf '%s'", sides[w].dir);
        if (sides[w].dir[0])
            (void)bench_shell(command);
    }
    free(sides);
    if (wrong) {
        (void)printf("SKIP: %s\n", wrong);
        return 77;
    }
    bench_end(&o, "dataplane");
    return 0;
}
