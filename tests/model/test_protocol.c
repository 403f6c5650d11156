/* SPDX-License-Identifier: MIT */
/*
 * test_protocol.c - each edge of nv/proto.h by the code itself, in every execution that C11 allows; each order is needed.
 *
 * The writer's half is writer/publish.c, arena.c, tree_edit.c and journal.c, the reader's reader/snap.c and reader.h, with the
 * functions of nv/proto.h and nv/tree.h, all compiled so that c11.c does their loads, stores and fences. The writer runs first, once: it loads nothing that a reader stores, so that
 * a reader behind it that may find every word as it was at any time meets all that a reader beside it would. Nor do
 * readers store anything: one stands for any number, and a writer that dies anywhere leaves a part of what is met here.
 * Mutants: each order and each fence is weakened in turn, which has to let a wrong answer pass.
 */
#include "c11/c11.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nv/tree.h"
#include "reader/reader.h"
#include "writer/limits.h"
#include "writer/publish.h"
#include "writer/tree_edit.h"

#define TREE         NETVANE_TREE_METRICS /* records of four words, seven to a leaf */
#define REGION_BYTES (NETVANE_ARENA_OFFSET + 2 * NV_GROW_BYTES)
#define KEY          UINT64_C(7)
#define TOPIC        NETVANE_RT_ROUTES
#define VERSIONS     7u /* 1 and 1025 differ */

static _Alignas(4096) unsigned char region[REGION_BYTES];

static struct {
    struct nv_draft draft;
    struct nv_publisher pub;
    struct nv_journal journal;
    uint32_t value;           /* of KEY in the draft */
    uint32_t truth[VERSIONS]; /* in each version, by its number modulo VERSIONS */
} w;

/* ---- the writer -------------------------------------------------------------------------------------------------- */

static int grow(void *arg, uint64_t size_bytes)
{
    (void)arg;
    return size_bytes > REGION_BYTES ? -1 : 0;
}

static void start(uint64_t max_bytes)
{
    static const struct nv_header_args args = {.max_bytes = REGION_BYTES};
    static const struct nv_legacy none;
    assert_int_equal(nv_publisher_init(&w.pub, region, NULL, &args, &none), 0);
    assert_int_equal(nv_arena_init(&w.draft.arena, region, max_bytes, grow, NULL, 1), 0);
    nv_journal_init(&w.journal);
    w.journal.deaf = 0;
    w.journal.notes = calloc(NV_JOURNAL_NOTES_MAX, sizeof(*w.journal.notes));
    w.journal.heads = calloc(1u << 14, sizeof(*w.journal.heads));
    w.journal.before = calloc(NETVANE_JOURNAL_ENTRIES, sizeof(*w.journal.before));
}

static void stop(void)
{
    nv_publisher_destroy(&w.pub);
    nv_arena_destroy(&w.draft.arena);
    nv_journal_destroy(&w.journal);
    memset(&w, 0, sizeof(w));
}

static struct netvane_rec_metric record_of(uint64_t key, uint32_t value)
{
    struct netvane_rec_metric r = {.key = {key}, .id = value, .value = value};
    for (unsigned i = 0; i < sizeof(r.text); i += 4)
        memcpy(r.text + i, &value, 4);
    return r;
}

static void put(uint32_t value)
{
    const struct netvane_rec_metric r = record_of(KEY, value);
    bool expired = false;
    (void)nv_arena_reserve(&w.draft.arena, 1, &expired); /* else nv_arena_take complains */
    (void)nv_draft_put(&w.draft, TREE, &r);
    w.value = value;
}

/* So many nodes are the draft's for ever, without a store. */
static void take_all_but(uint32_t left)
{
    bool expired = false;
    struct nv_arena *a = &w.draft.arena;
    if (a->free_count <= left)
        return;
    assert_int_equal(nv_arena_reserve(a, a->free_count, &expired), 0);
    while (a->free_count > left)
        (void)nv_arena_take(a);
}

static void publish(uint32_t topics)
{
    struct netvane_region_slot slot = {.quality = 0};
    const uint64_t version = w.draft.arena.draft;
    memcpy(slot.tree, w.draft.tree, sizeof(w.draft.tree));
    slot.journal_end = nv_journal_commit(&w.journal, region, version, 0);
    nv_draft_seal(&w.draft, w.draft.tree[TREE].ref);
    w.truth[version % VERSIONS] = w.value;
    nv_publish(&w.pub, &w.draft.arena, &slot, topics, version * NV_NS_PER_S);
}

