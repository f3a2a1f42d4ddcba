//! Where a comment's text comes from: the arguments, a file, standard input.
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
use crate::{exit::Exit, failure::Failure};

/// The comment that `text` or `file` is or names, `-` being standard input, and
/// standard input without either.
pub(super) fn read(
    text: Option<String>,
    file: Option<&Path>,
    context: &mut Context<'_>,
) -> Result<CommentBody, Failure> {
    match (text, file) {
        (Some(_), Some(_)) => Err(Failure::usage(
            "the comment is given twice, as an argument and with --file; leave one out",
        )),
        (Some(text), None) if text != "-" => Ok(CommentBody::parse(text)?),
        (None, Some(file)) if file != Path::new("-") => from_file(file),
        _ => from_stdin(context),
    }
}

fn from_file(path: &Path) -> Result<CommentBody, Failure> {
    let shown = path.display().to_string();
    let mut file = fs::File::open(path).map_err(|error| unreadable(&shown, &error))?;
    whole(&mut file, &shown)
}

fn from_stdin(context: &mut Context<'_>) -> Result<CommentBody, Failure> {
    if context.stdin_is_terminal {
        context
            .output
            .note("type the comment; Ctrl-D on a line of its own ends it");
    }
    whole(context.stdin, "standard input")
}

fn whole(source: &mut dyn Read, name: &str) -> Result<CommentBody, Failure> {
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
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("comment in {name} is not UTF-8 text at byte {at}; convert it");
        Failure::new(ErrorCode::InvalidBody.name(), Exit::Usage, message)
    })?;
    Ok(CommentBody::parse(text)?)
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
        assert_eq!(
            whole(&mut &b"h\xc3\xa4h\n"[..], "x").unwrap().as_str(),
            "häh\n"
        );
        let failure = |mut input: &[u8]| whole(&mut input, "x").unwrap_err();
        assert!(
            failure(b"ab\xff")
                .message
                .contains("not UTF-8 text at byte 2")
        );
        assert_eq!(failure(b" \n").code, "invalid_body");
        assert_eq!(failure(b"a\0").code, "invalid_body");
        assert_eq!(
            failure(&vec![b'x'; MAX_BODY_BYTES + 1]).code,
            "body_too_long"
        );
        let endless = whole(&mut io::repeat(b'x'), "x").unwrap_err();
        assert!(endless.message.contains("more than 262144 bytes"));
        assert!(whole(&mut &vec![b'x'; MAX_BODY_BYTES][..], "x").is_ok());
    }
}
