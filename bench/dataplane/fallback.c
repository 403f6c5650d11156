/* SPDX-License-Identifier: MIT */
/*
 * fallback.c - the registry of handlers, and what it remembers of flows.
 */
#include "fallback.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    struct fallback_handler handler;
    uint32_t id;
};

struct fallback {
    struct flows_limits limits;
    struct counters *counters;
    struct flows *flows;                         /* the observer's; NULL: it does not run */
    struct entry entries[FALLBACK_HANDLERS_MAX]; /* in order of registration */
    uint32_t count;
    uint32_t last_id;
    bool inside; /* a handler is being called */
};

static void count(struct fallback *fb, enum counter which)
{
    fb->counters->values[which]++;
}

static void gauge(struct fallback *fb)
{
    fb->counters->values[COUNT_FLOWS] = fb->flows ? flows_count(fb->flows) : 0;
    fb->counters->values[COUNT_FLOWS_IN_FLIGHT] = fb->flows ? flows_in_flight(fb->flows) : 0;
}

struct fallback *fallback_new(const struct flows_limits *limits, struct counters *counters)
{
    struct fallback *fb = calloc(1, sizeof(*fb));
    if (fb) {
        fb->limits = *limits;
        fb->counters = counters;
    }
    return fb;
}

void fallback_free(struct fallback *fb)
{
    if (!fb)
        return;
    while (fb->count)
        (void)fallback_deregister(fb, fb->entries[fb->count - 1].id);
    free(fb);
}

static struct entry *entry_of(struct fallback *fb, uint32_t id)
{
    for (uint32_t i = 0; i < fb->count; i++)
        if (fb->entries[i].id == id)
            return &fb->entries[i];
    return NULL;
}

/* ---- the end of flows --------------------------------------------------------------------------- */

/* The handler hears of it while the flow is still there; then it is gone. */
static void end_flow(struct fallback *fb, struct flow *flow, enum fallback_end why)
{
    struct entry *owner = entry_of(fb, flow->owner);
    if (flow->state == FLOW_CLAIMED && owner && owner->handler.end) {
        const bool inside = fb->inside;
        fb->inside = true;
        owner->handler.end(owner->handler.arg, flow, why);
        fb->inside = inside;
    }
    flows_remove(fb->flows, flow);
    gauge(fb);
}

void fallback_finish(struct fallback *fb, struct flow *flow)
{
    count(fb, COUNT_FLOWS_FINISHED);
    end_flow(fb, flow, FALLBACK_FINISHED);
}

void fallback_expire(struct fallback *fb, uint64_t now_ns)
{
    struct flow *flow;
    while (fb->flows && (flow = flows_expired(fb->flows, now_ns))) {
        count(fb, COUNT_FLOWS_IDLE);
        end_flow(fb, flow, FALLBACK_IDLE);
    }
}

/* All flows of a state, or only those of one owner. */
static void forget(struct fallback *fb, enum flow_state state, uint32_t owner)
{
    struct flow *next;
    for (struct flow *flow = flows_oldest(fb->flows, state); flow; flow = next) {
        next = flow->younger;
        if (owner && flow->owner != owner)
            continue;
        if (owner)
            count(fb, COUNT_FLOWS_RELEASED);
        end_flow(fb, flow, FALLBACK_LEFT);
    }
}

/* ---- the registry ------------------------------------------------------------------------------- */

int fallback_register(struct fallback *fb, const struct fallback_handler *handler, uint32_t *ret_id)
{
    if (fb->inside || fb->count == FALLBACK_HANDLERS_MAX)
        return -1;
    if (!fb->flows) {
        fb->flows = flows_new(&fb->limits);
        if (!fb->flows)
            return -1;
        count(fb, COUNT_OBSERVER_STARTS);
    }
    fb->entries[fb->count].handler = *handler;
    fb->entries[fb->count].id = ++fb->last_id;
    fb->count++;
    forget(fb, FLOW_UNCLAIMED, 0);
    *ret_id = fb->last_id;
    return 0;
}

