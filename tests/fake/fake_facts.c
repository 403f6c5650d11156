/* SPDX-License-Identifier: MIT */
/*
 * fake_facts.c - facts at random, out of a small world: few links, prefixes and texts, so that the same objects come,
 * change and go over and over.
 */
#include <stdio.h>

#include "tests/fake/fake_writer.h"

#define LINKS 7u

static struct nv_mirror *m;
static uint64_t *rnd;

static uint32_t any(uint32_t below)
{
    return fake_random(rnd, below);
}

static struct nv_text some_text(void)
{
    static const char *const texts[] = {"",
                                        "vlan",
                                        "fq_codel",
                                        "noqueue",
                                        "a text that is longer than what one record holds, by far",
                                        "uplink",
                                        "pci",
                                        "bridge"};
    return fact_text(texts[any(NV_ARRAY_LEN(texts))]);
}

static void random_link(void)
{
    static const char *const names[] = {"eth0", "eth1", "lan", "wan", "tun0", "br0"};
    uint32_t ifindex = 2 + any(LINKS);
    if (!any(4)) {
        (void)nv_mirror_link_remove(m, ifindex);
        return;
    }
    struct nv_text alt[4] = {fact_text("alt-a"), fact_text("alt-b"), fact_text("alt-c"),
                             fact_text("alt-d")};
    struct nv_link f = fact_link(ifindex, names[any(NV_ARRAY_LEN(names))], any(2));
    if (any(2))
        f.has = any(1u << 22); /* partial, maybe with a name */
    else
        f.has |= any(1u << 22);
    f.mtu = 1500 + any(2);
    f.master = any(3);
    f.qdisc = some_text();
    f.alias = some_text();
    f.kind = some_text();
    f.slave_kind = some_text();
    f.parent_bus = some_text();
    f.parent_dev = some_text();
    f.altnames = alt + any(2);
    f.altname_count = any(4);
    (void)nv_mirror_link_put(m, &f);
}

static void random_addr(bool dump)
{
    char text[64];
    snprintf(text, sizeof(text), any(2) ? "10.0.%u.%u" : "2001:db8::%u:%u", any(3), any(9));
    struct nv_addr f = fact_addr(2 + any(LINKS), text, any(2) ? 24 : 32);
    f.flags = any(2);
    f.has_peer = !any(4);
    f.has_label = any(2);
    f.label[0] = 'l';
    if (any(2))
        f.valid_s = f.preferred_s = 100 + any(1000);
    if (!dump && !any(3))
        (void)nv_mirror_addr_remove(m, &f);
    else
        (void)nv_mirror_addr_put(m, &f, dump, any(100) * NV_NS_PER_S);
}

static void random_route(bool dump)
{
    static const uint8_t lens[] = {0, 1, 8, 24, 32};
    struct nv_hop hops[4];
    char text[64];
    bool v4 = any(2);
    uint32_t n = any(5);
    for (uint32_t i = 0; i < n; i++) {
        snprintf(text, sizeof(text), v4 ? "10.0.0.%u" : "fe80::%u", any(3) + 1);
        hops[i] = fact_hop(2 + any(LINKS), any(2) ? text : NULL);
        hops[i].encap_type = (uint16_t)any(2);
        if (hops[i].encap_type)
            hops[i].encap = some_text();
        hops[i].flags = any(4) ? 0 : 16;
    }
    snprintf(text, sizeof(text), v4 ? "%u.0.0.0" : "%x00::", any(3) * 64);
    struct nv_route f =
        fact_route(any(2) ? 254 : 100, text, lens[any(NV_ARRAY_LEN(lens))], any(2) * 100, hops, n);
    f.nhid = any(8) ? 0 : 1 + any(3);
    f.protocol = any(4) ? 4 : 9;
    f.has_expires = !v4 && !any(3);
    f.expires_s = any(100);
    f.metric_mask = any(3) ? 0 : 1u << 2 | any(2) << 16;
    f.metrics[2] = 1400 + any(2);
    static const uint32_t lists[] = {NV_LIST_CREATE, NV_LIST_CREATE | NV_LIST_APPEND,
                                     NV_LIST_CREATE | NV_LIST_EXCL, NV_LIST_REPLACE, 0};
    if (!dump && !any(3))
        (void)nv_mirror_route_remove(m, &f);
    else
        (void)nv_mirror_route_put(m, &f, dump ? 0 : lists[any(NV_ARRAY_LEN(lists))], dump,
                                  any(100) * NV_NS_PER_S);
}

static void random_rule(bool dump)
{
    struct nv_rule f = fact_rule(any(2) ? NV_AF_4 : NV_AF_6, 100 + any(3), 10 + any(4));
    f.present = any(2) ? NETVANE_UF_IIF_DETACHED : 0;
    if (!dump && !any(3))
        (void)nv_mirror_rule_remove(m, &f);
    else
        (void)nv_mirror_rule_put(m, &f, dump);
}

static void random_nexthop(void)
{
    struct nv_member members[4] = {{1, 1}, {2, 1 + any(2)}, {3, 1}, {4, 1}};
    struct nv_nexthop f = fact_nexthop(1 + any(6), 2 + any(LINKS), any(2) ? "10.0.0.1" : NULL);
    if (any(2)) {
        f.present = NETVANE_NF_GROUP;
        f.members = members;
        f.member_count = any(5);
    }
    f.encap = some_text();
    if (any(3))
        (void)nv_mirror_nexthop_put(m, &f);
    else
        (void)nv_mirror_nexthop_remove(m, f.id);
}

static void random_fact(bool dump)
{
    switch (any(8)) {
    case 0: random_link(); break;
    case 1:
    case 2: random_addr(dump); break;
    case 3: random_rule(dump); break;
    case 4: random_nexthop(); break;
    default: random_route(dump); break;
    }
}

static bool some_touched(void *arg, uint64_t key)
{
    (void)arg;
    return key % 16 == 0;
}

/* A dump of some kind that shows some objects and some others, and its sweep. */
static void random_dump(void)
{
    struct nv_sweep sweep = {.scope = {.kind = (enum nv_kind)any(NV_K_COUNT)},
                             .twice = any(2),
                             .touched = any(2) ? some_touched : NULL};
    struct nv_scope *s = &sweep.scope;
    if (s->kind == NV_K_ROUTE4 || s->kind == NV_K_ROUTE6) {
        s->family = s->kind == NV_K_ROUTE4 ? NV_AF_4 : NV_AF_6;
        s->table = any(2) ? 254 : 0;
        s->ifindex = any(2) ? 2 + any(LINKS) : 0;
    } else if (s->kind == NV_K_ADDR || s->kind == NV_K_RULE) {
        s->family = any(2) ? NV_AF_4 : NV_AF_6;
    }
    nv_mirror_mark_begin(m, s->kind, s->ifindex);
    for (unsigned i = any(30); i; i--) {
        switch (s->kind) {
        case NV_K_LINK: random_link(); break;
        case NV_K_ADDR: random_addr(true); break;
        case NV_K_ROUTE4:
        case NV_K_ROUTE6: random_route(true); break;
        case NV_K_RULE: random_rule(true); break;
        case NV_K_NEXTHOP:
        case NV_K_COUNT: random_nexthop(); break;
        }
    }
    if (any(2))
        (void)nv_mirror_sweep(m, &sweep);
}

void fake_random_fact(struct nv_mirror *mirror, uint64_t *random)
{
    m = mirror;
    rnd = random;
    random_fact(false);
}

void fake_random_dump(struct nv_mirror *mirror, uint64_t *random)
{
    m = mirror;
    rnd = random;
    random_dump();
}
