/* SPDX-License-Identifier: MIT */
/*
 * rtnl_source.c - the kernel's network state as a stream of facts: the event socket, and the whole.
 *
 * Owns:      the life of a source, and when something is LOST.
 * Assumes:   what RTNETLINK.md found. In short: subscribe before dumping; dumps on a socket of their own;
 *            after an overrun the kernel goes on dropping, silently, until the queue has been read empty.
 * Promises:  an overrun is reported once, after everything that was queued before it, and only when the
 *            queue is empty. Messages that do not come from the kernel are not looked at.
 * Leaves:    what must be read again after a loss to the writer. Dumps: rtnl_dump.c; questions: rtnl_query.c.
 */
#include "rtnl_source.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netns.h"
#include "nv/base.h"

/* A stream that never ends must not keep the writer from its other duties. */
#define DRAIN_DATAGRAMS_MAX 65536

/* ---- sockets -------------------------------------------------------------------------------------- */

struct opening {
    const struct nv_rtnl_source *source;
    const struct nv_rtnl_socket *old;
    struct nv_rtnl_socket sock;
};

static int open_here(void *arg)
{
    struct opening *o = arg;
    const struct nv_rtnl_source *s = o->source;
    return o->old == &s->event_sock    ? nv_rtnl_open_events(&o->sock, s->wanted_buffer_bytes)
           : o->old == &s->urgent_sock ? nv_rtnl_open_urgent(&o->sock)
                                       : nv_rtnl_open_requests(&o->sock);
}

static uint8_t role_of(const struct nv_rtnl_source *s, const struct nv_rtnl_socket *sock)
{
    return sock == &s->event_sock   ? NV_PCAP_EVENTS
           : sock == &s->query_sock ? NV_PCAP_QUERIES
                                    : NV_PCAP_DUMPS;
}

/* The new socket stands before the old one goes. */
static int replace_socket(struct nv_rtnl_source *s, struct nv_rtnl_socket *sock)
{
    struct opening o = {
        .source = s,
        .old = sock,
        .sock = {.recorder = s->recorder, .role = role_of(s, sock)},
    };
    int err = s->elsewhere ? nv_netns_run(s->netns_fd, open_here, &o) : open_here(&o);
    if (err)
        return err;
    nv_rtnl_socket_close(sock);
    *sock = o.sock;
    return 0;
}

int nv_rtnl_renew(struct nv_rtnl_source *s, struct nv_rtnl_socket *sock)
{
    nv_rtnl_socket_close(sock);
    return replace_socket(s, sock);
}

/* ---- the event stream ----------------------------------------------------------------------------- */

static void take_events(struct nv_rtnl_source *s, const struct nv_rtnl_datagram *dg)
{
    if (dg->foreign)
        s->in.stats.strays++;
    else
        nv_rtnl_take_events(&s->in, s->buf, dg->len, dg->cut);
}

/* What the old socket still holds is lost: the new one stood before it went. */
static int reopen_events(struct nv_rtnl_source *s, enum nv_lost reason)
{
    int err = replace_socket(s, &s->event_sock);
    if (err)
        return err;
    s->in.stats.reopens++;
    nv_rtnl_note_loss(&s->in, reason);
    return 0;
}

int nv_rtnl_drain_events(struct nv_rtnl_source *s)
{
    for (unsigned i = 0; i < DRAIN_DATAGRAMS_MAX; i++) {
        nv_rtnl_dump_announce(s);
        struct nv_rtnl_datagram dg;
        int got = nv_rtnl_receive(&s->event_sock, s->buf, sizeof s->buf, &dg);
        if (got > 0) {
            take_events(s, &dg);
        } else if (!got) {
            if (s->in.lost & 1u << NV_LOST_OVERRUN)
                s->event_sock.drops = nv_rtnl_drops(&s->event_sock); /* these were reported */
            nv_rtnl_tell_losses(&s->in);
            return 0;
        } else if (got == -ENOBUFS) {
            if (!(s->in.lost & 1u << NV_LOST_OVERRUN))
                s->in.stats.overruns++;
            nv_rtnl_note_loss(&s->in, NV_LOST_OVERRUN);
        } else {
            s->in.stats.socket_errors++;
            int err = reopen_events(s, NV_LOST_ERROR);
            if (err)
                return err;
        }
    }
    return 1;
}

