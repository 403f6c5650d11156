/* SPDX-License-Identifier: MIT */
/*
 * fmt_default.h - a default route, or an answer of the FIB, in words and as JSON.
 *
 * Owns:      the shape of struct netvane_default on paper.
 * Assumes:   see fmt.h.
 * Promises:  see fmt_default.c.
 * Leaves:    the layout around it to the verbs.
 */
#ifndef FMT_DEFAULT_H
#define FMT_DEFAULT_H

#include "fmt.h"

void fmt_default_json(struct json *j, struct view *v, const struct netvane_default *d,
                      const char *name);
/* "via 10.0.0.1 on eth0, source 10.0.0.5, metric 100, from dhcp" */
void fmt_default_text(FILE *out, struct view *v, const struct netvane_default *d);
/* Does traffic take the same way: same gateway and link, or refused alike? */
bool fmt_default_same_way(const struct netvane_default *a, const struct netvane_default *b);

#endif
