//! The invisible line that says which job a comment is of.
//!
//! Decides what it looks like and how it is found again. Put into a text by whoever sends it, read
//! by `look`. Pure; must not know when an account wants it.
//!
//! `<!-- comenq:STORE-UUID:ID -->` is a comment of HTML: GitHub keeps it in the text and shows it to
//! nobody who only reads.

use std::fmt;

use comenq_proto::JobId;
use uuid::Uuid;

const BEGIN: &str = "<!-- comenq:";
const END: &str = " -->";

/// A blank line, so that no Markdown before it takes the marker into itself.
const GAP: &str = "\n\n";

/// Digits of a UUID with its hyphens.
const UUID_CHARACTERS: usize = 36;

/// Digits of the largest id.
const ID_CHARACTERS: usize = 20;

/// Names one job of one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// The store's own id, so that two daemons with one account are told apart.
    pub store: Uuid,
    /// The job.
    pub job: JobId,
}

impl Marker {
    /// How many characters any marker adds to a text at most: what a limit on texts must leave
    /// room for.
    pub const MAX_CHARACTERS: usize =
        GAP.len() + BEGIN.len() + UUID_CHARACTERS + 1 + ID_CHARACTERS + END.len();

    /// How many characters this one adds to a text at most.
    #[must_use]
    pub fn characters(&self) -> usize {
        // All of it is ASCII.
        GAP.len() + self.to_string().len()
    }

    /// `body` with the marker below it.
    #[must_use]
    pub fn append_to(&self, body: &str) -> String {
        let text = body.trim_end_matches(['\r', '\n']);
        format!("{text}{GAP}{self}")
    }

    /// Every marker in a text, in its order.
    pub(super) fn all_in(text: &str) -> impl Iterator<Item = Self> {
        text.split(BEGIN).skip(1).filter_map(|rest| {
            let (inside, _) = rest.split_once(END)?;
            let (store, job) = inside.split_once(':')?;
            if store.len() != UUID_CHARACTERS || !job.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            Some(Self {
                store: Uuid::try_parse(store).ok()?,
                job: JobId::new(job.parse().ok()?).ok()?,
            })
        })
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, job } = self;
        write!(f, "{BEGIN}{}:{job}{END}", store.as_hyphenated())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marker(store: u128, job: u64) -> Marker {
        Marker {
            store: Uuid::from_u128(store),
            job: JobId::new(job).unwrap(),
        }
    }

    #[test]
    fn it_stands_below_a_blank_line_and_costs_what_it_says() {
        let nine = marker(0xabc, 9);
        let line = "<!-- comenq:00000000-0000-0000-0000-000000000abc:9 -->";
        assert_eq!(nine.append_to("hi"), format!("hi\n\n{line}"));
        assert_eq!(nine.append_to("hi\r\n\n"), format!("hi\n\n{line}"));
        assert_eq!(nine.characters(), line.len() + 2);
        assert_eq!(marker(1, u64::MAX).characters(), Marker::MAX_CHARACTERS);
    }

    #[test]
    fn only_whole_markers_are_read() {
        let nine = marker(0xabc, 9);
        let text = format!(
            "{nine} <!-- comenq:00000000000000000000000000000abc:9 --> <!-- comenq:{nine} <!-- comenq:x --> \
             <!-- comenq:00000000-0000-0000-0000-000000000abc:+9 --> \
             <!-- comenq:00000000-0000-0000-0000-000000000abc:0 --> {} <!-- comenq:",
            marker(1, 2)
        );
        let all: Vec<Marker> = Marker::all_in(&text).collect();
        assert_eq!(all, [nine, nine, marker(1, 2)]);
    }

    proptest! {
        #[test]
        fn what_is_appended_is_read_again(
            store in any::<u128>(), job in 1_u64.., body in "(?s).{0,80}",
        ) {
            let marker = marker(store, job);
            let text = marker.append_to(&body);
            prop_assert!(text.chars().count() <= body.chars().count() + marker.characters());
            prop_assert_eq!(Marker::all_in(&text).last(), Some(marker));
        }

        #[test]
        fn no_text_breaks_the_reading(text in "(?s)(<!-- comenq:|:|[0-9a-f-]{0,40}| -->|.){0,20}") {
            let _count = Marker::all_in(&text).count();
        }
    }
}
