/* SPDX-License-Identifier: MIT */
/*
 * mirror_lpm.c - which value a prefix has in its table's index, and when that is looked at.
 *
 * A change of a route only notes the prefix; the value is made from all routes of the prefix, in the tree, when so many are
 * noted or a version is to come. A route that a dump appends as the only one of its prefix is written to the index at once:
 * a first load asks no tree.
 * Without memory an index breaks: it is dropped, its root says so, and readers ask the tree of routes instead; the next dump
 * of the routes tries again.
 */
#include "mirror_lpm.h"

#include "limits.h"
#include "route.h"

void nv_mirror_lpm_init(struct nv_mirror *m)
{
    nv_cells_init(&m->lpm.cells, &m->draft.arena);
    m->lpm.editor.cells = &m->lpm.cells;
    m->lpm.last_tree = NETVANE_TREE_COUNT;
}

void nv_mirror_lpm_destroy(struct nv_mirror *m)
{
    nv_cells_destroy(&m->lpm.cells);
    nv_infos_destroy(&m->lpm.infos);
}

static bool tree_is4(unsigned tree)
{
    return tree == NETVANE_TREE_ROUTES4;
}

static struct nv_table *table_of_key(struct nv_mirror *m, unsigned tree, const uint64_t *key)
{
    return nv_mirror_table(m, tree_is4(tree) ? NV_AF_4 : NV_AF_6, (uint32_t)(key[0] >> 32));
}

/* ---- the value of a prefix ---------------------------------------------------------------------------------- */

static void look_at_hops(const struct nv_mirror *m, uint32_t hops, struct nv_lpm_hops *ret)
{
    uint32_t count;
    const struct netvane_rec_hop *set = nv_mirror_hops(m, hops, &count);
    memset(ret, 0, sizeof(*ret));
    for (uint32_t i = 0; i < count; i++)
        nv_lpm_hops_add(ret, &set[i]);
}

static void add_route(const struct nv_mirror *m, struct nv_lpm_group *g, bool is4,
                      const void *record)
{
    struct nv_lpm_hops hops;
    union nv_route_record r;
    memcpy(&r, record, is4 ? sizeof(r.r4) : sizeof(r.r6));
    look_at_hops(m, is4 ? r.r4.hops : r.r6.hops, &hops);
    if (is4)
        nv_lpm_group_add4(g, &r.r4, &hops);
    else
        nv_lpm_group_add6(g, &r.r6, &hops);
}

static uint32_t value_of_group(struct nv_mirror *m, const struct nv_lpm_group *g)
{
    const uint32_t info = nv_infos_get(&m->lpm.infos, &m->lpm.cells, &g->info);
    return info ? info | (g->conditional ? NETVANE_FV_CONDITIONAL : 0u) : 0;
}

/* Adds all routes of a prefix, from the tree; first: the first key that one may have. */
static void add_prefix(struct nv_mirror *m, unsigned tree, const uint64_t *first,
                       struct nv_lpm_group *g)
{
    const bool is4 = tree_is4(tree);
    union nv_route_record r;
    const void *at;
    (void)nv_draft_locate(&m->draft, tree, first, &r);
    for (unsigned i = 0; (at = nv_draft_beside(&m->draft, tree, i)); i++) {
        memcpy(&r, at, is4 ? sizeof(r.r4) : sizeof(r.r6));
        if (!nv_lpm_same_prefix(is4, r.key, first))
            return;
        add_route(m, g, is4, &r);
    }
    const uint64_t *bound = nv_draft_bound(&m->draft, tree);
    if (!bound || !nv_lpm_same_prefix(is4, bound, first))
        return;
    /* The prefix goes on in the next leaf: once more, from the beginning. */
    struct nv_tree t = nv_draft_tree(&m->draft, tree);
    struct nv_cursor c;
    memset(g, 0, sizeof(*g));
    for (int more = nv_cursor_seek(&c, &t, first); more == NV_TREE_OK; more = nv_cursor_next(&c)) {
        if (nv_cursor_get(&c, &r) != NV_TREE_OK || !nv_lpm_same_prefix(is4, r.key, first))
            return;
        add_route(m, g, is4, &r);
    }
}

/* False: there is no memory for it. 0: no route has the prefix. */
static bool value_of_prefix(struct nv_mirror *m, unsigned tree, const uint64_t *first,
                            uint32_t *ret_value)
{
    struct nv_lpm_group g = {.any = false};
    add_prefix(m, tree, first, &g);
    *ret_value = g.any ? value_of_group(m, &g) : 0;
    return !g.any || *ret_value;
}

