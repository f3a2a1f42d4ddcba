//! What the HTTP client must be told, and what of it is refused.
//!
//! Decides what goes into every request's head. Made by `app` from the configuration, used by `http`.
//! Must not know what is sent.

use std::time::Duration;

use http::{HeaderValue, Uri};

use super::credential::Credential;
use crate::api_url::ApiUrl;

/// What a client needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the API is.
    pub api_url: ApiUrl,
    /// In whose name.
    pub credential: Credential,
    /// The longest that a request may take, all in all.
    pub timeout: Duration,
    /// What the program calls itself; GitHub demands it.
    pub user_agent: String,
}

/// Why a client cannot work with its settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// An address that no request can be sent to.
    #[error("github_api_url {url} cannot be used: {problem}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A token that cannot go into a header. `Secret` lets none pass.
    #[error("the token has a character that no header can have")]
    Token,
    /// A name that cannot go into a header.
    #[error("user agent {name:?} has a character that no header can have")]
    UserAgent {
        /// The name.
        name: String,
    },
}

impl Settings {
    /// Scheme, host and port.
    pub(super) fn origin(&self) -> Result<Uri, SettingsError> {
        self.api_url
            .origin()
            .parse()
            .map_err(|error: http::uri::InvalidUri| SettingsError::Address {
                url: self.api_url.as_str().to_owned(),
                problem: error.to_string(),
            })
    }
}

/// The header with a token, marked so that nothing on its way prints it.
pub(super) fn bearer(token: &str) -> Result<HeaderValue, SettingsError> {
    let mut header =
        HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| SettingsError::Token)?;
    header.set_sensitive(true);
    Ok(header)
}
