/* SPDX-License-Identifier: MIT */
/*
 * test_publish.c - proves what writer/publish.c and writer/takeover.c leave in the region: header, slots, head,
 * generations, the rules of the horizon, counters, and what a successor takes over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/fake_writer.h"
#include "writer/limits.h"
#include "writer/publish.h"

#define MAX_BYTES (UINT64_C(64) << 20)

static struct fake_memory mem;
static struct nv_arena a;
static struct nv_publisher *p;
static uint64_t now_ns;

static void open_region(const struct nv_legacy *legacy)
{
    const struct nv_header_args args = {.max_bytes = MAX_BYTES,
                                        .coalesce_ns = 1000,
                                        .reconcile_ns = 2000,
                                        .netns_dev = 4,
                                        .netns_ino = 4026531840};
    p = calloc(1, sizeof(*p));
    assert_non_null(p);
    fake_memory_map(&mem, MAX_BYTES);
    assert_int_equal(nv_publisher_init(p, mem.base, NULL, &args, legacy), 0);
    assert_int_equal(
        nv_arena_init(&a, mem.base, MAX_BYTES, fake_memory_grow, &mem, legacy->version + 1), 0);
}

static int start(void **state)
{
    (void)state;
    const struct nv_legacy none = {0};
    now_ns = 1000 * NV_NS_PER_S;
    open_region(&none);
    return 0;
}

static int end(void **state)
{
    (void)state;
    nv_publisher_destroy(p);
    free(p);
    nv_arena_destroy(&a);
    fake_memory_free(&mem);
    return 0;
}

static void publish(uint32_t topics)
{
    struct netvane_region_slot slot = {.quality = 0, .verified_ns = 5};
    for (unsigned t = 0; t < NETVANE_RT_COUNT; t++)
        slot.digest[t] = nv_mix(p->head + t);
    nv_publish(p, &a, &slot, topics, now_ns);
}

static struct netvane_region_slot slot_of(uint64_t version)
{
    struct netvane_region_slot s;
    nv_payload_load(&s, nv_at(mem.base, NV_SLOT(version)), sizeof(s));
    return s;
}

static uint64_t horizon(void)
{
    return nv_read_word(mem.base, NV_HOT(horizon));
}

static bool slot_is_whole(uint64_t version)
{
    struct netvane_region_slot s = slot_of(version);
    return s.version == version && s.checksum == nv_hash((unsigned char *)&s + 16, sizeof(s) - 16);
}

/* Makes nodes in this draft, or retires those that were made. */
static uint32_t made[40000];
static unsigned made_count;

static void make_nodes(unsigned n)
{
    bool expired = false;
    assert_int_equal(nv_arena_reserve(&a, n, &expired), 0);
    for (made_count = 0; made_count < n; made_count++) {
        made[made_count] = nv_arena_take(&a);
        nv_arena_node_rw(&a, made[made_count])->version = a.draft;
    }
}

static void retire_nodes(void)
{
    while (made_count)
        nv_arena_retire(&a, made[--made_count]);
}

/* ---- tests -------------------------------------------------------------------------------------------------- */

static void header_tells_the_layout_and_carries_its_checksum(void **state)
{
    (void)state;
    struct netvane_region_header h;
    nv_payload_load(&h, mem.base, sizeof(h));
    assert_true(h.magic == NETVANE_REGION_MAGIC);
    assert_memory_equal(&h.magic, "NETVANE", 8);
    assert_int_equal(h.major, NETVANE_REGION_MAJOR);
    assert_int_equal(h.layout, NETVANE_REGION_LAYOUT);
    assert_int_equal(h.ring_slots, NETVANE_RING_SLOTS);
    assert_int_equal(h.slot_bytes, NETVANE_SLOT_BYTES);
    assert_int_equal(h.node_bytes, sizeof(struct netvane_region_node));
    assert_int_equal(h.tree_count, NETVANE_TREE_COUNT);
    assert_int_equal(h.arena_offset, NETVANE_ARENA_OFFSET);
    assert_int_equal(h.max_bytes, MAX_BYTES);
    assert_int_equal(h.first_version, 1);
    assert_int_equal(h.coalesce_ns, 1000);
    assert_int_equal(h.reconcile_ns, 2000);
    assert_int_equal(h.netns_ino, 4026531840);
    assert_true(h.instance_id == p->instance_id && h.instance_id);
    assert_true(h.checksum == nv_hash(&h, offsetof(struct netvane_region_header, checksum)));
    assert_int_equal(nv_read_head(mem.base), 0);
    assert_int_equal(nv_read_word32(mem.base, NV_LIVE(state)), NETVANE_RS_STARTING);
    assert_int_equal(nv_read_word32(mem.base, NV_LIVE(writer_pid)), nv_proc_pid());
    assert_true(nv_read_word(mem.base, NV_LIVE(heartbeat_ns)) > 0);
}

