/* SPDX-License-Identifier: MIT */
/*
 * test_tree_edit.c - proves that writer/tree_edit.c is a map: for each shape of tree, random edits against a
 * sorted array; that older versions stay as they were; that an edit costs O(log n) nodes and leaks none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/fake_writer.h"
#include "writer/tree_edit.h"

#define MODEL_MAX 8192u
#define MAX_BYTES (UINT64_C(256) << 20)

/* A sorted array of records. */
struct model {
    unsigned stride, words;
    uint32_t count;
    unsigned char bytes[MODEL_MAX * NV_RECORD_MAX];
};

struct fixture {
    struct fake_memory mem;
    struct nv_draft d;
};

static struct model model, other;

static void start(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    fake_memory_map(&f->mem, MAX_BYTES);
    assert_int_equal(
        nv_arena_init(&f->d.arena, f->mem.base, MAX_BYTES, fake_memory_grow, &f->mem, 1), 0);
}

static void end(struct fixture *f)
{
    nv_arena_destroy(&f->d.arena);
    fake_memory_free(&f->mem);
}

static void model_start(struct model *m, unsigned tree)
{
    m->stride = nv_tree_shape(tree)->stride;
    m->words = nv_tree_shape(tree)->key_words;
    m->count = 0;
}

static unsigned char *at(struct model *m, uint32_t i)
{
    return m->bytes + (size_t)i * m->stride;
}

