//! The queue on disk: it survives, it is nobody else's business, and when it
//! cannot be opened the daemon says so and keeps trying.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use comenq_proto::{ErrorCode, JobList, JobState};
use harness::daemon::{Daemon, submission};
use harness::github::GithubStandin;
use harness::setup::Setup;
use harness::wait;

use crate::world::{ISSUE, SOON, assert_posted_once, bodies, posts, standin, world, world_with};

/// Every file and directory below a path.
fn tree(path: PathBuf) -> Vec<PathBuf> {
    let mut found = vec![path];
    let mut next = 0;
    while let Some(path) = found.get(next).cloned() {
        next += 1;
        if let Ok(entries) = fs::read_dir(&path) {
            found.extend(entries.filter_map(Result::ok).map(|entry| entry.path()));
        }
    }
    found
}

/// A daemon whose store directory is made unusable before it starts.
fn broken(spoil: impl FnOnce(&Setup)) -> (GithubStandin, Daemon) {
    let (standin, mut daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    daemon.wait_posted(daemon.submit(ISSUE, "first").job.id);
    daemon.submit(ISSUE, "waiting");
    daemon.term();
    spoil(&daemon.setup);
    daemon.start_again();
    (standin, daemon)
}

fn assert_unavailable(daemon: &Daemon) {
    let status = daemon.status();
    assert!(!status.store.ok, "{status:?}");
    assert!(
        status.store.reason.is_some() && !status.degraded.is_empty(),
        "{status:?}"
    );
    let error = daemon
        .connect()
        .call(&submission(ISSUE, "x", Some("k")))
        .unwrap()
        .unwrap_err();
    assert_eq!(
        (error.code, error.retryable),
        (ErrorCode::StoreUnavailable, true)
    );
    let done = daemon
        .cli(&["post", "--timeout", "1s", "--json", ISSUE, "x"])
        .run();
    assert_eq!(done.code, 1, "{done:?}");
    assert_eq!(
        done.json_error()["code"],
        ErrorCode::StoreUnavailable.name()
    );
    assert_eq!(daemon.cli(&["list"]).run().code, 1);
}

#[test]
fn the_queue_is_private() {
    let (_standin, daemon) = world();
    daemon.wait_posted(daemon.submit(ISSUE, "x").job.id);
    let queue = daemon.setup.path("queue");
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&queue), 0o700);
    for path in tree(queue) {
        assert_eq!(
            mode(&path) & 0o077,
            0,
            "{} is open to others",
            path.display()
        );
    }
}

