/* SPDX-License-Identifier: MIT */
/*
 * default.c - gives the default routes: main, egress, and the ranked candidates.
 *
 * Owns:      the four inline answers of a root slot, and the DEFAULTS tree.
 * Promises:  netvane_default_get and netvane_egress_get take no lock and make no call: head, 64 bytes, check.
 *            They read header pages only, which stay mapped until close, whatever a takeover does.
 */
#include "reader.h"

#include "nv/kernel.h"

_Static_assert(sizeof(struct netvane_default) == 64, "64 bytes for ever");
_Static_assert(sizeof(struct netvane_default) == sizeof(struct netvane_region_default), "");
_Static_assert(offsetof(struct netvane_default, flags) ==
                   offsetof(struct netvane_region_default, flags),
               "");
_Static_assert(offsetof(struct netvane_default, nhid) ==
                   offsetof(struct netvane_region_default, nhid),
               "");
_Static_assert(NETVANE_DEFAULT_PRESENT == NETVANE_DF_PRESENT, "");
_Static_assert(NETVANE_DEFAULT_CONFIRMED == NETVANE_DF_CONFIRMED, "");
_Static_assert(NETVANE_DEFAULT_ONLINK == NETVANE_DF_ONLINK, "");
_Static_assert((int)NETVANE_REASON_IS_REJECT == (int)NETVANE_REASON_REJECT, "");

#define SLOT_MAIN4   offsetof(struct netvane_region_slot, main4)
#define SLOT_EGRESS4 offsetof(struct netvane_region_slot, egress4)
_Static_assert(offsetof(struct netvane_region_slot, main6) == SLOT_MAIN4 + 64, "");
_Static_assert(offsetof(struct netvane_region_slot, egress6) == SLOT_EGRESS4 + 64, "");
_Static_assert(NV_AF_4 == 4 && NV_AF_6 == 6, "bit 1 of the family is the index of its answer");

/*
 * The 64 bytes of an answer between load and check. Nothing of them may reach the caller before the check, so
 * they have to stay in registers. R1.
 */
#if defined(__x86_64__) && defined(__GNUC__)
/*
 * As eight words they take more registers than a function may use freely, and saving those costs as much as the
 * copy. Four aligned 16-byte loads do not; on x86 each half of one is a single load, in program order (Intel SDM
 * volume 3, 9.1.1 and 9.2.3.2; AMD APM volume 2, 7.3.2). The clobber keeps the compiler from moving them.
 */
struct answer {
    __attribute__((vector_size(16))) uint64_t q[4];
};

static inline struct answer load_answer(const unsigned char *from)
{
    struct answer a;
    __asm__ volatile("movdqa (%4), %0\n\t"
                     "movdqa 16(%4), %1\n\t"
                     "movdqa 32(%4), %2\n\t"
                     "movdqa 48(%4), %3"
                     : "=&x"(a.q[0]), "=&x"(a.q[1]), "=&x"(a.q[2]), "=x"(a.q[3])
                     : "r"(from)
                     : "memory");
    return a;
}

static inline void store_answer(const struct answer *a, struct netvane_default *ret)
{
    unsigned char *to = (unsigned char *)ret;
    memcpy(to, &a->q[0], 16);
    memcpy(to + 16, &a->q[1], 16);
    memcpy(to + 32, &a->q[2], 16);
    memcpy(to + 48, &a->q[3], 16);
}
#else
struct answer {
    uint64_t w[8];
};

static inline struct answer load_answer(const unsigned char *from)
{
    struct answer a;
    nv_payload_load(&a, from, sizeof(a));
    return a;
}

static inline void store_answer(const struct answer *a, struct netvane_default *ret)
{
    memcpy(ret, a, sizeof(*ret));
}
#endif

static inline uint32_t load_flags(const unsigned char *from)
{
    return nv_load32(from + offsetof(struct netvane_region_default, flags), memory_order_relaxed);
}

static inline int give(const struct answer *a, uint32_t flags, struct netvane_default *ret)
{
    if (nv_unlikely(!(flags & NETVANE_DF_PRESENT)))
        return NETVANE_NOT_FOUND;
    store_answer(a, ret);
    return NETVANE_OK;
}

/* Arguments stand where those of the callers do, so that the fast path moves none. */
static __attribute__((noinline, cold)) int get_slowly(struct netvane *nv, unsigned family,
                                                      struct netvane_default *ret, size_t at)
{
    if (!nv_is_family(family))
        return NETVANE_INVALID;
    for (unsigned i = 0; i < 16; i++) {
        struct netvane_snap snap;
        struct nv_snap s;
        int r = nv_snap_begin(nv, &snap);
        if (r)
            return r == NETVANE_EXPIRED ? NETVANE_CORRUPT : r;
        nv_snap_load(&snap, &s);
        struct answer a = load_answer(nv_snap_slot(&s) + at);
        uint32_t flags = load_flags(nv_snap_slot(&s) + at);
        if (nv_valid(&s))
            return give(&a, flags, ret);
    }
    return NETVANE_CORRUPT; /* a horizon above the head: no writer does that */
}

