# shellcheck shell=bash
# comenq from its tarball, on a host without its package: installed, used, installed again, upgraded,
# uninstalled. Each check begins without comenq,
# however it was installed, and the last ends so.

member_posts_from_usr_local() {
    without_comenq
    local said
    mv /etc/ssl/certs/ca-certificates.crt /run/
    said=$(install_tarball)
    mv /run/ca-certificates.crt /etc/ssl/certs/
    expect_text "what is missing" 'no CA certificates' "$said"
    expect_text "what it says" 'installed below /usr/local; comenq.socket is active' "$said"
    expect_text "the next steps" '/etc/comenqd/github-token(.|\n)*usermod -aG comenq' "$(tr '\n' ' ' <<<"$said")"
    expect "units" "socket enabled active, service enabled inactive" "$(unit_states)"
    expect "the unit" "/usr/local/lib/systemd/system/comenqd.service" "$(prop comenqd.service FragmentPath)"
    expect "the socket" "root:comenq 660" "$(stat -c '%U:%G %a' /run/comenq/comenq.sock)"
    expect "what the default configuration is taken for" "" "$(runuser -u comenq -- comenqd --check-config --quiet 2>&1)"
    configure_for_standin
    post "from the tarball"
    eventually 20 has_comments 1
    expect "the program" /usr/local/bin/comenqd "$(readlink "/proc/$(main_pid)/exe")"
    MANPATH=/usr/local/share/man man --where comenq
    zsh_completes
    expect_text "the catalogue" comenq "$(journalctl --list-catalog)"
}

second_run_changes_nothing() {
    without_comenq
    install_tarball
    configure_for_standin
    post "before"
    local pid said
    pid=$(main_pid)
    host_files >/run/host.before
    said=$(install_tarball)
    expect_text "what it says" 'nothing was changed' "$said"
    diff /run/host.before <(host_files) || fail "it changed something"
    expect "the daemon" "$pid" "$(main_pid)"
    # Right content, but another's.
    chown alice /usr/local/bin/comenqd
    install_tarball
    expect "owner" root "$(stat -c %U /usr/local/bin/comenqd)"
}

edited_configuration_is_kept() {
    without_comenq
    install_tarball
    echo "# mine" >>/etc/comenqd/config.toml
    cp -a /etc/comenqd/config.toml /run/config.before
    # The next version has another default.
    echo "# a new default" >>"$UNPACKED/systemd/config.toml"
    expect_text "what it says" 'kept /etc/comenqd/config.toml' "$(install_tarball)"
    cmp /run/config.before /etc/comenqd/config.toml
    expect "its time" "$(stat -c %Y /run/config.before)" "$(stat -c %Y /etc/comenqd/config.toml)"
    expect "the new default" "# a new default" "$(tail -n 1 /usr/local/share/doc/comenq/config.toml)"
    # One that was taken away on purpose is not the same as an edited one: it is made anew.
    rm /etc/comenqd/config.toml
    install_tarball
    [ -e /etc/comenqd/config.toml ] || fail "there is no configuration"
}

# Another version: a byte more behind each program, a page that goes and one that comes.
next_version() {
    printf x | tee -a "$UNPACKED/bin/comenq" >>"$UNPACKED/bin/comenqd"
    mv "$UNPACKED/systemd/man/comenqd.8" "$UNPACKED/systemd/man/other.8"
    echo "# Changed." >>"$UNPACKED/systemd/comenqd.service"
}

# Asks all the while; each failure is a line.
ask_in_a_loop() {
    until [ -e /run/asked.enough ]; do
        as alice comenq ping >/dev/null 2>>/run/asked.failures || echo failed >>/run/asked.failures
        echo >>/run/asked
    done
}

