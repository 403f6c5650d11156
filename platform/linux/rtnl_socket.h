/* SPDX-License-Identifier: MIT */
/*
 * rtnl_socket.h - the sockets of a source: opening, requests out, datagrams in.
 *
 * Owns:      the options of each socket and the shape of each request.
 * Assumes:   a socket is used by one thread at a time.
 * Promises:  nothing blocks on an empty socket. Sending may take as long as the kernel holds RTNL: it
 *            works a request off inside of sendmsg.
 * Leaves:    what a reply means to rtnl_reply.c.
 */
#ifndef NV_LINUX_RTNL_SOCKET_H
#define NV_LINUX_RTNL_SOCKET_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nv/plat.h"
#include "rtnl_record.h"

struct nv_rtnl_socket {
    struct mnl_socket *mnl; /* NULL: not open */
    uint32_t portid;
    uint32_t seq;                 /* of the last request */
    uint64_t buffer_bytes;        /* that the kernel granted the event socket */
    uint64_t groups;              /* that the event socket joined, bit 1 << group - 1 */
    struct nv_recorder *recorder; /* NULL: none */
    uint8_t role;                 /* enum nv_pcap_role */
    uint32_t drops;               /* of the event socket, those that are accounted for */
};

/* Subscribed to every group that the State needs. buffer_bytes 0: 8 MiB. */
int nv_rtnl_open_events(struct nv_rtnl_socket *sock, uint64_t buffer_bytes);
/* In the same groups, for all but routes of more than one bit. */
int nv_rtnl_open_urgent(struct nv_rtnl_socket *sock);
/* For dumps and queries: strict checking, short error messages. */
int nv_rtnl_open_requests(struct nv_rtnl_socket *sock);
void nv_rtnl_socket_close(struct nv_rtnl_socket *sock);
/* The descriptor, for poll; -1: not open. */
int nv_rtnl_fd(const struct nv_rtnl_socket *sock);

/* Groups that the kernel says the socket is in; datagrams that it says it dropped. Where it does not say: as known. */
uint64_t nv_rtnl_groups(const struct nv_rtnl_socket *sock);
uint32_t nv_rtnl_drops(const struct nv_rtnl_socket *sock);

/* A reply comes at once when no change of the network's configuration is under way any more. */
int nv_rtnl_send_barrier(struct nv_rtnl_socket *sock);
int nv_rtnl_send_dump(struct nv_rtnl_socket *sock, const struct nv_dump_request *req,
                      uint8_t family);
int nv_rtnl_send_query(struct nv_rtnl_socket *sock, uint8_t family, const uint8_t dst[16]);

#define NV_RTNL_DATAGRAM_MAX 65536 /* a dump's are up to 32 KiB, an event's rarely above 4 KiB */

struct nv_rtnl_datagram {
    size_t len;   /* of what is in the buffer */
    size_t whole; /* of what it was */
    bool foreign; /* not from the kernel */
    bool cut;     /* longer than the buffer */
};
/* Reads one datagram: 1, 0 if there is none, or a negative errno (-ENOBUFS: the socket overran). Any thread. */
int nv_rtnl_read(const struct nv_rtnl_socket *sock, void *buf, size_t size,
                 struct nv_rtnl_datagram *ret_datagram);
/* What nv_rtnl_read gave goes to the recorder. */
void nv_rtnl_note(const struct nv_rtnl_socket *sock, const void *buf, int got,
                  const struct nv_rtnl_datagram *datagram);
/* Both. */
int nv_rtnl_receive(const struct nv_rtnl_socket *sock, void *buf, size_t size,
                    struct nv_rtnl_datagram *ret_datagram);

#endif
