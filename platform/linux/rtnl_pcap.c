/* SPDX-License-Identifier: MIT */
/*
 * rtnl_pcap.c - writing and reading the bytes of a recording; the format is in rtnl_pcap.h.
 *
 * Assumes:   pcap's own numbers are in the recording host's byte order, and so are the netlink messages: a file
 *            from a host of the other order is refused, because its messages would have to be turned, too.
 */
#include "rtnl_pcap.h"

#include <string.h>

#include "nv/base.h"

#define MAGIC_NS      UINT32_C(0xa1b23c4d)
#define MAGIC_US      UINT32_C(0xa1b2c3d4)
#define MAGIC_PCAPNG  UINT32_C(0x0a0d0d0a) /* the same in both orders */
#define VERSION_MAJOR 2
#define VERSION_MINOR 4
#define LINK_NETLINK  253u
#define ARP_NETLINK   824u
#define OUTGOING      4u /* PACKET_OUTGOING */
#define COOKED        16u
#define LINK_MASK     UINT32_C(0x0fffffff) /* the bits above speak of frame check sequences */

static void put16(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
    put16(at, v >> 16);
    put16(at + 2, v);
}

static uint32_t get16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
    return get16(at) << 16 | get16(at + 2);
}

/* In the host's own order. */
static uint32_t own32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static uint32_t turned(uint32_t v)
{
    return v << 24 | (v & 0xff00u) << 8 | (v >> 8 & 0xff00u) | v >> 24;
}

void nv_pcap_put_file_header(uint8_t ret[NV_PCAP_FILE_HEADER])
{
    const uint16_t version[2] = {VERSION_MAJOR, VERSION_MINOR};
    const uint32_t magic = MAGIC_NS;
    const uint32_t rest[4] = {0, 0, NV_PCAP_DATAGRAM_MAX + COOKED, LINK_NETLINK};
    memcpy(ret, &magic, sizeof magic);
    memcpy(ret + 4, version, sizeof version);
    memcpy(ret + 8, rest, sizeof rest);
}

void nv_pcap_put_record_header(uint8_t ret[NV_PCAP_RECORD_HEADER], const struct nv_pcap_record *r)
{
    const uint32_t head[4] = {(uint32_t)(r->stamp_ns / NV_NS_PER_S),
                              (uint32_t)(r->stamp_ns % NV_NS_PER_S), r->len + COOKED,
                              r->full_len + COOKED};
    memcpy(ret, head, sizeof head);
    uint8_t *cooked = ret + sizeof head;
    put16(cooked, r->sent ? OUTGOING : 0);
    put16(cooked + 2, ARP_NETLINK);
    cooked[4] = 'n';
    cooked[5] = 'v';
    cooked[6] = r->role;
    cooked[7] = r->flags;
    put32(cooked + 8, r->turn);
    put32(cooked + 12, 0);
}

enum nv_pcap_verdict nv_pcap_open(struct nv_pcap_reader *r, const uint8_t *bytes, size_t size)
{
    *r = (struct nv_pcap_reader){.bytes = bytes, .size = size, .at = NV_PCAP_FILE_HEADER};
    uint32_t magic = size < sizeof magic ? 0 : own32(bytes);
    if (magic == MAGIC_PCAPNG)
        return NV_PCAP_IS_PCAPNG;
    if (magic == turned(MAGIC_NS) || magic == turned(MAGIC_US))
        return NV_PCAP_OTHER_ORDER;
    if ((magic != MAGIC_NS && magic != MAGIC_US) || size < NV_PCAP_FILE_HEADER)
        return NV_PCAP_NOT_PCAP;
    uint16_t major;
    memcpy(&major, bytes + 4, sizeof major);
    if (major != VERSION_MAJOR)
        return NV_PCAP_OTHER_VERSION;
    if ((own32(bytes + 20) & LINK_MASK) != LINK_NETLINK)
        return NV_PCAP_OTHER_LINK;
    r->unit_ns = magic == MAGIC_NS ? 1 : 1000;
    return NV_PCAP_OK;
}

enum nv_pcap_verdict nv_pcap_next(struct nv_pcap_reader *r, struct nv_pcap_record *ret_record)
{
    size_t left = r->size - r->at;
    const uint8_t *at = r->bytes + r->at, *cooked = at + 16;
    if (!left)
        return NV_PCAP_END;
    if (left < NV_PCAP_RECORD_HEADER)
        return NV_PCAP_CUT;
    uint32_t len = own32(at + 8), full = own32(at + 12);
    if (len < COOKED || len > NV_PCAP_DATAGRAM_MAX + COOKED || full < len ||
        own32(at + 4) >= NV_NS_PER_S / r->unit_ns)
        return NV_PCAP_WILD_LENGTH;
    if (get16(cooked + 2) != ARP_NETLINK || cooked[4] != 'n' || cooked[5] != 'v' || !cooked[6] ||
        cooked[6] > NV_PCAP_QUERIES || get16(cooked + 14))
        return NV_PCAP_NOT_OURS;
    if (len > left - 16)
        return NV_PCAP_CUT;
    *ret_record = (struct nv_pcap_record){
        .stamp_ns = own32(at) * NV_NS_PER_S + (uint64_t)own32(at + 4) * r->unit_ns,
        .turn = get32(cooked + 8),
        .role = cooked[6],
        .flags = cooked[7],
        .sent = get16(cooked) == OUTGOING,
        .len = len - COOKED,
        .full_len = full - COOKED,
        .data = cooked + COOKED,
    };
    r->at += 16 + (size_t)len;
    return NV_PCAP_OK;
}

const char *nv_pcap_fault_text(enum nv_pcap_verdict verdict)
{
    switch (verdict) {
    case NV_PCAP_OK:
    case NV_PCAP_END:
    case NV_PCAP_CUT: break;
    case NV_PCAP_NOT_PCAP: return "this is no pcap file: it has to be one of netvaned --record";
    case NV_PCAP_IS_PCAPNG:
        return "this is a pcapng file: convert it by editcap -F nsecpcap IN OUT";
    case NV_PCAP_OTHER_ORDER:
        return "recorded on a host of the other byte order: replay it on one like it";
    case NV_PCAP_OTHER_VERSION:
        return "a pcap file of another version than 2: convert it by editcap";
    case NV_PCAP_OTHER_LINK:
        return "a pcap file of another link type than netlink (253): it has to be one of netvaned "
               "--record";
    case NV_PCAP_WILD_LENGTH:
        return "a record has a length or a time that cannot be: the file is damaged, get it again";
    case NV_PCAP_NOT_OURS:
        return "a packet does not say which socket it was on: it has to be a file of netvaned "
               "--record, as it was written";
    }
    return "nothing is wrong";
}
