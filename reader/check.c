/* SPDX-License-Identifier: MIT */
/*
 * check.c - checks a whole version: header, root slot, every node of every tree.
 *
 * Owns:      netvane_check, and what makes a tree whole: bounds, levels, order, counts, checksums.
 * Assumes:   nothing about the bytes.
 * Promises:  bounded by the size of the region. Keys rise strictly and stay inside what the parent promises, so
 *            that no node can be reached twice.
 * Leaves:    what the records say to check_refs.c, and the journal to check_journal.c, which run only where all trees are
 *            whole.
 */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NV_CHECK_TRIES 4

struct walk {
    struct nv_check *c;
    const struct nv_tree_shape *shape;
    struct nv_tree tree;
    uint64_t records;
    uint64_t budget; /* nodes that may still be visited */
};

void nv_finding(struct nv_check *c, const char *format, ...)
{
    va_list args;
    if (c->texts && c->found < NV_FINDINGS_MAX) {
        va_start(args, format);
        vsnprintf(c->texts[c->found], NV_FINDING_LEN, format, args);
        va_end(args);
    }
    c->found++;
}

const char *nv_tree_name(unsigned tree)
{
    static const char *const names[NETVANE_TREE_COUNT] = {
        "links", "names",   "altnames", "strings",  "addrs",   "addrs_by_ip", "routes4", "routes6",
        "hops",  "metrics", "rules",    "nexthops", "members", "defaults",    "tables"};
    return names[tree];
}

/* A finding about a node, which ends the walk below it. */
static void bad_node(struct walk *w, uint32_t ref, const char *what)
{
    nv_finding(w->c, "Tree %s, node %u: %s.", nv_tree_name(w->tree.tree), (unsigned)ref, what);
    w->c->bad = true;
}

static void node_key(const struct walk *w, const struct netvane_region_node *node, unsigned i,
                     uint64_t *ret_key)
{
    const size_t step = node->level ? w->shape->key_words * 8u : w->shape->stride;
    memcpy(ret_key, node->bytes + i * step, w->shape->key_words * 8u);
}

/* Are the keys strictly rising, not below low and below high (either may be NULL)? Key 0 of inner nodes is not read. */
static bool keys_are_in_order(const struct walk *w, const struct netvane_region_node *node,
                              const uint64_t *low, const uint64_t *high)
{
    uint64_t before[NV_TREE_KEY_WORDS_MAX], key[NV_TREE_KEY_WORDS_MAX];
    const unsigned words = w->shape->key_words;
    bool have = false;
    for (unsigned i = node->level ? 1 : 0; i < node->count; i++) {
        node_key(w, node, i, key);
        if ((have && nv_key_compare(before, key, words) >= 0) ||
            (low && nv_key_compare(key, low, words) < 0) ||
            (high && nv_key_compare(key, high, words) >= 0))
            return false;
        memcpy(before, key, sizeof(before));
        have = true;
    }
    return true;
}

static void check_node(struct walk *w, uint32_t ref, unsigned level, const uint64_t *low,
                       const uint64_t *high)
{
    struct netvane_region_node node;
    uint64_t from[NV_TREE_KEY_WORDS_MAX], to[NV_TREE_KEY_WORDS_MAX];
    unsigned count;
    const unsigned char *n = nv_node(&w->tree, ref, level, &count);
    if (!n || !w->budget) {
        bad_node(w, ref,
                 n ? "more nodes than the region can hold" : "bad offset, level, tree or count");
        return;
    }
    w->budget--;
    nv_payload_load(&node, n, sizeof(node));
    node.count = (uint16_t)count; /* the value that was bounded */
    if (node.version == 0 || node.version > w->c->s.version)
        bad_node(w, ref, "it is of a later version than the State that shows it");
    if (node.checksum != nv_node_checksum(&node, w->shape)) {
        bad_node(w, ref, "wrong checksum");
        return;
    }
    if (!keys_are_in_order(w, &node, low, high)) {
        bad_node(w, ref, "keys out of order, or outside of what the parent promises");
        return;
    }
    if (!level) {
        w->records += count;
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        uint32_t child = nv_node_child(w->shape, (const unsigned char *)&node, i);
        node_key(w, &node, i, from);
        if (i + 1 < count)
            node_key(w, &node, i + 1, to);
        check_node(w, child, level - 1, i ? from : low, i + 1 < count ? to : high);
    }
}

