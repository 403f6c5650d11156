# SPDX-License-Identifier: MIT
"""netvaned's options, signals and words to the service manager do what its manual says."""

import json
import os
import signal
import socket
import subprocess
import time

import harness


class Daemon(harness.NetnsTest):
    def outside(self, *args, **more):
        """netvaned in the namespace of the test itself."""
        return subprocess.run(self.ns.writer_command(*args), capture_output=True, text=True, timeout=30 * harness.SLOW,
                              check=False, **more)

    def counter(self, name):
        return self.ns.netvane_json("stat")["counters"][name]

    def test_netns_mirrors_the_named_namespace(self):
        self.ns.ip_batch(["link add only-here type veth peer name other-end"])
        done = self.outside("--once", "--netns", f"/proc/{self.ns.pid}/ns/net")
        self.assertEqual(done.returncode, 0, done.stderr)
        names = [link["ifname"] for link in self.ns.netvane_json("link")]
        self.assertIn("only-here", names)
        stat = json.loads(self.ns.netvane("-j", "stat", check=False).stdout)  # 1: the writer has stopped
        self.assertEqual(stat["netns_ino"], os.stat(f"/proc/{self.ns.pid}/ns/net").st_ino)
        harness.says("--netns PATH shows that namespace's links, --once leaves the State readable")
        done = self.outside("--once", "--netns", "no-such-namespace")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no such network namespace", done.stderr)

    def test_bad_options_get_one_error_and_change_nothing(self):
        for args, word in ((["--frobnicate", "1"], "--frobnicate"), (["--reconcile", "soon"], "soon"),
                           (["--coalesce", "-1"], "-1"), (["--max-bytes", "12"], "12"), (["--log-level", "loud"], "loud"),
                           (["--name"], "--name"), (["stray"], "stray")):
            done = self.outside(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
            self.assertIn(word, done.stderr)
        self.assertEqual(os.listdir(self.ns.dir), [])
        harness.says("seven kinds of bad options: exit 2, one line, no region")

    def test_a_directory_that_others_may_write_is_refused(self):
        os.chmod(self.ns.dir, 0o777)
        done = self.outside("--once")
        self.assertEqual(done.returncode, 1)
        self.assertIn("hint=", done.stderr)
        os.chmod(self.ns.dir, 0o755)
        self.assertEqual(self.outside("--once").returncode, 0)

    def test_odd_sizes_make_a_sound_region(self):
        self.assertEqual(self.outside("--once", "--max-bytes", "5000001").returncode, 0)
        self.assertEqual(self.ns.netvane("check", "--no-kernel", check=False).returncode, 0)

    def test_sighup_reads_everything_again_and_wakes_nobody_who_waits_for_content(self):
        writer = self.ns.start_writer("--reconcile", "0")
        before = self.ns.netvane_json("show")["version"]
        waiting = self.ns.start_netvane("wait", "links", "addrs", "routes", "rules", "default4", "--timeout", "30")
        time.sleep(0.3 * harness.SLOW)
        os.kill(writer.pid, signal.SIGHUP)
        deadline = time.monotonic() + 5 * harness.SLOW
        while self.counter("resyncs") == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(self.counter("resyncs"), 1)
        time.sleep(0.3 * harness.SLOW)
        self.assertIsNone(waiting.poll(), "a re-read without a difference woke a waiter")
        self.assertGreater(self.ns.netvane_json("show")["version"], before)  # quality went and came
        harness.says("SIGHUP re-reads; equal content moves no topic but health")

    def test_the_service_manager_is_told(self):
        path = os.path.join(self.ns.temp, "notify")
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(path)
        manager.settimeout(10 * harness.SLOW)
        writer = subprocess.Popen(self.ns.inside(*self.ns.writer_command()), stderr=subprocess.DEVNULL,
                                  env={**os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"})
        self.ns.processes.append(writer)
        told = [manager.recv(256)]
        while told[-1] == b"WATCHDOG=1":  # a long first load pings too
            told.append(manager.recv(256))
        self.assertEqual(told[-1], b"READY=1")
        self.assertEqual(self.ns.netvane("wait", "ready", "--timeout", "0", check=False).returncode, 0)
        begin = time.monotonic()
        told = []
        while told.count(b"WATCHDOG=1") < 3:
            told.append(manager.recv(256))
        self.assertGreater(time.monotonic() - begin, 0.3)
        os.kill(writer.pid, signal.SIGTERM)
        while told[-1] != b"STOPPING=1":
            told.append(manager.recv(256))
        self.assertEqual(writer.wait(10 * harness.SLOW), 0)
        harness.says("READY=1 once the State is readable, WATCHDOG=1 twice in each limit, STOPPING=1")

    def test_a_region_that_lost_its_file_is_followed_by_higher_versions_and_wakes_its_waiters(self):
        self.ns.ip_batch(["link add v0 type veth peer name v1", "link set v0 up", "link set v1 up",
                          "-6 addr add 2001:db8::1/64 dev v0 nodad", "-6 route add default via 2001:db8::2"])
        writer = self.ns.start_writer()
        before = self.ns.netvane_json("show")["version"]
        waiting = self.ns.start_netvane("wait", "default6", "--timeout", "20")
        time.sleep(0.3 * harness.SLOW)
        writer.kill()
        writer.wait()
        os.unlink(os.path.join(self.ns.dir, "default"))
        self.ns.ip("-6", "route", "replace", "default", "via", "2001:db8::3")
        self.ns.start_writer()
        self.assertEqual(waiting.wait(10 * harness.SLOW), 0)
        self.assertGreater(self.ns.netvane_json("show")["version"], before)
        harness.says("without a predecessor versions go on from the clock, and waiters see the change")

    def says_of_the_writer(self):
        return json.loads(self.ns.netvane("-j", "show", check=False).stdout)["writer"]

    def test_quiet_stopped_hung_and_dead_are_told_apart(self):
        """Nothing changes all the while."""
        late_s = 3  # a heartbeat that is older
        writer = self.ns.start_writer("--reconcile", "0")
        version = self.ns.version()
        for _ in range(late_s + 1):
            time.sleep(1)
            self.assertEqual(self.says_of_the_writer(), "alive")
        os.kill(writer.pid, signal.SIGSTOP)
        self.assertEqual(self.says_of_the_writer(), "alive")  # its heartbeat is on time yet
        time.sleep(late_s + 1)
        self.assertEqual(self.says_of_the_writer(), "late")
        os.kill(writer.pid, signal.SIGCONT)
        deadline = time.monotonic() + 5 * harness.SLOW
        while self.says_of_the_writer() != "alive" and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(self.says_of_the_writer(), "alive")
        self.assertEqual(self.ns.version(), version)
        writer.kill()
        writer.wait()
        self.assertEqual(self.says_of_the_writer(), "dead")
        harness.says("a writer that is quiet is alive, one that is stopped is late, one that was killed is dead")

    def test_sigterm_marks_the_state_stopped_and_keeps_it_readable(self):
        writer = self.ns.start_writer()
        os.kill(writer.pid, signal.SIGINT)
        self.assertEqual(writer.wait(10 * harness.SLOW), 0)
        self.assertEqual(self.ns.netvane("link", check=False).returncode, 0)
        self.assertIn("stopped", self.ns.netvane("show").stdout.lower())


if __name__ == "__main__":
    harness.main()
