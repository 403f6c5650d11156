/* SPDX-License-Identifier: MIT */
/*
 * counters.h - what happened to packets and flows, one number for each thing that can.
 *
 * Each frame that comes in is counted in `received` and in exactly one of the lines up to `dropped_busy`: a packet that
 * is nowhere is a bug. Written by the one forwarding thread.
 */
#ifndef DATAPLANE_COUNTERS_H
#define DATAPLANE_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum counter {
    COUNT_RECEIVED,
    /* Where a frame ended. */
    COUNT_FORWARDED,
    COUNT_TO_HOST,
    COUNT_STRANGE,
    COUNT_BAD,
    COUNT_EXCEPTION,
    COUNT_NO_ROUTE,
    COUNT_UNREACHABLE,
    COUNT_PROHIBITED,
    COUNT_SILENT,
    COUNT_HOPS,
    COUNT_SCOPE,
    COUNT_TOO_BIG,
    COUNT_NO_PORT,
    COUNT_NO_NEIGHBOUR,
    COUNT_HANDED,
    COUNT_REJECTED,
    COUNT_UNCLAIMED,
    COUNT_FLOW_LIMIT,
    COUNT_DROPPED_BUSY,
    /* How it was decided. */
    COUNT_FAST,
    COUNT_ASKED,
    COUNT_SNAPSHOTS,
    COUNT_BEGUN_AGAIN,
    COUNT_ADJACENCIES,
    /* What was sent besides. */
    COUNT_FROM_HOST,
    COUNT_ICMP_SENT,
    COUNT_ICMP_LIMITED,
    COUNT_ICMP_NO_WAY,
    COUNT_SEND_FAILED,
    COUNT_NEIGHBOURS_ASKED,
    COUNT_NEIGHBOUR_LIMIT,
    COUNT_WRITER_NOT_LIVE,
    /* Flows that match no route. */
    COUNT_FLOWS,
    COUNT_FLOWS_IN_FLIGHT,
    COUNT_FLOWS_CLAIMED,
    COUNT_FLOWS_REJECTED,
    COUNT_FLOWS_UNCLAIMED,
    COUNT_FLOWS_FINISHED,
    COUNT_FLOWS_RELEASED,
    COUNT_FLOWS_IDLE,
    COUNT_FLOWS_DISTINCT_LIMIT,
    COUNT_FLOWS_IN_FLIGHT_LIMIT,
    COUNT_OBSERVER_STARTS,
    COUNT_OBSERVER_STOPS,
    COUNTERS
};

struct counters {
    uint64_t values[COUNTERS];
};

/* One line with a name and what it means for each, or one JSON object on one line. Flushes. */
void counters_print(const struct counters *counters, bool json, FILE *out);

#endif
