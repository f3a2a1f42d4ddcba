//! Every way GitHub, or a proxy in front of it, says no: the rows of the
//! project's table of answers, as data.
//!
//! Chosen by tests, either for good (a condition) or once (a fault). What each
//! looks like on the wire is `refusal_text`.

use serde::{Deserialize, Serialize};

use super::target::Kind;

/// The three wordings GitHub has used for its unannounced limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wording {
    /// "You have exceeded a secondary rate limit…"
    #[default]
    Secondary,
    /// "…temporarily blocked from content creation…"
    ContentCreation,
    /// "You have triggered an abuse detection mechanism…"
    Abuse,
}

fn forbidden() -> u16 {
    403
}

/// One refusal; its status, body and headers are GitHub's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// 401 `Bad credentials`.
    BadCredentials,
    /// 403 or 429 `API rate limit exceeded…`, remaining 0.
    RateLimited {
        /// When the limit ends, in seconds from the answer, on the stand-in's clock.
        reset_in_seconds: i64,
        /// 403 or 429.
        #[serde(default = "forbidden")]
        status: u16,
    },
    /// 403 or 429: the unannounced limits.
    Secondary {
        /// The `retry-after` header, if there is one.
        #[serde(default)]
        retry_after_seconds: Option<u64>,
        /// 403 or 429.
        #[serde(default = "forbidden")]
        status: u16,
        /// Which of GitHub's sentences.
        #[serde(default)]
        wording: Wording,
    },
    /// 403 `Unable to create comment because issue is locked.`
    Locked,
    /// 403 `Repository was archived so is read-only.`
    Archived,
    /// 403 `Resource not accessible by integration`.
    IntegrationForbidden,
    /// 403 `Resource not accessible by personal access token`.
    PersonalTokenForbidden,
    /// 403: the organisation wants the token authorised for single sign-on.
    Saml {
        /// The organisation named in the header's URL.
        organization: String,
    },
    /// 403: the organisation admits only listed addresses.
    IpAllowList {
        /// The organisation named in the message.
        organization: String,
    },
    /// 403 `Repository access blocked`.
    AccessBlocked,
    /// 403 with a message no table lists.
    OtherForbidden,
    /// 404 `Not Found`: absent, or no access.
    NotFound,
    /// 410 `This issue was deleted`.
    IssueDeleted,
    /// 410 `Issues has been disabled in this repository.`
    IssuesDisabled,
    /// 410: the requested API version is retired.
    ApiVersionRetired,
    /// 422 `Body is too long…`.
    BodyTooLong,
    /// 422 `User is blocked`.
    UserBlocked,
    /// 422: `body` wasn't supplied.
    MissingField,
    /// 422: looks like spam.
    Spam,
    /// 422 `was submitted too quickly`.
    TooQuickly,
    /// 301, 302, 307 or 308 with a `location`.
    Redirect {
        /// Which of the four.
        status: u16,
        /// The header's text; a leading `/` is completed with the stand-in's own URL.
        location: String,
    },
    /// 500 with GitHub's JSON.
    ServerError,
    /// 502 with the HTML page of the load balancer.
    BadGateway,
    /// 503 with the HTML page of the load balancer.
    Unavailable,
    /// 504 with the HTML page of the load balancer.
    GatewayTimeout,
    /// 403 HTML from a proxy: no `x-github-request-id`.
    ProxyForbidden,
    /// 407 HTML from a proxy: no `x-github-request-id`.
    ProxyAuthentication,
    /// Any other status, as JSON with GitHub's headers.
    Status {
        /// The status.
        status: u16,
        /// The `message`.
        message: String,
    },
}

impl Refusal {
    /// A secondary limit in today's wording.
    #[must_use]
    pub fn secondary(retry_after_seconds: Option<u64>) -> Self {
        Self::Secondary {
            retry_after_seconds,
            status: 403,
            wording: Wording::Secondary,
        }
    }

    /// Whether, set as a lasting condition, it also meets a request of this kind.
    /// A locked issue, for one, can still be read.
    #[must_use]
    pub fn meets(&self, kind: Kind) -> bool {
        match self {
            Self::Locked
            | Self::Archived
            | Self::IntegrationForbidden
            | Self::PersonalTokenForbidden
            | Self::BodyTooLong
            | Self::UserBlocked
            | Self::MissingField
            | Self::Spam
            | Self::TooQuickly => kind == Kind::Post,
            _ => true,
        }
    }
}
