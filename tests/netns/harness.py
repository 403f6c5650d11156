# SPDX-License-Identifier: MIT
"""Network namespaces with a writer inside, and the comparison of netvane's answers with ip's.

Needs root, or unprivileged user namespaces; else prints SKIP and exits 77. NETVANE_BIN is the folder of
netvaned and netvane. Everything that a test makes (processes, namespaces, files) dies with it: namespaces
are held by a process that reads from a pipe of ours, the others get SIGKILL when we end.
"""

import atexit
import ctypes
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BIN = os.environ.get("NETVANE_BIN", "")
SLOW = 4 if os.environ.get("NETVANE_SANITIZE") else 1
PR_SET_PDEATHSIG = 1
FOREVER = 4294967295
LIFETIMES = {"valid_life_time", "preferred_life_time", "expires"}
LIFETIME_SLACK_S = 2

# What ip prints of an object although the State does not hold it.
ABSENT = {
    "promiscuity", "allmulti", "gso_max_size", "gso_max_segs", "tso_max_size", "tso_max_segs",
    "gro_max_size", "gso_ipv4_max_size", "gro_ipv4_max_size", "xdp", "stats", "stats64", "vfinfo_list",
    "phys_port_id", "phys_port_name", "phys_switch_id", "proto_down_reason", "info_slave_data",
    "unbalanced_time", "event", "max_ipv4_gso_size", "headroom", "tailroom", "netns-immutable",
    "num_vf", "ifa_proto", "protocol_addr", "operstate_index",
}
# Kinds whose info_data the State holds, and which keys of it.
INFO_DATA = {
    "vlan": {"protocol", "id", "flags"},
    "vrf": {"table"},
    "vxlan": {"id"},
    "macvlan": {"mode"},
    "macvtap": {"mode"},
}
# Keys that find an object's partner before the rest is compared.
IDENTITY = {
    "link": ("ifindex",),
    "addr": ("ifindex",),
    "route": ("dst", "table", "type", "metric", "tos"),
    "rule": ("priority",),
    "nexthop": ("id",),
}


