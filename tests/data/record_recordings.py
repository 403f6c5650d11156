#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the recordings that tests/netns/test_recordings.py replays.

Each scenario gets a fresh namespace and a netvaned --record in it. At its end the State must equal ip's answers; then
the file is kept as recordings/<name>.pcap, and what netvane showed as recordings/<name>.json. recordings/README gets one
paragraph for each. Recordings are in the host's byte order (little-endian); the test skips them on others.

    sudo NETVANE_BIN=build/dev/bin tests/data/record_recordings.py [name ...]     (root; iproute2)
"""

import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "recordings")
sys.path.insert(0, os.path.join(HERE, "..", "netns"))

import harness  # noqa: E402
from test_mirror_equals_ip import Changer  # noqa: E402
from test_recordings import shown  # noqa: E402

CHANGES = 15
SMALL_BUFFER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>
int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    int small = 32768;
    int (*next)(int, int, int, const void *, socklen_t) =
        (int (*)(int, int, int, const void *, socklen_t))dlsym(RTLD_NEXT, "setsockopt");
    if (level == SOL_SOCKET && (name == SO_RCVBUF || name == SO_RCVBUFFORCE))
        value = &small;
    return next(fd, level, name, value, len);
}
"""


def two_links(ns):
    ns.ip_batch(["link add v0 type veth peer name v1", "link set v0 up", "link set v1 up",
                 "addr add 192.0.2.1/24 dev v0", "addr add 2001:db8::1/64 dev v0 nodad"])


def silent_losses_before(ns):
    two_links(ns)
    ns.ip_batch([f"route add 10.{n}.0.0/16 via 192.0.2.{n + 2} metric {n}" for n in range(12)] +
                ["route add default via 192.0.2.254", "-6 route add default via 2001:db8::fe",
                 "nexthop add id 1 via 192.0.2.9 dev v0", "nexthop add id 2 blackhole",
                 "route add 10.99.0.0/16 nhid 1", "rule add pref 10 iif v0 table 50"])


def silent_losses(ns):
    for line in ("link set v0 down", "link set v0 up", "route add default via 192.0.2.253", "link set v1 down",
                 "addr del 192.0.2.1/24 dev v0"):
        ns.ip(*line.split())
        time.sleep(0.05)


def random_before(ns):
    ns.ip_batch(["link add a0 type veth peer name a1", "link set a0 up", "link set a1 up",
                 "addr add 10.0.0.1/24 dev a0", "addr add 10.2.0.1/24 dev a1", "addr add 2001:db8::1/64 dev a0",
                 "nexthop add id 1 via 10.0.0.9 dev a0", "nexthop add id 30 group 1",
                 "nexthop add id 11 via 2001:db8::9 dev a0"])


def random_changes(ns):
    changer = Changer(ns, random.Random(3))
    changer.names = ["a0", "a1"]
    done = 0
    while done < CHANGES:
        done += changer.change()


def overrun(ns):
    writer = ns.processes[-1]
    os.kill(writer.pid, signal.SIGSTOP)
    ns.ip_batch([f"route add 10.{n >> 8}.{n & 255}.0/24 via 192.0.2.{n % 200 + 2}" for n in range(200)] +
                [f"route del 10.0.{n}.0/24" for n in range(100)])
    os.kill(writer.pid, signal.SIGCONT)
    time.sleep(1)
    if ns.netvane_json("stat")["counters"]["overruns"] != 1:
        raise AssertionError("it did not overrun")


def lifetimes(ns):
    ns.ip_batch(["addr add 192.0.2.7/24 dev v0 valid_lft 2 preferred_lft 1",
                 "addr add 2001:db8::7/64 dev v0 nodad valid_lft 2 preferred_lft 1",
                 "-6 route add 2001:db8:7::/48 via 2001:db8::fe expires 2"])
    time.sleep(4)
    ns.ip_batch(["addr add 2001:db8::8/64 dev v0 nodad valid_lft 9000 preferred_lft 800"])


