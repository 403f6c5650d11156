/* SPDX-License-Identifier: MIT */
/*
 * report.c - what a bench has to say: a table as it goes, or one JSON object at its end.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum section { FIGURES, TARGETS, ESTIMATES, DISTRIBUTIONS, SKIPPED, SECTIONS };

static const char *const section_names[SECTIONS] = {
    [TARGETS] = "targets",
    [ESTIMATES] = "estimates",
    [DISTRIBUTIONS] = "distributions",
    [SKIPPED] = "skipped",
};

static struct {
    char *text;
    size_t len, size;
} kept[SECTIONS];

static struct {
    const struct bench_estimate *list;
    size_t count;
} estimates;

static void put(enum section s, const char *text)
{
    size_t n = strlen(text);
    if (kept[s].len + n + 1 > kept[s].size) {
        size_t size = 2 * (kept[s].len + n) + 1024;
        char *grown = realloc(kept[s].text, size);
        if (!grown)
            exit(1);
        kept[s].text = grown;
        kept[s].size = size;
    }
    memcpy(kept[s].text + kept[s].len, text, n + 1);
    kept[s].len += n;
}

static void put_number(enum section s, double value)
{
    char text[32] = "null";
    if (isfinite(value))
        (void)snprintf(text, sizeof(text), "%.4g", value);
    put(s, text);
}

/* Keys and reasons are the benches' own words: without quotes, backslashes and control characters. */
static void put_key(enum section s, const char *key)
{
    put(s, kept[s].len ? ",\"" : "\"");
    put(s, key);
    put(s, "\":");
}

static void keep(enum section s, const char *key, double value)
{
    put_key(s, key);
    put_number(s, value);
}

void bench_estimates(const struct bench_estimate *list, size_t count)
{
    estimates.list = list;
    estimates.count = count;
}

static double estimate_of(const char *key)
{
    for (size_t i = 0; i < estimates.count; i++)
        if (!strcmp(estimates.list[i].key, key))
            return estimates.list[i].value;
    return NAN;
}

void bench_figure(const struct bench_options *o, const char *key, double value)
{
    const double estimate = estimate_of(key);
    if (o->json) {
        keep(FIGURES, key, value);
        if (!isnan(estimate))
            keep(ESTIMATES, key, estimate);
        return;
    }
    (void)printf("  %-52s %12.4g", key, value);
    if (!isnan(estimate))
        (void)printf("   (estimate %.4g)", estimate);
    (void)printf("\n");
    (void)fflush(stdout);
}

static void put_bound(bool *first, const char *bound, double limit)
{
    put(TARGETS, *first ? "{\"" : ",\"");
    put(TARGETS, bound);
    put(TARGETS, "\":");
    put_number(TARGETS, limit);
    *first = false;
}

/* All ratios are there, those without a target with an empty object. */
static void keep_targets(const char *key, double at_most, double at_least)
{
    bool first = true;
    put_key(TARGETS, key);
    if (!isnan(at_most))
        put_bound(&first, "at_most", at_most);
    if (!isnan(at_least))
        put_bound(&first, "at_least", at_least);
    put(TARGETS, first ? "{}" : "}");
}

void bench_ratio(const struct bench_options *o, const char *key, double value, double at_most,
                 double at_least)
{
    bench_figure(o, key, value);
    if (o->json) {
        keep_targets(key, at_most, at_least);
        return;
    }
    if (!isnan(at_most))
        (void)printf("  %-52s %s (target: at most %g)\n", "", value <= at_most ? "kept" : "MISSED",
                     at_most);
    if (!isnan(at_least))
        (void)printf("  %-52s %s (target: at least %g)\n", "",
                     value >= at_least ? "kept" : "MISSED", at_least);
}

double bench_distribution(const struct bench_options *o, const char *key, double *values,
                          size_t count)
{
    char name[96];
    if (!count)
        return NAN;
    const double median = bench_median(values, count);
    (void)snprintf(name, sizeof(name), "%s_p50", key);
    bench_figure(o, name, median);
    (void)snprintf(name, sizeof(name), "%s_p99", key);
    bench_figure(o, name, bench_quantile(values, count, 0.99));
    if (!o->json)
        return median;
    put_key(DISTRIBUTIONS, key);
    for (unsigned percent = 0; percent <= 100; percent++) {
        put(DISTRIBUTIONS, percent ? "," : "[");
        put_number(DISTRIBUTIONS, bench_quantile(values, count, percent / 100.0));
    }
    put(DISTRIBUTIONS, "]");
    return median;
}

void bench_skip(const struct bench_options *o, const char *what, const char *why)
{
    (void)fprintf(o->json ? stderr : stdout, "SKIP: %s: %s\n", what, why);
    if (o->json) {
        put_key(SKIPPED, what);
        put(SKIPPED, "\"");
        put(SKIPPED, why);
        put(SKIPPED, "\"");
    }
}

void bench_end(const struct bench_options *o, const char *name)
{
    if (o->json) {
        (void)printf("{\"bench\":\"%s\"", name);
        if (kept[FIGURES].len)
            (void)printf(",%s", kept[FIGURES].text);
        for (unsigned s = FIGURES + 1; s < SECTIONS; s++)
            if (kept[s].len)
                (void)printf(",\"%s\":{%s}", section_names[s], kept[s].text);
        (void)printf("}\n");
    }
    for (unsigned s = 0; s < SECTIONS; s++) {
        free(kept[s].text);
        memset(&kept[s], 0, sizeof(kept[s]));
    }
}
