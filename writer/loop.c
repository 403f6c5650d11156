/* SPDX-License-Identifier: MIT */
/*
 * loop.c - one thread: read what the kernel says, keep the mirror, publish, beat.
 *
 * Each turn: sleep until the source has data or a time is due; read; end and start dumps; publish if the draft has
 * something to say and the last version is old enough; ask the kernel about the egress once things have settled.
 */
#include "writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "log.h"

/* Probe destinations of the egress: a root name server's addresses (a.root-servers.net, RFC 7720). Nothing is sent there. */
static const uint8_t probe4[4] = {198, 41, 0, 4};
static const uint8_t probe6[16] = {0x20, 0x01, 0x05, 0x03, 0xba, 0x3e, 0, 0,
                                   0,    0,    0,    0,    0,    0x02, 0, 0x30};

static int grow(void *arg, uint64_t size_bytes)
{
    static uint64_t told_ns; /* each refused change tries to grow: one line a second is enough */
    int r = nv_shm_grow(arg, size_bytes);
    uint64_t now = nv_clock_boottime_ns();
    if (r && now - told_ns > NV_NS_PER_S) {
        told_ns = now;
        nv_log(NV_LOG_ERROR, "no_memory", "wanted_bytes=%" PRIu64 " error=%d", size_bytes, r);
    }
    return r;
}

static void on_answer(void *arg, unsigned f, const struct nv_event *ev)
{
    struct nv_writer *w = arg;
    bool agreed = nv_commit_answer(&w->commit, f, ev->error ? NULL : ev->route);
    uint64_t now = nv_clock_boottime_ns();
    if (!agreed && w->commit.disagreed[f] == 2) { /* once for each time that they begin to differ */
        const struct netvane_region_default *own = &w->commit.choice[f].egress,
                                            *kernel = &w->commit.egress[f];
        nv_log(NV_LOG_INFO, "egress",
               "family=%u result=\"the kernel's answer is published\" mirror_link=%u "
               "mirror_table=%u mirror_metric=%u "
               "kernel_link=%u kernel_table=%u kernel_error=%d",
               f ? 6u : 4u, own->ifindex, own->table, own->metric, kernel->ifindex, kernel->table,
               ev->error);
    }
    if (!agreed && w->sync.round == NV_ROUND_NONE && nv_sync_settled(&w->sync, NV_LANE_ROUTES) &&
        now - w->last_egress_resync_ns >= NV_EGRESS_RESYNC_NS) {
        w->last_egress_resync_ns = now;
        nv_sync_lose(&w->sync, "the kernel's egress differs");
    }
}

/* ---- open ----------------------------------------------------------------------------------------------- */

static int open_region(struct nv_writer *w)
{
    struct nv_legacy legacy;
    uint64_t dev = 0, ino = 0, size = 0;
    int r = w->options.dir ? 0 : nv_proc_region_dir(0, true, w->dir, sizeof(w->dir));
    if (r) {
        nv_log(NV_LOG_ERROR, "no_directory",
               "hint=\"set --dir, NETVANE_DIR or XDG_RUNTIME_DIR\" error=%d", r);
        return r;
    }
    if (w->options.dir)
        (void)snprintf(w->dir, sizeof(w->dir), "%s", w->options.dir);
    struct nv_shm_args args = {
        .dir = w->dir, .name = w->options.name, .max_bytes = w->options.max_bytes};
    r = nv_shm_create(&args, &w->shm);
    if (r) {
        nv_log(NV_LOG_ERROR, r == -EEXIST ? "already_running" : "region",
               "dir=%s name=%s error=%d hint=\"%s\"", w->dir, w->options.name, r,
               r == -EEXIST
                   ? "another writer has this name: stop it, or give this one another --name"
                   : "the directory has to be this user's and writable by nobody else: see --dir");
        return r;
    }
    r = nv_shm_grow(w->shm, NETVANE_ARENA_OFFSET);
    if (r) {
        nv_log(NV_LOG_ERROR, "no_memory", "dir=%s error=%d", w->dir, r);
        return r;
    }
    nv_legacy_none(&legacy);
    void *old = nv_shm_predecessor(w->shm, &size);
    if (old && !nv_legacy_read(old, size, &legacy))
        nv_log(NV_LOG_WARNING, "predecessor",
               "result=\"not readable, versions go on from the clock\"");
    (void)nv_source_namespace_id(w->source, &dev, &ino);
    struct nv_header_args header = {.max_bytes = w->options.max_bytes,
                                    .coalesce_ns = w->options.coalesce_ns,
                                    .reconcile_ns = w->options.reconcile_ns,
                                    .netns_dev = dev,
                                    .netns_ino = ino,
                                    .tables = w->options.tables.text};
    r = nv_publisher_init(&w->pub, nv_shm_base(w->shm), w->shm, &header, &legacy);
    if (r)
        return r;
    r = nv_mirror_init(&w->mirror, nv_shm_base(w->shm), w->options.max_bytes, grow, w->shm,
                       legacy.version + 1);
    if (r)
        nv_log(NV_LOG_ERROR, "no_memory",
               "dir=%s hint=\"the file system that holds the region is full\"", w->dir);
    return r ? -ENOMEM : 0;
}

