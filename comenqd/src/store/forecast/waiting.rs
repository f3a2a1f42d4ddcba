//! What comes in by itself while a forecast looks ahead.
//!
//! Decides when: jobs that wait for a time, owners that bar the account for one. All times are
//! from now. Called by [`super`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use comenq_proto::JobId;

use super::lines::Lines;
use super::reading::Reading;
use crate::clock::Clock;
use crate::store::agenda::AgendaQuery;
use crate::store::record::Job;
use crate::store::transition::State;
use crate::store::{StoreError, dating, keys, owners};

/// Entries of a kind that are looked at in front: those that have no date, wait for nothing, run.
const EXAMINED: usize = 64;

/// Jobs and owners of one account that wait for a time.
pub(super) struct Waiting {
    prefix: Vec<u8>,
    /// The last job with a date that was looked at.
    after: Option<Vec<u8>>,
    /// The next one behind that.
    dated: Option<(Duration, JobId)>,
    /// Those whose time is known otherwise.
    others: BTreeSet<(Duration, JobId)>,
    owners: BTreeSet<(Duration, String)>,
}

impl Waiting {
    pub(super) fn begin(
        reading: &Reading<'_, '_>,
        asked: &AgendaQuery,
        lines: &mut Lines,
    ) -> Result<Self, StoreError> {
        let account = lines.account.clone();
        let barred = owners::barred(reading.txn, &account, &asked.clock, asked.longest_wait)?;
        lines.barred = barred.iter().map(|it| it.owner.clone()).collect();
        let mut waiting = Self {
            prefix: keys::waiting(&account),
            after: Some(keys::before_dated(&account)),
            dated: None,
            others: BTreeSet::new(),
            owners: barred.into_iter().map(|it| (it.left, it.owner)).collect(),
        };
        waiting.find_undated(reading, &account, &asked.clock)?;
        waiting.step(reading, &asked.clock)?;
        Ok(waiting)
    }

    /// Lengths of time are dates as soon as GitHub's time is known, and nothing goes before.
    fn find_undated(
        &mut self,
        reading: &Reading<'_, '_>,
        account: &str,
        clock: &Clock,
    ) -> Result<(), StoreError> {
        let prefix = keys::undated(account);
        let mut after = None;
        for _ in 0..EXAMINED {
            let Some((key, _)) = reading.next(&prefix, after.as_deref())? else {
                break;
            };
            let job = match keys::tail_id(&key) {
                Some(id) => reading.job(id)?,
                None => None,
            };
            if let Some(job) = job {
                let left = dating::left(job.not_before_span_ms, job.accepted, clock);
                self.others.insert((left.unwrap_or_default(), job.id));
            }
            after = Some(key);
        }
        Ok(())
    }

    fn step(&mut self, reading: &Reading<'_, '_>, clock: &Clock) -> Result<(), StoreError> {
        let next = reading.next(&self.prefix, self.after.as_deref())?;
        self.dated = next.as_ref().and_then(|(key, _)| {
            let (due, id) = keys::parse_due(key)?;
            Some((due.since(clock.due_now()), id))
        });
        if let Some((key, _)) = next {
            self.after = Some(key);
        }
        Ok(())
    }

    /// When something comes in next.
    pub(super) fn next(&self) -> Option<Duration> {
        let others = self.others.first().map(|(at, _)| *at);
        let owners = self.owners.first().map(|(at, _)| *at);
        let dated = self.dated.map(|(at, _)| at);
        [others, owners, dated].into_iter().flatten().min()
    }

    /// An owner that no longer bars the account.
    pub(super) fn take_owner(&mut self, now: Duration) -> Option<String> {
        let (at, _) = self.owners.first()?;
        (*at <= now)
            .then(|| self.owners.pop_first())?
            .map(|(_, owner)| owner)
    }

    /// A job whose time has come.
    pub(super) fn take_job(
        &mut self,
        reading: &Reading<'_, '_>,
        clock: &Clock,
        now: Duration,
    ) -> Result<Option<JobId>, StoreError> {
        if let Some((at, id)) = self.others.first().copied()
            && at <= now
        {
            self.others.pop_first();
            return Ok(Some(id));
        }
        match self.dated {
            Some((at, id)) if at <= now => {
                self.step(reading, clock)?;
                Ok(Some(id))
            }
            _ => Ok(None),
        }
    }

    /// A job waits for another time.
    pub(super) fn again(&mut self, at: Duration, id: JobId) {
        self.others.insert((at, id));
    }
}

/// Whether a job's time will have passed: as `expiring` judges it.
pub(super) fn is_over(job: &Job, clock: &Clock, now: Duration) -> bool {
    let left = job.expiry.map(|expiry| {
        let span = dating::left(expiry.span_ms, job.accepted, clock);
        span.unwrap_or_else(|| expiry.at_ms.since(clock.due_now()))
    });
    left.is_some_and(|left| left <= now)
}

/// Targets of posts that run just now, and of nothing else that is not known.
pub(super) fn running(
    reading: &Reading<'_, '_>,
    account: &str,
) -> Result<BTreeSet<String>, StoreError> {
    let prefix = keys::all_unresolved_of(account);
    let (mut freed, mut kept) = (BTreeSet::new(), BTreeSet::new());
    let mut after = None;
    for _ in 0..EXAMINED {
        let Some((key, _)) = reading.next(&prefix, after.as_deref())? else {
            break;
        };
        let job = match keys::tail_id(&key) {
            Some(id) => reading.job(id)?,
            None => None,
        };
        if let Some(job) = job {
            let places = [job.target.lower(), job.destination().lower()];
            let is_running = job.state == State::Posting;
            let set = if is_running { &mut freed } else { &mut kept };
            set.extend(places);
        }
        after = Some(key);
    }
    Ok(freed.difference(&kept).cloned().collect())
}

/// Jobs that need not wait for the cooldown, as far as the queue is concerned.
pub(super) fn urgent(
    reading: &Reading<'_, '_>,
    account: &str,
) -> Result<BTreeMap<(u64, JobId), Job>, StoreError> {
    let prefix = keys::urgent(account);
    let mut urgent = BTreeMap::new();
    let mut after = None;
    for _ in 0..EXAMINED {
        let Some((key, _)) = reading.next(&prefix, after.as_deref())? else {
            break;
        };
        let job = match keys::tail_id(&key) {
            Some(id) => reading.job(id)?,
            None => None,
        };
        if let Some(job) = job
            && let Some(number) = job.now
        {
            urgent.insert((number, job.id), job);
        }
        after = Some(key);
    }
    Ok(urgent)
}
