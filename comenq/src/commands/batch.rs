//! `comenq post --batch`: queue many comments, all of them or none.
//!
//! Decides what a line of a batch may say, and that every line has a key: its
//! own, or the batch's and the line's number. So the same input with the same
//! key can be repeated, and everything that can be wrong with it is found, with
//! its line, before anybody is connected to.

use std::{
    collections::HashSet,
    fs,
    io::{self, Read},
    path::Path,
};

use comenq_proto::{
    CommentBody, ErrorCode, JobSubmit, JobSubmitBatch, JobSubmitBatchReply, JobSubmitReply,
    MAX_BATCH, MAX_FRAME, MAX_PRIORITY, MIN_PRIORITY, SubmitKey, Target, TargetRef, to_bytes,
};
use serde::Deserialize;

use super::{
    Context, check,
    post::{sentence, submission},
};
use crate::{
    cli::{PostArgs, SubmitOptions},
    client::CallError,
    exit::Exit,
    failure::Failure,
    json::{BatchJson, PostJson},
    output::plain_line,
    times::Times,
    when::When,
};

/// Most bytes that are read: what fits in a frame is at most six times as long
/// as JSON, and there may be white space.
const MAX_INPUT: usize = 8 * MAX_FRAME;

/// What the envelope around a batch takes, generously.
const ENVELOPE: usize = 256;

/// One line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    target: Option<String>,
    owner: Option<String>,
    repo: Option<String>,
    number: Option<u64>,
    host: Option<String>,
    body: String,
    key: Option<String>,
    account: Option<String>,
    // Wider than its bounds, so that a number beyond them is told the bounds.
    #[serde(default)]
    priority: i64,
    not_before: Option<String>,
    expires: Option<String>,
    replace_key: Option<String>,
    #[serde(default)]
    if_open: bool,
    #[serde(default)]
    hold: bool,
}

pub(super) fn run(args: PostArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let input = read(&args.batch.unwrap_or_default(), context)?;
    let times = context.output.times();
    let key = args.key.unwrap_or_else(|| times.unique_key());
    let Batch { jobs, lines } = jobs(&input, &key, times)?;
    let request = JobSubmitBatch { jobs };
    drop(input);
    must_fit(&request)?;
    if args.dry_run {
        return check::run(request.jobs, context).map_err(|mut failure| {
            failure.message = name_line(failure.message, &lines);
            failure
        });
    }
    let answer = context.client.call(&request);
    let reply = answer.map_err(|error| {
        let mut failure = Failure::of_submission(error, &context.client, &key);
        failure.message = name_line(failure.message, &lines);
        failure
    })?;
    if reply.jobs.len() != request.jobs.len() {
        let error = CallError::Protocol {
            reason: format!(
                "it answered for {} of {} jobs",
                reply.jobs.len(),
                request.jobs.len()
            ),
            sent: true,
        };
        return Err(Failure::of_submission(error, &context.client, &key));
    }
    report(&request, &reply, &key, args.quiet, context)
}

fn read(file: &Path, context: &mut Context<'_>) -> Result<Vec<u8>, Failure> {
    let unreadable = |error: &io::Error| {
        let message = format!("cannot read the batch from {}: {error}", file.display());
        Failure::new("input", Exit::Usage, message)
    };
    let limit = u64::try_from(MAX_INPUT).map_or(u64::MAX, |max| max + 1);
    let mut input = Vec::new();
    let read = if file == Path::new("-") {
        if context.terminal.stdin {
            context
                .output
                .note("type the batch, a JSON object a line; Ctrl-D ends it");
        }
        context.stdin.take(limit).read_to_end(&mut input)
    } else {
        fs::File::open(file).and_then(|file| file.take(limit).read_to_end(&mut input))
    };
    read.map_err(|error| unreadable(&error))?;
    if input.len() > MAX_INPUT {
        return Err(Failure::usage(format!(
            "the batch has more than {MAX_INPUT} bytes; split it into smaller ones"
        )));
    }
    Ok(input)
}

/// The jobs of a batch, and in which line each stands.
struct Batch {
    jobs: Vec<JobSubmit>,
    lines: Vec<usize>,
}

/// The daemon counts jobs and knows no lines: its `job 2 of the batch: …` as the line of that job.
fn name_line(message: String, lines: &[usize]) -> String {
    let named = message.strip_prefix("job ").and_then(|rest| {
        let (job, rest) = rest.split_once(" of the batch: ")?;
        let line = lines.get(job.parse::<usize>().ok()?.checked_sub(1)?)?;
        Some(format!("line {line} of the batch: {rest}"))
    });
    named.unwrap_or(message)
}

/// The jobs of all lines that are not blank.
fn jobs(input: &[u8], key: &SubmitKey, times: Times) -> Result<Batch, Failure> {
    let (mut jobs, mut lines) = (Vec::new(), Vec::new());
    let mut keys = HashSet::new();
    for (at, line) in input.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let number = at + 1;
        let in_line = |mut failure: Failure| {
            failure.message = format!("line {number} of the batch: {}", failure.message);
            failure
        };
        if jobs.len() == MAX_BATCH {
            return Err(in_line(Failure::usage(format!(
                "a batch has at most {MAX_BATCH} jobs; split it into smaller ones"
            ))));
        }
        let job = job(line, number, key, times).map_err(in_line)?;
        if !keys.insert(job.key.clone()) {
            let message = "its key is another line's too; give each its own";
            return Err(in_line(Failure::usage(message)));
        }
        jobs.push(job);
        lines.push(number);
    }
    if jobs.is_empty() {
        return Err(Failure::usage(
            "the batch is empty; it has one JSON object a line, see comenq post --help",
        ));
    }
    Ok(Batch { jobs, lines })
}

