//! `comenq post`: queue one comment.
//!
//! Decides what the arguments ask for. Everything that can be wrong with them is
//! found before anybody is connected to. `--batch` is [`batch`]'s, `--dry-run`
//! [`check`]'s, `--wait` [`wait`]'s.

use std::time::Duration;

use comenq_proto::{JobState, JobSubmit, JobSubmitReply, SubmitKey, TargetError, TargetRef};

use super::{
    Context, batch, body, check,
    phase::Progress,
    wait,
    waiting::until_finished,
    words::{name, ordinal},
};
use crate::{
    checkout,
    cli::{Patience, PostArgs, SubmitOptions},
    exit::Exit,
    failure::Failure,
    json::{OneJobJson, PostJson},
    output::plain_line,
    times::Times,
    when::{Length, Moment, When},
};

pub(super) fn run(args: PostArgs, context: &mut Context<'_>) -> Result<Exit, Failure> {
    if args.batch.is_some() {
        return batch::run(args, context).map(|()| Exit::Done);
    }
    let target = args.target.unwrap_or_default();
    let (to, given) = target_and_body(&target, args.rest, |number| {
        checkout::target(number, context.environment)
    })?;
    must_be_text(given.as_deref(), args.wait)?;
    let times = context.output.times();
    let key = args.key.unwrap_or_else(|| times.unique_key());
    let purpose = format!("the comment for {}", to.target);
    let request = JobSubmit {
        key: Some(key.to_string()),
        ..submission(to, args.options, times)?
    };
    let written = body::read(given, &args.from, &purpose, context)?;
    let request = JobSubmit {
        body: written.body.as_str().to_owned(),
        ..request
    };
    if args.dry_run {
        return check::run(vec![request], context).map(|()| Exit::Done);
    }
    let answer = context.client.call(&request);
    let answer = answer.map_err(|error| Failure::of_submission(error, &context.client, &key));
    let reply = written.handed(answer)?;
    // Who repeats it without the key would post it twice.
    report(&reply, &key, args.quiet, args.wait.is_some(), context).map_err(|failure| {
        failure.and_detail(format!("it is queued as #{} with key {key}", reply.job.id))
    })?;
    match args.wait {
        Some(patience) => waited(&reply, patience.limit(), args.quiet, context),
        None => Ok(Exit::Done),
    }
}

/// `--wait 10m` takes no time, and would post it.
fn must_be_text(given: Option<&str>, wait: Option<Patience>) -> Result<(), Failure> {
    let Some(text) = given.filter(|_| wait == Some(Patience::Endless)) else {
        return Ok(());
    };
    if text.parse::<Length>().is_err() {
        return Ok(());
    }
    let message = format!("is {} the comment, or how long to wait?", plain_line(text));
    let detail = format!(
        "a time to wait stands behind a sign: --wait={text}; such a comment goes through \
         standard input"
    );
    Err(Failure::usage(message).with_detail(detail))
}

/// Waits for the job, and prints where its comment is.
fn waited(
    reply: &JobSubmitReply,
    limit: Option<Duration>,
    is_quiet: bool,
    context: &mut Context<'_>,
) -> Result<Exit, Failure> {
    let is_json = context.output.is_json();
    let progress = Progress::new(!is_json && !is_quiet, context);
    let outcome = until_finished(&[reply.job.id], limit, progress, context);
    let outcome = outcome
        .map_err(|failure| failure.and_detail(format!("it is queued as #{}", reply.job.id)))?;
    let job = outcome.jobs.first().unwrap_or(&reply.job);
    if is_json {
        context.output.json(OneJobJson { job: job.into() })?;
    } else if !is_quiet && job.state == JobState::Posted {
        let url = job.comment_url.as_deref();
        let url = url.unwrap_or("posted; its URL is not known yet");
        context.output.text(&(plain_line(url) + "\n"))?;
    }
    wait::ended(&outcome, limit, context)
}

