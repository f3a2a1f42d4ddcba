//! `[policy]` and `[policy.users.NAME]`.
//!
//! Decides the bounds of the limits, and that a user's own replace the common ones key by key.
//! Called by [`super::load`]; what the rules mean is `policy`'s to say.

use std::collections::{BTreeMap, BTreeSet};

use super::accounts::AccountConfig;
use super::effective::Block;
use super::raw::Raw;
use super::values::Values;
use super::{ConfigError, Sources, users};
use crate::policy::{Limits, Policy, UserRules};

/// Far more jobs than a store is made for; a number of bytes written by mistake is more.
const MOST_JOBS: u64 = 100_000_000;
/// A tebibyte.
const MOST_BYTES: u64 = 1 << 40;

/// The rules, and what to print of them.
pub(super) fn load(
    sources: &Sources,
    raw: &Raw,
    accounts: &[AccountConfig],
) -> Result<(Policy, Vec<Block>), ConfigError> {
    let existing = accounts.iter().map(|it| it.name.to_string()).collect();
    let mut blocks = Vec::new();
    let mut values = Values::new(&raw.policy);
    let everyone = limits(&mut values, &Limits::default(), &existing)?;
    blocks.push(values.finish());

    let mut own: BTreeMap<u32, UserRules> = BTreeMap::new();
    for (name, table) in &raw.users {
        let wrong = |reason| ConfigError::Name {
            origin: table.origin.clone(),
            what: "a user",
            name: name.clone(),
            reason,
        };
        let uid =
            users::resolve(name, sources.lookup_user).map_err(|error| wrong(error.to_string()))?;
        if let Some(other) = own.get(&uid) {
            return Err(ConfigError::Twice {
                origin: table.origin.clone(),
                table: format!("policy.users.{name}"),
                reason: format!(
                    "is uid {uid}, and so is [policy.users.{}]; join the two tables",
                    other.name
                ),
            });
        }
        let mut values = Values::overrides(table, format!("uid {uid}"));
        let rules = UserRules {
            name: name.clone(),
            limits: limits(&mut values, &everyone, &existing)?,
            own_keys: table.keys().collect(),
        };
        own.insert(uid, rules);
        blocks.push(values.finish());
    }
    let of_accounts = accounts.iter().map(|it| (it.name.to_string(), it.rules()));
    Ok((Policy::new(everyone, own, of_accounts.collect()), blocks))
}

fn limits(
    values: &mut Values<'_>,
    base: &Limits,
    accounts: &BTreeSet<String>,
) -> Result<Limits, ConfigError> {
    let per_minute = values.number(
        "max_submits_per_minute",
        u64::from(base.max_submits_per_minute),
        0..=u64::from(u32::MAX),
        "submissions",
    )?;
    Ok(Limits {
        max_queued_jobs: values.number(
            "max_queued_jobs",
            base.max_queued_jobs,
            0..=MOST_JOBS,
            "jobs",
        )?,
        max_queued_bytes: values.number(
            "max_queued_bytes",
            base.max_queued_bytes,
            0..=MOST_BYTES,
            "bytes",
        )?,
        max_submits_per_minute: u32::try_from(per_minute).unwrap_or(u32::MAX),
        max_posts_per_day: values.number_or_unlimited(
            "max_posts_per_day",
            base.max_posts_per_day,
            0..=MOST_JOBS,
            "posts",
        )?,
        allowed_accounts: values.account_names(
            "allowed_accounts",
            base.allowed_accounts.as_ref(),
            accounts,
        )?,
        allowed_repositories: values
            .repositories("allowed_repositories", base.allowed_repositories.as_deref())?,
    })
}
