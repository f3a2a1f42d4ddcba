# shellcheck shell=bash
# The RPM, with rpm's own tools. What its scriptlets do: tests/systemd/guest/rpm.sh. Sourced by run.
# shellcheck disable=SC2154 # dir, work, bins, repo, target and version are of run

rpm_file=$work/rpm/comenq-$version-1.$(uname -m).rpm

# Once for all: it takes the longest.
rpm_is_made() {
    [ -e "$rpm_file" ] || .github/release rpm "$bins" "$work/rpm"
}

ask_rpm() {
    LC_ALL=C rpm --dbpath "$dir/db" --query --package "$rpm_file" "$@"
}

it_says_what_it_is() {
    rpm_is_made
    expect "name" "comenq $version 1 $(uname -m) MIT" "$(ask_rpm --qf '%{NAME} %{VERSION} %{RELEASE} %{ARCH} %{LICENSE}')"
    expect "build time" "$SOURCE_DATE_EPOCH" "$(ask_rpm --qf '%{BUILDTIME}')"
    expect "its sums" "$rpm_file: digests OK" "$(LC_ALL=C rpm --dbpath "$dir/db" --checksig "$rpm_file")"
}

its_files_are_those_staged() {
    rpm_is_made
    systemd/install.sh --stage "$dir/stage" --bins "$bins"
    printf '644 /usr/share/%s\n' doc/comenq/{CHANGELOG.md,README.md,THIRD-PARTY} licenses/comenq/LICENSE >"$dir/documents"
    find "$dir/stage" -type f -printf '%m /%P\n' | sort -u - "$dir/documents" >"$dir/wanted"
    ask_rpm --qf '[%{FILEMODES:octal} %{FILENAMES}\n]' | sed 's/^100//' | sort >"$dir/got"
    diff "$dir/wanted" "$dir/got" || fail "missing (<) or stray (>) in the package"
    expect "owners" "root:root" "$(ask_rpm --qf '[%{FILEUSERNAME}:%{FILEGROUPNAME}\n]' | sort -u)"
}

an_edited_configuration_is_not_replaced() {
    rpm_is_made
    # c: a configuration file, n: noreplace.
    expect "configuration files" "cn /etc/comenqd/config.toml" \
        "$(ask_rpm --qf '[%{FILEFLAGS:fflags} %{FILENAMES}\n]' | grep '^[a-z]*[cn]' || true)"
}

it_requires_what_it_needs() {
    rpm_is_made
    local wanted
    ask_rpm --requires >"$dir/requires"
    for wanted in /bin/sh ca-certificates 'systemd >= 249' 'libc.so.6(GLIBC_2.34)(64bit)'; do
        grep -qxF "$wanted" "$dir/requires" || fail "it does not require $wanted: $(cat "$dir/requires")"
    done
}

its_scriptlets_are_those_of_the_tree() {
    rpm_is_made
    local name
    ask_rpm --scripts >"$dir/scripts"
    {
        echo "preinstall scriptlet:" && cat systemd/rpm/pre && echo
        echo "postinstall scriptlet:" && cat systemd/rpm/post && echo
        echo "preuninstall scriptlet:" && cat systemd/rpm/preun && echo
        echo "postuninstall scriptlet:" && cat systemd/rpm/postun && echo
    } | diff - "$dir/scripts"
    shellcheck systemd/rpm/*
    # None may stop the socket on an upgrade, nor fail the transaction.
    for name in post preun postun; do
        expect "commands of $name that could fail it" "" \
            "$(grep -E '^ *(systemctl|systemd-|journalctl)' "systemd/rpm/$name" | grep -v '|| :$' || true)"
    done
}

# Without scriptlets, which belong to a system that runs. Debian's rpm wants to be told twice.
it_unpacks_into_a_root() {
    rpm_is_made
    local force=()
    ! rpm --help | grep -q -- --force-debian || force=(--force-debian)
    mkdir "$dir/root"
    rpm --root "$dir/root" "${force[@]}" --install --nodeps --noscripts "$rpm_file"
    rpm --root "$dir/root" --verify --nodeps --noscripts comenq
    systemd/install.sh --stage "$dir/stage" --bins "$bins"
    for file in $(cd "$dir/stage" && find . -type f); do
        cmp "$dir/stage/$file" "$dir/root/$file"
    done
}

# It names the host's file system, and the time, nowhere.
same_input_gives_the_same_rpm() {
    rpm_is_made
    .github/release rpm "$bins" "$dir/again"
    cmp "$rpm_file" "$dir/again/${rpm_file##*/}"
}

rpm_checks() {
    check "the RPM is made, says what it is, and its sums are right" it_says_what_it_is
    check "its files are those that install.sh stages, and the documents" its_files_are_those_staged
    check "an edited configuration is not replaced" an_edited_configuration_is_not_replaced
    check "it requires systemd, CA certificates and the glibc it was linked with" it_requires_what_it_needs
    check "its scriptlets are those of the tree, and fail nothing" its_scriptlets_are_those_of_the_tree
    check "it unpacks into a root as it was staged" it_unpacks_into_a_root
    check "the same input gives the same RPM" same_input_gives_the_same_rpm
}