def skip(reason):
    print(f"SKIP: {reason}", flush=True)
    sys.exit(77)


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def require():
    """Ends the test, or starts it anew in a user namespace, unless namespaces can be made."""
    for tool in ("ip", "unshare", "nsenter"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed")
    for name in ("netvaned", "netvane"):
        if not os.access(os.path.join(BIN, name), os.X_OK):
            skip(f"{name} is not in NETVANE_BIN ({BIN or 'unset'})")
    if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0:
        return
    if not os.environ.get("NETVANE_IN_USERNS"):
        user = ["unshare", "-Urnm"]
        if subprocess.run([*user, "true"], capture_output=True, check=False).returncode == 0:
            os.environ["NETVANE_IN_USERNS"] = "1"
            os.execvp(user[0], [*user, sys.executable, *sys.argv])
    skip("needs root or unprivileged user namespaces")


def _all_pairs(pairs):
    obj = {}
    for key, value in pairs:
        if key in obj:
            key = next(f"{key}#{n}" for n in itertools.count(2) if f"{key}#{n}" not in obj)
        obj[key] = value
    return obj


def loads(text):
    """As json.loads, but a key that comes again keeps its first value: ip names the destination of a route, and of the
    tunnel that encapsulates it, both "dst"."""
    return json.loads(text, object_pairs_hook=_all_pairs)


class Namespace:
    """A network namespace with a folder for regions."""

    def __init__(self):
        self.temp = tempfile.mkdtemp(prefix="netvane-test.")
        self.dir = os.path.join(self.temp, "run")
        os.mkdir(self.dir, 0o755)
        self.processes = []
        self.writer_program = os.path.join(BIN, "netvaned")
        self.writer_environment = {}
        ours = os.readlink("/proc/self/ns/net")
        self.holder = subprocess.Popen(["unshare", "-n", "cat"], stdin=subprocess.PIPE,
                                       stdout=subprocess.DEVNULL)
        self.pid = self.holder.pid
        deadline = time.monotonic() + 5
        while os.readlink(f"/proc/{self.pid}/ns/net") == ours:
            if time.monotonic() > deadline:
                raise RuntimeError("unshare did not make a namespace")
            time.sleep(0.001)
        atexit.register(self.close)
        # Addresses are usable at once; what the kernel does by itself stays out of the comparison.
        for key in ("all/accept_dad", "default/accept_dad", "default/router_solicitations"):
            self.sysctl(f"ipv6/conf/{key}", 0)
        self.ip("link", "set", "lo", "up")

    def close(self):
        atexit.unregister(self.close)
        for process in reversed(list(self.processes)):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            self.forget(process)
        self.holder.stdin.close()
        try:
            self.holder.wait(5)
        except subprocess.TimeoutExpired:
            self.holder.kill()
            self.holder.wait()
        shutil.rmtree(self.temp, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- commands ----------------------------------------------------------------------------------------

    def inside(self, *command):
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *map(str, command)]

    def run(self, *command, check=True, text_in=None):
        done = subprocess.run(self.inside(*command), input=text_in, capture_output=True, text=True,
                              check=False, timeout=60 * SLOW)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n"
                                 f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done

    def sysctl(self, key, value):
        self.run("sh", "-c", f"echo {value} >/proc/sys/net/{key}", check=False)

    def ip(self, *args, check=True):
        return self.run("ip", *args, check=check)

    def try_ip(self, line):
        """One command line; says whether the kernel took it."""
        return self.ip(*line.split(), check=False).returncode == 0

    def ip_batch(self, lines):
        """All must be taken. Lines that begin with -6 go to a batch of that family; the order is kept."""
        for six, group in itertools.groupby(lines, lambda line: line.startswith("-6 ")):
            words = ["-6"] if six else []
            text = "\n".join(line.removeprefix("-6 ") for line in group) + "\n"
            self.run("ip", *words, "-batch", "-", text_in=text)

    def ip_json(self, *args):
        out = self.ip("-j", "-d", *args).stdout
        return loads(out) if out.strip() else []

    def netvane_command(self, *args, name="default"):
        return self.inside(os.path.join(BIN, "netvane"), "--dir", self.dir, "--name", name, *args)

    def netvane(self, *args, check=True, name="default"):
        command = self.netvane_command(*args, name=name)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120 * SLOW)
        if check and done.returncode != 0:
            raise AssertionError(f"netvane {' '.join(map(str, args))}: exit {done.returncode}\n"
                                 f"{done.stdout[-4000:]}{done.stderr[-2000:]}")
        return done

    def netvane_json(self, *args):
        return loads(self.netvane("-j", *args).stdout)

    def start(self, *command, **more):
        """A process inside that ends with the namespace at the latest."""
        process = subprocess.Popen(self.inside(*command), preexec_fn=_die_with_parent, text=True,
                                   **{"stdin": subprocess.DEVNULL, **more})
        self.processes.append(process)
        return process

    def forget(self, process):
        """A process that has ended."""
        self.processes.remove(process)
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass  # what it has not read

    def start_netvane(self, *args, **more):
        return self.start(*self.netvane_command(*args)[2:],
                          **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more})

    # ---- the writer --------------------------------------------------------------------------------------

    def writer_command(self, *args, name="default", binary=None):
        return [binary or self.writer_program, "--dir", self.dir, "--name", name, *args]

    def start_writer(self, *args, name="default", binary=None):
        log = os.path.join(self.temp, "netvaned.log")
        with open(log, "a", encoding="utf-8") as out:
            writer = self.start(*self.writer_command(*args, name=name, binary=binary), stdout=out, stderr=out,
                                env={**os.environ, **self.writer_environment})
        done = self.netvane("wait", "ready", "--timeout", 20 * SLOW, check=False, name=name)
        if done.returncode != 0:
            raise AssertionError(f"the writer is not ready: {done.stderr}\n{self.writer_log()}")
        return writer

    def writer_log(self):
        try:
            with open(os.path.join(self.temp, "netvaned.log"), encoding="utf-8") as log:
                return log.read()[-4000:]
        except OSError:
            return ""

    def version(self):
        return self.netvane_json("stat")["version"]


# ---- comparison --------------------------------------------------------------------------------------------


def _join(path, key):
    return f"{path}.{key}" if path else str(key)


