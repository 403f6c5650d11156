# SPDX-License-Identifier: MIT
"""bench/dataplane sends each packet where the kernel of a router with the same configuration does, while routes flap, too.

Compared is the whole frame, and the port by which it came back: MAC addresses, TTL, checksum; of ICMP errors and echo replies all but
the identification and the flow label, which the kernel draws by lot. Multipath routes are compared as sets of hops. Not compared:
redirects (the dataplane sends none), IPv4 packets without "don't fragment" that are too large, options, multicast.
"""

import ipaddress
import os
import random
import signal
import time
import unittest

import dataplane_bed as bed
import harness

SEED = int(os.environ.get("SEED", "0")) or int.from_bytes(os.urandom(3), "big")
PACKETS = 1500 // harness.SLOW  # of a comparison at rest
FLAPS = 500 // harness.SLOW
FLAP_S = 0.01       # one flap of one destination each
PER_FLAP = 16       # packets
LAG_S = 0.05 * harness.SLOW  # that a change, or a packet, may be under way
MULTIPATH = ((0, 2), (1, 3), (2, 4))  # port and host of each hop; links of one MTU
TOS = (0, 0, 0, 4, 8, 0x10, 0xb8)


class Routes:
    """A random configuration, and addresses that packets go to."""

    def __init__(self, rng):
        self.rng = rng
        self.lines, self.prefixes, self.plain, self.sets = [], {4: [], 6: []}, {4: [], 6: []}, {}
        for number in range(60):
            self.route(4, number)
            self.route(6, number)
        for family, via in ((4, "10.0.{}.{}"), (6, "2001:db8:0:{}::{}")):
            self.multipath(family, via)
            self.each_type(family, via)
            self.plain_ones(family, via)

    def hop(self, family):
        rng = self.rng
        port, host = rng.randrange(bed.PORTS), rng.randrange(2, 6)
        if rng.randrange(8) == 0:
            via = "via" if family == 6 else "via inet6"
            return f"{via} fe80::{host} dev p{port}"
        return f"via 10.0.{port}.{host}" if family == 4 else f"via 2001:db8:0:{port}::{host}"

    def prefix(self, family, number):
        rng = self.rng
        if family == 4:
            length = rng.choice((12, 16, 20, 24, 28, 32))
            ip = f"172.{16 + number % 16}.{rng.randrange(4)}.{rng.randrange(256)}"
        else:
            length = rng.choice((32, 40, 48, 56, 64, 96, 128))
            ip = f"2001:{0xe00 + number % 16:x}:{rng.randrange(4):x}:{rng.randrange(4):x}::{rng.randrange(256):x}"
        return f"{bed_network(ip, length)}/{length}"

    def route(self, family, number):
        """Tables 100 and 101 are asked once there are rules."""
        rng = self.rng
        prefix = self.prefix(family, number)
        table = rng.choice(("main", "main", "main", "100", "101"))
        kind = rng.choice(("",) * 7 + ("unreachable", "blackhole", "prohibit", "throw"))
        tos = f"tos {rng.choice((4, 8, 0x10)):#x}" if family == 4 and rng.randrange(10) == 0 else ""
        hop = self.hop(family) if not kind else ""
        metric = f"metric {rng.randrange(1, 4)}"
        # Equal ones would be one route of several hops: the first stays.
        key = (prefix, table, tos, metric)
        if key in self.sets:
            return
        self.sets[key] = None
        self.prefixes[family].append(prefix)
        self.lines.append(f"{'-6 ' if family == 6 else ''}route add {kind} {prefix} {tos} {hop} table {table} {metric}")

    def multipath(self, family, via):
        hops = MULTIPATH
        prefix = "172.31.128.0/24" if family == 4 else "2001:eff:9::/48"
        words = " ".join(f"nexthop via {via.format(*hop)} weight {1 + n}" for n, hop in enumerate(hops))
        self.lines.append(f"{'-6 ' if family == 6 else ''}route add {prefix} {words}")
        self.prefixes[family].append(prefix)

    def each_type(self, family, via):
        """What no seed may lack."""
        hop = f"via {via.format(bed.PORTS - 1, 2)}"
        for number, kind in enumerate((hop, "unreachable", "blackhole", "prohibit", "throw")):
            prefix = f"172.31.{64 + number}.0/24" if family == 4 else f"2001:eff:{number:x}::/48"
            words = f"{prefix} {kind}" if kind == hop else f"{kind} {prefix}"
            self.lines.append(f"{'-6 ' if family == 6 else ''}route add {words}")
            self.prefixes[family] += [prefix] * 3

    def plain_ones(self, family, via):
        """The only route of each prefix, by one gateway: a lookup of the destination decides."""
        for port in range(bed.PORTS):
            prefix = f"172.31.{96 + port}.0/24" if family == 4 else f"2001:eff:{0x20 + port:x}::/48"
            self.lines.append(f"{'-6 ' if family == 6 else ''}route add {prefix} via {via.format(port, 3)}")
            self.plain[family].append(prefix)

    @staticmethod
    def is_multipath(ip):
        return ip.startswith(("172.31.128.", "2001:eff:9:"))

    def rules(self):
        lines = []
        for six, net in (("", "10.50"), ("-6 ", "2001:db8:50")):
            block = f"{net}.0.0/20" if not six else f"{net}:1::/64"
            covered = "172.20.0.0/14" if not six else "2001:e04::/30"
            flapping = "172.16.0.0/12" if not six else "2001:f00::/24"
            lines += [f"{six}rule add pref 90 to {flapping} ipproto udp dport 9999 lookup 102",
                      f"{six}rule add pref 100 from {block} lookup 100", f"{six}rule add pref 110 to {covered} lookup 101",
                      f"{six}rule add pref 120 tos 0x10 lookup 100", f"{six}rule add pref 130 ipproto udp dport 53 lookup 101",
                      f"{six}rule add pref 140 ipproto tcp sport 1000-2000 lookup 100",
                      f"{six}rule add pref 150 iif p1 lookup 101 suppress_prefixlength 16",
                      f"{six}rule add pref 160 not from {block} to {covered} lookup 100",
                      f"{six}rule add pref 170 ipproto tcp dport 81 prohibit",
                      f"{six}rule add pref 180 ipproto tcp dport 82 unreachable",
                      f"{six}rule add pref 190 ipproto tcp dport 83 blackhole"]
        return lines


