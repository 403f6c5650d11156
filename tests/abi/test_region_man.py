# SPDX-License-Identifier: MIT
"""netvane-region(5) says of every byte what include/netvane/region.h says.

Read from the header: each struct with its fields, each constant, each counter; from include/nv/tree.h the shape of
each tree, from include/nv/base.h the numbers of the hash. The compiler gives offsets, sizes and values. Each has to
stand in a table of the page, with equal figures; a row that nothing stands behind is wrong too; and the fields of
a struct have to follow each other without a gap up to its end. At last the check proves that it would see each row
that is missing, and each offset that is off.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REGION = ROOT / "include/netvane/region.h"
TREE = ROOT / "include/nv/tree.h"
BASE = ROOT / "include/nv/base.h"
PAGE = ROOT / "reader/netvane-region.5"

TYPES = {
    # in C: (in the page, bytes)
    "uint64_t": ("u64", 8), "uint32_t": ("u32", 4), "uint16_t": ("u16", 2), "uint8_t": ("u8", 1),
    "int32_t": ("i32", 4), "char": ("char", 1),
    "struct netvane_region_default": ("default", 64), "struct netvane_region_root": ("root", 16),
    "struct netvane_region_lpm": ("lpm", 16), "struct netvane_region_leaf_group": ("group", 8),
}
# Of the header itself, not of the format.
NOT_FORMAT = {"NETVANE_REGION_H", "NETVANE_COUNTERS", "NETVANE_COUNTER_ENUM", "NETVANE_AT", "NETVANE_SIZE"}


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(77)


# ---- the headers ---------------------------------------------------------------------------------


def without_comments(text):
    """The text without comments, and with continued lines joined: its layout is clang-format's business."""
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL).replace("\\\n", " ")


def parse_structs(text):
    """name -> [(field, C type, expression of its array length or None)]"""
    structs = {}
    for name, body in re.findall(r"^struct (netvane_\w+) \{(.*?)^\};", text, re.DOTALL | re.MULTILINE):
        fields = []
        for declaration in filter(None, (" ".join(d.split()) for d in body.split(";"))):
            ctype, names = re.fullmatch(r"(struct \w+|\w+) (.+)", declaration).groups()
            for one in names.split(","):
                fields.append((*re.fullmatch(r"(\w+) ?(?:\[(.+)\])?", one.strip()).groups(), ctype))
        structs[name] = [(field, ctype, array) for field, array, ctype in fields]
    return structs


def parse_constants(text):
    names = re.findall(r"^#define (NETVANE_\w+)", text, re.MULTILINE)
    for body in re.findall(r"^enum \w+ \{(.*?)^\};", text, re.DOTALL | re.MULTILINE):
        body = re.sub(r"^#.*$", "", body, flags=re.MULTILINE)
        names += re.findall(r"\b(NETVANE_\w+)\b(?!\s*\()(?=\s*(?:[,=]|$))", re.sub(r"\(.*?\)", "()", body), re.MULTILINE)
    return [n for n in dict.fromkeys(names) if n not in NOT_FORMAT]


def parse_counters(text):
    return re.findall(r'\bX\((\w+),\s*"(\w+)",\s*"([^"]*)"\)', text)


def evaluate(expressions):
    """What the compiler makes of each."""
    compiler = shlex.split(os.environ.get("CC", "")) or ["cc"]
    if not shutil.which(compiler[0]):
        skip(f"{compiler[0]} is not installed")
    lines = ["#include <stdio.h>", '#include "nv/tree.h"', "int main(void)", "{"]
    lines += [f'    printf("%llu\\n", (unsigned long long)({e}));' for e in expressions]
    lines += ["    return 0;", "}"]
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "values.c"), Path(folder, "values")
        source.write_text("\n".join(lines) + "\n")
        subprocess.run([*compiler, "-std=c11", "-I", str(ROOT / "include"), str(source), "-o", str(program)], check=True)
        run = subprocess.run([str(program)], check=True, capture_output=True, text=True)
    return dict(zip(expressions, (int(x) for x in run.stdout.split())))


def facts():
    """What the page has to say, in the same shape as read_page() gives it."""
    text = without_comments(REGION.read_text())
    structs, constants, counters = parse_structs(text), parse_constants(text), parse_counters(text)
    shapes = re.findall(r"\[(NETVANE_TREE_\w+)\] = NV_TREE_SHAPE\((\w+)\)", TREE.read_text())
    wanted = list(constants)
    for name, fields in structs.items():
        wanted.append(f"sizeof(struct {name})")
        wanted += [f"offsetof(struct {name}, {field})" for field, _, _ in fields]
        wanted += [array for _, _, array in fields if array]
    for tree, _ in shapes:
        wanted.append(tree)
        wanted += [f"nv_tree_shape({tree})->{x}" for x in ("key_words", "stride", "leaf_capacity", "inner_capacity")]
    wanted += ["NETVANE_COUNTERS_OFFSET", "_Alignof(uint64_t)"]
    value = evaluate(list(dict.fromkeys(wanted)))

    page = {"constants": {}, "structs": {}, "counters": [], "trees": []}
    for name in constants:
        page["constants"][name] = value[name]
    for name, fields in structs.items():
        rows = []
        for field, ctype, array in fields:
            short = TYPES[ctype][0] + (f"[{value[array]}]" if array else "")
            rows.append((value[f"offsetof(struct {name}, {field})"], short, field))
        page["structs"][name] = (rows, value[f"sizeof(struct {name})"])
    for i, (name, _, meaning) in enumerate(counters):
        page["counters"].append((value["NETVANE_COUNTERS_OFFSET"] + 8 * i, f"NETVANE_RC_{name}", meaning))
    for tree, record in shapes:
        shape = [value[f"nv_tree_shape({tree})->{x}"] for x in ("key_words", "stride", "leaf_capacity", "inner_capacity")]
        page["trees"].append((value[tree], tree, record, *shape))
    for name, (rows, _) in page["structs"].items():
        assert rows, f"{name} was not understood"
    # Trees have a table of their own, and so have counters.
    for tree in page["trees"]:
        del page["constants"][tree[1]]
    if value["_Alignof(uint64_t)"] != 8:
        del page["constants"]["NETVANE_REGION_LAYOUT"]
    return page


