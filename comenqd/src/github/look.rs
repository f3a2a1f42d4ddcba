//! Did an attempt whose outcome is unknown create its comment?
//!
//! Decides, from one complete listing of the target's comments, whether one of them is the job's.
//! Called by the worker; how often it looks and what follows is `retry`'s. Pure: every time in it
//! is GitHub's, none is ours.
//!
//! A wrong "yes" loses a comment, a wrong "no" posts one twice, so there is a third answer: a
//! comment of the right user at the right time with other words may be ours, changed on its way
//! in, and nobody but a person can tell.

use std::time::Duration;

use super::Comment;
use crate::clock::UnixMs;

/// How much earlier than the attempt its comment may seem to be: GitHub's times have whole seconds
/// and come from more than one machine.
const EARLY: Duration = Duration::from_secs(5);

/// How much before the first attempt a listing begins. `since` filters by the time of the last
/// change, so a generous margin costs a few comments and no match.
const SINCE_MARGIN: Duration = Duration::from_secs(10 * 60);

/// One attempt whose outcome is unknown, in GitHub's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// When the claim was made, before the request left.
    pub started_github: UnixMs,
    /// When the answer came or was given up; after a crash, when the daemon started again.
    pub ended_github: UnixMs,
    /// Numeric id of the user in whose name it was sent.
    pub user_id: u64,
}

/// What a complete listing shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The comment exists.
    Posted {
        /// GitHub's id of it.
        id: u64,
        /// Its address; empty where GitHub named none.
        url: String,
    },
    /// A comment that may be it, with another text.
    Ambiguous {
        /// Its address; empty where GitHub named none.
        url: String,
    },
    /// No trace of it in this listing.
    Nothing,
}

/// From when the comments are to be listed: ten minutes before the first of `attempts` began.
/// `None` without attempts.
#[must_use]
pub fn since(attempts: &[Window]) -> Option<UnixMs> {
    let first = attempts
        .iter()
        .map(|attempt| attempt.started_github)
        .min()?;
    Some(first.minus(SINCE_MARGIN))
}

/// Looks in the complete `listing` for the comment with this `body` that one of `attempts` may
/// have created. `owned` says of a comment's id whether it belongs to another job.
///
/// An equal text counts from five seconds before its user's attempt on, however late: a request
/// can be carried out long after we gave it up. Other words count only within an attempt's window,
/// which ends `look_delay` after the attempt. Of several, the oldest is taken.
#[must_use]
pub fn find(
    listing: &[Comment],
    body: &str,
    attempts: &[Window],
    look_delay: Duration,
    owned: impl Fn(u64) -> bool,
) -> Finding {
    let wanted = normalised(body);
    let candidates = || {
        listing.iter().filter(|comment| {
            attempts.iter().any(|attempt| attempt.may_be(comment)) && !owned(comment.id)
        })
    };
    let oldest = |comment: &&Comment| comment.id;
    if let Some(posted) = candidates()
        .filter(|comment| normalised(&comment.body) == wanted)
        .min_by_key(oldest)
    {
        return Finding::Posted {
            id: posted.id,
            url: posted.url.clone(),
        };
    }
    let in_a_window = |comment: &&Comment| {
        attempts
            .iter()
            .any(|attempt| attempt.covers(comment, look_delay))
    };
    match candidates().filter(in_a_window).min_by_key(oldest) {
        Some(odd) => Finding::Ambiguous {
            url: odd.url.clone(),
        },
        None => Finding::Nothing,
    }
}

impl Window {
    fn may_be(&self, comment: &Comment) -> bool {
        comment.user_id == self.user_id && comment.created_at >= self.started_github.minus(EARLY)
    }

    fn covers(&self, comment: &Comment, look_delay: Duration) -> bool {
        // A clock learned anew may put the end before the start; the window is never less than
        // the delay.
        let end = self.ended_github.max(self.started_github).plus(look_delay);
        self.may_be(comment) && comment.created_at <= end
    }
}

/// A text as far as it must survive the way to GitHub and back. CRLF and a lone CR are LF; white
/// space (as Unicode has it) at the end of every line and at the end of the whole does not count.
/// What stands at the beginning of the text or of a line does: Markdown gives it a meaning.
fn normalised(text: &str) -> String {
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = unix.split('\n').map(str::trim_end).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests;
