//! More of a set-up: files beside the configuration, accounts of their own, and what changes between
//! two starts or reloads.

use super::{Setup, write_private};

impl Setup {
    /// A key of the configuration, as TOML.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        self.config.get(key).cloned()
    }

    /// Writes a file into the test's directory that only its owner may read.
    #[must_use]
    pub fn file(self, name: &str, text: &str) -> Self {
        self.put_file(name, text);
        self
    }

    /// The same between two starts or reloads.
    pub fn put_file(&self, name: &str, text: &str) {
        write_private(&self.path(name), text);
    }

    /// Leaves a key of the configuration out.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.unset(key);
        self
    }

    /// Removes a key of the configuration between two starts or reloads.
    pub fn unset(&mut self, key: &str) {
        self.config.remove(key);
    }

    /// Adds an account `[accounts.NAME]` with a token file, which posts every second to `url`.
    #[must_use]
    pub fn account(mut self, name: &str, url: &str, token: &str) -> Self {
        self.add_account(name, url, token);
        self
    }

    /// The same between two starts or reloads.
    pub fn add_account(&mut self, name: &str, url: &str, token: &str) {
        let file = format!("token-{name}");
        self.put_file(&file, token);
        let path = self.path(&file);
        self.set(
            &format!("accounts.{name}.github_token_file"),
            &format!("\"{}\"", path.display()),
        );
        self.set(&format!("accounts.{name}.api_url"), &format!("{url:?}"));
        self.set(&format!("accounts.{name}.cooldown_period_seconds"), "1");
    }
}
