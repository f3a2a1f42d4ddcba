//! A store into lines, a page at a time.
//!
//! Decides the order, and where a page ends. Run on the commit thread, for an administrator; a page
//! costs what it holds.

use std::fmt;
use std::str::FromStr;

use ciborium::value::Value as Cbor;
use comenq_proto::{JobId, MAX_BODY_BYTES};
use serde_json::{Map, Value as Json, json};

use super::json::{from_cbor, hex, unhex};
use super::{KINDS, VERSION};
use crate::store::listing::BadCursor;
use crate::store::record::{self, Job, KeyRecord};
use crate::store::txn::{Entry, Txn};
use crate::store::{StoreError, format, index, jobs, keys, log};

/// Longest text in JSON; in hex the longest comment has 524 288 bytes.
const MAX_PLAIN_BYTES: usize = 2 * MAX_BODY_BYTES;

/// Where a page of an export ended, and what was written so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExportCursor {
    jobs: u64,
    unreadable: u64,
    entries: u64,
    /// The last job met.
    last: u64,
    /// The last entry met, once all jobs were.
    entry: Option<Vec<u8>>,
}

impl fmt::Display for ExportCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.entry.as_deref().map(hex).unwrap_or_default();
        write!(
            f,
            "x{}.{}.{}.{}.{entry}",
            self.jobs, self.unreadable, self.entries, self.last
        )
    }
}

impl FromStr for ExportCursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let rest = text.strip_prefix('x').ok_or(BadCursor)?;
        let parts: Vec<&str> = rest.split('.').collect();
        let [jobs, unreadable, entries, last, entry] = parts.as_slice() else {
            return Err(BadCursor);
        };
        let number = |text: &str| text.parse().map_err(|_| BadCursor);
        let entry = match *entry {
            "" => None,
            entry => Some(unhex(entry).ok_or(BadCursor)?),
        };
        Ok(Self {
            jobs: number(jobs)?,
            unreadable: number(unreadable)?,
            entries: number(entries)?,
            last: number(last)?,
            entry,
        })
    }
}

/// Some lines of an export.
#[derive(Clone, Default)]
pub struct ExportPage {
    /// The lines, each a JSON object, without their ends.
    pub lines: Vec<String>,
    /// Where to go on; `None` at the end.
    pub next: Option<ExportCursor>,
    bytes: usize,
}

