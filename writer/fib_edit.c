/* SPDX-License-Identifier: MIT */
/*
 * fib_edit.c - a copy-on-write tree bitmap behind four fans.
 *
 * Idea: an edit goes down and makes each fan and cell on its way the draft's; `where` is the word that refers to the next one,
 * which lies in a cell of the draft (or is the root), so that it can be written. A cell that gets a word more or
 * less is moved to one of another size only where it has to be.
 * Hazard: cells are written with relaxed atomic words, because an expired reader may still look at reused ones.
 */
#include "fib_edit.h"

#include <assert.h>

#define WORDS_MAX 127u /* 63 values and 64 references */

/* ---- words of cells ------------------------------------------------------------------------------------------ */

static uint32_t load32(const unsigned char *p)
{
    return nv_load32(p, memory_order_relaxed);
}

static void store32(void *p, uint32_t v)
{
    nv_store32(p, v, memory_order_relaxed);
}

static unsigned char *word_at(unsigned char *cell, unsigned i)
{
    return cell + 16 + 4 * (size_t)i;
}

struct head {
    uint64_t prefixes, children;
};

static struct head head_of(const unsigned char *cell)
{
    return (struct head){nv_load64(cell, memory_order_relaxed),
                         nv_load64(cell + 8, memory_order_relaxed)};
}

static void set_head(unsigned char *cell, struct head h)
{
    nv_store64(cell, h.prefixes, memory_order_relaxed);
    nv_store64(cell + 8, h.children, memory_order_relaxed);
}

static unsigned words_of(struct head h)
{
    return nv_popcount(h.prefixes) + nv_popcount(h.children);
}

static uint32_t bytes_of(unsigned words)
{
    return 16 + 4 * words;
}

static unsigned rank(uint64_t bits, unsigned bit)
{
    return nv_popcount(bits & ((UINT64_C(1) << bit) - 1));
}

/* The bit of a prefix that is `extra` bits longer than where the cell begins; i: its next six bits. */
static unsigned prefix_bit(unsigned i, unsigned extra)
{
    return 1u << extra | i >> (NETVANE_FIB_STRIDE - extra);
}

/* ---- cells ------------------------------------------------------------------------------------------------------- */

/* Makes the cell or fan that *where refers to the draft's. */
static unsigned char *own(struct nv_cells *c, uint32_t *where, uint32_t bytes)
{
    const uint32_t ref = *where;
    if (nv_cell_is_fresh(c, ref))
        return nv_cell_rw(c, ref);
    const uint32_t to = nv_cells_take(c, bytes);
    nv_payload_store(nv_cell_rw(c, to), nv_cell_rw(c, ref),
                     (size_t)nv_cell_units(bytes) * NETVANE_CELL_UNIT);
    nv_cells_give(c, ref, bytes);
    store32(where, to);
    return nv_cell_rw(c, to);
}

/* Makes room for one more word at `at`; the caller then writes the head and the word. */
static unsigned char *open_gap(struct nv_cells *c, uint32_t *where, unsigned words, unsigned at)
{
    const uint32_t ref = *where;
    unsigned char *from = nv_cell_rw(c, ref), *to = from;
    const bool stays = ref && nv_cell_is_fresh(c, ref) &&
                       nv_cell_units(bytes_of(words)) == nv_cell_units(bytes_of(words + 1));
    if (!stays) {
        const uint32_t moved = nv_cells_take(c, bytes_of(words + 1));
        to = nv_cell_rw(c, moved);
        for (unsigned i = 0; i < at; i++)
            store32(word_at(to, i), load32(word_at(from, i)));
        store32(where, moved);
    }
    for (unsigned i = words; i > at; i--)
        store32(word_at(to, i), load32(word_at(from, i - 1)));
    if (!stays && ref)
        nv_cells_give(c, ref, bytes_of(words));
    return to;
}

