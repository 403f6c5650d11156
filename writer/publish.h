/* SPDX-License-Identifier: MIT */
/*
 * publish.h - makes a finished draft the newest version, and wakes who waits for it.
 *
 * Owns:      the region's header, hot line, generations, root ring, counters and heartbeat.
 * Assumes:   one thread (but for the notifier that it starts itself); the draft's nodes are complete.
 * Promises:  the order of stores of nv/proto.h. Publishing never waits for a reader.
 */
#ifndef NV_PUBLISH_H
#define NV_PUBLISH_H

#include "arena.h"
#include "journal.h"
#include "nv/plat.h"
#include "nv/proto.h"

struct nv_notifier;

/* What a new region takes over from the one before it. */
struct nv_legacy {
    uint64_t version; /* the newest, 0: there was none */
    uint32_t gen[NETVANE_TOPIC_SLOTS];
    uint32_t any;
    uint64_t digest[NETVANE_RT_COUNT];
};

struct nv_publisher {
    unsigned char *base;
    struct nv_shm *shm; /* for the doorbell; NULL in tests and benches */
    uint64_t head;      /* newest version, 0: none */
    uint64_t horizon;
    uint64_t instance_id;
    uint32_t gen[NETVANE_TOPIC_SLOTS];
    uint32_t any;
    uint64_t digest[NETVANE_RT_COUNT]; /* of the newest version */
    uint64_t published_ns[NETVANE_RING_SLOTS];
    uint64_t counter[NETVANE_RC_COUNT];
    struct nv_notifier *notifier;
};

struct nv_header_args {
    uint64_t max_bytes, coalesce_ns, reconcile_ns;
    uint64_t netns_dev, netns_ino;
    const char *tables; /* NULL: all; else shorter than NETVANE_TABLES_BYTES */
};

/* Writes the static header and the state STARTING. Fails only if the OS gives no random bytes (negative errno). */
int nv_publisher_init(struct nv_publisher *p, void *base, struct nv_shm *shm,
                      const struct nv_header_args *args, const struct nv_legacy *legacy);
void nv_publisher_destroy(struct nv_publisher *p);

/*
 * Publishes the arena's draft. slot: trees, defaults, quality, digests and verified_ns are filled; the rest is done
 * here. topics: bits 1 << enum netvane_region_topic that moved. Begins the next draft.
 */
void nv_publish(struct nv_publisher *p, struct nv_arena *a, struct netvane_region_slot *slot,
                uint32_t topics, uint64_t now_ns);

void nv_publisher_beat(struct nv_publisher *p, uint64_t now_ns);
void nv_publisher_state(struct nv_publisher *p, enum netvane_region_state state);
/* Copies the counters that the publisher keeps, and gauges of the arena, into the region. */
void nv_publisher_counters(struct nv_publisher *p, const struct nv_arena *a);
/* Wakes the sleepers of these topics, of `any`, and those on the descriptor. */
void nv_publisher_wake(struct nv_publisher *p, uint32_t topics);

/* takeover.c */
/* What a region without a predecessor begins with: above all that an earlier writer of this boot has used. */
void nv_legacy_none(struct nv_legacy *ret_legacy);
/* Reads what a predecessor's region hands on; false: nothing usable, and it is as with none. */
bool nv_legacy_read(const void *base, uint64_t size_bytes, struct nv_legacy *ret_legacy);
/* Tells a predecessor's readers where to go. */
void nv_legacy_end(void *base, uint64_t size_bytes, uint64_t successor);
/* Expires all its versions, so that its arena may go. */
void nv_legacy_expire(void *base, uint64_t size_bytes);

/* notify.c: FUTEX_WAKE of crowds in a thread of its own, started when it is first needed. */
int nv_notifier_new(unsigned char *base, struct nv_notifier **ret_notifier);
void nv_notifier_post(struct nv_notifier *n, uint32_t topics);
void nv_notifier_free(struct nv_notifier *n);

#endif
