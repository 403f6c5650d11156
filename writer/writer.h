/* SPDX-License-Identifier: MIT */
/*
 * writer.h - a whole writer: options in, a running mirror until it is told to stop.
 */
#ifndef NV_WRITER_H
#define NV_WRITER_H

#include "commit.h"
#include "sync.h"

struct nv_writer_options {
    const char *dir; /* NULL: the first directory that fits this process's privilege */
    const char *name;
    const char *netns;     /* NULL: this one */
    uint64_t reconcile_ns; /* 0: never */
    uint64_t coalesce_ns;
    uint64_t max_bytes;
    struct nv_tables tables;
    bool once; /* publish one State (of a replay: the last one) and end, leaving it readable */
    const char *record; /* NULL: no recording */
    uint64_t record_max_bytes;
    const char *replay; /* a recording to be the source; NULL: the kernel */
    bool replay_recorded_pace;
};

struct nv_writer {
    struct nv_writer_options options;
    struct nv_mirror mirror;
    struct nv_publisher pub;
    struct nv_sync sync;
    struct nv_commit commit;
    struct nv_source *source;
    struct nv_shm *shm;
    intptr_t signals;
    char dir[256];
    bool shown; /* the region has its name */
    bool
        asked_early; /* in a resync, the kernel was asked about the egress before the routes were read */
    uint64_t paced_ns; /* when all versions so far are paid for, at one per coalesce_ns */
    uint64_t storm_ns; /* likewise, at one per NV_STORM_NS */
    uint64_t turn_ns;  /* when the loop last woke */
    uint64_t last_query_ns, last_beat_ns, last_egress_verify_ns, last_watchdog_ns;
    uint64_t watchdog_ns;
    uint64_t reclaim_ns; /* when the predecessor's memory goes, 0: there is none */
    uint32_t query_number;
    uint32_t record_files; /* that were seen to begin */
    bool record_failed, replayed;
    bool record_small;    /* that was said */
    unsigned record_asks; /* rounds of questions that the new file still needs */
    uint32_t replay_queries[2];
    uint64_t replay_rounds; /* that were begun because the recording has them */
};

/* loop.c: the source's answer to a question about the egress. */
void nv_writer_answer(void *writer, unsigned f, const struct nv_event *ev);
/* recorded.c: looks how far a recording or a replay is. */
void nv_writer_watch_source(struct nv_writer *w);

/* Opens everything; on failure it has logged why, and returns a negative errno. */
int nv_writer_open(struct nv_writer *w, const struct nv_writer_options *options);
/* Runs until a signal (or, with `once`, the first State); 0 or a negative errno that was final. */
int nv_writer_run(struct nv_writer *w);
/* Marks the State STOPPED and leaves it readable. */
void nv_writer_close(struct nv_writer *w);

#endif
