# shellcheck shell=bash
# The units as they are shipped: that every directive of the sandbox and every limit is in
# force.

PROBE_DIR=/etc/probe-dir
UNIT_FILE=/usr/lib/systemd/system/comenqd.service

# A line for each directive: what it forbids (guest/probes), and which other directives
# forbid the same. Those are taken out of the unit for both runs: with the directive it
# must fail, and without it must work. So a probe is about its directive and can succeed.
sandbox_table() {
    # Without User= the probe is root, as which most of them need what these withhold.
    local root="User CapabilityBoundingSet"
    # Each of these that is left for a filter of system calls brings NoNewPrivileges.
    local filters="LockPersonality MemoryDenyWriteExecute PrivateDevices ProtectClock ProtectHostname"
    filters+=" ProtectKernelLogs ProtectKernelModules ProtectKernelTunables RestrictAddressFamilies"
    filters+=" RestrictNamespaces RestrictRealtime RestrictSUIDSGID SystemCallArchitectures SystemCallFilter"
    # Each of these brings a mount namespace.
    local mounts="LoadCredential SetCredential PrivateDevices PrivateIPC PrivateTmp ProtectControlGroups"
    mounts+=" ProtectHome ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables"
    mounts+=" ProtectProc ProtectSystem"
    cat <<TABLE
User                    read_of_root
CapabilityBoundingSet   read_of_alice           User
NoNewPrivileges         run_setuid_program      $filters
ProtectSystem           write_outside
ProtectHome             read_home
PrivateMounts           host_mounts             $mounts
PrivateTmp              read_tmp
PrivateDevices          host_device             DevicePolicy ProtectClock
DevicePolicy            device_elsewhere        PrivateDevices ProtectClock
PrivateIPC              shared_memory_of_others
RemoveIPC               leave_ipc_behind
ProtectProc             see_processes
ProtectHostname         set_host_name           $root SystemCallFilter
ProtectControlGroups    make_control_group      $root ProtectKernelTunables
ProtectKernelLogs       read_kernel_log         $root SystemCallFilter
ProtectKernelModules    read_modules
ProtectKernelTunables   write_kernel_setting    $root
LockPersonality         change_personality
MemoryDenyWriteExecute  writable_code
RestrictNamespaces      new_namespace
RestrictRealtime        be_first_in_real_time   $root SystemCallFilter
RestrictSUIDSGID        setuid_file
RestrictAddressFamilies netlink
RestrictAddressFamilies vsock
SystemCallArchitectures run_32_bit_program
SystemCallFilter        call_ptrace
SystemCallFilter        call_chown
SystemCallFilter        call_setpriority
SystemCallFilter        call_io_uring
SystemCallErrorNumber   killed_for_a_refused_call
UMask                   files_open_to_others
StateDirectoryMode      state_open_to_others
TABLE
}

# These have no probe: of the first three the unit says why; the others forbid nothing.
UNPROBED="AmbientCapabilities ProtectClock KeyringMode Group StateDirectory LoadCredential SetCredential"

# What must work inside as well.
ALLOWED="boot_id own_credential write_state"

prepare_probes() {
    mkdir -p "$PROBE_DIR" /run/probes /usr/lib/modules/probe /var/lib/comenq
    chown comenq: /var/lib/comenq
    chmod 0777 "$PROBE_DIR"
    chmod 0755 /home/alice
    echo x | tee /home/alice/readable /tmp/readable /var/tmp/readable "$PROBE_DIR/of-root" >"$PROBE_DIR/of-alice"
    chown alice: "$PROBE_DIR/of-alice"
    chmod 0600 "$PROBE_DIR"/of-*
    install -m 4755 "$(command -v cat)" "$PROBE_DIR/setuid-cat"
    readlink /proc/self/ns/mnt >"$PROBE_DIR/mount-namespace"
    ipcmk --shmem 4096 --mode 0666 >/dev/null
    ipcs --shmems | awk '/^0x/ { key = $1 } END { print key }' >"$PROBE_DIR/ipc-key"
    # The kernel's log, which anybody may write to whom the mode lets.
    rm -f /dev/comenq-probe "$PROBE_DIR/device"
    mknod -m 0666 /dev/comenq-probe c 1 11
    mknod -m 0666 "$PROBE_DIR/device" c 1 11
}

# probe_unit UNIT "DIRECTIVE…" PROBE…: the service's unit without these directives, to run
# probes; what they say is in /run/probes/UNIT.
probe_unit() {
    local unit=$1 without=$2 file=/run/systemd/system/$1.service
    shift 2
    sed -E -e "s|^ExecStart=.*|ExecStart=/opt/acceptance/guest/probes $*|; s|^Type=.*|Type=oneshot|" \
        -e '/^(Requires|After|Sockets|ExecReload|Restart[A-Za-z]*|WatchdogSec|NotifyAccess|SuccessExitStatus)=/d' \
        -e "/^($(xargs <<<"$without nothing" | tr ' ' '|'))=/d" "$UNIT_FILE" >"$file"
    printf '%s\n' "[Service]" "StandardOutput=truncate:/run/probes/$unit" >>"$file"
}

