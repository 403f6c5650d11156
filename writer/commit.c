/* SPDX-License-Identifier: MIT */
/*
 * commit.c - effective change, default route, checksums, root slot.
 *
 * A topic moves if the digest of its objects differs from that of the newest version: a change that was undone within one
 * draft moves nothing, and neither does a restart.
 */
#include "commit.h"

#include "limits.h"

void nv_commit_init(struct nv_commit *c, struct nv_mirror *m, struct nv_publisher *p)
{
    *c = (struct nv_commit){.mirror = m, .pub = p};
}

bool nv_commit_wanted(const struct nv_commit *c)
{
    const struct nv_mirror *m = c->mirror;
    return m->edited || m->choice_stale[0] || m->choice_stale[1] ||
           c->quality != c->published_quality;
}

/* The same answer, whatever is known of its confirmation and its source? */
static bool same_way(const struct netvane_region_default *a, const struct netvane_region_default *b)
{
    const uint32_t seen = NETVANE_DF_PRESENT | NETVANE_DF_GATEWAY | NETVANE_DF_REJECT;
    return (a->flags & seen) == (b->flags & seen) && a->ifindex == b->ifindex &&
           a->gw_family == b->gw_family && !memcmp(a->gateway, b->gateway, sizeof(a->gateway));
}

static void choose(struct nv_commit *c)
{
    for (unsigned f = 0; f < 2; f++) {
        if (!c->mirror->choice_stale[f])
            continue;
        c->mirror->choice_stale[f] = false;
        struct nv_choice now;
        nv_select(c->mirror, f, &now);
        struct netvane_region_default was = c->egress[f];
        if (memcmp(&now.egress, &c->choice[f].egress, sizeof(now.egress))) {
            c->egress[f] = now.egress;
            if (same_way(&was, &now.egress) && was.flags & NETVANE_DF_CONFIRMED &&
                was.flags & NETVANE_DF_PREFSRC) {
                memcpy(c->egress[f].prefsrc, was.prefsrc,
                       sizeof(was.prefsrc)); /* the kernel's, until it says otherwise */
                c->egress[f].flags |= NETVANE_DF_PREFSRC;
            }
        }
        c->choice[f] = now;
        c->ask[f] = true;
        c->mirror->edited = true;
    }
    for (unsigned f = 0; f < 2; f++)
        c->mirror->digest[NETVANE_RT_DEFAULT4 + f] =
            nv_content_defaults(&c->choice[f].main_default, &c->egress[f]);
    c->mirror->digest[NETVANE_RT_HEALTH] = c->quality;
}

/* The trees of which the next version shows an older one. */
static uint32_t held_trees(const struct nv_commit *c)
{
    return c->mirror->draft.arena.held & c->hold;
}

/* The tree that a topic is about; NETVANE_TREE_COUNT: none that is ever held back. */
static unsigned tree_of(unsigned topic)
{
    static const uint8_t trees[NETVANE_RT_COUNT] = {
        [NETVANE_RT_DEFAULT4] = NETVANE_TREE_COUNT,    [NETVANE_RT_DEFAULT6] = NETVANE_TREE_COUNT,
        [NETVANE_RT_LINKS] = NETVANE_TREE_LINKS,       [NETVANE_RT_ADDRS] = NETVANE_TREE_ADDRS,
        [NETVANE_RT_ROUTES] = NETVANE_TREE_ROUTES4,    [NETVANE_RT_RULES] = NETVANE_TREE_RULES,
        [NETVANE_RT_NEXTHOPS] = NETVANE_TREE_NEXTHOPS, [NETVANE_RT_HEALTH] = NETVANE_TREE_COUNT};
    return trees[topic];
}

static bool is_held(const struct nv_commit *c, unsigned topic)
{
    unsigned tree = tree_of(topic);
    return tree < NETVANE_TREE_COUNT && held_trees(c) >> tree & 1u;
}

static uint32_t moved_topics(const struct nv_commit *c)
{
    uint32_t topics = 0;
    for (unsigned t = 0; t < NETVANE_RT_COUNT; t++)
        if (c->mirror->digest[t] != c->pub->digest[t] && !is_held(c, t))
            topics |= 1u << t;
    return topics;
}

