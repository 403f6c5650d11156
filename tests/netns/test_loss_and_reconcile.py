# SPDX-License-Identifier: MIT
"""What was lost is read again as one version, and a healthy run leaves a reconcile nothing to repair."""

import os
import random
import signal
import time

import harness
from test_mirror_equals_ip import Changer, addresses, links, nexthops, routes, rules


class LossAndReconcile(harness.NetnsTest):
    def counters(self):
        return self.ns.netvane_json("stat")["counters"]

    def test_an_overrun_is_repaired_by_one_resync_that_appears_as_one_version(self):
        self.ns.ip_batch(["link add v0 type veth peer name v1", "link set v0 up", "link set v1 up",
                          "addr add 10.0.0.1/24 dev v0"])
        writer = self.ns.start_writer("--reconcile", "0")
        before = self.ns.version()
        os.kill(writer.pid, signal.SIGSTOP)
        # More than a receive buffer of 16 MiB holds: about 20,000 events.
        self.ns.ip_batch([f"route add {20 + (n >> 16)}.{n >> 8 & 255}.{n & 255}.0/24 via 10.0.0.2"
                          for n in range(30000)])
        os.kill(writer.pid, signal.SIGCONT)
        deadline = time.monotonic() + 10 * harness.SLOW
        while self.counters()["resyncs"] == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        counters = self.counters()
        self.assertEqual(counters["overruns"], 1, counters)
        self.assertEqual(counters["resyncs"], 1, counters)
        self.assertEqual(self.ns.netvane("check", check=False).returncode, 0)
        # One version that says RESYNCING, one with the result; the egress may be confirmed in one more.
        self.assertLessEqual(self.ns.version() - before, 3)
        harness.says("30,000 routes behind an overrun came in one version")
        time.sleep(2.2)  # the kernel's own count of drops is looked at once a second: these were reported
        counters = self.counters()
        told = (counters["untold_drops"], counters["resyncs"], counters["socket_reopens"])
        self.assertEqual(told, (0, 1, 0), counters)

    def test_a_healthy_run_leaves_nothing_to_repair(self):
        seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
        harness.says(f"SEED={seed}")
        self.ns.ip_batch(links() + addresses() + nexthops() + routes() + rules())
        time.sleep(2.5)  # duplicate address detection ends
        self.ns.start_writer("--reconcile", "0.3")
        changer = Changer(self.ns, random.Random(seed))
        for _ in range(10):
            for _ in range(30):
                changer.change()
            time.sleep(0.4 * harness.SLOW)
        counters = self.counters()
        self.assertGreater(counters["reconciles"], 3, counters)
        drift = {name: n for name, n in counters.items() if name.startswith("drift_") and n}
        self.assertEqual(drift, {}, self.ns.writer_log())
        harness.says(f"{counters['reconciles']} reconciles found nothing")

    def test_a_reconcile_repairs_and_counts_what_no_event_tells(self):
        self.ns.ip_batch(["link add v0 type veth peer name v1"])  # down: some changes of its attributes are silent
        self.ns.start_writer("--reconcile", "0.3")
        self.ns.ip("link", "set", "v0", "alias", "silently named")
        deadline = time.monotonic() + 5 * harness.SLOW
        while self.counters()["drift_links"] == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(self.counters()["drift_links"], 1)
        self.assertIn('event=drift object="link', self.ns.writer_log())
        self.assert_equals_ip("after the reconcile")
        harness.says("a silent alias of a link that is down was found, counted and named")


if __name__ == "__main__":
    harness.main()