/* Version 3 stands where 1 stood: there is no other memory. */
static void write_over_a_node(void *arg)
{
    (void)arg;
    start(NETVANE_ARENA_OFFSET + NV_GROW_BYTES);
    put(101);
    publish(0);
    put(102);
    take_all_but(0);
    publish(1u << TOPIC);
    put(103);
    publish(0);
}

/* Version 1025 has the slot of 1; the versions between are left out, as nobody looks at them. */
static void write_over_a_slot(void *arg)
{
    (void)arg;
    start(REGION_BYTES);
    put(101);
    publish(0);
    put(102);
    w.draft.arena.draft += NETVANE_RING_SLOTS - 1;
    publish(0);
}

/* The leaf of version 2 stands behind what was committed before. */
static void write_behind_the_end(void *arg)
{
    (void)arg;
    start(REGION_BYTES);
    put(101);
    publish(0);
    take_all_but(0);
    put(102);
    publish(0);
}

/* Version 4 has its entry where the first of version 2 was. */
static void write_over_an_entry(void *arg)
{
    (void)arg;
    start(REGION_BYTES);
    put(101);
    publish(0);
    for (uint64_t version = 2; version <= 4; version++) {
        const uint64_t notes = version < 4 ? NV_JOURNAL_NOTES_MAX : 1;
        for (uint64_t i = 0; i < notes; i++) {
            const uint64_t key = version << 32 | i;
            nv_journal_note(&w.journal, NETVANE_TREE_LINKS, &key);
        }
        put((uint32_t)(100 + version));
        publish(0);
    }
}

static void write_moved(void *arg)
{
    (void)arg;
    start(REGION_BYTES);
    put(101);
    publish(0);
    nv_write_moved(region, 4711);
}

/* ---- readers ------------------------------------------------------------------------------------------------------------ */

static bool is_true(uint64_t version, const struct netvane_rec_metric *r)
{
    const struct netvane_rec_metric right = record_of(KEY, w.truth[version % VERSIONS]);
    return !memcmp(r, &right, sizeof(right));
}

static struct nv_mapping mapping;
static struct netvane handle;
static unsigned begins; /* of this execution */

static void begin(void *arg)
{
    (void)arg;
    begins = 0;
}

/* A begin that met an expired version begins again, at most once more: what it may do then, it may have done at first. */
int nv_current(struct netvane *nv, struct nv_mapping **ret_mapping)
{
    (void)nv;
    mapping.header = region;
    mapping.max_bytes = REGION_BYTES;
    memcpy((void *)&mapping.base, &mapping.header, sizeof(mapping.header));
    *ret_mapping = &mapping;
    return begins++ < 2 ? NETVANE_OK : NETVANE_NO_WRITER;
}

bool nv_mapping_renamed(struct nv_mapping *m)
{
    (void)m;
    return false;
}

int nv_follow(struct netvane *nv, struct nv_mapping *from)
{
    (void)nv;
    (void)from;
    return NETVANE_NO_WRITER;
}

static void read_value(void *arg)
{
    struct netvane_snap snap;
    struct nv_snap s;
    struct netvane_rec_metric r;
    const uint64_t key = KEY;
    (void)arg;
    int err = netvane_snap_begin(&handle, &snap);
    if (err == NETVANE_CORRUPT)
        c11_fail("a slot of another version passed");
    if (err || nv_enter(&snap, &s))
        return;
    err = nv_leave(&s, nv_snap_find(&s, TREE, &key, &r));
    if (err == NETVANE_CORRUPT || err == NETVANE_NOT_FOUND)
        c11_fail("a whole version was taken for a damaged or empty one");
    else if (!err && !is_true(s.version, &r))
        c11_fail("a torn record passed");
}

static void read_generation(void *arg)
{
    (void)arg;
    const uint32_t gen = nv_read_gen(region, TOPIC);
    if (gen && nv_read_head(region) < 2)
        c11_fail("a moved generation without the version that moved it");
}

