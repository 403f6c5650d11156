/* SPDX-License-Identifier: MIT */
/*
 * tree_edit.c - a copy-on-write B+tree over the arena's nodes.
 *
 * Idea: an edit descends to the leaf, remembering the path; every node on the path becomes the draft's (copied if a
 * version may show it, in place if the draft made it); then the leaf is changed, and splits or merges go up the path.
 * Lower bounds in inner nodes stay true after a delete, and key 0 of an inner node is never read, so that only splits
 * and merges touch keys.
 * Splits: where the new entry goes behind all others of its node, the node stays full and the entry starts a new one:
 * dumps that come in order fill the leaves. Else the node is halved.
 * In place: a leaf of the draft takes a record where it is, and an inner node of the draft a last entry: nothing is copied.
 * Merges: a node that falls under a third is merged with a neighbour if both fit into one.
 * Finger: the path of the last edit is kept as long as no node was halved or merged, with the bound of its leaf; keys that
 * fall into that leaf need no descent.
 * Filter: where much of a tree goes at once, what is left is appended to a new one, and all nodes of the old one are retired.
 * Hazard: nodes are written with relaxed atomic words, because an expired reader may still look at reused ones.
 */
#include "tree_edit.h"

#include <assert.h>

/* A node as plain memory, of either level. */
struct work {
    struct netvane_region_node node;
};

static unsigned char *record_at(const struct nv_tree_shape *s, struct netvane_region_node *n,
                                unsigned i)
{
    return n->bytes + (size_t)i * s->stride;
}

/* Of a leaf. */
static const uint64_t *first_key(const struct nv_tree_shape *s, struct netvane_region_node *n)
{
    return (const uint64_t *)(const void *)record_at(s, n, 0);
}

/* Of an inner node. */
static uint64_t *key_at(const struct nv_tree_shape *s, struct netvane_region_node *n, unsigned i)
{
    return (uint64_t *)(void *)(n->bytes + (size_t)i * s->key_words * 8u);
}

static uint32_t *child_at(const struct nv_tree_shape *s, struct netvane_region_node *n, unsigned i)
{
    return (uint32_t *)(void *)(n->bytes + (size_t)s->inner_capacity * s->key_words * 8u +
                                (size_t)i * 4u);
}

static void load(const struct nv_draft *d, uint32_t ref, struct work *w)
{
    memcpy(&w->node, nv_arena_node(&d->arena, ref), sizeof(w->node));
}

static void store(struct nv_draft *d, uint32_t ref, struct work *w)
{
    w->node.version = d->arena.draft;
    w->node.checksum = 0;
    nv_payload_store(nv_arena_node_rw(&d->arena, ref), &w->node, sizeof(w->node));
}

static uint32_t take(struct nv_draft *d)
{
    d->nodes_copied++;
    return nv_arena_take(&d->arena);
}

/* Where the draft's version of a node goes: where it is, if the draft made it. */
static uint32_t place_of(struct nv_draft *d, uint32_t ref)
{
    if (nv_arena_is_draft(&d->arena, ref))
        return ref;
    nv_arena_retire(&d->arena, ref);
    return take(d);
}

/* Makes the node the draft's: a copy, unless it is already. What is changed of it, and its header, is still to be written. */
static struct netvane_region_node *own(struct nv_draft *d, uint32_t *ref)
{
    const struct netvane_region_node *from = nv_arena_node(&d->arena, *ref);
    *ref = place_of(d, *ref);
    struct netvane_region_node *n = nv_arena_node_rw(&d->arena, *ref);
    if (n != from)
        nv_payload_store(n, from, sizeof(*n));
    return n;
}

/* Writes w as the draft's node in place of ref; returns where it is now. */
static uint32_t rewrite(struct nv_draft *d, uint32_t ref, struct work *w)
{
    const uint32_t to = place_of(d, ref);
    store(d, to, w);
    return to;
}

