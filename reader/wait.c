/* SPDX-License-Identifier: MIT */
/*
 * wait.c - sleeps until a topic changes.
 *
 * Owns:      the comparison of generations, the slices of a sleep, the settling, the pollable descriptor.
 * Assumes:   a successor continues the generations of the region that it replaces.
 * Promises:  no change between `since` and the sleep is lost (edges C and D); a sleep is re-checked at least
 *            once a second, so that a lost wake-up, a dead writer or a successor is late by that at most.
 *            After a wake-up the way out is one load per topic.
 * Leaves:    callbacks to watch.c.
 */
#include "reader.h"

#include <errno.h>

/* ---- marks ------------------------------------------------------------------------------------------------ */

/*
 * Of a writer that died between P3 and P4 the words lack what its last version moved, and the version's slot has it. Until that
 * is known, they only seem to be behind.
 */
static void read_of_the_dead(const struct nv_mapping *m, struct nv_marks *ret_marks)
{
    struct netvane_region_slot slot;
    const uint64_t v = nv_read_head(m->header) & ~NETVANE_HEAD_MOVED;
    if (v && !nv_slot_read(m->header, v, &slot))
        memcpy(ret_marks->gen, slot.gen, sizeof(ret_marks->gen));
}

void nv_marks_read(const struct nv_mapping *m, struct nv_marks *ret_marks)
{
    const bool dead = atomic_load_explicit(&m->gone, memory_order_relaxed);
    ret_marks->any = nv_read_any(m->header);
    for (unsigned t = 0; t < NETVANE_TOPIC_COUNT; t++)
        ret_marks->gen[t] = nv_read_gen(m->header, t);
    if (nv_unlikely(dead))
        read_of_the_dead(m, ret_marks);
    ret_marks->gone = dead || nv_read_word32(m->header, NV_LIVE(state)) == NETVANE_RS_STOPPED;
    ret_marks->instance_id = m->facts.instance_id;
}

int nv_marks_look(struct netvane *nv, struct nv_mapping **ret_mapping, struct nv_marks *ret_marks)
{
    for (struct nv_mapping *before = NULL;; before = *ret_mapping) {
        const int r = nv_current(nv, ret_mapping);
        nv_marks_read(*ret_mapping, ret_marks);
        if (r || *ret_mapping == before ||
            !(nv_read_head((*ret_mapping)->header) & NETVANE_HEAD_MOVED))
            return r;
    }
}

/* An end of the writer, or a new writer for those who knew that the last one had ended. */
static bool health_moved(const struct nv_marks *a, const struct nv_marks *b)
{
    return a->gone ? !b->gone && a->instance_id != b->instance_id : b->gone;
}

/* Of one writer, words that are behind what a version's slot says are only not written yet. */
static bool gen_moved(const struct nv_marks *a, const struct nv_marks *b, unsigned t)
{
    return a->instance_id == b->instance_id ? (int32_t)(b->gen[t] - a->gen[t]) > 0
                                            : a->gen[t] != b->gen[t];
}

uint32_t nv_marks_differ(const struct nv_marks *a, const struct nv_marks *b, uint32_t topics)
{
    uint32_t differ = health_moved(a, b) ? NETVANE_TOPIC_HEALTH : 0;
    for (unsigned t = 0; t < NETVANE_TOPIC_COUNT; t++)
        differ |= (uint32_t)gen_moved(a, b, t) << t;
    return differ & topics;
}

int nv_marks_sleep(const struct nv_mapping *m, const struct nv_marks *marks, uint32_t topics,
                   uint64_t slice_ns)
{
    int r = nv_futex_wait(nv_marks_word(m), marks->any, topics, nv_min_u64(slice_ns, NV_SLICE_NS));
    return r == -EINTR ? NETVANE_INTERRUPTED : r == -ETIMEDOUT ? NETVANE_TIMEOUT : NETVANE_OK;
}

/* ---- one wait --------------------------------------------------------------------------------------------- */

struct wait {
    struct netvane *nv;
    struct nv_mapping *m; /* whose words `now` has */
    uint32_t topics;
    struct nv_marks base; /* a difference to this is a change */
    struct nv_marks now;
};

static uint64_t left_until(uint64_t deadline)
{
    if (deadline == NV_FOREVER)
        return NV_FOREVER;
    uint64_t now = nv_clock_boottime_ns();
    return now < deadline ? deadline - now : 0;
}

