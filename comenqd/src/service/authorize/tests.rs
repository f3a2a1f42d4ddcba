use std::io;
use std::sync::Arc;

use super::*;
use crate::clock::Clock;
use crate::groups::Lookup;

const OWN: u32 = 100;
const ADMINS: u32 = 4;
const OPERATORS: u32 = 5;

fn groups(answer: fn(u32) -> io::Result<Vec<u32>>) -> Groups {
    let lookup: Lookup = Arc::new(answer);
    Groups::new(lookup, Arc::new(Clock::system()))
}

/// 1001 is in both groups, 1002 posts, 1003 is in none; of 1004 nobody knows.
fn known(uid: u32) -> io::Result<Vec<u32>> {
    match uid {
        1001 => Ok(vec![1001, ADMINS, OPERATORS]),
        1002 => Ok(vec![1002, OPERATORS]),
        1004 => Err(io::Error::other("no directory")),
        _ => Ok(vec![uid]),
    }
}

async fn role_of(uid: u32, gid: u32, access: Access) -> Role {
    let peer = Peer { uid, gid, pid: 1 };
    role(&peer, OWN, &access, &groups(known)).await
}

const PUBLIC: Access = Access {
    admin_group: Some(ADMINS),
    operator_group: Some(OPERATORS),
    public_status: true,
    allow_dangerous: false,
};

#[tokio::test]
async fn without_groups_the_socket_alone_decides_who_is_an_operator() {
    for (uid, expected) in [
        (0, Role::Admin),
        (OWN, Role::Admin),
        (1001, Role::Operator),
        (1003, Role::Operator),
        (1004, Role::Operator),
    ] {
        assert_eq!(role_of(uid, 7, Access::default()).await, expected, "{uid}");
    }
}

#[tokio::test]
async fn nobody_is_asked_where_no_group_matters() {
    let never = groups(|_| Err(io::Error::other("asked")));
    let peer = |uid| Peer {
        uid,
        gid: 7,
        pid: 1,
    };
    let access = Access::default();
    assert_eq!(
        role(&peer(1000), OWN, &access, &never).await,
        Role::Operator
    );
    assert_eq!(role(&peer(0), OWN, &PUBLIC, &never).await, Role::Admin);
    assert!(never.is_untouched());
}

#[tokio::test]
async fn the_admin_group_makes_admins() {
    let access = Access {
        admin_group: Some(ADMINS),
        ..Access::default()
    };
    assert_eq!(role_of(1001, 1001, access).await, Role::Admin);
    assert_eq!(role_of(1002, 1002, access).await, Role::Operator);
    assert_eq!(
        role_of(1003, ADMINS, access).await,
        Role::Admin,
        "the kernel says so"
    );
}

#[tokio::test]
async fn in_public_only_the_operators_group_may_post() {
    for (uid, gid, expected) in [
        (0, 0, Role::Admin),
        (1001, 1001, Role::Admin),
        (1002, 1002, Role::Operator),
        (1003, 1003, Role::ReadOnly),
        (1003, OPERATORS, Role::Operator),
        (1004, 1004, Role::ReadOnly),
    ] {
        assert_eq!(role_of(uid, gid, PUBLIC).await, expected, "{uid} {gid}");
    }
}

#[test]
fn each_endpoint_has_its_least_role() {
    let access = Access::default();
    let code = |role, endpoint| check(role, endpoint, &access).map_err(|error| error.code);
    assert_eq!(code(Role::ReadOnly, "job_list"), Ok(()));
    assert_eq!(
        code(Role::ReadOnly, "job_submit"),
        Err(ErrorCode::NotAllowed)
    );
    assert_eq!(code(Role::Operator, "job_submit"), Ok(()));
    assert_eq!(
        code(Role::Operator, "queue_pause"),
        Err(ErrorCode::NotAllowed)
    );
    assert_eq!(code(Role::Unknown, "ping"), Err(ErrorCode::NotAllowed));
    assert_eq!(
        code(Role::Admin, "job_fly"),
        Err(ErrorCode::UnknownEndpoint)
    );
}

#[test]
fn what_is_dangerous_needs_the_configurations_word_and_an_admin() {
    for endpoint in ["post_now", "job_purge"] {
        let code = |role, allow_dangerous| {
            let access = Access {
                allow_dangerous,
                ..Access::default()
            };
            check(role, endpoint, &access).map_err(|error| error.code)
        };
        assert_eq!(code(Role::Operator, true), Err(ErrorCode::NotAllowed));
        assert_eq!(code(Role::Operator, false), Err(ErrorCode::NotAllowed));
        assert_eq!(code(Role::Admin, false), Err(ErrorCode::DangerousDisabled));
        assert_eq!(code(Role::Admin, true), Ok(()));
    }
    let refused = check(Role::Admin, "job_purge", &Access::default()).unwrap_err();
    assert!(refused.detail.unwrap().contains("allow_dangerous = true"));
}

#[test]
fn only_what_changes_something_is_audited() {
    for endpoint in ["job_submit", "job_cancel", "job_purge", "queue_drain"] {
        assert!(is_audited(endpoint), "{endpoint}");
    }
    for endpoint in [
        "ping",
        "status",
        "job_get",
        "job_list",
        "store_export",
        "no_such",
    ] {
        assert!(!is_audited(endpoint), "{endpoint}");
    }
}
