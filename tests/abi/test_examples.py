# SPDX-License-Identifier: MIT
"""netvane(3) names every function and error of the header; its programs and the README's compile, link and run."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "reader/netvane.3").read_text()
README = (ROOT / "README.md").read_text()
HEADER = (ROOT / "include/netvane/netvane.h").read_text()


def missing():
    symbols = (ROOT / "tests/abi/symbols.txt").read_text().split() + ["netvane_changed"]
    errors = re.findall(r"^    (NETVANE_\w+) = -\d+", HEADER, re.MULTILINE)
    yield from (f"function {s}" for s in symbols if not re.search(rf"^\.Fn {s} ", PAGE, re.MULTILINE))
    yield from (f"error {e}" for e in errors if f".It Dv {e}\n" not in PAGE)


def examples():
    for text in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", PAGE, re.MULTILINE | re.DOTALL):
        if "#include" in text:
            yield "netvane.3", text.replace("\\e", "\\")
    for text in re.findall(r"^```c\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        yield "README.md", text


def try_out(program, work):
    """Its complaint; None if it compiles without warnings and, without a writer, ends by itself and says so."""
    source, binary, lib = Path(work, "example.c"), Path(work, "example"), os.environ.get("NETVANE_LIB")
    source.write_text(program)
    command = [os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion",
               "-Werror", f"-I{ROOT / 'include'}", str(source)]
    if not lib or os.environ.get("NETVANE_SANITIZE"):  # a sanitized library needs a sanitized program
        run = subprocess.run(command + ["-fsyntax-only"], capture_output=True, text=True, check=False)
        return run.stderr if run.returncode else None
    run = subprocess.run(command + ["-o", str(binary), f"-L{lib}", "-lnetvane", f"-Wl,-rpath,{lib}"],
                         capture_output=True, text=True, check=False)
    if run.returncode:
        return run.stderr
    run = subprocess.run([str(binary)], env={"NETVANE_DIR": work}, capture_output=True, text=True, timeout=20,
                         check=False)
    if run.returncode != 1 or "netvaned" not in run.stderr:
        return f"without a writer it ended with {run.returncode}: {run.stdout}{run.stderr}"
    return None


def main():
    problems = [f"netvane.3 does not tell of {what}" for what in missing()]
    programs = list(examples())
    if {where for where, _ in programs} != {"netvane.3", "README.md"}:
        problems.append("netvane.3 or README.md has no example")
    for where, program in programs:
        with tempfile.TemporaryDirectory() as work:
            complaint = try_out(program, work)
            if complaint:
                problems.append(f"{where}: {complaint}")
    print("\n".join(problems) or f"{len(programs)} example(s) compiled and run")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