/* Writes the header of a node of the draft that was changed where it stands: whole words, none of which is read from narrower ones. */
static void write_head(struct nv_draft *d, struct netvane_region_node *n, unsigned count)
{
    const struct nv_node_head head = {
        .count = (uint16_t)count, .level = n->level, .tree = n->tree, .checksum = 0};
    uint64_t word;
    memcpy(&word, &head, sizeof(word));
    nv_write_word(n, offsetof(struct netvane_region_node, version), d->arena.draft);
    nv_write_word(n, offsetof(struct netvane_region_node, count), word);
}

/* Makes the path's inner nodes above `level` lead to ref at `level`. Stops at the first that already does. */
static void relink(struct nv_draft *d, unsigned tree, struct nv_tree_path *p, unsigned level,
                   uint32_t ref)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    struct netvane_region_root *root = &d->tree[tree];
    for (;; level++) {
        if (p->ref[level] == ref)
            return;
        p->ref[level] = ref;
        if (level + 1 == root->height) {
            root->ref = ref;
            return;
        }
        uint32_t above = p->ref[level + 1];
        struct netvane_region_node *n = own(d, &above);
        nv_store32(child_at(s, n, p->index[level + 1]), ref, memory_order_relaxed);
        write_head(d, n, n->count);
        ref = above;
    }
}

static bool leaf_search(const struct nv_draft *d, unsigned tree, const uint64_t *key,
                        struct nv_tree_path *p)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    const struct netvane_region_node *n = nv_arena_node(&d->arena, p->ref[0]);
    const unsigned char *bytes = (const unsigned char *)n;
    unsigned i = p->index[0] = nv_leaf_index(s, bytes, n->count, key);
    return i < n->count && !nv_stored_compare(nv_node_record(s, bytes, i), key, s->key_words);
}

/* Descends to the leaf; p->index[0] is the first record that is not less than key. True: it equals key. */
static bool descend(const struct nv_draft *d, unsigned tree, const uint64_t *key,
                    struct nv_tree_path *p)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    uint32_t ref = d->tree[tree].ref;
    for (unsigned level = d->tree[tree].height - 1;; level--) {
        const struct netvane_region_node *n = nv_arena_node(&d->arena, ref);
        const unsigned char *bytes = (const unsigned char *)n;
        p->ref[level] = ref;
        if (!level)
            return leaf_search(d, tree, key, p);
        p->index[level] = nv_inner_index(s, bytes, n->count, key);
        ref = nv_node_child(s, bytes, p->index[level]);
        nv_node_fetch(nv_arena_node(&d->arena, ref));
    }
}

/* The bound of the finger's leaf: the next key on the way up. */
static void set_bound(const struct nv_draft *d, unsigned tree, struct nv_finger *f)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    f->bounded = false;
    for (unsigned level = 1; level < d->tree[tree].height; level++) {
        const struct netvane_region_node *n = nv_arena_node(&d->arena, f->path.ref[level]);
        unsigned next = f->path.index[level] + 1;
        if (next >= n->count)
            continue;
        const unsigned char *key = nv_node_key(s, (const unsigned char *)n, next);
        memcpy(f->upper, key, s->key_words * 8u);
        f->bounded = true;
        return;
    }
}

/*
 * Makes the finger's path lead to the place of key; true: it is there. The tree is not empty. Looks first at where the finger
 * is and right behind it.
 */
static inline NV_SPECIALIZED bool locate_in(struct nv_draft *d, unsigned tree, const uint64_t *key)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    struct nv_finger *f = &d->finger[tree];
    if (f->valid && !(f->bounded && nv_key_compare(key, f->upper, s->key_words) >= 0)) {
        const struct netvane_region_node *n = nv_arena_node(&d->arena, f->path.ref[0]);
        const unsigned char *bytes = (const unsigned char *)n;
        for (unsigned i = f->path.index[0]; i < n->count && i < f->path.index[0] + 2; i++) {
            if (nv_stored_compare(nv_node_record(s, bytes, i), key, s->key_words))
                continue;
            f->path.index[0] = i;
            return true;
        }
        if (nv_stored_compare(nv_node_record(s, bytes, n->count - 1u), key, s->key_words) < 0) {
            f->path.index[0] = n->count;
            return false;
        }
        if (nv_stored_compare(nv_node_record(s, bytes, 0), key, s->key_words) <= 0)
            return leaf_search(d, tree, key, &f->path);
    }
    bool found = descend(d, tree, key, &f->path);
    set_bound(d, tree, f);
    f->valid = true;
    return found;
}

