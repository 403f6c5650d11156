/* SPDX-License-Identifier: MIT */
/*
 * icmp.h - the answer that a router gives to a packet that it cannot forward, and how often it may.
 *
 * Builds bytes; where they go is forward.h's concern. What is answered and what the answer quotes is as in RFC 1812, RFC 4443
 * and in the kernel's icmp_send and icmp6_send.
 */
#ifndef DATAPLANE_ICMP_H
#define DATAPLANE_ICMP_H

#include "packet.h"

/* An answer: its type and code in either family. type 0: stay silent. */
struct icmp_error {
    uint8_t type, code;
    uint32_t info; /* the second word: the MTU */
};

enum icmp_reason {
    ICMP_REASON_NO_ROUTE,
    ICMP_REASON_UNREACHABLE, /* a route of that type */
    ICMP_REASON_PROHIBITED,  /* by a route, a rule or a fallback handler */
    ICMP_REASON_HOPS,        /* TTL or hop limit used up */
    ICMP_REASON_TOO_BIG,     /* for the link that it would leave by */
    ICMP_REASON_SCOPE        /* IPv6: from a link-local address to beyond the link */
};
struct icmp_error icmp_error_of(uint8_t family, enum icmp_reason reason, uint32_t mtu);

/* May p be answered with an error at all? Not an error itself, nor a later fragment, nor what comes from nobody. */
bool icmp_may_answer(const struct packet *p);

/* The type of service that the answer travels with, which rules may ask for. */
uint8_t icmp_tos(const struct packet *p);

#define ICMP_FRAME_MAX (PACKET_ETHERNET + 1280u)
/*
 * Writes the answer to p from `source` behind an Ethernet header whose addresses are the caller's to fill in. Returns the
 * frame's length.
 */
uint32_t icmp_build(const struct packet *p, const struct icmp_error *error, const uint8_t *source,
                    uint8_t frame[ICMP_FRAME_MAX]);

/* So many a second, and `burst` at once. */
struct icmp_bucket {
    uint32_t per_second; /* 0: no limit */
    uint32_t burst;
    uint64_t last_ns;
    uint64_t credit_ns;
};
bool icmp_bucket_take(struct icmp_bucket *bucket, uint64_t now_ns);

#endif
