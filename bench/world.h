/* SPDX-License-Identifier: MIT */
/*
 * world.h - a writer inside the bench: the writer's own code on a region of its own, without a kernel under it.
 *
 * The region is called "bench" and lies in a directory of its own on tmpfs. Its State: link 2 "eth0", an IPv4 default route
 * through it, and what the bench adds. All functions exit with a complaint on failure.
 */
#ifndef NETVANE_BENCH_WORLD_H
#define NETVANE_BENCH_WORLD_H

#include "netvane/netvane.h"
#include "prefixes.h"
#include "writer/commit.h"

#define WORLD_NAME "bench"

struct world {
    struct nv_shm *shm;
    struct nv_mirror mirror;
    struct nv_publisher pub;
    struct nv_commit commit;
    uint64_t clock_ns; /* the versions' time: CLOCK_BOOTTIME, or later */
};

/* Makes a directory on tmpfs, and removes it with all that is in it. */
void world_dir_make(char ret_dir[48]);
void world_dir_remove(const char *dir);

void world_open(struct world *w, const char *dir, uint64_t max_bytes);
/* Puts a route via 10.0.0.(1 + gateway), or 2001:db8::(1 + gateway); protocol tells it from an earlier one. */
void world_route(struct world *w, int family, const struct prefix *p, uint8_t protocol);
/* The first `count` prefixes of a table as the Internet's. */
void world_fill(struct world *w, int family, uint32_t count);
/* Publishes, whether or not there is a change. */
void world_commit(struct world *w);
/* Gives the region its name; readers can open it from now on. */
void world_show(struct world *w);
void world_close(struct world *w);

/* A reader of it: opens the region. */
struct netvane *world_reader(const char *dir);

#endif
