//! `comenqd check` and `comenqd import`: the queue while no daemon uses it.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use comenq_proto::{JobRelease, JobState};
use comenqd::clock::Clock;
use comenqd::store::{Liveness, Options, Store};
use harness::needs;
use harness::setup::Setup;

use crate::world::{ISSUE, OTHER, assert_quiet, bodies, posts, world_with};

fn run(setup: &Setup, words: &[&str]) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = setup.command(words).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

#[test]
fn check_says_whether_everything_fits_together() {
    let (_standin, mut daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    daemon.wait_posted(daemon.submit(ISSUE, "posted").job.id);
    daemon.submit(ISSUE, "waits");
    let (code, _, said) = run(&daemon.setup, &["check"]);
    assert_eq!(code, 1, "it is in use");
    assert!(
        said.contains("systemctl stop comenqd.service comenq.socket"),
        "{said}"
    );
    daemon.term();
    let queue = daemon.setup.path("queue").display().to_string();
    for words in [&["check"][..], &["check", "--queue-path", &queue]] {
        let (code, said, trouble) = run(&daemon.setup, words);
        assert_eq!((code, trouble.as_str()), (0, ""), "{said}");
        assert!(
            said.contains("1 unfinished and 1 finished jobs")
                && said.contains("everything fits together"),
            "{said}"
        );
    }
    let (code, _, said) = run(&daemon.setup, &["check", "--queue-path", "/nowhere/queue"]);
    assert!(code == 1 && said.contains("there is no queue"), "{said}");

    // Somebody puts an old copy of the store back.
    let old = daemon.setup.path("old");
    copy(&daemon.setup.path("queue/store-1"), &old);
    daemon.start_again();
    daemon.submit(ISSUE, "lost by that");
    daemon.term();
    fs::remove_dir_all(daemon.setup.path("queue/store-1")).unwrap();
    copy(&old, &daemon.setup.path("queue/store-1"));
    let (code, said, _) = run(&daemon.setup, &["check"]);
    assert!(
        code == 1 && said.contains("older than its witness"),
        "{said}"
    );
}

fn copy(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp")
        .arg("-a")
        .args([from, to])
        .status();
    assert!(status.unwrap().success());
}

struct Quiet;

impl Liveness for Quiet {
    fn alive(&self) {}
    fn period(&self) -> Duration {
        Duration::from_secs(3600)
    }
    fn busy_for(&self, _: Duration) {}
    fn failed(&self, _: &str) {}
}

/// An export of a stopped daemon's queue.
fn export(setup: &Setup, file: &Path) {
    let options = Options {
        path: setup.path("queue"),
        lock_patience: Duration::from_secs(5),
        machine: None,
        hold_restored_jobs: true,
        program: None,
        clock: Arc::new(Clock::system()),
        observer: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let lines = runtime.block_on(async {
        let (store, _) = Store::open(options, Arc::new(Quiet)).await.unwrap();
        let page = store.export(None, usize::MAX, usize::MAX).await.unwrap();
        store.close().await.unwrap();
        page.lines
    });
    let mut file = File::create(file).unwrap();
    for line in lines {
        writeln!(file, "{line}").unwrap();
    }
}

#[test]
fn an_import_posts_nothing_twice() {
    let (standin, mut daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 3));
    daemon.wait_posted(daemon.submit(OTHER, "posted before").job.id);
    let second = daemon.submit(ISSUE, "posted after the export").job.id;
    let third = daemon.submit(ISSUE, "never posted there").job.id;
    daemon.term();
    let file = daemon.setup.path("backup");
    export(&daemon.setup, &file);
    // The original goes on for one more comment, and is then lost.
    daemon.start_again();
    daemon.wait_posted(second);
    daemon.kill9();

    let mut other = harness::daemon::Daemon::idle(
        Setup::for_standin(&standin).number("cooldown_period_seconds", 3),
    );
    let name = file.display().to_string();
    let (code, said, trouble) = run(&other.setup, &["import", &name]);
    assert_eq!((code, trouble.as_str()), (0, ""), "{said}");
    assert!(
        said.contains("imported 3 jobs") && said.contains("2 unfinished"),
        "{said}"
    );
    let (code, _, said) = run(&other.setup, &["import", &name]);
    assert!(code == 1 && said.contains("has jobs already"), "{said}");
    other.start_again();
    let before = posts(&standin).len();
    assert_eq!(other.job(1).state, JobState::Posted);
    for id in [second, third] {
        let job = other.job(id);
        assert_eq!(job.state, JobState::Held);
        assert!(job.last_error.unwrap().contains("restored"));
    }
    assert_quiet(&standin);
    for id in [second, third] {
        other.connect().call(&JobRelease { id }).unwrap().unwrap();
    }
    other.wait_posted(second);
    other.wait_posted(third);
    assert_eq!(
        posts(&standin).len(),
        before + 1,
        "only the third was missing"
    );
    assert_eq!(
        bodies(&standin),
        [
            "posted before",
            "posted after the export",
            "never posted there"
        ]
    );
}

#[test]
fn what_root_imports_belongs_to_the_daemons_user() {
    const USER: u32 = 12_009;
    if !needs::root() {
        return;
    }
    let (_standin, mut daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    daemon.submit(ISSUE, "mine");
    daemon.term();
    let file = daemon.setup.path("backup");
    export(&daemon.setup, &file);
    let state = daemon.setup.path("state");
    fs::create_dir(&state).unwrap();
    chown(&state, Some(USER), Some(USER)).unwrap();
    let queue = state.join("queue").display().to_string();
    let name = file.display().to_string();
    let (code, said, trouble) = run(&daemon.setup, &["import", "--queue-path", &queue, &name]);
    assert_eq!(code, 0, "{said}{trouble}");
    let (code, said, trouble) = run(&daemon.setup, &["check", "--queue-path", &queue]);
    assert_eq!(code, 0, "{said}{trouble}");
    for path in [
        "queue",
        "queue/CURRENT",
        "queue/witness",
        "queue/store-1/db",
    ] {
        let owner = fs::metadata(state.join(path)).unwrap();
        assert_eq!((owner.uid(), owner.gid()), (USER, USER), "{path}");
    }
}

#[test]
fn an_export_that_is_cut_off_leaves_nothing() {
    let (_standin, mut daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    daemon.submit(ISSUE, "one");
    daemon.term();
    let file = daemon.setup.path("backup");
    export(&daemon.setup, &file);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, &text[..text.len() / 2]).unwrap();
    let queue = daemon.setup.path("new").display().to_string();
    let name = file.display().to_string();
    let (code, _, said) = run(&daemon.setup, &["import", "--queue-path", &queue, &name]);
    assert!(code == 1 && said.contains("nothing was imported"), "{said}");
    let (code, _, said) = run(&daemon.setup, &["check", "--queue-path", &queue]);
    assert!(code == 1 && said.contains("there is no queue"), "{said}");
}