static void version_fills_its_slot_moves_head_and_only_its_topics(void **state)
{
    (void)state;
    publish(1u << NETVANE_RT_LINKS | 1u << NETVANE_RT_DEFAULT6);
    assert_int_equal(nv_read_head(mem.base), 1);
    struct netvane_region_slot s = slot_of(1);
    assert_true(slot_is_whole(1));
    assert_int_equal(s.published_ns, now_ns);
    assert_int_equal(s.verified_ns, 5);
    assert_true(s.instance_id == p->instance_id);
    assert_int_equal(s.changed, 1u << NETVANE_RT_LINKS | 1u << NETVANE_RT_DEFAULT6);
    for (unsigned t = 0; t < NETVANE_RT_COUNT; t++) {
        uint32_t want = t == NETVANE_RT_LINKS || t == NETVANE_RT_DEFAULT6;
        assert_int_equal(nv_read_gen(mem.base, t), want);
        assert_int_equal(s.gen[t], want);
    }
    assert_int_equal(nv_read_any(mem.base), 1);
    assert_int_equal(s.gen[NETVANE_TOPIC_SLOTS], 1);
    assert_int_equal(a.draft, 2);
    publish(0);
    assert_int_equal(nv_read_head(mem.base), 2);
    assert_int_equal(nv_read_any(mem.base), 1);
    assert_int_equal(p->counter[NETVANE_RC_PUBLISHES], 2);
    assert_int_equal(p->counter[NETVANE_RC_QUIET_PUBLISHES], 1);
    publish(1u << NETVANE_RT_LINKS);
    assert_int_equal(nv_read_gen(mem.base, NETVANE_RT_LINKS), 2);
    assert_int_equal(nv_read_gen(mem.base, NETVANE_RT_DEFAULT6), 1);
    assert_int_equal(nv_read_any(mem.base), 2);
}

static void ring_keeps_its_length_of_versions_and_every_readable_one_is_whole(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * NETVANE_RING_SLOTS + 100; i++) {
        publish(i % 3 ? 1u : 0);
        now_ns += NV_NS_PER_S;
        uint64_t v = nv_read_head(mem.base), h = horizon();
        assert_int_equal(v, i + 1);
        assert_int_equal(h, v < NETVANE_RING_SLOTS ? 1 : v - NETVANE_RING_SLOTS + 1);
        if (i % 97 == 0)
            for (uint64_t w = h; w <= v; w++)
                assert_true(slot_is_whole(w));
    }
    assert_int_equal(p->counter[NETVANE_RC_EARLY_EXPIRIES], 0);
}

static void version_that_the_ring_expires_within_its_grace_is_counted(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NETVANE_RING_SLOTS + 50; i++)
        publish(1); /* all at one moment */
    assert_int_equal(p->counter[NETVANE_RC_EARLY_EXPIRIES], 50);
}

static void small_limbo_keeps_versions_past_their_grace(void **state)
{
    (void)state;
    make_nodes(100);
    publish(1);
    retire_nodes();
    publish(1);
    now_ns += 100 * NV_GRACE_NS;
    publish(1);
    assert_int_equal(horizon(), 1);
    assert_int_equal(a.limbo_count, 100);
}

