//! `status` and `ping`: the daemon as people and programs see it.

use std::collections::BTreeMap;

use comenq_proto::{
    ConfigStatus, LaneStatus, OwnUsage, OwnerStatus, Ping, Pong, Status, StatusReply, StoreStatus,
};
use serde_json::{Value, json};

use super::{MINUTE_MS, NOW_MS, Ran, against};
use crate::test_daemon::TestDaemon;

pub(super) fn status() -> StatusReply {
    StatusReply {
        daemon_version: "9.9.9".into(),
        started_at_ms: NOW_MS - 180 * MINUTE_MS,
        store: StoreStatus {
            ok: true,
            ..StoreStatus::default()
        },
        counts: BTreeMap::from([
            ("posted".into(), 10),
            ("queued".into(), 3),
            ("held".into(), 0),
        ]),
        lanes: vec![LaneStatus {
            account: "default".into(),
            host: "api.github.com".into(),
            login: Some("octocat".into()),
            token_source: Some("credential".into()),
            cooldown_ms: 960_000,
            phase: "waiting_for_pace".into(),
            reason: None,
            next_post_at_ms: Some(NOW_MS + 2 * MINUTE_MS),
            ..LaneStatus::default()
        }],
        degraded: Vec::new(),
        own: None,
        config: None,
        queue: None,
    }
}

/// Everything that can be wrong, and some that is not.
pub(super) fn mixed() -> StatusReply {
    let mut reply = status();
    reply.degraded = vec!["account shy-bot has no GitHub token".into()];
    reply.store.low_space = true;
    reply.store.free_bytes = Some(1 << 20);
    let healthy = reply.lanes[0].clone();
    let lane = |account: &str, phase: &str, reason: Option<&str>| LaneStatus {
        account: account.into(),
        phase: phase.into(),
        reason: reason.map(Into::into),
        remedy: Some("systemctl restart comenqd".into()),
        ..healthy.clone()
    };
    let mut ending = lane("docs-bot", "limited", Some("secondary rate limit"));
    ending.token_expires_at_ms = Some(NOW_MS + 5 * 24 * 60 * MINUTE_MS);
    ending.warnings = vec!["the token expires on 2026-11-25 12:10:00 UTC".into()];
    let mut shy = lane("shy-bot", "no_token", None);
    (shy.token_source, shy.next_post_at_ms) = (None, None);
    reply.lanes.extend([
        ending,
        shy,
        lane("bad-bot", "blocked", Some("bad credentials")),
    ]);
    reply
}

fn status_of(reply: StatusReply, line: &[&str]) -> Ran {
    let daemon = TestDaemon::serving(move |peer| {
        peer.answer::<Status>(&reply);
    });
    against(&daemon, line, b"")
}

#[test]
fn status_fits_on_one_screen() {
    let expected = "\
comenqd 9.9.9, running since 09:10 (3 h ago)
store: fine
jobs: 3 queued, 10 posted
account default on api.github.com, login octocat, token from credential, at least 16 min between posts
  waiting for the next turn, next post 12:12 (in 2 min)
";
    assert_eq!(status_of(status(), &["status"]).stdout, expected);
    let printed = status_of(status(), &["status", "--json"]).json();
    let status = &printed["status"];
    assert_eq!(status["started_at"], "2026-11-20T09:10:00Z");
    assert_eq!(status["counts"]["queued"], 3);
    assert_eq!(status["lanes"][0]["next_post_at"], "2026-11-20T12:12:00Z");
    assert_eq!(status["lanes"][0]["reason"], Value::Null);
    let store = json!({
        "ok": true, "reason": null, "free_bytes": null, "file_bytes": null, "low_space": false,
    });
    assert_eq!(status["store"], store);
}

