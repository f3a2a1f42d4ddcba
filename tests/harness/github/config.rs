//! How a stand-in starts: address, accounts, issues.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::world::Account;

/// The token of [`Config::example`].
pub const TOKEN: &str = "ghp_standin0000000000000000000000000000";
/// The login that [`TOKEN`] belongs to.
pub const LOGIN: &str = "octo-bot";
/// The number of [`LOGIN`].
pub const USER_ID: u64 = 583_231;

/// How a stand-in starts.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What stands before every path, such as `/api/v3`.
    pub prefix: String,
    /// Its tokens and whom they belong to.
    pub tokens: Vec<(String, Account)>,
    /// Its issues, as `Owner/Repo#1`.
    pub issues: Vec<String>,
    /// Where comments are kept over a restart.
    pub state: Option<PathBuf>,
    /// How far its clock is ahead.
    pub clock_offset_seconds: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            prefix: String::new(),
            tokens: Vec::new(),
            issues: Vec::new(),
            state: None,
            clock_offset_seconds: 0,
        }
    }
}

impl Config {
    /// One account ([`TOKEN`]) and the issues `octo/demo#1` to `#9`.
    #[must_use]
    pub fn example() -> Self {
        let account = Account {
            login: LOGIN.to_owned(),
            id: USER_ID,
        };
        Self {
            tokens: vec![(TOKEN.to_owned(), account)],
            issues: (1..=9)
                .map(|number| format!("octo/demo#{number}"))
                .collect(),
            ..Self::default()
        }
    }
}
