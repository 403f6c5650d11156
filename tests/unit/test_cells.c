/* SPDX-License-Identifier: MIT */
/*
 * test_cells.c - proves that writer/cells.c gives out cells that lie apart, never one that a readable version can reach, and
 * that each unit of an extent is somewhere: in use, waiting, free or not cut yet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nv/proto.h"
#include "tests/fake/fake_writer.h"
#include "writer/cells.h"
#include "writer/limits.h"

#define MAX_BYTES  (UINT64_C(64) << 20)
#define CUT_BYTES  (NETVANE_EXTENT_BYTES - NETVANE_CELL_MAX) /* of an extent */
#define INFO_BYTES ((uint32_t)sizeof(struct netvane_region_info))
#define INFO       0u /* in place of a number of bytes */

struct fixture {
    struct fake_memory mem;
    struct nv_arena a;
    struct nv_cells c;
};

/* One cell that the test has, and the word that it wrote there. */
struct cell {
    uint32_t ref, bytes;
    uint64_t mark;
};

static void start_with(struct fixture *f, uint64_t max_bytes)
{
    memset(f, 0, sizeof(*f));
    fake_memory_map(&f->mem, max_bytes);
    assert_int_equal(nv_arena_init(&f->a, f->mem.base, max_bytes, fake_memory_grow, &f->mem, 1), 0);
    nv_cells_init(&f->c, &f->a);
}

static void start(struct fixture *f)
{
    start_with(f, MAX_BYTES);
}

static void end(struct fixture *f)
{
    nv_cells_destroy(&f->c);
    nv_arena_destroy(&f->a);
    fake_memory_free(&f->mem);
}

static uint32_t take(struct fixture *f, uint32_t bytes)
{
    bool expired = false;
    assert_true(nv_cells_reserve(&f->c, &expired));
    return bytes == INFO ? nv_cells_take_info(&f->c) : nv_cells_take(&f->c, bytes);
}

static void give(struct fixture *f, uint32_t ref, uint32_t bytes)
{
    if (bytes == INFO)
        nv_cells_give_info(&f->c, ref);
    else
        nv_cells_give(&f->c, ref, bytes);
}

/* What commit.c does with a version: cells first, then the next draft. */
static void publish(struct fixture *f)
{
    nv_arena_next_draft(&f->a);
    nv_cells_published(&f->c);
}

static uint32_t some_bytes(uint64_t *rnd)
{
    return fake_random(rnd, 8) ? 4 * (1 + fake_random(rnd, NETVANE_CELL_MAX / 4)) : INFO;
}

static uint64_t size_of(uint32_t bytes)
{
    return bytes == INFO ? INFO_BYTES : (bytes + 15u) / 16u * 16u;
}

static uint64_t chain_bytes(const struct nv_cells *c, uint32_t list)
{
    uint64_t bytes = 0;
    for (uint32_t ref = c->free[list]; ref;
         ref = nv_load32(nv_cell_rw(c, ref), memory_order_relaxed))
        bytes += list ? (uint64_t)list * NETVANE_CELL_UNIT : INFO_BYTES;
    return bytes;
}

static uint64_t limbo_bytes(const struct nv_cells *c)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < c->limbo_count; i++) {
        const struct nv_cell_limbo *l = &c->limbo[(c->limbo_head + i) % c->limbo_capacity];
        bytes += l->units ? (uint64_t)l->units * NETVANE_CELL_UNIT : INFO_BYTES;
    }
    return bytes;
}

/* live: bytes of the cells that the test has. */
static void assert_accounted(const struct fixture *f, uint64_t live)
{
    const struct nv_cells *c = &f->c;
    const uint64_t extents = f->a.lent * (uint64_t)NETVANE_NODE_BYTES / NETVANE_EXTENT_BYTES;
    uint64_t all = live + limbo_bytes(c);
    assert_true(c->bytes_used == all);
    assert_int_equal(c->bytes_lost, 0);
    for (uint32_t list = 0; list <= NV_CELL_UNITS_MAX; list++)
        all += chain_bytes(c, list);
    all += (uint64_t)(c->rest_end - c->rest) * NETVANE_CELL_UNIT;
    assert_true(all == (extents - c->spares) * CUT_BYTES);
}

