//! Redirects of GitHub's own: whether one may be followed, and what its address names.
//!
//! Decides that a request never leaves scheme, host and port of the account's API. Called by
//! `outcome` (may it be followed) and `api` (to where). Must not know what is posted.

use comenq_proto::{IssueNumber, Target};
use url::Url;

use crate::api_url::ApiUrl;

/// What the address of a redirect names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An issue by its repository's name.
    Named(Target),
    /// A repository by its number, which stays when its name changes.
    Numbered {
        repository: u64,
        /// Where the address names one.
        issue: Option<IssueNumber>,
    },
}

/// The whole address that `location` means, where it stays in the API.
pub(super) fn within(api: &ApiUrl, location: &str) -> Option<String> {
    let base = Url::parse(api.as_str()).ok()?;
    let to = base.join(location.trim()).ok()?;
    let is_plain = to.username().is_empty() && to.password().is_none();
    // `http` and `https` have tuple origins: scheme, host and port.
    (is_plain && to.origin() == base.origin()).then(|| to.into())
}

/// What an address that [`within`] let pass names; `None` where it is nothing we know. An issue
/// that the address does not name is `number`.
pub(super) fn place(api: &ApiUrl, location: &str, number: IssueNumber) -> Option<Place> {
    let location = within(api, location)?;
    let to = Url::parse(&location).ok()?;
    let base = Url::parse(api.as_str()).ok()?;
    let path = to.path().strip_prefix(base.path().trim_end_matches('/'))?;
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match parts.as_slice() {
        ["repositories", id, rest @ ..] => Some(Place::Numbered {
            repository: id.parse().ok()?,
            issue: issue(rest).ok()?,
        }),
        ["repos", owner, repo, rest @ ..] => {
            let number = issue(rest).ok()?.unwrap_or(number);
            let target = Target::parse(owner, repo, number.get()).ok()?;
            Some(Place::Named(target))
        }
        _ => None,
    }
}

/// The path is one of something else in a repository.
struct NoIssue;

/// The issue that the rest of a path names, if any.
fn issue(rest: &[&str]) -> Result<Option<IssueNumber>, NoIssue> {
    match rest {
        [] | [""] => Ok(None),
        ["issues" | "pulls", number, ..] => number.parse().map(Some).map_err(|_| NoIssue),
        _ => Err(NoIssue),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(url: &str) -> ApiUrl {
        ApiUrl::parse(url).unwrap()
    }

    fn seven() -> IssueNumber {
        IssueNumber::new(7).unwrap()
    }

    #[test]
    fn a_redirect_stays_with_scheme_host_and_port() {
        let github = api("https://api.github.com");
        let whole = "https://api.github.com/repositories/9/issues/1/comments";
        for location in [
            whole,
            "https://API.github.com:443/repositories/9/issues/1/comments",
            "/repositories/9/issues/1/comments",
            " https://api.github.com/x/../repositories/9/issues/1/comments",
        ] {
            assert_eq!(
                within(&github, location).as_deref(),
                Some(whole),
                "{location}"
            );
        }
        for location in [
            "http://api.github.com/repositories/9/issues/1/comments",
            "https://api.github.com:444/repositories/9/issues/1/comments",
            "https://api.github.com.evil.example/repositories/9/issues/1/comments",
            "https://api.github.com@evil.example/repositories/9/issues/1/comments",
            "https://user:pw@api.github.com/repositories/9/issues/1/comments",
            "//evil.example/repositories/9/issues/1/comments",
            "https://github.com/o/r/issues/1",
            "javascript:1",
            "https://",
        ] {
            assert_eq!(within(&github, location), None, "{location}");
        }
    }

    #[test]
    fn an_address_names_a_repository_and_perhaps_an_issue() {
        let numbered = |issue: Option<u64>| {
            let issue = issue.map(|issue| IssueNumber::new(issue).unwrap());
            Some(Place::Numbered {
                repository: 9,
                issue,
            })
        };
        let named = |n| Some(Place::Named(Target::parse("Octo", "new.name", n).unwrap()));
        for (base, path, want) in [
            (
                "https://api.github.com",
                "/repositories/9/issues/5/comments",
                numbered(Some(5)),
            ),
            (
                "https://api.github.com",
                "/repositories/9/issues/5",
                numbered(Some(5)),
            ),
            ("https://api.github.com", "/repositories/9", numbered(None)),
            (
                "https://api.github.com",
                "/repos/Octo/new.name/issues/5/comments",
                named(5),
            ),
            ("https://api.github.com", "/repos/Octo/new.name", named(7)),
            (
                "https://ghe.example/api/v3",
                "/api/v3/repositories/9/issues/5",
                numbered(Some(5)),
            ),
            // Outside the API of an enterprise server.
            (
                "https://ghe.example/api/v3",
                "/repositories/9/issues/5",
                None,
            ),
            ("https://api.github.com", "/repositories/x/issues/5", None),
            ("https://api.github.com", "/repositories/9/issues/0", None),
            ("https://api.github.com", "/repositories/9/releases/1", None),
            ("https://api.github.com", "/repos/Octo", None),
            ("https://api.github.com", "/repos/Oc%20to/x/issues/1", None),
            ("https://api.github.com", "/user", None),
        ] {
            assert_eq!(place(&api(base), path, seven()), want, "{base} {path}");
        }
    }
}
