/* SPDX-License-Identifier: MIT */
/*
 * journal.c - notes of the draft, and the ring of entries in the region.
 *
 * An entry names the version in which its object was noted before (since), so that a reader of a range takes an object at
 * its first entry there and passes over the others, without remembering any. To find that version the entries are
 * chained by hash, newest first: a chain ends where the ring has been written over, so that nothing is ever taken out.
 */
#include "journal.h"

#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "nv/proto.h"

#define HEADS (UINT32_C(1) << 14)
#define TAG_BITS \
    16 /* of a link of a chain, to tell most other objects without a look at their entries */

_Static_assert(NV_JOURNAL_NOTES_MAX < NETVANE_JOURNAL_ENTRIES, "a version never laps itself");
_Static_assert(NETVANE_TREE_COUNT <= 32, "a bit for each tree");

void nv_journal_init(struct nv_journal *j)
{
    *j = (struct nv_journal){.deaf = UINT32_MAX};
}

void nv_journal_destroy(struct nv_journal *j)
{
    free(j->notes);
    free(j->heads);
    free(j->before);
    *j = (struct nv_journal){.deaf = UINT32_MAX};
}

static bool allocate(struct nv_journal *j)
{
    if (!j->notes)
        j->notes = calloc(NV_JOURNAL_NOTES_MAX, sizeof(*j->notes));
    if (!j->heads)
        j->heads = calloc(HEADS, sizeof(*j->heads));
    if (!j->before)
        j->before = calloc(NETVANE_JOURNAL_ENTRIES, sizeof(*j->before));
    return j->notes && j->heads && j->before;
}

/* ---- notes ------------------------------------------------------------------------------------------------ */

static void drop_notes(struct nv_journal *j, uint32_t trees)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < j->note_count; i++)
        if (!(trees >> j->notes[i].tree & 1u))
            j->notes[kept++] = j->notes[i];
    j->note_count = kept;
}

/* There is no more room: the tree with the most notes makes it. */
static void make_deaf(struct nv_journal *j)
{
    uint32_t counts[NETVANE_TREE_COUNT] = {0};
    unsigned most = 0;
    for (uint32_t i = 0; i < j->note_count; i++)
        counts[j->notes[i].tree]++;
    for (unsigned t = 1; t < NETVANE_TREE_COUNT; t++)
        if (counts[t] > counts[most])
            most = t;
    j->deaf |= 1u << most;
    drop_notes(j, 1u << most);
}

static uint64_t hash_of(const struct nv_note *n)
{
    uint64_t h = nv_hash_begin(n->tree);
    for (unsigned i = 0; i < NV_TREE_KEY_WORDS_MAX; i++)
        h = nv_hash_word(h, n->key[i]);
    return nv_mix(h);
}

static bool is_same(const struct nv_note *a, const struct nv_note *b)
{
    return a->tree == b->tree && !memcmp(a->key, b->key, sizeof(a->key));
}

void nv_journal_add(struct nv_journal *j, unsigned tree, const uint64_t *key)
{
    struct nv_note note = {.tree = tree};
    memcpy(note.key, key, nv_tree_shape(tree)->key_words * 8u);
    if (j->note_count && is_same(&j->notes[j->note_count - 1], &note))
        return;
    if (j->note_count == NV_JOURNAL_NOTES_MAX) {
        make_deaf(j);
        if (j->deaf >> tree & 1u)
            return;
    }
    note.hash = hash_of(&note);
    if (j->heads)
        __builtin_prefetch(&j->heads[note.hash % HEADS], 1);
    j->notes[j->note_count++] = note;
}

/* ---- entries ---------------------------------------------------------------------------------------------- */

static unsigned char *place_of(void *base, uint64_t position)
{
    return nv_at_rw(base, NV_JOURNAL_PLACE(position, NETVANE_JOURNAL_ENTRIES));
}

static uint64_t tag_of(uint64_t hash)
{
    return hash >> (64 - TAG_BITS);
}

/* The newest entry of the object that the ring still holds. */
static bool find(const struct nv_journal *j, void *base, const struct nv_note *n,
                 struct netvane_region_entry *ret_entry)
{
    for (uint64_t link = j->heads[n->hash % HEADS]; link;) {
        const uint64_t at = link >> TAG_BITS;
        const bool alike = (link & ((1u << TAG_BITS) - 1)) == tag_of(n->hash);
        if (at + NETVANE_JOURNAL_ENTRIES <= j->end)
            break;
        link = j->before[at % NETVANE_JOURNAL_ENTRIES];
        if (!alike)
            continue;
        nv_payload_load(ret_entry, place_of(base, at), sizeof(*ret_entry));
        if (ret_entry->tree == n->tree && !memcmp(ret_entry->key, n->key, sizeof(n->key)))
            return true;
    }
    return false;
}

static void write_entry(struct nv_journal *j, void *base, uint64_t version, const struct nv_note *n)
{
    struct netvane_region_entry e, last;
    uint64_t since = 0;
    if (find(j, base, n, &last)) {
        since = version - last.version;
        if (!since)
            return; /* this version has it already */
    }
    memset(&e, 0, sizeof(e));
    e.version = version;
    /* No reader has a version that is so far back, so that it does not matter how far. */
    e.since = since < UINT32_MAX ? (uint32_t)since : UINT32_MAX;
    e.tree = (uint8_t)n->tree;
    memcpy(e.key, n->key, sizeof(e.key));
    nv_payload_store(place_of(base, j->end), &e, sizeof(e)); /* P6 */
    uint64_t *head = &j->heads[n->hash % HEADS];
    j->before[j->end % NETVANE_JOURNAL_ENTRIES] = *head;
    *head = j->end++ << TAG_BITS | tag_of(n->hash);
    j->written++;
}

static void raise_floor(struct nv_journal *j, void *base, uint64_t floor)
{
    if (floor <= j->floor)
        return;
    j->floor = floor;
    nv_write_journal_floor(base, floor); /* P5 */
}

uint64_t nv_journal_commit(struct nv_journal *j, void *base, uint64_t version, uint32_t held)
{
    uint32_t kept = 0;
    j->written = 0;
    j->broken = j->deaf & ~held;
    if (j->broken) {
        drop_notes(j, ~held);
        j->end++; /* a position that no entry has: what begins before it is not complete */
        raise_floor(j, base, j->end);
        if (allocate(j))
            j->deaf &= held;
        return j->end;
    }
    if (j->end + j->note_count > NETVANE_JOURNAL_ENTRIES)
        raise_floor(j, base, j->end + j->note_count - NETVANE_JOURNAL_ENTRIES);
    for (uint32_t i = 0; i < j->note_count; i++) {
        if (held >> j->notes[i].tree & 1u)
            j->notes[kept++] = j->notes[i];
        else
            write_entry(j, base, version, &j->notes[i]);
    }
    j->note_count = kept;
    return j->end;
}
