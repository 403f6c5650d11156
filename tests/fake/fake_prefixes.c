/* SPDX-License-Identifier: MIT */
/*
 * fake_prefixes.c - searches all prefixes, one after the other.
 */
#include "fake_prefixes.h"

struct nv_bits fake_bits_cut(struct nv_bits b, unsigned len)
{
    if (len < 64)
        return (struct nv_bits){len ? b.hi & UINT64_MAX << (64 - len) : 0, 0};
    return (struct nv_bits){b.hi, len > 64 ? b.lo & UINT64_MAX << (128 - len) : 0};
}

struct nv_bits fake_bits_last(struct nv_bits b, unsigned len, unsigned bits)
{
    const struct nv_bits all = fake_bits_cut((struct nv_bits){UINT64_MAX, UINT64_MAX}, bits);
    const struct nv_bits head = fake_bits_cut((struct nv_bits){UINT64_MAX, UINT64_MAX}, len);
    return (struct nv_bits){b.hi | (all.hi & ~head.hi), b.lo | (all.lo & ~head.lo)};
}

static bool equal(struct nv_bits a, struct nv_bits b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

struct fake_prefix *fake_prefixes_find(struct fake_prefixes *l, struct nv_bits dst, unsigned len)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (l->at[i].len == len && equal(l->at[i].dst, dst))
            return &l->at[i];
    return NULL;
}

const struct fake_prefix *fake_prefixes_longest(const struct fake_prefixes *l, struct nv_bits dst)
{
    const struct fake_prefix *best = NULL;
    for (uint32_t i = 0; i < l->count; i++)
        if ((!best || l->at[i].len > best->len) &&
            equal(l->at[i].dst, fake_bits_cut(dst, l->at[i].len)))
            best = &l->at[i];
    return best;
}

void fake_prefixes_put(struct fake_prefixes *l, struct nv_bits dst, unsigned len, uint32_t value)
{
    struct fake_prefix *p = fake_prefixes_find(l, dst, len);
    if (!p)
        p = &l->at[l->count++];
    *p = (struct fake_prefix){.dst = dst, .len = len, .value = value};
}

void fake_prefixes_remove(struct fake_prefixes *l, struct nv_bits dst, unsigned len)
{
    struct fake_prefix *p = fake_prefixes_find(l, dst, len);
    if (p)
        *p = l->at[--l->count];
}

uint32_t fake_prefixes_shorter(void *arg, struct nv_bits dst, unsigned len)
{
    const struct fake_prefix *p = fake_prefixes_find(arg, fake_bits_cut(dst, len), len);
    return p ? p->value : 0;
}
