/* SPDX-License-Identifier: MIT */
/*
 * fake_content.c - objects as numbers, by the public API; see fake_content.h.
 */
#include "tests/fake/fake_content.h"

#include <stdlib.h>

#include "nv/base.h"
#include "tests/fake/fake_must.h"

static uint64_t fold(uint64_t h, const void *bytes, size_t len)
{
    return nv_mix(h ^ nv_hash(bytes, len));
}

static uint64_t fold_string(uint64_t h, const struct netvane_snap *snap, uint32_t id)
{
    char text[2048];
    int len = id ? netvane_string_get(snap, id, text, sizeof(text)) : 0;
    MUST(len >= 0);
    return fold(h, text, (size_t)len);
}

static uint64_t link_content(const struct netvane_snap *snap, struct netvane_link l)
{
    const uint32_t strings[] = {l.kind, l.slave_kind, l.qdisc, l.alias, l.parent_bus, l.parent_dev};
    char alt[128];
    l.kind = l.slave_kind = l.qdisc = l.alias = l.parent_bus = l.parent_dev = l.id = 0;
    uint64_t h = fold(1, &l, sizeof(l));
    for (size_t i = 0; i < NV_ARRAY_LEN(strings); i++)
        h = fold_string(h, snap, strings[i]);
    for (uint32_t i = 0; i < l.altname_count; i++) {
        MUST(netvane_link_altname(snap, l.ifindex, i, alt, sizeof(alt)) >= 0);
        h = fold(h, alt, strlen(alt));
    }
    return h;
}

static uint64_t route_content(const struct netvane_snap *snap, struct netvane_route r)
{
    struct netvane_metrics metrics;
    struct netvane_hop hop;
    uint64_t h = 3;
    for (uint32_t i = 0; i < r.hop_count; i++) {
        NETVANE_INIT(&hop);
        MUST(netvane_route_hop(snap, &r, i, &hop) == NETVANE_OK);
        h = fold_string(h, snap, hop.encap);
        hop.encap = 0;
        h = fold(h, &hop, sizeof(hop));
    }
    NETVANE_INIT(&metrics);
    MUST(netvane_route_metrics(snap, &r, &metrics) == NETVANE_OK);
    h = fold(h, &metrics, sizeof(metrics));
    r.hops = r.metrics = 0;
    r.valid_until_ns = r.valid_until_ns == UINT64_MAX;
    memset(&r.hop, 0, sizeof(r.hop));
    return fold(h, &r, sizeof(r));
}

static uint64_t nexthop_content(const struct netvane_snap *snap, struct netvane_nexthop n)
{
    struct netvane_member member;
    uint64_t h = fold_string(5, snap, n.encap);
    n.encap = 0;
    for (uint32_t i = 0; i < n.member_count; i++) {
        NETVANE_INIT(&member);
        MUST(netvane_nexthop_member(snap, n.nhid, i, &member) == NETVANE_OK);
        h = fold(h, &member, sizeof(member));
    }
    return fold(h, &n, sizeof(n));
}

uint64_t fake_content(const struct netvane_snap *snap, enum netvane_class cls, const void *object)
{
    struct netvane_link link;
    struct netvane_addr addr;
    struct netvane_route route;
    struct netvane_nexthop nexthop;
    switch (cls) {
    case NETVANE_CLASS_LINK: memcpy(&link, object, sizeof(link)); return link_content(snap, link);
    case NETVANE_CLASS_ADDR:
        memcpy(&addr, object, sizeof(addr));
        addr.valid_until_ns = addr.valid_until_ns == UINT64_MAX;
        addr.preferred_until_ns = addr.preferred_until_ns == UINT64_MAX;
        return fold(2, &addr, sizeof(addr));
    case NETVANE_CLASS_ROUTE:
        memcpy(&route, object, sizeof(route));
        return route_content(snap, route);
    case NETVANE_CLASS_RULE: return fold(4, object, sizeof(struct netvane_rule));
    case NETVANE_CLASS_NEXTHOP:
        memcpy(&nexthop, object, sizeof(nexthop));
        return nexthop_content(snap, nexthop);
    case NETVANE_CLASS_COUNT: break;
    }
    abort();
}

#define EACH(CLASS, object, start, next)                              \
    if (classes & 1u << (CLASS)) {                                    \
        NETVANE_INIT(&(object));                                      \
        MUST((start) == NETVANE_OK);                                  \
        while ((r = next(&it, &(object))) > 0)                        \
            fn(arg, (CLASS), fake_content(snap, (CLASS), &(object))); \
        MUST(!r);                                                     \
    }

void fake_each(const struct netvane_snap *snap, uint32_t classes,
               void (*fn)(void *arg, enum netvane_class cls, uint64_t content), void *arg)
{
    struct netvane_iter it;
    struct netvane_link link;
    struct netvane_addr addr;
    struct netvane_route route;
    struct netvane_rule rule;
    struct netvane_nexthop nexthop;
    int r;
    EACH(NETVANE_CLASS_LINK, link, netvane_link_iter(snap, &it), netvane_link_next)
    EACH(NETVANE_CLASS_ADDR, addr, netvane_addr_iter(snap, 0, 0, &it), netvane_addr_next)
    EACH(NETVANE_CLASS_ROUTE, route, netvane_route_iter(snap, NULL, &it), netvane_route_next)
    EACH(NETVANE_CLASS_RULE, rule, netvane_rule_iter(snap, 0, &it), netvane_rule_next)
    EACH(NETVANE_CLASS_NEXTHOP, nexthop, netvane_nexthop_iter(snap, &it), netvane_nexthop_next)
}
