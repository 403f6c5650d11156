/* SPDX-License-Identifier: MIT */
/*
 * check_journal.c - checks the journal: each entry of the versions that can be read, and all of them against the trees.
 *
 * Owns:      what makes entries whole: ends that rise, entries of the version between its ends, keys of a tree. And that
 *            they tell the differences that a walk over the trees tells.
 * Promises:  bounded by the ring and by the size of the trees. What is being written over is passed over, not judged.
 */
#include "check.h"
#include "diff.h"

#define NV_CHECK_BACK 256 /* versions that are compared by both ways at most */

/* The journal's end behind version v; false: v cannot be read any more. */
static bool end_of(const struct nv_check *c, uint64_t v, uint64_t *ret_end)
{
    struct nv_snap s = c->s;
    s.version = v;
    const uint64_t holds = nv_slot_load64(&s, offsetof(struct netvane_region_slot, version));
    *ret_end = nv_slot_load64(&s, offsetof(struct netvane_region_slot, journal_end));
    return nv_valid(&s) && holds == v;
}

static const char *fault_of(const struct netvane_region_entry *e, uint64_t version)
{
    if (e->version != version)
        return "is of another version";
    for (unsigned i = 0; i < NV_DIFF_TREES; i++) {
        if (nv_diff_trees[i].tree != e->tree)
            continue;
        for (unsigned k = nv_tree_shape(e->tree)->key_words; k < NV_TREE_KEY_WORDS_MAX; k++)
            if (e->key[k])
                return "has a key that is too long";
        return e->since >= version ? "was noted before the first version" : NULL;
    }
    return "names no object";
}

/* The entries of one version. False: they were written over. */
static bool check_entries(struct nv_check *c, uint64_t version, uint64_t first, uint64_t end)
{
    const uint64_t entries = c->s.m->facts.journal_bytes / sizeof(struct netvane_region_entry);
    const char *fault = end - first > entries ? "is one of more than there is room for" : NULL;
    for (uint64_t at = first; at < end && !fault; at++) {
        struct netvane_region_entry e;
        nv_payload_load(&e, nv_at(c->s.base, NV_JOURNAL_PLACE(at, entries)), sizeof(e)); /* R4 */
        fault = fault_of(&e, version);
    }
    if (!nv_read_journal_check(c->s.header, first))
        return false;
    if (fault)
        nv_finding(c, "Journal: an entry of version %llu %s.", (unsigned long long)version, fault);
    return !fault;
}

struct sum {
    uint64_t count, keys;
    int result;
};

static struct sum differences(const struct nv_check *c, uint64_t since, bool by_journal)
{
    struct nv_snap s = c->s;
    struct netvane_snap from, to;
    struct netvane_change change;
    struct nv_diff d;
    struct sum sum = {0};
    nv_snap_store(&s, &to);
    s.version = since;
    nv_snap_store(&s, &from);
    sum.result = nv_diff_begin(&d, &from, &to, NETVANE_CLASS_ALL, by_journal);
    while (!sum.result && (sum.result = nv_diff_next(&d, &change)) > 0) {
        const uint64_t *key = change.before ? d.a.rec.key : d.b.rec.key;
        sum.keys += nv_mix(nv_hash(key, nv_tree_shape(d.tree)->key_words * 8u) + d.tree);
        sum.count++;
        sum.result = 0;
    }
    return sum;
}

void nv_check_journal(struct nv_check *c)
{
    uint64_t end = c->slot.journal_end, first, since = c->s.version;
    if (!c->s.m || c->s.m->facts.journal_bytes < sizeof(struct netvane_region_entry) || !end)
        return;
    while (since > 1 && end_of(c, since - 1, &first) && first &&
           nv_read_journal_check(c->s.header, first)) {
        if (first > end) {
            nv_finding(c, "Journal: version %llu ends before the one before it.",
                       (unsigned long long)since);
            return;
        }
        if (!check_entries(c, since, first, end))
            break;
        end = first;
        since--;
    }
    if (c->found || since == c->s.version)
        return;
    if (c->s.version - since > NV_CHECK_BACK)
        since = c->s.version - NV_CHECK_BACK;
    const struct sum noted = differences(c, since, true), walked = differences(c, since, false);
    if (noted.result == NETVANE_EXPIRED || walked.result == NETVANE_EXPIRED)
        return;
    if (noted.result || walked.result || noted.count != walked.count || noted.keys != walked.keys)
        nv_finding(c,
                   "Journal: it names %llu differences between the versions %llu and %llu; their "
                   "trees have %llu.",
                   (unsigned long long)noted.count, (unsigned long long)since,
                   (unsigned long long)c->s.version, (unsigned long long)walked.count);
}
