//! A fresh copy of a store whose file is far larger than what lives in it, or whose format is older.
//!
//! Decides when a copy is worth its time, and makes it. Called by the commit thread when it opens
//! the store, under the lock and before anything is answered. sled's file keeps the size of the
//! longest queue there ever was, and so does the time to open it after a crash.
//!
//! All entries go into the next generation, which is synced, opened again and compared; then
//! `CURRENT` names it; then the old one is removed. Killed anywhere, either generation is whole and
//! `CURRENT` names one of them; the next start removes the other. A copy that fails costs nothing
//! but time: the store is used as it is, or, if its format is older, left as it is.

use std::fs;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::blocks::{Block, Packer};
use super::engine::Engine;
use super::files::open_sled;
use super::format::{self, Lock};
use super::record::{self, Meta};
use super::space::{self, size};
use super::tree::Tree;
use super::txn::Entry;
use super::{Options, StoreError, keys};

/// Smaller files are left alone.
const SPARED_BYTES: u64 = 32 << 20;

/// A file may be so many times as large as what lives in it: sled's own bookkeeping, and entries
/// that have been replaced.
const SPARED_TIMES: u64 = 4;

/// What a job takes beside its text: its record, its places in the indexes, its key and its log. A
/// million queued jobs took 470 bytes each.
const JOB_BYTES: u64 = 600;

/// Free on the disk must be so many times what lives in the store.
const FREE_TIMES: u64 = 2;

/// What a new generation takes at least.
const LEAST_BYTES: u64 = 2 << 20;

/// Bytes written between two flushes.
const BATCH_BYTES: usize = 1 << 20;

/// Bytes copied before both stores are opened anew, which empties sled's caches.
const STRETCH_BYTES: usize = 16 << 20;

/// How much lives in a store, roughly.
pub(super) fn live_bytes(jobs: u64, body_bytes: u64) -> u64 {
    jobs.saturating_mul(JOB_BYTES).saturating_add(body_bytes)
}

fn is_worth(file_bytes: u64, live_bytes: u64) -> bool {
    file_bytes > SPARED_BYTES.saturating_add(live_bytes.saturating_mul(SPARED_TIMES))
}

/// Replaces the generation in use by a copy of itself where that is worth it and can be done. Says
/// in the log what came of it. Goes by what the witness says lives in the store: opening a bloated
/// one takes the memory that this is to save.
pub(super) fn run(options: &Options, lock: &Lock) -> Result<(), StoreError> {
    let root = &options.path;
    let old = format::find(root)?;
    // One that was interrupted may be interrupted again: first let the daemon start.
    if format::remove_leftovers(root, &old) {
        return Ok(());
    }
    let file_bytes = length(&old);
    let Some(live_bytes) = format::witnessed_live(root) else {
        return Ok(());
    };
    if !is_worth(file_bytes, live_bytes) || !has_room(root, file_bytes, live_bytes) {
        return Ok(());
    }
    tracing::info!(
        "compacting the queue {}: {} for about {} of jobs",
        root.display(),
        size(file_bytes),
        size(live_bytes)
    );
    let began = Instant::now();
    let done = make(options, lock);
    let in_use = format::find(root)?;
    match done {
        Ok(()) => tracing::info!(
            "compacted the queue to {} in {:.1} s",
            size(length(&in_use)),
            began.elapsed().as_secs_f32()
        ),
        Err(why) => tracing::warn!("the queue is used as it is, it cannot be compacted: {why}"),
    }
    format::remove_leftovers(root, &in_use);
    Ok(())
}

