/* SPDX-License-Identifier: MIT */
/*
 * read_walk.c - which links and addresses are there? getifaddrs beside a walk of ours over as many.
 *
 * In the network namespace that the bench is in: first with its few links, then with LINKS links that have ADDRS addresses each.
 */
#include <ifaddrs.h>
#include <math.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "read_peers.h"
#include "world.h"

#define LINKS        500u /* veth pairs */
#define ADDRS        20u  /* of a link */
#define REGION_BYTES (UINT64_C(128) << 20)

static struct world world;

/* Links and addresses; of the former getifaddrs has an entry each, too. */
static unsigned getifaddrs_walk(void)
{
    struct ifaddrs *list;
    unsigned entries = 0;
    if (getifaddrs(&list))
        return 0;
    for (const struct ifaddrs *i = list; i; i = i->ifa_next)
        entries++;
    freeifaddrs(list);
    return entries;
}

static unsigned netvane_walk(struct netvane *nv)
{
    struct netvane_snap snap;
    struct netvane_iter it;
    struct netvane_link link;
    struct netvane_addr addr;
    unsigned entries = 0;
    NETVANE_INIT(&link);
    NETVANE_INIT(&addr);
    if (netvane_snap_begin(nv, &snap) || netvane_link_iter(&snap, &it))
        return 0;
    while (netvane_link_next(&it, &link) == 1)
        entries++;
    if (netvane_addr_iter(&snap, 0, 0, &it))
        return 0;
    while (netvane_addr_next(&it, &addr) == 1)
        entries++;
    return entries;
}

/* ---- the same in the region as in the kernel ------------------------------------------------------------------- */

static void put_link(unsigned ifindex, const char *name)
{
    struct nv_link l = {.has = NV_LINK_COMPLETE | NV_LINK_HAS_NAME | NV_LINK_HAS_ADDR,
                        .ifindex = ifindex,
                        .flags = IFF_UP | IFF_RUNNING,
                        .addr_len = 6};
    (void)snprintf(l.name, sizeof(l.name), "%s", name);
    (void)nv_mirror_link_put(&world.mirror, &l);
}

static void put_address(unsigned ifindex, uint8_t family, const uint8_t *bytes, uint8_t len)
{
    struct nv_addr a = {.ifindex = ifindex,
                        .family = family,
                        .prefix_len = len,
                        .valid_s = UINT32_MAX,
                        .preferred_s = UINT32_MAX};
    memcpy(a.local, bytes, family == NV_AF_4 ? 4 : 16);
    memcpy(a.peer, a.local, sizeof(a.peer));
    (void)nv_mirror_addr_put(&world.mirror, &a, false, 0);
}

/* All that getifaddrs tells. */
static void mirror_kernel(void)
{
    struct ifaddrs *list;
    if (getifaddrs(&list))
        return;
    (void)nv_mirror_link_remove(&world.mirror, 2); /* the world's own */
    for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
        const unsigned ifindex = if_nametoindex(i->ifa_name);
        if (i->ifa_addr && i->ifa_addr->sa_family == AF_PACKET)
            put_link(ifindex, i->ifa_name);
    }
    for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
        const unsigned ifindex = if_nametoindex(i->ifa_name);
        const char *sa = (const char *)i->ifa_addr;
        if (sa && i->ifa_addr->sa_family == AF_INET)
            put_address(ifindex, NV_AF_4, (const uint8_t *)sa + 4, 32);
        if (sa && i->ifa_addr->sa_family == AF_INET6)
            put_address(ifindex, NV_AF_6, (const uint8_t *)sa + 8, 128);
    }
    freeifaddrs(list);
}

/* Pairs of veth with addresses; ip reads them from here. */
static int add_links(void)
{
    FILE *ip = popen("ip -batch -", "w"); /* a bench's set-up: no input of anybody's */
    if (!ip)
        return -1;
    for (unsigned i = 0; i < LINKS / 2; i++)
        (void)fprintf(ip, "link add n%u type veth peer name p%u\n", i, i);
    for (unsigned i = 0; i < LINKS; i++)
        for (unsigned j = 0; j < ADDRS; j++)
            (void)fprintf(ip, "addr add 10.%u.%u.%u/32 dev %c%u\n", 100 + i / 250, i % 250, 1 + j,
                          i < LINKS / 2 ? 'n' : 'p', i % (LINKS / 2));
    return pclose(ip) ? -1 : 0;
}

/* ---- measures -------------------------------------------------------------------------------------------------- */

static void measure(const struct bench_options *o, const char *dir, const char *size,
                    unsigned walks)
{
    static double ours[BENCH_RUNS_MAX], theirs[BENCH_RUNS_MAX];
    struct netvane *nv;
    char key[96];
    unsigned entries = 0, seen = 0;
    world_open(&world, dir, REGION_BYTES);
    mirror_kernel();
    world_commit(&world);
    world_show(&world);
    nv = world_reader(dir);
    for (unsigned r = 0; r < o->runs; r++) {
        uint64_t start = bench_now_ns();
        for (unsigned i = 0; i < walks; i++)
            entries = getifaddrs_walk();
        theirs[r] = (double)(bench_now_ns() - start) / walks;
        start = bench_now_ns();
        for (unsigned i = 0; i < walks; i++)
            seen = netvane_walk(nv);
        ours[r] = (double)(bench_now_ns() - start) / walks;
    }
    const double getifaddrs_ns = bench_median(theirs, o->runs),
                 walk_ns = bench_median(ours, o->runs);
    (void)snprintf(key, sizeof(key), "getifaddrs_%s_ns", size);
    bench_figure(o, key, getifaddrs_ns);
    (void)snprintf(key, sizeof(key), "walk_%s_ns", size);
    bench_figure(o, key, walk_ns);
    (void)snprintf(key, sizeof(key), "walk_%s_entries", size);
    bench_figure(o, key, seen);
    if (seen != entries)
        (void)fprintf(stderr, "bench_read: getifaddrs tells of %u, ours of %u\n", entries, seen);
    (void)snprintf(key, sizeof(key), "getifaddrs_to_walk_%s", size);
    bench_ratio(o, key, getifaddrs_ns / walk_ns, NAN, NAN);
    netvane_close(nv);
    world_close(&world);
}

void read_walk(const struct bench_options *o, bool own_namespace)
{
    char dir[48];
    world_dir_make(dir);
    measure(o, dir, "few", 100);
    if (o->seconds > 0)
        bench_skip(o, "getifaddrs_many_ns", "takes seconds");
    else if (!own_namespace) /* never on the host's own network */
        bench_skip(o, "getifaddrs_many_ns", "there is no network namespace of its own");
    else if (add_links())
        bench_skip(o, "getifaddrs_many_ns", "cannot add so many links");
    else
        measure(o, dir, "many", 10);
    world_dir_remove(dir);
}
