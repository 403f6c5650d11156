/* SPDX-License-Identifier: MIT */
/*
 * flows.h - the bounded memory of flows that match no route.
 *
 * Owns its entries; knows what was decided of a flow, not how. Everything has a limit: distinct flows, flows in flight
 * (claimed by a handler that has not finished them), idle time; each limit that is met is counted by whoever asked.
 * Memory is taken once, by flows_new. Of one thread.
 */
#ifndef DATAPLANE_FLOWS_H
#define DATAPLANE_FLOWS_H

#include "packet.h"

struct flows_limits {
    uint32_t distinct;
    uint32_t in_flight;
    uint64_t idle_ns; /* claimed or rejected: since the last packet */
    uint64_t
        unclaimed_ns; /* unclaimed: since it was asked about, so that it is asked again even under a flood */
};

enum flow_state {
    FLOW_UNCLAIMED, /* every handler declined */
    FLOW_CLAIMED,   /* in flight: packets go to its owner */
    FLOW_REJECTED,  /* claimed, and its packets are refused */
    FLOW_STATES
};

struct flow {
    struct packet_flow key;
    enum flow_state state;
    uint32_t owner; /* id of the handler that claimed it; 0: none */
    uint64_t since_ns, last_ns;
    uint64_t packets;
    void *cookie; /* the owner's */
    /* The table's own. */
    struct flow *hash_next;
    struct flow *older, *younger;
};

struct flows;

/* NULL: no memory, or a limit of 0 distinct flows. */
struct flows *flows_new(const struct flows_limits *limits);
void flows_free(struct flows *flows);

/* The flow, counted as seen now; NULL: not known. */
struct flow *flows_see(struct flows *flows, const struct packet_flow *key, uint64_t now_ns);
/* A new one of a key that is not there. NULL: the limit of distinct flows. */
struct flow *flows_add(struct flows *flows, const struct packet_flow *key, enum flow_state state,
                       uint32_t owner, uint64_t now_ns);
void flows_remove(struct flows *flows, struct flow *flow);

bool flows_may_claim(const struct flows *flows); /* is one more in flight within the limit? */
uint32_t flows_count(const struct flows *flows);
uint32_t flows_in_flight(const struct flows *flows);

/* The next flow whose time is up, which the caller then removes; NULL: none. */
struct flow *flows_expired(const struct flows *flows, uint64_t now_ns);
/* The oldest of a state, from which `younger` leads through all of them; NULL: none. Fetch the next before removing one. */
struct flow *flows_oldest(const struct flows *flows, enum flow_state state);

#endif
