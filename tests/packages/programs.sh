# shellcheck shell=bash
# The programs themselves, where they were built: all that needs neither systemd nor the tests'
# own programs. Sourced by run.
# shellcheck disable=SC2154 # dir and bins are of run

# serve: a daemon without a token, whose pid is in `daemon`.
serve() {
    "$bins/comenqd" --config "$dir/config.toml" --queue-path "$dir/queue" --listen "$dir/socket" >>"$dir/log" 2>&1 &
    daemon=$!
    local _
    for _ in $(seq 100); do
        ! comenq ping >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    fail "no daemon answers: $(cat "$dir/log")"
}

comenq() {
    "$bins/comenq" --socket "$dir/socket" "$@"
}

what_is_queued_outlives_a_kill() {
    : >"$dir/config.toml"
    serve
    trap 'kill "$daemon"' EXIT
    comenq post owner/repo 1 "one" --key first
    comenq post owner/repo 1 "two"
    kill -KILL "$daemon"
    wait "$daemon" || true
    serve
    expect "the same job" "#1" "#$(comenq post owner/repo 1 "one" --key first --quiet 2>/dev/null)"
    expect "jobs" "one two" "$(comenq list --json | jq -r '.jobs[].body' | sort | xargs)"
    kill "$daemon"
    wait "$daemon" || fail "it ended with $?: $(cat "$dir/log")"
    trap - EXIT
    "$bins/comenqd" check --config "$dir/config.toml" --queue-path "$dir/queue"
}

programs_checks() {
    check "the programs queue jobs, and keep them over a kill" what_is_queued_outlives_a_kill
}
