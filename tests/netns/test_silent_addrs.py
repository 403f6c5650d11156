# SPDX-License-Identifier: MIT
"""What changes without an event when addresses go, get other lifetimes, or are advertised: exact all the same."""

import time

import harness
from rows import Router, Row, kernel, route4, route6


class Ipv4(Row):
    ROUTES = ("addr add 10.0.0.1/24 dev v0", "addr add 10.9.0.1/24 dev w0", "route add default via 10.0.0.2",
              "route add 10.1.0.0/16 dev v0 table 100", "route add 10.2.0.0/16 table 200 nexthop via 10.0.0.2 "
              "nexthop via 10.9.0.2", "nexthop add id 1 via 10.0.0.2 dev v0", "route add 10.3.0.0/16 nhid 1")
    SILENT = route4("default") | route4("10.1.0.0/16", table="100") | route4("10.2.0.0/16", table="200")

    def test_the_last_ipv4_address_of_a_link_takes_all_its_routes_along(self):
        self.world(*self.ROUTES)
        self.prove("last IPv4 address deleted", "addr del 10.0.0.1/24 dev v0", silent=self.SILENT)
        self.prove("first IPv4 address added", "addr add 10.0.0.1/24 dev v0", silent=route4("10.2.0.0/16", table="200"))

    def test_a_flush_of_addresses_takes_all_the_links_routes_along(self):
        self.world(*self.ROUTES, "addr add 10.0.0.7/24 dev v0", "addr add 10.0.1.7/24 dev v0")
        self.prove("addresses flushed", lambda: self.ns.ip("addr", "flush", "dev", "v0"), silent=self.SILENT)

    def test_an_ipv4_address_that_routes_prefer_as_source_takes_them_along(self):
        self.world("addr add 10.0.0.1/24 dev v0", "addr add 10.0.0.7/32 dev v0", "addr add 10.9.0.1/24 dev w0",
                   "route add 10.1.0.0/16 via 10.0.0.2 src 10.0.0.7", "route add 10.2.0.0/16 dev w0 src 10.0.0.7",
                   "route add 10.3.0.0/16 dev w0 src 10.0.0.7 table 100")
        self.prove("an IPv4 preferred source deleted", "addr del 10.0.0.7/32 dev v0",
                   told=route4("10.1.0.0/16", "10.2.0.0/16"))
        left = self.ns.ip("route", "show", "table", "100").stdout  # the kernel looks in main only
        self.assertIn("10.3.0.0/16", left)

    def test_secondaries_go_with_their_primary_or_are_promoted(self):
        for promote in (0, 1):
            self.ns.sysctl("ipv4/conf/all/promote_secondaries", promote)
            dev = ("v0", "w0")[promote]
            lines = [f"addr add 10.{promote}.0.{n}/24 dev {dev}" for n in range(1, 5)]
            if promote:
                self.ns.ip_batch(lines)
            else:
                self.world(*lines, "addr add 10.5.0.1/24 dev v0", "addr add 10.6.0.1/24 dev w0")
            self.prove(f"primary deleted, promote_secondaries={promote}", f"addr del 10.{promote}.0.1/24 dev {dev}",
                       told={("addr", dev, f"10.{promote}.0.1"), ("addr", dev, f"10.{promote}.0.2")})

    def test_addresses_keep_the_kernels_order(self):
        self.ns.sysctl("ipv4/conf/all/promote_secondaries", 1)
        self.world(*(f"addr add 10.{n % 4}.0.{n + 1}/24 dev v0 scope {('link', 'global', 'host', 'global')[n % 4]}"
                     for n in range(12)))
        self.prove("a primary of a wider scope comes", "addr add 10.9.0.1/24 dev v0", told={("addr", "v0", "10.9.0.1")})
        self.prove("a secondary comes", "addr add 10.0.0.99/24 dev v0 scope link", told={("addr", "v0", "10.0.0.99")})
        for n in range(4):
            self.prove(f"primary {n + 1} goes", f"addr del 10.{n}.0.{n + 1}/24 dev v0",
                       told={("addr", "v0", f"10.{n}.0.{n + 1}")})
        self.prove("primaries go together", [f"addr del 10.{n}.0.{n + 5}/24 dev v0" for n in range(4)],
                   told={("addr", "v0", "10.2.0.7")})

    def test_addresses_are_told_apart_by_prefix_length_and_peer(self):
        self.world("addr add 10.0.0.1/24 dev v0")
        self.prove("the same address with other lengths, peers and links", [
            "addr add 10.0.0.1/16 dev v0", "addr add 10.0.0.1 peer 10.7.0.1/32 dev v0", "addr add 10.0.0.1/24 dev w0",
            "addr add 10.0.0.1 peer 10.7.0.2/32 dev v0 label v0:two"], told={("addr", "v0", "10.0.0.1")})
        self.prove("one of them deleted", "addr del 10.0.0.1/16 dev v0", told={("addr", "v0", "10.0.0.1")})
        self.prove("the one with a peer deleted", "addr del 10.0.0.1 peer 10.7.0.1/32 dev v0",
                   told={("addr", "v0", "10.0.0.1")})

    def test_an_ipv4_address_whose_lifetime_ends_takes_its_routes_along(self):
        self.world("addr add 10.0.0.1/24 dev v0")
        self.ns.ip("addr", "add", "10.5.0.1/24", "dev", "w0", "valid_lft", "5", "preferred_lft", "4")
        self.ns.ip("route", "add", "10.6.0.0/16", "via", "10.5.0.2")

        def wait():
            deadline = time.monotonic() + 20
            while "10.5.0.1" in str(kernel(self.ns)[1]):
                self.assertLess(time.monotonic(), deadline)
        self.prove("an IPv4 lifetime ends", wait, silent=route4("10.6.0.0/16"))


