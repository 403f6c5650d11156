# SPDX-License-Identifier: MIT
"""Random operations on a namespace's network, and the proof that a writer's State equals the kernel's at rest.

Owns what plays operations (Player), the comparison at rest (Trial) and the search for fewer that fail; the operations
are operations.py's. A seed determines them and the pauses, not the kernel's own timing. A failure prints what a replay
needs; by hand:

    python3 tests/netns/differential.py --seed 7 --ops 10000 --mode events    one run; NETVANE_BIN as in the tests
    python3 tests/netns/differential.py --seed 1 --seeds 20 --ops 10000       many
    python3 tests/netns/differential.py --seed 7 --ops 10000 --shrink 120     and look for fewer operations that fail

Modes: events (no reconcile: events and re-reads alone are right), reconcile (a reconcile every 0.2 s has nothing to
repair), loss (the writer is stopped now and then for longer than its socket's buffer lasts), faults (netvaned_faulty,
and now and then one of FAULTS), silent (changes that no event announces too; SIGHUP before each comparison).
"""

import argparse
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import faults
import harness
from operations import Op, World

MODES = ("events", "reconcile", "loss", "faults", "silent")
# Those that nobody has to wait long for: a second for a socket that is found to be deaf.
FAULTS = [name for name in faults.NAMES if name not in ("event_silent", "dump_silent", "dump_hold")]
FAULTS_PATIENCE_S = 8
LARGE = 20000  # link events that no buffer of 16 MiB holds


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
        self.processes = (("OURS", str(ns.pid)), ("OTHER", str(far.pid)))
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
                channel.play([self._line(op) for op in group], lambda n: "nonsense")

    def _line(self, op):
        line = op.line
        for name, pid in self.processes:
            line = line.replace(name, pid)
        return line

    def told(self):
        refused, deaths = (sum(getattr(c, name) for c in self.channels.values()) for name in ("refused", "deaths"))
        return f"{refused} refused" + (f", ip ended {deaths} times" if deaths else "")


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
    return [harness.loads(line) for line in text.splitlines() if line.strip()]


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
        started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    text=True)
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
        return [harness.loads(text) for text in self._run_all([([*base, *w], "") for w in words])]


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
        self.world = World(self.rng, silent=self.mode == "silent")
        self.faults = faults.Faults(self.ns) if self.mode == "faults" else None
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
        if self.faults and self.rng.random() < 0.2:
            self.faults.arm(self.rng.choice(FAULTS), self.rng.choice((1, 1, 3)))
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
            for part in (burst[:half], flap, burst[half:]):  # where ip ends, the lines behind are lost: not the flap
                self.player.play(part)
        finally:
            for writer in self.writers:
                os.kill(writer.pid, signal.SIGCONT)

    # ---- at rest ---------------------------------------------------------------------------------------------

    def check(self):
        self.checks += 1
        if self.faults:
            for name in FAULTS:  # at rest nothing goes wrong any more
                self.faults.arm(name, 0)
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
                    said = (done.stdout + done.stderr).splitlines()
                    self._fail(name, [f"netvane check: exit {done.returncode}", *said])

    def _compare(self, name):
        """The kernel is at rest when two of its answers in a row are equal; a writer is asked between them."""
        begin = time.monotonic()
        # What a lifetime was when its event was queued is not what it is when a writer that stood still reads it.
        slack_s = harness.LIFETIME_SLACK_S + (8 if self.mode == "loss" else 0)
        patience_s = FAULTS_PATIENCE_S if self.faults else self.o.patience
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
                if asked - wrong_since > patience_s * harness.SLOW:
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
        # Each loss needs one, and nothing else does.
        if not self.faults and self.mode != "silent" and counters["resyncs"] > counters["overruns"]:
            bad["resyncs"] = counters["resyncs"]
        if self.stops and not counters["overruns"] and not self.o.netvaned:
            bad["overruns"] = 0
        if bad and not self.faults and self.mode != "silent":
            self._fail(name, [f"counters: {bad}"])

    def _fail(self, name, wrong):
        last = "\n".join(map(str, self.history[-self.o.show:]))
        where = f"SEED={self.seed} MODE={self.mode} operation {self.world.number}, writer {name}"
        raise Difference(f"{where}: {len(wrong)} differences\n" + "\n".join(wrong[:20]) +
                         f"\nthe last operations:\n{last}\nwriter:\n{self.ns.writer_log()[-self.o.log_bytes:]}")

    def summary(self):
        counters = self.counters(self.names[0])
        told = ", ".join(f"{key} {counters.get(key)}" for key in
                         ("publishes", "rereads", "dumps", "dumps_disturbed", "reconciles", "overruns", "resyncs"))
        return (f"seed {self.seed} mode {self.mode}: {self.world.number} operations ({self.player.told()}), "
                f"{self.checks} comparisons, slowest after {self.slowest * 1000:.0f} ms; {told}{self._told_faults()}")

    def _told_faults(self):
        if not self.faults:
            return ""
        happened = {name: self.faults.injected(name) for name in FAULTS}
        return f"; {sum(map(bool, happened.values()))} kinds of faults, {sum(happened.values())} in all"


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
            trial.player.play(ops[i:i + 50])
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
                fewer, told = shrink(options, seed, options.mode, difference.history, options.shrink)
                print(f"{len(fewer)} operations are enough:\n" + "\n".join(map(str, fewer)) + f"\n{told}", flush=True)
    print(f"{options.seeds - failed} of {options.seeds} runs without a difference")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