/*
 * A socket can go deaf without an error: its report of an overflow was taken by somebody else (SO_ERROR) or is switched
 * off, or it is in no group any more. The kernel's own account tells, long before drift does. Called with the queue read
 * empty: an overflow of this moment is still to be reported, which the second drain waits for.
 */
static int check_hearing(struct nv_rtnl_source *s)
{
    uint64_t now = nv_clock_monotonic_ns();
    if (now - s->hearing_ns < NV_RTNL_HEARING_NS)
        return 0;
    s->hearing_ns = now;
    struct nv_rtnl_socket *sock = &s->event_sock;
    bool left = (nv_rtnl_groups(sock) & sock->groups) != sock->groups;
    uint32_t drops = nv_rtnl_drops(sock), known = sock->drops;
    if (!left && drops == known)
        return 0;
    int more = nv_rtnl_drain_events(s);
    if (more || (!left && sock->drops != known))
        return more;
    s->in.stats.lost_groups += left;
    s->in.stats.untold_drops += !left;
    nv_recorder_failure(s->recorder, NV_PCAP_EVENTS, left ? EBADF : ENOBUFS, 0, 0);
    int err = reopen_events(s, left ? NV_LOST_ERROR : NV_LOST_OVERRUN);
    return err ? err : nv_rtnl_drain_events(s);
}

/* ---- the source ----------------------------------------------------------------------------------- */

static struct nv_rtnl_source *self(struct nv_source *base)
{
    return (struct nv_rtnl_source *)base; /* base is the first member */
}

static const struct nv_rtnl_source *self_const(const struct nv_source *base)
{
    return (const struct nv_rtnl_source *)base;
}

static bool is_dumping(const struct nv_rtnl_source *s, enum nv_lane lane)
{
    return s->dump[lane].stage != NV_RTNL_IDLE;
}

static unsigned source_handles(struct nv_source *base, struct nv_poll_item *items, unsigned max)
{
    struct nv_rtnl_source *s = self(base);
    unsigned n = 0;
    if (n < max)
        items[n++] = (struct nv_poll_item){.handle = nv_rtnl_fd(&s->event_sock)};
    for (unsigned lane = 0; lane < NV_LANES; lane++)
        if (n < max && is_dumping(s, (enum nv_lane)lane))
            items[n++] = (struct nv_poll_item){.handle = nv_rtnl_dump_fd(s, (enum nv_lane)lane)};
    if (n < max && s->query.active)
        items[n++] = (struct nv_poll_item){.handle = nv_rtnl_fd(&s->query_sock)};
    return n;
}

/* Nothing is under way that will end by itself. */
static bool is_idle(const struct nv_rtnl_source *s)
{
    return !is_dumping(s, NV_LANE_SMALL) && !is_dumping(s, NV_LANE_ROUTES) && !s->query.active;
}

static unsigned source_urgent(struct nv_source *base, struct nv_poll_item *items, unsigned max)
{
    struct nv_rtnl_source *s = self(base);
    const int fd = max && is_idle(s) ? nv_rtnl_urgent_fd(s) : -1;
    if (fd >= 0)
        items[0] = (struct nv_poll_item){.handle = fd};
    return fd >= 0;
}

/* One datagram of the first lane that has one: 1, 0 if none has, or a negative errno that is final. */
static int step_dumps(struct nv_rtnl_source *s)
{
    for (unsigned lane = 0; lane < NV_LANES; lane++) {
        if (!is_dumping(s, (enum nv_lane)lane))
            continue;
        int got = nv_rtnl_dump_step(s, (enum nv_lane)lane);
        if (got)
            return got;
    }
    return 0;
}

/* Returns early where the caller has something to do that shall not wait: an event came, or a small dump has ended. */
static int source_pump(struct nv_source *base, unsigned budget)
{
    struct nv_rtnl_source *s = self(base);
    nv_recorder_turn(s->recorder, !budget);
    nv_rtnl_urgent_clear(s);
    int more = nv_rtnl_drain_events(s);
    if (!more)
        more = check_hearing(s);
    const bool small = is_dumping(s, NV_LANE_SMALL);
    const uint64_t events = s->in.stats.events;
    bool early = false;
    while (!more && !early && budget--) {
        int got = step_dumps(s);
        if (got <= 0) {
            nv_rtnl_query_step(s);
            return got;
        }
        more = nv_rtnl_drain_events(s);
        early = s->in.stats.events != events || (small && !is_dumping(s, NV_LANE_SMALL));
    }
    if (more < 0)
        return more;
    nv_rtnl_query_step(s);
    return more || is_dumping(s, NV_LANE_SMALL) || is_dumping(s, NV_LANE_ROUTES);
}

