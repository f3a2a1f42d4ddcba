# shellcheck shell=bash
# What install.sh stages, and what it refuses before it has touched anything. Sourced by run.
# shellcheck disable=SC2154 # dir, work, bins, repo, target and version are of run

staged_files() {
    (cd "$1" && find . -type f -printf '/%P\n' | sort)
}

everything_has_its_place() {
    systemd/install.sh --stage "$dir/stage" --bins "$bins"
    local file page files
    files=$(staged_files "$dir/stage")
    for file in systemd/*.catalog systemd/man/*; do
        [ -e "$file" ] || continue
        grep -q "/${file##*/}$" <<<"$files" || fail "$file is not staged"
    done
    # A user's own units have the names of the system's.
    expect "units" "$(cd systemd && printf '%s\n' *.{socket,service,slice} | sort)" \
        "$(sed -n 's!^/usr/lib/systemd/system/!!p' <<<"$files")"
    expect "units of users" "$(ls systemd/user)" "$(sed -n 's!^/usr/lib/systemd/user/!!p' <<<"$files")"
    grep -qx /etc/comenqd/config.toml <<<"$files"
    grep -qx /usr/share/doc/comenq/PROTOCOL.md <<<"$files"
    grep -qx /usr/share/doc/comenq/comenq.cddl <<<"$files"
    for page in comenq comenq-post comenq-doctor; do
        grep -qx "/usr/share/man/man1/$page.1" <<<"$files" || fail "no manual page $page.1"
    done
    expect "programs" "/usr/bin/comenq /usr/bin/comenqd" "$(cd "$dir/stage" && find . -perm /111 -type f -printf '/%P\n' | sort | xargs)"
    expect "modes" "644 755" "$(find "$dir/stage" -type f -printf '%m\n' | sort -u | xargs)"
    expect "empty files" "" "$(find "$dir/stage" -type f -empty)"
}

# A file that belongs to nobody in the list would come with no package.
nothing_in_systemd_is_forgotten() {
    local stray
    stray=$(find systemd -type f ! -path 'systemd/rpm/*' ! -path 'systemd/man/*.[1578]' ! -path 'systemd/user/*' \
        ! -name '*.socket' ! -name '*.service' ! -name '*.slice' ! -name '*.catalog' ! -name comenq.sysusers \
        ! -name config.toml ! -name install.sh ! -name install-host.sh)
    expect "files of systemd/ that install.sh does not know" "" "$stray"
}

other_prefixes_lie_where_systemd_looks() {
    systemd/install.sh --stage "$dir/usr" --bins "$bins"
    systemd/install.sh --stage "$dir/opt" --prefix /opt/x --bins "$bins"
    expect "where files lie" "/etc/comenqd /etc/sysusers.d /opt/x/bin /opt/x/share /usr/local/lib/systemd" \
        "$(staged_files "$dir/opt" | sed -E 's!^((/opt/x|/etc)/[a-z.]*|/usr/local/lib/systemd)/.*!\1!' | sort -u | xargs)"
    diff <(staged_files "$dir/usr" | sed -e 's!^/usr/lib/sysusers!/etc/sysusers!' -e 's!^/usr/lib/!/usr/local/lib/!' \
        -e 's!^/usr/\(bin\|share\)!/opt/x/\1!' | sort) <(staged_files "$dir/opt") || fail "a file is missing (<) or stray (>)"
    expect "programs of /usr in the units" "" "$(grep -r /usr/bin/comenq "$dir/opt/usr/local/lib/systemd" || true)"
    grep -qx 'ExecStart=/opt/x/bin/comenqd' "$dir/opt/usr/local/lib/systemd/system/comenqd.service"
}

wrong_command_lines_are_told() {
    local install=systemd/install.sh
    refuses 2 "unknown argument: --frobnicate" $install --frobnicate
    refuses 2 "unknown argument: stray" $install --uninstall stray
    refuses 2 "--stage needs a directory" $install --stage
    refuses 2 "--bins needs a directory" $install --stage "$dir" --bins ''
    refuses 2 "absolute path" $install --stage "$dir" --prefix opt
    refuses 2 "absolute path" $install --stage "$dir" --prefix '/opt/a|b'
    refuses 2 "must not end with a slash" $install --stage "$dir" --prefix /
}

as_nobody() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
    else
        "$@"
    fi
}

# As root it ends at the first thing that is not so, which is made to be a package.
refuses_without_root_or_beside_a_package() {
    local install
    install=$(readlink -f systemd/install.sh)
    chmod 755 "$work" "$dir"
    mkdir -p "$dir/copy"
    cp -r systemd "$dir/copy/"
    refuses 1 "needs root" as_nobody "$dir/copy/systemd/install.sh"
    refuses 1 "needs root" as_nobody "$dir/copy/systemd/install.sh" --uninstall
    mkdir "$dir/dpkg" "$dir/rpm"
    # The id says root to a user as well, and the package is there.
    printf '#!/bin/sh\necho 0\n' | tee "$dir/dpkg/id" >"$dir/rpm/id"
    printf '#!/bin/sh\nprintf installed\n' >"$dir/dpkg/dpkg-query"
    printf '#!/bin/sh\nexit 1\n' >"$dir/rpm/dpkg-query"
    printf '#!/bin/sh\nexit 0\n' >"$dir/rpm/rpm"
    chmod 755 "$dir"/{dpkg,rpm}/*
    refuses 1 "installed as a package \(dpkg\)" env PATH="$dir/dpkg:$PATH" "$install" --bins "$bins"
    # Whatever became of it, its files are there.
    printf '#!/bin/sh\nprintf half-configured\n' >"$dir/dpkg/dpkg-query"
    refuses 1 "installed as a package \(dpkg\)" env PATH="$dir/dpkg:$PATH" "$install" --bins "$bins"
    refuses 1 "installed as a package \(rpm\)" env PATH="$dir/rpm:$PATH" "$install" --bins "$bins"
    printf '#!/bin/sh\nprintf config-files\n' >"$dir/dpkg/dpkg-query"
    printf '#!/bin/sh\nexit 1\n' >"$dir/dpkg/rpm"
    chmod 755 "$dir/dpkg/rpm"
    refuses 1 "its purge would delete the queue" env PATH="$dir/dpkg:$PATH" "$install" --bins "$bins"
}

stage_checks() {
    check "programs, units, user, manual, completions and configuration have their places" everything_has_its_place
    check "no file of systemd/ is forgotten" nothing_in_systemd_is_forgotten
    check "another prefix: units and user where systemd looks, the rest below it" other_prefixes_lie_where_systemd_looks
    check "a wrong command line ends with 2 and says why" wrong_command_lines_are_told
    check "without root, and beside a package, nothing is installed" refuses_without_root_or_beside_a_package
}
