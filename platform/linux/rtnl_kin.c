/* SPDX-License-Identifier: MIT */
/*
 * rtnl_kin.c - a small table of decoded routes, keyed by their messages without the destination.
 *
 * A full table has millions of destinations and some dozens of ways. The kernel's messages begin with the fixed header, the
 * table and the destination (linux/net/ipv4/fib_semantics.c, fib_dump_info; linux/net/ipv6/route.c, rt6_fill_node); what
 * stands behind that is compared as bytes. A message that is laid out otherwise is just not found.
 */
#include "rtnl_kin.h"

#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "nv/base.h"
#include "rtnl_decode.h"

/* The fixed header and RTA_TABLE: two words and a half. */
#define HEAD_BYTES (sizeof(struct rtmsg) + 8)

static uint64_t load64(const uint8_t *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static uint32_t load32(const uint8_t *p)
{
    uint32_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

/* A message without its destination. */
struct stripped {
    uint64_t word[NV_RTNL_KIN_WORDS];
    uint32_t words;
    uint64_t hash;
    const uint8_t *dst;
};

static inline void add_word(struct stripped *s, uint64_t w)
{
    s->word[s->words++] = w;
    s->hash = nv_hash_word(s->hash, w);
}

/* False: the message is not laid out like that, or too long. */
static inline bool strip(const struct nlmsghdr *nlh, struct stripped *s)
{
    const uint8_t *head = mnl_nlmsg_get_payload(nlh);
    const struct rtmsg *rtm = (const void *)head;
    const uint32_t dst_bytes = rtm->rtm_family == AF_INET ? 4 : 16;
    const uint32_t skipped = NLMSG_HDRLEN + (uint32_t)HEAD_BYTES + 4 + dst_bytes;
    struct nlattr table, dst;
    if (nlh->nlmsg_len < skipped || nlh->nlmsg_len % 4 ||
        nlh->nlmsg_len - skipped > 8 * (NV_RTNL_KIN_WORDS - 3))
        return false;
    memcpy(&table, head + sizeof *rtm, sizeof table);
    memcpy(&dst, head + HEAD_BYTES, sizeof dst);
    if (table.nla_type != RTA_TABLE || table.nla_len != 8 || dst.nla_type != RTA_DST ||
        dst.nla_len != 4 + dst_bytes)
        return false;
    uint64_t first = load64(head);
    ((uint8_t *)&first)[offsetof(struct rtmsg, rtm_dst_len)] = 0;
    s->words = 0;
    s->hash = nlh->nlmsg_len;
    s->dst = head + HEAD_BYTES + 4;
    add_word(s, first);
    add_word(s, load64(head + 8));
    add_word(s, load32(head + 16));
    const uint8_t *p = s->dst + dst_bytes;
    uint32_t left = nlh->nlmsg_len - skipped;
    for (; left >= 8; left -= 8, p += 8)
        add_word(s, load64(p));
    if (left)
        add_word(s, load32(p));
    return true;
}

static inline bool same(const struct stripped *s, const struct nv_rtnl_kin_slot *slot)
{
    if (!slot->route.kin || slot->words != s->words)
        return false;
    uint64_t differs = 0;
    for (uint32_t i = 0; i < s->words; i++)
        differs |= slot->word[i] ^ s->word[i];
    return !differs;
}

const struct nv_route *nv_rtnl_kin_find(struct nv_rtnl_kin *k, const struct nlmsghdr *nlh)
{
    const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
    struct stripped s;
    k->asked = NULL;
    if (!strip(nlh, &s))
        return NULL;
    struct nv_rtnl_kin_slot *slot = &k->slots[nv_mix(s.hash) % NV_RTNL_KIN_SLOTS];
    if (!same(&s, slot)) {
        slot->route.kin = 0; /* in the middle of being replaced */
        slot->words = s.words;
        memcpy(slot->word, s.word, s.words * sizeof(s.word[0]));
        k->asked = slot;
        return NULL;
    }
    memcpy(slot->route.dst, s.dst, nv_af_bytes(slot->route.family));
    slot->route.dst_len = rtm->rtm_dst_len;
    return nv_rtnl_prefix(slot->route.dst, slot->route.family, slot->route.dst_len) ? &slot->route
                                                                                    : NULL;
}

void nv_rtnl_kin_keep(struct nv_rtnl_kin *k, struct nv_route *r)
{
    struct nv_rtnl_kin_slot *s = k->asked;
    if (!s || r->hop_count > 1 || (r->hop_count && r->hops[0].encap.len) || r->has_expires)
        return;
    k->asked = NULL;
    k->last += 1u + (k->last == UINT32_MAX);
    r->kin = k->last;
    s->route = *r;
    if (r->hop_count)
        s->hop = r->hops[0];
    s->route.hops = &s->hop;
}
