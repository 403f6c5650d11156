/* SPDX-License-Identifier: MIT */
/*
 * test_lpm_edit.c - proves that a longest-prefix index is a list of prefixes: random edits against a plain one, lookups at
 * both ends of each prefix and anywhere; that each version stays as it was until the horizon; and that no cell is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/fake_prefixes.h"
#include "tests/fake/fake_writer.h"
#include "writer/lpm_edit.h"

#define MAX_BYTES (UINT64_C(64) << 20)

struct fixture {
    struct fake_memory mem;
    struct nv_arena a;
    struct nv_cells c;
    struct nv_lpm_editor e;
    struct nv_lpm_draft lpm;
    struct fake_prefixes *list;
    uint64_t rnd;
    struct nv_bits bases[6]; /* prefixes cluster around them */
};

static struct fake_prefixes draft_list;

static bool equal(struct nv_bits a, struct nv_bits b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

static uint32_t any(struct fixture *f, uint32_t below)
{
    return fake_random(&f->rnd, below);
}

static struct nv_bits any_bits(struct fixture *f)
{
    const uint64_t hi = (uint64_t)any(f, UINT32_MAX) << 32 | any(f, UINT32_MAX);
    const uint64_t lo = (uint64_t)any(f, UINT32_MAX) << 32 | any(f, UINT32_MAX);
    return fake_bits_cut((struct nv_bits){hi, lo}, f->list->bits);
}

static void start(struct fixture *f, unsigned bits, uint64_t seed)
{
    memset(f, 0, sizeof(*f));
    fake_memory_map(&f->mem, MAX_BYTES);
    assert_int_equal(nv_arena_init(&f->a, f->mem.base, MAX_BYTES, fake_memory_grow, &f->mem, 1), 0);
    nv_cells_init(&f->c, &f->a);
    f->e.cells = &f->c;
    f->list = &draft_list;
    f->list->bits = bits;
    f->list->count = 0;
    f->rnd = seed;
    for (unsigned i = 0; i < NV_ARRAY_LEN(f->bases); i++)
        f->bases[i] = any_bits(f);
    for (unsigned i = 3; i < NV_ARRAY_LEN(f->bases); i++) /* some share their beginning */
        f->bases[i].hi =
            (f->bases[i].hi & UINT64_MAX >> (8 * i)) | (f->bases[0].hi & ~(UINT64_MAX >> (8 * i)));
}

static void end(struct fixture *f)
{
    nv_cells_destroy(&f->c);
    nv_arena_destroy(&f->a);
    fake_memory_free(&f->mem);
}

static void publish(struct fixture *f)
{
    nv_lpm_seal(&f->e);
    nv_arena_next_draft(&f->a);
    nv_cells_published(&f->c);
}

static void reserve(struct fixture *f)
{
    bool expired = false;
    assert_true(nv_cells_reserve(&f->c, &expired));
}

/* ---- the list ---------------------------------------------------------------------------------------------- */

/* A value as infos have them: a multiple of 64, and maybe CONDITIONAL. */
static uint32_t value_of(uint32_t i)
{
    return NETVANE_ARENA_OFFSET + 64 * (i >> 1) + (i & 1u ? NETVANE_FV_CONDITIONAL : 0u);
}

static void set(struct fixture *f, struct nv_bits dst, unsigned len, uint32_t value)
{
    dst = fake_bits_cut(dst, len);
    assert_true(f->list->count < FAKE_PREFIXES_MAX || fake_prefixes_find(f->list, dst, len));
    fake_prefixes_put(f->list, dst, len, value);
    reserve(f);
    nv_lpm_set(&f->e, &f->lpm, dst, len, value);
}

static void clear(struct fixture *f, struct nv_bits dst, unsigned len)
{
    dst = fake_bits_cut(dst, len);
    fake_prefixes_remove(f->list, dst, len);
    reserve(f);
    nv_lpm_clear(&f->e, &f->lpm, dst, len, fake_prefixes_shorter, f->list);
}

/* ---- is the index the list? ----------------------------------------------------------------------------------- */

static void assert_finds(const struct nv_lpm *lpm, const struct fake_prefixes *l,
                         struct nv_bits dst)
{
    const struct fake_prefix *p = fake_prefixes_longest(l, dst);
    struct nv_lpm_hit hit = {1, 1};
    const int found = nv_lpm_find(lpm, dst, l->bits, &hit);
    assert_int_equal(found, p ? NV_TREE_OK : NV_TREE_END);
    assert_int_equal(hit.value & ~NETVANE_FV_LENGTH, p ? p->value : 0);
    if (p)
        assert_int_equal(hit.len, p->len);
}

static const unsigned ends[] = {5, 10, 16, 24};

/* Does a longer prefix stand in the first place of the fan, or leaf, that p's last bit lies in? */
static bool is_hidden(const struct fake_prefixes *l, const struct fake_prefix *p)
{
    unsigned level = 0;
    while (p->len > ends[level])
        level++;
    for (uint32_t i = 0; i < l->count; i++)
        if (l->at[i].len > p->len && l->at[i].len <= ends[level] &&
            equal(l->at[i].dst, fake_bits_cut(p->dst, l->at[i].len)))
            return true;
    return false;
}

static void assert_exact(const struct nv_lpm *lpm, const struct fake_prefixes *l,
                         const struct fake_prefix *p)
{
    uint32_t value = 1;
    const bool hidden = p->len && p->len <= NETVANE_LPM_LONG && is_hidden(l, p);
    assert_int_equal(nv_lpm_exact(lpm, p->dst, p->len, &value), hidden ? NV_TREE_END : NV_TREE_OK);
    assert_int_equal(value, hidden ? 0 : p->value | (p->len <= NETVANE_LPM_LONG ? p->len : 0));
}

static void assert_is(struct fixture *f, const struct nv_lpm_draft *root,
                      const struct fake_prefixes *l, unsigned lookups)
{
    nv_lpm_seal(&f->e);
    const struct nv_lpm lpm = nv_lpm_of_draft(&f->c, root);
    for (uint32_t i = 0; i < l->count; i++) {
        const struct fake_prefix *p = &l->at[i];
        assert_exact(&lpm, l, p);
        assert_finds(&lpm, l, p->dst);
        assert_finds(&lpm, l, fake_bits_last(p->dst, p->len, l->bits));
    }
    for (unsigned i = 0; i < lookups; i++) {
        struct nv_bits dst = any_bits(f);
        if (any(f, 4)) { /* near the others */
            const struct nv_bits base = f->bases[any(f, NV_ARRAY_LEN(f->bases))];
            const unsigned same = any(f, l->bits + 1);
            const struct nv_bits head = fake_bits_cut(base, same),
                                 mask = fake_bits_last((struct nv_bits){0, 0}, same, l->bits);
            dst = (struct nv_bits){head.hi | (dst.hi & mask.hi), head.lo | (dst.lo & mask.lo)};
        }
        assert_finds(&lpm, l, dst);
        struct fake_prefix p = {.len = any(f, l->bits + 1)};
        p.dst = fake_bits_cut(dst, p.len);
        uint32_t value;
        if (!fake_prefixes_find((struct fake_prefixes *)(uintptr_t)l, p.dst, p.len))
            assert_int_equal(nv_lpm_exact(&lpm, p.dst, p.len, &value), NV_TREE_END);
    }
}

/* Bytes of the cells under a node; an index has no empty one. */
static uint64_t node_bytes(const struct nv_cells *c, struct netvane_region_lpm_node n)
{
    const unsigned children = nv_popcount(n.children), prefixes = nv_popcount(n.prefixes);
    const unsigned char *block = nv_cell_rw(c, n.block);
    uint64_t bytes = (16u * children + 4u * prefixes + 15) / 16 * 16;
    assert_int_equal(!n.block, !(children + prefixes));
    for (unsigned i = 0; i < children; i++) {
        const struct netvane_region_lpm_node child = nv_lpm_node(nv_block_node(block, i));
        assert_true(child.children | child.prefixes);
        assert_int_equal(child.reserved, 0);
        bytes += node_bytes(c, child);
    }
    for (unsigned i = 0; i < prefixes; i++)
        assert_true(nv_load32(nv_block_value(block, n.children, i), memory_order_relaxed) != 0);
    return bytes;
}

static uint64_t leaf_bytes(const struct nv_cells *c, uint32_t ref)
{
    const unsigned char *leaf = nv_cell_rw(c, ref);
    const uint64_t own = (nv_lpm_leaf_bytes(leaf) + 15) / 16 * 16;
    uint64_t bytes = own;
    bool empty = true;
    for (unsigned g = 0; g < NETVANE_LPM_GROUPS; g++) {
        const struct netvane_region_leaf_group group = nv_leaf_group(leaf, g);
        if (!nv_group_node(group.place))
            continue;
        assert_true(16 * (nv_group_node(group.place) + 1) <= own);
        const struct netvane_region_lpm_node n = nv_lpm_node(nv_leaf_node(leaf, group));
        assert_true(n.children && !n.prefixes);
        bytes += node_bytes(c, n);
        empty = false;
    }
    for (unsigned i = 0; i < NV_LEAF_SLOTS; i++)
        empty &= !nv_leaf_value(leaf, i);
    assert_false(empty);
    return bytes;
}

static uint64_t fan_bytes(const struct nv_cells *c, uint32_t ref, unsigned level)
{
    if (!ref)
        return 0;
    if (level == NV_FANS)
        return leaf_bytes(c, ref);
    const unsigned slots = 1u << nv_fan_width(level);
    uint64_t bytes = 8 * slots;
    bool empty = true;
    for (unsigned i = 0; i < slots; i++) {
        const struct netvane_region_fan_slot s = nv_fan_slot(nv_cell_rw(c, ref), i);
        empty &= !s.child && !s.value;
        bytes += fan_bytes(c, s.child, level + 1);
    }
    assert_false(empty);
    return bytes;
}

static void assert_accounted(struct fixture *f)
{
    nv_lpm_seal(&f->e);
    uint64_t used = fan_bytes(&f->c, f->lpm.top, 0);
    for (uint32_t i = 0; i < f->c.limbo_count; i++)
        used += NETVANE_CELL_UNIT * f->c.limbo[(f->c.limbo_head + i) % f->c.limbo_capacity].units;
    assert_true(used == f->c.bytes_used);
}

/* ---- edits at random ------------------------------------------------------------------------------------------ */

static struct nv_bits some_prefix(struct fixture *f, unsigned *ret_len)
{
    const unsigned bits = f->list->bits;
    struct nv_bits dst = f->bases[any(f, NV_ARRAY_LEN(f->bases))];
    const unsigned len = any(f, 3)   ? any(f, bits + 1)
                         : any(f, 2) ? any(f, 26)
                                     : 15 + any(f, bits - 14);
    /* The last few bits are others, so that neighbours fill fans, nodes and blocks. */
    const unsigned from = len - (len < 7 ? len : any(f, 8));
    const struct nv_bits noise = any_bits(f), head = fake_bits_cut(dst, from),
                         mask = fake_bits_last((struct nv_bits){0, 0}, from, bits);
    dst = (struct nv_bits){head.hi | (noise.hi & mask.hi), head.lo | (noise.lo & mask.lo)};
    *ret_len = len;
    return fake_bits_cut(dst, len);
}

static void random_edits(struct fixture *f, unsigned steps, unsigned set_percent)
{
    for (unsigned i = 0; i < steps; i++) {
        unsigned len;
        const struct nv_bits dst = some_prefix(f, &len);
        if (any(f, 100) < set_percent && f->list->count < FAKE_PREFIXES_MAX) {
            set(f, dst, len, value_of(any(f, 1000)));
        } else if (f->list->count && any(f, 8)) {
            const struct fake_prefix p = f->list->at[any(f, f->list->count)];
            clear(f, p.dst, p.len);
        } else {
            clear(f, dst, len); /* mostly it is not there */
        }
    }
}

static const unsigned families[] = {32, 128};

/* ---- tests ----------------------------------------------------------------------------------------------------- */

static void index_is_the_list_of_its_prefixes_under_random_edits(void **state)
{
    (void)state;
    static const unsigned percents[] = {95, 60, 20, 80, 5, 0};
    const uint64_t seed = fake_seed();
    for (unsigned k = 0; k < NV_ARRAY_LEN(families); k++) {
        struct fixture f;
        start(&f, families[k], seed + k);
        for (unsigned p = 0; p < NV_ARRAY_LEN(percents); p++) {
            for (unsigned batch = 0; batch < 8; batch++) {
                random_edits(&f, 150, percents[p]);
                assert_is(&f, &f.lpm, f.list, 300);
                assert_accounted(&f);
                if (batch % 3 == 0)
                    publish(&f);
                if (batch % 5 == 0)
                    nv_cells_reclaim(&f.c, f.a.draft - 1);
            }
        }
        end(&f);
    }
}

static void every_version_of_an_index_stays_as_it_was_until_the_horizon(void **state)
{
    (void)state;
    enum { KEPT = 5, VERSIONS = 60 };
    static struct fake_prefixes lists[KEPT];
    struct nv_lpm_draft roots[KEPT];
    const uint64_t seed = fake_seed() + 10;
    for (unsigned k = 0; k < NV_ARRAY_LEN(families); k++) {
        struct fixture f;
        start(&f, families[k], seed + k);
        random_edits(&f, 600, 90);
        for (uint64_t v = 1; v <= VERSIONS; v++) {
            assert_true(f.a.draft == v);
            lists[v % KEPT] = *f.list;
            roots[v % KEPT] = f.lpm;
            publish(&f);
            const uint64_t horizon = v < KEPT ? 1 : v - KEPT + 2;
            nv_cells_reclaim(&f.c, horizon);
            random_edits(&f, 1 + any(&f, 60), (unsigned)(v % 3) * 45);
            for (uint64_t w = horizon; w <= v; w++)
                if (v % 4 == 0 || w == horizon)
                    assert_is(&f, &roots[w % KEPT], &lists[w % KEPT], 50);
            assert_accounted(&f);
        }
        end(&f);
    }
}

static void version_that_is_held_back_stays_as_it_was_while_others_are_published(void **state)
{
    (void)state;
    static struct fake_prefixes before;
    const uint64_t seed = fake_seed() + 20;
    for (unsigned k = 0; k < NV_ARRAY_LEN(families); k++) {
        struct fixture f;
        start(&f, families[k], seed + k);
        random_edits(&f, 500, 90);
        publish(&f);
        const struct nv_lpm_draft root = f.lpm;
        before = *f.list;
        f.c.held = true;
        for (unsigned v = 0; v < 20; v++) {
            random_edits(&f, 40, 50);
            publish(&f);
            nv_cells_reclaim(&f.c, f.a.draft - 1); /* only the newest is readable, and shows root */
            assert_is(&f, &root, &before, 30);
            assert_accounted(&f);
        }
        assert_is(&f, &f.lpm, f.list, 100);
        nv_cells_let_go(&f.c);
        const uint64_t last = f.a.draft - 1;
        publish(&f);
        nv_cells_reclaim(&f.c, last);
        random_edits(&f, 100, 50);
        assert_is(&f, &root, &before, 30); /* `last` may be read yet */
        assert_is(&f, &f.lpm, f.list, 100);
        end(&f);
    }
}

/* Each chain of prefixes of one address, cleared from the longest on: what is below comes to light. */
static void clearing_a_prefix_of_a_fan_or_leaf_uncovers_the_shorter_ones(void **state)
{
    (void)state;
    static const unsigned chains[][6] = {
        {1, 2, 3, 4, 5, 0}, {1, 5, 0},           {6, 8, 10, 0},           {0, 3, 6, 9, 0},
        {11, 12, 16, 0},    {2, 7, 13, 16, 0},   {5, 10, 16, 0},          {1, 6, 11, 17, 0},
        {4, 5, 20, 0},      {17, 18, 23, 24, 0}, {16, 17, 24, 25, 32, 0}, {19, 29, 0}};
    struct fixture f;
    start(&f, 32, fake_seed() + 30);
    for (unsigned c = 0; c < NV_ARRAY_LEN(chains); c++) {
        const struct nv_bits dst = any_bits(&f);
        unsigned n = 1;
        for (unsigned i = 0; i < n; i++) {
            set(&f, dst, chains[c][i], value_of(100 * c + i));
            n += i + 1 < 6 && chains[c][i + 1];
        }
        assert_is(&f, &f.lpm, f.list, 50);
        publish(&f);
        for (unsigned i = n; i-- > 0;) {
            clear(&f, dst, chains[c][i]);
            assert_is(&f, &f.lpm, f.list, 50);
        }
        assert_int_equal(f.lpm.top | f.lpm.def, 0);
        assert_accounted(&f);
    }
    end(&f);
}

/* An address that begins as the first base does. */
static struct nv_bits some_bits_of(struct fixture *f, unsigned same)
{
    const struct nv_bits head = fake_bits_cut(f->bases[0], same), noise = any_bits(f),
                         mask = fake_bits_last((struct nv_bits){0, 0}, same, f->list->bits);
    return (struct nv_bits){head.hi | (noise.hi & mask.hi), head.lo | (noise.lo & mask.lo)};
}

static void setting_a_prefix_leaves_alone_longer_ones_of_its_fan_or_leaf(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 32, fake_seed() + 40);
    for (unsigned level = 0; level < NV_ARRAY_LEN(ends); level++) {
        for (unsigned len = ends[level]; len > (level ? ends[level - 1] : 0); len--)
            for (unsigned i = 0; i < 5; i++)
                set(&f, level < 3 ? any_bits(&f) : some_bits_of(&f, 16), len,
                    value_of(10 * len + i));
        assert_is(&f, &f.lpm, f.list, 300);
    }
    end(&f);
}

