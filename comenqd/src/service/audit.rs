//! What the log says of a request that was to change something.
//!
//! Decides that each leaves one line at `info`, refused or not, and that a refusal names its job.
//! Called by [`super`] with the answer; the server writes the line. Never quotes a body.

use comenq_proto::from_slice;
use serde::Deserialize;

use crate::server::Reply;

/// What all requests about one job have in common.
#[derive(Debug, Default, Deserialize)]
struct About {
    #[serde(default)]
    id: Option<u64>,
}

/// The answer with all that its line needs.
pub(super) fn complete(reply: Reply, body: &[u8]) -> Reply {
    let job_id = reply.job_id.or_else(|| match reply.result {
        Ok(_) => None,
        // Read once more, for nothing else is known of a refused request.
        Err(_) => from_slice::<About>(body).ok()?.id,
    });
    Reply {
        job_id,
        audited: true,
        ..reply
    }
}

#[cfg(test)]
mod tests {
    use comenq_proto::{ErrorCode, JobHold, JobSubmit, WireError, to_bytes};

    use super::*;

    fn refused() -> Reply {
        Reply::refused(WireError::new(ErrorCode::NotAllowed, "no"))
    }

    #[test]
    fn a_refusal_names_its_job() {
        let body = to_bytes(&JobHold { id: 7 }).unwrap();
        assert_eq!(complete(refused(), &body).job_id, Some(7));
        assert!(complete(refused(), &body).audited);
        let none = to_bytes(&JobSubmit::default()).unwrap();
        assert_eq!(complete(refused(), &none).job_id, None);
        assert_eq!(complete(refused(), b"\xff").job_id, None);
        assert_eq!(complete(refused(), b"\xa1\x62id\x61x").job_id, None);
    }
}
