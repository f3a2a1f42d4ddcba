//! How a GitHub App comes to a token, and to the name it posts under.
//!
//! Decides when a token is renewed: only while somebody asks who we are, so never in the middle of
//! an attempt. Called by `api`. Must not know what the token is then used for.
//!
//! An App signs for itself (`credential`) and gets a token of its installation, which lasts an hour.
//! Its comments are those of its bot user, `SLUG[bot]`, whom `GET /user` does not tell:
//! the slug comes from `GET /app`, the user's id from `GET /users/SLUG[bot]`.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderValue, Method};
use tokio::time::Instant;

use super::answer::Answer;
use super::api::{MAX_ANSWER, answered, offline};
use super::credential::AppKey;
use super::http::{Failure, Http};
use super::settings::bearer;
use super::{Answered, Identity, Trouble, TroubleKind, outcome};

/// How long a token must last to begin something with it.
const ENOUGH: Duration = Duration::from_secs(5 * 60);

/// One installation of a GitHub App, and what is known of it.
pub(super) struct Installation {
    app_id: u64,
    id: u64,
    key: AppKey,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// What the App is called in addresses; it changes only with its name.
    slug: Option<String>,
    token: Option<Token>,
}

#[derive(Clone)]
struct Token {
    authorization: HeaderValue,
    /// When it ends, by `CLOCK_BOOTTIME`.
    ends: Duration,
}

impl Installation {
    pub(super) fn new(app_id: u64, id: u64, key: AppKey) -> Self {
        Self {
            app_id,
            id,
            key,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The header with the token, where it lasts until `moment`.
    pub(super) fn authorization_until(&self, moment: Duration) -> Option<HeaderValue> {
        let known = self.known();
        let token = known.token.as_ref().filter(|token| token.ends > moment)?;
        Some(token.authorization.clone())
    }

    /// GitHub does not take the token any more: the next who-am-I gets another.
    pub(super) fn forget_token(&self) {
        self.known().token = None;
    }
}

impl Http {
    /// Who the App posts as. Renews its token where that does not last. All of it ends within the
    /// time of one request, for that is what its caller reckons with.
    pub(super) async fn bot(
        &self,
        app: &Installation,
        last: &mut Answered<()>,
    ) -> Result<Identity, Trouble> {
        let deadline = self.deadline();
        let enough = self.clock.boottime().saturating_add(ENOUGH);
        let Some(authorization) = app.authorization_until(enough) else {
            return self.renewed_bot(app, deadline, last).await;
        };
        let slug = self.slug(app, deadline, last).await?;
        let answer = self.user(&slug, authorization, deadline, last).await?;
        if answer.status == 401 && answer.message().is_some() {
            // Revoked before its time, as when the App was installed anew.
            return self.renewed_bot(app, deadline, last).await;
        }
        self.named(app, &answer)
    }

    /// Who answers to the App's slug. Where nobody does, the App has another by now, and the next
    /// question begins with that.
    fn named(&self, app: &Installation, answer: &Answer) -> Result<Identity, Trouble> {
        if answer.status == 404 {
            app.known().slug = None;
        }
        outcome::of_bot(answer, &self.api)
    }

    async fn renewed_bot(
        &self,
        app: &Installation,
        deadline: Instant,
        last: &mut Answered<()>,
    ) -> Result<Identity, Trouble> {
        app.forget_token();
        let slug = self.slug(app, deadline, last).await?;
        let authorization = self.new_token(app, deadline, last).await?;
        let answer = self.user(&slug, authorization, deadline, last).await?;
        self.named(app, &answer)
    }

    async fn slug(
        &self,
        app: &Installation,
        deadline: Instant,
        last: &mut Answered<()>,
    ) -> Result<String, Trouble> {
        if let Some(slug) = app.known().slug.clone() {
            return Ok(slug);
        }
        let answer = self
            .as_app(app, Method::GET, "/app", deadline, last)
            .await?;
        let slug = outcome::of_app(&answer, &self.api)?;
        app.known().slug = Some(slug.clone());
        Ok(slug)
    }

    async fn user(
        &self,
        slug: &str,
        authorization: HeaderValue,
        deadline: Instant,
        last: &mut Answered<()>,
    ) -> Result<Answer, Trouble> {
        let route = format!("/users/{slug}%5Bbot%5D");
        let answer = self.get(&route, authorization, MAX_ANSWER, deadline).await;
        note(last, answer)
    }

    async fn new_token(
        &self,
        app: &Installation,
        deadline: Instant,
        last: &mut Answered<()>,
    ) -> Result<HeaderValue, Trouble> {
        let route = format!("/app/installations/{}/access_tokens", app.id);
        let answer = self
            .as_app(app, Method::POST, &route, deadline, last)
            .await?;
        let (token, lasts) = outcome::of_token(&answer, &self.api)?;
        let authorization = bearer(token.expose()).map_err(unusable)?;
        app.known().token = Some(Token {
            authorization: authorization.clone(),
            ends: self.clock.boottime().saturating_add(lasts),
        });
        Ok(authorization)
    }

    /// A request in the App's own name. Our clock may be wrong where GitHub's is not known yet: an
    /// answer that says so has also told GitHub's time, and the request is made once more by that.
    /// It creates at most a token too many.
    async fn as_app(
        &self,
        app: &Installation,
        method: Method,
        route: &str,
        deadline: Instant,
        last: &mut Answered<()>,
    ) -> Result<Answer, Trouble> {
        let first = self.signed(app, &method, route, deadline, last).await?;
        if outcome::is_ill_timed(&first) {
            return self.signed(app, &method, route, deadline, last).await;
        }
        Ok(first)
    }

    async fn signed(
        &self,
        app: &Installation,
        method: &Method,
        route: &str,
        deadline: Instant,
        last: &mut Answered<()>,
    ) -> Result<Answer, Trouble> {
        let now = self.clock.due_now();
        let jwt = app.key.jwt(app.app_id, now);
        let jwt = jwt.ok_or_else(|| unusable("the key signs nothing"))?;
        let authorization = bearer(&jwt).map_err(unusable)?;
        let answer = if method == Method::POST {
            let nothing = serde_json::Map::new();
            self.post(route, authorization, &nothing, MAX_ANSWER, deadline)
                .await
        } else {
            self.get(route, authorization, MAX_ANSWER, deadline).await
        };
        note(last, answer)
    }
}

/// Keeps what came with an answer.
fn note(last: &mut Answered<()>, answer: Result<Answer, Failure>) -> Result<Answer, Trouble> {
    *last = answered(&answer, ());
    answer.map_err(|failure| offline(&failure))
}

fn unusable(why: impl std::fmt::Display) -> Trouble {
    Trouble {
        kind: TroubleKind::Blocked,
        reason: format!("the GitHub App's credential cannot be used: {why}"),
        wait: None,
    }
}

#[cfg(test)]
mod tests;
