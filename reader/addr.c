/* SPDX-License-Identifier: MIT */
/*
 * addr.c - finds and lists addresses.
 *
 * Owns:      the ADDRS tree (by family, link, address) and the ADDRS_BY_IP tree that leads to it.
 * Leaves:    which addresses a program may use to local.c.
 */
#include "reader.h"

_Static_assert(NETVANE_ADDR_HAS_PEER == NETVANE_AF_HAS_PEER, "");
_Static_assert(NETVANE_ADDR_HAS_BROADCAST == NETVANE_AF_HAS_BROADCAST, "");
_Static_assert(NETVANE_ADDR_HAS_LABEL == NETVANE_AF_HAS_LABEL, "");
_Static_assert(NETVANE_ADDR_HAS_METRIC == NETVANE_AF_HAS_METRIC, "");

void nv_addr_show(const struct netvane_rec_addr *r, struct netvane_addr *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->ifindex = (uint32_t)r->key[0];
    ret->family = (uint8_t)(r->key[0] >> 32);
    ret->prefix_len = r->prefix_len;
    ret->scope = r->scope;
    ret->protocol = r->protocol;
    ret->flags = r->flags;
    nv_key_show_ip(&r->key[1], ret->family, ret->local);
    if (r->present & NETVANE_AF_HAS_PEER)
        memcpy(ret->peer, r->peer, sizeof(ret->peer));
    else
        memcpy(ret->peer, ret->local, sizeof(ret->peer));
    memcpy(ret->broadcast, r->broadcast, sizeof(ret->broadcast));
    ret->position = r->position;
    ret->metric = r->metric;
    ret->present = r->present;
    memcpy(ret->label, r->label, sizeof(ret->label) - 1);
    ret->valid_until_ns = r->valid_until_ns;
    ret->preferred_until_ns = r->preferred_until_ns;
}

/* ---- by IP ------------------------------------------------------------------------------------------------ */

/* The address that an ADDRS_BY_IP entry leads to; an entry that leads nowhere is BAD. */
static int follow_entry(const struct nv_snap *s, const struct netvane_rec_addr_by_ip *entry,
                        struct netvane_rec_addr *ret_rec)
{
    const uint64_t key[4] = {entry->key[2], entry->key[0], entry->key[1], entry->key[3]};
    int w = nv_snap_find(s, NETVANE_TREE_ADDRS, key, ret_rec);
    return w == NV_TREE_END ? NV_TREE_BAD : w;
}

static int seek_ip(const struct nv_snap *s, unsigned family, const uint64_t ip[2],
                   struct nv_cursor *ret_c)
{
    const uint64_t key[4] = {ip[0], ip[1], (uint64_t)family << 32, 0};
    return nv_snap_seek(s, NETVANE_TREE_ADDRS_BY_IP, key, ret_c);
}

/* The next address with this IP. */
static int step_ip(const struct nv_snap *s, struct nv_cursor *c, unsigned family,
                   const uint64_t ip[2], struct netvane_rec_addr *ret_rec)
{
    struct netvane_rec_addr_by_ip entry;
    int w = nv_step(c, &entry);
    if (w != NV_TREE_OK)
        return w;
    if (entry.key[0] != ip[0] || entry.key[1] != ip[1] || entry.key[2] >> 32 != family)
        return NV_TREE_END;
    return follow_entry(s, &entry, ret_rec);
}

int netvane_addr_find(const struct netvane_snap *snap, uint8_t family, const uint8_t *ip,
                      struct netvane_addr *ret_addr)
{
    struct nv_snap s;
    struct nv_cursor c;
    struct netvane_rec_addr rec;
    struct netvane_addr addr;
    uint64_t words[2];
    int r = ret_addr && ip && nv_is_family(family) ? nv_enter(snap, &s) : NETVANE_INVALID;
    if (r)
        return r;
    nv_key_ip(words, family, ip);
    int w = seek_ip(&s, family, words, &c);
    if (w == NV_TREE_OK)
        w = step_ip(&s, &c, family, words, &rec);
    r = nv_leave(&s, w);
    if (r)
        return r;
    nv_addr_show(&rec, &addr);
    return nv_out(ret_addr, &addr, sizeof(addr));
}

int netvane_addr_iter_ip(const struct netvane_snap *snap, uint8_t family, const uint8_t *ip,
                         struct netvane_iter *ret_it)
{
    struct nv_iter it;
    int r = ret_it && ip && nv_is_family(family) ? nv_iter_begin(snap, NV_ITER_ADDRS_BY_IP, &it)
                                                 : NETVANE_INVALID;
    if (r)
        return r;
    it.family = family;
    nv_key_ip(it.ip, family, ip);
    return nv_iter_started(&it, seek_ip(&it.snap, family, it.ip, &it.cursor), ret_it);
}

/* ---- by link and family ------------------------------------------------------------------------------------- */

/* The first place from which on addresses of this family (0: any) and link (0: any) may follow. */
static int seek_link(const struct nv_snap *s, unsigned family, uint32_t ifindex,
                     struct nv_cursor *ret_c)
{
    const uint64_t key[4] = {(uint64_t)family << 32 | ifindex, 0, 0, 0};
    return nv_snap_seek(s, NETVANE_TREE_ADDRS, key, ret_c);
}

int netvane_addr_iter(const struct netvane_snap *snap, uint32_t ifindex, uint8_t family,
                      struct netvane_iter *ret_it)
{
    struct nv_iter it;
    int r = ret_it && (!family || nv_is_family(family)) ? nv_iter_begin(snap, NV_ITER_ADDRS, &it)
                                                        : NETVANE_INVALID;
    if (r)
        return r;
    it.family = family;
    it.now_family = family ? family : NV_AF_4;
    it.ifindex = ifindex;
    return nv_iter_started(&it, seek_link(&it.snap, it.now_family, ifindex, &it.cursor), ret_it);
}

static int step_link(struct nv_iter *it, struct netvane_rec_addr *ret_rec)
{
    for (;;) {
        int w = nv_step(&it->cursor, ret_rec);
        if (w == NV_TREE_BAD)
            return w;
        bool wanted = w == NV_TREE_OK && ret_rec->key[0] >> 32 == it->now_family &&
                      (!it->ifindex || (uint32_t)ret_rec->key[0] == it->ifindex);
        if (wanted)
            return NV_TREE_OK;
        if (it->family || it->now_family == NV_AF_6)
            return NV_TREE_END;
        it->now_family = NV_AF_6;
        w = seek_link(&it->snap, NV_AF_6, it->ifindex, &it->cursor);
        if (w != NV_TREE_OK)
            return w;
    }
}

int netvane_addr_next(struct netvane_iter *iter, struct netvane_addr *ret_addr)
{
    struct nv_iter *it = nv_iter_of(iter);
    struct netvane_rec_addr rec;
    struct netvane_addr addr;
    bool by_ip = it && it->kind == NV_ITER_ADDRS_BY_IP;
    int r =
        ret_addr ? nv_iter_enter(it, by_ip ? NV_ITER_ADDRS_BY_IP : NV_ITER_ADDRS) : NETVANE_INVALID;
    if (r != 1)
        return r;
    int w = by_ip ? step_ip(&it->snap, &it->cursor, it->family, it->ip, &rec) : step_link(it, &rec);
    r = nv_iter_leave(it, w);
    if (r != 1)
        return r;
    nv_addr_show(&rec, &addr);
    r = nv_out(ret_addr, &addr, sizeof(addr));
    return r ? nv_iter_fail(it, r) : 1;
}