static void clearing_what_is_not_there_changes_nothing(void **state)
{
    (void)state;
    const uint64_t seed = fake_seed() + 50;
    for (unsigned k = 0; k < NV_ARRAY_LEN(families); k++) {
        struct fixture f;
        start(&f, families[k], seed + k);
        for (unsigned len = 0; len <= families[k]; len++)
            clear(&f, f.bases[0], len); /* of an empty index */
        assert_int_equal(f.lpm.top | f.lpm.def, 0);
        assert_int_equal(f.c.bytes_used, 0);
        random_edits(&f, 300, 100);
        publish(&f);
        const struct nv_lpm_draft root = f.lpm;
        for (unsigned i = 0; i < 500; i++) {
            unsigned len;
            const struct nv_bits dst = some_prefix(&f, &len);
            if (len > NETVANE_LPM_LEAF && !fake_prefixes_find(f.list, dst, len))
                clear(&f, dst, len);
        }
        assert_int_equal(f.lpm.top, root.top);
        assert_int_equal(f.c.bytes_made, 0); /* not a cell was copied for a longer one */
        for (unsigned i = 0; i < 500; i++) {
            unsigned len;
            const struct nv_bits dst = some_prefix(&f, &len);
            if (!fake_prefixes_find(f.list, dst, len))
                clear(&f, dst, len);
        }
        assert_is(&f, &f.lpm, f.list, 200);
        assert_accounted(&f);
        end(&f);
    }
}

