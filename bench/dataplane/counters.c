/* SPDX-License-Identifier: MIT */
/*
 * counters.c - names and prints the counters.
 */
#include "counters.h"

#include <inttypes.h>

static const struct {
    const char *name, *text;
} words[COUNTERS] = {
    [COUNT_RECEIVED] = {"received", "frames that came in by a port"},
    [COUNT_FORWARDED] = {"forwarded", "sent on"},
    [COUNT_TO_HOST] = {"to_host", "given to this host's own stack"},
    [COUNT_STRANGE] = {"strange", "for another MAC address"},
    [COUNT_BAD] = {"bad", "malformed"},
    [COUNT_EXCEPTION] = {"exception",
                         "options or an encapsulation that this dataplane does not do"},
    [COUNT_NO_ROUTE] = {"no_route", "no route, and no fallback handler is registered"},
    [COUNT_UNREACHABLE] = {"unreachable", "by a route or rule of type unreachable"},
    [COUNT_PROHIBITED] = {"prohibited", "by a route or rule of type prohibit"},
    [COUNT_SILENT] = {"silent", "dropped without an answer: blackhole, martian"},
    [COUNT_HOPS] = {"hops", "TTL or hop limit used up"},
    [COUNT_SCOPE] = {"scope", "from a source that must not leave its link"},
    [COUNT_TOO_BIG] = {"too_big", "for the link that it would leave by"},
    [COUNT_NO_PORT] = {"no_port", "its link is no port of this dataplane"},
    [COUNT_NO_NEIGHBOUR] = {"no_neighbour", "the next hop's MAC address is not known yet"},
    [COUNT_HANDED] = {"handed", "given to the fallback handler that claimed its flow"},
    [COUNT_REJECTED] = {"rejected", "its flow was claimed and rejected"},
    [COUNT_UNCLAIMED] = {"unclaimed", "its flow was claimed by none"},
    [COUNT_FLOW_LIMIT] = {"flow_limit", "its flow was over a limit"},
    [COUNT_DROPPED_BUSY] = {"dropped_busy",
                            "the State expired again and again while it was looked up"},
    [COUNT_FAST] = {"fast", "decided by bulk lookups alone"},
    [COUNT_ASKED] = {"asked", "decided by the whole FIB"},
    [COUNT_SNAPSHOTS] = {"snapshots", "versions of the State that were taken"},
    [COUNT_BEGUN_AGAIN] = {"begun_again", "lookups on a version that had expired"},
    [COUNT_ADJACENCIES] = {"adjacencies", "entries of the adjacency cache that were filled"},
    [COUNT_FROM_HOST] = {"from_host", "frames that this host sent by a port"},
    [COUNT_ICMP_SENT] = {"icmp_sent", "errors sent back"},
    [COUNT_ICMP_LIMITED] = {"icmp_limited", "not sent: over their rate"},
    [COUNT_ICMP_NO_WAY] = {"icmp_no_way", "not sent: no route, source, port or neighbour"},
    [COUNT_SEND_FAILED] = {"send_failed", "frames that a link did not take"},
    [COUNT_NEIGHBOURS_ASKED] = {"neighbours_asked", "next hops that the kernel was asked to find"},
    [COUNT_NEIGHBOUR_LIMIT] = {"neighbour_limit", "neighbours that found no place in the table"},
    [COUNT_WRITER_NOT_LIVE] = {"writer_not_live",
                               "seconds in which the writer was not alive or late"},
    [COUNT_FLOWS] = {"flows", "distinct unmatched flows now"},
    [COUNT_FLOWS_IN_FLIGHT] = {"flows_in_flight", "handed to a handler and not finished now"},
    [COUNT_FLOWS_CLAIMED] = {"flows_claimed", "claims"},
    [COUNT_FLOWS_REJECTED] = {"flows_rejected", "claims that reject"},
    [COUNT_FLOWS_UNCLAIMED] = {"flows_unclaimed", "flows that every handler declined"},
    [COUNT_FLOWS_FINISHED] = {"flows_finished", "by their handlers"},
    [COUNT_FLOWS_RELEASED] = {"flows_released", "because their handler left"},
    [COUNT_FLOWS_IDLE] = {"flows_idle", "forgotten: the limit of idle time"},
    [COUNT_FLOWS_DISTINCT_LIMIT] = {"flows_distinct_limit", "refused: the limit of distinct flows"},
    [COUNT_FLOWS_IN_FLIGHT_LIMIT] = {"flows_in_flight_limit",
                                     "refused: the limit of flows in flight"},
    [COUNT_OBSERVER_STARTS] = {"observer_starts", "first handlers that were registered"},
    [COUNT_OBSERVER_STOPS] = {"observer_stops", "last handlers that left"},
};

void counters_print(const struct counters *counters, bool json, FILE *out)
{
    for (unsigned i = 0; i < COUNTERS; i++) {
        if (json)
            (void)fprintf(out, "%s\"%s\":%" PRIu64, i ? "," : "{", words[i].name,
                          counters->values[i]);
        else
            (void)fprintf(out, "%-22s %12" PRIu64 "  %s\n", words[i].name, counters->values[i],
                          words[i].text);
    }
    (void)fputs(json ? "}\n" : "\n", out);
    (void)fflush(out);
}
