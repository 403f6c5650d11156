/* SPDX-License-Identifier: MIT */
/*
 * test_rtnl_decode.c - recorded and hand-made rtnetlink messages through platform/linux/rtnl_decode.c.
 *
 * Owns:      the expectations for tests/data/rtnl (recorded by tests/data/record.py; see README there).
 * Assumes:   a little-endian machine, as the recordings are; others skip what is recorded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/lwtunnel.h>
#include <linux/netconf.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "netvane/region.h"
#include "nv/base.h"
#include "platform/linux/rtnl_decode.h"
#include "platform/linux/rtnl_source.h"
#include "tests/fake/fake_writer.h"

#define FIXTURE_MAX 65536

struct fixture {
    _Alignas(8) uint8_t bytes[FIXTURE_MAX];
    size_t len;
    size_t at;
};

static struct fixture fx;
static struct nv_rtnl_decoder decoder;

static void load(const char *name)
{
    const uint16_t one = 1;
    if (!*(const uint8_t *)&one)
        skip();
    char path[512];
    (void)snprintf(path, sizeof path, "%s/rtnl/%s.bin", NETVANE_TEST_DATA, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fx.len = fread(fx.bytes, 1, sizeof fx.bytes, f);
    fx.at = 0;
    assert_true(fx.len > 0 && fx.len < sizeof fx.bytes);
    (void)fclose(f);
}

/* The next message of the fixture but for NLMSG_DONE, or NULL. */
static const struct nlmsghdr *next_message(void)
{
    while (fx.at + sizeof(struct nlmsghdr) <= fx.len) {
        const struct nlmsghdr *nlh = (const void *)(fx.bytes + fx.at);
        assert_in_range(nlh->nlmsg_len, sizeof *nlh, fx.len - fx.at);
        fx.at += (nlh->nlmsg_len + 3u) & ~3u;
        if (nlh->nlmsg_type != NLMSG_DONE)
            return nlh;
    }
    return NULL;
}

/* The next fact of the fixture; everything in it must be understood. */
static bool next_fact(struct nv_event *ev)
{
    const struct nlmsghdr *nlh;
    while ((nlh = next_message())) {
        enum nv_rtnl_verdict v = nv_rtnl_decode(&decoder, nlh, ev);
        assert_true(v == NV_RTNL_FACT || v == NV_RTNL_IGNORED);
        assert_int_equal(ev->dump, 0);
        if (v == NV_RTNL_FACT)
            return true;
    }
    return false;
}

static void parse_ip(const char *text, uint8_t ret[16])
{
    memset(ret, 0, 16);
    assert_int_equal(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, ret), 1);
}

static void assert_ip(const uint8_t *got, const char *text)
{
    uint8_t want[16];
    parse_ip(text, want);
    assert_memory_equal(got, want, strchr(text, ':') ? 16 : 4);
}

static void assert_text(const struct nv_text *t, const char *text)
{
    assert_int_equal(t->len, strlen(text));
    assert_memory_equal(t->bytes, text, t->len);
}

static const struct nv_link *link_named(const char *fixture, const char *name)
{
    struct nv_event ev;
    load(fixture);
    while (next_fact(&ev))
        if (ev.kind == NV_EV_UPSERT && ev.cls == NV_LINK && !strcmp(ev.link->name, name))
            return ev.link;
    fail_msg("no link %s in %s", name, fixture);
    return NULL;
}

static const struct nv_route *route_to(const char *fixture, const char *dst, unsigned len)
{
    struct nv_event ev;
    uint8_t want[16];
    parse_ip(dst, want);
    load(fixture);
    while (next_fact(&ev))
        if (ev.cls == NV_ROUTE && ev.route->dst_len == len && !memcmp(ev.route->dst, want, 16) &&
            ev.route->type != RTN_LOCAL)
            return ev.route;
    fail_msg("no route to %s/%u in %s", dst, len, fixture);
    return NULL;
}

static const struct nv_rule *rule_of(unsigned family, uint32_t priority)
{
    struct nv_event ev;
    load("rules_dump");
    while (next_fact(&ev))
        if (ev.cls == NV_RULE && ev.rule->family == family && ev.rule->priority == priority)
            return ev.rule;
    fail_msg("no rule %u", priority);
    return NULL;
}

static const struct nv_nexthop *nexthop_of(uint32_t id)
{
    struct nv_event ev;
    load("nexthops_dump");
    while (next_fact(&ev))
        if (ev.cls == NV_NEXTHOP && ev.nexthop->id == id)
            return ev.nexthop;
    fail_msg("no nexthop %u", id);
    return NULL;
}

/* ---- hand-made messages --------------------------------------------------------------------------- */

static struct {
    _Alignas(8) uint8_t bytes[70000];
    struct nlmsghdr *nlh;
} made;

static void make(uint16_t type, const void *body, size_t len)
{
    memset(&made, 0, sizeof made);
    made.nlh = (struct nlmsghdr *)made.bytes;
    made.nlh->nlmsg_type = type;
    memcpy(made.bytes + NLMSG_HDRLEN, body, len);
    made.nlh->nlmsg_len = (uint32_t)(NLMSG_HDRLEN + ((len + 3u) & ~3u));
}

static uint8_t *make_attr(uint16_t type, const void *value, size_t len)
{
    uint8_t *at = made.bytes + made.nlh->nlmsg_len;
    struct nlattr head = {.nla_type = type, .nla_len = (uint16_t)(sizeof head + len)};
    memcpy(at, &head, sizeof head);
    if (len)
        memcpy(at + sizeof head, value, len);
    made.nlh->nlmsg_len += (uint32_t)((head.nla_len + 3u) & ~3u);
    return at;
}

static uint8_t *make_nest(uint16_t type)
{
    return make_attr((uint16_t)(type | NLA_F_NESTED), NULL, 0);
}

static void end_nest(uint8_t *at)
{
    uint16_t len = (uint16_t)(made.bytes + made.nlh->nlmsg_len - at);
    memcpy(at, &len, sizeof len);
}

static void make_u32(uint16_t type, uint32_t v)
{
    (void)make_attr(type, &v, sizeof v);
}

static void make_link(uint8_t family, int ifindex)
{
    struct ifinfomsg ifi = {.ifi_family = family, .ifi_index = ifindex};
    make(RTM_NEWLINK, &ifi, sizeof ifi);
}

static enum nv_rtnl_verdict decode_made(struct nv_event *ev)
{
    return nv_rtnl_decode(&decoder, made.nlh, ev);
}

/* ---- links ---------------------------------------------------------------------------------------- */

