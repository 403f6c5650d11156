/* SPDX-License-Identifier: MIT */
/*
 * test_infos.c - proves that writer/infos.c stores each content once, and gives back just what nothing refers to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "nv/lpm.h"
#include "tests/fake/fake_writer.h"
#include "writer/infos.h"

#define MAX_BYTES (UINT64_C(64) << 20)
#define MANY      20000u

struct fixture {
    struct fake_memory mem;
    struct nv_arena a;
    struct nv_cells c;
    struct nv_infos in;
};

static uint32_t values[MANY];

static void start(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    fake_memory_map(&f->mem, MAX_BYTES);
    assert_int_equal(nv_arena_init(&f->a, f->mem.base, MAX_BYTES, fake_memory_grow, &f->mem, 1), 0);
    nv_cells_init(&f->c, &f->a);
}

static void end(struct fixture *f)
{
    nv_infos_destroy(&f->in);
    nv_cells_destroy(&f->c);
    nv_arena_destroy(&f->a);
    fake_memory_free(&f->mem);
}

static void publish(struct fixture *f)
{
    nv_arena_next_draft(&f->a);
    nv_cells_published(&f->c);
}

static struct netvane_region_info numbered(uint32_t i)
{
    struct netvane_region_info info = {.metric = i, .type = 1, .ifindex = 2 + i % 7};
    info.gateway[0] = (uint8_t)(i >> 3);
    return info;
}

static uint32_t get(struct fixture *f, const struct netvane_region_info *info)
{
    bool expired = false;
    assert_true(nv_cells_reserve(&f->c, &expired));
    const uint32_t value = nv_infos_get(&f->in, &f->c, info);
    struct netvane_region_info back;
    assert_int_equal(nv_lpm_info(f->mem.base, f->a.size_bytes, value, &back), NV_TREE_OK);
    assert_memory_equal(&back, info, sizeof(back));
    assert_int_equal(value & ~NETVANE_FV_INFO, 0);
    return value;
}

static uint32_t get_numbered(struct fixture *f, uint32_t i)
{
    const struct netvane_region_info info = numbered(i);
    return get(f, &info);
}

/* Marks every nth of values[0..count), as fans and nodes do: with lengths and conditions in the low bits. */
struct every {
    uint32_t nth, count;
};

static void mark_every(void *arg, struct nv_info_marks *marks)
{
    const struct every *e = arg;
    for (uint32_t i = 0; e->nth && i < e->count; i += e->nth)
        for (uint32_t times = 0; times <= i % 3; times++)
            nv_infos_mark(marks, values[i] | (i % 64));
}

static void fill(struct fixture *f, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        values[i] = get_numbered(f, i);
}

/* ---- tests ------------------------------------------------------------------------------------------------- */

static void equal_content_has_one_value_and_other_content_another(void **state)
{
    (void)state;
    struct fixture f;
    struct netvane_region_info info = numbered(1);
    start(&f);
    const uint32_t value = get(&f, &info);
    assert_int_equal(get(&f, &info), value);
    for (unsigned i = 0; i < sizeof(info); i++) {
        ((unsigned char *)&info)[i] ^= 0x40;
        assert_true(get(&f, &info) != value);
        ((unsigned char *)&info)[i] ^= 0x40;
    }
    assert_int_equal(get(&f, &info), value);
    assert_int_equal(f.in.count, 1 + sizeof(info));
    assert_true(f.c.bytes_used == (uint64_t)f.in.count * sizeof(info));
    end(&f);
}

static void values_stay_the_same_while_the_table_grows(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t rnd = fake_seed();
    start(&f);
    for (uint32_t i = 0; i < MANY; i++) {
        values[i] = get_numbered(&f, i);
        const uint32_t before = fake_random(&rnd, i + 1);
        assert_int_equal(get_numbered(&f, before), values[before]);
    }
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(get_numbered(&f, i), values[i]);
    assert_int_equal(f.in.count, MANY);
    assert_true(f.in.size >= 2 * MANY);
    end(&f);
}

static void collecting_keeps_what_is_marked_and_gives_back_the_rest(void **state)
{
    (void)state;
    for (uint32_t nth = 0; nth < 6; nth++) { /* 0: none is marked */
        struct fixture f;
        struct every e = {nth, MANY};
        start(&f);
        fill(&f, MANY);
        const uint32_t kept = nth ? (MANY + nth - 1) / nth : 0;
        nv_infos_collect(&f.in, &f.c, mark_every, &e);
        assert_int_equal(f.in.count, kept);
        assert_true(f.c.bytes_used == (uint64_t)kept * 64); /* the draft's are free at once */
        for (uint32_t i = 0; nth && i < MANY; i += nth)
            assert_int_equal(get_numbered(&f, i), values[i]);
        assert_int_equal(f.in.count, kept);
        const uint64_t size = f.a.size_bytes;
        fill(&f, MANY); /* into the cells that were given back */
        assert_int_equal(f.in.count, MANY);
        assert_true(f.a.size_bytes == size);
        end(&f);
    }
}

