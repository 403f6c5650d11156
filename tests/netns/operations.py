# SPDX-License-Identifier: MIT
"""A stream of random operations on links, addresses, routes, nexthops, rules and sysctls.

It depends on a seed alone, not on what the kernel refuses. Names, addresses and prefixes are few, so that most
operations meet something, and lists of equals, merged hops and dangling references are frequent. What no event
announces is left out unless asked for (silent); each such case says so.
"""

import collections

LINKS = ("a0", "b0", "a1", "b1", "a2", "b2", "br0", "i0", "far", "s0")  # s0 keeps its carrier
INDEX = {name: 11 + i for i, name in enumerate(LINKS)}
PAIRS = {"a0": "b0", "a1": "b1", "a2": "b2"}
TABLES = ("main",) * 6 + ("100",) * 3 + ("local", "7777", "4294967294", "default")
EXPIRING = "2001:db8:ef::/64"  # the prefix of the routes that may expire


class Op(collections.namedtuple("Op", "number where line")):
    """One operation: a line for ip (where: 4, 6, or far for the other namespace), or for a shell (sh).

    OURS and OTHER stand for processes in the two namespaces.
    """

    def __str__(self):
        tool = {"sh": "", "4": "ip ", "6": "ip -6 ", "far": "(far) ip "}[self.where]
        return f"{self.number:6} {tool}{self.line}"


