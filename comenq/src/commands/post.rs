//! `comenq post`: queue one comment.
//!
//! Decides where the comment's text comes from. Everything that can be wrong
//! with the arguments is found before anybody is connected to, and standard
//! input is read to its end first: the daemon never waits for a typist.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use comenq_proto::{
    CommentBody, ErrorCode, JobSubmit, JobSubmitReply, MAX_BODY_BYTES, SubmitKey, TargetError,
    TargetRef,
};

use super::{
    Context,
    words::{ordinal, target},
};
use crate::{
    cli::PostArgs,
    exit::Exit,
    failure::Failure,
    json::PostJson,
    output::{Output, plain_line},
    times::{Times, rfc3339},
};

pub(super) fn run(args: PostArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let (to, given) = target_and_body(&args.target, args.rest)?;
    let body = match (given, args.file) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage(
                "the comment is given twice, as an argument and with --file; leave one out",
            ));
        }
        (Some(text), None) if text != "-" => CommentBody::parse(text)?,
        (None, Some(file)) if file != Path::new("-") => from_file(&file)?,
        _ => from_stdin(context)?,
    };
    let key = args.key.unwrap_or_else(SubmitKey::random);
    let request = JobSubmit {
        owner: to.target.owner.to_string(),
        repo: to.target.repo.to_string(),
        number: to.target.number.get(),
        host: to.host,
        body: body.into_string(),
        key: Some(key.to_string()),
    };
    let answer = context.client.call(&request);
    let reply = answer.map_err(|error| Failure::of_submission(error, &context.client, &key))?;
    // After a repetition "duplicate" only tells that our first try had arrived.
    let was_there = reply.duplicate && !context.client.has_repeated();
    report(&reply, &key, was_there, &mut context.output)
}

/// Sorts the arguments after the target: a number unless the target has one,
/// then perhaps the comment.
fn target_and_body(text: &str, rest: Vec<String>) -> Result<(TargetRef, Option<String>), Failure> {
    let mut rest = rest.into_iter();
    let to = match text.parse::<TargetRef>() {
        Err(missing @ TargetError::MissingNumber { .. }) => {
            let number = rest.next().ok_or(missing)?;
            TargetRef::from_parts(text, &number)?
        }
        parsed => parsed?,
    };
    let body = rest.next();
    match rest.next() {
        None => Ok((to, body)),
        Some(_) => Err(Failure::usage(format!(
            "there is an argument too many: {} already has a number, only the comment may follow",
            plain_line(text)
        ))
        .with_detail("quote the comment if it has spaces")),
    }
}

fn from_file(path: &Path) -> Result<CommentBody, Failure> {
    let shown = path.display().to_string();
    let mut file = fs::File::open(path).map_err(|error| unreadable(&shown, &error))?;
    read(&mut file, &shown)
}

fn from_stdin(context: &mut Context<'_>) -> Result<CommentBody, Failure> {
    if context.stdin_is_terminal {
        context
            .output
            .note("type the comment; Ctrl-D on a line of its own ends it");
    }
    read(context.stdin, "standard input")
}

fn read(source: &mut dyn Read, name: &str) -> Result<CommentBody, Failure> {
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

fn report(
    reply: &JobSubmitReply,
    key: &SubmitKey,
    was_there: bool,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    if output.is_json() {
        return output.json(PostJson {
            job: (&reply.job).into(),
            key: key.as_str(),
            duplicate: reply.duplicate,
            position: reply.position,
            expected_at: reply.expected_at_ms.and_then(rfc3339),
            notes: &reply.notes,
        });
    }
    for note in &reply.notes {
        output.note(note);
    }
    let text = sentence(reply, was_there, output.times());
    output.text(&format!("{}\n", plain_line(&text)))
}

/// `queued #7 for owner/repo#123: 3rd in line, expected about 12:41 (in 31 min)`.
fn sentence(reply: &JobSubmitReply, was_there: bool, times: Times) -> String {
    let job = &reply.job;
    let mut text = format!("queued #{} for {}", job.id, target(job));
    if was_there {
        text = format!("already {text} ({})", job.state);
    }
    let position = reply.position.map(|at| format!("{} in line", ordinal(at)));
    let expected = reply.expected_at_ms.map(|at| match times.ahead(at) {
        now if now == "now" => "expected now".to_owned(),
        later => format!("expected about {later}"),
    });
    let parts: Vec<String> = position
        .into_iter()
        .chain(expected)
        .chain(job.comment_url.clone())
        .collect();
    if !parts.is_empty() {
        text = format!("{text}: {}", parts.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(target: &str, rest: &[&str]) -> Result<(String, Option<String>), Failure> {
        let rest = rest.iter().map(ToString::to_string).collect();
        target_and_body(target, rest).map(|(to, body)| (to.target.to_string(), body))
    }

    #[test]
    fn the_number_stands_in_the_target_or_after_it() {
        for (target, rest) in [
            ("o/r", &["12", "text"][..]),
            ("o/r#12", &["text"]),
            ("https://github.com/o/r/pull/12#discussion", &["text"]),
        ] {
            let expected = ("o/r#12".to_owned(), Some("text".to_owned()));
            assert_eq!(sorted(target, rest).unwrap(), expected);
        }
        assert_eq!(sorted("o/r", &["12"]).unwrap(), ("o/r#12".into(), None));
        assert_eq!(sorted("o/r#12", &[]).unwrap(), ("o/r#12".into(), None));
        let number_as_text = ("o/r#12".to_owned(), Some("13".to_owned()));
        assert_eq!(sorted("o/r#12", &["13"]).unwrap(), number_as_text);
    }

    #[test]
    fn wrong_arguments_say_which_and_why() {
        let wrong = |target, rest| {
            let failure = sorted(target, rest).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            failure.message
        };
        assert!(wrong("o/r", &[]).contains("has no issue number"));
        assert!(wrong("o/r", &["text"]).contains("\"text\" is not a whole number"));
        assert!(wrong("o/r#1", &["2", "text"]).contains("argument too many"));
        assert!(wrong("o r/x#1", &["text"]).contains("' ' at position 2"));
    }

    #[test]
    fn input_is_read_whole_but_not_without_end() {
        assert_eq!(
            read(&mut &b"h\xc3\xa4h\n"[..], "x").unwrap().as_str(),
            "häh\n"
        );
        let failure = |mut input: &[u8]| read(&mut input, "x").unwrap_err();
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
        let endless = read(&mut io::repeat(b'x'), "x").unwrap_err();
        assert!(endless.message.contains("more than 262144 bytes"));
        assert!(read(&mut &vec![b'x'; MAX_BODY_BYTES][..], "x").is_ok());
    }
}
