# SPDX-License-Identifier: MIT
"""Random operations of every kind leave the State equal to the kernel's at rest (differential.py; SEED repeats a run).

OPS and SECONDS bound each of the runs, the first that is reached ends it; by default all take about 20 s. A long run:
OPS=10000 SECONDS=0. SEED is that of the first run, the others' follow from it. Many seeds: differential.py --help.
"""

import concurrent.futures
import os
import random
import signal
import unittest

import differential
import harness

OPS = int(os.environ.get("OPS", 4000))
SECONDS = float(os.environ.get("SECONDS", 4))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 31)))


def options(*more):
    return differential.parse(["--ops", str(OPS), "--seconds", str(SECONDS), "--patience", "1", *more])


class Differential(unittest.TestCase):
    def run_one(self, mode, seed, names=("default",)):
        told = differential.run_trial(options("--seconds", str(SECONDS / len(names))), seed, mode, names)
        print(told, flush=True)
        return told

    def test_a_seed_determines_the_operations(self):
        def stream():
            world = differential.World(random.Random(SEED))
            return [op for _ in range(500) for op in world.some()]

        self.assertEqual(stream(), stream())
        harness.says("the same seed gives the same operations")

    def test_a_writer_that_stands_still_is_seen_to_differ(self):
        with differential.Trial(options("--patience", "0.05"), SEED, "events") as trial:
            trial.start()
            trial.check()
            os.kill(trial.writers[0].pid, signal.SIGSTOP)
            for where, line in (("4", "link set a0 mtu 1400"), ("4", "addr add 10.5.9.1/24 dev b2"),
                                ("4", "route append 10.9.0.0/16 dev b0"), ("4", "rule add pref 7 table 7"),
                                ("6", "route add 2001:db8:9::/64 dev b0"), ("4", "nexthop add id 99 blackhole"),
                                ("6", "rule add pref 8 table 8")):
                trial.player.play([differential.Op(0, where, line)])
            with self.assertRaises(differential.Difference) as caught:
                trial.check()
            told = str(caught.exception)
            for kind in differential.ANSWERS:
                self.assertIn(f"\n{kind}", told)
            os.kill(trial.writers[0].pid, signal.SIGCONT)
            trial.check()
        harness.says(f"a difference of each of {', '.join(differential.ANSWERS)} is seen and named")

    def test_equals_in_another_order_differ(self):
        one = {"dst": "10.0.0.0/8", "table": "main", "dev": "a"}
        two = dict(one, dev="b")
        lists = [[] for _ in differential.ANSWERS]
        at = differential.ANSWERS.index("route4")
        lists[at] = [one, two]
        swapped = list(lists)
        swapped[at] = [two, one]
        self.assertEqual(differential.compare(lists, lists), [])
        self.assertEqual(len(differential.compare(lists, swapped)), 2)

    def test_events_and_re_reads_alone_keep_the_state_exact(self):
        self.run_one("events", SEED)
        harness.says("without any reconcile every object equals the kernel's at each rest")

    def test_a_reconcile_finds_nothing_to_repair(self):
        self.run_one("reconcile", SEED + 1)
        harness.says("a reconcile every 0.2 s repairs nothing")

    def test_what_an_overrun_lost_is_read_again(self):
        self.run_one("loss", SEED + 2)
        harness.says("the State is exact again after the writer stood still for longer than its buffer lasts")

    def test_whatever_goes_wrong_on_the_way_is_read_again(self):
        self.run_one("faults", SEED + 6)
        harness.says("the State is exact again after overruns, damaged datagrams, failed dumps and deaf sockets")

    def test_what_no_event_announces_is_found_by_a_re_read(self):
        self.run_one("silent", SEED + 3)
        harness.says("silent changes too are exact after SIGHUP")

    def test_several_writers_and_namespaces_at_once_are_exact(self):
        names = ("default", "second")
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(self.run_one, "events", SEED + 4 + n, names) for n in range(2)]:
                done.result()
        harness.says("two namespaces at once with two writers each: every State is exact")


if __name__ == "__main__":
    print(f"SEED={SEED}", flush=True)
    harness.main()
