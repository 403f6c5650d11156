# SPDX-License-Identifier: MIT
"""Each line that the protocol stands on is needed: without it, or in another place, model.protocol finds a wrong answer.

Works on a copy of the sources. A mutant is a piece of one file and what stands there instead; the run of the model that has to
find it, and the words that it finds, are printed. A mutant whose piece is not in its file fails: the list moves with the code.
"""

import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("tests/model/test_protocol.c", "tests/model/c11/c11.c", "tests/model/c11/platform.c", "writer/arena.c",
           "writer/journal.c", "writer/publish.c", "writer/tree_edit.c", "reader/snap.c")

PROTO, PUBLISH, ARENA, JOURNAL, SNAP = ("include/nv/proto.h", "writer/publish.c", "writer/arena.c", "writer/journal.c",
                                        "reader/snap.c")
HEAD = "nv_load64(nv_at(base, NV_HOT(head)), memory_order_acquire)"
FENCE = "    atomic_thread_fence(memory_order_{});\n"


def relaxed(piece):
    return piece, piece.replace("memory_order_acquire", "memory_order_relaxed").replace(
        "memory_order_release", "memory_order_relaxed")


def without(piece, kept=""):
    return piece, kept


def swapped(first, second):
    return first + second, second + first


SLOT_STORE = "    nv_payload_store(nv_at_rw(p->base, NV_SLOT(v)), slot, sizeof(*slot)); /* P2 */\n"
HEAD_STORE = "    nv_write_head(p->base, v);                                            /* P3 */\n"
GENS = ("    for (unsigned t = 0; t < NETVANE_RT_COUNT; t++)\n        if (topics >> t & 1u)\n"
        "            nv_write_gen(p->base, t, p->gen[t]); /* P4 */\n")
ANY = "    if (topics)\n        nv_write_any(p->base, p->any); /* P4 */\n"
RAISE = ("    if (j->end + j->note_count > NETVANE_JOURNAL_ENTRIES)\n"
         "        raise_floor(j, base, j->end + j->note_count - NETVANE_JOURNAL_ENTRIES);\n")
WRITE_ENTRIES = ("    for (uint32_t i = 0; i < j->note_count; i++) {\n        if (held >> j->notes[i].tree & 1u)\n"
                 "            j->notes[kept++] = j->notes[i];\n        else\n"
                 "            write_entry(j, base, version, &j->notes[i]);\n    }\n")
SUCCESSOR = "    nv_store64(nv_at_rw(base, NV_HOT(successor)), successor, memory_order_relaxed);\n"
MOVED = ("    nv_store64(nv_at_rw(base, NV_HOT(head)), nv_read_head(base) | NETVANE_HEAD_MOVED,\n"
         "               memory_order_release);\n")

MOVED_ANY = "    nv_write_any(base, nv_read_any(base) + 1);\n"

