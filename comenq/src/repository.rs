//! A repository as a user names it, or all of an owner's.

use std::{fmt, str::FromStr};

use comenq_proto::{Owner, Repo, TargetError};

/// `OWNER/REPO`, or `OWNER` for all of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    pub(crate) owner: String,
    pub(crate) repo: Option<String>,
}

impl Repository {
    /// Whether a job for that is one of these; GitHub ignores case.
    pub(crate) fn has(&self, owner: &str, repo: &str) -> bool {
        let is_repo = |it: &String| it.eq_ignore_ascii_case(repo);
        self.owner.eq_ignore_ascii_case(owner) && self.repo.as_ref().is_none_or(is_repo)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.owner)?;
        match &self.repo {
            Some(repo) => write!(f, "/{repo}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Repository {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let (owner, repo) = match text.split_once('/') {
            Some((owner, repo)) => (owner, Some(repo)),
            None => (text, None),
        };
        Ok(Self {
            owner: owner.parse::<Owner>()?.to_string(),
            repo: repo
                .map(|repo| repo.parse::<Repo>().map(|it| it.to_string()))
                .transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_alone_means_all_of_theirs() {
        let all: Repository = "Owner".parse().unwrap();
        assert!(all.has("owner", "repo") && all.has("OWNER", "other"));
        assert!(!all.has("somebody", "repo"));
        let one: Repository = "owner/Repo".parse().unwrap();
        assert!(one.has("owner", "repo") && !one.has("owner", "other"));
        for wrong in ["", "a b", "o/", "o/r/x", "/r"] {
            assert!(wrong.parse::<Repository>().is_err(), "{wrong}");
        }
    }
}
