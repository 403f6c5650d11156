/* SPDX-License-Identifier: MIT */
/*
 * test_intern.c - proves that writer/intern.c gives equal contents one id, counts references, and deletes what
 * nobody refers to from the table and the region's tree, but only when it is told to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/fake_writer.h"
#include "writer/intern.h"

#define MAX_BYTES (UINT64_C(64) << 20)

struct fixture {
    struct fake_memory mem;
    struct nv_draft d;
    struct nv_intern in;
    unsigned dropped;
    char last_dropped[64];
};

static void on_drop(void *arg, const unsigned char *bytes, uint32_t len)
{
    struct fixture *f = arg;
    f->dropped++;
    assert_true(len < sizeof(f->last_dropped));
    memcpy(f->last_dropped, bytes, len);
    f->last_dropped[len] = 0;
}

static void start(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    fake_memory_map(&f->mem, MAX_BYTES);
    assert_int_equal(
        nv_arena_init(&f->d.arena, f->mem.base, MAX_BYTES, fake_memory_grow, &f->mem, 1), 0);
    f->in.tree = NETVANE_TREE_STRINGS;
    f->in.on_drop = on_drop;
    f->in.arg = f;
}

static void end(struct fixture *f)
{
    nv_intern_destroy(&f->in);
    nv_arena_destroy(&f->d.arena);
    fake_memory_free(&f->mem);
}

/* As the mirror does it: records in the tree for what is new, here one for each 8 bytes. */
static uint32_t get(struct fixture *f, const char *text, bool *ret_new)
{
    bool expired = false;
    uint32_t len = (uint32_t)strlen(text);
    assert_int_equal(nv_arena_reserve(&f->d.arena, 64, &expired), 0);
    assert_int_equal(nv_intern_reserve(&f->in), 0);
    uint32_t id = nv_intern_get(&f->in, text, len, ret_new);
    assert_int_not_equal(id, 0);
    if (*ret_new) {
        f->in.items[id].content = nv_hash(text, len);
        for (uint32_t i = 0; i <= len / 8; i++) {
            struct netvane_rec_string r = {.key = {(uint64_t)id << 32 | i}, .id = id, .len = len};
            assert_true(nv_draft_put(&f->d, NETVANE_TREE_STRINGS, &r));
        }
    }
    return id;
}

static uint32_t records(const struct fixture *f)
{
    return f->d.tree[NETVANE_TREE_STRINGS].count;
}

static void equal_contents_share_one_id_and_different_ones_do_not(void **state)
{
    (void)state;
    struct fixture f;
    bool is_new;
    start(&f);
    uint32_t a = get(&f, "fq_codel", &is_new);
    assert_true(is_new);
    uint32_t b = get(&f, "noqueue", &is_new);
    assert_true(is_new);
    assert_int_not_equal(a, b);
    assert_int_equal(get(&f, "fq_codel", &is_new), a);
    assert_false(is_new);
    assert_int_equal(get(&f, "noqueue", &is_new), b);
    assert_false(is_new);
    uint32_t c = get(&f, "fq_code", &is_new); /* a prefix is another content */
    assert_true(is_new);
    assert_int_not_equal(c, a);
    end(&f);
}

static void unused_content_keeps_its_id_and_records_until_it_is_collected(void **state)
{
    (void)state;
    struct fixture f;
    bool is_new;
    start(&f);
    uint32_t id = get(&f, "bridge", &is_new);
    nv_intern_unref(&f.in, id);
    assert_int_equal(records(&f), 1);
    assert_int_equal(get(&f, "bridge", &is_new), id); /* it comes back to life */
    assert_false(is_new);
    nv_intern_collect(&f.in, &f.d);
    assert_int_equal(f.dropped, 0);
    assert_int_equal(records(&f), 1);
    nv_intern_unref(&f.in, id);
    nv_intern_collect(&f.in, &f.d);
    assert_int_equal(f.dropped, 1);
    assert_string_equal(f.last_dropped, "bridge");
    assert_int_equal(records(&f), 0);
    nv_intern_collect(&f.in, &f.d);
    assert_int_equal(f.dropped, 1);
    end(&f);
}

static void references_are_counted(void **state)
{
    (void)state;
    struct fixture f;
    bool is_new;
    start(&f);
    uint32_t id = get(&f, "vlan", &is_new);
    nv_intern_ref(&f.in, id);
    nv_intern_ref(&f.in, id);
    for (unsigned i = 0; i < 2; i++) {
        nv_intern_unref(&f.in, id);
        nv_intern_collect(&f.in, &f.d);
        assert_int_equal(f.dropped, 0);
    }
    nv_intern_unref(&f.in, id);
    nv_intern_collect(&f.in, &f.d);
    assert_int_equal(f.dropped, 1);
    nv_intern_ref(&f.in, 0); /* "nothing" has no count */
    nv_intern_unref(&f.in, 0);
    assert_int_equal(nv_intern_content(&f.in, 0), 0);
    end(&f);
}