static int open_source(struct nv_writer *w)
{
    const struct nv_writer_options *o = &w->options;
    struct nv_source_args args = {.sink = nv_sync_event, .sink_arg = &w->sync, .netns = o->netns};
    int r = nv_source_open(&args, &w->source);
    if (r) {
        nv_log(NV_LOG_ERROR, "source", "netns=%s error=%d hint=\"%s\"", o->netns ? o->netns : "-",
               r,
               r == -ENOENT  ? "no such network namespace: see ip netns list"
               : r == -EPERM ? "entering another namespace needs CAP_SYS_ADMIN"
                             : "the kernel refused a netlink socket");
        return r;
    }
    r = o->record ? nv_source_record(w->source, o->record, o->record_max_bytes) : 0;
    if (r)
        nv_log(NV_LOG_ERROR, "record", "file=%s error=%d hint=\"%s\"", o->record, r,
               r == -ELOOP
                   ? "it is there and is no regular file: give another name"
                   : "the directory has to be there, with space, and writable by this user");
    w->record_files = 1;
    return r;
}

static int open_replay(struct nv_writer *w)
{
    char why[256] = "no memory";
    struct nv_replay_args args = {.sink = nv_sync_event,
                                  .sink_arg = &w->sync,
                                  .file = w->options.replay,
                                  .recorded_pace = w->options.replay_recorded_pace};
    int r = nv_source_replay(&args, &w->source, why, sizeof(why));
    if (r)
        nv_log(NV_LOG_ERROR, "replay", "file=%s error=%d hint=\"%s\"", w->options.replay, r, why);
    return r;
}

int nv_writer_open(struct nv_writer *w, const struct nv_writer_options *options)
{
    memset(w, 0, sizeof(*w));
    w->options = *options;
    w->options.max_bytes &= ~(uint64_t)(NV_MAX_BYTES_GRAIN - 1);
    w->signals = -1;
    int r = nv_signals_open(&w->signals);
    if (r) {
        nv_log(NV_LOG_ERROR, "signals", "error=%d", r);
        return r;
    }
    r = options->replay ? open_replay(w) : open_source(w);
    if (r)
        return r;
    r = open_region(w);
    if (r)
        return r;
    memcpy(w->mirror.probe[0], probe4, sizeof(probe4));
    memcpy(w->mirror.probe[1], probe6, sizeof(probe6));
    nv_sync_init(&w->sync, &w->mirror, w->pub.counter, options->replay ? 0 : options->reconcile_ns);
    w->sync.source = w->source;
    w->sync.answer = on_answer;
    w->sync.answer_arg = w;
    w->sync.tables = options->tables;
    nv_commit_init(&w->commit, &w->mirror, &w->pub);
    w->commit.filtered = !nv_tables_all(&options->tables);
    w->watchdog_ns = nv_service_watchdog_ns();
    nv_log(NV_LOG_INFO, "start", "dir=%s name=%s netns=%s pid=%u%s%s", w->dir, options->name,
           options->netns ? options->netns : "-", nv_proc_pid(),
           options->record   ? " record="
           : options->replay ? " replay="
                             : "",
           options->record   ? options->record
           : options->replay ? options->replay
                             : "");
    return 0;
}

