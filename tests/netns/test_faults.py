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

    # ---- a deaf event socket -----------------------------------------------------------------------------

    def assert_heals(self, **gained):
        """A resync begins within a second and a bit, and finds the mark, of which no event told."""
        begin = time.monotonic()
        while "event=resync" not in self.ns.writer_log():
            self.assertLess(time.monotonic() - begin, 2.5 * harness.SLOW, "still deaf\n" + self.ns.writer_log())
            time.sleep(0.01)
        took = time.monotonic() - begin
        self.wait_quality([])
        self.assert_exact("after it was found")
        self.assertTrue(self.has_mark())
        self.change(20)  # and the new socket hears
        self.assert_exact("through the new socket")
        gained = self.assert_gained(**gained)
        harness.says(f"SEED={self.seed}: found after {took * 1000:.0f} ms; { {k: v for k, v in gained.items() if v} }")

    def test_socket_that_left_its_groups_is_found_and_opened_anew_within_a_second(self):
        self.start("--reconcile", "0")
        self.faults.arm("event_groups")
        self.ns.ip("rule", "add", "pref", "77", "table", "777")  # right behind a heartbeat: the next one is far
        self.faults.wait_injected("event_groups", 1)
        self.mark()
        self.assertTrue(not self.has_mark() or "event=resync" in self.ns.writer_log(), "it is not deaf")
        self.change(15)
        self.assert_heals(resyncs=1, lost_groups=1, socket_reopens=1)

    def test_overflow_that_the_kernel_does_not_report_is_found_within_a_second(self):
        self.start("--reconcile", "0")
        self.faults.arm("event_no_report")
        self.faults.wait_injected("event_no_report", 1)
        os.kill(self.writer.pid, signal.SIGSTOP)
        self.ns.ip_batch([f"route add blackhole 100.64.{n}.0/24 table 777" for n in range(200)])
        self.mark()
        self.change(15)
        os.kill(self.writer.pid, signal.SIGCONT)
        self.assert_heals(resyncs=1, untold_drops=1, socket_reopens=1)

    def test_silent_event_socket_is_opened_anew_by_the_second_drifting_reconcile(self):
        self.start("--reconcile", "0.3")
        self.faults.arm("event_silent")
        self.mark()
        self.faults.wait_injected("event_silent", 1)
        deadline = time.monotonic() + 60 * harness.SLOW
        while self.stat()["counters"]["drift_reopens"] == self.before["drift_reopens"]:
            self.assertLess(time.monotonic(), deadline, self.ns.writer_log())
            self.change(1)
        self.wait_quality([])
        self.change(20)
        self.assert_exact("through the new socket")
        some = range(0, 1000)
        gained = self.assert_gained(resyncs=1, drift_reopens=1, socket_reopens=1, drift_links=some, drift_addrs=some,
                                    drift_routes=range(1, 1000), drift_rules=some, drift_nexthops=some)
        drift = self.counters()
        time.sleep(1.0)
        self.assertEqual({k: v for k, v in self.counters().items() if k.startswith("drift_")},
                         {k: v for k, v in drift.items() if k.startswith("drift_")}, "the new socket drifts too")
        harness.says(f"SEED={self.seed}: { {k: v for k, v in gained.items() if v} }")

    def test_reconcile_that_had_to_wait_for_others_does_not_put_off_the_next_one(self):
        self.start("--reconcile", "0.3")
        self.faults.hold_dumps()
        self.faults.wait_injected("dump_hold", 1)
        time.sleep(1.0)
        self.faults.release_dumps()
        held = self.stat()["counters"]["reconciles"]
        begin = time.monotonic()
        while self.stat()["counters"]["reconciles"] < held + 3:
            self.assertLess(time.monotonic() - begin, 20 * harness.SLOW, "put off by the time that it waited")
            time.sleep(0.05)
        self.assert_gained()
        harness.says(f"three reconciles in {time.monotonic() - begin:.1f} s behind one that waited for a second")

    # ---- clocks ------------------------------------------------------------------------------------------

    def test_resume_from_suspend_is_one_resync(self):
        self.start("--reconcile", "0")
        self.faults.arm("event_silent")  # what happened while the host slept
        self.mark()
        self.faults.wait_injected("event_silent", 1)
        self.assertFalse(self.has_mark())
        self.faults.advance(3600, "boottime")
        deadline = time.monotonic() + 60 * harness.SLOW
        while not self.has_mark():
            self.assertLess(time.monotonic(), deadline, self.ns.writer_log())
            time.sleep(0.01)
        self.assert_exact("after the resume")
        self.assert_gained(resumes=1, resyncs=1)
        harness.says("an hour of sleep: one resync, which found what no event told")

    def test_wall_clock_set_back_and_forth_does_not_matter(self):
        self.start("--reconcile", "0.3")
        self.change(10)
        self.assert_exact("before")
        version = self.quiet()
        for hours in (5, -11, 24, -240, 222):
            self.faults.advance(3600 * hours, "realtime")
            time.sleep(0.4)
        self.assertEqual(self.ns.version(), version, "the wall clock made a version")
        self.change(10)
        self.assert_exact("after")
        self.assert_gained()
        harness.says("the wall clock went 240 hours back and forth: no version, no resync, no drift")

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
        self.assertEqual(small, {old + 1})
        self.assertEqual(len(routes), 1, added)
        exact = [line["version"] for line in lines if line["op"] == "quality"][-1]
        self.assertEqual(routes, {exact})
        harness.says(f"version {old} says RESYNCING, {old + 1} adds a link, an address, a rule and a nexthop, "
                     f"{exact} the routes, and is exact")

    def test_loss_right_behind_a_version_is_flagged_at_once_and_over_the_old_state(self):
        self.start("--reconcile", "0", "--coalesce", "3000")
        self.faults.hold_dumps(after=4)  # some of the resync is read, the rest is not
        self.ns.ip("rule", "add", "pref", "77", "table", "777")
        while not self.has_rule():
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

    def has_rule(self):
        return any(rule["priority"] == 77 for rule in self.ns.netvane_json("rule", "show"))


if __name__ == "__main__":
    harness.main()