static void dumped_link_is_complete(void **state)
{
    (void)state;
    const struct nv_link *l = link_named("links_dump", "d0");
    assert_true(l->has & NV_LINK_COMPLETE);
    assert_int_equal(l->mtu, 1400);
    assert_true(l->has & NV_LINK_HAS_MTU_RANGE);
    assert_int_equal(l->group, 7);
    assert_int_equal(l->txqlen, 77);
    assert_int_equal(l->num_tx_queues, 2);
    assert_int_equal(l->num_rx_queues, 3);
    assert_text(&l->kind, "veth");
    assert_text(&l->alias, "office");
    assert_text(&l->qdisc, "noqueue");
    assert_int_equal(l->addr_len, 6);
    assert_memory_equal(l->addr, "\x02\0\0\0\0\x01", 6);
    assert_memory_equal(l->brd, "\xff\xff\xff\xff\xff\xff", 6);
    assert_true(l->flags & IFF_UP);
    assert_true(l->has & NV_LINK_HAS_ADDRGEN);
    assert_int_equal(l->addrgen, 3);
    assert_false(l->has & NV_LINK_HAS_MASTER);
    assert_false(l->has & NV_LINK_HAS_INFO);
}

static void alternative_names_are_kept(void **state)
{
    (void)state;
    const struct nv_link *l = link_named("links_dump", "d0");
    assert_int_equal(l->altname_count, 2);
    assert_text(&l->altnames[0], "an-alternative-name-longer-than-15");
    assert_text(&l->altnames[1], "second");
}

static void bridge_port_has_master_and_slave_kind(void **state)
{
    (void)state;
    uint32_t bridge = link_named("links_dump", "br0")->ifindex;
    const struct nv_link *l = link_named("links_dump", "e0");
    assert_true(l->has & NV_LINK_HAS_MASTER);
    assert_int_equal(l->master, bridge);
    assert_text(&l->slave_kind, "bridge");
}

static void vxlan_and_macvlan_have_info(void **state)
{
    (void)state;
    const struct nv_link *l = link_named("links_dump", "vx0");
    assert_true(l->has & NV_LINK_HAS_INFO);
    assert_int_equal(l->info[0], 42);
    l = link_named("links_dump", "mv0");
    assert_true(l->has & NV_LINK_HAS_INFO);
    assert_int_equal(l->info[0], MACVLAN_MODE_BRIDGE);
    assert_true(l->has & NV_LINK_HAS_LINK);
}

static void veth_into_another_namespace_has_its_id(void **state)
{
    (void)state;
    const struct nv_link *l = link_named("links_dump", "ve0");
    assert_true(l->has & NV_LINK_HAS_LINK_NETNS);
    assert_int_equal(l->link_netnsid, 0);
    assert_true(l->has & NV_LINK_HAS_LINK);
}

static void vlan_info_is_id_protocol_and_flags(void **state)
{
    (void)state;
    struct nv_event ev;
    uint16_t id = 100;
    uint16_t proto = htons(0x88a8);
    struct ifla_vlan_flags flags = {.flags = 1, .mask = UINT32_MAX};
    make_link(AF_UNSPEC, 5);
    uint8_t *info = make_nest(IFLA_LINKINFO);
    (void)make_attr(IFLA_INFO_KIND, "vlan", 5);
    uint8_t *data = make_nest(IFLA_INFO_DATA);
    (void)make_attr(IFLA_VLAN_PROTOCOL, &proto, sizeof proto);
    (void)make_attr(IFLA_VLAN_ID, &id, sizeof id);
    (void)make_attr(IFLA_VLAN_FLAGS, &flags, sizeof flags);
    end_nest(data);
    end_nest(info);
    assert_int_equal(decode_made(&ev), NV_RTNL_FACT);
    assert_int_equal(ev.link->info[0], 100);
    assert_int_equal(ev.link->info[1], 0x88a8);
    assert_int_equal(ev.link->info[2], 1);
}

static void vrf_info_is_its_table(void **state)
{
    (void)state;
    struct nv_event ev;
    make_link(AF_UNSPEC, 5);
    uint8_t *info = make_nest(IFLA_LINKINFO);
    (void)make_attr(IFLA_INFO_KIND, "vrf", 4);
    uint8_t *data = make_nest(IFLA_INFO_DATA);
    make_u32(IFLA_VRF_TABLE, 1007);
    end_nest(data);
    end_nest(info);
    assert_int_equal(decode_made(&ev), NV_RTNL_FACT);
    assert_true(ev.link->has & NV_LINK_HAS_INFO);
    assert_int_equal(ev.link->info[0], 1007);
}

static void wireless_event_is_partial(void **state)
{
    (void)state;
    struct nv_event ev;
    make_link(AF_UNSPEC, 5);
    (void)make_attr(IFLA_IFNAME, "wlan0", 6);
    (void)make_attr(IFLA_WIRELESS, "\x0c\0\x15\x8b", 4);
    assert_int_equal(decode_made(&ev), NV_RTNL_FACT);
    assert_int_equal(ev.link->has, NV_LINK_HAS_NAME);
    assert_string_equal(ev.link->name, "wlan0");
}

static void link_that_moves_away_is_removed_with_a_mark(void **state)
{
    (void)state;
    struct nv_event ev;
    unsigned removed = 0;
    load("link_moved");
    while (next_fact(&ev)) {
        if (ev.kind != NV_EV_REMOVE || ev.cls != NV_LINK)
            continue;
        removed++;
        assert_true(ev.link->moved_netns);
    }
    assert_int_equal(removed, 1);
}

static void port_that_leaves_its_bridge_is_not_removed(void **state)
{
    (void)state;
    struct nv_event ev;
    const struct nlmsghdr *nlh;
    unsigned bridge_removals = 0;
    load("link_leaves_bridge");
    while ((nlh = next_message())) {
        enum nv_rtnl_verdict v = nv_rtnl_decode(&decoder, nlh, &ev);
        if (nlh->nlmsg_type == RTM_DELLINK) {
            bridge_removals++;
            assert_int_equal(v, NV_RTNL_IGNORED);
        } else {
            assert_true(v == NV_RTNL_FACT || v == NV_RTNL_IGNORED);
        }
    }
    assert_true(bridge_removals > 0);
}

static void inet6_link_message_is_a_hint(void **state)
{
    (void)state;
    struct nv_event ev;
    unsigned hints = 0;
    load("link_token");
    while (next_fact(&ev))
        if (ev.kind == NV_EV_HINT) {
            hints++;
            assert_int_equal(ev.hint, NV_HINT_RA);
            assert_true(ev.ifindex > 1);
        }
    assert_true(hints > 0);
}

