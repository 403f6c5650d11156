/* SPDX-License-Identifier: MIT */
/*
 * fake_prefixes.h - a plain list of prefixes, which says what an index of them has to find.
 */
#ifndef FAKE_PREFIXES_H
#define FAKE_PREFIXES_H

#include "nv/lpm.h"

#define FAKE_PREFIXES_MAX 1500u

struct fake_prefix {
    struct nv_bits dst;
    unsigned len;
    uint32_t value; /* as an index is given it, without a length */
};

struct fake_prefixes {
    unsigned bits; /* of an address */
    uint32_t count;
    struct fake_prefix at[FAKE_PREFIXES_MAX];
};

/* The first len bits of an address, zeros behind them; the last address that begins as b does. */
struct nv_bits fake_bits_cut(struct nv_bits b, unsigned len);
struct nv_bits fake_bits_last(struct nv_bits b, unsigned len, unsigned bits);

struct fake_prefix *fake_prefixes_find(struct fake_prefixes *l, struct nv_bits dst, unsigned len);
const struct fake_prefix *fake_prefixes_longest(const struct fake_prefixes *l, struct nv_bits dst);
/* Puts a prefix, whose bits behind len are zeros, or gives it another value; there is room. */
void fake_prefixes_put(struct fake_prefixes *l, struct nv_bits dst, unsigned len, uint32_t value);
void fake_prefixes_remove(struct fake_prefixes *l, struct nv_bits dst, unsigned len);
/* An nv_shorter_fn; arg: the list. */
uint32_t fake_prefixes_shorter(void *arg, struct nv_bits dst, unsigned len);

#endif
