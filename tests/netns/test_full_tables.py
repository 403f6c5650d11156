# SPDX-License-Identifier: MIT
"""Full tables: bursts end exact, readers read on, and what is small and urgent does not wait for what is large.

FULL=1 has 1,000,000 IPv4 and 200,000 IPv6 routes, 5,000 links and 20,000 addresses, and takes minutes: run it by hand, from a
release build; else a tenth of that. IDLE_SECONDS=60 watches the idle writer for a minute.
"""

import json
import os
import select
import signal
import socket
import subprocess
import time
import unittest

import fill
import harness

FULL = os.environ.get("FULL", "") not in ("", "0")
SIZES = (1000000, 200000, 5000, 20000) if FULL else (100000, 20000, 500, 2000)
if harness.SLOW > 1:  # still more route events than a receive buffer holds
    SIZES = (30000, 6000, 500, 2000)
ROUTES4, ROUTES6, LINKS, ADDRS = SIZES
IDLE_SECONDS = float(os.environ.get("IDLE_SECONDS", "60" if FULL else "4"))
# Everything that waits for a whole table has as long as this.
PATIENCE = (300 if FULL else 20) * harness.SLOW
URGENT_MS = 50 * harness.SLOW
MIB = 1 << 20
RESYNCING = 1
# What the poller's log holds, see poller.c.
AT, VERSION, QUALITY, N_LINKS, N_ADDRS, N_RULES, N_ROUTES4, N_ROUTES6, GATEWAY4, GATEWAY6, UP, MTU, DEFAULTS4 = range(13)


def anonymous_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    raise AssertionError("no RssAnon")


def ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


