/* SPDX-License-Identifier: MIT */
/*
 * mirror_addr.c - addresses, by link and by IP.
 *
 * Identity is the kernel's: IPv4 (link, local, prefix length, network of the peer), IPv6 (link, address). An address
 * of a link that the mirror does not hold yet is not taken: no State shows an address of a link that is not there.
 * Lifetimes that moved by less than LIFETIME_SLACK are the same lifetime, read at another moment.
 */
#include "limits.h"
#include "mirror.h"

#define LIFETIME_SLACK (UINT64_C(2) * NV_NS_PER_S)

static void key_of(const struct nv_addr *f, uint64_t key[4])
{
    key[0] = (uint64_t)f->family << 32 | f->ifindex;
    if (f->family == NV_AF_4) {
        uint32_t mask = f->prefix_len ? UINT32_MAX << (32u - f->prefix_len) : 0;
        key[1] = 0;
        key[2] = nv_load_be32(f->local);
        key[3] =
            (uint64_t)f->prefix_len << 32 | (nv_load_be32(f->has_peer ? f->peer : f->local) & mask);
    } else {
        key[1] = nv_load_be64(f->local);
        key[2] = nv_load_be64(f->local + 8);
        key[3] = 0;
    }
}

static uint64_t until(uint32_t seconds, uint64_t now_ns)
{
    return seconds == UINT32_MAX ? NV_FOREVER : now_ns + (uint64_t)seconds * NV_NS_PER_S;
}

/* Keeps the old end of a lifetime where the new one is the same, read later. */
static uint64_t steady(uint64_t before, uint64_t now)
{
    if (before == NV_FOREVER || now == NV_FOREVER)
        return now;
    uint64_t distance = before > now ? before - now : now - before;
    return distance < LIFETIME_SLACK ? before : now;
}

/*
 * Order matters: the first IPv4 address is the primary one, and of equal IPv6 addresses the first is the source. Entries of the link from position `from` on move by delta; returns
 * how many entries and how many primary ones there are. A link with more than SHIFT_MAX is left to the re-read.
 */
static void shift(struct nv_mirror *m, uint64_t key0, uint32_t from, int delta, uint32_t *ret_count,
                  uint32_t *ret_primaries)
{
    enum { SHIFT_MAX = 64, SECONDARY = 0x01 /* IFA_F_SECONDARY */ };
    struct nv_tree t = nv_draft_tree(&m->draft, NETVANE_TREE_ADDRS);
    uint64_t key[4] = {key0, 0, 0, 0};
    struct nv_cursor c;
    struct netvane_rec_addr on[SHIFT_MAX], r;
    uint32_t count = 0, primaries = 0;
    for (int more = nv_cursor_seek(&c, &t, key); more == NV_TREE_OK; more = nv_cursor_next(&c)) {
        if (nv_cursor_get(&c, &r) != NV_TREE_OK || r.key[0] != key0)
            break;
        if (count < SHIFT_MAX)
            on[count] = r;
        count++;
        primaries += !(r.flags & SECONDARY);
    }
    *ret_count = count;
    *ret_primaries = primaries;
    if (!delta || count > SHIFT_MAX)
        return;
    for (uint32_t i = 0; i < count; i++) {
        if (on[i].position < from || !nv_mirror_reserve_removal(m, NV_K_ADDR))
            continue;
        uint64_t before = nv_content_addr(&on[i]);
        on[i].position += (uint32_t)delta;
        (void)nv_draft_put(&m->draft, NETVANE_TREE_ADDRS, &on[i]);
        nv_mirror_account(m, NV_K_ADDR, on[i].key, before, nv_content_addr(&on[i]));
    }
}

/* The kernel's scope of an IPv6 address by that of rtnetlink: 2 link (a host's, too), 5 site, 14 global. */
static unsigned scope6(const struct netvane_rec_addr *r)
{
    return r->scope >= NV_SCOPE_LINK ? 2 : r->scope ? 5 : 14;
}

/*
 * Where the kernel puts a new IPv6 address: before all of no wider scope, so that the last comes first
 * (linux/net/ipv6/addrconf.c, ipv6_link_dev_addr; Linux 7.0 to 7.1 put it behind its equals, and the next dump tells).
 */
static uint32_t open_gap6(struct nv_mirror *m, const struct netvane_rec_addr *r)
{
    struct nv_tree t = nv_draft_tree(&m->draft, NETVANE_TREE_ADDRS);
    uint64_t key[4] = {r->key[0], 0, 0, 0};
    struct nv_cursor c;
    struct netvane_rec_addr at;
    uint32_t wider = 0, count, primaries;
    for (int more = nv_cursor_seek(&c, &t, key); more == NV_TREE_OK; more = nv_cursor_next(&c)) {
        if (nv_cursor_get(&c, &at) != NV_TREE_OK || at.key[0] != r->key[0])
            break;
        wider += scope6(&at) > scope6(r);
    }
    shift(m, r->key[0], wider, 1, &count, &primaries);
    return wider;
}

