/* SPDX-License-Identifier: MIT */
/*
 * rtnl_attr.h - netlink attributes, read with every length checked.
 *
 * Owns:      the walk over a run of attributes, and typed reads that remember a wrong length.
 * Assumes:   the bytes given are all there; alignment of the buffer does not matter.
 * Promises:  never reads outside of the bytes given. A wrong length sets `bad`, which stays set: decode
 *            everything, then look once.
 * Leaves:    which attributes there are to the decoders. The last of two with one type counts.
 */
#ifndef NV_LINUX_RTNL_ATTR_H
#define NV_LINUX_RTNL_ATTR_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nv/event.h"

#define RTNL_TYPE_MAX 72 /* attributes of a higher type are passed over */

#define RTNL_TYPE_MASK 0x3fffu /* without NLA_F_NESTED and NLA_F_NET_BYTEORDER */

/* Attributes, hops of a multipath route and messages all begin at multiples of 4. */
static inline size_t rtnl_align(size_t len)
{
    return (len + 3u) & ~(size_t)3u;
}

struct rtnl_attr {
    const uint8_t *data; /* NULL: not there */
    uint32_t len;
};

struct rtnl_attrs {
    struct rtnl_attr at[RTNL_TYPE_MAX + 1];
    bool bad;
};

/* Steps to the next attribute of [*p, *p + *left): false at the end, *bad if the rest is no attribute. */
static inline bool rtnl_next(const uint8_t **p, size_t *left, uint16_t *ret_type,
                             struct rtnl_attr *ret_attr, bool *bad)
{
    struct nlattr head;
    if (!*left)
        return false;
    if (*left < sizeof head) {
        *bad = true;
        return false;
    }
    memcpy(&head, *p, sizeof head);
    if (head.nla_len < sizeof head || head.nla_len > *left) {
        *bad = true;
        return false;
    }
    *ret_type = head.nla_type & RTNL_TYPE_MASK;
    *ret_attr = (struct rtnl_attr){*p + sizeof head, (uint32_t)(head.nla_len - sizeof head)};
    size_t step = rtnl_align(head.nla_len);
    if (step > *left)
        step = *left;
    *p += step;
    *left -= step;
    return true;
}

static inline void rtnl_parse(struct rtnl_attrs *a, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint16_t type;
    struct rtnl_attr one;
    memset(a, 0, sizeof *a);
    while (rtnl_next(&p, &len, &type, &one, &a->bad))
        if (type <= RTNL_TYPE_MAX)
            a->at[type] = one;
}

static inline bool rtnl_has(const struct rtnl_attrs *a, unsigned type)
{
    return a->at[type].data;
}

/* Parses what is nested in attribute type; an absent one gives none. */
static inline void rtnl_parse_nested(struct rtnl_attrs *a, unsigned type, struct rtnl_attrs *ret)
{
    rtnl_parse(ret, a->at[type].data, a->at[type].len);
    if (ret->bad)
        a->bad = true;
}

/* Copies len bytes that must be exactly so many; false: not there, or wrong (then bad is set). */
static inline bool rtnl_bytes(struct rtnl_attrs *a, unsigned type, void *ret, size_t len)
{
    const struct rtnl_attr *one = &a->at[type];
    if (!one->data)
        return false;
    if (one->len != len) {
        a->bad = true;
        return false;
    }
    memcpy(ret, one->data, len);
    return true;
}

static inline bool rtnl_u8(struct rtnl_attrs *a, unsigned type, uint8_t *ret)
{
    return rtnl_bytes(a, type, ret, sizeof *ret);
}

static inline bool rtnl_u16(struct rtnl_attrs *a, unsigned type, uint16_t *ret)
{
    return rtnl_bytes(a, type, ret, sizeof *ret);
}

static inline bool rtnl_u32(struct rtnl_attrs *a, unsigned type, uint32_t *ret)
{
    return rtnl_bytes(a, type, ret, sizeof *ret);
}

/* A struct that later kernels may lengthen: its beginning is read. */
static inline bool rtnl_struct(struct rtnl_attrs *a, unsigned type, void *ret, size_t len)
{
    const struct rtnl_attr *one = &a->at[type];
    if (!one->data)
        return false;
    if (one->len < len) {
        a->bad = true;
        return false;
    }
    memcpy(ret, one->data, len);
    return true;
}

/* A string of at most 15 bytes into a zero-padded field of 16. */
static inline bool rtnl_name(struct rtnl_attrs *a, unsigned type, char ret[16])
{
    const struct rtnl_attr *one = &a->at[type];
    if (!one->data)
        return false;
    size_t len = strnlen((const char *)one->data, one->len);
    if (len > 15) {
        a->bad = true;
        return false;
    }
    memset(ret, 0, 16);
    memcpy(ret, one->data, len);
    return true;
}

/* Raw bytes, cut at NV_TEXT_MAX. */
static inline bool rtnl_blob(struct rtnl_attrs *a, unsigned type, struct nv_text *ret,
                             uint64_t *clipped)
{
    const struct rtnl_attr *one = &a->at[type];
    if (!one->data)
        return false;
    ret->bytes = (const char *)one->data;
    ret->len = one->len;
    if (ret->len > NV_TEXT_MAX) {
        ret->len = NV_TEXT_MAX;
        (*clipped)++;
    }
    return true;
}

/* The same up to the first zero. */
static inline bool rtnl_text(struct rtnl_attrs *a, unsigned type, struct nv_text *ret,
                             uint64_t *clipped)
{
    if (!rtnl_blob(a, type, ret, clipped))
        return false;
    ret->len = (uint32_t)strnlen(ret->bytes, ret->len);
    return true;
}

#endif
