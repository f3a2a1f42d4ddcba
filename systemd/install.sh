#!/bin/sh
# Installs comenq on a host with systemd and without its package.
#
#   systemd/install.sh [--prefix DIR] [--bins DIR]        as root: installs, or upgrades
#   systemd/install.sh --uninstall                        as root: keeps queue and configuration
#   systemd/install.sh --stage DIR [--prefix DIR] [--bins DIR]
#
# --prefix  below which programs, manual and completions go; /usr/local if not given. Under any
#           prefix but /usr, which is for packages (--stage), the units lie in
#           /usr/local/lib/systemd, where systemd looks as well, and which leaves /etc/systemd to
#           the administrator.
# --bins    where comenq and comenqd are: bin/ of the unpacked tarball, or target/release. Beside that
#           directory lies THIRD-PARTY if the programs are to be passed on (.github/third-party).
# --stage   copies the files below DIR as they lie on a host (/usr if no prefix is given), and
#           does nothing else: packages are made so.
#
# What is installed where is said here and nowhere else; what the host goes through is in
# install-host.sh. A second run changes nothing. /etc/comenqd/config.toml is written only where
# there is none. The exit code is 0, 1 if the host lacks something or a step failed, and 2 if the
# command line is wrong.
set -eu
umask 022
# What was recorded is compared with what is sorted today.
export LC_ALL=C

here=$(dirname "$(readlink -f "$0")")
repo=$(readlink -f "$here/..")
task=install
bins=$repo/bin
[ -d "$bins" ] || bins=$repo/target/release
stage=
prefix=

die() {
    echo "install.sh: $*" >&2
    exit 1
}

usage() {
    [ $# = 0 ] || echo "install.sh: $*" >&2
    sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0" >&2
    exit 2
}

# put MODE FILE TARGET: below the stage, with its directories.
put() {
    install -D -m "$1" "$2" "$stage$3"
}

# put_each MODE DIRECTORY FILE…: those that exist; a pattern that fits nothing does not.
put_each() {
    mode=$1 directory=$2
    shift 2
    for file in "$@"; do
        [ ! -f "$file" ] || put "$mode" "$file" "$directory/${file##*/}"
    done
}

# put_units DIRECTORY FILE…: with the programs' own path.
put_units() {
    put_each 0644 "$@"
    directory=$1
    shift
    for file in "$@"; do
        [ ! -f "$file" ] || sed -i "s|/usr/bin/comenq|$prefix/bin/comenq|g" "$stage$directory/${file##*/}"
    done
}

# put_output TARGET COMMAND…: what a command prints.
put_output() {
    target=$stage$1
    shift
    mkdir -p "$(dirname "$target")"
    "$@" >"$target"
    chmod 0644 "$target"
}

# Where systemd looks: `lib` for units and the catalogue, `sysusers` for the user.
where_systemd_looks() {
    lib=/usr/local/lib/systemd sysusers=/etc/sysusers.d
    if [ "$prefix" = /usr ]; then
        lib=/usr/lib/systemd sysusers=/usr/lib/sysusers.d
    fi
}

stage_files() {
    put 0755 "$bins/comenq" "$prefix/bin/comenq"
    put 0755 "$bins/comenqd" "$prefix/bin/comenqd"
    put_units "$lib/system" "$here"/*.socket "$here"/*.service "$here"/*.slice
    put_units "$lib/user" "$here"/user/*
    put_each 0644 "$lib/catalog" "$here"/*.catalog
    put 0644 "$here/comenq.sysusers" "$sysusers/comenq.conf"
    put_each 0644 /etc/comenqd "$here/config.toml"
    for section in 1 5 7 8; do
        put_each 0644 "$prefix/share/man/man$section" "$here"/man/*."$section"
    done
    for file in PROTOCOL.md comenq.cddl; do
        put 0644 "$repo/comenq-proto/$file" "$prefix/share/doc/comenq/$file"
    done
    put_each 0644 "$prefix/share/doc/comenq" "$bins/../THIRD-PARTY"
    mkdir -p "$stage$prefix/share/man/man1"
    "$bins/comenq" man-pages "$stage$prefix/share/man/man1" >/dev/null
    put_output "$prefix/share/bash-completion/completions/comenq" "$bins/comenq" completions bash
    put_output "$prefix/share/zsh/site-functions/_comenq" "$bins/comenq" completions zsh
    put_output "$prefix/share/fish/vendor_completions.d/comenq.fish" "$bins/comenq" completions fish
}

while [ $# -gt 0 ]; do
    case $1 in
        --stage | --prefix | --bins) [ -n "${2-}" ] || usage "$1 needs a directory" ;;
    esac
    case $1 in
        --stage) task=stage stage=$2 && shift 2 ;;
        --prefix) prefix=$2 && shift 2 ;;
        --bins) bins=$2 && shift 2 ;;
        --uninstall) task=uninstall && shift ;;
        *) usage "unknown argument: $1" ;;
    esac
done

if [ -z "$prefix" ]; then
    prefix=/usr/local
    [ "$task" != stage ] || prefix=/usr
fi
case $prefix in
    *[!A-Za-z0-9/._-]* | [!/]*) usage "--prefix must be an absolute path of letters, digits and ._-: $prefix" ;;
    */) usage "--prefix must not end with a slash: $prefix" ;;
esac
where_systemd_looks

if [ "$task" = stage ]; then
    stage_files
    exit 0
fi
# shellcheck source=systemd/install-host.sh
. "$here/install-host.sh"
"$task"_on_host
