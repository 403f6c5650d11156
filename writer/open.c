/* SPDX-License-Identifier: MIT */
/*
 * open.c - opens all that a writer needs: signals, the source, the region, the mirror.
 *
 * Promises:  what cannot be had is logged with what to do about it.
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
    w->sync.told = options->replay != NULL;
    w->sync.source = w->source;
    w->sync.answer = nv_writer_answer;
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
