//! How the stand-in names an issue or pull request, and how a request's path
//! is read.
//!
//! GitHub ignores the case of owner and repository, so keys here are lower
//! case. Written apart from `comenq-proto`: a fault in the daemon's own parsing
//! must not hide behind the same fault here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `owner/repo`, compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug {
    owner: String,
    repo: String,
}

impl Slug {
    /// The slug of `owner/repo`, whatever its case.
    #[must_use]
    pub fn new(owner: &str, repo: &str) -> Self {
        Self {
            owner: owner.to_ascii_lowercase(),
            repo: repo.to_ascii_lowercase(),
        }
    }

    /// The owner in lower case.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.repo)
    }
}

impl FromStr for Slug {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some((owner, repo)) if !owner.is_empty() && !repo.is_empty() && !repo.contains('/') => {
                Ok(Self::new(owner, repo))
            }
            _ => Err(format!("`{text}` is not owner/repo")),
        }
    }
}

impl TryFrom<String> for Slug {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.to_string()
    }
}

/// `owner/repo#number`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Target {
    /// The repository.
    pub slug: Slug,
    /// The number of the issue or pull request.
    pub number: u64,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.slug, self.number)
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (slug, number) = text
            .split_once('#')
            .ok_or_else(|| format!("`{text}` is not owner/repo#number"))?;
        let number = number
            .parse()
            .map_err(|_| format!("`{number}` is not an issue number"))?;
        Ok(Self {
            slug: slug.parse()?,
            number,
        })
    }
}

impl TryFrom<String> for Target {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

/// What a request asks for: the part of a route that scripts and conditions
/// choose by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `POST …/comments`: creates one.
    Post,
    /// `GET …/comments`: lists them.
    Listing,
    /// `GET /user`: who the token belongs to.
    User,
    /// `GET /repos/{owner}/{repo}`.
    Repo,
    /// `GET /repos/{owner}/{repo}/issues/{number}`.
    Issue,
    /// `GET /users/{login}`: a user by name.
    Account,
    /// `GET /app`: who a JSON Web Token belongs to.
    App,
    /// `POST /app/installations/{id}/access_tokens`.
    AppToken,
    /// Anything else.
    Other,
}

/// Which repository a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RepoRef {
    /// `/repos/{owner}/{repo}`.
    Slug(Slug),
    /// `/repositories/{id}`: the form of GitHub's own `Link` and `location` headers.
    Id(u64),
}

/// A path, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// What is asked for.
    pub(super) kind: Kind,
    /// The repository, where the path names one.
    pub(super) repo: Option<RepoRef>,
    /// The number of the issue, or of the installation, where the path names one.
    pub(super) number: Option<u64>,
    /// The user's name, where the path names one.
    pub(super) login: Option<String>,
}

impl Route {
    /// Reads method and path (the prefix already removed).
    pub(super) fn read(method: &str, path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let (repo, rest) = match parts.as_slice() {
            ["user"] if method == "GET" => return Self::plain(Kind::User),
            ["app"] if method == "GET" => return Self::plain(Kind::App),
            ["users", login] if method == "GET" => {
                return Self {
                    login: Some(unescaped(login)),
                    ..Self::plain(Kind::Account)
                };
            }
            ["app", "installations", id, "access_tokens"] if method == "POST" => {
                return Self {
                    number: id.parse().ok(),
                    ..Self::plain(Kind::AppToken)
                };
            }
            ["repos", owner, repo, rest @ ..] => (RepoRef::Slug(Slug::new(owner, repo)), rest),
            ["repositories", id, rest @ ..] => match id.parse() {
                Ok(id) => (RepoRef::Id(id), rest),
                Err(_) => return Self::plain(Kind::Other),
            },
            _ => return Self::plain(Kind::Other),
        };
        let (kind, number) = match (method, rest) {
            ("GET", []) => (Kind::Repo, None),
            ("GET", ["issues", number]) => (Kind::Issue, number.parse().ok()),
            ("GET", ["issues", number, "comments"]) => (Kind::Listing, number.parse().ok()),
            ("POST", ["issues", number, "comments"]) => (Kind::Post, number.parse().ok()),
            _ => (Kind::Other, None),
        };
        Self {
            kind,
            repo: Some(repo),
            number,
            login: None,
        }
    }

    fn plain(kind: Kind) -> Self {
        Self {
            kind,
            repo: None,
            number: None,
            login: None,
        }
    }

    /// Whether its path ends in `/comments`.
    pub(super) fn is_of_comments(&self) -> bool {
        matches!(self.kind, Kind::Post | Kind::Listing)
    }
}

/// The name of a bot has brackets, which a path cannot have as they are.
fn unescaped(login: &str) -> String {
    login
        .replace("%5B", "[")
        .replace("%5b", "[")
        .replace("%5D", "]")
        .replace("%5d", "]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case() {
        assert_eq!(
            "Octo/Demo#7".parse::<Target>(),
            "octo/demo#7".parse::<Target>()
        );
        assert!("octo/demo".parse::<Target>().is_err());
        assert!("octo#1".parse::<Target>().is_err());
    }

    #[test]
    fn paths_become_routes() {
        let route = Route::read("POST", "/repos/Octo/Demo/issues/7/comments");
        assert_eq!((route.kind, route.number), (Kind::Post, Some(7)));
        assert_eq!(route.repo, Some(RepoRef::Slug(Slug::new("octo", "demo"))));
        let route = Route::read("GET", "/repositories/9/issues/7/comments");
        assert_eq!(
            (route.kind, route.repo),
            (Kind::Listing, Some(RepoRef::Id(9)))
        );
        assert_eq!(Route::read("POST", "/user").kind, Kind::Other);
        let route = Route::read("GET", "/users/octo-app%5Bbot%5D");
        assert_eq!(
            (route.kind, route.login.as_deref()),
            (Kind::Account, Some("octo-app[bot]"))
        );
        let route = Route::read("POST", "/app/installations/6/access_tokens");
        assert_eq!((route.kind, route.number), (Kind::AppToken, Some(6)));
    }
}
