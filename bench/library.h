/* SPDX-License-Identifier: MIT */
/*
 * library.h - libnetvane.so of this build, as any program gets it: through its symbols.
 */
#ifndef NETVANE_BENCH_LIBRARY_H
#define NETVANE_BENCH_LIBRARY_H

#include "netvane/netvane.h"

/* Loads it, once. NULL, or why it cannot be had. */
const char *library_open(void);
/* Writes a function pointer; exits with a complaint if there is no such symbol. */
void library_symbol(const char *name, void *ret_function);

/* A reader of the world's region in dir; exits with a complaint. */
struct netvane *library_reader(const char *dir);
int library_snap_begin(struct netvane *nv, struct netvane_snap *ret_snap);
void library_close(struct netvane *nv);

#endif
