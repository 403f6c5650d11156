/* SPDX-License-Identifier: MIT */
/*
 * log.c - writes one line per noteworthy event to stderr, in one call.
 *
 * Assumes: stderr is a journal, a file or a terminal; a failed write is nobody's business.
 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "nv/base.h"
#include "nv/plat.h"

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static enum nv_log_level log_level = NV_LOG_INFO;

void nv_log_set_level(enum nv_log_level level)
{
    log_level = level;
}

int nv_log_parse_level(const char *text, enum nv_log_level *ret_level)
{
    for (unsigned i = 0; i < NV_ARRAY_LEN(level_names); i++) {
        if (!strcmp(text, level_names[i])) {
            *ret_level = (enum nv_log_level)i;
            return 0;
        }
    }
    return -1;
}

void nv_log(enum nv_log_level level, const char *event, const char *format, ...)
{
    if (level > log_level)
        return;
    char line[1024];
    uint64_t now = nv_clock_realtime_ns();
    time_t seconds = (time_t)(now / NV_NS_PER_S);
    const struct tm *utc = gmtime(&seconds);
    char stamp[32] = "";
    if (utc)
        (void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", utc);
    int n = snprintf(line, sizeof(line), "netvaned: %s.%03uZ level=%s event=%s ", stamp,
                     (unsigned)(now % NV_NS_PER_S / NV_NS_PER_MS), level_names[level], event);
    if (n < 0 || (size_t)n >= sizeof(line))
        return;
    va_list ap;
    va_start(ap, format);
    int m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, ap);
    va_end(ap);
    if (m < 0)
        return;
    size_t len = strlen(line);
    while (len && line[len - 1] == ' ')
        len--;
    line[len] = '\n';
    (void)fwrite(line, 1, len + 1, stderr);
}
