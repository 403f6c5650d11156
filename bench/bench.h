/* SPDX-License-Identifier: MIT */
/*
 * bench.h - what the benches share: options, pinning, medians, output.
 *
 * A bench runs each measure `runs` times (7), takes the median, prints a table or, with --json, one JSON object whose
 * keys name their units. --seconds S bounds the whole run; ctest uses 1. Figures are ratios to peers of the same run.
 * bench/run reads the JSON: figures by their keys, and "targets" (of all ratios), "estimates", "distributions", "skipped".
 */
#ifndef NETVANE_BENCH_H
#define NETVANE_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_RUNS_MAX 64u

struct bench_options {
    bool json;
    bool all;       /* also what takes minutes and says little */
    double seconds; /* 0: as long as it takes */
    unsigned runs;  /* 1 to BENCH_RUNS_MAX */
    uint32_t count; /* of what the bench is about; 0: as many as it likes */
};

/* Parses --json, --seconds S, --runs N, --count N, --all; exits with a complaint on anything else. */
struct bench_options bench_options(int argc, char **argv);
/* Pins the calling thread to this core, if there is such a core. */
void bench_pin(unsigned core);
/* Enters a new network namespace, where commands that set it up may be run. -1: not allowed here. */
int bench_netns(void);
/* Enters a new mount namespace, where a tmpfs may be mounted. -1: not allowed here. */
int bench_mountns(void);
uint64_t bench_now_ns(void); /* CLOCK_MONOTONIC */
void bench_pause_ns(uint64_t ns);
double bench_median(double *values, size_t count); /* sorts */
double bench_quantile(const double *sorted, size_t count, double q);
/* A bench's set-up: a fixed command of the shell. 0: it succeeded. */
int bench_shell(const char *command);
/* Memory that this process and its children share, zeroed; exits where there is none. */
void *bench_shared(size_t size_bytes);

/* What a figure was thought to be before it was first measured; printed beside it. The list stays the caller's. */
struct bench_estimate {
    const char *key;
    double value;
};
void bench_estimates(const struct bench_estimate *list, size_t count);

/* One figure: prints it at once in table mode, keeps it for bench_end in JSON mode. */
void bench_figure(const struct bench_options *o, const char *key, double value);
/* A ratio with the target that it is to keep (NAN: none). */
void bench_ratio(const struct bench_options *o, const char *key, double value, double at_most,
                 double at_least);
/* KEY_p50 and KEY_p99 as figures, and each percent for plots. Sorts; returns the median, NAN if there are no values. */
double bench_distribution(const struct bench_options *o, const char *key, double *values,
                          size_t count);
/* A line that says what was left out and why. */
void bench_skip(const struct bench_options *o, const char *what, const char *why);
void bench_end(const struct bench_options *o, const char *name);

/* Keeps a value from being optimised away. */
static inline void bench_keep(uint64_t v)
{
    __asm__ volatile("" : : "r"(v) : "memory");
}

#endif