/* Where the kernel puts a new IPv4 address: behind the primary ones, or at the end. Makes the place. */
static uint32_t open_gap(struct nv_mirror *m, const struct netvane_rec_addr *r)
{
    uint32_t count, primaries;
    shift(m, r->key[0], 0, 0, &count, &primaries);
    if (r->flags & 0x01u)
        return count;
    shift(m, r->key[0], primaries, 1, &count, &primaries);
    return primaries;
}

static uint32_t next_position(struct nv_run *run, uint64_t key0)
{
    if (!run->valid || run->key[0] != key0) {
        run->valid = true;
        run->key[0] = key0;
        run->position = 0;
    }
    return run->position++;
}

enum nv_effect nv_mirror_addr_put(struct nv_mirror *m, const struct nv_addr *f, bool from_dump,
                                  uint64_t now_ns)
{
    struct netvane_rec_link link;
    struct netvane_rec_addr old, r = {.flags = f->flags,
                                      .prefix_len = f->prefix_len,
                                      .scope = f->scope,
                                      .protocol = f->protocol,
                                      .metric = f->has_metric ? f->metric : 0,
                                      .valid_until_ns = until(f->valid_s, now_ns),
                                      .preferred_until_ns = until(f->preferred_s, now_ns)};
    key_of(f, r.key);
    if (!nv_mirror_link(m, f->ifindex, &link))
        return NV_SUSPECT;
    if (!nv_mirror_reserve(m, NV_K_ADDR))
        return NV_REFUSED;
    memcpy(r.peer, f->has_peer ? f->peer : f->local, nv_af_bytes(f->family));
    if (f->has_broadcast)
        memcpy(r.broadcast, f->broadcast, sizeof(r.broadcast));
    if (f->has_label)
        memcpy(r.label, f->label, sizeof(r.label));
    r.present = (f->has_peer ? NETVANE_AF_HAS_PEER : 0u) |
                (f->has_broadcast ? NETVANE_AF_HAS_BROADCAST : 0u) |
                (f->has_label ? NETVANE_AF_HAS_LABEL : 0u) |
                (f->has_metric ? NETVANE_AF_HAS_METRIC : 0u);
    bool known = nv_draft_find(&m->draft, NETVANE_TREE_ADDRS, r.key, &old);
    if (from_dump)
        r.position = next_position(&m->run, r.key[0]);
    else
        r.position = known                  ? old.position
                     : f->family == NV_AF_4 ? open_gap(m, &r)
                                            : open_gap6(m, &r);
    if (known) {
        nv_bit_set(m->ids[NV_K_ADDR].seen, old.id);
        nv_bit_clear(m->ids[NV_K_ADDR].missed, old.id);
        r.id = old.id;
        r.valid_until_ns = steady(old.valid_until_ns, r.valid_until_ns);
        r.preferred_until_ns = steady(old.preferred_until_ns, r.preferred_until_ns);
        if (!memcmp(&r, &old, sizeof(r)))
            return NV_SAME;
    } else {
        if (!nv_mirror_reserve(m, NV_K_ADDR))
            return NV_REFUSED;
        r.id = nv_ids_take(&m->ids[NV_K_ADDR]);
        struct netvane_rec_addr_by_ip by_ip = {.key = {r.key[1], r.key[2], r.key[0], r.key[3]},
                                               .id = r.id};
        (void)nv_draft_put(&m->draft, NETVANE_TREE_ADDRS_BY_IP, &by_ip);
    }
    (void)nv_draft_put(&m->draft, NETVANE_TREE_ADDRS, &r);
    nv_mirror_note(m, NV_K_ADDR, &r);
    uint64_t before = known ? nv_content_addr(&old) : 0, after = nv_content_addr(&r);
    nv_mirror_account(m, NV_K_ADDR, r.key, before, after);
    return known && before == after ? NV_TOUCHED : NV_CHANGED;
}

void nv_mirror_drop_addr(struct nv_mirror *m, const struct netvane_rec_addr *r)
{
    uint64_t by_ip[4] = {r->key[1], r->key[2], r->key[0], r->key[3]};
    (void)nv_draft_delete(&m->draft, NETVANE_TREE_ADDRS_BY_IP, by_ip);
    (void)nv_draft_delete(&m->draft, NETVANE_TREE_ADDRS, r->key);
    nv_ids_free(&m->ids[NV_K_ADDR], r->id);
    nv_mirror_account(m, NV_K_ADDR, r->key, nv_content_addr(r), 0);
}

enum nv_effect nv_mirror_addr_remove(struct nv_mirror *m, const struct nv_addr *f)
{
    struct netvane_rec_addr r;
    uint64_t key[4];
    key_of(f, key);
    if (!nv_draft_find(&m->draft, NETVANE_TREE_ADDRS, key, &r))
        return NV_SAME;
    if (!nv_mirror_reserve_removal(m, NV_K_ADDR))
        return NV_REFUSED;
    nv_mirror_drop_addr(m, &r);
    uint32_t count, primaries;
    shift(m, r.key[0], r.position + 1, -1, &count, &primaries);
    return NV_CHANGED;
}
