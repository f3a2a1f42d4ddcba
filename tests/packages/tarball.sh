# shellcheck shell=bash
# The tarball for hosts with neither dpkg nor rpm. Sourced by run.
# shellcheck disable=SC2154 # dir, work, bins, repo, target and version are of run

tree=comenq-$version-$(uname -m)

tarball=$work/tarball/$tree.tar.gz

# Once for all.
tarball_is_made() {
    [ -e "$tarball" ] || .github/release tarball "$bins" "$work/tarball"
}

# By its header the client is of another processor.
two_processors_are_refused() {
    mkdir "$dir/mixed"
    cp "$bins/comenq" "$bins/comenqd" "$dir/mixed/"
    printf '\xf3' | dd of="$dir/mixed/comenq" bs=1 seek=18 conv=notrunc status=none
    refuses 1 "mixed/comenq is for a processor that has no name here" .github/release tarball "$dir/mixed" "$dir"
    case $(uname -m) in
        x86_64) printf '\xb7' ;;
        *) printf '\x3e' ;;
    esac | dd of="$dir/mixed/comenq" bs=1 seek=18 conv=notrunc status=none
    refuses 1 "has programs for two processors" .github/release tarball "$dir/mixed" "$dir"
}

same_input_gives_the_same_tarball() {
    tarball_is_made
    (umask 077 && TZ=Pacific/Auckland LANG=C .github/release tarball "$bins" "$dir")
    cmp "$tarball" "$dir/$tree.tar.gz"
}

nothing_of_the_builder_is_in_it() {
    tarball_is_made
    TZ=UTC tar --list --verbose --numeric-owner --full-time -f "$tarball" >"$dir/list"
    # The time of SOURCE_DATE_EPOCH.
    expect "owners and times" "0/0 2023-11-14 22:13:20" "$(awk '{ print $2, $4, $5 }' "$dir/list" | sort -u)"
    expect "modes" "-rw-r--r-- -rwxr-xr-x drwxr-xr-x" "$(awk '{ print $1 }' "$dir/list" | sort -u | xargs)"
    awk '{ print $6 }' "$dir/list" >"$dir/names"
    LC_ALL=C sort --check "$dir/names"
    expect "files outside its directory" "" "$(grep -v "^$tree/" "$dir/names" || true)"
    expect "of packages only" "" "$(grep systemd/rpm "$dir/names" || true)"
}

it_installs_what_the_source_tree_does() {
    tarball_is_made
    tar --extract -C "$dir" -f "$tarball"
    local file
    for file in LICENSE THIRD-PARTY README.md CHANGELOG.md bin/comenq bin/comenqd systemd/install.sh systemd/man/comenq.1; do
        [ -s "$dir/$tree/$file" ] || fail "$file is missing"
    done
    "$dir/$tree/systemd/install.sh" --stage "$dir/unpacked" --prefix /usr/local
    systemd/install.sh --stage "$dir/source" --prefix /usr/local --bins "$dir/$tree/bin"
    diff -r "$dir/unpacked" "$dir/source"
}

# Of what is linked into either program, and of nothing that only tests use.
it_has_the_notices_of_others() {
    tarball_is_made
    tar --extract --to-stdout -f "$tarball" "$tree/THIRD-PARTY" >"$dir/notices"
    local crate
    for crate in ring rustls sled clap_builder; do
        grep -qE "^$crate [0-9.]+ \(.*\), LICENSE" "$dir/notices" || fail "no notice of $crate"
    done
    expect "what only tests use, and what is not compiled" "" \
        "$(grep -E '^(proptest|vt100|pty-process|reqwest|quinn|aws-lc-sys) ' "$dir/notices" || true)"
    grep -qE '^ring [0-9.]+ \(.*\), third_party/fiat/LICENSE$' "$dir/notices" || fail "no notice of what ring has taken in"
    grep -q 'fiat-crypto authors' "$dir/notices"
}

# daemon_of VERSION [OPTION…]: what tells a daemon is its header and its version, so anything that
# has these will do.
daemon_of() {
    printf 'int puts(const char *); int main(void) { return puts("comenqd %s") < 0; }\n' "$1" |
        cc "${@:2}" -x c -o "$dir/bins/comenqd" -
}

wrong_programs_are_refused() {
    mkdir "$dir/bins"
    cp "$bins/comenq" "$dir/bins/"
    daemon_of 9.9.9
    refuses 1 "comenqd is not of version $version" .github/release tarball "$dir/bins" "$dir/out"
    daemon_of "$version" -static
    refuses 1 "comenqd is linked statically" .github/release tarball "$dir/bins" "$dir/out"
    [ ! -e "$dir/out" ] || fail "something was made all the same"
}

tarball_checks() {
    check "programs for two processors, or an unknown one, are refused" two_processors_are_refused
    check "the same input gives the same tarball" same_input_gives_the_same_tarball
    check "it is root's, sorted, of one time, in one directory" nothing_of_the_builder_is_in_it
    check "unpacked it installs what the source tree does" it_installs_what_the_source_tree_does
    check "it has the notices of what is linked into the programs" it_has_the_notices_of_others
    check "programs of another version, or linked statically, are refused" wrong_programs_are_refused
}
