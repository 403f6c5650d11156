/* SPDX-License-Identifier: MIT */
/*
 * fake_live.c - a region that a real writer's mirror fills; see fake_live.h.
 */
#include "tests/fake/fake_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/fake/fake_must.h"
#include "tests/fake/fake_writer.h"

static int grow(void *arg, uint64_t size_bytes)
{
    return nv_shm_grow(arg, size_bytes);
}

static void open_region(struct fake_live *l, const char *dir)
{
    struct nv_legacy legacy = {0};
    uint64_t size;
    memset(l, 0, sizeof(*l));
    (void)snprintf(l->dir, sizeof(l->dir), "%s", dir);
    l->max_bytes = FAKE_LIVE_BYTES;
    l->now_ns = nv_clock_boottime_ns();
    const struct nv_shm_args args = {.dir = l->dir, .name = "default", .max_bytes = l->max_bytes};
    const struct nv_header_args header = {.max_bytes = l->max_bytes};
    MUST(!nv_shm_create(&args, &l->shm));
    MUST(!nv_shm_grow(l->shm, NETVANE_ARENA_OFFSET));
    void *old = nv_shm_predecessor(l->shm, &size);
    MUST(!old || nv_legacy_read(old, size, &legacy));
    MUST(!nv_publisher_init(&l->p, nv_shm_base(l->shm), l->shm, &header, &legacy));
    MUST(!nv_mirror_init(&l->m, nv_shm_base(l->shm), l->max_bytes, grow, l->shm,
                         legacy.version + 1));
    nv_commit_init(&l->c, &l->m, &l->p);
}

static void close_region(struct fake_live *l, bool keep_name)
{
    nv_publisher_destroy(&l->p);
    nv_mirror_destroy(&l->m);
    nv_shm_close(l->shm, keep_name);
}

void fake_live_make(struct fake_live *l)
{
    char dir[] = "/dev/shm/netvane-live-XXXXXX";
    MUST(mkdtemp(dir));
    open_region(l, dir);
}

void fake_live_show(struct fake_live *l)
{
    uint64_t size;
    nv_publisher_state(&l->p, NETVANE_RS_LIVE);
    MUST(!nv_shm_show(l->shm));
    void *old = nv_shm_predecessor(l->shm, &size);
    if (old)
        nv_legacy_end(old, size, l->p.instance_id);
    nv_shm_forget_predecessor(l->shm);
}

void fake_live_succeed(struct fake_live *l, struct fake_live *old,
                       void (*publish)(struct fake_live *l, void *arg), void *arg)
{
    close_region(old, true);
    open_region(l, old->dir);
    publish(l, arg);
    fake_live_show(l);
}

void fake_live_free(struct fake_live *l)
{
    char lock[96];
    close_region(l, false);
    (void)snprintf(lock, sizeof(lock), "%s/.default.lock", l->dir);
    (void)unlink(lock);
    (void)rmdir(l->dir);
}

struct fake_live *fake_live_start(void)
{
    struct fake_live *l = calloc(1, sizeof(*l));
    MUST(l);
    fake_live_make(l);
    fake_live_commit(l);
    fake_live_show(l);
    return l;
}

int fake_live_end(struct fake_live *l)
{
    const char *fault = fake_mirror_fault(&l->m);
    fake_live_free(l);
    free(l);
    if (fault)
        (void)fprintf(stderr, "%s\n", fault);
    return fault ? -1 : 0;
}

struct netvane *fake_live_open(const struct fake_live *l)
{
    struct netvane_open_args args;
    struct netvane *nv;
    NETVANE_INIT(&args);
    args.dir = l->dir;
    MUST(!netvane_open(&args, &nv));
    return nv;
}

void fake_live_commit(struct fake_live *l)
{
    l->now_ns += NV_NS_PER_MS;
    MUST(nv_commit(&l->c, true, l->now_ns));
}

void fake_live_expire(struct fake_live *l, uint64_t horizon)
{
    nv_write_horizon(l->p.base, horizon);
}
