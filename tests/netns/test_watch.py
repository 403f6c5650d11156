# SPDX-License-Identifier: MIT
"""netvane watch shows each change once, whatever happens in between: pauses, bursts, a new writer."""

import json
import os
import select
import signal
import time

import harness


class Watch(harness.NetnsTest):
    def setUp(self):
        super().setUp()
        self.ns.ip_batch(["link add v0 type veth peer name v1", "link set v0 up", "link set v1 up",
                          "addr add 10.0.0.1/24 dev v0"])
        self.writer = self.ns.start_writer()
        self.watch = self.ns.start_netvane("-j", "watch", "--for", "120")
        time.sleep(0.3)
        self.have = {}  # what the lines say is in table 777, by destination
        self.lines = []
        self.raw = b""

    def next_line(self, deadline):
        """The next line, or None if none comes until then. A file object's own buffer would hide lines from select."""
        fd = self.watch.stdout.fileno()
        while b"\n" not in self.raw:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                return None
            more = os.read(fd, 65536)
            self.assertTrue(more, "the watch has ended")
            self.raw += more
        line, self.raw = self.raw.split(b"\n", 1)
        return json.loads(line)

    def take(self, line):
        """One line: it has to fit what is there."""
        self.lines.append(line)
        if line["class"] != "route":
            return
        before, after = line.get("before"), line.get("after")
        if int((after or before).get("table", 254)) != 777:
            return
        key = (after or before)["dst"]
        self.assertEqual(self.have.get(key), before, f"not what was there before: {line}")
        self.assertNotEqual(before, after, line)
        if after:
            self.have[key] = after
        else:
            del self.have[key]

    def read_until(self, done, timeout=10):
        """Takes lines until done() holds."""
        deadline = time.monotonic() + timeout * harness.SLOW
        while not done():
            line = self.next_line(deadline)
            self.assertIsNotNone(line, f"never came; last lines: {self.lines[-3:]}")
            self.take(line)

    def read_rest(self, seconds):
        """Takes what comes for so long."""
        deadline = time.monotonic() + seconds * harness.SLOW
        while (line := self.next_line(deadline)) is not None:
            self.take(line)

    def assert_is_table(self):
        kernel = json.loads(self.ns.ip("-j", "route", "show", "table", "777").stdout or "[]")
        self.assertEqual({r["dst"]: r["metric"] for r in kernel},
                         {dst: r["metric"] for dst, r in self.have.items()})

    def route(self, i, metric=None):
        return [f"10.7.{i // 256}.{i % 256}", "dev", "v0", "table", "777",
                *(["metric", str(metric)] if metric else [])]

    def test_each_change_is_one_line(self):
        count = 0
        for i in range(20):
            for words in (["route", "add", *self.route(i, 5)], ["route", "del", *self.route(i, 5)],
                          ["route", "add", *self.route(i, 6)],
                          ["route", "replace", *self.route(i, 6), "proto", "static"]):
                self.ns.ip(*words)
                count += 1
                self.read_until(lambda: len(self.lines) == count)
                self.assertEqual(self.lines[-1]["class"], "route")
        self.read_rest(0.5)
        self.assertEqual(len(self.lines), count)
        ops = [line["op"] for line in self.lines]
        self.assertEqual(ops, ["add", "remove", "add", "change"] * 20)
        self.assert_is_table()
        harness.says(f"{count} changes of routes, one after the other: {count} lines")
        before = len(self.lines)
        self.ns.ip("link", "set", "v0", "mtu", "1400")
        self.ns.ip("rule", "add", "priority", "77", "table", "777")
        self.ns.ip("nexthop", "add", "id", "5", "dev", "v0")
        self.ns.ip("nexthop", "add", "id", "6", "blackhole")
        self.ns.ip("nexthop", "replace", "id", "5", "dev", "v0", "via", "10.0.0.9")
        self.read_rest(1)
        seen = [(line["class"], line["op"]) for line in self.lines[before:]
                if line["class"] in ("rule", "nexthop") or
                (line["class"] == "link" and line["after"]["mtu"] == 1400)]
        self.assertEqual(sorted(seen), [("link", "change"), ("nexthop", "add"), ("nexthop", "add"),
                                        ("nexthop", "change"), ("rule", "add")])
        harness.says("a link, a rule and nexthop objects: a line each")

    def test_bursts_add_up(self):
        there = set()
        for round_ in range(5):
            lines = []
            for i in range(400):
                which = i * 7 % 300
                words = " ".join(self.route(which, 5))
                if which in there and (i + round_) % 3 == 0:
                    lines.append(f"route del {words}")
                    there.remove(which)
                else:
                    lines.append(f"route replace {words} proto {3 + (i + round_) % 4}")
                    there.add(which)
            self.ns.ip_batch(lines)
            if round_ == 2:  # it sleeps through the next one
                self.watch.send_signal(signal.SIGSTOP)
            if round_ == 3:
                self.watch.send_signal(signal.SIGCONT)
        self.ns.ip("route", "add", *self.route(999, 5))
        self.read_until(lambda: "10.7.3.231" in self.have)
        self.read_rest(0.3)
        self.assert_is_table()
        harness.says(f"2000 changes in bursts, {len(self.lines)} lines: they add up to the kernel's table")

    def test_a_new_writer_repeats_nothing(self):
        self.ns.ip_batch([f"route add {' '.join(self.route(i, 5))}" for i in range(50)])
        self.read_until(lambda: len(self.have) == 50)
        count = len(self.lines)
        time.sleep(0.2 * harness.SLOW)  # the watch copies what it showed as soon as copying took 1/20 of its time
        self.writer.kill()
        self.writer.wait()
        self.ns.ip("route", "add", *self.route(60, 5))
        self.ns.ip("route", "del", *self.route(3, 5))
        self.ns.start_writer()
        self.read_until(lambda: len(self.have) == 50 and "10.7.0.60" in self.have)
        self.ns.ip("route", "add", *self.route(61, 5))
        self.read_until(lambda: "10.7.0.61" in self.have)
        routes = [line for line in self.lines[count:] if line["class"] == "route"]
        self.assertEqual(len(routes), 3, routes)
        self.assertFalse([line for line in self.lines if line["op"] == "skipped"])
        self.assert_is_table()
        harness.says("a new writer: what changed meanwhile, and nothing else")


if __name__ == "__main__":
    harness.main()