/* The same with the shape of the one tree that has millions of records known to the compiler. */
static bool locate(struct nv_draft *d, unsigned tree, const uint64_t *key)
{
    return tree == NETVANE_TREE_ROUTES4 ? locate_in(d, NETVANE_TREE_ROUTES4, key)
                                        : locate_in(d, tree, key);
}

bool nv_draft_locate(struct nv_draft *d, unsigned tree, const uint64_t *key, void *ret_record)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    if (!d->tree[tree].height || !locate(d, tree, key))
        return false;
    const struct nv_finger *f = &d->finger[tree];
    const unsigned char *n = (const unsigned char *)nv_arena_node(&d->arena, f->path.ref[0]);
    memcpy(ret_record, nv_node_record(s, n, f->path.index[0]), s->stride);
    return true;
}

const void *nv_draft_beside(const struct nv_draft *d, unsigned tree, unsigned ahead)
{
    const struct nv_finger *f = &d->finger[tree];
    if (!d->tree[tree].height || !f->valid)
        return NULL;
    const struct netvane_region_node *n = nv_arena_node(&d->arena, f->path.ref[0]);
    const unsigned i = f->path.index[0] + ahead;
    return i < n->count ? nv_node_record(nv_tree_shape(tree), (const unsigned char *)n, i) : NULL;
}

const uint64_t *nv_draft_bound(const struct nv_draft *d, unsigned tree)
{
    const struct nv_finger *f = &d->finger[tree];
    return d->tree[tree].height && f->bounded ? f->upper : NULL;
}

static void new_root(struct nv_draft *d, unsigned tree, uint32_t left, const uint64_t *key,
                     uint32_t right)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    struct netvane_region_root *root = &d->tree[tree];
    assert(root->height < NETVANE_TREE_HEIGHT_MAX);
    struct work w = {.node = {.count = 2, .level = (uint8_t)root->height, .tree = (uint8_t)tree}};
    *child_at(s, &w.node, 0) = left;
    *child_at(s, &w.node, 1) = right;
    memcpy(key_at(s, &w.node, 1), key, s->key_words * 8u);
    root->ref = take(d);
    store(d, root->ref, &w);
    root->height++;
}

/* Opens a gap for (key, child) at index i of an inner node that has room. */
static void inner_insert(const struct nv_tree_shape *s, struct netvane_region_node *n, unsigned i,
                         const uint64_t *key, uint32_t child)
{
    memmove(key_at(s, n, i + 1), key_at(s, n, i), (size_t)(n->count - i) * s->key_words * 8u);
    memmove(child_at(s, n, i + 1), child_at(s, n, i), (size_t)(n->count - i) * 4u);
    memcpy(key_at(s, n, i), key, s->key_words * 8u);
    *child_at(s, n, i) = child;
    n->count++;
}

static void inner_remove(const struct nv_tree_shape *s, struct netvane_region_node *n, unsigned i)
{
    n->count--;
    memmove(key_at(s, n, i), key_at(s, n, i + 1), (size_t)(n->count - i) * s->key_words * 8u);
    memmove(child_at(s, n, i), child_at(s, n, i + 1), (size_t)(n->count - i) * 4u);
    memset(key_at(s, n, n->count), 0, s->key_words * 8u);
    *child_at(s, n, n->count) = 0;
}

