//! `job_list`: jobs in pages.
//!
//! Decides how much goes on one page, so that no reply can outgrow a frame whatever the jobs
//! hold, which wishes can be understood, and that a cursor goes on only with the list it came
//! from. What chooses jobs is no part of a cursor: each page is asked for with it.

use std::time::Duration;

use comenq_proto::{ErrorCode, JobList, JobListReply, MAX_FRAME, MAX_PAGE, WireError};

use super::fitting::{self, ENVELOPE_BYTES};
use super::{Answer, Caller, Service, authorize, error, view};
use crate::clock::UnixMs;
use crate::queue::{Cursor, ListFilter, ListQuery, State};

/// Jobs on a page where the client does not say.
const DEFAULT_PAGE: u32 = 100;
/// Bodies on one page together; the queue ends it behind the one that passes this.
const MAX_BODIES_BYTES: usize = 512 * 1024;
/// How long finished jobs are listed among the others; the history has no such bound.
const FINISHED_FOR: Duration = Duration::from_secs(24 * 3600);

/// What cursors of the history begin with: one of the other list would bring unfinished jobs in.
const HISTORY: char = 'h';

/// Shows one page; of others' jobs neither bodies nor errors.
pub(super) async fn list(
    service: &Service,
    caller: Caller,
    request: JobList,
) -> Result<Answer<JobListReply>, WireError> {
    let history = request.history;
    let after = request.cursor.as_deref();
    let after = after.map(|text| parse(text, history)).transpose()?;
    let filter = filter(&request, caller)?;
    let limit = request.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE);
    let mut limit = usize::try_from(limit).unwrap_or(1);
    loop {
        let query = ListQuery {
            finished_only: history,
            after,
            limit,
            with_body: request.include_body,
            max_bytes: MAX_BODIES_BYTES,
            finished_since: if history {
                UnixMs(i64::MIN)
            } else {
                service.clock.best_wall().minus(FINISHED_FOR)
            },
            filter: filter.clone(),
        };
        let reply = page(service, caller, query).await?;
        // Long errors and addresses can still make a page too long: then half of it is sent.
        if limit == 1 || fitting::fits(&reply, MAX_FRAME - ENVELOPE_BYTES) {
            return Ok(Answer::of(reply));
        }
        limit /= 2;
    }
}

async fn page(
    service: &Service,
    caller: Caller,
    query: ListQuery,
) -> Result<JobListReply, WireError> {
    let history = query.finished_only;
    let page = service
        .queue
        .list(query)
        .await
        .map_err(|it| error::to_wire(&it))?;
    let jobs = page.jobs.into_iter().map(|(job, body)| {
        let is_own = authorize::owns(caller, &job);
        view::job(job, body, is_own)
    });
    Ok(JobListReply {
        jobs: jobs.collect(),
        next_cursor: page.next.map(|cursor| print(cursor, history)),
    })
}

/// Which jobs are asked for.
fn filter(request: &JobList, caller: Caller) -> Result<ListFilter, WireError> {
    let states = request.states.iter().map(|text| state(text));
    if request.repo.is_some() && request.owner.is_none() {
        let text = "a repository is named without its owner";
        return Err(WireError::new(ErrorCode::InvalidValue, text).with_detail("name the owner too"));
    }
    Ok(ListFilter {
        uid: request.mine.then_some(caller.uid),
        states: states.collect::<Result<_, _>>()?,
        account: request.account.clone(),
        owner: request.owner.clone(),
        repo: request.repo.clone(),
        since: request.since_ms.map(UnixMs),
    })
}

fn state(text: &str) -> Result<State, WireError> {
    let known = State::ALL.iter().find(|state| state.as_str() == text);
    known.copied().ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        let states = State::ALL.map(State::as_str).join(", ");
        WireError::new(ErrorCode::InvalidValue, format!("{shown:?} is no state"))
            .with_detail(format!("the states are {states}"))
    })
}

fn print(cursor: Cursor, history: bool) -> String {
    if history {
        format!("{HISTORY}{cursor}")
    } else {
        cursor.to_string()
    }
}

fn parse(text: &str, history: bool) -> Result<Cursor, WireError> {
    let (own, of_history) = match text.strip_prefix(HISTORY) {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let parsed = own.parse();
    match parsed {
        Ok(cursor) if history && of_history && matches!(cursor, Cursor::Finished(..)) => Ok(cursor),
        Ok(cursor) if !history && !of_history => Ok(cursor),
        Ok(_) => Err(refused(
            "the cursor is of the other list: jobs and history have their own",
        )),
        Err(_) => Err(refused("the cursor is not one this daemon gave")),
    }
}

fn refused(text: &str) -> WireError {
    WireError::new(ErrorCode::InvalidCursor, text).with_detail("begin again without a cursor")
}

#[cfg(test)]
mod tests {
    use comenq_proto::JobId;

    use super::*;
    use crate::queue::Seen;

    #[test]
    fn a_cursor_goes_on_only_with_its_own_list() {
        let id = JobId::new(3).unwrap();
        let finished = Cursor::Finished(UnixMs(5), id);
        let seen = Some(Seen { met: 2, of: 9 });
        for cursor in [
            Cursor::Unfinished(id, None),
            Cursor::Unfinished(id, seen),
            finished,
        ] {
            let text = print(cursor, false);
            assert_eq!(parse(&text, false).unwrap(), cursor);
            let other = parse(&text, true).unwrap_err();
            assert_eq!(other.code, ErrorCode::InvalidCursor, "{text}");
        }
        let text = print(finished, true);
        assert_eq!(parse(&text, true).unwrap(), finished);
        assert!(parse(&text, false).is_err());
        // What no reply held: a history begins behind the unfinished ones.
        assert!(parse("hu3", true).is_err());
        assert!(parse("", true).is_err());
        for text in ["u3.", "u3.1", "u3.1.", "u3.x.2", "u.1.2", "u0.1.2"] {
            assert!(parse(text, false).is_err(), "{text}");
        }
    }
}
