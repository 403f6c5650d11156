/* SPDX-License-Identifier: MIT */
/*
 * world.c - a region that the bench writes itself.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bench.h"

#define LINK_FLAGS 0x11043 /* UP, BROADCAST, RUNNING, MULTICAST, LOWER_UP */

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

void world_dir_make(char ret_dir[48])
{
    (void)snprintf(ret_dir, 48, "/dev/shm/netvane-bench-XXXXXX");
    if (!mkdtemp(ret_dir))
        fail(ret_dir);
}

void world_dir_remove(const char *dir)
{
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    (void)bench_shell(command);
}

static int grow(void *arg, uint64_t size_bytes)
{
    struct world *w = arg;
    return nv_shm_grow(w->shm, size_bytes);
}

void world_route(struct world *w, int family, const struct prefix *p, uint8_t protocol)
{
    const uint8_t af = family == AF_INET ? NV_AF_4 : NV_AF_6;
    struct nv_hop hop = {.ifindex = 2, .weight = 1, .gw_family = af};
    struct nv_route r = {.family = af,
                         .dst_len = p->len,
                         .type = 1,
                         .protocol = protocol,
                         .table = 254,
                         .metric = family == AF_INET ? 0 : 1024,
                         .hop_count = 1,
                         .hops = &hop};
    prefix_bytes(family, p->address, r.dst);
    if (family == AF_INET)
        memcpy(hop.gateway, (const uint8_t[]){10, 0, 0, (uint8_t)(1 + p->gateway)}, 4);
    else
        memcpy(hop.gateway,
               (const uint8_t[16]){0x20, 1, 0xd, 0xb8, [15] = (uint8_t)(1 + p->gateway)}, 16);
    (void)nv_mirror_route_put(&w->mirror, &r, NV_LIST_REPLACE, false, 0);
}

void world_fill(struct world *w, int family, uint32_t count)
{
    struct prefixes generator;
    struct prefix p;
    prefixes_init(&generator, family);
    for (uint32_t i = 0; i < count; i++) {
        if (!prefixes_next(&generator, &p))
            fail("bench: there are not so many prefixes");
        world_route(w, family, &p, 4);
    }
}

void world_commit(struct world *w)
{
    uint64_t now = nv_clock_boottime_ns();
    w->clock_ns = now > w->clock_ns ? now : w->clock_ns + 1;
    (void)nv_commit(&w->commit, true, w->clock_ns);
}

void world_open(struct world *w, const char *dir, uint64_t max_bytes)
{
    struct nv_shm_args args = {.dir = dir, .name = WORLD_NAME, .max_bytes = max_bytes};
    struct nv_header_args header = {.max_bytes = max_bytes};
    struct nv_legacy legacy = {0};
    struct nv_link link = {.has = NV_LINK_COMPLETE | NV_LINK_HAS_NAME,
                           .ifindex = 2,
                           .flags = LINK_FLAGS,
                           .name = "eth0"};
    memset(w, 0, sizeof(*w));
    if (nv_shm_create(&args, &w->shm) || nv_shm_grow(w->shm, NETVANE_ARENA_OFFSET) ||
        nv_publisher_init(&w->pub, nv_shm_base(w->shm), w->shm, &header, &legacy) ||
        nv_mirror_init(&w->mirror, nv_shm_base(w->shm), max_bytes, grow, w, 1))
        fail("bench: the region");
    nv_commit_init(&w->commit, &w->mirror, &w->pub);
    (void)nv_mirror_link_put(&w->mirror, &link);
    world_route(w, AF_INET, &(struct prefix){0}, 4);
}

void world_show(struct world *w)
{
    if (nv_shm_show(w->shm))
        fail("bench: showing the region");
}

void world_close(struct world *w)
{
    nv_mirror_destroy(&w->mirror);
    nv_publisher_destroy(&w->pub);
    nv_shm_close(w->shm, false);
}

struct netvane *world_reader(const char *dir)
{
    struct netvane_open_args args;
    struct netvane *nv;
    NETVANE_INIT(&args);
    args.dir = dir;
    args.name = WORLD_NAME;
    int r = netvane_open(&args, &nv);
    if (r) {
        (void)fprintf(stderr, "bench: netvane_open: %s\n", netvane_strerror(r));
        exit(1);
    }
    return nv;
}