upgrade_restarts_a_running_service() {
    without_comenq
    install_tarball
    COOLDOWN=600 configure_for_standin
    post one
    post two
    eventually 20 has_comments 1
    local pid socket_since
    pid=$(main_pid)
    socket_since=$(prop comenq.socket ActiveEnterTimestampMonotonic)
    rm -f /run/asked*
    ask_in_a_loop &
    has_asked() { [ -s /run/asked ]; }
    eventually 10 has_asked
    next_version
    install_tarball
    : >/run/asked
    eventually 10 has_asked
    touch /run/asked.enough
    wait
    expect "clients that failed" "" "$(cat /run/asked.failures)"
    [ "$(main_pid)" != "$pid" ] || fail "the daemon was not restarted"
    cmp "/proc/$(main_pid)/exe" "$UNPACKED/bin/comenqd"
    expect "the socket was left alone" "$socket_since" "$(prop comenq.socket ActiveEnterTimestampMonotonic)"
    expect_text "the unit" 'Changed' "$(systemctl cat comenqd.service)"
    expect "pages of section 8" other.8 "$(ls /usr/local/share/man/man8)"
    expect "jobs" "posted queued" "$(job_state 1) $(job_state 2)"
    # What the administrator decided is not decided again, and who stopped it meant it.
    systemctl disable --now comenqd.service comenq.socket
    printf x >>"$UNPACKED/bin/comenqd"
    install_tarball
    expect "units" "socket disabled inactive, service disabled inactive" "$(unit_states)"
}

uninstall_keeps_the_queue() {
    without_comenq
    host_files | grep -v '^/usr/local/lib/comenq' >/run/host.before
    install_tarball
    COOLDOWN=600 EXTRA=$OTHER_QUEUE configure_for_standin
    post one
    post two
    eventually 20 has_comments 1
    mkdir -p /etc/systemd/system/comenqd.service.d
    echo "[Service]" >/etc/systemd/system/comenqd.service.d/mine.conf
    local said
    said=$(install_tarball --uninstall)
    expect_text "how to remove the rest" 'rm -r /var/lib/comenq /etc/comenqd' "$said"
    expect "a process" "" "$(pgrep -x comenqd || true)"
    [ ! -e /run/comenq/comenq.sock ] || fail "the socket is still there"
    [ -e /var/lib/comenq/other/CURRENT ] || fail "the queue is gone"
    expect "configuration" "config.toml github-token" "$(find /etc/comenqd -type f -printf '%f\n' | sort | xargs)"
    [ -e /etc/systemd/system/comenqd.service.d/mine.conf ] || fail "the administrator's drop-in is gone"
    rm -r /etc/systemd/system/comenqd.service.d
    # All else is as before, but for the notes of users and groups.
    diff <(grep -vE '^/etc/(passwd|group|shadow|gshadow|comenqd|subuid|subgid|\.pwd)|^/etc ' /run/host.before) \
        <(host_files | grep -vE '^/etc/(passwd|group|shadow|gshadow|comenqd|subuid|subgid|\.pwd)|^/etc ') ||
        fail "it left (>) or took (<) something"
    expect_text "once more" 'nothing to do' "$(install_tarball --uninstall)"
    # Back again, the queue itself is the reason to start.
    install_tarball
    expect "units" "socket enabled active, service enabled active" "$(unit_states)"
    expect "jobs" "posted queued" "$(job_state 1) $(job_state 2)"
}

another_prefix() {
    without_comenq
    mkdir -p /opt/x
    install_tarball --prefix /opt/x
    expect "units" "socket enabled active, service enabled inactive" "$(unit_states)"
    configure_for_standin
    as alice /opt/x/bin/comenq post "$ISSUE" "$NUMBER" "from elsewhere"
    eventually 20 has_comments 1
    expect "the program" /opt/x/bin/comenqd "$(readlink "/proc/$(main_pid)/exe")"
    refused 'installed below /opt/x: give --prefix /opt/x' install_tarball
    install_tarball --uninstall
    expect "what is left below it" "" "$(find /opt/x -mindepth 1)"
    rmdir /opt/x
    refused 'closed to the service' install_tarball --prefix /home/alice/comenq
    ln -s /home/alice /opt/alice
    refused 'closed to the service' install_tarball --prefix /opt/alice/comenq
    rm /opt/alice
    refused '--prefix /usr is for packages' install_tarball --prefix /usr
}

