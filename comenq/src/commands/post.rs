//! `comenq post`: queue one comment.
//!
//! Decides what the arguments ask for. Everything that can be wrong with them is
//! found before anybody is connected to. `--batch` is [`batch`]'s.

use comenq_proto::{JobState, JobSubmit, JobSubmitReply, SubmitKey, TargetError, TargetRef};

use super::{
    Context, batch, body,
    words::{name, ordinal},
};
use crate::{
    cli::{PostArgs, SubmitOptions},
    failure::Failure,
    json::PostJson,
    output::{Output, plain_line},
    times::Times,
    when::{Moment, When},
};

pub(super) fn run(args: PostArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    if let Some(file) = args.batch {
        return batch::run(&file, args.key, context);
    }
    let target = args.target.unwrap_or_default();
    let (to, given) = target_and_body(&target, args.rest)?;
    let body = body::read(given, args.file.as_deref(), context)?;
    let times = context.output.times();
    let key = args.key.unwrap_or_else(|| times.unique_key());
    let request = JobSubmit {
        body: body.into_string(),
        key: Some(key.to_string()),
        ..submission(to, args.options, times)?
    };
    let answer = context.client.call(&request);
    let reply = answer.map_err(|error| Failure::of_submission(error, &context.client, &key))?;
    // After a repetition "duplicate" only tells that our first try had arrived.
    let was_there = reply.duplicate && !context.client.has_repeated();
    report(&reply, &key, was_there, &mut context.output)
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
    let moment = |when: When| when.moment(|| times.zone());
    match options.not_before.map(moment).transpose()? {
        Some(Moment::AfterMs(delay)) => request.delay_ms = Some(delay),
        Some(Moment::AtMs(at)) => request.not_before_ms = Some(at),
        None => {}
    }
    match options.expires.map(moment).transpose()? {
        Some(Moment::AfterMs(delay)) => request.expires_in_ms = Some(delay),
        Some(Moment::AtMs(at)) => request.expires_at_ms = Some(at),
        None => {}
    }
    Ok(request)
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

fn report(
    reply: &JobSubmitReply,
    key: &SubmitKey,
    was_there: bool,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    if output.is_json() {
        return output.json(PostJson::new(reply, key.as_str()));
    }
    for note in &reply.notes {
        output.note(note);
    }
    let text = sentence(reply, was_there, output.times());
    output.text(&format!("{}\n", plain_line(&text)))
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
    let not_before = not_before.map(|at| format!("not before {}", times.ahead(at)));
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
}