static bool is_free(const struct nv_cells *c, uint32_t ref, uint32_t bytes)
{
    const uint32_t list = bytes == INFO ? 0 : nv_cell_units(bytes);
    for (uint32_t at = c->free[list]; at; at = nv_load32(nv_cell_rw(c, at), memory_order_relaxed))
        if (at == ref)
            return true;
    return false;
}

/* ---- taking ------------------------------------------------------------------------------------------------ */

static void cells_lie_apart_and_a_reader_may_look_at_the_largest_size_of_each(void **state)
{
    (void)state;
    enum { CELLS = 4000 };
    struct fixture f;
    uint64_t rnd = fake_seed(), live = 0;
    start(&f);
    unsigned char *seen = calloc(MAX_BYTES / NETVANE_CELL_UNIT, 1);
    assert_non_null(seen);
    for (unsigned i = 0; i < CELLS; i++) {
        const uint32_t bytes = some_bytes(&rnd), ref = take(&f, bytes);
        const uint64_t at = nv_cell_offset(ref), size = size_of(bytes);
        assert_true(ref && at >= NETVANE_ARENA_OFFSET);
        assert_int_equal(at % (bytes == INFO ? INFO_BYTES : 16u), 0);
        assert_true(at / NETVANE_EXTENT_BYTES == (at + size - 1) / NETVANE_EXTENT_BYTES);
        /* In its own extent, so that this is backed whatever comes behind. */
        assert_true(at % NETVANE_EXTENT_BYTES + NETVANE_CELL_MAX <= NETVANE_EXTENT_BYTES);
        assert_true(at + NETVANE_CELL_MAX <= f.a.size_bytes);
        for (uint64_t k = at / NETVANE_CELL_UNIT; k < (at + size) / NETVANE_CELL_UNIT; k++) {
            assert_int_equal(seen[k], 0);
            seen[k] = 1;
        }
        live += size;
        if (i % 100 == 0)
            assert_accounted(&f, live);
    }
    assert_true(f.a.lent > 16 * NETVANE_EXTENT_BYTES / NETVANE_NODE_BYTES);
    free(seen);
    end(&f);
}

static void reference_0_leads_to_zeros_that_are_never_given_out(void **state)
{
    (void)state;
    static const unsigned char zeros[64 * sizeof(struct netvane_region_fan_slot)];
    struct fixture f;
    start(&f);
    assert_int_equal(nv_cell_offset(0), NETVANE_NOTHING_OFFSET);
    assert_true(NETVANE_NOTHING_OFFSET + sizeof(zeros) <= NETVANE_COUNTERS_OFFSET);
    assert_false(nv_cell_is_fresh(&f.c, 0)); /* before there is any extent, and then */
    for (unsigned i = 0; i < 1000; i++) {
        const uint32_t ref = take(&f, 640);
        assert_true(ref > 0);
        memset(nv_cell_rw(&f.c, ref), 0xff, 640);
    }
    assert_false(nv_cell_is_fresh(&f.c, 0));
    assert_memory_equal(nv_cell_rw(&f.c, 0), zeros, sizeof(zeros));
    end(&f);
}

static void extents_and_nodes_do_not_overlap_however_both_grow(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t rnd = fake_seed() + 1;
    start(&f);
    unsigned char *owner = calloc(MAX_BYTES / 16, 1);
    assert_non_null(owner);
    for (unsigned i = 0; i < 6000; i++) {
        bool expired = false;
        uint64_t at, size;
        if (fake_random(&rnd, 3)) {
            const uint32_t bytes = some_bytes(&rnd);
            at = nv_cell_offset(take(&f, bytes));
            size = size_of(bytes);
        } else {
            assert_int_equal(nv_arena_reserve(&f.a, 1, &expired), 0);
            at = (uint64_t)nv_arena_take(&f.a) * NETVANE_NODE_BYTES;
            size = NETVANE_NODE_BYTES;
        }
        assert_true(at + size <= f.a.size_bytes);
        for (uint64_t k = at / 16; k < (at + size) / 16; k++) {
            assert_int_equal(owner[k], 0);
            owner[k] = 1;
        }
    }
    assert_int_equal((uint64_t)f.a.used + f.a.free_count + f.a.limbo_count + f.a.lent,
                     (f.a.size_bytes - NETVANE_ARENA_OFFSET) / NETVANE_NODE_BYTES);
    assert_int_equal(nv_read_committed(f.mem.base), f.a.size_bytes);
    free(owner);
    end(&f);
}

