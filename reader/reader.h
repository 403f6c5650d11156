/* SPDX-License-Identifier: MIT */
/*
 * reader.h - what the library's files share: the handle, a mapped region, the inside of a snap.
 *
 * Owns:      the read section (nv_enter, nv_leave) that every access to the arena stands in: no lock, but a judgement.
 * Assumes:   the caller's structs are as netvane.h says; the region may hold anything at all.
 * Promises:  the arena of a snap can be read until netvane_close, and nv_leave says whether what was read since nv_enter may
 *            be used. Header pages stay mapped until then, too, those of the latest NV_MAPPINGS_KEPT with their bytes.
 * Leaves:    bounds and bounded steps to nv/tree.h, order of loads to nv/proto.h.
 *
 * Lifetimes. A struct nv_mapping lives until netvane_close, so that a pointer to one is never stale and
 * never reused. A takeover makes a new one current and takes the arena of the old one away: its `base`
 * becomes NULL, then zeros take the arena's place (edge H of nv/proto.h). A grace period (urcu-bp) only guards the
 * view's descriptor, and the lists of watches.
 */
#ifndef NV_READER_H
#define NV_READER_H

#include <netvane/netvane.h>

#include <urcu/urcu-bp.h>

#include "nv/plat.h"
#include "nv/proto.h"
#include "nv/tree.h"

/* ---- one mapped region ----------------------------------------------------------------------------- */

struct nv_mapping {
    struct nv_view *view;
    const unsigned char *header;       /* header pages: mapped until close */
    const unsigned char *_Atomic base; /* header and arena; NULL once replaced: H */
    uint64_t max_bytes;
    struct netvane_region_header facts; /* verified copy */
    _Atomic uint32_t gone;              /* some wait found that the writer has ended */
    bool buried;                        /* and all that are older */
    struct nv_mapping *older;
};

/* Replaced regions whose file is kept, so that a version of theirs still tells what its generations were. */
#define NV_MAPPINGS_KEPT 4u

/* Copies and verifies a region's header: 0, BAD_MAGIC, BAD_LAYOUT or CORRUPT. */
int nv_header_verify(const void *header, struct netvane_region_header *ret_facts);

int nv_mapping_open(const char *dir, const char *name, uint32_t trusted_uid,
                    struct nv_mapping **ret_mapping);
void nv_mapping_close(struct nv_mapping *m);
/* Has its writer ended? One system call. False where it cannot be told. */
bool nv_mapping_gone(struct nv_mapping *m);

/* ---- the handle -------------------------------------------------------------------------------------- */

struct nv_observer;
struct nv_watch_list;

/* What a sleeper compares: the generations, and whether the writer has ended. */
struct nv_marks {
    uint32_t any;
    uint32_t gen[NETVANE_TOPIC_COUNT];
    uint32_t gone;
    uint64_t instance_id;
};

struct netvane {
    struct netvane_poll_words words; /* first: netvane_changed knows it */
    struct nv_mapping *_Atomic current;
    struct nv_mutex
        *mutex; /* takeover, descriptor, registry of watches; never held over a callback */
    char *dir;
    char *name;
    uint32_t trusted_uid;
    uint32_t
        pid; /* of the process that opened it: a child must not wait for the parent's threads */
    struct nv_bell *bell;
    struct nv_marks bell_marks;
    struct nv_watch_list *_Atomic watches; /* immutable array, replaced as a whole */
    struct nv_watch_list *garbage;         /* arrays that could not be freed at once */
    struct nv_observer *observer;          /* NULL: no watch is registered */
    struct nv_observer *ended;             /* observers that ended themselves, to be joined */
};

/*
 * The region that is current, after following a successor if the current one says that it was replaced.
 * 0 with the mapping (the old one where the successor is gone again), or an error of netvane_open.
 */
int nv_current(struct netvane *nv, struct nv_mapping **ret_mapping);
/* Opens what has the name now and makes it current if it is another region than `from`. */
int nv_follow(struct netvane *nv, struct nv_mapping *from);
/* Does the name lead to another file than m? One system call. */
bool nv_mapping_renamed(struct nv_mapping *m);

/* Waits until no thread of this process can be in a read section that began before; false: may not wait. */
bool nv_grace(const struct netvane *nv);

void nv_watch_shutdown(struct netvane *nv);

int nv_snap_begin(struct netvane *nv, struct netvane_snap *ret_snap);

/* ---- errors -------------------------------------------------------------------------------------------- */

/* A negative errno or NV_E_* as an enum netvane_error; sets errno where that is NETVANE_SYSTEM. */
int nv_error(int plat_error);

/* ---- results: structs that begin with their size --------------------------------------------------------- */

