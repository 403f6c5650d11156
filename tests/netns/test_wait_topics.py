# SPDX-License-Identifier: MIT
"""netvane wait wakes for what it was asked for, and for nothing else."""

import time

import harness


class WaitTopics(harness.NetnsTest):
    def setUp(self):
        super().setUp()
        self.ns.ip_batch(["link add v0 type veth peer name v1", "link set v0 up", "link set v1 up",
                          "addr add 10.0.0.1/24 dev v0", "route add default via 10.0.0.2"])

    def wait(self, *args):
        process = self.ns.start_netvane("wait", *args)
        time.sleep(0.3 * harness.SLOW)  # until it sleeps
        self.assertIsNone(process.poll(), "it did not even begin to wait")
        return process

    def ends(self, process, code, within=5):
        out, err = process.communicate(timeout=within * harness.SLOW)
        self.assertEqual(process.returncode, code, out + err)
        return out.split()

    def test_topics(self):
        self.ns.start_writer()
        waiting = self.wait("default4", "--timeout", "30")
        self.ns.ip_batch(["route add 10.5.0.0/16 dev v0 table 100", "route add default via 10.0.0.3 table 100",
                          "route add 10.6.0.0/16 dev v0", "addr add 10.7.0.1/24 dev v0",
                          "rule add pref 99 from 10.99.0.0/16 table 100"])
        time.sleep(0.7)
        self.assertIsNone(waiting.poll(), "a route of another table woke it")
        harness.says("routes of table 100, a rule and an address do not wake `wait default4`")
        self.ns.ip("route", "replace", "default", "via", "10.0.0.9")
        self.assertEqual(self.ends(waiting, 0), ["default4"])
        harness.says("a change of the default route does")
        for topic, command in (("links", "link set v0 mtu 1400"), ("addrs", "addr add 10.8.0.1/24 dev v0"),
                               ("routes", "route add 10.9.0.0/16 dev v0"), ("rules", "rule add pref 98 table 100"),
                               ("nexthops", "nexthop add id 5 dev v0"),
                               ("default6", "-6 route add default dev v0")):
            waiting = self.wait(topic, "--timeout", "30")
            self.ns.ip(*command.split())
            self.assertEqual(self.ends(waiting, 0), [topic])
        harness.says("each topic wakes its waiters")

    def test_timeout(self):
        self.ns.start_writer()
        begin = time.monotonic()
        done = self.ns.netvane("wait", "links", "--timeout", "0.5", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertGreaterEqual(time.monotonic() - begin, 0.5)
        harness.says("a timeout is exit 1, not earlier than asked")

    def test_settle(self):
        self.ns.start_writer()
        waiting = self.wait("routes", "--settle", "400", "--timeout", "30")
        for n in range(8):
            self.ns.ip("route", "add", f"10.20.{n}.0/24", "dev", "v0")
            time.sleep(0.1)
        last = time.monotonic() - 0.1
        self.assertIsNone(waiting.poll(), "it did not wait for quiet")
        self.ends(waiting, 0)
        quiet = time.monotonic() - last
        self.assertGreaterEqual(quiet, 0.35)
        harness.says(f"--settle 400 returned {quiet * 1000:.0f} ms after the last of a series of changes")

    def test_ready_waits_for_a_writer(self):
        done = self.ns.netvane("wait", "ready", "--timeout", "0.3", check=False)
        self.assertEqual(done.returncode, 1)
        waiting = self.ns.start_netvane("wait", "ready", "--timeout", "30")
        time.sleep(0.3)
        self.ns.start_writer()
        self.ends(waiting, 0)
        harness.says("`wait ready` waits for a writer that does not exist yet")

    def test_ready_is_not_what_a_dead_writer_left(self):
        writer = self.ns.start_writer()
        writer.kill()
        writer.wait()
        done = self.ns.netvane("wait", "ready", "--timeout", "0.3", check=False)
        self.assertEqual(done.returncode, 1)
        harness.says("the State of a dead writer is not ready")


if __name__ == "__main__":
    harness.main()