/* ---- the draft's cells --------------------------------------------------------------------------------------- */

static void cell_of_the_draft_is_free_at_once_and_given_out_again(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {4, 16, 20, 256, 512, 636, 640, INFO};
    struct fixture f;
    start(&f);
    for (unsigned i = 0; i < NV_ARRAY_LEN(sizes); i++) {
        const uint32_t ref = take(&f, sizes[i]);
        assert_true(nv_cell_is_fresh(&f.c, ref));
        give(&f, ref, sizes[i]);
        assert_false(nv_cell_is_fresh(&f.c, ref));
        assert_int_equal(f.c.limbo_count, 0);
        assert_true(is_free(&f.c, ref, sizes[i]));
        assert_int_equal(take(&f, sizes[i]), ref);
        assert_true(nv_cell_is_fresh(&f.c, ref));
        give(&f, ref, sizes[i]);
    }
    assert_accounted(&f, 0);
    end(&f);
}

static void cells_that_a_version_shows_are_fresh_no_more(void **state)
{
    (void)state;
    /* Fewer than are noted, just as many, and more. */
    static const uint32_t counts[] = {
        0, 1, 64, NV_CELLS_NOTED - 1, NV_CELLS_NOTED, NV_CELLS_NOTED + 1, 5 * NV_CELLS_NOTED};
    static uint32_t refs[5 * NV_CELLS_NOTED];
    struct fixture f;
    start(&f);
    for (unsigned k = 0; k < NV_ARRAY_LEN(counts); k++) {
        for (uint32_t i = 0; i < counts[k]; i++) {
            refs[i] = take(&f, 16 * (1 + i % 40));
            assert_true(nv_cell_is_fresh(&f.c, refs[i]));
        }
        publish(&f);
        for (uint32_t i = 0; i < counts[k]; i++)
            assert_false(nv_cell_is_fresh(&f.c, refs[i]));
        const uint32_t next = take(&f, 16);
        assert_true(nv_cell_is_fresh(&f.c, next));
        assert_int_equal(f.c.noted_count, 1);
        publish(&f);
        assert_false(nv_cell_is_fresh(&f.c, next));
    }
    end(&f);
}

static void bytes_made_are_those_since_the_last_version(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    (void)take(&f, 256);
    (void)take(&f, INFO);
    assert_int_equal(f.c.bytes_made, 256 + INFO_BYTES);
    publish(&f);
    assert_int_equal(f.c.bytes_made, 0);
    end(&f);
}

/* ---- the horizon ------------------------------------------------------------------------------------------------ */

static void cell_that_a_readable_version_shows_waits_for_the_horizon(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {16, 640, INFO};
    for (unsigned i = 0; i < NV_ARRAY_LEN(sizes); i++) {
        struct fixture f;
        start(&f);
        const uint32_t ref = take(&f, sizes[i]); /* draft 1 */
        publish(&f);
        publish(&f);
        give(&f, ref, sizes[i]); /* by draft 3: versions 1 and 2 show it */
        assert_int_equal(f.c.limbo_count, 1);
        nv_cells_reclaim(&f.c, 1);
        nv_cells_reclaim(&f.c, 2);
        assert_false(is_free(&f.c, ref, sizes[i]));
        assert_true(take(&f, sizes[i]) != ref);
        nv_cells_reclaim(&f.c, 3);
        assert_true(is_free(&f.c, ref, sizes[i]));
        assert_int_equal(f.c.limbo_count, 0);
        assert_int_equal(take(&f, sizes[i]), ref);
        assert_accounted(&f, 2 * size_of(sizes[i]));
        end(&f);
    }
}