/* Takes the word at `at` out; the caller then writes the head. */
static unsigned char *close_gap(struct nv_cells *c, uint32_t *where, unsigned words, unsigned at)
{
    const uint32_t ref = *where;
    unsigned char *from = nv_cell_rw(c, ref), *to = from;
    const bool stays = nv_cell_is_fresh(c, ref) &&
                       nv_cell_units(bytes_of(words)) == nv_cell_units(bytes_of(words - 1));
    if (!stays) {
        const uint32_t moved = nv_cells_take(c, bytes_of(words - 1));
        to = nv_cell_rw(c, moved);
        for (unsigned i = 0; i < at; i++)
            store32(word_at(to, i), load32(word_at(from, i)));
        store32(where, moved);
    }
    for (unsigned i = at; i + 1 < words; i++)
        store32(word_at(to, i), load32(word_at(from, i + 1)));
    if (!stays)
        nv_cells_give(c, ref, bytes_of(words));
    return to;
}

static void cell_set(struct nv_cells *c, uint32_t *where, unsigned bit, uint32_t value)
{
    struct head h = head_of(nv_cell_rw(c, *where)); /* of reference 0: nothing */
    const unsigned at = rank(h.prefixes, bit), words = words_of(h);
    unsigned char *cell;
    if (h.prefixes >> bit & 1u) {
        cell = own(c, where, bytes_of(words));
    } else {
        cell = open_gap(c, where, words, at);
        h.prefixes |= UINT64_C(1) << bit;
        set_head(cell, h);
    }
    store32(word_at(cell, at), value);
}

/* The word that refers to child i of the cell, which becomes the draft's; 0 stands there if the child is new. */
static uint32_t *cell_child(struct nv_cells *c, uint32_t *where, unsigned i)
{
    struct head h = head_of(nv_cell_rw(c, *where));
    const unsigned at = nv_popcount(h.prefixes) + rank(h.children, i), words = words_of(h);
    unsigned char *cell;
    if (h.children >> i & 1u) {
        cell = own(c, where, bytes_of(words));
    } else {
        cell = open_gap(c, where, words, at);
        h.children |= UINT64_C(1) << i;
        set_head(cell, h);
        store32(word_at(cell, at), 0);
    }
    return (uint32_t *)(void *)word_at(cell, at);
}

/* Takes a prefix (or a child) out of the cell; *where is 0 if nothing is left of it. */
static void cell_remove(struct nv_cells *c, uint32_t *where, bool child, unsigned bit)
{
    const uint32_t ref = *where;
    struct head h = head_of(nv_cell_rw(c, ref));
    const unsigned words = words_of(h);
    const unsigned at =
        child ? nv_popcount(h.prefixes) + rank(h.children, bit) : rank(h.prefixes, bit);
    if (words == 1) {
        nv_cells_give(c, ref, bytes_of(words));
        store32(where, 0);
        return;
    }
    unsigned char *cell = close_gap(c, where, words, at);
    if (child)
        h.children &= ~(UINT64_C(1) << bit);
    else
        h.prefixes &= ~(UINT64_C(1) << bit);
    set_head(cell, h);
}

/* ---- fans ---------------------------------------------------------------------------------------------------------- */

static uint32_t fan_bytes(unsigned level)
{
    return 8u << nv_fan_bits(level);
}

static unsigned char *own_fan(struct nv_cells *c, uint32_t *where, unsigned level)
{
    if (*where)
        return own(c, where, fan_bytes(level));
    const uint32_t ref = nv_cells_take(c, fan_bytes(level));
    unsigned char *fan = nv_cell_rw(c, ref);
    for (unsigned i = 0; i < fan_bytes(level); i += 8)
        nv_store64(fan + i, 0, memory_order_relaxed);
    store32(where, ref);
    return fan;
}

static uint32_t *slot_child(unsigned char *fan, unsigned i)
{
    return (uint32_t *)(void *)(fan + 8u * i + offsetof(struct netvane_region_fan_slot, child));
}

static uint32_t *slot_value(unsigned char *fan, unsigned i)
{
    return (uint32_t *)(void *)(fan + 8u * i + offsetof(struct netvane_region_fan_slot, value));
}

