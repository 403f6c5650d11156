/* SPDX-License-Identifier: MIT */
/*
 * notify.c - wakes crowds of sleepers in a thread of its own, so that publishing never waits for them.
 *
 * The poster sets the bits of topics and moves a word; the thread sleeps on that word.
 */
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "publish.h"

struct nv_notifier {
    unsigned char *base;
    struct nv_thread *thread;
    _Atomic uint32_t pending;
    _Atomic uint32_t stop;
    uint32_t word; /* accessed through proto.h's atomic words */
};

static void run(void *arg)
{
    struct nv_notifier *n = arg;
    for (;;) {
        uint32_t seen = nv_load32(&n->word, memory_order_acquire);
        uint32_t topics = atomic_exchange_explicit(&n->pending, 0, memory_order_acq_rel);
        if (topics)
            (void)nv_futex_wake((const void *)nv_at(n->base, NV_TOPIC_ANY), topics, INT_MAX);
        if (atomic_load_explicit(&n->stop, memory_order_acquire))
            return;
        (void)nv_futex_wait(&n->word, seen, NV_FUTEX_ALL, NV_FOREVER);
    }
}

static void kick(struct nv_notifier *n)
{
    nv_store32(&n->word, nv_load32(&n->word, memory_order_relaxed) + 1, memory_order_release);
    (void)nv_futex_wake(&n->word, NV_FUTEX_ALL, 1);
}

int nv_notifier_new(unsigned char *base, struct nv_notifier **ret_notifier)
{
    struct nv_notifier *n = calloc(1, sizeof(*n));
    if (!n)
        return -1;
    n->base = base;
    int r = nv_thread_start(run, n, &n->thread);
    if (r) {
        free(n);
        return r;
    }
    *ret_notifier = n;
    return 0;
}

void nv_notifier_post(struct nv_notifier *n, uint32_t topics)
{
    (void)atomic_fetch_or_explicit(&n->pending, topics, memory_order_acq_rel);
    kick(n);
}

void nv_notifier_free(struct nv_notifier *n)
{
    if (!n)
        return;
    atomic_store_explicit(&n->stop, 1, memory_order_release);
    kick(n);
    nv_thread_join(n->thread);
    free(n);
}
