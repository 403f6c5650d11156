/* SPDX-License-Identifier: MIT */
/*
 * lpm_edit.c - goes through the fans of a longest-prefix index, to the slots, the leaf or the nodes that an edit is for.
 *
 * Each fan on the way becomes the draft's, so that what leads to the next cell can be written. A leaf stays open between edits,
 * as long as the next one is of it, too; but for where a prefix only gets another value, which is written to the leaf as it is.
 */
#include "lpm_edit.h"

#define FETCHED_BYTES 384u /* of a leaf: most are not longer */

static uint32_t load32(const void *p)
{
    return nv_load32(p, memory_order_relaxed);
}

static void store32(void *p, uint32_t v)
{
    nv_store32(p, v, memory_order_relaxed);
}

/* ---- fans ---------------------------------------------------------------------------------------------------------- */

static uint32_t fan_slots(unsigned level)
{
    return 1u << nv_fan_width(level);
}

static uint32_t fan_bytes(unsigned level)
{
    return fan_slots(level) * (uint32_t)sizeof(struct netvane_region_fan_slot);
}

static uint32_t *slot_child(unsigned char *fan, unsigned i)
{
    return (uint32_t *)(void *)(fan + 8u * (size_t)i +
                                offsetof(struct netvane_region_fan_slot, child));
}

static uint32_t *slot_value(unsigned char *fan, unsigned i)
{
    return (uint32_t *)(void *)(fan + 8u * (size_t)i +
                                offsetof(struct netvane_region_fan_slot, value));
}

/* The first slot of a prefix in its fan, and how many it covers. */
static unsigned fan_range(struct nv_bits dst, unsigned level, unsigned len, unsigned *ret_count)
{
    *ret_count = 1u << (nv_fan_end(level) - len);
    return nv_fan_slot_of(dst, level) & ~(*ret_count - 1);
}

static void fan_set(unsigned char *fan, unsigned level, struct nv_bits dst, unsigned len,
                    uint32_t value)
{
    unsigned count;
    const unsigned first = fan_range(dst, level, len, &count);
    for (unsigned i = first; i < first + count; i++)
        if ((load32(slot_value(fan, i)) & NETVANE_FV_LENGTH) <= len)
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
        if ((load32(slot_value(fan, i)) & NETVANE_FV_LENGTH) == len)
            store32(slot_value(fan, i), instead);
}

static bool is_empty(const unsigned char *cell, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i += 8)
        if (nv_load64(cell + i, memory_order_relaxed))
            return false;
    return true;
}

/* Takes fans that became empty out of those above them; level: of the first that may be. */
static void prune_fans(struct nv_cells *c, uint32_t *const where[NV_FANS], unsigned level)
{
    for (unsigned up = level + 1; up-- > 0;) {
        const uint32_t ref = load32(where[up]);
        if (!is_empty(nv_cell_rw(c, ref), fan_bytes(up)))
            return;
        nv_cells_give(c, ref, fan_bytes(up));
        store32(where[up], 0);
    }
}

/* Makes the fans down to level `last` the draft's; what leads to each of them and to what is behind. Returns the last. */
static unsigned char *own_fans(struct nv_cells *c, struct nv_lpm_draft *f, struct nv_bits dst,
                               unsigned last, uint32_t *ret_where[NV_FANS + 1])
{
    unsigned char *fan = NULL;
    ret_where[0] = &f->top;
    for (unsigned level = 0; level <= last; level++) {
        fan = nv_cells_own(c, ret_where[level], fan_bytes(level));
        ret_where[level + 1] = slot_child(fan, nv_fan_slot_of(dst, level));
    }
    return fan;
}

static unsigned level_of(unsigned len)
{
    unsigned level = 0;
    while (len > nv_fan_end(level))
        level++;
    return level;
}

/* ---- leaves --------------------------------------------------------------------------------------------------------- */

static uint32_t head_of(struct nv_bits dst)
{
    return (uint32_t)(dst.hi >> (64 - NETVANE_LPM_LEAF));
}

static bool is_open(const struct nv_lpm_editor *e, const struct nv_lpm_draft *f, struct nv_bits dst)
{
    return e->of == f && e->head == head_of(dst);
}

void nv_lpm_seal(struct nv_lpm_editor *e)
{
    if (!e->of)
        return;
    e->of = NULL;
    nv_lpm_leaf_seal(e->cells, &e->leaf, e->where[NV_FANS]);
    if (!load32(e->where[NV_FANS]))
        prune_fans(e->cells, e->where, NV_FANS - 1);
}