/* The first slot of a prefix in its fan, and how many it covers. */
static unsigned fan_range(struct nv_bits dst, unsigned level, unsigned len, unsigned *ret_count)
{
    *ret_count = 1u << (nv_fan_start(level + 1) - len);
    return nv_bits_at(dst, nv_fan_start(level), nv_fan_bits(level)) & ~(*ret_count - 1);
}

static void fan_set(unsigned char *fan, unsigned level, struct nv_bits dst, unsigned len,
                    uint32_t value)
{
    unsigned count;
    const unsigned first = fan_range(dst, level, len, &count);
    for (unsigned i = first; i < first + count; i++)
        if ((*slot_value(fan, i) & NETVANE_FV_LENGTH) <= len)
            store32(slot_value(fan, i), value | len);
}

static void fan_clear(unsigned char *fan, unsigned level, struct nv_bits dst, unsigned len,
                      nv_shorter_fn *shorter, void *arg)
{
    unsigned count;
    const unsigned first = fan_range(dst, level, len, &count);
    uint32_t instead = 0;
    for (unsigned l = len - 1; l > nv_fan_start(level) && !instead; l--) {
        instead = shorter(arg, dst, l);
        if (instead)
            instead |= l;
    }
    for (unsigned i = first; i < first + count; i++)
        if ((*slot_value(fan, i) & NETVANE_FV_LENGTH) == len)
            store32(slot_value(fan, i), instead);
}

static bool fan_is_empty(const unsigned char *fan, unsigned level)
{
    for (unsigned i = 0; i < fan_bytes(level); i += 8)
        if (nv_load64(fan + i, memory_order_relaxed))
            return false;
    return true;
}

/* ---- edits ----------------------------------------------------------------------------------------------------------- */

void nv_fib_set(struct nv_cells *c, struct nv_fib_draft *f, struct nv_bits dst, unsigned len,
                uint32_t value)
{
    uint32_t *where = &f->top;
    if (!len) {
        f->def = value;
        return;
    }
    for (unsigned level = 0; level < NETVANE_FAN_LEVELS; level++) {
        unsigned char *fan = own_fan(c, where, level);
        if (len <= nv_fan_start(level + 1)) {
            fan_set(fan, level, dst, len, value);
            return;
        }
        where = slot_child(fan, nv_bits_at(dst, nv_fan_start(level), nv_fan_bits(level)));
    }
    unsigned depth = NETVANE_FAN_BITS;
    for (; len - depth >= NETVANE_FIB_STRIDE; depth += NETVANE_FIB_STRIDE)
        where = cell_child(c, where, nv_bits_at(dst, depth, NETVANE_FIB_STRIDE));
    cell_set(c, where, prefix_bit(nv_bits_at(dst, depth, NETVANE_FIB_STRIDE), len - depth), value);
}

/* The way down of a removal: what refers to each fan and cell, and which slot or child comes next. */
struct way {
    uint32_t *where[NETVANE_FAN_LEVELS + 19];
    unsigned next[NETVANE_FAN_LEVELS + 19];
};

/* Takes what became empty at the way's step `at` out of what is above it, and so on. */
static void prune(struct nv_cells *c, struct way *w, unsigned at)
{
    while (at-- > 0 && !*w->where[at + 1]) {
        if (at >= NETVANE_FAN_LEVELS) {
            cell_remove(c, w->where[at], true, w->next[at]);
            continue;
        }
        const uint32_t ref = *w->where[at];
        if (!fan_is_empty(nv_cell_rw(c, ref), at))
            return;
        nv_cells_give(c, ref, fan_bytes(at));
        store32(w->where[at], 0);
    }
}

