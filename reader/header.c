/* SPDX-License-Identifier: MIT */
/*
 * header.c - decides whether a region is one that this build can read.
 *
 * Owns:      the meaning of the header's fields for a reader.
 * Assumes:   NETVANE_HEADER_PAGES_BYTES at `header` can be read; their content may be anything.
 * Promises:  after 0 every number that the reader takes from the header is within the bounds that it relies
 *            on; "not a region", "another build's" and "damaged" are three answers.
 */
#include "reader.h"

/* The most address space that a reader is willing to reserve. */
#define NV_MAX_BYTES_BOUND (UINT64_C(1) << 42)

_Static_assert(sizeof(struct netvane_region_header) % 8 == 0, "the header is copied in words");

static bool same_layout(const struct netvane_region_header *h)
{
    return h->major == NETVANE_REGION_MAJOR && h->layout == NETVANE_REGION_LAYOUT &&
           !(h->features_must & ~NETVANE_REGION_MUST) && h->ring_slots == NETVANE_RING_SLOTS &&
           h->slot_bytes == NETVANE_SLOT_BYTES && h->node_bytes == NETVANE_NODE_BYTES &&
           h->tree_count >= NETVANE_TREE_COUNT && h->tree_count <= NETVANE_TREE_SLOTS &&
           h->ring_offset == NETVANE_RING_OFFSET && h->arena_offset == NETVANE_ARENA_OFFSET &&
           h->journal_offset == NETVANE_JOURNAL_OFFSET;
}

/* A region outlives no boot: its times would mean nothing. An id of zeros is unknown. */
static bool same_boot(const struct netvane_region_header *h)
{
    static const uint8_t unknown[16];
    uint8_t id[16];
    return !memcmp(h->boot_id, unknown, sizeof(unknown)) || nv_proc_boot_id(id) ||
           !memcmp(h->boot_id, id, sizeof(id));
}

int nv_header_verify(const void *header, struct netvane_region_header *ret_facts)
{
    struct netvane_region_header h;
    nv_payload_load(&h, header, sizeof(h));
    if (h.magic != NETVANE_REGION_MAGIC)
        return NETVANE_BAD_MAGIC;
    if (!same_layout(&h))
        return NETVANE_BAD_LAYOUT;
    if (h.checksum != nv_hash(&h, offsetof(struct netvane_region_header, checksum)))
        return NETVANE_CORRUPT;
    if (h.max_bytes < NETVANE_ARENA_OFFSET || h.max_bytes > NV_MAX_BYTES_BOUND ||
        h.max_bytes % NETVANE_NODE_BYTES ||
        h.journal_bytes > NETVANE_ARENA_OFFSET - NETVANE_JOURNAL_OFFSET)
        return NETVANE_CORRUPT;
    if (!same_boot(&h))
        return NETVANE_BAD_LAYOUT;
    *ret_facts = h;
    return NETVANE_OK;
}
