//! One answer to one request, reduced to what decides something.
//!
//! Decides what a header means by itself: the times in it, and how long GitHub said to wait. Made
//! by `http`, read by `outcome` and `listing`. Must not know what was asked.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::HeaderMap;

use super::message::{Message, plain};
use super::{Notice, notice};
use crate::clock::UnixMs;

/// The longest wait that an answer can impose. GitHub's hourly limit needs no more; after it one
/// request probes, and GitHub says the rest again.
pub const MAX_WAIT: Duration = Duration::from_secs(3600);

/// How much of a header is repeated to people.
const MAX_HEADER: usize = 300;

/// An answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Body,
}

/// The body of an answer.
pub(super) enum Body {
    /// All of it.
    Whole(Bytes),
    /// The status is known, the rest is not: cut off, too late or too long.
    Unreadable(String),
}

/// The headers that decide something; those shown to people are made harmless here.
#[derive(Debug, Clone, Default)]
pub(super) struct Headers {
    /// `x-github-request-id`: GitHub itself answered, not something in between.
    pub(super) request_id: Option<String>,
    /// `date`: GitHub's clock.
    pub(super) date: Option<UnixMs>,
    /// `retry-after`: seconds, or a date.
    pub(super) retry_after: Option<String>,
    /// `x-ratelimit-remaining`.
    pub(super) remaining: Option<u64>,
    /// `x-ratelimit-reset`, in seconds since 1970; on nearly every answer.
    pub(super) reset: Option<i64>,
    /// `x-accepted-github-permissions`: what the token would need.
    pub(super) accepted_permissions: Option<String>,
    /// `x-github-sso`: where to authorise the token for an organisation. As it came.
    pub(super) sso: Option<String>,
    /// `location` of a redirect. As it came.
    pub(super) location: Option<String>,
    /// `link`: whether there are more pages.
    pub(super) link: Option<String>,
    /// What GitHub warns of.
    pub(super) notices: Vec<Notice>,
}

impl From<&HeaderMap> for Headers {
    fn from(map: &HeaderMap) -> Self {
        let text = |name: &str| map.get(name).and_then(|value| value.to_str().ok());
        let shown = |name: &str| {
            text(name)
                .map(|text| plain(text, MAX_HEADER))
                .filter(|text| !text.is_empty())
        };
        let number = |name: &str| text(name)?.trim().parse().ok();
        Self {
            request_id: shown("x-github-request-id"),
            date: text("date").and_then(http_date),
            retry_after: text("retry-after").map(|text| text.trim().to_owned()),
            remaining: text("x-ratelimit-remaining").and_then(|text| text.trim().parse().ok()),
            reset: number("x-ratelimit-reset"),
            accepted_permissions: shown("x-accepted-github-permissions"),
            sso: text("x-github-sso").map(str::to_owned),
            location: text("location").map(str::to_owned),
            link: text("link").map(str::to_owned),
            notices: notice::read(text),
        }
    }
}

fn http_date(text: &str) -> Option<UnixMs> {
    let date: SystemTime = httpdate::parse_http_date(text).ok()?;
    Some(UnixMs::from(date))
}

impl Answer {
    /// Whether the account has used up its requests of this hour.
    pub(super) fn is_used_up(&self) -> bool {
        self.headers.remaining == Some(0)
    }

    /// How long GitHub said to wait: `retry-after`, else until the reset, if nothing remains. Both
    /// by the clock of this same answer, never by ours.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.retry_after()
            .or_else(|| self.until_reset())
            .map(|wait| wait.min(MAX_WAIT))
    }

    fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.retry_after.as_deref()?;
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        Some(http_date(text)?.since(self.headers.date?))
    }

    fn until_reset(&self) -> Option<Duration> {
        if !self.is_used_up() {
            return None;
        }
        let reset = UnixMs(self.headers.reset?.saturating_mul(1000));
        Some(reset.since(self.headers.date?))
    }

    /// GitHub's words in a refusal; `None` where the answer bears no sign of being GitHub's, which
    /// are both its request id and JSON.
    pub(super) fn message(&self) -> Option<Message> {
        self.headers.request_id.as_ref()?;
        Message::parse(self.whole_body()?)
    }

    /// The body, where it came whole.
    pub(super) fn whole_body(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Whole(bytes) => Some(bytes),
            Body::Unreadable(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Fri, 20 Nov 2026 12:00:00 GMT";
    const DATE_S: i64 = 1_795_176_000;

    fn answer(headers: &[(&'static str, &str)]) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Answer {
            status: 403,
            headers: Headers::from(&map),
            body: Body::Whole(Bytes::new()),
        }
    }

    #[test]
    fn a_wait_is_what_github_said_by_its_own_clock() {
        let reset_in = |seconds: i64| (DATE_S + seconds).to_string();
        let hour = Some(MAX_WAIT);
        let secs = |s| Some(Duration::from_secs(s));
        let (soon, late, past) = (reset_in(90), reset_in(7200), reset_in(-5));
        for (headers, want) in [
            (vec![("retry-after", "30")], secs(30)),
            (vec![("retry-after", "0")], secs(0)),
            (vec![("retry-after", "86400")], hour),
            (
                vec![("retry-after", "99999999999999999999"), ("date", DATE)],
                None,
            ),
            (vec![("retry-after", "soon")], None),
            (
                vec![
                    ("retry-after", "Fri, 20 Nov 2026 12:02:00 GMT"),
                    ("date", DATE),
                ],
                secs(120),
            ),
            (vec![("retry-after", "Fri, 20 Nov 2026 12:02:00 GMT")], None),
            (
                vec![
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", &soon),
                    ("date", DATE),
                ],
                secs(90),
            ),
            (
                vec![
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", &late),
                    ("date", DATE),
                ],
                hour,
            ),
            (
                vec![
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", &past),
                    ("date", DATE),
                ],
                secs(0),
            ),
            // The reset is on nearly every answer and says nothing while requests remain.
            (
                vec![
                    ("x-ratelimit-remaining", "12"),
                    ("x-ratelimit-reset", &soon),
                    ("date", DATE),
                ],
                None,
            ),
            (
                vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &soon)],
                None,
            ),
            (
                vec![
                    ("retry-after", "7"),
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", &soon),
                    ("date", DATE),
                ],
                secs(7),
            ),
        ] {
            assert_eq!(answer(&headers).wait(), want, "{headers:?}");
        }
    }

    #[test]
    fn only_a_request_id_and_json_together_are_githubs() {
        let mut ours = answer(&[("x-github-request-id", "AB:1")]);
        ours.body = Body::Whole(Bytes::from_static(b"{}"));
        assert!(ours.message().is_some());
        ours.body = Body::Whole(Bytes::from_static(b"<html>"));
        assert!(ours.message().is_none());
        ours.body = Body::Unreadable("cut off".into());
        assert!(ours.message().is_none());
        let mut theirs = answer(&[]);
        theirs.body = Body::Whole(Bytes::from_static(b"{}"));
        assert!(theirs.message().is_none());
    }

    #[test]
    fn odd_headers_are_left_out() {
        let odd = answer(&[
            ("date", "yesterday"),
            ("x-ratelimit-remaining", "-1"),
            ("x-ratelimit-reset", "x"),
            ("x-github-request-id", "\t "),
        ]);
        assert_eq!(odd.headers.date, None);
        assert_eq!(odd.headers.remaining, None);
        assert_eq!(odd.headers.reset, None);
        assert_eq!(odd.headers.request_id, None);
    }
}
