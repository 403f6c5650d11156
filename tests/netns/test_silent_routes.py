# SPDX-License-Identifier: MIT
"""Routes, nexthop objects and rules: what their events leave out, and which of several equals they mean."""

import contextlib

import harness
from rows import Row, route4, route6


class Ipv4Lists(Row):
    PREFIX = "10.1.0.0/16"

    def setUp(self):
        super().setUp()
        self.world("addr add 10.0.0.1/24 dev v0", "addr add 10.9.0.1/24 dev w0",
                   *(f"route append {self.PREFIX} via 10.0.0.{n}" for n in (2, 3, 4)))
        self.key = route4(self.PREFIX)

    def test_append_and_prepend_put_a_route_last_and_first(self):
        self.prove("append", f"route append {self.PREFIX} via 10.9.0.2", told=self.key)
        self.prove("prepend", f"route prepend {self.PREFIX} via 10.9.0.3", told=self.key)
        self.prove("prepend one that is there", f"route prepend {self.PREFIX} via 10.0.0.4 proto bird", told=self.key)

    def test_replace_and_change_take_the_first(self):
        self.prove("replace", f"route replace {self.PREFIX} via 10.9.0.2", told=self.key)
        self.prove("change", f"route change {self.PREFIX} via 10.9.0.3 mtu 1300", told=self.key)

    def test_a_delete_that_names_a_part_takes_the_first_that_fits(self):
        self.ns.ip_batch([f"route append {self.PREFIX} via 10.0.0.4 proto bird",
                          f"route append {self.PREFIX} dev w0 scope link"])
        self.prove("delete by link", f"route del {self.PREFIX} dev w0", told=self.key)
        self.prove("delete by protocol", f"route del {self.PREFIX} proto bird", told=self.key)
        self.prove("delete by gateway", f"route del {self.PREFIX} via 10.0.0.3", told=self.key)
        self.prove("delete by prefix alone", f"route del {self.PREFIX}", told=self.key)

    def test_routes_that_differ_in_tos_or_metric_are_different_ones(self):
        self.prove("other tos and metrics", [f"route add {self.PREFIX} via 10.0.0.2 tos 0x10",
                                             f"route add {self.PREFIX} via 10.0.0.2 metric 7",
                                             f"route append {self.PREFIX} via 10.0.0.3 metric 7",
                                             f"route add {self.PREFIX} via 10.0.0.2 table 100"], told=self.key)
        self.prove("one of them replaced", f"route replace {self.PREFIX} via 10.0.0.9 metric 7", told=self.key)

    def test_a_list_keeps_its_order_when_a_link_takes_some_of_it_along(self):
        self.ns.ip_batch([f"route append {self.PREFIX} via 10.9.0.{n}" for n in (2, 3)] +
                         [f"route append {self.PREFIX} via 10.0.0.9"])
        self.prove("a link goes down that some of a list go through", "link set w0 down", silent=self.key)


