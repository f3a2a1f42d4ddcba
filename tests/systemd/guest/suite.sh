# shellcheck shell=bash
# The end-to-end tests inside the sandbox of comenqd.service: whatever the daemon does in
# them, the sandbox lets it.
#
# The whole test program runs in the unit, and so do the daemons that it starts. Without
# SystemCallErrorNumber=: a call that is refused kills whoever made it, so that none can
# be refused and go unnoticed.

# Tests that cannot run so, because of what is not comenqd in them:
# - they read the documentation, which is not in the guest;
# - they want a host without comenq;
# - the daemon runs under strace, and ptrace() is forbidden.
LEFT_OUT=(
    documentation::
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

# suite_unit NAME COMMAND…: without the limits, which are one daemon's, and what others do
# to the network and to the store meanwhile. With what it reads of the repository, which
# may lie in a home or in /tmp; what hides these does so all the same.
suite_unit() {
    local file=/run/systemd/system/$1.service
    sed -E -e "s|^Type=.*|Type=oneshot|; /^ExecStart=/d" \
        -e '/^(Requires|After|Sockets|ExecReload|Restart[A-Za-z]*|WatchdogSec|NotifyAccess|SuccessExitStatus)=/d' \
        -e '/^(Timeout[A-Za-z]*|TasksMax|Memory(High|Max)|Slice|OOM[A-Za-z]*|SystemCallErrorNumber)=/d' \
        -e 's|^ProtectHome=yes|ProtectHome=tmpfs|' -e '/^(StateDirectory[A-Za-z]*|LoadCredential|SetCredential)=/d' "$UNIT_FILE" >"$file"
    printf '%s\n' "[Service]" "Environment=COMENQ_BIN_DIR=/usr/bin HOME=/tmp LANG=C.UTF-8" \
        "Environment=RUST_TEST_THREADS=16 PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin" \
        "BindReadOnlyPaths=/opt/acceptance/repository:$(cat /opt/acceptance/repository-was)" \
        "PrivateNetwork=yes" "RemainAfterExit=yes" "TimeoutStartSec=400s" \
        "StandardOutput=truncate:/out/$1.txt" "StandardError=inherit" "ExecStart=${*:2}" >>"$file"
}

# Both take a minute and a half and mostly wait, so other checks run meanwhile.
suite_begins() {
    suite_unit suite /opt/acceptance/e2e "${LEFT_OUT[@]/#/--skip }" "${ROOTS[@]/#/--skip }"
    # Those that need several users, mounts or other namespaces for their own part: in what
    # is left of the sandbox when they may. RestrictNamespaces= and UMask= would be theirs too.
    cat >/run/suite-of-root <<SCRIPT
sed -n 's/^skipped: \(.*\) needs root\$/\1/p' /out/suite.txt |
    xargs /opt/acceptance/e2e ${LEFT_OUT[*]/#/--skip } --exact ${ROOTS[*]}
SCRIPT
    suite_unit suite-of-root /bin/sh /run/suite-of-root
    sed -E -i -e '/^(User|Group|CapabilityBoundingSet|RestrictNamespaces|UMask)=/d' \
        -e '/^\[Unit\]/a After=suite.service' /run/systemd/system/suite-of-root.service
    echo "SystemCallFilter=@setuid @chown @mount" >>/run/systemd/system/suite-of-root.service
    systemctl daemon-reload
    systemctl start --no-block suite.service suite-of-root.service
}

has_ended() {
    case $(prop "$1.service" ActiveState) in
        active | failed) ;;
        *) return 1 ;;
    esac
}

# What failed once is run once more, alone: a test in a hurry may fail beside all else that
# goes on here, which `tests/run test` judges; what the sandbox refuses it refuses again.
run_failed_again() {
    local failed
    mapfile -t failed < <(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "/out/$1.txt")
    [ ${#failed[@]} -gt 0 ] || fail "$(tail -n 50 "/out/$1.txt")"
    sed -e "s|^ExecStart=.*|ExecStart=/opt/acceptance/e2e --exact ${failed[*]}|" \
        -e "s|^StandardOutput=.*|StandardOutput=truncate:/out/$1-again.txt|" \
        "/run/systemd/system/$1.service" >"/run/systemd/system/$1-again.service"
    systemctl daemon-reload
    systemctl start "$1-again.service" || fail "$(sed -n '/^failures:/,$p' "/out/$1-again.txt")"
}

# suite_passed NAME LEAST: so many tests at least must have passed.
suite_passed() {
    [ -e "/run/systemd/system/$1.service" ] || suite_begins
    eventually 300 has_ended "$1"
    [ "$(prop "$1.service" Result)" = success ] || run_failed_again "$1"
    [ "$(sed -n 's/^test result: [^ ]* \([0-9]*\) passed.*/\1/p' "/out/$1.txt")" -ge "$2" ] ||
        fail "$(grep '^test result' "/out/$1.txt")"
}

suite_passed_in_the_sandbox() {
    suite_passed suite 350
    expect "tests left out for want of something else" "" "$(grep '^skipped:' /out/suite.txt | grep -v 'needs root$' || true)"
}

suite_of_root_passed_in_the_sandbox() {
    suite_passed suite-of-root 40
}

suite_checks() {
    check "the end-to-end tests pass in the sandbox" suite_passed_in_the_sandbox
    check "those that need root pass in what is left of it" suite_of_root_passed_in_the_sandbox
}
