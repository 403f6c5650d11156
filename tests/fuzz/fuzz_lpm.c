/* SPDX-License-Identifier: MIT */
/*
 * fuzz_lpm.c - any sequence of edits of a longest-prefix index, held against a plain list; then any damage to its bytes.
 *
 * The first byte is the family; each step takes what it needs of the rest. Addresses share a few beginnings, so that prefixes
 * meet in the same fans, leaves and blocks. After the edits each prefix is looked up at both of its ends, by the short ways
 * and by the whole walk. What is left of the input is written over the cells, and every lookup has to come back: behind the
 * region is a page that nobody may touch.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "reader/longest.h"
#include "tests/fake/fake_prefixes.h"
#include "writer/lpm_edit.h"

#define REGION_BYTES (NETVANE_ARENA_OFFSET + (UINT64_C(1) << 20))
#define LIST_MAX     256u
#define GUARD_BYTES  65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
    struct nv_arena arena;
    struct nv_cells cells;
    struct nv_lpm_editor editor;
    struct nv_lpm_draft lpm;
    unsigned family;
    struct fake_prefixes list;
    const uint8_t *at, *end;
};

static unsigned char *base;

static void require(bool holds)
{
    if (!holds)
        abort();
}

static unsigned take(struct state *s)
{
    return s->at < s->end ? *s->at++ : 0;
}

static struct fake_prefix take_prefix(struct state *s)
{
    static const uint64_t heads[] = {0x0a00, 0x0a01, 0x0a40, 0xc0a8};
    const unsigned how = take(s);
    struct fake_prefix p = {.len = take(s) % (s->list.bits + 1)};
    p.dst.hi = heads[how & 3] << 48 | (uint64_t)take(s) << 40 | (uint64_t)take(s) << 32;
    if (s->list.bits > 32) {
        p.dst.hi |= (uint64_t)(how >> 2) << 20;
        p.dst.lo = (uint64_t)(how >> 2) << 40;
    }
    p.dst = fake_bits_cut(p.dst, p.len);
    return p;
}

/* False: there is no room for more. */
static bool edit(struct state *s)
{
    struct fake_prefix p = take_prefix(s);
    bool expired = false;
    const unsigned value = take(s);
    if (!nv_cells_reserve(&s->cells, &expired))
        return false;
    if (value & 1u && (s->list.count < LIST_MAX || fake_prefixes_find(&s->list, p.dst, p.len))) {
        p.value =
            NETVANE_ARENA_OFFSET + 64 * (value >> 2) + (value & 2u ? NETVANE_FV_CONDITIONAL : 0u);
        fake_prefixes_put(&s->list, p.dst, p.len, p.value);
        nv_lpm_set(&s->editor, &s->lpm, p.dst, p.len, p.value);
    } else {
        fake_prefixes_remove(&s->list, p.dst, p.len);
        nv_lpm_clear(&s->editor, &s->lpm, p.dst, p.len, fake_prefixes_shorter, &s->list);
    }
    return true;
}

static void publish(struct state *s)
{
    nv_lpm_seal(&s->editor);
    nv_arena_next_draft(&s->arena);
    nv_cells_published(&s->cells);
    nv_cells_reclaim(&s->cells, s->arena.draft - 1);
}

static void look_up(const struct state *s, const struct nv_lpm *f, struct nv_bits dst, bool whole)
{
    struct nv_lpm_hit hit = {0, 0}, usual = {0, 0};
    const int w = nv_lpm_find(f, dst, s->list.bits, &hit);
    const int u = f->top < f->ref_limit ? nv_find(f, dst, s->family, &usual) : NV_TREE_BAD;
    if (!whole)
        return;
    const struct fake_prefix *p = fake_prefixes_longest(&s->list, dst);
    require(w == (p ? NV_TREE_OK : NV_TREE_END) && u == w);
    require(!p || (hit.len == p->len && (hit.value & ~NETVANE_FV_LENGTH) == p->value));
    require(!p || (usual.len == hit.len && usual.value == hit.value));
}

static void look_up_all(const struct state *s, bool whole)
{
    const struct nv_lpm f = nv_lpm_of_draft(&s->cells, &s->lpm);
    for (unsigned i = 0; i < s->list.count; i++) {
        const struct fake_prefix *p = &s->list.at[i];
        uint32_t value;
        look_up(s, &f, p->dst, whole);
        look_up(s, &f, fake_bits_last(p->dst, p->len, s->list.bits), whole);
        const int w = nv_lpm_exact(&f, p->dst, p->len, &value);
        require(!whole || w == NV_TREE_OK || (p->len && p->len <= NETVANE_LPM_LONG));
    }
    look_up(s, &f, (struct nv_bits){UINT64_C(0x0a02) << 48, 0}, whole);
    look_up(s, &f, (struct nv_bits){0, 0}, whole);
}

static int grow(void *arg, uint64_t size_bytes)
{
    (void)arg;
    return size_bytes > REGION_BYTES ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct state s;
    if (!base) {
        base = mmap(NULL, REGION_BYTES + GUARD_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        require(base != MAP_FAILED && !mprotect(base + REGION_BYTES, GUARD_BYTES, PROT_NONE));
    }
    memset(base + NETVANE_ARENA_OFFSET, 0, REGION_BYTES - NETVANE_ARENA_OFFSET);
    memset(&s, 0, sizeof(s));
    s.at = data;
    s.end = data + size;
    s.family = take(&s) & 1u ? NV_AF_6 : NV_AF_4;
    s.list.bits = s.family == NV_AF_4 ? 32 : 128;
    require(!nv_arena_init(&s.arena, base, REGION_BYTES, grow, NULL, 1));
    nv_cells_init(&s.cells, &s.arena);
    s.editor.cells = &s.cells;
    for (unsigned op = take(&s); op && s.at < s.end; op = take(&s)) {
        if (op % 16 == 1)
            publish(&s);
        else if (op % 16 == 2)
            nv_lpm_seal(&s.editor);
        else if (!edit(&s))
            break;
    }
    nv_lpm_seal(&s.editor);
    look_up_all(&s, true);
    while (s.at < s.end) {
        const uint32_t range = (uint32_t)(s.arena.size_bytes - NETVANE_ARENA_OFFSET) / 4,
                       word = (take(&s) | take(&s) << 8 | take(&s) << 16) % range,
                       value = take(&s) | take(&s) << 8 | (uint32_t)take(&s) << 24;
        memcpy(base + NETVANE_ARENA_OFFSET + 4 * (size_t)word, &value, sizeof(value));
    }
    look_up_all(&s, false);
    nv_cells_destroy(&s.cells);
    nv_arena_destroy(&s.arena);
    return 0;
}
