# shellcheck shell=bash
# What an administrator of the service does and meets: configuration, accounts,
# tokens, and the care of the queue.

missing_credential_is_no_failure() {
    fresh
    rm /etc/comenqd/github-token
    local text
    text=$(as alice comenq post "$ISSUE" "$NUMBER" "waits for a token" 2>&1) || fail "$text"
    expect_text "the reply" 'no.*token|token.*(missing|none|not)' "$text"
    expect_text "the status" token "$(as alice comenq status)"
    socket_is_up || fail "the socket is $(systemctl is-active comenq.socket)"
    eventually 10 is_up
    expect "POST requests without a token" 0 "$(posts_seen)"
    write_token
    systemctl restart comenqd.service
    eventually 20 has_comments 1
}

bad_config_keeps_the_socket() {
    fresh
    EXTRA="cooldown_perod_seconds = 1" configure
    as alice comenq post "$ISSUE" "$NUMBER" "patience" &
    local client=$!
    started_often() { [ "$(prop comenqd.service NRestarts)" -ge 3 ]; }
    eventually 20 started_often
    socket_is_up || fail "the socket is $(systemctl is-active comenq.socket)"
    local text
    text=$(journal -o cat)
    expect_text "a non-zero exit" 'main process exited, code=exited, status=[1-9]' "$text"
    expect_text "the bad key" cooldown_perod_seconds "$text"
    expect_text "the nearest key" cooldown_period_seconds "$text"
    configure
    wait "$client"
    eventually 20 has_comments 1
    expect "comments" patience "$(bodies)"
}

status_json() {
    as alice comenq status --json | jq -r ".status | $1"
}

# HUP reaches the daemon even where the file is bad, so that `status` tells too.
reload_applies_good_files_only() {
    COOLDOWN=600 fresh
    post one
    post two
    eventually 20 has_comments 1
    local pid text rc=0
    pid=$(main_pid)
    configure
    systemctl reload comenqd
    eventually 10 has_comments 2
    expect "the pace, in ms" 1000 "$(status_json '.lanes[0].cooldown_ms')"
    COOLDOWN=600 EXTRA="cooldown_perod_seconds = 5" configure
    systemctl reload comenqd || rc=$?
    [ "$rc" != 0 ] || fail "a reload of a bad file succeeded"
    has_config_error() { comenq status --json | jq -r .status.config.error | grep -q cooldown_perod_seconds; }
    eventually 10 has_config_error
    expect_text "status, for administrators" 'config.*cooldown_period_seconds' "$(comenq status)"
    # A mistake may be a secret in the wrong place.
    expect_text "status, for others" 'config.*which administrators see' "$(as alice comenq status)"
    expect "lines that tell others more" 0 "$(as alice comenq status | grep -c cooldown_perod_seconds)"
    expect_text "the reload's own words" "comenqd\\[[0-9]+\\]: comenqd: .*cooldown_perod_seconds" "$(journal -o short)"
    expect "the pace after a bad file, in ms" 1000 "$(status_json '.lanes[0].cooldown_ms')"
    post three
    eventually 10 has_comments 3
    configure
    systemctl reload comenqd
    has_no_config_error() { [ "$(status_json '.config.error')" = null ]; }
    eventually 10 has_no_config_error
    expect "the daemon" "$pid" "$(main_pid)"
    expect "restarts" 0 "$(prop comenqd.service NRestarts)"
}

author_of() {
    comments | jq -r --arg body "$1" '.[] | select(.body == $body) | .user.login'
}

second_account_posts_as_itself() {
    fresh
    standin token '{"token":"second-token-81aa","login":"second-bot","id":4343}'
    (umask 077 && echo second-token-81aa >/etc/comenqd/second-token)
    drop_in <<UNIT
[Service]
LoadCredential=github-token-second:/etc/comenqd/second-token
SetCredential=github-token-second:unset
UNIT
    EXTRA=$(printf '%s\n' '[accounts.second]' "api_url = \"$API\"" 'cooldown_period_seconds = 1') configure
    post "as the default"
    post "as the second" --account second
    eventually 20 has_comments 2
    expect "author of the first" comenq-bot "$(author_of "as the default")"
    expect "author of the second" second-bot "$(author_of "as the second")"
    expect "the second's credential" "systemd credential github-token-second" \
        "$(status_json '.lanes[] | select(.account == "second") | .token_source')"
    # The check before a reload does not see credentials: no reason to fail it.
    systemctl reload comenqd
    # A missing one blocks neither the start nor the other account.
    rm /etc/comenqd/second-token
    systemctl restart comenqd
    post "without the second"
    eventually 20 has_comments 3
}

