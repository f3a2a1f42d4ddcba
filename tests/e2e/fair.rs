//! The worked example of whose turn it is: one user's pile does not keep another waiting.

use harness::daemon::Daemon;
use harness::needs;
use serde_json::json;

use crate::world::{ANN, BEN, OTHER, arrived, bodies, world_with};

fn pile(daemon: &Daemon, uid: u32, jobs: usize) {
    let lines: String = (1..=jobs)
        .map(|number| {
            let target = format!("octo/demo#{}", 3 + number % 5);
            json!({"target": target, "body": format!("{uid} {number}")}).to_string() + "\n"
        })
        .collect();
    let words = ["post", "--batch", "-"];
    harness::cli::Cli::as_user(&daemon.socket(), &words, uid, 0)
        .stdin(lines)
        .ok();
}

#[test]
fn two_jobs_behind_five_hundred_go_out_second_and_fourth() {
    if !needs::root() {
        return;
    }
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 2));
    daemon.wait_posted(daemon.submit(OTHER, "first").job.id);
    pile(&daemon, ANN, 500);
    pile(&daemon, BEN, 2);
    arrived(&standin, harness::github::Kind::Post, 6);
    daemon.wait_posted(503);
    let bodies = bodies(&standin);
    let place = |text: String| bodies.iter().position(|body| *body == text).unwrap();
    // The first is nobody's of these two.
    assert!(place(format!("{BEN} 1")) <= 2, "{bodies:?}");
    assert!(place(format!("{BEN} 2")) <= 4, "{bodies:?}");
    assert!(bodies.contains(&format!("{ANN} 1")));
}
