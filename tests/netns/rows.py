# SPDX-License-Identifier: MIT
"""One change, alone: what the kernel told of it, what it changed without a word, and whether the State followed.

A Monitor hears every event on every group, as a mirror that believes events would. A Row is a test with a
namespace and a writer that never reconciles; prove() makes the change, asks netvane 50 ms later, and compares
with ip. Where the kernel itself still moved meanwhile that proves nothing, and both are asked again.
"""

import contextlib
import ctypes
import ipaddress
import os
import select
import socket
import struct
import subprocess
import time

import harness
from harness import ABSENT, INFO_DATA

LIMIT_MS = 50 * harness.SLOW
SOL_NETLINK, ADD_MEMBERSHIP, GROUPS = 270, 1, 36
CLONE_NEWNET = 0x40000000
TABLES = {253: "default", 254: "main", 255: "local"}
CLONED = 0x200


@contextlib.contextmanager
def inside(ns):
    """This process in the namespace, to open a socket there."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(fd):
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    with open("/proc/self/ns/net", "rb") as home, open(f"/proc/{ns.pid}/ns/net", "rb") as there:
        enter(there.fileno())
        try:
            yield
        finally:
            enter(home.fileno())


# ---- what the kernel tells ---------------------------------------------------------------------------------


def _attributes(data):
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("HH", data, at)
        if length < 4:
            break
        found[kind & 0x3fff] = data[at + 4:at + length]
        at += (length + 3) & ~3
    return found


def _prefix(family, address, length):
    if not length:
        return "default"
    size = 4 if family == socket.AF_INET else 16
    text = socket.inet_ntop(family, address or bytes(size))
    return text if length == size * 8 else f"{text}/{length}"


def _route(body):
    family, length, _, _, table, _, _, _, flags = struct.unpack_from("BBBBBBBBI", body)
    if family not in (socket.AF_INET, socket.AF_INET6) or flags & CLONED:
        return None
    found = _attributes(body[12:])
    table = struct.unpack("I", found[15])[0] if 15 in found else table
    return ("route4" if family == socket.AF_INET else "route6", str(TABLES.get(table, table)),
            _prefix(family, found.get(1), length))


def _address(body):
    family, _, _, _, ifindex = struct.unpack_from("BBBBI", body)
    found = _attributes(body[8:])
    return "addr", ifindex, socket.inet_ntop(family, found.get(2) or found[1])


def _link(body):
    family, _, ifindex = struct.unpack_from("BxHi", body)
    return ("link", ifindex) if family == socket.AF_UNSPEC else None


def _rule(body):
    found = _attributes(body[12:])
    return "rule4" if body[0] == socket.AF_INET else "rule6", struct.unpack("I", found.get(6, bytes(4)))[0]


def _nexthop(body):
    return "nexthop", struct.unpack("I", _attributes(body[8:])[1])[0]


DECODERS = {16: _link, 17: _link, 20: _address, 21: _address, 24: _route, 25: _route, 32: _rule, 33: _rule,
            104: _nexthop, 105: _nexthop}


class Monitor:
    """Every event of a namespace from now on."""

    def __init__(self, ns):
        with inside(ns):
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.socket.bind((0, 0))
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        for group in range(1, GROUPS + 1):
            with contextlib.suppress(OSError):
                self.socket.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group)

    def messages(self):
        """(type, body) of each that has come, oldest first."""
        while select.select([self.socket], [], [], 0)[0]:
            data, at = self.socket.recv(1 << 20), 0
            while at + 16 <= len(data):
                length, kind = struct.unpack_from("IH", data, at)
                yield kind, data[at + 16:at + length]
                at += (length + 3) & ~3

    def told(self):
        """Keys of the objects that were told of; links by their index."""
        keys = set()
        for kind, body in self.messages():
            key = DECODERS[kind](body) if kind in DECODERS else None
            if key:
                keys.add(key)
        return keys

    def close(self):
        self.socket.close()


# ---- router advertisements --------------------------------------------------------------------------------------


class Router:
    """The other end of a veth, in a namespace of its own, from where router advertisements come."""

    PREFIX, ROUTE, MTU = 3, 24, 5

    def __init__(self, ns, link, peer):
        self.ns = harness.Namespace()
        ns.sysctl(f"ipv6/conf/{link}/accept_ra", 2)
        ns.sysctl(f"ipv6/conf/{link}/accept_ra_rt_info_max_plen", 64)
        ns.ip("link", "set", peer, "netns", self.ns.pid)
        self.ns.ip("link", "set", peer, "up")
        with inside(self.ns):
            self.socket = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
            self.to = "ff02::1", 0, 0, socket.if_nametoindex(peer)
        deadline = time.monotonic() + 5 * harness.SLOW
        while "fe80:" not in self.ns.ip("-6", "addr", "show", "dev", peer, "scope", "link", "-tentative").stdout:
            if time.monotonic() > deadline:
                raise RuntimeError("the router has no link-local address")
            time.sleep(0.01)

    def close(self):
        self.socket.close()
        self.ns.close()

    def advertise(self, hop_limit=64, lifetime=1800, prefix=None, route=None, mtu=0, preference=0):
        """prefix: (address, valid, preferred); route: (address, length, lifetime, preference).

        Preferences: 1 high, 0 medium, 3 low."""
        ra = struct.pack("!BBHBBHII", 134, 0, 0, hop_limit, preference << 3, lifetime, 0, 0)
        if prefix:
            ra += struct.pack("!BBBBIII", self.PREFIX, 4, 64, 0xc0, prefix[1], prefix[2], 0)
            ra += socket.inet_pton(socket.AF_INET6, prefix[0])
        if route:
            ra += struct.pack("!BBBBI", self.ROUTE, 2, route[1], route[3] << 3, route[2])
            ra += socket.inet_pton(socket.AF_INET6, route[0])[:8]
        if mtu:
            ra += struct.pack("!BBHI", self.MTU, 1, 0, mtu)
        self.socket.sendto(ra, self.to)
        time.sleep(0.005)  # the kernel takes it on another processor


# ---- what the kernel holds ----------------------------------------------------------------------------------


def _answers(command, prefix):
    """All questions by one process, so that the answers are of one time."""
    script = "\n".join(f"{prefix} {' '.join(words)}; echo; echo =" for _, words in harness.QUESTIONS)
    out = subprocess.run([*command, "sh", "-c", script], capture_output=True, text=True, check=True,
                         timeout=60 * harness.SLOW).stdout
    return [harness.loads(part) if part.strip() else [] for part in out.split("\n=\n")[:len(harness.QUESTIONS)]]


def kernel(ns):
    return _answers(ns.inside(), "ip -j -d")


def state(ns):
    return _answers([], f"{os.path.join(harness.BIN, 'netvane')} --dir {ns.dir} -j")


def _known(obj):
    """What of an object the State holds: no counters, timers and the like."""
    if isinstance(obj, list):
        return [_known(item) for item in obj]
    if not isinstance(obj, dict):
        return obj
    kind = obj.get("info_kind")
    obj = {key: value for key, value in obj.items() if key not in ABSENT}
    if "info_data" in obj:
        obj["info_data"] = {k: v for k, v in obj["info_data"].items() if k in INFO_DATA.get(kind, ())}
    return {key: _known(value) for key, value in obj.items()}


def _keyed(answers):
    """Everything by the keys that Monitor gives, with names in place of indexes."""
    found = {}
    for (kind, words), objects in zip(harness.QUESTIONS, _known(answers)):
        for obj in objects:
            if kind == "link" and obj:
                found.setdefault(("link", obj["ifname"]), []).append(obj)
            elif kind == "addr" and obj:
                for info in obj["addr_info"]:
                    found.setdefault(("addr", obj["ifname"], info["local"]), []).append(info)
            elif kind == "route":
                six = ":" in obj["dst"] or "pref" in obj
                key = ("route6" if six else "route4", obj.get("table", "main"), obj["dst"])
                found.setdefault(key, []).append(obj)
            elif kind == "rule":
                found.setdefault((f"rule{words[0][1]}", obj["priority"]), []).append(obj)
            elif kind == "nexthop":
                found.setdefault(("nexthop", obj["id"]), []).append(obj)
    return found


def changed(before, after):
    """Keys of what is not the same in both; lifetimes may have run on."""
    old, new = _keyed(before), _keyed(after)
    return {key for key in old.keys() | new.keys()
            if harness.differences(old.get(key, []), new.get(key, [])) or
            harness.differences(new.get(key, []), old.get(key, []))}


def named(told, *answers):
    """What Monitor heard, with the names that links have or had."""
    names = {obj["ifindex"]: obj["ifname"] for dump in answers for obj in dump[0]}
    return {(key[0], names.get(key[1]), *key[2:]) if key[0] in ("link", "addr") else key for key in told}


# ---- rows ------------------------------------------------------------------------------------------------------


def route4(*prefixes, table="main"):
    return {("route4", table, prefix) for prefix in prefixes}


def route6(*prefixes, table="main"):
    return {("route6", table, str(ipaddress.ip_network(p)) if "/" in p else p) for p in prefixes}


class Row(harness.NetnsTest):
    """A writer that never reconciles in a small world: v0 and v1 are a veth, w0 and w1 another one."""

    WORLD = ("link add v0 type veth peer name v1", "link add w0 type veth peer name w1",
             "link set v0 up", "link set v1 up", "link set w0 up", "link set w1 up")

    def world(self, *lines, writer=True):
        self.ns.ip_batch([*self.WORLD, *lines])
        if writer:
            self.start()

    def start(self):
        self.writer = self.ns.start_writer("--reconcile", "0")
        self.rest()

    def rest(self):
        """Until the kernel moves no more and the State equals it."""
        before, deadline = kernel(self.ns), time.monotonic() + 10 * harness.SLOW
        while True:
            time.sleep(0.06)
            after = kernel(self.ns)
            wrong = harness.compare_answers(state(self.ns), after)
            if not wrong and not changed(before, after):
                return after
            self.assertLess(time.monotonic(), deadline, f"not even at rest: {wrong}\n{self.ns.writer_log()}")
            before = after

    def change(self, change):
        if callable(change):
            change()
        else:
            self.ns.ip_batch([change] if isinstance(change, str) else change)

    def compare(self, since):
        """What is wrong LIMIT_MS after `since`, what the kernel holds, and when that was asked.

        A machine with more to do than processors may be late: then it is asked again, and said.
        """
        attempt = late = 0
        while True:
            before = kernel(self.ns)
            time.sleep(max(0, since + LIMIT_MS / 1000 - time.monotonic()))
            begin = (time.monotonic() - since) * 1000
            ours = state(self.ns)
            end = (time.monotonic() - since) * 1000
            after = kernel(self.ns)
            wrong = harness.compare_answers(ours, after)
            if wrong and changed(before, after) and attempt < 30:
                attempt += 1
                since = time.monotonic()
            elif wrong and os.getloadavg()[0] > os.cpu_count() and late < 3:
                late += 1
                time.sleep(LIMIT_MS / 1000)
            else:
                break
        moved = f", after the kernel had moved {attempt} times by itself" if attempt else ""
        moved += f", late, under a load of {os.getloadavg()[0]}" if late else ""
        return wrong, after, f"asked from {begin:.0f} to {end:.0f} ms after it{moved}"

    def prove(self, row, change, silent=(), told=()):
        """Makes the change. `silent` are the keys of what must change without an event, `told` with one."""
        before, monitor = self.rest(), Monitor(self.ns)
        self.addCleanup(monitor.close)
        boottime = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.change(change)
        since = time.monotonic()
        wrong, after, asked = self.compare(since)
        age = self.ns.netvane_json("stat")["published_age_ns"] / 1e9
        published = time.clock_gettime(time.CLOCK_BOOTTIME) - age - boottime
        if wrong:
            more = f"\n... and {len(wrong) - 20} more" if len(wrong) > 20 else ""
            self.fail(f"{row}: {len(wrong)} differences from ip; {asked}:\n" + "\n".join(wrong[:20]) + more +
                      f"\nevents: {_text(monitor.told())}\nwriter:\n" + self.ns.writer_log())
        events = named(monitor.told(), before, after)
        moved = changed(before, after)
        for key in (*silent, *told):
            self.assertIn(key, moved, f"{row}: the kernel did not change it, so that this proves nothing")
        said = [key for key in silent if key in events]
        quiet = [key for key in told if key not in events]
        came = f"came within {published * 1000:.0f} ms of the change" if published > 0 else "is older than the change"
        harness.says(f"{row}: exact; {asked}; the newest version {came}" +
                     (f"; without an event changed {_text(key for key in silent if key not in events)}"
                      if len(said) < len(tuple(silent)) else "") +
                     (f"; this kernel told of {_text(said)}" if said else "") +
                     (f"; this kernel told nothing of {_text(quiet)}" if quiet else ""))
        return moved - events


def _text(keys):
    return ", ".join(" ".join(str(word) for word in key) for key in sorted(keys, key=str))