/* All 31 prefixes that a node can have, and all 32 nodes below it. */
static void block_can_be_full(void **state)
{
    (void)state;
    for (unsigned k = 0; k < NV_ARRAY_LEN(families); k++) {
        for (unsigned place = NETVANE_LPM_LONG; place < families[k] - 5; place += 15) {
            struct fixture f;
            start(&f, families[k], place);
            const struct nv_bits base = fake_bits_cut(f.bases[0], place);
            uint32_t n = 0;
            for (unsigned len = place; len <= place + 5; len++) {
                for (unsigned i = 0; i < 1u << (len - place); i++) {
                    struct nv_bits dst = base;
                    const unsigned shift = 128 - len;
                    if (shift >= 64)
                        dst.hi |= (uint64_t)i << (shift - 64);
                    else
                        dst.lo |= (uint64_t)i << shift;
                    if (shift < 64 && shift + (len - place) > 64)
                        dst.hi |= (uint64_t)i >> (64 - shift);
                    set(&f, dst, len, value_of(n++));
                }
            }
            assert_int_equal(n, 63);
            assert_int_equal(f.list->count, n);
            assert_is(&f, &f.lpm, f.list, 200);
            assert_accounted(&f);
            publish(&f);
            const struct nv_lpm_draft root = f.lpm;
            static struct fake_prefixes full;
            full = *f.list;
            while (f.list->count) { /* and empty again, in any order */
                const struct fake_prefix p = f.list->at[any(&f, f.list->count)];
                clear(&f, p.dst, p.len);
                if (f.list->count % 7 == 0)
                    assert_is(&f, &f.lpm, f.list, 20);
            }
            assert_int_equal(f.lpm.top, 0);
            assert_is(&f, &root, &full, 100);
            assert_accounted(&f);
            end(&f);
        }
    }
}

