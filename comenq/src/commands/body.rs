//! Where a comment's text comes from: the arguments, a file, standard input, an editor.
//!
//! Decides that for every command that takes a comment, and how much is read.
//! Called before anybody is connected to: the daemon never waits for a typist.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use comenq_proto::{CommentBody, ErrorCode, MAX_BODY_BYTES};

use super::Context;
use crate::{cli::BodyArgs, editor::Draft, exit::Exit, failure::Failure, stop::Stop, unwaitable};

/// A comment, and its file if it was written in an editor.
pub(super) struct Written {
    pub(super) body: CommentBody,
    draft: Option<Draft>,
}

impl Written {
    /// What comes of handing it over: its file goes, or is named beside the error.
    pub(super) fn handed<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        let Some(draft) = &self.draft else {
            return result;
        };
        match result {
            Ok(done) => {
                draft.done();
                Ok(done)
            }
            Err(failure) => Err(draft.keep(failure)),
        }
    }
}

/// The comment that `text` or the options are or name, `-` being standard input, and
/// standard input without any. An editor opens on whatever text is given, for
/// `purpose`.
pub(super) fn read(
    text: Option<String>,
    from: &BodyArgs,
    purpose: &str,
    context: &mut Context<'_>,
) -> Result<Written, Failure> {
    if !from.editor {
        let body = CommentBody::parse(given(text, from, context)?)?;
        return Ok(Written { body, draft: None });
    }
    let is_given = text.is_some() || from.file.is_some() || !context.terminal.stdin;
    let start = if is_given {
        given(text, from, context)?
    } else {
        String::new()
    };
    edit(&start, purpose, context)
}

/// The comment as written in an editor that opened on `start`.
pub(super) fn edit(
    start: &str,
    purpose: &str,
    context: &mut Context<'_>,
) -> Result<Written, Failure> {
    // Ctrl-C is the editor's, however often it is pressed.
    (context.interrupts.ignore)().map_err(|error| unwaitable(&error))?;
    let draft = Draft::write(start, purpose, context.terminal, context.environment)?;
    // Once it has been left, the text must be handed over or its file named.
    let told = (context.interrupts.tell)();
    let told = told.map_err(|error| draft.keep(unwaitable(&error)))?;
    context.client.end(None, Stop::by(told));
    if draft.text.trim().is_empty() {
        draft.done();
        return Err(Failure::new(
            ErrorCode::InvalidBody.name(),
            Exit::Usage,
            "the text is empty: nothing was changed",
        ));
    }
    match CommentBody::parse(draft.text.clone()) {
        Ok(body) => Ok(Written {
            body,
            draft: Some(draft),
        }),
        Err(error) => Err(draft.keep(error.into())),
    }
}

fn given(
    text: Option<String>,
    from: &BodyArgs,
    context: &mut Context<'_>,
) -> Result<String, Failure> {
    match (text, from.file.as_deref()) {
        (Some(_), Some(_)) => Err(Failure::usage(
            "the comment is given twice, as an argument and with --file; leave one out",
        )),
        (Some(text), None) if text != "-" => Ok(text),
        (None, Some(file)) if file != Path::new("-") => from_file(file),
        _ => from_stdin(context),
    }
}

fn from_file(path: &Path) -> Result<String, Failure> {
    let shown = path.display().to_string();
    let mut file = fs::File::open(path).map_err(|error| unreadable(&shown, &error))?;
    whole(&mut file, &shown)
}

fn from_stdin(context: &mut Context<'_>) -> Result<String, Failure> {
    if context.terminal.stdin {
        context
            .output
            .note("type the comment; Ctrl-D on a line of its own ends it");
    }
    whole(context.stdin, "standard input")
}

fn whole(source: &mut dyn Read, name: &str) -> Result<String, Failure> {
    // One byte more than allowed tells that there is more, without reading on.
    let limit = u64::try_from(MAX_BODY_BYTES).map_or(u64::MAX, |max| max + 1);
    let mut bytes = Vec::new();
    let read = source.take(limit).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(name, &error))?;
    if bytes.len() > MAX_BODY_BYTES {
        let message = format!("comment in {name} has more than {MAX_BODY_BYTES} bytes; shorten it");
        let code = ErrorCode::BodyTooLong.name();
        return Err(Failure::new(code, Exit::Usage, message));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("comment in {name} is not UTF-8 text at byte {at}; convert it");
        Failure::new(ErrorCode::InvalidBody.name(), Exit::Usage, message)
    })
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    let message = format!("cannot read the comment from {name}: {error}");
    Failure::new("input", Exit::Usage, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_read_whole_but_not_without_end() {
        assert_eq!(whole(&mut &b"h\xc3\xa4h\n"[..], "x").unwrap(), "häh\n");
        let failure = |mut input: &[u8]| whole(&mut input, "x").unwrap_err();
        assert!(
            failure(b"ab\xff")
                .message
                .contains("not UTF-8 text at byte 2")
        );
        assert_eq!(
            failure(&vec![b'x'; MAX_BODY_BYTES + 1]).code,
            "body_too_long"
        );
        let endless = whole(&mut io::repeat(b'x'), "x").unwrap_err();
        assert!(endless.message.contains("more than 262144 bytes"));
        assert!(whole(&mut &vec![b'x'; MAX_BODY_BYTES][..], "x").is_ok());
    }
}
