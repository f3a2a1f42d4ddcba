//! Lines back into a store.
//!
//! Decides what is accepted: a whole export into an empty queue, or nothing. The store is made as
//! a new generation; only once everything is there, fits together and is durable does `CURRENT`
//! name it. Unfinished jobs are held: where the export comes from, they may have been posted since.

use std::fs;
use std::io::{BufRead, Read};
use std::path::Path;
use std::sync::Arc;

use ciborium::value::Value as Cbor;
use comenq_proto::{CommentBody, JobId};
use serde_json::Value as Json;

use super::json::{to_cbor, unhex};
use super::{KINDS, VERSION};
use crate::store::check::key::Parts;
use crate::store::commit::GROUP_LIMIT;
use crate::store::engine::Engine;
use crate::store::record::{self, KeyRecord, LogEntry, Meta, UsageRecord};
use crate::store::txn::Txn;
use crate::store::{StoreError, format, index, jobs, keys, recovery, turns};

/// The longest line that is read: a job of the longest text, every byte of it escaped.
const LINE_BYTES: u64 = 4 << 20;

/// What was imported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Jobs.
    pub jobs: u64,
    /// Of these, the unfinished ones.
    pub held: u64,
    /// Jobs that could not be read when they were exported.
    pub damaged: u64,
    /// Entries that belong to no single job.
    entries: u64,
}

fn refuse<T>(why: impl Into<String>) -> Result<T, StoreError> {
    Err(StoreError::Unavailable(why.into()))
}

/// Imports into a queue that is empty or missing.
pub(in crate::store) fn queue(
    root: &Path,
    lines: &mut dyn BufRead,
) -> Result<Imported, StoreError> {
    format::create_root(root)?;
    let lock = Arc::new(format::lock_offline(root)?);
    let old = format::find(root)?;
    let new = if old.join("db").is_file() {
        if Engine::last_job(&old)? > 0 {
            return refuse(format!(
                "the queue {} has jobs already: import into an empty one, or move this one away",
                root.display()
            ));
        }
        format::next_generation(&old)?
    } else {
        old
    };
    let done = fill(root, &new, &lock, lines);
    if done.is_err() {
        // What is left of it is no store: nothing names it.
        drop(fs::remove_dir_all(&new));
    }
    done
}

fn fill(
    root: &Path,
    new: &Path,
    lock: &Arc<format::Lock>,
    lines: &mut dyn BufRead,
) -> Result<Imported, StoreError> {
    let mut reader = Reader { lines, number: 0 };
    let meta = header(&reader.next()?)?;
    let mut engine = Engine::create(root, new, meta, lock)?;
    let mut imported = Imported::default();
    loop {
        let line = reader.next()?;
        if let Some(end) = line.get("end") {
            imported.compare(end)?;
            break;
        }
        engine
            .transact(|txn| imported.take(txn, &line))
            .map_err(|error| reader.wrong(&error.to_string()))?;
        if u64::from(reader.number) % (GROUP_LIMIT as u64) == 0 {
            engine.sync()?;
        }
    }
    engine.sync()?;
    let report = engine.check()?;
    // What belonged to a job that could not be read does not fit.
    if let Some(fault) = report.faults.first()
        && imported.damaged == 0
    {
        return refuse(format!("what was exported does not fit together: {fault}"));
    }
    engine.put_in_use(new)?;
    Ok(imported)
}