static void check_tree(struct nv_check *c, unsigned tree)
{
    struct walk w = {.c = c, .shape = nv_tree_shape(tree), .tree = nv_snap_tree(&c->s, tree)};
    const char *name = nv_tree_name(tree);
    w.budget = c->s.limit / NETVANE_NODE_BYTES;
    if (!w.tree.height != !w.tree.ref || !w.tree.height != !w.tree.count ||
        w.tree.height > NETVANE_TREE_HEIGHT_MAX) {
        nv_finding(c, "Tree %s: height %u, root %u and count %u contradict each other.", name,
                   (unsigned)w.tree.height, (unsigned)w.tree.ref, (unsigned)w.tree.count);
        c->bad = true;
        return;
    }
    if (w.tree.height)
        check_node(&w, w.tree.ref, w.tree.height - 1, NULL, NULL);
    if (w.records != w.tree.count && !c->bad) {
        nv_finding(c, "Tree %s: it holds %llu records, but its root says %u.", name,
                   (unsigned long long)w.records, (unsigned)w.tree.count);
        c->bad = true;
    }
}

static void check_root(struct nv_check *c)
{
    struct netvane_region_header header;
    const size_t from = offsetof(struct netvane_region_slot, published_ns);
    nv_payload_load(&c->slot, nv_snap_slot(&c->s), sizeof(c->slot));
    if (!(c->s.flags & NV_SNAP_PRIVATE) && nv_header_verify(c->s.header, &header))
        nv_finding(c, "The header is no longer what it was when the region was opened.");
    if (c->slot.version != c->s.version)
        nv_finding(c, "Root slot: it holds version %llu instead of %llu.",
                   (unsigned long long)c->slot.version, (unsigned long long)c->s.version);
    if (c->slot.checksum != nv_hash((const unsigned char *)&c->slot + from, sizeof(c->slot) - from))
        nv_finding(c, "Root slot: wrong checksum.");
    if (c->s.m && c->slot.instance_id != c->s.m->facts.instance_id)
        nv_finding(c, "Root slot: it is of another writer than the region.");
    if (nv_read_word(c->s.header, NV_HOT(horizon)) >
        (nv_read_head(c->s.header) & ~NETVANE_HEAD_MOVED))
        nv_finding(c, "The horizon is above the newest version.");
    if (nv_read_committed(c->s.header) % NETVANE_NODE_BYTES || c->s.limit < NETVANE_ARENA_OFFSET)
        nv_finding(c, "The committed size is not one that a writer sets.");
    for (unsigned i = NETVANE_TREE_COUNT; i < NETVANE_TREE_SLOTS; i++)
        if (c->slot.tree[i].ref && !(NETVANE_REGION_MAY))
            nv_finding(c, "Root slot: tree %u is not one of this format.", i);
}

static int check_once(struct netvane *nv, struct nv_check *c)
{
    struct netvane_snap snap;
    int r = nv_snap_begin(nv, &snap);
    if (r)
        return r;
    c->found = 0;
    c->bad = false;
    r = nv_enter(&snap, &c->s);
    if (r)
        return r;
    check_root(c);
    for (unsigned tree = 0; tree < NETVANE_TREE_COUNT && nv_valid(&c->s); tree++)
        check_tree(c, tree);
    if (!c->bad && nv_valid(&c->s))
        nv_check_references(c);
    if (!c->bad && nv_valid(&c->s))
        nv_check_journal(c);
    return nv_leave(&c->s, NV_TREE_OK);
}

int netvane_check(struct netvane *nv, netvane_check_fn *fn, void *arg)
{
    struct nv_check c;
    int r = NETVANE_EXPIRED;
    if (!nv)
        return NETVANE_INVALID;
    memset(&c, 0, sizeof(c));
    c.texts = fn ? calloc(NV_FINDINGS_MAX, NV_FINDING_LEN) : NULL;
    if (fn && !c.texts)
        return NETVANE_NO_MEMORY;
    for (unsigned i = 0; i < NV_CHECK_TRIES && r == NETVANE_EXPIRED; i++)
        r = check_once(nv, &c);
    for (unsigned i = 0; !r && fn && i < c.found && i < NV_FINDINGS_MAX; i++)
        fn(arg, c.texts[i]);
    free(c.texts);
    return r ? r : (int)c.found;
}
