//! A token that cannot be shown by accident.
//!
//! Decides what text can be a token at all, so that whatever comes later can put it into a header
//! without a second check. Called by `config`, which reads it, and by `http`, which sends it. Must
//! not know where a token comes from.

use std::fmt;

/// No token of GitHub's is near this; a whole file named by mistake is beyond it.
const MAX_LEN: usize = 8192;

/// A token. `Debug` and `Display` hide it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

/// Why a text is not a token, to be read after its source. Tells where, never what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Nothing but white space.
    #[error("is empty")]
    Empty,
    /// Too long to be a token.
    #[error("has {len} bytes where a token has at most {MAX_LEN}: is it the right file?")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// A character that no token has, such as a line break or a space inside it.
    #[error(
        "has a character at position {position} that no token has (a control character, a space or \
         one beyond ASCII)"
    )]
    BadCharacter {
        /// Where, counted in characters from 1, after white space around the token was cut off.
        position: usize,
    },
}

impl Secret {
    /// Takes `text` without the white space around it, as files end in a line break.
    ///
    /// # Errors
    /// Where nothing is left, or something that cannot go into an HTTP header.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let token = text.trim();
        if token.is_empty() {
            return Err(SecretError::Empty);
        }
        if token.len() > MAX_LEN {
            return Err(SecretError::TooLong { len: token.len() });
        }
        match token.chars().position(|c| !c.is_ascii_graphic()) {
            Some(at) => Err(SecretError::BadCharacter { position: at + 1 }),
            None => Ok(Self(token.into())),
        }
    }

    /// The token itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("hidden")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_around_a_token_is_cut_off() {
        assert_eq!(Secret::parse(" \tghp_x1\r\n").unwrap().expose(), "ghp_x1");
    }

    #[test]
    fn what_is_no_token_is_refused_with_its_place() {
        let long = "x".repeat(MAX_LEN + 1);
        for (text, want) in [
            ("", SecretError::Empty),
            (" \n", SecretError::Empty),
            (&long, SecretError::TooLong { len: MAX_LEN + 1 }),
            ("ab\ncd", SecretError::BadCharacter { position: 3 }),
            ("ab cd", SecretError::BadCharacter { position: 3 }),
            ("abcé", SecretError::BadCharacter { position: 4 }),
            ("a\0", SecretError::BadCharacter { position: 2 }),
        ] {
            assert_eq!(Secret::parse(text), Err(want));
        }
    }

    #[test]
    fn neither_debug_nor_display_nor_an_error_shows_it() {
        let secret = Secret::parse("ghp_topsecret").unwrap();
        let error = Secret::parse("ghp_topsecret\nx").unwrap_err();
        assert!(!format!("{secret:?} {secret} {error} {error:?}").contains("topsecret"));
    }
}