/// Which store it is; its jobs are counted as they come.
fn header(line: &Json) -> Result<Meta, StoreError> {
    if line.get("comenq_export").and_then(Json::as_u64) != Some(VERSION) {
        return refuse(format!(
            "this is no export that this comenqd can read: its first line must begin with \
             {{\"comenq_export\":{VERSION}"
        ));
    }
    let format = line.get("format").and_then(Json::as_u64);
    let format = format.and_then(|format| u32::try_from(format).ok());
    let known = format::SAME_EXPORT;
    if !format.is_some_and(|format| known.contains(&format)) {
        return refuse(format!(
            "this was exported from a queue of format {}, this comenqd imports {} to {}: import it \
             with the comenqd that exported it",
            format.unwrap_or_default(),
            known.start(),
            known.end()
        ));
    }
    let number = |name: &str| line.get("meta")?.get(name)?.as_u64();
    let store = line.get("store").and_then(Json::as_str);
    let store = store.and_then(|text| uuid::Uuid::try_parse(text).ok());
    let known = (|| {
        Some(Meta {
            format: format::FORMAT,
            store: store?.as_u128(),
            // Whoever opens it first.
            machine: None,
            last_job: number("last_job")?,
            sequence: number("sequence")?,
            turns: number("turns")?,
            bumps: number("bumps")?,
            jobs: 0,
            finished: 0,
            body_bytes: 0,
            restored_up_to: 0,
            incomplete: true,
        })
    })();
    known.map_or_else(|| refuse("the first line of the export is incomplete"), Ok)
}

struct Reader<'a> {
    lines: &'a mut dyn BufRead,
    number: u32,
}

impl Reader<'_> {
    fn wrong(&self, why: &str) -> StoreError {
        StoreError::Unavailable(format!(
            "line {} of the export: {why}; nothing was imported",
            self.number
        ))
    }

    fn next(&mut self) -> Result<Json, StoreError> {
        let mut line = Vec::new();
        self.number = self.number.saturating_add(1);
        let mut bounded = (&mut *self.lines).take(LINE_BYTES);
        let read = bounded.read_until(b'\n', &mut line);
        let read = read.map_err(|error| self.wrong(&error.to_string()))?;
        if read == 0 {
            return Err(self.wrong("the export is cut off before its last line"));
        }
        serde_json::from_slice(&line).map_err(|error| self.wrong(&format!("not JSON: {error}")))
    }
}

fn broken(what: &str) -> StoreError {
    StoreError::Unavailable(format!("{what} is missing or cannot be read"))
}

impl Imported {
    fn compare(&self, end: &Json) -> Result<(), StoreError> {
        let here = [self.jobs, self.damaged, self.entries];
        let there = ["jobs", "unreadable", "entries"]
            .map(|name| end.get(name).and_then(Json::as_u64).unwrap_or(u64::MAX));
        if here == there {
            return Ok(());
        }
        refuse("the export does not hold what its last line says; nothing was imported")
    }

    fn take(&mut self, txn: &mut Txn<'_>, line: &Json) -> Result<(), StoreError> {
        if line.get("job").is_some() {
            return self.take_job(txn, line);
        }
        if line.get("unreadable").is_some() {
            self.damaged += 1;
            return Ok(());
        }
        let kind = line.get("kind").and_then(Json::as_str);
        let kind = KINDS.iter().find(|(name, _)| Some(*name) == kind);
        let rest = line.get("key").and_then(Json::as_str).and_then(unhex);
        let (Some((name, kind)), Some(rest)) = (kind, rest) else {
            return Err(broken("a kind and key that this comenqd knows"));
        };
        let key = [&[*kind][..], &rest].concat();
        self.entries += 1;
        match (line.get("record"), line.get("hex").and_then(Json::as_str)) {
            (Some(record), _) => {
                let record = to_cbor(record).ok_or_else(|| broken("the record"))?;
                if *name == "submit_key" {
                    know_number(txn, &record);
                }
                if *name == "usage" {
                    return take_usage(txn, &key, &record);
                }
                txn.write(key, &record)
            }
            (None, Some(hex)) => {
                let value = unhex(hex).ok_or_else(|| broken("the value"))?;
                if *name == "user" {
                    return take_user(txn, &key, &value);
                }
                txn.put(key, value);
                Ok(())
            }
            (None, None) => Err(broken("the value")),
        }
    }

