# shellcheck shell=bash
# The RPM's scriptlets, where systemd runs: installed, upgraded, removed. They are to do what the Debian
# package's do (package.sh). Its dependencies are names of packages that only RPM's hosts have.

rpm_of_release() {
    echo "$PACKAGES"/comenq-*-"$1".*.rpm
}

as_rpm() {
    rpm --force-debian --nodeps "$@"
}

rpm_installs_and_serves_at_once() {
    without_comenq
    as_rpm --install "$(rpm_of_release 1)"
    expect "units" "socket enabled active, service enabled inactive" "$(unit_states)"
    expect "the unit" /usr/lib/systemd/system/comenqd.service "$(readlink -f "$(prop comenqd.service FragmentPath)")"
    expect "the socket" "root:comenq 660" "$(stat -c '%U:%G %a' /run/comenq/comenq.sock)"
    configure_for_standin
    post "from the RPM"
    eventually 20 has_comments 1
    refused 'installed as a package \(rpm\)' install_tarball
}

rpm_upgrade_restarts_the_service_only() {
    without_comenq
    as_rpm --install "$(rpm_of_release 1)"
    COOLDOWN=600 configure_for_standin
    post one
    post two
    eventually 20 has_comments 1
    local pid socket_since
    pid=$(main_pid)
    socket_since=$(prop comenq.socket ActiveEnterTimestampMonotonic)
    as_rpm --upgrade "$(rpm_of_release 2)"
    expect "release" 2 "$(rpm --query --qf '%{RELEASE}' comenq)"
    [ "$(main_pid)" != "$pid" ] || fail "the daemon was not restarted"
    expect "the socket was left alone" "$socket_since" "$(prop comenq.socket ActiveEnterTimestampMonotonic)"
    expect "units" "socket enabled active, service enabled active" "$(unit_states)"
    expect "jobs" "posted queued" "$(job_state 1) $(job_state 2)"
    expect_text "the edited configuration" '^cooldown_period_seconds = 600' "$(cat /etc/comenqd/config.toml)"
    # What the administrator decided is not decided again.
    systemctl disable --now comenqd.service comenq.socket
    as_rpm --upgrade --oldpackage "$(rpm_of_release 1)"
    expect "units" "socket disabled inactive, service disabled inactive" "$(unit_states)"
}

rpm_removal_keeps_the_queue() {
    without_comenq
    as_rpm --install "$(rpm_of_release 1)"
    as_rpm --erase comenq
    expect "what it left" "" "$(find /etc/comenqd /usr/share/{doc,licenses}/comenq 2>/dev/null || true)"
    as_rpm --install "$(rpm_of_release 1)"
    COOLDOWN=600 EXTRA=$OTHER_QUEUE configure_for_standin
    post one
    post two
    eventually 20 has_comments 1
    as_rpm --erase comenq
    expect "a process" "" "$(pgrep -x comenqd || true)"
    [ ! -e /run/comenq/comenq.sock ] || fail "the socket is still there"
    expect "units" "" "$(systemctl list-unit-files --no-legend 'comenq*')"
    expect "links to units" "" "$(find /etc/systemd/system -name 'comenq*')"
    [ -e /var/lib/comenq/other/CURRENT ] || fail "the queue is gone"
    expect "configuration" "config.toml github-token" "$(find /etc/comenqd -type f -printf '%f\n' | sort | xargs)"
    # Back again, the queue itself is the reason to start.
    as_rpm --install "$(rpm_of_release 1)"
    expect "units" "socket enabled active, service enabled active" "$(unit_states)"
    expect "jobs" "posted queued" "$(job_state 1) $(job_state 2)"
}

rpm_checks() {
    [ -d "$PACKAGES" ] || return 0
    check "the RPM: the socket serves at once, a member posts" rpm_installs_and_serves_at_once
    check "the RPM upgraded: the service restarts, the socket does not, decisions stay" rpm_upgrade_restarts_the_service_only
    check "the RPM removed: the queue stays, and goes on once it is installed again" rpm_removal_keeps_the_queue
    check "without comenq again" without_comenq
}
