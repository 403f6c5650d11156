# SPDX-License-Identifier: MIT
"""A loss that nothing reports (a deaf event socket, a host that slept) is found, and repaired by one resync.

The writer is the real one, linked with tests/fault/faults.c.
"""

import os
import signal
import time

import harness
from faults import FaultTest


class SilentFaults(FaultTest):
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
        some = range(0, 1000)  # of routes more: a link that goes down takes all of its own along, in both reconciles
        gained = self.assert_gained(resyncs=1, drift_reopens=1, socket_reopens=1, drift_links=some, drift_addrs=some,
                                    drift_routes=range(1, 5000), drift_rules=some, drift_nexthops=some)
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


if __name__ == "__main__":
    harness.main()
