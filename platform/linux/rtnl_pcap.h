/* SPDX-License-Identifier: MIT */
/*
 * rtnl_pcap.h - the file of a recording: a pcap of rtnetlink datagrams, with what a replay must know of each.
 *
 * Owns:      the bytes. Nanosecond pcap, link type 253 (https://www.tcpdump.org/linktypes/LINKTYPE_NETLINK.html):
 *            a cooked header of 16 bytes in network order, then the datagram as it was on the socket.
 *
 *                offset 0   u16  0: received, 4: sent
 *                       2   u16  824, ARPHRD_NETLINK
 *                       4   u8[2]  "nv": the eight bytes from here on are ours; others leave them unused
 *                       6   u8   enum nv_pcap_role: which kind of socket
 *                       7   u8   NV_PCAP_F_*
 *                       8   u32  turn: how often the source had been pumped
 *                      12   u16  0
 *                      14   u16  0, NETLINK_ROUTE
 *
 *            A sent message bears the socket's port id in nlmsg_pid, where the socket had left 0, so that the
 *            replies, which bear it too, find their request.
 * Assumes:   nothing of the bytes that it reads.
 * Promises:  pure: memory in, memory out; no system call, no allocation.
 * Leaves:    files to rtnl_record.c and rtnl_replay_file.c; netlink messages to the decoder.
 */
#ifndef NV_LINUX_RTNL_PCAP_H
#define NV_LINUX_RTNL_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NV_PCAP_FILE_HEADER   24u
#define NV_PCAP_RECORD_HEADER 32u /* pcap's and the cooked one */
#define NV_PCAP_DATAGRAM_MAX  65536u

enum nv_pcap_role { NV_PCAP_EVENTS = 1, NV_PCAP_DUMPS, NV_PCAP_QUERIES };

#define NV_PCAP_F_FOREIGN (1u << 0) /* did not come from the kernel */
#define NV_PCAP_F_DRAIN   (1u << 1) /* in a turn that read events only, because a dump had ended */
/*
 * No datagram: the recorder says something by a message of its own. On the role of a socket NLMSG_OVERRUN, or
 * NLMSG_ERROR with the code of a failure; else NLMSG_NOOP with struct nv_pcap_note.
 */
#define NV_PCAP_F_MADE (1u << 2)
#define NV_PCAP_F_FULL (1u << 3) /* sent: the request is a step of a full re-read */

enum nv_pcap_what {
    NV_PCAP_SLEPT = 1, /* the host did, for `value` nanoseconds */
    NV_PCAP_REREAD     /* the writer was told to read everything again */
};
struct nv_pcap_note {
    uint32_t what;
    uint32_t zero;
    uint64_t value;
};

struct nv_pcap_record {
    uint64_t stamp_ns; /* wall clock */
    uint32_t turn;
    uint8_t role;
    uint8_t flags;
    bool sent;
    uint32_t len;      /* bytes at data */
    uint32_t full_len; /* more than len: the datagram was cut */
    const uint8_t *data;
};

void nv_pcap_put_file_header(uint8_t ret[NV_PCAP_FILE_HEADER]);
/* What stands before the record's data. */
void nv_pcap_put_record_header(uint8_t ret[NV_PCAP_RECORD_HEADER], const struct nv_pcap_record *r);

enum nv_pcap_verdict {
    NV_PCAP_OK,
    NV_PCAP_END, /* of a whole file */
    NV_PCAP_CUT, /* inside of the last record: its writer was killed */
    /* The rest are faults: */
    NV_PCAP_NOT_PCAP,
    NV_PCAP_IS_PCAPNG,
    NV_PCAP_OTHER_ORDER,
    NV_PCAP_OTHER_VERSION,
    NV_PCAP_OTHER_LINK,
    NV_PCAP_WILD_LENGTH,
    NV_PCAP_NOT_OURS
};

struct nv_pcap_reader {
    const uint8_t *bytes;
    size_t size, at;
    uint32_t unit_ns; /* of the fraction in a time stamp */
};

/* Reads the file header: OK, or a fault. */
enum nv_pcap_verdict nv_pcap_open(struct nv_pcap_reader *r, const uint8_t *bytes, size_t size);
/* The next record; its data lie in the reader's bytes, and are aligned to nothing. */
enum nv_pcap_verdict nv_pcap_next(struct nv_pcap_reader *r, struct nv_pcap_record *ret_record);
/* What a fault means and what to do about it. */
const char *nv_pcap_fault_text(enum nv_pcap_verdict verdict);

#endif
