/* SPDX-License-Identifier: MIT */
/*
 * view.h - the State, as the forwarding loop looks at it: a snapshot, and what is worth finding once in it.
 *
 * The loop asks view_stale before each batch, which costs two loads; only where it says yes is the State taken anew. What did not
 * change between two versions (links, rules: their topics' generations say so) is not looked at again.
 */
#ifndef DATAPLANE_VIEW_H
#define DATAPLANE_VIEW_H

#include <netvane/netvane.h>
#include <stdbool.h>

#include "counters.h"
#include "port.h"

enum { VIEW_4, VIEW_6, VIEW_FAMILIES };

struct view_port {
    uint32_t ifindex; /* 0: there is no such link now */
    uint32_t mtu;
    uint8_t mac[6];
};

struct view {
    struct netvane *nv;
    const char *const *names; /* of the ports */
    uint32_t port_count;
    struct counters *counters;

    struct netvane_snap snap;
    struct view_port ports[PORTS_MAX];
    /* The tables that every packet is looked up in. Without routes a table is not there: nothing matches. */
    struct netvane_table local[VIEW_FAMILIES], main[VIEW_FAMILIES];
    bool has_local[VIEW_FAMILIES], has_main[VIEW_FAMILIES];
    /* The rules begin with "all: local, all: main": then the lookup in these two decides. */
    bool plain_rules[VIEW_FAMILIES];

    bool filled; /* the two below, and what hangs on them, are of a State */
    uint32_t links_generation, rules_generation;
};

static inline int view_family(uint8_t family)
{
    return family == 4 ? VIEW_4 : VIEW_6;
}

static inline bool view_stale(const struct view *view)
{
    return !view->filled || netvane_changed(view->nv, view->snap.version);
}

/* Takes the newest version. Errors: those of netvane_snap_begin; EXPIRED where it was overtaken again and again. */
int view_take(struct view *view);

/* netvane_fib_lookup on it; where it has expired, on the newest one. */
int view_ask(struct view *view, const struct netvane_fib_question *q, struct netvane_fib_answer *a);

/* The port of a link; port_count: none. */
uint32_t view_port_of(const struct view *view, uint32_t ifindex);

#endif
