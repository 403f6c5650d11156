/* SPDX-License-Identifier: MIT */
/*
 * notify.c - wakes crowds of sleepers in a thread of its own, so that publishing never waits for them.
 *
 * The poster sets bits and moves a word; the thread sleeps on the word. Bit NETVANE_RT_COUNT stands for `any`.
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
        for (unsigned t = 0; t <= NETVANE_RT_COUNT; t++)
            if (topics >> t & 1u)
                (void)nv_futex_wake((const void *)nv_at(n->base, t == NETVANE_RT_COUNT
                                                                     ? NV_TOPIC_ANY
                                                                     : NV_TOPIC(t)),
                                    INT_MAX);
        if (atomic_load_explicit(&n->stop, memory_order_acquire))
            return;
        struct nv_futex_wait wait = {.word = &n->word, .expected = seen};
        (void)nv_futex_wait(&wait, 1, UINT64_MAX);
    }
}

static void kick(struct nv_notifier *n)
{
    nv_store32(&n->word, nv_load32(&n->word, memory_order_relaxed) + 1, memory_order_release);
    (void)nv_futex_wake(&n->word, 1);
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