def begun_anew(ns):
    """Changes that grow no table, until FILE has begun anew, and a few behind it."""
    file = os.path.join(ns.temp, "f.pcap")
    for n in range(2000):
        ns.ip_batch([f"route replace 10.{n % 7}.0.0/16 via 192.0.2.{n % 100 + 2}", f"link set v1 mtu {1400 + n % 90}"])
        if os.path.exists(file + ".old"):
            break
    time.sleep(3)
    ns.ip_batch(["route add 10.200.0.0/16 via 192.0.2.3", "rule add pref 20 fwmark 7 table 77"])


SCENARIOS = {
    "silent_losses": (silent_losses_before, silent_losses, (),
                      "A link that goes down and up, its carrier and an address that go: routes, nexthops and flags "
                      "change without an event, and the re-reads that repair it are in the recording."),
    "random_changes": (random_before, random_changes, (),
                       f"{CHANGES} changes of every kind behind each other, with re-reads that events disturb."),
    "overrun": (two_links, overrun, (),
                "300 route events while a writer with a small receive buffer stood still: its socket overran, and "
                "everything was read again."),
    "lifetimes": (two_links, lifetimes, (),
                  "Addresses and a route whose time ends."),
    "begun_anew": (two_links, begun_anew, ("--record-max", "256K"),
                   "FILE after it had become FILE.old once: it begins in the middle, and the full re-read follows."),
}


def small_buffer(ns):
    """A library that gives every socket a small receive buffer; needs a C compiler."""
    library = os.path.join(ns.temp, "small.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, "-xc", "-"], input=SMALL_BUFFER, text=True, check=True)
    return {"LD_PRELOAD": library}


def start_writer(ns, environment, *args):
    os.environ.update(environment)
    writer = ns.start_writer(*args)
    for key in environment:
        del os.environ[key]
    return writer


def record(name):
    before, during, args, _ = SCENARIOS[name]
    with harness.Namespace() as ns:
        file = os.path.join(ns.temp, "f.pcap")
        before(ns)
        environment = small_buffer(ns) if name == "overrun" else {}
        writer = start_writer(ns, environment, "--record", file, *args)
        time.sleep(0.2)
        during(ns)
        time.sleep(0.5)
        wrong = harness.compare_answers(harness.ask(ns.netvane_json), harness.ask(ns.ip_json))
        if wrong:
            raise AssertionError("\n".join(wrong))
        answers = shown(lambda *words: json.loads(ns.netvane("-j", *words, check=False).stdout))
        writer.send_signal(signal.SIGTERM)
        writer.wait(10)
        shutil.copyfile(file, os.path.join(FOLDER, f"{name}.pcap"))
    with open(os.path.join(FOLDER, f"{name}.json"), "w", encoding="utf-8") as out:
        out.write("{\n" + ",\n".join(f" {json.dumps(key)}: [\n" + ",\n".join("  " + json.dumps(obj) for obj in objects) +
                                     "\n ]" for key, objects in answers.items()) + "\n}\n")


def main():
    names = sys.argv[1:] or list(SCENARIOS)
    for name in names:
        record(name)
        print(name, os.path.getsize(os.path.join(FOLDER, f"{name}.pcap")), "bytes")
    if sys.argv[1:]:
        return
    kernel = platform.release().split("-")[0]
    ip = subprocess.run(["ip", "-V"], capture_output=True, text=True, check=True).stdout.strip()
    with open(os.path.join(FOLDER, "README"), "w", encoding="utf-8") as out:
        out.write(f"Recorded by ../record_recordings.py on Linux {kernel} with {ip}.\n"
                  "Each .pcap was written by netvaned --record; the .json beside it is what netvane showed at its end, when\n"
                  "that equalled ip's answers. ../../netns/test_recordings.py replays all of them; a bug report that came as\n"
                  "a recording belongs here, with what it should have shown.\n"
                  "A writer that re-reads other things than the one that recorded may find some of them unavailable, and differ\n"
                  "for that reason alone: then record anew.\n")
        for name, (*_, text) in SCENARIOS.items():
            out.write(f"\n{name}\n" + textwrap.fill(text, 110, initial_indent="    ", subsequent_indent="    ") + "\n")


if __name__ == "__main__":
    main()
