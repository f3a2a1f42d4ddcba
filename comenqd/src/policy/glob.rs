//! Patterns for repositories: `owner/repo`, where `*` and `?` stand for what they do in a shell.
//!
//! Decides what such a pattern is and what it matches. Parsed by `config`, asked by
//! [`super::Policy`]. Knows nothing of users and accounts.

use std::fmt;

use comenq_proto::Target;
use wildmatch::WildMatch;

/// Longest pattern: an owner, a slash, a repository, and room for a few stars.
const MAX_CHARS: usize = 200;

/// A checked pattern. Compares without case, as GitHub does; no wildcard crosses the slash.
#[derive(Debug, Clone, PartialEq)]
pub struct RepoGlob {
    text: String,
    owner: WildMatch,
    repo: WildMatch,
}

/// Why a text is no such pattern; each says what would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RepoGlobError {
    /// Not two parts with a slash between them.
    #[error("must have the form owner/repo, like octocat/hello-world, octocat/* or */docs-?")]
    Shape,
    /// A character that neither a name nor a pattern has.
    #[error("has {0:?}; a pattern has letters, digits, -, _, . and the wildcards * and ?")]
    BadCharacter(char),
    /// Too long to match anything.
    #[error("is longer than {MAX_CHARS} characters; shorten it with *")]
    TooLong,
}

impl RepoGlob {
    /// Checks a pattern.
    ///
    /// # Errors
    /// Where it could never match a repository.
    pub fn parse(text: &str) -> Result<Self, RepoGlobError> {
        let (owner, repo) = text.split_once('/').ok_or(RepoGlobError::Shape)?;
        if owner.is_empty() || repo.is_empty() || repo.contains('/') {
            return Err(RepoGlobError::Shape);
        }
        let is_allowed =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*' | '?' | '/');
        if let Some(wrong) = text.chars().find(|c| !is_allowed(*c)) {
            return Err(RepoGlobError::BadCharacter(wrong));
        }
        if text.len() > MAX_CHARS {
            return Err(RepoGlobError::TooLong);
        }
        Ok(Self {
            text: text.to_owned(),
            owner: WildMatch::new_case_insensitive(owner),
            repo: WildMatch::new_case_insensitive(repo),
        })
    }

    /// Whether it covers the target's repository.
    #[must_use]
    pub fn matches(&self, target: &Target) -> bool {
        self.owner.matches(target.owner.as_str()) && self.repo.matches(target.repo.as_str())
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for RepoGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(glob: &str, owner: &str, repo: &str) -> bool {
        let target = Target::parse(owner, repo, 1).unwrap();
        RepoGlob::parse(glob).unwrap().matches(&target)
    }

    #[test]
    fn wildcards_stay_on_their_side_of_the_slash_and_case_does_not_matter() {
        for (glob, owner, repo, expected) in [
            ("octo/docs", "octo", "docs", true),
            ("octo/docs", "OCTO", "Docs", true),
            ("octo/docs", "octo", "docs2", false),
            ("octo/*", "octo", "any.thing", true),
            ("octo/*", "octo-cat", "docs", false),
            ("octo*/*", "octo-cat", "docs", true),
            ("*/docs-?", "anyone", "docs-1", true),
            ("*/docs-?", "anyone", "docs-10", false),
            ("*/*", "a", "b", true),
            ("octo/d*s*", "octo", "documents-old", true),
            ("*s/x", "octo", "x", false),
        ] {
            assert_eq!(covers(glob, owner, repo), expected, "{glob} {owner}/{repo}");
        }
    }

    #[test]
    fn what_could_never_match_is_refused_with_the_reason() {
        for (text, expected) in [
            ("", RepoGlobError::Shape),
            ("octo", RepoGlobError::Shape),
            ("*", RepoGlobError::Shape),
            ("octo/", RepoGlobError::Shape),
            ("/docs", RepoGlobError::Shape),
            ("a/b/c", RepoGlobError::Shape),
            ("octo/[ab]", RepoGlobError::BadCharacter('[')),
            ("octo/a b", RepoGlobError::BadCharacter(' ')),
            ("octo/ä", RepoGlobError::BadCharacter('ä')),
        ] {
            assert_eq!(RepoGlob::parse(text), Err(expected), "{text}");
        }
        let long = format!("octo/{}", "x".repeat(MAX_CHARS));
        assert_eq!(RepoGlob::parse(&long), Err(RepoGlobError::TooLong));
    }
}
