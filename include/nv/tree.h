/* SPDX-License-Identifier: MIT */
/*
 * tree.h - the read-only walk over the region's ordered trees.
 *
 * Owns:      key widths and strides of each tree, node geometry, find, cursors.
 * Assumes:   a base whose bytes below `limit` can be read; any content at all, even hostile.
 * Promises:  every reference is loaded once and checked against the limit; every loop is bounded by node
 *            capacities, NETVANE_TREE_HEIGHT_MAX and the tree's count. Nothing is written.
 * Leaves:    to the caller: nv_read_check after the walk and before the result is used. NV_TREE_BAD means
 *            EXPIRED if that check fails, CORRUPT if it holds.
 */
#ifndef NV_TREE_H
#define NV_TREE_H

#include "nv/proto.h"

#define NV_TREE_KEY_WORDS_MAX 6
#define NV_RECORD_MAX         224

enum { NV_TREE_END = 0, NV_TREE_OK = 1, NV_TREE_BAD = -1 };

struct nv_tree_shape {
    uint8_t key_words;
    uint8_t stride; /* bytes of a record */
    uint8_t leaf_capacity;
    uint8_t inner_capacity;
};

#define NV_TREE_PAYLOAD (NETVANE_NODE_BYTES - NETVANE_NODE_HEADER_BYTES)
#define NV_TREE_SHAPE(type)                                         \
    {                                                               \
        sizeof(((struct type *)0)->key) / 8, sizeof(struct type),   \
            NV_TREE_PAYLOAD / sizeof(struct type),                  \
            NV_TREE_PAYLOAD / (sizeof(((struct type *)0)->key) + 4) \
    }

static inline const struct nv_tree_shape *nv_tree_shape(unsigned tree)
{
    static const struct nv_tree_shape shapes[NETVANE_TREE_COUNT] = {
        [NETVANE_TREE_LINKS] = NV_TREE_SHAPE(netvane_rec_link),
        [NETVANE_TREE_NAMES] = NV_TREE_SHAPE(netvane_rec_name),
        [NETVANE_TREE_ALTNAMES] = NV_TREE_SHAPE(netvane_rec_altname),
        [NETVANE_TREE_STRINGS] = NV_TREE_SHAPE(netvane_rec_string),
        [NETVANE_TREE_ADDRS] = NV_TREE_SHAPE(netvane_rec_addr),
        [NETVANE_TREE_ADDRS_BY_IP] = NV_TREE_SHAPE(netvane_rec_addr_by_ip),
        [NETVANE_TREE_ROUTES4] = NV_TREE_SHAPE(netvane_rec_route4),
        [NETVANE_TREE_ROUTES6] = NV_TREE_SHAPE(netvane_rec_route6),
        [NETVANE_TREE_HOPS] = NV_TREE_SHAPE(netvane_rec_hop),
        [NETVANE_TREE_METRICS] = NV_TREE_SHAPE(netvane_rec_metric),
        [NETVANE_TREE_RULES] = NV_TREE_SHAPE(netvane_rec_rule),
        [NETVANE_TREE_NEXTHOPS] = NV_TREE_SHAPE(netvane_rec_nexthop),
        [NETVANE_TREE_MEMBERS] = NV_TREE_SHAPE(netvane_rec_member),
        [NETVANE_TREE_DEFAULTS] = NV_TREE_SHAPE(netvane_rec_default),
        [NETVANE_TREE_TABLES] = NV_TREE_SHAPE(netvane_rec_table),
    };
    return &shapes[tree];
}

/* A record of a route's tree, and of any. */
union nv_route_record {
    uint64_t key[NV_TREE_KEY_WORDS_MAX];
    struct netvane_rec_route4 r4;
    struct netvane_rec_route6 r6;
};

union nv_record {
    uint64_t key[NV_TREE_KEY_WORDS_MAX];
    unsigned char bytes[NV_RECORD_MAX];
    struct netvane_rec_link link;
    struct netvane_rec_name name;
    struct netvane_rec_altname altname;
    struct netvane_rec_string string;
    struct netvane_rec_addr addr;
    struct netvane_rec_addr_by_ip by_ip;
    struct netvane_rec_route4 route4;
    struct netvane_rec_route6 route6;
    struct netvane_rec_hop hop;
    struct netvane_rec_metric metric;
    struct netvane_rec_rule rule;
    struct netvane_rec_nexthop nexthop;
    struct netvane_rec_member member;
    struct netvane_rec_default def;
    struct netvane_rec_table table;
};

struct nv_tree {
    const unsigned char *base;
    uint64_t limit; /* bytes that may be read, from base */
    uint32_t ref, height, count;
    uint32_t tree;
};