/* Reads the current region's words, after a successor's if there is one. */
static int look(struct wait *w)
{
    return nv_marks_look(w->nv, &w->m, &w->now);
}

/* Asks the OS whether the writer has ended. Where it has, another may have come without marking the region. */
static int probe(struct wait *w)
{
    bool gone = nv_mapping_gone(w->m);
    atomic_store_explicit(&w->m->gone, gone, memory_order_relaxed);
    if (gone)
        nv_marks_read(w->m, &w->now); /* before the look at the name, as MOVED in nv_marks_look */
    else
        w->now.gone = 0;
    if (!gone || !nv_mapping_renamed(w->m))
        return NETVANE_OK;
    int r = nv_follow(w->nv, w->m);
    return r && r != NETVANE_NO_WRITER ? r : look(w);
}

/* Sleeps until something differs from w->base or the deadline; what differs goes to *ret_topics. */
static int sleep_until(struct wait *w, uint64_t deadline, uint32_t *ret_topics)
{
    for (bool probed = !(w->topics & NETVANE_TOPIC_HEALTH);;) {
        int r = look(w);
        if (nv_unlikely(r))
            return r;
        *ret_topics = nv_marks_differ(&w->base, &w->now, w->topics);
        if (*ret_topics)
            return NETVANE_OK;
        if (!probed) { /* before a sleep for those who ask for health, and after each slice that ran out */
            probed = true;
            r = probe(w);
            if (r)
                return r;
            *ret_topics = nv_marks_differ(&w->base, &w->now, w->topics);
            if (*ret_topics)
                return NETVANE_OK;
        }
        uint64_t left = left_until(deadline);
        if (!left)
            return NETVANE_TIMEOUT;
        r = nv_marks_sleep(w->m, &w->now, w->topics, left);
        if (r == NETVANE_INTERRUPTED)
            return r;
        probed = r != NETVANE_TIMEOUT;
    }
}

/* Collects further changes until none came for settle_ns, at most until `latest`. */
static int settle(struct wait *w, uint64_t settle_ns, uint64_t latest, uint32_t *topics)
{
    for (;;) {
        uint32_t more = 0;
        w->base = w->now;
        uint64_t quiet = nv_add_sat(nv_clock_boottime_ns(), settle_ns);
        int r = sleep_until(w, nv_min_u64(quiet, latest), &more);
        *topics |= more;
        if (r == NETVANE_TIMEOUT || nv_clock_boottime_ns() >= latest)
            return NETVANE_OK;
        if (r)
            return r;
    }
}

/* The generations of `since`; EXPIRED where nothing is known of that version any more. */
static int marks_since(const struct netvane_snap *since, struct nv_marks *ret_marks)
{
    struct nv_snap s;
    struct netvane_region_slot slot;
    nv_snap_load(since, &s);
    if (!s.header)
        return NETVANE_INVALID;
    int r = nv_slot_read(s.header, s.version, &slot);
    if (r)
        return r;
    memset(ret_marks, 0, sizeof(*ret_marks));
    memcpy(ret_marks->gen, slot.gen, sizeof(ret_marks->gen));
    ret_marks->gone = (s.flags & NV_SNAP_GONE) || (slot.quality & NETVANE_RQ_STOPPED);
    ret_marks->instance_id = slot.instance_id;
    return NETVANE_OK;
}

static int begin(struct wait *w, struct netvane *nv, const struct netvane_wait_args *a)
{
    memset(w, 0, sizeof(*w));
    w->nv = nv;
    w->topics = a->topics ? a->topics : NETVANE_TOPIC_ALL;
    if (a->since)
        return marks_since(a->since, &w->base);
    int r = look(w);
    if (!r && (w->topics & NETVANE_TOPIC_HEALTH))
        r = probe(w);
    w->base = w->now;
    return r;
}

