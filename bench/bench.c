/* SPDX-License-Identifier: MIT */
/*
 * bench.c - options, clock, medians and set-up of all benches.
 */
#include "bench.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

struct bench_options bench_options(int argc, char **argv)
{
    struct bench_options o = {.runs = 7};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json")) {
            o.json = true;
        } else if (!strcmp(argv[i], "--all")) {
            o.all = true;
        } else if (!strcmp(argv[i], "--seconds") && i + 1 < argc) {
            o.seconds = strtod(argv[++i], NULL);
        } else if (!strcmp(argv[i], "--runs") && i + 1 < argc) {
            o.runs = (unsigned)strtoul(argv[++i], NULL, 10);
        } else if (!strcmp(argv[i], "--count") && i + 1 < argc) {
            o.count = (uint32_t)strtoul(argv[++i], NULL, 10);
        } else {
            (void)fprintf(stderr,
                          "usage: %s [--json] [--seconds S] [--runs N] [--count N] [--all]\n",
                          argv[0]);
            exit(2);
        }
    }
    if (!o.runs)
        o.runs = 1;
    if (o.runs > BENCH_RUNS_MAX)
        o.runs = BENCH_RUNS_MAX;
    return o;
}

void bench_pin(unsigned core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
}

uint64_t bench_now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void bench_pause_ns(uint64_t ns)
{
    struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    (void)nanosleep(&t, NULL);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_value);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

double bench_quantile(const double *sorted, size_t count, double q)
{
    return sorted[(size_t)((double)(count - 1) * q)];
}

int bench_shell(const char *command)
{
    return system(command) ? -1 : 0; /* fixed commands, no input */
}

void *bench_shared(size_t size_bytes)
{
    void *p = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return p;
}