class Poller:
    """A reader process that looks all the time; result() ends it."""

    def __init__(self, ns):
        program = os.path.join(harness.BIN, "..", "tests", "netns_poller")
        self.process = ns.start(program, ns.dir, "up0", min(ROUTES4, 1 << 20), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)

    def next_phase(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def said(self, patience):
        """What it says next, a piece of it; nothing after the patience."""
        pipe = self.process.stdout.fileno()
        return os.read(pipe, 65536).decode() if select.select([pipe], [], [], patience)[0] else ""

    def wait_quality(self, bit, cause):
        """Until it says that the quality changed, since the cause, to one with this bit."""
        while self.said(0):
            pass
        cause()
        text = ""
        while more := self.said(PATIENCE):
            text += more
            if any(int(line.split()[1]) & bit for line in text.splitlines()[:text.count("\n")]):
                return
        raise AssertionError("the quality does not change")

    def result(self):
        out, _ = self.process.communicate(timeout=30 * harness.SLOW)
        assert self.process.returncode == 0, f"the poller ended with {self.process.returncode}"
        return json.loads(out.splitlines()[-1])


def latency(phase):
    return (f"{phase['reads']} reads, p50 {phase['p50_ns'] / 1000:.1f} us, p99 {phase['p99_ns'] / 1000:.1f} us, "
            f"longest {phase['longest_ns'] / 1000:.0f} us, {phase['expired']} expired")


class FullTables(unittest.TestCase):
    """One namespace for all, as it takes a while to fill; each test leaves it full."""

    @classmethod
    def setUpClass(cls):
        cls.ns = ns = harness.Namespace()
        cls.addClassCleanup(ns.close)
        # No link-local addresses: what comes and goes is what the tests do.
        ns.ip_batch(["link add up0 type veth peer name up1", "link set up0 addrgenmode none",
                     "link set up1 addrgenmode none", "link set up0 up", "link set up1 up",
                     "addr add 10.99.0.1/24 dev up0"])
        with fill.inside(ns.pid):
            cls.ifindex = socket.if_nametoindex("up0")
        cls.routes4 = fill.prefixes(socket.AF_INET, ROUTES4)
        cls.routes6 = fill.prefixes(socket.AF_INET6, ROUTES6)
        start = time.monotonic()
        cls.fill(socket.AF_INET)
        # The bounds of memory are for these: a first load of the IPv4 routes.
        first = ns.start_writer("--reconcile", "0", name="first")
        cls.memory = (json.loads(ns.netvane("-j", "stat", name="first").stdout)["region_bytes"], anonymous_bytes(first.pid))
        first.terminate()
        first.wait()
        cls.fill(socket.AF_INET6)
        # Of all kinds these are gone soonest when the namespace ends.
        ns.ip_batch(["link add low0 type veth peer name low1"] +
                    [f"link add d{n} link low0 type macvlan" for n in range(LINKS - 5)])
        ns.ip_batch([f"addr add 172.{16 + (n >> 16)}.{n >> 8 & 255}.{n & 255}/32 dev d{n // 4 % (LINKS - 5)}"
                     for n in range(ADDRS)])
        filled = time.monotonic()
        # No reconcile, in any test here, heals what events and re-reads leave wrong.
        cls.writer = ns.start_writer("--reconcile", "0")
        harness.says(f"{ROUTES4} + {ROUTES6} routes, {LINKS} links, {ADDRS} addresses: filled in "
                     f"{filled - start:.1f} s, ready in {time.monotonic() - filled:.2f} s")

    @classmethod
    def fill(cls, family, flags=fill.NLM_F_CREATE | fill.NLM_F_EXCL, shift=0):
        routes = cls.routes4 if family == socket.AF_INET else cls.routes6
        with fill.inside(cls.ns.pid):
            fill.send(fill.route_messages(family, cls.ifindex, routes, flags, shift))

    def send(self, *messages):
        """Carries out requests; returns the times before and after."""
        with fill.inside(self.ns.pid):
            start = time.monotonic_ns()
            fill.send(messages)
            return start, time.monotonic_ns()

    def stat(self):
        return self.ns.netvane_json("stat")

    def counters(self):
        return self.stat()["counters"]

    def wait_for(self, what, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                self.fail(f"not within {PATIENCE} s: {what}\n{self.ns.writer_log()}")
            time.sleep(0.02)

    def assert_exact(self, what):
        """Once the writer has said its last word the State equals a fresh dump, the tables' sizes included."""
        version = None

        def at_rest():
            nonlocal version
            last, stat = version, self.stat()
            version = stat["version"]
            time.sleep(0.2)
            return version == last and "resyncing" not in stat["quality"]

        self.wait_for("the State comes to rest " + what, at_rest)
        done = self.ns.netvane("check", check=False)
        self.assertEqual(done.returncode, 0, f"{what}: {done.stdout[-2000:]}{done.stderr[-500:]}\n{self.ns.writer_log()}")
        objects = self.stat()["objects"]
        self.assertGreaterEqual(objects["routes4"], ROUTES4, what)
        self.assertGreaterEqual(objects["routes6"], ROUTES6, what)
        self.assertEqual(objects["links"], LINKS, what)
        self.assertGreaterEqual(objects["addrs"], ADDRS, what)

    def assert_reads(self, result):
        for phase in result["phases"]:
            self.assertGreater(phase["reads"], 100)
            self.assertEqual(phase["failed"], 0, result["phases"])

    # ---- bursts ------------------------------------------------------------------------------------------

    def burst(self, how, change):
        """Runs change while a reader polls, which must not notice; the State is exact afterwards."""
        before = self.counters()
        poller = Poller(self.ns)
        time.sleep(0.5)
        poller.next_phase()
        start = time.monotonic()
        change()
        sent = time.monotonic() - start
        self.assert_exact(how)
        exact = time.monotonic() - start
        result = poller.result()
        after = self.counters()
        gained = {key: after[key] - before[key] for key in ("events", "overruns", "resyncs", "publishes")}
        self.assert_reads(result)
        harness.says(f"{ROUTES4} changes {how} in {sent:.1f} s ended exact, {exact:.1f} s after they began; {gained}")
        harness.says(f"reads before: {latency(result['phases'][0])}")
        harness.says(f"reads meanwhile: {latency(result['phases'][1])}")
        return gained

    def test_a_burst_of_changes_from_one_ip_batch_ends_exact(self):
        path = os.path.join(self.ns.temp, "batch")
        with open(path, "w", encoding="ascii") as batch:
            batch.write("\n".join(fill.route_lines("replace", self.routes4, shift=5)) + "\n")

        def change():
            subprocess.run(self.ns.inside("ip", "-batch", path), check=True, timeout=PATIENCE)

        self.burst("by one ip -batch", change)

    def test_a_burst_as_fast_as_the_kernel_takes_it_ends_exact(self):
        self.burst("as fast as the kernel takes them",
                   lambda: self.fill(socket.AF_INET, fill.NLM_F_CREATE | fill.NLM_F_REPLACE, shift=9))

    def test_a_burst_that_overruns_ends_exact_after_one_resync(self):
        def change():
            os.kill(self.writer.pid, signal.SIGSTOP)
            self.fill(socket.AF_INET, fill.NLM_F_CREATE | fill.NLM_F_REPLACE, shift=13)
            os.kill(self.writer.pid, signal.SIGCONT)

        gained = self.burst("behind a stopped writer's back", change)
        self.assertEqual((gained["overruns"], gained["resyncs"]), (1, 1), gained)

    # ---- a link goes down ------------------------------------------------------------------------------------

    def test_a_link_that_goes_down_takes_the_defaults_along_in_one_version(self):
        self.send(fill.default_message(self.ifindex, 77))
        self.ns.ip_batch(["-6 route add default via fe80::78 dev up0"])
        self.wait_for("the defaults", lambda: all(
            self.ns.netvane(family, "default", check=False).returncode == 0 for family in ("-4", "-6")))
        poller = Poller(self.ns)
        time.sleep(0.2)
        start = time.monotonic_ns()
        self.ns.ip("link", "set", "up0", "down")
        done = time.monotonic_ns()
        self.wait_for("the routes are gone", lambda: self.stat()["objects"]["routes4"] < ADDRS * 2 + 100)
        time.sleep(0.1)
        result = poller.result()
        self.assert_reads(result)
        down = [entry for entry in result["log"] if entry[UP] == 0]
        self.assertTrue(down, "no State shows the link down")
        self.assertEqual(result["log"][0][GATEWAY4:UP + 1], [77, 0x78, 1], "the defaults were there before")
        self.assertEqual([entry for entry in down if entry[GATEWAY4:UP] != [-1, -1] or entry[DEFAULTS4]], [],
                         "a default through a link that is down")
        gone = next(entry for entry in down if entry[N_ROUTES4] < ADDRS * 2 + 100)
        harness.says(f"link down: ip took {(done - start) / 1e6:.0f} ms; seen without a default after "
                     f"{(down[0][AT] - start) / 1e6:.0f} ms, with {down[0][N_ROUTES4]} IPv4 routes; without its routes after "
                     f"{(gone[AT] - start) / 1e6:.0f} ms")
        done = self.ns.netvane("check", check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:])
        self.ns.ip("link", "set", "up0", "up")
        self.fill(socket.AF_INET)
        self.fill(socket.AF_INET6)
        self.assert_exact("after the link came back")

    # ---- a resync ----------------------------------------------------------------------------------------------

    def test_urgent_changes_show_at_once_while_the_tables_are_read_again(self):
        self.send(fill.default_message(self.ifindex, 50))
        self.assert_exact("before")
        resyncs = self.counters()["resyncs"]
        poller = Poller(self.ns)
        time.sleep(0.2)
        rules = self.stat()["objects"]["rules"]
        addrs = self.stat()["objects"]["addrs"]
        changes = {
            "a default route": (fill.default_message(self.ifindex, 51), lambda entry: entry[GATEWAY4] == 51),
            "a link's mtu": (fill.mtu_message(self.ifindex, 1400), lambda entry: entry[MTU] == 1400),
            "an address": (fill.address_message(self.ifindex, "10.98.0.1"), lambda entry: entry[N_ADDRS] == addrs + 1),
            "a rule": (fill.rule_message(1000, 100), lambda entry: entry[N_RULES] == rules + 1),
        }
        sent = {}
        for name, (message, _) in changes.items():  # each in a resync of its own: some keep the kernel busy for long
            poller.wait_quality(RESYNCING, lambda: os.kill(self.writer.pid, signal.SIGHUP))
            sent[name] = self.send(message)
            resyncs += 1
            self.wait_for("the resync", lambda: self.counters()["resyncs"] == resyncs)
        self.assert_exact("after the resyncs")
        result = poller.result()
        self.assert_reads(result)
        log = result["log"]
        late, inside = [], 0
        for name, (_, shows) in changes.items():
            before, changed = sent[name]
            last = next(entry for entry in reversed(log) if entry[AT] < before)
            ended = next(entry[AT] for entry in log if entry[AT] > before and not entry[QUALITY] & RESYNCING)
            if not last[QUALITY] & RESYNCING and not FULL:  # a tenth of the routes is read in a tenth of a second
                harness.says(f"{name}: the resync was over before the request was sent")
                continue
            self.assertTrue(last[QUALITY] & RESYNCING, f"{name}: not changed while the resync ran")
            inside += 1
            shown = next((entry for entry in log if entry[AT] > before and shows(entry)), None)
            self.assertIsNotNone(shown, name)
            ms = (shown[AT] - changed) / 1e6  # the kernel may have been busy until it took the request
            harness.says(f"{name}: the request took {(changed - before) / 1e6:.0f} ms, seen after {ms:.1f} ms more, "
                         f"{(ended - changed) / 1e6:.0f} ms before the resync's end")
            if ms > URGENT_MS:
                late.append(f"{name} after {ms:.0f} ms")
        self.send(fill.mtu_message(self.ifindex, 1500))
        self.ns.ip_batch(["rule del pref 1000", "addr del 10.98.0.1/32 dev up0", "route del default"])
        self.assert_exact("as before")
        self.assertEqual(late, [], f"at most {URGENT_MS} ms")
        self.assertGreater(inside, 0)

    # ---- memory --------------------------------------------------------------------------------------------------

    def test_memory_keeps_its_bounds(self):
        region, private = self.memory
        now = self.stat()["region_bytes"], anonymous_bytes(self.writer.pid)
        harness.says(f"{ROUTES4} IPv4 routes: region {region / MIB:.1f} MiB, private {private / MIB:.1f} MiB; everything, "
                     f"after what the tests did so far: {now[0] / MIB:.1f} and {now[1] / MIB:.1f} MiB")
        self.assertLessEqual(region, 96 * MIB)
        if not harness.SLOW > 1:  # sanitizers have a memory of their own
            self.assertLessEqual(private, 32 * MIB)
            self.assertLessEqual(now[1], 32 * MIB * 2)


class Idle(harness.NetnsTest):
    def test_an_idle_writer_uses_no_cpu_beyond_heartbeat_and_reconcile(self):
        self.ns.ip_batch(["link add v0 type veth peer name v1", "link set v0 up", "link set v1 up",
                          "addr add 10.0.0.1/24 dev v0", "route add default via 10.0.0.2"])
        time.sleep(2)  # what a new link makes the kernel say has been said
        writer = self.ns.start_writer()
        time.sleep(0.5)
        before, start = ticks(writer.pid), time.monotonic()
        time.sleep(IDLE_SECONDS)
        used, seconds = ticks(writer.pid) - before, time.monotonic() - start
        harness.says(f"{used} ticks of {1000 / os.sysconf('SC_CLK_TCK'):.0f} ms in {seconds:.0f} s")
        self.assertLessEqual(used, 2 * harness.SLOW)


if __name__ == "__main__":
    harness.main()