# ---- the page ------------------------------------------------------------------------------------


def number(text):
    shift = re.fullmatch(r"1 << (\d+)", text)
    return 1 << int(shift.group(1)) if shift else int(text, 0)


def read_page(lines):
    page = {"constants": {}, "structs": {}, "counters": [], "trees": []}
    struct, inside = None, None
    for line in lines:
        named = re.match(r"\.Vt struct (netvane_\w+)", line)
        if named and not inside:
            struct = named.group(1)
        elif line.startswith(".Bl -column"):
            inside = "rows"
        elif line.startswith(".El"):
            inside = None
        elif inside and line.startswith(".It "):
            cells = [re.sub(r"^(?:Va|Dv|Vt) ", "", c.strip()) for c in line[4:].split(" Ta ")]
            cells += [c.strip() for c in cells.pop().split(" Ta")] if cells[-1].endswith(" Ta") else []
            if line.startswith(".It Sy "):
                inside = cells[1].removeprefix("Sy ")
            elif inside == "Type" and line.endswith("the end"):
                rows = page["structs"].setdefault(struct, ([], None))[0]
                page["structs"][struct] = (rows, number(line.split()[1]))
            elif inside == "Type":
                page["structs"].setdefault(struct, ([], None))[0].append((number(cells[0]), cells[1], cells[2]))
            elif inside == "Constant":
                page["counters"].append((number(cells[0]), cells[1], cells[2]))
            elif inside == "Tree":
                page["trees"].append((number(cells[0]), cells[1], cells[2], *(number(c) for c in cells[3:7])))
            else:
                page["constants"][cells[0]] = number(cells[1])
    return page


def gaps(structs):
    """Bytes of a struct that no field has, or more than one."""
    sizes = dict(TYPES.values())
    for name, (rows, end) in structs.items():
        at = 0
        for offset, short, field in rows:
            if offset != at:
                yield f"struct {name}: the bytes before {field} are {at} to {offset}"
            base, count = re.fullmatch(r"(\w+)(?:\[(\d+)\])?", short).groups()
            at = offset + sizes.get(base, 0) * int(count or 1)
        if at != end:
            yield f"struct {name}: its fields end at {at}, itself at {end}"


def compare(want, got):
    problems = []

    def sets(what, wanted, given):
        problems.extend(f"{what}: not in the page: {x}" for x in wanted if x not in given)
        problems.extend(f"{what}: in the page, but not so in the header: {x}" for x in given if x not in wanted)

    sets("constants", list(want["constants"].items()), list(got["constants"].items()))
    sets("structs", list(want["structs"]), list(got["structs"]))
    for name in want["structs"]:
        rows, end = got["structs"].get(name, ([], None))
        sets(f"struct {name}", want["structs"][name][0], rows)
        if end != want["structs"][name][1]:
            problems.append(f"struct {name}: ends at {end} in the page, at {want['structs'][name][1]} in the header")
    sets("counters", want["counters"], got["counters"])
    sets("trees", want["trees"], got["trees"])
    problems.extend(gaps(got["structs"]))
    return problems


def hash_problems(page):
    """The numbers of the hash and of its mixing round stand in the page."""
    text = without_comments(BASE.read_text())
    numbers = re.findall(r"UINT64_C\((0x[0-9a-f]{16})\)", text[text.index("nv_mix("):])
    assert len(numbers) >= 4, "the hash was not understood"
    return [f"hash: not in the page: {n}" for n in numbers if n not in page]


# ---- does it see what it is for? -----------------------------------------------------------------


def self_check(want, lines):
    problems = []
    for i, line in enumerate(lines):
        if not line.startswith(".It ") or " Ta " not in line or line.startswith(".It Sy "):
            continue
        if not compare(want, read_page(lines[:i] + lines[i + 1:])):
            problems.append(f"self-check: it was not seen that this row is missing: {line}")
        offset = re.match(r"\.It (\d+) Ta (?!Dv)", line)
        if offset:
            moved = line.replace(offset.group(1), str(int(offset.group(1)) + 8), 1)
            if not compare(want, read_page([*lines[:i], moved, *lines[i + 1:]])):
                problems.append(f"self-check: it was not seen that this offset is wrong: {moved}")
    return problems


def main():
    want, text = facts(), PAGE.read_text()
    lines = text.splitlines()
    got = read_page(lines)
    if "NETVANE_REGION_LAYOUT" not in want["constants"]:
        got["constants"].pop("NETVANE_REGION_LAYOUT", None)
    problems = compare(want, got) + hash_problems(text)
    if not problems:
        problems = self_check(want, lines)
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problem(s) in {PAGE.relative_to(ROOT)}")
        sys.exit(1)
    fields = sum(len(rows) for rows, _ in want["structs"].values())
    print(f"{len(want['structs'])} structs with {fields} fields, {len(want['constants'])} constants, "
          f"{len(want['counters'])} counters, {len(want['trees'])} trees")


if __name__ == "__main__":
    main()