/* Tree number `tree` of the root slot of a version. The slot's own version is the caller's to check. */
static inline struct nv_tree nv_tree_of(const void *base, uint64_t limit, uint64_t version,
                                        unsigned tree)
{
    const unsigned char *root =
        nv_at(base, NV_SLOT(version) + offsetof(struct netvane_region_slot, tree) +
                        tree * sizeof(struct netvane_region_root));
    uint64_t w0 = nv_load64(root, memory_order_relaxed);
    uint64_t w1 = nv_load64(root + 8, memory_order_relaxed);
    struct netvane_region_root r;
    memcpy(&r, &w0, 8);
    memcpy((unsigned char *)&r + 8, &w1, 8);
    return (struct nv_tree){.base = base,
                            .limit = limit,
                            .ref = r.ref,
                            .height = r.height,
                            .count = r.count,
                            .tree = tree};
}

/* The second word of a node's header. */
struct nv_node_head {
    uint16_t count;
    uint8_t level, tree;
    uint32_t checksum;
};
NETVANE_AT(nv_node_head, checksum, offsetof(struct netvane_region_node, checksum) - 8);

/*
 * The checksum of a node, over a private copy of it: the low half of the netvane hash of its header, the
 * checksum itself taken as 0, and the used bytes: count records in a leaf, all keys and references otherwise.
 */
static inline uint32_t nv_node_checksum(const void *node, const struct nv_tree_shape *shape)
{
    struct nv_node_head head;
    uint64_t word[NETVANE_NODE_HEADER_BYTES / 8];
    memcpy(word, node, sizeof(word));
    memcpy(&head, &word[1], sizeof(head));
    head.checksum = 0;
    memcpy(&word[1], &head, sizeof(head));
    size_t used = head.level ? (size_t)NV_TREE_PAYLOAD : (size_t)head.count * shape->stride;
    if (used > NV_TREE_PAYLOAD)
        used = NV_TREE_PAYLOAD;
    uint64_t h = nv_hash_begin(NETVANE_NODE_HEADER_BYTES + used);
    h = nv_hash_word(nv_hash_word(h, word[0]), word[1]);
    h = nv_hash_words(h, (const unsigned char *)node + NETVANE_NODE_HEADER_BYTES, used);
    return (uint32_t)nv_mix(h);
}

