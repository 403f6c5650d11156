# SPDX-License-Identifier: MIT
"""Changes of a storm that lasts are gathered into few versions; those of a quiet time are published one by one."""

import subprocess
import time

import harness
from rows import Row

CHANGES = 4000  # of routes, some at a time, evenly spread
AT_ONCE = 4
STORM_S = 2
VERSION_S = 0.008  # at most one per so long once a storm of routes lasts, netvaned(8)
BEFORE = 64  # so many more come first
BUFFER_BYTES = 16 << 20  # of the event socket, or nothing is gathered


class Storm(Row):
    def setUp(self):
        super().setUp()
        self.world("addr add 10.0.0.1/24 dev v0", writer=False)

    def counters(self):
        return self.ns.netvane_json("stat")["counters"]

    def storm(self, verb):
        """Versions that a storm made, and how long it took."""
        version, begin = self.ns.version(), time.monotonic()
        ip = self.ns.start("ip", "-batch", "-", stdin=subprocess.PIPE)
        for i in range(CHANGES):
            ip.stdin.write(f"route {verb} 10.1.{i // 256}.{i % 256}/32 via 10.0.0.2 dev v0\n")
            if i % AT_ONCE == AT_ONCE - 1:
                ip.stdin.flush()
                time.sleep(max(0, begin + i / CHANGES * STORM_S - time.monotonic()))
        ip.stdin.close()
        self.assertEqual(ip.wait(30 * harness.SLOW), 0)
        took = time.monotonic() - begin
        self.rest()
        return self.ns.version() - version, took

    def test_storm_that_lasts_makes_few_versions_and_the_quiet_after_it_one_a_change(self):
        self.start()
        if self.counters()["socket_buffer"] < BUFFER_BYTES:
            self.skipTest("the kernel grants no large buffer to this user, so that nothing is gathered")
        for verb in ("add", "del"):
            versions, took = self.storm(verb)
            self.assertLessEqual(versions, BEFORE + 1.2 * (took + 0.1) / VERSION_S, self.counters())
            self.assertGreater(versions, BEFORE)
            harness.says(f"{CHANGES} routes in {took:.1f} s ({verb}): {versions} versions")
        self.assertEqual(self.counters()["overruns"], 0)
        self.assert_equals_ip("after the storm")
        for i in range(10):
            version = self.ns.version()
            self.ns.ip("route", "add", f"10.9.{i}.0/24", "via", "10.0.0.2")
            deadline = time.monotonic() + 5 * harness.SLOW
            while self.ns.version() == version and time.monotonic() < deadline:
                time.sleep(0.01)
            self.assertEqual(self.ns.version(), version + 1)
        harness.says("ten changes after it: ten versions")

    def test_without_coalesce_nothing_is_gathered(self):
        self.ns.start_writer("--reconcile", "0", "--coalesce", "0")
        versions, took = self.storm("add")
        self.assertGreater(versions, BEFORE + 1.2 * (took + 0.1) / VERSION_S)
        harness.says(f"{CHANGES} routes in {took:.1f} s, --coalesce 0: {versions} versions")


if __name__ == "__main__":
    harness.main()
