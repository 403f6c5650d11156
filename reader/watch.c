/* SPDX-License-Identifier: MIT */
/*
 * watch.c - calls callbacks from an observer thread that runs only while there are callbacks.
 *
 * Owns:      the registry of watches, and the observer.
 * Assumes:   a callback returns; one that never does keeps its own removal by another thread waiting.
 * Promises:  callbacks run in order of registration, outside of every lock and every read section. The list
 *            that one change is shown to is taken at once and stays alive; what was removed meanwhile is
 *            skipped. A removal that returned outside of a callback guarantees that fn runs no more.
 * Leaves:    what a change is to wait.c.
 *
 * The registry is an immutable array behind one pointer: who changes it makes a new array under the mutex, swaps
 * the pointer, and frees the old array after a grace period. The observer takes references inside a read
 * section. A watch dies with its last reference. Its state is two bits: RUNNING is the observer's, REMOVED the
 * remover's; who sets his bit second sees the other's, so that either the call is skipped or the remover waits.
 */
#include "reader.h"

#include <limits.h>
#include <stdlib.h>

enum { RUNNING = 1, REMOVED = 2 };

struct netvane_watch {
    struct netvane *nv;
    uint32_t topics;
    netvane_watch_fn *fn;
    void *arg;
    _Atomic uint32_t refs;
    _Atomic uint32_t state;
    struct nv_marks seen; /* the observer's, once the watch is registered */
};

struct nv_watch_list {
    struct nv_watch_list *next_garbage;
    unsigned count;
    struct netvane_watch *watches[];
};

struct nv_observer {
    struct netvane *nv;
    struct nv_thread *thread;
    _Atomic uint32_t kick; /* moves when the registry changed; STOP ends the thread */
    _Atomic uint64_t
        asleep; /* ASLEEP | the kick that it has seen: it sleeps, or will; 0: it is up */
    struct nv_observer *next_ended;
};
#define STOP   (UINT32_C(1) << 31)
#define ASLEEP (UINT64_C(1) << 32)

/* A wake that finds nobody on the word is repeated: the observer is about to sleep. 50 ms are more than any thread needs for it. */
#define KICK_TRIES    1000
#define KICK_PAUSE_NS UINT64_C(50000)

static void put(struct netvane_watch *w)
{
    if (atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) == 1)
        free(w);
}

/* ---- the observer's side -------------------------------------------------------------------------------- */

/* Takes a reference to each watch; returns how many. */
static unsigned take_list(struct netvane *nv, struct netvane_watch *taken[NETVANE_WATCHES_MAX])
{
    unsigned count = 0;
    nv_rcu_lock();
    const struct nv_watch_list *list = atomic_load_explicit(&nv->watches, memory_order_acquire);
    if (list) {
        count = list->count;
        for (unsigned i = 0; i < count; i++) {
            taken[i] = list->watches[i];
            atomic_fetch_add_explicit(&taken[i]->refs, 1, memory_order_relaxed);
        }
    }
    nv_rcu_unlock();
    return count;
}

static enum netvane_verdict call(struct netvane_watch *w, uint32_t topics,
                                 const struct netvane_snap *snap)
{
    enum netvane_verdict verdict = NETVANE_CONTINUE;
    uint32_t before = atomic_fetch_or_explicit(&w->state, RUNNING, memory_order_acq_rel);
    if (!(before & REMOVED))
        verdict = w->fn(w->arg, topics, snap);
    before = atomic_fetch_and_explicit(&w->state, ~(uint32_t)RUNNING, memory_order_acq_rel);
    if (before & REMOVED)
        nv_futex_wake((const uint32_t *)(const void *)&w->state, NV_FUTEX_ALL, INT_MAX);
    return verdict;
}

/* Shows what differs from what each watch has seen; 0 where nothing does, so that the observer may sleep. */
static unsigned dispatch(struct netvane *nv, struct netvane_watch *const *taken, unsigned count,
                         const struct nv_marks *now)
{
    struct netvane_snap snap;
    unsigned shown = 0;
    bool have_snap = false, handled = false;
    for (unsigned i = 0; i < count; i++) {
        struct netvane_watch *w = taken[i];
        uint32_t topics = nv_marks_differ(&w->seen, now, w->topics);
        if (!topics)
            continue;
        if (!have_snap && nv_snap_begin(nv, &snap)) /* no State to show: later */
            return shown;
        have_snap = true;
        shown++;
        w->seen = *now;
        if (!handled)
            handled = call(w, topics, &snap) == NETVANE_HANDLED;
    }
    return shown;
}

/* Who kicks sees it asleep, or it sees the kick: all four accesses are sequentially consistent. */
static int sleep_on(struct nv_observer *o, uint32_t kick, const struct nv_mapping *m,
                    const struct nv_marks *now, uint32_t topics)
{
    int r = NETVANE_OK;
    atomic_store(&o->asleep, ASLEEP | kick);
    if (atomic_load(&o->kick) == kick)
        r = nv_marks_sleep(m, now, topics | NV_WAKE_KICK, NV_SLICE_NS);
    atomic_store_explicit(&o->asleep, 0, memory_order_release);
    return r;
}

