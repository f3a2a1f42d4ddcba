//! What GitHub says in the body of a refusal, and how we repeat it.
//!
//! Decides how foreign text becomes safe to print and store: bounded, on one line, without
//! anything that steers a terminal. Called by `refusal`, `outcome` and `answer`. Must not know what a message
//! means for a job.

use serde_json::Value;

/// How much of GitHub's words is repeated; the longest real ones have about 300 characters.
const MAX_QUOTED: usize = 500;

/// GitHub's `message`, and the one line each of its `errors` has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    text: String,
    lower: String,
    /// `block.html_url`: why a repository is closed.
    block_url: Option<String>,
}

impl Message {
    /// Reads the body of a refusal. `None` where it is not a JSON object: not GitHub's then.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let object = value.as_object()?;
        let mut parts: Vec<String> = Vec::new();
        parts.extend(object.get("message").and_then(text_of));
        match object.get("errors") {
            Some(Value::Array(errors)) => parts.extend(errors.iter().filter_map(text_of)),
            Some(error) => parts.extend(text_of(error)),
            None => {}
        }
        let text = parts.join("; ");
        let lower = text.to_lowercase();
        let block_url = value
            .pointer("/block/html_url")
            .and_then(Value::as_str)
            .map(str::to_owned);
        Some(Self {
            text,
            lower,
            block_url,
        })
    }

    /// Where GitHub tells why a repository is closed. Not checked yet.
    pub(super) fn block_url(&self) -> Option<String> {
        self.block_url.clone()
    }

    /// Whether GitHub's words contain one of these, given in lower case.
    pub(super) fn says(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.lower.contains(phrase))
    }

    /// `ours`, followed by GitHub's own words where it has any.
    pub(super) fn after(&self, ours: &str) -> String {
        let theirs = plain(&self.text, MAX_QUOTED);
        if theirs.is_empty() {
            ours.to_owned()
        } else {
            format!("{ours}; GitHub says \"{theirs}\"")
        }
    }
}

/// An error is a text, or an object with a message, or one with only a field and a code.
fn text_of(error: &Value) -> Option<String> {
    let part = |name| error.get(name).and_then(Value::as_str);
    if let Some(text) = error.as_str().or_else(|| part("message")) {
        return Some(text.to_owned());
    }
    match (part("field"), part("code")) {
        (Some(field), Some(code)) => Some(format!("{field}: {code}")),
        (None, Some(only)) | (Some(only), None) => Some(only.to_owned()),
        (None, None) => None,
    }
}

/// Foreign text as one line of at most `max` characters, without control characters and without
/// those that turn the direction of the text around them.
pub(super) fn plain(text: &str, max: usize) -> String {
    let mut line = String::new();
    let mut gap = false;
    for (count, character) in text
        .chars()
        .filter(|c| !turns_direction(*c))
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| {
            let again = gap && c.is_whitespace();
            gap = c.is_whitespace();
            !again
        })
        .enumerate()
    {
        if count == max {
            line.push('…');
            break;
        }
        line.push(if character.is_whitespace() {
            ' '
        } else {
            character
        });
    }
    line.trim().to_owned()
}

fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_and_errors_are_repeated_in_every_shape_seen() {
        for (body, want) in [
            (
                r#"{"message":"Validation Failed","errors":[{"resource":"IssueComment","code":"unprocessable","field":"data","message":"User is blocked"}]}"#,
                r#"no; GitHub says "Validation Failed; User is blocked""#,
            ),
            (
                r#"{"message":"Validation Failed","errors":["User is blocked"]}"#,
                r#"no; GitHub says "Validation Failed; User is blocked""#,
            ),
            (
                r#"{"message":"Validation Failed","errors":[{"resource":"IssueComment","code":"missing_field","field":"body"}]}"#,
                r#"no; GitHub says "Validation Failed; body: missing_field""#,
            ),
            (
                r#"{"message":"Invalid","errors":"all of it"}"#,
                r#"no; GitHub says "Invalid; all of it""#,
            ),
            (
                r#"{"message":7,"errors":[7,{},[{"code":"x"}],{"code":"odd"}]}"#,
                r#"no; GitHub says "odd""#,
            ),
            ("{}", "no"),
        ] {
            assert_eq!(Message::parse(body.as_bytes()).unwrap().after("no"), want);
        }
    }

    #[test]
    fn what_is_no_json_object_is_not_githubs() {
        for body in ["", "<html>", "[]", "\"x\"", "{", "null"] {
            assert_eq!(Message::parse(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn foreign_text_stays_on_its_line() {
        assert_eq!(
            plain("\u{1b}[31mred\r\n\r\n and\u{202e} \u{0}blue\u{85}", 500),
            "[31mred and blue"
        );
        assert_eq!(plain("aaaa", 3), "aaa…");
        assert_eq!(plain("äää", 3), "äää");
        assert_eq!(plain(" \n ", 3), "");
    }

    #[test]
    fn a_long_message_is_cut() {
        let body = format!(r#"{{"message":"{}"}}"#, "ü".repeat(9000));
        let said = Message::parse(body.as_bytes()).unwrap().after("no");
        assert!(said.chars().count() < MAX_QUOTED + 30);
    }
}
