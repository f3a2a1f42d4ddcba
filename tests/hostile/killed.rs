//! Clients that die before they have read their answer. The same key afterwards tells what became
//! of it, and queues nothing twice.

use std::time::Duration;

use comenq_proto::JobList;
use harness::daemon::{Daemon, submission};

use crate::arena::{setup, standin};

const ISSUE: &str = "octo/demo#1";

fn jobs(daemon: &Daemon) -> usize {
    let list = daemon.connect().call(&JobList::default()).unwrap();
    list.unwrap().jobs.len()
}

#[test]
fn a_client_that_died_between_submission_and_reply() {
    let standin = standin();
    let daemon = setup(&standin).start();
    let request = submission(ISSUE, "said with the last breath", Some("k"));
    let mut client = daemon.connect();
    // Nothing is answered before the client is gone.
    daemon.freeze();
    client.send(&request).unwrap();
    drop(client);
    daemon.thaw();
    let again = daemon.connect().call(&request).unwrap().unwrap();
    assert!(again.duplicate, "it was taken, though nobody waited for it");
    assert_eq!((again.job.id, jobs(&daemon)), (1, 1));
}

#[test]
fn clients_that_are_killed_at_any_moment() {
    let standin = standin();
    let daemon = setup(&standin).start();
    for number in 0..20_u64 {
        let key = format!("k{number}");
        let words = ["post", "--json", "--key", &key, ISSUE, &key];
        let client = daemon.cli(&words).spawn();
        // From before it connects to after it has printed.
        std::thread::sleep(Duration::from_micros(700 * number));
        client.kill();
        let told = daemon.cli(&words).ok().json();
        assert_eq!(told["job"]["id"], number + 1, "{told}");
    }
    assert_eq!(jobs(&daemon), 20);
}
