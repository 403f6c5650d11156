/* SPDX-License-Identifier: MIT */
/*
 * lookup_peers.h - what bench_lookup asks of whoever can look a destination up.
 *
 * A peer holds one table at a time. Its loops are its own, so that none pays for a call through a pointer that its users
 * would not pay: LOOKUP_LOOPS makes them, and the compiler puts the peer's lookup into them.
 */
#ifndef NETVANE_BENCH_LOOKUP_PEERS_H
#define NETVANE_BENCH_LOOKUP_PEERS_H

#include <stdint.h>

#include "prefixes.h"

#define LOOKUP_BULK 32u

struct lookup_table {
    int family; /* AF_INET or AF_INET6 */
    const struct prefix *prefixes;
    uint32_t count;
};

/* Destinations in both forms, so that each peer has what it takes without converting. */
struct lookup_dsts {
    const uint8_t *bytes;  /* 4 or 16 each, network order */
    const uint32_t *words; /* IPv4 only: native integers */
    uint32_t count; /* a power of two, at least LOOKUP_BULK; loops begin anew behind the last */
};

struct lookup_peer {
    const char *name;
    int family;
    uint32_t most;       /* prefixes that it takes within seconds; 0: any number */
    uint32_t slower;     /* does so many times fewer lookups in a measure */
    void (*start)(void); /* what is needed once, and is no part of building a table; may be NULL */
    /* NULL, or why there is no table. */
    const char *(*build)(const struct lookup_table *t);
    void (*destroy)(void);
    /* What each destination is sent to: its prefix's gateway + 1, 0: nowhere. */
    void (*answers)(const struct lookup_dsts *d, uint32_t n, uint32_t *ret_answers);
    /* n lookups, n a multiple of LOOKUP_BULK; the result is for bench_keep. */
    uint64_t (*single)(const struct lookup_dsts *d, uint32_t n);
    uint64_t (*bulk)(const struct lookup_dsts *d, uint32_t n); /* NULL: it has no such call */
    uint64_t (*chain)(const struct lookup_dsts *d, uint32_t n);
    uint64_t (*size_bytes)(void); /* NULL: not known */
};

/* lookup_dpdk.c, lookup_kernel.c, and lookup_netvane.c: lists that end with a peer without a name. */
extern const struct lookup_peer lookup_dpdk[];
extern const struct lookup_peer lookup_kernel[];
extern const struct lookup_peer lookup_netvane[];

/* The answer about destination number i. */
typedef uint32_t lookup_fn(const struct lookup_dsts *d, uint32_t i);

#define LOOKUP_INLINE static inline __attribute__((always_inline))

LOOKUP_INLINE uint64_t lookup_each(lookup_fn *lookup, const struct lookup_dsts *d, uint32_t n)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += lookup(d, i & (d->count - 1));
    return sum;
}

/* Each destination depends on the answer before it. */
LOOKUP_INLINE uint64_t lookup_chain(lookup_fn *lookup, const struct lookup_dsts *d, uint32_t n)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++)
        at = (at + 1 + (lookup(d, at) & 1)) & (d->count - 1);
    return at;
}

LOOKUP_INLINE void lookup_all(lookup_fn *lookup, const struct lookup_dsts *d, uint32_t n,
                              uint32_t *ret_answers)
{
    for (uint32_t i = 0; i < n; i++)
        ret_answers[i] = lookup(d, i);
}

/* Of the lookup name_lookup: name_answers, name_single and name_chain, for the peer's entry. */
#define LOOKUP_LOOPS(name)                                                                     \
    static void name##_answers(const struct lookup_dsts *d, uint32_t n, uint32_t *ret_answers) \
    {                                                                                          \
        lookup_all(name##_lookup, d, n, ret_answers);                                          \
    }                                                                                          \
    LOOKUP_SPEED_LOOPS(name)
/* Only the last two. */
#define LOOKUP_SPEED_LOOPS(name)                                           \
    static uint64_t name##_single(const struct lookup_dsts *d, uint32_t n) \
    {                                                                      \
        return lookup_each(name##_lookup, d, n);                           \
    }                                                                      \
    static uint64_t name##_chain(const struct lookup_dsts *d, uint32_t n)  \
    {                                                                      \
        return lookup_chain(name##_lookup, d, n);                          \
    }

#endif
