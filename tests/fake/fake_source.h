/* SPDX-License-Identifier: MIT */
/*
 * fake_source.h - a source without a kernel: a small world that dumps show, and what a test says in between.
 *
 * Promises:  the dump of a lane ends at the next pump with budget: DUMP_BEGIN, each object of the world that the request
 *            covers, DUMP_END with the status that was asked for. Every request is noted. on_dump is called
 *            before the facts of a dump and again before its end, so that a test can speak or change the
 *            world while it runs.
 */
#ifndef FAKE_SOURCE_H
#define FAKE_SOURCE_H

#include "nv/plat.h"

#define FAKE_OBJECTS_MAX  512
#define FAKE_REQUESTS_MAX 1024
#define FAKE_HOPS_MAX     4

struct fake_object {
    enum nv_class cls;
    bool gone; /* no dump shows it */
    union {
        struct nv_link link;
        struct nv_addr addr;
        struct nv_route route;
        struct nv_rule rule;
        struct nv_nexthop nexthop;
    };
    struct nv_hop hops[FAKE_HOPS_MAX];
};

enum fake_phase { FAKE_DUMP_BEGINS, FAKE_DUMP_ENDS };

struct fake_source {
    struct nv_source source; /* first: it is what the writer sees */
    nv_event_fn *sink;
    void *sink_arg;
    struct fake_object world[FAKE_OBJECTS_MAX];
    unsigned objects;
    struct nv_dump_request requests[FAKE_REQUESTS_MAX];
    unsigned request_count;
    struct {
        enum nv_dump_status status; /* of the next `times` dumps of the class */
        int error;
        unsigned times;
    } answer[NV_CLASS_COUNT];
    int dump_error;                           /* nv_source_dump returns this while it is not 0 */
    int pump_result;                          /* nv_source_pump returns this if it is negative */
    bool hold;                                /* dumps do not go on */
    struct nv_dump_request running[NV_LANES]; /* number 0: none */
    void (*on_dump)(struct fake_source *s, const struct nv_dump_request *req,
                    enum fake_phase phase);
    void (*on_pump)(struct fake_source *s);
    unsigned reopens, pumps;
};

/* Does a dump run, in any lane? */
bool fake_dumping(const struct fake_source *s);
void fake_source_start(struct fake_source *s, nv_event_fn *sink, void *sink_arg);
/* Adds an object (struct nv_link, nv_addr, ...) to the world; hops are copied. No event is sent. */
struct fake_object *fake_know(struct fake_source *s, enum nv_class cls, const void *fact);
/* Sends an event about a fact at once, whatever the world says. */
void fake_tell(struct fake_source *s, enum nv_event_kind kind, enum nv_class cls, const void *fact);
void fake_tell_lost(struct fake_source *s, enum nv_lost reason);
void fake_tell_hint(struct fake_source *s, enum nv_hint hint, uint32_t ifindex);
/* Adds to the world and tells, or takes from it and tells. */
struct fake_object *fake_add_and_tell(struct fake_source *s, enum nv_class cls, const void *fact);
void fake_remove_and_tell(struct fake_source *s, struct fake_object *o);
void fake_change_and_tell(struct fake_source *s, struct fake_object *o, uint32_t list);

#endif
