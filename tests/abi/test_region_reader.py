# SPDX-License-Identifier: MIT
"""A reader written from netvane-region(5) alone finds in each table's index what its routes say.

Owns a walk over trees and the lookup of the page's section LONGEST-PREFIX INDEXES, with none of this project's code.
The regions are what the writer makes of the recordings in tests/data: every prefix at its first and its last address,
and addresses near them, against a search through all routes of the table.
"""

import os
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = sorted((ROOT / "tests/data/recordings").glob("*.pcap"))

# Number, words of the key, bytes of a record.
TREES = {"routes4": (6, 2, 40), "routes6": (7, 6, 96), "hops": (8, 1, 56), "tables": (14, 1, 48)}
SLOT_TREES, SLOT_INDEXES = 384, 704
IN_SLOT = {(4, 254): 0, (6, 254): 1, (4, 255): 2, (6, 255): 3}
DEAD, LINKDOWN = 1, 16
FOREVER = 2**64 - 1


class Region:
    def __init__(self, path):
        self.bytes = Path(path).read_bytes()
        version = self.u64(0x400) & ~(1 << 63)
        self.slot = 0x1000 + 1024 * (version % 1024)
        assert self.u64(self.slot) == version, "the slot holds another version"

    def u32(self, at):
        return struct.unpack_from("=I", self.bytes, at)[0]

    def u64(self, at):
        return struct.unpack_from("=Q", self.bytes, at)[0]

    def records(self, name):
        """The bytes of each record of a tree, in order."""
        tree, words, size = TREES[name]
        ref, height, count, _ = struct.unpack_from("=4I", self.bytes, self.slot + SLOT_TREES + 16 * tree)
        capacity = 240 // (8 * words + 4)

        def walk(ref, level):
            at = 256 * ref
            count, found, of = struct.unpack_from("=HBB", self.bytes, at + 8)
            assert (found, of) == (level, tree), f"{name}: a node of level {found}, tree {of}"
            for i in range(count):
                if level:
                    yield from walk(self.u32(at + 16 + 8 * words * capacity + 4 * i), level - 1)
                else:
                    yield self.bytes[at + 16 + size * i:at + 16 + size * (i + 1)]

        found = list(walk(ref, height - 1)) if height else []
        assert len(found) == count, f"{name}: {len(found)} records, not {count}"
        return found

    # ---- the lookup, as the page has it ----------------------------------------------------------

    def cell(self, ref):
        assert 0x600 + 8 * ref + 1232 <= len(self.bytes), "a reference leads out of the region"
        return 0x600 + 8 * ref

    def lookup(self, root, address, width):
        def bits(n, count=5):
            return (address << count >> (width - n)) & ((1 << count) - 1)

        def rank(word, bit):
            return bin(word & ((1 << bit) - 1)).count("1")

        ref, value, _, _ = root
        length = 0
        for n, count in ((0, 5), (5, 5), (10, 6)):
            child, own = struct.unpack_from("=2I", self.bytes, self.cell(ref) + 8 * bits(n, count))
            if own:
                value, length = own, own & 31
            ref = child
        leaf, i = self.cell(ref), bits(16, 8)
        ends, place = struct.unpack_from("=2I", self.bytes, leaf + 8 * (i // 32))
        own = self.u32(leaf + 4 * ((place & 255) + rank(ends, i % 32)))
        if own:
            value, length = own, own & 31
        node = leaf + 16 * (place >> 8)
        for n in range(19, width if place >> 8 else 0, 5):
            i = bits(n)
            prefixes, children, block, _ = struct.unpack_from("=4I", self.bytes, node)
            block = self.cell(block)
            for k in (4, 3, 2, 1, 0):
                bit = 1 << k | i >> (5 - k)
                if prefixes >> bit & 1:
                    value = self.u32(block + 16 * rank(children, 32) + 4 * rank(prefixes, bit))
                    length = n + k
                    break
            if not children >> i & 1:
                break
            node = block + 16 * rank(children, i)
        return value, length


# ---- what the routes say -------------------------------------------------------------------------


class Hops:
    def __init__(self, region):
        self.sets = {}
        for r in region.records("hops"):
            self.sets.setdefault(struct.unpack_from("=Q", r)[0] >> 32, []).append(r)

    def shown(self, hops):
        """(usable, doubtful, what an info says of the hop that is shown)"""
        chosen, usable, doubtful = None, False, False
        for r in self.sets.get(hops, []):
            ifindex, nhid, flags, gw_family = *struct.unpack_from("=2I", r, 16), r[26], r[27]
            if chosen is None or (not usable and not flags & DEAD):
                chosen = (gw_family, flags, ifindex, nhid, r[28:44])
            usable = usable or not flags & DEAD
            doubtful = doubtful or bool(flags & (DEAD | LINKDOWN)) or not ifindex
        none = (0, 0, 0, 0, bytes(16))
        return usable or chosen is None, doubtful, (len(self.sets.get(hops, [])), *(chosen or none))


def route4(r):
    """(table, address, length, special, ends, metric, hops, the info without its hop)"""
    k0, k1 = struct.unpack_from("=2Q", r)
    flags, kinds = struct.unpack_from("=I", r, 20)[0], r[24:27] + b"\0"
    hops, metrics = struct.unpack_from("=I4xI", r, 28)
    metric = k1 >> 16 & 0xffffffff
    return (k0 >> 32, k0 & 0xffffffff, k1 >> 56, k1 >> 48 & 0xff != 0, False, metric, hops,
            (hops, metrics, flags, metric, kinds, r[32:36] + bytes(12)))


def route6(r):
    key = struct.unpack_from("=6Q", r)
    flags, kinds = struct.unpack_from("=I", r, 52)[0], r[56:60]
    hops, metrics = struct.unpack_from("=2I", r, 60)
    address = (key[0] & 0xffffffff) << 96 | key[1] << 32 | key[2] >> 32
    metric = key[5] >> 32
    return (key[0] >> 32, address, key[2] >> 24 & 0xff, key[2] >> 16 & 0xff != 0,
            struct.unpack_from("=Q", r, 88)[0] != FOREVER, metric, hops,
            (hops, metrics, flags, metric, kinds, r[72:88]))


def expected(routes, hops, is6):
    """(conditional, info) of the routes of one prefix."""
    first, found, found_usable, conditional, metric = None, None, False, False, None
    for _, _, _, special, ends, its_metric, its_hops, content in routes:
        usable, doubtful, hop = hops.shown(its_hops)
        if is6:
            conditional = conditional or ends or (found is not None and its_metric == metric)
        info = (content, hop)
        first = first or info
        if special:
            conditional = True
            continue
        conditional = conditional or (not found_usable and doubtful)
        if found is None or (usable and not found_usable):
            found, metric = info, its_metric
        found_usable = found_usable or usable
    return conditional, found or first


def info_at(region, value):
    at = value & 0xffffffc0
    words = struct.unpack_from("=4I4sBBH2I16s16s", region.bytes, at)
    hop_set, metrics, flags, metric, kinds, gw_family, hop_flags, count, ifindex, nhid, gateway, prefsrc = words
    return (hop_set, metrics, flags, metric, kinds, prefsrc), (count, gw_family, hop_flags, ifindex, nhid, gateway)


def check_table(region, family, table, root, routes, hops, rng):
    """How many lookups were compared."""
    width = 32 if family == 4 else 128
    prefixes = {}
    for r in routes:
        prefixes.setdefault((r[1], r[2]), []).append(r)
    assert root[2] == len(routes) and root[3] == 1, f"table {table}: root {root}, {len(routes)} routes"
    addresses = [rng.getrandbits(width) for _ in range(50)]
    for address, length in prefixes:
        low = (1 << (width - length)) - 1
        addresses += [address, address | low, address | rng.getrandbits(width) & low]
    for a in addresses:
        covering = [p for p in prefixes if not (a ^ p[0]) >> (width - p[1])]
        value, length = region.lookup(root, a, width)
        where = f"IPv{family}, table {table}, {a:x}"
        if not covering:
            assert not value, f"{where}: found /{length}, where there is none"
            continue
        best = max(covering, key=lambda p: p[1])
        conditional, info = expected(prefixes[best], hops, family == 6)
        assert value, f"{where}: not found, /{best[1]} covers it"
        assert length == best[1], f"{where}: /{length}, not /{best[1]}"
        assert info_at(region, value) == info, f"{where}: {info_at(region, value)}, not {info}"
        assert bool(value & 32) == conditional, f"{where}: conditional is {bool(value & 32)}"
    return len(addresses)


def check_region(path, rng):
    region = Region(path)
    hops, tables = Hops(region), {}
    for family, name, parse in ((4, "routes4", route4), (6, "routes6", route6)):
        for r in map(parse, region.records(name)):
            tables.setdefault((family, r[0]), []).append(r)
    roots = {}
    for r in region.records("tables"):
        key = struct.unpack_from("=Q", r)[0]
        which = key >> 32, key & 0xffffffff
        lengths = struct.unpack_from("=5I", r, 12)
        in_slot = IN_SLOT.get(which)
        roots[which] = struct.unpack_from("=4I", *((r, 32) if in_slot is None else
                                                   (region.bytes, region.slot + SLOT_INDEXES + 16 * in_slot)))
        assert {n for n in range(160) if lengths[n // 32] >> n % 32 & 1} == {x[2] for x in tables.get(which, [])}
    assert set(roots) == set(tables), f"tables of records {set(roots)}, of routes {set(tables)}"
    return sum(check_table(region, *which, roots[which], routes, hops, rng) for which, routes in tables.items())


def main():
    writer = Path(os.environ.get("NETVANE_BIN", ""), "netvaned")
    if not writer.is_file() or not RECORDINGS:
        print("SKIP: there is no writer, or no recording")
        return 77
    seed = int(os.environ.get("SEED", "20240901"), 0)
    print(f"SEED={seed}")
    rng, lookups = random.Random(seed), 0
    for recording in RECORDINGS:
        with tempfile.TemporaryDirectory() as work:
            subprocess.run([str(writer), "--dir", work, "--replay", str(recording), "--once", "--log-level", "error"],
                           check=True, timeout=50)
            lookups += check_region(Path(work, "default"), rng)
    print(f"{lookups} lookups in {len(RECORDINGS)} regions")
    assert lookups > 1000
    return 0


if __name__ == "__main__":
    sys.exit(main())
