//! Where a run's words go, as text or as JSON.
//!
//! Decides stream and form; the commands decide the words. A reader that went
//! away (`comenq list | head -1`) is no error; an output that cannot be written
//! is one. Text from elsewhere is made harmless for a terminal here.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use serde::Serialize;

use crate::{
    cli::{Stop, screen},
    exit::Exit,
    failure::Failure,
    json::{Document, ErrorDocument, JsonList, NoteJson},
    terminal::{BAD, Look, Terminal, WARNING},
    times::Times,
};

/// The two output streams of a run and how to write to them.
pub(crate) struct Output<'a> {
    stdout: &'a mut dyn Write,
    stderr: &'a mut dyn Write,
    is_json: bool,
    look: Look,
    times: Times,
}

impl<'a> Output<'a> {
    pub(crate) fn new(
        stdout: &'a mut dyn Write,
        stderr: &'a mut dyn Write,
        is_json: bool,
        look: Look,
        times: Times,
    ) -> Self {
        Self {
            stdout,
            stderr,
            is_json,
            look,
            times,
        }
    }

    pub(crate) const fn is_json(&self) -> bool {
        self.is_json
    }

    pub(crate) const fn look(&self) -> Look {
        self.look
    }

    /// The terminal may have got another size.
    pub(crate) fn refit(&mut self, terminal: Terminal) {
        self.look = self.look.resized(terminal);
    }

    pub(crate) const fn times(&self) -> Times {
        self.times
    }

    /// Prints text; it should end with a line end.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        answered(
            self.stdout
                .write_all(text.as_bytes())
                .and_then(|()| self.stdout.flush()),
        )
    }

    /// Prints one line of many; whether anybody still reads.
    pub(crate) fn line(&mut self, line: &str) -> Result<bool, Failure> {
        let written = self
            .stdout
            .write_all(line.as_bytes())
            .and_then(|()| self.stdout.flush());
        let is_read = !matches!(&written, Err(error) if error.kind() == io::ErrorKind::BrokenPipe);
        answered(written).map(|()| is_read)
    }

    /// The same as a JSON object.
    pub(crate) fn json_line<T: Serialize>(&mut self, content: T) -> Result<bool, Failure> {
        let line = json_line(content)?;
        self.line(&line)
    }

    /// Writes bytes as they are; a reader that went away is an error.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.stdout
            .write_all(bytes)
            .and_then(|()| self.stdout.flush())
            .map_err(|error| {
                let message = format!("cannot write to standard output: {error}");
                Failure::new("output", Exit::Trouble, message)
            })
    }

    /// Prints text whose reader must get all of it: one that went away is an
    /// error too.
    pub(crate) fn all(&mut self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())
    }

    /// Prints one JSON object on one line.
    pub(crate) fn json<T: Serialize>(&mut self, content: T) -> Result<(), Failure> {
        let line = json_line(content)?;
        self.text(&line)
    }

    /// Adds items to a list in an object that is written as they come; whether anybody
    /// still reads.
    pub(crate) fn json_items<T: Serialize>(
        &mut self,
        list: &mut JsonList,
        items: impl Iterator<Item = T>,
    ) -> Result<bool, Failure> {
        let mut text = String::new();
        for item in items {
            text.push_str(&list.before_item());
            text.push_str(&serialized(&item)?);
        }
        self.line(&text)
    }

    /// Ends the list, and the object with one more field.
    pub(crate) fn json_end<T: Serialize>(
        &mut self,
        list: &JsonList,
        name: &str,
        value: T,
    ) -> Result<(), Failure> {
        let begin = list.begin();
        self.text(&format!("{begin}],{name:?}:{}}}\n", serialized(&value)?))
    }

    /// Tells something beside the answer.
    pub(crate) fn note(&mut self, text: &str) {
        if self.is_json
            && let Ok(line) = json_line(NoteJson { note: text })
        {
            return self.complain(&line);
        }
        let head = self.look.paint_error(WARNING, "note:");
        self.complain(&format!("{head} {}\n", plain_line(text)));
    }

    /// Asks; the answer is read elsewhere.
    pub(crate) fn ask(&mut self, question: &str) {
        self.complain(&plain_line(question));
    }

    /// Tells how something goes on, on standard error.
    pub(crate) fn progress(&mut self, text: &str) {
        self.complain(&format!("{}\n", plain_line(text)));
    }

    /// Writes on standard error what a terminal shows and obeys.
    pub(crate) fn draw(&mut self, text: &str) {
        self.complain(text);
    }

    /// Prints an error; gives the exit code that goes with it.
    pub(crate) fn failure(&mut self, failure: &Failure) -> Exit {
        let json = self
            .is_json
            .then(|| json_line(ErrorDocument::from(failure)));
        let shown = json.and_then(Result::ok).unwrap_or_else(|| {
            let head = self.look.paint_error(BAD, "error:");
            let mut text = format!("{head} {}\n", plain_line(&failure.message));
            for line in failure.detail.iter().flat_map(|detail| detail.lines()) {
                let _infallible = writeln!(text, "  {}", plain_line(line));
            }
            text
        });
        self.complain(&shown);
        failure.exit
    }

    /// Prints why there is nothing to do.
    pub(crate) fn stop(&mut self, stop: &Stop) -> Exit {
        match stop {
            Stop::Clap(error) => self.clap(error),
            Stop::Screen { is_asked_for: true } => match self.text(&screen(self.look.wrap())) {
                Ok(()) => Exit::Done,
                Err(failure) => self.failure(&failure),
            },
            Stop::Screen { .. } => {
                self.complain(&screen(self.look.wrap()));
                Exit::Usage
            }
        }
    }

    /// Prints what clap has to say: help and version as answers, the rest as a
    /// usage error.
    fn clap(&mut self, error: &clap::Error) -> Exit {
        let rendered = error.render();
        let text = rendered.to_string();
        if !error.use_stderr() {
            let shown = if self.look.colours() {
                rendered.ansi().to_string()
            } else {
                text
            };
            return match self.text(&shown) {
                Ok(()) => Exit::Done,
                Err(failure) => self.failure(&failure),
            };
        }
        if !self.is_json {
            let shown = if self.look.colours_errors() {
                rendered.ansi().to_string()
            } else {
                text
            };
            self.complain(&shown);
            return Exit::Usage;
        }
        let (message, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let message = message.strip_prefix("error: ").unwrap_or(message);
        let mut failure = Failure::usage(message);
        failure.detail = Some(rest.trim().to_owned()).filter(|rest| !rest.is_empty());
        self.failure(&failure)
    }

    /// Nobody can be told when this fails.
    fn complain(&mut self, text: &str) {
        let _unwritable = self.stderr.write_all(text.as_bytes());
        let _unwritable = self.stderr.flush();
    }
}

