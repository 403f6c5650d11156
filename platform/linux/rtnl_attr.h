/* SPDX-License-Identifier: MIT */
/*
 * rtnl_attr.h - what libmnl leaves open when attributes are read: a table of one level, strictly filled.
 *
 * Owns:      the table, and typed reads from it that remember a wrong length.
 * Assumes:   the bytes given are all there, and begin at a multiple of 4.
 * Promises:  never reads outside of the bytes given: each level is bounded by the payload that holds it. A wrong
 *            length sets `bad`, which stays set: decode everything, then look once.
 * Leaves:    walking and validation to libmnl, which attributes there are to the decoders. The last of two with
 *            one type counts.
 *
 * Walks are made of mnl_attr_ok and mnl_attr_next. The loops that libmnl makes of them would lose something:
 * mnl_attr_for_each bounds a message by its length rounded up to 4, up to three bytes behind one that was cut;
 * mnl_attr_parse* ends alike at the last attribute and at bytes that are none; and the macros narrow to int, which
 * -Wconversion does not let pass.
 */
#ifndef NV_LINUX_RTNL_ATTR_H
#define NV_LINUX_RTNL_ATTR_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nv/event.h"

#define RTNL_TYPE_MAX 72 /* attributes of a higher type are passed over */

struct rtnl_attrs {
    const struct nlattr *at[RTNL_TYPE_MAX + 1]; /* NULL: not there */
    bool bad;
};

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

static inline void rtnl_parse_range(struct rtnl_attrs *a, const void *first, const void *end)
{
    const struct nlattr *attr = first;
    memset(a, 0, sizeof *a);
    for (; mnl_attr_ok(attr, rtnl_left(attr, end)); attr = mnl_attr_next(attr)) {
        uint16_t type = mnl_attr_get_type(attr);
        if (type <= RTNL_TYPE_MAX)
            a->at[type] = attr;
    }
    a->bad = rtnl_left(attr, end) > 0;
}

/* Parses what stands in a message behind its fixed header of `size` bytes, which must be there. */
static inline void rtnl_parse(struct rtnl_attrs *a, const struct nlmsghdr *nlh, size_t size)
{
    rtnl_parse_range(a, mnl_nlmsg_get_payload_offset(nlh, size),
                     (const char *)nlh + nlh->nlmsg_len);
}

static inline bool rtnl_has(const struct rtnl_attrs *a, unsigned type)
{
    return a->at[type];
}

/* Parses what is nested in attribute type; an absent one gives none. */
static inline void rtnl_parse_nested(struct rtnl_attrs *a, unsigned type, struct rtnl_attrs *ret)
{
    const struct nlattr *nest = a->at[type];
    if (!nest) {
        memset(ret, 0, sizeof *ret);
        return;
    }
    rtnl_parse_range(ret, mnl_attr_get_payload(nest), rtnl_end(nest));
    if (ret->bad)
        a->bad = true;
}

/* The attribute, if its payload has exactly len bytes (not 0). NULL: not there, or wrong (then bad is set). */
static inline const struct nlattr *rtnl_exact(struct rtnl_attrs *a, unsigned type, size_t len)
{
    const struct nlattr *attr = a->at[type];
    if (!attr || mnl_attr_get_payload_len(attr) == len)
        return attr;
    a->bad = true;
    return NULL;
}

static inline bool rtnl_bytes(struct rtnl_attrs *a, unsigned type, void *ret, size_t len)
{
    const struct nlattr *attr = rtnl_exact(a, type, len);
    if (attr)
        memcpy(ret, mnl_attr_get_payload(attr), len);
    return attr;
}

static inline bool rtnl_u8(struct rtnl_attrs *a, unsigned type, uint8_t *ret)
{
    const struct nlattr *attr = rtnl_exact(a, type, sizeof *ret);
    if (attr)
        *ret = mnl_attr_get_u8(attr);
    return attr;
}

static inline bool rtnl_u16(struct rtnl_attrs *a, unsigned type, uint16_t *ret)
{
    const struct nlattr *attr = rtnl_exact(a, type, sizeof *ret);
    if (attr)
        *ret = mnl_attr_get_u16(attr);
    return attr;
}

static inline bool rtnl_u32(struct rtnl_attrs *a, unsigned type, uint32_t *ret)
{
    const struct nlattr *attr = rtnl_exact(a, type, sizeof *ret);
    if (attr)
        *ret = mnl_attr_get_u32(attr);
    return attr;
}

/* A struct that later kernels may lengthen: its beginning is read. */
static inline bool rtnl_struct(struct rtnl_attrs *a, unsigned type, void *ret, size_t len)
{
    const struct nlattr *attr = a->at[type];
    if (!attr)
        return false;
    if (mnl_attr_get_payload_len(attr) < len) {
        a->bad = true;
        return false;
    }
    memcpy(ret, mnl_attr_get_payload(attr), len);
    return true;
}

/* The string up to its first zero: the kernel ends most with one, but not all, and libmnl asks for all or none. */
static inline struct nv_text rtnl_string(const struct nlattr *attr)
{
    const char *bytes = mnl_attr_get_str(attr);
    return (struct nv_text){bytes, (uint32_t)strnlen(bytes, mnl_attr_get_payload_len(attr))};
}

/* A string of at most 15 bytes into a zero-padded field of 16. */
static inline bool rtnl_name(struct rtnl_attrs *a, unsigned type, char ret[16])
{
    if (!a->at[type])
        return false;
    struct nv_text text = rtnl_string(a->at[type]);
    if (text.len > 15) {
        a->bad = true;
        return false;
    }
    memset(ret, 0, 16);
    memcpy(ret, text.bytes, text.len);
    return true;
}

/* Raw bytes, cut at NV_TEXT_MAX. */
static inline bool rtnl_blob(struct rtnl_attrs *a, unsigned type, struct nv_text *ret,
                             uint64_t *clipped)
{
    const struct nlattr *attr = a->at[type];
    if (!attr)
        return false;
    ret->bytes = mnl_attr_get_payload(attr);
    ret->len = mnl_attr_get_payload_len(attr);
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
