//! `job_purge`: a finished job is removed at once.

use comenq_proto::{JobPurge, JobPurgeReply, WireError};

use super::{Answer, Service, change, get};

/// Removes the job, its text and its log.
pub(super) async fn job_purge(
    service: &Service,
    request: JobPurge,
) -> Result<Answer<JobPurgeReply>, WireError> {
    let id = get::job_id(request.id)?;
    let was_there = match service.queue.purge(id).await {
        Ok(was_there) => was_there,
        Err(refused) => {
            return Err(change::worded(service, change::Deed::Purge, id, &refused).await);
        }
    };
    let notes = if was_there {
        Vec::new()
    } else {
        vec!["it was gone already".to_owned()]
    };
    let changed = was_there.then(|| format!("purged: #{id}"));
    Ok(Answer::about(
        id,
        JobPurgeReply {
            id: id.get(),
            notes,
        },
    )
    .changing(changed))
}