# Alone, as what they do concerns all that run as this user.
run_probe_alone() {
    systemctl start "$1.service"
    is_inactive() { [ "$(prop "$1.service" ActiveState)" = inactive ]; }
    eventually 10 is_inactive "$1"
    if [ -e /dev/shm/comenq-probe ]; then
        rm /dev/shm/comenq-probe
    else
        sed -i 's/^leave_ipc_behind=yes/leave_ipc_behind=no/' "/run/probes/$1"
    fi
}

could() {
    grep -q "^$2=yes$" "/run/probes/$1"
}

every_directive_has_a_probe() {
    local directive
    sed -n '/^# ---- State and secrets/,/^\[Install\]/p; /^User=/p; /^Group=/p' "$UNIT_FILE" |
        sed -n 's/^\([A-Za-z]*\)=.*/\1/p' | sort -u >/run/directives
    [ "$(wc -l </run/directives)" -gt 30 ] || fail "only $(wc -l </run/directives) directives found"
    while read -r directive; do
        sandbox_table | grep -q "^$directive " || grep -qw "$directive" <<<"$UNPROBED" ||
            fail "$directive= has neither a probe nor a reason"
    done </run/directives
}

sandbox_forbids_it() {
    fresh
    prepare_probes
    local said probes
    mapfile -t probes < <(sandbox_table | awk '{ print $2 }' | sort -u)
    probe_unit probe-all "" "$ALLOWED" "${probes[@]}"
    systemctl daemon-reload
    run_probe_alone probe-all
    said=$(cat /run/probes/probe-all)
    echo "$said"
    expect "what can be done inside" "$ALLOWED" "$(sed -n 's/=yes$//p' <<<"$said" | sort | xargs)"
    expect "probes that ran" "$((${#probes[@]} + 3))" "$(grep -c '^[a-z0-9_]*=' <<<"$said")"
}

each_directive_forbids_it_alone() {
    fresh
    prepare_probes
    local directive probe others unit bad='' units together=() alone=()
    while read -r directive probe others; do
        units=("without-$directive-$probe")
        probe_unit "${units[0]}" "$others $directive" "$probe"
        # Where nothing else forbids it, the whole sandbox did: the check before.
        if [ -n "$others" ]; then
            units+=("with-$directive-$probe")
            probe_unit "${units[1]}" "$others" "$probe"
        fi
        case $directive in
            RemoveIPC | StateDirectoryMode) alone+=("${units[@]}") ;;
            *) together+=("${units[@]/%/.service}") ;;
        esac
    done < <(sandbox_table)
    systemctl daemon-reload
    systemctl start "${together[@]}"
    for unit in "${alone[@]}"; do
        run_probe_alone "$unit"
    done
    while read -r directive probe others; do
        [ -z "$others" ] || ! could "with-$directive-$probe" "$probe" || bad+="$directive does not forbid $probe; "
        could "without-$directive-$probe" "$probe" || bad+="$probe fails without $directive too; "
    done < <(sandbox_table)
    [ -z "$bad" ] || fail "$bad$(grep . /run/probes/with*)"
}

# On the daemon itself, not only on a copy of its unit.
daemon_is_sandboxed() {
    fresh
    post "sandboxed"
    local status pid credential=/run/credentials/comenqd.service/github-token
    pid=$(main_pid)
    status=$(cat "/proc/$pid/status")
    expect_text "no new privileges" '^NoNewPrivs:[[:space:]]*1$' "$status"
    expect_text "system call filter" '^Seccomp:[[:space:]]*2$' "$status"
    expect_text "no capabilities" '^CapBnd:[[:space:]]*0+$' "$status"
    expect_text "no ambient capabilities" '^CapAmb:[[:space:]]*0+$' "$status"
    # The token: for the daemon and root, and nowhere a process list shows it.
    expect "the credential, for root" "$TOKEN" "$(cat "$credential")"
    ! as alice cat "$credential" || fail "a member of the group can read the credential"
    ! as alice cat /etc/comenqd/github-token || fail "a member of the group can read the token's file"
    ! grep -q "$TOKEN" "/proc/$pid/environ" "/proc/$pid/cmdline" || fail "the token is in the environment"
}

