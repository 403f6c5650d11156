# SPDX-License-Identifier: MIT
"""What changes without an event when links go down, lose their carrier, or go away: exact all the same."""

import harness
from rows import Row, route4, route6


class LinkDown(Row):
    def test_a_link_that_goes_down_takes_its_ipv4_routes_of_all_tables_along(self):
        self.world("addr add 10.0.0.1/24 dev v0", "route add default via 10.0.0.2", "route add 10.1.0.0/16 dev v0",
                   "route add 10.2.0.0/16 via 10.0.0.3 table 100", "route add 10.3.0.0/16 dev v0 table 4000")
        self.prove("link down: IPv4 routes", "link set v0 down",
                   silent=route4("default", "10.1.0.0/16") | route4("10.2.0.0/16", table="100") |
                   route4("10.3.0.0/16", table="4000"))

    def test_a_link_that_goes_down_leaves_a_dead_hop_in_an_ipv4_multipath_route(self):
        self.world("addr add 10.0.0.1/24 dev v0", "addr add 10.9.0.1/24 dev w0",
                   "route add 10.1.0.0/16 nexthop via 10.0.0.2 nexthop via 10.9.0.2")
        self.prove("link down: IPv4 multipath", "link set v0 down", silent=route4("10.1.0.0/16"))
        self.prove("link up: IPv4 multipath", "link set v0 up", silent=route4("10.1.0.0/16"))

    def test_a_link_that_goes_down_leaves_a_dead_hop_in_an_ipv6_multipath_route(self):
        self.world("-6 addr add 2001:db8::1/64 dev v0", "-6 addr add 2001:db8:9::1/64 dev w0",
                   "-6 route add 2001:db8:1::/48 nexthop via 2001:db8::2 nexthop via 2001:db8:9::2")
        self.prove("link down: IPv6 multipath", "link set v0 down", silent=route6("2001:db8:1::/48"))
        self.prove("link up: IPv6 multipath", "link set v0 up", silent=route6("2001:db8:1::/48"))

    def test_ipv6_routes_that_go_without_an_event_because_of_a_sysctl_go(self):
        self.ns.sysctl("ipv6/route/skip_notify_on_dev_down", 1)
        self.world("-6 addr add 2001:db8::1/64 dev v0", "-6 route add 2001:db8:1::/48 via 2001:db8::2",
                   "-6 route add default via 2001:db8::3 table 100")
        self.prove("skip_notify_on_dev_down: IPv6 routes", "link set v0 down",
                   silent=route6("2001:db8:1::/48") | route6("default", table="100"))

    def test_multicast_and_link_local_routes_follow_a_link_down_and_up(self):
        self.world("-6 addr add 2001:db8::1/64 dev v0")
        self.prove("link down: ff00::/8, fe80::/64", "link set v0 down", told=route6("ff00::/8", table="local"))
        self.prove("link up: ff00::/8, fe80::/64", "link set v0 up", told=route6("ff00::/8", table="local"))

    def test_nexthop_objects_and_their_routes_go_with_a_link_that_goes_down(self):
        self.world("addr add 10.0.0.1/24 dev v0", "nexthop add id 1 via 10.0.0.2 dev v0", "nexthop add id 2 dev w0",
                   "nexthop add id 9 group 1/2", "route add 10.1.0.0/16 nhid 1", "route add 10.2.0.0/16 nhid 9")
        self.prove("link down: nexthops and routes that name them", "link set v0 down",
                   silent={("nexthop", 1)} | route4("10.1.0.0/16", "10.2.0.0/16"))

    def test_the_loopback_goes_down_and_up(self):
        self.world("addr add 10.7.0.1/32 dev lo", "route add 10.1.0.0/16 dev lo",
                   "route add 10.2.0.0/16 dev lo table 100",
                   "nexthop add id 1 blackhole", "route add 10.3.0.0/16 nhid 1", "-6 nexthop add id 2 blackhole",
                   "-6 route add 2001:db8:1::/48 nhid 2", "-6 route add unreachable 2001:db8:2::/48")
        self.prove("loopback down", "link set lo down",
                   silent=route4("10.1.0.0/16") | route4("10.2.0.0/16", table="100"))
        self.prove("loopback up", "link set lo up", silent=route4("127.255.255.255", table="local"))


