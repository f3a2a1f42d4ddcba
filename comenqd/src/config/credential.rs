//! Which source an account's credential comes from, and that nobody else can read it there.
//!
//! Decides the order, for tokens: systemd credential, environment, token file, configuration file;
//! for an App's private key: systemd credential, key file. The first that does not say `unset`
//! wins. Called by [`super::accounts`]; knows nothing of GitHub but what a credential looks like.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;

use super::exposure::{ADVICE, refuse_exposed};
use super::origin::Origin;
use super::raw::{Entry, Raw, Table};
use super::reading::{self, read_bounded};
use super::shown::{HIDDEN, begins_as_a_secret};
use super::sourced::{Sought, Sourced, app_key, from_entry, token};
use super::{ConfigError, Sources};
use crate::github::{AppKey, Credential};

/// GitHub's longest tokens have a few hundred characters.
const MAX_TOKEN_BYTES: u64 = 4096;

/// An RSA key of 8192 bits has 6.5 kB as PEM.
const MAX_KEY_BYTES: u64 = 16 * 1024;

/// How a source of systemd's is called.
const SYSTEMD: &str = "systemd credential";

/// A credential, its source, and what to run after replacing it there.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) credential: Credential,
    pub(super) source: Option<String>,
    pub(super) remedy: &'static str,
    /// Whether a reload reads the source again.
    pub(super) reloads: bool,
    /// Why there is none, where something was passed that is no credential.
    pub(super) trouble: Option<String>,
}

/// Where something that is no credential was found.
enum Problem {
    /// In what systemd passed, which nobody sees before the daemon starts.
    Passed(ConfigError),
    /// In what the configuration says or names.
    Written(ConfigError),
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        Self::Written(error)
    }
}

/// Makes a secret of a text, its source and whether a reload reads it again.
type Parse<T> = fn(&str, String, bool) -> Result<Option<Sourced<T>>, ConfigError>;

/// Where one account's credential may be.
pub(super) struct Search<'a> {
    pub(super) sources: &'a Sources,
    pub(super) raw: &'a Raw,
    pub(super) table: &'a Table,
    pub(super) account: &'a str,
    /// The endings of the names of its systemd credentials.
    pub(super) suffixes: &'a [String],
    pub(super) app_id: Option<u64>,
    pub(super) installation_id: Option<u64>,
}

/// That the configuration file, where it holds a token, is nobody else's to read: that token lies
/// open, whichever source wins.
pub(super) fn refuse_exposed_config(sources: &Sources, raw: &Raw) -> Result<(), ConfigError> {
    raw.file_with_token.as_ref().map_or(Ok(()), |(file, path)| {
        refuse_exposed(file, path, sources.euid, "a GitHub token")
    })
}

/// Whether systemd's credentials are out of sight: for `--check-config`, which a person runs outside
/// the service, and `ExecReload=` beside it, where systemd names the directory but closes it. Then
/// it is no mistake that one is missing.
pub(super) fn are_out_of_sight(sources: &Sources) -> bool {
    let directory = sources.env.get(OsStr::new("CREDENTIALS_DIRECTORY"));
    sources.flags.check_config && directory.is_none_or(|path| fs::read_dir(path).is_err())
}