/* ---- publish ---------------------------------------------------------------------------------------------- */

static void update_quality(struct nv_writer *w)
{
    uint32_t q = 0;
    if (nv_sync_resyncing(&w->sync))
        q |= NETVANE_RQ_RESYNCING;
    if (nv_sync_approximate(&w->sync))
        q |= NETVANE_RQ_APPROXIMATE;
    if (w->mirror.degraded)
        q |= NETVANE_RQ_DEGRADED;
    if (!nv_tables_all(&w->options.tables))
        q |= NETVANE_RQ_FILTERED;
    w->commit.quality = q;
    w->commit.verified_ns = w->sync.round_ended_ns;
    nv_write_word(w->pub.base, NV_LIVE(verified_ns), w->sync.round_ended_ns);
}

static void update_counters(struct nv_writer *w)
{
    struct nv_source_stats s;
    nv_source_stats(w->source, &s);
    uint64_t *c = w->pub.counter;
    c[NETVANE_RC_EVENTS] = s.events;
    c[NETVANE_RC_EVENT_BYTES] = s.event_bytes;
    c[NETVANE_RC_OVERRUNS] = s.overruns;
    c[NETVANE_RC_TRUNCATED] = s.truncated;
    c[NETVANE_RC_MALFORMED] = s.malformed;
    c[NETVANE_RC_UNKNOWN] = s.unknown;
    c[NETVANE_RC_UNKNOWN_ATTRS] = s.unknown_attrs;
    c[NETVANE_RC_CLIPPED] = s.clipped;
    c[NETVANE_RC_STRAYS] = s.strays;
    c[NETVANE_RC_SOCKET_REOPENS] = s.reopens;
    c[NETVANE_RC_SOCKET_ERRORS] = s.socket_errors;
    c[NETVANE_RC_UNTOLD_DROPS] = s.untold_drops;
    c[NETVANE_RC_LOST_GROUPS] = s.lost_groups;
    c[NETVANE_RC_SOCKET_BUFFER] = s.buffer_bytes;
    c[NETVANE_RC_ROUTES_LEFT_OUT] = w->sync.left_out[0] + w->sync.left_out[1];
    nv_publisher_counters(&w->pub, &w->mirror.draft.arena);
}

/* The first State is whole: give the region its name, and send the predecessor's readers here. */
static int show(struct nv_writer *w)
{
    int r = nv_shm_show(w->shm);
    if (r) {
        nv_log(NV_LOG_ERROR, "show", "dir=%s name=%s error=%d", w->dir, w->options.name, r);
        return r;
    }
    w->shown = true;
    uint64_t size = 0;
    void *old = nv_shm_predecessor(w->shm, &size);
    if (old) {
        nv_legacy_end(old, size, w->pub.instance_id);
        w->reclaim_ns = nv_clock_boottime_ns() + NV_GRACE_NS;
    }
    nv_log(NV_LOG_INFO, "ready",
           "version=%" PRIu64
           " links=%u addrs=%u routes4=%u routes6=%u rules=%u nexthops=%u took_ms=%u",
           w->pub.head, w->mirror.draft.tree[NETVANE_TREE_LINKS].count,
           w->mirror.draft.tree[NETVANE_TREE_ADDRS].count,
           w->mirror.draft.tree[NETVANE_TREE_ROUTES4].count,
           w->mirror.draft.tree[NETVANE_TREE_ROUTES6].count,
           w->mirror.draft.tree[NETVANE_TREE_RULES].count,
           w->mirror.draft.tree[NETVANE_TREE_NEXTHOPS].count,
           (unsigned)(w->sync.round_ns / NV_NS_PER_MS));
    nv_service_notify("READY=1");
    return 0;
}

/* The kernel knows the egress at once, while the mirror's routes are still being read again. */
static void ask_early(struct nv_writer *w)
{
    bool early = nv_sync_resyncing(&w->sync) && nv_sync_publishable(&w->sync);
    if (early && !w->asked_early)
        w->commit.ask[0] = w->commit.ask[1] = true;
    w->asked_early = early;
}

