# SPDX-License-Identifier: MIT
"""Holds the include table: who may include whom.

    from             may include                                              never
    include/netvane  C standard headers, itself                               anything else
    include/nv       itself, netvane/region.h, C standard headers             OS headers
    platform/<OS>    nv/plat.h, nv/event.h, nv/base.h, netvane/region.h,      writer, reader
                     OS headers, itself; linux: libmnl too
    writer           nv/*, netvane/region.h, its own headers,                 OS headers, libmnl, reader
                     C standard headers
    reader           netvane/*, nv/proto.h, nv/tree.h, nv/lpm.h, nv/plat.h,   writer, OS headers
                     nv/base.h, nv/content.h, liburcu, its own headers,
                     C standard headers
    tools            netvane/*, its own headers, C and POSIX headers          internals
    bench/dataplane  netvane/netvane.h, its own headers, C and OS headers     internals
    tests, bench     anything

An OS header is each <header> that is neither in C11's list nor libmnl's nor liburcu's. First the check
proves on a planted tree that it sees each kind of violation; then it reads the project.
"""

import re
import sys
import tempfile
from pathlib import Path

import tree

C_STANDARD = {
    f"{name}.h"
    for name in (
        "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal "
        "stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath "
        "threads time uchar wchar wctype"
    ).split()
}

# What a platform sees of the project: the seam, the facts, and what they are made of.
SEAM = {"nv/plat.h", "nv/event.h", "nv/base.h", "netvane/region.h"}