fn answered(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
            "output",
            Exit::Trouble,
            format!("cannot write the answer: {error}"),
        )
        .with_detail("what was asked for is done; only its report is lost")),
        _ => Ok(()),
    }
}

fn json_line<T: Serialize>(content: T) -> Result<String, Failure> {
    serialized(&Document::new(content)).map(|line| line + "\n")
}

fn serialized<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map_err(|error| Failure::new("output", Exit::Trouble, error.to_string()))
}

/// Text from the daemon, GitHub or other users on one line, with every control
/// character shown instead of sent: a terminal would obey some of them, and those
/// of writing direction make a line read as another.
pub(crate) fn plain_line(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => plain.push(' '),
            _ if character.is_control() || reorders(character) => {
                plain.extend(character.escape_default());
            }
            _ => plain.push(character),
        }
    }
    plain
}

/// Whether it changes the order or the lines in which others are shown. The marks
/// that real right-to-left text needs (U+200E, U+200F) do neither to other words.
const fn reorders(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_went_away_is_no_error_but_a_full_disk_is() {
        assert!(answered(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        let full = answered(Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert_eq!((full.code, full.exit), ("output", Exit::Trouble));
    }

    #[test]
    fn control_characters_are_shown_not_sent() {
        assert_eq!(
            plain_line("a\u{202e}b\u{2066}c\u{2028}d"),
            "a\\u{202e}b\\u{2066}c\\u{2028}d"
        );
        assert_eq!(plain_line("a\x1b[31m\r\n\tb ü"), "a\\u{1b}[31m\\r  b ü");
    }
}
