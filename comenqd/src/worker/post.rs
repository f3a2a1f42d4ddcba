//! One post: claim, exactly one POST, conclude.
//!
//! Decides nothing: between the durable claim and the durable conclusion stands one request and
//! the retry policy's word. A crash anywhere in between leaves the job `posting`, which the next
//! start takes for an unknown outcome.

use comenq_proto::{JobId, Target};
use std::borrow::Cow;
use std::sync::Arc;

use crate::catalogue;
use crate::github::{Answered, GitHub, ListError, Moved, Outcome};
use crate::queue::{Phase, QueueError};
use crate::retry::{self, Decision, MAX_DENIED, Tried};
use crate::store::{
    Agenda, Claim, Claimed, Conclusion, Failure, Job, LaneKey, Note, OwnerWait, State,
};

use super::trouble::kind_of;
use super::{Next, REQUEST_GRACE, STORE_DEADLINE, Worker};

/// What came of the look whether an issue is open.
enum Condition {
    /// It holds.
    Holds,
    /// It does not, or cannot be told now: something was done about it.
    Settled,
}

impl<G: GitHub> Worker<G> {
    /// Posts the next job, or that one if it may still go.
    pub(super) async fn post(
        &mut self,
        agenda: &Agenda,
        urgent: Option<JobId>,
    ) -> Result<Next, QueueError> {
        let mut checked = None;
        let (lane, claimed) = loop {
            // Looking whether an issue is open takes its time: perhaps it is late by now.
            if self.stop.is_cancelled() {
                return Ok(Next::Now);
            }
            let Some(claim) = self.claim(agenda, urgent, checked) else {
                self.identity = None;
                return Ok(Next::Now);
            };
            let lane = claim.lane.clone();
            self.pulse.busy_for(STORE_DEADLINE);
            let outcome = self.queue.store()?.claim(claim).await?;
            for (id, why) in outcome.set_aside {
                let account = self.settings.account.as_str();
                tracing::error!(
                    message_id = catalogue::JOB_FAILED,
                    job_id = id.get(),
                    account,
                    "job #{id} was taken out of line: {why}"
                );
            }
            for id in outcome.expired {
                tracing::info!(job_id = id.get(), "job #{id}: expired before it was posted");
            }
            match (outcome.claimed, outcome.to_check) {
                (Some(claimed), _) => break (lane, claimed),
                (None, None) => return Ok(Next::Now),
                (None, Some(job)) => match self.check(agenda, &job).await? {
                    Condition::Holds => checked = Some(job.id),
                    Condition::Settled => return Ok(Next::Now),
                },
            }
        };
        let answered = self.send(&claimed).await;
        self.take_notices(&answered.notices);
        self.conclude(agenda, lane, &claimed, answered).await?;
        Ok(Next::Now)
    }

    /// A claim of this moment; `None` while it is not known who posts, or GitHub's time.
    fn claim(
        &self,
        agenda: &Agenda,
        urgent: Option<JobId>,
        checked: Option<JobId>,
    ) -> Option<Claim> {
        let now = self.clock.mark();
        let (identity, started_github) = (self.identity.as_ref()?, now.github?);
        Some(Claim {
            account: self.settings.account.clone(),
            field: agenda.field.clone(),
            sharing: agenda.sharing.clone(),
            lane: LaneKey {
                host: self.settings.host.clone(),
                user_id: identity.user_id,
            },
            now,
            started_github,
            wall: self.clock.wall(),
            urgent,
            checked,
            marker: self.settings.marker,
            clock: Arc::clone(&self.clock),
        })
    }

