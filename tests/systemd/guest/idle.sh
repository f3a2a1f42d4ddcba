# shellcheck shell=bash
# A daemon that ends whenever there is nothing to do, met by clients about when it
# ends, until it was started a hundred times. Under a copy of the units, as a user of
# its own, and beside the other checks, for it takes two minutes of waiting.

IDLE_SOCKET=/run/comenq-idle/comenq.sock

# The shipped unit under other names: unit_as_idle UNIT COPY [SED-SCRIPT]
unit_as_idle() {
    sed -e 's|comenq\.socket|comenq-idle.socket|g; s|comenqd\.service|comenqd-idle.service|g' -e "${3:-}" \
        "$(prop "$1" FragmentPath)" >"/run/systemd/system/$2"
}

idle_ends_begin() {
    useradd --system comenq-idle
    mkdir -p /etc/comenqd-idle
    printf '%s\n' "github_api_url = \"$API\"" 'queue_path = "/var/lib/comenq-idle/queue"' 'idle_exit_seconds = 1' \
        >/etc/comenqd-idle/config.toml
    chown -R comenq-idle: /etc/comenqd-idle
    chmod 0600 /etc/comenqd-idle/config.toml
    unit_as_idle comenq.socket comenq-idle.socket "s|^ListenStream=.*|ListenStream=$IDLE_SOCKET|"
    unit_as_idle comenqd.service comenqd-idle.service \
        's#^\(User\|Group\|StateDirectory\)=.*#\1=comenq-idle#; s|^ExecStart=.*|& --config /etc/comenqd-idle/config.toml|'
    systemctl daemon-reload
    systemctl start comenq-idle.socket
    COMENQ_SOCKET=$IDLE_SOCKET comenq ping
    idle_has_ended() { [ "$(prop comenqd-idle.service ActiveState)" = inactive ]; }
    eventually 10 idle_has_ended
    expect "how it ended" "0 success" "$(prop comenqd-idle.service ExecMainStatus) $(prop comenqd-idle.service Result)"
    systemd-run --quiet --unit=idle-clients --no-block -p Type=oneshot -p RemainAfterExit=yes \
        -E COMENQ_SOCKET=$IDLE_SOCKET bash /opt/acceptance/guest/idle-clients comenqd-idle.service 100
}

idle_ends_were_all_served() {
    idle_clients_are_over() { [ "$(prop idle-clients.service ActiveState)" != activating ]; }
    eventually 240 idle_clients_are_over
    journalctl --no-pager -u idle-clients -o cat
    expect "the clients" "active 0" "$(prop idle-clients.service ActiveState) $(prop idle-clients.service ExecMainStatus)"
    expect "the socket" active "$(prop comenq-idle.socket ActiveState)"
    expect "restarts" 0 "$(prop comenqd-idle.service NRestarts)"
    local starts
    starts=$(journalctl --no-pager -u comenqd-idle -o cat | grep -c ' is ready$')
    echo "$starts starts"
    [ "$starts" -ge 100 ] || fail "it ended too seldom to tell"
    systemctl stop comenq-idle.socket comenqd-idle.service idle-clients.service
    # Other checks look for what is called comenq.
    rm -r /run/systemd/system/{comenq-idle.socket,comenqd-idle.service} /etc/comenqd-idle /var/lib/comenq-idle
    userdel comenq-idle
    systemctl daemon-reload
}