/* Appends an entry to an inner node of the draft that has room for it. */
static void append_entry(struct nv_draft *d, unsigned tree, uint32_t ref, const uint64_t *key,
                         uint32_t child)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    struct netvane_region_node *n = nv_arena_node_rw(&d->arena, ref);
    nv_payload_store(key_at(s, n, n->count), key, s->key_words * 8u);
    nv_store32(child_at(s, n, n->count), child, memory_order_relaxed);
    write_head(d, n, n->count + 1u);
}

/* Splits the full inner node of the path at `level` for the entry (key, right); writes the entry for the level above there. */
static bool split_inner(struct nv_draft *d, unsigned tree, struct nv_tree_path *p, unsigned level,
                        uint64_t *key, uint32_t *right)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    const unsigned at = p->index[level];
    struct work w, r = {.node = {.level = (uint8_t)level, .tree = (uint8_t)tree}};
    uint64_t up[NV_TREE_KEY_WORDS_MAX];
    load(d, p->ref[level], &w);
    const bool behind = at == w.node.count;
    const unsigned keep = behind ? w.node.count : w.node.count / 2u;
    if (behind) {
        r.node.count = 1;
        *child_at(s, &r.node, 0) = *right;
        memcpy(up, key, s->key_words * 8u);
        p->index[level] = 0;
    } else {
        r.node.count = (uint16_t)(w.node.count - keep);
        memcpy(key_at(s, &r.node, 0), key_at(s, &w.node, keep),
               (size_t)r.node.count * s->key_words * 8u);
        memcpy(child_at(s, &r.node, 0), child_at(s, &w.node, keep), (size_t)r.node.count * 4u);
        memcpy(up, key_at(s, &r.node, 0), s->key_words * 8u);
        w.node.count = (uint16_t)keep;
        memset(key_at(s, &w.node, keep), 0, (size_t)(s->inner_capacity - keep) * s->key_words * 8u);
        memset(child_at(s, &w.node, keep), 0, (size_t)(s->inner_capacity - keep) * 4u);
        if (at <= keep)
            inner_insert(s, &w.node, at, key, *right);
        else
            inner_insert(s, &r.node, at - keep, key, *right);
        relink(d, tree, p, level, rewrite(d, p->ref[level], &w));
    }
    *right = take(d);
    store(d, *right, &r);
    memcpy(key, up, s->key_words * 8u);
    return behind;
}

/*
 * Links a new right neighbour of the node at `level` into its parent, splitting upwards where there is no room. True: the
 * path leads to the new node now; false: it leads astray.
 */
static bool link_right(struct nv_draft *d, unsigned tree, struct nv_tree_path *p, unsigned level,
                       const uint64_t *first_key, uint32_t right)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    bool kept = true;
    uint64_t key[NV_TREE_KEY_WORDS_MAX];
    memcpy(key, first_key, s->key_words * 8u);
    for (;;) {
        if (level + 1 == d->tree[tree].height) {
            new_root(d, tree, p->ref[level], key, right);
            p->ref[level] = right;
            p->ref[level + 1] = d->tree[tree].ref;
            p->index[level + 1] = 1;
            return kept;
        }
        p->ref[level++] = right;
        const struct netvane_region_node *n = nv_arena_node(&d->arena, p->ref[level]);
        const unsigned at = ++p->index[level], count = n->count;
        if (count == s->inner_capacity) {
            kept &= split_inner(d, tree, p, level, key, &right);
        } else if (at == count && nv_arena_is_draft(&d->arena, p->ref[level])) {
            append_entry(d, tree, p->ref[level], key, right);
            return kept;
        } else {
            struct work w;
            load(d, p->ref[level], &w);
            inner_insert(s, &w.node, at, key, right);
            relink(d, tree, p, level, rewrite(d, p->ref[level], &w));
            return kept;
        }
    }
}