static void link_without_a_valid_ifindex_is_malformed(void **state)
{
    (void)state;
    struct nv_event ev;
    make_link(AF_UNSPEC, 0);
    assert_int_equal(decode_made(&ev), NV_RTNL_MALFORMED);
    make_link(AF_UNSPEC, -3);
    assert_int_equal(decode_made(&ev), NV_RTNL_MALFORMED);
}

/* ---- addresses ------------------------------------------------------------------------------------ */

static void ipv4_address_has_label_broadcast_and_metric(void **state)
{
    (void)state;
    struct nv_event ev;
    load("addrs");
    assert_true(next_fact(&ev));
    assert_int_equal(ev.kind, NV_EV_UPSERT);
    assert_int_equal(ev.cls, NV_ADDR);
    assert_int_equal(ev.addr->family, NV_AF_4);
    assert_int_equal(ev.addr->prefix_len, 24);
    assert_ip(ev.addr->local, "192.0.2.1");
    assert_ip(ev.addr->peer, "192.0.2.1");
    assert_false(ev.addr->has_peer);
    assert_true(ev.addr->has_broadcast);
    assert_ip(ev.addr->broadcast, "192.0.2.255");
    assert_string_equal(ev.addr->label, "d0:1");
    assert_true(ev.addr->has_metric);
    assert_int_equal(ev.addr->metric, 5);
    assert_true(ev.addr->flags & IFA_F_NOPREFIXROUTE);
    assert_true(ev.addr->flags & IFA_F_PERMANENT);
    assert_int_equal(ev.addr->valid_s, UINT32_MAX);
    assert_int_equal(ev.addr->preferred_s, UINT32_MAX);
}

static void peer_is_told_from_the_own_address(void **state)
{
    (void)state;
    struct nv_event ev;
    load("addrs");
    assert_true(next_fact(&ev) && next_fact(&ev));
    assert_ip(ev.addr->local, "192.0.2.5");
    assert_ip(ev.addr->peer, "203.0.113.9");
    assert_true(ev.addr->has_peer);
    assert_int_equal(ev.addr->prefix_len, 32);
    assert_in_range(ev.addr->valid_s, 590, 600);
    assert_in_range(ev.addr->preferred_s, 290, 300);
}

static void ipv6_addresses_with_and_without_peer(void **state)
{
    (void)state;
    struct nv_event ev;
    unsigned seen = 0;
    uint8_t without[16];
    uint8_t with[16];
    parse_ip("2001:db8::1", without);
    parse_ip("2001:db8::2", with);
    load("addrs");
    while (next_fact(&ev)) {
        if (ev.addr->family != NV_AF_6)
            continue;
        if (!memcmp(ev.addr->local, without, 16)) {
            seen |= 1;
            assert_false(ev.addr->has_peer);
            assert_in_range(ev.addr->valid_s, 5990, 6000);
            assert_int_equal(ev.addr->prefix_len, 64);
        }
        if (!memcmp(ev.addr->local, with, 16)) {
            seen |= 2;
            assert_true(ev.addr->has_peer);
            assert_ip(ev.addr->peer, "2001:db8::3");
        }
    }
    assert_int_equal(seen, 3);
}

static void removed_address_is_a_removal(void **state)
{
    (void)state;
    struct nv_event ev;
    unsigned removals = 0;
    load("addrs");
    while (next_fact(&ev))
        if (ev.kind == NV_EV_REMOVE) {
            removals++;
            assert_ip(ev.addr->local, "192.0.2.1");
        }
    assert_int_equal(removals, 1);
}

static void address_protocol_is_kept(void **state)
{
    (void)state;
    struct nv_event ev;
    struct ifaddrmsg ifa = {.ifa_family = AF_INET, .ifa_prefixlen = 8, .ifa_index = 1};
    make(RTM_NEWADDR, &ifa, sizeof ifa);
    (void)make_attr(IFA_ADDRESS, "\x7f\0\0\x01", 4);
    (void)make_attr(IFA_PROTO, "\x01", 1);
    assert_int_equal(decode_made(&ev), NV_RTNL_FACT);
    assert_int_equal(ev.addr->protocol, 1);
    assert_ip(ev.addr->local, "127.0.0.1");
}

/* ---- routes --------------------------------------------------------------------------------------- */

static void multipath_route_keeps_hop_weights(void **state)
{
    (void)state;
    const struct nv_route *r = route_to("routes4_dump", "10.1.0.0", 16);
    assert_true(r->multipath);
    assert_int_equal(r->hop_count, 2);
    assert_int_equal(r->hops[0].weight, 3);
    assert_int_equal(r->hops[1].weight, 256);
    assert_ip(r->hops[0].gateway, "192.0.2.2");
    assert_ip(r->hops[1].gateway, "198.51.100.2");
    assert_int_equal(r->hops[0].gw_family, NV_AF_4);
    assert_true(r->hops[0].ifindex && r->hops[1].ifindex);

    r = route_to("routes6_dump", "2001:db8:a::", 48);
    assert_true(r->multipath);
    assert_int_equal(r->hop_count, 2);
    assert_int_equal(r->hops[0].weight + r->hops[1].weight, 259);
}

static void default_route_has_no_destination(void **state)
{
    (void)state;
    const struct nv_route *r = route_to("routes4_dump", "0.0.0.0", 0);
    assert_int_equal(r->family, NV_AF_4);
    assert_int_equal(r->metric, 100);
    assert_int_equal(r->table, RT_TABLE_MAIN);
    assert_int_equal(r->hop_count, 1);
    assert_false(r->multipath);
    assert_int_equal(r->hops[0].weight, 1);
    assert_ip(r->hops[0].gateway, "192.0.2.254");
    r = route_to("routes6_dump", "::", 0);
    assert_int_equal(r->pref, 1);
}

static void ipv4_route_via_an_ipv6_gateway(void **state)
{
    (void)state;
    const struct nv_route *r = route_to("routes4_dump", "10.2.0.0", 16);
    assert_int_equal(r->hops[0].gw_family, NV_AF_6);
    assert_ip(r->hops[0].gateway, "2001:db8::2");
    r = route_to("routes4_dump", "10.11.0.0", 17);
    assert_int_equal(r->hops[0].gw_family, NV_AF_4);
    assert_int_equal(r->hops[0].realm, 8);
    assert_int_equal(r->hops[1].gw_family, NV_AF_6);
    assert_ip(r->hops[1].gateway, "2001:db8:1::9");
}

