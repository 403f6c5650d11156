# SPDX-License-Identifier: MIT
"""netvane.pml holds, with no death, one and two; and each way to break it, by a name that it looks for, is found by spin."""

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MODEL = Path(__file__).with_name("netvane.pml")
WITHOUT_A_DEATH = (
    "WAKE_BEFORE_THE_STORES", "NO_WAKE", "ANY_BEFORE_GENERATIONS", "GENERATIONS_BEFORE_HEAD", "HEAD_BEFORE_THE_SLOT",
    "HORIZON_BEHIND_THE_SLOT", "NO_CHECK", "GENERATIONS_LOADED_BEFORE_ANY", "SLEEP_WITHOUT_COMPARING",
    "ANY_STAYS_AT_A_TAKEOVER", "NO_WAKE_AT_A_TAKEOVER", "MOVED_BEFORE_THE_NAME", "MOVED_LOADED_BEFORE_ANY",
    "VERSIONS_BEGIN_ANEW", "GENERATIONS_BEGIN_ANEW", "NO_LOCK")
WITH_ONE = ("WORDS_OF_THE_DEAD", "BEHIND_IS_NEWS", "NO_LOOK_AT_THE_NAME", "GENERATIONS_FROM_THE_WORDS")
RUNS = [(deaths, None) for deaths in range(3)] + [(0, name) for name in WITHOUT_A_DEATH] + [(1, name) for name in WITH_ONE]


def explore(run):
    """What spin says of all states: the run, its errors, the first of them, how many states there are."""
    deaths, mutant = run
    with tempfile.TemporaryDirectory(prefix="netvane-test.") as folder:
        defined = [f"-DDEATHS={deaths}"] + ([f"-D{mutant}"] if mutant else [])
        subprocess.run(["spin", *defined, "-a", str(MODEL)], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([os.environ.get("CC", "cc"), "-O1", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"], cwd=folder,
                       check=True)
        said = subprocess.run(["./pan", "-m10000"], cwd=folder, check=True, capture_output=True, text=True).stdout
    if "max search depth too small" in said or "out of memory" in said:
        raise RuntimeError(f"{run}: not all states were seen:\n{said}")
    first = re.search(r"^pan:1: (.*)", said, re.MULTILINE)
    return (run, int(re.search(r"errors: (\d+)", said)[1]), first[1] if first else "",
            int(re.search(r"(\d+) states, stored", said)[1]))


def main():
    if not shutil.which("spin"):
        print("SKIP: spin is not installed")
        return 77
    text = MODEL.read_text(encoding="utf-8")
    known = set(re.findall(r"^#\s*if(?:n?def) (\w+)|defined\((\w+)\)", text, re.MULTILINE))
    known = {name for pair in known for name in pair if name} - {"DEATHS"}
    if known != set(WITHOUT_A_DEATH + WITH_ONE):
        print(f"these are in one of the two lists alone: {known ^ set(WITHOUT_A_DEATH + WITH_ONE)}")
        return 1
    wrong = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for (deaths, mutant), errors, first, states in pool.map(explore, RUNS):
            right = bool(errors) == bool(mutant)
            wrong += not right
            print(f"{mutant or 'as it is'}, {deaths} deaths at most: {states} states, {first or 'no error'}"
                  f"{'' if right else ': WRONG'}", flush=True)
    print(f"proven: {sum(not mutant for _, mutant in RUNS)} explorations hold, {sum(bool(mutant) for _, mutant in RUNS)} ways to "
          "break them are found" if not wrong else f"{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