def bed_network(ip, length):
    return ipaddress.ip_network(f"{ip}/{length}", strict=False).network_address


def random_ip(rng, prefix):
    net = ipaddress.ip_network(prefix)
    return str(net[rng.randrange(min(net.num_addresses, 1 << 60))])


class Questions:
    """Random packets, numbered."""

    def __init__(self, rng, routes):
        self.rng, self.routes, self.number = rng, routes, 0

    def source(self, family, port):
        """Many: the kernel limits the errors that it sends to one."""
        rng = self.rng
        if family == 4:
            return f"10.{50 + port}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
        return f"2001:db8:{50 + port}:{rng.randrange(4)}::{rng.randrange(1, 60000):x}"

    def destination(self, family):
        rng = self.rng
        draw = rng.randrange(20)
        if draw == 0:  # on a link
            return (f"10.0.{rng.randrange(bed.PORTS)}.{rng.randrange(2, 6)}" if family == 4 else
                    f"2001:db8:0:{rng.randrange(bed.PORTS)}::{rng.randrange(2, 6)}")
        if draw == 1:  # no route
            return f"192.0.2.{rng.randrange(256)}" if family == 4 else f"3fff::{rng.randrange(9999):x}"
        if draw == 2:  # the router itself
            port = rng.randrange(bed.PORTS)
            return f"10.0.{port}.1" if family == 4 else f"2001:db8:0:{port}::1"
        if draw < 8:
            return random_ip(rng, rng.choice(self.routes.plain[family]))
        return random_ip(rng, rng.choice(self.routes.prefixes[family]))

    def packet(self, **fixed):
        rng = self.rng
        self.number += 1
        family = fixed.get("family") or rng.choice((4, 6))
        port = fixed.get("port", rng.choice((0, 0, 1)))
        p = {"number": self.number, "family": family, "port": port, "src": self.source(family, port),
             "dst": self.destination(family), "ttl": rng.choice((1, 2, 64, 64, 64, 255)), "tos": rng.choice(TOS),
             "proto": rng.choice(("udp", "udp", "tcp", "icmp")), "sport": rng.choice((7, 1000, 1500, 5000)),
             "dport": rng.choice((53, 80, 81, 82, 83, 9999)), "size": rng.choice((60, 60, 61, 700, 1400))}
        p.update(fixed)
        # A host answers TCP without our number in it.
        if p["proto"] == "tcp" and (p["dst"].startswith("10.0.") and p["dst"].endswith(".1") or
                                    p["dst"].startswith("2001:db8:0:") and p["dst"].endswith("::1")):
            p["proto"] = "udp"
        return bed.Packet(**p)


