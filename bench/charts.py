# SPDX-License-Identifier: MIT
"""Which charts the README shows, and which keys of the benches' JSON they are made of."""

import re

import svg


def against(figures, pattern):
    """[(number, value)] of the keys that match a pattern with one group, in the order of the number."""
    found = ((re.fullmatch(pattern, key), value) for key, value in figures.items())
    return sorted((float(m.group(1)), v) for m, v in found if m and isinstance(v, (int, float)))


def lines(figures, wanted):
    """{name: points}: wanted is {name: pattern}."""
    return {name: against(figures, pattern) for name, pattern in wanted.items()}


def quantiles(bench, wanted, most=99):
    """{name: [(value, percent)]}, up to a percent: the last one is whatever interrupted."""
    distributions = bench.get("distributions", {})
    return {name: [(value, percent) for percent, value in enumerate(distributions[key][:most + 1])]
            for name, key in wanted.items() if key in distributions}


def read(bench, machine):
    ways = {"netvane, default route": "default_get", "netvane, is there a change?": "poll",
            "netvane, snapshot and link": "begin_and_link_get", "seqlock, 64 bytes": "seqlock_copy_64",
            "liburcu memb, 64 bytes": "urcu_memb_copy_64", "rwlock, 64 bytes": "rwlock_copy_64",
            "LMDB, one record": "lmdb_one_record", "LMDB, random of many": "lmdb_random_key"}
    return svg.curves("A read while a writer publishes flat out", machine,
                      "nanoseconds for one read (means of batches)", "of all batches",
                      quantiles(bench, {name: f"busy_{key}_batch_ns" for name, key in ways.items()}))


WAYS = {"netvane": "netvane", "bare futex": "futex", "eventfd + epoll": "eventfd_epoll",
        "unix seqpacket": "seqpacket", "pipe": "pipe"}


def wake(bench, machine):
    wanted = {name: f"{way}_us_at_1_sleepers" for name, way in WAYS.items()}
    return svg.curves("One sleeping process wakes up", machine,
                      "microseconds from the store to the running sleeper", "of all changes",
                      quantiles(bench, wanted))


def wake_many(bench, machine):
    wanted = {f"{name}, last awake": rf"{way}_last_us_at_(\d+)_sleepers" for name, way in WAYS.items()}
    wanted["netvane, writer's part"] = r"netvane_call_us_at_(\d+)_sleepers"
    wanted["bare futex, waker's part"] = r"futex_call_us_at_(\d+)_sleepers"
    return svg.chart("Many sleeping processes wake up", machine, "sleepers", "microseconds",
                     lines(bench, wanted))


def lookup(family, shown, peers):
    def draw(bench, machine):
        wanted = {}
        for peer, name in peers:
            for call, suffix in (("single", ""), ("bulk32", ", 32 at once")):
                wanted[name + suffix] = rf"{peer}_{call}_random_ns_at_(\d+)_{family}"
        return svg.chart(f"A lookup of the longest {shown} prefix, random destinations", machine,
                         "prefixes in the table", "nanoseconds for a destination", lines(bench, wanted))
    return draw


def publish(bench, machine):
    return svg.chart("Publishing one changed route", machine, "routes", "nanoseconds",
                     lines(bench, {"netvane": r"publish_ns_at_(\d+)_routes",
                                   "LMDB commit, no sync": r"lmdb_commit_ns_at_(\d+)_routes",
                                   "rte_fib, changed in place": r"rte_fib_update_ns_at_(\d+)_routes"}))


def memory(bench, machine):
    return svg.chart("Eight processes that know the same routes", machine, "routes", "MiB, all together",
                     lines(bench, {name: rf"{way}_8_readers_mib_at_(\d+)_routes" for name, way in
                                   {"netvane": "netvane", "libnl, a cache each": "libnl",
                                    "LMDB": "lmdb"}.items()}))


def scale(bench, machine):
    return svg.chart("Readers against throughput", machine, "reading processes", "reads a second, all together",
                     lines(bench, {name: rf"{way}_reads_per_s_at_(\d+)_readers" for name, way in
                                   {"netvane": "quiet", "netvane, 1,000 versions/s": "busy",
                                    "rwlock": "rwlock_quiet", "rwlock, 1,000 writes/s": "rwlock_busy"}.items()}))


# File, bench, how.
PLOTS = [("read", "read", read), ("wake", "wake", wake), ("wake-many", "wake", wake_many),
         ("lookup-ipv4", "lookup", lookup("ipv4", "IPv4", (("netvane", "netvane"), ("rte_fib", "DPDK rte_fib"),
                                                          ("rte_lpm", "DPDK rte_lpm"),
                                                          ("rtm_getroute", "RTM_GETROUTE")))),
         ("lookup-ipv6", "lookup", lookup("ipv6", "IPv6", (("netvane", "netvane"), ("rte_fib6", "DPDK rte_fib6"),
                                                          ("rtm_getroute", "RTM_GETROUTE")))),
         ("publish", "publish", publish), ("memory", "memory", memory), ("scale", "scale", scale)]


def draw(benches, machine, folder):
    """Writes a file for each chart that has data; returns their names."""
    written = []
    for name, bench, how in PLOTS:
        text = how(benches[bench], machine) if bench in benches else None
        if text:
            (folder / f"{name}.svg").write_text(text, encoding="utf-8")
            written.append(f"{name}.svg")
    return written
