/* SPDX-License-Identifier: MIT */
/*
 * rtnl_attr.h - what libmnl leaves open when attributes are read: a table of one level, strictly filled.
 *
 * Owns:      the table, and typed reads from it that remember a wrong length.
 * Assumes:   the bytes given are all there, and begin at a multiple of 4.
 * Promises:  never reads outside of the bytes given: each level is bounded by the payload that holds it. A
 *            wrong length sets `bad`, which stays set: decode everything, then look once.
 * Leaves:    steps and bounds to libmnl, which attributes there are to the decoders. The last of two with one
 *            type counts.
 *
 * A walk is made of mnl_attr_ok and mnl_attr_next. The loops that libmnl makes of them would lose something:
 * mnl_attr_for_each bounds a message by its length rounded up to 4, up to three bytes behind one that was cut;
 * mnl_attr_parse* ends alike at the last attribute and at bytes that are none; and the macros narrow to int,
 * which -Wconversion does not let pass.
 */
#ifndef NV_LINUX_RTNL_ATTR_H
#define NV_LINUX_RTNL_ATTR_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nv/event.h"

#define RTNL_TYPES 128 /* attributes of a type from here on are passed over */

/* at[type] is set only where the bit of `seen` is: to clear it all would cost more than the walk. */
struct rtnl_attrs {
    bool bad;
    unsigned strange; /* passed over, of this level */
    uint64_t seen[RTNL_TYPES / 64];
    const struct nlattr *at[RTNL_TYPES];
};

/* NULL: not there. */
static inline const struct nlattr *rtnl_get(const struct rtnl_attrs *a, unsigned type)
{
    return a->seen[type / 64] >> type % 64 & 1 ? a->at[type] : NULL;
}

/* Bytes from attr to the end; negative where only the padding of the last one lies behind it. */
static inline int rtnl_left(const struct nlattr *attr, const void *end)
{
    return (int)((const char *)end - (const char *)attr);
}

/* The first byte behind what is nested in an attribute. */
static inline const void *rtnl_end(const struct nlattr *nest)
{
    return (const char *)mnl_attr_get_payload(nest) + mnl_attr_get_payload_len(nest);
}

/* Fills the table from the attributes between two addresses, */
void rtnl_parse_range(struct rtnl_attrs *a, const void *first, const void *end);
/* from those of a message behind its fixed header of `size` bytes, which must be there, */
void rtnl_parse(struct rtnl_attrs *a, const struct nlmsghdr *nlh, size_t size);
/* or from what is nested in an attribute of another table; an absent one gives none. */
void rtnl_parse_nested(struct rtnl_attrs *a, unsigned type, struct rtnl_attrs *ret);

/* These return false, and leave *ret alone, if the attribute is not there or wrong (then bad is set). */

/* A struct that later kernels may lengthen: its beginning is read. */
bool rtnl_struct(struct rtnl_attrs *a, unsigned type, void *ret, size_t len);
/* A string of at most 15 bytes into a zero-padded field of 16. */
bool rtnl_name(struct rtnl_attrs *a, unsigned type, char ret[16]);
/* Raw bytes, cut at NV_TEXT_MAX. */
bool rtnl_blob(struct rtnl_attrs *a, unsigned type, struct nv_text *ret, uint64_t *clipped);
/* The same up to the first zero. */
bool rtnl_text(struct rtnl_attrs *a, unsigned type, struct nv_text *ret, uint64_t *clipped);

/* Exactly so many bytes. These stand here because most of them are asked for in vain. */
static inline bool rtnl_bytes(struct rtnl_attrs *a, unsigned type, void *ret, size_t len)
{
    const struct nlattr *attr = rtnl_get(a, type);
    if (!attr)
        return false;
    if (mnl_attr_get_payload_len(attr) != len) {
        a->bad = true;
        return false;
    }
    memcpy(ret, mnl_attr_get_payload(attr), len);
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

/* The whole string of an attribute, up to its first zero if there is one. */
struct nv_text rtnl_string(const struct nlattr *attr);

#endif