class Flap:
    """A destination whose route changes between two states."""

    def __init__(self, number, rng, table="main"):
        self.family = 4 if number % 2 else 6
        self.key = f"metric 5 table {table}"
        self.number, self.state, self.times = number, 0, []
        port, other = rng.sample(range(bed.PORTS), 2)
        if self.family == 4:
            self.prefix, via = f"172.2{number % 10}.{200 + number}.0/24", "via 10.0.{}.{}"
        else:
            self.prefix, via = f"2001:f00:{number:x}::/48", "via 2001:db8:0:{}::{}"
        first, second = via.format(port, rng.randrange(2, 6)), via.format(other, rng.randrange(2, 6))
        replace = f"route replace {{}} {self.prefix} {{}} {self.key}"
        kind = number // 2 % 5
        if kind == 0:
            self.lines = replace.format("", first), replace.format("", second)
        elif kind == 1:
            self.lines = replace.format("", first), f"route del {self.prefix} {self.key}"
        else:
            # IPv6 keeps a unicast route beside one of another type: so the one goes before the other comes.
            other = ("unreachable", "blackhole", "prohibit")[kind - 2]
            self.lines = (f"route del {self.prefix} {self.key}\n" + replace.format("", first),
                          f"route del {self.prefix} {self.key}\n" + replace.format(other, ""))

    def start(self):
        """Its route, without which the first deletion would fail."""
        return f"{'-6 ' if self.family == 6 else ''}" + self.lines[0].rsplit("\n", maxsplit=1)[-1]

    def next(self, now):
        self.state ^= 1
        self.times.append(now)
        return self.lines[self.state]

    def allowed(self, sent):
        """The states that a packet sent then may meet: 0, 1 or 2 (between deletion and addition)."""
        changes = [i for i, t in enumerate(self.times) if sent - LAG_S <= t <= sent + LAG_S]
        before = sum(t < sent - LAG_S for t in self.times) & 1
        states = {before}
        for i in changes:
            states |= {(i + 1) & 1}
            if "\n" in self.lines[0]:
                states.add(2)
        return states


