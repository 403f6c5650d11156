# SPDX-License-Identifier: MIT
"""What no event announces is right after the next full read; netvaned(8) lists it."""

import os
import signal
import time

import harness
from rows import LIMIT_MS, Monitor, Router, Row, changed, kernel, named, state


class Unannounced(Row):
    def sysfs(self, path, value):
        self.ns.run("unshare", "-m", "sh", "-c", f"mount -t sysfs none /sys && echo {value} >/sys/class/net/{path}")

    def whole(self, what, change):
        """Makes the change and hears nothing of it; a full read shows it. Where this kernel tells, it says so."""
        before, monitor = self.rest(), Monitor(self.ns)
        self.addCleanup(monitor.close)
        self.change(change)
        time.sleep(LIMIT_MS / 1000)
        after = kernel(self.ns)
        self.assertTrue(changed(before, after), f"{what}: the kernel did not change anything")
        told = not changed(before, after) - named(monitor.told(), before, after)
        wrong = harness.compare_answers(state(self.ns), after)
        if told:
            self.assertFalse(wrong, f"{what}: the kernel told, and the State is wrong")
        os.kill(self.writer.pid, signal.SIGHUP)
        deadline = time.monotonic() + 5 * harness.SLOW
        while harness.compare_answers(state(self.ns), kernel(self.ns)):
            self.assertLess(time.monotonic(), deadline, f"{what}: wrong even after a full read")
            time.sleep(0.02)
        words = "this kernel tells of it" if told else "nothing is told"
        words += "" if told or wrong else ", and yet it was right"
        harness.says(f"{what}: {words}; right after a full read")

    def test_attributes_of_a_link_that_is_down(self):
        self.world("link set v0 down")
        for words in ("alias hello", "group 5", "mode dormant", "addrgenmode none"):
            self.whole(f"link down: {words}", f"link set v0 {words}")
        self.whole("link down: altname", "link property add dev v0 altname other")

    def test_attributes_that_are_written_through_sysfs(self):
        self.world()
        self.whole("sysfs: group of a link that is up", lambda: self.sysfs("v0/netdev_group", 5))
        self.ns.ip("link", "set", "v0", "down")
        self.whole("sysfs: alias of a link that is down", lambda: self.sysfs("v0/ifalias", "hello"))

    def test_the_address_generation_mode_by_sysctl(self):
        self.world()
        self.whole("sysctl addr_gen_mode", lambda: self.ns.sysctl("ipv6/conf/v0/addr_gen_mode", 1))

    def test_ipv6_that_is_turned_off_on_a_link_without_any(self):
        self.world("link set v1 down", writer=False)
        for value in (1, 0):
            self.ns.sysctl("ipv6/conf/v0/disable_ipv6", value)
        self.ns.ip_batch(["-6 route add 2001:db8:1::/48 nexthop via 2001:db8:99::1 dev v0 onlink "
                          "nexthop via 2001:db8:99::2 dev w0 onlink"])
        self.start()
        self.whole("disable_ipv6 of a link without IPv6", lambda: self.ns.sysctl("ipv6/conf/v0/disable_ipv6", 1))

    def test_an_address_that_is_tentative(self):
        self.ns.sysctl("ipv6/conf/default/accept_dad", 1)
        self.world("link add n0 type veth peer name n1", "link set n0 up", "-6 addr add 2001:db8::1/64 dev n0")
        for words in ("valid_lft 700 preferred_lft 600", "valid_lft forever preferred_lft forever"):
            self.whole(f"a tentative address: {words}", f"-6 addr change 2001:db8::1/64 dev n0 {words}")

    def test_the_queueing_discipline(self):
        self.world(writer=False)
        if self.ns.run("tc", "qdisc", "add", "dev", "w0", "root", "pfifo", check=False).returncode:
            self.skipTest("tc is missing, or the kernel lacks pfifo")
        self.start()
        self.whole("queueing discipline", lambda: self.ns.run("tc", "qdisc", "add", "dev", "v0", "root", "pfifo"))

    def test_the_display_of_routes_by_nexthop_objects(self):
        self.world("addr add 10.0.0.1/24 dev v0", "nexthop add id 1 via 10.0.0.2 dev v0",
                   "route add 10.1.0.0/16 nhid 1")
        self.whole("nexthop_compat_mode", lambda: self.ns.sysctl("ipv4/nexthop_compat_mode", 0))

    def test_a_peer_that_moves_between_namespaces_that_are_known(self):
        spaces = [harness.Namespace() for _ in range(2)]
        for space in spaces:
            self.addCleanup(space.close)
        self.world("link set v1 netns {0.pid}".format(spaces[0]), "link set w1 netns {0.pid}".format(spaces[1]))
        self.whole("a veth's peer moves", lambda: spaces[0].ip("link", "set", "v1", "netns", spaces[1].pid))

    def test_advertisements_without_a_prefix(self):
        self.ns.ip_batch(list(self.WORLD))
        router = Router(self.ns, "v0", "v1")
        self.addCleanup(router.close)
        first = {"route": ("2001:db8:b::", 64, 900, 0)}
        router.advertise(**first)
        self.start()
        self.whole("advertised hop limit, no prefix", lambda: router.advertise(**first, hop_limit=33))
        self.whole("advertised router preference, no prefix", lambda: router.advertise(
            **first, hop_limit=33, preference=1))
        self.whole("advertised route's preference, no prefix", lambda: router.advertise(
            route=("2001:db8:b::", 64, 900, 1), hop_limit=33, preference=1))
        self.whole("advertised route's lifetime, no prefix", lambda: router.advertise(
            route=("2001:db8:b::", 64, 1900, 1), hop_limit=33, preference=1))


if __name__ == "__main__":
    harness.main()
