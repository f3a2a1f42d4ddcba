//! What an answer means for the question that was asked.
//!
//! Decides which answer is the hoped-for one, and what of a refusal matters to whoever asked.
//! Called by `api` and `app`. Pure; must not know of jobs, attempts or how long our own backoff
//! is. What a refusal is in itself, `refusal` says.

use std::time::Duration;

use super::answer::Answer;
use super::listing::{self, Page};
use super::refusal::{Refusal, refusal, trouble, unhelpful};
use super::{Identity, ListError, Moved, Outcome, OwnerTrouble, RefusalKind, Trouble, TroubleKind};
use crate::api_url::ApiUrl;
use crate::secret::Secret;

/// The answer to a POST of a comment.
pub(super) fn of_post(answer: &Answer, api: &ApiUrl) -> Outcome {
    if answer.status == 201 {
        // The status line alone says it: a body that cannot be read is looked up, never re-sent.
        let created = answer.whole_body().and_then(listing::created);
        let (comment_id, url) = created.unwrap_or_default();
        return Outcome::Posted { comment_id, url };
    }
    match refusal(answer, api) {
        Refusal::Job { kind, reason } => Outcome::Refused { kind, reason },
        Refusal::Moved(moved) => Outcome::Moved(moved),
        Refusal::Account(trouble) => Outcome::Account(trouble),
        Refusal::Owner(trouble) => Outcome::Owner(trouble),
        Refusal::Foreign(trouble) => Outcome::Foreign(trouble),
        Refusal::Unknown(reason) => Outcome::Unknown { reason },
    }
}

/// The answer to `GET /user`.
pub(super) fn of_user(answer: &Answer, api: &ApiUrl) -> Result<Identity, Trouble> {
    if answer.status != 200 {
        return Err(match refusal(answer, api) {
            Refusal::Account(trouble) | Refusal::Foreign(trouble) => trouble,
            Refusal::Job { .. } | Refusal::Moved(_) => nobodys(answer),
            Refusal::Owner(owner) => barred_everywhere(owner),
            Refusal::Unknown(reason) => unanswered(answer, reason),
        });
    }
    prove(answer)?;
    answer
        .whole_body()
        .and_then(listing::identity)
        .ok_or_else(|| foreign("names no user"))
}

/// The answer to `GET /app`: the App's slug.
pub(super) fn of_app(answer: &Answer, api: &ApiUrl) -> Result<String, Trouble> {
    let missing = "there is no GitHub App with this id; correct app_id";
    app_granted(answer, api, 200, missing)?;
    answer
        .whole_body()
        .and_then(listing::app_slug)
        .ok_or_else(|| foreign("names no App"))
}

/// The answer to the request for an installation's token: it, and how long it lasts, both by the
/// clock of this same answer.
pub(super) fn of_token(answer: &Answer, api: &ApiUrl) -> Result<(Secret, Duration), Trouble> {
    let missing = "the GitHub App has no installation with this id; install it again, or correct \
                   installation_id";
    app_granted(answer, api, 201, missing)?;
    let token = answer.whole_body().and_then(listing::installation_token);
    match (token, answer.headers.date) {
        (Some((token, expires_at)), Some(date)) => Ok((token, expires_at.since(date))),
        _ => Err(foreign("hands out no token")),
    }
}

/// The answer to `GET /users/SLUG[bot]`: who a GitHub App posts as.
pub(super) fn of_bot(answer: &Answer, api: &ApiUrl) -> Result<Identity, Trouble> {
    let missing = "the GitHub App has no bot user";
    app_granted(answer, api, 200, missing)?;
    answer
        .whole_body()
        .and_then(listing::identity)
        .ok_or_else(|| foreign("names no user"))
}

/// Whether GitHub took exception to the times in an App's JSON Web Token, and told its own.
pub(super) fn is_ill_timed(answer: &Answer) -> bool {
    let times = ["('exp')", "('iat')"];
    answer.status == 401
        && answer.headers.date.is_some()
        && answer.message().is_some_and(|message| message.says(&times))
}

