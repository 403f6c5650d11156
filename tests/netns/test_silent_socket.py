# SPDX-License-Identifier: MIT
"""What the netlink socket itself leaves out: re-reads that come too early, dumps that lack what never went away."""

import os
import random
import signal
import threading
import time

import harness
from rows import Row, route4, route6


class Churn(threading.Thread):
    """Runs batches until it is stopped."""

    def __init__(self, ns, batches):
        super().__init__(daemon=True)
        self.ns, self.batches, self.ends, self.rounds = ns, batches, threading.Event(), 0

    def run(self):
        while not self.ends.is_set():
            self.ns.ip_batch(self.batches)
            self.rounds += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.join()


class Socket(Row):
    def test_a_re_read_waits_until_a_link_that_goes_down_is_flushed(self):
        """A tun that nobody holds: no later event of its carrier makes up for a re-read that came too early."""
        routes = 20000
        self.world("tuntap add dev t0 mode tun", "link set t0 up", "addr add 10.0.0.1/16 dev t0",
                   "addr add 10.9.0.1/24 dev w0", "route add 11.0.0.0/8 via 10.0.0.2",
                   *(f"route add 12.{n >> 8}.{n & 255}.0/24 nexthop via 10.0.{n >> 8}.{n & 255} nexthop via 10.9.0.2"
                     for n in range(2, routes)))
        self.prove(f"link down with {routes} multipath routes, no two of the same ways", "link set t0 down",
                   silent=route4("11.0.0.0/8", "12.0.2.0/24", "12.78.31.0/24"))

    def test_a_re_read_waits_until_a_preferred_source_is_taken_from_all_routes(self):
        routes = 10000
        self.world("-6 addr add 2001:db8::1/64 dev v0 nodad", "-6 addr add 2001:db8:9::1/64 dev w0",
                   *(f"-6 route add 2001:db8:{n:x}::/48 via 2001:db8:9::2 src 2001:db8::1 table 100"
                     for n in range(10, routes)))
        self.prove(f"an IPv6 preferred source of {routes} routes deleted", "-6 addr del 2001:db8::1/64 dev v0",
                   silent=route6("2001:db8:a::/48", "2001:db8:270f::/48", table="100"))

    def test_a_writer_that_starts_while_everything_changes_misses_nothing(self):
        seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 30)))
        print(f"SEED={seed}", flush=True)
        rng = random.Random(seed)
        self.world("addr add 10.0.0.1/24 dev v0", "-6 addr add 2001:db8::1/64 dev v0", writer=False)
        lines = [rng.choice((f"route replace 10.1.{n}.0/24 via 10.0.0.{rng.randint(2, 99)}",
                             f"nexthop replace id {n % 20 + 1} via 10.0.0.{rng.randint(2, 99)} dev v0",
                             f"link set w0 mtu {rng.randint(1300, 1500)}",
                             f"addr replace 10.9.{n}.1/24 dev w0")) for n in range(200)]
        lines += [rng.choice((f"-6 route replace 2001:db8:{n:x}::/48 via 2001:db8::{rng.randint(2, 99)}",
                              f"-6 addr replace 2001:db8:9::{n:x}/64 dev w0")) for n in range(1, 100)]
        with Churn(self.ns, lines) as churn:
            for start in range(6):
                writer = self.ns.start_writer("--reconcile", "0")
                time.sleep(rng.random() * 0.2)
                if start < 5:
                    writer.terminate()
                    writer.wait()
        self.rest()
        harness.says(f"6 starts during {churn.rounds} rounds of {len(lines)} changes: at rest the State equals ip's")

    def test_what_does_not_change_is_never_missing_while_others_do(self):
        """IPv6 route dumps miss entries, and rule dumps repeat and miss them, while others come and go."""
        self.world("-6 addr add 2001:db8::1/64 dev v0", writer=False)
        self.ns.ip_batch([f"-6 route add 2001:db8:aaaa:{n:x}::/64 via 2001:db8::2" for n in range(400)] +
                         [f"-6 rule add pref {1000 + n} fwmark {n + 1} lookup 1000" for n in range(100)])
        self.start()
        log = self.ns.start_netvane("watch", "routes", "rules")
        churn = [f"-6 route add 2001:db8:bbbb:{n:x}::/64 via 2001:db8::3" for n in range(400)]
        churn += [f"-6 rule add pref {500 + n} fwmark {n + 1000} lookup 2000" for n in range(100)]
        churn += [line.replace(" add ", " del ") for line in churn]
        with Churn(self.ns, churn) as running:
            end = time.monotonic() + 6
            while time.monotonic() < end:
                time.sleep(0.15 * harness.SLOW)
                os.kill(self.writer.pid, signal.SIGHUP)
        self.rest()
        log.send_signal(signal.SIGINT)
        lines = log.communicate()[0].splitlines()
        lost = [line for line in lines if line.split()[1] == "-" and
                ("2001:db8:aaaa:" in line or line.endswith("lookup 1000"))]
        self.assertEqual(lost, [], f"{len(lost)} removals of what never changed")
        for text in ("2001:db8:bbbb:", "lookup 2000"):
            self.assertTrue(any(text in line for line in lines), f"nothing of {text} was seen: it proves nothing")
        counters = self.ns.netvane_json("stat")["counters"]
        self.assertGreater(counters["resyncs"], 5)
        self.assertGreater(counters["dumps_disturbed"], 5)
        harness.says(f"{counters['resyncs']} full re-reads during {running.rounds} rounds of {len(churn)} changes, "
                     f"{counters['dumps_disturbed']} disturbed dumps: of 400 IPv6 routes and 100 rules that did not "
                     "change none was ever missing")


if __name__ == "__main__":
    harness.main()
