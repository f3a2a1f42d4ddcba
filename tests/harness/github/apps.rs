//! GitHub Apps: their keys, their installations and the tokens these hand out.
//!
//! Decides who comes with a JSON Web Token or an installation's token. Asked by `handle` for each
//! request; `app_routes` answers what only Apps may ask. Written apart from the daemon's signing, so
//! that a fault there does not hide behind the same fault here.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;

use super::GithubStandin;
use super::world::Account;

/// The private key of [`App::example`], as GitHub gives keys out. It opens nothing else.
pub const APP_KEY: &str = include_str!("app-key.pem");

/// The longest that a JSON Web Token may last.
const MAX_LIFE_SECONDS: i64 = 600;

/// How long an installation's token lasts on GitHub.
const TOKEN_SECONDS: i64 = 3_600;

fn hour() -> i64 {
    TOKEN_SECONDS
}

/// An App with one installation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Its id.
    pub id: u64,
    /// Its name in addresses; its bot user is `SLUG[bot]`.
    pub slug: String,
    /// The number of its bot user.
    pub bot_id: u64,
    /// The id of its installation.
    pub installation_id: u64,
    /// Its key as PEM, PKCS#1 or PKCS#8.
    pub private_key: String,
    /// How long a token lasts.
    #[serde(default = "hour")]
    pub token_seconds: i64,
}

impl App {
    /// `octo-app`, whose key is [`APP_KEY`].
    #[must_use]
    pub fn example() -> Self {
        Self {
            id: 12_345,
            slug: "octo-app".to_owned(),
            bot_id: 41_898_282,
            installation_id: 678,
            private_key: APP_KEY.to_owned(),
            token_seconds: TOKEN_SECONDS,
        }
    }

    /// Its bot user, under whose name it posts.
    #[must_use]
    pub fn bot(&self) -> Account {
        Account {
            login: format!("{}[bot]", self.slug),
            id: self.bot_id,
        }
    }
}

/// What an installation's token speaks for.
#[derive(Debug, Clone, Copy)]
struct Grant {
    installation_id: u64,
    expires_at: i64,
}

/// All Apps.
#[derive(Debug, Default)]
pub(super) struct Apps {
    /// By id, each with its public key.
    known: BTreeMap<u64, (App, Vec<u8>)>,
    suspended: Vec<u64>,
    tokens: HashMap<String, Grant>,
    /// How many tokens were handed out.
    issued: u64,
}

/// Who a JSON Web Token speaks for, or GitHub's words why for nobody.
#[derive(Debug, Clone)]
pub(super) enum Claim {
    Good(App),
    Bad { status: u16, message: &'static str },
}

impl Apps {
    pub(super) fn add(&mut self, app: App) -> Result<(), String> {
        let key = public_key(&app.private_key)?;
        self.known.insert(app.id, (app, key));
        Ok(())
    }

    /// The App that `jwt` proves its bearer to be, at `now` of the stand-in's clock.
    pub(super) fn claim(&self, jwt: &str, now: i64) -> Claim {
        let bad = |status, message| Claim::Bad { status, message };
        let undecodable = bad(401, "A JSON web token could not be decoded");
        let Some((claims, message, signature)) = read(jwt) else {
            return undecodable;
        };
        let time = |name: &str| claims.get(name).and_then(Value::as_i64);
        let Some((app, key)) = issuer(&claims).and_then(|id| self.known.get(&id)) else {
            return bad(404, "Integration not found");
        };
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
        if key.verify(message.as_bytes(), &signature).is_err() {
            return undecodable;
        }
        match (time("iat"), time("exp")) {
            (Some(issued), _) if issued > now => bad(
                401,
                "'Issued at' claim ('iat') must be an Integer representing the time that the \
                 assertion was issued",
            ),
            (Some(_), Some(expires)) if expires <= now => bad(
                401,
                "'Expiration time' claim ('exp') must be a numeric value representing the future \
                 time at which the assertion expires",
            ),
            (Some(_), Some(expires)) if expires > now + MAX_LIFE_SECONDS => bad(
                401,
                "'Expiration time' claim ('exp') is too far in the future",
            ),
            (Some(_), Some(_)) => Claim::Good(app.clone()),
            _ => undecodable,
        }
    }

