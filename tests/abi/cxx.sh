#!/bin/sh
# SPDX-License-Identifier: MIT
# Each public header compiles alone, as strict C11 and as strict C++11, without a warning.
set -u
include=$(cd "$(dirname "$0")/../../include" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
flags="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fsyntax-only"
failed=0

# first COMMAND...: the first that is installed.
first()
{
    for candidate in "$@"; do
        if command -v "$candidate" >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
}

cc=$(first cc gcc clang)
cxx=$(first c++ g++ clang++)
if [ -z "$cc" ] || [ -z "$cxx" ]; then
    echo "SKIP: no C++ compiler is installed"
    exit 77
fi

for header in "$include"/netvane/*.h; do
    name=netvane/${header##*/}
    # Twice, so that the include guard is there; declarations of the user's own must still work.
    printf '#include <%s>\n#include <%s>\nextern int after;\n' "$name" "$name" >"$work/alone.c"
    cp "$work/alone.c" "$work/alone.cc"
    # Not quoted: a list of options.
    # shellcheck disable=SC2086
    "$cc" -std=c11 $flags -Wstrict-prototypes -I"$include" "$work/alone.c" ||
        { echo "$name: not clean C11"; failed=1; }
    # The region format is for C and for tools; only the API promises C++.
    if [ "$name" = netvane/netvane.h ]; then
        # shellcheck disable=SC2086
        "$cxx" -std=c++11 $flags -I"$include" "$work/alone.cc" ||
            { echo "$name: not clean C++11"; failed=1; }
    fi
done
exit $failed