static void limbo_keeps_the_order_of_versions_through_growth_and_wrapping(void **state)
{
    (void)state;
    enum { CELLS = 3000 };
    struct fixture f;
    static struct cell live[CELLS];
    uint64_t rnd = fake_seed() + 2, horizon = 1, bytes = 0;
    unsigned n = 0;
    start(&f);
    for (unsigned step = 0; step < 40000; step++) {
        const unsigned what = fake_random(&rnd, 100);
        if (what < 52 && n < CELLS) {
            live[n].bytes = some_bytes(&rnd);
            live[n].ref = take(&f, live[n].bytes);
            bytes += size_of(live[n++].bytes);
        } else if (what < 94 && n) {
            const unsigned i = fake_random(&rnd, n);
            give(&f, live[i].ref, live[i].bytes);
            bytes -= size_of(live[i].bytes);
            live[i] = live[--n];
        } else if (what < 98) {
            publish(&f);
        } else if (horizon + 1 < f.a.draft) {
            horizon += fake_random(&rnd, (uint32_t)(f.a.draft - horizon));
            nv_cells_reclaim(&f.c, horizon);
        }
        if (step % 997)
            continue;
        for (uint32_t i = 0; i < f.c.limbo_count; i++) {
            const struct nv_cell_limbo *l = &f.c.limbo[(f.c.limbo_head + i) % f.c.limbo_capacity];
            assert_true(l->last_version >= horizon);
            if (i)
                assert_true(l->last_version >=
                            f.c.limbo[(f.c.limbo_head + i - 1) % f.c.limbo_capacity].last_version);
        }
        assert_accounted(&f, bytes);
    }
    assert_true(f.c.limbo_count > 0);
    end(&f);
}

/*
 * Versions whose cells the draft replaces by copies, or edits in place where they are fresh; now and then it is held back for
 * a while. All that a readable version shows stays as it was.
 */
static void nothing_readable_is_ever_written_by_a_random_writer(void **state)
{
    (void)state;
    enum { LIVE = 300, KEPT = 8, STEPS = 3000 };
    static struct cell shown[KEPT][LIVE], live[LIVE], held[LIVE];
    struct fixture f;
    uint64_t rnd = fake_seed() + 3, next = 1, horizon = 1, bytes = 0;
    start(&f);
    for (unsigned i = 0; i < LIVE; i++) {
        live[i] = (struct cell){.bytes = some_bytes(&rnd)};
        live[i].ref = take(&f, live[i].bytes);
        bytes += size_of(live[i].bytes);
    }
    for (unsigned step = 0; step < STEPS; step++) {
        for (unsigned e = fake_random(&rnd, 40); e; e--) {
            struct cell *at = &live[fake_random(&rnd, LIVE)];
            if (!nv_cell_is_fresh(&f.c, at->ref)) {
                const uint32_t bytes_now = some_bytes(&rnd), to = take(&f, bytes_now);
                give(&f, at->ref, at->bytes);
                bytes += size_of(bytes_now) - size_of(at->bytes);
                *at = (struct cell){.ref = to, .bytes = bytes_now};
            }
            at->mark = next++;
            memcpy(nv_cell_rw(&f.c, at->ref), &at->mark, 8);
        }
        const bool let_go = f.c.held && !fake_random(&rnd, 10);
        if (let_go)
            nv_cells_let_go(&f.c);
        const uint64_t v = f.a.draft;
        memcpy(shown[v % KEPT], f.c.held ? held : live, sizeof(live));
        publish(&f);
        if (!f.c.held && !let_go && !fake_random(&rnd, 20)) {
            memcpy(held, live, sizeof(held));
            f.c.held = true;
        }
        horizon = v >= KEPT ? v - KEPT + 1 : 1;
        nv_cells_reclaim(&f.c, horizon);
        for (uint64_t w = horizon; w <= v; w++) {
            for (unsigned i = 0; i < LIVE; i++) {
                const struct cell *s = &shown[w % KEPT][i];
                uint64_t seen;
                memcpy(&seen, nv_cell_rw(&f.c, s->ref), 8);
                if (s->mark)
                    assert_true(seen == s->mark);
            }
        }
        if (step % 100 == 0)
            assert_accounted(&f, bytes);
    }
    end(&f);
}

/* ---- holding back -------------------------------------------------------------------------------------------------- */

