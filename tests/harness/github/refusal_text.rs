//! What each refusal looks like on the wire: GitHub's own status, message,
//! `documentation_url`, `errors[]` and extra headers.
//!
//! The texts are GitHub's, word for word where they have been seen in public:
//! a client that matches on them must meet the real ones here.

use serde_json::{Value, json};

use super::clock::rfc3339;
use super::refusal::{Refusal, Wording};
use super::reply::Reply;

const CREATE_COMMENT: &str = "https://docs.github.com/rest/issues/comments#create-an-issue-comment";
const RATE_LIMITS: &str =
    "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api";
const SECONDARY: &str = "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits";
const SAML: &str = "https://docs.github.com/articles/authenticating-to-a-github-organization-with-saml-single-sign-on/";

/// What an answer's text may quote.
pub(super) struct Setting<'a> {
    /// The stand-in's API root, without a slash at its end.
    pub(super) base_url: &'a str,
    /// The id in `x-github-request-id`.
    pub(super) request_id: &'a str,
    /// The stand-in's time, in seconds since 1970.
    pub(super) now: i64,
    /// The number of the account, 0 if the token is unknown.
    pub(super) user_id: u64,
}

/// Writes a refusal out.
pub(super) fn write(refusal: &Refusal, setting: &Setting<'_>) -> Reply {
    match refusal {
        Refusal::BadCredentials => problem(401, "Bad credentials", "https://docs.github.com/rest"),
        Refusal::RateLimited { .. } | Refusal::Secondary { .. } => limit(refusal, setting),
        Refusal::NotFound => problem(404, "Not Found", CREATE_COMMENT),
        Refusal::IssueDeleted => problem(410, "This issue was deleted", CREATE_COMMENT),
        Refusal::IssuesDisabled => problem(
            410,
            "Issues has been disabled in this repository.",
            "https://docs.github.com/v3/issues/",
        ),
        Refusal::ApiVersionRetired => problem(
            410,
            "This API version is no longer supported.",
            "https://docs.github.com/rest/about-the-rest-api/api-versions",
        ),
        Refusal::Redirect { status, location } => redirect(*status, location, setting),
        Refusal::Status { status, message } => {
            problem(*status, message, "https://docs.github.com/rest")
        }
        Refusal::BodyTooLong
        | Refusal::UserBlocked
        | Refusal::MissingField
        | Refusal::Spam
        | Refusal::TooQuickly => unprocessable(refusal),
        Refusal::ServerError
        | Refusal::BadGateway
        | Refusal::Unavailable
        | Refusal::GatewayTimeout
        | Refusal::ProxyForbidden
        | Refusal::ProxyAuthentication => gateway(refusal),
        _ => forbidden(refusal, setting),
    }
}

/// The JSON that all of GitHub's refusals share.
pub(super) fn problem(status: u16, message: &str, documentation_url: &str) -> Reply {
    Reply::json(
        status,
        &json!({
            "message": message,
            "documentation_url": documentation_url,
            "status": status.to_string(),
        }),
    )
}

/// 401 for a request without any token.
pub(super) fn requires_authentication() -> Reply {
    problem(
        401,
        "Requires authentication",
        "https://docs.github.com/rest",
    )
}

fn forbidden(refusal: &Refusal, setting: &Setting<'_>) -> Reply {
    match refusal {
        Refusal::Locked => problem(
            403,
            "Unable to create comment because issue is locked.",
            "https://docs.github.com/articles/locking-conversations/",
        ),
        Refusal::Archived => problem(
            403,
            "Repository was archived so is read-only.",
            CREATE_COMMENT,
        ),
        Refusal::IntegrationForbidden => problem(
            403,
            "Resource not accessible by integration",
            CREATE_COMMENT,
        )
        .with(
            "x-accepted-github-permissions",
            "issues=write; pull_requests=write",
        ),
        Refusal::PersonalTokenForbidden => problem(
            403,
            "Resource not accessible by personal access token",
            CREATE_COMMENT,
        )
        .with(
            "x-accepted-github-permissions",
            "issues=write; pull_requests=write",
        ),
        Refusal::Saml { organization } => problem(
            403,
            "Resource protected by organization SAML enforcement. You must grant your Personal \
             Access token access to this organization.",
            SAML,
        )
        .with(
            "x-github-sso",
            format!(
                "required; url=https://github.com/orgs/{organization}/sso?authorization_request=\
                 AZSTANDIN"
            ),
        ),
        Refusal::IpAllowList { organization } => problem(
            403,
            &format!(
                "Although you appear to have the correct authorization credentials, the \
                 `{organization}` organization has an IP allow list enabled, and your IP address \
                 is not permitted to access this resource."
            ),
            "https://docs.github.com/rest",
        ),
        Refusal::AccessBlocked => Reply::json(
            403,
            &json!({
                "message": "Repository access blocked",
                "block": {
                    "reason": "tos",
                    "created_at": rfc3339(setting.now),
                    "html_url": "https://github.com/tos",
                },
            }),
        ),
        _ => problem(403, "Forbidden", "https://docs.github.com/rest"),
    }
}

