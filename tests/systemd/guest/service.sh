# shellcheck shell=bash
# Everyday use of the service, and everything that may befall its process short of a reboot.

# Shorter than the shipped 20 s, so that three of them fit into a test.
WATCHDOG_SECONDS=4

short_watchdog() {
    drop_in <<UNIT
[Service]
WatchdogSec=${WATCHDOG_SECONDS}s
UNIT
}

socket_belongs_to_the_group() {
    fresh
    expect "owner and mode" "root:comenq 660" "$(stat -c '%U:%G %a' /run/comenq/comenq.sock)"
}

first_connect_starts_the_service() {
    fresh
    expect "before" inactive "$(prop comenqd.service ActiveState)"
    post "on demand"
    expect "after" active "$(prop comenqd.service ActiveState)"
    eventually 20 has_comments 1
    expect "the comment" "on demand" "$(bodies)"
}

shipped_settings_hold() {
    fresh
    post "settings"
    expect "watchdog" 20s "$(prop comenqd.service WatchdogUSec)"
    expect "state directory" "comenq:comenq 700" "$(stat -c '%U:%G %a' /var/lib/comenq)"
    expect "files the group can read" "" "$(find /var/lib/comenq -mindepth 1 -perm /077)"
    expect_text "status text" . "$(prop comenqd.service StatusText)"
}

stranger_is_refused_and_told_why() {
    fresh
    local text rc=0
    text=$(as bob comenq post "$ISSUE" "$NUMBER" "let me in" 2>&1) || rc=$?
    echo "$text"
    expect "exit code" 3 "$rc"
    expect_text "the group" '\bcomenq\b.*group|group.*\bcomenq\b' "$text"
    expect_text "the new login" 'log(ged)? ?(in|out)|login' "$text"
    expect "the service" inactive "$(prop comenqd.service ActiveState)"
}

# What the doctor says of each is what the one beside the machine needs.
doctor_tells_everybody_what_is_wrong() {
    fresh
    local text rc=0
    post "for the doctor"
    eventually 20 has_comments 1
    text=$(as alice comenq doctor) || fail "alice is told that something has failed: $text"
    expect_text "units" 'ok +units +comenq.socket is active' "$text"
    expect_text "socket" 'ok +socket +/run/comenq/comenq.sock' "$text"
    expect_text "token" 'ok +account +default.*token from' "$text"
    text=$(as bob comenq doctor) || rc=$?
    expect "exit code for bob" 1 "$rc"
    expect_text "the group" 'mend it: sudo usermod -aG comenq bob, then log in anew' "$text"
    systemctl stop comenqd.service comenq.socket
    rc=0
    text=$(as alice comenq doctor --json) || rc=$?
    expect "exit code without a socket" 1 "$rc"
    expect "what mends it" "sudo systemctl enable --now comenq.socket" \
        "$(jq -r '.checks[] | select(.name == "units") | .mend' <<<"$text")"
}

journal_tells_a_jobs_life() {
    fresh
    local job life field
    job=$(post "private words 81c9")
    eventually 20 has_comments 1
    says_posted() { journal -o cat "JOB_ID=$job" | grep -qi posted; }
    eventually 10 says_posted
    life=$(journal -o cat "JOB_ID=$job")
    echo "$life"
    expect_text "queued" queued "$life"
    expect_text "the comment's URL" "https?://[^ ]*$ISSUE" "$life"
    journal -o export >/run/journal.export
    for field in JOB_ID TARGET ACCOUNT PEER_UID PEER_PID ENDPOINT REQUEST_ID RESULT_CODE DURATION_MS GITHUB_REQUEST_ID; do
        grep -q "^$field=." /run/journal.export || fail "no entry has the field $field"
    done
    ! grep -q "$TOKEN" /run/journal.export || fail "the token is in the journal"
    ! grep -q "private words" /run/journal.export || fail "the comment's text is in the journal"
}

frozen_daemon_is_replaced() {
    fresh
    short_watchdog
    post "before the frost"
    eventually 20 has_comments 1
    local pid
    pid=$(main_pid)
    kill -STOP "$pid"
    # Waits in the socket's backlog until the next daemon takes it.
    post "during the frost"
    [ "$(main_pid)" != "$pid" ] || fail "the frozen daemon $pid was not replaced"
    expect_text "the reason" 'watchdog timeout' "$(journal -o cat)"
    eventually 20 has_comments 2
    expect "comments" "before the frost during the frost" "$(bodies | xargs)"
}

