# SPDX-License-Identifier: MIT
"""Whatever a dump suffers is counted and repaired within the resync that it belongs to, which appears as one version.

The writer is the real one, linked with tests/fault/faults.c.
"""

import os
import signal

import harness
from faults import FaultTest


class DumpFaults(FaultTest):
    # ---- dumps -------------------------------------------------------------------------------------------

    def assert_dump_repaired(self, fault, times=1, resyncs=1, wait=None, **gained):
        """The resync that SIGHUP asks for, and that the fault hits, ends with the right State, as one version; what
        changed meanwhile is in it."""
        self.faults.hold_dumps()
        self.faults.arm(fault, times)
        os.kill(self.writer.pid, signal.SIGHUP)
        old = self.wait_quality(["resyncing"])
        self.mark()
        self.change(15)
        self.faults.release_dumps()
        self.faults.wait_injected(fault, times)
        if wait:
            wait()
        self.wait_quality([])
        self.assert_exact("after the resync")
        self.assertTrue(self.has_mark())
        self.assert_few_versions_since(old)
        gained = self.assert_gained(resyncs=resyncs, **gained)
        harness.says(f"SEED={self.seed}: {fault}: exact after one resync; "
                     f"{ {k: v for k, v in gained.items() if v} }")

    def test_truncated_dump_is_repeated_within_the_resync(self):
        self.start("--reconcile", "0")
        self.assert_dump_repaired("dump_truncated", truncated=1, dump_errors=1)

    def test_garbage_in_a_dump_makes_it_be_repeated_within_the_resync(self):
        self.start("--reconcile", "0")
        self.assert_dump_repaired("dump_garbage", malformed=1, dump_errors=1)

    def test_interrupted_dumps_are_repeated_within_the_resync(self):
        self.start("--reconcile", "0")
        self.assert_dump_repaired("dump_interrupted", 5, dumps_interrupted=5)

    def test_dump_that_is_interrupted_too_often_leaves_the_state_approximate_until_it_is_exact(self):
        self.start("--reconcile", "0")
        self.faults.arm("dump_interrupted", 6)
        os.kill(self.writer.pid, signal.SIGHUP)
        self.wait_quality(["approximate"])
        self.wait_quality([])
        self.assert_exact("when the interruptions have ended")
        self.assert_gained(resyncs=1, dumps_interrupted=6)
        harness.says("six interrupted dumps in a row: approximate, then exact")

    def test_dumps_refused_as_busy_are_repeated_within_the_resync(self):
        self.start("--reconcile", "0")
        self.assert_dump_repaired("dump_busy", 3, dumps_busy=3, dump_errors=3)

    def test_dump_that_errors_half_way_is_repeated_within_the_resync(self):
        self.start("--reconcile", "0")
        self.assert_dump_repaired("dump_error", 2, dump_errors=2)

    def test_dump_whose_end_carries_an_error_is_repeated_within_the_resync(self):
        self.start("--reconcile", "0")
        self.assert_dump_repaired("dump_done_error", 2, dump_errors=2)

    def test_dump_that_never_ends_is_given_up_and_repeated_within_the_resync(self):
        self.start("--reconcile", "0")
        self.assert_dump_repaired("dump_silent", dump_errors=1, dump_timeouts=1,
                                  wait=lambda: self.faults.advance(6, "boottime", "monotonic"))

    def test_storm_of_enomem_on_the_dump_socket_is_survived_within_the_resync(self):
        self.start("--reconcile", "0")
        self.assert_dump_repaired("dump_enomem", 4, dump_errors=4)

    def test_storm_of_eintr_on_the_dump_socket_does_not_matter(self):
        self.start("--reconcile", "0")
        self.assert_dump_repaired("dump_eintr", 500)

    def test_unknown_attributes_in_dumps_do_not_matter(self):
        self.start("--reconcile", "0")
        self.assert_dump_repaired("dump_unknown_attr", 8, unknown_attrs=range(20, 3000))

    def test_unknown_messages_in_dumps_are_counted_and_do_not_matter(self):
        self.start("--reconcile", "0")
        self.assert_dump_repaired("dump_unknown_type", 8, unknown=8)

    def test_ends_of_other_dumps_are_counted_and_not_believed(self):
        self.start("--reconcile", "0")
        self.assert_dump_repaired("dump_strays", 8, strays=16)

    def test_dumps_that_fail_during_the_first_load_only_delay_it(self):
        for fault in ("dump_busy", "dump_error", "dump_done_error", "dump_truncated", "dump_garbage"):
            self.faults.arm(fault, 2)
        self.writer = self.ns.start_writer("--reconcile", "0")
        self.assert_exact("after the first load")
        self.assertEqual([self.faults.left(fault) for fault in ("dump_busy", "dump_garbage")], [0, 0])
        self.assertEqual(self.counters()["dump_errors"], 10)
        harness.says("ten failed dumps before the first State, which is exact")


if __name__ == "__main__":
    harness.main()
