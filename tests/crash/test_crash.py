# SPDX-License-Identifier: MIT
"""A writer killed at any of its steps, or at any moment, never shows a torn State, and the next one goes on from it.

crash_writer lives, and dies, thousands of times under one name; crash_reader reads all the while, by the library as it is, and
each State that it accepts has to be whole. FULL=1: every step of a life, and 10,000 random moments.
"""

import os
import time
import unittest

import crash_bed
from crash_bed import FULL, SEED

STRIDE = 1 if FULL else 3
MOMENTS = 10000 if FULL else 1000
FILES_MIB = 6 * 4  # the reader's region, the four before, and the one that the writer is making; none is larger


def used_mib(folder):
    at = os.statvfs(folder)
    return (at.f_blocks - at.f_bfree) * at.f_frsize / 2**20


class Crash(crash_bed.Bed):
    def read_through(self, *what):
        """Lives under a reader: nothing is torn, nothing goes back, nothing stays behind, nothing grows."""
        self.live_to_the_end()
        reader = self.start_reader()
        self.live("moments", 20, SEED)
        before = reader.memory_kib(), reader.descriptors(), used_mib(self.folder)
        lives = self.live(*what)
        after = reader.memory_kib(), reader.descriptors(), used_mib(self.folder)
        left = os.listdir(self.folder)
        self.live_to_the_end()
        time.sleep(1.5)  # a slice, by which a reader is late where the one before did not say where to go
        met = reader.end()
        print(f"{lives} lives: reader {met}, its memory {before[0]} to {after[0]} KiB, descriptors {before[1]} to {after[1]}",
              flush=True)
        self.check(met)
        self.assertGreater(met["states"], lives)
        self.assertEqual(met["number"], self.last_number(), "the last State of the last life")
        self.assertLess(after[0] - before[0], 1024 + lives)  # a life leaves some hundred bytes of its mapping
        self.assertLessEqual(after[1], before[1] + 1)
        self.assertLess(after[2] - before[2], FILES_MIB)
        self.assertLessEqual(len(left), 3, left)  # and the temporary file of who died last
        self.assertEqual(sorted(os.listdir(self.folder)), [".t.lock", "t"])
        return lives, met

    def test_killed_at_each_step(self):
        lives, met = self.read_through("steps", 1 + SEED % STRIDE, STRIDE)
        self.assertGreater(lives, 1000)
        print(f"proven: a writer was killed at {lives} steps; {met['states']} States were read, all whole", flush=True)

    def test_killed_at_random_moments(self):
        lives, met = self.read_through("moments", MOMENTS, SEED)
        print(f"proven: a writer was killed at {lives} moments; {met['states']} States were read, all whole", flush=True)


if __name__ == "__main__":
    unittest.main()