static void route_metrics_locks_and_congestion_control(void **state)
{
    (void)state;
    const struct nv_route *r = route_to("routes4_dump", "10.3.0.0", 16);
    assert_int_equal(r->metric_mask,
                     1u << RTAX_LOCK | 1u << RTAX_MTU | 1u << RTAX_CC_ALGO | 1u << RTAX_INITCWND);
    assert_int_equal(r->metrics[RTAX_MTU], 1300);
    assert_int_equal(r->metrics[RTAX_LOCK], 1u << RTAX_MTU);
    assert_int_equal(r->metrics[RTAX_INITCWND], 20);
    assert_string_equal(r->cc_algo, "cubic");
    assert_int_equal(r->hops[0].realm, 5);
}

static void rejecting_routes_of_ipv4_have_no_hops(void **state)
{
    (void)state;
    const struct nv_route *r = route_to("routes4_dump", "10.4.0.0", 16);
    assert_int_equal(r->type, RTN_BLACKHOLE);
    assert_int_equal(r->hop_count, 0);
    r = route_to("routes4_dump", "10.5.0.0", 16);
    assert_int_equal(r->type, RTN_UNREACHABLE);
    assert_int_equal(r->metric, 4278198272u);
    r = route_to("routes4_dump", "10.6.0.0", 16);
    assert_int_equal(r->type, RTN_PROHIBIT);
    assert_int_equal(r->table, 1000);
}

static void rejecting_routes_of_ipv6_go_over_loopback(void **state)
{
    (void)state;
    const struct nv_route *r = route_to("routes6_dump", "2001:db8:c::", 48);
    assert_int_equal(r->type, RTN_BLACKHOLE);
    assert_int_equal(r->hop_count, 1);
    assert_int_equal(r->hops[0].ifindex, 1);
    r = route_to("routes6_dump", "2001:db8:d::", 48);
    assert_int_equal(r->type, RTN_UNREACHABLE);
}

static void onlink_prefsrc_tos_scope_and_protocol(void **state)
{
    (void)state;
    const struct nv_route *r = route_to("routes4_dump", "10.7.0.0", 16);
    assert_true(r->flags & RTNH_F_ONLINK);
    assert_true(r->hops[0].flags & RTNH_F_ONLINK);
    assert_true(r->has_prefsrc);
    assert_ip(r->prefsrc, "192.0.2.1");
    r = route_to("routes4_dump", "10.8.0.0", 16);
    assert_int_equal(r->tos, 0x10);
    assert_int_equal(r->scope, RT_SCOPE_LINK);
    assert_int_equal(r->protocol, RTPROT_STATIC);
    assert_int_equal(r->hops[0].gw_family, NV_AF_NONE);
    r = route_to("routes6_dump", "2001:db8:11::", 49);
    assert_ip(r->prefsrc, "2001:db8:1::1");
}

static void encapsulation_is_kept_raw(void **state)
{
    (void)state;
    const struct nv_route *r = route_to("routes4_dump", "10.9.0.0", 16);
    assert_int_equal(r->hops[0].encap_type, LWTUNNEL_ENCAP_IP);
    assert_true(r->hops[0].encap.len > 8);
    r = route_to("routes6_dump", "2001:db8:f::", 48);
    assert_int_equal(r->hops[0].encap_type, LWTUNNEL_ENCAP_SEG6);
}

static void route_of_a_nexthop_object_names_it(void **state)
{
    (void)state;
    const struct nv_route *r = route_to("routes4_dump", "10.10.0.0", 16);
    assert_int_equal(r->nhid, 7);
    assert_int_equal(r->hop_count, 1);
    assert_ip(r->hops[0].gateway, "192.0.2.2");
    r = route_to("routes6_dump", "2001:db8:10::", 48);
    assert_int_equal(r->nhid, 8);
    assert_ip(r->hops[0].gateway, "2001:db8::2");
}

static void ipv6_lifetime_is_in_seconds(void **state)
{
    (void)state;
    const struct nv_route *r = route_to("routes6_dump", "2001:db8:b::", 48);
    assert_true(r->has_expires);
    assert_in_range(r->expires_s, 590, 600);
    assert_int_equal(r->metric, 77);
    assert_int_equal(r->metrics[RTAX_HOPLIMIT], 9);
    r = route_to("routes6_dump", "2001:db8:a::", 48);
    assert_false(r->has_expires);
}

static void source_prefix_of_an_ipv6_route(void **state)
{
    (void)state;
    struct nv_event ev;
    load("routes6_dump");
    while (next_fact(&ev))
        if (ev.route->src_len) {
            assert_int_equal(ev.route->src_len, 44);
            assert_ip(ev.route->src, "2001:db8:e0::");
            return;
        }
    skip(); /* recorded on a kernel without CONFIG_IPV6_SUBTREES */
}

static void hop_of_a_link_that_is_down_is_dead(void **state)
{
    (void)state;
    const struct nv_route *r = route_to("routes4_dead", "10.1.0.0", 16);
    assert_int_equal(r->hop_count, 2);
    assert_int_equal(r->hops[0].flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN),
                     RTNH_F_DEAD | RTNH_F_LINKDOWN);
    assert_int_equal(r->hops[1].flags & RTNH_F_DEAD, 0);
}

static void route_events_say_where_in_the_list(void **state)
{
    (void)state;
    struct nv_event ev;
    load("route_events");
    assert_true(next_fact(&ev));
    assert_int_equal(ev.list, NV_LIST_CREATE | NV_LIST_EXCL);
    assert_true(next_fact(&ev));
    assert_int_equal(ev.list & NV_LIST_REPLACE, NV_LIST_REPLACE);
    assert_ip(ev.route->hops[0].gateway, "192.0.2.3");
    assert_true(next_fact(&ev));
    assert_int_equal(ev.list & NV_LIST_APPEND, NV_LIST_APPEND);
    assert_true(next_fact(&ev));
    assert_int_equal(ev.kind, NV_EV_REMOVE);
    assert_int_equal(ev.list, 0);
}

static void make_route(uint8_t family, uint8_t dst_len, uint32_t flags)
{
    struct rtmsg rtm = {.rtm_family = family, .rtm_dst_len = dst_len, .rtm_flags = flags};
    make(RTM_NEWROUTE, &rtm, sizeof rtm);
}

