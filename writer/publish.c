/* SPDX-License-Identifier: MIT */
/*
 * publish.c - horizon, root slot, head, generations, in the order that nv/proto.h proves.
 *
 * Which versions expire: those that the ring has no room for; and, once the limbo holds much, those whose grace has
 * passed. Older ones are kept as long as they cost little.
 */
#include "publish.h"

#include "limits.h"

static void write_header(struct nv_publisher *p, const struct nv_header_args *args, uint64_t first,
                         uint64_t now)
{
    struct netvane_region_header h = {.magic = NETVANE_REGION_MAGIC,
                                      .major = NETVANE_REGION_MAJOR,
                                      .minor = NETVANE_REGION_MINOR,
                                      .layout = NETVANE_REGION_LAYOUT,
                                      .features_must = NETVANE_REGION_MUST,
                                      .features_may = NETVANE_REGION_MAY,
                                      .ring_slots = NETVANE_RING_SLOTS,
                                      .slot_bytes = NETVANE_SLOT_BYTES,
                                      .node_bytes = NETVANE_NODE_BYTES,
                                      .tree_count = NETVANE_TREE_COUNT,
                                      .ring_offset = NETVANE_RING_OFFSET,
                                      .journal_offset = NETVANE_JOURNAL_OFFSET,
                                      .journal_bytes = NV_JOURNAL_BYTES,
                                      .arena_offset = NETVANE_ARENA_OFFSET,
                                      .max_bytes = args->max_bytes,
                                      .instance_id = p->instance_id,
                                      .netns_dev = args->netns_dev,
                                      .netns_ino = args->netns_ino,
                                      .created_ns = now,
                                      .first_version = first,
                                      .coalesce_ns = args->coalesce_ns,
                                      .reconcile_ns = args->reconcile_ns,
                                      .heartbeat_ns = NV_HEARTBEAT_NS};
    (void)nv_proc_boot_id(h.boot_id);
    for (size_t i = 0; args->tables && args->tables[i] && i + 1 < sizeof(h.tables); i++)
        h.tables[i] = args->tables[i];
    h.checksum = nv_hash(&h, offsetof(struct netvane_region_header, checksum));
    nv_payload_store(p->base, &h, sizeof(h));
}

int nv_publisher_init(struct nv_publisher *p, void *base, struct nv_shm *shm,
                      const struct nv_header_args *args, const struct nv_legacy *legacy)
{
    memset(p, 0, sizeof(*p));
    p->base = base;
    p->shm = shm;
    int r = nv_proc_random(&p->instance_id, sizeof(p->instance_id));
    if (r)
        return r;
    memcpy(p->gen, legacy->gen, sizeof(p->gen));
    memcpy(p->digest, legacy->digest, sizeof(p->digest));
    p->any = legacy->any;
    for (unsigned t = 0; t < NETVANE_RT_COUNT; t++)
        nv_write_gen(base, t, p->gen[t]);
    nv_write_any(base, p->any);
    uint64_t now = nv_clock_boottime_ns(), first = legacy->version + 1;
    p->horizon = first;
    nv_write_horizon(base, first);
    write_header(p, args, first, now);
    nv_write_word(base, NV_LIVE(started_ns), now);
    nv_write_word32(base, NV_LIVE(writer_pid), nv_proc_pid());
    nv_publisher_state(p, NETVANE_RS_STARTING);
    nv_publisher_beat(p, now);
    return 0;
}

void nv_publisher_destroy(struct nv_publisher *p)
{
    nv_notifier_free(p->notifier);
    p->notifier = NULL;
}

