/* SPDX-License-Identifier: MIT */
/*
 * mirror_rule.c - policy rules, in the order in which the kernel asks them.
 *
 * A rule has no identity but all of its content: a new one goes behind its equals in priority, a removal takes the
 * first of equal content. A re-read follows every rule event (sync.c), because flags of other rules may change too.
 */
#include "limits.h"
#include "mirror.h"

static struct netvane_rec_rule record_of(const struct nv_rule *f)
{
    struct netvane_rec_rule r = {.key = {(uint64_t)f->family << 32 | f->priority, 0},
                                 .table = f->table,
                                 .src_len = f->src_len,
                                 .dst_len = f->dst_len,
                                 .tos = f->tos,
                                 .action = f->action,
                                 .protocol = f->protocol,
                                 .ip_proto = f->ip_proto,
                                 .fwmark = f->fwmark,
                                 .fwmask = f->fwmask,
                                 .target = f->target,
                                 .suppress_prefix_len = f->suppress_prefix_len,
                                 .suppress_ifgroup = f->suppress_ifgroup,
                                 .realms = f->realms,
                                 .uid_start = f->uid_start,
                                 .uid_end = f->uid_end,
                                 .sport_start = f->sport_start,
                                 .sport_end = f->sport_end,
                                 .dport_start = f->dport_start,
                                 .dport_end = f->dport_end,
                                 .tun_id = f->tun_id,
                                 .present = f->present};
    memcpy(r.src, f->src, nv_af_bytes(f->family));
    memcpy(r.dst, f->dst, nv_af_bytes(f->family));
    memcpy(r.iif, f->iif, sizeof(r.iif));
    memcpy(r.oif, f->oif, sizeof(r.oif));
    return r;
}

/* The same rule but for its place, its id and the flags that the kernel derives? */
static bool same_rule(const struct netvane_rec_rule *a, const struct netvane_rec_rule *b)
{
    const uint32_t derived =
        NETVANE_UF_UNRESOLVED | NETVANE_UF_IIF_DETACHED | NETVANE_UF_OIF_DETACHED;
    struct netvane_rec_rule x = *a, y = *b;
    x.key[1] = y.key[1] = 0;
    x.id = y.id = 0;
    x.present &= ~derived;
    y.present &= ~derived;
    return !memcmp(&x, &y, sizeof(x));
}

/* Walks the rules of one family and priority. Gives the first that is the same, and how many there are. */
static bool find_same(const struct nv_mirror *m, const struct netvane_rec_rule *r,
                      struct netvane_rec_rule *ret_same, uint64_t *ret_next)
{
    struct nv_tree t = nv_draft_tree(&m->draft, NETVANE_TREE_RULES);
    uint64_t key[2] = {r->key[0], 0};
    struct nv_cursor c;
    struct netvane_rec_rule at;
    bool found = false;
    *ret_next = 0;
    for (int more = nv_cursor_seek(&c, &t, key); more == NV_TREE_OK; more = nv_cursor_next(&c)) {
        if (nv_cursor_get(&c, &at) != NV_TREE_OK || at.key[0] != r->key[0])
            break;
        if (!found && same_rule(&at, r)) {
            *ret_same = at;
            found = true;
        }
        *ret_next = at.key[1] + 1;
    }
    return found;
}

enum nv_effect nv_mirror_rule_put(struct nv_mirror *m, const struct nv_rule *f, bool from_dump)
{
    struct netvane_rec_rule r = record_of(f), old;
    uint64_t next;
    bool known;
    if (!nv_mirror_reserve(m, NV_K_RULE))
        return NV_REFUSED;
    if (from_dump) {
        if (!m->run.valid || m->run.key[0] != r.key[0])
            m->run = (struct nv_run){.key = {r.key[0]}, .valid = true};
        r.key[1] = m->run.position++;
        known = nv_draft_find(&m->draft, NETVANE_TREE_RULES, r.key, &old);
    } else {
        known = find_same(m, &r, &old, &next);
        r.key[1] = known ? old.key[1] : next;
    }
    if (known) {
        r.id = old.id;
        nv_bit_set(m->ids[NV_K_RULE].seen, old.id);
        nv_bit_clear(m->ids[NV_K_RULE].missed, old.id);
        if (!memcmp(&r, &old, sizeof(r)))
            return NV_SAME;
    } else {
        r.id = nv_ids_take(&m->ids[NV_K_RULE]);
    }
    (void)nv_draft_put(&m->draft, NETVANE_TREE_RULES, &r);
    nv_mirror_note(m, NV_K_RULE, &r);
    nv_mirror_account(m, NV_K_RULE, r.key, known ? nv_content_rule(&old) : 0, nv_content_rule(&r));
    m->choice_stale[f->family == NV_AF_6] = true;
    return NV_CHANGED;
}

void nv_mirror_drop_rule(struct nv_mirror *m, const struct netvane_rec_rule *r)
{
    (void)nv_draft_delete(&m->draft, NETVANE_TREE_RULES, r->key);
    nv_ids_free(&m->ids[NV_K_RULE], r->id);
    nv_mirror_account(m, NV_K_RULE, r->key, nv_content_rule(r), 0);
    m->choice_stale[r->key[0] >> 32 == NV_AF_6] = true;
}

/* The rules behind a removed one move up. */
static void close_gap(struct nv_mirror *m, const struct netvane_rec_rule *gone)
{
    uint64_t key[2] = {gone->key[0], gone->key[1] + 1};
    struct netvane_rec_rule r;
    for (; nv_draft_find(&m->draft, NETVANE_TREE_RULES, key, &r); key[1]++) {
        if (!nv_mirror_reserve_removal(m, NV_K_RULE))
            return;
        uint64_t before = nv_content_rule(&r);
        (void)nv_draft_delete(&m->draft, NETVANE_TREE_RULES, r.key);
        r.key[1]--;
        (void)nv_draft_put(&m->draft, NETVANE_TREE_RULES, &r);
        nv_mirror_account_move(m, NV_K_RULE, key, before, r.key, nv_content_rule(&r));
    }
}

enum nv_effect nv_mirror_rule_remove(struct nv_mirror *m, const struct nv_rule *f)
{
    struct netvane_rec_rule r = record_of(f), old;
    uint64_t next;
    if (!find_same(m, &r, &old, &next))
        return NV_SUSPECT;
    if (!nv_mirror_reserve_removal(m, NV_K_RULE))
        return NV_REFUSED;
    nv_mirror_drop_rule(m, &old);
    close_gap(m, &old);
    return NV_CHANGED;
}
