/* SPDX-License-Identifier: MIT */
/*
 * dpdk_start.h - DPDK in this process, without huge pages, devices or privileges.
 *
 * For the files that are compiled with its options; each has an own copy of this one function.
 */
#ifndef NETVANE_BENCH_DPDK_START_H
#define NETVANE_BENCH_DPDK_START_H

#include <rte_eal.h>
#include <stdbool.h>

#define DPDK_HEAP_MIB "3072" /* address space; touched as tables need it */

/* Once for all; false: it does not start here. It pins the calling thread where it likes. */
static inline bool dpdk_start(void)
{
    static bool tried, started;
    char words[][24] = {"bench",    "--no-huge",      "--no-shconf",
                        "--no-pci", "--no-telemetry", "--iova-mode=va",
                        "-m",       DPDK_HEAP_MIB,    "--log-level=error"};
    char *argv[sizeof(words) / sizeof(words[0]) + 1] = {NULL};
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        argv[i] = words[i];
    if (!tried)
        started = rte_eal_init((int)(sizeof(words) / sizeof(words[0])), argv) >= 0;
    tried = true;
    return started;
}

#endif