/// Copies a store of an older format into one of today's. It is used again only once that is done:
/// the old generation stays as it is until then.
pub(super) fn upgrade(options: &Options, lock: &Lock, from: u32) -> Result<(), StoreError> {
    let (root, to) = (&options.path, format::FORMAT);
    tracing::info!(
        "bringing the queue {} from format {from} to {to}",
        root.display()
    );
    let failed = |why: &str| {
        StoreError::Unavailable(format!(
            "the queue {} cannot be brought from format {from} to {to}: {why}",
            root.display()
        ))
    };
    let old = format::find(root)?;
    // All that lives in it, at most, and what sled takes for an empty one.
    let whole = length(&old)
        .saturating_mul(FREE_TIMES)
        .saturating_add(LEAST_BYTES);
    let wanted = format::witnessed_live(root).map_or(whole, |live| room_for(live).min(whole));
    let free = space::measure(root).map_or(u64::MAX, |disk| disk.free_bytes);
    if free < wanted {
        let (free, wanted) = (size(free), size(wanted));
        return Err(failed(&format!(
            "only {free} are free on its disk; free {wanted}"
        )));
    }
    let began = Instant::now();
    let made = make(options, lock).map_err(|why| failed(&why.to_string()));
    // Also of one that failed: it would fill the disk until the next try.
    format::remove_leftovers(root, &format::find(root)?);
    made?;
    tracing::info!(
        "brought the queue to format {to} in {:.1} s",
        began.elapsed().as_secs_f32()
    );
    Ok(())
}

fn make(options: &Options, lock: &Lock) -> Result<(), StoreError> {
    match &options.program {
        Some(program) => in_child(program, &options.path, lock),
        None => replace(&options.path),
    }
}

/// What must be free for a copy of so much.
fn room_for(live_bytes: u64) -> u64 {
    SPARED_BYTES.saturating_add(live_bytes.saturating_mul(FREE_TIMES))
}

fn length(generation: &Path) -> u64 {
    fs::metadata(generation.join("db")).map_or(0, |file| file.len())
}

fn has_room(root: &Path, file_bytes: u64, live_bytes: u64) -> bool {
    let wanted = room_for(live_bytes);
    let free = space::measure(root).map_or(u64::MAX, |disk| disk.free_bytes);
    if free < wanted {
        tracing::warn!(
            "the queue {} takes {} for about {} of jobs, but only {} are free on its disk: it is \
             not compacted; free {}",
            root.display(),
            size(file_bytes),
            size(live_bytes),
            size(free),
            size(wanted)
        );
    }
    free >= wanted
}

/// In a process of its own, whose memory goes when it ends. It shares the lock: should this
/// process be killed, nobody else uses the store before that one has ended too.
fn in_child(program: &Path, root: &Path, lock: &Lock) -> Result<(), StoreError> {
    let failed = |why: String| StoreError::Unavailable(why);
    let lock = lock
        .share()
        .map_err(|error| failed(format!("the lock cannot be shared: {error}")))?;
    let output = Command::new(program)
        .arg("--queue-path")
        .arg(root)
        .arg("compact")
        .env_clear()
        .stdin(lock)
        .output()
        .map_err(|error| failed(format!("{} cannot be run: {error}", program.display())))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim();
    Err(failed(format!("{said} ({})", output.status)))
}

/// Copies the generation in use, compares, switches. Whoever calls it has the lock.
pub(super) fn replace(root: &Path) -> Result<(), StoreError> {
    let old = format::find(root)?;
    let done = catch_unwind(AssertUnwindSafe(|| {
        let meta = open_sled(&old)?.0.get(keys::META)?.unwrap_or_default();
        let meta: Meta = record::decode(keys::META, &meta)?;
        // A store that is refused must stay as it is.
        format::check(root, &meta)?;
        let new = format::next_generation(&old)?;
        let copied = copy((&old, &meta), &new)?;
        let stored = sum(&new)?;
        if stored != copied {
            return Err(StoreError::Damaged(format!(
                "of {} entries {} were copied",
                copied.entries, stored.entries
            )));
        }
        let mut engine = Engine::unnamed(root, &new)?;
        if meta.format == 1 {
            engine.complete_format_1()?;
        }
        engine.take_census()?;
        drop(engine);
        format::switch(root, &new)
    }));
    done.unwrap_or_else(|_| {
        Err(StoreError::Damaged(
            "its files are damaged (sled panicked)".to_owned(),
        ))
    })
}

