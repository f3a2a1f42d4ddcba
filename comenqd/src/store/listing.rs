//! Jobs in pages.
//!
//! Decides their order (unfinished by id, then finished, newest first) and which of them are
//! chosen. Run on the commit thread; a page costs what it shows or, where it chooses, at most
//! [`MAX_EXAMINED`] records, whatever the queue holds.

use std::fmt;
use std::str::FromStr;

use comenq_proto::JobId;

use super::record::{Job, UsageRecord};
use super::transition::State;
use super::txn::Txn;
use super::{StoreError, index, jobs, keys};
use crate::clock::UnixMs;

/// Jobs that are looked at for one page. The commit thread does nothing else meanwhile: measured, 500
/// with their texts take 6 ms from the request to the reply, so the longest page takes twice that.
pub(super) const MAX_EXAMINED: usize = 1000;

/// Where a page of a list ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// Unfinished jobs up to this id were listed.
    Unfinished(JobId, Option<Seen>),
    /// All unfinished ones, and finished ones back to this.
    Finished(UnixMs, JobId),
}

/// What was met of one user's unfinished jobs since the list began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// So many, in whatever state they were.
    pub met: u64,
    /// Of so many that there were when it began.
    pub of: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfinished(id, None) => write!(f, "u{id}"),
            Self::Unfinished(id, Some(seen)) => write!(f, "u{id}.{}.{}", seen.met, seen.of),
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
            let Some((id_text, seen)) = rest.split_once('.') else {
                return Ok(Self::Unfinished(id(rest)?, None));
            };
            let (met, of) = seen.split_once('.').ok_or(BadCursor)?;
            let number = |text: &str| text.parse().map_err(|_| BadCursor);
            let (met, of) = (number(met)?, number(of)?);
            return Ok(Self::Unfinished(id(id_text)?, Some(Seen { met, of })));
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
    /// Which of them.
    pub filter: ListFilter,
}

/// Which jobs to list: those that every part chooses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Of this user.
    pub uid: Option<u32>,
    /// In one of these states; none: in any.
    pub states: Vec<State>,
    /// Of this account.
    pub account: Option<String>,
    /// For repositories of this owner, in lower case.
    pub owner: Option<String>,
    /// For repositories of this name, in lower case.
    pub repo: Option<String>,
    /// Submitted then or later.
    pub since: Option<UnixMs>,
}

impl ListFilter {
    fn chooses(&self, job: &Job) -> bool {
        let is = |wanted: &Option<String>, name: &str| {
            wanted
                .as_ref()
                .is_none_or(|it| name.eq_ignore_ascii_case(it))
        };
        self.uid.is_none_or(|uid| job.uid == uid)
            && (self.states.is_empty() || self.states.contains(&job.state))
            && self.account.as_ref().is_none_or(|it| job.account == *it)
            && is(&self.owner, job.target.owner.as_str())
            && is(&self.repo, job.target.repo.as_str())
            && self.since.is_none_or(|since| job.created_at >= since)
    }