static void cells_of_a_draft_that_is_held_back_stay_fresh_over_versions(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    const uint32_t old = take(&f, 32);
    publish(&f); /* version 1 shows old, and so do those that follow */
    f.c.held = true;
    const uint32_t mine = take(&f, 32), other = take(&f, 48);
    publish(&f);
    publish(&f);
    assert_true(nv_cell_is_fresh(&f.c, mine)); /* nobody has seen it */
    give(&f, other, 48);
    assert_true(is_free(&f.c, other, 48));
    give(&f, old, 32); /* shown by each version until it is let go */
    publish(&f);
    nv_cells_reclaim(&f.c, f.a.draft - 1);
    assert_false(is_free(&f.c, old, 32));
    const uint64_t last = f.a.draft - 1; /* the last version that shows it */
    nv_cells_let_go(&f.c);
    assert_true(nv_cell_is_fresh(&f.c, mine));
    publish(&f);
    assert_false(nv_cell_is_fresh(&f.c, mine));
    nv_cells_reclaim(&f.c, last);
    assert_false(is_free(&f.c, old, 32));
    nv_cells_reclaim(&f.c, last + 1);
    assert_true(is_free(&f.c, old, 32));
    assert_accounted(&f, size_of(32));
    end(&f);
}

static void letting_go_leaves_alone_what_was_given_before_it_was_held(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    const uint32_t early = take(&f, 32), late = take(&f, 32);
    publish(&f);
    give(&f, early, 32); /* version 1 shows it */
    publish(&f);
    f.c.held = true;
    give(&f, late, 32);
    publish(&f);
    publish(&f);
    nv_cells_let_go(&f.c); /* version 4 shows it last */
    nv_cells_let_go(&f.c); /* that nothing is held is no matter */
    nv_cells_reclaim(&f.c, 2);
    assert_true(is_free(&f.c, early, 32));
    nv_cells_reclaim(&f.c, 4);
    assert_false(is_free(&f.c, late, 32));
    nv_cells_reclaim(&f.c, 5);
    assert_true(is_free(&f.c, late, 32));
    end(&f);
}

/* ---- no room -------------------------------------------------------------------------------------------------------- */

static void room_for_one_edit_is_there_once_it_was_reserved(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t rnd = fake_seed() + 4;
    start(&f);
    for (unsigned round = 0; round < 400; round++) {
        bool expired = false;
        assert_true(nv_cells_reserve(&f.c, &expired));
        f.mem.fail_from = f.mem.grows + 1; /* whatever the edit takes, the file does not grow */
        for (unsigned i = 0; i < 3; i++)
            (void)nv_cells_take(&f.c, 32 * 16);
        for (unsigned i = 0; i < 23; i++)
            (void)nv_cells_take(&f.c, 4 * (1 + fake_random(&rnd, NETVANE_CELL_MAX / 4)));
        for (unsigned i = 0; i < 5; i++)
            (void)nv_cells_take_info(&f.c);
        f.mem.fail_from = 0;
        assert_false(expired);
    }
    end(&f);
}

static void without_room_reserve_fails_and_what_there_is_stays_usable(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t bytes = 0;
    bool expired = false;
    start(&f);
    const uint32_t shown = take(&f, 640);
    bytes += size_of(640);
    publish(&f);
    nv_write_horizon(f.mem.base, 1);
    f.mem.fail_from = f.mem.grows + 1;
    while (nv_cells_reserve(&f.c, &expired)) {
        (void)nv_cells_take(&f.c, 640);
        bytes += size_of(640);
    }
    assert_false(expired); /* version 1 is the newest: it has to stay */
    assert_accounted(&f, bytes);
    const uint64_t committed = nv_read_committed(f.mem.base);
    give(&f, shown, 640);
    assert_false(nv_cells_reserve(&f.c, &expired));
    assert_false(is_free(&f.c, shown, 640));
    publish(&f);
    assert_false(
        nv_cells_reserve(&f.c, &expired)); /* no extent, but all versions below the newest go */
    assert_true(expired);
    assert_int_equal(nv_read_word(f.mem.base, NV_HOT(horizon)), 2);
    assert_true(is_free(&f.c, shown, 640));
    expired = false;
    assert_false(nv_cells_reserve(&f.c, &expired)); /* once is enough */
    assert_false(expired);
    assert_true(nv_read_committed(f.mem.base) == committed);
    assert_accounted(&f, bytes - size_of(640));
    f.mem.fail_from = 0; /* memory is back */
    assert_true(nv_cells_reserve(&f.c, &expired));
    assert_true(nv_read_committed(f.mem.base) >= committed + NETVANE_EXTENT_BYTES);
    end(&f);
}