static void observe(void *arg)
{
    struct nv_observer *o = arg;
    struct netvane *nv = o->nv;
    struct netvane_watch *taken[NETVANE_WATCHES_MAX];
    for (;;) {
        struct nv_mapping *m;
        struct nv_marks now;
        uint32_t kick = atomic_load_explicit(&o->kick, memory_order_acquire);
        if (kick & STOP)
            return;
        unsigned count = take_list(nv, taken);
        uint32_t topics = 0;
        for (unsigned i = 0; i < count; i++)
            topics |= taken[i]->topics;
        /* An unusable successor: the old region's words stand still, look again later. */
        (void)nv_marks_look(nv, &m, &now);
        unsigned shown = dispatch(nv, taken, count, &now);
        for (unsigned i = 0; i < count; i++)
            put(taken[i]);
        if (shown)
            continue;
        int r = sleep_on(o, kick, m, &now, topics);
        if (r == NETVANE_TIMEOUT && nv_mapping_gone(m)) {
            atomic_store_explicit(&m->gone, 1, memory_order_relaxed);
            if (nv_mapping_renamed(m))
                nv_follow(nv, m);
        }
    }
}

/* ---- the registry ------------------------------------------------------------------------------------------ */

/* Frees an array that is no longer published: now if the grace period may be waited for, else at close. */
static void discard(struct netvane *nv, struct nv_watch_list *list)
{
    if (!list)
        return;
    if (nv_grace(nv)) {
        free(list);
        return;
    }
    nv_mutex_lock(nv->mutex);
    list->next_garbage = nv->garbage;
    nv->garbage = list;
    nv_mutex_unlock(nv->mutex);
}

/* Does it sleep without having seen this kick? */
static bool sleeps_through(struct nv_observer *o, uint32_t kick)
{
    const uint64_t asleep = atomic_load(&o->asleep);
    return asleep && asleep != (ASLEEP | kick);
}

/*
 * Wakes the observer, on the word of whichever region it looked at. One that is about to sleep, and that a wake came too early
 * for, is woken again. A child of fork has no such thread.
 */
static void wake(struct netvane *nv, struct nv_observer *o, uint32_t kick)
{
    static const uint32_t never;
    if (nv->pid != nv_proc_pid())
        return;
    for (unsigned i = 0; i < KICK_TRIES && sleeps_through(o, kick); i++) {
        if (i)
            (void)nv_futex_wait(&never, 0, NV_FUTEX_ALL, KICK_PAUSE_NS);
        for (struct nv_mapping *m = atomic_load_explicit(&nv->current, memory_order_acquire); m;
             m = m->older)
            (void)nv_futex_wake(nv_marks_word(m), NV_WAKE_KICK, INT_MAX);
    }
}

/* With the mutex held: one at a time. */
static void kick(struct netvane *nv, struct nv_observer *o)
{
    wake(nv, o, atomic_fetch_add(&o->kick, 1) + 1);
}

static void stop(struct netvane *nv, struct nv_observer *o)
{
    wake(nv, o, atomic_fetch_or(&o->kick, STOP) | STOP);
}

static void join(struct nv_observer *o)
{
    nv_thread_join(o->thread);
    free(o);
}

/* With the mutex held. An observer that has ended itself but is still in its callback goes on: it is this thread. */
static int ensure_observer(struct netvane *nv)
{
    if (nv->observer)
        return NETVANE_OK;
    for (struct nv_observer **at = &nv->ended; *at; at = &(*at)->next_ended) {
        if (nv_thread_is_self((*at)->thread)) {
            nv->observer = *at;
            *at = nv->observer->next_ended;
            atomic_fetch_and_explicit(&nv->observer->kick, ~STOP, memory_order_release);
            return NETVANE_OK;
        }
    }
    struct nv_observer *o = calloc(1, sizeof(*o));
    if (!o)
        return NETVANE_NO_MEMORY;
    o->nv = nv;
    int r = nv_error(nv_thread_start(observe, o, &o->thread));
    if (r) {
        free(o);
        return r == NETVANE_NO_MEMORY ? r : NETVANE_SYSTEM;
    }
    nv->observer = o;
    return NETVANE_OK;
}

/* With the mutex held: the published array with w appended; the old one goes to *ret_old. */
static int append(struct netvane *nv, struct netvane_watch *w, struct nv_watch_list **ret_old)
{
    struct nv_watch_list *old = atomic_load_explicit(&nv->watches, memory_order_relaxed);
    unsigned count = old ? old->count : 0;
    if (count == NETVANE_WATCHES_MAX)
        return NETVANE_LIMIT;
    struct nv_watch_list *list = calloc(1, sizeof(*list) + (count + 1) * sizeof(list->watches[0]));
    if (!list)
        return NETVANE_NO_MEMORY;
    if (count)
        memcpy(list->watches, old->watches, count * sizeof(list->watches[0]));
    list->watches[count] = w;
    list->count = count + 1;
    atomic_store_explicit(&nv->watches, list, memory_order_release);
    int r = ensure_observer(nv);
    if (r) { /* no one has seen it: the observer did not run */
        atomic_store_explicit(&nv->watches, old, memory_order_release);
        free(list);
        return r;
    }
    *ret_old = old;
    return NETVANE_OK;
}

