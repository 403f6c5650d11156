# SPDX-License-Identifier: MIT
"""A directory on tmpfs where crash_writer lives under a name, and crash_reader reads it."""

import json
import os
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

BUILT = Path(os.environ["NETVANE_BIN"]).parent / "tests"
FULL = os.environ.get("FULL") == "1"
SEED = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(3), "big")


def kill(process):
    """If it has not ended."""
    if process.poll() is None:
        process.kill()
        process.communicate()


class Reader:
    def __init__(self, folder, sleep_us):
        self.process = subprocess.Popen([str(BUILT / "crash_reader"), folder, "t", str(sleep_us)], stdout=subprocess.PIPE, text=True)

    def wait_open(self):
        assert self.process.stdout.readline() == "open\n"

    def memory_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        self.signal(signal.SIGTERM)
        said, _ = self.process.communicate(timeout=30)
        return json.loads(said)


class Bed(unittest.TestCase):
    def setUp(self):
        print(f"seed {SEED}", flush=True)
        made = tempfile.TemporaryDirectory(prefix="netvane-test.", dir="/dev/shm")
        self.addCleanup(made.cleanup)
        self.folder = made.name
        self.number = 1000  # of the next life's first State
        os.chmod(self.folder, 0o755)

    def start(self, *what):
        """crash_writer, which runs on."""
        writer = subprocess.Popen([str(BUILT / "crash_writer"), self.folder, "t", *map(str, what)], stdout=subprocess.PIPE,
                                  text=True, env={**os.environ, "CRASH_NUMBER": str(self.number)})
        self.addCleanup(kill, writer)  # and with it the life that it is at
        return writer

    def wait(self, writer):
        """How many lives, or stops, it had."""
        said, _ = writer.communicate(timeout=300)
        self.assertEqual(writer.returncode, 0)
        words = said.replace(",", "").split()
        self.number = int(words[-1])
        return int(words[1])

    def live(self, *what):
        return self.wait(self.start(*what))

    def live_to_the_end(self):
        self.live("steps", 10**9, 1)

    def last_number(self):
        """Of the last State of a life that came to its end."""
        return self.number - 100 + 7

    def start_reader(self, sleep_us=300):
        """Of a State that is there."""
        reader = Reader(self.folder, sleep_us)
        self.addCleanup(kill, reader.process)
        reader.wait_open()
        return reader

    def check(self, met):
        for wrong in ("torn", "back", "corrupt", "other"):
            self.assertEqual(met[wrong], 0, f"{wrong}: {met}")
