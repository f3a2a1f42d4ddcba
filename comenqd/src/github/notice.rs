//! What GitHub warns of in headers: a token that ends, an API that goes.
//!
//! Decides in which words a person reads it. Called by `answer`. Must not know how often it is
//! said.

use super::message::plain;
use super::{Notice, NoticeKind};
use crate::clock::UnixMs;

/// How much of a header is repeated.
const MAX_HEADER: usize = 100;

/// The warnings among the headers that `header` reads.
pub(super) fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Vec<Notice> {
    let shown = |name| {
        let text = plain(header(name)?, MAX_HEADER);
        (!text.is_empty()).then_some(text)
    };
    let expires = shown("github-authentication-token-expiration").map(|at| Notice {
        kind: NoticeKind::TokenExpires,
        at: token_end(&at),
        text: format!("the token expires on {at}"),
    });
    let sunset = shown("sunset").map(|at| Notice {
        kind: NoticeKind::Sunset,
        at: None,
        text: format!(
            "GitHub ends what comenqd uses of its API on {at}; install a newer comenqd before"
        ),
    });
    let deprecation = shown("deprecation").map(|since| Notice {
        kind: NoticeKind::Deprecation,
        at: None,
        text: format!(
            "GitHub advises against what comenqd uses of its API ({}); install a newer comenqd",
            deprecated_since(&since)
        ),
    });
    [expires, sunset, deprecation]
        .into_iter()
        .flatten()
        .collect()
}

/// When a token ends: GitHub writes a date, a time and a zone, `UTC` or an offset.
fn token_end(header: &str) -> Option<UnixMs> {
    let (civil, zone) = header.rsplit_once(' ')?;
    let offset = if zone == "UTC" { "+0000" } else { zone };
    let at = jiff::Timestamp::strptime("%Y-%m-%d %H:%M:%S %z", format!("{civil} {offset}")).ok()?;
    Some(UnixMs(at.as_millisecond()))
}

/// RFC 9745 has `@` and seconds since 1970; drafts before it had a date, or `true`.
fn deprecated_since(header: &str) -> String {
    let day = header
        .strip_prefix('@')
        .and_then(|seconds| seconds.parse().ok())
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map(|at| at.strftime("%Y-%m-%d").to_string());
    match day {
        Some(day) => format!("since {day}"),
        None if header.eq_ignore_ascii_case("true") => "deprecated".to_owned(),
        None => format!("since {header}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: &str) -> Vec<Notice> {
        read(|asked| (asked == name).then_some(value))
    }

    #[test]
    fn each_header_becomes_words_for_people() {
        for (name, value, kind, words) in [
            (
                "github-authentication-token-expiration",
                "2026-12-01 08:00:00 UTC",
                NoticeKind::TokenExpires,
                "the token expires on 2026-12-01 08:00:00 UTC",
            ),
            (
                "sunset",
                "Fri, 10 Mar 2028 00:00:00 GMT",
                NoticeKind::Sunset,
                "on Fri, 10 Mar 2028 00:00:00 GMT; install",
            ),
            (
                "deprecation",
                "@1688169599",
                NoticeKind::Deprecation,
                "(since 2023-06-30)",
            ),
            (
                "deprecation",
                "true",
                NoticeKind::Deprecation,
                "(deprecated)",
            ),
            (
                "deprecation",
                "Fri, 30 Jun 2023 23:59:59 GMT",
                NoticeKind::Deprecation,
                "(since Fri, 30 Jun 2023 23:59:59 GMT)",
            ),
            (
                "deprecation",
                "@99999999999999999999",
                NoticeKind::Deprecation,
                "(since @9",
            ),
        ] {
            let notices = one(name, value);
            assert_eq!(notices.len(), 1, "{name}");
            assert_eq!(notices[0].kind, kind);
            assert!(notices[0].text.contains(words), "{}", notices[0].text);
        }
    }

    #[test]
    fn the_end_of_a_token_is_a_time_in_either_zone_or_none() {
        let end = |header| one("github-authentication-token-expiration", header)[0].at;
        let at = Some(UnixMs(1_796_112_000_000));
        assert_eq!(end("2026-12-01 08:00:00 UTC"), at);
        assert_eq!(end("2026-12-01 09:30:00 +0130"), at);
        assert_eq!(end("2026-12-01 01:00:00 -0700"), at);
        for odd in [
            "soon",
            "2026-12-01",
            "2026-13-01 08:00:00 UTC",
            "2026-12-01 08:00:00 CEST",
        ] {
            assert_eq!(end(odd), None, "{odd}");
        }
    }

    #[test]
    fn nothing_warns_of_nothing_and_odd_headers_do_no_harm() {
        assert_eq!(read(|_| None), []);
        assert_eq!(one("sunset", " "), []);
        let long = "x".repeat(9000);
        let text = &one("sunset", &long)[0].text;
        assert!(text.len() < 300, "{text}");
    }
}
