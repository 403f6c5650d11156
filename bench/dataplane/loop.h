/* SPDX-License-Identifier: MIT */
/*
 * loop.h - takes frames from the ports, has them forwarded, and sleeps where there are none.
 */
#ifndef DATAPLANE_LOOP_H
#define DATAPLANE_LOOP_H

#include "options.h"

struct netvane;

/*
 * Until SIGINT or SIGTERM. ret_counters are filled either way. 0, an error of libnetvane, or 1 where a port could not be
 * opened, which it has said.
 */
int loop_run(struct netvane *nv, struct options *options, struct counters *ret_counters);

#endif
