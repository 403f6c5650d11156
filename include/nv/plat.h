/* SPDX-License-Identifier: MIT */
/*
 * plat.h - the platform seam: all that the writer and the reader ask of an operating system.
 *
 * Owns:      the contract of each function; platform/<os>/ has one implementation of it.
 * Assumes:   nothing. Every function may be called from any thread unless it says otherwise.
 * Promises:  errors are negative errno values (NV_E* where the caller tells them apart); no function
 *            prints, installs a handler, or starts a thread that it does not say it starts.
 * Leaves:    policy. Nothing here knows what a State is.
 */
#ifndef NV_PLAT_H
#define NV_PLAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nv/base.h"
#include "nv/event.h"

/* ---- clock.c: clocks ------------------------------------------------------------------------------ */

uint64_t nv_clock_boottime_ns(void);  /* grows through suspend; the State's time */
uint64_t nv_clock_monotonic_ns(void); /* stands still in suspend */
uint64_t nv_clock_realtime_ns(void);  /* wall clock, for people only */
/* A replay's time: the first two stand still at these values. Released, they go on from there, or from now if that is later. */
void nv_clock_hold(uint64_t boottime_ns, uint64_t monotonic_ns);
void nv_clock_release(void);
uint64_t nv_clock_unheld_ns(void); /* monotonic, held or not */

/* ---- proc.c: this process and its host -------------------------------------------------------------- */

uint32_t nv_proc_pid(void);
bool nv_proc_privileged(void); /* may use the system-wide directory: root on Linux */
/* Processor time of this process, the system's work for it included. */
uint64_t nv_proc_cpu_ns(void);
int nv_proc_random(void *buf, size_t len);
int nv_proc_boot_id(uint8_t ret_id[16]);
/* This thread's network namespace: device and inode of its file. */
int nv_proc_netns(uint64_t *ret_dev, uint64_t *ret_ino);
/*
 * Directories that may hold regions, best first: /run/netvane (or /dev/shm/netvane where /run is no tmpfs)
 * and $XDG_RUNTIME_DIR/netvane; a writer uses the one that fits its privilege, a reader tries them in order.
 * NETVANE_DIR overrides all. Writes the path of candidate n; -ENOENT after the last.
 */
int nv_proc_region_dir(unsigned n, bool for_writer, char *buf, size_t size);

/* ---- thread.c: what C11 threads would be, were they everywhere ---------------------------------------- */

struct nv_thread;
int nv_thread_start(void (*fn)(void *), void *arg, struct nv_thread **ret_thread);
void nv_thread_join(struct nv_thread *t);
bool nv_thread_is_self(const struct nv_thread *t);

struct nv_mutex;
int nv_mutex_new(struct nv_mutex **ret_mutex);
void nv_mutex_free(struct nv_mutex *m);
void nv_mutex_lock(struct nv_mutex *m);
void nv_mutex_unlock(struct nv_mutex *m);

/* ---- shm.c: the region's file ------------------------------------------------------------------------ */

/*
 * Writer's side. A region is built under a temporary name and shown under its own by nv_shm_show, which
 * replaces whatever had that name. The directory is made (0755) if it is missing. Errors: -EEXIST: another
 * writer holds the lock on that name; -ENOSPC, -EACCES, ... as the OS says.
 */
struct nv_shm_args {
    const char *dir;
    const char *name;
    uint64_t max_bytes; /* address space to reserve */
};
struct nv_shm;
int nv_shm_create(const struct nv_shm_args *args, struct nv_shm **ret_shm);
void *nv_shm_base(const struct nv_shm *shm);
int nv_shm_grow(struct nv_shm *shm,
                uint64_t size_bytes); /* backs [0, size) with memory; never shrinks */
int nv_shm_show(struct nv_shm *shm);
/* The region that had the name when nv_shm_create ran, mapped for writing; NULL if there was none usable. */
void *nv_shm_predecessor(struct nv_shm *shm, uint64_t *ret_size_bytes);
void nv_shm_forget_predecessor(struct nv_shm *shm);
/* Gives the memory of its bytes from from_bytes on back to the host (they read as zero then), and forgets it. */
void nv_shm_reclaim_predecessor(struct nv_shm *shm, uint64_t from_bytes);
void nv_shm_ring(struct nv_shm *shm,
                 uint64_t doorbell_offset); /* wakes readers' pollable descriptors */
/* Unmaps and closes. keep_name: leave the last State readable under its name; else remove the name. */
void nv_shm_close(struct nv_shm *shm, bool keep_name);

