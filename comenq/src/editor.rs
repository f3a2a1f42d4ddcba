//! A comment written in the user's editor.
//!
//! Decides which editor, what the file looks like, and that no text is lost: while
//! it is not queued, its file stays.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::{exit::Exit, failure::Failure, program, terminal::Terminal};

/// Debian's choice of an editor, else the one every Unix has. What follows it is a comment.
const FALLBACK: &str = "command -v editor >/dev/null && exec editor \"$1\"; exec vi \"$1\" #";

/// What our note in the file begins and ends with.
const NOTE_BEGIN: &str = "<!-- comenq:";
const NOTE_END: &str = "-->";

/// A text that was written and is still on disk.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The text without our note.
    pub(crate) text: String,
    path: PathBuf,
}

impl Draft {
    /// Opens the editor on `text`, with a note that names what it is for.
    ///
    /// # Errors
    /// There is no editor, it failed, or what it wrote cannot be read.
    pub(crate) fn write(
        text: &str,
        purpose: &str,
        terminal: Terminal,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Failure> {
        let note = note(purpose);
        let path = put(text, &note).map_err(|error| {
            let text = format!("cannot make a file for the editor: {error}");
            Failure::new("editor", Exit::Trouble, text)
        })?;
        let written = edit(&path, terminal, environment).and_then(|()| read(&path, &note));
        match written {
            Ok(text) => Ok(Self { text, path }),
            Err(failure) => Err(kept(failure, &path, text, &note)),
        }
    }

    /// The text is queued: its file goes.
    pub(crate) fn done(&self) {
        // One that stays is in the temporary directory.
        let _stays = fs::remove_file(&self.path);
    }

    /// Adds to an error where the text is.
    pub(crate) fn keep(&self, failure: Failure) -> Failure {
        failure.and_detail(format!("your text is kept in {}", self.path.display()))
    }
}

/// An editor that failed may have written something; if not, its file goes.
fn kept(failure: Failure, path: &Path, before: &str, note: &str) -> Failure {
    let is_new = read(path, note).is_ok_and(|text| text.trim() != before.trim());
    if is_new {
        return failure.and_detail(format!("your text is kept in {}", path.display()));
    }
    let _stays = fs::remove_file(path);
    failure
}

/// What stands below the text; GitHub would not show it either.
fn note(purpose: &str) -> String {
    format!(
        "{NOTE_BEGIN} {purpose}.\n     Save and leave the editor; an empty text queues nothing.\n     \
         This note is taken out. {NOTE_END}"
    )
}

fn put(text: &str, note: &str) -> io::Result<PathBuf> {
    let mut file = tempfile::Builder::new()
        .prefix("comenq-")
        .suffix(".md")
        .tempfile()?;
    write!(file, "{text}\n\n{note}\n")?;
    file.keep()
        .map(|(_, path)| path)
        .map_err(|error| error.error)
}

/// The terminal itself, where a standard stream is something else.
fn of_terminal(is_terminal: bool, write: bool) -> Stdio {
    let open = || File::options().read(!write).write(write).open("/dev/tty");
    // Where there is not even one to be asked for, an editor that needs none may do.
    let terminal = (!is_terminal).then(open).and_then(Result::ok);
    terminal.map_or_else(Stdio::inherit, Stdio::from)
}

fn edit(
    path: &Path,
    terminal: Terminal,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Result<(), Failure> {
    let named = ["VISUAL", "EDITOR"]
        .iter()
        .find_map(|name| environment(name).filter(|value| !value.is_empty()));
    let command = named.unwrap_or_else(|| FALLBACK.into());
    let failed = |what: String| {
        Failure::new(
            "editor",
            Exit::Trouble,
            format!("{what}: nothing was queued"),
        )
        .with_detail("VISUAL or EDITOR names the editor; -F FILE takes a file instead")
    };
    let status = program::command(&command, Some(path.as_os_str()))
        .stdin(of_terminal(terminal.stdin, false))
        .stdout(of_terminal(terminal.stdout, true))
        .status()
        .map_err(|error| failed(format!("cannot start the editor: {error}")))?;
    if status.success() {
        return Ok(());
    }
    Err(failed(format!("the editor ended with {status}")))
}

fn read(path: &Path, note: &str) -> Result<String, Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        let text = format!("cannot read what the editor wrote: {error}");
        Failure::new("editor", Exit::Trouble, text)
    })?;
    Ok(without_note(&text, note))
}

/// The text without our note, also one that was changed, and without the empty lines
/// around it. What the first line begins with stays: it may be code.
fn without_note(text: &str, note: &str) -> String {
    let found = text.rfind(note).map(|from| (from, from + note.len()));
    let found = found.or_else(|| {
        let from = text.rfind(NOTE_BEGIN)?;
        let end = text.get(from..)?.find(NOTE_END)?;
        Some((from, from + end + NOTE_END.len()))
    });
    let parts = found.and_then(|(from, to)| Some((text.get(..from)?, text.get(to..)?)));
    let text = parts.map_or_else(
        || text.to_owned(),
        |(before, behind)| format!("{before}{behind}"),
    );
    text.trim_end().trim_start_matches(['\n', '\r']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(script: &str, text: &str) -> Result<Draft, Failure> {
        let terminal = Terminal {
            stdin: true,
            stdout: true,
            stderr: true,
            size: || None,
            is_read: || true,
        };
        Draft::write(text, "the comment for o/r#1", terminal, &|name| {
            (name == "EDITOR").then(|| OsString::from(script))
        })
    }

    #[test]
    fn the_note_is_shown_and_taken_out() {
        let draft = written(
            "sed -i 's/old/new/; /comenq: the comment for o.r#1[.]$/s/$/ x/'",
            "old text",
        )
        .unwrap();
        assert_eq!(draft.text, "new text");
        let file = fs::read_to_string(&draft.path).unwrap();
        assert!(file.contains("for o/r#1. x"), "{file}");
        draft.done();
        assert!(!draft.path.exists());
        let elsewhere = written("sed -i '$ a below'", "").unwrap();
        assert_eq!(elsewhere.text, "below");
        elsewhere.done();
        let nothing = written("true", "").unwrap();
        assert_eq!(nothing.text, "");
        nothing.done();
        let note = "<!-- comenq: x -->";
        assert_eq!(without_note("a <!-- comenq: b", note), "a <!-- comenq: b");
    }

    #[test]
    fn a_mark_of_the_users_own_stays_and_so_does_code() {
        let text = "<!-- comenq: sticky -->\nhello";
        let draft = written("true", text).unwrap();
        assert_eq!(draft.text, text);
        draft.done();
        let code = written("true", "    code\n\ntext").unwrap();
        assert_eq!(code.text, "    code\n\ntext");
        code.done();
    }

    #[test]
    fn an_editor_that_fails_queues_nothing_and_loses_nothing() {
        let failure = written("exit 3; #", "text").unwrap_err();
        assert!(
            failure.message.contains("exit status: 3"),
            "{}",
            failure.message
        );
        assert!(!failure.detail.unwrap().contains("kept"));
        let failure = written("echo more >> \"$1\"; exit 1; #", "text").unwrap_err();
        let detail = failure.detail.unwrap();
        let path = detail.rsplit(' ').next().unwrap();
        assert!(fs::read_to_string(path).unwrap().contains("more"));
        fs::remove_file(path).unwrap();
    }
}
