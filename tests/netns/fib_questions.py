# SPDX-License-Identifier: MIT
"""Random configurations of links, addresses, nexthops, routes and rules, and random questions about them, put to the kernel
(RTM_GETROUTE) and to the State (netvane_fib_lookup): every difference is printed, with the commands that lead to it.

    NETVANE_BIN=build/release/bin NETVANE_LIB=build/release/lib \\
        python3 tests/netns/fib_questions.py --configs 40 --questions 100000 --seed 1

Configuration number n of a seed is made from (seed, n) alone: --only N repeats just that one. What is left out, because
no State can tell it: multicast with iif (which groups are joined), routes of unicast type for multicast prefixes (the
kernel's cached route keeps the type of the packet that was first), gateways that are addresses of this host, or in a prefix
of type local (the kernel keeps for itself that it found them so), an IPv6 nexthop object that several routes name (the kernel's
cached route is the object's, and tells of whichever route was asked first) or an IPv4 one that routes of different scopes
name, or with addresses of scopes between (so is its cached source), an IPv4 nexthop object
where table local has the same prefix (a link that is not its leads past both, while they are one table), hops of one IPv6 route that were added with different attributes (the kernel shows only the first's), and
an IPv6 route without a gateway among the hops of one with (no dump shows it).
"""

import argparse
import ipaddress
import os
import random
import re
import subprocess
import sys
import time

import harness

ASK = os.path.join(harness.BIN, "..", "tests", "netns_fib_ask")
TABLES = ("main", "100", "200", "300", "default")
BY_ORDER = 2
UNSURE = {1: "neighbour", 2: "order", 4: "history", 8: "groups"}
TOS = (0, 0, 0, 0, 4, 8, 16, 0x1c, 0x24, 0xb8, 5)
VETHS = ("a", "b", "c", "d")
LINKS = ["lo", "br0"] + [f"{v}{n}" for v in VETHS for n in (0, 1)]
USED = ["a0", "b0", "c0", "d0", "br0"]  # what has addresses
MARKS = (0, 1, 2, 3, 0x10, 0x11, 0xff)
PORTS = (0, 53, 80, 443, 1000, 5000, 65535)
PROTOS4, PROTOS6 = (17, 6, 1), (0, 17, 6, 58)
UIDS = (0, 0, 0, 1000, 1001, 5000)


def pick_ip(rng, prefix):
    net = ipaddress.ip_network(prefix)
    return str(net[rng.randrange(min(net.num_addresses, 1 << 62))])


def chance(rng, percent):
    return rng.randrange(100) < percent