class Ipv6Sets(Row):
    PREFIX = "2001:db8:1::/48"

    def setUp(self):
        super().setUp()
        self.world("-6 addr add 2001:db8::1/64 dev v0", "-6 addr add 2001:db8:9::1/64 dev w0",
                   f"-6 route add {self.PREFIX} via 2001:db8::2 proto static")
        self.key = route6(self.PREFIX)

    def test_append_merges_into_one_multipath_route(self):
        for n in range(3):
            self.prove(f"append {n + 1}", f"-6 route append {self.PREFIX} via 2001:db8:9::{9 - n}", told=self.key)
        self.prove("append with metrics and another protocol",
                   f"-6 route append {self.PREFIX} via 2001:db8::7 proto bird mtu 1300", told=self.key)
        self.prove("a sibling deleted", f"-6 route del {self.PREFIX} via 2001:db8:9::8", told=self.key)
        self.prove("the first deleted", f"-6 route del {self.PREFIX} via 2001:db8::2", told=self.key)
        self.prove("all deleted", f"-6 route del {self.PREFIX}", told=self.key)

    def test_a_multipath_route_may_be_replaced_by_routes_of_other_kinds(self):
        self.ns.ip_batch([f"-6 route append {self.PREFIX} via 2001:db8:9::9",
                          f"-6 route append {self.PREFIX} dev w0", f"-6 route append {self.PREFIX} dev v0"])
        self.prove("replaced by a gateway", f"-6 route replace {self.PREFIX} via 2001:db8::5", told=self.key)
        self.prove("replaced by a link", f"-6 route replace {self.PREFIX} dev w0 mtu 1300", told=self.key)
        self.prove("replaced by a multipath route", f"-6 route replace {self.PREFIX} nexthop via 2001:db8::5 "
                   "nexthop via 2001:db8:9::5 weight 3", told=self.key)
        self.prove("changed", f"-6 route change {self.PREFIX} via 2001:db8::6 mtu 1300", told=self.key)
        self.prove("replaced by a rejecting one", f"-6 route replace unreachable {self.PREFIX}", told=self.key)

    def test_routes_that_differ_in_source_or_metric_are_different_ones(self):
        with contextlib.suppress(AssertionError):  # a kernel without CONFIG_IPV6_SUBTREES refuses it
            self.ns.ip_batch([f"-6 route add {self.PREFIX} from 2001:db8:7::/48 via 2001:db8::2"])
        self.prove("another metric", f"-6 route add {self.PREFIX} via 2001:db8::2 metric 7", told=self.key)
        self.prove("expires", f"-6 route replace {self.PREFIX} via 2001:db8::2 metric 7 expires 300", told=self.key)
        self.prove("expires later", f"-6 route replace {self.PREFIX} via 2001:db8::2 metric 7 expires 900")

    def test_the_mtu_of_a_link_changes_routes_that_name_one(self):
        self.ns.ip_batch(["-6 route add 2001:db8:2::/48 via 2001:db8::2 mtu 1500",
                          "-6 route add 2001:db8:3::/48 via 2001:db8::2 mtu 1400 table 100"])
        self.prove("link's MTU lowered", "link set v0 mtu 1300",
                   silent=route6("2001:db8:2::/48") | route6("2001:db8:3::/48", table="100"))
        self.prove("link's MTU raised", "link set v0 mtu 1500", silent=route6("2001:db8:2::/48"))

    def test_routes_of_type_anycast_come_with_forwarding(self):
        self.prove("forwarding on", lambda: self.ns.sysctl("ipv6/conf/v0/forwarding", 1),
                   told=route6("2001:db8::", table="local"))
        self.prove("forwarding off", lambda: self.ns.sysctl("ipv6/conf/v0/forwarding", 0),
                   told=route6("2001:db8::", table="local"))

    def test_the_addresses_of_the_loopback_bring_routes_that_are_told(self):
        self.prove("an address of the loopback", "addr add 10.50.0.1/24 dev lo",
                   told=route4("10.50.0.1", "10.50.0.255", table="local"))
        self.prove("it goes", "addr del 10.50.0.1/24 dev lo", told=route4("10.50.0.1", "10.50.0.255", table="local"))


