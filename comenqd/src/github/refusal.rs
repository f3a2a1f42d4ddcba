//! What GitHub's refusals mean: the table of them, in one place.
//!
//! Decides whose trouble an answer is: the job's, the owner's, the account's, or unknown. Called
//! by `outcome` with whatever was not the hoped-for answer. Pure; must not know what was asked.
//!
//! When in doubt it errs to the side that posts nothing twice and loses no job: a status that is
//! not known is an unknown outcome, and an answer that nothing proves to be GitHub's is never held
//! against a job.

use super::answer::{Answer, Body};
use super::message::{Message, plain};
use super::{Moved, OwnerTrouble, RefusalKind, Trouble, TroubleKind, listing, moved};
use crate::api_url::ApiUrl;

/// How much of a redirect's address is repeated.
const MAX_LOCATION: usize = 300;

/// A limit of any kind, by its words. A 403 says no more of itself than these.
const LIMITED: &[&str] = &[
    "rate limit",
    "abuse detection mechanism",
    "temporarily blocked from content creation",
    "login attempts exceeded",
];
/// What bars the account from everything, until somebody does something about it. Not the job's
/// fault, and waiting alone does not help.
const BLOCKED: &[&str] = &[
    "account was suspended",
    "account is suspended",
    "installation has been suspended",
    "email address must be verified",
];
/// What bars the account, or the kind of its token, from one owner: single sign-on, lists of
/// addresses, rules on tokens and on OAuth apps, and repositories that GitHub itself closed.
const OWNER_BARS: &[&str] = &[
    "saml enforcement",
    "ip allow list",
    "repository access blocked",
    "although you appear to have the correct authorization credentials",
    "forbids access via",
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
pub(super) enum Refusal {
    /// This request will never be granted.
    Job { kind: RefusalKind, reason: String },
    /// It would be granted elsewhere in the same API.
    Moved(Moved),
    /// Nothing happened, and not because of this request.
    Account(Trouble),
    /// Nothing happened, and nothing will for this owner.
    Owner(OwnerTrouble),
    /// Something in between answered: whether GitHub got the request, it does not say.
    Foreign(Trouble),
    /// Says nothing of what happened.
    Unknown(String),
}

/// What an answer other than the hoped-for one means. `api` is the account's own.
pub(super) fn refusal(answer: &Answer, api: &ApiUrl) -> Refusal {
    match answer.status {
        301 | 302 | 307 | 308 => moved(answer, api),
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

fn moved(answer: &Answer, api: &ApiUrl) -> Refusal {
    // A captive portal redirects too.
    if answer.headers.request_id.is_none() {
        return in_between(answer);
    }
    let status = answer.status;
    let location = answer.headers.location.as_deref();
    let shown = location.map_or_else(|| "elsewhere".to_owned(), |to| plain(to, MAX_LOCATION));
    match location.and_then(|location| moved::within(api, location)) {
        Some(location) => Refusal::Moved(Moved {
            reason: format!("the repository or issue has moved (status {status}, to {shown})"),
            location,
        }),
        None => Refusal::Job {
            kind: RefusalKind::Moved,
            reason: format!(
                "the repository or issue has moved (status {status}, to {shown}) to a place that \
                 is not {api}; post to its new place",
                api = api.as_str()
            ),
        },
    }
}

/// A proxy, a firewall, a portal. It may have kept the request from GitHub, or only the answer
/// from us.
fn in_between(answer: &Answer) -> Refusal {
    let detail = match &answer.body {
        Body::Unreadable(reason) => format!(" ({reason})"),
        Body::Whole(_) => String::new(),
    };
    Refusal::Foreign(Trouble {
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
            "GitHub does not accept the token; put a valid one in its place",
        ),
        403 => forbidden(answer, &message),
        404 => job(
            RefusalKind::NotFound,
            &message,
            "there is no such issue or pull request, or this account may not see it",
        ),
        410 => job(
            RefusalKind::Gone,
            &message,
            "the issue was deleted, or issues are disabled",
        ),
        422 if message.says(TOO_QUICK) => limited(answer, Some(&message)),
        422 if message.says(LOST_NODE) => unknown(answer),
        422 if message.says(NOT_WELCOME) => not_welcome(&message),
        422 => job(RefusalKind::Rejected, &message, "GitHub rejects it"),
        _ => unknown(answer),
    }
}

/// 403 means a dozen things; only the words tell them apart.
fn forbidden(answer: &Answer, message: &Message) -> Refusal {
    if answer.headers.retry_after.is_some() || message.says(LIMITED) {
        return limited(answer, Some(message));
    }
    if message.says(LOCKED) {
        return job(RefusalKind::Locked, message, "the issue is locked");
    }
    if message.says(ARCHIVED) {
        return job(RefusalKind::Archived, message, "the repository is archived");
    }
    if message.says(NOT_WELCOME) {
        return not_welcome(message);
    }
    if message.says(NO_PERMISSION) {
        return job(RefusalKind::NoPermission, message, &permission(answer));
    }
    if answer.headers.sso.is_some() || message.says(OWNER_BARS) {
        return barred(answer, message);
    }
    if message.says(BLOCKED) {
        return blocked(message, "the account is barred");
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

/// Bars one owner: only its jobs have to wait.
fn barred(answer: &Answer, message: &Message) -> Refusal {
    // `required; url=https://…`
    let sso = answer.headers.sso.as_deref();
    let sso = sso.and_then(|sso| listing::web_url(sso.split_once("url=")?.1.trim().to_owned()));
    let (ours, url) = match sso {
        Some(url) => (
            format!("the organisation wants the token authorised for single sign-on: {url}"),
            Some(url),
        ),
        None => (
            "the owner, or GitHub for it, bars this account or token".to_owned(),
            message.block_url().and_then(listing::web_url),
        ),
    };
    Refusal::Owner(OwnerTrouble {
        reason: message.after(&ours),
        url,
        wait: answer.wait(),
    })
}

fn not_welcome(message: &Message) -> Refusal {
    let ours = "this account may not comment there";
    job(RefusalKind::NotWelcome, message, ours)
}

fn job(kind: RefusalKind, message: &Message, ours: &str) -> Refusal {
    Refusal::Job {
        kind,
        reason: message.after(ours),
    }
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

pub(super) fn trouble(kind: TroubleKind, reason: String) -> Trouble {
    Trouble {
        kind,
        reason,
        wait: None,
    }
}

/// A question that GitHub does not answer just now; where it said how long, that long.
pub(super) fn unhelpful(answer: &Answer, reason: String) -> Trouble {
    Trouble {
        kind: TroubleKind::Denied,
        reason,
        wait: answer.wait(),
    }
}
