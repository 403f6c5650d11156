# SPDX-License-Identifier: MIT
"""netvane answers as ip does: at rest, and 50 ms after the last of 200 random changes (SEED repeats a run)."""

import os
import random
import time

import harness

TABLES = (254, 100, 200, 300, 4000)
CHANGES = 200
LIMIT_MS = 50 * harness.SLOW


def links():
    lines = []
    for i in range(3):
        lines.append(f"link add a{i} type veth peer name b{i}")
    lines.append("link add br0 type bridge")
    lines.append("link set b2 master br0")
    for name in ("a0", "b0", "a1", "b1", "a2", "b2", "br0"):
        lines.append(f"link set {name} up")
    return lines


def addresses():
    """50: on each of 5 links 6 of IPv4 and 4 of IPv6."""
    lines = []
    for i, dev in enumerate(("a0", "b0", "a1", "a2", "br0")):
        for n in range(6):
            extra = (f"brd + scope global", "scope link", "noprefixroute", f"label {dev}:x",
                     f"peer 10.{i}.3.99", "valid_lft 1000 preferred_lft 500")[n]
            length = "" if "peer" in extra else "/24"
            lines.append(f"addr add 10.{i}.{n}.1{length} dev {dev} {extra}")
        for n in range(4):
            extra = ("", "valid_lft 2000 preferred_lft 900", "noprefixroute", "home nodad")[n]
            lines.append(f"addr add 2001:db8:{i}:{n}::1/64 dev {dev} {extra}")
    return lines


def nexthops():
    lines = [f"nexthop add id {n} via 10.{n % 3}.0.{100 + n} dev {('a0', 'b0', 'a1')[n % 3]}" for n in range(1, 7)]
    lines += [f"nexthop add id {n} via 2001:db8:{n % 3}:0::{n:x} dev {('a0', 'b0', 'a1')[n % 3]}"
              for n in range(11, 15)]
    lines += ["nexthop add id 20 blackhole", "nexthop add id 21 dev a0 proto static",
              "nexthop add id 30 group 1,3/2", "nexthop add id 31 group 4/5/6",
              "nexthop add id 32 group 11/12,7", "nexthop add id 33 group 1/2 type resilient buckets 16"]
    return lines


def route4(n, table):
    prefix = f"172.{16 + n // 250}.{n % 250}.0/24"
    gw = f"10.{n % 3}.0.{10 + n % 80}"
    return (
        f"route add {prefix} via {gw} table {table} metric {n % 7}",
        f"route add {prefix} dev a0 table {table} scope link src 10.0.0.1",
        f"route add blackhole {prefix} table {table}",
        f"route add {prefix} via {gw} table {table} mtu 1400 hoplimit 9 proto static",
        f"route add {prefix} table {table} nexthop via 10.0.0.50 weight 3 nexthop via 10.2.0.51 dev a1",
        f"route add {prefix} nhid 1 table {table}",
        f"route add unreachable {prefix} table {table} metric 5",
        f"route add {prefix} via inet6 2001:db8:0:0::77 dev a0 table {table}",
        f"route add {prefix} nhid 30 table {table} proto bird",
        f"route add {prefix} via 10.0.0.200 dev a0 onlink table {table} tos 0x10",
    )[n % 10]


def route6(n, table):
    prefix = f"2001:db8:f{n % 16:x}00:{n:x}::/64"
    gw = f"2001:db8:{n % 3}:0::{10 + n % 80:x}"
    return (
        f"-6 route add {prefix} via {gw} table {table} metric {100 + n % 7}",
        f"-6 route add {prefix} dev a0 table {table}",
        f"-6 route add blackhole {prefix} table {table}",
        f"-6 route add {prefix} via {gw} table {table} mtu 1400 advmss 1300 proto static",
        f"-6 route add {prefix} table {table} nexthop via 2001:db8::50 dev a0 weight 3 "
        f"nexthop via 2001:db8:2::51 dev a1",
        f"-6 route add {prefix} nhid 11 table {table}",
        f"-6 route add prohibit {prefix} table {table} metric 5",
        f"-6 route add {prefix} via {gw} table {table} expires 900",
        f"-6 route add {prefix} nhid 32 table {table} proto bird",
        f"-6 route add {prefix} via {gw} table {table} pref high",
    )[n % 10]


