/* SPDX-License-Identifier: MIT */
/*
 * mirror.c - what all classes of the mirror share: room, shared texts, digests, touch keys.
 */
#include "mirror.h"

#include <stdlib.h>

#include "limits.h"

static void drop_hop_texts(void *arg, const unsigned char *bytes, uint32_t len)
{
    struct nv_mirror *m = arg;
    for (uint32_t at = 0; at < len; at += (uint32_t)sizeof(struct netvane_rec_hop)) {
        struct netvane_rec_hop hop;
        memcpy(&hop, bytes + at, sizeof(hop));
        nv_intern_unref(&m->strings, hop.encap);
    }
}

static void count_uses(void *arg, const unsigned char *bytes, uint32_t len, bool used)
{
    struct nv_mirror *m = arg;
    void (*count)(struct nv_link_uses *, uint32_t) = used ? nv_link_uses_add : nv_link_uses_remove;
    for (uint32_t at = 0; at < len; at += (uint32_t)sizeof(struct netvane_rec_hop)) {
        struct netvane_rec_hop hop;
        memcpy(&hop, bytes + at, sizeof(hop));
        count(&m->uses, hop.ifindex);
        if (len > sizeof(hop) || hop.flags & NV_RTNH_F_DOWN)
            count(&m->wary, hop.ifindex);
    }
}

int nv_mirror_init(struct nv_mirror *m, void *base, uint64_t max_bytes, nv_arena_grow_fn *grow,
                   void *grow_arg, uint64_t first_version)
{
    memset(m, 0, sizeof(*m));
    m->strings.tree = NETVANE_TREE_STRINGS;
    m->hops.tree = NETVANE_TREE_HOPS;
    m->hops.on_drop = drop_hop_texts;
    m->hops.on_use = count_uses;
    m->hops.arg = m;
    m->metrics.tree = NETVANE_TREE_METRICS;
    m->choice_stale[0] = m->choice_stale[1] = true;
    nv_mirror_lpm_init(m);
    nv_journal_init(&m->journal);
    return nv_arena_init(&m->draft.arena, base, max_bytes, grow, grow_arg, first_version);
}

void nv_mirror_destroy(struct nv_mirror *m)
{
    nv_mirror_kin_forget(m);
    nv_mirror_lpm_destroy(m);
    nv_arena_destroy(&m->draft.arena);
    nv_journal_destroy(&m->journal);
    for (unsigned k = 0; k < NV_K_COUNT; k++)
        nv_ids_destroy(&m->ids[k]);
    nv_intern_destroy(&m->hops);
    nv_intern_destroy(&m->metrics);
    nv_intern_destroy(&m->strings);
    nv_link_uses_destroy(&m->uses);
    nv_link_uses_destroy(&m->wary);
    free(m->tables);
    m->tables = NULL;
}

static bool reserve(struct nv_mirror *m, enum nv_kind kind, uint32_t nodes)
{
    if (nv_arena_reserve(&m->draft.arena, nodes, &m->early_expiry) ||
        nv_ids_reserve(&m->ids[kind]) || nv_intern_reserve(&m->strings) ||
        nv_intern_reserve(&m->hops) || nv_intern_reserve(&m->metrics)) {
        m->degraded = true;
        m->counts_refused++;
        return false;
    }
    return true;
}

bool nv_mirror_reserve(struct nv_mirror *m, enum nv_kind kind)
{
    return reserve(m, kind, 2 * NV_EDIT_NODES);
}

bool nv_mirror_reserve_removal(struct nv_mirror *m, enum nv_kind kind)
{
    return reserve(m, kind, NV_EDIT_NODES);
}

uint32_t nv_mirror_text(struct nv_mirror *m, const char *bytes, uint32_t len)
{
    if (!len)
        return 0;
    if (len > NV_TEXT_MAX)
        len = NV_TEXT_MAX;
    bool is_new;
    /* Many texts may come with one change: each leaves as much room as the change began with. */
    if (nv_intern_reserve(&m->strings) ||
        nv_arena_reserve(&m->draft.arena, NV_EDIT_NODES, &m->early_expiry)) {
        m->degraded = true;
        m->counts_refused++;
        return 0;
    }
    uint32_t id = nv_intern_get(&m->strings, bytes, len, &is_new);
    if (!is_new)
        return id;
    m->strings.items[id].content = nv_content_text(bytes, len);
    for (uint32_t at = 0, chunk = 0; at < len; chunk++) {
        struct netvane_rec_string r = {.key = {(uint64_t)id << 32 | chunk}, .id = id, .len = len};
        uint32_t n = len - at < sizeof(r.bytes) ? len - at : (uint32_t)sizeof(r.bytes);
        memcpy(r.bytes, bytes + at, n);
        (void)nv_draft_put(&m->draft, NETVANE_TREE_STRINGS, &r);
        at += n;
    }
    return id;
}

bool nv_mirror_link(const struct nv_mirror *m, uint32_t ifindex, struct netvane_rec_link *ret_link)
{
    uint64_t key[1] = {ifindex};
    return nv_draft_find(&m->draft, NETVANE_TREE_LINKS, key, ret_link);
}

uint64_t nv_touch_link(uint32_t ifindex)
{
    return nv_mix(UINT64_C(1) << 56 | ifindex);
}

uint64_t nv_touch_addr(uint8_t family, uint32_t ifindex, const uint8_t *local)
{
    uint64_t h = nv_mix(UINT64_C(2) << 56 | (uint64_t)family << 32 | ifindex);
    return nv_content_fold(h, nv_hash(local, nv_af_bytes(family)));
}

uint64_t nv_touch_route(uint8_t family, uint32_t table, const uint8_t *dst, uint8_t dst_len)
{
    uint64_t h =
        nv_mix(UINT64_C(3) << 56 | (uint64_t)family << 48 | (uint64_t)dst_len << 32 | table);
    return nv_content_fold(h, nv_hash(dst, nv_af_bytes(family)));
}

uint64_t nv_touch_rule(uint8_t family, uint32_t priority)
{
    return nv_mix(UINT64_C(4) << 56 | (uint64_t)family << 32 | priority);
}

uint64_t nv_touch_nexthop(uint32_t nhid)
{
    return nv_mix(UINT64_C(5) << 56 | nhid);
}
