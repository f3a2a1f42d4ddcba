//! One look: a complete listing, compared with what may have been posted.
//!
//! Decides nothing: `github::look` compares, `retry` judges, the store keeps. A listing that could
//! not be completed counts for nothing.

use comenq_proto::JobId;
use uuid::Uuid;

use crate::clock::{Clock, UnixMs};
use crate::github::look::{self, Finding, Marker, Window};
use crate::github::{Comment, GitHub, ListError, MAX_PAGES, Trouble};
use crate::queue::{Phase, QueueError};
use crate::retry::{self, Looked, Verdict};
use crate::store::{Agenda, Attempt, Failure, Hold, Job, LaneKey, LookConclusion, Note, Outcome};

use super::post::note;
use super::{Next, STORE_DEADLINE, Worker};

impl<G: GitHub> Worker<G> {
    /// Looks whether an attempt of `job` reached GitHub.
    pub(super) async fn look(&mut self, agenda: &Agenda, job: Job) -> Result<Next, QueueError> {
        let lane = self.lane_key(agenda);
        if let Some(host) = job
            .host
            .as_ref()
            .filter(|host| **host != self.settings.host)
        {
            let reason = format!(
                "its attempt went to {host}, and account {} is at {} now: nobody can look there; \
                 put its address back, or look yourself and cancel it",
                self.settings.account, self.settings.host
            );
            let conclusion = LookConclusion::Postponed { reason };
            return self
                .conclude_look(lane, job.id, conclusion, Note::default())
                .await;
        }
        let user_id = self.identity.as_ref().map(|identity| identity.user_id);
        let Some(windows) = user_id.and_then(|user_id| windows(&job, &self.clock, user_id)) else {
            self.identity = None;
            return Ok(Next::Now);
        };
        let Some(since) = look::since(&windows) else {
            let reason = "it has no attempt to look for".to_owned();
            let conclusion = out_of_sight_for(reason);
            return self
                .conclude_look(lane, job.id, conclusion, Note::default())
                .await;
        };
        let text = match self.queue.store()?.get(job.id).await {
            Ok((_, text)) => text,
            Err(error @ QueueError::Damaged(_)) => {
                let reason = format!("outcome unknown: cannot look for the comment: {error}");
                let conclusion = out_of_sight_for(reason);
                return self
                    .conclude_look(lane, job.id, conclusion, Note::default())
                    .await;
            }
            Err(other) => return Err(other),
        };
        self.show(Phase::Looking, None, None);
        self.busy_for_requests(MAX_PAGES);
        let stop = self.stop.clone();
        let answered = tokio::select! {
            answered = self.github.comments_since(job.destination(), since) => answered,
            () = stop.cancelled() => return Ok(Next::Now),
        };
        self.pulse.busy_for(STORE_DEADLINE);
        self.take_notices(&answered.notices);
        let note = note(&answered);
        let conclusion = match answered.value {
            Ok(listing) => self.compare(&lane, &job, &text, &windows, &listing).await?,
            Err(error) => return self.cannot_look(agenda, lane, &job, error, note).await,
        };
        self.conclude_look(lane, job.id, conclusion, note).await
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
        let marker = self.marker(job.id);
        let delay = pace.look_delay;
        let finding = look::find(listing, text, windows, delay, Some(&marker), |id| {
            owned.contains(&id)
        });
        let looked = Looked {
            looks: job.empty_looks.saturating_add(1),
            attempts: job.attempts_now(),
            is_too_old: self.is_too_old(job),
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
                Verdict::Ambiguous { reason } => LookConclusion::GiveUp {
                    reason,
                    url: seen,
                    outcome: Outcome::Ambiguous,
                },
                Verdict::GiveUp { reason } => LookConclusion::GiveUp {
                    reason,
                    url: None,
                    outcome: Outcome::Nothing,
                },
                Verdict::TooOld { reason } => LookConclusion::Dead {
                    failure: Failure::TooOld,
                    reason,
                },
                Verdict::LookAgain { .. } => LookConclusion::LookAgain,
                Verdict::Requeue => LookConclusion::Requeue,
                Verdict::Cancelled => LookConclusion::Cancelled,
            },
        )
    }

    /// By the clocks that do not jump.
    fn is_too_old(&self, job: &Job) -> bool {
        let max_age = self.settings.policy.max_age;
        job.first_attempt
            .is_some_and(|first| self.clock.remaining(first, max_age).is_zero())
    }

    /// Whether it is this issue alone that cannot be read, or the account that gets no answer.
    pub(super) async fn can_read_elsewhere(&mut self) -> Result<(), Trouble> {
        self.busy_for_requests(1);
        let answered = self.github.who_am_i().await;
        self.take_notices(&answered.notices);
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
        note: Note,
    ) -> Result<Next, QueueError> {
        let postponed = |reason: String| LookConclusion::Postponed {
            reason: format!("cannot look whether it was posted: {reason}"),
        };
        let conclusion = match error {
            ListError::Gone { reason } => out_of_sight(&reason),
            ListError::Moved(moved) => {
                self.busy_for_requests(2);
                let number = job.destination().number;
                match self.github.resolve(&moved, number).await.value {
                    Ok(to) => match self.may_follow(job, &to) {
                        Ok(()) => LookConclusion::Moved { to },
                        Err(denied) => out_of_sight(&denied),
                    },
                    Err(ListError::Gone { reason }) => out_of_sight(&reason),
                    Err(ListError::Moved(again)) => out_of_sight(&again.reason),
                    Err(ListError::Owner(trouble)) => postponed(trouble.reason),
                    Err(ListError::Trouble(trouble)) if !trouble.is_of_one_issue() => {
                        self.wait_for(agenda, &trouble).await?;
                        return Ok(Next::Now);
                    }
                    Err(ListError::Trouble(trouble)) => postponed(trouble.reason),
                }
            }
            ListError::Owner(trouble) => postponed(trouble.reason),
            ListError::Trouble(trouble) => {
                if !trouble.is_of_one_issue() {
                    self.wait_for(agenda, &trouble).await?;
                    return Ok(Next::Now);
                }
                postponed(trouble.reason)
            }
        };
        if let Err(trouble) = self.can_read_elsewhere().await {
            self.wait_for(agenda, &trouble).await?;
            return Ok(Next::Now);
        }
        self.conclude_look(lane, job.id, conclusion, note).await
    }

    async fn conclude_look(
        &mut self,
        lane: LaneKey,
        id: JobId,
        conclusion: LookConclusion,
        note: Note,
    ) -> Result<Next, QueueError> {
        self.pulse.busy_for(STORE_DEADLINE);
        let at = self.moment();
        let request_id = note.github_request_id.clone();
        let store = self.queue.store()?;
        let job = store.conclude_look(id, lane, conclusion, note, at).await?;
        self.tell(&job, request_id.as_deref());
        Ok(Next::Now)
    }

    /// What marks a job's comment.
    pub(super) fn marker(&self, id: JobId) -> Marker {
        let store = Uuid::from_u128(self.queue.store_id());
        Marker { store, job: id }
    }
}

