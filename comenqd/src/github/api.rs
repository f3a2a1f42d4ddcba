//! The three questions as HTTP requests: routes, pages, bounds.
//!
//! Decides when a listing is complete. Called through the trait [`GitHub`] by the worker. What an
//! answer means is `outcome`'s, whether a request left is `http`'s.

use comenq_proto::Target;
use serde::Serialize;

use super::answer::Answer;
use super::http::{Failure, Http};
use super::listing::PER_PAGE;
use super::{
    Answered, Comment, GitHub, Identity, ListError, Outcome, Trouble, TroubleKind, outcome,
};
use crate::clock::UnixMs;

/// `GET /user` has a few KiB; a 201 repeats the comment, which can have 256 KiB before JSON
/// escapes it.
const MAX_ANSWER: usize = 2 * 1024 * 1024;
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
        if !self.has_token() {
            return Answered {
                value: Err(no_token()),
                request_id: None,
            };
        }
        let answer = self.get("/user", MAX_ANSWER, self.deadline()).await;
        let request_id = request_id(&answer);
        let value = match answer {
            Ok(answer) => outcome::of_user(&answer),
            Err(failure) => Err(offline(failure)),
        };
        Answered { value, request_id }
    }

    async fn post_comment(&self, target: &Target, body: &str) -> Answered<Outcome> {
        if !self.has_token() {
            return Answered {
                value: Outcome::NotSent(no_token()),
                request_id: None,
            };
        }
        let comment = NewComment { body };
        let answer = self
            .post(&comments(target), &comment, MAX_ANSWER, self.deadline())
            .await;
        let request_id = request_id(&answer);
        let value = match answer {
            Ok(answer) => outcome::of_post(&answer),
            Err(Failure::Unknown(reason)) => Outcome::Unknown { reason },
            Err(failure @ Failure::NotSent(_)) => Outcome::NotSent(offline(failure)),
        };
        Answered { value, request_id }
    }

    async fn comments_since(
        &self,
        target: &Target,
        since: UnixMs,
    ) -> Answered<Result<Vec<Comment>, ListError>> {
        if !self.has_token() {
            return Answered {
                value: Err(ListError::Trouble(no_token())),
                request_id: None,
            };
        }
        let mut request_id = None;
        let value = self.all_pages(target, since, &mut request_id).await;
        Answered { value, request_id }
    }
}

impl Http {
    /// All pages or none. The number of the page is counted here, so that no `Link` can lead the
    /// token elsewhere. `request_id` becomes that of the last page asked for.
    async fn all_pages(
        &self,
        target: &Target,
        since: UnixMs,
        request_id: &mut Option<String>,
    ) -> Result<Vec<Comment>, ListError> {
        let mut all: Vec<Comment> = Vec::new();
        let mut size = 0;
        for number in 1..=MAX_PAGES {
            let route = format!(
                "{}?since={}&per_page={PER_PAGE}&page={number}",
                comments(target),
                rfc3339(since)
            );
            let answer = self.page(&route, request_id).await?;
            let page = outcome::of_page(&answer)?;
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

    async fn page(
        &self,
        route: &str,
        request_id: &mut Option<String>,
    ) -> Result<Answer, ListError> {
        match self.get(route, MAX_PAGE, self.deadline()).await {
            Ok(answer) => {
                request_id.clone_from(&answer.headers.request_id);
                Ok(answer)
            }
            Err(failure) => {
                *request_id = None;
                Err(ListError::Trouble(offline(failure)))
            }
        }
    }
}

/// Owner and repo have no character that a path would have to escape.
fn comments(target: &Target) -> String {
    let Target {
        owner,
        repo,
        number,
    } = target;
    format!("/repos/{owner}/{repo}/issues/{number}/comments")
}

/// In whole seconds, which GitHub wants, rounded down. A time that no calendar has is before
/// everything.
fn rfc3339(time: UnixMs) -> String {
    jiff::Timestamp::from_second(time.0.div_euclid(1000))
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_string()
}

fn request_id(answer: &Result<Answer, Failure>) -> Option<String> {
    answer.as_ref().ok()?.headers.request_id.clone()
}

/// For a question it makes no difference whether it arrived.
fn offline(failure: Failure) -> Trouble {
    let (Failure::NotSent(reason) | Failure::Unknown(reason)) = failure;
    Trouble {
        kind: TroubleKind::Offline,
        reason,
        wait: None,
    }
}

fn no_token() -> Trouble {
    Trouble {
        kind: TroubleKind::Blocked,
        reason: "there is no GitHub token; configure one".to_owned(),
        wait: None,
    }
}