static void extents_come_in_runs_as_long_as_all_before_but_for_a_limit(void **state)
{
    (void)state;
    struct fixture f;
    bool expired = false;
    start(&f);
    for (uint32_t opened = 0, most = 0; opened < 200;) {
        const uint32_t before = f.c.opened;
        const uint64_t size = f.a.size_bytes;
        assert_true(nv_cells_reserve(&f.c, &expired));
        if (f.c.opened != before) {
            const uint32_t run = f.c.opened - before;
            assert_int_equal(run, before + 1 < NV_CELLS_SPARES ? before + 1 : NV_CELLS_SPARES);
            assert_true(run >= most);
            assert_true(nv_cell_offset(f.c.spare) == size); /* one behind the other, at the end */
            assert_true(f.a.size_bytes == size + run * (uint64_t)NETVANE_EXTENT_BYTES);
            most = run;
        }
        opened = f.c.opened;
        (void)nv_cells_take(&f.c, NETVANE_CELL_MAX);
    }
    end(&f);
}

static void file_never_grows_past_its_limit(void **state)
{
    (void)state;
    struct fixture f;
    bool expired = false;
    uint64_t bytes = 0;
    start_with(&f, NETVANE_ARENA_OFFSET + NV_GROW_BYTES + 2 * NETVANE_EXTENT_BYTES + 4096);
    for (; nv_cells_reserve(&f.c, &expired); bytes += 640)
        (void)nv_cells_take(&f.c, 640);
    assert_int_equal(f.a.lent, 2 * NETVANE_EXTENT_BYTES / NETVANE_NODE_BYTES);
    assert_int_equal(f.a.size_bytes, f.mem.max_bytes - 4096);
    assert_true(bytes > NETVANE_EXTENT_BYTES / 2);
    assert_accounted(&f, bytes);
    end(&f);
}

static unsigned far_grows;

static int grow_far(void *arg, uint64_t size_bytes)
{
    (void)arg;
    (void)size_bytes;
    far_grows++;
    return 0;
}

static void extent_that_no_reference_could_lead_to_is_not_taken(void **state)
{
    (void)state;
    struct fixture f;
    bool expired = false;
    start(&f);
    struct nv_arena far = f.a;
    far.size_bytes = UINT64_C(34) << 30;
    far.max_bytes = UINT64_C(64) << 30;
    far.grow = grow_far;
    f.c.arena = &far;
    far_grows = 0;
    for (unsigned i = 0; i < 3; i++)
        assert_false(nv_cells_reserve(&f.c, &expired));
    assert_int_equal(far_grows, 0);
    assert_true(far.size_bytes == UINT64_C(34) << 30);
    f.c.arena = &f.a;
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_lie_apart_and_a_reader_may_look_at_the_largest_size_of_each),
        cmocka_unit_test(reference_0_leads_to_zeros_that_are_never_given_out),
        cmocka_unit_test(extents_and_nodes_do_not_overlap_however_both_grow),
        cmocka_unit_test(cell_of_the_draft_is_free_at_once_and_given_out_again),
        cmocka_unit_test(cells_that_a_version_shows_are_fresh_no_more),
        cmocka_unit_test(bytes_made_are_those_since_the_last_version),
        cmocka_unit_test(cell_that_a_readable_version_shows_waits_for_the_horizon),
        cmocka_unit_test(limbo_keeps_the_order_of_versions_through_growth_and_wrapping),
        cmocka_unit_test(nothing_readable_is_ever_written_by_a_random_writer),
        cmocka_unit_test(cells_of_a_draft_that_is_held_back_stay_fresh_over_versions),
        cmocka_unit_test(letting_go_leaves_alone_what_was_given_before_it_was_held),
        cmocka_unit_test(room_for_one_edit_is_there_once_it_was_reserved),
        cmocka_unit_test(without_room_reserve_fails_and_what_there_is_stays_usable),
        cmocka_unit_test(extents_come_in_runs_as_long_as_all_before_but_for_a_limit),
        cmocka_unit_test(file_never_grows_past_its_limit),
        cmocka_unit_test(extent_that_no_reference_could_lead_to_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