/* One of many routes that differ in their ways, and for each way in their destinations. */
static void make_one_of_many(uint8_t family, uint32_t way, uint8_t dst_len, uint64_t *rnd)
{
    const size_t bytes = family == AF_INET ? 4 : 16;
    struct rtmsg rtm = {.rtm_family = family,
                        .rtm_dst_len = dst_len,
                        .rtm_table = 254,
                        .rtm_protocol = (uint8_t)(way % 3),
                        .rtm_type = RTN_UNICAST,
                        .rtm_flags = fake_random(rnd, 5) ? 0 : RTNH_F_LINKDOWN};
    const bool otherwise = fake_random(rnd, 20) == 0; /* laid out as no kernel does */
    uint8_t dst[16], gateway[16] = {10, 99, (uint8_t)(way >> 8), (uint8_t)way};
    for (size_t i = 0; i < sizeof dst; i++)
        dst[i] = otherwise ? 9 : (uint8_t)fake_random(rnd, 256);
    make(RTM_NEWROUTE, &rtm, sizeof rtm);
    made.nlh->nlmsg_flags = NLM_F_MULTI;
    if (otherwise)
        make_attr(RTA_DST, dst, bytes);
    make_u32(RTA_TABLE, otherwise ? fake_random(rnd, 5) : way % 7 ? 254 : 1000 + way);
    if (!otherwise)
        make_attr(RTA_DST, dst, bytes);
    if (way % 4)
        make_u32(RTA_PRIORITY, way % 11);
    make_attr(RTA_GATEWAY, gateway, bytes);
    if (way % 2)
        make_u32(RTA_OIF, 2 + way % 3);
    if (way % 6 == 5)
        make_attr(RTA_PREF, &(uint8_t){1}, 1);
    if (way % 13 == 12) {
        uint8_t *metrics = make_nest(RTA_METRICS);
        make_u32(RTAX_MTU, 1300 + way);
        end_nest(metrics);
    }
}

static void route_like_one_before_is_what_decoding_it_would_give(void **state)
{
    (void)state;
    static struct nv_rtnl_decoder anew;
    uint64_t rnd = fake_seed();
    uint32_t known = 0;
    memset(&decoder, 0, sizeof decoder);
    for (unsigned i = 0; i < 60000; i++) {
        const uint8_t family = fake_random(&rnd, 3) ? AF_INET : AF_INET6;
        /* in some phases more ways than there is room for, in others few */
        const uint32_t way = fake_random(&rnd, i / 10000 % 2 ? 900 : 24);
        const uint32_t longest = family == AF_INET ? 32 : 128;
        make_one_of_many(family, way, (uint8_t)fake_random(&rnd, longest + 2), &rnd);
        struct nv_event got, want;
        const uint32_t last = decoder.kin.last;
        memset(&anew, 0, sizeof anew);
        enum nv_rtnl_verdict v = nv_rtnl_decode(&anew, made.nlh, &want);
        assert_int_equal(nv_rtnl_decode(&decoder, made.nlh, &got), v);
        const struct rtmsg *rtm = mnl_nlmsg_get_payload(made.nlh);
        assert_int_equal(v, rtm->rtm_dst_len > longest ? NV_RTNL_MALFORMED : NV_RTNL_FACT);
        if (v != NV_RTNL_FACT)
            continue;
        known += decoder.kin.last == last;
        struct nv_route a = *got.route, b = *want.route;
        assert_int_equal(a.hop_count, b.hop_count);
        assert_memory_equal(a.hops, b.hops, a.hop_count * sizeof *a.hops);
        a.kin = b.kin = 0;
        a.hops = b.hops = NULL;
        assert_memory_equal(&a, &b, sizeof a);
        assert_int_equal(got.list, want.list);
    }
    assert_in_range(known, 20000, 59999);
}

static void realm_or_encapsulation_of_a_route_without_a_link_is_kept(void **state)
{
    (void)state;
    struct nv_event ev;
    make_route(AF_INET, 0, 0); /* ip route add blackhole default realm 5 */
    make_u32(RTA_FLOW, 5);
    assert_int_equal(decode_made(&ev), NV_RTNL_FACT);
    assert_int_equal(ev.route->hop_count, 1);
    assert_int_equal(ev.route->hops[0].ifindex, 0);
    assert_int_equal(ev.route->hops[0].realm, 5);
    const uint16_t type = LWTUNNEL_ENCAP_IP;
    make_route(AF_INET, 0, 0);
    make_attr(RTA_ENCAP_TYPE, &type, sizeof type);
    end_nest(make_nest(RTA_ENCAP));
    assert_int_equal(decode_made(&ev), NV_RTNL_FACT);
    assert_int_equal(ev.route->hop_count, 1);
    assert_int_equal(ev.route->hops[0].encap_type, LWTUNNEL_ENCAP_IP);
}

static void cloned_route_is_ignored_but_answers(void **state)
{
    (void)state;
    struct nv_event ev;
    make_route(AF_INET, 0, RTM_F_CLONED);
    assert_int_equal(decode_made(&ev), NV_RTNL_IGNORED);
    assert_int_equal(nv_rtnl_decode_answer(&decoder, made.nlh, &ev), NV_RTNL_FACT);
    assert_int_equal(ev.kind, NV_EV_ANSWER);
}

static void bytes_behind_the_prefix_are_zeroed(void **state)
{
    (void)state;
    struct nv_event ev;
    make_route(AF_INET, 13, 0);
    (void)make_attr(RTA_DST, "\x0a\xff\xff\xff", 4);
    assert_int_equal(decode_made(&ev), NV_RTNL_FACT);
    assert_ip(ev.route->dst, "10.248.0.0");
}

static void prefix_without_address_or_too_long_is_malformed(void **state)
{
    (void)state;
    struct nv_event ev;
    make_route(AF_INET, 8, 0);
    assert_int_equal(decode_made(&ev), NV_RTNL_MALFORMED);
    make_route(AF_INET, 33, 0);
    (void)make_attr(RTA_DST, "\x0a\0\0\0", 4);
    assert_int_equal(decode_made(&ev), NV_RTNL_MALFORMED);
    make_route(AF_INET, 8, 0);
    (void)make_attr(RTA_DST, "\x0a\0\0", 3);
    assert_int_equal(decode_made(&ev), NV_RTNL_MALFORMED);
}

static void request_flags_are_no_state(void **state)
{
    (void)state;
    struct nv_event ev;
    make_route(AF_INET, 0, RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH | RTM_F_PREFIX | RTNH_F_LINKDOWN);
    assert_int_equal(decode_made(&ev), NV_RTNL_FACT);
    assert_int_equal(ev.route->flags, RTNH_F_LINKDOWN);
}

static void too_many_hops_are_cut_and_counted(void **state)
{
    (void)state;
    struct nv_event ev;
    uint64_t before = decoder.clipped;
    make_route(AF_INET, 0, 0);
    uint8_t *nest = make_attr(RTA_MULTIPATH, NULL, 0);
    for (unsigned i = 0; i < NV_HOPS_MAX + 5; i++) {
        struct rtnexthop hop = {.rtnh_len = sizeof hop, .rtnh_ifindex = (int)i + 1};
        memcpy(made.bytes + made.nlh->nlmsg_len, &hop, sizeof hop);
        made.nlh->nlmsg_len += (uint32_t)sizeof hop;
    }
    end_nest(nest);
    assert_int_equal(decode_made(&ev), NV_RTNL_FACT);
    assert_int_equal(ev.route->hop_count, NV_HOPS_MAX);
    assert_int_equal(decoder.clipped, before + 1);
}

