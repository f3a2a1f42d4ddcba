//! One look: a complete listing, compared with what may have been posted.
//!
//! Decides nothing: `github::look` compares, `retry` judges, the store keeps. A listing that could
//! not be completed counts for nothing.

use std::time::Duration;

use comenq_proto::JobId;

use crate::clock::Clock;
use crate::github::look::{self, Finding, Window};
use crate::github::{Answered, Comment, GitHub, ListError, MAX_PAGES, Trouble, TroubleKind};
use crate::queue::{Phase, QueueError};
use crate::retry::{self, Looked, Verdict};
use crate::store::{Agenda, Job, LaneKey, LookConclusion};

use super::{Next, REQUEST_GRACE, STORE_DEADLINE, Worker};

impl<G: GitHub> Worker<G> {
    /// Looks whether an attempt of `job` reached GitHub.
    pub(super) async fn look(&mut self, agenda: &Agenda, job: Job) -> Result<Next, QueueError> {
        let lane = self.lane_key(agenda);
        let Some(windows) = windows(&job, &self.clock) else {
            self.identity = None;
            return Ok(Next::Now);
        };
        let Some(since) = look::since(&windows) else {
            let reason = "it has no attempt to look for".to_owned();
            let conclusion = LookConclusion::GiveUp { reason, url: None };
            return self.conclude_look(lane, job.id, conclusion, None).await;
        };
        let text = match self.queue.store()?.get(job.id).await {
            Ok((_, text)) => text,
            Err(error @ QueueError::Damaged(_)) => {
                let reason = format!("outcome unknown: cannot look for the comment: {error}");
                let conclusion = LookConclusion::GiveUp { reason, url: None };
                return self.conclude_look(lane, job.id, conclusion, None).await;
            }
            Err(other) => return Err(other),
        };
        self.show(Phase::Looking, None, None);
        self.pulse.busy_for(self.listing_deadline());
        let stop = self.stop.clone();
        let answered = tokio::select! {
            answered = self.github.comments_since(&job.target, since) => answered,
            () = stop.cancelled() => return Ok(Next::Now),
        };
        self.pulse.busy_for(STORE_DEADLINE);
        let Answered { value, request_id } = answered;
        let conclusion = match value {
            Ok(listing) => self.compare(&lane, &job, &text, &windows, &listing).await?,
            Err(error) => return self.cannot_look(agenda, lane, &job, error).await,
        };
        self.conclude_look(lane, job.id, conclusion, request_id)
            .await
    }

    /// Each page has the time of one request.
    fn listing_deadline(&self) -> Duration {
        let pages = self.settings.request_timeout.saturating_mul(MAX_PAGES);
        pages.saturating_add(REQUEST_GRACE)
    }

    async fn compare(
        &self,
        lane: &LaneKey,
        job: &Job,
        text: &str,
        windows: &[Window],
        listing: &[Comment],
    ) -> Result<LookConclusion, QueueError> {
        let store = self.queue.store()?;
        let ids = listing.iter().map(|comment| comment.id).collect();
        let owned = store
            .owned_by_others(lane.host.clone(), ids, job.id)
            .await?;
        let pace = &self.settings.pace;
        let finding = look::find(listing, text, windows, pace.look_delay, |id| {
            owned.contains(&id)
        });
        let looked = Looked {
            looks: job.empty_looks.saturating_add(1),
            attempts: job.attempts,
            cancel_requested: job.cancel_requested,
            cooldown: pace.cooldown,
            look_delay: pace.look_delay,
        };
        let seen = match &finding {
            Finding::Ambiguous { url } => Some(url.clone()),
            Finding::Posted { .. } | Finding::Nothing => None,
        };
        Ok(
            match retry::after_look(&finding, &looked, &self.settings.policy) {
                Verdict::Posted { comment_id, url } => LookConclusion::Found { comment_id, url },
                Verdict::Ambiguous { reason } | Verdict::GiveUp { reason } => {
                    LookConclusion::GiveUp { reason, url: seen }
                }
                Verdict::LookAgain { .. } => LookConclusion::LookAgain,
                Verdict::Requeue => LookConclusion::Requeue,
                Verdict::Cancelled => LookConclusion::Cancelled,
            },
        )
    }

    /// Whether it is this listing alone that fails, or the account that gets no answer at all.
    async fn can_read_elsewhere(&mut self) -> Result<(), Trouble> {
        self.pulse
            .busy_for(self.settings.request_timeout.saturating_add(REQUEST_GRACE));
        let answered = self.github.who_am_i().await;
        answered.value.map(|_| ())
    }

    /// A listing that could not be completed counts for nothing. What only this one meets puts off
    /// this look, or ends it where the issue is out of sight; the account's trouble is the lane's.
    async fn cannot_look(
        &mut self,
        agenda: &Agenda,
        lane: LaneKey,
        job: &Job,
        error: ListError,
    ) -> Result<Next, QueueError> {
        let conclusion = match error {
            ListError::Gone { reason } => LookConclusion::GiveUp {
                reason: format!("outcome unknown: cannot look for the comment: {reason}"),
                url: None,
            },
            ListError::Trouble(trouble) => {
                let is_its_own = matches!(trouble.kind, TroubleKind::Offline | TroubleKind::Denied);
                if !is_its_own || trouble.wait.is_some() {
                    self.wait_for(agenda, &trouble).await?;
                    return Ok(Next::Now);
                }
                let reason = format!("cannot look whether it was posted: {}", trouble.reason);
                LookConclusion::Postponed { reason }
            }
        };
        if let Err(trouble) = self.can_read_elsewhere().await {
            self.wait_for(agenda, &trouble).await?;
            return Ok(Next::Now);
        }
        self.conclude_look(lane, job.id, conclusion, None).await
    }

    async fn conclude_look(
        &mut self,
        lane: LaneKey,
        id: JobId,
        conclusion: LookConclusion,
        request_id: Option<String>,
    ) -> Result<Next, QueueError> {
        self.pulse.busy_for(STORE_DEADLINE);
        let (now, wall) = (self.clock.mark(), self.clock.wall());
        let store = self.queue.store()?;
        let job = store.conclude_look(id, lane, conclusion, now, wall).await?;
        self.tell(&job, request_id.as_deref());
        Ok(Next::Now)
    }
}

/// The attempts to look for, in GitHub's time; `None` while that is not known. An attempt whose end
/// nobody wrote down may have ended just now.
fn windows(job: &Job, clock: &Clock) -> Option<Vec<Window>> {
    let now = clock.github_now()?;
    let window = |attempt: &crate::store::Attempt| Window {
        started_github: attempt.started_github,
        ended_github: attempt
            .ended
            .and_then(|mark| clock.github_at(mark))
            .unwrap_or(now),
        user_id: attempt.user_id,
    };
    Some(job.unresolved.iter().map(window).collect())
}
