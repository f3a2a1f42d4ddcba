# shellcheck shell=bash
# What a queue goes through when the host reboots: first in peace; then into no route to anywhere,
# a disk that is full and a clock that is ten years ahead, all at once.

# ---- Before the second boot

# Four jobs, one posted, three waiting out a cooldown.
leave_a_queue() {
    COOLDOWN=5 fresh
    local text
    for text in one two three four; do
        post "$text"
    done
    eventually 20 has_comments 1
    expect "posted before the reboot" one "$(bodies)"
    cat /proc/sys/kernel/random/boot_id >/var/tmp/first-boot-id
}

# ---- The second boot: nobody connects, and the queue goes on

is_another_boot() {
    local before
    before=$(cat /var/tmp/first-boot-id)
    [ "$before" != "$(cat /proc/sys/kernel/random/boot_id)" ] || fail "same boot id: $before"
}

shutdown_was_in_order() {
    expect_text "the last words" 'deactivated successfully' "$(journalctl -b -1 -u comenqd -o cat | tail -n 20)"
}

queue_goes_on_without_a_client() {
    eventually 10 is_up
    eventually 60 has_comments 4
    expect "comments" "four one three two" "$(bodies | sort | xargs)"
    expect "restarts" 0 "$(prop comenqd.service NRestarts)"
}

pace_holds_over_the_reboot() {
    local last next
    last=$(date -d "$(comments | jq -r '.[0].created_at')" +%s)
    next=$(date -d "$(comments | jq -r '.[1].created_at')" +%s)
    echo "last post of the first boot: $last, first of the second: $next"
    [ $((next - last)) -ge 5 ] || fail "only $((next - last)) s between them, the cooldown is 5 s"
}

# ---- Before the third boot

# unit NAME COMMAND: runs before the daemon, at each boot.
unit_before_the_daemon() {
    cat >"/etc/systemd/system/$1.service" <<UNIT
[Unit]
Before=comenqd.service
RequiresMountsFor=/var/lib/comenq
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/bash /opt/acceptance/guest/boot eval '$2'
[Install]
RequiredBy=comenqd.service
UNIT
    systemctl enable --quiet "$1.service"
}

# A disk of its own for the queue: what was there, and nothing free.
full_disk_at_boot() {
    cat >/etc/systemd/system/var-lib-comenq.mount <<UNIT
[Mount]
What=tmpfs
Where=/var/lib/comenq
Type=tmpfs
Options=size=64m,mode=0700,uid=$(id -u comenq),gid=$(id -g comenq)
UNIT
    rm -rf /var/lib/comenq.kept
    mv /var/lib/comenq /var/lib/comenq.kept
    unit_before_the_daemon full-disk 'cp -a /var/lib/comenq.kept/. /var/lib/comenq/; fill_the_disk ballast'
}

wrong_clock_at_boot() {
    local library
    library=$(find /usr/lib -name libfaketime.so.1 | head -n 1)
    [ -n "$library" ] || fail "libfaketime is missing: apt-get install faketime"
    mkdir -p /etc/systemd/system/comenqd.service.d
    cat >/etc/systemd/system/comenqd.service.d/hard.conf <<UNIT
[Service]
Environment=LD_PRELOAD=$library FAKETIME=+10y FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1
UNIT
}

hard_boot_is_prepared() {
    COOLDOWN=5 EXTRA=$(printf '%s\n' "backoff_min_seconds = 1" "backoff_max_seconds = 2") configure
    systemctl restart comenqd.service
    post five
    post six
    systemctl stop comenqd.service
    expect "posted before the reboot" 4 "$(comment_count)"
    full_disk_at_boot
    wrong_clock_at_boot
    unit_before_the_daemon no-route no_route
    cat /proc/sys/kernel/random/boot_id >/var/tmp/second-boot-id
}

# ---- The third boot: what is in the queue waits, is not lost and goes out at its pace as one
# thing after the other is mended

queue_is_there_in_spite_of_all() {
    [ "$(cat /var/tmp/second-boot-id)" != "$(cat /proc/sys/kernel/random/boot_id)" ] || fail "the same boot"
    eventually 20 is_up
    expect "left in the queue" "five six" "$(comenq list --all --json | jq -r '.jobs[].body' | sort | xargs)"
    says_offline() { prop comenqd.service StatusText | grep -q 'account_offline.*2 queued'; }
    eventually 20 says_offline
    eventually 10 refused_for_space
    expect_text "status" 'low on space' "$(as alice comenq status)"
}

posts_once_there_is_a_way() {
    routes_again
    eventually 60 has_comments 6
    expect "comments" "five four one six three two" "$(bodies | sort | xargs)"
    local last next
    last=$(date -d "$(comments | jq -r '.[3].created_at')" +%s)
    next=$(date -d "$(comments | jq -r '.[4].created_at')" +%s)
    [ $((next - last)) -ge 5 ] || fail "only $((next - last)) s between them, the cooldown is 5 s"
    # By GitHub's clock it knows by now how wrong its own is. Not healthy: the disk is full still.
    local ahead
    ahead=$({ comenq health --json || true; } | jq '.health.clock_offset_ms / (365.25 * 86400 * 1000) | fabs | round')
    expect "years that its clock is off" 10 "$ahead"
}

takes_jobs_once_there_is_room() {
    rm /var/lib/comenq/ballast
    takes_a_job() { post seven --key seven; }
    eventually 20 takes_a_job
    eventually 30 has_comments 7
    expect "restarts" 0 "$(prop comenqd.service NRestarts)"
}

second_boot_checks() {
    check "this is another boot" is_another_boot
    check "the shutdown was in order" shutdown_was_in_order
    check "the queue left over goes on without a client" queue_goes_on_without_a_client
    check "the pace holds over the reboot" pace_holds_over_the_reboot
    check "a hard boot is prepared" hard_boot_is_prepared
}

hard_boot_checks() {
    check "booted offline, on a full disk, ten years ahead: the queue is there, status says what is wrong" queue_is_there_in_spite_of_all
    check "with a network again it posts, at its pace" posts_once_there_is_a_way
    check "with room on the disk again it takes jobs" takes_jobs_once_there_is_room
}
