/* SPDX-License-Identifier: MIT */
/*
 * proto.h - the publish and read protocol: every atomic access and every fence of the region.
 *
 * Words
 *   word          type  writer                      reader          meaning
 *   head          u64   store release (P3)          load acquire    newest version; bit 63: replaced
 *   horizon       u64   store relaxed (P1)          load relaxed    oldest version that may be read
 *   committed     u64   store relaxed (P0)          load relaxed    bytes of the file backed by memory
 *   successor     u64   store relaxed (T1)          load relaxed    instance id of the replacement
 *   gen[t], any   u32   store release (P4)          load acquire    a topic's generation; any: the futex word
 *   liveness      u64   store relaxed               load relaxed    heartbeat, state, pid
 *   counters      u64   store relaxed               load relaxed    statistics
 *   payload       u64   store relaxed (P2)          load relaxed    root slots and nodes (R1); a reader may load wider
 *                                                                   words: B finds a torn one like any other
 *   journal floor u64   store relaxed (P5)          load relaxed    entries below this position are not to be read
 *   entries       u64   store relaxed (P6)          load relaxed    what each version changed (R4)
 *
 * Edges
 *   A  P2 before P3, R0 (head acquire) before R1: who sees head = v sees all that v consists of.
 *      Without it: a reader walks a root or nodes that have not arrived yet.
 *   B  P1, fence release, P2 (into reused memory) against R1, fence acquire, R2 (horizon): a reader that has
 *      read one word of reused memory sees a horizon above its version. Both fences are needed: neither an
 *      acquire load nor a release store of the horizon orders the payload. Without either: torn reads pass.
 *   C  P3 before P4, R3 (generation acquire) before R0: who sees a moved generation finds the version that
 *      moved it. Without it: a woken reader looks at the old State and sleeps on the new generation.
 *   D  P4, `any` last, before FUTEX_WAKE; R3 (any before the generations) before FUTEX_WAIT, which compares `any` again inside
 *      the kernel: no wake-up is lost. All sleep on `any`, each with the bits of its topics (FUTEX_WAIT_BITSET), so that one
 *      wake with the bits of those that moved reaches whom it is for, and nobody else. A takeover is as a topic: `any` moves
 *      behind MOVED, and who will sleep looks for MOVED behind `any`. Without it: asleep through a change, until a slice ends.
 *   E  P0 before P3, R0 before the load of committed: the limit that a reader loads after head covers every node of that
 *      version. A's two orders carry it. Without it: a reader takes a fresh node for a bad offset.
 *   F  T1 before the head's MOVED bit (release), R0 before the load of successor: who sees MOVED finds the successor.
 *   G  P5, fence release, P6 (over older entries) against R4, fence acquire, R5 (floor): a reader that has read one word of
 *      an entry that was written over sees a floor above the position that it took it for. The same pair as B, for
 *      the same reason. P5 and P6 come before P3, too (A): who sees head = v finds v's entries, or a floor above them.
 *      Without it: a change is told that was none of the range, and one that was is missing.
 *   H  Inside one reading process: `base` of a replaced mapping becomes NULL, then the OS puts zeros in the place of its
 *      arena (a system call, which reaches every processor), against R1, fence acquire (R2), `base` again: who has read
 *      one of these zeros sees NULL. Without it: an empty State, or a CORRUPT one, of a version that is whole. In the same
 *      way the header of a region that was replaced long ago goes: a horizon above all versions first, then zeros (B).
 *
 * Invariants
 *   I1 horizon <= version of head.   I2 slot v % N holds v for horizon <= v <= head.
 *   I3 memory that a version w with horizon <= w can reach is not written.
 *   I4 head, horizon, committed, floor and generations never decrease (a u32 generation wraps).
 *   I5 the entries from journal_end of v to journal_end of w name each object in which v and w differ, v < w,
 *      if floor <= journal_end of v.
 * Progress    The writer never waits for a reader. A reader's step is bounded: it does not depend on the writer,
 *             except that a version may expire under it, which takes at least the ring's length of publishes.
 * Death       of the writer after any store leaves readers a whole State: before P3 the old head, after it the
 *             new one. After P3 and before P4 sleepers are late by one slice (<= 1 s), never lost: behind it they know that the
 *             writer is gone, and take the generations from the version's slot, as the next writer does. Until then words
 *             that are behind a slot are no news. After P5 and before P3 the floor may be above entries that are whole: the walk
 *             over the trees serves instead.
 * Not given   Two readers need not see the same newest version at the same time. A sleeper can be delayed by a hostile
 *             reader of the same mapping by one slice. Generations wrap after 2^32 changes: a sleeper that sees
 *             the very same value again has missed 2^32 of them.
 * Evidence    tests/model/test_protocol.c runs this file, the writer's publish.c, arena.c, tree_edit.c and journal.c and the walk
 *             of nv/tree.h in every execution that C11 allows, edge by edge, and weakens each order and each fence in turn: each
 *             one is needed. tests/model/test_mutants.py takes lines out of these files, and moves them: the model finds each.
 *             tests/model/netvane.pml has sleeping, takeover and death in every interleaving, with 20 ways to break them.
 *             tests/stress/churn.c is no proof, and runs on real processors.
 */
