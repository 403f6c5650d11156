# SPDX-License-Identifier: MIT
"""The default route, its rivals with the reason why, and the egress are what the kernel would do."""

import time

import harness


class DefaultRoute(harness.NetnsTest):
    def setUp(self):
        super().setUp()
        self.ns.ip_batch(["link add a0 type veth peer name a1", "link add b0 type veth peer name b1"] +
                         [f"link set {dev} up" for dev in ("a0", "a1", "b0", "b1")] +
                         ["addr add 10.0.0.1/24 dev a0", "addr add 10.0.1.1/24 dev b0"])

    def default(self, family="-4"):
        time.sleep(0.1 * harness.SLOW)
        done = self.ns.run(*self.ns.netvane_command("-j", family, "default")[2:], check=False)
        return harness.json.loads(done.stdout)[0]

    def kernel(self, dst="198.41.0.4"):
        done = self.ns.run("ip", "-j", "route", "get", dst, check=False)
        return harness.json.loads(done.stdout)[0] if done.returncode == 0 else None

    def check_sound(self):
        done = self.ns.netvane("check", check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def assert_egress_is_the_kernels(self):
        egress, kernel = self.default()["egress"], self.kernel()
        if kernel is None:
            self.assertTrue(egress is None or egress["type"] in ("unreachable", "blackhole", "prohibit"), egress)
            return
        self.assertEqual((egress["dev"], egress.get("gateway"), egress.get("prefsrc")),
                         (kernel["dev"], kernel.get("gateway"), kernel.get("prefsrc")))

    def test_rivals_are_ranked_with_reasons(self):
        self.ns.ip_batch(["route add default via 10.0.0.254 metric 100", "route add default via 10.0.1.254 metric 50",
                          "route append default via 10.0.1.253 metric 50"])
        self.ns.start_writer()
        answer = self.default()
        self.assertEqual(answer["default"]["gateway"], "10.0.1.254")
        self.assertEqual([(c["gateway"], c.get("reason")) for c in answer["candidates"]],
                         [("10.0.1.254", None), ("10.0.1.253", "order"), ("10.0.0.254", "metric")])
        self.assert_egress_is_the_kernels()
        self.ns.ip("link", "set", "b0", "down")
        self.assertEqual(self.default()["default"]["gateway"], "10.0.0.254")
        self.assert_egress_is_the_kernels()
        self.check_sound()
        harness.says("metric and order decide; a link that goes down hands over")

    def test_a_dead_default_is_listed_but_is_none(self):
        self.ns.sysctl("ipv4/conf/all/ignore_routes_with_linkdown", 1)
        self.ns.ip("route", "add", "default", "via", "10.0.0.254")
        self.ns.start_writer()
        self.ns.ip("link", "set", "a1", "down")
        answer = self.default()
        self.assertIsNone(answer["default"])
        self.assertEqual([c.get("reason") for c in answer["candidates"]], ["no carrier"])
        self.assertIn("not usable: no carrier", self.ns.netvane("default", check=False).stdout)
        self.assert_egress_is_the_kernels()
        self.check_sound()
        self.ns.ip("link", "set", "a1", "up")
        self.assertEqual(self.default()["default"]["gateway"], "10.0.0.254")
        harness.says("a default without carrier is none where the kernel ignores it, and says why")

    def test_on_link_and_rejecting_defaults_are_answers(self):
        self.ns.start_writer()
        self.ns.ip("route", "add", "default", "dev", "a0")
        answer = self.default()
        self.assertEqual((answer["default"]["dev"], answer["default"].get("gateway")), ("a0", None))
        self.assert_egress_is_the_kernels()
        self.ns.ip("route", "replace", "unreachable", "default")
        self.assertEqual(self.default()["default"]["type"], "unreachable")
        self.assert_egress_is_the_kernels()
        self.check_sound()
        harness.says("a default without a gateway is a default; unreachable is an answer")

    def test_the_egress_follows_rules_and_longer_prefixes(self):
        self.ns.ip("route", "add", "default", "via", "10.0.0.254")
        self.ns.start_writer()
        for line in ("route add 128.0.0.0/1 via 10.0.1.253", "route add default via 10.0.1.9 table 100",
                     "rule add pref 100 table 100", "rule add pref 90 fwmark 1 table 200",
                     "rule add pref 80 not fwmark 1 table 100 suppress_prefixlength 0", "rule del pref 100",
                     "rule add pref 50 to 198.0.0.0/8 goto 32766", "rule add pref 40 iif lo prohibit"):
            self.ns.ip_batch([line])
            self.assert_egress_is_the_kernels()
        self.assertEqual(self.default()["default"]["gateway"], "10.0.0.254")
        self.assertEqual(self.ns.netvane_json("stat")["counters"]["egress_disagreed"], 0)
        harness.says("0/1 and 128/1, rules, suppress, goto and prohibit: the egress is ip route get's each time")


if __name__ == "__main__":
    harness.main()
