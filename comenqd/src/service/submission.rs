//! From the fields of a submission to a job.
//!
//! Decides what is acceptable: target, account, comment, keys and times are parsed here, once;
//! behind this file they are types. Called by the verbs that submit.

use std::time::Duration;

use comenq_proto::{
    BodyError, CommentBody, ErrorCode, JobSubmit, MAX_BODY_BYTES, MAX_PRIORITY, MAX_TIME_DISTANCE,
    MIN_PRIORITY, SubmitKey, Target, WireError,
};

use super::account;
use super::{Account, Settings};
use crate::clock::{Clock, Mark, UnixMs};
use crate::policy::{Limits, Policy};
use crate::queue::{Expiry, NewJob, Quota};

/// The account that an unnamed one stands for in what a key means.
const UNNAMED: &str = "default";

/// What a submission is judged by.
pub(super) struct Judge<'a> {
    pub(super) uid: u32,
    pub(super) settings: &'a Settings,
    pub(super) rules: &'a Policy,
    pub(super) clock: &'a Clock,
}

fn invalid(code: ErrorCode, reason: &dyn std::fmt::Display) -> WireError {
    WireError::new(code, reason.to_string())
}

impl Judge<'_> {
    /// From plain fields to types, or what is wrong with the first wrong one.
    pub(super) fn parse(&self, request: &JobSubmit) -> Result<NewJob, WireError> {
        let target = Target::parse(&request.owner, &request.repo, request.number)
            .map_err(|reason| invalid(ErrorCode::InvalidTarget, &reason))?;
        let asked = request.account.as_deref();
        let account = account::choose(self, asked, request.host.as_deref(), &target)?;
        let now = self.clock.best_wall();
        let not_before = not_before(request, now)?;
        let expiry = expiry(request, now)?;
        if let (Some(from), Some(expiry)) = (not_before, expiry)
            && expiry.at_ms <= from
        {
            let text = "the comment would expire before it may be posted";
            return Err(invalid(ErrorCode::InvalidValue, &text));
        }
        if !(MIN_PRIORITY..=MAX_PRIORITY).contains(&request.priority) {
            let text = format!(
                "priority {} is not one; it must be from {MIN_PRIORITY} to {MAX_PRIORITY}",
                request.priority
            );
            return Err(invalid(ErrorCode::InvalidValue, &text));
        }
        let body = body(request.body.clone(), account, self.settings)?;
        let accepted = self.clock.mark();
        Ok(NewJob {
            asked_account: asked.unwrap_or(UNNAMED).to_owned(),
            key: request.key.clone().map(key).transpose()?,
            priority: request.priority,
            not_before,
            not_before_span_ms: request.delay_ms,
            expiry,
            replace_key: request.replace_key.clone().map(replace_key).transpose()?,
            if_open: request.if_open,
            hold: request.hold,
            quota: quota(self.rules.limits(self.uid)),
            ..NewJob::plain(self.uid, &account.name, target, body, now, accepted)
        })
    }
}

/// The submission as far as its key stands for it, without any judgement: what was acceptable when
/// it was stored may not be so any more. `None` where it has no key, or never can have been stored.
pub(super) fn identity(uid: u32, request: &JobSubmit) -> Option<NewJob> {
    let target = Target::parse(&request.owner, &request.repo, request.number).ok()?;
    let body = CommentBody::parse(request.body.clone()).ok()?;
    let asked = request.account.as_deref().unwrap_or(UNNAMED);
    let nobody_asks = Mark {
        boot: 0,
        boottime_ms: 0,
        github: None,
    };
    Some(NewJob {
        key: Some(SubmitKey::parse(request.key.clone()?).ok()?),
        ..NewJob::plain(uid, asked, target, body, UnixMs(0), nobody_asks)
    })
}

fn key(text: String) -> Result<SubmitKey, WireError> {
    SubmitKey::parse(text).map_err(|reason| invalid(ErrorCode::InvalidKey, &reason))
}