def routes():
    """1,000: 100 of each family in each of 5 tables."""
    lines = []
    for t, table in enumerate(TABLES):
        lines += [route4(t * 100 + n, table) for n in range(100)]
        lines += [route6(t * 100 + n, table) for n in range(100)]
    lines.append("route add default via 10.0.0.254 metric 50")
    lines.append("-6 route add default via 2001:db8::254 metric 50")
    return lines


def rules():
    """20."""
    lines = [f"rule add pref {1000 + n} from 10.{n}.0.0/16 table {TABLES[n % 5]}" for n in range(5)]
    lines += [f"-6 rule add pref {1000 + n} from 2001:db8:{n}::/48 table {TABLES[n % 5]}" for n in range(5)]
    lines += [
        "rule add pref 2000 fwmark 0x10/0xff table 100",
        "rule add pref 2001 iif a0 table 200",
        "rule add pref 2002 oif nosuch table 200",
        "rule add pref 2003 table main suppress_prefixlength 0",
        "rule add pref 2004 not from 10.9.0.0/16 goto 2010",
        "rule add pref 2010 ipproto tcp dport 80-90 table 300",
        "rule add pref 2011 uidrange 5-10 prohibit",
        "-6 rule add pref 2000 to 2001:db8:9::/48 tos 0x10 blackhole",
        "-6 rule add pref 2001 fwmark 7 table 4000 protocol static",
        "-6 rule add pref 2002 oif a1 unreachable",
    ]
    return lines


class Changer:
    """Random changes, of which some are refused; knows the links' names of now."""

    def __init__(self, ns, rng):
        self.ns, self.rng = ns, rng
        self.names = ["a0", "b0", "a1", "b1", "a2", "br0"]
        self.renamed = 0

    def change(self):
        kind = self.rng.choice((self.link, self.addr, self.route4, self.route4, self.route6, self.route6,
                                self.rule, self.nexthop, self.rename, self.mtu))
        return kind()

    def dev(self):
        return self.rng.choice(self.names)

    def link(self):
        return self.ns.try_ip(f"link set {self.dev()} {self.rng.choice(('up', 'up', 'down'))}")

    def mtu(self):
        return self.ns.try_ip(f"link set {self.dev()} mtu {self.rng.randint(1280, 9000)}")

    def rename(self):
        index = self.rng.randrange(len(self.names))
        self.renamed += 1
        new = f"n{self.renamed}"
        if not self.ns.try_ip(f"link set {self.names[index]} name {new}"):
            return False
        self.names[index] = new
        return True

    def addr(self):
        verb = self.rng.choice(("add", "add", "del", "replace"))
        if self.rng.random() < 0.5:
            what = f"10.{self.rng.randrange(5)}.{self.rng.randrange(8)}.{self.rng.randint(1, 3)}/24"
        else:
            what = f"2001:db8:{self.rng.randrange(5)}:{self.rng.randrange(6)}::{self.rng.randint(1, 3)}/64"
        life = self.rng.choice(("", "", " valid_lft 800 preferred_lft 300")) if verb != "del" else ""
        return self.ns.try_ip(f"addr {verb} {what} dev {self.dev()}{life}")

    def route4(self):
        verb = self.rng.choice(("add", "append", "prepend", "replace", "del"))
        prefix = self.rng.choice((f"172.30.{self.rng.randrange(12)}.0/24", "default"))
        table = self.rng.choice(TABLES)
        metric = self.rng.randrange(3)
        if verb == "del":
            return self.ns.try_ip(f"route del {prefix} table {table} metric {metric}")
        way = self.rng.choice((
            f"via 10.{self.rng.randrange(3)}.0.{self.rng.randint(2, 90)}", f"dev {self.dev()}",
            f"nhid {self.rng.choice((1, 2, 30, 31, 100, 101))}",
            f"nexthop via 10.0.0.{self.rng.randint(2, 90)} nexthop via 10.2.0.{self.rng.randint(2, 90)} weight 4"))
        return self.ns.try_ip(f"route {verb} {prefix} table {table} metric {metric} {way}")

    def route6(self):
        verb = self.rng.choice(("add", "append", "replace", "del"))
        prefix = self.rng.choice((f"2001:db8:eeee:{self.rng.randrange(12):x}::/64", "default"))
        table = self.rng.choice(TABLES)
        metric = 100 + self.rng.randrange(3)
        if verb == "del":
            return self.ns.try_ip(f"-6 route del {prefix} table {table} metric {metric}")
        way = self.rng.choice((
            f"via 2001:db8:{self.rng.randrange(3)}:0::{self.rng.randint(2, 90):x}", f"dev {self.dev()}",
            f"nhid {self.rng.choice((11, 12, 32, 110))}",
            f"nexthop via 2001:db8:0:0::{self.rng.randint(2, 90):x} "
            f"nexthop via 2001:db8:2:0::{self.rng.randint(2, 90):x} weight 4"))
        return self.ns.try_ip(f"-6 route {verb} {prefix} table {table} metric {metric} {way}")

    def rule(self):
        family = self.rng.choice(("-4", "-6"))
        pref = 3000 + self.rng.randrange(10)
        if self.rng.random() < 0.4:
            return self.ns.try_ip(f"{family} rule del pref {pref}")
        what = self.rng.choice((f"fwmark {self.rng.randint(1, 9)}", f"iif {self.dev()}", f"oif {self.dev()}",
                                "ipproto udp", "uidrange 0-5"))
        return self.ns.try_ip(f"{family} rule add pref {pref} {what} table {self.rng.choice(TABLES)}")

    def nexthop(self):
        verb = self.rng.choice(("add", "replace", "replace", "del"))
        nhid = self.rng.choice((1, 2, 3, 100, 101, 102, 110))
        if verb == "del":
            return self.ns.try_ip(f"nexthop del id {nhid}")
        return self.ns.try_ip(f"nexthop {verb} id {nhid} via 10.{self.rng.randrange(3)}.0.{self.rng.randint(2, 90)} "
                              f"dev {self.dev()}")