/* All 510 prefixes that a leaf can have, in any order, and a longer one in each group: the largest cell that there is. */
static void leaf_can_be_full(void **state)
{
    (void)state;
    enum { ALL = 510, GROUPS = 8 };
    for (unsigned k = 0; k < NV_ARRAY_LEN(families); k++) {
        for (unsigned sealed = 0; sealed < 2; sealed++) {
            struct fixture f;
            struct fake_prefix all[ALL + GROUPS];
            unsigned n = 0;
            start(&f, families[k], fake_seed() + 100 + k);
            for (unsigned len = 17; len <= 24; len++)
                for (unsigned i = 0; i < 1u << (len - 16); i++)
                    all[n++] = (struct fake_prefix){
                        {fake_bits_cut(f.bases[0], 16).hi | (uint64_t)i << (64 - len), 0}, len, 0};
            for (unsigned g = 0; g < GROUPS; g++)
                all[n++] = (struct fake_prefix){
                    {fake_bits_cut(f.bases[0], 16).hi | (uint64_t)g << 45, 0}, 25 + g % 7, 0};
            for (unsigned i = 0; i < n; i++) { /* shuffled */
                const unsigned j = i + any(&f, n - i);
                const struct fake_prefix p = all[j];
                all[j] = all[i];
                all[i] = p;
                set(&f, p.dst, p.len, value_of(i));
                if (sealed)
                    nv_lpm_seal(&f.e);
                if (i % 100 == 0)
                    assert_is(&f, &f.lpm, f.list, 20);
            }
            assert_is(&f, &f.lpm, f.list, 300);
            assert_accounted(&f);
            publish(&f);
            for (unsigned i = 0; i < n; i++) {
                clear(&f, all[n - 1 - i].dst, all[n - 1 - i].len);
                if (sealed)
                    nv_lpm_seal(&f.e);
                if (i % 50 == 0)
                    assert_is(&f, &f.lpm, f.list, 20);
            }
            nv_lpm_seal(&f.e);
            assert_int_equal(f.lpm.top, 0);
            assert_accounted(&f);
            end(&f);
        }
    }
}