static void collected_info_that_a_version_shows_waits_for_the_horizon(void **state)
{
    (void)state;
    struct fixture f;
    struct every e = {2, 100};
    start(&f);
    fill(&f, 100);
    publish(&f); /* version 1 */
    nv_infos_collect(&f.in, &f.c, mark_every, &e);
    assert_int_equal(f.in.count, 50);
    assert_int_equal(f.c.limbo_count, 50);
    for (uint32_t i = 0; i < 100; i++) { /* what version 1 shows is as it was */
        const struct netvane_region_info info = numbered(i);
        assert_memory_equal(f.mem.base + values[i], &info, sizeof(info));
    }
    for (uint32_t i = 1; i < 100; i += 2) /* to have it again takes another cell */
        assert_true(get_numbered(&f, i) != values[i]);
    for (uint32_t i = 0; i < 100; i++) {
        const struct netvane_region_info info = numbered(i);
        assert_memory_equal(f.mem.base + values[i], &info, sizeof(info));
    }
    publish(&f);
    nv_cells_reclaim(&f.c, 2);
    assert_int_equal(f.c.limbo_count, 0);
    const uint32_t again = get_numbered(&f, 1000);
    bool known = false;
    for (uint32_t i = 1; i < 100; i += 2)
        known |= again == values[i];
    assert_true(known);
    end(&f);
}

/* Metrics that flap: each round all infos are others, and those of the last round are used no more. */
static void infos_that_come_and_go_for_ever_take_no_more_and_more_room(void **state)
{
    (void)state;
    enum { ROUNDS = 60, EACH = 1000 };
    struct fixture f;
    struct every e = {1, EACH};
    unsigned collected = 0;
    uint64_t after_some = 0;
    start(&f);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < EACH; i++)
            values[i] = get_numbered(&f, round * EACH + i);
        if (nv_infos_worth_collecting(&f.in)) {
            nv_infos_collect(&f.in, &f.c, mark_every, &e);
            assert_int_equal(f.in.count, EACH);
            assert_false(nv_infos_worth_collecting(&f.in));
            collected++;
        }
        publish(&f);
        nv_cells_reclaim(&f.c, f.a.draft - 1);
        if (round == ROUNDS / 2)
            after_some = f.a.size_bytes;
    }
    assert_true(collected > 5 && collected < ROUNDS / 2); /* not each time */
    assert_true(f.a.size_bytes == after_some);
    end(&f);
}

static void few_infos_and_few_more_than_are_used_are_not_worth_collecting(void **state)
{
    (void)state;
    struct fixture f;
    struct every e = {1, 3 * NV_INFOS_LEAST};
    start(&f);
    fill(&f, NV_INFOS_LEAST);
    assert_false(nv_infos_worth_collecting(&f.in));
    fill(&f, 3 * NV_INFOS_LEAST);
    assert_true(nv_infos_worth_collecting(&f.in));
    nv_infos_collect(&f.in, &f.c, mark_every, &e); /* all are used */
    assert_int_equal(f.in.count, 3 * NV_INFOS_LEAST);
    assert_false(nv_infos_worth_collecting(&f.in));
    end(&f);
}

static void collecting_nothing_is_fine(void **state)
{
    (void)state;
    struct fixture f;
    struct every e = {0, 0};
    start(&f);
    nv_infos_collect(&f.in, &f.c, mark_every, &e);
    assert_int_equal(f.in.count, 0);
    (void)get_numbered(&f, 1);
    assert_int_equal(f.in.count, 1);
    end(&f);
}

static int grow_nothing(void *arg, uint64_t size_bytes)
{
    (void)arg;
    (void)size_bytes;
    return 0;
}

/* Values are offsets of 32 bits. */
static void info_past_4_gib_is_refused_and_its_cell_stays_free(void **state)
{
    (void)state;
    const uint64_t most = (UINT64_C(4) << 30) + 4 * NETVANE_EXTENT_BYTES;
    struct fixture f;
    bool expired = false;
    const struct netvane_region_info info = numbered(1);
    start(&f);
    void *base = mmap(NULL, most, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(base != MAP_FAILED);
    struct nv_arena far = {.base = base,
                           .size_bytes = UINT64_C(4) << 30,
                           .max_bytes = most,
                           .grow = grow_nothing,
                           .capacity = UINT32_MAX, /* no lists: nothing here takes a node */
                           .draft = 1};
    f.c.arena = &far;
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(nv_cells_reserve(&f.c, &expired));
        assert_int_equal(nv_infos_get(&f.in, &f.c, &info), 0);
    }
    assert_int_equal(f.in.count, 0);
    assert_int_equal(f.c.bytes_used, 0);
    /* One that was tried, and those that were opened at once behind it. */
    assert_int_equal(far.lent, 3 * NETVANE_EXTENT_BYTES / NETVANE_NODE_BYTES);
    f.c.arena = &f.a;
    munmap(base, most);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_content_has_one_value_and_other_content_another),
        cmocka_unit_test(values_stay_the_same_while_the_table_grows),
        cmocka_unit_test(collecting_keeps_what_is_marked_and_gives_back_the_rest),
        cmocka_unit_test(collected_info_that_a_version_shows_waits_for_the_horizon),
        cmocka_unit_test(infos_that_come_and_go_for_ever_take_no_more_and_more_room),
        cmocka_unit_test(few_infos_and_few_more_than_are_used_are_not_worth_collecting),
        cmocka_unit_test(collecting_nothing_is_fine),
        cmocka_unit_test(info_past_4_gib_is_refused_and_its_cell_stays_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
