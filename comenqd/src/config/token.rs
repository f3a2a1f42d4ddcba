//! Which source the GitHub token comes from, and that nobody else can read it there.
//!
//! Decides the order: systemd credential, environment, token file, configuration file; the first
//! that does not say `unset` wins. Called by [`super::load`]; knows nothing of GitHub.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::raw::{Entry, Raw, read_bounded};
use super::{ConfigError, Sources};
use crate::secret::Secret;

/// What a source says that has no token. Only this word: an empty value is more likely a secret
/// that failed to be filled in, and that must be seen.
pub(super) const UNSET: &str = "unset";

/// The name of the systemd credential.
const CREDENTIAL: &str = "github-token";

/// GitHub's longest tokens have a few hundred characters.
const MAX_TOKEN_BYTES: u64 = 4096;

/// A GitHub token and the name of its source.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token.
    pub secret: Secret,
    /// Where it came from, for people.
    pub source: String,
}

/// The token of the first source that has one.
pub(super) fn find(sources: &Sources, raw: &Raw) -> Result<Option<Token>, ConfigError> {
    if let Some((file, path)) = &raw.file_with_token {
        // Whichever source wins: this token lies open.
        refuse_exposed(file, path, sources.euid)?;
    }
    if let Some(token) = from_credential(sources)? {
        return Ok(Some(token));
    }
    let given = raw.get("github_token");
    let from_environment = given.filter(|it| matches!(it.origin, super::Origin::Environment(_)));
    if let Some(token) = from_environment.map(from_entry).transpose()?.flatten() {
        return Ok(Some(token));
    }
    if let Some(entry) = raw.get("github_token_file")
        && let Some(token) = from_file(entry, sources.euid)?
    {
        return Ok(Some(token));
    }
    raw.file_token.as_ref().map_or(Ok(None), from_entry)
}

fn from_credential(sources: &Sources) -> Result<Option<Token>, ConfigError> {
    let Some(directory) = sources.env.get(OsStr::new("CREDENTIALS_DIRECTORY")) else {
        return Ok(None);
    };
    let path = Path::new(directory).join(CREDENTIAL);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(unreadable(path, source)),
    };
    let text = read_bounded(&file, &path, "token file", MAX_TOKEN_BYTES)?;
    check(&text, format!("systemd credential {CREDENTIAL}"))
}

fn from_file(entry: &Entry, euid: u32) -> Result<Option<Token>, ConfigError> {
    let Some(path) = entry.value.as_str().filter(|path| !path.is_empty()) else {
        return Err(ConfigError::Value {
            origin: entry.origin.clone(),
            key: "github_token_file",
            value: entry.value.to_string(),
            reason: "must be the path of a file; correct or remove it".to_owned(),
        });
    };
    if looks_like_a_token(path) {
        return Err(ConfigError::Token {
            source_name: entry.origin.to_string(),
            problem: "stands where the path of its file belongs (key github_token_file)".to_owned(),
        });
    }
    let path = Path::new(path);
    let file = File::open(path).map_err(|source| unreadable(path.to_owned(), source))?;
    refuse_exposed(&file, path, euid)?;
    let text = read_bounded(&file, path, "token file", MAX_TOKEN_BYTES)?;
    check(&text, format!("file {}", path.display()))
}

/// GitHub's tokens begin so:
/// <https://github.blog/engineering/behind-githubs-new-authentication-token-formats/> (2021-04-05).
fn looks_like_a_token(path: &str) -> bool {
    ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"]
        .iter()
        .any(|prefix| path.starts_with(prefix))
}

fn from_entry(entry: &Entry) -> Result<Option<Token>, ConfigError> {
    let source = entry.origin.to_string();
    match entry.value.as_str() {
        Some(text) => check(text, source),
        None => Err(ConfigError::Token {
            source_name: source,
            problem: "is not a string".to_owned(),
        }),
    }
}

/// The token in `text`, where it is one; `None` for [`UNSET`].
fn check(text: &str, source: String) -> Result<Option<Token>, ConfigError> {
    if text.trim() == UNSET {
        return Ok(None);
    }
    match Secret::parse(text) {
        Ok(secret) => Ok(Some(Token { secret, source })),
        Err(problem) => Err(ConfigError::Token {
            source_name: source,
            problem: problem.to_string(),
        }),
    }
}

/// Refuses a file that anybody but root and the daemon's own user can read or change.
fn refuse_exposed(file: &File, path: &Path, euid: u32) -> Result<(), ConfigError> {
    let metadata = file
        .metadata()
        .map_err(|source| unreadable(path.to_owned(), source))?;
    match exposure(&metadata, path, euid) {
        None => Ok(()),
        Some((problem, command)) => Err(ConfigError::Exposed {
            path: path.to_owned(),
            problem,
            command,
        }),
    }
}

fn exposure(metadata: &Metadata, path: &Path, euid: u32) -> Option<(String, String)> {
    let shown = path.display();
    let owner = metadata.uid();
    if owner != 0 && owner != euid {
        let problem = format!("belongs to uid {owner}, neither root nor the daemon (uid {euid})");
        return Some((
            problem,
            format!("chown {euid} {shown} && chmod 600 {shown}"),
        ));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let problem = format!("has mode {mode:04o}: others than its owner can get at it");
        return Some((problem, format!("chmod 600 {shown}")));
    }
    None
}

fn unreadable(path: PathBuf, source: io::Error) -> ConfigError {
    ConfigError::Unreadable {
        what: "token file",
        path,
        source,
        advice: "check the path, and that the daemon's user may read it",
    }
}