/* Reader's side. Opening follows no link, waits for nothing, and checks owner and mode before content. */
enum {
    NV_E_NOT_REGULAR = 10001, /* returned negative, as errno values are */
    NV_E_OWNER = 10002,
    NV_E_WRITABLE = 10003, /* group or others may write it */
    NV_E_TOO_SMALL = 10004
};
struct nv_view;
/* trusted_uid: an owner to accept besides root and the caller; UINT32_MAX: none. Maps the header pages. */
int nv_view_open(const char *dir, const char *name, uint32_t trusted_uid, size_t header_bytes,
                 struct nv_view **ret_view);
const void *nv_view_header(const struct nv_view *v); /* mapped until nv_view_close */
/* Maps [0, max_bytes) read-only, reserving address space past the end of the file. */
int nv_view_map(struct nv_view *v, uint64_t max_bytes, const void **ret_base);
/*
 * Takes away what nv_view_map mapped, under threads that may be reading it: from now on they read zeros, never a fault. The
 * address space stays reserved until nv_view_close. (Where the OS cannot do that, the old bytes stay.)
 */
void nv_view_revoke(struct nv_view *v);
/*
 * Takes the header's file away, too, under threads that may be reading it: from now on its first page shows these bytes (at most a
 * page; all views of a process are given the same), and then the rest zeros. A negative errno: not all of it; may be called again.
 */
int nv_view_bury(struct nv_view *v, const void *page, size_t page_bytes);
/* Lets go of the file; nobody asks the two questions below any more. The header stays readable. */
void nv_view_release(struct nv_view *v);
uint64_t nv_view_size_bytes(const struct nv_view *v); /* the file's size now */
bool nv_view_writer_alive(const struct nv_view *v); /* probes the writer's lock; one system call */
bool nv_view_is_current(const struct nv_view *v);   /* the name still leads to this file */
void nv_view_close(struct nv_view *v);

/* ---- wait.c: sleeping and waking across processes ------------------------------------------------------ */

/*
 * Sleeps while the word has its expected value, at most timeout_ns: until a wake of this word that has one of these bits. 0: the
 * word differs or a wake came (spurious ones too); -ETIMEDOUT; -EINTR. The word lies in a shared mapping, for which read-only
 * is enough; bits are not 0.
 */
int nv_futex_wait(const uint32_t *word, uint32_t expected, uint32_t bits, uint64_t timeout_ns);
/* Returns how many were woken. */
int nv_futex_wake(const uint32_t *word, uint32_t bits, int at_most);
#define NV_FUTEX_ALL UINT32_MAX

/*
 * A descriptor that becomes readable when the region's doorbell rings, when its writer ends, or when a
 * successor takes its name.
 */
struct nv_bell;
int nv_bell_open(const char *dir, const char *name, struct nv_bell **ret_bell);
intptr_t nv_bell_handle(const struct nv_bell *b);
int nv_bell_drain(
    struct nv_bell *b); /* empties it; 1 if the name or the file may be another now, else 0 */
int nv_bell_rearm(struct nv_bell *b); /* watches the file that has the name now */
void nv_bell_close(struct nv_bell *b);

/* ---- loop.c: what a service's main loop needs ------------------------------------------------------------ */

struct nv_poll_item {
    intptr_t handle;
    bool readable; /* set by nv_poll */
};
/* 0, or -EINTR. timeout_ns UINT64_MAX: none. Resolution is the OS's: finer than a millisecond on Linux. */
int nv_poll(struct nv_poll_item *items, unsigned count, uint64_t timeout_ns);

#define NV_SIGNAL_STOP   (1u << 0) /* SIGTERM, SIGINT */
#define NV_SIGNAL_REREAD (1u << 1) /* SIGHUP */
/* Blocks those signals in this thread (call it before others start) and makes them readable. */
int nv_signals_open(intptr_t *ret_handle);
unsigned nv_signals_take(intptr_t handle); /* NV_SIGNAL_* that arrived; never blocks */

/* Service manager: sd_notify(3)'s protocol on Linux. Harmless where there is none. */
void nv_service_notify(const char *state); /* "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..." */
uint64_t nv_service_watchdog_ns(void);     /* ping this often (half of the limit), 0: none */

/* ---- source: the OS's network state as a stream of facts --------------------------------------------------- */