class Ipv6(Row):
    def test_an_ipv6_address_that_routes_prefer_as_source_is_taken_from_them(self):
        self.world("-6 addr add 2001:db8::1/64 dev v0 nodad", "-6 addr add 2001:db8:9::1/64 dev w0",
                   "-6 route add 2001:db8:1::/48 via 2001:db8::2 src 2001:db8::1",
                   "-6 route add 2001:db8:2::/48 via 2001:db8:9::2 src 2001:db8::1",
                   "-6 route add 2001:db8:3::/48 via 2001:db8::2 src 2001:db8::1 table 100")
        self.prove("an IPv6 preferred source deleted", "-6 addr del 2001:db8::1/64 dev v0",
                   silent=route6("2001:db8:1::/48", "2001:db8:2::/48") | route6("2001:db8:3::/48", table="100"))

    def test_a_changed_lifetime_changes_the_prefix_route(self):
        self.world("-6 addr add 2001:db8::1/64 dev v0", "addr add 10.0.0.1/24 dev v0")
        change = "addr change {} dev v0 valid_lft {} preferred_lft 100"
        self.prove("an IPv6 lifetime changed to limited", "-6 " + change.format("2001:db8::1/64", 700),
                   silent=route6("2001:db8::/64"))
        self.prove("an IPv6 lifetime changed", "-6 " + change.format("2001:db8::1/64", 900),
                   silent=route6("2001:db8::/64"))
        self.prove("an IPv6 lifetime changed to forever", "-6 addr change 2001:db8::1/64 dev v0 valid_lft forever "
                   "preferred_lft forever", silent=route6("2001:db8::/64"))
        self.prove("an IPv4 lifetime changed", change.format("10.0.0.1/24", 700), told={("addr", "v0", "10.0.0.1")})

    def test_an_address_that_is_told_as_it_was_changes_the_prefix_route(self):
        self.world("-6 addr add 2001:db8::1/64 dev v0", "-6 addr add 2001:db8::2/64 dev v0",
                   "-6 addr change 2001:db8::2/64 dev v0 valid_lft 700 preferred_lft 600")
        self.prove("an IPv6 address replaced by itself", "-6 addr replace 2001:db8::1/64 dev v0",
                   silent=route6("2001:db8::/64"))

    def test_ipv6_lifetimes_end(self):
        self.world("-6 addr add 2001:db8:9::1/64 dev w0")
        self.ns.ip("-6", "addr", "add", "2001:db8::1/64", "dev", "v0", "valid_lft", "5", "preferred_lft", "4")
        self.ns.ip("-6", "route", "add", "2001:db8:1::/48", "via", "2001:db8:9::2", "expires", "2")

        def wait():
            deadline = time.monotonic() + 30
            while "2001:db8::1" in str(kernel(self.ns)[1]):
                self.assertLess(time.monotonic(), deadline)
        self.prove("an IPv6 lifetime ends", wait, told={("addr", "v0", "2001:db8::1")})


class Advertised(Row):
    def setUp(self):
        super().setUp()
        self.ns.ip_batch(list(self.WORLD))
        self.router = Router(self.ns, "v0", "v1")
        self.addCleanup(self.router.close)

    def advertised(self, **first):
        self.first = {"prefix": ("2001:db8:a::", 3600, 1800), "route": ("2001:db8:b::", 64, 900, 0), **first}
        self.router.advertise(**self.first)
        self.start()
        self.assertIn("2001:db8:a:", str(kernel(self.ns)[1]), "the advertisement was not taken")

    def again(self, row, silent=(), told=(), **changes):
        self.prove(row, lambda: self.router.advertise(**{**self.first, **changes}), silent, told)

    def test_advertised_lifetimes_change_routes(self):
        self.advertised()
        self.again("advertised prefix: longer lifetimes", prefix=("2001:db8:a::", 7200, 3600),
                   silent=route6("2001:db8:a::/64"))
        self.again("advertised router: longer lifetime", lifetime=5400, prefix=("2001:db8:a::", 7200, 3600),
                   silent=route6("default"))
        self.again("advertised route: longer lifetime", lifetime=5400, prefix=("2001:db8:a::", 7200, 3600),
                   route=("2001:db8:b::", 64, 5000, 0), silent=route6("2001:db8:b::/64"))

    def test_a_router_and_its_route_go(self):
        self.advertised()
        self.again("advertised route withdrawn", route=("2001:db8:b::", 64, 0, 0), told=route6("2001:db8:b::/64"))
        self.again("router withdrawn", route=("2001:db8:b::", 64, 0, 0), lifetime=0, told=route6("default"))

    def test_advertised_preferences_change_routes(self):
        self.advertised()
        self.again("advertised route: high preference", route=("2001:db8:b::", 64, 900, 1),
                   silent=route6("2001:db8:b::/64"))
        self.again("advertised router: high preference", preference=1, route=("2001:db8:b::", 64, 900, 1),
                   silent=route6("default"))

    def test_an_advertised_hop_limit_changes_routes(self):
        self.advertised()
        self.again("advertised hop limit", hop_limit=33, silent=route6("default"))

    def test_an_advertised_mtu_changes_routes(self):
        self.advertised()
        self.again("advertised MTU", mtu=1400, silent=route6("default"))

    def test_an_advertised_mtu_changes_routes_also_without_a_prefix(self):
        self.first = {"route": ("2001:db8:b::", 64, 900, 0)}
        self.router.advertise(**self.first)
        self.start()
        self.again("advertised MTU, no prefix", mtu=1400, silent=route6("default"))


if __name__ == "__main__":
    harness.main()
