/* SPDX-License-Identifier: MIT */
/*
 * thread.c - threads and mutexes by pthreads.
 *
 * Owns:      a helper thread from nv_thread_start until nv_thread_join.
 * Assumes:   each started thread is joined exactly once.
 * Promises:  a helper thread takes no signals: those stay with the threads of the program.
 * Leaves:    what is shared to its users.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "nv/plat.h"

struct nv_thread {
    pthread_t id;
    pthread_mutex_t gate; /* held until *ret_thread is set, so that fn may rely on it */
    void (*fn)(void *);
    void *arg;
};

struct nv_mutex {
    pthread_mutex_t lock;
};

static _Thread_local const struct nv_thread *self;

static void *run(void *arg)
{
    struct nv_thread *t = arg;
    self = t;
    (void)pthread_mutex_lock(&t->gate);
    (void)pthread_mutex_unlock(&t->gate);
    t->fn(t->arg);
    return NULL;
}

int nv_thread_start(void (*fn)(void *), void *arg, struct nv_thread **ret_thread)
{
    struct nv_thread *t = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    t->fn = fn;
    t->arg = arg;

    int err = pthread_mutex_init(&t->gate, NULL);
    if (err) {
        free(t);
        return -err;
    }
    (void)pthread_mutex_lock(&t->gate);

    sigset_t all;
    sigset_t old;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    err = pthread_create(&t->id, NULL, run, t);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!err)
        *ret_thread = t;

    (void)pthread_mutex_unlock(&t->gate);
    if (err) {
        (void)pthread_mutex_destroy(&t->gate);
        free(t);
    }
    return -err;
}

void nv_thread_join(struct nv_thread *t)
{
    if (!t)
        return;
    (void)pthread_join(t->id, NULL);
    (void)pthread_mutex_destroy(&t->gate);
    free(t);
}

bool nv_thread_is_self(const struct nv_thread *t)
{
    return t && self == t;
}

int nv_mutex_new(struct nv_mutex **ret_mutex)
{
    struct nv_mutex *m = calloc(1, sizeof *m);
    if (!m)
        return -ENOMEM;
    int err = pthread_mutex_init(&m->lock, NULL);
    if (err) {
        free(m);
        return -err;
    }
    *ret_mutex = m;
    return 0;
}

void nv_mutex_free(struct nv_mutex *m)
{
    if (!m)
        return;
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

void nv_mutex_lock(struct nv_mutex *m)
{
    (void)pthread_mutex_lock(&m->lock);
}

void nv_mutex_unlock(struct nv_mutex *m)
{
    (void)pthread_mutex_unlock(&m->lock);
}
