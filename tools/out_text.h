/* SPDX-License-Identifier: MIT */
/*
 * out_text.h - what all text output shares: colours, the terminal's width, addresses and times in words.
 *
 * Owns:      whether colours are on.
 * Assumes:   addresses are in network order, families 4 and 6.
 * Promises:  without colours, not one escape byte is written.
 * Leaves:    what a line says to fmt_*.c and cmd_*.c.
 */
#ifndef OUT_TEXT_H
#define OUT_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum out_color {
    OUT_PLAIN,
    OUT_IFNAME,
    OUT_MAC,
    OUT_INET,
    OUT_INET6,
    OUT_GOOD,
    OUT_BAD,
    OUT_WARN,
    OUT_HEAD,
    OUT_DIM
};

enum out_color_when { OUT_AUTO, OUT_ALWAYS, OUT_NEVER };

/* auto: if standard output is a terminal, TERM is not dumb and NO_COLOR is unset or empty. */
void out_set_color(enum out_color_when when);
/* printf in a colour; returns the number of visible characters. */
int out_color(FILE *out, enum out_color color, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum out_color out_family_color(unsigned family);

/* Columns of the terminal on standard output (COLUMNS first); 0: not a terminal. */
unsigned out_width(void);

#define OUT_IP_MAX     64
#define OUT_LLADDR_MAX 128
/* "10.0.0.1" */
const char *out_ip(unsigned family, const uint8_t *ip, char buf[OUT_IP_MAX]);
/* "10.0.0.0/8", without the length where it is the whole address. */
const char *out_prefix(unsigned family, const uint8_t *ip, unsigned len, char buf[OUT_IP_MAX]);
/* A link-layer address; tunnels have IP addresses there. */
const char *out_lladdr(unsigned type, const uint8_t *addr, unsigned len, char buf[OUT_LLADDR_MAX]);

#define OUT_TIME_MAX 48
/* "0.3 s", "12 s", "3 min", "5 h 10 min", "4 days" */
const char *out_duration(uint64_t ns, char buf[OUT_TIME_MAX]);
/* "3.1 MiB" */
const char *out_bytes(uint64_t bytes, char buf[OUT_TIME_MAX]);

/* CLOCK_BOOTTIME now, as all times of the State are. */
uint64_t out_boottime_ns(void);
/* Local time of day "12:34:56.789", or with the date "2024-05-06T12:34:56.789+02:00", of such a time. */
const char *out_clock(uint64_t boottime_ns, bool with_date, char buf[OUT_TIME_MAX]);

#endif
