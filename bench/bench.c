/* SPDX-License-Identifier: MIT */
/*
 * bench.c - options, clock, medians and output of all benches.
 */
#include "bench.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct {
    char text[8192];
    size_t len;
} kept;

struct bench_options bench_options(int argc, char **argv)
{
    struct bench_options o = {.runs = 7};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json")) {
            o.json = true;
        } else if (!strcmp(argv[i], "--seconds") && i + 1 < argc) {
            o.seconds = strtod(argv[++i], NULL);
        } else if (!strcmp(argv[i], "--runs") && i + 1 < argc) {
            o.runs = (unsigned)strtoul(argv[++i], NULL, 10);
        } else if (!strcmp(argv[i], "--count") && i + 1 < argc) {
            o.count = (uint32_t)strtoul(argv[++i], NULL, 10);
        } else {
            (void)fprintf(stderr, "usage: %s [--json] [--seconds S] [--runs N] [--count N]\n",
                          argv[0]);
            exit(2);
        }
    }
    if (!o.runs)
        o.runs = 1;
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

static void keep(const char *format, const char *key, double value)
{
    int n = snprintf(kept.text + kept.len, sizeof(kept.text) - kept.len, format,
                     kept.len ? "," : "", key, value);
    if (n > 0 && kept.len + (size_t)n < sizeof(kept.text))
        kept.len += (size_t)n;
}

void bench_figure(const struct bench_options *o, const char *key, double value)
{
    if (o->json)
        keep("%s\"%s\":%.4g", key, value);
    else
        (void)printf("  %-52s %12.4g\n", key, value);
}

void bench_ratio(const struct bench_options *o, const char *key, double value, double at_most,
                 double at_least)
{
    bench_figure(o, key, value);
    if (o->json)
        return;
    if (!isnan(at_most))
        (void)printf("  %-52s %s (target: at most %g)\n", "", value <= at_most ? "kept" : "MISSED",
                     at_most);
    if (!isnan(at_least))
        (void)printf("  %-52s %s (target: at least %g)\n", "",
                     value >= at_least ? "kept" : "MISSED", at_least);
}

void bench_skip(const struct bench_options *o, const char *what, const char *why)
{
    (void)fprintf(o->json ? stderr : stdout, "SKIP: %s: %s\n", what, why);
}

void bench_end(const struct bench_options *o, const char *name)
{
    if (o->json)
        (void)printf("{\"bench\":\"%s\",%s}\n", name, kept.text);
    kept.len = 0;
}
