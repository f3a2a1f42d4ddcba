//! An answer that should be GitHub's: a line with the status, lines of headers, an empty one, the
//! body.

use bytes::Bytes;
use comenqd::api_url::ApiUrl;
use comenqd::github::{ListError, MAX_WAIT, Outcome, Trouble, judge};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The status alone says whether a comment exists; waits are bounded; what people are told, and a
/// terminal shows, has no control characters.
pub(super) fn github(data: &[u8]) -> bool {
    let Ok(api) = ApiUrl::parse("https://api.github.com") else {
        return false;
    };
    let Some((status, headers, body)) = parts(data) else {
        return false;
    };
    let judged = judge(status, &headers, Bytes::copy_from_slice(body), &api);
    let is_posted = matches!(judged.post, Outcome::Posted { .. });
    assert_eq!(is_posted, status == 201);
    assert!(judged.wait.is_none_or(|wait| wait <= MAX_WAIT));
    match &judged.post {
        Outcome::Refused { reason, .. } | Outcome::Unknown { reason } => harmless(reason),
        Outcome::Moved(moved) => harmless(&moved.reason),
        Outcome::Account(trouble) | Outcome::Foreign(trouble) => trouble_is_harmless(trouble),
        Outcome::Owner(owner) => harmless(&owner.reason),
        Outcome::Posted { url, .. } => url.iter().for_each(|url| harmless(url)),
        Outcome::NotSent { .. } => {}
    }
    judged
        .user
        .as_ref()
        .err()
        .into_iter()
        .for_each(trouble_is_harmless);
    judged
        .token
        .as_ref()
        .err()
        .into_iter()
        .for_each(trouble_is_harmless);
    for error in [
        judged.is_open.as_ref().err(),
        judged.comments.as_ref().err(),
        judged.repository.as_ref().err(),
    ]
    .into_iter()
    .flatten()
    {
        match error {
            ListError::Gone { reason } => harmless(reason),
            ListError::Moved(moved) => harmless(&moved.reason),
            ListError::Owner(owner) => harmless(&owner.reason),
            ListError::Trouble(trouble) => trouble_is_harmless(trouble),
        }
    }
    true
}

fn trouble_is_harmless(trouble: &Trouble) {
    harmless(&trouble.reason);
    assert!(trouble.wait.is_none_or(|wait| wait <= MAX_WAIT));
}

fn harmless(text: &str) {
    assert!(
        !text.chars().any(char::is_control),
        "told to people: {text:?}"
    );
}

fn parts(data: &[u8]) -> Option<(u16, HeaderMap, &[u8])> {
    let end = data.windows(2).position(|pair| pair == b"\n\n")?;
    let (head, body) = (data.get(..end)?, data.get(end + 2..)?);
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = std::str::from_utf8(lines.next()?).ok()?.parse().ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(line.get(..colon)?).ok()?;
        let value = HeaderValue::from_bytes(line.get(colon + 1..)?.trim_ascii()).ok()?;
        headers.append(name, value);
    }
    Some((status, headers, body))
}
