/* SPDX-License-Identifier: MIT */
/*
 * kernel.h - numbers of Linux's headers that a State holds, by value: readers and the writer include no OS header.
 *
 * linux/rtnetlink.h, linux/if.h, net/net_namespace.h.
 */
#ifndef NV_KERNEL_H
#define NV_KERNEL_H

#include <stdbool.h>

enum {
    NV_RTN_UNICAST = 1,
    NV_RTN_LOCAL = 2,
    NV_RTN_BROADCAST = 3,
    NV_RTN_ANYCAST = 4,
    NV_RTN_MULTICAST = 5,
    NV_RTN_BLACKHOLE = 6,
    NV_RTN_UNREACHABLE = 7,
    NV_RTN_PROHIBIT = 8,
    NV_RTN_THROW = 9,
    NV_RTN_XRESOLVE = 11
};

enum { NV_RTNH_F_DEAD = 1, NV_RTNH_F_ONLINK = 4, NV_RTNH_F_LINKDOWN = 16 };
enum { NV_RTNH_F_DOWN = NV_RTNH_F_DEAD | NV_RTNH_F_LINKDOWN };
enum { NV_SCOPE_LINK = 253, NV_SCOPE_HOST = 254 };
enum { NV_TABLE_DEFAULT = 253, NV_TABLE_MAIN = 254, NV_TABLE_LOCAL = 255 };
enum { NV_IFF_UP = 1, NV_IFF_LOOPBACK = 8, NV_IFF_RUNNING = 0x40, NV_IFF_LOWER_UP = 1 << 16 };
enum { NV_LOOPBACK_IFINDEX = 1 };

/* Does a route of this type answer with an error, or not at all? */
static inline bool nv_rtn_rejects(unsigned type)
{
    return type == NV_RTN_BLACKHOLE || type == NV_RTN_UNREACHABLE || type == NV_RTN_PROHIBIT;
}

#endif