struct asked {
    const struct fake_prefixes *list;
    unsigned times;
};

static uint32_t count_questions(void *arg, struct nv_bits dst, unsigned len)
{
    struct asked *a = arg;
    a->times++;
    return fake_prefixes_shorter((void *)(uintptr_t)a->list, dst, len);
}

static void routes_are_asked_only_for_lengths_that_a_leaf_may_hide(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 32, fake_seed() + 110);
    const struct nv_bits at = fake_bits_cut(f.bases[0], 16);
    const struct nv_bits other = {at.hi | UINT64_C(1) << 40, 0}; /* the next /24 */
    struct asked a = {.list = f.list};
    set(&f, at, 17, value_of(1));
    set(&f, at, 22, value_of(2));
    set(&f, at, 24, value_of(3));
    nv_lpm_clear(&f.e, &f.lpm, at, 24, count_questions, &a);
    assert_int_equal(a.times, 0); /* places beside it show the /22 */
    set(&f, at, 23, value_of(4));
    set(&f, at, 24, value_of(3));
    set(&f, other, 24, value_of(5)); /* no place is left to the /23 */
    nv_lpm_clear(&f.e, &f.lpm, at, 24, count_questions, &a);
    assert_int_equal(a.times, 1);
    fake_prefixes_remove(f.list, at, 24);
    assert_is(&f, &f.lpm, f.list, 200);
    end(&f);
}

