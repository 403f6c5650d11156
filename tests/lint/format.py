# SPDX-License-Identifier: MIT
"""Every C file is as clang-format leaves it. To mend: clang-format -i FILE."""

import re
import shutil
import subprocess

import tree

# Other majors lay some lines out differently, so only this one decides.
MAJOR = 14


def find_clang_format():
    found = shutil.which(f"clang-format-{MAJOR}") or shutil.which("clang-format")
    if not found:
        tree.skip("clang-format is not installed")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"version (\d+)", version)
    if not match or int(match.group(1)) != MAJOR:
        tree.skip(f"clang-format {MAJOR} is needed, this is: {version.strip()}")
    return found


def main():
    tool = find_clang_format()
    paths = [str(p) for p in tree.files()
             if p.suffix in (".c", ".h") and not p.is_relative_to("tests/data")]
    problems = []
    for path in paths:
        run = subprocess.run([tool, "--dry-run", "-Werror", "--style=file", path],
                             cwd=tree.ROOT, capture_output=True, text=True, check=False)
        if run.returncode:
            lines = re.findall(r"^[^\n]*:(\d+):\d+: error: ", run.stderr, re.MULTILINE)
            where = ", ".join(dict.fromkeys(lines)) or run.stderr.strip()
            problems.append(f"{path}: not as clang-format leaves it, lines {where}")
    tree.finish(problems, len(paths))


main()
