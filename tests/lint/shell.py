# SPDX-License-Identifier: MIT
"""shellcheck has nothing to say against the shell scripts, whatever they are called."""

import re
import shutil
import subprocess

import tree

SHEBANG = re.compile(rb"#!\s*\S*?(?:/env\s+)?/?(ba|da)?sh\b")


def is_shell(path):
    if path.is_relative_to("tests/data"):
        return False
    if path.suffix in (".sh", ".bash"):
        return True
    with open(tree.ROOT / path, "rb") as file:
        return bool(SHEBANG.match(file.read(64)))


def main():
    if not shutil.which("shellcheck"):
        tree.skip("shellcheck is not installed")
    scripts = [p for p in tree.files() if is_shell(p)]
    problems = []
    for script in scripts:
        # A completion is sourced and has no shebang.
        shell = ["-s", "bash"] if script.suffix == ".bash" else []
        run = subprocess.run(["shellcheck", "-x", "-f", "gcc", *shell, str(script)],
                             cwd=tree.ROOT, capture_output=True, text=True, check=False)
        problems += run.stdout.splitlines() + run.stderr.splitlines()
        if run.returncode and not problems:
            problems.append(f"{script}: shellcheck exited {run.returncode}")
    tree.finish(problems, len(scripts))


main()