static void large_limbo_is_given_back_once_the_grace_has_passed_and_not_before(void **state)
{
    (void)state;
    make_nodes(NV_LIMBO_KEEP_NODES + 1);
    publish(1); /* version 1 shows them */
    retire_nodes();
    publish(1); /* version 2 does not */
    now_ns += NV_GRACE_NS - 1;
    publish(1);
    assert_int_equal(horizon(), 1); /* 1 was the newest until 2 came: its grace runs from there */
    assert_int_equal(a.limbo_count, NV_LIMBO_KEEP_NODES + 1);
    now_ns += 1;
    publish(1);
    assert_int_equal(horizon(), 2);
    assert_int_equal(a.limbo_count, 0);
    assert_int_equal(p->counter[NETVANE_RC_EARLY_EXPIRIES], 0);
    assert_true(horizon() <= nv_read_head(mem.base));
}

static void horizon_never_passes_the_version_that_was_the_newest(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        make_nodes(NV_LIMBO_KEEP_NODES + 1);
        uint64_t v = a.draft;
        publish(1);
        retire_nodes();
        now_ns += 10 * NV_GRACE_NS;
        publish(1);
        assert_true(horizon() <= v);
    }
}

static void horizon_that_the_arena_moved_is_respected(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        publish(1);
    nv_write_horizon(mem.base, 9); /* as nv_arena_reserve does over the budget */
    publish(1);
    assert_int_equal(horizon(), 9);
    assert_int_equal(p->horizon, 9);
}

static void counters_gauges_heartbeat_and_state_are_shown(void **state)
{
    (void)state;
    publish(1);
    make_nodes(10);
    p->counter[NETVANE_RC_RESYNCS] = 7;
    nv_publisher_counters(p, &a);
    nv_publisher_beat(p, 12345);
    nv_publisher_state(p, NETVANE_RS_LIVE);
    assert_int_equal(nv_read_word(mem.base, NV_COUNTER(NETVANE_RC_PUBLISHES)), 1);
    assert_int_equal(nv_read_word(mem.base, NV_COUNTER(NETVANE_RC_RESYNCS)), 7);
    assert_int_equal(nv_read_word(mem.base, NV_COUNTER(NETVANE_RC_NODES_USED)), 10);
    assert_int_equal(nv_read_word(mem.base, NV_COUNTER(NETVANE_RC_NODES_FREE)), a.free_count);
    assert_int_equal(nv_read_word(mem.base, NV_LIVE(heartbeat_ns)), 12345);
    assert_int_equal(nv_read_word32(mem.base, NV_LIVE(state)), NETVANE_RS_LIVE);
}

static void waking_nobody_is_harmless(void **state)
{
    (void)state;
    publish(1);
    nv_publisher_wake(p, UINT32_MAX);
    assert_int_equal(p->counter[NETVANE_RC_WAKES], 0);
    assert_null(p->notifier);
}

/* ---- takeover --------------------------------------------------------------------------------------------------- */

static void successor_continues_versions_generations_and_digests(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        publish(1u << NETVANE_RT_ROUTES);
    struct nv_legacy legacy;
    assert_true(nv_legacy_read(mem.base, MAX_BYTES, &legacy));
    assert_int_equal(legacy.version, 5);
    assert_int_equal(legacy.gen[NETVANE_RT_ROUTES], 5);
    assert_int_equal(legacy.any, 5);
    assert_memory_equal(legacy.digest, p->digest, sizeof(p->digest));
    uint64_t before = p->instance_id;
    (void)end(NULL);
    open_region(&legacy);
    assert_true(p->instance_id != before);
    assert_int_equal(nv_read_gen(mem.base, NETVANE_RT_ROUTES), 5);
    assert_int_equal(nv_read_any(mem.base), 5);
    assert_int_equal(nv_read_head(mem.base), 0);
    assert_memory_equal(legacy.digest, p->digest, sizeof(p->digest));
    publish(1u << NETVANE_RT_ROUTES);
    assert_int_equal(nv_read_head(mem.base), 6);
    assert_int_equal(horizon(), 6); /* what came before lies in the other region */
    assert_int_equal(slot_of(6).gen[NETVANE_RT_ROUTES], 6);
    assert_true(slot_is_whole(6));
}

