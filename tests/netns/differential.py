# SPDX-License-Identifier: MIT
"""Random operations on a namespace's network, and the proof that a writer's State equals the kernel's at rest.

Owns the random operations (World), what plays them (Player) and the comparison at rest (Trial). A seed determines the
operations and the pauses, not the kernel's own timing. A failure prints what a replay needs; by hand:

    tests/netns/differential.py --seed 7 --ops 10000 --mode events        one run; NETVANE_BIN as in the tests
    tests/netns/differential.py --seed 1 --seeds 20 --ops 10000           many
    tests/netns/differential.py --seed 7 --ops 10000 --shrink 120         and look for fewer operations that fail

Modes: events (no reconcile: events and re-reads alone are right), reconcile (a reconcile every 0.2 s has nothing to
repair), loss (the writer is stopped now and then for longer than its socket's buffer lasts), silent (changes that no
event announces too; SIGHUP before each comparison).
"""

import argparse
import collections
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import harness

MODES = ("events", "reconcile", "loss", "silent")
LINKS = ("a0", "b0", "a1", "b1", "a2", "b2", "br0", "i0", "far", "s0")  # s0 keeps its carrier
INDEX = {name: 11 + i for i, name in enumerate(LINKS)}
PAIRS = {"a0": "b0", "a1": "b1", "a2": "b2"}
TABLES = ("main",) * 6 + ("100",) * 3 + ("local", "7777", "4294967294", "default")
LARGE = 20000  # link events that no buffer of 16 MiB holds


class Op(collections.namedtuple("Op", "number where line")):
    """One operation: a line for ip (where: 4, 6, or far for the other namespace), or for a shell (sh)."""

    def __str__(self):
        tool = {"sh": "", "4": "ip ", "6": "ip -6 ", "far": "(far) ip "}[self.where]
        return f"{self.number:6} {tool}{self.line}"


# ---- playing ---------------------------------------------------------------------------------------------------


class Channel:
    """A process that reads one command per line; says which lines it refused, and when it has done all.

    ip ends at some errors of syntax in spite of -force, and the lines behind are lost; they would be in each replay.
    """

    def __init__(self, ns, command, end_mark):
        self.ns, self.command, self.end_mark = ns, command, end_mark
        self.refused = self.deaths = 0
        self.said = ""
        self._start()

    def _start(self):
        self.process = self.ns.start(*self.command, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                                     stdout=subprocess.DEVNULL, bufsize=1 << 16)
        self.sent = 0
        self.waits_for = None
        self.done = threading.Event()
        threading.Thread(target=self._listen, args=(self.process, self.done), daemon=True).start()

    def _listen(self, process, done):
        for line in process.stderr:
            end = self.end_mark(line)
            if end is None:
                self.said = line.strip()
            elif end == self.waits_for:
                done.set()
            else:
                self.refused += 1
        process.wait()
        done.set()

    def _send(self, line):
        self.sent += 1
        try:
            self.process.stdin.write(line + "\n")
        except BrokenPipeError:
            pass

    def play(self, lines, nonsense):
        """nonsense: a line that is refused, and so tells that those before are done."""
        self.done.clear()
        self.waits_for = self.sent + len(lines) + 1
        for line in (*lines, nonsense(self.waits_for)):
            self._send(line)
        try:
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        if not self.done.wait(60 * harness.SLOW):
            raise AssertionError(f"a process that plays operations hangs; it said: {self.said}")
        if self.process.poll() is not None:
            self.deaths += 1
            self.ns.forget(self.process)
            self._start()


def _ip_failed(line):
    return int(line.rsplit(":", 1)[1]) if line.startswith("Command failed ") else None


def _shell_says(line):
    return int(line.split()[1]) if line.startswith("line ") else None


class Player:
    """Plays operations in their order, each finished before one of another kind begins."""

    def __init__(self, ns, far):
        batch = ("ip", "-force", "-batch", "-")
        self.channels = {
            "4": Channel(ns, batch, _ip_failed),
            "6": Channel(ns, ("ip", "-6", "-force", "-batch", "-"), _ip_failed),
            "far": Channel(far, batch, _ip_failed),
            "sh": Channel(ns, ("sh",), _shell_says),
        }

    def play(self, ops):
        for where, group in itertools.groupby(ops, lambda op: op.where):
            channel = self.channels[where]
            if where == "sh":
                channel.play([f"{{ {op.line}; }} 2>/dev/null" for op in group], lambda n: f"echo line {n} >&2")
            else:
                channel.play([op.line for op in group], lambda n: "nonsense")

    def told(self):
        refused, deaths = (sum(getattr(c, name) for c in self.channels.values()) for name in ("refused", "deaths"))
        return f"{refused} refused" + (f", ip ended {deaths} times" if deaths else "")