int fallback_deregister(struct fallback *fb, uint32_t id)
{
    struct entry *entry = entry_of(fb, id);
    if (fb->inside || !entry)
        return -1;
    forget(fb, FLOW_CLAIMED, id);
    forget(fb, FLOW_REJECTED, id);
    const size_t behind = (size_t)(fb->entries + fb->count - (entry + 1));
    memmove(entry, entry + 1, behind * sizeof(*entry));
    fb->count--;
    if (!fb->count) {
        flows_free(fb->flows);
        fb->flows = NULL;
        gauge(fb);
        count(fb, COUNT_OBSERVER_STOPS);
    }
    return 0;
}

bool fallback_running(const struct fallback *fb)
{
    return fb->flows != NULL;
}

/* ---- packets ------------------------------------------------------------------------------------ */

static enum fallback_action hand(struct fallback *fb, struct flow *flow, const struct packet *p,
                                 uint8_t ret_via[16])
{
    struct entry *owner = entry_of(fb, flow->owner);
    fb->inside = true;
    const enum fallback_take taken = owner->handler.take(owner->handler.arg, flow, p, ret_via);
    fb->inside = false;
    if (taken == FALLBACK_TAKEN_LAST)
        fallback_finish(fb, flow);
    return taken == FALLBACK_SEND_VIA ? FALLBACK_VIA : FALLBACK_HANDED;
}

static enum fallback_verdict ask_all(struct fallback *fb, const struct packet *p,
                                     uint32_t *ret_owner)
{
    enum fallback_verdict verdict = FALLBACK_DECLINE;
    fb->inside = true;
    for (uint32_t i = 0; i < fb->count && verdict == FALLBACK_DECLINE; i++) {
        verdict = fb->entries[i].handler.ask(fb->entries[i].handler.arg, p);
        *ret_owner = fb->entries[i].id;
    }
    fb->inside = false;
    return verdict;
}

/* A limit that is met is met before anybody is asked: who is asked may count on it that the answer holds. */
static enum fallback_action first_packet(struct fallback *fb, const struct packet_flow *key,
                                         const struct packet *p, uint64_t now_ns,
                                         uint8_t ret_via[16])
{
    static const enum flow_state states[] = {[FALLBACK_DECLINE] = FLOW_UNCLAIMED,
                                             [FALLBACK_CLAIM] = FLOW_CLAIMED,
                                             [FALLBACK_CLAIM_AND_REJECT] = FLOW_REJECTED};
    static const enum counter counts[] = {[FALLBACK_DECLINE] = COUNT_FLOWS_UNCLAIMED,
                                          [FALLBACK_CLAIM] = COUNT_FLOWS_CLAIMED,
                                          [FALLBACK_CLAIM_AND_REJECT] = COUNT_FLOWS_REJECTED};
    uint32_t owner = 0;
    if (flows_count(fb->flows) == fb->limits.distinct) {
        count(fb, COUNT_FLOWS_DISTINCT_LIMIT);
        return FALLBACK_DROP_LIMIT;
    }
    if (!flows_may_claim(fb->flows)) {
        count(fb, COUNT_FLOWS_IN_FLIGHT_LIMIT);
        return FALLBACK_DROP_LIMIT;
    }
    const enum fallback_verdict verdict = ask_all(fb, p, &owner);
    struct flow *flow =
        flows_add(fb->flows, key, states[verdict], verdict == FALLBACK_DECLINE ? 0 : owner, now_ns);
    count(fb, counts[verdict]);
    gauge(fb);
    switch (verdict) {
    case FALLBACK_CLAIM: return hand(fb, flow, p, ret_via);
    case FALLBACK_CLAIM_AND_REJECT: return FALLBACK_REJECT;
    case FALLBACK_DECLINE: break;
    }
    return FALLBACK_DROP_UNCLAIMED;
}

enum fallback_action fallback_packet(struct fallback *fb, const struct packet *p, uint64_t now_ns,
                                     uint8_t ret_via[16])
{
    struct packet_flow key;
    if (!fb->flows)
        return FALLBACK_OFF;
    fallback_expire(fb, now_ns);
    packet_flow(p, &key);
    struct flow *flow = flows_see(fb->flows, &key, now_ns);
    if (!flow)
        return first_packet(fb, &key, p, now_ns, ret_via);
    switch (flow->state) {
    case FLOW_CLAIMED: return hand(fb, flow, p, ret_via);
    case FLOW_REJECTED: return FALLBACK_REJECT;
    case FLOW_UNCLAIMED:
    case FLOW_STATES: break;
    }
    return FALLBACK_DROP_UNCLAIMED;
}
