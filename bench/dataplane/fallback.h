/* SPDX-License-Identifier: MIT */
/*
 * fallback.h - who may take the flows that match no route.
 *
 * Handlers are asked in order of registration about the first packet of a flow. Each declines, claims, or claims and
 * rejects; the first claim wins. What a handler claimed it gets from then on, without anybody being asked; an unclaimed
 * flow is dropped, and remembered for a short time, so that a flood of it does not ask all handlers again.
 *
 * The observer of unmatched flows (the table of flows, its memory and its clock) is there only while a handler is
 * registered: the first registration makes it, the last deregistration frees it. Without it unmatched packets are nobody's
 * business here, and forward.c does what the kernel does with them.
 *
 * Handlers run in the forwarding thread and must not sleep. One that needs time claims the flow, keeps what it needs, and
 * calls fallback_finish when it is done: until then the flow is in flight.
 */
#ifndef DATAPLANE_FALLBACK_H
#define DATAPLANE_FALLBACK_H

#include "counters.h"
#include "flows.h"

#define FALLBACK_HANDLERS_MAX 16u

enum fallback_verdict { FALLBACK_DECLINE, FALLBACK_CLAIM, FALLBACK_CLAIM_AND_REJECT };

/* Why a handler loses a flow that it had claimed. */
enum fallback_end { FALLBACK_FINISHED, FALLBACK_IDLE, FALLBACK_LEFT };

/* What is to become of a packet of a claimed flow. */
enum fallback_take {
    FALLBACK_TAKEN,      /* the handler has done with it what it wanted */
    FALLBACK_TAKEN_LAST, /* and is finished with the flow, as fallback_finish says later */
    FALLBACK_SEND_VIA    /* forward it as if it were for ret_via, an address of its family */
};

struct fallback_handler {
    const char *name;
    void *arg;
    /* Of the first packet of a flow. */
    enum fallback_verdict (*ask)(void *arg, const struct packet *p);
    /* Each packet of a claimed flow, the first one too. */
    enum fallback_take (*take)(void *arg, struct flow *flow, const struct packet *p,
                               uint8_t ret_via[16]);
    /* A claimed flow ends; NULL: nothing to do. */
    void (*end)(void *arg, struct flow *flow, enum fallback_end why);
};

struct fallback;

/* NULL: no memory. The counters are the caller's and stay. */
struct fallback *fallback_new(const struct flows_limits *limits, struct counters *counters);
void fallback_free(struct fallback *fb); /* all handlers leave, the last one first */

/*
 * The new handler is asked last; flows that were unclaimed are asked about anew. Returns 0, or -1: no room, no memory, or
 * called from a handler.
 */
int fallback_register(struct fallback *fb, const struct fallback_handler *handler,
                      uint32_t *ret_id);
/* Ends its flows: their next packets are asked about again. -1: no such handler, or called from a handler. */
int fallback_deregister(struct fallback *fb, uint32_t id);

bool fallback_running(const struct fallback *fb); /* is the observer there? */

enum fallback_action {
    FALLBACK_OFF,    /* no handler is registered */
    FALLBACK_HANDED, /* the handler has it, and answered take */
    FALLBACK_VIA,    /* forward it as if for ret_via */
    FALLBACK_REJECT,
    FALLBACK_DROP_UNCLAIMED,
    FALLBACK_DROP_LIMIT
};
/* A packet that matched no route. */
enum fallback_action fallback_packet(struct fallback *fb, const struct packet *p, uint64_t now_ns,
                                     uint8_t ret_via[16]);

/* The owner is done with the flow. Its next packet is asked about again. Not from a handler, which says FALLBACK_TAKEN_LAST. */
void fallback_finish(struct fallback *fb, struct flow *flow);
/* Forgets flows whose time is up. Call it now and then. */
void fallback_expire(struct fallback *fb, uint64_t now_ns);

#endif