static int source_dump(struct nv_source *base, const struct nv_dump_request *req)
{
    return nv_rtnl_dump_start(self(base), req);
}

static int source_query(struct nv_source *base, uint32_t number, uint8_t family,
                        const uint8_t dst[16])
{
    return nv_rtnl_query_start(self(base), number, family, dst);
}

/* What is queued on the old socket is dropped: the new one stood before it went, and all is re-read. */
static int source_reopen(struct nv_source *base)
{
    struct nv_rtnl_source *s = self(base);
    int err = reopen_events(s, NV_LOST_ERROR);
    if (!err)
        s->in.lost = 0; /* the caller re-reads everything anyhow */
    return err;
}

static void source_stats(const struct nv_source *base, struct nv_source_stats *ret_stats)
{
    const struct nv_rtnl_source *s = self_const(base);
    *ret_stats = s->in.stats;
    ret_stats->clipped = s->in.decoder.clipped;
    ret_stats->unknown_attrs = s->in.decoder.unknown_attrs;
    ret_stats->buffer_bytes = s->event_sock.buffer_bytes;
    nv_recorder_stats(s->recorder, ret_stats);
}

static int source_record(struct nv_source *base, const char *file, uint64_t max_bytes)
{
    struct nv_rtnl_source *s = self(base);
    int err = nv_recorder_open(file, max_bytes, &s->recorder);
    s->event_sock.recorder = s->query_sock.recorder = s->recorder;
    for (unsigned lane = 0; lane < NV_LANES; lane++)
        s->dump[lane].sock.recorder = s->recorder;
    return err;
}

static void source_note_reread(struct nv_source *base)
{
    nv_recorder_note(self(base)->recorder, NV_PCAP_REREAD, 0);
}

static int source_namespace_id(const struct nv_source *base, uint64_t *ret_dev, uint64_t *ret_ino)
{
    const struct nv_rtnl_source *s = self_const(base);
    struct stat st;
    if (s->netns_fd < 0)
        return -ENOENT;
    if (fstat(s->netns_fd, &st))
        return -errno;
    *ret_dev = st.st_dev;
    *ret_ino = st.st_ino;
    return 0;
}

static void source_close(struct nv_source *base)
{
    struct nv_rtnl_source *s = self(base);
    nv_rtnl_ahead_free(s->ahead);
    nv_rtnl_socket_close(&s->query_sock);
    nv_rtnl_socket_close(&s->urgent_sock);
    for (unsigned lane = 0; lane < NV_LANES; lane++)
        nv_rtnl_socket_close(&s->dump[lane].sock);
    nv_rtnl_socket_close(&s->event_sock);
    nv_recorder_close(s->recorder);
    if (s->netns_fd >= 0)
        (void)close(s->netns_fd);
    free(s);
}

int nv_source_open(const struct nv_source_args *args, struct nv_source **ret_source)
{
    static const struct nv_source_ops ops = {
        .handles = source_handles,
        .urgent = source_urgent,
        .pump = source_pump,
        .dump = source_dump,
        .query = source_query,
        .reopen = source_reopen,
        .stats = source_stats,
        .namespace_id = source_namespace_id,
        .close = source_close,
        .note_reread = source_note_reread,
        .record = source_record,
    };
    struct nv_rtnl_source *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->base.ops = &ops;
    s->in.sink = args->sink;
    s->in.sink_arg = args->sink_arg;
    s->wanted_buffer_bytes = args->buffer_bytes;
    s->elsewhere = args->netns != NULL;
    s->netns_fd = -1;

    int err = nv_netns_open(args->netns, &s->netns_fd);
    if (err && !s->elsewhere)
        err = 0; /* no /proc: the sockets do without, only namespace_id does not */
    if (!err)
        err = replace_socket(s, &s->event_sock);
    for (unsigned lane = 0; lane < NV_LANES && !err; lane++)
        err = replace_socket(s, &s->dump[lane].sock);
    if (!err)
        err = replace_socket(s, &s->query_sock);
    if (err) {
        source_close(&s->base);
        return err;
    }
    *ret_source = &s->base;
    return 0;
}