# The names of a real installation come from DNS, often a stub on localhost,
# and the sandbox forbids netlink to the resolver.
names_resolve_in_the_sandbox() {
    command -v python3 >/dev/null || fail "python3 is missing in the guest"
    fresh
    cp -L /etc/resolv.conf /run/resolv.conf.saved 2>/dev/null || : >/run/resolv.conf.saved
    systemd-run --quiet --unit=fake-dns -p Type=notify -p NotifyAccess=all python3 /opt/acceptance/guest/fake-dns 127.0.0.1 api.acceptance.test
    echo "nameserver 127.0.0.1" >/run/resolv.conf.dns
    mount --bind /run/resolv.conf.dns "$(readlink -f /etc/resolv.conf)"
    API=https://api.acceptance.test configure
    post "by name"
    tls_hello_seen() { journalctl -u fake-dns -o cat | grep -q '^tls hello for api.acceptance.test$'; }
    local rc=0
    (eventually 20 tls_hello_seen) || rc=$?
    umount "$(readlink -f /etc/resolv.conf)"
    systemctl stop fake-dns
    return "$rc"
}

# Limits: what systemd took from the unit, and what the kernel holds the process to.

limit_of() {
    awk -v name="$2" 'index($0, name) == 1 { sub(name, ""); print $1, $2 }' "/proc/$1/limits"
}

# in_cgroup FILE WANTED: only where this kernel gives the controller to the guest.
in_cgroup() {
    local file=/sys/fs/cgroup/comenq.slice/$1
    [ ! -e "$file" ] || expect "$1" "$2" "$(cat "$file")"
}

limits_are_in_force() {
    fresh
    post "limited"
    local pid property wanted
    pid=$(main_pid)
    while read -r property wanted; do
        expect "$property" "$wanted" "$(prop comenqd.service "$property")"
    done <<'PROPERTIES'
Slice comenq.slice
ControlGroup /comenq.slice/comenqd.service
LimitNOFILE 4096
LimitCORE 0
TasksMax 128
MemoryHigh 268435456
MemoryMax 536870912
OOMPolicy continue
LogRateLimitIntervalUSec 30s
LogRateLimitBurst 1000
TimeoutStopUSec 1min 30s
PROPERTIES
    expect "CPUWeight of the slice" 20 "$(prop comenq.slice CPUWeight)"
    expect "IOWeight of the slice" 20 "$(prop comenq.slice IOWeight)"
    expect "the daemon's control group" "0::/comenq.slice/comenqd.service" \
        "$(sed -n 's|^0::.*\(/comenq.slice.*\)|0::\1|p' "/proc/$pid/cgroup")"
    expect "files" "4096 4096" "$(limit_of "$pid" "Max open files")"
    expect "core" "0 0" "$(limit_of "$pid" "Max core file size")"
    expect "OOMScoreAdjust" -250 "$(prop comenqd.service OOMScoreAdjust)"
    # Less than what PID 1 has needs CAP_SYS_RESOURCE, which a container may lack.
    if (((16#$(awk '/^CapEff:/ { print $2 }' /proc/1/status) >> 24) & 1)); then
        expect "score for the OOM killer" -250 "$(cat "/proc/$pid/oom_score_adj")"
    fi
    in_cgroup cpu.weight 20
    in_cgroup comenqd.service/pids.max 128
    in_cgroup comenqd.service/memory.max 536870912
    in_cgroup comenqd.service/memory.high 268435456
    # Far from all of them.
    [ "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)" -le 16 ] || fail "$(ls "/proc/$pid/task")"
}

# An order that is refused is a line in the journal, and a user may send thousands.
refusals_do_not_fill_the_journal() {
    fresh
    drop_in <<UNIT
[Service]
LogRateLimitIntervalSec=5s
LogRateLimitBurst=50
UNIT
    post "before the flood"
    eventually 20 has_comments 1
    seq 1001 3000 | xargs -n 500 runuser -u alice -- comenq cancel >/dev/null 2>&1 || true
    local lines
    lines=$(journal -o cat | grep -c 'job_cancel refused' || true)
    echo "$lines of 2000 refusals were kept"
    # The burst, times up to six by the room on the disk.
    [ "$lines" -gt 0 ] || fail "no refusal was kept"
    [ "$lines" -le 300 ] || fail "$lines lines of 2000 refusals"
    # A warning has a budget of its own.
    standin revoke "{\"token\":\"$TOKEN\"}"
    post "in the flood"
    warned() { journal -p warning -o cat | grep -q 'Bad credentials'; }
    eventually 20 warned
    # What was dropped is counted, and said with the first line that is kept again.
    says_suppressed() {
        post "after the flood" --hold && journal -u systemd-journald |
            grep -q 'Suppressed [0-9]* messages from comenqd.service'
    }
    eventually 20 says_suppressed
}

unit_checks() {
    check "the limits of the unit are in force" limits_are_in_force
    check "refused orders do not fill the journal, and warnings come through" refusals_do_not_fill_the_journal
    check "every directive of the sandbox has a probe or a reason" every_directive_has_a_probe
    check "the sandbox forbids all that is probed" sandbox_forbids_it
    check "each directive of the sandbox forbids it alone" each_directive_forbids_it_alone
    check "the daemon itself is in the sandbox; its token is its own" daemon_is_sandboxed
    check "names resolve inside the sandbox" names_resolve_in_the_sandbox
}