# Folder of the includer -> what it may include. A word is a kind of header, or a path under include/.
TABLE = {
    "include/netvane": {"own", "c"},
    "include/nv": {"own", "c", "netvane/region.h"},
    "platform/linux": {"own", "c", *SEAM, "os", "libmnl"},
    "platform/win32": {"own", "c", *SEAM, "os"},
    "writer": {"own", "c", "nv/*", "netvane/region.h"},
    "reader": {"own", "c", "netvane/*", "nv/proto.h", "nv/tree.h", "nv/lpm.h", "nv/plat.h", "nv/base.h",
               "nv/content.h", "nv/kernel.h", "liburcu"},
    "tools": {"own", "c", "netvane/*", "os"},
    "bench/dataplane": {"own", "c", "netvane/netvane.h", "os"},  # an example for users: what they have
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include(?:_next)?[ \t]*(<[^>\n]*>|"[^"\n]*"|[^\n]*)', re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def includes(text):
    """Yields (line number, the include's operand) outside of block comments."""
    text = COMMENT.sub(lambda match: "\n" * match.group().count("\n"), text)
    for match in INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match.group(1).strip()


def section_of(path):
    """The row of the table that a path (relative to the root) belongs to, or None."""
    return next((s for s in TABLE if path.is_relative_to(s)), None)


def classify(root, path, operand):
    """The kind of header: a word of the table, `netvane/x.h`, `nv/x.h`, or what it is instead."""
    if operand[:1] not in '<"':
        return "macro"
    name = operand[1:-1]
    beside = (root / path.parent / name).resolve()
    if operand[0] == '"' and beside.is_relative_to(root) and beside.is_file():
        target = beside.relative_to(root)
    elif name.startswith(("netvane/", "nv/")):
        target = Path("include") / name
    elif operand[0] == '"' and (root / name).is_file():
        target = Path(name)
    else:
        target = None
    if target is not None:
        if section_of(target) == section_of(path):
            return "own"
        if target.is_relative_to("include"):
            return target.relative_to("include").as_posix()
        return target.as_posix()
    if name in C_STANDARD:
        return "c"
    if operand[0] == '"':
        return "missing"
    if name.startswith("libmnl/"):
        return "libmnl"
    if name.startswith(("urcu", "lttng/urcu")):
        return "liburcu"
    return "os"


def allowed(kind, rules):
    return kind in rules or any(r.endswith("/*") and kind.startswith(r[:-1]) for r in rules)


def check(root, paths):
    """Returns (problems, number of files that the table speaks of)."""
    problems, checked = [], 0
    for path in paths:
        section = section_of(path)
        if path.suffix not in (".c", ".h") or section is None:
            continue
        checked += 1
        for line, operand in includes((root / path).read_text(errors="replace")):
            kind = classify(root, path, operand)
            if allowed(kind, TABLE[section]):
                continue
            may = ", ".join(sorted(TABLE[section]))
            what = {"os": "an OS header", "missing": "found nowhere"}.get(kind, kind)
            problems.append(f"{path}:{line}: {operand} ({what}): {section} may include only {may}")
    return problems, checked


PLANTED = {
    # path: (text, lines that must be reported)
    "include/netvane/netvane.h": ("#include <stdint.h>\n#include <nv/base.h>\n", {2}),
    "include/nv/tree.h": ('#include "netvane/region.h"\n#include <sys/mman.h>\n', {2}),
    "include/nv/plat.h": ('#include "event.h"\n#include <netvane/netvane.h>\n', {2}),
    "include/nv/event.h": ("#include <stdint.h>\n", set()),
    "platform/linux/rtnl_decode.c": (
        '#include <libmnl/libmnl.h>\n#include <linux/if.h>\n#include "nv/event.h"\n'
        '#include "writer/mirror.h"\n#include "nv/tree.h"\n#include <nv/base.h>\n'
        '#include "netvane/region.h"\n#include <netvane/netvane.h>\n#include "nv/content.h"\n',
        {4, 5, 8, 9}),
    "platform/win32/iphlp_source.c": (
        '#include <nv/plat.h>\n#include <windows.h>\n#include <libmnl/libmnl.h>\n'
        '#include "../linux/rtnl_decode.h"\n', {3, 4}),
    "platform/linux/rtnl_decode.h": ("#include <linux/netlink.h>\n", set()),
    "writer/mirror.h": ("#include <stdbool.h>\n", set()),
    "writer/mirror.c": (
        '#include "mirror.h"\n#include <nv/tree.h>\n/*\n#include <unistd.h>\n*/\n'
        '#include <unistd.h>\n#include <libmnl/libmnl.h>\n#include "../reader/snap.h"\n'
        '#include <netvane/region.h>\n#include <netvane/netvane.h>\n', {6, 7, 8, 10}),
    "include/netvane/region.h": ("#include <stdint.h>\n", set()),
    "include/nv/base.h": ('#include <string.h>\n#include "netvane/region.h"\n', set()),
    "include/nv/content.h": ("#include <stdint.h>\n", set()),
    "reader/snap.h": ("#include <netvane/netvane.h>\n", set()),
    "reader/snap.c": (
        '#include "snap.h"\n#include <urcu-bp.h>\n#include <nv/proto.h>\n'
        '#include "../writer/mirror.h"\n#include <nv/event.h>\n#include <fcntl.h>\n'
        '#include <nv/base.h>\n#include "nv/content.h"\n#include <libmnl/libmnl.h>\n', {4, 5, 6, 9}),
    "tools/netvane.c": (
        '#include <getopt.h>\n#include <netvane/netvane.h>\n# include "nv/proto.h"\n'
        '#include MACRO\n#include "nowhere.h"\n', {3, 4, 5}),
    "bench/dataplane/port.h": ("#include <stdint.h>\n", set()),
    "bench/dataplane/port.c": (
        '#include "port.h"\n#include <linux/if_packet.h>\n#include <netvane/netvane.h>\n'
        '#include <netvane/region.h>\n#include "bench/world.h"\n#include <nv/proto.h>\n', {4, 5, 6}),
    "bench/bench_x.c": ('#include "world.h"\n#include <nv/proto.h>\n', set()),
    "tests/unit/test_x.c": ('#include "writer/mirror.h"\n#include <libmnl/libmnl.h>\n', set()),
}


def self_check():
    """Returns what the check got wrong on the planted tree."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for name, (text, _) in PLANTED.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        got, _ = check(root, [Path(name) for name in PLANTED])
        want = {f"{name}:{line}" for name, (_, lines) in PLANTED.items() for line in lines}
        seen = {":".join(problem.split(":")[:2]) for problem in got}
        return [f"self-check: not seen: {x}" for x in sorted(want - seen)] + [
            f"self-check: wrongly reported: {x}" for x in sorted(seen - want)
        ]


def main():
    problems = self_check()
    if problems:
        tree.finish(problems, 0)
    tree.finish(*check(tree.ROOT, tree.files()))


if __name__ == "__main__":
    sys.exit(main())
