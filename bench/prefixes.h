/* SPDX-License-Identifier: MIT */
/*
 * prefixes.h - the prefixes of a table as a router of the Internet has it, each with one of a few gateways.
 *
 * They come in the order of their addresses, three of five as long as the Internet's longest (/24, /48), many inside
 * shorter ones, over PREFIX_GATEWAYS gateways; the same family gives the same ones each time.
 */
#ifndef NETVANE_BENCH_PREFIXES_H
#define NETVANE_BENCH_PREFIXES_H

#include <stdbool.h>
#include <stdint.h>

#define PREFIX_GATEWAYS 24u

struct prefix {
    uint64_t address; /* the upper half of an IPv6 address; an IPv4 address in its upper half */
    uint8_t len;
    uint8_t gateway; /* below PREFIX_GATEWAYS */
};

struct prefixes {
    int family; /* AF_INET or AF_INET6 */
    uint32_t seed;
    uint64_t address;
    uint32_t longest_here;
};

void prefixes_init(struct prefixes *p, int family);
/* The next one: behind the last, or inside it and longer. False: the address space has ended. */
bool prefixes_next(struct prefixes *p, struct prefix *ret_prefix);
/* The first `count` of them, for the caller to free; exits with a complaint where there are not so many. */
struct prefix *prefixes_list(int family, uint32_t count);
/* As many of `from` as there are to be, spread over all of it: each n-th. */
void prefixes_thin(const struct prefix *from, uint32_t from_count, struct prefix *to,
                   uint32_t to_count);
/* The bytes of an address, network order: 4 or 16. */
void prefix_bytes(int family, uint64_t address, uint8_t ret_bytes[16]);
/* The bytes of an address below one of them, each as likely as another. seed: not 0. */
void prefixes_draw(int family, const struct prefix *list, uint32_t count, uint64_t *seed,
                   uint8_t ret_bytes[16]);

#endif
