# SPDX-License-Identifier: MIT
"""A writer that is killed leaves its last State; the next one goes on where it ended, under running readers."""

import json
import signal
import subprocess
import time

import harness


class WriterRestart(harness.NetnsTest):
    def setUp(self):
        super().setUp()
        self.ns.ip_batch(["link add v0 type veth peer name v1", "link set v0 up", "link set v1 up",
                          "addr add 10.0.0.1/24 dev v0", "route add default via 10.0.0.2"])

    def lines_of(self, watch, until, timeout=10):
        """Reads JSON lines of a watch until one satisfies until(line)."""
        lines = []
        deadline = time.monotonic() + timeout * harness.SLOW
        while time.monotonic() < deadline:
            line = watch.stdout.readline()
            if not line:
                break
            lines.append(json.loads(line))
            if until(lines[-1]):
                return lines
        self.fail(f"watch never said it; it said: {lines} {watch.stderr.read() if watch.poll() else ''}")

    def test_restart_after_kill(self):
        writer = self.ns.start_writer()
        before = self.ns.version()
        watch = self.ns.start_netvane("-j", "watch", "--for", "60")
        time.sleep(0.2)
        self.ns.ip("route", "add", "10.1.0.0/16", "dev", "v0")
        self.lines_of(watch, lambda l: l["op"] == "add" and l.get("after", {}).get("dst") == "10.1.0.0/16")

        writer.kill()
        writer.wait()
        self.lines_of(watch, lambda l: l["class"] == "health" and l["op"] == "writer")
        harness.says("a running watch tells that the writer died")
        stat = self.ns.netvane("-j", "stat", check=False)
        self.assertEqual(stat.returncode, 1)
        self.assertEqual(json.loads(stat.stdout)["writer"], "dead")
        route = self.ns.netvane("route")
        self.assertIn("10.1.0.0/16", route.stdout)
        self.assertIn("warning", route.stderr)
        harness.says("the last State is still readable, with a warning")

        self.ns.ip("route", "add", "10.2.0.0/16", "dev", "v0")
        self.ns.start_writer()
        self.lines_of(watch, lambda l: l["class"] == "health" and l["op"] == "takeover")
        self.assertGreater(self.ns.version(), before)
        self.assertIn("10.2.0.0/16", self.ns.netvane("route").stdout)
        self.ns.ip("route", "add", "10.3.0.0/16", "dev", "v0")
        self.lines_of(watch, lambda l: l["op"] == "add" and l.get("after", {}).get("dst") == "10.3.0.0/16")
        harness.says("after a restart versions go on, and the same watch sees new changes")

        check = self.ns.netvane("check", check=False)
        self.assertEqual(check.returncode, 0, check.stdout + check.stderr)
        self.assert_equals_ip("after the restart")
        watch.send_signal(signal.SIGINT)
        self.assertEqual(watch.wait(5 * harness.SLOW), 0)
        harness.says("netvane check says equal after kill -9 and a restart; Ctrl-C ends watch with 0")

    def test_second_writer_is_refused(self):
        self.ns.start_writer()
        instance = self.ns.netvane_json("stat")["instance_id"]
        second = subprocess.run(self.ns.inside(*self.ns.writer_command()), capture_output=True, text=True,
                                check=False, timeout=20 * harness.SLOW)
        self.assertNotEqual(second.returncode, 0)
        self.assertRegex(second.stderr.lower(), "already|another|running|lock")
        self.assertEqual(self.ns.netvane_json("stat")["instance_id"], instance)
        self.ns.ip("route", "add", "10.4.0.0/16", "dev", "v0")
        self.assert_equals_ip("beside a refused writer")
        harness.says(f"a second writer of the same name is refused (exit {second.returncode}): "
                     f"{second.stderr.strip().splitlines()[-1]}")

    def test_orderly_stop(self):
        writer = self.ns.start_writer()
        writer.send_signal(signal.SIGTERM)
        self.assertEqual(writer.wait(10 * harness.SLOW), 0)
        stat = self.ns.netvane("-j", "stat", check=False)
        self.assertEqual(json.loads(stat.stdout)["writer"], "stopped")
        harness.says("SIGTERM stops the writer cleanly, and readers can tell")


if __name__ == "__main__":
    harness.main()