class Config:
    """The commands of one configuration, as `ip -batch` takes them, and the pools that questions are made from."""

    def __init__(self, seed, number):
        self.rng = random.Random(f"{seed}/{number}")
        self.plain = chance(self.rng, 12)  # no rules but the kernel's own
        self.sysctls, self.commands, self.after = [], [], []
        self.own = {4: ["127.0.0.1"], 6: ["::1"]}
        self.subnets = {4: {}, 6: {}}  # of a link
        self.prefixes = {4: ["127.0.0.0/8"], 6: ["::1/128"]}
        self.nexthops = {4: [], 6: []}
        self.by_gateway = {}
        self.alike = {}  # what is said of the IPv6 routes that may become one
        self.forwarding = chance(self.rng, 50)
        self.objects = chance(self.rng, 60)  # nexthop objects
        self.links()
        self.addresses4()
        self.addresses6()
        self.make_nexthops()
        for _ in range(self.rng.randrange(10, 60)):
            self.route(4)
        for _ in range(self.rng.randrange(10, 60)):
            self.route(6)
        if not self.plain:
            for _ in range(self.rng.randrange(0, 10)):
                self.rule(4)
            for _ in range(self.rng.randrange(0, 10)):
                self.rule(6)
        self.links_later()

    def links(self):
        rng = self.rng
        for v in VETHS:
            self.commands.append(f"link add {v}0 type veth peer name {v}1")
        self.commands.append("link add br0 type bridge")
        if chance(rng, 50):
            self.commands.append("link set d1 master br0")
        for dev in LINKS:
            self.commands.append(f"link set {dev} up")
            if chance(rng, 30):
                self.commands.append(f"link set {dev} group {rng.randrange(1, 4)}")
        for family in ("ipv4", "ipv6"):
            if chance(rng, 40):
                where = rng.choice(["all"] + USED)
                self.sysctls.append((f"{family}/conf/{where}/ignore_routes_with_linkdown", 1))
        self.sysctls.append(("ipv4/ip_forward", int(self.forwarding)))
        if chance(rng, 20):
            self.sysctls.append(("ipv6/conf/all/forwarding", 1))
        if chance(rng, 15):
            self.sysctls.append(("ipv4/nexthop_compat_mode", 0))
        if chance(rng, 30):
            self.sysctls.append((f"ipv6/conf/{rng.choice(USED)}/accept_dad", 1))

    def links_later(self):
        rng = self.rng
        for dev in USED[:4]:
            if chance(rng, 12):
                self.commands.append(f"link set {dev} down")
            elif chance(rng, 15):
                self.commands.append(f"link set {dev[0]}1 down")  # no carrier
            if chance(rng, 5):
                self.commands += [f"link set {dev} down", f"link set {dev} up"]

    def addresses4(self):
        rng = self.rng
        for n, dev in enumerate(USED + ["lo"]):
            for _ in range(rng.choice((0, 1, 1, 2, 3, 5))):
                net = f"10.{n if dev == 'lo' or chance(rng, 85) else rng.randrange(5)}.{rng.randrange(3)}.0/24"
                ip = str(ipaddress.ip_network(net)[rng.randrange(1, 120)])
                if ip in self.own[4]:
                    continue  # which link's it is depends on a hash
                words = [f"addr add {ip}/{rng.choice((24, 24, 24, 25, 32, 16))} dev {dev}"]
                if chance(rng, 10):
                    words = [f"addr add {ip} peer {pick_ip(rng, net)}/{rng.choice((32, 24))} dev {dev}"]
                if chance(rng, 20):
                    scopes = ("host", "global") if self.objects else ("link", "host", "global", "100")
                    words.append(f"scope {rng.choice(scopes)}")
                if chance(rng, 30):
                    words.append("brd +")
                self.commands.append(" ".join(words))
                self.own[4].append(ip)
                self.subnets[4].setdefault(dev, []).append(net)
                self.prefixes[4].append(net)

    def addresses6(self):
        rng = self.rng
        for n, dev in enumerate(USED + ["lo"]):
            for _ in range(rng.choice((0, 1, 1, 2, 3, 6))):
                top = rng.choice(("2001:db8", "2001:db8", "fd00", "2002:a", "2001:10", "2001:0", "fec0", "3ffe"))
                net = f"{top}:{n if chance(rng, 85) else rng.randrange(5):x}:{rng.randrange(2)}::/64"
                ip = str(ipaddress.ip_network(net)[rng.randrange(1, 1 << rng.choice((4, 30, 62)))])
                words = [f"-6 addr add {ip}/{rng.choice((64, 64, 64, 128, 48, 80))} dev {dev}"]
                if chance(rng, 70):
                    words.append("nodad")
                elif chance(rng, 20):
                    words.append("optimistic")
                if chance(rng, 15):
                    words.append("preferred_lft 0")
                elif chance(rng, 10):
                    words.append("valid_lft 5000 preferred_lft 4000")
                if chance(rng, 10):
                    words.append("noprefixroute")
                self.commands.append(" ".join(words))
                self.own[6].append(ip)
                self.subnets[6].setdefault(dev, []).append(net)
                self.prefixes[6].append(net)

    # ---- hops ----------------------------------------------------------------------------------------------------

    def hop(self, family):
        """via and dev of one hop."""
        rng = self.rng
        dev = rng.choice(USED)
        nets = self.subnets[family].get(dev)
        if not nets or chance(rng, 15):
            if family == 6 and chance(rng, 50):
                return f"via fe80::{rng.randrange(1, 9)} dev {dev}"
            return f"dev {dev}"
        ip = ipaddress.ip_network(rng.choice(nets))[rng.randrange(200, 250)]
        words = f"via {ip} dev {dev}"
        if family == 4 and chance(rng, 6):
            words = f"via inet6 fe80::{rng.randrange(1, 9)} dev {dev}"
        if chance(rng, 8):
            words += " onlink"
        return words

    def make_nexthops(self):
        rng = self.rng
        for family in (4, 6):
            base, singles = family * 100, []
            for i in range(rng.choice((0, 2, 4)) if self.objects else 0):
                option = "-6 " if family == 6 else ""
                hop = self.hop(family)
                if "inet6" in hop:
                    continue
                if chance(rng, 10):
                    hop = "blackhole"
                else:
                    singles.append(base + i)
                self.commands.append(f"{option}nexthop add id {base + i} {hop}")
                self.nexthops[family].append(base + i)
            if len(singles) >= 2:
                group = "/".join(f"{n},{rng.randrange(1, 5)}" for n in singles)
                self.commands.append(f"nexthop add id {base + 50} group {group}")
                if family == 6:
                    self.nexthops[6] = [n for n in self.nexthops[6] if n not in singles]
                self.nexthops[family].append(base + 50)

    # ---- routes --------------------------------------------------------------------------------------------------

    def prefix(self, family):
        rng = self.rng
        if self.prefixes[family] and chance(rng, 35):
            net = ipaddress.ip_network(rng.choice(self.prefixes[family]))
            if chance(rng, 50):
                return str(net)
            longer = min(net.max_prefixlen, net.prefixlen + rng.randrange(1, 9))
            return str(ipaddress.ip_network(f"{pick_ip(rng, str(net))}/{longer}", strict=False))
        if chance(rng, 12):
            return "0.0.0.0/0" if family == 4 else "::/0"
        if family == 4:
            top, length = f"10.{200 + rng.randrange(3)}.{rng.randrange(4)}.{rng.randrange(256)}", \
                rng.choice((8, 14, 15, 16, 20, 24, 28, 32, 1))
        else:
            top, length = f"2001:{rng.randrange(0xdb9, 0xdbc):x}:{rng.randrange(3)}:{rng.randrange(2)}::", \
                rng.choice((16, 32, 40, 48, 56, 64, 128, 3))
        return str(ipaddress.ip_network(f"{top}/{length}", strict=False))

    def route(self, family):
        rng = self.rng
        net = self.prefix(family)
        kind = rng.choice(["unicast"] * 14 + ["unreachable", "blackhole", "prohibit", "throw", "local"])
        if kind == "local" and family == 4:
            net = f"10.{rng.randrange(210, 212)}.{rng.randrange(3)}.0/{rng.choice((24, 28, 32))}"
            self.commands.append("route add local 10.212.0.1 dev lo table local")  # stays, when links go down
        self.prefixes[family].append(net)
        verb = rng.choice(("add", "add", "append", "prepend" if family == 4 else "append"))
        words = [f"{'-6 ' if family == 6 else ''}route {verb}"]
        if kind != "unicast":
            words.append(kind)
        words.append(net)
        table = "main" if self.plain and chance(rng, 80) else rng.choice(TABLES)
        if chance(rng, 4):
            table = "local"
        words.append(f"table {table}")
        if family == 4 and chance(rng, 25):
            words.append(f"tos {rng.choice((4, 8, 16, 0x1c, 0x24))}")
        if chance(rng, 50):
            words.append(f"metric {rng.choice((1, 1, 2, 3, 1024))}")
        if family == 6 and chance(rng, 15):
            words.append(f"from {self.source_prefix()}")
        if kind == "unicast" or kind == "local":
            words += self.way(family, kind, net, table)
        elif family == 6 and chance(rng, 30):
            words.append("dev lo")
        line = " ".join(words)
        if family == 6:
            # A route over a link alone that stands between the hops of a multipath one is in no dump.
            by_gateway = " via " in line and "nexthop dev" not in line
            if not by_gateway and "nexthop via" in line:
                return
            if not self.by_gateway.setdefault((net, table), by_gateway) == by_gateway:
                return
        self.commands.append(line)

    def source_prefix(self):
        net = ipaddress.ip_network(self.rng.choice([p for p in self.prefixes[6] if p != "::/0"]))
        return str(net.supernet(new_prefix=max(1, net.prefixlen - self.rng.choice((0, 0, 16)))))

    def way(self, family, kind, net, table):
        rng = self.rng
        words = []
        by_object = kind == "unicast" and self.nexthops[family] and chance(rng, 20) and \
            not (family == 4 and (table == "local" or net.startswith(("127.", "10.5."))))
        if family == 4 and not by_object and chance(rng, 10):
            words.append(f"scope {rng.choice(('link', 'site', 'global'))}")
        if chance(rng, 15) and len(self.own[family]) > 1:
            words.append(f"src {rng.choice(self.own[family][1:])}")
        if family == 6 and chance(rng, 20):
            words.append(f"pref {rng.choice(('low', 'medium', 'high'))}")
        if family == 6 and chance(rng, 5):
            words.append("expires 5000")
        if family == 6:
            words = self.alike.setdefault((net, table), words)[:]
        if kind == "local":
            return words + [f"dev {rng.choice(['lo'] + USED)}"]
        if by_object:
            nhid = rng.choice(self.nexthops[family])
            if family == 6:  # see the head of this file
                self.nexthops[6].remove(nhid)
            return words + [f"nhid {nhid}"]
        if chance(rng, 30):
            for _ in range(rng.randrange(2, 5)):
                words.append(f"nexthop {self.hop(family)} weight {rng.choice((1, 1, 2, 5, 100, 256))}")
            return words
        return words + [self.hop(family)]

    # ---- rules ---------------------------------------------------------------------------------------------------

    def rule(self, family):
        rng = self.rng
        pref = rng.choice((1, 5, 10, 20, 30, 40, 50, 100, 1000, 32766, 40000))
        words = [f"{'-6 ' if family == 6 else ''}rule add"]
        if chance(rng, 12):
            words.append("not")
        words.append(f"pref {pref}")
        choices = [
            lambda: f"from {rng.choice(self.prefixes[family])}", lambda: f"to {rng.choice(self.prefixes[family])}",
            lambda: f"iif {rng.choice(LINKS + ['gone'])}", lambda: f"oif {rng.choice(LINKS + ['gone'])}",
            lambda: f"fwmark {rng.choice(MARKS)}/{rng.choice((0xff, 1, 0x10, 0xffffffff))}",
            lambda: f"tos {rng.choice((4, 8, 16, 0x1c))}",
            lambda: f"uidrange {rng.choice(('0-0', '1000-1001', '1-4294967294'))}",
            lambda: f"ipproto {rng.choice(('udp', 'tcp', '1'))}",
            lambda: f"sport {rng.choice(('53', '80-1000', '1-65535'))}",
            lambda: f"dport {rng.choice(('53', '80-1000', '443'))}"]
        for make in rng.sample(choices, rng.choice((0, 1, 1, 1, 2, 2, 3))):
            words.append(make())
        action = rng.randrange(100)
        if action < 72:
            words.append(f"table {rng.choice(TABLES + ('local', '999'))}")
            if chance(rng, 15):
                words.append(f"suppress_prefixlength {rng.choice((0, 8, 16, 24))}")
            if chance(rng, 10):
                words.append(f"suppress_ifgroup {rng.randrange(0, 4)}")
        elif action < 84:
            words.append(f"goto {rng.choice((20, 50, 1000, 32766, 33333))}")
        elif action < 88:
            words.append("nop")
        else:
            words.append(rng.choice(("blackhole", "unreachable", "prohibit")))
        self.commands.append(" ".join(words))

    # ---- questions -----------------------------------------------------------------------------------------------

    def ip(self, family):
        rng, kind = self.rng, self.rng.randrange(100)
        if kind < 60:
            net = rng.choice(self.prefixes[family])
            text = pick_ip(rng, net)
            if chance(rng, 10):
                text = str(ipaddress.ip_network(net)[-1])
        elif kind < 78:
            text = rng.choice(self.own[family])
        elif kind < 82:
            text = rng.choice(("224.0.0.5", "239.1.1.1", "255.255.255.255", "0.0.0.0", "127.0.0.2") if family == 4
                              else ("ff02::1", "ff05::2", "fe80::1", "fe80::5", "::", "ff0e::5"))
        else:
            text = str(ipaddress.ip_address(rng.getrandbits(32 if family == 4 else 128)))
        return text

    def question(self, indexes):
        rng = self.rng
        family = rng.choice((4, 6))
        dst = self.ip(family)
        src = "-" if chance(rng, 50) else rng.choice(self.own[family]) if chance(rng, 75) else self.ip(family)
        iif = indexes[rng.choice(LINKS)] if chance(rng, 15) else 0
        oif = indexes[rng.choice(LINKS)] if not iif and chance(rng, 20) else 0
        if iif and ipaddress.ip_address(dst).is_multicast:
            dst = "10.0.0.9" if family == 4 else "2001:db8::9"
        if chance(rng, 1) and not iif:
            oif = 9999
        proto = rng.choice(PROTOS4 if family == 4 else PROTOS6)
        ports = (rng.choice(PORTS), rng.choice(PORTS)) if proto in (6, 17) else (0, 0)
        if src in ("::", "0.0.0.0"):
            src = "-"
        return (family, dst, src, iif, oif, rng.choice(MARKS), rng.choice(UIDS), rng.choice(TOS), proto, *ports,
                int(self.forwarding), rng.getrandbits(31))


