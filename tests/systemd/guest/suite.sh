# shellcheck shell=bash
# The end-to-end tests inside the sandbox of comenqd.service: whatever the daemon does in
# them, the filter of system calls and the rest of the unit let it. Part of first-boot.

suite_unit() {
    sed -E -e "s|^ExecStart=.*|ExecStart=/opt/acceptance/e2e $*|; s|^Type=.*|Type=oneshot|" \
        -e '/^(Requires|After|Sockets|ExecReload|Restart[A-Za-z]*|WatchdogSec|NotifyAccess|SuccessExitStatus)=/d' \
        -e '/^(Timeout[A-Za-z]*|TasksMax|Memory(High|Max)|Slice|OOM[A-Za-z]*|SystemCallErrorNumber)=/d' "$UNIT_FILE"
    printf '%s\n' "[Service]" "Environment=COMENQ_BIN_DIR=/opt/acceptance HOME=/var/lib/comenq" \
        "Environment=PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin LANG=C.UTF-8" \
        "StandardOutput=truncate:/out/e2e.txt" "StandardError=inherit" "TimeoutStartSec=500s"
}

# Without SystemCallErrorNumber=: a call that is refused kills whoever made it, so
# none can be refused and go unnoticed.
suite_passes_in_the_sandbox() {
    fresh
    suite_unit --test-threads 16 >/run/systemd/system/suite.service
    systemctl daemon-reload
    systemctl start suite.service || { tail -n 100 /out/e2e.txt; exit 1; }
}