class MirrorEqualsIp(harness.NetnsTest):
    def build(self, lines):
        self.ns.ip_batch(lines)

    def compare_soon(self, last):
        """Asks netvane LIMIT_MS after the last change. Where the kernel itself still moved then (a carrier, for
        example, follows up to a second later), that proves nothing, and both are asked again."""
        for attempt in range(20):
            before = harness.ask(self.ns.ip_json)
            time.sleep(max(0, last + LIMIT_MS / 1000 - time.monotonic()))
            begin = (time.monotonic() - last) * 1000
            ours = harness.ask(self.ns.netvane_json)
            end = (time.monotonic() - last) * 1000
            after = harness.ask(self.ns.ip_json)
            wrong = harness.compare_answers(ours, after)
            if not wrong or not harness.compare_answers(before, after):
                break
        return wrong, (f"asked from {begin:.0f} to {end:.0f} ms after the last" +
                       (f", because the kernel moved by itself {attempt} times" if attempt else ""))

    def test_mirror_equals_ip(self):
        seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
        print(f"SEED={seed}", flush=True)
        self.build(links() + addresses() + nexthops() + routes() + rules())
        self.ns.start_writer()
        self.assert_equals_ip("what was there before the writer")
        counts = self.ns.netvane_json("show")["objects"]
        self.assertGreaterEqual(counts["addrs"], 50)
        self.assertGreaterEqual(counts["routes4"] + counts["routes6"], 1000)
        self.assertGreaterEqual(counts["rules"], 20)
        harness.says(f"at rest, every object of {counts} equals ip's, and none more")

        changer = Changer(self.ns, random.Random(seed))
        done = tried = 0
        while done < CHANGES and tried < 20 * CHANGES:
            tried += 1
            done += changer.change()
        self.assertEqual(done, CHANGES, "ip refused too much")
        wrong, told = self.compare_soon(time.monotonic())
        self.assertFalse(wrong, f"SEED={seed}: {len(wrong)} differences; {told}:\n" + "\n".join(wrong[:20]) +
                         "\nwriter:\n" + self.ns.writer_log())
        harness.says(f"{done} random changes ({tried - done} more were refused) later, every object equals ip's; "
                     f"{told}")
        check = self.ns.netvane("check", check=False)
        self.assertEqual(check.returncode, 0, f"SEED={seed}\n{check.stdout}{check.stderr}")
        harness.says("netvane check says equal")


if __name__ == "__main__":
    harness.main()