#ifndef NV_PROTO_H
#define NV_PROTO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netvane/region.h"
#include "nv/base.h"

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be lock-free");
_Static_assert(sizeof(_Atomic uint64_t) == 8, "an atomic u64 is a plain word");
_Static_assert(sizeof(_Atomic uint32_t) == 4, "an atomic u32 is a plain word");

/* ---- words: the only casts to atomics ---------------------------------------------------------------- */

static inline uint64_t nv_load64(const void *p, memory_order order)
{
    return atomic_load_explicit((const _Atomic uint64_t *)p, order);
}

static inline uint32_t nv_load32(const void *p, memory_order order)
{
    return atomic_load_explicit((const _Atomic uint32_t *)p, order);
}

static inline void nv_store64(void *p, uint64_t v, memory_order order)
{
    atomic_store_explicit((_Atomic uint64_t *)p, v, order);
}

static inline void nv_store32(void *p, uint32_t v, memory_order order)
{
    atomic_store_explicit((_Atomic uint32_t *)p, v, order);
}

/*
 * Two words at once, as vectors: what a copy may be made of on x86, where the compiler makes each relaxed word a load or store
 * of its own. Words are all that anybody relies on (R1, P2): a vector of them may be torn.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(NV_TSAN) && !defined(NV_NO_PAIRS)
#define NV_PAIR 16u
struct nv_pair {
    uint64_t word[2];
};
typedef double nv_pair_register __attribute__((vector_size(16)));

static inline nv_pair_register nv_load_pair(const void *p)
{
    nv_pair_register v;
    __asm__("movups %1, %0" : "=x"(v) : "m"(*(const struct nv_pair *)p));
    return v;
}

static inline void nv_store_pair(void *p, nv_pair_register v)
{
    __asm__("movups %1, %0" : "=m"(*(struct nv_pair *)p) : "x"(v));
}
#endif

/* Copies payload out of the region, word by word; len is a multiple of 8, src is aligned. R1 */
static inline void nv_payload_load(void *restrict dst, const void *restrict src, size_t len)
{
    unsigned char *d = dst;
    const unsigned char *s = src;
    size_t i = 0;
#ifdef NV_PAIR
    for (; i + NV_PAIR <= len; i += NV_PAIR) {
        const nv_pair_register v = nv_load_pair(s + i);
        memcpy(d + i, &v, NV_PAIR);
    }
#endif
    for (; i < len; i += 8) {
        uint64_t w = nv_load64(s + i, memory_order_relaxed);
        memcpy(d + i, &w, 8);
    }
}

/* Copies payload into the region. P2 */
static inline void nv_payload_store(void *restrict dst, const void *restrict src, size_t len)
{
    unsigned char *d = dst;
    const unsigned char *s = src;
    size_t i = 0;
#ifdef NV_PAIR
    for (; i + 4 * NV_PAIR <= len; i += 4 * NV_PAIR) { /* a line at once */
        nv_pair_register v[4];
        memcpy(v, s + i, sizeof(v));
        nv_store_pair(d + i, v[0]);
        nv_store_pair(d + i + NV_PAIR, v[1]);
        nv_store_pair(d + i + 2 * NV_PAIR, v[2]);
        nv_store_pair(d + i + 3 * NV_PAIR, v[3]);
    }
    for (; i + NV_PAIR <= len; i += NV_PAIR) {
        nv_pair_register v;
        memcpy(&v, s + i, NV_PAIR);
        nv_store_pair(d + i, v);
    }
#endif
    for (; i < len; i += 8) {
        uint64_t w;
        memcpy(&w, s + i, 8);
        nv_store64(d + i, w, memory_order_relaxed);
    }
}

/* ---- where things are --------------------------------------------------------------------------------- */

static inline const unsigned char *nv_at(const void *base, uint64_t offset)
{
    return (const unsigned char *)base + offset;
}

static inline unsigned char *nv_at_rw(void *base, uint64_t offset)
{
    return (unsigned char *)base + offset;
}

#define NV_HOT(field)  (NETVANE_HOT_OFFSET + offsetof(struct netvane_region_hot, field))
#define NV_LIVE(field) (NETVANE_LIVENESS_OFFSET + offsetof(struct netvane_region_liveness, field))
#define NV_TOPIC_ANY   NETVANE_TOPICS_OFFSET
#define NV_TOPIC(t)    (NETVANE_TOPICS_OFFSET + 4u + 4u * (uint64_t)(t))
#define NV_COUNTER(i)  (NETVANE_COUNTERS_OFFSET + 8u * (uint64_t)(i))
#define NV_SLOT(version) \
    (NETVANE_RING_OFFSET + ((version) % NETVANE_RING_SLOTS) * (uint64_t)NETVANE_SLOT_BYTES)