/// A submission for this target with these options, without key and text.
pub(super) fn submission(
    to: TargetRef,
    options: SubmitOptions,
    times: Times,
) -> Result<JobSubmit, Failure> {
    let mut request = JobSubmit {
        owner: to.target.owner.to_string(),
        repo: to.target.repo.to_string(),
        number: to.target.number.get(),
        host: to.host,
        account: options.account,
        priority: options.priority,
        replace_key: options.replace_key.map(|key| key.to_string()),
        if_open: options.if_open,
        hold: options.hold,
        ..JobSubmit::default()
    };
    let at = options
        .at
        .or(options.after.map(|length| When::After(length.0)));
    match at.map(|when| when.moment(times)).transpose()? {
        Some(Moment::AfterMs(delay)) => request.delay_ms = Some(delay),
        Some(Moment::AtMs(at)) => request.not_before_ms = Some(at),
        None => {}
    }
    match options.expires.map(|when| when.moment(times)).transpose()? {
        Some(Moment::AfterMs(delay)) => request.expires_in_ms = Some(delay),
        Some(Moment::AtMs(at)) => request.expires_at_ms = Some(at),
        None => {}
    }
    Ok(request)
}

/// Sorts the arguments after the target: a number unless the target has one,
/// then perhaps the comment. A number alone is of the checkout we stand in.
fn target_and_body(
    text: &str,
    rest: Vec<String>,
    checkout: impl FnOnce(&str) -> Result<TargetRef, Failure>,
) -> Result<(TargetRef, Option<String>), Failure> {
    let mut rest = rest.into_iter();
    let to = match text.parse::<TargetRef>() {
        _ if is_number(text) => checkout(text.trim_start_matches('#'))?,
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

/// `123` or `#123`.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Says what was queued: as the answer, or beside it where a wait follows.
fn report(
    reply: &JobSubmitReply,
    key: &SubmitKey,
    is_quiet: bool,
    waits: bool,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    // After a repetition "duplicate" only tells that our first try had arrived.
    let was_there = reply.duplicate && !context.client.has_repeated();
    let output = &mut context.output;
    if output.is_json() {
        if waits {
            return Ok(());
        }
        return output.json(PostJson::new(reply, key.as_str()));
    }
    for note in &reply.notes {
        output.note(note);
    }
    if is_quiet {
        return output.text(&format!("{}\n", reply.job.id));
    }
    let text = plain_line(&sentence(reply, was_there, output.times()));
    if waits {
        output.progress(&text);
        return Ok(());
    }
    output.text(&(text + "\n"))
}

/// `queued #7 for owner/repo#123: 3rd in line, expected about 12:41 (in 31 min)`.
pub(super) fn sentence(reply: &JobSubmitReply, was_there: bool, times: Times) -> String {
    let job = &reply.job;
    let mut text = match (was_there, job.state) {
        (true, state) => format!("already queued {} ({state})", name(job)),
        (false, JobState::Held) => format!("queued {}, held", name(job)),
        (false, _) => format!("queued {}", name(job)),
    };
    let is_waiting = !job.state.is_finished();
    let release = (job.state == JobState::Held)
        .then(|| format!("let it go on with comenq release {}", job.id));
    let not_before = job.not_before_ms.filter(|_| is_waiting);
    let not_before =
        not_before.map(|at| format!("not before {} ({})", times.chosen(at), times.distance(at)));
    let position = reply.position.map(|at| format!("{} in line", ordinal(at)));
    let expected = reply.expected_at_ms.map(|at| match times.ahead(at) {
        now if now == "now" => "expected now".to_owned(),
        later => format!("expected about {later}"),
    });
    let parts: Vec<String> = [
        release,
        not_before,
        position,
        expected,
        job.comment_url.as_deref().map(ToOwned::to_owned),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !parts.is_empty() {
        text = format!("{text}: {}", parts.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn sorted(target: &str, rest: &[&str]) -> Result<(String, Option<String>), Failure> {
        let rest = rest.iter().map(ToString::to_string).collect();
        let checkout = |number: &str| Ok(TargetRef::from_parts("here/repo", number)?);
        target_and_body(target, rest, checkout).map(|(to, body)| (to.target.to_string(), body))
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
        for alone in ["12", "#12"] {
            let expected = ("here/repo#12".to_owned(), Some("13".to_owned()));
            assert_eq!(sorted(alone, &["13"]).unwrap(), expected);
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
}