static void leaf_insert(const struct nv_tree_shape *s, struct netvane_region_node *n, unsigned i,
                        const void *record)
{
    memmove(record_at(s, n, i + 1), record_at(s, n, i), (size_t)(n->count - i) * s->stride);
    memcpy(record_at(s, n, i), record, s->stride);
    n->count++;
}

void nv_draft_seal(struct nv_draft *d, uint32_t ref)
{
    struct netvane_region_node *n = nv_arena_node_rw(&d->arena, ref);
    if (!n->checksum)
        nv_write_word32(n, offsetof(struct netvane_region_node, checksum),
                        nv_node_checksum(n, nv_tree_shape(n->tree)));
}

/* A new leaf with one record. */
static uint32_t leaf_of(struct nv_draft *d, unsigned tree, const void *record)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    struct work w = {.node = {.count = 1, .tree = (uint8_t)tree}};
    memcpy(record_at(s, &w.node, 0), record, s->stride);
    const uint32_t ref = take(d);
    store(d, ref, &w);
    return ref;
}

/*
 * Starts a new leaf with a record that goes behind all others of the path's leaf, which is full: of a walk in order that was
 * the last record it took, and it is sealed while it is in the cache.
 */
static void start_leaf(struct nv_draft *d, unsigned tree, const void *record)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    struct nv_finger *f = &d->finger[tree];
    const uint32_t ref = leaf_of(d, tree, record);
    if (nv_arena_is_draft(&d->arena, f->path.ref[0]))
        nv_draft_seal(d, f->path.ref[0]);
    f->valid =
        link_right(d, tree, &f->path, 0, first_key(s, nv_arena_node_rw(&d->arena, ref)), ref);
    f->path.index[0] = 0;
}

/* Halves the path's leaf, which is full, for a record that goes before another one. */
static void halve_leaf(struct nv_draft *d, unsigned tree, const void *record)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    struct nv_tree_path *p = &d->finger[tree].path;
    struct work w, r = {.node = {.tree = (uint8_t)tree}};
    load(d, p->ref[0], &w);
    const unsigned at = p->index[0], keep = w.node.count / 2u;
    r.node.count = (uint16_t)(w.node.count - keep);
    memcpy(record_at(s, &r.node, 0), record_at(s, &w.node, keep), (size_t)r.node.count * s->stride);
    w.node.count = (uint16_t)keep;
    memset(record_at(s, &w.node, keep), 0, (size_t)(s->leaf_capacity - keep) * s->stride);
    if (at <= keep)
        leaf_insert(s, &w.node, at, record);
    else
        leaf_insert(s, &r.node, at - keep, record);
    const uint32_t ref = take(d);
    store(d, ref, &r);
    relink(d, tree, p, 0, rewrite(d, p->ref[0], &w));
    (void)link_right(d, tree, p, 0, first_key(s, &r.node), ref);
    d->finger[tree].valid = false;
}

/* Writes a record into the path's leaf, which has room for it, over one (found) or before it. */
static inline NV_SPECIALIZED void write_record(struct nv_draft *d, unsigned tree,
                                               struct nv_tree_path *p, bool found,
                                               const void *record)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    const unsigned i = p->index[0];
    uint32_t ref = p->ref[0];
    struct netvane_region_node *from = nv_arena_node_rw(&d->arena, ref), *n = own(d, &ref);
    const unsigned count = from->count;
    for (unsigned last = found ? i : count; last > i; last--)
        nv_payload_store(record_at(s, n, last), record_at(s, from, last - 1u), s->stride);
    nv_payload_store(record_at(s, n, i), record, s->stride);
    write_head(d, n, count + !found);
    relink(d, tree, p, 0, ref);
}

static void start_tree(struct nv_draft *d, unsigned tree, const void *record)
{
    d->tree[tree] =
        (struct netvane_region_root){.ref = leaf_of(d, tree, record), .height = 1, .count = 1};
    d->finger[tree].valid = false;
}

