/* SPDX-License-Identifier: MIT */
/*
 * c11.h - tries every execution of a small program that the memory orders of C11 allow.
 *
 * Owns:      the history of every word that the program stores to, and what each thread has seen of it.
 * Assumes:   threads that end, share nothing but atomic words, and take no decision but by what they load; no seq_cst accesses
 *            (seq_cst fences are known); a word is always accessed in one size.
 * Promises:  every outcome that RC11 allows without cycles of program order and reads-from is met: any load may return any
 *            value that coherence and what the thread has acquired leave it, any store may go to any place of the word's
 *            order that they leave. (Lahav, Vafeiadis, Kang, Hur, Dreyer: Repairing Sequential Consistency in C/C++11, PLDI
 *            2017; as a machine of views: Kang, Hur, Lahav, Vafeiadis, Dreyer: A Promising Semantics for Relaxed-Memory
 *            Concurrency, POPL 2017, without promises.) Stores behind a release store are no part of its release sequence, as
 *            in C++20: weaker than C11.
 * Not given: load buffering, where a thread's store is seen before its own earlier load. It takes threads that both load what others
 *            store and store what others load; where there is one writer, and readers that store nothing, there is none.
 */
#ifndef NV_MODEL_C11_H
#define NV_MODEL_C11_H

#include <stdbool.h>
#include <stdint.h>

#include "stdatomic.h"

#define C11_THREADS_MAX 4

typedef void c11_fn(void *arg);

/*
 * What is made wrong on purpose. word NULL: each word. A release fence belongs to the word that its thread stored last, acquire
 * fences belong to none: all go.
 */
enum c11_what {
    C11_NOTHING,
    C11_STORE_RELAXED,
    C11_LOAD_RELAXED,
    C11_NO_RELEASE_FENCE,
    C11_NO_ACQUIRE_FENCE
};

struct c11_mutant {
    const void *word;
    enum c11_what what;
};

/* Forgets all history: what memory holds now is what every thread knows. */
void c11_reset(void);
/* Only words of these bytes have a history; may be called several times behind c11_reset. Without: all words. */
void c11_watch(const void *p, size_t bytes);
/* A 64-bit access to these bytes is two of 32 bits, so that they may be accessed in both sizes. More is torn than C11 would have. */
void c11_halve(const void *p, size_t bytes);
void c11_mutate(struct c11_mutant mutant);

/*
 * Runs fn as a thread of its own, now and in one way: each load gives the newest value. Exact for a thread that loads nothing that
 * another one stores: whoever runs later may still find each word as it was at any time.
 */
void c11_run(c11_fn *fn, void *arg);

struct c11_program {
    c11_fn *threads[C11_THREADS_MAX];
    c11_fn *begin, *end; /* around each execution, may be NULL */
    void *arg;
};

/*
 * Tries all executions of the threads behind what c11_run has stored, until c11_fail or the limit (0: none). True: none failed.
 * Afterwards memory is as before. ret_executions may be NULL.
 */
bool c11_explore(const struct c11_program *program, uint64_t limit, uint64_t *ret_executions);

/* From a thread or `end`: this execution must not be. The first sentence is kept. */
void c11_fail(const char *sentence);
const char *c11_failure(void);

#endif