struct nv_source_args {
    nv_event_fn *sink; /* called from nv_source_pump only, in the caller's thread */
    void *sink_arg;
    const char *netns;     /* namespace name or path, NULL: this one */
    uint64_t buffer_bytes; /* wanted receive buffer of the event socket, 0: default */
};

/* What a dump covers. Zero fields do not limit it. */
struct nv_dump_request {
    uint32_t number;   /* not 0; comes back in each fact */
    enum nv_class cls; /* NV_CLASS_COUNT: no dump but a query, for nv_source_ready */
    uint8_t family;    /* NV_AF_*; routes and rules: must be given. Addresses: 0 means both */
    uint32_t ifindex;  /* routes with a hop through it; addresses on it */
    uint32_t table;
    bool full;    /* one of those that read everything: no filter, but a replay has to know */
    bool barrier; /* first wait until the kernel has ended the change that it is announcing */
};

/*
 * One dump runs at a time in each lane, so that a table of a million routes holds up no link, address or rule.
 * A lane whose dumps are small goes before the other.
 */
enum nv_lane { NV_LANE_SMALL, NV_LANE_ROUTES, NV_LANES };
static inline enum nv_lane nv_lane_of(enum nv_class cls)
{
    return cls == NV_ROUTE ? NV_LANE_ROUTES : NV_LANE_SMALL;
}

/* Has it what a dump needs? */
static inline bool nv_dump_request_ok(const struct nv_dump_request *req)
{
    bool by_family = req->cls == NV_ROUTE || req->cls == NV_RULE;
    return req->number && req->cls < NV_CLASS_COUNT && (!by_family || nv_af_bytes(req->family));
}

struct nv_source_stats {
    uint64_t events, event_bytes, dump_messages;
    uint64_t overruns, truncated, malformed, unknown, reopens;
    uint64_t unknown_attrs; /* attributes of a number that this source has never heard of */
    uint64_t strays;        /* of another sender, or no reply to an open request */
    uint64_t socket_errors; /* of the event socket, overflows not among them */
    uint64_t untold_drops;  /* overflows that only the kernel's own count showed */
    uint64_t lost_groups;   /* the event socket had left what it was subscribed to */
    uint64_t clipped;       /* lists or texts cut at a limit of event.h */
    uint64_t buffer_bytes;  /* what the event socket really has */
    uint32_t
        record_files; /* that the recording has begun: one more each time that it grew too large */
    int record_error; /* negative errno that ended the recording, 0: none */
    uint64_t record_lost; /* records since then */
    struct nv_replay_stats {
        bool ended; /* the recording has been played to its end; nothing follows */
        bool cut;   /* its last datagram was not whole */
        uint64_t datagrams, requests;                 /* played */
        uint64_t datagrams_skipped, requests_skipped; /* the writer did not ask for them */
        uint64_t rounds; /* times that it came to a full re-read which the writer had not begun */
        uint32_t queries[2];  /* of IPv4 and IPv6, that it did not make by itself */
        uint64_t unavailable; /* dumps asked for, that the recording lacks before its end */
        uint64_t unanswered;  /* questions asked, that the recorded writer did not ask */
    } replay;
};

struct nv_source;
struct nv_source_ops {
    unsigned (*handles)(struct nv_source *s, struct nv_poll_item *items, unsigned max);
    int (*pump)(struct nv_source *s, unsigned budget);
    int (*dump)(struct nv_source *s, const struct nv_dump_request *req);
    int (*query)(struct nv_source *s, uint32_t number, uint8_t family, const uint8_t dst[16]);
    int (*reopen)(struct nv_source *s);
    void (*stats)(const struct nv_source *s, struct nv_source_stats *ret_stats);
    int (*namespace_id)(const struct nv_source *s, uint64_t *ret_dev, uint64_t *ret_ino);
    void (*close)(struct nv_source *s);
    /* NULL where there is nothing to say: */
    unsigned (*urgent)(struct nv_source *s, struct nv_poll_item *items, unsigned max);
    bool (*ready)(const struct nv_source *s, const struct nv_dump_request *req);
    uint64_t (*rest)(struct nv_source *s, uint64_t due_ns);
    void (*note_reread)(struct nv_source *s);
    int (*record)(struct nv_source *s, const char *file, uint64_t max_bytes);
};
struct nv_source {
    const struct nv_source_ops *ops;
};

/*
 * Opens the system's own source: subscribed before it returns, so that a dump started after it misses
 * nothing. -ENOENT: no such namespace; -EPERM: may not enter it.
 */