static void answer_has_table_hop_and_source(void **state)
{
    (void)state;
    struct nv_event ev;
    load("answer4");
    assert_int_equal(nv_rtnl_decode_answer(&decoder, next_message(), &ev), NV_RTNL_FACT);
    assert_int_equal(ev.kind, NV_EV_ANSWER);
    assert_int_equal(ev.error, 0);
    assert_int_equal(ev.route->table, 77);
    assert_int_equal(ev.route->hop_count, 1);
    assert_ip(ev.route->hops[0].gateway, "192.0.2.254");
    assert_ip(ev.route->prefsrc, "192.0.2.1");
    load("answer6");
    assert_int_equal(nv_rtnl_decode_answer(&decoder, next_message(), &ev), NV_RTNL_FACT);
    assert_int_equal(ev.error, 0);
    assert_ip(ev.route->hops[0].gateway, "2001:db8::fe");
    assert_ip(ev.route->prefsrc, "2001:db8::1");
    assert_int_equal(ev.route->table, RT_TABLE_MAIN);
}

/* ---- rules ---------------------------------------------------------------------------------------- */

static void rule_selectors(void **state)
{
    (void)state;
    const struct nv_rule *r = rule_of(NV_AF_4, 100);
    assert_int_equal(r->src_len, 8);
    assert_ip(r->src, "10.0.0.0");
    assert_int_equal(r->dst_len, 25);
    assert_ip(r->dst, "192.0.2.0");
    assert_int_equal(r->table, 100);
    assert_int_equal(r->action, FR_ACT_TO_TBL);
    assert_int_equal(r->present, 0);

    r = rule_of(NV_AF_4, 110);
    assert_int_equal(r->present, NETVANE_UF_INVERT | NETVANE_UF_HAS_FWMARK);
    assert_int_equal(r->fwmark, 0x10);
    assert_int_equal(r->fwmask, 0xff);
    assert_int_equal(r->table, 70000);
    assert_int_equal(r->protocol, 99);

    r = rule_of(NV_AF_4, 120);
    assert_string_equal(r->iif, "d0");
    assert_string_equal(r->oif, "d1");
    assert_int_equal(r->realms, 3u << 16 | 4);

    r = rule_of(NV_AF_4, 140);
    assert_int_equal(r->action, FR_ACT_UNREACHABLE);
    assert_int_equal(r->ip_proto, IPPROTO_TCP);
    assert_int_equal(r->uid_start, 1000);
    assert_int_equal(r->uid_end, 2000);
    assert_int_equal(r->sport_start, 80);
    assert_int_equal(r->sport_end, 80);
    assert_int_equal(r->dport_start, 1000);
    assert_int_equal(r->dport_end, 2000);
    assert_int_equal(r->present, NETVANE_UF_HAS_UID | NETVANE_UF_HAS_SPORT | NETVANE_UF_HAS_DPORT);

    r = rule_of(NV_AF_4, 160);
    assert_true(r->present & NETVANE_UF_HAS_TUN_ID);
    assert_int_equal(r->tun_id, 77);
    assert_int_equal(rule_of(NV_AF_4, 170)->tos, 0x10);
    assert_int_equal(rule_of(NV_AF_6, 100)->src_len, 33);
    assert_int_equal(rule_of(NV_AF_6, 100)->action, FR_ACT_PROHIBIT);
}

static void goto_and_detached_rules(void **state)
{
    (void)state;
    const struct nv_rule *r = rule_of(NV_AF_4, 130);
    assert_int_equal(r->action, FR_ACT_GOTO);
    assert_int_equal(r->target, 140);
    assert_int_equal(r->present, NETVANE_UF_IIF_DETACHED);
    r = rule_of(NV_AF_4, 180);
    assert_int_equal(r->target, 30000);
    assert_int_equal(r->present, NETVANE_UF_UNRESOLVED);
}

static void suppressors_are_present_only_when_set(void **state)
{
    (void)state;
    const struct nv_rule *r = rule_of(NV_AF_4, 150);
    assert_int_equal(r->present,
                     NETVANE_UF_HAS_SUPPRESS_PREFIXLEN | NETVANE_UF_HAS_SUPPRESS_IFGROUP);
    assert_int_equal(r->suppress_prefix_len, 0);
    assert_int_equal(r->suppress_ifgroup, 7);
    assert_int_equal(rule_of(NV_AF_4, 32766)->present, 0);
}

static void dscp_of_a_rule_stands_in_its_tos(void **state)
{
    (void)state;
    assert_int_equal(rule_of(NV_AF_4, 900)->tos, 46 << 2);
}

static void l3mdev_rule(void **state)
{
    (void)state;
    struct nv_event ev;
    struct fib_rule_hdr frh = {.family = AF_INET6, .action = FR_ACT_TO_TBL};
    make(RTM_NEWRULE, &frh, sizeof frh);
    (void)make_attr(FRA_L3MDEV, "\x01", 1);
    assert_int_equal(decode_made(&ev), NV_RTNL_FACT);
    assert_int_equal(ev.rule->present, NETVANE_UF_L3MDEV);
}

/* ---- nexthops ------------------------------------------------------------------------------------- */

static void single_nexthops(void **state)
{
    (void)state;
    const struct nv_nexthop *n = nexthop_of(1);
    assert_int_equal(n->family, NV_AF_4);
    assert_int_equal(n->gw_family, NV_AF_4);
    assert_ip(n->gateway, "192.0.2.2");
    assert_int_equal(n->protocol, RTPROT_STATIC);
    assert_true(n->ifindex);
    assert_int_equal(n->present, 0);
    assert_true(nexthop_of(2)->flags & RTNH_F_ONLINK);
    assert_int_equal(nexthop_of(3)->gw_family, NV_AF_6);
    assert_int_equal(nexthop_of(4)->present, NETVANE_NF_BLACKHOLE);
    assert_int_equal(nexthop_of(5)->gw_family, NV_AF_NONE);
    assert_int_equal(nexthop_of(6)->present, NETVANE_NF_FDB);
    assert_int_equal(nexthop_of(7)->encap_type, LWTUNNEL_ENCAP_IP);
    assert_true(nexthop_of(7)->encap.len > 8);
}

static void group_members_have_weights(void **state)
{
    (void)state;
    const struct nv_nexthop *n = nexthop_of(10);
    assert_int_equal(n->present, NETVANE_NF_GROUP);
    assert_int_equal(n->member_count, 2);
    assert_int_equal(n->members[0].id, 1);
    assert_int_equal(n->members[0].weight, 3);
    assert_int_equal(n->members[1].weight, 200);
    assert_int_equal(n->group_type, NEXTHOP_GRP_TYPE_MPATH);
}

