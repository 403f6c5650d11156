# SPDX-License-Identifier: MIT
"""A recording is the whole truth: replayed without the namespace it gives the State that the recorded writer had."""

import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time

import harness
from test_mirror_equals_ip import Changer, addresses, links, nexthops, routes, rules

CHANGES = 300
FILE_HEADER = 24
LIFETIMES = {"valid_life_time", "preferred_life_time", "expires"}
# What of a default route is of one process run, and no part of the network's state.
VOLATILE = {"version", "at", "age_ns", "changed_ns", "published_ns"}


def strip(value, keys=LIFETIMES):
    """Without what differs from one moment to the next: the sum of it is that it is there."""
    if isinstance(value, dict):
        return {key: "set" if key in keys else strip(item, keys) for key, item in value.items()}
    return [strip(item, keys) for item in value] if isinstance(value, list) else value


def state_of(ask_json):
    """All that netvane shows of the network: every class, and the default routes with their rivals."""
    return strip(harness.ask(ask_json)), strip(ask_json("default"), LIFETIMES | VOLATILE)


class Replay:
    """netvaned --replay in an empty directory, outside of every namespace of the tests."""

    def __init__(self, *args):
        self.temp = tempfile.mkdtemp(prefix="netvane-replay.")
        self.args = args

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.temp, ignore_errors=True)

    def command(self, file):
        return [os.path.join(harness.BIN, "netvaned"), "--dir", self.temp, "--replay", file, *self.args]

    def once(self, file):
        """Plays a file to its end; returns the exit status and what was logged."""
        done = subprocess.run([*self.command(file), "--once"], capture_output=True, text=True, check=False,
                              timeout=60 * harness.SLOW)
        return done.returncode, done.stderr

    def netvane_json(self, *words):
        done = subprocess.run([os.path.join(harness.BIN, "netvane"), "--dir", self.temp, "-j", *words],
                              capture_output=True, text=True, check=False, timeout=60 * harness.SLOW)
        if done.returncode not in (0, 1):
            raise AssertionError(f"netvane {words}: exit {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)


def packets(data):
    """Offset and length of each packet of a pcap of this host's byte order."""
    at = FILE_HEADER
    while at < len(data):
        length = struct.unpack_from("=I", data, at + 8)[0]
        yield at, 16 + length
        at += 16 + length


class RecordAndReplay(harness.NetnsTest):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.ns.temp, "netvaned.pcap")
        self.seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
        print(f"SEED={self.seed}", flush=True)

    def fill(self):
        self.ns.ip_batch(links() + addresses() + nexthops() + routes() + rules())

    def change(self, count):
        changer = Changer(self.ns, random.Random(self.seed))
        for _ in range(count):
            changer.change()

    def ask(self, *words):
        return json.loads(self.ns.netvane("-j", *words, check=False).stdout)  # 1: there is no default

    def stop(self, writer):
        """At rest: the State, after the last datagram and before the writer's end."""
        self.assert_equals_ip("the recorded writer", patience=5)
        time.sleep(0.3 * harness.SLOW)
        state = state_of(self.ask)
        writer.send_signal(signal.SIGTERM)
        self.assertEqual(writer.wait(10 * harness.SLOW), 0)
        return state

    def assert_replays_to(self, state, file=None, *args):
        with Replay(*args) as replay:
            status, log = replay.once(file or self.file)
            self.assertEqual(status, 0, log)
            ours = state_of(replay.netvane_json)
        wrong = harness.compare_answers(ours[0], state[0]) + harness.compare_answers(state[0], ours[0])
        self.assertFalse(wrong, f"SEED={self.seed}: {len(wrong)} differences:\n" + "\n".join(wrong[:20]) + "\n" + log)
        self.assertEqual(ours[1], state[1], log)
        self.assertIn("event=replayed", log)
        return {key: int(n) for key, n in re.findall(r"(\w+)=(\d+)", log.split("event=replayed")[1].split("\n")[0])}

    def test_a_replay_without_the_namespace_gives_the_same_objects_and_default_routes(self):
        self.fill()
        writer = self.ns.start_writer("--record", self.file, "--reconcile", "1")
        self.change(CHANGES)
        state = self.stop(writer)
        self.assertEqual(os.stat(self.file).st_mode & 0o777, 0o600)
        played = self.assert_replays_to(state)
        self.assertEqual(played["unavailable"], 0, played)
        self.assertGreater(played["requests"], 100, played)
        # A publish that was put off by less than a scheduler's whim may leave out a question for the egress, or add one.
        self.assertLess(played["requests_skipped"] + played["unanswered"], played["requests"] / 50, played)
        again = self.assert_replays_to(state)
        self.assertEqual(again, played)
        harness.says(f"{CHANGES} changes, {played}: equal, twice")

    def test_an_overrun_and_the_resync_behind_it_are_in_the_recording(self):
        self.ns.ip_batch(["link add v0 type veth peer name v1", "link set v0 up", "link set v1 up",
                          "addr add 10.0.0.1/24 dev v0"])
        writer = self.ns.start_writer("--record", self.file)
        os.kill(writer.pid, signal.SIGSTOP)
        self.ns.ip_batch([f"route add {20 + (n >> 16)}.{n >> 8 & 255}.{n & 255}.0/24 via 10.0.0.2"
                          for n in range(30000)])
        os.kill(writer.pid, signal.SIGCONT)
        deadline = time.monotonic() + 10 * harness.SLOW
        while self.ns.netvane_json("stat")["counters"]["resyncs"] == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        state = self.stop(writer)
        played = self.assert_replays_to(state)
        self.assertEqual(played["unavailable"], 0, played)
        with Replay() as replay:
            _, log = replay.once(self.file)
            counters = replay.netvane_json("stat")["counters"]
        self.assertEqual((counters["overruns"], counters["resyncs"]), (1, 1), log)
        self.assertIn('event=resync reason="overrun"', log)
        harness.says("30,000 routes behind an overrun: the replay overran, resynced, and is equal")

    def test_a_file_that_began_anew_can_be_replayed_alone(self):
        self.fill()
        most = 1 << 20
        writer = self.ns.start_writer("--record", self.file, "--record-max", str(most))
        old = self.file + ".old"
        rng = random.Random(self.seed)
        changer = Changer(self.ns, rng)
        before = None
        rotations = 0
        for n in range(1200):
            changer.change()
            try:
                now = os.stat(self.file).st_ino
            except FileNotFoundError:
                continue  # it has just become FILE.old
            rotations += before not in (None, now)
            before = now
            if rotations >= 2 and n > 60:
                break
        self.assertGreaterEqual(rotations, 2)
        time.sleep(2.5 * harness.SLOW)  # the re-read that the new file begins with may wait for its share of the time
        state = self.stop(writer)
        self.assertLessEqual(os.stat(self.file).st_size + os.stat(old).st_size, most + 2 * 65536)
        self.assertEqual(os.stat(old).st_mode & 0o777, 0o600)
        resyncs = re.findall(r"event=resync (.*)", self.ns.writer_log())
        self.assertFalse([why for why in resyncs if "egress" not in why], resyncs)
        self.assert_replays_to(state)
        harness.says(f"{rotations} files later the last one alone gives the State, and no reader saw a resync")

    def test_a_file_that_was_there_is_kept_as_old_and_no_link_is_followed(self):
        with open(self.file, "w", encoding="utf-8") as out:
            out.write("of yesterday")
        writer = self.ns.start_writer("--record", self.file)
        self.stop(writer)
        with open(self.file + ".old", encoding="utf-8") as old:
            self.assertEqual(old.read(), "of yesterday")
        target = os.path.join(self.ns.temp, "target")
        link = os.path.join(self.ns.temp, "link.pcap")
        os.symlink(target, link)
        done = self.ns.run(*self.ns.writer_command("--once", "--record", link), check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("no regular file", done.stderr)
        self.assertTrue(os.path.islink(link) and not os.path.exists(target))
        harness.says("a recording of yesterday is kept, a link is refused")

    def test_a_request_to_read_everything_again_is_in_the_recording(self):
        self.ns.ip_batch(["link add v0 type veth peer name v1"])
        writer = self.ns.start_writer("--record", self.file)
        self.ns.ip("link", "set", "v0", "alias", "silently named")  # of a link that is down: no event says so
        writer.send_signal(signal.SIGHUP)
        time.sleep(0.3 * harness.SLOW)
        state = self.stop(writer)
        self.assertIn("silently named", json.dumps(state))
        self.assert_replays_to(state)
        with Replay() as replay:
            _, log = replay.once(self.file)
        self.assertEqual(log.count("event=resync "), 1, log)
        harness.says("SIGHUP made the replay read everything again, and find what no event had told")

    def test_a_full_disk_ends_the_recording_and_not_the_writer(self):
        self.fill()
        small = os.path.join(self.ns.temp, "small")
        os.mkdir(small)
        file = os.path.join(small, "netvaned.pcap")
        command = " ".join(self.ns.writer_command("--record", file))
        with open(os.path.join(self.ns.temp, "netvaned.log"), "w", encoding="utf-8") as out:
            writer = self.ns.start("unshare", "-m", "sh", "-c",
                                   f"mount -t tmpfs -o size=512k none {small} && exec {command}", stdout=out, stderr=out)
        self.ns.netvane("wait", "ready", "--timeout", 20 * harness.SLOW)
        changer = Changer(self.ns, random.Random(self.seed))
        for _ in range(400):
            changer.change()
            if "event=record " in self.ns.writer_log():
                break
        shutil.copyfile(f"/proc/{writer.pid}/root{file}", self.file)
        self.change(20)
        time.sleep(1.5 * harness.SLOW)
        self.assertEqual(self.ns.writer_log().count("event=record "), 1, self.ns.writer_log())
        self.assert_equals_ip("after the recording ended", patience=5)
        writer.send_signal(signal.SIGTERM)
        self.assertEqual(writer.wait(10 * harness.SLOW), 0)
        self.assertRegex(self.ns.writer_log(), "event=record lost=[1-9]")
        with Replay() as replay:
            status, told = replay.once(self.file)
            self.assertEqual(status, 0, told)
            self.assertNotIn("was cut", told)
        harness.says("the recording ended at a whole datagram, said so once, and the writer went on")

    def test_a_cut_file_gives_what_is_whole_and_says_so(self):
        self.fill()
        writer = self.ns.start_writer("--record", self.file)
        self.change(60)
        self.stop(writer)
        with open(self.file, "rb") as whole:
            data = whole.read()
        ends = {at for at, _ in packets(data)}
        rng = random.Random(self.seed)
        cut_file = os.path.join(self.ns.temp, "cut.pcap")
        for size in sorted(rng.randrange(FILE_HEADER + 64, len(data)) for _ in range(12)):
            with open(cut_file, "wb") as out:
                out.write(data[:size])
            with Replay() as replay:
                status, log = replay.once(cut_file)
                self.assertEqual(status, 0, f"{size} bytes of {len(data)}: {log}")
                self.assertEqual("was cut" in log, size not in ends, log)
                self.assertGreater(replay.netvane_json("show")["version"], 0)
        harness.says("12 files cut anywhere gave a State each")

    def test_a_bad_file_gives_one_error_that_says_what_to_do(self):
        header = struct.pack("=IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 65552, 253)

        def packet(length, body=b"", cooked=struct.pack(">HH2sBBIHH", 0, 824, b"nv", 1, 0, 1, 0, 0)):
            return struct.pack("=IIII", 1, 1, length, length) + cooked + body

        cases = {
            b"": "no pcap file",
            b"GIF89a" * 20: "no pcap file",
            struct.pack("=I", 0x0A0D0D0A) * 20: "editcap",
            header[:20] + struct.pack("=I", 1): "link type",
            struct.pack(">I" if struct.pack("=I", 1)[0] else "<I", 0xA1B23C4D) + header[4:]: "byte order",
            header: "no packet",
            header + packet(1 << 30): "damaged",
            header + packet(3): "damaged",
            header + packet(16, cooked=struct.pack(">HH10xH", 0, 824, 0)): "--record",
        }
        bad = os.path.join(self.ns.temp, "bad.pcap")
        for content, hint in cases.items():
            with open(bad, "wb") as out:
                out.write(content)
            with Replay() as replay:
                status, log = replay.once(bad)
            self.assertEqual(status, 1, log)
            self.assertEqual(len(log.splitlines()), 1, log)
            self.assertIn(hint, log)
        with Replay() as replay:
            status, log = replay.once(os.path.join(self.ns.temp, "nowhere"))
            self.assertIn("No such file", log)
            self.assertEqual(status, 1)
        with Replay("--record", bad) as replay:
            status, log = replay.once(bad)
            self.assertEqual(status, 2, log)
        harness.says(f"{len(cases) + 2} bad files and uses, one line each")

    def test_a_replay_stays_up_without_any_socket_until_a_signal(self):
        self.fill()
        writer = self.ns.start_writer("--record", self.file)
        self.change(40)
        state = self.stop(writer)
        with Replay("--replay-pace", "recorded") as replay:
            begin = time.monotonic()
            with open(os.path.join(replay.temp, "log"), "w+", encoding="utf-8") as log:
                player = subprocess.Popen(replay.command(self.file), stderr=log)
                try:
                    text = ""
                    while "event=replayed" not in text and time.monotonic() < begin + 30 * harness.SLOW:
                        time.sleep(0.05)
                        log.seek(0)
                        text = log.read()
                    took = time.monotonic() - begin
                    self.assertIn("event=replayed", text)
                    fds = f"/proc/{player.pid}/fd"
                    opened = [os.readlink(f"{fds}/{fd}") for fd in os.listdir(fds)]
                    self.assertFalse([name for name in opened if name.startswith("socket:")], opened)
                    ours = state_of(replay.netvane_json)
                    self.assertEqual(ours[1], state[1], text)
                    self.assertFalse(harness.compare_answers(ours[0], state[0]))
                    player.send_signal(signal.SIGTERM)
                    self.assertEqual(player.wait(10), 0)
                finally:
                    if player.poll() is None:
                        player.kill()
                        player.wait()
        with open(self.file, "rb") as whole:
            data = whole.read()
        times = [struct.unpack_from("=II", data, at) for at, _ in packets(data)]
        length = times[-1][0] - times[0][0] + (times[-1][1] - times[0][1]) / 1e9
        self.assertGreaterEqual(took, length * 0.95)
        harness.says(f"the recorded pace took {took:.1f} s for {length:.1f} s, with no socket open")

    def test_wireshark_reads_every_packet(self):
        if not shutil.which("tshark"):
            harness.says("nothing: there is no tshark here")
            self.skipTest("no tshark")
        self.fill()
        writer = self.ns.start_writer("--record", self.file)
        self.change(60)
        self.stop(writer)
        with open(self.file, "rb") as whole:
            count = sum(1 for _ in packets(whole.read()))

        def tshark(*words):
            done = subprocess.run(["tshark", "-r", self.file, "-T", "fields", "-e", "frame.number", *words],
                                  capture_output=True, text=True, check=False, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            return len(done.stdout.split())

        self.assertEqual(tshark("-Y", "netlink"), count)
        self.assertEqual(tshark("-Y", "_ws.malformed || _ws.expert.severity >= 4194304"), 0)
        harness.says(f"{count} packets, all Netlink, none malformed")


if __name__ == "__main__":
    harness.main()
