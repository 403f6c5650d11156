# SPDX-License-Identifier: MIT
"""What the lint tests share: the list of the project's files, and how to skip."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files(root=ROOT):
    """Paths relative to root of all files that are tracked, or new and not ignored; sorted."""
    git = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard"],
        capture_output=True,
        check=False,
    ) if (root / ".git").exists() else None
    if git is not None and git.returncode == 0:
        names = [os.fsdecode(name) for name in git.stdout.split(b"\0") if name]
        return sorted({Path(name) for name in names if (root / name).is_file()})
    # An unpacked release, or a tree that git refuses to read because another user owns it.
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in (".git", "build", "__pycache__")]
        found += [Path(folder, name).relative_to(root) for name in names]
    return sorted(found)


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(77)


def finish(problems, checked):
    """Prints the problems; exits 1 if there are any. Nothing checked is no proof, so it is a skip."""
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problem(s)")
        sys.exit(1)
    if not checked:
        skip("there is nothing to check yet")
    print(f"{checked} checked")
    sys.exit(0)
