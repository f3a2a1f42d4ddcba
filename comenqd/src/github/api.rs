//! The questions as HTTP requests: routes, pages, bounds.
//!
//! Decides when a listing is complete. Called through the trait [`GitHub`] by the worker. What an
//! answer means is `outcome`'s, whether a request left is `http`'s.

use comenq_proto::{IssueNumber, Target};
use serde::Serialize;

use super::answer::Answer;
use super::authority::Authority;
use super::http::{Failure, Http};
use super::listing::PER_PAGE;
use super::moved::{self, Place};
use super::{
    Answered, Comment, GitHub, Identity, ListError, Moved, Outcome, Trouble, TroubleKind, outcome,
};
use crate::clock::UnixMs;

/// `GET /user` has a few KiB; a 201 repeats the comment, which can have 256 KiB before JSON
/// escapes it.
pub(super) const MAX_ANSWER: usize = 2 * 1024 * 1024;
/// Thirty comments of 256 KiB, and as much again for everything around and within them.
const MAX_PAGE: usize = 16 * 1024 * 1024;
/// Pages of one listing. It begins minutes before an attempt: so many comments since are not a
/// discussion any more.
pub const MAX_PAGES: u32 = 20;
/// What a whole listing may hold in memory.
const MAX_LISTING: usize = 64 * 1024 * 1024;

#[derive(Serialize)]
struct NewComment<'a> {
    body: &'a str,
}

impl GitHub for Http {
    async fn who_am_i(&self) -> Answered<Result<Identity, Trouble>> {
        if let Authority::App(app) = &self.authority {
            let mut last = unasked(());
            let value = self.bot(app, &mut last).await;
            return last.with(value);
        }
        let authorization = match self.authority.header(self.clock.boottime()) {
            Ok(authorization) => authorization,
            Err(trouble) => return unasked(Err(trouble)),
        };
        let answer = self
            .get("/user", authorization, MAX_ANSWER, self.deadline())
            .await;
        let value = match &answer {
            Ok(answer) => outcome::of_user(answer, &self.api),
            Err(failure) => Err(offline(failure)),
        };
        answered(&answer, value)
    }

    async fn post_comment(&self, target: &Target, body: &str) -> Answered<Outcome> {
        let authorization = match self.authority.header(self.clock.boottime()) {
            Ok(authorization) => authorization,
            Err(trouble) => return unasked(Outcome::NotSent(trouble)),
        };
        let route = comments(target);
        let comment = NewComment { body };
        let deadline = self.deadline();
        let answer = self
            .post(&route, authorization, &comment, MAX_ANSWER, deadline)
            .await;
        let value = match &answer {
            Ok(answer) => match self.authority.lost_token(answer) {
                Some(trouble) => Outcome::Account(trouble),
                None => outcome::of_post(answer, &self.api),
            },
            Err(Failure::Unknown(reason)) => Outcome::Unknown {
                reason: reason.clone(),
            },
            Err(failure @ Failure::NotSent(_)) => Outcome::NotSent(offline(failure)),
        };
        answered(&answer, value)
    }

    async fn comments_since(
        &self,
        target: &Target,
        since: UnixMs,
    ) -> Answered<Result<Vec<Comment>, ListError>> {
        let mut last = unasked(());
        let value = self.all_pages(target, since, &mut last).await;
        last.with(value)
    }

    async fn is_open(&self, target: &Target) -> Answered<Result<bool, ListError>> {
        let mut last = unasked(());
        let value = match self.question(&issue(target), MAX_ANSWER, &mut last).await {
            Ok(answer) => outcome::of_issue(&answer, &self.api),
            Err(error) => Err(error),
        };
        last.with(value)
    }

    async fn resolve(
        &self,
        moved: &Moved,
        number: IssueNumber,
    ) -> Answered<Result<Target, ListError>> {
        let mut last = unasked(());
        let value = self.place(moved, number, &mut last).await;
        last.with(value)
    }
}

