# SPDX-License-Identifier: MIT
"""Every recording of tests/data/recordings replays to the State that stands beside it; no namespace is needed."""

import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

import harness

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "recordings")
LIFETIMES = {"valid_life_time", "preferred_life_time", "expires"}
QUESTIONS = {"link": ("link", "show"), "addr": ("addr", "show"), "route": ("route", "show", "table", "all"),
             "rule4": ("-4", "rule", "show"), "rule6": ("-6", "rule", "show"), "nexthop": ("nexthop", "show"),
             "default": ("default",)}


def strip(value):
    """Lifetimes differ from second to second; that there is one stays."""
    if isinstance(value, dict):
        return {key: "set" if key in LIFETIMES and item != harness.FOREVER else strip(item)
                for key, item in value.items()}
    return [strip(item) for item in value] if isinstance(value, list) else value


def shown(ask_json):
    """All that netvane shows, with numbers instead of the names that a host may give them."""
    return {key: strip(ask_json("-N", *words)) for key, words in QUESTIONS.items()}


def replay(file, *args):
    """Plays a file to its end in a directory of its own; what is shown then, and the log."""
    with tempfile.TemporaryDirectory(prefix="netvane-replay.") as temp:
        done = subprocess.run([os.path.join(harness.BIN, "netvaned"), "--dir", temp, "--once", "--replay", file, *args],
                              capture_output=True, text=True, check=False, timeout=60 * harness.SLOW)
        if done.returncode != 0:
            raise AssertionError(f"{file}: exit {done.returncode}: {done.stderr}")

        def ask_json(*words):
            command = [os.path.join(harness.BIN, "netvane"), "--dir", temp, "-j", *words]
            out = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60 * harness.SLOW).stdout
            return json.loads(out)

        return shown(ask_json), done.stderr


@unittest.skipIf(sys.byteorder != "little", "the recordings are little-endian")
class Recordings(unittest.TestCase):
    maxDiff = 4000

    def test_each_gives_what_stands_beside_it(self):
        files = sorted(glob.glob(os.path.join(FOLDER, "*.pcap")))
        self.assertGreaterEqual(len(files), 5)
        for file in files:
            with self.subTest(file=os.path.basename(file)):
                with open(file.removesuffix(".pcap") + ".json", encoding="utf-8") as beside:
                    expected = json.load(beside)
                ours, log = replay(file)
                for key in QUESTIONS:
                    self.assertEqual(ours[key], expected[key], f"{key}\n{log}")
                self.assertIn("event=replayed", log)
        harness.says(f"{len(files)} recordings give what stands beside them")

    def test_the_overrun_is_met_again(self):
        _, log = replay(os.path.join(FOLDER, "overrun.pcap"))
        self.assertIn('event=resync reason="overrun"', log)
        self.assertIn("event=resynced", log)

    def test_every_recording_shows_something(self):
        """So that an empty State is never what is compared."""
        for file in glob.glob(os.path.join(FOLDER, "*.json")):
            with open(file, encoding="utf-8") as beside:
                expected = json.load(beside)
            self.assertGreaterEqual(len(expected["link"]), 3, file)
            self.assertGreaterEqual(len(expected["route"]), 5, file)


if __name__ == "__main__":
    unittest.main(verbosity=0)
