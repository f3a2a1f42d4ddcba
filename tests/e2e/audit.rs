//! Each request that is to change something leaves one line in the log, refused or not, and never a
//! text.

use harness::daemon::Daemon;
use harness::needs;

use crate::world::{ANN, BEN, ISSUE, logged, post_as, run_as, world_with};

/// The lines at `info` about an endpoint.
fn lines(daemon: &Daemon, endpoint: &str) -> Vec<String> {
    let field = format!("endpoint=\"{endpoint}\"");
    let log = daemon.log();
    let of_it = log.lines().filter(|line| line.contains(&field));
    of_it
        .filter(|line| line.contains(" INFO "))
        .map(str::to_owned)
        .collect()
}

#[test]
fn one_line_says_who_asked_what_of_which_job_and_what_came_of_it() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    daemon.wait_posted(daemon.submit("octo/demo#2", "first").job.id);
    let id = post_as(&daemon, ANN, ISSUE, "between us").to_string();
    for (uid, words, endpoint, result, says) in [
        (ANN, vec!["hold", &*id], "job_hold", 0, "held: #2"),
        (
            ANN,
            vec!["hold", &*id],
            "job_hold",
            0,
            "job_hold: nothing had to be changed",
        ),
        (
            BEN,
            vec!["cancel", &*id],
            "job_cancel",
            300,
            "job_cancel refused: ",
        ),
        (
            ANN,
            vec!["edit", &*id, "another secret"],
            "job_edit",
            0,
            "edited: #2",
        ),
        (
            ANN,
            vec!["bump", &*id],
            "job_bump",
            401,
            "job_bump refused: ",
        ),
        (
            ANN,
            vec!["pause"],
            "queue_pause",
            300,
            "queue_pause refused: ",
        ),
        (
            0,
            vec!["purge", &*id],
            "job_purge",
            305,
            "job_purge refused: ",
        ),
        (
            ANN,
            vec!["retry", "--reason", "locked"],
            "job_retry_failed",
            0,
            "nothing had to be",
        ),
    ] {
        let before = lines(&daemon, endpoint).len();
        let done = run_as(&daemon, uid, &words);
        assert_eq!(done.code == 0, result == 0, "{words:?}: {done:?}");
        logged(&daemon, &format!("endpoint=\"{endpoint}\""), before + 1);
        let after = lines(&daemon, endpoint);
        assert_eq!(after.len(), before + 1, "{words:?}: {after:?}");
        let line = after.last().unwrap();
        for field in [
            format!("peer_uid={uid}"),
            "peer_pid=".to_owned(),
            "request_id=".to_owned(),
            "duration_ms=".to_owned(),
            format!("result_code={result}"),
            says.to_owned(),
        ] {
            assert!(line.contains(&field), "{field}: {line}");
        }
        let names_job = words.contains(&&*id);
        assert_eq!(line.contains(&format!("job_id={id}")), names_job, "{line}");
    }
    assert_eq!(lines(&daemon, "job_submit").len(), 2);
    let log = daemon.log();
    assert!(!log.contains("between us") && !log.contains("another secret"));
}

#[test]
fn who_only_looks_leaves_none() {
    let (_standin, daemon) = world_with(|setup| setup);
    for words in [&["list"][..], &["status"], &["ping"], &["show", "9"]] {
        drop(daemon.cli(words).run());
    }
    logged(&daemon, "endpoint=\"job_get\"", 1);
    for endpoint in ["job_list", "status", "ping", "job_get"] {
        assert_eq!(lines(&daemon, endpoint), [""; 0], "{endpoint}");
    }
}
