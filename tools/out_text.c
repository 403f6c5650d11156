/* SPDX-License-Identifier: MIT */
/*
 * out_text.c - colours, widths, addresses and times in words.
 *
 * Owns:      the palette, which is iproute2's: cyan names, yellow MACs, magenta IPv4, blue IPv6.
 * Assumes:   one thread.
 * Promises:  see out_text.h.
 * Leaves:    buffering and write errors to the caller.
 */
#include "out_text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/if_arp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static bool colors_on;

static const char *const palette[] = {
    [OUT_PLAIN] = "",        [OUT_IFNAME] = "\033[36m", [OUT_MAC] = "\033[33m",
    [OUT_INET] = "\033[35m", [OUT_INET6] = "\033[34m",  [OUT_GOOD] = "\033[32m",
    [OUT_BAD] = "\033[31m",  [OUT_WARN] = "\033[33m",   [OUT_HEAD] = "\033[1m",
    [OUT_DIM] = "\033[2m",
};

void out_set_color(enum out_color_when when)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    colors_on = when == OUT_ALWAYS ||
                (when == OUT_AUTO && isatty(STDOUT_FILENO) &&
                 (no_color == NULL || *no_color == 0) && term != NULL && strcmp(term, "dumb") != 0);
}

int out_color(FILE *out, enum out_color color, const char *format, ...)
{
    bool wrap = colors_on && color != OUT_PLAIN;
    va_list args;

    if (wrap)
        fputs(palette[color], out);
    va_start(args, format);
    int len = vfprintf(out, format, args);
    va_end(args);
    if (wrap)
        fputs("\033[0m", out);
    return len;
}

enum out_color out_family_color(unsigned family)
{
    return family == 4 ? OUT_INET : OUT_INET6;
}

unsigned out_width(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;

    if (columns != NULL && atoi(columns) > 0)
        return (unsigned)atoi(columns);
    if (!isatty(STDOUT_FILENO))
        return 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

const char *out_ip(unsigned family, const uint8_t *ip, char buf[OUT_IP_MAX])
{
    if (inet_ntop(family == 4 ? AF_INET : AF_INET6, ip, buf, OUT_IP_MAX) == NULL)
        snprintf(buf, OUT_IP_MAX, "?");
    return buf;
}

const char *out_prefix(unsigned family, const uint8_t *ip, unsigned len, char buf[OUT_IP_MAX])
{
    out_ip(family, ip, buf);
    if (len != (family == 4 ? 32u : 128u)) {
        size_t used = strlen(buf);
        snprintf(buf + used, OUT_IP_MAX - used, "/%u", len);
    }
    return buf;
}

const char *out_lladdr(unsigned type, const uint8_t *addr, unsigned len, char buf[OUT_LLADDR_MAX])
{
    if (len == 4 && (type == ARPHRD_TUNNEL || type == ARPHRD_SIT || type == ARPHRD_IPGRE))
        return inet_ntop(AF_INET, addr, buf, OUT_LLADDR_MAX);
    if (len == 16 && (type == ARPHRD_TUNNEL6 || type == ARPHRD_IP6GRE))
        return inet_ntop(AF_INET6, addr, buf, OUT_LLADDR_MAX);
    size_t used = 0;
    buf[0] = 0;
    for (unsigned i = 0; i < len && used + 4 < OUT_LLADDR_MAX; i++) {
        snprintf(buf + used, OUT_LLADDR_MAX - used, i == 0 ? "%02x" : ":%02x", (unsigned)addr[i]);
        used += i == 0 ? 2 : 3;
    }
    return buf;
}

const char *out_duration(uint64_t ns, char buf[OUT_TIME_MAX])
{
    uint64_t s = ns / 1000000000u;

    if (ns < 1000000u)
        snprintf(buf, OUT_TIME_MAX, "%" PRIu64 " us", ns / 1000u);
    else if (s < 1)
        snprintf(buf, OUT_TIME_MAX, "%" PRIu64 " ms", ns / 1000000u);
    else if (s < 10)
        snprintf(buf, OUT_TIME_MAX, "%" PRIu64 ".%" PRIu64 " s", s, ns / 100000000u % 10);
    else if (s < 120)
        snprintf(buf, OUT_TIME_MAX, "%" PRIu64 " s", s);
    else if (s < 7200)
        snprintf(buf, OUT_TIME_MAX, "%" PRIu64 " min", s / 60);
    else if (s < 172800)
        snprintf(buf, OUT_TIME_MAX, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
    else
        snprintf(buf, OUT_TIME_MAX, "%" PRIu64 " days", s / 86400);
    return buf;
}

const char *out_bytes(uint64_t bytes, char buf[OUT_TIME_MAX])
{
    if (bytes < 10240)
        snprintf(buf, OUT_TIME_MAX, "%" PRIu64 " B", bytes);
    else if (bytes < 1024u * 1024u)
        snprintf(buf, OUT_TIME_MAX, "%" PRIu64 " KiB", bytes / 1024);
    else if (bytes < 1024u * 1024u * 1024u)
        snprintf(buf, OUT_TIME_MAX, "%.1f MiB", (double)bytes / 1048576.0);
    else
        snprintf(buf, OUT_TIME_MAX, "%.1f GiB", (double)bytes / 1073741824.0);
    return buf;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec ts = {0, 0};

    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t out_boottime_ns(void)
{
    return clock_ns(CLOCK_BOOTTIME);
}

const char *out_clock(uint64_t boottime_ns, bool with_date, char buf[OUT_TIME_MAX])
{
    uint64_t real_ns = clock_ns(CLOCK_REALTIME) - (clock_ns(CLOCK_BOOTTIME) - boottime_ns);
    time_t s = (time_t)(real_ns / 1000000000u);
    unsigned ms = (unsigned)(real_ns / 1000000u % 1000u);
    struct tm tm;
    char zone[8] = "";

    if (localtime_r(&s, &tm) == NULL)
        memset(&tm, 0, sizeof(tm));
    size_t used = strftime(buf, OUT_TIME_MAX, with_date ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &tm);
    if (with_date)
        strftime(zone, sizeof(zone), "%z", &tm);
    /* strftime has +0200, RFC 3339 wants +02:00 */
    snprintf(buf + used, OUT_TIME_MAX - used, with_date ? ".%03u%.3s:%s" : ".%03u", ms, zone,
             zone[0] != 0 ? zone + 3 : "");
    return buf;
}
