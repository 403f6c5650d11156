/* SPDX-License-Identifier: MIT */
/*
 * mirror_nexthop.c - nexthop objects and the members of groups.
 */
#include "limits.h"
#include "mirror.h"

static bool get_member(const struct nv_mirror *m, uint32_t nhid, uint32_t index,
                       struct netvane_rec_member *ret)
{
    uint64_t key[1] = {(uint64_t)nhid << 32 | index};
    return nv_draft_find(&m->draft, NETVANE_TREE_MEMBERS, key, ret);
}

static uint64_t content_of(const struct nv_mirror *m, const struct netvane_rec_nexthop *r)
{
    uint64_t h = nv_content_nexthop(r, nv_intern_content(&m->strings, r->encap));
    for (uint32_t i = 0; i < r->member_count; i++) {
        struct netvane_rec_member member;
        if (get_member(m, (uint32_t)r->key[0], i, &member))
            h = nv_content_member(h, &member);
    }
    return h;
}

static bool members_equal(const struct nv_mirror *m, const struct netvane_rec_nexthop *old,
                          const struct nv_nexthop *f)
{
    if (old->member_count != f->member_count)
        return false;
    for (uint32_t i = 0; i < f->member_count; i++) {
        struct netvane_rec_member member;
        if (!get_member(m, f->id, i, &member) || member.member != f->members[i].id ||
            member.weight != f->members[i].weight)
            return false;
    }
    return true;
}

static void delete_members(struct nv_mirror *m, uint32_t nhid, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        uint64_t key[1] = {(uint64_t)nhid << 32 | i};
        (void)nv_draft_delete(&m->draft, NETVANE_TREE_MEMBERS, key);
    }
}

enum nv_effect nv_mirror_nexthop_put(struct nv_mirror *m, const struct nv_nexthop *f)
{
    struct netvane_rec_nexthop old = {0}, r = {.key = {f->id},
                                               .flags = f->flags,
                                               .ifindex = f->ifindex,
                                               .family = f->family,
                                               .gw_family = f->gw_family,
                                               .scope = f->scope,
                                               .protocol = f->protocol,
                                               .encap_type = f->encap_type,
                                               .group_type = f->group_type,
                                               .member_count = f->member_count,
                                               .buckets = f->buckets,
                                               .idle_timer = f->idle_timer,
                                               .unbalanced_timer = f->unbalanced_timer,
                                               .present = f->present};
    memcpy(r.gateway, f->gateway, sizeof(r.gateway));
    if (!nv_mirror_reserve(m, NV_K_NEXTHOP))
        return NV_REFUSED;
    bool known = nv_draft_find(&m->draft, NETVANE_TREE_NEXTHOPS, r.key, &old);
    bool members_same = known && members_equal(m, &old, f);
    uint64_t before = known ? content_of(m, &old) : 0;
    r.encap = nv_mirror_text(m, f->encap.bytes, f->encap.len);
    if (known) {
        r.id = old.id;
        nv_bit_set(m->ids[NV_K_NEXTHOP].seen, old.id);
        nv_bit_clear(m->ids[NV_K_NEXTHOP].missed, old.id);
        if (members_same && !memcmp(&r, &old, sizeof(r))) {
            nv_intern_unref(&m->strings, r.encap);
            return NV_SAME;
        }
        nv_intern_unref(&m->strings, old.encap);
    } else {
        r.id = nv_ids_take(&m->ids[NV_K_NEXTHOP]);
    }
    if (!members_same) {
        delete_members(m, f->id, f->member_count, old.member_count);
        for (uint32_t i = 0; i < f->member_count; i++) {
            struct netvane_rec_member member = {.key = {(uint64_t)f->id << 32 | i},
                                                .id = r.id,
                                                .member = f->members[i].id,
                                                .weight = f->members[i].weight};
            (void)nv_draft_put(&m->draft, NETVANE_TREE_MEMBERS, &member);
        }
    }
    (void)nv_draft_put(&m->draft, NETVANE_TREE_NEXTHOPS, &r);
    nv_mirror_note(m, NV_K_NEXTHOP, &r);
    nv_mirror_account(m, NV_K_NEXTHOP, r.key, before, content_of(m, &r));
    m->choice_stale[0] = m->choice_stale[1] = true;
    return NV_CHANGED;
}

void nv_mirror_drop_nexthop(struct nv_mirror *m, const struct netvane_rec_nexthop *r)
{
    uint64_t before = content_of(m, r);
    delete_members(m, (uint32_t)r->key[0], 0, r->member_count);
    (void)nv_draft_delete(&m->draft, NETVANE_TREE_NEXTHOPS, r->key);
    nv_intern_unref(&m->strings, r->encap);
    nv_ids_free(&m->ids[NV_K_NEXTHOP], r->id);
    nv_mirror_account(m, NV_K_NEXTHOP, r->key, before, 0);
    m->choice_stale[0] = m->choice_stale[1] = true;
}

enum nv_effect nv_mirror_nexthop_remove(struct nv_mirror *m, uint32_t nhid)
{
    struct netvane_rec_nexthop r;
    uint64_t key[1] = {nhid};
    if (!nv_draft_find(&m->draft, NETVANE_TREE_NEXTHOPS, key, &r))
        return NV_SAME;
    if (!nv_mirror_reserve_removal(m, NV_K_NEXTHOP))
        return NV_REFUSED;
    nv_mirror_drop_nexthop(m, &r);
    return NV_CHANGED;
}
