# SPDX-License-Identifier: MIT
"""Each loss of the event stream is counted, and repaired by one resync that appears as one version.

The writer is the real one, linked with tests/fault/faults.c.
"""

import json
import os
import signal
import time

import harness
from faults import FaultTest


class EventFaults(FaultTest):
    # ---- the event stream --------------------------------------------------------------------------------

    def test_overrun_is_repaired_by_one_resync(self):
        self.start("--reconcile", "0")
        self.assert_repaired_as_one_version("event_overrun", overruns=1)

    def test_truncated_event_is_repaired_by_one_resync(self):
        self.start("--reconcile", "0")
        self.assert_repaired_as_one_version("event_truncated", truncated=1)

    def test_garbage_in_place_of_an_event_is_repaired_by_one_resync(self):
        self.start("--reconcile", "0")
        self.assert_repaired_as_one_version("event_garbage", malformed=1)

    def test_event_with_broken_attributes_is_repaired_by_one_resync(self):
        self.start("--reconcile", "0")
        self.assert_repaired_as_one_version("event_bad_attr", malformed=1)

    def test_storm_of_enomem_on_the_event_socket_is_repaired_by_one_resync(self):
        self.start("--reconcile", "0")
        self.assert_repaired_as_one_version("event_enomem", 20, socket_errors=20, socket_reopens=20)

    def test_storm_of_eintr_on_the_event_socket_does_not_matter(self):
        self.start("--reconcile", "0")
        self.assert_never_matters("event_eintr", 500)

    def test_unknown_attributes_in_events_do_not_matter(self):
        self.start("--reconcile", "0")
        self.assert_never_matters("event_unknown_attr", 50, unknown_attrs=range(10, 300))

    def test_unknown_messages_among_events_are_counted_and_do_not_matter(self):
        self.start("--reconcile", "0")
        self.assert_never_matters("event_unknown_type", 50, unknown=50)

    # ---- what readers see --------------------------------------------------------------------------------

    def test_readers_see_a_resync_as_one_version_without_the_routes_and_one_with_them(self):
        self.start("--reconcile", "0")
        watch = self.ns.start_netvane("-j", "watch")
        time.sleep(0.3 * harness.SLOW)
        self.faults.hold_dumps()
        os.kill(self.writer.pid, signal.SIGSTOP)
        self.faults.arm("event_overrun")
        self.mark()
        self.ns.ip_batch(["link add mark0 type bridge", "addr add 198.18.0.1/24 dev br0", "rule add pref 77 table 777",
                          "nexthop add id 77 blackhole", "-6 route add blackhole 2001:db8:77::/64 table 777"])
        os.kill(self.writer.pid, signal.SIGCONT)
        old = self.wait_quality(["resyncing"])["version"]
        time.sleep(0.1)
        self.faults.release_dumps()
        self.wait_quality([])
        self.quiet()
        watch.send_signal(signal.SIGINT)
        lines = [json.loads(line) for line in watch.communicate(timeout=5 * harness.SLOW)[0].splitlines()]
        self.assertIn(old, [line["version"] for line in lines if line["op"] == "quality"])
        added = {(line["class"], line["version"]) for line in lines if line["op"] == "add"}
        self.assertEqual({name for name, _ in added}, {"link", "addr", "route", "rule", "nexthop"})
        small = {version for name, version in added if name != "route"}
        routes = {version for name, version in added if name == "route"}
        self.assertEqual(len(small), 1, added)
        self.assertGreater(min(small), old)
        self.assertEqual(len(routes), 1, added)
        exact = [line["version"] for line in lines if line["op"] == "quality"][-1]
        self.assertEqual(routes, {exact})
        harness.says(f"version {old} says RESYNCING, {min(small)} adds a link, an address, a rule and a nexthop, "
                     f"{exact} the routes, and is exact")

    def test_loss_right_behind_a_version_is_flagged_at_once_and_over_the_old_state(self):
        self.start("--reconcile", "0", "--coalesce", "3000")
        self.faults.hold_dumps(after=4)  # some of the resync is read, the rest is not
        for pref in (76, 77):  # two versions may follow each other at once, a third may not
            self.ns.ip("rule", "add", "pref", str(pref), "table", "777")
            while not self.has_rule(pref):
                time.sleep(0.01)
        old = self.ask()
        os.kill(self.writer.pid, signal.SIGSTOP)
        self.faults.arm("event_overrun")
        self.ns.ip_batch(["link add mark0 type bridge", "addr add 198.18.0.1/24 dev br0"])
        os.kill(self.writer.pid, signal.SIGCONT)
        begin = time.monotonic()
        self.wait_quality(["resyncing"])
        took = time.monotonic() - begin
        self.assertEqual(self.ask(), old, "half a resync was published")
        self.assertLess(took, 1.5 * harness.SLOW, "flagged late")
        self.faults.release_dumps()
        self.wait_quality([])
        self.assert_exact("after the resync")
        harness.says(f"flagged after {took * 1000:.0f} ms, right behind a version, with --coalesce 3000")

    def has_rule(self, pref=77):
        return any(rule["priority"] == pref for rule in self.ns.netvane_json("rule", "show"))


if __name__ == "__main__":
    harness.main()