int nv_source_open(const struct nv_source_args *args, struct nv_source **ret_source);

/*
 * Opens a recording instead: no socket, no privilege, no namespace. From here until it has been played the
 * clock is held at the recording's time. On failure `why` says what is wrong and what to do.
 */
struct nv_replay_args {
    nv_event_fn *sink; /* as above */
    void *sink_arg;
    const char *file;
    bool
        recorded_pace; /* sleeps as long as it took; else as fast as it goes. The facts are the same */
};
int nv_source_replay(const struct nv_replay_args *args, struct nv_source **ret_source, char *why,
                     size_t why_size);

/* Fills items to poll on; returns how many (at most 2 + NV_LANES). They change: ask before each poll. */
static inline unsigned nv_source_handles(struct nv_source *s, struct nv_poll_item *items,
                                         unsigned max)
{
    return s->ops->handles(s, items, max);
}

/*
 * The same for a time in which events may gather: items that become readable only for what must not wait, which is
 * all but routes of more than one bit. 0: now, or here, nothing may gather.
 */
static inline unsigned nv_source_urgent(struct nv_source *s, struct nv_poll_item *items,
                                        unsigned max)
{
    return s->ops->urgent ? s->ops->urgent(s, items, max) : 0;
}

/*
 * Reads all that has arrived and calls the sink for each fact: the event stream until it is empty, then up
 * to budget datagrams of the running dumps (before each the event stream is emptied again, and of a lane's
 * dump all goes before the next lane's; fewer where an event came or a small dump ended), then answers.
 * Never blocks. Returns 1 if dump data may be waiting, 0 if nothing is, or a negative errno that is final. May start a
 * thread that reads a long dump ahead; the sink is called by the caller's.
 */
static inline int nv_source_pump(struct nv_source *s, unsigned budget)
{
    return s->ops->pump(s, budget);
}

/*
 * Starts a dump; its facts come between DUMP_BEGIN and DUMP_END, and those of another lane's dump between them.
 * -EBUSY: one is running in the lane of its class. A fact of a dump may be older than an event that came before it, by up
 * to its event's `ahead`.
 */
static inline int nv_source_dump(struct nv_source *s, const struct nv_dump_request *req)
{
    return s->ops->dump(s, req);
}

/* Asks which way a packet to dst would go; an ANSWER with that number in `dump` follows. -EBUSY: one is open. */
static inline int nv_source_query(struct nv_source *s, uint32_t number, uint8_t family,
                                  const uint8_t dst[16])
{
    return s->ops->query(s, number, family, dst);
}

/* Opens the event stream anew (drift was found twice in a row); the caller re-reads everything. */
static inline int nv_source_reopen(struct nv_source *s)
{
    return s->ops->reopen(s);
}

/* May this be asked now? Always, but for a replay, in which each request has its place. If not: in the next turn. */
static inline bool nv_source_ready(const struct nv_source *s, const struct nv_dump_request *req)
{
    return !s->ops->ready || s->ops->ready(s, req);
}

/* How long to sleep at most, if the caller has nothing to do before due_ns. A replay turns the clock instead. */
static inline uint64_t nv_source_rest(struct nv_source *s, uint64_t due_ns)
{
    if (s->ops->rest)
        return s->ops->rest(s, due_ns);
    uint64_t now = nv_clock_boottime_ns();
    return due_ns > now ? due_ns - now : 0;
}

/*
 * From now on every datagram goes to a file, which begins anew as FILE whenever it has max_bytes / 2; what was there
 * becomes FILE.old. Call it before the first pump. Afterwards stats tell what becomes of it. A negative errno says why
 * the file cannot be had (-ELOOP: it is no regular file).
 */
static inline int nv_source_record(struct nv_source *s, const char *file, uint64_t max_bytes)
{
    return s->ops->record(s, file, max_bytes);
}

/* Somebody told the caller to read everything again: a recording has to know, too. */
static inline void nv_source_note_reread(struct nv_source *s)
{
    if (s->ops->note_reread)
        s->ops->note_reread(s);
}

static inline void nv_source_stats(const struct nv_source *s, struct nv_source_stats *ret_stats)
{
    s->ops->stats(s, ret_stats);
}

static inline int nv_source_namespace_id(const struct nv_source *s, uint64_t *ret_dev,
                                         uint64_t *ret_ino)
{
    return s->ops->namespace_id(s, ret_dev, ret_ino);
}

static inline void nv_source_close(struct nv_source *s)
{
    s->ops->close(s);
}

#endif
