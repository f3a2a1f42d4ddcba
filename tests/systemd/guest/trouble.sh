# shellcheck shell=bash
# What befalls a host: no network, a daemon that is killed again and again or cannot start.
# Nothing may be lost, nothing posted twice, and the pace holds.

# How long each of the two loops goes on.
TROUBLE_SECONDS=60

# The shortest time between two POSTs as GitHub saw them, in ms.
shortest_gap() {
    curl -fsS "$API/_standin/requests" |
        jq '[.[] | select(.kind == "post") | .received_ms] | [.[1:], .[:-1]] | transpose | map(.[0] - .[1]) | min'
}

# What counts in all of them: so many seconds; some of the network's own time is taken off them.
expect_pace_of() {
    local gap
    gap=$(shortest_gap)
    echo "shortest time between two posts: $gap ms"
    [ "$gap" -ge $(($1 * 1000 - 50)) ] || fail "two posts within $gap ms, the cooldown is $1 s"
}

# No address has a route: not even 127.0.0.1, where GitHub is here. (systemd itself starts
# the loopback device with each service that has PrivateIPC=, so it cannot just be down.)
no_route() {
    ip rule add pref 2 lookup local
    ip rule del pref 0
    ip rule add pref 1 unreachable
}

routes_again() {
    ip rule del pref 1
    ip rule add pref 0 lookup local
    ip rule del pref 2
}

service_starts_without_a_network() {
    EXTRA=$(printf '%s\n' "backoff_min_seconds = 1" "backoff_max_seconds = 2") fresh
    no_route
    trap routes_again EXIT
    post one
    post two
    says_offline() { prop comenqd.service StatusText | grep -q 'degraded (account_offline): 2 queued, offline'; }
    eventually 10 says_offline
    expect_text "comenq status" "GitHub cannot be reached: .*next try" "$(as alice comenq status)"
    systemctl restart comenqd.service
    eventually 10 says_offline
    trap - EXIT
    routes_again
    eventually 30 has_comments 2
    expect "comments" "one two" "$(bodies | xargs)"
    expect_pace_of 1
}

# post_for SECONDS NAME NUMBER: a client in a loop; the texts that were acknowledged.
post_for() {
    NUMBER=$3
    local until=$((SECONDS + $1)) count=0
    while [ "$SECONDS" -lt "$until" ]; do
        count=$((count + 1))
        post "$2-$count" --key "$2-$count" >/dev/null || return
        echo "$2-$count"
        # As often as GitHub takes them, so that the queue is short at the end.
        sleep 6
    done
}

nothing_is_open() {
    as alice comenq list --json | jq -e 'all(.jobs[]; .state == "posted")'
}

bodies_everywhere() {
    curl -fsS "$API/_standin/comments" | jq -r '.[].body'
}

# The cooldown is longer than a restart takes, and the targets are several: else the restart, or the
# look after a kill, would keep the pace by itself.
kills_in_a_loop() {
    COOLDOWN=2 fresh
    standin issue "{\"issue\":\"$ISSUE#2\"}"
    standin issue "{\"issue\":\"$ISSUE#3\"}"
    # Comments exist for a while before the daemon hears of it, so that kills fall between.
    standin fault '{"on":{"kind":"post"},"after":{"ms":300},"times":1000}' >/dev/null
    local client clients=() kills=0 until=$((SECONDS + TROUBLE_SECONDS))
    for client in 1 2 3; do
        post_for "$TROUBLE_SECONDS" "client-$client" "$client" >"/run/acknowledged.$client" &
        clients+=($!)
    done
    while [ "$SECONDS" -lt "$until" ]; do
        if is_up && systemctl kill -s KILL comenqd.service; then
            kills=$((kills + 1))
        fi
        # Not a wait for something: at any moment of its life, but for the first.
        sleep "1.$((RANDOM % 10))"
    done
    for client in "${clients[@]}"; do
        wait "$client" || fail "a client failed"
    done
    socket_is_up || fail "the socket is $(systemctl is-active comenq.socket)"
    cat /run/acknowledged.* >/run/acknowledged
    echo "$kills kills, $(wc -l </run/acknowledged) jobs, $(posts_seen) posts"
    [ "$kills" -ge $((TROUBLE_SECONDS / 4)) ] || fail "only $kills kills"
    has_all() { [ "$(bodies_everywhere | wc -l)" -ge "$(wc -l </run/acknowledged)" ]; }
    eventually 90 has_all
    eventually 30 nothing_is_open
    expect "comments" "$(sort /run/acknowledged)" "$(bodies_everywhere | sort)"
    expect_pace_of 2
}

crashes_in_a_loop() {
    fresh
    EXTRA="cooldown_perod_seconds = 1" configure
    as alice comenq post --timeout $((TROUBLE_SECONDS + 30)) "$ISSUE" "$NUMBER" "patience" &
    local client=$! until=$((SECONDS + TROUBLE_SECONDS))
    while [ "$SECONDS" -lt "$until" ]; do
        socket_is_up || fail "the socket is $(systemctl is-active comenq.socket)"
        sleep 0.2
    done
    [ "$(prop comenqd.service NRestarts)" -ge $((TROUBLE_SECONDS / 2)) ] ||
        fail "only $(prop comenqd.service NRestarts) restarts"
    configure
    wait "$client" || fail "the client that waited failed"
    eventually 20 has_comments 1
    expect "comments" patience "$(bodies)"
}

trouble_checks() {
    check "without a network: jobs are taken, status says offline, posted when it is back" service_starts_without_a_network
    check "killed in a loop with clients running: nothing lost or doubled, pace kept" kills_in_a_loop
    check "crashing in a loop: the socket lives all the while, the client is served" crashes_in_a_loop
}