# ---- one configuration: made, asked, compared -----------------------------------------------------------------------


def settle(ns):
    """Until nothing changes any more."""
    deadline = time.monotonic() + 10 * harness.SLOW
    before, quiet = None, 0
    while time.monotonic() < deadline and quiet < 3:
        time.sleep(0.05 * harness.SLOW)
        version = ns.version()
        quiet = quiet + 1 if version == before else 0
        before = version


def make(ns, config):
    """Says how many commands the kernel took."""
    for key in ("all/dad_transmits", "default/dad_transmits"):
        ns.sysctl(f"ipv6/conf/{key}", 30)  # what is tentative stays it
    first = len(VETHS) + 1  # before the sysctls of the links come the links
    for command in config.commands[:first]:
        ns.ip(*command.split())
    for key, value in config.sysctls:
        ns.sysctl(key, value)
    lines, taken = config.commands[first:], 0
    group, groups = [], []
    for line in lines:
        is_six = line.startswith("-6 ")
        if group and group[0][0] != is_six:
            groups.append(group)
            group = []
        group.append((is_six, line.removeprefix("-6 ")))
    groups.append(group)
    for group in groups:
        words = ["-6"] if group[0][0] else []
        text = "\n".join(line for _, line in group) + "\n"
        done = ns.run("ip", *words, "-force", "-batch", "-", check=False, text_in=text)
        taken += len(group) - len(re.findall(r"Command failed", done.stderr))
    return taken, len(lines)


