/* SPDX-License-Identifier: MIT */
/*
 * takeover.c - what a new region takes over from the one that has its name, and how that one's readers learn of it.
 *
 * Versions and generations go on; a topic whose content is the same keeps its generation, which commit.c sees from
 * the digests. Where there is no predecessor, or it cannot be read, they begin at the microseconds since boot: readers may
 * still have a region that lost its name, and no writer publishes more than one version a microsecond.
 */
#include "publish.h"

void nv_legacy_none(struct nv_legacy *ret_legacy)
{
    *ret_legacy = (struct nv_legacy){.version = nv_clock_boottime_ns() / 1000};
    ret_legacy->any = (uint32_t)ret_legacy->version;
    for (unsigned t = 0; t < NETVANE_TOPIC_SLOTS; t++)
        ret_legacy->gen[t] = ret_legacy->any;
}

bool nv_legacy_read(const void *base, uint64_t size_bytes, struct nv_legacy *ret_legacy)
{
    struct netvane_region_header h;
    struct netvane_region_slot slot;
    nv_legacy_none(ret_legacy);
    if (size_bytes < NETVANE_ARENA_OFFSET)
        return false;
    nv_payload_load(&h, base, sizeof(h));
    if (h.magic != NETVANE_REGION_MAGIC || h.major != NETVANE_REGION_MAJOR ||
        h.layout != NETVANE_REGION_LAYOUT ||
        h.checksum != nv_hash(&h, offsetof(struct netvane_region_header, checksum)))
        return false;
    uint64_t v = nv_read_head(base) & ~NETVANE_HEAD_MOVED;
    if (!v)
        return false;
    nv_payload_load(&slot, nv_at(base, NV_SLOT(v)), sizeof(slot));
    if (slot.version != v ||
        slot.checksum != nv_hash((unsigned char *)&slot + 16, sizeof(slot) - 16))
        return false;
    ret_legacy->version = v;
    memcpy(ret_legacy->gen, slot.gen, sizeof(ret_legacy->gen));
    ret_legacy->any = slot.gen[NETVANE_TOPIC_SLOTS];
    memcpy(ret_legacy->digest, slot.digest, sizeof(ret_legacy->digest));
    return true;
}

void nv_legacy_end(void *base, uint64_t size_bytes, uint64_t successor)
{
    if (size_bytes < NETVANE_ARENA_OFFSET)
        return;
    nv_write_word32(base, NV_LIVE(state), NETVANE_RS_REPLACED);
    nv_write_moved(base, successor); /* T1 */
    (void)nv_futex_wake((const void *)nv_at(base, NV_TOPIC_ANY), NV_FUTEX_ALL, INT32_MAX);
}

void nv_legacy_expire(void *base, uint64_t size_bytes)
{
    if (size_bytes >= NETVANE_ARENA_OFFSET)
        nv_write_horizon(base, (nv_read_head(base) & ~NETVANE_HEAD_MOVED) + 1);
}