static inline NV_SPECIALIZED void put_in(struct nv_draft *d, unsigned tree, bool found,
                                         const void *record)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    struct nv_tree_path *p = &d->finger[tree].path;
    if (!d->tree[tree].height) {
        start_tree(d, tree, record);
        return;
    }
    const unsigned i = p->index[0], count = nv_arena_node(&d->arena, p->ref[0])->count;
    d->tree[tree].count += !found;
    if (!found && count == s->leaf_capacity) {
        if (i == count)
            start_leaf(d, tree, record);
        else
            halve_leaf(d, tree, record);
    } else {
        write_record(d, tree, p, found, record);
    }
}

void nv_draft_put_located(struct nv_draft *d, unsigned tree, bool found, const void *record)
{
    if (tree == NETVANE_TREE_ROUTES4) /* as in locate */
        put_in(d, NETVANE_TREE_ROUTES4, found, record);
    else
        put_in(d, tree, found, record);
}

bool nv_draft_put(struct nv_draft *d, unsigned tree, const void *record)
{
    uint64_t key[NV_TREE_KEY_WORDS_MAX];
    memcpy(key, record, nv_tree_shape(tree)->key_words * 8u);
    const bool found = d->tree[tree].height && locate(d, tree, key);
    nv_draft_put_located(d, tree, found, record);
    return !found;
}

/* ---- delete --------------------------------------------------------------------------------------------- */

/* Removes the path's node at `level` (already retired) from its parent. */
static void unlink_child(struct nv_draft *d, unsigned tree, struct nv_tree_path *p, unsigned level);

/* Appends all of `right` to `left`, both of one level; key: the lower bound of right. False: too much for one node. */
static bool append_node(const struct nv_tree_shape *s, struct netvane_region_node *left,
                        struct netvane_region_node *right, const uint64_t *key)
{
    unsigned n = left->count, m = right->count;
    if (n + m > (left->level ? s->inner_capacity : s->leaf_capacity))
        return false;
    if (left->level) {
        memcpy(key_at(s, left, n), key_at(s, right, 0), (size_t)m * s->key_words * 8u);
        memcpy(child_at(s, left, n), child_at(s, right, 0), (size_t)m * 4u);
        memcpy(key_at(s, left, n), key,
               s->key_words * 8u); /* key 0 of an inner node is not kept true */
    } else {
        memcpy(record_at(s, left, n), record_at(s, right, 0), (size_t)m * s->stride);
    }
    left->count = (uint16_t)(n + m);
    return true;
}

/* The node w at `level` became small: merges it with a neighbour under the same parent if both fit into one. */
static void settle(struct nv_draft *d, unsigned tree, struct nv_tree_path *p, unsigned level,
                   struct work *w)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    struct netvane_region_root *root = &d->tree[tree];
    unsigned capacity = level ? s->inner_capacity : s->leaf_capacity;
    if (level + 1 == root->height) {
        if (level && w->node.count == 1) { /* a root with one child is no root */
            root->ref = *child_at(s, &w->node, 0);
            root->height--;
            nv_arena_retire(&d->arena, p->ref[level]);
            return;
        }
        relink(d, tree, p, level, rewrite(d, p->ref[level], w));
        return;
    }
    if (w->node.count <= capacity / 3u) {
        struct work parent, other;
        load(d, p->ref[level + 1], &parent);
        unsigned i = p->index[level + 1];
        if (i + 1 < parent.node.count) { /* the right neighbour comes here */
            uint32_t right = *child_at(s, &parent.node, i + 1);
            load(d, right, &other);
            if (append_node(s, &w->node, &other.node, key_at(s, &parent.node, i + 1))) {
                nv_arena_retire(&d->arena, right);
                relink(d, tree, p, level, rewrite(d, p->ref[level], w));
                p->index[level + 1] = i + 1;
                unlink_child(d, tree, p, level);
                return;
            }
        } else if (i > 0) { /* this goes into the left one */
            uint32_t left = *child_at(s, &parent.node, i - 1);
            load(d, left, &other);
            if (append_node(s, &other.node, &w->node, key_at(s, &parent.node, i))) {
                nv_arena_retire(&d->arena, p->ref[level]);
                unlink_child(d, tree, p, level);
                /* The parent may have changed place or be gone; find the left node's path anew. */
                uint64_t key[NV_TREE_KEY_WORDS_MAX];
                memcpy(key,
                       level ? key_at(s, &other.node, 1)
                             : (uint64_t *)(void *)record_at(s, &other.node, 0),
                       s->key_words * 8u);
                struct nv_tree_path q;
                (void)descend(d, tree, key, &q);
                relink(d, tree, &q, level, rewrite(d, q.ref[level], &other));
                return;
            }
        }
    }
    relink(d, tree, p, level, rewrite(d, p->ref[level], w));
}

