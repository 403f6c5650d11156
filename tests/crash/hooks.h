/* SPDX-License-Identifier: MIT */
/*
 * hooks.h - put before each file of the crashing writer: every atomic store may be the last thing that the process does.
 */
#ifndef NV_CRASH_HOOKS_H
#define NV_CRASH_HOOKS_H

#include <stdatomic.h>

/* Counts the step; SIGKILL if it is the one where the process is to end. */
void crash_step(void);

#undef atomic_store_explicit
#ifdef __clang__
#define atomic_store_explicit(p, v, order) \
    (crash_step(), __c11_atomic_store((p), (v), (int)(order)))
#else
#define atomic_store_explicit(p, v, order)                \
    __extension__({                                       \
        __auto_type crash_at = (p);                       \
        __typeof__((void)0, *crash_at) crash_value = (v); \
        crash_step();                                     \
        __atomic_store(crash_at, &crash_value, (order));  \
    })
#endif

#endif
