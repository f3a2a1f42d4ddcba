//! From the queue's errors to those that travel.
//!
//! Decides the code and the advice of each, and logs, once and here, what is the daemon's trouble
//! and not the client's. Called by the verbs.

use comenq_proto::{ErrorCode, WireError};

use crate::queue::{Exceeded, QueueError};

/// The error as the client gets it.
pub(super) fn to_wire(error: &QueueError) -> WireError {
    let text = error.to_string();
    match error {
        QueueError::Unavailable(_) => {
            // The log has said so once, when opening it failed.
            tracing::debug!("refused a request: {text}");
            WireError::new(ErrorCode::StoreUnavailable, text).with_detail(
                "the daemon keeps trying to open it; its log says more (journalctl -u comenqd, \
                 --user if it is your own)",
            )
        }
        QueueError::Commit(_) => {
            tracing::error!("could not answer a request: {text}");
            WireError::new(ErrorCode::CommitFailed, text)
                .with_detail("whether the change is stored is unknown; repeat it with the same key")
        }
        QueueError::Damaged(_) => {
            tracing::error!("could not answer a request: {text}");
            WireError::new(ErrorCode::Internal, text).with_detail(
                "an administrator must look (journalctl -u comenqd, --user if it is your own)",
            )
        }
        QueueError::Full { .. } => WireError::new(ErrorCode::StoreFull, text)
            .with_detail("nothing was stored; what was taken before is posted"),
        QueueError::KeyReused { .. } => WireError::new(ErrorCode::KeyReused, text)
            .with_detail("nothing was stored; give this comment a key of its own"),
        QueueError::NoSuchJob(_) => WireError::new(ErrorCode::NoSuchJob, text)
            .with_detail("`comenq list` shows unfinished jobs and those finished within a day"),
        QueueError::WrongState { .. } => WireError::new(ErrorCode::WrongState, text),
        QueueError::Unresolved(_) => WireError::new(ErrorCode::Unresolved, text).with_detail(
            "wait until its outcome is known (`comenq show` tells), or cancel it: then it is never \
             posted again",
        ),
        QueueError::Waits { .. } => WireError::new(ErrorCode::LaneWaiting, text)
            .with_detail("nobody can make that sooner; `comenq show` tells when it goes on"),
        QueueError::Draining(_) => WireError::new(ErrorCode::Draining, text).with_detail(
            "nothing was stored; what was taken before is posted; `comenq status` tells since when",
        ),
        QueueError::Quota(exceeded) => quota(exceeded, text),
        QueueError::InBatch { source, .. } => to_wire(source),
        QueueError::Busy(_) => WireError::new(ErrorCode::JobBusy, text)
            .with_detail("its outcome is known in a moment; try again then"),
    }
}

fn quota(exceeded: &Exceeded, text: String) -> WireError {
    let mut error = WireError::new(ErrorCode::QuotaExceeded, text);
    if exceeded.is_hopeless {
        error.retryable = false;
        return error.with_detail(format!(
            "nothing was stored, and waiting does not help: make it smaller, or ask an \
             administrator to raise {}",
            exceeded.key
        ));
    }
    match exceeded.frees_in {
        Some(wait) => error
            .with_retry_after(wait)
            .with_detail("nothing was stored"),
        None => error.with_detail(
            "nothing was stored; wait until some are posted, or cancel some (`comenq status` \
             shows your use)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use comenq_proto::JobId;

    use super::*;

    #[test]
    fn what_may_succeed_later_is_marked_so() {
        let id = JobId::new(7).unwrap();
        let unavailable = to_wire(&QueueError::Unavailable("locked".into()));
        assert_eq!(unavailable.code, ErrorCode::StoreUnavailable);
        assert!(unavailable.retryable && unavailable.message.contains("locked"));
        assert!(to_wire(&QueueError::Commit("EIO".into())).retryable);
        assert!(to_wire(&QueueError::Busy(id)).retryable);
        let state = QueueError::WrongState {
            id,
            state: "posted",
        };
        assert!(!to_wire(&state).retryable);
        assert_eq!(
            to_wire(&QueueError::NoSuchJob(id)).code,
            ErrorCode::NoSuchJob
        );
    }
}