/* That of a route which is the only one of its prefix. */
static uint32_t value_of_only(struct nv_mirror *m, const struct nv_route_rec *r)
{
    struct nv_lpm_memo *memo = NULL;
    struct nv_lpm_group g = {.any = false};
    if (nv_route_is4(r)) {
        const uint32_t metric = (uint32_t)(r->u.key[1] >> 16);
        memo = &m->lpm.memo[r->u.r4.hops % NV_LPM_MEMO];
        if (memo->value && memo->metric == metric && !(r->u.key[1] >> 48 & 0xffu) &&
            !memcmp(memo->words, &r->u.r4.flags, sizeof(memo->words)))
            return memo->value;
    }
    add_route(m, &g, nv_route_is4(r), &r->u);
    const uint32_t value = value_of_group(m, &g);
    if (memo && !(r->u.key[1] >> 48 & 0xffu)) {
        m->lpm.memo_used = true;
        memo->value = value;
        memo->metric = (uint32_t)(r->u.key[1] >> 16);
        memcpy(memo->words, &r->u.r4.flags, sizeof(memo->words));
    }
    return value;
}

_Static_assert(sizeof(struct netvane_rec_route4) - offsetof(struct netvane_rec_route4, flags) ==
                   sizeof(((struct nv_lpm_memo *)0)->words),
               "the memo compares all that an info is made of");

/* ---- one prefix ------------------------------------------------------------------------------------------------- */

static void mark_stale(struct nv_mirror *m, struct nv_table *t)
{
    t->stale = m->tables_stale = true;
}

static void break_index(struct nv_mirror *m, struct nv_table *t)
{
    nv_lpm_drop(&m->lpm.editor, &t->lpm);
    t->broken = true;
    mark_stale(m, t);
}

struct shorter {
    struct nv_mirror *m;
    const struct nv_table *t;
    bool failed;
};

static uint32_t shorter_prefix(void *arg, struct nv_bits dst, unsigned len)
{
    struct shorter *s = arg;
    const bool is4 = s->t->family == NV_AF_4;
    uint64_t key[NV_TREE_KEY_WORDS_MAX];
    uint32_t value;
    if (!s->t->count[len])
        return 0;
    dst.hi &= UINT64_MAX << (64 - len); /* at most 23 bits */
    dst.lo = 0;
    nv_lpm_key(is4, s->t->table, dst, len, key);
    if (!value_of_prefix(s->m, is4 ? NETVANE_TREE_ROUTES4 : NETVANE_TREE_ROUTES6, key, &value))
        s->failed = true;
    return value;
}

/* Gives a prefix this value in the index of its table, 0: takes it out. The cells are reserved. */
static void set_prefix(struct nv_mirror *m, struct nv_table *t, struct nv_bits dst, unsigned len,
                       uint32_t value)
{
    struct shorter s = {.m = m, .t = t};
    if (value)
        nv_lpm_set(&m->lpm.editor, &t->lpm, dst, len, value);
    else
        nv_lpm_clear(&m->lpm.editor, &t->lpm, dst, len, shorter_prefix, &s);
    if (!nv_table_in_root(t))
        mark_stale(m, t);
    if (s.failed)
        break_index(m, t);
}

/* Makes the index true to the routes of one prefix; key: of any of them. */
static void refresh(struct nv_mirror *m, unsigned tree, const uint64_t *key)
{
    struct nv_table *t = table_of_key(m, tree, key);
    unsigned len;
    const struct nv_bits dst = nv_lpm_prefix(tree_is4(tree), key, &len);
    uint64_t first[NV_TREE_KEY_WORDS_MAX];
    uint32_t value;
    if (!t || t->broken)
        return;
    nv_lpm_key(tree_is4(tree), t->table, dst, len, first);
    if (!nv_cells_reserve(&m->lpm.cells, &m->early_expiry) ||
        !value_of_prefix(m, tree, first, &value)) {
        break_index(m, t);
        return;
    }
    const uint32_t before = nv_lpm_value(&m->lpm.editor, &t->lpm, dst, len);
    const bool may_hide =
        len && len <= NETVANE_LPM_LONG; /* then 0 does not say that it is nowhere */
    if (value ? before == (value | (may_hide ? len : 0u)) : !before && !may_hide)
        return;
    set_prefix(m, t, dst, len, value);
}

void nv_mirror_lpm_fetch(struct nv_mirror *m, const struct nv_route_rec *r)
{
    const struct nv_table *t = table_of_key(m, r->tree, r->u.key);
    unsigned len;
    if (t)
        nv_lpm_fetch(&m->lpm.editor, &t->lpm, nv_lpm_prefix(nv_route_is4(r), r->u.key, &len));
}