static void unlink_child(struct nv_draft *d, unsigned tree, struct nv_tree_path *p, unsigned level)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    struct netvane_region_root *root = &d->tree[tree];
    if (level + 1 == root->height) {
        root->ref = 0;
        root->height = 0;
        return;
    }
    struct work w;
    load(d, p->ref[level + 1], &w);
    inner_remove(s, &w.node, p->index[level + 1]);
    if (!w.node.count) {
        nv_arena_retire(&d->arena, p->ref[level + 1]);
        unlink_child(d, tree, p, level + 1);
        return;
    }
    settle(d, tree, p, level + 1, &w);
}

bool nv_draft_delete(struct nv_draft *d, unsigned tree, const uint64_t *key)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    struct netvane_region_root *root = &d->tree[tree];
    struct nv_tree_path p;
    if (!root->height || !descend(d, tree, key, &p))
        return false;
    root->count--;
    d->finger[tree].valid = false;
    struct work w;
    load(d, p.ref[0], &w);
    w.node.count--;
    memmove(record_at(s, &w.node, p.index[0]), record_at(s, &w.node, p.index[0] + 1),
            (size_t)(w.node.count - p.index[0]) * s->stride);
    memset(record_at(s, &w.node, w.node.count), 0, s->stride);
    if (!w.node.count) {
        nv_arena_retire(&d->arena, p.ref[0]);
        unlink_child(d, tree, &p, 0);
        return true;
    }
    settle(d, tree, &p, 0, &w);
    return true;
}

/* ---- filter ---------------------------------------------------------------------------------------------- */

static void retire_all(struct nv_draft *d, const struct nv_tree_shape *s, uint32_t ref)
{
    const struct netvane_region_node *n = nv_arena_node(&d->arena, ref);
    for (unsigned i = 0; n->level && i < n->count; i++)
        retire_all(d, s, nv_node_child(s, (const unsigned char *)n, i));
    nv_arena_retire(&d->arena, ref);
}

bool nv_draft_filter(struct nv_draft *d, unsigned tree, nv_keep_fn *keep, void *arg,
                     bool *ret_expired)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    const struct nv_tree old = nv_draft_tree(d, tree);
    /* Records that come in order fill the leaves, and leaves that come in order all inner nodes but the last. */
    uint32_t leaves = old.count / s->leaf_capacity + 1u, nodes = leaves;
    for (uint32_t level = leaves; level > 1; nodes += level)
        level = level / s->inner_capacity + 1u;
    if (nv_arena_reserve(&d->arena, nodes + 2u * NETVANE_TREE_HEIGHT_MAX, ret_expired))
        return false;
    d->tree[tree] = (struct netvane_region_root){0};
    d->finger[tree].valid = false;
    struct nv_cursor c;
    unsigned char record[NV_RECORD_MAX];
    for (int more = nv_cursor_seek(&c, &old, NULL); more == NV_TREE_OK; more = nv_cursor_next(&c))
        if (nv_cursor_get(&c, record) == NV_TREE_OK && keep(arg, record))
            (void)nv_draft_put(d, tree, record);
    if (old.height)
        retire_all(d, s, old.ref);
    d->finger[tree].valid = false;
    return true;
}
