/* SPDX-License-Identifier: MIT */
/*
 * memory.c - times forward_batch on packets to random destinations of table main's IPv4 routes.
 *
 * Included: writing 34 bytes of headers from a template, parsing, the check for a new version, three bulk lookups, the
 * adjacency, TTL, checksum and MAC addresses. Not included: a packet's way from a link into memory and back.
 */
#include "memory.h"

#include <netvane/netvane.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "forward.h"

#define FRAMES      65536u
#define FRAME_BYTES 64u
#define HEADERS     (PACKET_ETHERNET + 20u)
#define NS_PER_S    UINT64_C(1000000000)

struct bench {
    struct counters counters;
    uint64_t sent;
    uint32_t seed;
    uint32_t routes; /* of table main */
    uint8_t templates[FRAMES][FRAME_BYTES], frames[FRAMES][FRAME_BYTES];
};

static uint64_t now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint32_t draw(struct bench *b)
{
    b->seed = b->seed * 1664525u + 1013904223u;
    return b->seed ^ b->seed >> 16;
}

static void to_nowhere(void *arg, uint32_t port, const uint8_t *frame, uint32_t len)
{
    struct bench *b = arg;
    (void)port;
    (void)frame;
    (void)len;
    b->sent++;
}

/* A UDP packet from 198.18.0.0/15, which is kept for benchmarks (RFC 2544). */
static void make_frame(struct bench *b, uint8_t *frame, const uint8_t *mac, const uint8_t *prefix,
                       unsigned prefix_len)
{
    const uint32_t host =
        prefix_len ? (uint32_t)((UINT64_C(1) << (32 - prefix_len)) - 1) : UINT32_MAX;
    const uint32_t bits = draw(b) & host, from = draw(b);
    uint8_t *ip = frame + PACKET_ETHERNET;
    memset(frame, 0, FRAME_BYTES);
    memcpy(frame, mac, 6);
    frame[12] = 0x08;
    ip[0] = 0x45;
    ip[3] = FRAME_BYTES - PACKET_ETHERNET;
    ip[8] = 64;
    ip[9] = 17;
    ip[12] = 198;
    ip[13] = (uint8_t)(18 | (from >> 16 & 1));
    ip[14] = (uint8_t)(from >> 8);
    ip[15] = (uint8_t)from;
    for (int i = 0; i < 4; i++)
        ip[16 + i] = (uint8_t)(prefix[i] | (uint8_t)(bits >> (24 - 8 * i)));
    const uint16_t sum = packet_sum_end(packet_sum(ip, 20, 0));
    ip[10] = (uint8_t)(sum >> 8);
    ip[11] = (uint8_t)sum;
}

/* Frames to FRAMES routes drawn from all (reservoir sampling), then in random order; fewer routes are drawn again and again. */
static int make_frames(struct bench *b, const struct netvane_snap *snap, const uint8_t *mac)
{
    struct netvane_route_filter filter;
    struct netvane_route route;
    struct netvane_iter it;
    uint32_t made = 0;
    NETVANE_INIT(&filter);
    NETVANE_INIT(&route);
    filter.family = 4;
    filter.table = 254;
    int r = netvane_route_iter(snap, &filter, &it);
    if (r < 0)
        return r;
    while ((r = netvane_route_next(&it, &route)) > 0) {
        const uint32_t at =
            made < FRAMES ? made : (uint32_t)((uint64_t)draw(b) * (b->routes + 1) >> 32);
        if (at < FRAMES)
            make_frame(b, b->templates[at], mac, route.dst, route.dst_len);
        made += made < FRAMES;
        b->routes++;
    }
    for (uint32_t i = made; made && i < FRAMES; i++)
        memcpy(b->templates[i], b->templates[draw(b) % made], FRAME_BYTES);
    for (uint32_t i = FRAMES - 1; i > 0; i--) {
        const uint32_t j = draw(b) % (i + 1);
        uint8_t swap[FRAME_BYTES];
        memcpy(swap, b->templates[i], FRAME_BYTES);
        memcpy(b->templates[i], b->templates[j], FRAME_BYTES);
        memcpy(b->templates[j], swap, FRAME_BYTES);
    }
    memcpy(b->frames, b->templates, sizeof(b->frames));
    return r;
}

static int run(struct bench *b, struct forward *fw, double seconds, uint64_t *ret_packets,
               uint64_t *ret_ns)
{
    struct packet packets[FORWARD_BATCH];
    const uint64_t begin = now(), until = begin + (uint64_t)(seconds * (double)NS_PER_S);
    uint64_t t = begin, n = 0;
    for (uint32_t at = 0; t < until; at = (at + FORWARD_BATCH) % FRAMES) {
        for (unsigned i = 0; i < FORWARD_BATCH; i++) {
            memcpy(b->frames[at + i], b->templates[at + i], HEADERS);
            packets[i] = (struct packet){.frame = b->frames[at + i], .len = FRAME_BYTES};
        }
        const int r = forward_batch(fw, packets, FORWARD_BATCH, t);
        if (r)
            return r;
        n += FORWARD_BATCH;
        if (n % (16 * FORWARD_BATCH) == 0)
            t = now();
    }
    *ret_packets = n;
    *ret_ns = t - begin;
    return 0;
}

static void print(const struct bench *b, uint64_t packets, uint64_t ns, bool json)
{
    const double each = (double)ns / (double)packets;
    const double forwarded = 100 * (double)b->sent / (double)packets;
    (void)printf(
        json ? "{\"routes\":%u,\"packets\":%llu,\"packet_ns\":%.2f,\"packets_per_s\":%.0f,"
               "\"forwarded_percent\":%.2f}\n"
             : "routes %u  packets %llu  ns/packet %.2f  packets/s %.0f  forwarded %.2f %%\n",
        b->routes, (unsigned long long)packets, each, 1e9 / each, forwarded);
}

int memory_bench(struct netvane *nv, struct options *options)
{
    struct bench *b = calloc(1, sizeof(*b));
    if (!b)
        return NETVANE_NO_MEMORY;
    const struct forward_out out = {b, to_nowhere, to_nowhere};
    struct neigh *neigh = neigh_open(&b->counters);
    struct fallback *fallback = fallback_new(&options->limits, &b->counters);
    struct forward *fw = neigh && fallback
                             ? forward_new(nv, neigh, fallback, (const char *const *)options->taps,
                                           options->port_count, &out, &b->counters)
                             : NULL;
    uint64_t packets = 0, ns = 0;
    struct netvane_snap snap;
    struct netvane_link link;
    NETVANE_INIT(&link);
    int r = fw ? netvane_snap_begin(nv, &snap) : NETVANE_NO_MEMORY;
    if (!r)
        r = netvane_link_get_by_name(&snap, options->taps[0], &link);
    if (!r)
        r = make_frames(b, &snap, link.address);
    if (!r && !b->routes) {
        (void)fputs("dataplane: table main has no IPv4 route\n", stderr);
        r = 1;
    }
    if (!r)
        r = run(b, fw, options->bench_s / 10, &packets, &ns); /* caches warm, adjacencies filled */
    b->sent = 0;
    if (!r)
        r = run(b, fw, options->bench_s, &packets, &ns);
    if (!r)
        print(b, packets, ns, options->json);
    forward_free(fw);
    fallback_free(fallback);
    neigh_close(neigh);
    free(b);
    return r;
}