static void weights_have_sixteen_bits(void **state)
{
    (void)state;
    const struct nv_nexthop *n = nexthop_of(30);
    assert_int_equal(n->members[0].weight, 1000);
    assert_int_equal(n->members[1].weight, 65535);
}

static void resilient_group_has_buckets_and_timers(void **state)
{
    (void)state;
    const struct nv_nexthop *n = nexthop_of(20);
    assert_int_equal(n->group_type, NEXTHOP_GRP_TYPE_RES);
    assert_int_equal(n->buckets, 32);
    assert_int_equal(n->idle_timer, 6000);
    assert_int_equal(n->unbalanced_timer, 30000);
}

static void nexthop_and_rule_removals(void **state)
{
    (void)state;
    struct nv_event ev;
    load("nexthop_events");
    assert_true(next_fact(&ev));
    assert_int_equal(ev.kind, NV_EV_UPSERT);
    assert_true(next_fact(&ev));
    assert_int_equal(ev.kind, NV_EV_REMOVE);
    assert_int_equal(ev.nexthop->id, 1);
    load("rule_events");
    assert_true(next_fact(&ev) && next_fact(&ev));
    assert_int_equal(ev.kind, NV_EV_REMOVE);
    assert_int_equal(ev.rule->priority, 100);
}

/* ---- hints, and what is none of the State's business ---------------------------------------------- */

static void netconf_hints_name_the_link_or_all(void **state)
{
    (void)state;
    struct nv_event ev;
    unsigned all = 0;
    unsigned one = 0;
    load("netconf");
    while (next_fact(&ev)) {
        assert_int_equal(ev.kind, NV_EV_HINT);
        assert_int_equal(ev.hint, NV_HINT_NETCONF);
        all += !ev.ifindex;
        one += ev.ifindex != 0;
    }
    assert_true(all && one);
}

static void namespace_ids_are_a_hint(void **state)
{
    (void)state;
    struct nv_event ev;
    load("nsid");
    assert_true(next_fact(&ev));
    assert_int_equal(ev.kind, NV_EV_HINT);
    assert_int_equal(ev.hint, NV_HINT_NSID);
}

static void prefix_of_a_router_advertisement_is_a_hint_for_its_link(void **state)
{
    (void)state;
    struct nv_event ev;
    const struct prefixmsg pm = {.prefix_family = AF_INET6, .prefix_ifindex = 7};
    make(RTM_NEWPREFIX, &pm, sizeof pm);
    assert_int_equal(decode_made(&ev), NV_RTNL_FACT);
    assert_int_equal(ev.kind, NV_EV_HINT);
    assert_int_equal(ev.hint, NV_HINT_RA);
    assert_int_equal(ev.ifindex, 7);
    make(RTM_NEWPREFIX, "\0\0\0\0", 4);
    assert_int_equal(decode_made(&ev), NV_RTNL_MALFORMED);
}

static void other_families_and_types_are_unknown(void **state)
{
    (void)state;
    struct nv_event ev;
    make_route(128, 0, 0); /* RTNL_FAMILY_IPMR */
    assert_int_equal(decode_made(&ev), NV_RTNL_UNKNOWN);
    make_route(129, 0, 0);
    assert_int_equal(decode_made(&ev), NV_RTNL_UNKNOWN);
    make_route(AF_MPLS, 0, 0);
    assert_int_equal(decode_made(&ev), NV_RTNL_UNKNOWN);
    make(RTM_NEWNEIGH, "\0\0\0\0", 4);
    assert_int_equal(decode_made(&ev), NV_RTNL_UNKNOWN);
    make_link(AF_BRIDGE, 3);
    assert_int_equal(decode_made(&ev), NV_RTNL_IGNORED);
}

static void attribute_types_of_the_future_are_passed_over(void **state)
{
    (void)state;
    struct nv_event ev;
    make_route(AF_INET, 0, 0);
    make_u32(999, 1);
    make_u32(RTA_OIF, 4);
    assert_int_equal(decode_made(&ev), NV_RTNL_FACT);
    assert_int_equal(ev.route->hops[0].ifindex, 4);
}

/* ---- damage --------------------------------------------------------------------------------------- */

static void bytes_that_are_no_attribute_are_malformed(void **state)
{
    (void)state;
    struct nv_event ev;
    for (uint32_t extra = 1; extra < 4; extra++) {
        make_route(AF_INET, 0, 0);
        make_u32(RTA_OIF, 4);
        made.nlh->nlmsg_len += extra;
        assert_int_equal(decode_made(&ev), NV_RTNL_MALFORMED);
    }
}

static void padding_of_the_last_attribute_may_be_missing(void **state)
{
    (void)state;
    struct nv_event ev;
    const uint8_t pref = 3;
    make_route(AF_INET6, 0, 0);
    make_u32(RTA_OIF, 4);
    (void)make_attr(RTA_PREF, &pref, sizeof pref);
    made.nlh->nlmsg_len -= 3;
    assert_int_equal(decode_made(&ev), NV_RTNL_FACT);
    assert_int_equal(ev.route->pref, 3);
}

static void nested_attribute_that_outgrows_its_parent_is_malformed(void **state)
{
    (void)state;
    struct nv_event ev;
    for (uint16_t len = 8; len < 16; len++) {
        make_route(AF_INET, 0, 0);
        uint8_t *nest = make_nest(RTA_METRICS);
        uint8_t *metric = made.bytes + made.nlh->nlmsg_len;
        make_u32(RTAX_MTU, 1400);
        end_nest(nest);
        make_u32(RTA_OIF, 4); /* inside of the message, but not of the nest */
        memcpy(metric, &len, sizeof len);
        assert_int_equal(decode_made(&ev), len == 8 ? NV_RTNL_FACT : NV_RTNL_MALFORMED);
    }
}

static void length_that_an_int_takes_for_negative_is_no_message(void **state)
{
    (void)state;
    struct nlmsghdr nlh = {.nlmsg_len = sizeof nlh};
    assert_true(nv_rtnl_ok(&nlh, sizeof nlh));
    assert_false(nv_rtnl_ok(&nlh, sizeof nlh - 1));
    assert_false(nv_rtnl_ok(&nlh, -3));
    nlh.nlmsg_len = UINT32_C(0x80000010);
    assert_false(nv_rtnl_ok(&nlh, 4096));
    nlh.nlmsg_len = UINT32_MAX;
    assert_false(nv_rtnl_ok(&nlh, 4096));
}

