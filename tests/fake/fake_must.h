/* SPDX-License-Identifier: MIT */
/*
 * fake_must.h - for what a test's set-up cannot go on without.
 */
#ifndef FAKE_MUST_H
#define FAKE_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define MUST(x)                                                     \
    do {                                                            \
        if (!(x)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
            abort();                                                \
        }                                                           \
    } while (0)

#endif
