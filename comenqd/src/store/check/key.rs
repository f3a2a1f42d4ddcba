//! Keys read backwards.
//!
//! Decides how a key is taken apart and named for people. `store::keys` says how keys are made.

use std::fmt::Write;

/// What is left of a key.
pub(in crate::store) struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    /// All behind the kind.
    pub(in crate::store) fn of(key: &'a [u8]) -> Self {
        Self(key.get(1..).unwrap_or_default())
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(in crate::store) fn text(&mut self) -> Option<&'a str> {
        let length = *self.take(1)?.first()?;
        std::str::from_utf8(self.take(usize::from(length))?).ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(*self.take(2)?.first_chunk()?))
    }

    pub(in crate::store) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(*self.take(4)?.first_chunk()?))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(*self.take(8)?.first_chunk()?))
    }
}

/// A key for people: its kind, and the bytes behind it, those that are no text in hexadecimal.
pub(super) fn name(key: &[u8]) -> String {
    let (kind, rest) = key.split_first().unwrap_or((&0, &[]));
    let mut name = format!("entry {}", char::from(*kind).escape_default());
    if !rest.is_empty() {
        name.push(' ');
    }
    for byte in rest {
        // Writing to a String cannot fail.
        let _ = if byte.is_ascii_graphic() {
            write!(name, "{}", char::from(*byte))
        } else {
            write!(name, "<{byte:02x}>")
        };
    }
    name
}