class Carrier(Row):
    def test_routes_of_both_families_get_and_lose_linkdown_with_the_carrier(self):
        self.world("addr add 10.0.0.1/24 dev v0", "addr add 10.9.0.1/24 dev w0", "route add 10.1.0.0/16 via 10.0.0.2",
                   "route add 10.2.0.0/16 table 100 nexthop via 10.0.0.2 nexthop via 10.9.0.2",
                   "-6 addr add 2001:db8::1/64 dev v0", "-6 addr add 2001:db8:9::1/64 dev w0",
                   "-6 route add 2001:db8:1::/48 via 2001:db8::2",
                   "-6 route add 2001:db8:2::/48 nexthop via 2001:db8::2 nexthop via 2001:db8:9::2")
        silent = route4("10.1.0.0/16", "10.0.0.0/24") | route4("10.2.0.0/16", table="100") | \
            route6("2001:db8:1::/48", "2001:db8:2::/48")
        self.prove("carrier lost", "link set v1 down", silent=silent)
        self.prove("carrier back", "link set v1 up", silent=silent)

    def test_hops_without_carrier_are_dead_where_a_sysctl_says_so(self):
        self.ns.sysctl("ipv4/conf/all/ignore_routes_with_linkdown", 1)
        self.ns.sysctl("ipv6/conf/all/ignore_routes_with_linkdown", 1)
        self.world("addr add 10.0.0.1/24 dev v0", "route add default via 10.0.0.2 metric 5",
                   "addr add 10.9.0.1/24 dev w0", "route add default via 10.9.0.2 metric 9",
                   "-6 addr add 2001:db8::1/64 dev v0", "-6 route add 2001:db8:1::/48 via 2001:db8::2")
        silent = route4("default") | route6("2001:db8:1::/48")
        self.prove("carrier lost, ignore_routes_with_linkdown", "link set v1 down", silent=silent)
        self.prove("carrier back, ignore_routes_with_linkdown", "link set v1 up", silent=silent)

    def test_nexthop_objects_and_their_ipv4_routes_go_with_the_carrier(self):
        self.world("addr add 10.0.0.1/24 dev v0", "-6 addr add 2001:db8::1/64 dev v0",
                   "nexthop add id 1 via 10.0.0.2 dev v0", "nexthop add id 2 dev w0", "nexthop add id 9 group 1/2",
                   "nexthop add id 8 group 1", "-6 nexthop add id 6 via 2001:db8::2 dev v0",
                   "route add 10.1.0.0/16 nhid 1", "route add 10.2.0.0/16 nhid 9 table 100",
                   "route add 10.3.0.0/16 nhid 8 table 300", "-6 route add 2001:db8:1::/48 nhid 6")
        self.prove("carrier lost: nexthops", "link set v1 down",
                   silent={("nexthop", 1), ("nexthop", 6), ("nexthop", 8), ("nexthop", 9)} | route4("10.1.0.0/16") |
                   route4("10.2.0.0/16", table="100") | route4("10.3.0.0/16", table="300"))

    def test_ignore_routes_with_linkdown_of_a_link_changes_its_routes_flags(self):
        self.world("addr add 10.0.0.1/24 dev v0", "route add 10.1.0.0/16 via 10.0.0.2", "link set v1 down",
                   "-6 addr add 2001:db8::1/64 dev v0", "-6 route add 2001:db8:1::/48 via 2001:db8::2")
        for family, silent in (("ipv4", route4("10.1.0.0/16")), ("ipv6", route6("2001:db8:1::/48"))):
            for value in (1, 0):
                self.prove(f"{family}.conf.v0.ignore_routes_with_linkdown={value}",
                           lambda f=family, v=value: self.ns.sysctl(f"{f}/conf/v0/ignore_routes_with_linkdown", v),
                           silent=silent)

    def test_ignore_routes_with_linkdown_of_all_changes_every_routes_flags(self):
        self.world("addr add 10.0.0.1/24 dev v0", "route add 10.1.0.0/16 via 10.0.0.2", "link set v1 down",
                   "-6 addr add 2001:db8::1/64 dev v0", "-6 route add 2001:db8:1::/48 via 2001:db8::2")
        for family, silent in (("ipv4", route4("10.1.0.0/16")), ("ipv6", route6("2001:db8:1::/48"))):
            for value in (1, 0):
                self.prove(f"{family}.conf.all.ignore_routes_with_linkdown={value}",
                           lambda f=family, v=value: self.ns.sysctl(f"{f}/conf/all/ignore_routes_with_linkdown", v),
                           silent=silent if family == "ipv4" else ())


