# SPDX-License-Identifier: MIT
"""netvane's words, JSON and exit codes in every special case that the kernel here can make."""

import re

import harness

BASE = ["link add v0 type veth peer name v1", "link set v0 up", "link set v1 up",
        "addr add 10.0.0.1/24 dev v0", "addr add 2001:db8::1/64 dev v0"]

# What each case adds; a line that this kernel refuses is left out, and said.
CASES = {
    "route types": [
        "route add blackhole 10.1.0.0/24", "route add unreachable 10.1.1.0/24",
        "route add prohibit 10.1.2.0/24", "route add throw 10.1.3.0/24 table 100",
        "route add local 10.1.4.0/24 dev lo", "route add broadcast 10.1.5.0/24 dev v0",
        "route add multicast 239.1.0.0/16 dev v0",
        "-6 route add blackhole 2001:db8:1::/64", "-6 route add unreachable 2001:db8:2::/64",
        "-6 route add prohibit 2001:db8:3::/64", "-6 route add throw 2001:db8:4::/64 table 100",
        "-6 route add local 2001:db8:5::/64 dev lo", "-6 route add anycast 2001:db8:6::6/128 dev v0",
        "-6 route add 2001:db8:7::/64 from 2001:db8:8::/64 dev v0",
    ],
    "metrics": [
        "route add 10.2.0.0/24 via 10.0.0.2 mtu 1400", "route add 10.2.1.0/24 via 10.0.0.2 mtu lock 1300",
        "route add 10.2.2.0/24 dev v0 window 5000 rtt 100ms rttvar 50ms rto_min 5ms",
        "route add 10.2.3.0/24 dev v0 ssthresh 10 cwnd 20 advmss 1200 reordering 5 hoplimit 9",
        "route add 10.2.4.0/24 dev v0 initcwnd 11 initrwnd 12 features ecn quickack 1",
        "route add 10.2.5.0/24 dev v0 congctl cubic", "route add 10.2.6.0/24 dev v0 fastopen_no_cookie 1",
        "-6 route add 2001:db8:20::/64 dev v0 mtu lock 1300 hoplimit 70 rtt 2000ms features ecn",
    ],
    "ways": [
        "route add default via 10.0.0.2 metric 100 proto dhcp src 10.0.0.1",
        "route add default via 10.0.0.3 metric 200", "route append 10.3.9.0/24 via 10.0.0.4",
        "route append 10.3.9.0/24 via 10.0.0.5", "route add 10.3.0.0/24 via 10.9.9.9 dev v0 onlink",
        "route add 10.3.1.0/24 via inet6 2001:db8::9 dev v0", "route add 10.3.2.0/24 dev v0 tos 0x10 realm 5",
        "route add 10.3.3.0/24 dev v0 realm 3/5 scope host", "route add 10.3.4.1/32 dev v0 proto 77 table 100",
        "route add 10.3.5.0/24 nexthop via 10.0.0.6 weight 5 nexthop via 10.8.8.8 dev v0 onlink",
        "route add 10.3.6.0/24 nexthop via inet6 2001:db8::7 dev v0 nexthop dev v1 weight 9 realm 7",
        "-6 route add default via 2001:db8::2 pref high", "-6 route add 2001:db8:30::/64 dev v0 expires 500",
        "-6 route add 2001:db8:31::/64 dev v0 pref low src 2001:db8::1",
        "-6 route add 2001:db8:32::/64 nexthop via 2001:db8::5 nexthop via 2001:db8::6 dev v0 weight 3",
        "-6 route append 2001:db8:33::/64 via 2001:db8::5", "-6 route append 2001:db8:33::/64 via 2001:db8::6",
    ],
    "encapsulations": [
        "route add 10.4.0.0/24 encap mpls 100/200 via 10.0.0.9",
        "route add 10.4.1.0/24 encap ip id 5 dst 1.2.3.4 src 1.2.3.5 ttl 9 tos 4 key csum seq dev v0",
        "route add 10.4.2.0/24 encap ip6 id 5 dst fc00::1 hoplimit 3 dev v0",
        "-6 route add 2001:db8:40::/48 encap seg6 mode encap segs fc00::1,fc00::2 dev v0",
        "-6 route add 2001:db8:41::/48 encap seg6 mode inline segs fc00::1 dev v0",
        "-6 route add 2001:db8:42::/48 encap ip6 id 77 dst fc00::1 src fc00::2 tc 8 dev v0",
        "route add 10.4.3.0/24 nexthop encap ip id 6 dst 1.2.3.4 dev v0 nexthop via 10.0.0.8",
        "route add 10.4.4.0/24 encap xfrm if_id 5 dev v0",
    ],
    "nexthop objects": [
        "nexthop add id 1 via 10.0.0.7 dev v0", "nexthop add id 2 via 10.0.0.8 dev v0 proto bird onlink",
        "nexthop add id 3 group 1,2/2", "nexthop add id 4 blackhole", "-6 nexthop add id 5 dev v0",
        "nexthop add id 6 via 2001:db8::5 dev v0", "nexthop add id 7 via 10.0.0.9 fdb",
        "nexthop add id 8 group 7 fdb", "nexthop add id 9 encap seg6 mode encap segs fc00::1 via 2001:db8::8 dev v0",
        "nexthop add id 10 group 1/2 type resilient buckets 8 idle_timer 30 unbalanced_timer 60",
        "route add 10.5.0.0/24 nhid 1", "route add 10.5.1.0/24 nhid 3", "route add 10.5.2.0/24 nhid 4",
        "route add 10.5.3.0/24 nhid 6", "route add 10.5.4.0/24 nhid 10", "-6 route add 2001:db8:50::/64 nhid 6",
        "-6 route add 2001:db8:51::/64 nhid 4",
    ],
    "rules": [
        "rule add pref 99 from 10.0.0.0/8 to 10.1.0.1 tos 0x10 fwmark 0x5/0xff iif v0 oif nosuch table 100",
        "rule add pref 100 not from 10.0.0.1 fwmark 7 goto 200", "rule add pref 101 l3mdev",
        "rule add pref 102 prohibit protocol 99", "rule add pref 103 tun_id 5 table 77", "rule add pref 104 nop",
        "rule add pref 105 ipproto udp sport 5 dport 6-9 uidrange 0-99 unreachable",
        "rule add pref 106 table main suppress_prefixlength 0", "rule add pref 107 table 100 suppress_ifgroup 3",
        "rule add pref 108 realms 4/5 table 100", "rule add pref 200 blackhole", "rule add pref 200 from 1.2.3.4 table 5",
        "rule add pref 300 goto 9999", "rule add pref 301 ipproto 200 table 5000",
        "-6 rule add pref 99 from 2001:db8::/32 to ::1 dport 5 blackhole", "-6 rule add pref 100 fwmark 0/0x1 table 9",
    ],
    "addresses": [
        "addr add 10.6.0.1 peer 10.6.0.2/32 dev v0 label v0:x", "addr add 10.6.1.1/24 brd + dev v0",
        "addr add 10.6.1.2/24 dev v0 scope link", "addr add 10.6.2.1/24 dev v0 valid_lft 100 preferred_lft 50",
        "addr add 10.6.3.1/24 dev v0 noprefixroute metric 50", "addr add 10.6.4.1/24 dev v1",
        "addr add 2001:db8:60::1/64 dev v0 valid_lft 100 preferred_lft 50",
        "addr add 2001:db8:61::1/64 dev v0 valid_lft 100 preferred_lft 0",
        "addr add 2001:db8:62::1 peer 2001:db8:62::2/128 dev v0", "addr add 2001:db8:63::1/64 dev v0 home nodad",
        "addr add 2001:db8:64::1/64 dev v0 mngtmpaddr noprefixroute", "addr add 2001:db8:65::1/64 dev v0 metric 70",
    ],
}

