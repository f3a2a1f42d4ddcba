//! In whose name requests are sent: nobody's, a token's, or a GitHub App's installation.
//!
//! Decides which text is an App's private key, and what a JSON Web Token of an App looks like.
//! Made by `config`, used by `http` and `app`. Must not know where a credential comes from, nor
//! what is asked with it.
//!
//! A JSON Web Token is three pieces of base64 with an RSA signature under the first two, and the
//! TLS library has the signature. A crate for more than that would bring a second implementation
//! of RSA into the binary.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::RsaSigningKey;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer};
use rustls::sign::SigningKey as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::clock::UnixMs;
use crate::secret::Secret;

/// How far GitHub's clock may be behind ours without the token seeming to come from the future;
/// GitHub's own advice.
const BACKDATED: Duration = Duration::from_secs(60);

/// How long a JSON Web Token lasts. GitHub accepts ten minutes, by its own clock.
const LASTS: Duration = Duration::from_secs(8 * 60);

/// In whose name an account posts.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// There is none: nothing is ever sent.
    None,
    /// A user's token.
    Token(Secret),
    /// A GitHub App, as it is installed somewhere.
    App {
        /// The App's id.
        app_id: u64,
        /// Which of its installations.
        installation_id: u64,
        /// The App's private key.
        key: AppKey,
    },
}

impl Credential {
    /// Tells one credential from another without telling either: what a blocked lane waited for
    /// is over when there is a new one. 0 where there is none.
    #[must_use]
    pub fn tag(&self) -> u64 {
        let digest: [u8; 32] = match self {
            Self::None => return 0,
            Self::Token(token) => Sha256::digest(token.expose()).into(),
            Self::App {
                app_id,
                installation_id,
                key,
            } => Sha256::new()
                .chain_update(app_id.to_be_bytes())
                .chain_update(installation_id.to_be_bytes())
                .chain_update(key.digest)
                .finalize()
                .into(),
        };
        digest
            .first_chunk::<8>()
            .map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Token(token) => f.debug_tuple("Token").field(token).finish(),
            Self::App {
                app_id,
                installation_id,
                key,
            } => f
                .debug_struct("App")
                .field("app_id", app_id)
                .field("installation_id", installation_id)
                .field("key", key)
                .finish(),
        }
    }
}

/// A GitHub App's private key. `Debug` hides it.
#[derive(Clone)]
pub struct AppKey {
    key: Arc<RsaSigningKey>,
    /// Of the key as it was given: tells two keys apart.
    digest: [u8; 32],
}

/// Why a text is not an App's private key, to be read after its source. Tells what, never which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppKeyError {
    /// No PEM at all.
    #[error(
        "is not a PEM private key: it has no line -----BEGIN RSA PRIVATE KEY----- or -----BEGIN \
         PRIVATE KEY-----; give the .pem file that GitHub offers where the App's settings say \
         \"Generate a private key\""
    )]
    NotPem,
    /// Cut off.
    #[error(
        "is not a whole PEM private key: its END line is missing or its text is cut; copy the .pem \
         file again"
    )]
    Cut,
    /// PEM of something else.
    #[error("is not a PEM private key but {found}; give the .pem file of the App's private key")]
    OtherPem {
        /// What it is.
        found: &'static str,
    },
    /// A key that cannot be used.
    #[error(
        "is a PEM private key that cannot be used ({reason}); GitHub Apps have RSA keys of 2048 \
         bits or more"
    )]
    Unusable {
        /// What is wrong with it.
        reason: String,
    },
}

impl AppKey {
    /// Reads a key as GitHub gives it out (PKCS#1), or as other tools write it (PKCS#8).
    ///
    /// # Errors
    /// Where it is none; says what it is instead.
    pub fn parse(pem: &str) -> Result<Self, AppKeyError> {
        if let Some(found) = other_pem(pem) {
            return Err(AppKeyError::OtherPem { found });
        }
        let der = private_key(pem.as_bytes())?;
        let key = RsaSigningKey::new(&der).map_err(|error| AppKeyError::Unusable {
            reason: match error {
                rustls::Error::General(reason) => reason,
                other => other.to_string(),
            },
        })?;
        Ok(Self {
            key: Arc::new(key),
            digest: Sha256::digest(der.secret_der()).into(),
        })
    }

    /// A JSON Web Token for the App, to be used within minutes of `now`, which is GitHub's time
    /// as well as it is known. `None` only where the signature fails.
    pub(super) fn jwt(&self, app_id: u64, now: UnixMs) -> Option<String> {
        let seconds = |time: UnixMs| time.0.div_euclid(1000);
        let claims = json!({
            "iat": seconds(now.minus(BACKDATED)),
            "exp": seconds(now.plus(LASTS)),
            "iss": app_id.to_string(),
        });
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let header = encode(br#"{"alg":"RS256","typ":"JWT"}"#);
        let claims = encode(claims.to_string().as_bytes());
        let message = format!("{header}.{claims}");
        let signer = self
            .key
            .choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])?;
        let signature = signer.sign(message.as_bytes()).ok()?;
        Some(format!("{message}.{}", encode(&signature)))
    }
}

/// What a PEM text holds that is not a private key anybody can use without more.
fn other_pem(pem: &str) -> Option<&'static str> {
    [
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "an encrypted one"),
        ("Proc-Type: 4,ENCRYPTED", "an encrypted one"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "an OpenSSH key"),
        ("-----BEGIN EC PRIVATE KEY-----", "an elliptic-curve key"),
        ("-----BEGIN PUBLIC KEY-----", "a public key"),
        ("-----BEGIN RSA PUBLIC KEY-----", "a public key"),
        ("-----BEGIN CERTIFICATE-----", "a certificate"),
    ]
    .into_iter()
    .find_map(|(mark, found)| pem.contains(mark).then_some(found))
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, AppKeyError> {
    let pkcs1 = || PrivatePkcs1KeyDer::from_pem_slice(pem).map(PrivateKeyDer::from);
    let pkcs8 = || PrivatePkcs8KeyDer::from_pem_slice(pem).map(PrivateKeyDer::from);
    pkcs1()
        .or_else(|error| match error {
            PemError::NoItemsFound => pkcs8(),
            other => Err(other),
        })
        .map_err(|error| match error {
            PemError::NoItemsFound => AppKeyError::NotPem,
            _ => AppKeyError::Cut,
        })
}

impl PartialEq for AppKey {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for AppKey {}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppKey(hidden)")
    }
}

#[cfg(test)]
pub(super) mod tests;
