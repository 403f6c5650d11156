/* SPDX-License-Identifier: MIT */
/*
 * rtnl_attr.c - filling a table of attributes, and reading what has no fixed length from it.
 *
 * Owns, assumes, promises, leaves: see rtnl_attr.h.
 */
#include "rtnl_attr.h"

#include <string.h>

void rtnl_parse_range(struct rtnl_attrs *a, const void *first, const void *end)
{
    const struct nlattr *attr = first;
    memset(a->seen, 0, sizeof a->seen);
    a->strange = 0;
    for (; mnl_attr_ok(attr, rtnl_left(attr, end)); attr = mnl_attr_next(attr)) {
        unsigned type = mnl_attr_get_type(attr);
        if (type >= RTNL_TYPES) {
            a->strange++;
            continue;
        }
        a->seen[type / 64] |= UINT64_C(1) << type % 64;
        a->at[type] = attr;
    }
    a->bad = rtnl_left(attr, end) > 0; /* what is left is no attribute */
}

void rtnl_parse(struct rtnl_attrs *a, const struct nlmsghdr *nlh, size_t size)
{
    rtnl_parse_range(a, mnl_nlmsg_get_payload_offset(nlh, size),
                     (const char *)nlh + nlh->nlmsg_len);
}

void rtnl_parse_nested(struct rtnl_attrs *a, unsigned type, struct rtnl_attrs *ret)
{
    const struct nlattr *nest = rtnl_get(a, type);
    if (!nest) {
        memset(ret->seen, 0, sizeof ret->seen);
        ret->strange = 0;
        ret->bad = false;
        return;
    }
    rtnl_parse_range(ret, mnl_attr_get_payload(nest), rtnl_end(nest));
    if (ret->bad)
        a->bad = true;
}

bool rtnl_struct(struct rtnl_attrs *a, unsigned type, void *ret, size_t len)
{
    const struct nlattr *attr = rtnl_get(a, type);
    if (!attr)
        return false;
    if (mnl_attr_get_payload_len(attr) < len) {
        a->bad = true;
        return false;
    }
    memcpy(ret, mnl_attr_get_payload(attr), len);
    return true;
}

bool rtnl_name(struct rtnl_attrs *a, unsigned type, char ret[16])
{
    const struct nlattr *attr = rtnl_get(a, type);
    if (!attr)
        return false;
    struct nv_text text = rtnl_string(attr);
    if (text.len > 15) {
        a->bad = true;
        return false;
    }
    memset(ret, 0, 16);
    memcpy(ret, text.bytes, text.len);
    return true;
}

bool rtnl_blob(struct rtnl_attrs *a, unsigned type, struct nv_text *ret, uint64_t *clipped)
{
    const struct nlattr *attr = rtnl_get(a, type);
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

bool rtnl_text(struct rtnl_attrs *a, unsigned type, struct nv_text *ret, uint64_t *clipped)
{
    if (!rtnl_blob(a, type, ret, clipped))
        return false;
    ret->len = (uint32_t)strnlen(ret->bytes, ret->len);
    return true;
}

struct nv_text rtnl_string(const struct nlattr *attr)
{
    const char *bytes = mnl_attr_get_str(attr);
    return (struct nv_text){bytes, (uint32_t)strnlen(bytes, mnl_attr_get_payload_len(attr))};
}