static void open_leaf(struct nv_lpm_editor *e, struct nv_lpm_draft *f, struct nv_bits dst)
{
    if (is_open(e, f, dst))
        return;
    nv_lpm_seal(e);
    (void)own_fans(e->cells, f, dst, NV_FANS - 1, e->where);
    nv_lpm_leaf_open(e->cells, load32(e->where[NV_FANS]), &e->leaf);
    e->of = f;
    e->head = head_of(dst);
}

/* The fan of a level on the way to dst, or the leaf (NV_FANS), as it stands in its cell, NULL: there is none. */
static unsigned char *cell_of(const struct nv_lpm_editor *e, const struct nv_lpm_draft *f,
                              struct nv_bits dst, unsigned level)
{
    uint32_t ref = f->top;
    for (unsigned up = 0; ref && up < level; up++)
        ref = load32(slot_child(nv_cell_rw(e->cells, ref), nv_fan_slot_of(dst, up)));
    return ref ? nv_cell_rw(e->cells, ref) : NULL;
}

static unsigned char *leaf_of(const struct nv_lpm_editor *e, const struct nv_lpm_draft *f,
                              struct nv_bits dst)
{
    return cell_of(e, f, dst, NV_FANS);
}

void nv_lpm_fetch(const struct nv_lpm_editor *e, const struct nv_lpm_draft *f, struct nv_bits dst)
{
    const unsigned char *leaf = leaf_of(e, f, dst);
    for (unsigned line = 0; leaf && line < FETCHED_BYTES; line += 64)
        __builtin_prefetch(leaf + line);
}

/* The same, made the draft's; there is one. */
static unsigned char *own_leaf(struct nv_lpm_editor *e, struct nv_lpm_draft *f, struct nv_bits dst)
{
    uint32_t *where[NV_FANS + 1];
    (void)own_fans(e->cells, f, dst, NV_FANS - 1, where);
    return nv_cells_own(e->cells, where[NV_FANS],
                        nv_lpm_leaf_bytes(nv_cell_rw(e->cells, load32(where[NV_FANS]))));
}

static void set_middle(struct nv_lpm_editor *e, struct nv_lpm_draft *f, struct nv_bits dst,
                       unsigned len, uint32_t value)
{
    if (!is_open(e, f, dst)) {
        nv_lpm_seal(e);
        const unsigned char *leaf = leaf_of(e, f, dst);
        if (leaf && nv_lpm_cell_alone(leaf, dst, len)) {
            nv_lpm_cell_replace(own_leaf(e, f, dst), dst, len, value);
            return;
        }
        open_leaf(e, f, dst);
    }
    nv_lpm_leaf_set(&e->leaf, dst, len, value);
}

static void clear_middle(struct nv_lpm_editor *e, struct nv_lpm_draft *f, struct nv_bits dst,
                         unsigned len, nv_shorter_fn *shorter, void *arg)
{
    if (!is_open(e, f, dst)) {
        const unsigned char *leaf = leaf_of(e, f, dst);
        if (!leaf || !nv_lpm_cell_shown(leaf, dst, len)) /* hidden, or not there */
            return;
        open_leaf(e, f, dst);
    }
    nv_lpm_leaf_clear(&e->leaf, dst, len, shorter, arg);
}

/* ---- nodes ------------------------------------------------------------------------------------------------------------ */

static unsigned group_of(struct nv_bits dst)
{
    return nv_leaf_place(dst.hi) / 32;
}

/* Gives a group a node, or takes it, and its leaf if that is all it had. */
static void switch_node(struct nv_lpm_editor *e, struct nv_lpm_draft *f, struct nv_bits dst)
{
    open_leaf(e, f, dst);
    e->leaf.nodes ^= 1u << group_of(dst);
    e->leaf.node[group_of(dst)] = (struct netvane_region_lpm_node){0};
    nv_lpm_seal(e);
}

static void set_long(struct nv_lpm_editor *e, struct nv_lpm_draft *f, struct nv_bits dst,
                     unsigned len, uint32_t value)
{
    nv_lpm_seal(e);
    unsigned char *leaf = leaf_of(e, f, dst);
    if (!leaf || !nv_lpm_leaf_node(leaf, group_of(dst)))
        switch_node(e, f, dst);
    nv_lpm_block_set(e->cells, nv_lpm_leaf_node(own_leaf(e, f, dst), group_of(dst)), dst, len,
                     value);
}