/* Expires what has to go before version v takes its slot. */
static void advance_horizon(struct nv_publisher *p, struct nv_arena *a, uint64_t v, uint64_t now_ns)
{
    uint64_t before = nv_max_u64(p->horizon, nv_read_word(p->base, NV_HOT(horizon)));
    uint64_t h = nv_max_u64(before, v >= NETVANE_RING_SLOTS ? v - NETVANE_RING_SLOTS + 1 : 0);
    for (uint64_t gone = before; gone < h; gone++)
        if (nv_add_sat(p->published_ns[(gone + 1) % NETVANE_RING_SLOTS], NV_GRACE_NS) > now_ns)
            p->counter[NETVANE_RC_EARLY_EXPIRIES]++;
    if (a->limbo_count + a->cells_waiting_bytes / NETVANE_NODE_BYTES > NV_LIMBO_KEEP_NODES)
        while (h < p->head && p->published_ns[(h + 1) % NETVANE_RING_SLOTS] + NV_GRACE_NS <= now_ns)
            h++;
    if (h > before)
        nv_write_horizon(p->base, h); /* P1 */
    p->horizon = h;
    nv_arena_reclaim(a, h);
}

void nv_publish(struct nv_publisher *p, struct nv_arena *a, struct netvane_region_slot *slot,
                uint32_t topics, uint64_t now_ns)
{
    uint64_t v = a->draft;
    advance_horizon(p, a, v, now_ns);
    for (unsigned t = 0; t < NETVANE_RT_COUNT; t++)
        if (topics >> t & 1u)
            p->gen[t]++;
    if (topics)
        p->any++;
    slot->version = v;
    slot->published_ns = now_ns;
    slot->instance_id = p->instance_id;
    slot->changed = topics;
    memcpy(slot->gen, p->gen, sizeof(p->gen));
    slot->gen[NETVANE_TOPIC_SLOTS] = p->any;
    slot->checksum = nv_hash((unsigned char *)slot + 16, sizeof(*slot) - 16);
    nv_payload_store(nv_at_rw(p->base, NV_SLOT(v)), slot, sizeof(*slot)); /* P2 */
    nv_write_head(p->base, v);                                            /* P3 */
    for (unsigned t = 0; t < NETVANE_RT_COUNT; t++)
        if (topics >> t & 1u)
            nv_write_gen(p->base, t, p->gen[t]); /* P4 */
    if (topics)
        nv_write_any(p->base, p->any); /* P4 */
    p->head = v;
    p->published_ns[v % NETVANE_RING_SLOTS] = now_ns;
    memcpy(p->digest, slot->digest, sizeof(p->digest));
    p->counter[NETVANE_RC_PUBLISHES]++;
    p->counter[NETVANE_RC_QUIET_PUBLISHES] += !topics;
    p->counter[NETVANE_RC_BYTES_COPIED] += sizeof(*slot);
    nv_arena_next_draft(a);
}

void nv_publisher_beat(struct nv_publisher *p, uint64_t now_ns)
{
    nv_write_word(p->base, NV_LIVE(heartbeat_ns), now_ns);
}

void nv_publisher_state(struct nv_publisher *p, enum netvane_region_state state)
{
    nv_write_word32(p->base, NV_LIVE(state), (uint32_t)state);
}

void nv_publisher_counters(struct nv_publisher *p, const struct nv_arena *a)
{
    p->counter[NETVANE_RC_NODES_USED] = a->used;
    p->counter[NETVANE_RC_NODES_LIMBO] = a->limbo_count;
    p->counter[NETVANE_RC_NODES_FREE] = a->free_count;
    p->counter[NETVANE_RC_NO_MEMORY] = a->grow_failures;
    for (unsigned i = 0; i < NETVANE_RC_COUNT; i++)
        nv_write_word(p->base, NV_COUNTER(i), p->counter[i]);
}

/* All sleep on one word, each with the bits of its topics: one call, however many topics moved. */
void nv_publisher_wake(struct nv_publisher *p, uint32_t topics)
{
    const void *word = nv_at(p->base, NV_TOPIC_ANY);
    const int woken = nv_futex_wake(word, topics, NV_WAKE_INLINE);
    if (woken > 0)
        p->counter[NETVANE_RC_WAKES] += (unsigned)woken;
    if (woken >= NV_WAKE_INLINE && (p->notifier || !nv_notifier_new(p->base, &p->notifier)))
        nv_notifier_post(p->notifier, topics);
    if (p->shm)
        nv_shm_ring(p->shm, NETVANE_DOORBELL_OFFSET);
}