# ---- random operations -----------------------------------------------------------------------------------------


class World:
    """A stream of operations that depends on nothing but the seed."""

    def __init__(self, rng, pid, far_pid, silent=False):
        self.rng, self.pid, self.far_pid, self.silent = rng, pid, far_pid, silent
        self.number = 0
        self.name = {link: link for link in LINKS}
        kinds = ((self.route4, 24), (self.route6, 24), (self.address4, 8), (self.address6, 8), (self.updown, 8),
                 (self.nexthop, 12), (self.rule, 8), (self.attribute, 6), (self.master, 3), (self.rename, 2),
                 (self.rebirth, 2), (self.travel, 2), (self.sysctl, 3), (self.flush, 2), (self.carrier, 3))
        self.kinds = [kind for kind, weight in kinds for _ in range(weight)]

    def op(self, where, line):
        self.number += 1
        return Op(self.number, where, line)

    def maybe(self, share, text):
        return text if self.rng.random() < share else ""

    def pick(self, *choices):
        return self.rng.choice(choices)

    def dev(self, known=None):
        """A link's name as it should be now; now and then one that it had, or will have."""
        name = known or self.pick(*LINKS[:-1], "lo", "a0", "b0", "a1")
        if name in ("lo", "s0"):
            return name
        return self.name[name] if self.rng.random() < 0.97 else self.pick(name, name + "x")

    def birth(self, pair):
        peer = PAIRS[pair]
        return [f"link add {pair} index {INDEX[pair]} type veth peer name {peer} index {INDEX[peer]}"]

    def beginning(self):
        lines = [("4", line) for pair in PAIRS for line in self.birth(pair)]
        lines += [("4", f"link add br0 index {INDEX['br0']} type bridge"),
                  ("4", f"link add i0 index {INDEX['i0']} type ifb"),
                  ("4", f"link add far index {INDEX['far']} type veth peer name near netns {self.far_pid}"),
                  ("4", f"link add s0 index {INDEX['s0']} type veth peer name s1 netns {self.far_pid}")]
        lines += [("4", f"link set {name} up") for name in LINKS] + [("far", "link set near up"), ("far", "link set s1 up")]
        for i, name in enumerate(LINKS):
            lines += [("4", f"addr add 10.{i}.0.1/24 dev {name}"), ("4", f"addr add 2001:db8:{i}::1/64 dev {name}")]
        for n in range(1, 9):
            lines += [("4", f"nexthop add id {n} via 10.{n % 6}.0.{n + 10} dev {LINKS[n % 6]}"),
                      ("6", f"nexthop add id {n + 20} via 2001:db8:{n % 6}::{n + 16:x} dev {LINKS[n % 6]}")]
        lines += [("4", "nexthop add id 40 group 1/2"), ("4", "nexthop add id 45 group 21/22")]
        return [self.op(where, line) for where, line in lines]

    def some(self):
        """The next operation, or the few that belong together."""
        return [self.op(where, line) for where, line in self.rng.choice(self.kinds)()]

    # ---- links -----------------------------------------------------------------------------------------------

    def updown(self):
        return [("4", f"link set {self.dev()} {self.pick('up', 'up', 'down')}")]

    def carrier(self):
        """Through the peer: in the other namespace, or here."""
        if self.rng.random() < 0.5:
            return [("far", f"link set near {self.pick('up', 'down')}")]
        return [("4", f"link set {self.dev(self.pick('b0', 'b1', 'b2'))} {self.pick('up', 'down')}")]

    def attribute(self):
        dev = self.dev()
        what = self.pick(f"mtu {self.rng.choice((1280, 1400, 1500, 2000, 9000, 600))}", f"group {self.rng.randrange(4)}",
                         f"txqueuelen {self.rng.choice((0, 10, 1000))}", f"alias words-{self.rng.randrange(9)}",
                         f"address 02:00:00:00:00:{self.rng.randrange(1, 99):02d}", "arp off", "arp on",
                         f"addrgenmode {self.pick('eui64', 'none', 'random')}", "multicast off", "multicast on",
                         "mode dormant", "mode default", "altname")
        line = f"link set {dev} {what}"
        if what == "altname":
            line = f"link property {self.pick('add', 'add', 'del')} dev {dev} altname another-{self.rng.randrange(6)}"
        if not self.silent and what.split()[0] in ("group", "alias", "addrgenmode", "mode", "altname"):
            return [("4", f"link set {dev} up"), ("4", line)]  # of a link that is down the kernel does not tell them
        return [("4", line)]

    def master(self):
        dev = self.dev(self.pick("b0", "b1", "a2", "b2", "i0"))
        return [("4", f"link set {dev} {self.pick('master ' + self.dev('br0'), 'nomaster')}")]

    def rename(self):
        link = self.pick(*LINKS[:-1])
        old = self.name[link]
        new = self.name[link] = link if old != link else link + "x"
        return [("4", f"link set {old} name {new}")]

    def rebirth(self):
        """The same index again, by another link."""
        pair = self.pick(*PAIRS)
        lines = [f"link del {self.name[pair]}"]
        self.name[pair], self.name[PAIRS[pair]] = pair, PAIRS[pair]
        lines += self.birth(pair)
        for name in (pair, PAIRS[pair]):
            i = LINKS.index(name)
            lines += [f"link set {name} up"] * (self.rng.random() < 0.9)
            lines += [f"addr add 10.{i}.0.1/24 dev {name}", f"addr add 2001:db8:{i}::1/64 dev {name}"]
        return [("4", line) for line in lines]

    def travel(self):
        link = self.pick("a1", "b1", "i0", "a2")
        name = self.name[link]
        lines = [("4", f"link set {name} netns {self.far_pid}"), ("far", f"link set {name} netns {self.pid}")]
        lines += [("4", f"link set {name} up"), ("4", f"addr add 10.{LINKS.index(link)}.0.1/24 dev {name}")]
        return lines

    # ---- addresses -------------------------------------------------------------------------------------------

    def lifetime(self):
        return self.pick("", "", "", f" valid_lft {self.rng.randint(500, 5000)} preferred_lft {self.rng.randint(0, 500)}",
                         " valid_lft forever preferred_lft forever")

    def address4(self):
        dev, host = self.dev(self.maybe(0.2, "s0")), self.rng.randint(1, 4)
        net = f"10.{self.rng.randrange(len(LINKS))}.{self.rng.randrange(2)}"
        verb = self.pick("add", "add", "add", "replace", "change", "del", "del")
        what = self.pick(f"{net}.{host}/24", f"{net}.{host}/24", f"{net}.{host}/16", f"{net}.{host}/32",
                         f"{net}.{host} peer {net}.{self.rng.randint(90, 92)}/32", f"{net}.{host} peer {net}.99/24")
        if verb == "del":
            return [("4", f"addr del {what} dev {dev}")]
        extra = self.pick("", "", " brd +", f" label {dev}:{host}", " scope link", " noprefixroute", f" metric {host}")
        return [("4", f"addr {verb} {what} dev {dev}{extra}{self.lifetime()}")]

    def address6(self):
        verb = self.pick("add", "add", "replace", "change", "del", "del")
        dev = self.dev(self.maybe(0.2, "s0"))
        if not self.silent and verb in ("replace", "change"):
            dev = "s0"  # of an address that is tentative the kernel does not tell what changes
        what = f"2001:db8:{self.rng.randrange(len(LINKS))}::{self.rng.randint(1, 4)}/{self.pick(64, 64, 48, 128)}"
        if verb == "del":
            return [("6", f"addr del {what} dev {dev}")]
        extra = self.pick("", "", " noprefixroute", " home", " nodad", " peer 2001:db8:77::1",
                          f" metric {self.rng.randint(1, 3) * 256}", " mngtmpaddr")
        return [("6", f"addr {verb} {what} dev {dev}{extra}{self.lifetime()}")]

    # ---- routes ----------------------------------------------------------------------------------------------

    def way4(self):
        def gateway():
            return f"via 10.{self.rng.randrange(len(LINKS))}.0.{self.rng.randint(2, 6)}"

        kind = self.rng.randrange(12)
        if kind < 4:
            return gateway()
        if kind == 4:
            return f"dev {self.dev()}"
        if kind == 5:
            return f"via 10.99.0.{self.rng.randint(1, 3)} dev {self.dev()} onlink"
        if kind == 6:
            return f"via inet6 2001:db8:{self.rng.randrange(6)}::{self.rng.randint(2, 6)} dev {self.dev()}"
        if kind in (7, 8):
            return f"nhid {self.pick(1, 2, 3, 4, 21, 22, 40, 41, 42, 50)}"
        hops = [self.pick(gateway(), f"{gateway()} weight {self.rng.randint(1, 9)}", f"dev {self.dev()}",
                          f"via 10.99.0.{self.rng.randint(1, 3)} dev {self.dev()} onlink")
                for _ in range(self.rng.randint(2, 3))]
        return " ".join("nexthop " + hop for hop in hops)

    def attributes4(self):
        return (self.maybe(0.1, f" src 10.{self.rng.randrange(6)}.0.1") + self.maybe(0.1, f" mtu {self.pick(1400, 'lock 1300')}")
                + self.maybe(0.08, " advmss 1200") + self.maybe(0.15, f" proto {self.pick('static', 'bird', 99)}")
                + self.maybe(0.06, " scope link") + self.maybe(0.04, " realm 5") + self.maybe(0.04, " congctl reno")
                + self.maybe(0.04, f" encap ip id {self.rng.randint(1, 3)} dst 10.0.0.9"))

    def place4(self):
        prefix = self.pick("default", "default", "0.0.0.0/1", "10.0.0.0/8", "172.30.1.7/32", "10.1.0.0/24",
                           *(f"172.30.{n}.0/24" for n in range(4)))
        kind = self.maybe(0.12, self.pick("blackhole", "unreachable", "prohibit", "throw", "local", "unicast") + " ")
        tos = self.maybe(0.15, f" tos {self.pick('0x10', '0x08')}")
        metric = self.maybe(0.4, f" metric {self.pick(1, 2, 4294967295)}")
        return kind, f"{prefix} table {self.pick(*TABLES)}{tos}{metric}"

    def route4(self):
        kind, place = self.place4()
        verb = self.pick("add", "append", "append", "prepend", "prepend", "replace", "replace", "change", "del", "del",
                         "del")
        if verb == "del":
            named = self.pick("", "", " " + self.way4(), f" dev {self.dev()}", " proto bird", " scope link")
            return [("4", f"route del {kind}{place}{named}")]
        bare = kind in ("blackhole ", "unreachable ", "prohibit ", "throw ")
        return [("4", f"route {verb} {kind}{place}{self.attributes4()} {'' if bare else self.way4()}")]

    def way6(self):
        def gateway():
            return f"via 2001:db8:{self.rng.randrange(len(LINKS))}::{self.rng.randint(2, 6)}"

        kind = self.rng.randrange(12)
        if kind < 5:
            return gateway() + self.maybe(0.2, f" dev {self.dev()}")
        if kind == 5:
            return f"dev {self.dev()}"
        if kind == 6:
            return f"via fe80::{self.rng.randint(1, 3)} dev {self.dev()}"
        if kind == 7:
            return f"via 2001:db8:99::{self.rng.randint(1, 3)} dev {self.dev()} onlink"
        if kind == 8:
            return f"nhid {self.pick(21, 22, 23, 24, 45, 46, 47, 55)}"
        hops = [self.pick(gateway(), f"{gateway()} weight {self.rng.randint(1, 9)}", f"dev {self.dev()}",
                          f"via fe80::{self.rng.randint(1, 3)} dev {self.dev()}")
                for _ in range(self.rng.randint(2, 3))]
        return " ".join("nexthop " + hop for hop in hops)

    def attributes6(self):
        return (self.maybe(0.1, f" src 2001:db8:{self.rng.randrange(6)}::1") + self.maybe(0.12, f" mtu {self.pick(1400, 'lock 1300', 9000)}")
                + self.maybe(0.08, " advmss 1200") + self.maybe(0.15, f" proto {self.pick('static', 'bird', 99)}")
                + self.maybe(0.06, f" pref {self.pick('low', 'high')}") + self.maybe(0.08, f" expires {self.rng.randint(300, 900)}")
                + self.maybe(0.03, " encap ip6 id 3 dst 2001:db8::9"))

    def place6(self):
        prefix = self.pick("default", "default", "::/1", "2001:db8::/32", "2001:db8:ee::7/128", "2001:db8:1::/64",
                           *(f"2001:db8:e{n}::/64" for n in range(4)))
        kind = self.maybe(0.12, self.pick("blackhole", "unreachable", "prohibit", "throw", "local", "unicast") + " ")
        metric = self.maybe(0.4, f" metric {self.pick(1, 2, 1024, 4294967295)}")
        source = self.maybe(0.03, " from 2001:db8:5::/48")
        return kind, f"{prefix}{source} table {self.pick(*TABLES)}{metric}"

    def route6(self):
        kind, place = self.place6()
        verb = self.pick("add", "append", "append", "append", "prepend", "replace", "replace", "change", "del", "del",
                         "del")
        if verb == "del":
            named = self.pick("", "", " " + self.way6(), f" dev {self.dev()}", " proto bird")
            return [("6", f"route del {kind}{place}{named}")]
        bare = kind in ("blackhole ", "unreachable ", "prohibit ", "throw ")
        return [("6", f"route {verb} {kind}{place}{self.attributes6()} {'' if bare else self.way6()}")]

    # ---- nexthops and rules ----------------------------------------------------------------------------------

    def nexthop(self):
        six = self.rng.random() < 0.45
        where, base = ("6", 20) if six else ("4", 0)
        n = self.rng.randint(1, 8)
        if self.rng.random() < 0.3:
            return [(where, f"nexthop del id {self.pick(n, 20 + n, 40 + n % 3, 45 + n % 3, 50, 55, 60)}")]
        verb = self.pick("add", "replace", "replace")
        proto = self.maybe(0.1, f" proto {self.pick('bird', 99)}")
        net = f"2001:db8:{self.rng.randrange(6)}::" if six else f"10.{self.rng.randrange(6)}.0."
        kind = self.rng.randrange(10)
        if kind < 4:
            return [(where, f"nexthop {verb} id {base + n} via {net}{self.rng.randint(2, 9)} dev {self.dev()}{proto}"
                            + self.maybe(0.15, " onlink"))]
        if kind == 4:
            return [(where, f"nexthop {verb} id {base + n} dev {self.dev()}{proto}")]
        if kind == 5:
            return [(where, f"nexthop {verb} id {base + n} blackhole{proto}")]
        if kind == 6:
            return [(where, f"nexthop {verb} id {60} via {net}{self.rng.randint(2, 9)} fdb")]
        members = "/".join(f"{base + m}{self.maybe(0.4, f',{self.rng.randint(1, 200)}')}"
                           for m in self.rng.sample(range(1, 9), self.rng.randint(1, 3)))
        group = (45 if six else 40) + self.rng.randrange(3)
        if kind == 9:
            group = 55 if six else 50
            return [(where, f"nexthop {verb} id {group} group {members} type resilient buckets "
                            f"{self.pick(4, 8, 32)} idle_timer {self.rng.randint(1, 90)}")]
        return [(where, f"nexthop {verb} id {group} group {members}{proto}")]

    def rule(self):
        where = self.pick("4", "6")
        net = "10.{}.0.0/16" if where == "4" else "2001:db8:{}::/48"
        preference = f"pref {3000 + self.rng.randrange(8)} "
        if self.rng.random() < 0.04:
            return [(where, "rule flush"), (where, "rule add pref 32766 table main"),
                    (where, "rule add pref 32767 table default")]
        if self.rng.random() < 0.4:
            return [(where, f"rule del {preference}")]
        selector = self.pick(
            f"from {net.format(self.rng.randrange(4))}", f"to {net.format(self.rng.randrange(4))}", f"iif {self.dev()}",
            f"oif {self.dev()}", f"fwmark {self.rng.randint(1, 4)}", "fwmark 0x10/0xf0", "tos 0x10", "ipproto tcp dport 80-90",
            "ipproto udp sport 53", f"uidrange 0-{self.rng.randint(0, 3)}", "iif lo", "oif nowhere", "tun_id 7", "from all")
        action = self.pick(*(f"table {table}" for table in TABLES), "blackhole", "prohibit", "unreachable",
                           f"goto {3000 + self.rng.randrange(9)}", f"table main suppress_prefixlength {self.rng.randrange(3)}",
                           "table 100 suppress_ifgroup 1", "nop")
        preference = self.maybe(0.95, preference)
        return [(where, f"rule add {preference}{self.maybe(0.15, 'not ')}{selector} {action}"
                        + self.maybe(0.1, " protocol bird") + self.maybe(0.05, " realms 3/4"))]

    # ---- what changes much -----------------------------------------------------------------------------------

    def flush(self):
        dev = self.dev()
        what = self.pick(("4", f"addr flush dev {dev}"), ("4", f"addr flush dev {dev} scope link"),
                         ("6", f"addr flush dev {dev} scope global"), ("4", "route flush table 100"),
                         ("6", "route flush table 100"), ("4", f"route flush dev {dev}"), ("6", f"route flush dev {dev}"),
                         ("4", "route flush proto bird"), ("4", "route flush table main root 172.30.0.0/16"),
                         ("4", f"nexthop flush dev {dev}"), ("4", "nexthop flush proto bird"), ("4", "nexthop flush"))
        return [what]

    def sysctl(self):
        dev = self.name[self.pick(*LINKS[:-1])]
        choices = [
            ("4", f"conf/{self.pick('all', 'default', dev, dev, dev)}/ignore_routes_with_linkdown"), ("4", "ip_forward"),
            ("6", f"conf/{self.pick('all', dev, dev, dev)}/ignore_routes_with_linkdown"),
            ("4", f"conf/{self.pick('all', dev, dev)}/promote_secondaries"), ("4", f"conf/{dev}/accept_local"),
            ("4", f"conf/{dev}/rp_filter"), ("4", f"conf/{dev}/forwarding"), ("6", f"conf/{dev}/disable_ipv6"),
            ("6", f"conf/{self.pick('all', dev)}/keep_addr_on_down"), ("6", "route/skip_notify_on_dev_down"),
            ("6", f"conf/{self.pick('all', dev)}/forwarding"), ("6", f"conf/{dev}/mtu"),
        ]
        if self.silent:
            choices += [("4", "nexthop_compat_mode"), ("6", f"conf/{dev}/addr_gen_mode")] * 2
        family, key = self.rng.choice(choices)
        value = self.rng.choice((1280, 1400)) if key.endswith("mtu") else self.rng.randrange(2)
        return [("sh", f"echo {value} >/proc/sys/net/ipv{family}/{key}")]


