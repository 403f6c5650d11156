/* SPDX-License-Identifier: MIT */
/*
 * forward.h - decides for each packet of a batch what the kernel would have done with it, and has it done.
 *
 * Owns what it knows of the State: one snapshot, what was found in it, the adjacency cache. Assumes one thread. Promises
 * that each packet is decided by one version of the State, the newest when its batch began, unless that expired meanwhile.
 * Leaves to its caller where frames come from and go to, and to neigh.h whose MAC address is whose.
 */
#ifndef DATAPLANE_FORWARD_H
#define DATAPLANE_FORWARD_H

#include <netvane/netvane.h>

#include "counters.h"
#include "fallback.h"
#include "icmp.h"
#include "neigh.h"
#include "port.h"

#define FORWARD_BATCH NETVANE_BULK_MAX

/* Where decided frames go. The bytes stay as they are until the next forward_batch. */
struct forward_out {
    void *arg;
    void (*wire)(void *arg, uint32_t port, const uint8_t *frame, uint32_t len);
    void (*host)(void *arg, uint32_t port, const uint8_t *frame, uint32_t len);
};

struct forward;

/* ports: names of links, whose numbers are those of `port` in packets. All stay the caller's. NULL: no memory. */
struct forward *forward_new(struct netvane *nv, struct neigh *neigh, struct fallback *fallback,
                            const char *const *ports, uint32_t port_count,
                            const struct forward_out *out, struct counters *counters);
void forward_free(struct forward *fw);

/* Errors that are sent back, a second; 0: as many as there are. */
void forward_limit_icmp(struct forward *fw, uint32_t per_second);

/*
 * Forwards up to FORWARD_BATCH packets, whose frame, len and port are set. Returns 0, or an error of libnetvane that does not
 * pass by itself (NETVANE_CORRUPT, ...): stop.
 */
int forward_batch(struct forward *fw, struct packet *packets, unsigned count, uint64_t now_ns);

#endif
