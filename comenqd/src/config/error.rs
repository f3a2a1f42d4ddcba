//! What can be wrong with the configuration, worded for the person who can change it.
//!
//! Decides the texts: each names the place, the key, the reason and what to do. Raised by the
//! other files of `config`, shown by `main`. No variant ever carries a token.

use std::io;
use std::path::PathBuf;

use super::raw::Origin;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that must be there cannot be read.
    #[error("cannot read {what} {}: {source}; {advice}", path.display())]
    Unreadable {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
        /// What to do.
        advice: &'static str,
    },

    /// A file is far larger than anything it could hold.
    #[error("{what} {} is larger than {limit_bytes} bytes; is it the right file?", path.display())]
    TooLarge {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// How much would have been read.
        limit_bytes: u64,
    },

    /// The file is not TOML.
    #[error("{origin} is not valid TOML: {reason}; correct that line")]
    Syntax {
        /// File and line.
        origin: Origin,
        /// The parser's words. Never the line itself: it may hold the token.
        reason: String,
    },

    /// A key that does not exist.
    #[error("{origin}: there is no key \"{key}\"; {}", suggestion(nearest.as_deref()))]
    UnknownKey {
        /// Where it stands.
        origin: Origin,
        /// As it was written.
        key: String,
        /// The known key that looks most like it.
        nearest: Option<String>,
    },

    /// A value that is of the wrong kind or out of bounds.
    #[error("{origin}: {key} = {value}: {reason}")]
    Value {
        /// Where it stands.
        origin: Origin,
        /// Its key.
        key: &'static str,
        /// The value, shown as it was given.
        value: String,
        /// What is wrong, and what would be right.
        reason: String,
    },

    /// A token that cannot be one.
    #[error(
        "the GitHub token from {source_name} {problem}; put a token there, or the word \"unset\" \
         to pass this source over"
    )]
    Token {
        /// Which source.
        source_name: String,
        /// What is wrong with it.
        problem: String,
    },

    /// Somebody other than root and the daemon can get at the token.
    #[error("{} holds a GitHub token and {problem}: refused; run: {command}", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Who can get at it.
        problem: String,
        /// What puts it right.
        command: String,
    },
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "`comenqd --check-config` without it lists the known ones".to_owned(),
        |key| format!("did you mean \"{key}\"?"),
    )
}
