/* SPDX-License-Identifier: MIT */
/*
 * mirror_link.c - links, their names, and what a link takes along when it goes.
 *
 * A partial message changes only what it names; a complete one that lacks an attribute says that it is absent. The
 * record's id is given anew after a DELLINK: identity is the ifindex and the life between NEWLINK and DELLINK.
 */
#include "mirror.h"

static uint64_t name_hash(const char *name, size_t len)
{
    return nv_hash(name, len);
}

static size_t name_len(const char *name, size_t max)
{
    size_t n = 0;
    while (n < max && name[n])
        n++;
    return n;
}

static void put_name(struct nv_mirror *m, const char *name, size_t len, uint32_t ifindex,
                     uint32_t index, uint32_t id)
{
    struct netvane_rec_name r = {.key = {name_hash(name, len), (uint64_t)ifindex << 32 | index},
                                 .id = id};
    (void)nv_draft_put(&m->draft, NETVANE_TREE_NAMES, &r);
}

static void delete_name(struct nv_mirror *m, const char *name, size_t len, uint32_t ifindex,
                        uint32_t index)
{
    uint64_t key[2] = {name_hash(name, len), (uint64_t)ifindex << 32 | index};
    (void)nv_draft_delete(&m->draft, NETVANE_TREE_NAMES, key);
}

static bool get_altname(const struct nv_mirror *m, uint32_t ifindex, uint32_t index,
                        struct netvane_rec_altname *ret)
{
    uint64_t key[1] = {(uint64_t)ifindex << 32 | index};
    return nv_draft_find(&m->draft, NETVANE_TREE_ALTNAMES, key, ret);
}

static uint64_t content_of(const struct nv_mirror *m, const struct netvane_rec_link *r)
{
    const struct nv_intern *s = &m->strings;
    const uint64_t texts[6] = {
        nv_intern_content(s, r->kind),       nv_intern_content(s, r->slave_kind),
        nv_intern_content(s, r->qdisc),      nv_intern_content(s, r->alias),
        nv_intern_content(s, r->parent_bus), nv_intern_content(s, r->parent_dev)};
    uint64_t h = nv_content_link(r, texts);
    for (uint32_t i = 1; i <= r->altname_count; i++) {
        struct netvane_rec_altname a;
        if (get_altname(m, (uint32_t)r->key[0], i, &a))
            h = nv_content_fold(h, nv_content_text(a.name, a.len));
    }
    return h;
}

static void set_text(struct nv_mirror *m, uint32_t *field, struct nv_text text)
{
    *field = nv_mirror_text(m, text.bytes, text.len);
}

static void ref_texts(struct nv_mirror *m, const struct netvane_rec_link *r)
{
    nv_intern_ref(&m->strings, r->kind);
    nv_intern_ref(&m->strings, r->slave_kind);
    nv_intern_ref(&m->strings, r->qdisc);
    nv_intern_ref(&m->strings, r->alias);
    nv_intern_ref(&m->strings, r->parent_bus);
    nv_intern_ref(&m->strings, r->parent_dev);
}

static void unref_texts(struct nv_mirror *m, const struct netvane_rec_link *r)
{
    nv_intern_unref(&m->strings, r->kind);
    nv_intern_unref(&m->strings, r->slave_kind);
    nv_intern_unref(&m->strings, r->qdisc);
    nv_intern_unref(&m->strings, r->alias);
    nv_intern_unref(&m->strings, r->parent_bus);
    nv_intern_unref(&m->strings, r->parent_dev);
}

/* Replaces the text behind `field` (which holds a reference) if the message says something about it. */
static void merge_text(struct nv_mirror *m, uint32_t *field, struct nv_text text, bool has,
                       bool complete)
{
    if (!has && !complete)
        return;
    uint32_t before = *field;
    set_text(m, field, has ? text : (struct nv_text){0});
    nv_intern_unref(&m->strings, before);
}

static void set_present(struct netvane_rec_link *r, uint32_t bit, bool on)
{
    r->present = on ? r->present | bit : r->present & ~bit;
}