    fn take_job(&mut self, txn: &mut Txn<'_>, line: &Json) -> Result<(), StoreError> {
        let plain = line.get("body").and_then(Json::as_str).map(str::to_owned);
        let coded = line.get("body_hex").and_then(Json::as_str);
        let text = plain.or_else(|| String::from_utf8(unhex(coded?)?).ok());
        let body = text.and_then(|text| CommentBody::parse(text).ok());
        let record = line.get("job").and_then(to_cbor);
        let (Some(body), Some(Cbor::Map(mut fields))) = (body, record) else {
            return Err(broken("the job or its text"));
        };
        let id = line.get("job").and_then(|job| job.get("id")?.as_u64());
        let id = id.and_then(|id| JobId::new(id).ok());
        let id = id.ok_or_else(|| broken("the job's id"))?;
        let head = jobs::split_body(&body).0.to_vec();
        fields.push((Cbor::Text("body_head".to_owned()), Cbor::Bytes(head)));
        let key = keys::active(id);
        let bytes = record::encode(&key, &Cbor::Map(fields))?;
        let job = record::decode_job(&key, id, &bytes)?;
        if job.body_crc32 != crc32fast::hash(body.as_str().as_bytes()) {
            return Err(broken("the job's own text"));
        }
        let meta = &mut txn.meta;
        // What happened while it was exported went beyond the first line.
        meta.last_job = meta.last_job.max(id.get());
        meta.sequence = meta
            .sequence
            .max(job.look_sequence.map_or(0, |look| look + 1));
        meta.bumps = meta.bumps.max(job.order.min(0).unsigned_abs());
        jobs::put_rest(txn, id, &body);
        turns::know_user(txn, &job.account, job.uid)?;
        if let (Some(host), Some(comment)) = (&job.host, job.comment_id) {
            txn.put(keys::comment(host, comment), id.get().to_be_bytes());
        }
        let first = job.log_entries;
        index::save(txn, None, &job)?;
        self.jobs += 1;
        if !job.state.is_finished() {
            recovery::hold_restored(txn, id)?;
            self.held += 1;
        }
        let log = line.get("log").and_then(Json::as_array);
        let log = log.ok_or_else(|| broken("the job's log"))?;
        let count = u32::try_from(log.len()).unwrap_or(u32::MAX);
        for (number, entry) in (first.saturating_sub(count)..).zip(log) {
            let entry = to_cbor(entry).and_then(|entry| entry.deserialized::<LogEntry>().ok());
            let entry = entry.ok_or_else(|| broken("an entry of the job's log"))?;
            txn.write(keys::log_entry(id, number), &entry)?;
        }
        Ok(())
    }
}

/// The number of a job of which only its key is left is not given out again.
fn know_number(txn: &mut Txn<'_>, record: &Cbor) {
    if let Ok(known) = record.deserialized::<KeyRecord>() {
        txn.meta.last_job = txn.meta.last_job.max(known.job);
    }
}

/// When a user last had a turn.
fn take_user(txn: &mut Txn<'_>, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let mut parts = Parts::of(key);
    let (Some(account), Some(uid), Ok(served)) =
        (parts.text(), parts.u32(), <[u8; 8]>::try_from(value))
    else {
        return Err(broken("a user's turn"));
    };
    let served = u64::from_be_bytes(served);
    let before = txn.number(key)?;
    txn.remove(keys::turn(account, before, uid));
    txn.put(keys::turn(account, served, uid), Vec::new());
    txn.put(key.to_vec(), value);
    txn.meta.turns = txn.meta.turns.max(served);
    Ok(())
}

/// What is unfinished was counted as the jobs came; this adds what was accepted lately.
fn take_usage(txn: &mut Txn<'_>, key: &[u8], record: &Cbor) -> Result<(), StoreError> {
    let exported: UsageRecord = record
        .deserialized()
        .map_err(|_| broken("a user's use of the queue"))?;
    let mut usage: UsageRecord = txn.read_or_default(key)?;
    usage.hours = exported.hours;
    txn.write(key.to_vec(), &usage)
}
