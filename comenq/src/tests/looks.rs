//! How everything looks: help and answers, at three widths, with and without colours.
//!
//! Each text is beside this file in `snapshots/`. To take over what has changed:
//! `INSTA_UPDATE=always cargo test -p comenq looks`, and read the difference.

use std::fmt::Write as _;

use comenq_proto::{
    FEATURES, FailureCode, Forecast, ForecastPost, ForecastReply, Health, Hello, HelloAck,
    HelloReply, Job, JobGet, JobGetReply, JobList, JobListReply, JobState, LaneForecast, Ping,
    Pong, Status,
};
use insta::assert_snapshot;
use unicode_width::UnicodeWidthStr;

use super::{Around, MINUTE_MS, NOW_MS, PIPED, Ran, health, job, run_around, seen, show, status};
use crate::{
    cli::GROUPS,
    test_daemon::{Peer, TestDaemon, ack, greeted},
};

const WIDTHS: [usize; 3] = [60, 80, 120];

const fn terminal(width: usize) -> Around<'static> {
    Around {
        is_terminal: true,
        width,
        environment: &[("NO_COLOR", "1"), ("PAGER", "cat")],
        ..PIPED
    }
}

const fn coloured(width: usize) -> Around<'static> {
    Around {
        environment: &[("PAGER", "cat")],
        ..terminal(width)
    }
}

/// What a run prints, with escapes to be read, and no line wider than the terminal.
fn text(ran: &Ran, around: Around<'_>) -> String {
    let shown = format!("{}{}", ran.stdout, ran.stderr);
    shown.replace('\u{1b}', "␛") + &format!("(exit {}, {} columns)", ran.exit.code(), around.width)
}

fn widest(ran: &Ran) -> usize {
    let plain = anstyle_free(&ran.stdout);
    // Sentences are the terminal's to wrap.
    let is_fitted = |line: &&str| !line.starts_with("account ");
    plain
        .lines()
        .filter(is_fitted)
        .map(UnicodeWidthStr::width)
        .max()
        .unwrap_or(0)
}

/// The text without its escape sequences, each of which ends with `m`.
fn anstyle_free(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| {
        plain + part.split_once('m').map_or(part, |(_, rest)| rest)
    })
}

#[test]
fn help_at_every_width() {
    for width in WIDTHS {
        let mut all = String::new();
        let verbs = GROUPS
            .iter()
            .flat_map(|(_, verbs)| *verbs)
            .map(|(verb, _)| *verb);
        let lines = [vec!["--help"]]
            .into_iter()
            .chain(verbs.map(|verb| vec![verb, "--help"]));
        for line in lines {
            let ran = run_around(&line, terminal(width));
            assert!(
                widest(&ran) <= width,
                "{line:?} at {width}:\n{}",
                ran.stdout
            );
            let is_screen = line.len() == 1;
            let example = format!("\n  comenq {}", line[0]);
            let examples = ran
                .stdout
                .split_once("Example")
                .map_or("", |(_, rest)| rest);
            let has_one = examples.contains(&example);
            assert!(is_screen || has_one, "{line:?} has no example");
            let shown = text(&ran, terminal(width));
            let _infallible = writeln!(all, "$ comenq {}\n{shown}", line.join(" "));
        }
        assert_snapshot!(format!("help_{width}"), all);
    }
    let ran = run_around(&["hold", "--help"], coloured(80));
    assert_snapshot!("help_coloured", text(&ran, coloured(80)));
}

#[test]
fn the_first_screen_is_one_screen() {
    let screen = run_around(&["--help"], terminal(80)).stdout;
    assert!(screen.lines().count() <= 24, "{screen}");
}

#[test]
fn errors_of_usage() {
    for (name, line) in [
        ("mistyped_verb", &["lsit"][..]),
        ("mistyped_option", &["list", "--stat", "held"]),
        ("mistyped_state", &["list", "--state", "hold"]),
        ("no_number", &["post", "o/r"]),
        ("no_choice", &["cancel"]),
    ] {
        let around = terminal(80);
        assert_snapshot!(
            format!("usage_{name}"),
            text(&run_around(line, around), around)
        );
    }
    let around = coloured(80);
    assert_snapshot!(
        "usage_coloured",
        text(&run_around(&["lsit"], around), around)
    );
}

fn jobs() -> Vec<Job> {
    let mut deferred = job(112, JobState::Queued);
    deferred.attempts = 2;
    deferred.next_attempt_at_ms = Some(NOW_MS + 5 * MINUTE_MS);
    deferred.last_error = Some("connection refused".into());
    let mut others = job(111, JobState::Held);
    others.uid = 1001;
    others.account = "docs-bot".into();
    others.repo = "a-repository-with-quite-a-long-name".into();
    others.last_error = Some("作者は「いいえ」と言いました。もう一度試してください 🙅".into());
    let mut posted = job(7, JobState::Posted);
    posted.comment_url = Some("https://github.com/owner/repo/issues/123#issuecomment-1".into());
    posted.created_at_ms = NOW_MS - 24 * 60 * MINUTE_MS;
    posted.finished_at_ms = Some(NOW_MS - 60 * MINUTE_MS);
    let mut failed = job(6, JobState::Failed);
    failed.failure = Some(FailureCode::Locked);
    failed.last_error = Some("the conversation is locked".into());
    vec![
        job(110, JobState::Posting),
        others,
        deferred,
        job(113, JobState::Uncertain),
        posted,
        failed,
        job(5, JobState::Cancelled),
        job(4, JobState::Expired),
    ]
}

