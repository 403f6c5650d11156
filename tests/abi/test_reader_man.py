# SPDX-License-Identifier: MIT
"""netvane(3) names every function and error of the header, and the program in it compiles."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "reader/netvane.3").read_text()
HEADER = (ROOT / "include/netvane/netvane.h").read_text()


def missing():
    symbols = (ROOT / "tests/abi/symbols.txt").read_text().split() + ["netvane_changed"]
    errors = re.findall(r"^    (NETVANE_\w+) = -\d+", HEADER, re.MULTILINE)
    yield from (f"function {s}" for s in symbols if not re.search(rf"^\.Fn {s} ", PAGE, re.MULTILINE))
    yield from (f"error {e}" for e in errors if f".It Dv {e}\n" not in PAGE)


def examples():
    for text in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", PAGE, re.MULTILINE | re.DOTALL):
        if "#include" in text:
            yield text.replace("\\e", "\\")


def main():
    problems = [f"netvane.3 does not tell of {what}" for what in missing()]
    programs = list(examples())
    if not programs:
        problems.append("netvane.3 has no example")
    with tempfile.TemporaryDirectory() as work:
        for program in programs:
            source = Path(work, "example.c")
            source.write_text(program)
            command = [os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion",
                       "-Werror", f"-I{ROOT / 'include'}", "-fsyntax-only", str(source)]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode:
                problems.append(run.stderr)
    print("\n".join(problems) or f"{len(programs)} example(s) compiled")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
