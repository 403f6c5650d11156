/* SPDX-License-Identifier: MIT */
/*
 * flows.c - a hash table of flows, and a list of each state's flows in the order in which their time is up.
 *
 * Claimed and rejected flows move to the young end with each packet; unclaimed ones stay where they were put. So the old
 * end of each list is the next to go, and looking for what has expired costs what has expired.
 */
#include "flows.h"

#include <stdlib.h>
#include <string.h>

struct list {
    struct flow *oldest, *youngest;
};

struct flows {
    struct flows_limits limits;
    struct flow *entries, *free_list;
    struct flow **buckets;
    uint32_t mask;
    uint32_t count;
    uint32_t counts[FLOW_STATES];
    struct list lists[FLOW_STATES];
};

struct flows *flows_new(const struct flows_limits *limits)
{
    struct flows *flows = calloc(1, sizeof(*flows));
    uint32_t buckets = 16;
    while (buckets < limits->distinct && buckets < 1u << 24)
        buckets *= 2;
    if (flows && limits->distinct) {
        flows->limits = *limits;
        flows->mask = buckets - 1;
        flows->entries = calloc(limits->distinct, sizeof(*flows->entries));
        flows->buckets = calloc(buckets, sizeof(struct flow *));
    }
    if (!flows || !flows->entries || !flows->buckets) {
        flows_free(flows);
        return NULL;
    }
    for (uint32_t i = limits->distinct; i-- > 0;) {
        flows->entries[i].hash_next = flows->free_list;
        flows->free_list = &flows->entries[i];
    }
    return flows;
}

void flows_free(struct flows *flows)
{
    if (!flows)
        return;
    free(flows->buckets);
    free(flows->entries);
    free(flows);
}

/* ---- lists -------------------------------------------------------------------------------------- */

static void put_youngest(struct list *list, struct flow *flow)
{
    flow->older = list->youngest;
    flow->younger = NULL;
    if (list->youngest)
        list->youngest->younger = flow;
    else
        list->oldest = flow;
    list->youngest = flow;
}

static void take_out(struct list *list, struct flow *flow)
{
    if (flow->older)
        flow->older->younger = flow->younger;
    else
        list->oldest = flow->younger;
    if (flow->younger)
        flow->younger->older = flow->older;
    else
        list->youngest = flow->older;
}

/* ---- the table ---------------------------------------------------------------------------------- */

static struct flow **bucket_of(const struct flows *flows, const struct packet_flow *key)
{
    return &flows->buckets[packet_flow_hash(key) & flows->mask];
}

struct flow *flows_see(struct flows *flows, const struct packet_flow *key, uint64_t now_ns)
{
    struct flow *flow = *bucket_of(flows, key);
    while (flow && memcmp(&flow->key, key, sizeof(*key)) != 0)
        flow = flow->hash_next;
    if (!flow)
        return NULL;
    flow->packets++;
    flow->last_ns = now_ns;
    if (flow->state != FLOW_UNCLAIMED) {
        take_out(&flows->lists[flow->state], flow);
        put_youngest(&flows->lists[flow->state], flow);
    }
    return flow;
}

struct flow *flows_add(struct flows *flows, const struct packet_flow *key, enum flow_state state,
                       uint32_t owner, uint64_t now_ns)
{
    struct flow *flow = flows->free_list;
    struct flow **bucket = bucket_of(flows, key);
    if (!flow)
        return NULL;
    flows->free_list = flow->hash_next;
    memset(flow, 0, sizeof(*flow));
    flow->key = *key;
    flow->state = state;
    flow->owner = owner;
    flow->since_ns = flow->last_ns = now_ns;
    flow->packets = 1;
    flow->hash_next = *bucket;
    *bucket = flow;
    put_youngest(&flows->lists[state], flow);
    flows->counts[state]++;
    flows->count++;
    return flow;
}

void flows_remove(struct flows *flows, struct flow *flow)
{
    struct flow **at = bucket_of(flows, &flow->key);
    while (*at != flow)
        at = &(*at)->hash_next;
    *at = flow->hash_next;
    take_out(&flows->lists[flow->state], flow);
    flows->counts[flow->state]--;
    flows->count--;
    flow->hash_next = flows->free_list;
    flows->free_list = flow;
}

bool flows_may_claim(const struct flows *flows)
{
    return flows->counts[FLOW_CLAIMED] < flows->limits.in_flight;
}

uint32_t flows_count(const struct flows *flows)
{
    return flows->count;
}

uint32_t flows_in_flight(const struct flows *flows)
{
    return flows->counts[FLOW_CLAIMED];
}

struct flow *flows_expired(const struct flows *flows, uint64_t now_ns)
{
    for (int state = 0; state < FLOW_STATES; state++) {
        struct flow *flow = flows->lists[state].oldest;
        if (!flow)
            continue;
        if (state == FLOW_UNCLAIMED ? now_ns - flow->since_ns >= flows->limits.unclaimed_ns
                                    : now_ns - flow->last_ns >= flows->limits.idle_ns)
            return flow;
    }
    return NULL;
}

struct flow *flows_oldest(const struct flows *flows, enum flow_state state)
{
    return flows->lists[state].oldest;
}
