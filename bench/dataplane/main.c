/* SPDX-License-Identifier: MIT */
/*
 * main.c - a forwarder that looks every packet up with libnetvane. README.md, beside this file, says how to read it.
 */
#include <netvane/netvane.h>
#include <stdio.h>

#include "loop.h"
#include "memory.h"
#include "options.h"

#define PATIENCE_NS UINT64_C(10000000000)

int main(int argc, char **argv)
{
    static struct options options;
    static struct counters counters;
    struct netvane_open_args args;
    struct netvane *nv;

    options_parse(argc, argv, &options);
    NETVANE_INIT(&args);
    args.dir = options.dir;
    args.name = options.name;
    int r = netvane_open(&args, &nv);
    if (r) {
        (void)fprintf(stderr, "dataplane: %s\n", netvane_strerror(r));
        return 1;
    }
    r = netvane_wait_ready(nv, PATIENCE_NS);
    if (!r && options.bench_s > 0) {
        r = memory_bench(nv, &options);
    } else if (!r) {
        r = loop_run(nv, &options, &counters);
        counters_print(&counters, options.json, stdout);
    }
    if (r < 0)
        (void)fprintf(stderr, "dataplane: %s\n", netvane_strerror(r));
    netvane_close(nv);
    return r ? 1 : 0;
}