/* What a sleeper does before it sleeps on `any`. */
static void read_any(void *arg)
{
    (void)arg;
    const uint32_t any = nv_read_any(region);
    if (any && !nv_read_gen(region, TOPIC))
        c11_fail("asleep on a word that has moved already, for a topic that has, too");
}

static void read_successor(void *arg)
{
    (void)arg;
    const uint32_t any = nv_read_any(region);
    const uint64_t head = nv_read_head(region);
    if (any && !(head & NETVANE_HEAD_MOVED))
        c11_fail("asleep on a word that has moved already, in a region that was replaced");
    if (head & NETVANE_HEAD_MOVED && nv_read_successor(region) != 4711)
        c11_fail("moved, and nobody knows where to");
}

/* As reader/diff_journal.c, of the changes behind version 1, whose journal ends at 0; of the key the first word. */
static void read_entry(void *arg)
{
    const uint64_t v = nv_read_head(region), from = 0;
    struct netvane_region_entry e;
    (void)arg;
    if (v < 2)
        return;
    nv_payload_load(&e, nv_at(region, NV_JOURNAL_PLACE(from, NETVANE_JOURNAL_ENTRIES)),
                    offsetof(struct netvane_region_entry, key[1]));
    if (!nv_read_journal_check(region, from))
        return;
    if (e.version != 2 || e.key[0] != UINT64_C(2) << 32)
        c11_fail("an entry of other changes passed");
}

/* ---- edge H, inside a reading process: as publish in reader/map.c, and what the OS does then -------------------------- */

static _Atomic uint64_t base, arena_word;

static void revoke(void *arg)
{
    (void)arg;
    atomic_store_explicit(&base, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release); /* the system call that puts the zeros there */
    atomic_store_explicit(&arena_word, 0, memory_order_relaxed);
}

static void read_revoked(void *arg)
{
    (void)arg;
    if (!atomic_load_explicit(&base, memory_order_relaxed))
        return;
    const uint64_t word = atomic_load_explicit(&arena_word, memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&base, memory_order_relaxed) && !word)
        c11_fail("a zero of a revoked mapping passed");
}

/* ---- runs ---------------------------------------------------------------------------------------------------------------- */

struct run {
    const char *name;
    c11_fn *writer, *reader;
};

/* Those with millions of executions last. */
static const struct run runs[] = {
    {"a node behind the end", write_behind_the_end, read_value},
    {"a generation moves", write_over_a_node, read_generation},
    {"a sleeper looks", write_over_a_node, read_any},
    {"a region moves", write_moved, read_successor},
    {"an entry is written over", write_over_an_entry, read_entry},
    {"a mapping is revoked", revoke, read_revoked},
    {"a node is written over", write_over_a_node, read_value},
    {"a slot is written over", write_over_a_slot, read_value},
};

/* Words that readers load: what they make of others, which are stored once, needs no history. */
static void watch(void)
{
    c11_watch(region + NETVANE_HOT_OFFSET, NETVANE_LIVENESS_OFFSET - NETVANE_HOT_OFFSET);
    for (uint64_t v = 1; v <= 4; v++) {
        const unsigned char *slot = nv_at(region, NV_SLOT(v));
        c11_watch(slot + offsetof(struct netvane_region_slot, version), 8);
        c11_watch(slot + offsetof(struct netvane_region_slot, tree[TREE]),
                  sizeof(struct netvane_region_root));
    }
    c11_watch(nv_at(region, NV_JOURNAL_PLACE(0, NETVANE_JOURNAL_ENTRIES)),
              sizeof(struct netvane_region_entry));
    c11_watch(region + NETVANE_ARENA_OFFSET, REGION_BYTES - NETVANE_ARENA_OFFSET);
    c11_watch(&base, sizeof(base));
    c11_watch(&arena_word, sizeof(arena_word));
}

/* All executions of a run: none is wrong. */
static bool holds(const struct run *run, struct c11_mutant mutant, uint64_t *ret_executions)
{
    const struct c11_program program = {.threads = {run->reader}, .begin = begin};
    const uint64_t one = 1;
    memset(region, 0, sizeof(region));
    memcpy((void *)&base, &one, 8);
    memcpy((void *)&arena_word, &one, 8);
    c11_reset();
    c11_halve(region + NETVANE_RING_OFFSET, REGION_BYTES - NETVANE_RING_OFFSET);
    watch();
    c11_mutate(mutant);
    c11_run(run->writer, NULL);
    const bool good = c11_explore(&program, 0, ret_executions);
    if (run->writer != revoke)
        stop();
    return good;
}

