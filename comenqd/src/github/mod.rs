//! GitHub as the worker sees it: a few questions and what their answers mean.
//!
//! Decides nothing about jobs. Called by the worker only. octocrab stays inside this module.
//!
//! One question passes through: `api` (routes and pages) → `http` (one request, over `client`, by
//! `settings`, in the name that `authority` has from a `credential`) → `answer` (its headers) → `outcome` (what it means
//! for the question, with `refusal` for what is not granted, `message` for GitHub's words, `listing`
//! for its JSON and `moved` for redirects), `judge` all of that for an answer from anywhere. `app` is
//! how a GitHub App comes to a token. `look` compares a listing with what was sent.

mod answer;
mod api;
mod app;
mod authority;
mod client;
mod credential;
mod http;
mod judge;
mod listing;
pub mod look;
mod marker;
mod message;
mod moved;
mod notice;
mod outcome;
mod refusal;
mod settings;

use std::future::Future;
use std::time::Duration;

use comenq_proto::{IssueNumber, Target};

use crate::clock::UnixMs;

pub use answer::MAX_WAIT;
pub use api::MAX_PAGES;
pub use credential::{AppKey, AppKeyError, Credential};
pub use http::Http;
pub use judge::{Judgement, judge};
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
        /// Why, as a word.
        kind: RefusalKind,
        /// Why, with GitHub's own message quoted.
        reason: String,
    },
    /// Nothing was posted: the issue lives elsewhere in the same API.
    Moved(Moved),
    /// Nothing was posted and it is the account's trouble: the lane waits, the job keeps its turn.
    Account(Trouble),
    /// Nothing was posted, and nothing will be for this owner: its jobs wait, others go on.
    Owner(OwnerTrouble),
    /// Something in between answered in GitHub's place: the comment may or may not exist, and the
    /// account gets no further until that is mended.
    Foreign(Trouble),
}

/// Why GitHub refuses a job for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// There is no such issue, or the account may not see it.
    NotFound,
    /// The issue was deleted, or issues are disabled.
    Gone,
    /// The conversation is locked.
    Locked,
    /// The repository is archived.
    Archived,
    /// The token lacks a permission.
    NoPermission,
    /// The account is blocked there, or the repository limits who may comment.
    NotWelcome,
    /// GitHub does not take this text.
    Rejected,
    /// It moved to a place that this account's API does not serve.
    Moved,
}

impl RefusalKind {
    /// The failure code that clients see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Gone => "gone",
            Self::Locked => "locked",
            Self::Archived => "archived",
            Self::NoPermission => "no_permission",
            Self::NotWelcome => "not_welcome",
            Self::Rejected => "rejected",
            Self::Moved => "moved",
        }
    }
}

/// A redirect of GitHub's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The new address, whole; scheme, host and port are those of the API.
    pub location: String,
    /// What happened, for people.
    pub reason: String,
}

/// Why an account can do nothing for one owner: single sign-on, an IP allow list, a rule on
/// tokens, or a repository that GitHub blocked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerTrouble {
    /// What happened, for people.
    pub reason: String,
    /// Where somebody can do something about it.
    pub url: Option<String>,
    /// How long GitHub said to wait (capped); `None`: back off.
    pub wait: Option<Duration>,
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

impl Trouble {
    /// It may be this one issue that is answered so; else it is surely the account's.
    #[must_use]
    pub fn is_of_one_issue(&self) -> bool {
        matches!(self.kind, TroubleKind::Offline | TroubleKind::Denied) && self.wait.is_none()
    }
}

/// Kinds of trouble of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// A primary or secondary rate limit.
    Limited,
    /// The token is not accepted, the account is suspended, or the API version is retired:
    /// somebody must act.
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
    /// The issue lives elsewhere in the same API.
    Moved(Moved),
    /// The account can read nothing of this owner.
    Owner(OwnerTrouble),
    /// Try again after a wait.
    Trouble(Trouble),
}

/// What a header of GitHub's warns of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// The token has an end.
    TokenExpires,
    /// What we use of the API has one.
    Sunset,
    /// What we use of the API is not the way any more.
    Deprecation,
}

/// A warning that came beside an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it warns of.
    pub kind: NoticeKind,
    /// When that is, where it is a token's end and GitHub wrote it as it does.
    pub at: Option<UnixMs>,
    /// In words for people, with GitHub's own quoted.
    pub text: String,
}

/// A value and what came with it. Where a question took several requests, of the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<T> {
    /// What was learned.
    pub value: T,
    /// The HTTP status; `None` where no answer came, or nothing was asked.
    pub status: Option<u16>,
    /// `x-github-request-id`, where one came: under it GitHub's support finds the request.
    pub request_id: Option<String>,
    /// What GitHub warns of.
    pub notices: Vec<Notice>,
}

/// The API as the worker needs it. Each call sends exactly one request a page, retries nothing,
/// follows no redirect, and each request ends within the configured timeout. None is cancel-safe: a dropped
/// future leaves the outcome unknown.
pub trait GitHub: Send + Sync + 'static {
    /// Who the credential speaks for. Also teaches the clock GitHub's time. Sees to it that a
    /// GitHub App's token lasts for what follows. May be dropped and asked again.
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

    /// `GET /repos/{owner}/{repo}/issues/{number}`: whether it is open. A locked one is found out
    /// by the POST.
    fn is_open(
        &self,
        target: &Target,
    ) -> impl Future<Output = Answered<Result<bool, ListError>>> + Send;

    /// Where a redirect leads. The issue keeps `number` unless the location names another.
    fn resolve(
        &self,
        moved: &Moved,
        number: IssueNumber,
    ) -> impl Future<Output = Answered<Result<Target, ListError>>> + Send;
}
