/* SPDX-License-Identifier: MIT */
/*
 * rtnl_reply.c - which error codes fail a dump, and which facts of a reply were asked for.
 */
#include "rtnl_reply.h"

#include <errno.h>
#include <string.h>

void nv_rtnl_fail(struct nv_rtnl_outcome *o, int error)
{
    o->status = NV_DUMP_FAILED;
    if (!o->error)
        o->error = error;
}

bool nv_rtnl_code(const struct nlmsghdr *nlh, int *ret_error)
{
    int32_t code;
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof code)
        return false;
    memcpy(&code, mnl_nlmsg_get_payload(nlh), sizeof code);
    *ret_error = code < 0 && code > -4096 ? -code : 0;
    return true;
}

void nv_rtnl_end_code(struct nv_rtnl_outcome *o, const struct nv_dump_request *req,
                      const struct nlmsghdr *nlh)
{
    int error = 0;
    if (!nv_rtnl_code(nlh, &error) && nlh->nlmsg_type == NLMSG_ERROR)
        error = EBADMSG;
    switch (error) {
    case 0:
    case EOPNOTSUPP: /* a kernel without nexthop objects, or a family that is off: there are none */
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT: break;
    case ENODEV:
    case ENOENT:
        if ((req->ifindex || req->table) && o->status != NV_DUMP_FAILED) {
            o->status = NV_DUMP_NO_SUCH;
            break;
        }
        nv_rtnl_fail(o, error);
        break;
    default: nv_rtnl_fail(o, error); break;
    }
}

bool nv_rtnl_is_wanted(const struct nv_dump_request *req, uint8_t family, const struct nv_event *ev)
{
    if (ev->kind != NV_EV_UPSERT || ev->cls != req->cls)
        return false;
    /* A kernel without IPv6 answers a question for it with what it has of all families. */
    switch (ev->cls) {
    case NV_ADDR: return ev->addr->family == family;
    case NV_ROUTE: return ev->route->family == family;
    case NV_RULE: return ev->rule->family == family;
    case NV_LINK:
    case NV_NEXTHOP:
    case NV_CLASS_COUNT:
    default: return true;
    }
}