fn limit(refusal: &Refusal, setting: &Setting<'_>) -> Reply {
    match refusal {
        Refusal::RateLimited {
            reset_in_seconds,
            status,
        } => problem(
            *status,
            &format!(
                "API rate limit exceeded for user ID {}. If you reach out to GitHub Support for \
                 help, please include the request ID {} and timestamp {}.",
                setting.user_id,
                setting.request_id,
                rfc3339(setting.now)
            ),
            RATE_LIMITS,
        )
        .with("x-ratelimit-remaining", "0")
        .with("x-ratelimit-used", "5000")
        .with(
            "x-ratelimit-reset",
            setting.now.saturating_add(*reset_in_seconds).to_string(),
        ),
        Refusal::Secondary {
            retry_after_seconds,
            status,
            wording,
        } => {
            let reply = problem(*status, sentence(*wording), SECONDARY);
            match retry_after_seconds {
                Some(seconds) => reply.with("retry-after", seconds.to_string()),
                None => reply,
            }
        }
        _ => problem(403, "Forbidden", "https://docs.github.com/rest"),
    }
}

fn sentence(wording: Wording) -> &'static str {
    match wording {
        Wording::Secondary => {
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try \
             again."
        }
        Wording::ContentCreation => {
            "You have exceeded a secondary rate limit and have been temporarily blocked from \
             content creation. Please retry your request again later."
        }
        Wording::Abuse => {
            "You have triggered an abuse detection mechanism. Please wait a few minutes before \
             you try again."
        }
    }
}

fn unprocessable(refusal: &Refusal) -> Reply {
    let (code, field, message) = match refusal {
        Refusal::UserBlocked => ("unprocessable", "data", "User is blocked"),
        Refusal::Spam => ("unprocessable", "data", "Body looks like spam"),
        Refusal::TooQuickly => ("custom", "body", "was submitted too quickly"),
        Refusal::MissingField => {
            return problem(
                422,
                "Invalid request.\n\n\"body\" wasn't supplied.",
                CREATE_COMMENT,
            );
        }
        _ => (
            "unprocessable",
            "data",
            "Body is too long (maximum is 65536 characters)",
        ),
    };
    validation_failed(code, field, message)
}

/// 422 `Validation Failed` with one entry in `errors[]`.
pub(super) fn validation_failed(code: &str, field: &str, message: &str) -> Reply {
    let errors: Value =
        json!([{"resource": "IssueComment", "code": code, "field": field, "message": message}]);
    Reply::json(
        422,
        &json!({
            "message": "Validation Failed",
            "errors": errors,
            "documentation_url": CREATE_COMMENT,
            "status": "422",
        }),
    )
}

fn redirect(status: u16, location: &str, setting: &Setting<'_>) -> Reply {
    let location = if location.starts_with('/') {
        format!("{}{location}", setting.base_url)
    } else {
        location.to_owned()
    };
    let message = match status {
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        _ => "Moved Permanently",
    };
    Reply::json(
        status,
        &json!({
            "message": message,
            "url": location.as_str(),
            "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
        }),
    )
    .with("location", location)
}

fn gateway(refusal: &Refusal) -> Reply {
    match refusal {
        Refusal::ServerError => problem(500, "Server Error", "https://docs.github.com/rest"),
        Refusal::Unavailable => page(503, "503 Service Temporarily Unavailable"),
        Refusal::GatewayTimeout => page(504, "504 Gateway Time-out"),
        Refusal::ProxyForbidden => page(403, "403 Forbidden by policy").by_proxy(),
        Refusal::ProxyAuthentication => page(407, "407 Proxy Authentication Required")
            .with("proxy-authenticate", "Basic realm=\"proxy\"")
            .by_proxy(),
        _ => page(502, "502 Bad Gateway"),
    }
}

fn page(status: u16, title: &str) -> Reply {
    Reply::html(
        status,
        &format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1>\
             </center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        ),
    )
}
