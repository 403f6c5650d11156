/* SPDX-License-Identifier: MIT */
/*
 * options.h - what the command line says.
 */
#ifndef DATAPLANE_OPTIONS_H
#define DATAPLANE_OPTIONS_H

#include "fallback.h"
#include "handlers.h"
#include "port.h"

struct options {
    const char *dir, *name; /* of the region; NULL: libnetvane's defaults */
    uint32_t port_count;
    char *taps[PORTS_MAX];
    char *wires[PORTS_MAX]; /* NULL: with --bench a port needs none */
    uint32_t handler_count;
    struct handler handlers[FALLBACK_HANDLERS_MAX];
    struct flows_limits limits;
    uint32_t icmp_per_second;
    double bench_s; /* 0: forward real packets */
    bool json;
};

/* Exits with what is wrong, or after --help. */
void options_parse(int argc, char **argv, struct options *ret_options);

#endif
