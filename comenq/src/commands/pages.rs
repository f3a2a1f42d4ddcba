//! Jobs by a filter, page by page.
//!
//! Decides what is asked of the daemon and drops what it gave beyond that: one that
//! is older than this client knows no filters. Nothing is kept from page to page, so
//! that a list may be as long as it likes.

use comenq_proto::{Job, JobList, MAX_PAGE};

use super::Context;
use crate::{cli::Filter, failure::Failure, times::Times};

/// What is asked for.
pub(super) struct Wanted<'a> {
    pub(super) filter: &'a Filter,
    /// Everybody's.
    pub(super) all: bool,
    /// Finished ones of any age, instead of those of today.
    pub(super) history: bool,
    /// With their texts.
    pub(super) body: bool,
    pub(super) cursor: Option<String>,
    /// At most so many.
    pub(super) limit: Option<u32>,
}

/// A list in pages.
pub(super) struct Pages<'a> {
    filter: &'a Filter,
    request: JobList,
    left: Option<u32>,
    is_over: bool,
}

impl<'a> Pages<'a> {
    pub(super) fn of(wanted: Wanted<'a>, times: Times) -> Result<Self, Failure> {
        let filter = wanted.filter;
        let since_ms = filter.since.as_ref().map(|since| since.at_ms(times));
        let request = JobList {
            cursor: wanted.cursor,
            limit: None,
            include_body: wanted.body,
            history: wanted.history,
            mine: !wanted.all,
            states: filter.state.clone(),
            account: filter.account.clone(),
            owner: filter.repo.as_ref().map(|repo| repo.owner.clone()),
            repo: filter.repo.as_ref().and_then(|repo| repo.repo.clone()),
            since_ms: since_ms.transpose()?,
        };
        Ok(Self {
            filter,
            request,
            left: wanted.limit,
            is_over: false,
        })
    }

    /// The next page, which may be empty; `None` behind the last.
    pub(super) fn next(&mut self, context: &mut Context<'_>) -> Result<Option<Vec<Job>>, Failure> {
        if self.is_over || self.left == Some(0) {
            return Ok(None);
        }
        self.request.limit = Some(self.left.unwrap_or(MAX_PAGE).min(MAX_PAGE));
        let page = context.ask(&self.request)?;
        let own = context.client.ack().map(|ack| ack.authz.uid);
        // The same cursor again would never end.
        self.is_over = page.next_cursor.is_none() || page.next_cursor == self.request.cursor;
        self.request.cursor = page.next_cursor;
        let mut jobs = page.jobs;
        jobs.retain(|job| self.wants(job, own));
        let count = u32::try_from(jobs.len()).unwrap_or(u32::MAX);
        self.left = self.left.map(|left| left.saturating_sub(count));
        Ok(Some(jobs))
    }

    /// Where to go on, if there may be more.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.request.cursor.as_deref().filter(|_| !self.is_over)
    }

    fn wants(&self, job: &Job, own: Option<u32>) -> bool {
        let request = &self.request;
        let repo = self.filter.repo.as_ref();
        (!request.mine || own.is_none_or(|own| own == job.uid))
            && (request.states.is_empty()
                || request.states.iter().any(|it| it == job.state.as_str()))
            && request.account.as_ref().is_none_or(|it| *it == job.account)
            && repo.is_none_or(|repo| repo.has(&job.owner, &job.repo))
            && request
                .since_ms
                .is_none_or(|since| job.created_at_ms >= since)
    }
}
