//! What a reload cannot change, in words.
//!
//! Decides which settings only a restart reads. Asked by `app` after it loaded a configuration
//! again: it then says so, and what it keeps of that configuration is what is in force.

use std::path::Path;

use super::{AccountConfig, Config};
use crate::github::Credential;

impl Config {
    /// What of `new` takes effect only with a restart, in words; empty where all of it can be
    /// taken over.
    #[must_use]
    pub fn unreloadable_differences(&self, new: &Self) -> Vec<String> {
        let mut said = Vec::new();
        let paths = [
            ("socket_path", &self.socket_path, &new.socket_path),
            ("queue_path", &self.queue_path, &new.queue_path),
        ];
        for (key, old, new) in paths {
            if old != new {
                said.push(path_stays(key, old, new));
            }
        }
        if self.hold_restored_jobs != new.hold_restored_jobs {
            said.push(format!(
                "hold_restored_jobs stays {} until a restart: it is asked when the queue is opened",
                self.hold_restored_jobs
            ));
        }
        if self.access.public_status != new.access.public_status {
            said.push(format!(
                "public_status stays {} until a restart: the socket's mode goes with it",
                self.access.public_status
            ));
        }
        let known =
            |account: &AccountConfig| self.accounts.iter().any(|it| it.name == account.name);
        let without = new.accounts.iter().filter(|account| {
            account.credential == Credential::None && !account.credential_reloads && !known(account)
        });
        said.extend(without.map(|account| {
            format!(
                "account \"{}\" has no credential: one that systemd is to pass reaches comenqd only \
                 with a restart",
                account.name
            )
        }));
        said
    }

    /// This configuration as a running daemon takes it over: with what only a restart changes as it
    /// is in `running`.
    #[must_use]
    pub fn as_reloaded(mut self, running: &Self) -> Self {
        self.socket_path.clone_from(&running.socket_path);
        self.queue_path.clone_from(&running.queue_path);
        self.hold_restored_jobs = running.hold_restored_jobs;
        self.access.public_status = running.access.public_status;
        // It may have been left out as not needed.
        let operators = self.access.operator_group;
        self.access.operator_group = operators.or(running.access.operator_group);
        for key in [
            "socket_path",
            "queue_path",
            "hold_restored_jobs",
            "public_status",
        ] {
            self.effective.keep(&running.effective, key);
        }
        self
    }

    /// The credentials that a reload does not read again, in words: who replaced one and reloads
    /// has to know.
    #[must_use]
    pub fn fixed_credentials(&self) -> Vec<String> {
        let fixed = self.accounts.iter().filter(|it| !it.credential_reloads);
        fixed
            .filter_map(|account| {
                let source = account.credential_source.as_ref()?;
                Some(format!(
                    "the credential of account \"{}\" comes from {source}; if it was replaced \
                     there, run: {}",
                    account.name, account.remedy
                ))
            })
            .collect()
    }
}

fn path_stays(key: &str, old: &Path, new: &Path) -> String {
    format!(
        "{key} stays {} until a restart: {} is not used yet",
        old.display(),
        new.display()
    )
}
