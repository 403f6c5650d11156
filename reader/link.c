/* SPDX-License-Identifier: MIT */
/*
 * link.c - finds and lists links.
 *
 * Owns:      the LINKS, NAMES and ALTNAMES trees.
 * Assumes:   the NAMES tree is keyed by the hash of the name, so that equal hashes have to be told apart.
 */
#include "reader.h"

#define NV_NAME_LEN    sizeof(((struct netvane_rec_link *)0)->name)
#define NV_ALTNAME_LEN sizeof(((struct netvane_rec_altname *)0)->name)

_Static_assert(NETVANE_LINK_HAS_LINK == NETVANE_LF_HAS_LINK, "");
_Static_assert(NETVANE_LINK_HAS_LINK_NETNS == NETVANE_LF_HAS_LINK_NETNS, "");
_Static_assert(NETVANE_LINK_HAS_INFO == NETVANE_LF_HAS_INFO, "");
_Static_assert(NETVANE_LINK_PROTO_DOWN == NETVANE_LF_PROTO_DOWN, "");
_Static_assert(NETVANE_LINK_HAS_ADDRGEN == NETVANE_LF_HAS_ADDRGEN, "");
_Static_assert(NETVANE_LINK_HAS_MTU_RANGE == NETVANE_LF_HAS_MINMAX_MTU, "");
_Static_assert(NETVANE_LINK_HAS_TXQLEN == NETVANE_LF_HAS_TXQLEN, "");

static uint8_t bounded_len(uint8_t len)
{
    return len < 32 ? len : 32;
}

void nv_link_show(const struct netvane_rec_link *r, struct netvane_link *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->ifindex = (uint32_t)r->key[0];
    ret->flags = r->flags;
    ret->present = r->present;
    memcpy(ret->name, r->name, sizeof(ret->name) - 1);
    ret->mtu = r->mtu;
    ret->min_mtu = r->min_mtu;
    ret->max_mtu = r->max_mtu;
    ret->txqlen = r->txqlen;
    ret->master = r->master;
    ret->link = r->link;
    ret->link_netnsid = r->link_netnsid;
    ret->group = r->group;
    ret->num_tx_queues = r->num_tx_queues;
    ret->num_rx_queues = r->num_rx_queues;
    ret->type = r->type;
    ret->operstate = r->operstate;
    ret->linkmode = r->linkmode;
    ret->address_len = bounded_len(r->addr_len);
    ret->broadcast_len = bounded_len(r->brd_len);
    ret->perm_address_len = bounded_len(r->perm_len);
    ret->addrgen = r->addrgen;
    memcpy(ret->address, r->addr, sizeof(ret->address));
    memcpy(ret->broadcast, r->brd, sizeof(ret->broadcast));
    memcpy(ret->perm_address, r->perm, sizeof(ret->perm_address));
    ret->kind = r->kind;
    ret->slave_kind = r->slave_kind;
    ret->qdisc = r->qdisc;
    ret->alias = r->alias;
    ret->parent_bus = r->parent_bus;
    ret->parent_dev = r->parent_dev;
    memcpy(ret->info, r->info, sizeof(ret->info));
    ret->altname_count = r->altname_count;
    ret->id = r->id;
}

int nv_link_find(const struct nv_snap *s, uint32_t ifindex, struct netvane_rec_link *ret_rec)
{
    const uint64_t key = ifindex;
    return nv_snap_find(s, NETVANE_TREE_LINKS, &key, ret_rec);
}

int netvane_link_get(const struct netvane_snap *snap, uint32_t ifindex,
                     struct netvane_link *ret_link)
{
    struct nv_snap s;
    struct netvane_rec_link rec;
    struct netvane_link link;
    int r = ret_link ? nv_enter(snap, &s) : NETVANE_INVALID;
    if (r)
        return r;
    r = nv_leave(&s, nv_link_find(&s, ifindex, &rec));
    if (r)
        return r;
    nv_link_show(&rec, &link);
    return nv_out(ret_link, &link, sizeof(link));
}

/* ---- by name ----------------------------------------------------------------------------------------- */

static int altname_find(const struct nv_snap *s, uint32_t ifindex, uint32_t index,
                        struct netvane_rec_altname *ret_rec)
{
    const uint64_t key = (uint64_t)ifindex << 32 | index;
    int w = nv_snap_find(s, NETVANE_TREE_ALTNAMES, &key, ret_rec);
    return w == NV_TREE_OK && ret_rec->len > NV_ALTNAME_LEN ? NV_TREE_BAD : w;
}