fn listing() -> TestDaemon {
    TestDaemon::serving(|peer| {
        peer.answer::<JobList>(&JobListReply {
            jobs: jobs(),
            next_cursor: None,
        });
    })
}

#[test]
fn lists_at_every_width() {
    for width in WIDTHS {
        for (name, line) in [("own", &["list"][..]), ("all", &["list", "--all"])] {
            let around = terminal(width);
            let ran = seen(&listing(), line, around);
            assert!(widest(&ran) <= width, "{}", ran.stdout);
            assert_snapshot!(format!("list_{name}_{width}"), text(&ran, around));
            let around = coloured(width);
            let painted = seen(&listing(), line, around);
            assert_eq!(anstyle_free(&painted.stdout), ran.stdout);
            assert_snapshot!(
                format!("list_{name}_{width}_coloured"),
                text(&painted, around)
            );
        }
    }
    let piped = seen(&listing(), &["list", "-a"], PIPED);
    assert_snapshot!("list_piped", text(&piped, PIPED));
}

fn timeline() -> ForecastReply {
    let post = |job_id, uid, minutes: i64| ForecastPost {
        job_id,
        uid,
        target: format!("owner/repo#{job_id}"),
        expected_at_ms: Some(NOW_MS + minutes * MINUTE_MS),
    };
    let lane = |account: &str, posts: Vec<ForecastPost>, queued| LaneForecast {
        account: account.into(),
        phase: "waiting_for_pace".into(),
        reason: None,
        cooldown_ms: 960_000,
        next_post_at_ms: Some(NOW_MS + 12 * MINUTE_MS),
        queued,
        posts,
    };
    let mut blocked = lane("shy-bot", vec![], 2);
    blocked.phase = "no_token".into();
    blocked.next_post_at_ms = None;
    ForecastReply {
        lanes: vec![
            lane(
                "default",
                vec![post(7, 1000, 12), post(9, 1001, 28), post(11, 1002, 200)],
                14,
            ),
            lane("docs-bot", vec![post(8, 1000, 20)], 1),
            blocked,
            lane("idle-bot", vec![], 0),
        ],
    }
}

/// A daemon with every ability.
fn able(serve: impl FnOnce(&mut Peer) + Send + 'static) -> TestDaemon {
    TestDaemon::start(vec![Box::new(|peer| {
        let _hello: Hello = peer.receive();
        peer.send(&HelloReply::accepted(HelloAck {
            features: FEATURES.iter().map(ToString::to_string).collect(),
            ..ack()
        }));
        serve(peer);
    })])
}

#[test]
fn timelines_at_every_width() {
    let daemon = || {
        able(|peer| {
            peer.answer::<Ping>(&Pong {});
            peer.answer::<Forecast>(&timeline());
        })
    };
    for width in WIDTHS {
        let around = terminal(width);
        let ran = seen(&daemon(), &["list", "--timeline"], around);
        assert!(widest(&ran) <= width, "{}", ran.stdout);
        assert_snapshot!(format!("timeline_{width}"), text(&ran, around));
    }
    let around = coloured(120);
    let ran = seen(&daemon(), &["list", "--timeline"], around);
    assert_snapshot!("timeline_coloured", text(&ran, around));
    let ran = seen(&daemon(), &["list", "--timeline", "--json"], PIPED);
    assert_eq!(ran.json()["timeline"][0]["posts"][1]["job_id"], 9);
}

#[test]
fn one_job_and_the_daemon() {
    for (name, around) in [("plain", terminal(80)), ("coloured", coloured(80))] {
        let mut reply: JobGetReply = show::eventful();
        reply.job.uid = 1001;
        let daemon = TestDaemon::serving(move |peer| {
            peer.answer::<JobGet>(&reply);
        });
        assert_snapshot!(
            format!("show_{name}"),
            text(&seen(&daemon, &["show", "7"], around), around)
        );
        let daemon = TestDaemon::serving(|peer| {
            peer.answer::<Status>(&status::mixed());
        });
        assert_snapshot!(
            format!("status_{name}"),
            text(&seen(&daemon, &["status"], around), around)
        );
        let daemon = TestDaemon::serving(|peer| {
            peer.answer::<Health>(&health::ill());
        });
        assert_snapshot!(
            format!("health_{name}"),
            text(&seen(&daemon, &["health"], around), around)
        );
        let asked = greeted(|peer: &mut Peer| {
            peer.answer::<Ping>(&Pong {});
            peer.answer::<Status>(&status::mixed());
            peer.answer::<Health>(&health::ill());
        });
        // The first visit only tries whether anybody listens.
        let daemon = TestDaemon::start(vec![Box::new(|_| {}), asked]);
        let ran = seen(&daemon, &["doctor"], around);
        let shown = text(&ran, around).replace(daemon.socket().to_str().unwrap(), "SOCKET");
        let shown = shown.replace(
            concat!("comenq ", env!("CARGO_PKG_VERSION")),
            "comenq VERSION",
        );
        assert_snapshot!(format!("doctor_{name}"), shown);
    }
}