/* Writes the checksums of the nodes that the draft made, but in trees that stay held back; returns how many there are. */
static uint64_t seal(struct nv_draft *d, uint32_t held)
{
    const struct nv_arena *a = &d->arena;
    uint64_t sealed = 0;
    for (uint32_t i = 0; i < a->dirty_count; i++) {
        const struct netvane_region_node *n = nv_arena_node(a, a->dirty[i]);
        if (!n->count || !nv_arena_is_draft(a, a->dirty[i]) || held >> n->tree & 1u)
            continue; /* free again, or not to be seen yet */
        nv_draft_seal(d, a->dirty[i]);
        sealed++;
    }
    return sealed;
}

static bool holds_routes(uint32_t trees)
{
    return trees >> NETVANE_TREE_ROUTES4 & 1u;
}

/* Not while objects are shown that may use what those of the draft no longer do. */
static void drop_unused(struct nv_mirror *m)
{
    nv_intern_collect(&m->hops, &m->draft);
    nv_intern_collect(&m->metrics, &m->draft);
    nv_intern_collect(&m->strings, &m->draft);
}

/* What the version that was just published shows of these trees stays, until they are let go of. */
static void hold_back(struct nv_commit *c)
{
    struct nv_draft *d = &c->mirror->draft;
    const uint32_t more = c->hold & ~d->arena.held;
    if (!more)
        return;
    for (unsigned t = 0; t < NETVANE_TREE_COUNT; t++)
        if (more >> t & 1u)
            c->held[t] = d->tree[t];
    if (holds_routes(more)) {
        nv_mirror_lpm_roots(c->mirror, c->held_lpm);
        c->mirror->lpm.cells.held = true;
    }
    nv_arena_hold(&d->arena, more);
}

/* Trees and digests of the version, those that are held back as they were. */
static void fill_slot(const struct nv_commit *c, struct netvane_region_slot *slot)
{
    const struct nv_mirror *m = c->mirror;
    const uint32_t held = held_trees(c);
    memcpy(slot->tree, m->draft.tree, sizeof(m->draft.tree));
    memcpy(slot->digest, m->digest, sizeof(slot->digest));
    if (holds_routes(held))
        memcpy(slot->lpm, c->held_lpm, sizeof(slot->lpm));
    else
        nv_mirror_lpm_roots(m, slot->lpm);
    for (unsigned t = 0; held && t < NETVANE_TREE_COUNT; t++)
        if (held >> t & 1u)
            slot->tree[t] = c->held[t];
    for (unsigned t = 0; held && t < NETVANE_RT_COUNT; t++)
        if (is_held(c, t))
            slot->digest[t] = c->pub->digest[t];
}

/* Writes the journal of the version, but for what it does not show yet. */
static void note_changes(struct nv_commit *c, struct netvane_region_slot *slot, uint32_t held)
{
    struct nv_mirror *m = c->mirror;
    const bool first = !c->pub->head;
    slot->journal_end =
        nv_journal_commit(&m->journal, m->draft.arena.base, m->draft.arena.draft, held);
    c->pub->counter[NETVANE_RC_JOURNAL_BREAKS] += m->journal.broken && !first;
    c->pub->counter[NETVANE_RC_BYTES_COPIED] +=
        m->journal.written * sizeof(struct netvane_region_entry);
}

