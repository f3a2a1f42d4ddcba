//! `post_now`: one job goes next, without waiting for the cooldown.
//!
//! Decides that an account in trouble is told as such: nobody's word shortens what GitHub or a broken
//! network made it wait for. When the job goes is the pacer's, which keeps GitHub's own floor.

use comenq_proto::{ErrorCode, JobChangeReply, JobId, PostNow, WireError};

use super::{Answer, Service, change, error, get, view};
use crate::queue::{Phase, QueueError};

/// Lets the job go next.
pub(super) async fn post_now(
    service: &Service,
    request: PostNow,
) -> Result<Answer<JobChangeReply>, WireError> {
    let id = get::job_id(request.id)?;
    let job = service.queue.peek(id).await;
    let job = job.map_err(|it| error::to_wire(&it))?;
    if !job.state.is_finished() {
        let lane = service.queue.lane(&job.account);
        let waits = lane.as_ref().filter(|lane| {
            matches!(
                lane.phase,
                Phase::Limited | Phase::Blocked | Phase::Offline | Phase::NoToken | Phase::Paused
            )
        });
        let waiting_for = match (&lane, waits) {
            (None, _) => view::unserved(&job),
            (Some(_), lane) => lane.and_then(view::trouble),
        };
        if let Some(what) = waiting_for {
            let text = format!("job #{id} cannot be posted now: {what}");
            return Err(WireError::new(ErrorCode::LaneWaiting, text));
        }
    }
    let done = match service.queue.post_now(id).await {
        Ok(done) => done,
        Err(refused) => return Err(refusal(service, id, &refused).await),
    };
    let notes = if done.changed {
        Vec::new()
    } else {
        vec!["it goes next already".to_owned()]
    };
    Ok(change::reply(done, "goes next, without waiting", notes))
}

async fn refusal(service: &Service, id: JobId, refused: &QueueError) -> WireError {
    if matches!(refused, QueueError::Unresolved(_)) {
        let text = format!(
            "job #{id} cannot be posted now: something for its target may have been posted \
             already, which is not known yet"
        );
        return WireError::new(ErrorCode::Unresolved, text)
            .with_detail("wait until that is known: `comenq list` shows what is uncertain");
    }
    change::worded(service, change::Deed::PostNow, id, refused).await
}