#[test]
fn every_acknowledged_job_survives_a_crash() {
    let (_standin, mut daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    let mut connection = daemon.connect();
    for number in 1..=300 {
        let request = submission(ISSUE, &format!("job {number}"), None);
        assert_eq!(connection.call(&request).unwrap().unwrap().job.id, number);
    }
    daemon.kill9();
    daemon.start_again();
    let mut seen = Vec::new();
    let mut cursor = None;
    let mut connection = daemon.connect();
    loop {
        let page = JobList {
            cursor,
            limit: Some(64),
            include_body: true,
            ..JobList::default()
        };
        let reply = connection.call(&page).unwrap().unwrap();
        assert!(reply.jobs.len() <= 64);
        seen.extend(reply.jobs);
        cursor = reply.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    seen.sort_by_key(|job| job.id);
    let ids: Vec<u64> = seen.iter().map(|job| job.id).collect();
    assert_eq!(
        ids,
        (1..=300).collect::<Vec<_>>(),
        "each exactly once over the pages"
    );
    for job in &seen {
        assert_eq!(
            job.body.as_deref(),
            Some(format!("job {}", job.id).as_str())
        );
    }
    let counts = daemon.status().counts;
    assert_eq!(counts.values().sum::<u64>(), 300, "{counts:?}");
}

#[test]
fn a_page_of_big_comments_fits_into_a_frame() {
    let (_standin, daemon) = world_with(|setup| {
        setup
            .number("cooldown_period_seconds", 600)
            .number("max_body_chars", 262_144)
    });
    let big = "x".repeat(262_144);
    let mut connection = daemon.connect();
    for number in 1..=8 {
        connection
            .call(&submission(ISSUE, &big, None))
            .unwrap()
            .unwrap();
        assert_eq!(
            daemon.job(number).body.map(|body| body.len()),
            Some(262_144)
        );
    }
    let mut seen = 0;
    let mut cursor = None;
    loop {
        let page = JobList {
            cursor,
            include_body: true,
            ..JobList::default()
        };
        let reply = connection.call(&page).unwrap().unwrap();
        seen += reply.jobs.len();
        cursor = reply.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, 8);
}

#[test]
fn a_store_that_is_no_directory_is_unavailable_and_comes_back() {
    let (standin, mut daemon) = broken(|setup| {
        fs::rename(setup.path("queue"), setup.path("aside")).unwrap();
        fs::write(setup.path("queue"), "not a store").unwrap();
    });
    assert_unavailable(&daemon);
    fs::remove_file(daemon.setup.path("queue")).unwrap();
    fs::rename(daemon.setup.path("aside"), daemon.setup.path("queue")).unwrap();
    wait::until("the store to be opened", SOON, || {
        daemon.status().store.ok.then_some(())
    });
    assert_eq!(
        daemon.job(2).body.as_deref(),
        Some("waiting"),
        "nothing was lost"
    );
    assert_eq!(daemon.submit(ISSUE, "and on").job.id, 3);
    assert_eq!(bodies(&standin), ["first"]);
    assert!(daemon.exited().is_none());
}

#[test]
fn damaged_stores_are_unavailable_not_fatal() {
    type Spoil = fn(&Setup);
    let spoils: [(&str, Spoil); 4] = [
        ("CURRENT names nothing", |setup| {
            fs::write(setup.path("queue").join("CURRENT"), "store-99\n").unwrap();
        }),
        ("CURRENT is garbage", |setup| {
            fs::write(setup.path("queue").join("CURRENT"), [0xff, 0, 7]).unwrap();
        }),
        ("CURRENT is empty", |setup| {
            fs::write(setup.path("queue").join("CURRENT"), "").unwrap();
        }),
        ("the database is cut off", |setup| {
            for path in tree(setup.path("queue")) {
                if path.ends_with("db") {
                    fs::OpenOptions::new()
                        .write(true)
                        .open(path)
                        .unwrap()
                        .set_len(100)
                        .unwrap();
                }
            }
        }),
    ];
    for (what, spoil) in spoils {
        let (standin, mut daemon) = broken(spoil);
        assert!(!daemon.status().store.ok, "{what}: {:?}", daemon.status());
        assert_unavailable(&daemon);
        assert!(daemon.exited().is_none(), "{what}");
        assert_eq!(posts(&standin).len(), 1, "{what}");
    }
}

#[test]
fn a_store_older_than_its_witness_is_refused() {
    let copy = |from: PathBuf, to: PathBuf| {
        let status = std::process::Command::new("cp")
            .arg("-a")
            .arg(from)
            .arg(to)
            .status();
        assert!(status.unwrap().success());
    };
    let (standin, mut daemon) = world();
    daemon.wait_posted(daemon.submit(ISSUE, "first").job.id);
    daemon.term();
    copy(daemon.setup.path("queue"), daemon.setup.path("backup"));
    daemon.start_again();
    daemon.wait_posted(daemon.submit(ISSUE, "second").job.id);
    daemon.term();
    // The data goes back in time, the witness does not.
    let witness = |path: &PathBuf| path.file_name().is_some_and(|name| name == "witness");
    let kept: Vec<(PathBuf, Vec<u8>)> = tree(daemon.setup.path("queue"))
        .into_iter()
        .filter(witness)
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    assert!(!kept.is_empty(), "no file named witness");
    fs::remove_dir_all(daemon.setup.path("queue")).unwrap();
    copy(daemon.setup.path("backup"), daemon.setup.path("queue"));
    for (path, bytes) in kept {
        fs::write(path, bytes).unwrap();
    }
    daemon.start_again();
    assert_unavailable(&daemon);
    assert_eq!(bodies(&standin), ["first", "second"]);
}

#[test]
fn a_second_daemon_on_the_same_store_waits_and_says_for_whom() {
    let standin = standin();
    let mut first = Setup::for_standin(&standin).start();
    let queue = first.setup.path("queue").display().to_string();
    let mut second = Daemon::idle(Setup::for_standin(&standin).text("queue_path", &queue));
    second.spawn();
    let pid = first.pid().to_string();
    wait::until("the second to name the first", SOON, || {
        assert!(
            second.exited().is_none(),
            "gave up at once: {}",
            second.log()
        );
        second.log().contains(&pid).then_some(())
    });
    let id = first.submit(ISSUE, "handed over").job.id;
    let job = first.wait_posted(id);
    assert_posted_once(&standin, &job, "handed over");
    first.term();
    second.wait_ready();
    assert_eq!(second.job(id).state, JobState::Posted);
}