/* Copies as many bytes as the caller's struct has; what only a newer header knows becomes 0. */
static inline int nv_out(void *ret, const void *full, size_t full_size)
{
    uint32_t size;
    memcpy(&size, ret, sizeof(size));
    if (nv_unlikely(size < 2 * sizeof(size)))
        return NETVANE_INVALID;
    size_t n = size < full_size ? size : full_size;
    memcpy((unsigned char *)ret + sizeof(size), (const unsigned char *)full + sizeof(size),
           n - sizeof(size));
    if (nv_unlikely(size > full_size))
        memset((unsigned char *)ret + full_size, 0, size - full_size);
    return NETVANE_OK;
}

/* ---- snaps -------------------------------------------------------------------------------------------------- */

#define NV_SNAP_PRIVATE \
    (UINT64_C(1) << 0)                  /* a copy in this process: nothing to lock, never expires */
#define NV_SNAP_GONE (UINT64_C(1) << 1) /* the writer was known to have ended when it was taken */

struct nv_snap {
    uint64_t version;
    struct netvane *nv;          /* NULL: private */
    struct nv_mapping *m;        /* NULL: private */
    const unsigned char *header; /* hot words and root ring */
    const unsigned char *base;   /* arena; valid between nv_enter and nv_leave */
    uint64_t limit;
    uint64_t flags;
};
_Static_assert(sizeof(struct nv_snap) <= sizeof(struct netvane_snap), "a snap has to fit");

static inline void nv_snap_load(const struct netvane_snap *snap, struct nv_snap *ret_s)
{
    memcpy(ret_s, snap, sizeof(*ret_s));
}

static inline void nv_snap_store(const struct nv_snap *s, struct netvane_snap *ret_snap)
{
    memset(ret_snap, 0, sizeof(*ret_snap));
    memcpy(ret_snap, s, sizeof(*s));
}

static inline const unsigned char *nv_snap_slot(const struct nv_snap *s)
{
    return s->header + NV_SLOT(s->version);
}

static inline void nv_rcu_lock(void)
{
    urcu_bp_read_lock();
}

void nv_rcu_tsan_release(void);

static inline void nv_rcu_unlock(void)
{
#ifdef NV_TSAN
    nv_rcu_tsan_release(); /* liburcu is not instrumented: tell what a grace period orders */
#endif
    urcu_bp_read_unlock();
}

/* Has the snap's arena been taken away? H: pairs with publish in map.c */
static inline bool nv_is_revoked(const struct nv_snap *s, memory_order order)
{
    return !(s->flags & NV_SNAP_PRIVATE) && !atomic_load_explicit(&s->m->base, order);
}

/* Begins a read section: 0, EXPIRED or INVALID; only after 0 nv_leave must follow. Sections may nest. */
static inline int nv_reenter(const struct nv_snap *s)
{
    return nv_unlikely(nv_is_revoked(s, memory_order_relaxed)) ? NETVANE_EXPIRED : NETVANE_OK;
}

static inline int nv_enter(const struct netvane_snap *snap, struct nv_snap *ret_s)
{
    if (nv_unlikely(!snap))
        return NETVANE_INVALID;
    nv_snap_load(snap, ret_s);
    if (nv_unlikely(!ret_s->header))
        return NETVANE_INVALID;
    return nv_reenter(ret_s);
}

/* May what was read so far be used? R2, then H: pairs with publish in map.c */
static inline bool nv_valid(const struct nv_snap *s)
{
    return nv_read_check(s->header, s->version) && !nv_is_revoked(s, memory_order_relaxed);
}

/*
 * Ends the read section and judges it: EXPIRED if the version is no longer readable, else CORRUPT if the
 * walk was bad, else NOT_FOUND for its end, else OK. Before that nothing read may be used.
 */
static inline int nv_leave(const struct nv_snap *s, int walk)
{
    if (nv_unlikely(!nv_valid(s)))
        return NETVANE_EXPIRED;
    return nv_likely(walk == NV_TREE_OK) ? NETVANE_OK
           : walk == NV_TREE_END         ? NETVANE_NOT_FOUND
                                         : NETVANE_CORRUPT;
}

static inline struct nv_tree nv_snap_tree(const struct nv_snap *s, unsigned tree)
{
    const unsigned char *root = nv_snap_slot(s) + offsetof(struct netvane_region_slot, tree) +
                                tree * sizeof(struct netvane_region_root);
    struct netvane_region_root r;
    nv_payload_load(&r, root, sizeof(r));
    return (struct nv_tree){.base = s->base,
                            .limit = s->limit,
                            .ref = r.ref,
                            .height = r.height,
                            .count = r.count,
                            .tree = tree};
}