/* With the mutex held: takes those out of nv->ended that this thread may join. */
static struct nv_observer *take_ended(struct netvane *nv)
{
    struct nv_observer *taken = NULL;
    for (struct nv_observer **at = &nv->ended; *at;) {
        struct nv_observer *o = *at;
        if (nv_thread_is_self(o->thread)) {
            at = &o->next_ended;
            continue;
        }
        *at = o->next_ended;
        o->next_ended = taken;
        taken = o;
    }
    return taken;
}

static void join_all(struct nv_observer *list)
{
    while (list) {
        struct nv_observer *next = list->next_ended;
        join(list);
        list = next;
    }
}

int netvane_watch_add(struct netvane *nv, uint32_t topics, netvane_watch_fn *fn, void *arg,
                      struct netvane_watch **ret_watch)
{
    struct nv_mapping *m;
    struct nv_watch_list *old = NULL;
    if (!nv || !fn || !ret_watch || (topics & ~NETVANE_TOPIC_ALL))
        return NETVANE_INVALID;
    int r = nv_current(nv, &m);
    if (r)
        return r;
    struct netvane_watch *w = calloc(1, sizeof(*w));
    if (!w)
        return NETVANE_NO_MEMORY;
    w->nv = nv;
    w->topics = topics ? topics : NETVANE_TOPIC_ALL;
    w->fn = fn;
    w->arg = arg;
    atomic_init(&w->refs, 1);
    atomic_init(&w->state, 0);
    nv_marks_read(m, &w->seen); /* changes from here on are shown */

    nv_mutex_lock(nv->mutex);
    r = append(nv, w, &old);
    struct nv_observer *ended = take_ended(nv);
    if (!r)
        kick(nv, nv->observer);
    nv_mutex_unlock(nv->mutex);
    join_all(ended);
    discard(nv, old);
    if (r)
        free(w);
    else
        *ret_watch = w;
    return r;
}

/* With the mutex held: the published array without w. Without memory w stays in it: it is flagged as removed. */
static struct nv_watch_list *without(struct netvane *nv, struct netvane_watch *w, bool *ret_found)
{
    struct nv_watch_list *old = atomic_load_explicit(&nv->watches, memory_order_relaxed);
    struct nv_watch_list *list = NULL;
    unsigned n = 0;
    *ret_found = false;
    if (old->count > 1) {
        list = calloc(1, sizeof(*list) + (old->count - 1) * sizeof(list->watches[0]));
        if (!list)
            return NULL;
        for (unsigned i = 0; i < old->count; i++)
            if (old->watches[i] != w)
                list->watches[n++] = old->watches[i];
        list->count = n;
    }
    *ret_found = true;
    atomic_store_explicit(&nv->watches, list, memory_order_release);
    return old;
}

/* With the mutex held and no watch left: the observer to join, or NULL where it is this very thread. */
static struct nv_observer *retire_observer(struct netvane *nv)
{
    struct nv_observer *o = nv->observer;
    nv->observer = NULL;
    stop(nv, o);
    if (!nv_thread_is_self(o->thread))
        return o;
    o->next_ended = nv->ended;
    nv->ended = o;
    return NULL;
}

void netvane_watch_remove(struct netvane *nv, struct netvane_watch *w)
{
    struct nv_observer *stopping = NULL;
    bool found = false;
    if (!nv || !w)
        return;
    uint32_t state = atomic_fetch_or_explicit(&w->state, REMOVED, memory_order_acq_rel) | REMOVED;
    nv_mutex_lock(nv->mutex);
    const bool in_callback = nv->observer && nv_thread_is_self(nv->observer->thread);
    struct nv_watch_list *old = without(nv, w, &found);
    if (found && !atomic_load_explicit(&nv->watches, memory_order_relaxed))
        stopping = retire_observer(nv);
    else if (nv->observer)
        kick(nv, nv->observer);
    nv_mutex_unlock(nv->mutex);
    discard(nv, old);

    while (!in_callback && (state & RUNNING)) {
        nv_futex_wait((const uint32_t *)(const void *)&w->state, state, NV_FUTEX_ALL, NV_SLICE_NS);
        state = atomic_load_explicit(&w->state, memory_order_acquire);
    }
    if (stopping)
        join(stopping);
    if (found)
        put(w);
}

void nv_watch_shutdown(struct netvane *nv)
{
    struct nv_watch_list *list = atomic_load_explicit(&nv->watches, memory_order_relaxed);
    if (nv->observer) {
        stop(nv, nv->observer);
        if (nv->pid == nv_proc_pid()) /* a child of fork has no such thread */
            join(nv->observer);
        nv->observer = NULL;
    }
    if (nv->pid == nv_proc_pid())
        join_all(nv->ended);
    nv->ended = NULL;
    for (unsigned i = 0; list && i < list->count; i++)
        put(list->watches[i]);
    free(list);
    while (nv->garbage) {
        struct nv_watch_list *next = nv->garbage->next_garbage;
        free(nv->garbage);
        nv->garbage = next;
    }
}
