/* SPDX-License-Identifier: MIT */
/*
 * diff_journal.c - finds the differences of two versions of one region by the journal: the objects that the versions in
 * between changed.
 *
 * Owns:      which entries are those, and which of them count.
 * Assumes:   a journal of any content, even hostile.
 * Promises:  each object once: at its first entry of the range, which is the one whose `since` leads out of it. Every loop is
 *            bounded by the number of entries; an entry is only ever a key to look for in both versions.
 * Leaves:    what counts as a difference to diff_object.c. Values come from the trees: what was undone is none.
 */
#include "diff.h"

/* A range is used only if the writer has this part of the ring to go before it writes over the range. */
#define SPARE_PART 8

static const unsigned char *entry_at(const struct nv_diff *d, uint64_t position)
{
    const uint64_t entries = d->a.s.m->facts.journal_bytes / sizeof(struct netvane_region_entry);
    return nv_at(d->a.s.base, NV_JOURNAL_PLACE(position, entries));
}

static uint32_t tree_mask(void)
{
    uint32_t trees = 0;
    for (unsigned i = 0; i < NV_DIFF_TREES; i++)
        trees |= 1u << nv_diff_trees[i].tree;
    return trees;
}

/* The words of an entry before its key. */
static struct netvane_region_entry head_at(const struct nv_diff *d, uint64_t position)
{
    struct netvane_region_entry e;
    nv_payload_load(&e, entry_at(d, position), offsetof(struct netvane_region_entry, key)); /* R4 */
    return e;
}

bool nv_diff_journal_valid(const struct nv_diff *d)
{
    return nv_read_journal_check(d->a.s.header, d->first);
}

/* Position behind version v, which may be one that nobody has to have. */
static uint64_t end_of(const struct nv_snap *s, uint64_t v)
{
    return nv_load64(
        nv_at(s->header, NV_SLOT(v) + offsetof(struct netvane_region_slot, journal_end)),
        memory_order_relaxed);
}

int nv_diff_journal_begin(struct nv_diff *d)
{
    const struct nv_snap *a = &d->a.s, *b = &d->b.s;
    const uint64_t entries = a->m->facts.journal_bytes / sizeof(struct netvane_region_entry);
    d->older = nv_min_u64(a->version, b->version);
    d->newer = nv_max_u64(a->version, b->version);
    d->first = end_of(a, d->older);
    d->end = end_of(a, d->newer);
    const uint64_t newest = end_of(a, nv_read_head(a->header) & ~NETVANE_HEAD_MOVED);
    if (!entries || !d->first || d->end < d->first || newest < d->end ||
        newest - d->first > entries - entries / SPARE_PART || !nv_diff_journal_valid(d))
        return NV_TREE_OK; /* the walk has to do it */
    d->at = d->first;
    for (uint64_t at = d->first; at < d->end; at++) {
        const struct netvane_region_entry e = head_at(d, at);
        if (e.version <= d->older || e.version > d->newer || e.tree >= NETVANE_TREE_COUNT ||
            !(tree_mask() >> e.tree & 1u) || e.since >= e.version) {
            /* Torn, or damage: the floor tells which. */
            d->by_journal = true;
            return NV_TREE_BAD;
        }
        d->trees |= 1u << e.tree;
    }
    d->by_journal = true;
    return NV_TREE_OK;
}

/* Takes the next objects of the tree from the entries, and finds where they are: OK, END or BAD. */
static int refill(struct nv_diff *d)
{
    struct nv_batch *b = &d->batch;
    b->count = b->next = 0;
    while (d->at < d->end && b->count < NV_BATCH) {
        const uint64_t at = d->at++;
        const struct netvane_region_entry e = head_at(d, at);
        if (e.tree != d->tree || (e.since && e.version - e.since > d->older))
            continue;
        nv_payload_load(b->key[b->count++],
                        entry_at(d, at) + offsetof(struct netvane_region_entry, key),
                        sizeof(b->key[0])); /* R4 */
    }
    return b->count ? nv_diff_find(d) : NV_TREE_END;
}

/* Compares number i of the batch: OK with d->which if it differs, else END; or BAD. */
static int compare(struct nv_diff *d, unsigned i)
{
    const int a = nv_diff_found(d, i, 0, &d->a.rec);
    const int b = nv_diff_found(d, i, 1, &d->b.rec);
    if (a == NV_TREE_BAD || b == NV_TREE_BAD)
        return NV_TREE_BAD;
    if (a == NV_TREE_END && b == NV_TREE_END)
        return NV_TREE_END; /* it came and went */
    d->which = a == NV_TREE_END ? NV_ONLY_B : b == NV_TREE_END ? NV_ONLY_A : NV_BOTH;
    return d->which == NV_BOTH ? nv_diff_differs(d) : NV_TREE_OK;
}

int nv_diff_journal_next(struct nv_diff *d)
{
    struct nv_batch *b = &d->batch;
    if (!(d->trees >> d->tree & 1u))
        return NV_TREE_END;
    for (;;) {
        int w = b->next < b->count ? NV_TREE_OK : refill(d);
        if (w == NV_TREE_OK)
            w = compare(d, b->next++);
        else
            return w;
        if (w != NV_TREE_END)
            return w;
    }
}
