# SPDX-License-Identifier: MIT
"""--tables: what it leaves out is counted and said, what it holds equals ip's, and the egress is the kernel's."""

import time
import unittest

import harness


class Tables(harness.NetnsTest):
    def setUp(self):
        super().setUp()
        self.ns.ip_batch(["link add v0 type veth peer name v1", "link set v0 up", "link set v1 up",
                          "addr add 10.0.0.1/24 dev v0", "route add default via 10.0.0.254",
                          "route add default via 10.0.0.253 table 900"] +
                         [f"route add 10.{table}.{n}.0/24 via 10.0.0.2 table {table}"
                          for table in (100, 150, 201) for n in range(20)])

    def routes(self, answer, *words):
        return answer("route", "show", "table", *words)

    def left_out(self):
        return self.ns.netvane_json("stat")["routes_left_out"]

    def test_routes_of_the_chosen_tables_equal_ip_and_the_others_are_counted(self):
        self.ns.start_writer("--tables", "100-150", "--reconcile", "0")
        for table in ("100", "150"):
            self.assertFalse(harness.compare_lists("route", self.routes(self.ns.netvane_json, table),
                                                   self.routes(self.ns.ip_json, table)))
        self.assertEqual(self.routes(self.ns.netvane_json, "201"), [])
        everything = self.routes(self.ns.ip_json, "all")
        held = self.routes(self.ns.netvane_json, "all")
        self.assertEqual(self.left_out(), len(everything) - len(held))
        self.assertEqual(sum(route["dst"] == "default" for route in held), 2)
        stat = self.ns.netvane_json("stat")
        self.assertEqual((stat["tables"], stat["quality"]), ("100-150", ["filtered"]))
        shown = self.ns.netvane("route", "show", "table", "201")
        self.assertIn("100-150 only", shown.stderr)
        self.assertIn("100-150", self.ns.netvane("show").stdout)
        self.assertEqual(self.ns.netvane("check", check=False).returncode, 0)
        before = self.left_out()
        self.ns.ip_batch([f"route add 10.77.{n}.0/24 via 10.0.0.2 table 201" for n in range(5)])
        deadline = time.monotonic() + 2 * harness.SLOW
        while self.left_out() != before + 5 and time.monotonic() < deadline:
            time.sleep(0.02)  # the counter is written each second
        self.assertEqual(self.left_out(), before + 5)
        harness.says(f"{len(held)} of {len(everything)} routes are held, equal ip's, and the rest is counted and said")

    def test_default_only_follows_the_default_and_the_egress(self):
        self.ns.start_writer("--tables", "default-only")
        shown = self.ns.netvane_json("route", "show", "table", "all")
        self.assertEqual([route["dst"] for route in shown], ["default", "default"])
        self.ns.ip("route", "replace", "default", "via", "10.0.0.7")
        self.ns.ip("route", "add", "128.0.0.0/1", "via", "10.0.0.8")  # not held, and decides all the same
        deadline = time.monotonic() + 2 * harness.SLOW
        wanted = ['"gateway":"10.0.0.7"', '"gateway":"10.0.0.8"']
        answer = ""
        while not all(words in answer for words in wanted) and time.monotonic() < deadline:
            answer = self.ns.netvane("-j", "default").stdout.replace(" ", "")
            time.sleep(0.02)
        for words in wanted:
            self.assertIn(words, answer)
        counters = self.ns.netvane_json("stat")["counters"]
        self.assertEqual((counters["egress_disagreed"], counters["resyncs"]), (0, 0))
        harness.says("the main default and the kernel's egress, of which the mirror holds no route")

    def test_a_list_that_makes_no_sense_is_refused(self):
        done = self.ns.run(*self.ns.writer_command("--tables", "main,9-8"), check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--tables main,9-8: a range ends before it begins", done.stderr)
        harness.says("one clear error")


if __name__ == "__main__":
    unittest.TestCase.maxDiff = None
    harness.main()
