# SPDX-License-Identifier: MIT
"""What changes of a link without an event when another one changes, a name or a sysctl does: exact all the same."""

import harness
from rows import Row, route4, route6


class Neighbours(Row):
    def test_a_bridge_follows_the_carrier_and_the_departure_of_its_ports(self):
        self.world("link add br0 type bridge", "link set v0 master br0", "link set br0 up",
                   "addr add 10.0.0.1/24 dev br0", "route add 10.1.0.0/16 via 10.0.0.2",
                   "-6 addr add 2001:db8::1/64 dev br0", "-6 route add 2001:db8:1::/48 via 2001:db8::2")
        silent = route4("10.1.0.0/16") | route6("2001:db8:1::/48")
        self.prove("the only port of a bridge loses its carrier", "link set v1 down", silent=silent)
        self.prove("the only port of a bridge has its carrier again", "link set v1 up", silent=silent)
        self.prove("the only port of a bridge goes down", "link set v0 down", silent=silent)
        self.prove("the only port of a bridge comes up", "link set v0 up", silent=silent)
        self.prove("the only port leaves its bridge", "link set v0 nomaster", silent=silent)
        self.prove("a port joins a bridge", "link set v0 master br0", silent=silent)
        self.prove("the only port of a bridge is deleted", "link del v0", silent=silent)

    def test_bridges_that_lose_their_ports_together_have_no_carrier(self):
        """Other news of carriers than urgent ones are held back for up to a second; those of a bridge may be."""
        self.world("link add br0 address 02:00:00:00:00:77 type bridge", "link set br0 up", "link set v0 master br0",
                   "link add br1 address 02:00:00:00:00:78 type bridge", "link set br1 up", "link set w0 master br1")
        self.prove("two bridges lose their ports", ["link set w0 nomaster", "link set v0 nomaster"],
                   silent={("link", "br0")})

    def test_a_port_that_leaves_its_bridge_is_still_there(self):
        self.world("link add br0 type bridge", "link set br0 up", "link set v0 master br0",
                   "addr add 10.0.0.1/24 dev v0", "route add 10.1.0.0/16 via 10.0.0.2")
        self.prove("port leaves a bridge", "link set v0 nomaster", told={("link", "v0")})
        self.assertEqual(self.ns.netvane_json("link", "show", "dev", "v0")[0]["ifname"], "v0")

    def test_a_bridge_with_spanning_tree_has_carrier_when_a_port_forwards(self):
        self.world("link add br0 type bridge stp_state 1 forward_delay 200", "link set br0 up",
                   "addr add 10.0.0.1/24 dev br0", "route add 10.1.0.0/16 via 10.0.0.2")
        self.prove("a port of a bridge with spanning tree", "link set v0 master br0")
        self.rest()
        self.prove("spanning tree is switched off", "link set br0 type bridge stp_state 0")

    def test_a_macvlan_follows_its_lower_link(self):
        self.world("link add m0 link v0 type macvlan", "link set m0 up", "addr add 10.0.0.1/24 dev m0",
                   "route add 10.1.0.0/16 via 10.0.0.2")
        silent = route4("10.1.0.0/16")
        self.prove("a macvlan's lower link loses its carrier", "link set v1 down", silent=silent)
        self.prove("a macvlan's lower link has its carrier again", "link set v1 up", silent=silent)
        self.prove("a macvlan's lower link goes down", "link set v0 down")
        self.prove("a macvlan's lower link changes its MTU", "link set v0 mtu 1300", told={("link", "m0")})
        self.prove("a macvlan's lower link comes up", "link set v0 up")

    def test_dormant_and_testing_links_say_so(self):
        self.world("addr add 10.0.0.1/24 dev v0", "route add 10.1.0.0/16 via 10.0.0.2",
                   "link add m0 link v0 type macvlan", "link set m0 up", "addr add 10.5.0.1/24 dev m0")
        self.prove("mode dormant", "link set v0 mode dormant")
        self.prove("mode default", "link set v0 mode default")
        self.prove("state dormant", "link set v0 state dormant")
        self.prove("carrier lost while dormant", "link set v1 down", silent=route4("10.1.0.0/16"))
        self.prove("carrier back while dormant", "link set v1 up", silent=route4("10.1.0.0/16"))
        self.prove("state up", "link set v0 state up")

    def test_a_renamed_link_takes_the_hold_of_rules_along(self):
        self.world("rule add pref 50 iif v0 table 100", "rule add pref 51 iif later table 100",
                   "-6 rule add pref 52 oif v0 table 100", "link property add dev v0 altname other")
        self.prove("renamed while up", "link set v0 name later",
                   silent={("rule4", 50), ("rule4", 51), ("rule6", 52)})
        self.prove("renamed to what another one was called", ["link set w0 name v0"],
                   silent={("rule4", 50), ("rule6", 52)})

    def test_rules_attach_to_a_link_that_comes(self):
        self.world("rule add pref 50 iif n0 table 100", "-6 rule add pref 51 oif n1 table 100")
        self.prove("a link comes that rules name", "link add n0 type veth peer name n1",
                   silent={("rule4", 50), ("rule6", 51)})

    def test_both_ends_of_a_new_veth_know_each_other(self):
        self.world()
        self.prove("a new veth", "link add n0 type veth peer name n1", told={("link", "n0"), ("link", "n1")})

    def test_the_peer_of_a_veth_may_move_between_namespaces(self):
        first, second = harness.Namespace(), harness.Namespace()
        self.addCleanup(first.close)
        self.addCleanup(second.close)
        self.world()
        self.prove("the peer moves to another namespace", f"link set v1 netns {first.pid}", silent={("link", "v0")})
        self.prove("the peer moves on", lambda: first.ip("link", "set", "v1", "netns", second.pid),
                   silent={("link", "v0")})
        self.prove("the peer comes back", lambda: second.ip("link", "set", "v1", "netns", self.ns.pid),
                   silent={("link", "v0")})

    def test_sysctls_of_ipv6_change_routes_of_a_link(self):
        self.world("-6 addr add 2001:db8::1/64 dev v0", "-6 addr add 2001:db8:9::1/64 dev w0",
                   "-6 route add 2001:db8:1::/48 nexthop via 2001:db8::2 nexthop via 2001:db8:9::2")
        for key, value in (("keep_addr_on_down", 1), ("forwarding", 1), ("disable_ipv6", 1), ("disable_ipv6", 0)):
            self.prove(f"ipv6.conf.v0.{key}={value}",
                       lambda k=key, v=value: self.ns.sysctl(f"ipv6/conf/v0/{k}", v),
                       silent=route6("2001:db8:1::/48") if (key, value) == ("disable_ipv6", 1) else ())
        self.ns.sysctl("ipv6/conf/w0/keep_addr_on_down", 1)
        self.prove("link down with keep_addr_on_down", "link set w0 down")
        self.prove("link up with keep_addr_on_down", "link set w0 up")

    def test_a_message_about_a_loopback_without_ipv6_makes_its_addresses_tentative_again(self):
        self.world("link set lo up")
        self.ns.sysctl("ipv6/conf/all/keep_addr_on_down", 1)
        self.ns.ip_batch(["link set lo mtu 600", "link set lo addrgenmode none", "-6 addr add 2001:db8:5::5/64 dev lo"])
        self.prove("a message with nothing new", "link set lo addrgenmode none",
                   silent={("addr", "lo", "2001:db8:5::5")})

    def test_links_nexthops_and_addresses_come_and_go_without_a_read_of_all_routes(self):
        routes = 3000
        self.world("addr add 10.0.0.1/24 dev v0", "-6 addr add 2001:db8::1/64 dev v0",
                   *(f"route add 11.{n >> 8}.{n & 255}.0/24 via 10.0.0.2" for n in range(routes)),
                   *(f"-6 route add 2001:db8:{n:x}::/48 via 2001:db8::2" for n in range(1, routes)))
        before = self.ns.netvane_json("stat")["counters"]
        for n in range(5):
            self.ns.ip_batch([f"link add c{n} type veth peer name d{n}", f"link set c{n} up", f"link set d{n} up",
                              f"addr add 10.7.{n}.1/24 dev c{n}", f"-6 addr add 2001:db8:7:{n}::1/64 dev c{n}",
                              f"route add 10.8.{n}.0/24 via 10.7.{n}.2", f"nexthop add id {n + 1} via 10.7.{n}.2 dev c{n}"])
            self.rest()
            self.ns.ip_batch([f"link set d{n} down", f"-6 addr del 2001:db8:7:{n}::1/64 dev c{n}", f"link del c{n}"])
            self.rest()
        after = self.ns.netvane_json("stat")["counters"]
        shown = after["dump_messages"] - before["dump_messages"]
        self.assertLess(shown, routes)
        harness.says(f"5 links came and went beside {2 * routes} routes: {after['dumps'] - before['dumps']} re-reads showed "
                     f"{shown} objects in all")

    def test_a_tun_that_nobody_holds_goes_down_and_up_without_a_carrier(self):
        self.world("tuntap add dev t0 mode tun", "link set t0 up", "addr add 10.0.0.1/24 dev t0",
                   "addr add 10.9.0.1/24 dev w0", "route add 10.1.0.0/16 dev t0",
                   "route add 10.2.0.0/16 nexthop dev t0 nexthop via 10.9.0.2")
        self.prove("a tun goes down", "link set t0 down", silent=route4("10.1.0.0/16", "10.2.0.0/16"))
        self.prove("a tun comes up", "link set t0 up", silent=route4("10.2.0.0/16"))


if __name__ == "__main__":
    harness.main()
