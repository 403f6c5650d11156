/* SPDX-License-Identifier: MIT */
/*
 * options.c - parses the command line, and explains it.
 */
#include "options.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)

static const char help[] =
    "usage: dataplane --port TAP=WIRE [--port ...] [options]\n"
    "\n"
    "Forwards what comes in by the wires as the kernel would by the routes and rules of the TAP\n"
    "devices' network namespace, of which netvaned keeps the State.\n"
    "\n"
    "  --port TAP=WIRE        a port: the kernel has addresses and routes on TAP, frames pass by "
    "WIRE\n"
    "  --dir DIR, --name NAME the region of netvaned\n"
    "  --icmp-rate N          errors sent back a second (1000), 0: no limit\n"
    "  --json                 counters as one line of JSON\n"
    "  --bench S              forward generated packets in memory for S seconds (--port TAP "
    "suffices)\n"
    "\n"
    "Flows that match no route are asked about by these handlers in their order; the first claim "
    "wins:\n"
    "  --fallback reject,PREFIX        claim them, and refuse each packet by an ICMP error\n"
    "  --fallback via,PREFIX,ADDRESS   claim them, and send them the way that leads to ADDRESS\n"
    "  --fallback sink,PREFIX,PACKETS  claim them, swallow so many packets, then forget the flow\n"
    "  --flows N              at most so many distinct flows (4096)\n"
    "  --in-flight N          at most so many claimed and not finished (1024)\n"
    "  --idle-ms N            claimed and rejected flows are forgotten after so long a silence "
    "(30000)\n"
    "  --unclaimed-ms N       unclaimed ones so long after they were asked about (1000)\n"
    "\n"
    "SIGUSR1 prints the counters, SIGUSR2 removes the first handler; SIGINT and SIGTERM end it, "
    "and\n"
    "print them, too.\n";

static _Noreturn void refuse(const char *what, const char *value)
{
    (void)fprintf(stderr, "dataplane: %s: %s (--help)\n", what, value);
    exit(2);
}

static uint64_t number(const char *text, uint64_t most)
{
    char *end;
    const unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end || value > most)
        refuse("not a number that it could be", text);
    return value;
}

static void add_port(struct options *o, char *text)
{
    char *equals = strchr(text, '=');
    if (o->port_count == PORTS_MAX)
        refuse("too many ports", text);
    if (equals)
        *equals = '\0';
    o->taps[o->port_count] = text;
    o->wires[o->port_count] = equals ? equals + 1 : NULL;
    o->port_count++;
}

static void add_handler(struct options *o, const char *text)
{
    if (o->handler_count == FALLBACK_HANDLERS_MAX)
        refuse("too many handlers", text);
    if (handler_parse(text, &o->handlers[o->handler_count]))
        refuse("not a fallback handler", text);
    o->handler_count++;
}

static void take(struct options *o, int option, char *value)
{
    switch (option) {
    case 'p': add_port(o, value); break;
    case 'd': o->dir = value; break;
    case 'n': o->name = value; break;
    case 'f': add_handler(o, value); break;
    case 'F': o->limits.distinct = (uint32_t)number(value, 1u << 24); break;
    case 'I': o->limits.in_flight = (uint32_t)number(value, 1u << 24); break;
    case 'i': o->limits.idle_ns = number(value, 1u << 30) * NS_PER_MS; break;
    case 'u': o->limits.unclaimed_ns = number(value, 1u << 30) * NS_PER_MS; break;
    case 'r': o->icmp_per_second = (uint32_t)number(value, 1u << 24); break;
    case 'j': o->json = true; break;
    case 'b':
        o->bench_s = strtod(value, NULL);
        if (!isfinite(o->bench_s) || o->bench_s <= 0)
            refuse("not a time", value);
        break;
    case 'h': (void)fputs(help, stdout); exit(0);
    default: exit(2); /* getopt has said why */
    }
}

void options_parse(int argc, char **argv, struct options *ret_options)
{
    static const struct option names[] = {{"port", required_argument, NULL, 'p'},
                                          {"dir", required_argument, NULL, 'd'},
                                          {"name", required_argument, NULL, 'n'},
                                          {"fallback", required_argument, NULL, 'f'},
                                          {"flows", required_argument, NULL, 'F'},
                                          {"in-flight", required_argument, NULL, 'I'},
                                          {"idle-ms", required_argument, NULL, 'i'},
                                          {"unclaimed-ms", required_argument, NULL, 'u'},
                                          {"icmp-rate", required_argument, NULL, 'r'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"bench", required_argument, NULL, 'b'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct options *o = ret_options;
    int option;
    memset(o, 0, sizeof(*o));
    o->limits.distinct = 4096;
    o->limits.in_flight = 1024;
    o->limits.idle_ns = 30000 * NS_PER_MS;
    o->limits.unclaimed_ns = 1000 * NS_PER_MS;
    o->icmp_per_second = 1000;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
        take(o, option, optarg);
    if (optind < argc)
        refuse("not understood", argv[optind]);
    if (!o->port_count)
        refuse("it needs", "--port");
    for (uint32_t i = 0; i < o->port_count; i++)
        if (!o->wires[i] && o->bench_s <= 0)
            refuse("a port without a wire", o->taps[i]);
    if (!o->limits.distinct)
        refuse("--flows must be more than", "0");
}
