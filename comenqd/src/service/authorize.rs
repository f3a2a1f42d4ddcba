//! Who may do what.
//!
//! Decides a peer's role and the least role of each endpoint: the one table of it in the code,
//! the other is in PROTOCOL.md. Called by [`super`] before a request's body is looked at, and by
//! the verbs for whose job it is.

use comenq_proto::{
    AccountResume, ErrorCode, Health, JobBump, JobCancel, JobEdit, JobGet, JobHold, JobList,
    JobRelease, JobRetry, JobRetryFailed, JobSubmit, JobSubmitBatch, Metrics, Ping, Request as _,
    Role, Status, StoreExport, Subscribe, WireError,
};

use crate::queue::Job;
use crate::server::Peer;

/// The least role that may call each endpoint.
const LEAST_ROLE: [(&str, Role); 18] = [
    (Ping::ENDPOINT, Role::ReadOnly),
    (Status::ENDPOINT, Role::ReadOnly),
    (JobGet::ENDPOINT, Role::ReadOnly),
    (JobList::ENDPOINT, Role::ReadOnly),
    (Subscribe::ENDPOINT, Role::ReadOnly),
    (Health::ENDPOINT, Role::ReadOnly),
    (Metrics::ENDPOINT, Role::ReadOnly),
    (JobSubmit::ENDPOINT, Role::Operator),
    (JobSubmitBatch::ENDPOINT, Role::Operator),
    (JobCancel::ENDPOINT, Role::Operator),
    (JobEdit::ENDPOINT, Role::Operator),
    (JobHold::ENDPOINT, Role::Operator),
    (JobRelease::ENDPOINT, Role::Operator),
    (JobRetry::ENDPOINT, Role::Operator),
    (JobRetryFailed::ENDPOINT, Role::Operator),
    (JobBump::ENDPOINT, Role::Operator),
    (AccountResume::ENDPOINT, Role::Admin),
    (StoreExport::ENDPOINT, Role::Admin),
];

/// The role of a peer. The socket lets in its owner and its group alone, so whoever got here and
/// is not an admin is an operator.
pub(super) fn role(peer: &Peer, own_uid: u32) -> Role {
    if peer.uid == 0 || peer.uid == own_uid {
        Role::Admin
    } else {
        Role::Operator
    }
}

/// Whether `role` may call `endpoint`.
pub(super) fn check(role: Role, endpoint: &str) -> Result<(), WireError> {
    let Some((name, least)) = LEAST_ROLE.iter().find(|(name, _)| *name == endpoint) else {
        let known = LEAST_ROLE.map(|(name, _)| name).join(", ");
        return Err(
            WireError::new(ErrorCode::UnknownEndpoint, "there is no such endpoint").with_detail(
                format!("this daemon knows {known}; a newer one may know more"),
            ),
        );
    };
    if rank(role) >= rank(*least) {
        return Ok(());
    }
    let text = format!("{name} needs the role {least}, and yours is {role}");
    let advice = match least {
        Role::Admin => "ask an administrator to do it",
        _ => "ask an administrator to add you to the group comenq, then log in again",
    };
    Err(WireError::new(ErrorCode::NotAllowed, text).with_detail(advice))
}

/// The name of an endpoint that there is.
pub(super) fn known(endpoint: &str) -> Option<&'static str> {
    let found = LEAST_ROLE.iter().find(|(name, _)| *name == endpoint);
    found.map(|(name, _)| *name)
}

/// The refusal of an endpoint that is not in the table.
pub(super) fn unknown_endpoint() -> WireError {
    let known = LEAST_ROLE.map(|(name, _)| name).join(", ");
    WireError::new(ErrorCode::UnknownEndpoint, "there is no such endpoint").with_detail(format!(
        "this daemon knows {known}; a newer one may know more"
    ))
}

/// Whether a peer may see all of a job, its body and errors too, and change it.
pub(super) fn owns(peer: &Peer, role: Role, job: &Job) -> bool {
    role == Role::Admin || peer.uid == job.uid
}

fn rank(role: Role) -> u8 {
    match role {
        Role::Admin => 3,
        Role::Operator => 2,
        Role::ReadOnly => 1,
        Role::Unknown => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(uid: u32) -> Peer {
        Peer {
            uid,
            gid: 5,
            pid: 1,
        }
    }

    #[test]
    fn root_and_the_daemons_own_user_are_admins() {
        assert_eq!(role(&peer(0), 100), Role::Admin);
        assert_eq!(role(&peer(100), 100), Role::Admin);
        assert_eq!(role(&peer(1000), 100), Role::Operator);
    }

    #[test]
    fn each_endpoint_has_its_least_role() {
        let code = |role, endpoint| check(role, endpoint).map_err(|error| error.code);
        for looking in ["job_list", "subscribe", "health", "metrics"] {
            assert_eq!(code(Role::ReadOnly, looking), Ok(()));
        }
        assert_eq!(
            code(Role::ReadOnly, "job_submit"),
            Err(ErrorCode::NotAllowed)
        );
        assert_eq!(code(Role::Operator, "job_submit"), Ok(()));
        assert_eq!(code(Role::Unknown, "ping"), Err(ErrorCode::NotAllowed));
        assert_eq!(
            code(Role::Admin, "job_purge"),
            Err(ErrorCode::UnknownEndpoint)
        );
    }
}
