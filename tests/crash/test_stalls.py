# SPDX-License-Identifier: MIT
"""A writer that stops anywhere stops no reader; a reader that stops anywhere is told that it was too slow, and gets no torn State.

FULL=1: a writer stops for a minute.
"""

import json
import os
import random
import signal
import subprocess
import time
import unittest

import crash_bed
from crash_bed import FULL, SEED

LONG_S = 60 if FULL else 5
LATE_S = 3  # a heartbeat that is older
MIDDLE = 5000  # a step in the middle of a life


class Stalls(crash_bed.Bed):
    def writer_word(self):
        tool = [os.path.join(os.environ["NETVANE_BIN"], "netvane"), "--dir", self.folder, "--name", "t", "-j", "show"]
        return json.loads(subprocess.run(tool, capture_output=True, text=True, check=True).stdout)["writer"]

    def test_a_writer_that_stops_at_each_step_stops_no_reader(self):
        self.live_to_the_end()
        reader = self.start_reader()
        stops = self.live("stops", 3, 1000)
        time.sleep(0.1)
        met = reader.end()
        self.check(met)
        self.assertGreater(stops, 1000)
        self.assertGreater(met["states"], 2 * stops)
        self.assertEqual(met["number"], self.last_number())
        print(f"proven: a writer stopped at {stops} steps; {met['states']} States were read, all whole", flush=True)

    def test_a_writer_that_stops_for_long_is_late_and_one_that_ends_is_dead(self):
        self.live_to_the_end()
        self.assertEqual(self.writer_word(), "dead")  # it ended without a word
        reader = self.start_reader()
        time.sleep(1)
        quiet = reader.end()
        reader = self.start_reader()
        writer = self.start("stops", MIDDLE, LONG_S * 1000000)
        time.sleep(LATE_S + 1)
        self.assertEqual(self.writer_word(), "late")
        self.assertEqual(self.wait(writer), 1)
        self.assertEqual(self.writer_word(), "dead")
        met = reader.end()
        self.check(met)
        self.assertGreater(met["states"], 1000 * LONG_S)
        print(f"proven: a writer stopped for {LONG_S} s within a version; {met['states']} States were read meanwhile, 99 % of them "
              f"within {met['p99_ns']} ns (with no writer: {quiet['p99_ns']} ns)", flush=True)

    def test_a_reader_that_stops_anywhere_is_told_that_it_was_too_slow(self):
        rng = random.Random(SEED)
        self.live_to_the_end()
        writer = self.start("churn", 10**7, 0)
        reader = self.start_reader(sleep_us=0)
        stops = 200
        for _ in range(stops):
            time.sleep(rng.random() * 0.002)
            reader.signal(signal.SIGSTOP)
            time.sleep(0.01)  # hundreds of versions, which leave the file no room for older ones
            reader.signal(signal.SIGCONT)
        crash_bed.kill(writer)
        met = reader.end()
        self.check(met)
        self.assertGreater(met["expired"], stops // 8)
        print(f"proven: of a reader's {stops} stops {met['expired']} were in the middle of a State, and told so", flush=True)


if __name__ == "__main__":
    unittest.main()
