/* SPDX-License-Identifier: MIT */
/*
 * packet.c - parses IPv4 and IPv6 headers as far as routing and rules look into them.
 *
 * What is checked is what the kernel checks before it routes (ip_rcv_core, ip6_rcv_core); ports are found as its flow
 * dissector finds them for rules: not in fragments, behind the extension headers.
 */
#include "packet.h"

#include <netinet/in.h>
#include <string.h>

#define ETHERTYPE_IPV4 0x0800u
#define ETHERTYPE_IPV6 0x86ddu
#define EXTENSIONS_MAX 8 /* IPv6 headers that are walked over; who has more has no ports */

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

uint32_t packet_sum(const uint8_t *bytes, size_t len, uint32_t sum)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += get16(bytes + i);
    if (len % 2)
        sum += (uint32_t)bytes[len - 1] << 8;
    return (sum & 0xffffu) + (sum >> 16);
}

uint16_t packet_sum_end(uint32_t sum)
{
    sum = (sum & 0xffffu) + (sum >> 16);
    sum = (sum & 0xffffu) + (sum >> 16);
    return (uint16_t)~sum;
}

static bool has_ports(uint8_t proto)
{
    return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
           proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE;
}

static void take_ports(struct packet *p)
{
    p->sport = p->dport = 0;
    if (p->fragment || !has_ports(p->proto) || p->upper + 4 > p->len)
        return;
    p->sport = get16(p->frame + p->upper);
    p->dport = get16(p->frame + p->upper + 2);
}

/* ---- IPv4 --------------------------------------------------------------------------------------- */

static enum packet_kind parse4(struct packet *p)
{
    const uint8_t *ip = p->frame + PACKET_ETHERNET;
    if (p->len < PACKET_ETHERNET + 20 || ip[0] >> 4 != 4)
        return PACKET_BAD;
    const uint32_t header = (ip[0] & 0xfu) * 4u, total = get16(ip + 2);
    if (header < 20 || total < header || PACKET_ETHERNET + total > p->len)
        return PACKET_BAD;
    if (packet_sum_end(packet_sum(ip, header, 0)))
        return PACKET_BAD;
    p->len = PACKET_ETHERNET + total;
    p->family = 4;
    p->tos = ip[1];
    p->ttl = ip[8];
    p->proto = ip[9];
    p->later = (get16(ip + 6) & 0x1fffu) != 0;
    p->fragment = (get16(ip + 6) & 0x3fffu) != 0;
    p->upper = PACKET_ETHERNET + header;
    p->src = ip + 12;
    p->dst = ip + 16;
    take_ports(p);
    if (p->dst[0] >> 4 == 14 || get16(p->dst) == 0xffff)
        return PACKET_HOST; /* multicast, and 255.255.255.255 */
    return header > 20 ? PACKET_EXCEPTION : PACKET_ROUTE;
}

/* ---- IPv6 --------------------------------------------------------------------------------------- */

static bool is_extension(uint8_t proto)
{
    return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS ||
           proto == IPPROTO_FRAGMENT;
}

/* Walks to the last header. */
static void find_upper6(struct packet *p)
{
    for (int i = 0; i < EXTENSIONS_MAX && is_extension(p->proto); i++) {
        if (p->upper + 8 > p->len)
            return;
        const uint8_t *header = p->frame + p->upper;
        uint32_t len = 8;
        if (p->proto == IPPROTO_FRAGMENT) {
            p->fragment = true;
            p->later = (get16(header + 2) & 0xfff8u) != 0;
        } else {
            len = (header[1] + 1u) * 8u;
        }
        if (p->upper + len > p->len)
            return;
        p->proto = header[0];
        p->upper += len;
        if (p->later)
            return;
    }
}

static enum packet_kind parse6(struct packet *p)
{
    const uint8_t *ip = p->frame + PACKET_ETHERNET;
    if (p->len < PACKET_ETHERNET + 40 || ip[0] >> 4 != 6)
        return PACKET_BAD;
    const uint32_t total = 40u + get16(ip + 4);
    if (PACKET_ETHERNET + total > p->len)
        return PACKET_BAD;
    p->len = PACKET_ETHERNET + total;
    p->family = 6;
    p->tos = (uint8_t)(get16(ip) >> 4);
    p->proto = ip[6];
    p->ttl = ip[7];
    p->later = p->fragment = false;
    p->upper = PACKET_ETHERNET + 40;
    p->src = ip + 8;
    p->dst = ip + 24;
    const bool options = p->proto == IPPROTO_HOPOPTS;
    find_upper6(p);
    take_ports(p);
    if (p->dst[0] == 0xff || (get16(p->dst) & 0xffc0u) == 0xfe80)
        return PACKET_HOST; /* multicast, link-local */
    return options ? PACKET_EXCEPTION : PACKET_ROUTE;
}

/* ---- both --------------------------------------------------------------------------------------- */

enum packet_kind packet_parse(struct packet *p, const uint8_t mac[6])
{
    if (p->len < PACKET_ETHERNET)
        return PACKET_BAD;
    if (p->frame[0] & 1)
        return PACKET_HOST; /* a group of hosts */
    if (memcmp(p->frame, mac, 6) != 0)
        return PACKET_STRANGE;
    switch (get16(p->frame + 12)) {
    case ETHERTYPE_IPV4: return parse4(p);
    case ETHERTYPE_IPV6: return parse6(p);
    default: return PACKET_HOST;
    }
}

void packet_hop(struct packet *p)
{
    uint8_t *ip = p->frame + PACKET_ETHERNET;
    p->ttl--;
    if (p->family == 6) {
        ip[7] = p->ttl;
        return;
    }
    ip[8] = p->ttl;
    /* One less in the upper byte of a word of the header is one more in that of the sum's complement. */
    uint32_t sum = get16(ip + 10) + 0x100u;
    put16(ip + 10, (uint16_t)(sum + (sum >= 0xffffu)));
}

bool packet_dont_fragment(const struct packet *p)
{
    return p->family == 6 || (p->frame[PACKET_ETHERNET + 6] & 0x40) != 0;
}

void packet_flow(const struct packet *p, struct packet_flow *ret_flow)
{
    const size_t bytes = p->family == 4 ? 4 : 16;
    memset(ret_flow, 0, sizeof(*ret_flow));
    memcpy(ret_flow->src, p->src, bytes);
    memcpy(ret_flow->dst, p->dst, bytes);
    ret_flow->sport = p->sport;
    ret_flow->dport = p->dport;
    ret_flow->family = p->family;
    ret_flow->proto = p->proto;
    ret_flow->port = (uint16_t)p->port;
}

uint32_t packet_flow_hash(const struct packet_flow *flow)
{
    uint64_t words[sizeof(*flow) / 8], h = 0;
    _Static_assert(sizeof(*flow) == 40, "no padding, whole words");
    memcpy(words, flow, sizeof(words));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        h = (h ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    return (uint32_t)h;
}
