//! Every key there is, by the table it stands in.
//!
//! Decides that an unknown key is an error and which known one was probably meant. Called by
//! [`super::file`] and [`super::raw`]; must not know what any key means.

use super::ConfigError;
use super::origin::Origin;

/// The kinds of tables in a configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Outside any table: the daemon, and the account `default`.
    Flat,
    /// `[accounts.NAME]`.
    Account,
    /// `[policy]`.
    Policy,
    /// `[policy.users.NAME]`.
    User,
}

const FLAT: [&str; 35] = [
    "admin_group",
    "allow_dangerous",
    "allowed_repositories",
    "allowed_users",
    "app_id",
    "app_key_file",
    "backoff_max_seconds",
    "backoff_min_seconds",
    "comment_marker",
    "cooldown_jitter_seconds",
    "cooldown_period_seconds",
    "github_api_timeout_seconds",
    "github_api_url",
    "github_token",
    "github_token_file",
    "hold_restored_jobs",
    "idle_exit_seconds",
    "idle_timeout_seconds",
    "installation_id",
    "keep_finished_days",
    "keep_finished_jobs",
    "log_level",
    "look_delay_seconds",
    "max_age_seconds",
    "max_attempts",
    "max_body_chars",
    "max_connections",
    "max_connections_per_user",
    "max_requests_per_second",
    "max_violations_per_minute",
    "operator_group",
    "public_status",
    "queue_path",
    "refusal_seconds",
    "socket_path",
];

/// Those of [`FLAT`] that mean the account `default`.
pub(super) const FLAT_ACCOUNT: [&str; 11] = [
    "allowed_repositories",
    "allowed_users",
    "app_id",
    "app_key_file",
    "comment_marker",
    "cooldown_jitter_seconds",
    "cooldown_period_seconds",
    "github_api_url",
    "github_token",
    "github_token_file",
    "installation_id",
];

const ACCOUNT: [&str; 10] = [
    "allowed_repositories",
    "allowed_users",
    "api_url",
    "app_id",
    "app_key_file",
    "cooldown_jitter_seconds",
    "cooldown_period_seconds",
    "github_token_file",
    "installation_id",
    "marker",
];

const POLICY: [&str; 6] = [
    "allowed_accounts",
    "allowed_repositories",
    "max_posts_per_day",
    "max_queued_bytes",
    "max_queued_jobs",
    "max_submits_per_minute",
];

/// How alike two keys must be (0 to 1) for one to be suggested for the other: by their beginning and
/// letters, which finds what was shortened,
const ALIKE: f64 = 0.7;
/// or by the number of slips between them, which finds what was mistyped and ranks better.
const FEW_SLIPS: f64 = 0.5;

impl Kind {
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Flat => &FLAT,
            Self::Account => &ACCOUNT,
            Self::Policy | Self::User => &POLICY,
        }
    }

    /// The tables that may stand in one of this kind.
    fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Flat => &["accounts", "policy"],
            Self::Policy => &["users"],
            Self::Account | Self::User => &[],
        }
    }

    /// The known key of that name.
    pub(super) fn known(self, name: &str, origin: &Origin) -> Result<&'static str, ConfigError> {
        let found = self.keys().iter().find(|key| **key == name);
        found.copied().ok_or_else(|| ConfigError::UnknownKey {
            origin: origin.clone(),
            key: name.to_owned(),
            advice: self.advice(name),
        })
    }

    /// What somebody who wrote `name` here probably wanted.
    fn advice(self, name: &str) -> String {
        let elsewhere = [
            (Self::Policy, "it belongs into [policy]"),
            (Self::Flat, "it belongs above the first table"),
            (Self::Account, "it belongs into a table [accounts.NAME]"),
        ];
        let place = elsewhere
            .iter()
            .find(|(kind, _)| *kind != self && kind.keys().contains(&name));
        let here = self.keys().iter().chain(self.tables()).copied();
        match (nearest(name, here), place) {
            // `github_token` has no place in an account's table, its file has.
            (Some(key), Some(_)) if key.starts_with(name) => format!("did you mean \"{key}\"?"),
            (_, Some((_, place))) => (*place).to_owned(),
            (Some(key), None) => format!("did you mean \"{key}\"?"),
            (None, None) => {
                let known: Vec<_> = self.keys().iter().chain(self.tables()).copied().collect();
                format!("there are: {}", known.join(", "))
            }
        }
    }
}

/// The candidate most like `name`, if one is.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .map(|key| (strsim::normalized_damerau_levenshtein(key, name), key))
        .filter(|(few, key)| *few >= FEW_SLIPS || strsim::jaro_winkler(key, name) >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, key)| key)
}
