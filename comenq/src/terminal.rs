//! What text is fitted to: a terminal's size and colours, or neither.
//!
//! Decides from what the process has, what the user said and what the environment
//! says (`NO_COLOR`, `TERM`, `COLUMNS`) how wide lines may be and whether they are
//! coloured. Whoever writes asks [`Look`].

use std::{ffi::OsString, fmt::Display};

use anstyle::{AnsiColor, Style};
use comenq_proto::JobState;

use crate::cli::Colour;

/// Which standard streams are a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    /// A person types.
    pub stdin: bool,
    /// A person reads the answer there.
    pub stdout: bool,
    /// A person reads errors there.
    pub stderr: bool,
    /// The columns and rows of the one on standard output, or else on standard error; asked
    /// only where something is fitted to it.
    pub size: fn() -> Option<(usize, usize)>,
    /// Whether anybody still reads standard output.
    pub is_read: fn() -> bool,
}

/// How wide where there is no terminal, for text that must be wrapped somewhere.
const DEFAULT_WIDTH: usize = 80;

/// No terminal is narrower than this for us.
const LEAST_WIDTH: usize = 40;

/// How text is to look on the two output streams.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look {
    /// Columns that a line may have; `None` without end.
    pub(crate) width: Option<usize>,
    /// Columns of text that is wrapped whoever reads it.
    wrap: usize,
    /// Lines that are seen at once; `None` where nothing scrolls away.
    pub(crate) height: Option<usize>,
    /// Somebody said the width: it is not the terminal's.
    is_said: bool,
    colour: bool,
    colour_of_errors: bool,
}

impl Look {
    pub(crate) fn new(
        terminal: Terminal,
        colour: Colour,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Self {
        let size = terminal.stdout.then(terminal.size).flatten();
        let columns = environment("COLUMNS").and_then(|text| text.to_str()?.parse().ok());
        let columns = columns.filter(|columns| *columns > 0);
        let width = columns.or(size.map(|(columns, _)| columns));
        let width = width.map(|width: usize| width.max(LEAST_WIDTH));
        let may = match colour {
            Colour::Always => Some(true),
            Colour::Never => Some(false),
            Colour::Auto => {
                let is_set = |name| environment(name).is_some_and(|value| !value.is_empty());
                (is_set("NO_COLOR") || is_dumb(environment)).then_some(false)
            }
        };
        Self {
            // Piped, an answer is complete, however wide the terminal is.
            width: width.filter(|_| terminal.stdout),
            wrap: width.unwrap_or(DEFAULT_WIDTH),
            height: size.map(|(_, rows)| rows),
            is_said: columns.is_some(),
            colour: may.unwrap_or(terminal.stdout),
            colour_of_errors: may.unwrap_or(terminal.stderr),
        }
    }

    /// The same on a terminal that may have got another size.
    pub(crate) fn resized(self, terminal: Terminal) -> Self {
        let Some((columns, rows)) = (terminal.size)() else {
            return self;
        };
        let width = (!self.is_said).then(|| columns.max(LEAST_WIDTH));
        Self {
            width: width.or(self.width),
            height: Some(rows),
            ..self
        }
    }

    /// To which width text is wrapped that is always wrapped.
    pub(crate) const fn wrap(&self) -> usize {
        self.wrap
    }

    /// Whether errors are coloured.
    pub(crate) const fn colours_errors(&self) -> bool {
        self.colour_of_errors
    }

    /// Whether answers are coloured.
    pub(crate) const fn colours(&self) -> bool {
        self.colour
    }

    /// The text in that style, for standard output.
    pub(crate) fn paint(&self, style: Style, text: impl Display) -> String {
        painted(self.colour, style, text)
    }

    /// The same for standard error.
    pub(crate) fn paint_error(&self, style: Style, text: impl Display) -> String {
        painted(self.colour_of_errors, style, text)
    }
}

/// Whether the terminal can do no more than a printer.
pub(crate) fn is_dumb(environment: &dyn Fn(&str) -> Option<OsString>) -> bool {
    environment("TERM").is_some_and(|term| term == "dumb")
}

fn painted(is_on: bool, style: Style, text: impl Display) -> String {
    if is_on && style != Style::new() {
        format!("{style}{text}{style:#}")
    } else {
        text.to_string()
    }
}

/// What is wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What somebody should look at.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
/// What is as it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What happens now.
pub(crate) const BUSY: Style = AnsiColor::Cyan.on_default();
/// What matters less.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// What is looked for.
pub(crate) const HEAD: Style = Style::new().bold();

/// The colour of a state.
pub(crate) const fn of_state(state: JobState) -> Style {
    match state {
        JobState::Posting => BUSY,
        JobState::Posted => GOOD,
        JobState::Uncertain | JobState::Held => WARNING,
        JobState::Failed => BAD,
        JobState::Cancelled | JobState::Expired => FAINT,
        JobState::Queued | JobState::Unknown => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(terminal: bool, colour: Colour, set: &[(&str, &str)]) -> Look {
        let terminal = Terminal {
            stdin: terminal,
            stdout: terminal,
            stderr: terminal,
            size: || Some((120, 40)),
            is_read: || true,
        };
        Look::new(terminal, colour, &|name| {
            let found = set.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn a_terminal_has_a_size_and_colours_a_pipe_neither() {
        let seen = look(true, Colour::Auto, &[]);
        assert_eq!((seen.width, seen.height), (Some(120), Some(40)));
        assert!(seen.colours() && seen.colours_errors());
        let piped = look(false, Colour::Auto, &[]);
        assert_eq!((piped.width, piped.height, piped.wrap()), (None, None, 80));
        assert!(!piped.colours() && !piped.colours_errors());
    }

    #[test]
    fn what_the_user_says_beats_the_environment_and_that_the_terminal() {
        for (set, expected) in [
            (("NO_COLOR", "1"), false),
            (("NO_COLOR", ""), true),
            (("TERM", "dumb"), false),
        ] {
            assert_eq!(
                look(true, Colour::Auto, &[set]).colours(),
                expected,
                "{set:?}"
            );
            assert!(look(false, Colour::Always, &[set]).colours());
            assert!(!look(true, Colour::Never, &[set]).colours());
        }
        let columns = |value| look(true, Colour::Auto, &[("COLUMNS", value)]).width;
        assert_eq!(columns("60"), Some(60));
        assert_eq!(columns("1"), Some(LEAST_WIDTH));
        assert_eq!(columns("x"), Some(120));
        assert_eq!(columns("0"), Some(120));
    }

    #[test]
    fn paint_is_put_on_only_where_it_shows() {
        assert_eq!(look(false, Colour::Auto, &[]).paint(BAD, "x"), "x");
        let painted = look(true, Colour::Auto, &[]).paint(BAD, "x");
        assert_eq!(painted, "\u{1b}[1m\u{1b}[31mx\u{1b}[0m");
    }
}