class World:
    """A stream of operations that depends on nothing but the seed."""

    def __init__(self, rng, silent=False):
        self.rng, self.silent = rng, silent
        self.number = 0
        self.name = {link: link for link in LINKS}
        kinds = ((self.route4, 24), (self.route6, 24), (self.address4, 8), (self.address6, 8), (self.updown, 8),
                 (self.nexthop, 12), (self.rule, 8), (self.attribute, 6), (self.master, 3), (self.rename, 2),
                 (self.rebirth, 2), (self.travel, 2), (self.sysctl, 3), (self.flush, 2), (self.carrier, 3))
        # Most kinds have whole tables read again, which mends what an event was taken for: some stretches do without.
        self.phases = [kinds, kinds, ((self.route4, 1),), ((self.route6, 1),), ((self.route4, 5), (self.route6, 5)),
                       ((self.rule, 3), (self.route4, 1)), ((self.address4, 1), (self.address6, 1))]
        self.kinds, self.phase_ends = [], 0

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
                  ("4", f"link add far index {INDEX['far']} type veth peer name near netns OTHER"),
                  ("4", f"link add s0 index {INDEX['s0']} type veth peer name s1 netns OTHER")]
        lines += [("4", f"link set {name} up") for name in LINKS]
        lines += [("far", "link set near up"), ("far", "link set s1 up")]
        for i, name in enumerate(LINKS):
            lines += [("4", f"addr add 10.{i}.0.1/24 dev {name}"), ("4", f"addr add 2001:db8:{i}::1/64 dev {name}")]
        for n in range(1, 9):
            lines += [("4", f"nexthop add id {n} via 10.{n % 6}.0.{n + 10} dev {LINKS[n % 6]}"),
                      ("6", f"nexthop add id {n + 20} via 2001:db8:{n % 6}::{n + 16:x} dev {LINKS[n % 6]}")]
        lines += [("4", "nexthop add id 40 group 1/2"), ("4", "nexthop add id 45 group 21/22")]
        return [self.op(where, line) for where, line in lines]

    def some(self):
        """The next operation, or the few that belong together."""
        if self.number >= self.phase_ends:
            self.phase_ends = self.number + self.rng.randint(50, 500)
            self.kinds = [kind for kind, weight in self.rng.choice(self.phases) for _ in range(weight)]
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
        what = self.pick(f"mtu {self.rng.choice((1280, 1400, 1500, 2000, 9000, 600))}",
                         f"group {self.rng.randrange(4)}",
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
        lines = [("4", f"link set {name} netns OTHER"), ("far", f"link set {name} netns OURS")]
        lines += [("4", f"link set {name} up"), ("4", f"addr add 10.{LINKS.index(link)}.0.1/24 dev {name}")]
        return lines

    # ---- addresses -------------------------------------------------------------------------------------------

    def lifetime(self):
        some = f" valid_lft {self.rng.randint(500, 5000)} preferred_lft {self.rng.randint(0, 500)}"
        return self.pick("", "", "", some,
                         " valid_lft forever preferred_lft forever")

    def address4(self):
        dev, host = self.dev(self.maybe(0.2, "s0")), self.rng.randint(1, 4)
        net = f"10.{self.rng.randrange(len(LINKS))}.{self.rng.randrange(2)}"
        verb = self.pick("add", "add", "add", "replace", "change", "del", "del")
        what = self.pick(f"{net}.{host}/24", f"{net}.{host}/24", f"{net}.{host}/16", f"{net}.{host}/32",
                         f"{net}.{host} peer {net}.{self.rng.randint(90, 92)}/32", f"{net}.{host} peer {net}.99/24")
        if verb == "del":
            return [("4", f"addr del {what} dev {dev}")]
        extra = self.pick("", "", " brd +", f" label {dev}:{host}", " scope link", " noprefixroute",
                          f" metric {host}")
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
        return (self.maybe(0.1, f" src 10.{self.rng.randrange(6)}.0.1")
                + self.maybe(0.1, f" mtu {self.pick(1400, 'lock 1300')}")
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

    def attributes6(self, expires):
        return (self.maybe(0.08 if expires else 0, f" expires {self.rng.randint(300, 900)}")
                + self.maybe(0.1, f" src 2001:db8:{self.rng.randrange(6)}::1")
                + self.maybe(0.12, f" mtu {self.pick(1400, 'lock 1300', 9000)}")
                + self.maybe(0.08, " advmss 1200") + self.maybe(0.15, f" proto {self.pick('static', 'bird', 99)}")
                + self.maybe(0.06, f" pref {self.pick('low', 'high')}")
                + self.maybe(0.03, " encap ip6 id 3 dst 2001:db8::9"))

    def place6(self):
        prefix = self.pick("default", "default", "::/1", "2001:db8::/32", "2001:db8:ee::7/128", "2001:db8:1::/64",
                           EXPIRING, EXPIRING, *(f"2001:db8:e{n}::/64" for n in range(4)))
        kind = self.maybe(0.12, self.pick("blackhole", "unreachable", "prohibit", "throw", "local", "unicast") + " ")
        metric = self.maybe(0.4, f" metric {self.pick(1, 2, 1024, 4294967295)}")
        source = self.maybe(0.03, " from 2001:db8:5::/48")
        return kind, f"{prefix}{source} table {self.pick(*TABLES)}{metric}"

    def route6(self):
        kind, place = self.place6()
        verb = self.pick("add", "append", "append", "append", "prepend", "replace", "replace", "change", "del", "del",
                         "del")
        expires = place.startswith(EXPIRING)
        if expires and not self.silent and verb in ("append", "prepend"):
            verb = "replace"  # the kernel refuses those where a route exists, and changes when it expires, untold
        if verb == "del":
            named = self.pick("", "", " " + self.way6(), f" dev {self.dev()}", " proto bird")
            return [("6", f"route del {kind}{place}{named}")]
        bare = kind in ("blackhole ", "unreachable ", "prohibit ", "throw ")
        attributes = self.attributes6(expires or self.silent)
        return [("6", f"route {verb} {kind}{place}{attributes} {'' if bare else self.way6()}")]

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
            f"from {net.format(self.rng.randrange(4))}", f"to {net.format(self.rng.randrange(4))}",
            f"iif {self.dev()}", f"oif {self.dev()}", f"fwmark {self.rng.randint(1, 4)}", "fwmark 0x10/0xf0",
            "tos 0x10", "ipproto tcp dport 80-90", "ipproto udp sport 53", f"uidrange 0-{self.rng.randint(0, 3)}",
            "iif lo", "oif nowhere", "tun_id 7", "from all")
        action = self.pick(*(f"table {table}" for table in TABLES), "blackhole", "prohibit", "unreachable",
                           f"goto {3000 + self.rng.randrange(9)}",
                           f"table main suppress_prefixlength {self.rng.randrange(3)}",
                           "table 100 suppress_ifgroup 1", "nop")
        preference = self.maybe(0.95, preference)
        return [(where, f"rule add {preference}{self.maybe(0.15, 'not ')}{selector} {action}"
                        + self.maybe(0.1, " protocol bird") + self.maybe(0.05, " realms 3/4"))]

    # ---- what changes much -----------------------------------------------------------------------------------

    def flush(self):
        dev = self.dev()
        what = self.pick(("4", f"addr flush dev {dev}"), ("4", f"addr flush dev {dev} scope link"),
                         ("6", f"addr flush dev {dev} scope global"), ("4", "route flush table 100"),
                         ("6", "route flush table 100"), ("4", f"route flush dev {dev}"),
                         ("6", f"route flush dev {dev}"),
                         ("4", "route flush proto bird"), ("4", "route flush table main root 172.30.0.0/16"),
                         ("4", f"nexthop flush dev {dev}"), ("4", "nexthop flush proto bird"), ("4", "nexthop flush"))
        return [what]

    def sysctl(self):
        dev = self.name[self.pick(*LINKS[:-1])]
        choices = [
            ("4", f"conf/{self.pick('all', 'default', dev, dev, dev)}/ignore_routes_with_linkdown"),
            ("4", "ip_forward"),
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
        told = []
        if key.endswith("disable_ipv6") and not self.silent:  # a link without any address turns it off unseen
            told = [("6", f"addr add 2001:db8:d::{self.rng.randrange(1, 99)}/64 dev {dev}")]
        return told + [("sh", f"echo {value} >/proc/sys/net/ipv{family}/{key}")]
