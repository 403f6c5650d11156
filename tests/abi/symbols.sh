#!/bin/sh
# SPDX-License-Identifier: MIT
# The symbols that the shared library exports are those of symbols.txt, and all begin with netvane_.
#
#   symbols.sh LIBRARY             compare
#   symbols.sh LIBRARY --update    write symbols.txt anew, on purpose
set -u
LC_ALL=C
export LC_ALL
library=$1
list=$(dirname "$0")/symbols.txt

if ! command -v nm >/dev/null 2>&1; then
    echo "SKIP: nm is not installed"
    exit 77
fi
# Versions (name@@NETVANE_0) and the version nodes themselves (type A) are not names of symbols.
exported=$(nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u)
[ -n "$exported" ] || {
    echo "$library exports nothing"
    exit 1
}

foreign=$(printf '%s\n' "$exported" | grep -v '^netvane_')
if [ -n "$foreign" ]; then
    printf 'exported, but not netvane_*:\n%s\n' "$foreign"
    exit 1
fi
if [ "${2-}" = --update ]; then
    printf '%s\n' "$exported" >"$list"
    exit 0
fi
if ! printf '%s\n' "$exported" | diff -u "$list" -; then
    echo "lines with - are promised but missing, lines with + are exported but not listed;"
    echo "if it is meant: tests/abi/symbols.sh LIBRARY --update, and a line in CHANGELOG.md"
    exit 1
fi
