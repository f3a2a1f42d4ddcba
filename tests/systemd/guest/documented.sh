# shellcheck shell=bash
# The commands of the documentation that need root or systemd, as they stand. What they are is
# in documented.commands, which tests/e2e/documentation.rs holds to be what the texts say. A check
# for each text.

DOCUMENTED=$(dirname "${BASH_SOURCE[0]}")/documented.commands
# Where the commands are typed.
DESK=/run/documented

# ---- The list

# Reads the commands of a text into the arrays `prompts` and `texts`.
read_commands() {
    local line source=
    prompts=() texts=()
    while IFS= read -r line; do
        case $line in
            '== '*) source=${line#== } ;;
            [#$]' '*)
                [ "$source" = "$1" ] || continue
                prompts+=("${line:0:1}")
                texts+=("${line:2}")
                ;;
            '    '*) [ "$source" != "$1" ] || texts[-1]+=$'\n'$line ;;
            *) fail "documented.commands: $line" ;;
        esac
    done <"$DOCUMENTED"
    [ ${#texts[@]} != 0 ] || fail "no command of $1 in documented.commands"
}

# ---- What a text finds, and what its commands name

# Eight jobs of alice, held, for the numbers in the texts.
lay_the_desk() {
    fresh
    rm -rf "$DESK"
    mkdir -p "$DESK/bin"
    # Root here as there: no password, no other user but one that is named.
    cat >"$DESK/bin/sudo" <<'SUDO'
#!/bin/sh
[ "$1" != -u ] || { user=$2 && shift 2 && exec runuser -u "$user" -- "$@"; }
exec "$@"
SUDO
    chmod 0755 "$DESK" "$DESK/bin" "$DESK/bin/sudo"
    openssl genrsa -out "$DESK/app.pem" 2048 2>/dev/null
    local number
    for number in 1 2 3 4 5 6 7 8; do
        post "number $number" --hold >/dev/null
    done
}

# As an administrator who was here before would leave it.
clear_the_desk() {
    rm -rf "$DESK" /root/comenq.jsonl /var/lib/prometheus/node-exporter \
        /etc/systemd/system/comenq.socket.d /etc/systemd/system/comenqd.service.d \
        /etc/comenqd/{app.pem,app.cred,github-token.cred}
    end_own_daemon
    systemctl daemon-reload
    systemctl stop comenqd.service comenq.socket
}

# ---- alice's own daemon

# at_login COMMAND…: as alice, with what her login gives her.
at_login() {
    local run
    run=/run/user/$(id -u alice)
    env -i PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME=/home/alice XDG_RUNTIME_DIR="$run" \
        DBUS_SESSION_BUS_ADDRESS="unix:path=$run/bus" /usr/sbin/runuser -u alice -- "$@"
}

log_alice_in() {
    printf '%s\n' "github_api_url = \"$API\"" |
        at_login sh -c 'umask 077; cat >~/.config/comenqd/config.toml'
    systemctl start "user@$(id -u alice).service"
}

# So that what follows meets the system's daemon again.
end_own_daemon() {
    loginctl disable-linger alice
    systemctl stop "user@$(id -u alice).service"
    rm -rf /home/alice/.config /home/alice/.local/state
}

# ---- Before and after a command

# What must be there before it.
before() {
    case $1 in
        'systemctl --user enable '*) log_alice_in ;;
        *'comenq metrics > '*) mkdir -p /var/lib/prometheus/node-exporter ;;
        *protocol_violation*) break_the_protocol ;;
        # Each takes a few seconds, and four tell as much as nine.
        'comenq release 7') as alice comenq cancel 1..5 ;;
    esac
}

# A frame of no length.
break_the_protocol() {
    as alice python3 -c 'import socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.connect("/run/comenq/comenq.sock")
peer.sendall(bytes(4))
peer.recv(1)'
    says_so() { journal -o cat | grep -q protocol_violation; }
    eventually 10 says_so
}

# What it is to have done, beyond ending well.
after() {
    case $1 in
        *'cat > /etc/comenqd/github-token'*)
            expect "the token's file" "root 600 $TOKEN" \
                "$(stat -c '%U %a' /etc/comenqd/github-token) $(cat /etc/comenqd/github-token)"
            ;;
        'systemctl --user status '*) [ -S "/run/user/$(id -u alice)/comenq/comenq.sock" ] ;;
        *'enable-linger alice') end_own_daemon ;;
        *'restart comenqd') expect "the service" active "$(prop comenqd.service ActiveState)" ;;
        *'comenq pause '*) expect_text "status" 'paused since.*GitHub maintenance' "$(comenq status)" ;;
        *'comenq drain --reason '*) ! post "while it is drained" || fail "a job was taken" ;;
        *'comenq drain --off') post "held as the others are" --hold ;;
        *'comenq metrics > '*)
            expect_text "metrics" '# EOF' "$(cat /var/lib/prometheus/node-exporter/comenq.prom)"
            # Where nobody answers, nothing is left beside it.
            COMENQ_SOCKET=/run/nobody bash -c "$1"
            expect "the collector's files" comenq.prom "$(ls /var/lib/prometheus/node-exporter)"
            ;;
        *'comenq export > '*)
            expect "the backup's mode" 600 "$(stat -c %a /root/comenq.jsonl)"
            expect "jobs in the backup" 9 "$(jq -s 'map(select(has("log"))) | length' /root/comenq.jsonl)"
            ;;
        *'comenqd'*' import '*) expect "files that are not the daemon's" "" "$(find /var/lib/comenq ! -user comenq)" ;;
        *' -cpf queue.tar '*) expect "the archive's mode" 600 "$(stat -c %a "$DESK/queue.tar")" ;;
        "comenq release \$("*) eventually 120 has_comments 4 ;;
        *public.conf*) restarted_for_all=yes ;;
        *'restart comenq.socket comenqd.service')
            [ "$restarted_for_all" = no ] ||
                expect "mode of the socket" 666 "$(stat -c %a /run/comenq/comenq.sock)"
            ;;
    esac
}

# ---- Running them

# type_command PROMPT TEXT: whatever asks gets the token.
type_command() {
    local prompt=$1 text=$2
    if [ "$prompt" = '#' ]; then
        (cd "$DESK" && PATH=$DESK/bin:$PATH bash -c "$text" <<<"$TOKEN")
    else
        at_login bash -c "$text" <<<"$TOKEN"
    fi
}

# Every command of a text, in its order. Stops at the first that fails, for those
# behind it build on it.
documented() {
    local index prompts texts restarted_for_all=no
    read_commands "$1"
    trap clear_the_desk EXIT
    lay_the_desk
    for index in "${!texts[@]}"; do
        echo "${prompts[index]} ${texts[index]}"
        before "${texts[index]}"
        type_command "${prompts[index]}" "${texts[index]}"
        after "${texts[index]}"
    done
}

documented_readme() {
    documented README.md
}

documented_daemon() {
    documented systemd/man/comenqd.8
}

documented_configuration() {
    documented systemd/man/comenqd.toml.5
}

documented_operations() {
    documented systemd/man/comenq-operations.7
}

documented_checks() {
    check "the commands of README work as they stand" documented_readme
    check "the commands of comenqd(8) work as they stand" documented_daemon
    check "the commands of comenqd.toml(5) work as they stand" documented_configuration
    check "the commands of comenq-operations(7) work as they stand" documented_operations
}
