/* SPDX-License-Identifier: MIT */
/*
 * sync.h - keeps the mirror equal to the kernel: events, dumps, re-reads, reconciles.
 *
 * Owns:      which dump runs in each lane and which wait, what events touched meanwhile, when a sweep proves absence, the
 *            rounds (first load, resync after a loss, reconcile), drift.
 * Assumes:   one thread; facts come through nv_sync_event while the caller pumps the source.
 * Promises:  after any loss and any silent change that an event hints at, the mirror converges to the kernel without
 *            waiting for a reconcile; every retry is bounded and counted.
 * Leaves:    Linux's silent changes, which hints they have, and what to re-read for each to edges.c.
 */
#ifndef NV_SYNC_H
#define NV_SYNC_H

#include "limits.h"
#include "mirror.h"
#include "nv/plat.h"
#include "tables.h"

enum nv_round { NV_ROUND_NONE, NV_ROUND_INITIAL, NV_ROUND_RESYNC, NV_ROUND_RECONCILE };

/* A dump that waits or runs. */
struct nv_reread {
    struct nv_dump_request req;
    bool full;        /* a step of a round */
    bool approximate; /* one like it gave up proving absence */
    bool lookalikes;  /* the last try showed IPv6 routes more often than they were held */
    unsigned tries;
    uint64_t not_before_ns;
};

/* Keys that events touched while a dump ran. */
struct nv_touched {
    uint64_t *slots; /* open addressing; 0: free */
    uint32_t size, used;
    bool overflow; /* everything counts as touched */
};

/* Links of which a route was linkdown lately: if the carrier is back before it was announced as lost, nothing new is said of them. */
struct nv_restless {
    uint32_t ifindex[NV_RESTLESS_LINKS];
    uint64_t until_ns[NV_RESTLESS_LINKS];
    uint64_t all_until_ns; /* more links than there is room for */
};

/* What a dump of a reconcile had to repair, and which event must have been missing. */
struct nv_drift {
    uint64_t key;
    const char *missing;
    char text[96];
};

/* One lane: the dump that runs, and how far the round is. */
struct nv_sync_lane {
    bool active, ended, disturbed;
    bool
        forfeited; /* something was lost while it ran: it proves nothing, and the round reads it again */
    struct nv_reread job;
    uint64_t started_ns;
    enum nv_dump_status status;
    int error;
    struct nv_touched touched;
    /* Those touched while each of the dump's newest datagrams was the newest, in turns. */
    struct nv_touched fresh[NV_DATAGRAMS_AHEAD + 1];
    uint32_t fresh_at; /* of the newest */
    uint32_t datagram;
    uint32_t skipped; /* facts of the dump that were older than an event, or may have been */
    unsigned step;    /* of the lane's steps in a round; their number: done */
    struct nv_reread step_job;
    bool
        step_barrier; /* a step has to wait for the kernel first: a change was announced meanwhile */
    unsigned jobs_in_row; /* queued jobs that went before the step */
    struct nv_drift drift[NV_DRIFT_LOGGED_MAX];
    uint32_t drift_listed, drift_unlisted;
    bool drift_excused; /* re-reads of the step's kind waited when it began */
};

struct nv_sync {
    struct nv_source *source;
    struct nv_mirror *mirror;
    uint64_t *counter; /* the publisher's */
    struct nv_reread queue[NV_REREADS_MAX];
    unsigned queued;
    struct nv_sync_lane lane[NV_LANES];
    struct nv_restless restless;
    bool unmerged; /* a rule came: tables local and main of IPv4 are two for good */
    enum nv_round round;
    uint64_t refused; /* by the mirror, when the round began */
    uint64_t round_started_ns, round_ended_ns, round_ns;
    uint64_t round_cpu_ns; /* processor time when the round began */
    struct nv_tables tables;
    uint64_t left_out[2];   /* routes of the kernel that these leave out, by family */
    uint64_t left_out_seen; /* in the running step */
    bool lost;
    bool
        verify; /* a reconcile is asked for, as soon as the share of time that they may take allows it */
    bool told;   /* reconciles begin when a replay says so, and never by themselves */
    bool unread; /* the last round lacks a step that a recording does not have */
    const char *lost_reason;
    uint64_t reconcile_ns, reconcile_due_ns; /* reconcile_ns 0: never */
    uint64_t share_due_ns; /* before it a reconcile would cost more than its share */
    uint32_t round_drift;
    unsigned drifting_rounds;
    uint32_t number;
    int64_t sleep_offset_ns; /* BOOTTIME minus MONOTONIC */
    void (*answer)(void *arg, unsigned f, const struct nv_event *ev);
    void *answer_arg;
};