/// Whether a question of a GitHub App's own is answered with `status`, and by GitHub. `missing`
/// is what a 404 means.
fn app_granted(answer: &Answer, api: &ApiUrl, status: u16, missing: &str) -> Result<(), Trouble> {
    if answer.status == status {
        return prove(answer);
    }
    let message = answer.message();
    let ours = match (answer.status, &message) {
        (401, Some(_)) => {
            "GitHub does not accept the App's key; app_id and private key must belong together"
        }
        (404, Some(_)) => missing,
        (403, Some(message)) if message.says(&["suspended"]) => {
            "the GitHub App's installation is suspended; its owner can lift that in the settings \
             of the installation"
        }
        _ => {
            return Err(match refusal(answer, api) {
                Refusal::Account(trouble) | Refusal::Foreign(trouble) => trouble,
                Refusal::Owner(owner) => barred_everywhere(owner),
                Refusal::Job { reason, .. } | Refusal::Moved(Moved { reason, .. }) => {
                    trouble(TroubleKind::Blocked, reason)
                }
                Refusal::Unknown(reason) => unanswered(answer, reason),
            });
        }
    };
    let reason = message.map_or_else(|| ours.to_owned(), |message| message.after(ours));
    Err(trouble(TroubleKind::Blocked, reason))
}

/// An enterprise can bar the account from everything that it owns, itself included.
fn barred_everywhere(owner: OwnerTrouble) -> Trouble {
    Trouble {
        kind: TroubleKind::Blocked,
        reason: owner.reason,
        wait: owner.wait,
    }
}

/// Nobody's denial: it says nothing of any job.
fn unanswered(answer: &Answer, reason: String) -> Trouble {
    Trouble {
        kind: TroubleKind::Offline,
        ..unhelpful(answer, reason)
    }
}

/// GitHub itself answered, and now: without both, GitHub's time stays unknown, and with it when an
/// attempt began; and a listing out of somebody's cache would say that nothing was posted.
fn prove(answer: &Answer) -> Result<(), Trouble> {
    if answer.headers.request_id.is_none() || answer.headers.date.is_none() {
        return Err(foreign("sends no x-github-request-id or no date"));
    }
    Ok(())
}

fn foreign(what: &str) -> Trouble {
    let reason = format!(
        "what answers at the API's address {what}: not GitHub; check github_api_url and any proxy \
         in between"
    );
    trouble(TroubleKind::Offline, reason)
}

/// `GET /user` is refused to an installation of a GitHub App, and not found where no API is.
fn nobodys(answer: &Answer) -> Trouble {
    let ours = format!(
        "GitHub does not tell whose token this is (status {}); it must be a user's (for a \
         GitHub App configure the App itself), and the API's address that of GitHub's API",
        answer.status
    );
    let reason = match answer.message() {
        Some(message) => message.after(&ours),
        None => ours,
    };
    trouble(TroubleKind::Blocked, reason)
}

/// The answer to one page of a listing.
pub(super) fn of_page(answer: &Answer, api: &ApiUrl) -> Result<Page, ListError> {
    granted(answer, api)?;
    listing::page(answer).map_err(|reason| ListError::Trouble(unhelpful(answer, reason)))
}

/// The answer to `GET` of an issue: whether it is open.
pub(super) fn of_issue(answer: &Answer, api: &ApiUrl) -> Result<bool, ListError> {
    granted(answer, api)?;
    read(answer, "an issue", listing::is_open)
}

/// The answer to `GET` of a repository: owner and name as they are now.
pub(super) fn of_repository(answer: &Answer, api: &ApiUrl) -> Result<(String, String), ListError> {
    granted(answer, api)?;
    read(answer, "a repository", listing::full_name)
}

/// Whether a question about one issue or repository is answered at all, and by GitHub.
fn granted(answer: &Answer, api: &ApiUrl) -> Result<(), ListError> {
    if answer.status == 200 {
        return prove(answer).map_err(ListError::Trouble);
    }
    Err(match refusal(answer, api) {
        Refusal::Account(trouble) | Refusal::Foreign(trouble) => ListError::Trouble(trouble),
        Refusal::Owner(trouble) => ListError::Owner(trouble),
        Refusal::Moved(moved) => ListError::Moved(moved),
        Refusal::Job {
            kind: RefusalKind::NotFound | RefusalKind::Gone | RefusalKind::Moved,
            reason,
        } => ListError::Gone { reason },
        Refusal::Job { reason, .. } | Refusal::Unknown(reason) => {
            ListError::Trouble(unhelpful(answer, reason))
        }
    })
}

fn read<T>(
    answer: &Answer,
    what: &str,
    parse: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<T, ListError> {
    answer.whole_body().and_then(parse).ok_or_else(|| {
        let reason = format!("what GitHub says of {what} could not be read");
        ListError::Trouble(unhelpful(answer, reason))
    })
}

#[cfg(test)]
mod tests;