impl Http {
    /// All pages or none. The number of the page is counted here, so that no `Link` can lead the
    /// token elsewhere. `last` becomes what came with the last page asked for.
    async fn all_pages(
        &self,
        target: &Target,
        since: UnixMs,
        last: &mut Answered<()>,
    ) -> Result<Vec<Comment>, ListError> {
        let mut all: Vec<Comment> = Vec::new();
        let mut size = 0;
        for number in 1..=MAX_PAGES {
            let route = format!(
                "{}?since={}&per_page={PER_PAGE}&page={number}",
                comments(target),
                rfc3339(since)
            );
            let answer = self.question(&route, MAX_PAGE, last).await?;
            let page = outcome::of_page(&answer, &self.api)?;
            size += page.comments.iter().map(|c| c.body.len()).sum::<usize>();
            all.extend(page.comments);
            if size > MAX_LISTING {
                break;
            }
            if !page.has_next {
                // A comment that was deleted meanwhile moves the rest forward, one that was
                // written moves nothing: no comment is overlooked but by a deletion, and that is
                // what the second listing is for.
                all.sort_unstable_by_key(|comment| comment.id);
                all.dedup_by_key(|comment| comment.id);
                return Ok(all);
            }
        }
        // More of them will not be fewer next time.
        Err(ListError::Gone {
            reason: format!(
                "{target} has too many comments since {} to look through",
                rfc3339(since)
            ),
        })
    }

    /// Where a redirect leads; asks for the name of a repository that it only numbers.
    async fn place(
        &self,
        moved: &Moved,
        number: IssueNumber,
        last: &mut Answered<()>,
    ) -> Result<Target, ListError> {
        let gone = |what: String| ListError::Gone {
            reason: format!("{}, and {what}", moved.reason),
        };
        let repository = match moved::place(&self.api, &moved.location, number) {
            Some(Place::Named(target)) => return Ok(target),
            Some(Place::Numbered { repository, issue }) => (repository, issue.unwrap_or(number)),
            None => return Err(gone("that names no issue".to_owned())),
        };
        let (id, number) = repository;
        let route = format!("/repositories/{id}");
        let answer = self.question(&route, MAX_ANSWER, last).await?;
        let (owner, name) = outcome::of_repository(&answer, &self.api)?;
        Target::parse(&owner, &name, number.get())
            .map_err(|error| gone(format!("its new name cannot be used: {error}")))
    }

    /// One GET about an issue or a repository. `last` becomes what came with it.
    async fn question(
        &self,
        route: &str,
        max_body: usize,
        last: &mut Answered<()>,
    ) -> Result<Answer, ListError> {
        let authorization = self
            .authority
            .header(self.clock.boottime())
            .map_err(ListError::Trouble)?;
        let answer = self
            .get(route, authorization, max_body, self.deadline())
            .await;
        *last = answered(&answer, ());
        let answer = answer.map_err(|failure| ListError::Trouble(offline(&failure)))?;
        match self.authority.lost_token(&answer) {
            Some(trouble) => Err(ListError::Trouble(trouble)),
            None => Ok(answer),
        }
    }
}

impl<T> Answered<T> {
    /// The same answer with another value.
    fn with<U>(self, value: U) -> Answered<U> {
        Answered {
            value,
            status: self.status,
            request_id: self.request_id,
            notices: self.notices,
        }
    }
}

/// Owner and repo have no character that a path would have to escape.
fn issue(target: &Target) -> String {
    let Target {
        owner,
        repo,
        number,
    } = target;
    format!("/repos/{owner}/{repo}/issues/{number}")
}

fn comments(target: &Target) -> String {
    format!("{}/comments", issue(target))
}

/// In whole seconds, which GitHub wants, rounded down. A time that no calendar has is before
/// everything.
fn rfc3339(time: UnixMs) -> String {
    jiff::Timestamp::from_second(time.0.div_euclid(1000))
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_string()
}

/// A value with what came beside it.
pub(super) fn answered<T>(answer: &Result<Answer, Failure>, value: T) -> Answered<T> {
    match answer {
        Ok(answer) => Answered {
            value,
            status: Some(answer.status),
            request_id: answer.headers.request_id.clone(),
            notices: answer.headers.notices.clone(),
        },
        Err(_) => unasked(value),
    }
}

/// A value that no answer brought.
pub(super) fn unasked<T>(value: T) -> Answered<T> {
    Answered {
        value,
        status: None,
        request_id: None,
        notices: Vec::new(),
    }
}

/// For a question it makes no difference whether it arrived.
pub(super) fn offline(failure: &Failure) -> Trouble {
    let (Failure::NotSent(reason) | Failure::Unknown(reason)) = failure;
    Trouble {
        kind: TroubleKind::Offline,
        reason: reason.clone(),
        wait: None,
    }
}

#[cfg(test)]
mod tests;
