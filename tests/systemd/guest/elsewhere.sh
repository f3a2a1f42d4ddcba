# shellcheck shell=bash
# What tarball.sh, rpm.sh and package.sh share: being without comenq, however it was installed, and
# seeing what an installation changes. Uses unit_states of package.sh.

PACKAGES=/opt/acceptance/packages
UNPACKED=/var/tmp/unpacked
# A line of the configuration.
# shellcheck disable=SC2034 # for those
OTHER_QUEUE='queue_path = "/var/lib/comenq/other"'

# ---- Without

# As installing.sh installs it without a package: what is staged for /usr.
remove_what_was_staged() {
    local stage
    stage=$(mktemp -d)
    sh "$UNPACKED/systemd/install.sh" --stage "$stage"
    systemctl --quiet disable --now comenqd.service comenq.socket
    (cd "$stage" && find . -type f -printf '/%P\n') | xargs rm -f
    rm -rf "$stage" /etc/comenqd
}

without_comenq() {
    systemctl stop comenqd.service comenq.socket 2>/dev/null || true
    rm -rf "$UNPACKED" /run/systemd/system/comenqd.service.d
    mkdir "$UNPACKED"
    tar --extract --strip-components=1 -C "$UNPACKED" -f "$PACKAGES"/comenq-*.tar.gz
    "$UNPACKED/systemd/install.sh" --uninstall
    ! rpm --query comenq 2>/dev/null || rpm --force-debian --erase comenq
    if dpkg --status comenq >/dev/null 2>&1; then
        dpkg --purge comenq
    elif [ -e /usr/bin/comenqd ]; then
        remove_what_was_staged
    fi
    rm -rf /var/lib/comenq /etc/comenqd
    systemctl daemon-reload
    systemctl reset-failed comenqd.service comenq.socket 2>/dev/null || true
    expect "programs" "" "$(type -P comenq comenqd || true)"
    expect "units" "" "$(systemctl list-unit-files --no-legend 'comenq*')"
}

# What of the host an installation could touch, with times: "nothing changed" is meant so. Not what
# systemd and rpm note for themselves.
host_files() {
    # Not all of it is there at all times, which find calls a failure.
    { find /etc /usr/local /usr/bin /usr/lib/{systemd,sysusers.d} /usr/share/man/man{1,5,7,8} /opt/x /var/lib -xdev \
        \( -path /var/lib/systemd -o -path /var/lib/rpm -o -path /var/lib/dpkg -o -path /var/lib/comenq -o -path /var/lib/standin \) -prune -o \
        \( -type d -printf '%p %m %u:%g\n' -o -printf '%p %m %u:%g %s %T@ %l\n' \) 2>/dev/null || true; } | sort
}

# refused PATTERN COMMAND…: it ends with 1, says why, and leaves the host as it was.
refused() {
    local pattern=$1 rc=0 said
    shift
    host_files >/run/host.before
    said=$("$@" 2>&1) || rc=$?
    expect "exit code" 1 "$rc"
    expect_text "why" "$pattern" "$said"
    diff /run/host.before <(host_files) || fail "it changed the host: $*"
}

# ---- With

install_tarball() {
    "$UNPACKED/systemd/install.sh" "$@"
}

zsh_completes() {
    # shellcheck disable=SC2016 # for zsh
    zsh -c 'autoload -Uz compinit; compinit -u -D; (( $+_comps[comenq] ))' || fail "zsh does not find the completions"
}

# The stand-in empty, and the daemon sent to it. The token is as an administrator is told to write it.
configure_for_standin() {
    systemctl stop standin.service
    rm -rf /var/lib/standin/*
    systemctl start standin.service
    eventually 10 comments
    mkdir -p /etc/comenqd
    configure
    write_token
    usermod -aG comenq alice
}
