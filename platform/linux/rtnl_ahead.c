/* SPDX-License-Identifier: MIT */
/*
 * rtnl_ahead.c - reading a long dump ahead, by a thread of its own.
 *
 * Owns:      the thread, and its buffers, in the order in which they are filled and taken.
 * Assumes:   one taker; while the thread runs nobody else reads the socket, closes it, or sends on it.
 * Promises:  one datagram less than NV_DATAGRAMS_AHEAD is read ahead of what was taken, because the kernel has made one
 *            more when that was read. The buffer that is taken is given back with the next take. The thread takes no
 *            signals, allocates nothing and looks at no message.
 * Leaves:    to its user when that is worth a thread: the kernel makes a dump's datagrams in the process that reads
 *            them, and takes about as long for them as the writer takes to work them off, or longer.
 */
#include "rtnl_ahead.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "nv/plat.h"

#define SLOTS (NV_DATAGRAMS_AHEAD - 1)
/*
 * Each wakes the other for so many at once: a wake-up is dear, the more so in a virtual machine. There are several times as
 * many slots, so that neither stands still while the other is held up for a moment.
 */
#define BATCH 4

struct slot {
    int got; /* nv_rtnl_read's */
    struct nv_rtnl_datagram datagram;
    _Alignas(8) uint8_t buf[NV_RTNL_DATAGRAM_MAX];
};

struct nv_rtnl_ahead {
    struct nv_thread *thread;
    int event; /* readable: BATCH datagrams are there, or the last, or were */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Below: under the lock, but for a slot's content, which belongs to the thread or to the taker. */
    const struct nv_rtnl_socket *sock; /* NULL: nothing to read */
    bool reading, quit;
    bool running;                  /* the taker's alone */
    uint32_t filled, freed, taken; /* counts; freed <= taken <= filled <= freed + SLOTS */
    struct slot slot[SLOTS];
};

static void tell(const struct nv_rtnl_ahead *a)
{
    const uint64_t one = 1;
    (void)!write(a->event, &one, sizeof one);
}

static void read_ahead(void *arg)
{
    struct nv_rtnl_ahead *a = arg;
    (void)pthread_mutex_lock(&a->lock);
    for (;;) {
        while (!a->quit && (!a->sock || a->filled - a->freed == SLOTS))
            (void)pthread_cond_wait(&a->changed, &a->lock);
        if (a->quit)
            break;
        struct slot *slot = &a->slot[a->filled % SLOTS];
        const struct nv_rtnl_socket *sock = a->sock;
        a->reading = true;
        (void)pthread_mutex_unlock(&a->lock);
        slot->got = nv_rtnl_read(sock, slot->buf, sizeof slot->buf, &slot->datagram);
        (void)pthread_mutex_lock(&a->lock);
        a->reading = false;
        a->filled++;
        if (slot->got <= 0)
            a->sock = NULL;
        if (slot->got <= 0 || a->filled - a->taken == BATCH)
            tell(a);
        (void)pthread_cond_broadcast(&a->changed);
    }
    (void)pthread_mutex_unlock(&a->lock);
}

static int make(struct nv_rtnl_ahead **ret_ahead)
{
    struct nv_rtnl_ahead *a = calloc(1, sizeof *a);
    if (!a)
        return -ENOMEM;
    int err = 0;
    a->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (a->event < 0)
        err = -errno;
    else
        err = -pthread_mutex_init(&a->lock, NULL);
    if (err) {
        if (a->event >= 0)
            (void)close(a->event);
        free(a);
        return err;
    }
    (void)pthread_cond_init(&a->changed, NULL); /* cannot fail on Linux */
    err = nv_thread_start(read_ahead, a, &a->thread);
    if (err)
        nv_rtnl_ahead_free(a);
    else
        *ret_ahead = a;
    return err;
}

int nv_rtnl_ahead_start(struct nv_rtnl_ahead **ahead, const struct nv_rtnl_socket *sock)
{
    int err = *ahead ? 0 : make(ahead);
    if (err)
        return err;
    struct nv_rtnl_ahead *a = *ahead;
    (void)pthread_mutex_lock(&a->lock);
    a->sock = sock;
    a->running = true;
    (void)pthread_cond_broadcast(&a->changed);
    (void)pthread_mutex_unlock(&a->lock);
    return 0;
}

static void forget_events(const struct nv_rtnl_ahead *a)
{
    uint64_t n;
    (void)!read(a->event, &n, sizeof n);
}

void nv_rtnl_ahead_stop(struct nv_rtnl_ahead *a)
{
    if (!a || !a->running)
        return;
    (void)pthread_mutex_lock(&a->lock);
    a->sock = NULL;
    while (a->reading)
        (void)pthread_cond_wait(&a->changed, &a->lock);
    a->filled = a->freed = a->taken = 0;
    a->running = false;
    (void)pthread_mutex_unlock(&a->lock);
    forget_events(a);
}

bool nv_rtnl_ahead_runs(const struct nv_rtnl_ahead *a)
{
    return a && a->running;
}

int nv_rtnl_ahead_fd(const struct nv_rtnl_ahead *a)
{
    return a->event;
}

int nv_rtnl_ahead_take(struct nv_rtnl_ahead *a, const void **ret_buf,
                       struct nv_rtnl_datagram *ret_datagram)
{
    (void)pthread_mutex_lock(&a->lock);
    if (a->freed != a->taken) {
        a->freed = a->taken;
        if (a->filled - a->freed <= SLOTS - BATCH)
            (void)pthread_cond_broadcast(&a->changed);
    }
    if (a->taken == a->filled) {
        forget_events(a); /* under the lock: the next that is filled tells again */
        (void)pthread_mutex_unlock(&a->lock);
        return 0;
    }
    const struct slot *slot = &a->slot[a->taken++ % SLOTS];
    (void)pthread_mutex_unlock(&a->lock);
    *ret_buf = slot->buf;
    *ret_datagram = slot->datagram;
    if (slot->got > 0)
        return slot->got;
    int got = slot->got;
    nv_rtnl_ahead_stop(a);
    return got;
}

void nv_rtnl_ahead_free(struct nv_rtnl_ahead *a)
{
    if (!a)
        return;
    (void)pthread_mutex_lock(&a->lock);
    a->quit = true;
    (void)pthread_cond_broadcast(&a->changed);
    (void)pthread_mutex_unlock(&a->lock);
    nv_thread_join(a->thread);
    (void)pthread_cond_destroy(&a->changed);
    (void)pthread_mutex_destroy(&a->lock);
    (void)close(a->event);
    free(a);
}
