//! The JSON of `watch`: one object a line.

use comenq_proto::{Event, EventKind, FailureCode, JobState};
use serde::Serialize;

use crate::times::rfc3339;

/// One line of `watch`.
#[derive(Serialize)]
pub(crate) struct EventDocument<'a> {
    event: EventJson<'a>,
}

#[derive(Serialize)]
struct EventJson<'a> {
    kind: EventKind,
    position: PositionJson,
    at: Option<String>,
    job_id: Option<u64>,
    state: Option<JobState>,
    target: Option<&'a str>,
    account: Option<&'a str>,
    uid: Option<u32>,
    comment_url: Option<&'a str>,
    next_attempt_at: Option<String>,
    reason: Option<&'a str>,
    failure: Option<FailureCode>,
    superseded_by: Option<u64>,
    missed: Option<u64>,
}

#[derive(Serialize)]
struct PositionJson {
    epoch: u64,
    seq: u64,
}

impl<'a> From<&'a Event> for EventDocument<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            event: EventJson {
                kind: event.kind,
                position: PositionJson {
                    epoch: event.position.epoch,
                    seq: event.position.seq,
                },
                at: rfc3339(event.at_ms),
                job_id: event.job_id,
                state: event.state,
                target: event.target.as_deref(),
                account: event.account.as_deref(),
                uid: event.uid,
                comment_url: event.comment_url.as_deref(),
                next_attempt_at: event.next_attempt_at_ms.and_then(rfc3339),
                reason: event.reason.as_deref(),
                failure: event.failure,
                superseded_by: event.superseded_by,
                missed: event.missed,
            },
        }
    }
}