/// What a store holds beside what it says of itself: how many entries, and a checksum over all of
/// them in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sum {
    entries: u64,
    crc32: u32,
}

impl Sum {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        if key == keys::META {
            return;
        }
        self.entries += 1;
        let mut hasher = crc32fast::Hasher::new_with_initial(self.crc32);
        for part in [key, value] {
            hasher.update(&part.len().to_be_bytes());
            hasher.update(part);
        }
        self.crc32 = hasher.finalize();
    }
}

/// Copies every entry into a new generation of today's format, and returns what was copied.
fn copy((old, meta): (&Path, &Meta), new: &Path) -> Result<Sum, StoreError> {
    let mut sum = Sum::default();
    let mut packer = Packer::new(Vec::new(), usize::MAX);
    stretches(old, meta.format, |entries| {
        let (to, _) = open_sled(new)?;
        let mut writer = Writer::new(&to);
        for entry in entries {
            let (key, value) = entry?;
            sum.add(&key, &value);
            if key == keys::META {
                continue;
            }
            if let Some(block) = packer.push(&key, &value)? {
                writer.write(block)?;
            }
        }
        writer.flush()
    })?;
    let (to, _) = open_sled(new)?;
    let mut writer = Writer::new(&to);
    if let Some(block) = packer.finish() {
        writer.write(block)?;
    }
    let meta = Meta {
        format: format::FORMAT,
        ..meta.clone()
    };
    writer.write((keys::META.to_vec(), record::encode(keys::META, &meta)?))?;
    writer.flush()?;
    Ok(sum)
}

/// Writes in batches: sled writes its buffer out at both ends of each.
struct Writer<'a> {
    to: &'a sled::Db,
    batch: sled::Batch,
    bytes: usize,
}

impl<'a> Writer<'a> {
    fn new(to: &'a sled::Db) -> Self {
        Self {
            to,
            batch: sled::Batch::default(),
            bytes: 0,
        }
    }

    fn write(&mut self, (key, value): Block) -> Result<(), StoreError> {
        self.bytes += key.len() + value.len();
        self.batch.insert(key, value);
        if self.bytes < BATCH_BYTES {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.bytes = 0;
        self.to.apply_batch(std::mem::take(&mut self.batch))?;
        self.to.flush()?;
        Ok(())
    }
}

fn sum(store: &Path) -> Result<Sum, StoreError> {
    let mut sum = Sum::default();
    stretches(store, format::FORMAT, |entries| {
        for entry in entries {
            let (key, value) = entry?;
            sum.add(&key, &value);
        }
        Ok(())
    })?;
    Ok(sum)
}

/// Goes through all entries of a store, which is opened anew for each stretch: sled keeps what it
/// has read, and memory must not grow with the queue.
fn stretches(
    store: &Path,
    format: u32,
    mut work: impl FnMut(&mut dyn Iterator<Item = Result<Entry, StoreError>>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after = Bound::Unbounded;
    loop {
        let (from, _) = open_sled(store)?;
        let tree = Tree::of_format(&from, format);
        let mut bytes = 0;
        let mut last = None;
        let stored = tree.stored(after).take_while(|stored| {
            let is_wanted = bytes < STRETCH_BYTES;
            if is_wanted && let Ok((key, value)) = stored {
                bytes += key.len() + value.len();
                last = Some(key.to_vec());
            }
            is_wanted
        });
        let mut entries = stored.flat_map(|stored| {
            let opened = stored.map_err(StoreError::from);
            match opened.and_then(|(key, value)| tree.open(&key, &value)) {
                Ok(entries) => entries.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            }
        });
        work(&mut entries)?;
        drop(entries);
        match last {
            Some(last) if bytes >= STRETCH_BYTES => after = Bound::Excluded(last),
            _ => return Ok(()),
        }
    }
}
