# SPDX-License-Identifier: MIT
"""mandoc has nothing to say against the man pages."""

import re
import shutil
import subprocess

import tree


def main():
    if not shutil.which("mandoc"):
        tree.skip("mandoc is not installed")
    pages = [str(p) for p in tree.files() if re.fullmatch(r"\.[1-9]", p.suffix)]
    problems = []
    for page in pages:
        run = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page],
                             cwd=tree.ROOT, capture_output=True, text=True, check=False)
        problems += run.stdout.splitlines() + run.stderr.splitlines()
        if run.returncode and not problems:
            problems.append(f"{page}: mandoc exited {run.returncode}")
    tree.finish(problems, len(pages))


main()