static void version_survives_being_marked_as_moved(void **state)
{
    (void)state;
    publish(1);
    const uint32_t any = nv_read_any(mem.base);
    nv_legacy_end(mem.base, MAX_BYTES, 0xabcdef);
    assert_true(nv_read_head(mem.base) == (1 | NETVANE_HEAD_MOVED));
    assert_int_equal(nv_read_any(mem.base), any + 1); /* nobody goes to sleep on it any more */
    assert_true(nv_read_successor(mem.base) == 0xabcdef);
    assert_int_equal(nv_read_word32(mem.base, NV_LIVE(state)), NETVANE_RS_REPLACED);
    assert_true(slot_is_whole(1));
    struct nv_legacy legacy;
    assert_true(nv_legacy_read(mem.base, MAX_BYTES, &legacy)); /* a third writer may come */
    assert_int_equal(legacy.version, 1);
}

static void assert_refused(void)
{
    struct nv_legacy legacy;
    memset(&legacy, 0xff, sizeof(legacy));
    assert_false(nv_legacy_read(mem.base, MAX_BYTES, &legacy));
    /* Versions go on from the clock, so that they still grow; generations differ from any that a reader knows. */
    assert_in_range(legacy.version, nv_clock_boottime_ns() / 1000 - 1000000,
                    nv_clock_boottime_ns() / 1000);
    for (unsigned t = 0; t < NETVANE_TOPIC_SLOTS; t++)
        assert_int_equal(legacy.gen[t], (uint32_t)legacy.version);
}

static void damaged_predecessor_is_refused_and_versions_still_grow(void **state)
{
    (void)state;
    struct nv_legacy legacy;
    assert_refused(); /* nothing published */
    publish(1);
    assert_true(nv_legacy_read(mem.base, MAX_BYTES, &legacy));
    assert_false(nv_legacy_read(mem.base, NETVANE_ARENA_OFFSET - 1, &legacy));
    static const size_t places[] = {offsetof(struct netvane_region_header, magic),
                                    offsetof(struct netvane_region_header, major),
                                    offsetof(struct netvane_region_header, layout),
                                    offsetof(struct netvane_region_header, max_bytes),
                                    offsetof(struct netvane_region_header, checksum),
                                    NV_SLOT(1) + offsetof(struct netvane_region_slot, version),
                                    NV_SLOT(1) + offsetof(struct netvane_region_slot, checksum),
                                    NV_SLOT(1) + offsetof(struct netvane_region_slot, gen),
                                    NV_SLOT(1) + sizeof(struct netvane_region_slot) - 1};
    for (unsigned i = 0; i < NV_ARRAY_LEN(places); i++) {
        mem.base[places[i]] ^= 1;
        assert_refused();
        mem.base[places[i]] ^= 1;
        assert_true(nv_legacy_read(mem.base, MAX_BYTES, &legacy));
    }
    nv_write_head(mem.base, 77); /* a slot that was never written */
    assert_refused();
}

static void end_of_a_region_too_small_to_be_one_touches_nothing(void **state)
{
    (void)state;
    publish(1);
    nv_legacy_end(mem.base, NETVANE_ARENA_OFFSET - 1, 5);
    assert_int_equal(nv_read_head(mem.base), 1);
    assert_int_equal(nv_read_successor(mem.base), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(header_tells_the_layout_and_carries_its_checksum),
        T(version_fills_its_slot_moves_head_and_only_its_topics),
        T(ring_keeps_its_length_of_versions_and_every_readable_one_is_whole),
        T(version_that_the_ring_expires_within_its_grace_is_counted),
        T(small_limbo_keeps_versions_past_their_grace),
        T(large_limbo_is_given_back_once_the_grace_has_passed_and_not_before),
        T(horizon_never_passes_the_version_that_was_the_newest),
        T(horizon_that_the_arena_moved_is_respected),
        T(counters_gauges_heartbeat_and_state_are_shown),
        T(waking_nobody_is_harmless),
        T(successor_continues_versions_generations_and_digests),
        T(version_survives_being_marked_as_moved),
        T(damaged_predecessor_is_refused_and_versions_still_grow),
        T(end_of_a_region_too_small_to_be_one_touches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
