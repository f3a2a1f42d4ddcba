# shellcheck shell=bash
# The end-to-end tests inside the sandbox of comenqd.service: whatever the daemon does in
# them, the sandbox lets it. Part of first-boot.
#
# The whole test program runs in the unit, and so do the daemons that it starts. Without
# SystemCallErrorNumber=: a call that is refused kills whoever made it, so that none can
# be refused and go unnoticed.

# Tests that cannot run so, because of what is not comenqd in them:
# - shells run in them, which are interactive, or a host without comenq is wanted;
# - the daemon runs under strace, and ptrace() is forbidden.
LEFT_OUT=(
    shells::
    far_trouble::what_is_wrong_there_is_said_by_both_sides
    disk::a_sync_that_fails_acknowledges_nothing_and_ends_the_daemon
    events::nobody_hears_of_what_was_not_stored
    interop::a_client_written_from_the_specification_alone_finds_what_it_promises
)

# Tests that need to be root without saying so, or call `cp -a` or `sed -i`, which chown.
ROOTS=(
    crowd::connections_that_say_nothing_are_not_kept
    editing::edit_opens_the_editor_with_the_present_text
    editing::the_text_is_posted_and_the_note_names_the_target
    offline::check_says_whether_everything_fits_together
    store::a_store_older_than_its_witness_is_refused
)

# suite_unit NAME ARGUMENT…: without the limits, which are one daemon's.
suite_unit() {
    local file=/run/systemd/system/$1.service
    sed -E -e "s|^Type=.*|Type=oneshot|; /^ExecStart=/d" \
        -e '/^(Requires|After|Sockets|ExecReload|Restart[A-Za-z]*|WatchdogSec|NotifyAccess|SuccessExitStatus)=/d' \
        -e '/^(Timeout[A-Za-z]*|TasksMax|Memory(High|Max)|Slice|OOM[A-Za-z]*|SystemCallErrorNumber)=/d' \
        "$UNIT_FILE" >"$file"
    printf '%s\n' "[Service]" "Environment=COMENQ_BIN_DIR=/opt/acceptance HOME=/var/lib/comenq LANG=C.UTF-8" \
        "Environment=PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin" "TimeoutStartSec=400s" \
        "StandardOutput=truncate:/out/$1.txt" "StandardError=inherit" \
        "ExecStart=/opt/acceptance/e2e --test-threads 24 ${*:2}" >>"$file"
}

run_suite() {
    systemctl daemon-reload
    systemctl start "$1.service" || fail "$(sed -n '/^failures:/,$p' "/out/$1.txt")"
    grep '^test result:' "/out/$1.txt"
}

needs_root() {
    sed -n 's/^skipped: \(.*\) needs root$/\1/p' /out/suite.txt
}

suite_passes_in_the_sandbox() {
    fresh
    suite_unit suite "${LEFT_OUT[@]/#/--skip }" "${ROOTS[@]/#/--skip }"
    run_suite suite
    expect "tests left out for want of something else" "" "$(grep '^skipped:' /out/suite.txt | grep -v 'needs root$' || true)"
}

# Those that need several users, mounts or other namespaces for their own part: in what is
# left of the sandbox when they may. RestrictNamespaces= and UMask= would be theirs too.
suite_of_root_passes_in_the_sandbox() {
    fresh
    local tests
    mapfile -t tests < <(needs_root)
    [ ${#tests[@]} -gt 20 ] || fail "only ${#tests[@]} tests of root"
    suite_unit suite-of-root "${LEFT_OUT[@]/#/--skip }" --exact "${tests[@]}" "${ROOTS[@]}"
    sed -E -i '/^(User|Group|CapabilityBoundingSet|RestrictNamespaces|UMask)=/d' /run/systemd/system/suite-of-root.service
    echo "SystemCallFilter=@setuid @chown @mount" >>/run/systemd/system/suite-of-root.service
    run_suite suite-of-root
}

suite_checks() {
    check "the end-to-end tests pass in the sandbox" suite_passes_in_the_sandbox
    check "those that need root pass in what is left of it" suite_of_root_passes_in_the_sandbox
}