    /// Looks whether the issue of a job is open, which is to be posted only then.
    async fn check(&mut self, agenda: &Agenda, job: &Job) -> Result<Condition, QueueError> {
        self.busy_for_requests(1);
        let answered = self.github.is_open(job.destination()).await;
        self.take_notices(&answered.notices);
        self.pulse.busy_for(STORE_DEADLINE);
        let store = self.queue.store()?;
        let note = note(&answered);
        let reason = match answered.value {
            Ok(true) => return Ok(Condition::Holds),
            Ok(false) => {
                let reason = "cancelled: the issue is closed, and it was to be posted only while \
                              open";
                let wall = self.clock.wall();
                let job = store
                    .fail_precondition(job.id, reason.to_owned(), note, wall)
                    .await?;
                self.tell(&job, None);
                return Ok(Condition::Settled);
            }
            // The POST meets the same, and its answer says what becomes of the job.
            Err(ListError::Gone { .. } | ListError::Moved(_) | ListError::Owner(_)) => {
                return Ok(Condition::Holds);
            }
            Err(ListError::Trouble(trouble)) if !trouble.is_of_one_issue() => {
                self.wait_for(agenda, &trouble).await?;
                return Ok(Condition::Settled);
            }
            Err(ListError::Trouble(trouble)) => {
                let others = self.can_read_elsewhere().await;
                if let Err(trouble) = others {
                    self.wait_for(agenda, &trouble).await?;
                    return Ok(Condition::Settled);
                }
                trouble.reason
            }
        };
        // GitHub takes comments on closed issues too: the POST would not tell.
        if job.denied.saturating_add(1) >= MAX_DENIED {
            let reason = format!(
                "it was to be posted only while the issue is open, which could not be looked up \
                 {MAX_DENIED} times: {reason}"
            );
            let wall = self.clock.best_wall();
            let job = store.fail(job.id, Failure::Denied, reason, wall).await?;
            self.tell(&job, None);
            return Ok(Condition::Settled);
        }
        let wait = retry::backoff(job.denied, self.dice.u64(..), &self.settings.policy);
        let until = self.clock.due_now();
        let reason = format!("cannot look whether the issue is open: {reason}");
        let job = store.put_off(job.id, until.plus(wait), reason).await?;
        self.tell(&job, None);
        Ok(Condition::Settled)
    }

    async fn send(&mut self, claimed: &Claimed) -> Answered<Outcome> {
        let job = &claimed.job;
        let destination = job.destination().clone();
        self.show(Phase::Posting, None, Some(self.settings.pace.cooldown));
        tracing::info!(
            job_id = job.id.get(),
            target = %destination,
            account = self.settings.account,
            "job #{}: attempt {} at {destination}",
            job.id,
            job.attempts,
        );
        self.busy_for_requests(1);
        let body = if self.settings.marker {
            Cow::Owned(self.marker(job.id).append_to(&claimed.body))
        } else {
            Cow::Borrowed(claimed.body.as_str())
        };
        self.github.post_comment(&destination, &body).await
    }

    async fn conclude(
        &mut self,
        agenda: &Agenda,
        lane: LaneKey,
        claimed: &Claimed,
        answered: Answered<Outcome>,
    ) -> Result<(), QueueError> {
        let job = &claimed.job;
        let owner = job.destination().owner.as_str().to_ascii_lowercase();
        let barred = agenda.barred.iter().find(|barred| barred.owner == owner);
        let strikes = match &answered.value {
            Outcome::NotSent(trouble) | Outcome::Account(trouble) | Outcome::Foreign(trouble) => {
                agenda.lane.strikes_of(kind_of(trouble.kind))
            }
            _ => 0,
        };
        let tried = Tried {
            attempts: job.attempts_now(),
            strikes,
            owner_strikes: barred.map_or(0, |barred| barred.wait.strikes),
            denied: job.denied,
            seed: self.dice.u64(..),
        };
        let decision = retry::decide(&answered.value, &tried, &self.settings.policy);
        let conclusion = match decision {
            Decision::Follow { moved } => self.follow(agenda, job, &moved, &tried).await,
            Decision::PutBack { wait } => {
                self.announce(&wait);
                Conclusion::PutBack {
                    previous_pace: claimed.previous_pace,
                    wait: self.wait(wait),
                }
            }
            other => self.conclusion(&owner, other, &tried),
        };
        let note = note(&answered);
        let job = self.keep(job.id, lane, conclusion, note).await?;
        self.tell(&job, answered.request_id.as_deref());
        Ok(())
    }

    /// What the store is to keep of a decision that needs nothing more to be known.
    fn conclusion(&mut self, owner: &str, decision: Decision, tried: &Tried) -> Conclusion {
        match decision {
            Decision::Posted { comment_id, url } => Conclusion::Posted { comment_id, url },
            Decision::PutBack { wait } | Decision::Defer { wait } => {
                self.announce(&wait);
                Conclusion::Deferred {
                    wait: self.wait(wait),
                }
            }
            Decision::BarOwner { bar } => {
                self.announce_bar(owner, &bar);
                let wait: OwnerWait = self.bar(bar, tried.owner_strikes);
                Conclusion::OwnerBarred { wait }
            }
            Decision::LookFirst { reason, wait } => {
                let wait = wait.map(|wait| {
                    self.announce(&wait);
                    self.wait(wait)
                });
                Conclusion::LookFirst { reason, wait }
            }
            Decision::Dead { failure, reason } => Conclusion::Dead { failure, reason },
            Decision::Follow { moved } => dead_end(moved.reason),
        }
    }