# ---- asking and comparing --------------------------------------------------------------------------------------


def _ordered(path, ours, theirs, identity, slack_s):
    """Lists whose order is part of the State: equals of each identity stand in the same order in both."""
    def lists(objects):
        found = {}
        for obj in objects:
            found.setdefault(tuple(str(obj.get(k)) for k in identity), []).append(obj)
        return found

    left, wrong = lists(theirs), []
    for key, mine in lists(ours).items():
        yours = left.pop(key, [])
        for i, obj in enumerate(mine[:len(yours)]):
            wrong += [f"{path} {dict(zip(identity, key))} [{i} of {len(mine)}]: {d}"
                      for d in harness.differences(obj, yours[i], slack_s=slack_s)]
        wrong += [f"{path}: netvane has one more: {json.dumps(obj)}" for obj in mine[len(yours):]]
        wrong += [f"{path}: netvane lacks {json.dumps(obj)}" for obj in yours[len(mine):]]
    return wrong + [f"{path}: netvane lacks {json.dumps(obj)}" for objs in left.values() for obj in objs]


ANSWERS = ("link", "addr", "nexthop", "route4", "rule4", "route6", "rule6")
ROUTE4 = ("table", "dst", "tos", "metric")


def compare(ours, theirs, slack_s=harness.LIFETIME_SLACK_S):
    wrong = []
    for kind, a, b in zip(ANSWERS, ours, theirs):
        b = [obj for obj in b if obj]
        if kind == "route4":
            wrong += _ordered(kind, a, b, ROUTE4, slack_s)
        elif kind.startswith("rule"):
            wrong += _ordered(kind, a, b, ("priority",), slack_s)
        else:
            wrong += [d if d.startswith(kind) else f"{kind}: {d}"
                      for d in harness.compare_lists(kind.rstrip("6"), a, b, slack_s)]
    return wrong


