# shellcheck shell=bash
# Credentials as systemd passes them: a token encrypted on the disk, empty, replaced, and an App's
# private key. That a missing one is no failure is in administration.sh.

encrypt_token() {
    echo "$1" | systemd-creds encrypt --name=github-token --with-key=host - /etc/comenqd/github-token.cred
}

# As comenq-operations(7) says it.
encrypted_token_is_replaced_by_a_restart() {
    fresh
    rm /etc/comenqd/github-token
    encrypt_token "$TOKEN"
    drop_in <<'UNIT'
[Service]
LoadCredentialEncrypted=github-token:/etc/comenqd/github-token.cred
UNIT
    post "from an encrypted token"
    eventually 20 has_comments 1
    ! grep -rqs -- "$TOKEN" /etc/comenqd /var/lib/comenq || fail "the token lies on the disk as it is"
    expect "the source" "systemd credential github-token" "$(status_json '.lanes[0].token_source')"
    standin revoke "{\"token\":\"$TOKEN\"}"
    TOKEN=acceptance-token-encrypted
    standin token "{\"token\":\"$TOKEN\",\"login\":\"comenq-bot\",\"id\":4242}"
    encrypt_token "$TOKEN"
    systemctl reload comenqd
    post "after a reload only"
    is_blocked() { [ "$(status_json '.lanes[0].phase')" = blocked ]; }
    eventually 20 is_blocked
    expect_text "the reload's own word" 'if it was replaced there, run: .*systemctl restart comenqd' "$(journal -o cat)"
    systemctl restart comenqd
    eventually 20 has_comments 2
    expect "comments" "after a reload only|from an encrypted token" "$(bodies | sort | paste -sd'|')"
}

empty_token_is_told_and_no_failure() {
    fresh
    : >/etc/comenqd/github-token
    local text
    text=$(as alice comenq post "$ISSUE" "$NUMBER" "waits" 2>&1) || fail "$text"
    expect_text "the reply" 'queued' "$text"
    eventually 10 is_up
    text=$(comenq status)
    echo "$text"
    expect_text "what is wrong" 'token.*(empty|missing|none|no )|no.*token' "$text"
    expect "restarts" 0 "$(prop comenqd.service NRestarts)"
    write_token
    systemctl restart comenqd
    eventually 20 has_comments 1
}

# As on another host, or after its keys were made anew: comenqd itself never begins.
undecryptable_token_keeps_the_socket() {
    fresh
    echo "of another host" >/etc/comenqd/github-token.cred
    drop_in <<'UNIT'
[Service]
LoadCredentialEncrypted=github-token:/etc/comenqd/github-token.cred
UNIT
    as alice comenq post --timeout 60 "$ISSUE" "$NUMBER" "patience" &
    local client=$!
    fails_again_and_again() { [ "$(prop comenqd.service NRestarts)" -ge 6 ]; }
    eventually 30 fails_again_and_again
    expect_text "what systemd says" 'status=243/CREDENTIALS' "$(journal -o cat)"
    socket_is_up || fail "the socket is $(systemctl is-active comenq.socket)"
    encrypt_token "$TOKEN"
    wait "$client" || fail "the client that waited failed"
    eventually 20 has_comments 1
    rm /etc/comenqd/github-token.cred
}

# app_key_from DIRECTIVE FILE: how the unit gets the key of an App.
app_key_from() {
    drop_in <<UNIT
[Service]
$1=github-app-key:/etc/comenqd/$2
SetCredential=github-app-key:unset
UNIT
}

# An App's private key as comenqd.toml(5) says it, then encrypted, then one that is none.
app_key_is_a_credential() {
    EXTRA=$(printf '%s\n' "app_id = 12345" "installation_id = 678") fresh
    local key=/opt/acceptance/repository/tests/harness/github/app-key.pem
    standin app "$(jq -Rs '{id: 12345, slug: "octo-app", bot_id: 41898282, installation_id: 678, private_key: .}' "$key")"
    rm /etc/comenqd/github-token
    install -m 0600 "$key" /etc/comenqd/app.pem
    app_key_from LoadCredential app.pem
    post "from a key in a file"
    eventually 20 has_comments 1
    expect "the source" "the App's private key, systemd credential github-app-key" "$(status_json '.lanes[0].token_source')"
    rm /etc/comenqd/app.pem
    systemd-creds encrypt --name=github-app-key --with-key=host "$key" /etc/comenqd/app.cred
    app_key_from LoadCredentialEncrypted app.cred
    systemctl restart comenqd
    post "from an encrypted key"
    eventually 20 has_comments 2
    expect "who posted" "octo-app[bot] octo-app[bot]" "$(comments | jq -r '.[].user.login' | xargs)"
    echo "no key" | systemd-creds encrypt --name=github-app-key --with-key=host - /etc/comenqd/app.cred
    systemctl restart comenqd
    post "waits for a key"
    local text
    text=$(comenq status)
    echo "$text"
    expect_text "what is wrong" 'github-app-key.*(PEM|key)' "$text"
    expect "restarts" 0 "$(prop comenqd.service NRestarts)"
    rm /etc/comenqd/app.cred
}

# What `journalctl -x` says below a trouble is found by its message id.
catalogue_explains_troubles() {
    fresh
    NUMBER=404 post "for an issue that is not there"
    is_given_up() { journal -o cat | grep -q 'job #.*: failed'; }
    eventually 20 is_given_up
    standin revoke "{\"token\":\"$TOKEN\"}"
    post "explained"
    is_told() { journal -o cat | grep -q 'degraded: .*blocked'; }
    eventually 20 is_told
    local text
    text=$(journal -x -o short)
    echo "$text"
    expect_text "what became of the job" 'Subject: Job [0-9]+ was given up' "$text"
    expect_text "how it is revived" 'comenq retry [0-9]+' "$text"
    # Each field is filled in, and by our value: the journal's library has fields of its own.
    ! grep -E '@[A-Z_]+@|comenqd::' <<<"$text" || fail "a field is not what it stands for"
    expect_text "the subject" 'Subject: Account default is blocked' "$text"
    expect_text "what to do" 'comenq status' "$text"
}

credential_checks() {
    check "an encrypted token is replaced by a restart, and the reload says so" encrypted_token_is_replaced_by_a_restart
    check "an empty token is told, and no failure" empty_token_is_told_and_no_failure
    check "a token that cannot be decrypted: the socket lives, the client is served once it can" undecryptable_token_keeps_the_socket
    check "an App posts with its key from a credential; one that is no key is told" app_key_is_a_credential
    check "journalctl -x explains a trouble" catalogue_explains_troubles
}
