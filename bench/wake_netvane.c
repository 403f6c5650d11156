/* SPDX-License-Identifier: MIT */
/*
 * wake_netvane.c - our way: the writer's publish, netvane_wait.
 *
 * What is published is the newest State again, with the generation of default4 moved on: stores of a version and its topic
 * without the work of finding out what changed, which bench_publish measures. Then the writer's own wake-up: a few
 * sleepers at once, a crowd by its notifier.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wake_ways.h"
#include "world.h"

#define REGION_BYTES (UINT64_C(64) << 20)
#define TOPICS       (1u << NETVANE_RT_DEFAULT4)

static char dir[48];
static struct world world;

/* A sleeper's. */
static struct netvane *nv;
static struct netvane_snap snap;
static struct netvane_wait_args wait_args;

void wake_netvane_start(void)
{
    world_dir_make(dir);
    world_open(&world, dir, REGION_BYTES);
    world_commit(&world);
    world_show(&world);
    /* Before the waker is pinned: netvaned's notifier is not pinned to the writer's core either. */
    if (nv_notifier_new(world.pub.base, &world.pub.notifier)) {
        (void)fprintf(stderr, "bench_wake: no thread\n");
        exit(1);
    }
}

void wake_netvane_stop(void)
{
    world_close(&world);
    world_dir_remove(dir);
}

static int open_way(unsigned sleepers)
{
    (void)sleepers;
    return 0;
}

static void close_way(void) {}

static void take(void)
{
    if (netvane_snap_begin(nv, &snap)) {
        (void)fprintf(stderr, "bench_wake: no snapshot\n");
        _Exit(1);
    }
}

static void begin(unsigned sleeper)
{
    (void)sleeper;
    nv = world_reader(dir);
    NETVANE_INIT(&wait_args);
    wait_args.topics = NETVANE_TOPIC_DEFAULT4;
    wait_args.since = &snap;
    wait_args.timeout_ns = UINT64_MAX;
    take();
}

static void sleep_until_changed(unsigned sleeper, uint32_t n)
{
    (void)sleeper;
    if (n)
        take();
    if (netvane_wait(nv, &wait_args, NULL))
        _Exit(1);
}

static void publish(uint32_t topics)
{
    struct netvane_region_slot slot;
    memcpy(&slot, nv_at(world.pub.base, NV_SLOT(world.pub.head)), sizeof(slot));
    nv_publish(&world.pub, &world.mirror.draft.arena, &slot, topics, ++world.clock_ns);
}

/* A writer comes from its commit: region and publishing code are in its caches. This version moves no topic. */
static void prepare(void)
{
    publish(0);
}

static void wake(uint32_t n)
{
    (void)n;
    publish(TOPICS);
    nv_publisher_wake(&world.pub, TOPICS);
}

const struct wake_way wake_netvane = {
    "netvane", open_way, close_way, begin, sleep_until_changed, wake, prepare,
};
