//! `comenq list`: unfinished jobs and those finished within a day, or the history.
//!
//! Decides which pages are fetched (all, unless the user asks for one) and what
//! a row of the table says.

use comenq_proto::{Job, JobList, JobState, MAX_PAGE};
use comfy_table::{ContentArrangement, Table, presets};

use super::{
    Context,
    words::{target, trouble},
};
use crate::{
    cli::ListArgs,
    failure::Failure,
    json::{JobJson, ListJson},
    output::plain_line,
    times::Times,
};

pub(super) fn run(args: ListArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let wants_one_page = args.limit.is_some() || args.cursor.is_some();
    let mut request = JobList {
        cursor: args.cursor,
        limit: Some(args.limit.unwrap_or(MAX_PAGE)),
        include_body: context.output.is_json(),
        history: args.history,
        ..JobList::default()
    };
    let mut jobs = Vec::new();
    let next_cursor = loop {
        let page = context.ask(&request)?;
        jobs.extend(page.jobs);
        // The same cursor again would never end.
        let is_last = page.next_cursor.is_none() || page.next_cursor == request.cursor;
        if wants_one_page || is_last {
            break page.next_cursor;
        }
        request.cursor = page.next_cursor;
    };
    report(&jobs, next_cursor.as_deref(), request.history, context)
}

fn report(
    jobs: &[Job],
    next: Option<&str>,
    is_history: bool,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    let output = &mut context.output;
    if output.is_json() {
        return output.json(ListJson {
            jobs: jobs.iter().map(JobJson::from).collect(),
            next_cursor: next,
        });
    }
    if jobs.is_empty() {
        return output.text("no jobs\n");
    }
    output.text(&table(jobs, output.times()))?;
    if let Some(cursor) = next {
        let history = if is_history { " --history" } else { "" };
        output.note(&format!(
            "there are more: comenq list{history} --cursor {cursor}"
        ));
    }
    Ok(())
}

fn table(jobs: &[Job], times: Times) -> String {
    let mut table = Table::new();
    // Long lines are cut by whoever shows them, not wrapped into the next job.
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(["ID", "STATE", "TARGET", "SUBMITTED", "TRIES", "WHAT"]);
    for job in jobs {
        table.add_row([
            job.id.to_string(),
            job.state.to_string(),
            plain_line(&target(job)),
            times.clock(job.created_at_ms),
            job.attempts.to_string(),
            plain_line(&what(job, times)),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}

/// The one thing worth knowing of a job in its state.
fn what(job: &Job, times: Times) -> String {
    let mut parts = Vec::new();
    if job.cancel_requested && !job.state.is_finished() {
        parts.push("cancelled, outcome being looked up".to_owned());
    }
    if let Some(at) = job.not_before_ms.filter(|_| job.state == JobState::Queued) {
        parts.push(format!("not before {}", times.clock(at)));
    }
    if let Some(at) = job.next_attempt_at_ms.filter(|_| !job.state.is_finished()) {
        parts.push(format!("next try {}", times.ahead(at)));
    }
    if let Some(at) = job.next_look_at_ms.filter(|_| !job.state.is_finished()) {
        parts.push(format!("next look {}", times.ahead(at)));
    }
    if let Some(newer) = job.superseded_by {
        parts.push(format!("superseded by #{newer}"));
    }
    parts.extend(trouble(job).map(ToOwned::to_owned));
    parts.extend(job.comment_url.as_deref().map(ToOwned::to_owned));
    parts.join("; ")
}
