//! GitHub as the worker sees it: three questions and what their answers mean.
//!
//! Decides nothing about jobs. Called by the worker only. octocrab stays inside this module.
//!
//! One question passes through: `api` (routes and pages) → `http` (one request, over `client`, by
//! `settings`) → `answer` (its headers) → `outcome` (what it means, with `message` for GitHub's
//! words and `listing` for its JSON). `look` then compares a listing with what was sent.

mod answer;
mod api;
mod client;
mod http;
mod listing;
pub mod look;
mod message;
mod outcome;
mod settings;

use std::future::Future;
use std::time::Duration;

use comenq_proto::Target;

use crate::clock::UnixMs;

pub use answer::MAX_WAIT;
pub use api::MAX_PAGES;
pub use http::Http;
pub use settings::{Settings, SettingsError};

/// Who a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The numeric id: what the pace and the matching of comments rest on; a login can change.
    pub user_id: u64,
    /// The login, for people.
    pub login: String,
}

/// What one POST came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The comment exists. Id and URL are absent where the answer's body could not be read.
    Posted {
        /// GitHub's id of the comment.
        comment_id: Option<u64>,
        /// Its address on the web.
        url: Option<String>,
    },
    /// The request surely never left: refused, DNS, TLS.
    NotSent(Trouble),
    /// The comment may or may not exist: look before posting again.
    Unknown {
        /// What happened, for people.
        reason: String,
    },
    /// GitHub refuses this job for good.
    Refused {
        /// Why, with GitHub's own message quoted.
        reason: String,
    },
    /// Nothing was posted and it is the account's trouble: the lane waits, the job keeps its turn.
    Account(Trouble),
}

/// Why an account cannot work just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What kind of trouble.
    pub kind: TroubleKind,
    /// What happened, for people.
    pub reason: String,
    /// How long GitHub said to wait (capped); `None`: back off.
    pub wait: Option<Duration>,
}

/// Kinds of trouble of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// A primary or secondary rate limit.
    Limited,
    /// The token is not accepted, an organisation bars it (SAML, IP allow list), or the API
    /// version is retired: somebody must act.
    Blocked,
    /// No way to GitHub: refused, DNS, TLS, or a proxy in between answered.
    Offline,
    /// GitHub forbids for a reason we do not know (other 403), or answers a question with 5xx.
    Denied,
}

/// A comment as a listing shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Comment {
    /// GitHub's id.
    pub id: u64,
    /// Address on the web.
    pub url: String,
    /// Numeric id of who wrote it.
    pub user_id: u64,
    /// GitHub's time of creation.
    pub created_at: UnixMs,
    /// The text.
    pub body: String,
}

impl std::fmt::Debug for Comment {
    /// Without the text: it may be a user's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Comment")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Why a listing is not complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListError {
    /// 404 or 410: the issue is gone, or out of the account's sight; or it has more comments than
    /// can be looked through.
    Gone {
        /// GitHub's words.
        reason: String,
    },
    /// Try again after a wait.
    Trouble(Trouble),
}

/// A value and the id under which GitHub's support finds the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<T> {
    /// What was learned.
    pub value: T,
    /// `x-github-request-id`, where one came.
    pub request_id: Option<String>,
}

/// The API as the worker needs it. Each call sends exactly one request a page, retries nothing,
/// follows no redirect, and each request ends within the configured timeout. None is cancel-safe: a dropped
/// future leaves the outcome unknown.
pub trait GitHub: Send + Sync + 'static {
    /// `GET /user`: who the token speaks for. Also teaches the clock GitHub's time.
    fn who_am_i(&self) -> impl Future<Output = Answered<Result<Identity, Trouble>>> + Send;

    /// One `POST /repos/{owner}/{repo}/issues/{number}/comments`.
    fn post_comment(
        &self,
        target: &Target,
        body: &str,
    ) -> impl Future<Output = Answered<Outcome>> + Send;

    /// Every comment of the target updated since `since`, all pages, or no answer at all.
    fn comments_since(
        &self,
        target: &Target,
        since: UnixMs,
    ) -> impl Future<Output = Answered<Result<Vec<Comment>, ListError>>> + Send;
}
