/* SPDX-License-Identifier: MIT */
/*
 * fake_live.h - a real writer's mirror and commits, in a real region, without a kernel: for tests that need both sides.
 */
#ifndef FAKE_LIVE_H
#define FAKE_LIVE_H

#include "netvane/netvane.h"
#include "writer/commit.h"

struct fake_live {
    char dir[64];
    struct nv_shm *shm;
    struct nv_mirror m;
    struct nv_publisher p;
    struct nv_commit c;
    uint64_t now_ns;
    uint64_t max_bytes;
};

#define FAKE_LIVE_BYTES (UINT64_C(64) << 20)

/* A region of the name "default" in a new directory on tmpfs, with nothing published. */
void fake_live_make(struct fake_live *l);
/* Another writer takes over: `l` is the new one, `old` is closed. publish fills and commits its first State. */
void fake_live_succeed(struct fake_live *l, struct fake_live *old,
                       void (*publish)(struct fake_live *l, void *arg), void *arg);
/* Shows the name; after the first commit. */
void fake_live_show(struct fake_live *l);
void fake_live_free(struct fake_live *l);
/* For a test's start and end: one that readers can open; 0, or -1 with a complaint if the mirror is not whole. */
struct fake_live *fake_live_start(void);
int fake_live_end(struct fake_live *l);
struct netvane *fake_live_open(const struct fake_live *l);
/* Publishes whatever the draft says, a millisecond later. */
void fake_live_commit(struct fake_live *l);
/* Expires every version below this one. */
void fake_live_expire(struct fake_live *l, uint64_t horizon);

#endif
