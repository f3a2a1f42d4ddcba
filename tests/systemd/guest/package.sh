# shellcheck shell=bash
# The life of the Debian package: installed, used, upgraded and downgraded while clients are at
# work, removed, purged, installed again. The last check leaves the package that was given installed.

PACKAGE=/opt/acceptance/comenq.deb
# Programs of an earlier comenq, whose queue has an older format and whose clients and daemon know
# less (tests/run says which).
PREVIOUS=/opt/acceptance/previous
# This package with those programs and a lower version; and with a higher version, a default
# configuration that differs and a byte more behind each program, so that one can tell whose is which.
OLDER=/var/tmp/comenq-older.deb
NEWER=/var/tmp/comenq-newer.deb
OLD_CLIENT=/var/tmp/old/comenq
NEW_CLIENT=/var/tmp/new/comenq

# As unattended upgrades do it: nobody answers questions.
install_deb() {
    DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold --install "$1"
}

installed_version() {
    dpkg-query --show --showformat='${db:Status-Abbrev}${Version}' comenq
}

version_of() {
    echo "ii $(dpkg-deb --field "$1" Version)"
}

unit_states() {
    echo "socket $(prop comenq.socket UnitFileState) $(prop comenq.socket ActiveState)," \
        "service $(prop comenqd.service UnitFileState) $(prop comenqd.service ActiveState)"
}

# ---- Fresh

