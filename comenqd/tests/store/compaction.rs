//! A store that was large once.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{current, entries, fixture, insert, job, open, raw, try_open_with};

fn file_bytes(queue: &Path, generation: &str) -> u64 {
    fs::metadata(queue.join(generation).join("db")).map_or(0, |file| file.len())
}

/// Makes the closed store of a queue large: entries of no kind come and go.
fn bloat(queue: &Path, entries: u64) {
    let db = raw(queue, &current(queue));
    for remove in [false, true] {
        let mut batch = sled::Batch::default();
        for number in 0..entries {
            // As a job would: its record, and its place in a line.
            let (one, two) = (*b"\0a", *b"\0t");
            for (kind, value) in [(one, vec![7; 500]), (two, vec![])] {
                let key = [&kind[..], &number.to_be_bytes()].concat();
                if remove {
                    batch.remove(key);
                } else {
                    batch.insert(key, value);
                }
            }
            if number % 256 == 255 {
                db.apply_batch(std::mem::take(&mut batch)).unwrap();
                db.flush().unwrap();
            }
        }
        db.apply_batch(batch).unwrap();
        db.flush().unwrap();
    }
}

fn generations(queue: &Path) -> Vec<String> {
    let names = fs::read_dir(queue).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("store-"))
        .collect();
    names.sort();
    names
}

/// The fixture, opened once so that it is of today's format; closed.
async fn some_queue(directory: &Path) -> PathBuf {
    let queue = fixture(directory);
    let store = open(&queue).await;
    for number in 1..=50 {
        let text = "line of a comment\n".repeat(number * 20);
        insert(&store, job(1, 1, &text)).await;
    }
    store.close().await.unwrap();
    queue
}

#[tokio::test]
async fn a_store_that_was_large_shrinks_and_keeps_everything() {
    let directory = tempfile::tempdir().unwrap();
    let queue = some_queue(directory.path()).await;
    assert_eq!(generations(&queue), ["store-2"], "a copy in today's format");
    let before = entries(&raw(&queue, "store-2"));
    bloat(&queue, 60_000);
    let large = file_bytes(&queue, "store-2");
    assert!(large > 48 << 20, "{large}");

    let store = open(&queue).await;
    assert_eq!(generations(&queue), ["store-3"]);
    assert_eq!(current(&queue), "store-3");
    assert!(file_bytes(&queue, "store-3") < large / 8);
    let id = insert(&store, job(1, 1, "goes on")).await.job.id;
    store.close().await.unwrap();
    let store = open(&queue).await;
    assert_eq!(store.get(id).await.unwrap().1, "goes on");
    store.close().await.unwrap();

    // What was there before is there byte for byte, but for what that job changed.
    let after = entries(&raw(&queue, "store-3"));
    let is_changed = |key: &[u8]| matches!(key.first(), Some(b'm' | b'c' | b'q' | b'y'));
    for (key, value) in before.iter().filter(|(key, _)| !is_changed(key)) {
        assert_eq!(after.get(key), Some(value), "{key:?}");
    }
    assert_eq!(generations(&queue), ["store-3"], "it is not large any more");
}

#[tokio::test]
async fn a_store_that_is_full_of_jobs_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let queue = directory.path().join("queue");
    let store = open(&queue).await;
    let text = "x".repeat(60_000);
    for _ in 0..8 {
        let jobs = (0..100).map(|_| job(1, 1, &text)).collect();
        store.insert_all(jobs).await.unwrap();
    }
    store.close().await.unwrap();
    assert!(file_bytes(&queue, "store-1") > 40 << 20);
    open(&queue).await.close().await.unwrap();
    assert_eq!(generations(&queue), ["store-1"]);
}

#[tokio::test]
async fn what_an_interrupted_copy_left_is_removed_and_the_next_start_tries_again() {
    let directory = tempfile::tempdir().unwrap();
    let queue = some_queue(directory.path()).await;
    let before = entries(&raw(&queue, "store-2")).len();
    bloat(&queue, 60_000);
    for leftover in ["store-3", "store-7"] {
        fs::create_dir(queue.join(leftover)).unwrap();
        fs::write(queue.join(leftover).join("db"), "half a copy").unwrap();
    }
    fs::create_dir(queue.join("store-of-mine")).unwrap();
    open(&queue).await.close().await.unwrap();
    assert_eq!(generations(&queue), ["store-2", "store-of-mine"]);
    open(&queue).await.close().await.unwrap();
    assert_eq!(generations(&queue), ["store-3", "store-of-mine"]);
    assert_eq!(entries(&raw(&queue, "store-3")).len(), before);
}

#[tokio::test]
async fn a_store_that_cannot_be_copied_is_used_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let queue = some_queue(directory.path()).await;
    bloat(&queue, 60_000);
    let store = try_open_with(&queue, |options| {
        options.program = Some("/bin/false".into());
    });
    store.await.close().await.unwrap();
    assert_eq!(generations(&queue), ["store-2"]);
}
