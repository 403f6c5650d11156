/* SPDX-License-Identifier: MIT */
/*
 * prefixes.c - draws prefixes by a linear congruence, so that each run has the same ones.
 */
#include "prefixes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Of 100 prefixes, so many have this length. */
static const struct {
    uint8_t len, share;
} lengths4[] = {{24, 60}, {23, 10}, {22, 12}, {21, 5}, {20, 5}, {19, 3}, {18, 2}, {17, 1}, {16, 2}},
  lengths6[] = {{48, 60}, {47, 3}, {46, 4}, {44, 9}, {40, 9}, {36, 5}, {32, 8}, {29, 1}, {28, 1}};

static uint32_t draw(struct prefixes *p, uint32_t below)
{
    p->seed = p->seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)p->seed * below >> 32);
}

void prefixes_init(struct prefixes *p, int family)
{
    *p = (struct prefixes){.family = family,
                           .seed = 20261,
                           .address =
                               family == AF_INET ? UINT64_C(1) << 56 : UINT64_C(0x2001) << 48};
}

static uint32_t draw_length(struct prefixes *p)
{
    uint32_t n = draw(p, 100), i = 0;
    if (p->family == AF_INET) {
        while (n >= lengths4[i].share)
            n -= lengths4[i++].share;
        return lengths4[i].len;
    }
    while (n >= lengths6[i].share)
        n -= lengths6[i++].share;
    return lengths6[i].len;
}

bool prefixes_next(struct prefixes *p, struct prefix *ret_prefix)
{
    const uint64_t end = p->family == AF_INET ? UINT64_C(224) << 56 : UINT64_C(0x4000) << 48;
    uint32_t len = draw_length(p);
    uint64_t size = UINT64_C(1) << (64 - len);
    uint64_t aligned = (p->address + size - 1) & ~(size - 1);
    if (aligned != p->address)
        p->longest_here = 0;
    if (len <= p->longest_here) { /* that one is there already, or would come before it */
        aligned += size;
        p->longest_here = 0;
    }
    if (p->family == AF_INET && (aligned >> 56 == 10 || aligned >> 56 == 127)) {
        aligned = ((aligned >> 56) + 1) << 56; /* a multiple of every size */
        p->longest_here = 0;
    }
    if (aligned >= end)
        return false;
    p->longest_here = len;
    if (draw(p, 2)) { /* go on behind it, else inside it */
        p->address = aligned + size;
        p->longest_here = 0;
    } else {
        p->address = aligned;
    }
    *ret_prefix = (struct prefix){
        .address = aligned, .len = (uint8_t)len, .gateway = (uint8_t)draw(p, PREFIX_GATEWAYS)};
    return true;
}

struct prefix *prefixes_list(int family, uint32_t count)
{
    struct prefixes generator;
    struct prefix *list = calloc(count, sizeof(*list));
    prefixes_init(&generator, family);
    for (uint32_t i = 0; i < count; i++) {
        if (list && prefixes_next(&generator, &list[i]))
            continue;
        (void)fprintf(stderr, "bench: there are no %u prefixes, or no memory for them\n",
                      (unsigned)count);
        exit(1);
    }
    return list;
}

void prefixes_thin(const struct prefix *from, uint32_t from_count, struct prefix *to,
                   uint32_t to_count)
{
    for (uint32_t i = 0; i < to_count; i++)
        to[i] = from[(uint64_t)i * from_count / to_count];
}

void prefix_bytes(int family, uint64_t address, uint8_t ret_bytes[16])
{
    memset(ret_bytes, 0, 16);
    for (unsigned i = 0; i < (family == AF_INET ? 4u : 8u); i++)
        ret_bytes[i] = (uint8_t)(address >> (56 - 8 * i));
}

/* xorshift64 (G. Marsaglia, 2003), the better half. */
static uint32_t random_word(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (uint32_t)(*seed >> 32);
}

void prefixes_draw(int family, const struct prefix *list, uint32_t count, uint64_t *seed,
                   uint8_t ret_bytes[16])
{
    const struct prefix *p = &list[(uint64_t)random_word(seed) * count >> 32];
    const uint64_t host = (uint64_t)random_word(seed) << 32 | random_word(seed);
    prefix_bytes(family, p->address | (p->len < 64 ? host & UINT64_MAX >> p->len : 0), ret_bytes);
    for (unsigned b = 8; family != AF_INET && b < 16; b++)
        ret_bytes[b] = (uint8_t)random_word(seed);
}