def is_equal(kernel, ours, src, hops, family):
    answers = ours.split("|")
    fields = kernel.split(",")
    if fields[2] == "0":  # no route: the type of service is that of one that a rule has suppressed
        kernel = ",".join(fields[:3] + ["0"] + fields[4:])
    if kernel in answers:
        return True
    if len(answers) == 1 or family == 6 or src == "-":
        return False
    # IPv4 prefers the hop whose source was the named one when the kernel last looked: any live hop is one it may take.
    for hop in hops.split(":", 3)[3].split(";"):
        ifindex, rest = hop.split("/", 1)
        gateway, _, flags = rest.rsplit("/", 2)
        if not int(flags) & 1 and fields[4:6] == [ifindex, gateway]:
            alike = answers[0].split(",")
            alike[4:6] = fields[4:6]
            return alike == fields
    return False


def ask(ns, questions):
    text = "\n".join(" ".join(map(str, q)) for q in questions) + "\n"
    done = subprocess.run(ns.inside(ASK, ns.dir), input=text, capture_output=True, text=True, check=False,
                          timeout=600 * harness.SLOW)
    if done.returncode != 0:
        raise AssertionError(f"fib_ask: exit {done.returncode}: {done.stderr[-500:]}")
    return [line.split(" ") for line in done.stdout.splitlines()]