/* ---- what changed --------------------------------------------------------------------------------------------------- */

static void refresh_stale(struct nv_mirror *m)
{
    for (uint32_t i = 0; i < m->lpm.stale_count; i++)
        refresh(m, m->lpm.stale[i].tree, m->lpm.stale[i].key);
    m->lpm.stale_count = 0;
}

void nv_mirror_lpm_touch(struct nv_mirror *m, const struct nv_route_rec *r)
{
    struct nv_mirror_lpm *f = &m->lpm;
    const bool is4 = nv_route_is4(r);
    f->last_tree = NETVANE_TREE_COUNT;
    if (f->stale_count && f->stale[f->stale_count - 1].tree == r->tree &&
        nv_lpm_same_prefix(is4, f->stale[f->stale_count - 1].key, r->u.key))
        return;
    if (f->stale_count == NV_LPM_STALE) {
        if (f->paused) {
            f->missed = true;
            return;
        }
        refresh_stale(m); /* not the new one: its edit may go on */
    }
    f->stale[f->stale_count].tree = r->tree;
    memcpy(f->stale[f->stale_count++].key, r->u.key, nv_lpm_key_bytes(is4));
}

/* Is r, which was put into its tree just now, the last there, and of another prefix than the one before? */
static bool is_appended_alone(struct nv_mirror *m, const struct nv_route_rec *r)
{
    const struct nv_finger *at = &m->draft.finger[r->tree];
    const struct nv_tree_shape *s = nv_tree_shape(r->tree);
    uint64_t before[3];
    if (!at->valid || at->bounded)
        return false;
    const struct netvane_region_node *n = nv_arena_node(&m->draft.arena, at->path.ref[0]);
    if (at->path.index[0] + 1 != n->count)
        return false;
    if (n->count > 1)
        memcpy(before, n->bytes + (size_t)(n->count - 2u) * s->stride, sizeof(before));
    else if (m->lpm.last_tree == r->tree)
        memcpy(before, m->lpm.last_key, sizeof(before));
    else
        return m->draft.tree[r->tree].count == 1;
    return !nv_lpm_same_prefix(nv_route_is4(r), before, r->u.key);
}

void nv_mirror_lpm_added(struct nv_mirror *m, const struct nv_route_rec *r)
{
    struct nv_table *t = table_of_key(m, r->tree, r->u.key);
    const bool alone = is_appended_alone(m, r);
    if (!alone || !t || t->broken || !nv_cells_reserve(&m->lpm.cells, &m->early_expiry)) {
        nv_mirror_lpm_touch(m, r);
        return;
    }
    unsigned len;
    const struct nv_bits dst = nv_lpm_prefix(nv_route_is4(r), r->u.key, &len);
    const uint32_t value = value_of_only(m, r);
    memcpy(m->lpm.last_key, r->u.key, nv_lpm_key_bytes(nv_route_is4(r)));
    m->lpm.last_tree = r->tree;
    if (value)
        set_prefix(m, t, dst, len, value);
    else
        break_index(m, t);
}

/* ---- whole indexes ----------------------------------------------------------------------------------------------------- */

/* Builds the index of a table anew from the tree. */
static void rebuild(struct nv_mirror *m, struct nv_table *t)
{
    const bool is4 = t->family == NV_AF_4;
    const unsigned tree = is4 ? NETVANE_TREE_ROUTES4 : NETVANE_TREE_ROUTES6;
    struct nv_tree routes = nv_draft_tree(&m->draft, tree);
    struct nv_lpm_group g = {.any = false};
    uint64_t key[NV_TREE_KEY_WORDS_MAX];
    struct nv_cursor c;
    union nv_route_record r;
    nv_lpm_drop(&m->lpm.editor, &t->lpm);
    t->broken = false;
    mark_stale(m, t);
    nv_lpm_key(is4, t->table, (struct nv_bits){0, 0}, 0, key);
    int more = nv_cursor_seek(&c, &routes, key);
    for (;;) {
        const bool there =
            more == NV_TREE_OK && nv_cursor_get(&c, &r) == NV_TREE_OK && r.key[0] >> 32 == t->table;
        if (g.any && !(there && nv_lpm_same_prefix(is4, r.key, key))) {
            unsigned len;
            const struct nv_bits dst = nv_lpm_prefix(is4, key, &len);
            const bool room = nv_cells_reserve(&m->lpm.cells, &m->early_expiry);
            const uint32_t value = room ? value_of_group(m, &g) : 0;
            if (!value) {
                break_index(m, t);
                return;
            }
            set_prefix(m, t, dst, len, value);
            g = (struct nv_lpm_group){.any = false};
        }
        if (!there)
            return;
        memcpy(key, r.key, nv_lpm_key_bytes(is4));
        add_route(m, &g, is4, &r);
        more = nv_cursor_next(&c);
    }
}

