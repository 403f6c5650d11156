/* SPDX-License-Identifier: MIT */
/*
 * recorded.c - what a recording, or the replay of one, asks of the writer.
 *
 * A new file of a recording wants everything read again, so that it can be replayed alone; a replay says when the recorded
 * writer began to read again, when it asked for the egress, and when there is no more.
 */
#include <inttypes.h>

#include "log.h"
#include "writer.h"

/* A new file lacks the kernel's answers about the egress, too; it takes two to be believed over the mirror. */
#define RECORD_ASKS 2u

static void watch_recording(struct nv_writer *w, const struct nv_source_stats *s)
{
    if (s->record_files != w->record_files) {
        w->record_files = s->record_files;
        if (w->record_asks && !w->record_small)
            nv_log(NV_LOG_WARNING, "record", "file=%s hint=\"%s\"", w->options.record,
                   "it is full before everything was read again: raise --record-max");
        w->record_small |= w->record_asks > 0;
        nv_sync_verify(&w->sync); /* so that the new file can be replayed without the old one */
        w->record_asks = RECORD_ASKS;
    }
    bool asked = w->commit.ask[0] || w->commit.ask[1];
    if (w->record_asks && !asked && !w->sync.verify && w->sync.round == NV_ROUND_NONE) {
        w->record_asks--;
        w->commit.ask[0] = w->commit.ask[1] = true;
    }
    if (s->record_error && !w->record_failed) {
        w->record_failed = true;
        nv_log(NV_LOG_ERROR, "record",
               "file=%s error=%d hint=\"the recording has ended, the writer goes on\"",
               w->options.record, s->record_error);
    }
}

static void watch_replay(struct nv_writer *w, const struct nv_replay_stats *s)
{
    if (s->rounds != w->replay_rounds) { /* whatever made the recorded writer reconcile */
        w->replay_rounds = s->rounds;
        w->sync.reconcile_due_ns = nv_clock_boottime_ns();
    }
    for (unsigned f = 0; f < 2; f++) { /* and ask, a file ago perhaps */
        w->commit.ask[f] |= s->queries[f] != w->replay_queries[f];
        w->replay_queries[f] = s->queries[f];
    }
    if (!s->ended || w->replayed)
        return;
    w->replayed = true;
    w->sync.reconcile_due_ns = NV_FOREVER;
    nv_log(NV_LOG_INFO, "replayed",
           "datagrams=%" PRIu64 " requests=%" PRIu64 " datagrams_skipped=%" PRIu64
           " requests_skipped=%" PRIu64 " unavailable=%" PRIu64 " unanswered=%" PRIu64 "%s",
           s->datagrams, s->requests, s->datagrams_skipped, s->requests_skipped, s->unavailable,
           s->unanswered,
           s->cut ? " hint=\"the end of the file was cut: its last datagram is left out\"" : "");
}

void nv_writer_watch_source(struct nv_writer *w)
{
    struct nv_source_stats s;
    if (!w->options.record && !w->options.replay)
        return;
    nv_source_stats(w->source, &s);
    if (w->options.record)
        watch_recording(w, &s);
    else
        watch_replay(w, &s.replay);
}