/* Is the NAMES entry (link, index) really this name? Then ret_rec is the link. */
static int entry_matches(const struct nv_snap *s, uint64_t entry, const char *name, size_t len,
                         struct netvane_rec_link *ret_rec)
{
    struct netvane_rec_altname alt;
    uint32_t ifindex = (uint32_t)(entry >> 32);
    uint32_t index = (uint32_t)entry;
    int w = nv_link_find(s, ifindex, ret_rec);
    if (w == NV_TREE_END)
        return NV_TREE_BAD; /* a name without its link */
    if (w != NV_TREE_OK)
        return w;
    if (!index) {
        if (len < NV_NAME_LEN && !memcmp(ret_rec->name, name, len) && !ret_rec->name[len])
            return NV_TREE_OK;
        return NV_TREE_END;
    }
    w = altname_find(s, ifindex, index, &alt);
    if (w == NV_TREE_END)
        return NV_TREE_BAD;
    if (w != NV_TREE_OK)
        return w;
    return alt.len == len && !memcmp(alt.name, name, len) ? NV_TREE_OK : NV_TREE_END;
}

static int find_by_name(const struct nv_snap *s, const char *name, size_t len,
                        struct netvane_rec_link *ret_rec)
{
    struct nv_cursor c;
    struct netvane_rec_name rec;
    const uint64_t key[2] = {nv_hash(name, len), 0};
    int w = nv_snap_seek(s, NETVANE_TREE_NAMES, key, &c);
    for (; w == NV_TREE_OK; w = nv_cursor_next(&c)) {
        w = nv_cursor_get(&c, &rec);
        if (w != NV_TREE_OK)
            return w;
        if (rec.key[0] != key[0])
            return NV_TREE_END;
        w = entry_matches(s, rec.key[1], name, len, ret_rec);
        if (w != NV_TREE_END)
            return w;
    }
    return w;
}

int netvane_link_get_by_name(const struct netvane_snap *snap, const char *name,
                             struct netvane_link *ret_link)
{
    struct nv_snap s;
    struct netvane_rec_link rec;
    struct netvane_link link;
    int r = ret_link && name ? nv_enter(snap, &s) : NETVANE_INVALID;
    if (r)
        return r;
    size_t len = strlen(name);
    r = nv_leave(&s,
                 len && len <= NV_ALTNAME_LEN ? find_by_name(&s, name, len, &rec) : NV_TREE_END);
    if (r)
        return r;
    nv_link_show(&rec, &link);
    return nv_out(ret_link, &link, sizeof(link));
}

int netvane_link_altname(const struct netvane_snap *snap, uint32_t ifindex, uint32_t index,
                         char *buf, size_t size)
{
    struct nv_snap s;
    struct netvane_rec_altname alt;
    int r = buf ? nv_enter(snap, &s) : NETVANE_INVALID;
    if (r)
        return r;
    r = nv_leave(&s, index < UINT32_MAX ? altname_find(&s, ifindex, index + 1, &alt) : NV_TREE_END);
    if (r)
        return r;
    if (alt.len >= size)
        return NETVANE_TRUNCATED;
    memcpy(buf, alt.name, alt.len);
    buf[alt.len] = '\0';
    return (int)alt.len;
}

/* ---- all ------------------------------------------------------------------------------------------------- */

int netvane_link_iter(const struct netvane_snap *snap, struct netvane_iter *ret_it)
{
    struct nv_iter it;
    int r = ret_it ? nv_iter_begin(snap, NV_ITER_LINKS, &it) : NETVANE_INVALID;
    if (r)
        return r;
    return nv_iter_started(&it, nv_snap_seek(&it.snap, NETVANE_TREE_LINKS, NULL, &it.cursor),
                           ret_it);
}

int netvane_link_next(struct netvane_iter *iter, struct netvane_link *ret_link)
{
    struct nv_iter *it = nv_iter_of(iter);
    struct netvane_rec_link rec;
    struct netvane_link link;
    int r = ret_link ? nv_iter_enter(it, NV_ITER_LINKS) : NETVANE_INVALID;
    if (r != 1)
        return r;
    r = nv_iter_leave(it, nv_step(&it->cursor, &rec));
    if (r != 1)
        return r;
    nv_link_show(&rec, &link);
    r = nv_out(ret_link, &link, sizeof(link));
    return r ? nv_iter_fail(it, r) : 1;
}
