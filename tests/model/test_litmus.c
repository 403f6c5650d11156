/* SPDX-License-Identifier: MIT */
/*
 * test_litmus.c - the checker of C11's orders against the programs whose outcomes everybody knows.
 *
 * Each test gives the set of outcomes that RC11 allows: all of them have to be met, and no other one. Names and programs as in the
 * literature (Alglave, Maranget, Tautschnig: Herding Cats, 2014; Lahav et al.: Repairing Sequential Consistency, 2017; Boehm:
 * Can Seqlocks Get Along With Programming Language Memory Models?, 2012).
 */
#include "c11/c11.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define RLX memory_order_relaxed
#define ACQ memory_order_acquire
#define REL memory_order_release
#define AR  memory_order_acq_rel
#define SC  memory_order_seq_cst

static _Atomic uint64_t x, y, z;
static uint64_t r[4];
static bool met[10000]; /* outcomes: a decimal digit each of what the test looks at */
static unsigned digits;

static uint64_t get(_Atomic uint64_t *p, memory_order order)
{
    return atomic_load_explicit(p, order);
}

static void set(_Atomic uint64_t *p, uint64_t v, memory_order order)
{
    atomic_store_explicit(p, v, order);
}

static void begin(void *arg)
{
    (void)arg;
    memset(r, 0, sizeof(r));
}

static void end(void *arg)
{
    (void)arg;
    unsigned outcome = 0;
    for (unsigned i = 0; i < digits; i++)
        outcome = outcome * 10 + (unsigned)r[i];
    met[outcome] = true;
}

/* What x and y are at last, behind two registers. */
static void end_with_memory(void *arg)
{
    memcpy(&r[2], (void *)&x, 8);
    memcpy(&r[3], (void *)&y, 8);
    end(arg);
}

/* The outcomes of r[0..n-1] of these threads are these, which -1 ends, and no others. */
static void check_at(const char *file, int line, unsigned n, c11_fn *at_end, c11_fn *a, c11_fn *b,
                     c11_fn *third, c11_fn *fourth, ...)
{
    const struct c11_program program = {
        .threads = {a, b, third, fourth}, .begin = begin, .end = at_end};
    bool allowed[10000] = {false};
    uint64_t executions;
    va_list list;
    va_start(list, fourth);
    for (int outcome = va_arg(list, int); outcome >= 0; outcome = va_arg(list, int))
        allowed[outcome] = true;
    va_end(list);
    memset(met, 0, sizeof(met));
    memset((void *)&x, 0, sizeof(x));
    memset((void *)&y, 0, sizeof(y));
    memset((void *)&z, 0, sizeof(z));
    digits = n;
    c11_reset();
    assert_true(c11_explore(&program, 0, &executions));
    for (unsigned i = 0; i < 10000; i++)
        if (allowed[i] != met[i])
            fail_msg("%s:%d: outcome %0*u is %s, and was %s", file, line, (int)n, i,
                     allowed[i] ? "allowed" : "forbidden", met[i] ? "met" : "not met");
    print_message("line %d: %u outcomes, %llu executions\n", line, n,
                  (unsigned long long)executions);
}

#define CHECK(n, ...)        check_at(__FILE__, __LINE__, n, end, __VA_ARGS__, -1)
#define CHECK_MEMORY(n, ...) check_at(__FILE__, __LINE__, n, end_with_memory, __VA_ARGS__, -1)
/* A thread: statements, separated by commas. */
#define THREAD(name, ...)       \
    static void name(void *arg) \
    {                           \
        (void)arg;              \
        (void)(__VA_ARGS__);    \
    }

/* ---- message passing: MP --------------------------------------------------------------------------------------------- */

static void fence(memory_order order)
{
    atomic_thread_fence(order);
}