# What it breaks, the file, the piece and what stands there instead.
MUTANTS = (
    ("R0 relaxed", PROTO, *relaxed(HEAD)),
    ("P3 relaxed", PROTO, *relaxed("nv_store64(nv_at_rw(base, NV_HOT(head)), v, memory_order_release)")),
    ("P3 before the slot", PUBLISH, *swapped(SLOT_STORE, HEAD_STORE)),
    ("R2 without its fence", PROTO, *without(
        FENCE.format("acquire") + "    return nv_load64(nv_at(base, NV_HOT(horizon))",
        "    return nv_load64(nv_at(base, NV_HOT(horizon))")),
    ("R2 by an acquire load instead", PROTO,
     FENCE.format("acquire") + "    return nv_load64(nv_at(base, NV_HOT(horizon)), memory_order_relaxed)",
     "    return nv_load64(nv_at(base, NV_HOT(horizon)), memory_order_acquire)"),
    ("P1 without its fence", PROTO, *without(
        "    nv_store64(nv_at_rw(base, NV_HOT(horizon)), h, memory_order_relaxed);\n" + FENCE.format("release"),
        "    nv_store64(nv_at_rw(base, NV_HOT(horizon)), h, memory_order_relaxed);\n")),
    ("P1 by a release store instead", PROTO,
     "    nv_store64(nv_at_rw(base, NV_HOT(horizon)), h, memory_order_relaxed);\n" + FENCE.format("release"),
     "    nv_store64(nv_at_rw(base, NV_HOT(horizon)), h, memory_order_release);\n"),
    ("the horizon stays: the ring laps", PUBLISH, *without("        nv_write_horizon(p->base, h); /* P1 */\n", "        ;\n")),
    ("the horizon moves behind the slot", PUBLISH,
     "    advance_horizon(p, a, v, now_ns);\n", "") + (
         SLOT_STORE, SLOT_STORE + "    advance_horizon(p, a, v, now_ns);\n"),
    ("the horizon stays: memory runs out", ARENA, *without("            nv_write_horizon(a->base, newest);\n")),
    ("a node of a version is edited where it is", "writer/arena.h",
     "    return n->version == a->draft ||\n", "    return n->version <= a->draft ||\n"),
    ("P4 relaxed", PROTO, *relaxed("nv_store32(nv_at_rw(base, NV_TOPIC(topic)), gen, memory_order_release)")),
    ("R3 relaxed", PROTO, *relaxed("nv_load32(nv_at(base, NV_TOPIC(topic)), memory_order_acquire)")),
    ("P4 before P3", PUBLISH, HEAD_STORE + GENS, GENS + HEAD_STORE),
    ("any relaxed", PROTO, *relaxed("nv_store32(nv_at_rw(base, NV_TOPIC_ANY), gen, memory_order_release)")),
    ("any loaded relaxed", PROTO, *relaxed("nv_load32(nv_at(base, NV_TOPIC_ANY), memory_order_acquire)")),
    ("any before the generations", PUBLISH, GENS + ANY, ANY + GENS),
    ("P0 missing", ARENA, *without("    nv_write_committed(a->base, size);\n")),
    ("committed loaded before head", SNAP,
     "    uint64_t v = nv_read_head(m->header) & ~NETVANE_HEAD_MOVED;\n",
     "    const uint64_t early = nv_read_committed(m->header);\n"
     "    uint64_t v = nv_read_head(m->header) & ~NETVANE_HEAD_MOVED;\n") + (
         "nv_min_u64(nv_read_committed(m->header), m->max_bytes)", "nv_min_u64(early, m->max_bytes)"),
    ("a begin without a check", SNAP, "if (nv_unlikely(!s->base || !nv_valid(s)))", "if (nv_unlikely(!s->base))"),
    ("a result without a check", "reader/reader.h", *without(
        "    if (nv_unlikely(!nv_valid(s)))\n        return NETVANE_EXPIRED;\n")),
    ("any before MOVED", PROTO, *swapped(MOVED, MOVED_ANY)),
    ("MOVED before the successor", PROTO, *swapped(SUCCESSOR, MOVED)),
    ("MOVED relaxed", PROTO, *relaxed("nv_read_head(base) | NETVANE_HEAD_MOVED,\n               memory_order_release")),
    ("R5 without its fence", PROTO, *without(
        FENCE.format("acquire") + "    return nv_load64(nv_at(base, NV_HOT(journal_floor))",
        "    return nv_load64(nv_at(base, NV_HOT(journal_floor))")),
    ("P5 without its fence", PROTO, *without(
        "position, memory_order_relaxed);\n" + FENCE.format("release"), "position, memory_order_relaxed);\n")),
    ("P5 missing", JOURNAL, *without(RAISE)),
    ("P5 behind P6", JOURNAL, RAISE + WRITE_ENTRIES, WRITE_ENTRIES + RAISE.replace("j->end + j->note_count", "j->end")),
)


def compile_and_run(folder):
    """The model's end: its exit code and what it says."""
    program = folder / "protocol"
    command = [os.environ.get("CC", "cc"), "-std=gnu11", "-O1", "-w", "-DNV_NO_PAIRS", "-D_GNU_SOURCE", "-Itests/model/c11",
               "-Iinclude", "-I.", *SOURCES, "-lcmocka", "-o", str(program)]
    subprocess.run(command, cwd=folder, check=True)
    done = subprocess.run([str(program), "holds"], cwd=folder, capture_output=True, text=True, check=False, timeout=100)
    return done.returncode, done.stdout + done.stderr


def copy_to(folder):
    for name in ("include", "writer", "reader", "tests/model"):
        shutil.copytree(ROOT / name, folder / name)


def try_mutant(mutant):
    """What found it; None: nothing did."""
    name, path, *pieces = mutant
    with tempfile.TemporaryDirectory(prefix="netvane-test.") as made:
        folder = Path(made)
        copy_to(folder)
        text = (folder / path).read_text(encoding="utf-8")
        for piece, instead in zip(pieces[::2], pieces[1::2]):
            if text.count(piece) != 1:
                raise ValueError(f"{name}: stands {text.count(piece)} times in {path}: {piece!r}")
            text = text.replace(piece, instead)
        (folder / path).write_text(text, encoding="utf-8")
        code, said = compile_and_run(folder)
    found = [line for line in said.splitlines() if line.startswith("ERROR: ")]
    return name, path, found[0].removeprefix("ERROR: ") if code and found else None


def main():
    with tempfile.TemporaryDirectory(prefix="netvane-test.") as made:
        copy_to(Path(made))
        code, said = compile_and_run(Path(made))
    if code:
        print(said)
        print("without a mutant the model fails, too")
        return 1
    missed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for name, path, found in pool.map(try_mutant, MUTANTS):
            print(f"{path}: {name}: {'found: ' + found if found else 'NOT FOUND'}", flush=True)
            missed += not found
    print(f"proven: of {len(MUTANTS)} lines taken out or moved, {len(MUTANTS) - missed} are found by model.protocol")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