static void content_that_was_collected_is_new_when_it_returns(void **state)
{
    (void)state;
    struct fixture f;
    bool is_new;
    start(&f);
    uint32_t id = get(&f, "wireguard", &is_new);
    nv_intern_unref(&f.in, id);
    nv_intern_collect(&f.in, &f.d);
    uint32_t again = get(&f, "wireguard", &is_new);
    assert_true(is_new);
    assert_int_equal(nv_intern_content(&f.in, again), nv_hash("wireguard", 9));
    assert_int_equal(records(&f), 2);
    end(&f);
}

static void all_records_of_a_content_go_with_it_and_no_others(void **state)
{
    (void)state;
    struct fixture f;
    bool is_new;
    start(&f);
    (void)get(&f, "before", &is_new);
    uint32_t id = get(&f, "a content of more than one record", &is_new);
    (void)get(&f, "after", &is_new);
    assert_int_equal(records(&f), 1 + 5 + 1);
    nv_intern_unref(&f.in, id);
    nv_intern_collect(&f.in, &f.d);
    assert_int_equal(records(&f), 2);
    assert_null(fake_arena_fault(&f.d));
    end(&f);
}

static void random_use_agrees_with_a_plain_table(void **state)
{
    (void)state;
    enum { TEXTS = 700, STEPS = 40000 };
    struct fixture f;
    static uint32_t refs[TEXTS], ids[TEXTS];
    memset(refs, 0, sizeof(refs));
    start(&f);
    uint64_t rnd = fake_seed();
    for (unsigned step = 0; step < STEPS; step++) {
        char text[32];
        unsigned n = fake_random(&rnd, TEXTS), what = fake_random(&rnd, 100);
        snprintf(text, sizeof(text), "text number %u", n);
        if (what < (step / 8000 % 2 ? 35u : 60u)) {
            bool is_new;
            uint32_t id = get(&f, text, &is_new);
            if (refs[n]++) {
                assert_false(is_new);
                assert_int_equal(id, ids[n]);
            }
            ids[n] = id;
        } else if (what < 98 && refs[n]) {
            nv_intern_unref(&f.in, ids[n]);
            refs[n]--;
        } else if (what >= 98) {
            nv_intern_collect(&f.in, &f.d);
            uint32_t used = 0, want = 0;
            for (unsigned i = 0; i < TEXTS; i++) {
                snprintf(text, sizeof(text), "text number %u", i);
                if (refs[i]) {
                    used++;
                    want += (uint32_t)strlen(text) / 8u + 1u;
                    assert_int_equal(f.in.items[ids[i]].refs, refs[i]);
                    assert_memory_equal(f.in.items[ids[i]].bytes, text, strlen(text));
                }
            }
            assert_int_equal(f.in.table_used, used);
            assert_int_equal(records(&f), want);
        }
    }
    assert_null(fake_arena_fault(&f.d));
    end(&f);
}

static void what_there_is_no_room_to_delete_is_deleted_later(void **state)
{
    (void)state;
    struct fixture f;
    bool is_new, expired = false;
    start(&f);
    nv_write_horizon(f.mem.base, 1);
    uint32_t ids[20];
    for (unsigned i = 0; i < 20; i++) {
        char text[16];
        snprintf(text, sizeof(text), "content %u", i);
        ids[i] = get(&f, text, &is_new);
    }
    uint32_t all = records(&f);
    for (unsigned i = 0; i < 20; i++)
        nv_intern_unref(&f.in, ids[i]);
    f.mem.fail_from = f.mem.grows + 1;
    uint32_t hoard[8192];
    unsigned n = 0;
    assert_int_equal(nv_arena_reserve(&f.d.arena, f.d.arena.free_count, &expired), 0);
    while (f.d.arena.free_count) {
        hoard[n] = nv_arena_take(&f.d.arena);
        nv_arena_node_rw(&f.d.arena, hoard[n++])->version = f.d.arena.draft;
    }
    nv_intern_collect(&f.in, &f.d);
    assert_int_equal(f.dropped, 0);
    assert_int_equal(records(&f), all);
    assert_int_equal(f.in.zero_count, 20);
    while (n)
        nv_arena_retire(&f.d.arena, hoard[--n]);
    nv_intern_collect(&f.in, &f.d);
    assert_int_equal(f.dropped, 20);
    assert_int_equal(records(&f), 0);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_contents_share_one_id_and_different_ones_do_not),
        cmocka_unit_test(unused_content_keeps_its_id_and_records_until_it_is_collected),
        cmocka_unit_test(references_are_counted),
        cmocka_unit_test(content_that_was_collected_is_new_when_it_returns),
        cmocka_unit_test(all_records_of_a_content_go_with_it_and_no_others),
        cmocka_unit_test(random_use_agrees_with_a_plain_table),
        cmocka_unit_test(what_there_is_no_room_to_delete_is_deleted_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