fn job(line: &[u8], number: usize, key: &SubmitKey, times: Times) -> Result<JobSubmit, Failure> {
    let mut line = parse(line)?;
    let to = target(&mut line)?;
    let key = match line.key.take() {
        Some(key) => key,
        None => format!("{key}.{number}"),
    };
    let key = self::key(key, "key")?;
    let body = CommentBody::parse(line.body)?;
    let priority = priority(line.priority)?;
    let when = |text: Option<String>| text.map(|text| text.parse::<When>()).transpose();
    let replace_key = line.replace_key.map(|text| self::key(text, "replace_key"));
    let options = SubmitOptions {
        account: line.account,
        priority,
        at: when(line.not_before)?,
        after: None,
        expires: when(line.expires)?,
        replace_key: replace_key.transpose()?,
        if_open: line.if_open,
        hold: line.hold,
    };
    Ok(JobSubmit {
        body: body.into_string(),
        key: Some(key.to_string()),
        ..submission(to, options, times)?
    })
}

/// What the parser says in Rust's words, and in a user's.
const PLAIN: [(&str, &str); 3] = [
    // It counts lines from 1 in what it got: only the column helps.
    (" at line 1 column", " at column"),
    ("expected u64", "expected a whole number from 1"),
    ("expected i64", "expected a whole number"),
];

fn parse(line: &[u8]) -> Result<Line, Failure> {
    let refused = |reason: String| {
        Failure::usage(reason).with_detail("comenq post --help shows what a line may say")
    };
    // serde would take an array too, as the fields in the order of this program.
    if !line.trim_ascii_start().starts_with(b"{") {
        return Err(refused(
            "it must be a JSON object: {\"target\": …}".to_owned(),
        ));
    }
    serde_json::from_slice(line).map_err(|error| {
        let reason = PLAIN
            .iter()
            .fold(error.to_string(), |text, (theirs, plain)| {
                text.replace(theirs, plain)
            });
        refused(reason)
    })
}

fn priority(given: i64) -> Result<i8, Failure> {
    let priority = i8::try_from(given).ok();
    let priority = priority.filter(|it| (MIN_PRIORITY..=MAX_PRIORITY).contains(it));
    priority.ok_or_else(|| {
        invalid_value(format!(
            "priority {given} is not one of {MIN_PRIORITY} to {MAX_PRIORITY}"
        ))
    })
}

fn target(line: &mut Line) -> Result<TargetRef, Failure> {
    let parts = (line.owner.take(), line.repo.take(), line.number.take());
    match (line.target.take(), parts, line.host.take()) {
        (Some(text), (None, None, None), None) => Ok(text.parse()?),
        (None, (Some(owner), Some(repo), Some(number)), host) => Ok(TargetRef {
            host,
            target: Target::parse(&owner, &repo, number)?,
        }),
        _ => Err(Failure::usage(
            "it must have either target, such as \"owner/repo#123\" or a URL, and then none of \
             owner, repo, number and host; or owner, repo and number, and host where it is not \
             the account's own",
        )),
    }
}

fn key(text: String, field: &str) -> Result<SubmitKey, Failure> {
    SubmitKey::parse(text).map_err(|error| {
        let code = ErrorCode::InvalidKey.name();
        Failure::new(code, Exit::Usage, format!("{field}: {error}"))
    })
}

fn invalid_value(message: String) -> Failure {
    Failure::new(ErrorCode::InvalidValue.name(), Exit::Usage, message)
}

/// Whether it fits in a frame; the daemon would close the connection unread.
fn must_fit(request: &JobSubmitBatch) -> Result<(), Failure> {
    let bytes = to_bytes(request).map_or(usize::MAX, |bytes| bytes.len());
    let most = MAX_FRAME - ENVELOPE;
    if bytes <= most {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "the batch makes a request of {bytes} bytes; at most {most} are possible: \
         split it into smaller ones"
    )))
}

fn report(
    request: &JobSubmitBatch,
    reply: &JobSubmitBatchReply,
    key: &SubmitKey,
    is_quiet: bool,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    // After a repetition "duplicate" only tells that our first try had arrived.
    let is_first = !context.client.has_repeated();
    let output = &mut context.output;
    if output.is_json() {
        let keys = request.jobs.iter().map(|job| job.key.as_deref());
        let jobs = reply.jobs.iter().zip(keys);
        let jobs = jobs.map(|(job, key)| PostJson::new(job, key.unwrap_or_default()));
        return output.json(BatchJson {
            jobs: jobs.collect(),
            key: key.as_str(),
            notes: &reply.notes,
        });
    }
    for note in &reply.notes {
        output.note(note);
    }
    if is_quiet {
        let ids = reply.jobs.iter().map(|job| format!("{}\n", job.job.id));
        return output.text(&ids.collect::<String>());
    }
    let times = output.times();
    let say = |job: &JobSubmitReply| sentence(job, job.duplicate && is_first, times);
    let text: String = reply
        .jobs
        .iter()
        .map(|job| plain_line(&say(job)) + "\n")
        .collect();
    output.text(&text)
}
