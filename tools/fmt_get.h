/* SPDX-License-Identifier: MIT */
/*
 * fmt_get.h - an answer of the FIB as `ip route get` prints it.
 *
 * Owns:      keys, values and their order.
 * Assumes:   the answer is one with the outcome "found".
 * Promises:  what `ip` prints, of each property that the State decides.
 * Leaves:    "cache" flags of groups that are joined, and of redirects, which no State tells.
 */
#ifndef FMT_GET_H
#define FMT_GET_H

#include "fmt.h"

void fmt_get_json(struct json *j, struct view *v, const struct netvane_fib_question *question,
                  const struct netvane_fib_answer *answer);
void fmt_get_text(FILE *out, struct view *v, const struct netvane_fib_question *question,
                  const struct netvane_fib_answer *answer);

#endif
