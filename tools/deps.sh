# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# Sourced by tools/quickstart and tools/test: installs Debian packages that are missing, and says which.
# Assumes nothing but sh; where there is no dpkg it names the packages and leaves them to the user.

say()
{
    printf '==> %s\n' "$*"
}

# missing_packages NAME...: those that are not installed, one line.
missing_packages()
{
    missing=
    for package in "$@"; do
        case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) in
        *' installed') ;;
        *) missing="$missing $package" ;;
        esac
    done
    printf '%s' "${missing# }"
}

as_root()
{
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    else
        echo "error: neither root nor sudo: cannot run: $*" >&2
        return 1
    fi
}

# install_missing NAME...: 0 if all are there afterwards.
install_missing()
{
    if ! command -v dpkg-query >/dev/null 2>&1; then
        say "not a Debian system; make sure that you have the like of: $*"
        return 0
    fi
    wanted=$(missing_packages "$@")
    [ -n "$wanted" ] || return 0
    say "installing: $wanted"
    log=$(mktemp) || return 1
    # Not quoted: a list of package names.
    # shellcheck disable=SC2086
    if { as_root apt-get -q update &&
        as_root apt-get -q install -y --no-install-recommends $wanted; } >"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    tail -n 15 "$log" >&2
    rm -f "$log"
    echo "error: could not install: $wanted" >&2
    return 1
}
