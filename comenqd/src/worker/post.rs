//! One post: claim, exactly one POST, conclude.
//!
//! Decides nothing: between the durable claim and the durable conclusion stands one request and
//! the retry policy's word. A crash anywhere in between leaves the job `posting`, which the next
//! start takes for an unknown outcome.

use comenq_proto::JobId;

use crate::github::{Answered, GitHub, Outcome};
use crate::queue::{Phase, QueueError};
use crate::retry::{self, Decision};
use crate::store::{Agenda, Claim, Claimed, Conclusion, Job, LaneKey, State};

use super::{Next, REQUEST_GRACE, STORE_DEADLINE, Worker};

impl<G: GitHub> Worker<G> {
    /// Posts the next job.
    pub(super) async fn post(&mut self, agenda: &Agenda) -> Result<Next, QueueError> {
        let now = self.clock.mark();
        let (Some(identity), Some(started_github)) = (&self.identity, now.github) else {
            self.identity = None;
            return Ok(Next::Now);
        };
        let lane = LaneKey {
            host: self.settings.host.clone(),
            user_id: identity.user_id,
        };
        let account = self.settings.account.clone();
        let claim = Claim {
            account,
            lane: lane.clone(),
            now,
            started_github,
            wall: self.clock.wall(),
        };
        self.pulse.busy_for(STORE_DEADLINE);
        let outcome = self.queue.store()?.claim(claim).await?;
        for (id, why) in outcome.set_aside {
            tracing::error!(job_id = id.get(), "job #{id} was taken out of line: {why}");
        }
        let Some(claimed) = outcome.claimed else {
            return Ok(Next::Now);
        };
        let answered = self.send(&claimed).await;
        self.conclude(agenda, lane, &claimed, answered).await?;
        Ok(Next::Now)
    }

    async fn send(&mut self, claimed: &Claimed) -> Answered<Outcome> {
        let job = &claimed.job;
        self.show(Phase::Posting, None, Some(self.settings.pace.cooldown));
        tracing::info!(
            job_id = job.id.get(),
            target = %job.target,
            account = self.settings.account,
            "job #{}: attempt {} at {}",
            job.id,
            job.attempts,
            job.target
        );
        self.pulse
            .busy_for(self.settings.request_timeout.saturating_add(REQUEST_GRACE));
        self.github.post_comment(&job.target, &claimed.body).await
    }

    async fn conclude(
        &mut self,
        agenda: &Agenda,
        lane: LaneKey,
        claimed: &Claimed,
        answered: Answered<Outcome>,
    ) -> Result<(), QueueError> {
        let strikes = match &answered.value {
            Outcome::NotSent(trouble) | Outcome::Account(trouble) => {
                agenda.lane.strikes_of(super::kind_of(trouble.kind))
            }
            _ => 0,
        };
        let (attempt, denied) = (claimed.job.attempts, claimed.job.denied);
        let policy = &self.settings.policy;
        let decision = retry::decide(&answered.value, attempt, strikes, denied, policy);
        let conclusion = match decision {
            Decision::Posted { comment_id, url } => Conclusion::Posted { comment_id, url },
            Decision::PutBack { wait } => {
                self.announce(&wait);
                let wait = self.wait(wait);
                Conclusion::PutBack {
                    previous_pace: claimed.previous_pace,
                    wait,
                }
            }
            Decision::Defer { wait } => {
                self.announce(&wait);
                Conclusion::Deferred {
                    wait: self.wait(wait),
                }
            }
            Decision::LookFirst { reason } => Conclusion::LookFirst { reason },
            Decision::Dead { reason } => Conclusion::Dead { reason },
        };
        let job = self.keep(claimed.job.id, lane, conclusion).await?;
        self.tell(&job, answered.request_id.as_deref());
        Ok(())
    }

    /// Stores a conclusion. One that damage keeps out leaves the outcome unknown, not the job
    /// `posting` for ever.
    async fn keep(
        &mut self,
        id: JobId,
        lane: LaneKey,
        conclusion: Conclusion,
    ) -> Result<Job, QueueError> {
        self.pulse.busy_for(STORE_DEADLINE);
        let (now, wall) = (self.clock.mark(), self.clock.wall());
        let store = self.queue.store()?;
        let kept = store
            .conclude(id, lane.clone(), conclusion, now, wall)
            .await;
        match kept {
            Err(error @ (QueueError::Damaged(_) | QueueError::WrongState { .. })) => {
                tracing::error!(job_id = id.get(), "job #{id}: cannot be concluded: {error}");
                let reason = format!("its outcome could not be stored: {error}");
                let conclusion = Conclusion::LookFirst { reason };
                store.conclude(id, lane, conclusion, now, wall).await
            }
            kept => kept,
        }
    }

    /// One line on what became of a job.
    pub(super) fn tell(&self, job: &Job, github_request_id: Option<&str>) {
        let (id, target) = (job.id, &job.target);
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
        match job.state {
            State::Failed | State::Uncertain => {
                tracing::warn!(job_id = id.get(), %target, account, github_request_id, "{text}");
            }
            _ => {
                tracing::info!(job_id = id.get(), %target, account, github_request_id, "{text}");
            }
        }
    }
}