static inline int nv_snap_find(const struct nv_snap *s, unsigned tree, const uint64_t *key,
                               void *ret_record)
{
    struct nv_tree t = nv_snap_tree(s, tree);
    return nv_tree_find(&t, key, ret_record);
}

static inline int nv_snap_seek(const struct nv_snap *s, unsigned tree, const uint64_t *key,
                               struct nv_cursor *ret_c)
{
    struct nv_tree t = nv_snap_tree(s, tree);
    return nv_cursor_seek(ret_c, &t, key);
}

/* The same, compiled for a tree. */
static inline NV_SPECIALIZED int nv_snap_seek_in(const struct nv_snap *s, unsigned tree,
                                                 const uint64_t *key, struct nv_cursor *ret_c)
{
    struct nv_tree t = nv_snap_tree(s, tree);
    return nv_cursor_seek_in(ret_c, &t, tree, key);
}

static inline uint32_t nv_slot_load32(const struct nv_snap *s, size_t offset)
{
    return nv_load32(nv_snap_slot(s) + offset, memory_order_relaxed);
}

static inline uint64_t nv_slot_load64(const struct nv_snap *s, size_t offset)
{
    return nv_load64(nv_snap_slot(s) + offset, memory_order_relaxed);
}

/*
 * Copies the root slot of version v: OK while v is readable, and also later as long as the slot still holds
 * it whole (its checksum says so); EXPIRED when it was overwritten.
 */
int nv_slot_read(const unsigned char *header, uint64_t v, struct netvane_region_slot *ret_slot);

/* ---- objects: records to what the API shows ------------------------------------------------------------- */

/* Inside a read section; NV_TREE_*. The result counts only after nv_leave. */
int nv_string_find(const struct nv_snap *s, uint32_t id, char *buf, size_t size, size_t *ret_len);
int nv_link_find(const struct nv_snap *s, uint32_t ifindex, struct netvane_rec_link *ret_rec);

void nv_link_show(const struct netvane_rec_link *r, struct netvane_link *ret);
void nv_addr_show(const struct netvane_rec_addr *r, struct netvane_addr *ret);
void nv_rule_show(const struct netvane_rec_rule *r, struct netvane_rule *ret);
void nv_nexthop_show(const struct netvane_rec_nexthop *r, struct netvane_nexthop *ret);
void nv_hop_show(const struct netvane_rec_hop *r, struct netvane_hop *ret);
/* hop: the first of its set, or NULL where the route has none. */
void nv_route4_show(const struct netvane_rec_route4 *r, const struct netvane_rec_hop *hop,
                    struct netvane_route *ret);
void nv_route6_show(const struct netvane_rec_route6 *r, const struct netvane_rec_hop *hop,
                    struct netvane_route *ret);

/* Words of keys, as region.h describes them. */
static inline void nv_key_ip(uint64_t words[2], unsigned family, const uint8_t *ip)
{
    words[0] = family == NV_AF_4 ? 0 : nv_load_be64(ip);
    words[1] = family == NV_AF_4 ? nv_load_be32(ip) : nv_load_be64(ip + 8);
}

static inline void nv_key_show_ip(const uint64_t words[2], unsigned family, uint8_t ret_ip[16])
{
    memset(ret_ip, 0, 16);
    if (family == NV_AF_4) {
        nv_store_be32(ret_ip, (uint32_t)words[1]);
    } else {
        nv_store_be64(ret_ip, words[0]);
        nv_store_be64(ret_ip + 8, words[1]);
    }
}

static inline bool nv_is_family(unsigned family)
{
    return family == NV_AF_4 || family == NV_AF_6;
}

/* ---- longest-prefix indexes ---------------------------------------------------------------------------------- */

struct nv_lpm_hit;

/*
 * The longest prefix of a table that covers dst: OK, END or BAD. ret_broken: it has no index, and no more is known than
 * that it has routes.
 */
int nv_table_longest(const struct nv_snap *s, unsigned family, uint32_t table, const uint8_t *dst,
                     struct nv_lpm_hit *ret_hit, bool *ret_broken);

/* ---- iterators ---------------------------------------------------------------------------------------------- */

enum nv_iter_kind {
    NV_ITER_LINKS = 0x6e760001, /* not a small number: an uninitialised iterator is told apart */
    NV_ITER_ADDRS,
    NV_ITER_ADDRS_BY_IP,
    NV_ITER_ROUTES,
    NV_ITER_DEFAULTS,
    NV_ITER_RULES,
    NV_ITER_NEXTHOPS
};

#define NV_ITER_USES 16 /* hop sets whose use of the filter's link is remembered */