static void merge(struct nv_mirror *m, struct netvane_rec_link *r, const struct nv_link *f)
{
    const bool complete = f->has & NV_LINK_COMPLETE;
    r->flags = f->flags;
    r->type = f->type;
    if (f->has & NV_LINK_HAS_NAME)
        memcpy(r->name, f->name, sizeof(r->name));
    if (f->has & NV_LINK_HAS_MTU)
        r->mtu = f->mtu;
    if (f->has & NV_LINK_HAS_MTU_RANGE || complete) {
        r->min_mtu = f->min_mtu;
        r->max_mtu = f->max_mtu;
        set_present(r, NETVANE_LF_HAS_MINMAX_MTU, f->has & NV_LINK_HAS_MTU_RANGE);
    }
    if (f->has & NV_LINK_HAS_TXQLEN || complete) {
        r->txqlen = f->txqlen;
        set_present(r, NETVANE_LF_HAS_TXQLEN, f->has & NV_LINK_HAS_TXQLEN);
    }
    if (f->has & NV_LINK_HAS_OPERSTATE || complete)
        r->operstate = f->operstate;
    if (f->has & NV_LINK_HAS_LINKMODE || complete)
        r->linkmode = f->linkmode;
    if (f->has & NV_LINK_HAS_GROUP || complete)
        r->group = f->group;
    if (f->has & NV_LINK_HAS_QUEUES || complete) {
        r->num_tx_queues = f->num_tx_queues;
        r->num_rx_queues = f->num_rx_queues;
    }
    if (f->has & NV_LINK_HAS_MASTER || complete)
        r->master = f->has & NV_LINK_HAS_MASTER ? f->master : 0;
    if (f->has & NV_LINK_HAS_ADDR || complete) {
        memcpy(r->addr, f->addr, sizeof(r->addr));
        r->addr_len = f->addr_len;
    }
    if (f->has & NV_LINK_HAS_BRD || complete) {
        memcpy(r->brd, f->brd, sizeof(r->brd));
        r->brd_len = f->brd_len;
    }
    if (f->has & NV_LINK_HAS_PERM || complete) {
        memcpy(r->perm, f->perm, sizeof(r->perm));
        r->perm_len = f->perm_len;
    }
    if (f->has & NV_LINK_HAS_LINK || complete) {
        r->link = f->has & NV_LINK_HAS_LINK ? f->link : 0;
        set_present(r, NETVANE_LF_HAS_LINK, f->has & NV_LINK_HAS_LINK);
    }
    if (f->has & NV_LINK_HAS_LINK_NETNS || complete) {
        r->link_netnsid = f->has & NV_LINK_HAS_LINK_NETNS ? f->link_netnsid : 0;
        set_present(r, NETVANE_LF_HAS_LINK_NETNS, f->has & NV_LINK_HAS_LINK_NETNS);
    }
    if (f->has & NV_LINK_HAS_INFO || complete) {
        memcpy(r->info, f->info, sizeof(r->info));
        set_present(r, NETVANE_LF_HAS_INFO, f->has & NV_LINK_HAS_INFO);
    }
    if (f->has & NV_LINK_HAS_ADDRGEN || complete) {
        r->addrgen = f->addrgen;
        set_present(r, NETVANE_LF_HAS_ADDRGEN, f->has & NV_LINK_HAS_ADDRGEN);
    }
    if (f->has & NV_LINK_HAS_PROTO_DOWN || complete)
        set_present(r, NETVANE_LF_PROTO_DOWN, f->has & NV_LINK_HAS_PROTO_DOWN && f->proto_down);
    merge_text(m, &r->kind, f->kind, f->has & NV_LINK_HAS_KIND, complete);
    merge_text(m, &r->slave_kind, f->slave_kind, f->has & NV_LINK_HAS_SLAVE_KIND, complete);
    merge_text(m, &r->qdisc, f->qdisc, f->has & NV_LINK_HAS_QDISC, complete);
    merge_text(m, &r->alias, f->alias, f->has & NV_LINK_HAS_ALIAS, complete);
    merge_text(m, &r->parent_bus, f->parent_bus, f->has & NV_LINK_HAS_PARENT, complete);
    merge_text(m, &r->parent_dev, f->parent_dev, f->has & NV_LINK_HAS_PARENT, complete);
}

static bool altnames_equal(const struct nv_mirror *m, uint32_t ifindex, uint32_t count,
                           const struct nv_link *f)
{
    if (count != f->altname_count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct netvane_rec_altname a;
        if (!get_altname(m, ifindex, i + 1, &a) || a.len != f->altnames[i].len ||
            memcmp(a.name, f->altnames[i].bytes, a.len))
            return false;
    }
    return true;
}

static void delete_altnames(struct nv_mirror *m, uint32_t ifindex, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++) {
        struct netvane_rec_altname a;
        if (!get_altname(m, ifindex, i, &a))
            continue;
        delete_name(m, a.name, a.len, ifindex, i);
        (void)nv_draft_delete(&m->draft, NETVANE_TREE_ALTNAMES, a.key);
    }
}