THREAD(mp_rel, set(&x, 1, RLX), set(&y, 1, REL))
THREAD(mp_rlx, set(&x, 1, RLX), set(&y, 1, RLX))
THREAD(mp_rel_fence, set(&x, 1, RLX), fence(REL), set(&y, 1, RLX))
THREAD(mp_fence_after, set(&x, 1, RLX), set(&y, 1, RLX), fence(REL))
THREAD(mp_get_acq, r[0] = get(&y, ACQ), r[1] = get(&x, RLX))
THREAD(mp_get_rlx, r[0] = get(&y, RLX), r[1] = get(&x, RLX))
THREAD(mp_get_fence, r[0] = get(&y, RLX), fence(ACQ), r[1] = get(&x, RLX))
THREAD(mp_get_fence_after, r[0] = get(&y, RLX), r[1] = get(&x, RLX), fence(ACQ))

static void mp_release_store_and_acquire_load_pass_a_message(void **state)
{
    (void)state;
    CHECK(2, mp_rel, mp_get_acq, NULL, NULL, 0, 1, 11);
    CHECK(2, mp_rel_fence, mp_get_acq, NULL, NULL, 0, 1, 11);
    CHECK(2, mp_rel, mp_get_fence, NULL, NULL, 0, 1, 11);
    CHECK(2, mp_rel_fence, mp_get_fence, NULL, NULL, 0, 1, 11);
}

static void mp_anything_less_passes_none(void **state)
{
    (void)state;
    CHECK(2, mp_rlx, mp_get_acq, NULL, NULL, 0, 1, 10, 11);
    CHECK(2, mp_rel, mp_get_rlx, NULL, NULL, 0, 1, 10, 11);
    CHECK(2, mp_rlx, mp_get_fence, NULL, NULL, 0, 1, 10, 11);
    CHECK(2, mp_fence_after, mp_get_acq, NULL, NULL, 0, 1, 10, 11);
    CHECK(2, mp_rel, mp_get_fence_after, NULL, NULL, 0, 1, 10, 11);
}

/* ---- store buffering, load buffering: SB, LB ---------------------------------------------------------------------------- */

THREAD(sb_0, set(&x, 1, REL), r[0] = get(&y, ACQ))
THREAD(sb_1, set(&y, 1, REL), r[1] = get(&x, ACQ))
THREAD(sb_sc_0, set(&x, 1, RLX), fence(SC), r[0] = get(&y, RLX))
THREAD(sb_sc_1, set(&y, 1, RLX), fence(SC), r[1] = get(&x, RLX))
THREAD(sb_ar_0, set(&x, 1, RLX), fence(AR), r[0] = get(&y, RLX))
THREAD(sb_ar_1, set(&y, 1, RLX), fence(AR), r[1] = get(&x, RLX))
THREAD(lb_0, r[0] = get(&x, RLX), set(&y, 1, RLX))
THREAD(lb_1, r[1] = get(&y, RLX), set(&x, 1, RLX))

static void sb_takes_seq_cst_fences(void **state)
{
    (void)state;
    CHECK(2, sb_0, sb_1, NULL, NULL, 0, 1, 10, 11);
    CHECK(2, sb_ar_0, sb_ar_1, NULL, NULL, 0, 1, 10, 11);
    CHECK(2, sb_sc_0, sb_sc_1, NULL, NULL, 1, 10, 11);
}

/* C11 allows 11, too: what c11.h says that it does not give. */
static void lb_is_not_met(void **state)
{
    (void)state;
    CHECK(2, lb_0, lb_1, NULL, NULL, 0, 1, 10);
}

/* ---- coherence: CoRR, CoWW, CoRW, CoWR, 2+2W -------------------------------------------------------------------------------- */