void nv_sync_init(struct nv_sync *s, struct nv_mirror *m, uint64_t *counter, uint64_t reconcile_ns);
void nv_sync_destroy(struct nv_sync *s);
/* The source's sink. */
void nv_sync_event(void *sync, const struct nv_event *ev);
/* Reads what has arrived and ends a dump that is complete. 1: more may be waiting; negative errno: final. */
int nv_sync_pump(struct nv_sync *s);
/* Starts what is due. Returns when it has to be called again at the latest (CLOCK_BOOTTIME). */
uint64_t nv_sync_step(struct nv_sync *s, uint64_t now_ns);
/* Everything is to be read again. */
void nv_sync_lose(struct nv_sync *s, const char *reason);

/* Everything is to be read again although nothing was lost: readers see nothing of it. */
static inline void nv_sync_verify(struct nv_sync *s)
{
    s->verify = true;
}

/* Is a full re-read under way because the mirror is not known to be right? */
static inline bool nv_sync_resyncing(const struct nv_sync *s)
{
    return s->lost || s->round == NV_ROUND_INITIAL || s->round == NV_ROUND_RESYNC;
}
/* Has the round read all that is not routes? True if there is no round. */
bool nv_sync_small_done(const struct nv_sync *s);
/*
 * May the draft be published? Not while it is a half-loaded State. In a resync, links, addresses, rules, nexthops and the
 * default routes may once they are whole; the routes then stay as they were until the round has ended.
 */
bool nv_sync_publishable(const struct nv_sync *s);
/* Nothing of the lane's waits or runs: its classes are as good as events and re-reads make them. */
bool nv_sync_settled(const struct nv_sync *s, enum nv_lane lane);
/* Could some absence not be proved yet, because the kernel kept changing? */
bool nv_sync_approximate(const struct nv_sync *s);

/* Asks for a re-read; what is covered by one that waits already is not asked twice. */
void nv_sync_want(struct nv_sync *s, struct nv_dump_request req, uint64_t not_before_ns);

/* facts.c: nv_sync_event, and for sync.c: */
enum nv_kind nv_sync_kind_of(enum nv_class cls, uint8_t family);
/* Is what the running dump of the lane changes drift? */
bool nv_sync_hunting(const struct nv_sync *s, const struct nv_sync_lane *l);
/* A step of a reconcile starts. */
void nv_sync_drift_begin(struct nv_sync *s, struct nv_sync_lane *l);
void nv_sync_drift_swept(void *lane, uint64_t key, const char *text);
/* Counts and logs what the lane's dump repaired. */
void nv_sync_drift_count(struct nv_sync *s, struct nv_sync_lane *l);
/* A change that is no event of this class has come into a dump of it that may be running: what it lacks may exist. */
bool nv_sync_disturb(struct nv_sync *s, enum nv_class cls, uint8_t family);

/* edges.c: what must be re-read after a change that an event, or a re-read, brought. */
void nv_edge_link(struct nv_sync *s, const struct netvane_rec_link *before,
                  const struct netvane_rec_link *after);
/* The carrier differs from the operational state: the kernel's linkwatch has yet to run, and to tell. */
bool nv_edge_link_waits(const struct netvane_rec_link *link);
void nv_edge_link_again(struct nv_sync *s, uint32_t ifindex);
void nv_edge_addr(struct nv_sync *s, const struct nv_addr *f, bool removed, bool changed);
/* A route that a dump shows; one that an event tells of. */
void nv_edge_route(struct nv_sync *s, const struct nv_route *f, enum nv_effect effect);
void nv_edge_route_told(struct nv_sync *s, const struct nv_route *f, enum nv_effect effect);
/* Tables were bared. known: an event of the route, or a dump of all of its table, has told what there is now. */
void nv_edge_bared(struct nv_sync *s, bool known);
void nv_edge_rule(struct nv_sync *s, uint8_t family, bool removed);
void nv_edge_nexthop(struct nv_sync *s, uint32_t nhid, bool removed);
void nv_edge_hint(struct nv_sync *s, const struct nv_event *ev);

/* touched.c */
void nv_touched_add(struct nv_touched *t, uint64_t key);
bool nv_touched_has(const struct nv_touched *t, uint64_t key);
static inline bool nv_touched_any(const struct nv_touched *t)
{
    return t->used || t->overflow;
}
void nv_touched_clear(struct nv_touched *t);
void nv_touched_destroy(struct nv_touched *t);

#endif