# PATH has the host's own behind what is put there.
with_first_in_path() {
    local name=$1 script=$2
    shift 2
    rm -rf /run/fake
    mkdir /run/fake
    printf '#!/bin/sh\n%s\n' "$script" >"/run/fake/$name"
    chmod 0755 "/run/fake/$name"
    PATH=/run/fake:$PATH "$@"
}

refuses_a_host_that_cannot() {
    without_comenq
    refused 'systemd is 240: 249 or newer' with_first_in_path systemctl 'echo "systemd 240 (240-1)"' install_tarball
    refused 'comenqd does not run here.*GLIBC_2.99' broken_program
    rm -rf "$UNPACKED/bin/comenqd"
    refused 'comenqd is missing' install_tarball
    without_comenq
    touch /etc/systemd/system/comenqd.service
    refused 'installation by hand' install_tarball
    rm /etc/systemd/system/comenqd.service
    systemctl mask comenqd.service
    refused "'systemctl unmask comenqd.service' first" install_tarball
    systemctl unmask comenqd.service
}

broken_program() {
    # shellcheck disable=SC2016 # of the other script
    printf '#!/bin/sh\necho "$0: version GLIBC_2.99 not found" >&2\nexit 1\n' >"$UNPACKED/bin/comenqd"
    install_tarball
}

# comenq.deb of the same files, without scripts.
make_package() {
    local dir
    dir=$(mktemp -d)
    "$UNPACKED/systemd/install.sh" --stage "$dir"
    mkdir "$dir/DEBIAN"
    printf '%s\n' 'Package: comenq' 'Version: 0' 'Architecture: all' 'Maintainer: x <x@comenq.invalid>' \
        'Description: for a test' >"$dir/DEBIAN/control"
    # A configuration file as packages have it needs scripts, or conffiles.
    rm -r "${dir:?}/etc"
    chmod 0755 "$dir"
    dpkg-deb --root-owner-group -Znone --build "$dir" /var/tmp/comenq.deb
    rm -rf "$dir"
}

refuses_beside_a_package() {
    without_comenq
    make_package
    dpkg --no-triggers --install /var/tmp/comenq.deb
    refused 'installed as a package \(dpkg\)' install_tarball
    dpkg --no-triggers --purge comenq
    # What came later does not begin.
    install_tarball
    configure_for_standin
    post "from the tarball"
    [ ! -e "$PACKAGE" ] || refused "'systemd/install.sh --uninstall'" dpkg --no-triggers --install "$PACKAGE"
    refused "'systemd/install.sh --uninstall'" rpm --force-debian --nodeps --install "$(rpm_of_release 1)"
    # Where it did all the same, the tarball's part goes, and the package's takes over.
    dpkg --no-triggers --install /var/tmp/comenq.deb
    expect_text "what it says" 'the package \(dpkg\) goes on' "$(install_tarball --uninstall)"
    expect "units" "socket enabled active, service enabled active" "$(unit_states)"
    expect "the program" /usr/bin/comenqd "$(readlink "/proc/$(main_pid)/exe")"
    expect "links to what is gone" "" "$(find /etc/systemd/system -xtype l -name 'comenq*')"
    post "from the package"
    eventually 20 has_comments 2
    systemctl disable --now comenqd.service comenq.socket
    dpkg --no-triggers --purge comenq
}

# cut_short COMMAND PATTERN [ARGUMENT…]: install.sh is, by a COMMAND that fails with words like PATTERN.
cut_short() {
    local name=$1 pattern=$2 rc=0
    shift 2
    with_first_in_path "$name" "case \$* in $pattern) exit 7 ;; esac; exec $(type -P "$name") \"\$@\"" \
        install_tarball "$@" || rc=$?
    expect "exit code" 7 "$rc"
}

