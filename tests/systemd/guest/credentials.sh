# shellcheck shell=bash
# Tokens as systemd passes them: encrypted on the disk, empty, replaced. Checks of
# first-boot, which sources this after lib.sh. That a missing one is no failure is
# in administration.sh.

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

# What `journalctl -x` says below a trouble is found by its message id.
catalogue_explains_troubles() {
    fresh
    standin revoke "{\"token\":\"$TOKEN\"}"
    post "explained"
    is_told() { journal -o cat | grep -q 'degraded: .*blocked'; }
    eventually 20 is_told
    local text
    text=$(journal -x -o short)
    echo "$text"
    expect_text "the subject" 'Subject: Account default is blocked' "$text"
    expect_text "what to do" 'comenq status' "$text"
    TOKEN=acceptance-token-5f2c
}
