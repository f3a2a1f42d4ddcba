//! A first look at the arguments, before clap.
//!
//! Decides which word is the verb, so that only its definition is built; whether
//! nothing but help is asked for; and how errors of clap are to be printed.

use std::ffi::OsString;

use super::Colour;

/// Options before the verb that take the next word as their value.
const WITH_VALUE: [&str; 4] = ["--color", "--host", "--socket", "--timeout"];

/// What stands first.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scan<'a> {
    /// A wish for help, or the verb for it alone.
    Help,
    /// Nothing.
    Nothing,
    /// A word, and where: a verb or a target.
    Word(usize, &'a str),
    /// Nothing but options.
    Options,
}

impl<'a> Scan<'a> {
    /// Looks at `args`, the program's name first.
    pub(super) fn of(args: &'a [OsString]) -> Self {
        let mut words = args.iter().enumerate().skip(1);
        if words.len() == 0 {
            return Self::Nothing;
        }
        while let Some((at, word)) = words.next() {
            match word.to_str() {
                Some("-h" | "--help") => return Self::Help,
                Some("help") if words.len() == 0 => return Self::Help,
                Some(option) if WITH_VALUE.contains(&option) => {
                    words.next();
                }
                Some(option) if option.starts_with('-') => {}
                Some(word) => return Self::Word(at, word),
                None => return Self::Options,
            }
        }
        Self::Options
    }
}

/// What is asked before parsing, because errors of parsing are printed by it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Early {
    pub(crate) json: bool,
    pub(crate) colour: Colour,
}

impl Early {
    pub(crate) fn of(args: &[OsString]) -> Self {
        let mut words = args.iter().take_while(|arg| *arg != "--");
        let mut early = Self {
            json: false,
            colour: Colour::Auto,
        };
        while let Some(word) = words.next() {
            let Some(word) = word.to_str() else { continue };
            early.json |= word == "--json";
            let value = match word.strip_prefix("--color") {
                Some("") => words.next().and_then(|value| value.to_str()),
                Some(rest) => rest.strip_prefix('='),
                None => None,
            };
            early.colour = value.and_then(Colour::named).unwrap_or(early.colour);
        }
        early
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(line: &[&str]) -> String {
        let args: Vec<_> = ["comenq"].iter().chain(line).map(OsString::from).collect();
        match Scan::of(&args) {
            Scan::Word(at, word) => format!("{at} {word}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_first_word_that_is_no_option_is_the_verb() {
        assert_eq!(scan(&[]), "Nothing");
        assert_eq!(scan(&["--json"]), "Options");
        assert_eq!(scan(&["list", "--help"]), "1 list");
        assert_eq!(
            scan(&["--json", "--socket", "s", "--timeout=5s", "o/r"]),
            "5 o/r"
        );
        assert_eq!(scan(&["--color", "never", "help"]), "Help");
        assert_eq!(scan(&["--socket", "--help", "list"]), "3 list");
        assert_eq!(scan(&["help", "post"]), "1 help");
        assert_eq!(scan(&["--version"]), "Options");
        for line in [&["-h"][..], &["--help"], &["--json", "--help", "list"]] {
            assert_eq!(scan(line), "Help", "{line:?}");
        }
    }
}
