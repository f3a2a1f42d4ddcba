//! Jobs in pages.
//!
//! Decides their order: unfinished by id, then finished, newest first. Run on the commit thread; a
//! page costs what it shows, whatever the queue holds.

use std::fmt;
use std::str::FromStr;

use comenq_proto::JobId;

use super::record::Job;
use super::txn::Txn;
use super::{StoreError, index, jobs, keys};
use crate::clock::UnixMs;

/// Where a page of a list ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// Unfinished jobs up to this id were listed.
    Unfinished(JobId),
    /// All unfinished ones, and finished ones back to this.
    Finished(UnixMs, JobId),
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfinished(id) => write!(f, "u{id}"),
            Self::Finished(at, id) => write!(f, "f{}.{id}", at.0),
        }
    }
}

/// A text that no list reply ever held as its cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of a list reply")]
pub struct BadCursor;

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let id = |text: &str| {
            text.parse()
                .ok()
                .and_then(|id| JobId::new(id).ok())
                .ok_or(BadCursor)
        };
        if let Some(rest) = text.strip_prefix('u') {
            return Ok(Self::Unfinished(id(rest)?));
        }
        let (at, rest) = text
            .strip_prefix('f')
            .and_then(|t| t.split_once('.'))
            .ok_or(BadCursor)?;
        Ok(Self::Finished(
            UnixMs(at.parse().map_err(|_| BadCursor)?),
            id(rest)?,
        ))
    }
}

/// What to list.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// At most so many jobs.
    pub limit: usize,
    /// Read the texts too.
    pub with_body: bool,
    /// The page ends once its texts reach so many bytes.
    pub max_bytes: usize,
    /// Leave out unfinished jobs.
    pub finished_only: bool,
    /// Leave out jobs that finished before.
    pub finished_since: UnixMs,
}

/// A page of jobs.
#[derive(Clone, Default)]
pub struct Page {
    /// The jobs, with their texts where asked for.
    pub jobs: Vec<(Job, Option<String>)>,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
    /// Jobs of this page that could not be read.
    pub damaged: Vec<(JobId, String)>,
}

impl fmt::Debug for Page {
    /// Without the texts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.jobs.iter().map(|(job, _)| job.id).collect();
        f.debug_struct("Page")
            .field("jobs", &ids)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// Unfinished jobs by id, then finished ones, newest first.
pub(super) fn list(txn: &Txn<'_>, query: &ListQuery) -> Result<Page, StoreError> {
    let mut page = Page::default();
    let mut bytes = 0;
    let mut position = query.after;
    while let Some(next) = step(txn, position, query)? {
        if page.jobs.len() >= query.limit || bytes >= query.max_bytes {
            page.next = position;
            return Ok(page);
        }
        position = Some(next);
        let (Cursor::Unfinished(id) | Cursor::Finished(_, id)) = next;
        let read = if query.with_body {
            jobs::get(txn, id).map(|(job, body)| (job, Some(body)))
        } else {
            index::load(txn, id).map(|job| (job, None))
        };
        match read {
            Ok((job, body)) => {
                bytes += body.as_ref().map_or(0, String::len);
                page.jobs.push((job, body));
            }
            Err(StoreError::Damaged(why)) => page.damaged.push((id, why)),
            Err(StoreError::NoSuchJob(_)) => {
                page.damaged.push((id, "its record is missing".to_owned()));
            }
            Err(other) => return Err(other),
        }
    }
    Ok(page)
}

fn step(
    txn: &Txn<'_>,
    after: Option<Cursor>,
    query: &ListQuery,
) -> Result<Option<Cursor>, StoreError> {
    let after_finished = match after {
        Some(Cursor::Finished(at, id)) => Some(keys::finished(at, id)),
        // No list of finished jobs ends a page at one; whoever gives it begins at the newest.
        Some(Cursor::Unfinished(_)) | None if query.finished_only => None,
        Some(Cursor::Unfinished(id)) => match txn.next(keys::ACTIVE, Some(&keys::active(id)))? {
            Some((key, _)) => return Ok(parse_active(&key)),
            None => None,
        },
        None => match txn.next(keys::ACTIVE, None)? {
            Some((key, _)) => return Ok(parse_active(&key)),
            None => None,
        },
    };
    let found = txn.next(keys::FINISHED, after_finished.as_deref())?;
    Ok(found
        .and_then(|(key, _)| keys::parse_finished(&key))
        .filter(|(at, _)| *at >= query.finished_since)
        .map(|(at, id)| Cursor::Finished(at, id)))
}

fn parse_active(key: &[u8]) -> Option<Cursor> {
    keys::tail_id(key).map(Cursor::Unfinished)
}
