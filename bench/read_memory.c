/* SPDX-License-Identifier: MIT */
/*
 * read_memory.c - ways to read shared memory: an acquire load, an unprotected slot, seqlocks, a lock.
 *
 * The reader maps them read-only, but for the lock, which each reader has to write.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef NETVANE_HAVE_CK
#include <ck_sequence.h>
#endif

#include "read_peers.h"

#define SLOTS 1024u

struct seqlock {
    _Alignas(64) _Atomic uint64_t sequence;
    _Alignas(64) union {
        _Atomic uint64_t words[32];
        struct read_line line;
        struct read_block block;
    } data;
};

struct slot {
    _Alignas(64) union {
        _Atomic uint64_t words[8];
        struct read_line line;
    } data;
};

struct memory {
    _Alignas(64) _Atomic uint64_t word; /* the bare acquire load's */
    struct seqlock line_lock, block_lock;
    _Alignas(64) _Atomic uint64_t newest;
    struct slot slots[SLOTS];
#ifdef NETVANE_HAVE_CK
    _Alignas(64) struct ck_sequence ck;
    struct slot ck_slot;
#endif
    _Alignas(64) pthread_rwlock_t rwlock;
    struct slot locked;
};

static struct memory *writable;
static const struct memory *view; /* the same, mapped read-only */