# Answers that must be ip's own, text for text, but for the order of lines and blanks at their ends.
TEXTS = ("route show table all", "route show", "-6 route show", "rule show", "-6 rule show", "nexthop show",
         "route show table 100", "route show dev v0", "route show proto kernel", "route show type blackhole table all",
         "route show 10.3.9.0/24", "route show root 10.0.0.0/8", "route show match 10.0.0.5", "-6 route show default",
         "link show", "link show v0", "-4 addr show dev v0", "-6 addr show dev v0", "addr show v1", "addr show up")
JSONS = (("route", "route show"), ("route", "-6 route show"), ("route", "route show table 100"),
         ("route", "route show dev v0"), ("route", "route show proto kernel"), ("route", "route list 10.0.0.0/24"),
         ("route", "route show type blackhole table all"), ("link", "link show v0"), ("link", "link show dev v1"),
         ("addr", "addr show dev v0"), ("addr", "-4 addr show"), ("addr", "-6 addr show dev v0"), ("addr", "a"),
         ("link", "l"), ("nexthop", "-4 nexthop show"), ("nexthop", "-6 nexthop show"))


# Answers whose order is ip's too.
ORDERED = (("link", "link show"), ("addr", "addr show"), ("route", "route show"), ("route", "route show table local"),
           ("rule", "rule show"), ("rule", "-6 rule show"), ("nexthop", "nexthop show"))