/*
 * One path without a loop: anything out of the ordinary (nothing published, replaced, expired under us) goes to
 * get_slowly. head - 1 is not below MOVED - 1 for head 0 and for each head with MOVED. `at` is a constant of each
 * caller's branch: computing it from the family costs as much as a load.
 */
static inline int get(struct netvane *nv, unsigned family, struct netvane_default *ret, size_t at)
{
    const unsigned char *head =
        (const unsigned char *)__atomic_load_n(&nv->words.head, __ATOMIC_ACQUIRE);
    const unsigned char *base = head - NV_HOT(head);
    uint64_t v = nv_read_head(base);
    if (nv_unlikely(v - 1 >= NETVANE_HEAD_MOVED - 1))
        return get_slowly(nv, family, ret, at);
    const unsigned char *from = base + NV_SLOT(v) + at;
    struct answer a = load_answer(from);
    uint32_t flags = load_flags(from);
    if (nv_unlikely(!nv_read_check(base, v)))
        return get_slowly(nv, family, ret, at);
    return give(&a, flags, ret);
}

/* The whole fast path lies in two cache lines. */
#define NV_FAST __attribute__((aligned(64)))

NV_FAST int netvane_default_get(struct netvane *nv, uint8_t family,
                                struct netvane_default *ret_default)
{
    if (nv_likely(family == NV_AF_4))
        return get(nv, family, ret_default, offsetof(struct netvane_region_slot, main4));
    if (nv_likely(family == NV_AF_6))
        return get(nv, family, ret_default, offsetof(struct netvane_region_slot, main6));
    return get_slowly(nv, family, ret_default, 0);
}

NV_FAST int netvane_egress_get(struct netvane *nv, uint8_t family,
                               struct netvane_default *ret_egress)
{
    if (nv_likely(family == NV_AF_4))
        return get(nv, family, ret_egress, offsetof(struct netvane_region_slot, egress4));
    if (nv_likely(family == NV_AF_6))
        return get(nv, family, ret_egress, offsetof(struct netvane_region_slot, egress6));
    return get_slowly(nv, family, ret_egress, 0);
}

/* ---- of a snapshot ------------------------------------------------------------------------------------- */

static int of_snap(const struct netvane_snap *snap, unsigned family, size_t at4,
                   struct netvane_default *ret)
{
    struct nv_snap s;
    int r = ret && nv_is_family(family) ? nv_enter(snap, &s) : NETVANE_INVALID;
    if (r)
        return r;
    const unsigned char *from = nv_snap_slot(&s) + at4 + 32u * (family & 2u);
    struct answer a = load_answer(from);
    uint32_t flags = load_flags(from);
    r = nv_leave(&s, NV_TREE_OK);
    return r ? r : give(&a, flags, ret);
}

int netvane_snap_default(const struct netvane_snap *snap, uint8_t family,
                         struct netvane_default *ret_default)
{
    return of_snap(snap, family, SLOT_MAIN4, ret_default);
}

int netvane_snap_egress(const struct netvane_snap *snap, uint8_t family,
                        struct netvane_default *ret_egress)
{
    return of_snap(snap, family, SLOT_EGRESS4, ret_egress);
}

/* ---- candidates ----------------------------------------------------------------------------------------- */

static uint64_t candidates_key(const struct nv_iter *it)
{
    return (uint64_t)it->family << 56 | (uint64_t)it->table << 16;
}

int netvane_default_iter(const struct netvane_snap *snap, uint8_t family, uint32_t table,
                         struct netvane_iter *ret_it)
{
    struct nv_iter it;
    int r = ret_it && nv_is_family(family) ? nv_iter_begin(snap, NV_ITER_DEFAULTS, &it)
                                           : NETVANE_INVALID;
    if (r)
        return r;
    it.family = family;
    it.table = table ? table : NV_TABLE_MAIN;
    const uint64_t key = candidates_key(&it);
    return nv_iter_started(&it, nv_snap_seek(&it.snap, NETVANE_TREE_DEFAULTS, &key, &it.cursor),
                           ret_it);
}

int netvane_default_next(struct netvane_iter *iter, struct netvane_default *ret_default)
{
    struct nv_iter *it = nv_iter_of(iter);
    struct netvane_rec_default rec;
    int r = ret_default ? nv_iter_enter(it, NV_ITER_DEFAULTS) : NETVANE_INVALID;
    if (r != 1)
        return r;
    int w = nv_step(&it->cursor, &rec);
    if (w == NV_TREE_OK && rec.key[0] >> 16 != candidates_key(it) >> 16)
        w = NV_TREE_END;
    r = nv_iter_leave(it, w);
    if (r != 1)
        return r;
    rec.value.size = sizeof(*ret_default);
    memcpy(ret_default, &rec.value, sizeof(*ret_default));
    return 1;
}
