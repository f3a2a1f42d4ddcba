# shellcheck shell=bash
# Clocks that are wrong, clocks that jump, and a host that was suspended.

# The wall clock of the daemon alone, as this file says: `+10y`. The others go on, as
# when a clock is set.
fake_clock() {
    local library
    library=$(find /usr/lib -name libfaketime.so.1 | head -n 1)
    [ -n "$library" ] || fail "libfaketime is missing: apt-get install faketime"
    set_fake_clock "$1"
    drop_in <<UNIT
[Service]
Environment=LD_PRELOAD=$library FAKETIME_TIMESTAMP_FILE=/run/fake-clock FAKETIME_NO_CACHE=1
Environment=FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1
UNIT
}

set_fake_clock() {
    echo "$1" >/run/fake-clock.new
    mv /run/fake-clock.new /run/fake-clock
}

# By the year of a job: what the daemon takes for now.
year_of_job() {
    as alice comenq show --json "$1" | jq -r '.job.created_at' | cut -c1-4
}

clock_is_ten_years_off() {
    local offset year
    for offset in +10y -10y; do
        fresh
        fake_clock "$offset"
        year=$(date -d "${offset%y} years" +%Y)
        post one
        post two
        expect "the year in which job 1 was queued" "$year" "$(year_of_job 1)"
        eventually 20 has_comments 2
        post three
        post four
        eventually 20 has_comments 3
        # The right time again, and a queue whose records are of another decade.
        set_fake_clock +0
        systemctl restart comenqd.service
        eventually 20 has_comments 4
        expect "comments" "one two three four" "$(bodies | xargs)"
        expect_pace_of 1
    done
}

# As after a suspend, and as when somebody sets the clock: forward and back while it runs.
clock_jumps_while_it_runs() {
    COOLDOWN=3 fresh
    fake_clock +0
    local jump count=1 gap
    post first
    eventually 20 has_comments 1
    for jump in +8h -8h +0; do
        post "at $jump"
        set_fake_clock "$jump"
        count=$((count + 1))
        eventually 20 has_comments "$count"
    done
    gap=$(shortest_gap)
    [ "$gap" -ge 2950 ] || fail "two posts within $gap ms, the cooldown is 3000 ms"
    expect "comments" "first at +8h at -8h at +0" "$(bodies | xargs)"
    expect "restarts" 0 "$(prop comenqd.service NRestarts)"
}

# suspended SECONDS: so long the host has slept since the daemon began, as far as the daemon can tell.
suspended() {
    echo "$1" >/run/suspended.new
    mv /run/suspended.new /run/suspended
}

suspendable() {
    cc -shared -fPIC -o /run/suspend.so /opt/acceptance/guest/suspend.c
    suspended 0
    drop_in <<UNIT
[Service]
Environment=LD_PRELOAD=/run/suspend.so SUSPENDED=/run/suspended
UNIT
}

# Time asleep has passed: the rest of the cooldown is waited for, and not one ms less; nothing that
# was due meanwhile comes in a burst.
suspend_counts_and_bursts_nothing() {
    COOLDOWN=12 fresh
    suspendable
    local text all
    for text in first second third fourth; do
        post "$text"
    done
    eventually 20 has_comments 1
    suspended 5
    eventually 20 has_comments 2
    suspended $((5 + 8 * 3600))
    eventually 11 has_comments 3
    eventually 30 has_comments 4
    mapfile -t all < <(gaps)
    echo "ms between posts: ${all[*]}"
    [ "${all[0]}" -ge 7000 ] || fail "posted within ${all[0]} ms and 5 s asleep, the cooldown is 12 s"
    [ "${all[0]}" -lt 11000 ] || fail "5 s asleep did not count: ${all[0]} ms"
    [ "${all[2]}" -ge 12000 ] || fail "two posts within ${all[2]} ms after a long sleep, the cooldown is 12 s"
    expect "comments" "first second third fourth" "$(bodies | xargs)"
    expect "POST requests" 4 "$(posts_seen)"
    expect "restarts" 0 "$(prop comenqd.service NRestarts)"
}

clock_checks() {
    check "a clock ten years off, and right again" clock_is_ten_years_off
    check "a clock that jumps while the daemon runs" clock_jumps_while_it_runs
    check "a host that was suspended: sleep counts, and brings no burst" suspend_counts_and_bursts_nothing
}
