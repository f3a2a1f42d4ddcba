//! What the themes share: the fixture, opening, and what is in a store.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use comenq_proto::{CommentBody, Target};
use comenqd::clock::{Clock, TimeSource, UnixMs};
use comenqd::store::{
    Cursor, Inserted, Job, ListFilter, ListQuery, Liveness, NewJob, Options, Recovery, State,
    Store, StoreError,
};

/// The host on which the fixture was last used.
pub(crate) const MACHINE: &str = "0123456789abcdef0123456789abcdef";

pub(crate) const NOW: UnixMs = UnixMs(1_800_000_000_000);

struct Quiet;

impl Liveness for Quiet {
    fn alive(&self) {}
    fn period(&self) -> Duration {
        Duration::from_secs(3600)
    }
    fn busy_for(&self, _: Duration) {}
    fn failed(&self, _: &str) {}
}

struct Hands;

impl TimeSource for Hands {
    fn boot_id(&self) -> u128 {
        7
    }
    fn boottime(&self) -> Duration {
        Duration::from_secs(1000)
    }
    fn wall(&self) -> UnixMs {
        NOW
    }
}

fn clock() -> Arc<Clock> {
    Arc::new(Clock::new(Arc::new(Hands)))
}

pub(crate) fn options(queue: &Path) -> Options {
    Options {
        path: queue.to_owned(),
        lock_patience: Duration::from_secs(5),
        machine: Some(MACHINE.to_owned()),
        hold_restored_jobs: true,
        program: None,
        clock: clock(),
        observer: None,
    }
}

pub(crate) async fn try_open(queue: &Path) -> Result<(Store, Recovery), StoreError> {
    Store::open(options(queue), Arc::new(Quiet)).await
}

pub(crate) async fn open(queue: &Path) -> Store {
    try_open(queue).await.unwrap().0
}

/// Opens it with other options.
pub(crate) async fn try_open_with(queue: &Path, change: impl FnOnce(&mut Options)) -> Store {
    let mut options = options(queue);
    change(&mut options);
    Store::open(options, Arc::new(Quiet)).await.unwrap().0
}

pub(crate) fn job(uid: u32, number: u64, body: &str) -> NewJob {
    let target = Target::parse("octo", "demo", number).unwrap();
    let body = CommentBody::parse(body).unwrap();
    NewJob::plain(uid, "default", target, body, NOW, clock().mark())
}

pub(crate) async fn insert(store: &Store, job: NewJob) -> Inserted {
    store.insert_all(vec![job]).await.unwrap().remove(0)
}

/// Every job that can be read, with its text.
pub(crate) async fn jobs(store: &Store) -> Vec<(Job, String)> {
    read(store).await.unwrap().0
}

/// State and text of the jobs that can be read, and the ids of those that cannot.
pub(crate) async fn damaged_ids(
    store: &Store,
) -> Result<(BTreeMap<u64, (State, String)>, BTreeSet<u64>), StoreError> {
    let (jobs, damaged) = read(store).await?;
    let jobs = jobs
        .into_iter()
        .map(|(job, text)| (job.id.get(), (job.state, text)));
    Ok((jobs.collect(), damaged))
}

async fn read(store: &Store) -> Result<(Vec<(Job, String)>, BTreeSet<u64>), StoreError> {
    let (mut jobs, mut damaged) = (Vec::new(), BTreeSet::new());
    let mut after: Option<Cursor> = None;
    loop {
        let query = ListQuery {
            after,
            limit: 500,
            with_body: true,
            max_bytes: usize::MAX,
            finished_since: UnixMs(i64::MIN),
            filter: ListFilter::default(),
            finished_only: false,
        };
        let page = store.list(query).await?;
        let found = page.jobs.into_iter();
        jobs.extend(found.map(|(job, body)| (job, body.unwrap_or_default())));
        damaged.extend(page.damaged.iter().map(|(id, _)| id.get()));
        after = page.next;
        if after.is_none() {
            return Ok((jobs, damaged));
        }
    }
}

/// The files of a closed store; sled lets go of them a moment after it was dropped.
pub(crate) fn raw(queue: &Path, generation: &str) -> sled::Db {
    let config = sled::Config::new()
        .path(queue.join(generation))
        .flush_every_ms(None);
    let start = Instant::now();
    loop {
        match config.open() {
            Ok(db) => return db,
            Err(error) if start.elapsed() > Duration::from_secs(10) => panic!("{error}"),
            Err(_) => std::thread::yield_now(),
        }
    }
}

/// The generation in use.
pub(crate) fn current(queue: &Path) -> String {
    let name = fs::read_to_string(queue.join("CURRENT")).unwrap();
    name.trim_end().to_owned()
}

/// The entries of a closed store, out of the blocks that hold them (see `store/blocks.rs`), and
/// what it says of itself.
pub(crate) fn entries(db: &sled::Db) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut entries = BTreeMap::new();
    for stored in db.iter() {
        let (fence, block) = stored.unwrap();
        if fence.as_ref() == b"m" {
            entries.insert(fence.to_vec(), block.to_vec());
            continue;
        }
        let (mut rest, mut key) = (&block[5..], Vec::new());
        while let [shared, a, b, c, d, ..] = *rest {
            let key_end = 5 + usize::from(u16::from_be_bytes([a, b]));
            let value_end = key_end + usize::from(u16::from_be_bytes([c, d]));
            key.truncate(shared.into());
            key.extend_from_slice(&rest[5..key_end]);
            entries.insert(key.clone(), rest[key_end..value_end].to_vec());
            rest = &rest[value_end..];
        }
    }
    entries
}

/// Puts an entry into a closed store, or takes it out: into blocks of which each holds one.
pub(crate) fn set(db: &sled::Db, key: &[u8], value: Option<&[u8]>) {
    let mut entries = entries(db);
    match value {
        Some(value) => entries.insert(key.to_vec(), value.to_vec()),
        None => entries.remove(key),
    };
    db.clear().unwrap();
    let mut kind = None;
    for (key, value) in entries {
        if key == b"m" {
            db.insert(key, value).unwrap();
            continue;
        }
        let is_first = kind.replace(key[0]) != Some(key[0]);
        let fence = if is_first { &key[..1] } else { &key[..] };
        let length = |part: &[u8]| u16::try_from(part.len()).unwrap().to_be_bytes();
        let head = [&[0][..], &length(&key), &length(&value)].concat();
        let payload = [head, key.clone(), value].concat();
        let crc = crc32fast::hash(&[fence, &payload].concat());
        let block = [&[1][..], &crc.to_be_bytes(), &payload].concat();
        db.insert(fence, block).unwrap();
    }
    db.flush().unwrap();
}

/// Unpacks the fixture of format 1 into a directory; returns the queue in it.
pub(crate) fn fixture(directory: &Path) -> PathBuf {
    fixture_of(1, directory)
}

/// Unpacks the fixture of a format into a directory; returns the queue in it.
pub(crate) fn fixture_of(format: u32, directory: &Path) -> PathBuf {
    let archive = fixture_path(&format!("store-format-{format}.tar.gz"));
    let status = Command::new("tar")
        .arg("--extract")
        .arg("--gzip")
        .arg(format!("--file={}", archive.display()))
        .arg(format!("--directory={}", directory.display()))
        .status();
    assert!(status.unwrap().success());
    directory.join("queue")
}

/// A file of the fixtures.
pub(crate) fn fixture_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures")
        .join(name)
}