THREAD(co_write, set(&x, 1, RLX), set(&x, 2, RLX))
THREAD(co_write_1, set(&x, 1, RLX))
THREAD(co_write_2, set(&x, 2, RLX))
THREAD(co_read_01, r[0] = get(&x, RLX), r[1] = get(&x, RLX))
THREAD(co_read_23, r[2] = get(&x, RLX), r[3] = get(&x, RLX))
THREAD(co_write_read, set(&x, 1, RLX), r[0] = get(&x, RLX))
THREAD(co_read_write, r[0] = get(&x, RLX), set(&x, 1, RLX))
THREAD(w22_0, set(&x, 1, REL), set(&y, 2, REL))
THREAD(w22_1, set(&y, 1, REL), set(&x, 2, REL))

static void one_word_never_goes_back(void **state)
{
    (void)state;
    CHECK(2, co_write, co_read_01, NULL, NULL, 0, 1, 2, 11, 12, 22);
    CHECK(1, co_write_read, co_write_2, NULL, NULL, 1, 2);
    CHECK_MEMORY(4, co_write, NULL, NULL, NULL, 20);
    CHECK_MEMORY(4, co_read_write, co_write_2, NULL, NULL, 10, 20, 2010);
}

/* Two readers agree on the order of two writers: 12 and 21 are not met together. */
static void readers_agree_on_the_order_of_one_word(void **state)
{
    (void)state;
    CHECK(4, co_write_1, co_write_2, co_read_01, co_read_23, 0, 1, 2, 11, 12, 21, 22, 100, 101, 102,
          111, 112, 121, 122, 200, 201, 202, 211, 212, 221, 222, 1100, 1101, 1102, 1111, 1112, 1121,
          1122, 1200, 1201, 1202, 1211, 1212, 1222, 2100, 2101, 2102, 2111, 2121, 2122, 2200, 2201,
          2202, 2211, 2212, 2221, 2222);
}

static void orders_of_two_words_need_not_agree(void **state)
{
    (void)state;
    CHECK_MEMORY(4, w22_0, w22_1, NULL, NULL, 11, 12, 21, 22);
}

/* ---- through a third one: WRC, ISA2, IRIW ------------------------------------------------------------------------------------- */

THREAD(wrc_0, set(&x, 1, RLX))
THREAD(wrc_1, r[0] = get(&x, RLX), set(&y, 1, REL))
THREAD(wrc_1_rlx, r[0] = get(&x, RLX), set(&y, 1, RLX))
THREAD(wrc_2, r[1] = get(&y, ACQ), r[2] = get(&x, RLX))
THREAD(isa2_0, set(&x, 1, RLX), set(&y, 1, REL))
THREAD(isa2_1, r[0] = get(&y, ACQ), set(&z, 1, REL))
THREAD(isa2_2, r[1] = get(&z, ACQ), r[2] = get(&x, RLX))
THREAD(iriw_x, set(&x, 1, REL))
THREAD(iriw_y, set(&y, 1, REL))
THREAD(iriw_xy, r[0] = get(&x, ACQ), r[1] = get(&y, ACQ))
THREAD(iriw_yx, r[2] = get(&y, ACQ), r[3] = get(&x, ACQ))
THREAD(iriw_sc_xy, r[0] = get(&x, RLX), fence(SC), r[1] = get(&y, RLX))
THREAD(iriw_sc_yx, r[2] = get(&y, RLX), fence(SC), r[3] = get(&x, RLX))

static void what_was_seen_is_passed_on(void **state)
{
    (void)state;
    CHECK(3, wrc_0, wrc_1, wrc_2, NULL, 0, 1, 10, 11, 100, 101, 111);
    CHECK(3, wrc_0, wrc_1_rlx, wrc_2, NULL, 0, 1, 10, 11, 100, 101, 110, 111);
    CHECK(3, isa2_0, isa2_1, isa2_2, NULL, 0, 1, 10, 11, 100, 101, 111);
}

static void independent_writes_have_no_order_without_seq_cst(void **state)
{
    (void)state;
    CHECK(4, iriw_x, iriw_y, iriw_xy, iriw_yx, 0, 1, 10, 11, 100, 101, 110, 111, 1000, 1001, 1010,
          1011, 1100, 1101, 1110, 1111);
    CHECK(4, iriw_x, iriw_y, iriw_sc_xy, iriw_sc_yx, 0, 1, 10, 11, 100, 101, 110, 111, 1000, 1001,
          1011, 1100, 1101, 1110, 1111);
}

