//! Who may do what.
//!
//! Decides a peer's role; the least role of each endpoint, and which of them change something, say
//! the protocol's table of endpoints. Called by [`super`] before a request's body is looked at, and
//! by the verbs for whose job it is.

use comenq_proto::{ENDPOINTS, Effect, Endpoint, ErrorCode, Role, WireError};

use crate::groups::Groups;
use crate::policy::Access;
use crate::queue::Job;
use crate::server::Peer;

/// Who asks, and what they may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caller {
    /// The user.
    pub(super) uid: u32,
    /// What that user may do, for the whole of one request.
    pub(super) role: Role,
}

/// The role of a peer. Where everybody may connect, only the operators' group may post; else the
/// socket lets in its owner and its group alone, so whoever got here is an operator. What the name
/// service cannot tell makes nobody more than they are without it.
///
/// Cancel-safe.
pub(super) async fn role(peer: &Peer, own_uid: u32, access: &Access, groups: &Groups) -> Role {
    if peer.uid == 0 || peer.uid == own_uid {
        return Role::Admin;
    }
    if is_member(peer, access.admin_group, groups).await {
        return Role::Admin;
    }
    if !access.public_status || is_member(peer, access.operator_group, groups).await {
        return Role::Operator;
    }
    Role::ReadOnly
}

/// Whether a peer is in a group: by the group that the kernel names, or by the name service's word.
async fn is_member(peer: &Peer, group: Option<u32>, groups: &Groups) -> bool {
    match group {
        None => false,
        Some(gid) => peer.gid == gid || groups.contain(gid, peer.uid).await,
    }
}

/// Whether `role` may call `endpoint`.
pub(super) fn check(role: Role, endpoint: &str, access: &Access) -> Result<(), WireError> {
    let Some(Endpoint {
        name,
        least_role: least,
        effect,
        ..
    }) = Endpoint::named(endpoint)
    else {
        return Err(unknown_endpoint());
    };
    if rank(role) < rank(*least) {
        let text = format!("{name} needs the role {least}, and yours is {role}");
        let advice = match least {
            Role::Admin => "ask an administrator to do it",
            _ => {
                "ask an administrator to add you to the group whose members may post (comenq, \
                 unless configured otherwise), then log in again"
            }
        };
        return Err(WireError::new(ErrorCode::NotAllowed, text).with_detail(advice));
    }
    if *effect == Effect::Dangerous && !access.allow_dangerous {
        let text = format!("{name} is dangerous, and the configuration does not allow it");
        return Err(
            WireError::new(ErrorCode::DangerousDisabled, text).with_detail(
                "set allow_dangerous = true in the daemon's configuration, then run `systemctl \
                 reload comenqd` (systemctl --user if it is your own)",
            ),
        );
    }
    Ok(())
}

/// Whether each request to `endpoint` leaves a line in the log.
pub(super) fn is_audited(endpoint: &str) -> bool {
    Endpoint::named(endpoint).is_some_and(|it| it.effect != Effect::Tells)
}

/// The name of an endpoint that there is.
pub(super) fn known(endpoint: &str) -> Option<&'static str> {
    Endpoint::named(endpoint).map(|it| it.name)
}

/// The refusal of an endpoint that is not in the table.
pub(super) fn unknown_endpoint() -> WireError {
    let known = ENDPOINTS.map(|it| it.name).join(", ");
    WireError::new(ErrorCode::UnknownEndpoint, "there is no such endpoint").with_detail(format!(
        "this daemon knows {known}; a newer one may know more"
    ))
}

/// Whether a peer may see all of a job, its body and errors too, and change it.
pub(super) fn owns(caller: Caller, job: &Job) -> bool {
    caller.role == Role::Admin || caller.uid == job.uid
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
mod tests;