# The first check of all: nothing of comenq was there before.
install_package() {
    # The index of all manuals would take longer than all the rest, each time; and without a network
    # apt has nothing but what is installed here.
    rm -rf /var/lib/man-db/auto-update /etc/apt/sources.list{,.d/*} /var/lib/apt/lists/*
    DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes "$PACKAGE"
    expect "installed" "$(version_of "$PACKAGE")" "$(installed_version)"
    expect "units" "socket enabled active, service enabled inactive" "$(unit_states)"
    expect "the units for a user's own daemon" "disabled disabled" \
        "$(systemctl --global is-enabled comenq.socket comenqd.service | xargs)"
    expect "the socket" "root:comenq 660" "$(stat -c '%U:%G %a' /run/comenq/comenq.sock)"
    expect "the configuration" "root:root 644" "$(stat -c '%U:%G %a' /etc/comenqd/config.toml)"
    expect "what it takes for right" "" "$(runuser -u comenq -- comenqd --check-config --quiet 2>&1)"
    expect "the user's home, and no shell" "/var/lib/comenq /usr/sbin/nologin" \
        "$(getent passwd comenq | cut -d: -f6,7 | tr : ' ')"
}

# For a check: this version installed, and enabled, whatever the one before left; then `fresh`.
fresh_with() {
    local package=$1
    other_packages
    if [ "$(installed_version)" != "$(version_of "$package")" ]; then
        install_deb "$package"
    fi
    systemctl enable comenqd.service
    fresh
}

# The shipped configuration but for where GitHub is, and no token.
serves_at_once_and_posts_later() {
    fresh
    dpkg --purge comenq
    install_deb "$PACKAGE"
    expect "units" "socket enabled active, service enabled inactive" "$(unit_states)"
    sed -i "s|^#github_api_url = .*|github_api_url = \"$API\"|" /etc/comenqd/config.toml
    post "before any token"
    expect "units" "socket enabled active, service enabled active" "$(unit_states)"
    expect_text "health" no_token "$(as alice comenq health || true)"
    expect "posts" 0 "$(posts_seen)"
    write_token
    systemctl restart comenqd
    eventually 20 has_comments 1
    expect "the comment" "before any token" "$(bodies)"
}

# ---- Again, up and down

# repackage FILE VERSION COMMAND: the package with another version, and changed by COMMAND in its tree.
repackage() {
    local file=$1 dir=/var/tmp/repackaged
    [ ! -e "$file" ] || return 0
    dpkg-deb --raw-extract "$PACKAGE" "$dir"
    sed -i "s/^Version: .*/Version: $2/" "$dir/DEBIAN/control"
    (cd "$dir" && "$3" && find etc lib usr -type f -print0 | xargs -0 md5sum >DEBIAN/md5sums)
    dpkg-deb --root-owner-group -Znone --build "$dir" "$file"
    rm -rf "$dir"
}

make_newer() {
    install -D usr/bin/comenq "$OLD_CLIENT"
    echo "# Something new." >>etc/comenqd/config.toml
    printf x | tee -a usr/bin/comenq >>usr/bin/comenqd
    install -D usr/bin/comenq "$NEW_CLIENT"
}

make_older() {
    install "$PREVIOUS/comenq" "$PREVIOUS/comenqd" usr/bin/
}

other_packages() {
    local version
    version=$(dpkg-deb --field "$PACKAGE" Version)
    repackage "$NEWER" "$version+newer" make_newer
    [ ! -e "$PREVIOUS" ] || repackage "$OLDER" "0~$version" make_older
}

# That the running daemon is the one that is installed.
daemon_is_the_installed_one() {
    cmp --silent "/proc/$(main_pid)/exe" /usr/bin/comenqd
}

# While nothing is posted, for a list is no snapshot.
jobs_in_store() {
    comenq pause --reason "to be counted" >/dev/null
    posts_nothing() { prop comenqd.service StatusText | grep -q paused; }
    eventually 10 posts_nothing
    comenq list --json --all -n 100000 | jq -r '.jobs[] | "\(.id) \(.body)"' | sort
}

# Starts 100 clients of two builds, and returns once each has queued something.
start_clients() {
    clients=$(mktemp -d)
    chown alice "$clients"
    trap 'touch "$clients/stop"' EXIT
    as alice /opt/acceptance/guest/client-loops 50 "$clients" old "$OLD_CLIENT" "$ISSUE" "$NUMBER" &
    as alice /opt/acceptance/guest/client-loops 50 "$clients" new "$NEW_CLIENT" "$ISSUE" "$NUMBER" &
    eventually 30 all_clients_are_served
}

all_clients_are_served() {
    [ "$(find "$clients" -name 'queued.*' | wc -l)" = 100 ]
}

stop_clients() {
    touch "$clients/stop"
    wait
}

# No failed command, no lost job, none twice, and the pace.
nothing_went_wrong() {
    local gaps
    expect "failed commands" "" "$(head -n 5 "$clients/failed" 2>/dev/null)"
    cat "$clients"/queued.* | sort >/run/acknowledged
    jobs_in_store >/run/stored
    echo "$(wc -l </run/acknowledged) jobs queued, $(comment_count) posted"
    diff /run/acknowledged /run/stored || fail "what was acknowledged (<) is not what is there (>)"
    expect "bodies posted twice" "" "$(bodies | sort | uniq --repeated)"
    expect "POST requests" "$(comment_count)" "$(posts_seen)"
    gaps=$(gaps)
    echo "ms between posts: $(xargs <<<"$gaps")"
    expect "waits shorter than the cooldown" "" "$(awk '$1 < 2000' <<<"$gaps")"
}

# under_load FILE COMMAND…: jobs are posted before, while and after COMMAND runs.
under_load() {
    local before pid package=$1
    shift
    start_clients
    eventually 20 has_seen_a_post
    pid=$(main_pid)
    before=$(comment_count)
    "$@"
    expect "installed" "$(version_of "$package")" "$(installed_version)"
    expect "units" "socket enabled active, service enabled active" "$(unit_states)"
    [ "$(main_pid)" != "$pid" ] || fail "the daemon was not restarted"
    daemon_is_the_installed_one || fail "the daemon is not the one that is installed"
    goes_on() { [ "$(comment_count)" -ge $((before + 2)) ]; }
    eventually 20 goes_on
    stop_clients
    nothing_went_wrong
}

FAST=$(printf '%s\n' '[policy]' 'max_submits_per_minute = 1000000' 'max_queued_jobs = 1000000')

upgrade_under_load() {
    COOLDOWN=2 EXTRA=$FAST fresh_with "$PACKAGE"
    under_load "$NEWER" install_deb "$NEWER"
    # The administrator's configuration, not a new one.
    expect_text "the configuration" '^cooldown_period_seconds = 2' "$(cat /etc/comenqd/config.toml)"
    expect "its owner and mode" "comenq:comenq 600" "$(stat -c '%U:%G %a' /etc/comenqd/config.toml)"
    expect_text "the new default beside it" 'Something new' "$(cat /etc/comenqd/config.toml.dpkg-dist)"
}

# To one that reads the same format.
downgrade_under_load() {
    COOLDOWN=2 EXTRA=$FAST fresh_with "$NEWER"
    under_load "$PACKAGE" install_deb "$PACKAGE"
}

# ages_get_on CLIENT: what people ask for most, by a client that is not of the daemon's age.
ages_get_on() {
    local client=$1 job post
    post=(post --json --hold --key "$client" "$ISSUE" "$NUMBER" "by $client")
    job=$(as alice "$client" "${post[@]}" | jq -er .job.id)
    expect "the same again" "$job" "$(as alice "$client" "${post[@]}" | jq -er .job.id)"
    expect_text "list" held "$(as alice "$client" list)"
    as alice "$client" release "$job"
    is_posted() { [ "$(as alice "$client" show --json "$job" | jq -r .job.state)" = posted ]; }
    eventually 20 is_posted
    expect_text "show" "by $client" "$(as alice "$client" show "$job")"
    expect_text "status" default "$(as alice "$client" status)"
    job=$(as alice "$client" post --json --hold "$ISSUE" "$NUMBER" "never, by $client" | jq -er .job.id)
    as alice "$client" cancel "$job"
    expect "the job" cancelled "$(as alice "$client" show --json "$job" | jq -r .job.state)"
}

# The queue's format changes on the way, and neither clients nor daemon are of one age.
upgrade_from_another_age() {
    OLD_CLIENT=$PREVIOUS/comenq
    fresh_with "$OLDER"
    ages_get_on "$NEW_CLIENT"
    expect "the queue" store-1 "$(cat /var/lib/comenq/queue/CURRENT)"
    COOLDOWN=2 EXTRA=$FAST fresh
    under_load "$PACKAGE" install_deb "$PACKAGE"
    expect "the queue, in another format" store-2 "$(cat /var/lib/comenq/queue/CURRENT)"
    fresh
    ages_get_on "$OLD_CLIENT"
}

# A queue that is too new for it is not touched, and clients are told; nothing is lost by going back.
downgrade_to_another_age_is_refused() {
    COOLDOWN=600 fresh_with "$PACKAGE"
    post one
    post two
    eventually 20 has_comments 1
    install_deb "$OLDER"
    local text rc=0 before
    before=$(cd /var/lib/comenq/queue && find . -type f -name db -exec md5sum {} +)
    text=$(as alice "$NEW_CLIENT" post --timeout 3 "$ISSUE" "$NUMBER" "too early" 2>&1) || rc=$?
    echo "$rc $text"
    expect_text "what the client is told" "has format [0-9]+, this comenqd reads" "$text"
    expect "the queue" "$before" "$(cd /var/lib/comenq/queue && find . -type f -name db -exec md5sum {} +)"
    install_deb "$PACKAGE"
    eventually 10 is_up
    expect "jobs" "one two" "$(as alice comenq list --json --all | jq -r '.jobs[].body' | sort | xargs)"
    expect "POST requests" 1 "$(posts_seen)"
}

reinstall_under_load() {
    COOLDOWN=2 EXTRA=$FAST fresh_with "$PACKAGE"
    under_load "$PACKAGE" install_deb "$PACKAGE"
}

# With a queue, which is a reason to start for what is enabled.
disabled_stays_disabled() {
    COOLDOWN=600 fresh_with "$PACKAGE"
    post one
    post two
    eventually 20 has_comments 1
    systemctl disable --now comenqd.service comenq.socket
    install_deb "$NEWER"
    expect "units" "socket disabled inactive, service disabled inactive" "$(unit_states)"
    # Only not at boot: the socket is left as it is.
    systemctl enable --now comenq.socket
    install_deb "$PACKAGE"
    expect "units" "socket enabled active, service disabled inactive" "$(unit_states)"
    expect "jobs" "posted queued" "$(job_state 1) $(job_state 2)"
}

# ---- Away, and back

# Its scripts stop the daemon, and then something fails.
removal_that_fails_goes_on() {
    COOLDOWN=600 fresh_with "$PACKAGE"
    post one
    post two
    eventually 20 has_comments 1
    local pid rc=0
    pid=$(main_pid)
    echo 'exit 7' >>/var/lib/dpkg/info/comenq.prerm
    dpkg --remove comenq || rc=$?
    sed -i '$d' /var/lib/dpkg/info/comenq.prerm
    expect "exit code" 1 "$rc"
    pid_is_new "$pid" || fail "it was not stopped, or not started"
    expect "units" "socket enabled active, service enabled active" "$(unit_states)"
    install_deb "$PACKAGE"
}

removed_keeps_the_queue() {
    COOLDOWN=600 EXTRA=$OTHER_QUEUE fresh_with "$PACKAGE"
    post one
    post two
    eventually 20 has_comments 1
    dpkg --remove comenq
    expect "a process" "" "$(pgrep -x comenqd || true)"
    [ ! -e /run/comenq/comenq.sock ] || fail "the socket is still there"
    [ ! -e /usr/bin/comenq ] || fail "the client is still there"
    [ -e /var/lib/comenq/other/CURRENT ] || fail "the queue is gone"
    [ -e /etc/comenqd/config.toml ] || fail "the configuration is gone"
    [ -e /etc/comenqd/github-token ] || fail "the token is gone"
    # Nobody connects: the queue itself is the reason to start.
    EXTRA=$OTHER_QUEUE configure
    install_deb "$PACKAGE"
    expect "units" "socket enabled active, service enabled active" "$(unit_states)"
    eventually 20 has_comments 2
    expect "comments" "one two" "$(bodies | xargs)"
}

# What there is in directories that packages write to, but for dpkg's own notes.
files_of_the_host() {
    {
        ls -d /run/comenq* 2>/dev/null || true
        find /etc /usr/bin /usr/lib/{systemd,sysusers.d} /usr/share/{man,doc,bash-completion,fish,zsh} /var/lib \
            \( -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/lib/standin -o -path /var/lib/systemd \) -prune \
            -o -printf '%p %y %m %u:%g %l\n'
    } | sort
}

purged_leaves_nothing_of_its_own() {
    fresh_with "$PACKAGE"
    mkdir -p /etc/systemd/system/comenqd.service.d
    echo "[Service]" >/etc/systemd/system/comenqd.service.d/by-the-administrator.conf
    dpkg --purge comenq
    files_of_the_host >/run/host.before
    expect "what is called comenq" "/etc/systemd/system/comenqd.service.d" \
        "$(grep -o '^[^ ]*comenq[^ /]* ' /run/host.before | xargs)"
    install_deb "$PACKAGE"
    COOLDOWN=600 fresh
    post one
    post two
    eventually 20 has_comments 1
    expect_text "while it is there" queue/CURRENT "$(files_of_the_host)"
    dpkg --purge comenq
    diff /run/host.before <(files_of_the_host) || fail "purging left (>) or took (<) something"
    # systemd's notes of units that were enabled.
    expect "notes of units" "" "$(find /var/lib/systemd -name '*comenq*')"
    expect "a process" "" "$(pgrep -x comenqd || true)"
    id comenq
    rm -r /etc/systemd/system/comenqd.service.d
    install_deb "$PACKAGE"
    fresh
    post "after a purge"
    eventually 20 has_comments 1
}

# Which cannot be removed, but its content can.
purged_where_the_queue_is_a_mount() {
    fresh_with "$PACKAGE"
    systemctl stop comenqd.service comenq.socket
    mkdir -p /var/lib/comenq
    mount -t tmpfs tmpfs /var/lib/comenq
    install -D /dev/null /var/lib/comenq/queue/CURRENT
    dpkg --purge comenq
    expect "what is left" "" "$(ls -A /var/lib/comenq)"
    umount /var/lib/comenq
    rmdir /var/lib/comenq
    install_deb "$PACKAGE"
}

it_has_the_notices_of_others() {
    dpkg-deb --fsys-tarfile "$PACKAGE" | tar --extract --to-stdout ./usr/share/doc/comenq/THIRD-PARTY.gz | zcat >/run/notices
    expect "crates" "ring rustls sled" "$(grep -oE '^(ring|rustls|sled) ' /run/notices | sort -u | xargs)"
}

autopkgtest_passes() {
    fresh_with "$PACKAGE"
    local rc=0
    rm -rf /out/autopkgtest
    autopkgtest --no-built-binaries --output-dir=/out/autopkgtest --env=COMENQ_STANDIN=/opt/acceptance/github-standin \
        "$PACKAGE" /opt/acceptance/source/ -- null || rc=$?
    expect "exit code" 0 "$rc"
    userdel comenq-autopkgtest
}

package_checks() {
    if [ ! -e "$PACKAGE" ]; then
        echo "the package's life is left out: no --package was given"
        return
    fi
    check "the package serves at once; what was queued before any token is posted" serves_at_once_and_posts_later
    check "reinstalled under 100 clients: no command fails, nothing lost or doubled, the pace kept" reinstall_under_load
    check "upgraded under 100 clients; an edited configuration stays" upgrade_under_load
    check "downgraded under 100 clients" downgrade_under_load
    if [ -e "$PREVIOUS" ]; then
        check "upgraded from an earlier comenq under 100 clients, old and new: the queue's format changes" upgrade_from_another_age
        check "a downgrade below the queue's format is refused, and nothing is lost by it" downgrade_to_another_age_is_refused
    else
        echo "an earlier comenq is left out: no --previous was given"
    fi
    check "disabled units stay disabled over upgrades" disabled_stays_disabled
    check "a removal that fails leaves the queue at work" removal_that_fails_goes_on
    check "removed: the queue stays, and goes on once it is installed again" removed_keeps_the_queue
    check "purged: all of it is gone, and nothing else" purged_leaves_nothing_of_its_own
    check "purged where the queue is a mount point: it is emptied" purged_where_the_queue_is_a_mount
    check "zsh finds its completions" zsh_completes
    check "it has the notices of what is linked into its programs" it_has_the_notices_of_others
    check "its autopkgtest passes" autopkgtest_passes
}