def lines(text):
    text = re.sub(r"(valid_lft|preferred_lft|expires) \d+sec", r"\1 Nsec", text)
    text = re.sub(r" unbalanced_time \S+", "", text)
    return sorted(line.rstrip() for line in text.splitlines())


class ToolOutput(harness.NetnsTest):
    def add(self, commands):
        for line in commands:
            if not self.ns.try_ip(line):
                print(f"this kernel or ip refuses: ip {line}", flush=True)

    def setUp(self):
        super().setUp()
        self.ns.ip_batch(BASE)
        self.ns.start_writer()

    def test_cases(self):
        for name, commands in CASES.items():
            with self.subTest(name):
                self.add(commands)
                self.assert_equals_ip(name)
                harness.says(f"{name}: JSON as ip -j -d has it")

    def test_filters_and_text(self):
        self.add([line for commands in CASES.values() for line in commands])
        self.assert_equals_ip("all cases")
        for kind, words in JSONS:
            with self.subTest(f"-j {words}"):
                wrong = harness.compare_lists(kind, self.ns.netvane_json(*words.split()),
                                              self.ns.ip_json(*words.split()))
                self.assertFalse(wrong, "\n".join(wrong[:10]))
        for kind, words in ORDERED:
            with self.subTest(f"order of {words}"):
                keys = [[[obj.get(key) for key in harness.IDENTITY[kind]] for obj in answer(*words.split())]
                        for answer in (self.ns.netvane_json, self.ns.ip_json)]
                self.assertEqual(*keys)
        for words in TEXTS:
            with self.subTest(words):
                self.assertEqual(lines(self.ns.netvane(*words.split()).stdout),
                                 lines(self.ns.ip(*words.split()).stdout))
        harness.says(f"{len(TEXTS)} listings read as ip's, {len(JSONS)} filtered ones equal ip's JSON, "
                     f"{len(ORDERED)} are in ip's order")

    def test_exit_codes(self):
        self.assertEqual(self.ns.netvane("default", check=False).returncode, 1)
        self.ns.ip("route", "add", "default", "via", "10.0.0.2")
        self.ns.netvane("wait", "routes", "--timeout", "1", check=False)
        for code, words in ((2, ""), (2, "nonsense"), (2, "--nonsense"), (2, "link show v0 v1"), (2, "wait"),
                            (2, "wait nonsense"), (2, "route table"), (2, "route show 10.0.0.300"),
                            (2, "-s link"), (1, "link show nosuch"), (1, "nexthop id 999"),
                            (0, "--help"), (0, "--version"), (0, "show"), (0, "-j show"), (0, "default"),
                            (0, "-jp default"), (0, "local"), (0, "stat"), (0, "-j stat"), (0, "check"),
                            (0, "-j check"), (0, "check --no-kernel"), (0, "watch --for 0.2")):
            with self.subTest(words):
                done = self.ns.netvane(*words.split(), check=False)
                self.assertEqual(done.returncode, code, done.stdout + done.stderr)
                if code == 2 and words:
                    self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        missing = self.ns.netvane("link", check=False, name="nosuch")
        self.assertEqual(missing.returncode, 3)
        self.assertIn("netvaned", missing.stderr)
        harness.says("exit codes are as documented, and a wrong word is answered by one line")


if __name__ == "__main__":
    harness.main()
