/* SPDX-License-Identifier: MIT */
/*
 * port.c - a packet socket with a memory-mapped ring (PACKET_MMAP, version 2), and a TAP device.
 *
 * The ring's frames have a status word each: the kernel's, until it has written one; ours, until we give it back. Frames are
 * sent by sendmmsg straight from where they came in, one system call for a batch. What the kernel took for its own stack
 * as well it drops there: the wire has no address. The socket does not see what goes out by it.
 */
#include "port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define RING_FRAMES  4096u
#define FRAME_BYTES  2048u
#define BLOCK_FRAMES 32u /* blocks of 64 KiB */
#define HOST_FRAMES  64u /* that are taken from the host at once */

struct port {
    struct counters *counters;
    int wire, host;
    uint8_t *ring;
    uint32_t next, taken; /* the frame that comes next; how many before it are not yet given back */
    unsigned queued;
    struct mmsghdr messages[PORT_BATCH];
    struct iovec frames[PORT_BATCH];
    uint8_t from_host[HOST_FRAMES][FRAME_BYTES];
};

/* ---- set-up ------------------------------------------------------------------------------------- */

static int open_host(const char *tap)
{
    struct ifreq req = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    (void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", tap);
    if (fd >= 0 && ioctl(fd, TUNSETIFF, &req)) {
        const int saved = errno;
        (void)close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static int set(int fd, int option, int value)
{
    return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value));
}

static int open_wire(struct port *port, const char *wire)
{
    const struct tpacket_req ring = {.tp_block_size = BLOCK_FRAMES * FRAME_BYTES,
                                     .tp_block_nr = RING_FRAMES / BLOCK_FRAMES,
                                     .tp_frame_size = FRAME_BYTES,
                                     .tp_frame_nr = RING_FRAMES};
    const struct sockaddr_ll at = {.sll_family = AF_PACKET,
                                   .sll_protocol = htons(ETH_P_ALL),
                                   .sll_ifindex = (int)if_nametoindex(wire)};
    const struct packet_mreq all = {.mr_ifindex = at.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    port->wire = fd;
    if (fd < 0 || set(fd, PACKET_VERSION, TPACKET_V2) || set(fd, PACKET_IGNORE_OUTGOING, 1) ||
        set(fd, PACKET_QDISC_BYPASS, 1) ||
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) ||
        setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)))
        return -1;
    void *map =
        mmap(NULL, (size_t)RING_FRAMES * FRAME_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return -1;
    port->ring = map;
    return bind(fd, (const void *)&at, sizeof(at));
}

struct port *port_open(const char *tap, const char *wire, struct counters *counters)
{
    struct port *port = calloc(1, sizeof(*port));
    if (!port)
        return NULL;
    port->counters = counters;
    port->wire = port->host = -1;
    for (unsigned i = 0; i < PORT_BATCH; i++) {
        port->messages[i].msg_hdr.msg_iov = &port->frames[i];
        port->messages[i].msg_hdr.msg_iovlen = 1;
    }
    if (open_wire(port, wire)) {
        (void)fprintf(stderr, "dataplane: wire %s: %s\n", wire, strerror(errno));
        port_close(port);
        return NULL;
    }
    port->host = open_host(tap);
    if (port->host < 0) {
        (void)fprintf(stderr, "dataplane: TAP device %s: %s\n", tap, strerror(errno));
        port_close(port);
        return NULL;
    }
    return port;
}

void port_close(struct port *port)
{
    if (!port)
        return;
    if (port->host >= 0)
        (void)close(port->host);
    if (port->ring)
        (void)munmap(port->ring, (size_t)RING_FRAMES * FRAME_BYTES);
    if (port->wire >= 0)
        (void)close(port->wire);
    free(port);
}

int port_wire_fd(const struct port *port)
{
    return port->wire;
}

int port_host_fd(const struct port *port)
{
    return port->host;
}

/* ---- the wire ----------------------------------------------------------------------------------- */

static struct tpacket2_hdr *frame_at(const struct port *port, uint32_t number)
{
    return (void *)(port->ring + (size_t)(number % RING_FRAMES) * FRAME_BYTES);
}

unsigned port_receive(struct port *port, struct packet *ret_packets, unsigned max)
{
    unsigned n = 0;
    while (n < max && port->taken < RING_FRAMES) {
        struct tpacket2_hdr *header = frame_at(port, port->next);
        /* Pairs with the kernel's store of the status, behind the frame's bytes. */
        const uint32_t status = __atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE);
        if (!(status & TP_STATUS_USER))
            break;
        ret_packets[n].frame = (uint8_t *)header + header->tp_mac;
        /* A VLAN's tag does not stand in the frame: it would look as if it were of the wire's own network. */
        ret_packets[n].len = status & TP_STATUS_VLAN_VALID ? 0 : header->tp_snaplen;
        port->next++;
        port->taken++;
        n++;
    }
    port->counters->values[COUNT_RECEIVED] += n;
    return n;
}

void port_release(struct port *port)
{
    for (; port->taken; port->taken--)
        __atomic_store_n(&frame_at(port, port->next - port->taken)->tp_status, TP_STATUS_KERNEL,
                         __ATOMIC_RELEASE);
}

void port_send(struct port *port, const uint8_t *frame, uint32_t len)
{
    if (port->queued == PORT_BATCH)
        port_flush(port);
    port->frames[port->queued].iov_base = (void *)(uintptr_t)frame; /* sendmmsg only reads */
    port->frames[port->queued].iov_len = len;
    port->queued++;
}

void port_flush(struct port *port)
{
    unsigned sent = 0;
    while (sent < port->queued) {
        const int n =
            sendmmsg(port->wire, port->messages + sent, port->queued - sent, MSG_DONTWAIT);
        if (n > 0) {
            sent += (unsigned)n;
        } else if (errno != EINTR) {
            port->counters->values[COUNT_SEND_FAILED]++;
            sent++; /* the one that it stopped at */
        }
    }
    port->queued = 0;
}

/* ---- the host ----------------------------------------------------------------------------------- */

void port_to_host(struct port *port, const uint8_t *frame, uint32_t len)
{
    if (write(port->host, frame, len) != (ssize_t)len)
        port->counters->values[COUNT_SEND_FAILED]++;
}

void port_from_host(struct port *port)
{
    for (unsigned i = 0; i < HOST_FRAMES; i++) {
        const ssize_t n = read(port->host, port->from_host[i], FRAME_BYTES);
        if (n <= 0)
            break;
        port_send(port, port->from_host[i], (uint32_t)n);
        port->counters->values[COUNT_FROM_HOST]++;
    }
    port_flush(port);
}
