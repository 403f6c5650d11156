# SPDX-License-Identifier: MIT
"""A writer killed at any of its steps, or at any moment, never shows a torn State, and the next one goes on from it.

crash_writer lives, and dies, thousands of times under one name; crash_reader reads all the while, by the library as it is, and
each State that it accepts has to be whole. FULL=1: every step of a life, and 10,000 random moments.
"""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

BUILT = Path(os.environ["NETVANE_BIN"]).parent / "tests"
FULL = os.environ.get("FULL") == "1"
SEED = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(3), "big")
STRIDE = 1 if FULL else 3
MOMENTS = 10000 if FULL else 1000
FILES_MIB = 6 * 4  # the reader's region, the four before, and the one that the writer is making; none is larger


class Reader:
    def __init__(self, folder):
        self.process = subprocess.Popen([str(BUILT / "crash_reader"), folder, "t"], stdout=subprocess.PIPE, text=True)

    def wait_open(self):
        assert self.process.stdout.readline() == "open\n"

    def status(self, name):
        """KiB of a line of its status."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(name))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        said, _ = self.process.communicate(timeout=30)
        return json.loads(said)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def used_mib(folder):
    at = os.statvfs(folder)
    return (at.f_blocks - at.f_bfree) * at.f_frsize / 2**20


class Crash(unittest.TestCase):
    def setUp(self):
        print(f"seed {SEED}", flush=True)
        made = tempfile.TemporaryDirectory(prefix="netvane-test.", dir="/dev/shm")
        self.addCleanup(made.cleanup)
        self.folder = made.name
        self.number = 1000  # of the next life's first State
        os.chmod(self.folder, 0o755)

    def live(self, *what):
        """Lives and deaths; how many, and what crash_writer says of them."""
        done = subprocess.run([str(BUILT / "crash_writer"), self.folder, "t", *map(str, what)], capture_output=True,
                              text=True, check=False, env={**os.environ, "CRASH_NUMBER": str(self.number)})
        self.assertEqual(done.returncode, 0, done.stderr)
        words = done.stdout.replace(",", "").split()
        self.number = int(words[-1])
        return int(words[1]), done.stdout.strip()

    def live_to_the_end(self):
        self.live("steps", 10**9, 1)

    def read_through(self, *what):
        """Lives under a reader: nothing is torn, nothing goes back, nothing stays behind, nothing grows."""
        reader = Reader(self.folder)
        self.addCleanup(reader.kill)
        self.live_to_the_end()
        reader.wait_open()
        self.live("moments", 20, SEED)
        before = reader.status("VmRSS"), reader.descriptors(), used_mib(self.folder)
        lives, said = self.live(*what)
        after = reader.status("VmRSS"), reader.descriptors(), used_mib(self.folder)
        left = os.listdir(self.folder)
        self.live_to_the_end()
        time.sleep(1.5)  # a slice, by which a reader is late where the one before did not say where to go
        met = reader.end()
        print(f"{said}: reader {met}, its memory {before[0]} to {after[0]} KiB, descriptors {before[1]} to {after[1]}",
              flush=True)
        for wrong in ("torn", "back", "corrupt", "other"):
            self.assertEqual(met[wrong], 0, wrong)
        self.assertGreater(met["states"], lives)
        self.assertEqual(met["number"], self.number - 100 + 7, "the last State of the last life")
        self.assertLess(after[0] - before[0], 1024 + lives)  # a life leaves some hundred bytes of its mapping
        self.assertLessEqual(after[1], before[1] + 1)
        self.assertLess(after[2] - before[2], FILES_MIB)
        self.assertLessEqual(set(left) - {"t", ".t.lock"}, {name for name in left if name.startswith(".t.")}, left)
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