/* Publishes if it is time to; returns when it will be. */
static int publish(struct nv_writer *w, uint64_t now, uint64_t *ret_due)
{
    *ret_due = NV_FOREVER;
    update_quality(w);
    bool held = !nv_sync_publishable(&w->sync);
    if (!w->shown) {
        if (held)
            return 0;
        (void)nv_commit(&w->commit, true, now);
        nv_publisher_state(&w->pub, NETVANE_RS_LIVE);
        update_counters(w);
        w->last_publish_ns = now;
        return show(w);
    }
    ask_early(w);
    if (!nv_commit_wanted(&w->commit))
        return 0;
    /* A loss shows at once, over the State as it is; from then on the routes stay until the round has ended. */
    w->commit.hold_routes = nv_sync_resyncing(&w->sync);
    bool flagged = w->commit.published_quality & NETVANE_RQ_RESYNCING;
    if (held && flagged)
        return 0;
    if ((!held || flagged) && now < w->last_publish_ns + w->options.coalesce_ns) {
        *ret_due = w->last_publish_ns + w->options.coalesce_ns;
        return 0;
    }
    bool was_degraded = w->commit.published_quality & NETVANE_RQ_DEGRADED;
    if (nv_commit(&w->commit, false, now)) {
        w->last_publish_ns = now;
        update_counters(w);
    } else if (w->commit.quiet_since_ns)
        *ret_due = w->commit.quiet_since_ns + NV_QUIET_PUBLISH_NS;
    if (w->commit.quality & NETVANE_RQ_DEGRADED && !was_degraded)
        nv_log(NV_LOG_ERROR, "degraded", "hint=\"raise --max-bytes or free space in %s\"", w->dir);
    return 0;
}

/* Asks the kernel about an egress that was chosen anew, once nothing is under way any more. */
static uint64_t query(struct nv_writer *w, uint64_t now)
{
    if (!nv_sync_settled(&w->sync, NV_LANE_SMALL) || !(w->commit.ask[0] || w->commit.ask[1]))
        return NV_FOREVER;
    if (now < w->last_query_ns + NV_QUERY_INTERVAL_NS)
        return w->last_query_ns + NV_QUERY_INTERVAL_NS;
    unsigned f = w->commit.ask[0] ? 0 : 1;
    struct nv_dump_request req = {.cls = NV_CLASS_COUNT, .family = f ? NV_AF_6 : NV_AF_4};
    if (!nv_source_ready(w->source, &req))
        return NV_FOREVER;
    int r = nv_source_query(w->source, ++w->query_number << 1 | f, f ? NV_AF_6 : NV_AF_4,
                            w->mirror.probe[f]);
    w->last_query_ns = now;
    if (r == -EBUSY)
        return now + NV_QUERY_INTERVAL_NS;
    w->commit.ask[f] = false;
    w->pub.counter[NETVANE_RC_EGRESS_QUERIES]++;
    return w->commit.ask[0] || w->commit.ask[1] ? now + NV_QUERY_INTERVAL_NS : NV_FOREVER;
}

/* Long-lived readers keep the old region's header mapped: its arena must not stay with it. */
static uint64_t reclaim(struct nv_writer *w, uint64_t now)
{
    if (w->reclaim_ns && now >= w->reclaim_ns) {
        uint64_t size = 0;
        void *old = nv_shm_predecessor(w->shm, &size);
        if (old)
            nv_legacy_expire(old, size);
        nv_shm_reclaim_predecessor(w->shm, NETVANE_ARENA_OFFSET);
        w->reclaim_ns = 0;
    }
    return w->reclaim_ns ? w->reclaim_ns : NV_FOREVER;
}

/* ---- recording and replay ------------------------------------------------------------------------------------- */

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
           " requests_skipped=%" PRIu64 " unavailable=%" PRIu64 "%s",
           s->datagrams, s->requests, s->datagrams_skipped, s->requests_skipped, s->unavailable,
           s->cut ? " hint=\"the end of the file was cut: its last datagram is left out\"" : "");
}

static void watch_source(struct nv_writer *w)
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

