/* SPDX-License-Identifier: MIT */
/*
 * rule.c - lists policy rules.
 *
 * Owns:      the RULES tree, whose order is the order in which the kernel asks the rules.
 */
#include "reader.h"

_Static_assert(NETVANE_RULE_INVERT == NETVANE_UF_INVERT, "");
_Static_assert(NETVANE_RULE_UNRESOLVED == NETVANE_UF_UNRESOLVED, "");
_Static_assert(NETVANE_RULE_IIF_DETACHED == NETVANE_UF_IIF_DETACHED, "");
_Static_assert(NETVANE_RULE_OIF_DETACHED == NETVANE_UF_OIF_DETACHED, "");
_Static_assert(NETVANE_RULE_HAS_FWMARK == NETVANE_UF_HAS_FWMARK, "");
_Static_assert(NETVANE_RULE_HAS_UID == NETVANE_UF_HAS_UID, "");
_Static_assert(NETVANE_RULE_HAS_SPORT == NETVANE_UF_HAS_SPORT, "");
_Static_assert(NETVANE_RULE_HAS_DPORT == NETVANE_UF_HAS_DPORT, "");
_Static_assert(NETVANE_RULE_HAS_SUPPRESS_PREFIX == NETVANE_UF_HAS_SUPPRESS_PREFIXLEN, "");
_Static_assert(NETVANE_RULE_HAS_SUPPRESS_GROUP == NETVANE_UF_HAS_SUPPRESS_IFGROUP, "");
_Static_assert(NETVANE_RULE_L3MDEV == NETVANE_UF_L3MDEV, "");
_Static_assert(NETVANE_RULE_HAS_TUN_ID == NETVANE_UF_HAS_TUN_ID, "");

void nv_rule_show(const struct netvane_rec_rule *r, struct netvane_rule *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->priority = (uint32_t)r->key[0];
    ret->position = (uint32_t)r->key[1];
    ret->table = r->table;
    ret->family = (uint8_t)(r->key[0] >> 32);
    ret->src_len = r->src_len;
    ret->dst_len = r->dst_len;
    ret->tos = r->tos;
    ret->action = r->action;
    ret->protocol = r->protocol;
    ret->ip_proto = r->ip_proto;
    memcpy(ret->src, r->src, sizeof(ret->src));
    memcpy(ret->dst, r->dst, sizeof(ret->dst));
    ret->present = r->present;
    ret->fwmark = r->fwmark;
    ret->fwmask = r->fwmask;
    ret->target = r->target;
    memcpy(ret->iif, r->iif, sizeof(ret->iif) - 1);
    memcpy(ret->oif, r->oif, sizeof(ret->oif) - 1);
    ret->suppress_prefix_len = r->suppress_prefix_len;
    ret->suppress_group = r->suppress_ifgroup;
    ret->realms = r->realms;
    ret->uid_start = r->uid_start;
    ret->uid_end = r->uid_end;
    ret->sport_start = r->sport_start;
    ret->sport_end = r->sport_end;
    ret->dport_start = r->dport_start;
    ret->dport_end = r->dport_end;
    ret->tun_id = r->tun_id;
}

int netvane_rule_iter(const struct netvane_snap *snap, uint8_t family, struct netvane_iter *ret_it)
{
    struct nv_iter it;
    int r = ret_it && (!family || nv_is_family(family)) ? nv_iter_begin(snap, NV_ITER_RULES, &it)
                                                        : NETVANE_INVALID;
    if (r)
        return r;
    const uint64_t key[2] = {(uint64_t)family << 32, 0};
    it.family = family;
    return nv_iter_started(&it, nv_snap_seek(&it.snap, NETVANE_TREE_RULES, key, &it.cursor),
                           ret_it);
}

int netvane_rule_next(struct netvane_iter *iter, struct netvane_rule *ret_rule)
{
    struct nv_iter *it = nv_iter_of(iter);
    struct netvane_rec_rule rec;
    struct netvane_rule rule;
    int r = ret_rule ? nv_iter_enter(it, NV_ITER_RULES) : NETVANE_INVALID;
    if (r != 1)
        return r;
    int w = nv_step(&it->cursor, &rec);
    if (w == NV_TREE_OK && it->family && rec.key[0] >> 32 != it->family)
        w = NV_TREE_END;
    r = nv_iter_leave(it, w);
    if (r != 1)
        return r;
    nv_rule_show(&rec, &rule);
    r = nv_out(ret_rule, &rule, sizeof(rule));
    return r ? nv_iter_fail(it, r) : 1;
}
