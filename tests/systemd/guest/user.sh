# shellcheck shell=bash
# A daemon of one user's own, under `systemd --user`.

# as_login USER COMMAND…: with what a login of that user has.
as_login() {
    local user=$1 uid
    shift
    uid=$(id -u "$user")
    env -i PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 XDG_RUNTIME_DIR="/run/user/$uid" \
        DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$uid/bus" HOME="/home/$user" /usr/sbin/runuser -u "$user" -- "$@"
}

own() {
    as_login alice systemctl --user "$@"
}

own_prop() {
    own show -P "$1" comenqd.service
}

own_post() {
    as_login alice comenq post "$ISSUE" "$NUMBER" "$1"
}

# As alice would set it up, from nothing.
set_up_own_service() {
    loginctl enable-linger alice
    manager_runs() { own is-system-running | grep -Eq 'running|degraded'; }
    eventually 20 manager_runs
    # shellcheck disable=SC2016 # for alice's shell
    printf '%s\n' "github_api_url = \"$API\"" "cooldown_period_seconds = 1" "look_delay_seconds = 1" |
        as_login alice sh -c 'umask 077; mkdir -p ~/.config/comenqd; cat >~/.config/comenqd/config.toml'
    own enable --now comenqd.service
}

remove_own_service() {
    own disable --now comenqd.service comenq.socket
    loginctl disable-linger alice
    systemctl stop "user@$(id -u alice).service"
    rm -rf /home/alice/.config /home/alice/.local/state /home/alice/probe-* /run/systemd/user/probe-*
}

own_daemon_serves_its_user_alone() {
    fresh
    trap remove_own_service EXIT
    set_up_own_service
    local socket text pid store rc=0
    socket=/run/user/$(id -u alice)/comenq/comenq.sock
    # A token that comes later, as a credential. The socket takes jobs all the while.
    text=$(own_post "before there was a token" 2>&1)
    echo "$text"
    # What she is told is what she may do: no root, no file of the host's.
    expect_text "where a token goes" 'into ~/\.config/comenqd/github-token .*systemctl --user restart comenqd' "$text"
    text=$(as_login alice comenq doctor) || true
    expect_text "what mends it" 'mend it: .*systemctl --user' "$text"
    expect "what only an administrator can do" "" "$(grep -E 'sudo|/etc/|systemctl [^-]' <<<"$text" || true)"
    echo "$TOKEN" | as_login alice sh -c 'umask 077; cat >~/.config/comenqd/github-token'
    own restart comenqd.service
    eventually 20 has_comments 1
    expect "where the token is from" "systemd credential github-token" \
        "$(as_login alice comenq status --json | jq -r '.status.lanes[0].token_source')"
    pid=$(own_prop MainPID)
    expect "the daemon's user" alice "$(stat -c %U "/proc/$pid")"
    expect_text "no new privileges" '^NoNewPrivs:[[:space:]]*1$' "$(cat "/proc/$pid/status")"
    expect_text "system call filter" '^Seccomp:[[:space:]]*2$' "$(cat "/proc/$pid/status")"
    store=$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^STATE_DIRECTORY=//p')
    case $store in
        /home/alice/?*) ;;
        *) fail "the store is in $store" ;;
    esac
    expect "the store" "alice 700" "$(stat -c '%U %a' "$store")"
    expect "files others can read" "" "$(find "$store" -mindepth 1 -perm /077)"
    expect "the socket" "alice 600" "$(stat -c '%U %a' "$socket")"
    text=$(as_login bob comenq --socket "$socket" post "$ISSUE" "$NUMBER" "let me in" 2>&1) || rc=$?
    echo "bob: $rc $text"
    expect "exit code for bob" 3 "$rc"
    own reload comenqd.service
    kill -KILL "$pid"
    own_post "after a kill"
    eventually 20 has_comments 2
    expect "comments" "before there was a token after a kill" "$(bodies | xargs)"
    expect "the system's daemon" "inactive 0" "$(prop comenqd.service ActiveState) $(prop comenqd.service NRestarts)"
    expect "the system's store" "" "$(ls -A /var/lib/comenq)"
    # Without one of her own she is served by the system's.
    own disable --now comenqd.service comenq.socket
    [ ! -e "$socket" ] || fail "the stopped socket left its path"
    own_post "by the system"
    eventually 20 has_comments 3
    expect "the system's daemon" active "$(prop comenqd.service ActiveState)"
}

# own_probes NAME SED-SCRIPT PROBE…: what they say in the user's unit, so changed.
own_probes() {
    local name=$1
    shift
    sed -E -e "s|^ExecStart=.*|ExecStart=/opt/acceptance/guest/probes ${*:2}|; s|^Type=.*|Type=oneshot|" \
        -e '/^(Requires|After|Sockets|ExecStartPre|ExecReload|Restart[A-Za-z]*|WatchdogSec|NotifyAccess|SuccessExitStatus)=/d' \
        -e "$1" /usr/lib/systemd/user/comenqd.service |
        sed "/^\\[Service\\]/a StandardOutput=truncate:/home/alice/$name" >"/run/systemd/user/$name.service"
    own daemon-reload
    own start "$name.service"
    grep -v '^#' "/home/alice/$name" | sort
}

own_sandbox_forbids_it() {
    fresh
    trap remove_own_service EXIT
    set_up_own_service
    prepare_probes
    mkdir -p /run/systemd/user
    local probes=(call_chown call_io_uring call_ptrace call_setpriority change_personality files_open_to_others
        netlink new_namespace run_32_bit_program run_setuid_program setuid_file vsock writable_code)
    expect "in the sandbox" "$(printf '%s=no\n' "${probes[@]}")" "$(own_probes probe-inside '' "${probes[@]}")"
    expect "without it" "$(printf '%s=yes\n' "${probes[@]}")" \
        "$(own_probes probe-outside '/^# ---- Sandbox/,/^\[Install\]/d; /^UMask=/d' "${probes[@]}")"
}

user_checks() {
    check "a daemon of a user's own, without root, serves its user alone" own_daemon_serves_its_user_alone
    check "its sandbox forbids what is probed" own_sandbox_forbids_it
}
