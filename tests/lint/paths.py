# SPDX-License-Identifier: MIT
"""No file names a place that only one machine has, or a package registry's host.

The patterns are put together from pieces, so that this file does not report itself. First the check
proves on planted lines that it sees what it is for.
"""

import re
from pathlib import Path

import tree

# Folders of a build machine: /<name>/..., not as a part of a longer relative path.
FOLDERS = ("work", "root", "builds", "github/workspace", "home/[A-Za-z0-9_.-]+", "Users/[A-Za-z0-9_.-]+")
# Hosts, as labels: joined with dots they are what must not stand anywhere.
HOSTS = (
    ("deb", "debian", "org"), ("security", "debian", "org"), ("snapshot", "debian", "org"),
    ("ftp", "debian", "org"), ("archive", "ubuntu", "com"), ("ports", "ubuntu", "com"),
    ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"),
    ("crates", "io"), ("proxy", "golang", "org"), ("sum", "golang", "org"), ("rubygems", "org"),
    ("docker", "io"), ("ghcr", "io"), ("quay", "io"), ("repo", "maven", "apache", "org"),
    ("conda", "anaconda", "org"),
)
# Mirrors and caches of one's own are called like this.
OWN_MIRROR = r"\b(?:artifactory|nexus|registry|mirrors?|apt-cache|devpi)(?:-[a-z0-9]+)?(?:\.[a-z0-9-]+)+\.(?:com|org|net|io|dev|local|lan|corp|internal|example)\b"

PATTERNS = [
    (re.compile(r"(?<![\w.})-])/(?:" + "|".join(FOLDERS) + r")/(?=[\w.@$-])"), "a path of one machine"),
    (re.compile(r"\b[A-Za-z]:\\+Users\\"), "a path of one machine"),
    (re.compile(r"(?<![\w-])(?:" + "|".join(r"\.".join(h) for h in HOSTS) + r")\b"), "a registry host"),
    (re.compile(OWN_MIRROR), "a registry host"),
]


def problems_in(name, text, patterns):
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, what in patterns:
            match = pattern.search(line)
            if match:
                yield f"{name}:{number}: {what}: {match.group()}"


def self_check():
    bad = ["cd /" + "work/x", 'open("/' + 'root/x")', "/" + "home/joe/y", ".".join(HOSTS[0]) + "/debian",
           "https://" + ".".join(("mirror", "corp", "example")) + "/x", "C:" + "\\Users\\joe"]
    good = ["head/root/walk", "docs/work/x", "$HOME/x", "root/", "the registry. More", "a/home/b/c",
            "mirror.c", "nv_mirror.h", "/" + "root", "/run/netvane/default"]
    return [f"self-check: not seen: {x}" for x in bad if not list(problems_in("", x, PATTERNS))] + [
        f"self-check: wrongly reported: {x}" for x in good if list(problems_in("", x, PATTERNS))]


def main():
    problems = self_check()
    patterns = list(PATTERNS)
    # Where this very checkout and this very user live. Short ones ("/src") would match by chance.
    for own in {str(tree.ROOT), str(Path.home())}:
        if own.count("/") > 1 and len(own) >= 8:
            patterns.append((re.compile(re.escape(own) + r"\b"), "a path of this machine"))
    paths = tree.files()
    for path in paths:
        text = (tree.ROOT / path).read_bytes()
        if b"\0" not in text:
            problems += problems_in(path, text.decode(errors="replace"), patterns)
    tree.finish(problems, len(paths))


main()
