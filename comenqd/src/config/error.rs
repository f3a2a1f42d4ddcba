//! What can be wrong with the configuration, worded for the person who can change it.
//!
//! Decides the texts: each names the place, the key, the reason and what to do. Raised by the
//! other files of `config`, shown by `main`. No variant ever carries a token or key.

use std::io;
use std::path::PathBuf;

use super::origin::Origin;

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
    #[error("{origin}: there is no key \"{key}\"; {advice}")]
    UnknownKey {
        /// Where it stands.
        origin: Origin,
        /// As it was written.
        key: String,
        /// What was probably meant.
        advice: String,
    },

    /// A value that is of the wrong kind or out of bounds.
    #[error("{origin}: {key} = {value}: {reason}")]
    Value {
        /// Where it stands.
        origin: Origin,
        /// Its key, with the table's name.
        key: String,
        /// The value, shown as it was given.
        value: String,
        /// What is wrong, and what would be right.
        reason: String,
    },

    /// A table of a name that it cannot have.
    #[error("{origin}: \"{name}\" cannot be the name of {what}: {reason}")]
    Name {
        /// Where it stands.
        origin: Origin,
        /// What it would name.
        what: &'static str,
        /// As it was written.
        name: String,
        /// What is wrong, and what would be right.
        reason: String,
    },

    /// A key that has no meaning there.
    #[error("{origin}: {key} {reason}")]
    Stray {
        /// Where it stands.
        origin: Origin,
        /// The key. Never its value: it may be a token.
        key: &'static str,
        /// Why not, and what to do.
        reason: &'static str,
    },

    /// An account that does not add up.
    #[error("account \"{account}\" {problem}")]
    Account {
        /// Which.
        account: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },

    /// A private key that cannot be one.
    #[error("the GitHub App's private key from {source_name} {problem}")]
    AppKey {
        /// Which source.
        source_name: String,
        /// What is wrong with it, and what to do.
        problem: String,
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

    /// Somebody other than root and the daemon can get at a secret.
    #[error("{} holds {what} and {problem}: refused; run: {command}", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// The secret in it.
        what: &'static str,
        /// Who can get at it.
        problem: String,
        /// What puts it right.
        command: String,
    },
}
