//! One job: its record, its text, its log and everything that follows from it.
//!
//! Decides whether each is there. Called for every record.

use super::Check;
use crate::store::record::{self, Job, KeyRecord, KnownIdentity};
use crate::store::{State, StoreError, index, jobs, keys, log};

impl Check<'_> {
    /// Checks a job's record and what must be there because of it.
    pub(super) fn job(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let Some(id) = keys::tail_id(key) else {
            return Ok(());
        };
        let job = match record::decode_job(key, id, value) {
            Ok(job) => job,
            Err(error) => {
                self.report.fault(error.to_string());
                return Ok(());
            }
        };
        let belongs = if job.state.is_finished() {
            keys::done(id)
        } else {
            keys::active(id)
        };
        if belongs != key {
            let state = job.state.as_str();
            self.report
                .fault(format!("job #{id} is {state}, but lies among the others"));
            return Ok(());
        }
        self.add(&job);
        if job.state.is_finished() && self.txn.get(&keys::active(id))?.is_some() {
            self.report
                .fault(format!("job #{id} is there both as finished and not"));
        }
        for (key, value) in index::entries(&job)?.into_iter().skip(1) {
            if self.txn.get(&key)?.as_ref() != Some(&value) {
                let place = super::key::name(&key);
                self.report
                    .fault(format!("job #{id} is missing from its place: {place}"));
            }
        }
        self.beside(&job)
    }

    fn add(&mut self, job: &Job) {
        let totals = &mut self.totals;
        let state = (job.account.clone(), job.uid, job.state);
        *totals.states.entry(state).or_default() += 1;
        totals.body_bytes += u64::from(job.body_bytes);
        totals.last_job = totals.last_job.max(job.id.get());
        if job.state.is_finished() {
            self.report.finished += 1;
        } else {
            self.report.unfinished += 1;
            let user = totals.users.entry(job.uid).or_default();
            user.0 += 1;
            user.1 += u64::from(job.body_bytes);
        }
    }

    /// What lies beside a job's record: text, log, key, comment, its user's turn and line.
    fn beside(&mut self, job: &Job) -> Result<(), StoreError> {
        let id = job.id;
        if let Err(error) = jobs::body(&self.txn, job) {
            self.report.fault(error.to_string());
        }
        if let Err(error) = log::read(&self.txn, id) {
            self.report.fault(format!("the log of job #{id}: {error}"));
        }
        if let Some(submit_key) = &job.submit_key {
            let key = keys::submit_key(job.uid, submit_key);
            let found = self.txn.read::<KeyRecord>(&key);
            if !matches!(found, Ok(Some(record)) if record.job == id.get()) {
                self.report
                    .fault(format!("the key {submit_key} does not lead to job #{id}"));
            }
        }
        if let Some(comment) = job.comment_id
            && !self.has_owner(job, comment)?
        {
            self.report
                .fault(format!("comment {comment} of job #{id} belongs to nobody"));
        }
        if self.txn.get(&keys::user(&job.account, job.uid))?.is_none() {
            self.report.fault(format!(
                "user {} of job #{id} never gets a turn on account {}",
                job.uid, job.account
            ));
        }
        if job.state == State::Queued {
            self.head(&job.account, job.uid, &job.target.lower())?;
        }
        Ok(())
    }

    /// A record of format 1 does not say at which host its comment is.
    fn has_owner(&self, job: &Job, comment: u64) -> Result<bool, StoreError> {
        if let Some(host) = &job.host {
            return Ok(self.txn.get(&keys::comment(host, comment))?.is_some());
        }
        let identity: Option<KnownIdentity> = self.txn.read(&keys::identity(&job.account))?;
        if let Some(KnownIdentity { host, .. }) = identity
            && self.txn.get(&keys::comment(&host, comment))?.is_some()
        {
            return Ok(true);
        }
        let mut after = None;
        while let Some((key, _)) = self.txn.next(b"g", after.as_deref())? {
            if keys::tail_u64(&key) == Some(comment) {
                return Ok(true);
            }
            after = Some(key);
        }
        Ok(false)
    }
}