static void no_execution_shows_what_is_not(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NV_ARRAY_LEN(runs); i++) {
        uint64_t executions;
        if (!holds(&runs[i], (struct c11_mutant){0}, &executions))
            fail_msg("%s: %s", runs[i].name, c11_failure());
        assert_true(executions > 1);
        print_message("%s: %llu executions\n", runs[i].name, (unsigned long long)executions);
    }
}

/* What is weakened, and which run has to meet what it lets pass. */
static const struct {
    const char *name;
    const void *word;
    enum c11_what what;
    enum { END, GENERATION, SLEEPER, MOVED, ENTRY, REVOKED, NODE, SLOT } run;
} mutants[] = {
    {"A: head stored relaxed", region + NV_HOT(head), C11_STORE_RELAXED, NODE},
    {"A: head loaded relaxed", region + NV_HOT(head), C11_LOAD_RELAXED, NODE},
    {"A, slots: head stored relaxed", region + NV_HOT(head), C11_STORE_RELAXED, SLOT},
    {"A, slots: head loaded relaxed", region + NV_HOT(head), C11_LOAD_RELAXED, SLOT},
    {"A, journal: head stored relaxed", region + NV_HOT(head), C11_STORE_RELAXED, ENTRY},
    {"A, journal: head loaded relaxed", region + NV_HOT(head), C11_LOAD_RELAXED, ENTRY},
    {"B: no release fence behind the horizon", region + NV_HOT(horizon), C11_NO_RELEASE_FENCE,
     NODE},
    {"B: no acquire fence before it", NULL, C11_NO_ACQUIRE_FENCE, NODE},
    {"B, slots: no release fence", region + NV_HOT(horizon), C11_NO_RELEASE_FENCE, SLOT},
    {"B, slots: no acquire fence", NULL, C11_NO_ACQUIRE_FENCE, SLOT},
    {"C: generation stored relaxed", region + NV_TOPIC(TOPIC), C11_STORE_RELAXED, GENERATION},
    {"C: generation loaded relaxed", region + NV_TOPIC(TOPIC), C11_LOAD_RELAXED, GENERATION},
    {"D: any stored relaxed", region + NV_TOPIC_ANY, C11_STORE_RELAXED, SLEEPER},
    {"D: any loaded relaxed", region + NV_TOPIC_ANY, C11_LOAD_RELAXED, SLEEPER},
    {"E: head stored relaxed", region + NV_HOT(head), C11_STORE_RELAXED, END},
    {"E: head loaded relaxed", region + NV_HOT(head), C11_LOAD_RELAXED, END},
    {"F: MOVED stored relaxed", region + NV_HOT(head), C11_STORE_RELAXED, MOVED},
    {"F: MOVED loaded relaxed", region + NV_HOT(head), C11_LOAD_RELAXED, MOVED},
    {"G: no release fence behind the floor", region + NV_HOT(journal_floor), C11_NO_RELEASE_FENCE,
     ENTRY},
    {"G: no acquire fence before it", NULL, C11_NO_ACQUIRE_FENCE, ENTRY},
    {"H: nothing between base and the zeros", &base, C11_NO_RELEASE_FENCE, REVOKED},
    {"H: no acquire fence", NULL, C11_NO_ACQUIRE_FENCE, REVOKED},
};

static void each_order_is_needed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NV_ARRAY_LEN(mutants); i++) {
        const struct c11_mutant mutant = {.word = mutants[i].word, .what = mutants[i].what};
        uint64_t executions;
        if (holds(&runs[mutants[i].run], mutant, &executions))
            fail_msg("%s: not caught", mutants[i].name);
        print_message("%s: caught by execution %llu: %s\n", mutants[i].name,
                      (unsigned long long)executions, c11_failure());
    }
}

/* Any argument: without the mutants, as test_mutants.py runs it. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_execution_shows_what_is_not),
        cmocka_unit_test(each_order_is_needed),
    };
    (void)argv;
    if (argc > 1)
        cmocka_set_test_filter("no_execution_shows_what_is_not");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