static uint32_t model_index(struct model *m, const uint64_t *key)
{
    uint32_t lo = 0, hi = m->count;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        uint64_t k[NV_TREE_KEY_WORDS_MAX];
        memcpy(k, at(m, mid), m->words * 8u);
        if (nv_key_compare(k, key, m->words) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool model_has(struct model *m, const uint64_t *key, uint32_t *ret_i)
{
    *ret_i = model_index(m, key);
    return *ret_i < m->count && !memcmp(at(m, *ret_i), key, m->words * 8u);
}

static bool model_put(struct model *m, const unsigned char *record)
{
    uint64_t key[NV_TREE_KEY_WORDS_MAX];
    uint32_t i;
    memcpy(key, record, m->words * 8u);
    bool known = model_has(m, key, &i);
    if (!known) {
        memmove(at(m, i + 1), at(m, i), (size_t)(m->count - i) * m->stride);
        m->count++;
    }
    memcpy(at(m, i), record, m->stride);
    return !known;
}

static bool model_delete(struct model *m, const uint64_t *key)
{
    uint32_t i;
    if (!model_has(m, key, &i))
        return false;
    m->count--;
    memmove(at(m, i), at(m, i + 1), (size_t)(m->count - i) * m->stride);
    return true;
}

/* A key out of a universe; every word takes part. */
static void key_of(unsigned words, uint32_t n, uint64_t key[NV_TREE_KEY_WORDS_MAX])
{
    memset(key, 0, NV_TREE_KEY_WORDS_MAX * 8u);
    for (unsigned w = 0; w < words; w++)
        key[w] = w + 1 == words ? n : n >> (4 * (words - 1 - w));
}

static void record_of(unsigned tree, const uint64_t *key, uint64_t *rnd, unsigned char *record)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    memcpy(record, key, s->key_words * 8u);
    for (unsigned i = s->key_words * 8u; i < s->stride; i++)
        record[i] = (unsigned char)fake_random(rnd, 256);
}

static bool put(struct fixture *f, unsigned tree, const void *record)
{
    bool expired = false;
    assert_int_equal(nv_arena_reserve(&f->d.arena, 64, &expired), 0);
    return nv_draft_put(&f->d, tree, record);
}

static bool erase(struct fixture *f, unsigned tree, const uint64_t *key)
{
    bool expired = false;
    assert_int_equal(nv_arena_reserve(&f->d.arena, 64, &expired), 0);
    return nv_draft_delete(&f->d, tree, key);
}

static void assert_sound(struct fixture *f)
{
    const char *fault = fake_arena_fault(&f->d);
    if (fault)
        fail_msg("%s", fault);
}

/* Does the tree hold exactly the model, both by walking and by asking? */
static void assert_equal(const struct nv_tree *t, struct model *m, uint64_t *rnd)
{
    struct nv_cursor c;
    unsigned char record[NV_RECORD_MAX];
    uint32_t n = 0;
    for (int more = nv_cursor_seek(&c, t, NULL); more != NV_TREE_END;
         more = nv_cursor_next(&c), n++) {
        assert_int_equal(more, NV_TREE_OK);
        assert_int_equal(nv_cursor_get(&c, record), NV_TREE_OK);
        assert_true(n < m->count);
        assert_memory_equal(record, at(m, n), m->stride);
    }
    assert_int_equal(n, m->count);
    assert_int_equal(t->count, m->count);
    for (unsigned k = 0; k < 200; k++) {
        uint64_t key[NV_TREE_KEY_WORDS_MAX];
        uint32_t i;
        key_of(m->words, fake_random(rnd, MODEL_MAX), key);
        bool has = model_has(m, key, &i);
        assert_int_equal(nv_tree_find(t, key, record), has ? NV_TREE_OK : NV_TREE_END);
        if (has)
            assert_memory_equal(record, at(m, i), m->stride);
        int seek = nv_cursor_seek(&c, t, key); /* the first that is not less */
        assert_int_equal(seek, i < m->count ? NV_TREE_OK : NV_TREE_END);
        if (seek == NV_TREE_OK) {
            assert_int_equal(nv_cursor_get(&c, record), NV_TREE_OK);
            assert_memory_equal(record, at(m, i), m->stride);
        }
    }
}

static void random_edits(struct fixture *f, unsigned tree, uint64_t *rnd, unsigned steps,
                         unsigned put_percent, uint32_t universe)
{
    uint64_t key[NV_TREE_KEY_WORDS_MAX];
    unsigned char record[NV_RECORD_MAX];
    for (unsigned i = 0; i < steps; i++) {
        key_of(model.words, fake_random(rnd, universe), key);
        if (fake_random(rnd, 100) < put_percent) {
            record_of(tree, key, rnd, record);
            assert_int_equal(put(f, tree, record), model_put(&model, record));
        } else {
            assert_int_equal(erase(f, tree, key), model_delete(&model, key));
        }
    }
}

/* ---- tests ----------------------------------------------------------------------------------------------- */

static void every_shape_is_a_map_under_random_edits_that_grow_and_shrink_it(void **state)
{
    (void)state;
    uint64_t rnd = fake_seed();
    for (unsigned tree = 0; tree < NETVANE_TREE_COUNT; tree++) {
        struct fixture f;
        start(&f);
        model_start(&model, tree);
        static const unsigned percents[] = {90, 50, 10, 70, 5, 0};
        for (unsigned p = 0; p < NV_ARRAY_LEN(percents); p++) {
            for (unsigned round = 0; round < 5; round++) {
                random_edits(&f, tree, &rnd, 400, percents[p], 2000);
                struct nv_tree t = nv_draft_tree(&f.d, tree);
                assert_equal(&t, &model, &rnd);
                assert_sound(&f);
                if (round % 2)
                    nv_arena_next_draft(&f.d.arena);
            }
        }
        end(&f);
    }
}

static void older_versions_stay_bit_for_bit_while_newer_ones_are_made(void **state)
{
    (void)state;
    uint64_t rnd = fake_seed() + 1;
    for (unsigned tree = 0; tree < NETVANE_TREE_COUNT; tree++) {
        struct fixture f;
        start(&f);
        model_start(&model, tree);
        random_edits(&f, tree, &rnd, 1500, 80, 1500);
        other = model;
        struct nv_tree old = nv_draft_tree(&f.d, tree);
        uint64_t bytes = f.d.arena.size_bytes - NETVANE_ARENA_OFFSET;
        unsigned char *copy = malloc(bytes);
        assert_non_null(copy);
        memcpy(copy, f.mem.base + NETVANE_ARENA_OFFSET, bytes);
        bool *shown = calloc(f.d.arena.capacity, sizeof(*shown));
        assert_non_null(shown);
        for (uint32_t i = 0; i < f.d.arena.capacity; i++)
            shown[i] = true;
        for (uint32_t i = 0; i < f.d.arena.free_count; i++)
            shown[f.d.arena.free_refs[i] - NETVANE_ARENA_OFFSET / NETVANE_NODE_BYTES] = false;
        for (unsigned version = 0; version < 12; version++) {
            nv_arena_next_draft(&f.d.arena);
            random_edits(&f, tree, &rnd, 150, version % 3 * 45, 1500);
            assert_equal(&old, &other, &rnd);
        }
        for (uint64_t i = 0; i < bytes / NETVANE_NODE_BYTES; i++)
            if (shown[i])
                assert_memory_equal(copy + i * NETVANE_NODE_BYTES,
                                    f.mem.base + NETVANE_ARENA_OFFSET + i * NETVANE_NODE_BYTES,
                                    NETVANE_NODE_BYTES);
        assert_sound(&f);
        free(shown);
        free(copy);
        end(&f);
    }
}

static void versions_keep_apart_when_the_horizon_follows_them(void **state)
{
    (void)state;
    uint64_t rnd = fake_seed() + 2;
    struct fixture f;
    start(&f);
    model_start(&model, NETVANE_TREE_ROUTES4);
    random_edits(&f, NETVANE_TREE_ROUTES4, &rnd, 3000, 80, 3000);
    for (unsigned version = 0; version < 300; version++) {
        other = model;
        struct nv_tree newest = nv_draft_tree(&f.d, NETVANE_TREE_ROUTES4);
        uint64_t v = f.d.arena.draft;
        nv_arena_next_draft(&f.d.arena);
        nv_arena_reclaim(&f.d.arena, v); /* only the newest is readable */
        random_edits(&f, NETVANE_TREE_ROUTES4, &rnd, 40, 50, 3000);
        assert_equal(&newest, &other, &rnd);
    }
    assert_sound(&f);
    assert_true(f.d.arena.limbo_count < 40 * 8);
    end(&f);
}

static void load_in_order_fills_the_leaves(void **state)
{
    (void)state;
    uint64_t rnd = fake_seed() + 3;
    for (unsigned tree = 0; tree < NETVANE_TREE_COUNT; tree++) {
        struct fixture f;
        const struct nv_tree_shape *s = nv_tree_shape(tree);
        const uint32_t n = 5000;
        start(&f);
        for (uint32_t i = 0; i < n; i++) {
            uint64_t key[NV_TREE_KEY_WORDS_MAX];
            unsigned char record[NV_RECORD_MAX];
            key_of(s->key_words, i, key);
            record_of(tree, key, &rnd, record);
            assert_true(put(&f, tree, record));
        }
        uint32_t leaves = (n + s->leaf_capacity - 1) / s->leaf_capacity, inner = 0;
        for (uint32_t level = leaves; level > 1;
             level = (level + s->inner_capacity - 1) / s->inner_capacity)
            inner += (level + s->inner_capacity - 1) / s->inner_capacity;
        assert_int_equal(f.d.arena.used, leaves + inner);
        assert_sound(&f);
        end(&f);
    }
}

/*
 * As dumps come: several tables, each in order but that of prefixes with one address the longest comes first; and objects that
 * are told once more. What was sealed is edited now and then, in one draft and over several.
 */
static void runs_that_take_turns_and_step_back_are_a_map(void **state)
{
    (void)state;
    enum { RUNS = 5, LENGTH = 700 };
    uint64_t rnd = fake_seed() + 7;
    for (unsigned tree = 0; tree < NETVANE_TREE_COUNT; tree++) {
        struct fixture f;
        uint32_t next[RUNS] = {0};
        start(&f);
        model_start(&model, tree);
        for (uint32_t n = 0; n < RUNS * LENGTH / 4; n++) {
            const uint32_t run = fake_random(&rnd, RUNS);
            const uint32_t burst = 1 + fake_random(&rnd, 30);
            for (uint32_t i = 0; i < burst && next[run] + 1 < LENGTH; i++) {
                const uint32_t first = run * LENGTH + next[run];
                uint64_t key[NV_TREE_KEY_WORDS_MAX];
                unsigned char record[NV_RECORD_MAX];
                const bool back = fake_random(&rnd, 3) == 0;
                for (uint32_t step = 0; step <= back; step++) {
                    key_of(model.words, first + (back && !step), key);
                    record_of(tree, key, &rnd, record);
                    assert_int_equal(put(&f, tree, record), model_put(&model, record));
                }
                next[run] += 1u + back;
            }
            if (fake_random(&rnd, 4) == 0)
                random_edits(&f, tree, &rnd, 3, 80, RUNS * LENGTH);
            if (fake_random(&rnd, 40) == 0)
                nv_arena_next_draft(&f.d.arena);
            if (n % 100 == 0)
                assert_sound(&f);
        }
        struct nv_tree t = nv_draft_tree(&f.d, tree);
        assert_equal(&t, &model, &rnd);
        assert_sound(&f);
        end(&f);
    }
}

static void edit_copies_the_path_once_and_nothing_more(void **state)
{
    (void)state;
    uint64_t rnd = fake_seed() + 4;
    for (unsigned tree = 0; tree < NETVANE_TREE_COUNT; tree++) {
        struct fixture f;
        start(&f);
        model_start(&model, tree);
        random_edits(&f, tree, &rnd, 6000, 95, 6000);
        for (unsigned i = 0; i < 400; i++) {
            nv_arena_next_draft(&f.d.arena);
            uint32_t height = f.d.tree[tree].height;
            uint64_t before = f.d.nodes_copied;
            random_edits(&f, tree, &rnd, 1, i % 2 ? 100 : 0, 6000);
            /* At each level the node, and a neighbour that it splits into; a new root. */
            assert_true(f.d.nodes_copied - before <= 2u * height + 1u);
            /* A replacement of what the draft has made copies nothing. */
            if (model.count) {
                unsigned char record[NV_RECORD_MAX];
                memcpy(record, at(&model, model.count / 2), model.stride);
                (void)put(&f, tree, record);
                before = f.d.nodes_copied;
                assert_false(put(&f, tree, record));
                assert_int_equal(f.d.nodes_copied, before);
            }
        }
        assert_sound(&f);
        end(&f);
    }
}

static void deleting_everything_in_any_order_leaves_an_empty_tree(void **state)
{
    (void)state;
    uint64_t rnd = fake_seed() + 5;
    for (unsigned tree = 0; tree < NETVANE_TREE_COUNT; tree++) {
        for (unsigned order = 0; order < 3; order++) {
            struct fixture f;
            start(&f);
            model_start(&model, tree);
            random_edits(&f, tree, &rnd, 2500, 100, 4000);
            if (order == 2)
                nv_arena_next_draft(&f.d.arena);
            while (model.count) {
                uint64_t key[NV_TREE_KEY_WORDS_MAX];
                uint32_t i = order == 0   ? 0
                             : order == 1 ? model.count - 1
                                          : fake_random(&rnd, model.count);
                memcpy(key, at(&model, i), model.words * 8u);
                assert_true(erase(&f, tree, key));
                assert_true(model_delete(&model, key));
                if (model.count % 61 == 0)
                    assert_sound(&f);
            }
            assert_int_equal(f.d.tree[tree].ref, 0);
            assert_int_equal(f.d.tree[tree].height, 0);
            assert_int_equal(f.d.tree[tree].count, 0);
            assert_int_equal(f.d.arena.used, 0);
            assert_sound(&f);
            if (order < 2) /* the draft's own nodes are free at once */
                assert_int_equal(f.d.arena.free_count,
                                 (f.d.arena.size_bytes - NETVANE_ARENA_OFFSET) /
                                     NETVANE_NODE_BYTES);
            random_edits(&f, tree, &rnd, 100, 100, 4000); /* and it grows again */
            assert_sound(&f);
            end(&f);
        }
    }
}

struct filter {
    struct model *model; /* loses what the filter does not keep */
    uint64_t rnd;
    uint32_t percent;
    unsigned calls;
};

static bool keep(void *arg, void *record)
{
    struct filter *x = arg;
    uint64_t key[NV_TREE_KEY_WORDS_MAX];
    memcpy(key, record, x->model->words * 8u);
    x->calls++;
    if (fake_random(&x->rnd, 100) < x->percent)
        return true;
    assert_true(model_delete(x->model, key));
    return false;
}

static void filter_leaves_what_is_kept_and_spoils_no_version(void **state)
{
    (void)state;
    uint64_t rnd = fake_seed();
    for (unsigned tree = 0; tree < NETVANE_TREE_COUNT; tree++) {
        for (uint32_t percent = 0; percent <= 100; percent += 25) {
            struct fixture f;
            start(&f);
            model_start(&model, tree);
            random_edits(&f, tree, &rnd, 2500, 100, 4000);
            nv_arena_next_draft(&f.d.arena); /* what is there may be seen */
            memcpy(&other, &model, sizeof(other));
            struct nv_tree seen = nv_draft_tree(&f.d, tree);
            struct filter x = {.model = &model, .rnd = rnd, .percent = percent};
            bool expired = false;
            uint32_t before = model.count;
            assert_true(nv_draft_filter(&f.d, tree, keep, &x, &expired));
            assert_int_equal(x.calls, before);
            assert_sound(&f);
            struct nv_tree t = nv_draft_tree(&f.d, tree);
            assert_equal(&t, &model, &rnd);
            assert_equal(&seen, &other, &rnd);
            random_edits(&f, tree, &rnd, 300, 50, 4000);
            x.percent = 0; /* of a draft */
            assert_true(nv_draft_filter(&f.d, tree, keep, &x, &expired));
            assert_int_equal(f.d.tree[tree].ref | f.d.tree[tree].height, 0);
            assert_sound(&f);
            nv_arena_reclaim(&f.d.arena, UINT64_MAX);
            assert_int_equal(f.d.arena.used, 0);
            end(&f);
        }
    }
}

static void small_nodes_are_merged_so_that_a_shrunk_tree_is_small(void **state)
{
    (void)state;
    uint64_t rnd = fake_seed() + 6;
    struct fixture f;
    const unsigned tree = NETVANE_TREE_ROUTES4;
    start(&f);
    model_start(&model, tree);
    random_edits(&f, tree, &rnd, 8000, 100, 6000);
    while (model.count > 200) {
        uint64_t key[NV_TREE_KEY_WORDS_MAX];
        memcpy(key, at(&model, fake_random(&rnd, model.count)), model.words * 8u);
        assert_true(erase(&f, tree, key));
        assert_true(model_delete(&model, key));
    }
    assert_sound(&f);
    assert_true(f.d.arena.used < 200u / 2u);
    end(&f);
}

static void delete_of_what_is_not_there_copies_nothing(void **state)
{
    (void)state;
    uint64_t rnd = fake_seed() + 7;
    struct fixture f;
    const unsigned tree = NETVANE_TREE_ADDRS;
    start(&f);
    model_start(&model, tree);
    uint64_t key[NV_TREE_KEY_WORDS_MAX];
    key_of(model.words, 1, key);
    assert_false(erase(&f, tree, key)); /* of an empty tree */
    random_edits(&f, tree, &rnd, 500, 100, 4000);
    nv_arena_next_draft(&f.d.arena);
    uint64_t before = f.d.nodes_copied;
    key_of(model.words, 5000, key);
    assert_false(erase(&f, tree, key));
    assert_int_equal(f.d.nodes_copied, before);
    assert_int_equal(f.d.arena.limbo_count, 0);
    end(&f);
}

static void bytes_behind_the_last_record_of_a_leaf_are_zero(void **state)
{
    (void)state;
    uint64_t rnd = fake_seed() + 8;
    for (unsigned tree = 0; tree < NETVANE_TREE_COUNT; tree++) {
        struct fixture f;
        start(&f);
        model_start(&model, tree);
        random_edits(&f, tree, &rnd, 3000, 60, 1000);
        const struct nv_tree_shape *s = nv_tree_shape(tree);
        struct nv_tree t = nv_draft_tree(&f.d, tree);
        struct nv_cursor c;
        static const unsigned char zero[NV_TREE_PAYLOAD];
        for (int more = nv_cursor_seek(&c, &t, NULL); more == NV_TREE_OK;
             more = nv_cursor_next(&c)) {
            const struct netvane_region_node *n = nv_arena_node(&f.d.arena, c.path[0].ref);
            size_t used = (size_t)n->count * s->stride, all = (size_t)s->leaf_capacity * s->stride;
            assert_memory_equal(n->bytes + used, zero, all - used);
        }
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_is_a_map_under_random_edits_that_grow_and_shrink_it),
        cmocka_unit_test(older_versions_stay_bit_for_bit_while_newer_ones_are_made),
        cmocka_unit_test(versions_keep_apart_when_the_horizon_follows_them),
        cmocka_unit_test(load_in_order_fills_the_leaves),
        cmocka_unit_test(runs_that_take_turns_and_step_back_are_a_map),
        cmocka_unit_test(edit_copies_the_path_once_and_nothing_more),
        cmocka_unit_test(deleting_everything_in_any_order_leaves_an_empty_tree),
        cmocka_unit_test(filter_leaves_what_is_kept_and_spoils_no_version),
        cmocka_unit_test(small_nodes_are_merged_so_that_a_shrunk_tree_is_small),
        cmocka_unit_test(delete_of_what_is_not_there_copies_nothing),
        cmocka_unit_test(bytes_behind_the_last_record_of_a_leaf_are_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
