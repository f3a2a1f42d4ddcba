//! Did an attempt whose outcome is unknown create its comment?
//!
//! Decides, from one complete listing of the target's comments, whether one of them is the job's.
//! Called by the worker; how often it looks and what follows is `retry`'s. Pure: every time in it
//! is GitHub's, none is ours.
//!
//! A wrong "yes" loses a comment, a wrong "no" posts one twice, so there is a third answer: a
//! comment of the right user at the right time with other words may be ours, changed on its way
//! in, and nobody but a person can tell. A [`Marker`] in the text leaves no third answer.

use std::time::Duration;

pub use super::marker::Marker;

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
    /// Whether it was sent with the job's [`Marker`].
    pub marker: bool,
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
/// An attempt that was sent with the job's `marker` left a comment that bears it, whatever else it
/// says, or none. For one that was sent without: an equal text counts from five seconds before its
/// user's attempt on, however late, for a request can be carried out long after we gave it up;
/// other words count only within the attempt's window, which ends `look_delay` after it. A comment
/// that bears another job's marker is nobody's but that job's. Of several, the oldest is taken.
///
/// Without a `marker` every attempt counts as sent without one, and nobody's marker is heeded: who
/// cannot tell their own cannot tell another's. So pass it even where the account's are off.
#[must_use]
pub fn find(
    listing: &[Comment],
    body: &str,
    attempts: &[Window],
    look_delay: Duration,
    marker: Option<&Marker>,
    owned: impl Fn(u64) -> bool,
) -> Finding {
    let wanted = Wanted {
        text: normalised(body),
        marker,
        quoted: Marker::all_in(body).collect(),
    };
    let candidates = || {
        listing.iter().filter(|comment| {
            attempts.iter().any(|attempt| attempt.may_be(comment))
                && !owned(comment.id)
                && !wanted.is_anothers(comment)
        })
    };
    let oldest = |comment: &&Comment| comment.id;
    let found = |comment: &&Comment| wanted.is_there(comment, attempts);
    if let Some(posted) = candidates().filter(found).min_by_key(oldest) {
        return Finding::Posted {
            id: posted.id,
            url: posted.url.clone(),
        };
    }
    let in_a_window = |comment: &&Comment| {
        attempts
            .iter()
            .filter(|attempt| !wanted.is_marked(attempt))
            .any(|attempt| attempt.covers(comment, look_delay))
    };
    match candidates().filter(in_a_window).min_by_key(oldest) {
        Some(odd) => Finding::Ambiguous {
            url: odd.url.clone(),
        },
        None => Finding::Nothing,
    }
}

/// What is looked for.
struct Wanted<'a> {
    text: String,
    marker: Option<&'a Marker>,
    /// Markers that the text itself quotes: they say nothing of whose a comment is.
    quoted: Vec<Marker>,
}

impl Wanted<'_> {
    /// Whether what `attempt` created would bear our marker.
    fn is_marked(&self, attempt: &Window) -> bool {
        attempt.marker && self.marker.is_some()
    }

    fn is_anothers(&self, comment: &Comment) -> bool {
        let Some(ours) = self.marker else {
            return false;
        };
        Marker::all_in(&comment.body)
            .any(|marker| marker != *ours && !self.quoted.contains(&marker))
    }

    /// Whether the comment is surely one of `attempts`, among which are those that it may be.
    fn is_there(&self, comment: &Comment, attempts: &[Window]) -> bool {
        // However it was sent: nobody else writes it.
        let bears_ours = Marker::all_in(&comment.body).any(|marker| Some(&marker) == self.marker);
        let unmarked = || {
            attempts
                .iter()
                .any(|attempt| !self.is_marked(attempt) && attempt.may_be(comment))
        };
        bears_ours || (unmarked() && normalised(&comment.body) == self.text)
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