int netvane_wait(struct netvane *nv, const struct netvane_wait_args *args, uint32_t *ret_topics)
{
    struct netvane_wait_args a;
    struct wait w;
    uint32_t topics = 0;
    memset(&a, 0, sizeof(a));
    if (!nv || !args || args->size < 2 * sizeof(uint32_t))
        return NETVANE_INVALID;
    memcpy(&a, args, args->size < sizeof(a) ? args->size : sizeof(a));
    if (a.topics & ~NETVANE_TOPIC_ALL)
        return NETVANE_INVALID;
    const uint64_t deadline = a.timeout_ns == NV_FOREVER ? NV_FOREVER
                              : a.timeout_ns ? nv_add_sat(nv_clock_boottime_ns(), a.timeout_ns)
                                             : 0;
    int r = begin(&w, nv, &a);
    if (r == NETVANE_EXPIRED) { /* too long ago to tell: all may have changed */
        topics = w.topics;
        r = look(&w);
    } else if (!r) {
        r = sleep_until(&w, deadline, &topics);
    }
    if (!r && a.settle_ns) {
        uint64_t max = a.settle_max_ns                 ? a.settle_max_ns
                       : a.settle_ns > UINT64_MAX / 10 ? UINT64_MAX
                                                       : 10 * a.settle_ns;
        uint64_t latest = nv_min_u64(nv_add_sat(nv_clock_boottime_ns(), max), deadline);
        r = settle(&w, a.settle_ns, latest, &topics);
    }
    if (!r && ret_topics)
        *ret_topics = topics;
    return r;
}

int netvane_wait_ready(struct netvane *nv, uint64_t timeout_ns)
{
    const uint32_t unready = NETVANE_QUALITY_RESYNCING | NETVANE_QUALITY_APPROXIMATE;
    struct wait w;
    if (!nv)
        return NETVANE_INVALID;
    const uint64_t deadline =
        timeout_ns == NV_FOREVER ? NV_FOREVER : nv_add_sat(nv_clock_boottime_ns(), timeout_ns);
    memset(&w, 0, sizeof(w));
    w.nv = nv;
    for (;;) {
        struct netvane_snap snap;
        struct nv_snap s;
        int r = look(&w);
        if (!r)
            r = nv_snap_begin(nv, &snap);
        if (!r) {
            nv_snap_load(&snap, &s);
            uint32_t quality = nv_slot_load32(&s, offsetof(struct netvane_region_slot, quality));
            if (nv_valid(&s) && !(quality & unready))
                return NETVANE_OK;
        } else if (r != NETVANE_NOT_READY && r != NETVANE_EXPIRED) {
            return r;
        }
        uint64_t left = left_until(deadline);
        if (!left)
            return NETVANE_TIMEOUT;
        /* Short slices: a writer that starts has no generation yet that would move for a name change. */
        r = nv_marks_sleep(w.m, &w.now, NETVANE_TOPIC_ALL, nv_min_u64(left, 100 * NV_NS_PER_MS));
        if (r == NETVANE_INTERRUPTED)
            return r;
        if (r == NETVANE_TIMEOUT) {
            r = probe(&w);
            if (r)
                return r;
        }
    }
}

/* ---- the descriptor -------------------------------------------------------------------------------------------- */

int netvane_fd(struct netvane *nv, int *ret_fd)
{
    struct nv_mapping *m;
    if (!nv || !ret_fd)
        return NETVANE_INVALID;
    int r = nv_current(nv, &m);
    if (r)
        return r;
    nv_mutex_lock(nv->mutex);
    if (!nv->bell) {
        nv_marks_read(m, &nv->bell_marks);
        r = nv_error(nv_bell_open(nv->dir, nv->name, &nv->bell));
        if (r)
            nv->bell = NULL;
    }
    if (!r)
        *ret_fd = (int)nv_bell_handle(nv->bell);
    nv_mutex_unlock(nv->mutex);
    return r;
}

int netvane_fd_take(struct netvane *nv, uint32_t *ret_topics)
{
    struct wait w;
    if (!nv)
        return NETVANE_INVALID;
    memset(&w, 0, sizeof(w));
    w.nv = nv;
    nv_mutex_lock(nv->mutex);
    bool open = nv->bell != NULL;
    int renamed = open ? nv_bell_drain(nv->bell) : 0;
    if (renamed > 0)
        nv_bell_rearm(nv->bell);
    nv_mutex_unlock(nv->mutex);
    if (!open)
        return NETVANE_INVALID;
    int r = look(&w);
    if (!r)
        r = probe(&w); /* the ring may have been the end of the writer */
    if (r)
        return r;
    nv_mutex_lock(nv->mutex);
    uint32_t topics = nv_marks_differ(&nv->bell_marks, &w.now, NETVANE_TOPIC_ALL);
    nv->bell_marks = w.now;
    nv_mutex_unlock(nv->mutex);
    if (ret_topics)
        *ret_topics = topics;
    return NETVANE_OK;
}