static void leaf_of_the_draft_is_written_once_for_prefixes_in_order(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 32, fake_seed() + 120);
    const struct nv_bits at = fake_bits_cut(f.bases[0], 16);
    for (unsigned i = 0; i < 256; i++)
        set(&f, (struct nv_bits){at.hi | (uint64_t)i << 40, 0}, 24, value_of(i));
    assert_int_equal(f.c.bytes_made, 256 + 256 + 512);
    nv_lpm_seal(&f.e);
    assert_int_equal(f.c.bytes_made, 256 + 256 + 512 + 68 + 4 * 256);
    assert_is(&f, &f.lpm, f.list, 200);
    end(&f);
}

static void another_value_copies_the_leaf_and_nothing_else(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 32, fake_seed() + 130);
    const struct nv_bits at = fake_bits_cut(f.bases[0], 16), low = {at.hi | UINT64_C(5) << 40, 0};
    set(&f, at, 18, value_of(1));
    set(&f, low, 24, value_of(2));
    publish(&f);
    set(&f, low, 24, value_of(3));
    assert_null(f.e.of); /* nothing was opened for it */
    assert_int_equal(f.c.bytes_made, 256 + 256 + 512 + 68 + 4 * 4);
    set(&f, at, 18, value_of(4));
    assert_null(f.e.of);
    assert_int_equal(f.c.bytes_made, 256 + 256 + 512 + 68 + 4 * 4);
    assert_is(&f, &f.lpm, f.list, 200);
    /* Two that stand beside each other with one value share it: one of them cannot be changed alone. */
    set(&f, (struct nv_bits){at.hi | UINT64_C(6) << 40, 0}, 24, value_of(3));
    publish(&f);
    set(&f, low, 24, value_of(6));
    assert_non_null(f.e.of);
    assert_is(&f, &f.lpm, f.list, 200);
    assert_accounted(&f);
    end(&f);
}