refused_token_names_its_remedy() {
    fresh
    post "before"
    eventually 20 has_comments 1
    standin revoke "{\"token\":\"$TOKEN\"}"
    post "after"
    names_the_command() { systemctl status comenqd.service | grep -Eq 'Status: .*systemctl restart comenqd'; }
    eventually 20 names_the_command
    expect_text "the status line" 'blocked.*(Bad credentials|401)' "$(prop comenqd.service StatusText)"
    expect_text "a warning in the journal" 'systemctl restart comenqd' "$(journal -p warning -o cat)"
    TOKEN=acceptance-token-renewed
    standin token "{\"token\":\"$TOKEN\",\"login\":\"comenq-bot\",\"id\":4242}"
    write_token
    systemctl restart comenqd
    eventually 20 has_comments 2
    expect "comments" "before after" "$(bodies | xargs)"
    is_at_rest() { [ "$(prop comenqd.service StatusText)" = "0 queued" ]; }
    eventually 10 is_at_rest
}

# Comments of this many bytes, each held, sixteen of them a request.
BLOAT_BYTES=60000
BLOAT_BATCHES=45

bloat_the_store() {
    local text line count
    text=$(head -c "$BLOAT_BYTES" /dev/zero | tr '\0' x)
    line=$(jq -cn --arg target "$ISSUE#$NUMBER" --arg body "$text" '{target: $target, body: $body, hold: true}')
    for ((count = 0; count < 16; count++)); do
        printf '%s\n' "$line"
    done >/run/bloat.jsonl
    chmod 0644 /run/bloat.jsonl
    for ((count = 0; count < BLOAT_BATCHES; count++)); do
        as alice comenq post --batch /run/bloat.jsonl >/dev/null
    done
    # Job 1 is not among them, and the last one is to stay.
    seq 2 $((BLOAT_BATCHES * 16)) | xargs -n 200 runuser -u alice -- comenq cancel >/dev/null
}

store_file_bytes() {
    stat -c %s /var/lib/comenq/queue/store-*/db
}

bloated_store_is_compacted() {
    local policy
    policy=$(printf '%s\n' 'keep_finished_jobs = 0' '[policy]' 'max_submits_per_minute = 10000')
    EXTRA=$policy fresh
    drop_in <<UNIT
[Service]
TimeoutStartSec=2s
UNIT
    # An answer of GitHub, without whose time nothing is pruned.
    post "knows the time"
    eventually 20 has_comments 1
    bloat_the_store
    echo "bloated to $(store_file_bytes) bytes"
    [ "$(store_file_bytes)" -gt $((40 << 20)) ] || fail "only $(store_file_bytes) bytes"
    pruned() { [ "$(as alice comenq list --json --history | jq '.jobs | length')" = 0 ]; }
    eventually 40 pruned
    # Somebody else has the queue for longer than a start may take: it has to ask
    # for more time, as it does all the while until the queue is open.
    systemctl stop comenqd.service
    exec 9>>/var/lib/comenq/queue/lock
    flock 9
    (sleep 3 && flock --unlock 9) &
    systemctl start comenqd.service
    is_up || fail "the service is $(prop comenqd.service ActiveState)"
    expect "restarts" 0 "$(prop comenqd.service NRestarts)"
    expect_text "the journal" 'compacted the queue to' "$(journal -o cat)"
    echo "compacted to $(store_file_bytes) bytes"
    [ "$(store_file_bytes)" -lt $((4 << 20)) ] || fail "still $(store_file_bytes) bytes"
    expect "generations" 1 "$(find /var/lib/comenq/queue -maxdepth 1 -name 'store-*' | wc -l)"
    expect "the text of the job that is left" "$BLOAT_BYTES" \
        "$(as alice comenq show --json $((BLOAT_BATCHES * 16 + 1)) | jq '.job.body | length')"
}

check_needs_a_queue_at_rest() {
    COOLDOWN=600 fresh
    post one
    post two
    eventually 20 has_comments 1
    local text rc=0
    text=$(comenqd check 2>&1) || rc=$?
    expect "exit code in use" 1 "$rc"
    expect_text "what to stop" 'systemctl stop comenqd.service comenq.socket' "$text"
    # As it says.
    systemctl stop comenqd.service comenq.socket
    text=$(comenqd check)
    expect_text "the summary" '1 unfinished and 1 finished jobs.*everything fits together' "$text"
    expect "files that are not the daemon's" "" "$(find /var/lib/comenq ! -user comenq)"
    systemctl start comenq.socket
    expect "jobs afterwards" "posted queued" "$(job_state 1) $(job_state 2)"
}

job_state() {
    as alice comenq show --json "$1" | jq -r .job.state
}

request_count() {
    curl -fsS "$API/_standin/requests" | jq length
}

# What the stand-in was asked for since its request number $1, posts and lists only.
asked_since() {
    curl -fsS "$API/_standin/requests" |
        jq -r --argjson from "$1" '.[$from:][] | .kind | select(. == "post" or . == "listing")'
}

