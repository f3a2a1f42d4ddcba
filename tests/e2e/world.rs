//! What the themes share: one stand-in with one daemon, and what GitHub saw.

use std::time::Duration;

use comenq_proto::Job;
use harness::daemon::Daemon;
use harness::github::{Comment, Config, GithubStandin, Kind, LOGIN, Record};
use harness::setup::Setup;
use harness::wait;

/// How long something may take that should happen within a few seconds.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// How long a test watches that nothing happens, several pauses of the daemon long.
pub(crate) const A_WHILE: Duration = Duration::from_secs(4);
/// Clocks have milliseconds here and there.
pub(crate) const SLACK: Duration = Duration::from_millis(3);

/// One issue of the stand-in.
pub(crate) const ISSUE: &str = "octo/demo#1";
/// Another.
pub(crate) const OTHER: &str = "octo/demo#2";

/// The stand-in with its example account and issues.
pub(crate) fn standin() -> GithubStandin {
    GithubStandin::start(Config::example()).unwrap()
}

/// A stand-in and a daemon that posts to it every second.
pub(crate) fn world() -> (GithubStandin, Daemon) {
    world_with(|setup| setup)
}

/// The same with changes to the daemon's set-up.
pub(crate) fn world_with(change: impl FnOnce(Setup) -> Setup) -> (GithubStandin, Daemon) {
    let standin = standin();
    let daemon = change(Setup::for_standin(&standin)).start();
    (standin, daemon)
}

/// Waits after trouble as they are without configuration: a minute and more.
pub(crate) fn with_default_waits(setup: Setup) -> Setup {
    setup
        .number("backoff_min_seconds", 60)
        .number("backoff_max_seconds", 3_600)
}

/// The POSTs that reached the stand-in.
pub(crate) fn posts(standin: &GithubStandin) -> Vec<Record> {
    standin.requests_of(Kind::Post)
}

/// The comments of the daemon's account, oldest first.
pub(crate) fn ours(standin: &GithubStandin) -> Vec<Comment> {
    standin
        .comments()
        .into_iter()
        .filter(|comment| comment.login == LOGIN)
        .collect()
}

/// Their texts.
pub(crate) fn bodies(standin: &GithubStandin) -> Vec<String> {
    ours(standin)
        .into_iter()
        .map(|comment| comment.body)
        .collect()
}

/// The pauses between the POSTs, as the stand-in saw them.
pub(crate) fn gaps(standin: &GithubStandin) -> Vec<Duration> {
    let posts = posts(standin);
    posts
        .windows(2)
        .map(|pair| pair[1].at.duration_since(pair[0].at))
        .collect()
}

/// Asserts that every pause between POSTs is at least this long.
pub(crate) fn assert_spaced(standin: &GithubStandin, cooldown: Duration) {
    for gap in gaps(standin) {
        assert!(
            gap + SLACK >= cooldown,
            "POSTs {gap:?} apart, the cooldown is {cooldown:?}"
        );
    }
}

/// Waits until this many requests of a kind have arrived, and returns them.
pub(crate) fn arrived(standin: &GithubStandin, kind: Kind, count: usize) -> Vec<Record> {
    wait::until(&format!("{count} requests {kind:?}"), SOON, || {
        let records = standin.requests_of(kind);
        (records.len() >= count).then_some(records)
    })
}

/// Asserts that a job is posted as the one comment of that text.
pub(crate) fn assert_posted_once(standin: &GithubStandin, job: &Job, body: &str) {
    let found: Vec<Comment> = ours(standin)
        .into_iter()
        .filter(|comment| comment.body.trim_end() == body)
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(job.comment_id, Some(found[0].id));
    assert_eq!(job.comment_url.as_deref(), Some(found[0].html_url.as_str()));
}

/// Asserts that no POST arrives for a while.
pub(crate) fn assert_quiet(standin: &GithubStandin) {
    let before = posts(standin).len();
    wait::never("another POST", A_WHILE, || posts(standin).len() > before);
}
