//! What happens to repositories and issues while comments wait: they are renamed, transferred,
//! closed. And the warnings GitHub puts on its answers.

use serde_json::json;

use super::GithubStandin;
use super::reply::Reply;
use super::target::{RepoRef, Route, Slug, Target};
use super::world::{Repo, World};

/// A header that GitHub puts on all answers to an account.
#[derive(Debug, Clone)]
pub(super) struct Warning {
    /// To whom; to all where it is `None`.
    login: Option<String>,
    name: String,
    value: String,
}

impl World {
    /// Gives a repository a new name. Requests for the old one are redirected, until another
    /// repository takes it.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<(), String> {
        let (old, new): (Slug, Slug) = (from.parse()?, to.parse()?);
        let repo = self
            .repos
            .remove(&old)
            .ok_or(format!("no repository {from}"))?;
        self.moved_repos.insert(old.clone(), repo.id);
        for comment in &mut self.comments {
            if comment.target.slug == old {
                comment.target.slug = new.clone();
            }
        }
        let full_name = to.to_owned();
        self.repos.insert(new, Repo { full_name, ..repo });
        Ok(())
    }

    /// Moves an issue with its comments into a repository that exists, under a number of there.
    pub(super) fn transfer(&mut self, from: &Target, to: &Target) -> Result<(), String> {
        let source = self.repos.get_mut(&from.slug);
        let issue = source.and_then(|repo| repo.issues.remove(&from.number));
        let issue = issue.ok_or(format!("no issue {from}"))?;
        let repo = self.repos.get_mut(&to.slug);
        let repo = repo.ok_or(format!("no repository {}", to.slug))?;
        repo.issues.insert(to.number, issue);
        for comment in &mut self.comments {
            if comment.target == *from {
                comment.target = to.clone();
            }
        }
        self.moved_issues.insert(from.clone(), to.clone());
        Ok(())
    }

    /// Opens or closes an issue.
    pub(super) fn set_open(&mut self, target: &Target, open: bool) -> Result<(), String> {
        let repo = self.repos.get_mut(&target.slug);
        let issue = repo.and_then(|repo| repo.issues.get_mut(&target.number));
        issue.ok_or(format!("no issue {target}"))?.closed = !open;
        Ok(())
    }

    /// Where what a route names lives now, as the path of a redirect.
    pub(super) fn moved_to(&self, route: &Route) -> Option<String> {
        let rest = |number: Option<u64>| {
            let issue = number.map(|number| format!("/issues/{number}"));
            let comments = if route.is_of_comments() {
                "/comments"
            } else {
                ""
            };
            issue.map_or_else(String::new, |issue| issue + comments)
        };
        if let Some(to) = self.target(route).and_then(|it| self.moved_issues.get(&it)) {
            let id = self.repos.get(&to.slug)?.id;
            return Some(format!("/repositories/{id}{}", rest(Some(to.number))));
        }
        let Some(RepoRef::Slug(slug)) = &route.repo else {
            return None;
        };
        if self.repos.contains_key(slug) {
            return None;
        }
        let id = self.moved_repos.get(slug)?;
        Some(format!("/repositories/{id}{}", rest(route.number)))
    }

    /// Sets a header on all answers to an account, or to all; takes it away with `None`.
    pub(super) fn warn(&mut self, login: Option<&str>, name: &str, value: Option<&str>) {
        self.warnings
            .retain(|known| known.login.as_deref() != login || known.name != name);
        self.warnings.extend(value.map(|value| Warning {
            login: login.map(str::to_owned),
            name: name.to_owned(),
            value: value.to_owned(),
        }));
    }

    /// The warnings that an answer to `login` bears.
    pub(super) fn warnings_for(&self, login: &str) -> Vec<(String, String)> {
        self.warnings
            .iter()
            .filter(|known| known.login.as_deref().is_none_or(|name| name == login))
            .map(|known| (known.name.clone(), known.value.clone()))
            .collect()
    }
}

/// GitHub's redirect: a GET may be made elsewhere for good, anything else just this once.
pub(super) fn redirect(method_is_get: bool, location: String) -> Reply {
    let (status, message) = if method_is_get {
        (301, "Moved Permanently")
    } else {
        (307, "Temporary Redirect")
    };
    Reply::json(
        status,
        &json!({
            "message": message,
            "url": location,
            "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
        }),
    )
    .with("location", location)
}

impl GithubStandin {
    /// Gives the repository `owner/repo` another name; the old one redirects.
    ///
    /// # Errors
    /// When there is none of that name, or the new one is no name.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), String> {
        self.shared.world().rename(from, to)
    }

    /// Moves an issue with its comments to another repository.
    ///
    /// # Errors
    /// When one of the two is not there.
    pub fn transfer(&self, from: &Target, to: &Target) -> Result<(), String> {
        self.shared.world().transfer(from, to)
    }

    /// Closes an issue, or opens it again.
    ///
    /// # Errors
    /// When it is not there.
    pub fn set_open(&self, target: &Target, open: bool) -> Result<(), String> {
        self.shared.world().set_open(target, open)
    }

    /// Sets a header on all answers of GitHub's to an account, or to all: `sunset`, `deprecation`,
    /// `github-authentication-token-expiration`. `None` takes it away.
    pub fn warn(&self, login: Option<&str>, name: &str, value: Option<&str>) {
        self.shared.world().warn(login, name, value);
    }
}