static void clear_long(struct nv_lpm_editor *e, struct nv_lpm_draft *f, struct nv_bits dst,
                       unsigned len)
{
    if (!nv_lpm_value(e, f, dst, len))
        return;
    nv_lpm_seal(e);
    struct netvane_region_lpm_node *n = nv_lpm_leaf_node(own_leaf(e, f, dst), group_of(dst));
    nv_lpm_block_clear(e->cells, n, dst, len);
    if (!n->children)
        switch_node(e, f, dst);
}

/* ---- edits ----------------------------------------------------------------------------------------------------------- */

void nv_lpm_set(struct nv_lpm_editor *e, struct nv_lpm_draft *f, struct nv_bits dst, unsigned len,
                uint32_t value)
{
    uint32_t *where[NV_FANS + 1];
    if (!len)
        f->def = value;
    else if (len > NETVANE_LPM_LONG)
        set_long(e, f, dst, len, value);
    else if (len > NETVANE_LPM_LEAF)
        set_middle(e, f, dst, len, value);
    else
        fan_set(own_fans(e->cells, f, dst, level_of(len), where), level_of(len), dst, len, value);
}

static void clear_short(struct nv_lpm_editor *e, struct nv_lpm_draft *f, struct nv_bits dst,
                        unsigned len, nv_shorter_fn *shorter, void *arg)
{
    const unsigned level = level_of(len);
    uint32_t *where[NV_FANS + 1];
    nv_lpm_seal(e);
    if (!cell_of(e, f, dst, level))
        return;
    fan_clear(own_fans(e->cells, f, dst, level, where), level, dst, len, shorter, arg);
    prune_fans(e->cells, where, level);
}

void nv_lpm_clear(struct nv_lpm_editor *e, struct nv_lpm_draft *f, struct nv_bits dst, unsigned len,
                  nv_shorter_fn *shorter, void *arg)
{
    if (!len)
        f->def = 0;
    else if (len > NETVANE_LPM_LONG)
        clear_long(e, f, dst, len);
    else if (len > NETVANE_LPM_LEAF)
        clear_middle(e, f, dst, len, shorter, arg);
    else
        clear_short(e, f, dst, len, shorter, arg);
}

uint32_t nv_lpm_value(const struct nv_lpm_editor *e, const struct nv_lpm_draft *f,
                      struct nv_bits dst, unsigned len)
{
    const struct nv_lpm walk = nv_lpm_of_draft(e->cells, f);
    uint32_t value;
    if (len <= NETVANE_LPM_LEAF || len > NETVANE_LPM_LONG) {
        (void)nv_lpm_exact(&walk, dst, len, &value);
        return value;
    }
    if (is_open(e, f, dst))
        return nv_lpm_leaf_shown(&e->leaf, dst, len);
    const unsigned char *leaf = leaf_of(e, f, dst);
    return leaf ? nv_lpm_cell_shown(leaf, dst, len) : 0;
}

/* ---- all of it --------------------------------------------------------------------------------------------------------- */

static void drop_fan(struct nv_cells *c, uint32_t ref, unsigned level)
{
    if (!ref)
        return;
    unsigned char *fan = nv_cell_rw(c, ref);
    for (unsigned i = 0; i < fan_slots(level); i++) {
        const uint32_t child = load32(slot_child(fan, i));
        if (level < NV_FANS - 1)
            drop_fan(c, child, level + 1);
        else if (child)
            nv_lpm_leaf_drop(c, child);
    }
    nv_cells_give(c, ref, fan_bytes(level));
}

void nv_lpm_drop(struct nv_lpm_editor *e, struct nv_lpm_draft *f)
{
    if (e->of == f)
        e->of = NULL; /* what is open goes, too */
    drop_fan(e->cells, f->top, 0);
    *f = (struct nv_lpm_draft){0};
}

static void fan_values(const struct nv_cells *c, uint32_t ref, unsigned level,
                       nv_lpm_value_fn *found, void *arg)
{
    if (!ref)
        return;
    unsigned char *fan = nv_cell_rw(c, ref);
    for (unsigned i = 0; i < fan_slots(level); i++) {
        const uint32_t child = load32(slot_child(fan, i));
        if (load32(slot_value(fan, i)))
            found(arg, load32(slot_value(fan, i)));
        if (level < NV_FANS - 1)
            fan_values(c, child, level + 1, found, arg);
        else if (child)
            nv_lpm_leaf_values(c, child, found, arg);
    }
}

void nv_lpm_values(struct nv_lpm_editor *e, const struct nv_lpm_draft *f, nv_lpm_value_fn *found,
                   void *arg)
{
    nv_lpm_seal(e);
    if (f->def)
        found(arg, f->def);
    fan_values(e->cells, f->top, 0, found, arg);
}
