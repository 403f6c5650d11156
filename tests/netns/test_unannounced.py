# SPDX-License-Identifier: MIT
"""What the kernel changes under a message that says nothing new is right without a reconcile.

Each case was found by differential.py and shrunk; linkwatch moves carriers up to a second after their cause.
"""

import time

import harness

LINKWATCH_S = 1.2


class Unannounced(harness.NetnsTest):
    def begin(self, *lines):
        self.ns.ip_batch(lines)
        time.sleep(LINKWATCH_S)
        self.ns.start_writer("--reconcile", "0")
        self.assert_equals_ip("the beginning")

    def finish(self, what):
        time.sleep(LINKWATCH_S * harness.SLOW)
        self.assert_equals_ip(what, patience=0.3)
        counters = self.ns.netvane_json("stat")["counters"]
        self.assertEqual((counters["reconciles"], counters["overruns"]), (0, 0), counters)
        harness.says(what)

    def test_routes_of_a_bridge_whose_port_went_before_it_was_ready_are_linkdown(self):
        self.begin("link add br0 type bridge", "link add p0 type veth peer name p1", "link set p0 up", "link set p1 up",
                   "addr add 10.6.0.1/24 dev br0")
        for _ in range(3):
            self.ns.ip_batch(["link set br0 down", "link set p0 master br0", "link set br0 up", "link set p0 down"])
            self.finish("a bridge lost its carrier while it came up: its routes are linkdown")
            self.ns.ip_batch(["link set p0 nomaster", "link set p0 up"])

    def test_carrier_that_is_back_before_it_was_told_gone_clears_linkdown(self):
        with harness.Namespace() as other:
            self.begin(f"link add v0 type veth peer name v1 netns {other.pid}", "link set v0 up")
            for n in range(3):
                # The first change is told at once, those of the second behind it together.
                other.ip_batch(["link set v1 up", "link set v1 down", "link set v1 up"])
                time.sleep(0.1)
                other.ip("link", "set", "v1", "down")
                self.ns.ip_batch([f"route add 10.{n}.0.0/16 dev v0", f"-6 route add 2001:db8:{n}::/64 dev v0"])
                other.ip("link", "set", "v1", "up")
                self.finish("a route was added between two carrier changes of which the kernel told none")

    def test_link_that_is_not_ready_marks_its_routes_when_anything_is_changed(self):
        self.begin("link add v0 type veth peer name v1", "link set v0 up", "link set v1 up", "link set v0 mode dormant",
                   "link set v1 down", "link set v1 up")
        self.ns.ip_batch(["-6 route add 2001:db8:5::/64 dev v0", "link set v0 group 3"])
        self.finish("a link that is dormant has IPv6 routes that are linkdown from its next change on")

    def test_link_too_small_for_ipv6_has_none_of_its_attributes(self):
        self.begin("link add v0 type veth peer name v1", "link set v0 up", "link set v1 up",
                   "addr add 2001:db8::1/64 dev v0")
        self.ns.ip("link", "set", "v0", "mtu", 600)
        self.finish("an mtu of 600 ends IPv6 of a link: no addr_gen_mode, addresses or routes are left")
        self.ns.ip("link", "set", "v0", "mtu", 1500)
        self.finish("an mtu of 1500 begins it again")
        self.ns.sysctl("ipv6/conf/all/keep_addr_on_down", 1)
        self.ns.ip("addr", "add", "2001:db8:1::1/64", "dev", "lo")
        self.ns.ip("link", "set", "lo", "mtu", 600)
        self.ns.ip("link", "set", "lo", "group", 2)
        self.finish("addresses that a loopback of 600 keeps are tentative from its next change on")

    def test_route_between_two_gateways_is_as_dumps_have_it(self):
        self.begin("link add v0 type veth peer name v1", "link set v0 up", "link set v1 up",
                   "addr add 2001:db8::1/64 dev v0")
        prefix = "2001:db8:5::/64 metric 7"
        for line in (f"add {prefix} via 2001:db8::2", f"append {prefix} dev v1", f"append {prefix} via 2001:db8::3",
                     f"append {prefix} via 2001:db8::4", f"del {prefix} via 2001:db8::2",
                     f"replace {prefix} via 2001:db8::5", f"append {prefix} via 2001:db8::6",
                     f"del {prefix} via 2001:db8::5", f"del {prefix} via 2001:db8::6",
                     f"append {prefix} via 2001:db8::7", f"replace {prefix} dev v0", f"del {prefix}", f"del {prefix}"):
            self.ns.ip("-6", "route", *line.split())
            self.assert_equals_ip(line, patience=0.3)
        self.finish("an IPv6 route without a gateway is shown or hidden as the hops around it come and go")

    def test_route_between_two_gateways_of_a_link_that_goes(self):
        self.begin("link add v0 type veth peer name v1", "link set v0 up", "link set v1 up",
                   "addr add 2001:db8::1/64 dev v0 nodad")
        self.ns.sysctl("ipv6/route/skip_notify_on_dev_down", 1)
        prefix = "2001:db8:5::/64 metric 7"
        hidden = ["append {} via 2001:db8::2", "append unreachable {}", "append {} via 2001:db8::3"]
        for goes in ("set v0 down", "del v0"):
            for route in hidden:
                self.ns.ip("-6", "route", *route.format(prefix).split())
            self.assert_equals_ip("hidden", patience=0.3)
            self.assertEqual(self.ns.ip_json("-6", "route", "show", "metric", "7", "type", "unreachable"), [])
            self.ns.ip("link", *goes.split())
            self.assert_equals_ip(goes, patience=0.3)
            self.assertEqual(len(self.ns.ip_json("-6", "route", "show", "metric", "7", "type", "unreachable")), 1)
            if goes.endswith("down"):
                self.ns.ip("-6", "route", "del", "unreachable", *prefix.split())
                self.ns.ip("link", "set", "v0", "up")
                self.ns.ip("addr", "replace", "2001:db8::1/64", "dev", "v0", "nodad")
        self.finish("an IPv6 route is hidden between two gateways until their link takes them along")


if __name__ == "__main__":
    harness.main()