def _documents(text):
    """ip prints one JSON document per line of its batch; nothing at all for an empty list of some kinds."""
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _state_of(links):
    """Without what the State does not hold: timers and counters would look like a kernel that never rests."""
    for obj in links:
        for key in harness.ABSENT & obj.keys():
            del obj[key]
        info = obj.get("linkinfo", {})
        info.pop("info_slave_data", None)
        if info.get("info_kind") not in harness.INFO_DATA:
            info.pop("info_data", None)
    return links


class Asker:
    """All of the kernel's answers, or all of a writer's, in as few processes as can be."""

    def __init__(self, ns):
        self.ns = ns

    def _run_all(self, commands):
        started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                   for command, _ in commands]
        out = []
        for process, (command, text) in zip(started, commands):
            stdout, stderr = process.communicate(text, timeout=60 * harness.SLOW)
            if process.returncode:
                raise AssertionError(f"{' '.join(command)}: exit {process.returncode}\n{stderr[-500:]}")
            out.append(stdout)
        return out

    def kernel(self):
        ip = ("ip", "-j", "-d")
        family = "route show table all\nrule show\n"
        first, four, six = (_documents(text) for text in self._run_all((
            (self.ns.inside(*ip, "-batch", "-"), "addr show\nlink show\nnexthop show\n"),
            (self.ns.inside(*ip, "-4", "-batch", "-"), family), (self.ns.inside(*ip, "-6", "-batch", "-"), family))))
        if len(first) == 2:
            first.append([])
        for answers in (four, six):
            if len(answers) == 1:  # no route at all, or no rule
                answers.insert(0 if "priority" in (answers[0] or [{}])[0] else 1, [])
        return [_state_of(first[1]), _state_of(first[0]), first[2], *four, *six]

    def writer(self, name):
        words = (("link",), ("addr",), ("nexthop",), ("-4", "route", "show", "table", "all"), ("-4", "rule"),
                 ("-6", "route", "show", "table", "all"), ("-6", "rule"))
        base = [os.path.join(harness.BIN, "netvane"), "--dir", self.ns.dir, "--name", name, "-j"]
        return [json.loads(text) for text in self._run_all([([*base, *w], "") for w in words])]


