//! What of a text from the configuration may be shown to people.
//!
//! Decides what is probably a secret that stands in the wrong place, and keeps an error in one
//! line. Asked by [`super::error`] for every text it quotes, and by the files that judge values.

/// What stands in place of a secret.
pub(super) const HIDDEN: &str = "(not shown)";

/// GitHub's tokens begin so:
/// <https://github.blog/engineering/behind-githubs-new-authentication-token-formats/> (2021-04-05).
const TOKENS: [&str; 6] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"];

/// A PEM file's first line.
const PEM: &str = "-----BEGIN";

/// How the base64 of a private key begins.
const KEY: &str = "MII";

/// So many characters behind [`TOKENS`] or [`KEY`] make a secret of what could be a name.
const SOME: usize = 4;

/// Letters and digits in one go that nobody wrote by hand; GitHub's oldest tokens have 40.
const OPAQUE: usize = 32;

/// Whether `text` is, or has in it, what is probably a token or a private key.
pub(super) fn holds_a_secret(text: &str) -> bool {
    text.contains(PEM) || text.split(|c| !is_word(c)).any(is_secret)
}

/// Whether `text` begins as a token or a key does, whatever follows.
pub(super) fn begins_as_a_secret(text: &str) -> bool {
    let text = text.trim();
    text.contains(PEM) || TOKENS.iter().any(|prefix| text.starts_with(prefix))
}

/// `text` in one line, with [`HIDDEN`] for whatever in it is probably a secret.
pub(super) fn shown(text: &str) -> String {
    if text.contains(PEM) {
        return HIDDEN.to_owned();
    }
    let mut shown = String::new();
    for piece in text.split_inclusive(|c| !is_word(c)) {
        let word = piece.trim_end_matches(|c| !is_word(c));
        shown.push_str(if is_secret(word) { HIDDEN } else { word });
        let rest = piece.strip_prefix(word).unwrap_or_default();
        for c in rest.chars() {
            if c.is_control() {
                shown.extend(c.escape_default());
            } else {
                shown.push(c);
            }
        }
    }
    shown
}

/// What tokens, and base64 but for its slash, are made of.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '=')
}

fn is_secret(word: &str) -> bool {
    let begins = |prefix: &str| {
        let rest = word.split_once(prefix).map(|(_, rest)| rest.len());
        rest.is_some_and(|rest| rest >= SOME)
    };
    let mixed = word.bytes().any(|it| it.is_ascii_digit())
        && word.bytes().any(|it| it.is_ascii_alphabetic());
    TOKENS.into_iter().any(begins)
        || (word.starts_with(KEY) && word.len() >= KEY.len() + SOME)
        || (mixed && word.len() >= OPAQUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_hidden_wherever_it_stands() {
        for (text, expected) in [
            ("ghp_abcd", HIDDEN),
            ("a \"xghp_abcd\" b", "a \"(not shown)\" b"),
            ("/run/github_pat_11AB.x", "/run/(not shown).x"),
            (
                "v1.0123456789abcdef0123456789abcdef01234567",
                "v1.(not shown)",
            ),
            ("MIIEowIBAAKC/x", "(not shown)/x"),
            ("x -----BEGIN RSA PRIVATE KEY-----\nabc", HIDDEN),
        ] {
            assert_eq!(shown(text), expected);
            assert!(holds_a_secret(text), "{text}");
        }
    }

    #[test]
    fn names_paths_and_words_are_shown() {
        let long = "x".repeat(100);
        for text in [
            "github_token_file",
            "/etc/comenqd/ghp_bot",
            "https://ghe.example.com/api/v3",
            "bø-7",
            "/home/me/123e4567-e89b-12d3-a456-426614174000",
            long.as_str(),
        ] {
            assert_eq!(shown(text), text);
            assert!(!holds_a_secret(text), "{text}");
        }
    }

    #[test]
    fn a_text_stays_in_one_line() {
        assert_eq!(shown("a\nb\r\u{1b}[31m\n"), "a\\nb\\r\\u{1b}[31m\\n");
    }
}