class Dataplane(unittest.TestCase):
    def setUp(self):
        print(f"seed {SEED}", flush=True)
        self.rng = random.Random(SEED)
        self.routes = Routes(self.rng)
        self.questions = Questions(self.rng, self.routes)

    def make_bed(self, *arguments):
        made = bed.Bed(*arguments)
        self.addCleanup(made.close)
        return made

    def same(self, b, packets, what):
        """Each was treated alike. Returns how often each thing happened."""
        wrong, kinds = [], {}
        for p in packets:
            theirs, ours = b.seen(bed.KERNEL, p.number), b.seen(bed.NETVANE, p.number)
            kind = bed.kind_of(theirs)
            name = kind[0] if kind[0] != "icmp" else f"icmp{p.family} {kind[1]}/{kind[2]}"
            kinds[name] = kinds.get(name, 0) + 1
            if ours == theirs:
                continue
            if Routes.is_multipath(p.dst) and kind[0] == bed.kind_of(ours)[0] == "out":
                hops = [("out", n, bed.mac_text(bed.hop_mac(n, host))) for n, host in MULTIPATH]
                if kind in hops and bed.kind_of(ours) in hops:
                    continue
            wrong.append(f"{p}\n  kernel:    {kind} {[f.frame.hex()[:200] for f in theirs]}\n"
                         f"  dataplane: {bed.kind_of(ours)} {[f.frame.hex()[:200] for f in ours]}")
        if wrong:
            self.fail(f"{what}: {len(wrong)} of {len(packets)} packets differ:\n" + "\n".join(wrong[:6]))
        return kinds

    def compare_at_rest(self, b, what, more=()):
        packets = [self.questions.packet() for _ in range(PACKETS)] + list(more)
        b.settle()
        b.send_all(packets)
        kinds = self.same(b, packets, what)
        print(f"{what}: {len(packets)} packets, " +
              ", ".join(f"{name} {count}" for name, count in sorted(kinds.items())), flush=True)
        return kinds

    def plain(self, flap):
        """From a source that no rule speaks of, so that the route alone decides."""
        rng = self.rng
        source = (f"10.50.{rng.randrange(16, 256)}.{rng.randrange(1, 255)}" if flap.family == 4 else
                  f"2001:db8:50:2::{rng.randrange(1, 60000):x}")
        return self.questions.packet(family=flap.family, src=source, dst=random_ip(self.rng, flap.prefix), ttl=64, tos=0,
                                     proto="udp", sport=7, dport=9999, size=60, port=0)

    def outcomes(self, b, flaps):
        """What the kernel does with each flapping destination, in each state, at rest: [flap][state]."""
        found = [{} for _ in flaps]
        for state in (0, 1, 2):
            if state < 2:
                b.configure([line for flap in flaps for line in
                             [("-6 " if flap.family == 6 else "") + flap.lines[state].rsplit("\n", maxsplit=1)[-1]]
                             if state == 1 or flap.lines[state]])
            else:
                b.configure([("-6 " if flap.family == 6 else "") + f"route del {flap.prefix} {flap.key}" for flap in flaps
                             if " del " not in flap.lines[1].rsplit("\n", maxsplit=1)[-1]])
            packets = [self.plain(flap) for flap in flaps]
            b.settle()
            b.send_all(packets)
            self.same(b, packets, f"state {state} of what flaps")
            for kinds, p in zip(found, packets):
                kinds[state] = bed.kind_of(b.seen(bed.KERNEL, p.number))
        b.configure([flap.start() for flap in flaps])
        b.settle()
        return found

    def flap(self, b, flaps):
        """Routes flap, packets go; the flapping and the others, each with the time when it was sent."""
        flapping, steady = [], []
        begin = time.monotonic()
        for step in range(FLAPS):
            flap = flaps[step % len(flaps)]
            b.change(flap.next(time.monotonic()))
            for n in range(PER_FLAP):
                if n % 2:
                    p = self.questions.packet()
                    steady.append(p)
                    b.send(p)
                    continue
                flap = self.rng.choice(flaps)
                p = self.plain(flap)
                flapping.append((p, flap, time.monotonic()))
                b.send(p)
            time.sleep(max(0.0, begin + (step + 1) * FLAP_S * harness.SLOW - time.monotonic()))
        b.wait_quiet()
        return flapping, steady, time.monotonic() - begin

    def check_flaps(self, b, flaps, rest, what):
        before = b.counters()
        b.start_changers()
        flapping, steady, seconds = self.flap(b, flaps)
        self.assertEqual(b.end_changers(), "")
        self.same(b, steady, f"{what}: destinations that do not flap")
        wrong, exact, differ = [], 0, 0
        met = set()
        for p, flap, sent in flapping:
            states = {rest[flap.number][state] for state in flap.allowed(sent)}
            exact += len(states) == 1
            kinds = [bed.kind_of(b.seen(router, p.number)) for router in (bed.KERNEL, bed.NETVANE)]
            differ += kinds[0] != kinds[1]
            met.add((flap.number, kinds[1]))
            for router, kind in zip((bed.KERNEL, bed.NETVANE), kinds):
                if kind not in states:
                    wrong.append(f"{router}: {p} at {sent:.3f}: {kind} instead of {states}; flaps at {flap.times}")
        if wrong:
            self.fail(f"{what}: {len(wrong)} of {len(flapping)}:\n" + "\n".join(wrong[:6]))
        after = b.counters()
        versions = after["snapshots"] - before["snapshots"]
        print(f"{what}: {FLAPS} flaps in {seconds:.1f} s, {versions} versions taken; {len(steady)} packets to steady destinations "
              f"equal, {len(flapping)} to flapping ones, {exact} of them with one possible answer; {differ} met another "
              "state than in the kernel", flush=True)
        self.assertGreater(exact, len(flapping) // 4)
        self.assertGreater(versions, FLAPS // 4)
        for flap in flaps:
            for state in (0, 1):
                self.assertIn((flap.number, rest[flap.number][state]), met, f"never seen: {flap.lines[state]}")

    def check_counters(self, b):
        """Every frame is in one line."""
        c = b.counters()
        names = list(c)
        ends = names[names.index("forwarded"):names.index("dropped_busy") + 1]
        self.assertEqual(sum(c[name] for name in ends), c["received"], c)
        for name in ("bad", "strange", "no_port", "no_neighbour", "dropped_busy", "send_failed", "icmp_no_way"):
            self.assertEqual(c[name], 0, name)
        return c

    def test_each_packet_goes_where_the_kernel_sends_it_while_routes_flap(self):
        b = self.make_bed()
        b.configure(self.routes.lines)
        kinds = self.compare_at_rest(b, "no rules")
        for kind in ("out", "nothing", "icmp4 3/0", "icmp4 3/1", "icmp4 3/4", "icmp4 3/13", "icmp4 11/0", "icmp6 1/0",
                     "icmp6 1/1", "icmp6 2/0", "icmp6 3/0"):
            self.assertIn(kind, kinds)
        self.assertGreater(self.check_counters(b)["fast"], PACKETS // 3)
        flaps = [Flap(n, self.rng) for n in range(20)]
        b.configure([flap.start() for flap in flaps])
        rest = self.outcomes(b, flaps)
        self.check_flaps(b, flaps, rest, "flaps without rules")
        b.configure(self.routes.rules())
        after = [self.plain(flap) for flap in flaps]
        self.compare_at_rest(b, "rules", after)
        flaps = [Flap(n, self.rng, "102") for n in range(20)]
        b.configure([flap.start() for flap in flaps])
        rest = self.outcomes(b, flaps)
        self.check_flaps(b, flaps, rest, "flaps with rules")
        b.restart_writer()
        self.compare_at_rest(b, "a new writer", [self.plain(flap) for flap in flaps])
        self.check_counters(b)
        code, last = b.end_dataplane()
        self.assertEqual(code, 0)
        harness.says(f"{last['received']} packets went where the kernel sent them: {last['fast']} by bulk lookups, "
                     f"{last['asked']} by the whole FIB")

    # ---- what matches no route ---------------------------------------------------------------------------

    def one(self, b, **fixed):
        """Sends one packet; what came of it in the dataplane."""
        p = self.questions.packet(**{"ttl": 64, "tos": 0, "proto": "udp", "sport": 7, "dport": 9999, "size": 60,
                                     "port": 0, "family": 4, **fixed})
        b.send(p)
        deadline = time.monotonic() + 0.4 * harness.SLOW
        while not b.seen(bed.NETVANE, p.number) and time.monotonic() < deadline:
            time.sleep(0.005)
        return bed.kind_of(b.seen(bed.NETVANE, p.number))

    def remove_handler(self, b):
        b.dataplane.send_signal(signal.SIGUSR2)
        time.sleep(0.2 * harness.SLOW)

    def test_the_first_handler_that_claims_a_flow_without_a_route_gets_it(self):
        b = self.make_bed("--fallback", "reject,192.0.2.0/25", "--fallback", "via,192.0.2.0/24,10.0.2.3",
                          "--fallback", "reject,192.0.0.0/16", "--fallback", "via,3fff::/64,2001:db8:0:3::4",
                          "--fallback", "sink,198.51.100.0/24,3", "--unclaimed-ms", 10000 * harness.SLOW)
        b.settle()
        via4, via6 = (("out", port, bed.mac_text(bed.hop_mac(port, host))) for port, host in ((2, 3), (3, 4)))
        prohibited = ("icmp", 3, 13)
        self.assertEqual(self.one(b, dst="192.0.2.1"), prohibited)
        self.assertEqual(self.one(b, dst="192.0.2.200"), via4)
        self.assertEqual(self.one(b, dst="192.0.3.1"), prohibited)
        self.assertEqual(self.one(b, family=6, dst="3fff::5"), via6)
        self.assertEqual(self.one(b, dst="203.0.113.5"), ("nothing",))
        c = b.counters()
        self.assertEqual((c["flows"], c["flows_in_flight"], c["flows_claimed"], c["flows_rejected"], c["unclaimed"]),
                         (5, 2, 2, 2, 1))
        # Once asked, its packets go straight to who claimed it: the flow stays one.
        source = "10.50.9.9"
        for _ in range(5):
            self.assertEqual(self.one(b, src=source, dst="192.0.2.201"), via4)
        self.assertEqual(b.counters()["flows_claimed"], 3)
        # A handler that is finished with a flow is asked about it again.
        for _ in range(4):
            self.assertEqual(self.one(b, src=source, dst="198.51.100.1"), ("nothing",))
        c = b.counters()
        self.assertEqual((c["handed"], c["flows_finished"], c["flows_claimed"]), (4, 1, 5))
        # Removed: the next one in order is asked, and gets even the flow that the first had.
        self.remove_handler(b)
        self.assertEqual(b.counters()["flows_released"], 1)
        self.assertEqual(self.one(b, dst="192.0.2.1"), via4)
        harness.says("handlers are asked in order, the first claim wins and stays, a removed handler's flows go to the next")
        # Without any the observer is gone, and the packet is treated as the kernel does.
        for _ in range(4):
            self.remove_handler(b)
        c = b.counters()
        self.assertEqual((c["observer_starts"], c["observer_stops"], c["flows"], c["flows_in_flight"]), (1, 1, 0, 0))
        self.assertEqual(self.one(b, dst="192.0.2.1"), ("icmp", 3, 0))
        self.check_counters(b)
        harness.says("without a handler nothing observes unmatched flows")

    def test_unmatched_flows_are_bounded_in_number_in_flight_and_in_idle_time(self):
        b = self.make_bed("--fallback", "via,192.0.2.0/24,10.0.2.3", "--fallback", "reject,203.0.113.0/24",
                          "--flows", 12, "--in-flight", 4, "--idle-ms", 1500 * harness.SLOW, "--unclaimed-ms", 1)
        b.settle()
        kinds = [self.one(b, src="10.50.1.1", sport=n, dst="192.0.2.1")[0] for n in range(1, 7)]
        self.assertEqual(kinds, ["out"] * 4 + ["nothing"] * 2)
        c = b.counters()
        self.assertEqual((c["flows"], c["flows_in_flight"], c["flows_in_flight_limit"], c["flow_limit"]), (4, 4, 2, 2))
        time.sleep(1.8 * harness.SLOW)
        c = b.counters()
        self.assertEqual((c["flows"], c["flows_in_flight"], c["flows_idle"]), (0, 0, 4))
        for n in range(1, 21):
            self.one(b, src="10.50.1.1", sport=n, dst="203.0.113.1") if n <= 12 else b.send(self.questions.packet(
                family=4, port=0, src="10.50.1.1", sport=n, dst="203.0.113.1", proto="udp", ttl=64))
        time.sleep(0.2 * harness.SLOW)
        c = b.counters()
        self.assertEqual((c["flows"], c["flows_rejected"], c["flows_distinct_limit"], c["flow_limit"]), (12, 12, 8, 10))
        self.check_counters(b)
        harness.says("distinct flows, flows in flight and idle time have limits, and a counter at each")

    def test_a_next_hop_that_is_not_known_is_found_by_the_kernel_through_the_port(self):
        b = self.make_bed()
        mac = bytes((2, 0xbb, 0, 0, 0, 1))
        b.answers_arp["10.0.1.77"] = mac
        b.configure(["route add 192.0.2.0/24 via 10.0.1.77"])
        b.settle()
        deadline = time.monotonic() + 10 * harness.SLOW
        while self.one(b, dst="192.0.2.1") != ("out", 1, bed.mac_text(mac)):
            self.assertLess(time.monotonic(), deadline, "the next hop was never found")
        c = b.counters()
        self.assertGreater(c["neighbours_asked"], 0)
        self.assertGreater(c["no_neighbour"], 0)
        self.assertGreater(c["from_host"], 0)
        harness.says("the kernel found a next hop through the port, and the dataplane learned of it")


if __name__ == "__main__":
    bed.require()
    unittest.main(verbosity=0)