void read_memory_map(void)
{
    pthread_rwlockattr_t attr;
    int fd = memfd_create("bench_read", MFD_CLOEXEC);
    void *rw = MAP_FAILED, *ro = MAP_FAILED;
    if (fd >= 0 && !ftruncate(fd, (off_t)sizeof(struct memory))) {
        rw = mmap(NULL, sizeof(struct memory), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        ro = mmap(NULL, sizeof(struct memory), PROT_READ, MAP_SHARED, fd, 0);
    }
    if (rw == MAP_FAILED || ro == MAP_FAILED) {
        perror("bench_read: shared memory");
        exit(1);
    }
    (void)close(fd);
    writable = rw;
    view = ro;
    (void)pthread_rwlockattr_init(&attr);
    (void)pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    (void)pthread_rwlock_init(&writable->rwlock, &attr);
    (void)pthread_rwlockattr_destroy(&attr);
}

static void store(_Atomic uint64_t *words, unsigned count, uint64_t n)
{
    for (unsigned i = 0; i < count; i++)
        atomic_store_explicit(&words[i], n, memory_order_relaxed);
}

/* ---- a word --------------------------------------------------------------------------------------------------- */

static void word_batch(void)
{
    const _Atomic uint64_t *const word = &view->word;
    for (unsigned i = 0; i < READ_BATCH; i++)
        bench_keep(atomic_load_explicit(word, memory_order_acquire));
}

static void word_update(const char *dir, uint64_t n)
{
    (void)dir;
    atomic_store_explicit(&writable->word, n, memory_order_release);
}

/* ---- a slot whose number is published: torn, where the writer comes round ------------------------------------- */

static void slot_batch(void)
{
    struct read_line copy;
    for (unsigned i = 0; i < READ_BATCH; i++) {
        uint64_t n = atomic_load_explicit(&view->newest, memory_order_acquire);
        copy = view->slots[n % SLOTS].data.line;
        bench_keep((uint64_t)(uintptr_t)&copy);
    }
}

static void slot_update(const char *dir, uint64_t n)
{
    (void)dir;
    store(writable->slots[n % SLOTS].data.words, 8, n);
    atomic_store_explicit(&writable->newest, n, memory_order_release);
}

/* ---- seqlocks --------------------------------------------------------------------------------------------------- */

/*
 * As seqlocks are written in practice: a plain copy of the struct between the two looks at the sequence, which the
 * compiler makes of the widest moves it has. By the letter of C11 that is a race; atomic words would make the peer slower.
 */
static void line_batch(void)
{
    const struct seqlock *const l = &view->line_lock;
    struct read_line copy;
    for (unsigned i = 0; i < READ_BATCH; i++) {
        for (;;) {
            const uint64_t s = atomic_load_explicit(&l->sequence, memory_order_acquire);
            copy = l->data.line;
            atomic_thread_fence(memory_order_acquire);
            if (!(s & 1) && atomic_load_explicit(&l->sequence, memory_order_relaxed) == s)
                break;
        }
        bench_keep((uint64_t)(uintptr_t)&copy);
    }
}

static void block_batch(void)
{
    const struct seqlock *const l = &view->block_lock;
    struct read_block copy;
    for (unsigned i = 0; i < READ_BATCH; i++) {
        for (;;) {
            const uint64_t s = atomic_load_explicit(&l->sequence, memory_order_acquire);
            copy = l->data.block;
            atomic_thread_fence(memory_order_acquire);
            if (!(s & 1) && atomic_load_explicit(&l->sequence, memory_order_relaxed) == s)
                break;
        }
        bench_keep((uint64_t)(uintptr_t)&copy);
    }
}

static void seqlock_update(struct seqlock *l, unsigned words, uint64_t n)
{
    uint64_t s = atomic_load_explicit(&l->sequence, memory_order_relaxed);
    atomic_store_explicit(&l->sequence, s + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    store(l->data.words, words, n);
    atomic_store_explicit(&l->sequence, s + 2, memory_order_release);
}

static void line_update(const char *dir, uint64_t n)
{
    (void)dir;
    seqlock_update(&writable->line_lock, 8, n);
}

static void block_update(const char *dir, uint64_t n)
{
    (void)dir;
    seqlock_update(&writable->block_lock, 32, n);
}

#ifdef NETVANE_HAVE_CK
static void ck_batch(void)
{
    struct read_line copy;
    for (unsigned i = 0; i < READ_BATCH; i++) {
        unsigned s;
        do {
            s = ck_sequence_read_begin(&view->ck);
            copy = view->ck_slot.data.line;
        } while (ck_sequence_read_retry(&view->ck, s));
        bench_keep((uint64_t)(uintptr_t)&copy);
    }
}

static void ck_update(const char *dir, uint64_t n)
{
    (void)dir;
    ck_sequence_write_begin(&writable->ck);
    store(writable->ck_slot.data.words, 8, n);
    ck_sequence_write_end(&writable->ck);
}
#else
static const char *ck_missing(const char *dir)
{
    (void)dir;
    return "libck-dev was not found when this was built";
}
#endif

/* ---- a lock ------------------------------------------------------------------------------------------------------ */

static void rwlock_batch(void)
{
    struct read_line copy;
    for (unsigned i = 0; i < READ_FEW; i++) {
        (void)pthread_rwlock_rdlock(&writable->rwlock);
        copy = writable->locked.data.line;
        (void)pthread_rwlock_unlock(&writable->rwlock);
        bench_keep((uint64_t)(uintptr_t)&copy);
    }
}

static void rwlock_update(const char *dir, uint64_t n)
{
    (void)dir;
    (void)pthread_rwlock_wrlock(&writable->rwlock);
    store(writable->locked.data.words, 8, n);
    (void)pthread_rwlock_unlock(&writable->rwlock);
}

const struct read_way read_memory[] = {
    {.name = "acquire_load", .batch = word_batch, .reads = READ_BATCH, .update = word_update},
    {.name = "seqlock_copy_64", .batch = line_batch, .reads = READ_BATCH, .update = line_update},
    {.name = "seqlock_copy_256", .batch = block_batch, .reads = READ_BATCH, .update = block_update},
    {.name = "slot_copy_64", .batch = slot_batch, .reads = READ_BATCH, .update = slot_update},
#ifdef NETVANE_HAVE_CK
    {.name = "ck_sequence_copy_64", .batch = ck_batch, .reads = READ_BATCH, .update = ck_update},
#else
    {.name = "ck_sequence_copy_64", .open = ck_missing},
#endif
    {.name = "rwlock_copy_64", .batch = rwlock_batch, .reads = READ_FEW, .update = rwlock_update},
    {.name = NULL},
};
