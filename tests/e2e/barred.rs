//! Owners that bar the account (single sign-on, a list of addresses, blocked access): their jobs
//! wait, with the address that mends it, and nobody else's do.

use comenq_proto::JobState;
use harness::daemon::Daemon;
use harness::github::{GithubStandin, Kind, Refusal, Scope};
use harness::wait;

use crate::world::{
    ISSUE, SOON, arrived, assert_posted_once, assert_quiet, bodies, posts, with_default_waits,
    world_with,
};

const FREE: &str = "acme/site#1";
const SSO: &str = "https://github.com/orgs/octo/sso";

fn saml() -> Refusal {
    Refusal::Saml {
        organization: "octo".to_owned(),
    }
}

fn octo() -> Scope {
    Scope::Owner("octo".to_owned())
}

/// `octo` bars the account for as long as the test does not lift it; `acme` does not.
fn barred(refusal: Refusal, waits: bool) -> (GithubStandin, Daemon, u64) {
    let (standin, daemon) = world_with(|setup| {
        if waits {
            with_default_waits(setup)
        } else {
            setup
        }
    });
    standin.add_issue(FREE, false).unwrap();
    standin.refuse(octo(), refusal);
    let id = daemon.submit(ISSUE, "behind the wall").job.id;
    arrived(&standin, Kind::Post, 1);
    wait::until("the owner to be named", SOON, || {
        (!daemon.status().lanes[0].owners.is_empty()).then_some(())
    });
    (standin, daemon, id)
}

#[test]
fn only_that_owners_jobs_wait() {
    for refusal in [
        saml(),
        Refusal::AccessBlocked,
        Refusal::IpAllowList {
            organization: "octo".to_owned(),
        },
    ] {
        let (standin, daemon, id) = barred(refusal.clone(), true);
        let same = daemon.submit("octo/demo#2", "also behind it").job.id;
        let free = daemon.submit(FREE, "outside").job.id;
        let job = daemon.wait_posted(free);
        assert_posted_once(&standin, &job, "outside");
        let lane = daemon.status().lanes.remove(0);
        assert_eq!(lane.owners[0].owner, "octo", "{refusal:?}");
        assert!(!lane.owners[0].reason.is_empty());
        assert!(!["limited", "blocked"].contains(&&*lane.phase), "{lane:?}");
        for id in [id, same] {
            let job = daemon.job(id);
            assert_eq!((job.state, job.attempts), (JobState::Queued, 0), "{job:?}");
        }
        assert_eq!(posts(&standin).len(), 2, "one POST met the wall");
    }
}

#[test]
fn the_address_that_mends_it_is_shown() {
    let (_standin, daemon, id) = barred(saml(), true);
    let owner = daemon.status().lanes.remove(0).owners.remove(0);
    assert!(owner.url.unwrap().starts_with(SSO));
    assert!(owner.next_try_at_ms.is_some());
    let status = daemon.cli(&["status"]).ok().stdout;
    assert!(status.contains("octo") && status.contains(SSO), "{status}");
    let show = daemon.cli(&["show", &id.to_string()]).ok().stdout;
    assert!(
        show.contains("waits for: octo") && show.contains(SSO),
        "{show}"
    );
    assert!(daemon.log().contains("is barred by octo"));
}

#[test]
fn after_the_wait_one_job_tries_again() {
    let (standin, daemon, id) = barred(saml(), false);
    standin.allow(&octo());
    let job = daemon.wait_posted(id);
    assert_posted_once(&standin, &job, "behind the wall");
    wait::until("the owner to be forgotten", SOON, || {
        daemon.status().lanes[0].owners.is_empty().then_some(())
    });
}

#[test]
fn while_it_lasts_the_tries_come_at_growing_distances() {
    let (standin, _daemon, _) = barred(saml(), false);
    let tries = arrived(&standin, Kind::Post, 3);
    let gaps: Vec<_> = tries
        .windows(2)
        .map(|pair| pair[1].at.duration_since(pair[0].at))
        .collect();
    assert!(gaps.iter().all(|gap| gap.as_millis() >= 990), "{gaps:?}");
    assert!(gaps[1].as_millis() >= 1_990, "{gaps:?}");
}

#[test]
fn somebody_who_mended_it_need_not_wait() {
    let (standin, daemon, id) = barred(saml(), true);
    standin.allow(&octo());
    assert_quiet(&standin);
    let done = daemon.cli(&["resume", "default"]).ok();
    assert!(!done.stdout.is_empty());
    let job = daemon.wait_posted(id);
    assert_posted_once(&standin, &job, "behind the wall");
}

#[test]
fn it_is_remembered_over_a_restart() {
    let (standin, mut daemon, id) = barred(saml(), true);
    daemon.kill9();
    daemon.start_again();
    let free = daemon.submit(FREE, "outside").job.id;
    daemon.wait_posted(free);
    assert_eq!(bodies(&standin), ["outside"]);
    assert_eq!(daemon.job(id).state, JobState::Queued);
    assert_eq!(posts(&standin).len(), 2);
    let owner = daemon.status().lanes.remove(0).owners.remove(0);
    assert!(owner.url.unwrap().starts_with(SSO));
}