# An installation that ended before the units, and an uninstallation between them.
cut_short_is_undone() {
    without_comenq
    host_files | sed '\|^/etc|d' >/run/host.before
    cut_short cp '*/comenqd.service*'
    [ -e /usr/local/bin/comenqd ] || fail "it ended too early for this"
    install_tarball --uninstall
    install_tarball
    cut_short rm '*/system/comenqd.service*' --uninstall
    [ ! -e /usr/local/lib/systemd/system/comenq.socket ] || fail "it ended too early for this"
    install_tarball --uninstall
    expect "units" "" "$(systemctl list-unit-files --no-legend 'comenq*')"
    expect "links to units" "" "$(find /etc/systemd/system -name 'comenq*')"
    diff /run/host.before <(host_files | sed '\|^/etc|d') || fail "it left (>) or took (<) something"
}

# What was copied for it goes too, when it is ended from outside.
ended_run_leaves_no_stage() {
    without_comenq
    local rc=0
    mkdir /run/tmp
    # shellcheck disable=SC2016 # of the other script
    TMPDIR=/run/tmp with_first_in_path systemd-sysusers 'kill -TERM "$PPID"' install_tarball || rc=$?
    expect "exit code" 130 "$rc"
    expect "what is left" "" "$(ls -A /run/tmp)"
    rmdir /run/tmp
}

# It is installed all the same, and the next run finds nothing to do.
trouble_at_the_start_is_told() {
    without_comenq
    install_tarball
    configure_for_standin
    post "before"
    install_tarball --uninstall
    echo 'nonsense = 1' >>/etc/comenqd/config.toml
    local said rc=0
    said=$(install_tarball 2>&1) || rc=$?
    expect "exit code" 1 "$rc"
    expect_text "what it says" 'usermod -aG(.|\n)*all is installed, but .*journalctl -u comenqd' "$(tr '\n' ' ' <<<"$said")"
    expect_text "again" 'nothing was changed' "$(install_tarball)"
    expect "units" "socket enabled active, service enabled" "$(unit_states | sed 's/ [a-z]*$//')"
}

# A run that was cut short is mended by the next one.
cut_short_is_mended() {
    without_comenq
    cut_short systemd-sysusers '*'
    expect "the socket" inactive "$(prop comenq.socket ActiveState)"
    install_tarball
    expect "units" "socket enabled active, service enabled inactive" "$(unit_states)"
    # And an upgrade that ended before the restart.
    configure_for_standin
    post "running"
    local pid
    pid=$(main_pid)
    printf x >>"$UNPACKED/bin/comenqd"
    cut_short systemd-sysusers '*'
    install_tarball
    [ "$(main_pid)" != "$pid" ] || fail "the daemon is still the old one"
    cmp "/proc/$(main_pid)/exe" "$UNPACKED/bin/comenqd"
    # And one that ended before it removed what only the version before had.
    next_version
    cut_short cp '*/comenqd.service*'
    install_tarball
    expect "pages of section 8" other.8 "$(ls /usr/local/share/man/man8)"
}

tarball_checks() {
    if [ ! -d "$PACKAGES" ]; then
        echo "the tarball and the RPM are left out: no --packages was given"
        return
    fi
    check "the tarball, in /usr/local: the socket serves at once, a member posts" member_posts_from_usr_local
    check "the tarball a second time: nothing changes" second_run_changes_nothing
    check "the tarball over an edited configuration: it is kept" edited_configuration_is_kept
    check "the tarball upgraded: the running service restarts, no client fails" upgrade_restarts_a_running_service
    check "uninstalled: the queue and the configuration stay, all else is as before" uninstall_keeps_the_queue
    check "the tarball below another prefix" another_prefix
    check "the tarball refuses a host that cannot carry it, and changes nothing" refuses_a_host_that_cannot
    check "the tarball refuses beside a package" refuses_beside_a_package
    check "an installation that was cut short is mended by the next" cut_short_is_mended
    check "one that was cut short is undone, and so is what was undone half way" cut_short_is_undone
    check "one that is ended from outside leaves nothing in /tmp" ended_run_leaves_no_stage
    check "a daemon that does not start is told, and the installation complete" trouble_at_the_start_is_told
    check "without comenq again" without_comenq
}