static void put_altnames(struct nv_mirror *m, uint32_t ifindex, uint32_t id,
                         const struct nv_link *f)
{
    for (uint32_t i = 0; i < f->altname_count; i++) {
        struct netvane_rec_altname a = {.key = {(uint64_t)ifindex << 32 | (i + 1)}, .id = id};
        a.len =
            f->altnames[i].len < sizeof(a.name) ? f->altnames[i].len : (uint32_t)sizeof(a.name) - 1;
        memcpy(a.name, f->altnames[i].bytes, a.len);
        (void)nv_draft_put(&m->draft, NETVANE_TREE_ALTNAMES, &a);
        put_name(m, a.name, a.len, ifindex, i + 1, id);
    }
}

enum nv_effect nv_mirror_link_put(struct nv_mirror *m, const struct nv_link *f)
{
    struct netvane_rec_link old = {0};
    bool known = nv_mirror_link(m, f->ifindex, &old);
    if (!known && !(f->has & NV_LINK_HAS_NAME))
        return NV_SUSPECT; /* a partial message about a link that was never seen */
    if (!nv_mirror_reserve(m, NV_K_LINK))
        return NV_REFUSED;
    uint64_t before = known ? content_of(m, &old) : 0;
    struct netvane_rec_link r = old;
    ref_texts(m, &old);
    r.key[0] = f->ifindex;
    merge(m, &r, f);
    bool alt_same =
        !(f->has & NV_LINK_COMPLETE) || altnames_equal(m, f->ifindex, old.altname_count, f);
    if (known) {
        nv_bit_set(m->ids[NV_K_LINK].seen, old.id);
        nv_bit_clear(m->ids[NV_K_LINK].missed, old.id);
        if (alt_same && !memcmp(&r, &old, sizeof(r))) {
            unref_texts(m, &r);
            return NV_SAME;
        }
    } else {
        r.id = nv_ids_take(&m->ids[NV_K_LINK]);
    }
    if (!alt_same) {
        delete_altnames(m, f->ifindex, old.altname_count);
        put_altnames(m, f->ifindex, r.id, f);
        r.altname_count = f->altname_count;
    }
    if (known && memcmp(old.name, r.name, sizeof(r.name)))
        delete_name(m, old.name, name_len(old.name, sizeof(old.name)), f->ifindex, 0);
    if (!known || memcmp(old.name, r.name, sizeof(r.name)))
        put_name(m, r.name, name_len(r.name, sizeof(r.name)), f->ifindex, 0, r.id);
    (void)nv_draft_put(&m->draft, NETVANE_TREE_LINKS, &r);
    nv_mirror_note(m, NV_K_LINK, &r);
    if (known)
        unref_texts(m, &old);
    nv_mirror_account(m, NV_K_LINK, r.key, before, content_of(m, &r));
    m->choice_stale[0] = m->choice_stale[1] = true;
    return NV_CHANGED;
}

void nv_mirror_drop_link(struct nv_mirror *m, const struct netvane_rec_link *r)
{
    uint32_t ifindex = (uint32_t)r->key[0];
    uint64_t before = content_of(m, r);
    delete_altnames(m, ifindex, r->altname_count);
    delete_name(m, r->name, name_len(r->name, sizeof(r->name)), ifindex, 0);
    (void)nv_draft_delete(&m->draft, NETVANE_TREE_LINKS, r->key);
    unref_texts(m, r);
    nv_ids_free(&m->ids[NV_K_LINK], r->id);
    nv_mirror_account(m, NV_K_LINK, r->key, before, 0);
    m->choice_stale[0] = m->choice_stale[1] = true;
}

/* Addresses of a family on a link. */
static void drop_addrs(struct nv_mirror *m, uint32_t ifindex, uint8_t family)
{
    for (;;) {
        struct nv_tree t = nv_draft_tree(&m->draft, NETVANE_TREE_ADDRS);
        uint64_t key[4] = {(uint64_t)family << 32 | ifindex, 0, 0, 0};
        struct nv_cursor c;
        struct netvane_rec_addr r;
        if (nv_cursor_seek(&c, &t, key) != NV_TREE_OK || nv_cursor_get(&c, &r) != NV_TREE_OK ||
            r.key[0] != key[0] || !nv_mirror_reserve_removal(m, NV_K_ADDR))
            return;
        nv_mirror_drop_addr(m, &r);
    }
}

enum nv_effect nv_mirror_link_remove(struct nv_mirror *m, uint32_t ifindex)
{
    struct netvane_rec_link old;
    if (!nv_mirror_link(m, ifindex, &old))
        return NV_SAME;
    if (!nv_mirror_reserve_removal(m, NV_K_LINK))
        return NV_REFUSED;
    drop_addrs(m, ifindex, NV_AF_4);
    drop_addrs(m, ifindex, NV_AF_6);
    nv_mirror_routes_of_gone_link(m, ifindex);
    if (!nv_mirror_reserve_removal(m, NV_K_LINK))
        return NV_REFUSED;
    nv_mirror_drop_link(m, &old);
    return NV_CHANGED;
}
