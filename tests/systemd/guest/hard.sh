# shellcheck shell=bash
# Prepares the third boot (hard-boot). Part of second-boot.

# unit NAME COMMAND: runs before the daemon, at each boot.
unit_before_the_daemon() {
    cat >"/etc/systemd/system/$1.service" <<UNIT
[Unit]
Before=comenqd.service
RequiresMountsFor=/var/lib/comenq
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/bash -ec '. /opt/acceptance/guest/lib.sh; . /opt/acceptance/guest/administration.sh; . /opt/acceptance/guest/trouble.sh; $2'
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
