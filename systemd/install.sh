#!/bin/sh
# Installs comenq on a host with systemd and without its package.
#
#   systemd/install.sh --stage DIR [--bins DIR]
#
# --stage copies the files below DIR as they lie on a host, and does nothing else: packages
# are made so. What is installed where is said here and nowhere else.
set -eu

here=$(dirname "$(readlink -f "$0")")
repo=$(readlink -f "$here/..")
bins=$repo/target/release
stage=
prefix=/usr

die() {
    echo "install.sh: $*" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
        --stage) stage=${2:?} && shift 2 ;;
        --bins) bins=${2:?} && shift 2 ;;
        *) die "unknown option: $1" ;;
    esac
done
[ -n "$stage" ] || die "--stage DIR is missing"

# put MODE FILE TARGET: below the stage, with its directories.
put() {
    install -D -m "$1" "$2" "$stage$3"
}

# put_output TARGET COMMAND…: what a command prints.
put_output() {
    target=$stage$1
    shift
    mkdir -p "$(dirname "$target")"
    "$@" >"$target"
    chmod 0644 "$target"
}

stage_files() {
    put 0755 "$bins/comenq" "$prefix/bin/comenq"
    put 0755 "$bins/comenqd" "$prefix/bin/comenqd"
    put 0644 "$here/comenq.socket" "$prefix/lib/systemd/system/comenq.socket"
    put 0644 "$here/comenqd.service" "$prefix/lib/systemd/system/comenqd.service"
    put 0644 "$here/comenq.slice" "$prefix/lib/systemd/system/comenq.slice"
    put 0644 "$here/user/comenq.socket" "$prefix/lib/systemd/user/comenq.socket"
    put 0644 "$here/user/comenqd.service" "$prefix/lib/systemd/user/comenqd.service"
    put 0644 "$here/comenq.sysusers" "$prefix/lib/sysusers.d/comenq.conf"
    for section in 1 5 7 8; do
        for page in "$here"/man/*."$section"; do
            [ -e "$page" ] || continue
            put 0644 "$page" "$prefix/share/man/man$section/${page##*/}"
        done
    done
    mkdir -p "$stage$prefix/share/man/man1"
    "$bins/comenq" man-pages "$stage$prefix/share/man/man1" >/dev/null
    put_output "$prefix/share/bash-completion/completions/comenq" "$bins/comenq" completions bash
    put_output "$prefix/share/zsh/site-functions/_comenq" "$bins/comenq" completions zsh
    put_output "$prefix/share/fish/vendor_completions.d/comenq.fish" "$bins/comenq" completions fish
}

stage_files