impl Search<'_> {
    /// The account's credential.
    ///
    /// What systemd passes is seen by nobody before the daemon starts. If that is no credential, the
    /// account has none: jobs can be taken meanwhile.
    pub(super) fn find(&self) -> Result<Found, ConfigError> {
        let found = self.token().and_then(|token| Ok((token, self.app()?)));
        let (token, app) = match found {
            Ok(found) => found,
            Err(Problem::Passed(error)) if !self.sources.flags.check_config => {
                return Ok(self.none(Some(error.to_string())));
            }
            Err(Problem::Passed(error) | Problem::Written(error)) => return Err(error),
        };
        match (token, app) {
            (Some(token), Some(app)) => Err(self.problem(format!(
                "has a token (from {}) and is a GitHub App (its key is from {}); remove one of them",
                token.source, app.source
            ))),
            (Some(found), None) | (None, Some(found)) => Ok(Found {
                credential: found.secret,
                source: Some(found.source),
                remedy: self.remedy(found.reloads),
                reloads: found.reloads,
                trouble: None,
            }),
            (None, None) => Ok(self.none(None)),
        }
    }

    fn none(&self, trouble: Option<String>) -> Found {
        let reloads = trouble.is_none() && self.names_a_file();
        Found {
            credential: Credential::None,
            source: None,
            remedy: self.remedy(reloads),
            reloads,
            trouble,
        }
    }

    /// What makes the daemon read it again.
    fn remedy(&self, reloads: bool) -> &'static str {
        let manager = self.sources.manager();
        if reloads {
            manager.reload()
        } else {
            manager.restart()
        }
    }

    /// Whether a file is named for the credential, whatever it says.
    pub(super) fn names_a_file(&self) -> bool {
        let keys = ["github_token_file", "app_key_file"];
        self.table.first_of(&keys).is_some()
    }

    fn token(&self) -> Result<Option<Sourced<Credential>>, Problem> {
        // Whichever source wins: a secret that stands there must not go unseen.
        let entry = self.table.get("github_token_file");
        let problem = |source_name, problem| ConfigError::Token {
            source_name,
            problem,
        };
        let path = entry.map(|entry| self.path_in("github_token_file", entry, problem));
        let path = path.transpose()?;
        for suffix in self.suffixes {
            let name = format!("github-token{suffix}");
            if let Sought::Found(token) =
                self.passed(&name, "token file", MAX_TOKEN_BYTES, token)?
            {
                return Ok(Some(token));
            }
        }
        // Only outside any table: see the known keys.
        let given = self.table.get("github_token");
        let from_environment = given.filter(|it| matches!(it.origin, Origin::Environment(_)));
        if let Some(found) = from_environment.map(from_entry).transpose()?.flatten() {
            return Ok(Some(found));
        }
        if let Some(path) = path {
            let found = secret_file(path, "token file", MAX_TOKEN_BYTES, |text| {
                token(text, format!("file {path}"), true)
            })?;
            if let Some((found, file)) = found {
                refuse_exposed(&file, path.as_ref(), self.sources.euid, "a GitHub token")?;
                return Ok(Some(found));
            }
        }
        match given.and(self.raw.file_token.as_ref()) {
            Some(entry) => Ok(from_entry(entry)?),
            None => Ok(None),
        }
    }

    fn app(&self) -> Result<Option<Sourced<Credential>>, Problem> {
        let key = self.app_key()?;
        let ids = [
            ("app_id", self.app_id),
            ("installation_id", self.installation_id),
        ];
        let given =
            ids.iter().any(|(_, id)| id.is_some()) || self.table.get("app_key_file").is_some();
        if !given && !matches!(key, Sought::Found(_)) {
            return Ok(None);
        }
        let (Some(app_id), Some(installation_id)) = (self.app_id, self.installation_id) else {
            let missing = ids.iter().filter(|(_, id)| id.is_none());
            let missing: Vec<_> = missing.map(|(key, _)| *key).collect();
            return Err(self
                .problem(format!(
                    "is a GitHub App but has no {}; both numbers are in the addresses of GitHub's \
                 settings pages for the App and for its installation",
                    missing.join(" and ")
                ))
                .into());
        };
        match key {
            Sought::Found(key) => Ok(Some(Sourced {
                secret: Credential::App {
                    app_id,
                    installation_id,
                    key: key.secret,
                },
                source: key.source,
                reloads: key.reloads,
            })),
            Sought::Unset => Ok(None),
            Sought::Absent if are_out_of_sight(self.sources) => Ok(None),
            Sought::Absent => {
                let suffix = self.suffixes.first().map_or("", String::as_str);
                Err(self
                    .problem(format!(
                        "is a GitHub App but has no private key; give it as systemd credential \
                     github-app-key{suffix}, or name its file with app_key_file"
                    ))
                    .into())
            }
        }
    }

    fn app_key(&self) -> Result<Sought<AppKey>, Problem> {
        let entry = self.table.get("app_key_file");
        let problem = |source_name, problem| ConfigError::AppKey {
            source_name,
            problem,
        };
        let path = entry.map(|entry| self.path_in("app_key_file", entry, problem));
        let path = path.transpose()?;
        let mut sought = Sought::Absent;
        for suffix in self.suffixes {
            let name = format!("github-app-key{suffix}");
            match self.passed(&name, "private key", MAX_KEY_BYTES, app_key)? {
                Sought::Absent => {}
                Sought::Unset => sought = Sought::Unset,
                found @ Sought::Found(_) => return Ok(found),
            }
        }
        let Some(path) = path else {
            return Ok(sought);
        };
        let found = secret_file(path, "private key", MAX_KEY_BYTES, |text| {
            app_key(text, format!("file {path}"), true)
        })?;
        let Some((key, file)) = found else {
            return Ok(Sought::Unset);
        };
        let what = "a GitHub App's private key";
        refuse_exposed(&file, path.as_ref(), self.sources.euid, what)?;
        Ok(Sought::Found(key))
    }

    /// What `parse` makes of a systemd credential.
    fn passed<T>(
        &self,
        name: &str,
        what: &'static str,
        limit_bytes: u64,
        parse: Parse<T>,
    ) -> Result<Sought<T>, Problem> {
        let Some(text) = self
            .systemd(name, what, limit_bytes)
            .map_err(Problem::Passed)?
        else {
            return Ok(Sought::Absent);
        };
        let found = parse(&text, format!("{SYSTEMD} {name}"), false).map_err(Problem::Passed)?;
        Ok(found.map_or(Sought::Unset, Sought::Found))
    }

    /// The content of a systemd credential, if it was passed.
    fn systemd(
        &self,
        name: &str,
        what: &'static str,
        limit_bytes: u64,
    ) -> Result<Option<String>, ConfigError> {
        let directory = self.sources.env.get(OsStr::new("CREDENTIALS_DIRECTORY"));
        let Some(directory) = directory else {
            return Ok(None);
        };
        if are_out_of_sight(self.sources) {
            return Ok(None);
        }
        let path = Path::new(directory).join(name);
        match reading::open(&path) {
            Ok(file) => read_bounded(&file, &path, what, limit_bytes).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into_error(&path, what, ADVICE)),
        }
    }

    /// The path that `entry` names, unless the secret itself stands there.
    fn path_in<'b>(
        &self,
        key: &'static str,
        entry: &'b Entry,
        error: impl Fn(String, String) -> ConfigError,
    ) -> Result<&'b str, ConfigError> {
        let path = entry.value.as_str().unwrap_or_default();
        if begins_as_a_secret(path) {
            let key = self.table.section.key(key);
            let problem = format!("stands where the path of its file belongs (key {key})");
            return Err(error(entry.origin.to_string(), problem));
        }
        // A relative one would depend on where comenqd was started, and older tokens and parts of
        // a key look like one.
        if !path.starts_with('/') || path.contains('\0') {
            return Err(ConfigError::Value {
                origin: entry.origin.clone(),
                key: self.table.section.key(key),
                value: HIDDEN.to_owned(),
                reason: "must be the path of a file, from / on; correct or remove it".to_owned(),
            });
        }
        Ok(path)
    }

    fn problem(&self, problem: String) -> ConfigError {
        ConfigError::Account {
            account: self.account.to_owned(),
            problem,
        }
    }
}

/// What `parse` finds in a file, and the file that is open still.
fn secret_file<T>(
    path: &str,
    what: &'static str,
    limit_bytes: u64,
    parse: impl FnOnce(&str) -> Result<Option<T>, ConfigError>,
) -> Result<Option<(T, File)>, ConfigError> {
    let path = Path::new(path);
    let file = reading::open(path).map_err(|error| error.into_error(path, what, ADVICE))?;
    let text = read_bounded(&file, path, what, limit_bytes)?;
    Ok(parse(&text)?.map(|found| (found, file)))
}