class Gone(Row):
    ROUTES = ("addr add 10.0.0.1/24 dev v0", "addr add 10.9.0.1/24 dev w0", "route add default via 10.0.0.2",
              "route add 10.1.0.0/16 dev v0 table 100",
              "route add 10.2.0.0/16 table 200 nexthop via 10.0.0.2 nexthop via 10.9.0.2",
              "-6 addr add 2001:db8::1/64 dev v0", "-6 addr add 2001:db8:9::1/64 dev w0",
              "-6 route add 2001:db8:1::/48 nexthop via 2001:db8::2 nexthop via 2001:db8:9::2",
              "nexthop add id 1 via 10.0.0.2 dev v0", "nexthop add id 2 via 10.9.0.2 dev w0",
              "nexthop add id 9 group 1/2", "route add 10.3.0.0/16 nhid 1 table 300",
              "route add 10.4.0.0/16 nhid 9 table 400", "rule add pref 50 iif v0 table 100",
              "-6 rule add pref 51 oif v0 table 100")
    SILENT = route4("default") | route4("10.1.0.0/16", table="100") | route4("10.2.0.0/16", table="200") | \
        route6("2001:db8:1::/48") | route4("10.3.0.0/16", table="300") | route4("10.4.0.0/16", table="400") | \
        {("nexthop", 1)}
    RULES = {("rule4", 50), ("rule6", 51)}

    def test_a_deleted_link_takes_routes_hops_nexthops_and_the_hold_of_rules_along(self):
        self.world(*self.ROUTES)
        self.prove("link deleted", "link del v0", silent=self.SILENT | self.RULES)

    def test_a_link_whose_peer_is_deleted_goes_too(self):
        self.world(*self.ROUTES)
        self.prove("peer deleted", "link del v1", silent=self.SILENT | self.RULES)

    def test_a_link_whose_lower_link_is_deleted_goes_too(self):
        self.world("link add m0 link w0 type macvlan", "link set m0 up", "addr add 10.0.0.1/24 dev m0",
                   "route add default via 10.0.0.2", "link add x0 type vxlan id 7 dstport 4789 dev w0",
                   "link set x0 up", "addr add 10.5.0.1/24 dev x0", "route add 10.1.0.0/16 via 10.5.0.2 table 100")
        self.prove("lower link deleted", "link del w0",
                   silent=route4("default"))

    def test_a_link_that_moves_to_another_namespace_takes_the_same_along(self):
        other = harness.Namespace()
        self.addCleanup(other.close)
        self.world(*self.ROUTES)
        self.prove("moved away", f"link set v0 netns {other.pid}", silent=self.SILENT | self.RULES)
        self.prove("moved back", lambda: other.ip("link", "set", "v0", "netns", self.ns.pid), silent=self.RULES)

    def test_the_peer_of_a_link_that_moves_away_and_what_lies_on_it_follow(self):
        other = harness.Namespace()
        self.addCleanup(other.close)
        self.world(f"link set w1 netns {other.pid}", "link add m0 link v0 type macvlan", "link set v0 down")
        self.prove("moved away while it was down, to a namespace that is known", f"link set v0 netns {other.pid}",
                   silent={("link", "v1"), ("link", "m0")})

    def test_one_hop_of_each_family_goes_with_its_link(self):
        self.world("addr add 10.0.0.1/24 dev v0", "addr add 10.9.0.1/24 dev w0",
                   "route add 10.2.0.0/16 nexthop via 10.0.0.2 nexthop via 10.9.0.2")
        self.prove("link deleted: IPv4 multipath", "link del v0", silent=route4("10.2.0.0/16"))

    def test_an_ipv6_hop_goes_with_its_link(self):
        self.world("-6 route add 2001:db8:1::/48 nexthop via fe80::2 dev v0 nexthop via fe80::2 dev w0")
        self.prove("link deleted: IPv6 multipath", "link del v0", silent=route6("2001:db8:1::/48"))

    def test_a_member_of_a_group_goes_with_its_link(self):
        self.world("addr add 10.0.0.1/24 dev v0", "addr add 10.9.0.1/24 dev w0", "nexthop add id 1 via 10.0.0.2 dev v0",
                   "nexthop add id 2 via 10.9.0.2 dev w0", "nexthop add id 9 group 1/2", "nexthop add id 8 group 1",
                   "route add 10.3.0.0/16 nhid 9", "route add 10.4.0.0/16 nhid 8")
        self.prove("link deleted: nexthop groups", "link del v0",
                   silent={("nexthop", 1), ("nexthop", 8), ("nexthop", 9)} | route4("10.3.0.0/16", "10.4.0.0/16"))

    def test_a_link_that_was_down_takes_what_is_left_along(self):
        self.world("link add i0 type ifb", "link set i0 up", "addr add 10.9.0.1/24 dev w0",
                   "route add 10.2.0.0/16 nexthop dev i0 nexthop via 10.9.0.2", "link set i0 down")
        self.prove("link deleted while it was down", "link del i0", silent=route4("10.2.0.0/16"))

    def test_an_index_that_is_used_again_is_another_link(self):
        self.world("link add name i0 index 77 type ifb", "link set i0 up", "addr add 10.5.0.1/24 dev i0",
                   "route add 10.6.0.0/16 via 10.5.0.2", "link set i0 alias first",
                   "link property add dev i0 altname other")
        self.prove("index reused", ["link del i0", "link add name i1 index 77 type ifb", "link set i1 up",
                                    "addr add 10.5.0.1/24 dev i1"], silent=route4("10.6.0.0/16"))
        self.assertNotIn("ifalias", self.ns.netvane_json("link", "show", "dev", "i1")[0])


if __name__ == "__main__":
    harness.main()