class Nexthops(Row):
    WORLD4 = ("addr add 10.0.0.1/24 dev v0", "addr add 10.9.0.1/24 dev w0", "nexthop add id 1 via 10.0.0.2 dev v0",
              "nexthop add id 2 via 10.9.0.2 dev w0", "nexthop add id 3 via 10.9.0.3 dev w0",
              "nexthop add id 9 group 1/2", "nexthop add id 8 group 3", "route add 10.1.0.0/16 nhid 1",
              "route add 10.2.0.0/16 nhid 9 table 100", "route add 10.3.0.0/16 nhid 8 table 300",
              "-6 addr add 2001:db8::1/64 dev v0", "-6 nexthop add id 11 via 2001:db8::2 dev v0",
              "-6 nexthop add id 12 via 2001:db8::3 dev v0", "nexthop add id 19 group 11/12",
              "-6 route add 2001:db8:1::/48 nhid 11", "-6 route add 2001:db8:2::/48 nhid 19")

    def test_a_deleted_nexthop_takes_its_ipv4_routes_along(self):
        self.world(*self.WORLD4)
        self.prove("nexthop deleted", "nexthop del id 1",
                   silent=route4("10.1.0.0/16") | route4("10.2.0.0/16", table="100"))
        self.prove("group deleted", "nexthop del id 9", silent=route4("10.2.0.0/16", table="100"))
        self.prove("the only member of a group deleted", "nexthop del id 3", silent=route4("10.3.0.0/16", table="300"))
        self.prove("IPv6 nexthop deleted", "nexthop del id 11", told={("nexthop", 11)} | route6("2001:db8:1::/48"))
        self.prove("IPv6 group deleted", "nexthop del id 19", told={("nexthop", 19)} | route6("2001:db8:2::/48"))

    def test_a_replaced_nexthop_changes_the_routes_that_name_it(self):
        for compat in (1, 0):
            with self.subTest(compat=compat):
                self.ns.sysctl("ipv4/nexthop_compat_mode", compat)
                if compat:
                    self.world(*self.WORLD4)
                else:
                    self.ns.ip_batch(["route replace 10.1.0.0/16 nhid 1", "-6 route replace 2001:db8:1::/48 nhid 11"])
                    self.writer.terminate()
                    self.writer.wait()
                    self.start()
                silent = route4("10.1.0.0/16") if compat else ()
                self.prove(f"nexthop replaced, compat mode {compat}",
                           f"nexthop replace id 1 via 10.0.0.{5 + compat} dev v0", told={("nexthop", 1), *silent})
                self.prove(f"nexthop replaced by one of another link, compat mode {compat}",
                           f"nexthop replace id 1 via 10.9.0.{5 + compat} dev w0", told={("nexthop", 1), *silent})
                self.prove(f"IPv6 nexthop replaced, compat mode {compat}",
                           f"nexthop replace id 11 via 2001:db8::{5 + compat} dev v0", told={("nexthop", 11)})
                self.prove(f"group replaced, compat mode {compat}", f"nexthop replace id 9 group {2 + compat}/1",
                           told={("nexthop", 9)})

    def test_without_compat_mode_deleted_nexthops_take_routes_along_too(self):
        self.ns.sysctl("ipv4/nexthop_compat_mode", 0)
        self.world(*self.WORLD4)
        self.prove("nexthop deleted, no compat mode", "nexthop del id 1", silent=route4("10.1.0.0/16"))
        self.prove("IPv6 nexthop deleted, no compat mode", "nexthop del id 11", silent=route6("2001:db8:1::/48"))
        self.prove("link down, no compat mode", "link set w0 down",
                   silent={("nexthop", 2), ("nexthop", 3), ("nexthop", 8), ("nexthop", 9)} |
                   route4("10.2.0.0/16", table="100") | route4("10.3.0.0/16", table="300"))
        self.prove("link deleted, no compat mode", "link del v0", silent={("nexthop", 12), ("nexthop", 19)} |
                   route6("2001:db8:2::/48"))

    def test_a_resilient_group_rebalances_and_shrinks(self):
        self.world("addr add 10.0.0.1/24 dev v0", "nexthop add id 1 via 10.0.0.2 dev v0",
                   "nexthop add id 2 via 10.0.0.3 dev v0",
                   "nexthop add id 9 group 1/2 type resilient buckets 8 idle_timer 1 unbalanced_timer 2",
                   "route add 10.1.0.0/16 nhid 9")
        self.prove("resilient group gets other weights",
                   "nexthop replace id 9 group 1,3/2,1 type resilient idle_timer 5 unbalanced_timer 7",
                   told={("nexthop", 9)})
        self.prove("resilient group loses a member", "nexthop del id 1", silent=route4("10.1.0.0/16"))

    def test_a_blackhole_nexthop_and_its_routes_may_become_others(self):
        self.world("addr add 10.0.0.1/24 dev v0", "nexthop add id 1 blackhole", "route add 10.1.0.0/16 nhid 1")
        self.prove("blackhole nexthop replaced", "nexthop replace id 1 via 10.0.0.2 dev v0", told={("nexthop", 1)})
        self.prove("replaced by a blackhole", "nexthop replace id 1 blackhole", told={("nexthop", 1)})

    def test_nexthops_that_no_route_names_cost_no_read_of_routes(self):
        self.world("addr add 10.0.0.1/24 dev v0", "route add 10.1.0.0/16 via 10.0.0.2")
        self.prove("new nexthop", "nexthop add id 1 via 10.0.0.2 dev v0", told={("nexthop", 1)})
        self.prove("it goes", "nexthop del id 1", told={("nexthop", 1)})


class Rules(Row):
    def test_goto_is_unresolved_while_its_target_is_missing(self):
        self.world()
        for kind, family in (("rule4", ""), ("rule6", "-6 ")):
            self.prove(f"{kind}: goto without target", f"{family}rule add pref 100 from all goto 200",
                       told={(kind, 100)})
            self.prove(f"{kind}: its target comes", f"{family}rule add pref 200 from all lookup main",
                       silent={(kind, 100)})
            self.prove(f"{kind}: its target goes", f"{family}rule del pref 200", silent={(kind, 100)})

    def test_rules_of_one_priority_keep_the_order_in_which_they_came(self):
        self.world()
        for kind, family in (("rule4", ""), ("rule6", "-6 ")):
            self.prove(f"{kind}s of one priority", [f"{family}rule add pref 100 fwmark {n} lookup {200 - n}"
                                                    for n in (5, 3, 9, 1)], told={(kind, 100)})
            self.prove(f"{kind}: one in the middle goes", f"{family}rule del pref 100 fwmark 3", told={(kind, 100)})
            self.prove(f"{kind}: and comes last", f"{family}rule add pref 100 fwmark 3 lookup 7", told={(kind, 100)})

    def test_the_first_rule_parts_table_local_from_main(self):
        self.world("addr add 10.0.0.1/24 dev v0")
        self.prove("the first rule of all", "rule add pref 100 fwmark 5 lookup 100", told={("rule4", 100)})
        self.prove("an address afterwards", "addr add 10.9.0.1/24 dev w0", told=route4("10.9.0.1", table="local"))
        self.prove("rules flushed", lambda: self.ns.ip("rule", "flush"), told={("rule4", 100)})


if __name__ == "__main__":
    harness.main()
