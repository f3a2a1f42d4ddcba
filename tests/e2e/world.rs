//! What the themes share: one stand-in with one daemon, and what GitHub saw.

use std::time::Duration;

use comenq_proto::{ErrorCode, Job, LaneStatus};
use harness::cli::{Cli, Done};
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

/// Two people; to be them a test must run as root.
pub(crate) const ANN: u32 = 12_001;
pub(crate) const BEN: u32 = 12_002;
/// The group of the daemon's socket in these tests: the daemon runs as root.
const MEMBER: u32 = 0;

/// The client as another user.
pub(crate) fn run_as(daemon: &Daemon, uid: u32, words: &[&str]) -> Done {
    Cli::as_user(&daemon.socket(), words, uid, MEMBER).run()
}

/// Queues a comment as another user.
pub(crate) fn post_as(daemon: &Daemon, uid: u32, target: &str, body: &str) -> u64 {
    job_id(&run_as(daemon, uid, &["post", "--json", target, body]))
}

/// Queues a comment with the real client and these options.
pub(crate) fn post(daemon: &Daemon, target: &str, body: &str, options: &[&str]) -> u64 {
    let words = [&["post", "--json", target, body], options].concat();
    job_id(&daemon.cli(&words).run())
}

fn job_id(done: &Done) -> u64 {
    assert_eq!(done.code, 0, "{done:?}");
    done.json()["job"]["id"].as_u64().unwrap()
}

/// Asserts that the client was refused: its exit code, and the error's name on the wire. Asked
/// with `--json`.
pub(crate) fn assert_refused(done: &Done, exit: i32, code: ErrorCode) {
    assert_eq!(done.code, exit, "{done:?}");
    assert_eq!(done.json_error()["code"], code.name(), "{done:?}");
}

/// The lane of an account once it is in this phase.
pub(crate) fn lane_in(daemon: &Daemon, account: &str, phase: &str) -> LaneStatus {
    wait::until(&format!("{account} to be {phase}"), SOON, || {
        let mut lanes = daemon.status().lanes.into_iter();
        lanes.find(|lane| lane.account == account && lane.phase == phase)
    })
}

/// Waits until the daemon has logged this so many times.
pub(crate) fn logged(daemon: &Daemon, text: &str, times: usize) {
    wait::until(&format!("the log to say {text:?}"), SOON, || {
        (daemon.log().matches(text).count() >= times).then_some(())
    });
}

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
