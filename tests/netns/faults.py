# SPDX-License-Identifier: MIT
"""A writer between which and the kernel losses are injected: the file that tests/fault/faults.c maps.

Each fault has a number of times that it may still happen, which the writer counts down, the number of times that it
did happen, and an argument. Clocks have offsets. The names are those of faults.c: it ends if one is missing here.
FaultTest is what the tests with such a writer share; SEED repeats the random changes of a run.
"""

import mmap
import os
import random
import signal
import struct
import time

import harness
from test_mirror_equals_ip import TABLES, Changer, addresses, links, nexthops, routes, rules

NAMES = (
    "event_overrun", "event_truncated", "event_garbage", "event_bad_attr", "event_unknown_attr",
    "event_unknown_type", "event_silent", "event_groups", "event_no_report", "event_eintr", "event_enomem",
    "dump_truncated", "dump_garbage", "dump_unknown_attr", "dump_unknown_type", "dump_strays", "dump_interrupted",
    "dump_busy", "dump_error", "dump_done_error", "dump_silent", "dump_eintr", "dump_enomem", "dump_hold",
)
CLOCKS = ("boottime", "monotonic", "realtime")
SLOTS_AT, SLOT_BYTES, SLOTS_MAX, NAME_BYTES = 32, 40, 64, 24
PROGRAM = os.path.join(os.path.dirname(harness.BIN), "tests", "netvaned_faulty")
# Counters of what went wrong. A test names those that move; all others stand still.
LOSSES = ("dumps_interrupted", "dump_errors", "resyncs", "overruns", "truncated", "malformed", "unknown", "resumes",
          "socket_reopens", "strays", "dumps_busy", "dump_timeouts", "socket_errors", "untold_drops", "lost_groups",
          "drift_reopens", "unknown_attrs", "clipped", "drift_links", "drift_addrs", "drift_routes", "drift_rules",
          "drift_nexthops")
MARK = "198.51.100.0/24"  # a route that no random change makes


class Faults:
    """The control file of one writer; start() starts that writer in the namespace."""

    def __init__(self, ns):
        self.ns = ns
        path = os.path.join(ns.temp, "faults")
        with open(path, "w+b") as file:
            file.truncate(SLOTS_AT + SLOTS_MAX * SLOT_BYTES)
            self.map = mmap.mmap(file.fileno(), 0)
        self.held_since = self.held_s = 0.0
        self.clock = memoryview(self.map)[:SLOTS_AT].cast("q")
        self.word = memoryview(self.map)[SLOTS_AT:].cast("I")  # stores of whole words: the writer reads them
        for index, name in enumerate(NAMES):
            struct.pack_into(f"{NAME_BYTES}s", self.map, SLOTS_AT + index * SLOT_BYTES, name.encode())
        ns.writer_program = PROGRAM
        ns.writer_environment = {"NETVANE_FAULTS": path}

    def _slot(self, name):
        return (NAMES.index(name) * SLOT_BYTES + NAME_BYTES) // 4

    def arm(self, name, times=1, argument=0):
        self.word[self._slot(name) + 2] = argument
        self.word[self._slot(name)] = times

    def left(self, name):
        return self.word[self._slot(name)]

    def injected(self, name):
        return self.word[self._slot(name) + 1]

    def wait_injected(self, name, times, patience=30.0):
        deadline = time.monotonic() + patience * harness.SLOW
        while self.injected(name) < times:
            if time.monotonic() > deadline:
                raise AssertionError(f"{name} happened {self.injected(name)} times, not {times}\n"
                                     f"{self.ns.writer_log()}")
            time.sleep(0.002)

    def hold_dumps(self, after=0):
        """Dumps stand still after so many datagrams more."""
        self.held_since = time.monotonic()
        self.arm("dump_hold", 1, after)

    def release_dumps(self):
        self.word[self._slot("dump_hold")] = 0
        self.held_s = time.monotonic() - self.held_since

    def advance(self, seconds, *clocks):
        for name in clocks:
            self.clock[CLOCKS.index(name)] += int(seconds * 1e9)

    def clock_moved(self):
        return any(self.clock)


def without_lifetimes(answer):
    if isinstance(answer, list):
        return [without_lifetimes(one) for one in answer]
    if isinstance(answer, dict):
        return {key: without_lifetimes(value) for key, value in answer.items() if key not in harness.LIFETIMES}
    return answer


class FaultChanger(Changer):
    """Without rules for users: the kernel applies them to the writer's own questions about the egress, which then
    differ from the mirror's answer, and that makes a resync that has nothing to do with any fault."""

    def rule(self):
        family = self.rng.choice(("-4", "-6"))
        pref = 3000 + self.rng.randrange(10)
        if self.rng.random() < 0.4:
            return self.ns.try_ip(f"{family} rule del pref {pref}")
        what = self.rng.choice((f"fwmark {self.rng.randint(1, 9)}", f"iif {self.dev()}", "tos 0x10"))
        return self.ns.try_ip(f"{family} rule add pref {pref} {what} table {self.rng.choice(TABLES)}")


