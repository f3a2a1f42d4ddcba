//! Exports and imports: a backup holds everything, and what it was made of is never
//! posted twice.

use std::fs;
use std::path::{Path, PathBuf};

use comenqd::store::{self, Hold, Imported, State, Store};
use serde_json::Value;

use crate::support::{fixture, insert, job, jobs, open};

/// All lines, in pages of a few.
async fn export(store: &Store, max_lines: usize, max_bytes: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut after = None;
    loop {
        let page = store.export(after, max_lines, max_bytes).await.unwrap();
        assert!(page.lines.len() <= max_lines);
        lines.extend(page.lines);
        let Some(next) = page.next else {
            return lines;
        };
        // As a client would hand it back.
        after = Some(next.to_string().parse().unwrap());
    }
}

async fn some_queue(directory: &Path) -> PathBuf {
    let queue = fixture(directory);
    let store = open(&queue).await;
    let mut keyed = job(12_001, 7, "with \"quotes\", \u{1} and ünï\r\n");
    keyed.key = Some(comenq_proto::SubmitKey::parse("keyed").unwrap());
    keyed.priority = -3;
    insert(&store, keyed).await;
    store.close().await.unwrap();
    queue
}

fn import(queue: &Path, lines: &[String]) -> Result<Imported, String> {
    let text = lines.join("\n") + "\n";
    store::import(queue, &mut text.as_bytes()).map_err(|error| error.to_string())
}

/// Without what an import changes: unfinished jobs are held, and the store has its own count of
/// commits.
fn comparable(lines: &[String]) -> Vec<Value> {
    let mut lines: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for line in &mut lines {
        if let Some(meta) = line.get_mut("meta") {
            meta["sequence"] = Value::Null;
        }
        if let Some(job) = line.get_mut("job") {
            let finished = ["posted", "failed", "cancelled", "expired"];
            if !finished.contains(&job["state"].as_str().unwrap()) {
                for field in [
                    "state",
                    "hold",
                    "last_error",
                    "next_attempt_at_ms",
                    "look_sequence",
                ] {
                    job.as_object_mut().unwrap().remove(field);
                }
            }
        }
    }
    lines
}

#[tokio::test]
async fn an_import_of_an_export_is_the_same_but_for_held_jobs() {
    let directory = tempfile::tempdir().unwrap();
    let queue = some_queue(directory.path()).await;
    let store = open(&queue).await;
    let lines = export(&store, 3, 20_000).await;
    assert_eq!(
        lines,
        export(&store, usize::MAX, usize::MAX).await,
        "whatever the pages"
    );
    let before = jobs(&store).await;
    store.close().await.unwrap();

    let other = directory.path().join("deep/other");
    let imported = import(&other, &lines).unwrap();
    assert_eq!(
        (imported.jobs, imported.held, imported.damaged),
        (23, 13, 0)
    );
    let report = store::check(&other).unwrap();
    assert_eq!(report.faults, [""; 0]);
    let store = open(&other).await;
    let after = export(&store, 7, usize::MAX).await;
    assert_eq!(comparable(&after), comparable(&lines));
    let now = jobs(&store).await;
    assert_eq!(now.len(), before.len());
    for ((old, old_text), (new, text)) in before.iter().zip(&now) {
        assert_eq!((old.id, old_text), (new.id, text));
        if old.state.is_finished() {
            assert_eq!(old, new);
        } else {
            assert_eq!((new.state, new.hold), (State::Held, Some(Hold::Restored)));
        }
    }
    // A submission that is repeated finds its job, and new ones get new numbers.
    let mut again = job(12_001, 7, "with \"quotes\", \u{1} and ünï\r\n");
    again.key = Some(comenq_proto::SubmitKey::parse("keyed").unwrap());
    let found = insert(&store, again).await;
    assert!(found.duplicate);
    assert_eq!(insert(&store, job(1, 1, "new")).await.job.id.get(), 24);
    store.close().await.unwrap();
}

#[tokio::test]
async fn an_import_of_an_import_is_exactly_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let queue = some_queue(directory.path()).await;
    let store = open(&queue).await;
    let lines = export(&store, 100, usize::MAX).await;
    store.close().await.unwrap();
    let mut copies = vec![lines];
    for name in ["one", "two"] {
        let queue = directory.path().join(name);
        import(&queue, copies.last().unwrap()).unwrap();
        let store = open(&queue).await;
        copies.push(export(&store, 100, usize::MAX).await);
        store.close().await.unwrap();
    }
    let but_first = |lines: &[String]| lines[1..].to_vec();
    assert_eq!(but_first(&copies[1]), but_first(&copies[2]));
}