fn out_of_sight(reason: &str) -> LookConclusion {
    out_of_sight_for(format!(
        "outcome unknown: cannot look for the comment: {reason}"
    ))
}

fn out_of_sight_for(reason: String) -> LookConclusion {
    LookConclusion::GiveUp {
        reason,
        url: None,
        outcome: Outcome::Gone,
    }
}

/// The attempts to look for, in GitHub's time; `None` while that is not known. An attempt whose end
/// nobody wrote down may have ended just now. Of a job that came from elsewhere any comment of the
/// same user may be it, whenever it was made.
fn windows(job: &Job, clock: &Clock, user_id: u64) -> Option<Vec<Window>> {
    let now = clock.github_now()?;
    let window = |attempt: &Attempt| Window {
        started_github: attempt.started_github,
        ended_github: attempt
            .ended
            .and_then(|mark| clock.github_at(mark))
            .unwrap_or(now),
        user_id: attempt.user_id,
        marker: attempt.marker,
    };
    let mut windows: Vec<Window> = job.unresolved.iter().map(window).collect();
    if job.hold == Some(Hold::Restored) {
        // Before all times, so that no listing begins later and no text but an equal one counts.
        windows.push(Window {
            started_github: UnixMs(i64::MIN),
            ended_github: UnixMs(i64::MIN),
            user_id,
            marker: false,
        });
    }
    Some(windows)
}