void nv_mirror_lpm_pause(struct nv_mirror *m)
{
    refresh_stale(m);
    m->lpm.paused = true;
}

void nv_mirror_lpm_resume(struct nv_mirror *m, unsigned tree)
{
    m->lpm.paused = false;
    m->lpm.last_tree = NETVANE_TREE_COUNT;
    if (!m->lpm.missed)
        return;
    m->lpm.missed = false;
    m->lpm.stale_count = 0;
    for (uint32_t i = 0; i < m->table_count; i++)
        if (m->tables[i].family == (tree_is4(tree) ? NV_AF_4 : NV_AF_6) && !m->tables[i].broken)
            rebuild(m, &m->tables[i]);
}

/* ---- before a version ------------------------------------------------------------------------------------------------------ */

static void mark_info(void *arg, uint32_t value)
{
    nv_infos_mark(arg, value);
}

static void mark_infos(void *arg, struct nv_info_marks *marks)
{
    struct nv_mirror *m = arg;
    for (uint32_t i = 0; i < m->table_count; i++)
        nv_lpm_values(&m->lpm.editor, &m->tables[i].lpm, mark_info, marks);
}

static struct netvane_region_lpm root_of(const struct nv_table *t)
{
    if (!t->total)
        return (struct netvane_region_lpm){0};
    return (struct netvane_region_lpm){.top = t->lpm.top,
                                       .def = t->lpm.def,
                                       .routes = t->total,
                                       .state = t->broken ? NETVANE_LS_BROKEN : NETVANE_LS_VALID};
}

/* Makes the record of a table true; the room for one is reserved. */
static void write_table(struct nv_mirror *m, struct nv_table *t)
{
    struct netvane_rec_table r = {.key = {(uint64_t)t->family << 32 | t->table}}, old;
    const bool known = nv_draft_find(&m->draft, NETVANE_TREE_TABLES, r.key, &old);
    if (!t->total) {
        if (known)
            (void)nv_draft_delete(&m->draft, NETVANE_TREE_TABLES, r.key);
        return;
    }
    for (unsigned len = 0; len < NV_ARRAY_LEN(t->count); len++)
        if (t->count[len])
            r.lengths[len / 32] |= 1u << len % 32;
    if (!nv_table_in_root(t))
        r.lpm = root_of(t);
    if (!known || memcmp(&r, &old, sizeof(r)))
        (void)nv_draft_put(&m->draft, NETVANE_TREE_TABLES, &r);
}

void nv_mirror_lpm_settle(struct nv_mirror *m)
{
    refresh_stale(m);
    for (uint32_t i = 0; m->lpm.retry && i < m->table_count; i++)
        if (m->tables[i].broken)
            rebuild(m, &m->tables[i]);
    m->lpm.retry = false;
    nv_lpm_seal(&m->lpm.editor);
    if (m->lpm.memo_used) /* hop sets lose their ids between two drafts */
        memset(m->lpm.memo, 0, sizeof(m->lpm.memo));
    m->lpm.memo_used = false;
    if (nv_infos_worth_collecting(&m->lpm.infos))
        nv_infos_collect(&m->lpm.infos, &m->lpm.cells, mark_infos, m);
    bool left = false;
    for (uint32_t i = 0; m->tables_stale && i < m->table_count; i++) {
        struct nv_table *t = &m->tables[i];
        if (!t->stale)
            continue;
        if (nv_arena_reserve(&m->draft.arena, NV_EDIT_NODES, &m->early_expiry)) {
            left = true; /* as before, until there is room */
            continue;
        }
        write_table(m, t);
        t->stale = false;
    }
    m->tables_stale = left;
}

void nv_mirror_lpm_roots(const struct nv_mirror *m,
                         struct netvane_region_lpm ret_lpm[NETVANE_LPM_SLOTS])
{
    memset(ret_lpm, 0, NETVANE_LPM_SLOTS * sizeof(*ret_lpm));
    for (uint32_t i = 0; i < m->table_count; i++) {
        const struct nv_table *t = &m->tables[i];
        const unsigned slot = nv_lpm_root_slot(t->family == NV_AF_4, t->table);
        if (slot < NETVANE_LPM_SLOTS)
            ret_lpm[slot] = root_of(t);
    }
}
