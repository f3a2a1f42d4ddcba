//! What an answer of GitHub's means: the table of its refusals, in one place.
//!
//! Decides whose trouble an answer is: the job's, the account's, or unknown. Called by `api` with
//! the answer to a POST, to `GET /user`, or to a page of a listing. Pure; must not know of jobs,
//! attempts or how long our own backoff is.
//!
//! When in doubt it errs to the side that posts nothing twice and loses no job: a status that is
//! not known is an unknown outcome, and an answer that nothing proves to be GitHub's is never held
//! against a job.

use super::answer::Answer;
use super::listing::{self, Page};
use super::message::Message;
use super::{Identity, ListError, Outcome, Trouble, TroubleKind};

/// A limit of any kind, by its words. A 403 says no more of itself than these.
const LIMITED: &[&str] = &[
    "rate limit",
    "abuse detection mechanism",
    "temporarily blocked from content creation",
    "login attempts exceeded",
];
/// What bars the account, or its token, from an organisation or from everything, until somebody
/// does something about it. Not the job's fault, and waiting alone does not help.
const BLOCKED: &[&str] = &[
    "saml enforcement",
    "ip allow list",
    "repository access blocked",
    "although you appear to have the correct authorization credentials",
    "forbids access via",
    "account was suspended",
    "account is suspended",
    "email address must be verified",
];
const LOCKED: &[&str] = &[
    "issue is locked",
    "pull request is locked",
    "conversation is locked",
    "conversation has been locked",
];
const ARCHIVED: &[&str] = &["was archived", "is archived"];
const NO_PERMISSION: &[&str] = &["resource not accessible by", "must have admin rights"];
const NOT_WELCOME: &[&str] = &["user is blocked", "interactions on this repository"];
/// Said with 400 today, and with 410 by the documentation of the past.
const RETIRED_VERSION: &[&str] = &["x-github-api-version", "api version"];
const TOO_QUICK: &[&str] = &["submitted too quickly"];
/// Seen in one or two of a hundred valid requests; it does not say which node is missing, and
/// that can be the new comment on a replica that lags: look.
/// <https://github.com/trstringer/manual-approval/issues/208>
const LOST_NODE: &[&str] = &["could not resolve to a node"];

/// What an answer other than the hoped-for one means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refusal {
    /// This request will never be granted.
    Job(String),
    /// Nothing happened, and not because of this request.
    Account(Trouble),
    /// Says nothing of what happened.
    Unknown(String),
}

/// The answer to a POST of a comment.
pub(super) fn of_post(answer: &Answer) -> Outcome {
    if answer.status == 201 {
        // The status line alone says it: a body that cannot be read is looked up, never re-sent.
        let created = answer.whole_body().and_then(listing::created);
        let (comment_id, url) = created.unwrap_or_default();
        return Outcome::Posted { comment_id, url };
    }
    match refusal(answer) {
        Refusal::Job(reason) => Outcome::Refused { reason },
        Refusal::Account(trouble) => Outcome::Account(trouble),
        Refusal::Unknown(reason) => Outcome::Unknown { reason },
    }
}

/// The answer to `GET /user`.
pub(super) fn of_user(answer: &Answer) -> Result<Identity, Trouble> {
    if answer.status != 200 {
        return Err(match refusal(answer) {
            Refusal::Account(trouble) => trouble,
            Refusal::Job(_) => nobodys(answer),
            // Nobody's denial: it says nothing of any job.
            Refusal::Unknown(reason) => Trouble {
                kind: TroubleKind::Offline,
                ..unhelpful(answer, reason)
            },
        });
    }
    prove(answer)?;
    answer
        .whole_body()
        .and_then(listing::identity)
        .ok_or_else(|| foreign("names no user"))
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
        "GitHub does not tell whose token this is (status {}); it must be a user's, and \
         github_api_url the address of its API",
        answer.status
    );
    let reason = match answer.message() {
        Some(message) => message.after(&ours),
        None => ours,
    };
    trouble(TroubleKind::Blocked, reason)
}

/// The answer to one page of a listing.
pub(super) fn of_page(answer: &Answer) -> Result<Page, ListError> {
    if answer.status == 200 {
        prove(answer).map_err(ListError::Trouble)?;
        return listing::page(answer)
            .map_err(|reason| ListError::Trouble(unhelpful(answer, reason)));
    }
    Err(match refusal(answer) {
        Refusal::Account(trouble) => ListError::Trouble(trouble),
        // A redirect is a place that is gone too, as long as none is followed.
        Refusal::Job(reason) if matches!(answer.status, 300..=399 | 404 | 410) => {
            ListError::Gone { reason }
        }
        Refusal::Job(reason) | Refusal::Unknown(reason) => {
            ListError::Trouble(unhelpful(answer, reason))
        }
    })
}

fn trouble(kind: TroubleKind, reason: String) -> Trouble {
    Trouble {
        kind,
        reason,
        wait: None,
    }
}