class FaultTest(harness.NetnsTest):
    def setUp(self):
        super().setUp()
        self.faults = Faults(self.ns)
        self.seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 30)))
        self.ns.ip_batch(links() + addresses() + nexthops() + routes() + rules())
        self.changer = FaultChanger(self.ns, random.Random(self.seed))

    def start(self, *args):
        self.writer = self.ns.start_writer(*args)
        self.quiet()
        self.before = self.counters()

    # ---- what the writer says ----------------------------------------------------------------------------

    def stat(self):
        return self.ns.netvane_json("stat")

    def counters(self):
        """As they are now: they are written out with each heartbeat."""
        begin = time.monotonic_ns()
        deadline = begin + int(30e9) * harness.SLOW
        while time.monotonic_ns() < deadline:
            stat = self.stat()
            if 0 < stat["heartbeat_age_ns"] < time.monotonic_ns() - begin:
                return stat["counters"]
            if stat["heartbeat_age_ns"] == 0:  # the clock was put forward
                time.sleep(1.1)
                return self.stat()["counters"]
            time.sleep(0.05)
        raise AssertionError("no heartbeat\n" + self.ns.writer_log())

    def ask(self):
        return without_lifetimes(harness.ask(self.ns.netvane_json))

    def quiet(self, patience=30.0):
        """Until nothing is published for a while."""
        deadline = time.monotonic() + patience * harness.SLOW
        version, since = self.ns.version(), time.monotonic()
        while time.monotonic() - since < 0.3:
            time.sleep(0.02)
            now = self.ns.version()
            if now != version:
                version, since = now, time.monotonic()
            if time.monotonic() > deadline:
                raise AssertionError("the State never rests\n" + self.ns.writer_log())
        return version

    def wait_quality(self, wanted, patience=30.0):
        deadline = time.monotonic() + patience * harness.SLOW
        while True:
            stat = self.stat()
            if stat["quality"] == wanted:
                return stat
            if time.monotonic() > deadline:
                self.fail(f"quality is {stat['quality']}, not {wanted}\n" + self.ns.writer_log())
            time.sleep(0.002)

    def assert_gained(self, **wanted):
        """Of the counters of what goes wrong these moved, by so much, or by a range."""
        now = self.counters()
        gained = {name: now[name] - self.before[name] for name in LOSSES}
        if self.faults.held_s > 4:  # all of the host's changes wait for each other: it was held beyond its patience
            late = gained["dump_timeouts"] - wanted.get("dump_timeouts", 0)
            gained["dump_timeouts"] -= late
            gained["dump_errors"] -= late
        for name, n in gained.items():
            want = wanted.get(name, 0)
            ok = n in want if isinstance(want, range) else n == want
            self.assertTrue(ok, f"SEED={self.seed}: {name} grew by {n}, not {want}; all: "
                            f"{ {k: v for k, v in gained.items() if v} }\n" + self.ns.writer_log())
        return gained

    def assert_exact(self, what):
        wrong = self.compare()
        if wrong:
            self.fail(f"SEED={self.seed}: {what}: {len(wrong)} differences:\n" + "\n".join(wrong[:20]) +
                      "\nwriter:\n" + self.ns.writer_log())

    def compare(self, patience=10.0):
        """As harness.compare_all. Times that are left are no part of it where they must differ: the writer's clock is
        not the tool's, or ip was asked much later than netvane because the host is busy."""
        deadline = time.monotonic() + patience * harness.SLOW
        while True:
            begin = time.monotonic()
            ours, theirs = harness.ask(self.ns.netvane_json), harness.ask(self.ns.ip_json)
            if self.faults.clock_moved() or time.monotonic() - begin > 1:
                ours, theirs = without_lifetimes(ours), without_lifetimes(theirs)
            wrong = harness.compare_answers(ours, theirs)
            if not wrong or time.monotonic() > deadline:
                return wrong
            time.sleep(0.05)

    # ---- what happens ------------------------------------------------------------------------------------

    def change(self, times):
        for _ in range(times):
            self.changer.change()

    def mark(self, verb="add"):
        self.ns.ip("route", verb, "blackhole", MARK, "table", "777")

    def has_mark(self):
        return any(route["dst"] == MARK for route in self.ns.netvane_json("route", "show", "table", "777"))

    def burst(self, fault, times=1):
        """Changes that wait in the socket when the fault comes: the mark is the first of them."""
        os.kill(self.writer.pid, signal.SIGSTOP)
        self.faults.arm(fault, times)
        self.mark()
        self.change(15)
        os.kill(self.writer.pid, signal.SIGCONT)
        self.faults.wait_injected(fault, times)

    def assert_repaired_as_one_version(self, fault, times=1, **gained):
        """The loss is seen at once, over the old State, which stays while changes go on; then all appears at once."""
        self.faults.hold_dumps()
        self.burst(fault, times)
        old = self.wait_quality(["resyncing"])
        seen = self.ask()
        self.change(10)
        time.sleep(0.1)
        self.assertEqual(self.ask(), seen, "published in the middle of a resync")  # but for a changed default route
        self.faults.release_dumps()
        self.wait_quality([])
        self.assert_exact("after the resync")
        self.assertTrue(self.has_mark())
        self.assert_few_versions_since(old)
        gained = self.assert_gained(resyncs=1, **gained)
        harness.says(f"SEED={self.seed}: {fault}: exact after one resync; "
                     f"{ {k: v for k, v in gained.items() if v} }")

    def assert_few_versions_since(self, old):
        """The result without and with the routes, the egress that the kernel confirms, changed default routes in between;
        a re-read may end later than the round."""
        self.assertLessEqual(self.quiet() - old["version"], 15)

    def assert_never_matters(self, fault, times, **gained):
        """Changes go on while the fault happens; no resync follows, and the State is exact."""
        self.faults.arm(fault, times)
        self.mark()
        for _ in range(400):
            self.change(1)
            if not self.faults.left(fault):
                break
        self.faults.wait_injected(fault, times)
        self.assert_exact("after the last change")
        self.assertTrue(self.has_mark())
        gained = self.assert_gained(**gained)
        harness.says(f"SEED={self.seed}: {fault}: {times} times, no resync, exact; "
                     f"{ {k: v for k, v in gained.items() if v} }")