/* With --once: has the State been published that was to be? */
static bool is_done(struct nv_writer *w, uint64_t now)
{
    if (!w->options.once || !w->shown || !w->options.replay)
        return w->options.once && w->shown;
    if (!w->replayed || nv_sync_resyncing(&w->sync) || !nv_sync_settled(&w->sync, NV_LANE_SMALL) ||
        !nv_sync_settled(&w->sync, NV_LANE_ROUTES))
        return false;
    if (nv_commit_wanted(&w->commit))
        (void)nv_commit(&w->commit, true, now);
    return true;
}

/* ---- run -------------------------------------------------------------------------------------------------------- */

static uint64_t beat(struct nv_writer *w, uint64_t now)
{
    if (now >= w->last_beat_ns + NV_HEARTBEAT_NS) {
        w->last_beat_ns = now;
        nv_publisher_beat(&w->pub, now);
        update_counters(w);
    }
    if (w->watchdog_ns && now >= w->last_watchdog_ns + w->watchdog_ns) {
        w->last_watchdog_ns = now;
        nv_service_notify("WATCHDOG=1");
    }
    uint64_t next = w->last_beat_ns + NV_HEARTBEAT_NS;
    return w->watchdog_ns ? nv_min_u64(next, w->last_watchdog_ns + w->watchdog_ns) : next;
}

static void reread(struct nv_writer *w)
{
    nv_source_note_reread(w->source);
    nv_sync_lose(&w->sync, "SIGHUP");
}

int nv_writer_run(struct nv_writer *w)
{
    int more = 1;
    uint64_t due = 0;
    for (;;) {
        struct nv_poll_item items[8];
        unsigned n = nv_source_handles(w->source, items, NV_ARRAY_LEN(items) - 1);
        items[n] = (struct nv_poll_item){.handle = w->signals};
        uint64_t timeout = more > 0 ? 0 : nv_source_rest(w->source, due);
        int r = nv_poll(items, n + 1, timeout);
        if (r && r != -EINTR)
            return r;
        if (!r && items[n].readable) {
            unsigned signals = nv_signals_take(w->signals);
            if (signals & NV_SIGNAL_STOP)
                return 0;
            if (signals & NV_SIGNAL_REREAD)
                reread(w);
        }
        more = nv_sync_pump(&w->sync);
        if (more < 0) {
            nv_log(NV_LOG_ERROR, "source", "error=%d", more);
            return more;
        }
        watch_source(w);
        uint64_t now = nv_clock_boottime_ns();
        uint64_t step, commit;
        /* Before the step: its request waits in the kernel for as long as others make changes. */
        if (w->sync.lost) {
            r = publish(w, now, &commit);
            if (r)
                return r;
        }
        step = nv_sync_step(&w->sync, now);
        r = publish(w, now, &commit);
        if (r)
            return r;
        if (is_done(w, now))
            return 0;
        due = nv_min_u64(nv_min_u64(step, commit), nv_min_u64(query(w, now), beat(w, now)));
        due = nv_min_u64(due, reclaim(w, now));
    }
}

void nv_writer_close(struct nv_writer *w)
{
    nv_service_notify("STOPPING=1");
    if (w->shown) {
        w->commit.quality |= NETVANE_RQ_STOPPED;
        update_counters(w);
        nv_publisher_state(&w->pub, NETVANE_RS_STOPPED);
        if (!w->options.once && nv_sync_publishable(&w->sync)) /* else the draft is half a State */
            (void)nv_commit(&w->commit, true, nv_clock_boottime_ns());
        struct nv_source_stats s;
        nv_source_stats(w->source, &s);
        nv_log(NV_LOG_INFO, "stop", "version=%" PRIu64, w->pub.head);
        if (s.record_error)
            nv_log(NV_LOG_WARNING, "record", "lost=%" PRIu64, s.record_lost);
    }
    if (w->pub.base)
        nv_publisher_destroy(&w->pub);
    nv_mirror_destroy(&w->mirror);
    nv_sync_destroy(&w->sync);
    if (w->shm)
        nv_shm_close(w->shm, w->shown);
    if (w->source)
        nv_source_close(w->source);
}
