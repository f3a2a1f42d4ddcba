//! One request from its arrival to its answer: recorded, held, answered as
//! GitHub would or as the script says.
//!
//! Each runs in a task of its own: like the real GitHub, the stand-in goes on
//! with a request whose client has left, and creates the comment nobody waits
//! for.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, USER_AGENT};
use hyper::{HeaderMap, Request, Response};
use serde_json::Value;

use super::clock::http_date;
use super::control;
use super::fault::{Answer, Fault};
use super::line::{Control, Pace};
use super::payload::{Hangup, Payload};
use super::record::{Record, since_start};
use super::reply::{JSON, Reply};
use super::routes::{self, Asked, Caller};
use super::shared::Shared;
use super::target::Route;
use super::world::World;

/// The most a request may hold: far more than any client here should send.
const MAX_REQUEST_BYTES: usize = 16 << 20;

/// What becomes of a request.
#[derive(Debug)]
enum Outcome {
    Send(Reply),
    Cut(Reply),
    Endless(Reply),
    Trickle(Reply, Pace),
    Close,
    Reset,
}

/// Answers one request of a connection; hyper calls it.
///
/// # Errors
/// [`Hangup`] when the connection is to end without an answer.
pub(super) async fn serve(
    shared: Arc<Shared>,
    line: Arc<Control>,
    request: Request<Incoming>,
) -> Result<Response<Payload>, Hangup> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_REQUEST_BYTES)
        .collect()
        .await
        .map_err(|_| Hangup)?;
    let body = body.to_bytes();
    let path = parts.uri.path();
    if let Some(verb) = path.strip_prefix("/_standin/") {
        let reply = control::answer(&shared, parts.method.as_str(), verb, &body);
        return response(reply.clone(), Payload::whole(reply.body));
    }
    let query = parts.uri.query().unwrap_or_default();
    let arrived = arrive(
        &shared,
        parts.method.as_str(),
        path,
        query,
        &parts.headers,
        body,
    );
    let streamed = Arc::clone(&arrived.streamed);
    let outcome = tokio::spawn(handle(shared, arrived.asked))
        .await
        .map_err(|_| Hangup)?;
    match outcome {
        Outcome::Send(reply) => response(reply.clone(), Payload::whole(reply.body)),
        Outcome::Cut(reply) => {
            let length = reply.body.len().to_string();
            let payload = Payload::cut(&reply.body);
            response(reply.with(CONTENT_LENGTH.as_str(), length), payload)
        }
        Outcome::Endless(reply) => response(reply, Payload::Endless(streamed)),
        Outcome::Trickle(reply, pace) => {
            line.trickle(pace);
            response(reply.clone(), Payload::whole(reply.body))
        }
        Outcome::Close => Err(Hangup),
        Outcome::Reset => {
            line.reset();
            Err(Hangup)
        }
    }
}

struct Arrived {
    asked: Asked,
    streamed: Arc<AtomicU64>,
}

/// Reads and records a request.
fn arrive(
    shared: &Shared,
    method: &str,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Arrived {
    let at = Instant::now();
    // Outside the prefix nothing is found, as on an enterprise server.
    let inside = path.strip_prefix(shared.prefix.as_str()).unwrap_or("");
    let route = Route::read(method, inside);
    let now = shared.clock.epoch_seconds();
    let (target, caller) = {
        let world = shared.world();
        (world.target(&route), caller(&world, headers, now))
    };
    let streamed = Arc::new(AtomicU64::new(0));
    let seq = shared.remember(Record {
        seq: 0,
        at,
        received_ms: since_start(shared.start, at),
        answered_ms: None,
        method: method.to_owned(),
        path: inside.to_owned(),
        query: (!query.is_empty()).then(|| query.to_owned()),
        kind: route.kind,
        target: target.clone(),
        login: (!caller.login().is_empty()).then(|| caller.login().to_owned()),
        status: None,
        body: String::from_utf8_lossy(&body).into_owned(),
        headers: open_headers(headers),
        streamed: Arc::clone(&streamed),
    });
    let has_user_agent = headers.contains_key(USER_AGENT);
    let query = query.to_owned();
    Arrived {
        asked: Asked {
            seq,
            route,
            target,
            query,
            body,
            caller,
            has_user_agent,
        },
        streamed,
    }
}

fn caller(world: &World, headers: &HeaderMap, now: i64) -> Caller {
    let Some(token) = token(headers) else {
        return Caller::Anonymous;
    };
    // No token of GitHub's has a dot; a JSON Web Token has two.
    if token.contains('.') {
        return Caller::App(world.apps.claim(token, now));
    }
    if let Some(account) = world.accounts.get(token) {
        return Caller::Known(account.clone());
    }
    match world.apps.bearer(token, now) {
        Some(app) => Caller::Installation(app.clone(), app.bot()),
        None => Caller::Stranger,
    }
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token");
    known.then_some(token.trim())
}

fn open_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| *name != AUTHORIZATION)
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect()
}

async fn handle(shared: Arc<Shared>, asked: Asked) -> Outcome {
    let fault = shared
        .world()
        .script
        .take(asked.route.kind, asked.target.as_ref());
    let fault = fault.unwrap_or_default();
    shared.hold(fault.before).await;
    let real = routes::answer(&shared, &asked, &fault);
    shared.hold(fault.after).await;
    // An answer bears the time at which it leaves, however long it was held.
    let real = real.with("date", http_date(shared.clock.epoch_seconds()));
    let outcome = shape(&shared, &asked, real, &fault);
    let status = match &outcome {
        Outcome::Close | Outcome::Reset => None,
        Outcome::Send(reply)
        | Outcome::Cut(reply)
        | Outcome::Endless(reply)
        | Outcome::Trickle(reply, _) => Some(reply.status),
    };
    shared.answered(asked.seq, status);
    outcome
}

fn shape(shared: &Shared, asked: &Asked, real: Reply, fault: &Fault) -> Outcome {
    match &fault.answer {
        Answer::Real => Outcome::Send(real),
        Answer::Close => Outcome::Close,
        Answer::Reset => Outcome::Reset,
        Answer::Refuse(refusal) => Outcome::Send(routes::refuse(shared, asked, refusal)),
        Answer::Raw {
            status,
            content_type,
            body,
        } => {
            let reply = Reply::raw(*status, content_type, body.clone());
            Outcome::Send(routes::dress(shared, asked, reply))
        }
        Answer::Without(fields) => Outcome::Send(without(real, fields)),
        Answer::Truncated => Outcome::Cut(real),
        Answer::Endless { status } => {
            let reply = Reply::raw(*status, JSON, Bytes::new());
            Outcome::Endless(routes::dress(shared, asked, reply))
        }
        Answer::Trickle { bytes, every_ms } => {
            let every = Duration::from_millis(*every_ms);
            Outcome::Trickle(
                real,
                Pace {
                    bytes: *bytes,
                    every,
                },
            )
        }
    }
}

fn without(mut reply: Reply, fields: &[String]) -> Reply {
    if let Ok(Value::Object(mut json)) = serde_json::from_slice(&reply.body) {
        json.retain(|name, _| !fields.contains(name));
        reply.body = Value::Object(json).to_string().into();
    }
    reply
}

fn response(reply: Reply, payload: Payload) -> Result<Response<Payload>, Hangup> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(payload).map_err(|_| Hangup)
}