static inline int nv_key_compare(const uint64_t *a, const uint64_t *b, unsigned words)
{
    for (unsigned i = 0; i < words; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

/* ---- nodes ------------------------------------------------------------------------------------------------ */

/* Has all of a node fetched that is about to be looked at, or copied. */
static inline void nv_node_fetch(const void *node)
{
    for (unsigned line = 0; line < NETVANE_NODE_BYTES; line += 64)
        __builtin_prefetch((const char *)node + line);
}

/*
 * Functions that end in _in take the number of the tree once more: where it is a constant, they are compiled for that tree,
 * with its widths and capacities.
 */

/* The node that ref leads to if it may be read and is of that tree and level, with its count; else NULL. */
static inline NV_SPECIALIZED const unsigned char *nv_node_in(const struct nv_tree *t, unsigned tree,
                                                             uint32_t ref, unsigned level,
                                                             unsigned *ret_count)
{
    uint64_t offset = (uint64_t)ref * NETVANE_NODE_BYTES;
    if (offset < NETVANE_ARENA_OFFSET || offset + NETVANE_NODE_BYTES > t->limit)
        return NULL;
    const unsigned char *n = t->base + offset;
    const uint64_t w = nv_load64(n + 8, memory_order_relaxed);
    const uint8_t kind[2] = {(uint8_t)level,
                             (uint8_t)tree}; /* as struct netvane_region_node has them */
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    struct {
        uint16_t count, kind;
        uint32_t checksum;
    } head;
    uint16_t wanted;
    memcpy(&head, &w, sizeof(head));
    memcpy(&wanted, kind, sizeof(wanted));
    if (head.kind != wanted ||
        (uint16_t)(head.count - 1u) >= (level ? s->inner_capacity : s->leaf_capacity))
        return NULL;
    *ret_count = head.count;
    return n;
}

static inline const unsigned char *nv_node(const struct nv_tree *t, uint32_t ref, unsigned level,
                                           unsigned *ret_count)
{
    return nv_node_in(t, t->tree, ref, level, ret_count);
}

static inline const unsigned char *nv_node_record(const struct nv_tree_shape *s,
                                                  const unsigned char *n, unsigned i)
{
    return n + NETVANE_NODE_HEADER_BYTES + (size_t)i * s->stride;
}

static inline const unsigned char *nv_node_key(const struct nv_tree_shape *s,
                                               const unsigned char *n, unsigned i)
{
    return n + NETVANE_NODE_HEADER_BYTES + (size_t)i * s->key_words * 8u;
}

static inline uint32_t nv_node_child(const struct nv_tree_shape *s, const unsigned char *n,
                                     unsigned i)
{
    return nv_load32(n + NETVANE_NODE_HEADER_BYTES + (size_t)s->inner_capacity * s->key_words * 8u +
                         (size_t)i * 4u,
                     memory_order_relaxed);
}

/* Compares the key stored at p with key. */
static inline NV_SPECIALIZED int nv_stored_compare(const unsigned char *p, const uint64_t *key,
                                                   unsigned words)
{
    for (unsigned i = 0; i < words; i++) {
        uint64_t w = nv_load64(p + 8u * i, memory_order_relaxed);
        if (w != key[i])
            return w < key[i] ? -1 : 1;
    }
    return 0;
}

/* Inner node: the child under which key lies. */
static inline NV_SPECIALIZED unsigned nv_inner_index(const struct nv_tree_shape *s,
                                                     const unsigned char *n, unsigned count,
                                                     const uint64_t *key)
{
    unsigned lo = 1, hi = count; /* the first i in [1, count] whose key is greater */
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (nv_stored_compare(nv_node_key(s, n, mid), key, s->key_words) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo - 1;
}

/* Leaf: the first record that is not less than key; count if there is none. */
static inline NV_SPECIALIZED unsigned nv_leaf_index(const struct nv_tree_shape *s,
                                                    const unsigned char *n, unsigned count,
                                                    const uint64_t *key)
{
    unsigned lo = 0, hi = count;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (nv_stored_compare(nv_node_record(s, n, mid), key, s->key_words) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* ---- find -------------------------------------------------------------------------------------------------- */

/* The leaf that key leads to, with its count: OK, END (the tree is empty) or BAD. */
static inline NV_SPECIALIZED int nv_tree_leaf_in(const struct nv_tree *t, unsigned tree,
                                                 const uint64_t *key,
                                                 const unsigned char **ret_leaf,
                                                 unsigned *ret_count)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    uint32_t ref = t->ref;
    if (!t->height)
        return NV_TREE_END;
    if (t->height > NETVANE_TREE_HEIGHT_MAX)
        return NV_TREE_BAD;
    for (unsigned level = t->height - 1;; level--) {
        const unsigned char *n = nv_node_in(t, tree, ref, level, ret_count);
        if (!n)
            return NV_TREE_BAD;
        if (!level) {
            *ret_leaf = n;
            return NV_TREE_OK;
        }
        ref = nv_node_child(s, n, nv_inner_index(s, n, *ret_count, key));
    }
}

/* Copies the record with exactly this key: NV_TREE_OK, NV_TREE_END (there is none) or NV_TREE_BAD. */
static inline int nv_tree_find(const struct nv_tree *t, const uint64_t *key, void *ret_record)
{
    const struct nv_tree_shape *s = nv_tree_shape(t->tree);
    const unsigned char *n;
    unsigned count;
    const int w = nv_tree_leaf_in(t, t->tree, key, &n, &count);
    if (w != NV_TREE_OK)
        return w;
    const unsigned i = nv_leaf_index(s, n, count, key);
    if (i == count || nv_stored_compare(nv_node_record(s, n, i), key, s->key_words))
        return NV_TREE_END;
    nv_payload_load(ret_record, nv_node_record(s, n, i), s->stride);
    return NV_TREE_OK;
}

/*
 * Where the first record that is not less than key stands. NULL: a cursor has to look, because it is in another leaf than
 * the one that key leads to, or because there is none.
 */
static inline NV_SPECIALIZED const unsigned char *nv_tree_lower_in(const struct nv_tree *t,
                                                                   unsigned tree,
                                                                   const uint64_t *key)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    const unsigned char *n;
    unsigned count;
    if (nv_tree_leaf_in(t, tree, key, &n, &count) != NV_TREE_OK)
        return NULL;
    const unsigned i = nv_leaf_index(s, n, count, key);
    return i < count ? nv_node_record(s, n, i) : NULL;
}

/* ---- cursors -------------------------------------------------------------------------------------------------- */

/* A place in a tree. path[0] is the leaf. Plain data: copying it copies the place. */
struct nv_cursor {
    struct nv_tree tree;
    uint32_t left;  /* records that may still be given before the tree must have ended */
    uint32_t valid; /* 0: at the end */
    struct {
        uint32_t ref;
        uint16_t index, count;
    } path[NETVANE_TREE_HEIGHT_MAX];
};

/* Descends from the node at `level` (whose path entry is set) to the leaf, to the first place, or to key. */
static inline NV_SPECIALIZED int nv_cursor_descend_in(struct nv_cursor *c, unsigned tree,
                                                      unsigned level, const uint64_t *key)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    for (;; level--) {
        unsigned count;
        const unsigned char *n = nv_node_in(&c->tree, tree, c->path[level].ref, level, &count);
        if (!n)
            return NV_TREE_BAD;
        unsigned i = !key    ? 0
                     : level ? nv_inner_index(s, n, count, key)
                             : nv_leaf_index(s, n, count, key);
        c->path[level].index = (uint16_t)i;
        c->path[level].count = (uint16_t)count;
        if (!level)
            return NV_TREE_OK;
        c->path[level - 1].ref = nv_node_child(s, n, i);
    }
}

static inline int nv_cursor_descend(struct nv_cursor *c, unsigned level, const uint64_t *key)
{
    return nv_cursor_descend_in(c, c->tree.tree, level, key);
}

/*
 * Goes on with what follows the subtree at path[level]: the cursor leaves that whole subtree behind. With level 0
 * and an index inside the leaf this is the next record.
 */
static inline int nv_cursor_leave(struct nv_cursor *c, unsigned level)
{
    const struct nv_tree_shape *s = nv_tree_shape(c->tree.tree);
    for (level++; level < c->tree.height; level++) {
        if (++c->path[level].index < c->path[level].count) {
            unsigned count;
            const unsigned char *n = nv_node(&c->tree, c->path[level].ref, level, &count);
            if (!n || c->path[level].index >= count)
                return NV_TREE_BAD;
            c->path[level - 1].ref = nv_node_child(s, n, c->path[level].index);
            return nv_cursor_descend(c, level - 1, NULL);
        }
    }
    c->valid = 0;
    return NV_TREE_END;
}

/* Goes to the first record that is not less than key (NULL: the first of all): OK, END or BAD. */
static inline NV_SPECIALIZED int nv_cursor_seek_in(struct nv_cursor *c, const struct nv_tree *t,
                                                   unsigned tree, const uint64_t *key)
{
    c->tree = *t;
    c->left = t->count;
    c->valid = 0;
    if (!t->height)
        return NV_TREE_END;
    if (t->height > NETVANE_TREE_HEIGHT_MAX)
        return NV_TREE_BAD;
    c->path[t->height - 1].ref = t->ref;
    int r = nv_cursor_descend_in(c, tree, t->height - 1, key);
    if (r != NV_TREE_OK)
        return r;
    c->valid = 1;
    return c->path[0].index < c->path[0].count ? NV_TREE_OK : nv_cursor_leave(c, 0);
}

static inline int nv_cursor_seek(struct nv_cursor *c, const struct nv_tree *t, const uint64_t *key)
{
    return nv_cursor_seek_in(c, t, t->tree, key);
}

/* Where the record at the cursor stands; NULL: at the end, or BAD. */
static inline const unsigned char *nv_cursor_record(const struct nv_cursor *c)
{
    unsigned count;
    const unsigned char *n =
        c->valid && c->left ? nv_node(&c->tree, c->path[0].ref, 0, &count) : NULL;
    return n && c->path[0].index < count
               ? nv_node_record(nv_tree_shape(c->tree.tree), n, c->path[0].index)
               : NULL;
}

/* Copies the record at the cursor: OK, END or BAD. */
static inline int nv_cursor_get(const struct nv_cursor *c, void *ret_record)
{
    if (!c->valid)
        return NV_TREE_END;
    if (!c->left)
        return NV_TREE_BAD;
    const struct nv_tree_shape *s = nv_tree_shape(c->tree.tree);
    unsigned count;
    const unsigned char *n = nv_node(&c->tree, c->path[0].ref, 0, &count);
    if (!n || c->path[0].index >= count)
        return NV_TREE_BAD;
    nv_payload_load(ret_record, nv_node_record(s, n, c->path[0].index), s->stride);
    return NV_TREE_OK;
}

/* Goes to the next record: OK, END or BAD. */
static inline int nv_cursor_next(struct nv_cursor *c)
{
    if (!c->valid)
        return NV_TREE_END;
    if (!c->left--)
        return NV_TREE_BAD;
    if (++c->path[0].index < c->path[0].count)
        return NV_TREE_OK;
    return nv_cursor_leave(c, 0);
}

#endif
