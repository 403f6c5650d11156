#!/bin/sh
# SPDX-License-Identifier: MIT
# What `cmake --install` leaves can be used: a consumer builds and runs against it by pkg-config and by
# find_package, shared and static.
#
#   install.sh BUILD_DIR
set -u
build=$1
here=$(cd "$(dirname "$0")" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

die()
{
    echo "$*"
    [ ! -f "$work/log" ] || cat "$work/log"
    exit 1
}

# runs NAME PROGRAM: it ran, and said something in words.
runs()
{
    out=$(LD_LIBRARY_PATH="$libdir" "$2") || die "$1: exit code $?: $out"
    case $out in
    -*': '?*) echo "$1: $out" ;;
    *) die "$1: printed: $out" ;;
    esac
}

cmake --install "$build" --prefix "$prefix" >"$work/log" 2>&1 || die "cmake --install failed"

# The library's folder is lib, lib64 or lib/<triplet>.
pc=$(find "$prefix" -name netvane.pc)
[ -n "$pc" ] || die "no netvane.pc is installed"
libdir=$(dirname "$(dirname "$pc")")
for file in include/netvane/netvane.h bin/netvane sbin/netvaned; do
    [ -f "$prefix/$file" ] || die "not installed: $file"
done
for file in libnetvane.so libnetvane.so.0 libnetvane.a; do
    [ -f "$libdir/$file" ] || die "not installed: $file"
done
if readelf -d "$libdir/libnetvane.so.0" 2>/dev/null | grep -q 'NEEDED.*libmnl'; then
    die "libnetvane.so needs libmnl"
fi
"$prefix/bin/netvane" --help >"$work/log" 2>&1 || die "the installed netvane does not run"

PKG_CONFIG_PATH=$(dirname "$pc")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
# Not quoted: pkg-config prints lists of options.
# shellcheck disable=SC2046
cc -std=c11 -Wall -Wextra -Werror "$here/consumer.c" -o "$work/pc-shared" \
    $(pkg-config --cflags --libs netvane) -Wl,-rpath,"$libdir" >"$work/log" 2>&1 ||
    die "pkg-config, shared: does not build"
runs "pkg-config, shared" "$work/pc-shared"
# shellcheck disable=SC2046
cc -std=c11 -Wall -Wextra -Werror -static "$here/consumer.c" -o "$work/pc-static" \
    $(pkg-config --static --cflags --libs netvane) >"$work/log" 2>&1 ||
    die "pkg-config, static: does not build"
runs "pkg-config, static" "$work/pc-static"

mkdir "$work/find" || exit 1
cp "$here/consumer.c" "$work/find/"
cat >"$work/find/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.16)
project(consumer C)
find_package(netvane 0.1 REQUIRED CONFIG)
add_executable(shared consumer.c)
target_link_libraries(shared PRIVATE netvane::netvane)
add_executable(static consumer.c)
target_link_libraries(static PRIVATE netvane::netvane_static)
END
{ cmake -G Ninja -S "$work/find" -B "$work/find/build" -DCMAKE_PREFIX_PATH="$prefix" &&
    cmake --build "$work/find/build"; } >"$work/log" 2>&1 || die "find_package: does not build"
runs "find_package, shared" "$work/find/build/shared"
runs "find_package, static" "$work/find/build/static"