struct nv_iter {
    struct nv_snap snap;
    struct nv_cursor cursor;
    uint32_t kind;
    int32_t ended; /* 0: not yet; 1: at the end; negative: the error that ended it */
    uint32_t ifindex;
    uint8_t family;     /* asked for */
    uint8_t now_family; /* of the tree that the cursor is in */
    uint8_t exact;
    uint8_t dst_len;
    uint32_t table;
    uint8_t type, protocol;
    uint8_t reserved[2];
    uint64_t ip[2];
    uint32_t uses_set[NV_ITER_USES]; /* set id; bit of `uses` tells */
    uint32_t uses;
    uint32_t hop_valid;
    struct netvane_rec_hop hop; /* the first of the set that was read last */
};
_Static_assert(sizeof(struct nv_iter) <= sizeof(struct netvane_iter), "an iterator has to fit");

/* The library is the only one that looks inside; the caller's words are but room. */
static inline struct nv_iter *nv_iter_of(struct netvane_iter *it)
{
    return (struct nv_iter *)(void *)it;
}

/* Copies the record at the cursor, then goes on: the place after it counts for the next step. */
static inline int nv_step(struct nv_cursor *c, void *ret_record)
{
    int w = nv_cursor_get(c, ret_record);
    return w == NV_TREE_OK && nv_cursor_next(c) == NV_TREE_BAD ? NV_TREE_BAD : w;
}

/* Starts an iterator inside a new read section; nv_iter_started ends it. */
int nv_iter_begin(const struct netvane_snap *snap, enum nv_iter_kind kind, struct nv_iter *ret_it);
int nv_iter_started(struct nv_iter *it, int walk, struct netvane_iter *ret_it);
/* 1: go on, inside a read section; else what <object>_next has to return. */
int nv_iter_enter(struct nv_iter *it, enum nv_iter_kind kind);
/* Ends the section and judges: 1, 0 at the end, or the error, which stays. */
int nv_iter_leave(struct nv_iter *it, int walk);
/* Ends an iterator whose result struct is unusable. */
int nv_iter_fail(struct nv_iter *it, int error);

/* ---- content ---------------------------------------------------------------------------------------------------- */

/*
 * Content hashes of objects (nv/content.h), with their parts fetched; inside a read section, NV_TREE_*.
 * NV_TREE_END: a part that the object names is not there.
 */
int nv_hash_link(const struct nv_snap *s, const struct netvane_rec_link *r, uint64_t *ret_hash);
/* Hashes of sets that were read lately: neighbours among routes share them. Zeroed at the start, for one snap; or NULL. */
struct nv_route_hasher {
    struct nv_set_hash {
        uint32_t set;
        uint64_t hash;
    } hops[64], metrics[64];
};
int nv_hash_route4(const struct nv_snap *s, struct nv_route_hasher *h,
                   const struct netvane_rec_route4 *r, uint64_t *ret_hash);
int nv_hash_route6(const struct nv_snap *s, struct nv_route_hasher *h,
                   const struct netvane_rec_route6 *r, uint64_t *ret_hash);
int nv_hash_nexthop(const struct nv_snap *s, const struct netvane_rec_nexthop *r,
                    uint64_t *ret_hash);
int nv_hash_text(const struct nv_snap *s, uint32_t id, uint64_t *ret_hash);

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

/* `any` first, then each generation (R3): a sleep on any of them with these values loses no change. */
void nv_marks_read(const struct nv_mapping *m, struct nv_marks *ret_marks);
/*
 * Of the current region, after a successor's if there is one. MOVED is looked at behind `any`, which moves once more behind it:
 * who sleeps with these marks has not missed a takeover. Errors as of nv_current; the marks are those of the old region then.
 */
int nv_marks_look(struct netvane *nv, struct nv_mapping **ret_mapping, struct nv_marks *ret_marks);
/* The topics of which b has news for who has a. */
uint32_t nv_marks_differ(const struct nv_marks *a, const struct nv_marks *b, uint32_t topics);
/* What all sleep on; each with the bits of its topics, and NV_WAKE_KICK is for those who wake within a process. */
static inline const uint32_t *nv_marks_word(const struct nv_mapping *m)
{
    return (const uint32_t *)(const void *)nv_at(m->header, NV_TOPIC_ANY);
}
#define NV_WAKE_KICK (UINT32_C(1) << 31)
_Static_assert(NETVANE_TOPIC_COUNT < 31, "a bit for each topic, and one more");

/*
 * Sleeps until a topic of `topics` moves, at most slice_ns: 0, TIMEOUT or INTERRUPTED. Also 0 where `any` is no longer as in
 * marks: something moved since, and the caller looks what it was. Never longer than a second.
 */
int nv_marks_sleep(const struct nv_mapping *m, const struct nv_marks *marks, uint32_t topics,
                   uint64_t slice_ns);

#define NV_SLICE_NS NV_NS_PER_S

#endif
