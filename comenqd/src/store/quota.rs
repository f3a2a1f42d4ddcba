//! What one user may have in the queue.
//!
//! Decides whether a submission is one too many, inside its transaction and after its key was
//! looked up: a repeated submission finds its job, however full the queue is. The limits come with
//! the submission; how many there are is kept here.

use std::time::Duration;

use comenq_proto::CommentBody;

use super::jobs::NewJob;
use super::record::{Job, UsageRecord};
use super::txn::Txn;
use super::{StoreError, keys};
use crate::clock::UnixMs;

const HOUR_MS: i64 = 3600 * 1000;
const HOURS: u64 = 24;

/// The limits of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Unfinished jobs.
    pub max_jobs: u64,
    /// Bytes of their texts.
    pub max_body_bytes: u64,
    /// Jobs accepted within 24 hours, less those that ended without being sent.
    pub max_per_day: Option<u64>,
    /// The user submits too fast: refuse whatever is new.
    pub too_fast: Option<Exceeded>,
}

impl Quota {
    /// No limits at all.
    pub const NONE: Self = Self {
        max_jobs: u64::MAX,
        max_body_bytes: u64::MAX,
        max_per_day: None,
        too_fast: None,
    };
}

/// A limit that a submission would break.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} ({key}): the limit is {limit}, and {used} are used")]
pub struct Exceeded {
    /// What is limited, for people.
    pub what: &'static str,
    /// The key of the policy that limits it.
    pub key: &'static str,
    /// How many are allowed.
    pub limit: u64,
    /// How many there are.
    pub used: u64,
    /// When room comes by itself; `None`: when jobs are posted.
    pub frees_in: Option<Duration>,
    /// No room will ever be enough for this one.
    pub is_hopeless: bool,
}

/// What a user has in the queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Unfinished jobs.
    pub jobs: u64,
    /// Bytes of their texts.
    pub body_bytes: u64,
    /// Jobs accepted within 24 hours, less those that ended without being sent.
    pub last_day: u64,
}

/// What a user has in the queue.
pub(super) fn usage(txn: &Txn<'_>, uid: u32, now: UnixMs) -> Result<Usage, StoreError> {
    let mut record: UsageRecord = txn.read_or_default(&keys::usage(uid))?;
    forget(&mut record, hour(now));
    Ok(Usage {
        jobs: record.jobs,
        body_bytes: record.body_bytes,
        last_day: accepted(&record),
    })
}

/// Lets a new job in, or says which limit it would break.
pub(super) fn admit(txn: &mut Txn<'_>, new: &NewJob) -> Result<(), StoreError> {
    let quota = &new.quota;
    if let Some(too_fast) = &quota.too_fast {
        return Err(StoreError::Quota(too_fast.clone()));
    }
    let key = keys::usage(new.uid);
    let mut record: UsageRecord = txn.read_or_default(&key)?;
    let body_bytes = u64::try_from(new.body.as_str().len()).unwrap_or(u64::MAX);
    if record.jobs >= quota.max_jobs {
        return Err(Exceeded::jobs(quota.max_jobs, record.jobs).into());
    }
    if record.body_bytes.saturating_add(body_bytes) > quota.max_body_bytes {
        let exceeded = Exceeded::bytes(quota.max_body_bytes, record.body_bytes, body_bytes);
        return Err(exceeded.into());
    }
    let now = hour(new.created_at);
    forget(&mut record, now);
    let used = accepted(&record);
    // Counted without a limit too: `status` shows it, and a limit may come at any time.
    if let Some(max_per_day) = quota.max_per_day
        && used >= max_per_day
    {
        let oldest = record.hours.first().map_or(now, |(hour, _)| *hour);
        return Err(Exceeded {
            what: "too many comments of yours within 24 hours",
            key: "max_posts_per_day",
            limit: max_per_day,
            used,
            frees_in: Some(until_over(oldest, new.created_at)),
            is_hopeless: max_per_day == 0,
        }
        .into());
    }
    match record.hours.last_mut() {
        Some((last, count)) if *last == now => *count += 1,
        _ => record.hours.push((now, 1)),
    }
    txn.write(key, &record)
}

/// Lets another text take the place of a job's, or says which limit it would break.
pub(super) fn admit_text(
    txn: &Txn<'_>,
    job: &Job,
    body: &CommentBody,
    max_body_bytes: u64,
) -> Result<(), StoreError> {
    let record: UsageRecord = txn.read_or_default(&keys::usage(job.uid))?;
    let others = record.body_bytes.saturating_sub(job.body_bytes.into());
    let new = u64::try_from(body.as_str().len()).unwrap_or(u64::MAX);
    let grows = new > u64::from(job.body_bytes);
    if grows && others.saturating_add(new) > max_body_bytes {
        return Err(Exceeded::bytes(max_body_bytes, record.body_bytes, new).into());
    }
    Ok(())
}

impl Exceeded {
    fn jobs(limit: u64, used: u64) -> Self {
        Self {
            what: "too many unfinished comments of yours",
            key: "max_queued_jobs",
            limit,
            used,
            frees_in: None,
            is_hopeless: limit == 0,
        }
    }

    fn bytes(limit: u64, used: u64, wanted: u64) -> Self {
        Self {
            what: "too many bytes in unfinished comments of yours",
            key: "max_queued_bytes",
            limit,
            used,
            frees_in: None,
            is_hopeless: wanted > limit,
        }
    }
}

impl From<Exceeded> for StoreError {
    fn from(exceeded: Exceeded) -> Self {
        Self::Quota(exceeded)
    }
}

/// Takes back what counted toward the day: the job ended without ever being sent.
pub(super) fn give_back(record: &mut UsageRecord, job: &Job) {
    let accepted = hour(job.created_at);
    if let Some((_, count)) = record.hours.iter_mut().find(|(hour, _)| *hour == accepted) {
        *count = count.saturating_sub(1);
    }
    record.hours.retain(|(_, count)| *count > 0);
}

fn hour(time: UnixMs) -> u64 {
    u64::try_from(time.0.div_euclid(HOUR_MS)).unwrap_or(0)
}

/// Leaves out what was accepted more than a day ago, or seems to come from the future: the clock
/// was put back.
fn forget(record: &mut UsageRecord, now: u64) {
    record
        .hours
        .retain(|(hour, _)| *hour <= now && now - hour < HOURS);
}

fn accepted(record: &UsageRecord) -> u64 {
    record.hours.iter().map(|(_, count)| count).sum()
}

/// How long until the comments of `hour` are a day old.
fn until_over(hour: u64, now: UnixMs) -> Duration {
    let over = i64::try_from(hour + HOURS).unwrap_or(i64::MAX);
    UnixMs(over.saturating_mul(HOUR_MS)).since(now)
}
