# SPDX-License-Identifier: MIT
"""What changes nothing that a user would see moves no topic, however many events it makes."""

import contextlib
import os
import signal
import socket
import struct
import time

import harness
from rows import Monitor, Router, Row, inside, kernel

TOPICS_OFFSET = 0x480  # netvane-region(5)
TOPICS = ("default4", "default6", "links", "addrs", "routes", "rules", "nexthops", "health")


class QuietTopics(Row):
    def setUp(self):
        super().setUp()
        self.ns.ip_batch([*self.WORLD, "addr add 10.0.0.1/24 dev v0", "-6 addr add 2001:db8::1/64 dev v0",
                          "addr add 10.9.0.1/24 dev w0 valid_lft 900 preferred_lft 500",
                          "-6 addr add 2001:db8:9::1/64 dev w0 valid_lft 900 preferred_lft 500",
                          "route add default via 10.0.0.2", "-6 route add default via 2001:db8::2",
                          "route append 10.1.0.0/16 via 10.0.0.2", "route append 10.1.0.0/16 via 10.0.0.3",
                          "-6 route add 2001:db8:1::/48 nexthop via 2001:db8::2 nexthop via 2001:db8:9::2",
                          "rule add pref 100 fwmark 5 lookup 100", "nexthop add id 1 via 10.0.0.2 dev v0",
                          "nexthop add id 2 group 1", "route add 10.2.0.0/16 nhid 2"])

    def generations(self):
        with open(os.path.join(self.ns.dir, "default"), "rb") as region:
            region.seek(TOPICS_OFFSET)
            return dict(zip(TOPICS, struct.unpack("16I", region.read(64))[1:]))  # behind the word of all

    def quiet(self, what, change, expect_events=True, but=()):
        self.rest()
        monitor = Monitor(self.ns)
        self.addCleanup(monitor.close)
        before, version = self.generations(), self.ns.version()
        self.change(change)
        time.sleep(0.3 * harness.SLOW)
        events = sum(1 for _ in monitor.messages())
        if expect_events:
            self.assertGreater(events, 0, f"{what}: the kernel said nothing, so that this proves nothing")
        after = self.generations()
        moved = [topic for topic in before if before[topic] != after[topic] and topic not in but]
        self.assertEqual(moved, [], f"{what}\n{self.ns.writer_log()}")
        wrong = harness.compare_answers(harness.ask(self.ns.netvane_json), kernel(self.ns))
        self.assertFalse(wrong, what)
        harness.says(f"{what}: {events} events, {self.ns.version() - version} versions, and no topic moved")

    def test_generations_are_read_where_they_are(self):
        self.start()
        before = self.generations()
        self.ns.ip("addr", "add", "10.77.0.1/24", "dev", "v0")
        time.sleep(0.3 * harness.SLOW)
        after = self.generations()
        self.assertEqual({t for t in before if before[t] != after[t]}, {"addrs", "routes"})
        harness.says("an address moves addrs and routes")

    def test_what_is_replaced_by_its_equal_moves_nothing(self):
        self.start()
        self.quiet("routes replaced by their equals", [
            "route replace default via 10.0.0.2", "route change default via 10.0.0.2",
            "-6 route replace default via 2001:db8::2", "-6 route change default via 2001:db8::2",
            "route replace 10.1.0.0/16 via 10.0.0.2", "route replace 10.2.0.0/16 nhid 2",
            "-6 route replace 2001:db8:1::/48 nexthop via 2001:db8::2 nexthop via 2001:db8:9::2"])
        self.quiet("addresses changed to what they are", [
            "addr change 10.9.0.1/24 dev w0 valid_lft 900 preferred_lft 500", "addr replace 10.0.0.1/24 dev v0",
            "-6 addr change 2001:db8:9::1/64 dev w0 valid_lft 900 preferred_lft 500",
            "-6 addr replace 2001:db8::1/64 dev v0"])
        self.quiet("lifetimes of addresses prolonged", [
            "addr change 10.9.0.1/24 dev w0 valid_lft 1900 preferred_lft 1500",
            "-6 addr change 2001:db8:9::1/64 dev w0 valid_lft 1900 preferred_lft 1500"])
        self.quiet("nexthop objects replaced by their equals", [
            "nexthop replace id 1 via 10.0.0.2 dev v0", "nexthop replace id 2 group 1"])

    def test_what_comes_and_goes_again_before_it_is_seen_moves_nothing(self):
        writer = self.ns.start_writer("--reconcile", "0")

        def flicker():
            os.kill(writer.pid, signal.SIGSTOP)
            for line in ("link set w1 down", "link set w1 up", "route add 10.5.0.0/16 via 10.0.0.2",
                         "route del 10.5.0.0/16", "rule add pref 7 lookup 5", "rule del pref 7"):
                self.ns.ip(*line.split())
            os.kill(writer.pid, signal.SIGCONT)
        changes = self.carrier_changes()
        self.quiet("a carrier that went and came while the writer did not look", flicker)
        self.assertGreater(self.carrier_changes(), changes)
        harness.says("only the carrier's counter is another")

    def carrier_changes(self):
        return int(self.ns.run("unshare", "-m", "sh", "-c", "mount -t sysfs none /sys && "
                               "cat /sys/class/net/w0/carrier_changes").stdout)

    def test_neighbours_and_lookups_move_nothing(self):
        self.start()
        self.quiet("neighbours", ["neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev v0",
                                  "neigh del 10.0.0.2 dev v0"])
        self.quiet("lookups of routes", [f"route get 10.{n}.0.9" for n in range(20)] +
                   [f"-6 route get 2001:db8:1::{n}" for n in range(1, 20)], expect_events=False)

    def test_a_full_re_read_without_a_change_moves_nothing(self):
        self.start()
        resyncs = self.ns.netvane_json("stat")["counters"]["resyncs"]
        self.quiet("a full re-read", lambda: os.kill(self.writer.pid, signal.SIGHUP), expect_events=False,
                   but=("health",))
        self.assertEqual(self.ns.netvane_json("stat")["counters"]["resyncs"], resyncs + 1)

    # ---- with a host at the other end ---------------------------------------------------------------------

    def peer(self):
        router = Router(self.ns, "v0", "v1")
        self.addCleanup(router.close)
        router.ns.ip_batch(["addr add 10.0.0.2/24 dev v1", "-6 addr add 2001:db8::2/64 dev v1"])
        return router

    def test_a_refreshed_advertisement_moves_nothing(self):
        router = self.peer()
        first = {"prefix": ("2001:db8:a::", 3600, 1800), "route": ("2001:db8:b::", 64, 900, 0), "mtu": 1500}
        router.advertise(**first)
        self.start()
        self.assertIn("2001:db8:a:", str(kernel(self.ns)[1]))
        time.sleep(2.5)  # so that what the kernel counts down has moved
        self.quiet("a router advertises the same again", lambda: router.advertise(**first))
        self.quiet("a router prolongs what it advertises", lambda: router.advertise(
            **{**first, "prefix": ("2001:db8:a::", 7200, 3600), "route": ("2001:db8:b::", 64, 1900, 0)}, lifetime=5000))

    def test_traffic_moves_nothing(self):
        self.peer()
        self.start()

        def send():
            with inside(self.ns):
                sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            with sender:
                for _ in range(500):
                    with contextlib.suppress(OSError):  # nobody listens there
                        sender.sendto(bytes(1000), ("10.0.0.2", 9))
        bytes_before = self.sent()
        self.quiet("traffic", send)
        self.assertGreater(self.sent() - bytes_before, 400 * 1000)
        harness.says(f"although {self.sent() - bytes_before} bytes were sent")

    def sent(self):
        return self.ns.ip_json("-s", "link", "show", "v0")[0]["stats64"]["tx"]["bytes"]

    def test_a_cloned_route_moves_nothing(self):
        router = self.peer()
        self.start()
        with inside(self.ns):
            sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.addCleanup(sender.close)
        sender.bind(("2001:db8::1", 5555))
        sender.connect(("2001:db8::2", 9))
        with inside(router.ns):
            icmp = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        self.addCleanup(icmp.close)
        source, target = (socket.inet_pton(socket.AF_INET6, a) for a in ("2001:db8::1", "2001:db8::2"))
        quoted = struct.pack("!IHBB", 6 << 28, 8, socket.IPPROTO_UDP, 64) + source + target
        quoted += struct.pack("!HHHH", 5555, 9, 8, 0)

        def too_big():
            with contextlib.suppress(OSError):
                sender.send(b"x")
            icmp.sendto(struct.pack("!BBHI", 2, 0, 0, 1300) + quoted, ("2001:db8::1", 0))
        self.quiet("a path MTU", too_big, expect_events=False)
        cache = self.ns.ip("-6", "route", "show", "cache").stdout
        self.assertIn("mtu 1300", cache, "the kernel made no cloned route")
        harness.says(f"although the kernel made a cloned route: {cache.strip()}")


if __name__ == "__main__":
    harness.main()