idle_daemon_lives() {
    fresh
    short_watchdog
    post "then nothing"
    eventually 20 has_comments 1
    local pid
    pid=$(main_pid)
    # Not a wait for something: that nothing happens for this long is the test.
    sleep $((3 * WATCHDOG_SECONDS + 1))
    expect "the daemon" "$pid" "$(main_pid)"
    expect "restarts" 0 "$(prop comenqd.service NRestarts)"
}

slow_post_lives() {
    fresh
    short_watchdog
    delay_next_post 29000
    post "slow"
    local pid
    pid=$(main_pid)
    eventually 45 has_comments 1
    expect "the daemon" "$pid" "$(main_pid)"
    expect "restarts" 0 "$(prop comenqd.service NRestarts)"
    job_is_posted() { [ "$(as alice comenq show --json 1 | jq -r .job.state)" = posted ]; }
    eventually 10 job_is_posted
    expect "POST requests" 1 "$(posts_seen)"
}

ten_kills_in_a_row() {
    fresh
    post "before the kills"
    local pid=0
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        eventually 10 pid_is_new "$pid"
        pid=$(main_pid)
        kill -KILL "$pid"
    done
    socket_is_up || fail "the socket is $(systemctl is-active comenq.socket)"
    post "after the kills"
    eventually 10 is_up
    eventually 30 has_comments 2
    expect "comments" "after the kills before the kills" "$(bodies | sort | xargs)"
}

plain_kill_does_not_stop_the_queue() {
    COOLDOWN=3 fresh
    post one
    post two
    post three
    eventually 20 has_comments 1
    kill "$(main_pid)"
    # No client connects from here on: only systemd can bring it back.
    eventually 30 has_comments 3
    expect "restarts" 1 "$(prop comenqd.service NRestarts)"
    expect "comments" "one three two" "$(bodies | sort | xargs)"
    expect_text "in order" 'deactivated successfully' "$(journal -o cat)"
}

stop_and_start() {
    COOLDOWN=3 fresh
    post one
    post two
    eventually 20 has_comments 1
    systemctl stop comenqd.service
    expect "stopped service" inactive "$(prop comenqd.service ActiveState)"
    expect "result" success "$(prop comenqd.service Result)"
    expect "exit status" 75 "$(prop comenqd.service ExecMainStatus)"
    socket_is_up || fail "stopping the service stopped the socket"
    # On demand again, and the queue is still there.
    expect_text "listed" 'two|queued|posted' "$(as alice comenq list)"
    eventually 20 has_comments 2
    expect "comments" "one two" "$(bodies | sort | xargs)"
    systemctl stop comenqd.service comenq.socket
    [ ! -e /run/comenq/comenq.sock ] || fail "the stopped socket left its path"
    local rc=0 text
    text=$(as alice comenq list 2>&1) || rc=$?
    expect "exit code without a socket" 3 "$rc"
    expect_text "what to do" 'comenq.socket|systemctl' "$text"
}

# However long it takes: half a POST is a comment nobody knows of.
stop_waits_for_a_running_post() {
    fresh
    delay_next_post 5000
    post "in the middle of it"
    eventually 10 has_seen_a_post
    systemctl stop comenqd.service
    expect "result" success "$(prop comenqd.service Result)"
    expect "comments" "in the middle of it" "$(bodies)"
    expect "the job" posted "$(as alice comenq show --json 1 | jq -r .job.state)"
    expect "POST requests" 1 "$(posts_seen)"
}

service_checks() {
    check "the socket belongs to root:comenq, 0660" socket_belongs_to_the_group
    check "a member's first connect starts the service; the comment arrives" first_connect_starts_the_service
    check "a non-member is refused with exit 3 and told the group" stranger_is_refused_and_told_why
    check "the doctor tells a member, an outsider, and of a stopped socket" doctor_tells_everybody_what_is_wrong
    check "watchdog, state directory and status are as shipped" shipped_settings_hold
    check "journalctl -u comenqd JOB_ID=N tells a job's life; no secrets" journal_tells_a_jobs_life
    check "a frozen daemon is replaced, the waiting client served" frozen_daemon_is_replaced
    check "an idle daemon outlives three watchdog intervals" idle_daemon_lives
    check "a POST of 29 s outlives the watchdog" slow_post_lives
    check "ten quick kill -9 leave a socket that serves" ten_kills_in_a_row
    check "a plain kill does not put the queue to sleep" plain_kill_does_not_stop_the_queue
    check "stop and start" stop_and_start
    check "a stop waits for the POST that runs" stop_waits_for_a_running_post
}