# ---- a trial ---------------------------------------------------------------------------------------------------


class Difference(AssertionError):
    pass


class Trial:
    """One namespace, its writers, a stream of operations, comparisons in between."""

    def __init__(self, options, seed, mode, names=("default",)):
        self.o, self.seed, self.mode, self.names = options, seed, mode, names
        self.history = []
        self.checks = self.stops = 0
        self.slowest = 0.0

    def __enter__(self):
        self.ns, self.far = harness.Namespace(), harness.Namespace()
        self.asker, self.player = Asker(self.ns), Player(self.ns, self.far)
        self.rng = random.Random(self.seed)
        self.world = World(self.rng, self.ns.pid, self.far.pid, silent=self.mode == "silent")
        return self

    def __exit__(self, *_):
        self.ns.close()
        self.far.close()

    def start(self):
        begin = self.world.beginning()
        self.player.play(begin)
        self.history += begin
        reconcile = "0.2" if self.mode == "reconcile" else "0"
        self.writers = [self.ns.start_writer("--reconcile", reconcile, "--log-level", self.o.log_level, name=name,
                                             **({"binary": self.o.netvaned} if self.o.netvaned else {}))
                        for name in self.names]

    def run(self, ops, seconds):
        """Until so many operations were played, or so much time has passed."""
        deadline = time.monotonic() + seconds if seconds else None
        next_check = self.rng.randint(1, 240)
        while self.world.number < ops and not (deadline and time.monotonic() > deadline):
            burst = []
            for _ in range(self.rng.choice((1, 1, 1, 2, 5, 20, 50, 200))):
                burst += self.world.some()
            self.history += burst
            self._play(burst)
            next_check -= len(burst)
            if next_check <= 0:
                self.check()
                next_check = self.rng.randint(1, 240)
            else:
                time.sleep(self.rng.choice((0, 0, 0, 0.001, 0.005, 0.02)))
        self.check()

    def _play(self, burst):
        stop = self.mode == "loss" and self.rng.random() < 0.1
        if not stop:
            self.player.play(burst)
            return
        self.stops += 1
        flap = [Op(0, "4", f"link set lo mtu {60000 + n % 2}") for n in range(LARGE)]
        half = len(burst) // 2
        for writer in self.writers:
            os.kill(writer.pid, signal.SIGSTOP)
        try:
            self.player.play(burst[:half] + flap + burst[half:])
        finally:
            for writer in self.writers:
                os.kill(writer.pid, signal.SIGCONT)

    # ---- at rest ---------------------------------------------------------------------------------------------

    def check(self):
        self.checks += 1
        if self.mode == "silent":
            for writer in self.writers:
                os.kill(writer.pid, signal.SIGHUP)
        for name in self.names:
            self._compare(name)
            if self.mode == "reconcile" and self.checks % self.o.check_every == 0:
                self._reconcile(name)
            self._counters(name)
            if self.checks % self.o.check_every == 0:
                done = self.ns.netvane("check", check=False, name=name)
                if done.returncode:
                    self._fail(name, [f"netvane check: exit {done.returncode}", *(done.stdout + done.stderr).splitlines()])

    def _compare(self, name):
        """The kernel is at rest when two of its answers in a row are equal; a writer is asked between them."""
        begin = time.monotonic()
        # What a lifetime was when its event was queued is not what it is when a writer that stood still reads it.
        slack_s = harness.LIFETIME_SLACK_S + (8 if self.mode == "loss" else 0)
        wrong_since = None
        last = begin
        before = self.asker.kernel()
        while True:
            asked = time.monotonic()
            ours = self.asker.writer(name)
            after = self.asker.kernel()
            passed_s = time.monotonic() - last  # they tick meanwhile
            last = asked
            moved = compare(before, after, slack_s + passed_s)
            wrong = [] if moved else compare(ours, after, slack_s + passed_s)
            if not moved and not wrong:
                self.slowest = max(self.slowest, asked - wrong_since if wrong_since else 0.0)
                return
            if moved:
                wrong_since = None
            else:
                wrong_since = wrong_since or asked
                if asked - wrong_since > self.o.patience * harness.SLOW:
                    self._fail(name, wrong)
            if asked - begin > 30 * harness.SLOW:
                self._fail(name, ["the kernel does not come to rest", *moved, *wrong])
            before = after

    def _reconcile(self, name):
        """At rest one has nothing to excuse what it finds."""
        deadline = time.monotonic() + 5 * harness.SLOW
        before = self.counters(name)["reconciles"]
        while self.counters(name)["reconciles"] < before + 2 and time.monotonic() < deadline:
            time.sleep(0.02)

    def counters(self, name):
        return json.loads(self.ns.netvane("-j", "stat", name=name).stdout)["counters"]

    def _counters(self, name):
        counters = self.counters(name)
        bad = {key: n for key, n in counters.items() if key.startswith("drift_") and n}
        if self.mode in ("events", "reconcile"):
            bad |= {key: counters[key] for key in ("overruns", "dump_errors") if counters[key]}
            # IPv6 asks its neighbours before it chooses a route: that much of the egress only the kernel knows.
            if counters["resyncs"] > counters["egress_disagreed"]:
                bad["resyncs"] = counters["resyncs"]
        if bad and self.mode != "silent":
            self._fail(name, [f"counters: {bad}"])

    def _fail(self, name, wrong):
        last = "\n".join(map(str, self.history[-self.o.show:]))
        text = (f"SEED={self.seed} MODE={self.mode} operation {self.world.number}, writer {name}: {len(wrong)} differences\n"
                + "\n".join(wrong[:20]) + f"\nthe last operations:\n{last}\nwriter:\n{self.ns.writer_log()[-self.o.log_bytes:]}")
        raise Difference(text)

    def summary(self):
        counters = self.counters(self.names[0])
        told = ", ".join(f"{key} {counters.get(key)}" for key in
                         ("publishes", "rereads", "dumps", "dumps_disturbed", "reconciles", "overruns", "resyncs"))
        return (f"seed {self.seed} mode {self.mode}: {self.world.number} operations ({self.player.told()}), "
                f"{self.checks} comparisons, slowest after {self.slowest * 1000:.0f} ms; {told}")


