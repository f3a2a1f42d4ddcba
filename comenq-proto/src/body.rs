//! The text of a comment, checked once.
//!
//! Decides what can be a comment at all: not blank, no NUL, at most
//! [`MAX_BODY_BYTES`]. The client checks before it connects, the daemon when it
//! receives. The configurable limit in characters is the daemon's, not this
//! file's.

use std::fmt;

use crate::limits::MAX_BODY_BYTES;

/// Why a text cannot be a comment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Nothing but white space.
    #[error("comment is blank; give it some text")]
    Blank,
    /// Too many bytes.
    #[error("comment has {bytes} bytes; at most {MAX_BODY_BYTES} are possible, shorten it")]
    TooLarge {
        /// How many it has.
        bytes: usize,
    },
    /// A NUL character, which GitHub's database refuses.
    #[error("comment has a NUL character at byte {offset}; remove it")]
    Nul {
        /// Where, counted from 0.
        offset: usize,
    },
}

/// A text that can be a comment. Its `Debug` shows the length alone, so it can
/// stand in a log by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct CommentBody(String);

impl CommentBody {
    /// Checks a text.
    ///
    /// # Errors
    /// It is blank, too large or holds a NUL.
    pub fn parse(text: impl Into<String>) -> Result<Self, BodyError> {
        let text = text.into();
        if text.len() > MAX_BODY_BYTES {
            return Err(BodyError::TooLarge { bytes: text.len() });
        }
        if let Some(offset) = text.find('\0') {
            return Err(BodyError::Nul { offset });
        }
        if text.trim().is_empty() {
            return Err(BodyError::Blank);
        }
        Ok(Self(text))
    }

    /// The text, as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, as given.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }

    /// How many characters (Unicode scalar values) it has, for the limit that
    /// `max_body_chars` sets.
    #[must_use]
    pub fn chars(&self) -> usize {
        self.0.chars().count()
    }
}

impl fmt::Debug for CommentBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommentBody({} bytes)", self.0.len())
    }
}

/// What stands for a hidden body in `Debug` output of messages.
pub(crate) struct Hidden(pub(crate) usize);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_as_given() {
        let body = CommentBody::parse(" häh?\r\n").unwrap();
        assert_eq!(body.as_str(), " häh?\r\n");
        assert_eq!(body.chars(), 7);
        assert_eq!(body.into_string(), " häh?\r\n");
    }

    #[test]
    fn blank_large_and_nul_are_refused() {
        for blank in ["", " \t\r\n", "\u{3000}\u{a0}"] {
            assert_eq!(CommentBody::parse(blank), Err(BodyError::Blank));
        }
        assert_eq!(
            CommentBody::parse("a\0b"),
            Err(BodyError::Nul { offset: 1 })
        );
        let largest = "x".repeat(MAX_BODY_BYTES);
        assert!(CommentBody::parse(largest.clone()).is_ok());
        let bytes = MAX_BODY_BYTES + 1;
        assert_eq!(
            CommentBody::parse(largest + "x"),
            Err(BodyError::TooLarge { bytes })
        );
    }

    #[test]
    fn debug_tells_the_length_and_not_the_text() {
        let body = CommentBody::parse("secret").unwrap();
        assert_eq!(format!("{body:?}"), "CommentBody(6 bytes)");
    }
}
