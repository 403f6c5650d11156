/* SPDX-License-Identifier: MIT */
/*
 * stdatomic.h - the header of that name for code that c11.c runs: each access goes to the checker.
 *
 * Stands before the compiler's in the include path of the models alone, so that the protocol's own functions are checked, with the
 * orders that they have.
 */
#ifndef NV_MODEL_STDATOMIC_H
#define NV_MODEL_STDATOMIC_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    memory_order_relaxed = __ATOMIC_RELAXED,
    memory_order_acquire = __ATOMIC_ACQUIRE,
    memory_order_release = __ATOMIC_RELEASE,
    memory_order_acq_rel = __ATOMIC_ACQ_REL,
    memory_order_seq_cst = __ATOMIC_SEQ_CST
} memory_order;

#define ATOMIC_LLONG_LOCK_FREE 2

uint64_t c11_load(const void *p, size_t bytes, memory_order order);
void c11_store(void *p, size_t bytes, uint64_t v, memory_order order);
uint64_t c11_add(void *p, size_t bytes, uint64_t v, memory_order order);
void c11_fence(memory_order order);

#define C11_TYPE(p) __typeof__(*(p) + 0)
#define atomic_load_explicit(p, order) \
    ((C11_TYPE(p))c11_load((const void *)(p), sizeof(*(p)), (order)))
#define atomic_store_explicit(p, v, order) \
    c11_store((void *)(p), sizeof(*(p)), (uint64_t)(v), (order))
#define atomic_fetch_add_explicit(p, v, order) \
    ((C11_TYPE(p))c11_add((void *)(p), sizeof(*(p)), (uint64_t)(v), (order)))
#define atomic_thread_fence(order) c11_fence(order)

#endif
