//! One request to GitHub, and one answer or one failure.
//!
//! Decides whether a request that failed can have reached GitHub. Called by `api`, which knows the
//! routes. Must not know what an answer means.
//!
//! Each request is sent once: nothing is retried, no redirect followed. It ends within the
//! configured time, and no answer takes more memory than its bound.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::AUTHORIZATION;
use http::request::Builder;
use http::{HeaderValue, Method, Uri};
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper_util::client::legacy;
use octocrab::Octocrab;
use serde::Serialize;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use super::answer::{Answer, Body, Headers};
use super::authority::Authority;
use super::client::{self, Recipe};
use super::message::plain;
use super::settings::{Settings, SettingsError};
use crate::api_url::ApiUrl;
use crate::clock::Clock;

/// A refusal has a few hundred bytes; more than this is not GitHub's.
const MAX_REFUSAL: usize = 64 * 1024;
/// How much of a failure's description is kept.
const MAX_FAILURE: usize = 500;

/// A request without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It surely never left.
    NotSent(String),
    /// It may have been carried out.
    Unknown(String),
}

/// GitHub's API over HTTP.
pub struct Http {
    /// The API's address.
    pub(super) api: ApiUrl,
    /// Scheme, host and port of it.
    origin: Uri,
    pub(super) authority: Authority,
    user_agent: HeaderValue,
    timeout: Duration,
    pub(super) clock: Arc<Clock>,
    /// Built at the first request: a daemon that has nothing to post starts faster and smaller.
    client: OnceCell<Octocrab>,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http")
            .field("api", &self.api.as_str())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Http {
    /// A client by these settings, which teaches `clock` GitHub's time. Does no I/O yet.
    ///
    /// # Errors
    /// Where the address would expose the token, or a setting cannot be used at all.
    pub fn new(settings: Settings, clock: Arc<Clock>) -> Result<Self, SettingsError> {
        let origin = settings.origin()?;
        let authority = Authority::new(settings.credential)?;
        Ok(Self {
            api: settings.api_url,
            origin,
            authority,
            user_agent: HeaderValue::try_from(&settings.user_agent).map_err(|_| {
                SettingsError::UserAgent {
                    name: settings.user_agent,
                }
            })?,
            timeout: settings.timeout,
            clock,
            client: OnceCell::new(),
        })
    }

    /// When a call that begins now has to end.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Sends one GET. Dropping the future is harmless.
    pub(super) async fn get(
        &self,
        route: &str,
        authorization: HeaderValue,
        max_body: usize,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let request = self.request(Method::GET, route, authorization);
        self.send(request, None::<&()>, max_body, deadline).await
    }

    /// Sends one POST. Not cancel-safe: dropping the future leaves its outcome unknown.
    pub(super) async fn post(
        &self,
        route: &str,
        authorization: HeaderValue,
        json: &(impl Serialize + Sync),
        max_body: usize,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let request = self.request(Method::POST, route, authorization);
        self.send(request, Some(json), max_body, deadline).await
    }

    /// A request's head. Its address begins with the API's own, so that nothing else ever gets
    /// the token.
    fn request(&self, method: Method, route: &str, authorization: HeaderValue) -> Builder {
        Builder::new()
            .method(method)
            .uri(format!("{}{route}", self.api.as_str()))
            .header(AUTHORIZATION, authorization)
    }

    async fn send(
        &self,
        request: Builder,
        json: Option<&(impl Serialize + Sync)>,
        max_body: usize,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let client = self.client(deadline).await?;
        let request = client.build_request(request, json).map_err(|error| {
            Failure::NotSent(format!("the request cannot be made: {}", words(&error)))
        })?;
        let sent = timeout_at(deadline, client.execute(request)).await;
        self.answer(sent, max_body, deadline).await
    }

    /// The client, built where it is not yet. A failure here is one before anything was sent.
    async fn client(&self, deadline: Instant) -> Result<&Octocrab, Failure> {
        let build = || {
            client::build(Recipe {
                origin: self.origin.clone(),
                user_agent: self.user_agent.clone(),
                timeout: self.timeout,
            })
        };
        let client = timeout_at(deadline, self.client.get_or_try_init(build)).await;
        let reason = match client {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "reading them takes too long".to_owned(),
        };
        Err(Failure::NotSent(format!(
            "the machine's CA certificates cannot be used ({reason}); install the package \
             ca-certificates, or name a file in SSL_CERT_FILE"
        )))
    }

    async fn answer(
        &self,
        sent: Result<octocrab::Result<Response>, tokio::time::error::Elapsed>,
        max_body: usize,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.failure(&error)),
            Err(_) => {
                let waited = self.timeout.as_secs_f32();
                return Err(Failure::Unknown(format!(
                    "no answer within {waited} s from {}",
                    self.api.as_str()
                )));
            }
        };
        let (parts, body) = response.into_parts();
        let headers = Headers::from(&parts.headers);
        if let (Some(_), Some(date)) = (&headers.request_id, headers.date) {
            self.clock.learn_github(date);
        }
        let bound = if parts.status.is_success() {
            max_body
        } else {
            MAX_REFUSAL
        };
        let body = match timeout_at(deadline, read(body, bound)).await {
            Ok(body) => body,
            Err(_) => Body::Unreadable("it did not end in time".to_owned()),
        };
        Ok(Answer {
            status: parts.status.as_u16(),
            headers,
            body,
        })
    }

    fn failure(&self, error: &octocrab::Error) -> Failure {
        let never_connected = causes(error).any(|cause| {
            cause
                .downcast_ref::<legacy::Error>()
                .is_some_and(legacy::Error::is_connect)
        });
        let words = words(error);
        if never_connected {
            Failure::NotSent(format!("cannot connect to {}: {words}", self.api.as_str()))
        } else {
            Failure::Unknown(format!("no answer from {}: {words}", self.api.as_str()))
        }
    }
}

type Response = http::Response<BoxBody<Bytes, octocrab::Error>>;

type Cause = dyn std::error::Error + 'static;

/// What is behind an error of octocrab's. The error itself is never shown, least of all by `{:?}`:
/// that resolves a backtrace, and costs 35 MB for good.
fn causes(error: &octocrab::Error) -> impl Iterator<Item = &Cause> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// The causes as one line. The HTTP client's own words say less than what caused them, and some
/// layers repeat those of the one below.
fn words(error: &octocrab::Error) -> String {
    let mut line = String::new();
    for cause in causes(error) {
        let only_wraps = cause.is::<legacy::Error>() && cause.source().is_some();
        let cause = cause.to_string();
        if !only_wraps && !line.contains(&cause) {
            if !line.is_empty() {
                line.push_str(": ");
            }
            line.push_str(&cause);
        }
    }
    plain(&line, MAX_FAILURE)
}

async fn read(mut body: BoxBody<Bytes, octocrab::Error>, bound: usize) -> Body {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => return Body::Unreadable(format!("it broke off: {}", words(&error))),
        };
        // What is not data are trailers.
        if let Ok(data) = frame.into_data() {
            if whole.len() + data.len() > bound {
                return Body::Unreadable(format!("it has more than {bound} bytes"));
            }
            whole.extend_from_slice(&data);
        }
    }
    Body::Whole(whole.freeze())
}

#[cfg(test)]
pub(super) mod tests;