def run_trial(options, seed, mode, names=("default",)):
    with Trial(options, seed, mode, names) as trial:
        begin = time.monotonic()
        trial.start()
        try:
            trial.run(options.ops, options.seconds)
        except Difference as difference:
            difference.history = trial.history
            raise
        return f"{trial.summary()}; {time.monotonic() - begin:.1f} s"


# ---- fewer operations ------------------------------------------------------------------------------------------


def still_fails(options, seed, mode, ops):
    with Trial(options, seed, mode) as trial:
        trial.start()
        ours = len(trial.history)
        trial.history = ops
        for i in range(ours, len(ops), 50):
            trial.player.play([op._replace(line=op.line.replace(f"netns {options.old_pids[0]}", f"netns {trial.ns.pid}")
                                           .replace(f"netns {options.old_pids[1]}", f"netns {trial.far.pid}"))
                               for op in ops[i:i + 50]])
        try:
            trial.check()
        except Difference as difference:
            return str(difference)
        return None


def shrink(options, seed, mode, history, seconds):
    """Drops ever smaller parts of the history as long as what is left fails too. It may not: timing matters."""
    deadline = time.monotonic() + seconds
    size = len(history) // 2
    begin = next(i for i, op in enumerate(history) if "group 21/22" in op.line) + 1
    told = None
    while size and time.monotonic() < deadline:
        at = begin
        while at < len(history) and time.monotonic() < deadline:
            fewer = history[:at] + history[at + size:]
            failed = still_fails(options, seed, mode, fewer)
            if failed:
                history, told = fewer, failed
            else:
                at += size
        size //= 2
    return history[begin:], told