static void removing_everything_in_any_order_leaves_nothing(void **state)
{
    (void)state;
    const uint64_t seed = fake_seed() + 60;
    for (unsigned k = 0; k < NV_ARRAY_LEN(families); k++) {
        for (unsigned seen = 0; seen < 2; seen++) {
            struct fixture f;
            start(&f, families[k], seed + k);
            for (unsigned round = 0; round < 3; round++) {
                random_edits(&f, 700, 100);
                if (seen)
                    publish(&f);
                while (f.list->count) {
                    const struct fake_prefix p = f.list->at[any(&f, f.list->count)];
                    clear(&f, p.dst, p.len);
                }
                assert_accounted(&f);
                assert_int_equal(f.lpm.top | f.lpm.def, 0);
                if (seen)
                    nv_cells_reclaim(&f.c, UINT64_MAX);
                assert_int_equal(f.c.bytes_used, 0);
            }
            end(&f);
        }
    }
}

static void dropping_an_index_gives_all_its_cells_back(void **state)
{
    (void)state;
    const uint64_t seed = fake_seed() + 70;
    for (unsigned k = 0; k < NV_ARRAY_LEN(families); k++) {
        struct fixture f;
        uint64_t size = 0;
        start(&f, families[k], seed + k);
        for (unsigned round = 0; round < 6; round++) {
            f.rnd = seed; /* each time the same prefixes */
            random_edits(&f, 700, 100);
            if (round == 1)
                size = f.a.size_bytes;
            const struct nv_lpm_draft root = f.lpm;
            if (round % 2)
                publish(&f);
            nv_lpm_drop(&f.e, &f.lpm);
            assert_int_equal(f.lpm.top | f.lpm.def, 0);
            if (round % 2) {
                assert_is(&f, &root, f.list, 50); /* it may be read yet */
                assert_accounted(&f);
                publish(&f);
                nv_cells_reclaim(&f.c, f.a.draft - 1);
            }
            assert_int_equal(f.c.bytes_used, 0);
            f.list->count = 0;
        }
        assert_true(f.a.size_bytes ==
                    size);         /* the later ones found room in what the first gave back */
        nv_lpm_drop(&f.e, &f.lpm); /* an empty one */
        end(&f);
    }
}

struct found {
    uint32_t values[1000];
};

static void count_value(void *arg, uint32_t value)
{
    struct found *x = arg;
    value &= ~NETVANE_FV_LENGTH;
    for (uint32_t i = 0; i < 1000; i++)
        if (value_of(i) == value) {
            x->values[i]++;
            return;
        }
    fail_msg("a value that nobody set");
}

static void all_values_are_found_that_a_prefix_shows_and_no_others(void **state)
{
    (void)state;
    const uint64_t seed = fake_seed() + 80;
    for (unsigned k = 0; k < NV_ARRAY_LEN(families); k++) {
        struct fixture f;
        static struct found x;
        start(&f, families[k], seed + k);
        random_edits(&f, 900, 70);
        set(&f, f.bases[0], 0, value_of(7));
        memset(&x, 0, sizeof(x));
        nv_lpm_values(&f.e, &f.lpm, count_value, &x);
        for (uint32_t i = 0; i < 1000; i++) {
            unsigned sure = 0, all = 0;
            for (uint32_t n = 0; n < f.list->count; n++) {
                all += f.list->at[n].value == value_of(i);
                sure += f.list->at[n].value == value_of(i) &&
                        (!f.list->at[n].len || f.list->at[n].len > NETVANE_LPM_LONG);
            }
            assert_true(x.values[i] >= sure);
            if (!all)
                assert_int_equal(x.values[i], 0);
        }
        end(&f);
    }
}

/* ---- cost ------------------------------------------------------------------------------------------------------- */

#define BLOCK_MAX (32 * 16 + 31 * 4)

