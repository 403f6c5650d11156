/* SPDX-License-Identifier: MIT */
/*
 * packet.h - what a frame says that forwarding needs to know, and the few bytes of it that forwarding changes.
 *
 * Owns no memory: a struct packet points into the frame that it was parsed from. Promises never to read past the frame's
 * end, whatever it holds. Leaves to others where the frame goes (forward.h).
 */
#ifndef DATAPLANE_PACKET_H
#define DATAPLANE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_ETHERNET  14u /* bytes of an Ethernet header */
#define PACKET_FRAME_MAX 9216u

struct packet {
    uint8_t *frame; /* Ethernet header first */
    uint32_t len;   /* of the frame; packet_parse cuts off what pads it */
    uint32_t port;  /* number of the port that it came in by */

    /* Set by packet_parse, where it says PACKET_ROUTE. */
    uint8_t family; /* 4 or 6 */
    uint8_t tos;    /* or traffic class: the whole byte */
    uint8_t proto;  /* of IPv6 behind the extension headers */
    uint8_t ttl;    /* or hop limit */
    bool fragment;  /* of a datagram: it has no ports */
    bool later;     /* a fragment other than the first */
    uint16_t sport, dport;
    uint32_t upper; /* offset in the frame of what proto names */
    const uint8_t *src, *dst;
};

/* What a dataplane is to do with a frame at first sight. */
enum packet_kind {
    PACKET_ROUTE,     /* an IP packet from one host to one other: look its way up */
    PACKET_HOST,      /* ARP, neighbour discovery, multicast, ...: the host's own stack wants it */
    PACKET_EXCEPTION, /* IPv4 options, IPv6 hop-by-hop options: too rare to be done here */
    PACKET_STRANGE,   /* sent to another MAC address */
    PACKET_BAD        /* malformed: a wrong length, version or header checksum */
};

/* Reads p->frame, p->len. mac: the address of the port. */
enum packet_kind packet_parse(struct packet *p, const uint8_t mac[6]);

/* Bytes from the IP header on. */
static inline uint32_t packet_ip_len(const struct packet *p)
{
    return p->len - PACKET_ETHERNET;
}

/* Takes one off TTL or hop limit, and mends the IPv4 header's checksum (RFC 1624) as the kernel does. */
void packet_hop(struct packet *p);

/* IPv4: may it not be cut in pieces? */
bool packet_dont_fragment(const struct packet *p);

/* The Internet checksum (RFC 1071) of bytes that follow others of this sum; 0 at first. Not yet complemented. */
uint32_t packet_sum(const uint8_t *bytes, size_t len, uint32_t sum);
/* What goes into the header. */
uint16_t packet_sum_end(uint32_t sum);

/* Equal for all packets of a flow. Without padding, so that it may be compared and hashed as bytes. */
struct packet_flow {
    uint8_t src[16], dst[16];
    uint16_t sport, dport;
    uint8_t family, proto;
    uint16_t port;
};
void packet_flow(const struct packet *p, struct packet_flow *ret_flow);
uint32_t packet_flow_hash(const struct packet_flow *flow);

#endif
