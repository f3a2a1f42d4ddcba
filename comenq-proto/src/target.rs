//! Where a comment goes: owner, repository, number.
//!
//! Decides what GitHub could have as such a name, and says of anything else
//! which character is wrong and where. Called by the client on its arguments
//! and by the daemon on what it receives. Whether the thing exists is GitHub's
//! to say. GitHub compares without case; the case typed is kept for show.

use std::{fmt, num::NonZeroU64, str::FromStr};

/// Longest owner name GitHub gives out.
const MAX_OWNER: usize = 39;
/// Longest repository name GitHub gives out.
const MAX_REPO: usize = 100;

/// Why a text names no issue or pull request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// A part is empty.
    #[error("{part} is empty; write owner/repo#123, owner/repo 123 or the URL")]
    Empty {
        /// Which part.
        part: &'static str,
    },
    /// A part is longer than GitHub allows.
    #[error("{part} has {len} characters; GitHub allows {max}")]
    TooLong {
        /// Which part.
        part: &'static str,
        /// How long it is.
        len: usize,
        /// How long it may be.
        max: usize,
    },
    /// A part has a character it cannot have.
    #[error("{part} has {character:?} at position {position}; {allowed}")]
    BadCharacter {
        /// Which part.
        part: &'static str,
        /// The character.
        character: char,
        /// Where in the part, counted in characters from 1.
        position: usize,
        /// Which ones are possible.
        allowed: &'static str,
    },
    /// A repository name that GitHub reserves.
    #[error("repository name {given:?} is reserved; it cannot be . or .. or end in .git")]
    Reserved {
        /// The name.
        given: String,
    },
    /// The number is zero, too large or no number.
    #[error("number {given:?} is not a whole number from 1")]
    BadNumber {
        /// What stands in its place.
        given: String,
    },
    /// `owner/repo` alone.
    #[error("{given:?} has no issue number; write owner/repo#123 or owner/repo 123")]
    MissingNumber {
        /// What was given.
        given: String,
    },
    /// Not one of the forms.
    #[error("{given:?} names no issue; write owner/repo#123, owner/repo 123 or the URL")]
    Shape {
        /// What was given.
        given: String,
    },
    /// A URL that is none of an issue or pull request.
    #[error("URL {given:?} names no issue: {reason}")]
    Url {
        /// The URL.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// At most this much of wrong input is repeated in an error.
pub(crate) fn excerpt(text: &str) -> String {
    const MAX: usize = 80;
    let mut shown: String = text.chars().take(MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

fn check(
    part: &'static str,
    text: &str,
    max: usize,
    is_allowed: impl Fn(char) -> bool,
    allowed: &'static str,
) -> Result<(), TargetError> {
    if text.is_empty() {
        return Err(TargetError::Empty { part });
    }
    if let Some((at, character)) = text.chars().enumerate().find(|(_, c)| !is_allowed(*c)) {
        return Err(TargetError::BadCharacter {
            part,
            character,
            position: at + 1,
            allowed,
        });
    }
    // Only ASCII is left: bytes are characters.
    let len = text.len();
    if len > max {
        return Err(TargetError::TooLong { part, len, max });
    }
    Ok(())
}

macro_rules! name {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as typed.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = TargetError;

            fn from_str(text: &str) -> Result<Self, TargetError> {
                Self::parse(text)
            }
        }
    };
}

name! {
    /// A user or organisation that GitHub could have.
    Owner
}
name! {
    /// A repository name that GitHub could have.
    Repo
}

impl Owner {
    /// Checks a name: 1 to 39 letters, digits and hyphens, no hyphen at either
    /// end; the underscore occurs in the names of enterprise-managed users.
    ///
    /// # Errors
    /// It is none; the error says where.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        const PART: &str = "owner";
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let allowed = "an owner has letters, digits, - and _ of ASCII only";
        check(PART, text, MAX_OWNER, is_allowed, allowed)?;
        let hyphen = |position| TargetError::BadCharacter {
            part: PART,
            character: '-',
            position,
            allowed: "an owner neither begins nor ends with a hyphen",
        };
        if text.starts_with('-') {
            return Err(hyphen(1));
        }
        if text.ends_with('-') {
            return Err(hyphen(text.len()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Repo {
    /// Checks a name: 1 to 100 letters, digits, `.`, `_` and `-`, but not `.`
    /// or `..` and not ending in `.git`.
    ///
    /// # Errors
    /// It is none; the error says where.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let allowed = "a repository has letters, digits, ., _ and - of ASCII only";
        check("repository", text, MAX_REPO, is_allowed, allowed)?;
        let lower = text.to_ascii_lowercase();
        if matches!(lower.as_str(), "." | "..") || lower.as_bytes().ends_with(b".git") {
            return Err(TargetError::Reserved {
                given: text.to_owned(),
            });
        }
        Ok(Self(text.to_owned()))
    }
}

/// The number of an issue or pull request, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssueNumber(NonZeroU64);

impl IssueNumber {
    /// Checks a number.
    ///
    /// # Errors
    /// It is zero.
    pub fn new(number: u64) -> Result<Self, TargetError> {
        NonZeroU64::new(number)
            .map(Self)
            .ok_or_else(|| TargetError::BadNumber {
                given: number.to_string(),
            })
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for IssueNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for IssueNumber {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let wrong = || TargetError::BadNumber {
            given: excerpt(text),
        };
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        text.parse().map(Self).map_err(|_| wrong())
    }
}

/// One issue or pull request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Whose repository.
    pub owner: Owner,
    /// Which repository.
    pub repo: Repo,
    /// Which issue or pull request.
    pub number: IssueNumber,
}

impl Target {
    /// Checks the three parts as they travel.
    ///
    /// # Errors
    /// One of them is wrong; the first is told.
    pub fn parse(owner: &str, repo: &str, number: u64) -> Result<Self, TargetError> {
        Ok(Self {
            owner: Owner::parse(owner)?,
            repo: Repo::parse(repo)?,
            number: IssueNumber::new(number)?,
        })
    }

    /// The text under which GitHub would find it whatever the case typed; what
    /// targets are compared and keyed by.
    #[must_use]
    pub fn lower(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }

    /// From `owner/repo` and a number, both as typed.
    ///
    /// # Errors
    /// One of the parts is wrong; the first is told.
    pub fn from_slug(slug: &str, number: &str) -> Result<Self, TargetError> {
        let Some((owner, repo)) = slug.split_once('/') else {
            return Err(TargetError::Shape {
                given: excerpt(slug),
            });
        };
        Ok(Self {
            owner: Owner::parse(owner)?,
            repo: Repo::parse(repo)?,
            number: number.parse()?,
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}#{}", self.owner, self.repo, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_github_could_have_pass() {
        for owner in ["a", "A-b9", "shorty_corp", &"x".repeat(39), "a--b"] {
            assert_eq!(Owner::parse(owner).unwrap().as_str(), owner);
        }
        for repo in [
            "a",
            ".github",
            "a.b_c-d",
            "-",
            "...",
            &"x".repeat(100),
            "git",
        ] {
            assert_eq!(Repo::parse(repo).unwrap().as_str(), repo);
        }
    }

    #[test]
    fn other_names_are_refused_with_the_place() {
        let text = |error: TargetError| error.to_string();
        assert_eq!(
            text(Owner::parse("oct cat").unwrap_err()),
            "owner has ' ' at position 4; an owner has letters, digits, - and _ of ASCII only"
        );
        assert!(text(Owner::parse("-a").unwrap_err()).contains("'-' at position 1"));
        assert!(text(Owner::parse("ab-").unwrap_err()).contains("'-' at position 3"));
        assert!(text(Owner::parse("é").unwrap_err()).contains("'é' at position 1"));
        assert!(text(Owner::parse(&"x".repeat(40)).unwrap_err()).contains("40 characters"));
        assert!(text(Owner::parse("").unwrap_err()).starts_with("owner is empty"));
        assert!(text(Repo::parse("a/b").unwrap_err()).contains("'/' at position 2"));
        assert!(text(Repo::parse("a\u{7}").unwrap_err()).contains("'\\u{7}' at position 2"));
        for reserved in [".", "..", "x.git", "x.GIT", ".git"] {
            assert!(matches!(
                Repo::parse(reserved),
                Err(TargetError::Reserved { .. })
            ));
        }
        assert!(Repo::parse(&"x".repeat(101)).is_err());
    }

    #[test]
    fn numbers_are_whole_and_from_one() {
        assert_eq!("123".parse::<IssueNumber>().unwrap().get(), 123);
        for wrong in ["", "0", "-1", "+1", "1a", "٣", "99999999999999999999"] {
            assert!(wrong.parse::<IssueNumber>().is_err(), "{wrong}");
        }
        assert!(IssueNumber::new(0).is_err());
    }
}
