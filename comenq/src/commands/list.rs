//! `comenq list` and `comenq history`: unfinished jobs and those finished within a day,
//! or finished ones of any age.
//!
//! Decides how they are shown: once, through a pager where that is long; again and
//! again; or as JSON, written as the pages come, so that no list is too long.

use std::{
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use comenq_proto::Job;

use super::{
    Context,
    pages::{Pages, Wanted},
    table::JobTable,
    timeline,
};
use crate::{
    cli::ListArgs,
    failure::Failure,
    json::{JobJson, JsonList},
    pager::{Pager, PagerChoice},
    unwaitable,
};

/// Between two looks of `--watch`.
const EVERY: Duration = Duration::from_secs(2);
/// An interrupt is noticed within this.
const NOTICE: Duration = Duration::from_millis(100);

/// Rows of a terminal that does not say.
const DEFAULT_ROWS: usize = 24;
/// Rows that are no jobs: the clock, the titles, the mark that there are more, the cursor.
const FRAME_ROWS: usize = 4;

/// What a terminal obeys: go home, and clear what is below.
const HOME: &str = "\u{1b}[H\u{1b}[J";

pub(super) fn run(args: ListArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    if args.timeline {
        return timeline::run(args.filter.account, args.limit, context);
    }
    if args.watch {
        return watch(&args, context);
    }
    if context.output.is_json() {
        return json(&args, context);
    }
    once(&args, context)
}

pub(super) fn history(args: ListArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let args = ListArgs {
        history: true,
        ..args
    };
    run(args, context)
}

fn pages<'a>(args: &'a ListArgs, context: &Context<'_>) -> Result<Pages<'a>, Failure> {
    let wanted = Wanted {
        filter: &args.filter,
        all: args.all,
        history: args.history,
        body: context.output.is_json(),
        cursor: args.cursor.clone(),
        limit: args.limit,
    };
    Pages::of(wanted, context.output.times())
}

/// The whole list.
fn once(args: &ListArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let mut pages = pages(args, context)?;
    let mut table = None;
    let choice = PagerChoice::of(context.environment);
    let height = context.output.look().height;
    let mut shown = Pager::new(choice, height, context.interrupts.ignore);
    let mut is_read = true;
    while let Some(jobs) = pages.next(context)?.filter(|_| is_read) {
        if jobs.is_empty() {
            continue;
        }
        let table = table.get_or_insert_with(|| JobTable::new(&jobs, args.all, context));
        let lines = table.lines(&jobs, context);
        is_read = shown.lines(&lines, &mut context.output)?;
    }
    shown.end(&mut context.output)?;
    if table.is_none() {
        return context.output.text(none(args));
    }
    if let Some(cursor) = pages.cursor().filter(|_| is_read) {
        let mut words = vec!["there are more: comenq list".to_owned()];
        words.extend(same(args));
        words.push(format!("--cursor {cursor}"));
        context.output.note(&words.join(" "));
    }
    Ok(())
}

/// The options that make the same list.
fn same(args: &ListArgs) -> Vec<String> {
    let filter = &args.filter;
    let repo = filter.repo.as_ref().map(ToString::to_string);
    let since = filter.since.as_ref().map(ToString::to_string);
    let state = (!filter.state.is_empty()).then(|| filter.state.join(","));
    let limit = args.limit.map(|limit| limit.to_string());
    let mut words = Vec::new();
    words.extend(args.history.then(|| "--history".to_owned()));
    words.extend(args.all.then(|| "--all".to_owned()));
    for (name, value) in [
        ("--state", state),
        ("--account", filter.account.clone()),
        ("--repo", repo),
        ("--since", since),
        ("--limit", limit),
    ] {
        let Some(value) = value else { continue };
        let quote = if value.contains(' ') { "'" } else { "" };
        words.push(format!("{name} {quote}{value}{quote}"));
    }
    words
}

const fn none(args: &ListArgs) -> &'static str {
    match (args.all || !args.filter.is_empty(), args.history) {
        (true, _) => "no jobs\n",
        (false, false) => "you have no jobs here; everybody's: comenq list --all\n",
        (false, true) => "none of your jobs is finished; everybody's: comenq history --all\n",
    }
}

/// One object, written as its parts come.
fn json(args: &ListArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let mut pages = pages(args, context)?;
    let mut list = JsonList::new("jobs");
    while let Some(jobs) = pages.next(context)? {
        let jobs = jobs.iter().map(JobJson::from);
        if !context.output.json_items(&mut list, jobs)? {
            return Ok(());
        }
    }
    context
        .output
        .json_end(&list, "next_cursor", pages.cursor())
}

/// The beginning of the list, again and again.
fn watch(args: &ListArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    if !context.terminal.stdout {
        return Err(Failure::usage("--watch needs a terminal")
            .with_detail("comenq watch tells what happens, also to a script"));
    }
    let told = (context.interrupts.tell)().map_err(|error| unwaitable(&error))?;
    while !told.load(Ordering::Relaxed) {
        let screen = screen(args, context)?;
        if !context.output.line(&(HOME.to_owned() + &screen))? {
            return Ok(());
        }
        let again = Instant::now() + EVERY;
        while Instant::now() < again && !told.load(Ordering::Relaxed) {
            thread::sleep(NOTICE);
        }
    }
    Ok(())
}

/// As many jobs as fit below a line that says when this was.
fn screen(args: &ListArgs, context: &mut Context<'_>) -> Result<String, Failure> {
    context.output.refit(context.terminal);
    let rows = context.output.look().height.unwrap_or(DEFAULT_ROWS);
    let asked = args.limit.and_then(|limit| usize::try_from(limit).ok());
    let most = rows
        .saturating_sub(FRAME_ROWS)
        .min(asked.unwrap_or(usize::MAX))
        .max(1);
    let mut pages = pages(args, context)?;
    let mut jobs: Vec<Job> = Vec::new();
    while jobs.len() <= most {
        let Some(page) = pages.next(context)? else {
            break;
        };
        jobs.extend(page);
    }
    let is_cut = jobs.len() > most;
    jobs.truncate(most);
    let times = context.output.times();
    let clock = times.clock(times.now_ms());
    let lines = if jobs.is_empty() {
        none(args).to_owned()
    } else {
        JobTable::new(&jobs, args.all, context).lines(&jobs, context)
    };
    let more = if is_cut { "…\n" } else { "" };
    Ok(format!("{clock}, every 2 s, Ctrl-C ends\n{lines}{more}"))
}