void nv_fib_clear(struct nv_cells *c, struct nv_fib_draft *f, struct nv_bits dst, unsigned len,
                  nv_shorter_fn *shorter, void *arg)
{
    struct way w;
    unsigned at = 0;
    if (!len) {
        f->def = 0;
        return;
    }
    w.where[0] = &f->top;
    for (; at < NETVANE_FAN_LEVELS; at++) {
        if (!*w.where[at])
            return;
        unsigned char *fan = own_fan(c, w.where[at], at);
        if (len <= nv_fan_start(at + 1)) {
            fan_clear(fan, at, dst, len, shorter, arg);
            if (fan_is_empty(fan, at)) {
                nv_cells_give(c, *w.where[at], fan_bytes(at));
                store32(w.where[at], 0);
                prune(c, &w, at);
            }
            return;
        }
        w.next[at] = nv_bits_at(dst, nv_fan_start(at), nv_fan_bits(at));
        w.where[at + 1] = slot_child(fan, w.next[at]);
    }
    unsigned depth = NETVANE_FAN_BITS;
    for (; len - depth >= NETVANE_FIB_STRIDE; depth += NETVANE_FIB_STRIDE, at++) {
        w.next[at] = nv_bits_at(dst, depth, NETVANE_FIB_STRIDE);
        if (!(head_of(nv_cell_rw(c, *w.where[at])).children >> w.next[at] & 1u))
            return;
        w.where[at + 1] = cell_child(c, w.where[at], w.next[at]);
    }
    const unsigned bit = prefix_bit(nv_bits_at(dst, depth, NETVANE_FIB_STRIDE), len - depth);
    if (!(head_of(nv_cell_rw(c, *w.where[at])).prefixes >> bit & 1u))
        return;
    cell_remove(c, w.where[at], false, bit);
    prune(c, &w, at);
}

/* ---- all of it --------------------------------------------------------------------------------------------------------- */

static void drop_cell(struct nv_cells *c, uint32_t ref)
{
    if (!ref)
        return;
    unsigned char *cell = nv_cell_rw(c, ref);
    const struct head h = head_of(cell);
    for (unsigned i = nv_popcount(h.prefixes); i < words_of(h); i++)
        drop_cell(c, load32(word_at(cell, i)));
    nv_cells_give(c, ref, bytes_of(words_of(h)));
}

static void drop_fan(struct nv_cells *c, uint32_t ref, unsigned level)
{
    if (!ref)
        return;
    if (level == NETVANE_FAN_LEVELS) {
        drop_cell(c, ref);
        return;
    }
    unsigned char *fan = nv_cell_rw(c, ref);
    for (unsigned i = 0; i < 1u << nv_fan_bits(level); i++)
        drop_fan(c, *slot_child(fan, i), level + 1);
    nv_cells_give(c, ref, fan_bytes(level));
}

void nv_fib_drop(struct nv_cells *c, struct nv_fib_draft *f)
{
    drop_fan(c, f->top, 0);
    *f = (struct nv_fib_draft){0};
}

static void cell_values(const struct nv_cells *c, uint32_t ref, nv_fib_value_fn *found, void *arg)
{
    if (!ref)
        return;
    unsigned char *cell = nv_cell_rw(c, ref);
    const struct head h = head_of(cell);
    const unsigned values = nv_popcount(h.prefixes);
    for (unsigned i = 0; i < values; i++)
        found(arg, load32(word_at(cell, i)));
    for (unsigned i = values; i < words_of(h); i++)
        cell_values(c, load32(word_at(cell, i)), found, arg);
}

static void fan_values(const struct nv_cells *c, uint32_t ref, unsigned level,
                       nv_fib_value_fn *found, void *arg)
{
    if (!ref)
        return;
    if (level == NETVANE_FAN_LEVELS) {
        cell_values(c, ref, found, arg);
        return;
    }
    unsigned char *fan = nv_cell_rw(c, ref);
    for (unsigned i = 0; i < 1u << nv_fan_bits(level); i++) {
        if (*slot_value(fan, i))
            found(arg, *slot_value(fan, i));
        fan_values(c, *slot_child(fan, i), level + 1, found, arg);
    }
}

void nv_fib_values(const struct nv_cells *c, const struct nv_fib_draft *f, nv_fib_value_fn *found,
                   void *arg)
{
    if (f->def)
        found(arg, f->def);
    fan_values(c, f->top, 0, found, arg);
}