/// A question that GitHub does not answer just now; where it said how long, that long.
fn unhelpful(answer: &Answer, reason: String) -> Trouble {
    Trouble {
        kind: TroubleKind::Denied,
        reason,
        wait: answer.wait(),
    }
}

fn refusal(answer: &Answer) -> Refusal {
    match answer.status {
        301 | 302 | 307 | 308 => moved(answer),
        // The server gave up reading, or somebody in between gave up waiting for it.
        408 | 499 => unknown(answer),
        400..=499 => client_error(answer),
        _ => unknown(answer),
    }
}

fn unknown(answer: &Answer) -> Refusal {
    let ours = format!("an answer with status {}", answer.status);
    Refusal::Unknown(match answer.message() {
        Some(message) => message.after(&ours),
        None => ours,
    })
}

fn moved(answer: &Answer) -> Refusal {
    // A captive portal redirects too.
    if answer.headers.request_id.is_none() {
        return in_between(answer);
    }
    let to = answer.headers.location.as_deref().unwrap_or("elsewhere");
    let ours = format!(
        "the repository or issue has moved (status {}, to {to}); post to its new place",
        answer.status
    );
    Refusal::Job(ours)
}

/// A proxy, a firewall, a portal: nothing reached GitHub, or at least nothing was created.
fn in_between(answer: &Answer) -> Refusal {
    let detail = match &answer.body {
        super::answer::Body::Unreadable(reason) => format!(" ({reason})"),
        super::answer::Body::Whole(_) => String::new(),
    };
    Refusal::Account(Trouble {
        kind: TroubleKind::Offline,
        reason: format!(
            "an answer with status {}{detail} that is not from GitHub's API but from something in \
             between; check github_api_url and any proxy",
            answer.status
        ),
        wait: answer.wait(),
    })
}

fn client_error(answer: &Answer) -> Refusal {
    let message = answer.message();
    // A limit holds whoever imposes it, and GitHub's outer edge answers in HTML.
    if answer.status == 429 {
        return limited(answer, message.as_ref());
    }
    let Some(message) = message else {
        return in_between(answer);
    };
    match answer.status {
        400 | 410 if message.says(RETIRED_VERSION) => blocked(
            &message,
            "GitHub no longer serves this version of its API; install a newer comenqd",
        ),
        401 => blocked(
            &message,
            "GitHub does not accept the token; put a valid one in its place and restart comenqd",
        ),
        403 => forbidden(answer, &message),
        404 => job(
            &message,
            "there is no such issue or pull request, or this account may not see it",
        ),
        410 => job(&message, "the issue was deleted, or issues are disabled"),
        422 if message.says(TOO_QUICK) => limited(answer, Some(&message)),
        422 if message.says(LOST_NODE) => unknown(answer),
        422 => job(&message, "GitHub rejects it"),
        _ => unknown(answer),
    }
}

/// 403 means a dozen things; only the words tell them apart.
fn forbidden(answer: &Answer, message: &Message) -> Refusal {
    if answer.headers.retry_after.is_some() || message.says(LIMITED) {
        return limited(answer, Some(message));
    }
    if message.says(LOCKED) {
        return job(message, "the issue is locked");
    }
    if message.says(ARCHIVED) {
        return job(message, "the repository is archived");
    }
    if message.says(NOT_WELCOME) {
        return job(message, "this account may not comment there");
    }
    if message.says(NO_PERMISSION) {
        return job(message, &permission(answer));
    }
    if let Some(sso) = &answer.headers.sso {
        // `required; url=https://…`
        let at = sso.split_once("url=").map_or(sso.as_str(), |(_, url)| url);
        let ours = format!("the organisation wants the token authorised for single sign-on: {at}");
        return blocked(message, &ours);
    }
    if message.says(BLOCKED) {
        return blocked(message, "the account or its token is barred");
    }
    // The last granted request of the hour says 0 too: only where no other words explain it.
    if answer.is_used_up() {
        return limited(answer, Some(message));
    }
    let reason = message.after("GitHub forbids it");
    Refusal::Account(unhelpful(answer, reason))
}

fn permission(answer: &Answer) -> String {
    match &answer.headers.accepted_permissions {
        Some(wanted) => format!("the token lacks a permission (it needs {wanted})"),
        None => "the token lacks a permission".to_owned(),
    }
}

fn job(message: &Message, ours: &str) -> Refusal {
    Refusal::Job(message.after(ours))
}

fn blocked(message: &Message, ours: &str) -> Refusal {
    Refusal::Account(trouble(TroubleKind::Blocked, message.after(ours)))
}

fn limited(answer: &Answer, message: Option<&Message>) -> Refusal {
    let ours = "GitHub limits this account";
    Refusal::Account(Trouble {
        kind: TroubleKind::Limited,
        reason: message.map_or_else(|| ours.to_owned(), |message| message.after(ours)),
        wait: answer.wait(),
    })
}

#[cfg(test)]
mod tests;