fn replace_key(text: String) -> Result<SubmitKey, WireError> {
    let wrong = |reason| {
        let text = format!("the replace key cannot be used: {reason}");
        WireError::new(ErrorCode::InvalidValue, text)
    };
    SubmitKey::parse(text).map_err(wrong)
}

/// A comment that the account can post.
pub(super) fn body(
    text: String,
    account: &Account,
    settings: &Settings,
) -> Result<CommentBody, WireError> {
    let body = CommentBody::parse(text).map_err(|reason| {
        let code = match reason {
            BodyError::TooLarge { .. } => ErrorCode::BodyTooLong,
            BodyError::Blank | BodyError::Nul { .. } => ErrorCode::InvalidBody,
        };
        invalid(code, &reason)
    })?;
    check_length(&body, account.marker_chars, settings.max_body_chars)?;
    Ok(body)
}

/// What the account adds to the comment counts too.
fn check_length(body: &CommentBody, added: usize, most: usize) -> Result<(), WireError> {
    let bytes = body.as_str().len().saturating_add(added);
    // A character has at least one byte, so the count is seldom needed.
    if bytes <= most.min(MAX_BODY_BYTES) {
        return Ok(());
    }
    let chars = body.chars();
    let most = most.saturating_sub(added);
    if chars <= most && bytes <= MAX_BODY_BYTES {
        return Ok(());
    }
    let text = format!("comment has {chars} characters; the limit is {most}");
    Err(WireError::new(ErrorCode::BodyTooLong, text)
        .with_detail("shorten it or split it; the daemon's key max_body_chars sets the limit"))
}

fn not_before(request: &JobSubmit, now: UnixMs) -> Result<Option<UnixMs>, WireError> {
    match (request.not_before_ms, request.delay_ms) {
        (Some(_), Some(_)) => Err(invalid(
            ErrorCode::InvalidValue,
            &"both a time and a delay are given; give one of them",
        )),
        (Some(at), None) => time("the time to post it", at, now).map(Some),
        (None, Some(delay)) => Ok(Some(now.plus(span("the delay", delay)?))),
        (None, None) => Ok(None),
    }
}

fn expiry(request: &JobSubmit, now: UnixMs) -> Result<Option<Expiry>, WireError> {
    match (request.expires_at_ms, request.expires_in_ms) {
        (Some(_), Some(_)) => Err(invalid(
            ErrorCode::InvalidValue,
            &"both a time and a span to expire are given; give one of them",
        )),
        (Some(at), None) => {
            let at_ms = time("the time to expire", at, now)?;
            if at_ms <= now {
                let text = "the time to expire has passed already";
                return Err(invalid(ErrorCode::InvalidValue, &text));
            }
            Ok(Some(Expiry {
                at_ms,
                span_ms: None,
            }))
        }
        (None, Some(span_ms)) => {
            let wait = span("the span to expire", span_ms)?;
            Ok(Some(Expiry {
                at_ms: now.plus(wait),
                span_ms: Some(span_ms),
            }))
        }
        (None, None) => Ok(None),
    }
}

fn time(what: &str, at: i64, now: UnixMs) -> Result<UnixMs, WireError> {
    let at = UnixMs(at);
    if at.since(now).max(now.since(at)) > MAX_TIME_DISTANCE {
        let text = format!("{what} is more than ten years away; is it in milliseconds?");
        return Err(invalid(ErrorCode::InvalidValue, &text));
    }
    Ok(at)
}

fn span(what: &str, ms: u64) -> Result<Duration, WireError> {
    let span = Duration::from_millis(ms);
    if span.is_zero() || span > MAX_TIME_DISTANCE {
        let text = format!("{what} must be above zero and at most ten years");
        return Err(invalid(ErrorCode::InvalidValue, &text));
    }
    Ok(span)
}

fn quota(limits: &Limits) -> Quota {
    Quota {
        max_jobs: limits.max_queued_jobs,
        max_body_bytes: limits.max_queued_bytes,
        max_per_day: limits.max_posts_per_day,
        too_fast: None,
    }
}

#[cfg(test)]
mod tests;