    /// Whether any job can be chosen that is finished, or is not.
    fn wants(&self, finished: bool) -> bool {
        let mut states = self.states.iter();
        self.states.is_empty() || states.any(|state| state.is_finished() == finished)
    }
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
    let mut walk = Walk::begin(txn, query)?;
    let mut page = Page::default();
    let mut bytes = 0;
    let mut examined = 0;
    while let Some(next) = walk.peek()? {
        let is_full = page.jobs.len() >= query.limit || bytes >= query.max_bytes;
        if is_full || examined >= MAX_EXAMINED {
            page.next = walk.position();
            return Ok(page);
        }
        examined += 1;
        walk.at = Some(next);
        let (Cursor::Unfinished(id, _) | Cursor::Finished(_, id)) = next;
        let read = index::load(txn, id).and_then(|job| {
            walk.meet(&job);
            chosen(txn, query, job)
        });
        match read {
            Ok(chosen) => {
                let body = chosen.iter().find_map(|(_, body)| body.as_ref());
                bytes += body.map_or(0, String::len);
                page.jobs.extend(chosen);
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

/// The job if it is chosen, with its text where that is asked for.
fn chosen(
    txn: &Txn<'_>,
    query: &ListQuery,
    job: Job,
) -> Result<Option<(Job, Option<String>)>, StoreError> {
    if !query.filter.chooses(&job) {
        return Ok(None);
    }
    let body = query.with_body.then(|| jobs::body(txn, &job)).transpose()?;
    Ok(Some((job, body)))
}

/// The way through the jobs, with what is known of one user's.
struct Walk<'t, 'e, 'q> {
    txn: &'t Txn<'e>,
    query: &'q ListQuery,
    /// The last job that was looked at.
    at: Option<Cursor>,
    /// What was met of the unfinished jobs of the user whose are asked for.
    seen: Option<Seen>,
    /// How many those are now.
    unfinished: u64,
}

impl<'t, 'e, 'q> Walk<'t, 'e, 'q> {
    fn begin(txn: &'t Txn<'e>, query: &'q ListQuery) -> Result<Self, StoreError> {
        let unfinished = match query.filter.uid {
            Some(uid) => {
                let usage: UsageRecord = txn.read_or_default(&keys::usage(uid))?;
                usage.jobs
            }
            None => 0,
        };
        let seen = match query.after {
            None => Some(Seen {
                met: 0,
                of: unfinished,
            }),
            Some(Cursor::Unfinished(_, seen)) => seen,
            Some(Cursor::Finished(..)) => None,
        };
        Ok(Self {
            txn,
            query,
            at: query.after,
            seen: seen.filter(|_| query.filter.uid.is_some()),
            unfinished,
        })
    }

    /// Counts an unfinished job of the user. One that was revived may not have been among those
    /// that there were at first, and would stand for another; it has attempts that were forgiven, or
    /// failed without any, and then it says why. Not to count one only costs more reading.
    fn meet(&mut self, job: &Job) {
        let is_counted = Some(job.uid) == self.query.filter.uid
            && !job.state.is_finished()
            && job.attempts_forgiven == 0
            && job.last_error.is_none();
        if let Some(seen) = self.seen.as_mut().filter(|_| is_counted) {
            seen.met += 1;
        }
    }

    /// Where the page ends.
    fn position(&self) -> Option<Cursor> {
        match self.at {
            Some(Cursor::Unfinished(id, _)) => Some(Cursor::Unfinished(id, self.seen)),
            other => other,
        }
    }

    /// None of what is left of the unfinished ones can be chosen: nobody wants them, or all of the
    /// user's were met. New ones have come since, if at all.
    fn is_done_with_unfinished(&self) -> bool {
        if self.query.finished_only || !self.query.filter.wants(false) {
            return true;
        }
        let all_met = self.seen.is_some_and(|seen| seen.met >= seen.of);
        self.query.filter.uid.is_some() && (self.unfinished == 0 || all_met)
    }

    /// The next job to look at.
    fn peek(&self) -> Result<Option<Cursor>, StoreError> {
        let after_finished = match self.at {
            Some(Cursor::Finished(at, id)) => Some(keys::finished(at, id)),
            Some(Cursor::Unfinished(..)) | None if self.is_done_with_unfinished() => None,
            at => {
                let after = match at {
                    Some(Cursor::Unfinished(id, _)) => Some(keys::active(id)),
                    _ => None,
                };
                match self.txn.next(keys::ACTIVE, after.as_deref())? {
                    Some((key, _)) => {
                        return Ok(keys::tail_id(&key).map(|id| Cursor::Unfinished(id, None)));
                    }
                    None => None,
                }
            }
        };
        if !self.query.filter.wants(true) {
            return Ok(None);
        }
        let found = self.txn.next(keys::FINISHED, after_finished.as_deref())?;
        // Whatever finished before was submitted before.
        let since = self.query.filter.since.unwrap_or(UnixMs(i64::MIN));
        let since = since.max(self.query.finished_since);
        Ok(found
            .and_then(|(key, _)| keys::parse_finished(&key))
            .filter(|(at, _)| *at >= since)
            .map(|(at, id)| Cursor::Finished(at, id)))
    }
}
