/* SPDX-License-Identifier: MIT */
/*
 * icmp.c - builds ICMP and ICMPv6 errors.
 */
#include "icmp.h"

#include <netinet/in.h>
#include <string.h>

#define QUOTE4_MAX (576u - 28u)  /* RFC 1812: the whole answer in 576 bytes */
#define QUOTE6_MAX (1280u - 48u) /* RFC 4443: in the least MTU */
#define NS_PER_S   UINT64_C(1000000000)

struct icmp_error icmp_error_of(uint8_t family, enum icmp_reason reason, uint32_t mtu)
{
    const bool four = family == 4;
    switch (reason) {
    case ICMP_REASON_NO_ROUTE: return (struct icmp_error){four ? 3 : 1, 0, 0};
    /* A route of type unreachable is "host unreachable" in IPv4, "no route" in IPv6. */
    case ICMP_REASON_UNREACHABLE: return (struct icmp_error){four ? 3 : 1, four ? 1 : 0, 0};
    case ICMP_REASON_PROHIBITED: return (struct icmp_error){four ? 3 : 1, four ? 13 : 1, 0};
    case ICMP_REASON_HOPS: return (struct icmp_error){four ? 11 : 3, 0, 0};
    case ICMP_REASON_TOO_BIG: return (struct icmp_error){four ? 3 : 2, four ? 4 : 0, mtu};
    case ICMP_REASON_SCOPE: return (struct icmp_error){four ? 0 : 1, four ? 0 : 2, 0};
    }
    return (struct icmp_error){0, 0, 0};
}

/* Is p, which is ICMP, no error? What is cut off before it says so counts as one. */
static bool is_query(const struct packet *p)
{
    if (p->upper >= p->len)
        return false;
    const uint8_t type = p->frame[p->upper];
    if (p->family == 6)
        return type >= 128 && type != 137; /* 137: a redirect */
    return type == 0 || type == 8 || type == 9 || type == 10 || (type >= 13 && type <= 18);
}

static bool from_somebody(const struct packet *p)
{
    static const uint8_t nobody[16];
    const size_t bytes = p->family == 4 ? 4 : 16;
    if (!memcmp(p->src, nobody, bytes))
        return false;
    return p->family == 4 ? p->src[0] < 224 && p->src[0] != 127 : p->src[0] != 0xff;
}

bool icmp_may_answer(const struct packet *p)
{
    if (p->later || (p->frame[0] & 1) || !from_somebody(p))
        return false;
    return p->proto != (p->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) || is_query(p);
}

uint8_t icmp_tos(const struct packet *p)
{
    return p->family == 4 ? (uint8_t)((p->tos & 0x1eu) | 0xc0u) : 0;
}

static uint32_t build4(const struct packet *p, const struct icmp_error *error,
                       const uint8_t *source, uint8_t *frame)
{
    static uint16_t number;
    uint8_t *ip = frame + PACKET_ETHERNET, *icmp = ip + 20;
    const uint32_t all = packet_ip_len(p), quote = all < QUOTE4_MAX ? all : QUOTE4_MAX;
    const uint32_t total = 28 + quote;

    memcpy(icmp + 8, p->frame + PACKET_ETHERNET, quote);
    icmp[0] = error->type;
    icmp[1] = error->code;
    icmp[6] = (uint8_t)(error->info >> 8);
    icmp[7] = (uint8_t)error->info;
    const uint16_t sum = packet_sum_end(packet_sum(icmp, 8 + quote, 0));
    icmp[2] = (uint8_t)(sum >> 8);
    icmp[3] = (uint8_t)sum;

    number++;
    ip[0] = 0x45;
    ip[1] = icmp_tos(p);
    ip[2] = (uint8_t)(total >> 8);
    ip[3] = (uint8_t)total;
    ip[4] = (uint8_t)(number >> 8);
    ip[5] = (uint8_t)number;
    ip[8] = 64;
    ip[9] = IPPROTO_ICMP;
    memcpy(ip + 12, source, 4);
    memcpy(ip + 16, p->src, 4);
    const uint16_t header = packet_sum_end(packet_sum(ip, 20, 0));
    ip[10] = (uint8_t)(header >> 8);
    ip[11] = (uint8_t)header;
    return PACKET_ETHERNET + total;
}

static uint32_t build6(const struct packet *p, const struct icmp_error *error,
                       const uint8_t *source, uint8_t *frame)
{
    uint8_t *ip = frame + PACKET_ETHERNET, *icmp = ip + 40;
    const uint32_t all = packet_ip_len(p), quote = all < QUOTE6_MAX ? all : QUOTE6_MAX;
    const uint32_t payload = 8 + quote;

    ip[0] = 0x60;
    ip[4] = (uint8_t)(payload >> 8);
    ip[5] = (uint8_t)payload;
    ip[6] = IPPROTO_ICMPV6;
    ip[7] = 64;
    memcpy(ip + 8, source, 16);
    memcpy(ip + 24, p->src, 16);
    memcpy(icmp + 8, p->frame + PACKET_ETHERNET, quote);
    icmp[0] = error->type;
    icmp[1] = error->code;
    for (int i = 0; i < 4; i++)
        icmp[4 + i] = (uint8_t)(error->info >> (24 - 8 * i));
    /* The sum goes over both addresses, the length and the protocol as well. */
    uint32_t sum = packet_sum(ip + 8, 32, payload + IPPROTO_ICMPV6);
    sum = packet_sum(icmp, payload, sum);
    const uint16_t end = packet_sum_end(sum);
    icmp[2] = (uint8_t)(end >> 8);
    icmp[3] = (uint8_t)end;
    return PACKET_ETHERNET + 40 + payload;
}

uint32_t icmp_build(const struct packet *p, const struct icmp_error *error, const uint8_t *source,
                    uint8_t frame[ICMP_FRAME_MAX])
{
    memset(frame, 0, PACKET_ETHERNET + 48);
    memcpy(frame + 12, p->frame + 12, 2); /* the same family */
    return p->family == 4 ? build4(p, error, source, frame) : build6(p, error, source, frame);
}

bool icmp_bucket_take(struct icmp_bucket *bucket, uint64_t now_ns)
{
    if (!bucket->per_second)
        return true;
    const uint64_t price_ns = NS_PER_S / bucket->per_second, full_ns = price_ns * bucket->burst;
    if (!bucket->last_ns || now_ns - bucket->last_ns > full_ns)
        bucket->credit_ns = full_ns;
    else
        bucket->credit_ns += now_ns - bucket->last_ns;
    bucket->last_ns = now_ns;
    if (bucket->credit_ns > full_ns)
        bucket->credit_ns = full_ns;
    if (bucket->credit_ns < price_ns)
        return false;
    bucket->credit_ns -= price_ns;
    return true;
}