static void edit_copies_its_way_once_and_nothing_more(void **state)
{
    (void)state;
    const uint64_t seed = fake_seed() + 90;
    for (unsigned k = 0; k < NV_ARRAY_LEN(families); k++) {
        struct fixture f;
        start(&f, families[k], seed + k);
        random_edits(&f, 900, 100);
        for (unsigned i = 0; i < 300; i++) {
            const struct fake_prefix p = f.list->at[any(&f, f.list->count)];
            const unsigned nodes =
                p.len <= NETVANE_LPM_LONG ? 0 : (p.len - NETVANE_LPM_NODES) / 5 + 1;
            publish(&f);
            set(&f, p.dst, p.len, value_of(any(&f, 1000)));
            nv_lpm_seal(&f.e);
            assert_true(f.c.bytes_made <=
                        256 + 256 + 512 + NETVANE_CELL_MAX + nodes * (uint64_t)BLOCK_MAX);
            if (p.len <= NETVANE_LPM_LEAF)
                assert_true(f.c.bytes_made <= 256 + 256 + 512);
            const uint64_t made = f.c.bytes_made;
            set(&f, p.dst, p.len, value_of(any(&f, 1000))); /* all of its way is the draft's */
            nv_lpm_seal(&f.e);
            if (p.len <= NETVANE_LPM_LEAF || p.len > NETVANE_LPM_LONG)
                assert_true(f.c.bytes_made == made);
            else /* a leaf may have become larger or smaller by a run */
                assert_true(f.c.bytes_made <= made + NETVANE_CELL_MAX);
        }
        end(&f);
    }
}

static void block_of_the_draft_stays_where_it_is_while_its_cell_has_room(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 32, 1);
    const struct nv_bits base = f.bases[0], sibling = {base.hi ^ UINT64_C(1) << 36, 0};
    set(&f, base, 28, value_of(1)); /* a value takes 4 bytes of a cell of 16 */
    const uint64_t made = f.c.bytes_made, used = f.c.bytes_used;
    for (unsigned len = 25; len < 28; len++)
        set(&f, base, len, value_of(len));
    assert_true(f.c.bytes_made == made && f.c.bytes_used == used);
    assert_is(&f, &f.lpm, f.list, 50);
    set(&f, sibling, 28, value_of(20));
    assert_true(f.c.bytes_made > made);
    assert_is(&f, &f.lpm, f.list, 50);
    const uint64_t more = f.c.bytes_made;
    for (unsigned len = 25; len < 28; len += 2) {
        clear(&f, base, len);
        assert_is(&f, &f.lpm, f.list, 50);
    }
    assert_true(f.c.bytes_made == more + 16); /* from 5 values to 4: a smaller cell */
    publish(&f);
    set(&f, base, 28, value_of(3)); /* a version shows it now: it is copied */
    assert_true(f.c.bytes_made > 0);
    assert_is(&f, &f.lpm, f.list, 50);
    assert_accounted(&f);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index_is_the_list_of_its_prefixes_under_random_edits),
        cmocka_unit_test(every_version_of_an_index_stays_as_it_was_until_the_horizon),
        cmocka_unit_test(version_that_is_held_back_stays_as_it_was_while_others_are_published),
        cmocka_unit_test(clearing_a_prefix_of_a_fan_or_leaf_uncovers_the_shorter_ones),
        cmocka_unit_test(setting_a_prefix_leaves_alone_longer_ones_of_its_fan_or_leaf),
        cmocka_unit_test(clearing_what_is_not_there_changes_nothing),
        cmocka_unit_test(block_can_be_full),
        cmocka_unit_test(leaf_can_be_full),
        cmocka_unit_test(routes_are_asked_only_for_lengths_that_a_leaf_may_hide),
        cmocka_unit_test(leaf_of_the_draft_is_written_once_for_prefixes_in_order),
        cmocka_unit_test(another_value_copies_the_leaf_and_nothing_else),
        cmocka_unit_test(removing_everything_in_any_order_leaves_nothing),
        cmocka_unit_test(dropping_an_index_gives_all_its_cells_back),
        cmocka_unit_test(all_values_are_found_that_a_prefix_shows_and_no_others),
        cmocka_unit_test(edit_copies_its_way_once_and_nothing_more),
        cmocka_unit_test(block_of_the_draft_stays_where_it_is_while_its_cell_has_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
