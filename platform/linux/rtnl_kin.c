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

/* The fixed header and RTA_TABLE, of which the prefix length is taken out. */
#define HEAD_BYTES (sizeof(struct rtmsg) + 8)

static uint64_t hash_of(const uint8_t *bytes, uint32_t len)
{
    uint64_t h = len;
    for (uint32_t at = 0; at < len; at += 8) { /* zero-padded to whole words */
        uint64_t w;
        memcpy(&w, bytes + at, 8);
        h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    return h;
}

/* The bytes of the message without its destination, zero-padded to a multiple of 8; false: not laid out like that. */
static bool strip(const struct nlmsghdr *nlh, uint8_t ret[NV_RTNL_KIN_BYTES], uint32_t *ret_len,
                  const uint8_t **ret_dst)
{
    const uint8_t *head = mnl_nlmsg_get_payload(nlh);
    const struct rtmsg *rtm = (const void *)head;
    const uint32_t dst_bytes = rtm->rtm_family == AF_INET ? 4 : 16;
    const uint32_t skipped = NLMSG_HDRLEN + (uint32_t)HEAD_BYTES + 4 + dst_bytes;
    struct nlattr table, dst;
    if (nlh->nlmsg_len < skipped || nlh->nlmsg_len - 4 - dst_bytes > NV_RTNL_KIN_BYTES)
        return false;
    memcpy(&table, head + sizeof *rtm, sizeof table);
    memcpy(&dst, head + HEAD_BYTES, sizeof dst);
    if (table.nla_type != RTA_TABLE || table.nla_len != 8 || dst.nla_type != RTA_DST ||
        dst.nla_len != 4 + dst_bytes)
        return false;
    const uint32_t rest = nlh->nlmsg_len - skipped;
    memcpy(ret, head, HEAD_BYTES);
    ret[offsetof(struct rtmsg, rtm_dst_len)] = 0;
    memcpy(ret + HEAD_BYTES, head + HEAD_BYTES + 4 + dst_bytes, rest);
    *ret_len = (uint32_t)HEAD_BYTES + rest;
    memset(ret + *ret_len, 0, -*ret_len & 7u);
    *ret_dst = head + HEAD_BYTES + 4;
    return true;
}

const struct nv_route *nv_rtnl_kin_find(struct nv_rtnl_kin *k, const struct nlmsghdr *nlh)
{
    _Alignas(8) uint8_t bytes[NV_RTNL_KIN_BYTES + 8];
    const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
    const uint8_t *dst;
    uint32_t len;
    k->asked = NULL;
    if (!strip(nlh, bytes, &len, &dst))
        return NULL;
    struct nv_rtnl_kin_slot *s = &k->slots[hash_of(bytes, len) % NV_RTNL_KIN_SLOTS];
    if (!s->route.kin || s->len != len || memcmp(s->bytes, bytes, len)) {
        s->route.kin = 0; /* in the middle of being replaced */
        s->len = len;
        memcpy(s->bytes, bytes, len);
        k->asked = s;
        return NULL;
    }
    memcpy(s->route.dst, dst, nv_af_bytes(s->route.family));
    s->route.dst_len = rtm->rtm_dst_len;
    return nv_rtnl_prefix(s->route.dst, s->route.family, s->route.dst_len) ? &s->route : NULL;
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
