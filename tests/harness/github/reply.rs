//! An answer before it becomes bytes, and the headers GitHub puts on all of
//! its answers.

use bytes::Bytes;
use serde_json::Value;

/// The media type GitHub answers JSON with.
pub(super) const JSON: &str = "application/json; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// Who wrote an answer: it decides which headers it bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    /// GitHub: request id, rate limits, media type.
    GitHub,
    /// Something in between, which knows nothing of GitHub's headers.
    Proxy,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) author: Author,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::raw(status, JSON, body.to_string())
    }

    pub(super) fn html(status: u16, body: &str) -> Self {
        Self::raw(status, HTML, body.to_owned())
    }

    pub(super) fn raw(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            author: Author::GitHub,
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn by_proxy(mut self) -> Self {
        self.author = Author::Proxy;
        self
    }
}

/// What the rate-limit headers say.
#[derive(Debug, Clone, Copy)]
pub(super) struct RateView {
    pub(super) limit: u64,
    pub(super) used: u64,
    pub(super) reset: i64,
}

/// Completes an answer with the headers that GitHub never leaves out. A header
/// the answer already has wins: a one-shot refusal may state its own limits.
pub(super) fn seal(mut reply: Reply, date: &str, request_id: &str, rate: RateView) -> Reply {
    add(&mut reply, "date", date.to_owned());
    if reply.author == Author::GitHub {
        add(&mut reply, "server", "github.com".to_owned());
        add(&mut reply, "x-github-request-id", request_id.to_owned());
        add(
            &mut reply,
            "x-github-media-type",
            "github.v3; format=json".to_owned(),
        );
        add(
            &mut reply,
            "x-github-api-version-selected",
            "2022-11-28".to_owned(),
        );
        add(&mut reply, "x-ratelimit-limit", rate.limit.to_string());
        let remaining = rate.limit.saturating_sub(rate.used);
        add(&mut reply, "x-ratelimit-remaining", remaining.to_string());
        add(&mut reply, "x-ratelimit-reset", rate.reset.to_string());
        add(&mut reply, "x-ratelimit-used", rate.used.to_string());
        add(&mut reply, "x-ratelimit-resource", "core".to_owned());
    }
    reply
}

fn add(reply: &mut Reply, name: &str, value: String) {
    if !reply.headers.iter().any(|(known, _)| known == name) {
        reply.headers.push((name.to_owned(), value));
    }
}