def listed_hops(ns, indexes):
    """The hops of multipath routes as `ip` lists them: {(family, table, metric, tos): [sorted hops]}."""
    found = {}
    for family in (4, 6):
        for route in ns.ip_json("-N", f"-{family}", "route", "show", "table", "all"):
            if "nexthops" not in route:
                continue
            key = (family, int(route.get("table", 254)), route.get("metric", 0), int(route.get("tos", "0"), 0))
            hops = []
            for hop in route["nexthops"]:
                gateway = hop.get("gateway") or hop.get("via", {}).get("host") or "-"
                hops.append(f"{indexes[hop['dev']]}/{gateway}/{hop['weight']}")
            found.setdefault(key, []).append(hops)
    return found


def check_hops(family, hops, listed):
    table, metric, tos, text = hops.split(":", 3)
    mine = [hop.rsplit("/", 1)[0] for hop in text.split(";")]
    return mine in listed.get((family, int(table), int(metric), int(tos)), [])


class Result:
    def __init__(self):
        self.asked = self.routed = self.multipath = self.input = 0
        self.unsure, self.differences, self.unsure_differences, self.times = {}, [], [], []


def run_config(seed, number, count, result, verbose=False):
    config = Config(seed, number)
    with harness.Namespace() as ns:
        taken, of = make(ns, config)
        ns.start_writer()
        settle(ns)
        indexes = {link["ifname"]: link["ifindex"] for link in ns.ip_json("link")}
        questions = [config.question(indexes) for _ in range(count)]
        listed = listed_hops(ns, indexes)
        compat = ("ipv4/nexthop_compat_mode", 0) not in config.sysctls
        for question, (kernel, ours, unsure, _, hops, ns_taken) in zip(questions, ask(ns, questions), strict=True):
            family, src, unsure = question[0], question[2], int(unsure)
            result.asked += 1
            result.routed += kernel.startswith("0,")
            result.input += question[3] != 0
            result.times.append(int(ns_taken))
            for bit, name in UNSURE.items():
                if unsure & bit:
                    result.unsure[name] = result.unsure.get(name, 0) + 1
            wrong = not is_equal(kernel, ours, src, hops, family)
            if hops != "-":
                result.multipath += 1
                if compat and not check_hops(family, hops, listed):
                    wrong = True
            if wrong:
                entry = (number, question, kernel, ours, unsure, hops)
                (result.unsure_differences if unsure & (BY_ORDER | 4) else result.differences).append(entry)
        if verbose:
            print(f"config {number}: {taken} of {of} commands taken, plain={config.plain}, "
                  f"forwarding={config.forwarding}", flush=True)
    return config