static const char *const all_fixtures[] = {
    "addrs",        "addrs_dump",   "answer4",        "answer6",       "link_added",
    "link_moved",   "link_token",   "links_dump",     "netconf",       "link_leaves_bridge",
    "nsid",         "rule_events",  "nexthop_events", "nexthops_dump", "route_events",
    "routes4_dead", "routes4_dump", "routes6_dump",   "rules_dump",
};

/* The message ends where malloc'd memory ends, so that a sanitizer sees one byte too many. */
static void decode_copy(const void *bytes, size_t len)
{
    struct nv_event ev;
    struct nlmsghdr *copy = malloc(len);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    copy->nlmsg_len = (uint32_t)len;
    (void)nv_rtnl_decode(&decoder, copy, &ev);
    (void)nv_rtnl_decode_answer(&decoder, copy, &ev);
    free(copy);
}

static void message_cut_anywhere_does_no_harm(void **state)
{
    (void)state;
    for (size_t i = 0; i < NV_ARRAY_LEN(all_fixtures); i++) {
        load(all_fixtures[i]);
        const struct nlmsghdr *nlh;
        while ((nlh = next_message()))
            for (size_t len = sizeof *nlh; len <= nlh->nlmsg_len; len++)
                decode_copy(nlh, len);
    }
}

/* Every bit behind nlmsg_len alone, then several at once. */
static void flipped_bits_do_no_harm(void **state)
{
    (void)state;
    uint64_t seed = UINT64_C(0x6e65747661);
    const char *given = getenv("NETVANE_SEED");
    if (given)
        seed = strtoull(given, NULL, 0);
    print_message("seed %llu\n", (unsigned long long)seed);
    static uint8_t copy[FIXTURE_MAX];
    for (size_t i = 0; i < NV_ARRAY_LEN(all_fixtures); i++) {
        load(all_fixtures[i]);
        const struct nlmsghdr *nlh;
        while ((nlh = next_message())) {
            size_t len = nlh->nlmsg_len;
            for (size_t bit = 32; bit < len * 8; bit++) {
                memcpy(copy, nlh, len);
                copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
                decode_copy(copy, len);
            }
            for (unsigned round = 0; round < 200; round++) {
                memcpy(copy, nlh, len);
                for (unsigned n = 0; n < 8; n++) {
                    seed = nv_mix(seed + UINT64_C(0x9e3779b97f4a7c15));
                    copy[4 + seed % (len - 4)] = (uint8_t)(seed >> 32);
                }
                decode_copy(copy, len);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dumped_link_is_complete),
        cmocka_unit_test(alternative_names_are_kept),
        cmocka_unit_test(bridge_port_has_master_and_slave_kind),
        cmocka_unit_test(vxlan_and_macvlan_have_info),
        cmocka_unit_test(veth_into_another_namespace_has_its_id),
        cmocka_unit_test(vlan_info_is_id_protocol_and_flags),
        cmocka_unit_test(vrf_info_is_its_table),
        cmocka_unit_test(wireless_event_is_partial),
        cmocka_unit_test(link_that_moves_away_is_removed_with_a_mark),
        cmocka_unit_test(port_that_leaves_its_bridge_is_not_removed),
        cmocka_unit_test(inet6_link_message_is_a_hint),
        cmocka_unit_test(link_without_a_valid_ifindex_is_malformed),
        cmocka_unit_test(ipv4_address_has_label_broadcast_and_metric),
        cmocka_unit_test(peer_is_told_from_the_own_address),
        cmocka_unit_test(ipv6_addresses_with_and_without_peer),
        cmocka_unit_test(removed_address_is_a_removal),
        cmocka_unit_test(address_protocol_is_kept),
        cmocka_unit_test(multipath_route_keeps_hop_weights),
        cmocka_unit_test(default_route_has_no_destination),
        cmocka_unit_test(route_like_one_before_is_what_decoding_it_would_give),
        cmocka_unit_test(ipv4_route_via_an_ipv6_gateway),
        cmocka_unit_test(route_metrics_locks_and_congestion_control),
        cmocka_unit_test(rejecting_routes_of_ipv4_have_no_hops),
        cmocka_unit_test(rejecting_routes_of_ipv6_go_over_loopback),
        cmocka_unit_test(onlink_prefsrc_tos_scope_and_protocol),
        cmocka_unit_test(encapsulation_is_kept_raw),
        cmocka_unit_test(route_of_a_nexthop_object_names_it),
        cmocka_unit_test(ipv6_lifetime_is_in_seconds),
        cmocka_unit_test(source_prefix_of_an_ipv6_route),
        cmocka_unit_test(hop_of_a_link_that_is_down_is_dead),
        cmocka_unit_test(route_events_say_where_in_the_list),
        cmocka_unit_test(realm_or_encapsulation_of_a_route_without_a_link_is_kept),
        cmocka_unit_test(cloned_route_is_ignored_but_answers),
        cmocka_unit_test(bytes_behind_the_prefix_are_zeroed),
        cmocka_unit_test(prefix_without_address_or_too_long_is_malformed),
        cmocka_unit_test(request_flags_are_no_state),
        cmocka_unit_test(too_many_hops_are_cut_and_counted),
        cmocka_unit_test(answer_has_table_hop_and_source),
        cmocka_unit_test(rule_selectors),
        cmocka_unit_test(goto_and_detached_rules),
        cmocka_unit_test(suppressors_are_present_only_when_set),
        cmocka_unit_test(dscp_of_a_rule_stands_in_its_tos),
        cmocka_unit_test(l3mdev_rule),
        cmocka_unit_test(single_nexthops),
        cmocka_unit_test(group_members_have_weights),
        cmocka_unit_test(weights_have_sixteen_bits),
        cmocka_unit_test(resilient_group_has_buckets_and_timers),
        cmocka_unit_test(nexthop_and_rule_removals),
        cmocka_unit_test(netconf_hints_name_the_link_or_all),
        cmocka_unit_test(namespace_ids_are_a_hint),
        cmocka_unit_test(prefix_of_a_router_advertisement_is_a_hint_for_its_link),
        cmocka_unit_test(other_families_and_types_are_unknown),
        cmocka_unit_test(attribute_types_of_the_future_are_passed_over),
        cmocka_unit_test(bytes_that_are_no_attribute_are_malformed),
        cmocka_unit_test(padding_of_the_last_attribute_may_be_missing),
        cmocka_unit_test(nested_attribute_that_outgrows_its_parent_is_malformed),
        cmocka_unit_test(length_that_an_int_takes_for_negative_is_no_message),
        cmocka_unit_test(message_cut_anywhere_does_no_harm),
        cmocka_unit_test(flipped_bits_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
