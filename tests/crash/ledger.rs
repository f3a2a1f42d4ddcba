//! What was promised to clients, and the judgement in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use comenq_proto::{JobState, WireError};
use harness::connection::Connection;
use harness::daemon::{Daemon, submission};
use harness::github::{GithubStandin, Kind};
use harness::wait;

/// Clocks have milliseconds here and there.
const SLACK: Duration = Duration::from_millis(3);

/// One submission and what the client was told.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) target: String,
    /// The text; it is the key as well, so each is one comment.
    pub(crate) text: String,
    /// The job, once acknowledged.
    pub(crate) id: Option<u64>,
}

impl Entry {
    pub(crate) fn new(target: &str, text: &str) -> Self {
        Self {
            target: target.to_owned(),
            text: text.to_owned(),
            id: None,
        }
    }

    /// Submits; what a broken connection acknowledges is nothing.
    pub(crate) fn submit(&mut self, socket: &std::path::Path) {
        let Ok(mut connection) = Connection::ready(socket) else {
            return;
        };
        let request = submission(&self.target, &self.text, Some(&self.text));
        match connection.call(&request) {
            Ok(Ok(reply)) => {
                assert!(
                    self.id.is_none_or(|id| id == reply.job.id),
                    "one key, two jobs"
                );
                self.id = Some(reply.job.id);
            }
            Ok(Err(WireError {
                retryable: true, ..
            }))
            | Err(_) => {}
            Ok(Err(error)) => panic!("{self:?} was refused: {error:?}"),
        }
    }
}

/// Submits again what was not acknowledged, waits until all is posted, and
/// compares what GitHub holds with what was promised.
pub(crate) fn judge(
    standin: &GithubStandin,
    daemon: &Daemon,
    mut entries: Vec<Entry>,
    cooldown: Duration,
) {
    for entry in &mut entries {
        let before = entry.id;
        entry.submit(&daemon.socket());
        let after = entry.id.expect("a running daemon takes it");
        assert!(before.is_none_or(|id| id == after));
    }
    let patience = Duration::from_secs(60);
    for entry in &entries {
        daemon.wait_longer(entry.id.unwrap(), &[JobState::Posted], patience);
    }
    let mut held: BTreeMap<String, u32> = BTreeMap::new();
    for comment in standin.comments() {
        *held.entry(comment.body).or_default() += 1;
    }
    for entry in &entries {
        let count = held.remove(&entry.text);
        assert_eq!(count, Some(1), "{entry:?}; log:\n{}", daemon.log());
    }
    assert!(held.is_empty(), "nobody submitted {held:?}");
    let posts = standin.requests_of(Kind::Post);
    for pair in posts.windows(2) {
        let gap = pair[1].at.duration_since(pair[0].at);
        assert!(gap + SLACK >= cooldown, "{gap:?} between {pair:#?}");
    }
}

/// Waits until a request of a kind has arrived after the first `seen`.
pub(crate) fn arrival(standin: &GithubStandin, kind: Kind, seen: usize) {
    wait::until(
        &format!("a request {kind:?}"),
        Duration::from_secs(20),
        || (standin.requests_of(kind).len() > seen).then_some(()),
    );
}