#define NV_JOURNAL_PLACE(position, entries) \
    (NETVANE_JOURNAL_OFFSET +               \
     (position) % (entries) * (uint64_t)sizeof(struct netvane_region_entry))

/* ---- reader ---------------------------------------------------------------------------------------------- */

/* R0: newest version, maybe with NETVANE_HEAD_MOVED; 0: none yet. A: pairs with P3 */
static inline uint64_t nv_read_head(const void *base)
{
    return nv_load64(nv_at(base, NV_HOT(head)), memory_order_acquire);
}

/* The end of what may be dereferenced; load it after head. E: pairs with P0 */
static inline uint64_t nv_read_committed(const void *base)
{
    return nv_load64(nv_at(base, NV_HOT(committed)), memory_order_relaxed);
}

/* R2: may what was read of this version be used? B: pairs with P1 */
static inline bool nv_read_check(const void *base, uint64_t version)
{
    atomic_thread_fence(memory_order_acquire);
    return nv_load64(nv_at(base, NV_HOT(horizon)), memory_order_relaxed) <= version;
}

/* R5: may entries of the journal from this position on, which were read (R4), be used? G: pairs with P5 */
static inline bool nv_read_journal_check(const void *base, uint64_t position)
{
    atomic_thread_fence(memory_order_acquire);
    return nv_load64(nv_at(base, NV_HOT(journal_floor)), memory_order_relaxed) <= position;
}

/* R3: a topic's generation. C: pairs with P4 */
static inline uint32_t nv_read_gen(const void *base, unsigned topic)
{
    return nv_load32(nv_at(base, NV_TOPIC(topic)), memory_order_acquire);
}

static inline uint32_t nv_read_any(const void *base)
{
    return nv_load32(nv_at(base, NV_TOPIC_ANY), memory_order_acquire);
}

/* F: pairs with T1; load it after head showed MOVED */
static inline uint64_t nv_read_successor(const void *base)
{
    return nv_load64(nv_at(base, NV_HOT(successor)), memory_order_relaxed);
}

/* ---- writer ------------------------------------------------------------------------------------------------ */

/* P1: expires every version below h; only then may what they alone reach be written. B: pairs with R2 */
static inline void nv_write_horizon(void *base, uint64_t h)
{
    nv_store64(nv_at_rw(base, NV_HOT(horizon)), h, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

/* P5: entries below this position are lost; only then may they be written over (P6). G: pairs with R5 */
static inline void nv_write_journal_floor(void *base, uint64_t position)
{
    nv_store64(nv_at_rw(base, NV_HOT(journal_floor)), position, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

/* P0: after the OS has backed [0, bytes), before P3. E */
static inline void nv_write_committed(void *base, uint64_t bytes)
{
    nv_store64(nv_at_rw(base, NV_HOT(committed)), bytes, memory_order_relaxed);
}

/* P3: after the root slot and all nodes of v are stored. A: pairs with R0 */
static inline void nv_write_head(void *base, uint64_t v)
{
    nv_store64(nv_at_rw(base, NV_HOT(head)), v, memory_order_release);
}

/* P4: after head. C: pairs with R3 */
static inline void nv_write_gen(void *base, unsigned topic, uint32_t gen)
{
    nv_store32(nv_at_rw(base, NV_TOPIC(topic)), gen, memory_order_release);
}

static inline void nv_write_any(void *base, uint32_t gen)
{
    nv_store32(nv_at_rw(base, NV_TOPIC_ANY), gen, memory_order_release);
}

/* T1, then MOVED, then `any`: tells the readers of a replaced region where to go, and who is about to sleep there that it is. F, D */
static inline void nv_write_moved(void *base, uint64_t successor)
{
    nv_store64(nv_at_rw(base, NV_HOT(successor)), successor, memory_order_relaxed);
    nv_store64(nv_at_rw(base, NV_HOT(head)), nv_read_head(base) | NETVANE_HEAD_MOVED,
               memory_order_release);
    nv_write_any(base, nv_read_any(base) + 1);
}

/* Liveness and statistics: each word stands alone. */
static inline uint64_t nv_read_word(const void *base, uint64_t offset)
{
    return nv_load64(nv_at(base, offset), memory_order_relaxed);
}

static inline uint32_t nv_read_word32(const void *base, uint64_t offset)
{
    return nv_load32(nv_at(base, offset), memory_order_relaxed);
}

static inline void nv_write_word(void *base, uint64_t offset, uint64_t v)
{
    nv_store64(nv_at_rw(base, offset), v, memory_order_relaxed);
}

static inline void nv_write_word32(void *base, uint64_t offset, uint32_t v)
{
    nv_store32(nv_at_rw(base, offset), v, memory_order_relaxed);
}

#endif
