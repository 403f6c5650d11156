/* SPDX-License-Identifier: MIT */
/*
 * rtnl_replay.h - what the files of a replay share: a recording in memory, and how far it has been played.
 *
 * Owns:      struct nv_recording, which rtnl_replay_file.c makes, and struct nv_replay: rtnl_replay_match.c finds the
 *            request that is meant, rtnl_replay_give.c makes facts of datagrams, rtnl_replay.c moves the cursor.
 * Promises:  no socket, nothing that only Linux has but the numbers of its headers.
 */
#ifndef NV_LINUX_RTNL_REPLAY_H
#define NV_LINUX_RTNL_REPLAY_H

#include "nv/base.h"
#include "nv/plat.h"
#include "rtnl_intake.h"
#include "rtnl_pcap.h"
#include "rtnl_reply.h"

#define NV_REPLAY_NONE UINT32_MAX

/* Where a request of the writer stands in the recording. */
struct nv_replay_request {
    uint32_t ask;    /* entry at which it was asked: its barrier, or */
    uint32_t main;   /* the request itself */
    uint32_t second; /* request that the source sent by itself when this one had ended, or NONE */
    bool is_second;
    bool taken;                  /* matched or passed over */
    struct nv_dump_request what; /* cls NV_CLASS_COUNT: a query */
    uint8_t dst[16];             /* of a query */
    uint32_t portid, seq;
};

struct nv_replay_entry {
    struct nv_pcap_record rec; /* stamp_ns: since the first record */
    uint32_t request;          /* that this entry is the ask or the main of, or NONE */
};

struct nv_recording {
    uint8_t *bytes;
    struct nv_replay_entry *entries;
    struct nv_replay_request *requests;
    uint32_t entry_count, request_count;
    bool cut; /* the last record was not whole, and is left out */
};

/* Reads a file. On failure `why` says what is wrong with it and what to do, and nothing is kept. */
int nv_recording_load(struct nv_recording *ret, const char *file, char *why, size_t why_size);
/* The same from memory, by malloc, which the recording owns from now on, also on failure. */
int nv_recording_parse(struct nv_recording *ret, uint8_t *bytes, size_t size, char *why,
                       size_t why_size);
void nv_recording_free(struct nv_recording *r);

/* A source that plays it from the beginning, and owns it from now on. -ENOMEM: it does not. */
int nv_replay_open(const struct nv_replay_args *args, const struct nv_recording *recording,
                   struct nv_source **ret_source);

/* ---- between the files of the replay ----------------------------------------------------------------- */

struct nv_replay_lane {
    bool active, begun, unavailable;
    bool covered; /* the recorded request asked for more than this one */
    bool ending;  /* its end was read; events of the same turn come before it is given out */
    uint8_t family;
    uint32_t datagrams;
    uint32_t request; /* of the recording */
    bool passed;      /* its main entry is behind the cursor */
    struct nv_dump_request req;
    struct nv_rtnl_outcome outcome;
};

struct nv_replay {
    struct nv_source base;
    struct nv_rtnl_intake in;
    struct nv_recording rec;
    uint32_t at;    /* the cursor: an entry */
    uint32_t turn;  /* that was played last; each pump without a budget is one, too */
    uint32_t first; /* requests before it are all taken */

    bool recorded_pace;
    uint64_t begin_ns, now_ns; /* of the held clock */
    uint64_t real_begin_ns;
    uint64_t behind_ns; /* what MONOTONIC is behind BOOTTIME */

    struct nv_replay_lane lanes[NV_LANES];
    struct {
        bool active;
        uint32_t request, number;
        bool passed;
    } query;
    uint64_t asks,
        asks_offered; /* a request awaited: what had been asked when the writer was last given a turn */
    bool offered;
    unsigned full_taken; /* full_bit: the first full re-read waits for its place, however far */
    uint32_t round;      /* the last request that began one and has been come to */
    _Alignas(8) uint8_t buf[NV_PCAP_DATAGRAM_MAX];
};

static inline struct nv_replay_lane *nv_replay_lane_of(struct nv_replay *s, enum nv_class cls)
{
    return &s->lanes[nv_lane_of(cls)];
}

/* Addresses of both families: two requests of the recording. */
static inline bool nv_replay_is_double(const struct nv_dump_request *req)
{
    return req->cls == NV_ADDR && !req->family;
}

/* The family that the kernel is asked for first. */
static inline uint8_t nv_replay_first_family(const struct nv_dump_request *req)
{
    return nv_replay_is_double(req) ? NV_AF_4 : req->family;
}

/* Behind the end of a recording nothing is missing: the writer was only stopped before it asked, or was answered. */
static inline void nv_replay_count_unavailable(struct nv_replay *s)
{
    s->in.stats.replay.unavailable += s->at < s->rec.entry_count;
}

/* The request of the recording that is meant: one of the same content, or one that covers it. NONE: unavailable. */
uint32_t nv_replay_find(const struct nv_replay *s, const struct nv_dump_request *req);
/* Nothing that the recorded writer knew when it asked is still to come. */
bool nv_replay_is_near(const struct nv_replay *s, const struct nv_replay_request *r);
/* It is asked for by req, or passed over (req all zero), and its second one with it. */
void nv_replay_take(struct nv_replay *s, uint32_t request, const struct nv_dump_request *req);

void nv_replay_begin_dump(struct nv_replay *s, struct nv_replay_lane *l);
void nv_replay_end_dump(struct nv_replay *s, struct nv_replay_lane *l);
void nv_replay_end_unavailable(struct nv_replay *s, struct nv_replay_lane *l);
/* What the source does when it has read the event stream empty: losses, then ends of dumps. */
void nv_replay_after_events(struct nv_replay *s);
void nv_replay_give_answer(struct nv_replay *s, const struct nv_event *answer);
/* Makes facts of a datagram. */
void nv_replay_receive(struct nv_replay *s, const struct nv_pcap_record *p);

#endif