#[tokio::test]
async fn half_an_export_or_a_changed_one_imports_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let queue = some_queue(directory.path()).await;
    let store = open(&queue).await;
    let lines = export(&store, 100, usize::MAX).await;
    store.close().await.unwrap();
    let other = directory.path().join("other");
    let nothing_there = || {
        let left: Vec<_> = fs::read_dir(&other).unwrap().collect();
        assert_eq!(left.len(), 1, "only the lock: {left:?}");
    };
    for cut in [1, 5, lines.len() - 1] {
        let error = import(&other, &lines[..cut]).unwrap_err();
        assert!(error.contains("cut off"), "{cut}: {error}");
        nothing_there();
    }
    for leave_out in 1..lines.len() - 1 {
        let mut rest = lines.clone();
        rest.remove(leave_out);
        import(&other, &rest).unwrap_err();
        nothing_there();
    }
    let changes = [
        (
            "\"comenq_export\":1",
            "\"comenq_export\":2",
            "no export that this comenqd can read",
        ),
        ("\"format\":3", "\"format\":9", "format 9"),
        ("held, short", "held, shirt", "line 2"),
        ("\"kind\":\"lane\"", "\"kind\":\"train\"", "kind"),
        ("\"state\":\"held\"", "\"state\":\"hold\"", "line 2"),
    ];
    for (from, to, expected) in changes {
        let other_lines: Vec<String> = lines.iter().map(|line| line.replace(from, to)).collect();
        assert_ne!(other_lines, lines, "{from}");
        let error = import(&other, &other_lines).unwrap_err();
        assert!(error.contains(expected), "{to}: {error}");
        nothing_there();
    }
    import(&other, &lines).unwrap();
}

#[tokio::test]
async fn only_an_empty_queue_is_filled() {
    let directory = tempfile::tempdir().unwrap();
    let queue = some_queue(directory.path()).await;
    let store = open(&queue).await;
    let lines = export(&store, 100, usize::MAX).await;
    let error = import(&queue, &lines).unwrap_err();
    assert!(
        error.contains("systemctl stop comenqd.service comenq.socket"),
        "{error}"
    );
    store.close().await.unwrap();
    let error = import(&queue, &lines).unwrap_err();
    assert!(error.contains("has jobs already"), "{error}");
    let store = open(&queue).await;
    assert_eq!(jobs(&store).await.len(), 23, "nothing happened to it");
    store.close().await.unwrap();

    // A daemon was started there and never took a job.
    let empty = directory.path().join("empty");
    open(&empty).await.close().await.unwrap();
    import(&empty, &lines).unwrap();
    let store = open(&empty).await;
    assert_eq!(jobs(&store).await.len(), 23);
    store.close().await.unwrap();
}

/// Copies the queue as it lies on the disk when so many lines were read: what a `kill -9` leaves.
struct Killed<'a> {
    lines: std::io::Cursor<Vec<u8>>,
    read: usize,
    at: usize,
    queue: &'a Path,
    remains: &'a Path,
}

impl std::io::Read for Killed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.lines.read(buffer)
    }
}

impl std::io::BufRead for Killed<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.lines.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.lines.consume(amount);
        self.read += 1;
        if self.read == self.at {
            let copied = std::process::Command::new("cp")
                .args(["-r"])
                .args([self.queue, self.remains])
                .status();
            assert!(copied.unwrap().success());
        }
    }
}

#[tokio::test]
async fn what_a_killed_import_leaves_is_no_queue() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("from")).await;
    for number in 1..400 {
        insert(&store, job(1, number, "text")).await;
    }
    let lines = export(&store, 500, 1 << 20).await;
    store.close().await.unwrap();
    let (queue, remains) = (dir.path().join("to"), dir.path().join("remains"));
    let mut killed = Killed {
        lines: std::io::Cursor::new((lines.join("\n") + "\n").into_bytes()),
        read: 0,
        // Behind the first sync of a group.
        at: 300,
        queue: &queue,
        remains: &remains,
    };
    store::import(&queue, &mut killed).unwrap();
    let rest = open(&remains).await;
    assert!(
        jobs(&rest).await.is_empty(),
        "half an import was taken for a queue"
    );
    rest.close().await.unwrap();
    assert_eq!(jobs(&open(&queue).await).await.len(), 399);
}