    /// Finds out where a target has moved, and whether the job's user may post there.
    async fn follow(
        &mut self,
        agenda: &Agenda,
        job: &Job,
        moved: &Moved,
        tried: &Tried,
    ) -> Conclusion {
        self.busy_for_requests(2);
        let number = job.destination().number;
        let answered = self.github.resolve(moved, number).await;
        self.take_notices(&answered.notices);
        match answered.value {
            Ok(to) => match self.may_follow(job, &to) {
                Ok(()) => Conclusion::Moved {
                    reason: format!("it has moved to {to}, where it is posted at its next turn"),
                    to,
                },
                Err(denied) => dead_end(format!("it has moved to {to}: {denied}")),
            },
            Err(ListError::Gone { reason }) => {
                dead_end(format!("{}, and there: {reason}", moved.reason))
            }
            Err(ListError::Moved(again)) => dead_end(again.reason),
            Err(ListError::Owner(trouble)) => {
                let policy = &self.settings.policy;
                let bar = retry::owner_bar(&trouble, tried.owner_strikes, tried.seed, policy);
                let owner = job.destination().owner.as_str().to_owned();
                self.conclusion(&owner, Decision::BarOwner { bar }, tried)
            }
            Err(ListError::Trouble(trouble)) => {
                let tried = Tried {
                    strikes: agenda.lane.strikes_of(kind_of(trouble.kind)),
                    ..*tried
                };
                let policy = &self.settings.policy;
                let decision = retry::decide(&Outcome::Account(trouble), &tried, policy);
                self.conclusion("", decision, &tried)
            }
        }
    }

    /// Whether a job may go where its target has moved, by the rules of today.
    pub(super) fn may_follow(&self, job: &Job, to: &Target) -> Result<(), String> {
        let rules = self.shared.rules.get();
        rules
            .may_post_to(job.uid, &job.account, to)
            .map_err(|denied| denied.to_string())
    }

    pub(super) fn busy_for_requests(&self, requests: u32) {
        let time = self.settings.request_timeout.saturating_mul(requests);
        self.pulse.busy_for(time.saturating_add(REQUEST_GRACE));
    }

    /// Stores a conclusion. One that damage keeps out leaves the outcome unknown, not the job
    /// `posting` for ever.
    async fn keep(
        &mut self,
        id: JobId,
        lane: LaneKey,
        conclusion: Conclusion,
        note: Note,
    ) -> Result<Job, QueueError> {
        self.pulse.busy_for(STORE_DEADLINE);
        let at = self.moment();
        let store = self.queue.store()?;
        let kept = store
            .conclude(id, lane.clone(), conclusion, note.clone(), at)
            .await;
        match kept {
            Err(error @ (QueueError::Damaged(_) | QueueError::WrongState { .. })) => {
                tracing::error!(job_id = id.get(), "job #{id}: cannot be concluded: {error}");
                let reason = format!("its outcome could not be stored: {error}");
                let wait = None;
                let conclusion = Conclusion::LookFirst { reason, wait };
                store.conclude(id, lane, conclusion, note, at).await
            }
            kept => kept,
        }
    }

    /// One line on what became of a job.
    pub(super) fn tell(&self, job: &Job, github_request_id: Option<&str>) {
        let (id, target) = (job.id, job.destination());
        let url = job
            .comment_url
            .as_deref()
            .unwrap_or("address not known yet");
        let reason = job.last_error.as_deref().unwrap_or_default();
        let text = match job.state {
            State::Posted => format!("job #{id}: posted {url}"),
            State::Queued => format!("job #{id}: deferred: {reason}"),
            State::Uncertain => format!("job #{id}: uncertain, looking before posting: {reason}"),
            State::Failed => format!("job #{id}: failed: {reason}"),
            State::Cancelled => format!("job #{id}: was not posted, cancelled"),
            State::Posting | State::Held | State::Expired => {
                format!("job #{id}: {}", job.state.as_str())
            }
        };
        let account = self.settings.account.as_str();
        let message_id = match job.state {
            State::Failed => catalogue::JOB_FAILED,
            State::Uncertain => catalogue::JOB_UNCERTAIN,
            _ => {
                tracing::info!(job_id = id.get(), %target, account, github_request_id, "{text}");
                return;
            }
        };
        tracing::warn!(message_id, job_id = id.get(), %target, account, github_request_id, "{text}");
    }
}

/// How an answer is named in a job's log.
pub(super) fn note<T>(answered: &Answered<T>) -> Note {
    Note {
        status: answered.status,
        github_request_id: answered.request_id.clone(),
    }
}

fn dead_end(reason: String) -> Conclusion {
    Conclusion::Dead {
        failure: Failure::Moved,
        reason,
    }
}