# The backup is older than what happened: "two" was posted after it, and is lost
# with the queue that knew of it.
restored_jobs_are_looked_for_first() {
    COOLDOWN=600 fresh
    post one
    post two
    post three
    eventually 20 has_comments 1
    comenq export >/run/backup.jsonl
    local rc=0 text from
    as alice comenq export >/dev/null 2>&1 || rc=$?
    expect "exit code of an export by alice" 4 "$rc"
    as alice comenq cancel 3
    configure
    systemctl reload comenqd
    eventually 10 has_comments 2
    systemctl stop comenqd.service comenq.socket
    mv /var/lib/comenq/queue /var/lib/comenq/queue.lost
    text=$(comenqd import /run/backup.jsonl)
    expect_text "what import says" 'imported 3 jobs.*2 unfinished' "$text"
    expect "files that are not the daemon's" "" "$(find /var/lib/comenq ! -user comenq)"
    from=$(request_count)
    systemctl start comenq.socket comenqd.service
    expect "jobs after the import" "posted held held" "$(job_state 1) $(job_state 2) $(job_state 3)"
    expect_text "why it is held" restored "$(as alice comenq show 2)"
    expect "requests for held jobs" "" "$(asked_since "$from")"
    as alice comenq release 2
    is_posted() { [ "$(job_state "$1")" = posted ]; }
    eventually 20 is_posted 2
    expect "posts for what was posted already" "" "$(asked_since "$from" | grep post || true)"
    expect_text "how it was found" listing "$(asked_since "$from")"
    from=$(request_count)
    as alice comenq release 3
    eventually 20 is_posted 3
    expect "requests, each kind once" "listing post" "$(asked_since "$from" | uniq | xargs)"
    expect "comments" "one two three" "$(bodies | xargs)"
}

fill_the_disk() {
    # Always ends with an error: when nothing more can be written.
    dd if=/dev/zero of="/var/lib/comenq/$1" bs=4k 2>/dev/null || true
    expect "bytes free" 0 "$(stat -f -c %a /var/lib/comenq)"
}

refused_for_space() {
    local text rc=0
    text=$(as alice comenq post "$ISSUE" "$NUMBER" "no room" 2>&1) || rc=$?
    echo "$rc $text"
    [ "$rc" = 1 ] && grep -Eq 'disk.*full' <<<"$text"
}

full_disk_is_survived() {
    COOLDOWN=3 fresh
    trap 'systemctl stop comenqd.service comenq.socket; umount --lazy /var/lib/comenq' EXIT
    mkdir -p /var/lib/comenq
    mount -t tmpfs -o size=64m,mode=0700,uid=comenq,gid=comenq tmpfs /var/lib/comenq
    post one
    post two
    eventually 20 has_comments 1
    expect "reserve, in MiB" 8 "$(($(stat -c %s /var/lib/comenq/queue/reserve) >> 20))"
    local pid
    pid=$(main_pid)
    kill -KILL "$pid"
    fill_the_disk ballast
    eventually 20 pid_is_new "$pid"
    eventually 20 is_up
    eventually 10 refused_for_space
    expect_text "what a person is told" 'free some space' "$(refused_for_space)"
    expect_text "status" 'low on space' "$(as alice comenq status)"
    # What was taken before is posted all the same.
    eventually 30 has_comments 2
    # Once more, now that no reserve is left: where it cannot open its queue it
    # serves and says so, and trying again and again does no harm.
    fill_the_disk more
    systemctl restart comenqd.service
    expect "the service without its queue" active "$(prop comenqd.service ActiveState)"
    # Not a wait for something: that the next tries find it whole is the test.
    sleep 6
    expect_text "status" 'store: (unavailable.*No space left|low on space)' "$(as alice comenq status)"
    rm /var/lib/comenq/{ballast,more}
    takes_jobs() { post "room again" --key room; }
    eventually 20 takes_jobs
    eventually 20 has_comments 3
    expect "comments" "one two room again" "$(bodies | xargs)"
    [ -e /var/lib/comenq/queue/reserve ] || fail "no new reserve was made"
}

administration_checks() {
    check "a missing credential: socket alive, jobs accepted" missing_credential_is_no_failure
    check "a bad configuration: socket alive, client served once mended" bad_config_keeps_the_socket
    check "a reload applies at once; a bad file fails it and changes nothing" reload_applies_good_files_only
    check "a second account's credential posts as its own user" second_account_posts_as_itself
    check "a refused token: the status line names the command, and it helps" refused_token_names_its_remedy
    check "a bloated store is compacted, and a start may outlast its timeout" bloated_store_is_compacted
    check "comenqd check is refused in use, and tells of a queue at rest" check_needs_a_queue_at_rest
    check "export, import: restored jobs are held, and looked for first" restored_jobs_are_looked_for_first
    check "a full disk: restarts, refuses jobs, takes them again" full_disk_is_survived
}
