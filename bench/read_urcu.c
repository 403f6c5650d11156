/* SPDX-License-Identifier: MIT */
/*
 * read_urcu.c - liburcu's flavours: a pointer to 64 bytes behind a read-side lock, inside one process.
 *
 * The writer is a thread of the reader's process, as liburcu does not reach across processes. It waits for a grace period each
 * RETIRED versions, as its call_rcu batches do. Read-side calls are compiled in, as programs that may do so have them.
 */
#ifdef NETVANE_HAVE_URCU

#define _LGPL_SOURCE
#include <urcu/urcu-bp.h>
#include <urcu/urcu-memb.h>
#include <urcu/urcu-qsbr.h>

#include <stdatomic.h>

#include "read_peers.h"

#define RETIRED 256u
#define ALWAYS  static inline __attribute__((always_inline))

static struct {
    _Alignas(64) union {
        _Atomic uint64_t words[8];
        struct read_line line;
    } data;
} objects[2 * RETIRED];
static struct read_line *newest = &objects[0].data.line;

ALWAYS void batch(void (*lock)(void), void (*unlock)(void))
{
    struct read_line copy;
    for (unsigned i = 0; i < READ_BATCH; i++) {
        lock();
        copy = *rcu_dereference(newest);
        unlock();
        bench_keep((uint64_t)(uintptr_t)&copy);
    }
}

ALWAYS void update(uint64_t n, void (*synchronize)(void))
{
    const unsigned i = (unsigned)(n % (2 * RETIRED));
    if (i % RETIRED == 0)
        synchronize();
    for (unsigned word = 0; word < 8; word++)
        atomic_store_explicit(&objects[i].data.words[word], n, memory_order_relaxed);
    rcu_assign_pointer(newest, &objects[i].data.line);
}

ALWAYS void memb_lock(void)
{
    urcu_memb_read_lock();
}

ALWAYS void memb_unlock(void)
{
    urcu_memb_read_unlock();
}

ALWAYS void bp_lock(void)
{
    urcu_bp_read_lock();
}

ALWAYS void bp_unlock(void)
{
    urcu_bp_read_unlock();
}

ALWAYS void qsbr_lock(void)
{
    urcu_qsbr_read_lock();
}

ALWAYS void qsbr_unlock(void)
{
    urcu_qsbr_read_unlock();
}

static void memb_batch(void)
{
    urcu_memb_register_thread();
    batch(memb_lock, memb_unlock);
    urcu_memb_unregister_thread();
}

static void bp_batch(void)
{
    batch(bp_lock, bp_unlock);
}

/* One quiescent state a batch: between batches it is not registered. */
static void qsbr_batch(void)
{
    urcu_qsbr_register_thread();
    batch(qsbr_lock, qsbr_unlock);
    urcu_qsbr_unregister_thread();
}

static void memb_update(uint64_t n)
{
    update(n, urcu_memb_synchronize_rcu);
}

static void bp_update(uint64_t n)
{
    update(n, urcu_bp_synchronize_rcu);
}

static void qsbr_update(uint64_t n)
{
    update(n, urcu_qsbr_synchronize_rcu);
}

const struct read_way read_urcu[] = {
    {.name = "urcu_qsbr_copy_64",
     .batch = qsbr_batch,
     .reads = READ_BATCH,
     .thread_update = qsbr_update},
    {.name = "urcu_memb_copy_64",
     .batch = memb_batch,
     .reads = READ_BATCH,
     .thread_update = memb_update},
    {.name = "urcu_bp_copy_64", .batch = bp_batch, .reads = READ_BATCH, .thread_update = bp_update},
    {.name = NULL},
};

#else

#include "read_peers.h"

static const char *missing(const char *dir)
{
    (void)dir;
    return "liburcu-dev was not found when this was built";
}

const struct read_way read_urcu[] = {{.name = "urcu_copy_64", .open = missing}, {.name = NULL}};

#endif