def show(entry):
    number, question, kernel, ours, unsure, hops = entry
    print(f"config {number}: {' '.join(map(str, question))}\n  kernel {kernel}\n  ours   {ours}\n"
          f"  unsure {unsure} hops {hops}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    parser.add_argument("--configs", type=int, default=30)
    parser.add_argument("--questions", type=int, default=100000, help="over all configurations")
    parser.add_argument("--only", type=int, help="this configuration alone")
    parser.add_argument("--show", type=int, default=10, help="differences to print")
    parser.add_argument("--commands", action="store_true", help="print the configuration's commands")
    args = parser.parse_args()
    harness.require()
    print(f"seed {args.seed}", flush=True)
    result = Result()
    per = -(-args.questions // args.configs)
    for number in [args.only] if args.only is not None else range(args.configs):
        config = run_config(args.seed, number, per, result, verbose=True)
        if args.commands:
            print("\n".join([f"sysctl {k}={v}" for k, v in config.sysctls] + config.commands))
    result.times.sort()
    for entry in result.differences[:args.show]:
        show(entry)
    if result.unsure_differences:
        print("---- of those that the library called uncertain:")
    for entry in result.unsure_differences[:args.show]:
        show(entry)
    print(f"seed {args.seed}: {result.asked} questions ({result.input} with iif), {result.routed} with a route, "
          f"{result.multipath} multipath; uncertain: {result.unsure}; median {result.times[len(result.times) // 2]} ns; "
          f"{len(result.differences)} differences, {len(result.unsure_differences)} more among the uncertain")
    return 1 if result.differences or result.unsure_differences else 0


if __name__ == "__main__":
    sys.exit(main())