#[test]
fn status_says_what_to_do_when_something_is_missing() {
    let mut reply = status();
    reply.lanes[0].token_source = None;
    reply.lanes[0].phase = "no_token".into();
    reply.lanes[0].next_post_at_ms = None;
    reply.store = StoreStatus {
        ok: false,
        reason: Some("locked by pid 12".into()),
        ..StoreStatus::default()
    };
    reply.counts.clear();
    let advice = "account default has no GitHub token: put a token into /etc/comenqd/github-token, \
                  then run `systemctl restart comenqd`";
    reply.degraded = vec!["the clock is not confirmed".into(), advice.into()];
    reply.lanes[0].remedy = Some("systemctl restart comenqd".into());
    let text = status_of(reply, &["status"]).stdout;
    for part in [
        "  waiting for a token, nothing is posted\n",
        "degraded: account default has no GitHub token: put a token into /etc/comenqd/github-token",
        "store: unavailable, locked by pid 12; ",
        "jobs: unknown\n",
        "degraded: the clock is not confirmed\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // The daemon knows best, and once is enough.
    assert_eq!(text.matches("systemctl restart comenqd").count(), 1);
}

/// A daemon with every trouble that has a line of its own.
fn troubled() -> StatusReply {
    let mut reply = status();
    reply.store.file_bytes = Some(4_194_304);
    reply.store.free_bytes = Some(1_258_291);
    reply.store.low_space = true;
    let lane = &mut reply.lanes[0];
    lane.phase = "blocked".into();
    lane.reason = Some("Bad credentials".into());
    lane.next_post_at_ms = None;
    lane.jitter_ms = 60_000;
    lane.remedy = Some("systemctl reload comenqd".into());
    lane.warnings = vec!["the token expires on 2026-12-01".into()];
    lane.owners = vec![
        OwnerStatus {
            owner: "octo-org".into(),
            reason: "SAML".into(),
            url: Some("https://github.com/sso".into()),
            next_try_at_ms: Some(NOW_MS + 31 * MINUTE_MS),
        },
        OwnerStatus {
            owner: "shorty".into(),
            reason: "IP allow list".into(),
            url: None,
            next_try_at_ms: None,
        },
    ];
    reply.own = Some(OwnUsage {
        queued_jobs: 3,
        max_queued_jobs: 1000,
        queued_bytes: 600,
        max_queued_bytes: 67_108_864,
        submits_last_minute: 2,
        max_submits_per_minute: 600,
        posts_last_day: 10,
        max_posts_per_day: Some(50),
        accounts: vec!["default".into(), "bot".into()],
    });
    reply.config = Some(ConfigStatus {
        loaded_at_ms: NOW_MS - 180 * MINUTE_MS,
        error: Some("line 3: unknown key \"tokn\"".into()),
    });
    reply
}

#[test]
fn status_tells_every_trouble_with_what_mends_it() {
    let expected = "\
comenqd 9.9.9, running since 09:10 (3 h ago)
store: low on space, 4.0 MiB, 1.1 MiB free on its disk; jobs are posted, but none are taken until there is more
jobs: 3 queued, 10 posted
account default on api.github.com, login octocat, token from credential, at least 16 min between posts and at random up to 60 s more
  blocked by GitHub: Bad credentials
  to mend it: systemctl reload comenqd
  warning: the token expires on 2026-12-01
  barred by owner octo-org, whose jobs wait: SAML, see https://github.com/sso, next try 12:41 (in 31 min)
  barred by owner shorty, whose jobs wait: IP allow list
you: 3 of 1000 jobs unfinished, 600 B of 64.0 MiB of text, 2 of 600 submissions within a minute, 10 of 50 comments taken within a day; you may post with default, bot
config: the newest was not taken, the one read 09:10 (3 h ago) is in force: line 3: unknown key \"tokn\"; correct it, then: systemctl reload comenqd
";
    assert_eq!(status_of(troubled(), &["status"]).stdout, expected);
}

#[test]
fn a_good_configuration_and_a_full_right_to_post_need_few_words() {
    let mut reply = troubled();
    reply.store.low_space = false;
    reply.config.as_mut().unwrap().error = None;
    let own = reply.own.as_mut().unwrap();
    (own.max_posts_per_day, own.accounts) = (None, Vec::new());
    let text = status_of(reply, &["status"]).stdout;
    assert!(text.contains("store: fine, 4.0 MiB, 1.1 MiB free on its disk\n"));
    assert!(
        text.contains("10 comments taken within a day; you may post with no account\n"),
        "{text}"
    );
    assert!(!text.contains("config"), "{text}");
}

#[test]
fn a_limit_is_told_once_and_by_whom() {
    let shown = |reason: Option<&str>| {
        let mut reply = status();
        reply.lanes[0].phase = "limited".into();
        reply.lanes[0].reason = reason.map(ToOwned::to_owned);
        status_of(reply, &["status"]).stdout
    };
    let text = shown(Some("GitHub limits this account: slow down"));
    let line = "\n  limited: GitHub limits this account: slow down, next try 12:12 (in 2 min)\n";
    assert!(text.contains(line), "{text}");
    assert!(shown(None).contains("\n  GitHub has limited this account, next try"));
}

#[test]
fn json_of_status_has_every_part() {
    let printed = status_of(troubled(), &["status", "--json"]).json();
    let status = &printed["status"];
    assert_eq!(status["store"]["low_space"], true);
    assert_eq!(status["store"]["free_bytes"], 1_258_291);
    let lane = &status["lanes"][0];
    assert_eq!(lane["jitter_ms"], 60_000);
    assert_eq!(lane["remedy"], "systemctl reload comenqd");
    assert_eq!(lane["warnings"], json!(["the token expires on 2026-12-01"]));
    let owner = json!({
        "owner": "octo-org", "reason": "SAML", "url": "https://github.com/sso",
        "next_try_at": "2026-11-20T12:41:00Z",
    });
    assert_eq!(lane["owners"][0], owner);
    let own = json!({
        "queued_jobs": 3, "max_queued_jobs": 1000, "queued_bytes": 600,
        "max_queued_bytes": 67_108_864, "submits_last_minute": 2,
        "max_submits_per_minute": 600, "posts_last_day": 10, "max_posts_per_day": 50,
        "accounts": ["default", "bot"],
    });
    assert_eq!(status["own"], own);
    let config = json!({
        "loaded_at": "2026-11-20T09:10:00Z", "error": "line 3: unknown key \"tokn\"",
    });
    assert_eq!(status["config"], config);
    let printed = status_of(self::status(), &["status", "--json"]).json();
    assert_eq!(printed["status"]["own"], Value::Null);
    assert_eq!(printed["status"]["config"], Value::Null);
}

#[test]
fn ping_tells_who_answers() {
    let ponging = || {
        TestDaemon::serving(|peer| {
            peer.answer::<Ping>(&Pong {});
        })
    };
    let daemon = ponging();
    let ran = against(&daemon, &["ping"], b"");
    assert!(
        ran.stdout
            .starts_with("comenqd 9.9.9 answers (protocol 1); you may post")
    );
    let daemon = ponging();
    let expected = json!({
        "schema": 1, "daemon_version": "9.9.9", "protocol_version": 1, "role": "operator",
    });
    assert_eq!(against(&daemon, &["ping", "--json"], b"").json(), expected);
}
