//! Who asks, request by request.
//!
//! Decides which header goes out, and why none does. Made and asked by `http` and `api`. Must not
//! know what is asked.

use std::time::Duration;

use http::HeaderValue;

use super::answer::Answer;
use super::app::Installation;
use super::credential::Credential;
use super::settings::{SettingsError, bearer};
use super::{Trouble, TroubleKind};

/// In whose name requests go out.
pub(super) enum Authority {
    /// Nobody's: none goes out.
    Nobody,
    /// A user's, whose token is in this header.
    User(HeaderValue),
    /// A GitHub App's, which gets its tokens by itself.
    App(Installation),
}

impl Authority {
    pub(super) fn new(credential: Credential) -> Result<Self, SettingsError> {
        Ok(match credential {
            Credential::None => Self::Nobody,
            Credential::Token(token) => Self::User(bearer(token.expose())?),
            Credential::App {
                app_id,
                installation_id,
                key,
            } => Self::App(Installation::new(app_id, installation_id, key)),
        })
    }

    /// The header that names who asks, or why there is none at `now` of `CLOCK_BOOTTIME`.
    pub(super) fn header(&self, now: Duration) -> Result<HeaderValue, Trouble> {
        match self {
            Self::Nobody => Err(no_credential()),
            Self::User(header) => Ok(header.clone()),
            Self::App(app) => app.authorization_until(now).ok_or_else(no_token_now),
        }
    }

    /// What a 401 to a GitHub App's token means: it ended before its time. The next who-am-I gets
    /// another, or says what is wrong with the installation.
    pub(super) fn lost_token(&self, answer: &Answer) -> Option<Trouble> {
        let Self::App(app) = self else {
            return None;
        };
        let message = answer.message().filter(|_| answer.status == 401)?;
        app.forget_token();
        Some(Trouble {
            kind: TroubleKind::Offline,
            reason: message.after("GitHub ended the App's token before its time"),
            wait: None,
        })
    }
}

fn no_credential() -> Trouble {
    Trouble {
        kind: TroubleKind::Blocked,
        reason: "there is no GitHub token; configure one".to_owned(),
        wait: None,
    }
}

/// Nobody asked who we are for so long that the token ended; whoever does gets another.
fn no_token_now() -> Trouble {
    Trouble {
        kind: TroubleKind::Offline,
        reason: "the GitHub App's token has to be renewed first".to_owned(),
        wait: Some(Duration::ZERO),
    }
}
