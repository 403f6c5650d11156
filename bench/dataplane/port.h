/* SPDX-License-Identifier: MIT */
/*
 * port.h - where frames come in and go out: a link that the kernel knows, and the wire that it stands for.
 *
 * A port has two sides. The wire is a link (a network card, here one end of a veth pair) without any addresses, which only this
 * program reads and writes, by a packet socket. The host side is a TAP device: it is the link that the kernel has
 * addresses, neighbours and routes on, and so the link that the State tells of. What the dataplane does not do itself (ARP,
 * neighbour discovery, packets for this host) it passes from one side to the other; what it forwards never meets
 * the kernel's stack.
 *
 * Frames that port_receive gives lie in the ring that the kernel writes, and stay there until port_release.
 */
#ifndef DATAPLANE_PORT_H
#define DATAPLANE_PORT_H

#include <stdint.h>

#include "counters.h"
#include "packet.h"

#define PORTS_MAX  16u
#define PORT_BATCH 64u

struct port;

/* NULL: it printed why not. */
struct port *port_open(const char *tap, const char *wire, struct counters *counters);
void port_close(struct port *port);

/* To poll for input: of the wire, and of the host. */
int port_wire_fd(const struct port *port);
int port_host_fd(const struct port *port);

/* Up to max frames that have come in by the wire, which may be changed in place; not their `port`. No system call. */
unsigned port_receive(struct port *port, struct packet *ret_packets, unsigned max);
/* Gives all frames back that port_receive gave. */
void port_release(struct port *port);

/* Puts a frame into the queue of the wire. Its bytes have to stay until port_flush, which sends them all at once. */
void port_send(struct port *port, const uint8_t *frame, uint32_t len);
void port_flush(struct port *port);

/* To the host, now. */
void port_to_host(struct port *port, const uint8_t *frame, uint32_t len);
/* All that the host has sent, to the wire. Flushes. */
void port_from_host(struct port *port);

#endif
