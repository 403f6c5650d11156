/* SPDX-License-Identifier: MIT */
/*
 * fake_region.h - regions made by hand, so that the reader is tested without the writer.
 *
 * Owns:      a list of records per tree (struct fake_state), and a file that shows versions of such lists.
 * Promises:  what fake_publish shows is a whole, valid version: sorted, indexed, summed and checksummed.
 *            Nodes are written once and never used again, so that every version stays intact until
 *            fake_expire moves the horizon. What a test then breaks, it breaks by fake_node and friends.
 * Leaves:    sharing of nodes between versions, but for whole trees that did not change.
 */
#ifndef FAKE_REGION_H
#define FAKE_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include "nv/proto.h"
#include "nv/tree.h"

struct fake_list {
    unsigned char *bytes; /* records of one tree, sorted when published */
    unsigned count, capacity;
};

struct fake_state {
    struct fake_list trees[NETVANE_TREE_COUNT];
    struct netvane_region_default main4, main6, egress4, egress6;
    uint32_t quality;
    uint32_t next_string;
};

void fake_state_free(struct fake_state *st);
void fake_state_copy(const struct fake_state *from, struct fake_state *to);
/* Appends a record; the key decides its place. Returns it for changes. */
void *fake_add(struct fake_state *st, unsigned tree, const void *record);
void *fake_find(struct fake_state *st, unsigned tree, const uint64_t *key); /* NULL: not there */
void fake_remove(struct fake_state *st, unsigned tree, const uint64_t *key);

uint32_t fake_string(struct fake_state *st, const void *bytes, size_t len);
struct netvane_rec_link *fake_link(struct fake_state *st, uint32_t ifindex, const char *name,
                                   uint32_t flags, const char *kind);
void fake_altname(struct fake_state *st, uint32_t ifindex, const char *name);
/* "192.0.2.1/24" or "2001:db8::1/64". */
struct netvane_rec_addr *fake_addr(struct fake_state *st, uint32_t ifindex, const char *text,
                                   uint8_t scope, uint32_t flags, uint32_t position);
/* One hop; index counts from 0, count is that of the set. gateway may be NULL. */
struct netvane_rec_hop *fake_hop(struct fake_state *st, uint32_t set, uint32_t index,
                                 uint32_t count, uint32_t ifindex, const char *gateway);
void fake_metric(struct fake_state *st, uint32_t set, uint32_t which, uint32_t value);
/* text: "10.0.0.0/8" or "2001:db8::/32". Returns the record: netvane_rec_route4 or _route6. */
void *fake_route(struct fake_state *st, uint32_t table, const char *text, uint32_t metric,
                 uint32_t hops);
struct netvane_rec_rule *fake_rule(struct fake_state *st, uint8_t family, uint32_t priority,
                                   uint32_t table);
struct netvane_rec_nexthop *fake_nexthop(struct fake_state *st, uint32_t nhid, uint32_t ifindex,
                                         uint32_t members);
void fake_member(struct fake_state *st, uint32_t group, uint32_t index, uint32_t nhid,
                 uint32_t weight);
/* A candidate of table main or another; rank 0 of table 254 becomes the inline answer and the egress too. */
void fake_default(struct fake_state *st, uint8_t family, uint32_t table, uint32_t rank,
                  uint32_t ifindex, uint32_t metric, uint32_t hops);

/* A State with three links, addresses, routes of both families, rules, nexthops and defaults; all valid. */
void fake_example(struct fake_state *st);

struct fake_region {
    char dir[64];
    char name[64];
    int fd;
    bool own_dir;
    unsigned char *base;
    uint64_t file_bytes, used;
    uint64_t version;
    uint64_t instance_id;
    uint32_t gens[16];
    uint64_t digest[8];
    struct netvane_region_root roots[NETVANE_TREE_SLOTS];
    uint64_t tree_hash[NETVANE_TREE_COUNT]; /* of the records last shown: an equal tree is shared */
    struct netvane_region_lpm lpms[NETVANE_LPM_SLOTS];
};

#define FAKE_BYTES (UINT64_C(32) << 20)

/* Makes a region in a new directory on tmpfs, locked as a living writer does, with nothing published. */
void fake_region_make(struct fake_region *r, const char *name);
/* A successor of the same name: its versions and generations go on. Shown by fake_region_replace. */
void fake_region_succeed(struct fake_region *r, const struct fake_region *old);
void fake_region_replace(struct fake_region *r, struct fake_region *old);
void fake_region_rename(struct fake_region *r,
                        struct fake_region *old); /* without marking the old one */
/* The writer "dies": the lock goes, the file stays. */
void fake_region_die(struct fake_region *r);
void fake_region_free(
    struct fake_region *r); /* unmaps and removes the file, and the directory if it made it */
void fake_header_seal(struct fake_region *r); /* checksum of the header after a change */

/* Shows the State as the next version; returns the topics that it moved. wake: as a writer does. */
uint32_t fake_publish(struct fake_region *r, struct fake_state *st, bool wake);
/* fake_region_lpm.c: the indexes and the records of tables, from routes that are sorted. */
void fake_build_lpms(struct fake_region *r, struct fake_state *st);
/* Every version below horizon is no longer readable. */
void fake_expire(struct fake_region *r, uint64_t horizon);
struct netvane_region_slot *fake_slot(struct fake_region *r, uint64_t version);
void fake_slot_seal(struct fake_region *r, uint64_t version);
struct netvane_region_node *fake_node(struct fake_region *r, uint32_t ref);
void fake_node_seal(struct fake_region *r, uint32_t ref);
uint32_t fake_child(struct fake_region *r, uint32_t ref, unsigned i);
void fake_set_child(struct fake_region *r, uint32_t ref, unsigned i, uint32_t child);

#endif
