//! What can be wrong with the configuration, worded for the person who can change it.
//!
//! Decides the texts: each names the place, the key, the reason and what to do. Raised by the
//! other files of `config`, shown by `main`. Whatever was written in the configuration goes through
//! [`shown`]: what is probably a token or key in the wrong place is never quoted.

use std::io;
use std::path::PathBuf;

use super::origin::Origin;
use super::shown::shown;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that must be there cannot be read.
    #[error("cannot read {what} {}: {source}; {advice}", shown(&path.to_string_lossy()))]
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
    #[error("{what} {} is larger than {limit_bytes} bytes; is it the right file?", shown(&path.to_string_lossy()))]
    TooLarge {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// How much would have been read.
        limit_bytes: u64,
    },

    /// What is named is no file.
    #[error("{} is {kind}, not a {what}: refused; name the file itself", shown(&path.to_string_lossy()))]
    NotAFile {
        /// What the file would be for.
        what: &'static str,
        /// What was named.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },

    /// The file is not TOML.
    #[error("{origin} is not valid TOML: {}; correct that line", shown(reason))]
    Syntax {
        /// File and line.
        origin: Origin,
        /// The parser's words. Never the line itself: it may hold the token.
        reason: String,
    },

    /// A key that does not exist.
    #[error("{origin}: there is no key \"{}\"; {}", shown(key), shown(advice))]
    UnknownKey {
        /// Where it stands.
        origin: Origin,
        /// As it was written.
        key: String,
        /// What was probably meant.
        advice: String,
    },

    /// A value that is of the wrong kind or out of bounds.
    #[error("{origin}: {} = {}: {}", shown(key), shown(value), shown(reason))]
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
    #[error(
        "{origin}: \"{}\" cannot be the name of {what}: {}",
        shown(name),
        shown(reason)
    )]
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

    /// Two tables for one user.
    #[error("{origin}: [{}] {}", shown(table), shown(reason))]
    Twice {
        /// Where the second stands.
        origin: Origin,
        /// Its name.
        table: String,
        /// Which other there is, and what to do.
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
    #[error("account \"{}\" {}", shown(account), shown(problem))]
    Account {
        /// Which.
        account: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },

    /// A private key that cannot be one.
    #[error("the GitHub App's private key from {} {problem}", shown(source_name))]
    AppKey {
        /// Which source.
        source_name: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },

    /// A token that cannot be one.
    #[error(
        "the GitHub token from {} {problem}; put a token there, or the word \"unset\" to pass this \
         source over",
        shown(source_name)
    )]
    Token {
        /// Which source.
        source_name: String,
        /// What is wrong with it.
        problem: String,
    },

    /// Somebody other than root and the daemon can get at a secret.
    #[error("{} holds {what} and {}: refused; run: {}", shown(&path.to_string_lossy()), shown(problem), shown(command))]
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
