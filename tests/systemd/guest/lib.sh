# shellcheck shell=bash
# What the boots' scripts share: running checks, acting as a user, watching the
# unit, and the GitHub stand-in. Sourced inside the container only.

# These scripts install units, add users and kill daemons: never on a host.
if [ "$(cat /run/host/container-manager 2>/dev/null)" != systemd-nspawn ] || [ ! -d /opt/acceptance ]; then
    echo "this runs inside the acceptance container only: see tests/systemd/run" >&2
    exit 2
fi

TOKEN=acceptance-token-5f2c
API=http://127.0.0.1:8080
ISSUE=octo/hello
NUMBER=1
# shellcheck disable=SC2034 # the exit status of the scripts
checks_failed=0

# ---- Checks

fail() {
    echo "$*" >&2
    exit 1
}

# check NAME FUNCTION: one line of verdict; what it printed only if it failed.
# In a subshell, and not as a condition, so that `set -e` holds inside. Said in one piece,
# for the guests' logs are shown as one.
check() {
    local name=$1 output rc verdict=PASS text
    started=$EPOCHREALTIME
    output=$(mktemp)
    set +e
    (
        set -e
        "$2"
    ) >"$output" 2>&1
    rc=$?
    set -e
    [ "$rc" = 0 ] || verdict=FAIL
    text=$(printf '%s %5.1fs  %s' "$verdict" "$(seconds_since "$started")" "$name")
    if [ "$rc" != 0 ]; then
        checks_failed=$((checks_failed + 1))
        text+=$(
            echo
            sed 's/^/      | /' "$output"
            echo "      | --- the journal since this check began"
            journal -o short-precise -u comenq.socket | tail -n 40 | sed 's/^/      | /'
        )
    fi
    echo "$text"
    rm -f "$output"
}

# What the service has said since this check began.
journal() {
    journalctl --no-pager --since "@$started" -u comenqd "$@"
}

seconds_since() {
    awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { print to - from }'
}

# eventually SECONDS COMMAND…: polls until it holds; otherwise fails and says what.
eventually() {
    local limit=$1 from=$EPOCHREALTIME
    shift
    until "$@" >/dev/null 2>&1; do
        if [ "$(seconds_since "$from" | cut -d. -f1)" -ge "$limit" ]; then
            fail "not within $limit s: $*"
        fi
        sleep 0.05
    done
}

expect() {
    local what=$1 wanted=$2 got=$3
    [ "$wanted" = "$got" ] || fail "$what: expected '$wanted', got '$got'"
}

expect_text() {
    local what=$1 pattern=$2 text=$3
    grep -Eqi -- "$pattern" <<<"$text" || fail "$what: expected /$pattern/ in: $text"
}

# ---- People. alice is in the group, bob is not.

as() {
    local user=$1
    shift
    # As after a login: no environment of ours, the user's own groups.
    env -i PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 /usr/sbin/runuser -u "$user" -- "$@"
}

# post TEXT [OPTION…]: queues a comment as alice and prints the job's number.
post() {
    local text=$1 reply
    shift
    reply=$(as alice comenq post --json "$@" "$ISSUE" "$NUMBER" "$text") || return
    jq -er .job.id <<<"$reply"
}

# ---- The unit

prop() {
    systemctl show -P "$2" "$1"
}

main_pid() {
    prop comenqd.service MainPID
}

is_up() {
    [ "$(prop comenqd.service ActiveState)/$(prop comenqd.service SubState)" = active/running ]
}

pid_is_new() {
    local pid
    pid=$(main_pid)
    [ "$pid" != 0 ] && [ "$pid" != "$1" ]
}

socket_is_up() {
    systemctl --quiet is-active comenq.socket
}

drop_in() {
    mkdir -p /run/systemd/system/comenqd.service.d
    cat >/run/systemd/system/comenqd.service.d/acceptance.conf
    systemctl daemon-reload
}

# The configuration of every check; COOLDOWN (seconds), API and EXTRA (lines)
# before the call change it.
configure() {
    printf '%s\n' "github_api_url = \"$API\"" "cooldown_period_seconds = ${COOLDOWN:-1}" \
        "look_delay_seconds = 1" "${EXTRA:-}" >/etc/comenqd/config.toml
    chown comenq: /etc/comenqd/config.toml
    chmod 0600 /etc/comenqd/config.toml
}

write_token() {
    (umask 077 && echo "$TOKEN" >/etc/comenqd/github-token)
}

# Every check begins here: socket listening, service never started, nothing
# stored, nothing posted, GitHub in a good mood.
fresh() {
    systemctl stop comenqd.service comenq.socket
    systemctl reset-failed comenqd.service comenq.socket standin.service 2>/dev/null || true
    rm -rf /var/lib/comenq/* /run/systemd/system/comenqd.service.d
    systemctl daemon-reload
    mkdir -p /etc/comenqd
    write_token
    configure
    systemctl stop standin.service
    rm -rf /var/lib/standin/*
    systemctl start standin.service
    eventually 10 comments
    systemctl start comenq.socket
}

# ---- GitHub

comments() {
    curl -fsS -H "Authorization: Bearer $TOKEN" "$API/repos/$ISSUE/issues/$NUMBER/comments?per_page=100"
}

bodies() {
    comments | jq -r '.[].body'
}

comment_count() {
    comments | jq length
}

has_comments() {
    [ "$(comment_count)" = "$1" ]
}

# standin VERB JSON: see tests/harness/github/control.rs.
standin() {
    curl -fsS "$API/_standin/$1" -d "$2"
}

# The next POST is held so many milliseconds before anything happens.
delay_next_post() {
    standin fault "{\"on\":{\"kind\":\"post\"},\"before\":{\"ms\":$1}}"
}

posts_seen() {
    curl -fsS "$API/_standin/requests" | jq '[.[] | select(.kind == "post")] | length'
}

# From the answer to the post before to the arrival of each, in ms.
gaps() {
    curl -fsS "$API/_standin/requests" | jq -r '[.[] | select(.kind == "post") | [.received_ms, .answered_ms]]
        | [.[:-1], .[1:]] | transpose | map(.[1][0] - .[0][1]) | .[]'
}

has_seen_a_post() {
    [ "$(posts_seen)" != 0 ]
}

install_standin() {
    install -m 0755 /opt/acceptance/github-standin /usr/bin/github-standin
    cat >/etc/systemd/system/standin.service <<UNIT
[Service]
ExecStart=/usr/bin/github-standin --listen 127.0.0.1:8080 --token $TOKEN=comenq-bot:4242 --issue $ISSUE#$NUMBER --state /var/lib/standin/state
StateDirectory=standin
[Install]
WantedBy=multi-user.target
UNIT
    systemctl daemon-reload
    systemctl enable --quiet --now standin.service
}
