/* SPDX-License-Identifier: MIT */
/*
 * fake_writer.h - what the tests of the writer share: memory instead of a file, facts from text, an audit.
 *
 * Promises:  fake_mirror_fault looks only at the region's trees and at content.h, never at the mirror's own
 *            bookkeeping: what it says about digests and indexes is a second opinion.
 */
#ifndef FAKE_WRITER_H
#define FAKE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "nv/event.h"
#include "writer/mirror.h"

/* ---- a region without a file ------------------------------------------------------------------------ */

struct fake_memory {
    unsigned char *base;
    uint64_t max_bytes;
    uint64_t backed_bytes;
    unsigned grows;     /* calls of fake_memory_grow */
    unsigned fail_from; /* this call and every later one fails; 0: none does */
};

void fake_memory_map(struct fake_memory *mem, uint64_t max_bytes);
void fake_memory_free(struct fake_memory *mem);
int fake_memory_grow(void *mem, uint64_t size_bytes); /* nv_arena_grow_fn */

/* ---- random tests ------------------------------------------------------------------------------------- */

uint64_t fake_seed(void); /* prints it; the environment's SEED if that is set */
uint32_t fake_random(uint64_t *state, uint32_t below);

/* One event about something, or a dump of one class that shows some of it, and maybe its sweep. */
void fake_random_fact(struct nv_mirror *m, uint64_t *random);
void fake_random_dump(struct nv_mirror *m, uint64_t *random);

/* ---- facts ---------------------------------------------------------------------------------------------- */

/* "192.0.2.1" or "2001:db8::1"; returns the family. NULL: NV_AF_NONE. */
uint8_t fact_ip(const char *text, uint8_t ret_ip[16]);
/* A complete message: name, mtu, operstate. */
struct nv_link fact_link(uint32_t ifindex, const char *name, uint32_t flags);
struct nv_text fact_text(const char *text);
struct nv_addr fact_addr(uint32_t ifindex, const char *ip, uint8_t prefix_len);
struct nv_hop fact_hop(uint32_t ifindex, const char *gateway);
/* A unicast route; hops may be NULL. */
struct nv_route fact_route(uint32_t table, const char *dst, uint8_t dst_len, uint32_t metric,
                           const struct nv_hop *hops, uint32_t hop_count);
struct nv_rule fact_rule(uint8_t family, uint32_t priority, uint32_t table);
struct nv_nexthop fact_nexthop(uint32_t id, uint32_t ifindex, const char *gateway);

/* ---- audits: NULL, or what is wrong ---------------------------------------------------------------------- */

/* Order, bounds, levels and count of one tree; adds its nodes to *nodes. */
const char *fake_tree_fault(const struct nv_draft *d, unsigned tree, uint32_t *nodes);
/* Every node is free, in limbo, or under exactly one root of the draft. */
const char *fake_arena_fault(const struct nv_draft *d);
/* All of that, the indexes by name, by IP and by prefix, and the digests recomputed from the trees. */
const char *fake_mirror_fault(struct nv_mirror *m);
/* The longest-prefix indexes, made true to the routes first, against these; and every unit of their cells. */
const char *fake_lpm_fault(struct nv_mirror *m);
/* The digest of one topic (links, addrs, routes, rules, nexthops) from the trees alone. */
uint64_t fake_digest(const struct nv_mirror *m, unsigned topic);

#endif
