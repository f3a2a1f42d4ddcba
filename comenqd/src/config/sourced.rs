//! From the text of a source to a token or key.
//!
//! Decides what text is a credential, and which word says that a source has none. Called by [`super::credential`]. No error of it quotes the text.

use super::ConfigError;
use super::origin::Origin;
use super::raw::Entry;
use crate::github::{AppKey, Credential};
use crate::secret::Secret;

/// What a source says that has no credential. Only this word: an empty value is more likely a
/// secret that failed to be filled in, and that must be seen.
pub(super) const UNSET: &str = "unset";

/// A secret and its source.
pub(super) struct Sourced<T> {
    pub(super) secret: T,
    pub(super) source: String,
    pub(super) reloads: bool,
}

/// What looking for a secret came to.
pub(super) enum Sought<T> {
    Found(Sourced<T>),
    /// There is a source, and it says [`UNSET`].
    Unset,
    Absent,
}

pub(super) fn from_entry(entry: &Entry) -> Result<Option<Sourced<Credential>>, ConfigError> {
    let source = entry.origin.to_string();
    let reloads = matches!(entry.origin, Origin::File { .. });
    match entry.value.as_str() {
        Some(text) => token(text, source, reloads),
        None => Err(ConfigError::Token {
            source_name: source,
            problem: "is not a string".to_owned(),
        }),
    }
}

/// The token in `text`, where it is one; `None` for [`UNSET`].
pub(super) fn token(
    text: &str,
    source: String,
    reloads: bool,
) -> Result<Option<Sourced<Credential>>, ConfigError> {
    if text.trim() == UNSET {
        return Ok(None);
    }
    match Secret::parse(text) {
        Ok(secret) => Ok(Some(Sourced {
            secret: Credential::Token(secret),
            source,
            reloads,
        })),
        Err(problem) => Err(ConfigError::Token {
            source_name: source,
            problem: problem.to_string(),
        }),
    }
}

/// The private key in `text`, where it is one; `None` for [`UNSET`].
pub(super) fn app_key(
    text: &str,
    source: String,
    reloads: bool,
) -> Result<Option<Sourced<AppKey>>, ConfigError> {
    if text.trim() == UNSET {
        return Ok(None);
    }
    let problem = match AppKey::parse(text) {
        Ok(secret) => {
            return Ok(Some(Sourced {
                secret,
                source,
                reloads,
            }));
        }
        Err(_) if text.trim().is_empty() => "is empty".to_owned(),
        Err(problem) => problem.to_string(),
    };
    Err(ConfigError::AppKey {
        source_name: source,
        problem,
    })
}