/* ---- updates ---------------------------------------------------------------------------------------------------------------------- */

THREAD(add_0, r[0] = atomic_fetch_add_explicit(&x, 1, RLX))
THREAD(add_1, r[1] = atomic_fetch_add_explicit(&x, 1, RLX))
THREAD(head, set(&x, 1, RLX), set(&y, 1, REL))
THREAD(add_y, (void)atomic_fetch_add_explicit(&y, 1, RLX))
THREAD(after_add, r[0] = get(&y, ACQ), r[1] = get(&x, RLX))
THREAD(head_then_plain, set(&x, 1, RLX), set(&y, 1, REL), set(&y, 2, RLX))

static void updates_are_whole(void **state)
{
    (void)state;
    CHECK_MEMORY(4, add_0, add_1, NULL, NULL, 120, 1020);
}

static void an_update_goes_on_with_a_release_sequence(void **state)
{
    (void)state;
    /* 2 is only there behind the release; 1 may be the update's own, before it. */
    CHECK(2, head, add_y, after_add, NULL, 0, 1, 10, 11, 21);
}

/* C11 before C17's successor gave more: c11.h says so. */
static void a_plain_store_ends_a_release_sequence(void **state)
{
    (void)state;
    CHECK(2, head_then_plain, after_add, NULL, NULL, 0, 1, 11, 20, 21);
}

/* ---- seqlocks: the second look at the counter needs a fence, no acquire load -------------------------------------------------------- */

THREAD(seq_write, set(&z, 1, RLX), fence(REL), set(&x, 1, RLX), set(&y, 1, RLX), set(&z, 2, REL))
THREAD(seq_write_bare, set(&z, 1, REL), set(&x, 1, RLX), set(&y, 1, RLX), set(&z, 2, REL))

static void keep_if_same(uint64_t before, uint64_t after)
{
    if (before != after || before & 1)
        r[0] = r[1] = 9; /* try again */
}

static void seq_read(void *arg)
{
    (void)arg;
    const uint64_t before = get(&z, ACQ);
    r[0] = get(&x, RLX);
    r[1] = get(&y, RLX);
    fence(ACQ);
    keep_if_same(before, get(&z, RLX));
}

static void seq_read_bare(void *arg)
{
    (void)arg;
    const uint64_t before = get(&z, ACQ);
    r[0] = get(&x, RLX);
    r[1] = get(&y, RLX);
    keep_if_same(before, get(&z, ACQ));
}

static void a_seqlock_needs_both_fences(void **state)
{
    (void)state;
    CHECK(2, seq_write, seq_read, NULL, NULL, 0, 11, 99);
    CHECK(2, seq_write, seq_read_bare, NULL, NULL, 0, 1, 10, 11, 99);
    CHECK(2, seq_write_bare, seq_read, NULL, NULL, 0, 1, 10, 11, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mp_release_store_and_acquire_load_pass_a_message),
        cmocka_unit_test(mp_anything_less_passes_none),
        cmocka_unit_test(sb_takes_seq_cst_fences),
        cmocka_unit_test(lb_is_not_met),
        cmocka_unit_test(one_word_never_goes_back),
        cmocka_unit_test(readers_agree_on_the_order_of_one_word),
        cmocka_unit_test(orders_of_two_words_need_not_agree),
        cmocka_unit_test(what_was_seen_is_passed_on),
        cmocka_unit_test(independent_writes_have_no_order_without_seq_cst),
        cmocka_unit_test(updates_are_whole),
        cmocka_unit_test(an_update_goes_on_with_a_release_sequence),
        cmocka_unit_test(a_plain_store_ends_a_release_sequence),
        cmocka_unit_test(a_seqlock_needs_both_fences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
