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

/* The fixed header, RTA_TABLE, the header of RTA_DST: three words. */
#define HEAD_WORDS 3u
#define HEAD_BYTES (8 * HEAD_WORDS)

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
    const uint8_t *head, *tail;
    uint32_t tail_bytes; /* a multiple of 4 */
    uint32_t dst_bytes;
};

static inline bool strip(const struct nlmsghdr *nlh, uint32_t dst_bytes, struct stripped *ret)
{
    ret->head = (const uint8_t *)nlh + NLMSG_HDRLEN;
    ret->dst_bytes = dst_bytes;
    const uint32_t skipped = NLMSG_HDRLEN + HEAD_BYTES + ret->dst_bytes;
    if (nlh->nlmsg_len < skipped || nlh->nlmsg_len % 4)
        return false;
    ret->tail = ret->head + HEAD_BYTES + ret->dst_bytes;
    ret->tail_bytes = nlh->nlmsg_len - skipped;
    return ret->tail_bytes <= 8 * (NV_RTNL_KIN_WORDS - HEAD_WORDS);
}

/* The first word, without the destination's length. */
static inline uint64_t first_word(const struct stripped *s)
{
    const uint8_t len[8] = {[offsetof(struct rtmsg, rtm_dst_len)] = 0xff};
    return load64(s->head) & ~load64(len);
}

/* A word of what stands behind the destination; the last one may be half of one. */
static inline uint64_t tail_word(const struct stripped *s, uint32_t at)
{
    return s->tail_bytes - at >= 8 ? load64(s->tail + at) : load32(s->tail + at);
}

static inline uint64_t add_word(uint64_t h, uint64_t w)
{
    return (h << 7 | h >> 57) ^ w;
}

/* Of what mostly tells ways apart. */
static inline uint64_t hash(const struct stripped *s)
{
    uint64_t h = add_word(first_word(s), load64(s->head + 16));
    for (uint32_t at = 0; at < s->tail_bytes; at += 8)
        h = add_word(h, tail_word(s, at));
    return nv_mix(h);
}

static inline bool same(const struct stripped *s, const struct nv_rtnl_kin_slot *slot)
{
    if (!slot->route.kin || slot->tail_bytes != s->tail_bytes)
        return false;
    uint64_t differs = slot->word[0] ^ first_word(s);
    differs |= slot->word[1] ^ load64(s->head + 8);
    differs |= slot->word[2] ^ load64(s->head + 16);
    const uint64_t *word = slot->word + HEAD_WORDS;
    for (uint32_t at = 0; at < s->tail_bytes; at += 8)
        differs |= *word++ ^ tail_word(s, at);
    return !differs;
}

/* Is the message laid out so that its destination is what was left out? */
static bool is_plain(const struct stripped *s)
{
    struct nlattr table, dst;
    memcpy(&table, s->head + sizeof(struct rtmsg), sizeof table);
    memcpy(&dst, s->head + HEAD_BYTES - sizeof dst, sizeof dst);
    return table.nla_type == RTA_TABLE && table.nla_len == 8 && dst.nla_type == RTA_DST &&
           dst.nla_len == sizeof dst + s->dst_bytes;
}

/* Makes a slot of the set the message's, whose route is not known yet. */
static struct nv_rtnl_kin_slot *claim(const struct nv_rtnl_kin *k, struct nv_rtnl_kin_slot *set,
                                      const struct stripped *s)
{
    unsigned way = 0;
    while (way < NV_RTNL_KIN_WAYS && set[way].route.kin)
        way++;
    struct nv_rtnl_kin_slot *slot = &set[way < NV_RTNL_KIN_WAYS ? way : k->last % NV_RTNL_KIN_WAYS];
    uint64_t *word = slot->word;
    slot->route.kin = 0;
    slot->tail_bytes = s->tail_bytes;
    *word++ = first_word(s);
    *word++ = load64(s->head + 8);
    *word++ = load64(s->head + 16);
    for (uint32_t at = 0; at < s->tail_bytes; at += 8)
        *word++ = tail_word(s, at);
    return slot;
}

/* Writes the destination into a known route. False: that message is malformed. */
static inline bool set_dst(struct nv_route *r, const struct stripped *s)
{
    r->dst_len = s->head[offsetof(struct rtmsg, rtm_dst_len)];
    memcpy(r->dst, s->head + HEAD_BYTES, s->dst_bytes);
    return nv_rtnl_prefix(r->dst, r->family, r->dst_len);
}

static inline NV_SPECIALIZED const struct nv_route *find(struct nv_rtnl_kin *k,
                                                         const struct nlmsghdr *nlh,
                                                         uint32_t dst_bytes)
{
    struct stripped s;
    if (!strip(nlh, dst_bytes, &s))
        return NULL;
    struct nv_rtnl_kin_slot *set = k->slots[hash(&s) % NV_RTNL_KIN_SETS];
    for (unsigned way = 0; way < NV_RTNL_KIN_WAYS; way++)
        if (same(&s, &set[way]))
            return set_dst(&set[way].route, &s) ? &set[way].route : NULL;
    if (is_plain(&s))
        k->asked = claim(k, set, &s);
    return NULL;
}

const struct nv_route *nv_rtnl_kin_find(struct nv_rtnl_kin *k, const struct nlmsghdr *nlh)
{
    const struct rtmsg *rtm = (const void *)((const uint8_t *)nlh + NLMSG_HDRLEN);
    k->asked = NULL;
    return rtm->rtm_family == AF_INET ? find(k, nlh, 4) : find(k, nlh, 16);
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