impl fmt::Debug for ExportPage {
    /// Without the texts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportPage")
            .field("lines", &self.lines.len())
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl ExportPage {
    fn push(&mut self, line: &Json) {
        let line = line.to_string();
        self.bytes += line.len();
        self.lines.push(line);
    }

    fn is_full(&self, max_lines: usize, max_bytes: usize) -> bool {
        self.lines.len() >= max_lines || self.bytes >= max_bytes
    }
}

/// The lines after `after`: at most `max_lines`, and no more once they reach `max_bytes`.
pub(in crate::store) fn page(
    txn: &Txn<'_>,
    after: Option<ExportCursor>,
    max_lines: usize,
    max_bytes: usize,
) -> Result<ExportPage, StoreError> {
    let mut page = ExportPage::default();
    let mut at = after.unwrap_or_else(|| {
        page.push(&header(txn));
        ExportCursor::default()
    });
    while !page.is_full(max_lines, max_bytes) {
        if at.entry.is_none() {
            if let Some(id) = next_job(txn, at.last)? {
                push_job(txn, id, &mut page, &mut at)?;
                continue;
            }
            at.entry = Some(vec![0]);
        }
        let Some((key, value)) = next_entry(txn, at.entry.as_deref())? else {
            let (jobs, unreadable, entries) = (at.jobs, at.unreadable, at.entries);
            page.push(
                &json!({"end": {"jobs": jobs, "unreadable": unreadable, "entries": entries}}),
            );
            return Ok(page);
        };
        if let Some(line) = entry_line(&key, &value, at.last)? {
            at.entries += 1;
            page.push(&line);
        }
        at.entry = Some(key);
    }
    page.next = Some(at);
    Ok(page)
}

fn header(txn: &Txn<'_>) -> Json {
    let meta = &txn.meta;
    json!({
        "comenq_export": VERSION,
        "format": format::FORMAT,
        "store": uuid::Uuid::from_u128(meta.store).to_string(),
        "meta": {
            "last_job": meta.last_job,
            "sequence": meta.sequence,
            "turns": meta.turns,
            "bumps": meta.bumps,
        },
    })
}

/// The first job after one, finished or not.
fn next_job(txn: &Txn<'_>, after: u64) -> Result<Option<JobId>, StoreError> {
    let mut first: Option<JobId> = None;
    for (kind, behind) in [
        (keys::ACTIVE, keys::active as fn(JobId) -> _),
        (keys::DONE, keys::done),
    ] {
        let behind = JobId::new(after).ok().map(behind);
        let found = txn.next(kind, behind.as_deref())?;
        let found = found.and_then(|(key, _)| keys::tail_id(&key));
        first = match (first, found) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    Ok(first)
}

fn push_job(
    txn: &Txn<'_>,
    id: JobId,
    page: &mut ExportPage,
    at: &mut ExportCursor,
) -> Result<(), StoreError> {
    at.last = id.get();
    match read_job(txn, id) {
        Ok(line) => {
            at.jobs += 1;
            page.push(&line);
        }
        Err(error @ (StoreError::Damaged(_) | StoreError::NoSuchJob(_))) => {
            at.unreadable += 1;
            page.push(&json!({"unreadable": id.get(), "why": error.to_string()}));
        }
        Err(other) => return Err(other),
    }
    Ok(())
}

fn read_job(txn: &Txn<'_>, id: JobId) -> Result<Json, StoreError> {
    let job: Job = index::load(txn, id)?;
    let body = jobs::body(txn, &job)?;
    let key = keys::active(id);
    let bytes = record::encode_job(&key, &job)?;
    let mut json = from_cbor(&record::decode::<Cbor>(&key, &bytes)?)?;
    if let Some(fields) = json.as_object_mut() {
        // It is the beginning of the text.
        fields.remove("body_head");
    }
    let log: Vec<Json> = log::read(txn, id)?
        .iter()
        .map(|entry| {
            let entry =
                Cbor::serialized(entry).map_err(|error| StoreError::Damaged(error.to_string()))?;
            from_cbor(&entry)
        })
        .collect::<Result<_, _>>()?;
    let (name, text) = text_field(body);
    Ok(json!({"job": json, name: text, "log": log}))
}

/// The text as it is, or, where JSON would blow it up to six times its bytes, as bytes in hex: a
/// line must fit a frame.
fn text_field(body: String) -> (&'static str, Json) {
    let plain = Json::String(body);
    if plain.to_string().len() <= MAX_PLAIN_BYTES {
        return ("body", plain);
    }
    let bytes = plain.as_str().unwrap_or_default().as_bytes();
    ("body_hex", Json::String(hex(bytes)))
}

/// The first entry after a key that does not follow from the jobs' records.
fn next_entry(txn: &Txn<'_>, after: Option<&[u8]>) -> Result<Option<Entry>, StoreError> {
    let after = after.unwrap_or_default();
    let mut kinds: Vec<u8> = KINDS.iter().map(|(_, kind)| *kind).collect();
    kinds.sort_unstable();
    let reached = after.first().copied().unwrap_or_default();
    for kind in kinds.into_iter().filter(|kind| *kind >= reached) {
        let behind = (kind == reached).then_some(after);
        if let Some(found) = txn.next(&[kind], behind)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// `None` for what belongs to a job that came after the last one exported.
fn entry_line(key: &[u8], value: &[u8], last: u64) -> Result<Option<Json>, StoreError> {
    let kind = KINDS.iter().find(|(_, kind)| Some(kind) == key.first());
    let name = kind.map_or("", |(name, _)| *name);
    let job = match name {
        "submit_key" => match record::decode::<KeyRecord>(key, value) {
            // All that is left of its job, whatever its number.
            Ok(record) if record.pruned.is_some() => 0,
            Ok(record) => record.job,
            Err(_) => 0,
        },
        "comment" => value
            .first_chunk()
            .map_or(0, |bytes| u64::from_be_bytes(*bytes)),
        _ => 0,
    };
    if job > last && job != keys::PURGED {
        return Ok(None);
    }
    let mut line = Map::new();
    line.insert("kind".to_owned(), json!(name));
    line.insert(
        "key".to_owned(),
        json!(hex(key.get(1..).unwrap_or_default())),
    );
    match record::decode::<Cbor>(key, value) {
        Ok(record) => line.insert("record".to_owned(), from_cbor(&record)?),
        Err(_) => line.insert("hex".to_owned(), json!(hex(value))),
    };
    Ok(Some(Json::Object(line)))
}