def differences(ours, theirs, path="", slack_s=LIFETIME_SLACK_S):
    """What of our object is not so in theirs, and what theirs has that ours should have."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = []
        kind = theirs.get("info_kind") if path.endswith("linkinfo") else None
        for key, value in ours.items():
            if key not in theirs:
                found.append(f"{_join(path, key)}: {value!r} is not in ip's")
            else:
                found += differences(value, theirs[key], _join(path, key), slack_s)
        for key in theirs:
            if key in ours or key in ABSENT or (key == "info_data" and kind not in INFO_DATA):
                continue
            if path.endswith("info_data"):
                continue
            found.append(f"{_join(path, key)}: ip has {theirs[key]!r}")
        common = [key for key in theirs if key in ours]
        if not found and common != list(ours):
            found.append(f"{path}: the order of keys is {list(ours)}, ip's {common}")
        return found
    if isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            return [f"{path}: {ours!r} instead of {theirs!r}"]
        return [d for i, (a, b) in enumerate(zip(ours, theirs)) for d in differences(a, b, f"{path}[{i}]", slack_s)]
    if path.rsplit(".", 1)[-1] in LIFETIMES and isinstance(ours, int) and isinstance(theirs, int):
        # The kernel shows what is over with any number below zero.
        if FOREVER not in (ours, theirs) and abs(max(ours, 0) - max(theirs, 0)) <= slack_s:
            return []
    return [] if ours == theirs and type(ours) is type(theirs) else [f"{path}: {ours!r} instead of {theirs!r}"]


def _in_known_order(objects):
    """IPv4 addresses have an order that matters; that of IPv6 addresses is no part of the State."""
    for obj in objects:
        info = obj.get("addr_info", [])
        six = sorted((a for a in info if a.get("family") == "inet6"), key=lambda a: (a["local"], a["prefixlen"]))
        if six:
            obj["addr_info"] = [a for a in info if a.get("family") != "inet6"] + six


def compare_lists(kind, ours, theirs, slack_s=LIFETIME_SLACK_S):
    """Each of our objects has one equal in theirs, and none of theirs is left. Returns what is wrong."""
    if kind == "addr":
        _in_known_order(ours)
        _in_known_order(theirs)
    identity = IDENTITY[kind]
    left = {}
    for obj in theirs:
        if obj:
            left.setdefault(tuple(str(obj.get(key)) for key in identity), []).append(obj)
    wrong = []
    for obj in ours:
        key = tuple(str(obj.get(k)) for k in identity)
        candidates = left.get(key, [])
        tried = [differences(obj, other, slack_s=slack_s) for other in candidates]
        match = next((i for i, diff in enumerate(tried) if not diff), None)
        if match is not None:
            candidates.pop(match)
        elif tried:
            wrong.append(f"{kind} {dict(zip(identity, key))}: " + "; ".join(min(tried, key=len)))
        else:
            wrong.append(f"{kind}: netvane has one more: {json.dumps(obj)}")
    for objs in left.values():
        wrong += [f"{kind}: netvane lacks {json.dumps(obj)}" for obj in objs
                  if not any(json.dumps(obj.get(identity[0])) in w for w in wrong)]
    return wrong


QUESTIONS = (
    ("link", ("link", "show")),
    ("addr", ("addr", "show")),
    ("route", ("route", "show", "table", "all")),
    ("rule", ("-4", "rule", "show")),
    ("rule", ("-6", "rule", "show")),
    ("nexthop", ("nexthop", "show")),
)


def ask(answer):
    return [answer(*words) for _, words in QUESTIONS]


def compare_answers(ours, theirs):
    wrong = []
    for (kind, _), a, b in zip(QUESTIONS, ours, theirs):
        wrong += compare_lists(kind, a, b)
    return wrong


def compare_all(ns, patience=2.0):
    """Compares every class with ip; differences may pass within patience seconds. Returns what is wrong."""
    deadline = time.monotonic() + patience * SLOW
    while True:
        wrong = compare_answers(ask(ns.netvane_json), ask(ns.ip_json))
        if not wrong or time.monotonic() > deadline:
            return wrong
        time.sleep(0.05)


class NetnsTest(unittest.TestCase):
    """A test with one namespace, self.ns."""

    def setUp(self):
        self.ns = Namespace()
        self.addCleanup(self.ns.close)

    def assert_equals_ip(self, what, patience=2.0):
        wrong = compare_all(self.ns, patience)
        if wrong:
            more = f"\n... and {len(wrong) - 20} more" if len(wrong) > 20 else ""
            self.fail(f"{what}: {len(wrong)} differences from ip:\n" + "\n".join(wrong[:20]) + more +
                      "\nwriter:\n" + self.ns.writer_log())


def says(text):
    print(f"proven: {text}", flush=True)


def main():
    require()
    unittest.main(verbosity=0)