bool nv_commit(struct nv_commit *c, bool force, uint64_t now_ns)
{
    struct nv_mirror *m = c->mirror;
    choose(c);
    uint32_t topics = moved_topics(c);
    const uint32_t held = held_trees(c);
    if (!topics && !force) {
        if (!m->edited || held)
            return false;
        if (!c->quiet_since_ns)
            c->quiet_since_ns = now_ns;
        if (now_ns - c->quiet_since_ns < NV_QUIET_PUBLISH_NS && !c->confirmed)
            return false;
    }
    if (!held)
        drop_unused(m);
    nv_mirror_lpm_settle(m);
    struct netvane_region_slot slot = {.verified_ns = c->verified_ns,
                                       .quality = c->quality,
                                       .main4 = c->choice[0].main_default,
                                       .main6 = c->choice[1].main_default,
                                       .egress4 = c->egress[0],
                                       .egress6 = c->egress[1]};
    fill_slot(c, &slot);
    note_changes(c, &slot, held);
    uint64_t nodes = seal(&m->draft, held);
    nv_arena_let_go(&m->draft.arena, held);
    if (!holds_routes(held))
        nv_cells_let_go(&m->lpm.cells);
    c->pub->counter[NETVANE_RC_NODES_COPIED] += nodes;
    c->pub->counter[NETVANE_RC_BYTES_COPIED] +=
        nodes * NETVANE_NODE_BYTES + m->lpm.cells.bytes_made;
    c->pub->counter[NETVANE_RC_EARLY_EXPIRIES] += m->early_expiry;
    c->pub->counter[NETVANE_RC_LIMITS_HIT] = m->counts_refused;
    m->early_expiry = false;
    nv_publish(c->pub, &m->draft.arena, &slot, topics, now_ns);
    nv_cells_published(&m->lpm.cells);
    nv_cells_reclaim(&m->lpm.cells, c->pub->horizon);
    hold_back(c);
    m->edited = false;
    c->quiet_since_ns = 0;
    c->confirmed = false;
    c->published_quality = c->quality;
    if (topics)
        nv_publisher_wake(c->pub, topics);
    return true;
}

static struct netvane_region_default default_of(unsigned f, const struct nv_route *r)
{
    struct netvane_region_default d = {.size = sizeof(d),
                                       .family = f ? NV_AF_6 : NV_AF_4,
                                       .flags = NETVANE_DF_PRESENT,
                                       .table = r->table,
                                       .metric = r->metric,
                                       .type = r->type,
                                       .protocol = r->protocol,
                                       .scope = r->scope,
                                       .nhid = r->nhid,
                                       .hop_count = (uint16_t)r->hop_count};
    if (r->hop_count) {
        d.ifindex = r->hops[0].ifindex;
        d.gw_family = r->hops[0].gw_family;
        memcpy(d.gateway, r->hops[0].gateway, sizeof(d.gateway));
        if (d.gw_family)
            d.flags |= NETVANE_DF_GATEWAY;
    }
    if (r->has_prefsrc) {
        memcpy(d.prefsrc, r->prefsrc, sizeof(d.prefsrc));
        d.flags |= NETVANE_DF_PREFSRC;
    }
    if (nv_rtn_rejects(r->type))
        d.flags |= NETVANE_DF_REJECT;
    return d;
}

bool nv_commit_answer(struct nv_commit *c, unsigned f, const struct nv_route *answer)
{
    const struct netvane_region_default *own = &c->choice[f].egress;
    struct netvane_region_default next = *own, kernel = {0};
    if (answer)
        kernel = default_of(f, answer);
    bool rejects = own->flags & NETVANE_DF_REJECT;
    bool agree =
        answer && !(kernel.flags & NETVANE_DF_REJECT)
            ? same_way(own, &kernel) ||
                  (own->flags & NETVANE_DF_MULTIPATH && own->family == kernel.family)
            : !own->family || rejects; /* the kernel answers a rejecting route with an error */
    if (agree) {
        c->disagreed[f] = 0;
        if (own->family) {
            next.flags |= NETVANE_DF_CONFIRMED;
            /* Of several hops the kernel may have taken another, whose source is not ours. */
            if (kernel.flags & NETVANE_DF_PREFSRC && !rejects && same_way(own, &kernel)) {
                memcpy(next.prefsrc, kernel.prefsrc, sizeof(next.prefsrc));
                next.flags |= NETVANE_DF_PREFSRC;
            }
        }
    } else if (c->filtered) {
        next = kernel;
        next.flags |= kernel.family ? NETVANE_DF_CONFIRMED : 0u;
        agree = true;
    } else if (++c->disagreed[f] == 1) {
        c->ask[f] = true; /* an event may be under way: ask once more */
        return true;
    } else {
        next = kernel;
        next.flags |= kernel.family ? NETVANE_DF_KERNEL : 0u;
        c->pub->counter[NETVANE_RC_EGRESS_DISAGREED]++;
    }
    if (memcmp(&next, &c->egress[f], sizeof(next))) {
        c->egress[f] = next;
        c->mirror->edited = true;
        c->confirmed = true;
    }
    return agree;
}