    /// Hands out a token of the App's installation.
    pub(super) fn issue(&mut self, app: &App, now: i64) -> (String, i64) {
        self.issued += 1;
        let token = format!("ghs_standin{:029}", self.issued);
        let expires_at = now.saturating_add(app.token_seconds);
        let grant = Grant {
            installation_id: app.installation_id,
            expires_at,
        };
        self.tokens.insert(token.clone(), grant);
        (token, expires_at)
    }

    /// The App whose installation's token this is, while it lasts.
    pub(super) fn bearer(&self, token: &str, now: i64) -> Option<&App> {
        let grant = self.tokens.get(token).filter(|it| it.expires_at > now)?;
        let mut apps = self.known.values().map(|(app, _)| app);
        apps.find(|app| app.installation_id == grant.installation_id)
    }

    pub(super) fn bots(&self) -> impl Iterator<Item = Account> {
        self.known.values().map(|(app, _)| app.bot())
    }

    pub(super) fn is_suspended(&self, installation_id: u64) -> bool {
        self.suspended.contains(&installation_id)
    }

    pub(super) fn suspend(&mut self, installation_id: u64, suspended: bool) {
        self.suspended.retain(|known| *known != installation_id);
        if suspended {
            self.suspended.push(installation_id);
        }
    }

    /// Ends all tokens of an installation now.
    pub(super) fn expire(&mut self, installation_id: u64) {
        self.tokens
            .retain(|_, grant| grant.installation_id != installation_id);
    }

    /// How long tokens last that are handed out from here on.
    pub(super) fn set_token_seconds(&mut self, installation_id: u64, seconds: i64) {
        for (app, _) in self.known.values_mut() {
            if app.installation_id == installation_id {
                app.token_seconds = seconds;
            }
        }
    }

    /// Uninstalls: the installation and its tokens are gone, the App is not.
    pub(super) fn uninstall(&mut self, installation_id: u64) {
        self.expire(installation_id);
        for (app, _) in self.known.values_mut() {
            if app.installation_id == installation_id {
                app.installation_id = 0;
            }
        }
    }
}

/// Claims, the signed text and the signature, where it is a JSON Web Token of RS256.
fn read(jwt: &str) -> Option<(Value, &str, Vec<u8>)> {
    let (message, signature) = jwt.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    let decode = |part| BASE64_URL_SAFE_NO_PAD.decode(part).ok();
    let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
    if header.get("alg")?.as_str()? != "RS256" {
        return None;
    }
    let claims = serde_json::from_slice(&decode(claims)?).ok()?;
    Some((claims, message, decode(signature)?))
}

/// `iss`, which may be a number or a text.
fn issuer(claims: &Value) -> Option<u64> {
    let issuer = claims.get("iss")?;
    issuer.as_u64().or_else(|| issuer.as_str()?.parse().ok())
}

fn public_key(pem: &str) -> Result<Vec<u8>, String> {
    let text: String = pem
        .lines()
        .skip_while(|line| !line.starts_with("-----BEGIN"))
        .skip(1)
        .take_while(|line| !line.starts_with("-----END"))
        .collect();
    let der = BASE64_STANDARD
        .decode(text)
        .map_err(|error| format!("the private key is not PEM: {error}"))?;
    RsaKeyPair::from_der(&der)
        .or_else(|_| RsaKeyPair::from_pkcs8(&der))
        .map(|pair| pair.public_key().as_ref().to_vec())
        .map_err(|error| format!("the private key is not one of RSA: {error}"))
}

impl GithubStandin {
    /// Adds an App or changes one.
    ///
    /// # Errors
    /// When its key is none.
    pub fn add_app(&self, app: &App) -> Result<(), String> {
        self.shared.world().apps.add(app.clone())
    }

    /// Suspends an installation, or lifts that.
    pub fn suspend_installation(&self, installation_id: u64, suspended: bool) {
        let mut world = self.shared.world();
        world.apps.suspend(installation_id, suspended);
    }

    /// Ends all tokens of an installation now.
    pub fn expire_app_tokens(&self, installation_id: u64) {
        self.shared.world().apps.expire(installation_id);
    }

    /// How long the tokens of an installation last that are handed out from here on.
    pub fn set_app_token_seconds(&self, installation_id: u64, seconds: i64) {
        let mut world = self.shared.world();
        world.apps.set_token_seconds(installation_id, seconds);
    }

    /// Takes an installation away.
    pub fn uninstall_app(&self, installation_id: u64) {
        self.shared.world().apps.uninstall(installation_id);
    }
}