def parse(argv):
    env = os.environ
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seed", type=int, default=int(env.get("SEED", random.SystemRandom().randrange(1 << 31))))
    p.add_argument("--seeds", type=int, default=1, help="run so many, one after the other, from --seed on")
    p.add_argument("--ops", type=int, default=int(env.get("OPS", 10000)))
    p.add_argument("--seconds", type=float, default=float(env.get("SECONDS", 0)), help="at most; 0: no limit")
    p.add_argument("--mode", choices=MODES, default=env.get("MODE", "events"))
    p.add_argument("--writers", type=int, default=1, help="so many in the namespace")
    p.add_argument("--patience", type=float, default=0.25, help="seconds in which a difference may pass")
    p.add_argument("--check-every", type=int, default=3, help="netvane check at each Nth comparison")
    p.add_argument("--netvaned", default=env.get("NETVANE_DAEMON"), help="another writer's binary")
    p.add_argument("--log-level", default="info")
    p.add_argument("--log-bytes", type=int, default=3000)
    p.add_argument("--show", type=int, default=30, help="operations to print of a failure")
    p.add_argument("--shrink", type=float, default=0, help="seconds to look for a smaller failure")
    return p.parse_args(argv)


def main():
    options = parse(sys.argv[1:])
    harness.require()
    failed = 0
    names = ("default", *(f"writer{n}" for n in range(1, options.writers)))
    for seed in range(options.seed, options.seed + options.seeds):
        try:
            print(run_trial(options, seed, options.mode, names), flush=True)
        except Difference as difference:
            failed += 1
            print(difference, flush=True)
            if options.shrink:
                travels = [op.line.rsplit(" ", 1)[1] for op in difference.history if " netns " in op.line]
                options.old_pids = (next((p for p in travels if p != travels[0]), travels[0]), travels[0])
                fewer, told = shrink(options, seed, options.mode, difference.history, options.shrink)
                print(f"{len(fewer)} operations are enough:\n" + "\n".join(map(str, fewer)) + f"\n{told}", flush=True)
    print(f"{options.seeds - failed} of {options.seeds} runs without a difference")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
