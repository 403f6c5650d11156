# SPDX-License-Identifier: MIT
"""netvane_fib_lookup is `ip route get` on random questions about random configurations; `netvane get` prints it as `ip` does."""

import json
import os

import fib_questions
import harness

SEED = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(3), "big")
CONFIGS, QUESTIONS = 12, 500  # each; fib_questions.py asks more
# Configurations that once showed a difference: (seed, number).
KNOWN = (
    (8829611, 1),  # IPv6 routes for certain sources, which the kernel lost from its view
    (1010, 11),    # a nexthop object of table main hides the default route of table local
    (1013, 26),    # a rule for what comes in by the link that a packet is to leave by decides on its source
)


class FibLookup(harness.NetnsTest):
    def same_words(self, *words, six=False):
        """Text and JSON of `ip route get` and of `netvane get` are the same; answers the JSON."""
        option = ["-6"] if six else []
        theirs = self.ns.ip(*option, "route", "get", *words).stdout
        self.assertEqual(self.ns.netvane(*option, "get", *words).stdout, theirs)
        theirs = json.loads(self.ns.ip("-j", *option, "route", "get", *words).stdout)
        ours = self.ns.netvane_json(*option, "get", *words)
        self.assertEqual(ours, theirs)
        return ours[0]

    def test_the_library_answers_random_questions_as_the_kernel_does(self):
        print(f"seed {SEED}", flush=True)
        result = fib_questions.Result()
        for number in range(CONFIGS):
            fib_questions.run_config(SEED, number, QUESTIONS, result)
        for seed, number in KNOWN:
            fib_questions.run_config(seed, number, QUESTIONS, result)
        for entry in result.differences + result.unsure_differences:
            fib_questions.show(entry)
        self.assertEqual(result.differences, [])
        self.assertGreater(result.routed, QUESTIONS)
        self.assertGreater(result.multipath, 0)
        harness.says(f"{result.asked} questions, {result.routed} with a route, {result.multipath} multipath; "
                     f"{len(result.unsure_differences)} of the uncertain differ")

    def test_the_tool_prints_what_ip_prints(self):
        self.ns.ip_batch(["link add v0 type veth peer name v1", "link set v0 up", "link set v1 up",
                          "addr add 10.0.0.1/24 dev v0", "route add default via 10.0.0.9 mtu 1400",
                          "route add 10.8.0.0/16 tos 0x10 via 10.0.0.4", "route add 10.1.0.0/16 table 100 via 10.0.0.5",
                          "-6 addr add 2001:db8::1/64 nodad dev v0", "-6 route add default via 2001:db8::9"])
        self.ns.start_writer()
        for words in ("10.0.0.1", "127.0.0.1", "8.8.8.8 from 10.0.0.1", "10.0.0.255", "8.8.8.8 mark 77",
                      "10.8.0.1 tos 0x10", "8.8.8.8 oif v1", "1.1.1.1 uid 1000", "10.0.0.1 from 10.0.0.7 iif v1"):
            self.same_words(*words.split())
        for words in ("2001:db8::5", "2001::1", "::1", "2001::1 from 2001:db8::1", "2001::1 iif v1"):
            self.same_words(*words.split(), six=True)
        self.ns.ip("rule", "add", "pref", "10", "dport", "53", "ipproto", "udp", "table", "100")
        fib_questions.settle(self.ns)
        self.assertEqual(self.same_words("10.1.0.1", "ipproto", "udp", "dport", "53")["table"], "100")
        self.assertNotIn("table", self.same_words("10.1.0.1", "ipproto", "tcp", "dport", "53"))
        harness.says("text and JSON of netvane get are those of ip route get")

    def test_a_rejection_is_said_and_a_wrong_word_is_explained(self):
        self.ns.ip("route", "add", "unreachable", "10.1.0.0/16")
        self.ns.start_writer()
        for words, code, said in (("10.1.2.3", 1, "unreachable"), ("9.9.9.9", 1, "no route"),
                                  ("", 2, "needs a destination"), ("1.2.3.4 from ::1", 2, "an IPv4 address"),
                                  ("1.2.3.4 mark x", 2, "a number"), ("1.2.3.4 oif gone", 1, "no link")):
            done = self.ns.netvane("get", *words.split(), check=False)
            self.assertEqual((done.returncode, done.stdout), (code, ""), words)
            self.assertIn(said, done.stderr)
        harness.says("a rejection is one line and exit code 1; a wrong word is explained")


if __name__ == "__main__":
    harness.main()
